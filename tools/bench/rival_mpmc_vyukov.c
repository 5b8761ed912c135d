/* SPDX-License-Identifier: MIT */
/*
 * A reference, not a rival from a package: the bounded MPMC queue of Dmitry
 * Vyukov, written anew from his description ("Bounded MPMC queue",
 * 1024cores.net): each slot has a sequence number that says whose turn it is,
 * full and empty need no other index. Packed slots of 16 bytes, as that is
 * quickest on few processors.
 */
#define _GNU_SOURCE
#include "tools/bench/mpmc_loops.h"

struct slot {
	slip_a64 turn;
	uint64_t value;
};

struct queue {
	uint64_t mask;
	char apart0[120];
	slip_a64 tail;
	char apart1[120];
	slip_a64 head;
	char apart2[120];
	struct slot slots[];
};

static size_t vyukov_bytes(const struct mpmc_shape *shape)
{
	return sizeof(struct queue) + shape->capacity * sizeof(struct slot);
}

static int vyukov_make(void *mem, const struct mpmc_shape *shape)
{
	struct queue *q = mem;

	q->mask = shape->capacity - 1;
	/* init: no side is there yet */
	for (uint64_t i = 0; i < shape->capacity; i++)
		slip_a64_store_relaxed(&q->slots[i].turn, i);
	return 0;
}

SLIP_CORE uint32_t vyukov_push(struct mpmc_seat *s, const uint64_t *value,
			       uint32_t n)
{
	struct queue *q = s->queue;
	uint64_t mask = q->mask;
	/* hint: the CAS tells */
	uint64_t at = slip_a64_load_relaxed(&q->tail);
	struct slot *slot;

	(void)n;
	for (;;) {
		int64_t lag;

		slot = &q->slots[at & mask];
		/* With the release in pop: the value there was read. */
		lag = (int64_t)(slip_a64_load_acquire(&slot->turn) - at);
		if (lag < 0)
			return 0;
		if (lag > 0) /* hint */
			at = slip_a64_load_relaxed(&q->tail);
		else if (slip_a64_cas_relaxed(&q->tail, &at, at + 1))
			break;
	}
	slot->value = *value;
	/* With the acquire in pop: the value is there. */
	slip_a64_store_release(&slot->turn, at + 1);
	return 1;
}

SLIP_CORE uint32_t vyukov_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	struct queue *q = s->queue;
	uint64_t mask = q->mask;
	/* hint: the CAS tells */
	uint64_t at = slip_a64_load_relaxed(&q->head);
	struct slot *slot;

	(void)n;
	for (;;) {
		int64_t lag;

		slot = &q->slots[at & mask];
		/* With the release in push: the value is there. */
		lag = (int64_t)(slip_a64_load_acquire(&slot->turn) - (at + 1));
		if (lag < 0)
			return 0;
		if (lag > 0) /* hint */
			at = slip_a64_load_relaxed(&q->head);
		else if (slip_a64_cas_relaxed(&q->head, &at, at + 1))
			break;
	}
	*value = slot->value;
	/* With the acquire in push, a lap later. */
	slip_a64_store_release(&slot->turn, at + mask + 1);
	return 1;
}

MPMC_LOOPS(vyukov, vyukov_push, vyukov_pop, 1);

const struct mpmc_queue mpmc_vyukov = {
	.bytes = vyukov_bytes,
	.make = vyukov_make,
	.single = MPMC_LOOPS_OF(vyukov),
};
