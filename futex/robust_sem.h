/* SPDX-License-Identifier: MIT */
/*
 * A counting semaphore in shared memory whose units come back, exactly once,
 * when the process that holds them dies or leaves.
 *
 * Use it where processes that may be killed share a number of things. Without
 * deaths to fear, sem.h is smaller and faster.
 *
 *	size_t bytes = slip_robust_sem_bytes(seats);
 *	slip_robust_sem_init(mem, bytes, seats, value);		once
 *
 *	struct slip_robust_sem s;			private, one a thread
 *
 *	slip_robust_sem_attach(&s, mem, bytes, &self);	self: futex/peer.h
 *	rc = slip_robust_sem_acquire(&s, 2);
 *	...
 *	slip_robust_sem_release(&s, 2);		of those in hand
 *	slip_robust_sem_consume(&s, 1);		of those in hand, for good
 *	slip_robust_sem_post(&s, 1);		new ones: never taken back
 *	slip_robust_sem_detach(&s);		gives back what is in hand
 *
 * Shape: a line, and one for each seat; 64-byte aligned, at any address.
 *
 *	+0	word	value 0..23, broad 24, sequence 25..55, seat 56..63
 *	+8	event	sleepers (event.h, mode RMW)
 *	+16	magic, seats: constant
 *	+64 s	seat s, from 1:
 *	+0	who	0, or held: 1, peer id 4..15, its generation 16..47
 *	+8	notes	two: units in hand 0..23, done 24, sequence 25..55
 *
 * The operations of a seat are numbered, and each is one swap of the word,
 * which then names the seat and the number of the operation. Before the swap of
 * number q the seat writes into note q % 2 what it will have in hand after it;
 * number q - 1, which is done, keeps the other note. Whoever makes the word
 * name another seat first marks the note of what it named as done. So at every
 * instant the last operation of a seat is
 *
 *	the one that the word names, if it names the seat;
 *	else the newest one whose note is marked as done,
 *
 * and the note of that one says how many units the seat holds. A word never
 * comes back, so a swap from a word that was read proves that this was so from
 * the look to the swap. (If the seat's holder is dead, so that nothing but the
 * giving back can come, a look is enough.)
 *
 * To give back what a dead seat holds is the operation after its last one, done
 * for it: its note says 0 in hand, its swap adds the units. However many do it
 * at once, one swap is made; who dies in it has made it, or not. Then the seat
 * is free, and its next holder goes on with the numbers.
 *
 *	word			acquire(n)	release(n), post(n), recovery;
 *						consume: as n = 0
 *	value >= n		-> value - n	-> value + n
 *	value < n		waits; -EAGAIN	-> value + n
 *	value + n > MAX		-> value - n	-EOVERFLOW
 *	broad			stays broad	-> not broad; wakes all
 *
 * `broad`, and whom a release wakes: as in sem.h.
 *
 * Who is dead is said by the kernel, asked by who has waited for a slice
 * (SLIP_SLICE_NS), by recover, by attach where no seat is free, and at a
 * deadline; slip_peer_recover gives units back too. So units come back within
 * about 6 ms to one who waits, across PID namespaces too, and never from one
 * who is stopped or traced. A thread that exits keeps its units; a member that
 * leaves with units in hand gives them back. With `self` NULL nobody is ever
 * seen dead. All others are members of the same region: one of another would be
 * taken for dead.
 *
 * Concurrency: one handle, and so one seat, for each thread, of which one peer
 * may have several; a handle is used by one thread at a time, and by none while
 * its peer leaves. acquire blocks, the others are lock-free, apart from system
 * calls. An uncontended pair is two locked instructions; if another seat was
 * last, two loads of that seat's line more.
 *
 * Order: what was done before a release or post, or by a holder before it died,
 * is visible after the acquire that its units serve, and after any later one.
 *
 * Death, by the point at which it comes:
 *
 *	before the swap of any operation	it has not happened
 *	after it				it has; what is then in hand
 *						comes back
 *	between it and the wake-up		sleepers look after a slice
 *	in recovery, detach			the next one completes it
 *
 * Units that would not fit (value + n > MAX) stay with the dead seat, and its
 * peer's id is not used again, until there is room.
 *
 * fork: a child's copy of the handle is refused: -ECHILD. So is one whose `self`
 * has left, also if it has joined again: -EINVAL. With `self` NULL neither is
 * seen.
 *
 * Damage: magic and seats are checked at attach and kept in the handle. Whoever
 * can write the memory can make and lose units, and keep seats from being freed
 * (recovery gives up after a thousand rounds); nothing else follows.
 *
 * Limit: sequences have 31 bits. One that is stopped between its look at the
 * word and its swap, while one seat makes a multiple of 2^31 operations, and
 * then finds the same seat, sequence and value, takes the word for unchanged.
 *
 * Source: SEM_UNDO of System V; the word that says who changed it last, as in
 * detectable objects (Friedman et al., 2018; Attiya et al., 2018).
 */
#ifndef SLIP_FUTEX_ROBUST_SEM_H
#define SLIP_FUTEX_ROBUST_SEM_H

#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_ROBUST_SEM_MAGIC_ UINT32_C(0x31535253) /* "SRS1" */
#define SLIP_KIND_ROBUST_SEM   (16u | SLIP_KIND_NAMES_PEERS)

#define SLIP_ROBUST_SEM_MAX	    UINT32_C(0x00ffffff) /* also in hand */
#define SLIP_ROBUST_SEM_TRIES_	    1000u
#define SLIP_ROBUST_SEM_LOOKS_	    8 /* for a free seat */
#define SLIP_ROBUST_SEM_SEATS_MAX   255u
#define SLIP_ROBUST_SEM_BROAD_	    (UINT64_C(1) << 24) /* of the word */
#define SLIP_ROBUST_SEM_DONE_	    (UINT64_C(1) << 24) /* of a note */
#define SLIP_ROBUST_SEM_SEQ_SHIFT_  25
#define SLIP_ROBUST_SEM_SEQ_MASK_   UINT32_C(0x7fffffff)
#define SLIP_ROBUST_SEM_SEAT_SHIFT_ 56
#define SLIP_ROBUST_SEM_HELD_	    UINT64_C(1) /* of a seat's word */

struct slip_robust_sem_seat {
	slip_a64 who;
	slip_a64 notes[2];
	uint64_t reserved[5];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_robust_sem_seat) == 64, "layout");

struct slip_robust_sem_shared {
	slip_a64 word;
	struct slip_event event;
	slip_a32 magic;
	slip_a32 seats;
	uint64_t reserved[5];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_robust_sem_shared) == 64, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_robust_sem_shared, event) == 8,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_robust_sem_shared, magic) == 16,
		   "layout");

/* The private handle. */
struct slip_robust_sem {
	struct slip_robust_sem_shared *shared;
	struct slip_robust_sem_seat *seat; /* NULL: detached */
	struct slip_peer *self;		   /* NULL: nobody is ever seen dead */
	const struct slip_region *rg;	   /* of self, when it was attached */
	uint64_t who;
	uint32_t seats;
	uint32_t me;   /* the seat's number */
	uint32_t seq;  /* of its last operation */
	uint32_t held; /* units in hand */
	uint32_t want; /* how many it waits for */
	struct slip_waiter waiter;
};

/* --- words and notes ------------------------------------------------------- */

SLIP_CORE uint32_t slip_robust_sem_units_(uint64_t x)
{
	return SLIP_CAST(uint32_t, x) & SLIP_ROBUST_SEM_MAX;
}

SLIP_CORE uint32_t slip_robust_sem_seq_(uint64_t x)
{
	return SLIP_CAST(uint32_t, x >> SLIP_ROBUST_SEM_SEQ_SHIFT_) &
	       SLIP_ROBUST_SEM_SEQ_MASK_;
}

SLIP_CORE uint32_t slip_robust_sem_by_(uint64_t word)
{
	return SLIP_CAST(uint32_t, word >> SLIP_ROBUST_SEM_SEAT_SHIFT_);
}

SLIP_CORE uint32_t slip_robust_sem_next_(uint32_t seq)
{
	return (seq + 1) & SLIP_ROBUST_SEM_SEQ_MASK_;
}

/* The note of operation `seq`, after which `units` are in hand; with a seat's
 * number on top, the word of that operation, after which it has that value. */
SLIP_CORE uint64_t slip_robust_sem_note_(uint32_t seq, uint32_t units)
{
	return SLIP_CAST(uint64_t, seq) << SLIP_ROBUST_SEM_SEQ_SHIFT_ | units;
}

SLIP_CORE uint64_t slip_robust_sem_word_(uint32_t s, uint32_t seq,
					 uint32_t value)
{
	return SLIP_CAST(uint64_t, s) << SLIP_ROBUST_SEM_SEAT_SHIFT_ |
	       slip_robust_sem_note_(seq, value);
}

SLIP_CORE struct slip_robust_sem_seat *
slip_robust_sem_seat_(struct slip_robust_sem_shared *shared, uint32_t s)
{
	void *at = SLIP_RECAST(char *, shared) + SLIP_CAST(size_t, s) * 64;

	return SLIP_CAST(struct slip_robust_sem_seat *, at);
}

/* How much memory so many seats take; 0: none, or above 255. */
SLIP_INLINE size_t slip_robust_sem_bytes(uint32_t seats)
{
	if (seats < 1 || seats > SLIP_ROBUST_SEM_SEATS_MAX)
		return 0;
	return (SLIP_CAST(size_t, seats) + 1) * 64;
}

/*
 * Make `mem` (64-byte aligned, of any content, used by nobody) a semaphore with
 * `value` units, for so many handles at one time. 0; -EINVAL: alignment, seats;
 * -EOVERFLOW: `bytes` is too small, or `value` above SLIP_ROBUST_SEM_MAX.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_robust_sem_init(void *mem, size_t bytes, uint32_t seats, uint32_t value)
{
	struct slip_robust_sem_shared *shared =
		SLIP_CAST(struct slip_robust_sem_shared *, mem);
	size_t needed = slip_robust_sem_bytes(seats);

	if (!mem || SLIP_RECAST(uintptr_t, mem) % 64 || !needed)
		return -EINVAL;
	if (bytes < needed || value > SLIP_ROBUST_SEM_MAX)
		return -EOVERFLOW;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a32_store_relaxed(&shared->magic, 0);
	memset(mem, 0, offsetof(struct slip_robust_sem_shared, magic));
	memset(&shared->seats, 0,
	       needed - offsetof(struct slip_robust_sem_shared, seats));
	/* init: both */
	slip_a64_store_relaxed(&shared->word, value);
	slip_a32_store_relaxed(&shared->seats, seats);
	/* RSEM-R1 creator: the semaphore is whole. Pairs:
	 * slip_robust_sem_check_. Else: seats are used that are wiped later. */
	slip_a32_store_release(&shared->magic, SLIP_ROBUST_SEM_MAGIC_);
	return 0;
}

/* How many seats has it? Or -EINVAL, -EBADMSG, -EOVERFLOW. */
SLIP_INLINE SLIP_MUST_CHECK int slip_robust_sem_check_(void *mem, size_t bytes)
{
	struct slip_robust_sem_shared *shared =
		SLIP_CAST(struct slip_robust_sem_shared *, mem);
	uint32_t seats;

	if (!mem || SLIP_RECAST(uintptr_t, mem) % 64)
		return -EINVAL;
	if (bytes < sizeof(*shared))
		return -EOVERFLOW;
	/* RSEM-A1 user: the semaphore is whole. Pairs: slip_robust_sem_init.
	 * Else: as there. */
	if (slip_a32_load_acquire(&shared->magic) != SLIP_ROBUST_SEM_MAGIC_)
		return -EBADMSG;
	/* init: constant; what is used from here on is the copy */
	seats = slip_a32_load_relaxed(&shared->seats);
	if (!slip_robust_sem_bytes(seats))
		return -EBADMSG;
	if (bytes < slip_robust_sem_bytes(seats))
		return -EOVERFLOW;
	return SLIP_CAST(int, seats);
}

/* --- the last operation of a seat ------------------------------------------ */

SLIP_CORE uint64_t
slip_robust_sem_look_(const struct slip_robust_sem_shared *shared)
{
	/* RSEM-A2 anybody: the note of the operation that the word names, and
	 * that those before it are marked as done. Pairs:
	 * slip_robust_sem_swap_. Else: what a seat holds is taken from an older
	 * note, and units come back twice or never. */
	return slip_a64_load_acquire(&shared->word);
}

/* What the word names is done: mark it, so that the word may name another. */
SLIP_CORE void slip_robust_sem_settle_(struct slip_robust_sem_shared *shared,
				       uint32_t seats, uint64_t word)
{
	uint32_t s = slip_robust_sem_by_(word);
	uint32_t seq = slip_robust_sem_seq_(word);
	slip_a64 *note;
	uint64_t seen;

	if (s < 1 || s > seats)
		return;
	note = &slip_robust_sem_seat_(shared, s)->notes[seq & 1];
	/* hint: not older than the note of what the word names (A2); if newer,
	 * the word has changed */
	seen = slip_a64_load_relaxed(note);
	if (slip_robust_sem_seq_(seen) == seq &&
	    !(seen & SLIP_ROBUST_SEM_DONE_))
		/* hint: told by the swap of the word that follows, R2. If it
		 * fails, another has marked it, or the word has changed. */
		(void)slip_a64_cas_relaxed(note, &seen,
					   seen | SLIP_ROBUST_SEM_DONE_);
}

/* Swap the word for that of another operation. */
SLIP_CORE bool slip_robust_sem_swap_(struct slip_robust_sem_shared *shared,
				     uint64_t seen, uint64_t next)
{
	/* RSEM-R2 operator: its note; that the last one is marked as done; what
	 * was done before a release. What the last ones did came with the look
	 * at this same word. Pairs: slip_robust_sem_look_. Else: as A2; and who
	 * takes a unit reads what it stands for as it was before. */
	return slip_a64_cas_release(&shared->word, &seen, next);
}

/* The last operation of a seat, as the word and its notes say it. */
struct slip_robust_sem_last_ {
	uint64_t notes[2];
	uint32_t seq;
	uint32_t held; /* after it */
};

SLIP_INLINE void slip_robust_sem_past_(const struct slip_robust_sem_seat *seat,
				       uint32_t s, uint64_t word,
				       struct slip_robust_sem_last_ *past)
{
	uint64_t note;

	for (unsigned i = 0; i < 2; i++)
		/* RSEM-A3 recoverer: whoever wrote the note sat there before.
		 * Pairs: slip_robust_sem_intend_. Else: the units of one who
		 * lives are given back. */
		past->notes[i] = slip_a64_load_acquire(&seat->notes[i]);
	if (slip_robust_sem_by_(word) == s) {
		past->seq = slip_robust_sem_seq_(word);
		note = past->notes[past->seq & 1];
		past->held = slip_robust_sem_seq_(note) == past->seq
				     ? slip_robust_sem_units_(note)
				     : 0;
		return;
	}
	note = past->notes[0];
	if (!(note & SLIP_ROBUST_SEM_DONE_) ||
	    ((past->notes[1] & SLIP_ROBUST_SEM_DONE_) &&
	     slip_robust_sem_next_(slip_robust_sem_seq_(note)) ==
		     slip_robust_sem_seq_(past->notes[1])))
		note = past->notes[1];
	if (!(note & SLIP_ROBUST_SEM_DONE_))
		note = 0; /* it has not done anything yet */
	past->seq = slip_robust_sem_seq_(note);
	past->held = slip_robust_sem_units_(note);
}

/* Wake after units were given; as slip_sem_wake_, which says why it looks. */
SLIP_COLD void slip_robust_sem_wake_slow_(struct slip_robust_sem_shared *shared,
					  bool all)
{
	if (!all)
		slip_event_wake_one_slow_(&shared->event);
	/* hint: as there */
	if (all ||
	    slip_a64_load_relaxed(&shared->word) & SLIP_ROBUST_SEM_BROAD_)
		slip_event_wake_slow_(&shared->event);
}

/* Wake whom `n` more units may serve, after a swap from `seen`. */
SLIP_CORE void slip_robust_sem_wake_(struct slip_robust_sem_shared *shared,
				     uint32_t n, uint64_t seen)
{
	if (SLIP_UNLIKELY(slip_event_look_(&shared->event, SLIP_EVENT_RMW) &
			  SLIP_EVENT_W_))
		slip_robust_sem_wake_slow_(
			shared, n > 1 || seen & SLIP_ROBUST_SEM_BROAD_);
}

/* --- giving back for another, or in the end -------------------------------- */

/* Is it still `who` that sits there? Asked after the notes were read. */
SLIP_CORE bool slip_robust_sem_sits_(const struct slip_robust_sem_seat *seat,
				     uint64_t who)
{
	/* hint: ordered by A3: not older than the notes */
	return slip_a64_load_relaxed(&seat->who) == who;
}

/* Write the note of the operation that gives all back. False: look again. */
SLIP_INLINE bool
slip_robust_sem_close_(struct slip_robust_sem_seat *seat,
		       const struct slip_robust_sem_last_ *past)
{
	uint32_t seq = slip_robust_sem_next_(past->seq);
	uint64_t note = slip_robust_sem_note_(seq, 0);
	uint64_t seen = past->notes[seq & 1];

	if (seen == note)
		return true;
	if (seen == (note | SLIP_ROBUST_SEM_DONE_))
		return false; /* it was done after the look at the word */
	/* hint: told by the swap of the word that follows, R2. If it fails,
	 * another has written it. */
	return slip_a64_cas_relaxed(&seat->notes[seq & 1], &seen, note);
}

/* Nothing is in hand: the seat is free. */
SLIP_INLINE void slip_robust_sem_free_(struct slip_robust_sem_seat *seat,
				       uint64_t who)
{
	/* RSEM-R4 recoverer: nothing will be done in its old holder's name.
	 * Pairs: slip_robust_sem_sit_. Else: the next one goes on from an
	 * operation that is not the seat's last. */
	(void)slip_a64_cas_release(&seat->who, &who, 0);
}

/* One round of vacate: 1: again; else as that. */
SLIP_INLINE int
slip_robust_sem_vacate_once_(struct slip_robust_sem_shared *shared,
			     uint32_t seats, uint32_t s, uint64_t who)
{
	struct slip_robust_sem_seat *seat = slip_robust_sem_seat_(shared, s);
	uint64_t seen = slip_robust_sem_look_(shared);
	uint32_t value = slip_robust_sem_units_(seen);
	struct slip_robust_sem_last_ past;
	uint64_t next;

	slip_robust_sem_past_(seat, s, seen, &past);
	if (!slip_robust_sem_sits_(seat, who))
		return 0;
	if (past.held == 0) {
		slip_robust_sem_free_(seat, who);
		return 0;
	}
	if (past.held > SLIP_ROBUST_SEM_MAX - value)
		return -EOVERFLOW;
	if (!slip_robust_sem_close_(seat, &past))
		return 1;
	if (slip_robust_sem_by_(seen) != s)
		slip_robust_sem_settle_(shared, seats, seen);
	next = slip_robust_sem_word_(s, slip_robust_sem_next_(past.seq),
				     value + past.held);
	if (!slip_robust_sem_swap_(shared, seen, next))
		return 1;
	slip_robust_sem_wake_(shared, past.held, seen);
	slip_robust_sem_free_(seat, who);
	return 0;
}

/*
 * Give back what seat `s` holds for `who`, who is known to be dead, or is us,
 * and free the seat. By anybody, any number at once. 0: it is not theirs any
 * more; -EOVERFLOW: no room for the units; -EAGAIN: damaged, or changed by
 * others each time.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_robust_sem_vacate_(struct slip_robust_sem_shared *shared, uint32_t seats,
			uint32_t s, uint64_t who)
{
	int rc = 1;

	for (uint32_t i = 0; rc > 0 && i < SLIP_ROBUST_SEM_TRIES_; i++)
		rc = slip_robust_sem_vacate_once_(shared, seats, s, who);
	return rc > 0 ? -EAGAIN : rc;
}

SLIP_CORE uint64_t slip_robust_sem_who_(uint32_t id, uint32_t gen)
{
	return slip_peer_tag_(id, gen) | SLIP_ROBUST_SEM_HELD_;
}

/* Every seat whose holder the kernel calls dead. As recover. */
SLIP_COLD SLIP_MUST_CHECK int
slip_robust_sem_bury_(struct slip_robust_sem_shared *shared, uint32_t seats,
		      const struct slip_peer *asker)
{
	int first = 0;

	for (uint32_t s = 1; s <= seats; s++) {
		/* hint: asked again in vacate, A3 */
		uint64_t who = slip_a64_load_relaxed(
			&slip_robust_sem_seat_(shared, s)->who);
		int rc = 0;

		if (who && slip_peer_tag_dead_(who, asker))
			rc = slip_robust_sem_vacate_(shared, seats, s, who);
		if (rc && !first)
			first = rc;
	}
	return first;
}

/* Recovery hook of futex/peer.h. A damaged semaphore does not keep an id from
 * being reused. */
SLIP_INLINE int slip_robust_sem_recover_(struct slip_peer *self, void *mem,
					 size_t bytes, uint32_t id,
					 uint32_t gen)
{
	struct slip_robust_sem_shared *shared =
		SLIP_CAST(struct slip_robust_sem_shared *, mem);
	int seats = slip_robust_sem_check_(mem, bytes);
	int first = 0;

	(void)self;
	if (seats < 0)
		return 0;
	for (uint32_t s = 1; s <= SLIP_CAST(uint32_t, seats); s++) {
		int rc = slip_robust_sem_vacate_(shared,
						 SLIP_CAST(uint32_t, seats), s,
						 slip_robust_sem_who_(id, gen));

		if (rc && !first)
			first = rc;
	}
	/* What the dead one has not told. */
	slip_event_wake_all(&shared->event);
	return first;
}

/* --- coming and going ------------------------------------------------------ */

/* Take the first free seat, and go on where its last holder ended. */
SLIP_INLINE bool slip_robust_sem_sit_(struct slip_robust_sem *h)
{
	struct slip_robust_sem_last_ past;

	for (uint32_t s = 1; s <= h->seats; s++) {
		struct slip_robust_sem_seat *seat =
			slip_robust_sem_seat_(h->shared, s);
		uint64_t free = 0;

		/* RSEM-A4 newcomer: all that was done in that seat's name.
		 * Pairs: slip_robust_sem_free_. Else: as there. */
		if (!slip_a64_cas_acquire(&seat->who, &free, h->who))
			continue;
		slip_robust_sem_past_(seat, s, slip_robust_sem_look_(h->shared),
				      &past);
		h->seat = seat;
		h->me = s;
		h->seq = past.seq;
		return true;
	}
	return false;
}

/*
 * Make a handle, with nothing in hand. `self`: the member that will hold the
 * units; NULL: one whose death nobody will know of. 0; -EUSERS: no seat is
 * free; -EBADMSG: not a semaphore, or damaged; -EOVERFLOW: `bytes` is too
 * small; -EINVAL: alignment, or `self` is no member; -ECHILD; -ENOSPC: as
 * slip_peer_hook.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_robust_sem_attach(struct slip_robust_sem *h,
						     void *mem, size_t bytes,
						     struct slip_peer *self)
{
	int rc = self ? slip_region_check_(self->rg) : 0;
	int seats;

	memset(h, 0, sizeof(*h));
	if (rc)
		return rc; /* -ECHILD: nor is the memory there */
	if (self && !self->id)
		return -EINVAL;
	seats = slip_robust_sem_check_(mem, bytes);
	if (seats < 0)
		return seats;
	if (self)
		rc = slip_peer_hook(self, SLIP_KIND_ROBUST_SEM,
				    slip_robust_sem_recover_);
	if (rc)
		return rc;
	h->shared = SLIP_CAST(struct slip_robust_sem_shared *, mem);
	h->self = self;
	h->rg = self ? self->rg : NULL;
	h->seats = SLIP_CAST(uint32_t, seats);
	h->who = self ? slip_robust_sem_who_(self->id, self->gen)
		      : SLIP_ROBUST_SEM_HELD_;
	slip_waiter_init_(&h->waiter, &h->shared->event, SLIP_EVENT_RMW,
			  self ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS);
	/* Others may go to a seat that was passed from one that is still to be
	 * looked at, or die there: once is not enough. */
	for (int looks = 0; looks < SLIP_ROBUST_SEM_LOOKS_; looks++) {
		if (slip_robust_sem_sit_(h))
			return 0;
		/* What has no room yet keeps its seat. */
		rc = slip_robust_sem_bury_(h->shared, h->seats, self);
		(void)rc;
	}
	return -EUSERS;
}

/* -ECHILD for a copy in a fork child; -EINVAL if detached, or if `self` is not
 * the member any more that it was: then the units have been given back. */
SLIP_CORE SLIP_MUST_CHECK int
slip_robust_sem_own_(const struct slip_robust_sem *h)
{
	if (SLIP_UNLIKELY(!h->seat))
		return -EINVAL;
	return slip_peer_check_(h->rg, h->who);
}

/*
 * Give back what is in hand, and the seat. 0; -EOVERFLOW: no room for the
 * units, -EAGAIN: others changed the word a thousand times, or it is damaged:
 * nothing has happened; -EINVAL: it is detached, or `self` has left; -ECHILD.
 */
SLIP_COLD int slip_robust_sem_detach(struct slip_robust_sem *h)
{
	int rc = slip_robust_sem_own_(h);

	if (!rc)
		rc = slip_robust_sem_vacate_(h->shared, h->seats, h->me,
					     h->who);
	if (rc)
		return rc;
	h->seat = NULL;
	h->held = 0;
	return 0;
}

/*
 * Ask the kernel who of those that sit here is dead, and give back what they
 * held. 0; -EOVERFLOW: no room for some of it; -EAGAIN: as detach; -EINVAL;
 * -ECHILD.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_robust_sem_recover(struct slip_robust_sem *h)
{
	int rc = slip_robust_sem_own_(h);

	return rc ? rc : slip_robust_sem_bury_(h->shared, h->seats, h->self);
}

/* --- operations ------------------------------------------------------------ */

/* Write down what will be in hand after the next operation. */
SLIP_CORE void slip_robust_sem_intend_(struct slip_robust_sem *h, uint64_t note)
{
	/* RSEM-R3 operator: it sat there before. Pairs: slip_robust_sem_past_.
	 * Else: as there. */
	slip_a64_store_release(&h->seat->notes[slip_robust_sem_seq_(note) & 1],
			       note);
}

/* The operation of this note has been done. */
SLIP_CORE void slip_robust_sem_did_(struct slip_robust_sem *h, uint64_t note)
{
	h->seq = slip_robust_sem_seq_(note);
	h->held = slip_robust_sem_units_(note);
	/* RSEM-R3 operator: as in intend. It spares the next operator the mark,
	 * and who marks it writes the same. Pairs: slip_robust_sem_past_.
	 * Else: as there. */
	slip_a64_store_release(&h->seat->notes[h->seq & 1],
			       note | SLIP_ROBUST_SEM_DONE_);
}

/* Take n. 0; or -EAGAIN, and `seen` is the word that has too few. */
SLIP_CORE int slip_robust_sem_take_(struct slip_robust_sem *h, uint32_t n,
				    uint64_t *seen)
{
	uint64_t note = slip_robust_sem_note_(slip_robust_sem_next_(h->seq),
					      h->held + n);
	uint64_t next;

	do {
		*seen = slip_robust_sem_look_(h->shared);
		if (slip_robust_sem_units_(*seen) < n)
			return -EAGAIN;
		if (slip_robust_sem_by_(*seen) != h->me)
			slip_robust_sem_settle_(h->shared, h->seats, *seen);
		slip_robust_sem_intend_(h, note);
		next = slip_robust_sem_word_(h->me, slip_robust_sem_seq_(note),
					     slip_robust_sem_units_(*seen) - n);
		next |= *seen & SLIP_ROBUST_SEM_BROAD_;
	} while (!slip_robust_sem_swap_(h->shared, *seen, next));
	slip_robust_sem_did_(h, note);
	return 0;
}

/* Give n, and have `held` in hand. */
SLIP_CORE int slip_robust_sem_give_(struct slip_robust_sem *h, uint32_t n,
				    uint32_t held)
{
	uint64_t note =
		slip_robust_sem_note_(slip_robust_sem_next_(h->seq), held);
	uint64_t seen;
	uint64_t next;

	do {
		seen = slip_robust_sem_look_(h->shared);
		if (n > SLIP_ROBUST_SEM_MAX - slip_robust_sem_units_(seen))
			return -EOVERFLOW;
		if (slip_robust_sem_by_(seen) != h->me)
			slip_robust_sem_settle_(h->shared, h->seats, seen);
		slip_robust_sem_intend_(h, note);
		next = slip_robust_sem_word_(h->me, slip_robust_sem_seq_(note),
					     slip_robust_sem_units_(seen) + n);
	} while (!slip_robust_sem_swap_(h->shared, seen, next));
	slip_robust_sem_did_(h, note);
	slip_robust_sem_wake_(h->shared, n, seen);
	return 0;
}

/* Take what it wants; else say, if it wants several, that it waits. */
SLIP_INLINE int slip_robust_sem_try_(struct slip_robust_sem *h)
{
	uint64_t seen;

	do {
		if (slip_robust_sem_take_(h, h->want, &seen) == 0)
			return 1;
		if (h->want == 1 || seen & SLIP_ROBUST_SEM_BROAD_)
			return 0;
		/* hint: who reads it looks at the event, EVENT-H3 */
	} while (!slip_a64_cas_relaxed(&h->shared->word, &seen,
				       seen | SLIP_ROBUST_SEM_BROAD_));
	return 0;
}

/* See slip_ready_fn. */
SLIP_INLINE int slip_robust_sem_ready_(void *handle, bool ask)
{
	struct slip_robust_sem *h = SLIP_CAST(struct slip_robust_sem *, handle);
	int now = slip_robust_sem_try_(h);
	int rc;

	if (now || !ask || !h->self)
		return now;
	/* -EOVERFLOW: then there are more than we want. */
	rc = slip_robust_sem_bury_(h->shared, h->seats, h->self);
	(void)rc;
	return slip_robust_sem_try_(h);
}

/* Can n be asked for? */
SLIP_CORE SLIP_MUST_CHECK int
slip_robust_sem_may_(const struct slip_robust_sem *h, uint32_t n)
{
	int rc = slip_robust_sem_own_(h);

	if (SLIP_UNLIKELY(rc))
		return rc;
	if (SLIP_UNLIKELY(n > SLIP_ROBUST_SEM_MAX))
		return -EINVAL;
	return n > SLIP_ROBUST_SEM_MAX - h->held ? -EOVERFLOW : 0;
}

/*
 * Take `n` units if there are so many, all or none. 0; -EAGAIN: there are not,
 * though some may be a dead one's (see recover); -EINVAL: more than
 * SLIP_ROBUST_SEM_MAX, or detached; -EOVERFLOW: more in hand than that;
 * -ECHILD.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_robust_sem_acquire_try(struct slip_robust_sem *h, uint32_t n)
{
	uint64_t seen;
	int rc = slip_robust_sem_may_(h, n);

	return rc ? rc : slip_robust_sem_take_(h, n, &seen);
}

SLIP_COLD SLIP_MUST_CHECK int
slip_robust_sem_acquire_slow_(struct slip_robust_sem *h, uint32_t n,
			      uint64_t deadline_ns)
{
	h->want = n;
	return slip_waiter_until_(&h->waiter, slip_robust_sem_ready_, h,
				  deadline_ns);
}

/*
 * Take `n` units, all or none; block until `deadline_ns` (absolute
 * CLOCK_MONOTONIC, SLIP_FOREVER: for ever) at most; one in the past tries once,
 * and asks who is dead. As acquire_try, but not -EAGAIN; -ETIMEDOUT; -EFAULT:
 * the memory is gone.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_robust_sem_acquire_until(struct slip_robust_sem *h, uint32_t n,
			      uint64_t deadline_ns)
{
	int rc = slip_robust_sem_acquire_try(h, n);

	if (SLIP_LIKELY(rc != -EAGAIN))
		return rc;
	return slip_robust_sem_acquire_slow_(h, n, deadline_ns);
}

/* Take `n` units; block for as long as it takes. As acquire_until. */
SLIP_CORE SLIP_MUST_CHECK int slip_robust_sem_acquire(struct slip_robust_sem *h,
						      uint32_t n)
{
	return slip_robust_sem_acquire_until(h, n, SLIP_FOREVER);
}

/*
 * Give back `n` of the units in hand. 0; -EPERM: there are not so many in hand;
 * -EOVERFLOW: others have posted so many that there is no room; -EINVAL;
 * -ECHILD.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_robust_sem_release(struct slip_robust_sem *h,
						      uint32_t n)
{
	int rc = slip_robust_sem_own_(h);

	if (SLIP_UNLIKELY(rc))
		return rc;
	if (SLIP_UNLIKELY(n > h->held))
		return -EPERM;
	return slip_robust_sem_give_(h, n, h->held - n);
}

/*
 * Use up `n` of the units in hand: they are gone, and not given back at our
 * death. 0; -EPERM: there are not so many in hand; -EINVAL; -ECHILD.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_robust_sem_consume(struct slip_robust_sem *h,
						      uint32_t n)
{
	int rc = slip_robust_sem_own_(h);

	if (SLIP_UNLIKELY(rc))
		return rc;
	if (SLIP_UNLIKELY(n > h->held))
		return -EPERM;
	return slip_robust_sem_give_(h, 0, h->held - n);
}

/*
 * Give `n` new units, which are nobody's: not undone at our death. 0;
 * -EOVERFLOW: there would be more than SLIP_ROBUST_SEM_MAX; -EINVAL; -ECHILD.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_robust_sem_post(struct slip_robust_sem *h,
						   uint32_t n)
{
	int rc = slip_robust_sem_own_(h);

	return rc ? rc : slip_robust_sem_give_(h, n, h->held);
}

/* How many units there were a moment ago; those in hand of the dead, of whom
 * nobody knows yet, are not among them. */
SLIP_CORE uint32_t slip_robust_sem_value(const struct slip_robust_sem *h)
{
	/* stat */
	return slip_robust_sem_units_(slip_a64_load_relaxed(&h->shared->word));
}

/* How many units this handle has in hand. */
SLIP_CORE uint32_t slip_robust_sem_held(const struct slip_robust_sem *h)
{
	return h->held;
}

#ifdef __cplusplus
}
#endif

#endif
