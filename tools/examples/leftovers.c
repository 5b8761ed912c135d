/* SPDX-License-Identifier: MIT */
/*
 * Instead of ipcs(1), ipcrm(1) and a guess: what a killed process left behind
 * is removed, what somebody uses is not. The command for it is `slipring gc`.
 */
#include "tools/examples/example.h"

#include "futex/region_tools.h"
#include "futex/sem.h"

static char name[64];
static struct slip_sem *ready;

static int creator(void)
{
	struct slip_region rg;
	struct slip_peer me;

	must(slip_region_create(&rg, 4096, 0) == 0, "create");
	must(slip_region_add(&rg, "it", 7, 4096) != NULL, "add");
	must(slip_region_publish(&rg, name, 0600) == 0, "publish");
	must(slip_peer_join(&me, &rg) == 0, "join");
	must(slip_sem_post(ready, 1) == 0, "post");
	wait_for_the_end();
	return 0;
}

/* lsof: who has it? */
static void look(pid_t child)
{
	struct slip_peer_info who;
	struct slip_region rg;

	must(slip_region_open(&rg, name, SLIP_REGION_READONLY) == 0, "open");
	must(slip_peer_describe(&rg, 1, &who) == 0, "describe");
	must(who.joined && who.alive == 1 && who.pid == (uint32_t)child,
	     "member 1 is the child, and alive");
	slip_region_close(&rg);
}

int main(void)
{
	pid_t child;
	int rc;

	ready = (struct slip_sem *)shared_memory(4096);
	(void)snprintf(name, sizeof(name), "example.left.%d", (int)getpid());
	child = start(creator);
	must(slip_sem_acquire(ready, 1) == 0, "wait");
	look(child);
	rc = slip_region_reap(name);
	must(rc == -EBUSY, slip_region_strerror(rc));
	kill_it(child);
	do /* its address space may take a moment longer than waitpid(2) */
		rc = slip_region_reap(name);
	while (rc == -EBUSY);
	must(rc == 0, slip_region_strerror(rc));
	must(slip_region_reap(name) == -ENOENT, "it is gone");
	return 0;
}
