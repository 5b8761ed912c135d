/* SPDX-License-Identifier: MIT */
/*
 * For suites whose answer is the cost of one small act: loops over it, and the
 * way from the sides' accounts to the value.
 */
#ifndef SLIP_TOOLS_BENCH_TURNS_H
#define SLIP_TOOLS_BENCH_TURNS_H

#include <errno.h>
#include <stdlib.h>

#include "atomics/base.h"
#include "tools/bench/bench.h"

/* Acts between two looks at the clock or at the end of the time. */
#define TURNS 64u

/* What a team's `own` points at. */
struct turns_job {
	struct bench_answer *answer;
	double (*value)(const struct bench_team *t);
	void (*cleanup)(struct bench_team *t); /* the caller's, or NULL */
	const void *how;		       /* of the suite's own */
};

/* The part of the time that a side warms up for. */
static inline uint64_t turns_warm_ns(const struct bench_team *t)
{
	return (uint64_t)(t->point->seconds * 1e9 / 8);
}

/* While the shared memory is still there. */
static inline void turns_cleanup(struct bench_team *t)
{
	const struct turns_job *job = (const struct turns_job *)t->own;

	if (t->shared)
		job->answer->value = job->value(t);
	if (job->cleanup)
		job->cleanup(t);
}

/* Runs the team and asks `value` for the answer; a negative one says that the
 * sides' work has gone wrong. */
static inline int turns_run(struct bench_team *t, struct bench_answer *a,
			    double (*value)(const struct bench_team *t),
			    const void *how)
{
	struct turns_job job = { a, value, t->cleanup, how };
	bool alone = bench_cpu(0) == bench_cpu(1);
	int rc;

	if (alone && t->sides > 1 && !t->one_cpu) {
		a->why = "needs two processors";
		return -EOPNOTSUPP;
	}
	t->own = &job;
	t->cleanup = turns_cleanup;
	rc = bench_team_run(t, a);
	if (!rc && a->value < 0) {
		a->why = "what was counted does not add up";
		rc = -EBADMSG;
	} else if (!rc && a->value == 0) {
		a->why = "got no processor while it was to measure";
		rc = -ETIME;
	}
	return rc;
}

static inline double turns_ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

/* Side 0's ns for each act. */
static inline double turns_ns_per_op(const struct bench_team *t)
{
	return turns_ratio(t->shared->side[0].ns, t->shared->side[0].ops);
}

static inline int turns_by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Exact, where a histogram's buckets would be too wide. Sorts; 0 of none. */
static inline double turns_median(uint32_t *samples, uint64_t n)
{
	if (n == 0)
		return 0;
	qsort(samples, n, sizeof(*samples), turns_by_size);
	return samples[n / 2];
}

SLIP_CORE void turns_some(void (*one)(void *), void *at)
{
	for (unsigned i = 0; i < TURNS; i++)
		one(at);
}

/*
 * Measures `one` by the running clock. Inlined, with `one` a constant, so that
 * an act of a nanosecond is not drowned in a call.
 */
SLIP_CORE void turns_measure(struct bench_team *t, unsigned self,
			     void (*one)(void *), void *at)
{
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		turns_some(one, at);
	from = bench_now_ns();
	do {
		turns_some(one, at);
		ops += TURNS;
	} while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
}

#endif
