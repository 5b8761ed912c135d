/* SPDX-License-Identifier: MIT */
/*
 * Levels of urgency: elements of 8 bytes whose levels take turns, from 1 and 2
 * producers to as many consumers, and by one thread that pushes and pops in turn;
 * beside a plain mpmc ring, POSIX message queues and System V's by type. Who runs
 * where: mpmc_run.c.
 */
#include "tools/bench/mpmc_run.h"
#include "tools/bench/priority_queues.h"

/* `p->actors`: sides; 1: both in one thread. */
static int ask(const struct mpmc_queue *queue, const struct bench_point *p,
	       struct bench_answer *a)
{
	struct mpmc_run r = {
		.queue = queue,
		.loops = &queue->single,
		.shape = { .capacity = p->capacity,
			   .elem_bytes = p->elem_bytes,
			   .producers = (p->actors + 1) / 2,
			   .consumers = (p->actors + 1) / 2 },
		.alone = p->actors == 1,
	};
	int rc = mpmc_run(&r, p, a);

	if (!rc)
		a->value = r.alone ? 1 / r.rate : r.rate * 1e3;
	return rc;
}

#define ASK(name, queue)                                   \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		return ask(&(queue), p, a);                \
	}                                                  \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

ASK(ours, priority_ours);
ASK(ageing, priority_ours_ageing);
ASK(ours_64, priority_ours_64);
ASK(mpmc, mpmc_ours);
ASK(posix, priority_posix);
ASK(sysv, priority_sysv);

#define OURS  "slipring priority, 4 levels"
#define PLAIN "slipring mpmc"
#define POSIX "POSIX message queue"

static const struct bench_entry entries[] = {
	{ OURS, BENCH_OURS, NULL, ask_ours, false },
	{ "slipring priority, 4 levels, ageing", BENCH_OURS, NULL, ask_ageing,
	  false },
	{ "slipring priority, 64 levels", BENCH_OURS, NULL, ask_ours_64,
	  false },
	{ PLAIN, BENCH_LIMIT, NULL, ask_mpmc, false },
	{ POSIX, BENCH_RIVAL, NULL, ask_posix, false },
	{ "System V message queue", BENCH_RIVAL, NULL, ask_sysv, false },
};

static void promise(struct bench *b, const char *name, const char *against,
		    double at_least, const char *line)
{
	struct bench_target t = {
		.suite = "priority",
		.name = name,
		.ours = OURS,
		.against = against,
		.at_least = at_least,
		.line = line,
	};

	bench_target(b, &t);
}

static void add(struct bench *b, const char *name, uint32_t actors)
{
	struct bench_case c = {
		.suite = "priority",
		.name = name,
		.unit = actors > 1 ? "Mmsg/s" : "ns",
		.less_is_better = actors == 1,
		.quick = actors < 4,
		.point = { .elem_bytes = 8,
			   .capacity = 1024,
			   .batch = 1,
			   .actors = actors },
		.entries = entries,
		.count = sizeof(entries) / sizeof(*entries),
	};

	bench_add(b, &c);
	promise(b, name, POSIX, 10, "4 levels: 10x POSIX mq");
	if (actors == 1)
		promise(b, name, PLAIN, 0.5,
			"4 levels, pair: at most 2x the plain mpmc");
}

void bench_suite_priority(struct bench *b)
{
	add(b, "8 B, push and pop in one thread", 1);
	add(b, "8 B, capacity 1024, 1P1C", 2);
	add(b, "8 B, capacity 1024, 2P2C", 4);
}
