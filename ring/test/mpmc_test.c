/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h in one process: shapes, limits, order, batches, roles, waiting,
 * handles after their time. Work queues: mpmc_work_test.c; who is stopped or
 * interrupted half way: mpmc_step_test.c; deaths: mpmc_crash_test.c. */
#define _GNU_SOURCE
#include "mpmc_bench.h"

#include <errno.h>

struct tick {
	uint64_t time;
	uint32_t price;
};

struct three {
	uint64_t word[3];
};

struct seven {
	uint64_t word[7];
};

SLIP_MPMC_DEFINE(words, uint64_t);
SLIP_MPMC_DEFINE(ticks, struct tick);
SLIP_MPMC_DEFINE(threes, struct three);
SLIP_MPMC_DEFINE(sevens, struct seven);

static const uint32_t sizes[] = { 1,   2,   3,	 7,   8,   9,	12,   16,
				  23,  24,  25,	 31,  55,  56,	57,   64,
				  119, 120, 121, 255, 256, 257, 1000, 65536 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* --- shapes ---------------------------------------------------------------- */

Test(mpmc, bytes_is_0_for_what_is_not_a_shape)
{
	static const uint32_t bad[][3] = {
		{ 0, 8, 0 },	       { 1, 8, 0 }, { 3, 8, 0 },
		{ UINT32_MAX, 8, 0 },  { 2, 0, 0 }, { 2, 65537, 0 },
		{ 2, 8, 4095u << 16 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(slip_mpmc_bytes(bad[i][0], bad[i][1], bad[i][2]),
			     0, "shape %zu", i);
	cr_assert_eq(slip_mpmc_bytes(2, 1, SLIP_MPMC_SEATS(1)),
		     384u + 384 + 2 * 16, "smallest");
	cr_assert_eq(slip_mpmc_bytes(2, 8, SLIP_MPMC_WORK | SLIP_MPMC_SEATS(1)),
		     384u + 384 + 2 * 16 + 2 * 8,
		     "a work queue counts attempts");
	cr_assert(slip_mpmc_bytes(UINT32_C(1) << 31, 65536,
				  SLIP_MPMC_SEATS(4094)) > (UINT64_C(1) << 47),
		  "largest");
	cr_assert_eq(slip_mpmc_bytes(2, 8, 0),
		     slip_mpmc_bytes(2, 8, SLIP_MPMC_SEATS(64)), "64 seats");
}

Test(mpmc, init_names_what_is_wrong)
{
	size_t bytes = slip_mpmc_bytes(64, 8, 0);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_mpmc_init(mem, bytes - 1, 64, 8, 0), -EOVERFLOW,
		     "one byte short");
	cr_assert_eq(slip_mpmc_init(mem + 8, bytes, 64, 8, 0), -EINVAL,
		     "misaligned");
	cr_assert_eq(slip_mpmc_init(NULL, bytes, 64, 8, 0), -EINVAL, "NULL");
	cr_assert_eq(slip_mpmc_init(mem, bytes, 63, 8, 0), -EINVAL, "shape");
	cr_assert_eq(slip_mpmc_init(mem, bytes, 64, 8, 77), -EINVAL, "mode");
	cr_assert_eq(slip_mpmc_init(mem, bytes, 64, 8, 0x200), -EINVAL,
		     "a flag that is none");
	cr_assert_eq(slip_mpmc_init(mem, bytes, 64, 8, SLIP_EVENT_RMW), -EINVAL,
		     "a mode that fits no plain store");
	cr_assert_eq(slip_mpmc_init(mem, bytes, 64, 8, SLIP_EVENT_FULL), 0,
		     "misaligned by 64 would do");
	cr_assert_eq(slip_mpmc_init(mem + 64, bytes, 64, 8, 0), 0,
		     "a line is enough");
	free(mem);
}

Test(mpmc, attach_names_what_is_wrong)
{
	struct slip_mpmc q;
	struct bench b;

	setup(&b, 64, 8, 0);
	for (unsigned roles = 0; roles < 16; roles++)
		if (!(roles & 3) || roles > 7)
			cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, roles,
						      NULL),
				     -EINVAL, "roles %u", roles);
	cr_assert_eq(slip_mpmc_attach(&q, NULL, b.bytes, 1, NULL), -EINVAL,
		     "NULL");
	cr_assert_eq(
		slip_mpmc_attach(&q, (char *)b.mem + 8, b.bytes - 8, 1, NULL),
		-EINVAL, "misaligned");
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes - 1, 1, NULL),
		     -EOVERFLOW, "truncated slots");
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, 383, 1, NULL), -EOVERFLOW,
		     "truncated header");
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL), 0, "all");
	cr_assert_eq(slip_mpmc_elem_bytes(&q), 8);
	slip_mpmc_detach(&q);
	teardown(&b);
}

Test(mpmc, elements_lie_at_multiples_of_8_and_small_ones_within_a_line)
{
	for (size_t i = 0; i < SIZES; i++) {
		struct bench b;

		setup_as(&b, 8, sizes[i], 0, SLIP_EXCLUSIVE);
		for (int n = 0; n < 8; n++) {
			uintptr_t at = (uintptr_t)slip_mpmc_claim(&b.p);

			cr_assert_eq(at % 8, 0, "%u B", sizes[i]);
			cr_assert(sizes[i] > 56 ||
					  at / 64 == (at + sizes[i] - 1) / 64,
				  "%u B straddle a line", sizes[i]);
			cr_assert(slip_mpmc_commit(&b.p), "commit");
		}
		teardown(&b);
	}
}

Test(mpmc, handles_never_share_a_line)
{
	cr_assert_eq(sizeof(struct slip_mpmc) % SLIP_APART_BYTES, 0);
}

/* --- how much it holds ----------------------------------------------------- */

static void fills_exactly(uint32_t capacity, uint32_t elem_bytes,
			  uint32_t shift, unsigned flags, unsigned how)
{
	static unsigned char elem[65536];
	struct bench b;
	uint64_t in = 0;
	uint64_t out = 0;

	setup_as(&b, capacity, elem_bytes, flags, how);
	for (uint32_t i = 0; i < shift; i++) {
		cr_assert(slip_mpmc_push(&b.p, elem), "shift in");
		cr_assert(slip_mpmc_pop(&b.c, elem), "shift out");
	}
	for (int lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < capacity; i++) {
			fill(elem, elem_bytes, in++);
			cr_assert(slip_mpmc_push(&b.p, elem),
				  "%u of %u, %u B, lap %d", i, capacity,
				  elem_bytes, lap);
		}
		cr_assert(!slip_mpmc_push(&b.p, elem), "full is full");
		cr_assert(slip_mpmc_claim(&b.p) == NULL, "full is full");
		cr_assert(!slip_mpmc_commit(&b.p), "no claim");
		cr_assert_eq(slip_mpmc_push_n(&b.p, elem, 1), 0, "full");
		cr_assert_eq(slip_mpmc_count_guess(&b.p), capacity, "count");
		/* One out, one in: a single free element is found. */
		cr_assert(slip_mpmc_pop(&b.c, elem), "one out");
		cr_assert(filled(elem, elem_bytes, out++), "order");
		fill(elem, elem_bytes, in++);
		cr_assert(slip_mpmc_push(&b.p, elem), "one in");
		cr_assert(!slip_mpmc_push(&b.p, elem), "full again");
		while (slip_mpmc_pop(&b.c, elem))
			cr_assert(filled(elem, elem_bytes, out++), "order");
		cr_assert_eq(out, in, "%u B: all came", elem_bytes);
		cr_assert_eq(slip_mpmc_count_guess(&b.c), 0, "count");
	}
	teardown(&b);
}

static void fills_exactly_as(unsigned flags, unsigned how)
{
	for (size_t i = 0; i < SIZES; i++)
		for (uint32_t shift = 0; shift < 9; shift++) {
			fills_exactly(2, sizes[i], shift, flags, how);
			fills_exactly(8, sizes[i], shift, flags, how);
			if (sizes[i] < 100)
				fills_exactly(64, sizes[i], shift, flags, how);
		}
}

Test(mpmc, holds_exactly_its_capacity_at_every_size_and_phase)
{
	fills_exactly_as(0, 0);
}

Test(mpmc, holds_exactly_its_capacity_for_exclusive_sides)
{
	fills_exactly_as(0, SLIP_EXCLUSIVE);
}

Test(mpmc, holds_exactly_its_capacity_as_a_work_queue)
{
	fills_exactly_as(SLIP_MPMC_WORK, 0);
}

/* --- every way in, every way out ------------------------------------------- */

#define BATCH 40

/* One random step of the producer; returns how many elements went in. */
static uint32_t random_push(struct slip_mpmc *q, unsigned char *buf,
			    uint64_t in, uint64_t r)
{
	uint32_t bytes = q->shape.elem_bytes;
	uint32_t n = (uint32_t)(r >> 8) % BATCH;
	void *place;

	if (r % 3 == 0) {
		for (uint32_t i = 0; i < n; i++)
			fill(buf + (size_t)i * bytes, bytes, in + i);
		return slip_mpmc_push_n(q, buf, n);
	}
	fill(buf, bytes, in);
	if (r % 3 == 1)
		return slip_mpmc_push(q, buf);
	place = slip_mpmc_claim(q);
	if (!place)
		return 0;
	memcpy(place, buf, bytes);
	if (r & 16) {
		slip_mpmc_abort(q);
		return 0;
	}
	return slip_mpmc_commit(q);
}

/* One random step of the consumer; checks what it took, and that nothing is
 * written behind it; returns how many. */
static uint32_t random_pop(struct slip_mpmc *q, unsigned char *buf,
			   uint64_t out, uint64_t r)
{
	uint32_t bytes = q->shape.elem_bytes;
	uint32_t n = (uint32_t)(r >> 8) % BATCH;
	struct slip_mpmc_ticket t;

	if (r % 3 == 0) {
		unsigned char *end = buf + (size_t)n * bytes;

		memset(end, 0x5a, 8);
		n = slip_mpmc_pop_n(q, buf, n);
		for (uint32_t i = 0; i < n; i++)
			cr_assert(
				filled(buf + (size_t)i * bytes, bytes, out + i),
				"element %llu", (unsigned long long)(out + i));
		for (int i = 0; i < 8; i++)
			cr_assert_eq(end[i], 0x5a, "written behind");
		return n;
	}
	if (r % 3 == 1) {
		memset(buf + bytes, 0x5a, 8);
		if (!slip_mpmc_pop(q, buf))
			return 0;
		cr_assert(filled(buf, bytes, out), "element %llu",
			  (unsigned long long)out);
		for (uint32_t i = 0; i < 8; i++)
			cr_assert_eq(buf[bytes + i], 0x5a, "written behind");
		return 1;
	}
	if (!slip_mpmc_take(q, &t))
		return 0;
	cr_assert_eq(t.attempts, 1u);
	cr_assert_eq((uintptr_t)t.elem % 8, 0);
	cr_assert(filled(t.elem, bytes, out), "element %llu",
		  (unsigned long long)out);
	slip_mpmc_ack(q, &t);
	return 1;
}

struct ways {
	unsigned flags;
	unsigned producer;
	unsigned consumer;
};

static void random_walk(uint32_t capacity, uint32_t elem_bytes, uint64_t seed,
			const struct ways *ways)
{
	unsigned char *buf = malloc((size_t)elem_bytes * BATCH + 8);
	uint64_t state = seed;
	uint64_t in = 0;
	uint64_t out = 0;
	struct bench b;

	setup(&b, capacity, elem_bytes, ways->flags);
	slip_mpmc_detach(&b.p);
	slip_mpmc_detach(&b.c);
	attach(&b.p, &b, ways->producer);
	attach(&b.c, &b, ways->consumer);
	for (int step = 0; step < 2000; step++) {
		uint64_t r = next_random(&state);
		uint64_t was = r >> 63 ? in : out;
		uint32_t n = r >> 63 ? random_push(&b.p, buf, in, r)
				     : random_pop(&b.c, buf, out, r);

		in += r >> 63 ? n : 0;
		out += r >> 63 ? 0 : n;
		cr_assert(in - out <= capacity, "in %llu out %llu",
			  (unsigned long long)in, (unsigned long long)out);
		cr_assert(was + n == (r >> 63 ? in : out), "account");
		cr_assert_eq(slip_mpmc_count_guess(&b.p), in - out,
			     "capacity %u, %u B, seed %llu", capacity,
			     elem_bytes, (unsigned long long)seed);
	}
	teardown(&b);
	free(buf);
}

static void random_walks(const struct ways *ways)
{
	for (size_t i = 0; i < SIZES - 1; i++)
		for (uint32_t capacity = 2; capacity <= 64; capacity *= 2)
			random_walk(capacity, sizes[i],
				    0x9e3779b97f4a7c15u + i * 64 + capacity,
				    ways);
}

Test(mpmc, agrees_with_a_counter_under_random_schedules)
{
	static const struct ways ways = { 0, SLIP_PRODUCER, SLIP_CONSUMER };

	random_walks(&ways);
}

Test(mpmc, agrees_with_a_counter_if_both_sides_are_exclusive)
{
	static const struct ways ways = { 0, SLIP_PRODUCER | SLIP_EXCLUSIVE,
					  SLIP_CONSUMER | SLIP_EXCLUSIVE };

	random_walks(&ways);
}

Test(mpmc, agrees_with_a_counter_as_a_work_queue)
{
	static const struct ways ways = { SLIP_MPMC_WORK,
					  SLIP_PRODUCER | SLIP_EXCLUSIVE,
					  SLIP_CONSUMER };

	random_walks(&ways);
}

/* Several handles by turns, so that none can go by its own last store. */
Test(mpmc, agrees_with_a_counter_if_handles_take_turns)
{
	unsigned char buf[8 * BATCH + 8];
	uint64_t state = 77;
	uint64_t in = 0;
	uint64_t out = 0;
	struct slip_mpmc more[4];
	struct bench b;

	setup(&b, 16, 8, 0);
	for (int i = 0; i < 4; i++)
		attach(&more[i], &b, SLIP_PRODUCER | SLIP_CONSUMER);
	for (int step = 0; step < 40000; step++) {
		uint64_t r = next_random(&state);
		struct slip_mpmc *q = &more[r >> 40 & 3];

		if (r >> 63)
			in += random_push(q, buf, in, r);
		else
			out += random_pop(q, buf, out, r);
		cr_assert_eq(slip_mpmc_count_guess(q), in - out);
	}
	for (int i = 0; i < 4; i++)
		slip_mpmc_detach(&more[i]);
	teardown(&b);
}

/* Full and empty are said exactly when they are true, by every handle. */
Test(mpmc, a_batch_takes_what_fits)
{
	uint64_t in[100];
	uint64_t out[100];
	struct bench b;

	for (uint64_t i = 0; i < 100; i++)
		in[i] = i;
	for (unsigned how = 0; how <= SLIP_EXCLUSIVE; how += SLIP_EXCLUSIVE)
		for (uint32_t n = 0; n <= 80; n++) {
			uint32_t fits = n < 64 ? n : 64;

			setup_as(&b, 64, 8, 0, how);
			cr_assert_eq(slip_mpmc_push_n(&b.p, in, n), fits);
			cr_assert_eq(slip_mpmc_push_n(&b.p, in + fits, 100),
				     64 - fits, "the rest");
			cr_assert_eq(slip_mpmc_push_n(&b.p, in, 1), 0, "full");
			cr_assert_eq(slip_mpmc_pop_n(&b.c, out, n), fits);
			cr_assert_eq(slip_mpmc_pop_n(&b.c, out + fits, 80),
				     64 - fits, "the rest");
			cr_assert_eq(slip_mpmc_pop_n(&b.c, out, 1), 0, "empty");
			cr_assert_eq(memcmp(in, out, sizeof(in[0])), 0);
			for (uint32_t i = 0; i < 64; i++)
				cr_assert_eq(out[i], i, "order");
			teardown(&b);
		}
}

Test(mpmc, a_claim_of_several_has_at_most_32_or_2_KiB)
{
	static const uint32_t bytes[] = { 1, 64, 65, 1024, 2048, 2049, 65536 };
	static const uint32_t most[] = { 32, 32, 28, 2, 1, 1, 1 };

	for (size_t i = 0; i < 7; i++)
		cr_assert_eq(slip_mpmc_run_max_(bytes[i]), most[i], "%u B",
			     bytes[i]);
}

/* --- claims ---------------------------------------------------------------- */

static void claims_show_nothing(unsigned how)
{
	struct bench b;
	uint64_t *place;
	uint64_t x;

	setup_as(&b, 4, 8, 0, how);
	place = slip_mpmc_claim(&b.p);
	cr_assert(place != NULL, "room");
	*place = 5;
	expect_empty(&b.c);
	cr_assert(slip_mpmc_claim(&b.p) == place, "the same place");
	cr_assert(slip_mpmc_commit(&b.p), "commit");
	cr_assert(!slip_mpmc_commit(&b.p), "once");
	expect_pop(&b.c, 5);
	cr_assert(slip_mpmc_claim(&b.p) != NULL, "room");
	slip_mpmc_abort(&b.p);
	cr_assert(!slip_mpmc_commit(&b.p), "aborted");
	expect_empty(&b.c);
	x = 6;
	cr_assert(slip_mpmc_claim(&b.p) != NULL, "room");
	cr_assert(slip_mpmc_push(&b.p, &x), "a push in between");
	expect_pop(&b.c, 6);
	slip_mpmc_abort(&b.p);
	teardown(&b);
}

Test(mpmc, claim_shows_nothing_until_commit)
{
	claims_show_nothing(0);
}

Test(mpmc, an_exclusive_claim_shows_nothing_until_commit)
{
	claims_show_nothing(SLIP_EXCLUSIVE);
}

Test(mpmc, a_commit_to_a_ring_that_is_full_by_now_says_so)
{
	struct slip_mpmc other;
	struct bench b;
	uint64_t *place;

	setup(&b, 2, 8, 0);
	attach(&other, &b, SLIP_PRODUCER);
	place = slip_mpmc_claim(&b.p);
	cr_assert(place != NULL, "room");
	*place = 3;
	push_to(&other, 1, 2);
	cr_assert(!slip_mpmc_commit(&b.p), "full by now");
	expect_pop(&b.c, 1);
	cr_assert(slip_mpmc_commit(&b.p), "it was kept");
	expect_pop(&b.c, 2);
	expect_pop(&b.c, 3);
	slip_mpmc_detach(&other);
	teardown(&b);
}

Test(mpmc, an_exclusive_claim_ends_with_a_push)
{
	struct bench b;
	uint64_t x = 1;

	setup_as(&b, 2, 8, 0, SLIP_EXCLUSIVE);
	cr_assert(slip_mpmc_claim(&b.p) != NULL, "room");
	cr_assert(slip_mpmc_push(&b.p, &x), "takes that place");
	cr_assert(!slip_mpmc_commit(&b.p), "so it is no claim any more");
	cr_assert(slip_mpmc_push(&b.p, &x), "and the lap is over");
	cr_assert(!slip_mpmc_commit(&b.p), "the place is of an old lap");
	expect_pop(&b.c, 1);
	expect_pop(&b.c, 1);
	cr_assert(slip_mpmc_claim(&b.p) != NULL, "room");
	for (uint64_t n = 10; n < 12; n++) {
		push_to(&b.p, n, n);
		expect_pop(&b.c, n);
	}
	cr_assert(!slip_mpmc_commit(&b.p), "a lap later");
	expect_empty(&b.c);
	teardown(&b);
}

/* --- roles ----------------------------------------------------------------- */

Test(mpmc, one_handle_can_have_both_roles)
{
	for (unsigned how = 0; how <= SLIP_EXCLUSIVE; how += SLIP_EXCLUSIVE) {
		struct slip_mpmc q;
		struct bench b;

		setup(&b, 4, 8, 0);
		slip_mpmc_detach(&b.p);
		slip_mpmc_detach(&b.c);
		attach(&q, &b, SLIP_PRODUCER | SLIP_CONSUMER | how);
		for (uint64_t i = 0; i < 50; i += 4) {
			push_to(&q, i, i + 3);
			cr_assert(!slip_mpmc_push(&q, &i), "full");
			for (uint64_t n = i; n < i + 4; n++)
				expect_pop(&q, n);
			expect_empty(&q);
		}
		slip_mpmc_detach(&q);
		free(b.mem);
	}
}

Test(mpmc, exclusive_is_refused_beside_another_and_keeps_others_out)
{
	struct slip_mpmc q;
	struct bench b;

	setup(&b, 4, 8, 0);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 5, NULL), -EBUSY);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 6, NULL), -EBUSY);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 7, NULL), -EBUSY);
	slip_mpmc_detach(&b.p);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 5, NULL), 0);
	cr_assert_eq(slip_mpmc_attach(&b.p, b.mem, b.bytes, 1, NULL), -EBUSY);
	cr_assert_eq(slip_mpmc_attach(&b.p, b.mem, b.bytes, 3, NULL), -EBUSY);
	cr_assert_eq(slip_mpmc_attach(&b.p, b.mem, b.bytes, 2, NULL), 0,
		     "another role");
	slip_mpmc_detach(&q);
	slip_mpmc_detach(&b.p);
	attach(&b.p, &b, SLIP_PRODUCER);
	teardown(&b);
}

Test(mpmc, there_are_as_many_handles_as_seats)
{
	struct slip_mpmc q[BENCH_SEATS];
	struct bench b;

	setup(&b, 4, 8, 0);
	for (int i = 2; i < BENCH_SEATS; i++)
		attach(&q[i], &b, SLIP_PRODUCER);
	cr_assert_eq(slip_mpmc_attach(&q[0], b.mem, b.bytes, 1, NULL), -EUSERS);
	slip_mpmc_detach(&q[3]);
	attach(&q[0], &b, SLIP_PRODUCER);
	cr_assert_eq(q[0].me, 4u, "the free seat");
	push_to(&q[0], 1, 1);
	expect_pop(&b.c, 1);
	slip_mpmc_detach(&q[0]);
	for (int i = 2; i < BENCH_SEATS; i++)
		slip_mpmc_detach(&q[i]);
	teardown(&b);
}

Test(mpmc, a_handle_of_one_role_does_nothing_in_the_other)
{
	struct slip_mpmc_ticket t;
	struct bench b;
	uint64_t x = 7;

	setup(&b, 4, 8, 0);
	push_to(&b.p, 1, 1);
	cr_assert(!slip_mpmc_pop(&b.p, &x));
	cr_assert_eq(slip_mpmc_pop_n(&b.p, &x, 1), 0u);
	cr_assert(slip_mpmc_take(&b.p, &t) == NULL);
	cr_assert_eq(slip_mpmc_pop_until(&b.p, &x, SLIP_FOREVER), -EINVAL);
	cr_assert_eq(slip_mpmc_take_until(&b.p, &t, SLIP_FOREVER), -EINVAL);
	cr_assert_eq(x, 7u, "untouched");
	cr_assert(!slip_mpmc_push(&b.c, &x));
	cr_assert_eq(slip_mpmc_push_n(&b.c, &x, 1), 0u);
	cr_assert(slip_mpmc_claim(&b.c) == NULL);
	cr_assert(!slip_mpmc_commit(&b.c));
	cr_assert_eq(slip_mpmc_push_until(&b.c, &x, SLIP_FOREVER), -EINVAL);
	expect_pop(&b.c, 1);
	expect_empty(&b.c);
	teardown(&b);
}

/* A handle that is nothing, any more or at all: all calls on it. */
static void is_closed(struct slip_mpmc *q, int error)
{
	struct slip_mpmc_ticket t;
	uint64_t x = 7;

	cr_assert(!slip_mpmc_commit(q), "nor what was claimed before");
	cr_assert(!slip_mpmc_push(q, &x));
	cr_assert_eq(slip_mpmc_push_n(q, &x, 1), 0u);
	cr_assert(slip_mpmc_claim(q) == NULL);
	cr_assert(!slip_mpmc_commit(q));
	slip_mpmc_abort(q);
	cr_assert(!slip_mpmc_pop(q, &x));
	cr_assert_eq(slip_mpmc_pop_n(q, &x, 1), 0u);
	cr_assert(slip_mpmc_take(q, &t) == NULL);
	cr_assert(t.elem == NULL);
	slip_mpmc_ack(q, &t);
	cr_assert_eq(slip_mpmc_nack(q, &t), -EINVAL);
	cr_assert_eq(slip_mpmc_push_until(q, &x, SLIP_FOREVER), error);
	cr_assert_eq(slip_mpmc_pop_until(q, &x, SLIP_FOREVER), error);
	cr_assert_eq(slip_mpmc_take_until(q, &t, SLIP_FOREVER), error);
	cr_assert(!slip_mpmc_gone(q, SLIP_PRODUCER));
	cr_assert_eq(slip_mpmc_count_guess(q), 0u);
	cr_assert_eq(x, 7u, "untouched");
	slip_mpmc_detach(q);
}

Test(mpmc, a_handle_that_failed_to_attach_harms_nobody)
{
	struct slip_mpmc bad;
	unsigned char *was;
	struct bench b;

	setup_as(&b, 4, 8, SLIP_MPMC_WORK, SLIP_EXCLUSIVE);
	push_to(&b.p, 1, 2);
	was = malloc(b.bytes);
	for (int way = 0; way < 3; way++) {
		memset(&bad, 0xff, sizeof(bad));
		cr_assert_eq(slip_mpmc_attach(&bad, way ? b.mem : NULL, b.bytes,
					      way == 2 ? 9 : 3, NULL),
			     way == 1 ? -EBUSY : -EINVAL, "way %d", way);
		memcpy(was, b.mem, b.bytes);
		is_closed(&bad, -EPIPE);
		cr_assert_eq(memcmp(was, b.mem, b.bytes), 0, "way %d", way);
	}
	free(was);
	expect_pop(&b.c, 1);
	expect_pop(&b.c, 2);
	teardown(&b);
}

Test(mpmc, a_handle_that_has_left_touches_nothing)
{
	struct slip_mpmc_ticket t;
	unsigned char *was;
	struct bench b;
	void *place;

	setup(&b, 4, 8, SLIP_MPMC_WORK);
	push_to(&b.p, 1, 2);
	place = slip_mpmc_claim(&b.p);
	cr_assert(place != NULL, "a claim in hand");
	cr_assert(slip_mpmc_take(&b.c, &t) != NULL, "a ticket in hand");
	slip_mpmc_detach(&b.p);
	slip_mpmc_detach(&b.c);
	was = malloc(b.bytes);
	memcpy(was, b.mem, b.bytes);
	slip_mpmc_ack(&b.c, &t);
	cr_assert_eq(slip_mpmc_nack(&b.c, &t), -EINVAL);
	is_closed(&b.p, -EPIPE);
	is_closed(&b.c, -EPIPE);
	cr_assert_eq(memcmp(was, b.mem, b.bytes), 0);
	free(was);
	free(b.mem);
}

/* --- waiting --------------------------------------------------------------- */

Test(mpmc, deadline_in_the_past_does_not_wait)
{
	struct slip_mpmc_ticket t;
	struct bench b;
	uint64_t x = 1;

	setup(&b, 2, 8, 0);
	errno = 77;
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, 0), -ETIMEDOUT, "empty");
	cr_assert_eq(slip_mpmc_take_until(&b.c, &t, 0), -ETIMEDOUT, "empty");
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, 0), 0, "room");
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, 0), 0, "room");
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, 0), -ETIMEDOUT, "full");
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, 0), 0, "data");
	cr_assert_eq(slip_mpmc_take_until(&b.c, &t, 0), 0, "data");
	slip_mpmc_ack(&b.c, &t);
	cr_assert_eq(errno, 77, "errno is the user's");
	teardown(&b);
}

Test(mpmc, deadline_is_kept)
{
	struct bench b;
	uint64_t until;
	uint64_t x;

	setup(&b, 2, 8, 0);
	until = slip_after_ns(30000000);
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, until), -ETIMEDOUT, "empty");
	cr_assert(slip_now_ns() >= until, "not before its time");
	teardown(&b);
}

Test(mpmc, the_end_of_file_comes_after_what_is_left_when_the_last_one_leaves)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc second;
	struct bench b;
	uint64_t x = 3;

	setup(&b, 4, 8, 0);
	attach(&second, &b, SLIP_PRODUCER);
	push_to(&b.p, 3, 4);
	slip_mpmc_detach(&b.p);
	cr_assert(!slip_mpmc_gone(&b.c, SLIP_PRODUCER), "one is left");
	expect_pop(&b.c, 3);
	expect_pop(&b.c, 4);
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, slip_after_ns(1000000)),
		     -ETIMEDOUT, "one may still come");
	push_to(&second, 5, 5);
	slip_mpmc_detach(&second);
	cr_assert(slip_mpmc_gone(&b.c, SLIP_PRODUCER), "none is left");
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, SLIP_FOREVER), 0, "left");
	cr_assert_eq(x, 5u);
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, SLIP_FOREVER), -EPIPE,
		     "then the end");
	cr_assert_eq(slip_mpmc_take_until(&b.c, &t, SLIP_FOREVER), -EPIPE);
	attach(&b.p, &b, SLIP_PRODUCER);
	cr_assert(!slip_mpmc_gone(&b.c, SLIP_PRODUCER), "a new one");
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, slip_after_ns(1000000)),
		     -ETIMEDOUT, "the file goes on");
	teardown(&b);
}

/* Who recovers it has not come further than marking it. */
Test(mpmc, the_end_of_file_comes_after_what_a_dead_one_had_claimed)
{
	for (int another = 0; another < 2; another++) {
		struct bench b;
		struct slip_mpmc p;
		struct stopped half;
		uint64_t v = 0;

		setup(&b, 4, 8, 0);
		push_half(&b.p, &half, 1);
		slip_a64_store_relaxed(&b.p.seat->word,
				       slip_mpmc_dead_(b.p.who));
		if (another) { /* the last of the living writes the end down */
			attach(&p, &b, SLIP_PRODUCER);
			slip_mpmc_detach(&p);
		}
		cr_assert_eq(slip_mpmc_pop_until(&b.c, &v, SLIP_FOREVER), 0);
		cr_assert_eq(v, 1u);
		cr_assert_eq(slip_mpmc_pop_until(&b.c, &v, SLIP_FOREVER),
			     -EPIPE);
		teardown(&b);
	}
}

Test(mpmc, push_until_fails_once_the_last_consumer_has_left)
{
	struct slip_mpmc second;
	struct bench b;
	uint64_t x = 3;

	setup(&b, 2, 8, 0);
	attach(&second, &b, SLIP_CONSUMER);
	slip_mpmc_detach(&b.c);
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, SLIP_FOREVER), 0, "room");
	slip_mpmc_detach(&second);
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, SLIP_FOREVER), -EPIPE,
		     "although there is room");
	cr_assert(slip_mpmc_push(&b.p, &x), "which the other call asks for");
	attach(&b.c, &b, SLIP_CONSUMER);
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, 0), -ETIMEDOUT, "full");
	expect_pop(&b.c, 3);
	cr_assert_eq(slip_mpmc_push_until(&b.p, &x, SLIP_FOREVER), 0);
	teardown(&b);
}

Test(mpmc, a_ring_waits_for_its_first_peer)
{
	struct bench b;
	uint64_t x;

	setup(&b, 4, 8, 0);
	slip_mpmc_detach(&b.p);
	slip_mpmc_detach(&b.c);
	cr_assert_eq(slip_mpmc_init(b.mem, b.bytes, 4, 8,
				    SLIP_MPMC_SEATS(BENCH_SEATS)),
		     0, "again");
	attach(&b.c, &b, SLIP_CONSUMER);
	cr_assert(!slip_mpmc_gone(&b.c, SLIP_PRODUCER), "not yet come");
	cr_assert_eq(slip_mpmc_pop_until(&b.c, &x, slip_after_ns(1000000)),
		     -ETIMEDOUT, "vacant is not gone");
	slip_mpmc_detach(&b.c);
	free(b.mem);
}

Test(mpmc, successors_go_on_where_the_last_ones_left)
{
	static const unsigned how[] = { 0, SLIP_EXCLUSIVE };
	struct bench b;
	uint64_t in = 0;
	uint64_t out = 0;
	uint64_t x;

	setup(&b, 8, 8, 0);
	for (int i = 0; i < 100; i++) {
		for (int n = 0; n < i % 9; n++)
			in += slip_mpmc_push(&b.p, &in);
		slip_mpmc_detach(&b.p);
		attach(&b.p, &b, SLIP_PRODUCER | how[i / 3 % 2]);
		cr_assert_eq(slip_mpmc_count_guess(&b.p), in - out, "found");
		for (int n = 0; n < i % 7 && slip_mpmc_pop(&b.c, &x); n++)
			cr_assert_eq(x, out++, "order");
		slip_mpmc_detach(&b.c);
		attach(&b.c, &b, SLIP_CONSUMER | how[i / 5 % 2]);
	}
	while (slip_mpmc_pop(&b.c, &x))
		cr_assert_eq(x, out++, "order");
	cr_assert_eq(in, out, "nothing lost");
	teardown(&b);
}

/* --- large numbers --------------------------------------------------------- */

/* An empty ring whose positions begin at lap `first`. */
static void setup_at(struct bench *b, uint32_t capacity, uint64_t first,
		     unsigned how)
{
	struct slip_mpmc_shape s;

	setup(b, capacity, 8, 0);
	slip_mpmc_detach(&b->p);
	slip_mpmc_detach(&b->c);
	cr_assert(
		slip_mpmc_shape_(&s, capacity, 8, SLIP_MPMC_SEATS(BENCH_SEATS)),
		"shape");
	slip_mpmc_format_(b->mem, &s, SLIP_EVENT_FULL, first);
	attach(&b->p, b, SLIP_PRODUCER | how);
	attach(&b->c, b, SLIP_CONSUMER | how);
}

/* In laps of 16: 2^32, 2^33, the sign of a 64-bit word, and its end. */
Test(mpmc, runs_past_the_powers_of_two_where_positions_wrap)
{
	static const uint64_t at[] = { UINT32_MAX / 16,
				       (UINT64_C(1) << 33) / 16 - 1,
				       (UINT64_C(1) << 50) / 16 - 2,
				       (UINT64_C(1) << 51) / 16 - 2 };
	uint64_t in[20];
	uint64_t out[20];

	for (size_t i = 0; i < 8; i++) {
		struct bench b;

		setup_at(&b, 16, at[i / 2], i % 2 ? SLIP_EXCLUSIVE : 0);
		for (uint64_t n = 0; n < 200; n++) {
			push_to(&b.p, n, n);
			push_to(&b.p, n + 1000, n + 1000);
			cr_assert_eq(slip_mpmc_count_guess(&b.p), 2u);
			expect_pop(&b.c, n);
			expect_pop(&b.c, n + 1000);
			expect_empty(&b.c);
			for (uint64_t k = 0; k < 20; k++)
				in[k] = n * 20 + k;
			cr_assert_eq(slip_mpmc_push_n(&b.p, in, 20), 16u);
			cr_assert(!slip_mpmc_push(&b.p, in), "full");
			cr_assert_eq(slip_mpmc_pop_n(&b.c, out, 20), 16u);
			cr_assert_eq(memcmp(in, out, 16 * 8), 0, "order");
		}
		teardown(&b);
	}
}

Test(mpmc, a_slow_hand_is_passed_where_positions_wrap)
{
	for (uint64_t start = 0; start < 16; start++) {
		struct slip_mpmc slow;
		struct stopped s;
		struct bench b;

		setup_at(&b, 4, (UINT64_C(1) << 51) / 4 - 2, 0);
		attach(&slow, &b, SLIP_PRODUCER);
		for (uint64_t n = 0; n < start; n++) {
			push_to(&b.p, n, n);
			expect_pop(&b.c, n);
		}
		push_half(&slow, &s, 77);
		expect_empty(&b.c); /* it has not returned, nor been named */
		push_to(&b.p, 78, 78);
		expect_pop(&b.c, 77);
		expect_pop(&b.c, 78);
		for (uint64_t n = 0; n < 40; n += 2) {
			push_to(&b.p, n, n + 1);
			expect_pop(&b.c, n);
			expect_pop(&b.c, n + 1);
			expect_empty(&b.c);
		}
		push_rest(&s);
		for (uint64_t n = 0; n < 12; n += 4) {
			push_to(&b.p, n, n + 3);
			for (uint64_t k = n; k < n + 4; k++)
				expect_pop(&b.c, k);
		}
		slip_mpmc_detach(&slow);
		teardown(&b);
	}
}

/* --- looking --------------------------------------------------------------- */

Test(mpmc, inspect_counts_from_outside)
{
	struct slip_mpmc_info info = { 0 };
	struct slip_mpmc_ticket t, u;
	struct bench b;
	uint64_t x = 0;

	setup(&b, 64, 8, SLIP_MPMC_WORK);
	for (int i = 0; i < 50; i++)
		cr_assert(slip_mpmc_push(&b.p, &x), "in");
	for (int i = 0; i < 20; i++)
		cr_assert(slip_mpmc_pop(&b.c, &x), "out");
	cr_assert(slip_mpmc_take(&b.c, &t) != NULL, "in hand");
	cr_assert(slip_mpmc_take(&b.c, &u) != NULL, "in hand");
	cr_assert_eq(slip_mpmc_nack(&b.c, &u), 0, "returned");
	cr_assert_eq(slip_mpmc_inspect(b.mem, b.bytes, &info), 0, "inspect");
	cr_assert_eq(info.pushed_guess, 50u, "pushed");
	cr_assert_eq(info.popped_guess, 22u, "popped");
	cr_assert_eq(info.capacity, 64u, "capacity");
	cr_assert_eq(info.elem_bytes, 8u, "elem_bytes");
	cr_assert_eq(info.bytes, b.bytes, "bytes");
	cr_assert_eq(info.flags, SLIP_MPMC_WORK, "flags");
	cr_assert_eq(info.mode, b.p.side.mode, "mode");
	cr_assert_eq(info.seats, (uint32_t)BENCH_SEATS, "seats");
	cr_assert_eq(info.producers, 1u, "producers");
	cr_assert_eq(info.consumers, 1u, "consumers");
	cr_assert_eq(info.dead, 0u, "dead");
	cr_assert_eq(info.held, 1u, "held");
	cr_assert_eq(info.returned, 1u, "returned");
	cr_assert_eq(info.roll / SLIP_MPMC_CAME, 2u, "came");
	cr_assert_eq(info.roll % SLIP_MPMC_CAME, 3u, "both roles were had");
	cr_assert_eq(slip_mpmc_inspect(b.mem, 100, &info), -EOVERFLOW, "short");
	teardown(&b);
	setup(&b, 2, 8, 0);
	cr_assert_eq(slip_mpmc_inspect(b.mem, b.bytes, &info), 0, "inspect");
	cr_assert_eq(info.flags, 0u, "no work queue");
	slip_a32_store_relaxed(&ring_of(&b)->layout, SLIP_MPMC_LAYOUT + 1);
	cr_assert_eq(slip_mpmc_inspect(b.mem, b.bytes, &info), -EPROTO);
	teardown(&b);
}

/* Positions go in, but the look at tail is older than that at head. */
Test(mpmc, a_count_that_was_overtaken_is_0)
{
	struct bench b;

	setup(&b, 4, 8, 0);
	slip_a64_store_relaxed(&ring_of(&b)->head,
			       slip_a64_load_relaxed(&ring_of(&b)->tail) +
				       3 * SLIP_MPMC_ONE);
	cr_assert_eq(slip_mpmc_count_guess(&b.p), 0u, "not 2^51 - 3");
	teardown(&b);
}

/* --- types ----------------------------------------------------------------- */

Test(mpmc, typed_calls_carry_their_type)
{
	size_t bytes = ticks_bytes(16, 0);
	void *mem = fresh_memory(bytes);
	struct slip_mpmc_ticket t;
	struct slip_mpmc p, c;
	struct tick in[2] = { { 1, 2 }, { 3, 4 } };
	struct tick out[2];
	const struct tick *taken;
	struct tick *place;

	cr_assert_eq(ticks_init(mem, bytes, 16, SLIP_EVENT_FULL), 0, "init");
	cr_assert_eq(words_attach(&p, mem, bytes, SLIP_PRODUCER, NULL),
		     -EOVERFLOW, "elements of another size");
	cr_assert_eq(ticks_attach(&p, mem, bytes, SLIP_PRODUCER, NULL), 0);
	cr_assert_eq(ticks_attach(&c, mem, bytes, SLIP_CONSUMER, NULL), 0);
	cr_assert(ticks_push(&p, &in[0]), "push");
	cr_assert_eq(ticks_push_n(&p, in, 2), 2u, "push_n");
	cr_assert_eq(ticks_push_until(&p, &in[1], 0), 0, "push_until");
	place = ticks_claim(&p);
	cr_assert(place != NULL, "claim");
	if (place)
		*place = in[0];
	cr_assert(slip_mpmc_commit(&p), "commit");
	taken = ticks_take(&c, &t);
	cr_assert(taken && taken->price == 2, "take");
	slip_mpmc_ack(&c, &t);
	cr_assert(ticks_pop(&c, out), "pop");
	cr_assert_eq(ticks_pop_n(&c, out, 2), 2u, "pop_n");
	cr_assert_eq(out[1].time, 3u, "pop_n");
	cr_assert_eq(ticks_pop_until(&c, out, 0), 0, "pop_until");
	cr_assert_eq(out[0].price, 2u, "pop_until");
	slip_mpmc_detach(&p);
	slip_mpmc_detach(&c);
	free(mem);
}

/* A type's laps, at every length of a batch. */
#define TYPED(name, type)                                                   \
	static void laps_of_##name(unsigned how)                            \
	{                                                                   \
		size_t bytes = name##_bytes(32, 0);                         \
		void *mem = fresh_memory(bytes);                            \
		uint64_t in = 0, out = 0;                                   \
		struct slip_mpmc p, c;                                      \
		type x[40], y[41];                                          \
                                                                            \
		cr_assert_eq(name##_init(mem, bytes, 32, 0), 0);            \
		cr_assert_eq(name##_attach(&p, mem, bytes,                  \
					   SLIP_PRODUCER | how, NULL),      \
			     0);                                            \
		cr_assert_eq(name##_attach(&c, mem, bytes,                  \
					   SLIP_CONSUMER | how, NULL),      \
			     0);                                            \
		for (uint32_t n = 0; n < 400; n++) {                        \
			for (uint32_t i = 0; i < 40; i++)                   \
				fill((void *)&x[i], sizeof(type), in + i);  \
			in += n % 4 ? name##_push_n(&p, x, n % 40)          \
				    : name##_push(&p, x);                   \
			memset(y, 0x5a, sizeof(y));                         \
			if (n % 3) {                                        \
				uint32_t k = name##_pop_n(&c, y, n % 41);   \
                                                                            \
				for (uint32_t i = 0; i < k; i++)            \
					cr_assert(filled((void *)&y[i],     \
							 sizeof(type),      \
							 out++));           \
				cr_assert_eq(*(unsigned char *)&y[k], 0x5a, \
					     "written behind");             \
			} else if (name##_pop(&c, y)) {                     \
				cr_assert(filled((void *)y, sizeof(type),   \
						 out++));                   \
				cr_assert_eq(*(unsigned char *)&y[1], 0x5a, \
					     "written behind");             \
			}                                                   \
		}                                                           \
		cr_assert_gt(out, 3000u, "it went round");                  \
		slip_mpmc_detach(&p);                                       \
		slip_mpmc_detach(&c);                                       \
		free(mem);                                                  \
	}                                                                   \
	Test(mpmc, typed_##name)                                            \
	{                                                                   \
		laps_of_##name(0);                                          \
		laps_of_##name(SLIP_EXCLUSIVE);                             \
	}

TYPED(words, uint64_t)
TYPED(ticks, struct tick)
TYPED(threes, struct three)
TYPED(sevens, struct seven)
