/* SPDX-License-Identifier: MIT */
/*
 * Broadcast.h from the inside: writing, the seats of readers that a writer waits
 * for, coming and going. Private.
 *
 * A lossless writer may write up to `limit`: the lowest cursor that it found at
 * its last look round, or its tail then, plus the room. A reader that comes while
 * the writer looks must not be missed by that look, and then be overtaken:
 *
 *	writer				reader
 *	------				------
 *	tail = T			cursor = COMING
 *	meet += 1			meet += 1
 *	limit = min(cursors, T) + room	cursor = tail
 *
 * The two additions are ordered. If the reader's is first, the writer finds its
 * cursor, and leaves the limit where it is as long as that is COMING. Else the
 * reader finds a tail of T or more, begins there, and the writer looks round
 * again before it goes beyond T + room.
 *
 * Cursors that do not count are NONE, or in a seat that nobody holds, or whose
 * holder is dead; those stay as they are. Only a cursor's holder stores to it, but
 * for the writer, which swaps one that is out of range, or to be evicted, for NONE.
 * So the next holder may come at any time: none of its values is taken for one that
 * the last one left.
 */
#ifndef SLIP_RING_BROADCAST_SEAT_H
#define SLIP_RING_BROADCAST_SEAT_H

#include "broadcast_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- how far the readers let us go ------------------------------------------- */

/* A reader's cursor. One that is out of range is put out of the way: who lies
 * about it holds nobody back. One that came at the oldest, as the writer went on, or
 * was evicted, may be up to two rooms behind. */
SLIP_INLINE uint64_t slip_broadcast_cursor_(struct slip_broadcast_writer *w,
					    uint32_t i)
{
	slip_a64 *at = &slip_broadcast_seat_(w->ring, &w->shape, i)->cursor;
	/* BROADCAST-A6 writer: that reader has done with all below. Pairs:
	 * slip_broadcast_done_. Else: as R6. */
	uint64_t c = slip_a64_load_acquire(at);

	if (c >= SLIP_BROADCAST_COMING || w->tail - c <= 2 * w->shape.room)
		return c;
	/* hint: if it has changed, the next look will find what it is */
	return slip_a64_cas_relaxed(at, &c, SLIP_BROADCAST_NONE)
		       ? SLIP_BROADCAST_NONE
		       : SLIP_BROADCAST_COMING;
}

/* Put the cursor `c` of seat `i` out of the way. */
SLIP_INLINE bool slip_broadcast_retire_(struct slip_broadcast_writer *w,
					uint32_t i, uint64_t c)
{
	/* hint: what its holder reads is found touched, if it still reads */
	return slip_a64_cas_relaxed(
		&slip_broadcast_seat_(w->ring, &w->shape, i)->cursor, &c,
		SLIP_BROADCAST_NONE);
}

/* Is seat `i` without a holder, or has it a dead one? */
SLIP_INLINE bool slip_broadcast_empty_(struct slip_broadcast_writer *w,
				       uint32_t i, bool ask)
{
	slip_a64 *role = &slip_broadcast_seat_(w->ring, &w->shape, i)->role;

	return slip_role_state_(role, ask ? w->side.self : NULL) !=
	       SLIP_ROLE_HELD;
}

/* Is the cursor `c` of seat `i` in the way of what ends at `need`, and its holder
 * there, as far as can be told, or with `ask`? */
SLIP_INLINE bool slip_broadcast_counts_(struct slip_broadcast_writer *w,
					uint32_t i, uint64_t c, uint64_t need,
					bool ask)
{
	if (c == SLIP_BROADCAST_NONE)
		return false;
	if (c != SLIP_BROADCAST_COMING && need - c <= w->shape.room)
		return true; /* wherever it is, it is not in the way */
	/* Left as it is: by now it may be the next holder's, who began with the
	 * same value. */
	return !slip_broadcast_empty_(w, i, ask);
}

/*
 * Look round: set the limit by the cursors, and say which is lowest. `need`: the
 * end of what is to be written.
 */
SLIP_INLINE uint64_t slip_broadcast_survey_(struct slip_broadcast_writer *w,
					    uint64_t need, bool ask)
{
	uint64_t lowest = w->tail;
	bool coming = false;

	/* BROADCAST-H1 writer: its tail is there before it looks at the cursors.
	 * Pairs: slip_broadcast_meet_. Else: a reader that comes is missed, and
	 * overtaken in what it was to have. */
	(void)slip_a64_fetch_add_acqrel(&w->ring->meet, 1);
	for (uint32_t i = 0; i < w->shape.readers; i++) {
		uint64_t c = slip_broadcast_cursor_(w, i);

		if (!slip_broadcast_counts_(w, i, c, need, ask))
			continue;
		if (c == SLIP_BROADCAST_COMING)
			coming = true;
		else if (w->tail - c > w->tail - lowest)
			lowest = c;
	}
	if (!coming)
		w->limit = w->tail - lowest < w->shape.room
				   ? lowest + w->shape.room
				   : w->tail;
	return lowest;
}

/* May we write up to `end`? */
SLIP_INLINE bool slip_broadcast_room_(struct slip_broadcast_writer *w,
				      uint64_t end, bool ask)
{
	if (!w->shape.readers || SLIP_CAST(int64_t, w->limit - end) >= 0)
		return true;
	(void)slip_broadcast_survey_(w, end, ask);
	return SLIP_CAST(int64_t, w->limit - end) >= 0;
}

/* What slip_side_wait_ asks; also who is dead, once a slice has gone by. */
SLIP_INLINE int slip_broadcast_has_room_(void *handle)
{
	struct slip_broadcast_writer *w =
		SLIP_CAST(struct slip_broadcast_writer *, handle);

	return slip_broadcast_room_(w, w->want, w->side.waited);
}

/* For who waits: readers may come at any time, so they have never all gone. */
SLIP_INLINE bool slip_broadcast_wait_on_(void *handle,
					 const struct slip_peer *asker)
{
	(void)handle;
	(void)asker;
	return false;
}

/* --- writing ---------------------------------------------------------------- */

/* More than what was begun is to be touched, up to `end`: say so, for a part at
 * once. 0, or -EAGAIN: readers are in the way. */
SLIP_COLD SLIP_MUST_CHECK int
slip_broadcast_claim_(struct slip_broadcast_writer *w, uint64_t end, bool ask)
{
	uint64_t begun = w->tail + w->shape.part;

	if (!slip_broadcast_room_(w, end, ask)) {
		w->want = end;
		return -EAGAIN;
	}
	if (w->shape.readers && SLIP_CAST(int64_t, w->limit - begun) < 0)
		begun = w->limit;
	w->begun = begun;
	/* BROADCAST-R2 writer: the tail is at most a part below. Pairs:
	 * slip_broadcast_try_, slip_broadcast_oldest_. Else: a reader finds the
	 * tail too far below, and calls it damage. */
	slip_a64_store_release(&w->lane->begun, begun);
	return 0;
}

/* A record that is the first to begin in its part. */
SLIP_INLINE void slip_broadcast_mark_(struct slip_broadcast_writer *w)
{
	uint64_t k = w->tail / w->shape.part;
	struct slip_broadcast_mark *mark =
		&w->lane->marks[k % SLIP_BROADCAST_PARTS];

	/* BROADCAST-R4 writer: `begun` tells of the lap before its mark changes.
	 * Pairs: slip_broadcast_part_. Else: a reader takes it for a mark of the
	 * lap before. */
	slip_a64_store_release(&mark->pos, w->tail);
	/* BROADCAST-R4 writer: as above. Pairs: slip_broadcast_part_. Else: as
	 * above. */
	slip_a64_store_release(&mark->number, w->number);
	w->mark_at = (k + 1) * w->shape.part;
}

/* Part of a body. */
SLIP_INLINE void slip_broadcast_store_body_(slip_a64 *to,
					    const unsigned char *from,
					    uint32_t bytes)
{
	slip_latest_store_(to, from, bytes);
}

/* Header and body of the next record. */
SLIP_INLINE void slip_broadcast_store_record_(struct slip_broadcast_writer *w,
					      const unsigned char *from,
					      uint32_t bytes)
{
	const struct slip_broadcast_shape *s = &w->shape;
	uint32_t front = slip_broadcast_front_(s, w->tail + 1, bytes);

	if (SLIP_UNLIKELY(w->tail >= w->mark_at))
		slip_broadcast_mark_(w);
	/* BROADCAST-R3 writer: `begun` tells of the lap before the header
	 * changes. Pairs: slip_broadcast_copy_, slip_broadcast_walk_. Else: a
	 * reader takes it for one of the lap before. */
	slip_a64_store_release(slip_broadcast_unit_(w->data, s, w->tail),
			       slip_broadcast_header_(bytes, w->number));
	slip_broadcast_store_body_(
		slip_broadcast_unit_(w->data, s, w->tail + 1), from, front);
	if (SLIP_UNLIKELY(front != bytes))
		slip_broadcast_store_body_(slip_broadcast_unit_(w->data, s, 0),
					   from + front, bytes - front);
}

/* What was begun is whole, up to `end`. */
SLIP_INLINE void slip_broadcast_publish_(struct slip_broadcast_writer *w,
					 uint64_t end)
{
	w->tail = end;
	w->number++;
	/* BROADCAST-R5 writer: the linearization point of write; the element
	 * and its mark come before it. Pairs: slip_broadcast_look_,
	 * slip_broadcast_jump_slow_, slip_broadcast_newest_. Else: a reader takes
	 * the last lap's bytes. */
	slip_a64_store_release(&w->lane->tail, end);
	slip_event_notify(&w->ring->ev_data, w->side.mode);
}

/* `exact`: the size of elements, if a constant; else 0. `ask`: who is dead of
 * those in the way. */
SLIP_CORE SLIP_MUST_CHECK int
slip_broadcast_write_(struct slip_broadcast_writer *w, const void *data,
		      uint32_t bytes, uint32_t exact, bool ask)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, data);
	uint32_t elem = exact ? exact : w->shape.elem_bytes;
	uint64_t end = w->tail + (elem ? 1 : slip_broadcast_units_(bytes));
	int rc = w->error;

	if (SLIP_UNLIKELY(rc))
		return rc;
	if (SLIP_UNLIKELY(elem ? bytes != elem : bytes > w->shape.max_bytes))
		return -EMSGSIZE;
	if (SLIP_UNLIKELY(SLIP_CAST(int64_t, w->begun - end) < 0))
		rc = slip_broadcast_claim_(w, end, ask);
	if (SLIP_UNLIKELY(rc))
		return rc;
	if (SLIP_LIKELY(elem))
		slip_latest_store_(
			slip_broadcast_unit_(w->data, &w->shape, w->tail), from,
			bytes);
	else
		slip_broadcast_store_record_(w, from, bytes);
	slip_broadcast_publish_(w, end);
	return 0;
}

/* Write, and wait for readers that are in the way. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_write_until_(struct slip_broadcast_writer *w, const void *data,
			    uint32_t bytes, uint32_t exact,
			    uint64_t deadline_ns)
{
	int rc = w->error ? w->error : slip_side_check_(&w->side);
	bool late = false;

	while (!rc) {
		/* Short deadlines must not hide a death. */
		rc = slip_broadcast_write_(w, data, bytes, exact, late);
		if (rc != -EAGAIN)
			break;
		if (late)
			return -ETIMEDOUT;
		rc = slip_side_wait_(&w->side, slip_broadcast_has_room_, w,
				     deadline_ns);
		late = rc == -ETIMEDOUT;
		rc = late ? 0 : rc;
	}
	return rc;
}

/* --- coming and going: both ---------------------------------------------------- */

/*
 * Recovery hook of futex/peer.h: tells the others of a death at once. A damaged
 * ring, or one whose creator died before it was made, does not keep an id from
 * being reused. A dead reader's cursor stays: it does not count.
 */
SLIP_INLINE int slip_broadcast_recover_(struct slip_peer *self, void *mem,
					size_t mem_bytes, uint32_t id,
					uint32_t gen)
{
	struct slip_broadcast_ring *ring =
		SLIP_CAST(struct slip_broadcast_ring *, mem);
	uint64_t held = slip_role_held_(id, gen);
	struct slip_broadcast_shape s;
	unsigned mode;

	(void)self;
	if (slip_broadcast_check_(ring, mem_bytes, &s, &mode))
		return 0;
	for (uint32_t i = 0; i < s.writers; i++)
		(void)slip_role_bury_(&slip_broadcast_lane_(ring, i)->role,
				      held);
	for (uint32_t i = 0; i < s.readers; i++)
		(void)slip_role_bury_(&slip_broadcast_seat_(ring, &s, i)->role,
				      held);
	/* Also of one that left, for it may not have come to telling. */
	slip_event_wake_all(&ring->ev_data);
	slip_event_wake_all(&ring->ev_space);
	return 0;
}

/* Validate for attach; elements of another size than wanted (0: any) are
 * -EOVERFLOW. The header is read once. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_begin_(struct slip_broadcast_ring *ring, size_t mem_bytes,
		      struct slip_peer *self, uint32_t wanted,
		      struct slip_broadcast_shape *s, unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_broadcast_check_(ring, mem_bytes, s, mode);

	if (!rc && wanted && wanted != s->elem_bytes)
		rc = -EOVERFLOW;
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_BROADCAST,
				    slip_broadcast_recover_);
	return rc;
}

/* --- writers ------------------------------------------------------------------ */

/* Go on where the last writer of the lane stopped. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_succeed_(struct slip_broadcast_writer *w)
{
	/* own: follows a writer that is gone; the order comes with its role
	 * (ROLE-A1), or with the header */
	uint64_t begun = slip_a64_load_relaxed(&w->lane->begun);
	struct slip_broadcast_place at;
	uint64_t last;

	if (slip_broadcast_newest_(&w->shape, w->lane, w->data, &at, &last) ||
	    begun - at.pos > w->shape.part)
		return -EBADMSG;
	w->tail = at.pos;
	w->number = at.number;
	w->begun = begun;
	w->limit = begun; /* as the last one's look round allowed */
	w->mark_at = at.pos ? (last / w->shape.part + 1) * w->shape.part : 0;
	return 0;
}

/* Become the writer of lane `i`. 0, -EBUSY, or as slip_side_open_. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_take_lane_(struct slip_broadcast_writer *w,
			  struct slip_peer *self, uint32_t i)
{
	int rc;

	w->lane = slip_broadcast_lane_(w->ring, i);
	w->data = slip_broadcast_data_(w->ring, &w->shape, i);
	w->index = i;
	w->side.mine = &w->lane->role;
	rc = slip_side_open_(&w->side, self, w->side.mode);
	if (rc)
		return rc;
	/* BROADCAST-R7 writer: has its lane before it is counted. Pairs:
	 * slip_broadcast_no_writer_. Else: a reader that looks at one lane
	 * after the other misses who came in between, and reports the end. */
	(void)slip_a64_fetch_add_release(&w->ring->came, 1);
	rc = slip_broadcast_succeed_(w);
	if (rc)
		slip_side_close_(&w->side);
	return rc;
}

/* Attach, for elements of `wanted` bytes (0: any). On failure the handle is as
 * one that has detached: calls on it find it closed. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_attach_writer_of_(struct slip_broadcast_writer *w, void *mem,
				 size_t mem_bytes, struct slip_peer *self,
				 uint32_t wanted)
{
	struct slip_broadcast_ring *ring =
		SLIP_CAST(struct slip_broadcast_ring *, mem);
	int rc;

	__builtin_memset(w, 0, sizeof(*w));
	w->error = -EPIPE;
	rc = slip_broadcast_begin_(ring, mem_bytes, self, wanted, &w->shape,
				   &w->side.mode);
	if (rc)
		return rc;
	w->ring = ring;
	w->side.tell = &ring->ev_data;
	w->side.wait_on = &ring->ev_space;
	w->side.gone = slip_broadcast_wait_on_;
	rc = -EBUSY;
	for (uint32_t i = 0; i < w->shape.writers && rc == -EBUSY; i++)
		rc = slip_broadcast_take_lane_(w, self, i);
	if (!rc)
		w->error = 0;
	return rc;
}

/* --- readers ------------------------------------------------------------------ */

/* Have all writers gone? As they are looked at one after the other, only if
 * nobody came meanwhile. */
SLIP_INLINE bool slip_broadcast_no_writer_(void *handle,
					   const struct slip_peer *asker)
{
	struct slip_broadcast_reader *r =
		SLIP_CAST(struct slip_broadcast_reader *, handle);
	/* BROADCAST-A7 reader: who has been counted has its lane. Pairs:
	 * slip_broadcast_take_lane_. Else: as R7. */
	uint64_t came = slip_a64_load_acquire(&r->ring->came);
	bool some = false;

	for (uint32_t i = 0; i < r->shape.writers; i++) {
		int state;

		r->side.theirs = &r->at[i].lane->role;
		state = slip_side_theirs_(&r->side, asker);
		if (state == SLIP_ROLE_HELD)
			return false;
		some |= state != SLIP_ROLE_VACANT;
	}
	/* hint: the looks brought what each that left had seen */
	return some && slip_a64_load_relaxed(&r->ring->came) == came;
}

/* Is any writer there, or something to read? What slip_side_wait_peer_ asks. */
SLIP_INLINE int slip_broadcast_has_writer_(void *handle)
{
	struct slip_broadcast_reader *r =
		SLIP_CAST(struct slip_broadcast_reader *, handle);

	for (uint32_t i = 0; i < r->shape.writers; i++) {
		r->side.theirs = &r->at[i].lane->role;
		if (slip_side_theirs_(&r->side, r->side.self) == SLIP_ROLE_HELD)
			return 1;
	}
	return slip_broadcast_has_data_(r);
}

/* Come to a place in lane `i`: where the oldest element is, or the next will be.
 * 0, -EBADMSG, or -EAGAIN: lapped each time. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_enter_(struct slip_broadcast_reader *r, uint32_t i, bool newest)
{
	struct slip_broadcast_at *at = &r->at[i];
	struct slip_broadcast_place to = { 0, 0 };
	uint64_t last;
	int rc = -EAGAIN;

	at->lane = slip_broadcast_lane_(r->ring, i);
	at->data = slip_broadcast_data_(r->ring, &r->shape, i);
	for (int left = SLIP_BROADCAST_TRIES; rc == -EAGAIN && left; left--)
		rc = newest ? slip_broadcast_newest_(&r->shape, at->lane,
						     at->data, &to, &last)
			    : slip_broadcast_oldest_(&r->shape, at->lane, &to);
	at->pos = to.pos;
	at->seen = to.pos;
	at->number = to.number;
	at->told = to.number;
	return rc;
}

/* The writer is to know of us from here on: see the top. */
SLIP_INLINE void slip_broadcast_meet_(struct slip_broadcast_reader *r)
{
	slip_broadcast_done_(r, SLIP_BROADCAST_COMING);
	/* BROADCAST-H1 looker: its cursor is there before it looks at the tail.
	 * Pairs: slip_broadcast_survey_. Else: as there. */
	(void)slip_a64_fetch_add_acqrel(&r->ring->meet, 1);
}

/* Take a seat. 0; -EUSERS: there is none, or as slip_side_open_. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_sit_(struct slip_broadcast_reader *r, struct slip_peer *self)
{
	int rc = -EBUSY;

	for (uint32_t i = 0; i < r->shape.readers && rc == -EBUSY; i++) {
		r->seat = slip_broadcast_seat_(r->ring, &r->shape, i);
		r->side.mine = &r->seat->role;
		rc = slip_side_open_(&r->side, self, r->side.mode);
	}
	return rc == -EBUSY ? -EUSERS : rc;
}

/* Give the seat up: it holds nobody back any more. */
SLIP_INLINE void slip_broadcast_rise_(struct slip_broadcast_reader *r)
{
	if (slip_side_check_(&r->side))
		return; /* a fork child has none */
	slip_broadcast_done_(r, SLIP_BROADCAST_NONE);
	slip_side_close_(&r->side);
}

/* Come to the ring, if need be in a seat of its own. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_join_(struct slip_broadcast_reader *r, struct slip_peer *self,
		     bool newest)
{
	bool seated = r->shape.readers && !r->side.readonly;
	int rc = seated ? slip_broadcast_sit_(r, self)
			: slip_side_begin_(&r->side, self, r->side.mode);

	if (rc)
		return rc;
	if (seated)
		slip_broadcast_meet_(r);
	for (uint32_t i = 0; i < r->shape.writers && !rc; i++)
		rc = slip_broadcast_enter_(r, i, newest);
	if (seated && !rc)
		slip_broadcast_done_(r, r->at[0].pos);
	else if (seated)
		slip_broadcast_rise_(r);
	return rc;
}

/* What the kinds of reader have in common. `readonly`: without a store. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_attach_reader_of_(struct slip_broadcast_reader *r,
				 struct slip_broadcast_ring *ring,
				 size_t mem_bytes, struct slip_peer *self,
				 bool newest, uint32_t wanted, bool readonly)
{
	int rc;

	__builtin_memset(r, 0, sizeof(*r));
	r->error = -EPIPE;
	rc = slip_broadcast_begin_(ring, mem_bytes, readonly ? NULL : self,
				   wanted, &r->shape, &r->side.mode);
	if (rc)
		return rc;
	r->ring = ring;
	r->side.wait_on = &ring->ev_data;
	r->side.tell = &ring->ev_space;
	r->side.theirs = &slip_broadcast_lane_(ring, 0)->role;
	r->side.readonly = readonly;
	if (r->shape.writers > 1)
		r->side.gone = slip_broadcast_no_writer_;
	rc = slip_broadcast_join_(r, self, newest);
	if (!rc)
		r->error = 0;
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
