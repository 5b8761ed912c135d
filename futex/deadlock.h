/* SPDX-License-Identifier: MIT */
/*
 * Who waits for whom: a robust mutex that says -EDEADLK, with the members that
 * wait for each other in a circle, instead of waiting for ever.
 *
 * Use it to find locks taken in the wrong order, across processes. Do not use
 * it to allow that: each report comes up to a slice after the circle was
 * closed, and -EDEADLK must be dealt with by giving something back.
 *
 *	struct slip_deadlock d;				private, one a thread
 *
 *	slip_deadlock_init(&d, &self);			futex/peer.h
 *	slip_robust_mutex_attach(&m, &s->lock, &self, 0);
 *	slip_robust_mutex_report(&m, &d);		opt in; any number of m
 *
 *	if (slip_robust_mutex_lock(&m) == -EDEADLK) {
 *		n = slip_deadlock_cycle(&d, ids, 8);
 *		... ids[0] is us, who waits for ids[1], who waits ... for us
 *	}
 *
 * What is told. Whoever has waited for a slice (SLIP_SLICE_NS) and has no
 * deadline announces in its record what it waits for; then, and after each
 * further slice, it looks who has that, and what that one waits for. One with a
 * deadline looks too, but announces nothing, as its wait ends by itself. So a
 * circle is told of as long as all but one in it wait for ever, to the last
 * that announced, or to several; each circle of up to SLIP_DEADLOCK_MAX
 * members. None is told of that is none: see Order. A member that is dead is in
 * no circle, as its lock is about to be inherited.
 *
 * A member stands for one thread: give each thread a membership of its own. If
 * two threads share one, each with a `d` of its own, only the first that waits
 * is announced, and a circle may be told of that the other can still open. If
 * one of two mutex handles of a member has the mutex, the other is in a circle
 * of one.
 *
 * With cond.h: the wait takes the mutex back by lock, so it may say -EDEADLK too,
 * and has not got it; slip_robust_mutex_unlock then says -EPERM.
 *
 * Shape: two words in the record of each member (peer.h, at 64):
 *
 *	+64	wait	number of the wait 0..20, offset of the mutex / 8 21..63,
 *			0: waits for nothing
 *	+72	gen	of the member that this is about
 *
 * A word that another member of the same id left is known by its gen.
 *
 *	wait		announce		retract
 *	0, n		-> offset, n + 1	-
 *	offset, n	another handle's	-> 0, n
 *
 * Cost: none where the lock is free, or got within a slice, or not opted in.
 * Announcing is one locked instruction, withdrawing a fence; a look is three
 * loads for each member of the chain, and, once it has come back to us, as many again,
 * and a question to the kernel for each (0.3 us).
 *
 * Order. All who wait look again after each slice, and what they announced is
 * then there, so of those who close a circle the last to look sees it at the
 * latest a slice after. A circle is believed when it was read twice with the
 * same numbers. Reading it the first time made everything visible that these
 * members did before they announced; so what stands there the second time was
 * so for all of them together, and none has come on since: a wait that is over
 * is withdrawn before its member takes or gives back anything. (Numbers return
 * after 2^21 waits of one member during one look.)
 *
 * Death: in a wait, it leaves its announcement, which the oracle makes void,
 * and the next member of that id overwrites.
 *
 * Damage: every offset is checked before it is followed. Whoever can write the
 * records can hide a circle, or feign one.
 *
 * Source: a walk along the graph of waits, as the kernel does for record locks;
 * the double reading with numbers (Afek et al., atomic snapshots) is known too.
 */
#ifndef SLIP_FUTEX_DEADLOCK_H
#define SLIP_FUTEX_DEADLOCK_H

#include "../atomics/fence.h"
#include "peer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_DEADLOCK_MAX 64u /* members in a circle */

#define SLIP_DEADLOCK_NUMBERS_ ((UINT64_C(1) << 21) - 1)

/* One step: a lock's word, and what its owner waits for. */
struct slip_deadlock_step_ {
	uint64_t lock;
	uint64_t wait;
};

/* The private handle. */
struct slip_deadlock {
	struct slip_peer *self;
	const struct slip_region *rg; /* of self, when it was made */
	uint32_t gen;		      /* of `self` */
	uint32_t members;	      /* of the circle told of last */
	uint64_t announced; /* what we have said that we wait for; 0: nothing */
	struct slip_deadlock_step_ seen[SLIP_DEADLOCK_MAX];
};

SLIP_CORE slip_a64 *slip_deadlock_wait_(const struct slip_region *rg,
					uint32_t id)
{
	return &slip_peer_record_(rg, id)->holds[0];
}

SLIP_CORE slip_a64 *slip_deadlock_gen_(const struct slip_region *rg,
				       uint32_t id)
{
	return &slip_peer_record_(rg, id)->holds[1];
}

/*
 * Make a handle for a member that wants to be told of deadlocks. It lasts as
 * long as the membership. 0; -EINVAL: `self` is no member; -ECHILD.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_deadlock_init(struct slip_deadlock *d,
						 struct slip_peer *self)
{
	int rc = slip_region_check_(self->rg);
	slip_a64 *wait;
	uint64_t left;

	if (rc)
		return rc;
	if (!self->id)
		return -EINVAL;
	memset(d, 0, sizeof(*d));
	d->self = self;
	d->rg = self->rg;
	d->gen = self->gen;
	/* own: of our id */
	if (slip_a64_load_relaxed(slip_deadlock_gen_(self->rg, self->id)) ==
	    self->gen)
		return 0;
	wait = slip_deadlock_wait_(self->rg, self->id);
	/* own: what a dead one left. A thread that shares the membership may be
	 * at it too: whose swap fails has nothing to do. */
	left = slip_a64_load_relaxed(wait);
	/* own */
	(void)slip_a64_cas_relaxed(wait, &left, left & SLIP_DEADLOCK_NUMBERS_);
	/* DEADLOCK-R1 member: the dead one's wait is gone. Pairs:
	 * slip_deadlock_next_. Else: we are said to wait for what it did. */
	slip_a64_store_release(slip_deadlock_gen_(self->rg, self->id),
			       self->gen);
	return 0;
}

/*
 * The circle that -EDEADLK told of last: ids of up to `max` members, `ids[0]`
 * being our own, each waiting for what the next one has, the last for what we
 * have. How many they are, also beyond `max`; 0: none since the last lock that
 * had to wait.
 */
SLIP_INLINE uint32_t slip_deadlock_cycle(const struct slip_deadlock *d,
					 uint32_t *ids, uint32_t max)
{
	for (uint32_t i = 0; i < max && i < d->members; i++)
		ids[i] = i ? SLIP_CAST(uint32_t, d->seen[i - 1].lock >> 4) &
					 0xfff
			   : d->self->id;
	return d->members;
}

/* --- for the locks --------------------------------------------------------- */

/* Where the word of a lock lies in our region; 0: not in it. */
SLIP_INLINE uint64_t slip_deadlock_at_(const struct slip_deadlock *d,
				       const slip_a64 *lock)
{
	const struct slip_region *rg = d->self->rg;
	uint64_t at =
		SLIP_RECAST(uint64_t, lock) - SLIP_RECAST(uint64_t, rg->mem);

	return at >= rg->header_bytes && at <= rg->bytes - 8 && at % 8 == 0 ? at
									    : 0;
}

/* Who owns a lock waits for: 0: nothing that we could follow. */
SLIP_INLINE uint64_t slip_deadlock_next_(const struct slip_region *rg,
					 uint64_t lock)
{
	uint32_t id = SLIP_CAST(uint32_t, lock >> 4) & 0xfff;
	uint64_t wait;
	uint64_t at;

	if (!id || id > rg->peers_max)
		return 0;
	/* DEADLOCK-A3 waiter: what that one did before it announced this is
	 * there when we look again. Pairs: slip_deadlock_announce_. Else: a
	 * circle is put together from times that never met. */
	wait = slip_a64_load_acquire(slip_deadlock_wait_(rg, id));
	/* DEADLOCK-A1 waiter: if the wait was the dead one's, it is not there
	 * when we look again. Pairs: slip_deadlock_init. Else: as there. */
	if (slip_a64_load_acquire(slip_deadlock_gen_(rg, id)) !=
	    SLIP_CAST(uint32_t, lock >> 16))
		return 0;
	at = wait >> 21 << 3;
	return at >= rg->header_bytes && at <= rg->bytes - 8 ? wait : 0;
}

/* From what we wait for along who has it, until that is us: so many members; 0:
 * it ends otherwise, or `again` and it is not what it was. */
SLIP_INLINE uint32_t slip_deadlock_walk_(struct slip_deadlock *d, uint64_t at,
					 bool again)
{
	const struct slip_region *rg = d->self->rg;
	uint64_t me = slip_peer_tag_(d->self->id, d->gen);
	struct slip_deadlock_step_ now;

	for (uint32_t i = 0; i < SLIP_DEADLOCK_MAX; i++) {
		void *mem = rg->mem + at;

		/* DEADLOCK-H2 looker: who has taken it since its last wait has
		 * withdrawn that. Pairs: slip_deadlock_retract_. Else: it is
		 * said to wait still. */
		now.lock = slip_a64_load_acquire(SLIP_CAST(slip_a64 *, mem));
		now.wait = slip_deadlock_next_(rg, now.lock);
		if (again && now.lock != d->seen[i].lock)
			return 0;
		if ((now.lock & ~UINT64_C(15)) == me) {
			d->seen[i].lock = now.lock;
			return i + 1;
		}
		if (!now.wait || (again && now.wait != d->seen[i].wait))
			return 0;
		d->seen[i] = now;
		at = now.wait >> 21 << 3;
	}
	return 0;
}

SLIP_INLINE void slip_deadlock_announce_(struct slip_deadlock *d, uint64_t at)
{
	slip_a64 *wait = slip_deadlock_wait_(d->self->rg, d->self->id);
	/* own: but for a second handle of ours, which the swap finds */
	uint64_t idle = slip_a64_load_relaxed(wait);
	uint64_t next = at >> 3 << 21 | ((idle + 1) & SLIP_DEADLOCK_NUMBERS_);

	/* DEADLOCK-R3 waiter: what we have taken, given back and withdrawn
	 * before. Pairs: slip_deadlock_next_. Else: as there. */
	if (idle >> 21 || !slip_a64_cas_release(wait, &idle, next))
		return;
	d->announced = next;
}

/* The wait is over, before anything else is done. */
SLIP_INLINE void slip_deadlock_retract_(struct slip_deadlock *d)
{
	if (!d->announced)
		return;
	/* own: while it is not 0 nobody else changes it */
	slip_a64_store_relaxed(slip_deadlock_wait_(d->self->rg, d->self->id),
			       d->announced & SLIP_DEADLOCK_NUMBERS_);
	d->announced = 0;
	/* DEADLOCK-H2 waiter: withdrawn before it takes another lock. Pairs:
	 * slip_deadlock_walk_. Else: as there. */
	slip_fence_full();
}

/* A slice of waiting has gone by for the lock at `at`: 0, or -EDEADLK. */
SLIP_COLD SLIP_MUST_CHECK int slip_deadlock_look_(struct slip_deadlock *d,
						  uint64_t at, bool for_ever)
{
	uint32_t n;

	if (for_ever && !d->announced)
		slip_deadlock_announce_(d, at);
	n = slip_deadlock_walk_(d, at, false);
	if (!n || slip_deadlock_walk_(d, at, true) != n)
		return 0;
	for (uint32_t i = 0; i + 1 < n; i++)
		if (slip_peer_tag_dead_(d->seen[i].lock, d->self))
			return 0;
	d->members = n;
	return -EDEADLK;
}

#ifdef __cplusplus
}
#endif

#endif
