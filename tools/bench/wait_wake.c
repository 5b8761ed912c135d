/* SPDX-License-Identifier: MIT */
/*
 * From the moment at which a waker means to wake until the sleeper reads the
 * clock.
 *
 * The waker's moments are fixed beforehand, one every period; it naps until
 * shortly before each and then watches the clock. Both sides know the moments
 * from their number, so a waker that comes late, or a sleeper that has not
 * come back from the last wake, adds to the latency and does not hide it. The
 * period is longer than any spinning of the ring's, so that there is always
 * somebody asleep.
 */
#define _GNU_SOURCE
#include "tools/bench/wait_wake.h"

#include <sched.h>
#include <time.h>

#include "tools/bench/wait_ways.h"

/* Before its moment the waker watches the clock for so long: naps are late. */
#define WATCH_NS UINT64_C(60000)
/* Of so many wakes, at most, the median is exact. */
#define SAMPLES_MAX 65536u

/* What a case asks for: point.way. */
enum { LATENCY, CALL };

static uint32_t *samples_of(const struct bench_team *t)
{
	return (uint32_t *)(void *)((char *)ring_of(t) +
				    ticks_bytes(WAYS_CAPACITY));
}

/* point.work is the period, in us. */
static uint64_t moment(const struct bench_team *t, uint64_t k)
{
	/* Stored before wake 0, which carries it over. */
	return slip_a64_load_relaxed(&alarm_of(t)->first_ns) +
	       k * t->point->work * 1000;
}

/* The wakes before this one warm up. */
static uint64_t warm_wakes(const struct bench_team *t)
{
	return 1 + turns_warm_ns(t) / 1000 / t->point->work;
}

static void wait_for(uint64_t when_ns)
{
	uint64_t nap_ns = when_ns - WATCH_NS;
	struct timespec until = { .tv_sec = (time_t)(nap_ns / 1000000000),
				  .tv_nsec = (long)(nap_ns % 1000000000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	while (bench_now_ns() < when_ns)
		;
}

static void side_wake(struct bench_team *t, unsigned self)
{
	struct hands h = { .alarm = alarm_of(t) };
	const struct way *way = way_of(t);
	uint64_t warm = warm_wakes(t);
	int rc = way->enter ? way->enter(t, &h, self) : 0;
	bool last = false;

	bench_ready(t);
	slip_a64_store_relaxed(&h.alarm->first_ns, bench_now_ns() + 1000000);
	for (uint64_t k = 0; !rc && !last; k++) {
		uint64_t from;

		wait_for(moment(t, k));
		last = (bench_over(t) && k > warm) || k == SAMPLES_MAX - 1;
		if (last)
			slip_a64_store_relaxed(&h.alarm->last, k);
		from = bench_now_ns();
		rc = way->tell(&h, k);
		if (k < warm)
			continue;
		t->shared->side[self].ns += bench_now_ns() - from;
		t->shared->side[self].ops++;
	}
	t->shared->side[self].rc = rc;
	if (way->leave)
		way->leave(&h, self);
}

/* A sample of 4 s or more is 4 s to the median, and itself to the histogram. */
static void take(struct bench_team *t, uint64_t n, uint64_t ns)
{
	samples_of(t)[n] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	bench_hist_add(&t->shared->hist, ns);
}

/* On one processor the sleeper is to run at once, not when the waker happens
 * to nap: with real-time priorities that takes a higher one. Ordinary ones
 * favour who has slept. */
static void go_first(const struct bench_team *t)
{
	int policy = sched_getscheduler(0);
	struct sched_param mine;

	if (!t->one_cpu || (policy & ~SCHED_RESET_ON_FORK) != SCHED_FIFO ||
	    sched_getparam(0, &mine))
		return;
	mine.sched_priority++;
	(void)sched_setscheduler(0, policy, &mine);
}

static void side_sleep(struct bench_team *t, unsigned self)
{
	struct hands h = { .alarm = alarm_of(t) };
	const struct way *way = way_of(t);
	uint64_t warm = warm_wakes(t);
	uint64_t last = 0;
	uint64_t n = 0;
	int rc = way->enter ? way->enter(t, &h, self) : 0;

	go_first(t);
	bench_ready(t);
	for (uint64_t k = 0; !rc && (!last || k <= last); k++) {
		uint64_t now;

		rc = way->await(&h, k);
		now = bench_now_ns();
		if (!rc && k >= warm)
			take(t, n++, now - moment(t, k));
		last = slip_a64_load_relaxed(&h.alarm->last);
	}
	t->shared->side[self].ops = n;
	t->shared->side[self].rc = rc;
	if (way->leave)
		way->leave(&h, self);
}

/* In us: the exact median of the latencies, or the waker's mean call. */
static double wake_value(const struct bench_team *t)
{
	if (t->point->way == CALL)
		return turns_ns_per_op(t) / 1e3;
	return turns_median(samples_of(t), t->shared->side[1].ops) / 1e3;
}

static int ask_wake(const struct bench_point *p, struct bench_answer *a,
		    const struct way *way)
{
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { side_wake, side_sleep },
				.one_cpu = p->actors == 1,
				.setup = way->setup,
				.cleanup = way->cleanup };

	t.bytes = WAYS_RING_AT + ticks_bytes(WAYS_CAPACITY) +
		  SAMPLES_MAX * sizeof(uint32_t);
	return turns_run(&t, a, wake_value, way);
}

#define WAKE(name)                                         \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		return ask_wake(p, a, &way_##name);        \
	}

WAKE(asym)
WAKE(full)
WAKE(region)
WAKE(futex)
WAKE(eventfd)
WAKE(sem)
WAKE(cond)
WAKE(pipe)

#define BARE "bare futex"

static const struct bench_entry wakers[] = {
	{ .name = "slipring ASYM", .kind = BENCH_OURS, .ask = ask_asym },
	{ .name = "slipring FULL", .kind = BENCH_OURS, .ask = ask_full },
	{ .name = "slipring ASYM, in a region, watching for death",
	  .kind = BENCH_OURS,
	  .ask = ask_region },
	{ .name = BARE, .kind = BENCH_LIMIT, .ask = ask_futex },
	{ .name = "eventfd", .kind = BENCH_RIVAL, .ask = ask_eventfd },
	{ .name = "POSIX semaphore", .kind = BENCH_RIVAL, .ask = ask_sem },
	{ .name = "pthread mutex + cond",
	  .kind = BENCH_RIVAL,
	  .ask = ask_cond },
	{ .name = "pipe", .kind = BENCH_RIVAL, .ask = ask_pipe },
};

/* `cpus`: 2, or both on one. */
static const char *add(struct bench *b, uint32_t cpus, uint32_t period_us,
		       uint32_t way, bool quick)
{
	struct bench_case c = {
		.suite = "wait",
		.unit = "us",
		.less_is_better = true,
		.latency = way == LATENCY,
		.quick = quick,
		/* A virtual machine's wake-ups come in two speeds that last for
		 * seconds: many short turns are more alike than few long ones.
		 */
		.rounds = quick ? 15 : 0,
		.point = { .elem_bytes = 8,
			   .capacity = WAYS_CAPACITY,
			   .batch = 1,
			   .work = period_us,
			   .actors = cpus,
			   .way = way },
		.entries = wakers,
		.count = sizeof(wakers) / sizeof(wakers[0]),
	};

	c.name = bench_text(b, "%s, %s, every %u us",
			    way == CALL ? "waker's call" : "wake to run",
			    cpus == 1 ? "one CPU" : "other CPU", period_us);
	bench_add(b, &c);
	return c.name;
}

static void want(struct bench *b, const char *name, const char *line)
{
	struct bench_target t = { .suite = "wait",
				  .name = name,
				  .against = BARE,
				  .at_least = 1 / 1.1,
				  .line = line };

	bench_target(b, &t);
}

void bench_wait_wake(struct bench *b)
{
	want(b, add(b, 2, 200, LATENCY, true),
	     "wake-up through the ring, other CPU: at most 1.1x of a bare "
	     "futex wake");
	want(b, add(b, 1, 200, LATENCY, true),
	     "wake-up through the ring, one CPU: at most 1.1x of a bare futex "
	     "wake");
	(void)add(b, 2, 1000, LATENCY, false);
	(void)add(b, 2, 200, CALL, false);
}
