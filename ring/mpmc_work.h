/* SPDX-License-Identifier: MIT */
/*
 * Elements that are handed out in place and given back: take, ack, nack, and
 * the redelivery of what the dead had taken. Private; see mpmc_pvt.h.
 *
 * Who takes an element has its slot (word p | 4096 | seat) until it acks. Nack
 * in a work queue, or the recovery of a dead taker, makes that p | 4096 | 4095:
 * returned. So it stays until it is done with: from then on the slot's count
 * says who has it, so that no two deliveries, of the first 4095, look alike to a
 * recoverer that was stopped for ages. Meanwhile the slot is in a slow hand: its
 * positions of later laps are void. A count is, from above:
 *
 *	40 bits		of the position, as that of an earlier one may stand
 *			there: its own is written after the first take only
 *	12		how often it was handed out
 *	12		the seat that has it again; 4095: none
 *
 * An element that was heard (its pusher being stopped or dead, see mpmc_pvt.h)
 * has no slot. It goes into the taker's hand, in its seat, whose word is used as
 * a slot's: p | s before head is moved over it naming s; p | 4096 | s after
 * that, which is also written by whoever moves head on (slip_mpmc_name_hand_),
 * so that nobody has to guess whether it was taken. A handle has one hand; if
 * another keeps in it what we returned there, we change the seat.
 *
 * `returned` of the ring is a flag (bit 0: there may be some) and a count of
 * changes. A giver raises it before it gives, and says in its seat from before
 * that until it has given: who finds nothing clears the flag only if nobody said
 * so, and the count has not moved. So no kill and no stop leaves a returned
 * element unseen.
 */
#ifndef SLIP_RING_MPMC_WORK_H
#define SLIP_RING_MPMC_WORK_H

#include "mpmc_seat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An element that is handed out: what slip_mpmc_take() fills in. */
struct slip_mpmc_ticket {
	const void *elem;  /* in place, at a multiple of 8 */
	uint32_t attempts; /* deliveries, with this one; 1: the first */
	slip_a64 *word;	   /* private: of the slot or hand that has it */
	slip_a64 *count;   /* private: of its attempts, or NULL */
};

/* One more attempt, by seat `s`. */
SLIP_INLINE uint64_t slip_mpmc_counted_(uint64_t count, uint64_t s)
{
	uint64_t n = count / SLIP_MPMC_ATTEMPT & SLIP_MPMC_ATTEMPTS_MAX;

	if (n < SLIP_MPMC_ATTEMPTS_MAX)
		count += SLIP_MPMC_ATTEMPT;
	return (count & ~SLIP_MPMC_SEAT_MASK) | s;
}

SLIP_INLINE void slip_mpmc_issue_(struct slip_mpmc *q,
				  struct slip_mpmc_ticket *t, slip_a64 *word,
				  const void *elem, slip_a64 *count)
{
	uint64_t n = SLIP_MPMC_ATTEMPT;

	if (count) /* own: the element is ours, and so is its count */
		n = slip_a64_load_relaxed(count);
	t->elem = elem;
	t->attempts = SLIP_CAST(uint32_t, n / SLIP_MPMC_ATTEMPT) &
		      SLIP_MPMC_ATTEMPTS_MAX;
	t->word = word;
	t->count = count;
	q->held++;
}

/* The first time: nobody else writes there before it is returned. */
SLIP_INLINE void slip_mpmc_count_first_(slip_a64 *count, uint64_t p)
{
	uint64_t first =
		slip_mpmc_counted_(slip_mpmc_told_(0, p), SLIP_MPMC_RETURNED);

	if (count)
		/* MPMC-R14 consumer: who sees the count sees that the slot has
		 * come to this position. Pairs: slip_mpmc_retake_word_. Else:
		 * it is taken for one of an earlier position. */
		slip_a64_store_release(count, first);
}

/* Take what is in a slot or hand, if it was returned there. */
SLIP_INLINE bool slip_mpmc_retake_word_(struct slip_mpmc *q, slip_a64 *word,
					slip_a64 *count)
{
	/* MPMC-A14 consumer: it is not of a later position than the word that
	 * is read after it. Pairs: slip_mpmc_count_first_. Else: as R14. */
	uint64_t seen = slip_a64_load_acquire(count);
	/* MPMC-A13 consumer: the element, and how often it was handed out.
	 * Pairs: slip_mpmc_return_, slip_mpmc_sweep_slot_,
	 * slip_mpmc_sweep_count_. Else: it is delivered torn, or as if for the
	 * first time. */
	uint64_t w = slip_a64_load_acquire(word);
	uint64_t told = slip_mpmc_told_(seen, slip_mpmc_at_(w));

	/* MPMC-R13, MPMC-A13 consumer: takes over the element, and passes it
	 * on. Pairs: slip_mpmc_retake_word_, slip_mpmc_sweep_count_,
	 * slip_mpmc_return_ (R13). Else: as A13. */
	return slip_mpmc_again_with_(w, seen, SLIP_MPMC_RETURNED) &&
	       slip_a64_cas_acqrel(count, &seen,
				   slip_mpmc_counted_(told, q->me));
}

SLIP_INLINE bool slip_mpmc_retake_slot_(struct slip_mpmc *q,
					struct slip_mpmc_ticket *t)
{
	for (uint32_t i = 0; i < q->shape.capacity; i++) {
		uint64_t p = i * SLIP_MPMC_ONE;
		slip_a64 *slot = slip_mpmc_slot_(q, p, q->shape.elem_bytes);
		slip_a64 *count = slip_mpmc_count_(q, p);

		if (!slip_mpmc_retake_word_(q, slot, count))
			continue;
		slip_mpmc_issue_(q, t, slot, slot + 1, count);
		return true;
	}
	return false;
}

SLIP_INLINE bool slip_mpmc_retake_hand_(struct slip_mpmc *q,
					struct slip_mpmc_ticket *t)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->home, &q->shape, s);

		if (!slip_mpmc_retake_word_(q, &seat->hand, &seat->attempts))
			continue;
		slip_mpmc_issue_(q, t, &seat->hand, slip_mpmc_hand_of_(q, seat),
				 &seat->attempts);
		return true;
	}
	return false;
}

/* Is anybody about to return an element? */
SLIP_INLINE bool slip_mpmc_giving_(struct slip_mpmc *q)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, s);
		/* MPMC-A11 consumer: what it has returned if it is done.
		 * Pairs: slip_mpmc_return_. Else: it is overlooked. */
		uint64_t who = slip_a64_load_acquire(
			&slip_mpmc_seat_(q->home, &q->shape, s)->giving);

		if (who && word && ((who ^ word) & SLIP_MPMC_WHO) == 0)
			return true;
	}
	return false;
}

/* Take an element that was returned. */
SLIP_COLD bool slip_mpmc_retake_(struct slip_mpmc *q,
				 struct slip_mpmc_ticket *t)
{
	/* MPMC-A11 consumer: who is about to return one says so in its seat.
	 * Pairs: slip_mpmc_returning_. Else: as R11. */
	uint64_t seen = slip_a64_load_acquire(&q->ring->returned);
	bool giving;

	if (!(seen & 1))
		return false;
	giving = slip_mpmc_giving_(q);
	if (slip_mpmc_retake_slot_(q, t) || slip_mpmc_retake_hand_(q, t))
		return true;
	if (!giving)
		/* MPMC-R11, MPMC-A11 consumer: there was nothing, and nobody
		 * has announced more. Pairs: slip_mpmc_returning_. Else: as
		 * there. */
		(void)slip_a64_cas_acqrel(&q->ring->returned, &seen,
					  (seen & ~UINT64_C(1)) + 2);
	return false;
}

/* Claim the oldest element; as slip_mpmc_pop_shared_. */
SLIP_INLINE int slip_mpmc_grab_(struct slip_mpmc *q, uint64_t *p,
				slip_a64 **slot)
{
	/* own: what we returned there another may keep for ever */
	uint64_t kept = slip_a64_load_relaxed(&q->seat->hand);
	int rc = slip_mpmc_pop_shared_(q, p, slot,
				       slip_mpmc_hand_of_(q, q->seat), true,
				       q->shape.elem_bytes);

	/* hint: or it has just been emptied; looked at again */
	if (rc == SLIP_MPMC_NO_ && kept &&
	    (!slip_a64_load_relaxed(&q->seat->hand) ||
	     slip_mpmc_change_seat_(q)))
		rc = slip_mpmc_pop_shared_(q, p, slot,
					   slip_mpmc_hand_of_(q, q->seat), true,
					   q->shape.elem_bytes);
	return rc;
}

/* Take the oldest element, in place: GO, or NO. */
SLIP_INLINE int slip_mpmc_take_next_(struct slip_mpmc *q,
				     struct slip_mpmc_ticket *t)
{
	slip_a64 *slot = NULL;
	uint64_t p = 0;
	int rc;

	q->head = 0;
	rc = slip_mpmc_grab_(q, &p, &slot);
	/* own: an exclusive consumer goes on from where we are now, also if
	 * there was nothing: 0 is a position, after 2^51 */
	if (q->roles & SLIP_EXCLUSIVE)
		q->head = slip_a64_load_relaxed(&q->ring->head);
	if (rc == SLIP_MPMC_NO_)
		return rc;
	if (rc == SLIP_MPMC_AGAIN_) {
		slip_mpmc_count_first_(&q->seat->attempts, p);
		slip_mpmc_issue_(q, t, &q->seat->hand,
				 slip_mpmc_hand_of_(q, q->seat),
				 &q->seat->attempts);
		return SLIP_MPMC_GO_;
	}
	/* MPMC-R3 consumer: it is in our hands, for longer than until our next
	 * pop, before which nobody else would say so. Pairs:
	 * slip_mpmc_claim_shared_. Else: the slot is taken for done with. */
	slip_a64_store_release(slot, p | SLIP_MPMC_FULL | q->me);
	slip_mpmc_count_first_(slip_mpmc_count_(q, p), p);
	slip_mpmc_issue_(q, t, slot, slot + 1, slip_mpmc_count_(q, p));
	return SLIP_MPMC_GO_;
}

/* Do we have what stands in that slot or hand? */
SLIP_INLINE bool slip_mpmc_with_us_(const struct slip_mpmc *q,
				    const slip_a64 *word, const slip_a64 *count)
{
	/* own: nobody else changes it while it names us */
	uint64_t w = slip_a64_load_relaxed(word);
	uint64_t told = count ? slip_a64_load_relaxed(count) : 0;

	return (w & (SLIP_MPMC_ONE - 1)) == (SLIP_MPMC_FULL | q->me) ||
	       (count && slip_mpmc_again_with_(w, told, q->me));
}

/* Is that ticket of ours, and not yet given back? */
SLIP_INLINE bool slip_mpmc_ours_(const struct slip_mpmc *q,
				 const struct slip_mpmc_ticket *t)
{
	return q->me && !q->error && t->word &&
	       slip_mpmc_with_us_(q, t->word, t->count);
}

/* The ticket is used up. */
SLIP_INLINE void slip_mpmc_void_ticket_(struct slip_mpmc *q,
					struct slip_mpmc_ticket *t)
{
	t->word = NULL;
	t->elem = NULL;
	q->held--;
}

/* Is that word a hand's? */
SLIP_INLINE bool slip_mpmc_in_hand_(const struct slip_mpmc *q,
				    const slip_a64 *word)
{
	return SLIP_RECAST(const unsigned char *, word) < q->slots;
}

/* Before the word of a hand no longer says that it has position `p`: nobody is
 * to look for it in its slot after that. */
SLIP_INLINE void slip_mpmc_disclaim_(struct slip_mpmc *q, uint64_t p)
{
	uint64_t head = p + SLIP_MPMC_ONE + q->me;

	/* MPMC-R6, MPMC-A6 consumer: head names us no longer for it. Pairs:
	 * slip_mpmc_name_run_ (A6), slip_mpmc_pass_. Else: as there. */
	(void)slip_a64_cas_acqrel(&q->ring->head, &head, slip_mpmc_at_(head));
}

/* Have done with the element: its slot, or the hand, is free. */
SLIP_INLINE void slip_mpmc_let_go_(struct slip_mpmc *q,
				   struct slip_mpmc_ticket *t)
{
	/* own: ours */
	uint64_t w = slip_a64_load_relaxed(t->word);

	if (!slip_mpmc_in_hand_(q, t->word)) {
		slip_mpmc_give_(q, t->word, slip_mpmc_at_(w));
		return;
	}
	slip_mpmc_disclaim_(q, slip_mpmc_at_(w));
	/* MPMC-R10 consumer: has done with reading it. Pairs:
	 * slip_mpmc_hand_full_. Else: as there. */
	slip_a64_store_release(t->word, 0);
}

/* Return the element. */
SLIP_INLINE void slip_mpmc_return_(struct slip_mpmc *q,
				   struct slip_mpmc_ticket *t)
{
	/* own: ours */
	uint64_t w = slip_a64_load_relaxed(t->word);
	uint64_t told = slip_a64_load_relaxed(t->count);

	/* MPMC-R11 giver: from here on it is about to; before it raises the
	 * flag. Pairs: slip_mpmc_giving_. Else: the flag is cleared between
	 * that and the element, by one who sees neither. */
	slip_a64_store_release(&q->seat->giving, q->who);
	slip_mpmc_returning_(q);
	if (slip_mpmc_in_hand_(q, t->word))
		slip_mpmc_disclaim_(q, slip_mpmc_at_(w));
	if ((w & SLIP_MPMC_SEAT_MASK) == q->me)
		/* MPMC-R13 giver: has done with it. Pairs:
		 * slip_mpmc_retake_word_. Else: as A13. */
		slip_a64_store_release(t->word, w | SLIP_MPMC_RETURNED);
	else
		/* MPMC-R13 giver: as above. Pairs: slip_mpmc_retake_word_.
		 * Else: as A13. */
		slip_a64_store_release(t->count, told | SLIP_MPMC_RETURNED);
	/* MPMC-R11 giver: it is there. Pairs: slip_mpmc_giving_. Else: as
	 * A11. */
	slip_a64_store_release(&q->seat->giving, 0);
}

/* Give up what stands in that word, if it is ours. */
SLIP_INLINE void slip_mpmc_drop_(struct slip_mpmc *q, slip_a64 *word,
				 slip_a64 *count)
{
	struct slip_mpmc_ticket t = { NULL, 0, word, count };

	if (!slip_mpmc_with_us_(q, word, count))
		return;
	if (q->shape.work)
		slip_mpmc_return_(q, &t);
	else
		slip_mpmc_let_go_(q, &t);
}

/* All tickets, of which no list is kept. */
SLIP_COLD void slip_mpmc_drop_all_(struct slip_mpmc *q)
{
	for (uint32_t i = 0; i < q->shape.capacity; i++) {
		uint64_t p = i * SLIP_MPMC_ONE;

		slip_mpmc_drop_(q, slip_mpmc_slot_(q, p, q->shape.elem_bytes),
				slip_mpmc_count_(q, p));
	}
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->home, &q->shape, s);

		slip_mpmc_drop_(q, &seat->hand, &seat->attempts);
	}
	q->held = 0;
}

#ifdef __cplusplus
}
#endif

#endif
