/* SPDX-License-Identifier: MIT */
/*
 * The futex, raw: one function per kernel operation, on words of 32 bits that
 * any number of threads and processes share.
 *
 * Use it to build a primitive that sleeps. Do not use it to wait for a ring
 * (futex/event.h does that) nor as a lock by itself: nothing here loops,
 * retries or remembers.
 *
 *	int door_wait(slip_a32 *door)
 *	{
 *		while (slip_a32_load_acquire(door) == 0) {
 *			int rc = slip_futex_wait(door, 0, SLIP_FOREVER,
 *						 SLIP_SHARED);
 *
 *			if (rc && rc != -EAGAIN && rc != -EINTR)
 *				return rc;
 *		}
 *		return 0;
 *	}
 *
 *	void door_open(slip_a32 *door)
 *	{
 *		slip_a32_store_release(door, 1);
 *		slip_futex_wake(door, INT32_MAX, SLIP_SHARED);
 *	}
 *
 * Which word. SLIP_SHARED finds the sleepers of a word by the file and offset
 * it is mapped from, so the address may differ between processes. SLIP_PRIVATE
 * finds them by address inside one process, is quicker, and never reaches
 * another process, shared mapping or not. Both sides name the same.
 *
 * Concurrency. Every function may be called by any thread at any time, and
 * from a signal handler; only those marked "sleeps" block. The kernel
 * serialises calls on one word. A wake that finds nobody costs some 0.2 us.
 *
 * Ordering. The kernel makes one promise and this layer adds none: of a store
 * to the word followed by a wake, and a wait that checks the word, either the
 * check sees the store and the wait returns -EAGAIN, or the sleeper is queued
 * before the wake looks and is found by it. The store may be relaxed. Nothing
 * else is ordered: the check counts as a relaxed load, and a wait that returns
 * 0 says nothing about other memory. Load the word with acquire and believe
 * only that. The exceptions are the PI locks: taking one is an acquire and
 * giving it up a release, also when the kernel does it.
 *
 * Spurious wake-ups and signals are passed up. A wait may return 0 with the
 * word unchanged: another user of the memory, before it was yours, may be late
 * with a wake. A signal handler ends a wait with -EINTR, unless it was
 * installed with SA_RESTART: then the kernel resumes wait and wait_bitset that
 * have no deadline, and waitv and futex2_wait always. PI sleeps are always
 * resumed. A stop and continue is not seen. Loop on the condition, not on the
 * result.
 *
 * Death and damage. A killed sleeper leaves the queue. A sleeper killed after
 * a wake chose it takes that wake-up with it. A word's value is data from a
 * stranger: the kernel compares it and, for PI, interprets it, with an error
 * if it makes no sense. On a read-only mapping the functions that take a const
 * word work; those that write, wake_op and PI, return -EFAULT. If the file is
 * truncated below the word, waits and SLIP_SHARED wakes return -EFAULT: an end
 * of the object, never a reason to retry.
 *
 * PI locks hold the owner's TID, so they work inside one PID namespace only;
 * between two, a TID means another thread and the lock is silently wrong.
 *
 * Results: 0 or a count, or -errno. In every function -EINVAL means an
 * argument: a word not aligned to 4, an unknown flag, a count out of range, a
 * mask of 0; -EFAULT: no memory there, or of the wrong kind. (SLIP_PRIVATE
 * wakes never look at the memory and do not notice.) Besides:
 *
 *			EAGAIN	ETIMEDOUT  EINTR  ENOSYS  other
 *	wait		x	x	   x
 *	wait_bitset	x	x	   x
 *	wake, wake_bitset
 *	requeue
 *	cmp_requeue	x
 *	wake_op					  x
 *	waitv		x	x	   x	  x	  ENOMEM
 *	lock_pi					  x	  EDEADLK ESRCH EPERM
 *							  ENOMEM
 *	lock_pi2		x		  x	  as lock_pi
 *	trylock_pi	x			  x	  as lock_pi
 *	unlock_pi				  x	  EPERM
 *	wait_requeue_pi	x	x		  x
 *	cmp_requeue_pi	x			  x	  EDEADLK ESRCH EPERM
 *							  ENOMEM
 *	futex2_wait	x	x	   x	  x
 *	futex2_wake				  x
 *	futex2_requeue	x			  x
 *
 * -ENOSYS: this kernel has no such call (or op); a seccomp filter may say
 * -EPERM instead. slip_futex_features() asks in advance.
 */
#ifndef SLIP_FUTEX_FUTEX_H
#define SLIP_FUTEX_FUTEX_H

#include "../atomics/base.h"
#include "../atomics/word.h"
#include "sys.h"

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who may sleep on the word: everybody who maps it, or this process. */
#define SLIP_SHARED  0u
#define SLIP_PRIVATE 128u

/* Every bit: a sleeper that any wake reaches, a wake that reaches any. */
#define SLIP_FUTEX_ANY UINT32_MAX

/* The most words one slip_futex_waitv() can wait on. */
#define SLIP_FUTEX_WAITV_MAX 128

/* What slip_futex_wake_op() does to the word: new = old op arg, */
#define SLIP_FUTEX_OP_SET   0 /* arg */
#define SLIP_FUTEX_OP_ADD   1 /* old + arg, wrapping */
#define SLIP_FUTEX_OP_OR    2 /* old | arg */
#define SLIP_FUTEX_OP_ANDN  3 /* old & ~arg */
#define SLIP_FUTEX_OP_XOR   4 /* old ^ arg */
#define SLIP_FUTEX_OP_SHIFT 8 /* added to one of these: arg is 1 << arg */

/* and when it goes on to wake that word's sleepers: (int32_t)old cmp arg. */
#define SLIP_FUTEX_OP_CMP_EQ 0
#define SLIP_FUTEX_OP_CMP_NE 1
#define SLIP_FUTEX_OP_CMP_LT 2
#define SLIP_FUTEX_OP_CMP_LE 3
#define SLIP_FUTEX_OP_CMP_GT 4
#define SLIP_FUTEX_OP_CMP_GE 5

/*
 * The operation argument of slip_futex_wake_op(). Both args are signed numbers
 * of 12 bits, -2048..2047, and 0..31 with SHIFT; what does not fit is cut off.
 */
#define SLIP_FUTEX_OP(op, arg, cmp, cmp_arg)        \
	((SLIP_CAST(uint32_t, op) & 15u) << 28 |    \
	 (SLIP_CAST(uint32_t, cmp) & 15u) << 24 |   \
	 (SLIP_CAST(uint32_t, arg) & 4095u) << 12 | \
	 (SLIP_CAST(uint32_t, cmp_arg) & 4095u))

/* Parts of a PI word: 0 is free, else the owner's TID and these two bits. */
#define SLIP_FUTEX_PI_TID     UINT32_C(0x3fffffff)
#define SLIP_FUTEX_PI_DIED    UINT32_C(0x40000000)
#define SLIP_FUTEX_PI_WAITERS UINT32_C(0x80000000)

/* Bits of slip_futex_features(). */
#define SLIP_FUTEX_HAS_PI	1u /* lock_pi family and requeue_pi */
#define SLIP_FUTEX_HAS_LOCK_PI2 2u /* Linux 5.14 */
#define SLIP_FUTEX_HAS_WAITV	4u /* Linux 5.16 */
#define SLIP_FUTEX_HAS_FUTEX2	8u /* Linux 6.7 */

/* <linux/futex.h>, whose names differ between the libcs and its versions. */
enum {
	SLIP_FUTEX_REQUEUE_ = 3,
	SLIP_FUTEX_CMP_REQUEUE_ = 4,
	SLIP_FUTEX_WAKE_OP_ = 5,
	SLIP_FUTEX_LOCK_PI_ = 6,
	SLIP_FUTEX_UNLOCK_PI_ = 7,
	SLIP_FUTEX_TRYLOCK_PI_ = 8,
	SLIP_FUTEX_WAIT_BITSET_ = 9,
	SLIP_FUTEX_WAKE_BITSET_ = 10,
	SLIP_FUTEX_WAIT_REQUEUE_PI_ = 11,
	SLIP_FUTEX_CMP_REQUEUE_PI_ = 12,
	SLIP_FUTEX_LOCK_PI2_ = 13,
	SLIP_FUTEX2_SIZE_U32_ = 2
};

/* One word of slip_futex_waitv(), as the kernel lays it out (futex_waitv). */
struct slip_futex_waiter {
	uint64_t expected;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved; /* 0 */
};
SLIP_STATIC_ASSERT(sizeof(struct slip_futex_waiter) == 24, "kernel layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_futex_waiter, address) == 8, "kernel");
SLIP_STATIC_ASSERT(offsetof(struct slip_futex_waiter, flags) == 16, "kernel");

/* Stray flag bits would turn one operation into another: refused first. */
SLIP_CORE long slip_futex_call_(const slip_a32 *w, unsigned op, unsigned flags,
				long val, long val2, const slip_a32 *w2,
				long val3)
{
	if (SLIP_UNLIKELY(flags & ~SLIP_PRIVATE))
		return -EINVAL;
	return slip_sys_call_(SYS_futex, SLIP_RECAST(long, w), op | flags, val,
			      val2, SLIP_RECAST(long, w2), val3);
}

/* The kernel's argument for a deadline: the address of `t`, filled, or 0. */
SLIP_CORE long slip_futex_until_(uint64_t deadline_ns,
				 struct slip_sys_timespec_ *t)
{
	*t = slip_sys_time_(deadline_ns);
	return deadline_ns == SLIP_FOREVER ? 0 : SLIP_RECAST(long, t);
}

/*
 * Sleeps while the word holds `expected`, until a wake whose mask has a bit in
 * common with `mask`, or until `deadline_ns`. The value is compared first, so
 * a deadline in the past asks "is it still `expected`?".
 *
 * Returns 0: woken, or spuriously; -EAGAIN: the word holds something else;
 * -ETIMEDOUT; -EINTR; -EINVAL; -EFAULT.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_wait_bitset(const slip_a32 *w, uint32_t expected, uint32_t mask,
		       uint64_t deadline_ns, unsigned flags)
{
	struct slip_sys_timespec_ t;
	long until = slip_futex_until_(deadline_ns, &t);

	return SLIP_CAST(int,
			 slip_futex_call_(w, SLIP_FUTEX_WAIT_BITSET_, flags,
					  expected, until, NULL, mask));
}

/*
 * slip_futex_wait_bitset() for any wake. (The kernel's own FUTEX_WAIT would
 * take a relative time, which a caller that loops would stretch.)
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_futex_wait(const slip_a32 *w,
						uint32_t expected,
						uint64_t deadline_ns,
						unsigned flags)
{
	return slip_futex_wait_bitset(w, expected, SLIP_FUTEX_ANY, deadline_ns,
				      flags);
}

/*
 * Wakes up to `count` (1..INT32_MAX) sleepers of the word that wait for one of
 * the bits of `mask`, the longest waiting first among those of equal priority.
 *
 * Returns how many; -EINVAL, also if a PI sleeper is among them; -EFAULT.
 * The wakes are not must-check: to a publisher both mean that nobody sleeps.
 */
SLIP_INLINE int slip_futex_wake_bitset(const slip_a32 *w, int32_t count,
				       uint32_t mask, unsigned flags)
{
	/* The kernel takes 0 and less as 1. */
	if (SLIP_UNLIKELY(count < 1))
		return -EINVAL;
	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_WAKE_BITSET_,
					       flags, count, 0, NULL, mask));
}

/* slip_futex_wake_bitset() for any sleeper. */
SLIP_INLINE int slip_futex_wake(const slip_a32 *w, int32_t count,
				unsigned flags)
{
	return slip_futex_wake_bitset(w, count, SLIP_FUTEX_ANY, flags);
}

/*
 * Wakes up to `wake_count` sleepers of `from` and moves up to `requeue_count`
 * of the rest to `to`, where they go on sleeping as if they had waited there.
 * Both counts 0..INT32_MAX; sleepers keep their mask and deadline.
 *
 * Returns how many were woken *or moved*; -EINVAL; -EFAULT.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_requeue(const slip_a32 *from, int32_t wake_count, const slip_a32 *to,
		   int32_t requeue_count, unsigned flags)
{
	return SLIP_CAST(int,
			 slip_futex_call_(from, SLIP_FUTEX_REQUEUE_, flags,
					  wake_count, requeue_count, to, 0));
}

/*
 * slip_futex_requeue() if `from` still holds `expected`, compared in the same
 * step. Use this one: without the comparison a sleeper that comes in between
 * the caller's decision and the call is moved as well.
 *
 * Returns as slip_futex_requeue(), and -EAGAIN: `from` holds something else.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_cmp_requeue(const slip_a32 *from, uint32_t expected,
		       int32_t wake_count, const slip_a32 *to,
		       int32_t requeue_count, unsigned flags)
{
	return SLIP_CAST(int, slip_futex_call_(from, SLIP_FUTEX_CMP_REQUEUE_,
					       flags, wake_count, requeue_count,
					       to, expected));
}

/*
 * In one step that no waiter of either word can fall into: changes `target` as
 * `op` says (see SLIP_FUTEX_OP), wakes up to `count` (1..INT32_MAX) sleepers
 * of `w`, and, if the old value of `target` satisfies the comparison in `op`,
 * up to `target_count` sleepers of `target` (0..INT32_MAX; the kernel takes 0
 * as 1, so to wake none choose a comparison that fails). The two may be the
 * same word. The change is atomic towards every other access to `target`.
 *
 * Returns how many were woken on both; -EINVAL; -EFAULT, also for a target
 * that is mapped read-only; -ENOSYS: no such operation or comparison. After
 * -ENOSYS for the comparison the change has been made.
 */
SLIP_INLINE int slip_futex_wake_op(const slip_a32 *w, int32_t count,
				   slip_a32 *target, int32_t target_count,
				   uint32_t op, unsigned flags)
{
	if (SLIP_UNLIKELY(count < 1 || target_count < 0))
		return -EINVAL;
	return SLIP_CAST(int,
			 slip_futex_call_(w, SLIP_FUTEX_WAKE_OP_, flags, count,
					  target_count, target, op));
}

/* Fill one entry of slip_futex_waitv(), which reports an unknown flag. */
SLIP_INLINE void slip_futex_waiter_set(struct slip_futex_waiter *entry,
				       const slip_a32 *w, uint32_t expected,
				       unsigned flags)
{
	entry->expected = expected;
	entry->address = SLIP_RECAST(uint64_t, w);
	entry->flags = flags & ~SLIP_PRIVATE ? UINT32_MAX
					     : flags | SLIP_FUTEX2_SIZE_U32_;
	entry->reserved = 0;
}

/*
 * Sleeps while every one of `n` (1..SLIP_FUTEX_WAITV_MAX) words holds what its
 * entry expects, until one of them is woken. The entries may mix shared and
 * private words.
 *
 * Returns the index of a word that was woken, others may have been too;
 * -EAGAIN: a word holds something else; -ETIMEDOUT; -EINTR; -EINVAL; -EFAULT;
 * -ENOSYS; -ENOMEM.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_waitv(const struct slip_futex_waiter *entries, uint32_t n,
		 uint64_t deadline_ns)
{
	struct slip_sys_timespec_ t;
	long until = slip_futex_until_(deadline_ns, &t);

	return SLIP_CAST(int, slip_sys_call_(SLIP_SYS_FUTEX_WAITV_,
					     SLIP_RECAST(long, entries), n, 0,
					     until, SLIP_CLOCK_MONOTONIC_, 0));
}

/*
 * PI: a lock whose owner inherits the priority of those who wait. The word is
 * 0 when free; the fast paths are the caller's: lock by compare-and-swap from
 * 0 to slip_sys_tid_(), acquire; unlock by one from the TID to 0, release; and
 * these calls when the swap fails. Signals do not interrupt the sleep.
 *
 * Sleeps until the lock is the caller's. No deadline: the kernel would read it
 * on the wall clock; slip_futex_lock_pi2() has one. If the owner ends while
 * somebody sleeps, the sleeper gets the lock, SLIP_FUTEX_PI_DIED set beside
 * its TID; if it ended before, that is -ESRCH.
 *
 * Returns 0; -EDEADLK: the caller has it, or the owner waits for a lock the
 * caller has; -ESRCH: the TID in the word is no thread here; -EPERM: nor one
 * that can own locks; -EINVAL: the word contradicts the kernel, or plain
 * sleepers are on it; -EFAULT; -ENOMEM; -ENOSYS.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_futex_lock_pi(slip_a32 *w, unsigned flags)
{
	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_LOCK_PI_, flags, 0,
					       0, NULL, 0));
}

/*
 * slip_futex_lock_pi() with a deadline: besides -ETIMEDOUT. -ENOSYS before
 * Linux 5.14, where lock_pi and trylock_pi remain.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_lock_pi2(slip_a32 *w, uint64_t deadline_ns, unsigned flags)
{
	struct slip_sys_timespec_ t;
	long until = slip_futex_until_(deadline_ns, &t);

	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_LOCK_PI2_, flags,
					       0, until, NULL, 0));
}

/* As lock_pi2, for older kernels, which read the wall clock: if that is set
 * meanwhile, the sleep ends late or early. Not for SLIP_FOREVER. */
SLIP_COLD SLIP_MUST_CHECK int
slip_futex_lock_pi_wall_(slip_a32 *w, uint64_t deadline_ns, unsigned flags)
{
	struct timespec wall = { 0, 0 };
	struct slip_sys_timespec_ t;
	uint64_t now;

	(void)clock_gettime(SLIP_CLOCK_REALTIME_, &wall);
	now = slip_now_ns();
	t = slip_sys_time_(SLIP_CAST(uint64_t, wall.tv_sec) * 1000000000u +
			   SLIP_CAST(uint64_t, wall.tv_nsec) +
			   (deadline_ns > now ? deadline_ns - now : 0));
	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_LOCK_PI_, flags, 0,
					       SLIP_RECAST(long, &t), NULL, 0));
}

/*
 * Takes the lock if the kernel can do it without sleeping, which may succeed
 * where a compare-and-swap cannot: bits of the word may outlive its owner.
 * Returns as slip_futex_lock_pi(), and -EAGAIN: somebody has it.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_futex_trylock_pi(slip_a32 *w,
						      unsigned flags)
{
	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_TRYLOCK_PI_, flags,
					       0, 0, NULL, 0));
}

/*
 * Gives the lock to the waiter of the highest priority, or frees it.
 * Returns 0; -EPERM: the caller does not own it; -EINVAL: an argument (a word
 * is misaligned only to its owner), or the word contradicts the kernel;
 * -EFAULT; -ENOSYS.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_futex_unlock_pi(slip_a32 *w,
						     unsigned flags)
{
	return SLIP_CAST(int, slip_futex_call_(w, SLIP_FUTEX_UNLOCK_PI_, flags,
					       0, 0, NULL, 0));
}

/*
 * Sleeps on a plain word, to be moved to the PI lock `lock` and woken as its
 * owner by slip_futex_cmp_requeue_pi(), its only way out besides the deadline:
 * slip_futex_wake() refuses such a sleeper.
 *
 * Returns 0: the caller owns `lock`; else it does not: -EAGAIN: the word held
 * something else, or a signal came after the move; -ETIMEDOUT; -EINVAL: also
 * if both are the same word; -EFAULT; -ENOSYS.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_wait_requeue_pi(const slip_a32 *w, uint32_t expected, slip_a32 *lock,
			   uint64_t deadline_ns, unsigned flags)
{
	struct slip_sys_timespec_ t;
	long until = slip_futex_until_(deadline_ns, &t);

	return SLIP_CAST(int,
			 slip_futex_call_(w, SLIP_FUTEX_WAIT_REQUEUE_PI_, flags,
					  expected, until, lock, 0));
}

/*
 * If `from` holds `expected`, makes one of its sleepers the owner of `lock`
 * and wakes it, if the lock is free, and moves up to `requeue_count`
 * (0..INT32_MAX) others to wait for the lock.
 *
 * Returns how many were woken or moved; -EAGAIN: `from` holds something else;
 * -EINVAL: also if the sleepers wait for another lock, or are no PI sleepers;
 * -EDEADLK, -ESRCH, -EPERM, -ENOMEM as slip_futex_lock_pi(); -EFAULT; -ENOSYS.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex_cmp_requeue_pi(const slip_a32 *from, uint32_t expected,
			  slip_a32 *lock, int32_t requeue_count, unsigned flags)
{
	return SLIP_CAST(int, slip_futex_call_(from, SLIP_FUTEX_CMP_REQUEUE_PI_,
					       flags, 1, requeue_count, lock,
					       expected));
}

/*
 * The futex2 calls of Linux 6.7, for words of 32 bits. They meet the classic
 * calls on the same word. Where they are missing (-ENOSYS) the classic ones do
 * the same. As slip_futex_wait_bitset().
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex2_wait(const slip_a32 *w, uint32_t expected, uint32_t mask,
		 uint64_t deadline_ns, unsigned flags)
{
	struct slip_sys_timespec_ t;
	long until = slip_futex_until_(deadline_ns, &t);

	if (SLIP_UNLIKELY(flags & ~SLIP_PRIVATE))
		return -EINVAL;
	return SLIP_CAST(int,
			 slip_sys_call_(SLIP_SYS_FUTEX_WAIT_,
					SLIP_RECAST(long, w), expected, mask,
					flags | SLIP_FUTEX2_SIZE_U32_, until,
					SLIP_CLOCK_MONOTONIC_));
}

/* As slip_futex_wake_bitset(), but `count` may be 0 and then wakes nobody. */
SLIP_INLINE int slip_futex2_wake(const slip_a32 *w, int32_t count,
				 uint32_t mask, unsigned flags)
{
	if (SLIP_UNLIKELY(flags & ~SLIP_PRIVATE || count < 0))
		return -EINVAL;
	return SLIP_CAST(int,
			 slip_sys_call_(SLIP_SYS_FUTEX_WAKE_,
					SLIP_RECAST(long, w), mask, count,
					flags | SLIP_FUTEX2_SIZE_U32_, 0, 0));
}

/* As slip_futex_cmp_requeue(). */
SLIP_INLINE SLIP_MUST_CHECK int
slip_futex2_requeue(const slip_a32 *from, uint32_t expected, int32_t wake_count,
		    const slip_a32 *to, int32_t requeue_count, unsigned flags)
{
	struct slip_futex_waiter pair[2];

	slip_futex_waiter_set(&pair[0], from, expected, flags);
	slip_futex_waiter_set(&pair[1], to, 0, flags);
	return SLIP_CAST(int, slip_sys_call_(SLIP_SYS_FUTEX_REQUEUE_,
					     SLIP_RECAST(long, &pair[0]), 0,
					     wake_count, requeue_count, 0, 0));
}

/* Does the kernel know the call? It does if it finds fault with arguments. */
SLIP_INLINE bool slip_futex_knows_(long nr, long a, long b, long c, long d)
{
	return slip_sys_call_(nr, a, b, c, d, 0, 0) == -EINVAL;
}

/*
 * What this kernel, as seen through this process's seccomp filters, has beyond
 * wait, wake, requeue and wake_op: a mask of SLIP_FUTEX_HAS_ bits. Asks each
 * time, by six calls with arguments that are always wrong; keep the answer.
 */
SLIP_INLINE SLIP_MUST_CHECK unsigned slip_futex_features(void)
{
	const long bad = UINT32_MAX; /* as flags */
	unsigned has = 0;

	/* Address 1 is not aligned to 4. */
	if (slip_futex_knows_(SYS_futex, 1, SLIP_FUTEX_LOCK_PI_, 0, 0))
		has |= SLIP_FUTEX_HAS_PI;
	if (slip_futex_knows_(SYS_futex, 1, SLIP_FUTEX_LOCK_PI2_, 0, 0))
		has |= SLIP_FUTEX_HAS_LOCK_PI2;
	if (slip_futex_knows_(SLIP_SYS_FUTEX_WAITV_, 0, 0, bad, 0))
		has |= SLIP_FUTEX_HAS_WAITV;
	if (slip_futex_knows_(SLIP_SYS_FUTEX_WAKE_, 0, 0, 0, bad) &&
	    slip_futex_knows_(SLIP_SYS_FUTEX_WAIT_, 0, 0, 0, bad) &&
	    slip_futex_knows_(SLIP_SYS_FUTEX_REQUEUE_, 0, bad, 0, 0))
		has |= SLIP_FUTEX_HAS_FUTEX2;
	return has;
}

#ifdef __cplusplus
}
#endif

#endif
