/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h at the edges that a change by one shows: sizes, the last seat, the
 * last slot. What stress/mutants missed in the other tests. */
#include "mpmc_bench.h"

#include <errno.h>

static const uint32_t sizes[] = { 1, 8, 9, 24, 25, 56, 57, 72, 120 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Others compute it too: it is part of the layout. */
Test(mpmc_edge, seats_and_slots_are_as_large_as_the_layout_says)
{
	static const uint32_t right[][3] = {
		/* element, seat, slot */
		{ 8, 384, 16 },	       { 9, 640, 32 },
		{ 24, 896, 32 },       { 25, 1152, 64 },
		{ 32, 1152, 64 },      { 56, 2048, 64 },
		{ 57, 2304, 128 },     { 72, 2304, 128 },
		{ 1024, 4224, 1088 },  { 2048, 6272, 2112 },
		{ 4096, 12416, 4160 },
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		cr_assert_eq(
			slip_mpmc_bytes(4, right[i][0], SLIP_MPMC_SEATS(3)),
			384u + 3 * right[i][1] + 4 * right[i][2], "%u B",
			right[i][0]);
}

/* The parts of a seat do not overlap: batches are announced beside the draft. */
Test(mpmc_edge, a_draft_outlasts_batches)
{
	static unsigned char in[32 * 120];
	unsigned char out[120];
	unsigned char *place;

	for (size_t i = 0; i < SIZES; i++) {
		uint32_t most = slip_mpmc_run_max_(sizes[i]);
		struct bench b;

		for (uint32_t n = 0; n < most; n++)
			fill(in + n * sizes[i], sizes[i], n);
		setup(&b, 64, sizes[i], 0);
		place = slip_mpmc_claim(&b.p);
		cr_assert(place != NULL, "room");
		fill(place, sizes[i], most);
		cr_assert_eq(slip_mpmc_push_n(&b.p, in, most), most);
		cr_assert(slip_mpmc_commit(&b.p), "commit");
		for (uint32_t n = 0; n <= most; n++) {
			cr_assert(slip_mpmc_pop(&b.c, out), "empty");
			cr_assert(filled(out, sizes[i], n), "%u B, %u",
				  sizes[i], n);
		}
		teardown(&b);
	}
}

/* What is heard is copied word by word, of which the last may be a part. */
Test(mpmc_edge, what_is_heard_is_not_longer_than_an_element)
{
	for (size_t i = 0; i < SIZES; i++) {
		unsigned char in[120 + 8], out[120 + 8];
		struct bench b;
		uint64_t at;

		setup(&b, 4, sizes[i], 0);
		fill(in, sizeof(in), i);
		fill(out, sizeof(out), 77);
		slip_mpmc_announce_(&b.p, 0, in, sizes[i]);
		cr_assert(slip_mpmc_take_place_(&b.p, &at, sizes[i]) != NULL);
		slip_mpmc_recover_seat_(&b.c, b.p.me, b.p.who);
		cr_assert(slip_mpmc_pop(&b.c, out), "%u B", sizes[i]);
		cr_assert(filled(out, sizes[i], i), "%u B", sizes[i]);
		for (uint32_t k = sizes[i]; k < sizeof(out); k++)
			cr_assert_eq(out[k], (unsigned char)(77 * 31 + k * 7),
				     "%u B", sizes[i]);
		teardown(&b);
	}
}

/* --- the last seat ---------------------------------------------------------- */

/* An element is heard into the hand of the last seat, by a take that comes as
 * far as head; the next pop has to find it there. */
Test(mpmc_edge, the_hand_of_the_last_seat_is_looked_at)
{
	struct slip_mpmc slow, other[BENCH_SEATS - 4], final;
	struct slip_mpmc_ticket t;
	struct stopped s;
	struct bench b;

	setup(&b, 4, 8, SLIP_MPMC_WORK);
	attach(&slow, &b, SLIP_PRODUCER);
	for (int i = 0; i < BENCH_SEATS - 4; i++)
		attach(&other[i], &b, SLIP_PRODUCER);
	attach(&final, &b, SLIP_CONSUMER);
	cr_assert_eq(final.me, (uint64_t)BENCH_SEATS);
	push_half(&slow, &s, 1);
	push_to(&b.p, 2, 2);
	cr_assert(slip_mpmc_take(&final, &t) != NULL, "heard");
	cr_assert(t.word == &final.seat->hand, "into the hand");
	/* As if it had been stopped before it said so. */
	slip_a64_store_relaxed(&final.seat->hand,
			       slip_a64_load_relaxed(t.word) & ~SLIP_MPMC_FULL);
	expect_pop(&b.c, 2);
	cr_assert_eq(slip_a64_load_relaxed(t.word),
		     s.at | SLIP_MPMC_FULL | final.me, "named in the hand");
	slip_mpmc_ack(&final, &t);
	push_rest(&s);
	for (int i = 0; i < BENCH_SEATS - 4; i++)
		slip_mpmc_detach(&other[i]);
	slip_mpmc_detach(&slow);
	slip_mpmc_detach(&final);
	teardown(&b);
}

/* --- as many seats as there can be ------------------------------------------ */

Test(mpmc_edge, a_ring_has_1_to_4094_seats)
{
	static const unsigned seats[] = { 1, 4094 };

	for (int i = 0; i < 2; i++) {
		unsigned flags = SLIP_MPMC_SEATS(seats[i]);
		size_t bytes = slip_mpmc_bytes(2, 8, flags);
		void *mem = fresh_memory(bytes);
		struct slip_mpmc_info info;
		struct slip_mpmc q;

		cr_assert(mem != NULL, "no memory");
		cr_assert_eq(slip_mpmc_init(mem, bytes, 2, 8, flags), 0);
		cr_assert_eq(slip_mpmc_inspect(mem, bytes, &info), 0);
		cr_assert_eq(info.seats, seats[i]);
		cr_assert_eq(slip_mpmc_attach(&q, mem, bytes,
					      SLIP_PRODUCER | SLIP_CONSUMER,
					      NULL),
			     0, "%u seats", seats[i]);
		push_to(&q, 1, 1);
		expect_pop(&q, 1);
		slip_mpmc_detach(&q);
		free(mem);
	}
}

/* --- voids at the ends ------------------------------------------------------- */

/* A ring of 2, all popped; the first slot has not been given back. */
static void one_slow_pop(struct bench *b, struct slip_mpmc *slow,
			 struct stopped *s)
{
	setup(b, 2, 8, 0);
	attach(slow, b, SLIP_CONSUMER);
	push_to(&b->p, 1, 2);
	pop_half(slow, s);
	expect_pop(&b->c, 2);
}

static uint64_t tail_of(const struct bench *b)
{
	return slip_mpmc_at_(slip_a64_load_relaxed(&ring_of(b)->tail));
}

Test(mpmc_edge, a_position_is_void_only_if_there_is_one_behind_it)
{
	struct slip_mpmc slow;
	struct stopped s;
	struct bench b;
	uint64_t x = 4;

	one_slow_pop(&b, &slow, &s);
	push_to(&b.p, 3, 3);
	cr_assert_eq(tail_of(&b), s.at + 4 * SLIP_MPMC_ONE, "behind a void");
	cr_assert_not(slip_mpmc_push(&b.p, &x), "no slot is free");
	cr_assert_eq(tail_of(&b), s.at + 4 * SLIP_MPMC_ONE, "no void more");
	pop_rest(&slow, &s);
	push_to(&b.p, 4, 4);
	expect_pop(&b.c, 3);
	expect_pop(&b.c, 4);
	slip_mpmc_detach(&slow);
	teardown(&b);
}

Test(mpmc_edge, a_void_at_head_whose_slot_is_free_by_now_is_passed_by_a_push)
{
	struct slip_mpmc slow;
	struct stopped s;
	struct bench b;

	one_slow_pop(&b, &slow, &s);
	push_to(&b.p, 3, 3);
	pop_rest(&slow, &s);
	push_to(&b.p, 4, 4);
	expect_pop(&b.c, 3);
	expect_pop(&b.c, 4);
	expect_empty(&b.c);
	slip_mpmc_detach(&slow);
	teardown(&b);
}

/* --- who sits in the last seat counts ---------------------------------------- */

/* All seats but the last are left again. */
static void in_the_last_seat(struct bench *b, struct slip_mpmc *q,
			     unsigned flags, unsigned roles)
{
	struct slip_mpmc other[BENCH_SEATS - 3];

	setup(b, 4, 8, flags);
	for (int i = 0; i < BENCH_SEATS - 3; i++)
		attach(&other[i], b, SLIP_CONSUMER);
	attach(q, b, roles);
	cr_assert_eq(q->me, (uint64_t)BENCH_SEATS);
	for (int i = 0; i < BENCH_SEATS - 3; i++)
		slip_mpmc_detach(&other[i]);
}

Test(mpmc_edge, one_in_the_last_seat_is_there)
{
	struct slip_mpmc_info info;
	struct slip_mpmc q, alone;
	struct bench b;

	in_the_last_seat(&b, &q, 0, SLIP_PRODUCER);
	slip_mpmc_detach(&b.p);
	cr_assert_not(slip_mpmc_gone(&b.c, SLIP_PRODUCER), "not gone");
	cr_assert_eq(slip_mpmc_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.producers, 1u);
	cr_assert_eq(slip_mpmc_attach(&alone, b.mem, b.bytes,
				      SLIP_PRODUCER | SLIP_EXCLUSIVE, NULL),
		     -EBUSY, "nor alone");
	slip_mpmc_detach(&q);
	cr_assert(slip_mpmc_gone(&b.c, SLIP_PRODUCER), "gone");
	slip_mpmc_detach(&b.c);
	free(b.mem);
}

/* What is returned in the hand of the last seat: by its nack, as it leaves, and
 * as it is recovered. */
Test(mpmc_edge, what_the_last_seat_returns_is_found)
{
	for (int how = 0; how < 3; how++) {
		struct slip_mpmc_ticket t;
		struct slip_mpmc q, slow;
		struct stopped s;
		struct bench b;

		in_the_last_seat(&b, &q, SLIP_MPMC_WORK, SLIP_CONSUMER);
		attach(&slow, &b, SLIP_PRODUCER);
		push_half(&slow, &s, 1);
		push_to(&b.p, 2, 2);
		cr_assert(slip_mpmc_take(&q, &t) != NULL, "heard");
		cr_assert(t.word == &q.seat->hand, "into the hand");
		if (how == 0)
			cr_assert_eq(slip_mpmc_nack(&q, &t), 0);
		else if (how == 1)
			slip_mpmc_detach(&q);
		else
			slip_mpmc_recover_seat_(&b.c, q.me, q.who);
		cr_assert(slip_mpmc_take(&b.c, &t) != NULL, "found");
		cr_assert_eq(t.attempts, 2u, "%d", how);
		slip_mpmc_ack(&b.c, &t);
		expect_pop(&b.c, 2);
		expect_empty(&b.c);
		push_rest(&s);
		slip_mpmc_detach(&slow);
		slip_mpmc_detach(&q);
		teardown(&b);
	}
}

/* Who is about to return one, and sits in the last seat, keeps the flag up. */
Test(mpmc_edge, what_the_last_seat_is_about_to_return_is_waited_for)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc q;
	struct bench b;

	in_the_last_seat(&b, &q, SLIP_MPMC_WORK, SLIP_CONSUMER);
	slip_a64_store_relaxed(&q.seat->giving, q.who);
	slip_mpmc_returning_(&q);
	cr_assert(slip_mpmc_take(&b.c, &t) == NULL, "not yet");
	cr_assert(slip_a64_load_relaxed(&ring_of(&b)->returned) & 1,
		  "but soon");
	slip_a64_store_relaxed(&q.seat->giving, 0);
	cr_assert(slip_mpmc_take(&b.c, &t) == NULL, "nothing");
	cr_assert_not(slip_a64_load_relaxed(&ring_of(&b)->returned) & 1,
		      "done");
	slip_mpmc_detach(&q);
	teardown(&b);
}

Test(mpmc_edge, one_who_died_in_the_last_seat_is_recovered)
{
	slip_a64 *word;
	struct bench b;

	setup(&b, 4, 8, 0);
	word = &slip_mpmc_seat_(ring_of(&b), &b.p.shape, BENCH_SEATS)->word;
	slip_a64_store_relaxed(word, slip_role_held_(3, 7) |
					     (uint64_t)SLIP_CONSUMER
						     << SLIP_MPMC_ROLES_SHIFT);
	cr_assert_eq(slip_mpmc_recover_(NULL, b.mem, b.bytes, 3, 6), 0);
	cr_assert_neq(slip_a64_load_relaxed(word), 0u, "of another");
	cr_assert_eq(slip_mpmc_recover_(NULL, b.mem, b.bytes, 3, 7), 0);
	cr_assert_eq(slip_a64_load_relaxed(word), 0u, "free");
	teardown(&b);
}
