/* SPDX-License-Identifier: MIT */
/* What the tests of ring/broadcast.h share: elements whose every byte says which
 * one it is, and a reader's accounts. */
#ifndef SLIP_RING_TEST_BROADCAST_BENCH_H
#define SLIP_RING_TEST_BROADCAST_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "../broadcast.h"
#include "edge.h"

/* One writer, one reader, from the first element on. */
struct bench {
	void *mem;
	size_t bytes;
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	uint64_t got;  /* by took() */
	uint64_t lost; /* before those */
};

static inline void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *mem = aligned_alloc(64, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static inline void make(struct bench *b, uint64_t room, uint32_t elem_bytes,
			uint32_t writers, uint32_t readers)
{
	memset(b, 0, sizeof(*b));
	b->w.error = -EPIPE;
	b->r.error = -EPIPE;
	b->bytes = slip_broadcast_bytes(room, elem_bytes, writers, readers);
	b->mem = edge_memory(b->bytes);
	cr_assert(b->mem != NULL, "no memory");
	cr_assert_eq(slip_broadcast_init(b->mem, b->bytes, room, elem_bytes,
					 writers, readers, 0),
		     0, "init");
}

static inline void setup(struct bench *b, uint64_t room, uint32_t elem_bytes,
			 uint32_t readers)
{
	make(b, room, elem_bytes, 1, readers);
	cr_assert_eq(
		slip_broadcast_attach_writer(&b->w, b->mem, b->bytes, NULL), 0,
		"writer");
	cr_assert_eq(slip_broadcast_attach_reader(&b->r, b->mem, b->bytes, NULL,
						  SLIP_BROADCAST_OLDEST),
		     0, "reader");
}

static inline void teardown(struct bench *b)
{
	slip_broadcast_detach_writer(&b->w);
	slip_broadcast_detach_reader(&b->r);
	edge_free(b->mem, b->bytes);
}

static inline unsigned char byte_of(uint64_t n, uint32_t i)
{
	return (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static inline void fill(unsigned char *to, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = byte_of(n, i);
}

static inline bool filled(const unsigned char *what, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (what[i] != byte_of(n, i))
			return false;
	return true;
}

/* The length of record n. */
static inline uint32_t bytes_of(uint64_t n, uint32_t most)
{
	return (uint32_t)(n * 2654435761u % (most + 1));
}

static inline int write_one(struct slip_broadcast_writer *w)
{
	static unsigned char in[SLIP_BROADCAST_ELEM_MAX];
	uint64_t n = w->number + 1;
	uint32_t bytes = w->shape.elem_bytes ? w->shape.elem_bytes
					     : bytes_of(n, w->shape.max_bytes);

	fill(in, bytes, n);
	return slip_broadcast_write(w, in, bytes);
}

static inline void write_many(struct slip_broadcast_writer *w, uint64_t n)
{
	while (n--)
		cr_assert_eq(write_one(w), 0, "write");
}

/* Reads one, which is whole, and counts: 0, or why not. */
static inline int read_one(struct bench *b, struct slip_broadcast_reader *r)
{
	static unsigned char out[SLIP_BROADCAST_ELEM_MAX + 1];
	uint64_t before = r->at[0].told;
	uint32_t len = 0;
	uint64_t n;
	int rc;

	out[r->shape.max_bytes] = 0xee;
	rc = slip_broadcast_read(r, out, r->shape.max_bytes, &len);
	if (rc)
		return rc;
	n = slip_broadcast_number(r);
	cr_assert_eq(len,
		     r->shape.elem_bytes ? r->shape.elem_bytes
					 : bytes_of(n, r->shape.max_bytes),
		     "element %llu has %u", (unsigned long long)n, len);
	cr_assert(filled(out, len, n), "element %llu", (unsigned long long)n);
	cr_assert_eq(out[r->shape.max_bytes], 0xee, "beyond");
	if (r->shape.writers == 1)
		cr_assert_eq(before + slip_broadcast_lost(r) + 1, n,
			     "%llu lost", (unsigned long long)r->lost);
	b->got++;
	b->lost += slip_broadcast_lost(r);
	return 0;
}

static inline void read_all(struct bench *b)
{
	int rc;

	while ((rc = read_one(b, &b->r)) == 0)
		;
	cr_assert_eq(rc, -ENODATA, "%d", rc);
}

#endif
