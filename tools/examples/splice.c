/* SPDX-License-Identifier: MIT */
/*
 * Instead of splice(2) and sendfile(2), as far as that goes: read(2) straight
 * into the ring, write(2) straight out of it. The kernel copies twice, nobody
 * else does.
 */
#include "tools/examples/example.h"

#include "ring/record.h"

#define ROOM  65536
#define PIECE 4096
#define TOTAL 1000000

static struct family parent;
static FILE *from, *to;

static int producer(void)
{
	struct slip_record_producer p;
	struct family f;
	size_t bytes;
	ssize_t n = 1;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "file", SLIP_KIND_RECORD, &bytes);
	must(slip_record_attach_producer(&p, ring, bytes, &f.me) == 0,
	     "attach");
	while (n > 0) {
		void *place;

		must(slip_record_wait_room_until(&p, PIECE, SLIP_FOREVER) == 0,
		     "room");
		place = slip_record_claim(&p, PIECE);
		must(place != NULL, "claim");
		n = read(fileno(from), place, PIECE);
		must(n >= 0, "read");
		if (n > 0) /* what was not read is free again */
			slip_record_commit(&p, (uint32_t)n);
	}
	slip_record_close(&p);
	family_leave(&f);
	return 0;
}

static void consume(struct slip_record_consumer *c)
{
	const char *piece;
	uint32_t len = 0;

	while (slip_record_wait_data_until(c, SLIP_FOREVER) == 0) {
		piece = (const char *)slip_record_peek(c, &len);
		must(piece != NULL, "peek");
		for (ssize_t n = 0; len > 0; len -= (uint32_t)n, piece += n) {
			n = write(fileno(to), piece, len);
			must(n > 0, "write");
		}
		slip_record_release(c);
	}
}

static void compare(void)
{
	int a, b;
	long n = 0;

	rewind(to);
	rewind(from);
	do {
		a = getc(from);
		b = getc(to);
		must(a == b, "the same bytes");
		n++;
	} while (a != EOF);
	must(n == TOTAL + 1, "all of them");
}

int main(void)
{
	size_t bytes = slip_record_bytes(ROOM, 0);
	struct slip_record_consumer c;
	pid_t child;
	void *ring;

	from = tmpfile();
	to = tmpfile();
	must(from && to, "tmpfile");
	for (int i = 0; i < TOTAL; i++)
		must(putc(i * 7 + i / 256, from) != EOF, "putc");
	must(fflush(from) == 0, "fflush");
	rewind(from);
	family_create(&parent, bytes);
	ring = family_add(&parent, "file", SLIP_KIND_RECORD, bytes);
	must(slip_record_init(ring, bytes, ROOM, 0) == 0, "init");
	family_publish(&parent);
	must(slip_record_attach_consumer(&c, ring, bytes, &parent.me) == 0,
	     "attach");
	child = start(producer);
	consume(&c);
	must(went_well(child), "producer");
	slip_record_detach_consumer(&c);
	family_leave(&parent);
	compare();
	return 0;
}
