/* SPDX-License-Identifier: MIT */
/*
 * Requests and replies in shared memory, from many clients to one server. Each
 * client has a slot, and request and reply share the slot's line: a round trip
 * costs one transfer of that line each way, half of what two rings cost.
 *
 * Use it where a client asks and waits for the answer: payloads of up to 56
 * bytes in the line itself, up to 64 KiB in the lines behind it; what is larger
 * goes by reference, as an offset into memory that both have. Do not use it for
 * streams (spsc.h, record.h), nor to spread work over several servers (mpmc.h).
 *
 *	// the server
 *	struct slip_call_server s;
 *	struct slip_call_ticket t;
 *	slip_call_init(mem, bytes, 16, 48, 0);
 *	slip_call_attach_server(&s, mem, bytes, &self);
 *	while (slip_call_take_until(&s, &t, SLIP_FOREVER) == 0)
 *		slip_call_reply(&s, &t, &answer, sizeof(answer));
 *
 *	// a client, in any process that maps the memory
 *	struct slip_call_client c;
 *	slip_call_attach_client(&c, mem, bytes, &self);
 *	slip_call_until(&c, &question, sizeof(question), &answer,
 *			sizeof(answer), &got, slip_after_ns(1000000));
 *
 * Shape.
 *
 *	+0	header		magic, layout, mode, geometry; constant
 *	+128	clients read	ev_ask (event: the server sleeps here),
 *				server's role
 *	+256	roll, high	how many clients came; how many slots had one
 *	+384	server's own	staged: the word of the staged reply
 *	+512	slots * 16	ev_reply (event: the client sleeps here), role
 *	then	slots * 8	taken; the server's own
 *	then	64n		stage: the reply that is being given
 *	then	slots * 64n	[ word | payload ]
 *
 *	word	(63..24 sequence number, 23..4 bytes of payload, 3..0 state)
 *	0 done		the client's: the reply to that number, or nothing yet
 *	1 asked		the server's: the request of that number
 *
 *	done(n) -> asked(n + 1)		send, by the slot's client
 *	asked(n) -> done(n)		reply, by the server
 *
 *	taken	(63..24 sequence number, 19..4 deliveries, 1 answered, 0 in hand)
 *		is about the slot's request if the numbers are the same. Who
 *		takes a request says so here and not in the slot's word, whose
 *		line the client has just given away and looks at.
 *
 * Concurrency: one server handle at a time, and one client handle a slot, each
 * used by one thread at a time. A client has one request under way.
 *
 *			send/receive	take/reply
 *	send/receive	one thread each	wait-free together
 *	take/reply	wait-free tog.	one thread
 *
 *	operation	progress	signal-safe	shared lines touched
 *	send		wait-free	yes		the slot's; ev_ask's
 *	receive, peek	wait-free	yes		the slot's
 *	take		wait-free	yes		those of all slots that
 *							had a client; its own
 *	reply		wait-free	yes		the slot's; ev_reply's
 *	*_until		blocking	no		as above, and the roles'
 *
 * A send after giving up may look for another slot, as attach does: at the word
 * and the role of every slot, and it asks the kernel whether holders of free ones
 * are dead. It is not signal-safe then. A fork child uses neither handle: its
 * blocking calls say -ECHILD if there is a peer.
 *
 * If the other side sleeps, send and reply make one system call to wake it.
 * Take goes round from where it stopped, so each request waits for at most one
 * of each other client.
 *
 * Order: what the client wrote before send is visible after the take; what the
 * server wrote before reply is visible after the receive. Requests of different
 * clients have no order.
 *
 * Giving up. A request cannot be taken back: the server may be at it. A client
 * that has given up (slip_call_abandon; or slip_call_until, that failed) may ask
 * the next thing at once: if the old request is still not answered, in another
 * slot, if there is one. The old slot is free for anybody once it is answered.
 * So a late reply is never taken for that of the next request: it is in another
 * slot, or has another number. What was given up may still be carried out, also
 * after later requests. slip_call_orphan says if the client has left, died or asked
 * on elsewhere. A client that gives up again and again beside a server that does
 * not answer takes one slot each time, until none is left for those who come.
 *
 * Death. A request is there from the one store to the slot's word on. A reply
 * is first staged in a place of the server's own, then said to be there (by a
 * store to taken), then copied over the request, then given back by one store to
 * the slot's word. Attach with a peer (futex/peer.h), and:
 *
 *	killed			then
 *	client, in send,	the request never was; the slot is free for
 *	 before the store	whoever needs one
 *	client, later		the request is delivered; the reply is dropped,
 *				and then the slot is free
 *	server, before take	a successor takes the request
 *	server, after take	a successor takes it again: at least once, and
 *				t.attempts is more than 1. Whether it was
 *				carried out the dead one took with it
 *	server, in reply,	if the stage was said to be complete, a successor
 *	 before the last store	copies it and gives it back, as it attaches: the
 *				reply is delivered, and the request not again
 *	stopped client		costs its slot, nobody else anything
 *	stopped server		everybody waits, to their deadlines, for as long
 *				as the stop lasts: with one server there is no
 *				other way
 *
 * A client that waits for a server that detached or died gets -EPIPE, with its
 * request still there: it may wait for a successor (slip_call_wait_server_until)
 * and then for the reply, or give up. A server's -EPIPE says that all clients
 * that ever came have gone, and nothing of theirs is left. With `self` NULL
 * there is no death detection: a role is given up only by detach.
 *
 * Damage: geometry is validated at attach and kept in the private handle. Each
 * word is read once and checked. A slot whose word makes no sense is not served;
 * it is its client's loss alone. A client that finds nonsense in its slot is
 * poisoned: -EBADMSG. A liar can lose, forge and repeat requests and replies. The
 * bytes behind a ticket, or a peek, may change under the reader: who distrusts
 * the other side copies them, then looks.
 *
 * Cost. Who looks at a slot will write it next, so each look fetches the line for
 * writing (slip_prefetch_write). On two cores 260 ns a round trip, where a bare
 * line that both write and look at costs 440, and two rings 460; on two threads
 * of one core, which share their lines, 70, 55 and 105.
 *
 * Source: the one-line exchange is the oldest there is; the looks that fetch for
 * writing, and the stage, are our own.
 */
#ifndef SLIP_RING_CALL_H
#define SLIP_RING_CALL_H

#include "call_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A look from outside, for tools; see slip_call_inspect. */
struct slip_call_info {
	uint64_t bytes;
	uint64_t asked_guess; /* requests since init */
	uint32_t slots;
	uint32_t payload_bytes;
	uint32_t clients_guess; /* slots that are held */
	uint32_t open_guess;	/* requests not answered */
	uint32_t taken_guess; /* of these, with a server, or with a dead one */
	unsigned mode;
	uint64_t server; /* role word, see role.h */
};

struct slip_call_slot_info {
	uint64_t client; /* role word */
	uint64_t number; /* of its last request */
	uint32_t bytes;	 /* of the payload that is there */
	bool open;	 /* a request, not answered */
	bool taken;	 /* and it is with a server, or with a dead one */
	uint32_t attempts;
};

/* Bytes that a ring takes, for `slots` clients at a time (1 to 4096), requests
 * and replies of up to `payload_bytes` (1 to 65536; up to 56 in one line); 0:
 * not a valid shape. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_call_bytes(uint32_t slots,
						   uint32_t payload_bytes)
{
	struct slip_call_shape s;

	if (!slip_call_shape_(&s, slots, payload_bytes))
		return 0;
	return slip_call_shape_bytes_(&s);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as a ring
 * without clients and server. `flags`: 0 or SLIP_EVENT_ASYM or SLIP_EVENT_FULL
 * (futex/event.h), how a sleeper is noticed. Writes all of it.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_call_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_init(void *mem, size_t mem_bytes,
					       uint32_t slots,
					       uint32_t payload_bytes,
					       unsigned flags)
{
	struct slip_call_ring *ring = SLIP_CAST(struct slip_call_ring *, mem);
	struct slip_call_shape s;
	int mode;

	if (!slip_call_shape_(&s, slots, payload_bytes) || !mem ||
	    SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    flags > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_call_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(flags);
	if (mode < 0)
		return mode;
	/* init: used by nobody before R1, but an attach may look at it */
	slip_a64_store_relaxed(&ring->magic, 0);
	__builtin_memset(SLIP_CAST(char *, mem) + sizeof(ring->magic), 0,
			 slip_call_shape_bytes_(&s) - sizeof(ring->magic));
	/* init: five words */
	slip_a32_store_relaxed(&ring->layout, SLIP_CALL_LAYOUT);
	slip_a32_store_relaxed(&ring->mode, SLIP_CAST(uint32_t, mode));
	slip_a32_store_relaxed(&ring->slots, s.slots);
	slip_a32_store_relaxed(&ring->payload_bytes, s.payload_bytes);
	slip_a32_store_relaxed(&ring->slot_bytes, s.slot_bytes);
	/* CALL-R1 creator: the header is complete. Pairs: slip_call_check_.
	 * Else: a racing attach takes a half-written geometry. */
	slip_a64_store_release(&ring->magic, SLIP_CALL_MAGIC);
	return 0;
}

/* --- clients --------------------------------------------------------------- */

/*
 * Become a client, in a slot that is free: never used, left, or its client dead
 * (asked of the kernel). `c` is memory of the caller's, of any content, aligned
 * as its type; `self` a membership of the region that the ring's users share,
 * which must outlive the handle, or NULL. One call at a time on one `self`:
 * attach, and those that futex/peer.h names. Does not block, but may take
 * milliseconds the first time (slip_event_register). A server need not be there.
 *
 * Returns 0; -EUSERS: no slot is free: its client lives (or has no peer), or
 * what it asked is not answered yet, or another came to it just now; -EINVAL:
 * mem NULL or not 64-byte aligned, or `self` has left; -EBADMSG: not a ring, or
 * damaged; -EPROTO: of another layout; -EOVERFLOW: mem_bytes too small for it;
 * -ECHILD: `self` is of a fork parent; -ENOSPC: `self` has hooks for too many
 * kinds; -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After a failure the
 * handle is as after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_attach_client(struct slip_call_client *c, void *mem, size_t mem_bytes,
			struct slip_peer *self)
{
	struct slip_call_ring *ring = SLIP_CAST(struct slip_call_ring *, mem);
	int rc;

	__builtin_memset(c, 0, sizeof(*c));
	rc = slip_call_begin_(ring, mem_bytes, self, &c->shape, &c->side.mode);
	if (!rc) {
		c->ring = ring;
		c->side.tell = &ring->ev_ask;
		c->side.theirs = &ring->server_role;
		rc = slip_call_sit_(c, self, false);
		if (rc == -EUSERS)
			rc = slip_call_sit_(c, self, true);
	}
	if (rc) {
		__builtin_memset(c, 0, sizeof(*c));
		c->busy = -EPIPE;
	}
	return rc;
}

/* The most that a request or a reply can have, read from the ring once, by
 * attach; 0: the handle never attached. Wait-free. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_call_client_payload_bytes(const struct slip_call_client *c)
{
	return c->shape.payload_bytes;
}

/*
 * Where the request goes: write up to payload_bytes there, then commit. NULL: as
 * send, when that is not 0. Until commit nothing has happened.
 */
SLIP_INLINE SLIP_MUST_CHECK void *slip_call_claim(struct slip_call_client *c)
{
	if (SLIP_UNLIKELY(c->busy) && slip_call_clear_(c, true) <= 0)
		return NULL;
	return slip_call_payload_(c);
}

/* Ask what stands in the claimed place. Only after a claim that returned one. */
SLIP_INLINE void slip_call_commit(struct slip_call_client *c, uint32_t bytes)
{
	if (SLIP_UNLIKELY(c->busy || bytes > c->shape.payload_bytes))
		return;
	slip_call_post_(c, bytes);
}

/*
 * Ask: `bytes` at `data`, which is not in the slot (peek: copy it, or claim).
 * 0; -EAGAIN: the last request has neither been received nor given up, or it
 * has, but is not answered and there is no other slot; -EMSGSIZE: more than
 * payload_bytes; -EPIPE: detached; -EBADMSG: poisoned. Whether there is a server
 * it does not ask. Wait-free.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_call_send(struct slip_call_client *c,
					     const void *data, uint32_t bytes)
{
	if (SLIP_UNLIKELY(c->busy)) {
		int rc = slip_call_clear_(c, true);

		if (rc <= 0)
			return rc ? rc : -EAGAIN;
	}
	if (SLIP_UNLIKELY(bytes > c->shape.payload_bytes))
		return -EMSGSIZE;
	slip_copy(slip_call_payload_(c), data, bytes);
	slip_call_post_(c, bytes);
	return 0;
}

/*
 * The reply, in place, and its size; or NULL: not there. It stays until release,
 * and its bytes until the next claim or send. Wait-free.
 */
SLIP_INLINE SLIP_MUST_CHECK const void *
slip_call_peek(struct slip_call_client *c, uint32_t *bytes)
{
	return slip_call_hear_(c, bytes) > 0 ? slip_call_payload_(c) : NULL;
}

/* Have done with the reply. Only after a peek that returned one. */
SLIP_INLINE void slip_call_release(struct slip_call_client *c)
{
	uint32_t bytes;

	if (slip_call_hear_(c, &bytes) > 0)
		slip_call_settle_(c);
}

/*
 * Receive the reply into `data`, which has `max` bytes; `*bytes` is how many
 * came. 0; -EAGAIN: not there yet; -EMSGSIZE: it has more (*bytes), and stays;
 * -EINVAL: nothing was asked, or it was given up; -EPIPE: detached; -EBADMSG:
 * poisoned. Wait-free.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_call_receive(struct slip_call_client *c,
						void *data, uint32_t max,
						uint32_t *bytes)
{
	int rc = slip_call_hear_(c, bytes);

	if (SLIP_UNLIKELY(rc <= 0))
		return rc ? rc : -EAGAIN;
	if (SLIP_UNLIKELY(*bytes > max))
		return -EMSGSIZE;
	/* A size known when this is compiled makes a few moves. */
	if (SLIP_LIKELY(*bytes == max))
		slip_copy(data, slip_call_payload_(c), max);
	else
		slip_copy(data, slip_call_payload_(c), *bytes);
	slip_call_settle_(c);
	return 0;
}

/* Give up what was asked: its reply will not be received. Nothing, if nothing
 * was. See "Giving up" above. Wait-free. */
SLIP_INLINE void slip_call_abandon(struct slip_call_client *c)
{
	if (c->busy == -EAGAIN)
		c->gave_up = true;
}

/*
 * Block until the reply is there; spins a little, then sleeps. The deadline is
 * absolute CLOCK_MONOTONIC (slip_after_ns), or SLIP_FOREVER; in the past: do
 * not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: the server detached or died, without a reply
 * (or it is this handle that is detached); -EINVAL: nothing was asked, or it was
 * given up; -EBADMSG: poisoned; -ECHILD: in a fork child, if there is a peer;
 * -ENOSYS, -EPERM, -ENOMEM: membarrier is refused by now; -EFAULT: the memory is
 * gone. A death is noticed within a slice (6 ms), a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_wait_reply_until(struct slip_call_client *c, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->busy == -EPIPE))
		return -EPIPE;
	return slip_side_wait_(&c->side, slip_call_has_reply_, c, deadline_ns);
}

/* Block until a server is attached: before the first request, or, after -EPIPE,
 * until there is a successor. Otherwise as above; -EPIPE only if it is this
 * handle that is detached. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_wait_server_until(struct slip_call_client *c, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(c->busy == -EPIPE))
		return -EPIPE;
	return slip_side_wait_peer_(&c->side, NULL, NULL, deadline_ns);
}

/* send that waits for the reply to what was given up, or, noticed within a slice
 * (6 ms), a free slot; -EPIPE also as soon as the server is known to be gone. */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_send_until(struct slip_call_client *c,
						     const void *data,
						     uint32_t bytes,
						     uint64_t deadline_ns)
{
	int rc = c->busy == -EPIPE ? -EPIPE : slip_side_check_(&c->side);

	if (!rc && slip_role_gone_(c->side.theirs))
		rc = -EPIPE;
	while (!rc && (rc = slip_call_send(c, data, bytes)) == -EAGAIN &&
	       c->gave_up) {
		c->side.gone = slip_call_no_server_;
		rc = slip_side_wait_(&c->side, slip_call_may_ask_, c,
				     deadline_ns);
		c->side.gone = NULL;
	}
	return rc;
}

/*
 * Ask, and wait for the reply: send_until, wait_reply_until, receive. Errors are
 * theirs; -EAGAIN: what was asked before has neither been received nor given
 * up. After an error of its own request that is given up, but for -EMSGSIZE,
 * after which the reply may still be received: *bytes are needed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_until(struct slip_call_client *c, const void *request,
		uint32_t request_bytes, void *reply, uint32_t reply_max,
		uint32_t *bytes, uint64_t deadline_ns)
{
	int rc = slip_call_send_until(c, request, request_bytes, deadline_ns);

	if (rc)
		return rc;
	rc = slip_call_wait_reply_until(c, deadline_ns);
	if (!rc)
		rc = slip_call_receive(c, reply, reply_max, bytes);
	if (rc && rc != -EMSGSIZE)
		slip_call_abandon(c);
	return rc;
}

/* The server now, by the oracle: enum slip_role_state. */
SLIP_INLINE int slip_call_server_state(const struct slip_call_client *c)
{
	return slip_side_state_(&c->side);
}

/* Leave in order; the handle's memory is the caller's again. What was asked
 * stays asked; the slot is free once it is answered. */
SLIP_INLINE void slip_call_detach_client(struct slip_call_client *c)
{
	if (c->busy == -EPIPE)
		return;
	slip_side_close_(&c->side);
	c->busy = -EPIPE;
	c->gave_up = false;
}

/* --- the server ------------------------------------------------------------ */

/*
 * Become the server. Takes over from one that detached or died: what that had
 * taken and not answered is delivered again, what it was just answering is
 * answered. As slip_call_attach_client; -EBUSY: there is a server and it is
 * alive (or has no peer).
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_attach_server(struct slip_call_server *s, void *mem, size_t mem_bytes,
			struct slip_peer *self)
{
	struct slip_call_ring *ring = SLIP_CAST(struct slip_call_ring *, mem);
	void *taken;
	int rc;

	__builtin_memset(s, 0, sizeof(*s));
	s->error = -EPIPE;
	rc = slip_call_begin_(ring, mem_bytes, self, &s->shape, &s->side.mode);
	if (rc)
		return rc;
	s->side.wait_on = &ring->ev_ask;
	s->side.tell = &slip_call_side_(ring, &s->shape, 0)->ev_reply;
	s->side.mine = &ring->server_role;
	s->side.gone = slip_call_no_client_;
	rc = slip_side_open_(&s->side, self, s->side.mode);
	if (rc)
		return rc;
	taken = slip_call_at_(ring, s->shape.taken_at);
	s->ring = ring;
	s->taken = SLIP_CAST(slip_a64 *, taken);
	s->slots = slip_call_at_(ring, s->shape.slots_at);
	s->stage = slip_call_at_(ring, s->shape.stage_at);
	s->sides = slip_call_side_(ring, &s->shape, 0);
	s->error = 0;
	slip_call_resume_(s);
	slip_call_tell_all_(s);
	return 0;
}

SLIP_INLINE SLIP_MUST_CHECK uint32_t
slip_call_server_payload_bytes(const struct slip_call_server *s)
{
	return s->shape.payload_bytes;
}

/*
 * Take the next request, of whatever client, and fill in `t`: its bytes stay
 * where they are until the reply. More than one may be taken before the first is
 * answered, in any order. False: none (or detached). Wait-free; looks at every
 * slot that has had a client, if there is none.
 */
SLIP_CORE SLIP_MUST_CHECK bool slip_call_take(struct slip_call_server *s,
					      struct slip_call_ticket *t)
{
	uint64_t w = 0;

	if (SLIP_UNLIKELY(s->error) || !slip_call_find_(s, &w))
		return false;
	slip_call_hand_out_(s, t, w);
	return true;
}

/* Has the client of `t` left, or gone on to another slot, so that nobody waits
 * for the reply? Of one who died: if that is known by now. A hint. Wait-free. */
SLIP_INLINE SLIP_MUST_CHECK bool
slip_call_orphan(const struct slip_call_server *s,
		 const struct slip_call_ticket *t)
{
	if (s->error || !slip_call_ours_(s, t))
		return false;
	/* hint */
	return (slip_a64_load_relaxed(&s->sides[t->at].role) & 15) !=
	       SLIP_ROLE_HELD;
}

/*
 * Answer the request of `t` with `bytes` at `data`; the ticket is used up. If
 * its client has gone, or given up, nobody receives that, and its slot is free.
 * 0; -EMSGSIZE: more than payload_bytes, nothing has happened; -EINVAL: the
 * ticket is used up, or of another server; -EPIPE: detached. Wait-free.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_call_reply(struct slip_call_server *s,
					      struct slip_call_ticket *t,
					      const void *data, uint32_t bytes)
{
	if (SLIP_UNLIKELY(s->error))
		return s->error;
	if (SLIP_UNLIKELY(bytes > s->shape.payload_bytes))
		return -EMSGSIZE;
	if (SLIP_UNLIKELY(!slip_call_ours_(s, t)))
		return -EINVAL;
	slip_call_answer_(s, t, data, bytes);
	t->data = NULL;
	return 0;
}

/*
 * take that waits for a request; deadline and results as
 * slip_call_wait_reply_until. -EPIPE: all clients that ever came have detached
 * or died, and what they asked has been taken; or it is this handle that is
 * detached.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_take_until(struct slip_call_server *s,
						     struct slip_call_ticket *t,
						     uint64_t deadline_ns)
{
	int rc = slip_side_check_(&s->side);

	s->side.gone = slip_call_no_client_;
	while (!rc && !slip_call_take(s, t))
		rc = s->error
			     ? s->error
			     : slip_side_wait_(&s->side, slip_call_has_request_,
					       s, deadline_ns);
	return rc;
}

/* Block until there is a client, or a request: before the first, or, after
 * -EPIPE, until the next comes. -EPIPE only if it is this handle that is
 * detached. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_wait_client_until(struct slip_call_server *s, uint64_t deadline_ns)
{
	if (SLIP_UNLIKELY(s->error))
		return s->error;
	s->side.gone = slip_call_wait_on_;
	return slip_side_wait_(&s->side, slip_call_has_client_, s, deadline_ns);
}

/* Leave in order: clients that wait get -EPIPE. What was taken and not answered
 * is delivered again, to a successor. */
SLIP_INLINE void slip_call_detach_server(struct slip_call_server *s)
{
	if (s->error == -EPIPE)
		return;
	s->error = -EPIPE;
	/* A fork child does not close its parent's role. */
	if (slip_side_check_(&s->side))
		return;
	(void)slip_role_drop_(s->side.mine, s->side.self);
	slip_call_tell_all_(s);
}

/* --- looking on ------------------------------------------------------------ */

SLIP_INLINE void slip_call_inspect_at_(const void *mem,
				       const struct slip_call_shape *s,
				       uint32_t i,
				       struct slip_call_slot_info *info)
{
	const unsigned char *at = SLIP_CAST(const unsigned char *, mem);
	const void *side = at + s->sides_at + i * 16;
	const void *taken = at + s->taken_at + i * 8;
	const void *word =
		at + s->slots_at + SLIP_CAST(size_t, i) * s->slot_bytes;
	/* stat: separate looks */
	uint64_t told =
		slip_a64_load_relaxed(SLIP_CAST(const slip_a64 *, taken));
	uint64_t w = slip_a64_load_relaxed(SLIP_CAST(const slip_a64 *, word));

	/* stat */
	info->client = slip_a64_load_relaxed(
		&SLIP_CAST(const struct slip_call_side *, side)->role);
	info->number = w / SLIP_CALL_ONE_;
	info->bytes = slip_call_bytes_of_(w);
	info->open = (w & SLIP_CALL_STATE_) == SLIP_CALL_ASKED_;
	info->attempts = 0;
	info->taken = info->open && slip_call_same_(told, w) &&
		      (told & SLIP_CALL_HAND_);
	if (slip_call_same_(told, w))
		info->attempts =
			SLIP_CAST(uint32_t, (told & SLIP_CALL_ATTEMPTS_) /
						    SLIP_CALL_ATTEMPT_);
}

/* Look at slot `i` (of info.slots) without taking part; separate looks at its
 * words. As slip_call_inspect; -EINVAL also if there is no such slot. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_call_inspect_slot(const void *mem, size_t mem_bytes, uint32_t i,
		       struct slip_call_slot_info *info)
{
	struct slip_call_shape s;
	unsigned mode;
	int rc = slip_call_check_(SLIP_CAST(const struct slip_call_ring *, mem),
				  mem_bytes, &s, &mode);

	if (rc || i >= s.slots)
		return rc ? rc : -EINVAL;
	slip_call_inspect_at_(mem, &s, i, info);
	return 0;
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only. The
 * counts are guesses, as everybody may go on meanwhile. Returns 0, or as attach
 * does.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_call_inspect(const void *mem,
						  size_t mem_bytes,
						  struct slip_call_info *info)
{
	const struct slip_call_ring *ring =
		SLIP_CAST(const struct slip_call_ring *, mem);
	struct slip_call_slot_info one;
	struct slip_call_shape s;
	int rc = slip_call_check_(ring, mem_bytes, &s, &info->mode);

	if (rc)
		return rc;
	info->bytes = slip_call_shape_bytes_(&s);
	info->slots = s.slots;
	info->payload_bytes = s.payload_bytes;
	info->asked_guess = 0;
	info->clients_guess = info->open_guess = info->taken_guess = 0;
	/* stat */
	info->server = slip_a64_load_relaxed(&ring->server_role);
	for (uint32_t i = 0; i < s.slots; i++) {
		slip_call_inspect_at_(mem, &s, i, &one);
		info->asked_guess += one.number;
		info->clients_guess += (one.client & 15) == SLIP_ROLE_HELD;
		info->open_guess += one.open;
		info->taken_guess += one.taken;
	}
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
