/* SPDX-License-Identifier: MIT */
/* What the tests of ring/latest.h share: values whose every byte says which one
 * it is, and memory in which a step outside shows. */
#ifndef SLIP_RING_TEST_LATEST_BENCH_H
#define SLIP_RING_TEST_LATEST_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "../latest.h"

struct bench {
	void *mem;
	size_t bytes;
	struct slip_latest_writer w;
	struct slip_latest_reader r;
};

static inline void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *mem = aligned_alloc(64, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static inline void attach_both(struct bench *b)
{
	cr_assert_eq(slip_latest_attach_writer(&b->w, b->mem, b->bytes, NULL),
		     0, "writer");
	cr_assert_eq(slip_latest_attach_reader(&b->r, b->mem, b->bytes, NULL),
		     0, "reader");
}

static inline void setup(struct bench *b, uint32_t slots, uint32_t value_bytes)
{
	b->bytes = slip_latest_bytes(slots, value_bytes);
	b->mem = fresh_memory(b->bytes);
	cr_assert(b->mem != NULL, "no memory");
	cr_assert_eq(slip_latest_init(b->mem, b->bytes, slots, value_bytes, 0),
		     0, "init");
	attach_both(b);
}

static inline void teardown(struct bench *b)
{
	slip_latest_detach_writer(&b->w);
	slip_latest_detach_reader(&b->r);
	free(b->mem);
}

static inline unsigned char byte_of(uint64_t n, uint32_t i)
{
	return (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static inline void fill(unsigned char *value, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		value[i] = byte_of(n, i);
}

static inline bool filled(const unsigned char *value, uint32_t bytes,
			  uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (value[i] != byte_of(n, i))
			return false;
	return true;
}

static inline void write_one(struct slip_latest_writer *w, uint64_t n)
{
	cr_assert_eq(slip_latest_write(w, &n, sizeof(n)), 0, "write");
}

static inline void expect(struct slip_latest_reader *r, uint64_t n)
{
	uint64_t x = ~n;
	uint32_t len = 0;

	cr_assert_eq(slip_latest_read(r, &x, sizeof(x), &len), 0, "read");
	cr_assert_eq(len, sizeof(x), "length %u", len);
	cr_assert_eq(x, n, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)n);
}

#endif
