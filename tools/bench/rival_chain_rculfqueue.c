/* SPDX-License-Identifier: MIT */
/*
 * liburcu's rculfqueue, with what it leaves to its users: nodes from malloc, as one
 * takes them who knows no bound, freed after a grace period; operations inside
 * RCU read-side sections. Lock-free at both ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "ring/rcu.h"
#include "tools/bench/chain_window.h"

/* Its inline functions: the bench is free enough for that. rcu.h's are called, as
 * chain.h's are. */
#define _LGPL_SOURCE
#include <urcu/rculfqueue.h>

static int open_side(struct mpmc_seat *s)
{
	s->own = calloc(1, sizeof(struct chain_side));
	return s->own ? 0 : -ENOMEM;
}

static void close_side(struct mpmc_seat *s)
{
	free(s->own);
}

struct lf_node {
	struct cds_lfq_node_rcu link; /* first */
	struct rcu_head later;
	uint64_t value;
};

/* The ends are of the process whose threads use them, as what they name. */
struct lf {
	struct chain_window window;
	struct cds_lfq_queue_rcu *q;
};

SLIP_STATIC_ASSERT(sizeof(struct cds_lfq_queue_rcu) <= 128, "as allocated");

static size_t lf_bytes(const struct mpmc_shape *shape)
{
	(void)shape;
	return sizeof(struct lf);
}

static int lf_make(void *mem, const struct mpmc_shape *shape)
{
	struct lf *lf = mem;

	(void)shape;
	lf->q = aligned_alloc(128, 128);
	if (!lf->q)
		return -ENOMEM;
	cds_lfq_init_rcu(lf->q, SLIP_URCU_(_call_rcu));
	return 0;
}

static void lf_destroy(void *mem)
{
	struct lf *lf = mem;

	(void)cds_lfq_destroy_rcu(lf->q);
	slip_rcu_settle_(lf);
	free(lf->q);
}

static void lf_free(struct rcu_head *later)
{
	uintptr_t at = (uintptr_t)later - offsetof(struct lf_node, later);

	free((void *)at);
}

SLIP_CORE uint32_t lf_push(struct mpmc_seat *s, const uint64_t *value,
			   uint32_t n)
{
	struct lf *lf = s->queue;
	struct lf_node *node = malloc(sizeof(*node));

	(void)n;
	if (!node)
		return 0;
	cds_lfq_node_init_rcu(&node->link);
	node->value = *value;
	slip_rcu_enter_();
	cds_lfq_enqueue_rcu(lf->q, &node->link);
	slip_rcu_leave_(lf);
	return 1;
}

SLIP_CORE uint32_t lf_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	struct lf *lf = s->queue;
	struct cds_lfq_node_rcu *link;
	struct lf_node *node;

	(void)n;
	slip_rcu_enter_();
	link = cds_lfq_dequeue_rcu(lf->q);
	slip_rcu_leave_(lf);
	if (!link)
		return 0;
	node = (void *)link;
	*value = node->value;
	slip_rcu_later_(&node->later, lf_free);
	return 1;
}

CHAIN_LOOPS(lf_1, lf_push, lf_pop, 8, 1);

const struct mpmc_queue chain_rculfqueue = {
	.bytes = lf_bytes,
	.make = lf_make,
	.destroy = lf_destroy,
	.open = open_side,
	.close = close_side,
	.single = MPMC_LOOPS_OF(lf_1),
};
