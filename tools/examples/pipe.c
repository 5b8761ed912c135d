/* SPDX-License-Identifier: MIT */
/*
 * Instead of pipe(2): a record ring from one process to another. Whole
 * records only; end of file when the writer is gone, -EPIPE when the reader
 * is, however they went.
 */
#include "tools/examples/example.h"

#include "ring/record.h"

#define ROOM 4096

static struct family parent;

static int writer(void)
{
	static const char *const lines[] = { "one", "two", "" };
	struct slip_record_producer p;
	struct family f;
	size_t bytes;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "pipe", SLIP_KIND_RECORD, &bytes);
	must(slip_record_attach_producer(&p, ring, bytes, &f.me) == 0,
	     "the writer attaches");
	for (int i = 0; i < 3; i++)
		must(slip_record_push_until(&p, lines[i],
					    (uint32_t)strlen(lines[i]),
					    SLIP_FOREVER) == 0,
		     "write");
	wait_for_the_end(); /* no close: it will be killed */
	return 0;
}

static int reader(void)
{
	struct slip_record_consumer c;
	struct family f;
	char buf[ROOM];
	uint32_t len;
	size_t bytes;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "pipe", SLIP_KIND_RECORD, &bytes);
	must(slip_record_attach_consumer(&c, ring, bytes, &f.me) == 0 &&
		     slip_record_pop_until(&c, buf, sizeof(buf), &len,
					   SLIP_FOREVER) == 0,
	     "the reader attaches and reads once");
	return raise(SIGKILL);
}

static void read_to_the_end(void *ring, size_t bytes)
{
	static const char *const expected[] = { "one", "two", "" };
	struct slip_record_consumer c;
	pid_t child = start(writer);
	char buf[ROOM];
	uint32_t len;

	must(slip_record_attach_consumer(&c, ring, bytes, &parent.me) == 0,
	     "attach");
	for (int i = 0; i < 3; i++) {
		must(slip_record_pop_until(&c, buf, sizeof(buf), &len,
					   SLIP_FOREVER) == 0,
		     "read");
		must(len == strlen(expected[i]) &&
			     memcmp(buf, expected[i], len) == 0,
		     "a record arrives as it was sent");
	}
	kill_it(child);
	must(slip_record_pop_until(&c, buf, sizeof(buf), &len, SLIP_FOREVER) ==
		     -EPIPE,
	     "end of file after the writer's death");
	must(slip_record_producer_state(&c) == SLIP_ROLE_DEAD, "and it shows");
	slip_record_detach_consumer(&c);
}

static void write_into_the_void(void *ring, size_t bytes)
{
	struct slip_record_producer p;
	int rc = slip_record_attach_producer(&p, ring, bytes, &parent.me);
	pid_t child;

	must(rc == 0, "a successor takes the dead writer's place");
	child = start(reader);
	/* The last reader has closed it, so wait for the next. */
	must(slip_record_wait_consumer_until(&p, SLIP_FOREVER) == 0, "open");
	while (rc == 0) /* until it is full, at the latest */
		rc = slip_record_push_until(&p, "x", 1, SLIP_FOREVER);
	must(rc == -EPIPE, "-EPIPE after the reader's death, and no signal");
	must(!went_well(child), "it was killed");
	slip_record_detach_producer(&p);
}

int main(void)
{
	size_t bytes = slip_record_bytes(ROOM, 0);
	void *ring;

	family_create(&parent, bytes);
	ring = family_add(&parent, "pipe", SLIP_KIND_RECORD, bytes);
	must(slip_record_init(ring, bytes, ROOM, 0) == 0, "init");
	family_publish(&parent);
	read_to_the_end(ring, bytes);
	write_into_the_void(ring, bytes);
	family_leave(&parent);
	return 0;
}
