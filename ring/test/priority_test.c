/* SPDX-License-Identifier: MIT */
/* ring/priority.h by one thread, with half-way participants played by the test:
 * which element comes when, what waits for what, and every error. */
#define _GNU_SOURCE
#include "priority_bench.h"

#include <errno.h>

struct tick {
	uint64_t time;
	uint32_t price;
};

SLIP_PRIORITY_DEFINE(ticks, struct tick);
SLIP_PRIORITY_DEFINE(words, uint64_t);

#define BIT(n) SLIP_PRIORITY_LEVEL(n)

/* --- shapes ---------------------------------------------------------------- */

Test(priority, bytes_and_init_accept_what_they_say)
{
	static const struct {
		uint32_t levels, capacity, elem_bytes;
		unsigned flags;
		bool ok;
	} shapes[] = {
		{ 1, 2, 1, 0, true },	   { 64, 2, 8, 0, true },
		{ 0, 2, 8, 0, false },	   { 65, 2, 8, 0, false },
		{ 4, 3, 8, 0, false },	   { 4, 1, 8, 0, false },
		{ 4, 4, 0, 0, false },	   { 4, 4, 65536, 0, true },
		{ 4, 4, 65537, 0, false }, { 4, 4, 8, 255u << 8, true },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		size_t bytes = slip_priority_bytes(
			shapes[i].levels, shapes[i].capacity,
			shapes[i].elem_bytes, shapes[i].flags);
		void *mem = fresh_memory(bytes ? bytes : 4096);
		int rc = slip_priority_init(
			mem, bytes ? bytes : 4096, shapes[i].levels,
			shapes[i].capacity, shapes[i].elem_bytes,
			shapes[i].flags | SLIP_EVENT_FULL);

		cr_assert_eq(bytes != 0, shapes[i].ok, "shape %zu", i);
		cr_assert_eq(rc, shapes[i].ok ? 0 : -EINVAL, "shape %zu", i);
		free(mem);
	}
}

/* Header, seats and levels are whole pairs of lines. */
Test(priority, bytes_are_those_of_the_parts)
{
	const unsigned one = SLIP_PRIORITY_SEATS(1);

	for (size_t bytes = 1; bytes <= 512; bytes++)
		cr_assert_eq(slip_priority_pairs_(bytes),
			     (bytes / 128 + (bytes % 128 != 0)) * 128,
			     "%zu bytes", bytes);
	cr_assert_eq(slip_priority_bytes(1, 2, 8, one), 512 + 128 + 512);
	cr_assert_eq(slip_priority_bytes(1, 2, 64, one), 512 + 128 + 640);
	cr_assert_eq(slip_priority_bytes(3, 2, 72, one), 512 + 256 + 3 * 640);
}

/* The memory ends where bytes says: the last slot of the last level is used. */
Test(priority, a_ring_has_the_size_it_says)
{
	for (uint32_t elem = 1; elem < 300; elem += 23) {
		unsigned char x[300];
		struct bench b;
		uint32_t at;

		setup(&b, 3, 2, elem, 0);
		cr_assert_eq(slip_priority_elem_bytes(&b.p), elem);
		cr_assert_eq(slip_priority_levels(&b.p), 3u);
		for (uint32_t level = 0; level < 3; level++)
			for (int i = 0; i < 2; i++) {
				memset(x, (int)(level * 2) + i + 1, elem);
				cr_assert(slip_priority_push(&b.p, x, level));
			}
		for (int n = 0; n < 6; n++) {
			memset(x, 0, sizeof(x));
			cr_assert(slip_priority_pop(&b.c, x, &at));
			cr_assert_eq(x[0], at * 2 + (uint32_t)n % 2 + 1);
			cr_assert_eq(x[elem - 1], x[0]);
			cr_assert_eq(x[elem], 0, "written behind");
		}
		teardown(&b);
	}
}

Test(priority, init_says_what_is_wrong)
{
	size_t bytes = slip_priority_bytes(2, 2, 8, 0);
	char *mem = fresh_memory(bytes);

	cr_assert_eq(slip_priority_init(NULL, bytes, 2, 2, 8, 0), -EINVAL);
	cr_assert_eq(slip_priority_init(mem + 8, bytes, 2, 2, 8, 0), -EINVAL);
	cr_assert_eq(slip_priority_init(mem, bytes, 2, 2, 8, SLIP_EVENT_RMW),
		     -EINVAL);
	cr_assert_eq(slip_priority_init(mem, bytes - 1, 2, 2, 8, 0),
		     -EOVERFLOW);
	cr_assert_eq(slip_priority_init(mem, bytes, 2, 2, 8, 0), 0);
	free(mem);
}

Test(priority, a_ring_may_have_one_seat)
{
	struct slip_priority q;
	struct bench b;

	b.bytes = slip_priority_bytes(2, 2, 8, SLIP_PRIORITY_SEATS(1));
	b.mem = edge_memory(b.bytes);
	cr_assert_eq(slip_priority_init(b.mem, b.bytes, 2, 2, 8,
					SLIP_PRIORITY_SEATS(1)),
		     0);
	attach(&b.p, &b, SLIP_PRODUCER | SLIP_CONSUMER);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EUSERS);
	push(&b.p, 1, 5);
	expect(&b.p, 1, 5);
	slip_priority_detach(&b.p);
	edge_free(b.mem, b.bytes);
}

Test(priority, attach_says_what_is_wrong)
{
	struct slip_priority more[BENCH_SEATS];
	struct slip_priority q;
	struct bench b;
	int n = 0;

	setup(&b, 2, 2, 8, 0);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 0, NULL),
		     -EINVAL);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes,
					  SLIP_CONSUMER | SLIP_EXCLUSIVE, NULL),
		     -EINVAL);
	cr_assert_eq(slip_priority_attach(&q, NULL, b.bytes, 1, NULL), -EINVAL);
	cr_assert_eq(
		slip_priority_attach(&q, (char *)b.mem + 8, b.bytes, 1, NULL),
		-EINVAL);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes - 1, 1, NULL),
		     -EOVERFLOW);
	cr_assert_eq(slip_priority_attach(&q, b.mem, 511, 1, NULL), -EOVERFLOW);
	cr_assert_eq(ticks_attach(&q, b.mem, b.bytes, 1, NULL), -EOVERFLOW);
	while (n < BENCH_SEATS &&
	       !slip_priority_attach(&more[n], b.mem, b.bytes, 3, NULL))
		n++;
	cr_assert_eq(n, BENCH_SEATS - 2, "one seat for all levels");
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EUSERS);
	while (n)
		slip_priority_detach(&more[--n]);
	teardown(&b);
}

static void is_closed(struct slip_priority *q, int error)
{
	uint32_t at = 5;
	uint64_t x = 7;

	cr_assert_not(slip_priority_push(q, &x, 0));
	cr_assert_not(slip_priority_pop(q, &x, &at));
	cr_assert_not(slip_priority_pop_highest(q, 1, &x, &at));
	cr_assert_not(slip_priority_pop_lowest(q, 1, &x, &at));
	cr_assert_eq(slip_priority_push_until(q, &x, 0, SLIP_FOREVER), error);
	cr_assert_eq(slip_priority_pop_until(q, &x, &at, SLIP_FOREVER), error);
	cr_assert_eq(
		slip_priority_pop_highest_until(q, 1, &x, &at, SLIP_FOREVER),
		error);
	cr_assert_eq(
		slip_priority_pop_lowest_until(q, 1, &x, &at, SLIP_FOREVER),
		error);
	cr_assert_not(slip_priority_gone(q, SLIP_PRODUCER));
	cr_assert_eq(slip_priority_count_guess(q, SLIP_PRIORITY_ALL), 0u);
	cr_assert_eq(x, 7u, "untouched");
	slip_priority_detach(q);
}

Test(priority, a_handle_that_failed_to_attach_or_has_left_touches_nothing)
{
	struct slip_priority bad;
	unsigned char *was;
	struct bench b;

	setup(&b, 2, 4, 8, SLIP_PRIORITY_AGEING(1));
	push(&b.p, 0, 1);
	push(&b.p, 1, 2);
	slip_priority_detach(&b.p);
	was = malloc(b.bytes);
	for (int way = 0; way < 3; way++) {
		memset(&bad, 0xff, sizeof(bad));
		if (way < 2)
			cr_assert_eq(slip_priority_attach(&bad,
							  way ? b.mem : NULL,
							  b.bytes, 8, NULL),
				     -EINVAL);
		memcpy(was, b.mem, b.bytes);
		is_closed(way == 2 ? &b.p : &bad, -EPIPE);
		cr_assert_eq(memcmp(was, b.mem, b.bytes), 0, "way %d", way);
	}
	free(was);
	teardown(&b);
}

Test(priority, who_has_not_the_role_is_refused)
{
	struct bench b;
	uint64_t x = 7;
	uint32_t at;

	setup(&b, 2, 2, 8, 0);
	cr_assert_not(slip_priority_push(&b.c, &x, 0));
	cr_assert_not(slip_priority_pop(&b.p, &x, &at));
	cr_assert_eq(slip_priority_push_until(&b.c, &x, 0, SLIP_FOREVER),
		     -EINVAL);
	cr_assert_eq(slip_priority_pop_until(&b.p, &x, &at, SLIP_FOREVER),
		     -EINVAL);
	cr_assert_eq(
		slip_priority_pop_highest_until(&b.p, 1, &x, &at, SLIP_FOREVER),
		-EINVAL);
	teardown(&b);
}

Test(priority, a_level_that_does_not_exist_is_refused)
{
	struct bench b;
	uint64_t x = 7;
	uint32_t at;

	setup(&b, 2, 2, 8, 0);
	cr_assert_not(slip_priority_push(&b.p, &x, 2));
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 2, SLIP_FOREVER),
		     -EINVAL);
	cr_assert_not(
		slip_priority_pop_highest(&b.c, BIT(2) | BIT(63), &x, &at));
	cr_assert_eq(slip_priority_pop_highest_until(&b.c, BIT(2), &x, &at,
						     SLIP_FOREVER),
		     -EINVAL);
	cr_assert_eq(
		slip_priority_pop_lowest_until(&b.c, 0, &x, &at, SLIP_FOREVER),
		-EINVAL);
	teardown(&b);
}

/* --- order ----------------------------------------------------------------- */

Test(priority, the_most_urgent_comes_first_and_in_order)
{
	static const uint32_t shapes[] = { 1, 2, 4, 63, 64 };

	for (size_t i = 0; i < 5; i++) {
		uint32_t levels = shapes[i];
		struct bench b;

		setup(&b, levels, 4, 8, 0);
		for (uint64_t lap = 0; lap < 5; lap++) {
			for (uint64_t n = 0; n < 3; n++)
				for (uint32_t l = 0; l < levels; l++)
					push(&b.p, l, l * 10 + n);
			cr_assert_eq(slip_priority_count_guess(
					     &b.c, SLIP_PRIORITY_ALL),
				     levels * 3u);
			for (uint32_t l = levels; l-- > 0;)
				for (uint64_t n = 0; n < 3; n++)
					expect(&b.c, l, l * 10 + n);
			expect_empty(&b.c);
		}
		teardown(&b);
	}
}

Test(priority, what_comes_later_overtakes_if_it_is_more_urgent)
{
	struct bench b;

	setup(&b, 4, 4, 8, 0);
	push(&b.p, 0, 1);
	push(&b.p, 2, 2);
	expect(&b.c, 2, 2);
	push(&b.p, 1, 3);
	push(&b.p, 3, 4);
	expect(&b.c, 3, 4);
	expect(&b.c, 1, 3);
	expect(&b.c, 0, 1);
	expect_empty(&b.c);
	teardown(&b);
}

Test(priority, each_level_is_bounded_by_itself)
{
	struct bench b;
	uint64_t x = 9;

	setup(&b, 3, 4, 8, 0);
	for (uint64_t i = 0; i < 4; i++)
		push(&b.p, 1, i);
	cr_assert_not(slip_priority_push(&b.p, &x, 1), "full");
	cr_assert_eq(slip_priority_count_guess(&b.p, BIT(1)), 4u);
	cr_assert_eq(slip_priority_count_guess(&b.p, BIT(0) | BIT(2)), 0u);
	push(&b.p, 0, 7);
	push(&b.p, 2, 8);
	expect(&b.c, 2, 8);
	expect(&b.c, 1, 0);
	push(&b.p, 1, 4);
	cr_assert_not(slip_priority_push(&b.p, &x, 1), "full");
	for (uint64_t i = 1; i < 5; i++)
		expect(&b.c, 1, i);
	expect(&b.c, 0, 7);
	teardown(&b);
}

/* One handle of both roles goes from level to level. */
Test(priority, a_handle_finds_each_level_as_it_left_it)
{
	uint64_t in[5] = { 0 }, out[5] = { 0 };
	uint64_t state = 12345;
	struct slip_priority q;
	struct bench b;

	setup(&b, 5, 8, 8, 0);
	attach(&q, &b, SLIP_PRODUCER | SLIP_CONSUMER);
	for (int i = 0; i < 20000; i++) {
		uint32_t level = (uint32_t)(state >> 40) % 5;
		struct slip_priority *who = state >> 50 & 1 ? &q : &b.p;
		uint64_t x = in[level];
		uint32_t at = 99;

		state = state * UINT64_C(6364136223846793005) + 1442695040;
		if (state >> 33 & 1) {
			bool ok = slip_priority_push(who, &x, level);

			cr_assert_eq(ok, in[level] - out[level] < 8);
			in[level] += ok;
			continue;
		}
		who = who == &q ? who : &b.c;
		if (!slip_priority_pop_highest(who, BIT(level), &x, &at)) {
			cr_assert_eq(in[level], out[level], "overlooked");
			continue;
		}
		cr_assert_eq(at, level);
		cr_assert_eq(x, out[level]++, "order");
	}
	for (int l = 0; l < 5; l++)
		cr_assert_gt(out[l], 500u, "it went round");
	slip_priority_detach(&q);
	teardown(&b);
}

Test(priority, the_levels_run_past_the_powers_of_two)
{
	static const uint64_t at[] = { UINT32_MAX / 4,
				       (UINT64_C(1) << 33) / 4 - 1,
				       (UINT64_C(1) << 50) / 4 - 2,
				       (UINT64_C(1) << 51) / 4 - 2 };

	for (size_t i = 0; i < 4; i++) {
		struct slip_priority_shape s;
		struct bench b;

		setup(&b, 3, 4, 8, 0);
		slip_priority_detach(&b.p);
		slip_priority_detach(&b.c);
		cr_assert(slip_priority_shape_(
			&s, 3, 4, 8, SLIP_PRIORITY_SEATS(BENCH_SEATS)));
		slip_priority_format_(b.mem, &s, SLIP_EVENT_FULL, at[i]);
		attach(&b.p, &b, SLIP_PRODUCER);
		attach(&b.c, &b, SLIP_CONSUMER);
		for (uint64_t n = 0; n < 40; n++) {
			for (uint64_t k = 0; k < 3; k++)
				for (uint32_t l = 0; l < 3; l++)
					push(&b.p, l, n * 10 + k);
			for (uint32_t l = 3; l-- > 0;)
				for (uint64_t k = 0; k < 3; k++)
					expect(&b.c, l, n * 10 + k);
			expect_empty(&b.c);
		}
		teardown(&b);
	}
}

/* --- by level -------------------------------------------------------------- */

static void expect_of(struct slip_priority *q, uint64_t set, bool lowest,
		      uint32_t level, uint64_t value)
{
	uint32_t at = 99;
	uint64_t x = 0;

	cr_assert(lowest ? slip_priority_pop_lowest(q, set, &x, &at)
			 : slip_priority_pop_highest(q, set, &x, &at));
	cr_assert_eq(at, level);
	cr_assert_eq(x, value);
}

Test(priority, a_consumer_takes_what_it_asks_for)
{
	struct bench b;
	uint32_t at;
	uint64_t x;

	setup(&b, 64, 2, 8, 0);
	for (uint32_t l = 0; l < 64; l++)
		push(&b.p, l, l);
	expect_of(&b.c, BIT(5), false, 5, 5);
	cr_assert_not(slip_priority_pop_highest(&b.c, BIT(5), &x, &at));
	expect_of(&b.c, BIT(5) | BIT(9) | BIT(7), false, 9, 9);
	expect_of(&b.c, BIT(5) | BIT(9) | BIT(7), true, 7, 7);
	cr_assert_not(slip_priority_pop_lowest(&b.c, BIT(5) | BIT(9) | BIT(7),
					       &x, &at));
	expect_of(&b.c, BIT(5) - 1, true, 0, 0);
	expect_of(&b.c, BIT(5) - 1, true, 1, 1);
	expect_of(&b.c, SLIP_PRIORITY_ALL, true, 2, 2);
	expect_of(&b.c, SLIP_PRIORITY_ALL, false, 63, 63);
	cr_assert_not(slip_priority_pop_highest(&b.c, 0, &x, &at));
	expect(&b.c, 62, 62);
	teardown(&b);
}

/* What a program may do that has mq_receive in mind. */
struct job {
	uint32_t level;
	uint32_t what;
};

SLIP_PRIORITY_DEFINE(jobs, struct job);

static void each_level_once(struct slip_priority *q)
{
	for (uint32_t l = 0; l < 4; l++) {
		struct job j = { 1u << 30, l };

		cr_assert(jobs_push(q, &j, l));
	}
}

static void levels_lie_in_elements(unsigned flags)
{
	struct job j = { 1u << 30, 0 };
	struct bench b;

	setup(&b, 4, 8, sizeof(j), flags);
	for (int round = 0; round < 4; round++) {
		each_level_once(&b.p);
		cr_assert(jobs_pop(&b.c, &j, &j.level));
		cr_assert_eq(j.level, j.what);
		cr_assert_eq(jobs_pop_until(&b.c, &j, &j.level, 0), 0);
		cr_assert_eq(j.level, j.what);
		cr_assert(slip_priority_pop_highest(&b.c, SLIP_PRIORITY_ALL, &j,
						    &j.level));
		cr_assert_eq(j.level, j.what);
		cr_assert(slip_priority_pop_lowest(&b.c, SLIP_PRIORITY_ALL, &j,
						   &j.level));
		cr_assert_eq(j.level, j.what);
		j.level = 77;
		cr_assert_not(jobs_pop(&b.c, &j, &j.level));
		cr_assert_eq(j.level, 77u, "stored to by a pop of nothing");
	}
	teardown(&b);
}

Test(priority, the_level_may_be_a_member_of_the_element)
{
	levels_lie_in_elements(0);
	levels_lie_in_elements(SLIP_PRIORITY_AGEING(1));
}

Test(priority, a_consumer_need_not_ask_for_the_level)
{
	struct bench b;
	struct job j;

	setup(&b, 4, 8, sizeof(j), SLIP_PRIORITY_AGEING(1));
	each_level_once(&b.p);
	cr_assert(jobs_pop(&b.c, &j, NULL));
	cr_assert_eq(j.what, 3u);
	cr_assert_eq(jobs_pop_until(&b.c, &j, NULL, 0), 0, "one that is due");
	cr_assert_eq(j.what, 2u);
	cr_assert(slip_priority_pop_lowest(&b.c, 3, &j, NULL));
	cr_assert_eq(j.what, 0u);
	cr_assert_eq(slip_priority_pop_highest_until(&b.c, 3, &j, NULL, 0), 0);
	cr_assert_eq(j.what, 1u);
	teardown(&b);
}

/* --- ageing ---------------------------------------------------------------- */

/* The levels in which the pops of one handle find something, if each has always
 * something. */
static void pops_are(unsigned flags, const char *levels)
{
	struct bench b;

	setup(&b, 3, 8, 8, flags);
	for (size_t i = 0; levels[i]; i++) {
		uint32_t at = 99;
		uint64_t x;

		for (uint32_t l = 0; l < 3; l++)
			while (slip_priority_push(&b.p, &x, l))
				;
		cr_assert(slip_priority_pop(&b.c, &x, &at));
		cr_assert_eq(at, (uint32_t)(levels[i] - '0'), "pop %zu of %s",
			     i, levels);
	}
	teardown(&b);
}

Test(priority, strict_never_looks_down)
{
	pops_are(0, "2222222222222222222222222222");
}

Test(priority, what_was_passed_over_is_served_in_its_turn)
{
	pops_are(SLIP_PRIORITY_AGEING(1), "212021202120212021202120");
	pops_are(SLIP_PRIORITY_AGEING(2), "221202122021220212202122");
	pops_are(SLIP_PRIORITY_AGEING(3), "222122021222120212221202");
	pops_are(SLIP_PRIORITY_AGEING(255), "22222222222222222222");
}

/* By which pop a handle comes to what is at the front of a level, as priority.h
 * says. */
static uint64_t served_by(uint32_t levels, uint32_t ageing, uint32_t level)
{
	uint32_t others = levels - 1;

	return level == others ? 2 : ageing * (others - level) + 2 * others;
}

/* Each of so many levels has always something. */
static void nobody_starves(uint32_t levels, uint32_t ageing)
{
	uint64_t last[SLIP_PRIORITY_LEVELS_MAX] = { 0 };
	struct bench b;

	setup(&b, levels, 2, 8, SLIP_PRIORITY_AGEING(ageing));
	for (uint64_t n = 1; n <= 4 * levels * (ageing + 2); n++) {
		uint64_t x = 0;
		uint32_t at;

		for (uint32_t l = 0; l < levels; l++)
			while (slip_priority_push(&b.p, &x, l))
				;
		cr_assert(slip_priority_pop(&b.c, &x, &at));
		last[at] = n;
		for (uint32_t l = 0; l < levels; l++)
			cr_assert_lt(n - last[l], served_by(levels, ageing, l),
				     "%u levels, ageing %u: level %u at pop %u",
				     levels, ageing, l, (unsigned)n);
	}
	teardown(&b);
}

Test(priority, ageing_starves_no_level_of_many_nor_the_most_urgent)
{
	for (uint32_t ageing = 1; ageing <= 9; ageing += 4) {
		nobody_starves(2, ageing);
		nobody_starves(4, ageing);
		nobody_starves(32, ageing);
		nobody_starves(64, ageing);
	}
}

Test(priority, an_element_that_is_due_comes_before_the_next_more_urgent_one)
{
	struct bench b;

	setup(&b, 2, 64, 8, SLIP_PRIORITY_AGEING(5));
	push(&b.p, 0, 100);
	for (uint64_t i = 0; i < 20; i++)
		push(&b.p, 1, i);
	for (uint64_t i = 0; i < 5; i++)
		expect(&b.c, 1, i);
	expect(&b.c, 0, 100);
	for (uint64_t i = 5; i < 12; i++) /* in its turn it was empty: again */
		expect(&b.c, 1, i);
	push(&b.p, 0, 101);
	for (uint64_t i = 12; i < 15; i++)
		expect(&b.c, 1, i);
	expect(&b.c, 0, 101);
	teardown(&b);
}

/* The most urgent level, which has never anything, keeps no other from its turn. */
Test(priority, an_element_is_due_beside_an_empty_level_above)
{
	struct bench b;

	setup(&b, 3, 16, 8, SLIP_PRIORITY_AGEING(1));
	push(&b.p, 0, 100);
	for (uint64_t i = 0; i < 8; i++)
		push(&b.p, 1, i);
	expect(&b.c, 1, 0);
	expect(&b.c, 1, 1);
	expect(&b.c, 0, 100);
	expect(&b.c, 1, 2);
	teardown(&b);
}

Test(priority, nothing_ages_by_pops_of_chosen_levels)
{
	struct bench b;

	setup(&b, 2, 16, 8, SLIP_PRIORITY_AGEING(2));
	push(&b.p, 0, 100);
	for (uint64_t i = 0; i < 10; i++)
		push(&b.p, 1, i);
	for (uint64_t i = 0; i < 6; i++)
		expect_of(&b.c, SLIP_PRIORITY_ALL, false, 1, i);
	expect(&b.c, 1, 6);
	expect(&b.c, 1, 7);
	expect(&b.c, 0, 100);
	expect(&b.c, 1, 8);
	teardown(&b);
}

Test(priority, ageing_with_one_level_is_a_plain_ring)
{
	struct bench b;

	setup(&b, 1, 4, 8, SLIP_PRIORITY_AGEING(1));
	for (uint64_t i = 0; i < 20; i++) {
		push(&b.p, 0, i);
		expect(&b.c, 0, i);
		expect_empty(&b.c);
	}
	teardown(&b);
}

/* --- those who stop, or die ------------------------------------------------ */

Test(priority, what_a_stopped_pusher_claimed_is_heard_in_its_level)
{
	struct slip_priority slow;
	struct stopped s;
	struct bench b;

	setup(&b, 3, 4, 8, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &s, 1, 77);
	push(&b.p, 1, 78); /* which names it */
	push(&b.p, 0, 79);
	expect(&b.c, 1, 77);
	expect(&b.c, 1, 78);
	expect(&b.c, 0, 79);
	expect_empty(&b.c);
	push_rest(&s);
	expect_empty(&b.c);
	push(&slow, 2, 80); /* what it announces now is of another level */
	expect(&b.c, 2, 80);
	for (uint64_t i = 0; i < 12; i++) {
		push(&b.p, 1, i);
		expect(&b.c, 1, i);
	}
	slip_priority_detach(&slow);
	teardown(&b);
}

/* It was named in one level, went on, and is stopped in another: what it has
 * announced since is not taken for what it had announced before. */
Test(priority, the_seat_speaks_for_the_level_it_is_named_in)
{
	struct slip_priority slow;
	struct stopped one, two;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &one, 0, 1);
	push(&b.p, 0, 2);
	push_rest(&one);
	push_half(&slow, &two, 1, 3);
	push(&b.p, 1, 4);
	expect(&b.c, 1, 3);
	expect(&b.c, 1, 4);
	expect(&b.c, 0, 1);
	expect(&b.c, 0, 2);
	push_rest(&two);
	expect_empty(&b.c);
	slip_priority_detach(&slow);
	teardown(&b);
}

/* Every level has a slot that names the dead one's seat, or an index. */
Test(priority, a_dead_ones_seat_is_free_when_no_level_names_it)
{
	for (uint32_t level = 0; level < 3; level++) {
		struct slip_priority dead, heir;
		struct stopped s;
		struct bench b;
		uint64_t word;

		setup(&b, 3, 4, 8, 0);
		attach(&dead, &b, SLIP_PRODUCER);
		for (uint32_t l = 0; l < 3; l++)
			push(&dead, l, l);
		push_half(&dead, &s, level, 77);
		dies(&dead);
		word = slip_a64_load_relaxed(&dead.q.seat->word);
		slip_mpmc_recover_seat_(&b.p.q, dead.q.me, word);
		cr_assert_eq(slip_a64_load_relaxed(&dead.q.seat->word), word,
			     "still to be heard");
		for (uint32_t l = 3; l-- > 0;) {
			expect(&b.c, l, l);
			if (l == level)
				expect(&b.c, l, 77);
		}
		slip_mpmc_recover_seat_(&b.p.q, dead.q.me, word);
		cr_assert_eq(slip_a64_load_relaxed(&dead.q.seat->word), 0u);
		attach(&heir, &b, SLIP_PRODUCER);
		cr_assert_eq(heir.q.me, dead.q.me);
		for (uint64_t i = 0; i < 9; i++)
			for (uint32_t l = 0; l < 3; l++) {
				push(&heir, l, i);
				expect(&b.c, l, i);
			}
		slip_priority_detach(&heir);
		teardown(&b);
	}
}

Test(priority, recovery_leaves_the_handle_at_its_level)
{
	struct slip_priority dead;
	struct stopped s;
	struct bench b;

	setup(&b, 3, 4, 8, 0);
	attach(&dead, &b, SLIP_CONSUMER);
	push(&b.p, 1, 1);
	push(&b.p, 1, 2);
	pop_half(&dead, &s, 1);
	dies(&dead);
	slip_priority_turn_(&b.p, 2);
	cr_assert_not(slip_priority_gone(&b.p, SLIP_CONSUMER));
	slip_mpmc_recover_seat_(&b.p.q, dead.q.me, dead.q.who);
	push(&b.p, 2, 3);
	expect(&b.c, 2, 3);
	expect(&b.c, 1, 2);
	expect_empty(&b.c);
	for (uint64_t i = 0; i < 4; i++)
		push(&b.p, 1, i);
	for (uint64_t i = 0; i < 4; i++)
		expect(&b.c, 1, i);
	teardown(&b);
}

/* --- waiting --------------------------------------------------------------- */

Test(priority, deadline_in_the_past_does_not_wait)
{
	struct bench b;
	uint64_t x = 1;
	uint32_t at;

	setup(&b, 2, 2, 8, 0);
	errno = 77;
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, 0), -ETIMEDOUT);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 1, 0), 0);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 1, 0), 0);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 1, 0), -ETIMEDOUT);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 0, 0), 0);
	cr_assert_eq(slip_priority_pop_lowest_until(&b.c, 3, &x, &at, 0), 0);
	cr_assert_eq(at, 0u);
	cr_assert_eq(slip_priority_pop_lowest_until(&b.c, 1, &x, &at, 0),
		     -ETIMEDOUT);
	cr_assert_eq(slip_priority_pop_highest_until(&b.c, 3, &x, &at, 0), 0);
	cr_assert_eq(at, 1u);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, 0), 0);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, 0), -ETIMEDOUT);
	cr_assert_eq(errno, 77, "errno is the user's");
	teardown(&b);
}

Test(priority, deadline_is_kept)
{
	struct bench b;
	uint64_t until, x;
	uint32_t at;

	setup(&b, 2, 2, 8, 0);
	until = slip_after_ns(20000000);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, until), -ETIMEDOUT);
	cr_assert(slip_now_ns() >= until, "not before its time");
	teardown(&b);
}

Test(priority, the_end_of_file_comes_after_what_is_left)
{
	struct bench b;
	uint64_t x = 0;
	uint32_t at;

	setup(&b, 3, 4, 8, 0);
	push(&b.p, 0, 1);
	push(&b.p, 2, 2);
	cr_assert_not(slip_priority_gone(&b.c, SLIP_PRODUCER));
	slip_priority_detach(&b.p);
	cr_assert(slip_priority_gone(&b.c, SLIP_PRODUCER));
	cr_assert_eq(
		slip_priority_pop_highest_until(&b.c, 2, &x, &at, SLIP_FOREVER),
		-EPIPE, "none of these");
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 2u);
	cr_assert_eq(
		slip_priority_pop_lowest_until(&b.c, 7, &x, &at, SLIP_FOREVER),
		0);
	cr_assert_eq(x, 1u);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, SLIP_FOREVER),
		     -EPIPE);
	attach(&b.p, &b, SLIP_PRODUCER);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, 0), -ETIMEDOUT,
		     "the file goes on");
	teardown(&b);
}

/* Who recovers it has not come further than marking it. */
Test(priority, the_end_of_file_comes_after_what_a_dead_one_had_claimed)
{
	struct stopped half;
	struct bench b;
	uint64_t x = 0;
	uint32_t at;

	setup(&b, 3, 4, 8, 0);
	push_half(&b.p, &half, 1, 5);
	dies(&b.p);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 5u);
	cr_assert_eq(slip_priority_pop_until(&b.c, &x, &at, SLIP_FOREVER),
		     -EPIPE);
	b.p.q.error = -EPIPE;
	teardown(&b);
}

Test(priority, push_until_fails_once_the_last_consumer_has_left)
{
	struct bench b;
	uint64_t x = 3;

	setup(&b, 2, 2, 8, 0);
	slip_priority_detach(&b.c);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 0, SLIP_FOREVER),
		     -EPIPE, "although there is room");
	push(&b.p, 0, 3);
	push(&b.p, 0, 4);
	attach(&b.c, &b, SLIP_CONSUMER);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 0, 0), -ETIMEDOUT);
	teardown(&b);
}

/* Nobody has noted that the last consumer has died. */
Test(priority, push_until_finds_out_that_all_consumers_are_dead)
{
	struct bench b;
	uint64_t x = 3;

	setup(&b, 2, 2, 8, 0);
	push(&b.p, 0, 3);
	push(&b.p, 0, 4);
	dies(&b.c);
	cr_assert_eq(slip_priority_push_until(&b.p, &x, 0, SLIP_FOREVER),
		     -EPIPE);
	b.c.q.error = -EPIPE;
	teardown(&b);
}

/* --- who is told ----------------------------------------------------------- */

/* Is one who has announced that it sleeps there told meanwhile? */
static bool told(struct slip_event *event, uint32_t key)
{
	return slip_a32_load_relaxed(&event->word) != key;
}

static uint32_t announce(const struct bench *b, struct slip_event *event)
{
	uint32_t key = 0;

	cr_assert_eq(slip_event_prepare(event, b->p.q.side.mode, &key), 0);
	return key;
}

Test(priority, a_push_tells_those_who_want_anything_and_those_who_want_some)
{
	struct slip_event *any, *some, *room;
	uint32_t any_key, some_key, room_key;
	struct bench b;
	uint64_t x = 1;
	uint32_t at;

	setup(&b, 3, 2, 8, SLIP_EVENT_FULL);
	any = &ring_of(&b)->home.ev_data;
	some = &ring_of(&b)->home.ev_space;
	room = &slip_mpmc_level_(&b.p.q, 1)->ev_space;
	cr_assert(slip_priority_event_(&b.c, 0) == any);
	cr_assert(slip_priority_event_(&b.c, 1) == some);
	any_key = announce(&b, any);
	some_key = announce(&b, some);
	room_key = announce(&b, room);
	cr_assert_not(slip_priority_pop(&b.c, &x, &at));
	cr_assert_not(told(any, any_key) || told(some, some_key) ||
		      told(room, room_key));
	push(&b.p, 1, 1);
	cr_assert(told(any, any_key), "who wants anything");
	cr_assert(told(some, some_key), "who wants some");
	cr_assert_not(told(room, room_key));
	push(&b.p, 2, 1);
	expect(&b.c, 2, 1);
	cr_assert_not(told(room, room_key), "of room in another level");
	expect(&b.c, 1, 1);
	cr_assert(told(room, room_key), "of room");
	teardown(&b);
}

Test(priority, a_full_level_tells_nobody)
{
	struct bench b;
	uint64_t x = 1;
	uint32_t key;

	setup(&b, 2, 2, 8, SLIP_EVENT_FULL);
	push(&b.p, 1, 1);
	push(&b.p, 1, 1);
	key = announce(&b, &ring_of(&b)->home.ev_data);
	cr_assert_not(slip_priority_push(&b.p, &x, 1));
	cr_assert_not(told(&ring_of(&b)->home.ev_data, key));
	teardown(&b);
}

/* Whom its own push would have told, had it come to that. */
Test(priority, who_hears_an_element_passes_the_wake_up_on)
{
	struct slip_priority slow;
	struct stopped s;
	struct bench b;
	uint32_t key;

	setup(&b, 2, 4, 8, SLIP_EVENT_FULL);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &s, 1, 5);
	push(&b.p, 1, 6);
	key = announce(&b, &ring_of(&b)->home.ev_data);
	expect(&b.c, 1, 5);
	cr_assert(told(&ring_of(&b)->home.ev_data, key));
	slip_priority_detach(&slow);
	teardown(&b);
}

Test(priority, who_leaves_or_is_recovered_wakes_all)
{
	for (int way = 0; way < 2; way++) {
		struct slip_event *events[5];
		uint32_t keys[5];
		struct bench b;

		setup(&b, 3, 2, 8, SLIP_EVENT_FULL);
		events[0] = &ring_of(&b)->home.ev_data;
		events[1] = &ring_of(&b)->home.ev_space;
		for (uint32_t l = 0; l < 3; l++)
			events[2 + l] = &slip_mpmc_level_(&b.p.q, l)->ev_space;
		for (int i = 0; i < 5; i++)
			keys[i] = announce(&b, events[i]);
		if (way)
			cr_assert_eq(slip_priority_recover_(NULL, b.mem,
							    b.bytes, 7, 7),
				     0);
		else
			slip_priority_detach(&b.c);
		for (int i = 0; i < 5; i++)
			cr_assert(told(events[i], keys[i]), "event %d", i);
		teardown(&b);
	}
}

/* --- looking, types -------------------------------------------------------- */

Test(priority, inspect_counts_from_outside)
{
	struct slip_priority_info info = { 0 };
	struct slip_priority slow;
	struct stopped s;
	struct bench b;

	setup(&b, 3, 8, 8, SLIP_PRIORITY_AGEING(200));
	attach(&slow, &b, SLIP_PRODUCER);
	for (uint64_t i = 0; i < 5; i++)
		push(&b.p, 2, i);
	push(&b.p, 0, 9);
	expect(&b.c, 2, 0);
	push_half(&slow, &s, 0, 1);
	push(&b.p, 0, 2);
	cr_assert_eq(slip_priority_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.bytes, b.bytes);
	cr_assert_eq(info.levels, 3u);
	cr_assert_eq(info.capacity, 8u);
	cr_assert_eq(info.elem_bytes, 8u);
	cr_assert_eq(info.ageing, 200u);
	cr_assert_eq(info.mode, b.p.q.side.mode);
	cr_assert_eq(info.seats, (uint32_t)BENCH_SEATS);
	cr_assert_eq(info.producers, 2u);
	cr_assert_eq(info.consumers, 1u);
	cr_assert_eq(info.dead, 0u);
	cr_assert_eq(info.held, 1u);
	cr_assert_eq(info.roll / SLIP_MPMC_CAME, 3u, "came");
	cr_assert_eq(info.pushed_guess[0], 3u);
	cr_assert_eq(info.pushed_guess[1], 0u);
	cr_assert_eq(info.pushed_guess[2], 5u);
	cr_assert_eq(info.popped_guess[0], 0u);
	cr_assert_eq(info.popped_guess[2], 1u);
	cr_assert_eq(slip_priority_count_guess(&b.c, SLIP_PRIORITY_ALL), 7u);
	dies(&slow);
	cr_assert_eq(slip_priority_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.dead, 1u);
	cr_assert_eq(slip_priority_inspect(b.mem, 600, &info), -EOVERFLOW);
	slow.q.error = -EPIPE;
	teardown(&b);
}

Test(priority, inspect_counts_each_slot_once)
{
	struct slip_priority_info info;
	struct slip_priority slow;
	struct stopped s;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &s, 1, 7);
	push(&b.p, 1, 8); /* names the first slot's */
	cr_assert_eq(slip_priority_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.held, 1u, "the first slot");
	push_rest(&s);
	expect(&b.c, 1, 7);
	expect(&b.c, 1, 8);
	slip_priority_detach(&slow);
	teardown(&b);
}

Test(priority, a_handle_knows_as_many_levels_as_there_are)
{
	struct bench b;

	setup(&b, 3, 4, 8, SLIP_PRIORITY_AGEING(1));
	cr_assert_eq(b.c.due[0], 2u);
	cr_assert_eq(b.c.due[1], 1u);
	for (uint32_t i = 3; i < SLIP_PRIORITY_LEVELS_MAX; i++)
		cr_assert_eq(b.c.due[i], 0u, "level %u", i);
	teardown(&b);
}

Test(priority, the_handle_does_not_turn_to_an_empty_level)
{
	struct bench b;
	uint32_t at;
	uint64_t x;

	setup(&b, 3, 4, 8, 0);
	cr_assert_not(
		slip_priority_pop_lowest(&b.c, SLIP_PRIORITY_ALL, &x, &at));
	cr_assert_eq(b.c.q.levels.now, 0u);
	teardown(&b);
}

Test(priority, a_count_that_was_overtaken_is_0)
{
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	slip_a64_store_relaxed(&slip_mpmc_level_(&b.p.q, 1)->head,
			       UINT64_C(100) * SLIP_MPMC_ONE);
	cr_assert_eq(slip_priority_count_guess(&b.p, SLIP_PRIORITY_ALL), 0u);
	teardown(&b);
}

Test(priority, typed_calls_carry_their_type)
{
	size_t bytes = ticks_bytes(2, 16, SLIP_PRIORITY_AGEING(1));
	void *mem = fresh_memory(bytes);
	struct slip_priority p, c;
	struct tick in[2] = { { 1, 2 }, { 3, 4 } };
	struct tick out;
	uint32_t at;

	cr_assert_eq(ticks_init(mem, bytes, 2, 16,
				SLIP_EVENT_FULL | SLIP_PRIORITY_AGEING(1)),
		     0);
	cr_assert_eq(words_attach(&p, mem, bytes, SLIP_PRODUCER, NULL),
		     -EOVERFLOW);
	cr_assert_eq(ticks_attach(&p, mem, bytes, SLIP_PRODUCER, NULL), 0);
	cr_assert_eq(ticks_attach(&c, mem, bytes, SLIP_CONSUMER, NULL), 0);
	cr_assert(ticks_push(&p, &in[0], 0));
	cr_assert(ticks_push(&p, &in[0], 1));
	cr_assert_eq(ticks_push_until(&p, &in[1], 1, 0), 0);
	cr_assert(ticks_pop(&c, &out, &at));
	cr_assert_eq(at, 1u);
	cr_assert_eq(ticks_pop_until(&c, &out, &at, 0), 0);
	cr_assert_eq(at, 0u, "it was due");
	cr_assert_eq(out.price, 2u);
	cr_assert(ticks_pop(&c, &out, &at));
	cr_assert_eq(out.time, 3u);
	slip_priority_detach(&p);
	slip_priority_detach(&c);
	free(mem);
}

Test(priority, a_word_at_a_time)
{
	size_t bytes = words_bytes(4, 4, 0);
	void *mem = fresh_memory(bytes);
	struct slip_priority p, c;
	uint32_t at;

	cr_assert_eq(words_init(mem, bytes, 4, 4, 0), 0);
	cr_assert_eq(words_attach(&p, mem, bytes, SLIP_PRODUCER, NULL), 0);
	cr_assert_eq(words_attach(&c, mem, bytes, SLIP_CONSUMER, NULL), 0);
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t x = ~i;

		cr_assert_eq(words_push_until(&p, &i, i % 4, 0), 0);
		cr_assert(words_push(&p, &i, (i + 1) % 4));
		cr_assert(words_pop(&c, &x, &at));
		cr_assert_eq(x, i);
		cr_assert_eq(words_pop_until(&c, &x, &at, 0), 0);
		cr_assert_eq(x, i);
	}
	slip_priority_detach(&p);
	slip_priority_detach(&c);
	free(mem);
}
