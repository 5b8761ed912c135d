/* SPDX-License-Identifier: MIT */
/*
 * Instead of a pipe, or a datagram socket, with many writers: workers that log
 * lines of any length to one collector, which writes them down in the order in
 * which they were logged. A line stands whole or not at all, also of one who is
 * killed in the middle of it, and nobody waits for him.
 */
#include "tools/examples/example.h"

#include "ring/lanes.h"

#define WORKERS 3
#define LINES	2000

static struct family family;

static void *lines(struct family *f, size_t *bytes)
{
	family_join(f, &family);
	return family_find(f, "lines", SLIP_KIND_LANES, bytes);
}

static void logs(struct slip_lanes_producer *p, const char *who, int n)
{
	char number[16];
	struct iovec line[3] = { { (void *)(uintptr_t)who, strlen(who) },
				 { (void *)(uintptr_t) ": ", 2 },
				 { number, 0 } };

	line[2].iov_len = (size_t)snprintf(number, sizeof(number), "%d", n);
	must(slip_lanes_push_v_until(p, line, 3, SLIP_FOREVER) == 0, "log");
}

static int worker(void)
{
	struct slip_lanes_producer p;
	struct family f;
	size_t bytes;
	void *mem = lines(&f, &bytes);

	must(slip_lanes_attach_producer(&p, mem, bytes, &f.me) == 0, "attach");
	for (int n = 0; n < LINES; n++)
		logs(&p, "worker", n);
	slip_lanes_detach_producer(&p);
	family_leave(&f);
	return 0;
}

/* Says something, and hangs in the middle of its next line. */
static int hangs(void)
{
	struct slip_lanes_producer p;
	struct family f;
	size_t bytes;
	void *mem = lines(&f, &bytes);
	char *half;

	must(slip_lanes_attach_producer(&p, mem, bytes, &f.me) == 0, "attach");
	logs(&p, "victim", 1);
	half = (char *)slip_lanes_claim(&p, 100);
	must(half != NULL, "claim");
	memcpy(half, "victim: 2 and", 13);
	logs(&p, "victim", 3); /* the half line is no line */
	half = (char *)slip_lanes_claim(&p, 100);
	must(half != NULL, "claim");
	memcpy(half, "victim: 4 and", 13);
	wait_for_the_end();
	return 1;
}

int main(void)
{
	size_t bytes = slip_lanes_bytes(WORKERS + 1, 4096);
	struct slip_lanes_consumer c;
	pid_t workers[WORKERS], victim;
	unsigned long count = 0, victims = 0;
	uint64_t last = 0;
	char line[256];
	uint32_t len;
	void *mem;
	int rc;

	family_create(&family, bytes);
	mem = family_add(&family, "lines", SLIP_KIND_LANES, bytes);
	must(slip_lanes_init(mem, bytes, WORKERS + 1, 4096, 1,
			     SLIP_LANES_STAMPED) == 0,
	     "init");
	family_publish(&family);
	must(slip_lanes_attach_consumer(&c, mem, bytes, &family.me) == 0,
	     "attach");
	victim = start(hangs);
	/* While it is there, it is not the end. */
	must(slip_lanes_wait_producer_until(&c, SLIP_FOREVER) == 0, "come");
	for (int i = 0; i < WORKERS; i++)
		workers[i] = start(worker);
	while ((rc = slip_lanes_pop_until(&c, line, sizeof(line), &len,
					  SLIP_FOREVER)) == 0) {
		must(slip_lanes_stamp_ns(&c) >= last, "by the clock");
		last = slip_lanes_stamp_ns(&c);
		victims += memcmp(line, "victim: ", 8) == 0;
		if (++count == WORKERS * LINES + 2)
			kill_it(victim);
	}
	must(rc == -EPIPE, "all have gone");
	must(count == WORKERS * LINES + 2 && victims == 2, "no other line");
	for (int i = 0; i < WORKERS; i++)
		must(went_well(workers[i]), "a worker");
	slip_lanes_detach_consumer(&c);
	family_leave(&family);
	return 0;
}
