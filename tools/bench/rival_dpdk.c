/* SPDX-License-Identifier: MIT */
/*
 * DPDK's rte_ring for one producer and one consumer, with elements in the ring
 * (rte_ring_elem). All but making a ring is inline; rte_ring_init comes from
 * the library, if it can be loaded. The calls name their mode, as those without
 * look it up in the ring. One slot stays empty.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

#include "tools/bench/spsc_loops.h"

#if __has_include(<rte_ring.h>)
#include <rte_config.h>

#include <rte_ring.h>

typedef int init_fn(struct rte_ring *r, const char *name, unsigned count,
		    unsigned flags);
static init_fn *rte_init;

static int find(void)
{
	static const char *const names[] = {
		"librte_ring.so.23", "librte_ring.so.24", "librte_ring.so.25",
		"librte_ring.so.26", "librte_ring.so"
	};
	void *library = NULL;

	if (rte_init)
		return 0;
	for (size_t i = 0; !library && i < sizeof(names) / sizeof(*names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return -ENOPKG;
	/* As POSIX says it, for the sake of ISO C. */
	*(void **)&rte_init = dlsym(library, "rte_ring_init");
	return rte_init ? 0 : -ENOPKG;
}

static size_t ring_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	return sizeof(struct rte_ring) + (size_t)capacity * elem_bytes;
}

static int make(void *mem, size_t bytes, uint32_t capacity, uint32_t elem_bytes)
{
	(void)bytes;
	(void)elem_bytes;
	return rte_init(mem, "spsc", capacity, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

#define DPDK_CALLS(size)                                                      \
	SLIP_CORE uint32_t push_##size(struct spsc_seat *s, const void *from, \
				       uint32_t n)                            \
	{                                                                     \
		(void)n;                                                      \
		return rte_ring_sp_enqueue_bulk_elem(s->out, from, size, 1,   \
						     NULL);                   \
	}                                                                     \
	SLIP_CORE uint32_t pop_##size(struct spsc_seat *s, void *to,          \
				      uint32_t n)                             \
	{                                                                     \
		(void)n;                                                      \
		return rte_ring_sc_dequeue_bulk_elem(s->in, to, size, 1,      \
						     NULL);                   \
	}                                                                     \
	SPSC_STREAM(dpdk_##size, push_##size, pop_##size, size, 1)

DPDK_CALLS(8);
DPDK_CALLS(56);
DPDK_CALLS(64);
SPSC_TRIPS(dpdk_8, push_8, pop_8);

SLIP_CORE uint32_t push_burst(struct spsc_seat *s, const void *from, uint32_t n)
{
	return rte_ring_sp_enqueue_burst_elem(s->out, from, 8, n, NULL);
}

SLIP_CORE uint32_t pop_burst(struct spsc_seat *s, void *to, uint32_t n)
{
	return rte_ring_sc_dequeue_burst_elem(s->in, to, 8, n, NULL);
}

SPSC_STREAM(dpdk_n, push_burst, pop_burst, 8, SPSC_BATCH);

static const struct spsc_kind kinds[] = {
	{ 0, 8, 1, ring_bytes, make, NULL, dpdk_8_produce, dpdk_8_consume,
	  dpdk_8_ask, dpdk_8_echo },
	{ 0, 8, SPSC_BATCH, ring_bytes, make, NULL, dpdk_n_produce,
	  dpdk_n_consume, NULL, NULL },
	{ 0, 56, 1, ring_bytes, make, NULL, dpdk_56_produce, dpdk_56_consume,
	  NULL, NULL },
	{ 0, 64, 1, ring_bytes, make, NULL, dpdk_64_produce, dpdk_64_consume,
	  NULL, NULL },
};
const struct spsc_queue spsc_dpdk = {
	.find = find,
	.kinds = kinds,
	.count = sizeof(kinds) / sizeof(*kinds),
};

#else

static int absent(void)
{
	return -ENOPKG;
}

const struct spsc_queue spsc_dpdk = { .find = absent };

#endif
