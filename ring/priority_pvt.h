/* SPDX-License-Identifier: MIT */
/*
 * Priority.h from the inside: the bytes, the handle, levels, push and pop.
 * Private. Each level is an mpmc ring (mpmc_pvt.h) without a header and seats of
 * its own; all of them share one home, which has the seats, the roll and the
 * events on which consumers sleep.
 *
 * WHY ONE SEAT WILL DO. A seat is where a push announces its element, and what
 * claims are named after. A handle has one claim at a time, in whatever level.
 * Before it announces anew it has committed what it announced before, by a store
 * that whoever sees the new announcement sees too: in the same level or another,
 * so who listens to the seat for one level finds that slot written (MPMC-R9). A
 * new holder of the seat finds nothing that names it but what is done with: who
 * leaves has done so itself, and the recoverer of a dead one does so in every
 * level before it frees the seat (slip_mpmc_finish_).
 *
 * WHAT IS NOT HERE: claims of several (a seat says up to where such a claim
 * goes, and not in which level), elements taken in place (nor does its hand),
 * exclusive sides (whose indices lag).
 *
 * WHO SLEEPS WHERE. Consumers that take from any level sleep on the home's
 * ev_data, of which a push wakes one. Those who want some levels only sleep on
 * the home's ev_space, which has no other use there, and of which a push wakes
 * all: one that is woken alone might want another level. Producers sleep on their
 * level's ev_space.
 */
#ifndef SLIP_RING_PRIORITY_PVT_H
#define SLIP_RING_PRIORITY_PVT_H

#include "mpmc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_PRIORITY_MAGIC	 UINT64_C(0x314f4952504c5053) /* "SPLPRIO1" */
#define SLIP_PRIORITY_LAYOUT	 2u
#define SLIP_PRIORITY_LEVELS_MAX 64u
#define SLIP_PRIORITY_AGEING_MAX 255u

/* Flags of a ring, beside the mode of its events; see slip_priority_init. */
#define SLIP_PRIORITY_AGEING(n) (SLIP_CAST(unsigned, n) << 8)
#define SLIP_PRIORITY_SEATS(n)	SLIP_MPMC_SEATS(n)

/* The bytes at the start. */
struct slip_priority_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the events */
	slip_a32 levels;
	slip_a32 capacity; /* of each */
	slip_a32 elem_bytes;
	slip_a32 seats;
	slip_a32 ageing; /* 0: strict */
	unsigned char pad[92];
	/* +128: of this the roll and the two events are in use */
	struct slip_mpmc_ring home;
	/* +512: seats, levels */
};
SLIP_STATIC_ASSERT(offsetof(struct slip_priority_ring, ageing) == 32, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_priority_ring, home) == 128, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_priority_ring) == 512, "layout");

/* Geometry, validated once and private from then on. */
struct slip_priority_shape {
	struct slip_mpmc_shape one; /* of a level, and the seats */
	uint32_t levels;
	uint32_t ageing;
	size_t apart; /* from one level to the next */
};

/* Where a handle has left a level: as `tail` and `head` of struct slip_mpmc. */
struct slip_priority_left {
	uint64_t tail;
	uint64_t head;
};

/* The handle: private to one thread. */
struct slip_priority {
	struct slip_mpmc q; /* turned to one of the levels */
	struct slip_priority_shape shape;
	uint64_t all;	   /* a bit for each level */
	uint64_t watched;  /* by slip_priority_pop_source */
	uint64_t pops;	   /* by the policy, while ageing */
	uint64_t next_due; /* no level is served as due before */
	struct slip_priority_left left[SLIP_PRIORITY_LEVELS_MAX];
	uint64_t due[SLIP_PRIORITY_LEVELS_MAX]; /* at that many pops */
};

/* --- geometry -------------------------------------------------------------- */

/* Rounded up to whole pairs of lines. */
SLIP_INLINE size_t slip_priority_pairs_(size_t bytes)
{
	return (bytes + SLIP_APART_BYTES - 1) / SLIP_APART_BYTES *
	       SLIP_APART_BYTES;
}

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_priority_shape_(struct slip_priority_shape *s,
				      uint32_t levels, uint32_t capacity,
				      uint32_t elem_bytes, unsigned flags)
{
	struct slip_mpmc_shape *one = &s->one;

	if (levels < 1 || levels > SLIP_PRIORITY_LEVELS_MAX ||
	    !slip_mpmc_shape_(one, capacity, elem_bytes, flags & 0xffff0000))
		return false;
	/* A seat announces one element, and has neither draft nor hand. */
	one->run_max = 1;
	one->draft_at = SLIP_CAST(uint32_t, sizeof(struct slip_mpmc_seat)) +
			slip_mpmc_words_(elem_bytes) * 8;
	one->seat_bytes = slip_priority_pairs_(one->draft_at);
	s->levels = levels;
	s->ageing = flags >> 8 & SLIP_PRIORITY_AGEING_MAX;
	s->apart = slip_priority_pairs_(sizeof(struct slip_mpmc_ring) +
					SLIP_CAST(size_t, one->slot_bytes) *
						capacity);
	return true;
}

SLIP_INLINE size_t slip_priority_levels_at_(const struct slip_priority_shape *s)
{
	return sizeof(struct slip_priority_ring) +
	       s->one.seat_bytes * s->one.seats;
}

SLIP_INLINE size_t
slip_priority_shape_bytes_(const struct slip_priority_shape *s)
{
	return slip_priority_levels_at_(s) + s->apart * s->levels;
}

/* Validate the header and copy the geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_check_(const struct slip_priority_ring *ring, size_t mem_bytes,
		     struct slip_priority_shape *s, unsigned *mode)
{
	uint32_t seats, ageing;

	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* PRIORITY-A1 attach: the header that follows is complete. Pairs:
	 * slip_priority_format_. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_PRIORITY_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_PRIORITY_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	seats = slip_a32_load_relaxed(&ring->seats);
	ageing = slip_a32_load_relaxed(&ring->ageing);
	if (seats < 1 || seats > SLIP_MPMC_SEATS_MAX ||
	    ageing > SLIP_PRIORITY_AGEING_MAX ||
	    !slip_priority_shape_(s, slip_a32_load_relaxed(&ring->levels),
				  slip_a32_load_relaxed(&ring->capacity),
				  slip_a32_load_relaxed(&ring->elem_bytes),
				  SLIP_PRIORITY_SEATS(seats) |
					  SLIP_PRIORITY_AGEING(ageing)) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_priority_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* Point a handle, without a seat, to the levels of a ring, of that shape. */
SLIP_INLINE void slip_priority_point_(struct slip_mpmc *q,
				      struct slip_priority_ring *ring,
				      const struct slip_priority_shape *s)
{
	q->shape = s->one;
	slip_mpmc_point_(q, &ring->home);
	q->levels.first = SLIP_RECAST(unsigned char *, ring) +
			  slip_priority_levels_at_(s);
	q->levels.slots_at = sizeof(struct slip_mpmc_ring);
	q->levels.apart = s->apart;
	q->levels.count = s->levels;
	slip_mpmc_turn_to_(q, 0);
}

/* An empty level, whose positions start at lap `first`. */
SLIP_INLINE void slip_priority_format_level_(struct slip_mpmc *q,
					     uint32_t level, uint64_t first)
{
	uint64_t start = first * q->lap;

	slip_mpmc_turn_to_(q, level);
	for (uint64_t p = start; p - start < q->lap; p += SLIP_MPMC_ONE)
		/* init: all; used by nobody before R1 */
		slip_a64_store_relaxed(
			slip_mpmc_slot_(q, p, q->shape.elem_bytes), p);
	slip_a64_store_relaxed(&q->ring->voided, start);
	slip_a64_store_relaxed(&q->ring->voids, start);
	slip_a64_store_relaxed(&q->ring->heard, start);
	slip_a64_store_relaxed(&q->ring->tail, start);
	slip_a64_store_relaxed(&q->ring->head, start);
}

/* Format memory of a valid shape. */
SLIP_INLINE void slip_priority_format_(struct slip_priority_ring *ring,
				       const struct slip_priority_shape *s,
				       uint32_t mode, uint64_t first)
{
	struct slip_mpmc q;

	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_RECAST(char *, ring) + sizeof(ring->magic), 0,
			 slip_priority_shape_bytes_(s) - sizeof(ring->magic));
	__builtin_memset(&q, 0, sizeof(q));
	slip_priority_point_(&q, ring, s);
	for (uint32_t i = 0; i < s->levels; i++)
		slip_priority_format_level_(&q, i, first);
	/* init: seven words */
	slip_a32_store_relaxed(&ring->layout, SLIP_PRIORITY_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, mode);
	slip_a32_store_relaxed(&ring->levels, s->levels);
	slip_a32_store_relaxed(&ring->capacity, s->one.capacity);
	slip_a32_store_relaxed(&ring->elem_bytes, s->one.elem_bytes);
	slip_a32_store_relaxed(&ring->seats, s->one.seats);
	slip_a32_store_relaxed(&ring->ageing, s->ageing);
	/* PRIORITY-R1 creator: the header is complete. Pairs:
	 * slip_priority_check_. Else: a racing attach takes a half-written
	 * geometry. */
	slip_a64_store_release(&ring->magic, SLIP_PRIORITY_MAGIC);
}

/* --- levels ---------------------------------------------------------------- */

/* From here on the handle is about that level: as it was left there. */
SLIP_CORE void slip_priority_turn_(struct slip_priority *p, uint32_t level)
{
	uint32_t now = p->q.levels.now;

	if (level == now)
		return;
	p->left[now].tail = p->q.tail;
	p->left[now].head = p->q.head;
	slip_mpmc_turn_to_(&p->q, level);
	p->q.tail = p->left[level].tail;
	p->q.head = p->left[level].head;
}

/*
 * Is that level empty, as a pop of it would find it? If not, pop looks again. An
 * element that was committed before this look, or before the fence of one who is
 * about to sleep, is seen: no head that may be read lies beyond it, and for each
 * position between them the slot was named or committed before it, or the mark of
 * voids raised.
 */
SLIP_CORE bool slip_priority_bare_(const struct slip_priority *p,
				   uint32_t level, uint32_t elem_bytes)
{
	const struct slip_mpmc_ring *ring = slip_mpmc_level_(&p->q, level);
	/* hint: as above */
	uint64_t at = slip_mpmc_at_(slip_a64_load_relaxed(&ring->head));
	size_t index = (at / SLIP_MPMC_ONE) & p->q.mask;
	const void *slot = SLIP_RECAST(const unsigned char *, ring) +
			   sizeof(*ring) +
			   index * slip_mpmc_stride_(&p->q, elem_bytes);

	/* hint: both, as above */
	return slip_a64_load_relaxed(SLIP_CAST(const slip_a64 *, slot)) == at &&
	       slip_mpmc_past_(at, slip_a64_load_relaxed(&ring->voids)) >= 0;
}

/* Whoever waits for an element of any level, or of some. */
SLIP_CORE void slip_priority_tell_(const struct slip_priority *p)
{
	slip_event_notify_one(&p->q.home->ev_data, p->q.side.mode);
	slip_event_notify(&p->q.home->ev_space, p->q.side.mode);
}

SLIP_CORE bool slip_priority_push_of_(struct slip_priority *p, const void *elem,
				      uint32_t level, uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(!(p->q.roles & SLIP_PRODUCER) ||
			  level >= p->shape.levels))
		return false;
	slip_priority_turn_(p, level);
	if (!slip_mpmc_push_(&p->q, elem, elem_bytes))
		return false;
	slip_priority_tell_(p);
	return true;
}

/* Take the oldest element of one level. */
SLIP_CORE bool slip_priority_pop_level_(struct slip_priority *p, uint32_t level,
					void *elem, uint32_t elem_bytes)
{
	if (slip_priority_bare_(p, level, elem_bytes))
		return false;
	slip_priority_turn_(p, level);
	if (!slip_mpmc_pop_(&p->q, elem, elem_bytes))
		return false;
	slip_event_notify_one(&p->q.ring->ev_space, p->q.side.mode);
	return true;
}

SLIP_CORE uint32_t slip_priority_pick_(uint64_t set, bool lowest)
{
	return SLIP_CAST(uint32_t, lowest ? __builtin_ctzll(set)
					  : 63 - __builtin_clzll(set));
}

/* Something was taken from that level: say so. The caller's word is stored to
 * once, and not read: it may lie in the element, or in memory of others. */
SLIP_CORE bool slip_priority_from_(uint32_t *level, uint32_t at)
{
	if (level)
		*level = at;
	return true;
}

/* Take the oldest of the highest, or lowest, level of a set that has any. */
SLIP_CORE bool slip_priority_pop_set_(struct slip_priority *p, uint64_t set,
				      bool lowest, void *elem, uint32_t *level,
				      uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(!(p->q.roles & SLIP_CONSUMER)))
		return false;
	for (set &= p->all; set;) {
		uint32_t at = slip_priority_pick_(set, lowest);

		if (slip_priority_pop_level_(p, at, elem, elem_bytes))
			return slip_priority_from_(level, at);
		set &= ~(UINT64_C(1) << at);
	}
	return false;
}

/* --- ageing ---------------------------------------------------------------- */

/* A level has been served, or was empty in its turn: when is it due again? The
 * lower, the later; the highest is never. */
SLIP_INLINE void slip_priority_served_(struct slip_priority *p, uint32_t level)
{
	uint32_t below = p->shape.levels - 1 - level;

	p->due[level] = p->pops + SLIP_CAST(uint64_t, p->shape.ageing) * below;
}

/* That which has been due for longest; the highest level: none. Says when the
 * next one is. */
SLIP_INLINE uint32_t slip_priority_due_(struct slip_priority *p)
{
	uint32_t top = p->shape.levels - 1;
	uint32_t first = top;
	uint64_t at = UINT64_MAX;

	for (uint32_t i = 0; i < top; i++)
		if (p->due[i] < at) {
			at = p->due[i];
			first = i;
		}
	p->next_due = at;
	return at <= p->pops ? first : top;
}

/*
 * Take from a level that has been passed over for too long; but not twice in a
 * row, as there may always be one that is due. So a level waits, from when it is
 * due, for two pops for each other level below the highest: those that are ahead
 * of it are due again only after it.
 */
SLIP_COLD bool slip_priority_pop_due_(struct slip_priority *p, void *elem,
				      uint32_t *level)
{
	uint32_t top = p->shape.levels - 1;

	if (SLIP_UNLIKELY(!(p->q.roles & SLIP_CONSUMER)))
		return false;
	for (uint32_t at; (at = slip_priority_due_(p)) != top;) {
		bool got = slip_priority_pop_level_(p, at, elem,
						    p->q.shape.elem_bytes);

		p->pops += got;
		slip_priority_served_(p, at);
		if (got) {
			p->next_due = p->pops + 1;
			return slip_priority_from_(level, at);
		}
	}
	return false;
}

/* Take by the ring's policy. */
SLIP_CORE bool slip_priority_pop_of_(struct slip_priority *p, void *elem,
				     uint32_t *level, uint32_t elem_bytes)
{
	uint32_t at = 0;

	if (SLIP_UNLIKELY(p->shape.ageing && p->pops >= p->next_due) &&
	    slip_priority_pop_due_(p, elem, level))
		return true;
	if (!slip_priority_pop_set_(p, p->all, false, elem, &at, elem_bytes))
		return false;
	if (SLIP_UNLIKELY(p->shape.ageing)) {
		p->pops++;
		slip_priority_served_(p, at);
	}
	return slip_priority_from_(level, at);
}

/* --- the dead -------------------------------------------------------------- */

/* Recovery hook of futex/peer.h; as slip_mpmc_recover_. */
SLIP_INLINE int slip_priority_recover_(struct slip_peer *self, void *mem,
				       size_t mem_bytes, uint32_t id,
				       uint32_t gen)
{
	struct slip_priority_ring *ring =
		SLIP_CAST(struct slip_priority_ring *, mem);
	struct slip_priority_shape shape;
	struct slip_mpmc q;
	unsigned mode;

	(void)self;
	__builtin_memset(&q, 0, sizeof(q));
	if (slip_priority_check_(ring, mem_bytes, &shape, &mode))
		return 0;
	slip_priority_point_(&q, ring, &shape);
	slip_mpmc_recover_member_(&q, id, gen);
	slip_event_wake_all(&ring->home.ev_data);
	slip_event_wake_all(&ring->home.ev_space);
	slip_mpmc_wake_levels_(&q);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
