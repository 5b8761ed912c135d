/* SPDX-License-Identifier: MIT */
/* Which rounds are left out, with a machine whose troubles are made up. */
#define _GNU_SOURCE
#include "tools/bench/noise.h"

#include <stdlib.h>
#include <string.h>

#include "atomics/test/check.h"

#define MS UINT64_C(1000000)

/* What the made-up machine says: a line for each probe, and who used two
 * processors for the 100 ms of an answer. The last one goes on. */
static const double *lines;
static unsigned lines_count, probed;
static uint64_t others_ns, stolen_ns;
static struct bench_load used;

static double say_line(void)
{
	unsigned i = probed++;

	return lines[i < lines_count ? i : lines_count - 1];
}

static void say_load(struct bench_load *now)
{
	static unsigned calls;

	*now = used;
	if (calls++ % 2)
		return;
	used.at_ns += 100 * MS;
	used.own_ns += 150 * MS;
	used.busy_ns += 150 * MS + others_ns;
	used.stolen_ns += stolen_ns;
}

static unsigned asked;

/* 2, and 4 in the third round. */
static int ours(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	a->value = ++asked == 3 ? 4 : 2;
	return 0;
}

static int rival(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	a->value = 1;
	return 0;
}

static const struct bench_entry entries[] = {
	{ .name = "ours", .kind = BENCH_OURS, .ask = ours },
	{ .name = "rival", .kind = BENCH_RIVAL, .ask = rival },
};

static struct bench *run(unsigned rounds, const double *said, unsigned n)
{
	static const struct bench_watch watch = { say_line, say_load };
	const struct bench_options o = { .rounds = rounds,
					 .seconds = 100,
					 .watch = &watch };
	const struct bench_case c = { .suite = "s",
				      .name = "c",
				      .unit = "u",
				      .entries = entries,
				      .count = 2 };
	struct bench *b = bench_new();

	memset(&used, 0, sizeof(used));
	used.processors = 2;
	lines = said;
	lines_count = n;
	asked = probed = 0;
	bench_add(b, &c);
	(void)bench_run(b, &o);
	return b;
}

/* A round of two answers has three probes. */
#define QUIET_ROUND 80, 85, 79

Test(noise, a_quiet_machine_keeps_every_round)
{
	static const double said[] = { QUIET_ROUND };
	struct bench *b = run(3, said, 3);
	char text[128];

	others_ns = stolen_ns = 0;
	cr_assert_eq(b->asked->rounds, 3u);
	cr_assert_eq(b->asked->disturbed, 0u);
	cr_assert(!bench_noise(b->asked, text, sizeof(text)));
	cr_assert(!bench_mistrusted(b->asked));
	bench_free(b);
}

Test(noise, a_round_in_which_processors_move_is_left_out)
{
	static const double said[] = { QUIET_ROUND, QUIET_ROUND, 80,
				       80,	    351,	 QUIET_ROUND };
	struct bench *b = run(4, said, 12);
	double ratios[BENCH_ROUNDS_MAX];
	char text[128];

	cr_assert_eq(b->asked->rounds, 4u);
	cr_assert_eq(bench_left_out(b->asked), 1u);
	cr_assert(!bench_kept(b->asked, 2));
	cr_assert_eq(bench_ratios(b->asked, 0, 1, ratios), 3u);
	cr_assert(ratios[2] < 2.5, "the 4 is not among them");
	cr_assert(bench_values(b->asked, 0).max > 3.5, "but not forgotten");
	cr_assert(bench_values(b->asked, 0).median < 2.5);
	cr_assert(!bench_noisy(b->asked, 1), "what is left is sound");
	cr_assert_str_eq(bench_noise(b->asked, text, sizeof(text)),
			 "processors moved: line 79 -> 351 ns");
	bench_free(b);
}

Test(noise, rounds_on_other_processors_than_most_are_left_out)
{
	static const double said[] = { 350, 351, 349, 350, 350,
				       350, 80,	 80,  80,  350 };
	struct bench *b = run(4, said, 10);

	cr_assert_eq(bench_left_out(b->asked), 1u);
	cr_assert(!bench_kept(b->asked, 2), "though it was steady");
	bench_free(b);
}

Test(noise, most_rounds_disturbed_are_asked_again_but_not_for_ever)
{
	static const double said[] = { 80, 350, 80, 80, 350, 80, QUIET_ROUND };
	static const double never[] = { 80, 350, 80, 80, 350, 80, 80, 350, 80,
					80, 350, 80, 80, 350, 80, 80, 350, 80 };
	struct bench *b = run(2, said, 9);

	cr_assert_eq(b->asked->rounds, 4u, "until half are quiet");
	cr_assert_eq(bench_left_out(b->asked), 2u);
	bench_free(b);
	b = run(3, never, 18);
	cr_assert_eq(b->asked->rounds, 6u, "twice as many, and no more");
	cr_assert_eq(b->asked->disturbed, 6u);
	cr_assert_eq(bench_left_out(b->asked), 0u, "all count");
	cr_assert(bench_noisy(b->asked, 1), "and all are noisy");
	bench_free(b);
}

Test(noise, others_and_the_host_are_seen)
{
	static const double said[] = { QUIET_ROUND };
	struct bench *b;
	char text[128];

	others_ns = 15 * MS; /* of 200, but ticks are coarse */
	b = run(1, said, 3);
	cr_assert_eq(b->asked->disturbed, 0u);
	bench_free(b);
	others_ns = 50 * MS;
	b = run(1, said, 3);
	cr_assert_str_eq(bench_noise(b->asked, text, sizeof(text)),
			 "others took 25 % of the processors");
	bench_free(b);
	others_ns = 0;
	stolen_ns = 30 * MS;
	b = run(1, said, 3);
	cr_assert_str_eq(bench_noise(b->asked, text, sizeof(text)),
			 "the host took 15 % of the processors");
	bench_free(b);
	stolen_ns = 0;
}

Test(noise, json_says_what_was_left_out)
{
	static const double said[] = { QUIET_ROUND, 80, 351, 80, QUIET_ROUND };
	struct bench *b = run(3, said, 9);
	json_t *j = json_object();
	double least, most;

	bench_noise_json(b->asked, j);
	cr_assert_eq(json_integer_value(json_object_get(j, "left_out")), 1);
	cr_assert_eq(json_unpack(j, "{s:[[f,f],[F,F],[f,f]]}", "probe_ns",
				 &least, &most, &least, &most, &least, &most),
		     0);
	cr_assert(json_is_string(json_object_get(j, "noise")));
	json_decref(j);
	bench_free(b);
}

/* The real ones: whatever they say, time and use only grow. */
Test(noise, the_machine_can_be_watched)
{
	struct bench_load a, b;

	bench_watch.load(&a);
	cr_assert(bench_watch.line_ns() >= 0);
	bench_watch.load(&b);
	cr_assert(a.processors && a.processors == b.processors);
	cr_assert(b.at_ns > a.at_ns);
	cr_assert(b.busy_ns >= a.busy_ns && b.own_ns >= a.own_ns);
	if (bench_cpu(0) != bench_cpu(1))
		cr_assert(bench_watch.line_ns() > 0);
}
