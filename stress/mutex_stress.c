/* SPDX-License-Identifier: MIT */
/*
 * The mutexes between processes, mapped at different addresses, which are
 * stopped and killed, most often with the lock in hand. Two plain words are
 * equal whenever nobody is at work on them; an owner that dies in the middle
 * leaves it to its heir to make them so, and the heir must have been told.
 *
 *	plain	processes are stopped and continued
 *	robust	and killed, and replaced
 *	pi	likewise, with the mutex of pi_mutex.h
 *
 * Nobody may hear of a death more often than somebody was killed, or while one
 * is only stopped. The time from SIGKILL to -EOWNERDEAD is measured, with the
 * other processes at work: the last line has the median.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

#include "futex/mutex.h"
#include "futex/pi_mutex.h"
#include "futex/robust_mutex.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define WORKERS	     4
#define PEERS	     16
#define DISTURBANCES 20
#define DELAYS	     4096
#define KIND	     0x534du

/* The object that all share. */
struct board {
	struct slip_mutex plain;
	struct slip_robust_mutex_shared robust;
	struct slip_pi_mutex_shared pi;
	uint64_t left, right; /* under the lock */
	slip_a64 told;	      /* of deaths */
	slip_a64 shot_ns;     /* when the last SIGKILL was sent */
	slip_a64 delay_ns;    /* of the last -EOWNERDEAD */
	slip_a32 over;
	unsigned char pad[SLIP_APART_BYTES];
	/* Each written by one process at a time. */
	struct {
		slip_a64 turns;
		slip_a64 late;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} worker[WORKERS];
};

struct worker {
	uint32_t index;
	struct board *board;
	struct slip_robust_mutex robust;
	struct slip_pi_mutex pi;
	uint64_t random;
};

static struct {
	uint64_t seed;
	uint64_t random;
	bool robust; /* or pi */
	bool pi;
	unsigned mode;
	uint32_t workers;
	struct slip_region rg;
	struct board *board;
	slip_a64 *places; /* where each worker has the region */
	pid_t pid[WORKERS];
	uint64_t kills;
	uint64_t told; /* heard of so far */
	bool running;
} run;

static struct {
	uint64_t locks, kills, stops, told, late;
	uint64_t delays[DELAYS];
	size_t delay_count;
} all;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static const char *name(void)
{
	return run.pi ? "pi" : run.robust ? "robust" : "plain";
}

static void dump(void)
{
	if (!run.running)
		return;
	stress_say("%s, mode %u, %u workers: plain %#x, robust %#llx, events "
		   "%#x %#x, pi %#x",
		   name(), run.mode, run.workers,
		   slip_a32_load_relaxed(&run.board->plain.word),
		   llu(get(&run.board->robust.word)),
		   slip_a32_load_relaxed(&run.board->plain.event.word),
		   slip_a32_load_relaxed(&run.board->robust.event.word),
		   slip_a32_load_relaxed(&run.board->pi.word));
	for (uint32_t i = 0; i < run.workers; i++)
		stress_say("worker %d: %llu turns", run.pid[i],
			   llu(get(&run.board->worker[i].turns)));
}

/* --- workers -------------------------------------------------------------- */

static int lock_until(struct worker *w, uint64_t deadline_ns)
{
	if (run.pi)
		return slip_pi_mutex_lock_until(&w->pi, deadline_ns);
	return run.robust
		       ? slip_robust_mutex_lock_until(&w->robust, deadline_ns)
		       : slip_mutex_lock_until(&w->board->plain, deadline_ns);
}

static int try(struct worker *w)
{
	if (run.pi)
		return slip_pi_mutex_trylock(&w->pi);
	return run.robust ? slip_robust_mutex_trylock(&w->robust)
			  : slip_mutex_trylock(&w->board->plain);
}

static int unlock(struct worker *w)
{
	if (run.pi)
		return slip_pi_mutex_unlock(&w->pi);
	return run.robust ? slip_robust_mutex_unlock(&w->robust)
			  : slip_mutex_unlock(&w->board->plain);
}

static int lock(struct worker *w)
{
	slip_a64 *late = &w->board->worker[w->index].late;
	uint64_t how = stress_pick(&w->random, 8);
	int rc = -ETIMEDOUT;

	if (how == 0)
		rc = try(w);
	if (how == 1)
		rc = lock_until(w,
				slip_after_ns(stress_pick(&w->random, 50000)));
	if (rc == -EBUSY || rc == -ETIMEDOUT) {
		set(late, get(late) + (how < 2));
		rc = lock_until(w, SLIP_FOREVER);
	}
	return rc;
}

/* Told of a death, and with the lock in hand. */
static void repair(struct worker *w)
{
	struct board *b = w->board;
	int rc;

	set(&b->delay_ns, slip_now_ns() - get(&b->shot_ns));
	/* own: under the lock */
	set(&b->told, get(&b->told) + 1);
	b->right = b->left;
	/* As slow as the owners are: to be killed here too. */
	for (uint64_t i = 8 * stress_short(&w->random); i; i--)
		slip_pause();
	rc = run.pi ? slip_pi_mutex_consistent(&w->pi)
		    : slip_robust_mutex_consistent(&w->robust);
	STRESS_CHECK(rc == 0, "consistent: %d", rc);
}

static void change(struct worker *w)
{
	struct board *b = w->board;

	STRESS_CHECK(b->left == b->right, "left %llu, right %llu, nobody told",
		     llu(b->left), llu(b->right));
	b->left++;
	for (uint64_t i = 8 * stress_short(&w->random); i; i--)
		slip_pause();
	/* The compiler must not make one store of two. */
	slip_fence_light();
	set(&b->worker[w->index].turns, get(&b->worker[w->index].turns) + 1);
	slip_fence_light();
	b->right++;
}

static void rounds(struct worker *w)
{
	while (!slip_a32_load_relaxed(&w->board->over)) { /* hint */
		int rc = lock(w);

		STRESS_CHECK(rc == 0 || (rc == -EOWNERDEAD && run.robust),
			     "lock: %d", rc);
		if (rc)
			repair(w);
		change(w);
		rc = unlock(w);
		STRESS_CHECK(rc == 0, "unlock: %d", rc);
		for (uint64_t i = stress_short(&w->random); i; i--)
			slip_pause();
	}
}

static int work(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;
	struct worker w = { .index = *(uint32_t *)arg, .random = run.random };
	int rc = elsewhere_adopt(&rg, slip_region_fd(&run.rg), run.places,
				 WORKERS, w.index);

	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	w.board = slip_region_find(&rg, "board", KIND, NULL);
	STRESS_CHECK(w.board, "no board");
	rc = slip_peer_join(&self, &rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	rc = slip_robust_mutex_attach(&w.robust, &w.board->robust, &self, 0);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	if (run.pi)
		rc = slip_pi_mutex_attach(&w.pi, &w.board->pi, &self);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	rounds(&w);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	return 0;
}

/* --- the controller ------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t turns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.workers; i++)
		sum += get(&run.board->worker[i].turns);
	return sum;
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(turns() + run.seed * 31);
	stress_sleep_ns(ns);
}

/* The run must get further, whatever happened. */
static void see_progress(void)
{
	uint64_t before = turns();

	while (turns() == before)
		idle(100000);
}

static void note_death(void)
{
	uint64_t told = get(&run.board->told);

	STRESS_CHECK(told - run.told <= 1, "one death was told %llu times",
		     llu(told - run.told));
	if (told != run.told && all.delay_count < DELAYS)
		all.delays[all.delay_count++] = get(&run.board->delay_ns);
	run.told = told;
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, run.workers);

	if (run.robust && !stress_pick_stop(&run.random)) {
		set(&run.board->shot_ns, slip_now_ns());
		stress_kill(run.pid[i]);
		run.kills++;
		start(i);
		see_progress();
		note_death();
		return;
	}
	stress_stop(run.pid[i]);
	all.stops++;
	/* Longer than slices, at times. */
	idle(stress_pick(&run.random, 20 * STRESS_MS));
	STRESS_CHECK(get(&run.board->told) == run.told,
		     "told of a death, and it is stopped");
	stress_continue(run.pid[i]);
	see_progress();
}

static void create(uint64_t seed)
{
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills = run.told = 0;
	run.robust = stress_options.kills && stress_pick(&run.random, 4);
	run.pi = run.robust && stress_pick(&run.random, 3) == 0;
	run.workers = 2 + (uint32_t)stress_pick(&run.random, WORKERS - 1);
	rc = slip_region_create(&run.rg, sizeof(*run.board),
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	rc = slip_robust_mutex_init(&run.board->robust,
				    stress_pick(&run.random, 2)
					    ? SLIP_EVENT_AUTO
					    : SLIP_EVENT_FULL);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_pi_mutex_init(&run.board->pi);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	/* stat */
	run.mode = slip_a32_load_relaxed(&run.board->robust.mode);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	run.running = true;
}

static uint64_t late(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.workers; i++)
		sum += get(&run.board->worker[i].late);
	return sum;
}

/* Nobody is at work, and nobody was killed since the last lock. */
static void account(uint64_t seed)
{
	const struct board *b = run.board;
	uint64_t sum = turns();

	STRESS_CHECK(b->left == b->right, "left %llu, right %llu at the end",
		     llu(b->left), llu(b->right));
	/* A turn that was begun, by one that was killed before it counted. */
	STRESS_CHECK(b->left >= sum && b->left - sum <= run.kills,
		     "left %llu, but %llu turns and %llu kills", llu(b->left),
		     llu(sum), llu(run.kills));
	STRESS_CHECK(get(&b->told) <= run.kills, "told %llu times of %llu",
		     llu(get(&b->told)), llu(run.kills));
	all.locks += sum;
	all.kills += run.kills;
	all.told += get(&b->told);
	all.late += late();
	stress_line(seed,
		    "%s, mode %u, %u workers: %llu locks, %llu kills, told of "
		    "%llu, %llu late",
		    name(), run.mode, run.workers, llu(sum), llu(run.kills),
		    llu(get(&b->told)), llu(late()));
}

static void one_run(uint64_t seed)
{
	create(seed);
	for (uint32_t i = 0; i < run.workers; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	slip_a32_store_relaxed(&run.board->over, 1); /* hint */
	for (uint32_t i = 0; i < run.workers; i++)
		stress_join(run.pid[i]);
	account(seed);
	run.running = false;
	slip_region_close(&run.rg);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median_us(void)
{
	qsort(all.delays, all.delay_count, sizeof(all.delays[0]), by_size);
	return all.delay_count ? all.delays[all.delay_count / 2] / 1000 : 0;
}

int main(int argc, char **argv)
{
	uint64_t median;

	stress_begin(argc, argv, "the mutexes between processes");
	stress_on_stuck(dump);
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	median = median_us();
	stress_row("mutex.all", "random-kills",
		   "locks=%llu kills=%llu stops=%llu told=%llu median_us=%llu",
		   llu(all.locks), llu(all.kills), llu(all.stops),
		   llu(all.told), llu(median));
	return stress_end("%llu locks, %llu kills, %llu stops, %llu late; told "
			  "of %llu deaths, after %llu us (median)",
			  llu(all.locks), llu(all.kills), llu(all.stops),
			  llu(all.late), llu(all.told), llu(median));
}
