/* SPDX-License-Identifier: MIT */
/*
 * ring/priority.h between up to 6 threads of one process, for ThreadSanitizer:
 * one mapping, no peers, every verb, strict and ageing, both event modes, and
 *
 *	end of file	the producers push all and leave; the consumers get all,
 *			then -EPIPE; one of them waits for chosen levels only
 *	broken pipe	the consumers leave in the middle; the producers get
 *			-EPIPE; a successor collects the rest
 *
 * For each element there is a plain variable, which the producer writes before
 * push, and whoever has the element counts up: an element that two have, or that
 * is handed over without an order, shows as a data race. Of one producer and
 * level nobody has two in the wrong order.
 */
#define _GNU_SOURCE
#include "ring/priority.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "stress/program.h"

#define SIDE	   3u
#define THREADS	   (2 * SIDE) /* producers come first */
#define EACH	   2000u
#define LEVELS_MAX 6u

struct elem {
	uint64_t name; /* producer << 32 | number */
	uint64_t level;
};

static struct {
	uint64_t seed;
	uint32_t levels, capacity;
	unsigned flags;
	uint32_t producers, consumers;
	bool broken;
	void *mem;
	size_t bytes;
	slip_a64 coming; /* have not attached yet */
	struct {
		slip_a64 moved;
		slip_a64 gone;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} thread[THREADS + 1];
	uint32_t note[SIDE][EACH]; /* plain */
} run;

static uint64_t elements;

struct worker {
	uint32_t index;
	uint64_t random;
	uint64_t last[SIDE][LEVELS_MAX];
	struct slip_priority p;
};

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void moved(const struct worker *w)
{
	/* stat: own */
	slip_a64_store_relaxed(&run.thread[w->index].moved,
			       get(&run.thread[w->index].moved) + 1);
}

static bool at_work(uint32_t index)
{
	return index < SIDE ? index < run.producers
			    : index - SIDE < run.consumers;
}

static void dump(void)
{
	struct slip_priority_info info;

	for (uint32_t i = 0; i < THREADS; i++)
		if (at_work(i))
			stress_say("%s: %llu moved, gone %llu",
				   i < SIDE ? "producer" : "consumer",
				   llu(get(&run.thread[i].moved)),
				   llu(get(&run.thread[i].gone)));
	if (!run.mem || slip_priority_inspect(run.mem, run.bytes, &info))
		return;
	for (uint32_t i = 0; i < info.levels; i++)
		stress_say("level %u: %llu pushed, %llu popped", i,
			   llu(info.pushed_guess[i]),
			   llu(info.popped_guess[i]));
}

static uint32_t pick(struct worker *w, uint32_t n)
{
	return (uint32_t)stress_pick(&w->random, n);
}

static void attach(struct worker *w, unsigned roles)
{
	int rc = slip_priority_attach(&w->p, run.mem, run.bytes, roles, NULL);

	STRESS_CHECK(rc == 0, "attach: %d", rc);
}

/* Nobody is to find the others gone before they have come. */
static void meet(void)
{
	(void)slip_a64_fetch_add_acqrel(&run.coming, UINT64_MAX);
	while (slip_a64_load_acquire(&run.coming))
		sched_yield();
}

/* --- threads --------------------------------------------------------------- */

static int push_one(struct worker *w, const struct elem *e)
{
	uint64_t until = SLIP_FOREVER;

	if (pick(w, 4) == 0)
		return slip_priority_push(&w->p, e, (uint32_t)e->level)
			       ? 0
			       : -ETIMEDOUT;
	if (pick(w, 2))
		until = slip_after_ns(pick(w, 100000));
	return slip_priority_push_until(&w->p, e, (uint32_t)e->level, until);
}

static void produce(struct worker *w)
{
	for (uint32_t n = 0; n < EACH; n++) {
		struct elem e = { (uint64_t)w->index << 32 | n,
				  pick(w, run.levels) };
		int rc;

		run.note[w->index][n] = 1;
		while ((rc = push_one(w, &e)) == -ETIMEDOUT) {
			if (slip_priority_gone(&w->p, SLIP_CONSUMER))
				break;
			sched_yield();
		}
		STRESS_CHECK(rc == 0 || run.broken, "push: %d", rc);
		if (rc == 0) {
			moved(w);
			continue;
		}
		run.note[w->index][n] = 0;
		return;
	}
}

static int pop_one(struct worker *w, struct elem *e, uint32_t *level)
{
	uint64_t some = 1 + pick(w, (1u << run.levels) - 1);
	uint64_t until = slip_after_ns(pick(w, 100000));
	bool got;

	switch (pick(w, 5)) {
	case 0:
		return slip_priority_pop_until(&w->p, e, level, SLIP_FOREVER);
	case 1:
		return slip_priority_pop_highest_until(&w->p, some, e, level,
						       until);
	case 2:
		return slip_priority_pop_lowest_until(&w->p, some, e, level,
						      until);
	case 3:
		got = slip_priority_pop_highest(&w->p, some, e, level);
		break;
	default:
		got = slip_priority_pop(&w->p, e, level);
	}
	return got ? 0 : -ETIMEDOUT;
}

static void took(struct worker *w, const struct elem *e, uint32_t level)
{
	uint32_t from = (uint32_t)(e->name >> 32);
	uint32_t n = (uint32_t)e->name;

	STRESS_CHECK(from < run.producers && n < EACH && e->level == level,
		     "element %#llx of level %u", llu(e->name), level);
	STRESS_CHECK(run.note[from][n]++ == 1, "element %#llx comes twice",
		     llu(e->name));
	STRESS_CHECK(w->last[from][level] <= n, "element %#llx after %llu",
		     llu(e->name), llu(w->last[from][level] - 1));
	w->last[from][level] = (uint64_t)n + 1;
	moved(w);
}

/* The end is of those levels that were asked for: so ask for all, once more. */
static bool is_end(struct worker *w)
{
	struct elem e;
	uint32_t level;
	int rc;

	while ((rc = slip_priority_pop_until(&w->p, &e, &level, 0)) == 0)
		took(w, &e, level);
	return rc == -EPIPE;
}

static void consume(struct worker *w)
{
	uint32_t most = run.broken ? EACH / 4 : UINT32_MAX;
	struct elem e;
	uint32_t level = 0;
	int rc;

	while (get(&run.thread[w->index].moved) < most) {
		rc = pop_one(w, &e, &level);
		STRESS_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EPIPE,
			     "pop: %d", rc);
		if (rc == 0)
			took(w, &e, level);
		else if (rc == -EPIPE && is_end(w))
			return;
		else
			sched_yield();
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	bool pushes = w->index < SIDE;

	attach(w, pushes ? SLIP_PRODUCER : SLIP_CONSUMER);
	meet();
	if (pushes)
		produce(w);
	else
		consume(w);
	slip_priority_detach(&w->p);
	/* stat */
	slip_a64_store_relaxed(&run.thread[w->index].gone, 1);
	return NULL;
}

/* --- one run --------------------------------------------------------------- */

static void create(uint64_t seed)
{
	uint64_t random = seed;

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.broken = stress_pick(&random, 3) == 0;
	run.levels = 1 + (uint32_t)stress_pick(&random, LEVELS_MAX);
	run.capacity = 2u << stress_pick(&random, 6);
	run.producers = 1 + (uint32_t)stress_pick(&random, SIDE);
	run.consumers = 1 + (uint32_t)stress_pick(&random, SIDE);
	run.flags = stress_pick(&random, 2) ? SLIP_EVENT_AUTO : SLIP_EVENT_FULL;
	if (stress_pick(&random, 2))
		run.flags |=
			SLIP_PRIORITY_AGEING(1 + stress_pick(&random, 255));
	run.bytes = slip_priority_bytes(run.levels, run.capacity,
					sizeof(struct elem), run.flags);
	run.mem = aligned_alloc(128, (run.bytes + 127) / 128 * 128);
	STRESS_CHECK(run.mem, "no memory");
	memset(run.mem, 0xa5, run.bytes);
	STRESS_CHECK(!slip_priority_init(run.mem, run.bytes, run.levels,
					 run.capacity, sizeof(struct elem),
					 run.flags),
		     "init");
	/* init */
	slip_a64_store_relaxed(&run.coming, run.producers + run.consumers);
}

static void await(void)
{
	uint32_t left;

	do {
		uint64_t steps = run.seed;

		left = 0;
		for (uint32_t i = 0; i < THREADS; i++) {
			steps += get(&run.thread[i].moved);
			left += at_work(i) && !get(&run.thread[i].gone);
		}
		stress_pulse(steps);
		if (left)
			stress_sleep_ns(STRESS_MS);
	} while (left);
}

/* Whatever is left is there for a successor, once; then all the room is. */
static void settle(void)
{
	static struct worker w;
	struct elem e = { 0, 0 };
	uint64_t pushed = 0, popped = 0;
	uint32_t level;

	memset(&w, 0, sizeof(w));
	w.index = THREADS;
	attach(&w, SLIP_PRODUCER | SLIP_CONSUMER);
	while (slip_priority_pop(&w.p, &e, &level))
		took(&w, &e, level);
	for (level = 0; level < run.levels; level++)
		for (uint32_t i = 0; i < run.capacity; i++)
			STRESS_CHECK(slip_priority_push(&w.p, &e, level),
				     "slot %u of level %u", i, level);
	slip_priority_detach(&w.p);
	for (uint32_t p = 0; p < run.producers; p++)
		for (uint32_t n = 0; n < EACH; n++) {
			pushed += run.note[p][n] != 0;
			popped += run.note[p][n] == 2;
		}
	STRESS_CHECK(pushed == popped, "%llu pushed, %llu popped", llu(pushed),
		     llu(popped));
	elements += popped;
	stress_line(run.seed, "%s, %u levels of %u, ageing %u, %uP%uC: %llu",
		    run.broken ? "broken pipe" : "end of file", run.levels,
		    run.capacity, run.flags >> 8 & 255, run.producers,
		    run.consumers, llu(popped));
}

static void one_run(uint64_t seed)
{
	static struct worker w[THREADS];
	pthread_t threads[THREADS];

	create(seed);
	memset(w, 0, sizeof(w));
	for (uint32_t i = 0; i < THREADS; i++) {
		w[i].index = i;
		w[i].random = seed * 16 + i;
		if (at_work(i))
			threads[i] = stress_thread(work, &w[i]);
	}
	await();
	for (uint32_t i = 0; i < THREADS; i++)
		if (at_work(i))
			pthread_join(threads[i], NULL);
	settle();
	free(run.mem);
	run.mem = NULL;
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "levels of urgency between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("priority.all", "threads", "elements=%llu", llu(elements));
	return stress_end("%llu elements", llu(elements));
}
