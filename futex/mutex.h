/* SPDX-License-Identifier: MIT */
/*
 * A mutex for threads and processes, of 16 bytes, without an owner.
 *
 * Use it where nobody dies with the lock in hand, or all die together: between
 * the threads of a process, or in a family of processes that ends as one. Do
 * not use it where one of several processes may be killed: robust_mutex.h tells
 * the next one. Not recursive, not fair (who comes may be served before who
 * sleeps), no priority inheritance (pi_mutex.h).
 *
 *	struct shared { struct slip_mutex lock; ... } *s;	zero bytes
 *
 *	slip_mutex_lock(&s->lock);
 *	... s is ours ...
 *	slip_mutex_unlock(&s->lock);
 *
 * Shape: 16 bytes in memory that all map, 4-byte aligned, at any address; zero
 * bytes are a free mutex. The memory must stay until every unlock has returned:
 * the next holder may be at work, and done, before the last one has looked
 * whether somebody sleeps.
 *
 *	+0	word	0 free, 1 held
 *	+4	0
 *	+8	event	sleepers (event.h, mode RMW)
 *
 *	word	lock, trylock		unlock
 *	0	-> 1, acquire		-EPERM
 *	1	waits; -EBUSY		-> 0, release; then wakes one that sleeps
 *
 * Concurrency: any thread, any time. lock blocks; trylock and unlock are
 * wait-free but for the system call that wakes, and async-signal-safe: the
 * handler must not have interrupted the holder, of course.
 *
 * Order: what was done before unlock is visible after the lock that follows.
 *
 * Death. A holder that is killed holds it for ever: lock_until says -ETIMEDOUT.
 * One that is stopped holds it until it goes on. Killed or stopped in unlock
 * after the exchange, it has told nobody; a waiter killed or stopped after it
 * was woken has told nobody else. Then those who sleep look by themselves after
 * SLIP_LONG_SLICE_NS at most.
 *
 * Damage: whoever can write the memory can unlock it; nothing else follows. A
 * word that is neither 0 nor 1 counts as held, by nobody; unlock frees it too,
 * and says -EPERM.
 *
 * Source: two-state lock and event count, as futexes are used by U. Drepper
 * ("Futexes Are Tricky"), with the waiters' bit in a word of its own, so that
 * only the kernel clears it (event.h).
 */
#ifndef SLIP_FUTEX_MUTEX_H
#define SLIP_FUTEX_MUTEX_H

#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slip_mutex {
	slip_a32 word;
	uint32_t reserved;
	struct slip_event event;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_mutex) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mutex, event) == 8, "layout");

/* Take the mutex if it is free. 0, or -EBUSY. */
SLIP_CORE SLIP_MUST_CHECK int slip_mutex_trylock(struct slip_mutex *m)
{
	uint32_t free = 0;

	/* MUTEX-A1 taker: sees all that was done under the lock. Pairs:
	 * slip_mutex_unlock. Else: what the lock protects is read as it was
	 * before. */
	return slip_a32_cas_acquire(&m->word, &free, 1) ? 0 : -EBUSY;
}

SLIP_INLINE int slip_mutex_ready_(void *handle, bool ask)
{
	struct slip_mutex *m = SLIP_CAST(struct slip_mutex *, handle);

	(void)ask;
	/* hint: a look before the swap leaves the line to the holder */
	if (slip_a32_load_relaxed(&m->word))
		return 0;
	return slip_mutex_trylock(m) == 0;
}

SLIP_COLD SLIP_MUST_CHECK int slip_mutex_lock_slow_(struct slip_mutex *m,
						    uint64_t deadline_ns)
{
	struct slip_waiter w;

	slip_waiter_init_(&w, &m->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS);
	w.stride = SLIP_LOCK_STRIDE;
	return slip_waiter_until_(&w, slip_mutex_ready_, m, deadline_ns);
}

/*
 * Take the mutex; block until `deadline_ns` (absolute CLOCK_MONOTONIC,
 * SLIP_FOREVER: for ever) at most. 0; -ETIMEDOUT; -EFAULT, -EINVAL: the memory
 * is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mutex_lock_until(struct slip_mutex *m,
						      uint64_t deadline_ns)
{
	if (SLIP_LIKELY(slip_mutex_trylock(m) == 0))
		return 0;
	return slip_mutex_lock_slow_(m, deadline_ns);
}

/* Take the mutex; block for as long as it takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_mutex_lock(struct slip_mutex *m)
{
	return slip_mutex_lock_until(m, SLIP_FOREVER);
}

/* Give the mutex back. 0, or -EPERM: nobody had it. The event's mode is RMW, for
 * the exchange is one: on x86-64 that is a full fence, elsewhere one follows. */
SLIP_INLINE int slip_mutex_unlock(struct slip_mutex *m)
{
	/* MUTEX-R1 holder: what was done under the lock is there. Pairs:
	 * slip_mutex_trylock. Else: as there. */
	uint32_t was = slip_a32_exchange_release(&m->word, 0);

	slip_event_notify_one(&m->event, SLIP_EVENT_RMW);
	return SLIP_LIKELY(was == 1) ? 0 : -EPERM;
}

#ifdef __cplusplus
}
#endif

#endif
