/* SPDX-License-Identifier: MIT */
/* Readers and writers of a broadcast as sources of a waitset: when they are ready,
 * what they say of the end, and who tells them. */
#define _GNU_SOURCE
#include "broadcast_bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "../sources.h"

static uint64_t soon(void)
{
	return slip_after_ns(2000000);
}

/* Two readers, of which the second does not store. */
struct watch {
	struct bench b;
	struct slip_broadcast_reader r[2];
	struct slip_source in[2];
	struct slip_waitset set;
};

static void watch(struct watch *w, uint32_t writers)
{
	make(&w->b, 8, 8, writers, 0);
	cr_assert_eq(slip_broadcast_attach_writer(&w->b.w, w->b.mem, w->b.bytes,
						  NULL),
		     0, "writer");
	cr_assert_eq(slip_broadcast_attach_reader(&w->r[0], w->b.mem,
						  w->b.bytes, NULL, true),
		     0, "reader");
	cr_assert_eq(slip_broadcast_attach_readonly(&w->r[1], w->b.mem,
						    w->b.bytes, NULL, true),
		     0, "onlooker");
	for (int i = 0; i < 2; i++)
		slip_broadcast_source(&w->in[i], &w->r[i]);
}

static void end(struct watch *w)
{
	for (int i = 0; i < 2; i++)
		slip_broadcast_detach_reader(&w->r[i]);
	teardown(&w->b);
}

static void ready_for_all(uint32_t writers)
{
	struct watch w;

	watch(&w, writers);
	cr_assert_eq(slip_waitset_init(&w.set, w.in, 2), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_waitset_wait(&w.set, soon()), -ETIMEDOUT);
		write_many(&w.b.w, 1);
		cr_assert_eq(slip_waitset_wait(&w.set, SLIP_FOREVER), 2);
		for (int k = 0; k < 2; k++)
			cr_assert_eq(read_one(&w.b, &w.r[k]), 0);
	}
	slip_broadcast_detach_writer(&w.b.w);
	cr_assert_eq(slip_waitset_wait(&w.set, SLIP_FOREVER), 2);
	cr_assert_eq(w.in[0].now, -EPIPE);
	cr_assert_eq(w.in[1].now, -EPIPE);
	slip_broadcast_detach_reader(&w.r[0]);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 2, "it is closed");
	cr_assert_eq(w.in[0].now, -EPIPE);
	end(&w);
}

Test(broadcast_sources, an_element_is_something_to_wait_for)
{
	ready_for_all(1);
	ready_for_all(2);
}

static void *write_once(void *arg)
{
	struct watch *w = arg;
	const struct slip_broadcast_ring *ring = w->b.mem;

	/* hint: somebody has announced that it sleeps */
	while (w->set.sources == &w->in[0] &&
	       !(slip_a32_load_relaxed(&ring->ev_data.word) & SLIP_EVENT_W_))
		sched_yield();
	(void)write_one(&w->b.w);
	return NULL;
}

/* By a write, if it may say that it sleeps; else after a slice. */
Test(broadcast_sources, a_write_ends_the_wait)
{
	for (int i = 0; i < 2; i++) {
		struct watch w;
		pthread_t thread;

		watch(&w, 1);
		cr_assert_eq(slip_waitset_init(&w.set, w.in + i, 1), 0);
		cr_assert_eq(pthread_create(&thread, NULL, write_once, &w), 0);
		cr_assert_eq(slip_waitset_wait(&w.set, SLIP_FOREVER), 1);
		pthread_join(thread, NULL);
		end(&w);
	}
}

Test(broadcast_sources, one_that_may_not_store_looks_again)
{
	struct watch w;

	watch(&w, 1);
	cr_assert(w.in[0].event == &w.r[0].ring->ev_data, "told");
	cr_assert(w.in[1].event == NULL, "not told");
	cr_assert_eq(w.in[1].slice_ns, SLIP_SLICE_NS, "slices");
	end(&w);
	watch(&w, 2);
	cr_assert_eq(w.in[0].slice_ns, SLIP_SLICE_NS, "slices, for the end");
	end(&w);
}

/* --- writers ------------------------------------------------------------------- */

/* Its writer, for elements of `len`, and one reader in a seat. */
static void watch_room(struct watch *w, uint64_t room, uint32_t elem_bytes,
		       uint32_t len)
{
	setup(&w->b, room, elem_bytes, 1);
	slip_broadcast_write_source(&w->in[0], &w->b.w, len);
	cr_assert_eq(slip_waitset_init(&w->set, w->in, 1), 0);
}

Test(broadcast_sources, room_is_something_to_wait_for)
{
	struct watch w;

	watch_room(&w, 8, 8, 8);
	for (int i = 0; i < 8; i++) {
		cr_assert_eq(slip_waitset_wait(&w.set, 0), 1, "room");
		cr_assert_eq(write_one(&w.b.w), 0);
	}
	cr_assert_eq(slip_waitset_wait(&w.set, soon()), -ETIMEDOUT, "full");
	cr_assert_eq(read_one(&w.b, &w.b.r), 0);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 1, "what was read");
	cr_assert_eq(write_one(&w.b.w), 0);
	cr_assert_eq(slip_waitset_wait(&w.set, soon()), -ETIMEDOUT, "full");
	cr_assert_eq(slip_broadcast_evict(&w.b.w), 1);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 1, "nobody in the way");
	slip_broadcast_detach_writer(&w.b.w);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 1);
	cr_assert_eq(w.in[0].now, -EPIPE, "closed");
	teardown(&w.b);
}

/* Of 256 bytes, records of up to 24: four units of eight bytes each. */
Test(broadcast_sources, a_record_waits_for_as_much_room_as_it_needs)
{
	char body[32] = { 0 };
	struct watch w;

	watch_room(&w, 256, 0, 24);
	for (int i = 0; i < 7; i++)
		cr_assert_eq(slip_broadcast_write(&w.b.w, body, 24), 0);
	cr_assert_eq(slip_broadcast_write(&w.b.w, body, 8), 0);
	cr_assert_eq(slip_waitset_wait(&w.set, soon()), -ETIMEDOUT, "too long");
	slip_broadcast_write_source(&w.in[0], &w.b.w, 8);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 1, "it fits");
	slip_broadcast_write_source(&w.in[0], &w.b.w, 25);
	cr_assert_eq(slip_waitset_wait(&w.set, soon()), -ETIMEDOUT, "never");
	teardown(&w.b);
	watch(&w, 1);
	slip_broadcast_write_source(&w.in[0], &w.b.w, 8);
	cr_assert_eq(slip_waitset_init(&w.set, w.in, 1), 0);
	write_many(&w.b.w, 20);
	cr_assert_eq(slip_waitset_wait(&w.set, 0), 1, "lossy: always");
	end(&w);
}

static void *read_when_asleep(void *arg)
{
	struct watch *w = arg;
	const struct slip_broadcast_ring *ring = w->b.mem;

	/* hint: the writer has announced that it sleeps */
	while (!(slip_a32_load_relaxed(&ring->ev_space.word) & SLIP_EVENT_W_))
		sched_yield();
	(void)read_one(&w->b, &w->b.r);
	return NULL;
}

/* A reader may be killed, or stopped, before it tells. */
Test(broadcast_sources, room_of_which_nobody_tells_is_looked_for)
{
	struct watch w;

	watch_room(&w, 8, 8, 8);
	cr_assert_null(w.b.w.side.self, "without a peer too");
	cr_assert_eq(w.in[0].slice_ns, SLIP_SLICE_NS, "slices");
	teardown(&w.b);
}

Test(broadcast_sources, a_read_ends_the_writers_wait)
{
	struct watch w;
	pthread_t thread;

	watch_room(&w, 8, 8, 8);
	write_many(&w.b.w, 8);
	cr_assert_eq(pthread_create(&thread, NULL, read_when_asleep, &w), 0);
	cr_assert_eq(slip_waitset_wait(&w.set, SLIP_FOREVER), 1);
	pthread_join(thread, NULL);
	teardown(&w.b);
}
