/* SPDX-License-Identifier: MIT */
/*
 * futex/robust_sem.h between processes, mapped at different addresses, which
 * are killed and replaced, and stopped. Each takes one to three units, keeps
 * them for a while, gives some back, posts new ones in some runs, and leaves
 * its seat at times with units in hand. In the end everybody is gone, and there are
 * as many units as were made: the first ones and those posted, of which only a
 * killed poster's last one is uncertain.
 */
#define _GNU_SOURCE
#include "futex/robust_sem.h"

#include <sched.h>

#include "stress/elsewhere.h"
#include "stress/program.h"

#define WORKERS	     5u
#define SEATS	     (WORKERS + 1) /* and the controller's */
#define PEERS	     16u
#define BYTES	     (64 * (SEATS + 1))
#define UNITS	     6u /* so that one that is stopped leaves three */
#define AT_MOST	     3u
#define DISTURBANCES 40

/* Written by a worker, read by the controller. */
struct diary {
	slip_a64 turns;
	slip_a64 begun; /* posts */
	slip_a64 done;
	unsigned char pad[SLIP_APART_BYTES - 24];
};

static struct {
	uint64_t seed;
	uint64_t random;
	bool posts;
	struct slip_region rg;
	struct slip_peer self;
	struct slip_robust_sem sem;
	struct diary *diaries;
	slip_a64 *over;
	slip_a64 *places;
	pid_t pid[WORKERS];
	uint64_t kills;
	uint64_t lost; /* posts begun by killed workers, and not done */
	bool running;
} run;

static struct {
	uint64_t turns;
	uint64_t posts;
	uint64_t kills;
	uint64_t stops;
} all;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void count(slip_a64 *word)
{
	slip_a64_store_relaxed(word, get(word) + 1); /* stat, or own */
}

/* Of one field, in the diaries of all. */
static uint64_t sum(const slip_a64 *first)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < WORKERS; i++)
		total += get(first + i * sizeof(struct diary) / 8);
	return total;
}

#define SUM(field) sum(&run.diaries[0].field)

static void dump(void)
{
	if (!run.running)
		return;
	stress_say("word %#llx, event %#x", llu(get(&run.sem.shared->word)),
		   slip_a32_load_relaxed(&run.sem.shared->event.word));
	for (uint32_t s = 1; s <= SEATS; s++) {
		struct slip_robust_sem_seat *seat =
			slip_robust_sem_seat_(run.sem.shared, s);

		stress_say("seat %u: who %#llx, notes %#llx %#llx", s,
			   llu(get(&seat->who)), llu(get(&seat->notes[0])),
			   llu(get(&seat->notes[1])));
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_say("worker %d: turns %llu", run.pid[i],
			   llu(get(&run.diaries[i].turns)));
}

/* --- workers --------------------------------------------------------------- */

static void keep(uint64_t *random)
{
	for (uint64_t i = stress_short(random); i; i--)
		slip_pause();
	if (stress_pick(random, 16) == 0)
		sched_yield();
}

static void post(struct slip_robust_sem *h, struct diary *d)
{
	int rc;

	count(&d->begun);
	rc = slip_robust_sem_post(h, 1);
	STRESS_CHECK(rc == 0, "post: %d", rc);
	count(&d->done);
}

static void turn(struct slip_robust_sem *h, struct diary *d, uint64_t *random)
{
	uint32_t n = 1 + (uint32_t)stress_pick(random, AT_MOST);
	uint32_t back;
	int rc = slip_robust_sem_acquire(h, n);

	STRESS_CHECK(rc == 0, "acquire: %d", rc);
	STRESS_CHECK(slip_robust_sem_held(h) == n, "%u in hand",
		     slip_robust_sem_held(h));
	keep(random);
	if (run.posts && stress_pick(random, 64) == 0)
		post(h, d);
	back = (uint32_t)stress_pick(random, n + 1);
	rc = slip_robust_sem_release(h, back);
	rc = rc ? rc : slip_robust_sem_release(h, n - back);
	STRESS_CHECK(rc == 0, "release: %d", rc);
	count(&d->turns);
}

/* A stay in a seat, which may end with units in hand. */
static void stay(struct slip_region *rg, void *mem, struct diary *d,
		 uint64_t *random)
{
	static struct slip_peer self;
	static struct slip_robust_sem h;
	int rc;

	/* With the hook: the table may be full of dead ones. */
	slip_peer_prepare(&self, rg);
	rc = slip_peer_hook(&self, SLIP_KIND_ROBUST_SEM,
			    slip_robust_sem_recover_);
	rc = rc ? rc : slip_peer_enter(&self);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	rc = slip_robust_sem_attach(&h, mem, BYTES, &self);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	for (uint64_t n = stress_pick(random, 400); n && !get(run.over); n--)
		turn(&h, d, random);
	rc = slip_robust_sem_acquire_try(&h, 1);
	STRESS_CHECK(rc == 0 || rc == -EAGAIN, "try: %d", rc);
	if (stress_pick(random, 2)) {
		rc = slip_robust_sem_detach(&h);
		STRESS_CHECK(rc == 0, "detach: %d", rc);
	}
	slip_peer_leave(&self);
}

static int work(void *arg)
{
	static struct slip_region rg;
	uint32_t index = *(uint32_t *)arg;
	uint64_t random = run.random;
	void *mem;
	int rc = elsewhere_adopt(&rg, slip_region_fd(&run.rg), run.places,
				 WORKERS, index);

	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	mem = slip_region_find(&rg, "sem", SLIP_KIND_ROBUST_SEM, NULL);
	STRESS_CHECK(mem, "no semaphore");
	while (!get(run.over))
		stay(&rg, mem, &run.diaries[index], &random);
	slip_region_close(&rg);
	return 0;
}

/* --- the controller -------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static void idle(uint64_t ns)
{
	uint32_t value = slip_robust_sem_value(&run.sem);

	STRESS_CHECK(value <= UNITS + SUM(begun), "%u units", value);
	stress_all_at_work();
	stress_pulse(SUM(turns) + run.seed * 31);
	stress_sleep_ns(ns);
}

static void see_progress(void)
{
	uint64_t before = SUM(turns);

	while (SUM(turns) == before)
		idle(100000);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, WORKERS);
	struct diary *d = &run.diaries[i];

	if (!stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		run.lost += get(&d->begun) - get(&d->done);
		slip_a64_store_relaxed(&d->done, get(&d->begun)); /* own */
		start(i);
	} else {
		stress_stop(run.pid[i]);
		all.stops++;
		see_progress();
		stress_continue(run.pid[i]);
	}
	see_progress();
}

static void create(uint64_t seed)
{
	void *mem;
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills = run.lost = 0;
	run.posts = stress_pick(&run.random, 2);
	rc = slip_region_create(&run.rg, BYTES,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	mem = slip_region_add(&run.rg, "sem", SLIP_KIND_ROBUST_SEM, BYTES);
	STRESS_CHECK(mem, "no room");
	rc = slip_robust_sem_init(mem, BYTES, SEATS, UNITS);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	rc = rc ? rc : slip_peer_join(&run.self, &run.rg);
	rc = rc ? rc : slip_robust_sem_attach(&run.sem, mem, BYTES, &run.self);
	STRESS_CHECK(rc == 0, "publish, join, attach: %d", rc);
	memset(run.diaries, 0, sizeof(*run.diaries) * WORKERS);
	slip_a64_store_relaxed(run.over, 0); /* init */
	run.running = true;
}

/* Everybody is gone. */
static void account(void)
{
	int rc = slip_robust_sem_recover(&run.sem);
	uint32_t most = UNITS + (uint32_t)SUM(done);
	uint32_t least = most - (uint32_t)run.lost;
	uint32_t value = slip_robust_sem_value(&run.sem);

	STRESS_CHECK(rc == 0, "recover: %d", rc);
	rc = slip_peer_recover(&run.self);
	STRESS_CHECK(rc >= 0, "recover: %d", rc);
	STRESS_CHECK(least <= value && value <= most, "%u units, not %u to %u",
		     value, least, most);
	STRESS_CHECK(slip_robust_sem_value(&run.sem) == value,
		     "given back twice");
	rc = slip_robust_sem_acquire_try(&run.sem, value);
	STRESS_CHECK(rc == 0, "they cannot be had: %d", rc);
	rc = slip_robust_sem_detach(&run.sem);
	STRESS_CHECK(rc == 0, "detach: %d", rc);
	for (uint32_t s = 1; s <= SEATS; s++)
		STRESS_CHECK(
			!get(&slip_robust_sem_seat_(run.sem.shared, s)->who),
			"seat %u is not free", s);
	slip_peer_leave(&run.self);
}

static void one_run(uint64_t seed)
{
	create(seed);
	for (uint32_t i = 0; i < WORKERS; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	slip_a64_store_relaxed(run.over, 1); /* hint: the workers look */
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_join(run.pid[i]);
	account();
	all.turns += SUM(turns);
	all.posts += SUM(done);
	all.kills += run.kills;
	stress_line(seed, "%s: %llu turns, %llu posts, %llu kills",
		    run.posts ? "with posts" : "without", llu(SUM(turns)),
		    llu(SUM(done)), llu(run.kills));
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/robust_sem.h between processes");
	stress_on_stuck(dump);
	run.diaries = stress_shared(sizeof(*run.diaries) * WORKERS);
	run.over = stress_shared(sizeof(*run.over));
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("robust_sem.all", "random-kills",
		   "turns=%llu posts=%llu kills=%llu stops=%llu",
		   llu(all.turns), llu(all.posts), llu(all.kills),
		   llu(all.stops));
	return stress_end("%llu turns, %llu posts, %llu kills, %llu stops",
			  llu(all.turns), llu(all.posts), llu(all.kills),
			  llu(all.stops));
}
