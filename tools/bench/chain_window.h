/* SPDX-License-Identifier: MIT */
/*
 * Queues without a bound, measured with one around them: producers that are `capacity`
 * elements ahead of the consumers wait, or a run would measure how fast memory can be
 * had. Every 64 elements each side says how far it is, in a line of its own, and a
 * producer looks at all of them. The same for all queues of the suite.
 *
 * CHAIN_LOOPS(name, push, pop): as MPMC_LOOPS, of a push and a pop that know nothing
 * of that. Such a push never finds the queue full.
 */
#ifndef SLIP_TOOLS_BENCH_CHAIN_WINDOW_H
#define SLIP_TOOLS_BENCH_CHAIN_WINDOW_H

#include "tools/bench/mpmc_loops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CHAIN_STEP 64u

struct chain_far {
	SLIP_ALIGNED(128) slip_a64 count;
};

/* At the start of a queue's memory. */
struct chain_window {
	struct chain_far pushed[MPMC_SIDES], popped[MPMC_SIDES];
};

/* A side's own: `s->own` points here. */
struct chain_side {
	uint64_t told;
	bool closed; /* no more until the others are further */
	void *more;  /* of the queue */
};

extern const struct mpmc_queue chain_ours, chain_ours_linked, chain_moodycamel,
	chain_moodycamel_tokens, chain_wfcqueue, chain_rculfqueue;

SLIP_CORE struct chain_window *chain_window_of(const struct mpmc_seat *s)
{
	return SLIP_CAST(struct chain_window *, s->queue);
}

SLIP_CORE struct chain_side *chain_side_of(const struct mpmc_seat *s)
{
	return SLIP_CAST(struct chain_side *, s->own);
}

static inline uint64_t chain_far(const struct chain_far *f, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += slip_a64_load_relaxed(&f[i].count); /* stat */
	return sum;
}

static inline void chain_look(const struct mpmc_seat *s, struct chain_side *own)
{
	struct chain_window *w = chain_window_of(s);
	const struct mpmc_shape *shape = s->shape;
	uint64_t popped = chain_far(w->popped, shape->consumers);

	own->told = s->count;
	slip_a64_store_relaxed(&w->pushed[s->self].count, s->count);
	/* What is popped may be ahead of what is said to be pushed. */
	own->closed = chain_far(w->pushed, shape->producers) >
		      popped + shape->capacity;
}

SLIP_CORE uint32_t chain_push_by(struct mpmc_seat *s, mpmc_push_fn *push,
				 const uint64_t *values, uint32_t n)
{
	struct chain_side *own = chain_side_of(s);

	if (SLIP_UNLIKELY(own->closed || s->count - own->told >= CHAIN_STEP)) {
		/* In one thread the pops are another seat's, and all that is
		 * pushed is popped. */
		if (!s->consumer)
			chain_look(s, own);
		if (own->closed)
			return 0;
	}
	return push(s, values, n);
}

SLIP_CORE uint32_t chain_pop_by(struct mpmc_seat *s, mpmc_pop_fn *pop,
				uint64_t *values, uint32_t n)
{
	struct chain_side *own = chain_side_of(s);
	uint32_t came = pop(s, values, n);

	if (SLIP_UNLIKELY((!came || s->count - own->told >= CHAIN_STEP) &&
			  !s->producer)) {
		own->told = s->count;
		/* stat */
		slip_a64_store_relaxed(
			&chain_window_of(s)->popped[s->self].count,
			s->count + came);
	}
	return came;
}

/* clang-format off */
#define CHAIN_LOOPS(name, push, pop, bytes, n)                               \
	SLIP_CORE uint32_t name##_push_by(struct mpmc_seat *s,               \
					  const uint64_t *v, uint32_t k)     \
	{                                                                    \
		return chain_push_by(s, push, v, k);                         \
	}                                                                    \
	SLIP_CORE uint32_t name##_pop_by(struct mpmc_seat *s, uint64_t *v,   \
					 uint32_t k)                         \
	{                                                                    \
		return chain_pop_by(s, pop, v, k);                           \
	}                                                                    \
	MPMC_LOOPS(name, name##_push_by, name##_pop_by, bytes, n)
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
