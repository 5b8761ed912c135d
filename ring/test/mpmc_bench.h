/* SPDX-License-Identifier: MIT */
/* What the tests of ring/mpmc.h share: a ring in memory of its exact size,
 * elements that can be told apart, and producers that stop half way. */
#ifndef SLIP_RING_TEST_MPMC_BENCH_H
#define SLIP_RING_TEST_MPMC_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "../mpmc.h"

#define BENCH_SEATS 8

/* Filled with rubbish, so that ASan sees a step outside and the tests an
 * assumption about zeroes. */
struct bench {
	void *mem;
	size_t bytes;
	struct slip_mpmc p;
	struct slip_mpmc c;
};

static inline void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 127) / 128 * 128;
	void *mem = aligned_alloc(128, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static inline void attach(struct slip_mpmc *q, const struct bench *b,
			  unsigned roles)
{
	cr_assert_eq(slip_mpmc_attach(q, b->mem, b->bytes, roles, NULL), 0,
		     "attach as %u", roles);
}

/* `how` goes with both roles. */
static inline void setup_as(struct bench *b, uint32_t capacity,
			    uint32_t elem_bytes, unsigned flags, unsigned how)
{
	flags |= SLIP_MPMC_SEATS(BENCH_SEATS);
	b->bytes = slip_mpmc_bytes(capacity, elem_bytes, flags);
	b->mem = fresh_memory(b->bytes);
	cr_assert(b->mem != NULL, "no memory");
	cr_assert_eq(
		slip_mpmc_init(b->mem, b->bytes, capacity, elem_bytes, flags),
		0, "init");
	attach(&b->p, b, SLIP_PRODUCER | how);
	attach(&b->c, b, SLIP_CONSUMER | how);
}

static inline void setup(struct bench *b, uint32_t capacity,
			 uint32_t elem_bytes, unsigned flags)
{
	setup_as(b, capacity, elem_bytes, flags, 0);
}

static inline void teardown(struct bench *b)
{
	slip_mpmc_detach(&b->p);
	slip_mpmc_detach(&b->c);
	free(b->mem);
}

static inline struct slip_mpmc_ring *ring_of(const struct bench *b)
{
	return b->mem;
}

/* The slot of the position that many after the first, of 8-byte elements. */
static inline slip_a64 *slot_of(const struct bench *b, uint64_t i)
{
	return slip_mpmc_slot_(&b->p, i * SLIP_MPMC_ONE, b->p.shape.elem_bytes);
}

/* Every byte of element `n` depends on n and on its place. */
static inline void fill(unsigned char *elem, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		elem[i] = (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static inline bool filled(const unsigned char *elem, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (elem[i] != (unsigned char)(n * 31 + i * 7 + (n >> 8)))
			return false;
	return true;
}

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline void expect_pop(struct slip_mpmc *q, uint64_t value)
{
	uint64_t x = ~value;

	cr_assert(slip_mpmc_pop(q, &x), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
}

static inline void expect_empty(struct slip_mpmc *q)
{
	uint64_t x = 0;

	cr_assert_not(slip_mpmc_pop(q, &x), "%llu is left",
		      (unsigned long long)x);
	cr_assert_eq(q->error, 0, "poisoned");
}

static inline void push_to(struct slip_mpmc *q, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		cr_assert(slip_mpmc_push(q, &i), "full at %llu",
			  (unsigned long long)i);
}

/* A participant that has been stopped after its claim: its position, and the
 * slot that it will write to if it ever goes on. */
struct stopped {
	slip_a64 *slot;
	uint64_t at;
	uint64_t value;
};

/* A push that comes as far as its claim. */
static inline void push_half(struct slip_mpmc *q, struct stopped *s,
			     uint64_t value)
{
	s->value = value;
	slip_mpmc_announce_(q, 0, &s->value, 8);
	s->slot = slip_mpmc_take_place_(q, &s->at, 8);
	cr_assert(s->slot != NULL, "full");
}

/* The rest of it. */
static inline void push_rest(const struct stopped *s)
{
	memcpy(s->slot + 1, &s->value, 8);
	slip_mpmc_commit_(s->slot, s->at);
}

/* A push of `n` from `first` on that comes as far as its claim. */
static inline uint32_t push_run_half(struct slip_mpmc *q, struct stopped *s,
				     uint64_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t x = first + i;

		slip_mpmc_announce_(q, i, &x, 8);
	}
	s->value = first;
	n = slip_mpmc_take_places_(q, &s->at, n, 8);
	s->slot = slip_mpmc_slot_(q, s->at, 8);
	return n;
}

/* A pop that comes as far as its claim. */
static inline void pop_half(struct slip_mpmc *q, struct stopped *s)
{
	q->head = 0;
	cr_assert_eq(
		slip_mpmc_pop_shared_(q, &s->at, &s->slot, &s->value, false, 8),
		SLIP_MPMC_GO_, "nothing to pop");
	memcpy(&s->value, s->slot + 1, 8);
}

static inline void pop_rest(const struct slip_mpmc *q, const struct stopped *s)
{
	slip_mpmc_give_(q, s->slot, s->at);
}

#endif
