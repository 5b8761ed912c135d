/* SPDX-License-Identifier: MIT */
/* ring/lanes.h in one process: shapes, limits, every verb, turns, stamps, several
 * consumers, ends, waiting. Deaths and several processes: lanes_crash_test.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK  lanes_test_sys
#define SLIP_COPY_HOOK lanes_test_copy
#include "../lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "edge.h"

/* What happens before a call of that number; 0: the call itself follows. */
static long watched = SYS_futex;
static long (*meanwhile)(void);
static int refuse_after = -1; /* membarriers that work; -1: all do */

long lanes_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	long (*what)(void) = nr == watched ? meanwhile : NULL;
	long r = 0;

	if (nr == SYS_membarrier && refuse_after >= 0 && refuse_after-- == 0)
		return -EPERM;
	if (what) {
		meanwhile = NULL;
		r = what();
	}
	return r ? r : slip_sys_raw_(nr, a, b, c, d, e, f);
}

/* What happens after the next copy. */
static void (*after_copy)(void);

void lanes_test_copy(void *to, const void *from, size_t bytes)
{
	void (*what)(void) = after_copy;

	memcpy(to, from, bytes);
	after_copy = NULL;
	if (what)
		what();
}

#define HANDLES 4u

/* A ring in memory of its exact size; what follows is inaccessible. */
static struct {
	void *mem;
	size_t bytes;
	struct slip_lanes_producer p[HANDLES];
	struct slip_lanes_consumer c[HANDLES];
} b;

static void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *mem = aligned_alloc(64, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

/* Else SLIP_EVENT_ASYM is refused, and not by us. */
static bool membarrier_works(void)
{
	return slip_event_register(SLIP_EVENT_ASYM) == 0;
}

static int attach_p(unsigned i)
{
	return slip_lanes_attach_producer(&b.p[i], b.mem, b.bytes, NULL);
}

static int attach_c(unsigned i)
{
	return slip_lanes_attach_consumer(&b.c[i], b.mem, b.bytes, NULL);
}

static void make(uint32_t lanes, size_t capacity, uint32_t consumers,
		 unsigned flags)
{
	b.bytes = slip_lanes_bytes(lanes, capacity);
	b.mem = edge_memory(b.bytes);
	cr_assert(b.mem != NULL, "no memory");
	cr_assert_eq(slip_lanes_init(b.mem, b.bytes, lanes, capacity, consumers,
				     flags),
		     0, "init");
	for (unsigned i = 0; i < HANDLES; i++)
		b.p[i].rec.error = b.c[i].error = -EPIPE;
}

static void setup(uint32_t lanes, size_t capacity, uint32_t consumers,
		  unsigned flags)
{
	make(lanes, capacity, consumers, flags);
	for (unsigned i = 0; i < lanes && i < HANDLES; i++)
		cr_assert_eq(attach_p(i), 0, "producer %u", i);
	for (unsigned i = 0; i < consumers && i < HANDLES; i++)
		cr_assert_eq(attach_c(i), 0, "consumer %u", i);
}

static void teardown(void)
{
	for (unsigned i = 0; i < HANDLES; i++) {
		slip_lanes_detach_producer(&b.p[i]);
		slip_lanes_detach_consumer(&b.c[i]);
	}
	edge_free(b.mem, b.bytes);
}

static struct slip_lanes_ring *ring(void)
{
	return b.mem;
}

static struct slip_ends *ends(uint32_t lane)
{
	struct slip_lanes_shape s;
	unsigned mode;

	cr_assert_eq(slip_lanes_check_(ring(), b.bytes, &s, &mode), 0, "ring");
	return &slip_lanes_lane_(ring(), &s, lane)->ends;
}

/* Records are words: what, from producer i. */
static int push(unsigned i, uint64_t what)
{
	return slip_lanes_push(&b.p[i], &what, sizeof(what));
}

/* What consumer i pops; 0: nothing. */
static uint64_t pop(unsigned i)
{
	uint64_t what = 0;
	uint32_t len = 0;
	int rc = slip_lanes_pop(&b.c[i], &what, sizeof(what), &len);

	cr_assert(rc == 0 || rc == -EAGAIN, "pop says %d", rc);
	cr_assert_eq(len, rc ? 0 : sizeof(what), "length");
	return rc ? 0 : what;
}

/* --- shapes ----------------------------------------------------------------- */

Test(lanes, bytes_is_0_for_what_is_not_a_shape)
{
	cr_assert_eq(slip_lanes_bytes(0, 64), 0, "no lane");
	cr_assert_eq(slip_lanes_bytes(65, 64), 0, "65 lanes");
	cr_assert_eq(slip_lanes_bytes(1, 32), 0, "small");
	cr_assert_eq(slip_lanes_bytes(1, 96), 0, "no power of two");
	cr_assert_eq(slip_lanes_bytes(1, UINT64_C(1) << 32), 0, "large");
	cr_assert_eq(slip_lanes_bytes(1, 64), 512 + 512, "smallest");
	cr_assert_eq(slip_lanes_bytes(64, 128), 512 + 64 * 512, "64 lanes");
	cr_assert_eq(slip_lanes_bytes(2, 4096), 512 + 2 * 4480, "two");
	cr_assert_eq(slip_lanes_max_bytes(32, 0), 0, "small");
	cr_assert_eq(slip_lanes_max_bytes(64, 0), 24, "longest");
	cr_assert_eq(slip_lanes_max_bytes(64, SLIP_EVENT_FULL), 24, "mode");
	cr_assert_eq(slip_lanes_max_bytes(64, SLIP_LANES_STAMPED), 16,
		     "stamped");
}

Test(lanes, init_names_what_is_wrong)
{
	size_t bytes = slip_lanes_bytes(2, 64);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_lanes_init(NULL, bytes, 2, 64, 1, 0), -EINVAL, "mem");
	cr_assert_eq(slip_lanes_init(mem + 32, bytes, 2, 64, 1, 0), -EINVAL,
		     "alignment");
	cr_assert_eq(slip_lanes_init(mem, bytes, 0, 64, 1, 0), -EINVAL,
		     "lanes");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 0, 0), -EINVAL,
		     "no consumer");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 17, 0), -EINVAL,
		     "17 consumers");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 1, SLIP_EVENT_RMW),
		     -EINVAL, "mode");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 1, 0x200), -EINVAL,
		     "flags");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 2, SLIP_LANES_STAMPED),
		     -EINVAL, "stamps for two");
	cr_assert_eq(slip_lanes_init(mem, bytes - 1, 2, 64, 1, 0), -EOVERFLOW,
		     "bytes");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 16, 0), 0, "16");
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 1,
				     SLIP_EVENT_FULL | SLIP_LANES_STAMPED),
		     0, "flags");
	refuse_after = 0;
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 1, SLIP_EVENT_ASYM),
		     -EPERM, "refused");
	refuse_after = membarrier_works();
	cr_assert_eq(slip_lanes_init(mem, bytes, 2, 64, 1, SLIP_EVENT_ASYM),
		     -EPERM, "refused in the middle");
	free(mem);
}

Test(lanes, attach_names_what_is_wrong)
{
	struct slip_lanes_producer *p = &b.p[0];
	struct slip_lanes_consumer *c = &b.c[0];
	unsigned char *mem;

	make(2, 64, 1, 0);
	mem = b.mem;
	cr_assert_eq(slip_lanes_attach_producer(p, NULL, b.bytes, NULL),
		     -EINVAL, "mem");
	cr_assert_eq(slip_lanes_attach_consumer(c, mem + 8, b.bytes, NULL),
		     -EINVAL, "alignment");
	cr_assert_eq(slip_lanes_attach_producer(p, mem, 511, NULL), -EOVERFLOW,
		     "header");
	cr_assert_eq(slip_lanes_attach_consumer(c, mem, b.bytes - 1, NULL),
		     -EOVERFLOW, "bytes");
	cr_assert_eq(slip_lanes_push(p, "x", 1), -EPIPE, "closed");
	cr_assert_eq(slip_lanes_pop(c, mem, 1, &(uint32_t){ 0 }), -EPIPE,
		     "closed");
	cr_assert_eq(attach_p(0), 0, "one");
	cr_assert_eq(slip_lanes_lane(p), 0, "lane");
	cr_assert_eq(attach_p(1), 0, "two");
	cr_assert_eq(slip_lanes_lane(&b.p[1]), 1, "lane");
	cr_assert_eq(attach_p(2), -EUSERS, "three");
	cr_assert_eq(attach_c(0), 0, "consumer");
	cr_assert_eq(attach_c(1), -EUSERS, "two");
	slip_lanes_close(p);
	cr_assert_eq(attach_p(2), 0, "a lane is free");
	cr_assert_eq(slip_lanes_lane(&b.p[2]), 0, "that");
	teardown();
}

Test(lanes, attach_needs_membarrier_where_the_ring_does)
{
	if (!membarrier_works())
		cr_skip("no membarrier here");
	make(1, 64, 1, SLIP_EVENT_ASYM);
	refuse_after = 0;
	cr_assert_eq(attach_p(0), -EPERM, "producer");
	refuse_after = 0;
	cr_assert_eq(attach_c(0), -EPERM, "consumer");
	teardown();
}

Test(lanes, attach_needs_a_handle_with_room_for_its_hook)
{
	struct slip_region rg;
	struct slip_peer self;

	make(1, 64, 1, 0);
	cr_assert_eq(slip_region_create(&rg, 64, SLIP_REGION_PRIVATE), 0,
		     "region");
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0, "publish");
	cr_assert_eq(slip_peer_join(&self, &rg), 0, "join");
	self.hooks = SLIP_PEER_HOOKS_MAX;
	cr_assert_eq(slip_lanes_attach_producer(&b.p[0], b.mem, b.bytes, &self),
		     -ENOSPC, "hooks");
	self.hooks = 0;
	cr_assert_eq(slip_lanes_attach_producer(&b.p[0], b.mem, b.bytes, &self),
		     0, "room");
	slip_lanes_detach_producer(&b.p[0]);
	slip_peer_leave(&self);
	cr_assert_eq(slip_lanes_attach_producer(&b.p[0], b.mem, b.bytes, &self),
		     -EINVAL, "it has left");
	slip_region_close(&rg);
	teardown();
}

/* --- records ---------------------------------------------------------------- */

Test(lanes, records_of_every_length_come_out_as_they_went_in)
{
	unsigned char in[240], out[240];
	uint32_t len = 0;

	setup(1, 512, 1, 0);
	for (uint32_t n = 0; n <= 1000; n++) {
		uint32_t size = n % 241;

		for (uint32_t i = 0; i < size; i++)
			in[i] = (unsigned char)(n + 7 * i);
		cr_assert_eq(slip_lanes_push(&b.p[0], size ? in : NULL, size),
			     0, "push %u", n);
		cr_assert_eq(slip_lanes_pop(&b.c[0], out, 240, &len), 0,
			     "pop %u", n);
		cr_assert_eq(len, size, "length");
		cr_assert(memcmp(in, out, size) == 0, "bytes %u", n);
	}
	cr_assert_eq(pop(0), 0, "empty");
	teardown();
}

static void all_or_nothing(unsigned flags)
{
	char big[64] = { 0 };
	uint32_t max = slip_lanes_max_bytes(64, flags);
	uint32_t len = 0;

	setup(1, 64, 1, flags);
	cr_assert_eq(slip_lanes_push(&b.p[0], big, max + 1), -EMSGSIZE, "long");
	cr_assert_eq(slip_lanes_push(&b.p[0], big, max), 0, "longest");
	cr_assert_eq(slip_lanes_push(&b.p[0], big, max), -EAGAIN, "full");
	cr_assert_null(slip_lanes_claim(&b.p[0], max), "full");
	cr_assert_eq(slip_lanes_pop(&b.c[0], big, max - 1, &len), -EMSGSIZE,
		     "short");
	cr_assert_eq(len, max, "says how long");
	cr_assert_eq(slip_lanes_pop(&b.c[0], big, max, &len), 0, "pop");
	cr_assert_eq(slip_lanes_push(&b.p[0], big, max), 0, "longest");
	cr_assert_eq(slip_lanes_push(&b.p[0], big, max - 8), 0,
		     "all but the last 8 bytes");
	slip_lanes_close(&b.p[0]);
	cr_assert_eq(slip_lanes_push(&b.p[0], big, 1), -EPIPE, "closed");
	cr_assert_eq(slip_lanes_push(&b.p[0], big, 64), -EPIPE, "closed");
	slip_lanes_close(&b.p[0]);
	teardown();
}

Test(lanes, a_record_goes_in_whole_or_not_at_all)
{
	all_or_nothing(0);
}

Test(lanes, so_does_a_stamped_one)
{
	all_or_nothing(SLIP_LANES_STAMPED);
}

static void gathered(unsigned flags)
{
	char one[] = "one, ", two[] = "two";
	struct iovec v[4] = { { one, 5 }, { NULL, 0 }, { two, 3 }, { one, 1 } };
	struct iovec huge = { one, SIZE_MAX };
	uint32_t max = slip_lanes_max_bytes(64, flags);
	char out[24];
	uint32_t len = 0;

	setup(1, 64, 1, flags);
	cr_assert_eq(slip_lanes_push_v(&b.p[0], v, 4), 0, "push");
	cr_assert_eq(slip_lanes_pop(&b.c[0], out, 24, &len), 0, "pop");
	cr_assert(len == 9 && memcmp(out, "one, twoo", 9) == 0, "bytes");
	cr_assert_eq(slip_lanes_push_v(&b.p[0], NULL, 0), 0, "of nothing");
	cr_assert_eq(slip_lanes_pop(&b.c[0], out, 24, &len), 0, "pop");
	cr_assert_eq(len, 0, "nothing");
	cr_assert_eq(slip_lanes_push_v(&b.p[0], &huge, 1), -EMSGSIZE, "huge");
	v[2].iov_len = max - 5;
	cr_assert_eq(slip_lanes_push_v(&b.p[0], v, 4), -EMSGSIZE, "long");
	v[2].iov_base = out;
	cr_assert_eq(slip_lanes_push_v(&b.p[0], v, 3), 0, "longest");
	cr_assert_eq(slip_lanes_push_v(&b.p[0], v, 3), -EAGAIN, "full");
	cr_assert_eq(slip_lanes_push_v_until(&b.p[0], v, 3, 0), -ETIMEDOUT,
		     "full");
	cr_assert_eq(slip_lanes_pop(&b.c[0], out, 24, &len), 0, "pop");
	cr_assert_eq(len, max, "length");
	cr_assert_eq(slip_lanes_push_v_until(&b.p[0], v, 3, 0), 0, "room");
	slip_lanes_close(&b.p[0]);
	cr_assert_eq(slip_lanes_push_v(&b.p[0], v, 1), -EPIPE, "closed");
	cr_assert_eq(slip_lanes_push_v(&b.p[0], &huge, 1), -EPIPE, "closed");
	cr_assert_eq(slip_lanes_push_v_until(&b.p[0], v, 1, 0), -EPIPE,
		     "closed");
	teardown();
}

Test(lanes, pieces_are_gathered)
{
	gathered(0);
}

Test(lanes, pieces_are_gathered_behind_a_stamp)
{
	gathered(SLIP_LANES_STAMPED);
}

Test(lanes, batches_go_in_and_come_out)
{
	uint64_t words[3] = { 1, 2, 3 };
	struct slip_record_span in[4] = { { &words[0], 8 },
					  { &words[1], 8 },
					  { &words[2], 8 },
					  { words, 1000 } };
	struct slip_record_span out[4];
	struct slip_record_span longest = { out, 56 };
	uint64_t buf[4];

	setup(2, 128, 1, 0);
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 0), 0, "none");
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 4), 3, "the last is long");
	cr_assert_eq(push(1, 9), 0, "other lane");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 0), 0, "none");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 7, out, 4), 0, "no room");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 4), 1, "turns");
	cr_assert_eq(buf[0], 9, "other lane");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 16, out, 4), 2, "fit");
	cr_assert(buf[0] == 1 && buf[1] == 2 && out[1].data == &buf[1] &&
			  out[1].len == 8,
		  "two");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 4), 1, "last");
	cr_assert_eq(buf[0], 3, "last");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 4), 0, "empty");
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 3), 3, "three");
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 3), 3, "six");
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 3), 1, "full");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 2), 2,
		     "asked for");
	cr_assert_eq(slip_lanes_push_n(&b.p[1], &longest, 1), 1, "longest");
	teardown();
}

Test(lanes, a_batch_of_odd_lengths_is_padded_up_to_the_buffer)
{
	struct slip_record_span in[3] = { { "abc", 3 }, { "d", 1 }, { "", 0 } };
	struct slip_record_span out[3];
	char buf[11];

	setup(1, 128, 1, 0);
	cr_assert_eq(slip_lanes_push_n(&b.p[0], in, 3), 3, "push");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 11, out, 3), 2,
		     "padding does not fit");
	cr_assert(memcmp(buf, "abc", 3) == 0 && buf[8] == 'd', "bytes");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 0, out, 3), 1, "the last");
	teardown();
}

static void in_place(unsigned flags)
{
	uint32_t max = slip_lanes_max_bytes(128, flags);
	const char *at;
	uint32_t len = 0;
	char *to;

	setup(1, 128, 1, flags);
	cr_assert_null(slip_lanes_claim(&b.p[0], max + 1), "long");
	cr_assert_not_null(slip_lanes_claim(&b.p[0], max), "longest");
	cr_assert_null(slip_lanes_claim(&b.p[0], max + 1), "ends that claim");
	slip_lanes_commit(&b.p[0], 0);
	cr_assert_null(slip_lanes_peek(&b.c[0], &len), "empty");
	slip_lanes_release(&b.c[0]);
	to = slip_lanes_claim(&b.p[0], 20);
	cr_assert(to && (uintptr_t)to % 8 == 0, "claim");
	memcpy(to, "hello", 5);
	slip_lanes_commit(&b.p[0], UINT32_MAX);
	slip_lanes_commit(&b.p[0], 21);
	cr_assert_null(slip_lanes_peek(&b.c[0], &len), "not that much");
	slip_lanes_commit(&b.p[0], 5);
	slip_lanes_commit(&b.p[0], 5);
	at = slip_lanes_peek(&b.c[0], &len);
	cr_assert(at && len == 5 && memcmp(at, "hello", 5) == 0, "peek");
	cr_assert_eq((const void *)at, slip_lanes_peek(&b.c[0], &len), "stays");
	slip_lanes_release(&b.c[0]);
	cr_assert_null(slip_lanes_peek(&b.c[0], &len), "once");
	to = slip_lanes_claim(&b.p[0], 8);
	cr_assert_not_null(to, "claim");
	slip_lanes_close(&b.p[0]);
	slip_lanes_commit(&b.p[0], 8);
	cr_assert_null(slip_lanes_peek(&b.c[0], &len), "void");
	teardown();
}

Test(lanes, records_are_made_and_read_in_place)
{
	in_place(0);
}

Test(lanes, stamped_records_are_made_and_read_in_place)
{
	in_place(SLIP_LANES_STAMPED);
}

/* --- turns ------------------------------------------------------------------ */

Test(lanes, lanes_take_turns_a_quantum_each)
{
	uint64_t n[3] = { 0 };

	setup(3, 4096, 1, 0);
	for (uint64_t i = 1; i <= 70; i++)
		for (unsigned l = 0; l < 3; l += 2)
			cr_assert_eq(push(l, 1000 * l + i), 0, "push");
	for (unsigned i = 0; i < 140; i++) {
		uint64_t what = pop(0);
		uint64_t from = slip_lanes_from(&b.c[0]);

		cr_assert_eq(what, 1000 * from + ++n[from], "in order");
		cr_assert_eq(from, i < 128 ? i / 32 % 2 * 2 : (i - 128) / 6 * 2,
			     "record %u from lane %u", i, (unsigned)from);
	}
	cr_assert_eq(pop(0), 0, "empty");
	cr_assert_eq(n[1], 0, "idle");
	teardown();
}

Test(lanes, a_lane_that_runs_dry_gives_its_turn_away)
{
	setup(2, 1024, 1, 0);
	cr_assert(!push(0, 1) && !push(1, 2), "push");
	cr_assert_eq(pop(0), 1, "one");
	cr_assert_eq(pop(0), 2, "two");
	cr_assert(!push(0, 3) && !push(1, 4), "push");
	cr_assert_eq(pop(0), 4, "its quantum is not over");
	cr_assert_eq(pop(0), 3, "the other's");
	teardown();
}

Test(lanes, a_successor_of_the_consumer_goes_on)
{
	uint32_t len = 0;

	setup(2, 1024, 1, 0);
	cr_assert(!push(0, 1) && !push(0, 2) && !push(1, 3), "push");
	cr_assert_eq(pop(0), 1, "one");
	cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "in hand");
	slip_lanes_detach_consumer(&b.c[0]);
	slip_lanes_detach_consumer(&b.c[0]);
	cr_assert_null(slip_lanes_peek(&b.c[0], &len), "detached");
	slip_lanes_release(&b.c[0]);
	cr_assert_eq(attach_c(1), 0, "successor");
	cr_assert_eq(pop(1), 2, "again");
	cr_assert_eq(pop(1), 3, "the rest");
	teardown();
}

Test(lanes, a_lane_is_handed_on_with_what_is_in_it)
{
	setup(1, 1024, 1, 0);
	cr_assert(!push(0, 1) && !push(0, 2), "push");
	cr_assert_eq(pop(0), 1, "one");
	slip_lanes_detach_producer(&b.p[0]);
	cr_assert_eq(attach_p(1), 0, "heir");
	cr_assert_eq(push(1, 3), 0, "push");
	cr_assert_eq(pop(0), 2, "the dead one's");
	cr_assert_eq(pop(0), 3, "the heir's");
	teardown();
}

Test(lanes, the_data_goes_round_many_times)
{
	setup(2, 64, 1, 0);
	for (uint64_t i = 1; i < 500; i++) {
		cr_assert(!push(0, i) && !push(1, i + 1000), "push");
		cr_assert_eq(pop(0) + pop(0), 2 * i + 1000, "pop");
	}
	teardown();
}

Test(lanes, all_of_64_lanes_are_looked_at)
{
	struct slip_lanes_producer *p = calloc(64, sizeof(*p) + 64);
	struct slip_lanes_producer *at =
		(struct slip_lanes_producer *)(((uintptr_t)p + 63) / 64 * 64);

	cr_assert_not_null(p, "memory");
	make(64, 64, 1, 0);
	cr_assert_eq(attach_c(0), 0, "consumer");
	for (uint64_t i = 0; i < 64; i++) {
		cr_assert_eq(slip_lanes_attach_producer(&at[i], b.mem, b.bytes,
							NULL),
			     0, "producer");
		cr_assert_eq(slip_lanes_push(&at[i], &i, 8), 0, "push");
	}
	for (uint64_t i = 0; i < 64; i++)
		cr_assert_eq(pop(0), i, "pop");
	cr_assert_eq(slip_lanes_from(&b.c[0]), 63, "from");
	free(p);
	teardown();
}

/* The word behind the 16 seats counts the producers that came: with one of them
 * it looks as a role that is held. */
Test(lanes, of_16_seats_none_more_is_looked_at)
{
	struct slip_lanes_info info;
	uint64_t x = 1;

	setup(1, 1024, 16, 0);
	cr_assert_eq(slip_lanes_inspect(b.mem, b.bytes, &info), 0, "look");
	cr_assert_eq(info.consumers_guess, HANDLES, "consumers");
	for (unsigned i = 0; i < HANDLES; i++)
		slip_lanes_detach_consumer(&b.c[i]);
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, SLIP_FOREVER),
		     -EPIPE, "all have gone");
	teardown();
}

Test(lanes, recovery_buries_in_seats_and_lanes_and_nowhere_else)
{
	uint64_t held = slip_role_held_(3, 1);
	uint64_t dead = held - SLIP_ROLE_HELD + SLIP_ROLE_DEAD;

	setup(2, 64, 2, 0);
	for (unsigned i = 1; i <= 2; i++)
		/* init: the second is behind the last seat */
		slip_a64_store_relaxed(&ring()->seats[i], held);
	/* init */
	slip_a64_store_relaxed(&ends(1)->producer_role, held);
	cr_assert_eq(slip_lanes_recover_(NULL, b.mem, b.bytes, 3, 1), 0,
		     "recover");
	/* stat */
	cr_assert_eq(slip_a64_load_relaxed(&ring()->seats[1]), dead, "seat");
	cr_assert_eq(slip_a64_load_relaxed(&ends(1)->producer_role), dead,
		     "lane");
	cr_assert_eq(slip_a64_load_relaxed(&ring()->seats[2]), held, "behind");
	teardown();
}

Test(lanes, lanes_that_nobody_had_are_not_looked_at)
{
	make(3, 64, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		/* stat */
		cr_assert_eq(slip_a32_load_relaxed(&ring()->high), i, "high");
		cr_assert_eq(attach_p(i), 0, "producer");
	}
	teardown();
}

/* At +64 of each, as lanes.h says; one consumer needs none. */
Test(lanes, tails_are_said_to_several_consumers)
{
	for (uint32_t consumers = 1; consumers <= 2; consumers++) {
		unsigned char *lane;
		uint64_t tail;

		setup(1, 1024, consumers, 0);
		cr_assert_eq(push(0, 7), 0, "push");
		lane = (unsigned char *)b.mem + 512;
		memcpy(&tail, lane + 64, 8);
		cr_assert_eq(tail, consumers > 1 ? 16 : 0, "tail");
		teardown();
	}
}

/* --- stamps ----------------------------------------------------------------- */

Test(lanes, stamped_records_come_out_by_the_clock)
{
	unsigned order[] = { 2, 0, 1, 1, 2, 0, 0, 0, 1, 2 };
	uint64_t last = 0;

	setup(3, 1024, 1, SLIP_LANES_STAMPED);
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(pop(0), 0, "empty");
		for (uint64_t i = 0; i < 10; i++)
			cr_assert_eq(push(order[i], i + 1), 0, "push");
		for (uint64_t i = 0; i < 10; i++) {
			cr_assert_eq(pop(0), i + 1, "in order");
			cr_assert_eq(slip_lanes_from(&b.c[0]), order[i],
				     "from");
			cr_assert_geq(slip_lanes_stamp_ns(&b.c[0]), last,
				      "stamp");
			last = slip_lanes_stamp_ns(&b.c[0]);
		}
	}
	teardown();
}

Test(lanes, a_stamped_batch_is_one_record)
{
	uint64_t words[2] = { 1, 2 };
	struct slip_record_span in[2] = { { &words[0], 8 }, { &words[1], 8 } };
	struct slip_record_span out[2];
	uint64_t buf[2];
	uint64_t *to;

	setup(2, 128, 1, SLIP_LANES_STAMPED);
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 16, out, 1), 0, "empty");
	cr_assert_eq(slip_lanes_push_n(&b.p[1], in, 2), 2, "push");
	to = slip_lanes_claim(&b.p[0], 8);
	cr_assert_not_null(to, "claim");
	*to = 3;
	slip_lanes_commit(&b.p[0], 8);
	for (uint64_t i = 1; i <= 3; i++) {
		cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 16, out, 2), 1,
			     "pop");
		cr_assert(buf[0] == i && out[0].len == 8, "oldest");
	}
	teardown();
}

/* Z, which is there, says that it is of the end of time. */
static void with_a_late_one(uint32_t lanes)
{
	uint64_t late = UINT64_MAX;

	make(lanes, 1024, 1, SLIP_LANES_STAMPED);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(attach_p(i), 0, "producer");
	cr_assert_eq(attach_c(0), 0, "consumer");
	cr_assert_eq(push(1, 26), 0, "Z");
	memcpy(b.p[1].rec.shape.data + 8, &late, 8);
}

static void into_lane_0_then_2(void)
{
	cr_assert(!push(0, 1) && !push(2, 2), "A, then B");
}

static void into_a_new_lane_then_2(void)
{
	cr_assert(!attach_p(3) && !push(3, 1) && !push(2, 2), "A, then B");
}

Test(lanes, a_stamped_ring_without_producers_is_empty)
{
	make(2, 128, 1, SLIP_LANES_STAMPED);
	cr_assert_eq(attach_c(0), 0, "consumer");
	cr_assert_eq(pop(0), 0, "empty");
	teardown();
}

static void first_things_first(uint32_t lanes, void (*pushes)(void))
{
	with_a_late_one(lanes);
	after_copy = pushes;
	cr_assert_eq(pop(0), 1, "A");
	cr_assert_eq(pop(0), 2, "B");
	cr_assert_eq(pop(0), 26, "Z");
	teardown();
}

/* The consumer has been at lane 0, and is at lane 1. */
Test(lanes, lanes_that_were_empty_are_looked_at_again)
{
	first_things_first(3, into_lane_0_then_2);
}

Test(lanes, so_are_lanes_that_nobody_had)
{
	first_things_first(4, into_a_new_lane_then_2);
}

/* --- several consumers ------------------------------------------------------ */

Test(lanes, what_is_in_hand_keeps_its_lane_from_others)
{
	uint64_t small;
	uint32_t len = 0;

	setup(2, 1024, 2, 0);
	cr_assert(!push(0, 1) && !push(0, 2) && !push(1, 3), "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "peek");
	cr_assert_eq(slip_lanes_from(&b.c[0]), 0, "lane 0");
	cr_assert_eq(pop(1), 3, "the other lane");
	cr_assert_eq(pop(1), 0, "no more");
	slip_lanes_release(&b.c[0]);
	cr_assert_eq(pop(1), 2, "free");
	cr_assert_eq(push(0, 4), 0, "push");
	cr_assert_eq(slip_lanes_pop(&b.c[0], &small, 1, &len), -EMSGSIZE,
		     "small");
	cr_assert_eq(pop(1), 0, "in hand");
	cr_assert_eq(pop(0), 4, "pop");
	cr_assert_eq(push(0, 5), 0, "push");
	cr_assert_eq(pop(1), 5, "free");
	teardown();
}

/* In one look round once, however often it has looked. */
Test(lanes, a_lane_in_another_hand_is_passed_over)
{
	uint32_t len = 0;

	setup(1, 1024, 2, 0);
	cr_assert(!push(0, 1) && !push(0, 2), "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "in hand");
	cr_assert_eq(pop(1), 0, "passed over");
	cr_assert_eq(b.c[1].passed, 1, "once");
	b.c[1].rec.side.spin.skip = UINT32_MAX;
	for (unsigned i = 0; i < 2 * SLIP_LANES_PATIENCE_; i++)
		cr_assert_eq(slip_lanes_wait_data_until(&b.c[1], 0), -ETIMEDOUT,
			     "look %u", i);
	teardown();
}

Test(lanes, who_leaves_leaves_what_it_had_in_hand)
{
	uint32_t len = 0;

	setup(1, 1024, 2, 0);
	cr_assert_eq(push(0, 1), 0, "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "peek");
	slip_lanes_detach_consumer(&b.c[0]);
	cr_assert_eq(pop(1), 1, "free");
	cr_assert_eq(push(0, 2), 0, "one is still here");
	teardown();
}

Test(lanes, batches_of_several_consumers)
{
	struct slip_record_span out[4];
	uint64_t buf[4];

	setup(2, 1024, 2, 0);
	for (uint64_t i = 1; i <= 6; i++)
		cr_assert_eq(push(0, i), 0, "push");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 4, out, 4), 0, "no room");
	cr_assert_eq(slip_lanes_pop_n(&b.c[1], buf, 32, out, 4), 4, "four");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 4), 2, "two");
	cr_assert(buf[0] == 5 && buf[1] == 6, "in order");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], buf, 32, out, 4), 0, "empty");
	teardown();
}

/* By `peeks`, or by a pop into a buffer that is too small. */
static void in_hand_for_a_batch(uint32_t consumers, bool peeks)
{
	uint64_t big[2] = { 1, 2 };
	uint64_t got[2];
	struct slip_record_span out[2];
	uint32_t len = 0;

	setup(2, 1024, consumers, 0);
	cr_assert_eq(slip_lanes_push(&b.p[0], big, 16), 0, "push");
	cr_assert_eq(push(1, 3), 0, "push");
	if (peeks)
		cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "peek");
	else
		cr_assert_eq(slip_lanes_pop(&b.c[0], got, 8, &len), -EMSGSIZE,
			     "small");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], got, 8, out, 2), 0, "small");
	cr_assert_eq(slip_lanes_pop_n(&b.c[0], got, 16, out, 2), 1, "that");
	cr_assert(len == 16 && out[0].len == 16 && got[0] == 1, "still");
	cr_assert_eq(pop(0), 3, "then the next");
	cr_assert(!slip_lanes_pop_n(&b.c[0], got, 16, out, 2), "no more");
	teardown();
}

Test(lanes, what_is_in_hand_stays_so_if_it_does_not_fit)
{
	for (uint32_t consumers = 1; consumers <= 2; consumers++) {
		in_hand_for_a_batch(consumers, true);
		in_hand_for_a_batch(consumers, false);
	}
}

/* Between a look and the swap, or the look in full. */
Test(lanes, a_lane_that_another_was_quicker_at_is_passed_over)
{
	struct slip_lanes_consumer *c = &b.c[0];
	struct slip_record_ring *lane;
	uint32_t len = 0;

	setup(1, 1024, 2, 0);
	lane = slip_lanes_lane_(ring(), &c->shape, 0);
	cr_assert_eq(push(0, 1), 0, "push");
	cr_assert(slip_lanes_hint_(c, 0), "there is one");
	cr_assert_not_null(slip_lanes_peek(&b.c[1], &len),
			   "the other takes it");
	cr_assert(!slip_lanes_hint_(c, 0), "held");
	cr_assert(!slip_lanes_take_(c, lane), "held");
	slip_lanes_release(&b.c[1]);
	cr_assert(!slip_lanes_hint_(c, 0), "gone");
	cr_assert(slip_lanes_take_(c, lane), "take");
	cr_assert(!slip_lanes_look_(c, 0), "nothing");
	cr_assert_eq(slip_lanes_damaged(c), 0, "nor damage");
	cr_assert_eq(push(0, 2), 0, "push");
	cr_assert_eq(pop(1), 2, "free");
	teardown();
}

/* --- ends ------------------------------------------------------------------- */

Test(lanes, the_end_comes_when_all_have_gone_and_all_is_taken)
{
	uint64_t x;
	uint32_t len = 0;

	setup(2, 1024, 1, 0);
	cr_assert_eq(push(0, 1), 0, "push");
	slip_lanes_detach_producer(&b.p[0]);
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, 0), 0, "left");
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, 0), -ETIMEDOUT,
		     "one is here");
	cr_assert_eq(push(1, 2), 0, "push");
	slip_lanes_detach_producer(&b.p[1]);
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     0, "left");
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     -EPIPE, "the end");
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, 0), -EPIPE,
		     "also if it is not waited for");
	cr_assert_eq(slip_lanes_wait_producer_until(&b.c[0], 0), -ETIMEDOUT,
		     "nobody");
	cr_assert_eq(attach_p(0), 0, "next");
	cr_assert_eq(slip_lanes_wait_producer_until(&b.c[0], SLIP_FOREVER), 0,
		     "here");
	cr_assert_eq(slip_lanes_wait_data_until(&b.c[0], 0), -ETIMEDOUT,
		     "no end any more");
	cr_assert_eq(push(0, 3), 0, "push");
	slip_lanes_detach_producer(&b.p[0]);
	cr_assert_eq(slip_lanes_wait_producer_until(&b.c[0], SLIP_FOREVER), 0,
		     "what it left");
	slip_lanes_detach_consumer(&b.c[0]);
	cr_assert_eq(slip_lanes_wait_data_until(&b.c[0], 0), -EPIPE,
		     "detached");
	cr_assert_eq(slip_lanes_wait_producer_until(&b.c[0], 0), -EPIPE,
		     "detached");
	teardown();
}

Test(lanes, before_the_first_producer_there_is_no_end)
{
	uint64_t x;
	uint32_t len = 0;

	make(2, 1024, 1, 0);
	cr_assert_eq(attach_c(0), 0, "consumer");
	cr_assert_eq(
		slip_lanes_pop_until(&b.c[0], &x, 8, &len, slip_after_ns(1000)),
		-ETIMEDOUT, "not yet");
	cr_assert_eq(pop(0), 0, "nothing");
	teardown();
}

Test(lanes, what_another_has_in_hand_is_not_the_end)
{
	uint64_t x;
	uint32_t len = 0;

	setup(1, 1024, 2, 0);
	cr_assert_eq(push(0, 1), 0, "push");
	slip_lanes_detach_producer(&b.p[0]);
	cr_assert_not_null(slip_lanes_peek(&b.c[0], &len), "in hand");
	cr_assert_eq(
		slip_lanes_pop_until(&b.c[1], &x, 8, &len, slip_after_ns(1000)),
		-ETIMEDOUT, "it may come back");
	slip_lanes_release(&b.c[0]);
	cr_assert_eq(slip_lanes_pop_until(&b.c[1], &x, 8, &len, SLIP_FOREVER),
		     -EPIPE, "the end");
	teardown();
}

Test(lanes, producers_hear_that_all_consumers_have_gone)
{
	uint64_t x = 1;
	char big[24] = { 0 };

	make(1, 64, 2, 0);
	cr_assert_eq(attach_p(0), 0, "producer");
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, 0), 0,
		     "none has come yet");
	cr_assert_eq(slip_lanes_wait_consumer_until(&b.p[0], 0), -ETIMEDOUT,
		     "nobody");
	cr_assert_eq(attach_c(0), 0, "consumer");
	cr_assert_eq(slip_lanes_wait_consumer_until(&b.p[0], SLIP_FOREVER), 0,
		     "here");
	cr_assert_eq(attach_c(1), 0, "another");
	slip_lanes_detach_consumer(&b.c[0]);
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, 0), 0, "one left");
	slip_lanes_detach_consumer(&b.c[1]);
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, 0), -EPIPE, "none");
	cr_assert_eq(slip_lanes_push(&b.p[0], &x, 8), 0, "push does not look");
	cr_assert_eq(slip_lanes_wait_room_until(&b.p[0], 24, SLIP_FOREVER),
		     -EPIPE, "none");
	cr_assert_eq(slip_lanes_wait_room_until(&b.p[0], 25, 0), -EMSGSIZE,
		     "long");
	cr_assert_eq(attach_c(1), 0, "successor");
	cr_assert_eq(
		slip_lanes_push_until(&b.p[0], big, 24, slip_after_ns(1000)),
		-ETIMEDOUT, "full");
	slip_lanes_close(&b.p[0]);
	cr_assert_eq(slip_lanes_wait_room_until(&b.p[0], 8, 0), -EPIPE,
		     "closed");
	cr_assert_eq(slip_lanes_wait_consumer_until(&b.p[0], 0), -EPIPE,
		     "closed");
	teardown();
}

/* --- one comes behind the back of who looks ---------------------------------- */

Test(lanes, who_came_meanwhile_is_not_overlooked)
{
	uint64_t counted;

	setup(2, 1024, 1, 0);
	slip_lanes_detach_producer(&b.p[0]);
	counted = slip_lanes_counted_(&ring()->producers_came);
	cr_assert(slip_lanes_same_(&ring()->producers_came, counted), "nobody");
	cr_assert_eq(attach_p(2), 0, "comes");
	cr_assert(!slip_lanes_same_(&ring()->producers_came, counted), "one");
	teardown();
}

/* --- waiting ---------------------------------------------------------------- */

static long pushes(void)
{
	cr_assert_eq(push(0, 7), 0, "push");
	return 0;
}

static long pops(void)
{
	cr_assert_neq(pop(0), 0, "pop");
	return 0;
}

static long leaves(void)
{
	slip_lanes_detach_producer(&b.p[0]);
	return 0;
}

static long comes(void)
{
	cr_assert_eq(attach_p(0), 0, "producer");
	return 0;
}

static long consumer_comes(void)
{
	cr_assert_eq(attach_c(0), 0, "consumer");
	return 0;
}

static long consumers_leave(void)
{
	slip_lanes_detach_consumer(&b.c[0]);
	return 0;
}

static void sleepers(unsigned mode, uint32_t consumers)
{
	uint64_t x = 0;
	uint32_t len = 0;

	make(1, 64, consumers, mode);
	b.p[0].rec.side.spin.skip = 100;
	cr_assert_eq(attach_c(0), 0, "consumer");
	b.c[0].rec.side.spin.skip = UINT32_MAX;
	meanwhile = comes;
	cr_assert_eq(slip_lanes_wait_producer_until(&b.c[0], SLIP_FOREVER), 0,
		     "a producer");
	b.p[0].rec.side.spin.skip = UINT32_MAX;
	meanwhile = pushes;
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     0, "a record");
	cr_assert_eq(x, 7, "that");
	cr_assert(!push(0, 1) && !push(0, 2) && !push(0, 3), "full");
	meanwhile = pops;
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, SLIP_FOREVER), 0,
		     "room");
	meanwhile = consumers_leave;
	cr_assert_eq(slip_lanes_push_until(&b.p[0], &x, 8, SLIP_FOREVER),
		     -EPIPE, "nobody");
	meanwhile = consumer_comes;
	cr_assert_eq(slip_lanes_wait_consumer_until(&b.p[0], SLIP_FOREVER), 0,
		     "a consumer");
	b.c[0].rec.side.spin.skip = UINT32_MAX;
	cr_assert(pop(0) && pop(0) && pop(0), "three");
	meanwhile = leaves;
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     -EPIPE, "the end");
	teardown();
}

Test(lanes, sleepers_are_told)
{
	sleepers(SLIP_EVENT_FULL, 1);
	sleepers(SLIP_EVENT_FULL, 2);
}

Test(lanes, sleepers_are_told_by_way_of_membarrier)
{
	if (!membarrier_works())
		cr_skip("no membarrier here");
	sleepers(SLIP_EVENT_ASYM, 1);
	sleepers(SLIP_EVENT_ASYM, 2);
}

static int calls;

static long finds(void)
{
	calls++;
	cr_assert(slip_lanes_has_data_(&b.c[0]), "it is there");
	/* It sleeps again. */
	meanwhile = finds;
	return 0;
}

/* By a push, or in place. */
static void tells_once(unsigned mode, uint32_t consumers, bool claims)
{
	uint32_t key;

	setup(1, 1024, consumers, mode);
	cr_assert_eq(slip_event_prepare(&ring()->ev_data, mode, &key), 0,
		     "about to sleep");
	meanwhile = finds;
	calls = 0;
	if (claims) {
		cr_assert_not_null(slip_lanes_claim(&b.p[0], 8), "claim");
		slip_lanes_commit(&b.p[0], 8);
	} else {
		cr_assert_eq(push(0, 1), 0, "push");
	}
	cr_assert_eq(calls, 1, "one call");
	meanwhile = NULL;
	teardown();
}

Test(lanes, a_sleeper_is_told_once_there_is_something_to_be_found)
{
	for (unsigned i = 0; i < 4; i++) {
		tells_once(SLIP_EVENT_FULL, 1 + i % 2, i / 2);
		if (membarrier_works())
			tells_once(SLIP_EVENT_ASYM, 1 + i % 2, i / 2);
	}
}

static long releases(void)
{
	slip_lanes_release(&b.c[1]);
	return 0;
}

Test(lanes, who_drops_a_lane_tells_of_what_is_left)
{
	uint64_t x = 0;
	uint32_t len = 0;
	uint32_t key;

	setup(1, 1024, 2, SLIP_EVENT_FULL);
	b.c[0].rec.side.spin.skip = UINT32_MAX;
	cr_assert(!push(0, 1) && !push(0, 2), "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[1], &len), "in hand");
	meanwhile = releases;
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     0, "told");
	cr_assert_eq(x, 2, "that");
	/* Nothing left: nobody is told. */
	cr_assert_eq(push(0, 3), 0, "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[1], &len), "in hand");
	cr_assert_eq(
		slip_event_prepare(&ring()->ev_data, SLIP_EVENT_FULL, &key), 0,
		"about to sleep");
	slip_lanes_release(&b.c[1]);
	/* stat */
	cr_assert(slip_a32_load_relaxed(&ring()->ev_data.word) & SLIP_EVENT_W_,
		  "untold");
	teardown();
}

Test(lanes, who_drops_the_last_record_tells_of_the_end)
{
	uint64_t x = 0;
	uint32_t len = 0;

	setup(1, 1024, 2, SLIP_EVENT_FULL);
	b.c[0].rec.side.spin.skip = UINT32_MAX;
	cr_assert_eq(push(0, 1), 0, "push");
	cr_assert_not_null(slip_lanes_peek(&b.c[1], &len), "in hand");
	slip_lanes_detach_producer(&b.p[0]);
	meanwhile = releases;
	cr_assert_eq(slip_lanes_pop_until(&b.c[0], &x, 8, &len, SLIP_FOREVER),
		     -EPIPE, "told");
	teardown();
}

/* --- looking on ------------------------------------------------------------- */

Test(lanes, inspect_says_what_is_there)
{
	struct slip_lanes_info info;
	struct slip_record_info one;

	setup(3, 1024, 2, 0);
	slip_lanes_detach_producer(&b.p[2]);
	cr_assert(!push(0, 1) && !push(0, 2) && !push(1, 3), "push");
	cr_assert_eq(pop(0), 1, "pop");
	cr_assert_eq(slip_lanes_inspect(b.mem, b.bytes, &info), 0, "look");
	cr_assert_eq(info.bytes, b.bytes, "bytes");
	cr_assert(info.lanes == 3 && info.consumers == 2 &&
			  info.capacity == 1024 && info.max_bytes == 504,
		  "shape");
	cr_assert(info.producers_guess == 2 && info.consumers_guess == 2,
		  "who");
	cr_assert(info.records_guess == 2 && info.used_bytes_guess == 32 &&
			  info.popped_bytes == 16 && info.unread_guess == 0,
		  "records");
	cr_assert_eq(info.flags, 0, "flags");
	cr_assert_eq(slip_lanes_inspect_lane(b.mem, b.bytes, 1, &one), 0,
		     "lane");
	cr_assert_eq(one.records_guess, 1, "one");
	cr_assert_eq(slip_lanes_inspect_lane(b.mem, b.bytes, 3, &one), -EINVAL,
		     "none");
	cr_assert_eq(slip_lanes_inspect_lane(b.mem, 10, 0, &one), -EOVERFLOW,
		     "bytes");
	cr_assert_eq(slip_lanes_inspect(b.mem, 10, &info), -EOVERFLOW, "bytes");
	/* init: damage */
	slip_a64_store_relaxed(&ends(1)->head, 3);
	cr_assert_eq(slip_lanes_inspect(b.mem, b.bytes, &info), 0, "look");
	cr_assert(info.unread_guess == 1 && info.records_guess == 1,
		  "what can be followed");
	teardown();
}

Test(lanes, inspect_says_that_records_are_stamped)
{
	struct slip_lanes_info info;

	setup(1, 64, 1, SLIP_LANES_STAMPED);
	cr_assert_eq(slip_lanes_inspect(b.mem, b.bytes, &info), 0, "look");
	cr_assert(info.flags == SLIP_LANES_STAMPED && info.max_bytes == 16,
		  "stamped");
	teardown();
}
