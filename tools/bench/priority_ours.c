/* SPDX-License-Identifier: MIT */
/*
 * Our ring with levels by the loops of the suite "mpmc": by peers, with 4 levels
 * and with 64, strict and ageing. An element's number says its level: neighbours
 * have different ones.
 */
#include <errno.h>

#include "futex/peer.h"
#include "ring/priority.h"
#include "tools/bench/mpmc_loops.h"
#include "tools/bench/priority_queues.h"

SLIP_PRIORITY_DEFINE(p8, uint64_t);

/* The parent's, inherited by the sides; and of a side, which is a process of
 * its own. */
static struct slip_region made;
static struct {
	struct slip_region rg;
	struct slip_peer peer;
	struct slip_priority q;
} side;

/* All of it lies in the region. */
static size_t ours_bytes(const struct mpmc_shape *shape)
{
	return shape->elem_bytes == 8;
}

static int make(const struct mpmc_shape *shape, uint32_t levels, unsigned flags)
{
	size_t bytes = p8_bytes(levels, shape->capacity, flags);
	void *ring;
	int rc = slip_region_create(&made, bytes, SLIP_REGION_MEMFD);

	if (!rc)
		rc = slip_region_place(&made, "ring", SLIP_KIND_PRIORITY, bytes,
				       &ring);
	if (!rc)
		rc = p8_init(ring, bytes, levels, shape->capacity, flags);
	return rc ? rc : slip_region_publish(&made, NULL, 0600);
}

static int make_4(void *mem, const struct mpmc_shape *shape)
{
	(void)mem;
	return make(shape, 4, 0);
}

static int make_ageing(void *mem, const struct mpmc_shape *shape)
{
	(void)mem;
	return make(shape, 4, SLIP_PRIORITY_AGEING(16));
}

static int make_64(void *mem, const struct mpmc_shape *shape)
{
	(void)mem;
	return make(shape, 64, 0);
}

static void ours_destroy(void *mem)
{
	(void)mem;
	slip_region_close(&made);
}

static int ours_open(struct mpmc_seat *s)
{
	int rc = slip_region_adopt(&side.rg, slip_region_fd(&made),
				   SLIP_REGION_MEMFD);
	size_t bytes;
	void *ring;

	if (rc)
		return rc;
	ring = slip_region_find(&side.rg, "ring", SLIP_KIND_PRIORITY, &bytes);
	if (!ring)
		return -ENOENT;
	rc = slip_peer_join(&side.peer, &side.rg);
	return rc ? rc
		  : p8_attach(&side.q, ring, bytes,
			      (s->producer ? SLIP_PRODUCER : 0) |
				      (s->consumer ? SLIP_CONSUMER : 0),
			      &side.peer);
}

/* The kernel takes back the rest when the side ends. */
static void ours_close(struct mpmc_seat *s)
{
	(void)s;
	slip_priority_detach(&side.q);
}

SLIP_CORE uint32_t push_4(struct mpmc_seat *s, const uint64_t *elem, uint32_t n)
{
	(void)s;
	(void)n;
	return p8_push(&side.q, elem, *elem % 4);
}

SLIP_CORE uint32_t push_64(struct mpmc_seat *s, const uint64_t *elem,
			   uint32_t n)
{
	(void)s;
	(void)n;
	return p8_push(&side.q, elem, *elem % 64);
}

SLIP_CORE uint32_t pop(struct mpmc_seat *s, uint64_t *elem, uint32_t n)
{
	uint32_t level;

	(void)s;
	(void)n;
	return p8_pop(&side.q, elem, &level);
}

MPMC_LOOPS(of_4, push_4, pop, 8, 1);
MPMC_LOOPS(of_64, push_64, pop, 8, 1);

/* clang-format off */
#define OURS(makes, loops)                                                  \
	{ .bytes = ours_bytes, .make = makes, .destroy = ours_destroy,      \
	  .open = ours_open, .close = ours_close,                           \
	  .single = MPMC_LOOPS_OF(loops) }
/* clang-format on */

const struct mpmc_queue priority_ours = OURS(make_4, of_4);
const struct mpmc_queue priority_ours_ageing = OURS(make_ageing, of_4);
const struct mpmc_queue priority_ours_64 = OURS(make_64, of_64);
