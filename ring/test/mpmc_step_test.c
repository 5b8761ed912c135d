/* SPDX-License-Identifier: MIT */
/*
 * ring/mpmc.h when somebody else does something between any two accesses of an
 * operation: each pair of operations, at each place, in many states of the ring,
 * with the exact account of what went in and came out. Chosen races, which need
 * somebody who meddles again and again, come after.
 */
#define _GNU_SOURCE
#define SLIP_PAUSE_HOOK step_test_pause
#define SLIP_MPMC_TRIES 1000u

#include <errno.h>
#include <stdio.h>

#include "../../atomics/test/step.h"
#include "../sources.h"
#include "mpmc_bench.h"

/* What happens at each turn of a spin; NULL: nothing. */
static void (*at_pause)(void);

void step_test_pause(void)
{
	if (at_pause)
		at_pause();
}

/* --- any two operations ---------------------------------------------------- */

#define VALUES 64

/* Handles of one ring. `x` is interrupted, `y` does something meanwhile; `slow`
 * have stopped half way, and `d` looks at the end. */
static struct {
	struct bench b;
	struct slip_mpmc x, y, slow[2];
	unsigned gone;	      /* bits: x, y have detached */
	uint64_t next;	      /* value to be pushed */
	bool in[VALUES];      /* values that a push has returned true for */
	unsigned out[VALUES]; /* how often each came out */
	uint32_t got;	      /* by the interrupted operation */
} w;

static void came(uint64_t value)
{
	cr_assert_lt(value, (uint64_t)VALUES, "a value that nobody pushed");
	w.out[value]++;
}

static void op_push(struct slip_mpmc *q)
{
	uint64_t v = w.next++;

	w.in[v] = slip_mpmc_push(q, &v);
}

static void op_push_n(struct slip_mpmc *q)
{
	uint64_t first = w.next;
	uint64_t v[3] = { first, first + 1, first + 2 };
	uint32_t n;

	w.next += 3;
	n = slip_mpmc_push_n(q, v, 3);
	for (uint32_t i = 0; i < n; i++)
		w.in[first + i] = true;
}

static void op_pop(struct slip_mpmc *q)
{
	uint64_t v;

	if (slip_mpmc_pop(q, &v))
		came(v);
}

static void op_pop_n(struct slip_mpmc *q)
{
	uint64_t v[3];
	uint32_t n = slip_mpmc_pop_n(q, v, 3);

	for (uint32_t i = 0; i < n; i++)
		came(v[i]);
}

static void op_take_ack(struct slip_mpmc *q)
{
	struct slip_mpmc_ticket t;
	const uint64_t *elem = slip_mpmc_take(q, &t);

	if (!elem)
		return;
	came(*elem);
	slip_mpmc_ack(q, &t);
}

/* In a plain ring: pops. */
static void op_take_nack(struct slip_mpmc *q)
{
	struct slip_mpmc_ticket t;
	const uint64_t *elem = slip_mpmc_take(q, &t);

	if (!elem || slip_mpmc_nack(q, &t) == 0)
		return;
	came(*elem);
	slip_mpmc_ack(q, &t);
}

static void op_detach(struct slip_mpmc *q)
{
	struct slip_mpmc_ticket t;
	const uint64_t *elem = slip_mpmc_take(q, &t);

	if (elem && !q->shape.work)
		came(*elem);
	slip_mpmc_detach(q);
}

static void op_attach(struct slip_mpmc *q)
{
	slip_mpmc_detach(q);
	(void)!slip_mpmc_attach(q, w.b.mem, w.b.bytes,
				SLIP_PRODUCER | SLIP_CONSUMER, NULL);
}

typedef void op_fn(struct slip_mpmc *q);

/* What is done meanwhile, in a plain ring and in a work queue. */
#define OPS 4
static op_fn *const ops[2][OPS] = {
	{ op_push, op_push_n, op_pop, op_attach },
	{ op_push, op_pop, op_take_nack, op_detach },
};

/* Those who have stopped half way. */
static struct {
	struct stopped s;
	bool pops;
} halves[2];
static unsigned halved;
static unsigned slow_roles;

static struct slip_mpmc *pusher(void)
{
	return w.x.roles & SLIP_PRODUCER ? &w.x : &w.y;
}

static struct slip_mpmc *popper(void)
{
	return w.y.roles & SLIP_CONSUMER ? &w.y : &w.x;
}

static void stopped_push(void)
{
	attach(&w.slow[halved], &w.b, slow_roles);
	push_half(&w.slow[halved], &halves[halved].s, w.next);
	w.in[w.next++] = true;
	halves[halved++].pops = false;
}

static void stopped_pop(void)
{
	attach(&w.slow[halved], &w.b, slow_roles);
	pop_half(&w.slow[halved], &halves[halved].s);
	came(halves[halved].s.value);
	halves[halved++].pops = true;
}

/* Once. */
static void go_on(unsigned i)
{
	if (halves[i].s.slot && halves[i].pops)
		pop_rest(&w.slow[i], &halves[i].s);
	else if (halves[i].s.slot)
		push_rest(&halves[i].s);
	halves[i].s.slot = NULL;
}

/* States that the ring, of capacity 2, is in before. */
static void state_empty(void)
{
}

static void state_one(void)
{
	op_push(pusher());
}

static void state_full(void)
{
	op_push(pusher());
	op_push(pusher());
}

static void state_later(void)
{
	op_push(pusher());
	op_pop(popper());
	op_push(pusher());
}

static void state_returned(void)
{
	op_push(pusher());
	op_push(pusher());
	op_take_nack(popper());
}

static void state_stopped_push(void)
{
	op_push(pusher());
	stopped_push();
}

static void state_named_push(void)
{
	stopped_push();
	op_push(pusher());
}

static void state_heard_and_late(void)
{
	stopped_push();
	op_push(pusher());
	op_pop(popper());
	go_on(0);
	op_push(pusher());
}

static void state_returned_in_hand(void)
{
	stopped_push();
	op_push(pusher());
	op_take_nack(popper());
}

static void state_two_stopped_pushes(void)
{
	stopped_push();
	stopped_push();
}

static void state_stopped_pop(void)
{
	op_push(pusher());
	op_push(pusher());
	stopped_pop();
}

static void state_full_of_pops(void)
{
	op_push(pusher());
	op_push(pusher());
	stopped_pop();
	stopped_pop();
}

static void state_void(void)
{
	op_push(pusher());
	op_push(pusher());
	stopped_pop();
	op_pop(popper());
	op_push(pusher());
	op_push(pusher());
}

static void (*const states[])(void) = {
	/* that only x and y make */
	state_empty, state_one, state_full, state_later, state_returned,
	/* with slow producers */
	state_stopped_push, state_named_push, state_heard_and_late,
	state_returned_in_hand, state_two_stopped_pushes,
	/* with slow consumers */
	state_stopped_pop, state_full_of_pops, state_void
};
enum { STATES_OF_TWO = 5, STATES_OF_PUSHES = 10, STATES_ALL = 13 };

static op_fn *op_x, *op_y;
static char where[64]; /* for messages */

static void do_x(void)
{
	op_x(&w.x);
}

static void do_y(void)
{
	op_y(&w.y);
}

static void begin(unsigned flags, unsigned roles_x, unsigned roles_y)
{
	memset(&w, 0, sizeof(w));
	halved = 0;
	flags |= SLIP_MPMC_SEATS(4) | SLIP_EVENT_FULL;
	w.b.bytes = slip_mpmc_bytes(2, 8, flags);
	w.b.mem = step.mem;
	cr_assert_eq(slip_mpmc_init(w.b.mem, w.b.bytes, 2, 8, flags), 0);
	attach(&w.x, &w.b, roles_x);
	attach(&w.y, &w.b, roles_y);
}

/* Those that had stopped go on; all that is left comes out, once; and then the
 * ring holds as much as ever. */
static void end(void)
{
	struct slip_mpmc d;
	uint64_t v;

	for (unsigned i = 0; i < halved; i++)
		go_on(i);
	slip_mpmc_detach(&w.x);
	slip_mpmc_detach(&w.y);
	for (unsigned i = 0; i < halved; i++)
		slip_mpmc_detach(&w.slow[i]);
	attach(&d, &w.b, SLIP_PRODUCER | SLIP_CONSUMER);
	while (slip_mpmc_pop(&d, &v))
		came(v);
	cr_assert_eq(d.error, 0, "poisoned");
	for (uint64_t i = 0; i < VALUES; i++)
		cr_assert_eq(w.out[i], (unsigned)w.in[i],
			     "%s: %llu in %d times, out %u times", where,
			     (unsigned long long)i, w.in[i], w.out[i]);
	for (int lap = 0; lap < 3; lap++) {
		push_to(&d, 1, 2);
		cr_assert_not(slip_mpmc_push(&d, &v), "full");
		expect_pop(&d, 1);
		expect_pop(&d, 2);
		expect_empty(&d);
	}
	slip_mpmc_detach(&d);
}

/* How many places there were. */
static unsigned long at_every_place(size_t state, size_t op, unsigned flags,
				    unsigned roles_x, unsigned roles_y)
{
	unsigned long at = 1;
	bool there = true;

	op_y = ops[flags != 0][op];
	for (; there; at++) {
		(void)snprintf(where, sizeof(where), "state %zu, op %zu, %lu",
			       state, op, at);
		begin(flags, roles_x, roles_y);
		states[state]();
		there = step_run(do_x, do_y, at);
		cr_assert_neq(w.x.error, -EBADMSG, "x is poisoned");
		cr_assert_neq(w.y.error, -EBADMSG, "y is poisoned");
		end();
	}
	return at;
}

/* `first` of x, against all of y, in so many states. */
static void against_all(op_fn *first, unsigned flags, unsigned roles_x,
			unsigned roles_y, size_t state_count)
{
	unsigned long places = 0;

	slow_roles = (SLIP_PRODUCER | SLIP_CONSUMER) &
		     ~(roles_x & SLIP_EXCLUSIVE ? roles_x : 0) &
		     ~(roles_y & SLIP_EXCLUSIVE ? roles_y : 0);
	(void)step_memory(8192);
	op_x = first;
	for (size_t y = 0; y < OPS; y++)
		for (size_t state = 0; state < state_count; state++) {
			places += at_every_place(state, y, flags, roles_x,
						 roles_y);
		}
	cr_assert_gt(places, OPS * state_count, "it was stepped");
	step_free();
}

#define BOTH (SLIP_PRODUCER | SLIP_CONSUMER)
#define PLAIN(op)                                           \
	Test(mpmc_step, op##_of_a_plain_ring)               \
	{                                                   \
		against_all(op, 0, BOTH, BOTH, STATES_ALL); \
	}
#define WORK(op)                                                         \
	Test(mpmc_step, op##_of_a_work_queue)                            \
	{                                                                \
		against_all(op, SLIP_MPMC_WORK, BOTH, BOTH, STATES_ALL); \
	}

PLAIN(op_push)
PLAIN(op_push_n)
PLAIN(op_pop)
PLAIN(op_pop_n)
PLAIN(op_attach)
WORK(op_push)
WORK(op_pop)
WORK(op_take_ack)
WORK(op_take_nack)
WORK(op_detach)

Test(mpmc_step, exclusive_push)
{
	against_all(op_push, 0, SLIP_PRODUCER | SLIP_EXCLUSIVE, SLIP_CONSUMER,
		    STATES_OF_TWO);
}

Test(mpmc_step, exclusive_pop)
{
	against_all(op_pop, 0, SLIP_CONSUMER | SLIP_EXCLUSIVE, SLIP_PRODUCER,
		    STATES_OF_PUSHES);
	against_all(op_take_ack, 0, SLIP_CONSUMER | SLIP_EXCLUSIVE,
		    SLIP_PRODUCER, STATES_OF_PUSHES);
}

Test(mpmc_step, push_before_an_exclusive_pop)
{
	against_all(op_push, 0, SLIP_PRODUCER, SLIP_CONSUMER | SLIP_EXCLUSIVE,
		    STATES_OF_PUSHES);
}

Test(mpmc_step, both_exclusive)
{
	against_all(op_push, 0, SLIP_PRODUCER | SLIP_EXCLUSIVE,
		    SLIP_CONSUMER | SLIP_EXCLUSIVE, STATES_OF_TWO);
	against_all(op_pop, 0, SLIP_CONSUMER | SLIP_EXCLUSIVE,
		    SLIP_PRODUCER | SLIP_EXCLUSIVE, STATES_OF_TWO);
}

/* --- chosen races ---------------------------------------------------------- */

/* A ring of 4 in the stepped memory, with two handles that have both roles. */
static void set_up_seats(unsigned flags, unsigned how, unsigned seats)
{
	memset(&w, 0, sizeof(w));
	flags |= SLIP_MPMC_SEATS(seats) | SLIP_EVENT_FULL;
	w.b.bytes = slip_mpmc_bytes(4, 8, flags);
	w.b.mem = step_memory(w.b.bytes);
	cr_assert_eq(slip_mpmc_init(w.b.mem, w.b.bytes, 4, 8, flags), 0);
	attach(&w.x, &w.b, BOTH | how);
	w.x.patience = 1;
	if (seats == 1 || how)
		return;
	attach(&w.y, &w.b, BOTH);
	w.y.patience = 1;
}

static void set_up(unsigned flags)
{
	set_up_seats(flags, 0, 4);
}

static void tear_down(void)
{
	at_pause = NULL;
	step_free();
}

#define LAP (4 * SLIP_MPMC_ONE) /* where positions begin */

static slip_a64 *word_at(uint64_t i)
{
	return slip_mpmc_slot_(&w.x, i * SLIP_MPMC_ONE, 8);
}

static struct stopped half;
static struct slip_mpmc heir;

static void half_goes_on(void)
{
	at_pause = NULL;
	push_rest(&half);
}

Test(mpmc_race, who_comes_to_writing_while_one_looks_is_popped_from_the_slot)
{
	set_up(0);
	push_half(&w.y, &half, 5);
	slip_mpmc_name_run_(&w.x, slip_a64_load_relaxed(&ring_of(&w.b)->tail),
			    0);
	at_pause = half_goes_on;
	expect_pop(&w.x, 5);
	cr_assert(!at_pause, "it was looked at");
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(&w.b)->heard), LAP,
		     "not heard");
	tear_down();
}

static void half_gives(void)
{
	at_pause = NULL;
	pop_rest(&w.y, &half);
}

Test(mpmc_race, who_comes_to_giving_back_while_one_looks_makes_no_void)
{
	uint64_t x;

	set_up(0);
	push_to(&w.x, 1, 4);
	pop_half(&w.y, &half);
	expect_pop(&w.x, 2); /* names it */
	at_pause = half_gives;
	push_to(&w.x, 5, 6);
	cr_assert(!at_pause, "it was looked at");
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(&w.b)->voids), LAP, "none");
	for (x = 3; x <= 6; x++)
		expect_pop(&w.x, x);
	tear_down();
}

/* Who was killed between marking a void and declaring it has marked too much:
 * a claim that nobody has named looks as if it could be void. */
Test(mpmc_race, a_claim_below_the_mark_of_voids_is_named_and_heard)
{
	set_up(0);
	push_half(&w.y, &half, 5);
	slip_mpmc_mark_(&ring_of(&w.b)->voids, half.at);
	expect_pop(&w.x, 5);
	push_rest(&half);
	tear_down();
}

static uint64_t popped;
static bool did_pop;

static void x_pops(void)
{
	did_pop = slip_mpmc_pop(&w.x, &popped);
}

Test(mpmc_race, a_claim_below_the_mark_that_is_committed_meanwhile_is_popped)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(0);
		push_half(&w.y, &half, 5);
		slip_mpmc_mark_(&ring_of(&w.b)->voids, half.at);
		there = step_run(x_pops, half_goes_on, at);
		if (!there)
			half_goes_on();
		cr_assert(did_pop && popped == 5, "at %lu", at);
		tear_down();
	}
}

static void half_goes_on_and_pushes(void)
{
	half_goes_on();
	push_to(&w.y, 6, 6);
}

/* Its seat says 6 before the one who hears it is done. */
Test(mpmc_race, what_is_heard_is_not_of_a_later_push)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(0);
		push_half(&w.y, &half, 5);
		slip_mpmc_name_run_(
			&w.x, slip_a64_load_relaxed(&ring_of(&w.b)->tail), 0);
		there = step_run(x_pops, half_goes_on_and_pushes, at);
		if (!there)
			half_goes_on_and_pushes();
		cr_assert(did_pop && popped == 5, "%llu at %lu",
			  (unsigned long long)popped, at);
		expect_pop(&w.x, 6);
		expect_empty(&w.x);
		tear_down();
	}
}

/* What the last holder of a seat meant to claim, and did not, would end where
 * the heir's claim does. */
Test(mpmc_race, an_heir_is_not_taken_at_its_forerunners_word)
{
	struct slip_mpmc slow;

	set_up(0);
	attach(&slow, &w.b, SLIP_PRODUCER);
	slip_mpmc_intend_(&slow, 0, LAP | 3);
	slip_mpmc_intend_(&slow, SLIP_MPMC_FULL, LAP | 3);
	slip_mpmc_detach(&slow);
	push_to(&w.x, 1, 2);
	attach(&slow, &w.b, SLIP_PRODUCER);
	push_half(&slow, &half, 3);
	push_to(&w.x, 4, 4);
	for (uint64_t i = 1; i <= 4; i++)
		expect_pop(&w.x, i);
	tear_down();
}

static struct slip_mpmc_ticket given;
static bool returned_unseen, returned_seen;

static void x_nacks(void)
{
	(void)slip_mpmc_nack(&w.x, &given);
}

/* If it is there, it is found. */
static void y_looks(void)
{
	struct slip_mpmc_ticket t;
	uint64_t word = slip_a64_load_relaxed(word_at(0));

	if (!slip_mpmc_take(&w.y, &t))
		returned_unseen |=
			(word & SLIP_MPMC_SEAT_MASK) == SLIP_MPMC_RETURNED;
	else
		returned_seen = true;
}

Test(mpmc_race, what_was_returned_is_found_before_its_giver_is_done)
{
	unsigned early = 0;
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(SLIP_MPMC_WORK);
		push_to(&w.x, 1, 1);
		cr_assert(slip_mpmc_take(&w.x, &given), "take");
		returned_seen = false;
		there = step_run(x_nacks, y_looks, at);
		cr_assert_not(returned_unseen, "at %lu", at);
		early += returned_seen;
		if (!returned_seen)
			expect_pop(&w.y, 1);
		tear_down();
	}
	cr_assert_gt(early, 0u, "there was such a moment");
}

/* Whose guess of an index is right but for one who has been there since. */
Test(mpmc_race, an_index_that_another_has_moved_is_not_moved_back)
{
	struct stopped pop, push;

	set_up(0);
	for (uint64_t i = 0; i < 8; i++) {
		push_to(&w.x, i, i);
		expect_pop(&w.x, i);
	}
	push_to(&w.x, 1, 2);
	pop_half(&w.y, &pop);
	cr_assert_eq(pop.value, 1u);
	expect_pop(&w.x, 2);
	push_half(&w.y, &push, 3);
	push_to(&w.x, 4, 4);
	expect_pop(&w.x, 3);
	expect_pop(&w.x, 4);
	pop_rest(&w.y, &pop);
	push_rest(&push);
	push_to(&w.x, 1, 4);
	for (uint64_t i = 1; i <= 4; i++)
		expect_pop(&w.x, i);
	tear_down();
}

/* A hand is about the position that it names, and no other. */
Test(mpmc_race, a_full_hand_does_not_speak_for_the_next_pop)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc d;

	set_up(SLIP_MPMC_WORK);
	attach(&d, &w.b, SLIP_CONSUMER);
	push_half(&w.y, &half, 5);
	push_to(&w.x, 6, 8);
	cr_assert(slip_mpmc_take(&d, &t) && slip_mpmc_in_hand_(&d, t.word));
	push_rest(&half);
	pop_half(&d, &half);
	cr_assert_eq(half.value, 6u);
	expect_pop(&w.x, 7);
	cr_assert_eq(slip_a64_load_relaxed(half.slot),
		     half.at | SLIP_MPMC_FULL | d.me, "named in its slot");
	cr_assert_not(slip_mpmc_name_hand_(&w.x, half.at), "nobody's");
	tear_down();
}

static struct slip_mpmc borrower;
static struct slip_mpmc_ticket lent;

static void borrower_acks(void)
{
	slip_mpmc_ack(&borrower, &lent);
}

static void x_takes(void)
{
	did_pop = slip_mpmc_take(&w.x, &given) != NULL;
}

/* What one returned in its hand another keeps there, until just when the first
 * needs it for the next; there is no other seat. */
Test(mpmc_race, a_hand_that_is_given_back_while_one_needs_it)
{
	unsigned early = 0;
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		struct stopped second;
		struct slip_mpmc slow;

		set_up(SLIP_MPMC_WORK);
		attach(&borrower, &w.b, SLIP_CONSUMER);
		attach(&slow, &w.b, SLIP_PRODUCER);
		push_half(&w.y, &half, 5);
		push_half(&slow, &second, 6);
		push_to(&w.x, 7, 7);
		x_takes();
		cr_assert(did_pop && slip_mpmc_nack(&w.x, &given) == 0);
		cr_assert(slip_mpmc_take(&borrower, &lent));
		there = step_run(x_takes, borrower_acks, at);
		if (!there)
			borrower_acks();
		early += did_pop;
		if (!did_pop)
			x_takes();
		cr_assert(did_pop && *(const uint64_t *)given.elem == 6);
		tear_down();
	}
	cr_assert_gt(early, 0u, "there was such a moment");
}

/* --- a look, without a try --------------------------------------------------- */

static int seen;

static void x_looks_to_pop(void)
{
	seen = slip_mpmc_pop_look_(&w.x);
}

static void y_pops(void)
{
	expect_pop(&w.y, 1);
}

Test(mpmc_race, a_look_at_a_ring_that_another_pops_from)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(0);
		push_to(&w.x, 1, 2);
		there = step_run(x_looks_to_pop, y_pops, at);
		cr_assert_eq(seen, 1, "one is left, at %lu", at);
		tear_down();
	}
}

static void x_looks_to_push(void)
{
	seen = slip_mpmc_push_look_(&w.x);
}

static void y_goes_round(void)
{
	push_to(&w.y, 1, 4);
	for (uint64_t i = 1; i <= 4; i++)
		expect_pop(&w.y, i);
}

Test(mpmc_race, a_look_at_a_ring_in_which_another_goes_round)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(0);
		there = step_run(x_looks_to_push, y_goes_round, at);
		cr_assert_neq(seen, 0, "there is room, at %lu", at);
		tear_down();
	}
}

/* A slot says that it was popped, and head that it was not. */
Test(mpmc_race, a_look_at_a_ring_that_cannot_be_leaves_it_to_a_try)
{
	uint64_t x;

	set_up(0);
	slip_a64_store_relaxed(word_at(0), 2 * LAP); /* init: damage */
	x_looks_to_pop();
	cr_assert_gt(seen, 1);
	cr_assert_not(slip_mpmc_pop(&w.x, &x));
	cr_assert_eq(w.x.error, -EBADMSG);
	tear_down();
}

/* The next element is to be heard, into a hand that is full. */
Test(mpmc_race, a_look_with_a_full_hand_leaves_it_to_a_try)
{
	struct stopped second;
	struct slip_mpmc slow;

	set_up(0);
	attach(&slow, &w.b, SLIP_PRODUCER);
	push_half(&w.y, &half, 5);
	push_half(&slow, &second, 6);
	push_to(&w.x, 7, 7);
	x_takes();
	cr_assert(did_pop && slip_mpmc_in_hand_(&w.x, given.word));
	x_looks_to_pop();
	cr_assert_gt(seen, 1);
	slip_mpmc_ack(&w.x, &given);
	x_looks_to_pop();
	cr_assert_eq(seen, 1);
	tear_down();
}

/* Elements whose last word is a part of one. */
Test(mpmc_race, elements_of_any_size_are_heard)
{
	static const uint32_t sizes[] = { 1, 7, 9, 12, 23, 31, 57, 1000 };

	for (size_t i = 0; i < 8; i++) {
		unsigned char in[1000], out[1008];
		struct slip_mpmc slow;
		struct bench b;
		uint64_t at;

		setup(&b, 4, sizes[i], 0);
		attach(&slow, &b, SLIP_PRODUCER);
		fill(in, sizes[i], i);
		slip_mpmc_announce_(&slow, 0, in, sizes[i]);
		cr_assert(slip_mpmc_take_place_(&slow, &at, sizes[i]) != NULL);
		cr_assert(slip_mpmc_push(&b.p, in), "names it");
		memset(out, 0x5a, sizeof(out));
		cr_assert(slip_mpmc_pop(&b.c, out), "hears it");
		cr_assert(filled(out, sizes[i], i), "%u B", sizes[i]);
		for (int k = 0; k < 8; k++)
			cr_assert_eq(out[sizes[i] + (size_t)k], 0x5a);
		slip_mpmc_detach(&slow);
		teardown(&b);
	}
}

Test(mpmc_race, a_poisoned_handle_claims_nothing)
{
	slip_a64 *slot;
	uint64_t at;

	set_up(0);
	push_to(&w.y, 1, 1);
	slip_mpmc_poison_(&w.x);
	cr_assert(slip_mpmc_claim_shared_(&w.x, &at, 8) == NULL);
	cr_assert_eq(slip_mpmc_push_slow_(&w.x, LAP, word_at(0), LAP, 8),
		     SLIP_MPMC_NO_);
	cr_assert_eq(slip_mpmc_pop_shared_(&w.x, &at, &slot, &popped, false, 8),
		     SLIP_MPMC_NO_);
	expect_pop(&w.y, 1);
	tear_down();
}

/* --- full, and slow hands -------------------------------------------------- */

static void x_finds_it_full(void)
{
	uint64_t x = 9;

	cr_assert_not(slip_mpmc_push(&w.x, &x), "full");
}

static void nothing(void)
{
}

/* How often a push of x looks before it says that the ring is full. */
static unsigned long looks_until_full(void)
{
	(void)step_run(x_finds_it_full, nothing, 0);
	return step.seen;
}

/* Of a slot that is committed a lap before nobody needs to ask who pops it, if
 * nothing from there on is void: also where something was. */
Test(mpmc_race, full_is_told_by_the_slot_alone)
{
	unsigned long plain, after;

	set_up(0);
	push_to(&w.x, 1, 4);
	plain = looks_until_full();
	tear_down();
	set_up(0);
	push_to(&w.x, 1, 4);
	pop_half(&w.y, &half);
	for (uint64_t i = 2; i <= 4; i++)
		expect_pop(&w.x, i);
	push_to(&w.x, 5, 7);
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(&w.b)->voids),
		     LAP + 5 * SLIP_MPMC_ONE, "a void");
	pop_rest(&w.y, &half);
	for (uint64_t i = 5; i <= 7; i++)
		expect_pop(&w.x, i);
	push_to(&w.x, 1, 4);
	after = looks_until_full();
	/* The seat; the slot; tail, the slot; heard, voided: and not head. */
	cr_assert_eq(plain, 6u, "%lu looks", plain);
	cr_assert_eq(after, plain, "%lu looks, not %lu", after, plain);
	tear_down();
}

/* What is committed a lap before may have been popped by the last one, who is
 * reading still; if all that follows is void, nobody but us goes past it. */
Test(mpmc_race, full_is_not_said_before_voids)
{
	struct stopped reads[4];
	uint64_t x = 9;

	set_up_seats(0, 0, 5);
	attach(&w.slow[0], &w.b, SLIP_CONSUMER);
	attach(&w.slow[1], &w.b, SLIP_CONSUMER);
	attach(&heir, &w.b, SLIP_CONSUMER);
	push_to(&w.x, 1, 4);
	expect_pop(&w.x, 1);
	pop_half(&w.y, &reads[0]);
	pop_half(&w.slow[0], &reads[1]);
	pop_half(&w.slow[1], &reads[2]);
	push_to(&w.x, 5, 5);
	cr_assert_not(slip_mpmc_push(&w.x, &x), "full");
	pop_half(&heir, &reads[3]);
	cr_assert_eq(reads[3].value, 5u);
	cr_assert_not(slip_mpmc_push(&w.x, &x), "full of those who read");
	pop_rest(&w.y, &reads[0]);
	push_to(&w.x, 6, 6);
	expect_pop(&w.x, 6);
	pop_rest(&w.slow[0], &reads[1]);
	pop_rest(&w.slow[1], &reads[2]);
	pop_rest(&heir, &reads[3]);
	push_to(&w.x, 1, 4);
	tear_down();
}

/* That there is none behind head says one who looks at head; it may be late. */
Test(mpmc_race, full_is_not_said_of_a_head_that_has_moved)
{
	uint64_t head;

	set_up(0);
	push_to(&w.x, 1, 2);
	head = slip_a64_load_relaxed(&ring_of(&w.b)->head);
	slip_mpmc_mark_(&ring_of(&w.b)->voided, head);
	cr_assert_eq(slip_mpmc_full_(&w.x, head, 8), SLIP_MPMC_NO_, "it is");
	expect_pop(&w.y, 1);
	cr_assert_eq(slip_mpmc_full_(&w.x, head, 8), SLIP_MPMC_AGAIN_,
		     "it was");
	cr_assert_eq(w.x.error, 0);
	expect_pop(&w.y, 2);
	tear_down();
}

static unsigned pauses;

static void one_pause(void)
{
	pauses++;
}

/* Who is stopped in a slot is met in each lap, and waited for in one. */
Test(mpmc_race, a_slow_hand_is_lingered_at_once)
{
	set_up(0);
	push_to(&w.x, 1, 4);
	pop_half(&w.y, &half);
	for (uint64_t i = 2; i <= 4; i++)
		expect_pop(&w.x, i); /* names it */
	w.x.patience = 7;
	pauses = 0;
	at_pause = one_pause;
	for (uint64_t lap = 0; lap < 9; lap++) {
		push_to(&w.x, 1, 3);
		for (uint64_t i = 1; i <= 3; i++)
			expect_pop(&w.x, i);
	}
	cr_assert_eq(pauses, 7u, "%u pauses", pauses);
	at_pause = NULL;
	/* It has done with that, and is slow again: another word. */
	pop_rest(&w.y, &half);
	push_to(&w.x, 1, 4);
	pop_half(&w.y, &half);
	for (uint64_t i = 2; i <= 4; i++)
		expect_pop(&w.x, i);
	pauses = 0;
	at_pause = one_pause;
	push_to(&w.x, 1, 3);
	cr_assert_eq(pauses, 7u, "%u pauses", pauses);
	tear_down();
}

/* --- those who are late ---------------------------------------------------- */

static uint64_t word_of_dead;

/* Let the seat of `y` be that of a member, who has died. */
static void y_dies(void)
{
	word_of_dead = slip_role_held_(5, 7) | UINT64_C(3)
						       << SLIP_MPMC_ROLES_SHIFT;
	slip_a64_store_relaxed(&w.y.seat->word, word_of_dead);
}

static struct slip_mpmc_ticket heirs;

static void x_recovers(void)
{
	slip_mpmc_recover_seat_(&w.x, w.y.me, word_of_dead);
}

/* Another recoverer is faster, and the seat is another's at once. */
static void heir_sits_and_claims(void)
{
	slip_mpmc_recover_seat_(&w.slow[0], w.y.me, word_of_dead);
	attach(&heir, &w.b, BOTH);
	push_to(&heir, 3, 3);
	pop_half(&heir, &half);
}

/* The dead one (y) had popped 1; the heir of its seat has popped 2, and is in
 * the middle of reading when the first recoverer goes on. */
Test(mpmc_race, a_late_recoverer_does_not_free_the_slots_of_an_heir)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		struct stopped dead;
		uint64_t x = 9;

		set_up(0);
		attach(&w.slow[0], &w.b, BOTH);
		push_to(&w.x, 1, 2);
		pop_half(&w.y, &dead);
		y_dies();
		there = step_run(x_recovers, heir_sits_and_claims, at);
		if (!there)
			heir_sits_and_claims();
		cr_assert_eq(half.value, 2u);
		expect_pop(&w.x, 3);
		for (uint64_t i = 0; i < 20; i++) {
			push_to(&w.x, i, i);
			expect_pop(&w.x, i);
		}
		memcpy(&x, half.slot + 1, 8);
		cr_assert_eq(x, 2u, "at %lu: it still reads", at);
		cr_assert_eq(slip_a64_load_relaxed(half.slot),
			     half.at | SLIP_MPMC_FULL | heir.me, "at %lu", at);
		pop_rest(&heir, &half);
		push_to(&w.x, 1, 4);
		tear_down();
	}
}

/* The heir has something in hand. */
static void heir_sits_and_takes(void)
{
	slip_mpmc_recover_seat_(&w.slow[0], w.y.me, word_of_dead);
	attach(&heir, &w.b, BOTH);
	cr_assert(slip_mpmc_take(&heir, &heirs), "take");
}

Test(mpmc_race, a_late_recoverer_does_not_empty_the_hand_of_an_heir)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(SLIP_MPMC_WORK);
		attach(&w.slow[0], &w.b, BOTH);
		push_half(&w.slow[0], &half, 1);
		push_to(&w.x, 2, 2);
		y_dies();
		there = step_run(x_recovers, heir_sits_and_takes, at);
		if (!there)
			heir_sits_and_takes();
		cr_assert(slip_mpmc_in_hand_(&heir, heirs.word));
		cr_assert(slip_mpmc_ours_(&heir, &heirs), "at %lu", at);
		cr_assert_eq(*(const uint64_t *)heirs.elem, 1u);
		slip_mpmc_ack(&heir, &heirs);
		expect_pop(&w.x, 2);
		expect_empty(&w.x);
		tear_down();
	}
}

/* The heir has taken again what the dead one had taken again. */
static void heir_sits_and_retakes(void)
{
	slip_mpmc_recover_seat_(&w.slow[0], w.y.me, word_of_dead);
	attach(&heir, &w.b, BOTH);
	cr_assert(slip_mpmc_take(&heir, &heirs), "retake");
	cr_assert_eq(heirs.attempts, 3u);
}

static void late_for_a_retaken_one(bool hand)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		struct slip_mpmc_ticket t;

		set_up(SLIP_MPMC_WORK);
		attach(&w.slow[0], &w.b, BOTH);
		if (hand)
			push_half(&w.slow[0], &half, 1);
		push_to(&w.x, 1 + hand, 2);
		cr_assert(slip_mpmc_take(&w.x, &t), "take");
		cr_assert_eq(slip_mpmc_nack(&w.x, &t), 0);
		cr_assert(slip_mpmc_take(&w.y, &t), "the dead one");
		cr_assert_eq(t.attempts, 2u);
		y_dies();
		there = step_run(x_recovers, heir_sits_and_retakes, at);
		if (!there)
			heir_sits_and_retakes();
		cr_assert(slip_mpmc_ours_(&heir, &heirs), "at %lu", at);
		cr_assert_eq(*(const uint64_t *)heirs.elem, 1u);
		expect_pop(&w.x, 2);
		expect_empty(&w.x);
		slip_mpmc_ack(&heir, &heirs);
		expect_empty(&w.x);
		tear_down();
	}
}

Test(mpmc_race, a_late_recoverer_does_not_return_what_an_heir_has_taken_again)
{
	late_for_a_retaken_one(false);
	late_for_a_retaken_one(true);
}

static struct slip_mpmc_ticket found;

static void one_looks_for_it(void)
{
	bool there = (slip_a64_load_relaxed(word_at(0)) &
		      SLIP_MPMC_SEAT_MASK) == SLIP_MPMC_RETURNED;

	if (!found.word)
		cr_assert(slip_mpmc_take(&w.slow[0], &found) || !there,
			  "returned and overlooked");
}

/* One that was late, for somebody who sat there before, was killed after it had
 * said that it was about to return what that one had. */
Test(mpmc_race, what_a_late_recoverer_has_left_hides_nothing)
{
	set_up(SLIP_MPMC_WORK);
	attach(&w.slow[0], &w.b, BOTH);
	push_to(&w.x, 1, 1);
	cr_assert(slip_mpmc_take(&w.y, &heirs), "take");
	y_dies();
	slip_a64_store_relaxed(&w.y.seat->giving,
			       slip_mpmc_dead_(slip_role_held_(4, 9)));
	memset(&found, 0, sizeof(found));
	(void)step_run(x_recovers, one_looks_for_it, 0);
	cr_assert(found.word, "it is found");
	tear_down();
}

/* The recoverer has not come to the slot, or has died before. */
Test(mpmc_race, a_push_frees_the_slot_of_one_that_is_known_to_be_dead)
{
	set_up(0);
	push_to(&w.x, 1, 4);
	pop_half(&w.y, &half);
	expect_pop(&w.x, 2);
	slip_a64_store_relaxed(&w.y.seat->word,
			       slip_mpmc_dead_(slip_role_held_(5, 7)));
	push_to(&w.x, 5, 6);
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(&w.b)->voids), LAP,
		     "no void");
	for (uint64_t i = 3; i <= 6; i++)
		expect_pop(&w.x, i);
	tear_down();
}

static struct slip_mpmc fifth;
static int came_with;

static void fifth_comes(void)
{
	came_with = slip_mpmc_attach(&fifth, w.b.mem, w.b.bytes, BOTH, NULL);
}

static void y_leaves(void)
{
	slip_mpmc_detach(&w.y);
}

Test(mpmc_race, a_seat_that_is_left_while_one_looks_for_it_may_be_had)
{
	unsigned had = 0;
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up(0);
		attach(&w.slow[0], &w.b, BOTH);
		attach(&w.slow[1], &w.b, BOTH);
		there = step_run(fifth_comes, y_leaves, at);
		cr_assert(came_with == 0 || came_with == -EUSERS);
		had += came_with == 0;
		if (came_with == 0)
			expect_empty(&fifth);
		tear_down();
	}
	cr_assert_gt(had, 4u, "it was had, in the second look too");
}

static unsigned long first_look;

/* Which of two seats is held, before each access: in two rounds a swap of each
 * and then a look at both; then the first. */
static void another_goes_to_and_fro(void)
{
	static const char held[] = "112211112211";
	unsigned long at = step.seen - first_look;

	if (step.seen < first_look || at >= sizeof(held) - 1)
		return;
	for (uint64_t s = 1; s <= 2; s++)
		slip_a64_store_relaxed(
			&slip_mpmc_seat_(ring_of(&w.b), &w.x.shape, s)->word,
			held[at] == '0' + (char)s ? w.x.who : 0);
}

/* One of two seats is free all the time, and never the one looked at. */
Test(mpmc_race, a_seat_is_found_though_another_goes_from_one_to_the_next)
{
	for (first_look = 1; first_look <= 12; first_look++) {
		set_up_seats(0, 0, 2);
		(void)step_run(fifth_comes, another_goes_to_and_fro, 0);
		cr_assert_eq(came_with, 0, "at %lu: %d", first_look, came_with);
		tear_down();
	}
}

/* What y has returned in its hand slow[1] keeps, and y is gone. */
static void y_leaves_its_hand(void)
{
	struct slip_mpmc_ticket t;

	cr_assert(slip_mpmc_take(&w.y, &t), "hears it");
	push_rest(&half);
	cr_assert_eq(slip_mpmc_nack(&w.y, &t), 0);
	cr_assert(slip_mpmc_take(&w.slow[1], &given), "keeps it");
	slip_mpmc_detach(&w.y);
}

Test(mpmc_race, nobody_sits_down_on_a_hand_that_was_filled_while_one_looked)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up_seats(SLIP_MPMC_WORK, 0, 5);
		attach(&w.slow[0], &w.b, SLIP_PRODUCER);
		attach(&w.slow[1], &w.b, SLIP_CONSUMER);
		push_half(&w.slow[0], &half, 1);
		push_to(&w.x, 2, 2); /* names it */
		there = step_run(fifth_comes, y_leaves_its_hand, at);
		if (!there)
			y_leaves_its_hand();
		cr_assert_eq(came_with, 0, "at %lu: %d", at, came_with);
		cr_assert_eq(fifth.me, 5u, "at %lu: %llu", at,
			     (unsigned long long)fifth.me);
		cr_assert_eq(*(const uint64_t *)given.elem, 1u);
		cr_assert(slip_mpmc_ours_(&w.slow[1], &given), "at %lu", at);
		slip_mpmc_ack(&w.slow[1], &given);
		expect_pop(&fifth, 2);
		expect_empty(&fifth);
		tear_down();
	}
}

static struct slip_mpmc_ticket kept;

/* The hand is emptied, another sits there, claims, dies, and is found dead. */
static void heir_sits_claims_and_dies(void)
{
	slip_mpmc_ack(&w.x, &kept);
	if (slip_mpmc_attach(&heir, w.b.mem, w.b.bytes, BOTH, NULL))
		return;
	push_half(&heir, &half, 3);
	slip_a64_store_relaxed(&heir.seat->word, slip_mpmc_dead_(heir.who));
}

/* Who passed over a seat, as its hand was full, recovers one who died there. */
Test(mpmc_race, a_seat_that_was_passed_over_is_not_ours)
{
	unsigned had = 0;
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		struct slip_mpmc_ticket t;

		set_up(SLIP_MPMC_WORK);
		attach(&w.slow[0], &w.b, BOTH);
		attach(&w.slow[1], &w.b, BOTH);
		push_half(&w.slow[0], &half, 1);
		push_to(&w.x, 2, 2);
		cr_assert(slip_mpmc_take(&w.y, &t), "into the hand");
		cr_assert_eq(slip_mpmc_nack(&w.y, &t), 0);
		cr_assert(slip_mpmc_take(&w.x, &kept), "out of that hand");
		expect_pop(&w.x, 2);
		slip_mpmc_detach(&w.y);
		memset(&heir, 0, sizeof(heir));
		there = step_run(fifth_comes, heir_sits_claims_and_dies, at);
		if (heir.ring && heir.error == 0) {
			push_to(&w.x, 4, 4);
			expect_pop(&w.x, 3);
			expect_pop(&w.x, 4);
			had++;
		}
		tear_down();
	}
	cr_assert_gt(had, 4u, "it was heard");
}

static void sixth_comes_to_be_alone(void)
{
	came_with = slip_mpmc_attach(&fifth, w.b.mem, w.b.bytes,
				     BOTH | SLIP_EXCLUSIVE, NULL);
}

static void y_goes_on_from_another_seat(void)
{
	cr_assert(slip_mpmc_change_seat_(&w.y));
}

/* The seats before that of `y` become free, of which the newcomer has the first
 * and `y`, if it is still free, the second. */
Test(mpmc_race, who_changes_the_seat_is_not_missed_in_both)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		set_up_seats(SLIP_MPMC_WORK, 0, 5);
		attach(&w.slow[0], &w.b, BOTH);
		slip_mpmc_detach(&w.y);
		attach(&w.slow[1], &w.b, BOTH);
		attach(&w.y, &w.b, BOTH);
		cr_assert_eq(w.y.me, 4u);
		slip_mpmc_detach(&w.x);
		slip_mpmc_detach(&w.slow[0]);
		slip_mpmc_detach(&w.slow[1]);
		there = step_run(sixth_comes_to_be_alone,
				 y_goes_on_from_another_seat, at);
		cr_assert_eq(came_with, -EBUSY, "at %lu", at);
		cr_assert(!there || w.y.me != 4u);
		tear_down();
	}
}

/* --- a change of seat ------------------------------------------------------ */

static struct slip_mpmc_ticket keepers;

/* In the hand of slow[0], which has both roles, stands an element that slow[1]
 * keeps; two seats before it are free, and the ring is empty. */
static void set_up_kept(unsigned seats)
{
	struct slip_mpmc_ticket t;

	set_up_seats(SLIP_MPMC_WORK, 0, seats);
	attach(&w.slow[0], &w.b, BOTH);
	attach(&w.slow[1], &w.b, SLIP_CONSUMER);
	push_half(&w.y, &half, 1);
	push_to(&w.x, 2, 2); /* names it */
	cr_assert(slip_mpmc_take(&w.slow[0], &t), "hears it");
	push_rest(&half);
	cr_assert_eq(slip_mpmc_nack(&w.slow[0], &t), 0);
	cr_assert(slip_mpmc_take(&w.slow[1], &keepers), "keeps it");
	expect_pop(&w.slow[1], 2);
	slip_mpmc_detach(&w.x);
	slip_mpmc_detach(&w.y);
}

static void moves(void)
{
	struct slip_mpmc_ticket t;

	cr_assert(!slip_mpmc_take(&w.slow[0], &t), "empty");
}

static bool seems_gone;

static void asks_for_producers(void)
{
	seems_gone = slip_mpmc_gone(&w.slow[1], SLIP_PRODUCER);
}

/* `operation` and `meanwhile` at every place, until there is none. */
static unsigned long beside_a_move(void (*operation)(void),
				   void (*meanwhile)(void), unsigned long at)
{
	uint64_t before;
	bool there;

	set_up_kept(5);
	before = w.slow[0].me;
	there = step_run(operation, meanwhile, at);
	if (!there)
		meanwhile();
	cr_assert_lt(w.slow[0].me, before, "at %lu: it has moved", at);
	return there;
}

/* The only producer moves while one asks for it, or one asks while it does. */
Test(mpmc_race, who_changes_its_seat_is_not_gone)
{
	for (unsigned long at = 1; beside_a_move(asks_for_producers, moves, at);
	     at++) {
		cr_assert_not(seems_gone, "at %lu", at);
		tear_down();
	}
	tear_down();
	for (unsigned long at = 1; beside_a_move(moves, asks_for_producers, at);
	     at++) {
		cr_assert_not(seems_gone, "at %lu", at);
		tear_down();
	}
	tear_down();
}

static struct slip_mpmc_ticket taken;

static void slow_takes(void)
{
	(void)!slip_mpmc_take(&w.slow[0], &taken);
}

/* The only seat that seemed free has a full hand by the time one sits there. */
Test(mpmc_race, who_has_to_get_up_again_is_back_in_its_own_seat)
{
	bool there = true;

	for (unsigned long at = 1; there; at++) {
		struct slip_mpmc *q = &w.slow[0];

		set_up_kept(5);
		attach(&w.x, &w.b, SLIP_PRODUCER);
		attach(&w.y, &w.b, SLIP_CONSUMER);
		attach(&fifth, &w.b, SLIP_PRODUCER);
		push_half(&fifth, &half, 1);
		push_to(&w.x, 2, 2); /* names it */
		there = step_run(slow_takes, y_leaves_its_hand, at);
		if (!there)
			y_leaves_its_hand();
		cr_assert_eq(q->me, 3u, "at %lu", at);
		cr_assert(q->seat == slip_mpmc_seat_(q->ring, &q->shape, 3));
		cr_assert_eq(slip_a64_load_relaxed(&q->seat->word), q->who);
		if (taken.elem)
			slip_mpmc_ack(q, &taken);
		else
			expect_pop(q, 2);
		cr_assert_eq(q->held, 0u);
		expect_empty(q);
		tear_down();
	}
}

/* --- those who are never left in peace ------------------------------------- */

static unsigned turns;

/* The slot at tail, or head, is in another hand at each look. */
static void another_hand(void)
{
	slip_a64 *word = word_at(0);

	turns++;
	slip_a64_store_relaxed(word, slip_a64_load_relaxed(word) ^ 3);
}

/* Position 0 named by seat 1 or 2 by turns. */
static void restless_pop(unsigned how)
{
	uint64_t x;

	turns = 0;
	set_up_seats(0, how, 4);
	slip_a64_store_relaxed(word_at(0), LAP | 1);
	slip_a64_store_relaxed(&ring_of(&w.b)->tail, LAP + SLIP_MPMC_ONE);
	at_pause = another_hand;
	cr_assert_not(slip_mpmc_pop(&w.x, &x), "told empty");
	cr_assert_eq(turns, SLIP_MPMC_TRIES);
	tear_down();
}

Test(mpmc_race, a_pop_comes_back_from_a_slot_that_never_rests)
{
	restless_pop(0);
	restless_pop(SLIP_EXCLUSIVE);
}

/* Position 0 of last lap, taken by seat 1 or 2 by turns. */
static void restless_push(unsigned how, uint32_t n)
{
	uint64_t x[3] = { 0 };

	turns = 0;
	set_up_seats(0, how, 4);
	slip_a64_store_relaxed(word_at(0), SLIP_MPMC_FULL | 1);
	slip_a64_store_relaxed(&ring_of(&w.b)->heard, LAP);
	at_pause = another_hand;
	cr_assert_eq(slip_mpmc_push_n(&w.x, x, n), 0u, "told full");
	cr_assert_eq(turns, SLIP_MPMC_TRIES);
	if (n == 1)
		cr_assert_not(slip_mpmc_push(&w.x, x), "told full");
	tear_down();
}

Test(mpmc_race, a_push_comes_back_from_a_slot_that_never_rests)
{
	restless_push(0, 1);
	restless_push(0, 3);
	restless_push(SLIP_EXCLUSIVE, 1);
}

/* Tail is of one position or the next by turns, and neither is written. */
static void another_tail(void)
{
	slip_a64_store_relaxed(word_at(0), LAP);
	slip_a64_store_relaxed(word_at(1), LAP + SLIP_MPMC_ONE);
	slip_a64_store_relaxed(&ring_of(&w.b)->tail,
			       (LAP + (1 + turns++ % 2) * SLIP_MPMC_ONE) |
				       w.y.me);
}

Test(mpmc_race, who_cannot_move_an_index_gives_up)
{
	set_up(0);
	turns = 0;
	another_tail();
	at_pause = another_tail;
	slip_mpmc_untie_(&w.x, &ring_of(&w.b)->tail, 0, w.y.me);
	cr_assert_geq(turns, SLIP_MPMC_TRIES);
	turns = 0;
	another_tail();
	slip_mpmc_catch_up_(&w.x, true);
	cr_assert_geq(turns, SLIP_MPMC_TRIES);
	tear_down();
}

/* A word of the header changes before each access. */
static slip_a64 *restless;

static void it_changes(void)
{
	turns++;
	slip_a64_fetch_add_relaxed(restless, UINT64_MAX << 6);
}

static void x_marks(void)
{
	slip_mpmc_mark_(restless, LAP);
}

static void x_returns(void)
{
	slip_mpmc_returning_(&w.x);
}

static void x_enrols(void)
{
	slip_mpmc_enrol_(&w.x, SLIP_PRODUCER);
}

static void x_looks_for_rivals(void)
{
	cr_assert_not(slip_mpmc_alone_(&w.x, BOTH, NULL), "unknown");
}

static void x_asks(void)
{
	cr_assert_not(slip_mpmc_gone_(&w.x, SLIP_PRODUCER, NULL), "unknown");
}

static void x_gives_for_the_dead(void)
{
	slip_mpmc_give_for_(&w.x, w.x.seat, w.x.me, word_of_dead);
}

static void x_claims(void)
{
	cr_assert(slip_mpmc_claim(&w.x) != NULL, "perhaps");
}

static void gives_up(slip_a64 *word, void (*operation)(void))
{
	restless = word;
	turns = 0;
	(void)step_run(operation, it_changes, 0);
	cr_assert_geq(turns, SLIP_MPMC_TRIES);
}

Test(mpmc_race, who_cannot_change_a_word_gives_up)
{
	set_up_seats(SLIP_MPMC_WORK, 0, 1);
	slip_a64_store_relaxed(&ring_of(&w.b)->heard, 0);
	gives_up(&ring_of(&w.b)->heard, x_marks);
	gives_up(&ring_of(&w.b)->returned, x_returns);
	gives_up(&ring_of(&w.b)->roll, x_enrols);
	tear_down();
}

Test(mpmc_race, who_cannot_tell_whether_it_is_alone_gives_up)
{
	set_up_seats(0, 0, 1);
	gives_up(&ring_of(&w.b)->roll, x_looks_for_rivals);
	tear_down();
}

Test(mpmc_race, who_cannot_say_that_it_gives_for_the_dead_gives_up)
{
	set_up_seats(SLIP_MPMC_WORK, 0, 1);
	word_of_dead = slip_mpmc_dead_(slip_role_held_(5, 7));
	slip_a64_store_relaxed(&w.x.seat->word, word_of_dead);
	gives_up(&w.x.seat->giving, x_gives_for_the_dead);
	tear_down();
}

/* Full behind a head whose element has been popped, at each look. */
Test(mpmc_race, a_claim_comes_back_from_a_head_that_never_rests)
{
	const uint64_t far = UINT64_C(1) << 40;

	set_up_seats(0, 0, 1);
	slip_a64_store_relaxed(&ring_of(&w.b)->tail, 2 * LAP);
	slip_a64_store_relaxed(&ring_of(&w.b)->voided, far);
	for (uint64_t i = 0; i < 4; i++)
		slip_a64_store_relaxed(word_at(i), far);
	gives_up(&ring_of(&w.b)->head, x_claims);
	tear_down();
}

Test(mpmc_race, who_cannot_write_down_that_all_are_gone_does_not_say_so)
{
	set_up_seats(0, 0, 1);
	slip_a64_store_relaxed(&w.x.seat->word, 0);
	gives_up(&ring_of(&w.b)->roll, x_asks);
	tear_down();
}
