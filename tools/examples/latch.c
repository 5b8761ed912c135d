/* SPDX-License-Identifier: MIT */
/*
 * Wait until a number of workers are done; one that is killed is not waited
 * for, but counted. What people write a pipe's end of file, or waitpid(2) in
 * a loop, for: here also for processes that are no children.
 */
#include "tools/examples/example.h"

#include "futex/latch.h"
#include "futex/sem.h"

#define WORKERS 3

struct work {
	struct slip_sem joined;
	uint32_t done[WORKERS];
};

static struct family parent;
static int number; /* of the next child */

static int worker(void)
{
	struct slip_latch l;
	struct family f;
	struct work *w;
	size_t bytes;
	void *mem;

	family_join(&f, &parent);
	w = (struct work *)family_find(&f, "work", 7, NULL);
	mem = family_find(&f, "latch", 8, &bytes);
	must(slip_latch_attach(&l, mem, bytes, &f.me) == 0, "attach");
	must(slip_latch_join(&l) == 0, "be waited for");
	must(slip_sem_post(&w->joined, 1) == 0, "post");
	if (number == WORKERS - 1)
		wait_for_the_end();
	w->done[number] = 1;
	must(slip_latch_arrive(&l) == 0, "done");
	family_leave(&f);
	return 0;
}

int main(void)
{
	size_t bytes = slip_latch_bytes(WORKERS);
	pid_t child[WORKERS];
	struct slip_latch l;
	struct work *w;
	void *mem;

	family_create(&parent, sizeof(*w) + bytes);
	w = (struct work *)family_add(&parent, "work", 7, sizeof(*w));
	mem = family_add(&parent, "latch", 8, bytes);
	must(slip_latch_init(mem, bytes, WORKERS) == 0, "init");
	family_publish(&parent);
	must(slip_latch_attach(&l, mem, bytes, &parent.me) == 0, "attach");

	for (number = 0; number < WORKERS; number++)
		child[number] = start(worker);
	must(slip_sem_acquire(&w->joined, WORKERS) == 0, "all have joined");
	must(slip_latch_try(&l) == -EAGAIN, "one is not done, and lives");
	kill_it(child[WORKERS - 1]);
	must(slip_latch_wait(&l) == 1, "open, and one was lost");
	must(w->done[0] && w->done[1], "what the others did is visible");
	must(went_well(child[0]) && went_well(child[1]), "workers");
	family_leave(&parent);
	return 0;
}
