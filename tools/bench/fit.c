/* SPDX-License-Identifier: MIT */
#include "tools/bench/fit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "tools/bench/noise.h"

/* --- lines ----------------------------------------------------------------- */

struct line {
	double slope, intercept, r2;
};

static bool three_differ(const double *x, unsigned n)
{
	double least = INFINITY;
	double most = -INFINITY;

	for (unsigned i = 0; i < n; i++) {
		least = fmin(least, x[i]);
		most = fmax(most, x[i]);
	}
	for (unsigned i = 0; i < n; i++)
		if (x[i] > least && x[i] < most)
			return true;
	return false;
}

static double mean(const double *v, const double *weight, unsigned n)
{
	double sum = 0;
	double all = 0;

	for (unsigned i = 0; i < n; i++) {
		sum += weight[i] * v[i];
		all += weight[i];
	}
	return sum / all;
}

static struct line line_through(const double *x, const double *y,
				const double *weight, unsigned n)
{
	double mx = mean(x, weight, n);
	double my = mean(y, weight, n);
	double sxx = 0, sxy = 0, syy = 0, large = 0;
	struct line l;

	/* About the means, as sums of squares of large x cancel badly. */
	for (unsigned i = 0; i < n; i++) {
		sxx += weight[i] * (x[i] - mx) * (x[i] - mx);
		sxy += weight[i] * (x[i] - mx) * (y[i] - my);
		syy += weight[i] * (y[i] - my) * (y[i] - my);
		large += weight[i] * y[i] * y[i];
	}
	l.slope = sxy / sxx;
	l.intercept = my - l.slope * mx;
	/* What rounding leaves of constant data is no spread. */
	l.r2 = syy <= 1e-24 * large ? 1 : sxy * sxy / (sxx * syy);
	return l;
}

/* Where all y are above 0, relative errors count: costs span decades, and the
 * largest would otherwise say alone what nothing costs. */
static void weigh(const double *y, unsigned n, double *weight)
{
	bool relative = true;

	for (unsigned i = 0; i < n; i++)
		relative &= y[i] > 0;
	for (unsigned i = 0; i < n; i++)
		weight[i] = relative ? 1 / (y[i] * y[i]) : 1;
}

static struct line power_through(const double *x, const double *y, unsigned n)
{
	double lx[FIT_POINTS_MAX], ly[FIT_POINTS_MAX], even[FIT_POINTS_MAX];
	struct line none = { NAN, NAN, NAN };
	unsigned logs = 0;

	for (unsigned i = 0; i < n; i++)
		if (x[i] > 0 && y[i] > 0) {
			lx[logs] = log(x[i]);
			ly[logs] = log(y[i]);
			even[logs++] = 1;
		}
	return three_differ(lx, logs) ? line_through(lx, ly, even, logs) : none;
}

int fit_points(const double *x, const double *y, unsigned n, struct fit *f)
{
	double weight[FIT_POINTS_MAX] = { 0 };
	struct line l, power;

	if (n > FIT_POINTS_MAX || !three_differ(x, n))
		return -ENODATA;
	weigh(y, n, weight);
	l = line_through(x, y, weight, n);
	power = power_through(x, y, n);
	*f = (struct fit){ l.slope, l.intercept, power.slope, power.r2 };
	return 0;
}

/* 0.05 is a factor of 1.4 while x grows a thousandfold. */
const char *fit_says(const struct fit *f)
{
	if (isnan(f->exponent))
		return "no power of x";
	if (f->exponent < -0.05)
		return "falls";
	if (f->exponent < 0.05)
		return "does not grow";
	if (f->exponent < 0.9)
		return "grows less than x";
	return f->exponent < 1.1 ? "grows as x" : "grows more than x";
}

/* --- series ---------------------------------------------------------------- */

bool bench_same_series(const struct asked *a, const struct asked *other)
{
	return a->rounds && other->rounds && a->c.series && other->c.series &&
	       !strcmp(a->c.suite, other->c.suite) &&
	       !strcmp(a->c.series, other->c.series);
}

static int entry_of(const struct asked *a, const char *name)
{
	for (unsigned i = 0; i < a->c.count; i++)
		if (!strcmp(a->c.entries[i].name, name))
			return (int)i;
	return -1;
}

static const char *cost_unit(const struct bench_case *c)
{
	if (c->less_is_better)
		return c->unit;
	if (!strcmp(c->unit, "GB/s"))
		return "ns/B";
	if (c->unit[0] == 'M' && strstr(c->unit, "/s"))
		return "ns";
	return NULL;
}

static double cost(const struct bench_case *c, double value)
{
	if (c->less_is_better)
		return value;
	return (c->unit[0] == 'M' ? 1e3 : 1) / value;
}

int bench_slope(const struct bench *b, const struct asked *a, unsigned entry,
		struct bench_slope *s)
{
	const char *name = a->c.entries[entry].name;
	double x[FIT_POINTS_MAX], y[FIT_POINTS_MAX];
	unsigned n = 0;

	*s = (struct bench_slope){
		a->c.suite,  a->c.series,      name,
		a->c.x_name, cost_unit(&a->c), { 0, 0, 0, 0 }
	};
	if (!s->unit)
		return -ENODATA;
	for (unsigned i = 0; i < b->cases && n < FIT_POINTS_MAX; i++) {
		const struct asked *other = &b->asked[i];
		int j = entry_of(other, name);

		if (j < 0 || !bench_same_series(a, other))
			continue;
		if (other < a)
			return -EEXIST;
		if (other->result[j].rc)
			continue;
		x[n] = other->c.x;
		y[n++] = cost(&other->c,
			      bench_values(other, (unsigned)j).median);
	}
	return fit_points(x, y, n, &s->fit);
}
