/* SPDX-License-Identifier: MIT */
/*
 * A condition variable of 16 bytes in shared memory, for slip_mutex,
 * slip_robust_mutex and slip_pi_mutex.
 *
 * Use it to wait until what a mutex protects has become such as one needs it.
 * To wait for something that is published without a mutex, event.h is less.
 *
 *	struct shared { struct slip_mutex lock; struct slip_cond more; int n; };
 *
 *	slip_mutex_lock(&s->lock);		slip_mutex_lock(&s->lock);
 *	while (s->n == 0)			s->n++;
 *		slip_cond_wait(&s->more,	slip_mutex_unlock(&s->lock);
 *			       &s->lock);	slip_cond_signal(&s->more);
 *	s->n--;
 *	slip_mutex_unlock(&s->lock);
 *
 * Wait in a loop, as here: a wait may end for no reason, and ends after
 * SLIP_LONG_SLICE_NS (100 ms) in any case.
 *
 * Shape: 16 bytes, at any address; zero bytes are a condition variable. What
 * counts is an event (event.h), of mode RMW: no handle, no registration. All
 * who wait at one time use the same mutex.
 *
 *	+0	event	sleepers
 *	+8	vain	hint: how many waits in a row were too long to spin
 *	+12	0
 *
 *	event.word	wait			signal		broadcast
 *	W = 0		W -> 1, key; sleeps	nothing		nothing
 *	W = 1		key; sleeps		wakes one that	epoch + 1; moves
 *						sleeps; if none	all to the event
 *						does: epoch + 1	of the mutex
 *						and W -> 0
 *
 * Who waits takes its key before it unlocks. So whoever changes the state
 * under the mutex afterwards sees W by the mutex alone, and whoever changed it
 * before is seen by the look before the wait: there is no handshake here, and
 * none is needed. A signal that comes between the unlock and the sleep finds
 * nobody asleep, so it changes the word, and the kernel does not let a sleeper
 * down with an old key.
 *
 * Broadcast wakes nobody whom the mutex would only send back to sleep: it moves
 * the sleepers to the event of the mutex, and does for them there what each
 * would have done for itself: announce, then look whether the mutex is free,
 * and if it is, wake one. Each unlock wakes the next. In detail:
 *
 *	1 epoch + 1	who has not gone to sleep yet will not
 *	2 requeue	in one step, if the word is still that of 1; else (two
 *			broadcast at once) all are woken
 *	3 announce	W of the mutex's event, by slip_event_prepare
 *	4 look		whether the mutex is free: then wake one
 *
 * With a PI mutex it wakes all instead: who is moved there by this would sleep
 * outside of the kernel's queue, and lend the owner nothing.
 *
 * 3 must come after 2: an unlock on its way may find nobody there and take W
 * away, but only together with all who sleep there.
 *
 * Concurrency: any thread, any time. signal and broadcast never block and are
 * async-signal-safe; with the mutex in hand or, a little faster, after it was
 * given back. The memory of both must stay until every signal and broadcast has
 * returned: who was told may be done before them.
 *
 * Order: that of the mutex.
 *
 * Death, by the point at which it comes. Nothing is lost for longer than until
 * the others look by themselves, after SLIP_LONG_SLICE_NS at most:
 *
 *	waiter, before the unlock	it had the mutex: see there
 *	  asleep			nothing happened
 *	  woken, not yet with the	a signal has gone with it: the others
 *	  mutex				look after a slice
 *	  with the mutex		see there
 *	signaller, before the wake-up	the others look after a slice
 *	broadcaster, after 1		as before it
 *	  after 2			the sleepers have kept their deadlines:
 *					they look after a slice
 *
 * A slice is harmless and decides nothing: it makes a wake-up out of nothing,
 * for which the loop is there. One that has a robust mutex also looks every
 * SLIP_SLICE_NS (6 ms) whether the owner of the mutex is dead or the mutex
 * broken, and if so goes for the mutex: so a death between lock and signal is
 * heard of by who waits for the signal.
 *
 * Spinning. Before it sleeps a wait looks at the word for as long as a wake-up
 * costs (20 us), if that has been worth it: not after three waits in a row that
 * outlasted it, but for each 64th.
 *
 * Damage: whoever can write the words can wake all, or have them look only every
 * slice, or spin each time; nothing else follows.
 *
 * Source: the event count of event.h; requeueing as in the Linux kernel and
 * the condition variables of U. Drepper and musl, where the sleepers' bit of
 * the mutex is set by the sleepers themselves; a broadcaster that announces for
 * those it moves is our own.
 */
#ifndef SLIP_FUTEX_COND_H
#define SLIP_FUTEX_COND_H

#include <limits.h>

#include "mutex.h"
#include "pi_mutex.h"
#include "robust_mutex.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slip_cond {
	struct slip_event event;
	slip_a32 vain;
	uint32_t reserved;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_cond) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_cond, vain) == 8, "layout");

/* Spin no more after so many in vain, but for one of so many. */
#define SLIP_COND_VAIN_	 3u
#define SLIP_COND_AGAIN_ 64u

/* --- private --------------------------------------------------------------- */

/* Is there something to be heard at the mutex itself? */
SLIP_INLINE bool slip_cond_orphaned_(const struct slip_robust_mutex *m)
{
	/* hint: lock looks again */
	uint64_t seen = slip_a64_load_relaxed(&m->shared->word);

	return (seen & 15) > SLIP_ROBUST_MUTEX_UNSURE_ ||
	       slip_peer_tag_dead_(seen, m->self);
}

/* Did the word change while it was worth to watch it? */
SLIP_INLINE bool slip_cond_spin_(struct slip_cond *c, uint32_t key)
{
	/* hint: what comes of a wrong one is a spin more or less */
	uint32_t vain = slip_a32_load_relaxed(&c->vain);
	struct slip_spin spin;
	bool hit = false;

	slip_spin_init(&spin);
	if (vain < SLIP_COND_VAIN_ || vain % SLIP_COND_AGAIN_ == 0) {
		(void)slip_spin_begin(&spin); /* a new one skips nothing */
		while (!hit && slip_spin_turn(&spin))
			/* hint: nothing is read on the strength of it */
			hit = slip_a32_load_relaxed(&c->event.word) != key;
	}
	/* hint: as above */
	slip_a32_store_relaxed(&c->vain, hit ? 0 : vain + 1);
	return hit;
}

/* Sleep once; `m`: NULL unless robust. Then -EAGAIN for 0: it took a slice. */
SLIP_INLINE int slip_cond_sleep_(struct slip_cond *c, uint32_t key,
				 uint64_t deadline_ns,
				 const struct slip_robust_mutex *m)
{
	uint64_t slice_ns = m ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS;
	uint64_t last = slip_after_ns(SLIP_LONG_SLICE_NS);
	bool sliced = false;
	uint64_t until;
	int rc;

	if (deadline_ns < last)
		last = deadline_ns;
	do {
		until = slip_after_ns(slice_ns);
		until = until < last ? until : last;
		rc = slip_event_sleep(&c->event, key, until);
		sliced |= m && rc == -ETIMEDOUT;
	} while (m && rc == -ETIMEDOUT && until < last &&
		 !slip_cond_orphaned_(m));
	/* A slice is not the user's deadline. A wake-up that came is not made
	 * a late one: it would be lost to the others. */
	if (rc == -ETIMEDOUT && !slip_late_(deadline_ns))
		rc = 0;
	return rc == 0 && sliced ? -EAGAIN : rc;
}

/* After a sleep, without a spin: who has told us may still have the mutex, and
 * need this processor to give it back. */
SLIP_INLINE int slip_cond_lock_(struct slip_mutex *m)
{
	struct slip_waiter w;

	if (slip_mutex_trylock(m) == 0)
		return 0;
	slip_waiter_init_(&w, &m->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS);
	w.spin.skip = 1;
	return slip_waiter_until_(&w, slip_mutex_ready_, m, SLIP_FOREVER);
}

/*
 * Move who sleeps to the event of the mutex. True: it is now for the caller to
 * announce them there.
 */
SLIP_COLD bool slip_cond_move_(struct slip_cond *c, struct slip_event *to)
{
	/* hint: the kernel compares it again, and orders it with sleepers as
	 * EVENT-H4 says */
	uint32_t now =
		slip_a32_fetch_add_relaxed(&c->event.word, SLIP_EVENT_ONE_) +
		SLIP_EVENT_ONE_;

	if (slip_futex_cmp_requeue(&c->event.word, now, 0, &to->word, INT_MAX,
				   SLIP_SHARED) > 0)
		return true;
	/* Nobody slept, or somebody else tells at the same time: take W away,
	 * else every broadcast to come pays for it. */
	slip_event_wake_all(&c->event);
	return false;
}

SLIP_COLD void slip_cond_broadcast_slow_(struct slip_cond *c,
					 struct slip_mutex *m)
{
	uint32_t key;

	if (!slip_cond_move_(c, &m->event))
		return;
	(void)!slip_event_prepare(&m->event, SLIP_EVENT_RMW, &key);
	/* hint: who locks it, or unlocks it later, sees W */
	if (slip_a32_load_relaxed(&m->word) == 0)
		slip_event_notify_one(&m->event, SLIP_EVENT_RMW);
}

SLIP_COLD void
slip_cond_broadcast_robust_slow_(struct slip_cond *c,
				 const struct slip_robust_mutex *m)
{
	struct slip_event *to = &m->shared->event;
	uint64_t state;
	uint32_t key;

	if (!slip_cond_move_(c, to))
		return;
	if (slip_event_prepare(to, m->waiter.mode, &key)) {
		slip_event_wake_all(to);
		return;
	}
	/* hint: as above */
	state = slip_a64_load_relaxed(&m->shared->word) & 15;
	if (state == 0)
		slip_event_notify_one(to, m->waiter.mode);
	else if (state > SLIP_ROBUST_MUTEX_UNSURE_)
		slip_event_wake_all(to);
}

/* --- waiting --------------------------------------------------------------- */

/*
 * Give the mutex back, sleep until told or until `deadline_ns` (absolute
 * CLOCK_MONOTONIC, SLIP_FOREVER for none), and take the mutex again, however
 * long that takes. 0: look at the state; -ETIMEDOUT: look once more. Without
 * the mutex: -EPERM: nobody had it; -EFAULT, -EINVAL: the memory is gone.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_cond_wait_until(struct slip_cond *c,
						   struct slip_mutex *m,
						   uint64_t deadline_ns)
{
	uint32_t key;
	int again;
	int rc;

	/* in mode RMW it always can */
	(void)!slip_event_prepare(&c->event, SLIP_EVENT_RMW, &key);
	rc = slip_mutex_unlock(m);
	if (rc)
		return rc;
	if (slip_cond_spin_(c, key))
		return slip_mutex_lock(m);
	rc = slip_cond_sleep_(c, key, deadline_ns, NULL);
	if (rc && rc != -ETIMEDOUT)
		return rc;
	again = slip_cond_lock_(m);
	return again ? again : rc;
}

/* As slip_cond_wait_until(), for ever; though 0 comes after 100 ms. */
SLIP_INLINE SLIP_MUST_CHECK int slip_cond_wait(struct slip_cond *c,
					       struct slip_mutex *m)
{
	return slip_cond_wait_until(c, m, SLIP_FOREVER);
}

/*
 * The same with a robust mutex, which this handle has once. 0, -ETIMEDOUT, and
 * -EOWNERDEAD, which comes before them: it is ours again; but in between its
 * owner died (see slip_robust_mutex_lock). Without the mutex:
 * -ENOTRECOVERABLE; -EPERM: we did not have it; -EDEADLK: we have it more than
 * once, and still do; -ECHILD; what else slip_robust_mutex_lock returns.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_cond_wait_robust_until(struct slip_cond *c, struct slip_robust_mutex *m,
			    uint64_t deadline_ns)
{
	uint32_t key;
	int again;
	int rc;

	/* in mode RMW it always can */
	(void)!slip_event_prepare(&c->event, SLIP_EVENT_RMW, &key);
	rc = m->depth > 1 ? -EDEADLK : slip_robust_mutex_unlock(m);
	if (rc)
		return rc;
	if (slip_cond_spin_(c, key))
		return slip_robust_mutex_lock(m);
	rc = slip_cond_sleep_(c, key, deadline_ns, m);
	if (rc && rc != -ETIMEDOUT && rc != -EAGAIN)
		return rc;
	/* Who has slept for a slice may ask about the owner at once. */
	again = rc ? slip_robust_mutex_trylock(m) : -EBUSY;
	if (again == -EBUSY)
		again = slip_robust_mutex_lock(m);
	return again || rc == -EAGAIN ? again : rc;
}

/* As slip_cond_wait_robust_until(), for ever; though 0 comes after 100 ms. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_cond_wait_robust(struct slip_cond *c, struct slip_robust_mutex *m)
{
	return slip_cond_wait_robust_until(c, m, SLIP_FOREVER);
}

/*
 * The same with a PI mutex: it never spins, and hears of an owner's death only
 * when it goes for the mutex, after SLIP_LONG_SLICE_NS at most. 0, -ETIMEDOUT;
 * -EOWNERDEAD: as with a robust one. Without the mutex: as
 * slip_pi_mutex_unlock and slip_pi_mutex_lock; -EFAULT, -EINVAL: the memory is
 * gone.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_cond_wait_pi_until(struct slip_cond *c,
						      struct slip_pi_mutex *m,
						      uint64_t deadline_ns)
{
	uint32_t key;
	int again;
	int rc;

	/* in mode RMW it always can */
	(void)!slip_event_prepare(&c->event, SLIP_EVENT_RMW, &key);
	rc = slip_pi_mutex_unlock(m);
	if (rc)
		return rc;
	rc = slip_cond_sleep_(c, key, deadline_ns, NULL);
	if (rc && rc != -ETIMEDOUT)
		return rc;
	again = slip_pi_mutex_lock(m);
	return again ? again : rc;
}

/* As slip_cond_wait_pi_until(), for ever; though 0 comes after 100 ms. */
SLIP_INLINE SLIP_MUST_CHECK int slip_cond_wait_pi(struct slip_cond *c,
						  struct slip_pi_mutex *m)
{
	return slip_cond_wait_pi_until(c, m, SLIP_FOREVER);
}

/* --- telling --------------------------------------------------------------- */

/*
 * One of those who wait shall look at the state. After the state was changed
 * under the mutex. One load if nobody waits, else a system call or two.
 */
SLIP_CORE void slip_cond_signal(struct slip_cond *c)
{
	slip_event_notify_one(&c->event, SLIP_EVENT_RMW);
}

/*
 * All who wait shall look, one after the other, as the mutex lets them. `m`:
 * the one they wait with.
 */
SLIP_CORE void slip_cond_broadcast(struct slip_cond *c, struct slip_mutex *m)
{
	if (SLIP_UNLIKELY(slip_event_look_(&c->event, SLIP_EVENT_RMW) &
			  SLIP_EVENT_W_))
		slip_cond_broadcast_slow_(c, m);
}

/* The same of those who wait with a PI mutex: all at once. */
SLIP_CORE void slip_cond_broadcast_pi(struct slip_cond *c)
{
	slip_event_notify(&c->event, SLIP_EVENT_RMW);
}

/* The same; `m`: any handle of the mutex they wait with. */
SLIP_CORE void slip_cond_broadcast_robust(struct slip_cond *c,
					  const struct slip_robust_mutex *m)
{
	if (SLIP_UNLIKELY(slip_event_look_(&c->event, SLIP_EVENT_RMW) &
			  SLIP_EVENT_W_))
		slip_cond_broadcast_robust_slow_(c, m);
}

#ifdef __cplusplus
}
#endif

#endif
