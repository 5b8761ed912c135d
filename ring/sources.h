/* SPDX-License-Identifier: MIT */
/*
 * The sides of rings as sources of a waitset (futex/waitset.h), and so of a
 * bridge (futex/bridge.h).
 *
 *	slip_spsc_pop_source(&s, &consumer)	ready: something can be popped
 *	slip_spsc_push_source(&s, &producer)	ready: something can be pushed
 *	and so for record and mpmc rings
 *	slip_priority_pop_source(&s, &q, set)	ready: one of these levels has some
 *	slip_priority_push_source(&s, &q, 3)	ready: there is room in level 3
 *	slip_lanes_pop_source(&s, &consumer)	ready: there is a record to be had
 *	slip_lanes_push_source(&s, &producer, len)	ready: it fits
 *	slip_latest_source(&s, &reader)		ready: there is a newer value
 *	slip_broadcast_source(&s, &reader)	ready: there is an element to read
 *	slip_broadcast_write_source(&s, &writer, len)	ready: no reader is in
 *							the way
 *
 * `now` is 1; or -EPIPE: the other side has gone, in order or dead, and (to pop)
 * nothing is left; -EBADMSG: damage; -ECHILD: in a fork child; -EINVAL: an mpmc
 * handle that has no such role. In a ring of many, another thread may be quicker
 * than the one that was told. A source refers to the handle, which stays where
 * it is, is attached, and is used by the waiting thread alone.
 *
 * A reader of the newest value, or of a broadcast, that may not store is not told;
 * the set looks after it once in a slice. So it does for the end of several lanes.
 *
 * A record ring is ready to be pushed to if a record of `len` bytes fits.
 *
 * An mpmc ring is ready if a pop, take or push would get something or move the
 * ring on: not beside a claim that has not come to its slot, nor for positions
 * that are void. What only a try can tell (an element announced by a pusher that
 * stopped, while our hand is full; a return under way; a slot whose holder may
 * be dead) is called ready once in a slice (6 ms), as the blocking verbs try so
 * often: so a loop around the set never spins. The same holds for each level of
 * a priority ring. A handle watches one set of levels at a time; SLIP_PRIORITY_ALL
 * is told once for each push, as mq_notify's queue that was empty, while others
 * are told of pushes to all levels.
 *
 * Order: that of the pop or push that follows. Looking changes nothing in a ring,
 * but what recovery of the dead changes.
 */
#ifndef SLIP_RING_SOURCES_H
#define SLIP_RING_SOURCES_H

#include "../futex/sources.h"
#include "broadcast.h"
#include "lanes.h"
#include "latest.h"
#include "mpmc.h"
#include "priority.h"
#include "record.h"
#include "spsc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What `ready` says; or -EPIPE; or -ECHILD, before anything is touched. The
 * oracle is asked if `ask`. */
SLIP_INLINE int slip_side_now_(struct slip_side *side, int (*ready)(void *),
			       void *handle, bool ask)
{
	int now = slip_side_check_(side);

	if (!now)
		now = ready(handle);
	return now ? now
		   : slip_side_gone_(side, ask ? side->self : NULL, ready,
				     handle);
}

/* Sleeps on what the side's own wait sleeps on, in the same slices. */
SLIP_INLINE void slip_side_source_(struct slip_source *s,
				   const struct slip_side *side,
				   slip_source_fn ready, void *handle)
{
	slip_event_source(s, side->wait_on, side->mode,
			  side->self ? SLIP_SLICE_NS : SLIP_FOREVER, ready,
			  handle);
}

/* If the side must not store, nobody sees that it sleeps: it looks again after a
 * slice. */
SLIP_INLINE void slip_side_unseen_(struct slip_source *s,
				   const struct slip_side *side)
{
	static const slip_a32 nobody = { 0 };

	if (!side->readonly)
		return;
	/* Slept on in place of what it must not touch. */
	s->event = NULL;
	s->word = &nobody;
	s->flags = SLIP_PRIVATE;
	s->slice_ns = SLIP_SLICE_NS;
}

/* --- spsc -------------------------------------------------------------------- */

SLIP_INLINE int slip_spsc_pop_now_(const struct slip_source *s, bool ask)
{
	struct slip_spsc_consumer *c =
		SLIP_CAST(struct slip_spsc_consumer *, s->handle);

	return slip_side_now_(&c->side, slip_spsc_has_data_, c, ask);
}

SLIP_INLINE int slip_spsc_push_now_(const struct slip_source *s, bool ask)
{
	struct slip_spsc_producer *p =
		SLIP_CAST(struct slip_spsc_producer *, s->handle);

	return slip_side_now_(&p->side, slip_spsc_has_room_, p, ask);
}

SLIP_INLINE void slip_spsc_pop_source(struct slip_source *s,
				      struct slip_spsc_consumer *c)
{
	slip_side_source_(s, &c->side, slip_spsc_pop_now_, c);
}

SLIP_INLINE void slip_spsc_push_source(struct slip_source *s,
				       struct slip_spsc_producer *p)
{
	slip_side_source_(s, &p->side, slip_spsc_push_now_, p);
}

/* --- record ------------------------------------------------------------------ */

SLIP_INLINE int slip_record_pop_now_(const struct slip_source *s, bool ask)
{
	struct slip_record_consumer *c =
		SLIP_CAST(struct slip_record_consumer *, s->handle);

	return slip_side_now_(&c->side, slip_record_has_data_, c, ask);
}

SLIP_INLINE int slip_record_push_now_(const struct slip_source *s, bool ask)
{
	struct slip_record_producer *p =
		SLIP_CAST(struct slip_record_producer *, s->handle);

	p->want = s->n;
	return slip_side_now_(&p->side, slip_record_has_room_, p, ask);
}

SLIP_INLINE void slip_record_pop_source(struct slip_source *s,
					struct slip_record_consumer *c)
{
	slip_side_source_(s, &c->side, slip_record_pop_now_, c);
}

/* `len`: of the record to come; longer than fits: never ready. */
SLIP_INLINE void slip_record_push_source(struct slip_source *s,
					 struct slip_record_producer *p,
					 uint32_t len)
{
	slip_side_source_(s, &p->side, slip_record_push_now_, p);
	s->n = len;
}

/* --- mpmc -------------------------------------------------------------------- */

/* Neither 0 nor 1: only a try can tell. */
#define SLIP_MPMC_MAYBE_ 2

/* Is there an element that was returned? */
SLIP_INLINE bool slip_mpmc_is_back_(const struct slip_mpmc *q)
{
	for (uint32_t i = 0; i < q->shape.capacity; i++) {
		uint64_t p = i * SLIP_MPMC_ONE;
		/* hint: both; who takes it looks again */
		uint64_t w = slip_a64_load_relaxed(
			slip_mpmc_slot_(q, p, q->shape.elem_bytes));
		uint64_t told = slip_a64_load_relaxed(slip_mpmc_count_(q, p));

		if (slip_mpmc_again_with_(w, told, SLIP_MPMC_RETURNED))
			return true;
	}
	for (uint64_t n = 1; n <= q->shape.seats; n++) {
		const struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->home, &q->shape, n);
		/* hint: both, as above */
		uint64_t w = slip_a64_load_relaxed(&seat->hand);
		uint64_t told = slip_a64_load_relaxed(&seat->attempts);

		if (slip_mpmc_again_with_(w, told, SLIP_MPMC_RETURNED))
			return true;
	}
	return false;
}

/* Would a pop get what is at head, or move head? As slip_mpmc_pop_slow_ and
 * slip_mpmc_look_on_ see it. */
SLIP_INLINE int slip_mpmc_head_now_(const struct slip_mpmc *q)
{
	/* MPMC-A6 looker: what those saw who popped. Pairs: slip_mpmc_pass_.
	 * Else: who took what we were woken for leaves us what it was woken
	 * for, and we sleep. */
	uint64_t head = slip_a64_load_acquire(&q->ring->head);
	uint64_t p = slip_mpmc_at_(head);
	/* MPMC-A3 looker: if it is popped, that head has moved. Pairs:
	 * slip_mpmc_give_. Else: a ring that moved on seems at a standstill. */
	uint64_t w = slip_a64_load_acquire(
		slip_mpmc_slot_(q, p, q->shape.elem_bytes));

	if (w == p + SLIP_MPMC_FULL)
		return 1;
	if (slip_mpmc_past_(w, p + SLIP_MPMC_FULL) > 0)
		/* hint: if it has, pop goes on from there; else that finds
		 * damage */
		return slip_a64_load_relaxed(&q->ring->head) != head
			       ? 1
			       : SLIP_MPMC_MAYBE_;
	if (slip_mpmc_past_(w, p) > 0)
		/* hint: our own, or about to be emptied */
		return slip_a64_load_relaxed(&q->seat->hand) ? SLIP_MPMC_MAYBE_
							     : 1;
	/* hint: as in slip_mpmc_pop_slow_ */
	if (w == p &&
	    slip_mpmc_past_(p, slip_a64_load_relaxed(&q->ring->voids)) >= 0)
		return 0;
	/* hint: void, or to be named, which a pop does */
	return slip_mpmc_past_(
		       slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->tail)),
		       p) > 0;
}

SLIP_INLINE int slip_mpmc_pop_look_(const struct slip_mpmc *q)
{
	int now = slip_mpmc_head_now_(q);

	/* hint: a flag, which pop takes down if it is left by nobody */
	if (now == 1 || !q->shape.work ||
	    !(slip_a64_load_relaxed(&q->ring->returned) & 1))
		return now;
	return slip_mpmc_is_back_(q) ? 1 : SLIP_MPMC_MAYBE_;
}

/* Full as far as head says: would a push move head over what is void? As
 * slip_mpmc_full_ sees it. */
SLIP_INLINE int slip_mpmc_full_now_(const struct slip_mpmc *q, uint64_t head)
{
	/* hint: all; who pushes looks again */
	uint64_t voids = slip_a64_load_relaxed(&q->ring->voided);
	uint64_t w = slip_a64_load_relaxed(
		slip_mpmc_slot_(q, head, q->shape.elem_bytes));

	if (slip_mpmc_past_(voids, head) <= 0 || slip_mpmc_past_(w, head) > 0)
		return 0;
	return w == head ? SLIP_MPMC_MAYBE_ : 1;
}

/* Would a push find a free slot, round those in slow hands? */
SLIP_INLINE int slip_mpmc_push_look_(const struct slip_mpmc *q)
{
	/* MPMC-A4 looker: what those saw who claimed. Pairs:
	 * slip_mpmc_claim_shared_, slip_mpmc_take_place_. Else: who claimed
	 * what we were woken for leaves us other room, and we sleep. */
	uint64_t tail = slip_a64_load_acquire(&q->ring->tail);
	/* hint: who pushes looks again */
	uint64_t head = slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->head));
	uint64_t p = slip_mpmc_at_(tail);

	if (slip_mpmc_past_(head + q->lap, p) <= 0)
		return slip_mpmc_full_now_(q, head);
	for (uint32_t i = 0;
	     i <= q->mask && slip_mpmc_past_(head + q->lap, p) > 0; i++) {
		/* MPMC-A3 looker: that those before it were given back; a bare
		 * position: free, or given back when its position was void.
		 * Pairs: slip_mpmc_give_. Else: a push finds none, again and
		 * again. */
		uint64_t w = slip_a64_load_acquire(
			slip_mpmc_slot_(q, p, q->shape.elem_bytes));

		if (w == slip_mpmc_at_(w) && slip_mpmc_past_(w, p) <= 0)
			return 1;
		p += SLIP_MPMC_ONE;
	}
	/* hint: if it has moved, another has claimed, and may have left us what
	 * it was woken for */
	return slip_a64_load_relaxed(&q->ring->tail) != tail ? 1
							     : SLIP_MPMC_MAYBE_;
}

/* That is ready, or to be tried once in a slice. */
SLIP_INLINE int slip_mpmc_told_now_(int now, bool ask)
{
	return now == 1 || (now == SLIP_MPMC_MAYBE_ && ask);
}

/* Why there is no use in looking, or 0. */
SLIP_INLINE int slip_mpmc_useless_(const struct slip_mpmc *q, unsigned role)
{
	int rc = slip_mpmc_refused_(q, role);

	return rc ? rc : slip_side_check_(&q->side);
}

SLIP_INLINE int slip_mpmc_pop_now_(const struct slip_source *s, bool ask)
{
	struct slip_mpmc *q = SLIP_CAST(struct slip_mpmc *, s->handle);
	struct slip_mpmc_wait_ w = { q, NULL, NULL, NULL, false };
	int rc = slip_mpmc_useless_(q, SLIP_CONSUMER);
	int now = rc ? 0 : slip_mpmc_pop_look_(q);
	bool gone;

	if (rc || now == 1 || (now && !ask))
		return rc ? rc : now == 1;
	gone = slip_mpmc_no_producer_(&w, ask ? q->side.self : NULL);
	/* What they committed before they went, and what the dead had taken,
	 * is seen by this look. */
	now = slip_mpmc_pop_look_(q);
	if (now)
		return slip_mpmc_told_now_(now, ask);
	return gone ? -EPIPE : 0;
}

/* Is there room in the level that the handle is at? */
SLIP_INLINE int slip_mpmc_room_now_(struct slip_mpmc *q, bool ask)
{
	int now = slip_mpmc_push_look_(q);

	if (now == 1)
		return 1;
	if (slip_mpmc_deserted_(q, SLIP_CONSUMER, ask ? q->side.self : NULL))
		return -EPIPE;
	/* What the dead had kept is seen by this look. */
	return slip_mpmc_told_now_(slip_mpmc_push_look_(q), ask);
}

SLIP_INLINE int slip_mpmc_push_now_(const struct slip_source *s, bool ask)
{
	struct slip_mpmc *q = SLIP_CAST(struct slip_mpmc *, s->handle);
	int rc = slip_mpmc_useless_(q, SLIP_PRODUCER);

	if (!rc && slip_mpmc_known_gone_(q, SLIP_CONSUMER))
		rc = -EPIPE;
	if (rc)
		return rc;
	return slip_mpmc_room_now_(q, ask);
}

SLIP_INLINE void slip_mpmc_pop_source(struct slip_source *s,
				      struct slip_mpmc *q)
{
	slip_event_source(s, q->ring ? &q->ring->ev_data : NULL, q->side.mode,
			  SLIP_SLICE_NS, slip_mpmc_pop_now_, q);
}

SLIP_INLINE void slip_mpmc_push_source(struct slip_source *s,
				       struct slip_mpmc *q)
{
	slip_event_source(s, q->ring ? &q->ring->ev_space : NULL, q->side.mode,
			  SLIP_SLICE_NS, slip_mpmc_push_now_, q);
}

/* --- priority ---------------------------------------------------------------- */

/* Would a pop of these levels get anything, or move one on? */
SLIP_INLINE int slip_priority_pop_look_(struct slip_priority *p, uint64_t set)
{
	int now = 0;

	for (set &= p->all; set && now != 1; set &= set - 1) {
		int here;

		slip_priority_turn_(p, slip_priority_pick_(set, true));
		here = slip_mpmc_head_now_(&p->q);
		if (here)
			now = here;
	}
	return now;
}

SLIP_INLINE int slip_priority_pop_now_(const struct slip_source *s, bool ask)
{
	struct slip_priority *p = SLIP_CAST(struct slip_priority *, s->handle);
	int rc = slip_mpmc_useless_(&p->q, SLIP_CONSUMER);
	int now;
	bool gone;

	if (!rc && !(p->watched & p->all))
		rc = -EINVAL;
	now = rc ? 0 : slip_priority_pop_look_(p, p->watched);
	if (rc || now == 1)
		return rc ? rc : 1;
	gone = slip_mpmc_deserted_(&p->q, SLIP_PRODUCER,
				   ask ? p->q.side.self : NULL);
	/* What they committed before they went, and what the dead had
	 * announced, is seen by this look. */
	now = slip_priority_pop_look_(p, p->watched);
	if (now)
		return slip_mpmc_told_now_(now, ask);
	return gone ? -EPIPE : 0;
}

SLIP_INLINE int slip_priority_push_now_(const struct slip_source *s, bool ask)
{
	struct slip_priority *p = SLIP_CAST(struct slip_priority *, s->handle);
	int rc = slip_mpmc_useless_(&p->q, SLIP_PRODUCER);

	if (!rc && s->n >= p->shape.levels)
		rc = -EINVAL;
	if (!rc && slip_mpmc_known_gone_(&p->q, SLIP_CONSUMER))
		rc = -EPIPE;
	if (rc)
		return rc;
	slip_priority_turn_(p, s->n);
	return slip_mpmc_room_now_(&p->q, ask);
}

/* `set`: of levels, of which at least one exists. */
SLIP_INLINE void slip_priority_pop_source(struct slip_source *s,
					  struct slip_priority *p, uint64_t set)
{
	uint64_t some = set == SLIP_PRIORITY_ALL ? 0 : set;

	p->watched = set;
	slip_event_source(s, p->q.home ? slip_priority_event_(p, some) : NULL,
			  p->q.side.mode, SLIP_SLICE_NS, slip_priority_pop_now_,
			  p);
}

SLIP_INLINE void slip_priority_push_source(struct slip_source *s,
					   struct slip_priority *p,
					   uint32_t level)
{
	bool exists = p->q.home && level < p->shape.levels;

	slip_event_source(
		s, exists ? &slip_mpmc_level_(&p->q, level)->ev_space : NULL,
		p->q.side.mode, SLIP_SLICE_NS, slip_priority_push_now_, p);
	s->n = level;
}

#undef SLIP_MPMC_MAYBE_

/* --- lanes ------------------------------------------------------------------- */

SLIP_INLINE int slip_lanes_pop_now_(const struct slip_source *s, bool ask)
{
	struct slip_lanes_consumer *c =
		SLIP_CAST(struct slip_lanes_consumer *, s->handle);

	if (c->error)
		return c->error;
	c->rec.side.gone = slip_lanes_no_producer_;
	return slip_side_now_(&c->rec.side, slip_lanes_has_data_, c, ask);
}

SLIP_INLINE int slip_lanes_push_now_(const struct slip_source *s, bool ask)
{
	struct slip_lanes_producer *p =
		SLIP_CAST(struct slip_lanes_producer *, s->handle);

	if (p->rec.error)
		return p->rec.error;
	p->rec.want = s->n;
	p->rec.side.gone = slip_lanes_no_consumer_;
	return slip_side_now_(&p->rec.side, slip_lanes_has_room_, p, ask);
}

SLIP_INLINE void slip_lanes_pop_source(struct slip_source *s,
				       struct slip_lanes_consumer *c)
{
	slip_event_source(s, c->rec.side.wait_on, c->rec.side.mode,
			  SLIP_SLICE_NS, slip_lanes_pop_now_, c);
}

/* `len`: of the record to come; longer than fits: never ready. */
SLIP_INLINE void slip_lanes_push_source(struct slip_source *s,
					struct slip_lanes_producer *p,
					uint32_t len)
{
	slip_event_source(s, p->rec.side.wait_on, p->rec.side.mode,
			  SLIP_SLICE_NS, slip_lanes_push_now_, p);
	s->n = len <= p->max_len ? len + p->shape.extra : UINT32_MAX;
}

/* --- latest ------------------------------------------------------------------ */

SLIP_INLINE int slip_latest_now_(const struct slip_source *s, bool ask)
{
	struct slip_latest_reader *r =
		SLIP_CAST(struct slip_latest_reader *, s->handle);

	return r->error ? r->error
			: slip_side_now_(&r->side, slip_latest_has_newer_, r,
					 ask);
}

SLIP_INLINE void slip_latest_source(struct slip_source *s,
				    struct slip_latest_reader *r)
{
	slip_side_source_(s, &r->side, slip_latest_now_, r);
	slip_side_unseen_(s, &r->side);
}

/* --- broadcast --------------------------------------------------------------- */

SLIP_INLINE int slip_broadcast_now_(const struct slip_source *s, bool ask)
{
	struct slip_broadcast_reader *r =
		SLIP_CAST(struct slip_broadcast_reader *, s->handle);

	return r->error ? r->error
			: slip_side_now_(&r->side, slip_broadcast_has_data_, r,
					 ask);
}

SLIP_INLINE void slip_broadcast_source(struct slip_source *s,
				       struct slip_broadcast_reader *r)
{
	slip_side_source_(s, &r->side, slip_broadcast_now_, r);
	slip_side_unseen_(s, &r->side);
	if (r->side.gone)
		s->slice_ns = SLIP_SLICE_NS;
}

SLIP_INLINE int slip_broadcast_room_now_(const struct slip_source *s, bool ask)
{
	struct slip_broadcast_writer *w =
		SLIP_CAST(struct slip_broadcast_writer *, s->handle);
	int now = w->error ? w->error : slip_side_check_(&w->side);

	if (now || s->n == UINT32_MAX)
		return now;
	return slip_broadcast_room_(w, w->tail + s->n, ask);
}

/* `len`: of the element to come; longer than fits: never ready. A reader that
 * died is in nobody's way after a slice; one that is killed, or stopped, before it
 * tells of room is not waited for longer. Others may come when all have gone: -EPIPE
 * says that the writer has detached. */
SLIP_INLINE void slip_broadcast_write_source(struct slip_source *s,
					     struct slip_broadcast_writer *w,
					     uint32_t len)
{
	uint64_t units = w->shape.elem_bytes ? 1 : slip_broadcast_units_(len);

	slip_side_source_(s, &w->side, slip_broadcast_room_now_, w);
	s->slice_ns = SLIP_SLICE_NS;
	s->n = len <= w->shape.max_bytes ? SLIP_CAST(uint32_t, units)
					 : UINT32_MAX;
}

#ifdef __cplusplus
}
#endif

#endif
