/* SPDX-License-Identifier: MIT */
/*
 * Broadcast.h from the inside: the bytes, the handles, and how a reader goes.
 * Private; the picture of the layout and the crash contract stand in
 * broadcast.h, writing and the readers' seats in broadcast_seat.h.
 *
 * Positions count units since init: elements, or 8 bytes of records. A lane's
 * room is a power of two of them, in eight parts. No element is longer than a
 * part, so an element begins in each part that lies below the tail.
 */
#ifndef SLIP_RING_BROADCAST_PVT_H
#define SLIP_RING_BROADCAST_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "latest_pvt.h" /* bytes as words: LATEST-R3, LATEST-A3 */
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_BROADCAST_MAGIC	   UINT64_C(0x31534143424c5053) /* "SPLBCAS1" */
#define SLIP_BROADCAST_LAYOUT	   2u
#define SLIP_BROADCAST_WRITERS_MAX 16u
#define SLIP_BROADCAST_READERS_MAX 64u
#define SLIP_BROADCAST_ELEM_MAX	   65536u
#define SLIP_BROADCAST_PARTS	   8u

/* How often a bare read tries before it says -EAGAIN. */
#define SLIP_BROADCAST_TRIES 16

/* Cursors that are no position: one that holds nobody back; and one of a reader
 * that comes, beyond which nothing more may be begun. */
#define SLIP_BROADCAST_NONE   UINT64_MAX
#define SLIP_BROADCAST_COMING (UINT64_MAX - 1)

/* The bytes at the start. */
struct slip_broadcast_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the events: SLIP_EVENT_ASYM or _FULL */
	slip_a64 room; /* slots of a lane, or bytes of records */
	slip_a32 elem_bytes;
	slip_a32 writers;
	slip_a32 readers;
	unsigned char pad0[92];
	/* +128: read by writers on every write */
	struct slip_event ev_data; /* readers sleep here */
	slip_a64 came;		   /* writers that have come */
	unsigned char pad1[112];
	/* +256: read by readers with a seat on every read */
	struct slip_event ev_space; /* a lossless writer sleeps here */
	slip_a64 meet;		    /* joins, and the writer's looks round */
	unsigned char pad2[112];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_ring, readers) == 32,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_ring, ev_data) == 128,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_ring, came) == 136, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_ring, ev_space) == 256,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_ring, meet) == 264, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_broadcast_ring) == 384, "layout");

/* The first record that begins in a part. */
struct slip_broadcast_mark {
	slip_a64 pos;
	slip_a64 number;
};

/* One writer's words. */
struct slip_broadcast_lane {
	slip_a64 tail; /* what lies below is there */
	unsigned char pad0[120];
	/* +128: rarely written */
	slip_a64 begun; /* what lies below may have been touched */
	slip_a64 role;
	unsigned char pad1[112];
	/* +256: of records */
	struct slip_broadcast_mark marks[SLIP_BROADCAST_PARTS];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_lane, begun) == 128,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_lane, role) == 136, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_lane, marks) == 256,
		   "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_broadcast_lane) == 384, "layout");

/* One reader's words, where readers hold the writer back. */
struct slip_broadcast_seat {
	slip_a64 role;
	slip_a64 cursor; /* what lies below is done with */
	unsigned char pad[112];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_broadcast_seat, cursor) == 8, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_broadcast_seat) == SLIP_APART_BYTES,
		   "layout");

/* Geometry, validated once; private. */
struct slip_broadcast_shape {
	uint64_t room; /* units of a lane */
	uint64_t part; /* units of an eighth */
	uint32_t unit_bytes;
	uint32_t elem_bytes; /* 0: records */
	uint32_t max_bytes;  /* of an element */
	uint32_t writers;
	uint32_t readers; /* seats; 0: lossy */
};

/* Where a reader is in one lane. */
struct slip_broadcast_at {
	struct slip_broadcast_lane *lane;
	unsigned char *data;
	uint64_t pos;	 /* the next element */
	uint64_t seen;	 /* the tail, as last looked at */
	uint64_t number; /* of elements before pos */
	uint64_t told;	 /* of those that were read, or reported lost */
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users.
 */
struct slip_broadcast_writer {
	struct slip_broadcast_lane *lane;
	unsigned char *data;
	uint64_t tail;
	uint64_t begun;	  /* what lane->begun holds */
	uint64_t number;  /* elements before tail */
	uint64_t mark_at; /* a record that begins there or later gets a mark */
	uint64_t limit;	  /* the readers' seats allow no more; lossless */
	struct slip_broadcast_shape shape;
	struct slip_broadcast_ring *ring;
	struct slip_side side;
	uint64_t want;	/* the end that a wait for room is about */
	uint32_t index; /* of the lane */
	int error;	/* -EPIPE: closed */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_broadcast_reader {
	uint32_t next;			  /* lane to look at first */
	uint32_t from;			  /* lane that was read last */
	struct slip_broadcast_seat *seat; /* NULL: holds nobody back */
	uint64_t number; /* of the element that was read last */
	uint64_t lost;	 /* just before it */
	struct slip_broadcast_shape shape;
	struct slip_broadcast_ring *ring; /* written only to wait */
	struct slip_side side;
	int error; /* -EBADMSG: damaged; -EPIPE: closed */
	struct slip_broadcast_at at[SLIP_BROADCAST_WRITERS_MAX];
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* --- shape ------------------------------------------------------------------ */

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_broadcast_shape_(struct slip_broadcast_shape *s,
				       uint64_t room, uint32_t elem_bytes,
				       uint32_t writers, uint32_t readers)
{
	uint64_t least = elem_bytes ? 8 : 256;
	uint64_t most = UINT64_C(1) << (elem_bytes ? 24 : 31);

	if (room < least || room > most || (room & (room - 1)) ||
	    elem_bytes > SLIP_BROADCAST_ELEM_MAX || writers < 1 ||
	    writers > SLIP_BROADCAST_WRITERS_MAX ||
	    readers > SLIP_BROADCAST_READERS_MAX || (readers && writers > 1))
		return false;
	s->elem_bytes = elem_bytes;
	s->unit_bytes = elem_bytes ? (elem_bytes + 7) / 8 * 8 : 8;
	s->room = elem_bytes ? room : room / 8;
	s->part = s->room / SLIP_BROADCAST_PARTS;
	s->max_bytes =
		elem_bytes ? elem_bytes : SLIP_CAST(uint32_t, s->part * 8 - 8);
	s->writers = writers;
	s->readers = readers;
	return true;
}

SLIP_INLINE size_t slip_broadcast_lane_at_(uint32_t i)
{
	return sizeof(struct slip_broadcast_ring) +
	       i * sizeof(struct slip_broadcast_lane);
}

SLIP_INLINE size_t slip_broadcast_seat_at_(const struct slip_broadcast_shape *s,
					   uint32_t i)
{
	return slip_broadcast_lane_at_(s->writers) +
	       i * sizeof(struct slip_broadcast_seat);
}

SLIP_INLINE size_t slip_broadcast_data_at_(const struct slip_broadcast_shape *s,
					   uint32_t lane)
{
	return slip_broadcast_seat_at_(s, s->readers) +
	       lane * s->room * s->unit_bytes;
}

SLIP_INLINE size_t
slip_broadcast_shape_bytes_(const struct slip_broadcast_shape *s)
{
	return slip_broadcast_data_at_(s, s->writers);
}

SLIP_INLINE struct slip_broadcast_lane *
slip_broadcast_lane_(struct slip_broadcast_ring *ring, uint32_t i)
{
	void *at =
		SLIP_RECAST(unsigned char *, ring) + slip_broadcast_lane_at_(i);

	return SLIP_CAST(struct slip_broadcast_lane *, at);
}

SLIP_INLINE struct slip_broadcast_seat *
slip_broadcast_seat_(struct slip_broadcast_ring *ring,
		     const struct slip_broadcast_shape *s, uint32_t i)
{
	void *at = SLIP_RECAST(unsigned char *, ring) +
		   slip_broadcast_seat_at_(s, i);

	return SLIP_CAST(struct slip_broadcast_seat *, at);
}

SLIP_INLINE unsigned char *
slip_broadcast_data_(struct slip_broadcast_ring *ring,
		     const struct slip_broadcast_shape *s, uint32_t lane)
{
	return SLIP_RECAST(unsigned char *, ring) +
	       slip_broadcast_data_at_(s, lane);
}

/* Validate the header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_check_(const struct slip_broadcast_ring *ring, size_t mem_bytes,
		      struct slip_broadcast_shape *s, unsigned *mode)
{
	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* BROADCAST-A1 attach: the header that follows is complete. Pairs:
	 * slip_broadcast_init. Else: a half-written geometry is taken. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_BROADCAST_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_BROADCAST_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	if (!slip_broadcast_shape_(s, slip_a64_load_relaxed(&ring->room),
				   slip_a32_load_relaxed(&ring->elem_bytes),
				   slip_a32_load_relaxed(&ring->writers),
				   slip_a32_load_relaxed(&ring->readers)) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_broadcast_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* --- elements --------------------------------------------------------------- */

/* Where a unit stands. */
SLIP_CORE slip_a64 *slip_broadcast_unit_(unsigned char *data,
					 const struct slip_broadcast_shape *s,
					 uint64_t pos)
{
	void *at = data + (pos & (s->room - 1)) * s->unit_bytes;

	return SLIP_CAST(slip_a64 *, at);
}

/* Units of a record, its header being one. */
SLIP_CORE uint64_t slip_broadcast_units_(uint32_t bytes)
{
	return 1 + (SLIP_CAST(uint64_t, bytes) + 7) / 8;
}

/* How much of a record's body stands before the end of the data. */
SLIP_CORE uint32_t slip_broadcast_front_(const struct slip_broadcast_shape *s,
					 uint64_t pos, uint32_t bytes)
{
	uint64_t rest = (s->room - (pos & (s->room - 1))) * 8;

	return bytes < rest ? bytes : SLIP_CAST(uint32_t, rest);
}

/* A record's header: its length, and the low half of its number. */
SLIP_CORE uint64_t slip_broadcast_header_(uint32_t bytes, uint64_t number)
{
	return bytes | number << 32;
}

/* What one read wants. */
struct slip_broadcast_want {
	unsigned char *buf;
	uint32_t buf_bytes;
	uint32_t exact; /* the size of elements, if a constant; else 0 */
};

/* An element as found. */
struct slip_broadcast_found {
	uint64_t header; /* of a record */
	uint64_t units;
	uint32_t bytes;
};

/* Copy the body of a record, which may go over the end of the data. */
SLIP_INLINE void
slip_broadcast_load_record_(const struct slip_broadcast_shape *s,
			    unsigned char *data, uint64_t pos,
			    unsigned char *to, uint32_t bytes)
{
	uint32_t front = slip_broadcast_front_(s, pos, bytes);

	slip_latest_load_(to, slip_broadcast_unit_(data, s, pos), front);
	slip_latest_load_(to + front, slip_broadcast_unit_(data, s, 0),
			  bytes - front);
}

/* Copy what stands at `at`, if it fits; whether it is whole is not known yet. */
SLIP_CORE void slip_broadcast_copy_(const struct slip_broadcast_shape *s,
				    const struct slip_broadcast_at *at,
				    const struct slip_broadcast_want *want,
				    struct slip_broadcast_found *found)
{
	slip_a64 *here = slip_broadcast_unit_(at->data, s, at->pos);

	found->header = 0;
	found->units = 1;
	found->bytes = want->exact ? want->exact : s->elem_bytes;
	if (SLIP_LIKELY(found->bytes)) {
		if (found->bytes <= want->buf_bytes)
			slip_latest_load_(want->buf, here, found->bytes);
		return;
	}
	/* BROADCAST-A3 reader: if this is of a later lap, the look at `begun`
	 * that follows tells. Pairs: slip_broadcast_store_record_. Else: a
	 * number of a later lap is called damage. */
	found->header = slip_a64_load_acquire(here);
	found->bytes = SLIP_CAST(uint32_t, found->header & UINT32_MAX);
	found->units = slip_broadcast_units_(found->bytes);
	if (found->bytes <= want->buf_bytes && found->bytes <= s->max_bytes)
		slip_broadcast_load_record_(s, at->data, at->pos + 1, want->buf,
					    found->bytes);
}

/* --- finding a place ---------------------------------------------------------- */

/* A place where an element begins. */
struct slip_broadcast_place {
	uint64_t pos;
	uint64_t number; /* of elements before it */
};

/* Has what stood at `pos` perhaps been touched? */
SLIP_INLINE bool slip_broadcast_lapped_(const struct slip_broadcast_shape *s,
					const struct slip_broadcast_lane *lane,
					uint64_t pos)
{
	/* hint: only compared; if a mark or header was touched, its load (A3,
	 * A4), which comes before it, brings that */
	return slip_a64_load_relaxed(&lane->begun) - pos > s->room;
}

/* Where the first element of part `k` begins, a part that lies below the tail.
 * 0; -EAGAIN: overwritten meanwhile; -EBADMSG. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_part_(const struct slip_broadcast_shape *s,
		     const struct slip_broadcast_lane *lane, uint64_t k,
		     struct slip_broadcast_place *to)
{
	const struct slip_broadcast_mark *mark =
		&lane->marks[k % SLIP_BROADCAST_PARTS];
	uint64_t start = k * s->part;

	to->pos = start;
	to->number = start;
	if (s->elem_bytes || k == 0) /* at 0 nothing is before it */
		return slip_broadcast_lapped_(s, lane, start) ? -EAGAIN : 0;
	/* BROADCAST-A4 reader: if either word is of a later lap, the look at
	 * `begun` that follows tells. Pairs: slip_broadcast_mark_. Else: a
	 * mark of a later lap is called damage. */
	to->pos = slip_a64_load_acquire(&mark->pos);
	/* BROADCAST-A4 reader: as above. Pairs: slip_broadcast_mark_. Else: as
	 * above. */
	to->number = slip_a64_load_acquire(&mark->number);
	if (slip_broadcast_lapped_(s, lane, start))
		return -EAGAIN;
	return to->pos - start < s->part && to->number <= to->pos ? 0
								  : -EBADMSG;
}

/* Follow the records from `to` as far as `tail`, at most two parts; `*last`: the
 * beginning of the last of them. False: they do not lead there. */
SLIP_INLINE bool slip_broadcast_walk_(const struct slip_broadcast_shape *s,
				      unsigned char *data, uint64_t tail,
				      struct slip_broadcast_place *to,
				      uint64_t *last)
{
	while (to->pos != tail) {
		/* BROADCAST-A3 reader: as in slip_broadcast_copy_. Pairs:
		 * slip_broadcast_store_record_. Else: as there. */
		uint64_t header = slip_a64_load_acquire(
			slip_broadcast_unit_(data, s, to->pos));
		uint32_t bytes = SLIP_CAST(uint32_t, header & UINT32_MAX);
		uint64_t units = slip_broadcast_units_(bytes);

		if (header != slip_broadcast_header_(bytes, to->number) ||
		    units > tail - to->pos)
			return false;
		*last = to->pos;
		to->pos += units;
		to->number++;
	}
	return true;
}

/* The place of the tail, where the next element will be: 0; -EAGAIN: lapped in
 * the search; -EBADMSG. `*last`: where the last record begins. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_newest_(const struct slip_broadcast_shape *s,
		       const struct slip_broadcast_lane *lane,
		       unsigned char *data, struct slip_broadcast_place *to,
		       uint64_t *last)
{
	/* BROADCAST-A5 reader: marks and headers below it. Pairs:
	 * slip_broadcast_publish_. Else: as R5. */
	uint64_t tail = slip_a64_load_acquire(&lane->tail);
	uint64_t k = tail < s->part ? 0 : tail / s->part - 1;
	int rc;

	*last = tail;
	if (s->elem_bytes) {
		to->pos = tail;
		to->number = tail;
		return 0;
	}
	rc = slip_broadcast_part_(s, lane, k, to);
	if (rc || slip_broadcast_walk_(s, data, tail, to, last))
		return rc;
	return slip_broadcast_lapped_(s, lane, k * s->part) ? -EAGAIN
							    : -EBADMSG;
}

/* The place of the oldest element that is there, to within a part. As above. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_oldest_(const struct slip_broadcast_shape *s,
		       const struct slip_broadcast_lane *lane,
		       struct slip_broadcast_place *to)
{
	/* BROADCAST-A2 reader: the tail that is looked at next is not far below
	 * it. Pairs: slip_broadcast_claim_. Else: as R2. */
	uint64_t begun = slip_a64_load_acquire(&lane->begun);
	/* hint: only compared; the marks were there before that was begun */
	uint64_t tail = slip_a64_load_relaxed(&lane->tail);

	if (SLIP_CAST(int64_t, begun - tail) > SLIP_CAST(int64_t, s->part))
		return -EBADMSG;
	return slip_broadcast_part_(
		s, lane,
		begun <= s->room ? 0
				 : (begun - s->room + s->part - 1) / s->part,
		to);
}

/* --- reading ---------------------------------------------------------------- */

SLIP_INLINE int slip_broadcast_poison_(struct slip_broadcast_reader *r)
{
	r->error = -EBADMSG;
	return -EBADMSG;
}

/* Tell a writer how far this reader has come. */
SLIP_CORE void slip_broadcast_done_(struct slip_broadcast_reader *r,
				    uint64_t pos)
{
	if (!r->seat)
		return;
	/* BROADCAST-R6 reader: has done with all below it, and with what that
	 * told it of. Pairs: slip_broadcast_cursor_. Else: a lossless writer
	 * writes over it and does not see what came of it. */
	slip_a64_store_release(&r->seat->cursor, pos);
	slip_event_notify(&r->ring->ev_space, r->side.mode);
}

/*
 * Overtaken: go on where the writer will not be soon, at least a part from what
 * it may touch. How much was lost shows in the number there. -EAGAIN: look there;
 * -EBADMSG. `begun` is what the look saw there.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_broadcast_jump_slow_(struct slip_broadcast_reader *r,
			  struct slip_broadcast_at *at, uint64_t begun)
{
	const struct slip_broadcast_shape *s = &r->shape;
	struct slip_broadcast_place to;
	uint64_t tail;
	int rc;

	/* BROADCAST-A5 reader: marks below it. Pairs: slip_broadcast_publish_.
	 * Else: as R5. */
	tail = slip_a64_load_acquire(&at->lane->tail);
	if (SLIP_CAST(int64_t, begun - at->pos) < 0 ||
	    SLIP_CAST(int64_t, tail + s->part - begun) < 0)
		return slip_broadcast_poison_(r);
	rc = slip_broadcast_part_(
		s, at->lane, (tail + s->part - s->room) / s->part + 2, &to);
	/* hint: only compared; overtaken meanwhile, or the tail is not what was
	 * written, and damage that stands still is not looked at for ever */
	if (rc == -EAGAIN && slip_a64_load_relaxed(&at->lane->begun) != begun)
		return rc;
	if (rc || to.number - at->number - 1 >= to.pos - at->pos)
		return slip_broadcast_poison_(r);
	at->pos = to.pos;
	at->number = to.number;
	at->seen = tail;
	slip_broadcast_done_(r, at->pos);
	return -EAGAIN;
}

/* The copy that was made is whole. */
SLIP_CORE SLIP_MUST_CHECK int
slip_broadcast_took_(struct slip_broadcast_reader *r,
		     struct slip_broadcast_at *at,
		     const struct slip_broadcast_want *want,
		     const struct slip_broadcast_found *found, uint32_t *len)
{
	if (!want->exact && !r->shape.elem_bytes &&
	    SLIP_UNLIKELY(found->header != slip_broadcast_header_(found->bytes,
								  at->number) ||
			  found->units > at->seen - at->pos ||
			  found->bytes > r->shape.max_bytes))
		return slip_broadcast_poison_(r);
	*len = found->bytes;
	if (SLIP_UNLIKELY(found->bytes > want->buf_bytes))
		return -EMSGSIZE;
	r->lost = at->number - at->told;
	at->pos += found->units;
	at->number++;
	at->told = at->number;
	r->number = at->number;
	slip_broadcast_done_(r, at->pos);
	return 0;
}

/* Is there an element that has not been looked at? 1, 0, -EBADMSG. */
SLIP_CORE int slip_broadcast_look_(struct slip_broadcast_reader *r,
				   struct slip_broadcast_at *at)
{
	if (SLIP_LIKELY(at->seen != at->pos))
		return 1;
	/* BROADCAST-A5 reader: the bytes of the elements below it. Pairs:
	 * slip_broadcast_publish_. Else: as R5. */
	at->seen = slip_a64_load_acquire(&at->lane->tail);
	if (SLIP_UNLIKELY(SLIP_CAST(int64_t, at->seen - at->pos) < 0))
		return slip_broadcast_poison_(r);
	return at->seen != at->pos;
}

/* Try once to read from one lane. 0; -EAGAIN: overtaken, try again; -ENODATA,
 * -EMSGSIZE, -EBADMSG. */
SLIP_CORE SLIP_MUST_CHECK int
slip_broadcast_try_(struct slip_broadcast_reader *r,
		    struct slip_broadcast_at *at,
		    const struct slip_broadcast_want *want, uint32_t *len)
{
	struct slip_broadcast_found found;
	uint64_t begun;
	int rc = slip_broadcast_look_(r, at);

	if (SLIP_UNLIKELY(rc <= 0))
		return rc ? rc : -ENODATA;
	slip_broadcast_copy_(&r->shape, at, want, &found);
	/* BROADCAST-A2 reader: if any of that was touched, it finds it begun;
	 * and the tail that is looked at next is not far below it. Pairs:
	 * slip_broadcast_claim_. Else: as R2. */
	begun = slip_a64_load_acquire(&at->lane->begun);
	if (SLIP_UNLIKELY(begun - at->pos > r->shape.room))
		return slip_broadcast_jump_slow_(r, at, begun);
	return slip_broadcast_took_(r, at, want, &found, len);
}

/* Read from the lane whose turn it is, or the next that has something. */
SLIP_CORE SLIP_MUST_CHECK int
slip_broadcast_read_(struct slip_broadcast_reader *r, void *buf,
		     uint32_t buf_bytes, uint32_t *len, uint32_t exact)
{
	const struct slip_broadcast_want want = {
		SLIP_CAST(unsigned char *, buf), buf_bytes, exact
	};
	int rc = r->error ? r->error : -ENODATA;

	for (uint32_t n = 0; rc == -ENODATA && n < r->shape.writers; n++) {
		uint32_t i = r->next;
		int tries = SLIP_BROADCAST_TRIES;

		do
			rc = slip_broadcast_try_(r, &r->at[i], &want, len);
		while (SLIP_UNLIKELY(rc == -EAGAIN) && --tries);
		if (!rc)
			r->from = i;
		if (rc != -EMSGSIZE)
			r->next = i + 1 < r->shape.writers ? i + 1 : 0;
	}
	return rc;
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_broadcast_has_data_(void *handle)
{
	struct slip_broadcast_reader *r =
		SLIP_CAST(struct slip_broadcast_reader *, handle);
	int now = 0;

	for (uint32_t i = 0; now == 0 && i < r->shape.writers; i++)
		now = slip_broadcast_look_(r, &r->at[i]);
	return now;
}

/* Read, and wait for something to read. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_read_until_(struct slip_broadcast_reader *r, void *buf,
			   uint32_t buf_bytes, uint32_t *len, uint32_t exact,
			   uint64_t deadline_ns)
{
	int rc = r->error ? r->error : slip_side_check_(&r->side);

	while (!rc) {
		rc = slip_broadcast_read_(r, buf, buf_bytes, len, exact);
		if (rc == -ENODATA)
			rc = slip_side_wait_(&r->side, slip_broadcast_has_data_,
					     r, deadline_ns);
		else if (rc == -EAGAIN)
			rc = slip_side_late_(deadline_ns) ? -ETIMEDOUT : 0;
		else
			break;
	}
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
