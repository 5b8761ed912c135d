/* SPDX-License-Identifier: MIT */
/*
 * A bounded ring with up to 64 levels of urgency, from many producers to many
 * consumers: the most urgent element first, and FIFO within a level.
 *
 * Use it where POSIX message queues or System V's msgrcv by type are used: some
 * messages must overtake others, or a consumer wants those of some kinds only. Do
 * not use it for one level (mpmc.h), nor for levels that different consumers
 * serve anyhow (a ring for each).
 *
 *	struct slip_priority q;			(each thread its own handle)
 *	uint32_t level;
 *
 *	if (slip_priority_init(mem, bytes, 4, 256, sizeof(job), 0))	(once)
 *		return 1;
 *	if (slip_priority_attach(&q, mem, bytes, SLIP_PRODUCER, &self))
 *		return 1;
 *	if (slip_priority_push_until(&q, &job, 3, SLIP_FOREVER))
 *		return 1;
 *	slip_priority_detach(&q);
 *
 *	slip_priority_attach(&q, mem, bytes, SLIP_CONSUMER, &self)  (elsewhere)
 *	while (slip_priority_pop_until(&q, &job, &level, SLIP_FOREVER) == 0)
 *		run(&job, level);
 *
 * Levels are numbered from 0; the highest is the most urgent, as in POSIX.
 *
 *	POSIX, System V			here
 *	mq_send(q, m, n, 3)		slip_priority_push_until(&q, m, 3, ...)
 *	mq_receive(q, m, n, &prio)	slip_priority_pop_until(&q, m, &level, ...)
 *	mq_timedreceive			its deadline
 *	O_NONBLOCK			slip_priority_push, slip_priority_pop
 *	mq_notify			slip_priority_pop_source (ring/sources.h),
 *					in a waitset, or a bridge to epoll
 *	mq_getattr			slip_priority_inspect, _count_guess
 *	mq_maxmsg			capacity, of each level
 *	msgrcv, type > 0		slip_priority_pop_highest of one level:
 *					SLIP_PRIORITY_LEVEL(type)
 *	msgrcv, type < 0		slip_priority_pop_lowest of a set:
 *					(UINT64_C(2) << -type) - 1 are the
 *					levels up to -type
 *
 * Shape. `bytes` is slip_priority_bytes(4, 256, sizeof(job), flags):
 *
 *	+0	header		magic, layout, mode, geometry; constant
 *	+128	home		roll, events of those who wait for elements
 *	+512	seats		one for each handle, a multiple of 128 bytes:
 *				who sits here, and the element it announces
 *		level 0		+128 producers write, +256 consumers write, as
 *				in mpmc.h; +384 slots
 *		level 1 ...
 *
 * Each level is an mpmc ring; what is said there of words, helping and seats
 * holds here. A handle has one seat, which serves all levels; why that is enough
 * stands in priority_pvt.h.
 *
 * Policies. Strict (flags 0): what is more urgent comes first, also if less
 * urgent elements wait for ever. SLIP_PRIORITY_AGEING(n): a level that a handle
 * has not served for n of its pops for each level above it is due, and is served
 * before what is more urgent; of several the one that has been due for longest.
 * After a pop of one that was due comes one of the highest level that has any. So
 * no level is starved: with n = 8 and 4 levels an element at the front of level 0
 * comes by the 30th pop of that handle: 24, and two for each of the other levels.
 * And every second pop at least is of the most urgent. Ageing counts pops, and
 * needs neither a clock nor shared memory. It is about slip_priority_pop; pops by
 * level do as they are told.
 *
 * No hint says which levels have something: a pop looks at each level, from the
 * most urgent, until it has found one, and an empty one costs three loads, of two
 * lines that nobody writes meanwhile. So there is no hint that a death could leave
 * wrong.
 *
 * Concurrency: any number of handles (64, or SLIP_PRIORITY_SEATS(n) up to 4094,
 * at a time), each used by one thread at a time.
 *
 *	operation		progress	signal-safe	lines touched
 *	push			lock-free	yes		own seat, tail,
 *								the slot's, two
 *								of the home
 *	pop...			lock-free	yes		head, the slot's,
 *								of each level
 *								looked at
 *	*_until			blocking	no		and the seats'
 *
 * "Lock-free" and "signal-safe" as in mpmc.h. A fork child does not use the
 * handle.
 *
 * Order: within a level FIFO, linearizable. Across levels best effort: a pop
 * looks at one level after another, so an urgent element that comes after it has
 * looked at its level is overtaken by what it finds further down. Without a push
 * at the same time the order is exact. "Empty" is said if each level was empty at
 * some moment of the call; an element that was there when it began, and that
 * nobody else takes, is found. Visibility as in mpmc.h.
 *
 * Death and stops. As in mpmc.h, in whichever level: a push that is killed
 * before its claim never was, after it the element is delivered; a pop that is
 * killed after its claim has lost its element (at most once); who is stopped is
 * not waited for, and may keep one slot of one level. Recovery of one who died,
 * by slip_peer_recover, by an attach that finds no seat or by who waits (once a
 * slice, or when its deadline has come: for room always, for an element if in any
 * level more was claimed than popped), sees to all levels. What a pusher was the
 * last to claim in a level, and died, is not heard of before that, or the next push
 * to that level: so where nobody ever waits, call slip_peer_recover now and then.
 * With `self` NULL nobody is found dead, and a role ends by detach only.
 *
 * A dead pusher keeps its seat until what it had announced is popped: in a level
 * that nobody serves for ever. So with levels unserved have seats to spare (one
 * for each such death that they have room for), or pop there, from time to time.
 *
 * Damage: as in mpmc.h; the header's numbers are validated at attach and kept in
 * the private handle.
 *
 * Cost: a push is one to an mpmc ring, and looks at two events, not one, each on a
 * line of the home that all levels share. With SLIP_EVENT_ASYM that is a load of a
 * line that is seldom written; with SLIP_EVENT_FULL, and for some 131072 pushes after a
 * sleep, each is a locked instruction, so pushes to different levels meet there. A
 * pop is one from an mpmc ring, and three loads for each level above. A push wakes
 * one of those who wait for anything, and all who wait for some levels only, if any
 * do. Who waits and asks about the dead (see above) makes a system call for each seat
 * that is held, and looks at each slot of each level for each seat that a dead one
 * keeps: once in 6 ms, or in each call whose deadline has come.
 *
 * Source: mpmc.h; the interface after POSIX mq_overview(7) and System V msgop(2).
 */
#ifndef SLIP_RING_PRIORITY_H
#define SLIP_RING_PRIORITY_H

#include "priority_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The set of one level, and of all; or them together. */
#define SLIP_PRIORITY_LEVEL(n) (UINT64_C(1) << (n))
#define SLIP_PRIORITY_ALL      UINT64_MAX

/* A look from outside, for tools; see slip_priority_inspect. */
struct slip_priority_info {
	uint64_t bytes;
	uint32_t levels;
	uint32_t capacity; /* of each level */
	uint32_t elem_bytes;
	uint32_t ageing; /* 0: strict */
	unsigned mode;
	uint32_t seats;
	uint32_t producers; /* seats held in that role, the dead among them */
	uint32_t consumers;
	uint32_t dead; /* seats whose holder was found dead */
	uint32_t held; /* slots in slow hands */
	uint64_t roll; /* see mpmc_seat.h */
	/* of each level, since init, what was passed over included */
	uint64_t pushed_guess[SLIP_PRIORITY_LEVELS_MAX];
	uint64_t popped_guess[SLIP_PRIORITY_LEVELS_MAX];
};

/* Bytes that a ring takes; arguments as for slip_priority_init. 0: not a valid
 * shape. */
SLIP_INLINE SLIP_MUST_CHECK size_t slip_priority_bytes(uint32_t levels,
						       uint32_t capacity,
						       uint32_t elem_bytes,
						       unsigned flags)
{
	struct slip_priority_shape s;

	if (!slip_priority_shape_(&s, levels, capacity, elem_bytes, flags))
		return 0;
	return slip_priority_shape_bytes_(&s);
}

/*
 * Format `mem` (64-byte aligned, of any content, used by nobody) as an empty
 * ring of 1 to 64 `levels`, each with room for `capacity` elements, a power of
 * two from 2 to 2^31, of 1 byte to 64 KiB. `flags`: one of 0, SLIP_EVENT_ASYM and
 * SLIP_EVENT_FULL (futex/event.h), how a sleeper is noticed; with
 * SLIP_PRIORITY_AGEING(n), n from 1 to 255; with SLIP_PRIORITY_SEATS(n). Touches
 * all of it.
 *
 * Returns 0; -EINVAL: shape, alignment or flags; -EOVERFLOW: mem_bytes is
 * less than slip_priority_bytes(); -ENOSYS, -EPERM: ASYM asked for and refused.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_init(void *mem, size_t mem_bytes, uint32_t levels,
		   uint32_t capacity, uint32_t elem_bytes, unsigned flags)
{
	struct slip_priority_ring *ring =
		SLIP_CAST(struct slip_priority_ring *, mem);
	unsigned event = flags & 0xff;
	struct slip_priority_shape s;
	int mode;

	if (!slip_priority_shape_(&s, levels, capacity, elem_bytes, flags) ||
	    !mem || SLIP_RECAST(uintptr_t, mem) % SLIP_LINE_BYTES ||
	    event > SLIP_EVENT_FULL)
		return -EINVAL;
	if (mem_bytes < slip_priority_shape_bytes_(&s))
		return -EOVERFLOW;
	mode = slip_event_choose(event);
	if (mode < 0)
		return mode;
	slip_priority_format_(ring, &s, SLIP_CAST(uint32_t, mode), 1);
	return 0;
}

/* Attach, for elements of `wanted` bytes (0: any). */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_attach_of_(struct slip_priority *p, void *mem, size_t mem_bytes,
			 unsigned roles, struct slip_peer *self, size_t wanted)
{
	struct slip_priority_ring *ring =
		SLIP_CAST(struct slip_priority_ring *, mem);
	unsigned mode = 0;
	int rc;

	__builtin_memset(p, 0, sizeof(*p));
	p->q.error = -EPIPE;
	if (roles < 1 || roles > (SLIP_PRODUCER | SLIP_CONSUMER))
		return -EINVAL;
	rc = slip_side_member_(self);
	if (!rc)
		rc = slip_priority_check_(ring, mem_bytes, &p->shape, &mode);
	if (!rc && wanted && wanted != p->shape.one.elem_bytes)
		rc = -EOVERFLOW;
	if (!rc)
		rc = slip_side_begin_(&p->q.side, self, mode);
	if (!rc && self)
		rc = slip_peer_hook(self, SLIP_KIND_PRIORITY,
				    slip_priority_recover_);
	if (rc)
		return rc;
	slip_priority_point_(&p->q, ring, &p->shape);
	rc = slip_mpmc_join_(&p->q, roles, self);
	if (rc) {
		p->q.error = -EPIPE;
		/* Nobody can want to be alone: a seat says what cannot be. */
		return rc == -EBUSY ? -EBADMSG : rc;
	}
	p->q.roles = roles;
	p->all = SLIP_PRIORITY_ALL >>
		 (SLIP_PRIORITY_LEVELS_MAX - p->shape.levels);
	for (uint32_t i = 0; i < p->shape.levels; i++)
		slip_priority_served_(p, i);
	return 0;
}

/*
 * Take part. `p` is memory of the caller's, of any content, aligned as its type
 * (2 KiB); `roles`: SLIP_PRODUCER, SLIP_CONSUMER or both; `self` a membership of
 * the region that the ring's users share, which must outlive the handle, or NULL.
 * One call at a time on one `self`: attach, and those that futex/peer.h names.
 * If no seat is free it recovers the dead: that frees the seats but of those who
 * have announced what is not popped yet. Does not block, but may take milliseconds
 * the first time (slip_event_register).
 *
 * Returns 0; -EUSERS: every seat is taken; -EINVAL: mem NULL or not 64-byte
 * aligned, roles, or `self` has left; -EBADMSG: not such a ring, or damaged;
 * -EPROTO: of another layout; -EOVERFLOW: mem_bytes too small for it; -ECHILD:
 * `self` is of a fork parent; -ENOSPC: `self` has hooks for too many kinds;
 * -ENOSYS, -EPERM, -ENOMEM: membarrier refused. After a failure the handle is as
 * after detach: calls on it find it closed.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_attach(struct slip_priority *p, void *mem, size_t mem_bytes,
		     unsigned roles, struct slip_peer *self)
{
	return slip_priority_attach_of_(p, mem, mem_bytes, roles, self, 0);
}

SLIP_INLINE uint32_t slip_priority_elem_bytes(const struct slip_priority *p)
{
	return p->shape.one.elem_bytes;
}

SLIP_INLINE uint32_t slip_priority_levels(const struct slip_priority *p)
{
	return p->shape.levels;
}

/* --- push ------------------------------------------------------------------ */

/*
 * Append one element of slip_priority_elem_bytes() to that level. False: the
 * level is full or there is no such level, or the handle is closed, poisoned or
 * no producer's (the _until form says which). Lock-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool
slip_priority_push(struct slip_priority *p, const void *elem, uint32_t level)
{
	return slip_priority_push_of_(p, elem, level, p->shape.one.elem_bytes);
}

/* --- pop ------------------------------------------------------------------- */

/*
 * Take an element as the ring's policy says: the oldest of the highest level
 * that has any, or of one that is due. *level is its level; it is stored last, so
 * it may be a member of the element, and `level` may be NULL. False: all levels
 * are empty, or the handle is closed, poisoned or no consumer's (the _until form
 * says which); `elem` may have been written to all the same. At most once: what a
 * killed pop had claimed is gone. Lock-free.
 */
SLIP_INLINE SLIP_MUST_CHECK bool slip_priority_pop(struct slip_priority *p,
						   void *elem, uint32_t *level)
{
	return slip_priority_pop_of_(p, elem, level, p->shape.one.elem_bytes);
}

/* The same, of the highest level in `set` that has any: bit n stands for level
 * n, those that do not exist are empty. Nothing ages by it. Lock-free. */
SLIP_INLINE SLIP_MUST_CHECK bool
slip_priority_pop_highest(struct slip_priority *p, uint64_t set, void *elem,
			  uint32_t *level)
{
	return slip_priority_pop_set_(p, set, false, elem, level,
				      p->shape.one.elem_bytes);
}

/* The same, of the lowest level in `set`. Lock-free. */
SLIP_INLINE SLIP_MUST_CHECK bool
slip_priority_pop_lowest(struct slip_priority *p, uint64_t set, void *elem,
			 uint32_t *level)
{
	return slip_priority_pop_set_(p, set, true, elem, level,
				      p->shape.one.elem_bytes);
}

/* --- blocking -------------------------------------------------------------- */

/* An operation that waits: done once, by the look that finds it possible. */
struct slip_priority_wait_ {
	struct slip_priority *p;
	const void *from;
	void *to;
	uint32_t *level; /* of a pop */
	uint64_t set;	 /* 0: as the policy says */
	uint32_t where;	 /* level of a push */
	bool lowest;
	bool done;
};

SLIP_INLINE bool slip_priority_no_consumer_(void *wait,
					    const struct slip_peer *asker)
{
	struct slip_priority_wait_ *w =
		SLIP_CAST(struct slip_priority_wait_ *, wait);

	return slip_mpmc_deserted_(&w->p->q, SLIP_CONSUMER, asker);
}

SLIP_INLINE bool slip_priority_no_producer_(void *wait,
					    const struct slip_peer *asker)
{
	struct slip_priority_wait_ *w =
		SLIP_CAST(struct slip_priority_wait_ *, wait);

	return slip_mpmc_deserted_(&w->p->q, SLIP_PRODUCER, asker);
}

/* What slip_side_wait_ asks: 1 done, 0 not yet, -errno. */
SLIP_INLINE int slip_priority_try_push_(void *wait)
{
	struct slip_priority_wait_ *w =
		SLIP_CAST(struct slip_priority_wait_ *, wait);

	if (!w->done)
		w->done = slip_priority_push(w->p, w->from, w->where);
	return w->done ? 1 : w->p->q.error;
}

SLIP_INLINE int slip_priority_try_pop_(void *wait)
{
	struct slip_priority_wait_ *w =
		SLIP_CAST(struct slip_priority_wait_ *, wait);

	if (!w->done)
		w->done = w->set ? slip_priority_pop_set_(
					   w->p, w->set, w->lowest, w->to,
					   w->level, w->p->shape.one.elem_bytes)
				 : slip_priority_pop(w->p, w->to, w->level);
	return w->done ? 1 : w->p->q.error;
}

/* Where those sleep who want what is in that set; 0: anything. */
SLIP_INLINE struct slip_event *
slip_priority_event_(const struct slip_priority *p, uint64_t set)
{
	struct slip_mpmc_ring *home = p->q.home;

	return set ? &home->ev_space : &home->ev_data;
}

SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_pop_wait_(struct slip_priority_wait_ *w, uint64_t deadline_ns)
{
	struct slip_mpmc *q = &w->p->q;
	int rc = slip_mpmc_refused_(q, SLIP_CONSUMER);

	if (rc)
		return rc;
	q->side.wait_on = slip_priority_event_(w->p, w->set);
	q->side.gone = slip_priority_no_producer_;
	return slip_side_wait_(&q->side, slip_priority_try_pop_, w,
			       deadline_ns);
}

/*
 * push that waits for room in that level; spins a little, then sleeps. The
 * deadline is absolute CLOCK_MONOTONIC (slip_after_ns), or SLIP_FOREVER; in the
 * past: do not wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: every consumer has detached or died, though
 * there was one (also while there is room, as soon as that is known), or the
 * handle is closed; -EINVAL: no such level, or no producer's handle; -EBADMSG:
 * poisoned; -ECHILD: in a fork child; -ENOSYS, -EPERM: membarrier is refused by
 * now. A peer's death is noticed within a slice (6 ms), and so is room that one
 * who had stopped half way makes late; a detach at once.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_push_until(struct slip_priority *p, const void *elem,
			 uint32_t level, uint64_t deadline_ns)
{
	struct slip_priority_wait_ w = { p, elem,  NULL,  NULL,
					 0, level, false, false };
	int rc = slip_mpmc_refused_(&p->q, SLIP_PRODUCER);

	if (!rc && level >= p->shape.levels)
		rc = -EINVAL;
	if (!rc)
		rc = slip_side_check_(&p->q.side);
	if (!rc && slip_mpmc_known_gone_(&p->q, SLIP_CONSUMER))
		rc = -EPIPE;
	if (rc)
		return rc;
	p->q.side.wait_on = &slip_mpmc_level_(&p->q, level)->ev_space;
	p->q.side.gone = slip_priority_no_consumer_;
	return slip_side_wait_(&p->q.side, slip_priority_try_push_, &w,
			       deadline_ns);
}

/*
 * pop that waits for an element, of any level. As slip_priority_push_until;
 * -EPIPE: all levels are empty and every producer has detached or died, though
 * there was one.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_priority_pop_until(struct slip_priority *p,
							void *elem,
							uint32_t *level,
							uint64_t deadline_ns)
{
	struct slip_priority_wait_ w = { p, NULL, elem,	 level,
					 0, 0,	  false, false };

	return slip_priority_pop_wait_(&w, deadline_ns);
}

/* pop_highest that waits. -EPIPE: no level of the set has any, and every
 * producer has gone; -EINVAL also: no level of the set exists. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_pop_highest_until(struct slip_priority *p, uint64_t set,
				void *elem, uint32_t *level,
				uint64_t deadline_ns)
{
	struct slip_priority_wait_ w = { p,   NULL, elem,  level,
					 set, 0,    false, false };

	if (!p->q.error && !(set & p->all))
		return -EINVAL;
	return slip_priority_pop_wait_(&w, deadline_ns);
}

/* pop_lowest that waits; as slip_priority_pop_highest_until. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_pop_lowest_until(struct slip_priority *p, uint64_t set,
			       void *elem, uint32_t *level,
			       uint64_t deadline_ns)
{
	struct slip_priority_wait_ w = { p,   NULL, elem, level,
					 set, 0,    true, false };

	if (!p->q.error && !(set & p->all))
		return -EINVAL;
	return slip_priority_pop_wait_(&w, deadline_ns);
}

/* --- looking, leaving ------------------------------------------------------ */

/* Have all who had `role` (SLIP_PRODUCER or SLIP_CONSUMER) gone, so that the end
 * of file has come? Asks the kernel about each that is there. */
SLIP_INLINE bool slip_priority_gone(struct slip_priority *p, unsigned role)
{
	return slip_mpmc_gone(&p->q, role);
}

/* How many elements are in the levels of `set`, about; voids count. */
SLIP_INLINE uint64_t slip_priority_count_guess(const struct slip_priority *p,
					       uint64_t set)
{
	uint64_t sum = 0;

	if (!p->q.roles)
		return 0;
	for (set &= p->all; set; set &= set - 1) {
		const struct slip_mpmc_ring *level =
			slip_mpmc_level_(&p->q, slip_priority_pick_(set, true));
		/* stat: two looks */
		uint64_t tail =
			slip_mpmc_at_(slip_a64_load_relaxed(&level->tail));
		uint64_t head =
			slip_mpmc_at_(slip_a64_load_relaxed(&level->head));

		if (slip_mpmc_past_(tail, head) > 0)
			sum += (tail - head) / SLIP_MPMC_ONE;
	}
	return sum;
}

/* Leave in order. If nobody else has our role, that is the end of file for the
 * other side. */
SLIP_INLINE void slip_priority_detach(struct slip_priority *p)
{
	slip_mpmc_detach(&p->q);
}

/* What a level says of itself. */
SLIP_INLINE void slip_priority_inspect_level_(struct slip_mpmc *q,
					      uint32_t level,
					      struct slip_priority_info *info)
{
	slip_mpmc_turn_to_(q, level);
	/* stat: all are separate looks */
	info->popped_guess[level] =
		slip_a64_load_relaxed(&q->ring->head) / SLIP_MPMC_ONE -
		q->shape.capacity;
	info->pushed_guess[level] =
		slip_a64_load_relaxed(&q->ring->tail) / SLIP_MPMC_ONE -
		q->shape.capacity;
	for (uint64_t i = 0; i < q->shape.capacity; i++) {
		uint64_t w = slip_a64_load_relaxed(slip_mpmc_slot_(
			q, i * SLIP_MPMC_ONE, q->shape.elem_bytes));

		info->held += (w & SLIP_MPMC_SEAT_MASK) != 0;
	}
}

/*
 * Look at a ring without taking part; the memory may be mapped read-only. The
 * numbers are guesses, as others may go on meanwhile. Returns 0, or as attach
 * does.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_priority_inspect(const void *mem, size_t mem_bytes,
		      struct slip_priority_info *info)
{
	struct slip_priority_ring *ring = SLIP_RECAST(
		struct slip_priority_ring *, SLIP_RECAST(uintptr_t, mem));
	struct slip_priority_shape shape;
	struct slip_mpmc_info seats;
	struct slip_mpmc q;
	int rc;

	__builtin_memset(info, 0, sizeof(*info));
	__builtin_memset(&seats, 0, sizeof(seats));
	__builtin_memset(&q, 0, sizeof(q));
	rc = slip_priority_check_(ring, mem_bytes, &shape, &info->mode);
	if (rc)
		return rc;
	slip_priority_point_(&q, ring, &shape);
	info->bytes = slip_priority_shape_bytes_(&shape);
	info->levels = shape.levels;
	info->capacity = shape.one.capacity;
	info->elem_bytes = shape.one.elem_bytes;
	info->ageing = shape.ageing;
	info->seats = shape.one.seats;
	slip_mpmc_count_seats_(&q, &seats);
	info->producers = seats.producers;
	info->consumers = seats.consumers;
	info->dead = seats.dead;
	/* stat: as the levels' */
	info->roll = slip_a64_load_relaxed(&ring->home.roll);
	for (uint32_t i = 0; i < shape.levels; i++)
		slip_priority_inspect_level_(&q, i, info);
	return 0;
}

/*
 * SLIP_PRIORITY_DEFINE(jobs, struct job): the same calls with the element's type
 * and its size a constant: jobs_bytes, jobs_init, jobs_attach, jobs_push(&q, &j,
 * level), jobs_pop(&q, &j, &level), jobs_push_until, jobs_pop_until. The rest is
 * called by its own name. Put it at file scope, with a semicolon.
 */
#define SLIP_PRIORITY_DEFINE(name, type)                                       \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_MPMC_ELEM_MAX &&               \
				   __alignof__(type) <= 8 &&                   \
				   SLIP_MPMC_PLAIN_(type),                     \
			   "an element is plain bytes, at most 64 KiB");       \
	SLIP_INLINE size_t name##_bytes(uint32_t levels, uint32_t capacity,    \
					unsigned flags)                        \
	{                                                                      \
		return slip_priority_bytes(levels, capacity, sizeof(type),     \
					   flags);                             \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                           \
		void *mem, size_t bytes, uint32_t levels, uint32_t capacity,   \
		unsigned flags)                                                \
	{                                                                      \
		return slip_priority_init(mem, bytes, levels, capacity,        \
					  sizeof(type), flags);                \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_attach(                         \
		struct slip_priority *p, void *mem, size_t bytes,              \
		unsigned roles, struct slip_peer *self)                        \
	{                                                                      \
		return slip_priority_attach_of_(p, mem, bytes, roles, self,    \
						sizeof(type));                 \
	}                                                                      \
	SLIP_CORE SLIP_MUST_CHECK bool name##_push(                            \
		struct slip_priority *p, const type *elem, uint32_t level)     \
	{                                                                      \
		return slip_priority_push_of_(p, elem, level, sizeof(type));   \
	}                                                                      \
	SLIP_CORE SLIP_MUST_CHECK bool name##_pop(struct slip_priority *p,     \
						  type *elem, uint32_t *level) \
	{                                                                      \
		return slip_priority_pop_of_(p, elem, level, sizeof(type));    \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_push_until(                     \
		struct slip_priority *p, const type *elem, uint32_t level,     \
		uint64_t deadline_ns)                                          \
	{                                                                      \
		return slip_priority_push_until(p, elem, level, deadline_ns);  \
	}                                                                      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_pop_until(                      \
		struct slip_priority *p, type *elem, uint32_t *level,          \
		uint64_t deadline_ns)                                          \
	{                                                                      \
		return slip_priority_pop_until(p, elem, level, deadline_ns);   \
	}                                                                      \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
