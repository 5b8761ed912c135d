/* SPDX-License-Identifier: MIT */
/* ring/spsc.h in one process: shapes, limits, order, batches, waiting, damage.
 * Deaths and several processes: spsc_crash_test.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK spsc_test_sys
#include "../spsc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../atomics/test/check.h"

struct tick {
	uint64_t time;
	uint32_t price;
};

SLIP_SPSC_DEFINE(ticks, struct tick);
SLIP_SPSC_DEFINE(words, uint64_t);

struct wide {
	uint64_t first, middle[2], last;
};
SLIP_SPSC_DEFINE(wides, struct wide);

static const uint32_t sizes[] = { 1,  2,  3,   4,   7,	 8,    12,
				  16, 24, 28,  29,  55,	 56,   57,
				  60, 64, 120, 121, 184, 1000, 65536 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* A ring in memory of its exact size, filled with rubbish, so that ASan sees
 * a step outside and the tests an assumption about zeroes. */
struct bench {
	void *mem;
	size_t bytes;
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
};

static void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *mem = aligned_alloc(64, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static void setup(struct bench *b, uint32_t capacity, uint32_t elem_bytes)
{
	b->bytes = slip_spsc_bytes(capacity, elem_bytes);
	b->mem = fresh_memory(b->bytes);
	cr_assert(b->mem != NULL, "no memory");
	cr_assert_eq(slip_spsc_init(b->mem, b->bytes, capacity, elem_bytes, 0),
		     0, "init");
	cr_assert_eq(slip_spsc_attach_producer(&b->p, b->mem, b->bytes, NULL),
		     0, "attach producer");
	cr_assert_eq(slip_spsc_attach_consumer(&b->c, b->mem, b->bytes, NULL),
		     0, "attach consumer");
}

static void teardown(struct bench *b)
{
	slip_spsc_detach_producer(&b->p);
	slip_spsc_detach_consumer(&b->c);
	free(b->mem);
}

/* Every byte of element `n` depends on n and on its place. */
static void fill(unsigned char *elem, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		elem[i] = (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static bool filled(const unsigned char *elem, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (elem[i] != (unsigned char)(n * 31 + i * 7 + (n >> 8)))
			return false;
	return true;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

Test(spsc, bytes_is_0_for_what_is_not_a_shape)
{
	cr_assert_eq(slip_spsc_bytes(0, 8), 0, "capacity 0");
	cr_assert_eq(slip_spsc_bytes(1, 8), 0, "capacity 1");
	cr_assert_eq(slip_spsc_bytes(3, 8), 0, "capacity 3");
	cr_assert_eq(slip_spsc_bytes(UINT32_MAX, 8), 0, "capacity 2^32-1");
	cr_assert_eq(slip_spsc_bytes(2, 0), 0, "elements of nothing");
	cr_assert_eq(slip_spsc_bytes(2, 65537), 0, "elements over 64 KiB");
	cr_assert(slip_spsc_bytes(2, 1) > 0, "smallest");
	cr_assert(slip_spsc_bytes(UINT32_C(1) << 31, 65536) >
			  (UINT64_C(1) << 47),
		  "largest");
}

Test(spsc, init_names_what_is_wrong)
{
	size_t bytes = slip_spsc_bytes(64, 8);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_spsc_init(mem, bytes - 1, 64, 8, 0), -EOVERFLOW,
		     "one byte short");
	cr_assert_eq(slip_spsc_init(mem + 8, bytes, 64, 8, 0), -EINVAL,
		     "misaligned");
	cr_assert_eq(slip_spsc_init(NULL, bytes, 64, 8, 0), -EINVAL, "NULL");
	cr_assert_eq(slip_spsc_init(mem, bytes, 63, 8, 0), -EINVAL, "shape");
	cr_assert_eq(slip_spsc_init(mem, bytes, 64, 8, 77), -EINVAL, "flags");
	cr_assert_eq(slip_spsc_init(mem, bytes, 64, 8, SLIP_EVENT_RMW), -EINVAL,
		     "a mode that fits no plain store");
	free(mem);
}

/* Sizes whose geometry is the same: one word changed is not noticed, and the
 * caller's buffers may not fit. So he is told. */
Test(spsc, attach_tells_the_size_that_it_believes)
{
	struct bench b;
	struct slip_spsc_ring *ring;

	setup(&b, 64, 64);
	ring = b.mem;
	cr_assert_eq(slip_spsc_producer_elem_bytes(&b.p), 64);
	cr_assert_eq(slip_spsc_consumer_elem_bytes(&b.c), 64);
	slip_spsc_detach_consumer(&b.c);
	slip_a32_store_relaxed(&ring->elem_bytes, 120);
	cr_assert_eq(slip_spsc_attach_consumer(&b.c, b.mem, b.bytes, NULL), 0);
	cr_assert_eq(slip_spsc_consumer_elem_bytes(&b.c), 120);
	cr_assert_eq(slip_spsc_producer_elem_bytes(&b.p), 64,
		     "read once, by attach");
	slip_spsc_detach_consumer(&b.c);
	cr_assert_neq(slip_spsc_attach_consumer(&b.c, NULL, b.bytes, NULL), 0);
	cr_assert_eq(slip_spsc_consumer_elem_bytes(&b.c), 0, "not attached");
	teardown(&b);
}

Test(spsc, attach_names_what_is_wrong)
{
	struct bench b;
	struct slip_spsc_ring *ring;
	struct slip_spsc_consumer c;

	setup(&b, 64, 8);
	ring = b.mem;
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBUSY, "a second consumer");
	slip_spsc_detach_consumer(&b.c);
	cr_assert_eq(slip_spsc_attach_consumer(&c, NULL, b.bytes, NULL),
		     -EINVAL, "NULL");
	cr_assert_eq(slip_spsc_attach_consumer(&c, (char *)b.mem + 8,
					       b.bytes - 8, NULL),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes - 1, NULL),
		     -EOVERFLOW, "truncated blocks");
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, 100, NULL),
		     -EOVERFLOW, "truncated header");
	slip_a32_store_relaxed(&ring->layout, SLIP_SPSC_LAYOUT + 1);
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EPROTO, "other layout");
	slip_a32_store_relaxed(&ring->layout, SLIP_SPSC_LAYOUT);
	slip_a64_fetch_add_relaxed(&ring->blocks, 1);
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "blocks that do not fit the capacity");
	slip_a64_fetch_add_relaxed(&ring->blocks, UINT64_MAX);
	slip_a32_store_relaxed(&ring->mode, 9);
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "no such mode");
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_FULL);
	slip_a64_store_relaxed(&ring->magic, 1);
	cr_assert_eq(slip_spsc_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "not a ring");
	slip_spsc_detach_producer(&b.p);
	free(b.mem);
}

Test(spsc, pop_on_empty_returns_false)
{
	struct bench b;
	uint64_t x = 7;

	setup(&b, 2, 8);
	cr_assert(!slip_spsc_pop(&b.c, &x), "empty");
	cr_assert(slip_spsc_peek(&b.c) == NULL, "empty");
	cr_assert_eq(slip_spsc_pop_n(&b.c, &x, 1), 0, "empty");
	slip_spsc_release(&b.c);
	cr_assert_eq(x, 7, "untouched");
	cr_assert(slip_spsc_push(&b.p, &x), "release did nothing");
	cr_assert_eq(slip_spsc_pop_n(&b.c, &x, 0), 0, "0 of 1");
	teardown(&b);
}

static void fills_exactly(uint32_t capacity, uint32_t elem_bytes,
			  uint32_t shift)
{
	static unsigned char elem[65536];
	struct bench b;
	uint64_t in = 0;
	uint64_t out = 0;

	setup(&b, capacity, elem_bytes);
	for (uint32_t i = 0; i < shift; i++) {
		cr_assert(slip_spsc_push(&b.p, elem), "shift in");
		cr_assert(slip_spsc_pop(&b.c, elem), "shift out");
	}
	for (int lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < capacity; i++) {
			fill(elem, elem_bytes, in++);
			cr_assert(slip_spsc_push(&b.p, elem),
				  "%u of %u, %u B, lap %d", i, capacity,
				  elem_bytes, lap);
		}
		cr_assert(!slip_spsc_push(&b.p, elem), "full is full");
		cr_assert(slip_spsc_claim(&b.p) == NULL, "full is full");
		slip_spsc_commit(&b.p);
		cr_assert_eq(slip_spsc_count_guess(&b.p), capacity, "count");
		/* One out, one in: a single free element is found. */
		cr_assert(slip_spsc_pop(&b.c, elem), "one out");
		cr_assert(filled(elem, elem_bytes, out++), "order");
		fill(elem, elem_bytes, in++);
		cr_assert(slip_spsc_push(&b.p, elem), "one in");
		cr_assert(!slip_spsc_push(&b.p, elem), "full again");
		while (slip_spsc_pop(&b.c, elem))
			cr_assert(filled(elem, elem_bytes, out++), "order");
		cr_assert_eq(out, in, "%u B: all came", elem_bytes);
	}
	teardown(&b);
}

Test(spsc, holds_exactly_its_capacity_at_every_size_and_phase)
{
	for (size_t i = 0; i < SIZES; i++)
		for (uint32_t shift = 0; shift < 9; shift++) {
			fills_exactly(2, sizes[i], shift);
			fills_exactly(8, sizes[i], shift);
			if (sizes[i] < 100)
				fills_exactly(64, sizes[i], shift);
		}
}

/* One random step of the producer; returns how many elements went in. */
static uint32_t random_push(struct bench *b, unsigned char *buf, uint64_t in,
			    uint64_t r)
{
	uint32_t bytes = b->p.shape.elem_bytes;
	uint32_t n = 1 + (uint32_t)(r >> 8) % 9;
	void *place;

	if (r % 3 == 0) {
		for (uint32_t i = 0; i < n; i++)
			fill(buf + (size_t)i * bytes, bytes, in + i);
		return slip_spsc_push_n(&b->p, buf, n);
	}
	fill(buf, bytes, in);
	if (r % 3 == 1)
		return slip_spsc_push(&b->p, buf);
	place = slip_spsc_claim(&b->p);
	if (!place)
		return 0;
	memcpy(place, buf, bytes);
	if (r & 16)
		return 0; /* abort: nothing happened */
	slip_spsc_commit(&b->p);
	return 1;
}

/* One random step of the consumer; checks what it took, returns how many. */
static uint32_t random_pop(struct bench *b, unsigned char *buf, uint64_t out,
			   uint64_t r)
{
	uint32_t bytes = b->c.shape.elem_bytes;
	uint32_t n = 1 + (uint32_t)(r >> 8) % 9;
	const void *place;

	if (r % 3 == 0) {
		n = slip_spsc_pop_n(&b->c, buf, n);
		for (uint32_t i = 0; i < n; i++)
			cr_assert(
				filled(buf + (size_t)i * bytes, bytes, out + i),
				"element %llu", (unsigned long long)(out + i));
		return n;
	}
	if (r % 3 == 1) {
		if (!slip_spsc_pop(&b->c, buf))
			return 0;
		cr_assert(filled(buf, bytes, out), "element %llu",
			  (unsigned long long)out);
		return 1;
	}
	place = slip_spsc_peek(&b->c);
	if (!place)
		return 0;
	cr_assert(filled(place, bytes, out), "element %llu",
		  (unsigned long long)out);
	if (r & 16)
		return 0; /* not released: the next look sees it again */
	slip_spsc_release(&b->c);
	return 1;
}

static void random_walk(uint32_t capacity, uint32_t elem_bytes, uint64_t seed)
{
	unsigned char *buf = malloc((size_t)elem_bytes * 9);
	uint64_t state = seed;
	uint64_t in = 0;
	uint64_t out = 0;
	struct bench b;

	setup(&b, capacity, elem_bytes);
	for (int step = 0; step < 4000; step++) {
		uint64_t r = next_random(&state);

		if (r >> 63)
			in += random_push(&b, buf, in, r);
		else
			out += random_pop(&b, buf, out, r);
		cr_assert(in - out <= capacity, "in %llu out %llu",
			  (unsigned long long)in, (unsigned long long)out);
		cr_assert_eq(slip_spsc_count_guess(&b.p), in - out,
			     "capacity %u, %u B, seed %llu", capacity,
			     elem_bytes, (unsigned long long)seed);
	}
	teardown(&b);
	free(buf);
}

Test(spsc, agrees_with_a_counter_under_random_schedules)
{
	for (size_t i = 0; i < SIZES - 1; i++)
		for (uint32_t capacity = 2; capacity <= 64; capacity *= 2)
			random_walk(capacity, sizes[i],
				    0x9e3779b97f4a7c15u + i * 64 + capacity);
}

Test(spsc, push_n_takes_what_fits)
{
	uint64_t in[20];
	uint64_t out[20];
	struct bench b;

	for (uint64_t i = 0; i < 20; i++)
		in[i] = i;
	setup(&b, 16, 8);
	cr_assert_eq(slip_spsc_push_n(&b.p, in, 20), 16, "16 of 20");
	cr_assert_eq(slip_spsc_push_n(&b.p, in, 20), 0, "full");
	cr_assert_eq(slip_spsc_pop_n(&b.c, out, 20), 16, "16 of 20");
	cr_assert_eq(memcmp(in, out, 16 * sizeof(in[0])), 0, "in order");
	teardown(&b);
}

Test(spsc, claim_shows_nothing_until_commit)
{
	struct bench b;
	uint64_t *place;
	uint64_t x;

	setup(&b, 4, 8);
	place = slip_spsc_claim(&b.p);
	cr_assert(place != NULL, "room");
	*place = 5;
	cr_assert(!slip_spsc_pop(&b.c, &x), "not committed");
	cr_assert(slip_spsc_claim(&b.p) == place, "the same place");
	slip_spsc_commit(&b.p);
	cr_assert(slip_spsc_pop(&b.c, &x), "committed");
	cr_assert_eq(x, 5, "in place");
	teardown(&b);
}

Test(spsc, elements_are_aligned_as_their_size_allows)
{
	static const uint32_t of[] = { 2, 4, 8, 16, 32, 64 };

	for (size_t i = 0; i < 6; i++) {
		struct bench b;

		setup(&b, 8, of[i]);
		for (int n = 0; n < 8; n++) {
			uintptr_t at = (uintptr_t)slip_spsc_claim(&b.p);

			cr_assert_eq(at % of[i], 0, "%u B", of[i]);
			slip_spsc_commit(&b.p);
		}
		teardown(&b);
	}
}

Test(spsc, deadline_in_the_past_does_not_wait)
{
	struct bench b;
	uint64_t x = 1;

	setup(&b, 2, 8);
	errno = 77;
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, 0), -ETIMEDOUT, "empty");
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, 0), 0, "room");
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, 0), 0, "room");
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, 0), -ETIMEDOUT, "full");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, 0), 0, "data");
	cr_assert_eq(errno, 77, "errno is the user's");
	teardown(&b);
}

Test(spsc, deadline_is_kept)
{
	struct bench b;
	uint64_t until;
	uint64_t x;

	setup(&b, 2, 8);
	until = slip_after_ns(30000000);
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, until), -ETIMEDOUT, "empty");
	cr_assert(slip_now_ns() >= until, "not before its time");
	teardown(&b);
}

Test(spsc, close_is_end_of_file_after_what_is_left)
{
	struct bench b;
	uint64_t x = 3;

	setup(&b, 4, 8);
	cr_assert(slip_spsc_push(&b.p, &x), "room");
	slip_spsc_close(&b.p);
	cr_assert(!slip_spsc_push(&b.p, &x), "closed");
	cr_assert(slip_spsc_claim(&b.p) == NULL, "closed");
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, SLIP_FOREVER), -EPIPE,
		     "closed");
	cr_assert_eq(slip_spsc_producer_state(&b.c), SLIP_ROLE_CLOSED, "state");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), 0, "left");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EPIPE,
		     "then the end");
	teardown(&b);
}

Test(spsc, push_until_fails_once_the_consumer_has_left)
{
	struct bench b;
	uint64_t x = 3;

	setup(&b, 4, 8);
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, SLIP_FOREVER), 0, "room");
	slip_spsc_detach_consumer(&b.c);
	cr_assert_eq(slip_spsc_push_until(&b.p, &x, SLIP_FOREVER), -EPIPE,
		     "although there is room");
	cr_assert_eq(slip_spsc_consumer_state(&b.p), SLIP_ROLE_CLOSED, "state");
	cr_assert(!slip_spsc_pop(&b.c, &x), "a handle that left takes nothing");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EPIPE,
		     "nor waits");
	teardown(&b);
}

Test(spsc, a_ring_waits_for_its_first_peer)
{
	size_t bytes = slip_spsc_bytes(4, 8);
	void *mem = fresh_memory(bytes);
	struct slip_spsc_consumer c;
	uint64_t x;

	cr_assert_eq(slip_spsc_init(mem, bytes, 4, 8, 0), 0, "init");
	cr_assert_eq(slip_spsc_attach_consumer(&c, mem, bytes, NULL), 0, "c");
	cr_assert_eq(slip_spsc_producer_state(&c), SLIP_ROLE_VACANT, "vacant");
	cr_assert_eq(slip_spsc_pop_until(&c, &x, slip_after_ns(1000000)),
		     -ETIMEDOUT, "vacant is not gone");
	slip_spsc_detach_consumer(&c);
	free(mem);
}

Test(spsc, successors_go_on_where_the_last_ones_left)
{
	struct bench b;
	uint64_t in = 0;
	uint64_t out = 0;
	uint64_t x;

	setup(&b, 8, 8);
	for (int i = 0; i < 100; i++) {
		for (int n = 0; n < i % 9; n++)
			in += slip_spsc_push(&b.p, &in);
		slip_spsc_detach_producer(&b.p);
		cr_assert_eq(
			slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL),
			0, "successor %d", i);
		cr_assert_eq(slip_spsc_count_guess(&b.p), in - out, "found");
		for (int n = 0; n < i % 7 && slip_spsc_pop(&b.c, &x); n++)
			cr_assert_eq(x, out++, "order");
		slip_spsc_detach_consumer(&b.c);
		cr_assert_eq(
			slip_spsc_attach_consumer(&b.c, b.mem, b.bytes, NULL),
			0, "successor %d", i);
	}
	while (slip_spsc_pop(&b.c, &x))
		cr_assert_eq(x, out++, "order");
	cr_assert_eq(in, out, "nothing lost");
	teardown(&b);
}

/* Make an empty, detached ring look as if `pos` elements had passed. */
static void age(struct slip_spsc_ring *ring, uint64_t pos)
{
	struct slip_spsc_shape s;
	struct slip_spsc_place at;

	cr_assert(slip_spsc_shape_(&s, slip_a32_load_relaxed(&ring->capacity),
				   slip_a32_load_relaxed(&ring->elem_bytes)),
		  "s");
	slip_a64_store_relaxed(&ring->ends.head, pos);
	slip_spsc_place_(&at, ring, &s, pos / s.per_block,
			 (uint32_t)(pos % s.per_block));
	if (pos % s.per_block)
		slip_a64_store_relaxed(slip_spsc_control_(at.block, &s),
				       at.stamp);
}

Test(spsc, runs_past_the_powers_of_two_where_counters_wrap)
{
	static const uint64_t at[] = { UINT32_MAX - 20, (UINT64_C(1) << 33) - 3,
				       (UINT64_C(1) << 57) - 9 };

	for (size_t i = 0; i < 3; i++) {
		struct bench b;
		uint64_t x;

		setup(&b, 16, 8);
		slip_spsc_detach_producer(&b.p);
		slip_spsc_detach_consumer(&b.c);
		age(b.mem, at[i]);
		cr_assert_eq(
			slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL),
			0, "p");
		cr_assert_eq(
			slip_spsc_attach_consumer(&b.c, b.mem, b.bytes, NULL),
			0, "c");
		for (uint64_t n = 0; n < 200; n++) {
			uint64_t m = n + 1000;

			cr_assert(slip_spsc_push(&b.p, &n), "n");
			cr_assert(slip_spsc_push(&b.p, &m), "m");
			cr_assert(slip_spsc_pop(&b.c, &x), "n");
			cr_assert_eq(x, n, "n");
			cr_assert(slip_spsc_pop(&b.c, &x), "m");
			cr_assert_eq(x, m, "m");
		}
		teardown(&b);
	}
}

/* The control word that the consumer looks at. */
static slip_a64 *control_of(const struct bench *b)
{
	return slip_spsc_control_(b->c.at.block, &b->c.shape);
}

Test(spsc, a_count_beyond_the_block_poisons_the_consumer)
{
	struct bench b;
	uint64_t x = 1;

	setup(&b, 4, 8);
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 8);
	cr_assert(!slip_spsc_pop(&b.c, &x), "8 of 7");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EBADMSG,
		     "says so");
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 1);
	cr_assert(!slip_spsc_pop(&b.c, &x), "stays poisoned");
	teardown(&b);
}

Test(spsc, a_count_that_shrinks_poisons_the_consumer)
{
	struct bench b;
	uint64_t x = 1;

	setup(&b, 4, 8);
	cr_assert(slip_spsc_push(&b.p, &x), "1");
	cr_assert(slip_spsc_push(&b.p, &x), "2");
	cr_assert(slip_spsc_pop(&b.c, &x), "1");
	cr_assert(slip_spsc_pop(&b.c, &x), "2");
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 1);
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EBADMSG,
		     "2 were there before");
	teardown(&b);
}

Test(spsc, a_block_of_a_lap_to_come_poisons_the_consumer)
{
	struct bench b;
	uint64_t x;

	setup(&b, 4, 8);
	slip_a64_store_relaxed(control_of(&b), 9u << 6 | 1);
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EBADMSG,
		     "from the future");
	teardown(&b);
}

Test(spsc, an_impossible_head_poisons_the_producer)
{
	static const uint64_t heads[] = { 5, UINT64_MAX, UINT64_C(1) << 63 };

	for (size_t i = 0; i < 3; i++) {
		struct bench b;
		uint64_t x = 1;

		setup(&b, 4, 8);
		while (slip_spsc_push(&b.p, &x))
			;
		slip_a64_store_relaxed(&b.p.ring->ends.head, heads[i]);
		cr_assert(!slip_spsc_push(&b.p, &x), "head %llu",
			  (unsigned long long)heads[i]);
		cr_assert_eq(slip_spsc_push_until(&b.p, &x, SLIP_FOREVER),
			     -EBADMSG, "says so");
		slip_a64_store_relaxed(&b.p.ring->ends.head, 4);
		cr_assert(!slip_spsc_push(&b.p, &x), "stays poisoned");
		teardown(&b);
	}
}

Test(spsc, takeover_of_a_damaged_ring_is_refused)
{
	struct bench b;
	uint64_t x = 1;

	setup(&b, 4, 8);
	cr_assert(slip_spsc_push(&b.p, &x), "1");
	slip_spsc_detach_producer(&b.p);
	slip_a64_store_relaxed(&b.p.ring->ends.head, 3);
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL),
		     -EBADMSG, "3 consumed of 1");
	slip_a64_store_relaxed(&b.p.ring->ends.head, 0);
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 63);
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL),
		     -EBADMSG, "63 of 7 in a block");
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 1);
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL), 0,
		     "repaired");
	teardown(&b);
}

Test(spsc, scribbled_memory_never_leads_outside)
{
	uint64_t state = (uint64_t)time(NULL) | 1;
	uint64_t seed = state;
	unsigned char buf[9 * 24];
	struct bench b;

	for (int round = 0; round < 300; round++) {
		setup(&b, 8, 24);
		for (int step = 0; step < 200; step++) {
			uint64_t r = next_random(&state);
			uint64_t *w = b.mem;
			size_t at = r / 64 % (b.bytes / 8);

			if (r % 8 == 0)
				w[at] = next_random(&state);
			else if (r % 8 == 1)
				w[at] += r % 3 - 1;
			else if (r % 2)
				(void)random_push(&b, buf, 0, r);
			else if (slip_spsc_pop_n(&b.c, buf, (uint32_t)r % 9) >
				 9)
				cr_assert(0, "seed %llu",
					  (unsigned long long)seed);
		}
		slip_spsc_detach_producer(&b.p);
		slip_spsc_detach_consumer(&b.c);
		if (slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL) == 0)
			slip_spsc_detach_producer(&b.p);
		free(b.mem);
	}
}

Test(spsc, typed_calls_carry_their_type)
{
	size_t bytes = ticks_bytes(16);
	void *mem = fresh_memory(bytes);
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	struct tick in[2] = { { 1, 2 }, { 3, 4 } };
	struct tick out[2];
	const struct tick *peeked;
	struct tick *place;

	cr_assert_eq(ticks_init(mem, bytes, 16, SLIP_EVENT_FULL), 0, "init");
	cr_assert_eq(words_attach_producer(&p, mem, bytes, NULL), -EOVERFLOW,
		     "elements of another size");
	cr_assert_eq(words_attach_consumer(&c, mem, bytes, NULL), -EOVERFLOW,
		     "elements of another size");
	cr_assert_eq(ticks_attach_producer(&p, mem, bytes, NULL), 0, "p");
	cr_assert_eq(ticks_attach_consumer(&c, mem, bytes, NULL), 0, "c");
	cr_assert(ticks_push(&p, &in[0]), "push");
	cr_assert_eq(ticks_push_n(&p, in, 2), 2, "push_n");
	cr_assert_eq(ticks_push_until(&p, &in[1], 0), 0, "push_until");
	place = ticks_claim(&p);
	cr_assert(place != NULL, "claim");
	if (place)
		*place = in[0];
	slip_spsc_commit(&p);
	peeked = ticks_peek(&c);
	cr_assert(peeked && peeked->price == 2, "peek");
	cr_assert(ticks_pop(&c, out), "pop");
	cr_assert_eq(ticks_pop_n(&c, out, 2), 2, "pop_n");
	cr_assert_eq(out[1].time, 3, "pop_n");
	cr_assert_eq(ticks_pop_until(&c, out, 0), 0, "pop_until");
	cr_assert_eq(out[0].price, 4, "pop_until");
	slip_spsc_detach_producer(&p);
	slip_spsc_detach_consumer(&c);
	free(mem);
}

/* Batches of all lengths from all places in a block, of the size that the
 * compiler knows: 7 to a block, 3, and 1. */
#define TYPED_BATCHES(name, type, set, get)                                   \
	static void name##_batches(void)                                      \
	{                                                                     \
		size_t bytes = name##_bytes(16);                              \
		void *mem = fresh_memory(bytes);                              \
		struct slip_spsc_producer p;                                  \
		struct slip_spsc_consumer c;                                  \
		uint64_t in = 0, out = 0;                                     \
		type some[16] = { 0 };                                        \
                                                                              \
		cr_assert_eq(name##_init(mem, bytes, 16, 0), 0, "init");      \
		cr_assert_eq(name##_attach_producer(&p, mem, bytes, NULL), 0, \
			     "p");                                            \
		cr_assert_eq(name##_attach_consumer(&c, mem, bytes, NULL), 0, \
			     "c");                                            \
		for (uint32_t n = 1; n <= 16; n++)                            \
			for (uint32_t m = 1; m <= 16; m++) {                  \
				uint32_t got, all;                            \
                                                                              \
				for (uint32_t i = 0; i < n; i++)              \
					set(some[i], in + i);                 \
				in += name##_push_n(&p, some, n);             \
				for (uint32_t i = 0; i < 16; i++)             \
					set(some[i], 1u << 20);               \
				got = name##_pop_n(&c, some, m);              \
				all = (uint32_t)(in - out);                   \
				cr_assert_eq(got, m < all ? m : all, "pop");  \
				for (uint32_t i = 0; i < got; i++)            \
					cr_assert_eq(get(some[i]), out + i,   \
						     "the next");             \
				for (uint32_t i = got; i < 16; i++)           \
					cr_assert_eq(get(some[i]), 1u << 20,  \
						     "no more than that");    \
				out += got;                                   \
			}                                                     \
		cr_assert_gt(out, 500u, "enough");                            \
		slip_spsc_detach_producer(&p);                                \
		slip_spsc_detach_consumer(&c);                                \
		free(mem);                                                    \
	}
#define SET_WORD(w, v) ((w) = (v))
#define GET_WORD(w)    (w)
#define SET_TICK(t, v) ((t).time = (v), (t).price = (uint32_t)(v))
#define GET_TICK(t)    ((t).price == (uint32_t)(t).time ? (t).time : ~0ull)
#define SET_WIDE(w, v) ((w).first = (v), (w).last = (v))
#define GET_WIDE(w)    ((w).first == (w).last ? (w).first : ~0ull)
TYPED_BATCHES(words, uint64_t, SET_WORD, GET_WORD)
TYPED_BATCHES(ticks, struct tick, SET_TICK, GET_TICK)
TYPED_BATCHES(wides, struct wide, SET_WIDE, GET_WIDE)

Test(spsc, typed_batches_of_every_length_keep_their_order)
{
	words_batches();
	ticks_batches();
	wides_batches();
}

Test(spsc, inspect_counts_from_outside)
{
	struct slip_spsc_info info = { 0 };
	struct bench b;
	uint64_t x = 0;

	setup(&b, 64, 8);
	for (int i = 0; i < 50; i++)
		cr_assert(slip_spsc_push(&b.p, &x), "in");
	for (int i = 0; i < 20; i++)
		cr_assert(slip_spsc_pop(&b.c, &x), "out");
	cr_assert_eq(slip_spsc_inspect(b.mem, b.bytes, &info), 0, "inspect");
	cr_assert_eq(info.pushed_guess, 50, "pushed");
	cr_assert_eq(info.popped_guess, 20, "popped");
	cr_assert_eq(info.capacity, 64, "capacity");
	cr_assert_eq(info.elem_bytes, 8, "elem_bytes");
	cr_assert_eq(info.bytes, b.bytes, "bytes");
	cr_assert_eq(info.producer & 15, SLIP_ROLE_HELD, "producer");
	cr_assert_eq(slip_spsc_inspect(b.mem, 100, &info), -EOVERFLOW, "short");
	teardown(&b);
}

Test(spsc, handles_never_share_a_line)
{
	cr_assert_eq(sizeof(struct slip_spsc_producer) % SLIP_LINE_BYTES, 0,
		     "producer");
	cr_assert_eq(sizeof(struct slip_spsc_consumer) % SLIP_LINE_BYTES, 0,
		     "consumer");
}

Test(spsc, a_handle_that_failed_to_attach_harms_nobody)
{
	struct slip_spsc_producer second;
	struct slip_spsc_consumer other;
	struct bench b;
	uint64_t x = 1;

	setup(&b, 4, 8);
	memset(&second, 0xff, sizeof(second));
	memset(&other, 0xff, sizeof(other));
	cr_assert_eq(slip_spsc_attach_producer(&second, b.mem, b.bytes, NULL),
		     -EBUSY, "held");
	cr_assert_eq(slip_spsc_attach_consumer(&other, b.mem, b.bytes, NULL),
		     -EBUSY, "held");
	cr_assert(!slip_spsc_push(&second, &x), "closed");
	cr_assert_eq(slip_spsc_push_until(&second, &x, SLIP_FOREVER), -EPIPE,
		     "closed");
	cr_assert(!slip_spsc_pop(&other, &x), "closed");
	cr_assert_eq(slip_spsc_attach_producer(&second, NULL, 0, NULL), -EINVAL,
		     "no ring");
	cr_assert_eq(slip_spsc_consumer_state(&second), SLIP_ROLE_VACANT, "-");
	cr_assert_eq(slip_spsc_count_guess(&second), 0, "-");
	slip_spsc_detach_producer(&second);
	slip_spsc_detach_consumer(&other);
	cr_assert_eq(slip_spsc_producer_state(&b.c), SLIP_ROLE_HELD, "ours");
	cr_assert_eq(slip_spsc_consumer_state(&b.p), SLIP_ROLE_HELD, "ours");
	teardown(&b);
}

Test(spsc, a_producer_that_came_and_went_is_not_missed)
{
	struct bench b;
	uint64_t x = 4;

	setup(&b, 4, 8);
	slip_spsc_detach_producer(&b.p);
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, SLIP_FOREVER), -EPIPE,
		     "the first has gone");
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, NULL), 0,
		     "the second");
	cr_assert(slip_spsc_push(&b.p, &x), "comes");
	slip_spsc_detach_producer(&b.p);
	cr_assert_eq(slip_spsc_wait_producer_until(&b.c, SLIP_FOREVER), 0,
		     "and has left something");
	cr_assert(slip_spsc_pop(&b.c, &x), "which is there");
	cr_assert_eq(slip_spsc_wait_producer_until(&b.c, slip_after_ns(1000)),
		     -ETIMEDOUT, "then nobody");
	cr_assert_eq(slip_spsc_wait_producer_until(&b.c, 0), -ETIMEDOUT,
		     "at once");
	teardown(&b);
}

Test(spsc, inspect_survives_damage)
{
	struct slip_spsc_info info = { 0 };
	struct bench b;

	setup(&b, 4, 8);
	slip_a64_store_relaxed(control_of(&b), 1u << 6 | 63);
	cr_assert_eq(slip_spsc_inspect(b.mem, b.bytes, &info), -EBADMSG,
		     "63 of 7 in a block");
	teardown(&b);
}

Test(role, a_state_that_does_not_exist_counts_as_dead)
{
	slip_a64 role;

	slip_a64_store_relaxed(&role, 9);
	cr_assert_eq(slip_role_state_(&role, NULL), SLIP_ROLE_DEAD, "state");
	cr_assert(slip_role_gone_(&role), "gone");
	cr_assert_eq(slip_role_take_(&role, NULL), 0, "may be taken");
}

/* The word of an event that changes at every look, as a hostile peer or a
 * crowd of publishers could make it: see spsc_test_sys. */
static slip_a32 *restless;

Test(side, a_restless_event_does_not_put_the_deadline_off)
{
	struct bench b;
	uint64_t until;
	uint64_t x;

	setup(&b, 4, 8);
	restless = &b.c.side.wait_on->word;
	until = slip_after_ns(5000000);
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, until), -ETIMEDOUT, "late");
	restless = NULL;
	teardown(&b);
}

/* What somebody else does to a role while the oracle is being asked. */
static slip_a64 *meddled;
static uint64_t meddled_to;

/* A ring whose producer was member (5, 7), which nobody is: it is dead. */
static void setup_dead(struct bench *b, struct slip_region *rg,
		       struct slip_peer *self)
{
	struct slip_spsc_ring *ring;

	cr_assert_eq(slip_region_create(rg, 4096, SLIP_REGION_MEMFD), 0, "rg");
	cr_assert_eq(slip_region_publish(rg, NULL, 0600), 0, "publish");
	cr_assert_eq(slip_peer_join(self, rg), 0, "join");
	setup(b, 4, 8);
	slip_spsc_detach_producer(&b->p);
	slip_spsc_detach_consumer(&b->c);
	ring = b->mem;
	meddled = &ring->ends.producer_role;
	slip_a64_store_relaxed(meddled, slip_role_held_(5, 7));
}

static void teardown_dead(struct bench *b, struct slip_region *rg,
			  struct slip_peer *self)
{
	slip_peer_leave(self);
	slip_region_close(rg);
	free(b->mem);
}

Test(role, a_witness_of_the_death_does_not_turn_a_successor_away)
{
	struct slip_region rg;
	struct slip_peer self;
	struct bench b;

	setup_dead(&b, &rg, &self);
	meddled_to = (slip_role_held_(5, 7) & ~UINT64_C(15)) | SLIP_ROLE_DEAD;
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, &self), 0,
		     "dead is dead");
	cr_assert(!meddled, "the witness was there");
	slip_spsc_detach_producer(&b.p);
	teardown_dead(&b, &rg, &self);
}

Test(role, a_successor_that_was_faster_is_respected)
{
	struct slip_region rg;
	struct slip_peer self;
	struct bench b;

	setup_dead(&b, &rg, &self);
	meddled_to = slip_role_held_(0, 0);
	cr_assert_eq(slip_spsc_attach_producer(&b.p, b.mem, b.bytes, &self),
		     -EBUSY, "held by another");
	cr_assert(!meddled, "the rival was there");
	teardown_dead(&b, &rg, &self);
}

Test(role, a_late_witness_does_not_bury_a_successor)
{
	struct slip_region rg;
	struct slip_peer self;
	struct bench b;

	setup_dead(&b, &rg, &self);
	meddled_to = slip_role_held_(0, 0);
	cr_assert_eq(slip_spsc_attach_consumer(&b.c, b.mem, b.bytes, &self), 0,
		     "consumer");
	cr_assert_eq(slip_spsc_producer_state(&b.c), SLIP_ROLE_HELD,
		     "the successor lives");
	cr_assert(!meddled, "the successor was there");
	slip_spsc_detach_consumer(&b.c);
	teardown_dead(&b, &rg, &self);
}

Test(side, a_short_deadline_does_not_hide_a_death)
{
	struct slip_region rg;
	struct slip_peer self;
	struct bench b;
	uint64_t x;

	setup_dead(&b, &rg, &self);
	meddled = NULL;
	cr_assert_eq(slip_spsc_attach_consumer(&b.c, b.mem, b.bytes, &self), 0,
		     "consumer");
	cr_assert_eq(slip_spsc_pop_until(&b.c, &x, slip_after_ns(200000)),
		     -EPIPE, "although no slice has passed");
	slip_spsc_detach_consumer(&b.c);
	teardown_dead(&b, &rg, &self);
}

long spsc_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (meddled && nr == SYS_fcntl &&
	    slip_a64_load_relaxed(meddled) == slip_role_held_(5, 7)) {
		slip_a64_store_relaxed(meddled, meddled_to);
		meddled = NULL;
	}
	if (restless && nr == SYS_futex)
		slip_a32_fetch_add_relaxed(restless, 2);
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}
