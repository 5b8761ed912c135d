/* SPDX-License-Identifier: MIT */
/*
 * The newest value of something, in shared memory: one writer, any number of
 * readers, and nobody ever waits for anybody.
 *
 * Use it for state that is replaced as a whole and of which only the newest
 * counts: a position, a book of prices, a configuration, a frame of up to 64
 * KiB. Do not use it where every value counts (spsc.h, record.h, mpmc.h), nor
 * for one word (atomics/word.h has that).
 *
 *	struct slip_latest_writer w;			(one side)
 *
 *	if (slip_latest_init(mem, bytes, SLIP_LATEST_SLOTS, sizeof(pose), 0) ||
 *	    slip_latest_attach_writer(&w, mem, bytes, NULL))
 *		return 1;
 *	if (slip_latest_write(&w, &pose, sizeof(pose)))
 *		return 1;
 *
 *	struct slip_latest_reader r;			(any other)
 *	uint32_t len;
 *
 *	if (slip_latest_attach_reader(&r, mem, bytes, NULL))
 *		return 1;
 *	while (slip_latest_read_until(&r, &pose, sizeof(pose), &len,
 *				      SLIP_FOREVER) == 0)
 *		move_to(&pose, slip_latest_skipped(&r));
 *
 * Shape. `bytes` is slip_latest_bytes(slots, value_bytes).
 *
 *	+0	header		magic, layout, mode, geometry; constant
 *	+128	writer writes	latest: u64, version of the newest whole value,
 *				0: none yet; version n is the nth write
 *				begun: u64, latest, or latest + 1 while that is
 *				being written
 *				ev (event; readers set its W to sleep), writer
 *				role, len: u32 for each slot
 *	+256	slots		2, 4 or 8; each value_bytes (1..65536) rounded
 *				up to 64n. Version n stands in slot n % slots.
 *
 *	begun	latest	state
 *	n	n	idle: versions n - slots + 1 .. n are whole
 *	n + 1	n	n + 1 is being written, over n + 1 - slots; the others,
 *			n among them, are whole. For ever, if the writer died.
 *
 * A write stores begun, the bytes, latest, in this order. A read loads latest
 * (version p), copies p's slot, and loads begun: below p + slots, and nobody
 * has touched the slot since p; else it throws the copy away and tries again.
 * The bytes go in and out as words with release and acquire, so nothing here is
 * a race, and none of it costs an instruction on x86-64. (On other machines it
 * does, in the copy.)
 *
 * There is no peek: nothing keeps the writer from the slot that a reader looks
 * at, so what it sees in place may be torn, and that is known only afterwards.
 * Nor is there a pointer for the writer, whose plain stores a lapped reader
 * would race: slip_latest_put() writes in place, piece by piece.
 *
 * Concurrency: one writer handle at a time; any number of readers, unknown to
 * the writer and to each other. A handle is used by one thread at a time.
 *
 *	operation	progress	signal-safe	shared lines touched
 *	write, commit	wait-free	yes		+128, the value's
 *	put		wait-free	yes		the value's; first +128
 *	read, _newer	lock-free	yes		+128, the value's; reads
 *	_until		blocking	no		as read; sets W in +128
 *
 * If a reader sleeps, write makes one system call to wake it. A read that fails
 * has been lapped: during its copy the writer has completed at least slots - 1
 * writes. It is tried again, up to 16 times, then it says -EAGAIN: so it ends
 * after 16 copies, and whoever gets -EAGAIN is preempted all the time, or too
 * slow: more slots, or smaller values. "Signal-safe": may run in a handler that
 * did not interrupt an operation on the same handle.
 *
 * Read-only. A reader attached with slip_latest_attach_readonly makes no store at
 * all: its mapping may be PROT_READ, its region opened READONLY, its user
 * without the right to write. It cannot say that it sleeps, so nobody wakes it
 * (unless another reader sleeps too): it looks again every 6 ms (SLIP_SLICE_NS),
 * or at the end of a shorter deadline, after spinning a little. So a value may
 * be seen 6 ms late, and each look costs a few us of its own. The writer pays
 * nothing. The memory must be a shared mapping: what others write to a file may
 * never show in a private one, and nothing says so.
 *
 * Order: what the writer did before write is visible after the read that
 * returned the value or one later. A reader's versions never go back.
 *
 * Death. A value is there by the one store to `latest`. Attach with a peer
 * (futex/peer.h), and:
 *
 *	killed			then
 *	in write, before that	the value never was. The newest before it stays,
 *				is read as ever; a successor takes the same slot
 *				and number
 *	in write, after that	the value is there. A sleeper is told by whoever
 *				recovers, or looks within a slice
 *	in put, before commit	as in write
 *	reader, anywhere	nobody notices; W may cost the writer one call
 *	writer stopped		as killed, but its role stays taken
 *	reader stopped		nobody notices
 *
 * A successor attaches over a dead or departed writer at any time and goes on
 * with the next number, so numbers stay exact. With `self` NULL there is no
 * death detection: the role is given up only by detach.
 *
 * Damage: geometry is validated at attach and kept in the private handle; each
 * word read later is read once and checked, a length before the copy, which the
 * handle's own numbers bound. A length beyond value_bytes, a version that goes
 * back or stays behind what was begun poisons a reader: -EBADMSG. So no value
 * leads outside the memory, or to a loop that does not end while the memory
 * stands still. The bytes are the writer's.
 *
 * Source: the non-blocking write protocol of Kopetz and Reisinger (RTSS'93),
 * several buffers under one count; orders after Boehm, "Can seqlocks get along
 * with programming language memory models?" (MSPC'12).
 */
#ifndef SLIP_RING_LATEST_H
#define SLIP_RING_LATEST_H

#include "latest_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As many slots as suit most: a reader fails if three writes go by. */
#define SLIP_LATEST_SLOTS 4u

/* A look from outside, for tools; see slip_latest_inspect. */
struct slip_latest_info {
	uint64_t version; /* of the newest value; 0: none */
	uint64_t begun;	  /* version + 1: being written, or left half-written */
	uint64_t bytes;
	uint32_t slots;
	uint32_t value_bytes; /* at most */
	uint32_t len_guess;   /* of the newest value */
	unsigned mode;
	uint64_t writer; /* role word, see role.h */
};

/* Bytes that it takes; 0: not a valid shape. `slots`: 2, 4 or 8; values have
 * up to `value_bytes`, 1 to 65536. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_latest_bytes(uint32_t slots,
						     uint32_t value_bytes)
{
	struct slip_latest_shape s;

	if (!slip_latest_shape_(&s, slots, value_bytes))
		return 0;
	return slip_latest_shape_bytes_(&s);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody); no value is
 * there yet. `flags`: 0 or SLIP_EVENT_ASYM or SLIP_EVENT_FULL (futex/event.h),
 * how a sleeper is noticed. Touches every byte.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is less
 * than slip_latest_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latest_init(void *mem, size_t mem_bytes,
						 uint32_t slots,
						 uint32_t value_bytes,
						 unsigned flags)
{
	struct slip_latest_ring *ring =
		SLIP_CAST(struct slip_latest_ring *, mem);
	struct slip_latest_shape s;
	int mode;

	if (!slip_latest_shape_(&s, slots, value_bytes) || !mem ||
	    SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    flags > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_latest_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 slip_latest_shape_bytes_(&s) - sizeof(ring->magic));
	/* init: five words */
	slip_a32_store_relaxed(&ring->layout, SLIP_LATEST_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&ring->slots, s.slots);
	slip_a32_store_relaxed(&ring->value_bytes, s.value_bytes);
	slip_a64_store_relaxed(&ring->stride, s.stride);
	/* LATEST-R1 creator: the header is complete. Pairs: slip_latest_check_.
	 * Else: a racing attach takes a half-written geometry. */
	slip_a64_store_release(&ring->magic, SLIP_LATEST_MAGIC);
	return 0;
}

/*
 * Become the writer. `w` is memory of the caller's, of any content, aligned as
 * its type; `self` a membership of the region that the users share, which must
 * outlive the handle, or NULL. One call at a time on one `self`: attach, and
 * those that futex/peer.h names. Takes over, at once and without loss, from a
 * writer that detached or died. Does not block, but may take milliseconds the
 * first time (slip_event_register).
 *
 * Returns 0; -EBUSY: there is a writer and it is alive (or has no peer);
 * -EINVAL: mem NULL or not 64-byte aligned, or `self` has left; -EBADMSG: not
 * of this kind, or damaged; -EPROTO: of another layout; -EOVERFLOW: mem_bytes
 * too small for it; -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has
 * hooks for too many kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After
 * a failure the handle is as after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_attach_writer(struct slip_latest_writer *w, void *mem,
			  size_t mem_bytes, struct slip_peer *self)
{
	return slip_latest_attach_writer_of_(w, mem, mem_bytes, self, 0);
}

/* Become a reader, one of any number: nobody notices. As
 * slip_latest_attach_writer, without -EBUSY. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_attach_reader(struct slip_latest_reader *r, void *mem,
			  size_t mem_bytes, struct slip_peer *self)
{
	return slip_latest_attach_reader_of_(
		r, SLIP_CAST(struct slip_latest_ring *, mem), mem_bytes, self,
		0, false);
}

/*
 * Become a reader that never stores: the memory may be mapped for reading only.
 * `self` need not be a member, which takes the right to write: one that
 * slip_peer_prepare() has made for a READONLY region can ask who is alive. NULL:
 * no death detection. No system call. Errors: -EINVAL, -EBADMSG, -EPROTO,
 * -EOVERFLOW, -ECHILD, as above.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_attach_readonly(struct slip_latest_reader *r, const void *mem,
			    size_t mem_bytes, struct slip_peer *self)
{
	uintptr_t at = SLIP_RECAST(uintptr_t, mem);

	return slip_latest_attach_reader_of_(
		r, SLIP_RECAST(struct slip_latest_ring *, at), mem_bytes, self,
		0, true);
}

/* The longest value: read once, by attach. 0: the memory was refused, or never
 * looked at. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_latest_writer_value_bytes(const struct slip_latest_writer *w)
{
	return w->shape.value_bytes;
}

SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_latest_reader_value_bytes(const struct slip_latest_reader *r)
{
	return r->shape.value_bytes;
}

/*
 * Publish a new value of `bytes` (0..value_bytes). Wait-free.
 *
 * Returns 0; -EMSGSIZE: too long; -EPIPE: the handle is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latest_write(struct slip_latest_writer *w,
						  const void *value,
						  uint32_t bytes)
{
	return slip_latest_write_(w, value, bytes);
}

/*
 * Write `bytes` of the next value in place, from its byte `at` on; nobody sees it
 * before commit. What is not put is of any content: not committing is how to
 * abort, and a write or commit that follows ends the value. Wait-free.
 *
 * Returns 0; -EMSGSIZE: beyond value_bytes; -EPIPE: the handle is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latest_put(struct slip_latest_writer *w,
						uint32_t at, const void *from,
						uint32_t bytes)
{
	struct slip_latest_place place;

	if (SLIP_UNLIKELY(w->error))
		return w->error;
	if (at > w->shape.value_bytes || bytes > w->shape.value_bytes - at)
		return -EMSGSIZE;
	slip_latest_place_(&place, w->ring, &w->shape, w->version + 1);
	if (!w->begun)
		slip_latest_begin_(&place);
	w->begun = true;
	slip_latest_fill_(place.slot, at,
			  SLIP_CAST(const unsigned char *, from), bytes);
	return 0;
}

/* Publish what was put, as a value of `bytes`. As slip_latest_write; -EINVAL:
 * nothing was put. */
SLIP_INLINE SLIP_MUST_CHECK int slip_latest_commit(struct slip_latest_writer *w,
						   uint32_t bytes)
{
	struct slip_latest_place place;

	if (SLIP_UNLIKELY(w->error))
		return w->error;
	if (!w->begun)
		return -EINVAL;
	if (bytes > w->shape.value_bytes)
		return -EMSGSIZE;
	slip_latest_place_(&place, w->ring, &w->shape, w->version + 1);
	slip_latest_publish_(w, &place, bytes);
	return 0;
}

/*
 * Copy the newest value, seen before or not, to `buf`, and its length to `len`.
 * Lock-free, at most 16 copies.
 *
 * Returns 0; -ENODATA: nothing was ever written; -EAGAIN: lapped by the writer
 * each time; -EMSGSIZE: longer than buf_bytes, `len` says how long: it is not
 * taken; -EBADMSG: damaged; -EPIPE: the handle is closed. Unless 0, what is in
 * `buf` is of any content.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_latest_read(struct slip_latest_reader *r,
						 void *buf, uint32_t buf_bytes,
						 uint32_t *len)
{
	return slip_latest_read_(r, buf, buf_bytes, len, false, 0);
}

/* Copy the newest value if this handle has not read it. As slip_latest_read;
 * -ENODATA: nothing newer is there. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_read_newer(struct slip_latest_reader *r, void *buf,
		       uint32_t buf_bytes, uint32_t *len)
{
	return slip_latest_read_(r, buf, buf_bytes, len, true, 0);
}

/* Which value the last read returned: the nth that was written. 0: none. */
SLIP_INLINE uint64_t slip_latest_version(const struct slip_latest_reader *r)
{
	return r->version;
}

/* How many values were written between the last one that was read and the one
 * read before it (or, before the first, the beginning), and never seen by this
 * handle. Exact: values read and values skipped add up to the version. */
SLIP_INLINE uint64_t slip_latest_skipped(const struct slip_latest_reader *r)
{
	return r->skipped;
}

/*
 * Block until there is a newer value than this handle has read; spins a little,
 * then sleeps. The deadline is absolute CLOCK_MONOTONIC (slip_after_ns), or
 * SLIP_FOREVER; in the past: do not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: there is none and the writer detached or died;
 * -EBADMSG: damaged; -ECHILD: in a fork child, if there is a peer; -ENOSYS,
 * -EPERM, -ENOMEM: membarrier is refused by now; -EINVAL: the region is closed;
 * -EFAULT: the memory is gone (or, read-only, it is anonymous and private). What
 * a read refused with -EMSGSIZE is still newer: so a loop needs a buffer of
 * slip_latest_reader_value_bytes(). A death is noticed within a slice (6 ms),
 * a detach at once, or, read-only, within a slice.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_wait_until(struct slip_latest_reader *r, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(r->error))
		return r->error;
	return slip_side_wait_(&r->side, slip_latest_has_newer_, r,
			       deadline_ns);
}

/* Block until there is a newer value, and copy it. As slip_latest_wait_until and
 * slip_latest_read_newer; lapped, it tries again until the deadline. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_read_until(struct slip_latest_reader *r, void *buf,
		       uint32_t buf_bytes, uint32_t *len, uint64_t deadline_ns)
{
	return slip_latest_read_until_(r, buf, buf_bytes, len, 0, deadline_ns);
}

/*
 * Block until a writer is attached: before the first value, or, after -EPIPE,
 * until there is a successor. Also ends if there is a newer value, for a writer
 * may have come and gone meanwhile. Deadline and results as above; -EPIPE only
 * if it is this handle that is closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_wait_writer_until(struct slip_latest_reader *r,
			      uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(r->error))
		return r->error;
	return slip_side_wait_peer_(&r->side, slip_latest_has_newer_, r,
				    deadline_ns);
}

/* The writer now, by the oracle: enum slip_role_state. */
SLIP_INLINE int slip_latest_writer_state(const struct slip_latest_reader *r)
{
	return slip_side_state_(&r->side);
}

/* Leave in order: readers keep the newest value, and get -EPIPE when they wait
 * for another. A successor may attach at once. */
SLIP_INLINE void slip_latest_detach_writer(struct slip_latest_writer *w)
{
	if (w->error == -EPIPE)
		return;
	slip_side_close_(&w->side);
	w->error = -EPIPE;
}

/* Nobody notices. The handle's memory is the caller's again. */
SLIP_INLINE void slip_latest_detach_reader(struct slip_latest_reader *r)
{
	r->error = -EPIPE;
}

/*
 * Look without taking part; the memory may be mapped read-only. What is read
 * one after the other may be of two moments. Returns 0, or as attach does.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_inspect(const void *mem, size_t mem_bytes,
		    struct slip_latest_info *info)
{
	const struct slip_latest_ring *ring =
		SLIP_CAST(const struct slip_latest_ring *, mem);
	struct slip_latest_shape s;
	int rc = slip_latest_check_(ring, mem_bytes, &s, &info->mode);

	if (rc)
		return rc;
	info->bytes = slip_latest_shape_bytes_(&s);
	info->slots = s.slots;
	info->value_bytes = s.value_bytes;
	/* stat: separate looks */
	info->version = slip_a64_load_relaxed(&ring->latest);
	info->begun = slip_a64_load_relaxed(&ring->begun);
	info->len_guess = slip_a32_load_relaxed(
		&ring->lens[slip_latest_index_(&s, info->version)]);
	info->writer = slip_a64_load_relaxed(&ring->writer_role);
	return 0;
}

#ifdef __cplusplus
#define SLIP_LATEST_PLAIN_(type) __is_trivially_copyable(type)
#else
#define SLIP_LATEST_PLAIN_(type) 1
#endif

/*
 * SLIP_LATEST_DEFINE(poses, struct pose): the same calls with the value's type
 * and its size a constant, so that the copy becomes a few moves:
 * poses_write(&w, &p), poses_read(&r, &p), poses_read_newer, poses_read_until,
 * poses_bytes, poses_init, poses_attach_writer, poses_attach_reader,
 * poses_attach_readonly. A value of another length is -EMSGSIZE. The rest is
 * called by its own name. Put it at file scope, with a semicolon.
 */
#define SLIP_LATEST_DEFINE(name, type)                                        \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_LATEST_VALUE_MAX &&           \
				   SLIP_LATEST_PLAIN_(type),                  \
			   "a value is plain bytes, at most 64 KiB");         \
	SLIP_INLINE size_t name##_bytes(uint32_t slots)                       \
	{                                                                     \
		return slip_latest_bytes(slots, sizeof(type));                \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                          \
		void *mem, size_t bytes, uint32_t slots, unsigned flags)      \
	{                                                                     \
		return slip_latest_init(mem, bytes, slots, sizeof(type),      \
					flags);                               \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_writer(                 \
		struct slip_latest_writer *w, void *mem, size_t bytes,        \
		struct slip_peer *self)                                       \
	{                                                                     \
		return slip_latest_attach_writer_of_(w, mem, bytes, self,     \
						     sizeof(type));           \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_reader(                 \
		struct slip_latest_reader *r, void *mem, size_t bytes,        \
		struct slip_peer *self)                                       \
	{                                                                     \
		return slip_latest_attach_reader_of_(                         \
			r, SLIP_CAST(struct slip_latest_ring *, mem), bytes,  \
			self, sizeof(type), false);                           \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach_readonly(               \
		struct slip_latest_reader *r, const void *mem, size_t bytes,  \
		struct slip_peer *self)                                       \
	{                                                                     \
		uintptr_t at = SLIP_RECAST(uintptr_t, mem);                   \
                                                                              \
		return slip_latest_attach_reader_of_(                         \
			r, SLIP_RECAST(struct slip_latest_ring *, at), bytes, \
			self, sizeof(type), true);                            \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK int name##_write(                           \
		struct slip_latest_writer *w, const type *value)              \
	{                                                                     \
		return slip_latest_write_(w, value, sizeof(type));            \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK int name##_read(                            \
		struct slip_latest_reader *r, type *value)                    \
	{                                                                     \
		uint32_t len;                                                 \
                                                                              \
		return slip_latest_read_(r, value, sizeof(type), &len, false, \
					 sizeof(type));                       \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK int name##_read_newer(                      \
		struct slip_latest_reader *r, type *value)                    \
	{                                                                     \
		uint32_t len;                                                 \
                                                                              \
		return slip_latest_read_(r, value, sizeof(type), &len, true,  \
					 sizeof(type));                       \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_read_until(                    \
		struct slip_latest_reader *r, type *value,                    \
		uint64_t deadline_ns)                                         \
	{                                                                     \
		uint32_t len;                                                 \
                                                                              \
		return slip_latest_read_until_(r, value, sizeof(type), &len,  \
					       sizeof(type), deadline_ns);    \
	}                                                                     \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
