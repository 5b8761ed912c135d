/* SPDX-License-Identifier: MIT */
/*
 * A barrier for threads and processes: nobody goes on before all have come; but
 * the dead are not waited for, and those who go on are told how many were lost.
 *
 * Use it to go through phases together. To wait once for others to be done,
 * take latch.h.
 *
 *	slip_barrier_init(mem, bytes, 3);		once
 *	slip_barrier_attach(&b, mem, bytes, &self);	self: futex/peer.h
 *	slip_barrier_join(&b);
 *	for (;;) {
 *		work();
 *		int lost = slip_barrier_wait(&b, &serial);
 *		if (lost < 0)
 *			return lost;
 *		if (serial)
 *			... one alone does this ...
 *	}
 *	slip_barrier_leave(&b);
 *
 * Shape, states and the argument: futex/seats.h.
 *
 * Members. The barrier has `count` seats, all of which must have been taken
 * before the first phase ends. A member arrives in each phase, or leaves. One
 * that dies is counted out in the phase for which it did not arrive, which
 * then tells of it, once; when the next one is over another can have its seat.
 * So can those of members that left; whoever joins is waited for from then on.
 * Death is that of the membership `self` (peer.h), found by those who have
 * waited for a slice (SLIP_SLICE_NS, 6 ms); one that is stopped is waited for.
 * With `self` NULL nobody is found dead, by this handle or of it. All others are
 * members of the same region: one of another would be taken for dead.
 *
 * Concurrency: a handle, and a seat, for each thread. wait blocks; the others
 * do not.
 *
 *			join	leave	wait
 *	one handle	X	X	X
 *	two handles	-	-	-
 *
 * Order: what a member did before wait, leave or its death is visible to all
 * after the wait of that phase.
 *
 * Death. The dead are told of by the number, in the phase that did without them.
 * One that dies after it arrived is lost in the next phase. The serial one of a
 * phase may die before it has heard so: then nobody does; work that must be
 * done belongs under once.h. One that leaves is never the serial one.
 *
 * fork: a child's copy of a handle is refused: -ECHILD. So is one whose `self`
 * has left, also if it has joined again: -EINVAL. With `self` NULL neither is
 * seen.
 *
 * Damage: magic and count are checked at attach, and the count kept; seats are
 * read once each. Whoever can write the words can end phases early, or never.
 *
 * Source: the barriers of POSIX and of Java (Phaser); counting out the dead is
 * our own.
 */
#ifndef SLIP_FUTEX_BARRIER_H
#define SLIP_FUTEX_BARRIER_H

#include "seats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_BARRIER_MAX    SLIP_SEATS_MAX_
#define SLIP_BARRIER_MAGIC_ UINT32_C(0x31524142) /* "BAR1" */

struct slip_barrier {
	struct slip_seat seat;
};

/* So many bytes does a barrier for `count` take, 8-byte aligned. */
SLIP_INLINE uint64_t slip_barrier_bytes(uint32_t count)
{
	return slip_seats_bytes_(count);
}

/*
 * Make `mem` (of any content, used by nobody) a barrier with `count` free seats,
 * 1..SLIP_BARRIER_MAX. 0; -EINVAL: count, or alignment; -EOVERFLOW: too small.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_barrier_init(void *mem, size_t bytes,
						  uint32_t count)
{
	return slip_seats_init_(mem, bytes, count, SLIP_BARRIER_MAGIC_);
}

/*
 * Make a handle. `self`: the member that will have a seat, or NULL. 0; -EBADMSG:
 * not a barrier, or damaged; -EINVAL: alignment, or `self` is no member;
 * -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_barrier_attach(struct slip_barrier *b,
						    void *mem, size_t bytes,
						    struct slip_peer *self)
{
	return slip_seats_attach_(&b->seat, mem, bytes, self,
				  SLIP_BARRIER_MAGIC_);
}

/*
 * Take a seat. 0; -EBUSY: this handle has one; -EUSERS: all are taken, or their
 * owners not known to be dead for a whole phase; -EINVAL: `self` has left;
 * -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_barrier_join(struct slip_barrier *b)
{
	return slip_seats_join_(&b->seat, true);
}

/* Give the seat up, if there is one. A phase that waited for nobody else is
 * over by it. */
SLIP_INLINE void slip_barrier_leave(struct slip_barrier *b)
{
	slip_seats_leave_(&b->seat);
}

/*
 * Arrive, and wait until all have, or until `deadline_ns` (absolute
 * CLOCK_MONOTONIC, SLIP_FOREVER for none). `serial` (or NULL): true for one of
 * all who waited for this phase.
 *
 * How many members were lost in this phase, 0 or more; -ETIMEDOUT: has arrived,
 * and the phase goes on: call it again; -EPERM: no seat; -EINVAL: `self` has
 * left; -ECHILD; -EFAULT: the memory is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_barrier_wait_until(struct slip_barrier *b,
							uint64_t deadline_ns,
							bool *serial)
{
	struct slip_seat *h = &b->seat;
	int rc = slip_seats_check_(h);

	if (!rc && !h->arrived)
		rc = slip_seats_arrive_(h);
	if (!rc)
		rc = slip_seats_wait_(h, deadline_ns);
	if (rc >= 0)
		h->arrived = false;
	if (serial)
		*serial = rc >= 0 && h->serial;
	return rc;
}

/* As slip_barrier_wait_until(), for as long as it takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_barrier_wait(struct slip_barrier *b,
						  bool *serial)
{
	return slip_barrier_wait_until(b, SLIP_FOREVER, serial);
}

#ifdef __cplusplus
}
#endif

#endif
