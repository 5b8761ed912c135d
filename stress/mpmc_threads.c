/* SPDX-License-Identifier: MIT */
/*
 * ring/mpmc.h between up to 8 threads of one process, for ThreadSanitizer: one
 * mapping, no peers, every verb, shared and exclusive roles, queues and work
 * queues, blocking and polling, both event modes, and
 *
 *	end of file	the producers push all and close; the consumers get
 *			all, then -EPIPE
 *	broken pipe	the consumers leave in the middle; the producers get
 *			-EPIPE; a successor collects the rest
 *	relay		all come and go: each takes part, leaves with what it
 *			holds, and takes another seat
 *
 * For each element there is a plain variable, which the producer writes before
 * push, and whoever has the element counts up: an element that two have, or that
 * is handed over without an order, shows as a data race, as does a slot that is
 * written while it is read. All is accounted for (mpmc_account.h), in the order
 * of the clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "stress/mpmc_worker.h"
#include "stress/program.h"

#define EACH 1500u /* elements of each producer */

enum scenario { END_OF_FILE, BROKEN_PIPE, RELAY, SCENARIOS };
static const char *const scenario_names[] = { "end of file", "broken pipe",
					      "relay" };

static const struct cast {
	const char *name;
	uint32_t n;
	unsigned roles[MPMC_WORKERS];
} casts[] = {
	{ "4P4C", 8, { 1, 2, 1, 2, 1, 2, 1, 2 } },
	{ "2P2C", 4, { 1, 2, 1, 2 } },
	{ "3P1C", 4, { 1, 2, 1, 1 } },
	{ "1P3C", 4, { 1, 2, 2, 2 } },
	{ "1P alone, 3C", 4, { 1 | MPMC_ALONE, 2, 2, 2 } },
	{ "3P, 1C alone", 4, { 1, 2 | MPMC_ALONE, 1, 1 } },
	{ "1P alone, 1C alone", 2, { 1 | MPMC_ALONE, 2 | MPMC_ALONE } },
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct {
	uint64_t seed;
	struct mpmc_config config;
	const struct cast *cast;
	enum scenario scenario;
	void *mem;
	size_t bytes;
	struct mpmc_account *account;
	slip_a64 producing; /* threads that have not pushed all of theirs */
	slip_a64 attaching; /* have not taken their first seat */
	struct {
		slip_a64 done;
		unsigned char pad[SLIP_APART_BYTES - 8];
	} thread[MPMC_WORKERS];
} run;

static struct {
	uint64_t elements, sessions, again;
} all;
static slip_a64 sessions;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void dump(void)
{
	char text[256];

	if (!run.mem)
		return;
	(void)mpmc_describe(&run.config, text, sizeof(text));
	stress_say("%s, %s, %s", scenario_names[run.scenario], run.cast->name,
		   text);
	for (uint32_t i = 0; i < run.cast->n; i++) {
		const struct mpmc_diary *d = &run.account->diary[i];

		stress_say("thread %u: pushed %llu, popped %llu, held %#llx, "
			   "forever %llu, done %llu",
			   i, llu(get(&d->pushed)), llu(get(&d->popped)),
			   llu(get(&d->held[0])), llu(get(&d->forever)),
			   llu(get(&run.thread[i].done)));
	}
	mpmc_dump(run.mem, run.bytes);
}

/* --- a thread -------------------------------------------------------------- */

static bool produces(const struct mpmc_worker *w)
{
	return (w->roles & SLIP_PRODUCER) != 0;
}

/* With nothing to pop: has the end come? */
static bool is_at_end(struct mpmc_worker *w)
{
	int rc;

	if (!slip_mpmc_gone(&w->q, SLIP_PRODUCER))
		return false;
	/* All that they did before they went is seen by now. */
	rc = mpmc_consume(w, false, true);
	STRESS_CHECK(rc >= 0, "pop: %d", rc);
	return rc == 0 && !w->held;
}

/* In a relay who finds nobody on the other side has come too early, or all is
 * done. */
static int alone(struct mpmc_worker *w)
{
	sched_yield();
	return !produces(w) && !get(&run.producing) && is_at_end(w) ? -EPIPE
								    : 0;
}

static int refused(struct mpmc_worker *w)
{
	STRESS_CHECK(w->q.error == 0, "the handle is poisoned: %d", w->q.error);
	sched_yield();
	if (run.scenario == RELAY)
		return alone(w);
	if (produces(w))
		return slip_mpmc_gone(&w->q, SLIP_CONSUMER) ? -EPIPE : 0;
	return is_at_end(w) ? -EPIPE : 0;
}

/* Until `goal` elements have gone through here, or -EPIPE. */
static int session(struct mpmc_worker *w, uint64_t goal)
{
	const struct mpmc_diary *d = &run.account->diary[w->place];
	const slip_a64 *count = produces(w) ? &d->pushed : &d->popped;
	bool wait = run.config.blocking;
	int rc = 0;

	while (get(count) < goal && rc != -EPIPE) {
		rc = produces(w) ? mpmc_produce(w, wait)
				 : mpmc_consume(w, wait, false);
		STRESS_CHECK(rc >= 0 || rc == -ETIMEDOUT || rc == -EPIPE,
			     "%s: %d", produces(w) ? "push" : "pop", rc);
		if (rc == 0)
			rc = refused(w);
		if ((rc == -EPIPE || rc == -ETIMEDOUT) && run.scenario == RELAY)
			rc = alone(w);
	}
	return rc == -EPIPE ? rc : 0;
}

static uint64_t goal_of(struct mpmc_worker *w, uint64_t total)
{
	const struct mpmc_diary *d = &run.account->diary[w->place];
	uint64_t now = get(produces(w) ? &d->pushed : &d->popped);

	if (run.scenario == RELAY) {
		now += stress_pick(&w->random, 300);
		return produces(w) && now > total ? total : now;
	}
	if (produces(w))
		return total;
	return run.scenario == BROKEN_PIPE ? EACH / 4 : UINT64_MAX;
}

/* Takes a seat, does a part, leaves; false: all is done. */
static bool take_part(struct mpmc_worker *w)
{
	int rc = slip_mpmc_attach(&w->q, run.mem, run.bytes, w->roles, NULL);
	unsigned char byte = 0;

	STRESS_CHECK(rc == 0, "attach: %d", rc);
	mpmc_worker_begin(w);
	w->restless = run.scenario == RELAY;
	(void)slip_a64_fetch_add_relaxed(&sessions, 1);
	if (!w->joined) {
		/* Nobody is to find the others gone before they have come. */
		(void)slip_a64_fetch_add_acqrel(&run.attaching, UINT64_MAX);
		while (slip_a64_load_acquire(&run.attaching))
			sched_yield();
	}
	w->joined = true;
	rc = session(w, goal_of(w, EACH));
	slip_mpmc_detach(&w->q);
	/* It was returned, or it is gone. */
	mpmc_bury(run.account, w->place, false);
	STRESS_CHECK(!slip_mpmc_push(&w->q, &byte) &&
			     !slip_mpmc_pop(&w->q, &byte),
		     "a verb worked after detach");
	if (run.scenario != RELAY)
		return false;
	if (produces(w))
		return get(&run.account->diary[w->place].pushed) < EACH;
	return rc != -EPIPE;
}

static void prepare(struct mpmc_worker *w, uint32_t place, unsigned roles)
{
	memset(w, 0, sizeof(*w));
	w->config = &run.config;
	w->account = run.account;
	w->place = place;
	w->roles = roles;
	w->random = run.seed * 16 + place;
	w->buffer = malloc((size_t)run.config.elem_bytes * MPMC_BATCH);
	STRESS_CHECK(w->buffer, "no memory");
}

static void *work(void *arg)
{
	struct mpmc_worker *w = arg;

	while (take_part(w))
		continue;
	if (produces(w))
		(void)slip_a64_fetch_add_acqrel(&run.producing, UINT64_MAX);
	/* stat */
	slip_a64_store_relaxed(&run.thread[w->place].done, 1);
	return NULL;
}

/* --- one run --------------------------------------------------------------- */

static void create(uint64_t seed)
{
	uint64_t random = seed;

	run.seed = seed;
	run.scenario = (enum scenario)stress_pick(&random, SCENARIOS);
	run.cast = &casts[stress_pick(&random, COUNT(casts))];
	STRESS_CHECK(mpmc_choose(&run.config, &random), "no such ring");
	run.bytes = slip_mpmc_shape_bytes_(&run.config.shape);
	run.mem = aligned_alloc(64, (run.bytes + 63) / 64 * 64);
	STRESS_CHECK(run.mem, "no memory");
	memset(run.mem, 0xa5, run.bytes);
	mpmc_format(&run.config, run.mem);
	mpmc_account_reset(run.account, run.config.work, true);
	slip_a64_store_relaxed(&run.producing, 0); /* init, as the next */
	slip_a64_store_relaxed(&run.attaching, run.cast->n);
	for (uint32_t i = 0; i < run.cast->n; i++) {
		slip_a64_store_relaxed(&run.thread[i].done, 0);
		if (run.cast->roles[i] & SLIP_PRODUCER)
			(void)slip_a64_fetch_add_relaxed(&run.producing, 1);
	}
}

static void await(void)
{
	uint64_t done;

	do {
		uint64_t steps = run.seed;

		done = 0;
		for (uint32_t i = 0; i < run.cast->n; i++) {
			const struct mpmc_diary *d = &run.account->diary[i];

			steps += get(&d->pushed) + get(&d->popped);
			done += get(&run.thread[i].done);
		}
		stress_pulse(steps);
		if (done < run.cast->n)
			stress_sleep_ns(STRESS_MS);
	} while (done < run.cast->n);
}

/* Whatever is left is there for a successor; then nothing is. */
static void collect_rest(void)
{
	static struct mpmc_worker w;
	struct slip_mpmc_info info = { 0 };
	int rc;

	prepare(&w, MPMC_AUDITOR, MPMC_BOTH);
	rc = slip_mpmc_attach(&w.q, run.mem, run.bytes, MPMC_BOTH, NULL);
	STRESS_CHECK(rc == 0, "attach the last: %d", rc);
	mpmc_worker_begin(&w);
	while (mpmc_consume(&w, false, true) > 0)
		continue;
	for (uint32_t i = 0; i < run.config.capacity; i++) {
		w.batch = 1;
		rc = mpmc_produce(&w, false);
		STRESS_CHECK(rc == 1, "slot %u cannot be filled: %d", i, rc);
	}
	while (mpmc_consume(&w, false, true) > 0)
		continue;
	rc = slip_mpmc_inspect(run.mem, run.bytes, &info);
	STRESS_CHECK(rc == 0 && info.producers == 1 && info.consumers == 1 &&
			     info.held == 0 && info.returned == 0,
		     "left over: %d, %u, %u, %u, %u", rc, info.producers,
		     info.consumers, info.held, info.returned);
	slip_mpmc_detach(&w.q);
	free(w.buffer);
}

static void settle(void)
{
	struct mpmc_result r = mpmc_settle(run.account);
	char text[256];

	STRESS_CHECK(r.late == 0 && r.never == 0 && r.lost == 0 &&
			     r.pushed == r.popped,
		     "%llu pushed, %llu popped", llu(r.pushed), llu(r.popped));
	(void)mpmc_describe(&run.config, text, sizeof(text));
	stress_line(run.seed, "%s, %s, %s: %llu elements, %llu again",
		    scenario_names[run.scenario], run.cast->name, text,
		    llu(r.pushed), llu(r.again));
	all.elements += r.pushed;
	all.again += r.again;
}

static void one_run(uint64_t seed)
{
	static struct mpmc_worker w[MPMC_WORKERS];
	pthread_t threads[MPMC_WORKERS];

	create(seed);
	for (uint32_t i = 0; i < run.cast->n; i++) {
		prepare(&w[i], i, run.cast->roles[i]);
		threads[i] = stress_thread(work, &w[i]);
	}
	await();
	for (uint32_t i = 0; i < run.cast->n; i++) {
		pthread_join(threads[i], NULL);
		free(w[i].buffer);
	}
	collect_rest();
	settle();
	free(run.mem);
	run.mem = NULL;
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "ring/mpmc.h between threads");
	stress_on_stuck(dump);
	run.account = stress_shared(sizeof(*run.account));
	run.account->notes = stress_shared(MPMC_PLACES * MPMC_NUMBERS *
					   sizeof(*run.account->notes));
	while (stress_more())
		one_run(stress_next_seed());
	all.sessions = get(&sessions);
	stress_row("mpmc.all", "threads", "elements=%llu sessions=%llu",
		   llu(all.elements), llu(all.sessions));
	return stress_end("%llu elements, %llu delivered again, %llu sessions",
			  llu(all.elements), llu(all.again), llu(all.sessions));
}
