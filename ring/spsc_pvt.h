/* SPDX-License-Identifier: MIT */
/*
 * Spsc.h from the inside: the bytes, the handles, and the steps. Private; the
 * picture of the layout and the crash contract stand in spsc.h.
 */
#ifndef SLIP_RING_SPSC_PVT_H
#define SLIP_RING_SPSC_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_SPSC_MAGIC	       UINT64_C(0x31435350534c5053) /* "SPLSPSC1" */
#define SLIP_SPSC_LAYOUT       2u
#define SLIP_SPSC_CAPACITY_MAX (UINT32_C(1) << 31)
#define SLIP_SPSC_ELEM_MAX     UINT32_C(65536)

/* The bytes at the start of a ring. */
struct slip_spsc_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the events: SLIP_EVENT_ASYM or _FULL */
	slip_a32 capacity;
	slip_a32 elem_bytes;
	slip_a32 per_block;
	slip_a32 block_bytes;
	slip_a64 blocks;
	unsigned char pad0[88];
	struct slip_ends ends; /* +128 */
};
SLIP_STATIC_ASSERT(offsetof(struct slip_spsc_ring, blocks) == 32, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_spsc_ring, ends) == SLIP_ENDS_AT,
		   "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_spsc_ring) == 384, "layout");

/* Geometry, validated once; private. */
struct slip_spsc_shape {
	uint64_t blocks;
	uint32_t capacity;
	uint32_t elem_bytes;
	uint32_t per_block; /* 1..56 */
	uint32_t block_bytes;
};

/*
 * Where one side stands; private to its handle. As little as can be, and an
 * operation changes the stamp alone: every store, private or not, waits in one
 * queue behind the ring's lines, which are slow to come, and the fewer there
 * are for each line, the more lines are asked for at once.
 */
struct slip_spsc_place {
	unsigned char *block; /* its first element */
	uint64_t stamp;	      /* (block number + 1) << 6 | elements passed */
	uint64_t end;	      /* the stamp at which to look again */
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users.
 */
struct slip_spsc_producer {
	struct slip_spsc_place at; /* stamp's count is what control holds */
	uint64_t limit;		   /* head as last read + capacity */
	struct slip_spsc_ring *ring;
	struct slip_spsc_shape shape;
	struct slip_side side;
	int error; /* -EBADMSG: poisoned; -EPIPE: closed */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_spsc_consumer {
	struct slip_spsc_place at; /* its position is what head holds */
	struct slip_spsc_ring *ring;
	struct slip_spsc_shape shape;
	struct slip_side side;
	int error;
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_spsc_shape_(struct slip_spsc_shape *s, uint32_t capacity,
				  uint32_t elem_bytes)
{
	if (capacity < 2 || capacity > SLIP_SPSC_CAPACITY_MAX ||
	    (capacity & (capacity - 1)) || elem_bytes < 1 ||
	    elem_bytes > SLIP_SPSC_ELEM_MAX)
		return false;
	s->capacity = capacity;
	s->elem_bytes = elem_bytes;
	s->block_bytes = (elem_bytes + 8 + SLIP_LINE_BYTES - 1) /
			 SLIP_LINE_BYTES * SLIP_LINE_BYTES;
	s->per_block = (s->block_bytes - 8) / elem_bytes;
	s->blocks = SLIP_CAST(uint64_t, capacity - 1) / s->per_block + 2;
	return true;
}

SLIP_INLINE size_t slip_spsc_shape_bytes_(const struct slip_spsc_shape *s)
{
	return sizeof(struct slip_spsc_ring) + s->blocks * s->block_bytes;
}

/* Where block `index` starts, in bytes from the ring's. */
SLIP_CORE size_t slip_spsc_offset_(const struct slip_spsc_shape *s,
				   uint64_t index)
{
	return sizeof(struct slip_spsc_ring) + index * s->block_bytes;
}

/* Validate a ring's header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_check_(const struct slip_spsc_ring *ring, size_t mem_bytes,
		 struct slip_spsc_shape *s, unsigned *mode)
{
	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* SPSC-A1 attach: the header that follows is complete. Pairs:
	 * slip_spsc_init. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_SPSC_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_SPSC_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	if (!slip_spsc_shape_(s, slip_a32_load_relaxed(&ring->capacity),
			      slip_a32_load_relaxed(&ring->elem_bytes)) ||
	    s->per_block != slip_a32_load_relaxed(&ring->per_block) ||
	    s->block_bytes != slip_a32_load_relaxed(&ring->block_bytes) ||
	    s->blocks != slip_a64_load_relaxed(&ring->blocks) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_spsc_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* The control word of the block that starts there. */
SLIP_CORE slip_a64 *slip_spsc_control_(unsigned char *block,
				       const struct slip_spsc_shape *s)
{
	void *control = block + s->block_bytes - 8;

	return SLIP_CAST(slip_a64 *, control);
}

SLIP_CORE unsigned char *slip_spsc_block_(struct slip_spsc_ring *ring,
					  const struct slip_spsc_shape *s,
					  uint64_t index)
{
	return SLIP_RECAST(unsigned char *, ring) + slip_spsc_offset_(s, index);
}

/* Point `at` to block number `block`, `count` elements into it. */
SLIP_INLINE void slip_spsc_place_(struct slip_spsc_place *at,
				  struct slip_spsc_ring *ring,
				  const struct slip_spsc_shape *s,
				  uint64_t block, uint32_t count)
{
	at->block = slip_spsc_block_(ring, s, block % s->blocks);
	at->stamp = (block + 1) << 6 | count;
	at->end = at->stamp;
}

/* The next element: its position, its bytes. */
SLIP_CORE uint64_t slip_spsc_position_(const struct slip_spsc_place *at,
				       const struct slip_spsc_shape *s)
{
	return ((at->stamp >> 6) - 1) * s->per_block + (at->stamp & 63);
}

SLIP_CORE unsigned char *slip_spsc_slot_(const struct slip_spsc_place *at,
					 uint32_t elem_bytes)
{
	return at->block + SLIP_CAST(size_t, at->stamp & 63) * elem_bytes;
}

/* On to the next block. */
SLIP_CORE void slip_spsc_next_(struct slip_spsc_place *at,
			       struct slip_spsc_ring *ring,
			       const struct slip_spsc_shape *s)
{
	at->block += s->block_bytes;
	if (at->block == slip_spsc_block_(ring, s, s->blocks))
		at->block = slip_spsc_block_(ring, s, 0);
	at->stamp = ((at->stamp >> 6) + 1) << 6;
	at->end = at->stamp;
}

/*
 * Where the committed elements end, by walking the blocks from the
 * consumer's head. Stable if no producer is active. -EBADMSG: no such end.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_find_tail_(const struct slip_spsc_ring *ring,
		     const struct slip_spsc_shape *s, uint64_t head,
		     uint64_t *block, uint32_t *count)
{
	const unsigned char *bytes = SLIP_RECAST(const unsigned char *, ring);
	uint64_t first = head / s->per_block;
	uint64_t b = first;
	uint64_t tail;

	for (*count = s->per_block; *count == s->per_block; b++) {
		const void *w = bytes + slip_spsc_offset_(s, b % s->blocks) +
				s->block_bytes - 8;
		/* SPSC-A2 successor or tool: as slip_spsc_look_; and a tool's
		 * second look at head comes after it. Pairs:
		 * slip_spsc_publish_. Else: a tool calls a ring that has moved
		 * on damaged. */
		uint64_t v =
			slip_a64_load_acquire(SLIP_CAST(const slip_a64 *, w));

		*count = v >> 6 == b + 1 ? SLIP_CAST(uint32_t, v & 63) : 0;
		if (*count > s->per_block || b - first > s->blocks)
			return -EBADMSG;
	}
	*block = b - 1;
	tail = *block * s->per_block + *count;
	return tail < head || tail - head > s->capacity ? -EBADMSG : 0;
}

/* Credit is used up; read how far the consumer has come. */
SLIP_COLD bool slip_spsc_refill_slow_(struct slip_spsc_producer *p,
				      uint64_t tail)
{
	uint64_t head;

	if (p->error)
		return false;
	/* SPSC-A3 producer: the consumer has done with every element below
	 * head. Pairs: slip_spsc_release_to_. Else: a push overwrites an
	 * element while it is being read. */
	head = slip_a64_load_acquire(&p->ring->ends.head);
	if (tail - head > p->shape.capacity) {
		p->error = -EBADMSG;
		return false;
	}
	p->limit = head + p->shape.capacity;
	return p->limit != tail;
}

/* Nothing is left; find room for more. */
SLIP_CORE bool slip_spsc_room_(struct slip_spsc_producer *p,
			       struct slip_spsc_place *at)
{
	uint64_t room, tail;

	if ((at->stamp & 63) == p->shape.per_block)
		slip_spsc_next_(at, p->ring, &p->shape);
	tail = slip_spsc_position_(at, &p->shape);
	if (SLIP_UNLIKELY(tail == p->limit) && !slip_spsc_refill_slow_(p, tail))
		return false;
	room = p->shape.per_block - (at->stamp & 63);
	at->end = at->stamp + (p->limit - tail < room ? p->limit - tail : room);
	return true;
}

/* Commit `n` elements that stand at the place, in one block. */
SLIP_CORE void slip_spsc_publish_(struct slip_spsc_place *at,
				  const struct slip_spsc_shape *s, uint32_t n)
{
	at->stamp += n;
	/* SPSC-R2 producer: the linearization point of push; the elements'
	 * bytes come before it. Pairs: slip_spsc_look_, slip_spsc_find_tail_.
	 * Else: the consumer reads last lap's bytes. */
	slip_a64_store_release(slip_spsc_control_(at->block, s), at->stamp);
}

SLIP_CORE void slip_spsc_tell_(struct slip_side *side)
{
	slip_event_notify(side->tell, side->mode);
}

/* For one element. Not by a copy of the place, as for many: its wide load would
 * wait for the last operation's narrow store. */
SLIP_CORE bool slip_spsc_ready_to_push_(struct slip_spsc_producer *p)
{
	return SLIP_LIKELY(p->at.stamp != p->at.end) ||
	       slip_spsc_room_(p, &p->at);
}

SLIP_CORE bool slip_spsc_push_(struct slip_spsc_producer *p, const void *elem,
			       uint32_t elem_bytes)
{
	if (!slip_spsc_ready_to_push_(p))
		return false;
	slip_copy(slip_spsc_slot_(&p->at, elem_bytes), elem, elem_bytes);
	slip_spsc_publish_(&p->at, &p->shape, 1);
	slip_spsc_tell_(&p->side);
	return true;
}

/*
 * `n` elements, of one block and more than none. GCC makes a `rep movs` of a
 * constant size times a number it does not know, whose start costs more than
 * the line; so a whole block is one constant size, and the rest go one by one.
 */
SLIP_CORE void slip_spsc_copy_n_(unsigned char *to, const unsigned char *from,
				 uint32_t n, uint32_t elem_bytes)
{
	const uint32_t whole = (SLIP_LINE_BYTES - 8) / elem_bytes;

	if (!__builtin_constant_p(elem_bytes) || whole < 2)
		slip_copy(to, from, SLIP_CAST(size_t, n) * elem_bytes);
	else if (n == whole)
		slip_copy(to, from, SLIP_CAST(size_t, whole) * elem_bytes);
	else
		for (; n; n--, to += elem_bytes, from += elem_bytes)
			slip_copy(to, from, elem_bytes);
}

SLIP_CORE uint32_t slip_spsc_push_n_(struct slip_spsc_producer *p,
				     const void *elems, uint32_t n,
				     uint32_t elem_bytes)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elems);
	struct slip_spsc_place at = p->at; /* in registers */
	uint32_t done = 0;

	while (done < n && (at.stamp != at.end || slip_spsc_room_(p, &at))) {
		uint32_t some = SLIP_CAST(uint32_t, at.end - at.stamp);

		some = n - done < some ? n - done : some;
		slip_spsc_copy_n_(slip_spsc_slot_(&at, elem_bytes), from, some,
				  elem_bytes);
		slip_spsc_publish_(&at, &p->shape, some);
		from += SLIP_CAST(size_t, some) * elem_bytes;
		done += some;
	}
	p->at = at;
	if (done)
		slip_spsc_tell_(&p->side);
	return done;
}

/* Nothing is left; look for committed elements. */
SLIP_CORE bool slip_spsc_look_(struct slip_spsc_consumer *c,
			       struct slip_spsc_place *at)
{
	uint64_t v;

	if (SLIP_UNLIKELY(c->error))
		return false;
	if ((at->stamp & 63) == c->shape.per_block)
		slip_spsc_next_(at, c->ring, &c->shape);
	/* SPSC-A2 consumer: the bytes of the elements it counts. Pairs:
	 * slip_spsc_publish_. Else: as R2. */
	v = slip_a64_load_acquire(slip_spsc_control_(at->block, &c->shape));
	if (v >> 6 != at->stamp >> 6) {
		if (SLIP_UNLIKELY(SLIP_CAST(int64_t, v - at->stamp) > 0))
			c->error = -EBADMSG; /* of a lap to come */
		return false;
	}
	if (SLIP_UNLIKELY((v & 63) > c->shape.per_block || v < at->stamp)) {
		c->error = -EBADMSG;
		return false;
	}
	at->end = v;
	return v != at->stamp;
}

/* Give what was passed back to the producer. */
SLIP_CORE void slip_spsc_release_to_(struct slip_spsc_consumer *c)
{
	/* SPSC-R3 consumer: has done with every element below head; the
	 * linearization point of pop. Pairs: slip_spsc_refill_slow_,
	 * slip_spsc_attach_producer_of_. Else: as A3. */
	slip_a64_store_release(&c->ring->ends.head,
			       slip_spsc_position_(&c->at, &c->shape));
	slip_spsc_tell_(&c->side);
}

SLIP_CORE bool slip_spsc_ready_to_pop_(struct slip_spsc_consumer *c)
{
	return SLIP_LIKELY(c->at.stamp != c->at.end) ||
	       slip_spsc_look_(c, &c->at);
}

SLIP_CORE bool slip_spsc_pop_(struct slip_spsc_consumer *c, void *elem,
			      uint32_t elem_bytes)
{
	if (!slip_spsc_ready_to_pop_(c))
		return false;
	slip_copy(elem, slip_spsc_slot_(&c->at, elem_bytes), elem_bytes);
	c->at.stamp++;
	slip_spsc_release_to_(c);
	return true;
}

SLIP_CORE uint32_t slip_spsc_pop_n_(struct slip_spsc_consumer *c, void *elems,
				    uint32_t n, uint32_t elem_bytes)
{
	unsigned char *to = SLIP_CAST(unsigned char *, elems);
	struct slip_spsc_place at = c->at; /* in registers */
	uint32_t done = 0;

	while (done < n && (at.stamp != at.end || slip_spsc_look_(c, &at))) {
		uint32_t some = SLIP_CAST(uint32_t, at.end - at.stamp);

		some = n - done < some ? n - done : some;
		slip_spsc_copy_n_(to, slip_spsc_slot_(&at, elem_bytes), some,
				  elem_bytes);
		at.stamp += some;
		to += SLIP_CAST(size_t, some) * elem_bytes;
		done += some;
	}
	c->at = at;
	if (done)
		slip_spsc_release_to_(c);
	return done;
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_spsc_has_room_(void *handle)
{
	struct slip_spsc_producer *p =
		SLIP_CAST(struct slip_spsc_producer *, handle);

	if (slip_spsc_ready_to_push_(p))
		return 1;
	return p->error;
}

SLIP_INLINE int slip_spsc_has_data_(void *handle)
{
	struct slip_spsc_consumer *c =
		SLIP_CAST(struct slip_spsc_consumer *, handle);

	if (slip_spsc_ready_to_pop_(c))
		return 1;
	return c->error;
}

/* Validate for attach; elements of another size than wanted (0: any) are
 * -EOVERFLOW. The header is read once. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_begin_(struct slip_spsc_ring *ring, size_t mem_bytes,
		 struct slip_peer *self, size_t wanted,
		 struct slip_spsc_shape *s, unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_spsc_check_(ring, mem_bytes, s, mode);
	if (!rc && wanted && wanted != s->elem_bytes)
		rc = -EOVERFLOW;
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_SPSC, slip_ends_recover_);
	return rc;
}

/* Attach, for elements of `wanted` bytes. On failure the handle is as one that
 * has detached: calls on it find it closed. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_attach_producer_of_(struct slip_spsc_producer *p, void *mem,
			      size_t mem_bytes, struct slip_peer *self,
			      size_t wanted)
{
	struct slip_spsc_ring *ring = SLIP_CAST(struct slip_spsc_ring *, mem);
	uint64_t head;
	uint64_t block;
	uint32_t count;
	int rc;

	__builtin_memset(p, 0, sizeof(*p));
	/* At position 0 of a limit of 0: a push asks for room, and ends. */
	p->shape.per_block = 1;
	p->at.stamp = p->at.end = 1 << 6;
	p->error = -EPIPE;
	rc = slip_spsc_begin_(ring, mem_bytes, self, wanted, &p->shape,
			      &p->side.mode);
	if (rc)
		return rc;
	p->ring = ring;
	rc = slip_side_open_producer_(&p->side, &ring->ends, self,
				      p->side.mode);
	if (rc)
		return rc;
	/* SPSC-A3 producer: as slip_spsc_refill_slow_. Pairs:
	 * slip_spsc_release_to_. Else: as there, in the first lap. */
	head = slip_a64_load_acquire(&ring->ends.head);
	rc = slip_spsc_find_tail_(ring, &p->shape, head, &block, &count);
	if (rc) {
		slip_side_close_(&p->side);
		return rc;
	}
	slip_spsc_place_(&p->at, ring, &p->shape, block, count);
	p->limit = head + p->shape.capacity;
	p->error = 0;
	return 0;
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_attach_consumer_of_(struct slip_spsc_consumer *c, void *mem,
			      size_t mem_bytes, struct slip_peer *self,
			      size_t wanted)
{
	struct slip_spsc_ring *ring = SLIP_CAST(struct slip_spsc_ring *, mem);
	uint32_t per_block;
	uint64_t head;
	int rc;

	__builtin_memset(c, 0, sizeof(*c));
	c->error = -EPIPE;
	rc = slip_spsc_begin_(ring, mem_bytes, self, wanted, &c->shape,
			      &c->side.mode);
	if (rc)
		return rc;
	c->ring = ring;
	rc = slip_side_open_consumer_(&c->side, &ring->ends, self,
				      c->side.mode);
	if (rc)
		return rc;
	/* own: follows a consumer that is gone; the order comes with its role
	 * (ROLE-A1), or with the ring */
	head = slip_a64_load_relaxed(&ring->ends.head);
	per_block = c->shape.per_block;
	slip_spsc_place_(&c->at, ring, &c->shape, head / per_block,
			 SLIP_CAST(uint32_t, head % per_block));
	c->error = 0;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
