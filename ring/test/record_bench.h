/* SPDX-License-Identifier: MIT */
/* A record ring under test with both its handles, and bytes to send. */
#ifndef SLIP_RING_TEST_RECORD_BENCH_H
#define SLIP_RING_TEST_RECORD_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "../record.h"

/*
 * A padded ring lies in memory of its exact size, so that ASan sees a step
 * outside; a mirrored one in a memfd region, of which `self` is a member.
 */
struct bench {
	void *mem;
	size_t bytes;
	size_t capacity;
	bool mirrored;
	struct slip_region rg;
	struct slip_peer self;
	struct slip_record_producer p;
	struct slip_record_consumer c;
};

/* Room for records of no bytes. */
static unsigned char none[1];

/* Filled with rubbish: a ring assumes nothing of what it is made from. */
static inline void *fresh_memory(size_t align, size_t bytes)
{
	size_t whole = (bytes + align - 1) / align * align;
	void *mem = aligned_alloc(align, whole);

	cr_assert(mem != NULL, "no memory");
	memset(mem, 0xa5, whole);
	return mem;
}

static inline struct slip_peer *self_of(struct bench *b)
{
	return b->mirrored ? &b->self : NULL;
}

static inline void attach_producer(struct bench *b)
{
	cr_assert_eq(slip_record_attach_producer(&b->p, b->mem, b->bytes,
						 self_of(b)),
		     0, "attach producer");
}

static inline void attach_consumer(struct bench *b)
{
	cr_assert_eq(slip_record_attach_consumer(&b->c, b->mem, b->bytes,
						 self_of(b)),
		     0, "attach consumer");
}

static inline void setup(struct bench *b, size_t capacity, unsigned flags)
{
	b->capacity = capacity;
	b->mirrored = flags & SLIP_RECORD_MIRROR;
	b->bytes = slip_record_bytes(capacity, flags);
	if (b->mirrored) {
		cr_assert_eq(
			slip_region_create(&b->rg, b->bytes, SLIP_REGION_MEMFD),
			0, "region");
		b->mem = slip_region_add(&b->rg, "ring", SLIP_KIND_RECORD,
					 b->bytes);
		cr_assert(b->mem != NULL, "object");
		memset(b->mem, 0xa5, b->bytes);
	} else {
		b->mem = fresh_memory(64, b->bytes);
	}
	cr_assert_eq(slip_record_init(b->mem, b->bytes, capacity, flags), 0,
		     "init");
	if (b->mirrored) {
		cr_assert_eq(slip_region_publish(&b->rg, NULL, 0), 0, "region");
		cr_assert_eq(slip_peer_join(&b->self, &b->rg), 0, "join");
	}
	attach_producer(b);
	attach_consumer(b);
}

/* Handles that have left already may be given once more. */
static inline void teardown(struct bench *b)
{
	slip_record_detach_producer(&b->p);
	slip_record_detach_consumer(&b->c);
	if (b->mirrored) {
		slip_peer_leave(&b->self);
		slip_region_close(&b->rg);
	} else {
		free(b->mem);
	}
}

/* Every byte of record `n` depends on n and on its place. */
static inline void fill(void *data, uint64_t bytes, uint64_t n)
{
	unsigned char *at = data;

	for (uint64_t i = 0; i < bytes; i++)
		at[i] = (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static inline bool filled(const void *data, uint64_t bytes, uint64_t n)
{
	const unsigned char *at = data;

	for (uint64_t i = 0; i < bytes; i++)
		if (at[i] != (unsigned char)(n * 31 + i * 7 + (n >> 8)))
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

#endif
