/* SPDX-License-Identifier: MIT */
/* ring/chain.h in one process: shapes, order, segments that come and go, late
 * pushers, the limit, waiting and the end. What threads do to each other at any
 * access: stress/explore/chain_models.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK	chain_test_sys
#define SLIP_PAUSE_HOOK chain_test_pause
#define SLIP_NOW_HOOK	chain_test_now
#include "ring/chain.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "atomics/test/check.h"
#include "urcu_tsan.h"

/* Called once, at the next sleep, pause, look at the clock or request for memory. */
static void (*at_a_sleep)(void), (*at_a_pause)(void), (*at_a_clock)(void),
	(*at_a_request)(void);

static void call_once(void (**what)(void))
{
	void (*now)(void) = *what;

	if (!now)
		return;
	*what = NULL;
	now();
}

long chain_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	/* Not a wake. */
	if (nr == SYS_futex && (b & 127) == SLIP_FUTEX_WAIT_BITSET_)
		call_once(&at_a_sleep);
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static slip_a32 pauses;

void chain_test_pause(void)
{
	(void)slip_a32_fetch_add_relaxed(&pauses, 1); /* stat */
	call_once(&at_a_pause);
}

uint64_t chain_test_now(void)
{
	struct timespec now = { 0, 0 };

	call_once(&at_a_clock);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

struct pose {
	uint64_t time;
	double at[3];
};

struct odd {
	unsigned char bytes[13];
};

SLIP_CHAIN_DEFINE(poses, struct pose);
SLIP_CHAIN_DEFINE(odds, struct odd);
SLIP_CHAIN_DEFINE(words, uint64_t);

static struct slip_chain c;

/* --- memory that can be refused ---------------------------------------------- */

static slip_a32 there; /* segments */
static bool refuse;

static void *get(void *context, size_t bytes)
{
	cr_assert_eq(context, (void *)&there);
	if (refuse)
		return NULL;
	call_once(&at_a_request);
	(void)slip_a32_fetch_add_relaxed(&there, 1); /* stat */
	return aligned_alloc(128, bytes);
}

static void put(void *context, void *memory, size_t bytes)
{
	cr_assert_eq(context, (void *)&there);
	memset(memory, 0xdd, bytes);
	(void)slip_a32_fetch_add_relaxed(&there, UINT32_MAX); /* stat */
	free(memory);
}

static uint32_t segments(void)
{
	return slip_a32_load_relaxed(&there); /* stat */
}

/* Of words, `segment` in each. */
static void make(uint32_t segment, uint32_t segments_max)
{
	struct slip_chain_options o = {
		.segment = segment,
		.segments_max = segments_max,
		.get = get,
		.put = put,
		.context = &there,
	};

	cr_assert_eq(words_init(&c, &o), 0);
	/* Do not spin: the pause hook is for other things. */
	slip_a64_store_relaxed(&c.spin, UINT64_C(0xffff) << 48); /* init */
}

static void destroy(void)
{
	slip_chain_destroy(&c);
	cr_assert_eq(segments(), 0);
}

static void push(uint64_t value)
{
	cr_assert_eq(words_push(&c, &value), 0);
}

static void push_some(uint64_t from, uint64_t to)
{
	for (uint64_t v = from; v < to; v++)
		push(v);
}

static void pop(uint64_t value)
{
	uint64_t got = ~value;

	cr_assert(words_pop(&c, &got));
	cr_assert_eq(got, value);
}

static void pop_some(uint64_t from, uint64_t to)
{
	for (uint64_t v = from; v < to; v++)
		pop(v);
}

static void is_empty(void)
{
	uint64_t got;

	cr_assert_not(words_pop(&c, &got));
}

static struct slip_chain_info look(void)
{
	struct slip_chain_info info;

	slip_chain_inspect(&c, &info);
	return info;
}

static struct slip_chain_segment *segment_at(const slip_a64 *cell)
{
	return slip_chain_at_(slip_a64_load_relaxed(cell)); /* hint */
}

/* --- shapes ------------------------------------------------------------------ */

Test(chain, refuses_bad_arguments)
{
	struct slip_chain_options o = { .segment = 1 };

	cr_assert_eq(slip_chain_init(&c, 0, NULL), -EINVAL);
	cr_assert_eq(slip_chain_init(&c, 65537, NULL), -EINVAL);
	cr_assert_eq(slip_chain_init(&c, 8, &o), -EINVAL);
	o.segment = SLIP_CHAIN_SEGMENT_MAX + 1;
	cr_assert_eq(slip_chain_init(&c, 8, &o), -EINVAL);
	o.segment = 2;
	o.segments_max = 1;
	cr_assert_eq(slip_chain_init(&c, 8, &o), -EINVAL);
	o.segments_max = 0;
	o.get = get;
	cr_assert_eq(slip_chain_init(&c, 8, &o), -EINVAL);
	o.get = NULL;
	o.put = put;
	cr_assert_eq(slip_chain_init(&c, 8, &o), -EINVAL);
}

Test(chain, accepts_the_largest_and_the_smallest)
{
	struct slip_chain_options o = { .segment = 2, .segments_max = 2 };

	cr_assert_eq(slip_chain_init(&c, 65536, &o), 0);
	cr_assert_eq(look().segment, 2);
	slip_chain_destroy(&c);
	o.segment = SLIP_CHAIN_SEGMENT_MAX;
	cr_assert_eq(slip_chain_init(&c, 1, &o), 0);
	cr_assert_eq(look().segment, SLIP_CHAIN_SEGMENT_MAX);
	slip_chain_destroy(&c);
	cr_assert_eq(slip_chain_init(&c, 65536, NULL), 0);
	cr_assert_eq(look().segment, 16);
	slip_chain_destroy(&c);
	cr_assert_eq(slip_chain_init(&c, 8, NULL), 0);
	cr_assert_eq(look().segment, 2048);
	cr_assert_eq(look().segment_bytes, 384 + 32768);
	slip_chain_destroy(&c);
}

/* No slot straddles a line, and none is larger than it must be. */
Test(chain, slots_are_as_large_as_they_must_be)
{
	static const uint32_t slots[][2] = {
		{ 1, 16 },  { 8, 16 },	 { 9, 32 },    { 24, 32 },   { 25, 64 },
		{ 56, 64 }, { 57, 128 }, { 120, 128 }, { 121, 192 },
	};
	struct slip_chain_options o = { .segment = 8 };

	for (unsigned k = 0; k < sizeof(slots) / sizeof(slots[0]); k++) {
		cr_assert_eq(slip_chain_init(&c, slots[k][0], &o), 0);
		cr_assert_eq(look().segment_bytes,
			     384 + 8 * (uint64_t)slots[k][1]);
		slip_chain_destroy(&c);
	}
}

#define AREA 512 /* a header and 8 slots of 16 bytes: to the last byte */

static _Alignas(128) unsigned char area[AREA + 128];

static void *get_area(void *context, size_t bytes)
{
	(void)context;
	cr_assert_eq(bytes, AREA);
	return area;
}

static void put_area(void *context, void *memory, size_t bytes)
{
	(void)context;
	cr_assert_eq(memory, (void *)area);
	cr_assert_eq(bytes, AREA);
}

Test(chain, a_segment_ends_with_its_last_slot)
{
	struct slip_chain_options o = {
		.segment = 8,
		.get = get_area,
		.put = put_area,
	};

	memset(area, 0xcc, sizeof(area));
	cr_assert_eq(words_init(&c, &o), 0);
	for (size_t i = AREA; i < sizeof(area); i++)
		cr_assert_eq(area[i], 0xcc);
	slip_chain_destroy(&c);
}

Test(chain, without_memory_it_is_not_made)
{
	struct slip_chain_options o = {
		.get = get,
		.put = put,
		.context = &there,
	};

	refuse = true;
	cr_assert_eq(slip_chain_init(&c, 8, &o), -ENOMEM);
}

Test(chain, elements_of_every_size_go_through)
{
	static const uint32_t sizes[] = { 1,  7,  8,   9,    23,   24,
					  25, 56, 120, 1000, 4099, 65536 };
	static unsigned char in[65536], out[65536];
	struct slip_chain_options o = { .segment = 3 };

	for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		cr_assert_eq(slip_chain_init(&c, sizes[k], &o), 0);
		for (unsigned i = 0; i < 10; i++) {
			memset(in, (int)(i + 1), sizes[k]);
			cr_assert_eq(slip_chain_push(&c, in), 0);
		}
		for (unsigned i = 0; i < 10; i++) {
			memset(in, (int)(i + 1), sizes[k]);
			memset(out, 0, sizeof(out));
			cr_assert(slip_chain_pop(&c, out));
			cr_assert_eq(memcmp(in, out, sizes[k]), 0);
			cr_assert(sizes[k] == sizeof(out) ||
				  out[sizes[k]] == 0);
		}
		cr_assert_not(slip_chain_pop(&c, out));
		slip_chain_destroy(&c);
	}
}

Test(chain, typed_wrappers_carry_their_type)
{
	struct pose in = { 7, { 1, 2, 3 } };
	struct pose out[2];
	struct odd thirteen = { { 1, 2, 3 } };
	struct odd back;

	cr_assert_eq(poses_init(&c, NULL), 0);
	cr_assert_eq(poses_push(&c, &in), 0);
	cr_assert_eq(poses_push_n(&c, &in, 1), 1);
	cr_assert_eq(poses_push_until(&c, &in, 0), 0);
	cr_assert(poses_pop(&c, &out[0]));
	cr_assert_eq(poses_pop_n(&c, out, 1), 1);
	cr_assert_eq(poses_pop_until(&c, &out[1], 0), 0);
	cr_assert_eq(memcmp(&out[1], &in, sizeof(in)), 0);
	slip_chain_destroy(&c);
	cr_assert_eq(odds_init(&c, NULL), 0);
	cr_assert_eq(odds_push(&c, &thirteen), 0);
	cr_assert(odds_pop(&c, &back));
	cr_assert_eq(memcmp(&back, &thirteen, sizeof(back)), 0);
	slip_chain_destroy(&c);
}

/* --- order, and segments ----------------------------------------------------- */

Test(chain, a_new_one_is_empty)
{
	make(2, 0);
	is_empty();
	cr_assert_eq(look().elements_guess, 0);
	destroy();
}

Test(chain, first_in_first_out_over_many_segments)
{
	make(3, 0);
	push_some(0, 100);
	cr_assert_eq(look().elements_guess, 100);
	cr_assert_eq(look().segments, 34);
	pop_some(0, 100);
	is_empty();
	destroy();
}

Test(chain, empty_at_every_place_of_a_segment)
{
	make(4, 0);
	for (uint64_t v = 0; v < 20; v++) {
		push(v);
		pop(v);
		is_empty();
	}
	destroy();
}

Test(chain, goes_with_elements_in_it)
{
	make(2, 0);
	push_some(0, 11);
	destroy();
}

Test(chain, goes_with_spare_segments_and_none)
{
	make(2, 0);
	push_some(0, 11);
	pop_some(0, 11);
	slip_rcu_settle_(&c);
	cr_assert_gt(look().spares, 0);
	destroy();
}

Test(chain, spare_segments_are_used_again)
{
	make(2, 0);
	push_some(0, 6);
	pop_some(0, 6);
	slip_rcu_settle_(&c);
	cr_assert_eq(look().spares, 2);
	refuse = true;
	push_some(6, 10);
	cr_assert_eq(look().spares, 0);
	pop_some(6, 10);
	is_empty();
	destroy();
}

Test(chain, a_burst_is_given_back)
{
	make(2, 0);
	push_some(0, 1000);
	pop_some(0, 1000);
	slip_rcu_settle_(&c);
	cr_assert_eq(look().spares, SLIP_CHAIN_SPARES);
	cr_assert_eq(segments(), SLIP_CHAIN_SPARES + 1);
	destroy();
}

/* Segments asked for while others are put off may be needed again. */
Test(chain, as_many_are_kept_as_a_grace_period_takes)
{
	make(2, 0);
	slip_rcu_enter_();
	for (uint64_t v = 0; v < 100; v++) {
		push(v);
		pop(v);
	}
	slip_rcu_leave_(&c);
	slip_rcu_settle_(&c);
	cr_assert_gt(look().spares, 20);
	destroy();
}

/* What a late one asks for is little, and each time all but a 1024th of what
 * was needed before is kept, and what is less than one of it too. */
Test(chain, the_need_of_segments_falls_slowly)
{
	make(2, 0);
	cr_assert_eq(slip_chain_need_(&c, 10), 10);
	cr_assert_eq(slip_chain_need_(&c, 0), 9);
	cr_assert_eq(slip_chain_need_(&c, 9), 9);
	/* hint */
	cr_assert_eq(slip_a64_load_relaxed(&c.need), 10 * 1024 - 10);
	destroy();
}

Test(chain, who_is_inside_keeps_a_segment)
{
	make(2, 0);
	slip_rcu_enter_();
	push_some(0, 3);
	pop_some(0, 3);
	cr_assert_eq(look().spares, 0);
	cr_assert_eq(segments(), 2);
	slip_rcu_leave_(&c);
	slip_rcu_settle_(&c);
	cr_assert_eq(look().spares, 1);
	destroy();
}

/* --- what others pay for ----------------------------------------------------- */

static uint32_t pauses_so_far(void)
{
	return slip_a32_load_relaxed(&pauses); /* stat */
}

/* The pushers' line is looked at: then pops know of more than they have taken. */
static uint64_t seen(void)
{
	return slip_a64_load_relaxed(&segment_at(&c.head)->seen); /* hint */
}

Test(chain, a_pop_of_what_it_sees_does_not_look_further)
{
	uint64_t out[2];

	make(4, 0);
	push_some(0, 3);
	pop(0);
	cr_assert_eq(seen(), 0);
	cr_assert_eq(words_pop_n(&c, out, 2), 2);
	cr_assert_eq(seen(), 3);
	cr_assert_eq(pauses_so_far(), 0);
	destroy();
}

Test(chain, a_pop_that_finds_nothing_lingers_and_writes_nothing)
{
	make(4, 0);
	push(0);
	pop(0);
	is_empty();
	cr_assert_eq(pauses_so_far(), SLIP_CHAIN_LINGER);
	cr_assert_eq(seen(), 0);
	/* own */
	cr_assert_eq(slip_a64_load_relaxed(&segment_at(&c.head)->pop), 1);
	destroy();
}

Test(chain, behind_the_last_slot_no_pop_lingers)
{
	make(2, 0);
	push_some(0, 2);
	pop_some(0, 2);
	is_empty();
	cr_assert_eq(pauses_so_far(), 0);
	destroy();
}

/* --- batches ----------------------------------------------------------------- */

Test(chain, batches_of_every_size_cross_segments)
{
	uint64_t in[12], out[12];

	for (uint32_t n = 0; n <= 12; n++) {
		make(3, 0);
		push(99);
		for (uint32_t i = 0; i < n; i++)
			in[i] = i;
		cr_assert_eq(words_push_n(&c, in, n), n);
		pop(99);
		cr_assert_eq(words_pop_n(&c, out, 12), n);
		cr_assert_eq(memcmp(in, out, n * sizeof(in[0])), 0);
		is_empty();
		destroy();
	}
}

Test(chain, batches_through_the_untyped_calls)
{
	uint64_t in[5] = { 1, 2, 3, 4, 5 };
	uint64_t out[5];

	make(4, 0);
	cr_assert_eq(slip_chain_push_n(&c, in, 5), 5);
	cr_assert_eq(slip_chain_pop_n(&c, out, 3), 3);
	cr_assert_eq(slip_chain_pop_n(&c, out + 3, 5), 2);
	cr_assert_eq(memcmp(in, out, sizeof(in)), 0);
	destroy();
}

Test(chain, a_batch_goes_in_as_far_as_it_can)
{
	uint64_t in[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	make(2, 2);
	cr_assert_eq(words_push_n(&c, in, 10), 4);
	cr_assert_eq(words_push_n(&c, in, 10), 0);
	pop_some(0, 4);
	destroy();
}

/* --- who is late ------------------------------------------------------------- */

/* A pusher claims a slot and stops. */
static slip_a64 *claim_a_slot(uint64_t *full)
{
	struct slip_chain_segment *s = segment_at(&c.tail);
	/* own */
	uint64_t i = slip_a64_fetch_add_relaxed(&s->push, 1);

	*full = s->full;
	return slip_chain_slot_(s, i, 8);
}

static slip_a64 *claimed;
static uint64_t claimed_full;

static void fill_it(void)
{
	uint64_t value = 1;

	memcpy(claimed + 1, &value, sizeof(value));
	slip_a64_store_release(claimed, claimed_full);
}

Test(chain, a_stopped_pusher_is_passed_over)
{
	make(4, 0);
	push(0);
	claimed = claim_a_slot(&claimed_full);
	push(2);
	pop(0);
	pop(2);
	is_empty();
	/* As it will find when it goes on. */
	cr_assert_eq(slip_a64_load_relaxed(claimed), claimed_full + 1);
	destroy();
}

Test(chain, a_late_pusher_is_waited_for_a_moment)
{
	make(4, 0);
	push(0);
	claimed = claim_a_slot(&claimed_full);
	push(2);
	at_a_pause = fill_it;
	pop_some(0, 3);
	is_empty();
	destroy();
}

Test(chain, the_moment_is_one_for_a_whole_batch)
{
	uint64_t out[4];

	make(4, 0);
	claimed = claim_a_slot(&claimed_full);
	(void)claim_a_slot(&claimed_full);
	push(7);
	c.patience = 0;
	cr_assert_eq(words_pop_n(&c, out, 4), 1);
	cr_assert_eq(out[0], 7);
	destroy();
}

/* A popper that claimed beyond what is pushed, with others, voids the slot. */
static void void_the_next(void)
{
	struct slip_chain_segment *s = segment_at(&c.head);
	/* own */
	uint64_t i = slip_a64_fetch_add_relaxed(&s->pop, 1);

	slip_a64_store_relaxed(slip_chain_slot_(s, i, 8), s->full + 1);
}

Test(chain, a_pusher_leaves_a_void_slot_alone)
{
	uint64_t in[2] = { 5, 6 };

	make(6, 0);
	void_the_next();
	push(4);
	pop(4);
	void_the_next();
	cr_assert_eq(words_push_n(&c, in, 2), 2);
	pop_some(5, 7);
	is_empty();
	destroy();
}

/* Claims of several poppers add up beyond the last slot. */
Test(chain, a_popper_beyond_the_end_goes_on)
{
	struct slip_chain_segment *s;
	uint64_t out[3];

	make(2, 0);
	push_some(0, 4);
	s = segment_at(&c.head);
	slip_a64_store_relaxed(&s->pop, 1);
	at_a_pause = NULL;
	cr_assert_eq(words_pop_n(&c, out, 3), 3);
	cr_assert_eq(out[0], 1);
	cr_assert_eq(out[2], 3);
	destroy();
}

/* --- tail that lags ---------------------------------------------------------- */

/* As if who hung the last segment on had not come to say so. */
static void lag(void)
{
	slip_a64_store_relaxed(&c.tail, slip_a64_load_relaxed(&c.head));
}

Test(chain, a_push_moves_a_tail_that_lags)
{
	make(2, 0);
	push_some(0, 3);
	lag();
	push(3);
	pop_some(0, 4);
	is_empty();
	destroy();
}

Test(chain, a_pop_moves_a_tail_that_lags)
{
	make(2, 0);
	push_some(0, 3);
	lag();
	pop_some(0, 3);
	cr_assert_eq(slip_a64_load_relaxed(&c.tail),
		     slip_a64_load_relaxed(&c.head));
	destroy();
}

Test(chain, close_moves_a_tail_that_lags)
{
	uint64_t v = 9;

	make(2, 0);
	push_some(0, 3);
	lag();
	slip_chain_close(&c);
	cr_assert_eq(words_push(&c, &v), -EPIPE);
	pop_some(0, 3);
	destroy();
}

static void push_before_us(void)
{
	push(2);
}

Test(chain, of_two_segments_one_is_hung_on)
{
	make(2, 0);
	push_some(0, 2);
	at_a_request = push_before_us;
	push(3);
	pop_some(0, 4);
	is_empty();
	slip_rcu_settle_(&c);
	cr_assert_eq(look().spares, 2);
	destroy();
}

/* --- the limit --------------------------------------------------------------- */

Test(chain, who_fills_a_big_slot_is_given_the_time)
{
	struct slip_chain big;

	cr_assert_eq(slip_chain_init(&big, 65536, NULL), 0);
	cr_assert_geq(big.patience, SLIP_CHAIN_PATIENCE + 4096);
	slip_chain_destroy(&big);
}

Test(chain, the_limit_counts_segments)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	cr_assert_eq(words_push(&c, &v), -EAGAIN);
	pop(0);
	cr_assert_eq(words_push(&c, &v), -EAGAIN);
	pop(1);
	slip_rcu_settle_(&c);
	push_some(4, 6);
	pop_some(2, 6);
	cr_assert_eq(segments(), 2);
	destroy();
}

/* The last pop of the first segment knew of none behind it. */
Test(chain, at_the_limit_a_push_lets_the_empty_one_go)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 2);
	pop_some(0, 2);
	push_some(2, 4);
	cr_assert_eq(words_push(&c, &v), -EAGAIN);
	slip_rcu_settle_(&c);
	push(4);
	pop_some(2, 5);
	destroy();
}

/* Claims that get nothing never come near to the mark of a closed one. */
Test(chain, a_refused_batch_claims_nothing)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(words_push(&c, &v), -EAGAIN);
		cr_assert_eq(words_push_n(&c, &v, UINT32_MAX), 0);
	}
	/* stat */
	cr_assert_eq(slip_a64_load_relaxed(&segment_at(&c.tail)->push), 2);
	destroy();
}

Test(chain, without_memory_a_push_says_so)
{
	uint64_t v = 2;

	make(2, 0);
	push_some(0, 2);
	refuse = true;
	cr_assert_eq(words_push(&c, &v), -ENOMEM);
	cr_assert_eq(words_push_until(&c, &v, SLIP_FOREVER), -ENOMEM);
	refuse = false;
	push(2);
	pop_some(0, 3);
	destroy();
}

static void make_room(void)
{
	pop_some(0, 2);
	slip_rcu_settle_(&c);
}

Test(chain, a_push_waits_for_room)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	at_a_sleep = make_room;
	cr_assert_eq(words_push_until(&c, &v, SLIP_FOREVER), 0);
	pop_some(2, 5);
	destroy();
}

Test(chain, a_push_waits_until_its_deadline)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	cr_assert_eq(words_push_until(&c, &v, 0), -ETIMEDOUT);
	cr_assert_eq(words_push_until(&c, &v, slip_after_ns(1000000)),
		     -ETIMEDOUT);
	pop_some(0, 4);
	is_empty();
	destroy();
}

/* Between the first look and the sleep, which then is none. */
Test(chain, a_push_takes_the_room_before_it_sleeps)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	at_a_clock = make_room;
	cr_assert_eq(words_push_until(&c, &v, SLIP_FOREVER - 1), 0);
	pop_some(2, 5);
	is_empty();
	destroy();
}

static void close_it(void)
{
	slip_chain_close(&c);
}

Test(chain, close_ends_a_push_that_waits)
{
	uint64_t v = 4;

	make(2, 2);
	push_some(0, 4);
	at_a_sleep = close_it;
	cr_assert_eq(words_push_until(&c, &v, SLIP_FOREVER), -EPIPE);
	destroy();
}

/* --- waiting, and the end ---------------------------------------------------- */

static void push_two(void)
{
	push_some(0, 2);
}

Test(chain, a_pop_waits_for_an_element)
{
	uint64_t v = 9;

	make(2, 0);
	at_a_sleep = push_two;
	cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), 0);
	cr_assert_eq(v, 0);
	/* And takes no more than one. */
	pop(1);
	is_empty();
	destroy();
}

Test(chain, a_pop_takes_what_is_there_before_it_sleeps)
{
	uint64_t v = 9;

	make(2, 0);
	at_a_clock = push_two;
	cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER - 1), 0);
	cr_assert_eq(v, 0);
	pop(1);
	is_empty();
	destroy();
}

Test(chain, a_pop_waits_until_its_deadline)
{
	uint64_t v;

	make(2, 0);
	cr_assert_eq(words_pop_until(&c, &v, 0), -ETIMEDOUT);
	cr_assert_eq(words_pop_until(&c, &v, slip_after_ns(1000000)),
		     -ETIMEDOUT);
	push(1);
	cr_assert_eq(words_pop_until(&c, &v, 0), 0);
	destroy();
}

Test(chain, close_ends_a_pop_that_waits)
{
	uint64_t v;

	make(2, 0);
	at_a_sleep = close_it;
	cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), -EPIPE);
	destroy();
}

Test(chain, what_was_pushed_comes_before_the_end)
{
	uint64_t v = 9;

	make(2, 0);
	push_some(0, 3);
	slip_chain_close(&c);
	slip_chain_close(&c);
	cr_assert_eq(words_push(&c, &v), -EPIPE);
	cr_assert_eq(words_push_n(&c, &v, 1), 0);
	cr_assert_eq(words_push_until(&c, &v, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(look().elements_guess, 3, "refused ones are not in it");
	for (uint64_t i = 0; i < 3; i++) {
		cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), 0);
		cr_assert_eq(v, i);
	}
	cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), -EPIPE);
	is_empty();
	destroy();
}

Test(chain, the_end_at_the_end_of_a_segment)
{
	uint64_t v = 9;

	make(2, 0);
	push_some(0, 2);
	slip_chain_close(&c);
	cr_assert_eq(words_push(&c, &v), -EPIPE);
	pop_some(0, 2);
	cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), -EPIPE);
	destroy();
}

static void push_one(void)
{
	push(1);
}

Test(chain, waits_learn_from_each_other)
{
	uint64_t v;

	cr_assert_eq(words_init(&c, NULL), 0);
	/* Three spins in vain, and the fourth wait does not spin. */
	for (unsigned i = 0; i < 4; i++) {
		at_a_sleep = push_one;
		cr_assert_eq(words_pop_until(&c, &v, SLIP_FOREVER), 0);
	}
	cr_assert_eq(slip_a64_load_relaxed(&c.spin) >> 48, 63);
	slip_chain_destroy(&c);
}

/* --- threads ----------------------------------------------------------------- */

#define EACH UINT64_C(20000)

static void *push_each(void *arg)
{
	uint64_t who = *(uint64_t *)arg;

	for (uint64_t i = 0; i < EACH; i++)
		push(who << 32 | i);
	return NULL;
}

static void *pop_to_the_end(void *arg)
{
	uint64_t *sum = arg;
	uint64_t last[2] = { 0, 0 };
	uint64_t v;

	while (words_pop_until(&c, &v, SLIP_FOREVER) == 0) {
		cr_assert_geq((v & UINT32_MAX) + 1, last[v >> 32]);
		last[v >> 32] = (v & UINT32_MAX) + 1;
		*sum += v & UINT32_MAX;
	}
	return NULL;
}

Test(chain, threads_share_it)
{
	static uint64_t who[2] = { 0, 1 };
	static uint64_t sum[2];
	pthread_t thread[4];

	make(64, 0);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(
			pthread_create(&thread[i], NULL, push_each, &who[i]),
			0);
		cr_assert_eq(pthread_create(&thread[2 + i], NULL,
					    pop_to_the_end, &sum[i]),
			     0);
	}
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(pthread_join(thread[i], NULL), 0);
	slip_chain_close(&c);
	for (unsigned i = 2; i < 4; i++)
		cr_assert_eq(pthread_join(thread[i], NULL), 0);
	cr_assert_eq(sum[0] + sum[1], EACH * (EACH - 1));
	destroy();
}
