/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's ck_ring, one producer and one consumer. Its control block
 * and its buffer are arguments of each call, so both can be in shared memory.
 * The typed calls are used, as its header recommends for anything that is not a
 * pointer. One slot stays empty. It has no batches.
 */
#include <errno.h>

#include "tools/bench/spsc_loops.h"

#if __has_include(<ck_ring.h>)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <ck_ring.h>

struct ck_8 {
	uint64_t word[1];
};
struct ck_56 {
	uint64_t word[7];
};
struct ck_64 {
	uint64_t word[8];
};

CK_RING_PROTOTYPE(of_8, ck_8)
CK_RING_PROTOTYPE(of_56, ck_56)
CK_RING_PROTOTYPE(of_64, ck_64)
#pragma GCC diagnostic pop

/* The buffer stands behind the control block. */
#define BUFFER_AT 512u
SLIP_STATIC_ASSERT(sizeof(struct ck_ring) <= BUFFER_AT, "no room for ck_ring");

static size_t ring_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	return BUFFER_AT + (size_t)capacity * elem_bytes;
}

static int make(void *mem, size_t bytes, uint32_t capacity, uint32_t elem_bytes)
{
	(void)bytes;
	(void)elem_bytes;
	ck_ring_init((struct ck_ring *)mem, capacity);
	return 0;
}

#define CK_CALLS(size)                                                        \
	SLIP_CORE uint32_t push_##size(struct spsc_seat *s, const void *from, \
				       uint32_t n)                            \
	{                                                                     \
		struct ck_##size *buffer =                                    \
			(void *)((char *)s->out + BUFFER_AT);                 \
		struct ck_##size value = *(const struct ck_##size *)from;     \
                                                                              \
		(void)n;                                                      \
		return CK_RING_ENQUEUE_SPSC(of_##size, s->out, buffer,        \
					    &value);                          \
	}                                                                     \
	SLIP_CORE uint32_t pop_##size(struct spsc_seat *s, void *to,          \
				      uint32_t n)                             \
	{                                                                     \
		struct ck_##size *buffer =                                    \
			(void *)((char *)s->in + BUFFER_AT);                  \
                                                                              \
		(void)n;                                                      \
		return CK_RING_DEQUEUE_SPSC(of_##size, s->in, buffer,         \
					    (struct ck_##size *)to);          \
	}                                                                     \
	SPSC_STREAM(ck_##size, push_##size, pop_##size, size, 1)

CK_CALLS(8);
CK_CALLS(56);
CK_CALLS(64);
SPSC_TRIPS(ck_8, push_8, pop_8);

static const struct spsc_kind kinds[] = {
	{ 0, 8, 1, ring_bytes, make, NULL, ck_8_produce, ck_8_consume, ck_8_ask,
	  ck_8_echo },
	{ 0, 8, SPSC_BATCH, ring_bytes, make, NULL, ck_8_produce, ck_8_consume,
	  NULL, NULL },
	{ 0, 56, 1, ring_bytes, make, NULL, ck_56_produce, ck_56_consume, NULL,
	  NULL },
	{ 0, 64, 1, ring_bytes, make, NULL, ck_64_produce, ck_64_consume, NULL,
	  NULL },
};
const struct spsc_queue spsc_ck = {
	.kinds = kinds,
	.count = sizeof(kinds) / sizeof(*kinds),
};

#else

static int absent(void)
{
	return -ENOPKG;
}

const struct spsc_queue spsc_ck = { .find = absent };

#endif
