/* SPDX-License-Identifier: MIT */
/*
 * ring/lanes.h between processes, mapped at different addresses, which are killed
 * and replaced, and stopped: three producers, and one consumer or two.
 *
 * The account: each record is whole; of one life of a producer they come in
 * order; what was pushed for sure is delivered, but for what a killed consumer
 * had popped (and never, if consumers look before they release); nothing comes
 * twice, but what a killed consumer had in hand. While a producer is stopped the
 * others go on, and so do all but one lane while one of two consumers is. In the
 * end every lane and every seat can be had.
 */
#define _GNU_SOURCE
#include "ring/lanes.h"

#include <sched.h>

#include "stress/elsewhere.h"
#include "stress/program.h"

#define PRODUCERS    3u
#define WORKERS	     (PRODUCERS + 2) /* the last ones consume */
#define PEERS	     16u
#define LANES	     4u
#define DISTURBANCES 40
#define LONGEST	     200u
#define LIMIT	     (UINT64_C(1) << 22) /* records of a producer */
#define BATCH	     4u

/* Written by one worker at a time, read by the controller. */
struct diary {
	slip_a64 turns;
	slip_a64 next; /* number of a producer's next record */
	slip_a64 sure; /* so many were pushed, for sure */
	unsigned char pad[SLIP_APART_BYTES - 24];
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint32_t consumers;
	unsigned flags;
	bool looks; /* consumers look before they release */
	struct slip_region rg;
	struct diary *diaries;
	unsigned char *came[PRODUCERS]; /* how often, by number */
	unsigned char *sure[PRODUCERS]; /* was pushed */
	slip_a64 *over;
	slip_a64 *places;
	pid_t pid[WORKERS];
	uint64_t kills[2]; /* of producers, of consumers */
	bool running;
} run;

static struct {
	uint64_t records, kills, stops, again, lost;
} all;

/* One worker's. */
static struct {
	struct slip_region rg;
	struct slip_peer self;
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	struct diary *diary;
	uint32_t index;
	uint64_t random;
	uint64_t life;
	void *mem;
	size_t bytes;
	uint64_t last_life[PRODUCERS], last[PRODUCERS];
	unsigned char buffer[BATCH][LONGEST] SLIP_ALIGNED(8);
} me;

/* What a record begins with. */
struct label {
	uint64_t number;
	uint64_t life;
	uint32_t from;
	uint32_t zero;
};

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static void count(slip_a64 *word)
{
	set(word, get(word) + 1);
}

/* Records that came, but not by a worker that is stopped. */
static uint64_t turns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = PRODUCERS; i < WORKERS; i++)
		sum += get(&run.diaries[i].turns);
	return sum;
}

static void *ring_of(struct slip_region *rg, size_t *bytes)
{
	void *mem = slip_region_find(rg, "lanes", SLIP_KIND_LANES, bytes);

	STRESS_CHECK(mem, "no ring");
	return mem;
}

static void dump(void)
{
	size_t bytes;
	void *mem;

	if (!run.running)
		return;
	mem = ring_of(&run.rg, &bytes);
	for (uint32_t i = 0; i < LANES; i++) {
		struct slip_record_info one;

		if (!slip_lanes_inspect_lane(mem, bytes, i, &one))
			stress_say("lane %u: producer %#llx, consumer %#llx, "
				   "%llu records",
				   i, llu(one.producer), llu(one.consumer),
				   llu(one.records_guess));
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_say("worker %d: turns %llu, next %llu", run.pid[i],
			   llu(get(&run.diaries[i].turns)),
			   llu(get(&run.diaries[i].next)));
}

/* --- producers --------------------------------------------------------------- */

/* The next record, at `to`: its length. */
static uint32_t make(unsigned char *to, uint64_t number)
{
	struct label l = { number, me.life, me.index, 0 };
	uint32_t len = (uint32_t)(sizeof(l) +
				  stress_pick(&me.random, LONGEST - sizeof(l)));

	memcpy(to, &l, sizeof(l));
	stress_fill(to + sizeof(l), len - (uint32_t)sizeof(l), number);
	return len;
}

/* 0: went in, so many; -EAGAIN. */
static int push(uint64_t number, uint32_t *done)
{
	struct slip_record_span spans[BATCH];
	uint32_t len = make(me.buffer[0], number);
	struct iovec v[2] = { { me.buffer[0], 9 },
			      { me.buffer[0] + 9, len - 9 } };
	uint64_t how = stress_pick(&me.random, 4);
	void *at;

	*done = 1;
	if (how == 0)
		return slip_lanes_push_v_until(&me.p, v, 2,
					       slip_after_ns(1000000));
	if (how == 1) {
		at = slip_lanes_claim(&me.p, len);
		if (!at)
			return -EAGAIN;
		memcpy(at, me.buffer[0], len);
		slip_lanes_commit(&me.p, len);
		return 0;
	}
	if (how == 2)
		return slip_lanes_push_until(&me.p, me.buffer[0], len,
					     slip_after_ns(1000000));
	for (uint32_t i = 0; i < BATCH; i++) {
		spans[i].data = me.buffer[i];
		spans[i].len = i ? make(me.buffer[i], number + i) : len;
	}
	*done = slip_lanes_push_n(&me.p, spans, BATCH);
	return *done ? 0 : -EAGAIN;
}

static void push_a_while(void)
{
	uint64_t n = stress_pick(&me.random, 5000);
	int rc = slip_lanes_attach_producer(&me.p, me.mem, me.bytes, &me.self);

	STRESS_CHECK(rc == 0, "attach: %d", rc);
	me.life++;
	while (n-- && !get(run.over)) {
		uint64_t number = get(&me.diary->next);
		uint32_t done;

		if (number > LIMIT - BATCH) {
			sched_yield();
			continue;
		}
		/* A number that may have been used is not used again. */
		set(&me.diary->next, number + BATCH);
		slip_fence_light();
		rc = push(number, &done);
		STRESS_CHECK(!rc || rc == -EAGAIN || rc == -ETIMEDOUT ||
				     rc == -EPIPE,
			     "push: %d", rc);
		for (uint32_t i = 0; !rc && i < done; i++) {
			run.sure[me.index][number + i] = 1;
			count(&me.diary->sure);
		}
		if (rc)
			sched_yield();
	}
	slip_lanes_close(&me.p);
}

/* --- consumers --------------------------------------------------------------- */

static void take(const void *body, uint32_t len)
{
	struct label l;

	STRESS_CHECK(len >= sizeof(l), "%u bytes", len);
	memcpy(&l, body, sizeof(l));
	STRESS_CHECK(
		l.from < PRODUCERS && l.number < LIMIT && !l.zero &&
			stress_filled((const unsigned char *)body + sizeof(l),
				      len - (uint32_t)sizeof(l), l.number),
		"record %llu is torn", llu(l.number));
	STRESS_CHECK(me.last_life[l.from] != l.life ||
			     me.last[l.from] < l.number,
		     "%llu after %llu", llu(l.number), llu(me.last[l.from]));
	me.last_life[l.from] = l.life;
	me.last[l.from] = l.number;
	run.came[l.from][l.number]++;
	count(&me.diary->turns);
}

static int look(void)
{
	uint32_t len;
	int rc = slip_lanes_wait_data_until(&me.c, SLIP_FOREVER);
	const void *at = rc ? NULL : slip_lanes_peek(&me.c, &len);

	if (!at)
		return rc;
	take(at, len);
	slip_fence_light();
	slip_lanes_release(&me.c);
	return 0;
}

static int pop(void)
{
	struct slip_record_span spans[BATCH];
	uint32_t len;
	int rc;

	if (stress_pick(&me.random, 2)) {
		uint32_t n = slip_lanes_pop_n(&me.c, me.buffer,
					      sizeof(me.buffer), spans, BATCH);

		for (uint32_t i = 0; i < n; i++)
			take(spans[i].data, spans[i].len);
		if (n)
			return 0;
	}
	rc = slip_lanes_pop_until(&me.c, me.buffer[0], LONGEST, &len,
				  SLIP_FOREVER);
	if (!rc)
		take(me.buffer[0], len);
	return rc;
}

static void consume_a_while(void)
{
	uint64_t n = stress_pick(&me.random, 20000);
	int rc = slip_lanes_attach_consumer(&me.c, me.mem, me.bytes, &me.self);

	STRESS_CHECK(rc == 0, "attach: %d", rc);
	/* To the end, when it is over. */
	while (n || get(run.over)) {
		n -= n > 0;
		rc = run.looks ? look() : pop();
		STRESS_CHECK(!rc || rc == -EPIPE, "pop: %d", rc);
		if (rc && get(run.over))
			break;
		if (rc)
			sched_yield();
	}
	slip_lanes_detach_consumer(&me.c);
}

static int work(void *arg)
{
	int rc;

	me.index = *(uint32_t *)arg;
	me.random = run.random;
	me.life = run.random << 16;
	me.diary = &run.diaries[me.index];
	rc = elsewhere_adopt(&me.rg, slip_region_fd(&run.rg), run.places,
			     WORKERS, me.index);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	me.mem = ring_of(&me.rg, &me.bytes);
	rc = slip_peer_join(&me.self, &me.rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	while (!get(run.over))
		if (me.index >= PRODUCERS)
			consume_a_while();
		else
			push_a_while();
	slip_peer_leave(&me.self);
	slip_region_close(&me.rg);
	return 0;
}

/* --- the controller ---------------------------------------------------------- */

static uint32_t workers(void)
{
	return PRODUCERS + run.consumers;
}

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(turns() + run.seed * 31);
	stress_sleep_ns(ns);
}

static bool spent(void)
{
	for (uint32_t i = 0; i < PRODUCERS; i++)
		if (get(&run.diaries[i].next) > LIMIT / 2)
			return true;
	return false;
}

static void see_progress(void)
{
	uint64_t before = turns();

	while (turns() == before && !spent())
		idle(100000);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, workers());

	if (!stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills[i >= PRODUCERS]++;
		start(i);
	} else {
		stress_stop(run.pid[i]);
		all.stops++;
		if (i >= PRODUCERS && run.consumers == 1)
			idle(stress_gap_ns(&run.random));
		else
			see_progress();
		stress_continue(run.pid[i]);
	}
	see_progress();
}

static void create(uint64_t seed)
{
	size_t bytes;
	void *mem;
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills[0] = run.kills[1] = 0;
	run.consumers = 1 + (uint32_t)stress_pick(&run.random, 2);
	run.looks = stress_pick(&run.random, 2);
	run.flags = stress_pick(&run.random, 2) ? SLIP_EVENT_FULL : 0;
	if (run.consumers == 1 && stress_pick(&run.random, 2))
		run.flags |= SLIP_LANES_STAMPED;
	bytes = slip_lanes_bytes(LANES, 2048);
	rc = slip_region_create(&run.rg, bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	mem = slip_region_add(&run.rg, "lanes", SLIP_KIND_LANES, bytes);
	STRESS_CHECK(mem, "no room");
	rc = slip_lanes_init(mem, bytes, LANES, 2048, run.consumers, run.flags);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	memset(run.diaries, 0, sizeof(*run.diaries) * WORKERS);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		madvise(run.came[i], LIMIT, MADV_REMOVE);
		madvise(run.sure[i], LIMIT, MADV_REMOVE);
	}
	set(run.over, 0);
	run.running = true;
}

/* What is left, and every lane and seat. */
static void drain(void)
{
	struct slip_peer self;
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c[2];
	size_t bytes;
	void *mem = ring_of(&run.rg, &bytes);
	uint32_t len;
	int rc = slip_peer_join(&self, &run.rg);

	STRESS_CHECK(rc == 0, "join: %d", rc);
	me.diary = &run.diaries[WORKERS - 1];
	memset(me.last_life, 0, sizeof(me.last_life));
	for (uint32_t i = 0; i < run.consumers; i++) {
		rc = slip_lanes_attach_consumer(&c[i], mem, bytes, &self);
		STRESS_CHECK(rc == 0, "seat %u is not free: %d", i, rc);
	}
	while ((rc = slip_lanes_pop_until(&c[0], me.buffer[0], LONGEST, &len,
					  SLIP_FOREVER)) == 0)
		take(me.buffer[0], len);
	STRESS_CHECK(rc == -EPIPE, "pop: %d", rc);
	STRESS_CHECK(!slip_lanes_damaged(&c[0]), "damaged lanes");
	for (uint32_t i = 0; i < LANES; i++) {
		rc = slip_lanes_attach_producer(&p, mem, bytes, &self);
		STRESS_CHECK(rc == 0 && slip_lanes_lane(&p) == i,
			     "lane %u is not free: %d", i, rc);
		rc = slip_lanes_push(&p, "record", 7);
		STRESS_CHECK(rc == 0, "lane %u: push: %d", i, rc);
		rc = slip_lanes_pop(&c[run.consumers - 1], me.buffer[0],
				    LONGEST, &len);
		STRESS_CHECK(rc == 0 && len == 7, "lane %u: pop: %d", i, rc);
	}
	slip_peer_leave(&self);
}

static void account(void)
{
	uint64_t again = 0;
	uint64_t lost = 0;

	drain();
	for (uint32_t i = 0; i < PRODUCERS; i++)
		for (uint64_t n = 0; n < get(&run.diaries[i].next); n++) {
			lost += run.sure[i][n] && !run.came[i][n];
			again += run.came[i][n] > 1;
		}
	STRESS_CHECK(lost <= (run.looks ? 0 : run.kills[1] * BATCH),
		     "%llu records are lost", llu(lost));
	STRESS_CHECK(again <= run.kills[1], "%llu came again", llu(again));
	all.again += again;
	all.lost += lost;
}

static void one_run(uint64_t seed)
{
	create(seed);
	for (uint32_t i = 0; i < workers(); i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate() && !spent(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	set(run.over, 1); /* hint: the workers look */
	for (uint32_t i = 0; i < workers(); i++)
		stress_join(run.pid[i]);
	all.records += turns();
	account();
	all.kills += run.kills[0] + run.kills[1];
	stress_line(seed, "%u consumers, flags %#x: %llu records, %llu kills",
		    run.consumers, run.flags, llu(turns()),
		    llu(run.kills[0] + run.kills[1]));
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "ring/lanes.h between processes");
	stress_on_stuck(dump);
	run.diaries = stress_shared(sizeof(*run.diaries) * WORKERS);
	run.over = stress_shared(sizeof(*run.over));
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		run.came[i] = stress_shared(LIMIT);
		run.sure[i] = stress_shared(LIMIT);
	}
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("lanes.all", "random-kills",
		   "records=%llu kills=%llu stops=%llu again=%llu lost=%llu",
		   llu(all.records), llu(all.kills), llu(all.stops),
		   llu(all.again), llu(all.lost));
	return stress_end("%llu records, %llu kills, %llu stops, %llu came "
			  "again, %llu popped by the dead",
			  llu(all.records), llu(all.kills), llu(all.stops),
			  llu(all.again), llu(all.lost));
}
