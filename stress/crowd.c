/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/crowd.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "futex/peer.h"
#include "stress/elsewhere.h"
#include "stress/mpmc_worker.h"

#define PEERS	     24 /* 8 alive, and an auditor: the dead are in the way */
#define DISTURBANCES 24
#define QUIET_NS     (60 * STRESS_MS)
#define SLICE_NS     (10 * STRESS_MS)

static const struct cast {
	const char *name;
	uint32_t n;
	unsigned roles[MPMC_WORKERS];
} casts[] = {
	{ "4P4C", 8, { 1, 1, 1, 1, 2, 2, 2, 2 } },
	{ "4P4C", 8, { 1, 2, 1, 2, 1, 2, 1, 2 } },
	{ "8 of both", 8, { 3, 3, 3, 3, 3, 3, 3, 3 } },
	{ "2P2C and 2 of both", 6, { 1, 2, 1, 2, 3, 3 } },
	{ "2P2C", 4, { 1, 2, 1, 2 } },
	{ "3P1C", 4, { 1, 2, 1, 1 } },
	{ "1P alone, 4C", 5, { 1 | MPMC_ALONE, 2, 2, 2, 2 } },
	{ "4P, 1C alone", 5, { 1, 2 | MPMC_ALONE, 1, 1, 1 } },
	{ "1P alone, 1C alone", 2, { 1 | MPMC_ALONE, 2 | MPMC_ALONE } },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the controller knows; children inherit it by fork. */
static struct {
	uint64_t seed;
	uint64_t random;
	const struct cast *cast;
	struct mpmc_config config;
	struct slip_region rg;
	void *mem;
	size_t bytes;
	struct mpmc_account *account;
	pid_t pid[MPMC_WORKERS];
	bool orphan[MPMC_WORKERS]; /* the last holder of the place was killed */
	uint64_t disturbances;
	uint64_t kills, stops, leaves, heirs;
	enum stress_pinning pinning;
	struct pair_account *counts; /* or NULL */
	bool running;
} run;

static struct crowd_totals all;
static struct mpmc_result last;

/* One worker, in its process. */
struct worker {
	struct mpmc_worker its;
	struct slip_region rg;
	struct slip_peer peer;
};

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static struct mpmc_diary *diary_of(uint32_t place)
{
	return &run.account->diary[place];
}

static void dump(void)
{
	char text[256];

	if (!run.running)
		return;
	(void)mpmc_describe(&run.config, text, sizeof(text));
	stress_say("%s, %s; %llu kills, %llu stops", run.cast->name, text,
		   llu(run.kills), llu(run.stops));
	for (uint32_t i = 0; i < run.cast->n; i++) {
		const struct mpmc_diary *d = diary_of(i);

		stress_say("worker %u, %d, roles %u: attached %llu, pushed "
			   "%llu, popped %llu, refused %llu, popping %llu, "
			   "held %#llx, forever %llu, leave %llu",
			   i, run.pid[i], run.cast->roles[i],
			   llu(get(&d->attached)), llu(get(&d->pushed)),
			   llu(get(&d->popped)), llu(get(&d->refused)),
			   llu(get(&d->popping)), llu(get(&d->held[0])),
			   llu(get(&d->forever)), llu(get(&d->leave)));
	}
	mpmc_dump(run.mem, run.bytes);
}

/* --- a worker -------------------------------------------------------------- */

static bool has(const struct worker *w, unsigned role)
{
	return (w->its.roles & role) != 0;
}

static void check_unspoilt(const struct worker *w)
{
	STRESS_CHECK(w->its.q.error == 0, "the handle is poisoned: %d",
		     w->its.q.error);
}

/* --- a turn ---------------------------------------------------------------- */

static void recover(struct worker *w)
{
	int rc = slip_peer_recover(&w->peer);

	STRESS_CHECK(rc >= 0, "recover: %d", rc);
}

static void refused(struct worker *w)
{
	slip_a64 *count = &diary_of(w->its.place)->refused;

	set(count, get(count) + 1);
	check_unspoilt(w);
	if (stress_pick(&w->its.random, 32) == 0)
		recover(w);
	/* Yielding alone, two that poll have starved a third, on their way to
	 * be killed, for 20 s (Linux 6.18). */
	if (stress_pick(&w->its.random, 8))
		sched_yield();
	else
		stress_sleep_ns(1000);
}

/* False: this worker is done. */
static bool turn(struct worker *w)
{
	struct mpmc_account *a = run.account;
	/* Read first: then -EPIPE means the last of all producers. */
	bool drain = get(&a->drain);
	bool finish = get(&a->finish);
	bool wait = run.config.blocking && stress_pick(&w->its.random, 2);
	bool put = has(w, SLIP_PRODUCER) && !finish &&
		   (!has(w, SLIP_CONSUMER) || stress_pick(&w->its.random, 2));
	int rc;

	if (get(&diary_of(w->its.place)->leave) ||
	    (finish && !has(w, SLIP_CONSUMER)))
		return false;
	/* One that has both roles hears no -EPIPE. */
	if (drain)
		wait = !has(w, SLIP_PRODUCER);
	rc = put ? mpmc_produce(&w->its, wait)
		 : mpmc_consume(&w->its, wait, drain);
	STRESS_CHECK(rc >= 0 || rc == -ETIMEDOUT || rc == -EPIPE, "%s: %d",
		     put ? "push" : "pop", rc);
	if (rc == -EPIPE && drain)
		return false;
	if (rc == -EPIPE)
		stress_sleep_ns(100000); /* until a successor has come */
	if (rc == 0)
		refused(w);
	return !(finish && rc <= 0 && !w->its.held && has(w, SLIP_PRODUCER));
}

static void join(struct slip_peer *peer, struct slip_region *rg)
{
	int rc;

	slip_peer_prepare(peer, rg);
	rc = slip_peer_hook(peer, SLIP_KIND_MPMC, slip_mpmc_recover_);
	STRESS_CHECK(rc == 0, "hook: %d", rc);
	while ((rc = slip_peer_enter(peer)) == -EUSERS)
		stress_sleep_ns(STRESS_MS);
	STRESS_CHECK(rc == 0, "join: %d", rc);
}

/* What it has of its own. */
static void prepare(struct worker *w)
{
	w->its.config = &run.config;
	w->its.account = run.account;
	w->its.random = run.random ^ (uint64_t)getpid();
	w->its.buffer = malloc((size_t)run.config.elem_bytes * MPMC_BATCH);
	STRESS_CHECK(w->its.buffer, "no memory");
}

static void enter(struct worker *w, bool rival)
{
	int fd = slip_region_fd(&run.rg);
	void *mem;
	int rc;

	prepare(w);
	rc = rival ? slip_region_adopt(&w->rg, fd, 0)
		   : elsewhere_adopt(&w->rg, fd, run.account->place,
				     MPMC_PLACES, w->its.place);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	mem = slip_region_find(&w->rg, "ring", SLIP_KIND_MPMC, NULL);
	STRESS_CHECK(mem, "no ring");
	join(&w->peer, &w->rg);
	w->its.roles = run.cast->roles[w->its.place];
	/* Who may push what it waits for itself does not wait for ever. */
	w->its.restless = w->its.roles == MPMC_BOTH;
	rc = slip_mpmc_attach(&w->its.q, mem, run.bytes, w->its.roles,
			      &w->peer);
	STRESS_CHECK(rc == (rival ? -EBUSY : 0), "attach%s: %d",
		     rival ? " beside one that is alone" : "", rc);
	mpmc_worker_begin(&w->its);
}

static void leave(struct worker *w)
{
	slip_mpmc_detach(&w->its.q);
	slip_peer_leave(&w->peer);
	slip_region_close(&w->rg);
}

static int work(void *arg)
{
	static struct worker w;

	w.its.place = *(uint32_t *)arg;
	stress_pin(run.pinning, w.its.place % 2);
	enter(&w, false);
	set(&diary_of(w.its.place)->attached, (uint64_t)getpid());
	/* Who sleeps for ever relies on others to recover. */
	if (run.config.blocking || stress_pick(&w.its.random, 4))
		recover(&w);
	while (turn(&w))
		continue;
	leave(&w);
	return 0;
}

/* Nobody attaches beside one that is alone in its role. */
static int be_rival(void *arg)
{
	static struct worker w;

	w.its.place = *(uint32_t *)arg;
	enter(&w, true);
	leave(&w);
	return 0;
}

/* --- the controller -------------------------------------------------------- */

static void start(uint32_t i)
{
	(void)stress_random(&run.random);
	set(&diary_of(i)->leave, 0);
	run.heirs += run.orphan[i];
	run.orphan[i] = false;
	run.pid[i] = stress_spawn(work, &i);
}

/* What all but one have moved, or all. */
static uint64_t moved(uint32_t but, bool out)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < run.cast->n; i++)
		if (i != but)
			sum += get(out ? &diary_of(i)->popped
				       : &diary_of(i)->pushed);
	return sum;
}

static void look(void)
{
	if (run.counts)
		set(&run.counts->count[PAIR_NOW], moved(MPMC_PLACES, true));
	stress_pulse(moved(MPMC_PLACES, true) + moved(MPMC_PLACES, false) +
		     run.disturbances + run.seed * 31);
}

/* Wait a little for something; the watchdog ends it if it never comes. */
static void idle(uint64_t ns)
{
	stress_all_at_work();
	look();
	stress_sleep_ns(ns);
}

/* Wait for so long, or to the end of all runs. */
static void rest(uint64_t ns)
{
	uint64_t until = slip_after_ns(ns);
	uint64_t now;

	while ((now = slip_now_ns()) < until && !stress_is_over())
		idle(until - now < SLICE_NS ? until - now : SLICE_NS);
}

static void await_attached(uint32_t i)
{
	while (get(&diary_of(i)->attached) != (uint64_t)run.pid[i])
		idle(50000);
}

static void kill_worker(uint32_t i)
{
	slip_a64 *deaths = &run.account->deaths;

	set(deaths, get(deaths) + 1);
	stress_kill(run.pid[i]);
	mpmc_bury(run.account, i, true);
	run.orphan[i] = true;
	run.kills++;
}

static bool exhausted(void)
{
	for (uint32_t i = 0; i < run.cast->n; i++)
		if (get(&diary_of(i)->put_done) + MPMC_BATCH > MPMC_NUMBERS)
			return true;
	return false;
}

/* Is there still somebody for each role, without that one? */
static bool can_do_without(uint32_t but)
{
	unsigned roles = 0;

	for (uint32_t i = 0; i < run.cast->n; i++)
		if (i != but)
			roles |= run.cast->roles[i];
	return (roles & MPMC_BOTH) == MPMC_BOTH;
}

/* More elements than there are slots: by the others, beside one stopped. */
static void others_go_on(uint32_t stopped)
{
	uint64_t enough =
		2 * run.config.capacity < 64 ? 2 * run.config.capacity : 64;
	uint64_t in = moved(stopped, false) + enough;
	uint64_t out = moved(stopped, true) + enough;

	if (!can_do_without(stopped)) {
		rest(STRESS_MS);
		return;
	}
	while ((moved(stopped, false) < in || moved(stopped, true) < out) &&
	       !exhausted())
		idle(100000);
}

static void stop_one(uint32_t i)
{
	uint64_t kind = stress_pick(&run.random, 4);

	stress_stop(run.pid[i]);
	run.stops++;
	if (kind == 0)
		rest(stress_pick(&run.random, 2 * STRESS_MS));
	else
		others_go_on(i);
	if (kind == 1 && stress_options.kills) {
		kill_worker(i);
		start(i);
	} else {
		stress_continue(run.pid[i]);
	}
}

/* One is stopped, another killed and recovered beside it. */
static void stop_and_kill(uint32_t i)
{
	uint32_t k = (uint32_t)stress_pick(&run.random, run.cast->n);

	if (k == i || run.config.capacity < 8) {
		stop_one(i);
		return;
	}
	stress_stop(run.pid[i]);
	run.stops++;
	kill_worker(k);
	start(k);
	await_attached(k);
	others_go_on(i);
	stress_continue(run.pid[i]);
}

static void kill_some(uint32_t i)
{
	uint64_t kind = stress_pick(&run.random, 8);

	/* All at once, and nobody is there. */
	for (uint32_t k = 0; kind == 0 && k < run.cast->n; k++)
		if (k != i)
			kill_worker(k);
	kill_worker(i);
	if (kind == 1)
		rest(stress_pick(&run.random, 3 * STRESS_MS));
	start(i);
	for (uint32_t k = 0; kind == 0 && k < run.cast->n; k++)
		if (k != i)
			start(k);
}

static void dismiss(uint32_t i)
{
	set(&diary_of(i)->leave, 1);
	/* One that sleeps for ever does not see it. */
	for (int t = 0; t < 50; t++) {
		int status;

		if (stress_ended(run.pid[i], &status)) {
			STRESS_CHECK(status == 0, "it ended with %#x",
				     (unsigned)status);
			mpmc_bury(run.account, i, false);
			run.leaves++;
			start(i);
			return;
		}
		look();
		stress_sleep_ns(200000);
	}
	kill_worker(i);
	start(i);
}

static void challenge(uint32_t i)
{
	pid_t pid;

	if (!(run.cast->roles[i] & MPMC_ALONE)) {
		dismiss(i);
		return;
	}
	await_attached(i);
	pid = stress_spawn(be_rival, &i);
	stress_join(pid);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, run.cast->n);
	bool stop = stress_pick_stop(&run.random);

	run.disturbances++;
	if (stress_pick(&run.random, 12) == 0)
		challenge(i);
	else if (stop && stress_options.kills &&
		 stress_pick(&run.random, 4) == 0)
		stop_and_kill(i);
	else if (stop)
		stop_one(i);
	else
		kill_some(i);
}

/* --- the last look --------------------------------------------------------- */

static void audit_pop(struct worker *w)
{
	while (mpmc_consume(&w->its, false, true) > 0)
		continue;
	check_unspoilt(w);
	STRESS_CHECK(!w->its.held, "it still holds %u", w->its.held);
}

/* Every seat can be had: those too whose dead holder had still to be heard when
 * it was recovered. */
static void audit_seats(struct worker *w)
{
	static struct slip_mpmc q[256];
	uint32_t n = 0;
	int rc;

	do
		rc = slip_mpmc_attach(&q[n++], run.mem, run.bytes,
				      SLIP_CONSUMER, &w->peer);
	while (rc == 0 && n < run.config.shape.seats);
	STRESS_CHECK(rc == -EUSERS && n == run.config.shape.seats,
		     "%u of %u seats can be had: %d", n, run.config.shape.seats,
		     rc);
	while (n-- > 1)
		slip_mpmc_detach(&q[n - 1]);
}

/* Every slot can be filled, and nothing is left over. */
static void audit_room(struct worker *w)
{
	struct slip_mpmc_info info = { 0 };
	uint32_t n = 0;
	int rc;

	while (n <= run.config.capacity && mpmc_produce(&w->its, false) > 0)
		n++;
	STRESS_CHECK(n == run.config.capacity, "%u of %u slots can be filled",
		     n, run.config.capacity);
	audit_pop(w);
	rc = slip_mpmc_inspect(run.mem, run.bytes, &info);
	STRESS_CHECK(rc == 0, "inspect: %d", rc);
	STRESS_CHECK(info.producers == 1 && info.consumers == 1 &&
			     info.dead == 0 && info.held == 0 &&
			     info.returned == 0,
		     "left over: %u producers, %u consumers, %u dead, %u "
		     "held, %u returned",
		     info.producers, info.consumers, info.dead, info.held,
		     info.returned);
}

static void audit(void)
{
	static struct worker w;
	int rc;

	memset(&w, 0, sizeof(w));
	w.its.place = MPMC_AUDITOR;
	prepare(&w);
	join(&w.peer, &run.rg);
	recover(&w);
	rc = slip_mpmc_attach(&w.its.q, run.mem, run.bytes, MPMC_BOTH, &w.peer);
	STRESS_CHECK(rc == 0, "the auditor's attach: %d", rc);
	mpmc_worker_begin(&w.its);
	w.its.batch = 1;
	w.its.hold = 1;
	audit_pop(&w);
	audit_seats(&w);
	audit_room(&w);
	audit_room(&w);
	slip_mpmc_detach(&w.its.q);
	slip_peer_leave(&w.peer);
	free(w.its.buffer);
}

/* --- one run --------------------------------------------------------------- */

static void create(uint64_t seed)
{
	int rc;

	run.seed = seed;
	run.random = seed;
	run.cast = &casts[stress_pick(&run.random, COUNT(casts))];
	run.pinning = stress_options.pinning;
	if (run.pinning == STRESS_PIN_VARY)
		run.pinning = (enum stress_pinning)stress_pick(&run.random, 3);
	STRESS_CHECK(mpmc_choose(&run.config, &run.random),
		     "no such ring: %u of %u B", run.config.capacity,
		     run.config.elem_bytes);
	run.bytes = slip_mpmc_shape_bytes_(&run.config.shape);
	rc = slip_region_create(&run.rg, run.bytes,
				pair_back_end() | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.mem = slip_region_add(&run.rg, "ring", SLIP_KIND_MPMC, run.bytes);
	STRESS_CHECK(run.mem, "no room");
	mpmc_format(&run.config, run.mem);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	mpmc_account_reset(run.account, run.config.work,
			   stress_pick(&run.random, 2));
	memset(run.orphan, 0, sizeof(run.orphan));
	run.disturbances = 0;
	run.kills = run.stops = run.leaves = run.heirs = 0;
	run.running = true;
}

static void end_worker(uint32_t i, bool in_order)
{
	if (!in_order) {
		kill_worker(i);
		return;
	}
	stress_join(run.pid[i]);
	mpmc_bury(run.account, i, false);
}

/* Those that only produce end first, then the others: in order, when they have
 * drained the ring, or as they are. */
static void finish(void)
{
	bool in_order = stress_pick(&run.random, 2) || !stress_options.kills;
	bool drained = stress_pick(&run.random, 2) || !stress_options.kills;

	for (uint32_t i = 0; i < run.cast->n; i++)
		await_attached(i);
	set(&run.account->finish, in_order);
	for (uint32_t i = 0; i < run.cast->n; i++)
		if (!(run.cast->roles[i] & SLIP_CONSUMER))
			end_worker(i, in_order);
	set(&run.account->finish, 1);
	set(&run.account->drain, 1);
	for (uint32_t i = 0; i < run.cast->n; i++)
		if (run.cast->roles[i] & SLIP_CONSUMER)
			end_worker(i, drained);
}

static void count(enum pair_count what, uint64_t n)
{
	if (run.counts)
		set(&run.counts->count[what],
		    get(&run.counts->count[what]) + n);
}

static void settle(void)
{
	struct mpmc_result r = mpmc_settle(run.account);
	/* Other deliveries after the first were asked for. */
	uint64_t again = run.account->bequeathed;

	last = r;
	all.r.pushed += r.pushed;
	all.r.late += r.late;
	all.r.never += r.never;
	all.r.popped += r.popped;
	all.r.lost += r.lost;
	all.r.returned += r.returned;
	all.r.again += r.again;
	all.r.ordered += r.ordered;
	all.leaves += run.leaves;
	all.kills += run.kills;
	all.stops += run.stops;
	all.unsure += run.account->unsure;
	all.lost_most += run.account->lost_most;
	if (run.counts)
		set(&run.counts->count[PAIR_NOW], 0);
	count(PAIR_RUNS, 1);
	count(PAIR_PUSHED, r.pushed);
	count(PAIR_POPPED, r.popped + again);
	count(PAIR_LOST, r.lost);
	count(PAIR_AGAIN, again);
	count(PAIR_LATE, r.late);
	count(PAIR_KILLS, run.kills);
	count(PAIR_STOPS, run.stops);
	count(PAIR_LEAVES, run.leaves);
	count(PAIR_TAKEOVERS, run.heirs);
}

const struct crowd_totals *crowd_totals(void)
{
	return &all;
}

void crowd_describe(char *text, size_t bytes)
{
	char shape[200];

	(void)mpmc_describe(&run.config, shape, sizeof(shape));
	(void)snprintf(
		text, bytes,
		"%s, %s: %llu pushed (%llu late, %llu never), %llu popped, "
		"%llu lost (of %llu), %llu returned, %llu again, %llu kills, "
		"%llu stops",
		run.cast->name, shape, llu(last.pushed), llu(last.late),
		llu(last.never), llu(last.popped), llu(last.lost),
		llu(run.account->lost_most), llu(last.returned),
		llu(last.again), llu(run.kills), llu(run.stops));
}

void crowd_run(struct pair_account *counts, uint64_t seed)
{
	stress_on_stuck(dump);
	if (!run.account)
		run.account = stress_shared(sizeof(*run.account));
	run.counts = counts;
	create(seed);
	for (uint32_t i = 0; i < run.cast->n; i++)
		start(i);
	if (!stress_rate())
		rest(QUIET_NS);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		rest(stress_gap_ns(&run.random));
		if ((i && stress_is_over()) || exhausted())
			break;
		disturb();
	}
	finish();
	audit();
	settle();
	run.running = false;
	slip_region_close(&run.rg);
}

static bool fits(void)
{
	struct mpmc_config config;
	uint64_t random = 0;

	return mpmc_choose(&config, &random);
}

const struct pair_ring pair_mpmc = {
	.name = "mpmc",
	.kind = SLIP_KIND_MPMC,
	.fits = fits,
	.run = crowd_run,
};
