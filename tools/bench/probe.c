/* SPDX-License-Identifier: MIT */
/*
 * What is watched while answers are measured: how long a line takes between the
 * first two processors, for a host may move them, and who else has used them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "atomics/word.h"
#include "tools/bench/engine.h"

#define PROBE_S	 0.001
#define BOUNCES	 32u
#define THE_LAST UINT64_MAX

static slip_a64 *word_of(const struct bench_team *t)
{
	return t->mem;
}

/* Odd numbers are said, even ones answered. The times of so many bounces each
 * go into the histogram: whoever interrupts one spoils no more than that. */
static void say(struct bench_team *t, unsigned self)
{
	slip_a64 *word = word_of(t);
	uint64_t k = 1;

	(void)self;
	bench_ready(t);
	do {
		uint64_t from = bench_now_ns();

		for (unsigned i = 0; i < BOUNCES; i++, k += 2) {
			slip_a64_store_release(word, k);
			while (slip_a64_load_acquire(word) != k + 1)
				;
		}
		bench_hist_add(&t->shared->hist, bench_now_ns() - from);
	} while (!bench_over(t));
	slip_a64_store_release(word, THE_LAST);
}

static void answer(struct bench_team *t, unsigned self)
{
	slip_a64 *word = word_of(t);
	uint64_t heard;

	(void)self;
	bench_ready(t);
	while ((heard = slip_a64_load_acquire(word)) != THE_LAST)
		if (heard & 1)
			slip_a64_store_release(word, heard + 1);
}

/* The lower quartile: those that nobody interrupted. */
static double line_ns(void)
{
	static struct bench_hist hist;
	const struct bench_point p = { .seconds = PROBE_S };
	struct bench_answer a = { 0, &hist, NULL };
	struct bench_team t = { .point = &p,
				.sides = 2,
				.run = { say, answer },
				.threads = true,
				.bytes = 4096 };

	memset(&hist, 0, sizeof(hist));
	if (bench_cpu(0) == bench_cpu(1) || bench_team_run(&t, &a))
		return 0;
	return (double)bench_hist_at(&hist, 0.25) / BOUNCES;
}

/* --- who else -------------------------------------------------------------- */

static bool ours(int cpu)
{
	int first = bench_cpu(0);

	if (cpu == first)
		return true;
	for (unsigned i = 1; bench_cpu(i) != first; i++)
		if (bench_cpu(i) == cpu)
			return true;
	return false;
}

/* A line of /proc/stat, in ticks: user nice system idle iowait irq softirq
 * steal. */
static void add_processor(const char *line, struct bench_load *now)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	char *at;
	long cpu = strtol(line, &at, 10);
	uint64_t ticks[8];

	if (at == line || !ours((int)cpu))
		return;
	for (unsigned i = 0; i < 8; i++)
		ticks[i] = strtoull(at, &at, 10);
	now->busy_ns += (ticks[0] + ticks[1] + ticks[2]) * tick_ns;
	now->stolen_ns += ticks[7] * tick_ns;
	now->processors++;
}

static uint64_t used_ns(int who)
{
	struct rusage u;

	if (getrusage(who, &u))
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

static void load(struct bench_load *now)
{
	char line[512];
	FILE *in = fopen("/proc/stat", "re");

	memset(now, 0, sizeof(*now));
	while (in && fgets(line, sizeof(line), in) && !strncmp(line, "cpu", 3))
		add_processor(line + 3, now);
	if (in)
		(void)fclose(in);
	now->own_ns = used_ns(RUSAGE_SELF) + used_ns(RUSAGE_CHILDREN);
	now->at_ns = bench_now_ns();
}

const struct bench_watch bench_watch = { line_ns, load };
