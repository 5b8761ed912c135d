/* SPDX-License-Identifier: MIT */
/* ring/lanes.h on words that nobody who keeps the protocol wrote. */
#include <string.h>

#include "../../atomics/test/check.h"
#include "../lanes.h"

#define LANES 3u

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[512 + LANES * 512];
static struct slip_lanes_producer producer[LANES];
static struct slip_lanes_consumer consumer;

static void set_up(uint32_t consumers, unsigned flags)
{
	cr_assert_eq(slip_lanes_init(memory, sizeof(memory), LANES, 128,
				     consumers, flags),
		     0);
	for (unsigned i = 0; i < LANES; i++)
		cr_assert_eq(slip_lanes_attach_producer(&producer[i], memory,
							sizeof(memory), NULL),
			     0);
	cr_assert_eq(slip_lanes_attach_consumer(&consumer, memory,
						sizeof(memory), NULL),
		     0);
}

static struct slip_record_ring *lane(uint32_t i)
{
	return slip_lanes_lane_(consumer.ring, &consumer.shape, i);
}

/* The first word of the data of lane 1. */
static void write_header(uint64_t word)
{
	void *at = slip_record_data_(lane(1), &consumer.shape.lane);

	memcpy(at, &word, sizeof(word));
	/* init: said to be there, to several consumers */
	slip_a64_store_relaxed(slip_lanes_tail_(lane(1)), 16);
}

/* The others are served all the same. */
static void only_lane_1_is_lost(void)
{
	for (int n = 0; n < 40; n++) {
		char got[2] = { 0 };
		uint32_t len;

		cr_assert_eq(slip_lanes_push(&producer[0], "a", 1), 0);
		cr_assert_eq(slip_lanes_push(&producer[2], "b", 1), 0);
		for (int i = 0; i < 2; i++)
			cr_assert_eq(
				slip_lanes_pop(&consumer, &got[i], 1, &len), 0);
		cr_assert(got[0] != got[1]);
		cr_assert_null(slip_lanes_peek(&consumer, &len));
	}
	cr_assert_eq(slip_lanes_damaged(&consumer), 2);
	cr_assert_eq(slip_lanes_wait_data_until(&consumer, 0), -ETIMEDOUT);
	for (unsigned i = 0; i < LANES; i++)
		slip_lanes_close(&producer[i]);
	cr_assert_eq(slip_lanes_wait_data_until(&consumer, SLIP_FOREVER),
		     -EPIPE);
	slip_lanes_detach_consumer(&consumer);
}

static const uint64_t nonsense[] = {
	1,
	UINT64_MAX,
	SLIP_RECORD_COMMIT | 57,
	SLIP_RECORD_COMMIT | SLIP_RECORD_PAD | 8,
	SLIP_RECORD_COMMIT | UINT64_C(1) << 32,
};
#define KINDS (sizeof(nonsense) / sizeof(nonsense[0]))

Test(lanes_damage, a_header_of_nonsense_costs_its_lane)
{
	for (unsigned i = 0; i < KINDS; i++) {
		set_up(1, 0);
		write_header(nonsense[i]);
		only_lane_1_is_lost();
	}
}

Test(lanes_damage, also_where_consumers_share)
{
	for (unsigned i = 0; i < KINDS; i++) {
		set_up(2, 0);
		write_header(nonsense[i]);
		only_lane_1_is_lost();
	}
}

Test(lanes_damage, a_record_without_room_for_its_stamp_costs_its_lane)
{
	for (uint64_t len = 0; len < 8; len++) {
		set_up(1, SLIP_LANES_STAMPED);
		write_header(SLIP_RECORD_COMMIT | len);
		only_lane_1_is_lost();
	}
}

Test(lanes_damage, nonsense_in_a_batch_ends_it)
{
	for (uint32_t consumers = 1; consumers <= 2; consumers++) {
		struct slip_record_span out[2];
		char buf[16];

		set_up(consumers, 0);
		cr_assert_eq(slip_lanes_push(&producer[1], "c", 1), 0);
		/* init */
		slip_a64_store_relaxed(
			slip_record_word_(&producer[1].rec.shape, 16), 1);
		cr_assert_eq(
			slip_lanes_pop_n(&consumer, buf, sizeof(buf), out, 2),
			1);
		cr_assert_eq(buf[0], 'c');
		only_lane_1_is_lost();
	}
}

Test(lanes_damage, what_is_said_to_be_there_and_is_not_costs_its_lane)
{
	uint32_t len = 0;

	set_up(2, 0);
	/* init */
	slip_a64_store_relaxed(slip_lanes_tail_(lane(1)), 16);
	cr_assert_null(slip_lanes_peek(&consumer, &len));
	only_lane_1_is_lost();
}

/* The end is looked for where nobody has said it. */
Test(lanes_damage, a_dead_producers_lane_of_nonsense_is_not_waited_for)
{
	set_up(2, 0);
	write_header(1);
	/* init */
	slip_a64_store_relaxed(slip_lanes_tail_(lane(1)), 0);
	for (unsigned i = 0; i < LANES; i++)
		slip_lanes_close(&producer[i]);
	/* init */
	slip_a64_store_relaxed(&lane(1)->ends.producer_role, SLIP_ROLE_DEAD);
	cr_assert_eq(slip_lanes_wait_data_until(&consumer, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(slip_lanes_damaged(&consumer), 2);
	slip_lanes_detach_consumer(&consumer);
}

static void write_head(uint64_t head)
{
	/* init */
	slip_a64_store_relaxed(&lane(1)->ends.head, head);
}

Test(lanes_damage, a_head_of_nonsense_costs_its_lane)
{
	set_up(2, 0);
	cr_assert_eq(slip_lanes_push(&producer[1], "c", 1), 0);
	write_head(3);
	only_lane_1_is_lost();

	set_up(1, 0);
	cr_assert_eq(slip_lanes_push(&producer[1], "c", 1), 0);
	slip_lanes_detach_consumer(&consumer);
	write_head(3);
	cr_assert_eq(slip_lanes_attach_consumer(&consumer, memory,
						sizeof(memory), NULL),
		     0);
	only_lane_1_is_lost();
}

Test(lanes_damage, a_producer_that_reads_a_head_of_nonsense_is_poisoned)
{
	char big[100] = { 0 };

	set_up(1, 0);
	write_head(3);
	cr_assert_eq(slip_lanes_push(&producer[1], big, 40), 0);
	cr_assert_eq(slip_lanes_push(&producer[1], big, 40), 0);
	cr_assert_eq(slip_lanes_push(&producer[1], big, 40), -EBADMSG);
	cr_assert_eq(slip_lanes_push(&producer[1], big, 100), -EBADMSG);
	cr_assert_eq(slip_lanes_push_v(&producer[1], NULL, 0), -EBADMSG);
	cr_assert_eq(slip_lanes_push_until(&producer[1], big, 1, 0), -EBADMSG);
	cr_assert_eq(slip_lanes_wait_room_until(&producer[1], 1, 0), -EBADMSG);
	slip_lanes_close(&producer[1]);
	cr_assert_eq(slip_lanes_push(&producer[1], big, 1), -EPIPE);
}

Test(lanes_damage, a_damaged_lane_is_taken_by_nobody)
{
	struct slip_lanes_producer p;

	set_up(1, 0);
	slip_lanes_close(&producer[1]);
	slip_lanes_close(&producer[2]);
	write_header(1);
	cr_assert_eq(
		slip_lanes_attach_producer(&p, memory, sizeof(memory), NULL),
		0);
	cr_assert_eq(slip_lanes_lane(&p), 2);
	cr_assert_eq(slip_lanes_attach_producer(&producer[1], memory,
						sizeof(memory), NULL),
		     -EBADMSG);
}

/* Each word of the header, written with what is not right there. */
Test(lanes_damage, attach_believes_no_header)
{
	static const struct {
		size_t at;
		uint32_t value;
		int rc;
	} bad[] = {
		{ 0, 0, -EBADMSG },
		{ 4, 0, -EBADMSG },
		{ 8, SLIP_LANES_LAYOUT + 1, -EPROTO },
		{ 12, 0, -EBADMSG },
		{ 12, 3, -EBADMSG },
		{ 16, 1, -EBADMSG },
		{ 16, 0x100, 0 },
		{ 20, 0, -EBADMSG },
		{ 20, 65, -EBADMSG },
		{ 20, 4, -EOVERFLOW },
		{ 20, 2, 0 },
		{ 24, 0, -EBADMSG },
		{ 24, 17, -EBADMSG },
		{ 32, 32, -EBADMSG },
		{ 32, 100, -EBADMSG },
		{ 32, 1024, -EOVERFLOW },
		{ 36, 1, -EBADMSG },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slip_lanes_consumer c;

		set_up(1, 0);
		slip_lanes_detach_consumer(&consumer);
		memcpy(memory + bad[i].at, &bad[i].value, 4);
		cr_assert_eq(slip_lanes_attach_consumer(&c, memory,
							sizeof(memory), NULL),
			     bad[i].rc, "case %u", i);
	}
	memset(memory, 0xa5, 512);
	cr_assert_eq(slip_lanes_attach_consumer(&consumer, memory, 512, NULL),
		     -EBADMSG, "no header in as many bytes as one has");
}

Test(lanes_damage, stamps_are_for_one_consumer)
{
	struct slip_lanes_consumer c;

	set_up(2, 0);
	memcpy(memory + 16, &(uint32_t){ SLIP_LANES_STAMPED }, 4);
	cr_assert_eq(
		slip_lanes_attach_consumer(&c, memory, sizeof(memory), NULL),
		-EBADMSG);
}

Test(lanes_damage, a_count_of_lanes_beyond_all_is_cut)
{
	uint32_t len = 0;

	set_up(1, 0);
	/* init */
	slip_a32_store_relaxed(&consumer.ring->high, 1000);
	cr_assert_null(slip_lanes_peek(&consumer, &len));
	cr_assert_eq(slip_lanes_push(&producer[2], "x", 1), 0);
	cr_assert_not_null(slip_lanes_peek(&consumer, &len));
	slip_lanes_release(&consumer);
	/* init */
	slip_a32_store_relaxed(&consumer.ring->high, 1);
	cr_assert_eq(slip_lanes_push(&producer[0], "x", 1), 0);
	cr_assert_not_null(slip_lanes_peek(&consumer, &len));
}

Test(lanes_damage, recovery_touches_no_damaged_ring)
{
	set_up(1, 0);
	memset(memory, 0xa5, sizeof(memory));
	cr_assert_eq(slip_lanes_recover_(NULL, memory, sizeof(memory), 1, 1),
		     0);
	cr_assert_eq(memory[512 + 128 + 8], 0xa5);
}
