/* SPDX-License-Identifier: MIT */
/*
 * ring/broadcast.h between threads, for ThreadSanitizer: two writers that take
 * turns in one lane, each when the other has detached, or have one each; and up
 * to three readers, with seats or without, some of which do not store, which leave
 * and come again; all verbs, polling and blocking, both event modes. Nobody dies
 * here.
 *
 * Which element comes next in a lane is a plain variable that belongs to whoever
 * writes there. A plain note for each element is written before it: whoever has
 * read the element may read the note.
 */
#define _GNU_SOURCE
#include "ring/broadcast.h"

#include <sched.h>
#include <stdlib.h>

#include "stress/program.h"

#define READERS	   3
#define WRITERS	   2
#define ELEMENTS   3000 /* of a lane */
#define ELEM_BYTES 1000

static struct {
	void *mem;
	size_t bytes;
	uint64_t room;
	uint32_t elem_bytes, longest;
	uint32_t lanes, seats, readers;
	bool evicts;
	uint64_t
		next[WRITERS]; /* of whoever writes there: how many there are */
	uint64_t notes[WRITERS][ELEMENTS + 1]; /* of each, before it is there */
	slip_a64 steps[READERS + WRITERS];
} run;

struct worker {
	uint32_t index;
	uint64_t random;
	bool readonly;
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	uint64_t number[WRITERS]; /* of each lane: what was read and lost */
	unsigned char value[ELEM_BYTES];
	uint64_t seen, lost, evicted;
};

static uint64_t all_written, all_read, all_lost, all_evicted;

static void dump(void)
{
	struct slip_broadcast_lane_info lane;

	for (uint32_t i = 0; i < run.lanes && run.mem; i++)
		if (!slip_broadcast_inspect_lane(run.mem, run.bytes, i, &lane))
			stress_say("room %llu of %u, lane %u: %llu there, "
				   "%llu begun, writer %#llx",
				   llu(run.room), run.elem_bytes, i,
				   llu(lane.tail), llu(lane.begun),
				   llu(lane.writer));
}

static void step(const struct worker *w)
{
	slip_a64 *steps = &run.steps[w->index];

	/* own, stat */
	slip_a64_store_relaxed(steps, slip_a64_load_relaxed(steps) + 1);
}

static uint64_t content_of(uint32_t lane, uint64_t number)
{
	return number * WRITERS + lane;
}

static uint32_t length_of(uint64_t number)
{
	return run.elem_bytes ? run.elem_bytes
			      : (uint32_t)(number * 7 % (run.longest + 1));
}

/* A short while, or for ever. */
static uint64_t patience(struct worker *w)
{
	return stress_pick(&w->random, 2)
		       ? slip_after_ns(stress_pick(&w->random, 50000))
		       : SLIP_FOREVER;
}

/* --- writers ------------------------------------------------------------------ */

static int put(struct worker *w, uint32_t len)
{
	int rc;

	if (stress_pick(&w->random, 2))
		rc = slip_broadcast_write(&w->w, w->value, len);
	else
		rc = slip_broadcast_write_until(&w->w, w->value, len,
						patience(w));
	STRESS_CHECK(!rc || (run.seats && (rc == -EAGAIN || rc == -ETIMEDOUT)),
		     "write: %d", rc);
	if (rc && run.evicts && stress_pick(&w->random, 64) == 0)
		w->evicted += (uint64_t)slip_broadcast_evict(&w->w);
	return rc;
}

static void write_one(struct worker *w)
{
	uint32_t lane = slip_broadcast_writer_lane(&w->w);
	uint64_t number = ++run.next[lane];
	uint32_t len = length_of(number);

	run.notes[lane][number] = content_of(lane, number);
	stress_fill(w->value, len, content_of(lane, number));
	while (put(w, len)) {
		step(w);
		sched_yield();
	}
	STRESS_CHECK(w->w.number == number, "number %llu, not %llu",
		     llu(w->w.number), llu(number));
	step(w);
}

/* False: that was the last one. */
static bool turn(struct worker *w)
{
	uint64_t *next = &run.next[slip_broadcast_writer_lane(&w->w)];
	uint64_t some = run.lanes > 1 ? ELEMENTS : stress_short(&w->random);

	for (uint64_t i = 0; i < some && *next < ELEMENTS; i++) {
		write_one(w);
		if (stress_pick(&w->random, 4) == 0)
			sched_yield();
	}
	return *next < ELEMENTS;
}

static void *write_all(void *arg)
{
	struct worker *w = arg;
	bool more = true;

	while (more) {
		int rc = slip_broadcast_attach_writer(&w->w, run.mem, run.bytes,
						      NULL);

		STRESS_CHECK(!rc || rc == -EBUSY, "attach: %d", rc);
		if (!rc) {
			more = turn(w);
			/* With a lane each, the other's must not be free. */
			if (run.lanes == 1)
				slip_broadcast_detach_writer(&w->w);
		}
		sched_yield();
	}
	return NULL;
}

/* --- readers ------------------------------------------------------------------ */

static void took(struct worker *w, uint32_t len)
{
	uint64_t number = slip_broadcast_number(&w->r);
	uint64_t lost = slip_broadcast_lost(&w->r);
	uint32_t lane = slip_broadcast_reader_lane(&w->r);

	STRESS_CHECK(
		len == length_of(number) &&
			stress_filled(w->value, len, content_of(lane, number)),
		"element %llu is not what was written", llu(number));
	STRESS_CHECK(run.notes[lane][number] == content_of(lane, number),
		     "the note of %llu is not there", llu(number));
	STRESS_CHECK(w->number[lane] + lost + 1 == number,
		     "%llu read and lost, %llu lost, number %llu",
		     llu(w->number[lane]), llu(lost), llu(number));
	STRESS_CHECK(!lost || !w->r.seat || run.evicts, "a seat lost %llu",
		     llu(lost));
	w->number[lane] = number;
	w->seen++;
	w->lost += lost;
}

static void come(struct worker *w)
{
	bool newest = run.seats || stress_pick(&w->random, 2);
	int rc;

	do
		rc = w->readonly
			     ? slip_broadcast_attach_readonly(
				       &w->r, run.mem, run.bytes, NULL, newest)
			     : slip_broadcast_attach_reader(
				       &w->r, run.mem, run.bytes, NULL, newest);
	while (rc == -EAGAIN);
	STRESS_CHECK(!rc, "attach: %d", rc);
	for (uint32_t i = 0; i < run.lanes; i++)
		w->number[i] = w->r.at[i].told;
}

/* By one of three ways: 0, or what it said. */
static int read_one(struct worker *w)
{
	uint64_t how = stress_pick(&w->random, 3);
	uint32_t len = 0;
	int rc = 0;

	if (how == 0)
		rc = slip_broadcast_wait_until(&w->r, patience(w));
	if (!rc && how < 2)
		rc = slip_broadcast_read(&w->r, w->value, ELEM_BYTES, &len);
	else if (!rc)
		rc = slip_broadcast_read_until(&w->r, w->value, ELEM_BYTES,
					       &len, patience(w));
	if (!rc)
		took(w, len);
	return rc == -ENODATA || rc == -EAGAIN || rc == -ETIMEDOUT ? 0 : rc;
}

static bool had_all(const struct worker *w)
{
	for (uint32_t i = 0; i < run.lanes; i++)
		if (w->number[i] < ELEMENTS)
			return false;
	return true;
}

static void *read_all(void *arg)
{
	struct worker *w = arg;

	come(w);
	while (!had_all(w)) {
		int rc = read_one(w);

		STRESS_CHECK(!rc || rc == -EPIPE, "read: %d", rc);
		/* Between two writers, or at the end. */
		if (rc == -EPIPE && !had_all(w))
			rc = slip_broadcast_wait_writer_until(
				&w->r, slip_after_ns(STRESS_MS));
		STRESS_CHECK(!rc || rc == -ETIMEDOUT || rc == -EPIPE,
			     "wait_writer: %d", rc);
		step(w);
		if (stress_pick(&w->random, 8) == 0)
			sched_yield();
		if (stress_pick(&w->random, 500) == 0) {
			slip_broadcast_detach_reader(&w->r);
			come(w);
		}
	}
	slip_broadcast_detach_reader(&w->r);
	return NULL;
}

/* --- runs ---------------------------------------------------------------------- */

static uint64_t steps(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < READERS + WRITERS; i++)
		sum += slip_a64_load_relaxed(&run.steps[i]); /* stat */
	return sum;
}

static void choose(uint64_t *random)
{
	static const uint32_t sizes[] = { 0, 0, 8, 9, 64, ELEM_BYTES };
	int rc;

	memset(&run, 0, sizeof(run));
	run.readers = 1 + (uint32_t)stress_pick(random, READERS);
	run.lanes = 1 + (uint32_t)stress_pick(random, WRITERS);
	if (run.lanes == 1 && stress_pick(random, 3))
		run.seats = run.readers;
	run.evicts = run.seats && stress_pick(random, 2);
	run.elem_bytes = sizes[stress_pick(random, 6)];
	run.room = (run.elem_bytes ? 8u : 512u) << stress_pick(random, 5);
	run.longest =
		run.elem_bytes ? run.elem_bytes : (uint32_t)run.room / 8 - 8;
	if (run.longest > ELEM_BYTES)
		run.longest = ELEM_BYTES;
	run.bytes = slip_broadcast_bytes(run.room, run.elem_bytes, run.lanes,
					 run.seats);
	run.mem = aligned_alloc(64, (run.bytes + 63) / 64 * 64);
	STRESS_CHECK(run.mem, "no memory");
	rc = slip_broadcast_init(run.mem, run.bytes, run.room, run.elem_bytes,
				 run.lanes, run.seats,
				 stress_pick(random, 2) ? SLIP_EVENT_AUTO
							: SLIP_EVENT_FULL);
	STRESS_CHECK(!rc, "init: %d", rc);
}

static void account(const struct worker workers[], uint64_t seed)
{
	uint32_t count = run.readers + WRITERS;

	for (uint32_t i = 0; i < count; i++) {
		all_read += workers[i].seen;
		all_lost += workers[i].lost;
		all_evicted += workers[i].evicted;
	}
	all_written += (uint64_t)run.lanes * ELEMENTS;
	stress_line(seed,
		    "%u lanes, %u seats, room %llu of %u, %u readers: "
		    "%llu read by the first",
		    run.lanes, run.seats, llu(run.room), run.elem_bytes,
		    run.readers, llu(workers[0].seen));
}

static void one_run(uint64_t seed)
{
	static struct worker workers[READERS + WRITERS];
	pthread_t threads[READERS + WRITERS];
	uint64_t random = seed;
	uint32_t count;

	choose(&random);
	count = run.readers + WRITERS;
	memset(workers, 0, sizeof(workers));
	for (uint32_t i = 0; i < count; i++) {
		workers[i].index = i;
		workers[i].random = seed * 8 + i;
		workers[i].readonly = stress_pick(&random, 4) == 0;
	}
	for (uint32_t i = 0; i < count; i++)
		threads[i] = stress_thread(
			i < run.readers ? read_all : write_all, &workers[i]);
	for (uint32_t i = 0; i < count; i++)
		while (pthread_tryjoin_np(threads[i], NULL)) {
			stress_pulse(seed + steps());
			stress_sleep_ns(STRESS_MS);
		}
	account(workers, seed);
	free(run.mem);
	run.mem = NULL;
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "broadcast between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("broadcast.all", "threads",
		   "written=%llu read=%llu lost=%llu", llu(all_written),
		   llu(all_read), llu(all_lost));
	return stress_end("%llu written; %llu read, %llu lost, %llu evicted",
			  llu(all_written), llu(all_read), llu(all_lost),
			  llu(all_evicted));
}
