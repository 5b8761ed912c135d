/* SPDX-License-Identifier: MIT */
/*
 * A bounded ring of variable-length records in shared memory, from one
 * producer to one consumer.
 *
 * Use it for messages or a byte stream between two threads or processes: each
 * record of 0 bytes up to just under half the capacity, which is a power of
 * two from 64 bytes to 2 GiB. Do not use it for elements of one size (spsc.h):
 * a record costs 8 bytes more, and its header is read before its body.
 *
 *	struct slip_record_producer p;			(one side)
 *
 *	if (slip_record_init(mem, bytes, 65536, 0) ||
 *	    slip_record_attach_producer(&p, mem, bytes, NULL))
 *		return 1;
 *	if (slip_record_push(&p, "hello", 5))
 *		return 1;
 *	slip_record_detach_producer(&p);
 *
 *	struct slip_record_consumer c;			(the other side)
 *	char text[100];
 *	uint32_t len;
 *
 *	if (slip_record_attach_consumer(&c, mem, bytes, NULL))
 *		return 1;
 *	while (slip_record_pop_until(&c, text, sizeof(text), &len,
 *				     SLIP_FOREVER) == 0)
 *		fwrite(text, 1, len, stdout);
 *
 * Shape. `bytes` is slip_record_bytes(65536, 0); the data is
 *
 *	+0	header		magic, layout, mode, flags, geometry; constant
 *	+128	producer reads	ev_data (event; in mode FULL it writes it),
 *				consumer role
 *	+256	consumer writes	head: u64, bytes consumed since init
 *				ev_space (event), producer role
 *	+384	data		`capacity` bytes; +4096 if mirrored:
 *		[ header: u64 | body, padded to 8 | header | body | ... | 0 ]
 *
 *	header	bits 0..31	length of the body
 *		bit 62		PAD: nothing but the rest of the data
 *		bit 63		COMMIT: set in every header; 0 is no header
 *
 * The record at position p (bytes since init, a multiple of 8) stands at p
 * modulo the capacity. The word where the next header will go is always 0:
 * a producer stores the next 0 before the header, which is stored last. So the
 * records form a chain from `head` to a 0, whatever the bytes behind it say;
 * there is no shared tail, and no crash can leave the two at odds. The
 * consumer writes nothing into the data.
 *
 * A record stands in one piece. If the end of the data is too near, a PAD
 * covers the rest and the record follows at the start; the two are published
 * by one store. In a ring made with SLIP_RECORD_MIRROR each side maps the data
 * twice, back to back, and a record runs over the end: no PAD, no bytes lost,
 * at the price of twice the address space and page table, of pages (4096
 * bytes) as units, and of needing a peer and a region that has a file.
 *
 * The longest record is capacity / 2 - 8 bytes, mirrored or not: that much is
 * always accepted in the end, wherever the ring stands. Proof: it takes
 * f <= capacity / 2 bytes with its header; it needs a PAD of r bytes only if
 * r < f, so r <= f - 8; and r + f + 8 (for the 0) <= 2 f <= capacity.
 *
 * Concurrency: one producer handle and one consumer handle at a time, each
 * used by one thread at a time.
 *
 *			push/claim/commit	pop/peek/release
 *	push/...	one thread		wait-free together
 *	pop/...		wait-free together	one thread
 *
 *	operation	progress	signal-safe	shared lines touched
 *	push, commit	wait-free	yes		the record's; ev_data's
 *	pop, release	wait-free	yes		the record's; its own head's
 *	*_until		blocking	no		as above, and the roles'
 *
 * If the other side sleeps, push and pop make one system call to wake it.
 * "Signal-safe": may run in a handler that did not interrupt an operation on
 * the same handle. A fork child uses neither handle: its blocking calls say
 * -ECHILD if there is a peer.
 *
 * Order: what the producer wrote before push is visible after the pop that
 * returned the record; what the consumer did before a pop or release returned
 * is visible to the push that reuses the space.
 *
 * Death. A record is committed by the one store to its header (a PAD's or a
 * batch's first), and consumed by the one store to `head`. Attach with a peer
 * (futex/peer.h), and:
 *
 *	killed			then
 *	in push, before commit	the record never was; a successor reuses it
 *	in push, after commit	the record is delivered
 *	in push_n		none of the batch was, or all of it is there
 *	in pop, before head	the record is delivered again, to a successor;
 *				no pop had returned it: at most once
 *	between peek/release	delivered again: at least once
 *	in pop_n, before head	all of it again, none had been returned
 *	stopped anywhere	the ring is at worst full or empty, for as long
 *				as the stop lasts; a ring of two sides can do
 *				no more
 *
 * A successor attaches over a dead or departed holder at any time, and finds
 * the tail by following the chain (a step for each record in the ring); no
 * clean-up is needed, for there is nothing to clean up. With `self` NULL there
 * is no death detection: a role is given up only by detach.
 *
 * Damage: geometry is validated at attach and kept in the private handle.
 * Every word read later (header, head) is read once and checked; nonsense
 * poisons the handle: calls without a code find nothing, others -EBADMSG. No
 * value leads outside the ring or to an endless loop. A body is the
 * producer's; behind a peek it may change under the reader if the producer is
 * hostile, behind a pop it does not.
 *
 * Source: the 0 stored before the header after Agrona's one-to-one ring
 * buffer; published chains and the takeover without a tail are our own.
 */
#ifndef SLIP_RING_RECORD_H
#define SLIP_RING_RECORD_H

#include "record_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One record of a batch: see slip_record_push_n and slip_record_pop_n. */
struct slip_record_span {
	const void *data;
	uint32_t len;
};

/* A look from outside, for tools; see slip_record_inspect. */
struct slip_record_info {
	uint64_t popped_bytes;	   /* consumed since init, headers included */
	uint64_t used_bytes_guess; /* of the capacity */
	uint64_t records_guess;	   /* in the ring */
	uint64_t capacity;
	uint64_t bytes;
	uint32_t max_bytes; /* longest record */
	unsigned mode;
	unsigned flags;	   /* SLIP_RECORD_MIRROR or 0 */
	uint64_t producer; /* role words, see role.h */
	uint64_t consumer;
};

/*
 * Bytes that a ring with room for `capacity_bytes` takes; `flags` as for
 * slip_record_init. 0: not a valid shape.
 */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_record_bytes(size_t capacity_bytes,
						     unsigned flags)
{
	struct slip_record_shape s;

	if (!slip_record_shape_(&s, capacity_bytes, flags))
		return 0;
	return slip_record_shape_bytes_(&s);
}

/* The longest record that such a ring takes; 0: not a valid shape. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_record_max_bytes(size_t capacity_bytes)
{
	struct slip_record_shape s;

	return slip_record_shape_(&s, capacity_bytes, 0) ? s.max_len : 0;
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as an empty
 * ring of `capacity_bytes`, a power of two from 64 to 2^31. `flags`: one of
 * 0, SLIP_EVENT_ASYM and SLIP_EVENT_FULL (futex/event.h), how a sleeper is
 * noticed; with SLIP_RECORD_MIRROR, `mem` must lie in a region and be aligned
 * to 4096 bytes, as is an object of slip_region_add() that big, and the
 * capacity be no less. Does not touch the data but for its first word.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_record_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_record_init(void *mem, size_t mem_bytes,
						 size_t capacity_bytes,
						 unsigned flags)
{
	struct slip_record_ring *ring =
		SLIP_CAST(struct slip_record_ring *, mem);
	struct slip_record_shape s;
	int mode;

	if (!slip_record_shape_(&s, capacity_bytes, flags) || !mem ||
	    SLIP_RECAST(uintptr_t, mem) % slip_record_align_(&s) ||
	    (flags & ~SLIP_RECORD_MIRROR) > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_record_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags & ~SLIP_RECORD_MIRROR);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 sizeof(*ring) - sizeof(ring->magic));
	s.data = slip_record_data_(ring, &s);
	/* init: the empty chain, and five words */
	slip_a64_store_relaxed(slip_record_word_(&s, 0), 0);
	slip_a32_store_relaxed(&ring->layout, SLIP_RECORD_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&ring->flags, flags & SLIP_RECORD_MIRROR);
	slip_a32_store_relaxed(&ring->max_len, s.max_len);
	slip_a64_store_relaxed(&ring->capacity, s.capacity);
	/* RECORD-R1 creator: the header is complete. Pairs: slip_record_check_.
	 * Else: a racing attach takes a half-written geometry. */
	slip_a64_store_release(&ring->magic, SLIP_RECORD_MAGIC);
	return 0;
}

/*
 * Become the ring's producer. `p` is memory of the caller's, of any content,
 * aligned as its type; `self` a membership of the region that the ring's users
 * share, which must outlive the handle, or NULL. One call at a time on one
 * `self`: attach, and those that futex/peer.h names. Takes over, at once and
 * without loss, from a producer that detached or died. Does not block, but
 * may take milliseconds the first time (slip_event_register), and a few ns for
 * each record in the ring.
 *
 * Returns 0; -EBUSY: there is a producer and it is alive (or has no peer);
 * -EINVAL: mem NULL or not 64-byte aligned, or `self` has left; -EBADMSG: not
 * a ring, or damaged; -EPROTO: of another layout; -EOVERFLOW: mem_bytes too
 * small for it; -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has hooks
 * for too many kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. For a
 * mirrored ring also -EOPNOTSUPP: `self` is NULL, or its region has no file to
 * map again; -EINVAL: mem is not in that region, or not where one of its pages
 * begins (huge pages); -ENOMEM: mmap. After a failure the handle is as after
 * detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_attach_producer(struct slip_record_producer *p, void *mem,
			    size_t mem_bytes, struct slip_peer *self)
{
	return slip_record_attach_producer_(
		p, SLIP_CAST(struct slip_record_ring *, mem), mem_bytes, self);
}

/* Become the ring's consumer; as slip_record_attach_producer. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_attach_consumer(struct slip_record_consumer *c, void *mem,
			    size_t mem_bytes, struct slip_peer *self)
{
	return slip_record_attach_consumer_(
		c, SLIP_CAST(struct slip_record_ring *, mem), mem_bytes, self);
}

/*
 * Append a record of `len` bytes, 0 allowed (`data` may then be NULL).
 *
 * Returns 0; -EAGAIN: no room now; -EMSGSIZE: longer than
 * slip_record_max_bytes(), so never; -EPIPE: closed through this handle (for
 * the other side's end see the _until form); -EBADMSG: poisoned. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_record_push(struct slip_record_producer *p,
						 const void *data, uint32_t len)
{
	struct slip_record_chain chain = { p->tail, 0 };

	if (SLIP_UNLIKELY(len > p->shape.max_len))
		return p->error ? p->error : -EMSGSIZE;
	if (!slip_record_append_(p, &chain, data, len))
		return p->error ? p->error : -EAGAIN;
	slip_record_send_(p, &chain);
	return 0;
}

/*
 * Append up to `n` records, in order, and return how many went in: it stops
 * before one that does not fit, now or (too long) ever. Those that went in are
 * published by one store: a reader, and a successor after a kill, sees all of
 * them or none. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_record_push_n(struct slip_record_producer *p,
		   const struct slip_record_span *spans, uint32_t n)
{
	struct slip_record_chain chain = { p->tail, 0 };
	uint32_t done = 0;

	while (done < n && spans[done].len <= p->shape.max_len &&
	       slip_record_append_(p, &chain, spans[done].data,
				   spans[done].len))
		done++;
	if (done)
		slip_record_send_(p, &chain);
	return done;
}

/*
 * Where the next record goes, with room for `len` bytes, at a multiple of 8:
 * write there, then commit. NULL: no room, or `len` is over
 * slip_record_max_bytes(). Until commit nothing has happened; not committing
 * is how to abort. Another claim or a push ends the claim. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK void *
slip_record_claim(struct slip_record_producer *p, uint32_t len)
{
	uint64_t bytes = slip_record_footprint_(len);

	p->claimed = 0;
	p->skip = slip_record_skip_(&p->shape, p->tail, bytes);
	if (SLIP_UNLIKELY(len > p->shape.max_len) ||
	    !slip_record_free_(p, p->skip + bytes + 8))
		return NULL;
	p->claimed = SLIP_CAST(uint64_t, len) + 1;
	return slip_record_place_(&p->shape, p->tail + p->skip) + 8;
}

/*
 * Publish the first `len` bytes of the claim as a record; the rest is free
 * again. No effect without a claim (it returned NULL, or is over), and none
 * if `len` is more than was claimed.
 */
SLIP_INLINE void slip_record_commit(struct slip_record_producer *p,
				    uint32_t len)
{
	struct slip_record_chain chain = { p->tail, 0 };

	if (SLIP_UNLIKELY(len >= p->claimed))
		return;
	slip_record_add_(p, &chain, p->skip, len);
	slip_record_send_(p, &chain);
}

/*
 * Take the oldest record into `buf`, which has room for `buf_bytes` (not NULL
 * even if that is 0); *len becomes its length. Delivers at most once: a kill before
 * it returns loses nothing that was seen.
 *
 * Returns 0; -EAGAIN: empty; -EMSGSIZE: the record is longer than buf_bytes,
 * *len says how long, and it stays the oldest; -EBADMSG: poisoned; -EPIPE:
 * detached (for the other side's end see the _until form). Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_record_pop(struct slip_record_consumer *c,
						void *buf, uint32_t buf_bytes,
						uint32_t *len)
{
	if (!slip_record_ready_(c))
		return c->error ? c->error : -EAGAIN;
	*len = c->len;
	if (SLIP_UNLIKELY(c->len > buf_bytes))
		return -EMSGSIZE;
	slip_copy(buf, c->body, c->len);
	c->at = c->end;
	slip_record_release_to_(c);
	return 0;
}

/*
 * Take up to `n` records, in order, into one buffer, and return how many:
 * spans[i] becomes the place of each in `buf` (at a multiple of 8 from its
 * start) and its length. Stops when the ring is empty or the next record does
 * not fit. They are given back to the producer together, at the end.
 * Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_record_pop_n(struct slip_record_consumer *c, void *buf, size_t buf_bytes,
		  struct slip_record_span *spans, uint32_t n)
{
	unsigned char *to = SLIP_CAST(unsigned char *, buf);
	size_t used = 0;
	uint32_t done = 0;

	while (done < n && slip_record_ready_(c) && used <= buf_bytes &&
	       c->len <= buf_bytes - used) {
		slip_copy(to + used, c->body, c->len);
		spans[done].data = to + used;
		spans[done].len = c->len;
		used += slip_record_footprint_(c->len) - 8;
		c->at = c->end;
		done++;
	}
	if (done)
		slip_record_release_to_(c);
	return done;
}

/*
 * The oldest record, in place, at a multiple of 8, and its length; or NULL:
 * empty (or poisoned). It stays the oldest until released: a consumer killed
 * between the two leaves it to its successor, so peek, process, release
 * delivers at least once. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK const void *
slip_record_peek(struct slip_record_consumer *c, uint32_t *len)
{
	if (!slip_record_ready_(c))
		return NULL;
	*len = c->len;
	return c->body;
}

/* Give the peeked record back. After a peek that returned NULL: no effect. */
SLIP_INLINE void slip_record_release(struct slip_record_consumer *c)
{
	if (SLIP_UNLIKELY(c->end == c->at))
		return;
	c->at = c->end;
	slip_record_release_to_(c);
}

/*
 * Block until there is room for a record of `len` bytes, or a record; spins a
 * little, then sleeps. The deadline is absolute CLOCK_MONOTONIC
 * (slip_after_ns), or SLIP_FOREVER; in the past: do not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: the other side detached or died (and, for
 * the consumer, all that it left has been taken); -EMSGSIZE: `len` is over
 * slip_record_max_bytes(); -EBADMSG: poisoned; -ECHILD: in a fork child;
 * -ENOSYS, -EPERM: membarrier is refused by now. A peer's death is noticed
 * within a slice (6 ms), a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_wait_room_until(struct slip_record_producer *p, uint32_t len,
			    uint64_t deadline_ns)
{
	if (len > p->shape.max_len)
		return p->error ? p->error : -EMSGSIZE;
	p->want = len;
	return slip_side_wait_(&p->side, slip_record_has_room_, p, deadline_ns);
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_record_wait_data_until(struct slip_record_consumer *c,
			    uint64_t deadline_ns)
{
	return slip_side_wait_(&c->side, slip_record_has_data_, c, deadline_ns);
}

/*
 * Block until the other side is attached: before the first record, or, after
 * -EPIPE, until there is a successor. The consumer's also ends if there is data,
 * for a producer may have come and gone meanwhile. Deadline and results as
 * above; -EPIPE only if it is this handle that is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_wait_consumer_until(struct slip_record_producer *p,
				uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(p->error))
		return p->error;
	return slip_side_wait_peer_(&p->side, NULL, NULL, deadline_ns);
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_record_wait_producer_until(struct slip_record_consumer *c,
				uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->error))
		return c->error;
	return slip_side_wait_peer_(&c->side, slip_record_has_data_, c,
				    deadline_ns);
}

/*
 * push that waits for room. -EPIPE also while there is room, as soon as the
 * consumer is known to be gone. Otherwise as slip_record_wait_room_until.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_push_until(struct slip_record_producer *p, const void *data,
		       uint32_t len, uint64_t deadline_ns)
{
	int rc = p->error ? p->error : slip_side_check_(&p->side);

	if (!rc && slip_role_gone_(p->side.theirs))
		rc = -EPIPE;
	while (!rc && (rc = slip_record_push(p, data, len)) == -EAGAIN)
		rc = slip_record_wait_room_until(p, len, deadline_ns);
	return rc;
}

/* pop that waits for a record: what is left first, then -EPIPE. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_record_pop_until(struct slip_record_consumer *c, void *buf,
		      uint32_t buf_bytes, uint32_t *len, uint64_t deadline_ns)
{
	int rc = slip_side_check_(&c->side);

	while (!rc && (rc = slip_record_pop(c, buf, buf_bytes, len)) == -EAGAIN)
		rc = slip_record_wait_data_until(c, deadline_ns);
	return rc;
}

/* The other side now, by the oracle: enum slip_role_state. */
SLIP_INLINE int slip_record_consumer_state(const struct slip_record_producer *p)
{
	return slip_side_state_(&p->side);
}

SLIP_INLINE int slip_record_producer_state(const struct slip_record_consumer *c)
{
	return slip_side_state_(&c->side);
}

/* Bytes of the capacity in use, headers included, as the producer sees it:
 * the consumer may have freed some of them meanwhile, so 0 is exact. 0 also if
 * a successor has gone on. */
SLIP_INLINE uint64_t
slip_record_used_bytes_guess(const struct slip_record_producer *p)
{
	uint64_t used = 0;

	if (p->ring) /* stat: nothing is reused on the strength of it */
		used = p->tail - slip_a64_load_relaxed(&p->ring->ends.head);
	return used <= p->shape.capacity ? used : 0;
}

/*
 * End of file: give the producer's role up. The consumer gets what is left,
 * then -EPIPE; a successor may attach at once. Push through this handle fails
 * from now on (-EPIPE), a claim is void.
 */
SLIP_INLINE void slip_record_close(struct slip_record_producer *p)
{
	if (p->error == -EPIPE)
		return;
	slip_side_close_(&p->side);
	slip_record_unmap_(&p->shape, p->side.self);
	p->error = -EPIPE;
	p->limit = p->tail;
	p->claimed = 0;
}

/* Leave in order; the handle's memory is the caller's again. */
SLIP_INLINE void slip_record_detach_producer(struct slip_record_producer *p)
{
	slip_record_close(p);
}

/* Leave in order: the producer gets -EPIPE. What was not consumed stays for a
 * successor. */
SLIP_INLINE void slip_record_detach_consumer(struct slip_record_consumer *c)
{
	if (c->error == -EPIPE)
		return;
	slip_side_close_(&c->side);
	slip_record_unmap_(&c->shape, c->side.self);
	c->error = -EPIPE;
	c->end = c->at;
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only, and
 * a mirrored ring needs no second mapping. Follows the records in the ring,
 * which both sides may overtake: hence the guesses.
 *
 * Returns 0, or as attach does; -EAGAIN: overtaken, the guesses are void.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_record_inspect(const void *mem,
						    size_t mem_bytes,
						    struct slip_record_info *i)
{
	const struct slip_record_ring *ring =
		SLIP_CAST(const struct slip_record_ring *, mem);
	struct slip_record_shape s;
	uint64_t tail;
	int rc = slip_record_check_(ring, mem_bytes, &s, &i->mode);

	if (rc)
		return rc;
	i->capacity = s.capacity;
	i->bytes = slip_record_shape_bytes_(&s);
	i->max_bytes = s.max_len;
	i->flags = s.mirrored ? SLIP_RECORD_MIRROR : 0;
	/* stat: separate looks */
	i->producer = slip_a64_load_relaxed(&ring->ends.producer_role);
	i->consumer = slip_a64_load_relaxed(&ring->ends.consumer_role);
	/* RECORD-A3 tool: the headers are as new as head. Pairs:
	 * slip_record_release_to_. Else: an old header behind a new head looks
	 * like damage. */
	i->popped_bytes = slip_a64_load_acquire(&ring->ends.head);
	/* An integer between, for it takes the const away: s is only read
	 * through. */
	s.data = SLIP_RECAST(unsigned char *, SLIP_RECAST(uintptr_t, ring) +
						      slip_record_offset_(&s));
	rc = slip_record_find_tail_(&s, i->popped_bytes, &tail,
				    &i->records_guess);
	i->used_bytes_guess = tail - i->popped_bytes;
	/* stat: head moved on, so what stood behind it may be gone */
	if (rc && slip_a64_load_relaxed(&ring->ends.head) != i->popped_bytes)
		return -EAGAIN;
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
