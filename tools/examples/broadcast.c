/* SPDX-License-Identifier: MIT */
/*
 * Instead of UDP broadcast or multicast, or a pipe to each: one writes, all read
 * every element in order. First lossy, as datagrams are, but who was too slow is
 * told exactly how many it has missed, and may be a stranger that can only look;
 * then lossless, where the writer waits for the slowest reader, until that one is
 * killed.
 */
#include "tools/examples/example.h"

#include "futex/flag.h"
#include "ring/broadcast.h"

#define SLOTS 8
#define TICKS 100

struct tick {
	uint64_t number;
	double price;
};

SLIP_BROADCAST_DEFINE(ticks, struct tick);

static struct family family;
static struct slip_flag *seated;

static bool whole(const struct tick *t)
{
	return t->price == (double)t->number / 4;
}

/* --- lossy ---------------------------------------------------------------- */

/* A stranger that may only look: no store is made, nobody knows of it. What it
 * has read and lost since it came adds up to all that were sent. */
static int onlooker(void)
{
	static struct slip_broadcast_reader r;
	static struct slip_region rg;
	static struct slip_peer me;
	int fd = slip_region_fd(&family.rg);
	uint64_t count = 0;
	struct tick t = { 0, 0 };
	size_t bytes;
	void *mem;
	int rc;

	must(slip_region_adopt(&rg, fd, SLIP_REGION_READONLY) == 0, "adopt");
	mem = slip_region_find(&rg, "lossy", SLIP_KIND_BROADCAST, &bytes);
	slip_peer_prepare(&me, &rg); /* to ask who is alive; not to join */
	must(ticks_attach_readonly(&r, mem, bytes, &me,
				   SLIP_BROADCAST_OLDEST) == 0,
	     "attach");
	must(slip_broadcast_wait_writer_until(&r, SLIP_FOREVER) == 0, "writer");
	while ((rc = ticks_read_until(&r, &t, SLIP_FOREVER)) == 0) {
		if (!count) /* whenever it came */
			count = t.number - slip_broadcast_lost(&r) - 1;
		count += 1 + slip_broadcast_lost(&r);
		must(whole(&t) && t.number == count, "a whole tick");
	}
	must(rc == -EPIPE && t.number == TICKS, "up to the last one");
	slip_region_close(&rg);
	return 0;
}

static void lossy(void)
{
	static struct slip_broadcast_writer w;
	static struct slip_broadcast_reader late;
	pid_t looks = start(onlooker);
	struct tick t;
	size_t bytes;
	void *mem = family_find(&family, "lossy", SLIP_KIND_BROADCAST, &bytes);

	must(ticks_attach_reader(&late, mem, bytes, &family.me,
				 SLIP_BROADCAST_OLDEST) == 0,
	     "a reader");
	must(ticks_attach_writer(&w, mem, bytes, &family.me) == 0, "writer");
	for (uint64_t i = 1; i <= TICKS; i++) {
		t.number = i;
		t.price = (double)i / 4;
		must(ticks_write(&w, &t) == 0, "nobody is waited for");
	}
	must(ticks_read(&late, &t) == 0 && whole(&t), "what is still there");
	must(slip_broadcast_lost(&late) == t.number - 1, "and what is not");
	slip_broadcast_detach_writer(&w);
	must(went_well(looks), "the onlooker");
}

/* --- lossless ------------------------------------------------------------- */

/* Reads one, and is killed. */
static int sleeper(void)
{
	static struct slip_broadcast_reader r;
	static struct family own;
	struct tick t;
	size_t bytes;
	void *mem;

	family_join(&own, &family);
	mem = family_find(&own, "lossless", SLIP_KIND_BROADCAST, &bytes);
	must(ticks_attach_reader(&r, mem, bytes, &own.me,
				 SLIP_BROADCAST_NEWEST) == 0,
	     "a seat");
	slip_flag_set(seated);
	must(ticks_read_until(&r, &t, SLIP_FOREVER) == 0, "the first");
	wait_for_the_end();
	return 1;
}

static void lossless(void)
{
	static struct slip_broadcast_writer w;
	struct tick t = { 1, 0.25 };
	size_t bytes;
	void *mem =
		family_find(&family, "lossless", SLIP_KIND_BROADCAST, &bytes);
	pid_t child;

	must(ticks_attach_writer(&w, mem, bytes, &family.me) == 0, "writer");
	child = start(sleeper);
	must(slip_flag_wait(seated) == 0, "its seat");
	/* All slots, and once more what it has read. */
	for (int i = 0; i < SLOTS + 1; i++)
		must(ticks_write_until(&w, &t, SLIP_FOREVER) == 0, "write");
	must(ticks_write(&w, &t) == -EAGAIN, "it is waited for");
	kill_it(child);
	must(ticks_write_until(&w, &t, SLIP_FOREVER) == 0, "a dead one is not");
	slip_broadcast_detach_writer(&w);
}

int main(void)
{
	size_t loose = ticks_bytes(SLOTS, 1, 0);
	size_t tight = ticks_bytes(SLOTS, 1, 2);
	void *mem;

	seated = (struct slip_flag *)shared_memory(sizeof(*seated));
	family_create(&family, loose + tight);
	mem = family_add(&family, "lossy", SLIP_KIND_BROADCAST, loose);
	must(ticks_init(mem, loose, SLOTS, 1, 0, 0) == 0, "init");
	mem = family_add(&family, "lossless", SLIP_KIND_BROADCAST, tight);
	must(ticks_init(mem, tight, SLOTS, 1, 2, 0) == 0, "init");
	family_publish(&family);
	lossy();
	lossless();
	return 0;
}
