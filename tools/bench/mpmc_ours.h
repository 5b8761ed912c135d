/* SPDX-License-Identifier: MIT */
/*
 * Our mpmc ring as the suite "mpmc" sees it: a region of its own, which each
 * side opens as any user would, and the public calls with the element's type
 * known. Once more with a hook in slip_copy: see mpmc_ours_hooked.c.
 */
#ifndef SLIP_TOOLS_BENCH_MPMC_OURS_H
#define SLIP_TOOLS_BENCH_MPMC_OURS_H

#include <errno.h>

#include "futex/peer.h"
#include "ring/mpmc.h"
#include "tools/bench/mpmc_loops.h"

struct of_56 {
	uint64_t word[7];
};
SLIP_MPMC_DEFINE(r8, uint64_t);
SLIP_MPMC_DEFINE(r56, struct of_56);

/* The parent's, inherited by the sides; and of a side, which is a process of
 * its own. */
static struct slip_region made;
static struct {
	struct slip_region rg;
	struct slip_peer peer;
	struct slip_mpmc q;
} side;

/* All of it lies in the region. */
static size_t ours_bytes(const struct mpmc_shape *shape)
{
	(void)shape;
	return 1;
}

static int ours_make(void *mem, const struct mpmc_shape *shape)
{
	size_t bytes = slip_mpmc_bytes(shape->capacity, shape->elem_bytes, 0);
	void *ring;
	int rc = slip_region_create(&made, bytes, SLIP_REGION_MEMFD);

	(void)mem;
	if (!rc)
		rc = slip_region_place(&made, "ring", SLIP_KIND_MPMC, bytes,
				       &ring);
	if (!rc)
		rc = slip_mpmc_init(ring, bytes, shape->capacity,
				    shape->elem_bytes, 0);
	return rc ? rc : slip_region_publish(&made, NULL, 0600);
}

static void ours_destroy(void *mem)
{
	(void)mem;
	slip_region_close(&made);
}

static unsigned ours_roles(const struct mpmc_seat *s)
{
	return (s->producer ? SLIP_PRODUCER : 0) |
	       (s->consumer ? SLIP_CONSUMER : 0);
}

static int ours_attach(unsigned roles, bool joined)
{
	int rc = slip_region_adopt(&side.rg, slip_region_fd(&made),
				   SLIP_REGION_MEMFD);
	size_t bytes;
	void *ring;

	if (rc)
		return rc;
	ring = slip_region_find(&side.rg, "ring", SLIP_KIND_MPMC, &bytes);
	if (!ring)
		return -ENOENT;
	if (joined)
		rc = slip_peer_join(&side.peer, &side.rg);
	return rc ? rc
		  : slip_mpmc_attach(&side.q, ring, bytes, roles,
				     joined ? &side.peer : NULL);
}

static int ours_open(struct mpmc_seat *s)
{
	return ours_attach(ours_roles(s), true);
}

/* The kernel takes back the rest when the side ends. */
static void ours_close(struct mpmc_seat *s)
{
	(void)s;
	slip_mpmc_detach(&side.q);
}

SLIP_CORE uint32_t push_8(struct mpmc_seat *s, const uint64_t *elem, uint32_t n)
{
	(void)s;
	(void)n;
	return r8_push(&side.q, elem);
}

SLIP_CORE uint32_t pop_8(struct mpmc_seat *s, uint64_t *elem, uint32_t n)
{
	(void)s;
	(void)n;
	return r8_pop(&side.q, elem);
}

MPMC_LOOPS(one, push_8, pop_8, 8, 1);

#endif
