/* SPDX-License-Identifier: MIT */
/*
 * ring/lanes.h between threads, for ThreadSanitizer: producers that push by every
 * verb, leave and come again, to one consumer or two. What a consumer counts of a
 * lane is a plain variable that belongs to whoever has the lane in hand; what a
 * producer has counted, the main thread reads when the consumers have been told
 * that all have gone.
 */
#include <string.h>

#include "ring/lanes.h"
#include "stress/program.h"

#define PRODUCERS 3u
#define CONSUMERS 2u
#define THREADS	  (PRODUCERS + CONSUMERS)
#define RECORDS	  3000u /* of each producer */
#define LONGEST	  100u
#define LANES	  4u
#define CAPACITY  512u

struct producer {
	uint64_t random;
	uint32_t index;
	uint64_t pushed; /* plain, read when all have gone */
};

static struct {
	uint64_t seed;
	char mem[512 + LANES * (384 + CAPACITY)] SLIP_ALIGNED(64);
	uint64_t in_hand[LANES]; /* plain, of the lane's consumer */
	slip_a32 came[PRODUCERS][RECORDS];
	slip_a32 left; /* producers that have done */
	slip_a64 moved;
	unsigned flags;
	struct producer producer[PRODUCERS];
} run;

static uint64_t all_records;

static void dump(void)
{
	for (uint32_t i = 0; i < LANES; i++) {
		struct slip_record_info one;

		if (!slip_lanes_inspect_lane(run.mem, sizeof(run.mem), i, &one))
			stress_say("lane %u: producer %#llx, consumer %#llx, "
				   "%llu records",
				   i, llu(one.producer), llu(one.consumer),
				   llu(one.records_guess));
	}
}

/* --- producers --------------------------------------------------------------- */

static uint32_t make(struct producer *me, unsigned char *to, uint64_t n)
{
	uint32_t len = 8 + (uint32_t)stress_pick(&me->random, LONGEST - 7);

	stress_fill(to, len, (uint64_t)me->index << 32 | n);
	return len;
}

/* Some records from the n-th on; how many. */
static uint32_t push(struct producer *me, struct slip_lanes_producer *p,
		     uint64_t n)
{
	unsigned char body[2][LONGEST];
	struct slip_record_span spans[2];
	uint32_t len = make(me, body[0], n);
	struct iovec v[2] = { { body[0], 5 }, { body[0] + 5, len - 5 } };
	uint64_t how = stress_pick(&me->random, 5);
	void *at;

	if (how == 0 && n + 1 < RECORDS) {
		spans[0].data = body[0];
		spans[0].len = len;
		spans[1].data = body[1];
		spans[1].len = make(me, body[1], n + 1);
		return slip_lanes_push_n(p, spans, 2);
	}
	if (how == 1) {
		at = slip_lanes_claim(p, len + 1);
		if (at)
			memcpy(at, body[0], len);
		slip_lanes_commit(p, len);
		return at != NULL;
	}
	if (how == 2)
		return slip_lanes_push_v(p, v, 2) == 0;
	if (how == 3)
		return slip_lanes_push(p, body[0], len) == 0;
	STRESS_CHECK(slip_lanes_push_until(p, body[0], len, SLIP_FOREVER) == 0,
		     "push");
	return 1;
}

static void *produce(void *arg)
{
	struct producer *me = arg;
	struct slip_lanes_producer p;
	uint64_t n = 0;

	while (n < RECORDS) {
		uint64_t until = n + 1 + stress_pick(&me->random, 400);
		int rc = slip_lanes_attach_producer(&p, run.mem,
						    sizeof(run.mem), NULL);

		STRESS_CHECK(rc == 0, "attach: %d", rc);
		while (n < until && n < RECORDS) {
			uint32_t done = push(me, &p, n);

			n += done;
			me->pushed += done;
			if (!done)
				slip_pause();
		}
		slip_lanes_detach_producer(&p);
	}
	slip_a32_fetch_add_release(&run.left, 1);
	return NULL;
}

/* --- consumers --------------------------------------------------------------- */

struct order {
	uint64_t stamp;
};

static void take(const void *body, uint32_t len)
{
	uint64_t id;
	uint32_t n;

	STRESS_CHECK(len >= 8, "%u bytes", len);
	memcpy(&id, body, 8);
	n = (uint32_t)id;
	STRESS_CHECK(stress_filled(body, len, id), "%#llx is torn", llu(id));
	STRESS_CHECK(id >> 32 < PRODUCERS && n < RECORDS, "%#llx", llu(id));
	/* stat */
	STRESS_CHECK(slip_a32_fetch_add_relaxed(&run.came[id >> 32][n], 1) == 0,
		     "%#llx again", llu(id));
	(void)slip_a64_fetch_add_relaxed(&run.moved, 1);
}

static bool look(struct slip_lanes_consumer *c)
{
	uint32_t len;
	const void *at = slip_lanes_peek(c, &len);

	if (!at)
		return false;
	run.in_hand[slip_lanes_from(c)]++;
	take(at, len);
	slip_lanes_release(c);
	return true;
}

static bool batch(struct slip_lanes_consumer *c)
{
	struct slip_record_span spans[4];
	uint64_t buffer[64];
	uint32_t n = slip_lanes_pop_n(c, buffer, sizeof(buffer), spans, 4);

	for (uint32_t i = 0; i < n; i++)
		take(spans[i].data, spans[i].len);
	return n > 0;
}

/* 0, or -EPIPE. */
static int wait(struct slip_lanes_consumer *c, struct order *o)
{
	unsigned char body[LONGEST];
	uint32_t len;
	int rc =
		slip_lanes_pop_until(c, body, sizeof(body), &len, SLIP_FOREVER);

	STRESS_CHECK(!rc || rc == -EPIPE, "pop: %d", rc);
	if (rc)
		return rc;
	take(body, len);
	STRESS_CHECK(!(run.flags & SLIP_LANES_STAMPED) ||
			     slip_lanes_stamp_ns(c) >= 1,
		     "no stamp");
	o->stamp = slip_lanes_stamp_ns(c);
	return 0;
}

static void *consume(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct slip_lanes_consumer c;
	struct order o = { 0 };
	int rc = slip_lanes_attach_consumer(&c, run.mem, sizeof(run.mem), NULL);

	if (rc == -EUSERS)
		return NULL; /* for one consumer */
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	for (;;) {
		uint64_t how = stress_pick(&random, 3);

		if (how == 0 && look(&c))
			continue;
		if (how == 1 && batch(&c))
			continue;
		/* All have gone: for good, or until one comes again. */
		if (wait(&c, &o) == -EPIPE &&
		    slip_a32_load_acquire(&run.left) == PRODUCERS) {
			while (wait(&c, &o) == 0)
				;
			break;
		}
	}
	slip_lanes_detach_consumer(&c);
	return NULL;
}

/* --- all --------------------------------------------------------------------- */

static void one_run(uint64_t seed)
{
	pthread_t threads[THREADS];
	uint64_t random[CONSUMERS];
	uint64_t chance = seed;
	uint32_t consumers = 1 + (uint32_t)stress_pick(&chance, 2);
	int rc;

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	run.flags = stress_pick(&chance, 2) ? SLIP_EVENT_FULL : 0;
	if (consumers == 1 && stress_pick(&chance, 2))
		run.flags |= SLIP_LANES_STAMPED;
	rc = slip_lanes_init(run.mem, sizeof(run.mem), LANES, CAPACITY,
			     consumers, run.flags);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	for (uint32_t i = 0; i < THREADS; i++) {
		uint64_t own = stress_random(&chance);

		if (i < PRODUCERS) {
			run.producer[i].random = own;
			run.producer[i].index = i;
			threads[i] = stress_thread(produce, &run.producer[i]);
		} else {
			random[i - PRODUCERS] = own;
			threads[i] =
				stress_thread(consume, &random[i - PRODUCERS]);
		}
	}
	while (slip_a32_load_acquire(&run.left) < PRODUCERS) {
		stress_pulse(seed + slip_a64_load_relaxed(&run.moved));
		stress_sleep_ns(STRESS_MS);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		STRESS_CHECK(run.producer[i].pushed == RECORDS, "pushed");
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		for (uint32_t n = 0; n < RECORDS; n++)
			STRESS_CHECK(slip_a32_load_relaxed(&run.came[i][n]) ==
					     1,
				     "%u of %u is lost", n, i);
	all_records += (uint64_t)PRODUCERS * RECORDS;
	stress_line(seed, "%u consumers, flags %#x", consumers, run.flags);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "ring/lanes.h between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("lanes.all", "threads", "records=%llu", llu(all_records));
	return stress_end("%llu records", llu(all_records));
}
