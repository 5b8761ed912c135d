/* SPDX-License-Identifier: MIT */
/* How a cost grows with x: fitted lines over the cases of a series. */
#ifndef SLIP_TOOLS_BENCH_FIT_H
#define SLIP_TOOLS_BENCH_FIT_H

#include "tools/bench/engine.h"

#define FIT_POINTS_MAX 64

/*
 * y = slope * x + intercept, and y ~ x^exponent: both by least squares, of
 * relative errors (where all y are above 0; else of absolute ones). r2 is that
 * of the power, between the logarithms: the part of their spread that it
 * explains, 1 where y does not spread at all. Both are NaN where fewer than three
 * different x are above 0 with a y above 0.
 */
struct fit {
	double slope, intercept;
	double exponent, r2;
};

/* 0, or -ENODATA: fewer than three different x, through which any line fits
 * too well. */
int fit_points(const double *x, const double *y, unsigned n, struct fit *f);

/* The exponent in words: "does not grow" ... */
const char *fit_says(const struct fit *f);

struct bench_slope {
	const char *suite, *series, *entry, *x_name;
	const char *unit; /* of the cost */
	struct fit fit;
};

/* In one series, and both asked? */
bool bench_same_series(const struct asked *a, const struct asked *other);

/*
 * What an entry cost over the series that its case belongs to. A rate counts as
 * the time that each takes: ns for millions a second, ns/B for GB/s. Only once
 * for each name in a series, at the first of its cases. -EEXIST: at an earlier
 * one; -ENODATA: not in a series, too few points, or a unit that has no cost.
 */
int bench_slope(const struct bench *b, const struct asked *a, unsigned entry,
		struct bench_slope *s);

#endif
