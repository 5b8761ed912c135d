/* SPDX-License-Identifier: MIT */
/*
 * futex/event.h between threads, for ThreadSanitizer: several notifiers and
 * several sleepers, counted tokens, all modes, notify and notify_one.
 *
 * A notifier writes a token and publishes it; whichever sleeper takes it
 * checks it. Between batches a notifier waits until all its tokens are taken,
 * so that a wake-up that is lost is not made good by the next one: the run
 * hangs, and the watchdog tells.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>

#include "futex/event.h"
#include "stress/program.h"

#define SIDE_MAX 3
#define TOTAL	 2000

/* What one notifier publishes. Sleepers take from any lane. */
struct lane {
	slip_a64 published;
	unsigned char pad0[SLIP_APART_BYTES - 8];
	slip_a64 taken;
	unsigned char pad1[SLIP_APART_BYTES - 8];
	uint64_t tokens[TOTAL];
};

struct run {
	uint64_t seed;
	unsigned mode;
	bool one;	/* notify_one, else notify */
	bool deadlines; /* some sleeps end by themselves */
	uint32_t notifiers;
	uint32_t sleepers;
	struct slip_event event;
	slip_a32 over;
	struct lane lanes[SIDE_MAX];
	/* Each written by one thread. */
	struct {
		slip_a64 steps;
		slip_a64 sleeps;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} thread[2 * SIDE_MAX];
};

struct worker {
	struct run *run;
	uint32_t index;
	uint64_t random;
	uint64_t steps;
	uint64_t sleeps;
};

static struct run current;
static uint64_t all_tokens;
static uint64_t all_sleeps;

static void dump(void)
{
	struct run *r = &current;

	stress_say("mode %u, %u notifiers, %u sleepers, %s: event %#x", r->mode,
		   r->notifiers, r->sleepers, r->one ? "notify_one" : "notify",
		   slip_a32_load_relaxed(&r->event.word));
	for (uint32_t i = 0; i < r->notifiers; i++)
		stress_say("lane %u: published %llu, taken %llu", i,
			   (unsigned long long)slip_a64_load_relaxed(
				   &r->lanes[i].published),
			   (unsigned long long)slip_a64_load_relaxed(
				   &r->lanes[i].taken));
}

static void step(struct worker *w)
{
	/* stat */
	slip_a64_store_relaxed(&w->run->thread[w->index].steps, ++w->steps);
}

/* --- notifiers ------------------------------------------------------------ */

static void publish(struct run *r, struct lane *lane, uint64_t n)
{
	lane->tokens[n] = n * 3 + 1;
	/* TOKEN-R1 notifier: the token is written. Pairs: take (A1). Else: a
	 * sleeper reads nothing yet. In mode RMW the commit must be a
	 * seq_cst RMW: that is what the mode is for. */
	if (r->mode == SLIP_EVENT_RMW)
		slip_a64_fetch_add_seqcst(&lane->published, 1);
	else
		slip_a64_store_release(&lane->published, n + 1);
	if (r->one)
		slip_event_notify_one(&r->event, r->mode);
	else
		slip_event_notify(&r->event, r->mode);
}

static void await_taken(const struct lane *lane, uint64_t n)
{
	uint32_t turns = 0;

	/* hint: nothing is read on the strength of it */
	while (slip_a64_load_relaxed(&lane->taken) != n) {
		if (++turns < 100)
			slip_pause();
		else
			sched_yield();
	}
}

static void *notify(void *arg)
{
	struct worker *w = arg;
	struct lane *lane = &w->run->lanes[w->index];
	uint64_t n = 0;

	while (n < TOTAL) {
		uint64_t batch = 1 + stress_pick(&w->random, 4);

		for (uint64_t i = 0; i < batch && n < TOTAL; i++)
			publish(w->run, lane, n++);
		await_taken(lane, n);
		step(w);
		/* About as long as the sleepers need to be on their way down,
		 * or in their sleep. */
		for (uint64_t i = stress_short(&w->random); i > 0; i--)
			slip_pause();
	}
	return NULL;
}

/* --- sleepers ------------------------------------------------------------- */

static bool take_from(struct lane *lane)
{
	uint64_t n = slip_a64_load_relaxed(&lane->taken); /* hint: CAS below */
	uint64_t token;

	/* TOKEN-A1 sleeper: the token's bytes. Pairs: publish (R1). Else: as
	 * R1. */
	if (slip_a64_load_acquire(&lane->published) <= n)
		return false;
	token = lane->tokens[n];
	/* hint: which sleeper it is; the token is ordered by A1 */
	if (!slip_a64_cas_relaxed(&lane->taken, &n, n + 1))
		return true; /* another has; look again */
	STRESS_CHECK(token == n * 3 + 1, "token %llu is %llu",
		     (unsigned long long)n, (unsigned long long)token);
	return true;
}

static bool take(struct worker *w)
{
	bool any = false;

	for (uint32_t i = 0; i < w->run->notifiers; i++)
		while (take_from(&w->run->lanes[i]))
			any = true;
	return any;
}

static bool over(struct run *r)
{
	/* hint: every token is looked for again after it */
	return slip_a32_load_relaxed(&r->over);
}

static void doze(struct worker *w)
{
	struct run *r = w->run;
	uint64_t deadline = SLIP_FOREVER;
	uint32_t key;
	int rc = slip_event_prepare(&r->event, r->mode, &key);

	STRESS_CHECK(rc == 0, "prepare: %d", rc);
	if (take(w) || over(r))
		return;
	if (r->deadlines && stress_pick(&w->random, 2))
		deadline = slip_after_ns(stress_pick(&w->random, STRESS_MS));
	rc = slip_event_sleep(&r->event, key, deadline);
	STRESS_CHECK(rc == 0 || (rc == -ETIMEDOUT && deadline != SLIP_FOREVER),
		     "sleep: %d", rc);
	/* stat */
	slip_a64_store_relaxed(&r->thread[w->index].sleeps, ++w->sleeps);
}

static void *sleep_and_take(void *arg)
{
	struct worker *w = arg;

	while (!over(w->run)) {
		if (!take(w))
			doze(w);
		step(w);
	}
	return NULL;
}

/* --- one run -------------------------------------------------------------- */

static uint64_t steps_of(const struct run *r)
{
	uint64_t steps = 0;

	for (size_t i = 0; i < 2 * SIDE_MAX; i++)
		steps += slip_a64_load_relaxed(&r->thread[i].steps); /* stat */
	return steps;
}

static uint64_t taken_of(const struct run *r)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < SIDE_MAX; i++)
		taken += slip_a64_load_relaxed(&r->lanes[i].taken); /* hint */
	return taken;
}

static void choose(struct run *r, uint64_t seed)
{
	uint64_t random = seed;
	int mode = slip_event_choose((unsigned)stress_pick(&random, 4));

	if (mode < 0) /* ASYM, where membarrier is refused */
		mode = slip_event_choose(SLIP_EVENT_AUTO);
	STRESS_CHECK(mode > 0, "mode: %d", mode);
	r->seed = seed;
	r->mode = (unsigned)mode;
	r->one = stress_pick(&random, 2);
	r->deadlines = stress_pick(&random, 4) == 0;
	r->notifiers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
	r->sleepers = 1 + (uint32_t)stress_pick(&random, SIDE_MAX);
}

static void run(uint64_t seed)
{
	struct run *r = &current;
	struct worker workers[2 * SIDE_MAX];
	pthread_t threads[2 * SIDE_MAX];
	uint64_t sleeps = 0;
	uint32_t n;

	*r = (struct run){ 0 };
	choose(r, seed);
	n = r->notifiers + r->sleepers;
	for (uint32_t i = 0; i < n; i++) {
		workers[i] = (struct worker){ .run = r,
					      .index = i,
					      .random = seed * 8 + i };
		threads[i] = stress_thread(i < r->notifiers ? notify
							    : sleep_and_take,
					   &workers[i]);
	}
	while (taken_of(r) < (uint64_t)r->notifiers * TOTAL) {
		stress_pulse(seed + steps_of(r));
		stress_sleep_ns(STRESS_MS);
	}
	slip_a32_store_relaxed(&r->over, 1); /* hint: as in over() */
	slip_event_wake_all(&r->event);
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		sleeps += workers[i].sleeps;
	}
	STRESS_CHECK(taken_of(r) == (uint64_t)r->notifiers * TOTAL,
		     "tokens taken twice");
	all_tokens += taken_of(r);
	all_sleeps += sleeps;
	stress_line(seed,
		    "mode %u, %u notifiers, %u sleepers, %s%s: %llu tokens, "
		    "%llu sleeps",
		    r->mode, r->notifiers, r->sleepers,
		    r->one ? "notify_one" : "notify",
		    r->deadlines ? ", deadlines" : "",
		    (unsigned long long)taken_of(r),
		    (unsigned long long)sleeps);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/event.h between threads");
	stress_on_stuck(dump);
	while (stress_more())
		run(stress_next_seed());
	stress_row("event.all", "threads", "tokens=%llu sleeps=%llu",
		   (unsigned long long)all_tokens,
		   (unsigned long long)all_sleeps);
	return stress_end("%llu tokens, %llu sleeps",
			  (unsigned long long)all_tokens,
			  (unsigned long long)all_sleeps);
}
