/* SPDX-License-Identifier: MIT */
/*
 * Our mpmc ring once more, whose producer may be stopped in the middle of a
 * push: when it has claimed a position, and has not yet written there.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SLIP_COPY_HOOK mpmc_copy
#include "tools/bench/mpmc_ours.h"

/* Of this process; NULL: it is not the one. */
static struct mpmc_trap *trap;

SLIP_COLD void fall(void)
{
	slip_a32_store_relaxed(&trap->set, 0); /* own */
	/* Pairs with the acquire in mpmc_stop.c: it is in its push. */
	slip_a32_store_release(&trap->sprung, 1);
	(void)kill(getpid(), SIGSTOP);
}

void mpmc_copy(void *to, const void *from, size_t bytes)
{
	/* hint: some copy will see it */
	if (SLIP_UNLIKELY(trap && slip_a32_load_relaxed(&trap->set)))
		fall();
	memcpy(to, from, bytes);
}

static int open_hooked(struct mpmc_seat *s)
{
	trap = s->trap;
	return ours_open(s);
}

/* Asked by a process that has not opened the region yet. */
static uint32_t held(const void *mem)
{
	struct slip_mpmc_info info = { 0 };
	size_t bytes;
	const void *ring;

	(void)mem;
	if (slip_region_adopt(&side.rg, slip_region_fd(&made),
			      SLIP_REGION_MEMFD))
		return 0;
	ring = slip_region_find(&side.rg, "ring", SLIP_KIND_MPMC, &bytes);
	if (!ring || slip_mpmc_inspect(ring, bytes, &info))
		return 0;
	return info.held;
}

const struct mpmc_queue mpmc_ours_hooked = {
	.bytes = ours_bytes,
	.make = ours_make,
	.destroy = ours_destroy,
	.open = open_hooked,
	.close = ours_close,
	.single = MPMC_LOOPS_OF(one),
	.held = held,
};
