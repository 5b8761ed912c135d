/* SPDX-License-Identifier: MIT */
/*
 * futex/cond.h between processes, mapped at different addresses: a bounded
 * queue under a mutex, full and empty by turns; signal and broadcast, with the
 * mutex in hand and without. Two kinds of runs:
 *
 *	stops	processes are stopped and continued, with either mutex; the
 *		deadlines of all sleeps are taken away at the door to the
 *		kernel, so one lost wake-up ends the run (watchdog)
 *	kills	processes are also killed and replaced, with a robust mutex:
 *		who waits is told of the death or gets on after a slice; every
 *		unit is taken once
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK cond_stress_sys

#include "futex/cond.h"

#include "futex/region.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define SIDE_MAX     3
#define WORKERS	     (2 * SIDE_MAX)
#define DISTURBANCES 20
#define KIND	     0x5354u
#define ROOM	     2
#define WAIT_BITSET  9

/* The object that all share. */
struct board {
	struct slip_mutex plain;
	struct slip_robust_mutex_shared lock;
	struct slip_cond some; /* to take */
	struct slip_cond room;
	slip_a32 finish; /* makers shall end */
	slip_a32 over;	 /* takers too */
	/* The mutex protects them; the words are for the eyes of others. */
	uint64_t slot[ROOM];
	slip_a64 made, taken;
	slip_a64 turns[WORKERS];
	slip_a64 waits[WORKERS];
	slip_a64 told[WORKERS]; /* of a dead owner */
};

struct worker {
	uint32_t index;
	struct board *board;
	uint64_t random;
	struct slip_peer self;
	struct slip_robust_mutex mutex;
};

static struct {
	uint64_t seed;
	uint64_t random;
	bool robust;
	bool all;    /* broadcast, else signal */
	bool inside; /* tells with the mutex in hand */
	bool kills;
	uint32_t makers;
	uint32_t takers;
	struct slip_region rg;
	struct board *board;
	slip_a64 *places; /* where each worker has the region */
	pid_t pid[WORKERS];
	uint64_t killed;
	bool running;
} run;

static struct {
	uint64_t units;
	uint64_t kills;
	uint64_t stops;
	uint64_t waits;
	uint64_t told;
} all;

long cond_stress_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_futex && (b & 127) == WAIT_BITSET && !run.kills)
		d = 0;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static uint64_t get(const slip_a64 *word)
{
	/* own: under the mutex; stat for the others */
	return slip_a64_load_relaxed(word);
}

static void count(slip_a64 *word)
{
	/* own: as above, or of one process at a time */
	slip_a64_store_relaxed(word, get(word) + 1);
}

static void dump(void)
{
	struct board *b = run.board;

	if (!run.running)
		return;
	stress_say("%s mutex %#llx, %s %s, %s: %u makers, %u takers; made "
		   "%llu, taken %llu; events %#x %#x",
		   run.robust ? "robust" : "plain",
		   (unsigned long long)get(&b->lock.word),
		   run.all ? "broadcast" : "signal",
		   run.inside ? "inside" : "outside",
		   run.kills ? "kills" : "stops", run.makers, run.takers,
		   (unsigned long long)get(&b->made),
		   (unsigned long long)get(&b->taken),
		   slip_a32_load_relaxed(&b->some.event.word),
		   slip_a32_load_relaxed(&b->room.event.word));
}

/* --- what a process does --------------------------------------------------- */

/* Units are made and taken in one store: what a dead owner left is whole. */
static void heard(struct worker *w, int rc)
{
	if (rc == -EOWNERDEAD) {
		STRESS_CHECK(run.kills, "told of a death, and nobody died");
		count(&w->board->told[w->index]);
		rc = slip_robust_mutex_consistent(&w->mutex);
	}
	STRESS_CHECK(rc == 0, "the mutex says %d", rc);
}

static void lock(struct worker *w)
{
	heard(w, run.robust ? slip_robust_mutex_lock(&w->mutex)
			    : slip_mutex_lock(&w->board->plain));
}

static void unlock(struct worker *w)
{
	int rc = run.robust ? slip_robust_mutex_unlock(&w->mutex)
			    : slip_mutex_unlock(&w->board->plain);

	STRESS_CHECK(rc == 0, "unlock: %d", rc);
}

static void wait_for(struct worker *w, struct slip_cond *c)
{
	count(&w->board->waits[w->index]);
	heard(w, run.robust ? slip_cond_wait_robust(c, &w->mutex)
			    : slip_cond_wait(c, &w->board->plain));
}

static void tell(struct worker *w, struct slip_cond *c)
{
	if (!run.all)
		slip_cond_signal(c);
	else if (run.robust)
		slip_cond_broadcast_robust(c, &w->mutex);
	else
		slip_cond_broadcast(c, &w->board->plain);
}

/* Gives the mutex back and tells of what was done, in either order. */
static void done(struct worker *w, struct slip_cond *c)
{
	if (run.inside)
		tell(w, c);
	unlock(w);
	if (!run.inside)
		tell(w, c);
	count(&w->board->turns[w->index]);
	for (uint64_t i = stress_short(&w->random); i; i--)
		slip_pause();
}

static int make(struct worker *w)
{
	struct board *b = w->board;

	for (;;) {
		lock(w);
		while (get(&b->made) - get(&b->taken) == ROOM)
			wait_for(w, &b->room);
		if (slip_a32_load_relaxed(&b->finish)) { /* hint */
			done(w, &b->room);
			return 0;
		}
		b->slot[get(&b->made) % ROOM] = get(&b->made) * 3 + 1;
		count(&b->made);
		done(w, &b->some);
	}
}

static int take(struct worker *w)
{
	struct board *b = w->board;
	uint64_t n;

	for (;;) {
		lock(w);
		while (get(&b->made) == get(&b->taken) &&
		       !slip_a32_load_relaxed(&b->over)) /* hint */
			wait_for(w, &b->some);
		n = get(&b->taken);
		if (get(&b->made) == n) {
			done(w, &b->some);
			return 0;
		}
		STRESS_CHECK(b->slot[n % ROOM] == n * 3 + 1,
			     "unit %llu is %llu", (unsigned long long)n,
			     (unsigned long long)b->slot[n % ROOM]);
		count(&b->taken);
		done(w, &b->room);
	}
}

static int work(void *arg)
{
	static struct slip_region rg;
	static struct worker w;
	int rc;

	w.index = *(uint32_t *)arg;
	rc = elsewhere_adopt(&rg, slip_region_fd(&run.rg), run.places, WORKERS,
			     w.index);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	w.board = slip_region_find(&rg, "board", KIND, NULL);
	STRESS_CHECK(w.board, "no board");
	rc = slip_peer_join(&w.self, &rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	rc = slip_robust_mutex_attach(&w.mutex, &w.board->lock, &w.self, 0);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	w.random = run.random;
	rc = w.index < run.makers ? make(&w) : take(&w);
	slip_peer_leave(&w.self);
	slip_region_close(&rg);
	return rc;
}

/* --- the controller ------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t sum(const slip_a64 *words)
{
	uint64_t total = 0;

	for (size_t i = 0; i < WORKERS; i++)
		total += get(&words[i]);
	return total;
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(get(&run.board->made) + get(&run.board->taken) +
		     run.seed * 31);
	stress_sleep_ns(ns);
}

/* The run must get further, whatever happened. */
static void see_progress(void)
{
	uint64_t before = get(&run.board->taken);

	while (get(&run.board->taken) == before)
		idle(100000);
}

static void disturb(void)
{
	uint32_t n = run.makers + run.takers;
	uint32_t i = (uint32_t)stress_pick(&run.random, n);

	if (run.kills && !stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.killed++;
		start(i);
	} else {
		stress_stop(run.pid[i]);
		all.stops++;
		idle(stress_pick(&run.random, 2 * STRESS_MS));
		stress_continue(run.pid[i]);
	}
	see_progress();
}

static void create(uint64_t seed)
{
	unsigned mode;
	int rc;

	run.seed = seed;
	run.random = seed;
	run.killed = 0;
	run.kills = stress_options.kills &&
		    (!stress_options.stops || stress_pick(&run.random, 2));
	run.robust = stress_pick(&run.random, 2) || run.kills;
	run.all = stress_pick(&run.random, 2);
	run.inside = stress_pick(&run.random, 2);
	mode = stress_pick(&run.random, 2) ? SLIP_EVENT_AUTO : SLIP_EVENT_FULL;
	run.makers = 1 + (uint32_t)stress_pick(&run.random, SIDE_MAX);
	run.takers = 1 + (uint32_t)stress_pick(&run.random, SIDE_MAX);
	rc = slip_region_create(&run.rg, sizeof(*run.board),
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(64));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	rc = slip_robust_mutex_init(&run.board->lock, mode);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	run.running = true;
}

/* As one who has no part in it, and so is never taken for dead. */
static void tell_all(struct slip_cond *c)
{
	struct slip_robust_mutex m;

	STRESS_CHECK(!slip_robust_mutex_attach(&m, &run.board->lock, NULL, 0),
		     "attach");
	STRESS_CHECK(!(run.robust ? slip_robust_mutex_lock(&m)
				  : slip_mutex_lock(&run.board->plain)),
		     "lock");
	if (run.robust)
		slip_cond_broadcast_robust(c, &m);
	else
		slip_cond_broadcast(c, &run.board->plain);
	STRESS_CHECK(!(run.robust ? slip_robust_mutex_unlock(&m)
				  : slip_mutex_unlock(&run.board->plain)),
		     "unlock");
}

static void end(void)
{
	struct board *b = run.board;

	slip_a32_store_relaxed(&b->finish, 1); /* hint */
	tell_all(&b->room);
	for (uint32_t i = 0; i < run.makers; i++)
		stress_join(run.pid[i]);
	slip_a32_store_relaxed(&b->over, 1); /* hint */
	tell_all(&b->some);
	for (uint32_t i = run.makers; i < run.makers + run.takers; i++)
		stress_join(run.pid[i]);
	STRESS_CHECK(get(&b->made) == get(&b->taken), "made %llu, taken %llu",
		     (unsigned long long)get(&b->made),
		     (unsigned long long)get(&b->taken));
}

static void one_run(uint64_t seed)
{
	struct board *b;

	create(seed);
	b = run.board;
	for (uint32_t i = 0; i < run.makers + run.takers; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	end();
	all.units += get(&b->taken);
	all.kills += run.killed;
	all.waits += sum(b->waits);
	all.told += sum(b->told);
	stress_line(seed,
		    "%s mutex, %s %s, %s, %u makers, %u takers: %llu units, "
		    "%llu waits, %llu kills, %llu told",
		    run.robust ? "robust" : "plain",
		    run.all ? "broadcast" : "signal",
		    run.inside ? "inside" : "outside",
		    run.kills ? "kills" : "stops", run.makers, run.takers,
		    (unsigned long long)get(&b->taken),
		    (unsigned long long)sum(b->waits),
		    (unsigned long long)run.killed,
		    (unsigned long long)sum(b->told));
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/cond.h between processes");
	stress_on_stuck(dump);
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("cond.all", "random-kills",
		   "units=%llu waits=%llu kills=%llu stops=%llu told=%llu",
		   (unsigned long long)all.units, (unsigned long long)all.waits,
		   (unsigned long long)all.kills, (unsigned long long)all.stops,
		   (unsigned long long)all.told);
	return stress_end(
		"%llu units, %llu waits, %llu kills, %llu stops, %llu told",
		(unsigned long long)all.units, (unsigned long long)all.waits,
		(unsigned long long)all.kills, (unsigned long long)all.stops,
		(unsigned long long)all.told);
}
