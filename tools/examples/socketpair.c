/* SPDX-License-Identifier: MIT */
/*
 * Instead of socketpair(2): two record rings, there and back. Messages keep
 * their boundaries, can be looked at before they are taken (MSG_PEEK), and
 * each direction is closed by itself.
 */
#include "tools/examples/example.h"

#include <ctype.h>

#include "ring/record.h"

#define ROOM 4096

static struct family parent;

/* Answers in capitals, and after the end of the questions with a last word. */
static int server(void)
{
	struct slip_record_consumer in;
	struct slip_record_producer out;
	struct family f;
	char buf[ROOM];
	uint32_t len;
	size_t bytes;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "there", SLIP_KIND_RECORD, &bytes);
	must(slip_record_attach_consumer(&in, ring, bytes, &f.me) == 0, "in");
	ring = family_find(&f, "back", SLIP_KIND_RECORD, &bytes);
	must(slip_record_attach_producer(&out, ring, bytes, &f.me) == 0, "out");
	while (slip_record_pop_until(&in, buf, ROOM, &len, SLIP_FOREVER) == 0) {
		for (uint32_t i = 0; i < len; i++)
			buf[i] = (char)toupper(buf[i]);
		must(slip_record_push_until(&out, buf, len, SLIP_FOREVER) == 0,
		     "answer");
	}
	must(slip_record_push_until(&out, "bye", 3, SLIP_FOREVER) == 0,
	     "the way back is open still");
	slip_record_close(&out);
	slip_record_detach_consumer(&in);
	family_leave(&f);
	return 0;
}

static void *add_ring(const char *name, size_t bytes)
{
	void *ring = family_add(&parent, name, SLIP_KIND_RECORD, bytes);

	must(slip_record_init(ring, bytes, ROOM, 0) == 0, "init");
	return ring;
}

/* The next answer, first looked at and then taken. */
static void expect(struct slip_record_consumer *in, const char *answer)
{
	const void *seen;
	uint32_t len = 0;
	char buf[16];

	must(slip_record_wait_data_until(in, SLIP_FOREVER) == 0, "wait");
	seen = slip_record_peek(in, &len);
	must(seen && len == strlen(answer) && memcmp(seen, answer, len) == 0,
	     "peek");
	must(slip_record_pop(in, buf, 1, &len) == -EMSGSIZE,
	     "what is too long is not cut off: it stays");
	must(slip_record_pop(in, buf, sizeof(buf), &len) == 0 &&
		     len == strlen(answer),
	     "read");
}

int main(void)
{
	size_t bytes = slip_record_bytes(ROOM, 0);
	struct slip_record_producer out;
	struct slip_record_consumer in;
	void *there, *back;
	pid_t child;

	family_create(&parent, 2 * bytes);
	there = add_ring("there", bytes);
	back = add_ring("back", bytes);
	family_publish(&parent);
	must(slip_record_attach_producer(&out, there, bytes, &parent.me) == 0 &&
		     slip_record_attach_consumer(&in, back, bytes,
						 &parent.me) == 0,
	     "attach");
	child = start(server);
	must(slip_record_push(&out, "hello", 5) == 0 &&
		     slip_record_push(&out, "world", 5) == 0,
	     "two messages");
	expect(&in, "HELLO");
	expect(&in, "WORLD");
	slip_record_close(&out); /* shutdown(SHUT_WR) */
	expect(&in, "bye");
	must(slip_record_wait_data_until(&in, SLIP_FOREVER) == -EPIPE, "end");
	slip_record_detach_consumer(&in);
	must(went_well(child), "server");
	family_leave(&parent);
	return 0;
}
