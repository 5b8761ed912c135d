/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring for many producers and consumers, in its three ways to
 * publish: in order of the tickets (MP/MC, the default), relaxed (RTS) and
 * serialised by heads that wait for their tails (HTS). All but making a ring is
 * inline; rte_ring_init comes from the library, if it can be loaded. One slot
 * of the count stays empty.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

#include "tools/bench/mpmc_loops.h"

#if __has_include(<rte_ring.h>)
#include <rte_config.h>

#include <rte_ring.h>

typedef ssize_t memsize_fn(unsigned count);
typedef int init_fn(struct rte_ring *r, const char *name, unsigned count,
		    unsigned flags);

static struct {
	memsize_fn *memsize;
	init_fn *init;
} rte;

static void *load(void)
{
	/* The ABI of a release is in the name; RTE_RING_... is that of the
	 * headers, which a library of another year need not fit. */
	static const char *const names[] = {
		"librte_ring.so.23", "librte_ring.so.24", "librte_ring.so.25",
		"librte_ring.so.26", "librte_ring.so"
	};
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(*names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

static int find(void)
{
	void *library;

	if (rte.init)
		return 0;
	library = load();
	if (!library)
		return -ENOPKG;
	/* As POSIX says it, for the sake of ISO C. */
	*(void **)&rte.memsize = dlsym(library, "rte_ring_get_memsize");
	*(void **)&rte.init = dlsym(library, "rte_ring_init");
	return rte.memsize && rte.init ? 0 : -ENOPKG;
}

static size_t ring_bytes(const struct mpmc_shape *shape)
{
	ssize_t bytes = rte.memsize(shape->capacity);

	return bytes > 0 ? (size_t)bytes : 0;
}

static int make_mp(void *mem, const struct mpmc_shape *shape)
{
	return rte.init(mem, "mp", shape->capacity, 0);
}

static int make_rts(void *mem, const struct mpmc_shape *shape)
{
	return rte.init(mem, "rts", shape->capacity,
			RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
}

static int make_hts(void *mem, const struct mpmc_shape *shape)
{
	return rte.init(mem, "hts", shape->capacity,
			RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ);
}

/*
 * The functions that name the mode, as its documentation has it: those without
 * look it up in the ring.
 */
SLIP_CORE uint32_t push_mp(struct mpmc_seat *s, const uint64_t *values,
			   uint32_t n)
{
	return rte_ring_mp_enqueue_burst_elem(s->queue, values, 8, n, NULL);
}

SLIP_CORE uint32_t pop_mp(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	return rte_ring_mc_dequeue_burst_elem(s->queue, values, 8, n, NULL);
}

SLIP_CORE uint32_t push_rts(struct mpmc_seat *s, const uint64_t *values,
			    uint32_t n)
{
	return rte_ring_mp_rts_enqueue_burst_elem(s->queue, values, 8, n, NULL);
}

SLIP_CORE uint32_t pop_rts(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	return rte_ring_mc_rts_dequeue_burst_elem(s->queue, values, 8, n, NULL);
}

SLIP_CORE uint32_t push_hts(struct mpmc_seat *s, const uint64_t *values,
			    uint32_t n)
{
	return rte_ring_mp_hts_enqueue_burst_elem(s->queue, values, 8, n, NULL);
}

SLIP_CORE uint32_t pop_hts(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	return rte_ring_mc_hts_dequeue_burst_elem(s->queue, values, 8, n, NULL);
}

MPMC_LOOPS(mp_1, push_mp, pop_mp, 8, 1);
MPMC_LOOPS(mp_n, push_mp, pop_mp, 8, MPMC_BATCH);
MPMC_LOOPS(rts_1, push_rts, pop_rts, 8, 1);
MPMC_LOOPS(rts_n, push_rts, pop_rts, 8, MPMC_BATCH);
MPMC_LOOPS(hts_1, push_hts, pop_hts, 8, 1);
MPMC_LOOPS(hts_n, push_hts, pop_hts, 8, MPMC_BATCH);

const struct mpmc_queue mpmc_dpdk_mp = {
	.find = find,
	.bytes = ring_bytes,
	.make = make_mp,
	.single = MPMC_LOOPS_OF(mp_1),
	.batch = MPMC_LOOPS_OF(mp_n),
};
const struct mpmc_queue mpmc_dpdk_rts = {
	.find = find,
	.bytes = ring_bytes,
	.make = make_rts,
	.single = MPMC_LOOPS_OF(rts_1),
	.batch = MPMC_LOOPS_OF(rts_n),
};
const struct mpmc_queue mpmc_dpdk_hts = {
	.find = find,
	.bytes = ring_bytes,
	.make = make_hts,
	.single = MPMC_LOOPS_OF(hts_1),
	.batch = MPMC_LOOPS_OF(hts_n),
};

#else

static int absent(void)
{
	return -ENOPKG;
}

const struct mpmc_queue mpmc_dpdk_mp = { .find = absent };
const struct mpmc_queue mpmc_dpdk_rts = { .find = absent };
const struct mpmc_queue mpmc_dpdk_hts = { .find = absent };

#endif
