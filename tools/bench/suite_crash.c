/* SPDX-License-Identifier: MIT */
/*
 * What the death of a consumer costs those who live: how long until its
 * producer knows; until the producer's next element goes in, to a successor
 * that it called; and until a successor that stands by has its first element,
 * called by a supervisor who has waited for the dead. Then the throughput
 * around a SIGKILL and a SIGSTOP, by 10 ms. Elements are 8 bytes.
 */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/bench/crash.h"
#include "tools/bench/crash_json.h"

/* What bench_point.way asks for. */
enum { TOLD, PUSHED, FIRST, KILL_LINE, STOP_LINE };

#define REPEATS 256u
#define LEAST	3u
/* Time to work before the death; varies, to meet the consumer anywhere. */
#define LEAD_NS	  UINT64_C(4000000)
#define LEAD_STEP UINT64_C(70001)
/* The timelines. */
#define EVENT_NS UINT64_C(100000000)
#define STOP_NS	 UINT64_C(80000000)
#define TOTAL_NS UINT64_C(300000000)

struct timeline {
	bool there;
	double event_s, recovery_ms;
	uint32_t count[CRASH_BUCKETS];
};

/* In the order of the entries below. */
static const struct crash_link *const links[] = { &crash_spsc,	 &crash_record,
						  &crash_mpmc,	 &crash_unix,
						  &crash_robust, &crash_pipe };
#define PLAYERS (sizeof(links) / sizeof(links[0]))

/* What the last run of each left, for the page: [0] SIGKILL, [1] SIGSTOP. */
static struct timeline timelines[PLAYERS][2];

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t wanted(uint32_t way, const struct crash_result *r)
{
	if (way == TOLD)
		return r->told_ns;
	return way == PUSHED ? r->pushed_ns : r->first_ns;
}

static struct crash_plan plan_of(uint32_t way, uint32_t repeat)
{
	struct crash_plan plan = {
		.event = way == FIRST ? CRASH_CALLED : CRASH_ALONE,
		.lead_ns = LEAD_NS + repeat % 16 * LEAD_STEP,
		.wanted = way == TOLD	 ? CRASH_TOLD
			  : way == FIRST ? CRASH_FIRST
					 : CRASH_PUSHED,
	};

	return plan;
}

/* Deaths, one after another, for the time given; the median. */
static int ask_deaths(const struct crash_link *link,
		      const struct bench_point *p, struct bench_answer *a)
{
	uint64_t end = bench_now_ns() + (uint64_t)(p->seconds * 1e9);
	uint64_t seen[REPEATS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < REPEATS; i++) {
		struct crash_plan plan = plan_of(p->way, i);
		struct crash_result r;
		int rc = crash_run(link, &plan, &r);

		if (rc)
			return rc;
		seen[n++] = wanted(p->way, &r);
		if (a->hist)
			bench_hist_add(a->hist, seen[i]);
		if (n >= LEAST && bench_now_ns() > end)
			break;
	}
	qsort(seen, n, sizeof(seen[0]), by_size);
	a->value = (double)seen[n / 2] / 1e3;
	return 0;
}

static int ask_line(const struct crash_link *link, struct timeline *line,
		    bool stop, struct bench_answer *a)
{
	struct crash_plan plan = {
		.event = stop ? CRASH_STOP : CRASH_CALLED,
		.lead_ns = EVENT_NS,
		.stop_ns = STOP_NS,
		.total_ns = TOTAL_NS,
		.wanted = CRASH_FIRST,
	};
	struct crash_result r;
	int rc = crash_run(link, &plan, &r);

	if (rc)
		return rc;
	line->there = true;
	line->event_s = (double)r.event_ns / 1e9;
	line->recovery_ms = (double)r.first_ns / 1e6;
	for (uint32_t i = 0; i < CRASH_BUCKETS; i++)
		line->count[i] = r.count[i];
	a->value = line->recovery_ms;
	return 0;
}

static int ask(uint32_t player, const struct bench_point *p,
	       struct bench_answer *a)
{
	const struct crash_link *link = links[player];
	bool stop = p->way == STOP_LINE;
	int rc;

	if (p->way == KILL_LINE || stop)
		rc = ask_line(link, &timelines[player][stop], stop, a);
	else
		rc = ask_deaths(link, p, a);
	if (rc == -EBADMSG)
		a->why = "an element came twice, or out of order";
	else if (rc == -ETIMEDOUT)
		a->why = "it never recovered";
	return rc;
}

#define ASK(number)                                          \
	static int ask_##number(const struct bench_point *p, \
				struct bench_answer *a)      \
	{                                                    \
		return ask(number, p, a);                    \
	}                                                    \
	SLIP_STATIC_ASSERT(number < PLAYERS, "one for each")

ASK(0);
ASK(1);
ASK(2);
ASK(3);
ASK(4);
ASK(5);

#define ENTRIES(mpmc, robust)                                              \
	{ "slipring spsc", BENCH_OURS, NULL, ask_0, false },               \
		{ "slipring record", BENCH_OURS, NULL, ask_1, false },     \
		{ mpmc, BENCH_OURS, NULL, ask_2, false },                  \
		{ "UNIX stream socket", BENCH_RIVAL, NULL, ask_3, false }, \
		{ robust, BENCH_RIVAL, NULL, ask_4, false },               \
	{                                                                  \
		"pipe", BENCH_RIVAL, NULL, ask_5, false                    \
	}

static const struct bench_entry entries[] = { ENTRIES(
	"slipring mpmc, one of 2 consumers", "pthread robust mutex queue") };
/* Of a death outside the lock its producer never learns. */
static const struct bench_entry told_entries[] = { ENTRIES(
	"slipring mpmc", "pthread robust mutex queue, killed in the lock") };
SLIP_STATIC_ASSERT(sizeof(entries) / sizeof(entries[0]) == PLAYERS,
		   "one for each");

/* --- for the page ---------------------------------------------------------- */

static json_t *line_json(uint32_t player, bool stop)
{
	const struct timeline *line = &timelines[player][stop];
	json_t *seconds = json_array();
	json_t *values = json_array();

	/* Those behind the end of the run are not complete. */
	for (uint32_t i = 0; i < TOTAL_NS / CRASH_BUCKET_NS; i++) {
		/* In a ns, and a thousand times that. */
		double rate = line->count[i] * 1e3 / CRASH_BUCKET_NS;

		(void)json_array_append_new(
			seconds,
			json_real((double)(i * CRASH_BUCKET_NS) / 1e9));
		(void)json_array_append_new(values, json_real(rate));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:f, s:s, s:f}", "name",
			 entries[player].name, "unit", "Mmsg/s", "seconds",
			 seconds, "values", values, "event_s", line->event_s,
			 "event", stop ? "SIGSTOP" : "SIGKILL", "recovery_ms",
			 line->recovery_ms);
}

json_t *bench_crash_timelines(void)
{
	json_t *list = json_array();

	for (uint32_t stop = 0; stop < 2; stop++)
		for (uint32_t i = 0; i < PLAYERS; i++)
			if (timelines[i][stop].there)
				(void)json_array_append_new(list,
							    line_json(i, stop));
	return list;
}

/* --- cases ----------------------------------------------------------------- */

static void add(struct bench *b, uint32_t way, const char *name, bool quick)
{
	bool line = way == KILL_LINE || way == STOP_LINE;
	struct bench_case c = {
		.suite = "crash",
		.name = name,
		.unit = line ? "ms" : "us",
		.less_is_better = true,
		.latency = !line,
		.quick = quick,
		.rounds = line ? 3 : 0,
		.point = { .elem_bytes = 8,
			   .capacity = CRASH_CAPACITY,
			   .batch = 1,
			   .actors = way == STOP_LINE ? 2 : 3,
			   .way = way },
		.entries =
			way == TOLD || way == PUSHED ? told_entries : entries,
		/* Who comes to a pipe that has lost its reader? */
		.count = way == PUSHED ? PLAYERS - 1 : PLAYERS,
	};

	bench_add(b, &c);
}

void bench_suite_crash(struct bench *b)
{
	add(b, TOLD, "consumer killed: until the producer knows", true);
	add(b, PUSHED,
	    "consumer killed: until the producer's next element, to a "
	    "successor "
	    "that it called",
	    false);
	add(b, FIRST,
	    "consumer killed: until the first element at a successor that a "
	    "supervisor called",
	    false);
	add(b, KILL_LINE, "consumer killed in mid-run: until it flows again",
	    true);
	add(b, STOP_LINE,
	    "consumer stopped for 80 ms: from SIGCONT until it flows again",
	    false);
}
