/* SPDX-License-Identifier: MIT */
/* ring/latest.h when somebody has written what no writer writes. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "latest_bench.h"

static unsigned char out[65536];

/* A ring of 4 slots in which 9 values were written and 9 was read. */
static void read_nine(struct bench *b)
{
	setup(b, 4, 8);
	for (uint64_t n = 1; n <= 9; n++)
		write_one(&b->w, n);
	expect(&b->r, 9);
}

static void expect_poisoned(struct bench *b)
{
	uint32_t len;

	cr_assert_eq(slip_latest_read(&b->r, out, 8, &len), -EBADMSG, "read");
	cr_assert_eq(slip_latest_read_newer(&b->r, out, 8, &len), -EBADMSG);
	cr_assert_eq(slip_latest_wait_until(&b->r, SLIP_FOREVER), -EBADMSG);
	cr_assert_eq(slip_latest_wait_writer_until(&b->r, SLIP_FOREVER),
		     -EBADMSG);
	cr_assert_eq(slip_latest_read_until(&b->r, out, 8, &len, SLIP_FOREVER),
		     -EBADMSG);
}

Test(latest_damage, a_version_that_goes_back_poisons)
{
	struct bench b;

	read_nine(&b);
	slip_a64_store_relaxed(&b.w.ring->latest, 8); /* init */
	expect_poisoned(&b);
	slip_a64_store_relaxed(&b.w.ring->latest, 9); /* init */
	expect_poisoned(&b);
	teardown(&b);
}

Test(latest_damage, who_waits_sees_it_too)
{
	struct bench b;

	read_nine(&b);
	slip_a64_store_relaxed(&b.w.ring->latest, 8); /* init */
	cr_assert_eq(slip_latest_wait_until(&b.r, SLIP_FOREVER), -EBADMSG);
	expect_poisoned(&b);
	teardown(&b);
}

Test(latest_damage, a_version_that_stays_behind_what_was_begun_poisons)
{
	static const uint64_t begun[] = { 13, 14, 9 + (UINT64_C(1) << 62) };

	for (size_t i = 0; i < 3; i++) {
		struct bench b;
		uint32_t len;

		read_nine(&b);
		slip_a64_store_relaxed(&b.w.ring->begun, begun[i]); /* init */
		cr_assert_eq(slip_latest_read(&b.r, out, 8, &len), -EBADMSG,
			     "begun %llu", (unsigned long long)begun[i]);
		expect_poisoned(&b);
		teardown(&b);
	}
}

/* By one, where that is enough to be lapped. */
Test(latest_damage, of_two_slots_the_second_one_begun_poisons)
{
	struct bench b;
	uint64_t x;
	uint32_t len;

	setup(&b, 2, 8);
	write_one(&b.w, 1);
	slip_a64_store_relaxed(&b.w.ring->begun, 2); /* init */
	expect(&b.r, 1);
	slip_a64_store_relaxed(&b.w.ring->begun, 3); /* init */
	cr_assert_eq(slip_latest_read(&b.r, &x, 8, &len), -EBADMSG);
	teardown(&b);
}

Test(latest_damage, what_was_published_was_begun)
{
	struct bench b;
	uint32_t len;

	read_nine(&b);
	slip_a64_store_relaxed(&b.w.ring->begun, 8); /* init */
	cr_assert_eq(slip_latest_read(&b.r, out, 8, &len), -EBADMSG);
	expect_poisoned(&b);
	teardown(&b);
}

/* As far as a writer that is at work may be. */
Test(latest_damage, what_may_be_begun_is_no_damage)
{
	for (uint64_t begun = 9; begun < 13; begun++) {
		struct bench b;

		read_nine(&b);
		slip_a64_store_relaxed(&b.w.ring->begun, begun); /* init */
		expect(&b.r, 9);
		teardown(&b);
	}
}

Test(latest_damage, a_length_beyond_the_value_poisons)
{
	static const uint32_t lens[] = { 9, 64, 65536, UINT32_MAX };

	for (size_t i = 0; i < 4; i++) {
		struct bench b;
		uint32_t len = 0;

		read_nine(&b);
		slip_a32_store_relaxed(&b.w.ring->lens[1], lens[i]); /* init */
		cr_assert_eq(slip_latest_read(&b.r, out, sizeof(out), &len),
			     -EBADMSG, "length %u", lens[i]);
		cr_assert_eq(len, 0, "untouched");
		expect_poisoned(&b);
		teardown(&b);
	}
}

Test(latest_damage, a_role_of_no_state_is_a_dead_one)
{
	struct slip_latest_reader only;
	struct bench b;

	read_nine(&b);
	cr_assert_eq(slip_latest_attach_readonly(&only, b.mem, b.bytes, NULL),
		     0);
	slip_a64_store_relaxed(&b.w.ring->writer_role, 15); /* init */
	cr_assert_eq(slip_latest_writer_state(&b.r), SLIP_ROLE_DEAD);
	cr_assert_eq(slip_latest_writer_state(&only), SLIP_ROLE_DEAD);
	teardown(&b);
}

Test(latest_damage, recovery_asks_for_no_more_than_a_header)
{
	static unsigned char memory[256] SLIP_ALIGNED(64);
	struct slip_latest_ring *ring = (void *)memory;

	/* init */
	slip_a64_store_relaxed(&ring->writer_role, slip_role_held_(3, 7));
	cr_assert_eq(slip_latest_recover_(NULL, memory, 255, 3, 7), 0);
	cr_assert_eq(slip_a64_load_relaxed(&ring->writer_role), /* stat */
		     slip_role_held_(3, 7), "too short");
	cr_assert_eq(slip_latest_recover_(NULL, memory, 256, 3, 8), 0);
	cr_assert_eq(slip_a64_load_relaxed(&ring->writer_role), /* stat */
		     slip_role_held_(3, 7), "another member");
	cr_assert_eq(slip_latest_recover_(NULL, memory, 256, 3, 7), 0);
	cr_assert_eq(slip_a64_load_relaxed(&ring->writer_role) & 15, /* stat */
		     (uint64_t)SLIP_ROLE_DEAD);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void scribble(const struct bench *b, uint64_t *state)
{
	uint64_t r = next_random(state);
	uint64_t *w = b->mem;
	size_t at = r / 64 % (b->bytes / 8);

	if (r % 3)
		at = 16 + r / 64 % 8; /* the writer's line */
	if (r % 2)
		w[at] += r / 1024 % 9 - 4;
	else
		w[at] = next_random(state);
}

Test(latest_damage, scribbled_memory_never_leads_outside)
{
	uint64_t state = (uint64_t)time(NULL) | 1;
	uint64_t seed = state;

	for (int round = 0; round < 500; round++) {
		uint32_t size = 1 + (uint32_t)(next_random(&state) % 200);
		uint32_t room = (uint32_t)(next_random(&state) % 220);
		unsigned char *buf = malloc(room + 1);
		struct bench b;

		setup(&b, 2u << next_random(&state) % 3, size);
		for (int i = 0; i < 100; i++) {
			uint32_t some = (uint32_t)(next_random(&state) % size);
			uint32_t len = 0;
			int rc;

			if (i % 4 == 0)
				scribble(&b, &state);
			rc = slip_latest_write(&b.w, out, some);
			rc = slip_latest_put(&b.w, some, out, size - some);
			rc = slip_latest_read(&b.r, buf, room, &len);
			cr_assert(rc || len <= room, "seed %llu",
				  (unsigned long long)seed);
			if (rc != -EBADMSG)
				continue;
			slip_latest_detach_reader(&b.r);
			rc = slip_latest_attach_reader(&b.r, b.mem, b.bytes,
						       NULL);
			if (rc)
				break;
		}
		slip_latest_detach_writer(&b.w);
		if (slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL) == 0)
			slip_latest_detach_writer(&b.w);
		free(b.mem);
		free(buf);
	}
}
