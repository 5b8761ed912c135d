/* SPDX-License-Identifier: MIT */
/* What is fitted to points whose line, or power, is known. */
#define _GNU_SOURCE
#include "tools/bench/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "atomics/test/check.h"

/* Millionths, as doubles are compared. */
static long parts(double v)
{
	return lround(v * 1e6);
}

static const double doubling[] = { 1, 2, 4, 8, 16 };
enum { N = 5 };

Test(fit, a_line_is_found_exactly)
{
	const double x[] = { 8, 64, 1024, 65536 };
	double y[4];
	struct fit f;

	for (unsigned i = 0; i < 4; i++)
		y[i] = 0.25 * x[i] + 3;
	cr_assert_eq(fit_points(x, y, 4, &f), 0);
	cr_assert_eq(parts(f.slope), 250000);
	cr_assert_eq(parts(f.intercept), 3000000);
	for (unsigned i = 0; i < 4; i++)
		y[i] = 7 - x[i];
	cr_assert_eq(fit_points(x, y, 4, &f), 0);
	cr_assert_eq(parts(f.slope), -1000000);
	cr_assert_eq(parts(f.intercept), 7000000);
}

Test(fit, a_power_is_found_exactly)
{
	static const double powers[] = { -1, 0.5, 1, 2 };
	double y[N];
	struct fit f;

	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < N; i++)
			y[i] = 3 * pow(doubling[i], powers[k]);
		cr_assert_eq(fit_points(doubling, y, N, &f), 0);
		cr_assert_eq(parts(f.exponent), parts(powers[k]));
		cr_assert_eq(parts(f.r2), 1000000);
	}
}

Test(fit, what_is_constant_does_not_grow)
{
	/* 0.1 is none that sums exactly. */
	const double y[N] = { 0.1, 0.1, 0.1, 0.1, 0.1 };
	struct fit f;

	cr_assert_eq(fit_points(doubling, y, N, &f), 0);
	cr_assert_eq(parts(f.slope), 0);
	cr_assert_eq(parts(f.intercept), 100000);
	cr_assert_eq(parts(f.exponent), 0);
	cr_assert_eq(parts(f.r2), 1000000);
	cr_assert_str_eq(fit_says(&f), "does not grow");
}

Test(fit, the_line_is_of_relative_errors)
{
	/* Weights 1, 1/4, 1: not the line of absolute errors. */
	const double x[] = { 0, 1, 3 };
	const double y[] = { 1, 2, 1 };
	struct fit f;

	cr_assert_eq(fit_points(x, y, 3, &f), 0);
	cr_assert_eq(parts(f.slope), parts(-1.0 / 41));
	cr_assert_eq(parts(f.intercept), parts(47.0 / 41));
}

Test(fit, with_a_y_of_zero_it_is_of_absolute_errors)
{
	const double x[] = { 0, 1, 2 };
	const double y[] = { 0, 3, 0 };
	struct fit f;

	cr_assert_eq(fit_points(x, y, 3, &f), 0);
	cr_assert_eq(parts(f.slope), 0);
	cr_assert_eq(parts(f.intercept), 1000000);
	cr_assert(isnan(f.exponent), "one logarithm");
}

Test(fit, r2_is_the_part_of_the_spread_that_is_explained)
{
	const double x[] = { 1, M_E, M_E * M_E };
	const double y[] = { 1, M_E * M_E, M_E };
	struct fit f;

	/* ln y is 0, 2, 1 at 0, 1, 2: slope 1/2, and r2 = 1 / (2 * 2). */
	cr_assert_eq(fit_points(x, y, 3, &f), 0);
	cr_assert_eq(parts(f.exponent), 500000);
	cr_assert_eq(parts(f.r2), 250000);
}

Test(fit, fewer_than_three_different_x_are_no_line)
{
	const double same[] = { 4, 4, 4, 4 };
	const double two[] = { 4, 4, 8, 8 };
	struct fit f;

	for (unsigned n = 0; n < 3; n++)
		cr_assert_eq(fit_points(doubling, doubling, n, &f), -ENODATA);
	cr_assert_eq(fit_points(doubling, doubling, 3, &f), 0);
	cr_assert_eq(fit_points(same, doubling, 4, &f), -ENODATA);
	cr_assert_eq(fit_points(two, doubling, 4, &f), -ENODATA);
}

Test(fit, x_of_zero_or_less_has_a_line_but_no_logarithm)
{
	const double x[] = { -2, 0, 1, 2, 4 };
	double y[N];
	struct fit f;

	for (unsigned i = 0; i < N; i++)
		y[i] = 5 * x[i];
	cr_assert_eq(fit_points(x, y, N, &f), 0);
	cr_assert_eq(parts(f.slope), 5000000);
	cr_assert_eq(parts(f.exponent), 1000000, "of 1, 2, 4 alone");
	cr_assert_eq(fit_points(x, y, 4, &f), 0);
	cr_assert_eq(parts(f.slope), 5000000);
	cr_assert(isnan(f.exponent) && isnan(f.r2), "of 1 and 2 alone: none");
	cr_assert_str_eq(fit_says(&f), "no power of x");
	/* What costs something at 0 as well. */
	cr_assert_eq(fit_points((const double[]){ 0, 1, 2, 4 },
				(const double[]){ 1, 3, 6, 12 }, 4, &f),
		     0);
	cr_assert_eq(parts(f.exponent), 1000000);
}

Test(fit, the_words_follow_the_exponent)
{
	static const struct {
		double exponent;
		const char *says;
	} rows[] = {
		{ -0.06, "falls" },
		{ -0.04, "does not grow" },
		{ 0.04, "does not grow" },
		{ 0.06, "grows less than x" },
		{ 0.89, "grows less than x" },
		{ 0.91, "grows as x" },
		{ 1.09, "grows as x" },
		{ 1.11, "grows more than x" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fit f = { 0, 0, rows[i].exponent, 1 };

		cr_assert_str_eq(fit_says(&f), rows[i].says);
	}
}

/* --- series ---------------------------------------------------------------- */

static int twice(const struct bench_point *p, struct bench_answer *a)
{
	a->value = 2.0 * p->elem_bytes + 1;
	return 0;
}

static int rate(const struct bench_point *p, struct bench_answer *a)
{
	a->value = 100.0 / p->elem_bytes;
	return 0;
}

static int small_only(const struct bench_point *p, struct bench_answer *a)
{
	a->why = "too large";
	a->value = 1;
	return p->elem_bytes > 2 ? -EINVAL : 0;
}

static const struct bench_entry entries[] = {
	{ .name = "twice", .kind = BENCH_OURS, .ask = twice },
	{ .name = "small", .kind = BENCH_RIVAL, .ask = small_only },
};
static const struct bench_entry rates[] = {
	{ .name = "rate", .kind = BENCH_OURS, .ask = rate },
};

static void add(struct bench *b, const char *series, uint32_t bytes,
		const char *unit)
{
	bool cost = !strcmp(unit, "ns");
	struct bench_case c = {
		.suite = "s",
		.name = bench_text(b, "%s %s %u", unit,
				   series ? series : "alone", bytes),
		.unit = unit,
		.series = series,
		.x_name = "bytes",
		.x = bytes,
		.less_is_better = cost,
		.point = { .elem_bytes = bytes },
		.entries = cost ? entries : rates,
		.count = cost ? 2 : 1,
	};

	bench_add(b, &c);
}

/* Cases 0 to 11: four of each; 12 alone. */
static struct bench *three_series(void)
{
	const struct bench_options o = { .rounds = 3, .seconds = 0.01 };
	struct bench *b = bench_new();

	for (uint32_t bytes = 1; bytes <= 8; bytes *= 2)
		add(b, "cost", bytes, "ns");
	for (uint32_t bytes = 1; bytes <= 8; bytes *= 2)
		add(b, "rate", bytes, "Mmsg/s");
	for (uint32_t bytes = 1; bytes <= 8; bytes *= 2)
		add(b, "files", bytes, "files/s");
	add(b, NULL, 1, "ns");
	cr_assert_gt(bench_run(b, &o), 0u);
	return b;
}

Test(series, each_entry_is_fitted_once)
{
	struct bench *b = three_series();
	struct bench_slope s;

	cr_assert_eq(bench_slope(b, &b->asked[0], 0, &s), 0);
	cr_assert_str_eq(s.entry, "twice");
	cr_assert_str_eq(s.series, "cost");
	cr_assert_str_eq(s.unit, "ns");
	cr_assert_eq(parts(s.fit.slope), 2000000);
	cr_assert_eq(parts(s.fit.intercept), 1000000);
	cr_assert_eq(bench_slope(b, &b->asked[1], 0, &s), -EEXIST);
	cr_assert_eq(bench_slope(b, &b->asked[0], 1, &s), -ENODATA,
		     "two points");
	cr_assert_eq(bench_slope(b, &b->asked[12], 0, &s), -ENODATA,
		     "no series");
	bench_free(b);
}

Test(series, a_rate_is_fitted_as_a_cost)
{
	struct bench *b = three_series();
	struct bench_slope s;

	cr_assert_eq(bench_slope(b, &b->asked[4], 0, &s), 0);
	cr_assert_str_eq(s.unit, "ns");
	cr_assert_eq(parts(s.fit.slope), 10000000, "1,000 / (100 / x)");
	cr_assert_eq(parts(s.fit.exponent), 1000000);
	cr_assert_eq(bench_slope(b, &b->asked[8], 0, &s), -ENODATA,
		     "no cost is known for the unit");
	bench_free(b);
}

Test(series, json_text_and_csv_tell_of_it)
{
	struct bench *b = three_series();
	json_t *machine = json_object();
	json_t *j = bench_json(b, "command", machine);
	json_t *slopes = json_object_get(j, "slopes");
	const char *entry, *unit;
	double slope, exponent;
	char *text;
	size_t bytes;
	FILE *out;

	cr_assert_eq(json_array_size(slopes), 2u);
	cr_assert_eq(json_unpack(json_array_get(slopes, 1),
				 "{s:s, s:s, s:F, s:F}", "entry", &entry,
				 "unit", &unit, "slope", &slope, "exponent",
				 &exponent),
		     0);
	cr_assert_str_eq(entry, "rate");
	cr_assert_str_eq(unit, "ns");
	cr_assert_eq(parts(slope), 10000000);
	cr_assert_eq(parts(exponent), 1000000);
	json_decref(j);
	json_decref(machine);
	out = open_memstream(&text, &bytes);
	bench_print(b, out);
	cr_assert_eq(fclose(out), 0);
	cr_assert(strstr(text, "exponent 1.00: grows as x"), "%s", text);
	free(text);
	out = open_memstream(&text, &bytes);
	bench_csv(b, out);
	cr_assert_eq(fclose(out), 0);
	cr_assert(strstr(text, "\"ns\",\"cost\",4,2,9\r\n"), "%s", text);
	cr_assert(strstr(text, "\"ns\",\"\",,0,3\r\n"), "alone: %s", text);
	free(text);
	bench_free(b);
}
