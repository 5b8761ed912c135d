/* SPDX-License-Identifier: MIT */
/*
 * A bounded ring of fixed-size elements in shared memory, from one producer to
 * one consumer.
 *
 * Use it for the fastest hand-over between two threads or processes: elements
 * of 1 byte to 64 KiB, capacity a power of two from 2 to 2^31, all of it
 * usable. Do not use it for variable lengths (record.h).
 *
 *	// one side
 *	struct slip_spsc_producer p;
 *	slip_spsc_init(mem, bytes, 1024, sizeof(struct tick), 0);
 *	slip_spsc_attach_producer(&p, mem, bytes, NULL);
 *	slip_spsc_push(&p, &tick);
 *
 *	// the other side, in any process that maps the memory
 *	struct slip_spsc_consumer c;
 *	slip_spsc_attach_consumer(&c, mem, bytes, NULL);
 *	while (slip_spsc_pop_until(&c, &tick, SLIP_FOREVER) == 0)
 *		use(&tick);
 *
 * Shape. Elements stand in blocks of 64n bytes that end in a control word;
 * small elements share a block, so publication travels in the line of the
 * data, and neither side reads an index of the other on its fast path.
 *
 *	+0	header		magic, layout, mode, geometry; constant
 *	+128	producer reads	ev_data (event; in mode FULL it writes it),
 *				consumer role
 *	+256	consumer writes	head: u64, elements consumed since init
 *				ev_space (event), producer role
 *	+384	blocks		n * 64 bytes each:
 *		[ element 0 | element 1 | ... | unused | control ]
 *				control: u64, (block number + 1) << 6 | count
 *
 *	elem_bytes	block	elements in it		e.g.
 *	1..56		64	56 / elem_bytes		8 bytes: 7
 *	57..65536	64n	one or more		120 bytes: 1 in 128
 *
 * Element p (counted from 0, 64 bits, never wraps in practice) stands in block
 * p / per_block, stored at that number modulo `blocks`; there is one block
 * more than the capacity needs. A block of an earlier lap carries an earlier
 * number, so nothing is ever cleared. There is no shared tail: the blocks
 * themselves say where the end is, so no crash can leave the two at odds.
 *
 * Concurrency: one producer handle and one consumer handle at a time, each
 * used by one thread at a time.
 *
 *			push/claim/commit	pop/peek/release
 *	push/...	one thread		wait-free together
 *	pop/...		wait-free together	one thread
 *
 *	operation	progress	signal-safe	shared lines touched
 *	push, commit	wait-free	yes		the element's; ev_data's
 *	pop, release	wait-free	yes		the element's; its own head's
 *	*_until		blocking	no		as above, and the roles'
 *
 * If the other side sleeps, push and pop make one system call to wake it.
 * "Signal-safe": may run in a handler that did not interrupt an operation on
 * the same handle.
 *
 * Order: what the producer wrote before push is visible after the pop that
 * returned the element; what the consumer did before a pop or release returned
 * is visible to the push that reuses the space.
 *
 * Death. An element is committed by the one store to its control word, and
 * consumed by the one store to `head`. Attach with a peer (futex/peer.h), and:
 *
 *	killed			then
 *	in push, before commit	the element never was; a successor reuses it
 *	in push, after commit	the element is delivered
 *	in pop, before head	the element is delivered again, to a successor;
 *				no pop had returned it: at most once
 *	between peek/release	delivered again: at least once
 *	stopped anywhere	the ring is at worst full or empty, for as long
 *				as the stop lasts; a ring of two sides can do
 *				no more
 *
 * A successor attaches over a dead or departed holder at any time; no clean-up
 * step is needed, for there is nothing to clean up. With `self` NULL there is
 * no death detection: a role is given up only by detach.
 *
 * Damage: geometry is validated at attach and kept in the private handle.
 * Every word read later (control, head) is read once and checked; nonsense
 * poisons the handle: bare calls return false, others -EBADMSG. An element's
 * bytes are the producer's; behind a peek they may change under the reader if
 * the producer is hostile. Attach believes any size of elements that fits the
 * rest: who distrusts whoever could write before compares it with that of its
 * buffers (slip_spsc_producer_elem_bytes, slip_spsc_consumer_elem_bytes), as
 * SLIP_SPSC_DEFINE does.
 *
 * Source: in-line publication after FastForward (Giacomoni et al., PPoPP'08)
 * and the seq-in-slot queues after D. Vyukov; a control word for several
 * elements of one line, and exact private indices, are our own.
 */
#ifndef SLIP_RING_SPSC_H
#define SLIP_RING_SPSC_H

#include "spsc_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A look from outside, for tools; see slip_spsc_inspect. */
struct slip_spsc_info {
	uint64_t pushed_guess; /* elements committed since init */
	uint64_t popped_guess; /* elements consumed since init */
	uint64_t bytes;
	uint32_t capacity;
	uint32_t elem_bytes;
	unsigned mode;
	uint64_t producer; /* role words, see role.h */
	uint64_t consumer;
};

/* Bytes that a ring takes; 0: not a valid shape. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_spsc_bytes(uint32_t capacity,
						   uint32_t elem_bytes)
{
	struct slip_spsc_shape s;

	if (!slip_spsc_shape_(&s, capacity, elem_bytes))
		return 0;
	return slip_spsc_shape_bytes_(&s);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as an empty
 * ring. `flags`: 0 or SLIP_EVENT_ASYM or SLIP_EVENT_FULL (futex/event.h), how
 * a sleeper is noticed. Touches every block.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_spsc_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_spsc_init(void *mem, size_t mem_bytes,
					       uint32_t capacity,
					       uint32_t elem_bytes,
					       unsigned flags)
{
	struct slip_spsc_ring *ring = SLIP_CAST(struct slip_spsc_ring *, mem);
	struct slip_spsc_shape s;
	int mode;

	if (!slip_spsc_shape_(&s, capacity, elem_bytes) || !mem ||
	    SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    flags > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_spsc_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 sizeof(*ring) - sizeof(ring->magic));
	for (uint64_t i = 0; i < s.blocks; i++) {
		unsigned char *block = slip_spsc_block_(ring, &s, i);

		/* init */
		slip_a64_store_relaxed(slip_spsc_control_(block, &s), 0);
	}
	/* init: seven words */
	slip_a32_store_relaxed(&ring->layout, SLIP_SPSC_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&ring->capacity, s.capacity);
	slip_a32_store_relaxed(&ring->elem_bytes, s.elem_bytes);
	slip_a32_store_relaxed(&ring->per_block, s.per_block);
	slip_a32_store_relaxed(&ring->block_bytes, s.block_bytes);
	slip_a64_store_relaxed(&ring->blocks, s.blocks);
	/* SPSC-R1 creator: the header is complete. Pairs: slip_spsc_check_.
	 * Else: a racing attach takes a half-written geometry. */
	slip_a64_store_release(&ring->magic, SLIP_SPSC_MAGIC);
	return 0;
}

/*
 * Become the ring's producer. `p` is memory of the caller's, of any content,
 * aligned as its type; `self` a membership of the region that the ring's users
 * share, which must outlive the handle, or NULL. One call at a time on one
 * `self`: attach, and those that futex/peer.h names. Takes over, at once and
 * without loss, from a producer that detached or died. Does not block, but
 * may take milliseconds the first time (slip_event_register).
 *
 * Returns 0; -EBUSY: there is a producer and it is alive (or has no peer);
 * -EINVAL: mem NULL or not 64-byte aligned, or `self` has left; -EBADMSG: not
 * a ring, or damaged; -EPROTO: of another layout; -EOVERFLOW: mem_bytes too
 * small for it;
 * -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has hooks for too many
 * kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After a failure the
 * handle is as after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_attach_producer(struct slip_spsc_producer *p, void *mem,
			  size_t mem_bytes, struct slip_peer *self)
{
	return slip_spsc_attach_producer_of_(p, mem, mem_bytes, self, 0);
}

/* Become the ring's consumer; as slip_spsc_attach_producer. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_attach_consumer(struct slip_spsc_consumer *c, void *mem,
			  size_t mem_bytes, struct slip_peer *self)
{
	return slip_spsc_attach_consumer_of_(c, mem, mem_bytes, self, 0);
}

/*
 * The size of the elements that every call on this handle moves: read from the
 * ring once, by attach. 0: the handle never attached. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_spsc_producer_elem_bytes(const struct slip_spsc_producer *p)
{
	return p->shape.elem_bytes;
}

SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_spsc_consumer_elem_bytes(const struct slip_spsc_consumer *c)
{
	return c->shape.elem_bytes;
}

/*
 * Append one element of elem_bytes. False: full (or closed, or poisoned; the
 * _until form tells which). Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool slip_spsc_push(struct slip_spsc_producer *p,
						const void *elem)
{
	return slip_spsc_push_(p, elem, p->shape.elem_bytes);
}

/*
 * Append up to `n` elements, in order, and return how many went in. A reader
 * sees them come block by block, not all at once. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_spsc_push_n(struct slip_spsc_producer *p, const void *elems, uint32_t n)
{
	return slip_spsc_push_n_(p, elems, n, p->shape.elem_bytes);
}

/*
 * Where the next element goes: write elem_bytes there, then commit. NULL:
 * full. Until commit nothing has happened; not committing is how to abort,
 * and the next claim returns the same place. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK void *slip_spsc_claim(struct slip_spsc_producer *p)
{
	if (!slip_spsc_ready_to_push_(p))
		return NULL;
	return slip_spsc_slot_(&p->at, p->shape.elem_bytes);
}

/* Publish the claimed element. Only after a claim that returned a place. */
SLIP_INLINE void slip_spsc_commit(struct slip_spsc_producer *p)
{
	if (SLIP_UNLIKELY(p->at.stamp == p->at.end))
		return;
	slip_spsc_publish_(&p->at, &p->shape, 1);
	slip_spsc_tell_(&p->side);
}

/*
 * Take the oldest element, elem_bytes, into `elem`. False: empty (or
 * poisoned). Delivers at most once: a kill before it returns loses nothing
 * that was seen. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool slip_spsc_pop(struct slip_spsc_consumer *c,
					       void *elem)
{
	return slip_spsc_pop_(c, elem, c->shape.elem_bytes);
}

/* Take up to `n` elements, in order; returns how many. They are given back to
 * the producer together, at the end. Wait-free. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_spsc_pop_n(struct slip_spsc_consumer *c, void *elems, uint32_t n)
{
	return slip_spsc_pop_n_(c, elems, n, c->shape.elem_bytes);
}

/*
 * The oldest element, in place, or NULL: empty. It stays the oldest until
 * released: a consumer killed between the two leaves it to its successor, so
 * peek, process, release delivers at least once. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK const void *
slip_spsc_peek(struct slip_spsc_consumer *c)
{
	if (!slip_spsc_ready_to_pop_(c))
		return NULL;
	return slip_spsc_slot_(&c->at, c->shape.elem_bytes);
}

/* Give the peeked element back. Only after a peek that returned one: it is the
 * oldest element that goes, seen or not. */
SLIP_INLINE void slip_spsc_release(struct slip_spsc_consumer *c)
{
	if (SLIP_UNLIKELY(c->at.stamp == c->at.end))
		return;
	c->at.stamp++;
	slip_spsc_release_to_(c);
}

/*
 * Block until there is room for an element, or data; spins a little, then
 * sleeps. The deadline is absolute CLOCK_MONOTONIC (slip_after_ns), or
 * SLIP_FOREVER; in the past: do not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: the other side detached or died (and, for
 * the consumer, all that it left has been taken); -EBADMSG: poisoned;
 * -ECHILD: in a fork child, if there is a peer; -ENOSYS, -EPERM, -ENOMEM:
 * membarrier is refused by now; -EFAULT: the memory is gone. A peer's death is
 * noticed within a slice (6 ms), a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_wait_room_until(struct slip_spsc_producer *p, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(p->error))
		return p->error;
	return slip_side_wait_(&p->side, slip_spsc_has_room_, p, deadline_ns);
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_wait_data_until(struct slip_spsc_consumer *c, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->error))
		return c->error;
	return slip_side_wait_(&c->side, slip_spsc_has_data_, c, deadline_ns);
}

/*
 * Block until the other side is attached: before the first element, or, after
 * -EPIPE, until there is a successor. The consumer's also ends if there is data,
 * for a producer may have come and gone meanwhile. Deadline and results as
 * above; -EPIPE only if it is this handle that is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_wait_consumer_until(struct slip_spsc_producer *p,
			      uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(p->error))
		return p->error;
	return slip_side_wait_peer_(&p->side, NULL, NULL, deadline_ns);
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_wait_producer_until(struct slip_spsc_consumer *c,
			      uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->error))
		return c->error;
	return slip_side_wait_peer_(&c->side, slip_spsc_has_data_, c,
				    deadline_ns);
}

/*
 * push that waits for room. -EPIPE also while there is room, as soon as the
 * consumer is known to be gone. Otherwise as slip_spsc_wait_room_until.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_push_until(struct slip_spsc_producer *p, const void *elem,
		     uint64_t deadline_ns)
{
	int rc = p->error ? p->error : slip_side_check_(&p->side);

	if (!rc && slip_role_gone_(p->side.theirs))
		rc = -EPIPE;
	while (!rc && !slip_spsc_push(p, elem))
		rc = slip_spsc_wait_room_until(p, deadline_ns);
	return rc;
}

/* pop that waits for data: what is left first, then -EPIPE. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_spsc_pop_until(struct slip_spsc_consumer *c, void *elem,
		    uint64_t deadline_ns)
{
	int rc = slip_side_check_(&c->side);

	while (!rc && !slip_spsc_pop(c, elem))
		rc = slip_spsc_wait_data_until(c, deadline_ns);
	return rc;
}

/* The other side now, by the oracle: enum slip_role_state. */
SLIP_INLINE int slip_spsc_consumer_state(const struct slip_spsc_producer *p)
{
	return slip_side_state_(&p->side);
}

SLIP_INLINE int slip_spsc_producer_state(const struct slip_spsc_consumer *c)
{
	return slip_side_state_(&c->side);
}

/* Elements in the ring as the producer sees it: the consumer may have taken
 * some of them meanwhile, so 0 is exact. 0 also if a successor has gone on. */
SLIP_INLINE uint64_t slip_spsc_count_guess(const struct slip_spsc_producer *p)
{
	uint64_t tail = slip_spsc_position_(&p->at, &p->shape);
	uint64_t count = 0;

	if (p->ring) /* stat: nothing is reused on the strength of it */
		count = tail - slip_a64_load_relaxed(&p->ring->ends.head);
	return count <= p->shape.capacity ? count : 0;
}

/*
 * End of file: give the producer's role up. The consumer gets what is left,
 * then -EPIPE; a successor may attach at once. Push through this handle fails
 * from now on (-EPIPE).
 */
SLIP_INLINE void slip_spsc_close(struct slip_spsc_producer *p)
{
	if (p->error == -EPIPE)
		return;
	slip_side_close_(&p->side);
	p->error = -EPIPE;
	p->at.end = p->at.stamp;
	p->limit = slip_spsc_position_(&p->at, &p->shape);
}

/* Leave in order; the handle's memory is the caller's again. */
SLIP_INLINE void slip_spsc_detach_producer(struct slip_spsc_producer *p)
{
	slip_spsc_close(p);
}

/* Leave in order: the producer gets -EPIPE. What was not consumed stays for a
 * successor. */
SLIP_INLINE void slip_spsc_detach_consumer(struct slip_spsc_consumer *c)
{
	if (c->error == -EPIPE)
		return;
	slip_side_close_(&c->side);
	c->error = -EPIPE;
	c->at.end = c->at.stamp;
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only. The
 * counts are guesses, as both sides may go on meanwhile. Returns 0, or as
 * attach does; -EAGAIN: overtaken, pushed_guess is void.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_spsc_inspect(const void *mem,
						  size_t mem_bytes,
						  struct slip_spsc_info *info)
{
	const struct slip_spsc_ring *ring =
		SLIP_CAST(const struct slip_spsc_ring *, mem);
	struct slip_spsc_shape s;
	uint64_t block = 0;
	uint32_t count = 0;
	int rc = slip_spsc_check_(ring, mem_bytes, &s, &info->mode);

	if (rc)
		return rc;
	info->bytes = slip_spsc_shape_bytes_(&s);
	info->capacity = s.capacity;
	info->elem_bytes = s.elem_bytes;
	/* stat: separate looks */
	info->producer = slip_a64_load_relaxed(&ring->ends.producer_role);
	info->consumer = slip_a64_load_relaxed(&ring->ends.consumer_role);
	/* SPSC-A3 tool: the blocks are as new as head. Pairs:
	 * slip_spsc_release_to_. Else: an old control word behind a new head
	 * looks like damage. */
	info->popped_guess = slip_a64_load_acquire(&ring->ends.head);
	rc = slip_spsc_find_tail_(ring, &s, info->popped_guess, &block, &count);
	info->pushed_guess = block * s.per_block + count;
	/* stat: head moved on, so what stood behind it may be gone */
	if (rc && slip_a64_load_relaxed(&ring->ends.head) != info->popped_guess)
		return -EAGAIN;
	return rc;
}

#ifdef __cplusplus
#define SLIP_SPSC_PLAIN_(type) __is_trivially_copyable(type)
#else
#define SLIP_SPSC_PLAIN_(type) 1
#endif

/*
 * SLIP_SPSC_DEFINE(ticks, struct tick): the same calls with the element's type
 * and its size a constant, so that the copy becomes a few moves:
 * ticks_push(&p, &t), ticks_pop(&c, &t), ticks_push_n, ticks_pop_n,
 * ticks_claim, ticks_peek, ticks_push_until, ticks_pop_until, ticks_bytes,
 * ticks_init, ticks_attach_producer, ticks_attach_consumer. The rest is called
 * by its own name. Put it at file scope, with a semicolon.
 */
#define SLIP_SPSC_DEFINE(name, type)                                         \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_SPSC_ELEM_MAX &&             \
				   __alignof__(type) <= SLIP_LINE_BYTES &&   \
				   SLIP_SPSC_PLAIN_(type),                   \
			   "an element is plain bytes, at most 64 KiB");     \
	SLIP_INLINE size_t name##_bytes(uint32_t capacity)                   \
	{                                                                    \
		return slip_spsc_bytes(capacity, sizeof(type));              \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                         \
		void *mem, size_t bytes, uint32_t capacity, unsigned flags)  \
	{                                                                    \
		return slip_spsc_init(mem, bytes, capacity, sizeof(type),    \
				      flags);                                \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_producer(              \
		struct slip_spsc_producer *p, void *mem, size_t bytes,       \
		struct slip_peer *self)                                      \
	{                                                                    \
		return slip_spsc_attach_producer_of_(p, mem, bytes, self,    \
						     sizeof(type));          \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_consumer(              \
		struct slip_spsc_consumer *c, void *mem, size_t bytes,       \
		struct slip_peer *self)                                      \
	{                                                                    \
		return slip_spsc_attach_consumer_of_(c, mem, bytes, self,    \
						     sizeof(type));          \
	}                                                                    \
	SLIP_CORE SLIP_MUST_CHECK bool name##_push(                          \
		struct slip_spsc_producer *p, const type *elem)              \
	{                                                                    \
		return slip_spsc_push_(p, elem, sizeof(type));               \
	}                                                                    \
	SLIP_CORE SLIP_MUST_CHECK bool name##_pop(                           \
		struct slip_spsc_consumer *c, type *elem)                    \
	{                                                                    \
		return slip_spsc_pop_(c, elem, sizeof(type));                \
	}                                                                    \
	SLIP_CORE SLIP_MUST_CHECK uint32_t name##_push_n(                    \
		struct slip_spsc_producer *p, const type *elems, uint32_t n) \
	{                                                                    \
		return slip_spsc_push_n_(p, elems, n, sizeof(type));         \
	}                                                                    \
	SLIP_CORE SLIP_MUST_CHECK uint32_t name##_pop_n(                     \
		struct slip_spsc_consumer *c, type *elems, uint32_t n)       \
	{                                                                    \
		return slip_spsc_pop_n_(c, elems, n, sizeof(type));          \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK type *name##_claim(                      \
		struct slip_spsc_producer *p)                                \
	{                                                                    \
		return SLIP_CAST(type *, slip_spsc_claim(p));                \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK const type *name##_peek(                 \
		struct slip_spsc_consumer *c)                                \
	{                                                                    \
		return SLIP_CAST(const type *, slip_spsc_peek(c));           \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK int name##_push_until(                   \
		struct slip_spsc_producer *p, const type *elem,              \
		uint64_t deadline_ns)                                        \
	{                                                                    \
		return slip_spsc_push_until(p, elem, deadline_ns);           \
	}                                                                    \
	SLIP_INLINE SLIP_MUST_CHECK int name##_pop_until(                    \
		struct slip_spsc_consumer *c, type *elem,                    \
		uint64_t deadline_ns)                                        \
	{                                                                    \
		return slip_spsc_pop_until(c, elem, deadline_ns);            \
	}                                                                    \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
