/* SPDX-License-Identifier: MIT */
/*
 * PI futexes, which the explorer's kernel does not have, as far as pi_mutex.h
 * can see them: who locks sleeps on the word, unlock wakes all of them, an owner
 * that is dead is no thread (-ESRCH). Not played: priorities, the hand-over to
 * one waiter, and the DIED bit that the kernel sets for one that sleeps; all
 * deaths are found by the header itself.
 *
 * Thread i has the TID pi_futex_tids[i], PI_FUTEX_TID + i unless the model gives
 * one to two (of which one is dead); in `once` and at the end it is that of
 * pi_futex_as. Call pi_futex_setup in `once`, and give pi_futex_sys, which is
 * peers_sys besides, to the model as `sys`.
 */
#ifndef SLIP_STRESS_EXPLORE_PI_FUTEX_H
#define SLIP_STRESS_EXPLORE_PI_FUTEX_H

#include <errno.h>
#include <limits.h>

#include "futex/pi_mutex.h"
#include "peers.h"

#define PI_FUTEX_TID   100u
#define PI_FUTEX_SPACE 7u /* the inode of our namespace */

static uint32_t pi_futex_tids[X_THREADS + 1];
static unsigned pi_futex_as;

static inline void pi_futex_setup(void)
{
	for (unsigned i = 0; i <= X_THREADS; i++)
		pi_futex_tids[i] = PI_FUTEX_TID + i;
}

static inline uint32_t pi_futex_tid(void)
{
	return pi_futex_tids[x_self() == X_THREADS ? pi_futex_as : x_self()];
}

/* A thread that the kernel knows has this TID. */
static inline bool pi_futex_lives(uint32_t tid)
{
	for (unsigned i = 0; i <= X_THREADS; i++)
		if (pi_futex_tids[i] == tid && (i == X_THREADS || !x_dead(i)))
			return true;
	return false;
}

static inline bool pi_futex_take(slip_a32 *w, uint32_t *seen)
{
	/* hint: the swap is by what was seen */
	*seen = slip_a32_load_relaxed(w);
	/* As in the header: the kernel's own orders are none of its business. */
	return !(*seen & SLIP_FUTEX_PI_TID) &&
	       /* own: the header orders it */
	       slip_a32_cas_relaxed(
		       w, seen, (*seen & SLIP_FUTEX_PI_DIED) | pi_futex_tid());
}

static inline long pi_futex_lock(slip_a32 *w,
				 const struct slip_sys_timespec_ *t)
{
	uint64_t until =
		t ? (uint64_t)t->seconds * 1000000000u + (uint64_t)t->ns
		  : SLIP_FOREVER;
	uint32_t seen;
	uint32_t asleep;
	int rc;

	for (;;) {
		if (pi_futex_take(w, &seen))
			return 0;
		if (!(seen & SLIP_FUTEX_PI_TID))
			continue;
		if ((seen & SLIP_FUTEX_PI_TID) == pi_futex_tid())
			return -EDEADLK;
		asleep = seen | SLIP_FUTEX_PI_WAITERS;
		if (seen != asleep && /* own: as above */
		    !slip_a32_cas_relaxed(w, &seen, asleep))
			continue;
		if (!pi_futex_lives(seen & SLIP_FUTEX_PI_TID))
			return -ESRCH;
		rc = slip_futex_wait(w, asleep, until, SLIP_SHARED);
		if (rc == -ETIMEDOUT)
			return rc;
	}
}

static inline long pi_futex_unlock(slip_a32 *w)
{
	/* hint: the swap is by what was seen */
	uint32_t seen = slip_a32_load_relaxed(w);

	do
		if ((seen & SLIP_FUTEX_PI_TID) != pi_futex_tid())
			return -EPERM;
	while (!slip_a32_cas_relaxed(w, &seen, 0)); /* own: as above */
	slip_futex_wake(w, INT_MAX, SLIP_SHARED);
	return 0;
}

static inline bool pi_futex_call(const long args[6], long *result)
{
	slip_a32 *w = (slip_a32 *)args[0];
	long op = args[1] & 127;
	uint32_t seen;

	if (args[0] == 1)
		*result = -EINVAL;
	else if (op == SLIP_FUTEX_LOCK_PI2_)
		*result = pi_futex_lock(
			w, (const struct slip_sys_timespec_ *)args[3]);
	else if (op == SLIP_FUTEX_TRYLOCK_PI_)
		*result = pi_futex_take(w, &seen) ? 0 : -EAGAIN;
	else if (op == SLIP_FUTEX_UNLOCK_PI_)
		*result = pi_futex_unlock(w);
	else
		return false;
	return true;
}

static inline bool pi_futex_sys(long nr, const long args[6], long *result)
{
	if (nr == SYS_futex)
		return pi_futex_call(args, result);
	*result = 0;
	if (nr == SYS_gettid) {
		*result = pi_futex_tid();
	} else if (nr == SYS_statx && args[0] == SLIP_AT_CWD_) {
		memset((void *)args[4], 0, sizeof(struct slip_file_stat_));
		((struct slip_file_stat_ *)args[4])->ino = PI_FUTEX_SPACE;
	} else {
		return peers_sys(nr, args, result);
	}
	return true;
}

#endif
