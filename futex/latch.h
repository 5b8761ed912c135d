/* SPDX-License-Identifier: MIT */
/*
 * A latch: it opens, once and for good, when a number of members have arrived;
 * or died, and who waits is told how many.
 *
 * Use it to wait until several others are done, or ready. For phase after phase
 * take barrier.h; for a door that one opens, flag.h.
 *
 *	slip_latch_init(mem, bytes, 3);			once
 *
 *	slip_latch_attach(&l, mem, bytes, &self);	self: futex/peer.h
 *	slip_latch_join(&l);				int lost =
 *	work();							slip_latch_wait(
 *	slip_latch_arrive(&l);						&l);
 *
 * Shape, states and the argument: futex/seats.h; there is one phase, 0.
 *
 * Members. The latch has `count` seats, all of which must be taken: one of which
 * nobody ever came cannot be missed. A seat is taken once: arrive is for good,
 * and one that was lost is not replaced. Who waits needs no seat, and may have
 * one. Death is that of the membership `self` (peer.h), found by those who have
 * waited for a slice (SLIP_SLICE_NS, 6 ms); one that is stopped is waited for.
 * With `self` NULL nobody is found dead, by this handle or of it. All others are
 * members of the same region: one of another would be taken for dead.
 *
 * Concurrency: a handle for each thread. wait blocks; the others do not, and
 * arrive is async-signal-safe (if the handler has not interrupted a user of the
 * same handle).
 *
 * Order: what a member did before arrive, leave or its death is visible to whom
 * wait or try says that the latch is open.
 *
 * Death: of one that has joined and not arrived: it is counted out, and told of
 * by the number that wait returns, to all the same. One that died before it
 * joined is not known: join before the work is given out.
 *
 * fork: a child's copy of a handle is refused: -ECHILD. So is one whose `self`
 * has left, also if it has joined again: -EINVAL. With `self` NULL neither is
 * seen.
 *
 * Damage: as barrier.h.
 *
 * Source: the latches of Java and C++; counting out the dead is our own.
 */
#ifndef SLIP_FUTEX_LATCH_H
#define SLIP_FUTEX_LATCH_H

#include "seats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_LATCH_MAX	  SLIP_SEATS_MAX_
#define SLIP_LATCH_MAGIC_ UINT32_C(0x3154414c) /* "LAT1" */

struct slip_latch {
	struct slip_seat seat;
};

/* So many bytes does a latch for `count` take, 8-byte aligned. */
SLIP_INLINE uint64_t slip_latch_bytes(uint32_t count)
{
	return slip_seats_bytes_(count);
}

/*
 * Make `mem` (of any content, used by nobody) a latch that waits for `count`,
 * 1..SLIP_LATCH_MAX. 0; -EINVAL: count, or alignment; -EOVERFLOW: too small.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_init(void *mem, size_t bytes,
						uint32_t count)
{
	return slip_seats_init_(mem, bytes, count, SLIP_LATCH_MAGIC_);
}

/*
 * Make a handle, to wait or to join. `self`: a member, or NULL. 0; -EBADMSG: not
 * a latch, or damaged; -EINVAL: alignment, or `self` is no member; -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_attach(struct slip_latch *l,
						  void *mem, size_t bytes,
						  struct slip_peer *self)
{
	return slip_seats_attach_(&l->seat, mem, bytes, self,
				  SLIP_LATCH_MAGIC_);
}

/* Take a seat: to be waited for. 0; -EBUSY: this handle has one; -EUSERS: all
 * were taken; -EINVAL: `self` has left; -ECHILD. */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_join(struct slip_latch *l)
{
	return slip_seats_join_(&l->seat, false);
}

/* Be waited for no more. 0; -EPERM: has no seat, or has arrived; -EINVAL:
 * `self` has left; -ECHILD. */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_arrive(struct slip_latch *l)
{
	struct slip_seat *h = &l->seat;
	int rc = slip_seats_check_(h);

	if (!rc)
		rc = h->arrived ? -EPERM : slip_seats_arrive_(h);
	return rc;
}

/*
 * Wait until it is open, or until `deadline_ns` (absolute CLOCK_MONOTONIC,
 * SLIP_FOREVER for none). How many were lost, 0 or more; -ETIMEDOUT; -EINVAL:
 * `self` has left; -ECHILD; -EFAULT: the memory is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_wait_until(struct slip_latch *l,
						      uint64_t deadline_ns)
{
	struct slip_seat *h = &l->seat;
	int rc = slip_seats_check_(h);

	h->phase = 0;
	return rc ? rc : slip_seats_wait_(h, deadline_ns);
}

/* As slip_latch_wait_until(), for as long as it takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_wait(struct slip_latch *l)
{
	return slip_latch_wait_until(l, SLIP_FOREVER);
}

/* Is it open? How many were lost; -EAGAIN: not yet; -EINVAL; -ECHILD. Asks the
 * kernel about those who have not arrived, 0.3 us for each. */
SLIP_INLINE SLIP_MUST_CHECK int slip_latch_try(struct slip_latch *l)
{
	int rc = slip_latch_wait_until(l, 0);

	return rc == -ETIMEDOUT ? -EAGAIN : rc;
}

#ifdef __cplusplus
}
#endif

#endif
