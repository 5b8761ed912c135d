/* SPDX-License-Identifier: MIT */
/*
 * Record.h from the inside: the bytes, the handles, and the steps. Private;
 * the picture of the layout and the crash contract stand in record.h.
 *
 * Everything is published as a chain: one or more pieces (a record, or a PAD
 * and the record behind it) that follow each other in free space from the tail
 * on. All but one of its words are stored first: the bodies, the headers of
 * the pieces after the first, and the 0 that ends the chain. The header of the
 * first piece, which stands at the tail, is stored last, with release. Until
 * then the word at the tail is 0, nothing behind it can be reached, and what
 * it says does not matter; from then on the whole chain is there.
 */
#ifndef SLIP_RING_RECORD_PVT_H
#define SLIP_RING_RECORD_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "../futex/region_memory.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_RECORD_MAGIC	 UINT64_C(0x31444345524c5053) /* "SPLRECD1" */
#define SLIP_RECORD_LAYOUT	 2u
#define SLIP_RECORD_CAPACITY_MIN UINT64_C(64)
#define SLIP_RECORD_CAPACITY_MAX (UINT64_C(1) << 31)
#define SLIP_RECORD_PAGE_BYTES	 4096u

/* Flag of a ring, beside the mode of its events; see slip_record_init. */
#define SLIP_RECORD_MIRROR 0x100u

/* A record's header: these bits and, in the low half, its length. */
#define SLIP_RECORD_COMMIT (UINT64_C(1) << 63)
#define SLIP_RECORD_PAD	   (UINT64_C(1) << 62)

/* The bytes at the start of a ring. */
struct slip_record_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode;	   /* of the events: SLIP_EVENT_ASYM or _FULL */
	slip_a32 flags;	   /* 0 or SLIP_RECORD_MIRROR */
	slip_a32 max_len;  /* of a record: capacity / 2 - 8 */
	slip_a64 capacity; /* bytes */
	unsigned char pad0[96];
	struct slip_ends ends; /* +128 */
};
SLIP_STATIC_ASSERT(offsetof(struct slip_record_ring, flags) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_record_ring, capacity) == 24, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_record_ring, ends) == SLIP_ENDS_AT,
		   "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_record_ring) == 384, "layout");

/* Geometry, validated once, and where the data is in this process; private. */
struct slip_record_shape {
	unsigned char *data; /* of a mirrored ring: the first of two copies */
	uint64_t capacity;
	uint32_t max_len;
	bool mirrored;
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users. Positions count bytes since init, modulo
 * 2^64, and are multiples of 8.
 */
struct slip_record_producer {
	struct slip_record_shape shape;
	uint64_t tail;	  /* where the next header goes; the word there is 0 */
	uint64_t limit;	  /* head as last read + capacity */
	uint64_t claimed; /* length of the claim + 1; 0: there is none */
	uint64_t skip;	  /* bytes of the PAD before the claim */
	struct slip_record_ring *ring;
	struct slip_side side;
	uint32_t want; /* the length that a wait for room is about */
	int error;     /* -EBADMSG: poisoned; -EPIPE: closed */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_record_consumer {
	struct slip_record_shape shape;
	uint64_t at;  /* the next header to look at */
	uint64_t end; /* of the record seen there; `at`: none seen yet */
	const unsigned char *body;
	uint32_t len;
	int error;
	uint64_t head; /* what ring->ends.head holds */
	struct slip_record_ring *ring;
	struct slip_side side;
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_record_shape_(struct slip_record_shape *s,
				    uint64_t capacity, unsigned flags)
{
	bool mirrored = (flags & SLIP_RECORD_MIRROR) != 0;

	if (capacity < SLIP_RECORD_CAPACITY_MIN ||
	    capacity > SLIP_RECORD_CAPACITY_MAX ||
	    (capacity & (capacity - 1)) ||
	    (mirrored && capacity % SLIP_RECORD_PAGE_BYTES))
		return false;
	s->data = NULL;
	s->capacity = capacity;
	s->max_len = SLIP_CAST(uint32_t, capacity / 2 - 8);
	s->mirrored = mirrored;
	return true;
}

/* Where the data begins, in bytes from the ring's start. */
SLIP_INLINE size_t slip_record_offset_(const struct slip_record_shape *s)
{
	return s->mirrored ? SLIP_RECORD_PAGE_BYTES
			   : sizeof(struct slip_record_ring);
}

SLIP_INLINE size_t slip_record_shape_bytes_(const struct slip_record_shape *s)
{
	return slip_record_offset_(s) + s->capacity;
}

/* How `mem` must be aligned. */
SLIP_INLINE size_t slip_record_align_(const struct slip_record_shape *s)
{
	return s->mirrored ? SLIP_RECORD_PAGE_BYTES : SLIP_LINE_BYTES;
}

/* Validate a ring's header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_check_(const struct slip_record_ring *ring, size_t mem_bytes,
		   struct slip_record_shape *s, unsigned *mode)
{
	uint32_t flags;

	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* RECORD-A1 attach: the header that follows is complete. Pairs:
	 * slip_record_init. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_RECORD_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_RECORD_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	flags = slip_a32_load_relaxed(&ring->flags);
	if ((flags & ~SLIP_RECORD_MIRROR) ||
	    !slip_record_shape_(s, slip_a64_load_relaxed(&ring->capacity),
				flags) ||
	    s->max_len != slip_a32_load_relaxed(&ring->max_len) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_record_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* The data where it stands in `ring`'s own mapping. By way of an integer: of a
 * small static ring GCC can tell that the mirrored case, which is refused,
 * would be out of bounds. */
SLIP_INLINE unsigned char *slip_record_data_(struct slip_record_ring *ring,
					     const struct slip_record_shape *s)
{
	return SLIP_RECAST(unsigned char *, SLIP_RECAST(uintptr_t, ring) +
						    slip_record_offset_(s));
}

/*
 * Find the data, mapping it a second time if the ring is mirrored. 0,
 * -EOPNOTSUPP, or of slip_region_mirror().
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_record_map_(struct slip_record_shape *s,
						 struct slip_record_ring *ring,
						 const struct slip_peer *self)
{
	void *twice = NULL;
	int rc;

	s->data = slip_record_data_(ring, s);
	if (!s->mirrored)
		return 0;
	if (!self)
		return -EOPNOTSUPP;
	rc = slip_region_mirror(self->rg, s->data, s->capacity, &twice);
	s->data = SLIP_CAST(unsigned char *, twice);
	return rc;
}

/* Undo slip_record_map_. */
SLIP_INLINE void slip_record_unmap_(struct slip_record_shape *s,
				    const struct slip_peer *self)
{
	if (self && s->mirrored)
		slip_region_unmirror(self->rg, s->data, s->capacity);
	s->data = NULL;
}

/* Bytes that a record of `len` takes with its header. */
SLIP_INLINE uint64_t slip_record_footprint_(uint32_t len)
{
	return 8 + ((SLIP_CAST(uint64_t, len) + 7) & ~UINT64_C(7));
}

SLIP_INLINE unsigned char *slip_record_place_(const struct slip_record_shape *s,
					      uint64_t pos)
{
	return s->data + (pos & (s->capacity - 1));
}

/* The header word at `pos`; in a mirrored ring always in the first copy. */
SLIP_INLINE slip_a64 *slip_record_word_(const struct slip_record_shape *s,
					uint64_t pos)
{
	void *w = slip_record_place_(s, pos);

	return SLIP_CAST(slip_a64 *, w);
}

/* Bytes from `pos` to the end of the data. */
SLIP_INLINE uint64_t slip_record_rest_(const struct slip_record_shape *s,
				       uint64_t pos)
{
	return s->capacity - (pos & (s->capacity - 1));
}

/* Bytes to leave out at `pos` for `bytes` to stand in one piece. */
SLIP_INLINE uint64_t slip_record_skip_(const struct slip_record_shape *s,
				       uint64_t pos, uint64_t bytes)
{
	uint64_t rest = slip_record_rest_(s, pos);

	return bytes > rest && !s->mirrored ? rest : 0;
}

/* One record as found in the ring. */
struct slip_record_found {
	uint64_t start; /* its header, behind the PAD if there is one */
	uint64_t end;
	uint32_t len;
};

/*
 * Read what stands at `pos`, once, and believe none of it. 1: a record; 0: the
 * end; -EBADMSG: nonsense. A PAD covers exactly the rest, less than a record
 * may take, so at the start of the data there is none; and no PAD or end
 * follows a PAD, for it was published with the record it is for.
 */
SLIP_CORE int slip_record_read_(const struct slip_record_shape *s, uint64_t pos,
				struct slip_record_found *found)
{
	/* RECORD-A2 consumer: the record's bytes, and the rest of the chain
	 * that begins here. (In mid-chain it is the first header's acquire
	 * that counts, by this side or, through ROLE-A1, by a predecessor.)
	 * Pairs: slip_record_publish_. Else: as R2. */
	uint64_t v = slip_a64_load_acquire(slip_record_word_(s, pos));
	uint64_t rest = slip_record_rest_(s, pos);
	uint64_t bytes;

	if (v == 0)
		return 0;
	if (SLIP_UNLIKELY(v & SLIP_RECORD_PAD)) {
		if (s->mirrored || rest > s->max_len ||
		    v != (SLIP_RECORD_COMMIT | SLIP_RECORD_PAD | (rest - 8)))
			return -EBADMSG;
		pos += rest;
		/* RECORD-A2 tool: its second look at head comes after it; for
		 * a consumer it was stored before the PAD. Pairs:
		 * slip_record_publish_. Else: a tool calls a ring that has
		 * moved on damaged. */
		v = slip_a64_load_acquire(slip_record_word_(s, pos));
	}
	found->len = SLIP_CAST(uint32_t, v & UINT32_MAX);
	bytes = slip_record_footprint_(found->len);
	if (SLIP_UNLIKELY((v ^ SLIP_RECORD_COMMIT) >> 32 ||
			  found->len > s->max_len ||
			  slip_record_skip_(s, pos, bytes)))
		return -EBADMSG;
	found->start = pos;
	found->end = pos + bytes;
	return 1;
}

/* May the ring hold something from `head` to `end`? */
SLIP_INLINE bool slip_record_sane_(const struct slip_record_shape *s,
				   uint64_t head, uint64_t end)
{
	return end - head <= s->capacity - 8 && head % 8 == 0;
}

/*
 * Where the committed records end, and how many there are, by following them
 * from the consumer's head. At most capacity / 8 steps. Stable if no producer
 * is active: the consumer writes nothing here. -EBADMSG: no such end.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_find_tail_(const struct slip_record_shape *s, uint64_t head,
		       uint64_t *tail, uint64_t *records)
{
	struct slip_record_found found;
	int rc = -EBADMSG;

	*tail = head;
	*records = 0;
	if (!slip_record_sane_(s, head, head))
		return rc;
	while ((rc = slip_record_read_(s, *tail, &found)) == 1) {
		if (!slip_record_sane_(s, head, found.end))
			return -EBADMSG;
		*tail = found.end;
		++*records;
	}
	return rc;
}

SLIP_INLINE void slip_record_tell_(struct slip_side *side)
{
	slip_event_notify(side->tell, side->mode);
}

/* Credit does not suffice; read how far the consumer has come. */
SLIP_COLD bool slip_record_refill_slow_(struct slip_record_producer *p,
					uint64_t need)
{
	uint64_t head;

	if (p->error)
		return false;
	/* RECORD-A3 producer: the consumer has done with every byte below
	 * head. Pairs: slip_record_release_to_. Else: a push overwrites a
	 * record while it is being read. */
	head = slip_a64_load_acquire(&p->ring->ends.head);
	if (!slip_record_sane_(&p->shape, head, p->tail)) {
		p->error = -EBADMSG;
		p->limit = p->tail;
		return false;
	}
	p->limit = head + p->shape.capacity;
	return need <= p->limit - p->tail;
}

/* Are `need` bytes free from the tail on? */
SLIP_CORE bool slip_record_free_(struct slip_record_producer *p, uint64_t need)
{
	if (SLIP_UNLIKELY(need > p->limit - p->tail))
		return slip_record_refill_slow_(p, need);
	return true;
}

/* A chain in the making. */
struct slip_record_chain {
	uint64_t pos;	/* where it ends so far */
	uint64_t first; /* the header that will go to the tail */
};

/* Add a piece of `bytes`, whose body stands in its place. */
SLIP_INLINE void slip_record_link_(struct slip_record_producer *p,
				   struct slip_record_chain *chain,
				   uint64_t header, uint64_t bytes)
{
	if (chain->pos == p->tail)
		chain->first = header;
	else
		/* RECORD-R2 producer: for a tool that comes here from an
		 * earlier lap; a consumer does not before the first header.
		 * Pairs: slip_record_read_. Else: the tool misses that head
		 * has moved, and calls the ring damaged. */
		slip_a64_store_release(slip_record_word_(&p->shape, chain->pos),
				       header);
	chain->pos += bytes;
}

/* Add a record, and the PAD that it needs. */
SLIP_CORE void slip_record_add_(struct slip_record_producer *p,
				struct slip_record_chain *chain, uint64_t skip,
				uint32_t len)
{
	if (SLIP_UNLIKELY(skip))
		slip_record_link_(p, chain,
				  SLIP_RECORD_COMMIT | SLIP_RECORD_PAD |
					  (skip - 8),
				  skip);
	slip_record_link_(p, chain, SLIP_RECORD_COMMIT | len,
			  slip_record_footprint_(len));
}

/* Commit a chain of at least one piece. The consumer is to be told. */
SLIP_CORE void slip_record_publish_(struct slip_record_producer *p,
				    const struct slip_record_chain *chain)
{
	/* own: free space, not to be reached before R2. It is the next tail,
	 * and 0 there is what R2's chain ends in; no tool is misled by a 0 */
	slip_a64_store_relaxed(slip_record_word_(&p->shape, chain->pos), 0);
	/* RECORD-R2 producer: the linearization point of push; bodies, later
	 * headers and the 0 behind them come before it. Pairs:
	 * slip_record_read_. Else: the consumer reads last lap's bytes, or
	 * follows them as headers. */
	slip_a64_store_release(slip_record_word_(&p->shape, p->tail),
			       chain->first);
	p->tail = chain->pos;
	p->claimed = 0; /* a claim was about the old tail */
}

/* The same, and tell it. */
SLIP_CORE void slip_record_send_(struct slip_record_producer *p,
				 const struct slip_record_chain *chain)
{
	slip_record_publish_(p, chain);
	slip_record_tell_(&p->side);
}

/* Copy a record in behind the chain if it fits; `len` is within the limit. */
SLIP_CORE bool slip_record_append_(struct slip_record_producer *p,
				   struct slip_record_chain *chain,
				   const void *data, uint32_t len)
{
	uint64_t bytes = slip_record_footprint_(len);
	uint64_t skip = slip_record_skip_(&p->shape, chain->pos, bytes);

	/* 8 for the 0 that ends the chain. */
	if (!slip_record_free_(p, chain->pos - p->tail + skip + bytes + 8))
		return false;
	if (len) /* data may be NULL */
		slip_copy(slip_record_place_(&p->shape, chain->pos + skip) + 8,
			  data, len);
	slip_record_add_(p, chain, skip, len);
	return true;
}

/* Nothing seen yet; look for a record. */
SLIP_CORE bool slip_record_look_(struct slip_record_consumer *c)
{
	struct slip_record_found found;
	int rc;

	if (SLIP_UNLIKELY(c->error))
		return false;
	rc = slip_record_read_(&c->shape, c->at, &found);
	if (rc <= 0) {
		c->error = rc;
		return false;
	}
	if (SLIP_UNLIKELY(!slip_record_sane_(&c->shape, c->head, found.end))) {
		c->error = -EBADMSG;
		return false;
	}
	c->body = slip_record_place_(&c->shape, found.start) + 8;
	c->len = found.len;
	c->end = found.end;
	return true;
}

/* Is a record seen, or to be seen? */
SLIP_CORE bool slip_record_ready_(struct slip_record_consumer *c)
{
	return c->end != c->at || slip_record_look_(c);
}

/* Give everything before `at` back to the producer. */
SLIP_CORE void slip_record_release_to_(struct slip_record_consumer *c)
{
	c->head = c->at;
	/* RECORD-R3 consumer: has done with every byte below head; the
	 * linearization point of pop. Pairs: slip_record_refill_slow_,
	 * slip_record_attach_producer_. Else: as A3. */
	slip_a64_store_release(&c->ring->ends.head, c->head);
	slip_record_tell_(&c->side);
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_record_has_room_(void *handle)
{
	struct slip_record_producer *p =
		SLIP_CAST(struct slip_record_producer *, handle);
	uint64_t bytes = slip_record_footprint_(p->want);
	uint64_t skip = slip_record_skip_(&p->shape, p->tail, bytes);

	return slip_record_free_(p, skip + bytes + 8) ? 1 : p->error;
}

SLIP_INLINE int slip_record_has_data_(void *handle)
{
	struct slip_record_consumer *c =
		SLIP_CAST(struct slip_record_consumer *, handle);

	return slip_record_ready_(c) ? 1 : c->error;
}

/*
 * How both attach functions begin: validate, and map. Before the role is
 * taken, for once taken it can only be given up as an end of file.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_begin_(struct slip_record_shape *s, struct slip_record_ring *ring,
		   size_t mem_bytes, struct slip_peer *self, unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_record_check_(ring, mem_bytes, s, mode);
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_RECORD, slip_ends_recover_);
	return rc ? rc : slip_record_map_(s, ring, self);
}

/* Give up attaching, because of `rc`. */
SLIP_INLINE int slip_record_back_out_(struct slip_record_shape *s,
				      const struct slip_peer *self, int rc)
{
	slip_record_unmap_(s, self);
	return rc;
}

/* Attach. On failure the handle is as one that has detached: calls on it find
 * it closed. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_attach_producer_(struct slip_record_producer *p,
			     struct slip_record_ring *ring, size_t mem_bytes,
			     struct slip_peer *self)
{
	uint64_t records;
	uint64_t head;
	uint64_t tail;
	int rc;

	__builtin_memset(p, 0, sizeof(*p));
	p->error = -EPIPE;
	rc = slip_record_begin_(&p->shape, ring, mem_bytes, self,
				&p->side.mode);
	if (rc)
		return rc;
	p->ring = ring;
	rc = slip_side_open_producer_(&p->side, &ring->ends, self,
				      p->side.mode);
	if (rc)
		return slip_record_back_out_(&p->shape, self, rc);
	/* RECORD-A3 producer: as slip_record_refill_slow_. Pairs:
	 * slip_record_release_to_. Else: as there, in the first lap. */
	head = slip_a64_load_acquire(&ring->ends.head);
	rc = slip_record_find_tail_(&p->shape, head, &tail, &records);
	if (rc) {
		slip_side_close_(&p->side);
		return slip_record_back_out_(&p->shape, self, rc);
	}
	p->tail = tail;
	p->limit = head + p->shape.capacity;
	p->error = 0;
	return 0;
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_record_attach_consumer_(struct slip_record_consumer *c,
			     struct slip_record_ring *ring, size_t mem_bytes,
			     struct slip_peer *self)
{
	int rc;

	__builtin_memset(c, 0, sizeof(*c));
	c->error = -EPIPE;
	rc = slip_record_begin_(&c->shape, ring, mem_bytes, self,
				&c->side.mode);
	if (rc)
		return rc;
	c->ring = ring;
	rc = slip_side_open_consumer_(&c->side, &ring->ends, self,
				      c->side.mode);
	if (rc)
		return slip_record_back_out_(&c->shape, self, rc);
	/* own: follows a consumer that is gone; the order comes with its role
	 * (ROLE-A1), or with the ring */
	c->head = slip_a64_load_relaxed(&ring->ends.head);
	c->at = c->head;
	c->end = c->head;
	if (!slip_record_sane_(&c->shape, c->head, c->head)) {
		slip_side_close_(&c->side);
		return slip_record_back_out_(&c->shape, self, -EBADMSG);
	}
	c->error = 0;
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
