/* SPDX-License-Identifier: MIT */
/*
 * liburcu's wfcqueue with nodes from malloc, as one takes them who knows no bound: an
 * exchange to enqueue, a lock among those who dequeue; a node is free when it is out.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/chain_window.h"

/* Its inline functions: the bench is free enough for that. */
#define _LGPL_SOURCE
#include <urcu/wfcqueue.h>

static int open_side(struct mpmc_seat *s)
{
	s->own = calloc(1, sizeof(struct chain_side));
	return s->own ? 0 : -ENOMEM;
}

static void close_side(struct mpmc_seat *s)
{
	free(s->own);
}

struct wfc_node {
	struct cds_wfcq_node link; /* first */
	uint64_t value;
};

struct ends {
	SLIP_ALIGNED(128) struct cds_wfcq_head head;
	SLIP_ALIGNED(128) struct cds_wfcq_tail tail;
};

/* The ends are of the process whose threads use them, as what they name. */
struct wfc {
	struct chain_window window;
	struct ends *ends;
};

static size_t wfc_bytes(const struct mpmc_shape *shape)
{
	(void)shape;
	return sizeof(struct wfc);
}

static int wfc_make(void *mem, const struct mpmc_shape *shape)
{
	struct wfc *q = mem;

	(void)shape;
	q->ends = aligned_alloc(128, sizeof(*q->ends));
	if (!q->ends)
		return -ENOMEM;
	cds_wfcq_init(&q->ends->head, &q->ends->tail);
	return 0;
}

static void wfc_destroy(void *mem)
{
	struct wfc *q = mem;

	cds_wfcq_destroy(&q->ends->head, &q->ends->tail);
	free(q->ends);
}

SLIP_CORE struct ends *ends_of(const struct mpmc_seat *s)
{
	struct wfc *q = s->queue;

	return q->ends;
}

SLIP_CORE uint32_t wfc_push(struct mpmc_seat *s, const uint64_t *value,
			    uint32_t n)
{
	struct ends *q = ends_of(s);
	struct wfc_node *node = malloc(sizeof(*node));

	(void)n;
	if (!node)
		return 0;
	cds_wfcq_node_init(&node->link);
	node->value = *value;
	(void)cds_wfcq_enqueue(&q->head, &q->tail, &node->link);
	return 1;
}

/* Not ..._blocking: that sleeps 10 ms if an enqueuer was interrupted. */
SLIP_CORE uint32_t wfc_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	struct ends *q = ends_of(s);
	struct cds_wfcq_node *link;
	struct wfc_node *node;

	(void)n;
	if (cds_wfcq_empty(&q->head, &q->tail))
		return 0;
	cds_wfcq_dequeue_lock(&q->head, &q->tail);
	link = __cds_wfcq_dequeue_nonblocking(&q->head, &q->tail);
	cds_wfcq_dequeue_unlock(&q->head, &q->tail);
	if (!link || link == CDS_WFCQ_WOULDBLOCK)
		return 0;
	node = (void *)link;
	*value = node->value;
	free(node);
	return 1;
}

CHAIN_LOOPS(wfc_1, wfc_push, wfc_pop, 8, 1);

const struct mpmc_queue chain_wfcqueue = {
	.bytes = wfc_bytes,
	.make = wfc_make,
	.destroy = wfc_destroy,
	.open = open_side,
	.close = close_side,
	.single = MPMC_LOOPS_OF(wfc_1),
};
