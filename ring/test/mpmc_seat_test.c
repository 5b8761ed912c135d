/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h when a consumer's hand is kept full by another: it goes on from
 * another seat, if it may. */
#include "mpmc_bench.h"

#include <errno.h>

/* Consumer `a` has heard 1, and returned it; `b.c` has taken that, in the hand
 * of a's seat, and keeps it. The next element is 3, of a pusher that stopped. */
struct kept {
	struct bench b;
	struct slip_mpmc a;
	struct slip_mpmc slow;
	struct slip_mpmc others[BENCH_SEATS];
	unsigned others_count;
	struct stopped s;
	struct slip_mpmc_ticket t; /* of b.c */
};

/* It is in the place of one that was stopped when it was pushed. */
static void push_slowly(struct kept *k, uint64_t value)
{
	push_half(&k->slow, &k->s, value);
	push_to(&k->b.p, value + 1, value + 1); /* names it */
}

static void expect_take(struct slip_mpmc *q, struct slip_mpmc_ticket *t,
			uint64_t value, uint32_t attempts)
{
	const uint64_t *elem = slip_mpmc_take(q, t);

	cr_assert(elem != NULL, "nothing instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(*elem, value, "%llu instead of %llu",
		     (unsigned long long)*elem, (unsigned long long)value);
	cr_assert_eq(t->attempts, attempts, "attempt %u", t->attempts);
}

/* `a` hears `value`, and it is kept in its hand. */
static void keep_in_hand(struct kept *k, uint64_t value)
{
	struct slip_mpmc_ticket t;

	expect_take(&k->a, &t, value, 1);
	cr_assert(slip_mpmc_in_hand_(&k->a, t.word), "heard");
	push_rest(&k->s);
	cr_assert_eq(slip_mpmc_nack(&k->a, &t), 0);
	expect_take(&k->b.c, &k->t, value, 2);
	expect_pop(&k->b.c, value + 1);
}

static void setup_kept(struct kept *k, unsigned roles)
{
	memset(k, 0, sizeof(*k));
	setup(&k->b, 8, 8, SLIP_MPMC_WORK);
	attach(&k->a, &k->b, roles);
	attach(&k->slow, &k->b, SLIP_PRODUCER);
	push_slowly(k, 1);
	keep_in_hand(k, 1);
	push_slowly(k, 3);
}

/* All seats that are free are taken. */
static void take_seats(struct kept *k)
{
	int rc;

	do {
		struct slip_mpmc *q = &k->others[k->others_count];

		rc = slip_mpmc_attach(q, k->b.mem, k->b.bytes, SLIP_CONSUMER,
				      NULL);
	} while (rc == 0 && ++k->others_count < BENCH_SEATS);
	cr_assert_eq(rc, -EUSERS, "%d", rc);
}

static void leave_seats(struct kept *k)
{
	while (k->others_count)
		slip_mpmc_detach(&k->others[--k->others_count]);
}

/* Nothing is owed, and everybody's place can be had. */
static void teardown_kept(struct kept *k)
{
	slip_mpmc_ack(&k->b.c, &k->t);
	push_rest(&k->s);
	expect_pop(&k->b.c, 4);
	push_to(&k->b.p, 11, 18);
	for (uint64_t i = 11; i <= 18; i++)
		expect_pop(&k->b.c, i);
	expect_empty(&k->b.c);
	slip_mpmc_detach(&k->a);
	slip_mpmc_detach(&k->slow);
	take_seats(k);
	cr_assert_eq(k->others_count, BENCH_SEATS - 2u, "besides b");
	leave_seats(k);
	teardown(&k->b);
}

/* `a` stays where it is, and a second take leaves no byte changed. */
static void expect_to_stay(struct kept *k)
{
	struct slip_mpmc_seat *seat = k->a.seat;
	unsigned char *before = malloc(k->b.bytes);
	struct slip_mpmc_ticket t;
	uint64_t me = k->a.me;

	cr_assert(before != NULL, "no memory");
	cr_assert(slip_mpmc_take(&k->a, &t) == NULL, "it has no hand");
	memcpy(before, k->b.mem, k->b.bytes);
	cr_assert(slip_mpmc_take(&k->a, &t) == NULL, "nor now");
	cr_assert_eq(memcmp(before, k->b.mem, k->b.bytes), 0, "a change");
	cr_assert(k->a.seat == seat && k->a.me == me, "it stays");
	cr_assert_eq(k->a.error, 0);
	free(before);
}

static void expect_to_move(struct kept *k)
{
	struct slip_mpmc_seat *old = k->a.seat;
	struct slip_mpmc_ticket t;

	expect_take(&k->a, &t, 3, 1);
	cr_assert(k->a.seat != old, "from another seat");
	cr_assert(k->a.seat ==
		  slip_mpmc_seat_(ring_of(&k->b), &k->a.shape, k->a.me));
	cr_assert(t.word == &k->a.seat->hand, "into its hand");
	cr_assert_eq(slip_a64_load_relaxed(&old->word), 0u, "the old is free");
	cr_assert_eq(*(const uint64_t *)k->t.elem, 1u, "not touched");
	slip_mpmc_ack(&k->a, &t);
	cr_assert_eq(k->a.held, 0u);
}

Test(mpmc_seat, who_has_no_hand_goes_on_from_another_seat)
{
	struct kept k;

	setup_kept(&k, SLIP_CONSUMER);
	expect_to_move(&k);
	teardown_kept(&k);
}

Test(mpmc_seat, what_one_with_both_roles_pushes_is_heard_from_the_new_seat)
{
	struct slip_mpmc_ticket t;
	struct stopped s;
	struct kept k;

	setup_kept(&k, SLIP_PRODUCER | SLIP_CONSUMER);
	push_to(&k.a, 5, 6); /* so that it knows tail */
	expect_to_move(&k);
	expect_pop(&k.b.c, 4);
	expect_pop(&k.b.c, 5);
	expect_pop(&k.b.c, 6);
	push_half(&k.a, &s, 7);
	push_to(&k.b.p, 4, 4);
	expect_take(&k.a, &t, 7, 1);
	push_rest(&s);
	slip_mpmc_ack(&k.a, &t);
	teardown_kept(&k);
}

/* Positions start at that lap; nobody else can keep it there, but a count may
 * say so. */
static void goes_on_alone(uint64_t lap)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc q;
	struct bench b;
	uint64_t old;

	setup(&b, 4, 8, SLIP_MPMC_WORK);
	slip_mpmc_format_(b.mem, &b.p.shape, b.p.side.mode, lap);
	attach(&q, &b, SLIP_PRODUCER | SLIP_CONSUMER | SLIP_EXCLUSIVE);
	for (uint64_t i = 0; i < 5; i++) {
		push_to(&q, i, i);
		expect_pop(&q, i);
	}
	old = q.me;
	slip_a64_store_relaxed(&q.seat->hand,
			       SLIP_MPMC_FULL | SLIP_MPMC_RETURNED);
	slip_a64_store_relaxed(&q.seat->attempts,
			       slip_mpmc_counted_(slip_mpmc_told_(0, 0), 5));
	expect_empty(&q);
	cr_assert_neq(q.me, old, "it has moved");
	for (uint64_t i = 0; i < 9; i++) {
		push_to(&q, i, i + 2);
		expect_pop(&q, i);
		expect_take(&q, &t, i + 1, 1);
		slip_mpmc_ack(&q, &t);
		expect_pop(&q, i + 2);
		expect_empty(&q);
	}
	slip_mpmc_detach(&q);
	free(b.mem);
}

/* Also where the slot of position 0 is free for it, and its turn has not come. */
Test(mpmc_seat, exclusive_sides_go_on_where_they_were)
{
	goes_on_alone(1);
	goes_on_alone((UINT64_C(1) << 51) / 4 - 2);
}

Test(mpmc_seat, a_seat_that_was_left_can_be_had_when_its_hand_is_empty)
{
	struct slip_mpmc q;
	struct kept k;
	uint64_t old;

	setup_kept(&k, SLIP_CONSUMER);
	old = k.a.me;
	expect_to_move(&k);
	attach(&q, &k.b, SLIP_CONSUMER);
	cr_assert_gt(q.me, old, "not while its hand is full");
	slip_mpmc_detach(&q);
	slip_mpmc_ack(&k.b.c, &k.t);
	attach(&q, &k.b, SLIP_CONSUMER);
	cr_assert_eq(q.me, old, "the first that is free");
	slip_mpmc_detach(&q);
	teardown_kept(&k);
}

/* --- those who need not, or may not ---------------------------------------- */

Test(mpmc_seat, who_has_its_hand_free_stays)
{
	struct bench b;
	uint64_t me;

	setup(&b, 2, 8, SLIP_MPMC_WORK);
	me = b.c.me;
	expect_empty(&b.c);
	cr_assert_eq(b.c.me, me);
	teardown(&b);
}

/* `a` has something else in a slot. */
Test(mpmc_seat, who_has_a_ticket_stays_until_it_is_given_back)
{
	struct slip_mpmc_ticket t;
	struct kept k;

	memset(&k, 0, sizeof(k));
	setup(&k.b, 8, 8, SLIP_MPMC_WORK);
	attach(&k.a, &k.b, SLIP_CONSUMER);
	attach(&k.slow, &k.b, SLIP_PRODUCER);
	push_to(&k.b.p, 9, 9);
	expect_take(&k.a, &t, 9, 1);
	push_slowly(&k, 1);
	keep_in_hand(&k, 1);
	push_slowly(&k, 3);
	expect_to_stay(&k);
	cr_assert_eq(*(const uint64_t *)t.elem, 9u, "its own");
	slip_mpmc_ack(&k.a, &t);
	expect_to_move(&k);
	teardown_kept(&k);
}

Test(mpmc_seat, who_has_a_claim_stays_until_it_is_committed)
{
	struct kept k;
	uint64_t *draft;

	setup_kept(&k, SLIP_PRODUCER | SLIP_CONSUMER);
	draft = slip_mpmc_claim(&k.a);
	cr_assert(draft != NULL, "claim");
	*draft = 5;
	expect_to_stay(&k);
	cr_assert_eq(*draft, 5u, "its own");
	cr_assert(slip_mpmc_commit(&k.a), "commit");
	expect_to_move(&k);
	expect_pop(&k.a, 4);
	expect_pop(&k.a, 5);
	push_to(&k.b.p, 4, 4);
	teardown_kept(&k);
}

Test(mpmc_seat, who_finds_no_other_seat_stays_until_there_is_one)
{
	struct kept k;

	setup_kept(&k, SLIP_CONSUMER);
	take_seats(&k);
	expect_to_stay(&k);
	leave_seats(&k);
	expect_to_move(&k);
	teardown_kept(&k);
}

/* Free, but what is in its hand is kept too: no seat, and it is left alone. Who
 * took it, and got up again, would wake all who sleep, each time. */
Test(mpmc_seat, who_finds_only_a_full_hand_stays)
{
	struct slip_mpmc_ticket first;
	struct kept k;

	setup_kept(&k, SLIP_CONSUMER);
	first = k.t;
	expect_to_move(&k);
	push_rest(&k.s);
	expect_pop(&k.b.c, 4);
	push_slowly(&k, 5);
	keep_in_hand(&k, 5);
	push_slowly(&k, 3);
	take_seats(&k);
	expect_to_stay(&k);
	slip_mpmc_ack(&k.b.c, &first);
	k.t.elem = &(uint64_t){ 1 };
	expect_to_move(&k);
	leave_seats(&k);
	teardown_kept(&k);
}
