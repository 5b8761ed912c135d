/* SPDX-License-Identifier: MIT */
/*
 * Instead of mkfifo(3): a ring with a name, many writers, many readers. Each
 * element goes to one reader; when the last writer has closed, all readers
 * get the end.
 */
#include "tools/examples/example.h"

#include "ring/mpmc.h"

#define EACH 10000

SLIP_MPMC_DEFINE(numbers, uint64_t);

static char name[64];
static uint64_t *sums; /* what each reader got */
static int number;     /* of the next child */

/* Any process may do this: it knows nothing but the name. */
static void open_fifo(struct slip_region *rg, struct slip_peer *me,
		      struct slip_mpmc *q, unsigned role)
{
	size_t bytes;
	void *ring;

	must(slip_region_open(rg, name, 0) == 0, "open");
	ring = slip_region_find(rg, "numbers", SLIP_KIND_MPMC, &bytes);
	must(ring && slip_peer_join(me, rg) == 0, "join");
	must(numbers_attach(q, ring, bytes, role, me) == 0, "attach");
}

static void close_fifo(struct slip_region *rg, struct slip_peer *me,
		       struct slip_mpmc *q)
{
	slip_mpmc_detach(q);
	slip_peer_leave(me);
	slip_region_close(rg);
}

static int writer(void)
{
	struct slip_region rg;
	struct slip_peer me;
	struct slip_mpmc q;

	open_fifo(&rg, &me, &q, SLIP_PRODUCER);
	for (uint64_t i = 1; i <= EACH; i++)
		must(numbers_push_until(&q, &i, SLIP_FOREVER) == 0, "write");
	close_fifo(&rg, &me, &q);
	return 0;
}

static int reader(void)
{
	struct slip_region rg;
	struct slip_peer me;
	struct slip_mpmc q;
	uint64_t x = 0;
	int rc;

	open_fifo(&rg, &me, &q, SLIP_CONSUMER);
	while ((rc = numbers_pop_until(&q, &x, SLIP_FOREVER)) == 0)
		sums[number] += x;
	must(rc == -EPIPE, "end of file");
	close_fifo(&rg, &me, &q);
	return 0;
}

int main(void)
{
	size_t bytes = numbers_bytes(64, 0);
	pid_t readers[2], writers[2];
	struct slip_region rg;
	struct slip_peer me;
	struct slip_mpmc q;
	void *ring;

	sums = (uint64_t *)shared_memory(4096);
	(void)snprintf(name, sizeof(name), "example.fifo.%d", (int)getpid());
	must(slip_region_create(&rg, bytes, 0) == 0, "create");
	ring = slip_region_add(&rg, "numbers", SLIP_KIND_MPMC, bytes);
	must(ring && numbers_init(ring, bytes, 64, 0) == 0, "init");
	must(slip_region_publish(&rg, name, 0600) == 0, "mkfifo");
	slip_region_close(&rg);

	/* As with a FIFO: one who holds it open, so that the first writer that
	 * closes it is not taken for the last. */
	open_fifo(&rg, &me, &q, SLIP_PRODUCER);
	for (number = 0; number < 2; number++) {
		readers[number] = start(reader);
		writers[number] = start(writer);
	}
	must(went_well(writers[0]) && went_well(writers[1]), "writers");
	close_fifo(&rg, &me, &q);
	must(went_well(readers[0]) && went_well(readers[1]), "readers");
	must(slip_region_unlink(name) == 0, "rm");
	must(sums[0] + sums[1] == (uint64_t)EACH * (EACH + 1),
	     "each number arrived once");
	return 0;
}
