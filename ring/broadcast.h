/* SPDX-License-Identifier: MIT */
/*
 * A ring in shared memory from which each of many readers gets every element, in
 * order: elements of one size, or records of any length.
 *
 * Use it for feeds, logs and events that several watch. Do not use it to share
 * out work (mpmc.h), nor for state of which only the newest counts (latest.h).
 *
 *	struct slip_broadcast_writer w;			(one side)
 *
 *	if (slip_broadcast_init(mem, bytes, 1024, sizeof(tick), 1, 0, 0) ||
 *	    slip_broadcast_attach_writer(&w, mem, bytes, NULL))
 *		return 1;
 *	if (slip_broadcast_write(&w, &tick, sizeof(tick)))
 *		return 1;
 *
 *	struct slip_broadcast_reader r;			(any other)
 *	uint32_t len;
 *
 *	if (slip_broadcast_attach_reader(&r, mem, bytes, NULL,
 *					 SLIP_BROADCAST_NEWEST))
 *		return 1;
 *	while (slip_broadcast_read_until(&r, &tick, sizeof(tick), &len,
 *					 SLIP_FOREVER) == 0)
 *		use(&tick, slip_broadcast_lost(&r));
 *
 * Two kinds, by how many `readers` have a seat:
 *
 *	0	lossy. The writer never waits and knows nobody. A reader that is
 *		too slow is overtaken; it goes on with the oldest that will stay
 *		for a while, and is told, once, how many it has lost.
 *	1..64	lossless. A write that would overtake a reader in a seat does
 *		not happen (-EAGAIN, or wait): the slowest sets the pace. One
 *		that died sets none, from the write that asks. A stopped one
 *		does, unless the writer evicts it (slip_broadcast_evict), which
 *		makes it as one of a lossy ring until it has caught up. A ring
 *		without readers takes all.
 *
 * A lossy ring may have up to 16 writers. Each writes into a lane of its own, so
 * none waits for another, stopped or dead; a reader goes round the lanes. The
 * order is that of each writer; between writers there is none.
 *
 * Shape. `bytes` is slip_broadcast_bytes(room, elem_bytes, writers, readers).
 *
 *	+0	header		magic, layout, mode, geometry; constant
 *	+128	writers read	ev_data (event; readers set its W to sleep),
 *				writers that have come: u64
 *	+256	readers read	ev_space (event), meet: u64
 *	+384	lanes		of 384 bytes, each written by its writer:
 *		+0	tail: u64, what lies below is there
 *		+128	begun: u64, what lies below may have been touched;
 *			writer role
 *		+256	8 marks of records: position and number of the first that
 *			begins in a part: u64 each
 *		seats		of 128 bytes: reader role, cursor: u64
 *		data		of each lane: `room` elements, each rounded up to
 *				8n bytes, or `room` bytes of records:
 *		[ length: u32 | number: u32 | body, padded to 8 | length ... ]
 *
 * Positions count elements, or 8 bytes of records, since init; position p stands
 * at p modulo the room. A record may go over the end of the data. The longest
 * has an eighth of the room less 8 bytes: so in each eighth, a part, begins one.
 *
 *	tail <= begun <= tail + part, and what lies below begun - room is gone
 *
 * A write moves `begun` on, a part at once when it has been used up, then stores
 * the words, then `tail`. A read loads the words at position p, then `begun`:
 * not beyond p + room, and nobody has touched them; else it throws the copy
 * away. The words go in and out with release and acquire, so nothing here is a
 * race, and none of it costs an instruction on x86-64. Seats only hold the
 * writer back: what a reader gets is whole, and what it lost is counted, whatever
 * the cursors say. So there is no peek: what lies in place may be torn, and that
 * is known only afterwards.
 *
 * Concurrency: one writer handle for each lane at a time; any number of readers
 * of a lossy ring, unknown to the writers and to each other. A handle is used by
 * one thread at a time.
 *
 *	operation	progress	signal-safe	shared lines touched
 *	write		wait-free	yes		tail, the element's
 *	 when a part, or the room that was seen, is used up: begun, the seats
 *	read		lock-free	yes		the element's, begun; its
 *							seat; tail if it has
 *							all that it knew of
 *	_until		blocking	no		as above; sets W
 *
 * If the other side sleeps, write and read make one system call to wake it. A
 * read that is overtaken in its copy is tried again, up to 16 times, then it says
 * -EAGAIN. "Signal-safe": may run in a handler that did not interrupt an operation
 * on the same handle. A fork child uses neither handle: its blocking calls say
 * -ECHILD if there is a peer.
 *
 * Read-only. A reader attached with slip_broadcast_attach_readonly makes no store
 * at all: its mapping may be PROT_READ. It has no seat, so it may lose elements
 * of any ring, and nobody wakes it (unless another reader sleeps too): it looks
 * again every 6 ms (SLIP_SLICE_NS). The memory must be a shared mapping.
 *
 * Accounts. The elements of a lane are numbered from 1. What a reader has read
 * and lost of a lane adds up to the number of the last that it read less those
 * before it came; and, when it has got -EPIPE, to all that were written since.
 *
 * Order: what a writer did before write is visible after the read that returned
 * the element. Of a lossless ring, what a reader in a seat did before a read
 * returned is visible after the write for which that made room.
 *
 * Death. An element is there by the one store to `tail`. Attach with a peer
 * (futex/peer.h), and:
 *
 *	killed			then
 *	in write, before that	the element never was; what it was over is gone.
 *				A successor goes on there, with the same number
 *	in write, after that	the element is there. A sleeper is told by
 *				whoever recovers, or looks within a slice
 *	reader			lossless: holds back until a write finds no room
 *				and asks; lossy: nobody notices
 *	writer stopped		its lane ends, for as long as that lasts
 *	reader stopped		lossless: the ring is at worst full, until it is
 *				evicted; lossy: nobody notices
 *
 * A successor attaches to a lane over a dead or departed writer at any time, and
 * finds the number of records from the last mark on (two parts at most). -EPIPE
 * says that all writers that ever came have gone, and nothing of theirs is left.
 * With `self` NULL there is no death detection: a role is given up only by detach.
 *
 * Damage: geometry is validated at attach and kept in the private handle; each
 * word read later is read once and checked, a length before the copy. Nonsense
 * in any lane poisons a reader: -EBADMSG. A cursor that is out of range holds
 * nobody back. So no value leads outside the memory, or to a loop that does not
 * end while the memory stands still. The bytes are the writer's.
 *
 * Source: sequence-checked broadcast after Aeron's transmitter and Boehm, "Can
 * seqlocks get along with programming language memory models?" (MSPC'12); parts
 * begun at once, marks, and cursors swapped away are our own.
 */
#ifndef SLIP_RING_BROADCAST_H
#define SLIP_RING_BROADCAST_H

#include "broadcast_pvt.h"
#include "broadcast_seat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a reader begins. */
#define SLIP_BROADCAST_OLDEST false /* that is there, to within an eighth */
#define SLIP_BROADCAST_NEWEST true  /* with the next that is written */

/* Looks from outside, for tools; see slip_broadcast_inspect. */
struct slip_broadcast_info {
	uint64_t bytes;
	uint64_t room;	     /* slots of a lane, or bytes of records */
	uint32_t elem_bytes; /* 0: records */
	uint32_t max_bytes;  /* of an element */
	uint32_t writers;    /* lanes */
	uint32_t readers;    /* seats; 0: lossy */
	unsigned mode;
};

struct slip_broadcast_lane_info {
	uint64_t tail;	 /* elements, or bytes of records, since init */
	uint64_t begun;	 /* tail, at least */
	uint64_t writer; /* role word, see role.h */
};

struct slip_broadcast_seat_info {
	uint64_t behind; /* elements, or bytes of records */
	uint64_t reader; /* role word */
	bool counts;	 /* holds the writer back */
};

/*
 * Bytes that it takes; 0: not a valid shape. Elements of `elem_bytes` (1 to
 * 65536), of which each lane holds `room` (8 to 2^24); or, if that is 0, records,
 * of which each lane holds `room` bytes (256 to 2^31). A power of two, as is
 * `room`. Lanes for up to `writers` (1 to 16); `readers` have a seat: 0, lossy,
 * or, for one writer, up to 64.
 */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_broadcast_bytes(uint64_t room,
							uint32_t elem_bytes,
							uint32_t writers,
							uint32_t readers)
{
	struct slip_broadcast_shape s;

	if (!slip_broadcast_shape_(&s, room, elem_bytes, writers, readers))
		return 0;
	return slip_broadcast_shape_bytes_(&s);
}

/* No cursor counts yet. */
SLIP_INLINE void slip_broadcast_clear_(struct slip_broadcast_ring *ring,
				       const struct slip_broadcast_shape *s)
{
	for (uint32_t i = 0; i < s->readers; i++)
		/* init */
		slip_a64_store_relaxed(
			&slip_broadcast_seat_(ring, s, i)->cursor,
			SLIP_BROADCAST_NONE);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as an empty ring.
 * `flags`: 0 or SLIP_EVENT_ASYM or SLIP_EVENT_FULL (futex/event.h), how a sleeper
 * is noticed. Touches every byte.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is less
 * than slip_broadcast_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_init(void *mem, size_t mem_bytes, uint64_t room,
		    uint32_t elem_bytes, uint32_t writers, uint32_t readers,
		    unsigned flags)
{
	struct slip_broadcast_ring *ring =
		SLIP_CAST(struct slip_broadcast_ring *, mem);
	struct slip_broadcast_shape s;
	int mode;

	if (!slip_broadcast_shape_(&s, room, elem_bytes, writers, readers) ||
	    !mem || SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    flags > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_broadcast_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 slip_broadcast_shape_bytes_(&s) - sizeof(ring->magic));
	slip_broadcast_clear_(ring, &s);
	/* init: six words */
	slip_a32_store_relaxed(&ring->layout, SLIP_BROADCAST_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a64_store_relaxed(&ring->room, room);
	slip_a32_store_relaxed(&ring->elem_bytes, elem_bytes);
	slip_a32_store_relaxed(&ring->writers, writers);
	slip_a32_store_relaxed(&ring->readers, readers);
	/* BROADCAST-R1 creator: the header is complete. Pairs:
	 * slip_broadcast_check_. Else: a racing attach takes a half-written
	 * geometry. */
	slip_a64_store_release(&ring->magic, SLIP_BROADCAST_MAGIC);
	return 0;
}

/*
 * Become a writer, in the first lane that has none, or a dead one. `w` is memory
 * of the caller's, of any content, aligned as its type; `self` a membership of
 * the region that the users share, which must outlive the handle, or NULL. One
 * call at a time on one `self`: attach, and those that futex/peer.h names. Does
 * not block, but may take milliseconds the first time (slip_event_register).
 *
 * Returns 0; -EBUSY: each lane has a writer that is alive (or has no peer);
 * -EINVAL: mem NULL or not 64-byte aligned, or `self` has left; -EBADMSG: not
 * of this kind, or damaged; -EPROTO: of another layout; -EOVERFLOW: mem_bytes
 * too small for it; -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has
 * hooks for too many kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After
 * a failure the handle is as after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_attach_writer(struct slip_broadcast_writer *w, void *mem,
			     size_t mem_bytes, struct slip_peer *self)
{
	return slip_broadcast_attach_writer_of_(w, mem, mem_bytes, self, 0);
}

/*
 * Become a reader that begins with the oldest element or with the next. As
 * slip_broadcast_attach_writer, without -EBUSY; -EUSERS: of a lossless ring each
 * seat has a reader that is alive (or has no peer); -EAGAIN: lapped by a writer in
 * each of 16 looks for where to begin. Of a lossless ring all from
 * NEWEST on are kept, while what OLDEST finds may be overtaken before the writer
 * sees that somebody wants it; that is then counted as lost.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_attach_reader(struct slip_broadcast_reader *r, void *mem,
			     size_t mem_bytes, struct slip_peer *self,
			     bool newest)
{
	return slip_broadcast_attach_reader_of_(
		r, SLIP_CAST(struct slip_broadcast_ring *, mem), mem_bytes,
		self, newest, 0, false);
}

/*
 * Become a reader that never stores, in no seat: the memory may be mapped for
 * reading only. `self` need not be a member, which takes the right to write: one
 * that slip_peer_prepare() has made for a READONLY region can ask who is alive.
 * NULL: no death detection. No system call. Errors: -EINVAL, -EBADMSG, -EPROTO,
 * -EOVERFLOW, -ECHILD, -EAGAIN, as above.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_attach_readonly(struct slip_broadcast_reader *r, const void *mem,
			       size_t mem_bytes, struct slip_peer *self,
			       bool newest)
{
	uintptr_t at = SLIP_RECAST(uintptr_t, mem);

	return slip_broadcast_attach_reader_of_(
		r, SLIP_RECAST(struct slip_broadcast_ring *, at), mem_bytes,
		self, newest, 0, true);
}

/* The longest element: read once, by attach. 0: the memory was refused, or never
 * looked at. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_broadcast_writer_max_bytes(const struct slip_broadcast_writer *w)
{
	return w->shape.max_bytes;
}

SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_broadcast_reader_max_bytes(const struct slip_broadcast_reader *r)
{
	return r->shape.max_bytes;
}

/*
 * Write an element. Wait-free. Of a lossless ring it asks the oracle, a system
 * call, about a reader that is in the way.
 *
 * Returns 0; -EAGAIN: a reader is in the way (lossless); -EMSGSIZE: not the size
 * of the elements, or too long a record; -EPIPE: the handle is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_write(struct slip_broadcast_writer *w, const void *data,
		     uint32_t bytes)
{
	return slip_broadcast_write_(w, data, bytes, 0, true);
}

/*
 * Write an element, and block while readers are in the way; spins a little, then
 * sleeps. The deadline is absolute CLOCK_MONOTONIC (slip_after_ns), or
 * SLIP_FOREVER; in the past: do not wait.
 *
 * Returns as above, but instead of -EAGAIN -ETIMEDOUT; -ECHILD: in a fork child,
 * if there is a peer; -ENOSYS, -EPERM, -ENOMEM: membarrier is refused by now;
 * -EINVAL: the region is closed; -EFAULT: the memory is gone. A death is noticed
 * within a slice (6 ms).
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_write_until(struct slip_broadcast_writer *w, const void *data,
			   uint32_t bytes, uint64_t deadline_ns)
{
	return slip_broadcast_write_until_(w, data, bytes, 0, deadline_ns);
}

/*
 * Wait no more for the readers that are furthest behind: they are as readers of a
 * lossy ring until the writer, when what it may write is used up, finds that a read
 * of theirs was within two rooms of the tail. Returns how many seats these are, those
 * of readers that are just coming among them; 0: none is behind; -EPIPE: the handle
 * is closed. Wait-free.
 */
SLIP_INLINE int slip_broadcast_evict(struct slip_broadcast_writer *w)
{
	uint64_t lowest;
	int n = 0;

	if (w->error)
		return w->error;
	lowest = slip_broadcast_survey_(w, w->tail, false);
	for (uint32_t i = 0; i < w->shape.readers; i++)
		if ((lowest != w->tail &&
		     slip_broadcast_retire_(w, i, lowest)) ||
		    slip_broadcast_retire_(w, i, SLIP_BROADCAST_COMING))
			n++;
	return n;
}

/* The writer's lane: 0 and up. */
SLIP_INLINE uint32_t
slip_broadcast_writer_lane(const struct slip_broadcast_writer *w)
{
	return w->index;
}

/*
 * Copy the next element to `buf`, and its length to `len`; from which lane, if
 * there are several, goes round. Lock-free, at most 16 copies.
 *
 * Returns 0; -ENODATA: there is none; -EAGAIN: overtaken each time; -EMSGSIZE:
 * longer than buf_bytes, `len` says how long: it is not taken, and its lane's turn
 * stays; -EBADMSG: damaged; -EPIPE: the handle is closed. Unless 0, what is in
 * `buf` is of any content.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_read(struct slip_broadcast_reader *r, void *buf,
		    uint32_t buf_bytes, uint32_t *len)
{
	return slip_broadcast_read_(r, buf, buf_bytes, len, 0);
}

/* How many elements of that lane were lost just before the one that the last
 * successful read returned. */
SLIP_INLINE uint64_t slip_broadcast_lost(const struct slip_broadcast_reader *r)
{
	return r->lost;
}

/* Which element of its lane the last read returned: the nth that was written. 0:
 * none was read. */
SLIP_INLINE uint64_t
slip_broadcast_number(const struct slip_broadcast_reader *r)
{
	return r->number;
}

/* From which lane it was. */
SLIP_INLINE uint32_t
slip_broadcast_reader_lane(const struct slip_broadcast_reader *r)
{
	return r->from;
}

/*
 * Block until there is an element; spins a little, then sleeps. Deadline as for
 * slip_broadcast_write_until.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: there is none, and all writers that ever came
 * detached or died; -EBADMSG: damaged; and -ECHILD, -ENOSYS, -EPERM, -ENOMEM,
 * -EINVAL and -EFAULT (also: read-only, anonymous and private memory), as there. A
 * death is noticed within a slice (6 ms), a detach at once, or, read-only or with
 * several lanes, within a slice.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_wait_until(struct slip_broadcast_reader *r, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(r->error))
		return r->error;
	return slip_side_wait_(&r->side, slip_broadcast_has_data_, r,
			       deadline_ns);
}

/* Block until there is an element, and copy it. As slip_broadcast_wait_until and
 * slip_broadcast_read; overtaken, it tries again until the deadline. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_read_until(struct slip_broadcast_reader *r, void *buf,
			  uint32_t buf_bytes, uint32_t *len,
			  uint64_t deadline_ns)
{
	return slip_broadcast_read_until_(r, buf, buf_bytes, len, 0,
					  deadline_ns);
}

/*
 * Block until a writer is attached: before the first element, or, after -EPIPE,
 * until there is a successor. Also ends if there is an element, for a writer may
 * have come and gone meanwhile. Deadline and results as above; -EPIPE only if it
 * is this handle that is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_wait_writer_until(struct slip_broadcast_reader *r,
				 uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(r->error))
		return r->error;
	return slip_side_wait_peer_(&r->side, slip_broadcast_has_writer_, r,
				    deadline_ns);
}

/* The writer of a lane now, by the oracle: enum slip_role_state. */
SLIP_INLINE int slip_broadcast_writer_state(struct slip_broadcast_reader *r,
					    uint32_t lane)
{
	if (!r->ring || lane >= r->shape.writers)
		return SLIP_ROLE_VACANT;
	r->side.theirs = &slip_broadcast_lane_(r->ring, lane)->role;
	return slip_side_state_(&r->side);
}

/* Leave in order: readers get what is left, and then -EPIPE if no other writer
 * is there. A successor may attach at once. */
SLIP_INLINE void slip_broadcast_detach_writer(struct slip_broadcast_writer *w)
{
	if (w->error == -EPIPE)
		return;
	slip_side_close_(&w->side);
	w->error = -EPIPE;
}

/* Hold nobody back any more. The handle's memory is the caller's again. */
SLIP_INLINE void slip_broadcast_detach_reader(struct slip_broadcast_reader *r)
{
	if (r->error != -EPIPE && r->seat)
		slip_broadcast_rise_(r);
	r->error = -EPIPE;
}

/*
 * Look without taking part; the memory may be mapped read-only. What is read
 * one after the other may be of two moments. Returns 0, or as attach does.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_inspect(const void *mem, size_t mem_bytes,
		       struct slip_broadcast_info *info)
{
	const struct slip_broadcast_ring *ring =
		SLIP_CAST(const struct slip_broadcast_ring *, mem);
	struct slip_broadcast_shape s;
	int rc = slip_broadcast_check_(ring, mem_bytes, &s, &info->mode);

	if (rc)
		return rc;
	info->bytes = slip_broadcast_shape_bytes_(&s);
	info->room = s.elem_bytes ? s.room : s.room * 8;
	info->elem_bytes = s.elem_bytes;
	info->max_bytes = s.max_bytes;
	info->writers = s.writers;
	info->readers = s.readers;
	return 0;
}

/* Lane `i` of a ring. -EINVAL: there is none; else as above. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_inspect_lane(const void *mem, size_t mem_bytes, uint32_t i,
			    struct slip_broadcast_lane_info *info)
{
	struct slip_broadcast_ring *ring = SLIP_RECAST(
		struct slip_broadcast_ring *, SLIP_RECAST(uintptr_t, mem));
	struct slip_broadcast_lane *lane;
	struct slip_broadcast_shape s;
	unsigned mode;
	int rc = slip_broadcast_check_(ring, mem_bytes, &s, &mode);

	if (rc || i >= s.writers)
		return rc ? rc : -EINVAL;
	lane = slip_broadcast_lane_(ring, i);
	/* stat: separate looks */
	info->tail =
		slip_a64_load_relaxed(&lane->tail) * (s.elem_bytes ? 1 : 8);
	info->begun =
		slip_a64_load_relaxed(&lane->begun) * (s.elem_bytes ? 1 : 8);
	info->writer = slip_a64_load_relaxed(&lane->role);
	return 0;
}

/* Seat `i` of a lossless ring, as above. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_broadcast_inspect_seat(const void *mem, size_t mem_bytes, uint32_t i,
			    struct slip_broadcast_seat_info *info)
{
	struct slip_broadcast_ring *ring = SLIP_RECAST(
		struct slip_broadcast_ring *, SLIP_RECAST(uintptr_t, mem));
	struct slip_broadcast_seat *seat;
	struct slip_broadcast_shape s;
	uint64_t cursor, tail;
	unsigned mode;
	int rc = slip_broadcast_check_(ring, mem_bytes, &s, &mode);

	if (rc || i >= s.readers)
		return rc ? rc : -EINVAL;
	seat = slip_broadcast_seat_(ring, &s, i);
	/* stat: separate looks */
	cursor = slip_a64_load_relaxed(&seat->cursor);
	tail = slip_a64_load_relaxed(&slip_broadcast_lane_(ring, 0)->tail);
	info->reader = slip_a64_load_relaxed(&seat->role);
	info->counts = cursor != SLIP_BROADCAST_NONE &&
		       (info->reader & 15) == SLIP_ROLE_HELD;
	info->behind = info->counts && cursor < SLIP_BROADCAST_COMING
			       ? (tail - cursor) * (s.elem_bytes ? 1 : 8)
			       : 0;
	return 0;
}

#ifdef __cplusplus
#define SLIP_BROADCAST_PLAIN_(type) __is_trivially_copyable(type)
#else
#define SLIP_BROADCAST_PLAIN_(type) 1
#endif

/*
 * SLIP_BROADCAST_DEFINE(ticks, struct tick): the same calls with the element's type
 * and its size a constant, so that the copy becomes a few moves: ticks_write(&w,
 * &t), ticks_write_until, ticks_read(&r, &t), ticks_read_until, ticks_bytes,
 * ticks_init, ticks_attach_writer, ticks_attach_reader, ticks_attach_readonly. The
 * rest is called by its own name. Put it at file scope, with a semicolon.
 */
#define SLIP_BROADCAST_DEFINE(name, type)                                      \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_BROADCAST_ELEM_MAX &&          \
				   SLIP_BROADCAST_PLAIN_(type),                \
			   "an element is plain bytes, at most 64 KiB");       \
	SLIP_INLINE size_t name##_bytes(uint64_t slots, uint32_t writers,      \
					uint32_t readers)                      \
	{                                                                      \
		return slip_broadcast_bytes(slots, sizeof(type), writers,      \
					    readers);                          \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                           \
		void *mem, size_t bytes, uint64_t slots, uint32_t writers,     \
		uint32_t readers, unsigned flags)                              \
	{                                                                      \
		return slip_broadcast_init(mem, bytes, slots, sizeof(type),    \
					   writers, readers, flags);           \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_writer(                  \
		struct slip_broadcast_writer *w, void *mem, size_t bytes,      \
		struct slip_peer *self)                                        \
	{                                                                      \
		return slip_broadcast_attach_writer_of_(w, mem, bytes, self,   \
							sizeof(type));         \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_reader(                  \
		struct slip_broadcast_reader *r, void *mem, size_t bytes,      \
		struct slip_peer *self, bool newest)                           \
	{                                                                      \
		return slip_broadcast_attach_reader_of_(                       \
			r, SLIP_CAST(struct slip_broadcast_ring *, mem),       \
			bytes, self, newest, sizeof(type), false);             \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_readonly(                \
		struct slip_broadcast_reader *r, const void *mem,              \
		size_t bytes, struct slip_peer *self, bool newest)             \
	{                                                                      \
		uintptr_t at = SLIP_RECAST(uintptr_t, mem);                    \
                                                                               \
		return slip_broadcast_attach_reader_of_(                       \
			r, SLIP_RECAST(struct slip_broadcast_ring *, at),      \
			bytes, self, newest, sizeof(type), true);              \
	}                                                                      \
	SLIP_CORE SLIP_MUST_CHECK int name##_write(                            \
		struct slip_broadcast_writer *w, const type *elem)             \
	{                                                                      \
		return slip_broadcast_write_(w, elem, sizeof(type),            \
					     sizeof(type), true);              \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_write_until(                    \
		struct slip_broadcast_writer *w, const type *elem,             \
		uint64_t deadline_ns)                                          \
	{                                                                      \
		return slip_broadcast_write_until_(w, elem, sizeof(type),      \
						   sizeof(type), deadline_ns); \
	}                                                                      \
	SLIP_CORE SLIP_MUST_CHECK int name##_read(                             \
		struct slip_broadcast_reader *r, type *elem)                   \
	{                                                                      \
		uint32_t len;                                                  \
                                                                               \
		return slip_broadcast_read_(r, elem, sizeof(type), &len,       \
					    sizeof(type));                     \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_read_until(                     \
		struct slip_broadcast_reader *r, type *elem,                   \
		uint64_t deadline_ns)                                          \
	{                                                                      \
		uint32_t len;                                                  \
                                                                               \
		return slip_broadcast_read_until_(r, elem, sizeof(type), &len, \
						  sizeof(type), deadline_ns);  \
	}                                                                      \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
