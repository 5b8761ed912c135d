/* SPDX-License-Identifier: MIT */
/*
 * A mutex in shared memory with priority inheritance: while a thread of high
 * priority waits, the owner runs at that priority. The death of an owner is told
 * to the next one, as by robust_mutex.h.
 *
 * Use it where threads of real-time priorities share data with others.
 * Elsewhere robust_mutex.h is smaller, and quicker where it is contended.
 *
 *	struct shared { struct slip_pi_mutex_shared lock; ... } *s;
 *	struct slip_pi_mutex m;				private, one a thread
 *
 *	slip_pi_mutex_init(&s->lock);			once
 *	slip_pi_mutex_attach(&m, &s->lock, &self);	in the thread itself
 *
 *	rc = slip_pi_mutex_lock(&m);
 *	if (rc == -EOWNERDEAD) {			and the lock is ours
 *		repair(s);
 *		slip_pi_mutex_consistent(&m);
 *	} else if (rc)
 *		return rc;
 *	... s is ours ...
 *	slip_pi_mutex_unlock(&m);
 *
 * The kernel must know the owner, so the word holds its thread id (TID), which
 * means something in one PID namespace only: from another, attach says -EXDEV.
 *
 * Shape: 512 bytes, 8-byte aligned, at any address.
 *
 *	+0	word	the kernel's: TID 0..29, DIED 30, WAITERS 31
 *	+4	broken	0, or 1 for ever
 *	+8	inode of the PID namespace, +16 magic: constant; +20 0
 *	+32	users	60 words: which member a TID belongs to
 *
 *	word		lock			unlock		consistent
 *	0		-> TID			-EPERM		-EPERM
 *	TID, ours	-EDEADLK		-> 0		-EINVAL
 *	TID, WAITERS	by the kernel: sleeps	by the kernel:	-EINVAL
 *			there			-> the next TID
 *	TID, DIED	as without DIED		broken; then	DIED cleared
 *						as without
 *	DIED alone	by the kernel: -> TID,	-EPERM		-EPERM
 *			DIED: -EOWNERDEAD
 *
 *	user		0 free; else TID 0..21, peer id 22..33, C 34, its
 *			generation 35..63
 *	0		-> ours		attach
 *	ours		-> 0		detach
 *	a dead one's	-> TID, ours, C	who buries it: then the word, if it has
 *			   -> 0		that TID, becomes DIED
 *
 * Who is dead. If the owner dies while others sleep, the kernel gives the lock
 * to the first of them, with DIED. Otherwise the TID stays in the word, and may
 * soon be that of another thread, which knows nothing of it. So all who use the
 * mutex write down which member their TID belongs to; whoever waits asks the
 * oracle (peer.h) about the owner's after each slice (SLIP_SLICE_NS), and if
 * that is dead, the word becomes DIED. So too by trylock, at a deadline, and by
 * attach in a thread that has got the TID. Burying is done by one at a time for
 * each TID (C), as a thread that gets it must not become a user, and owner, in
 * between; one that is stopped in it holds up the lock as an owner would.
 *
 * Some may still sleep behind the thread that got a dead one's TID. If it comes
 * for the lock, it has it, says the kernel. Others cannot sleep there (-EINVAL,
 * -ESRCH, -EAGAIN), and nap, until after a slice at most nobody does.
 *
 * A thread that ends with the lock in hand, its process living on: who sleeps
 * gets -EOWNERDEAD; if nobody does, it keeps the lock until its process ends.
 *
 * Concurrency: one handle for each thread, made and used in it alone; not in a
 * signal handler. At most 60 threads have one at a time, each until detach or
 * the end of its member. An uncontended pair is two locked instructions.
 *
 * Order: what was done before unlock, or by the owner before it died, is
 * visible after the lock that follows. Death, by the point at which it comes:
 *
 *	before the word has our TID	nothing happened
 *	after it, until it is given	the next one gets -EOWNERDEAD
 *	asleep				it leaves the queue
 *	in attach, or burying		its user word is another's to bury
 *
 * fork: a child's copy of the handle is refused: -ECHILD. One whose `self` has
 * left, also if it has joined again: -EINVAL.
 *
 * Damage: magic and namespace are checked at attach. Whoever can write the word
 * can steal the lock, break it, or lend the priority of those who wait to any
 * thread of his namespace. Whoever can read it may sleep there as at any futex,
 * and keep the kernel from passing it on meanwhile. Nothing else follows.
 *
 * Source: the PI futexes of Linux, as glibc's mutexes use them; the table of
 * users, and the oracle in place of the robust list, are our own.
 */
#ifndef SLIP_FUTEX_PI_MUTEX_H
#define SLIP_FUTEX_PI_MUTEX_H

#include "futex.h"
#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_PI_MUTEX_MAGIC_ UINT32_C(0x314d4950) /* "PIM1" */
#define SLIP_PI_MUTEX_USERS  60u

#define SLIP_PI_MUTEX_TID_   ((UINT64_C(1) << 22) - 1) /* of a user word */
#define SLIP_PI_MUTEX_CLAIM_ (UINT64_C(1) << 34)
#define SLIP_PI_MUTEX_GENS_  (UINT32_C(1) << 29)

struct slip_pi_mutex_shared {
	slip_a32 word;
	slip_a32 broken;
	slip_a64 pid_namespace;
	slip_a32 magic;
	uint32_t reserved[3];
	slip_a64 users[SLIP_PI_MUTEX_USERS];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_pi_mutex_shared) == 512, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_pi_mutex_shared, users) == 32,
		   "layout");

/* The private handle. */
struct slip_pi_mutex {
	struct slip_pi_mutex_shared *shared;
	struct slip_peer *self;
	const struct slip_region *rg; /* of self, when it was attached */
	uint64_t user;		      /* our word in the table, */
	uint32_t slot;		      /* and where */
	uint32_t tid;
	bool old; /* a kernel without LOCK_PI2 */
	bool held;
	bool unsure;  /* its last owner died, and nobody has repaired it */
	slip_a32 nap; /* 0: nobody wakes it */
};

/*
 * Make `shared` (8-byte aligned, of any content, used by nobody) a free mutex
 * for this PID namespace. 0; -EOPNOTSUPP: no /proc to name the namespace.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_pi_mutex_init(struct slip_pi_mutex_shared *shared)
{
	uint64_t space = slip_region_pid_namespace_();

	if (!space)
		return -EOPNOTSUPP;
	/* init: all of them */
	slip_a32_store_relaxed(&shared->word, 0);
	slip_a32_store_relaxed(&shared->broken, 0);
	slip_a64_store_relaxed(&shared->pid_namespace, space);
	memset(shared->reserved, 0, sizeof(shared->reserved));
	for (uint32_t i = 0; i < SLIP_PI_MUTEX_USERS; i++)
		slip_a64_store_relaxed(&shared->users[i], 0);
	/* PI-R1 creator: the mutex is whole. Pairs: slip_pi_mutex_fits_. Else:
	 * a namespace is read that is not there. */
	slip_a32_store_release(&shared->magic, SLIP_PI_MUTEX_MAGIC_);
	return 0;
}

/* --- private: the table of users ------------------------------------------- */

SLIP_CORE uint64_t slip_pi_mutex_user_(const struct slip_peer *self,
				       uint32_t tid)
{
	return tid | SLIP_CAST(uint64_t, self->id) << 22 |
	       SLIP_CAST(uint64_t, self->gen) << 35;
}

/* Is the member in the word of a user dead? */
SLIP_INLINE bool slip_pi_mutex_dead_(const struct slip_pi_mutex *m,
				     uint64_t user)
{
	uint32_t id = SLIP_CAST(uint32_t, user >> 22) & 0xfff;
	uint32_t gen = SLIP_CAST(uint32_t, user >> 35);

	return slip_peer_member_alive(m->rg, id, gen) == 0;
}

/* Whose TID it is: its place, and the word in `*user`; -1: nobody's. */
SLIP_INLINE int slip_pi_mutex_find_(const struct slip_pi_mutex *m, uint32_t tid,
				    uint64_t *user)
{
	for (uint32_t i = 0; i < SLIP_PI_MUTEX_USERS; i++) {
		/* PI-A2 looker: if it is not there any more, nor is its TID in
		 * the word. Pairs: slip_pi_mutex_bury_. Else: a new thread of
		 * that TID is taken for the owner. */
		*user = slip_a64_load_acquire(&m->shared->users[i]);
		if ((*user & SLIP_PI_MUTEX_TID_) == tid && *user)
			return SLIP_CAST(int, i);
	}
	return -1;
}

/* The owner with this TID is gone, and so is its member, or we have its TID. */
SLIP_INLINE void slip_pi_mutex_orphan_(struct slip_pi_mutex *m, uint32_t tid)
{
	/* hint: the swap is by what was seen */
	uint32_t seen = slip_a32_load_relaxed(&m->shared->word);

	/* PI-R3 burier: what the dead one did, which we know of, is there.
	 * Pairs: slip_pi_mutex_settle_. Else: its heir misses the end of it. */
	while ((seen & SLIP_FUTEX_PI_TID) == tid &&
	       !slip_a32_cas_release(&m->shared->word, &seen,
				     (seen & SLIP_FUTEX_PI_WAITERS) |
					     SLIP_FUTEX_PI_DIED))
		continue;
}

/* Take a user out of the table, and its TID out of the word. False: another
 * does. */
SLIP_COLD bool slip_pi_mutex_bury_(struct slip_pi_mutex *m, uint32_t slot,
				   uint64_t user)
{
	uint32_t tid = SLIP_CAST(uint32_t, user & SLIP_PI_MUTEX_TID_);
	uint64_t claim =
		slip_pi_mutex_user_(m->self, tid) | SLIP_PI_MUTEX_CLAIM_;

	/* own: nobody else goes on, nor does a thread with that TID come, until
	 * we have done or are dead */
	if (!slip_a64_cas_relaxed(&m->shared->users[slot], &user, claim))
		return false;
	slip_pi_mutex_orphan_(m, tid);
	/* PI-R2 burier: its TID is out of the word. Pairs: slip_pi_mutex_find_.
	 * Else: as there. */
	slip_a64_store_release(&m->shared->users[slot], 0);
	return true;
}

/* Is the owner in `word` one whose member is dead? Then it is buried. */
SLIP_INLINE void slip_pi_mutex_ask_(struct slip_pi_mutex *m, uint32_t word)
{
	uint32_t tid = word & SLIP_FUTEX_PI_TID;
	uint64_t user;
	int slot = tid ? slip_pi_mutex_find_(m, tid, &user) : -1;

	if (slot >= 0 && slip_pi_mutex_dead_(m, user))
		(void)slip_pi_mutex_bury_(m, SLIP_CAST(uint32_t, slot), user);
}

/* A place for us, on top of a dead one's if need be. */
SLIP_COLD SLIP_MUST_CHECK int slip_pi_mutex_settle_in_(struct slip_pi_mutex *m)
{
	for (uint32_t i = 0; i < SLIP_PI_MUTEX_USERS; i++) {
		slip_a64 *at = &m->shared->users[i];
		/* hint: the swap is by what was seen */
		uint64_t seen = slip_a64_load_relaxed(at);

		if (seen && slip_pi_mutex_dead_(m, seen) &&
		    slip_pi_mutex_bury_(m, i, seen))
			seen = 0;
		/* own: if our TID was here, find_ has seen it buried; whoever
		 * looks for the last one's passes through our swap to PI-R2 */
		if (!seen && slip_a64_cas_relaxed(at, &seen, m->user)) {
			m->slot = i;
			return 0;
		}
	}
	return -EUSERS;
}

/* --- making a handle ------------------------------------------------------- */

SLIP_COLD SLIP_MUST_CHECK int
slip_pi_mutex_fits_(struct slip_pi_mutex_shared *shared,
		    const struct slip_peer *self)
{
	int rc = slip_region_check_(self->rg);
	uint64_t space;

	if (rc)
		return rc;
	if (!self->id || self->gen >= SLIP_PI_MUTEX_GENS_)
		return self->id ? -EOVERFLOW : -EINVAL;
	/* PI-A1 user: the mutex is whole. Pairs: slip_pi_mutex_init. Else: as
	 * there. */
	if (slip_a32_load_acquire(&shared->magic) != SLIP_PI_MUTEX_MAGIC_)
		return -EBADMSG;
	/* own: constant */
	space = slip_a64_load_relaxed(&shared->pid_namespace);
	return space == slip_region_pid_namespace_() ? 0 : -EXDEV;
}

/* Does the word have our TID? */
SLIP_CORE bool slip_pi_mutex_ours_(const struct slip_pi_mutex *m)
{
	/* hint: only we write it, and the kernel for us */
	return (slip_a32_load_relaxed(&m->shared->word) & SLIP_FUTEX_PI_TID) ==
	       m->tid;
}

/* Who had our TID is gone, unless it is us, as another member. */
SLIP_COLD SLIP_MUST_CHECK int slip_pi_mutex_enter_(struct slip_pi_mutex *m)
{
	uint64_t old;
	int slot = slip_pi_mutex_find_(m, m->tid, &old);

	if (slot >= 0 && old != m->user) {
		bool dead = slip_pi_mutex_dead_(m, old);

		if (!dead && old & SLIP_PI_MUTEX_CLAIM_)
			return -EAGAIN;
		if (!dead && slip_pi_mutex_ours_(m))
			return -EBUSY;
		if (!slip_pi_mutex_bury_(m, SLIP_CAST(uint32_t, slot), old))
			return -EAGAIN;
		slot = -1;
	}
	if (slip_pi_mutex_ours_(m))
		return -EBUSY;
	m->slot = SLIP_CAST(uint32_t, slot);
	return slot < 0 ? slip_pi_mutex_settle_in_(m) : 0;
}

/*
 * Make the handle of the calling thread. `self`: the member that it belongs to.
 * A handle that was forgotten without detach is made again. 0; -EXDEV: the mutex
 * belongs to another PID namespace; -EUSERS: 60 threads have a handle; -EBUSY:
 * this thread, or one of its TID that ended alone, has the mutex by another
 * handle; -EAGAIN: a dead one that had our TID is being buried; -EBADMSG: not a
 * mutex, or damaged; -EINVAL: `self` is no member; -EOVERFLOW: its id has been
 * used 2^29 times; -ENOSYS: the kernel, or a filter, has no PI futexes; -ECHILD.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_pi_mutex_attach(struct slip_pi_mutex *m,
		     struct slip_pi_mutex_shared *shared,
		     struct slip_peer *self)
{
	int rc = slip_pi_mutex_fits_(shared, self);
	unsigned has;

	if (rc)
		return rc;
	has = slip_futex_features();
	if (!(has & SLIP_FUTEX_HAS_PI))
		return -ENOSYS;
	memset(m, 0, sizeof(*m));
	m->shared = shared;
	m->self = self;
	m->rg = self->rg;
	m->old = !(has & SLIP_FUTEX_HAS_LOCK_PI2);
	m->tid = slip_sys_tid_();
	m->user = slip_pi_mutex_user_(self, m->tid);
	return slip_pi_mutex_enter_(m);
}

/* -ECHILD for a copy in a fork child; -EINVAL: `self` is not the member that it
 * was. The first pair of one region is the first pair of another, too. */
SLIP_CORE SLIP_MUST_CHECK int
slip_pi_mutex_check_(const struct slip_pi_mutex *m)
{
	if (SLIP_UNLIKELY(m->user != slip_pi_mutex_user_(m->self, m->tid) ||
			  m->rg != m->self->rg))
		return -EINVAL;
	return slip_region_check_(m->rg);
}

/* End the handle. 0; -EBUSY: it has the mutex; -ECHILD; -EINVAL. */
SLIP_COLD int slip_pi_mutex_detach(struct slip_pi_mutex *m)
{
	uint64_t user = m->user;
	int rc = slip_pi_mutex_check_(m);

	if (rc)
		return rc;
	if (slip_pi_mutex_ours_(m))
		return -EBUSY;
	/* own: our word */
	(void)slip_a64_cas_relaxed(&m->shared->users[m->slot], &user, 0);
	m->user = 0;
	return 0;
}

/* --- private: taking it ---------------------------------------------------- */

/* Give it back to whomever the kernel finds. */
SLIP_COLD int slip_pi_mutex_pass_(struct slip_pi_mutex *m)
{
	/* PI-R4 owner: what was done under the lock is there, whomever the
	 * kernel gives it to. Pairs: slip_pi_mutex_take_, slip_pi_mutex_settle_.
	 * Else: what it protects is read as it was before. */
	(void)slip_a32_fetch_or_release(&m->shared->word, 0);
	return slip_futex_unlock_pi(&m->shared->word, SLIP_SHARED);
}

/* The word has our TID, by the kernel: what does that mean? 1: it is ours. */
SLIP_COLD int slip_pi_mutex_settle_(struct slip_pi_mutex *m)
{
	/* PI-A3, PI-A4 taker: sees what was done under the lock. Pairs:
	 * slip_pi_mutex_orphan_, slip_pi_mutex_pass_. Else: as there. */
	uint32_t seen = slip_a32_load_acquire(&m->shared->word);

	/* own: set before it was last given back */
	m->held = !slip_a32_load_relaxed(&m->shared->broken);
	if (!m->held) {
		(void)slip_pi_mutex_pass_(m);
		return -ENOTRECOVERABLE;
	}
	m->unsure = seen & SLIP_FUTEX_PI_DIED;
	return m->unsure ? -EOWNERDEAD : 1;
}

/* The kernel has answered `rc`, after the word was `seen`: is it ours? Those who
 * still sleep behind a dead one whose TID is now ours sleep behind us, says the
 * kernel: it refuses, and writes our TID; or agrees, and does not. */
SLIP_INLINE bool slip_pi_mutex_got_(struct slip_pi_mutex *m, uint32_t seen,
				    int rc)
{
	/* hint: the swap is by what was seen */
	uint32_t now = slip_a32_load_relaxed(&m->shared->word);

	/* own: read again, with what goes with it, by settle_ */
	if (rc == 0 && !(now & SLIP_FUTEX_PI_TID))
		(void)slip_a32_cas_relaxed(&m->shared->word, &now,
					   now | m->tid);
	return (seen & SLIP_FUTEX_PI_TID) != m->tid && slip_pi_mutex_ours_(m);
}

SLIP_CORE bool slip_pi_mutex_take_(struct slip_pi_mutex *m)
{
	uint32_t free = 0;

	/* PI-A4 taker: sees what was done under the lock. Pairs:
	 * slip_pi_mutex_unlock, slip_pi_mutex_pass_. Else: as there. */
	return slip_a32_cas_acquire(&m->shared->word, &free, m->tid);
}

/* Take it if that needs no wait. As slip_ready_fn. */
SLIP_COLD int slip_pi_mutex_try_(struct slip_pi_mutex *m, bool ask)
{
	/* hint: what is done about it is by swap, or by the kernel */
	uint32_t seen = slip_a32_load_relaxed(&m->shared->word);
	int rc;

	if (ask)
		slip_pi_mutex_ask_(m, seen);
	/* own: it stays so */
	if (slip_a32_load_relaxed(&m->shared->broken))
		return -ENOTRECOVERABLE;
	if (slip_pi_mutex_take_(m))
		return slip_pi_mutex_settle_(m);
	/* hint: as above */
	seen = slip_a32_load_relaxed(&m->shared->word);
	if (seen & SLIP_FUTEX_PI_TID)
		return 0;
	rc = slip_futex_trylock_pi(&m->shared->word, SLIP_SHARED);
	return slip_pi_mutex_got_(m, seen, rc) ? slip_pi_mutex_settle_(m) : 0;
}

/* Sleep for a slice at most. 1: it is ours; 0: look again; -errno. `asked`:
 * since the owner was known to live. */
SLIP_COLD int slip_pi_mutex_sleep_(struct slip_pi_mutex *m,
				   uint64_t deadline_ns, bool asked)
{
	uint64_t slice = slip_after_ns(SLIP_SLICE_NS);
	uint64_t until = slice < deadline_ns ? slice : deadline_ns;
	/* hint: the kernel looks again */
	uint32_t seen = slip_a32_load_relaxed(&m->shared->word);
	int rc = -ESRCH;

	if (seen == 0)
		return 0;
	/* Without an owner there is no queue. */
	if (seen & SLIP_FUTEX_PI_TID)
		rc = m->old ? slip_futex_lock_pi_wall_(&m->shared->word, until,
						       SLIP_SHARED)
			    : slip_futex_lock_pi2(&m->shared->word, until,
						  SLIP_SHARED);
	if (slip_pi_mutex_got_(m, seen, rc))
		return slip_pi_mutex_settle_(m);
	if (rc == -EFAULT || rc == -ENOMEM || rc == -ENOSYS ||
	    (asked && rc == -EDEADLK))
		return rc;
	/* hint: a nap, from which nobody wakes it */
	if (asked && rc != -ETIMEDOUT)
		(void)!slip_futex_wait(&m->nap, 0, until, SLIP_PRIVATE);
	return 0;
}

SLIP_COLD SLIP_MUST_CHECK int slip_pi_mutex_lock_slow_(struct slip_pi_mutex *m,
						       uint64_t deadline_ns)
{
	int rc = slip_pi_mutex_check_(m);

	if (rc || m->held)
		return rc ? rc : -EDEADLK;
	for (bool ask = false; rc == 0; ask = true) {
		bool late = slip_late_(deadline_ns);

		rc = slip_pi_mutex_try_(m, ask || late);
		if (rc == 0)
			rc = late ? -ETIMEDOUT
				  : slip_pi_mutex_sleep_(m, deadline_ns, ask);
	}
	return rc > 0 ? 0 : rc;
}

/* --- using it -------------------------------------------------------------- */

/*
 * Take the mutex; block until `deadline_ns` (absolute CLOCK_MONOTONIC) at most.
 * 0; -EOWNERDEAD: it is ours, but its owner died, so look at what it protects;
 * -ENOTRECOVERABLE: somebody was told that, and gave it back without saying
 * that all is well; -EDEADLK: this handle has it already, or its owner waits, by
 * way of PI locks, for one that we have, or for a slice a dead one of our TID;
 * -ETIMEDOUT; -ECHILD; -EINVAL: `self` has left; -EFAULT, -ENOMEM, -ENOSYS.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_pi_mutex_lock_until(struct slip_pi_mutex *m, uint64_t deadline_ns)
{
	int rc;

	if (SLIP_UNLIKELY(m->held || slip_pi_mutex_check_(m) ||
			  !slip_pi_mutex_take_(m)))
		return slip_pi_mutex_lock_slow_(m, deadline_ns);
	m->held = true;
	/* own: set before it was last given back */
	if (SLIP_LIKELY(!slip_a32_load_relaxed(&m->shared->broken)))
		return 0;
	rc = slip_pi_mutex_settle_(m);
	return rc > 0 ? 0 : rc;
}

/* Take the mutex; block for as long as it takes. As lock_until. */
SLIP_INLINE SLIP_MUST_CHECK int slip_pi_mutex_lock(struct slip_pi_mutex *m)
{
	return slip_pi_mutex_lock_until(m, SLIP_FOREVER);
}

/*
 * Take the mutex if it is free, or its owner dead: then the kernel is asked. As
 * lock, but -EBUSY for one that somebody has, or we.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_pi_mutex_trylock(struct slip_pi_mutex *m)
{
	int rc = slip_pi_mutex_check_(m);

	if (rc)
		return rc;
	rc = m->held ? 0 : slip_pi_mutex_try_(m, true);
	return rc == 0 ? -EBUSY : rc > 0 ? 0 : rc;
}

/*
 * After -EOWNERDEAD: what the mutex protects is in order again. 0; -EPERM: it
 * is not ours; -EINVAL: nobody had died, or `self` has left; -ECHILD.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_pi_mutex_consistent(struct slip_pi_mutex *m)
{
	int rc = slip_pi_mutex_check_(m);

	if (rc)
		return rc;
	if (!m->held || !m->unsure)
		return m->held ? -EINVAL : -EPERM;
	m->unsure = false;
	/* own: while we have it the kernel adds WAITERS only */
	(void)slip_a32_fetch_and_relaxed(&m->shared->word, ~SLIP_FUTEX_PI_DIED);
	return 0;
}

SLIP_COLD int slip_pi_mutex_unlock_slow_(struct slip_pi_mutex *m)
{
	int rc = slip_pi_mutex_check_(m);

	if (rc || !m->held)
		return rc ? rc : -EPERM;
	/* hint: seen by the next owner with the word */
	if (m->unsure)
		slip_a32_store_relaxed(&m->shared->broken, 1);
	m->held = false;
	m->unsure = false;
	return slip_pi_mutex_pass_(m);
}

/*
 * Give the mutex back: to the waiter of the highest priority. 0; -EPERM: this
 * handle does not have it, or the word was changed; -ECHILD; -EINVAL: `self` has
 * left, or the word was changed. After -EOWNERDEAD without consistent() it is
 * broken for ever, and all who wait get -ENOTRECOVERABLE.
 */
SLIP_INLINE int slip_pi_mutex_unlock(struct slip_pi_mutex *m)
{
	uint32_t mine = m->tid;

	if (SLIP_UNLIKELY(!m->held || m->unsure || slip_pi_mutex_check_(m)))
		return slip_pi_mutex_unlock_slow_(m);
	/* PI-R4 owner: what was done under the lock is there. Pairs:
	 * slip_pi_mutex_take_. Else: as there. */
	if (SLIP_UNLIKELY(!slip_a32_cas_release(&m->shared->word, &mine, 0)))
		return slip_pi_mutex_unlock_slow_(m);
	m->held = false;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
