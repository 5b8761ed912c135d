/* SPDX-License-Identifier: MIT */
/*
 * slipring bench --compare: row by row, this run beside a former one. A ratio
 * is compared where there is one, else the value.
 */
#include <string.h>

#include "tools/bench/figure.h"
#include "tools/bench/noise.h"

enum found { SAME, NOISY, MOVED, DIFFERS, FOUNDS };

struct tally {
	FILE *out;
	unsigned count[FOUNDS];
	unsigned rows;
};

static const json_t *named(const json_t *list, const char *suite,
			   const char *name)
{
	const json_t *one;
	size_t i;

	foreach (list, i, one)
		if (figure_is(one, "name", name) &&
		    (!suite || figure_is(one, "suite", suite)))
			return one;
	return NULL;
}

static bool measured(const json_t *entry)
{
	return entry && figure_number(entry, "median") > 0;
}

static bool compared(const json_t *entry)
{
	return json_is_object(json_object_get(entry, "ratio"));
}

static double figure(const json_t *entry, bool ratio)
{
	return figure_number(ratio ? json_object_get(entry, "ratio") : entry,
			     "median");
}

static bool within(double a, double b, double factor)
{
	return a <= b * factor && b <= a * factor;
}

/* How far apart the processors were in most rounds. */
static double line_of(const json_t *one)
{
	const json_t *probes = json_object_get(one, "probe_ns");
	double ns[BENCH_ROUNDS_MAX];
	const json_t *pair;
	unsigned n = 0;
	size_t i;

	foreach (probes, i, pair)
		if (n < BENCH_ROUNDS_MAX)
			ns[n++] = json_number_value(json_array_get(pair, 0));
	return spread_of(ns, n).median;
}

static bool noisy(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "noisy"));
}

static enum found judge(const json_t *cases[2], const json_t *entries[2],
			double a, double b)
{
	double lines[2] = { line_of(cases[0]), line_of(cases[1]) };

	if (within(a, b, 1 + BENCH_NOISY))
		return SAME;
	if (lines[0] > 0 && lines[1] > 0 &&
	    !within(lines[0], lines[1], BENCH_MOVED))
		return MOVED;
	return noisy(entries[0]) || noisy(entries[1]) ? NOISY : DIFFERS;
}

static void compare_entry(struct tally *t, const json_t *cases[2],
			  const json_t *entries[2])
{
	static const char *const words[] = { "", "noisy", "moved", "DIFFERS" };
	bool ratio = compared(entries[0]) && compared(entries[1]);
	double then = figure(entries[0], ratio);
	double now = figure(entries[1], ratio);
	enum found found = judge(cases, entries, then, now);

	t->rows++;
	t->count[found]++;
	if (found == SAME)
		return;
	(void)fprintf(
		t->out, "%-7s %9.4g -> %-9.4g %5.2f  %s: %s: %s (%s)\n",
		words[found], then, now, then > 0 ? now / then : 0,
		figure_text(cases[1], "suite"), figure_text(cases[1], "name"),
		figure_text(entries[1], "name"),
		ratio ? "ratio of ours to it" : figure_text(cases[1], "unit"));
}

static void compare_case(struct tally *t, const json_t *then, const json_t *now)
{
	const json_t *entry;
	size_t i;

	foreach (json_object_get(now, "entries"), i, entry) {
		const json_t *cases[2] = { then, now };
		const json_t *entries[2] = {
			named(json_object_get(then, "entries"), NULL,
			      figure_text(entry, "name")),
			entry
		};

		if (measured(entries[0]) && measured(entries[1]))
			compare_entry(t, cases, entries);
	}
}

static unsigned rows_of(const json_t *run)
{
	const json_t *one, *entry;
	unsigned n = 0;
	size_t i, k;

	foreach (json_object_get(run, "cases"), i, one)
		foreach (json_object_get(one, "entries"), k, entry)
			n += measured(entry);
	return n;
}

/* What makes two runs those of two machines. */
static void compare_machines(const json_t *then, const json_t *now, FILE *out)
{
	static const char *const facts[] = { "cpu",   "cpus",	  "kernel",
					     "flags", "compiler", "governor" };

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (!figure_is(then, facts[i], figure_text(now, facts[i])))
			(void)fprintf(out, "another %s: %s -> %s\n", facts[i],
				      figure_text(then, facts[i]),
				      figure_text(now, facts[i]));
}

unsigned bench_compare(const json_t *then, const json_t *now, FILE *out)
{
	struct tally t = { out, { 0 }, 0 };
	const json_t *cases = json_object_get(then, "cases");
	const json_t *one;
	size_t i;

	compare_machines(json_object_get(then, "machine"),
			 json_object_get(now, "machine"), out);
	foreach (json_object_get(now, "cases"), i, one)
		compare_case(&t,
			     named(cases, figure_text(one, "suite"),
				   figure_text(one, "name")),
			     one);
	(void)fprintf(out,
		      "%u rows in both: %u agree within %.0f %%; of the others "
		      "%u were called noisy, %u had the processors moved in "
		      "between, %u differ. %u rows in one only.\n",
		      t.rows, t.count[SAME], 100 * BENCH_NOISY, t.count[NOISY],
		      t.count[MOVED], t.count[DIFFERS],
		      rows_of(then) + rows_of(now) - 2 * t.rows);
	return t.count[DIFFERS];
}
