/* SPDX-License-Identifier: MIT */
/*
 * Latest.h from the inside: the bytes, the handles, and the steps. Private; the
 * picture of the layout and the crash contract stand in latest.h.
 */
#ifndef SLIP_RING_LATEST_PVT_H
#define SLIP_RING_LATEST_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_LATEST_MAGIC     UINT64_C(0x314554414c4c5053) /* "SPLLATE1" */
#define SLIP_LATEST_LAYOUT    2u
#define SLIP_LATEST_SLOTS_MAX 8u
#define SLIP_LATEST_VALUE_MAX UINT32_C(65536)

/* How often a bare read tries before it says -EAGAIN. */
#define SLIP_LATEST_TRIES 16

/* The bytes at the start. */
struct slip_latest_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the event: SLIP_EVENT_ASYM or _FULL */
	slip_a32 slots;
	slip_a32 value_bytes;
	slip_a64 stride;
	unsigned char pad0[96];
	/* +128: written by the writer */
	slip_a64 latest;      /* version of the newest whole value; 0: none */
	slip_a64 begun;	      /* the last version whose slot was touched */
	struct slip_event ev; /* readers sleep here */
	slip_a64 writer_role;
	slip_a32 lens[SLIP_LATEST_SLOTS_MAX]; /* bytes of each slot's value */
	unsigned char pad1[64];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, stride) == 24, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, latest) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, begun) == 136, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, ev) == 144, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, writer_role) == 152,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_latest_ring, lens) == 160, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_latest_ring) == 256, "layout");

/* Geometry, validated once; private. */
struct slip_latest_shape {
	uint64_t stride;
	uint32_t slots; /* 2, 4 or 8 */
	uint32_t value_bytes;
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users.
 */
struct slip_latest_writer {
	struct slip_latest_ring *ring;
	uint64_t version; /* of the last value that was published */
	struct slip_latest_shape shape;
	struct slip_side side;
	bool begun; /* by put: the next version's slot is ours */
	int error;  /* -EPIPE: closed */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_latest_reader {
	struct slip_latest_ring *ring; /* written only to wait */
	uint64_t version;	       /* of the last value that was read */
	uint64_t skipped;	       /* before it */
	struct slip_latest_shape shape;
	struct slip_side side;
	int error; /* -EBADMSG: damaged; -EPIPE: closed */
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_latest_shape_(struct slip_latest_shape *s, uint32_t slots,
				    uint32_t value_bytes)
{
	if (slots < 2 || slots > SLIP_LATEST_SLOTS_MAX ||
	    (slots & (slots - 1)) || value_bytes < 1 ||
	    value_bytes > SLIP_LATEST_VALUE_MAX)
		return false;
	s->slots = slots;
	s->value_bytes = value_bytes;
	s->stride = (value_bytes + SLIP_LINE_BYTES - 1) / SLIP_LINE_BYTES *
		    SLIP_LINE_BYTES;
	return true;
}

SLIP_INLINE size_t slip_latest_shape_bytes_(const struct slip_latest_shape *s)
{
	return sizeof(struct slip_latest_ring) + s->slots * s->stride;
}

/* Validate the header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_check_(const struct slip_latest_ring *ring, size_t mem_bytes,
		   struct slip_latest_shape *s, unsigned *mode)
{
	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* LATEST-A1 attach: the header that follows is complete. Pairs:
	 * slip_latest_init. Else: a half-written geometry is taken. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_LATEST_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_LATEST_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	if (!slip_latest_shape_(s, slip_a32_load_relaxed(&ring->slots),
				slip_a32_load_relaxed(&ring->value_bytes)) ||
	    s->stride != slip_a64_load_relaxed(&ring->stride) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_latest_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* Where the value of a version stands. */
SLIP_CORE uint32_t slip_latest_index_(const struct slip_latest_shape *s,
				      uint64_t version)
{
	return SLIP_CAST(uint32_t, version) & (s->slots - 1);
}

SLIP_CORE slip_a64 *slip_latest_slot_(struct slip_latest_ring *ring,
				      const struct slip_latest_shape *s,
				      uint64_t version)
{
	void *at = SLIP_RECAST(unsigned char *, ring) + sizeof(*ring) +
		   slip_latest_index_(s, version) * s->stride;

	return SLIP_CAST(slip_a64 *, at);
}

/* --- bytes as words --------------------------------------------------------- */

/* `bytes` (1..8) of a value; the rest of the word is 0. */
SLIP_CORE void slip_latest_store_word_(slip_a64 *to, const unsigned char *from,
				       uint32_t bytes)
{
	uint64_t x = 0;

	__builtin_memcpy(&x, from, bytes);
	/* LATEST-R3 writer: `begun` names this version before a byte of the
	 * slot changes. Pairs: slip_latest_load_word_. Else: a reader that was
	 * lapped takes a torn value for whole. */
	slip_a64_store_release(to, x);
}

SLIP_CORE void slip_latest_load_word_(unsigned char *to, const slip_a64 *from,
				      uint32_t bytes)
{
	/* LATEST-A3 reader: if this is of a later version, the look at `begun`
	 * that follows tells. Pairs: slip_latest_store_word_,
	 * slip_latest_patch_. Else: as R3. */
	uint64_t x = slip_a64_load_acquire(from);

	__builtin_memcpy(to, &x, bytes);
}

/* Four by four, which no compiler does by itself to atomic words. */
SLIP_CORE void slip_latest_store_four_(slip_a64 *to, const unsigned char *from)
{
	slip_latest_store_word_(to, from, 8);
	slip_latest_store_word_(to + 1, from + 8, 8);
	slip_latest_store_word_(to + 2, from + 16, 8);
	slip_latest_store_word_(to + 3, from + 24, 8);
}

SLIP_CORE void slip_latest_load_four_(unsigned char *to, const slip_a64 *from)
{
	slip_latest_load_word_(to, from, 8);
	slip_latest_load_word_(to + 8, from + 1, 8);
	slip_latest_load_word_(to + 16, from + 2, 8);
	slip_latest_load_word_(to + 24, from + 3, 8);
}

SLIP_CORE void slip_latest_store_(slip_a64 *to, const unsigned char *from,
				  uint32_t bytes)
{
	for (; bytes >= 32; bytes -= 32, to += 4, from += 32)
		slip_latest_store_four_(to, from);
	for (; bytes >= 8; bytes -= 8, to++, from += 8)
		slip_latest_store_word_(to, from, 8);
	if (bytes)
		slip_latest_store_word_(to, from, bytes);
}

SLIP_CORE void slip_latest_load_(unsigned char *to, const slip_a64 *from,
				 uint32_t bytes)
{
	for (; bytes >= 32; bytes -= 32, from += 4, to += 32)
		slip_latest_load_four_(to, from);
	for (; bytes >= 8; bytes -= 8, from++, to += 8)
		slip_latest_load_word_(to, from, 8);
	if (bytes)
		slip_latest_load_word_(to, from, bytes);
}

/* Some bytes of one word, the others stay. */
SLIP_INLINE void slip_latest_patch_(slip_a64 *to, uint32_t at,
				    const unsigned char *from, uint32_t bytes)
{
	/* own */
	uint64_t x = slip_a64_load_relaxed(to);
	void *there = &x;

	__builtin_memcpy(SLIP_CAST(unsigned char *, there) + at, from, bytes);
	/* LATEST-R3 writer: as in slip_latest_store_word_. Pairs:
	 * slip_latest_load_word_. Else: as there. */
	slip_a64_store_release(to, x);
}

/* `bytes` from byte `at` of the slot on. */
SLIP_INLINE void slip_latest_fill_(slip_a64 *slot, uint32_t at,
				   const unsigned char *from, uint32_t bytes)
{
	uint32_t head = (8 - at % 8) % 8;
	uint32_t whole;

	head = head < bytes ? head : bytes;
	if (head)
		slip_latest_patch_(slot + at / 8, at % 8, from, head);
	at += head;
	from += head;
	bytes -= head;
	whole = bytes / 8 * 8;
	slip_latest_store_(slot + at / 8, from, whole);
	if (bytes != whole)
		slip_latest_patch_(slot + (at + whole) / 8, 0, from + whole,
				   bytes - whole);
}

/* --- writing ---------------------------------------------------------------- */

/* Where one value stands; in registers, for after each order the compiler would
 * read the handle again. */
struct slip_latest_place {
	struct slip_latest_ring *ring;
	slip_a64 *slot;
	slip_a32 *len;
	uint64_t version;
};

SLIP_CORE void slip_latest_place_(struct slip_latest_place *at,
				  struct slip_latest_ring *ring,
				  const struct slip_latest_shape *s,
				  uint64_t version)
{
	at->ring = ring;
	at->slot = slip_latest_slot_(ring, s, version);
	at->len = &ring->lens[slip_latest_index_(s, version)];
	at->version = version;
}

/* This version's slot is about to change. */
SLIP_CORE void slip_latest_begin_(const struct slip_latest_place *at)
{
	/* LATEST-R2 writer: `latest` is the version before, at least. Pairs:
	 * slip_latest_try_. Else: a reader that was lapped looks at the same
	 * version again, and calls the memory damaged. */
	slip_a64_store_release(&at->ring->begun, at->version);
}

/* What was begun is whole. */
SLIP_CORE void slip_latest_publish_(struct slip_latest_writer *w,
				    const struct slip_latest_place *at,
				    uint32_t bytes)
{
	w->version = at->version;
	w->begun = false;
	/* LATEST-R3 writer: as in slip_latest_store_word_. Pairs:
	 * slip_latest_try_. Else: as there, too long or too short. */
	slip_a32_store_release(at->len, bytes);
	/* LATEST-R4 writer: the linearization point of write; its bytes come
	 * before it. Pairs: slip_latest_try_. Else: a reader takes an older
	 * value's bytes. */
	slip_a64_store_release(&at->ring->latest, at->version);
	slip_event_notify(&at->ring->ev, w->side.mode);
}

SLIP_CORE SLIP_MUST_CHECK int slip_latest_write_(struct slip_latest_writer *w,
						 const void *value,
						 uint32_t bytes)
{
	struct slip_latest_place at;

	if (SLIP_UNLIKELY(w->error || bytes > w->shape.value_bytes))
		return w->error ? w->error : -EMSGSIZE;
	slip_latest_place_(&at, w->ring, &w->shape, w->version + 1);
	slip_latest_begin_(&at);
	slip_latest_store_(at.slot, SLIP_CAST(const unsigned char *, value),
			   bytes);
	slip_latest_publish_(w, &at, bytes);
	return 0;
}

/* --- reading ---------------------------------------------------------------- */

SLIP_INLINE int slip_latest_poison_(struct slip_latest_reader *r)
{
	r->error = -EBADMSG;
	return -EBADMSG;
}

/* What one read wants. */
struct slip_latest_want {
	unsigned char *buf;
	uint32_t buf_bytes;
	uint32_t exact; /* the only length that will do; 0: any */
	bool newer;	/* than what this handle has read */
};

/* The copy that was made is of version `p`, and whole. */
SLIP_CORE SLIP_MUST_CHECK int
slip_latest_took_(struct slip_latest_reader *r,
		  const struct slip_latest_want *want, uint64_t p, uint32_t n,
		  uint32_t *len)
{
	if (SLIP_UNLIKELY(n > r->shape.value_bytes))
		return slip_latest_poison_(r);
	*len = n;
	if (SLIP_UNLIKELY(n > want->buf_bytes ||
			  (want->exact && n != want->exact)))
		return -EMSGSIZE;
	r->skipped = p - r->version - (p != r->version);
	r->version = p;
	return 0;
}

/*
 * Try once to copy the newest value. `begun` is what the last try that was
 * lapped saw there. 0; -EAGAIN: lapped; -ENODATA, -EMSGSIZE, -EBADMSG.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_latest_try_(struct slip_latest_reader *r,
		 const struct slip_latest_want *want, uint32_t *len,
		 uint64_t *begun)
{
	const uint64_t slots = r->shape.slots;
	const uint64_t seen = r->version;
	struct slip_latest_place at;
	uint32_t n, some;
	uint64_t p, b;

	/* LATEST-A4 reader: the bytes of that version. Pairs:
	 * slip_latest_publish_. Else: as R4. */
	p = slip_a64_load_acquire(&r->ring->latest);
	if (p == seen && (want->newer || !p))
		return -ENODATA;
	/* A version does not go back, nor stay behind what was begun. */
	if (SLIP_UNLIKELY(SLIP_CAST(int64_t, p - seen) < 0 ||
			  SLIP_CAST(int64_t, p + 1 - *begun) < 0))
		return slip_latest_poison_(r);
	slip_latest_place_(&at, r->ring, &r->shape, p);
	/* LATEST-A3 reader: as in slip_latest_load_word_. Pairs:
	 * slip_latest_publish_. Else: as there. */
	n = slip_a32_load_acquire(at.len);
	some = want->exact ? want->exact : n;
	if (some <= want->buf_bytes && some <= r->shape.value_bytes)
		slip_latest_load_(want->buf, at.slot, some);
	/* LATEST-A2 reader: if the slot was touched, the next look finds a later
	 * version. Pairs: slip_latest_begin_. Else: as R2. */
	b = slip_a64_load_acquire(&at.ring->begun);
	if (SLIP_LIKELY(b - p < slots))
		return slip_latest_took_(r, want, p, n, len);
	*begun = b;
	return SLIP_CAST(int64_t, b - p) < 0 ? slip_latest_poison_(r) : -EAGAIN;
}

SLIP_CORE SLIP_MUST_CHECK int slip_latest_read_(struct slip_latest_reader *r,
						void *buf, uint32_t buf_bytes,
						uint32_t *len, bool newer,
						uint32_t exact)
{
	const struct slip_latest_want want = { SLIP_CAST(unsigned char *, buf),
					       buf_bytes, exact, newer };
	uint64_t begun = r->version;
	int rc = r->error;

	for (int i = 0; !rc && i < SLIP_LATEST_TRIES; i++) {
		rc = slip_latest_try_(r, &want, len, &begun);
		if (SLIP_LIKELY(rc != -EAGAIN))
			return rc;
		rc = 0;
	}
	return rc ? rc : -EAGAIN;
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_latest_has_newer_(void *handle)
{
	struct slip_latest_reader *r =
		SLIP_CAST(struct slip_latest_reader *, handle);
	/* hint: who reads looks again */
	uint64_t p = slip_a64_load_relaxed(&r->ring->latest);

	if (SLIP_CAST(int64_t, p - r->version) < 0)
		return slip_latest_poison_(r);
	return p != r->version;
}

/* Read what is newer, and wait for it. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_read_until_(struct slip_latest_reader *r, void *buf,
			uint32_t buf_bytes, uint32_t *len, uint32_t exact,
			uint64_t deadline_ns)
{
	int rc = r->error ? r->error : slip_side_check_(&r->side);

	while (!rc) {
		rc = slip_latest_read_(r, buf, buf_bytes, len, true, exact);
		if (rc == -ENODATA)
			rc = slip_side_wait_(&r->side, slip_latest_has_newer_,
					     r, deadline_ns);
		else if (rc == -EAGAIN)
			rc = slip_side_late_(deadline_ns) ? -ETIMEDOUT : 0;
		else
			break;
	}
	return rc;
}

/* --- attaching -------------------------------------------------------------- */

/*
 * Recovery hook of futex/peer.h: tells the readers of a death at once. Asks for
 * nothing but the place of the two words, as slip_ends_recover_.
 */
SLIP_INLINE int slip_latest_recover_(struct slip_peer *self, void *mem,
				     size_t mem_bytes, uint32_t id,
				     uint32_t gen)
{
	struct slip_latest_ring *ring =
		SLIP_CAST(struct slip_latest_ring *, mem);

	(void)self;
	if (mem_bytes >= sizeof(*ring))
		slip_role_recover_(&ring->writer_role, &ring->ev, id, gen);
	return 0;
}

/* Validate for attach; values of another size than wanted (0: any) are
 * -EOVERFLOW. The header is read once. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_check_for_(const struct slip_latest_ring *ring, size_t mem_bytes,
		       const struct slip_peer *self, uint32_t wanted,
		       struct slip_latest_shape *s, unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_latest_check_(ring, mem_bytes, s, mode);
	return !rc && wanted && wanted != s->value_bytes ? -EOVERFLOW : rc;
}

/* Go on where the last writer stopped. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_succeed_(struct slip_latest_writer *w)
{
	/* own: follow a writer that is gone; the order comes with its role
	 * (ROLE-A1), or with the header */
	uint64_t latest = slip_a64_load_relaxed(&w->ring->latest);
	uint64_t begun = slip_a64_load_relaxed(&w->ring->begun);

	if (begun - latest > 1)
		return -EBADMSG;
	w->version = latest;
	return 0;
}

/* Attach, for values of `wanted` bytes (0: any). On failure the handle is as
 * one that has detached: calls on it find it closed. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_attach_writer_of_(struct slip_latest_writer *w, void *mem,
			      size_t mem_bytes, struct slip_peer *self,
			      uint32_t wanted)
{
	struct slip_latest_ring *ring =
		SLIP_CAST(struct slip_latest_ring *, mem);
	unsigned mode;
	int rc;

	__builtin_memset(w, 0, sizeof(*w));
	w->error = -EPIPE;
	rc = slip_latest_check_for_(ring, mem_bytes, self, wanted, &w->shape,
				    &mode);
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_LATEST,
				    slip_latest_recover_);
	if (rc)
		return rc;
	w->ring = ring;
	w->side.tell = &ring->ev;
	w->side.mine = &ring->writer_role;
	rc = slip_side_open_(&w->side, self, mode);
	if (rc)
		return rc;
	rc = slip_latest_succeed_(w);
	if (rc)
		slip_side_close_(&w->side);
	else
		w->error = 0;
	return rc;
}

/* What both kinds of reader have in common. `readonly`: without a store. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_latest_attach_reader_of_(struct slip_latest_reader *r,
			      struct slip_latest_ring *ring, size_t mem_bytes,
			      struct slip_peer *self, uint32_t wanted,
			      bool readonly)
{
	unsigned mode;
	int rc;

	__builtin_memset(r, 0, sizeof(*r));
	r->error = -EPIPE;
	rc = slip_latest_check_for_(ring, mem_bytes, self, wanted, &r->shape,
				    &mode);
	if (!rc && self && !readonly)
		rc = slip_peer_hook(self, SLIP_KIND_LATEST,
				    slip_latest_recover_);
	if (rc)
		return rc;
	r->ring = ring;
	r->side.wait_on = &ring->ev;
	r->side.theirs = &ring->writer_role;
	r->side.readonly = readonly;
	rc = slip_side_begin_(&r->side, self, mode);
	if (!rc)
		r->error = 0;
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
