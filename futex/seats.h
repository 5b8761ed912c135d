/* SPDX-License-Identifier: MIT */
/*
 * What latch.h and barrier.h are made of: seats, each with the name of the
 * member that has it and the last phase for which it has arrived; and the count
 * of phases, which goes up when all who have seats, and live, have arrived. Not
 * for users.
 *
 * Shape: 32 + 8 * count bytes, 8-byte aligned, at any address.
 *
 *	+0	word	phases that are over 32..63; of the last of them: how
 *			many were lost 0..11; changes since 12..31
 *	+8	event	who waits for the end of a phase (event.h, mode RMW)
 *	+16	magic, count: constant
 *	+24	0
 *	+32	seats	count words: state 0..3, peer id 4..15, its generation
 *			16..47, a phase (its low bits) 48..63
 *
 *	state	of a seat	in phase p it	join	arrive	leave	found dead
 *	0 free			is waited for	-> 1	-	-	-
 *	1 new			is waited for	-	-> 2(p)	-> 4	-> 3(p)
 *	2 here(q)	q == p	has arrived	-	-	-> 4	-
 *			q != p	is waited for	-	-> 2(p)	-> 4	-> 3(p)
 *	3 lost(q)	q == p	is counted out	-	-	-	-
 *			q != p	-> 4		-	-	-	-
 *	4 left			is out		-> 1	-	-	-
 *
 * A phase is over when nobody is waited for: who has arrived and finds that
 * counts it up, by a swap of the word for the next, so that one alone succeeds,
 * who is "the serial one". Seats only change from "waited for" to "not" while a
 * phase lasts, but for those that were out and are joined anew: who joins
 * changes the word afterwards, so that a count that has not seen it fails and
 * is made again. So what was found stays true until the swap; and after it the
 * swap fails.
 *
 * Who is to be marked as lost is first announced by a change of the word, which
 * must still be that of the phase; as long as the seat is then unchanged, and its
 * owner dead, the phase goes on. So a seat is marked as lost in its phase only,
 * and each count that comes to be has seen it: it is told of once.
 *
 * Who arrives does it by a swap, and after a full fence looks at all seats: of
 * two that arrive at once, the later in the order of the swaps sees both. So the
 * last one always finds the phase over, and only it needs to wake the others,
 * unless it dies, or one was found dead: therefore those who wait look too,
 * after each slice. Who leaves changes the word, so that they look at once.
 *
 * Who is dead is said by the kernel, asked about the seats that are waited for
 * by those who have waited for a slice. A seat of `self` NULL is never seen dead.
 */
#ifndef SLIP_FUTEX_SEATS_H
#define SLIP_FUTEX_SEATS_H

#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_SEATS_MAX_	    4095u
#define SLIP_SEATS_CHANGES_ UINT64_C(0xfffff000) /* of the word */

enum { /* states of a seat */
       SLIP_SEAT_FREE_ = 0,
       SLIP_SEAT_NEW_ = 1,
       SLIP_SEAT_HERE_ = 2,
       SLIP_SEAT_LOST_ = 3,
       SLIP_SEAT_LEFT_ = 4
};

/* The state, and whose it is. */
#define SLIP_SEAT_STATE_ UINT64_C(15)
#define SLIP_SEAT_TAG_	 UINT64_C(0xfffffffffff0)

struct slip_seats {
	slip_a64 word;
	struct slip_event event;
	slip_a32 magic;
	slip_a32 count;
	uint64_t reserved;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_seats) == 32, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_seats, event) == 8, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_seats, magic) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_seats, count) == 20, "layout");

/* The private handle. */
struct slip_seat {
	struct slip_seats *shared;
	slip_a64 *seats;
	struct slip_peer *self;	      /* NULL: is never seen dead */
	const struct slip_region *rg; /* of self, when it was attached */
	uint64_t who;		      /* our tag */
	uint32_t count;
	slip_a64 *mine; /* our seat; NULL: none */
	uint64_t is;	/* what we left in it */
	uint64_t seen;	/* the word for which we have looked at the seats */
	uint32_t phase; /* that we wait for */
	uint32_t lost;	/* in the last phase that we waited for */
	bool arrived;	/* for `phase` */
	bool serial;	/* we counted it up */
	struct slip_waiter waiter;
};

SLIP_INLINE uint64_t slip_seats_bytes_(uint32_t count)
{
	return sizeof(struct slip_seats) +
	       SLIP_CAST(uint64_t, count) * sizeof(slip_a64);
}

SLIP_INLINE SLIP_MUST_CHECK int slip_seats_init_(void *mem, size_t bytes,
						 uint32_t count, uint32_t magic)
{
	struct slip_seats *s = SLIP_CAST(struct slip_seats *, mem);

	if (count < 1 || count > SLIP_SEATS_MAX_ ||
	    SLIP_RECAST(uintptr_t, mem) % 8)
		return -EINVAL;
	if (bytes < slip_seats_bytes_(count))
		return -EOVERFLOW;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a32_store_relaxed(&s->magic, 0);
	memset(mem, 0, offsetof(struct slip_seats, magic));
	memset(&s->count, 0,
	       SLIP_CAST(size_t, slip_seats_bytes_(count)) -
		       offsetof(struct slip_seats, count));
	/* init */
	slip_a32_store_relaxed(&s->count, count);
	/* SEATS-R1 creator: all is there. Pairs: slip_seats_attach_. Else: a
	 * count is read that is not. */
	slip_a32_store_release(&s->magic, magic);
	return 0;
}

SLIP_COLD SLIP_MUST_CHECK int slip_seats_attach_(struct slip_seat *h, void *mem,
						 size_t bytes,
						 struct slip_peer *self,
						 uint32_t magic)
{
	struct slip_seats *s = SLIP_CAST(struct slip_seats *, mem);
	int rc = self ? slip_region_check_(self->rg) : 0;

	memset(h, 0, sizeof(*h));
	if (rc)
		return rc;
	if (SLIP_RECAST(uintptr_t, mem) % 8 || (self && !self->id))
		return -EINVAL;
	/* SEATS-A1 user: the count. Pairs: slip_seats_init_. Else: as there. */
	if (bytes < sizeof(*s) || slip_a32_load_acquire(&s->magic) != magic)
		return -EBADMSG;
	/* own: constant */
	h->count = slip_a32_load_relaxed(&s->count);
	if (h->count < 1 || h->count > SLIP_SEATS_MAX_ ||
	    bytes < slip_seats_bytes_(h->count))
		return -EBADMSG;
	h->shared = s;
	h->seats = SLIP_CAST(slip_a64 *, SLIP_CAST(void *, s + 1));
	h->self = self;
	h->rg = self ? self->rg : NULL;
	h->who = self ? slip_peer_tag_(self->id, self->gen) : 0;
	slip_waiter_init_(&h->waiter, &s->event, SLIP_EVENT_RMW,
			  self ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS);
	return 0;
}

/* -ECHILD for a copy in a fork child; -EINVAL: `self` is not the member any
 * more that it was, so all would take us for dead. */
SLIP_CORE SLIP_MUST_CHECK int slip_seats_check_(const struct slip_seat *h)
{
	return slip_peer_check_(h->rg, h->who);
}

SLIP_CORE uint32_t slip_seats_phase_(uint64_t word)
{
	return SLIP_CAST(uint32_t, word >> 32);
}

/* `q` of a seat against the low bits of a phase. */
SLIP_CORE bool slip_seats_same_(uint64_t seat, uint32_t phase)
{
	return seat >> 48 == (phase & 0xffff);
}

SLIP_CORE uint64_t slip_seats_mark_(uint64_t tag, uint32_t phase,
				    uint64_t state)
{
	return (tag & SLIP_SEAT_TAG_) | state |
	       SLIP_CAST(uint64_t, phase & 0xffff) << 48;
}

SLIP_CORE uint64_t slip_seats_word_(const struct slip_seat *h)
{
	/* SEATS-A3 waiter: what was done before the last phase was over, and
	 * before the word was changed. Pairs: slip_seats_count_,
	 * slip_seats_change_. Else: as there. */
	return slip_a64_load_acquire(&h->shared->word);
}

/* Change the word `seen`, so that counts that are under way fail. */
SLIP_CORE bool slip_seats_change_(struct slip_seats *s, uint64_t *seen)
{
	uint64_t next = (*seen & ~SLIP_SEATS_CHANGES_) |
			((*seen + SLIP_SEATS_MAX_ + 1) & SLIP_SEATS_CHANGES_);

	/* SEATS-R3 changer: what it found in a seat, or made of its own. Pairs:
	 * slip_seats_word_. Else: one who counts with the changed word sees the
	 * seat as it was before. */
	if (!slip_a64_cas_release(&s->word, seen, next))
		return false;
	*seen = next;
	return true;
}

/* Our seat is not what it was: whoever counts must look anew. */
SLIP_INLINE void slip_seats_tell_(struct slip_seats *s)
{
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&s->word);

	while (!slip_seats_change_(s, &seen))
		;
}

/* --- counting a phase up --------------------------------------------------- */

/* It is waited for: is its owner dead, and has it been counted out by us? */
SLIP_INLINE bool slip_seats_bury_(const struct slip_seat *h, uint32_t i,
				  uint64_t seen, uint64_t *word)
{
	uint64_t lost = slip_seats_mark_(seen, slip_seats_phase_(*word),
					 SLIP_SEAT_LOST_);
	uint64_t now = *word;

	if (!slip_peer_tag_dead_(seen, h->self))
		return false;
	if (!slip_seats_change_(h->shared, &now))
		return false;
	*word = now;
	/* SEATS-R2 burier: that this phase has begun; what the dead one did the
	 * change of the word has told (R3) to whoever counts with it. Pairs:
	 * slip_seats_out_. Else: one who still counts the phase before takes it
	 * for told of. */
	return slip_a64_cas_release(&h->seats[i], &seen, lost);
}

/* A seat that was lost, in another phase than the one of `word`, is out. */
SLIP_INLINE void slip_seats_forget_(const struct slip_seat *h, uint32_t i,
				    uint64_t seen, uint64_t word)
{
	/* In a later one? Then it has not been told of yet. */
	if (slip_seats_phase_(slip_seats_word_(h)) != slip_seats_phase_(word))
		return;
	/* hint: told of in its phase, and never again, when the low bits come
	 * round; whoever counts passes here */
	(void)slip_a64_cas_relaxed(&h->seats[i], &seen, SLIP_SEAT_LEFT_);
}

/* Is seat `i` not waited for in the phase of `word`? `*lost` counts it if it is
 * lost. */
SLIP_INLINE bool slip_seats_out_(const struct slip_seat *h, uint32_t i,
				 uint64_t *word, bool ask, uint32_t *lost)
{
	/* SEATS-A2 counter: what one did before it arrived, left, or died; and
	 * the phase in which it was lost. Pairs: slip_seats_arrive_,
	 * slip_seats_leave_, slip_seats_bury_. Else: who goes on reads what was
	 * before, or a death is never told of. */
	uint64_t seen = slip_a64_load_acquire(&h->seats[i]);
	bool same = slip_seats_same_(seen, slip_seats_phase_(*word));

	switch (seen & SLIP_SEAT_STATE_) {
	case SLIP_SEAT_FREE_:
		return false;
	case SLIP_SEAT_HERE_:
		if (same)
			return true;
		break;
	case SLIP_SEAT_LOST_:
		*lost += same;
		if (!same)
			slip_seats_forget_(h, i, seen, *word);
		return true;
	case SLIP_SEAT_NEW_:
		break;
	default:
		return true;
	}
	if (!ask || !slip_seats_bury_(h, i, seen, word))
		return false;
	*lost += 1;
	return true;
}

/* Look at all seats, and count the phase up if nobody is waited for. 1: by us;
 * 0: somebody is; -EAGAIN: the word has changed meanwhile. */
SLIP_INLINE int slip_seats_count_(struct slip_seat *h, uint64_t word, bool ask)
{
	uint32_t lost = 0;
	uint64_t next;
	bool over = true;

	/* All of them, for who asks: each may be dead. */
	for (uint32_t i = 0; i < h->count && (over || ask); i++)
		over &= slip_seats_out_(h, i, &word, ask, &lost);
	h->seen = word;
	next = SLIP_CAST(uint64_t, slip_seats_phase_(word) + 1) << 32 | lost;
	/* SEATS-R3 counter: all that was done by those who arrived. Pairs:
	 * slip_seats_word_. Else: who goes on reads what was before. */
	if (over && slip_a64_cas_release(&h->shared->word, &word, next)) {
		slip_event_notify(&h->shared->event, SLIP_EVENT_RMW);
		return 1;
	}
	return slip_seats_word_(h) == h->seen ? 0 : -EAGAIN;
}

/* Count the phase of `word` up if nobody is waited for: by us? */
SLIP_INLINE bool slip_seats_settle_(struct slip_seat *h, uint64_t word,
				    bool ask)
{
	uint32_t phase = slip_seats_phase_(word);
	int rc;

	do {
		rc = slip_seats_count_(h, word, ask);
		word = slip_seats_word_(h);
	} while (rc < 0 && slip_seats_phase_(word) == phase);
	return rc > 0;
}

/* After our arrival: the later of two that arrive at once sees both. Did we
 * count the phase up? */
SLIP_INLINE bool slip_seats_look_(struct slip_seat *h)
{
	/* SEATS-H1 looker: its own seat is changed before it looks at the
	 * others. Pairs: slip_seats_arrive_. Else: each of two takes the other
	 * for late, and nobody counts. */
	slip_fence_after_rmw();
	return slip_seats_settle_(h, slip_seats_word_(h), false);
}

/* --- what members do ------------------------------------------------------- */

/* Take a seat. 0; -EBUSY: has one; -EUSERS: all are taken; -ECHILD; -EINVAL:
 * `self` has left. */
SLIP_INLINE SLIP_MUST_CHECK int slip_seats_join_(struct slip_seat *h,
						 bool again)
{
	uint64_t mine = h->who | SLIP_SEAT_NEW_;
	int rc = slip_seats_check_(h);

	if (rc)
		return rc;
	if (h->mine)
		return -EBUSY;
	for (uint32_t i = 0; i < h->count; i++) {
		/* hint: the swap is by what was seen */
		uint64_t seen = slip_a64_load_relaxed(&h->seats[i]);
		uint64_t state = seen & SLIP_SEAT_STATE_;

		/* hint: nothing is read on the strength of a seat; the word
		 * says in which phase it is waited for */
		if ((state == SLIP_SEAT_FREE_ ||
		     (again && state == SLIP_SEAT_LEFT_)) &&
		    slip_a64_cas_relaxed(&h->seats[i], &seen, mine)) {
			h->mine = &h->seats[i];
			h->is = mine;
			h->arrived = false;
			slip_seats_tell_(h->shared);
			return 0;
		}
	}
	return -EUSERS;
}

/* Arrive for the present phase. 0; -EPERM: has no seat, or lost it. */
SLIP_INLINE SLIP_MUST_CHECK int slip_seats_arrive_(struct slip_seat *h)
{
	uint64_t next;

	if (!h->mine)
		return -EPERM;
	h->phase = slip_seats_phase_(slip_seats_word_(h));
	next = slip_seats_mark_(h->is, h->phase, SLIP_SEAT_HERE_);
	/* SEATS-R2 member: what it did before. Pairs: slip_seats_out_. Else: as
	 * there. SEATS-H1 member: its seat is changed before it looks at the
	 * others. Pairs: slip_seats_look_. Else: as there. */
	if (!slip_a64_cas_release(h->mine, &h->is, next)) {
		h->mine = NULL;
		return -EPERM;
	}
	h->is = next;
	h->arrived = true;
	h->serial = slip_seats_look_(h);
	return 0;
}

/* Give the seat up: nobody waits for it any more. */
SLIP_INLINE void slip_seats_leave_(struct slip_seat *h)
{
	slip_a64 *mine = h->mine;

	if (!mine || slip_seats_check_(h))
		return;
	h->mine = NULL;
	h->arrived = false;
	/* SEATS-R2 member: what it did before. Pairs: slip_seats_out_. Else: as
	 * there. */
	if (!slip_a64_cas_release(mine, &h->is, SLIP_SEAT_LEFT_))
		return;
	slip_seats_tell_(h->shared);
	slip_event_notify(&h->shared->event, SLIP_EVENT_RMW);
}

SLIP_INLINE int slip_seats_ready_(void *handle, bool ask)
{
	struct slip_seat *h = SLIP_CAST(struct slip_seat *, handle);
	uint64_t word = slip_seats_word_(h);

	if (slip_seats_phase_(word) == h->phase && (ask || word != h->seen)) {
		h->serial = slip_seats_settle_(h, word, ask);
		word = slip_seats_word_(h);
	}
	if (slip_seats_phase_(word) == h->phase)
		return 0;
	h->lost = SLIP_CAST(uint32_t, word) & SLIP_SEATS_MAX_;
	return 1;
}

/* Wait for the end of h->phase. How many were lost in it, or as
 * slip_waiter_until_. */
SLIP_INLINE SLIP_MUST_CHECK int slip_seats_wait_(struct slip_seat *h,
						 uint64_t deadline_ns)
{
	int rc = slip_seats_ready_(h, false)
			 ? 0
			 : slip_waiter_until_(&h->waiter, slip_seats_ready_, h,
					      deadline_ns);

	if (rc)
		return rc;
	return SLIP_CAST(int, h->lost);
}

#ifdef __cplusplus
}
#endif

#endif
