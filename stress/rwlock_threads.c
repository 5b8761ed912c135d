/* SPDX-License-Identifier: MIT */
/*
 * futex/rwlock.h between threads, for ThreadSanitizer: several threads read and
 * change two plain words, had by the lock, try and until forms in both modes.
 * Nobody dies here. Readers see whole changes, and all changes are there.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "futex/rwlock.h"
#include "stress/program.h"

#define WORKERS 4
#define TOTAL	2000

static struct {
	_Alignas(128) char mem[128 + WORKERS * SLIP_RWLOCK_SEAT_BYTES];
	unsigned mode;
	uint32_t workers;
	uint64_t writers;     /* one in so many turns */
	uint64_t left, right; /* under the lock */
	slip_a64 steps[WORKERS];
} run;

struct worker {
	uint32_t index;
	uint64_t random;
	struct slip_rwlock lock;
	uint64_t reads, writes, late;
};

static uint64_t all_reads, all_writes, all_late;

static const struct slip_rwlock_shared *shared(void)
{
	const void *at = run.mem;

	return at;
}

static void dump(void)
{
	stress_say("mode %u, %u threads: writer %#llx, events %#x %#x",
		   run.mode, run.workers,
		   (unsigned long long)slip_a64_load_relaxed(&shared()->writer),
		   slip_a32_load_relaxed(&shared()->ev_free.word),
		   slip_a32_load_relaxed(&shared()->ev_gone.word));
}

/* By one of three forms; in the end it has the lock. */
static void lock(struct worker *w,
		 int (*until)(struct slip_rwlock *l, uint64_t deadline_ns))
{
	uint64_t how = stress_pick(&w->random, 4);
	uint64_t now = how ? slip_after_ns(stress_pick(&w->random, 20000)) : 0;
	int rc = how < 2 ? until(&w->lock, now) : -ETIMEDOUT;

	if (rc == -ETIMEDOUT) {
		w->late += how < 2;
		rc = until(&w->lock, SLIP_FOREVER);
	}
	STRESS_CHECK(rc == 0, "lock: %d", rc);
}

static int read_until(struct slip_rwlock *l, uint64_t deadline_ns)
{
	return slip_rwlock_read_lock_until(l, deadline_ns);
}

static void look(struct worker *w)
{
	STRESS_CHECK(run.left == run.right, "left %llu, right %llu",
		     (unsigned long long)run.left,
		     (unsigned long long)run.right);
	for (uint64_t i = stress_short(&w->random); i > 0; i--)
		slip_pause();
}

static void turn(struct worker *w)
{
	int rc;

	if (stress_pick(&w->random, run.writers)) {
		lock(w, read_until);
		look(w);
		w->reads++;
		rc = slip_rwlock_read_unlock(&w->lock);
	} else {
		lock(w, slip_rwlock_write_lock_until);
		look(w);
		run.left++;
		run.right++;
		w->writes++;
		rc = slip_rwlock_write_unlock(&w->lock);
	}
	STRESS_CHECK(rc == 0, "unlock: %d", rc);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (uint64_t n = 0; n < TOTAL; n++) {
		turn(w);
		/* stat */
		slip_a64_store_relaxed(&run.steps[w->index], n + 1);
		if (stress_pick(&w->random, 16) == 0)
			sched_yield();
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

static void choose(uint64_t *random)
{
	int rc;

	memset(&run, 0, sizeof(run));
	run.workers = 2 + (uint32_t)stress_pick(random, WORKERS - 1);
	run.writers = 1 + stress_short(random);
	rc = slip_rwlock_init(run.mem, sizeof(run.mem), WORKERS,
			      stress_pick(random, 2) ? SLIP_EVENT_AUTO
						     : SLIP_EVENT_RMW);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	run.mode = slip_a32_load_relaxed(&shared()->mode); /* stat */
}

static void one_run(uint64_t seed)
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	uint64_t random = seed;
	uint64_t writes = 0;

	choose(&random);
	memset(workers, 0, sizeof(workers));
	for (uint32_t i = 0; i < run.workers; i++) {
		struct worker *w = &workers[i];
		int rc = slip_rwlock_attach(&w->lock, run.mem, sizeof(run.mem),
					    NULL);

		STRESS_CHECK(rc == 0, "attach: %d", rc);
		w->index = i;
		w->random = seed * 8 + i;
	}
	for (uint32_t i = 0; i < run.workers; i++)
		threads[i] = stress_thread(work, &workers[i]);
	while (steps() < (uint64_t)run.workers * TOTAL) {
		stress_pulse(seed + steps());
		stress_sleep_ns(STRESS_MS);
	}
	for (uint32_t i = 0; i < run.workers; i++) {
		pthread_join(threads[i], NULL);
		writes += workers[i].writes;
		all_reads += workers[i].reads;
		all_late += workers[i].late;
	}
	STRESS_CHECK(run.left == writes && run.right == writes,
		     "left %llu, right %llu, %llu changes",
		     (unsigned long long)run.left,
		     (unsigned long long)run.right, (unsigned long long)writes);
	all_writes += writes;
	stress_line(seed, "mode %u, %u threads: %llu changes", run.mode,
		    run.workers, (unsigned long long)writes);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "the reader-writer lock between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("rwlock.all", "threads", "reads=%llu writes=%llu late=%llu",
		   (unsigned long long)all_reads,
		   (unsigned long long)all_writes,
		   (unsigned long long)all_late);
	return stress_end("%llu reads, %llu changes, %llu times late",
			  (unsigned long long)all_reads,
			  (unsigned long long)all_writes,
			  (unsigned long long)all_late);
}
