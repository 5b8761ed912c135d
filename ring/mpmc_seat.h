/* SPDX-License-Identifier: MIT */
/*
 * Seats of an MPMC ring: who takes part, in which roles, and what becomes of
 * what the dead have left. Private; see mpmc_pvt.h.
 *
 * A seat's word is a role's word (role.h) with the roles above it:
 *
 *	0			free
 *	held, who, roles	a handle sits here
 *	dead, who, roles	it died; what it announced may still be wanted
 *
 * `who` is a membership for ever (id and generation), so a word that was read
 * is still about the same holder when it is swapped, and a peer's id may be used
 * again at once: only the seat's number stands in slots and indices, and the
 * seat is free only when nothing names it that has not been finished for it.
 *
 * `roll` of the ring says whether a role has been had by anybody (bits 0, 1),
 * whether by now all who had it are gone (bits 2, 3), and how many came (above).
 */
#ifndef SLIP_RING_MPMC_SEAT_H
#define SLIP_RING_MPMC_SEAT_H

#include "mpmc_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_MPMC_LOOKS	      8 /* for a free seat, after the first */
#define SLIP_MPMC_ROLES_SHIFT 48
#define SLIP_MPMC_GONE_SHIFT  2
#define SLIP_MPMC_CAME	      UINT64_C(16) /* one more, in roll */
/* Of a seat's word: who it is, without the state and the roles. */
#define SLIP_MPMC_WHO UINT64_C(0x0000fffffffffff0)

/* --- the words of seats ---------------------------------------------------- */

SLIP_CORE unsigned slip_mpmc_state_(uint64_t word)
{
	return SLIP_CAST(unsigned, word) & 15;
}

SLIP_CORE unsigned slip_mpmc_roles_(uint64_t word)
{
	return SLIP_CAST(unsigned, word >> SLIP_MPMC_ROLES_SHIFT) & 7;
}

SLIP_CORE uint64_t slip_mpmc_dead_(uint64_t word)
{
	return (word & ~UINT64_C(15)) | SLIP_ROLE_DEAD;
}

SLIP_CORE uint64_t slip_mpmc_word_of_seat_(struct slip_mpmc *q, uint64_t s)
{
	/* MPMC-A8 anybody: what its holder did before it left or was found
	 * dead. Pairs: slip_mpmc_rise_ (R8), slip_mpmc_recover_seat_ (R7, R8).
	 * Else: the end of file before the last element. */
	return slip_a64_load_acquire(
		&slip_mpmc_seat_(q->home, &q->shape, s)->word);
}

/* --- geometry from memory -------------------------------------------------- */

/* Validate a ring's header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_mpmc_check_(const struct slip_mpmc_ring *ring, size_t mem_bytes,
		 struct slip_mpmc_shape *s, unsigned *mode)
{
	uint32_t flags, seats;

	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* MPMC-A1 attach: the header that follows is complete. Pairs:
	 * slip_mpmc_format_. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_MPMC_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_MPMC_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	flags = slip_a32_load_relaxed(&ring->flags);
	seats = slip_a32_load_relaxed(&ring->seats);
	if ((flags & ~SLIP_MPMC_WORK) || seats < 1 ||
	    seats > SLIP_MPMC_SEATS_MAX ||
	    !slip_mpmc_shape_(s, slip_a32_load_relaxed(&ring->capacity),
			      slip_a32_load_relaxed(&ring->elem_bytes),
			      flags | SLIP_MPMC_SEATS(seats)) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_mpmc_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* Start of a level. */
SLIP_CORE struct slip_mpmc_ring *slip_mpmc_level_(const struct slip_mpmc *q,
						  uint32_t level)
{
	void *at = q->levels.first + level * q->levels.apart;

	return SLIP_CAST(struct slip_mpmc_ring *, at);
}

/* From here on the handle is about that level. */
SLIP_CORE void slip_mpmc_turn_to_(struct slip_mpmc *q, uint32_t level)
{
	q->levels.now = level;
	q->ring = slip_mpmc_level_(q, level);
	q->slots = SLIP_RECAST(unsigned char *, q->ring) + q->levels.slots_at;
	q->end = q->slots +
		 SLIP_CAST(size_t, q->shape.slot_bytes) * q->shape.capacity;
}

/* Point a handle, without a seat, to a ring whose geometry it has. */
SLIP_INLINE void slip_mpmc_point_(struct slip_mpmc *q,
				  struct slip_mpmc_ring *ring)
{
	q->home = ring;
	q->levels.first = SLIP_RECAST(unsigned char *, ring);
	q->levels.slots_at = slip_mpmc_slots_at_(&q->shape);
	q->levels.apart = 0;
	q->levels.count = 1;
	slip_mpmc_turn_to_(q, 0);
	q->mask = q->shape.capacity - 1;
	q->lap = q->shape.capacity * SLIP_MPMC_ONE;
	q->patience = SLIP_MPMC_PATIENCE;
	q->error = 0;
}

/* Format memory of a valid shape; positions start at lap `first`. */
SLIP_INLINE void slip_mpmc_format_(struct slip_mpmc_ring *ring,
				   const struct slip_mpmc_shape *s,
				   uint32_t mode, uint64_t first)
{
	uint64_t start = first * s->capacity * SLIP_MPMC_ONE;
	unsigned char *slots =
		SLIP_RECAST(unsigned char *, ring) + slip_mpmc_slots_at_(s);

	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_RECAST(char *, ring) + sizeof(ring->magic), 0,
			 slip_mpmc_slots_at_(s) - sizeof(ring->magic));
	for (uint64_t i = 0; i < s->capacity; i++) {
		void *slot = slots + i * s->slot_bytes;

		/* init */
		slip_a64_store_relaxed(SLIP_CAST(slip_a64 *, slot),
				       start + i * SLIP_MPMC_ONE);
	}
	if (s->work)
		__builtin_memset(slots + slip_mpmc_attempts_at_(s) -
					 slip_mpmc_slots_at_(s),
				 0, SLIP_CAST(size_t, s->capacity) * 8);
	/* init: eleven words */
	slip_a32_store_relaxed(&ring->layout, SLIP_MPMC_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, mode);
	slip_a32_store_relaxed(&ring->capacity, s->capacity);
	slip_a32_store_relaxed(&ring->elem_bytes, s->elem_bytes);
	slip_a32_store_relaxed(&ring->flags, s->work ? SLIP_MPMC_WORK : 0);
	slip_a32_store_relaxed(&ring->seats, s->seats);
	slip_a64_store_relaxed(&ring->voided, start);
	slip_a64_store_relaxed(&ring->voids, start);
	slip_a64_store_relaxed(&ring->heard, start);
	slip_a64_store_relaxed(&ring->tail, start);
	slip_a64_store_relaxed(&ring->head, start);
	/* MPMC-R1 creator: the header is complete. Pairs: slip_mpmc_check_.
	 * Else: a racing attach takes a half-written geometry. */
	slip_a64_store_release(&ring->magic, SLIP_MPMC_MAGIC);
}

/* --- the dead -------------------------------------------------------------- */

/* Announce that elements are, or are about to be, returned. */
SLIP_INLINE void slip_mpmc_returning_(struct slip_mpmc *q)
{
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&q->ring->returned);

	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++)
		/* MPMC-R11, MPMC-A11 giver: says that it is about to. Pairs:
		 * slip_mpmc_retake_. Else: an element that was given back is
		 * overlooked. */
		if (slip_a64_cas_acqrel(&q->ring->returned, &seen,
					(seen | 1) + 2))
			return;
}

/* An index names a dead seat: name it in the slot and clear it there. */
SLIP_INLINE void slip_mpmc_untie_(struct slip_mpmc *q, slip_a64 *index,
				  uint64_t phase, uint64_t s)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A4, MPMC-A6 recoverer: as another producer or consumer.
		 * Pairs: slip_mpmc_take_place_ (R4), slip_mpmc_pass_ (R6).
		 * Else: as there. */
		uint64_t seen = slip_a64_load_acquire(index);

		if ((seen & SLIP_MPMC_SEAT_MASK) != s)
			return;
		slip_mpmc_help_(q, seen, phase, q->shape.elem_bytes);
		/* MPMC-R4, MPMC-A4, MPMC-R6, MPMC-A6 recoverer: as another
		 * producer or consumer. Pairs: slip_mpmc_claim_shared_,
		 * slip_mpmc_look_on_ (A4), slip_mpmc_pass_,
		 * slip_mpmc_push_slow_ (A6). Else: the dead one's last element
		 * is called void. */
		if (slip_a64_cas_acqrel(index, &seen, slip_mpmc_at_(seen)))
			return;
	}
}

/*
 * Is seat `s` still that of the dead one, whose word is `dead`? Asked after a
 * word that names the seat was read, it says that the dead one is meant, and
 * not who sits there by now: for a recoverer may be stopped for ages.
 */
SLIP_INLINE bool slip_mpmc_same_dead_(struct slip_mpmc *q, uint64_t s,
				      uint64_t dead)
{
	return slip_mpmc_word_of_seat_(q, s) == dead;
}

/* How often the element in that slot was handed out; NULL: not counted. */
SLIP_INLINE slip_a64 *slip_mpmc_count_(const struct slip_mpmc *q, uint64_t p)
{
	void *at = q->end + ((p / SLIP_MPMC_ONE) & q->mask) * 8;

	return q->shape.work ? SLIP_CAST(slip_a64 *, at) : NULL;
}

/* What a count says of the element of position `p`; RETURNED and never handed
 * out: nothing, as it is still of an earlier one. */
SLIP_INLINE uint64_t slip_mpmc_told_(uint64_t count, uint64_t p)
{
	uint64_t none = p / SLIP_MPMC_ONE << 24 | SLIP_MPMC_RETURNED;

	return (count ^ none) >> 24 ? none : count;
}

/* Does `s` have the element, returned before, of a slot or hand in state `w`,
 * of which `count` tells? */
SLIP_INLINE bool slip_mpmc_again_with_(uint64_t w, uint64_t count, uint64_t s)
{
	return (w & (SLIP_MPMC_ONE - 1)) ==
		       (SLIP_MPMC_FULL | SLIP_MPMC_RETURNED) &&
	       (slip_mpmc_told_(count, slip_mpmc_at_(w)) &
		SLIP_MPMC_SEAT_MASK) == s;
}

/* What a dead seat had taken again, of a slot or hand in state `w`, is to be
 * taken once more. */
SLIP_INLINE void slip_mpmc_sweep_count_(struct slip_mpmc *q, uint64_t w,
					slip_a64 *count, uint64_t s,
					uint64_t dead)
{
	/* MPMC-A13 recoverer: if an heir has it, that the heir sits there.
	 * Pairs: slip_mpmc_retake_word_. Else: the heir is taken for the
	 * dead. */
	uint64_t seen = slip_a64_load_acquire(count);

	if (slip_mpmc_again_with_(w, seen, s) &&
	    slip_mpmc_same_dead_(q, s, dead))
		/* MPMC-R13, MPMC-A13 recoverer: passes the element on. Pairs:
		 * slip_mpmc_retake_word_. Else: as A13. */
		(void)slip_a64_cas_acqrel(count, &seen,
					  seen | SLIP_MPMC_RETURNED);
}

/* Let go of a slot that a dead seat holds, in state `w`; false: what it was to
 * have is still to be heard from the seat. */
SLIP_INLINE bool slip_mpmc_sweep_slot_(struct slip_mpmc *q, slip_a64 *slot,
				       uint64_t w)
{
	uint64_t next = slip_mpmc_at_(w) + q->lap;
	/* MPMC-A6 recoverer: it was heard out. Pairs: slip_mpmc_pass_. Else:
	 * the seat is used again while it is listened to. */
	uint64_t head = slip_a64_load_acquire(&q->ring->head);

	if (slip_mpmc_past_(head, slip_mpmc_at_(w) + SLIP_MPMC_ONE) < 0)
		return false;
	/* As slip_mpmc_idle_: before the slot shows it no longer. */
	slip_mpmc_name_run_(q, head, SLIP_MPMC_FULL);
	if (q->shape.work && (w & SLIP_MPMC_FULL))
		next = w | SLIP_MPMC_RETURNED;
	/* MPMC-R3, MPMC-R13, MPMC-A5 recoverer: the slot is free, or to be
	 * taken again, with all that its last owner did. Pairs:
	 * slip_mpmc_claim_shared_ (A3), slip_mpmc_retake_word_ (A13),
	 * slip_mpmc_name_ (R5). Else: as slip_mpmc_give_. */
	(void)slip_a64_cas_acqrel(slot, &w, next);
	return true;
}

/* The slots that a dead seat held: how many must stay as they are. */
SLIP_INLINE uint32_t slip_mpmc_sweep_(struct slip_mpmc *q, uint64_t s,
				      uint64_t dead)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < q->shape.capacity; i++) {
		slip_a64 *slot = slip_mpmc_slot_(q, i * SLIP_MPMC_ONE,
						 q->shape.elem_bytes);
		/* MPMC-A5 recoverer: as a producer. Pairs: slip_mpmc_name_.
		 * Else: as there. */
		uint64_t w = slip_a64_load_acquire(slot);

		if ((w & SLIP_MPMC_SEAT_MASK) == s &&
		    slip_mpmc_same_dead_(q, s, dead))
			left += !slip_mpmc_sweep_slot_(q, slot, w);
		else if (q->shape.work)
			slip_mpmc_sweep_count_(
				q, w, slip_mpmc_count_(q, i * SLIP_MPMC_ONE), s,
				dead);
	}
	return left;
}

/* What seat `s` has in the hand of `seat`: it is returned, or nobody's. What
 * was only tried stays there, for the seat's next holder may try the same. */
SLIP_INLINE void slip_mpmc_sweep_hand_(struct slip_mpmc *q,
				       struct slip_mpmc_seat *seat, uint64_t s,
				       uint64_t dead)
{
	/* MPMC-A10 recoverer: the bytes in hand. Pairs: slip_mpmc_name_hand_,
	 * slip_mpmc_grasp_. Else: the next one reads what was there before. */
	uint64_t w = slip_a64_load_acquire(&seat->hand);
	uint64_t next = q->shape.work ? w | SLIP_MPMC_RETURNED : 0;

	slip_mpmc_sweep_count_(q, w, &seat->attempts, s, dead);
	if ((w & SLIP_MPMC_FULL) && (w & SLIP_MPMC_SEAT_MASK) == s &&
	    slip_mpmc_same_dead_(q, s, dead))
		/* MPMC-R10, MPMC-R13, MPMC-A10 recoverer: passes them on.
		 * Pairs: slip_mpmc_hand_full_ (A10), slip_mpmc_retake_word_
		 * (A13), slip_mpmc_grasp_ (R10). Else: as above. */
		(void)slip_a64_cas_acqrel(&seat->hand, &w, next);
}

/* The hands of all. */
SLIP_INLINE void slip_mpmc_sweep_hands_(struct slip_mpmc *q, uint64_t s,
					uint64_t dead)
{
	for (uint64_t i = 1; i <= q->shape.seats; i++)
		slip_mpmc_sweep_hand_(q, slip_mpmc_seat_(q->home, &q->shape, i),
				      s, dead);
}

/* Say that what a dead seat had is about to be returned; whatever a recoverer
 * of an earlier holder, being late, has left there. */
SLIP_INLINE void slip_mpmc_give_for_(struct slip_mpmc *q,
				     struct slip_mpmc_seat *seat, uint64_t s,
				     uint64_t dead)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A11 recoverer: if an heir gives, that it sits there.
		 * Pairs: slip_mpmc_return_. Else: the heir's word is
		 * overwritten. */
		uint64_t giving = slip_a64_load_acquire(&seat->giving);

		if (((giving ^ dead) & SLIP_MPMC_WHO) == 0 ||
		    !slip_mpmc_same_dead_(q, s, dead))
			break;
		/* MPMC-R11, MPMC-A11 recoverer: is about to return what the
		 * dead one had. Pairs: slip_mpmc_giving_ (A11),
		 * slip_mpmc_return_ (R11). Else: as slip_mpmc_return_. */
		if (slip_a64_cas_acqrel(&seat->giving, &giving, dead))
			break;
	}
	slip_mpmc_returning_(q);
}

/* All that a dead seat had to return, or was about to, is there. */
SLIP_INLINE void slip_mpmc_returned_(struct slip_mpmc_seat *seat, uint64_t dead)
{
	/* hint: the swap is by what was seen */
	uint64_t giving = slip_a64_load_relaxed(&seat->giving);

	if (((giving ^ dead) & SLIP_MPMC_WHO) == 0)
		/* MPMC-R11, MPMC-A11 recoverer: it is there. Pairs:
		 * slip_mpmc_giving_ (A11), slip_mpmc_give_for_ (R11). Else:
		 * an element that was given back is overlooked. */
		(void)slip_a64_cas_acqrel(&seat->giving, &giving, 0);
}

/* Finish what a dead seat has begun, in each level: how many slots must stay as
 * they are. */
SLIP_INLINE uint32_t slip_mpmc_finish_(struct slip_mpmc *q, uint64_t s,
				       uint64_t dead)
{
	uint32_t now = q->levels.now;
	uint32_t left = 0;

	for (uint32_t i = 0; i < q->levels.count; i++) {
		slip_mpmc_turn_to_(q, i);
		slip_mpmc_untie_(q, &q->ring->tail, 0, s);
		slip_mpmc_untie_(q, &q->ring->head, SLIP_MPMC_FULL, s);
		left += slip_mpmc_sweep_(q, s, dead);
	}
	slip_mpmc_turn_to_(q, now);
	return left;
}

/*
 * The holder of seat `s`, whose word was `word`, is dead: let others finish
 * for it, and free the seat if it is no longer needed. By anybody, at any time,
 * any number at once.
 */
SLIP_COLD void slip_mpmc_recover_seat_(struct slip_mpmc *q, uint64_t s,
				       uint64_t word)
{
	struct slip_mpmc_seat *seat = slip_mpmc_seat_(q->home, &q->shape, s);
	uint64_t dead = slip_mpmc_dead_(word);
	uint32_t left;

	/* MPMC-R7, MPMC-A8 recoverer: all that the dead has done, which the
	 * oracle's answer brought; or who has the seat by now. Pairs:
	 * slip_mpmc_idle_ (A7), slip_mpmc_rise_ (R8). Else: its last stores
	 * meet those of who takes its slots. */
	(void)slip_a64_cas_acqrel(&seat->word, &word, dead);
	if (word != dead && slip_mpmc_dead_(word) != dead)
		return; /* of another by now */
	if (q->shape.work)
		slip_mpmc_give_for_(q, seat, s, dead);
	left = slip_mpmc_finish_(q, s, dead);
	slip_mpmc_sweep_hands_(q, s, dead);
	if (q->shape.work)
		slip_mpmc_returned_(seat, dead);
	if (left == 0)
		/* MPMC-R8, MPMC-A7 recoverer: nothing names the seat any more.
		 * Pairs: slip_mpmc_sit_ (A8), slip_mpmc_recover_seat_ (R7).
		 * Else: its next holder is taken for the dead. */
		(void)slip_a64_cas_acqrel(&seat->word, &dead, 0);
}

/* Is that the word of one whom the kernel calls dead? Then also recover it. */
SLIP_INLINE bool slip_mpmc_buried_(struct slip_mpmc *q, uint64_t s,
				   uint64_t word, const struct slip_peer *asker)
{
	if (slip_mpmc_state_(word) == SLIP_ROLE_HELD &&
	    !slip_peer_tag_dead_(word, asker))
		return false;
	slip_mpmc_recover_seat_(q, s, word);
	return true;
}

/* --- coming and going ------------------------------------------------------ */

/* Does anybody have that role? `asker` NULL: as far as memory says. */
SLIP_INLINE bool slip_mpmc_anybody_(struct slip_mpmc *q, unsigned role,
				    const struct slip_peer *asker)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, s);

		/* Who was marked as dead may be not yet recovered. */
		if ((slip_mpmc_roles_(word) & role) &&
		    !slip_mpmc_buried_(q, s, word, asker))
			return true;
	}
	return false;
}

/*
 * Have all who had that role gone? Of seats that are looked at one after the
 * other that is known only if nobody came meanwhile; then it is written down.
 */
SLIP_INLINE bool slip_mpmc_gone_(struct slip_mpmc *q, unsigned role,
				 const struct slip_peer *asker)
{
	uint64_t gone = SLIP_CAST(uint64_t, role) << SLIP_MPMC_GONE_SHIFT;

	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A12 other side: what the last one did before it went.
		 * Pairs: slip_mpmc_gone_. Else: the end of file before the last
		 * element. */
		uint64_t roll = slip_a64_load_acquire(&q->home->roll);

		if (!(roll & role))
			return false;
		if (roll & gone)
			return true;
		if (slip_mpmc_anybody_(q, role, asker))
			return false;
		/* MPMC-R12, MPMC-A12 other side: passes on what it has seen of
		 * those who went. Pairs: slip_mpmc_gone_, slip_mpmc_enrol_.
		 * Else: as A12. */
		if (slip_a64_cas_acqrel(&q->home->roll, &roll, roll | gone))
			return true;
		/* Somebody came, perhaps to our side: nobody will tell. */
	}
	return false;
}

/* As far as one word says: whether that role is known to be gone. */
SLIP_CORE bool slip_mpmc_known_gone_(const struct slip_mpmc *q, unsigned role)
{
	/* hint: a stale answer is one that an earlier call could have got */
	return (slip_a64_load_relaxed(&q->home->roll) >> SLIP_MPMC_GONE_SHIFT &
		role) != 0;
}

/* Write into the roll that we have come. */
SLIP_INLINE void slip_mpmc_enrol_(struct slip_mpmc *q, unsigned roles)
{
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&q->home->roll);
	uint64_t mine = roles & (SLIP_PRODUCER | SLIP_CONSUMER);

	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++)
		/* MPMC-R12, MPMC-A12 newcomer: its seat is taken. Pairs:
		 * slip_mpmc_gone_. Else: who looked for it earlier writes down
		 * that there is nobody. */
		if (slip_a64_cas_acqrel(
			    &q->home->roll, &seen,
			    ((seen & ~(mine << SLIP_MPMC_GONE_SHIFT)) | mine) +
				    SLIP_MPMC_CAME))
			return;
}

/* Leave a seat. An index may go on naming it: its last claim is done. */
SLIP_INLINE bool slip_mpmc_rise_(const struct slip_mpmc *q,
				 struct slip_mpmc_seat *seat)
{
	uint64_t mine = q->who;

	/* MPMC-R8, MPMC-A8 leaver: its claims are done. Pairs: slip_mpmc_sit_,
	 * slip_mpmc_word_of_seat_ (A8), slip_mpmc_recover_seat_ (R8). Else: as
	 * slip_mpmc_recover_seat_. */
	return slip_a64_cas_acqrel(&seat->word, &mine, 0);
}

/* Those who wait for room in one of several levels. */
SLIP_INLINE void slip_mpmc_wake_levels_(struct slip_mpmc *q)
{
	for (uint32_t i = 0; i < q->levels.count && q->levels.apart; i++)
		slip_event_wake_all(&slip_mpmc_level_(q, i)->ev_space);
}

/* Leave, and say so: if nobody else has our role, that is the end of file for
 * the other side; and somebody may have thought that we stay. */
SLIP_INLINE void slip_mpmc_leave_(struct slip_mpmc *q)
{
	unsigned roles = slip_mpmc_roles_(q->who);

	q->me = 0; /* who sits there next has claims that are not ours */
	if (!slip_mpmc_rise_(q, q->seat))
		return;
	for (unsigned role = SLIP_PRODUCER; role <= SLIP_CONSUMER; role++)
		if (roles & role)
			(void)slip_mpmc_gone_(q, role, NULL);
	slip_event_wake_all(&q->home->ev_data);
	slip_event_wake_all(&q->home->ev_space);
	slip_mpmc_wake_levels_(q);
}

/* Is there an element in the seat's hand? Its last holder may have returned
 * it there, and another may have taken it since. */
SLIP_INLINE bool slip_mpmc_hand_full_(const struct slip_mpmc *q)
{
	/* MPMC-A10 newcomer: nobody reads there any more. Pairs:
	 * slip_mpmc_let_go_. Else: it is overwritten. */
	return (slip_a64_load_acquire(&q->seat->hand) & SLIP_MPMC_FULL) != 0;
}

/* Take the first free seat whose hand is empty: false if there is none. A full
 * one is not even tried: who leaves a seat wakes all, and may be one of them. */
SLIP_INLINE bool slip_mpmc_sit_(struct slip_mpmc *q)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->home, &q->shape, s);
		uint64_t free = 0;

		/* hint: looked at again once we sit there */
		if (slip_a64_load_relaxed(&seat->hand) & SLIP_MPMC_FULL)
			continue;
		/* MPMC-A8 newcomer: nothing names the seat. Pairs:
		 * slip_mpmc_recover_seat_, slip_mpmc_rise_. Else: as R8.
		 * MPMC-H1 newcomer: the seat is taken before it looks at the
		 * others. Pairs: slip_mpmc_join_. Else: two that want to be
		 * alone miss each other. */
		if (!slip_a64_cas_seqcst(&seat->word, &free, q->who))
			continue;
		q->seat = seat;
		q->me = s;
		if (slip_mpmc_hand_full_(q)) {
			slip_mpmc_leave_(q);
			continue;
		}
		/* What the last holder intended is not ours. */
		slip_mpmc_intend_(q, 0, 0);
		slip_mpmc_intend_(q, SLIP_MPMC_FULL, 0);
		/* MPMC-R11 newcomer: nor what it was about to give; it is
		 * there. Pairs: slip_mpmc_giving_. Else: it is overlooked. */
		slip_a64_store_release(&seat->giving, 0);
		/* MPMC-R10 newcomer: what came of that which was in its hand.
		 * Pairs: slip_mpmc_name_hand_. Else: one who helps late gives
		 * us a slot that we never hear of. */
		slip_a64_store_release(&seat->hand, 0);
		return true;
	}
	return false;
}

/*
 * Go on from another seat. In the roll before the old one is left, so that who
 * calls it, and misses us in both, does not write down that we are gone. False:
 * there is no other, or what is ours names the old one.
 */
SLIP_COLD bool slip_mpmc_change_seat_(struct slip_mpmc *q)
{
	struct slip_mpmc_seat *old = q->seat;
	uint64_t me = q->me;

	if (q->held || q->claimed)
		return false;
	if (!slip_mpmc_sit_(q)) {
		q->seat = old;
		q->me = me;
		return false;
	}
	slip_mpmc_enrol_(q, slip_mpmc_roles_(q->who));
	(void)slip_mpmc_rise_(q, old);
	if (!(q->roles & SLIP_EXCLUSIVE))
		q->tail = 0; /* nobody's, who has sat there for long */
	return true;
}

/* Bury those who have died in their seats, and those who stay there only for
 * what was to be heard of them. */
SLIP_INLINE void slip_mpmc_bury_all_(struct slip_mpmc *q,
				     const struct slip_peer *asker)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, s);

		if (word)
			(void)slip_mpmc_buried_(q, s, word, asker);
	}
}

/* Has anything been claimed, in some level, that was not popped? */
SLIP_INLINE bool slip_mpmc_pending_(const struct slip_mpmc *q)
{
	for (uint32_t i = 0; i < q->levels.count; i++) {
		const struct slip_mpmc_ring *level = slip_mpmc_level_(q, i);
		/* hint: both; who waits looks again after a slice */
		uint64_t tail =
			slip_mpmc_at_(slip_a64_load_relaxed(&level->tail));
		uint64_t head =
			slip_mpmc_at_(slip_a64_load_relaxed(&level->head));

		if (tail != head)
			return true;
	}
	return false;
}

/*
 * The same as slip_mpmc_gone_ for one who waits for those of that role; `asker`
 * once a slice. Then it also buries, as what it waits for may be with one who died
 * beside the living: room with any; an element that nobody has named with a
 * pusher, if more is claimed than was popped; and what a work queue's consumer
 * had taken.
 */
SLIP_INLINE bool slip_mpmc_deserted_(struct slip_mpmc *q, unsigned role,
				     const struct slip_peer *asker)
{
	bool gone = slip_mpmc_gone_(q, role, asker);

	if (asker &&
	    (role == SLIP_CONSUMER || q->shape.work || slip_mpmc_pending_(q)))
		slip_mpmc_bury_all_(q, asker);
	return gone;
}

/* Is somebody in the way: one who wants to be alone in a role of ours, or is
 * there, and we want to? The dead are buried. */
SLIP_INLINE bool slip_mpmc_rivalled_(struct slip_mpmc *q, unsigned roles,
				     const struct slip_peer *asker)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = s == q->me ? 0 : slip_mpmc_word_of_seat_(q, s);
		unsigned theirs = slip_mpmc_roles_(word);

		if (!(theirs & roles & (SLIP_PRODUCER | SLIP_CONSUMER)) ||
		    !((theirs | roles) & SLIP_EXCLUSIVE))
			continue;
		if (!slip_mpmc_buried_(q, s, word, asker))
			return true;
	}
	return false;
}

/* Is nobody in the way? Not known if somebody came meanwhile, or went on from
 * another seat, and was seen in neither. */
SLIP_INLINE bool slip_mpmc_alone_(struct slip_mpmc *q, unsigned roles,
				  const struct slip_peer *asker)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		/* MPMC-A12 newcomer: who has gone on to another seat by now sits
		 * there. Pairs: slip_mpmc_enrol_. Else: one that goes on
		 * meanwhile is missed in both seats. */
		uint64_t roll = slip_a64_load_acquire(&q->home->roll);

		if (slip_mpmc_rivalled_(q, roles, asker))
			return false;
		/* hint: ordered by A8, of the seat that was left (R8) after it
		 * was written */
		if (slip_a64_load_relaxed(&q->home->roll) == roll)
			return true;
	}
	return false;
}

/*
 * Sit down, and get up again if there is a rival. Who sits down looks at the
 * others afterwards, so of two at least one sees the other; both may.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_join_(struct slip_mpmc *q,
						unsigned roles,
						const struct slip_peer *self)
{
	q->who = slip_role_word_(self) | SLIP_CAST(uint64_t, roles)
						 << SLIP_MPMC_ROLES_SHIFT;
	/* Others may go to a seat that was passed from one that is still to be
	 * looked at, or die there: once is not enough. */
	for (int looks = 0; !slip_mpmc_sit_(q); looks++) {
		if (looks == SLIP_MPMC_LOOKS)
			return -EUSERS;
		slip_mpmc_bury_all_(q, self);
	}
	/* MPMC-H1 looker: its own seat is taken before it looks at the others.
	 * Pairs: slip_mpmc_sit_. Else: two that want to be alone miss each
	 * other. */
	slip_fence_full();
	if (!slip_mpmc_alone_(q, roles, self)) {
		slip_mpmc_leave_(q);
		return -EBUSY;
	}
	slip_mpmc_enrol_(q, roles);
	return 0;
}

/* Recover the seats of one membership. */
SLIP_INLINE void slip_mpmc_recover_member_(struct slip_mpmc *q, uint32_t id,
					   uint32_t gen)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, s);

		if (word &&
		    ((word ^ slip_role_held_(id, gen)) & SLIP_MPMC_WHO) == 0)
			slip_mpmc_recover_seat_(q, s, word);
	}
}

/* Recovery hook of futex/peer.h. Asks for nothing but the geometry: a damaged
 * ring does not keep an id from being reused. */
SLIP_INLINE int slip_mpmc_recover_(struct slip_peer *self, void *mem,
				   size_t mem_bytes, uint32_t id, uint32_t gen)
{
	struct slip_mpmc_ring *ring = SLIP_CAST(struct slip_mpmc_ring *, mem);
	struct slip_mpmc q;
	unsigned mode;

	(void)self;
	__builtin_memset(&q, 0, sizeof(q));
	if (slip_mpmc_check_(ring, mem_bytes, &q.shape, &mode))
		return 0;
	slip_mpmc_point_(&q, ring);
	slip_mpmc_recover_member_(&q, id, gen);
	slip_event_wake_all(&ring->ev_data);
	slip_event_wake_all(&ring->ev_space);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
