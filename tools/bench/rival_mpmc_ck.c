/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's ring in its mode for many producers and consumers; one slot
 * of a capacity stays empty. It has no batches. */
#define _GNU_SOURCE
#include <errno.h>

#include "tools/bench/mpmc_loops.h"

#if __has_include(<ck_ring.h>)
#include <ck_ring.h>

/* Control block and slots are apart by its own design, so processes share it.
 */
struct queue {
	struct ck_ring ring;
	char apart[128];
	struct ck_ring_buffer slots[];
};

static size_t ring_bytes(const struct mpmc_shape *shape)
{
	return sizeof(struct queue) +
	       shape->capacity * sizeof(struct ck_ring_buffer);
}

static int ring_make(void *mem, const struct mpmc_shape *shape)
{
	struct queue *q = mem;

	ck_ring_init(&q->ring, shape->capacity);
	return 0;
}

SLIP_CORE uint32_t ring_push(struct mpmc_seat *s, const uint64_t *value,
			     uint32_t n)
{
	struct queue *q = s->queue;

	(void)n;
	/* Its 8-byte element is a pointer, which it never follows. */
	return ck_ring_enqueue_mpmc(&q->ring, q->slots,
				    (void *)(uintptr_t)*value);
}

SLIP_CORE uint32_t ring_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	struct queue *q = s->queue;
	void *got = NULL;

	(void)n;
	if (!ck_ring_dequeue_mpmc(&q->ring, q->slots, &got))
		return 0;
	*value = (uintptr_t)got;
	return 1;
}

MPMC_LOOPS(ring, ring_push, ring_pop, 8, 1);

const struct mpmc_queue mpmc_ck = {
	.bytes = ring_bytes,
	.make = ring_make,
	.single = MPMC_LOOPS_OF(ring),
};

#else

static int absent(void)
{
	return -ENOPKG;
}

const struct mpmc_queue mpmc_ck = { .find = absent };

#endif
