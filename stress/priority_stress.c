/* SPDX-License-Identifier: MIT */
/*
 * ring/priority.h between processes: up to three producers and three consumers,
 * killed, stopped and replaced at random instants, on rings of 1 to 9 levels,
 * strict and ageing; pushes that wait and that do not, pops by policy, by level
 * and by set, with and without deadlines.
 *
 * The ledger lies in memory of its own. The n-th element of a producer's place
 * has a level that follows from n. Before a push its number is written down, and
 * afterwards that it is done; so of the dead one's last only is it not known
 * whether it was pushed. A consumer says before a pop that it is about to, and
 * writes down what it got. In the end, when all has been drained:
 *
 *	every element has come once; but as many as consumers were killed between
 *	a pop and its note may be missing
 *	nobody had two of one producer and level in the wrong order, nor one of
 *	another level than it was pushed to
 *	a strict ring is drained from the top
 *	every slot of every level can be filled
 *
 * While one is stopped the others go on.
 */
#define _GNU_SOURCE
#include "ring/priority.h"

#include <sched.h>
#include <string.h>

#include "stress/elsewhere.h"
#include "stress/program.h"

#define SIDE	     3u /* most of each role; producers come first */
#define WORKERS	     (2 * SIDE)
#define PEERS	     32
#define DISTURBANCES 20
#define NUMBERS	     (UINT32_C(1) << 21) /* of a place and run */
#define LEVELS_MAX   9u
#define ELEM_MAX     64u

struct ledger {
	slip_a32 over; /* producers leave */
	unsigned char pad[SLIP_APART_BYTES - 4];
	/* Each written by one process at a time. */
	struct {
		slip_a64 intent; /* elements of a producer, the last perhaps */
		slip_a64 done;	 /* equal to it: surely */
		slip_a64 popping;
		slip_a64 turns;
		unsigned char pad[SLIP_APART_BYTES - 32];
	} place[WORKERS];
	slip_a64 at[WORKERS]; /* where each one has the region */
	unsigned char unsure[SIDE][NUMBERS];
	slip_a32 came[SIDE][NUMBERS / 4]; /* a byte for each */
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint32_t levels, capacity, elem_bytes;
	unsigned flags;
	uint32_t producers, consumers;
	struct slip_region rg;
	void *mem;
	size_t bytes;
	struct ledger *ledger;
	pid_t pid[WORKERS];
	uint64_t kills, lost_most;
} run;

static struct {
	uint64_t elements, kills, stops, lost, unsure;
} all;

struct worker {
	uint32_t index;
	struct slip_region rg;
	struct slip_peer self;
	struct slip_priority p;
	uint64_t random;
	uint64_t last[SIDE][LEVELS_MAX]; /* number + 1 */
	unsigned char elem[ELEM_MAX];
};

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_release(word, value);
}

static bool is_over(void)
{
	return slip_a32_load_relaxed(&run.ledger->over); /* hint */
}

static bool is_producer(uint32_t index)
{
	return index < SIDE;
}

static bool at_work(uint32_t index)
{
	return is_producer(index) ? index < run.producers
				  : index - SIDE < run.consumers;
}

static void dump(void)
{
	struct slip_priority_info info;

	if (!run.ledger)
		return;
	for (uint32_t i = 0; i < WORKERS; i++)
		if (at_work(i))
			stress_say(
				"%s %d: %llu intended, %llu done, %llu turns",
				is_producer(i) ? "producer" : "consumer",
				run.pid[i],
				llu(get(&run.ledger->place[i].intent)),
				llu(get(&run.ledger->place[i].done)),
				llu(get(&run.ledger->place[i].turns)));
	if (slip_priority_inspect(run.mem, run.bytes, &info))
		return;
	for (uint32_t i = 0; i < info.levels; i++)
		stress_say("level %u: %llu pushed, %llu popped", i,
			   llu(info.pushed_guess[i]),
			   llu(info.popped_guess[i]));
}

/* --- elements -------------------------------------------------------------- */

static uint64_t name_of(uint32_t place, uint64_t number)
{
	return (uint64_t)place << 32 | number;
}

/* Urgent ones are rarer. */
static uint32_t level_of(uint32_t place, uint64_t number)
{
	uint64_t mixed = (number + place) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)((mixed >> 40) % (1 + (mixed >> 50) % run.levels));
}

/* Counts one delivery of it: how many there were. */
static uint32_t note(uint32_t place, uint64_t number)
{
	unsigned shift = (unsigned)(number % 4) * 8;
	uint32_t old = slip_a32_fetch_add_acqrel(
		&run.ledger->came[place][number / 4], UINT32_C(1) << shift);

	return old >> shift & 255;
}

/* --- producers ------------------------------------------------------------- */

/* In the middle of something: now and then stay a while, to be killed here. */
static void dawdle(struct worker *w)
{
	if (stress_pick(&w->random, 256) == 0)
		for (uint64_t i = 64 * stress_short(&w->random); i; i--)
			slip_pause();
}

/* 0, -ETIMEDOUT: full, -EPIPE: no consumer is there at the moment. */
static int push_one(struct worker *w, uint32_t level)
{
	uint64_t until = SLIP_FOREVER;

	if (stress_pick(&w->random, 4) == 0)
		return slip_priority_push(&w->p, w->elem, level) ? 0
								 : -ETIMEDOUT;
	if (stress_pick(&w->random, 2))
		until = slip_after_ns(stress_pick(&w->random, 100000));
	return slip_priority_push_until(&w->p, w->elem, level, until);
}

static void produce(struct worker *w)
{
	uint64_t n = get(&run.ledger->place[w->index].intent);
	int rc = 0;

	/* The last one of a predecessor may have been pushed, or not. */
	if (get(&run.ledger->place[w->index].done) != n)
		run.ledger->unsure[w->index][n - 1] = 1;
	while (!is_over() && n < NUMBERS) {
		uint32_t level = level_of(w->index, n);

		stress_fill(w->elem, run.elem_bytes, name_of(w->index, n));
		if (rc == 0)
			set(&run.ledger->place[w->index].intent, n + 1);
		dawdle(w);
		rc = push_one(w, level);
		STRESS_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EPIPE,
			     "push: %d", rc);
		set(&run.ledger->place[w->index].turns,
		    get(&run.ledger->place[w->index].turns) + 1);
		if (rc == 0)
			set(&run.ledger->place[w->index].done, ++n);
		else
			sched_yield();
	}
	/* What was intended and never went in was not pushed, for sure. */
	set(&run.ledger->place[w->index].intent, n);
	set(&run.ledger->place[w->index].done, n);
}

/* --- consumers ------------------------------------------------------------- */

static void took(struct worker *w, uint32_t level)
{
	uint64_t name, number;
	uint32_t place;

	memcpy(&name, w->elem, 8);
	place = (uint32_t)(name >> 32);
	number = (uint32_t)name;
	STRESS_CHECK(place < run.producers && number < NUMBERS &&
			     stress_filled(w->elem, run.elem_bytes, name),
		     "element %#llx was not pushed", llu(name));
	STRESS_CHECK(level == level_of(place, number),
		     "element %#llx of level %u", llu(name), level);
	STRESS_CHECK(note(place, number) == 0, "element %#llx comes twice",
		     llu(name));
	STRESS_CHECK(w->last[place][level] <= number,
		     "element %#llx after %llu", llu(name),
		     llu(w->last[place][level] - 1));
	w->last[place][level] = number + 1;
}

/* 0, -ETIMEDOUT: there was nothing, or -EPIPE. */
static int pop_one(struct worker *w, uint32_t *level)
{
	uint64_t some = 1 + stress_pick(&w->random, (1u << run.levels) - 1);
	uint64_t until = slip_after_ns(stress_pick(&w->random, 200000));
	bool got = false;

	switch (stress_pick(&w->random, 6)) {
	case 0:
		return slip_priority_pop_until(&w->p, w->elem, level,
					       SLIP_FOREVER);
	case 1:
		return slip_priority_pop_highest_until(&w->p, some, w->elem,
						       level, until);
	case 2:
		return slip_priority_pop_lowest_until(&w->p, some, w->elem,
						      level, until);
	case 3:
		got = slip_priority_pop_lowest(&w->p, some, w->elem, level);
		break;
	default:
		got = slip_priority_pop(&w->p, w->elem, level);
	}
	return got ? 0 : -ETIMEDOUT;
}

static void consume(struct worker *w)
{
	slip_a64 *popping = &run.ledger->place[w->index].popping;
	uint32_t level = 0;
	int rc = 0;

	while (!(is_over() && rc == -EPIPE)) {
		set(popping, 1);
		rc = pop_one(w, &level);
		STRESS_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EPIPE,
			     "pop: %d", rc);
		dawdle(w);
		if (rc == 0)
			took(w, level);
		set(popping, 0);
		set(&run.ledger->place[w->index].turns,
		    get(&run.ledger->place[w->index].turns) + 1);
		if (rc)
			sched_yield();
	}
}

/* --- workers --------------------------------------------------------------- */

static void enter(struct worker *w)
{
	size_t bytes;
	void *mem;
	int rc = elsewhere_adopt(&w->rg, slip_region_fd(&run.rg),
				 run.ledger->at, WORKERS, w->index);

	STRESS_CHECK(!rc, "adopt: %d", rc);
	mem = slip_region_find(&w->rg, "ring", SLIP_KIND_PRIORITY, &bytes);
	STRESS_CHECK(mem, "no object");
	rc = slip_peer_join(&w->self, &w->rg);
	if (!rc)
		rc = slip_priority_attach(&w->p, mem, bytes,
					  is_producer(w->index) ? SLIP_PRODUCER
								: SLIP_CONSUMER,
					  &w->self);
	STRESS_CHECK(!rc, "join or attach: %d", rc);
}

static int work(void *arg)
{
	static struct worker w;

	w.index = *(uint32_t *)arg;
	w.random = run.random;
	enter(&w);
	if (is_producer(w.index))
		produce(&w);
	else
		consume(&w);
	slip_priority_detach(&w.p);
	slip_peer_leave(&w.self);
	slip_region_close(&w.rg);
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
	uint64_t sum = run.seed * 31;

	for (uint32_t i = 0; i < WORKERS; i++)
		sum += get(&run.ledger->place[i].turns);
	stress_pulse(sum);
	stress_sleep_ns(ns);
}

static bool has_room(void)
{
	for (uint32_t i = 0; i < run.producers; i++)
		if (get(&run.ledger->place[i].intent) >= NUMBERS)
			return false;
	return true;
}

/* The others of that side go on, whatever happened to `but`; if it is the only
 * one of its own, they may have nothing to do. */
static void see_progress(uint32_t but)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		uint64_t before = get(&run.ledger->place[i].turns);
		bool lonely =
			but < WORKERS &&
			(is_producer(but) ? run.producers : run.consumers) == 1;

		if (!at_work(i) || i == but || lonely)
			continue;
		while (get(&run.ledger->place[i].turns) == before && has_room())
			idle(100000);
	}
}

static void disturb(void)
{
	uint32_t i;

	do
		i = (uint32_t)stress_pick(&run.random, WORKERS);
	while (!at_work(i));
	if (stress_options.kills && !stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		if (!is_producer(i) && get(&run.ledger->place[i].popping))
			run.lost_most++;
		set(&run.ledger->place[i].popping, 0);
		start(i);
		see_progress(WORKERS);
		return;
	}
	stress_stop(run.pid[i]);
	all.stops++;
	see_progress(i);
	/* Longer than slices, at times. */
	idle(stress_pick(&run.random, 20 * STRESS_MS));
	stress_continue(run.pid[i]);
	see_progress(WORKERS);
}

static void choose(uint64_t seed)
{
	run.seed = run.random = seed;
	run.kills = run.lost_most = 0;
	run.levels = 1 + (uint32_t)stress_pick(&run.random, LEVELS_MAX);
	run.capacity = 2u << stress_pick(&run.random, 6);
	run.elem_bytes = 8 + (uint32_t)stress_pick(&run.random, ELEM_MAX - 7);
	run.producers = 1 + (uint32_t)stress_pick(&run.random, SIDE);
	run.consumers = 1 + (uint32_t)stress_pick(&run.random, SIDE);
	run.flags =
		stress_pick(&run.random, 2) ? SLIP_EVENT_AUTO : SLIP_EVENT_FULL;
	if (stress_pick(&run.random, 2))
		run.flags |=
			SLIP_PRIORITY_AGEING(1 + stress_pick(&run.random, 255));
	memset(run.ledger, 0, sizeof(*run.ledger));
}

static void create(void)
{
	int rc;

	run.bytes = slip_priority_bytes(run.levels, run.capacity,
					run.elem_bytes, run.flags);
	rc = slip_region_create(&run.rg, run.bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(!rc, "create: %d", rc);
	run.mem =
		slip_region_add(&run.rg, "ring", SLIP_KIND_PRIORITY, run.bytes);
	STRESS_CHECK(run.mem, "no room");
	rc = slip_priority_init(run.mem, run.bytes, run.levels, run.capacity,
				run.elem_bytes, run.flags);
	STRESS_CHECK(!rc, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(!rc, "publish: %d", rc);
}

/* What the dead have left is there for whoever comes; then all of the room. */
static void drain(void)
{
	static struct worker w;
	uint32_t level = 0, before = LEVELS_MAX;
	int rc;

	memset(&w, 0, sizeof(w));
	rc = slip_peer_join(&w.self, &run.rg);
	if (!rc)
		rc = slip_priority_attach(&w.p, run.mem, run.bytes,
					  SLIP_PRODUCER | SLIP_CONSUMER,
					  &w.self);
	STRESS_CHECK(!rc, "attach the last: %d", rc);
	rc = slip_peer_recover(&w.self);
	STRESS_CHECK(rc >= 0, "recover: %d", rc);
	while (slip_priority_pop(&w.p, w.elem, &level)) {
		STRESS_CHECK(run.flags >> 8 || level <= before,
			     "level %u after %u", level, before);
		before = level;
		took(&w, level);
	}
	for (level = 0; level < run.levels; level++)
		for (uint32_t i = 0; i < run.capacity; i++)
			STRESS_CHECK(slip_priority_push(&w.p, w.elem, level),
				     "slot %u of level %u cannot be filled", i,
				     level);
	slip_priority_detach(&w.p);
	slip_peer_leave(&w.self);
}

static void account(void)
{
	uint64_t pushed = 0, lost = 0, unsure = 0;

	for (uint32_t p = 0; p < run.producers; p++) {
		uint64_t n = get(&run.ledger->place[p].intent);

		for (uint64_t k = 0; k < n; k++) {
			/* stat: all have gone */
			uint32_t came = slip_a32_load_relaxed(
				&run.ledger->came[p][k / 4]);

			came = came >> k % 4 * 8 & 255;
			unsure += run.ledger->unsure[p][k];
			lost += !came && !run.ledger->unsure[p][k];
		}
		pushed += n;
	}
	STRESS_CHECK(lost <= run.lost_most,
		     "%llu of %llu are lost, %llu were killed in a pop",
		     llu(lost), llu(pushed), llu(run.lost_most));
	all.elements += pushed;
	all.lost += lost;
	all.unsure += unsure;
	all.kills += run.kills;
	stress_line(run.seed,
		    "%u levels of %u, %u bytes, ageing %u, %uP%uC: %llu "
		    "elements, %llu kills, %llu lost",
		    run.levels, run.capacity, run.elem_bytes,
		    run.flags >> 8 & 255, run.producers, run.consumers,
		    llu(pushed), llu(run.kills), llu(lost));
}

static void one_run(uint64_t seed)
{
	choose(seed);
	create();
	for (uint32_t i = 0; i < WORKERS; i++)
		if (at_work(i))
			start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate() && has_room(); i++) {
		idle(stress_gap_ns(&run.random));
		if (has_room())
			stress_all_at_work();
		disturb();
	}
	see_progress(WORKERS);
	slip_a32_store_relaxed(&run.ledger->over, 1); /* hint */
	for (uint32_t i = 0; i < WORKERS; i++)
		if (at_work(i))
			stress_join(run.pid[i]);
	drain();
	account();
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "levels of urgency between processes");
	stress_on_stuck(dump);
	run.ledger = stress_shared(sizeof(*run.ledger));
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("priority.all", "random-kills",
		   "elements=%llu kills=%llu stops=%llu", llu(all.elements),
		   llu(all.kills), llu(all.stops));
	return stress_end("%llu elements, %llu lost in pops of the dead, %llu "
			  "of dead pushes; %llu kills, %llu stops",
			  llu(all.elements), llu(all.lost), llu(all.unsure),
			  llu(all.kills), llu(all.stops));
}
