/* SPDX-License-Identifier: MIT */
/*
 * A counting semaphore for threads and processes, of 16 bytes: take and give
 * any number of units, or wait until there are none.
 *
 * Use it where whoever holds units need not be asked to give them back: to
 * count what was produced, to wake a thread from a signal handler, to share
 * places among processes that end together. Do not use it where a holder may
 * be killed and its units are to come back: robust_sem.h.
 *
 *	struct slip_sem *s;			zero bytes: no units
 *
 *	slip_sem_post(s, 3);
 *	rc = slip_sem_acquire(s, 2);		blocks while there are fewer
 *	rc = slip_sem_acquire_try(s, 1);	-EAGAIN instead
 *	rc = slip_sem_wait_zero(s);		blocks while there are any
 *
 * Shape: 16 bytes in memory that all map, at any address; zero bytes are a
 * semaphore of value 0.
 *
 *	+0	word	value 0..30, broad 31
 *	+4	0
 *	+8	event	sleepers (event.h, mode RMW)
 *
 *	word			acquire(n)	post(n)		wait_zero
 *	value >= n		-> value - n	-> value + n	waits; 0 at 0
 *	value < n		waits; -EAGAIN	-> value + n	as above
 *	value + n > MAX		-> value - n	-EOVERFLOW	waits
 *	broad, to value 0	-> not broad;	-		-
 *				wakes all
 *	broad, post		-		-> not broad;	-
 *						wakes all
 *
 * Whom a post wakes. One unit serves one sleeper that wants one, and if all
 * sleepers are such, any will do: one is woken. Else one would not do: it might
 * want more than there is, and take the wake-up of one who wants less with it.
 * So a post of several wakes all, and who wants several, or none to be there,
 * says so before it sleeps, by the bit `broad`; the post that takes the bit
 * away wakes all, and those who go to sleep again set it again. It is looked
 * for, and set, after the sleeper has announced itself to the event, so who
 * takes it away after that sees that somebody is there. One who sets it when
 * the post has been made may still get in the way of the wake-up for one: so a
 * poster looks for the bit once more afterwards. acquire looks at it only where
 * it leaves nothing, which is what wait_zero waits for. Nothing but a spare
 * wake-up comes of a bit that is left by somebody who no longer waits, dead or
 * alive.
 *
 * Concurrency: any thread, any time, any operation. acquire and wait_zero
 * block. The others are lock-free but for the system call that wakes, and
 * async-signal-safe, post above all. No order is promised among those that
 * wait, and one that wants many may starve beside many that want few. wait_zero
 * may miss a moment without units that is over before it looks.
 *
 * Order: what was done before a post is visible after the acquire that it
 * serves, and after any later one; what was done before the acquire that took
 * the last unit is visible after wait_zero.
 *
 * Death. Units that a dead process has had are gone. A poster that dies between
 * its swap and its wake-up, and a sleeper that dies with a wake-up, cost the
 * others SLIP_LONG_SLICE_NS at most: they look by themselves after that long.
 *
 * Damage: whoever can write the memory can make and lose units, nothing else;
 * every word is a valid one.
 *
 * Source: the semaphore of POSIX, weighted, with a wait for zero as System V
 * has it; the sleepers in an event count (event.h).
 */
#ifndef SLIP_FUTEX_SEM_H
#define SLIP_FUTEX_SEM_H

#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_SEM_MAX	UINT32_C(0x7fffffff) /* units at one time */
#define SLIP_SEM_BROAD_ UINT32_C(0x80000000)

struct slip_sem {
	slip_a32 word;
	uint32_t reserved;
	struct slip_event event;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_sem) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_sem, event) == 8, "layout");

/* One who waits for `n` units. */
struct slip_sem_want_ {
	struct slip_sem *sem;
	uint32_t n;
};

/*
 * Make `s` (4-byte aligned, of any content, used by nobody) a semaphore with
 * `value` units. 0; -EOVERFLOW: above SLIP_SEM_MAX.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_sem_init(struct slip_sem *s,
					      uint32_t value)
{
	if (value > SLIP_SEM_MAX)
		return -EOVERFLOW;
	__builtin_memset(s, 0, sizeof(*s));
	/* init */
	slip_a32_store_relaxed(&s->word, value);
	return 0;
}

/* How many units there were a moment ago. */
SLIP_CORE uint32_t slip_sem_value(const struct slip_sem *s)
{
	/* stat */
	return slip_a32_load_relaxed(&s->word) & SLIP_SEM_MAX;
}

/* Wake after a post. `all`: one would not do. */
SLIP_COLD void slip_sem_wake_(struct slip_sem *s, bool all)
{
	if (!all)
		slip_event_wake_one_slow_(&s->event);
	/* hint: if one that set the bit after our swap had the wake-up, the bit
	 * was there before it slept, so it is seen after the call (EVENT-H4);
	 * or somebody has taken it away, and wakes all */
	if (all || slip_a32_load_relaxed(&s->word) & SLIP_SEM_BROAD_)
		slip_event_wake_slow_(&s->event);
}

/*
 * Give `n` units, had before or not, and wake whom they may serve. 0, or
 * -EOVERFLOW: it would be more than SLIP_SEM_MAX. Async-signal-safe; leaves
 * errno alone.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_sem_post(struct slip_sem *s, uint32_t n)
{
	/* hint: the swap is by what was seen */
	uint32_t seen = slip_a32_load_relaxed(&s->word);
	uint32_t value;
	bool done;

	do {
		value = seen & SLIP_SEM_MAX;
		if (SLIP_UNLIKELY(n > SLIP_SEM_MAX - value))
			return -EOVERFLOW;
		/* SEM-R1 poster: what was done before is there. Pairs:
		 * slip_sem_take_. Else: who takes the unit reads what it
		 * stands for as it was before. */
		done = slip_a32_cas_release(&s->word, &seen, value + n);
	} while (!done);
	if (SLIP_UNLIKELY(slip_event_look_(&s->event, SLIP_EVENT_RMW) &
			  SLIP_EVENT_W_))
		slip_sem_wake_(s, n > 1 || seen & SLIP_SEM_BROAD_);
	return 0;
}

/* Take `n` units if there are so many; else `seen` is the word that has not. */
SLIP_CORE bool slip_sem_take_(struct slip_sem *s, uint32_t n, uint32_t *seen)
{
	uint32_t next;
	bool done;

	/* hint: the swap is by what was seen */
	*seen = slip_a32_load_relaxed(&s->word);
	do {
		if ((*seen & SLIP_SEM_MAX) < n)
			return false;
		next = *seen - n;
		if (SLIP_UNLIKELY(next == SLIP_SEM_BROAD_))
			next = 0;
		/* SEM-A1, SEM-R2 taker: what all posts so far have brought is
		 * there; and what it did before, for who waits for zero. Pairs:
		 * slip_sem_post (R1), slip_sem_zero_ (A2). Else: what a unit
		 * stands for is read as it was before. */
		done = slip_a32_cas_acqrel(&s->word, seen, next);
	} while (!done);
	if (SLIP_UNLIKELY(*seen - n == SLIP_SEM_BROAD_))
		slip_event_notify(&s->event, SLIP_EVENT_RMW);
	return true;
}

/* See slip_ready_fn. */
SLIP_INLINE int slip_sem_ready_(void *handle, bool ask)
{
	struct slip_sem_want_ *want =
		SLIP_CAST(struct slip_sem_want_ *, handle);
	uint32_t seen;

	(void)ask;
	do {
		if (slip_sem_take_(want->sem, want->n, &seen))
			return 1;
		if (want->n == 1 || seen & SLIP_SEM_BROAD_)
			return 0;
		/* hint: the post that reads it looks at the event, EVENT-H3 */
	} while (!slip_a32_cas_relaxed(&want->sem->word, &seen,
				       seen | SLIP_SEM_BROAD_));
	return 0;
}

/* No units? Else say that somebody waits for that. */
SLIP_INLINE int slip_sem_zero_(void *handle, bool ask)
{
	struct slip_sem *s = SLIP_CAST(struct slip_sem *, handle);
	uint32_t seen;

	(void)ask;
	do {
		/* SEM-A2 waiter: what was done before the last unit was taken.
		 * Pairs: slip_sem_take_. Else: as there. */
		seen = slip_a32_load_acquire(&s->word);
		if ((seen & SLIP_SEM_MAX) == 0)
			return 1;
		if (seen & SLIP_SEM_BROAD_)
			return 0;
		/* hint: the taker that reads it looks at the event, EVENT-H3 */
	} while (
		!slip_a32_cas_relaxed(&s->word, &seen, seen | SLIP_SEM_BROAD_));
	return 0;
}

SLIP_COLD SLIP_MUST_CHECK int slip_sem_wait_(struct slip_sem *s,
					     slip_ready_fn ready, void *handle,
					     uint64_t deadline_ns)
{
	struct slip_waiter w;

	slip_waiter_init_(&w, &s->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS);
	return slip_waiter_until_(&w, ready, handle, deadline_ns);
}

SLIP_COLD SLIP_MUST_CHECK int
slip_sem_acquire_slow_(struct slip_sem *s, uint32_t n, uint64_t deadline_ns)
{
	struct slip_sem_want_ want;

	if (n > SLIP_SEM_MAX)
		return -EINVAL;
	want.sem = s;
	want.n = n;
	return slip_sem_wait_(s, slip_sem_ready_, &want, deadline_ns);
}

/* Take `n` units, all or none, if there are so many. 0; -EAGAIN: there are not;
 * -EINVAL: there never are. */
SLIP_CORE SLIP_MUST_CHECK int slip_sem_acquire_try(struct slip_sem *s,
						   uint32_t n)
{
	uint32_t seen;

	if (SLIP_LIKELY(slip_sem_take_(s, n, &seen)))
		return 0;
	return n > SLIP_SEM_MAX ? -EINVAL : -EAGAIN;
}

/*
 * Take `n` units, all or none; block until `deadline_ns` (absolute
 * CLOCK_MONOTONIC, SLIP_FOREVER: for ever) at most. 0; -ETIMEDOUT; -EINVAL:
 * more than SLIP_SEM_MAX; -EFAULT: the memory is gone.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_sem_acquire_until(struct slip_sem *s, uint32_t n, uint64_t deadline_ns)
{
	uint32_t seen;

	if (SLIP_LIKELY(slip_sem_take_(s, n, &seen)))
		return 0;
	return slip_sem_acquire_slow_(s, n, deadline_ns);
}

/* Take `n` units; block for as long as it takes. As acquire_until. */
SLIP_CORE SLIP_MUST_CHECK int slip_sem_acquire(struct slip_sem *s, uint32_t n)
{
	return slip_sem_acquire_until(s, n, SLIP_FOREVER);
}

/*
 * Block until there are no units, or until `deadline_ns`; one in the past: just
 * look. 0: there was such a moment; -ETIMEDOUT; -EFAULT: the memory is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_sem_wait_zero_until(struct slip_sem *s,
							 uint64_t deadline_ns)
{
	return slip_sem_wait_(s, slip_sem_zero_, s, deadline_ns);
}

/* Block until there are no units, for as long as it takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_sem_wait_zero(struct slip_sem *s)
{
	return slip_sem_wait_zero_until(s, SLIP_FOREVER);
}

#ifdef __cplusplus
}
#endif

#endif
