/* SPDX-License-Identifier: MIT */
/*
 * liburcu's wfcqueue: an exchange to enqueue, a lock among those who dequeue.
 * It links nodes of the caller's, by address, so it is for threads. It has no
 * bound: here each producer has its part of the capacity in nodes, which the
 * consumers send home, a few at once, through a wfcqueue too; that is quicker
 * than malloc and free for each. Batches go by splice, as its documentation
 * offers: splices need no lock among each other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/mpmc_loops.h"

#if __has_include(<urcu/wfcqueue.h>)
/* Its inline functions: the bench is free enough for that. */
#define _LGPL_SOURCE
#include <urcu/wfcqueue.h>

#define HOMEWARD 16u

/* The link comes first: its address is the node's. */
struct node {
	struct cds_wfcq_node link;
	uint64_t value;
	uint32_t home;
};
SLIP_STATIC_ASSERT(offsetof(struct node, link) == 0, "see node_of");

/* A queue without its lock, its ends apart as the header advises. */
struct chain {
	SLIP_ALIGNED(128) struct __cds_wfcq_head head;
	SLIP_ALIGNED(128) struct cds_wfcq_tail tail;
};

struct queue {
	SLIP_ALIGNED(128) struct cds_wfcq_head head;
	SLIP_ALIGNED(128) struct cds_wfcq_tail tail;
	struct chain homes[MPMC_SIDES];
	struct node nodes[];
};

/* A side's own: what it is about to push or has taken, and what goes home. */
struct own {
	struct chain some;
	struct chain back[MPMC_SIDES];
	uint32_t held[MPMC_SIDES];
};

static size_t wfc_bytes(const struct mpmc_shape *shape)
{
	return sizeof(struct queue) + shape->capacity * sizeof(struct node);
}

static int wfc_make(void *mem, const struct mpmc_shape *shape)
{
	struct queue *q = mem;

	if (shape->producers > MPMC_SIDES)
		return -EINVAL;
	cds_wfcq_init(&q->head, &q->tail);
	for (uint32_t i = 0; i < shape->producers; i++)
		__cds_wfcq_init(&q->homes[i].head, &q->homes[i].tail);
	for (uint32_t i = 0; i < shape->capacity; i++) {
		struct node *node = &q->nodes[i];

		node->home = i % shape->producers;
		cds_wfcq_node_init(&node->link);
		(void)cds_wfcq_enqueue(&q->homes[node->home].head,
				       &q->homes[node->home].tail, &node->link);
	}
	return 0;
}

static void wfc_destroy(void *mem)
{
	struct queue *q = mem;

	cds_wfcq_destroy(&q->head, &q->tail);
}

static int wfc_open(struct mpmc_seat *s)
{
	struct own *own = aligned_alloc(128, sizeof(*own));

	s->own = own;
	if (!own)
		return -ENOMEM;
	__cds_wfcq_init(&own->some.head, &own->some.tail);
	for (uint32_t i = 0; i < MPMC_SIDES; i++) {
		__cds_wfcq_init(&own->back[i].head, &own->back[i].tail);
		own->held[i] = 0;
	}
	return 0;
}

static void wfc_close(struct mpmc_seat *s)
{
	free(s->own);
}

SLIP_CORE bool wfc_is_node(const struct cds_wfcq_node *link)
{
	return link && link != CDS_WFCQ_WOULDBLOCK;
}

SLIP_CORE struct node *node_of(struct cds_wfcq_node *link)
{
	void *at = link;

	return at;
}

/* A node of ours, filled; NULL: all are out. */
SLIP_CORE struct node *wfc_fill(struct mpmc_seat *s, uint64_t value)
{
	struct queue *q = s->queue;
	struct chain *home = &q->homes[s->self];
	struct cds_wfcq_node *link =
		__cds_wfcq_dequeue_nonblocking(&home->head, &home->tail);
	struct node *node;

	if (!wfc_is_node(link))
		return NULL;
	node = node_of(link);
	cds_wfcq_node_init(&node->link);
	node->value = value;
	return node;
}

/* Its value, and the node goes home. */
SLIP_CORE uint64_t wfc_empty(struct mpmc_seat *s, struct cds_wfcq_node *link)
{
	struct node *node = node_of(link);
	uint64_t value = node->value;
	uint32_t home = node->home;
	struct queue *q = s->queue;
	struct own *own = s->own;
	struct chain *back = &own->back[home];

	cds_wfcq_node_init(&node->link);
	(void)cds_wfcq_enqueue(&back->head, &back->tail, &node->link);
	if (++own->held[home] == HOMEWARD) {
		own->held[home] = 0;
		(void)__cds_wfcq_splice_nonblocking(&q->homes[home].head,
						    &q->homes[home].tail,
						    &back->head, &back->tail);
	}
	return value;
}

SLIP_CORE uint32_t wfc_push(struct mpmc_seat *s, const uint64_t *value,
			    uint32_t n)
{
	struct queue *q = s->queue;
	struct node *node = wfc_fill(s, *value);

	(void)n;
	if (!node)
		return 0;
	(void)cds_wfcq_enqueue(&q->head, &q->tail, &node->link);
	return 1;
}

/* Not ..._blocking: that sleeps 10 ms if an enqueuer was interrupted. */
SLIP_CORE uint32_t wfc_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	struct queue *q = s->queue;
	struct cds_wfcq_node *link;

	(void)n;
	if (cds_wfcq_empty(&q->head, &q->tail))
		return 0;
	cds_wfcq_dequeue_lock(&q->head, &q->tail);
	link = __cds_wfcq_dequeue_nonblocking(&q->head, &q->tail);
	cds_wfcq_dequeue_unlock(&q->head, &q->tail);
	if (!wfc_is_node(link))
		return 0;
	*value = wfc_empty(s, link);
	return 1;
}

SLIP_CORE uint32_t wfc_push_n(struct mpmc_seat *s, const uint64_t *values,
			      uint32_t n)
{
	struct queue *q = s->queue;
	struct own *own = s->own;
	uint32_t went = 0;

	while (went < n) {
		struct node *node = wfc_fill(s, values[went]);

		if (!node)
			break;
		(void)cds_wfcq_enqueue(&own->some.head, &own->some.tail,
				       &node->link);
		went++;
	}
	if (went)
		(void)__cds_wfcq_splice_nonblocking(
			&q->head, &q->tail, &own->some.head, &own->some.tail);
	return went;
}

/* Takes all there is, and hands it out by and by. */
SLIP_CORE uint32_t wfc_pop_n(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	struct queue *q = s->queue;
	struct own *own = s->own;
	uint32_t came = 0;

	if (cds_wfcq_empty(&own->some.head, &own->some.tail))
		(void)__cds_wfcq_splice_nonblocking(
			&own->some.head, &own->some.tail, &q->head, &q->tail);
	while (came < n) {
		struct cds_wfcq_node *link = __cds_wfcq_dequeue_nonblocking(
			&own->some.head, &own->some.tail);

		if (!wfc_is_node(link))
			break;
		values[came++] = wfc_empty(s, link);
	}
	return came;
}

MPMC_LOOPS(wfc_1, wfc_push, wfc_pop, 8, 1);
MPMC_LOOPS(wfc_n, wfc_push_n, wfc_pop_n, 8, MPMC_BATCH);

const struct mpmc_queue mpmc_urcu = {
	.bytes = wfc_bytes,
	.make = wfc_make,
	.destroy = wfc_destroy,
	.open = wfc_open,
	.close = wfc_close,
	.single = MPMC_LOOPS_OF(wfc_1),
	.batch = MPMC_LOOPS_OF(wfc_n),
};

#else

static int absent(void)
{
	return -ENOPKG;
}

const struct mpmc_queue mpmc_urcu = { .find = absent };

#endif
