/* SPDX-License-Identifier: MIT */
/* What the tests of ring/priority.h share: a ring in memory of its exact size,
 * and participants that stop half way. */
#ifndef SLIP_RING_TEST_PRIORITY_BENCH_H
#define SLIP_RING_TEST_PRIORITY_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "../priority.h"
#include "edge.h"

#define BENCH_SEATS 8

/* Filled with rubbish, so that ASan sees a step outside and the tests an
 * assumption about zeroes. */
struct bench {
	void *mem;
	size_t bytes;
	struct slip_priority p;
	struct slip_priority c;
};

static inline void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 127) / 128 * 128;
	void *mem = aligned_alloc(128, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static inline void attach(struct slip_priority *q, const struct bench *b,
			  unsigned roles)
{
	cr_assert_eq(slip_priority_attach(q, b->mem, b->bytes, roles, NULL), 0,
		     "attach as %u", roles);
	q->q.patience = 0;
}

static inline void setup(struct bench *b, uint32_t levels, uint32_t capacity,
			 uint32_t elem_bytes, unsigned flags)
{
	flags |= SLIP_PRIORITY_SEATS(BENCH_SEATS);
	b->bytes = slip_priority_bytes(levels, capacity, elem_bytes, flags);
	b->mem = edge_memory(b->bytes);
	cr_assert(b->mem != NULL, "no memory");
	cr_assert_eq(slip_priority_init(b->mem, b->bytes, levels, capacity,
					elem_bytes, flags),
		     0, "init");
	attach(&b->p, b, SLIP_PRODUCER);
	attach(&b->c, b, SLIP_CONSUMER);
}

static inline void teardown(struct bench *b)
{
	slip_priority_detach(&b->p);
	slip_priority_detach(&b->c);
	edge_free(b->mem, b->bytes);
}

static inline struct slip_priority_ring *ring_of(const struct bench *b)
{
	return b->mem;
}

static inline void push(struct slip_priority *q, uint32_t level, uint64_t value)
{
	cr_assert(slip_priority_push(q, &value, level), "level %u is full",
		  level);
}

static inline void expect(struct slip_priority *q, uint32_t level,
			  uint64_t value)
{
	uint32_t at = 99;
	uint64_t x = ~value;

	cr_assert(slip_priority_pop(q, &x, &at), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
	cr_assert_eq(at, level, "of level %u instead of %u", at, level);
}

static inline void expect_empty(struct slip_priority *q)
{
	uint32_t at = 99;
	uint64_t x = 0;

	cr_assert_not(slip_priority_pop(q, &x, &at), "%llu is left",
		      (unsigned long long)x);
	cr_assert_eq(q->q.error, 0, "poisoned");
}

/* One that has been stopped after its claim, in whichever level. */
struct stopped {
	slip_a64 *slot;
	uint64_t at;
	uint64_t value;
};

static inline void push_half(struct slip_priority *q, struct stopped *s,
			     uint32_t level, uint64_t value)
{
	s->value = value;
	slip_priority_turn_(q, level);
	slip_mpmc_announce_(&q->q, 0, &s->value, 8);
	s->slot = slip_mpmc_take_place_(&q->q, &s->at, 8);
	cr_assert(s->slot != NULL, "full");
}

static inline void push_rest(const struct stopped *s)
{
	memcpy(s->slot + 1, &s->value, 8);
	slip_mpmc_commit_(s->slot, s->at);
}

static inline void pop_half(struct slip_priority *q, struct stopped *s,
			    uint32_t level)
{
	slip_priority_turn_(q, level);
	q->q.head = 0;
	cr_assert_eq(slip_mpmc_pop_shared_(&q->q, &s->at, &s->slot, &s->value,
					   false, 8),
		     SLIP_MPMC_GO_, "nothing to pop");
	memcpy(&s->value, s->slot + 1, 8);
}

/* Who had this handle is found dead, as far as its seat says. */
static inline void dies(const struct slip_priority *q)
{
	slip_a64_store_relaxed(&q->q.seat->word, slip_mpmc_dead_(q->q.who));
}

#endif
