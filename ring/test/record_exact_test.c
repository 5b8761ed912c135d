/* SPDX-License-Identifier: MIT */
/* Records that take the last free byte, and those that need one more. */
#include "../../atomics/test/check.h"
#include "../record.h"

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[384 + 64];
static struct slip_record_producer producer;
static struct slip_record_consumer consumer;

/* A ring of 64 bytes, of which a record of `len` bytes takes some. */
static void ring_with(uint32_t len)
{
	static const char text[64];

	cr_assert_eq(slip_record_init(memory, sizeof(memory), 64, 0), 0);
	cr_assert_eq(slip_record_attach_producer(&producer, memory,
						 sizeof(memory), NULL),
		     0);
	cr_assert_eq(slip_record_attach_consumer(&consumer, memory,
						 sizeof(memory), NULL),
		     0);
	cr_assert_eq(slip_record_push(&producer, text, len), 0);
}

/* 24 taken, 40 free: 32 for the record, 8 for the 0 behind it. */
Test(record_exact, a_claim_takes_the_last_byte)
{
	ring_with(16);
	cr_assert_not_null(slip_record_claim(&producer, 24));
	slip_record_commit(&producer, 24);
	cr_assert_null(slip_record_claim(&producer, 0));
	ring_with(24);
	cr_assert_null(slip_record_claim(&producer, 24));
	cr_assert_not_null(slip_record_claim(&producer, 16));
}

Test(record_exact, a_push_takes_the_last_byte)
{
	ring_with(16);
	cr_assert_eq(slip_record_push(&producer, memory, 24), 0);
	cr_assert_eq(slip_record_push(&producer, memory, 0), -EAGAIN);
	cr_assert_eq(slip_record_wait_room_until(&producer, 0, 0), -ETIMEDOUT);
	ring_with(16);
	cr_assert_eq(slip_record_wait_room_until(&producer, 24, 0), 0);
	ring_with(24);
	cr_assert_eq(slip_record_wait_room_until(&producer, 24, 0), -ETIMEDOUT);
}

/* Behind 40 bytes the rest is 24: a PAD of that, the longest there is. */
Test(record_exact, the_longest_pad_is_read)
{
	uint32_t len = 0;
	char text[24];

	ring_with(24);
	cr_assert_eq(slip_record_pop(&consumer, text, 24, &len), 0);
	cr_assert_eq(slip_record_push(&producer, text, 0), 0);
	cr_assert_eq(slip_record_pop(&consumer, text, 24, &len), 0);
	cr_assert_eq(slip_record_push(&producer, "twenty-four characters.", 24),
		     0);
	cr_assert_eq(slip_record_pop(&consumer, text, 24, &len), 0);
	cr_assert_eq(len, 24u);
	cr_assert_str_eq(text, "twenty-four characters.");
}
