/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the first of several: rings, semaphores, flags, events, raw
 * words, in any mix and number.
 *
 * Use it in a thread that serves several of them and sleeps when all are quiet.
 * One alone has its own blocking verbs, which are cheaper; for a loop that
 * already sleeps in epoll there is bridge.h, for io_uring uring.h.
 *
 *	struct slip_source s[3];
 *	struct slip_waitset w;
 *
 *	slip_spsc_pop_source(&s[0], &orders);		ring/sources.h
 *	slip_sem_source(&s[1], &free_slots, 1);		futex/sources.h
 *	slip_word_source(&s[2], &stop, 0, SLIP_SHARED);
 *	rc = slip_waitset_init(&w, s, 3);
 *	while ((n = slip_waitset_wait(&w, SLIP_FOREVER)) > 0)
 *		for (i = 0; i < 3; i++)
 *			if (s[i].now)
 *				serve(i, s[i].now);
 *
 * A source is ready if its condition held when it was looked at. Looking takes
 * nothing: who serves it must be ready to find that another was quicker. `now`
 * is what it said: above 0, ready; below, an error that makes waiting for it
 * pointless, as -EPIPE, and counts as ready: drop it (slip_waitset_drop), or stop.
 *
 * Shape: private memory only; a set weighs 3 KiB, for what the kernel is told
 * (the stack is spared). State of the word that a source sleeps on:
 *
 *	source		word		sleeps while		woken by
 *	with event	event.h's	it is as announced	its publisher
 *	raw word	the caller's	it is `expected`	slip_word_change
 *
 * How. All conditions are looked at; if none holds, the sleep is announced at
 * every event (one membarrier serves all those that need one), all are looked at
 * again, and the thread sleeps on all words at once by futex_waitv (Linux
 * 5.16). Whatever ends the sleep, all are announced and looked at again. It is
 * event.h's handshake, several times: of each event, the set is one sleeper.
 *
 * More than SLIP_FUTEX_WAITV_MAX sources: 128 of them, others each time, are
 * slept on for SLIP_WAITSET_TURN_NS at most, after which all are looked at; so
 * what is not slept on is seen after that time. Such a set wakes up 1000 times
 * a second; two threads with half of it each sleep better. Where the kernel has
 * no futex_waitv, or a filter refuses it, the words are slept on one at a time
 * in the same way. A set of one never needs it.
 *
 * Slices. If one of the sources has somebody to ask about, or its wake-up may
 * die with another waiter or with who changed it, the set looks by itself after
 * the shortest of their slices (wait.h), by the clock, and tells the sources that
 * they may ask.
 *
 * Concurrency: a set belongs to one thread at a time, as do the handles behind
 * its sources, which nobody else uses meanwhile. Any number of sets may have
 * one event. wait blocks; it is not async-signal-safe, nor used by a fork child.
 * Those who are woken one at a time (a ring of many, an automatic flag) may be
 * woken for the set: a thread that is told of such a source and does not serve
 * it delays the others by a slice.
 *
 * Order: what was done before the publish, post, set or store that made a source
 * ready is visible after the operation that then takes it; of a raw word, after
 * wait returns.
 *
 * Death: who is killed in wait leaves nothing behind but W in some events, which
 * costs the next publisher of each one system call, or E (event.h), and a wake-up
 * that others wait a slice for. A publisher killed before it told is as for event.h:
 * sources that have slices find it after one, a raw word of several processes after
 * SLIP_LONG_SLICE_NS; and a partner's end is -EPIPE.
 *
 * Damage: every value of every word is a valid one.
 *
 * Errors of wait: -ETIMEDOUT; -ENOSYS, -EPERM, -ENOMEM: the kernel refuses
 * membarrier (ASYM), or has no memory. A word that cannot be slept on (-EFAULT:
 * its memory is gone) is an error of its source.
 *
 * Source: Linux's futex_waitv(2); the handshake is event.h's.
 */
#ifndef SLIP_FUTEX_WAITSET_H
#define SLIP_FUTEX_WAITSET_H

#include <string.h>

#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long those wait that cannot all be slept on at once. */
#define SLIP_WAITSET_TURN_NS UINT64_C(1000000)

struct slip_source;

/* Is it ready? As slip_ready_fn (wait.h), but nothing is taken. */
typedef int (*slip_source_fn)(const struct slip_source *s, bool ask);

/* One thing to wait for. Filled by a function that knows it; may be copied. */
struct slip_source {
	slip_source_fn ready; /* NULL: a raw word that leaves `expected` */
	void *handle;
	struct slip_event *event; /* NULL: `word` is slept on as it is */
	const slip_a32 *word;
	uint64_t slice_ns; /* as struct slip_waiter */
	uint32_t expected; /* as slept on; of an event, its key */
	uint32_t n;	   /* what `ready` compares with, if anything */
	unsigned mode;	   /* of the event */
	unsigned flags;	   /* SLIP_SHARED or SLIP_PRIVATE, of the word */
	int now;	   /* what it said last */
};

/* Private to one thread. */
struct slip_waitset {
	struct slip_source *sources;
	uint32_t n;
	uint32_t turn;	 /* the first that is slept on next */
	bool single;	 /* no futex_waitv: one at a time */
	uint64_t end_ns; /* of the slice */
	struct slip_spin spin;
	struct slip_futex_waiter words[SLIP_FUTEX_WAITV_MAX];
};

/* --- sources ---------------------------------------------------------------- */

/*
 * Any condition beside an event of that mode (SLIP_EVENT_ASYM, _FULL or _RMW,
 * as its publishers have it): `ready` says whether it holds. `slice_ns`:
 * SLIP_FOREVER if every publisher that is killed or stopped may be waited for,
 * else SLIP_SLICE_NS or SLIP_LONG_SLICE_NS. The caller may use `n`.
 */
SLIP_INLINE void slip_event_source(struct slip_source *s,
				   struct slip_event *event, unsigned mode,
				   uint64_t slice_ns, slip_source_fn ready,
				   void *handle)
{
	memset(s, 0, sizeof(*s));
	s->ready = ready;
	s->handle = handle;
	s->event = event;
	s->word = event ? &event->word : NULL;
	s->slice_ns = slice_ns;
	s->mode = mode;
	s->flags = SLIP_SHARED;
}

/* A word that is ready when it holds something else than `expected`; who
 * changes it wakes its sleepers: slip_word_change, or whatever fits, and
 * slip_futex_wake with the same flags. Between processes (SLIP_SHARED) it may be
 * killed in between, so the set looks by itself once in a while. */
SLIP_INLINE void slip_word_source(struct slip_source *s, const slip_a32 *word,
				  uint32_t expected, unsigned flags)
{
	memset(s, 0, sizeof(*s));
	s->word = word;
	s->slice_ns = flags & SLIP_PRIVATE ? SLIP_FOREVER : SLIP_LONG_SLICE_NS;
	s->expected = expected;
	s->flags = flags;
}

/* For the other side: change the word, and wake all who sleep on it. */
SLIP_INLINE void slip_word_change(slip_a32 *word, uint32_t value,
				  unsigned flags)
{
	/* WAITSET-R1 publisher: what was done before. Pairs: slip_source_look_.
	 * Else: who is told reads what was there before. */
	slip_a32_store_release(word, value);
	/* hint: the kernel orders it after the store, for who sleeps */
	(void)slip_futex_wake(word, INT32_MAX, flags);
}

SLIP_INLINE int slip_source_look_(const struct slip_source *s, bool ask)
{
	if (s->ready)
		return s->ready(s, ask);
	/* WAITSET-A1 waiter: what was done before the word was changed. Pairs:
	 * slip_word_change. Else: it serves what is not there yet. */
	return slip_a32_load_acquire(s->word) != s->expected;
}

/* Can that be slept on? */
SLIP_INLINE bool slip_source_sane_(const struct slip_source *s)
{
	if (!s->word || SLIP_RECAST(uintptr_t, s->word) % 4 ||
	    (s->flags & ~SLIP_PRIVATE))
		return false;
	if (!s->event)
		return true;
	return s->ready && s->mode >= SLIP_EVENT_ASYM &&
	       s->mode <= SLIP_EVENT_RMW;
}

/* --- waiting ---------------------------------------------------------------- */

/*
 * A set of `n` sources, which stay where they are. 0; -EINVAL: a set of none, or
 * a source whose word is NULL (as that of a ring's handle that never attached)
 * or not 4-byte aligned, or that has no such flags or mode.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_waitset_init(struct slip_waitset *w,
						  struct slip_source *sources,
						  uint32_t n)
{
	w->sources = sources;
	w->n = 0;
	w->turn = 0;
	w->single = false;
	w->end_ns = 0;
	slip_spin_init(&w->spin);
	for (uint32_t i = 0; i < n; i++)
		if (!slip_source_sane_(&sources[i]))
			return -EINVAL;
	w->n = n;
	return n ? 0 : -EINVAL;
}

/* Source `i` has ended, or is no longer of interest: it is never ready again.
 * (Its place may be filled anew, as before init, with what init would take.) */
SLIP_INLINE void slip_waitset_drop(struct slip_waitset *w, uint32_t i)
{
	static const slip_a32 never = { 0 };

	if (i < w->n)
		slip_word_source(&w->sources[i], &never, 0, SLIP_PRIVATE);
}

/* How many are ready. */
SLIP_INLINE int slip_waitset_look_(struct slip_waitset *w, bool ask)
{
	int ready = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		struct slip_source *s = &w->sources[i];

		s->now = slip_source_look_(s, ask);
		ready += s->now != 0;
	}
	return ready;
}

/* Has it an event whose publishers do nothing for us without a barrier? */
SLIP_INLINE bool slip_waitset_asym_(const struct slip_source *s)
{
	return s->event && s->mode == SLIP_EVENT_ASYM &&
	       !(s->expected & SLIP_EVENT_EAGER_);
}

/* Say at every event that somebody is about to sleep. As slip_event_prepare, of
 * all at once. */
SLIP_INLINE SLIP_MUST_CHECK int slip_waitset_prepare_(struct slip_waitset *w)
{
	bool asym = false;
	bool rmw = false;
	int rc = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		struct slip_source *s = &w->sources[i];

		if (!s->event)
			continue;
		s->expected = slip_event_announce_(s->event);
		asym = asym || slip_waitset_asym_(s);
		rmw = rmw || s->mode == SLIP_EVENT_RMW;
	}
	if (asym)
		/* EVENT-H2 sleeper: as slip_event_prepare, and more than H3
		 * needs. Pairs: slip_event_look_. Else: as there. */
		rc = slip_fence_heavy();
	else if (rmw)
		/* EVENT-H3 sleeper: as slip_event_prepare. Pairs:
		 * slip_event_look_. Else: as there. */
		slip_fence_full();
	for (uint32_t i = 0; asym && !rc && i < w->n; i++)
		if (slip_waitset_asym_(&w->sources[i]))
			slip_event_spur_(w->sources[i].event,
					 &w->sources[i].expected);
	return rc;
}

/* Sleep on one word, another one each time. */
SLIP_INLINE SLIP_MUST_CHECK int slip_waitset_doze_one_(struct slip_waitset *w,
						       uint64_t until)
{
	const struct slip_source *s = &w->sources[w->turn];

	w->turn = w->turn + 1 < w->n ? w->turn + 1 : 0;
	/* hint: EVENT-H4, as slip_event_sleep: compared and asleep in one step */
	return slip_futex_wait(s->word, s->expected, until, s->flags);
}

/* Write down `n` of the words for the kernel, beginning with `turn`. */
SLIP_INLINE void slip_waitset_tell_(struct slip_waitset *w, uint32_t n)
{
	uint32_t i = w->turn;

	for (uint32_t k = 0; k < n; k++) {
		const struct slip_source *s = &w->sources[i];

		slip_futex_waiter_set(&w->words[k], s->word, s->expected,
				      s->flags);
		i = i + 1 < w->n ? i + 1 : 0;
	}
	w->turn = i;
}

/* Sleep on as many as the kernel takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_waitset_doze_(struct slip_waitset *w,
						   uint64_t until)
{
	uint32_t n = w->n < SLIP_FUTEX_WAITV_MAX ? w->n : SLIP_FUTEX_WAITV_MAX;

	if (w->n == 1 || w->single)
		return slip_waitset_doze_one_(w, until);
	slip_waitset_tell_(w, n);
	/* As slip_event_sleep: the kernel compares each word and queues for it
	 * before it looks at the next; if one has changed it sleeps on none. */
	return slip_futex_waitv(w->words, n, until);
}

/* Which words are to blame? That many are ready, with an error. `rc` if the
 * kernel has nothing to say against any of them by itself. */
SLIP_COLD int slip_waitset_blame_(struct slip_waitset *w, int rc)
{
	int bad = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		struct slip_source *s = &w->sources[i];
		/* hint: no sleep, as that is over before it begins */
		int why = slip_futex_wait(s->word, s->expected, 0, s->flags);

		s->now = 0;
		if (why == -EFAULT || why == -EINVAL) {
			s->now = why;
			bad++;
		}
	}
	return bad ? bad : rc;
}

/* Until when may it sleep? As long as it need not give others their turn. */
SLIP_INLINE uint64_t slip_waitset_until_(const struct slip_waitset *w,
					 uint64_t deadline_ns)
{
	uint64_t until = w->end_ns < deadline_ns ? w->end_ns : deadline_ns;
	uint64_t turn;

	if (w->n <= (w->single ? 1 : SLIP_FUTEX_WAITV_MAX))
		return until;
	turn = slip_after_ns(SLIP_WAITSET_TURN_NS);
	return turn < until ? turn : until;
}

/* A slice begins: the shortest that any source has by now. */
SLIP_INLINE void slip_waitset_slice_(struct slip_waitset *w)
{
	uint64_t slice_ns = SLIP_FOREVER;

	for (uint32_t i = 0; i < w->n; i++)
		if (w->sources[i].slice_ns < slice_ns)
			slice_ns = w->sources[i].slice_ns;
	w->end_ns = SLIP_FOREVER;
	if (slice_ns != SLIP_FOREVER)
		w->end_ns = slip_after_ns(slice_ns);
}

/* Sleep once, if none is ready. How many are, and `*rc`, `*ask` as
 * slip_waiter_sleep_ (wait.h) has them. */
SLIP_INLINE int slip_waitset_sleep_(struct slip_waitset *w,
				    uint64_t deadline_ns, bool *ask, int *rc)
{
	int ready;

	*rc = slip_waitset_prepare_(w);
	/* Also where one must not sleep: a wake-up may have been for us. */
	ready = slip_waitset_look_(w, *ask);
	if (ready || *rc)
		return ready;
	if (*ask)
		slip_waitset_slice_(w);
	*rc = slip_waitset_doze_(w, slip_waitset_until_(w, deadline_ns));
	if (*rc == -EFAULT || *rc == -EINVAL)
		return slip_waitset_blame_(w, *rc);
	/* hint: no promise that it is refused the next time */
	if ((*rc == -ENOSYS || *rc == -EPERM) && !w->single)
		w->single = true;
	else if (*rc < 0 && *rc != -EAGAIN && *rc != -EINTR &&
		 *rc != -ETIMEDOUT)
		return 0;
	*ask = slip_late_(w->end_ns);
	*rc = slip_late_(deadline_ns) ? -ETIMEDOUT : 0;
	return 0;
}

SLIP_INLINE int slip_waitset_spin_(struct slip_waitset *w)
{
	int ready = 0;

	if (!slip_spin_begin(&w->spin))
		return 0;
	while (ready == 0 && slip_spin_turn(&w->spin))
		ready = slip_waitset_look_(w, false);
	if (ready)
		slip_spin_hit(&w->spin);
	return ready;
}

/*
 * Block until one or more of the sources are ready, or until `deadline_ns`
 * (absolute CLOCK_MONOTONIC, SLIP_FOREVER for none; in the past: only look, and
 * ask who is dead). How many are ready, each with `now` set; or an error, see
 * above; -EINVAL: of a set that init refused.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_waitset_wait(struct slip_waitset *w,
						uint64_t deadline_ns)
{
	bool ask = false;
	int rc = w->n ? 0 : -EINVAL;
	int ready = slip_waitset_look_(w, false);

	if (ready == 0 && rc == 0 && slip_late_(deadline_ns))
		rc = -ETIMEDOUT;
	if (ready == 0 && rc == 0)
		ready = slip_waitset_spin_(w);
	slip_waitset_slice_(w);
	while (ready == 0 && rc == 0)
		ready = slip_waitset_sleep_(w, deadline_ns, &ask, &rc);
	/* Deadlines shorter than a slice must not hide a death. */
	if (ready == 0 && rc == -ETIMEDOUT)
		ready = slip_waitset_look_(w, true);
	return ready ? ready : rc;
}

#ifdef __cplusplus
}
#endif

#endif
