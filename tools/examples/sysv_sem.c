/* SPDX-License-Identifier: MIT */
/*
 * Instead of semop(2) with SEM_UNDO: units that come back, exactly once, when
 * the process that took them is killed.
 */
#include "tools/examples/example.h"

#include "futex/robust_sem.h"
#include "futex/sem.h"

#define UNITS 5

static struct family parent;
static struct slip_sem *ready;

static int holder(void)
{
	struct slip_robust_sem s;
	struct family f;
	size_t bytes;
	void *mem;

	family_join(&f, &parent);
	mem = family_find(&f, "units", SLIP_KIND_ROBUST_SEM, &bytes);
	must(slip_robust_sem_attach(&s, mem, bytes, &f.me) == 0, "attach");
	must(slip_robust_sem_acquire(&s, 4) == 0, "take four");
	must(slip_robust_sem_consume(&s, 1) == 0, "one for good");
	must(slip_sem_post(ready, 1) == 0, "post");
	wait_for_the_end();
	return 0;
}

int main(void)
{
	size_t bytes = slip_robust_sem_bytes(8);
	struct slip_robust_sem s;
	pid_t child;
	void *mem;

	ready = (struct slip_sem *)shared_memory(4096);
	family_create(&parent, bytes);
	mem = family_add(&parent, "units", SLIP_KIND_ROBUST_SEM, bytes);
	must(slip_robust_sem_init(mem, bytes, 8, UNITS) == 0, "init");
	family_publish(&parent);
	must(slip_robust_sem_attach(&s, mem, bytes, &parent.me) == 0, "attach");

	child = start(holder);
	must(slip_sem_acquire(ready, 1) == 0, "wait");
	must(slip_robust_sem_value(&s) == 1, "one is left");
	must(slip_robust_sem_acquire_try(&s, 2) == -EAGAIN, "IPC_NOWAIT");
	must(slip_robust_sem_acquire_until(&s, 2, slip_after_ns(20000000)) ==
		     -ETIMEDOUT,
	     "semtimedop: its holder lives");
	kill_it(child);
	must(slip_robust_sem_acquire(&s, 4) == 0, "its three have come back");
	must(slip_robust_sem_value(&s) == 0, "and no more than these");
	must(slip_robust_sem_release(&s, 4) == 0, "give back");
	must(slip_robust_sem_detach(&s) == 0, "detach");
	family_leave(&parent);
	return 0;
}
