/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/noise.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Between neighbours, as most define it. */
static double quantile(const double *sorted, unsigned n, double part)
{
	double at = part * (n - 1);
	unsigned i = (unsigned)at;

	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

struct spread spread_of(const double *values, unsigned n)
{
	struct spread s = { 0, 0, 0, 0 };
	double sorted[BENCH_ROUNDS_MAX];

	if (!n)
		return s;
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	s.median = quantile(sorted, n, 0.5);
	s.min = sorted[0];
	s.max = sorted[n - 1];
	if (s.median > 0)
		s.quartiles = (quantile(sorted, n, 0.75) -
			       quantile(sorted, n, 0.25)) /
			      s.median;
	return s;
}

int bench_ours(const struct asked *a)
{
	for (unsigned i = 0; i < a->c.count; i++)
		if (a->c.entries[i].kind == BENCH_OURS)
			return (int)i;
	return -1;
}

static double better(const struct asked *a, double ours, double other)
{
	return a->c.less_is_better ? other / ours : ours / other;
}

unsigned bench_ratios(const struct asked *a, unsigned ours, unsigned other,
		      double *ratios)
{
	const struct result *x = &a->result[ours];
	const struct result *y = &a->result[other];
	unsigned n = 0;

	if (x->rc || y->rc)
		return 0;
	for (unsigned i = 0; i < a->rounds; i++)
		if (bench_kept(a, i) && x->value[i] > 0 && y->value[i] > 0)
			ratios[n++] = better(a, x->value[i], y->value[i]);
	return n;
}

bool bench_noisy(const struct asked *a, unsigned entry)
{
	double ratios[BENCH_ROUNDS_MAX];
	int ours = bench_ours(a);
	unsigned n = 0;

	if (a->result[entry].rc)
		return false;
	if (bench_mistrusted(a))
		return true;
	if (ours >= 0 && (unsigned)ours != entry)
		n = bench_ratios(a, (unsigned)ours, entry, ratios);
	if (n)
		return spread_of(ratios, n).quartiles > BENCH_NOISY;
	return bench_values(a, entry).quartiles > BENCH_NOISY;
}

/* --- targets ---------------------------------------------------------------
 */

static const struct asked *case_of(const struct bench *b,
				   const struct bench_target *t)
{
	for (unsigned i = 0; i < b->cases; i++)
		if (!strcmp(b->asked[i].c.suite, t->suite) &&
		    !strcmp(b->asked[i].c.name, t->name))
			return &b->asked[i];
	return NULL;
}

static int entry_of(const struct asked *a, const char *name)
{
	for (unsigned i = 0; i < a->c.count; i++)
		if (!strcmp(a->c.entries[i].name, name))
			return (int)i;
	return -1;
}

/* Against the one that was best in this round. */
static unsigned best_ratios(const struct asked *a, unsigned ours,
			    double *ratios)
{
	unsigned n = 0;

	for (unsigned r = 0; r < a->rounds && !a->result[ours].rc; r++) {
		double least = 0;

		for (unsigned i = 0; i < a->c.count; i++) {
			double ratio;

			if (a->c.entries[i].kind != BENCH_RIVAL ||
			    a->result[i].rc || !bench_kept(a, r))
				continue;
			ratio = better(a, a->result[ours].value[r],
				       a->result[i].value[r]);
			if (least <= 0 || ratio < least)
				least = ratio;
		}
		if (least > 0)
			ratios[n++] = least;
	}
	return n;
}

struct verdict bench_judge(const struct bench *b, const struct bench_target *t)
{
	const struct asked *a = case_of(b, t);
	struct verdict v = { { 0, 0, 0, 0 }, 0, false, false };
	double ratios[BENCH_ROUNDS_MAX];
	int ours, other;

	if (!a || !a->rounds)
		return v;
	ours = t->ours ? entry_of(a, t->ours) : bench_ours(a);
	other = t->against ? entry_of(a, t->against) : 0;
	if (ours < 0 || other < 0)
		return v;
	v.rounds = t->against ? bench_ratios(a, (unsigned)ours, (unsigned)other,
					     ratios)
			      : best_ratios(a, (unsigned)ours, ratios);
	v.ratio = spread_of(ratios, v.rounds);
	v.met = v.rounds && v.ratio.median >= t->at_least;
	v.noisy = v.ratio.quartiles > BENCH_NOISY || bench_mistrusted(a);
	return v;
}
