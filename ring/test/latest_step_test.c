/* SPDX-License-Identifier: MIT */
/*
 * ring/latest.h when the other side does something between any two accesses of
 * an operation: a read with any number of writes in it, a write with a read in
 * it, a read that is lapped whenever it looks.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "../../atomics/test/step.h"
#include "latest_bench.h"

#define VALUE 20 /* two words and a half */
#define OLD   10 /* values written before */

static struct {
	struct bench b;
	unsigned char value[VALUE];
	uint32_t len;
	int rc;
	unsigned writes; /* meanwhile */
	bool in_pieces;
} t;

static void make(uint32_t slots)
{
	t.b.bytes = slip_latest_bytes(slots, VALUE);
	t.b.mem = step_memory(t.b.bytes);
	cr_assert_eq(slip_latest_init(t.b.mem, t.b.bytes, slots, VALUE,
				      SLIP_EVENT_FULL),
		     0, "init");
	attach_both(&t.b);
}

static uint32_t bytes_of(uint64_t n)
{
	return VALUE - (uint32_t)(n % 3);
}

static void write_next(void)
{
	uint64_t n = t.b.w.version + 1;
	unsigned char value[VALUE];

	fill(value, bytes_of(n), n);
	if (slip_latest_write(&t.b.w, value, bytes_of(n)))
		_exit(96);
}

static void write_some(void)
{
	for (unsigned i = 0; i < t.writes; i++)
		write_next();
}

static void put_next(void)
{
	uint64_t n = t.b.w.version + 1;
	unsigned char value[VALUE];

	fill(value, bytes_of(n), n);
	if (slip_latest_put(&t.b.w, 5, value + 5, bytes_of(n) - 5) ||
	    slip_latest_put(&t.b.w, 0, value, 5) ||
	    slip_latest_commit(&t.b.w, bytes_of(n)))
		_exit(96);
}

static void write_or_put(void)
{
	if (t.in_pieces)
		put_next();
	else
		write_next();
}

static void read_one(void)
{
	t.rc = slip_latest_read(&t.b.r, t.value, VALUE, &t.len);
}

/* It is what the version says, whole. */
static bool whole(void)
{
	uint64_t n = slip_latest_version(&t.b.r);

	return t.rc == 0 && t.len == bytes_of(n) && filled(t.value, t.len, n);
}

static void read_amid_writes(uint32_t slots, unsigned writes)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		make(slots);
		for (int i = 0; i < OLD; i++)
			write_next();
		t.writes = writes;
		there = step_run(read_one, write_some, at);
		cr_assert(whole(), "%u slots, %u writes before access %lu",
			  slots, writes, at);
		cr_assert(slip_latest_version(&t.b.r) == OLD ||
				  (there &&
				   slip_latest_version(&t.b.r) == OLD + writes),
			  "neither the old nor the new");
		/* Only who is lapped has to go round again. */
		if (writes + 1 < slots && at > 1 && there)
			cr_assert_eq(slip_latest_version(&t.b.r), OLD,
				     "%u writes lap nobody", writes);
		step_free();
	}
}

Test(latest_step, a_read_is_whole_whatever_is_written_meanwhile)
{
	for (uint32_t slots = 2; slots <= 8; slots *= 2)
		for (unsigned writes = 1; writes <= slots + 1; writes++)
			read_amid_writes(slots, writes);
}

/* And begins the next one, over what was newest before. */
static void write_some_and_begin(void)
{
	write_some();
	if (slip_latest_put(&t.b.w, 0, "torn", 5))
		_exit(95);
}

Test(latest_step, lapped_by_one_who_is_still_at_it_it_reads_what_is_whole)
{
	for (uint32_t slots = 2; slots <= 8; slots *= 2) {
		bool there = true;

		for (unsigned long at = 1; there; at++) {
			make(slots);
			for (int i = 0; i < OLD; i++)
				write_next();
			t.writes = slots - 1;
			there = step_run(read_one, write_some_and_begin, at);
			cr_assert(whole(), "%u slots, before access %lu: %d",
				  slots, at, t.rc);
			step_free();
		}
	}
}

Test(latest_step, a_write_is_seen_whole_or_not_at_all)
{
	for (int pieces = 0; pieces < 2; pieces++) {
		bool there = true;

		t.in_pieces = pieces;
		for (unsigned long at = 1; there; at++) {
			make(2);
			for (int i = 0; i < OLD; i++)
				write_next();
			t.rc = 0;
			there = step_run(write_or_put, read_one, at);
			if (there)
				cr_assert(whole(), "before access %lu", at);
			read_one();
			cr_assert(whole(), "afterwards");
			cr_assert_eq(slip_latest_version(&t.b.r), OLD + 1);
			step_free();
		}
	}
}

Test(latest_step, who_is_lapped_at_every_look_gives_up)
{
	uint64_t before;

	make(4);
	write_next();
	t.writes = 4;
	(void)step_run(read_one, write_some, 0);
	cr_assert_eq(t.rc, -EAGAIN, "%d", t.rc);
	cr_assert_eq(slip_latest_version(&t.b.r), 0, "nothing taken");
	/* Latest, length, three words, begun. */
	cr_assert_eq(step.seen, 6 * SLIP_LATEST_TRIES, "%lu accesses",
		     step.seen);
	before = t.b.w.version;
	read_one();
	cr_assert(whole(), "in peace");
	cr_assert_eq(slip_latest_version(&t.b.r), before);
	step_free();
}

static void read_until_late(void)
{
	t.rc = slip_latest_read_until(&t.b.r, t.value, VALUE, &t.len, 0);
}

Test(latest_step, lapped_until_the_deadline_it_is_late)
{
	make(4);
	write_next();
	t.writes = 4;
	(void)step_run(read_until_late, write_some, 0);
	cr_assert_eq(t.rc, -ETIMEDOUT, "%d", t.rc);
	step_free();
}

static unsigned long calm_after;

static void write_for_a_while(void)
{
	if (step.seen <= calm_after)
		write_some();
}

static void read_for_ever(void)
{
	t.rc = slip_latest_read_until(&t.b.r, t.value, VALUE, &t.len,
				      SLIP_FOREVER);
}

Test(latest_step, lapped_without_a_deadline_it_goes_on)
{
	make(4);
	write_next();
	t.writes = 4;
	calm_after = 6 * SLIP_LATEST_TRIES + 20;
	(void)step_run(read_for_ever, write_for_a_while, 0);
	cr_assert(whole(), "at last: %d", t.rc);
	step_free();
}
