/* SPDX-License-Identifier: MIT */
/*
 * futex/deadlock.h between threads, for ThreadSanitizer: each is a member of its
 * own, takes two locks in whatever order chance gives, and changes what both
 * protect. All wait for ever, so a deadlock that nobody is told of ends the run.
 * Who is told gives back what it has, and begins again. With one order for all
 * (`orderly`) nobody may be told anything.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "futex/region_memory.h"
#include "futex/robust_mutex.h"
#include "stress/program.h"

#define WORKERS 4
#define LOCKS	4
#define TOTAL	100
#define KIND	0x534cu

struct board {
	struct slip_robust_mutex_shared lock[LOCKS];
	uint64_t value[LOCKS]; /* under its lock */
};

struct worker {
	uint32_t index;
	uint64_t random;
	struct slip_peer self;
	struct slip_deadlock d;
	struct slip_robust_mutex m[LOCKS];
	uint64_t told;
};

static struct {
	bool orderly;
	uint32_t workers;
	uint32_t locks;
	struct slip_region rg;
	struct board *board;
	slip_a64 steps[WORKERS];
} run;

static uint64_t all_pairs, all_told;

static void dump(void)
{
	if (!run.board)
		return;
	for (uint32_t i = 0; i < LOCKS; i++)
		stress_say("lock %u: %#llx", i,
			   (unsigned long long)slip_a64_load_relaxed(
				   &run.board->lock[i].word));
	for (uint32_t id = 1; id <= run.workers; id++)
		stress_say("member %u: %#llx", id,
			   (unsigned long long)slip_a64_load_relaxed(
				   slip_deadlock_wait_(&run.rg, id)));
}

/* We are in it, and nobody twice. */
static void check_circle(struct worker *w)
{
	uint32_t ids[WORKERS] = { 0 };
	uint32_t n = slip_deadlock_cycle(&w->d, ids, WORKERS);
	uint64_t seen = 0;

	STRESS_CHECK(n >= 2 && n <= run.workers, "a circle of %u", n);
	STRESS_CHECK(ids[0] == w->self.id, "it begins with %u", ids[0]);
	for (uint32_t i = 0; i < n; i++) {
		STRESS_CHECK(ids[i] >= 1 && ids[i] <= WORKERS &&
				     !(seen >> ids[i] & 1),
			     "%u is in it", ids[i]);
		seen |= UINT64_C(1) << ids[i];
	}
}

static bool both(struct worker *w, uint64_t a, uint64_t b)
{
	int rc = slip_robust_mutex_lock(&w->m[a]);

	STRESS_CHECK(rc == 0, "the first lock: %d", rc);
	if (stress_pick(&w->random, 2))
		sched_yield();
	rc = slip_robust_mutex_lock(&w->m[b]);
	STRESS_CHECK(rc == 0 || (rc == -EDEADLK && !run.orderly),
		     "the second lock: %d", rc);
	if (rc) {
		check_circle(w);
	} else {
		run.board->value[a]++;
		run.board->value[b]++;
		STRESS_CHECK(slip_robust_mutex_unlock(&w->m[b]) == 0, "unlock");
	}
	STRESS_CHECK(slip_robust_mutex_unlock(&w->m[a]) == 0, "unlock");
	return rc == 0;
}

static void attach(struct worker *w)
{
	int rc = slip_peer_join(&w->self, &run.rg);

	if (!rc)
		rc = slip_deadlock_init(&w->d, &w->self);
	for (uint32_t i = 0; i < LOCKS && !rc; i++) {
		rc = slip_robust_mutex_attach(&w->m[i], &run.board->lock[i],
					      &w->self, 0);
		if (!rc)
			rc = slip_robust_mutex_report(&w->m[i], &w->d);
	}
	STRESS_CHECK(rc == 0, "attach: %d", rc);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (uint64_t n = 0; n < TOTAL; n++) {
		uint64_t a = stress_pick(&w->random, run.locks);
		uint64_t b = stress_pick(&w->random, run.locks - 1);

		b += b >= a;
		if (run.orderly && a > b) {
			uint64_t low = b;

			b = a;
			a = low;
		}
		while (!both(w, a, b)) {
			w->told++;
			/* Else those who were told meet again, and again. */
			stress_sleep_ns(stress_pick(&w->random, 2 * STRESS_MS));
		}
		/* stat */
		slip_a64_store_relaxed(&run.steps[w->index], n + 1);
	}
	return NULL;
}

static uint64_t steps(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.workers; i++)
		sum += slip_a64_load_relaxed(&run.steps[i]); /* stat */
	return sum;
}

static void make(uint64_t *random)
{
	int rc;

	memset(&run, 0, sizeof(run));
	run.orderly = stress_pick(random, 3) == 0;
	run.workers = 2 + (uint32_t)stress_pick(random, WORKERS - 1);
	run.locks = 2 + (uint32_t)stress_pick(random, LOCKS - 1);
	rc = slip_region_create(&run.rg, sizeof(*run.board),
				SLIP_REGION_PRIVATE | SLIP_REGION_PEERS(8));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	for (uint32_t i = 0; i < LOCKS; i++) {
		rc = slip_robust_mutex_init(&run.board->lock[i], 0);
		STRESS_CHECK(rc == 0, "init: %d", rc);
	}
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
}

static void one_run(uint64_t seed)
{
	static struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	uint64_t random = seed;
	uint64_t told = 0;
	uint64_t sum = 0;

	make(&random);
	memset(workers, 0, sizeof(workers));
	for (uint32_t i = 0; i < run.workers; i++) {
		workers[i].index = i;
		workers[i].random = seed * 8 + i;
		attach(&workers[i]);
	}
	for (uint32_t i = 0; i < run.workers; i++)
		threads[i] = stress_thread(work, &workers[i]);
	while (steps() < (uint64_t)run.workers * TOTAL) {
		stress_pulse(seed + steps());
		stress_sleep_ns(STRESS_MS);
	}
	for (uint32_t i = 0; i < run.workers; i++) {
		pthread_join(threads[i], NULL);
		told += workers[i].told;
		slip_peer_leave(&workers[i].self);
	}
	for (uint32_t i = 0; i < LOCKS; i++)
		sum += run.board->value[i];
	STRESS_CHECK(sum == 2 * (uint64_t)run.workers * TOTAL, "sum %llu",
		     (unsigned long long)sum);
	all_pairs += sum / 2;
	all_told += told;
	stress_line(seed, "%s, %u threads, %u locks: told %llu times",
		    run.orderly ? "orderly" : "wild", run.workers, run.locks,
		    (unsigned long long)told);
	run.board = NULL;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "deadlocks between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("deadlock.look", "threads", "pairs=%llu told=%llu",
		   (unsigned long long)all_pairs, (unsigned long long)all_told);
	return stress_end("%llu pairs of locks, %llu deadlocks told",
			  (unsigned long long)all_pairs,
			  (unsigned long long)all_told);
}
