/* SPDX-License-Identifier: MIT */
/*
 * Instead of a mapped file, or a plain one with a read position: a ring in a
 * file of any local file system. What was pushed is there for whoever opens
 * it, at another address, when all who used it have ended. (After a crash of
 * the machine what was not written back, with msync(2) or sync(2), may be
 * lost.)
 */
#include "tools/examples/example.h"

#include "ring/spsc.h"

SLIP_SPSC_DEFINE(numbers, uint64_t);

static char dir[64], path[128];

static int producer(void)
{
	size_t bytes = numbers_bytes(16);
	struct slip_spsc_producer p;
	struct slip_region rg;
	struct slip_peer me;
	void *ring;

	must(slip_region_create_at(&rg, dir, bytes, 0) == 0, "create");
	ring = slip_region_add(&rg, "numbers", SLIP_KIND_SPSC, bytes);
	must(ring && numbers_init(ring, bytes, 16, 0) == 0, "init");
	/* Complete when it gets its name, as with rename(2). */
	must(slip_region_publish(&rg, path, 0600) == 0, "publish");
	must(slip_peer_join(&me, &rg) == 0, "join");
	must(numbers_attach_producer(&p, ring, bytes, &me) == 0, "attach");
	for (uint64_t i = 10; i < 20; i++)
		must(numbers_push(&p, &i), "push");
	return 0; /* without leaving: as if it had been killed */
}

/* Takes three; dies as it stands. */
static int consumer(void)
{
	const uint64_t *seen;
	struct slip_spsc_consumer c;
	struct slip_region rg;
	struct slip_peer me;
	uint64_t first = 0;
	size_t bytes;
	void *ring;
	int rc;

	must(slip_region_open(&rg, path, 0) == 0, "open");
	ring = slip_region_find(&rg, "numbers", SLIP_KIND_SPSC, &bytes);
	must(ring && slip_peer_join(&me, &rg) == 0, "join");
	do /* the last one's address space may take a moment to go */
		rc = numbers_attach_consumer(&c, ring, bytes, &me);
	while (rc == -EBUSY);
	must(rc == 0, "attach");
	must(numbers_pop(&c, &first), "the first that is left");
	for (uint64_t i = first + 1; i < first + 3; i++) {
		seen = numbers_peek(&c);
		must(seen && *seen == i, "in order");
		slip_spsc_release(&c);
	}
	return (int)first;
}

static int result_of(int (*work)(void))
{
	int status = -1;
	pid_t child = start(work);

	must(waitpid(child, &status, 0) == child && WIFEXITED(status), "wait");
	return WEXITSTATUS(status);
}

int main(void)
{
	const char *tmp = getenv("TEST_TMPDIR");

	(void)snprintf(dir, sizeof(dir), "%s/example.XXXXXX",
		       tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	(void)snprintf(path, sizeof(path), "%s/ring", dir);
	must(result_of(producer) == 0, "producer");
	must(result_of(consumer) == 10, "a consumer, later");
	must(result_of(consumer) == 13, "the next goes on where it ended");
	must(slip_region_unlink(path) == 0 && rmdir(dir) == 0, "rm");
	return 0;
}
