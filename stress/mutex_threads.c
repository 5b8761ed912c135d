/* SPDX-License-Identifier: MIT */
/*
 * futex/mutex.h, robust_mutex.h and pi_mutex.h between threads, for
 * ThreadSanitizer: several threads change two plain words under a lock, had by lock, trylock and
 * lock_until. Nobody dies here. The sum of what each has done must be there.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "futex/mutex.h"
#include "futex/pi_mutex.h"
#include "futex/region_memory.h"
#include "futex/robust_mutex.h"
#include "stress/program.h"

#define WORKERS 4
#define TOTAL	2000

enum kind { PLAIN, ROBUST, RECURSIVE, PI, KINDS };

static struct {
	enum kind kind;
	unsigned mode; /* of the robust one */
	uint32_t workers;
	struct slip_mutex plain;
	struct slip_robust_mutex_shared robust;
	struct slip_pi_mutex_shared pi;
	uint64_t left, right; /* under the lock */
	slip_a64 steps[WORKERS];
} run;

struct worker {
	uint32_t index;
	uint64_t random;
	struct slip_robust_mutex robust;
	struct slip_pi_mutex pi;
	uint64_t late;
};

static uint64_t all_locks, all_late;

/* Of which all threads are one member; the PI mutex has to have one. */
static struct slip_region region;
static struct slip_peer self;

static void dump(void)
{
	stress_say("kind %d, mode %u, %u threads: plain %#x, event %#x; robust "
		   "%#llx, event %#x; pi %#x",
		   run.kind, run.mode, run.workers,
		   slip_a32_load_relaxed(&run.plain.word),
		   slip_a32_load_relaxed(&run.plain.event.word),
		   (unsigned long long)slip_a64_load_relaxed(&run.robust.word),
		   slip_a32_load_relaxed(&run.robust.event.word),
		   slip_a32_load_relaxed(&run.pi.word));
}

static int lock_until(struct worker *w, uint64_t deadline_ns)
{
	if (run.kind == PI)
		return slip_pi_mutex_lock_until(&w->pi, deadline_ns);
	return run.kind == PLAIN
		       ? slip_mutex_lock_until(&run.plain, deadline_ns)
		       : slip_robust_mutex_lock_until(&w->robust, deadline_ns);
}

static int try(struct worker *w)
{
	if (run.kind == PI)
		return slip_pi_mutex_trylock(&w->pi);
	return run.kind == PLAIN ? slip_mutex_trylock(&run.plain)
				 : slip_robust_mutex_trylock(&w->robust);
}

static int unlock(struct worker *w)
{
	if (run.kind == PI)
		return slip_pi_mutex_unlock(&w->pi);
	return run.kind == PLAIN ? slip_mutex_unlock(&run.plain)
				 : slip_robust_mutex_unlock(&w->robust);
}

static void lock(struct worker *w)
{
	uint64_t how = stress_pick(&w->random, 4);
	int rc = -ETIMEDOUT;

	if (how == 0)
		rc = try(w);
	if (how == 1)
		rc = lock_until(w,
				slip_after_ns(stress_pick(&w->random, 20000)));
	if (rc == -EBUSY || rc == -ETIMEDOUT) {
		w->late += how < 2;
		rc = lock_until(w, SLIP_FOREVER);
	}
	STRESS_CHECK(rc == 0, "lock: %d", rc);
}

static void change(struct worker *w)
{
	STRESS_CHECK(run.left == run.right, "left %llu, right %llu",
		     (unsigned long long)run.left,
		     (unsigned long long)run.right);
	run.left++;
	for (uint64_t i = stress_short(&w->random); i > 0; i--)
		slip_pause();
	if (run.kind == RECURSIVE) {
		int rc = lock_until(w, 0);

		STRESS_CHECK(rc == 0, "lock again: %d", rc);
		rc = unlock(w);
		STRESS_CHECK(rc == 0, "unlock once: %d", rc);
	}
	run.right++;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int made = slip_pi_mutex_attach(&w->pi, &run.pi, &self);

	STRESS_CHECK(made == 0, "attach: %d", made);
	for (uint64_t n = 0; n < TOTAL; n++) {
		int rc;

		lock(w);
		change(w);
		rc = unlock(w);
		STRESS_CHECK(rc == 0, "unlock: %d", rc);
		/* stat */
		slip_a64_store_relaxed(&run.steps[w->index], n + 1);
		if (stress_pick(&w->random, 16) == 0)
			sched_yield();
	}
	made = slip_pi_mutex_detach(&w->pi);
	STRESS_CHECK(made == 0, "detach: %d", made);
	return NULL;
}

static uint64_t steps(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.workers; i++)
		sum += slip_a64_load_relaxed(&run.steps[i]); /* stat */
	return sum;
}

static void choose(uint64_t *random)
{
	int rc;

	memset(&run, 0, sizeof(run));
	run.kind = (enum kind)stress_pick(random, KINDS);
	run.workers = 2 + (uint32_t)stress_pick(random, WORKERS - 1);
	rc = slip_robust_mutex_init(&run.robust, stress_pick(random, 2)
							 ? SLIP_EVENT_AUTO
							 : SLIP_EVENT_FULL);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_pi_mutex_init(&run.pi);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	run.mode = slip_a32_load_relaxed(&run.robust.mode); /* stat */
}

static void one_run(uint64_t seed)
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	uint64_t random = seed;
	uint64_t late = 0;

	choose(&random);
	for (uint32_t i = 0; i < run.workers; i++) {
		struct worker *w = &workers[i];
		int rc;

		*w = (struct worker){ .index = i, .random = seed * 8 + i };
		rc = slip_robust_mutex_attach(
			&w->robust, &run.robust, NULL,
			run.kind == RECURSIVE ? SLIP_ROBUST_MUTEX_RECURSIVE
					      : 0);
		STRESS_CHECK(rc == 0, "attach: %d", rc);
	}
	for (uint32_t i = 0; i < run.workers; i++)
		threads[i] = stress_thread(work, &workers[i]);
	while (steps() < (uint64_t)run.workers * TOTAL) {
		stress_pulse(seed + steps());
		stress_sleep_ns(STRESS_MS);
	}
	for (uint32_t i = 0; i < run.workers; i++) {
		pthread_join(threads[i], NULL);
		late += workers[i].late;
	}
	STRESS_CHECK(run.left == (uint64_t)run.workers * TOTAL &&
			     run.right == run.left,
		     "left %llu, right %llu, not %u",
		     (unsigned long long)run.left,
		     (unsigned long long)run.right, run.workers * TOTAL);
	all_locks += run.left;
	all_late += late;
	stress_line(seed, "kind %d, mode %u, %u threads: %llu locks, %llu late",
		    run.kind, run.mode, run.workers,
		    (unsigned long long)run.left, (unsigned long long)late);
}

static void join(void)
{
	int rc = slip_region_create(&region, 4096, SLIP_REGION_PRIVATE);

	STRESS_CHECK(rc == 0, "create: %d", rc);
	rc = slip_peer_join(&self, &region);
	STRESS_CHECK(rc == 0, "join: %d", rc);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "the mutexes between threads");
	stress_on_stuck(dump);
	join();
	while (stress_more())
		one_run(stress_next_seed());
	slip_peer_leave(&self);
	slip_region_close(&region);
	stress_row("mutex.all", "threads", "locks=%llu late=%llu",
		   (unsigned long long)all_locks, (unsigned long long)all_late);
	return stress_end("%llu locks, %llu times late",
			  (unsigned long long)all_locks,
			  (unsigned long long)all_late);
}
