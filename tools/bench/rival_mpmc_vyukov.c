/* SPDX-License-Identifier: MIT */
/*
 * A reference, not a rival from a package: the bounded MPMC queue of Dmitry
 * Vyukov, written anew from his description ("Bounded MPMC queue",
 * 1024cores.net): each slot has a sequence number that says whose turn it is,
 * full and empty need no other index. Packed slots of 16 bytes, as that is
 * quickest on few processors; and of 64 for elements of 56.
 */
#define _GNU_SOURCE
#include "tools/bench/mpmc_loops.h"

struct slot {
	slip_a64 turn;
	uint64_t elem[];
};

struct queue {
	uint64_t mask;
	char apart0[120];
	slip_a64 tail;
	char apart1[120];
	slip_a64 head;
	char apart2[120];
	slip_a64 slots[];
};

static size_t vyukov_bytes(const struct mpmc_shape *shape)
{
	return sizeof(struct queue) +
	       shape->capacity * (shape->elem_bytes + sizeof(struct slot));
}

SLIP_CORE struct slot *vyukov_slot(struct queue *q, uint64_t i, uint32_t bytes)
{
	uint64_t words = (bytes + sizeof(struct slot)) / sizeof(q->slots[0]);
	void *slot = &q->slots[i * words];

	return slot;
}

static int vyukov_make(void *mem, const struct mpmc_shape *shape)
{
	struct queue *q = mem;

	q->mask = shape->capacity - 1;
	/* init: no side is there yet */
	for (uint64_t i = 0; i < shape->capacity; i++)
		slip_a64_store_relaxed(
			&vyukov_slot(q, i, shape->elem_bytes)->turn, i);
	return 0;
}

SLIP_CORE uint32_t vyukov_push_of(struct mpmc_seat *s, const uint64_t *elem,
				  uint32_t bytes)
{
	struct queue *q = s->queue;
	uint64_t mask = q->mask;
	/* hint: the CAS tells */
	uint64_t at = slip_a64_load_relaxed(&q->tail);
	struct slot *slot;

	for (;;) {
		int64_t lag;

		slot = vyukov_slot(q, at & mask, bytes);
		/* With the release in pop: the value there was read. */
		lag = (int64_t)(slip_a64_load_acquire(&slot->turn) - at);
		if (lag < 0)
			return 0;
		if (lag > 0) /* hint */
			at = slip_a64_load_relaxed(&q->tail);
		else if (slip_a64_cas_relaxed(&q->tail, &at, at + 1))
			break;
	}
	__builtin_memcpy(slot->elem, elem, bytes);
	/* With the acquire in pop: the value is there. */
	slip_a64_store_release(&slot->turn, at + 1);
	return 1;
}

SLIP_CORE uint32_t vyukov_pop_of(struct mpmc_seat *s, uint64_t *elem,
				 uint32_t bytes)
{
	struct queue *q = s->queue;
	uint64_t mask = q->mask;
	/* hint: the CAS tells */
	uint64_t at = slip_a64_load_relaxed(&q->head);
	struct slot *slot;

	for (;;) {
		int64_t lag;

		slot = vyukov_slot(q, at & mask, bytes);
		/* With the release in push: the value is there. */
		lag = (int64_t)(slip_a64_load_acquire(&slot->turn) - (at + 1));
		if (lag < 0)
			return 0;
		if (lag > 0) /* hint */
			at = slip_a64_load_relaxed(&q->head);
		else if (slip_a64_cas_relaxed(&q->head, &at, at + 1))
			break;
	}
	__builtin_memcpy(elem, slot->elem, bytes);
	/* With the acquire in push, a lap later. */
	slip_a64_store_release(&slot->turn, at + mask + 1);
	return 1;
}

#define SIZED(bytes)                                                        \
	SLIP_CORE uint32_t push_##bytes(struct mpmc_seat *s,                \
					const uint64_t *elem, uint32_t n)   \
	{                                                                   \
		(void)n;                                                    \
		return vyukov_push_of(s, elem, bytes);                      \
	}                                                                   \
	SLIP_CORE uint32_t pop_##bytes(struct mpmc_seat *s, uint64_t *elem, \
				       uint32_t n)                          \
	{                                                                   \
		(void)n;                                                    \
		return vyukov_pop_of(s, elem, bytes);                       \
	}                                                                   \
	MPMC_LOOPS(vyukov_##bytes, push_##bytes, pop_##bytes, bytes, 1)

SIZED(8);
SIZED(56);

const struct mpmc_queue mpmc_vyukov = {
	.bytes = vyukov_bytes,
	.make = vyukov_make,
	.single = MPMC_LOOPS_OF(vyukov_8),
	.wide = MPMC_LOOPS_OF(vyukov_56),
};
