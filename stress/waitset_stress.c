/* SPDX-License-Identifier: MIT */
/*
 * futex/waitset.h between processes, mapped at different addresses, which are
 * killed, replaced and stopped: producers with a ring each, who post a unit for
 * each element; and one who waits for all rings, the units and, while a ring has
 * no producer, for a word that its next one changes. No sleep has a deadline.
 *
 * What must hold: element after element comes, in order; of one that a killed
 * producer had begun, all or nothing; of one that a killed waiter had begun, once
 * or twice; in the end all that was committed has been seen, and each kill has
 * cost or given at most one unit.
 */
#define _GNU_SOURCE
#include "ring/sources.h"

#include <sched.h>

#include "stress/elsewhere.h"
#include "stress/program.h"

#define RINGS	     3
#define WORKERS	     (RINGS + 1) /* the last one waits */
#define DISTURBANCES 15
#define BYTES	     8192
#define KIND	     0x5353u

struct board {
	struct slip_sem units;
	slip_a32 finish;
	slip_a32 comers[RINGS]; /* how often a producer came */
	slip_a32 done[RINGS];	/* the last of them has come to its end */
	slip_a64 begun[RINGS];	/* the last element, committed or not */
	slip_a64 sent[RINGS];	/* the last one whose push returned */
	slip_a64 missing[RINGS];
	slip_a64 seen[RINGS]; /* the last one that was served */
	slip_a64 units_taken;
	slip_a64 waits;
};

struct worker {
	uint32_t index;
	struct slip_region rg;
	struct slip_peer self;
	struct board *board;
	uint64_t random;
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint32_t rings;
	struct slip_region rg;
	struct board *board;
	slip_a64 *places;
	pid_t pid[WORKERS];
	uint64_t killed;
	bool running;
} run;

static struct {
	uint64_t elements;
	uint64_t waits;
	uint64_t kills;
	uint64_t stops;
} all;

static const char *const names[RINGS] = { "ring 0", "ring 1", "ring 2" };

static uint64_t load(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void dump(void)
{
	if (!run.running)
		return;
	stress_say("units %u, taken %llu, waits %llu",
		   slip_sem_value(&run.board->units),
		   (unsigned long long)load(&run.board->units_taken),
		   (unsigned long long)load(&run.board->waits));
	for (uint32_t i = 0; i < run.rings; i++)
		stress_say("ring %u: begun %llu, seen %llu", i,
			   (unsigned long long)load(&run.board->begun[i]),
			   (unsigned long long)load(&run.board->seen[i]));
}

static void *ring(struct worker *w, uint32_t i)
{
	void *mem = slip_region_find(&w->rg, names[i], SLIP_KIND_SPSC, NULL);

	STRESS_CHECK(mem, "no ring");
	return mem;
}

/* --- producers --------------------------------------------------------------- */

static bool finishing(const struct worker *w)
{
	return slip_a32_load_relaxed(&w->board->finish); /* hint */
}

static void produce_one(struct worker *w, struct slip_spsc_producer *p)
{
	slip_a64 *begun = &w->board->begun[w->index];
	uint64_t x = load(begun) + 1; /* own: a predecessor is dead */
	int rc;

	slip_a64_store_relaxed(begun, x); /* own */
	rc = slip_spsc_push_until(p, &x, SLIP_FOREVER);
	while (rc == -EPIPE) { /* the waiter was killed: there is another */
		rc = slip_spsc_wait_consumer_until(p, SLIP_FOREVER);
		STRESS_CHECK(rc == 0, "wait for a consumer: %d", rc);
		rc = slip_spsc_push_until(p, &x, SLIP_FOREVER);
	}
	STRESS_CHECK(rc == 0, "push: %d", rc);
	slip_a64_store_relaxed(&w->board->sent[w->index], x); /* own */
	rc = slip_sem_post(&w->board->units, 1);
	STRESS_CHECK(rc == 0, "post: %d", rc);
}

static int produce(struct worker *w)
{
	struct slip_spsc_producer p;
	slip_a32 *comers = &w->board->comers[w->index];
	int rc;

	/* The one before may count as alive for a moment. */
	while ((rc = slip_spsc_attach_producer(&p, ring(w, w->index), BYTES,
					       &w->self)) == -EBUSY)
		(void)sched_yield();
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	slip_word_change(comers, slip_a32_load_relaxed(comers) + 1, /* own */
			 SLIP_SHARED);
	while (!finishing(w)) {
		for (uint64_t n = 1 + stress_pick(&w->random, 4); n; n--)
			produce_one(w, &p);
		for (uint64_t n = stress_short(&w->random); n; n--)
			slip_pause();
	}
	/* hint: goes with the end of the role */
	slip_a32_store_relaxed(&w->board->done[w->index], 1);
	slip_spsc_close(&p);
	return 0;
}

/* --- who waits --------------------------------------------------------------- */

struct server {
	struct worker *w;
	struct slip_waitset set;
	struct slip_source s[RINGS + 1];
	struct slip_spsc_consumer c[RINGS];
	uint32_t
		comers[RINGS]; /* as last seen, before the ring was looked at */
	bool ended[RINGS];
};

/* At least once: seen is stored before the release. */
static void pop_all(struct server *v, uint32_t i)
{
	slip_a64 *seen = &v->w->board->seen[i];
	slip_a64 *missing = &v->w->board->missing[i];
	const uint64_t *x;

	while ((x = (const uint64_t *)slip_spsc_peek(&v->c[i])) != NULL) {
		uint64_t last = load(seen); /* own: the one before is dead */

		STRESS_CHECK(*x >= last, "ring %u: %llu after %llu", i,
			     (unsigned long long)*x, (unsigned long long)last);
		if (*x > last + 1) /* begun by one that was killed */
			slip_a64_store_relaxed(missing, load(missing) + *x -
								last -
								1); /* own */
		slip_a64_store_relaxed(seen, *x);		    /* own */
		slip_spsc_release(&v->c[i]);
	}
}

/* Wait for the ring, from now on. What came before comes first. */
static void watch_ring(struct server *v, uint32_t i)
{
	v->comers[i] = slip_a32_load_acquire(&v->w->board->comers[i]);
	slip_spsc_pop_source(&v->s[i], &v->c[i]);
}

/* Its producer is gone: wait for the next one, unless there is none. */
static void ring_is_over(struct server *v, uint32_t i)
{
	if (slip_a32_load_relaxed(&v->w->board->done[i])) { /* hint */
		v->ended[i] = true;
		slip_waitset_drop(&v->set, i);
		return;
	}
	slip_word_source(&v->s[i], &v->w->board->comers[i], v->comers[i],
			 SLIP_SHARED);
}

static void serve(struct server *v, uint32_t i)
{
	struct board *b = v->w->board;

	if (i == run.rings) {
		while (slip_sem_acquire_try(&b->units, 1) == 0)
			slip_a64_store_relaxed(&b->units_taken, /* own */
					       load(&b->units_taken) + 1);
		return;
	}
	if (v->s[i].event) { /* the ring itself */
		STRESS_CHECK(v->s[i].now == 1 || v->s[i].now == -EPIPE,
			     "ring %u says %d", i, v->s[i].now);
		pop_all(v, i);
		if (v->s[i].now == -EPIPE)
			ring_is_over(v, i);
		return;
	}
	if (v->s[i].word == &b->comers[i])
		watch_ring(v, i);
}

static bool all_ended(const struct server *v)
{
	for (uint32_t i = 0; i < run.rings; i++)
		if (!v->ended[i])
			return false;
	return true;
}

static void begin(struct server *v)
{
	int rc;

	for (uint32_t i = 0; i < run.rings; i++) {
		while ((rc = slip_spsc_attach_consumer(&v->c[i], ring(v->w, i),
						       BYTES, &v->w->self)) ==
		       -EBUSY)
			(void)sched_yield();
		STRESS_CHECK(rc == 0, "attach: %d", rc);
		watch_ring(v, i);
	}
	slip_sem_source(&v->s[run.rings], &v->w->board->units, 1);
	rc = slip_waitset_init(&v->set, v->s, run.rings + 1);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	if (stress_pick(&v->w->random, 2))
		v->set.spin.skip = UINT32_MAX; /* sleep at once */
}

static int wait_for_all(struct worker *w)
{
	static struct server v;
	int rc;

	v.w = w;
	begin(&v);
	while (!all_ended(&v)) {
		rc = slip_waitset_wait(&v.set, SLIP_FOREVER);
		STRESS_CHECK(rc > 0, "wait: %d", rc);
		slip_a64_store_relaxed(&w->board->waits, /* own */
				       load(&w->board->waits) + 1);
		for (uint32_t i = 0; i <= run.rings; i++)
			if (v.s[i].now)
				serve(&v, i);
	}
	return 0;
}

static int work(void *arg)
{
	static struct worker w;
	int rc;

	w.index = *(uint32_t *)arg;
	w.random = run.random;
	rc = elsewhere_adopt(&w.rg, slip_region_fd(&run.rg), run.places,
			     WORKERS, w.index);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	w.board = slip_region_find(&w.rg, "board", KIND, NULL);
	STRESS_CHECK(w.board, "no board");
	rc = slip_peer_join(&w.self, &w.rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	rc = w.index < RINGS ? produce(&w) : wait_for_all(&w);
	slip_peer_leave(&w.self);
	slip_region_close(&w.rg);
	return rc;
}

/* --- the controller ---------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t seen(void)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < run.rings; i++)
		total += load(&run.board->seen[i]);
	return total;
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(seen() + run.seed * 31);
	stress_sleep_ns(ns);
}

static void see_progress(void)
{
	uint64_t before = seen();

	while (seen() == before)
		idle(100000);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, run.rings + 1);

	if (i == run.rings)
		i = RINGS;
	if (stress_options.kills && !stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.killed++;
		idle(stress_pick(&run.random, 2) * 10 * STRESS_MS);
		start(i);
	} else {
		stress_stop(run.pid[i]);
		all.stops++;
		idle(stress_pick(&run.random, 20 * STRESS_MS));
		stress_continue(run.pid[i]);
	}
	see_progress();
}

static void create(uint64_t seed)
{
	int rc;

	run.seed = run.random = seed;
	run.killed = 0;
	run.rings = 1 + (uint32_t)stress_pick(&run.random, RINGS);
	rc = slip_region_create(&run.rg, (RINGS + 1) * 2 * BYTES,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(64));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	for (uint32_t i = 0; i < run.rings; i++) {
		void *mem = slip_region_add(&run.rg, names[i], SLIP_KIND_SPSC,
					    BYTES);

		STRESS_CHECK(mem, "no room");
		rc = slip_spsc_init(mem, BYTES, 1u << (1 + i * 2), 8,
				    stress_pick(&run.random, 2)
					    ? SLIP_EVENT_FULL
					    : SLIP_EVENT_AUTO);
		STRESS_CHECK(rc == 0, "init: %d", rc);
	}
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	run.running = true;
}

/* Each kill may have cost, or given, a unit. */
static void check_end(void)
{
	struct board *b = run.board;
	uint64_t units = load(&b->units_taken) + slip_sem_value(&b->units);
	uint64_t begun = 0;
	uint64_t missing = 0;

	for (uint32_t i = 0; i < run.rings; i++) {
		begun += load(&b->begun[i]);
		missing += load(&b->missing[i]);
		STRESS_CHECK(load(&b->seen[i]) >= load(&b->sent[i]) &&
				     load(&b->seen[i]) <= load(&b->begun[i]),
			     "ring %u: sent %llu, seen %llu", i,
			     (unsigned long long)load(&b->sent[i]),
			     (unsigned long long)load(&b->seen[i]));
	}
	STRESS_CHECK(missing <= run.killed, "%llu are missing",
		     (unsigned long long)missing);
	STRESS_CHECK(units <= begun && begun - units <= run.killed,
		     "%llu units for %llu elements", (unsigned long long)units,
		     (unsigned long long)begun);
}

static void one_run(uint64_t seed)
{
	create(seed);
	for (uint32_t i = 0; i < run.rings; i++)
		start(i);
	start(RINGS);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	slip_a32_store_relaxed(&run.board->finish, 1); /* hint */
	for (uint32_t i = 0; i < run.rings; i++)
		stress_join(run.pid[i]);
	stress_join(run.pid[RINGS]);
	check_end();
	all.elements += seen();
	all.waits += load(&run.board->waits);
	all.kills += run.killed;
	stress_line(seed, "%u rings: %llu elements, %llu waits, %llu kills",
		    run.rings, (unsigned long long)seen(),
		    (unsigned long long)load(&run.board->waits),
		    (unsigned long long)run.killed);
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/waitset.h between processes");
	stress_on_stuck(dump);
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("waitset.all", "random-kills",
		   "elements=%llu waits=%llu kills=%llu stops=%llu",
		   (unsigned long long)all.elements,
		   (unsigned long long)all.waits, (unsigned long long)all.kills,
		   (unsigned long long)all.stops);
	return stress_end(
		"%llu elements, %llu waits, %llu kills, %llu stops",
		(unsigned long long)all.elements, (unsigned long long)all.waits,
		(unsigned long long)all.kills, (unsigned long long)all.stops);
}
