/* SPDX-License-Identifier: MIT */
/*
 * A bounded ring of fixed-size elements in shared memory, from many producers
 * to many consumers, in FIFO order; and a work queue, from which an element
 * that a consumer took and did not finish is delivered again.
 *
 * Use it to distribute messages or work among threads or processes, any of
 * which may be killed or stopped at any instruction. Do not use it for one
 * producer and one consumer (spsc.h is several times as fast), nor for messages
 * of very different lengths (record.h).
 *
 *	struct slip_mpmc q;			(each thread its own handle)
 *
 *	if (slip_mpmc_init(mem, bytes, 1024, sizeof(job), 0))	(once)
 *		return 1;
 *	if (slip_mpmc_attach(&q, mem, bytes, SLIP_PRODUCER, &self))
 *		return 1;
 *	if (slip_mpmc_push_until(&q, &job, SLIP_FOREVER))
 *		return 1;
 *	slip_mpmc_detach(&q);
 *
 *	slip_mpmc_attach(&q, mem, bytes, SLIP_CONSUMER, &self)	(elsewhere)
 *	while (slip_mpmc_pop_until(&q, &job, SLIP_FOREVER) == 0)
 *		run(&job);
 *
 * As a work queue (SLIP_MPMC_WORK at init):
 *
 *	struct slip_mpmc_ticket t;
 *
 *	while (slip_mpmc_take_until(&q, &t, SLIP_FOREVER) == 0) {
 *		if (run(t.elem) == 0)		(in place; t.attempts: 1, 2 ...)
 *			slip_mpmc_ack(&q, &t);
 *		else
 *			slip_mpmc_nack(&q, &t);
 *	}
 *
 * Shape. `bytes` is slip_mpmc_bytes(1024, sizeof(job), flags):
 *
 *	+0	header		magic, layout, mode, geometry; constant, but
 *				for runs, which is set once
 *	+128	producers write	tail, ev_data (event), heard, roll,
 *				voided
 *	+256	consumers write	head, ev_space (event), voids, returned
 *	+384	seats		one for each handle, a multiple of 128 bytes:
 *				who sits here, what it announces
 *		slots		[ word: u64 | element ] of 16 bytes (elements
 *				of up to 8), 32 (up to 24) or a multiple of 64
 *		attempts	work queues only: u64 for each slot
 *
 * A push writes its element twice: into its own seat, before it claims a
 * position by one compare-and-swap, and then into the slot. If the pusher is
 * stopped or killed after the claim, before it is in the slot, a pop takes it
 * from the seat, as soon as the next claim, or recovery, has named it. So there
 * is nothing to wait for, to undo or to push again. What it costs is one more
 * store for each word, to a line of the pusher's own. The words' states, and
 * why that is right: mpmc_pvt.h and ring/README.md.
 *
 * Seats: 64, or SLIP_MPMC_SEATS(n) for up to 4094 handles at a time; of a work
 * queue a few should stay free (see take). The longest claim of a batch is 32
 * elements or 2 KiB (one element, if larger).
 *
 * Concurrency: any number of handles, each used by one thread at a time.
 * SLIP_EXCLUSIVE: there is one handle in that role, which is faster: its claims
 * need no locked instruction.
 *
 *	operation		progress	signal-safe	lines touched
 *	push, commit		lock-free	yes		own seat, tail,
 *								the slot's
 *	pop, take		lock-free	yes		head, the slot's
 *	ack, nack		wait-free	yes		the slot's
 *	push_n, pop_n		lock-free	yes		as one, the
 *								slots' lines
 *	the same, exclusive	wait-free	yes		as above
 *	*_until			blocking	no		and the seats'
 *
 * "Lock-free": an operation starts over only if another has succeeded. If
 * somebody sleeps on the other side, one system call wakes one.
 * "Signal-safe": may run in a handler that did not interrupt an operation on
 * the same handle. A fork child does not use the handle.
 *
 * Order: FIFO, linearizable, for single operations and for the elements of a
 * batch among themselves; what was returned to a work queue comes out of order.
 * What the producer wrote before push is visible after the pop that returned the
 * element; what a consumer did before pop or ack returned is visible to the push
 * that reuses the slot. A pop that finds the ring empty is ordered after every
 * push that happens before it; a push that only returned "just before" on another
 * processor may still be on its way (as for any queue that commits by a store).
 *
 * Death and stops. Attach with a peer (futex/peer.h), and:
 *
 *	killed in		then
 *	push, before the claim	the element never was
 *	push, after the claim	it is delivered, from the slot or the seat
 *	push_n			of each claim (see above) all or none
 *	pop, before the claim	the element stays
 *	pop, after the claim	it is gone: at most once. In a work queue it is
 *				delivered again
 *	pop_n			the same, of each claim
 *	take .. ack		a work queue delivers it again, once for each
 *				death, with attempts > 1 (1 if take had not
 *				returned); else it is gone
 *	ack, before its store	as take .. ack
 *	claim .. commit		it never was
 *	nack			it is returned, by the dead one or for it
 *	recovery, attach	the next one does what is left to do
 *	stopped anywhere	nobody waits (but see take). It may keep one
 *				slot (of a batch, each of its claim; of takes,
 *				each of them) whose
 *				positions the others leave out, as if the ring
 *				were that much smaller; also what a dead one
 *				keeps until it is recovered
 *
 * Recovery is what slip_peer_recover() does, by any peer, at any time, any
 * number at once; attach does it for the dead that are in its way. Who waits does it
 * for all once a slice, and when its deadline has come: who waits for room, or at
 * a work queue, always; for an element, if more was claimed than popped. That is
 * a system call for each seat that is held; and a look at each slot for each of a
 * dead one, which it keeps until what it had announced is popped. Who never waits
 * may not hear of what a dead pusher was the last to claim before the next claim,
 * or recovery.
 * With `self` NULL nobody is found dead, and a role ends by detach only.
 *
 * Damage: geometry is validated at attach and kept in the private handle.
 * Seats' numbers read later are checked, positions are masked, loops bounded:
 * no value leads outside the ring or to an endless loop; what cannot be poisons
 * the handle (-EBADMSG). A peer that writes at random can lose, repeat and tear
 * elements.
 *
 * Wrap: positions have 51 bits, compared by difference; to be fooled a thread
 * must be stopped for exactly a multiple of 2^51 operations (at 100 M/s, 260
 * days).
 *
 * Source: positions and words in the slots after D. Vyukov's bounded queue;
 * owners in the claiming word, helping, announcing before the claim, voids and
 * hands are our own. Compare announce arrays in M. Herlihy's universal
 * constructions.
 */
#ifndef SLIP_RING_MPMC_H
#define SLIP_RING_MPMC_H

#include "mpmc_work.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A look from outside, for tools; see slip_mpmc_inspect. */
struct slip_mpmc_info {
	uint64_t
		pushed_guess; /* positions claimed since init, voids included */
	uint64_t popped_guess; /* positions passed since init */
	uint64_t bytes;
	uint32_t capacity;
	uint32_t elem_bytes;
	unsigned mode;
	unsigned flags; /* SLIP_MPMC_WORK or 0 */
	uint32_t seats;
	uint32_t producers; /* seats held in that role, the dead among them */
	uint32_t consumers;
	uint32_t dead;	   /* seats whose holder was found dead */
	uint32_t held;	   /* slots in slow hands: claimed, or taken */
	uint32_t returned; /* elements that wait to be taken again */
	uint64_t roll;	   /* see mpmc_seat.h */
};

/* Bytes that a ring takes; `flags` as for slip_mpmc_init. 0: not a valid
 * shape. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_mpmc_bytes(uint32_t capacity,
						   uint32_t elem_bytes,
						   unsigned flags)
{
	struct slip_mpmc_shape s;

	if (!slip_mpmc_shape_(&s, capacity, elem_bytes, flags))
		return 0;
	return slip_mpmc_shape_bytes_(&s);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as an empty
 * ring of `capacity` elements, a power of two from 2 to 2^31, of 1 byte to
 * 64 KiB. `flags`: one of 0, SLIP_EVENT_ASYM and SLIP_EVENT_FULL
 * (futex/event.h), how a sleeper is noticed; with SLIP_MPMC_WORK, if elements
 * are to be delivered again; with SLIP_MPMC_SEATS(n). Touches all of it.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_mpmc_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_init(void *mem, size_t mem_bytes,
					       uint32_t capacity,
					       uint32_t elem_bytes,
					       unsigned flags)
{
	struct slip_mpmc_ring *ring = SLIP_CAST(struct slip_mpmc_ring *, mem);
	unsigned event = flags & 0xff;
	struct slip_mpmc_shape s;
	int mode;

	if (!slip_mpmc_shape_(&s, capacity, elem_bytes, flags) || !mem ||
	    SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES || (flags & 0xfe00) ||
	    event > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_mpmc_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(event);
	if (mode < 0)
		return mode;
	slip_mpmc_format_(ring, &s, SLIP_CAST(uint32_t, mode), 1);
	return 0;
}

/* --- private: ways to wait ------------------------------------------------- */

/* An operation that waits: done once, by the look that finds it possible. */
struct slip_mpmc_wait_ {
	struct slip_mpmc *q;
	const void *from;
	void *to;
	struct slip_mpmc_ticket *ticket;
	bool done;
};

SLIP_INLINE bool slip_mpmc_no_consumer_(void *wait,
					const struct slip_peer *asker)
{
	struct slip_mpmc_wait_ *w = SLIP_CAST(struct slip_mpmc_wait_ *, wait);

	return slip_mpmc_deserted_(w->q, SLIP_CONSUMER, asker);
}

/* Is there perhaps more, which we cannot take while our hand is full? */
SLIP_INLINE bool slip_mpmc_behind_hand_(const struct slip_mpmc *q)
{
	/* hint: of the others nobody is left to push */
	uint64_t tail = slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->tail));

	/* hint: as above; own */
	return slip_mpmc_past_(tail, slip_a64_load_relaxed(&q->ring->head)) >
		       0 &&
	       slip_a64_load_relaxed(&q->seat->hand) != 0;
}

SLIP_INLINE bool slip_mpmc_no_producer_(void *wait,
					const struct slip_peer *asker)
{
	struct slip_mpmc_wait_ *w = SLIP_CAST(struct slip_mpmc_wait_ *, wait);
	bool gone = slip_mpmc_deserted_(w->q, SLIP_PRODUCER, asker);

	/* What the dead had taken is returned before the end is told. */
	if (w->q->shape.work && gone && !asker)
		slip_mpmc_bury_all_(w->q, w->q->side.self);
	return gone && !slip_mpmc_behind_hand_(w->q);
}

/* Make the handle's side that of a wait for room, or for an element. */
SLIP_INLINE struct slip_side *slip_mpmc_side_(struct slip_mpmc *q,
					      unsigned role)
{
	bool out = role == SLIP_CONSUMER;

	q->side.wait_on = out ? &q->ring->ev_data : &q->ring->ev_space;
	q->side.gone = out ? slip_mpmc_no_producer_ : slip_mpmc_no_consumer_;
	return &q->side;
}

/* Attach, for elements of `wanted` bytes (0: any). */
SLIP_INLINE SLIP_MUST_CHECK int
slip_mpmc_attach_of_(struct slip_mpmc *q, void *mem, size_t mem_bytes,
		     unsigned roles, struct slip_peer *self, size_t wanted)
{
	struct slip_mpmc_ring *ring = SLIP_CAST(struct slip_mpmc_ring *, mem);
	unsigned mode = 0;
	int rc;

	__builtin_memset(q, 0, sizeof(*q));
	q->error = -EPIPE;
	if (!(roles & (SLIP_PRODUCER | SLIP_CONSUMER)) || roles > 7)
		return -EINVAL;
	rc = slip_side_member_(self);
	if (!rc)
		rc = slip_mpmc_check_(ring, mem_bytes, &q->shape, &mode);
	if (!rc && wanted && wanted != q->shape.elem_bytes)
		rc = -EOVERFLOW;
	if (!rc && self && !self->id)
		rc = -EINVAL; /* it has left its region */
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_MPMC, slip_mpmc_recover_);
	if (!rc)
		rc = slip_event_register(mode);
	if (rc)
		return rc;
	slip_mpmc_point_(q, ring);
	rc = slip_mpmc_join_(q, roles, self);
	if (rc) {
		q->error = -EPIPE;
		return rc;
	}
	q->side.self = self;
	q->side.mode = mode;
	slip_spin_init(&q->side.spin);
	q->roles = roles;
	if (roles & SLIP_PRODUCER)
		slip_mpmc_catch_up_(q, (roles & SLIP_EXCLUSIVE) != 0);
	if ((roles & SLIP_CONSUMER) && (roles & SLIP_EXCLUSIVE))
		slip_mpmc_come_after_(q);
	return 0;
}

/*
 * Take part. `q` is memory of the caller's, of any content, aligned as its type;
 * `roles`: SLIP_PRODUCER, SLIP_CONSUMER or both, with SLIP_EXCLUSIVE if no other
 * handle is to have any of them; `self` a membership of the region that the
 * ring's users share, which must outlive the handle, or NULL. One call at a
 * time on one `self`: attach, and those that futex/peer.h names. Recovers the
 * dead whom it meets. Does not block, but may take milliseconds the first time
 * (slip_event_register).
 *
 * Returns 0; -EBUSY: somebody is there, or is coming at this moment, and one of
 * the two is exclusive (so of two that come together both may be refused);
 * -EUSERS: every seat is taken; -EINVAL: mem NULL or not 64-byte aligned, roles,
 * or `self` has left; -EBADMSG: not a ring, or damaged; -EPROTO: of another
 * layout; -EOVERFLOW: mem_bytes too small for it; -ECHILD: `self` is of a fork
 * parent; -ENOSPC: `self` has hooks for too many kinds; -ENOSYS, -EPERM,
 * -ENOMEM: membarrier refused. After a failure the handle is as after detach:
 * calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_attach(struct slip_mpmc *q, void *mem,
						 size_t mem_bytes,
						 unsigned roles,
						 struct slip_peer *self)
{
	return slip_mpmc_attach_of_(q, mem, mem_bytes, roles, self, 0);
}

SLIP_INLINE uint32_t slip_mpmc_elem_bytes(const struct slip_mpmc *q)
{
	return q->shape.elem_bytes;
}

/* --- private: with a constant size ----------------------------------------- */

/* Whoever waits for an element, or for room: `n` of them. */
SLIP_CORE void slip_mpmc_tell_(const struct slip_mpmc *q,
			       struct slip_event *event, uint32_t n)
{
	if (n == 1)
		slip_event_notify_one(event, q->side.mode);
	else
		slip_event_notify(event, q->side.mode);
}

SLIP_CORE bool slip_mpmc_push_of_(struct slip_mpmc *q, const void *elem,
				  uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(!(q->roles & SLIP_PRODUCER)))
		return false;
	if (!(q->roles & SLIP_EXCLUSIVE ? slip_mpmc_push_x_(q, elem, elem_bytes)
					: slip_mpmc_push_(q, elem, elem_bytes)))
		return false;
	slip_mpmc_tell_(q, &q->ring->ev_data, 1);
	return true;
}

SLIP_CORE uint32_t slip_mpmc_push_n_of_(struct slip_mpmc *q, const void *elems,
					uint32_t n, uint32_t elem_bytes)
{
	uint32_t done;

	if (SLIP_UNLIKELY(!(q->roles & SLIP_PRODUCER)))
		return 0;
	done = q->roles & SLIP_EXCLUSIVE
		       ? slip_mpmc_push_nx_(q, elems, n, elem_bytes)
		       : slip_mpmc_push_n_(q, elems, n, elem_bytes);
	if (done)
		slip_mpmc_tell_(q, &q->ring->ev_data, done);
	return done;
}

/* The next element, in place; those that were delivered too often are not. */
SLIP_COLD bool slip_mpmc_take_(struct slip_mpmc *q, struct slip_mpmc_ticket *t)
{
	for (uint32_t i = 0; i < SLIP_MPMC_TRIES; i++) {
		if (!(q->shape.work && slip_mpmc_retake_(q, t)) &&
		    slip_mpmc_take_next_(q, t) != SLIP_MPMC_GO_)
			return false;
		if (!q->attempts_max || t->attempts <= q->attempts_max)
			return true;
		q->dead_letter(q->context, t->elem, t->attempts - 1);
		slip_mpmc_let_go_(q, t);
		slip_mpmc_void_ticket_(q, t);
		slip_mpmc_tell_(q, &q->ring->ev_space, 1);
	}
	return false;
}

/* Of a work queue: so that a kill in between loses nothing. */
SLIP_COLD bool slip_mpmc_pop_work_(struct slip_mpmc *q, void *elem)
{
	struct slip_mpmc_ticket t;

	if (!slip_mpmc_take_(q, &t))
		return false;
	slip_copy(elem, t.elem, q->shape.elem_bytes);
	slip_mpmc_let_go_(q, &t);
	slip_mpmc_void_ticket_(q, &t);
	return true;
}

SLIP_CORE bool slip_mpmc_pop_one_(struct slip_mpmc *q, void *elem,
				  uint32_t elem_bytes)
{
	if (SLIP_UNLIKELY(!(q->roles & SLIP_CONSUMER)))
		return false;
	if (SLIP_UNLIKELY(q->shape.work))
		return slip_mpmc_pop_work_(q, elem);
	return q->roles & SLIP_EXCLUSIVE ? slip_mpmc_pop_x_(q, elem, elem_bytes)
					 : slip_mpmc_pop_(q, elem, elem_bytes);
}

SLIP_CORE bool slip_mpmc_pop_of_(struct slip_mpmc *q, void *elem,
				 uint32_t elem_bytes)
{
	if (!slip_mpmc_pop_one_(q, elem, elem_bytes))
		return false;
	slip_mpmc_tell_(q, &q->ring->ev_space, 1);
	return true;
}

SLIP_CORE uint32_t slip_mpmc_pop_n_of_(struct slip_mpmc *q, void *elems,
				       uint32_t n, uint32_t elem_bytes)
{
	unsigned char *to = SLIP_CAST(unsigned char *, elems);
	uint32_t done = 0;

	if ((q->roles & SLIP_CONSUMER) && !(q->roles & SLIP_EXCLUSIVE) &&
	    !q->shape.work)
		done = slip_mpmc_pop_n_(q, elems, n, elem_bytes);
	else
		while (done < n &&
		       slip_mpmc_pop_one_(
			       q, to + SLIP_CAST(size_t, done) * elem_bytes,
			       elem_bytes))
			done++;
	if (done)
		slip_mpmc_tell_(q, &q->ring->ev_space, done);
	return done;
}

/* --- push ------------------------------------------------------------------ */

/*
 * Append one element of slip_mpmc_elem_bytes(). False: full, or the handle is
 * closed, poisoned or no producer's (the _until form says which). Full is said
 * at a moment when it was; or, beside a slow hand, if others were faster more
 * often than there are slots. Lock-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool slip_mpmc_push(struct slip_mpmc *q,
						const void *elem)
{
	return slip_mpmc_push_of_(q, elem, q->shape.elem_bytes);
}

/*
 * Append up to `n` elements, in order; returns how many. Those of one claim (up
 * to 32, or 2 KiB) stand together, and go in together even if we are killed.
 * Fewer than `n`: full, or the next slot is in a slow hand. Lock-free.
 */
SLIP_INLINE SLIP_MUST_CHECK uint32_t slip_mpmc_push_n(struct slip_mpmc *q,
						      const void *elems,
						      uint32_t n)
{
	return slip_mpmc_push_n_of_(q, elems, n, q->shape.elem_bytes);
}

/*
 * Where to write the next element, at a multiple of 8; then commit it. NULL:
 * full, as push. An exclusive producer writes into the slot itself; any other
 * into its seat, from where commit copies it as push does: so that nobody waits
 * for what is being written. Until commit nothing has happened. A push in
 * between ends the claim of an exclusive producer.
 */
SLIP_INLINE SLIP_MUST_CHECK void *slip_mpmc_claim(struct slip_mpmc *q)
{
	void *draft = NULL;

	q->claimed = NULL;
	if (SLIP_UNLIKELY(!(q->roles & SLIP_PRODUCER)))
		return NULL;
	if (q->roles & SLIP_EXCLUSIVE) {
		q->claimed = slip_mpmc_room_x_(q, q->shape.elem_bytes);
		q->voided = SLIP_MPMC_CLAIMED_;
		return q->claimed ? q->claimed + 1 : NULL;
	}
	if (slip_mpmc_room_(q) || slip_mpmc_make_room_(q))
		draft = slip_mpmc_in_seat_(q->seat, q->shape.draft_at);
	q->claimed = SLIP_CAST(slip_a64 *, draft);
	return draft;
}

/* Append the claimed element. False: full by now (never for an exclusive
 * producer), so try again, or abort; or there is no claim. Lock-free. */
SLIP_INLINE SLIP_MUST_CHECK bool slip_mpmc_commit(struct slip_mpmc *q)
{
	if (SLIP_UNLIKELY(!q->claimed || !(q->roles & SLIP_PRODUCER)))
		return false;
	if (!(q->roles & SLIP_EXCLUSIVE
		      ? slip_mpmc_commit_x_(q, q->claimed)
		      : slip_mpmc_push_(q, q->claimed, q->shape.elem_bytes)))
		return false;
	q->claimed = NULL;
	slip_mpmc_tell_(q, &q->ring->ev_data, 1);
	return true;
}

/* Forget the claim. */
SLIP_INLINE void slip_mpmc_abort(struct slip_mpmc *q)
{
	q->claimed = NULL;
}

/* --- pop ------------------------------------------------------------------- */

/*
 * Take the oldest element into `elem`. False: empty, or the handle is closed,
 * poisoned or no consumer's (the _until form says which); `elem` may have been
 * written to all the same. At most once: what a
 * killed pop had claimed is gone; in a work queue it is delivered again.
 * Lock-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool slip_mpmc_pop(struct slip_mpmc *q, void *elem)
{
	return slip_mpmc_pop_of_(q, elem, q->shape.elem_bytes);
}

/* Take up to `n` elements, in order; returns how many. Those of one claim (up
 * to 32) stand together. Lock-free. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t slip_mpmc_pop_n(struct slip_mpmc *q,
						     void *elems, uint32_t n)
{
	return slip_mpmc_pop_n_of_(q, elems, n, q->shape.elem_bytes);
}

/* --- work queue ------------------------------------------------------------ */

/*
 * Take the oldest element, or one that was returned, in place: t->elem, which
 * is also the result; it is ours until ack or nack, as are others that we take
 * meanwhile. NULL: empty, or as pop. Also NULL if the next element is one that
 * its pusher, stopped or dead, has left in its seat, while we have another such
 * in hand: a handle has one hand. (If we returned that, and another has it, we
 * go on from a free seat; there has to be one, and nothing else that we have
 * taken or claimed.)
 *
 * In a ring without SLIP_MPMC_WORK this is a pop without copy: there is no
 * nack, and what a dead one had taken is gone. Lock-free, but for what was
 * returned: to find that takes a look at every slot.
 */
SLIP_INLINE SLIP_MUST_CHECK const void *
slip_mpmc_take(struct slip_mpmc *q, struct slip_mpmc_ticket *t)
{
	t->word = NULL;
	t->elem = NULL;
	if (SLIP_UNLIKELY(!(q->roles & SLIP_CONSUMER)) ||
	    !slip_mpmc_take_(q, t))
		return NULL;
	return t->elem;
}

/* The element is done with. No effect on a ticket that is used up. */
SLIP_INLINE void slip_mpmc_ack(struct slip_mpmc *q, struct slip_mpmc_ticket *t)
{
	if (SLIP_UNLIKELY(!slip_mpmc_ours_(q, t)))
		return;
	slip_mpmc_let_go_(q, t);
	slip_mpmc_void_ticket_(q, t);
	slip_mpmc_tell_(q, &q->ring->ev_space, 1);
}

/*
 * Give the element to whoever takes one next, out of order; it may be us. 0;
 * -EINVAL: no work queue (the element stays ours), or the ticket is used up.
 */
SLIP_INLINE int slip_mpmc_nack(struct slip_mpmc *q, struct slip_mpmc_ticket *t)
{
	if (!q->shape.work || !slip_mpmc_ours_(q, t))
		return -EINVAL;
	slip_mpmc_return_(q, t);
	slip_mpmc_void_ticket_(q, t);
	slip_mpmc_tell_(q, &q->ring->ev_data, 1);
	return 0;
}

/*
 * From now on what this handle would take for the (attempts_max + 1)th time is
 * given to `fn` instead, within the take or pop, and is then done with. `fn`
 * does not use the handle. If it is killed the element is delivered again, so
 * all consumers should agree. 0, or more than 4094, after which attempts are
 * counted no further: no limit.
 */
SLIP_INLINE void slip_mpmc_set_dead_letter(struct slip_mpmc *q,
					   uint32_t attempts_max,
					   slip_mpmc_dead_letter_fn *fn,
					   void *context)
{
	q->attempts_max = fn ? attempts_max : 0;
	q->dead_letter = fn;
	q->context = context;
}

/* --- blocking -------------------------------------------------------------- */

/* What slip_side_wait_ asks: 1 done, 0 not yet, -errno. */
SLIP_INLINE int slip_mpmc_try_push_(void *wait)
{
	struct slip_mpmc_wait_ *w = SLIP_CAST(struct slip_mpmc_wait_ *, wait);

	if (!w->done)
		w->done = slip_mpmc_push(w->q, w->from);
	return w->done ? 1 : w->q->error;
}

SLIP_INLINE int slip_mpmc_try_pop_(void *wait)
{
	struct slip_mpmc_wait_ *w = SLIP_CAST(struct slip_mpmc_wait_ *, wait);

	if (!w->done)
		w->done = w->ticket ? slip_mpmc_take(w->q, w->ticket) != NULL
				    : slip_mpmc_pop(w->q, w->to);
	return w->done ? 1 : w->q->error;
}

/* Why nothing can be done in that role at all, or 0. */
SLIP_INLINE int slip_mpmc_refused_(const struct slip_mpmc *q, unsigned role)
{
	if (q->error)
		return q->error;
	return q->roles & role ? 0 : -EINVAL;
}

/*
 * push that waits for room; spins a little, then sleeps. The deadline is
 * absolute CLOCK_MONOTONIC (slip_after_ns), or SLIP_FOREVER; in the past: do not
 * wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: every consumer has detached or died, though
 * there was one (also while there is room, as soon as that is known), or the
 * handle is closed; -EINVAL: no producer's handle; -EBADMSG: poisoned; -ECHILD:
 * in a fork child; -ENOSYS, -EPERM: membarrier is refused by now. A peer's death
 * is noticed within a slice (6 ms), and so is room that one who had stopped half
 * way makes late; a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_push_until(struct slip_mpmc *q,
						     const void *elem,
						     uint64_t deadline_ns)
{
	struct slip_mpmc_wait_ w = { q, elem, NULL, NULL, false };
	int rc = slip_mpmc_refused_(q, SLIP_PRODUCER);

	if (!rc)
		rc = slip_side_check_(&q->side);
	if (!rc && slip_mpmc_known_gone_(q, SLIP_CONSUMER))
		rc = -EPIPE;
	return rc ? rc
		  : slip_side_wait_(slip_mpmc_side_(q, SLIP_PRODUCER),
				    slip_mpmc_try_push_, &w, deadline_ns);
}

/*
 * pop that waits for an element. As slip_mpmc_push_until; -EPIPE: the ring is
 * empty and every producer has detached or died, though there was one.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_mpmc_pop_until(struct slip_mpmc *q, void *elem, uint64_t deadline_ns)
{
	struct slip_mpmc_wait_ w = { q, NULL, elem, NULL, false };
	int rc = slip_mpmc_refused_(q, SLIP_CONSUMER);

	return rc ? rc
		  : slip_side_wait_(slip_mpmc_side_(q, SLIP_CONSUMER),
				    slip_mpmc_try_pop_, &w, deadline_ns);
}

/*
 * take that waits: 0 and the ticket, or as slip_mpmc_pop_until. While the next
 * element is one that we cannot take, as we have another such in hand, the end
 * is not told: so ack or nack that before a wait without a deadline. What others
 * have taken does not put it off: if they return it, or die, after we were told,
 * it is there for whoever takes next.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_take_until(struct slip_mpmc *q,
						     struct slip_mpmc_ticket *t,
						     uint64_t deadline_ns)
{
	struct slip_mpmc_wait_ w = { q, NULL, NULL, t, false };
	int rc = slip_mpmc_refused_(q, SLIP_CONSUMER);

	t->word = NULL;
	t->elem = NULL;
	return rc ? rc
		  : slip_side_wait_(slip_mpmc_side_(q, SLIP_CONSUMER),
				    slip_mpmc_try_pop_, &w, deadline_ns);
}

/* --- looking, leaving ------------------------------------------------------ */

/* Have all who had `role` (SLIP_PRODUCER or SLIP_CONSUMER) gone, so that the end
 * of file has come? Asks the kernel about each that is there. */
SLIP_INLINE bool slip_mpmc_gone(struct slip_mpmc *q, unsigned role)
{
	return q->ring && q->roles && slip_mpmc_gone_(q, role, q->side.self);
}

/* How many elements are in the ring, about; voids count. */
SLIP_INLINE uint64_t slip_mpmc_count_guess(const struct slip_mpmc *q)
{
	uint64_t tail, head;

	if (!q->ring || !q->roles)
		return 0;
	/* stat: two looks */
	tail = slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->tail));
	head = slip_mpmc_at_(slip_a64_load_relaxed(&q->ring->head));
	return slip_mpmc_past_(tail, head) > 0 ? (tail - head) / SLIP_MPMC_ONE
					       : 0;
}

/* Leave in order; what was taken and not acked is returned, or gone. If nobody
 * else has our role, that is the end of file for the other side. */
SLIP_INLINE void slip_mpmc_detach(struct slip_mpmc *q)
{
	if (q->error == -EPIPE)
		return;
	q->error = -EPIPE;
	q->roles = 0;
	if (slip_side_check_(&q->side))
		return; /* a fork child does not leave its parent's seat */
	if (q->held)
		slip_mpmc_drop_all_(q);
	slip_mpmc_leave_(q);
}

SLIP_INLINE void slip_mpmc_count_seats_(struct slip_mpmc *q,
					struct slip_mpmc_info *info)
{
	for (uint64_t s = 1; s <= q->shape.seats; s++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, s);
		unsigned roles = slip_mpmc_roles_(word);

		info->dead += slip_mpmc_state_(word) == SLIP_ROLE_DEAD;
		info->producers += word && (roles & SLIP_PRODUCER);
		info->consumers += word && (roles & SLIP_CONSUMER);
	}
}

SLIP_INLINE void slip_mpmc_count_slots_(const struct slip_mpmc *q,
					struct slip_mpmc_info *info)
{
	for (uint64_t i = 0; i < q->shape.capacity; i++) {
		slip_a64 *count = slip_mpmc_count_(q, i * SLIP_MPMC_ONE);
		/* stat: one after the other */
		uint64_t w = slip_a64_load_relaxed(slip_mpmc_slot_(
			q, i * SLIP_MPMC_ONE, q->shape.elem_bytes));
		bool waits = count && slip_mpmc_again_with_(
					      w, slip_a64_load_relaxed(count),
					      SLIP_MPMC_RETURNED);

		info->returned += waits;
		info->held += (w & SLIP_MPMC_SEAT_MASK) && !waits;
	}
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only. The
 * numbers are guesses, as others may go on meanwhile. Returns 0, or as attach
 * does.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_mpmc_inspect(const void *mem,
						  size_t mem_bytes,
						  struct slip_mpmc_info *info)
{
	const struct slip_mpmc_ring *ring =
		SLIP_CAST(const struct slip_mpmc_ring *, mem);
	struct slip_mpmc q;
	int rc;

	__builtin_memset(info, 0, sizeof(*info));
	__builtin_memset(&q, 0, sizeof(q));
	rc = slip_mpmc_check_(ring, mem_bytes, &q.shape, &info->mode);
	if (rc)
		return rc;
	slip_mpmc_point_(&q, SLIP_RECAST(struct slip_mpmc_ring *,
					 SLIP_RECAST(uintptr_t, mem)));
	info->bytes = slip_mpmc_shape_bytes_(&q.shape);
	info->capacity = q.shape.capacity;
	info->elem_bytes = q.shape.elem_bytes;
	info->flags = q.shape.work ? SLIP_MPMC_WORK : 0;
	info->seats = q.shape.seats;
	/* stat: separate looks */
	info->roll = slip_a64_load_relaxed(&ring->roll);
	info->popped_guess =
		slip_a64_load_relaxed(&ring->head) / SLIP_MPMC_ONE -
		q.shape.capacity;
	info->pushed_guess =
		slip_a64_load_relaxed(&ring->tail) / SLIP_MPMC_ONE -
		q.shape.capacity;
	slip_mpmc_count_seats_(&q, info);
	slip_mpmc_count_slots_(&q, info);
	return 0;
}

#ifdef __cplusplus
#define SLIP_MPMC_PLAIN_(type) __is_trivially_copyable(type)
#else
#define SLIP_MPMC_PLAIN_(type) 1
#endif

/*
 * SLIP_MPMC_DEFINE(jobs, struct job): the same calls with the element's type
 * and its size a constant, so that the copy becomes a few moves:
 * jobs_push(&q, &j), jobs_pop(&q, &j), jobs_push_n, jobs_pop_n, jobs_claim,
 * jobs_take, jobs_push_until, jobs_pop_until, jobs_bytes, jobs_init,
 * jobs_attach. The rest is called by its own name. Put it at file scope, with a
 * semicolon.
 */
#define SLIP_MPMC_DEFINE(name, type)                                          \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_MPMC_ELEM_MAX &&              \
				   __alignof__(type) <= 8 &&                  \
				   SLIP_MPMC_PLAIN_(type),                    \
			   "an element is plain bytes, at most 64 KiB");      \
	SLIP_INLINE size_t name##_bytes(uint32_t capacity, unsigned flags)    \
	{                                                                     \
		return slip_mpmc_bytes(capacity, sizeof(type), flags);        \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                          \
		void *mem, size_t bytes, uint32_t capacity, unsigned flags)   \
	{                                                                     \
		return slip_mpmc_init(mem, bytes, capacity, sizeof(type),     \
				      flags);                                 \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach(                        \
		struct slip_mpmc *q, void *mem, size_t bytes, unsigned roles, \
		struct slip_peer *self)                                       \
	{                                                                     \
		return slip_mpmc_attach_of_(q, mem, bytes, roles, self,       \
					    sizeof(type));                    \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK bool name##_push(struct slip_mpmc *q,       \
						   const type *elem)          \
	{                                                                     \
		return slip_mpmc_push_of_(q, elem, sizeof(type));             \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK bool name##_pop(struct slip_mpmc *q,        \
						  type *elem)                 \
	{                                                                     \
		return slip_mpmc_pop_of_(q, elem, sizeof(type));              \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK uint32_t name##_push_n(                   \
		struct slip_mpmc *q, const type *elems, uint32_t n)           \
	{                                                                     \
		return slip_mpmc_push_n_of_(q, elems, n, sizeof(type));       \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK uint32_t name##_pop_n(                    \
		struct slip_mpmc *q, type *elems, uint32_t n)                 \
	{                                                                     \
		return slip_mpmc_pop_n_of_(q, elems, n, sizeof(type));        \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK type *name##_claim(struct slip_mpmc *q)   \
	{                                                                     \
		return SLIP_CAST(type *, slip_mpmc_claim(q));                 \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK const type *name##_take(                  \
		struct slip_mpmc *q, struct slip_mpmc_ticket *t)              \
	{                                                                     \
		return SLIP_CAST(const type *, slip_mpmc_take(q, t));         \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_push_until(                    \
		struct slip_mpmc *q, const type *elem, uint64_t deadline_ns)  \
	{                                                                     \
		return slip_mpmc_push_until(q, elem, deadline_ns);            \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_pop_until(                     \
		struct slip_mpmc *q, type *elem, uint64_t deadline_ns)        \
	{                                                                     \
		return slip_mpmc_pop_until(q, elem, deadline_ns);             \
	}                                                                     \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
