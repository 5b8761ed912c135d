/* SPDX-License-Identifier: MIT */
/*
 * The semaphores between threads, for ThreadSanitizer: a buffer of plain cells,
 * some of which several producers fill and several consumers empty at a time,
 * with nothing but semaphores around it. By three of sem.h, by one set of
 * sem_set.h, which takes room and lock at once, or by three of robust_sem.h.
 * Who has done takes a unit from `busy`; the main thread reads what all have
 * written when that is zero.
 */
#include <stdio.h>
#include <string.h>

#include "futex/robust_sem.h"
#include "futex/sem.h"
#include "futex/sem_set.h"
#include "stress/program.h"

#define CELLS	 8u
#define AT_MOST	 3u /* below half of the cells: somebody can always go on */
#define SIDE_MAX 3u
#define WORKERS	 (2 * SIDE_MAX)
#define TOTAL	 3000u /* of each producer */

enum { ROOM, ITEMS, LOCK };
#define KINDS 3u
static const char *const names[KINDS] = { "sem", "sem_set", "robust_sem" };

struct worker {
	uint32_t index;
	uint64_t random;
	struct slip_robust_sem robust[3];
	uint64_t sum; /* plain, read when nobody is busy */
};

static struct {
	uint64_t seed;
	unsigned kind;
	uint32_t producers, consumers;
	struct slip_sem sem[3];
	struct slip_sem_set set;
	char robust[3][64 * (WORKERS + 1)] SLIP_ALIGNED(64);
	struct slip_sem busy;
	slip_a32 quota; /* items that no consumer has asked for yet */
	slip_a64 moved; /* stat */
	uint64_t cells[CELLS];
	uint32_t head, tail; /* plain, under the lock */
	struct worker workers[WORKERS];
} run;

static uint64_t all_items[KINDS];

static void dump(void)
{
	stress_say("%s: %u, %u, %u; set %#llx; busy %u", names[run.kind],
		   slip_sem_value(&run.sem[ROOM]),
		   slip_sem_value(&run.sem[ITEMS]),
		   slip_sem_value(&run.sem[LOCK]),
		   (unsigned long long)slip_a64_load_relaxed(&run.set.word),
		   slip_sem_value(&run.busy));
}

/* --- the three ways -------------------------------------------------------- */

static void enter(struct worker *w, unsigned of, uint32_t n)
{
	struct slip_sem_change take = { { 0, 0, 1, 0 }, 1u << LOCK };
	int rc;

	take.add[of] = -(int32_t)n;
	if (run.kind == 0) {
		rc = slip_sem_acquire(&run.sem[of], n);
		rc = rc ? rc : slip_sem_acquire(&run.sem[LOCK], 1);
	} else if (run.kind == 1) {
		rc = slip_sem_set_change(&run.set, &take);
	} else {
		rc = slip_robust_sem_acquire(&w->robust[of], n);
		rc = rc ? rc : slip_robust_sem_consume(&w->robust[of], n);
		rc = rc ? rc : slip_robust_sem_acquire(&w->robust[LOCK], 1);
	}
	STRESS_CHECK(rc == 0, "enter: %d", rc);
}

static void leave(struct worker *w, unsigned to, uint32_t n)
{
	struct slip_sem_change give = { { 0, 0, -1, 0 }, 0 };
	int rc;

	give.add[to] = (int32_t)n;
	if (run.kind == 0) {
		rc = slip_sem_post(&run.sem[LOCK], 1);
		rc = rc ? rc : slip_sem_post(&run.sem[to], n);
	} else if (run.kind == 1) {
		rc = slip_sem_set_change_try(&run.set, &give);
	} else {
		rc = slip_robust_sem_release(&w->robust[LOCK], 1);
		rc = rc ? rc : slip_robust_sem_post(&w->robust[to], n);
	}
	STRESS_CHECK(rc == 0, "leave: %d", rc);
}

/* --- workers --------------------------------------------------------------- */

static void moved(uint32_t n)
{
	(void)slip_a64_fetch_add_relaxed(&run.moved, n); /* stat */
}

static void done(void)
{
	int rc = slip_sem_acquire_try(&run.busy, 1);

	STRESS_CHECK(rc == 0, "busy: %d", rc);
}

static void *produce(void *arg)
{
	struct worker *w = arg;
	uint32_t left = TOTAL;

	while (left) {
		uint32_t n = 1 + (uint32_t)stress_pick(&w->random, AT_MOST);

		n = n < left ? n : left;
		enter(w, ROOM, n);
		for (uint32_t i = 0; i < n; i++) {
			run.cells[run.tail++ % CELLS] = left;
			w->sum += left--;
		}
		leave(w, ITEMS, n);
		moved(n);
	}
	done();
	return NULL;
}

/* Ask for as many as will come. */
static uint32_t reserve(struct worker *w)
{
	uint32_t seen = slip_a32_load_relaxed(&run.quota); /* hint: CAS */
	uint32_t n = 1 + (uint32_t)stress_pick(&w->random, AT_MOST);

	while (seen) {
		n = n < seen ? n : seen;
		/* hint: nothing is read on the strength of it */
		if (slip_a32_cas_relaxed(&run.quota, &seen, seen - n))
			return n;
	}
	return 0;
}

static void *consume(void *arg)
{
	struct worker *w = arg;
	uint32_t n;

	while ((n = reserve(w))) {
		enter(w, ITEMS, n);
		for (uint32_t i = 0; i < n; i++)
			w->sum += run.cells[run.head++ % CELLS];
		leave(w, ROOM, n);
		moved(n);
	}
	done();
	return NULL;
}

/* --- one run --------------------------------------------------------------- */

static void create(uint64_t seed)
{
	static const uint32_t values[4] = { CELLS, 0, 0, 0 };
	uint64_t random = seed;
	int rc = 0;

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.kind = (unsigned)(seed % KINDS);
	run.producers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
	run.consumers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
	rc = slip_sem_set_init(&run.set, values);
	for (unsigned i = 0; i < 3 && !rc; i++) {
		uint32_t value = i == LOCK ? 1 : values[i];

		rc = slip_sem_init(&run.sem[i], value);
		rc = rc ? rc
			: slip_robust_sem_init(run.robust[i],
					       sizeof(run.robust[i]), WORKERS,
					       value);
		for (uint32_t k = 0; k < WORKERS && !rc; k++)
			rc = slip_robust_sem_attach(
				&run.workers[k].robust[i], run.robust[i],
				sizeof(run.robust[i]), NULL);
	}
	rc = rc ? rc : slip_sem_init(&run.busy, run.producers + run.consumers);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	slip_a32_store_relaxed(&run.quota, run.producers * TOTAL); /* init */
}

static void await_all(void)
{
	int rc;

	do {
		rc = slip_sem_wait_zero_until(&run.busy,
					      slip_after_ns(STRESS_MS));
		STRESS_CHECK(rc == 0 || rc == -ETIMEDOUT, "wait_zero: %d", rc);
		/* stat */
		stress_pulse(run.seed + slip_a64_load_relaxed(&run.moved));
	} while (rc);
}

static void one_run(uint64_t seed)
{
	pthread_t threads[WORKERS];
	uint64_t made = 0;
	uint64_t eaten = 0;
	uint32_t n;

	create(seed);
	n = run.producers + run.consumers;
	for (uint32_t i = 0; i < n; i++) {
		run.workers[i].index = i;
		run.workers[i].random = seed * 8 + i;
		threads[i] = stress_thread(
			i < run.producers ? produce : consume, &run.workers[i]);
	}
	await_all();
	for (uint32_t i = 0; i < n; i++)
		*(i < run.producers ? &made : &eaten) += run.workers[i].sum;
	STRESS_CHECK(made == eaten && run.head == run.tail,
		     "%llu made, %llu eaten", (unsigned long long)made,
		     (unsigned long long)eaten);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	all_items[run.kind] += run.producers * TOTAL;
	stress_line(seed, "%s, %u producers, %u consumers", names[run.kind],
		    run.producers, run.consumers);
}

int main(int argc, char **argv)
{
	uint64_t sum = 0;

	stress_begin(argc, argv, "semaphores between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	for (unsigned i = 0; i < KINDS; i++) {
		char operation[32];

		snprintf(operation, sizeof(operation), "%s.all", names[i]);
		sum += all_items[i];
		if (all_items[i])
			stress_row(operation, "threads", "items=%llu",
				   (unsigned long long)all_items[i]);
	}
	return stress_end("%llu items", (unsigned long long)sum);
}
