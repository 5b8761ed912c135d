/* SPDX-License-Identifier: MIT */
/*
 * flag.h, once.h, latch.h and barrier.h between threads, for ThreadSanitizer:
 * plain words that belong to one thread in one phase and to all in the next; a
 * plain word that is handed on by flags; what is made once; what a latch waits
 * for.
 *
 * No slice ends here: the door to the kernel takes the deadlines away from all
 * sleeps. So a wake-up that is lost ends the run (watchdog).
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK meet_threads_sys

#include <stdio.h>

#include "futex/barrier.h"
#include "futex/flag.h"
#include "futex/latch.h"
#include "futex/once.h"
#include "stress/program.h"

#define CROWD  4
#define PHASES 500

struct run {
	uint64_t seed;
	uint32_t n;
	struct slip_once once;
	struct slip_flag start;	      /* manual */
	struct slip_flag next[CROWD]; /* automatic: a ring of turns */
	uint64_t barrier[4 + CROWD];
	uint64_t latch[4 + CROWD];
	uint64_t made, handed, work[CROWD]; /* plain */
	slip_a64 serial;
	slip_a64 steps[CROWD];
};

struct worker {
	struct run *run;
	uint32_t index;
	uint64_t random;
	uint64_t steps;
};

static struct run current;
static uint64_t all_phases;

#define WAIT_BITSET 9

long meet_threads_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_futex && (b & 127) == WAIT_BITSET)
		d = 0;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static void dump(void)
{
	struct run *r = &current;

	for (uint32_t i = 0; i < r->n; i++)
		stress_say("thread %u of %u: step %llu", i, r->n,
			   (unsigned long long)slip_a64_load_relaxed(
				   &r->steps[i]));
}

static void step(struct worker *w)
{
	/* stat */
	slip_a64_store_relaxed(&w->run->steps[w->index], ++w->steps);
	for (uint64_t i = stress_short(&w->random); i > 0; i--)
		slip_pause();
}

static void make_once(struct worker *w)
{
	struct run *r = w->run;
	int rc;

	while ((rc = slip_once_begin(&r->once, NULL)) != 0) {
		STRESS_CHECK(rc == 1, "begin: %d", rc);
		r->made++;
		/* One time in two it fails at first. */
		if (r->made == 1 && r->seed % 2)
			rc = slip_once_abort(&r->once, NULL);
		else
			rc = slip_once_end(&r->once, NULL);
		STRESS_CHECK(rc == 0, "end: %d", rc);
	}
	STRESS_CHECK(r->made == 1 + r->seed % 2, "made %llu times",
		     (unsigned long long)r->made);
}

static void phase(struct worker *w, struct slip_barrier *b, uint64_t number)
{
	struct run *r = w->run;
	bool serial;

	r->work[w->index] = number;
	STRESS_CHECK(slip_barrier_wait(b, &serial) == 0, "barrier");
	if (serial)
		(void)slip_a64_fetch_add_relaxed(&r->serial, 1);
	for (uint32_t i = 0; i < r->n; i++)
		STRESS_CHECK(r->work[i] == number, "thread %u is late", i);
	STRESS_CHECK(slip_barrier_wait(b, NULL) == 0, "barrier");
	step(w);
}

static void turn(struct worker *w)
{
	struct run *r = w->run;

	STRESS_CHECK(slip_flag_wait(&r->next[w->index]) == 0, "flag");
	r->handed++;
	slip_flag_set(&r->next[(w->index + 1) % r->n]);
	step(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	struct slip_barrier b;
	struct slip_latch l;

	STRESS_CHECK(!slip_barrier_attach(&b, r->barrier, sizeof(r->barrier),
					  NULL) &&
			     !slip_barrier_join(&b) &&
			     !slip_latch_attach(&l, r->latch, sizeof(r->latch),
						NULL) &&
			     !slip_latch_join(&l),
		     "join");
	STRESS_CHECK(slip_flag_wait(&r->start) == 0, "start");
	make_once(w);
	for (uint64_t i = 1; i <= PHASES; i++)
		phase(w, &b, i);
	for (uint64_t i = 0; i < PHASES; i++)
		turn(w);
	r->work[w->index] = 0;
	STRESS_CHECK(slip_latch_arrive(&l) == 0, "latch");
	return NULL;
}

static uint64_t steps_of(const struct run *r)
{
	uint64_t steps = 0;

	for (uint32_t i = 0; i < CROWD; i++)
		steps += slip_a64_load_relaxed(&r->steps[i]); /* stat */
	return steps;
}

static void make(struct run *r, uint64_t seed)
{
	uint64_t random = seed;

	*r = (struct run){ .seed = seed };
	r->n = 2 + (uint32_t)stress_pick(&random, CROWD - 1);
	STRESS_CHECK(!slip_barrier_init(r->barrier, sizeof(r->barrier), r->n) &&
			     !slip_latch_init(r->latch, sizeof(r->latch), r->n),
		     "init");
	for (uint32_t i = 0; i < r->n; i++)
		STRESS_CHECK(!slip_flag_init(&r->next[i], SLIP_FLAG_AUTO),
			     "init");
	slip_flag_set(&r->next[0]);
}

static void run(uint64_t seed)
{
	struct run *r = &current;
	struct worker workers[CROWD];
	pthread_t threads[CROWD];
	struct slip_latch l;

	make(r, seed);
	STRESS_CHECK(!slip_latch_attach(&l, r->latch, sizeof(r->latch), NULL),
		     "attach");
	for (uint32_t i = 0; i < r->n; i++) {
		workers[i] = (struct worker){ .run = r,
					      .index = i,
					      .random = seed * 8 + i };
		threads[i] = stress_thread(work, &workers[i]);
	}
	slip_flag_set(&r->start);
	while (steps_of(r) < 2 * PHASES * (uint64_t)r->n) {
		stress_pulse(seed + steps_of(r));
		stress_sleep_ns(STRESS_MS);
	}
	STRESS_CHECK(slip_latch_wait(&l) == 0, "latch");
	for (uint32_t i = 0; i < r->n; i++)
		STRESS_CHECK(r->work[i] == 0, "thread %u has not arrived", i);
	for (uint32_t i = 0; i < r->n; i++)
		pthread_join(threads[i], NULL);
	STRESS_CHECK(r->handed == PHASES * (uint64_t)r->n, "turns lost");
	STRESS_CHECK(slip_a64_load_relaxed(&r->serial) == PHASES,
		     "one serial one for each phase");
	all_phases += PHASES;
	stress_line(seed, "%u threads: %u phases, %llu turns", r->n, PHASES,
		    (unsigned long long)r->handed);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "flags, once, latch, barrier between threads");
	stress_on_stuck(dump);
	while (stress_more())
		run(stress_next_seed());
	stress_row("barrier.all", "threads", "phases=%llu",
		   (unsigned long long)all_phases);
	return stress_end("%llu phases", (unsigned long long)all_phases);
}
