/* SPDX-License-Identifier: MIT */
/*
 * The reader-writer lock between processes, mapped at different addresses, which
 * are killed and stopped, most often with the lock in hand. Two plain words are
 * equal for whoever reads; a writer that dies in the middle leaves it to the
 * next to make them so, who must have been told. Nobody is told more often than
 * somebody was killed, and every seat can be had in the end.
 */
#define _GNU_SOURCE
#include "futex/rwlock.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define WORKERS	     4
#define SEATS	     6
#define PEERS	     16
#define DISTURBANCES 20
#define KIND	     0x5257u
#define LOCK_BYTES   (128 + SEATS * SLIP_RWLOCK_SEAT_BYTES)

/* The object that all share, behind the lock. */
struct board {
	_Alignas(128) char lock[LOCK_BYTES];
	uint64_t left, right; /* under the lock */
	slip_a64 told;	      /* of deaths, */
	slip_a32 over;
	unsigned char pad[SLIP_APART_BYTES];
	/* Each written by one process at a time. */
	struct {
		slip_a64 reads;
		slip_a64 writes;
		slip_a64 late;
		unsigned char pad[SLIP_APART_BYTES - 24];
	} worker[WORKERS];
};

struct worker {
	uint32_t index;
	struct board *board;
	struct slip_rwlock lock;
	uint64_t random;
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint64_t writers; /* one in so many turns */
	uint32_t workers;
	struct slip_region rg;
	struct board *board;
	slip_a64 *places; /* where each worker has the region */
	pid_t pid[WORKERS];
	uint64_t kills;
	bool running;
} run;

static struct {
	uint64_t reads, writes, kills, stops, told, late;
} all;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void add(slip_a64 *word)
{
	slip_a64_store_relaxed(word, get(word) + 1); /* stat, or own */
}

static uint64_t sum(size_t which)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < WORKERS; i++)
		n += get(&run.board->worker[i].reads + which);
	return n;
}

static void dump(void)
{
	const void *at = run.running ? run.board->lock : NULL;
	const struct slip_rwlock_shared *l = at;

	if (!l)
		return;
	stress_say("%u workers: writer %#llx, events %#x %#x", run.workers,
		   llu(get(&l->writer)),
		   slip_a32_load_relaxed(&l->ev_free.word),
		   slip_a32_load_relaxed(&l->ev_gone.word));
	for (uint32_t i = 0; i < run.workers; i++)
		stress_say("worker %d: %llu reads, %llu writes", run.pid[i],
			   llu(get(&run.board->worker[i].reads)),
			   llu(get(&run.board->worker[i].writes)));
}

/* --- workers -------------------------------------------------------------- */

static void linger(struct worker *w)
{
	for (uint64_t i = 8 * stress_short(&w->random); i; i--)
		slip_pause();
}

/* By one of three forms; -EOWNERDEAD, or it has the lock. */
static int lock(struct worker *w,
		int (*until)(struct slip_rwlock *l, uint64_t deadline_ns))
{
	uint64_t how = stress_pick(&w->random, 8);
	uint64_t now = how ? slip_after_ns(stress_pick(&w->random, 50000)) : 0;
	int rc = how < 2 ? until(&w->lock, now) : -ETIMEDOUT;

	if (rc == -ETIMEDOUT) {
		if (how < 2)
			add(&w->board->worker[w->index].late);
		rc = until(&w->lock, SLIP_FOREVER);
	}
	STRESS_CHECK(rc == 0 || rc == -EOWNERDEAD, "lock: %d", rc);
	return rc;
}

static int read_until(struct slip_rwlock *l, uint64_t deadline_ns)
{
	return slip_rwlock_read_lock_until(l, deadline_ns);
}

static void check(const struct board *b)
{
	STRESS_CHECK(b->left == b->right, "left %llu, right %llu, nobody told",
		     llu(b->left), llu(b->right));
}

static void write_one(struct worker *w)
{
	struct board *b = w->board;
	int rc = lock(w, slip_rwlock_write_lock_until);

	if (rc) {
		add(&b->told);
		b->right = b->left;
		linger(w);
		rc = slip_rwlock_consistent(&w->lock);
		STRESS_CHECK(rc == 0, "consistent: %d", rc);
	}
	check(b);
	b->left++;
	linger(w);
	/* The compiler must not make one store of two. */
	slip_fence_light();
	add(&b->worker[w->index].writes);
	slip_fence_light();
	b->right++;
	rc = slip_rwlock_write_unlock(&w->lock);
	STRESS_CHECK(rc == 0, "write_unlock: %d", rc);
}

static void read_one(struct worker *w)
{
	int rc = lock(w, read_until);

	if (rc) { /* not ours: somebody must write */
		write_one(w);
		return;
	}
	check(w->board);
	linger(w);
	check(w->board);
	add(&w->board->worker[w->index].reads);
	rc = slip_rwlock_read_unlock(&w->lock);
	STRESS_CHECK(rc == 0, "read_unlock: %d", rc);
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
	rc = slip_rwlock_attach(&w.lock, w.board->lock, LOCK_BYTES, &self);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	while (!slip_a32_load_relaxed(&w.board->over)) { /* hint */
		if (stress_pick(&w.random, run.writers))
			read_one(&w);
		else
			write_one(&w);
		for (uint64_t i = stress_short(&w.random); i; i--)
			slip_pause();
	}
	rc = slip_rwlock_detach(&w.lock);
	STRESS_CHECK(rc == 0, "detach: %d", rc);
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
	return sum(0) + sum(1);
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

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, run.workers);
	uint64_t told;

	if (stress_options.kills && !stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		start(i);
		see_progress();
		return;
	}
	see_progress();
	told = get(&run.board->told);
	stress_stop(run.pid[i]);
	all.stops++;
	/* Longer than slices, at times. */
	idle(stress_pick(&run.random, 20 * STRESS_MS));
	stress_continue(run.pid[i]);
	see_progress();
	told = get(&run.board->told) - told;
	STRESS_CHECK(told <= run.kills, "told of a death, and it was stopped");
}

static void create(uint64_t seed)
{
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills = 0;
	run.workers = 2 + (uint32_t)stress_pick(&run.random, WORKERS - 1);
	run.writers = 1 + stress_short(&run.random);
	rc = slip_region_create(&run.rg, sizeof(*run.board),
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	rc = slip_rwlock_init(run.board->lock, LOCK_BYTES, SEATS,
			      stress_pick(&run.random, 2) ? SLIP_EVENT_AUTO
							  : SLIP_EVENT_RMW);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	run.running = true;
}

/* Nobody is at work: the last ones left in order. */
static void account(uint64_t seed)
{
	const struct board *b = run.board;
	struct slip_rwlock l[SEATS];
	struct slip_peer self;
	uint64_t writes = sum(1);

	STRESS_CHECK(!slip_peer_join(&self, &run.rg), "join");
	for (int i = 0; i < SEATS; i++)
		STRESS_CHECK(!slip_rwlock_attach(&l[i], run.board->lock,
						 LOCK_BYTES, &self),
			     "seat %d", i);
	slip_peer_leave(&self);
	/* A write that was begun, by one that was killed before it counted. */
	STRESS_CHECK(b->left >= writes && b->left - writes <= run.kills,
		     "left %llu, but %llu writes and %llu kills", llu(b->left),
		     llu(writes), llu(run.kills));
	STRESS_CHECK(get(&b->told) <= run.kills, "told %llu times of %llu",
		     llu(get(&b->told)), llu(run.kills));
	all.reads += sum(0);
	all.writes += writes;
	all.late += sum(2);
	all.kills += run.kills;
	all.told += get(&b->told);
	stress_line(seed,
		    "%u workers: %llu reads, %llu writes, %llu kills, "
		    "told of %llu",
		    run.workers, llu(sum(0)), llu(writes), llu(run.kills),
		    llu(get(&b->told)));
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

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "the reader-writer lock between processes");
	stress_on_stuck(dump);
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("rwlock.all", "random-kills",
		   "reads=%llu writes=%llu kills=%llu stops=%llu told=%llu",
		   llu(all.reads), llu(all.writes), llu(all.kills),
		   llu(all.stops), llu(all.told));
	return stress_end("%llu reads, %llu writes, %llu kills, %llu stops, "
			  "%llu late; told of %llu deaths",
			  llu(all.reads), llu(all.writes), llu(all.kills),
			  llu(all.stops), llu(all.late), llu(all.told));
}
