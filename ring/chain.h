/* SPDX-License-Identifier: MIT */
/*
 * A queue without a bound, for the threads of one process: any number of them push
 * and pop elements of one size, and nobody ever waits for anybody. Needs liburcu
 * (rcu.h).
 *
 * Use it between threads where a burst must not be refused. Do not use it between
 * processes (mpmc.h), where a bound is right (mpmc.h again: it is quicker and
 * takes no more memory than it is given), nor in a signal handler.
 *
 *	static struct slip_chain jobs;
 *
 *	if (slip_chain_init(&jobs, sizeof(job), NULL))		(once)
 *		return 1;
 *
 *	if (slip_chain_push(&jobs, &job))			(any thread)
 *		return 1;
 *
 *	while (slip_chain_pop_until(&jobs, &job, SLIP_FOREVER) == 0)
 *		work_on(&job);					(any thread)
 *
 *	slip_chain_close(&jobs);		(no more: pops end with -EPIPE)
 *	slip_chain_destroy(&jobs);		(all threads are done with it)
 *
 * Shape. `struct slip_chain` is the user's: two cells that name the first and the
 * last of a row of segments, each of about 32 KiB (16 elements at least), whose slots
 * are used once each.
 *
 *	head --> segment --> segment --> ... --> segment <-- tail
 *		 pop: 1723   (full)              push: 42
 *
 *	+0	push		next slot to be claimed by a push
 *	+128	pop, seen	next slot to be claimed by a pop
 *	+256	next, ...	written once
 *	+384	slots		each a word and an element: 16 bytes for up to 8,
 *				32 for up to 24, else rounded up to 64n
 *
 * Concurrency: any number of threads, which need no handle. With liburcu's flavour
 * "bp", the default, they need not register either; see rcu.h for the others.
 *
 *	operation	progress	signal-safe	cost
 *	push		lock-free	no		2 locked instructions; the
 *							lines of push and the slot
 *	pop		lock-free	no		1 locked instruction; the
 *							lines of pop and the slot
 *	_n		lock-free	no		one claim for up to n
 *	_until		blocking	no		as above
 *	close		lock-free	no
 *	init, destroy	blocking	no		alone
 *
 * A pop that finds nothing has lingered for 8 pauses, some 100 ns: a consumer that is
 * faster than its producers would else take their lines from them with each look.
 *
 * Once for each segment there is more: memory from the cache of spare ones or from
 * malloc, and what was emptied is put off until all who may see it have left
 * (a grace period of liburcu, some ms), in a thread of liburcu's.
 *
 * Order. FIFO: elements come out in the order in which they were claimed to go in,
 * those of one thread in its own. What a thread did before a push is visible
 * to who popped the element. A pop never misses a push that happens before it. Nor
 * does "-EPIPE" of pop_until: what was pushed before has been popped.
 *
 * Memory in steady state: the segments in which there are elements, those that
 * were emptied in the last grace period, and spare ones: at most twice those that were
 * taken in a grace period of late, and two. So nothing grows, and malloc is called
 * only when a grace period takes longer than those before. Emptied beyond that they
 * are given back. `segments_max` bounds all of them together: hard, but then a push
 * may be refused although what would make room was popped already, and must wait
 * for a grace period. With 2048 elements of 8 bytes in a segment, 50 M/s and 10 ms,
 * some 250 are away.
 *
 * Stopped threads. Stopped or preempted
 *
 *	anywhere		the others go on. What it was pushing is in, or not
 *				yet; what it was popping is its own
 *	in a push, its slot	a pop that comes there looks 32 times (big elements:
 *	claimed, not filled	more), then voids the slot; the push, later, takes
 *				another
 *	in a push, not yet	the element is there; who sleeps is woken for the
 *	notified		next, or when the push goes on
 *	inside			no grace period ends: emptied segments are not used
 *				again but made anew, without a bound but
 *				segments_max. That is the price of liburcu
 *	woken, before its pop	another sleeper is not woken in its place
 *	in close, half-way	pushes are refused, or soon will be; sleepers are
 *				not yet told
 *
 * A thread that is killed takes the process with it. A fork child may not use the
 * chains of its parent; and chains of its own only if the parent has said so to
 * liburcu, by pthread_atfork with the handlers of its flavour
 * (urcu_bp_call_rcu_before_fork and the like), for its thread is not forked.
 *
 * liburcu's own rules. A thread of its own does what was put off: it begins when the
 * first segment is left, and liburcu aborts the process if it cannot. Who is between
 * rcu_read_lock and _unlock of the same flavour must not wait here, nor destroy.
 * `get` runs inside: it may not wait for `put`, nor for who waits for a grace
 * period. `put`, and a directory's `gone`, may not destroy a chain, nor wait for
 * room in one: the thread that would make it is theirs.
 *
 * Source: FAAArrayQueue (P. Ramalhete, A. Correia, 2016), after LCRQ (Morrison and
 * Afek, PPoPP'13): segments, claims by addition, late pushes turned away.
 * Reclamation by liburcu (Desnoyers et al., TPDS 2012), and so no hazard pointer in
 * each operation. Elements of any size beside a word, words that tell one use of a
 * segment from the next, batches, close and the cache are our own.
 */
#ifndef SLIP_RING_CHAIN_H
#define SLIP_RING_CHAIN_H

#include "chain_pvt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero: as it suits most. */
struct slip_chain_options {
	uint32_t segment;      /* elements in a segment: 2 .. 2^20 */
	uint32_t segments_max; /* that may exist at once: 2 ..; 0: any number */
	slip_chain_get_fn *get; /* memory, aligned to 128; NULL: malloc's */
	slip_chain_put_fn *put; /* takes it back; may run in liburcu's thread */
	void *context;		/* for both */
};

/* A look at it. */
struct slip_chain_info {
	uint64_t
		elements_guess; /* not fewer than there are, if nothing moves */
	uint64_t segments;	/* that exist */
	uint64_t spares;	/* of them, waiting to be used */
	uint64_t segment_bytes;
	uint32_t segment; /* elements in one */
	uint32_t elem_bytes;
};

/*
 * Make an empty chain in `c`, of elements of 1 .. 65536 bytes. `options` may be
 * NULL. Allocates one segment.
 *
 * Returns 0; -EINVAL: elem_bytes or options; -ENOMEM.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_chain_init(struct slip_chain *c, uint32_t elem_bytes,
		const struct slip_chain_options *options)
{
	struct slip_chain_options o;
	struct slip_chain_segment *s;
	int why;

	__builtin_memset(&o, 0, sizeof(o));
	if (options)
		o = *options;
	if (elem_bytes < 1 || elem_bytes > SLIP_CHAIN_ELEM_MAX ||
	    o.segment == 1 || o.segment > SLIP_CHAIN_SEGMENT_MAX ||
	    o.segments_max == 1 || !o.get != !o.put)
		return -EINVAL;
	__builtin_memset(SLIP_CAST(void *, c), 0, sizeof(*c));
	c->elem_bytes = elem_bytes;
	c->slot_bytes = slip_chain_slot_bytes_(elem_bytes);
	c->slots = o.segment ? o.segment : slip_chain_slots_(c->slot_bytes);
	c->patience = SLIP_CHAIN_PATIENCE + elem_bytes / SLIP_CHAIN_LOOK_BYTES;
	c->linger = SLIP_CHAIN_LINGER;
	c->segments_max = o.segments_max;
	c->get = o.get ? o.get : slip_chain_malloc_;
	c->put = o.put ? o.put : slip_chain_free_;
	c->context = o.context;
	s = slip_chain_make_(c, &why);
	if (!s)
		return why;
	slip_chain_fill_(s, NULL, 0, elem_bytes);
	s->place = 0;
	/* init: four words */
	slip_a64_store_relaxed(&c->head, slip_chain_address_(s));
	slip_a64_store_relaxed(&c->tail, slip_chain_address_(s));
	slip_a64_store_relaxed(&c->open, slip_role_word_(NULL));
	slip_a64_store_relaxed(&c->spin, SLIP_SPIN_FIRST_NS);
	return 0;
}

/* Push one element. Returns 0; -EPIPE: closed; -EAGAIN: at the limit of segments
 * just now; -ENOMEM. */
SLIP_CORE SLIP_MUST_CHECK int
slip_chain_push_(struct slip_chain *c, const void *elem, uint32_t elem_bytes)
{
	int why = 0;

	(void)slip_chain_push_n_(c, elem, 1, elem_bytes, &why);
	if (SLIP_UNLIKELY(why))
		return why;
	slip_event_notify_one(&c->ev_data, SLIP_EVENT_RMW);
	return 0;
}

SLIP_INLINE SLIP_MUST_CHECK int slip_chain_push(struct slip_chain *c,
						const void *elem)
{
	return slip_chain_push_(c, elem, c->elem_bytes);
}

/* Push up to n elements, side by side unless others come between: how many went
 * in. Not all: as slip_chain_push says of the next. */
SLIP_CORE SLIP_MUST_CHECK uint32_t slip_chain_push_some_(struct slip_chain *c,
							 const void *elems,
							 uint32_t n,
							 uint32_t elem_bytes)
{
	int why = 0;
	uint32_t went = slip_chain_push_n_(c, elems, n, elem_bytes, &why);

	if (went)
		slip_event_notify(&c->ev_data, SLIP_EVENT_RMW);
	return went;
}

SLIP_INLINE SLIP_MUST_CHECK uint32_t slip_chain_push_n(struct slip_chain *c,
						       const void *elems,
						       uint32_t n)
{
	return slip_chain_push_some_(c, elems, n, c->elem_bytes);
}

/* Pop one element; false: there is none. */
SLIP_CORE SLIP_MUST_CHECK bool slip_chain_pop_(struct slip_chain *c, void *elem,
					       uint32_t elem_bytes)
{
	return slip_chain_pop_n_(c, elem, 1, elem_bytes) != 0;
}

SLIP_INLINE SLIP_MUST_CHECK bool slip_chain_pop(struct slip_chain *c,
						void *elem)
{
	return slip_chain_pop_(c, elem, c->elem_bytes);
}

/* Pop up to n elements, in order: how many there were. */
SLIP_INLINE SLIP_MUST_CHECK uint32_t slip_chain_pop_n(struct slip_chain *c,
						      void *elems, uint32_t n)
{
	return slip_chain_pop_n_(c, elems, n, c->elem_bytes);
}

/*
 * Push, and at the limit of segments block until there is room. The deadline is
 * absolute CLOCK_MONOTONIC (slip_after_ns), or SLIP_FOREVER; in the past: do not
 * wait.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: closed; -ENOMEM; -EFAULT: the chain is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_chain_push_until(struct slip_chain *c,
						      const void *elem,
						      uint64_t deadline_ns)
{
	struct slip_chain_wait_ w = { c, NULL, elem, c->elem_bytes, false };
	int rc = slip_chain_push(c, elem);

	return rc != -EAGAIN ? rc
			     : slip_chain_wait_until_(c, &c->ev_space,
						      slip_chain_try_push_, &w,
						      deadline_ns);
}

/*
 * Pop, and block until there is something; spins a little, then sleeps. The
 * deadline as above. Elements wake one sleeper each.
 *
 * Returns 0; -ETIMEDOUT; -EPIPE: closed, and all was popped; -EFAULT.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_chain_pop_until(struct slip_chain *c, void *elem, uint64_t deadline_ns)
{
	struct slip_chain_wait_ w = { c, elem, NULL, c->elem_bytes, false };

	return slip_chain_pop(c, elem)
		       ? 0
		       : slip_chain_wait_until_(c, &c->ev_data,
						slip_chain_try_pop_, &w,
						deadline_ns);
}

/* No more: pushes that begin after this are refused, pops get what there is, and
 * then -EPIPE. Wakes all who sleep. May be called again, and by several. */
SLIP_INLINE void slip_chain_close(struct slip_chain *c)
{
	struct slip_chain_segment *s;

	slip_rcu_enter_();
	do {
		/* CHAIN-A1 closer: what is in the segment. Pairs:
		 * slip_chain_pass_tail_. Else: as there. */
		s = slip_chain_at_(slip_a64_load_acquire(&c->tail));
	} while (!slip_chain_seal_(c, s));
	slip_rcu_leave_(c);
	(void)slip_role_drop_(&c->open, NULL);
	slip_event_wake_all(&c->ev_data);
	slip_event_wake_all(&c->ev_space);
}

/* How full it is, and what it takes: all about so, while others use it. */
SLIP_INLINE void slip_chain_inspect(struct slip_chain *c,
				    struct slip_chain_info *info)
{
	struct slip_chain_segment *first, *last;
	uint64_t popped, pushed;

	slip_rcu_enter_();
	/* CHAIN-A1 onlooker: what is in the segment. Pairs:
	 * slip_chain_pass_head_. Else: as there. */
	first = slip_chain_at_(slip_a64_load_acquire(&c->head));
	/* stat */
	popped = slip_a64_load_relaxed(&first->pop);
	popped = first->place * c->slots +
		 (popped < c->slots ? popped : c->slots);
	/* CHAIN-A1 onlooker: as above. Pairs: slip_chain_pass_tail_. Else: as
	 * there. */
	last = slip_chain_at_(slip_a64_load_acquire(&c->tail));
	/* stat */
	pushed = slip_a64_load_relaxed(&last->push) & ~SLIP_CHAIN_CLOSED;
	pushed = last->place * c->slots +
		 (pushed < c->slots ? pushed : c->slots);
	slip_rcu_leave_(c);
	info->elements_guess = pushed > popped ? pushed - popped : 0;
	/* stat: both */
	info->segments = slip_a64_load_relaxed(&c->made);
	info->spares = slip_a64_load_relaxed(&c->spares);
	info->segment_bytes = slip_chain_segment_bytes_(c);
	info->segment = c->slots;
	info->elem_bytes = c->elem_bytes;
}

/* Free all that it has, elements too. No thread uses it any more, or will; blocks
 * until a grace period is over, so not between rcu_read_lock and _unlock. `c` is
 * the user's again. */
SLIP_INLINE void slip_chain_destroy(struct slip_chain *c)
{
	size_t bytes = slip_chain_segment_bytes_(c);
	uint64_t lists[2];

	slip_rcu_settle_(c);
	/* own: both; nobody else is there */
	lists[0] = slip_a64_load_relaxed(&c->head);
	lists[1] = slip_a64_load_relaxed(&c->spare);
	while (lists[0] > SLIP_CHAIN_END) {
		struct slip_chain_segment *s = slip_chain_at_(lists[0]);

		/* own */
		lists[0] = slip_a64_load_relaxed(&s->next);
		c->put(c->context, s, bytes);
	}
	while (lists[1]) {
		struct slip_chain_segment *s = slip_chain_at_(lists[1]);

		lists[1] = slip_chain_address_(s->below);
		c->put(c->context, s, bytes);
	}
}

#ifdef __cplusplus
#define SLIP_CHAIN_PLAIN_(type) __is_trivially_copyable(type)
#else
#define SLIP_CHAIN_PLAIN_(type) 1
#endif

/*
 * SLIP_CHAIN_DEFINE(jobs, struct job): the same calls with the element's type, and
 * its size a constant, so that the copy becomes a few moves: jobs_init, jobs_push,
 * jobs_pop, jobs_push_n, jobs_pop_n, jobs_push_until, jobs_pop_until. A chain made
 * by jobs_init is used by these, the rest is called by its own name. Put it at
 * file scope, with a semicolon.
 */
#define SLIP_CHAIN_DEFINE(name, type)                                         \
	SLIP_STATIC_ASSERT(sizeof(type) <= SLIP_CHAIN_ELEM_MAX &&             \
				   __alignof__(type) <= 8 &&                  \
				   SLIP_CHAIN_PLAIN_(type),                   \
			   "an element is plain bytes, at most 64 KiB");      \
	SLIP_INLINE SLIP_MUST_CHECK int name##_init(                          \
		struct slip_chain *c,                                         \
		const struct slip_chain_options *options)                     \
	{                                                                     \
		return slip_chain_init(c, sizeof(type), options);             \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK int name##_push(struct slip_chain *c,       \
						  const type *elem)           \
	{                                                                     \
		return slip_chain_push_(c, elem, sizeof(type));               \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK bool name##_pop(struct slip_chain *c,       \
						  type *elem)                 \
	{                                                                     \
		return slip_chain_pop_(c, elem, sizeof(type));                \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK uint32_t name##_push_n(                     \
		struct slip_chain *c, const type *elems, uint32_t n)          \
	{                                                                     \
		return slip_chain_push_some_(c, elems, n, sizeof(type));      \
	}                                                                     \
	SLIP_CORE SLIP_MUST_CHECK uint32_t name##_pop_n(                      \
		struct slip_chain *c, type *elems, uint32_t n)                \
	{                                                                     \
		return slip_chain_pop_n_(c, elems, n, sizeof(type));          \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_push_until(                    \
		struct slip_chain *c, const type *elem, uint64_t deadline_ns) \
	{                                                                     \
		return slip_chain_push_until(c, elem, deadline_ns);           \
	}                                                                     \
	SLIP_INLINE SLIP_MUST_CHECK int name##_pop_until(                     \
		struct slip_chain *c, type *elem, uint64_t deadline_ns)       \
	{                                                                     \
		return slip_chain_pop_until(c, elem, deadline_ns);            \
	}                                                                     \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

#ifdef __cplusplus
}
#endif

#endif
