/* SPDX-License-Identifier: MIT */
/* What the engine makes of answers, with entries whose answers are known. */
#define _GNU_SOURCE
#include "tools/bench/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics/test/check.h"

static int asked;

static int one_two_three(const struct bench_point *p, struct bench_answer *a)
{
	cr_assert_gt(p->seconds, 0);
	a->value = 1 + asked++ % 3;
	return 0;
}

static int ten(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	a->value = 10;
	if (a->hist)
		bench_hist_add(a->hist, 1000);
	return 0;
}

static int absent(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	(void)a;
	return -ENOPKG;
}

static int nothing(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	a->value = 0;
	return 0;
}

static const struct bench_entry entries[] = {
	{ .name = "one, \"two\"", .kind = BENCH_OURS, .ask = one_two_three },
	{ .name = "ten", .kind = BENCH_RIVAL, .ask = ten },
	{ .name = "not there",
	  .kind = BENCH_RIVAL,
	  .package = "libx-dev",
	  .ask = absent },
	{ .name = "silent", .kind = BENCH_LIMIT, .ask = nothing },
};

static struct bench *run(bool less_is_better, unsigned rounds)
{
	const struct bench_options o = { .rounds = rounds, .seconds = 0.01 };
	const struct bench_case c = {
		.suite = "s",
		.name = "c",
		.unit = "u",
		.latency = true,
		.less_is_better = less_is_better,
		.quick = true,
		.entries = entries,
		.count = 4,
	};
	struct bench *b = bench_new();

	asked = 0;
	bench_add(b, &c);
	cr_assert_eq(bench_run(b, &o), 4 * rounds);
	return b;
}

/* Millionths, as doubles are compared. */
static long parts(double v)
{
	return (long)(v * 1e6 + 0.5);
}

Test(bench, a_ratio_is_of_one_round_and_more_is_better_for_us)
{
	struct bench *b = run(false, 3);
	double ratios[BENCH_ROUNDS_MAX];

	cr_assert_eq(bench_ratios(b->asked, 0, 1, ratios), 3u);
	cr_assert_eq(parts(ratios[0]), 100000);
	cr_assert_eq(parts(ratios[2]), 300000);
	cr_assert_eq(bench_ratios(b->asked, 0, 2, ratios), 0u, "it failed");
	bench_free(b);
	b = run(true, 3);
	cr_assert_eq(bench_ratios(b->asked, 0, 1, ratios), 3u);
	cr_assert_eq(parts(ratios[0]), 10000000, "less is better");
	bench_free(b);
}

Test(bench, what_is_absent_or_measures_nothing_has_no_value)
{
	struct bench *b = run(false, 3);

	cr_assert_eq(b->asked->result[2].rc, -ENOPKG);
	cr_assert_eq(b->asked->result[3].rc, -ENODATA);
	cr_assert_eq(bench_ours(b->asked), 0);
	cr_assert(bench_noisy(b->asked, 0), "1, 2, 3");
	cr_assert(!bench_noisy(b->asked, 2));
	bench_free(b);
}

Test(bench, spreads)
{
	const double values[] = { 4, 1, 3, 2, 100 };
	struct spread s = spread_of(values, 5);

	cr_assert_eq(parts(s.median), 3000000);
	cr_assert_eq(parts(s.min), 1000000);
	cr_assert_eq(parts(s.max), 100000000);
	cr_assert_eq(parts(s.quartiles), 666667, "(4 - 2) / 3");
	cr_assert_eq(parts(spread_of(values, 2).median), 2500000);
	cr_assert_eq(parts(spread_of(values, 0).median), 0);
}

Test(bench, targets_are_met_by_the_median)
{
	struct bench_target t = {
		.suite = "s", .name = "c", .at_least = 0.2, .line = "twice"
	};
	struct bench *b = run(false, 3);

	cr_assert(bench_judge(b, &t).met, "against the best rival");
	t.at_least = 0.21;
	cr_assert(!bench_judge(b, &t).met);
	cr_assert_eq(bench_judge(b, &t).rounds, 3u);
	t.against = "ten";
	cr_assert_eq(parts(bench_judge(b, &t).ratio.median), 200000);
	t.against = "not there";
	cr_assert_eq(bench_judge(b, &t).rounds, 0u, "not measured");
	t.at_least = 0;
	cr_assert(!bench_judge(b, &t).met, "nor met");
	t.name = "another";
	cr_assert_eq(bench_judge(b, &t).rounds, 0u);
	bench_free(b);
}

Test(bench, histograms_are_exact_to_a_32nd)
{
	struct bench_hist *h = calloc(2, sizeof(*h));

	cr_assert_eq(bench_hist_at(h, 0.5), 0u, "empty");
	for (uint64_t i = 1; i <= 100000; i++)
		bench_hist_add(h, i);
	for (int p = 1; p <= 100; p++) {
		uint64_t want = (uint64_t)p * 1000;
		uint64_t is = bench_hist_at(h, p / 100.0);

		cr_assert(is >= want && is <= want + want / 32, "p%d: %llu", p,
			  (unsigned long long)is);
	}
	bench_hist_add(&h[1], UINT64_C(1) << 50);
	bench_hist_merge(h, &h[1]);
	cr_assert_eq(h->count, 100001u);
	cr_assert_eq(bench_hist_at(h, 1), UINT64_C(1) << 50, "the most");
	cr_assert_eq(h->min_ns, 1u);
	free(h);
}

Test(bench, json_says_it_all)
{
	struct bench_target t = {
		.suite = "s", .name = "c", .at_least = 1, .line = "twice"
	};
	struct bench *b = run(false, 3);
	json_t *machine = json_object();
	json_t *j, *e;
	const char *error, *verdict;
	double median;

	bench_target(b, &t);
	j = bench_json(b, "command", machine);
	cr_assert(j);
	e = json_array_get(
		json_object_get(json_array_get(json_object_get(j, "cases"), 0),
				"entries"),
		1);
	cr_assert_eq(json_unpack(e, "{s:F, s:{s:I}}", "median", &median,
				 "latency", "p50", &(json_int_t){ 0 }),
		     0);
	cr_assert_eq(parts(median), 10000000);
	e = json_array_get(
		json_object_get(json_array_get(json_object_get(j, "cases"), 0),
				"entries"),
		2);
	cr_assert_eq(json_unpack(e, "{s:s, s:n}", "error", &error, "ratio"), 0);
	cr_assert_str_eq(error, "not installed");
	cr_assert_eq(
		json_unpack(json_array_get(json_object_get(j, "targets"), 0),
			    "{s:s}", "verdict", &verdict),
		0);
	cr_assert_str_eq(verdict, "not met");
	json_decref(j);
	json_decref(machine);
	bench_free(b);
}

Test(bench, csv_has_a_line_for_each_value)
{
	struct bench *b = run(false, 3);
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	unsigned lines = 0;

	bench_csv(b, out);
	cr_assert_eq(fclose(out), 0);
	for (size_t i = 0; i < bytes; i++)
		lines += text[i] == '\n';
	cr_assert_eq(lines, 7u, "a head, and 3 for each of two");
	cr_assert(strstr(text, "\"one, \"\"two\"\"\""), "quoted");
	free(text);
	bench_free(b);
}

/* --- teams ----------------------------------------------------------------- */

static void count(struct bench_team *t, unsigned self)
{
	uint64_t n = 0;

	bench_ready(t);
	do
		n++;
	while (!bench_over(t)); /* a busy machine may let us run but then */
	t->shared->side[self].ops = n;
}

static void die(struct bench_team *t, unsigned self)
{
	(void)self;
	bench_ready(t);
	(void)raise(SIGKILL);
}

static void refuse(struct bench_team *t, unsigned self)
{
	bench_ready(t);
	t->shared->side[self].rc = -EBADMSG;
}

static uint64_t counted;

static void take_counts(struct bench_team *t)
{
	counted = t->shared->side[0].ops && t->shared->side[1].ops;
}

static int play(bench_side *a, bench_side *b, bool threads)
{
	const struct bench_point p = { .seconds = 0.02 };
	struct bench_answer answer = { 0, NULL, NULL };
	struct bench_team t = { .point = &p,
				.sides = 2,
				.run = { a, b },
				.threads = threads,
				.bytes = 100,
				.cleanup = take_counts };

	counted = 0;
	return bench_team_run(&t, &answer);
}

Test(team, sides_run_until_the_time_is_over)
{
	cr_assert_eq(play(count, count, false), 0);
	cr_assert(counted);
	cr_assert_eq(play(count, count, true), 0);
	cr_assert(counted);
}

Test(team, a_side_that_dies_or_fails_makes_it_fail)
{
	cr_assert_eq(play(count, die, false), -ECHILD);
	cr_assert_eq(play(count, refuse, false), -EBADMSG);
	cr_assert_eq(play(count, refuse, true), -EBADMSG);
}
