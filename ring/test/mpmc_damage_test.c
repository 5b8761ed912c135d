/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h in memory that no orderly participant has written: it says so,
 * or is told full or empty; it never goes outside, and always comes back. */
#include "mpmc_bench.h"

#include <errno.h>
#include <time.h>

#define LAP (4 * SLIP_MPMC_ONE) /* of these rings; positions begin there */

/* --- headers --------------------------------------------------------------- */

Test(mpmc_damage, every_word_of_the_header_is_checked)
{
	struct slip_mpmc_ring *ring;
	struct slip_mpmc_info info;
	struct slip_mpmc q;
	struct bench b;

	setup(&b, 4, 8, 0);
	ring = ring_of(&b);
	for (int i = 0; i < 8; i++) {
		slip_a32 *words[] = { &ring->mode,	 &ring->capacity,
				      &ring->elem_bytes, &ring->flags,
				      &ring->seats,	 &ring->seats,
				      &ring->mode,	 &ring->flags };
		static const uint32_t bad[] = {
			9, 3, 0, 0x300, 0, 4095, SLIP_EVENT_RMW, 1
		};
		uint32_t was = slip_a32_load_relaxed(words[i]);

		slip_a32_store_relaxed(words[i], bad[i]);
		cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL),
			     -EBADMSG, "word %d", i);
		cr_assert_eq(slip_mpmc_inspect(b.mem, b.bytes, &info), -EBADMSG,
			     "word %d", i);
		cr_assert_eq(slip_mpmc_recover_(NULL, b.mem, b.bytes, 1, 1), 0,
			     "keeps no id");
		slip_a32_store_relaxed(words[i], was);
	}
	slip_a32_store_relaxed(&ring->capacity, 1u << 31);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL), -EOVERFLOW,
		     "larger than its memory");
	slip_a32_store_relaxed(&ring->capacity, 4);
	slip_a32_store_relaxed(&ring->layout, SLIP_MPMC_LAYOUT + 1);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL), -EPROTO);
	slip_a32_store_relaxed(&ring->layout, SLIP_MPMC_LAYOUT);
	slip_a64_store_relaxed(&ring->magic, SLIP_MPMC_MAGIC + 1);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL), -EBADMSG);
	slip_a64_store_relaxed(&ring->magic, SLIP_MPMC_MAGIC);
	attach(&q, &b, SLIP_PRODUCER);
	slip_mpmc_detach(&q);
	teardown(&b);
}

Test(mpmc_damage, the_size_is_read_once)
{
	struct bench b;

	setup(&b, 4, 8, 0);
	slip_a32_store_relaxed(&ring_of(&b)->elem_bytes, 65536);
	slip_a32_store_relaxed(&ring_of(&b)->capacity, 1u << 31);
	slip_a32_store_relaxed(&ring_of(&b)->seats, 4094);
	cr_assert_eq(slip_mpmc_elem_bytes(&b.p), 8u);
	push_to(&b.p, 1, 4);
	expect_pop(&b.c, 1);
	teardown(&b);
}

/* --- words that cannot be -------------------------------------------------- */

/* All operations on the handle, of which none may hang; then its error. */
static int after_all(struct slip_mpmc *q)
{
	struct slip_mpmc_ticket t;
	uint64_t x[3] = { 1, 2, 3 };

	for (int i = 0; i < 3; i++) {
		(void)!slip_mpmc_push(q, x);
		(void)!slip_mpmc_pop(q, x);
		(void)!slip_mpmc_push_n(q, x, 3);
		(void)!slip_mpmc_pop_n(q, x, 3);
		if (slip_mpmc_take(q, &t))
			slip_mpmc_ack(q, &t);
	}
	if (q->error) {
		cr_assert_eq(slip_mpmc_push_until(q, x, SLIP_FOREVER),
			     q->error);
		cr_assert_eq(slip_mpmc_pop_until(q, x, SLIP_FOREVER), q->error);
		cr_assert(slip_mpmc_claim(q) == NULL);
		cr_assert_eq(slip_mpmc_count_guess(q), 0u);
	}
	return q->error;
}

struct word {
	const char *what;
	int which; /* 0: tail; 1: head; 2: slot 0; 3: slot 1 */
	uint64_t value;
	unsigned marks; /* bits: raise voids, raise heard */
	bool poisons;
};

/* An empty ring of 4 with this word in it, in every combination of roles. */
static void spoil(const struct word *bad, unsigned flags, unsigned how,
		  bool fills)
{
	struct slip_mpmc q, other;
	struct bench b;
	slip_a64 *words[4];
	int error;

	setup(&b, 4, 8, flags);
	slip_mpmc_detach(&b.p);
	slip_mpmc_detach(&b.c);
	attach(&q, &b, SLIP_PRODUCER | SLIP_CONSUMER | how);
	if (fills)
		push_to(&q, 1, 4);
	words[0] = &ring_of(&b)->tail;
	words[1] = &ring_of(&b)->head;
	words[2] = slot_of(&b, 0);
	words[3] = slot_of(&b, 1);
	slip_a64_store_relaxed(words[bad->which], bad->value);
	if (bad->marks & 1)
		slip_a64_store_relaxed(&ring_of(&b)->voids, UINT64_C(1) << 62);
	if (bad->marks & 2)
		slip_a64_store_relaxed(&ring_of(&b)->heard, UINT64_C(1) << 62);
	error = after_all(&q);
	cr_assert(error == 0 || error == -EBADMSG, "%s: %d", bad->what, error);
	cr_assert(!bad->poisons || how || fills || error == -EBADMSG,
		  "%s: not noticed", bad->what);
	slip_mpmc_detach(&q);
	if (slip_mpmc_attach(&other, b.mem, b.bytes, 3, NULL) == 0) {
		(void)after_all(&other);
		slip_mpmc_detach(&other);
	}
	free(b.mem);
}

static const struct word bad_words[] = {
	{ "a slot of a lap to come", 2, 3 * LAP, 0, true },
	{ "a slot of a lap to come, committed", 2, 3 * LAP + SLIP_MPMC_FULL, 0,
	  true },
	{ "a slot named by nobody's seat", 2, LAP | 4000, 0, false },
	{ "a slot taken by nobody's seat", 2, LAP | SLIP_MPMC_FULL | 4000, 0,
	  false },
	{ "a slot of last lap in nobody's seat", 2, 4000, 0, true },
	{ "a slot of last lap, taken in nobody's seat", 2,
	  SLIP_MPMC_FULL | 4000, 2, true },
	{ "a slot of last lap, returned", 2, SLIP_MPMC_FULL | 4095, 2, false },
	{ "a slot of last lap, committed", 2, SLIP_MPMC_FULL, 0, false },
	{ "a slot of last lap, committed and heard", 2, SLIP_MPMC_FULL, 2,
	  false },
	{ "a position that is no multiple", 3, LAP + SLIP_MPMC_ONE + 1, 3,
	  false },
	{ "a tail far ahead", 0, LAP + (UINT64_C(1) << 60), 0, false },
	{ "a tail far ahead, and voids", 0, LAP + (UINT64_C(1) << 60), 3,
	  true },
	{ "a tail behind head", 0, 0, 3, false },
	{ "a tail of nobody's seat", 0, (LAP + SLIP_MPMC_ONE) | 4000, 1,
	  false },
	{ "a head far ahead", 1, LAP + (UINT64_C(1) << 60), 3, false },
	{ "a head behind by laps", 1, 0, 3, false },
	{ "a head of nobody's seat", 1, (LAP + SLIP_MPMC_ONE) | 4000, 3,
	  false },
	{ "the negative end", 1, UINT64_C(1) << 63, 3, false },
	{ "all ones in tail", 0, UINT64_MAX, 3, false },
	{ "all ones in head", 1, UINT64_MAX, 3, false },
	{ "all ones in a slot", 2, UINT64_MAX, 3, false },
};
#define BAD_WORDS (sizeof(bad_words) / sizeof(bad_words[0]))

Test(mpmc_damage, an_impossible_word_is_told_or_passed_and_never_waited_for)
{
	for (size_t i = 0; i < BAD_WORDS; i++)
		for (unsigned way = 0; way < 8; way++)
			spoil(&bad_words[i], way & 1 ? SLIP_MPMC_WORK : 0,
			      way & 2 ? SLIP_EXCLUSIVE : 0, (way & 4) != 0);
}

/* Slots all in the hands of another, and a head that says that there is room
 * for ever: each push would void positions until the end of the world. */
Test(mpmc_damage, a_push_goes_round_once_and_says_full)
{
	struct bench b;
	uint64_t x = 1;

	setup(&b, 4, 8, 0);
	for (uint64_t i = 0; i < 4; i++)
		slip_a64_store_relaxed(slot_of(&b, i),
				       i * SLIP_MPMC_ONE | b.c.me);
	slip_a64_store_relaxed(&ring_of(&b)->head, LAP + SLIP_MPMC_ONE);
	cr_assert_not(slip_mpmc_push(&b.p, &x));
	cr_assert_leq(b.p.voided, 5u);
	slip_a64_store_relaxed(&ring_of(&b)->head, LAP + (UINT64_C(1) << 60));
	cr_assert_not(slip_mpmc_push(&b.p, &x));
	cr_assert_eq(b.p.error, -EBADMSG, "a head beyond tail");
	teardown(&b);
}

/* Nobody is called dead, or heard, beyond the last seat. */
Test(mpmc_damage, seats_that_are_not_there_are_not_looked_at)
{
	struct slip_mpmc q;
	struct bench b;
	uint64_t x;

	setup(&b, 4, 8, 0);
	push_to(&b.p, 1, 1);
	slip_a64_store_relaxed(slot_of(&b, 0), LAP | (BENCH_SEATS + 1));
	cr_assert_not(slip_mpmc_pop(&b.c, &x));
	cr_assert_eq(b.c.error, -EBADMSG, "not heard");
	attach(&q, &b, SLIP_CONSUMER);
	slip_a64_store_relaxed(slot_of(&b, 0), LAP);
	slip_a64_store_relaxed(&ring_of(&b)->voids, LAP * 9);
	slip_a64_store_relaxed(&ring_of(&b)->tail,
			       (LAP + SLIP_MPMC_ONE) | (BENCH_SEATS + 1));
	cr_assert_not(slip_mpmc_pop(&q, &x));
	cr_assert_eq(q.error, -EBADMSG, "claimed by nobody");
	slip_mpmc_detach(&q);
	attach(&q, &b, SLIP_CONSUMER);
	slip_a64_store_relaxed(slot_of(&b, 0), LAP + SLIP_MPMC_FULL);
	slip_a64_store_relaxed(&ring_of(&b)->head,
			       (LAP + SLIP_MPMC_ONE) | 4000);
	(void)!slip_mpmc_pop(&q, &x);
	slip_mpmc_detach(&q);
	teardown(&b);
}

/* The lengths of runs come from seats, and are believed up to a limit. */
Test(mpmc_damage, a_run_is_no_longer_than_runs_are)
{
	struct slip_mpmc slow;
	struct stopped s;
	struct bench b;
	uint64_t x;

	cr_assert_eq(slip_mpmc_run_length_(SLIP_MPMC_ONE - 1), 1u);
	cr_assert_eq(slip_mpmc_run_length_(33), 1u);
	cr_assert_eq(slip_mpmc_run_length_(32), 32u);
	setup(&b, 8, 2048, 0); /* one element in a claim */
	attach(&slow, &b, SLIP_PRODUCER);
	slip_mpmc_detach(&b.c);
	free(b.mem);
	setup(&b, 4, 8, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &s, 7);
	for (uint64_t run = 0; run < 64; run++) {
		/* "It was the last but so many of a claim." */
		slip_a64_store_relaxed(&slow.seat->runs[0],
				       s.at - (run % 40) * SLIP_MPMC_ONE + run);
		slip_mpmc_name_run_(
			&b.p, slip_a64_load_relaxed(&ring_of(&b)->tail), 0);
		cr_assert(slip_mpmc_hear_(&b.c, s.slot, s.at | slow.me, &x, 8),
			  "%llu", (unsigned long long)run);
	}
	slip_mpmc_detach(&slow);
	teardown(&b);
}

Test(mpmc_damage, a_run_of_large_elements_is_heard_within_the_seat)
{
	static unsigned char elem[2048];
	struct slip_mpmc slow;
	struct bench b;
	uint64_t at;

	setup(&b, 4, 2048, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	for (uint64_t i = 1; i <= 20; i++) {
		fill(elem, 2048, i);
		slip_mpmc_announce_(&slow, 0, elem, 2048);
		(void)slip_mpmc_take_place_(&slow, &at, 2048);
		slip_a64_store_relaxed(&slow.seat->runs[0],
				       (at - i * SLIP_MPMC_ONE) | 32);
		cr_assert(slip_mpmc_push(&b.p, elem), "names it");
		memset(elem, 0, sizeof(elem));
		cr_assert(slip_mpmc_pop(&b.c, elem), "hears it");
		cr_assert(filled(elem, 2048, i), "and nothing else");
		cr_assert(slip_mpmc_pop(&b.c, elem), "the other");
		slip_mpmc_commit_(slip_mpmc_slot_(&slow, at, 2048), at);
	}
	slip_mpmc_detach(&slow);
	teardown(&b);
}

/* --- seats ----------------------------------------------------------------- */

Test(mpmc_damage, a_seat_in_a_state_that_does_not_exist_is_cleared)
{
	struct slip_mpmc_seat *seat;
	struct slip_mpmc q[BENCH_SEATS];
	struct bench b;

	setup(&b, 4, 8, SLIP_MPMC_WORK);
	seat = slip_mpmc_seat_(ring_of(&b), &b.p.shape, 5);
	slip_a64_store_relaxed(&seat->word, UINT64_MAX);
	for (int i = 0; i < BENCH_SEATS - 2; i++)
		attach(&q[i], &b, SLIP_PRODUCER);
	push_to(&q[5], 1, 1);
	expect_pop(&b.c, 1);
	for (int i = 0; i < BENCH_SEATS - 2; i++)
		slip_mpmc_detach(&q[i]);
	teardown(&b);
}

Test(mpmc_damage, one_whose_seat_was_taken_away_leaves_it_alone)
{
	const uint64_t heir =
		slip_role_held_(5, 7) | UINT64_C(1) << SLIP_MPMC_ROLES_SHIFT;
	struct slip_mpmc_seat *seat;
	struct bench b;

	setup(&b, 4, 8, 0);
	seat = b.p.seat;
	slip_a64_store_relaxed(&seat->word, heir);
	slip_mpmc_detach(&b.p);
	cr_assert_eq(slip_a64_load_relaxed(&seat->word), heir);
	cr_assert_not(slip_mpmc_gone(&b.c, SLIP_PRODUCER));
	teardown(&b);
}

/* --- anything -------------------------------------------------------------- */

static void scribbled(unsigned flags, uint32_t elem_bytes, unsigned how,
		      uint64_t *state, uint64_t seed)
{
	unsigned char buf[9 * 24] = { 0 };
	struct slip_mpmc_ticket t[4] = { 0 };
	struct slip_mpmc q;
	struct bench b;

	setup_as(&b, 8, elem_bytes, flags, how);
	for (int i = 0; i < 200; i++) {
		uint64_t r = next_random(state);
		uint64_t *w = b.mem;
		/* The header's first line is geometry, seen above. */
		size_t at = 8 + r / 64 % (b.bytes / 8 - 8);

		if (r % 8 == 0)
			w[at] = next_random(state);
		else if (r % 8 == 1)
			w[at] += r % 3 - 1;
		else if (r % 8 == 2)
			w[at] = w[8 + r / 4096 % (b.bytes / 8 - 8)];
		else if (r % 8 == 3)
			(void)!slip_mpmc_push_n(&b.p, buf, (uint32_t)r % 9);
		else if (r % 8 == 4)
			(void)!slip_mpmc_push(&b.p, buf);
		else if (r % 8 == 5)
			(void)!slip_mpmc_take(&b.c, &t[r >> 20 & 3]);
		else if (r % 8 == 6)
			(void)slip_mpmc_nack(&b.c, &t[r >> 20 & 3]);
		else if (slip_mpmc_pop_n(&b.c, buf, (uint32_t)r % 9) > 9)
			cr_assert(0, "seed %llu", (unsigned long long)seed);
	}
	slip_mpmc_recover_seat_(&b.p, 1, slip_role_held_(1, 1));
	slip_mpmc_detach(&b.p);
	slip_mpmc_detach(&b.c);
	if (slip_mpmc_attach(&q, b.mem, b.bytes, 3, NULL) == 0)
		slip_mpmc_detach(&q);
	free(b.mem);
}

Test(mpmc_damage, scribbled_memory_never_leads_outside)
{
	uint64_t state = (uint64_t)time(NULL) | 1;
	uint64_t seed = state;

	for (int round = 0; round < 400; round++)
		scribbled(round & 1 ? SLIP_MPMC_WORK : 0, round & 2 ? 24 : 8,
			  round & 4 ? SLIP_EXCLUSIVE : 0, &state, seed);
}
