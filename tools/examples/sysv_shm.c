/* SPDX-License-Identifier: MIT */
/*
 * A System V segment that is there already gets a directory of named objects.
 * (New memory is better made as in posix_shm.c: in a segment the kernel has
 * no file to hold locks on, so nobody is ever known to be dead.)
 */
#include "tools/examples/example.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#include "futex/region_memory.h"
#include "ring/spsc.h"

#define SEGMENT 65536
#define FEW	SLIP_REGION_PEERS(8)
#define COUNT	1000

SLIP_SPSC_DEFINE(numbers, uint32_t);

static int segment;

static void *attach_segment(void)
{
	void *mem = shmat(segment, NULL, 0);

	must((intptr_t)mem != -1, "shmat");
	return mem;
}

static int producer(void)
{
	void *mem = attach_segment();
	struct slip_spsc_producer p;
	struct slip_region rg;
	struct slip_peer me;
	size_t bytes;
	void *ring;

	must(slip_region_attach(&rg, mem, SEGMENT, -1, 0) == 0, "attach");
	ring = slip_region_find(&rg, "numbers", SLIP_KIND_SPSC, &bytes);
	must(ring && slip_peer_join(&me, &rg) == 0, "join");
	must(numbers_attach_producer(&p, ring, bytes, &me) == 0, "producer");
	for (uint32_t i = 0; i < COUNT; i++)
		must(numbers_push_until(&p, &i, SLIP_FOREVER) == 0, "push");
	slip_spsc_detach_producer(&p);
	slip_peer_leave(&me);
	slip_region_close(&rg);
	return 0;
}

int main(void)
{
	size_t bytes = numbers_bytes(64);
	struct slip_spsc_consumer c;
	struct slip_region rg;
	struct slip_peer me;
	uint32_t x = 0, n = 0;
	void *mem, *ring;
	pid_t child;

	segment = shmget(IPC_PRIVATE, SEGMENT, IPC_CREAT | 0600);
	must(segment >= 0, "shmget");
	mem = attach_segment();
	/* Goes with its last user, as System V has it. */
	must(shmctl(segment, IPC_RMID, NULL) == 0, "IPC_RMID");
	must(slip_region_format(&rg, mem, SEGMENT, -1, FEW) == 0, "format");
	ring = slip_region_add(&rg, "numbers", SLIP_KIND_SPSC, bytes);
	must(ring && numbers_init(ring, bytes, 64, 0) == 0, "add");
	must(slip_region_publish(&rg, NULL, 0) == 0, "publish");
	must(slip_peer_join(&me, &rg) == 0, "join");
	must(numbers_attach_consumer(&c, ring, bytes, &me) == 0, "consumer");

	child = start(producer);
	while (numbers_pop_until(&c, &x, SLIP_FOREVER) == 0)
		must(x == n++, "in order");
	must(n == COUNT, "all of them, then the end");
	must(went_well(child), "producer");
	slip_spsc_detach_consumer(&c);
	slip_peer_leave(&me);
	slip_region_close(&rg);
	must(shmdt(mem) == 0, "shmdt");
	return 0;
}
