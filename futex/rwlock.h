/* SPDX-License-Identifier: MIT */
/*
 * A reader-writer lock in shared memory whose readers write nothing that
 * another reader touches, and which outlives those who die with it.
 *
 * Use it for data that is read often and changed seldom: to read costs two
 * stores to a line of one's own and two loads, by any number of processors at
 * once; to write costs a system call (membarrier) and a look at every seat. If
 * writes are as frequent as reads, a mutex is better.
 *
 *	struct slip_rwlock l;				private, one a thread
 *
 *	slip_rwlock_init(mem, bytes, 16, 0);		once, for 16 handles
 *	slip_rwlock_attach(&l, mem, bytes, &self);	self: futex/peer.h
 *
 *	if (slip_rwlock_read_lock(&l) == 0) {
 *		... look ...
 *		slip_rwlock_read_unlock(&l);
 *	}
 *	rc = slip_rwlock_write_lock(&l);
 *	if (rc == -EOWNERDEAD)				and it is ours
 *		repair, slip_rwlock_consistent(&l), rc = 0;
 *	if (rc == 0) {
 *		... change ...
 *		slip_rwlock_write_unlock(&l);
 *	}
 *
 * Shape: 128 bytes and 128 for each seat, 64-byte aligned, at any address.
 *
 *	+0	magic, layout, mode, seats: constant
 *	+16	writer	whose: state 0..3, peer id 4..15, its generation 16..47
 *	+24	ev_free	who waits for the writer to go (event.h)
 *	+32	ev_gone	the writer that waits for readers to go
 *	+128	seats	a word each: state 0..3, peer id, generation
 *
 *	writer			read_lock	write_lock	write_unlock
 *	0 free			in		-> 1, by me	-EPERM
 *	1 comes: waits for	waits		waits		(within write_lock)
 *	  the readers to go
 *	2 writes		waits		waits		-> 0
 *	  of a dead one: 1	-> 0		-> 1, by me
 *	  of a dead one: 2, 3	-EOWNERDEAD	-> 3, by me:
 *				(not locked)	-EOWNERDEAD
 *	3 unsure		as writes	as writes	-> 4
 *	4 broken	-ENOTRECOVERABLE	-ENOTRECOVERABLE -EPERM
 *
 *	seat			its holder		the writer
 *	0 free			attach: -> 1		passes
 *	1 taken			read_lock: -> 2		passes
 *	2 reads			read_unlock: -> 1	waits; of a dead one: -> 0
 *
 * The handshake: a reader says so in its seat, then looks at the writer's word;
 * a writer says so in its word, then looks at the seats. One of the two sees
 * the other (store buffering; the order is bought as in event.h: mode ASYM
 * costs the reader nothing here and the writer a membarrier; in mode RMW the
 * reader's two stores are locked instructions). A reader that sees a writer steps
 * back and waits.
 *
 * So writers have precedence: who comes to read while one writes or waits to,
 * waits. A stream of writers keeps readers out for as long as it lasts.
 *
 * Who is dead is said by the kernel, asked by who has waited for a slice
 * (SLIP_SLICE_NS), by try forms, at a deadline, and by attach if no seat is
 * free. A dead reader is skipped; nothing that it read is in disorder. With
 * `self` NULL nobody is ever seen dead. All others are members of the same
 * region: one of another would be taken for dead.
 *
 * Concurrency: a handle belongs to one thread at a time; several handles of one
 * peer are several participants. One that reads may read again, deeper; one that
 * writes may do neither, nor may one that reads write: -EDEADLK.
 *
 *	operation		progress	signal-safe
 *	read_unlock, write_unlock wait-free	yes
 *	try forms		wait-free	yes	(a seat each)
 *	lock forms		blocking	no
 *
 * Order: what was done before write_unlock is visible after any lock that
 * follows; what a reader did before read_unlock, after a write_lock that
 * follows.
 *
 * Death, by the point at which it comes:
 *
 *	in read_lock, reading, in read_unlock	the writer skips the seat
 *	in write_lock				as if it had not come
 *	writing					the next writer gets -EOWNERDEAD,
 *						readers too, but no lock
 *	after write_unlock's store		free; who sleeps looks after a
 *						slice
 *	stopped while it reads, writes, or	the others wait: it has the lock,
 *	comes to do so				or its place
 *
 * fork: a child's copy of a handle is refused: -ECHILD. So is one whose `self`
 * has left, also if it has joined again: -EINVAL. With `self` NULL neither is
 * seen.
 *
 * Damage: geometry is checked at attach and kept in the handle. Whoever can
 * write the memory can break the exclusion; nothing else follows.
 *
 * Source: the big-reader lock of Linux 2.4 and its heirs (one word for each
 * reader), with the asymmetric fence as in liburcu; seats that name a
 * membership whose death the kernel states are our own.
 */
#ifndef SLIP_FUTEX_RWLOCK_H
#define SLIP_FUTEX_RWLOCK_H

#include <limits.h>

#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_RWLOCK_MAGIC_     UINT32_C(0x314b4c52) /* "RLK1" */
#define SLIP_RWLOCK_LAYOUT_    2u
#define SLIP_RWLOCK_LOOKS_     8 /* for a free seat */
#define SLIP_RWLOCK_SEATS_MAX  4096u
#define SLIP_RWLOCK_SEAT_BYTES 128u

enum {
	SLIP_RWLOCK_COMES_ = 1, /* of the writer's word */
	SLIP_RWLOCK_WRITES_ = 2,
	SLIP_RWLOCK_UNSURE_ = 3,
	SLIP_RWLOCK_BROKEN_ = 4,
	SLIP_RWLOCK_TAKEN_ = 1, /* of a seat */
	SLIP_RWLOCK_READS_ = 2,
	SLIP_RWLOCK_OUT_ = 0, /* of a handle: not attached */
	SLIP_RWLOCK_IDLE_ = 1,
	SLIP_RWLOCK_DEEPEST_ = INT_MAX, /* n + 1: reads n deep */
	SLIP_RWLOCK_BUSY_ = INT_MIN	/* writes */
};

struct slip_rwlock_shared {
	slip_a32 magic;
	slip_a32 layout;
	slip_a32 mode;
	slip_a32 seats;
	slip_a64 writer;
	struct slip_event ev_free;
	struct slip_event ev_gone;
	unsigned char pad[88];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_rwlock_shared) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_rwlock_shared, writer) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_rwlock_shared, ev_gone) == 32,
		   "layout");

/* The private handle. */
struct slip_rwlock {
	struct slip_rwlock_shared *shared;
	slip_a64 *seat;
	const uint32_t *stand; /* holds `gen` while we may use this */
	uint32_t gen;
	int state;
	unsigned mode;
	uint32_t seats;
	uint64_t mine;		/* our tag, state 0 */
	struct slip_peer *self; /* NULL: nobody is ever seen dead */
	uint64_t dead;		/* the word of a writer that we follow, or 0 */
	uint32_t next;		/* the seat that a writer looks at next */
	bool unsure;
	struct slip_waiter free; /* for a lock */
	struct slip_waiter gone; /* for readers, as a writer */
};

/* --- shape ------------------------------------------------------------------ */

/* Bytes that a lock for so many handles takes; 0: 1 to 4096 are possible. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_rwlock_bytes(uint32_t seats)
{
	if (seats < 1 || seats > SLIP_RWLOCK_SEATS_MAX)
		return 0;
	return sizeof(struct slip_rwlock_shared) +
	       SLIP_CAST(size_t, seats) * SLIP_RWLOCK_SEAT_BYTES;
}

SLIP_INLINE slip_a64 *slip_rwlock_seat_(const struct slip_rwlock *l, uint32_t i)
{
	void *at = SLIP_CAST(char *, SLIP_CAST(void *, l->shared)) +
		   sizeof(*l->shared) +
		   SLIP_CAST(size_t, i) * SLIP_RWLOCK_SEAT_BYTES;

	return SLIP_CAST(slip_a64 *, at);
}

/*
 * Make `mem` (64-byte aligned, of any content, used by nobody) a free lock.
 * `flags`: 0, or SLIP_EVENT_ASYM or SLIP_EVENT_RMW (event.h). 0; -EINVAL: seats,
 * alignment, flags; -ENOSPC: too few bytes; what slip_event_choose returns.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_rwlock_init(void *mem, size_t bytes,
						 uint32_t seats, unsigned flags)
{
	struct slip_rwlock_shared *s =
		SLIP_CAST(struct slip_rwlock_shared *, mem);
	size_t want = slip_rwlock_bytes(seats);
	int mode =
		flags == SLIP_EVENT_FULL ? -EINVAL : slip_event_choose(flags);

	if (!want || SLIP_RECAST(uintptr_t, mem) % 64)
		return -EINVAL;
	if (bytes < want)
		return -ENOSPC;
	if (mode < 0)
		return mode;
	if (mode == SLIP_EVENT_FULL) /* in place of ASYM */
		mode = SLIP_EVENT_RMW;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a32_store_relaxed(&s->magic, 0);
	memset(SLIP_CAST(char *, mem) + sizeof(s->magic), 0,
	       want - sizeof(s->magic));
	/* init: three words */
	slip_a32_store_relaxed(&s->layout, SLIP_RWLOCK_LAYOUT_);
	slip_a32_store_relaxed(&s->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&s->seats, seats);
	/* RWLOCK-R1 creator: the lock is whole. Pairs: slip_rwlock_read_shape_.
	 * Else: a shape is read that is not there. */
	slip_a32_store_release(&s->magic, SLIP_RWLOCK_MAGIC_);
	return 0;
}

SLIP_COLD SLIP_MUST_CHECK int slip_rwlock_read_shape_(struct slip_rwlock *l,
						      void *mem, size_t bytes)
{
	struct slip_rwlock_shared *s =
		SLIP_CAST(struct slip_rwlock_shared *, mem);

	if (SLIP_RECAST(uintptr_t, mem) % 64)
		return -EINVAL;
	if (bytes < sizeof(*s))
		return -EBADMSG;
	/* RWLOCK-A1 user: the lock is whole. Pairs: slip_rwlock_init. Else: as
	 * there. */
	if (slip_a32_load_acquire(&s->magic) != SLIP_RWLOCK_MAGIC_)
		return -EBADMSG;
	/* own: these are constant */
	if (slip_a32_load_relaxed(&s->layout) != SLIP_RWLOCK_LAYOUT_)
		return -EPROTO;
	l->shared = s;
	l->mode = slip_a32_load_relaxed(&s->mode);
	l->seats = slip_a32_load_relaxed(&s->seats);
	if ((l->mode != SLIP_EVENT_ASYM && l->mode != SLIP_EVENT_RMW) ||
	    !slip_rwlock_bytes(l->seats) || bytes < slip_rwlock_bytes(l->seats))
		return -EBADMSG;
	return 0;
}

/* --- seats ------------------------------------------------------------------ */

/* Take a seat that is free; or, if `ask`, one of a dead member. */
SLIP_INLINE bool slip_rwlock_sit_(struct slip_rwlock *l, bool ask)
{
	for (uint32_t i = 0; i < l->seats; i++) {
		slip_a64 *seat = slip_rwlock_seat_(l, i);
		/* hint: the swap is by what was seen */
		uint64_t seen = slip_a64_load_relaxed(seat);

		if (seen && !(ask && slip_peer_tag_dead_(seen, l->self)))
			continue;
		/* RWLOCK-A2, RWLOCK-R2 newcomer: passes on what its last holder
		 * did as a reader, which came with its going (its own stores to
		 * come hide that), or with the oracle's answer. Pairs:
		 * slip_rwlock_say_, slip_rwlock_reads_. Else: a writer changes
		 * what is still being read. */
		if (!slip_a64_cas_acqrel(seat, &seen,
					 l->mine | SLIP_RWLOCK_TAKEN_))
			continue;
		l->seat = seat;
		return true;
	}
	return false;
}

/*
 * Make a handle and take a seat. `self`: who it belongs to; NULL: one whose
 * death nobody will know of. 0; -EUSERS: no seat is free, nor its holder dead;
 * -EBADMSG: not a lock, or damaged; -EPROTO: another layout; -EINVAL: alignment,
 * or `self` is no member; -ECHILD; what slip_event_register returns. Detach
 * before `self` leaves: from then on the seat may be another's. Once its region
 * is closed the handle is not to be used at all.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_rwlock_attach(struct slip_rwlock *l,
						 void *mem, size_t bytes,
						 struct slip_peer *self)
{
	int rc = self ? slip_region_check_(self->rg) : 0;
	uint64_t slice;
	int looks = 0;

	memset(l, 0, sizeof(*l));
	if (!rc && self && !self->id)
		rc = -EINVAL;
	if (!rc)
		rc = slip_rwlock_read_shape_(l, mem, bytes);
	if (!rc)
		rc = slip_event_register(l->mode);
	if (rc)
		return rc;
	l->self = self;
	l->stand = slip_peer_stand_(self);
	l->gen = self ? self->gen : 0;
	l->mine = self ? slip_peer_tag_(self->id, self->gen) : 0;
	slice = self ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS;
	slip_waiter_init_(&l->free, &l->shared->ev_free, l->mode, slice);
	slip_waiter_init_(&l->gone, &l->shared->ev_gone, l->mode, slice);
	/* Others may go to a seat that was passed from one that is still to be
	 * looked at, or die there: once is not enough. */
	while (!slip_rwlock_sit_(l, looks > 0))
		if (looks++ == SLIP_RWLOCK_LOOKS_)
			return -EUSERS;
	l->state = SLIP_RWLOCK_IDLE_;
	return 0;
}

/* -ECHILD for a copy in a fork child; -EINVAL for what never attached, or whose
 * `self` has left. */
SLIP_INLINE SLIP_MUST_CHECK int slip_rwlock_check_(const struct slip_rwlock *l)
{
	int rc;

	if (l->state == SLIP_RWLOCK_OUT_)
		return -EINVAL;
	if (*l->stand == l->gen)
		return 0;
	rc = slip_region_check_(l->self->rg);
	return rc ? rc : -EINVAL;
}

/* Say something in a word of our own, as the event of the mode wants it. */
SLIP_CORE void slip_rwlock_say_(unsigned mode, slip_a64 *word, uint64_t x)
{
	if (mode == SLIP_EVENT_ASYM)
		/* RWLOCK-R2 reader: has looked at all it wanted. Pairs:
		 * slip_rwlock_reads_. Else: a writer changes what is still
		 * being read.
		 * RWLOCK-R3 writer: what it wrote is there. Pairs:
		 * slip_rwlock_enter_as_, slip_rwlock_come_. Else: it is read as it
		 * was before. */
		slip_a64_store_release(word, x);
	else
		/* RWLOCK-R2, RWLOCK-R3 holder: the same. Pairs:
		 * slip_rwlock_reads_, slip_rwlock_enter_as_, slip_rwlock_come_.
		 * Else: the same. */
		(void)slip_a64_exchange_release(word, x);
}

SLIP_CORE void slip_rwlock_leave_as_(struct slip_rwlock *l, unsigned mode,
				     uint64_t next)
{
	slip_rwlock_say_(mode, l->seat, next);
	slip_event_notify(&l->shared->ev_gone, mode);
}

/* Say that we do not read, any more; a writer may wait for it. */
SLIP_CORE void slip_rwlock_leave_(struct slip_rwlock *l, uint64_t next)
{
	if (SLIP_LIKELY(l->mode == SLIP_EVENT_ASYM))
		slip_rwlock_leave_as_(l, SLIP_EVENT_ASYM, next);
	else
		slip_rwlock_leave_as_(l, SLIP_EVENT_RMW, next);
}

/*
 * Give the seat back. 0; -EBUSY: it reads or writes; -ECHILD; -EINVAL: not
 * attached.
 */
SLIP_INLINE int slip_rwlock_detach(struct slip_rwlock *l)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state != SLIP_RWLOCK_IDLE_)
		return -EBUSY;
	slip_rwlock_leave_(l, 0);
	l->state = SLIP_RWLOCK_OUT_;
	return 0;
}

/* --- reading ---------------------------------------------------------------- */

SLIP_CORE bool slip_rwlock_enter_as_(struct slip_rwlock *l, unsigned mode)
{
	slip_rwlock_say_(mode, l->seat, l->mine | SLIP_RWLOCK_READS_);
	if (mode == SLIP_EVENT_ASYM)
		/* RWLOCK-H1 reader: it is seen to read before it looks for a
		 * writer, by the compiler here and, if a writer asks for it,
		 * by the processor. Pairs: slip_rwlock_drain_. Else: it reads
		 * while another writes. */
		slip_fence_light();
	else
		/* RWLOCK-H1 reader: the same, by the exchange before. Pairs:
		 * slip_rwlock_drain_. Else: the same. */
		slip_fence_after_rmw();
	/* RWLOCK-A3 reader: sees all that was written. Pairs: slip_rwlock_say_.
	 * Else: it reads what was there before. */
	if (SLIP_LIKELY(slip_a64_load_acquire(&l->shared->writer) == 0)) {
		l->state = SLIP_RWLOCK_IDLE_ + 1;
		return true;
	}
	slip_rwlock_leave_as_(l, mode, l->mine | SLIP_RWLOCK_TAKEN_);
	return false;
}

/* In, unless there is a writer. */
SLIP_CORE bool slip_rwlock_enter_(struct slip_rwlock *l)
{
	if (SLIP_LIKELY(l->mode == SLIP_EVENT_ASYM))
		return slip_rwlock_enter_as_(l, SLIP_EVENT_ASYM);
	return slip_rwlock_enter_as_(l, SLIP_EVENT_RMW);
}

/* What the writer's word means for one who wants in, and has waited: 0: wait on;
 * 1: its holder died before it wrote; or -errno. */
SLIP_INLINE int slip_rwlock_blocked_(const struct slip_rwlock *l,
				     uint64_t writer, bool ask)
{
	uint64_t state = writer & 15;

	if (state < SLIP_RWLOCK_COMES_ || state >= SLIP_RWLOCK_BROKEN_)
		return -ENOTRECOVERABLE;
	if (!ask || !slip_peer_tag_dead_(writer, l->self))
		return 0;
	return state == SLIP_RWLOCK_COMES_ ? 1 : -EOWNERDEAD;
}

/* Free the lock of who came to write and died before it did. */
SLIP_INLINE void slip_rwlock_bury_(struct slip_rwlock *l, uint64_t dead)
{
	/* hint: a swap, as the dead one's was, so who reads the 0 gets what
	 * the last writer's R3 has released */
	if (slip_a64_cas_relaxed(&l->shared->writer, &dead, 0))
		slip_event_wake_all(&l->shared->ev_free);
}

SLIP_INLINE int slip_rwlock_read_ready_(void *handle, bool ask)
{
	struct slip_rwlock *l = SLIP_CAST(struct slip_rwlock *, handle);
	/* hint: a look first leaves the writer in peace */
	uint64_t writer = slip_a64_load_relaxed(&l->shared->writer);
	int rc = writer ? slip_rwlock_blocked_(l, writer, ask) : 0;

	if (rc < 0 || (writer && rc == 0))
		return rc;
	if (writer)
		slip_rwlock_bury_(l, writer);
	return slip_rwlock_enter_(l);
}

SLIP_COLD SLIP_MUST_CHECK int slip_rwlock_read_slow_(struct slip_rwlock *l,
						     uint64_t deadline_ns)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state == SLIP_RWLOCK_BUSY_)
		return -EDEADLK;
	if (l->state == SLIP_RWLOCK_DEEPEST_)
		return -EAGAIN;
	if (l->state == SLIP_RWLOCK_IDLE_)
		return slip_waiter_until_(&l->free, slip_rwlock_read_ready_, l,
					  deadline_ns);
	l->state++;
	return 0;
}

/*
 * Begin to read; block while another writes or waits to, until `deadline_ns`
 * (absolute CLOCK_MONOTONIC) at most. 0; -EOWNERDEAD: a writer died at its work,
 * and it is *not* ours: take it for writing and repair; -ENOTRECOVERABLE: that
 * was tried and given up; -EDEADLK: this handle writes; -EAGAIN: too deep;
 * -ETIMEDOUT; -ECHILD; -EINVAL: not attached; or as slip_event_prepare and
 * slip_event_sleep.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_rwlock_read_lock_until(struct slip_rwlock *l,
							  uint64_t deadline_ns)
{
	if (SLIP_LIKELY(l->state == SLIP_RWLOCK_IDLE_ && *l->stand == l->gen &&
			slip_rwlock_enter_(l)))
		return 0;
	return slip_rwlock_read_slow_(l, deadline_ns);
}

/* Begin to read; block for as long as it takes. */
SLIP_CORE SLIP_MUST_CHECK int slip_rwlock_read_lock(struct slip_rwlock *l)
{
	return slip_rwlock_read_lock_until(l, SLIP_FOREVER);
}

/* Begin to read if nobody writes or waits to; else -EBUSY. */
SLIP_INLINE SLIP_MUST_CHECK int slip_rwlock_try_read_lock(struct slip_rwlock *l)
{
	int rc = slip_rwlock_read_lock_until(l, 0);

	return rc == -ETIMEDOUT ? -EBUSY : rc;
}

SLIP_COLD int slip_rwlock_read_unlock_slow_(struct slip_rwlock *l)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state <= SLIP_RWLOCK_IDLE_)
		return -EPERM;
	l->state--;
	return 0;
}

/* Have read. 0; -EPERM: this handle does not; -ECHILD; -EINVAL. */
SLIP_CORE int slip_rwlock_read_unlock(struct slip_rwlock *l)
{
	if (SLIP_UNLIKELY(l->state != SLIP_RWLOCK_IDLE_ + 1 ||
			  *l->stand != l->gen))
		return slip_rwlock_read_unlock_slow_(l);
	l->state = SLIP_RWLOCK_IDLE_;
	slip_rwlock_leave_(l, l->mine | SLIP_RWLOCK_TAKEN_);
	return 0;
}

/* --- writing ---------------------------------------------------------------- */

/* Set the writer's word free, or to what it was, and tell. */
SLIP_INLINE void slip_rwlock_go_(struct slip_rwlock *l, uint64_t next)
{
	slip_rwlock_say_(l->mode, &l->shared->writer, next);
	l->state = SLIP_RWLOCK_IDLE_;
	l->unsure = false;
	if (next)
		slip_event_wake_all(&l->shared->ev_free);
	else
		slip_event_notify(&l->shared->ev_free, l->mode);
}

/* Become the one that writes next. As slip_ready_fn. */
SLIP_INLINE int slip_rwlock_come_(void *handle, bool ask)
{
	struct slip_rwlock *l = SLIP_CAST(struct slip_rwlock *, handle);
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&l->shared->writer);
	int rc = seen ? slip_rwlock_blocked_(l, seen, ask) : 1;
	uint64_t next = l->mine | (rc == -EOWNERDEAD ? SLIP_RWLOCK_UNSURE_
						     : SLIP_RWLOCK_COMES_);

	if (rc == 0 || rc == -ENOTRECOVERABLE)
		return rc;
	/* RWLOCK-A3 writer: sees what the last one wrote; as the fence of
	 * slip_rwlock_drain_ says, too. Pairs: slip_rwlock_say_. Else: it
	 * changes what was there before. */
	if (!slip_a64_cas_acquire(&l->shared->writer, &seen, next))
		return 0;
	l->state = SLIP_RWLOCK_BUSY_;
	l->unsure = rc == -EOWNERDEAD;
	l->dead = l->unsure ? seen : 0;
	return 1;
}

/* Does the holder of that seat read? */
SLIP_INLINE bool slip_rwlock_reads_(const struct slip_rwlock *l, uint32_t i,
				    bool ask)
{
	slip_a64 *seat = slip_rwlock_seat_(l, i);
	/* RWLOCK-A2 writer: the reader has looked at all it wanted. Pairs:
	 * slip_rwlock_say_, slip_rwlock_sit_, slip_rwlock_reads_. Else: it
	 * changes what is still being read. */
	uint64_t seen = slip_a64_load_acquire(seat);

	if ((seen & 15) != SLIP_RWLOCK_READS_)
		return false;
	if (!ask || !slip_peer_tag_dead_(seen, l->self))
		return true;
	/* RWLOCK-R2 writer: passes on what the dead one read, had from the
	 * oracle, as it may die before it writes. Pairs: slip_rwlock_reads_,
	 * slip_rwlock_sit_. Else: a writer changes what is still being read. */
	(void)slip_a64_cas_release(seat, &seen, 0);
	return false;
}

SLIP_INLINE int slip_rwlock_gone_(void *handle, bool ask)
{
	struct slip_rwlock *l = SLIP_CAST(struct slip_rwlock *, handle);

	while (l->next < l->seats && !slip_rwlock_reads_(l, l->next, ask))
		l->next++;
	return l->next == l->seats;
}

/* Wait until nobody reads who came before us. */
SLIP_INLINE int slip_rwlock_drain_(struct slip_rwlock *l, uint64_t deadline_ns)
{
	int rc = 0;

	l->next = 0;
	if (l->mode == SLIP_EVENT_ASYM)
		/* RWLOCK-H1 looker: its word is there before it looks at the
		 * seats: a full fence here and in every reader. Pairs:
		 * slip_rwlock_enter_as_. Else: it writes while another reads. */
		rc = slip_fence_heavy();
	else
		/* RWLOCK-H1 looker: the same, but here alone. Pairs:
		 * slip_rwlock_enter_as_. Else: the same. */
		slip_fence_full();
	if (rc)
		return rc;
	return slip_waiter_until_(&l->gone, slip_rwlock_gone_, l, deadline_ns);
}

/*
 * Take the lock for writing; block until `deadline_ns` (absolute
 * CLOCK_MONOTONIC) at most. 0; -EOWNERDEAD: it is ours, but a writer died at its
 * work, so look; -ENOTRECOVERABLE: somebody was told that, and gave up;
 * -EDEADLK: this handle reads or writes; -ETIMEDOUT; -ECHILD; -EINVAL: not
 * attached; or as slip_event_prepare and slip_event_sleep.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_rwlock_write_lock_until(struct slip_rwlock *l, uint64_t deadline_ns)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state != SLIP_RWLOCK_IDLE_)
		return -EDEADLK;
	rc = slip_waiter_until_(&l->free, slip_rwlock_come_, l, deadline_ns);
	if (rc)
		return rc;
	rc = slip_rwlock_drain_(l, deadline_ns);
	if (rc) {
		slip_rwlock_go_(l, l->dead);
		return rc;
	}
	if (l->unsure)
		return -EOWNERDEAD;
	/* own: what one who dies from here on leaves is in disorder */
	slip_a64_store_relaxed(&l->shared->writer,
			       l->mine | SLIP_RWLOCK_WRITES_);
	return 0;
}

/* Take the lock for writing; block for as long as it takes. */
SLIP_INLINE SLIP_MUST_CHECK int slip_rwlock_write_lock(struct slip_rwlock *l)
{
	return slip_rwlock_write_lock_until(l, SLIP_FOREVER);
}

/* Take the lock for writing if nobody reads, writes or waits; else -EBUSY. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_rwlock_try_write_lock(struct slip_rwlock *l)
{
	int rc = slip_rwlock_write_lock_until(l, 0);

	return rc == -ETIMEDOUT ? -EBUSY : rc;
}

/*
 * After -EOWNERDEAD from a write lock: what the lock protects is in order
 * again. 0; -EPERM: it is not ours; -EINVAL: nobody had died; -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_rwlock_consistent(struct slip_rwlock *l)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state != SLIP_RWLOCK_BUSY_)
		return -EPERM;
	if (!l->unsure)
		return -EINVAL;
	l->unsure = false;
	/* own: read by the next one only after we have died */
	slip_a64_store_relaxed(&l->shared->writer,
			       l->mine | SLIP_RWLOCK_WRITES_);
	return 0;
}

/*
 * Have written. 0; -EPERM: this handle does not; -ECHILD; -EINVAL. After
 * -EOWNERDEAD without consistent() the lock is broken for ever.
 */
SLIP_INLINE int slip_rwlock_write_unlock(struct slip_rwlock *l)
{
	int rc = slip_rwlock_check_(l);

	if (rc)
		return rc;
	if (l->state != SLIP_RWLOCK_BUSY_)
		return -EPERM;
	slip_rwlock_go_(l, l->unsure ? SLIP_RWLOCK_BROKEN_ : 0);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
