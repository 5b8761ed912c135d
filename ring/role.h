/* SPDX-License-Identifier: MIT */
/*
 * Roles: who is the one producer, or the one consumer, of a ring; and how one
 * side blocks on the other. What spsc.h and record.h share; not for users.
 *
 * A role is one 64-bit word in the ring, so that taking it and naming its
 * owner are one step, and no kill leaves it taken by nobody:
 *
 *	bits 0..3	state: 0 vacant, 1 held, 2 closed, 3 dead
 *	bits 4..15	peer id of the holder, 0 if it gave none
 *	bits 16..47	that peer's generation
 *
 *	vacant -> held		attach (nobody has been here yet)
 *	held   -> closed	detach, in order: end of file for the other side
 *	held   -> dead		seen dead by anyone who asked the oracle
 *	closed, dead -> held	attach of a successor
 *	held   -> held		attach of a successor over a dead holder
 *
 * The pair (id, generation) names one membership for ever, so a word that was
 * read is still about the same holder when it is compared and swapped: there
 * is no ABA to fear, for a dead membership does not come back.
 *
 * Whether a holder is dead is asked of the kernel (futex/peer.h), never
 * guessed from the word. A holder without a peer (id 0) is never seen dead.
 */
#ifndef SLIP_RING_ROLE_H
#define SLIP_RING_ROLE_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "../futex/region.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a side knows of the other: results of slip_X_..._state(). */
enum slip_role_state {
	SLIP_ROLE_VACANT = 0, /* nobody has attached yet */
	SLIP_ROLE_HELD = 1,   /* attached, and not known to be dead */
	SLIP_ROLE_CLOSED = 2, /* detached in order */
	SLIP_ROLE_DEAD = 3    /* the holder died; a successor may attach */
};

/* Object kinds of the region directory, for slip_region_add(). */
#define SLIP_KIND_SPSC	    1u
#define SLIP_KIND_RECORD    2u
#define SLIP_KIND_MPMC	    (3u | SLIP_KIND_NAMES_PEERS)
#define SLIP_KIND_LANES	    4u
#define SLIP_KIND_BROADCAST 5u
#define SLIP_KIND_LATEST    6u
#define SLIP_KIND_CALL	    9u
#define SLIP_KIND_PRIORITY  (10u | SLIP_KIND_NAMES_PEERS)

/* The word of a role held by a member; id 0: by somebody without a peer. */
SLIP_INLINE uint64_t slip_role_held_(uint32_t id, uint32_t gen)
{
	return SLIP_ROLE_HELD | slip_peer_tag_(id, gen);
}

SLIP_INLINE uint64_t slip_role_word_(const struct slip_peer *self)
{
	return self ? slip_role_held_(self->id, self->gen)
		    : slip_role_held_(0, 0);
}

/* Is the holder in the way of a successor? */
SLIP_INLINE bool slip_role_taken_(uint64_t word, const struct slip_peer *self)
{
	return (word & 15) == SLIP_ROLE_HELD &&
	       !slip_peer_tag_dead_(word, self);
}

/* Take the role: 0, or -EBUSY while a living (or unknown) holder has it. */
SLIP_INLINE SLIP_MUST_CHECK int slip_role_take_(slip_a64 *role,
						const struct slip_peer *self)
{
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(role);

	/* A swap that fails has met a witness of the death, or a rival: look
	 * again. More than a few in a row are mischief. */
	for (int tries = 0; tries < 8; tries++) {
		if (slip_role_taken_(seen, self))
			break;
		/* ROLE-A1, ROLE-A2 successor: sees all that the last holder
		 * did. Pairs: slip_role_drop_ (R1), slip_role_bury_ (R2).
		 * Else: takeover reads a stale position. */
		if (slip_a64_cas_acquire(role, &seen, slip_role_word_(self)))
			return 0;
	}
	return -EBUSY;
}

/* Give the role up in order. False if it was no longer ours. */
SLIP_INLINE bool slip_role_drop_(slip_a64 *role, const struct slip_peer *self)
{
	uint64_t mine = slip_role_word_(self);

	/* ROLE-R1 holder: its commits come before the end of file. Pairs:
	 * slip_role_state_, slip_role_look_, slip_role_take_. Else: the other
	 * side reports the end with elements still to come. */
	return slip_a64_cas_release(role, &mine, SLIP_ROLE_CLOSED);
}

/* Record a death that the oracle has stated. True if it was news. */
SLIP_INLINE bool slip_role_bury_(slip_a64 *role, uint64_t held)
{
	uint64_t dead = (held & ~UINT64_C(15)) | SLIP_ROLE_DEAD;

	/* ROLE-R2 witness: passes on what the oracle's answer brought, every
	 * store of the dead holder. Pairs: slip_role_state_, slip_role_look_,
	 * slip_role_take_. Else: as R1, after a death. */
	return slip_a64_cas_release(role, &held, dead);
}

/* The state now; asks the oracle about a holder, and records its death. */
SLIP_INLINE int slip_role_state_(slip_a64 *role, const struct slip_peer *asker)
{
	/* ROLE-A1, ROLE-A2 other side: a look at the ring after it sees every
	 * commit of a holder that closed or was seen dead. Pairs:
	 * slip_role_drop_ (R1), slip_role_bury_ (R2). Else: end of file before
	 * the last element. */
	uint64_t seen = slip_a64_load_acquire(role);

	if ((seen & 15) > SLIP_ROLE_DEAD)
		return SLIP_ROLE_DEAD; /* no such state: damage */
	if (slip_role_taken_(seen, asker) || (seen & 15) != SLIP_ROLE_HELD)
		return SLIP_CAST(int, seen & 15);
	if (slip_role_bury_(role, seen))
		return SLIP_ROLE_DEAD;
	/* ROLE-A1, ROLE-A2 other side: as above, for somebody was faster: a
	 * witness, or a successor that holds it now. Pairs: slip_role_drop_
	 * (R1), slip_role_bury_ (R2). Else: as above. */
	return SLIP_CAST(int, slip_a64_load_acquire(role) & 3);
}

/* As slip_role_state_, and nothing is written down: for who maps the memory to
 * read it. */
SLIP_INLINE int slip_role_look_(const slip_a64 *role,
				const struct slip_peer *asker)
{
	/* ROLE-A1, ROLE-A2 onlooker: as in slip_role_state_; the oracle's answer
	 * brings by itself what a dead holder did. Pairs: slip_role_drop_ (R1),
	 * slip_role_bury_ (R2). Else: as there. */
	uint64_t word = slip_a64_load_acquire(role);
	uint64_t held = word;

	if ((word & 15) == SLIP_ROLE_HELD && !slip_role_taken_(word, asker)) {
		/* ROLE-A1, ROLE-A2 onlooker: the same, for it may have given the
		 * role back before it left. Pairs: slip_role_drop_ (R1),
		 * slip_role_bury_ (R2). Else: the living are called dead. */
		word = slip_a64_load_acquire(role);
		if (word == held)
			return SLIP_ROLE_DEAD;
	}
	return (word & 15) > SLIP_ROLE_DEAD ? SLIP_ROLE_DEAD
					    : SLIP_CAST(int, word & 15);
}

/* Known from memory alone, without the oracle, to be gone? */
SLIP_CORE bool slip_role_gone_(const slip_a64 *role)
{
	/* hint: a stale answer is one that an earlier call could have got */
	return (slip_a64_load_relaxed(role) & 15) >= SLIP_ROLE_CLOSED;
}

/*
 * What every ring has between its constant header and its data: the words by
 * which the two sides meet. Each half is written on the fast path by one side
 * at most, so the halves are lines apart.
 */
#define SLIP_ENDS_AT 128

struct slip_ends {
	/* +0: read by the producer on every push */
	struct slip_event ev_data; /* the consumer sleeps here */
	slip_a64 consumer_role;
	unsigned char pad1[112];
	/* +128: written by the consumer */
	slip_a64 head;		    /* how far it has consumed */
	struct slip_event ev_space; /* the producer sleeps here */
	slip_a64 producer_role;
	unsigned char pad2[104];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_ends, consumer_role) == 8, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_ends, head) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_ends, ev_space) == 136, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_ends, producer_role) == 144, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_ends) == 256, "layout");

/* If the dead membership holds the role, that is over; and tell whoever waits:
 * also if it gave up the role itself, for it may not have come to telling. */
SLIP_INLINE void slip_role_recover_(slip_a64 *role, struct slip_event *ev,
				    uint32_t id, uint32_t gen)
{
	(void)slip_role_bury_(role, slip_role_held_(id, gen));
	slip_event_wake_all(ev);
}

/*
 * Recovery hook of futex/peer.h for rings with ends: tells the other side of a
 * death at once. Asks for nothing but the place of the two words, so that a
 * damaged ring, or one whose creator died before it was made, does not keep an
 * id from being reused.
 */
SLIP_INLINE int slip_ends_recover_(struct slip_peer *self, void *mem,
				   size_t mem_bytes, uint32_t id, uint32_t gen)
{
	void *at = SLIP_CAST(char *, mem) + SLIP_ENDS_AT;
	struct slip_ends *ends = SLIP_CAST(struct slip_ends *, at);

	(void)self;
	if (mem_bytes < SLIP_ENDS_AT + sizeof(*ends))
		return 0;
	slip_role_recover_(&ends->producer_role, &ends->ev_data, id, gen);
	slip_role_recover_(&ends->consumer_role, &ends->ev_space, id, gen);
	return 0;
}

/*
 * One side of a ring, as its private handle knows it: everything that blocking
 * needs. `ready` answers 1: go on, 0: not yet, or -errno.
 */
struct slip_side {
	struct slip_event *wait_on; /* sleeps here */
	struct slip_event *tell;    /* the other side sleeps here */
	slip_a64 *mine;		    /* role words in the ring */
	slip_a64 *theirs;
	struct slip_peer *self; /* NULL: no death detection */
	unsigned mode;		/* of both events */
	bool waited;		/* a slice has gone by */
	bool readonly;		/* may not store: sleeps in slices, untold */
	uint64_t end_ns;	/* of the slice */
	struct slip_spin spin;
	/* Has everybody on the other side gone? NULL: as `theirs` says. */
	bool (*gone)(void *handle, const struct slip_peer *asker);
};

/*
 * What an attach asks before it looks at the ring: -ECHILD: `self` is of a fork
 * parent, whose memory may be missing here; -EINVAL: its region is closed, and
 * gone with it.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_side_member_(const struct slip_peer *self)
{
	return self ? slip_region_check_(self->rg) : 0;
}

/* Prepare a side. 0, -ECHILD, -EINVAL, or what slip_event_register returns. One
 * that may not store needs no member, and notifies nobody. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_side_begin_(struct slip_side *s, struct slip_peer *self, unsigned mode)
{
	int rc = slip_side_member_(self);

	if (!rc && self && !self->id && !s->readonly)
		rc = -EINVAL; /* it has left its region */
	if (!rc && !s->readonly)
		rc = slip_event_register(mode);
	if (rc)
		return rc;
	s->self = self;
	s->mode = mode;
	slip_spin_init(&s->spin);
	return 0;
}

/* Prepare a side, take its role and tell a side that waits for one. 0, -EBUSY,
 * or as slip_side_begin_. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_side_open_(struct slip_side *s, struct slip_peer *self, unsigned mode)
{
	int rc = slip_side_begin_(s, self, mode);

	if (!rc)
		rc = slip_role_take_(s->mine, self);
	if (!rc)
		slip_event_notify(s->tell, mode);
	return rc;
}

SLIP_INLINE SLIP_MUST_CHECK int slip_side_open_producer_(struct slip_side *s,
							 struct slip_ends *ends,
							 struct slip_peer *self,
							 unsigned mode)
{
	s->wait_on = &ends->ev_space;
	s->tell = &ends->ev_data;
	s->mine = &ends->producer_role;
	s->theirs = &ends->consumer_role;
	return slip_side_open_(s, self, mode);
}

SLIP_INLINE SLIP_MUST_CHECK int slip_side_open_consumer_(struct slip_side *s,
							 struct slip_ends *ends,
							 struct slip_peer *self,
							 unsigned mode)
{
	s->wait_on = &ends->ev_data;
	s->tell = &ends->ev_space;
	s->mine = &ends->consumer_role;
	s->theirs = &ends->producer_role;
	return slip_side_open_(s, self, mode);
}

/* Leave in order and wake whoever waits for us. */
SLIP_INLINE void slip_side_close_(struct slip_side *s)
{
	if (s->self && slip_region_check_(s->self->rg))
		return; /* a fork child does not close its parent's role */
	if (slip_role_drop_(s->mine, s->self))
		slip_event_wake_all(s->tell);
}

/* -ECHILD in a fork child, 0 otherwise. */
SLIP_INLINE SLIP_MUST_CHECK int slip_side_check_(const struct slip_side *s)
{
	return slip_side_member_(s->self);
}

/* The other side's state, as far as `asker` can tell. */
SLIP_INLINE int slip_side_theirs_(const struct slip_side *s,
				  const struct slip_peer *asker)
{
	return s->readonly ? slip_role_look_(s->theirs, asker)
			   : slip_role_state_(s->theirs, asker);
}

/* The other side's state; of a handle that never attached: vacant. */
SLIP_INLINE int slip_side_state_(const struct slip_side *s)
{
	return s->theirs ? slip_side_theirs_(s, s->self) : SLIP_ROLE_VACANT;
}

SLIP_INLINE bool slip_side_late_(uint64_t deadline_ns)
{
	return deadline_ns != SLIP_FOREVER && slip_now_ns() >= deadline_ns;
}

/* As slip_event_prepare. Without a store nobody is told that somebody sleeps
 * here: the slice says when to look again. */
SLIP_INLINE SLIP_MUST_CHECK int slip_side_prepare_(struct slip_side *s,
						   uint32_t *key)
{
	if (!s->readonly)
		return slip_event_prepare(s->wait_on, s->mode, key);
	/* hint: if another sleeper is told, so are we */
	*key = slip_a32_load_relaxed(&s->wait_on->word);
	return 0;
}

/* Sleep for what is left of the deadline; or of a slice, if a peer may die
 * meanwhile, or one of many be too late to tell (mpmc.h), or nobody tells. A
 * slice ends by the clock, however often it is woken. 0: look again; -ETIMEDOUT:
 * the deadline. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_side_doze_(struct slip_side *s, uint32_t key, uint64_t deadline_ns)
{
	uint64_t until = deadline_ns;
	int rc;

	if (s->self || s->gone || s->readonly) {
		if (slip_side_late_(s->end_ns))
			s->end_ns = slip_after_ns(SLIP_SLICE_NS);
		until = s->end_ns < deadline_ns ? s->end_ns : deadline_ns;
	}
	rc = slip_event_sleep(s->wait_on, key, until);
	s->waited = slip_side_late_(s->end_ns);
	/* A slice is not the user's deadline; and a word that always changes
	 * must not put the deadline off. */
	if (rc == 0 || (rc == -ETIMEDOUT && until < deadline_ns))
		rc = slip_side_late_(deadline_ns) ? -ETIMEDOUT : 0;
	return rc;
}

/* -EPIPE: the other side has gone and left nothing. Otherwise what `ready`
 * says, or 0. In this order: what it committed before it went, or a dead one had
 * taken, is seen by the look that follows the answer. `asker` NULL: without the
 * oracle. */
SLIP_INLINE int slip_side_gone_(struct slip_side *s,
				const struct slip_peer *asker,
				int (*ready)(void *), void *handle)
{
	bool gone = s->gone ? s->gone(handle, asker)
			    : slip_side_theirs_(s, asker) >= SLIP_ROLE_CLOSED;
	int now = gone || asker ? ready(handle) : 0;

	return now || !gone ? now : -EPIPE;
}

/* Spin for a while, if that has been worth it. What `ready` said last. */
SLIP_INLINE int slip_side_spin_(struct slip_side *s, int (*ready)(void *),
				void *handle)
{
	int now = 0;

	if (!slip_spin_begin(&s->spin))
		return 0;
	while (now == 0 && slip_spin_turn(&s->spin))
		now = ready(handle);
	if (now)
		slip_spin_hit(&s->spin);
	return now;
}

/* Sleep once, if `ready` still says no. 0: look again. The oracle, a system
 * call, is asked only when a slice has gone by, or (slip_side_wait_) the deadline
 * has come: who is woken in vain again and again does not ask each time. */
SLIP_INLINE SLIP_MUST_CHECK int slip_side_sleep_(struct slip_side *s,
						 int (*ready)(void *),
						 void *handle,
						 uint64_t deadline_ns)
{
	const struct slip_peer *asker = s->waited ? s->self : NULL;
	uint32_t key;
	int rc = slip_side_prepare_(s, &key);

	if (rc)
		return rc;
	rc = ready(handle);
	if (!rc)
		rc = slip_side_gone_(s, asker, ready, handle);
	if (rc)
		return rc < 0 ? rc : 0;
	return slip_side_doze_(s, key, deadline_ns);
}

/* Is there a partner, or something that one has left? As `ready` says. */
SLIP_INLINE int slip_side_met_(struct slip_side *s, int (*ready)(void *),
			       void *handle)
{
	if (slip_side_theirs_(s, s->self) == SLIP_ROLE_HELD)
		return 1;
	return ready ? ready(handle) : 0;
}

/*
 * Block until somebody holds the other role; or, with `ready`, until that is
 * not 0: a partner that came and went while nobody looked has left something.
 * 0, -ETIMEDOUT, -ECHILD, what is wrong with `ready`, or what
 * slip_event_prepare and slip_event_sleep return.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_side_wait_peer_(struct slip_side *s,
						   int (*ready)(void *),
						   void *handle,
						   uint64_t deadline_ns)
{
	int rc = slip_side_check_(s);
	int now = rc ? rc : slip_side_met_(s, ready, handle);

	while (now == 0 && rc == 0) {
		uint32_t key;

		rc = slip_side_prepare_(s, &key);
		now = slip_side_met_(s, ready, handle);
		if (now || rc)
			break;
		rc = slip_side_doze_(s, key, deadline_ns);
		now = slip_side_met_(s, ready, handle);
	}
	if (now == 0)
		return rc;
	return now < 0 ? now : 0;
}

/*
 * Block until `ready`, the deadline, or the other side is gone and nothing is
 * left. 0, -ETIMEDOUT, -EPIPE, -ECHILD, -EBADMSG (from ready), or what
 * slip_event_prepare and slip_event_sleep return.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_side_wait_(struct slip_side *s,
					      int (*ready)(void *),
					      void *handle,
					      uint64_t deadline_ns)
{
	int rc = slip_side_check_(s);
	int now = rc ? rc : ready(handle);

	s->waited = false;
	if (now == 0 && slip_side_late_(deadline_ns))
		rc = -ETIMEDOUT;
	else if (now == 0)
		now = slip_side_spin_(s, ready, handle);
	while (now == 0 && rc == 0) {
		rc = slip_side_sleep_(s, ready, handle, deadline_ns);
		now = ready(handle);
	}
	/* Deadlines shorter than a slice must not hide a death. */
	if (now == 0 && rc == -ETIMEDOUT)
		now = slip_side_gone_(s, s->self, ready, handle);
	if (now == 0)
		return rc;
	return now < 0 ? now : 0;
}

#ifdef __cplusplus
}
#endif

#endif
