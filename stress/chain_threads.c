/* SPDX-License-Identifier: MIT */
/*
 * ring/chain.h between threads, for ThreadSanitizer: up to three producers and three
 * consumers, segments of 2 to 2048 elements, with and without a limit; all verbs,
 * one by one and in batches, polling and blocking. Whoever pushes last closes.
 * Nobody dies here.
 *
 * Each element says who pushed it, and as what number. A plain note is written
 * before each push: whoever has popped the element may read it. All come once, those
 * of a producer in order for each consumer; and in the end no segment is missing.
 */
#define _GNU_SOURCE
#include "ring/chain.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "ring/test/urcu_tsan.h"
#include "stress/program.h"

#define SIDES	   3
#define EACH	   3000
#define BATCH	   8
#define ELEM_BYTES 256

static struct {
	struct slip_chain c;
	uint32_t producers, consumers, elem_bytes;
	struct slip_chain_options o;
	slip_a32 pushing;	     /* producers that are not done */
	uint64_t notes[SIDES][EACH]; /* of each element, before it is there */
	slip_a32 came[SIDES][EACH];
	slip_a64 segments; /* of the user's memory */
	slip_a64 steps[2 * SIDES];
} run;

struct worker {
	uint32_t index;
	uint64_t random;
	uint64_t last[SIDES]; /* numbers popped from each, plus 1 */
	uint64_t moved, refused, slept;
	unsigned char elems[BATCH * ELEM_BYTES];
};

static uint64_t all_pushed, all_popped, all_refused, all_slept;

static void dump(void)
{
	stress_say(
		"%u producers, %u consumers, elements of %u, segments of %u, "
		"at most %u: %u still push",
		run.producers, run.consumers, run.elem_bytes, run.o.segment,
		run.o.segments_max, slip_a32_load_relaxed(&run.pushing));
}

static void step(const struct worker *w)
{
	slip_a64 *steps = &run.steps[w->index];

	/* own, stat */
	slip_a64_store_relaxed(steps, slip_a64_load_relaxed(steps) + 1);
}

static void *get(void *context, size_t bytes)
{
	(void)context;
	(void)slip_a64_fetch_add_relaxed(&run.segments, 1); /* stat */
	return aligned_alloc(128, bytes);
}

static void put(void *context, void *memory, size_t bytes)
{
	(void)context;
	(void)bytes;
	(void)slip_a64_fetch_add_relaxed(&run.segments, UINT64_MAX); /* stat */
	free(memory);
}

static uint64_t name_of(uint64_t who, uint64_t number)
{
	return (who + 1) << 32 | number;
}

/* --- producers ---------------------------------------------------------------- */

static uint32_t push_batch(struct worker *w, uint32_t n)
{
	uint32_t went = slip_chain_push_n(&run.c, w->elems, n);

	STRESS_CHECK(went == n || run.o.segments_max, "%u of %u went", went, n);
	return went;
}

/* One, by one of two ways. */
static uint32_t push_one(struct worker *w)
{
	uint64_t soon = slip_after_ns(stress_pick(&w->random, 3 * STRESS_MS));
	int rc;

	if (stress_pick(&w->random, 2))
		rc = slip_chain_push(&run.c, w->elems);
	else
		rc = slip_chain_push_until(&run.c, w->elems, soon);
	STRESS_CHECK(!rc || ((rc == -EAGAIN || rc == -ETIMEDOUT) &&
			     run.o.segments_max),
		     "push: %d", rc);
	return !rc;
}

static void push_some(struct worker *w)
{
	uint32_t n = 1 + (uint32_t)stress_pick(&w->random, BATCH);
	uint32_t went;

	if (n > EACH - w->moved)
		n = (uint32_t)(EACH - w->moved);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t number = w->moved + i;

		run.notes[w->index][number] = name_of(w->index, number) * 3;
		stress_fill(w->elems + (size_t)i * run.elem_bytes,
			    run.elem_bytes, name_of(w->index, number));
	}
	went = stress_pick(&w->random, 2) ? push_batch(w, n) : push_one(w);
	w->moved += went;
	w->refused += !went;
	if (!went)
		sched_yield();
}

static void *push_all(void *arg)
{
	struct worker *w = arg;

	while (w->moved < EACH) {
		push_some(w);
		step(w);
		if (stress_pick(&w->random, 16) == 0)
			sched_yield();
	}
	/* The last one has seen what the others did. */
	if (slip_a32_fetch_add_acqrel(&run.pushing, UINT32_MAX) == 1)
		slip_chain_close(&run.c);
	return NULL;
}

/* --- consumers ---------------------------------------------------------------- */

static void took(struct worker *w, const unsigned char *elem)
{
	uint64_t name, who, number;

	memcpy(&name, elem, sizeof(name));
	who = (name >> 32) - 1;
	number = name & UINT32_MAX;
	STRESS_CHECK(who < run.producers && number < EACH &&
			     stress_filled(elem, run.elem_bytes, name),
		     "torn: %#llx", llu(name));
	STRESS_CHECK(run.notes[who][number] == name * 3,
		     "the note of %#llx is not there", llu(name));
	STRESS_CHECK(number + 1 > w->last[who], "%llu of %llu after %llu",
		     llu(number), llu(who), llu(w->last[who] - 1));
	STRESS_CHECK(slip_a32_fetch_add_relaxed(&run.came[who][number], 1) == 0,
		     "%llu of %llu came twice", llu(number), llu(who));
	w->last[who] = number + 1;
	w->moved++;
}

/* Up to a batch, by one of three ways: 0, or what it said. */
static int pop_some(struct worker *w)
{
	uint64_t how = stress_pick(&w->random, 3);
	uint32_t n = 1 + (uint32_t)stress_pick(&w->random, BATCH);
	int rc = 0;

	if (how == 0)
		n = slip_chain_pop_n(&run.c, w->elems, n);
	else if (how == 1)
		n = slip_chain_pop(&run.c, w->elems);
	else
		rc = slip_chain_pop_until(
			&run.c, w->elems,
			stress_pick(&w->random, 2)
				? SLIP_FOREVER
				: slip_after_ns(
					  stress_pick(&w->random, 50000)));
	if (how == 2) {
		n = !rc;
		w->slept++;
	}
	for (uint32_t i = 0; i < n; i++)
		took(w, w->elems + (size_t)i * run.elem_bytes);
	return rc == -ETIMEDOUT ? 0 : rc;
}

static void *pop_all(void *arg)
{
	struct worker *w = arg;
	int rc;

	do {
		rc = pop_some(w);
		step(w);
		if (stress_pick(&w->random, 16) == 0)
			sched_yield();
	} while (!rc);
	STRESS_CHECK(rc == -EPIPE, "pop_until: %d", rc);
	return NULL;
}

/* --- runs ---------------------------------------------------------------------- */

static uint64_t steps(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 2 * SIDES; i++)
		sum += slip_a64_load_relaxed(&run.steps[i]); /* stat */
	return sum;
}

static void choose(uint64_t *random)
{
	static const uint32_t sizes[] = { 8, 16, 24, 56, 120, ELEM_BYTES };
	static const uint32_t segments[] = { 2, 3, 16, 100, 0 };
	int rc;

	memset(&run, 0, sizeof(run));
	run.producers = 1 + (uint32_t)stress_pick(random, SIDES);
	run.consumers = 1 + (uint32_t)stress_pick(random, SIDES);
	run.elem_bytes = sizes[stress_pick(random, 6)];
	run.o.segment = segments[stress_pick(random, 5)];
	/* Not so few that all wait for grace periods all the time. */
	if (run.o.segment != 2 && stress_pick(random, 3) == 0)
		run.o.segments_max = 8000 / (run.o.segment + 20) + 2;
	run.o.get = get;
	run.o.put = put;
	slip_a32_store_relaxed(&run.pushing, run.producers); /* init */
	rc = slip_chain_init(&run.c, run.elem_bytes, &run.o);
	STRESS_CHECK(!rc, "init: %d", rc);
}

static void account(const struct worker *workers)
{
	static unsigned char elem[ELEM_BYTES];

	STRESS_CHECK(!slip_chain_pop(&run.c, elem), "something is left");
	for (uint32_t p = 0; p < run.producers; p++)
		for (uint32_t i = 0; i < EACH; i++)
			STRESS_CHECK(slip_a32_load_relaxed(&run.came[p][i]) ==
					     1,
				     "%u of %u is lost", i, p);
	for (uint32_t i = 0; i < run.producers + run.consumers; i++) {
		all_refused += workers[i].refused;
		all_slept += workers[i].slept;
		*(i < run.producers ? &all_pushed : &all_popped) +=
			workers[i].moved;
	}
	slip_chain_destroy(&run.c);
	STRESS_CHECK(slip_a64_load_relaxed(&run.segments) == 0,
		     "%llu segments are lost",
		     llu(slip_a64_load_relaxed(&run.segments)));
}

static void one_run(uint64_t seed)
{
	static struct worker workers[2 * SIDES];
	pthread_t threads[2 * SIDES];
	uint64_t random = seed;
	uint32_t count;

	choose(&random);
	count = run.producers + run.consumers;
	memset(workers, 0, sizeof(workers));
	for (uint32_t i = 0; i < count; i++) {
		workers[i].index = i;
		workers[i].random = seed * 8 + i;
	}
	for (uint32_t i = 0; i < count; i++)
		threads[i] = stress_thread(
			i < run.producers ? push_all : pop_all, &workers[i]);
	for (uint32_t i = 0; i < count; i++)
		while (pthread_tryjoin_np(threads[i], NULL)) {
			stress_pulse(seed + steps());
			stress_sleep_ns(STRESS_MS);
		}
	account(workers);
	stress_line(seed, "%u to %u, %u bytes, segments of %u, at most %u",
		    run.producers, run.consumers, run.elem_bytes, run.o.segment,
		    run.o.segments_max);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "a queue without a bound between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("chain.all", "threads",
		   "pushed=%llu popped=%llu refused=%llu waits=%llu",
		   llu(all_pushed), llu(all_popped), llu(all_refused),
		   llu(all_slept));
	return stress_end("%llu pushed, %llu popped, %llu refused, %llu waits",
			  llu(all_pushed), llu(all_popped), llu(all_refused),
			  llu(all_slept));
}
