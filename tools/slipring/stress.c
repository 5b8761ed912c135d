/* SPDX-License-Identifier: MIT */
/*
 * slipring stress: qualifies a machine, its kernel and its container for the
 * rings, by torture. The engine is that of the project's own stress programs
 * (//stress:pair, where the account is explained).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/slipring/common.h"
#include "tools/slipring/litmus.h"
#include "tools/slipring/machine.h"
#include "tools/slipring/stress_args.h"

enum verdict { PASSED, FAILED, INTERRUPTED };
static const char *const verdict_names[] = { "PASSED", "FAILED",
					     "INTERRUPTED" };

static const struct column {
	const char *name;
	enum pair_count what;
	int width;
} columns[] = {
	{ "runs", PAIR_RUNS, 6 },
	{ "pushed", PAIR_PUSHED, 12 },
	{ "popped", PAIR_POPPED, 12 },
	{ "lost", PAIR_LOST, 7 },
	{ "again", PAIR_AGAIN, 7 },
	{ "kills", PAIR_KILLS, 7 },
	{ "stops", PAIR_STOPS, 7 },
	{ "leaves", PAIR_LEAVES, 7 },
	{ "takeovers", PAIR_TAKEOVERS, 10 },
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* --- the machine ---------------------------------------------------------- */

static void check_machine(struct findings *f)
{
	unsigned back_end = pair_back_end();

	check_system(f);
	check_processor(f);
	check_cpus(f);
	check_container(f);
	check_seccomp(f);
	add(f, "memory", FACT, NULL, "%s",
	    back_end ? "memfd" : "files in /dev/shm: memfd is refused");
	check_death(f, back_end, "death");
	check_remote_wake(f, back_end);
	check_order(f);
}

/* --- the verdict ---------------------------------------------------------- */

/* A ring that nothing went through has not passed. */
static const struct pair_ring *untested(const struct torture *t)
{
	for (uint32_t i = 0; i < t->rings_number; i++)
		if (!torture_count(t, t->rings[i], PAIR_RUNS) ||
		    !torture_count(t, t->rings[i], PAIR_POPPED))
			return t->rings[i];
	return NULL;
}

static enum verdict judge(struct torture *t, const struct findings *f)
{
	const struct pair_ring *ring;

	if (t->failed || !findings_are_well(f))
		return FAILED;
	if (t->signal)
		return INTERRUPTED;
	ring = untested(t);
	if (!ring)
		return PASSED;
	(void)snprintf(t->said, sizeof(t->said), "%s: nothing went through\n",
		       ring->name);
	return FAILED;
}

/* The seed of the run that failed, as it said itself; else the first. */
static uint64_t seed_of(const struct torture *t)
{
	const char *at = strstr(t->said, ": seed ");
	unsigned long long seed;

	if (at && sscanf(at, ": seed %llu", &seed) == 1)
		return seed;
	return stress_options.seed;
}

static void ring_list(const struct torture *t, char *text, size_t bytes)
{
	size_t used = 0;

	for (uint32_t i = 0; i < t->rings_number && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s",
					 i ? "," : "", t->rings[i]->name);
}

/* The command that begins with the run of the seed. */
static void command(const struct stress_args *a, char *text, size_t bytes)
{
	const struct stress_options *o = &stress_options;
	char rings[100], sizes[64] = "";

	ring_list(&a->torture, rings, sizeof(rings));
	if (o->capacity || o->elem_bytes)
		(void)snprintf(sizes, sizeof(sizes), " --capacity %u --elem %u",
			       o->capacity, o->elem_bytes);
	(void)snprintf(text, bytes,
		       "slipring stress --pairs 1 --ring %s --kill-rate %u "
		       "--stop-rate %u --pin %s%s --seed %llu",
		       rings, o->kills, o->stops, a->pin, sizes,
		       llu(seed_of(&a->torture)));
}

/* Of all rings and pairs. */
static uint64_t median_us(const struct torture *t, uint64_t *number)
{
	static struct pair_account sum;

	for (uint32_t i = 0; i < t->pairs * t->rings_number; i++)
		for (uint32_t k = 0; k < PAIR_DELAYS; k++)
			/* own, stat */
			slip_a64_store_relaxed(
				&sum.delays[k],
				slip_a64_load_relaxed(&sum.delays[k]) +
					slip_a64_load_relaxed(
						&t->accounts[i].delays[k]));
	return pair_median_ns(&sum, number) / 1000;
}

/* --- as text -------------------------------------------------------------- */

static void print_plan(const struct stress_args *a)
{
	char rings[100], time[TIME_TEXT_BYTES];

	ring_list(&a->torture, rings, sizeof(rings));
	(void)printf("%u pairs of %s for %s, %u kills and %u stops a second "
		     "each, pin %s, seed %llu\n",
		     a->torture.pairs, rings,
		     time_text(time, stress_options.duration_ns / 1000000000),
		     stress_options.kills, stress_options.stops, a->pin,
		     llu(stress_options.seed));
}

static void print_table(const struct torture *t)
{
	uint64_t number;
	uint64_t us = median_us(t, &number);

	(void)printf("\n%-8s", "ring");
	for (int c = 0; c < COLUMNS; c++)
		(void)printf(" %*s", columns[c].width, columns[c].name);
	(void)putchar('\n');
	for (uint32_t i = 0; i < t->rings_number; i++) {
		(void)printf("%-8s", t->rings[i]->name);
		for (int c = 0; c < COLUMNS; c++)
			(void)printf(" %*llu", columns[c].width,
				     llu(torture_count(t, t->rings[i],
						       columns[c].what)));
		(void)putchar('\n');
	}
	(void)puts("pushed = popped - again + lost. lost: with a pop that was "
		   "killed (at most once);\nagain: after a peek that was "
		   "killed (at least once).");
	if (number)
		(void)printf("A death was told to the other side after %llu "
			     "us (median of %llu).\n",
			     llu(us), llu(number));
}

static void print_text(const struct stress_args *a, enum verdict verdict)
{
	const struct torture *t = &a->torture;
	char time[TIME_TEXT_BYTES], again[400];

	if (t->accounts)
		print_table(t);
	if (verdict == FAILED) {
		command(a, again, sizeof(again));
		(void)printf("\n%sto repeat the shape of that run: %s\n",
			     t->said, again);
	}
	(void)printf("\n%s after %s, seed %llu\n", verdict_names[verdict],
		     time_text(time, t->took_ns / 1000000000),
		     llu(stress_options.seed));
}

/* --- as JSON -------------------------------------------------------------- */

static json_t *rings_json(const struct torture *t)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < t->rings_number; i++) {
		json_t *ring = json_pack("{ss}", "ring", t->rings[i]->name);

		for (int c = 0; c < COLUMNS; c++)
			json_object_set_new(
				ring, columns[c].name,
				json_integer((json_int_t)torture_count(
					t, t->rings[i], columns[c].what)));
		json_array_append_new(list, ring);
	}
	return list;
}

static int print_as_json(const struct stress_args *a, const struct findings *f,
			 enum verdict verdict)
{
	const struct torture *t = &a->torture;
	uint64_t number = 0;
	uint64_t us = t->accounts ? median_us(t, &number) : 0;
	char again[400];
	json_t *all;

	command(a, again, sizeof(again));
	all = json_pack("{ss sI sf si si si ss so sI sI}", "verdict",
			verdict_names[verdict], "seed",
			(json_int_t)stress_options.seed, "seconds",
			(double)t->took_ns / 1e9, "pairs", (int)t->pairs,
			"kill_rate", (int)stress_options.kills, "stop_rate",
			(int)stress_options.stops, "pin", a->pin, "machine",
			findings_json(f), "deaths_told", (json_int_t)number,
			"deaths_told_after_us", (json_int_t)us);
	if (all && t->accounts)
		json_object_set_new(all, "rings", rings_json(t));
	if (all && verdict == FAILED) {
		json_object_set_new(all, "failure", json_string(t->said));
		json_object_set_new(all, "again", json_string(again));
	}
	return print_json(all);
}

/* --- the command ---------------------------------------------------------- */

/* As if nobody had caught it: whoever waits for us sees what ended us. */
static void die_of(int number)
{
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

int cmd_stress(int argc, char **argv)
{
	static struct stress_args a;
	static struct findings findings;
	struct torture *t = &a.torture;
	enum verdict verdict;
	int status;

	if (stress_args_parse(&a, argc, argv))
		return STATUS_USAGE;
	if (!a.json)
		print_plan(&a);
	stress_start();
	torture_listen();
	check_machine(&findings);
	if (!a.json)
		findings_print(&findings);
	(void)fflush(stdout);
	stress_finish();
	if (findings_are_well(&findings))
		(void)torture_run(t);
	verdict = judge(t, &findings);
	if (a.json) {
		status = print_as_json(&a, &findings, verdict);
	} else {
		print_text(&a, verdict);
		status = finish_output(STATUS_OK);
	}
	if (verdict == INTERRUPTED)
		die_of(t->signal);
	return status ? status : verdict == PASSED ? STATUS_OK : STATUS_FAILED;
}
