/* SPDX-License-Identifier: MIT */
/*
 * Chain.h from the inside: segments, how an element goes in and out, what becomes
 * of a segment that is empty. Private; chain.h says what it is for.
 *
 * A segment is a row of slots that are used once each, from the first to the last.
 * A push claims the next by an addition to `push`, copies its element there and
 * swaps the slot's word to "full". A pop claims the next by an addition to `pop`
 * and finds it full, or looks again for a while, and then swaps the word to
 * "void": whoever had claimed it and comes late finds that in its own swap, and
 * claims another slot. So nobody waits for anybody.
 *
 *	push	next to be claimed by a push; over: 2^63 is added (closed)
 *	pop	next to be claimed by a pop
 *	seen	not more than `push` was: pops need not look at that, which is
 *		the pushers' line, while pop < seen
 *	next	0; the address of the next segment; 1: there will be none
 *
 *	word of a slot, in its segment's nth use (`use`):
 *	4 * use + 1	full
 *	4 * use + 2	void
 *	else		nobody has been here yet
 *
 * Past the last slot, a push makes a segment in which its elements are already, and
 * hangs it on by one swap of `next`; so of several at least one has got its element
 * in. After the last slot, a pop moves `tail` on if that lags, then `head`; who
 * moved `head` owns the segment and puts it off until later (rcu.h): then nobody
 * can stand in it any more, and it is a spare one, or memory again. If there is no
 * segment behind yet, the next pop does it, or a push that is at the limit.
 *
 *	head <= tail, and neither comes back to a segment that it has left, while
 *	anybody is inside that saw it there
 */
#ifndef SLIP_RING_CHAIN_PVT_H
#define SLIP_RING_CHAIN_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/fence.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "chain_segment_pvt.h"
#include "rcu.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- push -------------------------------------------------------------------- */

/* Moves tail from s to the one behind it, if nobody has. */
SLIP_INLINE void slip_chain_pass_tail_(struct slip_chain *c,
				       struct slip_chain_segment *s,
				       uint64_t next)
{
	uint64_t seen = slip_chain_address_(s);

	/* CHAIN-R1 pusher: what is in the segment. Pairs: slip_chain_push_n_,
	 * slip_chain_close, slip_chain_inspect. Else: a push goes into slots of
	 * an earlier use. */
	(void)slip_a64_cas_release(&c->tail, &seen, next);
}

/* All slots of s are claimed by pops. Goes on to the next: false if there is
 * none. */
SLIP_COLD bool slip_chain_pass_head_(struct slip_chain *c,
				     struct slip_chain_segment *s)
{
	/* CHAIN-A1 popper: what is in the segment, for whom it tells. Pairs:
	 * slip_chain_grow_. Else: as in slip_chain_pass_tail_. */
	uint64_t next = slip_a64_load_acquire(&s->next);
	uint64_t seen = slip_chain_address_(s);

	if (next <= SLIP_CHAIN_END)
		return false;
	/* hint: if it has left s, it does not come back. First, so that nobody
	 * can come to s who was not inside when it is put off. */
	if (slip_a64_load_relaxed(&c->tail) == seen)
		slip_chain_pass_tail_(c, s, next);
	/* CHAIN-R1 popper: what is in the segment. Pairs: slip_chain_pop_n_,
	 * slip_chain_inspect. Else: a pop takes elements of an earlier use. */
	if (slip_a64_cas_release(&c->head, &seen, next))
		slip_chain_leave_(c, s);
	return true;
}

/* At the limit: the first segment may be empty, if its last pop did not know yet
 * that there is another behind it. */
SLIP_COLD void slip_chain_skim_(struct slip_chain *c)
{
	/* CHAIN-A1 pusher: what is in the segment. Pairs: slip_chain_pass_head_.
	 * Else: as there. */
	struct slip_chain_segment *s =
		slip_chain_at_(slip_a64_load_acquire(&c->head));

	/* CHAIN-H1 sleeper: has said that it sleeps, and knows of the segment
	 * behind, before it looks at pop. Pairs: slip_chain_last_. Else: neither
	 * of the two lets the segment go, and the push sleeps for ever. */
	if (slip_a64_load_relaxed(&s->pop) >= c->slots)
		(void)slip_chain_pass_head_(c, s);
}

/*
 * All slots of s are claimed. Hangs on a segment with up to n elements: how many;
 * 0: there was one, try there. Or -EPIPE, -EAGAIN, -ENOMEM.
 */
SLIP_COLD int slip_chain_grow_(struct slip_chain *c,
			       struct slip_chain_segment *s, const void *elems,
			       uint32_t n, uint32_t elem_bytes)
{
	/* CHAIN-A1 pusher: what is in the segment, for whom it tells. Pairs:
	 * slip_chain_grow_. Else: as in slip_chain_pass_tail_. */
	uint64_t next = slip_a64_load_acquire(&s->next);
	struct slip_chain_segment *own;
	int why = 0;

	if (next == SLIP_CHAIN_END)
		return -EPIPE;
	if (next) {
		slip_chain_pass_tail_(c, s, next);
		return 0;
	}
	own = slip_chain_reuse_(c);
	if (!own)
		own = slip_chain_make_(c, &why);
	if (!own) {
		slip_chain_skim_(c);
		return why;
	}
	/* hint: how many a grace period needs */
	(void)slip_a64_fetch_add_relaxed(&c->taken, 1);
	n = n < c->slots ? n : c->slots;
	slip_chain_fill_(own, elems, n, elem_bytes);
	own->place = s->place + 1;
	/* CHAIN-R1 pusher: what is in the segment. Pairs: slip_chain_grow_,
	 * slip_chain_pass_head_. Else: as in slip_chain_pass_tail_. */
	if (!slip_a64_cas_release(&s->next, &next, slip_chain_address_(own))) {
		slip_chain_leave_(c, own);
		return 0;
	}
	slip_chain_pass_tail_(c, s, slip_chain_address_(own));
	/* Who found the limit while we had the last segment has room in it. */
	slip_event_notify(&c->ev_space, SLIP_EVENT_RMW);
	return SLIP_CAST(int, n);
}

/* Fills the slots from i to end of those that we claimed, in order: how many of n
 * went. Voided ones are passed over. */
SLIP_CORE uint32_t slip_chain_put_(struct slip_chain_segment *s, uint64_t i,
				   uint64_t end, const unsigned char *from,
				   uint32_t elem_bytes)
{
	uint64_t full = s->full;
	uint32_t went = 0;

	for (; i < end; i++) {
		slip_a64 *slot = slip_chain_slot_(s, i, elem_bytes);

		slip_copy(slot + 1, from + SLIP_CAST(size_t, went) * elem_bytes,
			  elem_bytes);
		/* CHAIN-R2 pusher: the element. Pairs: slip_chain_take_. Else: a
		 * pop copies what was there before. */
		if (SLIP_LIKELY(slip_a64_exchange_release(slot, full) !=
				full - SLIP_CHAIN_FULL + SLIP_CHAIN_VOID))
			went++;
	}
	return went;
}

/* Up to n elements, in order; *why says why not all: as slip_chain_grow_. */
SLIP_CORE uint32_t slip_chain_push_n_(struct slip_chain *c, const void *elems,
				      uint32_t n, uint32_t elem_bytes, int *why)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elems);
	uint32_t went = 0;

	slip_rcu_enter_();
	while (went < n) {
		const unsigned char *rest =
			from + SLIP_CAST(size_t, went) * elem_bytes;
		/* CHAIN-A1 pusher: what is in the segment. Pairs:
		 * slip_chain_pass_tail_. Else: as there. */
		struct slip_chain_segment *s =
			slip_chain_at_(slip_a64_load_acquire(&c->tail));
		uint32_t some = n - went;
		/* own: these slots; the elements go by CHAIN-R2 */
		uint64_t i = slip_a64_fetch_add_relaxed(&s->push, some);
		int more;

		if (SLIP_LIKELY(i < c->slots)) {
			uint64_t end = i + some;

			went += slip_chain_put_(s, i,
						end < c->slots ? end : c->slots,
						rest, elem_bytes);
			continue;
		}
		more = slip_chain_grow_(c, s, rest, some, elem_bytes);
		if (more < 0) {
			*why = more;
			/* own: a claim of nothing is taken back, so that they
			 * never add up to 2^63, nor count as elements */
			(void)slip_a64_fetch_add_relaxed(
				&s->push, -SLIP_CAST(uint64_t, some));
			break;
		}
		went += SLIP_CAST(uint32_t, more);
	}
	slip_rcu_leave_(c);
	return went;
}

/* --- pop --------------------------------------------------------------------- */

/* Is the element of slot i there? If it is not, a pop lingers: so one that is faster
 * than the pushes leaves them their lines for a while, and gets several for one
 * transfer, where each look would take the line away from the next push. */
SLIP_CORE bool slip_chain_is_full_(const struct slip_chain *c,
				   struct slip_chain_segment *s, uint64_t i,
				   uint32_t elem_bytes)
{
	const slip_a64 *slot = slip_chain_slot_(s, i, elem_bytes);

	/* hint: both; who claims it looks again */
	if (SLIP_LIKELY(slip_a64_load_relaxed(slot) == s->full))
		return true;
	for (uint32_t k = 0; k < c->linger; k++)
		slip_pause();
	return slip_a64_load_relaxed(slot) == s->full;
}

/* How many may be claimed from i on, up to n; 0: none is there. One that can be seen
 * in its slot is told by that, not by `push`, which is the pushers' line. */
SLIP_CORE uint32_t slip_chain_ahead_(const struct slip_chain *c,
				     struct slip_chain_segment *s, uint64_t i,
				     uint32_t n, uint32_t elem_bytes)
{
	/* hint: a lower bound of `push` */
	uint64_t seen = slip_a64_load_relaxed(&s->seen);

	if (i >= seen && i < c->slots && n == 1 &&
	    slip_chain_is_full_(c, s, i, elem_bytes))
		return 1;
	if (i >= seen) {
		/* hint: a push that happened before this pop is counted; what
		 * was pushed is seen by CHAIN-A2 */
		seen = slip_a64_load_relaxed(&s->push) & ~SLIP_CHAIN_CLOSED;
		seen = seen < c->slots ? seen : c->slots;
		if (i >= seen)
			return 0;
		/* hint: a lower bound, whoever stores it last */
		slip_a64_store_relaxed(&s->seen, seen);
	}
	return seen - i < n ? SLIP_CAST(uint32_t, seen - i) : n;
}

/* The element of a slot that we claimed; false: it is void now, or was. */
SLIP_CORE bool slip_chain_take_(slip_a64 *slot, uint64_t full, void *to,
				uint32_t elem_bytes, uint32_t *patience)
{
	/* CHAIN-A2 popper: the element. Pairs: slip_chain_put_. Else: it
	 * copies what was there before. */
	uint64_t word = slip_a64_load_acquire(slot);

	for (; SLIP_UNLIKELY(word != full) && *patience; --*patience) {
		slip_pause();
		/* CHAIN-A2 popper: as above. Pairs: slip_chain_put_. Else: as
		 * above. */
		word = slip_a64_load_acquire(slot);
	}
	if (SLIP_UNLIKELY(word != full))
		/* CHAIN-A2 popper: as above, if it comes in this moment. Pairs:
		 * slip_chain_put_. Else: as above. */
		word = slip_a64_exchange_acquire(slot, full - SLIP_CHAIN_FULL +
							       SLIP_CHAIN_VOID);
	if (SLIP_UNLIKELY(word != full))
		return false;
	slip_copy(to, slot + 1, elem_bytes);
	return true;
}

/* The last slot of s is popped: lets go of s, if it can, for those at the limit. */
SLIP_COLD void slip_chain_last_(struct slip_chain *c,
				struct slip_chain_segment *s)
{
	/* CHAIN-H1 popper: its claim comes before its look for another segment.
	 * Pairs: slip_chain_skim_. Else: as there. */
	slip_fence_after_rmw();
	(void)slip_chain_pass_head_(c, s);
}

/* Up to n elements, in order. */
SLIP_CORE uint32_t slip_chain_pop_n_(struct slip_chain *c, void *elems,
				     uint32_t n, uint32_t elem_bytes)
{
	unsigned char *to = SLIP_CAST(unsigned char *, elems);
	uint32_t patience = c->patience;
	uint32_t came = 0;

	slip_rcu_enter_();
	while (came < n) {
		/* CHAIN-A1 popper: what is in the segment. Pairs:
		 * slip_chain_pass_head_. Else: as there. */
		struct slip_chain_segment *s =
			slip_chain_at_(slip_a64_load_acquire(&c->head));
		/* CHAIN-A4 popper: what those have pushed who popped before us.
		 * Pairs: slip_chain_pop_n_. Else: it finds nothing though one of
		 * them took ours and left its own. */
		uint64_t i = slip_a64_load_acquire(&s->pop);
		uint32_t some =
			slip_chain_ahead_(c, s, i, n - came, elem_bytes);
		uint64_t end;

		if (!some) {
			if (i >= c->slots && slip_chain_pass_head_(c, s))
				continue;
			break;
		}
		/* CHAIN-R4 popper: what it has pushed; these slots are its own.
		 * Pairs: slip_chain_pop_n_. Else: as above. */
		i = slip_a64_fetch_add_release(&s->pop, some);
		end = i + some < c->slots ? i + some : c->slots;
		for (; i < end; i++)
			came += slip_chain_take_(
				slip_chain_slot_(s, i, elem_bytes), s->full,
				to + SLIP_CAST(size_t, came) * elem_bytes,
				elem_bytes, &patience);
		if (SLIP_UNLIKELY(end == c->slots))
			slip_chain_last_(c, s);
	}
	slip_rcu_leave_(c);
	return came;
}

/* --- the end, and waiting ---------------------------------------------------- */

/* Nothing goes into s from now on, and nothing is hung on it. False: something
 * was hung on it, which is to be sealed instead. */
SLIP_INLINE bool slip_chain_seal_(struct slip_chain *c,
				  struct slip_chain_segment *s)
{
	/* CHAIN-A1 closer: what is in the segment, for whom it tells. Pairs:
	 * slip_chain_grow_. Else: as in slip_chain_pass_tail_. */
	uint64_t next = slip_a64_load_acquire(&s->next);

	if (next > SLIP_CHAIN_END) {
		slip_chain_pass_tail_(c, s, next);
		return false;
	}
	/* own: the one that may be hung on; who is refused learns no more */
	if (!next && !slip_a64_cas_relaxed(&s->next, &next, SLIP_CHAIN_END))
		return false;
	/* hint: who claims after this claims nothing; what was pushed before is
	 * counted by whoever sees the end, by ROLE-R1 */
	(void)slip_a64_fetch_or_relaxed(&s->push, SLIP_CHAIN_CLOSED);
	return true;
}

/* What a wait is about. */
struct slip_chain_wait_ {
	struct slip_chain *c;
	void *to;
	const void *from;
	uint32_t elem_bytes;
	bool done; /* asked again after that, it has still been done once */
};

SLIP_INLINE int slip_chain_try_pop_(void *wait)
{
	struct slip_chain_wait_ *w = SLIP_CAST(struct slip_chain_wait_ *, wait);

	if (w->done)
		return 1;
	slip_rcu_resume_();
	w->done = slip_chain_pop_n_(w->c, w->to, 1, w->elem_bytes) != 0;
	slip_rcu_rest_();
	return w->done;
}

SLIP_INLINE int slip_chain_try_push_(void *wait)
{
	struct slip_chain_wait_ *w = SLIP_CAST(struct slip_chain_wait_ *, wait);
	int why = 0;

	if (w->done)
		return 1;
	slip_rcu_resume_();
	w->done =
		slip_chain_push_n_(w->c, w->from, 1, w->elem_bytes, &why) != 0;
	slip_rcu_rest_();
	if (!w->done)
		return why == -EAGAIN ? 0 : why;
	slip_event_notify_one(&w->c->ev_data, SLIP_EVENT_RMW);
	return 1;
}

/* What waits have learnt of spinning, in a word: budget | misses | skip. */
SLIP_INLINE void slip_chain_recall_(const struct slip_chain *c,
				    struct slip_spin *s)
{
	/* hint: of whoever stored it last */
	uint64_t word = slip_a64_load_relaxed(&c->spin);

	slip_spin_init(s);
	s->budget_ns = SLIP_CAST(uint32_t, word);
	s->misses = SLIP_CAST(uint32_t, word >> 32 & 0xffff);
	s->skip = SLIP_CAST(uint32_t, word >> 48);
}

SLIP_INLINE void slip_chain_learn_(struct slip_chain *c,
				   const struct slip_spin *s)
{
	/* hint: as above */
	slip_a64_store_relaxed(
		&c->spin, s->budget_ns | SLIP_CAST(uint64_t, s->misses) << 32 |
				  SLIP_CAST(uint64_t, s->skip) << 48);
}

/* As slip_side_wait_, for a thread that has no side. */
SLIP_COLD SLIP_MUST_CHECK int
slip_chain_wait_until_(struct slip_chain *c, struct slip_event *ev,
		       int (*ready)(void *), void *wait, uint64_t deadline_ns)
{
	struct slip_side side;
	int rc;

	__builtin_memset(&side, 0, sizeof(side));
	side.wait_on = ev;
	side.theirs = &c->open;
	side.mode = SLIP_EVENT_RMW;
	slip_chain_recall_(c, &side.spin);
	slip_rcu_rest_();
	rc = slip_side_wait_(&side, ready, wait, deadline_ns);
	slip_rcu_resume_();
	slip_chain_learn_(c, &side.spin);
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
