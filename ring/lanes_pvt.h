/* SPDX-License-Identifier: MIT */
/*
 * Lanes.h from the inside: the bytes, the handles, and the steps. Private; the
 * picture of the layout and the crash contract stand in lanes.h.
 *
 * A lane is a record ring (record_pvt.h), whose steps are taken here as they
 * are. What is added: producers tell one event of all lanes; a consumer turns
 * one private record consumer to the lane that it looks at; and in a ring of
 * several consumers it holds a lane's consumer role from there until it has done
 * with what it took, or has found nothing.
 */
#ifndef SLIP_RING_LANES_PVT_H
#define SLIP_RING_LANES_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "record.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_LANES_MAGIC	 UINT64_C(0x3153454e414c5053) /* "SPLANES1" */
#define SLIP_LANES_LAYOUT	 2u
#define SLIP_LANES_MAX		 64u
#define SLIP_LANES_CONSUMERS_MAX 16u

/* Flag of a ring, beside the mode of its events; see slip_lanes_init. */
#define SLIP_LANES_STAMPED 0x100u

/* Bytes of a stamp, before the bytes of a record. */
#define SLIP_LANES_STAMP_ 8u

/* Records from one lane before it is another's turn. */
#define SLIP_LANES_QUANTUM_ 32u

/* How often lanes in other hands are passed over before somebody asks whether a
 * hand is dead. A prime: of lanes that are passed over in turn it is not always
 * the same one's turn. */
#define SLIP_LANES_PATIENCE_ 4093u

/* The bytes at the start of a ring. */
struct slip_lanes_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode;	/* of the events: SLIP_EVENT_ASYM or _FULL */
	slip_a32 flags; /* 0 or SLIP_LANES_STAMPED */
	slip_a32 lanes;
	slip_a32 consumers; /* at a time */
	uint32_t reserved;
	slip_a64 capacity; /* of a lane, bytes */
	unsigned char pad0[88];
	/* +128: read by producers at every record */
	struct slip_event ev_data; /* consumers sleep here */
	unsigned char pad1[120];
	/* +256: role words of consumers */
	slip_a64 seats[SLIP_LANES_CONSUMERS_MAX];
	/* +384: changes when somebody comes */
	slip_a64 producers_came; /* how many */
	slip_a64 consumers_came;
	slip_a32 high; /* lanes from here on have had no producer */
	unsigned char pad2[108];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, flags) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, consumers) == 24, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, capacity) == 32, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, ev_data) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, seats) == 256, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, producers_came) == 384,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_lanes_ring, high) == 400, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_lanes_ring) == 512, "layout");

/* Geometry, validated once; private. */
struct slip_lanes_shape {
	struct slip_record_shape lane;
	size_t lane_bytes; /* from one lane to the next */
	uint32_t lanes;
	uint32_t consumers;
	uint32_t extra; /* bytes of a stamp, or 0 */
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users.
 */
struct slip_lanes_producer {
	struct slip_record_producer rec; /* of our lane; tells ev_data */
	slip_a64 *tail;			 /* of the lane; NULL: not said */
	struct slip_lanes_ring *ring;
	struct slip_lanes_shape shape;
	uint32_t max_len; /* of a record, without its stamp */
	uint32_t at;	  /* the lane's number */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_lanes_consumer {
	struct slip_record_consumer rec; /* turned to lane `at` */
	struct slip_lanes_ring *ring;
	struct slip_lanes_shape shape;
	uint64_t bad;	/* lanes whose words make no sense */
	uint64_t stamp; /* of the record that was found */
	uint32_t at;
	uint32_t left;	 /* records before it is another lane's turn */
	uint32_t passed; /* lanes in other hands */
	int error;	 /* -EPIPE: closed */
	/* What each lane's head holds, if we are the only one to move it. */
	uint64_t heads[SLIP_LANES_MAX];
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_lanes_shape_(struct slip_lanes_shape *s, uint64_t lanes,
				   uint64_t capacity, uint64_t consumers,
				   uint64_t flags)
{
	const size_t pair = 2 * SLIP_LINE_BYTES;

	if (lanes < 1 || lanes > SLIP_LANES_MAX || consumers < 1 ||
	    consumers > SLIP_LANES_CONSUMERS_MAX ||
	    (flags & ~SLIP_CAST(uint64_t, SLIP_LANES_STAMPED)) ||
	    (flags && consumers > 1) ||
	    !slip_record_shape_(&s->lane, capacity, 0))
		return false;
	s->lanes = SLIP_CAST(uint32_t, lanes);
	s->consumers = SLIP_CAST(uint32_t, consumers);
	s->extra = flags ? SLIP_LANES_STAMP_ : 0;
	/* Of whole lines: an odd number gets one more. */
	s->lane_bytes = (slip_record_shape_bytes_(&s->lane) + SLIP_LINE_BYTES) /
			pair * pair;
	return true;
}

SLIP_INLINE size_t slip_lanes_shape_bytes_(const struct slip_lanes_shape *s)
{
	return sizeof(struct slip_lanes_ring) + s->lanes * s->lane_bytes;
}

/* Validate a ring's header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_check_(const struct slip_lanes_ring *ring, size_t mem_bytes,
		  struct slip_lanes_shape *s, unsigned *mode)
{
	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* LANES-A1 attach: the header that follows is complete, and so are the
	 * lanes. Pairs: slip_lanes_init. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_LANES_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_LANES_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	if (!slip_lanes_shape_(s, slip_a32_load_relaxed(&ring->lanes),
			       slip_a64_load_relaxed(&ring->capacity),
			       slip_a32_load_relaxed(&ring->consumers),
			       slip_a32_load_relaxed(&ring->flags)) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_lanes_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* --- places ---------------------------------------------------------------- */

SLIP_CORE struct slip_record_ring *
slip_lanes_lane_(struct slip_lanes_ring *ring, const struct slip_lanes_shape *s,
		 uint32_t i)
{
	void *at = SLIP_RECAST(unsigned char *, ring) + sizeof(*ring) +
		   i * s->lane_bytes;

	return SLIP_CAST(struct slip_record_ring *, at);
}

/* Of several consumers: up to where a lane's producer has said that there are
 * records, in the header's unused part. Who does not hold a lane looks at that
 * and at head, for what stands at head may be bytes of a record by now. */
SLIP_CORE slip_a64 *slip_lanes_tail_(struct slip_record_ring *lane)
{
	void *at = lane->pad0 + 32;

	return SLIP_CAST(slip_a64 *, at);
}

/* Where the records of a lane are: turns `lane` to it. */
SLIP_CORE void slip_lanes_data_(struct slip_record_shape *lane,
				struct slip_record_ring *at)
{
	lane->data = slip_record_data_(at, lane);
}

/* How many lanes may have had a producer. */
SLIP_CORE uint32_t slip_lanes_high_(const struct slip_lanes_ring *ring,
				    const struct slip_lanes_shape *s)
{
	/* hint: who raises it does so before his first record, and tells of
	 * that */
	uint32_t high = slip_a32_load_relaxed(&ring->high);

	return high < s->lanes ? high : s->lanes;
}

/* --- who is here ----------------------------------------------------------- */

/* Is it any use to try for that role? `ask`: to ask the oracle about its
 * holder. */
SLIP_INLINE bool slip_lanes_vacant_(const slip_a64 *role, bool ask)
{
	/* hint: decided by the swap */
	return ask || (slip_a64_load_relaxed(role) & 15) != SLIP_ROLE_HELD;
}

/* Is any of `n` roles, `apart` bytes apart, held, as far as `asker` can tell?
 * `*some`: one has been. */
SLIP_INLINE bool slip_lanes_any_(slip_a64 *first, size_t apart, uint32_t n,
				 const struct slip_peer *asker, bool *some)
{
	*some = false;
	for (uint32_t i = 0; i < n; i++) {
		void *at = SLIP_RECAST(unsigned char *, first) + i * apart;
		int state = slip_role_state_(SLIP_CAST(slip_a64 *, at), asker);

		if (state == SLIP_ROLE_HELD)
			return true;
		*some |= state != SLIP_ROLE_VACANT;
	}
	return false;
}

/* One more has come, and sits. */
SLIP_INLINE void slip_lanes_count_(slip_a64 *came)
{
	/* LANES-R2 who comes: sits before it is counted. Pairs:
	 * slip_lanes_counted_. Else: who looks at one role after the other
	 * finds all gone, while one came behind its back and another left. */
	(void)slip_a64_fetch_add_release(came, 1);
}

SLIP_INLINE uint64_t slip_lanes_counted_(const slip_a64 *came)
{
	/* LANES-A2 other side: who has been counted sits. Pairs:
	 * slip_lanes_count_. Else: as R2. */
	return slip_a64_load_acquire(came);
}

/* Nobody came since `counted`? */
SLIP_INLINE bool slip_lanes_same_(const slip_a64 *came, uint64_t counted)
{
	/* hint: the looks brought what each that left, or took a last record,
	 * had seen */
	return slip_a64_load_relaxed(came) == counted;
}

SLIP_INLINE bool slip_lanes_any_producer_(struct slip_lanes_consumer *c,
					  const struct slip_peer *asker,
					  bool *some)
{
	struct slip_record_ring *lane = slip_lanes_lane_(c->ring, &c->shape, 0);

	return slip_lanes_any_(&lane->ends.producer_role, c->shape.lane_bytes,
			       slip_lanes_high_(c->ring, &c->shape), asker,
			       some);
}

SLIP_INLINE bool slip_lanes_any_consumer_(struct slip_lanes_producer *p,
					  const struct slip_peer *asker,
					  bool *some)
{
	return slip_lanes_any_(p->ring->seats, sizeof(p->ring->seats[0]),
			       p->shape.consumers, asker, some);
}

/* Have all consumers gone? For slip_side_gone_. */
SLIP_INLINE bool slip_lanes_no_consumer_(void *handle,
					 const struct slip_peer *asker)
{
	struct slip_lanes_producer *p =
		SLIP_CAST(struct slip_lanes_producer *, handle);
	uint64_t counted = slip_lanes_counted_(&p->ring->consumers_came);
	bool some;

	if (slip_lanes_any_consumer_(p, asker, &some) || !some)
		return false;
	return slip_lanes_same_(&p->ring->consumers_came, counted);
}

/* For who waits for the first of the other side, or the next. */
SLIP_INLINE bool slip_lanes_wait_on_(void *handle,
				     const struct slip_peer *asker)
{
	(void)handle;
	(void)asker;
	return false;
}

/* --- producers ------------------------------------------------------------- */

/* Lane `i` has a producer: consumers are to look there. */
SLIP_INLINE void slip_lanes_enrol_(struct slip_lanes_ring *ring, uint32_t i)
{
	/* hint: the swap is by what was seen; the record is what is told of */
	uint32_t high = slip_a32_load_relaxed(&ring->high);

	for (int tries = 0; high <= i && tries < 65536; tries++)
		/* hint: as above */
		if (slip_a32_cas_relaxed(&ring->high, &high, i + 1))
			break;
	slip_lanes_count_(&ring->producers_came);
}

/* Say up to where there are records, if there are several consumers. */
SLIP_CORE void slip_lanes_say_(struct slip_lanes_producer *p)
{
	if (p->tail)
		/* LANES-R3 producer: the records that it says are there. Pairs:
		 * slip_lanes_look_. Else: the lane is taken for damaged. */
		slip_a64_store_release(p->tail, p->rec.tail);
}

/* Commit a chain of at least one piece, and tell once it is said. */
SLIP_CORE void slip_lanes_publish_(struct slip_lanes_producer *p,
				   const struct slip_record_chain *chain)
{
	slip_record_publish_(&p->rec, chain);
	slip_lanes_say_(p);
	slip_record_tell_(&p->rec.side);
}

/* Become the producer of lane `i`: 0; -EBUSY: it has one; -EBADMSG: damaged. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_sit_at_(struct slip_lanes_producer *p, struct slip_peer *self,
		   uint32_t i)
{
	struct slip_record_ring *lane = slip_lanes_lane_(p->ring, &p->shape, i);
	struct slip_record_producer *r = &p->rec;
	uint64_t records;
	uint64_t head;
	int rc;

	r->side.mine = &lane->ends.producer_role;
	rc = slip_role_take_(r->side.mine, self);
	if (rc)
		return rc;
	slip_lanes_data_(&r->shape, lane);
	/* RECORD-A3 producer: as slip_record_refill_slow_. Pairs:
	 * slip_record_release_to_. Else: as there, in the first lap. */
	head = slip_a64_load_acquire(&lane->ends.head);
	rc = slip_record_find_tail_(&r->shape, head, &r->tail, &records);
	if (rc) {
		slip_side_close_(&r->side);
		return rc;
	}
	p->tail = p->shape.consumers > 1 ? slip_lanes_tail_(lane) : NULL;
	slip_lanes_say_(p);
	r->ring = lane;
	r->side.wait_on = &lane->ends.ev_space;
	r->limit = head + r->shape.capacity;
	r->error = 0;
	p->at = i;
	slip_lanes_enrol_(p->ring, i);
	slip_event_notify(r->side.tell, r->side.mode);
	return 0;
}

/* Become the producer of any lane; of those whose holders may be dead only with
 * `ask`. -EUSERS: there is none; -EBADMSG: but for damaged ones. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_sit_(struct slip_lanes_producer *p, struct slip_peer *self, bool ask)
{
	int worst = -EUSERS;

	for (uint32_t i = 0; i < p->shape.lanes; i++) {
		struct slip_record_ring *lane =
			slip_lanes_lane_(p->ring, &p->shape, i);
		int rc = -EBUSY;

		if (slip_lanes_vacant_(&lane->ends.producer_role, ask))
			rc = slip_lanes_sit_at_(p, self, i);
		if (rc == 0)
			return 0;
		if (rc != -EBUSY)
			worst = rc;
	}
	return worst;
}

/* Where the bytes of a record go, behind the chain; NULL: no room. `*skip`: of
 * the PAD before it. */
SLIP_CORE unsigned char *slip_lanes_room_(struct slip_lanes_producer *p,
					  const struct slip_record_chain *chain,
					  uint32_t len, uint64_t *skip)
{
	struct slip_record_producer *r = &p->rec;
	uint64_t bytes = slip_record_footprint_(len + p->shape.extra);

	*skip = slip_record_skip_(&r->shape, chain->pos, bytes);
	if (!slip_record_free_(r, chain->pos - r->tail + *skip + bytes + 8))
		return NULL;
	return slip_record_place_(&r->shape, chain->pos + *skip) + 8 +
	       p->shape.extra;
}

/* Say, before the bytes at `to`, when that was. */
SLIP_CORE void slip_lanes_stamp_(const struct slip_lanes_producer *p,
				 unsigned char *to)
{
	uint64_t now;

	if (!p->shape.extra)
		return;
	now = slip_now_ns();
	slip_copy(to - SLIP_LANES_STAMP_, &now, SLIP_LANES_STAMP_);
}

/* Copy a record in behind the chain if it fits; `len` is within the limit. */
SLIP_CORE bool slip_lanes_append_(struct slip_lanes_producer *p,
				  struct slip_record_chain *chain,
				  const void *data, uint32_t len)
{
	uint64_t skip;
	unsigned char *to = slip_lanes_room_(p, chain, len, &skip);

	if (!to)
		return false;
	slip_lanes_stamp_(p, to);
	if (len) /* data may be NULL */
		slip_copy(to, data, len);
	slip_record_add_(&p->rec, chain, skip, len + p->shape.extra);
	return true;
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_lanes_has_room_(void *handle)
{
	struct slip_lanes_producer *p =
		SLIP_CAST(struct slip_lanes_producer *, handle);

	return slip_record_has_room_(&p->rec);
}

SLIP_INLINE int slip_lanes_has_consumer_(void *handle)
{
	struct slip_lanes_producer *p =
		SLIP_CAST(struct slip_lanes_producer *, handle);
	bool some;

	return slip_lanes_any_consumer_(p, p->rec.side.self, &some);
}

#ifdef __cplusplus
}
#endif

#endif
