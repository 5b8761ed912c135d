/* SPDX-License-Identifier: MIT */
/*
 * A mutex in shared memory that outlives its owner: the next one to take it is
 * told of the death.
 *
 * Use it where processes that may be killed share data that must be changed in
 * several steps. Without deaths to fear, mutex.h is smaller.
 *
 *	struct shared { struct slip_robust_mutex_shared lock; ... } *s;
 *	struct slip_robust_mutex m;			private, one a thread
 *
 *	slip_robust_mutex_init(&s->lock, 0);		once
 *	slip_robust_mutex_attach(&m, &s->lock, &self);	self: futex/peer.h
 *
 *	int rc = slip_robust_mutex_lock(&m);
 *	if (rc == -EOWNERDEAD) {			and the lock is ours
 *		repair(s);
 *		slip_robust_mutex_consistent(&m);
 *		rc = 0;
 *	}
 *	if (rc)
 *		return rc;
 *	... s is ours ...
 *	slip_robust_mutex_unlock(&m);
 *
 * Shape: 32 bytes, 8-byte aligned, at any address.
 *
 *	+0	word	whose: state 0..3, peer id 4..15, its generation 16..47
 *	+8	event	sleepers (event.h)
 *	+16	mode, magic: constant
 *	+24	0
 *
 *	state		lock			unlock		consistent
 *	0 free		-> held by me		-EPERM		-EPERM
 *	1 held, by me	-EDEADLK, or one deeper	-> free		-EINVAL
 *	  by another	waits
 *	  by a dead one	-> unsure, by me:	-EPERM		-EPERM
 *			-EOWNERDEAD
 *	2 unsure	as held			-> broken	-> held
 *	3 broken	-ENOTRECOVERABLE	-EPERM		-EPERM
 *
 * The owner is a membership (id, generation), which never comes back, so a
 * word that was read is still about the same owner when it is swapped.
 *
 * Who is dead is said by the kernel, asked by who has waited for a slice
 * (SLIP_SLICE_NS), by trylock, and at a deadline. So death is told within about
 * 6 ms, across PID namespaces too, and never of one who is stopped or traced.
 * It is the end of the owner's address space, so a thread that exits with the
 * lock in hand keeps it; or the end of its membership: who leaves the region
 * with it counts as dead. With `self` NULL nobody is ever seen dead. All others
 * are members of the same region: one of another would be taken for dead.
 *
 * Concurrency: one handle for each thread, of which one peer may have several;
 * a handle is used by one thread at a time, and not by a signal handler that
 * has interrupted it. lock blocks, the others do not. An uncontended pair is one
 * locked instruction (mode ASYM) or two (FULL; ASYM for some 131072 unlocks after a
 * sleep). The memory must stay until every unlock has returned (mutex.h says why).
 *
 *			lock	trylock	unlock	consistent
 *	one handle	X	X	X	X
 *	two handles	-	-	-	-
 *
 * Order: what was done before unlock, or by the owner before it died, is
 * visible after the lock that follows.
 *
 * Death, by the point at which it comes:
 *
 *	in lock, before the swap	nothing happened
 *	after it, until unlock's store	the next one gets -EOWNERDEAD
 *	after unlock's store		free; who sleeps looks after a slice
 *	asleep, or just woken		the others look after a slice
 *
 * A handle given to slip_robust_mutex_report is told -EDEADLK instead of waiting
 * for ever in a circle of members who wait for each other: deadlock.h.
 *
 * fork: a child's copy of the handle is refused: -ECHILD. So is one whose `self`
 * has left, also if it has joined again: -EINVAL.
 *
 * Damage: magic and mode are checked at attach and kept in the handle; a state
 * above 3 counts as broken, as does an owner of a free lock. Whoever can write
 * the word can steal or break the lock; nothing else follows.
 *
 * Source: the robust mutex of POSIX; the owner as a peer of a region, whose
 * death the kernel states, in place of the robust list is our own.
 */
#ifndef SLIP_FUTEX_ROBUST_MUTEX_H
#define SLIP_FUTEX_ROBUST_MUTEX_H

#include "deadlock.h"
#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_ROBUST_MUTEX_MAGIC_ UINT32_C(0x314d5253) /* "SRM1" */

/* Flags of slip_robust_mutex_attach. */
#define SLIP_ROBUST_MUTEX_RECURSIVE 1u /* who has it may take it again */

enum { /* states */
       SLIP_ROBUST_MUTEX_HELD_ = 1,
       SLIP_ROBUST_MUTEX_UNSURE_ = 2,
       SLIP_ROBUST_MUTEX_BROKEN_ = 3
};

struct slip_robust_mutex_shared {
	slip_a64 word;
	struct slip_event event;
	slip_a32 mode;
	slip_a32 magic;
	uint64_t reserved;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_robust_mutex_shared) == 32, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_robust_mutex_shared, event) == 8,
		   "layout");

/* The private handle. */
struct slip_robust_mutex {
	struct slip_robust_mutex_shared *shared;
	struct slip_peer *self;	      /* NULL: nobody is ever seen dead */
	const struct slip_region *rg; /* of self, when it was attached */
	uint64_t mine;		      /* the word while we have it */
	uint32_t depth;		      /* how often we have it */
	unsigned flags;
	bool unsure;   /* its last owner died, and nobody has repaired it */
	bool for_ever; /* the present wait has no deadline */
	struct slip_deadlock *report; /* NULL: not opted in */
	struct slip_waiter waiter;
};

/*
 * Make `shared` (8-byte aligned, of any content, used by nobody) a free mutex.
 * `flags`: 0, or SLIP_EVENT_ASYM or SLIP_EVENT_FULL (event.h). 0; -EINVAL; what
 * slip_event_choose returns.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_mutex_init(struct slip_robust_mutex_shared *shared, unsigned flags)
{
	int mode = flags == SLIP_EVENT_RMW ? -EINVAL : slip_event_choose(flags);

	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a32_store_relaxed(&shared->magic, 0);
	memset(shared, 0, offsetof(struct slip_robust_mutex_shared, magic));
	shared->reserved = 0;
	/* init */
	slip_a32_store_relaxed(&shared->mode, SLIP_CAST(uint32_t, mode));
	/* ROBUST-R1 creator: the mutex is whole. Pairs:
	 * slip_robust_mutex_attach. Else: a mode is read that is not there. */
	slip_a32_store_release(&shared->magic, SLIP_ROBUST_MUTEX_MAGIC_);
	return 0;
}

/*
 * Make a handle. `self`: the member that will own the lock; NULL: one whose
 * death nobody will know of. `flags`: 0 or SLIP_ROBUST_MUTEX_RECURSIVE. There
 * is no detach: a handle that holds nothing is just forgotten. 0; -EBADMSG: not
 * a mutex, or damaged; -EINVAL: flags, or `self` is no member; -ECHILD; what
 * slip_event_register returns.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_robust_mutex_attach(struct slip_robust_mutex *m,
			 struct slip_robust_mutex_shared *shared,
			 struct slip_peer *self, unsigned flags)
{
	int rc = self ? slip_region_check_(self->rg) : 0;
	uint32_t magic;
	uint32_t mode;

	if (rc)
		return rc;
	if (flags & ~SLIP_ROBUST_MUTEX_RECURSIVE || (self && !self->id))
		return -EINVAL;
	/* ROBUST-A1 user: the mutex is whole. Pairs: slip_robust_mutex_init.
	 * Else: as there. */
	magic = slip_a32_load_acquire(&shared->magic);
	/* own: constant */
	mode = slip_a32_load_relaxed(&shared->mode);
	if (magic != SLIP_ROBUST_MUTEX_MAGIC_ ||
	    (mode != SLIP_EVENT_ASYM && mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	m->shared = shared;
	m->self = self;
	m->rg = self ? self->rg : NULL;
	m->mine = SLIP_ROBUST_MUTEX_HELD_ |
		  (self ? slip_peer_tag_(self->id, self->gen) : 0);
	m->depth = 0;
	m->unsure = false;
	m->for_ever = false;
	m->report = NULL;
	m->flags = flags;
	slip_waiter_init_(&m->waiter, &shared->event, mode,
			  self ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS);
	m->waiter.stride = SLIP_LOCK_STRIDE;
	return slip_event_register(mode);
}

/*
 * Have the handle's locks say -EDEADLK, and `d` (of the same member) in which
 * circle: deadlock.h. NULL: no more. Not while it waits. 0; -EINVAL: another
 * member's, or the mutex is not in that member's region.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_robust_mutex_report(struct slip_robust_mutex *m, struct slip_deadlock *d)
{
	if (d &&
	    (d->self != m->self ||
	     (m->mine & ~UINT64_C(15)) != slip_peer_tag_(d->self->id, d->gen) ||
	     d->rg != m->rg || !slip_deadlock_at_(d, &m->shared->word)))
		return -EINVAL;
	m->report = d;
	return 0;
}

/* -ECHILD for a copy in a fork child; -EINVAL: `self` is not the member any
 * more that it was, so all would take us for dead. */
SLIP_CORE SLIP_MUST_CHECK int
slip_robust_mutex_check_(const struct slip_robust_mutex *m)
{
	return slip_peer_check_(m->rg, m->mine);
}

/* Over a dead owner: 0: somebody was faster. */
SLIP_INLINE int slip_robust_mutex_inherit_(struct slip_robust_mutex *m,
					   uint64_t dead)
{
	uint64_t next = (m->mine & ~UINT64_C(15)) | SLIP_ROBUST_MUTEX_UNSURE_;

	/* own: the word of a dead one never comes back, so of all who saw it one
	 * finds it here; what the dead one did, and knew, came with the
	 * oracle's answer */
	if (!slip_a64_cas_relaxed(&m->shared->word, &dead, next))
		return 0;
	m->unsure = true;
	return -EOWNERDEAD;
}

SLIP_CORE bool slip_robust_mutex_take_(struct slip_robust_mutex *m)
{
	uint64_t free = 0;

	/* ROBUST-A2 taker: sees all that was done under the lock. Pairs:
	 * slip_robust_mutex_unlock. Else: what it protects is read as it was
	 * before. */
	return slip_a64_cas_acquire(&m->shared->word, &free, m->mine);
}

SLIP_INLINE int slip_robust_mutex_ready_(void *handle, bool ask)
{
	struct slip_robust_mutex *m =
		SLIP_CAST(struct slip_robust_mutex *, handle);
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&m->shared->word);
	uint64_t state = seen & 15;

	if (seen == 0)
		return slip_robust_mutex_take_(m);
	if (state != SLIP_ROBUST_MUTEX_HELD_ &&
	    state != SLIP_ROBUST_MUTEX_UNSURE_)
		return -ENOTRECOVERABLE;
	if (!ask || !slip_peer_tag_dead_(seen, m->self))
		return 0;
	return slip_robust_mutex_inherit_(m, seen);
}

SLIP_INLINE int slip_robust_mutex_ready_or_stuck_(void *handle, bool ask)
{
	struct slip_robust_mutex *m =
		SLIP_CAST(struct slip_robust_mutex *, handle);
	int now = slip_robust_mutex_ready_(handle, ask);

	if (now || !ask)
		return now;
	return slip_deadlock_look_(
		m->report, slip_deadlock_at_(m->report, &m->shared->word),
		m->for_ever);
}

/* What came of a wait or a try: do we have it? */
SLIP_INLINE int slip_robust_mutex_had_(struct slip_robust_mutex *m, int rc)
{
	if (rc == 0 || rc == -EOWNERDEAD)
		m->depth = 1;
	return rc;
}

/* We have it already. */
SLIP_INLINE int slip_robust_mutex_again_(struct slip_robust_mutex *m, int rc)
{
	if (!(m->flags & SLIP_ROBUST_MUTEX_RECURSIVE))
		return rc;
	if (m->depth == UINT32_MAX)
		return -EAGAIN;
	m->depth++;
	return 0;
}

SLIP_COLD SLIP_MUST_CHECK int
slip_robust_mutex_lock_told_(struct slip_robust_mutex *m, uint64_t deadline_ns)
{
	int rc;

	m->for_ever = deadline_ns == SLIP_FOREVER;
	m->report->members = 0;
	rc = slip_waiter_until_(&m->waiter, slip_robust_mutex_ready_or_stuck_,
				m, deadline_ns);
	slip_deadlock_retract_(m->report);
	return slip_robust_mutex_had_(m, rc);
}

SLIP_COLD SLIP_MUST_CHECK int
slip_robust_mutex_lock_slow_(struct slip_robust_mutex *m, uint64_t deadline_ns)
{
	int rc = slip_robust_mutex_check_(m);

	if (rc)
		return rc;
	if (m->depth)
		return slip_robust_mutex_again_(m, -EDEADLK);
	if (m->report)
		return slip_robust_mutex_lock_told_(m, deadline_ns);
	return slip_robust_mutex_had_(
		m, slip_waiter_until_(&m->waiter, slip_robust_mutex_ready_, m,
				      deadline_ns));
}

/*
 * Take the mutex; block until `deadline_ns` (absolute CLOCK_MONOTONIC) at most.
 * 0; -EOWNERDEAD: it is ours, but its owner died, so look at what it protects;
 * -ENOTRECOVERABLE: somebody was told that, and gave it back without saying
 * that all is well; -EDEADLK: this handle has it already, or a deadlock was found (deadlock.h);
 * -EAGAIN: too often;
 * -ETIMEDOUT; -ECHILD; -EINVAL: `self` has left; or as slip_event_prepare and
 * slip_event_sleep.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_mutex_lock_until(struct slip_robust_mutex *m, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(m->depth || slip_robust_mutex_check_(m) ||
			  !slip_robust_mutex_take_(m)))
		return slip_robust_mutex_lock_slow_(m, deadline_ns);
	m->depth = 1;
	return 0;
}

/* Take the mutex; block for as long as it takes. As lock_until. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_mutex_lock(struct slip_robust_mutex *m)
{
	return slip_robust_mutex_lock_until(m, SLIP_FOREVER);
}

/*
 * Take the mutex if it is free, or its owner dead: then the kernel is asked,
 * 0.3 us. As lock, but -EBUSY for one that another has, or that is ours and not
 * recursive.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_mutex_trylock(struct slip_robust_mutex *m)
{
	int rc = slip_robust_mutex_check_(m);

	if (rc)
		return rc;
	if (m->depth)
		return slip_robust_mutex_again_(m, -EBUSY);
	rc = slip_robust_mutex_ready_(m, true);
	return slip_robust_mutex_had_(m, rc == 0 ? -EBUSY : rc > 0 ? 0 : rc);
}

/*
 * After -EOWNERDEAD: what the mutex protects is in order again. 0; -EPERM: it
 * is not ours; -EINVAL: nobody had died, or `self` has left; -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_mutex_consistent(struct slip_robust_mutex *m)
{
	int rc = slip_robust_mutex_check_(m);

	if (rc)
		return rc;
	if (!m->depth)
		return -EPERM;
	if (!m->unsure)
		return -EINVAL;
	m->unsure = false;
	/* own: read by the next one only after we have died */
	slip_a64_store_relaxed(&m->shared->word, m->mine);
	return 0;
}

SLIP_COLD int slip_robust_mutex_unlock_slow_(struct slip_robust_mutex *m)
{
	int rc = slip_robust_mutex_check_(m);

	if (rc)
		return rc;
	if (!m->depth)
		return -EPERM;
	if (--m->depth)
		return 0;
	m->unsure = false;
	/* hint: whoever sees it gets nothing else */
	slip_a64_store_relaxed(&m->shared->word, SLIP_ROBUST_MUTEX_BROKEN_);
	slip_event_wake_all(&m->shared->event);
	return 0;
}

/*
 * Give the mutex back, or be one less deep. 0; -EPERM: this handle does not
 * have it; -ECHILD; -EINVAL: `self` has left. After -EOWNERDEAD without
 * consistent() it is broken for ever, and all who wait get -ENOTRECOVERABLE.
 */
SLIP_INLINE int slip_robust_mutex_unlock(struct slip_robust_mutex *m)
{
	if (SLIP_UNLIKELY(m->depth != 1 || m->unsure ||
			  slip_robust_mutex_check_(m)))
		return slip_robust_mutex_unlock_slow_(m);
	m->depth = 0;
	/* ROBUST-R2 owner: what was done under the lock is there. Pairs:
	 * slip_robust_mutex_take_. Else: as there. */
	slip_a64_store_release(&m->shared->word, 0);
	slip_event_notify_one(&m->shared->event, m->waiter.mode);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
