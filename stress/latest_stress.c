/* SPDX-License-Identifier: MIT */
/*
 * ring/latest.h between processes: a writer and up to three readers, one of which
 * may have the region for reading only, killed, stopped and replaced at random
 * instants. The ledger lies in memory of its own. Before a write the writer says
 * which version it will be, and afterwards that it is there; so
 *
 *	a successor	begins at what was there for sure, or one later, if its
 *			predecessor was killed in a write
 *	a reader	reads a version that is no older than what was there before
 *			it looked, no newer than what was begun after; whole; and
 *			what it has read and skipped adds up to the version
 *
 * While the writer is stopped, readers read; while a reader is, the writer
 * writes. In half of the cases a dead writer has no successor before every reader
 * has heard of its death.
 */
#define _GNU_SOURCE
#include "ring/latest.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define READERS	     3
#define WORKERS	     (1 + READERS) /* the first one writes */
#define PEERS	     16
#define DISTURBANCES 20
#define VALUE_MAX    65536

struct ledger {
	slip_a64 intent; /* written by the writer of the moment */
	slip_a64 done;
	slip_a64 late; /* there, though its writer was killed before it knew */
	slip_a32 over;
	unsigned char pad[SLIP_APART_BYTES - 28];
	/* Each written by one process at a time. */
	struct {
		slip_a64 looks;
		slip_a64 seen;
		slip_a64 skipped;
		slip_a64 lapped;
		slip_a64 pipes;
		unsigned char pad[SLIP_APART_BYTES - 40];
	} reader[WORKERS];
	slip_a64 places[WORKERS]; /* where each one has the region */
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint32_t slots, value_bytes;
	unsigned mode;
	uint32_t workers;
	bool readonly; /* the last reader */
	struct slip_region rg;
	struct ledger *ledger;
	pid_t pid[WORKERS];
	uint64_t kills;
} run;

static struct {
	uint64_t written, seen, skipped, lapped, kills, stops, heard, late;
} all;

struct worker {
	uint32_t index;
	struct slip_region rg;
	struct slip_peer self;
	void *mem;
	size_t bytes;
	uint64_t random;
	uint64_t seen, skipped; /* by this process */
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	unsigned char value[VALUE_MAX];
};

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void add(slip_a64 *word, uint64_t n)
{
	slip_a64_store_relaxed(word, get(word) + n); /* stat, or own */
}

static bool is_over(void)
{
	return slip_a32_load_relaxed(&run.ledger->over); /* hint */
}

static void dump(void)
{
	struct ledger *l = run.ledger;

	if (!l)
		return;
	stress_say("%u slots of %u: %llu intended, %llu done, writer %d",
		   run.slots, run.value_bytes, llu(get(&l->intent)),
		   llu(get(&l->done)), run.pid[0]);
	for (uint32_t i = 1; i < run.workers; i++)
		stress_say("reader %d: %llu looks, %llu read, %llu ends",
			   run.pid[i], llu(get(&l->reader[i].looks)),
			   llu(get(&l->reader[i].seen)),
			   llu(get(&l->reader[i].pipes)));
}

/* 8 bytes at least, of which the first are the number. */
static uint32_t length_of(uint64_t version)
{
	return 8 + (uint32_t)(version * 7 % (run.value_bytes - 7));
}

/* In the middle of something: now and then stay a while, to be killed here. */
static void dawdle(struct worker *w)
{
	if (stress_pick(&w->random, 64) == 0)
		for (uint64_t i = 64 * stress_short(&w->random); i; i--)
			slip_pause();
}

/* --- the writer ---------------------------------------------------------------- */

static void put_one(struct worker *w, uint32_t len)
{
	uint32_t cut = (uint32_t)stress_pick(&w->random, len + 1);

	STRESS_CHECK(!slip_latest_put(&w->w, cut, w->value + cut, len - cut),
		     "put");
	dawdle(w);
	STRESS_CHECK(!slip_latest_put(&w->w, 0, w->value, cut), "put");
	dawdle(w);
	STRESS_CHECK(!slip_latest_commit(&w->w, len), "commit");
}

static void write_one(struct worker *w)
{
	struct ledger *l = run.ledger;
	uint64_t version = w->w.version + 1;
	uint32_t len = length_of(version);

	stress_fill(w->value, len, version);
	slip_a64_store_release(&l->intent, version);
	if (stress_pick(&w->random, 2))
		put_one(w, len);
	else
		STRESS_CHECK(!slip_latest_write(&w->w, w->value, len), "write");
	slip_a64_store_release(&l->done, version);
}

static void take_over(struct worker *w)
{
	struct ledger *l = run.ledger;
	uint64_t done = get(&l->done);
	int rc = slip_latest_attach_writer(&w->w, w->mem, w->bytes, &w->self);

	STRESS_CHECK(!rc, "attach: %d", rc);
	STRESS_CHECK(w->w.version >= done && w->w.version <= get(&l->intent),
		     "version %llu, %llu done, %llu intended",
		     llu(w->w.version), llu(done), llu(get(&l->intent)));
	add(&l->late, w->w.version - done);
	slip_a64_store_release(&l->done, w->w.version);
}

static void write_all(struct worker *w)
{
	take_over(w);
	while (!is_over()) {
		write_one(w);
		if (stress_pick(&w->random, 8) == 0)
			for (uint64_t i = stress_short(&w->random); i; i--)
				slip_pause();
		if (stress_pick(&w->random, 1000) == 0) {
			slip_latest_detach_writer(&w->w);
			take_over(w);
		}
	}
	slip_latest_detach_writer(&w->w);
}

/* --- readers --------------------------------------------------------------------- */

static void took(struct worker *w, uint32_t len, uint64_t floor)
{
	uint64_t version = slip_latest_version(&w->r);

	STRESS_CHECK(len == length_of(version) &&
			     stress_filled(w->value, len, version),
		     "value %llu is not what was written", llu(version));
	STRESS_CHECK(version >= floor, "%llu is read, %llu was there",
		     llu(version), llu(floor));
	STRESS_CHECK(version <= slip_a64_load_acquire(&run.ledger->intent),
		     "%llu is read, and was not written", llu(version));
	w->seen++;
	w->skipped += slip_latest_skipped(&w->r);
	add(&run.ledger->reader[w->index].seen, 1);
	add(&run.ledger->reader[w->index].skipped, slip_latest_skipped(&w->r));
	STRESS_CHECK(w->seen + w->skipped == version,
		     "%llu read, %llu skipped, version %llu", llu(w->seen),
		     llu(w->skipped), llu(version));
}

/* The newest, seen or not: says nothing but 0, or that it was lapped. */
static void read_any(struct worker *w, uint64_t floor)
{
	uint64_t before = slip_latest_version(&w->r);
	uint32_t len = 0;
	int rc = slip_latest_read(&w->r, w->value, VALUE_MAX, &len);

	STRESS_CHECK(!rc || rc == -EAGAIN || (rc == -ENODATA && !floor),
		     "read: %d", rc);
	if (rc == -EAGAIN)
		add(&run.ledger->reader[w->index].lapped, 1);
	if (!rc && slip_latest_version(&w->r) != before)
		took(w, len, floor);
	else if (!rc)
		STRESS_CHECK(stress_filled(w->value, len, before) &&
				     before >= floor,
			     "value %llu is not what it was", llu(before));
}

/* 0, or -EPIPE: there is no writer, and nothing newer. */
static int read_new(struct worker *w, uint64_t floor)
{
	bool soon = stress_pick(&w->random, 2);
	uint64_t until = soon ? slip_after_ns(stress_pick(&w->random, 100000))
			      : SLIP_FOREVER;
	uint32_t len = 0;
	int rc =
		slip_latest_read_until(&w->r, w->value, VALUE_MAX, &len, until);

	if (!rc)
		took(w, len, floor);
	if (rc == -EPIPE)
		add(&run.ledger->reader[w->index].pipes, 1);
	STRESS_CHECK(!rc || rc == -EPIPE || (rc == -ETIMEDOUT && soon),
		     "read_until: %d", rc);
	return rc == -EPIPE ? rc : 0;
}

static void read_all(struct worker *w)
{
	struct ledger *l = run.ledger;
	int rc = 0;

	while (!(is_over() && rc == -EPIPE)) {
		uint64_t floor = slip_a64_load_acquire(&l->done);

		rc = 0;
		if (stress_pick(&w->random, 4))
			rc = read_new(w, floor);
		else
			read_any(w, floor);
		add(&l->reader[w->index].looks, 1);
		if (rc == -EPIPE)
			(void)!slip_latest_wait_writer_until(
				&w->r, slip_after_ns(STRESS_MS));
		dawdle(w);
	}
	read_any(w, slip_a64_load_acquire(&l->done));
	STRESS_CHECK(slip_latest_version(&w->r) == get(&l->done),
		     "%llu in the end, %llu written",
		     llu(slip_latest_version(&w->r)), llu(get(&l->done)));
}

static bool looks_only(uint32_t index)
{
	return run.readonly && index == run.workers - 1;
}

static void enter(struct worker *w)
{
	int fd = slip_region_fd(&run.rg);
	int rc = looks_only(w->index)
			 ? slip_region_adopt(&w->rg, fd, SLIP_REGION_READONLY)
			 : elsewhere_adopt(&w->rg, fd, run.ledger->places,
					   WORKERS, w->index);

	STRESS_CHECK(!rc, "adopt: %d", rc);
	w->mem = slip_region_find(&w->rg, "value", SLIP_KIND_LATEST, &w->bytes);
	STRESS_CHECK(w->mem, "no object");
	if (looks_only(w->index)) {
		slip_peer_prepare(&w->self, &w->rg);
		rc = slip_latest_attach_readonly(&w->r, w->mem, w->bytes,
						 &w->self);
	} else {
		rc = slip_peer_join(&w->self, &w->rg);
	}
	if (!rc && w->index && !looks_only(w->index))
		rc = slip_latest_attach_reader(&w->r, w->mem, w->bytes,
					       &w->self);
	STRESS_CHECK(!rc, "join or attach: %d", rc);
}

static int work(void *arg)
{
	static struct worker w;

	w.index = *(uint32_t *)arg;
	w.random = run.random;
	enter(&w);
	if (w.index)
		read_all(&w);
	else
		write_all(&w);
	slip_latest_detach_reader(&w.r);
	slip_peer_leave(&w.self);
	slip_region_close(&w.rg);
	return 0;
}

/* --- the controller ---------------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t progress(void)
{
	uint64_t sum = get(&run.ledger->done);

	for (uint32_t i = 1; i < run.workers; i++)
		sum += get(&run.ledger->reader[i].looks);
	return sum;
}

static void idle(uint64_t ns)
{
	stress_pulse(progress() + run.seed * 31);
	stress_sleep_ns(ns);
}

/* Others go on, whatever happened to `but`. */
static void see_progress(uint32_t but)
{
	for (uint32_t i = 0; i < run.workers; i++) {
		const slip_a64 *turns =
			i ? &run.ledger->reader[i].looks : &run.ledger->done;
		uint64_t before = get(turns);

		/* A reader that waits for ever needs a writer. */
		if (i == but || (i && but == 0))
			continue;
		while (get(turns) == before)
			idle(100000);
	}
}

/* Every reader is told that there is no writer. */
static void see_the_end(void)
{
	for (uint32_t i = 1; i < run.workers; i++) {
		uint64_t before = get(&run.ledger->reader[i].pipes);

		while (get(&run.ledger->reader[i].pipes) == before)
			idle(100000);
		all.heard++;
	}
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, run.workers);

	if (stress_options.kills && !stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		/* Nobody misses a writer that has never been there. */
		if (i == 0 && get(&run.ledger->done) &&
		    stress_pick(&run.random, 2))
			see_the_end();
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
	static const uint32_t sizes[] = { 8, 64, 1000, VALUE_MAX };
	size_t ledger_bytes = sizeof(*run.ledger);

	run.seed = run.random = seed;
	run.kills = 0;
	run.workers = 2 + (uint32_t)stress_pick(&run.random, READERS);
	run.readonly = stress_pick(&run.random, 2);
	run.slots = 2u << stress_pick(&run.random, 3);
	run.value_bytes = sizes[stress_pick(&run.random, 4)];
	run.mode =
		stress_pick(&run.random, 2) ? SLIP_EVENT_AUTO : SLIP_EVENT_FULL;
	memset(run.ledger, 0, ledger_bytes);
}

static void create(void)
{
	size_t bytes = slip_latest_bytes(run.slots, run.value_bytes);
	void *mem;
	int rc;

	rc = slip_region_create(&run.rg, bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(!rc, "create: %d", rc);
	mem = slip_region_add(&run.rg, "value", SLIP_KIND_LATEST, bytes);
	STRESS_CHECK(mem, "no room");
	rc = slip_latest_init(mem, bytes, run.slots, run.value_bytes, run.mode);
	STRESS_CHECK(!rc, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(!rc, "publish: %d", rc);
}

static void account(uint64_t seed)
{
	struct ledger *l = run.ledger;
	uint64_t seen = 0;

	for (uint32_t i = 1; i < run.workers; i++) {
		seen += get(&l->reader[i].seen);
		all.skipped += get(&l->reader[i].skipped);
		all.lapped += get(&l->reader[i].lapped);
	}
	all.seen += seen;
	all.written += get(&l->done);
	all.late += get(&l->late);
	all.kills += run.kills;
	stress_line(seed,
		    "%u slots of %u, %u readers%s: %llu written, %llu read, "
		    "%llu kills",
		    run.slots, run.value_bytes, run.workers - 1,
		    run.readonly ? ", one read-only" : "", llu(get(&l->done)),
		    llu(seen), llu(run.kills));
}

static void one_run(uint64_t seed)
{
	choose(seed);
	create();
	for (uint32_t i = 0; i < run.workers; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		stress_all_at_work();
		disturb();
	}
	see_progress(WORKERS);
	slip_a32_store_relaxed(&run.ledger->over, 1); /* hint */
	for (uint32_t i = 0; i < run.workers; i++)
		stress_join(run.pid[i]);
	account(seed);
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "the newest value between processes");
	stress_on_stuck(dump);
	run.ledger = stress_shared(sizeof(*run.ledger));
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("latest.all", "random-kills",
		   "written=%llu read=%llu kills=%llu stops=%llu",
		   llu(all.written), llu(all.seen), llu(all.kills),
		   llu(all.stops));
	return stress_end("%llu written, %llu of them late; %llu read, %llu "
			  "skipped, %llu times lapped; %llu kills, %llu stops, "
			  "%llu times told of a death",
			  llu(all.written), llu(all.late), llu(all.seen),
			  llu(all.skipped), llu(all.lapped), llu(all.kills),
			  llu(all.stops), llu(all.heard));
}
