/* SPDX-License-Identifier: MIT */
/*
 * futex/event.h between processes, mapped at different addresses. Notifiers
 * publish numbered tokens, each in its lane, and wait until all are taken;
 * sleepers take from any lane. Two kinds of runs:
 *
 *	stops	processes are stopped and continued; nobody sleeps with a
 *		deadline, so one lost wake-up ends the run (watchdog)
 *	kills	processes are also killed and replaced; a sleeper sleeps in
 *		slices, as those do that watch peers, since a notifier may die
 *		between its commit and its notify, and a sleeper with a
 *		wake-up that was meant for any of them
 */
#define _GNU_SOURCE
#include "futex/event.h"

#include <sched.h>

#include "futex/region.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define SIDE_MAX     3
#define WORKERS	     (2 * SIDE_MAX)
#define DISTURBANCES 20
#define KIND	     0x5353u

struct lane {
	slip_a64 published; /* by its notifier */
	unsigned char pad0[SLIP_APART_BYTES - 8];
	slip_a64 taken; /* by sleepers */
	unsigned char pad1[SLIP_APART_BYTES - 8];
};

/* The object that all share. */
struct board {
	struct slip_event event;
	slip_a32 finish; /* notifiers shall end */
	slip_a32 over;	 /* sleepers too */
	unsigned char pad[SLIP_APART_BYTES - 16];
	struct lane lanes[SIDE_MAX];
	slip_a64 turns[WORKERS];
	slip_a64 sleeps[WORKERS];
};

struct worker {
	uint32_t index;
	struct board *board;
	uint64_t random;
};

static struct {
	uint64_t seed;
	uint64_t random;
	unsigned mode;
	bool one;
	bool kills;
	uint32_t notifiers;
	uint32_t sleepers;
	struct slip_region rg;
	struct board *board;
	slip_a64 *places; /* where each worker has the region */
	pid_t pid[WORKERS];
	uint64_t killed;
	bool running;
} run;

static struct {
	uint64_t tokens;
	uint64_t kills;
	uint64_t stops;
	uint64_t sleeps;
} all;

static void dump(void)
{
	if (!run.running)
		return;
	stress_say("mode %u, %s, %s, %u notifiers, %u sleepers: event %#x",
		   run.mode, run.one ? "notify_one" : "notify",
		   run.kills ? "kills" : "stops", run.notifiers, run.sleepers,
		   slip_a32_load_relaxed(&run.board->event.word));
	for (uint32_t i = 0; i < run.notifiers; i++)
		stress_say("lane %u: published %llu, taken %llu", i,
			   (unsigned long long)slip_a64_load_relaxed(
				   &run.board->lanes[i].published),
			   (unsigned long long)slip_a64_load_relaxed(
				   &run.board->lanes[i].taken));
}

static void count(slip_a64 *word)
{
	/* own: one process at a time writes it; stat for the others */
	slip_a64_store_relaxed(word, slip_a64_load_relaxed(word) + 1);
}

/* --- notifiers ------------------------------------------------------------ */

static void publish(struct worker *w, struct lane *lane, uint64_t n)
{
	struct slip_event *event = &w->board->event;

	/* TOKEN-R1 notifier: nothing but the token itself. Pairs: take (A1).
	 * Else: nothing; the event must order it all the same. In mode RMW the
	 * commit must be a seq_cst RMW: that is what the mode is for. */
	if (run.mode == SLIP_EVENT_RMW)
		slip_a64_fetch_add_seqcst(&lane->published, 1);
	else
		slip_a64_store_release(&lane->published, n + 1);
	if (run.one)
		slip_event_notify_one(event, run.mode);
	else
		slip_event_notify(event, run.mode);
}

static void await_taken(const struct lane *lane, uint64_t n)
{
	uint32_t turns = 0;

	/* hint */
	while (slip_a64_load_relaxed(&lane->taken) != n) {
		if (++turns < 100)
			slip_pause();
		else
			sched_yield();
	}
}

static int notify(struct worker *w)
{
	struct lane *lane = &w->board->lanes[w->index];
	/* own: a predecessor is dead and waited for */
	uint64_t n = slip_a64_load_relaxed(&lane->published);

	for (;;) {
		await_taken(lane, n);
		count(&w->board->turns[w->index]);
		if (slip_a32_load_relaxed(&w->board->finish)) /* hint */
			return 0;
		for (uint64_t i = stress_pick(&w->random, 4); i; i--)
			publish(w, lane, n++);
		for (uint64_t i = stress_short(&w->random); i; i--)
			slip_pause();
	}
}

/* --- sleepers ------------------------------------------------------------- */

static bool take(struct worker *w)
{
	bool any = false;

	for (uint32_t i = 0; i < run.notifiers; i++) {
		struct lane *lane = &w->board->lanes[i];
		uint64_t n = slip_a64_load_relaxed(&lane->taken); /* hint */

		/* TOKEN-A1 sleeper: see R1. Pairs: publish. Else: nothing. */
		while (slip_a64_load_acquire(&lane->published) > n) {
			any = true;
			/* hint: a failure reloads n */
			if (slip_a64_cas_relaxed(&lane->taken, &n, n + 1))
				n++;
		}
	}
	return any;
}

static int sleep_and_take(struct worker *w)
{
	struct board *b = w->board;
	uint64_t deadline;
	uint32_t key;
	int rc;

	for (;;) {
		count(&b->turns[w->index]);
		if (take(w))
			continue;
		rc = slip_event_prepare(&b->event, run.mode, &key);
		STRESS_CHECK(rc == 0, "prepare: %d", rc);
		if (take(w))
			continue;
		if (slip_a32_load_relaxed(&b->over)) /* hint */
			return 0;
		deadline =
			run.kills ? slip_after_ns(SLIP_SLICE_NS) : SLIP_FOREVER;
		rc = slip_event_sleep(&b->event, key, deadline);
		STRESS_CHECK(rc == 0 || (rc == -ETIMEDOUT && run.kills),
			     "sleep: %d", rc);
		count(&b->sleeps[w->index]);
	}
}

static int work(void *arg)
{
	static struct slip_region rg;
	struct worker w = { .index = *(uint32_t *)arg };
	int rc;

	rc = elsewhere_adopt(&rg, slip_region_fd(&run.rg), run.places, WORKERS,
			     w.index);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	w.board = slip_region_find(&rg, "board", KIND, NULL);
	STRESS_CHECK(w.board, "no board");
	rc = slip_event_register(run.mode);
	STRESS_CHECK(rc == 0, "register: %d", rc);
	w.random = run.random;
	rc = w.index < run.notifiers ? notify(&w) : sleep_and_take(&w);
	slip_region_close(&rg);
	return rc;
}

/* --- the controller ------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t sum(const slip_a64 *words, size_t n, size_t stride)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += slip_a64_load_relaxed(&words[i * stride]); /* stat */
	return total;
}

static uint64_t published(void)
{
	return sum(&run.board->lanes[0].published, SIDE_MAX,
		   sizeof(struct lane) / 8);
}

static uint64_t taken(void)
{
	return sum(&run.board->lanes[0].taken, SIDE_MAX,
		   sizeof(struct lane) / 8);
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(published() + taken() + run.seed * 31);
	stress_sleep_ns(ns);
}

/* The run must get further, whatever happened. */
static void see_progress(void)
{
	uint64_t before = taken();

	while (taken() == before)
		idle(100000);
}

static void disturb(void)
{
	uint32_t n = run.notifiers + run.sleepers;
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
	int mode;
	int rc;

	run.seed = seed;
	run.random = seed;
	run.killed = 0;
	mode = slip_event_choose((unsigned)stress_pick(&run.random, 4));
	if (mode < 0) /* ASYM, where membarrier is refused */
		mode = slip_event_choose(SLIP_EVENT_AUTO);
	STRESS_CHECK(mode > 0, "mode: %d", mode);
	run.mode = (unsigned)mode;
	run.one = stress_pick(&run.random, 2);
	run.kills = stress_options.kills &&
		    (!stress_options.stops || stress_pick(&run.random, 2));
	run.notifiers = 1 + (uint32_t)stress_pick(&run.random, SIDE_MAX);
	run.sleepers = 1 + (uint32_t)stress_pick(&run.random, SIDE_MAX);
	rc = slip_region_create(&run.rg, sizeof(*run.board), SLIP_REGION_MEMFD);
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.board = slip_region_add(&run.rg, "board", KIND, sizeof(*run.board));
	STRESS_CHECK(run.board, "no room");
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	run.running = true;
}

static void one_run(uint64_t seed)
{
	uint64_t sleeps;
	uint32_t n;

	create(seed);
	n = run.notifiers + run.sleepers;
	for (uint32_t i = 0; i < n; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	slip_a32_store_relaxed(&run.board->finish, 1); /* hint */
	for (uint32_t i = 0; i < run.notifiers; i++)
		stress_join(run.pid[i]);
	STRESS_CHECK(published() == taken(), "published %llu, taken %llu",
		     (unsigned long long)published(),
		     (unsigned long long)taken());
	slip_a32_store_relaxed(&run.board->over, 1); /* hint */
	slip_event_wake_all(&run.board->event);
	for (uint32_t i = run.notifiers; i < n; i++)
		stress_join(run.pid[i]);
	sleeps = sum(run.board->sleeps, WORKERS, 1);
	all.tokens += taken();
	all.kills += run.killed;
	all.sleeps += sleeps;
	stress_line(seed,
		    "mode %u, %s, %s, %u notifiers, %u sleepers: %llu tokens, "
		    "%llu sleeps, %llu kills",
		    run.mode, run.one ? "notify_one" : "notify",
		    run.kills ? "kills" : "stops", run.notifiers, run.sleepers,
		    (unsigned long long)taken(), (unsigned long long)sleeps,
		    (unsigned long long)run.killed);
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/event.h between processes");
	stress_on_stuck(dump);
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row(
		"event.all", "random-kills",
		"tokens=%llu sleeps=%llu kills=%llu stops=%llu",
		(unsigned long long)all.tokens, (unsigned long long)all.sleeps,
		(unsigned long long)all.kills, (unsigned long long)all.stops);
	return stress_end(
		"%llu tokens, %llu sleeps, %llu kills, %llu stops",
		(unsigned long long)all.tokens, (unsigned long long)all.sleeps,
		(unsigned long long)all.kills, (unsigned long long)all.stops);
}
