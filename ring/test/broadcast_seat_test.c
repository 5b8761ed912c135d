/* SPDX-License-Identifier: MIT */
/* ring/broadcast.h with seats: readers that hold the writer back, leave, are
 * evicted, or say what is not so. Deaths: broadcast_crash_test.c. */
#define _GNU_SOURCE
#include "broadcast_bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static unsigned char out[65536];

static void another(struct bench *b, struct slip_broadcast_reader *r,
		    bool newest)
{
	cr_assert_eq(
		slip_broadcast_attach_reader(r, b->mem, b->bytes, NULL, newest),
		0, "reader");
}

/* Writes until there is no room; how many. */
static uint64_t fill_up(struct slip_broadcast_writer *w)
{
	uint64_t n = 0;
	int rc;

	while ((rc = write_one(w)) == 0 && n < 10000)
		n++;
	cr_assert_eq(rc, -EAGAIN, "%d after %llu", rc, (unsigned long long)n);
	return n;
}

static void write_freely(struct slip_broadcast_writer *w)
{
	for (int n = 0; n < 1000; n++)
		cr_assert_eq(write_one(w), 0, "held back");
}

Test(broadcast_seat, without_readers_all_is_taken)
{
	struct bench b;

	make(&b, 8, 8, 1, 2);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	write_freely(&b.w);
	another(&b, &b.r, SLIP_BROADCAST_NEWEST);
	cr_assert_eq(fill_up(&b.w), 8, "all slots");
	slip_broadcast_detach_reader(&b.r);
	write_freely(&b.w);
	teardown(&b);
}

Test(broadcast_seat, there_are_as_many_readers_as_seats)
{
	struct slip_broadcast_reader rs[3];
	struct bench b;

	setup(&b, 8, 8, 4);
	for (int i = 0; i < 3; i++)
		another(&b, &rs[i], SLIP_BROADCAST_NEWEST);
	rs[0].ring = NULL;
	cr_assert_eq(slip_broadcast_attach_reader(&rs[0], b.mem, b.bytes, NULL,
						  true),
		     -EUSERS);
	slip_broadcast_detach_reader(&rs[0]);
	slip_broadcast_detach_reader(&rs[1]);
	another(&b, &rs[0], SLIP_BROADCAST_NEWEST);
	cr_assert_eq(slip_broadcast_attach_reader(&rs[1], b.mem, b.bytes, NULL,
						  true),
		     -EUSERS);
	teardown(&b);
}

/* Each reader gets every element, and the slowest sets the pace. */
static void lossless(uint64_t room, uint32_t elem_bytes)
{
	struct slip_broadcast_reader slow;
	struct bench b;
	uint64_t got = 0;

	setup(&b, room, elem_bytes, 3);
	another(&b, &slow, SLIP_BROADCAST_NEWEST);
	for (int lap = 0; lap < 200; lap++) {
		fill_up(&b.w);
		read_all(&b);
		cr_assert_eq(write_one(&b.w), -EAGAIN, "one is behind");
		for (int n = 0; n < 1 + lap % 5; n++)
			if (!read_one(&b, &slow))
				got++;
	}
	read_all(&b);
	while (!read_one(&b, &slow))
		got++;
	cr_assert_eq(got, b.w.number, "all");
	cr_assert_eq(b.got, 2 * b.w.number, "all of both");
	cr_assert_eq(b.lost, 0, "lost");
	slip_broadcast_detach_reader(&slow);
	teardown(&b);
}

Test(broadcast_seat, nothing_is_lost_by_anybody)
{
	lossless(8, 8);
	lossless(64, 24);
	lossless(256, 0);
	lossless(4096, 0);
}

Test(broadcast_seat, one_that_comes_gets_all_from_there_on)
{
	for (uint32_t elem = 0; elem < 9; elem += 8)
		for (uint64_t n = 0; n < 300; n++) {
			struct bench b;

			make(&b, 256, elem, 1, 1);
			cr_assert_eq(slip_broadcast_attach_writer(
					     &b.w, b.mem, b.bytes, NULL),
				     0);
			write_many(&b.w, n);
			another(&b, &b.r, SLIP_BROADCAST_NEWEST);
			fill_up(&b.w);
			read_all(&b);
			cr_assert_eq(b.got, b.w.number - n, "from there on");
			cr_assert_eq(b.lost, 0, "lost");
			teardown(&b);
		}
}

/* What is begun without anybody to ask for it may be over what one that comes
 * for the oldest wanted. */
Test(broadcast_seat, one_that_wants_the_oldest_is_told_what_it_did_not_get)
{
	struct bench b;

	make(&b, 8, 8, 1, 1);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	write_many(&b.w, 3);
	another(&b, &b.r, SLIP_BROADCAST_OLDEST);
	fill_up(&b.w);
	read_all(&b);
	cr_assert_eq(b.got + b.lost, b.w.number, "accounts");
	teardown(&b);
}

Test(broadcast_seat, a_writer_begins_no_more_than_readers_allow)
{
	struct bench b;

	setup(&b, 1024, 0, 1);
	while (slip_broadcast_write(&b.w, out, 0) == 0)
		cr_assert_leq(b.w.begun, b.w.shape.room);
	cr_assert_eq(b.w.tail, 128, "to the last byte");
	cr_assert_eq(slip_broadcast_write(&b.w, out, 0), -EAGAIN);
	teardown(&b);
}

Test(broadcast_seat, the_furthest_behind_are_evicted_and_count_what_they_lost)
{
	struct slip_broadcast_reader slow, slower, same;
	struct bench b;
	struct bench *count = &b;

	setup(&b, 16, 8, 4);
	cr_assert_eq(slip_broadcast_evict(&b.w), 0, "none is behind");
	another(&b, &slow, SLIP_BROADCAST_NEWEST);
	another(&b, &slower, SLIP_BROADCAST_NEWEST);
	another(&b, &same, SLIP_BROADCAST_NEWEST);
	fill_up(&b.w);
	read_all(&b);
	cr_assert_eq(read_one(count, &slow), 0);
	cr_assert_eq(write_one(&b.w), -EAGAIN, "held back");
	cr_assert_eq(slip_broadcast_evict(&b.w), 2, "the two slowest");
	cr_assert_eq(write_one(&b.w), 0, "and goes on");
	cr_assert_eq(write_one(&b.w), -EAGAIN, "as far as the next");
	cr_assert_eq(slip_broadcast_evict(&b.w), 1);
	write_many(&b.w, 10);
	read_all(&b);
	write_many(&b.w, 10);
	cr_assert_eq(b.r.at[0].number + 10, b.w.number);
	/* They find out by themselves, exactly; and count again. */
	b.got = 0;
	b.lost = 0;
	while (read_one(&b, &slower) == 0)
		;
	cr_assert_gt(b.lost, 0, "lost");
	cr_assert_eq(b.got + b.lost, b.w.number, "accounts");
	b.got = 0;
	b.lost = 0;
	while (read_one(&b, &slow) == 0)
		;
	cr_assert_eq(b.got + b.lost + 1, b.w.number, "accounts");
	read_all(&b);
	fill_up(&b.w);
	read_all(&b);
	cr_assert_eq(write_one(&b.w), -EAGAIN, "they hold back again");
	slip_broadcast_detach_reader(&slow);
	cr_assert_eq(write_one(&b.w), -EAGAIN, "the other does too");
	slip_broadcast_detach_reader(&slower);
	slip_broadcast_detach_reader(&same);
	cr_assert_eq(write_one(&b.w), 0, "nobody does");
	teardown(&b);
}

static void write_words(struct bench *b, uint64_t word)
{
	for (int n = 0; n < 8; n++)
		cr_assert_eq(slip_broadcast_write(&b->w, &word, 8), 0);
}

static void read_words(struct bench *b, uint64_t word)
{
	for (int n = 0; n < 8; n++) {
		uint64_t x = ~word;
		uint32_t len;

		cr_assert_eq(slip_broadcast_read(&b->r, &x, 8, &len), 0);
		cr_assert_eq(x, word, "element %d", n);
	}
}

/* The data follow the last seat: elements that look as a cursor, or a role. */
Test(broadcast_seat, an_element_is_not_evicted)
{
	struct bench b;

	setup(&b, 8, 8, 1);
	write_words(&b, 0);
	cr_assert_eq(slip_broadcast_evict(&b.w), 1, "the one");
	read_words(&b, 0);
	teardown(&b);
}

Test(broadcast_seat, an_element_is_not_buried)
{
	uint64_t held = slip_role_held_(3, 1);
	struct bench b;

	setup(&b, 8, 8, 1);
	write_words(&b, held);
	slip_a64_store_relaxed(&b.r.seat->role, held); /* init */
	cr_assert_eq(slip_broadcast_recover_(NULL, b.mem, b.bytes, 3, 1), 0);
	/* stat */
	cr_assert_eq(slip_a64_load_relaxed(&b.r.seat->role) & 15,
		     (uint64_t)SLIP_ROLE_DEAD);
	read_words(&b, held);
	teardown(&b);
}

/* --- how often ------------------------------------------------------------------- */

Test(broadcast_seat, the_writer_looks_round_when_the_room_is_used_up)
{
	struct bench b;

	setup(&b, 8, 8, 1);
	write_many(&b.w, 8);
	/* stat: the reader as it came, and the writer once */
	cr_assert_eq(slip_a64_load_relaxed(&b.w.ring->meet), 2);
	teardown(&b);
}

/* Nobody asks who it was. */
Test(broadcast_seat, a_cursor_that_is_not_in_the_way_counts)
{
	struct slip_broadcast_reader gone;
	struct bench b;

	setup(&b, 8, 8, 2);
	another(&b, &gone, SLIP_BROADCAST_OLDEST);
	write_many(&b.w, 8);
	cr_assert_eq(read_one(&b, &gone), 0);
	read_all(&b);
	slip_a64_store_relaxed(&gone.seat->role, SLIP_ROLE_DEAD); /* init */
	cr_assert_eq(write_one(&b.w), 0);
	cr_assert_eq(b.w.limit, 9, "as far as that");
	write_many(&b.w, 7);
	teardown(&b);
}

/* --- cursors that lie ------------------------------------------------------------ */

Test(broadcast_seat, a_cursor_out_of_range_holds_nobody_back)
{
	static const uint64_t off[] = { 1, 9, 1000, UINT64_MAX / 2 };

	for (size_t i = 0; i < 8; i++) {
		struct bench b;

		setup(&b, 8, 8, 1);
		write_many(&b.w, 8);
		read_all(&b);
		write_many(&b.w, 8);
		/* init: beyond the tail, or too far below */
		slip_a64_store_relaxed(&b.r.seat->cursor,
				       i < 4 ? b.w.tail + off[i]
					     : b.w.tail - 16 - off[i - 4]);
		write_freely(&b.w);
		read_all(&b);
		cr_assert_eq(b.got + b.lost, b.w.number, "accounts");
		cr_assert_eq(fill_up(&b.w), 8, "and counts again");
		teardown(&b);
	}
}

Test(broadcast_seat, a_cursor_two_rooms_behind_is_not_out_of_range)
{
	struct bench b;

	setup(&b, 8, 8, 1);
	write_many(&b.w, 8);
	read_all(&b);
	write_many(&b.w, 8);
	slip_a64_store_relaxed(&b.r.seat->cursor, b.w.tail - 16); /* init */
	cr_assert_eq(write_one(&b.w), -EAGAIN);
	slip_a64_store_relaxed(&b.r.seat->cursor, b.w.tail - 17); /* init */
	cr_assert_eq(write_one(&b.w), 0);
	teardown(&b);
}

/* It begins at what is left, while the writer still goes by what it saw before. */
Test(broadcast_seat, one_that_comes_at_the_oldest_holds_back_from_then_on)
{
	for (uint64_t n = 7; n < 17; n++) {
		struct bench b;

		make(&b, 8, 8, 1, 2);
		cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes,
							  NULL),
			     0);
		write_many(&b.w, n);
		another(&b, &b.r, SLIP_BROADCAST_OLDEST);
		cr_assert_leq(fill_up(&b.w), 16);
		read_all(&b);
		cr_assert_eq(fill_up(&b.w), 8, "all slots");
		teardown(&b);
	}
}

Test(broadcast_seat, one_that_was_evicted_counts_when_it_has_caught_up)
{
	struct slip_broadcast_reader other;
	struct bench b;

	setup(&b, 8, 8, 2);
	another(&b, &other, SLIP_BROADCAST_NEWEST);
	write_many(&b.w, 8);
	cr_assert_eq(slip_broadcast_evict(&b.w), 2);
	write_many(&b.w, 1);
	slip_broadcast_detach_reader(&other);
	while (read_one(&b, &b.r) == -EAGAIN)
		;
	cr_assert_leq(fill_up(&b.w), 16);
	read_all(&b);
	cr_assert_eq(fill_up(&b.w), 8, "all slots");
	teardown(&b);
}

/* What stands there may be the next one's by the time that it would be swapped. */
Test(broadcast_seat, what_a_dead_one_left_is_not_touched)
{
	static const uint64_t left[] = { SLIP_BROADCAST_COMING, 0 };

	for (size_t i = 0; i < 2; i++) {
		struct bench b;
		struct slip_broadcast_seat *seat;

		make(&b, 8, 8, 1, 1);
		cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes,
							  NULL),
			     0);
		seat = slip_broadcast_seat_(b.w.ring, &b.w.shape, 0);
		/* init: died in attach, or at its first element; buried */
		slip_a64_store_relaxed(&seat->cursor, left[i]);
		slip_a64_store_relaxed(&seat->role,
				       slip_peer_tag_(5, 1) | SLIP_ROLE_DEAD);
		write_many(&b.w, 16);
		/* stat */
		cr_assert_eq(slip_a64_load_relaxed(&seat->cursor), left[i]);
		teardown(&b);
	}
}

/* The handle is gone, its seat still says that it is held. */
Test(broadcast_seat, one_without_a_peer_holds_back_for_ever)
{
	struct bench b;

	setup(&b, 8, 8, 1);
	fill_up(&b.w);
	memset(&b.r, 0, sizeof(b.r));
	b.r.error = -EPIPE;
	cr_assert_eq(write_one(&b.w), -EAGAIN);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8,
						slip_after_ns(20000000)),
		     -ETIMEDOUT);
	cr_assert_eq(slip_broadcast_evict(&b.w), 1, "but for this");
	write_freely(&b.w);
	teardown(&b);
}

/* What a dead one left, and its seat was taken down by who recovers. */
Test(broadcast_seat, the_cursor_of_a_seat_that_nobody_holds_is_put_away)
{
	static const uint64_t states[] = { SLIP_ROLE_VACANT, SLIP_ROLE_CLOSED,
					   SLIP_ROLE_DEAD };

	for (size_t i = 0; i < 3; i++) {
		struct bench b;

		setup(&b, 8, 8, 2);
		fill_up(&b.w);
		slip_a64_store_relaxed(&b.r.seat->role, states[i]); /* init */
		write_freely(&b.w);
		/* stat: */
		cr_assert_eq(slip_a64_load_relaxed(&b.r.seat->cursor),
			     SLIP_BROADCAST_NONE);
		teardown(&b);
	}
}

/* One that is stopped as it comes is in the way, wherever it was going to begin. */
Test(broadcast_seat, one_that_comes_holds_back_until_it_is_there)
{
	for (int i = 0; i < 2; i++) {
		struct bench b;

		setup(&b, 8, 8, 1);
		write_many(&b.w, 8);
		read_all(&b);
		cr_assert_eq(write_one(&b.w), 0, "room");
		/* init */
		slip_a64_store_relaxed(&b.r.seat->cursor,
				       SLIP_BROADCAST_COMING);
		while (write_one(&b.w) == 0)
			;
		cr_assert_leq(b.w.tail, 16, "as the last look round allowed");
		if (i == 0)
			cr_assert_eq(slip_broadcast_evict(&b.w), 1, "evicted");
		else
			slip_a64_store_relaxed(&b.r.seat->role, SLIP_ROLE_DEAD);
		write_freely(&b.w);
		teardown(&b);
	}
}

/* --- waiting ------------------------------------------------------------------------ */

static void *reads_when_awaited(void *arg)
{
	struct bench *b = arg;

	/* hint: somebody has announced that it sleeps */
	while (!(slip_a32_load_relaxed(&b->w.ring->ev_space.word) &
		 SLIP_EVENT_W_))
		sched_yield();
	cr_assert_eq(read_one(b, &b->r), 0);
	return NULL;
}

Test(broadcast_seat, a_read_wakes_a_writer_without_a_deadline)
{
	struct bench b;
	pthread_t thread;

	setup(&b, 8, 8, 1);
	fill_up(&b.w);
	cr_assert_eq(pthread_create(&thread, NULL, reads_when_awaited, &b), 0);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8, SLIP_FOREVER), 0);
	pthread_join(thread, NULL);
	teardown(&b);
}

static void *leaves_when_awaited(void *arg)
{
	struct bench *b = arg;

	/* hint: as above */
	while (!(slip_a32_load_relaxed(&b->w.ring->ev_space.word) &
		 SLIP_EVENT_W_))
		sched_yield();
	slip_broadcast_detach_reader(&b->r);
	return NULL;
}

Test(broadcast_seat, a_detach_wakes_a_writer_without_a_deadline)
{
	struct bench b;
	pthread_t thread;

	setup(&b, 8, 8, 1);
	fill_up(&b.w);
	cr_assert_eq(pthread_create(&thread, NULL, leaves_when_awaited, &b), 0);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8, SLIP_FOREVER), 0);
	pthread_join(thread, NULL);
	teardown(&b);
}

Test(broadcast_seat, a_deadline_is_kept)
{
	struct bench b;

	setup(&b, 8, 8, 1);
	fill_up(&b.w);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8, 0), -ETIMEDOUT);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8,
						slip_after_ns(1000000)),
		     -ETIMEDOUT);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 9, 0), -EMSGSIZE);
	cr_assert_eq(read_one(&b, &b.r), 0);
	cr_assert_eq(slip_broadcast_write_until(&b.w, out, 8, 0), 0);
	teardown(&b);
}
