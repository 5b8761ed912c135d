/* SPDX-License-Identifier: MIT */
/*
 * ring/latest.h between threads, for ThreadSanitizer: two writers that take turns,
 * each when the other has detached, and up to three readers, some of which do not
 * store; all verbs, polling and blocking, both event modes. Nobody dies here.
 *
 * Which version comes next is a plain variable that belongs to whoever writes. A
 * plain note for each version is written before it: whoever has read the version
 * may read the note.
 */
#define _GNU_SOURCE
#include "ring/latest.h"

#include <sched.h>
#include <stdlib.h>

#include "stress/program.h"

#define READERS	    3
#define WRITERS	    2
#define VALUES	    4000
#define VALUE_BYTES 4096

static struct {
	void *mem;
	size_t bytes;
	uint32_t slots, value_bytes;
	unsigned mode;
	uint32_t readers;
	uint64_t age;		    /* versions that there were before */
	uint64_t next;		    /* of whoever writes: versions since then */
	uint64_t notes[VALUES + 1]; /* of each, before it is there */
	slip_a64 steps[READERS + WRITERS];
} run;

struct worker {
	uint32_t index;
	uint64_t random;
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	unsigned char value[VALUE_BYTES];
	uint64_t seen, skipped, lapped;
};

static uint64_t all_written, all_read, all_skipped, all_lapped;

static void dump(void)
{
	struct slip_latest_info info;

	if (run.mem && !slip_latest_inspect(run.mem, run.bytes, &info))
		stress_say("%u slots of %u, mode %u, %u readers: %llu newest, "
			   "%llu begun, writer %#llx",
			   info.slots, info.value_bytes, info.mode, run.readers,
			   llu(info.version), llu(info.begun),
			   llu(info.writer));
}

static void step(const struct worker *w)
{
	slip_a64 *steps = &run.steps[w->index];

	/* own, stat */
	slip_a64_store_relaxed(steps, slip_a64_load_relaxed(steps) + 1);
}

static uint64_t note_of(uint64_t version)
{
	return version * 3 + 1;
}

/* 8 bytes at least, of which the first are the number. */
static uint32_t length_of(uint64_t version)
{
	return 8 + (uint32_t)(version * 7 % (run.value_bytes - 7));
}

/* --- writers ------------------------------------------------------------------ */

static void put_one(struct worker *w, uint32_t len)
{
	uint32_t cut = (uint32_t)stress_pick(&w->random, len + 1);

	STRESS_CHECK(!slip_latest_put(&w->w, cut, w->value + cut, len - cut) &&
			     !slip_latest_put(&w->w, 0, w->value, cut) &&
			     !slip_latest_commit(&w->w, len),
		     "put");
}

static void write_one(struct worker *w)
{
	uint64_t version = run.age + ++run.next;
	uint32_t len = length_of(version);

	run.notes[run.next] = note_of(version);
	stress_fill(w->value, len, version);
	if (stress_pick(&w->random, 4) == 0)
		put_one(w, len);
	else
		STRESS_CHECK(!slip_latest_write(&w->w, w->value, len), "write");
	STRESS_CHECK(w->w.version == version, "number %llu, not %llu",
		     llu(w->w.version), llu(version));
	step(w);
}

static void turn(struct worker *w)
{
	uint64_t some = stress_short(&w->random);

	for (uint64_t i = 0; i < some && run.next < VALUES; i++) {
		write_one(w);
		if (stress_pick(&w->random, 4) == 0)
			sched_yield();
	}
}

static void *write_all(void *arg)
{
	struct worker *w = arg;
	bool over = false;

	while (!over) {
		int rc = slip_latest_attach_writer(&w->w, run.mem, run.bytes,
						   NULL);

		STRESS_CHECK(!rc || rc == -EBUSY, "attach: %d", rc);
		if (!rc) {
			turn(w);
			over = run.next == VALUES;
			slip_latest_detach_writer(&w->w);
		}
		sched_yield();
	}
	return NULL;
}

/* --- readers ------------------------------------------------------------------ */

static void took(struct worker *w, uint32_t len)
{
	uint64_t version = slip_latest_version(&w->r);

	STRESS_CHECK(len == length_of(version) &&
			     stress_filled(w->value, len, version),
		     "value %llu is not what was written", llu(version));
	STRESS_CHECK(run.notes[version - run.age] == note_of(version),
		     "the note of %llu is not there", llu(version));
	w->seen++;
	w->skipped += slip_latest_skipped(&w->r);
	STRESS_CHECK(w->seen + w->skipped == version,
		     "%llu read, %llu skipped, version %llu", llu(w->seen),
		     llu(w->skipped), llu(version));
}

static void again(struct worker *w)
{
	uint32_t len = 0;
	uint64_t before = slip_latest_version(&w->r);
	int rc = slip_latest_read(&w->r, w->value, VALUE_BYTES, &len);

	STRESS_CHECK(!rc || rc == -EAGAIN || (rc == -ENODATA && !before),
		     "read: %d", rc);
	w->lapped += rc == -EAGAIN;
	if (!rc && slip_latest_version(&w->r) != before)
		took(w, len);
}

/* By one of four ways: 0, or what it said. */
static int read_one(struct worker *w)
{
	uint64_t how = stress_pick(&w->random, 4);
	uint64_t soon = slip_after_ns(stress_pick(&w->random, 50000));
	uint32_t len = 0;
	int rc = 0;

	if (how == 0) {
		again(w);
		return 0;
	}
	if (how == 1)
		rc = slip_latest_wait_until(&w->r, soon);
	if (!rc && how < 3)
		rc = slip_latest_read_newer(&w->r, w->value, VALUE_BYTES, &len);
	else if (!rc)
		rc = slip_latest_read_until(&w->r, w->value, VALUE_BYTES, &len,
					    how == 3 ? soon : SLIP_FOREVER);
	if (!rc)
		took(w, len);
	w->lapped += rc == -EAGAIN;
	return rc == -ENODATA || rc == -EAGAIN || rc == -ETIMEDOUT ? 0 : rc;
}

static void *read_all(void *arg)
{
	struct worker *w = arg;
	uint64_t last = run.age + VALUES;

	while (slip_latest_version(&w->r) < last) {
		int rc = read_one(w);

		STRESS_CHECK(!rc || rc == -EPIPE, "read: %d", rc);
		/* Between two writers, or at the end. */
		if (rc == -EPIPE && slip_latest_version(&w->r) < last)
			rc = slip_latest_wait_writer_until(
				&w->r, slip_after_ns(STRESS_MS));
		STRESS_CHECK(!rc || rc == -ETIMEDOUT || rc == -EPIPE,
			     "wait_writer: %d", rc);
		step(w);
		if (stress_pick(&w->random, 8) == 0)
			sched_yield();
	}
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
	static const uint32_t sizes[] = { 8, 9, 64, 100, 1000, VALUE_BYTES };
	struct slip_latest_ring *ring;
	int rc;

	memset(&run, 0, sizeof(run));
	run.readers = 1 + (uint32_t)stress_pick(random, READERS);
	run.slots = 2u << stress_pick(random, 3);
	run.value_bytes = sizes[stress_pick(random, 6)];
	run.age = stress_pick(random, 2) ? UINT32_MAX - VALUES / 2 : 0;
	run.bytes = slip_latest_bytes(run.slots, run.value_bytes);
	run.mem = aligned_alloc(64, run.bytes);
	STRESS_CHECK(run.mem, "no memory");
	rc = slip_latest_init(run.mem, run.bytes, run.slots, run.value_bytes,
			      stress_pick(random, 2) ? SLIP_EVENT_AUTO
						     : SLIP_EVENT_FULL);
	STRESS_CHECK(!rc, "init: %d", rc);
	ring = run.mem;
	/* init */
	slip_a64_store_relaxed(&ring->begun, run.age);
	slip_a64_store_relaxed(&ring->latest, run.age);
}

static void attach(struct worker *w, bool readonly)
{
	int rc = readonly ? slip_latest_attach_readonly(&w->r, run.mem,
							run.bytes, NULL)
			  : slip_latest_attach_reader(&w->r, run.mem, run.bytes,
						      NULL);

	STRESS_CHECK(!rc, "attach: %d", rc);
	/* What there was before counts as skipped. */
	w->skipped = w->r.version = run.age;
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
		if (i < run.readers)
			attach(&workers[i], stress_pick(&random, 3) == 0);
	}
	for (uint32_t i = 0; i < count; i++)
		threads[i] = stress_thread(
			i < run.readers ? read_all : write_all, &workers[i]);
	for (uint32_t i = 0; i < count; i++) {
		while (pthread_tryjoin_np(threads[i], NULL)) {
			stress_pulse(seed + steps());
			stress_sleep_ns(STRESS_MS);
		}
		all_read += workers[i].seen;
		all_lapped += workers[i].lapped;
		if (i < run.readers)
			all_skipped += workers[i].skipped - run.age;
	}
	all_written += VALUES;
	stress_line(seed, "%u slots of %u, %u readers: %llu read by the first",
		    run.slots, run.value_bytes, run.readers,
		    llu(workers[0].seen));
	free(run.mem);
	run.mem = NULL;
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "the newest value between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("latest.all", "threads",
		   "written=%llu read=%llu skipped=%llu lapped=%llu",
		   llu(all_written), llu(all_read), llu(all_skipped),
		   llu(all_lapped));
	return stress_end("%llu written; %llu read, %llu skipped, %llu lapped",
			  llu(all_written), llu(all_read), llu(all_skipped),
			  llu(all_lapped));
}
