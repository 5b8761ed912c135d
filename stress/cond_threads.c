/* SPDX-License-Identifier: MIT */
/*
 * futex/cond.h between threads, for ThreadSanitizer: a bounded queue of plain
 * words under a mutex of either kind, full and empty by turns; signal and
 * broadcast, with the mutex in hand and without.
 *
 * No slice ends here: the door to the kernel takes the deadlines away from all
 * sleeps but those of runs that are about deadlines. So a wake-up that is lost
 * ends the run (watchdog).
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK cond_threads_sys

#include <stdio.h>

#include "futex/cond.h"
#include "stress/program.h"

#define SIDE_MAX 3
#define TOTAL	 1500
#define ROOM	 2

struct run {
	uint64_t seed;
	bool robust;
	bool all;    /* broadcast, else signal */
	bool inside; /* tells with the mutex in hand */
	bool deadlines;
	uint32_t makers;
	uint32_t takers;
	struct slip_mutex plain;
	struct slip_robust_mutex_shared lock;
	struct slip_cond some; /* to take */
	struct slip_cond room;
	/* The mutex protects these. */
	uint64_t slot[ROOM];
	uint64_t made, taken, sum;
	/* Each written by one thread. */
	struct {
		slip_a64 steps;
		slip_a64 waits;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} thread[2 * SIDE_MAX];
};

struct worker {
	struct run *run;
	uint32_t index;
	uint64_t random;
	uint64_t steps;
	uint64_t waits;
	struct slip_robust_mutex mutex;
};

static struct run current;
static uint64_t all_units;
static uint64_t all_waits;
static slip_a32 keep_deadlines;

#define WAIT_BITSET 9

long cond_threads_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	/* own: changed between runs only */
	if (nr == SYS_futex && (b & 127) == WAIT_BITSET &&
	    !slip_a32_load_relaxed(&keep_deadlines))
		d = 0;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static void dump(void)
{
	struct run *r = &current;

	stress_say("%s mutex, %s, %s: %u makers, %u takers; events %#x %#x",
		   r->robust ? "robust" : "plain",
		   r->all ? "broadcast" : "signal",
		   r->inside ? "inside" : "outside", r->makers, r->takers,
		   slip_a32_load_relaxed(&r->some.event.word),
		   slip_a32_load_relaxed(&r->room.event.word));
}

/* --- what a thread does ---------------------------------------------------- */

static void lock(struct worker *w)
{
	int rc = w->run->robust ? slip_robust_mutex_lock(&w->mutex)
				: slip_mutex_lock(&w->run->plain);

	STRESS_CHECK(rc == 0, "lock: %d", rc);
}

static void unlock(struct worker *w)
{
	int rc = w->run->robust ? slip_robust_mutex_unlock(&w->mutex)
				: slip_mutex_unlock(&w->run->plain);

	STRESS_CHECK(rc == 0, "unlock: %d", rc);
}

static void wait_for(struct worker *w, struct slip_cond *c)
{
	struct run *r = w->run;
	uint64_t until = SLIP_FOREVER;
	int rc;

	if (r->deadlines && stress_pick(&w->random, 2))
		until = slip_after_ns(stress_pick(&w->random, STRESS_MS));
	if (r->robust)
		rc = slip_cond_wait_robust_until(c, &w->mutex, until);
	else
		rc = slip_cond_wait_until(c, &r->plain, until);
	STRESS_CHECK(rc == 0 || (rc == -ETIMEDOUT && until != SLIP_FOREVER),
		     "wait: %d", rc);
	/* stat */
	slip_a64_store_relaxed(&r->thread[w->index].waits, ++w->waits);
}

static void tell(struct worker *w, struct slip_cond *c)
{
	struct run *r = w->run;

	if (!r->all)
		slip_cond_signal(c);
	else if (r->robust)
		slip_cond_broadcast_robust(c, &w->mutex);
	else
		slip_cond_broadcast(c, &r->plain);
}

/* Gives the mutex back and tells of what was done, in either order. */
static void done(struct worker *w, struct slip_cond *c)
{
	if (w->run->inside)
		tell(w, c);
	unlock(w);
	if (!w->run->inside)
		tell(w, c);
	/* stat */
	slip_a64_store_relaxed(&w->run->thread[w->index].steps, ++w->steps);
	for (uint64_t i = stress_short(&w->random); i > 0; i--)
		slip_pause();
}

static void *make(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;

	for (uint32_t i = 0; i < TOTAL; i++) {
		lock(w);
		while (r->made - r->taken == ROOM)
			wait_for(w, &r->room);
		r->slot[r->made % ROOM] = r->made * 3 + 1;
		r->made++;
		done(w, &r->some);
	}
	return NULL;
}

/* Until all of them have taken all there is. */
static void *take(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	uint64_t total = (uint64_t)r->makers * TOTAL;
	bool over = false;

	while (!over) {
		lock(w);
		while (r->made == r->taken && r->taken < total)
			wait_for(w, &r->some);
		over = r->taken == total;
		if (!over) {
			r->sum += r->slot[r->taken % ROOM];
			r->taken++;
		}
		/* The last one must tell those that wait for more, too. */
		done(w, over || r->taken == total ? &r->some : &r->room);
	}
	return NULL;
}

/* --- one run --------------------------------------------------------------- */

static uint64_t steps_of(const struct run *r)
{
	uint64_t steps = 0;

	for (size_t i = 0; i < 2 * SIDE_MAX; i++)
		steps += slip_a64_load_relaxed(&r->thread[i].steps); /* stat */
	return steps;
}

static void choose(struct run *r, uint64_t seed)
{
	uint64_t random = seed;

	r->seed = seed;
	r->robust = stress_pick(&random, 2);
	r->all = stress_pick(&random, 2);
	r->inside = stress_pick(&random, 2);
	r->deadlines = stress_pick(&random, 4) == 0;
	r->makers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
	r->takers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
	STRESS_CHECK(
		!slip_robust_mutex_init(&r->lock, stress_pick(&random, 2)
							  ? SLIP_EVENT_AUTO
							  : SLIP_EVENT_FULL),
		"init");
	/* own: no thread is there yet */
	slip_a32_store_relaxed(&keep_deadlines, r->deadlines);
}

static void join_all(struct run *r, const pthread_t *threads)
{
	uint64_t total = (uint64_t)r->makers * TOTAL;
	uint64_t before;

	do {
		before = steps_of(r);
		stress_pulse(r->seed + before);
		stress_sleep_ns(STRESS_MS);
	} while (before < 2 * total + r->takers);
	for (uint32_t i = 0; i < r->makers + r->takers; i++)
		pthread_join(threads[i], NULL);
	STRESS_CHECK(r->taken == total, "%llu of %llu taken",
		     (unsigned long long)r->taken, (unsigned long long)total);
	STRESS_CHECK(r->sum == total * (total - 1) / 2 * 3 + total, "torn");
}

static void run(uint64_t seed)
{
	struct run *r = &current;
	struct worker workers[2 * SIDE_MAX];
	pthread_t threads[2 * SIDE_MAX];
	uint64_t waits = 0;
	uint32_t n;

	*r = (struct run){ 0 };
	choose(r, seed);
	n = r->makers + r->takers;
	for (uint32_t i = 0; i < n; i++) {
		workers[i] = (struct worker){ .run = r,
					      .index = i,
					      .random = seed * 8 + i };
		STRESS_CHECK(!slip_robust_mutex_attach(&workers[i].mutex,
						       &r->lock, NULL, 0),
			     "attach");
		threads[i] =
			stress_thread(i < r->makers ? make : take, &workers[i]);
	}
	join_all(r, threads);
	for (uint32_t i = 0; i < n; i++)
		waits += workers[i].waits;
	all_units += r->taken;
	all_waits += waits;
	stress_line(seed,
		    "%s mutex, %s %s, %u makers, %u takers%s: %llu units, "
		    "%llu waits",
		    r->robust ? "robust" : "plain",
		    r->all ? "broadcast" : "signal",
		    r->inside ? "inside" : "outside", r->makers, r->takers,
		    r->deadlines ? ", deadlines" : "",
		    (unsigned long long)r->taken, (unsigned long long)waits);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/cond.h between threads");
	stress_on_stuck(dump);
	while (stress_more())
		run(stress_next_seed());
	STRESS_CHECK(all_waits, "nobody has waited");
	stress_row("cond.all", "threads", "units=%llu waits=%llu",
		   (unsigned long long)all_units,
		   (unsigned long long)all_waits);
	return stress_end("%llu units, %llu waits",
			  (unsigned long long)all_units,
			  (unsigned long long)all_waits);
}
