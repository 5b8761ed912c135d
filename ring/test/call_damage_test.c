/* SPDX-License-Identifier: MIT */
/* ring/call.h on words that nobody who keeps the protocol wrote. */
#include <string.h>

#include "../../atomics/test/check.h"
#include "../call.h"

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[8192];
static struct slip_call_server server;
static struct slip_call_client client[2];

static void set_up(void)
{
	cr_assert_eq(slip_call_init(memory, sizeof(memory), 2, 56, 0), 0);
	cr_assert_eq(
		slip_call_attach_server(&server, memory, sizeof(memory), NULL),
		0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(slip_call_attach_client(&client[i], memory,
						     sizeof(memory), NULL),
			     0);
}

static slip_a64 *word_of(uint32_t i)
{
	return slip_call_word_(slip_call_slot_(server.ring, &server.shape, i));
}

static void write_word(uint64_t number, uint32_t bytes, uint64_t state)
{
	/* init */
	slip_a64_store_relaxed(
		word_of(0),
		slip_call_with_(number * SLIP_CALL_ONE_, bytes, state));
}

/* The other client is served all the same. */
static void is_not_served(void)
{
	struct slip_call_ticket t;

	for (int n = 0; n < 3; n++) {
		uint32_t bytes = 0;
		char got = 0;

		cr_assert_eq(slip_call_send(&client[1], "x", 1), 0);
		cr_assert(slip_call_take(&server, &t));
		cr_assert_eq(t.at, 1);
		cr_assert(!slip_call_take(&server, &t));
		cr_assert_eq(slip_call_reply(&server, &t, "y", 1), 0);
		cr_assert_eq(slip_call_receive(&client[1], &got, 1, &bytes), 0);
	}
}

Test(call_damage, a_request_of_more_than_fits_is_not_served)
{
	set_up();
	write_word(1, 57, SLIP_CALL_ASKED_);
	is_not_served();
	write_word(1, 0xfffff, SLIP_CALL_ASKED_);
	is_not_served();
}

Test(call_damage, a_slot_in_no_state_is_not_served_and_taken_by_nobody)
{
	struct slip_call_client c;

	set_up();
	for (uint64_t state = 2; state < 16; state++) {
		write_word(1, 8, state);
		is_not_served();
	}
	slip_call_detach_client(&client[0]);
	cr_assert_eq(slip_call_attach_client(&c, memory, sizeof(memory), NULL),
		     -EUSERS);
}

static void poisons_its_client(uint64_t number, uint32_t bytes, uint64_t state)
{
	uint32_t got;
	char x;

	set_up();
	cr_assert_eq(slip_call_send(&client[0], "a", 1), 0);
	write_word(number, bytes, state);
	cr_assert_null(slip_call_peek(&client[0], &got));
	cr_assert_eq(slip_call_receive(&client[0], &x, 1, &got), -EBADMSG);
	write_word(1, 1, SLIP_CALL_DONE_);
	cr_assert_eq(slip_call_receive(&client[0], &x, 1, &got), -EBADMSG,
		     "stays poisoned");
	cr_assert_eq(slip_call_send(&client[0], "a", 1), -EBADMSG);
	cr_assert_null(slip_call_claim(&client[0]));
	cr_assert_eq(slip_call_wait_reply_until(&client[0], SLIP_FOREVER),
		     -EBADMSG);
	slip_call_abandon(&client[0]);
	cr_assert_eq(slip_call_send_until(&client[0], "a", 1, SLIP_FOREVER),
		     -EBADMSG);
}

Test(call_damage, a_reply_that_cannot_be_poisons_its_client)
{
	poisons_its_client(2, 1, SLIP_CALL_DONE_);
	poisons_its_client(0, 1, SLIP_CALL_DONE_);
	poisons_its_client(1, 57, SLIP_CALL_DONE_);
	poisons_its_client(1, 2, SLIP_CALL_ASKED_);
	poisons_its_client(1, 1, 9);
}

Test(call_damage, a_late_reply_that_cannot_be_poisons_who_gave_up)
{
	uint32_t got;
	char x;

	set_up();
	cr_assert_eq(slip_call_send(&client[0], "a", 1), 0);
	slip_call_abandon(&client[0]);
	write_word(7, 1, SLIP_CALL_DONE_);
	cr_assert_eq(slip_call_send(&client[0], "a", 1), -EBADMSG);
	cr_assert_eq(slip_call_receive(&client[0], &x, 1, &got), -EBADMSG);
}

/* The last server had said of slot 0's request that it was answered. */
static void resume_with(uint64_t number, uint32_t bytes, uint64_t state)
{
	struct slip_call_ticket t;

	set_up();
	cr_assert_eq(slip_call_send(&client[0], "a", 1), 0);
	cr_assert(slip_call_take(&server, &t));
	slip_call_detach_server(&server);
	/* init */
	slip_a64_store_relaxed(
		&server.ring->staged,
		slip_call_with_(number * SLIP_CALL_ONE_, bytes, state));
	slip_a64_store_relaxed(&server.taken[0], t.taken | SLIP_CALL_ANSWERED_);
	cr_assert_eq(
		slip_call_attach_server(&server, memory, sizeof(memory), NULL),
		0);
}

Test(call_damage, a_stage_that_cannot_be_is_not_delivered)
{
	static const struct {
		uint64_t number;
		uint32_t bytes;
		uint64_t state;
	} bad[] = { { 2, 1, SLIP_CALL_DONE_ },
		    { 1, 57, SLIP_CALL_DONE_ },
		    { 1, 1, SLIP_CALL_ASKED_ } };
	struct slip_call_ticket t;
	uint32_t bytes;
	char x;

	for (int i = 0; i < 3; i++) {
		resume_with(bad[i].number, bad[i].bytes, bad[i].state);
		cr_assert(slip_call_take(&server, &t), "delivered again");
		cr_assert_eq(t.attempts, 2);
		cr_assert_eq(slip_call_reply(&server, &t, "b", 1), 0);
		cr_assert_eq(slip_call_receive(&client[0], &x, 1, &bytes), 0);
	}
	resume_with(1, 1, SLIP_CALL_DONE_);
	cr_assert(!slip_call_take(&server, &t));
}

Test(call_damage, a_high_mark_beyond_the_slots_is_not_believed)
{
	struct slip_call_ticket t;

	set_up();
	/* init */
	slip_a32_store_relaxed(&server.ring->high, UINT32_MAX);
	cr_assert(!slip_call_take(&server, &t));
	cr_assert_eq(slip_call_send(&client[1], "x", 1), 0);
	cr_assert(slip_call_take(&server, &t));
	cr_assert_eq(t.at, 1);
}

Test(call_damage, recovery_of_what_is_no_ring_changes_nothing)
{
	unsigned char before[sizeof(memory)];

	set_up();
	/* init */
	slip_a64_store_relaxed(&server.ring->magic, 0);
	memcpy(before, memory, sizeof(before));
	cr_assert_eq(slip_call_recover_(NULL, memory, sizeof(memory), 1, 1), 0);
	cr_assert_eq(slip_call_recover_(NULL, memory, 5, 1, 1), 0);
	cr_assert_eq(memcmp(before, memory, sizeof(before)), 0);
}

/* Asked before the first was answered; all but its number is as the server's word
 * of that. */
Test(call_damage, the_next_number_is_another_request)
{
	struct slip_call_ticket t;

	set_up();
	write_word(2, 1, SLIP_CALL_ASKED_);
	cr_assert(slip_call_take(&server, &t));
	cr_assert(!slip_call_take(&server, &t));
	write_word(3, 1, SLIP_CALL_ASKED_);
	cr_assert(slip_call_take(&server, &t));
	cr_assert_eq(t.attempts, 1);
}

Test(call_damage, a_ticket_of_another_ring_is_refused)
{
	struct slip_call_ticket t, beyond;

	set_up();
	cr_assert_eq(slip_call_send(&client[0], "a", 1), 0);
	cr_assert(slip_call_take(&server, &t));
	t.at = 2;
	cr_assert_eq(slip_call_reply(&server, &t, "b", 1), -EINVAL);
	beyond = t;
	beyond.data = slip_call_slot_of_(&server, 2) + SLIP_CALL_PAYLOAD_AT_;
	beyond.taken = 0;
	cr_assert_eq(slip_call_reply(&server, &beyond, "b", 1), -EINVAL);
	cr_assert(!slip_call_orphan(&server, &t));
	t.at = 0;
	cr_assert_eq(slip_call_reply(&server, &t, "b", 1), 0);
}
