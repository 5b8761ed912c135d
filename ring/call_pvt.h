/* SPDX-License-Identifier: MIT */
/*
 * Call.h from the inside: the bytes, the handles, and the steps. Private; the
 * picture of the layout and the crash contract stand in call.h.
 */
#ifndef SLIP_RING_CALL_PVT_H
#define SLIP_RING_CALL_PVT_H

#include <errno.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/fence.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "../futex/peer.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_CALL_MAGIC	      UINT64_C(0x314c4c4143504c53) /* "SLPCALL1" */
#define SLIP_CALL_LAYOUT      2u
#define SLIP_CALL_SLOTS_MAX   4096u
#define SLIP_CALL_PAYLOAD_MAX 65536u

/* A slot's word: sequence number 24..63, bytes of payload 4..23, state. */
#define SLIP_CALL_STATE_ UINT64_C(15)
#define SLIP_CALL_ONE_	 (UINT64_C(1) << 24)
#define SLIP_CALL_DONE_	 UINT64_C(0) /* answered, or never used: the client's */
#define SLIP_CALL_ASKED_ UINT64_C(1) /* a request: the server's */

/* What the server says of it in `taken`: sequence number 24..63, how often it
 * was handed out 4..19, and flags. */
#define SLIP_CALL_HAND_	    UINT64_C(1) /* it is with the present server */
#define SLIP_CALL_ANSWERED_ UINT64_C(2) /* its reply stands in the stage */
#define SLIP_CALL_ATTEMPT_  UINT64_C(16)
#define SLIP_CALL_ATTEMPTS_ UINT64_C(0xffff0)

/* The bytes at the start of a ring. */
struct slip_call_ring {
	slip_a64 magic;
	slip_a32 layout;
	slip_a32 mode; /* of the events: SLIP_EVENT_ASYM or _FULL */
	slip_a32 slots;
	slip_a32 payload_bytes;
	slip_a32 slot_bytes;
	unsigned char pad0[100];
	/* +128: read by clients at every request */
	struct slip_event ev_ask; /* the server sleeps here */
	slip_a64 server_role;
	unsigned char pad1[112];
	/* +256: changes when clients come */
	slip_a64 roll; /* how many came */
	slip_a32 high; /* slots from here on have had no client */
	unsigned char pad2[116];
	/* +384: the server's own */
	slip_a64 staged; /* the word that goes with the staged reply */
	unsigned char pad3[120];
};
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, slot_bytes) == 24, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, ev_ask) == 128, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, server_role) == 136,
		   "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, roll) == 256, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, high) == 264, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_ring, staged) == 384, "layout");
SLIP_STATIC_ASSERT(sizeof(struct slip_call_ring) == 512, "layout");

/* Of a slot, but not in its line: seldom written. */
struct slip_call_side {
	struct slip_event ev_reply; /* its client sleeps here */
	slip_a64 role;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_call_side) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_call_side, role) == 8, "layout");

/* A slot begins with its word, in the line of the first 56 bytes. */
#define SLIP_CALL_PAYLOAD_AT_ 8u

/* Geometry, validated once; private. */
struct slip_call_shape {
	uint32_t slots;
	uint32_t payload_bytes;
	uint32_t slot_bytes;
	uint32_t sides_at;
	uint32_t taken_at;
	uint32_t stage_at;
	uint32_t slots_at;
};

/*
 * The handles: private, padded so that two of them never share a line.
 * Their fields are not for users.
 */
struct slip_call_client {
	unsigned char *slot;
	uint64_t number; /* of the last request, as in its word */
	uint64_t asked;	 /* that word */
	/* 0: may ask; -EAGAIN: has asked; -EPIPE: closed; -EBADMSG: poisoned */
	int busy;
	bool gave_up; /* on what it has asked */
	uint32_t at;  /* the slot's number */
	struct slip_call_ring *ring;
	struct slip_call_shape shape;
	struct slip_side side;
} SLIP_ALIGNED(SLIP_LINE_BYTES);

struct slip_call_server {
	struct slip_call_ring *ring;
	slip_a64 *taken;
	unsigned char *slots;
	unsigned char *stage;
	struct slip_call_side *sides;
	uint32_t at; /* the slot to look at next */
	int error;   /* -EPIPE: closed */
	struct slip_call_shape shape;
	struct slip_side side;
} SLIP_ALIGNED(SLIP_LINE_BYTES);

/* A request that is with the server: what slip_call_take() fills in. */
struct slip_call_ticket {
	const void *data;  /* in place, at a multiple of 8; NULL: used up */
	uint32_t bytes;	   /* of it */
	uint32_t attempts; /* deliveries, with this one; 1: the first */
	uint32_t at;	   /* private: the slot's number */
	uint64_t taken;	   /* private: what we said of it */
};

/* Rounded up to whole pairs of lines. */
SLIP_INLINE uint32_t slip_call_pairs_(uint32_t bytes)
{
	return (bytes + SLIP_APART_BYTES - 1) / SLIP_APART_BYTES *
	       SLIP_APART_BYTES;
}

/* The one rule that turns a request into a shape. */
SLIP_INLINE bool slip_call_shape_(struct slip_call_shape *s, uint32_t slots,
				  uint32_t payload_bytes)
{
	if (slots < 1 || slots > SLIP_CALL_SLOTS_MAX || payload_bytes < 1 ||
	    payload_bytes > SLIP_CALL_PAYLOAD_MAX)
		return false;
	s->slots = slots;
	s->payload_bytes = payload_bytes;
	s->slot_bytes =
		(SLIP_CALL_PAYLOAD_AT_ + payload_bytes + SLIP_LINE_BYTES - 1) /
		SLIP_LINE_BYTES * SLIP_LINE_BYTES;
	s->sides_at = SLIP_CAST(uint32_t, sizeof(struct slip_call_ring));
	s->taken_at = s->sides_at + slip_call_pairs_(slots * 16);
	s->stage_at = s->taken_at + slip_call_pairs_(slots * 8);
	s->slots_at = s->stage_at + slip_call_pairs_(payload_bytes);
	return true;
}

SLIP_INLINE size_t slip_call_shape_bytes_(const struct slip_call_shape *s)
{
	return s->slots_at + SLIP_CAST(size_t, s->slots) * s->slot_bytes;
}

/* Validate a ring's header and copy its geometry. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_check_(const struct slip_call_ring *ring, size_t mem_bytes,
		 struct slip_call_shape *s, unsigned *mode)
{
	if (!ring || SLIP_RECAST(uintptr_t, ring) % SLIP_LINE_BYTES)
		return -EINVAL;
	if (mem_bytes < sizeof(*ring))
		return -EOVERFLOW;
	/* CALL-A1 attach: the header that follows is complete. Pairs:
	 * slip_call_init. Else: as R1. */
	if (slip_a64_load_acquire(&ring->magic) != SLIP_CALL_MAGIC)
		return -EBADMSG;
	/* init: each read once; what is used from here on is the copy */
	if (slip_a32_load_relaxed(&ring->layout) != SLIP_CALL_LAYOUT)
		return -EPROTO;
	*mode = slip_a32_load_relaxed(&ring->mode);
	if (!slip_call_shape_(s, slip_a32_load_relaxed(&ring->slots),
			      slip_a32_load_relaxed(&ring->payload_bytes)) ||
	    s->slot_bytes != slip_a32_load_relaxed(&ring->slot_bytes) ||
	    (*mode != SLIP_EVENT_ASYM && *mode != SLIP_EVENT_FULL))
		return -EBADMSG;
	return mem_bytes < slip_call_shape_bytes_(s) ? -EOVERFLOW : 0;
}

/* --- places ---------------------------------------------------------------- */

SLIP_CORE unsigned char *slip_call_at_(struct slip_call_ring *ring, size_t at)
{
	return SLIP_RECAST(unsigned char *, ring) + at;
}

SLIP_CORE slip_a64 *slip_call_word_(unsigned char *slot)
{
	void *word = slot;

	return SLIP_CAST(slip_a64 *, word);
}

SLIP_CORE unsigned char *slip_call_slot_(struct slip_call_ring *ring,
					 const struct slip_call_shape *s,
					 uint32_t i)
{
	return slip_call_at_(ring, s->slots_at + SLIP_CAST(size_t, i) *
							 s->slot_bytes);
}

SLIP_CORE struct slip_call_side *
slip_call_side_(struct slip_call_ring *ring, const struct slip_call_shape *s,
		uint32_t i)
{
	void *at = slip_call_at_(ring, s->sides_at + SLIP_CAST(size_t, i) * 16);

	return SLIP_CAST(struct slip_call_side *, at);
}

SLIP_CORE uint32_t slip_call_bytes_of_(uint64_t word)
{
	return SLIP_CAST(uint32_t, word >> 4) & 0xfffff;
}

/* Of the same request, or one and its reply? */
SLIP_CORE bool slip_call_same_(uint64_t a, uint64_t b)
{
	return (a ^ b) < SLIP_CALL_ONE_;
}

SLIP_CORE uint64_t slip_call_with_(uint64_t number, uint32_t bytes,
				   uint64_t state)
{
	return (number & ~(SLIP_CALL_ONE_ - 1)) |
	       SLIP_CAST(uint64_t, bytes) << 4 | state;
}

/* How many slots may have a client. */
SLIP_CORE uint32_t slip_call_high_(const struct slip_call_ring *ring,
				   const struct slip_call_shape *s)
{
	/* hint: who raises it does so before his first request, and tells of
	 * that */
	uint32_t high = slip_a32_load_relaxed(&ring->high);

	return high < s->slots ? high : s->slots;
}

/* --- the client ------------------------------------------------------------ */

/* Commit the request of `bytes` that stands in the slot. */
SLIP_CORE void slip_call_post_(struct slip_call_client *c, uint32_t bytes)
{
	c->number += SLIP_CALL_ONE_;
	c->asked = c->number +
		   (SLIP_CAST(uint64_t, bytes) << 4 | SLIP_CALL_ASKED_);
	c->busy = -EAGAIN;
	/* CALL-R2 client: the linearization point of a request; its bytes come
	 * before it. Pairs: slip_call_find_. Else: the server reads the
	 * bytes of the last reply. */
	slip_a64_store_release(slip_call_word_(c->slot), c->asked);
	slip_event_notify(c->side.tell, c->side.mode);
}

/* The reply has been read; the slot is ours to ask with. */
SLIP_CORE void slip_call_settle_(struct slip_call_client *c)
{
	c->busy = 0;
	c->gave_up = false;
}

/* How many bytes the reply to `number` has whose word that is; more than any
 * payload: it is not that. (In one comparison: what should be 0 goes on top.) */
SLIP_CORE uint64_t slip_call_size_(uint64_t w, uint64_t number)
{
	return (w - number) >> 4 | (w - number) << 60;
}

/* 1: the slot has been given back to us, and the reply is of `*bytes`; 0: not
 * yet; -EBADMSG. Only after a request. */
SLIP_CORE int slip_call_look_(struct slip_call_client *c, uint32_t *bytes)
{
	uint64_t w, size;

	slip_prefetch_write(c->slot);
	/* CALL-A3 client: the bytes of the reply, and that the server has done
	 * with the request's. Pairs: slip_call_publish_. Else: the client reads
	 * its own request. */
	w = slip_a64_load_acquire(slip_call_word_(c->slot));
	size = slip_call_size_(w, c->number);
	if (w == c->asked)
		return 0;
	*bytes = SLIP_CAST(uint32_t, size);
	if (SLIP_LIKELY(size <= c->shape.payload_bytes))
		return 1;
	slip_call_settle_(c);
	c->busy = -EBADMSG;
	return -EBADMSG;
}

/* What slip_call_look_ says; or -EINVAL: no reply is to come; -EPIPE. */
SLIP_CORE int slip_call_hear_(struct slip_call_client *c, uint32_t *bytes)
{
	if (SLIP_UNLIKELY(c->busy != -EAGAIN || c->gave_up))
		return c->busy < 0 && !c->gave_up ? c->busy : -EINVAL;
	return slip_call_look_(c, bytes);
}

SLIP_CORE unsigned char *slip_call_payload_(const struct slip_call_client *c)
{
	return c->slot + SLIP_CALL_PAYLOAD_AT_;
}

/* --- slots and their clients ----------------------------------------------- */

/* Slot `i` has a client: the server is to look there, and is not to find, by
 * looking at one slot after the other, that all have gone. */
SLIP_INLINE void slip_call_enrol_(struct slip_call_ring *ring, uint32_t i)
{
	/* hint: the swap is by what was seen; the request is what is told of */
	uint32_t high = slip_a32_load_relaxed(&ring->high);

	for (int tries = 0; high <= i && tries < 65536; tries++)
		/* hint: as above */
		if (slip_a32_cas_relaxed(&ring->high, &high, i + 1))
			break;
	/* CALL-R4 client: sits before it is counted; and who moves is counted
	 * before it leaves its old slot. Pairs: slip_call_no_client_. Else:
	 * the server misses it in both. */
	(void)slip_a64_fetch_add_release(&ring->roll, 1);
}

/* Is it any use to try for slot `i`? `ask`: to ask the oracle about its
 * holder. */
SLIP_INLINE bool slip_call_free_(struct slip_call_ring *ring,
				 const struct slip_call_shape *s, uint32_t i,
				 bool ask)
{
	/* hint: decided by the swap of the role, and looked at after it */
	uint64_t w = slip_a64_load_relaxed(
		slip_call_word_(slip_call_slot_(ring, s, i)));
	uint64_t role =
		slip_a64_load_relaxed(&slip_call_side_(ring, s, i)->role);

	return (w & SLIP_CALL_STATE_) == SLIP_CALL_DONE_ &&
	       (ask || (role & 15) != SLIP_ROLE_HELD);
}

/* Become the client of slot `i`: 0; -EBUSY: has one, or waits for the server;
 * or what slip_side_open_ returns. */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_sit_at_(struct slip_call_client *c,
						  struct slip_peer *self,
						  uint32_t i)
{
	struct slip_call_side *side = slip_call_side_(c->ring, &c->shape, i);
	unsigned char *slot = slip_call_slot_(c->ring, &c->shape, i);
	uint64_t w = 0;
	int rc;

	c->side.mine = &side->role;
	c->side.wait_on = &side->ev_reply;
	rc = slip_side_open_(&c->side, self, c->side.mode);
	if (rc)
		return rc;
	/* CALL-A3 client: the server has done with what the last client asked.
	 * Pairs: slip_call_publish_. Else: it overwrites our request. */
	w = slip_a64_load_acquire(slip_call_word_(slot));
	if ((w & SLIP_CALL_STATE_) != SLIP_CALL_DONE_) {
		slip_side_close_(&c->side); /* tells whoever counted us */
		return -EBUSY;
	}
	slip_call_enrol_(c->ring, i);
	/* A server told of the role may have counted before. */
	slip_event_notify(c->side.tell, c->side.mode);
	c->slot = slot;
	c->at = i;
	c->number = slip_call_with_(w, 0, 0);
	slip_call_settle_(c);
	return 0;
}

/* Become the client of any slot; of those whose holders may be dead only with
 * `ask`. -EUSERS: there is none. */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_sit_(struct slip_call_client *c,
					       struct slip_peer *self, bool ask)
{
	int rc = -EBUSY;

	for (uint32_t i = 0; i < c->shape.slots && rc == -EBUSY; i++)
		if (slip_call_free_(c->ring, &c->shape, i, ask))
			rc = slip_call_sit_at_(c, self, i);
	return rc == -EBUSY ? -EUSERS : rc;
}

/* Leave a slot whose request is given up for another; false: there is none. The
 * old one is whoever's wants it, once it is answered. */
SLIP_COLD bool slip_call_move_(struct slip_call_client *c, bool ask)
{
	struct slip_side old = c->side;

	if (slip_call_sit_(c, old.self, ask)) {
		c->side = old;
		return false;
	}
	(void)slip_role_drop_(old.mine, old.self);
	return true;
}

/* May we ask? 1; 0: not yet; -EAGAIN: the last reply is still to be received;
 * -EPIPE, -EBADMSG. */
SLIP_COLD int slip_call_clear_(struct slip_call_client *c, bool ask)
{
	uint32_t bytes;
	int rc;

	if (c->busy != -EAGAIN || !c->gave_up)
		return c->busy ? c->busy : 1;
	rc = slip_call_look_(c, &bytes);
	if (rc > 0)
		slip_call_settle_(c);
	else if (rc == 0)
		rc = slip_call_move_(c, ask);
	return rc;
}

/* What slip_side_wait_ asks: also who is dead, once a slice has gone by. */
SLIP_INLINE int slip_call_may_ask_(void *handle)
{
	struct slip_call_client *c =
		SLIP_CAST(struct slip_call_client *, handle);

	return slip_call_clear_(c, c->side.waited);
}

/* Whoever waits for a slot needs slices also without peers: who leaves one tells
 * the server alone. */
SLIP_INLINE bool slip_call_no_server_(void *handle,
				      const struct slip_peer *asker)
{
	struct slip_call_client *c =
		SLIP_CAST(struct slip_call_client *, handle);

	return slip_role_state_(c->side.theirs, asker) >= SLIP_ROLE_CLOSED;
}

SLIP_INLINE int slip_call_has_reply_(void *handle)
{
	uint32_t bytes;

	return slip_call_hear_(SLIP_CAST(struct slip_call_client *, handle),
			       &bytes);
}

/* --- the server ------------------------------------------------------------ */

SLIP_CORE unsigned char *slip_call_slot_of_(const struct slip_call_server *s,
					    uint32_t i)
{
	return s->slots + SLIP_CAST(size_t, i) * s->shape.slot_bytes;
}

/* A request that we do not have yet? */
SLIP_CORE bool slip_call_new_(const struct slip_call_server *s, uint64_t w)
{
	/* own: only servers write there, one after the other */
	uint64_t taken = slip_a64_load_relaxed(&s->taken[s->at]);

	return !(slip_call_same_(taken, w) && (taken & SLIP_CALL_HAND_)) &&
	       slip_call_bytes_of_(w) <= s->shape.payload_bytes;
}

/* Look round, from where we stopped: the next request's slot is s->at, and its
 * word `*w`. */
SLIP_CORE bool slip_call_find_(struct slip_call_server *s, uint64_t *w)
{
	uint32_t high = slip_call_high_(s->ring, &s->shape);

	for (uint32_t n = 0; n < high; n++, s->at++) {
		if (s->at >= high)
			s->at = 0;
		slip_prefetch_write(slip_call_slot_of_(s, s->at));
		/* CALL-A2 server: the bytes of the request. Pairs:
		 * slip_call_post_. Else: as R2. */
		*w = slip_a64_load_acquire(
			slip_call_word_(slip_call_slot_of_(s, s->at)));
		if ((*w & SLIP_CALL_STATE_) == SLIP_CALL_ASKED_ &&
		    slip_call_new_(s, *w))
			return true;
	}
	return false;
}

/* One more delivery of the request `w`, as `taken` counts them. */
SLIP_CORE uint64_t slip_call_counted_(uint64_t taken, uint64_t w)
{
	uint64_t n =
		slip_call_same_(taken, w) ? taken & SLIP_CALL_ATTEMPTS_ : 0;

	if (n < SLIP_CALL_ATTEMPTS_)
		n += SLIP_CALL_ATTEMPT_;
	return slip_call_with_(w, 0, n | SLIP_CALL_HAND_);
}

/* Take the request `w` of slot s->at. */
SLIP_CORE void slip_call_hand_out_(struct slip_call_server *s,
				   struct slip_call_ticket *t, uint64_t w)
{
	slip_a64 *taken = &s->taken[s->at];

	t->at = s->at;
	t->data = slip_call_slot_of_(s, s->at) + SLIP_CALL_PAYLOAD_AT_;
	t->bytes = slip_call_bytes_of_(w);
	/* own: only servers write there, one after the other */
	t->taken = slip_call_counted_(slip_a64_load_relaxed(taken), w);
	t->attempts = SLIP_CAST(uint32_t, (t->taken & SLIP_CALL_ATTEMPTS_) /
						  SLIP_CALL_ATTEMPT_);
	/* own */
	slip_a64_store_relaxed(taken, t->taken);
	/* CALL-H1 server: it is said that the request is handed out before
	 * anything is done for it. Pairs: slip_call_resume_. Else: a successor
	 * takes it for new. */
	slip_fence_light();
	s->at++;
}

/* Is that request with us, and not answered? A ticket may be of another ring. */
SLIP_CORE bool slip_call_ours_(const struct slip_call_server *s,
			       const struct slip_call_ticket *t)
{
	/* own: only servers write there, one after the other */
	return t->data && t->at < s->shape.slots &&
	       t->data ==
		       slip_call_slot_of_(s, t->at) + SLIP_CALL_PAYLOAD_AT_ &&
	       slip_a64_load_relaxed(&s->taken[t->at]) == t->taken;
}

/* Give slot `i`, which is there, back to its client. */
SLIP_CORE void slip_call_publish_(struct slip_call_server *s, uint32_t i,
				  unsigned char *slot, uint64_t w)
{
	/* CALL-R3 server: the linearization point of the reply, if no successor
	 * had to finish it; its bytes come before it. Pairs: slip_call_look_,
	 * slip_call_sit_at_. Else: the client reads its own request. */
	slip_a64_store_release(slip_call_word_(slot), w);
	slip_event_notify(&s->sides[i].ev_reply, s->side.mode);
}

/*
 * Answer. The reply takes the place of the request, so a death in the middle
 * would leave neither; so it is staged in a place of the server's own first,
 * from which a successor finishes it.
 */
SLIP_CORE void slip_call_answer_(struct slip_call_server *s,
				 const struct slip_call_ticket *t,
				 const void *data, uint32_t bytes)
{
	uint64_t w = slip_call_with_(t->taken, bytes, SLIP_CALL_DONE_);
	unsigned char *slot = slip_call_slot_of_(s, t->at);

	/* CALL-H1 server: the last reply was given back before the stage is
	 * changed. Pairs: slip_call_resume_. Else: a successor delivers it torn. */
	slip_fence_light();
	slip_copy(s->stage, data, bytes);
	/* own: read by a successor */
	slip_a64_store_relaxed(&s->ring->staged, w);
	/* CALL-H1 server: the stage is complete before that is said. Pairs:
	 * slip_call_resume_. Else: a successor delivers half a reply. */
	slip_fence_light();
	/* own: from here on the request is answered */
	slip_a64_store_relaxed(&s->taken[t->at],
			       t->taken | SLIP_CALL_ANSWERED_);
	/* CALL-H1 server: that is said before the request is overwritten.
	 * Pairs: slip_call_resume_. Else: a successor delivers it torn. */
	slip_fence_light();
	slip_copy(slot + SLIP_CALL_PAYLOAD_AT_, s->stage, bytes);
	slip_call_publish_(s, t->at, slot, w);
}

/* What the last server had staged for slot `i`, whose request is `w`: false:
 * it is no reply to that. */
SLIP_INLINE bool slip_call_finish_(struct slip_call_server *s, uint32_t i,
				   uint64_t w)
{
	/* own: follows the server that wrote it */
	uint64_t staged = slip_a64_load_relaxed(&s->ring->staged);
	uint32_t bytes = slip_call_bytes_of_(staged);
	unsigned char *slot = slip_call_slot_of_(s, i);

	if (!slip_call_same_(staged, w) || bytes > s->shape.payload_bytes ||
	    (staged & SLIP_CALL_STATE_) != SLIP_CALL_DONE_)
		return false; /* damage */
	slip_copy(slot + SLIP_CALL_PAYLOAD_AT_, s->stage, bytes);
	slip_call_publish_(s, i, slot, staged);
	return true;
}

/* Take over what the last server had in its hands. Whoever dies at it leaves
 * it to the next. */
SLIP_COLD void slip_call_resume_(struct slip_call_server *s)
{
	for (uint32_t i = 0; i < s->shape.slots; i++) {
		/* CALL-H1 looker: what the last server had said before it did
		 * it; its role brought all that it had done. Pairs:
		 * slip_call_answer_, slip_call_hand_out_. Else: as there. */
		uint64_t taken = slip_a64_load_relaxed(&s->taken[i]);
		/* hint: that request's bytes were the last server's, whose role
		 * brought them; a newer one is found by take */
		uint64_t w = slip_a64_load_relaxed(
			slip_call_word_(slip_call_slot_of_(s, i)));

		if (!(taken & SLIP_CALL_HAND_) || !slip_call_same_(taken, w) ||
		    (w & SLIP_CALL_STATE_) != SLIP_CALL_ASKED_ ||
		    ((taken & SLIP_CALL_ANSWERED_) &&
		     slip_call_finish_(s, i, w)))
			continue;
		/* own: nobody has it now; how often it was handed out stays */
		slip_a64_store_relaxed(
			&s->taken[i],
			taken & ~(SLIP_CALL_HAND_ | SLIP_CALL_ANSWERED_));
	}
}

/* Tell every client to look again; every slot, as one that comes may not be
 * counted yet. */
SLIP_INLINE void slip_call_tell_all_(struct slip_call_server *s)
{
	for (uint32_t i = 0; i < s->shape.slots; i++)
		slip_event_notify(&s->sides[i].ev_reply, s->side.mode);
}

/* Is any of the clients there, as far as `asker` can tell? `*some`: there has
 * been one. */
SLIP_INLINE bool slip_call_any_client_(struct slip_call_server *s,
				       const struct slip_peer *asker,
				       bool *some)
{
	uint32_t high = slip_call_high_(s->ring, &s->shape);

	*some = false;
	for (uint32_t i = 0; i < high; i++) {
		int state = slip_role_state_(&s->sides[i].role, asker);

		if (state == SLIP_ROLE_HELD)
			return true;
		*some |= state != SLIP_ROLE_VACANT;
	}
	return false;
}

/* Have all clients gone? As they are looked at one after the other, only if
 * nobody came meanwhile. */
SLIP_INLINE bool slip_call_no_client_(void *handle,
				      const struct slip_peer *asker)
{
	struct slip_call_server *s =
		SLIP_CAST(struct slip_call_server *, handle);
	/* CALL-A4 server: who has been counted sits. Pairs: slip_call_enrol_.
	 * Else: as there. */
	uint64_t roll = slip_a64_load_acquire(&s->ring->roll);
	bool some;

	if (slip_call_any_client_(s, asker, &some) || !some)
		return false;
	/* hint: the looks brought what each that left had done, and so whether
	 * it had gone to another slot */
	return slip_a64_load_relaxed(&s->ring->roll) == roll;
}

/* For who waits for the first client, or the next. */
SLIP_INLINE bool slip_call_wait_on_(void *handle, const struct slip_peer *asker)
{
	(void)handle;
	(void)asker;
	return false;
}

/* What slip_side_wait_ asks. */
SLIP_INLINE int slip_call_has_request_(void *handle)
{
	struct slip_call_server *s =
		SLIP_CAST(struct slip_call_server *, handle);
	uint64_t w = 0;

	return slip_call_find_(s, &w);
}

SLIP_INLINE int slip_call_has_client_(void *handle)
{
	struct slip_call_server *s =
		SLIP_CAST(struct slip_call_server *, handle);
	bool some;

	return slip_call_any_client_(s, s->side.self, &some) ||
	       slip_call_has_request_(handle);
}

/* --- attach, recover ------------------------------------------------------- */

/*
 * Recovery hook of futex/peer.h: tells the other side of a death at once. A
 * damaged ring, or one whose creator died before it was made, does not keep an
 * id from being reused.
 */
SLIP_INLINE int slip_call_recover_(struct slip_peer *self, void *mem,
				   size_t mem_bytes, uint32_t id, uint32_t gen)
{
	struct slip_call_ring *ring = SLIP_CAST(struct slip_call_ring *, mem);
	uint64_t held = slip_role_held_(id, gen);
	struct slip_call_shape s;
	unsigned mode;
	bool told;

	(void)self;
	if (slip_call_check_(ring, mem_bytes, &s, &mode))
		return 0;
	/* Also of one that left, for it may not have come to telling. */
	told = slip_role_bury_(&ring->server_role, held) ||
	       slip_role_gone_(&ring->server_role);
	for (uint32_t i = 0; i < s.slots; i++) {
		struct slip_call_side *side = slip_call_side_(ring, &s, i);

		(void)slip_role_bury_(&side->role, held);
		if (told)
			slip_event_wake_all(&side->ev_reply);
	}
	slip_event_wake_all(&ring->ev_ask);
	return 0;
}

/* Validate for attach. The header is read once. */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_begin_(struct slip_call_ring *ring,
						 size_t mem_bytes,
						 struct slip_peer *self,
						 struct slip_call_shape *s,
						 unsigned *mode)
{
	int rc = slip_side_member_(self);

	if (!rc)
		rc = slip_call_check_(ring, mem_bytes, s, mode);
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_CALL, slip_call_recover_);
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
