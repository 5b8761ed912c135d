/* SPDX-License-Identifier: MIT */
/*
 * ring/broadcast.h between processes: up to three writers, each with a lane of
 * its own, and up to three readers, one of which may have the region for reading
 * only; or one writer and readers with seats, which are evicted in half of the
 * cases. Killed, stopped and replaced at random instants. The ledger lies in
 * memory of its own. Before a write the writer says which element it will be, and
 * afterwards that it is there; so
 *
 *	a successor	begins, in its lane, at what was there for sure, or one
 *			later, if its predecessor was killed in a write
 *	a reader	reads elements that were begun, whole, of each lane in
 *			order; and what it has read and lost since it came adds
 *			up to the number, at each element, and to all that were
 *			written, in the end
 *	a seat		loses nothing, unless it is evicted
 *
 * While a writer is stopped, readers read what others write; while a reader is,
 * writers write, but if it has a seat that nobody takes. A dead one holds nobody
 * up. In half of the cases a dead writer has no successor before every reader has
 * heard of its death.
 */
#define _GNU_SOURCE
#include "ring/broadcast.h"
#include "stress/elsewhere.h"
#include "stress/program.h"

#define WRITERS	     3
#define READERS	     3
#define WORKERS	     (WRITERS + READERS) /* the first ones write */
#define PEERS	     16
#define DISTURBANCES 20
#define ELEM_MAX     1000

struct ledger {
	/* Of a lane, each written by its writer of the moment. */
	struct {
		slip_a64 intent;
		slip_a64 done;
		slip_a64 late; /* there, though its writer did not know */
		unsigned char pad[SLIP_APART_BYTES - 24];
	} lane[WRITERS];
	/* Each written by one process at a time. */
	struct {
		slip_a64 turns;
		slip_a64 seen;
		slip_a64 lost;
		slip_a64 pipes;
		slip_a64 evicted;
		unsigned char pad[SLIP_APART_BYTES - 40];
	} worker[WORKERS];
	slip_a64 places[WORKERS]; /* where each one has the region */
	slip_a32 over;
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint64_t room;
	uint32_t elem_bytes, longest;
	uint32_t seats;
	unsigned mode;
	uint32_t writers, workers;
	bool readonly; /* the last reader */
	bool evicts;
	struct slip_region rg;
	struct ledger *ledger;
	pid_t pid[WORKERS];
	uint64_t kills;
} run;

static struct {
	uint64_t written, seen, lost, kills, stops, heard, late, evicted;
} all;

struct worker {
	uint32_t index;
	struct slip_region rg;
	struct slip_peer self;
	void *mem;
	size_t bytes;
	uint64_t random;
	uint64_t number[WRITERS]; /* of each lane: what was read and lost */
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	unsigned char value[ELEM_MAX];
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
	stress_say("room %llu, elements of %u, %u seats%s", llu(run.room),
		   run.elem_bytes, run.seats, run.evicts ? ", evicts" : "");
	for (uint32_t i = 0; i < run.writers; i++)
		stress_say("lane %u: %llu intended, %llu done", i,
			   llu(get(&l->lane[i].intent)),
			   llu(get(&l->lane[i].done)));
	for (uint32_t i = 0; i < run.workers; i++)
		stress_say("worker %u, %d: %llu turns, %llu read, %llu lost, "
			   "%llu ends",
			   i, run.pid[i], llu(get(&l->worker[i].turns)),
			   llu(get(&l->worker[i].seen)),
			   llu(get(&l->worker[i].lost)),
			   llu(get(&l->worker[i].pipes)));
}

static uint32_t length_of(uint64_t number)
{
	return run.elem_bytes ? run.elem_bytes
			      : (uint32_t)(number * 7 % (run.longest + 1));
}

static uint64_t content_of(uint32_t lane, uint64_t number)
{
	return number * WRITERS + lane;
}

/* In the middle of something: now and then stay a while, to be killed here. */
static void dawdle(struct worker *w, uint64_t odds)
{
	if (stress_pick(&w->random, odds) == 0)
		for (uint64_t i = 64 * stress_short(&w->random); i; i--)
			slip_pause();
}

/* --- writers ------------------------------------------------------------------- */

/* False: readers are in the way. */
static bool put(struct worker *w, uint32_t len)
{
	bool soon = run.evicts || stress_pick(&w->random, 2);
	uint64_t until = soon ? slip_after_ns(stress_pick(&w->random, 100000))
			      : SLIP_FOREVER;
	int rc;

	if (stress_pick(&w->random, 2))
		rc = slip_broadcast_write(&w->w, w->value, len);
	else
		rc = slip_broadcast_write_until(&w->w, w->value, len, until);
	STRESS_CHECK(!rc || (run.seats &&
			     (rc == -EAGAIN || (rc == -ETIMEDOUT && soon))),
		     "write: %d", rc);
	if (rc == -ETIMEDOUT && run.evicts && stress_pick(&w->random, 4) == 0)
		add(&run.ledger->worker[w->index].evicted,
		    (uint64_t)slip_broadcast_evict(&w->w));
	return !rc;
}

static void write_one(struct worker *w)
{
	uint32_t lane = slip_broadcast_writer_lane(&w->w);
	uint64_t number = w->w.number + 1;
	uint32_t len = length_of(number);

	stress_fill(w->value, len, content_of(lane, number));
	slip_a64_store_release(&run.ledger->lane[lane].intent, number);
	while (!put(w, len))
		if (is_over())
			return;
	slip_a64_store_release(&run.ledger->lane[lane].done, number);
	add(&run.ledger->worker[w->index].turns, 1);
}

static void take_over(struct worker *w)
{
	struct ledger *l = run.ledger;
	int rc =
		slip_broadcast_attach_writer(&w->w, w->mem, w->bytes, &w->self);
	uint32_t lane = slip_broadcast_writer_lane(&w->w);
	uint64_t done;

	STRESS_CHECK(!rc, "attach: %d", rc);
	done = slip_a64_load_acquire(&l->lane[lane].done);
	STRESS_CHECK(w->w.number >= done &&
			     w->w.number <= get(&l->lane[lane].intent),
		     "lane %u at %llu, %llu done, %llu intended", lane,
		     llu(w->w.number), llu(done),
		     llu(get(&l->lane[lane].intent)));
	add(&l->lane[lane].late, w->w.number - done);
	slip_a64_store_release(&l->lane[lane].done, w->w.number);
}

static void write_all(struct worker *w)
{
	take_over(w);
	while (!is_over()) {
		write_one(w);
		dawdle(w, 8);
		if (stress_pick(&w->random, 1000) == 0) {
			slip_broadcast_detach_writer(&w->w);
			take_over(w);
		}
	}
	slip_broadcast_detach_writer(&w->w);
}

/* --- readers --------------------------------------------------------------------- */

static void took(struct worker *w, uint32_t len)
{
	uint64_t number = slip_broadcast_number(&w->r);
	uint64_t lost = slip_broadcast_lost(&w->r);
	uint32_t lane = slip_broadcast_reader_lane(&w->r);

	STRESS_CHECK(lane < run.writers, "lane %u", lane);
	STRESS_CHECK(
		len == length_of(number) &&
			stress_filled(w->value, len, content_of(lane, number)),
		"element %llu of lane %u is not what was written", llu(number),
		lane);
	STRESS_CHECK(
		number <= slip_a64_load_acquire(&run.ledger->lane[lane].intent),
		"%llu is read, and was not written", llu(number));
	STRESS_CHECK(w->number[lane] + lost + 1 == number,
		     "%llu read and lost, %llu lost, number %llu",
		     llu(w->number[lane]), llu(lost), llu(number));
	STRESS_CHECK(!lost || !w->r.seat || run.evicts, "a seat lost %llu",
		     llu(lost));
	w->number[lane] = number;
	add(&run.ledger->worker[w->index].seen, 1);
	add(&run.ledger->worker[w->index].lost, lost);
}

/* 0, or -EPIPE: there is no writer, and nothing more. */
static int read_one(struct worker *w)
{
	bool soon = stress_pick(&w->random, 2);
	uint64_t until = soon ? slip_after_ns(stress_pick(&w->random, 100000))
			      : SLIP_FOREVER;
	bool waits = stress_pick(&w->random, 2);
	uint32_t len = 0;
	int rc;

	if (waits)
		rc = slip_broadcast_read_until(&w->r, w->value, ELEM_MAX, &len,
					       until);
	else
		rc = slip_broadcast_read(&w->r, w->value, ELEM_MAX, &len);
	if (!rc)
		took(w, len);
	if (rc == -EPIPE)
		add(&run.ledger->worker[w->index].pipes, 1);
	STRESS_CHECK(!rc || (waits && rc == -EPIPE) ||
			     (soon && rc == -ETIMEDOUT) ||
			     (!waits && (rc == -ENODATA || rc == -EAGAIN)),
		     "read: %d", rc);
	return rc == -EPIPE ? rc : 0;
}

static void read_all(struct worker *w)
{
	struct ledger *l = run.ledger;
	int rc = 0;

	while (!(is_over() && rc == -EPIPE)) {
		rc = read_one(w);
		add(&l->worker[w->index].turns, 1);
		if (rc == -EPIPE)
			(void)!slip_broadcast_wait_writer_until(
				&w->r, slip_after_ns(STRESS_MS));
		dawdle(w, 64);
	}
	for (uint32_t i = 0; i < run.writers; i++)
		STRESS_CHECK(w->number[i] ==
				     slip_a64_load_acquire(&l->lane[i].done),
			     "lane %u: %llu read and lost, %llu written", i,
			     llu(w->number[i]), llu(get(&l->lane[i].done)));
}

static bool looks_only(uint32_t index)
{
	return run.readonly && index == run.workers - 1;
}

static int come(struct worker *w)
{
	bool newest = run.seats || stress_pick(&w->random, 2);
	int rc;

	if (looks_only(w->index))
		rc = slip_broadcast_attach_readonly(&w->r, w->mem, w->bytes,
						    &w->self, newest);
	else
		rc = slip_broadcast_attach_reader(&w->r, w->mem, w->bytes,
						  &w->self, newest);
	for (uint32_t i = 0; !rc && i < run.writers; i++)
		w->number[i] = w->r.at[i].told;
	return rc;
}

static void enter(struct worker *w)
{
	int fd = slip_region_fd(&run.rg);
	int rc = looks_only(w->index)
			 ? slip_region_adopt(&w->rg, fd, SLIP_REGION_READONLY)
			 : elsewhere_adopt(&w->rg, fd, run.ledger->places,
					   WORKERS, w->index);

	STRESS_CHECK(!rc, "adopt: %d", rc);
	w->mem = slip_region_find(&w->rg, "ring", SLIP_KIND_BROADCAST,
				  &w->bytes);
	STRESS_CHECK(w->mem, "no object");
	if (looks_only(w->index))
		slip_peer_prepare(&w->self, &w->rg);
	else
		rc = slip_peer_join(&w->self, &w->rg);
	STRESS_CHECK(!rc, "join: %d", rc);
	do /* lapped by writers of records, as often as it looked */
		rc = w->index >= run.writers ? come(w) : 0;
	while (rc == -EAGAIN);
	STRESS_CHECK(!rc, "attach: %d", rc);
}

static int work(void *arg)
{
	static struct worker w;

	w.index = *(uint32_t *)arg;
	w.random = run.random;
	enter(&w);
	if (w.index >= run.writers)
		read_all(&w);
	else
		write_all(&w);
	if (w.index >= run.writers)
		slip_broadcast_detach_reader(&w.r);
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
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.workers; i++)
		sum += get(&run.ledger->worker[i].turns);
	return sum;
}

static void idle(uint64_t ns)
{
	stress_pulse(progress() + run.seed * 31);
	stress_sleep_ns(ns);
}

/* A reader that waits for ever needs a writer; and a writer needs readers that
 * move, unless they have no seat, or it may take it from them. */
static bool must_move(uint32_t i, uint32_t but)
{
	if (i == but)
		return false;
	if (but >= run.workers)
		return true;
	if (but < run.writers)
		return run.writers > 1;
	return !run.seats || run.evicts || looks_only(but);
}

/* Others go on, whatever happened to `but`. */
static void see_progress(uint32_t but)
{
	for (uint32_t i = 0; i < run.workers; i++) {
		const slip_a64 *turns = &run.ledger->worker[i].turns;
		uint64_t before = get(turns);

		while (must_move(i, but) && get(turns) == before)
			idle(100000);
	}
}

/* Every reader is told that there is no writer. */
static void see_the_end(void)
{
	for (uint32_t i = run.writers; i < run.workers; i++) {
		uint64_t before = get(&run.ledger->worker[i].pipes);

		while (get(&run.ledger->worker[i].pipes) == before)
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
		if (i == 0 && run.writers == 1 &&
		    get(&run.ledger->lane[0].done) &&
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
	static const uint32_t sizes[] = { 0, 0, 8, 64, ELEM_MAX };
	size_t ledger_bytes = sizeof(*run.ledger);
	uint32_t readers;
	bool lossless;

	run.seed = run.random = seed;
	run.kills = 0;
	readers = 1 + (uint32_t)stress_pick(&run.random, READERS);
	lossless = stress_pick(&run.random, 2);
	run.writers =
		lossless ? 1 : 1 + (uint32_t)stress_pick(&run.random, WRITERS);
	run.workers = run.writers + readers;
	run.readonly = stress_pick(&run.random, 3) == 0;
	run.seats = lossless ? readers : 0;
	run.evicts = lossless && stress_pick(&run.random, 2);
	run.elem_bytes = sizes[stress_pick(&run.random, 5)];
	run.room = (run.elem_bytes ? 8u : 512u) << stress_pick(&run.random, 5);
	run.longest =
		run.elem_bytes ? run.elem_bytes : (uint32_t)run.room / 8 - 8;
	if (run.longest > ELEM_MAX)
		run.longest = ELEM_MAX;
	run.mode =
		stress_pick(&run.random, 2) ? SLIP_EVENT_AUTO : SLIP_EVENT_FULL;
	memset(run.ledger, 0, ledger_bytes);
}

static void create(void)
{
	size_t bytes = slip_broadcast_bytes(run.room, run.elem_bytes,
					    run.writers, run.seats);
	void *mem;
	int rc;

	rc = slip_region_create(&run.rg, bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(!rc, "create: %d", rc);
	mem = slip_region_add(&run.rg, "ring", SLIP_KIND_BROADCAST, bytes);
	STRESS_CHECK(mem, "no room");
	rc = slip_broadcast_init(mem, bytes, run.room, run.elem_bytes,
				 run.writers, run.seats, run.mode);
	STRESS_CHECK(!rc, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(!rc, "publish: %d", rc);
}

static void account(uint64_t seed)
{
	struct ledger *l = run.ledger;
	uint64_t written = 0, seen = 0, lost = 0;

	for (uint32_t i = 0; i < run.writers; i++) {
		written += get(&l->lane[i].done);
		all.late += get(&l->lane[i].late);
	}
	for (uint32_t i = 0; i < run.workers; i++) {
		seen += get(&l->worker[i].seen);
		lost += get(&l->worker[i].lost);
		all.evicted += get(&l->worker[i].evicted);
	}
	all.written += written;
	all.seen += seen;
	all.lost += lost;
	all.kills += run.kills;
	stress_line(seed,
		    "%u writers, %u readers%s%s, room %llu of %u: %llu "
		    "written, %llu read, %llu lost, %llu kills",
		    run.writers, run.workers - run.writers,
		    run.readonly ? ", one read-only" : "",
		    run.evicts	? ", seats taken"
		    : run.seats ? ", seats"
				: "",
		    llu(run.room), run.elem_bytes, llu(written), llu(seen),
		    llu(lost), llu(run.kills));
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
	stress_begin(argc, argv, "broadcast between processes");
	stress_on_stuck(dump);
	run.ledger = stress_shared(sizeof(*run.ledger));
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("broadcast.all", "random-kills",
		   "written=%llu read=%llu lost=%llu kills=%llu stops=%llu",
		   llu(all.written), llu(all.seen), llu(all.lost),
		   llu(all.kills), llu(all.stops));
	return stress_end("%llu written, %llu of them late; %llu read, %llu "
			  "lost; %llu evicted; %llu kills, %llu stops, %llu "
			  "times told of a death",
			  llu(all.written), llu(all.late), llu(all.seen),
			  llu(all.lost), llu(all.evicted), llu(all.kills),
			  llu(all.stops), llu(all.heard));
}
