/* SPDX-License-Identifier: MIT */
/*
 * Lanes: records of any length in shared memory, from many producers to one
 * consumer, or to several. Each producer has a lane of its own, so producers
 * never wait for each other, nor does one that died or stopped hold anybody up.
 *
 * Use it for messages of different length from several writers: a log, requests
 * to a service, events to one loop. Do not use it for elements of one size from
 * many to many (mpmc.h: one order for all), nor for one writer (record.h).
 *
 *	struct slip_lanes_producer p;			(each of up to 8)
 *
 *	if (slip_lanes_init(mem, bytes, 8, 65536, 1, 0) ||
 *	    slip_lanes_attach_producer(&p, mem, bytes, &self))
 *		return 1;
 *	if (slip_lanes_push_until(&p, "hello", 5, SLIP_FOREVER))
 *		return 1;
 *	slip_lanes_detach_producer(&p);
 *
 *	struct slip_lanes_consumer c;			(the other side)
 *	char text[100];
 *	uint32_t len;
 *
 *	if (slip_lanes_attach_consumer(&c, mem, bytes, &self))
 *		return 1;
 *	while (slip_lanes_pop_until(&c, text, sizeof(text), &len,
 *				    SLIP_FOREVER) == 0)
 *		fwrite(text, 1, len, stdout);
 *
 * Shape. `bytes` is slip_lanes_bytes(8, 65536).
 *
 *	+0	header		magic, layout, mode, flags, geometry; constant
 *	+128	producers read	ev_data (event: all consumers sleep here)
 *	+256	seats		16 role words (role.h): the consumers
 *	+384	roll		producers_came, consumers_came, high
 *	+512	lanes		each a ring as record.h makes it: its header, its
 *				two roles, head, ev_space (event: the producer
 *				sleeps here), `capacity` bytes; 128n in all; and,
 *				for several consumers, at +64 of it, tail
 *
 *	word		who changes it
 *	producer_role	of a lane: its producer; whoever sees it dead
 *	consumer_role	of a lane, in a ring of several consumers: held from when
 *			one of them takes a record there until it gives it back
 *	seat		a consumer; whoever sees it dead
 *	head		of a lane: the consumer that holds it; in a ring of one
 *			consumer, that
 *	tail		up to where there are records, said by the producer after
 *			it has committed them: where several consume, who does not
 *			hold a lane must not look at its data; of a producer that
 *			has gone, by a consumer that waits, if it was not said
 *
 * A record takes 8 bytes more, is padded to 8, and stands in one piece; it goes
 * in whole or not at all. The longest is half a lane less 8 bytes (16 if
 * stamped): that much is always accepted in the end. (A pipe promises that for
 * 4096 bytes.)
 *
 * Order. What one producer pushed comes out in the order it was pushed in. What
 * different ones pushed has no order, but it is fair: the consumer takes up to 32
 * records from one lane (or one pop_n) before it is the turn of the others.
 *
 * In a ring made SLIP_LANES_STAMPED, which has one consumer, each record carries
 * the time of its push, and the consumer takes the oldest. A record whose push
 * returned before the push of another began comes out before that one: across
 * producers too, if the clock has ticked between. Two whose pushes overlapped, or
 * were within one tick, come out either way. The records of a push_n and a claim
 * are stamped one by one, as they are copied, or committed. The stamps are
 * CLOCK_MONOTONIC; a tick of it may be tens of nanoseconds.
 *
 * What a producer wrote before push is visible after the pop that returned the
 * record; what the consumer did before a pop or release returned is visible to
 * the push that reuses the space.
 *
 * Concurrency: as many producer handles as lanes, and as many consumer handles as
 * the ring was made for, each used by one thread at a time.
 *
 *			push/...		pop/...
 *	push/...	wait-free together	wait-free together
 *	pop/...		wait-free together	one handle: one thread; several:
 *						wait-free together
 *
 *	operation	progress	signal-safe	shared lines touched
 *	push, commit	wait-free	yes		the record's; ev_data's
 *	pop, release	wait-free	yes		the next header of each lane
 *							that had a producer; the
 *							record's; its lane's head
 *	*_until		blocking	no		as above, and the roles'
 *
 * Several consumers: pop takes a lane, by a CAS, for the one record, and gives it
 * back; pop_n for its batch, peek until release. A lane in another's hand is
 * passed over. So two consumers are never at records of one producer at once,
 * and what is in one's hand comes before what the other gets. A consumer that
 * stopped, or takes its time, holds up the lane whose record it has, or into which
 * it was just looking, and no other. -EAGAIN may then mean that all that is there
 * is in such a lane.
 *
 * If the other side sleeps, push, pop and release make one system call to wake it.
 * "Signal-safe": may run in a handler that did not interrupt an operation on the
 * same handle. A fork child uses no handle of its parent: its blocking calls say
 * -ECHILD if there is a peer.
 *
 * Death. A record is committed by the one store to its header, and consumed by
 * the one store to its lane's head. Attach with a peer (futex/peer.h), and:
 *
 *	killed			then
 *	in push, before commit	the record never was; the lane's next producer
 *				reuses its place
 *	in push, after commit	the record is delivered; to several consumers, if
 *				it was not said, once one of them has waited for
 *				a slice (6 ms), or there is an heir
 *	in push_n		none of the batch was, or all of it is there
 *	in pop, pop_n, before	the records are delivered again, to whoever takes
 *	 head; peek to release	the lane next: nothing that was in hand is lost
 *	in pop, after head	consumed
 *	producer stopped	its lane is at worst empty for as long; nobody else
 *				notices
 *	consumer stopped	of several, as above; the one: lanes fill up
 *
 * A lane whose producer has gone, in order or not, is for the next that comes, with
 * what is still in it; one whose producer's death nobody has seen yet is taken only
 * if there is no other. A dead consumer's seat, and the lane it had in hand, are
 * free once somebody has asked the kernel: a consumer that waits does after a
 * slice, one that is never idle at every 4093rd lane in another hand that it passes
 * over, slip_peer_recover() does at once.
 * With `self` NULL there is no death detection: a role is given up only by detach.
 *
 * Ends. -EPIPE tells a consumer that all producers that ever came have gone, and
 * every lane is empty: what another consumer has in hand counts as there. It
 * tells a producer that all consumers that ever came have gone.
 *
 * Damage: geometry is validated at attach and kept in the private handle. Each
 * word is read once and checked. A lane that makes no sense is not served any
 * more by who saw it (slip_lanes_damaged); the others are: it is its producer's
 * loss. A producer that reads a senseless head is poisoned: -EBADMSG. No value
 * leads outside the ring or to an endless loop. A body is the producer's; behind
 * a peek it may change under the reader if the producer is hostile, behind a pop
 * it does not. A liar can lose, forge, repeat and misdate records of any lane.
 *
 * Cost. In mode ASYM no producer takes a locked instruction, nor a line that
 * another producer writes; in mode FULL, and for some 131072 pushes after a consumer
 * has slept, each push is an RMW of ev_data, which all share. An idle lane costs the
 * consumer a look at a line that stays in its cache, about 1 ns (two lines, where
 * there are several consumers; and two locked instructions a record, or a batch; and
 * their producers store one word more). A stamp costs a look at the clock.
 *
 * Source: one lane a producer is what loggers do (LTTng by CPU, Aeron by
 * publication); roles that are taken over, and the merge that looks again, are
 * our own.
 */
#ifndef SLIP_RING_LANES_H
#define SLIP_RING_LANES_H

#include <sys/uio.h>

#include "lanes_turn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A look from outside, for tools; see slip_lanes_inspect. */
struct slip_lanes_info {
	uint64_t bytes;
	uint64_t capacity; /* of a lane, bytes */
	uint32_t lanes;
	uint32_t consumers; /* at a time */
	uint32_t max_bytes; /* longest record */
	unsigned mode;
	unsigned flags;		  /* SLIP_LANES_STAMPED or 0 */
	uint32_t producers_guess; /* lanes that are held */
	uint32_t consumers_guess;
	uint32_t unread_guess;	   /* lanes that could not be followed */
	uint64_t records_guess;	   /* in the others */
	uint64_t used_bytes_guess; /* of them, headers included */
	uint64_t popped_bytes;	   /* since init, headers included */
};

/*
 * Bytes that a ring of `lanes` takes (1 to 64), each with room for
 * `lane_capacity` bytes, a power of two from 64 to 2^31. 0: not a valid shape.
 */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_lanes_bytes(uint32_t lanes,
						    size_t lane_capacity)
{
	struct slip_lanes_shape s;

	if (!slip_lanes_shape_(&s, lanes, lane_capacity, 1, 0))
		return 0;
	return slip_lanes_shape_bytes_(&s);
}

/* The longest record that such lanes take, with flags as for slip_lanes_init; 0:
 * not a valid capacity. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t slip_lanes_max_bytes(size_t lane_capacity,
							  unsigned flags)
{
	struct slip_lanes_shape s;

	if (!slip_lanes_shape_(&s, 1, lane_capacity, 1,
			       flags & SLIP_LANES_STAMPED))
		return 0;
	return s.lane.max_len - s.extra;
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as a ring of
 * empty lanes, for up to `consumers` at a time (1 to 16). `flags`: one of 0,
 * SLIP_EVENT_ASYM and SLIP_EVENT_FULL (futex/event.h), how a sleeper is noticed;
 * with SLIP_LANES_STAMPED, for one consumer, as above. Does not touch the lanes'
 * data but for the first word of each.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_lanes_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_init(void *mem, size_t mem_bytes, uint32_t lanes,
		size_t lane_capacity, uint32_t consumers, unsigned flags)
{
	struct slip_lanes_ring *ring = SLIP_CAST(struct slip_lanes_ring *, mem);
	unsigned stamped = flags & SLIP_LANES_STAMPED;
	struct slip_lanes_shape s;
	int mode;
	int rc = 0;

	if (!slip_lanes_shape_(&s, lanes, lane_capacity, consumers, stamped) ||
	    !mem || SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    (flags & ~SLIP_LANES_STAMPED) > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_lanes_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags & ~SLIP_LANES_STAMPED);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 sizeof(*ring) - sizeof(ring->magic));
	for (uint32_t i = 0; i < s.lanes && rc == 0; i++)
		rc = slip_record_init(slip_lanes_lane_(ring, &s, i),
				      s.lane_bytes, lane_capacity,
				      SLIP_CAST(unsigned, mode));
	if (rc)
		return rc;
	/* init: six words */
	slip_a32_store_relaxed(&ring->layout, SLIP_LANES_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&ring->flags, stamped);
	slip_a32_store_relaxed(&ring->lanes, lanes);
	slip_a32_store_relaxed(&ring->consumers, consumers);
	slip_a64_store_relaxed(&ring->capacity, lane_capacity);
	/* LANES-R1 creator: the header is complete, and so are the lanes. Pairs:
	 * slip_lanes_check_. Else: a racing attach takes a half-written
	 * geometry. */
	slip_a64_store_release(&ring->magic, SLIP_LANES_MAGIC);
	return 0;
}

/* --- producers ------------------------------------------------------------- */

/*
 * Become the producer of a lane that is free: never used, left, or its producer
 * dead (asked of the kernel). `p` is memory of the caller's, of any content,
 * aligned as its type; `self` a membership of the region that the ring's users
 * share, which must outlive the handle, or NULL. One call at a time on one
 * `self`: attach, and those that futex/peer.h names. Does not block, but may take
 * milliseconds the first time (slip_event_register), and a few ns for each record
 * that is still in the lane. A consumer need not be there.
 *
 * Returns 0; -EUSERS: every lane has a producer that lives (or has no peer), or
 * another came to it just now; -EINVAL: mem NULL or not 64-byte aligned, or
 * `self` has left; -EBADMSG: not a ring, or damaged, or so is every lane that is
 * free; -EPROTO: of another layout; -EOVERFLOW: mem_bytes too small for it;
 * -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has hooks for too many
 * kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After a failure the
 * handle is as after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_attach_producer(struct slip_lanes_producer *p, void *mem,
			   size_t mem_bytes, struct slip_peer *self)
{
	struct slip_lanes_ring *ring = SLIP_CAST(struct slip_lanes_ring *, mem);
	struct slip_side *side = &p->rec.side;
	int rc;

	__builtin_memset(p, 0, sizeof(*p));
	rc = slip_lanes_begin_(ring, mem_bytes, self, &p->shape, &side->mode);
	if (!rc)
		rc = slip_side_begin_(side, self, side->mode);
	if (!rc) {
		p->ring = ring;
		p->max_len = p->shape.lane.max_len - p->shape.extra;
		p->rec.shape = p->shape.lane;
		side->tell = &ring->ev_data;
		rc = slip_lanes_sit_(p, self, false);
		if (rc)
			rc = slip_lanes_sit_(p, self, true);
	}
	if (rc) {
		__builtin_memset(p, 0, sizeof(*p));
		p->rec.error = -EPIPE;
	}
	return rc;
}

/* The lane's number, from 0: as slip_lanes_from says it to the consumer. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_lanes_lane(const struct slip_lanes_producer *p)
{
	return p->at;
}

/*
 * Append a record of `len` bytes, 0 allowed (`data` may then be NULL).
 *
 * Returns 0; -EAGAIN: no room now; -EMSGSIZE: longer than
 * slip_lanes_max_bytes(), so never; -EPIPE: closed through this handle (for
 * the other side's end see the _until form); -EBADMSG: poisoned. Wait-free.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_lanes_push(struct slip_lanes_producer *p,
					      const void *data, uint32_t len)
{
	struct slip_record_chain chain = { p->rec.tail, 0 };

	if (SLIP_UNLIKELY(len > p->max_len))
		return p->rec.error ? p->rec.error : -EMSGSIZE;
	if (!slip_lanes_append_(p, &chain, data, len))
		return p->rec.error ? p->rec.error : -EAGAIN;
	slip_lanes_publish_(p, &chain);
	return 0;
}

/* How long the `n` pieces are together, up to a record's longest; or
 * UINT32_MAX. */
SLIP_INLINE uint32_t slip_lanes_sum_(const struct slip_lanes_producer *p,
				     const struct iovec *v, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (v[i].iov_len > p->max_len - sum)
			return UINT32_MAX;
		sum += SLIP_CAST(uint32_t, v[i].iov_len);
	}
	return sum;
}

/* Append one record, of the `n` pieces at `v` one behind the other: all of it or
 * nothing. As push. */
SLIP_INLINE SLIP_MUST_CHECK int slip_lanes_push_v(struct slip_lanes_producer *p,
						  const struct iovec *v,
						  uint32_t n)
{
	struct slip_record_chain chain = { p->rec.tail, 0 };
	uint32_t len = slip_lanes_sum_(p, v, n);
	unsigned char *to;
	uint64_t skip;

	if (SLIP_UNLIKELY(len > p->max_len))
		return p->rec.error ? p->rec.error : -EMSGSIZE;
	to = slip_lanes_room_(p, &chain, len, &skip);
	if (!to)
		return p->rec.error ? p->rec.error : -EAGAIN;
	slip_lanes_stamp_(p, to);
	for (uint32_t i = 0; i < n; to += v[i].iov_len, i++)
		if (v[i].iov_len) /* its base may be NULL */
			slip_copy(to, v[i].iov_base, v[i].iov_len);
	slip_record_add_(&p->rec, &chain, skip, len + p->shape.extra);
	slip_lanes_publish_(p, &chain);
	return 0;
}

/*
 * Append up to `n` records, in order, and return how many went in: it stops
 * before one that does not fit, now or (too long) ever. Those that went in are
 * published by one store: a reader, and a successor after a kill, sees all of
 * them or none. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_lanes_push_n(struct slip_lanes_producer *p,
		  const struct slip_record_span *spans, uint32_t n)
{
	struct slip_record_chain chain = { p->rec.tail, 0 };
	uint32_t done = 0;

	while (done < n && spans[done].len <= p->max_len &&
	       slip_lanes_append_(p, &chain, spans[done].data, spans[done].len))
		done++;
	if (done)
		slip_lanes_publish_(p, &chain);
	return done;
}

/*
 * Where the next record goes, with room for `len` bytes, at a multiple of 8:
 * write there, then commit. NULL: no room, or `len` is over
 * slip_lanes_max_bytes(). Until commit nothing has happened; not committing
 * is how to abort. Another claim or a push ends the claim. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK void *
slip_lanes_claim(struct slip_lanes_producer *p, uint32_t len)
{
	uint32_t extra = p->shape.extra;
	bool fits = len <= p->max_len;
	void *at = slip_record_claim(&p->rec, fits ? len + extra : UINT32_MAX);

	return at ? SLIP_CAST(unsigned char *, at) + extra : NULL;
}

/*
 * Publish the first `len` bytes of the claim as a record; the rest is free
 * again. No effect without a claim (it returned NULL, or is over), and none
 * if `len` is more than was claimed.
 */
SLIP_INLINE void slip_lanes_commit(struct slip_lanes_producer *p, uint32_t len)
{
	struct slip_record_producer *r = &p->rec;
	struct slip_record_chain chain = { r->tail, 0 };
	uint32_t extra = p->shape.extra;

	if (SLIP_UNLIKELY(SLIP_CAST(uint64_t, len) + extra >= r->claimed))
		return;
	slip_lanes_stamp_(p, slip_record_place_(&r->shape, r->tail + r->skip) +
				     8 + extra);
	slip_record_add_(r, &chain, r->skip, len + extra);
	slip_lanes_publish_(p, &chain);
}

/*
 * Block until there is room for a record of `len` bytes; spins a little, then
 * sleeps. The deadline is absolute CLOCK_MONOTONIC (slip_after_ns), or
 * SLIP_FOREVER; in the past: do not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: all consumers that ever came have detached or
 * died (or it is this handle that is closed); -EMSGSIZE: `len` is over
 * slip_lanes_max_bytes(); -EBADMSG: poisoned; -ECHILD: in a fork child, if there
 * is a peer; -ENOSYS, -EPERM, -ENOMEM: membarrier is refused by now. A death is
 * noticed within a slice (6 ms), a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_wait_room_until(struct slip_lanes_producer *p, uint32_t len,
			   uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(p->rec.error || len > p->max_len))
		return p->rec.error ? p->rec.error : -EMSGSIZE;
	p->rec.want = len + p->shape.extra;
	p->rec.side.gone = slip_lanes_no_consumer_;
	return slip_side_wait_(&p->rec.side, slip_lanes_has_room_, p,
			       deadline_ns);
}

/* Block until a consumer is attached: before the first record, or, after -EPIPE,
 * until there is a successor. Deadline and results as above; -EPIPE only if it is
 * this handle that is closed. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_wait_consumer_until(struct slip_lanes_producer *p,
			       uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(p->rec.error))
		return p->rec.error;
	p->rec.side.gone = slip_lanes_wait_on_;
	return slip_side_wait_(&p->rec.side, slip_lanes_has_consumer_, p,
			       deadline_ns);
}

/* What every push that waits asks first. */
SLIP_INLINE int slip_lanes_refused_(struct slip_lanes_producer *p)
{
	int rc = p->rec.error;

	if (!rc)
		rc = slip_side_check_(&p->rec.side);
	if (!rc && slip_lanes_no_consumer_(p, NULL))
		rc = -EPIPE;
	return rc;
}

/*
 * push that waits for room. -EPIPE also while there is room, as soon as all
 * consumers are known to be gone. Otherwise as slip_lanes_wait_room_until.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_push_until(struct slip_lanes_producer *p, const void *data,
		      uint32_t len, uint64_t deadline_ns)
{
	int rc = slip_lanes_refused_(p);

	while (!rc && (rc = slip_lanes_push(p, data, len)) == -EAGAIN)
		rc = slip_lanes_wait_room_until(p, len, deadline_ns);
	return rc;
}

/* The same of a record in pieces. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_push_v_until(struct slip_lanes_producer *p, const struct iovec *v,
			uint32_t n, uint64_t deadline_ns)
{
	int rc = slip_lanes_refused_(p);

	while (!rc && (rc = slip_lanes_push_v(p, v, n)) == -EAGAIN)
		rc = slip_lanes_wait_room_until(p, slip_lanes_sum_(p, v, n),
						deadline_ns);
	return rc;
}

/*
 * End of file: give the lane up. Consumers get what is left there; once all
 * producers have gone, then -EPIPE. Another producer may take the lane at once.
 * Push through this handle fails from now on (-EPIPE), a claim is void.
 */
SLIP_INLINE void slip_lanes_close(struct slip_lanes_producer *p)
{
	slip_record_close(&p->rec);
}

/* Leave in order; the handle's memory is the caller's again. */
SLIP_INLINE void slip_lanes_detach_producer(struct slip_lanes_producer *p)
{
	slip_lanes_close(p);
}

/* --- consumers ------------------------------------------------------------- */

/*
 * Become a consumer, in a seat that is free: never used, left, or its consumer
 * dead (asked of the kernel). As slip_lanes_attach_producer; -EUSERS: every seat
 * has a consumer that lives (or has no peer), or another came to it just now.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_attach_consumer(struct slip_lanes_consumer *c, void *mem,
			   size_t mem_bytes, struct slip_peer *self)
{
	struct slip_lanes_ring *ring = SLIP_CAST(struct slip_lanes_ring *, mem);
	struct slip_side *side = &c->rec.side;
	int rc;

	__builtin_memset(c, 0, sizeof(*c));
	rc = slip_lanes_begin_(ring, mem_bytes, self, &c->shape, &side->mode);
	if (!rc)
		rc = slip_side_begin_(side, self, side->mode);
	if (!rc) {
		c->ring = ring;
		c->rec.shape = c->shape.lane;
		side->wait_on = &ring->ev_data;
		rc = slip_lanes_take_seat_(c, self, false);
		if (rc)
			rc = slip_lanes_take_seat_(c, self, true);
	}
	if (rc) {
		__builtin_memset(c, 0, sizeof(*c));
		c->error = -EPIPE;
		return rc;
	}
	c->left = SLIP_LANES_QUANTUM_;
	slip_lanes_resume_(c);
	slip_lanes_count_(&ring->consumers_came);
	slip_lanes_tell_all_(c);
	return 0;
}

/*
 * Take a record, the next in turn, into `buf`, which has room for `buf_bytes`
 * (not NULL even if that is 0); *len becomes its length. Delivers at most once:
 * a kill before it returns loses nothing that was seen.
 *
 * Returns 0; -EAGAIN: nothing there, or only behind what others have in hand;
 * -EMSGSIZE: the record is longer than buf_bytes, *len says how long, and it is
 * in hand as after peek; -EPIPE: detached (for the other side's end see the
 * _until form). Wait-free.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_lanes_pop(struct slip_lanes_consumer *c,
					     void *buf, uint32_t buf_bytes,
					     uint32_t *len)
{
	const unsigned char *body;

	if (!slip_lanes_find_(c))
		return c->error ? c->error : -EAGAIN;
	body = slip_lanes_body_(c, len);
	if (SLIP_UNLIKELY(*len > buf_bytes))
		return -EMSGSIZE;
	slip_copy(buf, body, *len);
	slip_lanes_done_(c);
	return 0;
}

/*
 * Take up to `n` records of one lane, in order, into one buffer, and return how
 * many: spans[i] becomes the place of each in `buf` (at a multiple of 8 from its
 * start) and its length. Stops when the lane is empty or the next record does not
 * fit; one that is in hand stays so. They are given back to the producer
 * together, at the end; then it is the next lane's turn. Of a stamped ring: one
 * record, the oldest. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_lanes_pop_n(struct slip_lanes_consumer *c, void *buf, size_t buf_bytes,
		 struct slip_record_span *spans, uint32_t n)
{
	unsigned char *to = SLIP_CAST(unsigned char *, buf);
	const unsigned char *body;
	bool had = slip_lanes_in_hand_(c);
	size_t used = 0;
	uint32_t done = 0;
	uint32_t len;

	if (c->shape.extra && n > 1)
		n = 1;
	if (n == 0 || !slip_lanes_find_(c))
		return 0;
	while (done < n && slip_record_ready_(&c->rec)) {
		body = slip_lanes_body_(c, &len);
		if (used > buf_bytes || len > buf_bytes - used)
			break;
		slip_copy(to + used, body, len);
		spans[done].data = to + used;
		spans[done].len = len;
		used += slip_record_footprint_(len) - 8;
		c->rec.at = c->rec.end;
		done++;
	}
	if (done || !had)
		slip_lanes_done_n_(c);
	return done;
}

/*
 * The next record in turn, in place, at a multiple of 8, and its length; or NULL:
 * as pop. It is in hand until released, and the next to be peeked or popped: a
 * consumer killed between the two leaves it to others, so peek, process, release
 * delivers at least once. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK const void *
slip_lanes_peek(struct slip_lanes_consumer *c, uint32_t *len)
{
	return slip_lanes_find_(c) ? slip_lanes_body_(c, len) : NULL;
}

/* Give the peeked record back. Without one: no effect. */
SLIP_INLINE void slip_lanes_release(struct slip_lanes_consumer *c)
{
	if (SLIP_LIKELY(slip_lanes_in_hand_(c)))
		slip_lanes_done_(c);
}

/* The lane of the record that was just found; until the next call that looks for
 * one, or waits. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_lanes_from(const struct slip_lanes_consumer *c)
{
	return c->at;
}

/* Of a stamped ring: when that record was pushed, by its producer's word,
 * CLOCK_MONOTONIC. */
SLIP_INLINE SLIP_MUST_CHECK uint64_t
slip_lanes_stamp_ns(const struct slip_lanes_consumer *c)
{
	return c->stamp;
}

/* The lanes, bit i for lane i, that are not served by this handle any more, for
 * what stands there makes no sense. */
SLIP_INLINE SLIP_MUST_CHECK uint64_t
slip_lanes_damaged(const struct slip_lanes_consumer *c)
{
	return c->bad;
}

/*
 * Block until there is a record to be had. -EPIPE: all producers that ever came
 * have detached or died, and all that they left has been taken (or it is this
 * handle that is detached). Otherwise as slip_lanes_wait_room_until.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_wait_data_until(struct slip_lanes_consumer *c, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->error))
		return c->error;
	c->rec.side.gone = slip_lanes_no_producer_;
	return slip_side_wait_(&c->rec.side, slip_lanes_has_data_, c,
			       deadline_ns);
}

/* Block until there is a producer, or a record, also one that a dead producer or
 * consumer left: before the first, or, after -EPIPE, until the next comes. -EPIPE
 * only if it is this handle that is detached. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_wait_producer_until(struct slip_lanes_consumer *c,
			       uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->error))
		return c->error;
	c->rec.side.gone = slip_lanes_no_end_;
	return slip_side_wait_(&c->rec.side, slip_lanes_has_producer_, c,
			       deadline_ns);
}

/* pop that waits for a record: what is left first, then -EPIPE. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_pop_until(struct slip_lanes_consumer *c, void *buf,
		     uint32_t buf_bytes, uint32_t *len, uint64_t deadline_ns)
{
	int rc = slip_side_check_(&c->rec.side);

	while (!rc && (rc = slip_lanes_pop(c, buf, buf_bytes, len)) == -EAGAIN)
		rc = slip_lanes_wait_data_until(c, deadline_ns);
	return rc;
}

/* Leave in order: once all consumers have, producers get -EPIPE. What is in hand
 * is not consumed: it is for others. */
SLIP_INLINE void slip_lanes_detach_consumer(struct slip_lanes_consumer *c)
{
	bool held = slip_lanes_in_hand_(c);

	if (c->error)
		return;
	c->error = -EPIPE;
	slip_lanes_unsee_(c);
	/* A fork child gives up nothing of its parent's. */
	if (slip_side_check_(&c->rec.side))
		return;
	if (held && slip_lanes_many_(c))
		slip_lanes_drop_(c, false);
	(void)slip_role_drop_(c->rec.side.mine, c->rec.side.self);
	slip_lanes_tell_all_(c);
}

/* --- looking on ------------------------------------------------------------ */

/* Look at lane `i` (of info.lanes) without taking part: slip_record_inspect() of
 * it; -EINVAL also if there is no such lane. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_lanes_inspect_lane(const void *mem, size_t mem_bytes, uint32_t i,
			struct slip_record_info *info)
{
	struct slip_lanes_shape s;
	unsigned mode;
	int rc = slip_lanes_check_(
		SLIP_CAST(const struct slip_lanes_ring *, mem), mem_bytes, &s,
		&mode);

	if (rc || i >= s.lanes)
		return rc ? rc : -EINVAL;
	return slip_record_inspect(SLIP_CAST(const unsigned char *, mem) +
					   sizeof(struct slip_lanes_ring) +
					   i * s.lane_bytes,
				   s.lane_bytes, info);
}

/* Add what lane `i` has. */
SLIP_INLINE void slip_lanes_inspect_add_(const void *mem, size_t mem_bytes,
					 uint32_t i,
					 struct slip_lanes_info *info)
{
	struct slip_record_info one;
	int rc = slip_lanes_inspect_lane(mem, mem_bytes, i, &one);

	if (rc) {
		info->unread_guess++;
		return;
	}
	info->producers_guess += (one.producer & 15) == SLIP_ROLE_HELD;
	info->records_guess += one.records_guess;
	info->used_bytes_guess += one.used_bytes_guess;
	info->popped_bytes += one.popped_bytes;
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only. The
 * counts are guesses, as everybody may go on meanwhile. Returns 0, or as attach
 * does.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_lanes_inspect(const void *mem,
						   size_t mem_bytes,
						   struct slip_lanes_info *info)
{
	const struct slip_lanes_ring *ring =
		SLIP_CAST(const struct slip_lanes_ring *, mem);
	struct slip_lanes_shape s;
	unsigned mode;
	int rc = slip_lanes_check_(ring, mem_bytes, &s, &mode);

	if (rc)
		return rc;
	__builtin_memset(info, 0, sizeof(*info));
	info->bytes = slip_lanes_shape_bytes_(&s);
	info->capacity = s.lane.capacity;
	info->lanes = s.lanes;
	info->consumers = s.consumers;
	info->max_bytes = s.lane.max_len - s.extra;
	info->mode = mode;
	info->flags = s.extra ? SLIP_LANES_STAMPED : 0;
	for (uint32_t i = 0; i < s.consumers; i++)
		/* stat: separate looks */
		info->consumers_guess +=
			(slip_a64_load_relaxed(&ring->seats[i]) & 15) ==
			SLIP_ROLE_HELD;
	for (uint32_t i = 0; i < s.lanes; i++)
		slip_lanes_inspect_add_(mem, mem_bytes, i, info);
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
