/* SPDX-License-Identifier: MIT */
/* ring/record.h between processes that map it at different addresses, and that
 * are killed: what is delivered then, how often, and who takes over. */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../record.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../atomics/test/check.h"
#include "record_bench.h"

#define WORLD_KIND SLIP_KIND_RECORD
#define WORLD_HANDLES                  \
	struct slip_record_producer p; \
	struct slip_record_consumer c; \
	uint64_t from; /* first number the child sends */
#include "world.h"

static void begin(struct world *w, size_t capacity, unsigned flags)
{
	world_open(w, slip_record_bytes(capacity, flags));
	cr_assert_eq(slip_record_init(w->mem, w->bytes, capacity, flags), 0,
		     "init");
	world_publish(w);
}

static void be_producer(struct world *w)
{
	cr_assert_eq(
		slip_record_attach_producer(&w->p, w->mem, w->bytes, &w->self),
		0, "producer");
}

static void be_consumer(struct world *w)
{
	cr_assert_eq(
		slip_record_attach_consumer(&w->c, w->mem, w->bytes, &w->self),
		0, "consumer");
}

static void wait_for(const slip_a64 *word, uint64_t value)
{
	while (slip_a64_load_acquire(word) < value)
		usleep(200);
}

static int attach_as_producer(struct world *w)
{
	return slip_record_attach_producer(&w->p, w->mem, w->bytes, &w->self);
}

static int attach_as_consumer(struct world *w)
{
	return slip_record_attach_consumer(&w->c, w->mem, w->bytes, &w->self);
}

static void pop_expect(struct world *w, const char *text)
{
	uint32_t len = 0;
	char buf[100] = "";

	cr_assert_eq(slip_record_pop_until(&w->c, buf, 99, &len, SLIP_FOREVER),
		     0, "%s", text);
	cr_assert_str_eq(buf, text, "in order");
	cr_assert_eq(len, strlen(text), "%s", text);
}

static void expect_end_by_death(struct world *w)
{
	uint64_t since = slip_now_ns();
	uint32_t len;

	cr_assert_eq(slip_record_pop_until(&w->c, none, 0, &len, SLIP_FOREVER),
		     -EPIPE, "the end");
	cr_assert(slip_now_ns() - since < UINT64_C(5000000000), "in time");
	cr_assert_eq(slip_record_producer_state(&w->c), SLIP_ROLE_DEAD, "dead");
}

/* Somebody else takes the dead producer's place; nothing needs cleaning. */
static void take_over(struct world *w)
{
	be_producer(w);
	cr_assert_eq(slip_record_push(&w->p, "next", 4), 0, "room");
	pop_expect(w, "next");
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(slip_record_push(&w->p, "on and on", 9), 0, "on");
		pop_expect(w, "on and on");
	}
	slip_record_detach_producer(&w->p);
}

static int die_in_claim(struct world *w)
{
	char *place;

	if (attach_as_producer(w) || slip_record_push(&w->p, "one", 3))
		return 1;
	place = slip_record_claim(&w->p, 60);
	if (!place)
		return 2;
	memset(place, 0xff, 60);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(record_crash, killed_between_claim_and_commit_sends_nothing)
{
	for (int mirrored = 0; mirrored < 2; mirrored++) {
		struct world w;

		begin(&w, 4096, mirrored ? SLIP_RECORD_MIRROR : 0);
		be_consumer(&w);
		expect_killed(spawn(&w, die_in_claim));
		pop_expect(&w, "one");
		expect_end_by_death(&w);
		take_over(&w);
		slip_record_detach_consumer(&w.c);
		world_close(&w);
	}
}

static int die_after_commit(struct world *w)
{
	char *place;

	if (attach_as_producer(w) || slip_record_push(&w->p, "one", 3))
		return 1;
	place = slip_record_claim(&w->p, 60);
	if (!place)
		return 2;
	memcpy(place, "two", 3);
	slip_record_commit(&w->p, 3);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(record_crash, killed_after_commit_has_sent)
{
	struct world w;

	begin(&w, 256, 0);
	expect_killed(spawn(&w, die_after_commit));
	be_consumer(&w);
	pop_expect(&w, "one");
	pop_expect(&w, "two");
	expect_end_by_death(&w);
	take_over(&w);
	slip_record_detach_consumer(&w.c);
	world_close(&w);
}

static int die_in_batch(struct world *w)
{
	/* The second is padded: the batch runs over the end. */
	struct slip_record_span spans[] = { { "0123456789", 10 },
					    { "01234567890123456789", 20 },
					    { "x", 1 } };
	int copies = (int)w->from;

	if (attach_as_producer(w) || slip_record_push(&w->p, "one", 3))
		return 1;
	copies_to_live = copies;
	return slip_record_push_n(&w->p, spans, 3) == 3 ? 0 : 2;
}

Test(record_crash, killed_in_a_batch_sends_all_of_it_or_none)
{
	for (uint64_t copies = 0; copies <= 3; copies++) {
		struct world w;
		pid_t pid;

		begin(&w, 128, 0);
		be_consumer(&w);
		be_producer(&w);
		cr_assert_eq(slip_record_push(&w.p, "0123456789 123456789", 20),
			     0, "to 32");
		pop_expect(&w, "0123456789 123456789");
		cr_assert_eq(slip_record_push(&w.p, "0123456789 123456789", 20),
			     0, "to 64");
		pop_expect(&w, "0123456789 123456789");
		slip_record_detach_producer(&w.p);
		w.from = copies;
		pid = spawn(&w, die_in_batch);
		if (copies < 3)
			expect_killed(pid);
		else
			expect_exit(pid);
		pop_expect(&w, "one");
		if (copies == 3) {
			pop_expect(&w, "0123456789");
			pop_expect(&w, "01234567890123456789");
			pop_expect(&w, "x");
		}
		expect_end_by_death(&w);
		take_over(&w);
		slip_record_detach_consumer(&w.c);
		world_close(&w);
	}
}

static int die_after_peek(struct world *w)
{
	uint32_t len = 0;

	if (attach_as_consumer(w))
		return 1;
	if (!slip_record_peek(&w->c, &len) || len != 3)
		return 2;
	slip_record_release(&w->c);
	if (!slip_record_peek(&w->c, &len) || len != 3)
		return 3;
	kill(getpid(), SIGKILL);
	return 4;
}

static int die_in_pop(struct world *w)
{
	uint32_t len;
	char buf[100];

	if (attach_as_consumer(w) ||
	    slip_record_pop(&w->c, buf, sizeof(buf), &len))
		return 1;
	copies_to_live = 0;
	(void)!slip_record_pop(&w->c, buf, sizeof(buf), &len);
	return 2;
}

static int die_in_pop_n(struct world *w)
{
	struct slip_record_span spans[2];
	uint32_t len;
	char buf[100];

	if (attach_as_consumer(w) ||
	    slip_record_pop(&w->c, buf, sizeof(buf), &len))
		return 1;
	copies_to_live = 1;
	(void)!slip_record_pop_n(&w->c, buf, sizeof(buf), spans, 2);
	return 2;
}

Test(record_crash, killed_consumer_leaves_what_it_had_not_given_back)
{
	int (*const ways[])(struct world *) = { die_after_peek, die_in_pop,
						die_in_pop_n };

	for (size_t i = 0; i < 3; i++) {
		struct world w;

		begin(&w, 256, 0);
		be_producer(&w);
		cr_assert_eq(slip_record_push(&w.p, "one", 3), 0, "one");
		cr_assert_eq(slip_record_push(&w.p, "two", 3), 0, "two");
		cr_assert_eq(slip_record_push(&w.p, "three", 5), 0, "three");
		expect_killed(spawn(&w, ways[i]));
		cr_assert_eq(slip_record_consumer_state(&w.p), SLIP_ROLE_DEAD,
			     "dead");
		cr_assert_eq(slip_record_push_until(&w.p, "x", 1, SLIP_FOREVER),
			     -EPIPE, "known");
		be_consumer(&w);
		pop_expect(&w, "two");
		pop_expect(&w, "three");
		cr_assert_eq(slip_record_push_until(&w.p, "4", 1, SLIP_FOREVER),
			     0, "goes on");
		pop_expect(&w, "4");
		slip_record_detach_producer(&w.p);
		slip_record_detach_consumer(&w.c);
		world_close(&w);
	}
}

static int hold_consumer(struct world *w)
{
	if (attach_as_consumer(w))
		return 1;
	slip_a64_store_release(&w->stage->count, 1);
	for (;;)
		pause();
}

Test(record_crash, a_full_ring_ends_with_the_death_of_its_consumer)
{
	struct world w;
	uint64_t since;
	pid_t pid;

	begin(&w, 64, 0);
	be_producer(&w);
	pid = spawn(&w, hold_consumer);
	wait_for(&w.stage->count, 1);
	while (!slip_record_push(&w.p, "x", 1))
		;
	cr_assert_eq(slip_record_push_until(&w.p, "x", 1, slip_after_ns(1000)),
		     -ETIMEDOUT, "it lives");
	kill(pid, SIGSTOP);
	cr_assert_eq(
		slip_record_push_until(&w.p, "x", 1, slip_after_ns(50000000)),
		-ETIMEDOUT, "stopped is not dead");
	cr_assert_eq(slip_record_attach_consumer(&w.c, w.mem, w.bytes, &w.self),
		     -EBUSY, "nor replaceable");
	kill(pid, SIGKILL);
	since = slip_now_ns();
	cr_assert_eq(slip_record_wait_room_until(&w.p, 1, SLIP_FOREVER), -EPIPE,
		     "now it is");
	cr_assert(slip_now_ns() - since < UINT64_C(5000000000), "in time");
	expect_killed(pid);
	be_consumer(&w);
	slip_record_detach_consumer(&w.c);
	slip_record_detach_producer(&w.p);
	world_close(&w);
}

Test(record_crash, recovery_marks_the_roles_of_the_dead)
{
	struct slip_record_info info;
	struct world w;

	begin(&w, 256, 0);
	be_consumer(&w);
	expect_killed(spawn(&w, die_after_commit));
	cr_assert_eq(slip_record_inspect(w.mem, w.bytes, &info), 0, "inspect");
	cr_assert_eq(info.producer & 15, SLIP_ROLE_HELD, "nobody has asked");
	cr_assert_eq(slip_peer_recover(&w.self), 1, "one dead");
	cr_assert_eq(slip_record_inspect(w.mem, w.bytes, &info), 0, "inspect");
	cr_assert_eq(info.producer & 15, SLIP_ROLE_DEAD, "marked");
	cr_assert_eq(info.consumer & 15, SLIP_ROLE_HELD, "the living is not");
	cr_assert_eq(info.records_guess, 2, "what it sent is there");
	slip_record_detach_consumer(&w.c);
	world_close(&w);
}

/* A fork child that goes on with the handles of its parent. */
static int use_inherited(struct world *w)
{
	struct slip_record_producer p;
	struct slip_record_consumer c;
	uint32_t len;

	if (slip_record_push_until(&w->p, "x", 1, 0) != -ECHILD ||
	    slip_record_wait_room_until(&w->p, 1, 0) != -ECHILD ||
	    slip_record_pop_until(&w->c, none, 0, &len, 0) != -ECHILD ||
	    slip_record_wait_data_until(&w->c, 0) != -ECHILD)
		return 1;
	/* The ring is not here; that is told before it is looked at. */
	if (slip_record_attach_producer(&p, w->mem, w->bytes, &w->self) !=
		    -ECHILD ||
	    slip_record_attach_consumer(&c, w->mem, w->bytes, &w->self) !=
		    -ECHILD)
		return 2;
	slip_record_detach_producer(&w->p);
	slip_record_detach_consumer(&w->c);
	return 0;
}

Test(record_crash, a_fork_child_does_not_pass_for_its_parent)
{
	for (int mirrored = 0; mirrored < 2; mirrored++) {
		struct world w;
		pid_t pid;

		begin(&w, 4096, mirrored ? SLIP_RECORD_MIRROR : 0);
		be_producer(&w);
		be_consumer(&w);
		pid = fork();
		if (pid == 0)
			_exit(use_inherited(&w));
		expect_exit(pid);
		cr_assert_eq(slip_record_push_until(&w.p, "x", 1, 0), 0,
			     "the parent goes on");
		pop_expect(&w, "x");
		slip_record_detach_producer(&w.p);
		slip_record_detach_consumer(&w.c);
		world_close(&w);
	}
}

/* Records of 0 to `most` bytes; the length follows from the number. */
static uint32_t length_of(uint64_t number, uint32_t most)
{
	return (uint32_t)(number * 2654435761u >> 7) % (most + 1);
}

static uint64_t sum_of(uint64_t sum, const void *data, uint32_t len)
{
	const unsigned char *at = data;

	for (uint32_t i = 0; i < len; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum + len;
}

#define SOME_RECORDS UINT64_C(1000000)

static int send_some(struct world *w)
{
	unsigned char buf[64];
	uint64_t sum = 0;

	if (attach_as_producer(w))
		return 1;
	for (uint64_t n = 0; n < SOME_RECORDS; n++) {
		uint32_t len = length_of(n, 63);

		fill(buf, len, n);
		sum = sum_of(sum, buf, len);
		if (slip_record_push_until(&w->p, buf, len, SLIP_FOREVER))
			return 2;
	}
	/* own: read after the end of file */
	slip_a64_store_relaxed(&w->stage->count, sum);
	slip_record_detach_producer(&w->p);
	return 0;
}

static void receive_some(size_t capacity, unsigned flags)
{
	unsigned char buf[64];
	uint64_t count = 0;
	uint64_t sum = 0;
	uint32_t len;
	struct world w;
	pid_t pid;
	int rc;

	begin(&w, capacity, flags);
	be_consumer(&w);
	pid = spawn(&w, send_some);
	while ((rc = slip_record_pop_until(&w.c, buf, 64, &len,
					   SLIP_FOREVER)) == 0) {
		cr_assert_eq(len, length_of(count, 63), "length of %llu",
			     (unsigned long long)count);
		sum = sum_of(sum, buf, len);
		count++;
	}
	cr_assert_eq(rc, -EPIPE, "end of file");
	expect_exit(pid);
	cr_assert_eq(count, SOME_RECORDS, "all");
	cr_assert_eq(sum, slip_a64_load_relaxed(&w.stage->count), "unchanged");
	slip_record_detach_consumer(&w.c);
	world_close(&w);
}

Test(record_crash, a_million_records_pass_a_padded_ring)
{
	receive_some(4096, 0);
}

Test(record_crash, a_million_records_pass_a_mirrored_ring)
{
	receive_some(4096, SLIP_RECORD_MIRROR);
}

/* Send numbered records, by all three ways, until killed. */
static int send_for_ever(struct world *w)
{
	unsigned char bufs[3][100];
	struct slip_record_span spans[3];

	if (attach_as_producer(w))
		return 1;
	for (uint64_t n = w->from;;) {
		uint32_t some = n % 5 == 0 ? 3 : 1;
		void *place;

		for (uint32_t i = 0; i < some; i++) {
			spans[i].data = bufs[i];
			spans[i].len = length_of(n + i, 99);
			fill(bufs[i], spans[i].len, n + i);
		}
		if (slip_record_wait_room_until(&w->p, 500, SLIP_FOREVER))
			return 2;
		if (some == 3 && slip_record_push_n(&w->p, spans, 3) != 3)
			return 3;
		if (some == 1 && n % 2 &&
		    slip_record_push(&w->p, spans[0].data, spans[0].len))
			return 4;
		if (some == 1 && n % 2 == 0) {
			place = slip_record_claim(&w->p, 99);
			if (!place)
				return 5;
			memcpy(place, spans[0].data, spans[0].len);
			slip_record_commit(&w->p, spans[0].len);
		}
		n += some;
		slip_a64_store_release(&w->stage->count, n);
	}
}

/* Take all that comes until the producer is dead; returns the next number. */
static uint64_t drain(struct world *w, uint64_t next, pid_t pid,
		      uint64_t kill_at)
{
	unsigned char buf[100];
	uint32_t len;
	int rc;

	while ((rc = slip_record_pop_until(&w->c, buf, 100, &len,
					   SLIP_FOREVER)) == 0) {
		cr_assert(len == length_of(next, 99) && filled(buf, len, next),
			  "record %llu", (unsigned long long)next);
		if (++next == kill_at)
			kill(pid, SIGKILL);
	}
	cr_assert_eq(rc, -EPIPE, "death");
	return next;
}

Test(record_crash, every_record_is_accounted_for_when_producers_are_killed)
{
	uint64_t seed = (uint64_t)time(NULL) | 1;
	uint64_t state = seed;
	uint64_t next = 0;
	struct world w;

	begin(&w, 4096, 0);
	be_consumer(&w);
	for (int round = 0; round < 40; round++) {
		uint64_t sent;
		pid_t pid;

		w.from = next;
		slip_a64_store_relaxed(&w.stage->count, next);
		pid = spawn(&w, send_for_ever);
		/* Until it attaches, the death of the last one is the end. */
		wait_for(&w.stage->count, next + 1);
		next = drain(&w, next, pid,
			     next + 1 + next_random(&state) % 2000);
		expect_killed(pid);
		sent = slip_a64_load_acquire(&w.stage->count);
		/* Killed between commit and the note of it: one batch more. */
		cr_assert(next == sent || next == sent + 1 || next == sent + 3,
			  "took %llu of %llu, seed %llu",
			  (unsigned long long)next, (unsigned long long)sent,
			  (unsigned long long)seed);
	}
	slip_record_detach_consumer(&w.c);
	world_close(&w);
}
