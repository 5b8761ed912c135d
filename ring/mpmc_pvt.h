/* SPDX-License-Identifier: MIT */
/*
 * Mpmc.h from the inside: the bytes, the handles, push and pop. Private; the
 * crash contract stands in mpmc.h, the argument in ring/README.md. Who sits
 * where, and what becomes of the dead: mpmc_seat.h; elements that are handed
 * out and given back: mpmc_work.h.
 *
 * A push announces its element in the pusher's own seat, claims a position by
 * one CAS of tail that names the seat, copies the element into the slot and
 * stores the slot's word. From the claim on the element can also be had from
 * the seat, so a pusher that is killed or stopped there is not waited for, and
 * what it pushed is not lost. A pop claims a position by one CAS of head that
 * names the seat, copies the element out and stores the slot's word.
 *
 * Words count positions in units of 8192. Below are the phase, 4096, and a
 * seat, 1 to 4094:
 *
 *	tail	position to be claimed next | who claimed the one before it
 *	head	position to be popped next | who popped the one before it
 *		(0: nobody has to be helped)
 *	word	of a slot, p a position that it serves, only ever growing:
 *
 *	p		free for p
 *	p | s		named: claimed by s, which has not come to writing
 *	p | 4096	committed
 *	p | 4096 | s	taken: popped by s, which has not done with reading
 *	p | 4096 | 4095	returned, and perhaps taken again (mpmc_work.h)
 *	p + lap		free for the next lap
 *
 * THE HELPING RULE. Tail leaves p + 1 only after position p is named,
 * committed or void; head leaves p + 1 only after p is taken, free, named or
 * void: who moves it first turns "free" into "named", "committed" into
 * "taken". So each unfinished claim is named at every instant by one word, the
 * index or the slot's, and its owner needs no other record.
 *
 * SLOW HANDS. A pop that finds its position named takes the element from the
 * seat and moves head on, naming nobody: the owner will commit later to a
 * position already passed, and know nothing of it. A push that finds the slot
 * of its position in a slow hand of an earlier lap declares the position void
 * by moving tail on, naming nobody. Nobody else writes to a slot in a slow
 * hand, before it is done or dead.
 *
 * `voids` and `heard` say up to where that has happened, so that in all other
 * cases empty and full are told by the slot alone.
 */
#ifndef SLIP_RING_MPMC_PVT_H
#define SLIP_RING_MPMC_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/fence.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_MPMC_MAGIC	       UINT64_C(0x31434d504d4c5053) /* "SPLMPMC1" */
#define SLIP_MPMC_LAYOUT       3u
#define SLIP_MPMC_CAPACITY_MAX (UINT32_C(1) << 31)
#define SLIP_MPMC_ELEM_MAX     UINT32_C(65536)
#define SLIP_MPMC_SEATS_MAX    4094u
#define SLIP_MPMC_SEATS_AUTO   64u
#define SLIP_MPMC_RUN_MAX      32u   /* elements in one claim */
#define SLIP_MPMC_RUN_BYTES    2048u /* of them, unless one is larger */
#define SLIP_MPMC_PATIENCE     32u   /* looks at a slow hand */

/* Tries of one operation; only mischief needs them all, and is told "full" or
 * "empty" then. */
#ifndef SLIP_MPMC_TRIES /* a test that goes through them step by step has fewer */
#define SLIP_MPMC_TRIES 65536u
#endif

#define SLIP_MPMC_ONE	    UINT64_C(8192) /* from one position to the next */
#define SLIP_MPMC_FULL	    UINT64_C(4096) /* phase: committed */
#define SLIP_MPMC_SEAT_MASK (SLIP_MPMC_FULL - 1)
#define SLIP_MPMC_RETURNED  SLIP_MPMC_SEAT_MASK /* in place of a seat */

/* Counts (mpmc_work.h): one more attempt, and the most that are told apart. */
#define SLIP_MPMC_ATTEMPT      UINT64_C(4096)
#define SLIP_MPMC_ATTEMPTS_MAX 4095u

/* Roles of a handle, for slip_mpmc_attach(). */
#define SLIP_PRODUCER  1u
#define SLIP_CONSUMER  2u
#define SLIP_EXCLUSIVE 4u /* the only one in each of these roles */

/* Flags of a ring, beside the mode of its events; see slip_mpmc_init. */
#define SLIP_MPMC_WORK	   0x100u
#define SLIP_MPMC_SEATS(n) (SLIP_CAST(unsigned, n) << 16)

/* The bytes at the start of a ring. */
struct slip_mpmc_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the events */
	slip_a32 capacity;
	slip_a32 elem_bytes;
	slip_a32 flags; /* 0 or SLIP_MPMC_WORK */
	slip_a32 seats;
	slip_a32 runs; /* 1: somebody has popped several at once */
	unsigned char pad0[92];
	/* +128: written by producers */
	slip_a64 tail;
	struct slip_event ev_data; /* consumers sleep here */
	slip_a64 heard;	 /* no position from here on was taken from a seat */
	slip_a64 roll;	 /* mpmc_seat.h: who has been here */
	slip_a64 voided; /* no less than voids: for those who find it full, so
			  * that they need not take the consumers' line */
	unsigned char pad1[88];
	/* +256: written by consumers */
	slip_a64 head;
	struct slip_event ev_space; /* producers sleep here */
	slip_a64 voids;		    /* no position from here on is void */
	slip_a64 returned;	    /* mpmc_work.h: are there any */
	unsigned char pad2[96];
	/* +384: seats, slots, in a work queue the counts of attempts */
};
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, seats) == 28, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, tail) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, ev_data) == 136, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, roll) == 152, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, head) == 256, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, ev_space) == 264, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_mpmc_ring, returned) == 280, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_mpmc_ring) == 384, "layout");

/*
 * A handle's place in the ring. Behind it are what it announces (as many
 * elements as one claim may have), a draft, and an element in hand.
 */
struct slip_mpmc_seat {
	slip_a64 word; /* who sits here: a role's word, its roles << 48 */
	slip_a64
		runs[2]; /* claims of several, at tail and at head: see below */
	slip_a64 hand;	 /* an element taken from a seat: mpmc_work.h */
	slip_a64 attempts; /* its count: mpmc_work.h */
	slip_a64 giving;   /* who is about to return an element */
	unsigned char pad[16];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_mpmc_seat) == 64, "layout");

/* Geometry, validated once and private from then on. */
struct slip_mpmc_shape {
	uint32_t capacity;
	uint32_t elem_bytes;
	uint32_t slot_bytes;
	uint32_t seats;
	uint32_t run_max;  /* elements in one claim */
	uint32_t draft_at; /* in a seat; behind it is the hand */
	size_t seat_bytes;
	bool work;
};

/* What is done with an element that was handed out too often. */
typedef void slip_mpmc_dead_letter_fn(void *context, const void *elem,
				      uint32_t attempts);

/*
 * Where the levels are. An mpmc ring is its own home and its only level. In
 * priority.h several stand behind one home: each has indices, slots and an event
 * of its own for those who wait for room; the seats and the roll they share, as
 * a handle has one claim at a time. In such rings nothing is claimed in runs, or
 * taken in place, for a seat does not say of which level a run or a hand is.
 */
struct slip_mpmc_levels {
	unsigned char *first;
	size_t apart;
	size_t slots_at; /* in a level */
	uint32_t count;
	uint32_t now; /* that to which `ring`, `slots` and `end` point */
};

/* The handle: private to one thread. */
struct slip_mpmc {
	struct slip_mpmc_ring *ring;
	unsigned char *slots;
	struct slip_mpmc_ring *home; /* has the roll, and behind it the seats */
	struct slip_mpmc_seat *seat;
	uint64_t me;   /* number of the seat, from 1 */
	uint64_t lap;  /* capacity, as a difference of positions */
	uint64_t tail; /* as we left it, if nobody came between the last two */
	uint64_t head; /* of our pushes, or pops; 0: unknown */
	uint32_t mask;
	unsigned roles; /* 0: closed, or poisoned */
	struct slip_mpmc_shape shape;
	struct slip_side side; /* how it waits; `tell` is of no use here */
	unsigned char *end;    /* of the slots */
	uint64_t who;	       /* what the seat's word says of us */
	slip_a64 *claimed; /* slot of a claim, or the draft's place; or NULL */
	int error;	   /* -EBADMSG: poisoned; -EPIPE: closed */
	uint32_t patience; /* looks at a slow hand before going round it */
	uint32_t voided;   /* positions in this push; or SLIP_MPMC_CLAIMED_ */
	uint32_t held;	   /* elements taken, neither acked nor returned */
	uint32_t attempts_max; /* 0: no limit */
	uint64_t slow;	       /* a slow hand's word, lingered at in vain */
	slip_mpmc_dead_letter_fn *dead_letter;
	void *context;
	struct slip_mpmc_levels levels;
} SLIP_ALIGNED(SLIP_APART_BYTES);

/* --- geometry -------------------------------------------------------------- */

/* A word and the element; small ones share a line, none straddles one. */
SLIP_CORE uint32_t slip_mpmc_slot_bytes_(uint32_t elem_bytes)
{
	if (elem_bytes <= 8)
		return 16;
	if (elem_bytes <= 24)
		return 32;
	return (elem_bytes + 8 + 63) & ~UINT32_C(63);
}

SLIP_CORE uint32_t slip_mpmc_words_(uint32_t elem_bytes)
{
	return (elem_bytes + 7) / 8;
}

/* How many elements one claim can announce. */
SLIP_INLINE uint32_t slip_mpmc_run_max_(uint32_t elem_bytes)
{
	uint32_t fit = SLIP_MPMC_RUN_BYTES / (slip_mpmc_words_(elem_bytes) * 8);

	if (fit > SLIP_MPMC_RUN_MAX)
		return SLIP_MPMC_RUN_MAX;
	return fit ? fit : 1;
}

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_mpmc_shape_(struct slip_mpmc_shape *s, uint32_t capacity,
				  uint32_t elem_bytes, unsigned flags)
{
	uint32_t seats = flags >> 16 ? flags >> 16 : SLIP_MPMC_SEATS_AUTO;
	uint32_t elem = slip_mpmc_words_(elem_bytes) * 8;

	if (capacity < 2 || capacity > SLIP_MPMC_CAPACITY_MAX ||
	    (capacity & (capacity - 1)) || elem_bytes < 1 ||
	    elem_bytes > SLIP_MPMC_ELEM_MAX || seats > SLIP_MPMC_SEATS_MAX)
		return false;
	s->capacity = capacity;
	s->elem_bytes = elem_bytes;
	s->slot_bytes = slip_mpmc_slot_bytes_(elem_bytes);
	s->seats = seats;
	s->run_max = slip_mpmc_run_max_(elem_bytes);
	s->draft_at = SLIP_CAST(uint32_t, sizeof(struct slip_mpmc_seat)) +
		      elem * s->run_max;
	s->seat_bytes = (SLIP_CAST(size_t, s->draft_at) + 2 * elem + 127) &
			~SLIP_CAST(size_t, 127);
	s->work = (flags & SLIP_MPMC_WORK) != 0;
	return true;
}

SLIP_INLINE size_t slip_mpmc_slots_at_(const struct slip_mpmc_shape *s)
{
	return sizeof(struct slip_mpmc_ring) + s->seat_bytes * s->seats;
}

/* Where the attempts at each slot are counted, in a work queue. */
SLIP_INLINE size_t slip_mpmc_attempts_at_(const struct slip_mpmc_shape *s)
{
	return slip_mpmc_slots_at_(s) +
	       SLIP_CAST(size_t, s->slot_bytes) * s->capacity;
}

SLIP_INLINE size_t slip_mpmc_shape_bytes_(const struct slip_mpmc_shape *s)
{
	return slip_mpmc_attempts_at_(s) +
	       (s->work ? SLIP_CAST(size_t, s->capacity) * 8 : 0);
}

/* Seat number `n`, 1 to shape.seats. */
SLIP_CORE struct slip_mpmc_seat *
slip_mpmc_seat_(struct slip_mpmc_ring *ring, const struct slip_mpmc_shape *s,
		uint64_t n)
{
	void *at = SLIP_RECAST(unsigned char *, ring) + sizeof(*ring) +
		   (n - 1) * s->seat_bytes;

	return SLIP_CAST(struct slip_mpmc_seat *, at);
}

/* Bytes from the seat's start on. */
SLIP_CORE unsigned char *slip_mpmc_in_seat_(struct slip_mpmc_seat *seat,
					    size_t at)
{
	return SLIP_RECAST(unsigned char *, seat) + at;
}

/* The element that a seat has in hand. */
SLIP_INLINE unsigned char *slip_mpmc_hand_of_(const struct slip_mpmc *q,
					      struct slip_mpmc_seat *seat)
{
	return slip_mpmc_in_seat_(
		seat,
		q->shape.draft_at + slip_mpmc_words_(q->shape.elem_bytes) * 8);
}

/* The slot's size: a constant where the element's is. */
SLIP_CORE size_t slip_mpmc_stride_(const struct slip_mpmc *q,
				   uint32_t elem_bytes)
{
	return __builtin_constant_p(elem_bytes)
		       ? slip_mpmc_slot_bytes_(elem_bytes)
		       : q->shape.slot_bytes;
}

/* The slot of position `p`: its word; the element follows. */
SLIP_CORE slip_a64 *slip_mpmc_slot_(const struct slip_mpmc *q, uint64_t p,
				    uint32_t elem_bytes)
{
	size_t index = (p / SLIP_MPMC_ONE) & q->mask;
	void *at = q->slots + index * slip_mpmc_stride_(q, elem_bytes);

	return SLIP_CAST(slip_a64 *, at);
}

/* The slot after it. */
SLIP_CORE slip_a64 *slip_mpmc_next_(const struct slip_mpmc *q, slip_a64 *slot,
				    uint32_t elem_bytes)
{
	void *at = SLIP_RECAST(unsigned char *, slot) +
		   slip_mpmc_stride_(q, elem_bytes);

	if (at == q->end)
		at = q->slots;
	return SLIP_CAST(slip_a64 *, at);
}

SLIP_CORE slip_a64 *slip_mpmc_announced_(struct slip_mpmc_seat *seat)
{
	void *at = seat + 1;

	return SLIP_CAST(slip_a64 *, at);
}

/* The position in a word, and how far it is beyond `p`. */
SLIP_CORE uint64_t slip_mpmc_at_(uint64_t word)
{
	return word & ~(SLIP_MPMC_ONE - 1);
}

SLIP_CORE int64_t slip_mpmc_past_(uint64_t word, uint64_t p)
{
	return SLIP_CAST(int64_t, word - p);
}

/* What stands there cannot be: the handle is of no more use. */
SLIP_COLD void slip_mpmc_poison_(struct slip_mpmc *q)
{
	q->error = -EBADMSG;
	q->roles = 0;
}

/* --- elements -------------------------------------------------------------- */

/* The bytes of word `i` of an element; the last may be a part. */
SLIP_CORE uint64_t slip_mpmc_word_of_(const void *elem, uint32_t i,
				      uint32_t elem_bytes)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elem);
	uint32_t left = elem_bytes - i * 8;
	uint64_t v = 0;

	__builtin_memcpy(&v, from + i * 8, left < 8 ? left : 8);
	return v;
}

SLIP_CORE void slip_mpmc_word_to_(void *elem, uint32_t i, uint32_t elem_bytes,
				  uint64_t v)
{
	unsigned char *to = SLIP_CAST(unsigned char *, elem);
	uint32_t left = elem_bytes - i * 8;

	__builtin_memcpy(to + i * 8, &v, left < 8 ? left : 8);
}

SLIP_CORE void slip_mpmc_announce_(struct slip_mpmc *q, uint32_t i,
				   const void *elem, uint32_t elem_bytes)
{
	uint32_t words = slip_mpmc_words_(elem_bytes);
	slip_a64 *to = slip_mpmc_announced_(q->seat) + i * words;

	for (uint32_t k = 0; k < words; k++)
		/* MPMC-R9 producer: what it announced before is committed.
		 * Pairs: slip_mpmc_hear_. Else: a consumer takes half of the
		 * next element for the rest of this one. */
		slip_a64_store_release(to + k,
				       slip_mpmc_word_of_(elem, k, elem_bytes));
}

/*
 * Runs. Who claims several positions at once first writes into its seat which
 * these will be: first | number. That is about the last claim of an index that
 * names the seat if and only if it ends where the index stands: older runs end
 * before, later ones after; and one that came to nothing is wiped out.
 */
SLIP_INLINE uint64_t slip_mpmc_run_(struct slip_mpmc *q, uint64_t s,
				    uint64_t phase)
{
	const struct slip_mpmc_seat *seat;

	if (s > q->shape.seats) {
		slip_mpmc_poison_(q);
		return 0;
	}
	seat = slip_mpmc_seat_(q->home, &q->shape, s);
	/* MPMC-A9 anybody: if this is of a later claim, that before is done.
	 * Pairs: slip_mpmc_intend_. Else: a claim of several is taken for a
	 * later one, or for void. */
	return slip_a64_load_acquire(&seat->runs[phase != 0]);
}

SLIP_INLINE uint64_t slip_mpmc_run_length_(uint64_t run)
{
	uint64_t n = run & (SLIP_MPMC_ONE - 1);

	return n > SLIP_MPMC_RUN_MAX ? 1 : n;
}

/* How many positions before `index` the last claim has. */
SLIP_INLINE uint64_t slip_mpmc_claimed_(struct slip_mpmc *q, uint64_t index,
					uint64_t phase)
{
	uint64_t s = index & SLIP_MPMC_SEAT_MASK;
	uint64_t run = s ? slip_mpmc_run_(q, s, phase) : 0;
	uint64_t n = slip_mpmc_run_length_(run);

	if (!s)
		return 0;
	return n && slip_mpmc_at_(run) + n * SLIP_MPMC_ONE ==
				       slip_mpmc_at_(index)
		       ? n
		       : 1;
}

SLIP_CORE void slip_mpmc_intend_(struct slip_mpmc *q, uint64_t phase,
				 uint64_t run)
{
	/* MPMC-R9 claimer: what it claimed before is done. Pairs:
	 * slip_mpmc_run_. Else: as A9. */
	slip_a64_store_release(&q->seat->runs[phase != 0], run);
}

/* Copy what the seat in `word`, which names it, announced for its position:
 * false if it has meanwhile come to writing. */
SLIP_INLINE bool slip_mpmc_hear_(struct slip_mpmc *q, const slip_a64 *slot,
				 uint64_t word, void *elem, uint32_t elem_bytes)
{
	uint64_t s = word & SLIP_MPMC_SEAT_MASK;
	uint64_t run = slip_mpmc_run_(q, s, 0);
	uint64_t i = (slip_mpmc_at_(word) - slip_mpmc_at_(run)) / SLIP_MPMC_ONE;
	uint32_t words = slip_mpmc_words_(elem_bytes);
	const slip_a64 *from;

	if (q->error)
		return false;
	from = slip_mpmc_announced_(slip_mpmc_seat_(q->home, &q->shape, s));
	if (i < slip_mpmc_run_length_(run) && i < q->shape.run_max)
		from += i * words;
	for (uint32_t k = 0; k < words; k++)
		/* MPMC-A9 consumer: if this is of a later push, the look below
		 * tells. Pairs: slip_mpmc_announce_. Else: as R9. */
		slip_mpmc_word_to_(elem, k, elem_bytes,
				   slip_a64_load_acquire(from + k));
	/* hint: ordered by A9; the CAS of head decides who has it */
	return slip_a64_load_relaxed(slot) == word;
}

/* --- helping --------------------------------------------------------------- */

/* Look at a slow hand's word for a while: what it is then. Not twice in a row at
 * the same: who is stopped there will be met again in every lap. */
SLIP_COLD uint64_t slip_mpmc_linger_(struct slip_mpmc *q, const slip_a64 *slot,
				     uint64_t word)
{
	uint32_t looks = word == q->slow ? 0 : q->patience;
	uint64_t now = word;

	for (uint32_t i = 0; i < looks && now == word; i++) {
		slip_pause();
		/* MPMC-A2, MPMC-A3 anybody: as in push and pop. Pairs:
		 * slip_mpmc_commit_ (R2), slip_mpmc_give_ (R3). Else: as
		 * there. */
		now = slip_a64_load_acquire(slot);
	}
	if (now == word)
		q->slow = word;
	return now;
}

/* Turn `from` into `to` in a slot, unless its owner is faster. */
SLIP_COLD void slip_mpmc_name_(struct slip_mpmc *q, slip_a64 *slot,
			       uint64_t from, uint64_t to)
{
	if (slip_mpmc_linger_(q, slot, from) == from)
		/* MPMC-R5, MPMC-A2, MPMC-A3 helper: passes on what the index
		 * brought: what the seat announced, or that it reads; and what
		 * the slot's word did. Pairs: slip_mpmc_pop_shared_,
		 * slip_mpmc_sweep_ (A5), slip_mpmc_commit_ (R2),
		 * slip_mpmc_give_ (R3). Else: a consumer hears what was
		 * announced before. */
		(void)slip_a64_cas_acqrel(slot, &from, to);
}

/*
 * Was the last pop, of which `head` tells, of an element that its popper has in
 * hand, and not in the slot? If so that is certain from now on: the hand says
 * "taken", as a slot would.
 */
SLIP_INLINE bool slip_mpmc_name_hand_(struct slip_mpmc *q, uint64_t head)
{
	uint64_t s = head & SLIP_MPMC_SEAT_MASK;
	uint64_t p = slip_mpmc_at_(head) - SLIP_MPMC_ONE;
	uint64_t tried = p | s;
	struct slip_mpmc_seat *seat;
	uint64_t w;

	if (s == 0 || s > q->shape.seats)
		return false;
	seat = slip_mpmc_seat_(q->home, &q->shape, s);
	/* MPMC-A10 helper: what it has in hand, since before it moved head.
	 * Pairs: slip_mpmc_grasp_. Else: an element is both in its slot and in
	 * a hand. */
	w = slip_a64_load_acquire(&seat->hand);
	if (!w || slip_mpmc_at_(w) != p)
		return false;
	if (w == tried)
		/* MPMC-R10, MPMC-A10 helper: passes on the bytes in hand.
		 * Pairs: slip_mpmc_sweep_hand_, slip_mpmc_grasp_. Else: the
		 * next one reads what the hand held before. */
		(void)slip_a64_cas_acqrel(&seat->hand, &tried,
					  tried | SLIP_MPMC_FULL);
	return true;
}

/* Name all positions of the last claim at `index` that are not yet done. In
 * their order: so that the last one answers for all. */
SLIP_COLD void slip_mpmc_name_run_(struct slip_mpmc *q, uint64_t index,
				   uint64_t phase)
{
	uint64_t s = index & SLIP_MPMC_SEAT_MASK;
	uint64_t n = slip_mpmc_claimed_(q, index, phase);

	if (phase && slip_mpmc_name_hand_(q, index))
		return;
	/* MPMC-A6 helper: the hand was looked at while head said so: it is
	 * emptied after that only. Pairs: slip_mpmc_disclaim_. Else: the slot
	 * of an element that was in hand is named, and never given back. */
	if (phase && slip_a64_load_acquire(&q->ring->head) != index)
		return;
	for (; n; n--) {
		uint64_t from =
			slip_mpmc_at_(index) - n * SLIP_MPMC_ONE + phase;
		slip_a64 *slot = slip_mpmc_slot_(q, from, q->shape.elem_bytes);

		/* MPMC-A2, MPMC-A3 helper: it is done. Pairs: slip_mpmc_commit_
		 * (R2), slip_mpmc_give_ (R3). Else: as slip_mpmc_help_. */
		if (slip_a64_load_acquire(slot) == from)
			slip_mpmc_name_(q, slot, from, from | s);
	}
}

/* The helping rule: before `index` is moved on, whose last claim is in
 * `phase`: 0 for tail, SLIP_MPMC_FULL for head. */
SLIP_CORE void slip_mpmc_help_(struct slip_mpmc *q, uint64_t index,
			       uint64_t phase, uint32_t elem_bytes)
{
	uint64_t s = index & SLIP_MPMC_SEAT_MASK;
	uint64_t from = (index & ~SLIP_MPMC_SEAT_MASK) - SLIP_MPMC_ONE + phase;

	if (SLIP_LIKELY(s == q->me || s == 0))
		return;
	/* MPMC-A2, MPMC-A3 helper: it is done, for whoever sees the index that
	 * follows. Pairs: slip_mpmc_commit_ (R2), slip_mpmc_give_ (R3). Else:
	 * a consumer calls it void, a producer free. */
	if (SLIP_UNLIKELY(slip_mpmc_past_(slip_a64_load_acquire(slip_mpmc_slot_(
						  q, from, elem_bytes)),
					  from) <= 0))
		slip_mpmc_name_run_(q, index, phase);
}

/* Raise a mark to what follows position `p`. */
SLIP_INLINE void slip_mpmc_mark_(slip_a64 *mark, uint64_t p)
{
	/* hint: the swap decides */
	uint64_t seen = slip_a64_load_relaxed(mark);

	for (uint32_t i = 0; i < SLIP_MPMC_TRIES &&
			     slip_mpmc_past_(p + SLIP_MPMC_ONE, seen) > 0;
	     i++)
		/* hint: goes with tail (R4) or head (R6) */
		if (slip_a64_cas_relaxed(mark, &seen, p + SLIP_MPMC_ONE))
			return;
}

/* --- push ------------------------------------------------------------------ */

enum { SLIP_MPMC_NO_ = -1, SLIP_MPMC_AGAIN_ = 0, SLIP_MPMC_GO_ = 1 };

/* What was seen can only be if `index` has moved since: again; else damage. */
SLIP_INLINE int slip_mpmc_moved_(struct slip_mpmc *q, const slip_a64 *index,
				 uint64_t seen)
{
	/* MPMC-A4, MPMC-A6 anybody: as at the first look. Pairs:
	 * slip_mpmc_claim_shared_ (R4), slip_mpmc_pass_ (R6). Else: a ring that
	 * moved on is called damaged. */
	if (slip_a64_load_acquire(index) != seen)
		return SLIP_MPMC_AGAIN_;
	slip_mpmc_poison_(q);
	return SLIP_MPMC_NO_;
}

/* Is the slot, whose word is of an earlier lap than `p`, in nobody's hands? */
SLIP_INLINE bool slip_mpmc_idle_(struct slip_mpmc *q, uint64_t head,
				 uint64_t word)
{
	uint64_t s = word & SLIP_MPMC_SEAT_MASK;
	uint64_t at = slip_mpmc_at_(word);

	if (s == SLIP_MPMC_RETURNED)
		return false;
	if (s > q->shape.seats) {
		slip_mpmc_poison_(q);
		return false;
	}
	/* In a work queue what a dead one had taken will be returned. */
	if (s && q->shape.work && (word & SLIP_MPMC_FULL))
		return false;
	if (s) {
		/* MPMC-A7 producer: all that a dead owner has done. Pairs:
		 * slip_mpmc_recover_seat_. Else: its last stores meet ours. */
		if ((slip_a64_load_acquire(
			     &slip_mpmc_seat_(q->home, &q->shape, s)->word) &
		     15) != SLIP_ROLE_DEAD)
			return false;
		/* Whoever has it in hand is helped as long as the slot shows
		 * that it was heard. */
		slip_mpmc_name_run_(q, head, SLIP_MPMC_FULL);
		return true;
	}
	if (word == at)
		return true; /* given back when its position was void */
	/* Committed: late, after it was heard; or somebody pops it now. */
	if (slip_mpmc_past_(slip_mpmc_at_(head), at) >
	    SLIP_CAST(int64_t, slip_mpmc_claimed_(q, head, SLIP_MPMC_FULL) *
				       SLIP_MPMC_ONE))
		return true;
	slip_mpmc_name_run_(q, head, SLIP_MPMC_FULL);
	return false;
}

SLIP_INLINE int slip_mpmc_look_on_(struct slip_mpmc *q, uint64_t head,
				   slip_a64 *slot, uint64_t word,
				   uint32_t elem_bytes);

/* No room, with that head. But if what is there is void, go past it: there may
 * be no consumer awake to do so. */
SLIP_INLINE int slip_mpmc_full_(struct slip_mpmc *q, uint64_t head,
				uint32_t elem_bytes)
{
	/* hint: of our own voids, or raised before the tail (A4) that we saw */
	uint64_t voids = slip_a64_load_relaxed(&q->ring->voided);
	slip_a64 *slot = slip_mpmc_slot_(q, head, elem_bytes);
	uint64_t w;

	if (SLIP_LIKELY(slip_mpmc_past_(voids, slip_mpmc_at_(head)) <= 0))
		return SLIP_MPMC_NO_;
	/* MPMC-A2, MPMC-A5 producer: as a consumer. Pairs: slip_mpmc_commit_
	 * (R2), slip_mpmc_name_ (R5). Else: as there. */
	w = slip_a64_load_acquire(slot);
	if (slip_mpmc_past_(w, slip_mpmc_at_(head) + SLIP_MPMC_FULL) > 0)
		return slip_mpmc_moved_(q, &q->ring->head, head); /* popped */
	if (slip_mpmc_past_(w, slip_mpmc_at_(head)) > 0)
		return SLIP_MPMC_NO_;
	return slip_mpmc_look_on_(q, head, slot, w, elem_bytes);
}

/* Declare the position at tail void, its slot being in a slow hand. */
SLIP_INLINE void slip_mpmc_void_(struct slip_mpmc *q, uint64_t tail,
				 uint32_t elem_bytes)
{
	uint64_t p = slip_mpmc_at_(tail);

	slip_mpmc_mark_(&q->ring->voided, p);
	slip_mpmc_mark_(&q->ring->voids, p);
	slip_mpmc_help_(q, tail, 0, elem_bytes);
	/* MPMC-R4, MPMC-A4 voider: how far the void goes. Pairs:
	 * slip_mpmc_look_on_ (A4), slip_mpmc_claim_shared_. Else: a consumer
	 * calls the ring empty at a void position. */
	(void)slip_a64_cas_acqrel(&q->ring->tail, &tail, p + SLIP_MPMC_ONE);
}

/* There is room beyond a slot that is of an earlier lap: why? */
SLIP_INLINE int slip_mpmc_push_round_(struct slip_mpmc *q, uint64_t tail,
				      uint64_t head, slip_a64 *slot,
				      uint64_t word, uint32_t elem_bytes)
{
	uint64_t p = slip_mpmc_at_(tail);
	bool idle = slip_mpmc_idle_(q, head, word);

	if (q->error)
		return SLIP_MPMC_NO_;
	if (idle) {
		/* MPMC-R3, MPMC-A3 producer: free, with all that its last owner
		 * did. Pairs: slip_mpmc_claim_shared_ (A3), slip_mpmc_give_
		 * (R3). Else: as slip_mpmc_give_. */
		(void)slip_a64_cas_acqrel(slot, &word, p);
		return SLIP_MPMC_AGAIN_;
	}
	/* none behind it */
	if (slip_mpmc_past_(slip_mpmc_at_(head) + q->lap, p) <=
	    SLIP_CAST(int64_t, SLIP_MPMC_ONE))
		return slip_mpmc_full_(q, head, elem_bytes);
	if (slip_mpmc_linger_(q, slot, word) != word)
		return SLIP_MPMC_AGAIN_;
	if (q->voided++ > q->mask)
		return SLIP_MPMC_NO_; /* once round: there is none */
	slip_mpmc_void_(q, tail, elem_bytes);
	return SLIP_MPMC_AGAIN_;
}

/*
 * The oldest position, `p`, is committed in `slot`. Is that all one needs to
 * know, without a look at head, to call the ring full? It is not popped yet, or
 * by the last one to pop, who reads it still; unless it was heard. Room there
 * could only be if a void follows, as it may in the slot behind, or behind all
 * that was popped in one run.
 */
SLIP_INLINE bool slip_mpmc_packed_(const struct slip_mpmc *q, uint64_t p,
				   slip_a64 *slot, uint32_t elem_bytes)
{
	/* hint: raised before head (R6) passes what is heard */
	if (slip_mpmc_past_(p, slip_a64_load_relaxed(&q->ring->heard)) < 0)
		return false;
	/* hint: raised before the tail (A4) that shows what follows a void */
	if (SLIP_LIKELY(slip_mpmc_past_(slip_a64_load_relaxed(&q->ring->voided),
					p) <= 0))
		return true;
	/* hint: of a void position nothing is ever written in its slot */
	if (slip_mpmc_past_(
		    slip_a64_load_relaxed(slip_mpmc_next_(q, slot, elem_bytes)),
		    p + SLIP_MPMC_ONE) <= 0)
		return false;
	/* hint: set before the first run; what was true before that will do.
	 * The consumers' line is not taken from them for nothing. */
	if (SLIP_LIKELY(!slip_a32_load_relaxed(&q->ring->runs)))
		return true;
	/* hint: a head that is not the newest was so when there was no room */
	return slip_mpmc_past_(
		       slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->head)),
		       p + SLIP_MPMC_ONE) <= 0;
}

/* The slot at tail is not free. */
SLIP_COLD int slip_mpmc_push_slow_(struct slip_mpmc *q, uint64_t tail,
				   slip_a64 *slot, uint64_t word,
				   uint32_t elem_bytes)
{
	uint64_t p = slip_mpmc_at_(tail);
	uint64_t head;
	int64_t room;

	if (q->error)
		return SLIP_MPMC_NO_;
	if (slip_mpmc_past_(word, p) >= 0)
		return slip_mpmc_moved_(q, &q->ring->tail, tail); /* claimed */
	if (word == p - q->lap + SLIP_MPMC_FULL &&
	    slip_mpmc_packed_(q, p - q->lap, slot, elem_bytes))
		return SLIP_MPMC_NO_;
	/* MPMC-A6 producer: who pops, and that all before is named or done.
	 * Pairs: slip_mpmc_pass_. Else: what is being popped seems idle. */
	head = slip_a64_load_acquire(&q->ring->head);
	room = slip_mpmc_past_(slip_mpmc_at_(head) + q->lap, p);
	if (room <= 0)
		return slip_mpmc_full_(q, head, elem_bytes);
	if (room > SLIP_CAST(int64_t, q->lap + SLIP_MPMC_ONE))
		return slip_mpmc_moved_(q, &q->ring->tail, tail);
	return slip_mpmc_push_round_(q, tail, head, slot, word, elem_bytes);
}

/* Claim the position at tail, wherever that is; its slot, NULL: full. */
SLIP_INLINE slip_a64 *slip_mpmc_claim_shared_(struct slip_mpmc *q, uint64_t *at,
					      uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(q->error))
		return NULL;
	q->voided = 0;
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A4 producer: who claimed last, and that all before is
		 * named or committed. Pairs: slip_mpmc_claim_shared_,
		 * slip_mpmc_void_, slip_mpmc_untie_. Else: a slot in another's
		 * hand looks free. */
		uint64_t tail = slip_a64_load_acquire(&q->ring->tail);
		uint64_t p = slip_mpmc_at_(tail);
		slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);
		uint64_t next = (p + SLIP_MPMC_ONE) | q->me;
		/* MPMC-A3 producer: what was there has been read. Pairs:
		 * slip_mpmc_give_, slip_mpmc_push_round_,
		 * slip_mpmc_sweep_slot_. Else: an element is overwritten while
		 * it is read. */
		uint64_t w = slip_a64_load_acquire(slot);

		if (SLIP_UNLIKELY(w != p)) {
			if (slip_mpmc_push_slow_(q, tail, slot, w,
						 elem_bytes) == SLIP_MPMC_NO_)
				return NULL;
			continue;
		}
		slip_mpmc_help_(q, tail, 0, elem_bytes);
		q->tail = (tail & SLIP_MPMC_SEAT_MASK) == q->me ? next : 0;
		*at = p;
		/* MPMC-R4, MPMC-A4 producer: what is announced can be heard,
		 * and the claim before is named or committed. Pairs:
		 * slip_mpmc_claim_shared_, slip_mpmc_look_on_ (A4),
		 * slip_mpmc_untie_. Else: a consumer calls a position void that
		 * is not. */
		if (slip_a64_cas_acqrel(&q->ring->tail, &tail, next))
			return slot;
	}
	return NULL;
}

/* The same; if nobody else has been at tail lately, without looking at it: the
 * claim before is then our own, so there is nobody to help. */
SLIP_CORE slip_a64 *slip_mpmc_take_place_(struct slip_mpmc *q, uint64_t *at,
					  uint32_t elem_bytes)
{
	uint64_t tail = q->tail;
	uint64_t p = slip_mpmc_at_(tail);
	slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);

	*at = p;
	q->tail = tail + SLIP_MPMC_ONE;
	/* MPMC-A3 producer: as above. Pairs: slip_mpmc_give_,
	 * slip_mpmc_push_round_, slip_mpmc_sweep_slot_. Else: as above. */
	if (SLIP_LIKELY(tail && slip_a64_load_acquire(slot) == p &&
			/* MPMC-R4, MPMC-A4 producer: as above. Pairs:
			 * slip_mpmc_claim_shared_, slip_mpmc_look_on_ (A4),
			 * slip_mpmc_untie_. Else: as above. */
			slip_a64_cas_acqrel(&q->ring->tail, &tail, q->tail)))
		return slot;
	q->tail = 0;
	return slip_mpmc_claim_shared_(q, at, elem_bytes);
}

/* The element of position `p` is in its slot. */
SLIP_CORE void slip_mpmc_commit_(slip_a64 *slot, uint64_t p)
{
	/* MPMC-R2 producer: the element's bytes. Pairs: slip_mpmc_pop_. Else:
	 * a consumer reads last lap's bytes. */
	slip_a64_store_release(slot, p + SLIP_MPMC_FULL);
}

SLIP_CORE bool slip_mpmc_push_(struct slip_mpmc *q, const void *elem,
			       uint32_t elem_bytes)
{
	slip_a64 *slot;
	uint64_t p;

	slip_mpmc_announce_(q, 0, elem, elem_bytes);
	slot = slip_mpmc_take_place_(q, &p, elem_bytes);
	if (SLIP_UNLIKELY(!slot))
		return false;
	slip_copy(slot + 1, elem, elem_bytes);
	slip_mpmc_commit_(slot, p);
	return true;
}

/* How many of up to `n` slots, from that of `from`, have words as if each were
 * in the state of `from`. */
SLIP_INLINE uint32_t slip_mpmc_alike_(const struct slip_mpmc *q, uint64_t from,
				      uint32_t n, uint32_t elem_bytes)
{
	slip_a64 *slot = slip_mpmc_slot_(q, from, elem_bytes);
	uint32_t i = 0;

	/* MPMC-A2, MPMC-A3 anybody: as for one. Pairs: slip_mpmc_commit_ (R2),
	 * slip_mpmc_give_ (R3). Else: as there. */
	while (i < n && slip_a64_load_acquire(slot) == from) {
		slot = slip_mpmc_next_(q, slot, elem_bytes);
		from += SLIP_MPMC_ONE;
		i++;
	}
	return i;
}

/* Claim up to `n` positions, which are announced. How many; 0: full. */
SLIP_INLINE uint32_t slip_mpmc_take_places_(struct slip_mpmc *q, uint64_t *at,
					    uint32_t n, uint32_t elem_bytes)
{
	q->voided = 0;
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A4 producer: as slip_mpmc_claim_shared_. Pairs:
		 * slip_mpmc_claim_shared_. Else: as there. */
		uint64_t tail = slip_a64_load_acquire(&q->ring->tail);
		uint64_t p = slip_mpmc_at_(tail);
		uint32_t some = slip_mpmc_alike_(q, p, n, elem_bytes);
		slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);

		if (SLIP_UNLIKELY(!some)) {
			/* MPMC-A3 producer: as there. Pairs: slip_mpmc_give_.
			 * Else: as there. */
			uint64_t w = slip_a64_load_acquire(slot);

			if (w != p &&
			    slip_mpmc_push_slow_(q, tail, slot, w,
						 elem_bytes) == SLIP_MPMC_NO_)
				return 0;
			continue;
		}
		slip_mpmc_intend_(q, 0, p | some);
		slip_mpmc_help_(q, tail, 0, elem_bytes);
		*at = p;
		p += some * SLIP_MPMC_ONE;
		q->tail = (tail & SLIP_MPMC_SEAT_MASK) == q->me ? p | q->me : 0;
		/* MPMC-R4, MPMC-A4 producer: as there. Pairs:
		 * slip_mpmc_claim_shared_, slip_mpmc_look_on_ (A4). Else: as
		 * there. */
		if (slip_a64_cas_acqrel(&q->ring->tail, &tail, p | q->me))
			return some;
	}
	return 0;
}

/* Up to as many as one claim can have: how many. */
SLIP_INLINE uint32_t slip_mpmc_push_run_(struct slip_mpmc *q,
					 const unsigned char *elems, uint32_t n,
					 uint32_t elem_bytes)
{
	uint64_t p = 0;
	slip_a64 *slot;
	uint32_t some;

	for (uint32_t i = 0; i < n; i++)
		slip_mpmc_announce_(q, i,
				    elems + SLIP_CAST(size_t, i) * elem_bytes,
				    elem_bytes);
	/* An intention that fails stays: all that it named is claimed by then,
	 * or void, so none of our later claims ends within it. */
	some = slip_mpmc_take_places_(q, &p, n, elem_bytes);
	slot = slip_mpmc_slot_(q, p, elem_bytes);
	for (uint32_t i = 0; i < some; i++) {
		slip_copy(slot + 1, elems + SLIP_CAST(size_t, i) * elem_bytes,
			  elem_bytes);
		slip_mpmc_commit_(slot, p);
		slot = slip_mpmc_next_(q, slot, elem_bytes);
		p += SLIP_MPMC_ONE;
	}
	return some;
}

SLIP_INLINE uint32_t slip_mpmc_push_n_(struct slip_mpmc *q, const void *elems,
				       uint32_t n, uint32_t elem_bytes)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elems);
	uint32_t most = q->shape.run_max;
	uint32_t done = 0;

	while (done < n) {
		uint32_t want = n - done < most ? n - done : most;
		uint32_t some = slip_mpmc_push_run_(
			q, from + SLIP_CAST(size_t, done) * elem_bytes, want,
			elem_bytes);

		done += some;
		if (some < want)
			break;
	}
	return done;
}

/* --- pop ------------------------------------------------------------------- */

/* Move head on, by `s` or by nobody. */
SLIP_INLINE bool slip_mpmc_pass_(struct slip_mpmc *q, uint64_t head, uint64_t s,
				 uint32_t elem_bytes)
{
	slip_mpmc_help_(q, head, SLIP_MPMC_FULL, elem_bytes);
	/* MPMC-R6, MPMC-A6 consumer: the linearization point of pop; the pop
	 * before is named or done, and what was heard is marked. Pairs:
	 * slip_mpmc_pass_, slip_mpmc_push_slow_ (A6), slip_mpmc_sweep_slot_
	 * (A6). Else: a slot that is being read is taken for free. */
	return slip_a64_cas_acqrel(&q->ring->head, &head,
				   (slip_mpmc_at_(head) + SLIP_MPMC_ONE) | s);
}

/* Nothing is written at head: is there anything at all? */
SLIP_INLINE int slip_mpmc_look_on_(struct slip_mpmc *q, uint64_t head,
				   slip_a64 *slot, uint64_t word,
				   uint32_t elem_bytes)
{
	/* MPMC-A4 consumer: all before the last claim is committed, named or
	 * void. Pairs: slip_mpmc_take_place_, slip_mpmc_void_. Else: as R4. */
	uint64_t tail = slip_a64_load_acquire(&q->ring->tail);
	uint64_t p = slip_mpmc_at_(head);
	int64_t claimed = SLIP_CAST(int64_t, slip_mpmc_claimed_(q, tail, 0) *
						     SLIP_MPMC_ONE);
	int64_t ahead = slip_mpmc_past_(slip_mpmc_at_(tail), p);

	if (ahead <= 0 || q->error)
		return SLIP_MPMC_NO_;
	if (ahead > SLIP_CAST(int64_t, q->lap))
		return slip_mpmc_moved_(q, &q->ring->head, head);
	/* MPMC-A2, MPMC-A5 consumer: as it is with that tail. Pairs:
	 * slip_mpmc_commit_ (R2), slip_mpmc_name_ (R5). Else: what has just
	 * been committed or named is called void. */
	if (slip_a64_load_acquire(slot) != word)
		return SLIP_MPMC_AGAIN_;
	if (word == p && ahead <= claimed)
		slip_mpmc_name_run_(q, tail, 0);
	else if (slip_mpmc_pass_(q, head, 0, elem_bytes))
		/* It was void: now there is room, though nothing was popped. */
		slip_event_notify_one(&q->ring->ev_space, q->side.mode);
	return SLIP_MPMC_AGAIN_;
}

/*
 * Move head over position `p`, whose element was heard. By a pop: naming
 * nobody, for it is where it belongs. By a take: naming us, and as it is in
 * our hand, that is said before and after; without us by the hand alone.
 */
SLIP_INLINE bool slip_mpmc_grasp_(struct slip_mpmc *q, uint64_t head, bool take,
				  uint32_t elem_bytes)
{
	uint64_t mine = slip_mpmc_at_(head) | q->me;
	bool won;

	slip_mpmc_mark_(&q->ring->heard, slip_mpmc_at_(head));
	if (!take)
		return slip_mpmc_pass_(q, head, 0, elem_bytes);
	/* MPMC-R10 consumer: the bytes in hand. Pairs: slip_mpmc_name_hand_,
	 * slip_mpmc_sweep_hand_. Else: as there. */
	slip_a64_store_release(&q->seat->hand, mine);
	won = slip_mpmc_pass_(q, head, q->me, elem_bytes);
	/* MPMC-R10 consumer: as above. Pairs: slip_mpmc_name_hand_,
	 * slip_mpmc_sweep_hand_. Else: as above. */
	slip_a64_store_release(&q->seat->hand, won ? mine | SLIP_MPMC_FULL : 0);
	return won;
}

/* The element at head is not in its slot. GO: it is in `elem`, which is our
 * hand in a take. */
SLIP_COLD int slip_mpmc_pop_slow_(struct slip_mpmc *q, uint64_t head,
				  slip_a64 *slot, uint64_t word, void *elem,
				  bool take, uint32_t elem_bytes)
{
	uint64_t p = slip_mpmc_at_(head);

	if (q->error)
		return SLIP_MPMC_NO_;
	/* hint: raised before the tail (R4) that shows what follows a void */
	if (word == p &&
	    slip_mpmc_past_(p, slip_a64_load_relaxed(&q->ring->voids)) >= 0)
		return SLIP_MPMC_NO_;
	if (slip_mpmc_past_(word, p) <= 0)
		return slip_mpmc_look_on_(q, head, slot, word, elem_bytes);
	if (slip_mpmc_past_(word, p + SLIP_MPMC_FULL) >= 0)
		return slip_mpmc_moved_(q, &q->ring->head, head); /* popped */
	if (slip_mpmc_linger_(q, slot, word) != word)
		return SLIP_MPMC_AGAIN_;
	/* MPMC-A10 consumer: who took what we returned there has done with
	 * reading it. Pairs: slip_mpmc_let_go_. Else: it is overwritten. */
	if (take && slip_a64_load_acquire(&q->seat->hand))
		return SLIP_MPMC_NO_; /* one at a time */
	if (!slip_mpmc_hear_(q, slot, word, elem, elem_bytes))
		return SLIP_MPMC_AGAIN_;
	if (!slip_mpmc_grasp_(q, head, take, elem_bytes))
		return SLIP_MPMC_AGAIN_;
	/* Its pusher has not come to telling: we were woken for another. */
	slip_event_notify_one(&q->home->ev_data, q->side.mode);
	return SLIP_MPMC_GO_;
}

/* The element of position `p` has been read. */
SLIP_CORE void slip_mpmc_give_(const struct slip_mpmc *q, slip_a64 *slot,
			       uint64_t p)
{
	/* MPMC-R3 consumer: has done with the slot. Pairs:
	 * slip_mpmc_take_place_. Else: a push overwrites an element while it is
	 * being read. */
	slip_a64_store_release(slot, p + q->lap);
}

/* Claim the element at head, wherever that is. GO: it is in *slot; AGAIN: it
 * has been heard, into `elem`. */
SLIP_INLINE int slip_mpmc_pop_shared_(struct slip_mpmc *q, uint64_t *at,
				      slip_a64 **slot, void *elem, bool take,
				      uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(q->error))
		return SLIP_MPMC_NO_;
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A6 consumer: who popped last, and that all before is
		 * named or done. Pairs: slip_mpmc_pass_, slip_mpmc_untie_.
		 * Else: as R6. */
		uint64_t head = slip_a64_load_acquire(&q->ring->head);
		uint64_t p = slip_mpmc_at_(head);
		uint64_t w;
		int rc;

		*at = p;
		*slot = slip_mpmc_slot_(q, p, elem_bytes);
		/* MPMC-A2, MPMC-A5 consumer: the element's bytes, in the slot
		 * or announced. Pairs: slip_mpmc_commit_ (R2),
		 * slip_mpmc_name_ (R5). Else: as there. */
		w = slip_a64_load_acquire(*slot);
		if (SLIP_LIKELY(w == p + SLIP_MPMC_FULL)) {
			if (!slip_mpmc_pass_(q, head, q->me, elem_bytes))
				continue;
			if ((head & SLIP_MPMC_SEAT_MASK) == q->me)
				q->head = (p + SLIP_MPMC_ONE) | q->me;
			return SLIP_MPMC_GO_;
		}
		rc = slip_mpmc_pop_slow_(q, head, *slot, w, elem, take,
					 elem_bytes);
		if (rc == SLIP_MPMC_NO_)
			return SLIP_MPMC_NO_;
		if (rc == SLIP_MPMC_GO_)
			return SLIP_MPMC_AGAIN_;
	}
	return SLIP_MPMC_NO_;
}

/* As slip_mpmc_take_place_: without looking at head, if that is ours. */
SLIP_CORE bool slip_mpmc_pop_(struct slip_mpmc *q, void *elem,
			      uint32_t elem_bytes)
{
	uint64_t head = q->head;
	uint64_t p = slip_mpmc_at_(head);
	slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);

	q->head = head + SLIP_MPMC_ONE;
	/* MPMC-A2 consumer: as above. Pairs: slip_mpmc_commit_. Else: as
	 * there. */
	if (!SLIP_LIKELY(head &&
			 slip_a64_load_acquire(slot) == p + SLIP_MPMC_FULL &&
			 /* MPMC-R6, MPMC-A6 consumer: as above. Pairs:
			  * slip_mpmc_pass_, slip_mpmc_push_slow_ (A6). Else: as
			  * above. */
			 slip_a64_cas_acqrel(&q->ring->head, &head, q->head))) {
		int rc;

		q->head = 0;
		rc = slip_mpmc_pop_shared_(q, &p, &slot, elem, false,
					   elem_bytes);
		if (rc != SLIP_MPMC_GO_)
			return rc == SLIP_MPMC_AGAIN_;
	}
	slip_copy(elem, slot + 1, elem_bytes);
	slip_mpmc_give_(q, slot, p);
	return true;
}

SLIP_INLINE uint32_t slip_mpmc_pop_any_(struct slip_mpmc *q, void *elem,
					uint32_t elem_bytes)
{
	return slip_mpmc_pop_(q, elem, elem_bytes);
}

/* Up to as many as one claim can have: how many. */
SLIP_INLINE uint32_t slip_mpmc_pop_run_(struct slip_mpmc *q,
					unsigned char *elems, uint32_t n,
					uint32_t elem_bytes)
{
	/* MPMC-A6 consumer: as slip_mpmc_pop_shared_. Pairs: slip_mpmc_pass_.
	 * Else: as there. */
	uint64_t head = slip_a64_load_acquire(&q->ring->head);
	uint64_t p = slip_mpmc_at_(head);
	uint32_t some = slip_mpmc_alike_(q, p + SLIP_MPMC_FULL, n, elem_bytes);
	uint64_t next = (p + some * SLIP_MPMC_ONE) | q->me;
	slip_a64 *slot;

	if (some < 2)
		return slip_mpmc_pop_any_(q, elems, elem_bytes);
	/* hint: set before head (R6) shows the first run, then left alone */
	if (SLIP_UNLIKELY(!slip_a32_load_relaxed(&q->ring->runs)))
		slip_a32_store_relaxed(&q->ring->runs, 1);
	slip_mpmc_intend_(q, SLIP_MPMC_FULL, p | some);
	slip_mpmc_help_(q, head, SLIP_MPMC_FULL, elem_bytes);
	q->head = (head & SLIP_MPMC_SEAT_MASK) == q->me ? next : 0;
	/* MPMC-R6, MPMC-A6 consumer: as slip_mpmc_pass_. Pairs:
	 * slip_mpmc_pass_, slip_mpmc_push_slow_ (A6). Else: as there. */
	if (!slip_a64_cas_acqrel(&q->ring->head, &head, next)) {
		slip_mpmc_intend_(q, SLIP_MPMC_FULL, 0);
		q->head = 0;
		return slip_mpmc_pop_any_(q, elems, elem_bytes);
	}
	slot = slip_mpmc_slot_(q, p, elem_bytes);
	for (uint32_t i = 0; i < some; i++) {
		slip_copy(elems + SLIP_CAST(size_t, i) * elem_bytes, slot + 1,
			  elem_bytes);
		slip_mpmc_give_(q, slot, p);
		slot = slip_mpmc_next_(q, slot, elem_bytes);
		p += SLIP_MPMC_ONE;
	}
	return some;
}

SLIP_INLINE uint32_t slip_mpmc_pop_n_(struct slip_mpmc *q, void *elems,
				      uint32_t n, uint32_t elem_bytes)
{
	unsigned char *to = SLIP_CAST(unsigned char *, elems);
	uint32_t done = 0;

	while (done < n) {
		uint32_t want = n - done < SLIP_MPMC_RUN_MAX
					? n - done
					: SLIP_MPMC_RUN_MAX;
		uint32_t some = slip_mpmc_pop_run_(
			q, to + SLIP_CAST(size_t, done) * elem_bytes, want,
			elem_bytes);

		if (!some)
			break;
		done += some;
	}
	return done;
}

/* --- exclusive sides ------------------------------------------------------- */

/*
 * The only producer claims nothing: it commits, and then moves tail on by a
 * store that names nobody. So tail covers what is committed or void, and may
 * lag behind after a death: slip_mpmc_catch_up_.
 */

/* The slot of the next position when that is free; NULL: full. */
SLIP_INLINE slip_a64 *slip_mpmc_room_x_(struct slip_mpmc *q,
					uint32_t elem_bytes)
{
	q->voided = 0;
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		uint64_t p = q->tail;
		slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);
		/* MPMC-A3 producer: as slip_mpmc_claim_shared_. Pairs:
		 * slip_mpmc_give_. Else: as there. */
		uint64_t w = slip_a64_load_acquire(slot);

		if (SLIP_LIKELY(w == p))
			return slot;
		if (slip_mpmc_push_slow_(q, p, slot, w, elem_bytes) ==
		    SLIP_MPMC_NO_)
			return NULL;
		/* own: moved on past a void */
		q->tail = slip_a64_load_relaxed(&q->ring->tail);
	}
	return NULL;
}

/* Commit what stands in the slot of the next position. */
SLIP_CORE void slip_mpmc_publish_x_(struct slip_mpmc *q, slip_a64 *slot)
{
	slip_mpmc_commit_(slot, q->tail);
	q->tail += SLIP_MPMC_ONE;
	/* MPMC-R4 producer: what is before is committed. Pairs:
	 * slip_mpmc_look_on_. Else: it is called void. */
	slip_a64_store_release(&q->ring->tail, q->tail);
}

SLIP_CORE bool slip_mpmc_push_x_(struct slip_mpmc *q, const void *elem,
				 uint32_t elem_bytes)
{
	slip_a64 *slot = slip_mpmc_room_x_(q, elem_bytes);

	if (!slot)
		return false;
	slip_copy(slot + 1, elem, elem_bytes);
	slip_mpmc_publish_x_(q, slot);
	return true;
}

SLIP_CORE uint32_t slip_mpmc_push_nx_(struct slip_mpmc *q, const void *elems,
				      uint32_t n, uint32_t elem_bytes)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elems);
	uint32_t done = 0;

	while (done < n && slip_mpmc_push_x_(q, from, elem_bytes)) {
		from += elem_bytes;
		done++;
	}
	return done;
}

/* In place of how many positions a push has voided: no push since the claim. */
#define SLIP_MPMC_CLAIMED_ UINT32_MAX

/* Commit a claim, if it is still about the next position. */
SLIP_INLINE bool slip_mpmc_commit_x_(struct slip_mpmc *q, slip_a64 *slot)
{
	if (q->voided != SLIP_MPMC_CLAIMED_)
		return false; /* there was a push in between */
	q->voided = 0;
	slip_mpmc_publish_x_(q, slot);
	return true;
}

/* Does it seem that there is room? */
SLIP_INLINE bool slip_mpmc_room_(const struct slip_mpmc *q)
{
	/* hint: what is true of others is so only for the moment */
	uint64_t tail = slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->tail));

	/* hint: as above */
	return slip_mpmc_past_(slip_a64_load_relaxed(&q->ring->head) + q->lap,
			       tail + SLIP_MPMC_SEAT_MASK) > 0;
}

/* The same if head is moved over what is void, as a push does. */
SLIP_COLD bool slip_mpmc_make_room_(struct slip_mpmc *q)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES && !slip_mpmc_room_(q); i++) {
		/* MPMC-A6 producer: as slip_mpmc_push_slow_. Pairs:
		 * slip_mpmc_pass_. Else: as there. */
		uint64_t head = slip_a64_load_acquire(&q->ring->head);

		if (slip_mpmc_full_(q, head, q->shape.elem_bytes) !=
		    SLIP_MPMC_AGAIN_)
			return false;
	}
	return !q->error;
}

/* The only consumer: as any, but that nobody else moves head. */
SLIP_CORE bool slip_mpmc_pop_x_(struct slip_mpmc *q, void *elem,
				uint32_t elem_bytes)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		uint64_t head = q->head;
		uint64_t p = slip_mpmc_at_(head);
		slip_a64 *slot = slip_mpmc_slot_(q, p, elem_bytes);
		/* MPMC-A2, MPMC-A5 consumer: as slip_mpmc_pop_shared_. Pairs:
		 * slip_mpmc_commit_ (R2), slip_mpmc_name_ (R5). Else: as
		 * there. */
		uint64_t w = slip_a64_load_acquire(slot);
		int rc;

		if (SLIP_LIKELY(w == p + SLIP_MPMC_FULL)) {
			slip_copy(elem, slot + 1, elem_bytes);
			q->head = (p + SLIP_MPMC_ONE) | q->me;
			/* MPMC-R6 consumer: as slip_mpmc_pass_. Pairs:
			 * slip_mpmc_push_slow_. Else: as there. */
			slip_a64_store_release(&q->ring->head, q->head);
			slip_mpmc_give_(q, slot, p);
			return true;
		}
		rc = slip_mpmc_pop_slow_(q, head, slot, w, elem, false,
					 elem_bytes);
		/* own: moved on by what was heard or void */
		q->head = slip_a64_load_relaxed(&q->ring->head);
		if (rc != SLIP_MPMC_AGAIN_)
			return rc == SLIP_MPMC_GO_;
	}
	return false;
}

/*
 * Before the first push: tail may lag behind what an exclusive producer, which
 * is dead, has committed. If there is one alive there is no other, so nobody
 * but those who have just come moves tail.
 */
SLIP_INLINE void slip_mpmc_catch_up_(struct slip_mpmc *q, bool exclusive)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A4 producer: as slip_mpmc_claim_shared_. Pairs:
		 * slip_mpmc_claim_shared_. Else: as there. */
		uint64_t tail = slip_a64_load_acquire(&q->ring->tail);
		uint64_t p = slip_mpmc_at_(tail);

		slip_mpmc_help_(q, tail, 0, q->shape.elem_bytes);
		/* MPMC-A2 producer: it is committed. Pairs: slip_mpmc_commit_.
		 * Else: it is overwritten. */
		if (slip_mpmc_past_(slip_a64_load_acquire(slip_mpmc_slot_(
					    q, p, q->shape.elem_bytes)),
				    p + SLIP_MPMC_FULL) >= 0)
			p += SLIP_MPMC_ONE;
		if (exclusive)
			q->tail = p;
		else if (p == slip_mpmc_at_(tail))
			return;
		/* MPMC-R4, MPMC-A4 producer: as there. Pairs:
		 * slip_mpmc_claim_shared_, slip_mpmc_look_on_ (A4). Else: as
		 * there. */
		if (slip_a64_cas_acqrel(&q->ring->tail, &tail, p))
			return;
	}
}

/* Before the first pop of an exclusive consumer, after others, whose last claims
 * are done, or named by who recovered them: where to pop next. */
SLIP_INLINE void slip_mpmc_come_after_(struct slip_mpmc *q)
{
	/* MPMC-A6 consumer: as slip_mpmc_pop_shared_. Pairs: slip_mpmc_pass_.
	 * Else: as there. */
	q->head = slip_a64_load_acquire(&q->ring->head);
}

#ifdef __cplusplus
}
#endif

#endif
