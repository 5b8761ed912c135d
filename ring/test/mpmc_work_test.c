/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h as a work queue, in one process: take, ack, nack, what is
 * delivered again and how often, and elements whose pusher has stopped. */
#include "mpmc_bench.h"

#include <errno.h>

static uint64_t expect_take(struct slip_mpmc *q, struct slip_mpmc_ticket *t,
			    uint64_t value, uint32_t attempts)
{
	const void *elem = slip_mpmc_take(q, t);
	uint64_t x;

	cr_assert(elem != NULL, "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert(elem == t->elem, "in place");
	memcpy(&x, elem, 8);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
	cr_assert_eq(t->attempts, attempts, "%llu: attempt %u, not %u",
		     (unsigned long long)value, t->attempts, attempts);
	return x;
}

static void expect_none(struct slip_mpmc *q)
{
	struct slip_mpmc_ticket t;

	cr_assert(slip_mpmc_take(q, &t) == NULL, "something is left");
	cr_assert(t.elem == NULL && t.word == NULL, "no ticket");
	cr_assert_eq(q->error, 0);
}

/* A ring of which any number of handles has been stopped half way. */
struct work {
	struct bench b;
	struct slip_mpmc d; /* another consumer */
};

static void work_setup(struct work *w, uint32_t capacity, unsigned flags)
{
	setup(&w->b, capacity, 8, flags);
	attach(&w->d, &w->b, SLIP_CONSUMER);
}

static void work_teardown(struct work *w)
{
	slip_mpmc_detach(&w->d);
	teardown(&w->b);
}

/* --- tickets --------------------------------------------------------------- */

Test(mpmc_work, an_element_is_ours_from_take_to_ack)
{
	struct slip_mpmc_ticket t;
	struct work w;

	work_setup(&w, 2, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 2);
	(void)expect_take(&w.b.c, &t, 1, 1);
	expect_pop(&w.d, 2);
	expect_none(&w.d);
	slip_mpmc_ack(&w.b.c, &t);
	expect_none(&w.d);
	push_to(&w.b.p, 3, 4);
	expect_pop(&w.d, 3);
	expect_pop(&w.b.c, 4);
	work_teardown(&w);
}

Test(mpmc_work, several_tickets_are_given_back_in_any_order)
{
	static const int order[] = { 2, 0, 3, 1 };
	struct slip_mpmc_ticket t[4];
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	for (int lap = 0; lap < 9; lap++) {
		push_to(&w.b.p, 1, 4);
		for (uint64_t i = 0; i < 4; i++)
			(void)expect_take(&w.b.c, &t[i], i + 1, 1);
		expect_none(&w.b.c);
		cr_assert_eq(w.b.c.held, 4u);
		for (int i = 0; i < 4; i++)
			slip_mpmc_ack(&w.b.c, &t[order[i]]);
		cr_assert_eq(w.b.c.held, 0u);
	}
	work_teardown(&w);
}

/* The ring is that much smaller, and goes on. */
Test(mpmc_work, a_slot_that_is_taken_is_passed_by)
{
	for (uint32_t kept = 1; kept <= 4; kept++) {
		struct slip_mpmc_ticket t[4];
		struct work w;
		uint64_t x = 9;

		work_setup(&w, 4, SLIP_MPMC_WORK);
		push_to(&w.b.p, 1, 4);
		for (uint64_t i = 0; i < kept; i++)
			(void)expect_take(&w.b.c, &t[i], i + 1, 1);
		for (uint64_t i = kept; i < 4; i++)
			expect_pop(&w.d, i + 1);
		for (uint64_t lap = 0; lap < 20; lap++) {
			for (uint64_t i = kept; i < 4; i++)
				push_to(&w.b.p, i, i);
			cr_assert_not(slip_mpmc_push(&w.b.p, &x), "full");
			for (uint64_t i = kept; i < 4; i++)
				expect_pop(&w.d, i);
			expect_empty(&w.d);
		}
		for (uint64_t i = 0; i < kept; i++) {
			cr_assert_eq(*(const uint64_t *)t[i].elem, i + 1,
				     "untouched");
			slip_mpmc_ack(&w.b.c, &t[i]);
		}
		push_to(&w.b.p, 1, 4);
		cr_assert_not(slip_mpmc_push(&w.b.p, &x), "full again");
		for (uint64_t i = 1; i <= 4; i++)
			expect_pop(&w.d, i);
		work_teardown(&w);
	}
}

/* No consumer is awake to do so. */
Test(mpmc_work, a_claim_goes_past_what_is_void_as_a_push_does)
{
	struct slip_mpmc_ticket t[3];
	struct work w;
	void *draft;

	work_setup(&w, 4, 0);
	push_to(&w.b.p, 1, 4);
	for (uint64_t i = 0; i < 3; i++)
		(void)expect_take(&w.b.c, &t[i], i + 1, 1);
	expect_pop(&w.d, 4);
	push_to(&w.b.p, 5, 5);
	for (uint64_t i = 0; i < 3; i++)
		slip_mpmc_ack(&w.b.c, &t[i]);
	draft = slip_mpmc_claim(&w.b.p);
	cr_assert(draft != NULL, "one of four");
	memset(draft, 0, 8);
	cr_assert(slip_mpmc_commit(&w.b.p));
	push_to(&w.b.p, 7, 8);
	cr_assert(slip_mpmc_claim(&w.b.p) == NULL, "full");
	expect_pop(&w.d, 5);
	expect_pop(&w.d, 0);
	work_teardown(&w);
}

Test(mpmc_work, a_ticket_is_used_once_and_by_its_owner)
{
	struct slip_mpmc_ticket t, copy;
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 2);
	(void)expect_take(&w.b.c, &t, 1, 1);
	copy = t;
	slip_mpmc_ack(&w.d, &copy);
	cr_assert_eq(slip_mpmc_nack(&w.d, &copy), -EINVAL, "another's");
	cr_assert_eq(slip_mpmc_nack(&w.b.p, &copy), -EINVAL, "a producer's");
	cr_assert(t.elem == copy.elem, "as it was");
	slip_mpmc_ack(&w.b.c, &t);
	cr_assert(t.elem == NULL, "used up");
	slip_mpmc_ack(&w.b.c, &t);
	slip_mpmc_ack(&w.b.c, &copy);
	cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), -EINVAL, "used up");
	cr_assert_eq(slip_mpmc_nack(&w.b.c, &copy), -EINVAL, "used up");
	cr_assert_eq(w.b.c.held, 0u, "counted once");
	(void)expect_take(&w.d, &t, 2, 1);
	cr_assert_eq(slip_mpmc_nack(&w.d, &t), 0);
	cr_assert_eq(slip_mpmc_nack(&w.d, &t), -EINVAL, "used up");
	(void)expect_take(&w.d, &t, 2, 2);
	slip_mpmc_ack(&w.d, &t);
	expect_none(&w.d);
	work_teardown(&w);
}

Test(mpmc_work, what_is_returned_is_delivered_again_and_counted)
{
	struct slip_mpmc_ticket t;
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 3);
	for (uint32_t n = 1; n <= 20; n++) {
		(void)expect_take(n % 2 ? &w.b.c : &w.d, &t, 1, n);
		cr_assert_eq(slip_mpmc_nack(n % 2 ? &w.b.c : &w.d, &t), 0);
	}
	expect_pop(&w.d, 1);
	expect_pop(&w.d, 2);
	expect_pop(&w.d, 3);
	expect_none(&w.d);
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(&w.b)->returned) & 1, 0u,
		     "nobody looks any more");
	push_to(&w.b.p, 4, 4);
	(void)expect_take(&w.b.c, &t, 4, 1);
	slip_mpmc_ack(&w.b.c, &t);
	work_teardown(&w);
}

Test(mpmc_work, nack_needs_a_work_queue)
{
	struct slip_mpmc_ticket t;
	struct work w;

	work_setup(&w, 2, 0);
	push_to(&w.b.p, 1, 2);
	(void)expect_take(&w.b.c, &t, 1, 1);
	cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), -EINVAL);
	cr_assert_eq(*(const uint64_t *)t.elem, 1u, "still ours");
	expect_pop(&w.d, 2);
	slip_mpmc_ack(&w.b.c, &t);
	push_to(&w.b.p, 3, 4);
	expect_pop(&w.d, 3);
	expect_pop(&w.d, 4);
	work_teardown(&w);
}

static void leaves_with_tickets(unsigned flags)
{
	struct slip_mpmc_ticket t[3];
	struct work w;

	work_setup(&w, 4, flags);
	push_to(&w.b.p, 1, 4);
	for (uint64_t i = 0; i < 3; i++)
		(void)expect_take(&w.b.c, &t[i], i + 1, 1);
	slip_mpmc_ack(&w.b.c, &t[1]);
	slip_mpmc_detach(&w.b.c);
	slip_mpmc_ack(&w.b.c, &t[0]);
	if (flags) {
		(void)expect_take(&w.d, &t[0], 1, 2);
		(void)expect_take(&w.d, &t[2], 3, 2);
		slip_mpmc_ack(&w.d, &t[0]);
		slip_mpmc_ack(&w.d, &t[2]);
	}
	expect_pop(&w.d, 4);
	expect_none(&w.d);
	push_to(&w.b.p, 5, 8);
	for (uint64_t i = 5; i <= 8; i++)
		expect_pop(&w.d, i);
	work_teardown(&w);
}

Test(mpmc_work, who_leaves_with_tickets_returns_them)
{
	leaves_with_tickets(SLIP_MPMC_WORK);
}

Test(mpmc_work, who_leaves_with_tickets_of_a_plain_ring_is_done_with_them)
{
	leaves_with_tickets(0);
}

Test(mpmc_work, an_exclusive_consumer_takes_and_pops_by_turns)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct slip_mpmc_ticket t;
		struct bench b;

		setup_as(&b, 4, 8, flags, SLIP_EXCLUSIVE);
		for (uint64_t i = 0; i < 40; i += 4) {
			push_to(&b.p, i, i + 3);
			(void)expect_take(&b.c, &t, i, 1);
			expect_pop(&b.c, i + 1);
			slip_mpmc_ack(&b.c, &t);
			(void)expect_take(&b.c, &t, i + 2, 1);
			slip_mpmc_ack(&b.c, &t);
			expect_pop(&b.c, i + 3);
			expect_empty(&b.c);
		}
		teardown(&b);
	}
}

Test(mpmc_work, pop_n_takes_what_was_returned_first)
{
	struct slip_mpmc_ticket t;
	uint64_t x[8] = { 0 };
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 4);
	(void)expect_take(&w.b.c, &t, 1, 1);
	expect_pop(&w.b.c, 2);
	cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), 0);
	cr_assert_eq(slip_mpmc_pop_n(&w.d, x, 8), 3u);
	cr_assert(x[0] == 1 && x[1] == 3 && x[2] == 4);
	work_teardown(&w);
}

/* Who looks for what was returned must not lower the flag while somebody is
 * between raising it and returning. */
Test(mpmc_work, the_flag_stays_up_while_somebody_is_about_to_return)
{
	struct work w;
	slip_a64 *returned;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	returned = &ring_of(&w.b)->returned;
	slip_a64_store_relaxed(&w.d.seat->giving, w.d.who);
	slip_mpmc_returning_(&w.d);
	expect_none(&w.b.c);
	cr_assert_eq(slip_a64_load_relaxed(returned) & 1, 1u);
	slip_a64_store_relaxed(&w.d.seat->giving, w.b.c.who + 16);
	expect_none(&w.b.c);
	cr_assert_eq(slip_a64_load_relaxed(returned) & 1, 0u,
		     "left over from another's time in the seat");
	work_teardown(&w);
}

/* --- dead letters ---------------------------------------------------------- */

struct letters {
	unsigned n;
	uint64_t elem[8];
	uint32_t attempts[8];
};

static void keep_letter(void *context, const void *elem, uint32_t attempts)
{
	struct letters *l = context;

	if (l->n < 8) {
		memcpy(&l->elem[l->n], elem, 8);
		l->attempts[l->n] = attempts;
	}
	l->n++;
}

Test(mpmc_work, what_was_delivered_too_often_goes_to_the_dead_letters)
{
	struct slip_mpmc_ticket t;
	struct letters l = { 0 };
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	slip_mpmc_set_dead_letter(&w.b.c, 3, keep_letter, &l);
	push_to(&w.b.p, 1, 2);
	for (uint32_t n = 1; n <= 3; n++) {
		(void)expect_take(&w.b.c, &t, 1, n);
		cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), 0);
	}
	(void)expect_take(&w.b.c, &t, 2, 1);
	cr_assert(l.n == 1 && l.elem[0] == 1 && l.attempts[0] == 3);
	slip_mpmc_ack(&w.b.c, &t);
	expect_none(&w.b.c);
	/* The slot counts from 1 again. */
	push_to(&w.b.p, 5, 8);
	for (uint64_t i = 5; i <= 8; i++) {
		(void)expect_take(&w.b.c, &t, i, 1);
		slip_mpmc_ack(&w.b.c, &t);
	}
	cr_assert_eq(w.b.c.held, 0u);
	work_teardown(&w);
}

Test(mpmc_work, no_limit_and_no_function_are_no_limit)
{
	struct slip_mpmc_ticket t;
	struct letters l = { 0 };
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	slip_mpmc_set_dead_letter(&w.b.c, 0, keep_letter, &l);
	slip_mpmc_set_dead_letter(&w.d, 1, NULL, &l);
	push_to(&w.b.p, 1, 1);
	for (uint32_t n = 1; n <= 9; n++) {
		(void)expect_take(n % 2 ? &w.b.c : &w.d, &t, 1, n);
		cr_assert_eq(slip_mpmc_nack(n % 2 ? &w.b.c : &w.d, &t), 0);
	}
	cr_assert_eq(l.n, 0u);
	work_teardown(&w);
}

static struct work restless;
static unsigned letters_done;

/* "The element of that slot was returned, by one who had it once." */
static void return_again(uint64_t i)
{
	slip_a64 *slot = slot_of(&restless.b, i);
	uint64_t p = (4 + i) * SLIP_MPMC_ONE;

	slip_a64_store_relaxed(
		slip_mpmc_count_(&restless.b.c, p),
		slip_mpmc_counted_(slip_mpmc_told_(0, p), SLIP_MPMC_RETURNED));
	slip_a64_store_relaxed(slot, p | SLIP_MPMC_FULL | SLIP_MPMC_RETURNED);
}

static void never_ends(void *context, const void *elem, uint32_t attempts)
{
	const void *first = slot_of(&restless.b, 0) + 1;

	(void)context;
	cr_assert_eq(attempts, 1u);
	letters_done++;
	return_again(elem == first);
}

Test(mpmc_work, a_take_comes_back_from_dead_letters_that_never_end)
{
	work_setup(&restless, 4, SLIP_MPMC_WORK);
	slip_mpmc_set_dead_letter(&restless.b.c, 1, never_ends, NULL);
	slip_mpmc_returning_(&restless.b.c);
	return_again(0);
	expect_none(&restless.b.c);
	cr_assert_eq(letters_done, SLIP_MPMC_TRIES);
	work_teardown(&restless);
}

Test(mpmc_work, attempts_are_counted_up_to_4095)
{
	struct slip_mpmc_ticket t;
	struct letters l = { 0 };
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 1);
	slip_mpmc_set_dead_letter(&w.b.c, 4095, keep_letter, &l);
	for (uint32_t n = 1; n <= 5000; n++) {
		(void)expect_take(&w.b.c, &t, 1, n < 4095 ? n : 4095);
		cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), 0);
	}
	slip_mpmc_set_dead_letter(&w.b.c, 4094, keep_letter, &l);
	expect_none(&w.b.c);
	cr_assert(l.n == 1 && l.elem[0] == 1 && l.attempts[0] == 4094);
	work_teardown(&w);
}

/* --- elements that stand in a seat ----------------------------------------- */

/* Elements 1 to n, all pushed by such as have stopped after their claims, but
 * for the last. */
struct unwritten {
	struct work w;
	struct slip_mpmc slow[3];
	struct stopped s[3];
};

static void unwritten_setup(struct unwritten *u, unsigned n, unsigned flags)
{
	work_setup(&u->w, 4, flags);
	for (unsigned i = 0; i < n - 1; i++) {
		attach(&u->slow[i], &u->w.b, SLIP_PRODUCER);
		push_half(&u->slow[i], &u->s[i], i + 1);
	}
	push_to(&u->w.b.p, n, n);
}

/* They go on; then the ring is as large as ever. */
static void unwritten_teardown(struct unwritten *u, unsigned n)
{
	for (unsigned i = 0; i < n - 1; i++) {
		push_rest(&u->s[i]);
		slip_mpmc_detach(&u->slow[i]);
	}
	for (uint64_t lap = 0; lap < 3; lap++) {
		push_to(&u->w.b.p, 11, 14);
		for (uint64_t i = 11; i <= 14; i++)
			expect_pop(&u->w.d, i);
		expect_empty(&u->w.d);
	}
	work_teardown(&u->w);
}

static void pops_what_is_unwritten(unsigned flags)
{
	struct unwritten u;

	unwritten_setup(&u, 3, flags);
	expect_pop(&u.w.b.c, 1);
	expect_pop(&u.w.d, 2);
	expect_pop(&u.w.d, 3);
	expect_empty(&u.w.d);
	for (uint64_t i = 0; i < 9; i++) {
		push_to(&u.w.b.p, i, i);
		expect_pop(&u.w.d, i);
	}
	unwritten_teardown(&u, 3);
}

Test(mpmc_work, what_stands_in_a_seat_is_popped)
{
	pops_what_is_unwritten(0);
}

Test(mpmc_work, what_stands_in_a_seat_is_popped_from_a_work_queue)
{
	pops_what_is_unwritten(SLIP_MPMC_WORK);
}

static void takes_what_is_unwritten(unsigned flags)
{
	struct slip_mpmc_ticket t, v;
	struct unwritten u;

	unwritten_setup(&u, 3, flags);
	(void)expect_take(&u.w.b.c, &t, 1, 1);
	expect_none(&u.w.b.c); /* one hand, and the next needs it too */
	(void)expect_take(&u.w.d, &v, 2, 1);
	slip_mpmc_ack(&u.w.b.c, &t);
	(void)expect_take(&u.w.b.c, &t, 3, 1);
	slip_mpmc_ack(&u.w.b.c, &t);
	slip_mpmc_ack(&u.w.d, &v);
	expect_none(&u.w.b.c);
	cr_assert_eq(slip_a64_load_relaxed(&u.w.d.seat->hand), 0u);
	unwritten_teardown(&u, 3);
}

Test(mpmc_work, what_stands_in_a_seat_is_taken_into_the_hand)
{
	takes_what_is_unwritten(0);
}

Test(mpmc_work, what_stands_in_a_seat_is_taken_from_a_work_queue)
{
	takes_what_is_unwritten(SLIP_MPMC_WORK);
}

Test(mpmc_work, what_is_in_hand_is_returned_and_taken_there)
{
	struct slip_mpmc_ticket t;
	struct letters l = { 0 };
	struct unwritten u;

	unwritten_setup(&u, 3, SLIP_MPMC_WORK);
	for (uint32_t n = 1; n <= 3; n++) {
		(void)expect_take(&u.w.b.c, &t, 1, n);
		cr_assert_eq(slip_mpmc_nack(&u.w.b.c, &t), 0);
	}
	(void)expect_take(&u.w.d, &t, 1, 4);
	slip_mpmc_ack(&u.w.d, &t);
	(void)expect_take(&u.w.b.c, &t, 2, 1);
	cr_assert_eq(slip_mpmc_nack(&u.w.b.c, &t), 0);
	slip_mpmc_set_dead_letter(&u.w.d, 1, keep_letter, &l);
	expect_pop(&u.w.d, 3);
	cr_assert(l.n == 1 && l.elem[0] == 2 && l.attempts[0] == 1);
	expect_none(&u.w.d);
	unwritten_teardown(&u, 3);
}

/* The dead have left more in their seats than a hand takes. */
static void ends_after_a_full_hand(unsigned flags)
{
	struct slip_mpmc_ticket t, v;
	struct slip_mpmc second;
	struct stopped half;
	struct work w;

	work_setup(&w, 4, flags);
	attach(&second, &w.b, SLIP_PRODUCER);
	push_half(&w.b.p, &half, 1);
	push_half(&second, &half, 2);
	slip_mpmc_recover_seat_(&w.d, w.b.p.me, w.b.p.who);
	slip_mpmc_recover_seat_(&w.d, second.me, second.who);
	(void)expect_take(&w.b.c, &t, 1, 1);
	cr_assert_eq(slip_mpmc_take_until(&w.b.c, &v, slip_after_ns(1000000)),
		     -ETIMEDOUT, "that is not the end");
	slip_mpmc_ack(&w.b.c, &t);
	cr_assert_eq(slip_mpmc_take_until(&w.b.c, &v, SLIP_FOREVER), 0);
	cr_assert_eq(slip_mpmc_take_until(&w.b.c, &t, SLIP_FOREVER), -EPIPE);
	slip_mpmc_ack(&w.b.c, &v);
	work_teardown(&w);
}

Test(mpmc_work, the_end_comes_after_what_a_full_hand_keeps_back)
{
	ends_after_a_full_hand(0);
	ends_after_a_full_hand(SLIP_MPMC_WORK);
}

/* What we returned in our hand another keeps there, and we have a ticket, so that
 * we stay in our seat; but nothing else is left. */
Test(mpmc_work, a_hand_that_is_lent_does_not_put_off_the_end)
{
	struct slip_mpmc_ticket t, lent, mine;
	struct stopped half;
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 1);
	push_half(&w.b.p, &half, 2);
	slip_mpmc_recover_seat_(&w.d, w.b.p.me, w.b.p.who);
	(void)expect_take(&w.b.c, &mine, 1, 1);
	(void)expect_take(&w.b.c, &t, 2, 1);
	cr_assert_eq(slip_mpmc_nack(&w.b.c, &t), 0);
	(void)expect_take(&w.d, &lent, 2, 2);
	cr_assert_eq(slip_mpmc_take_until(&w.b.c, &t, slip_after_ns(1000000)),
		     -EPIPE);
	slip_mpmc_ack(&w.b.c, &mine);
	slip_mpmc_ack(&w.d, &lent);
	work_teardown(&w);
}

/* Who recovers says in the dead one's seat that it gives, and that it has given;
 * of an heir it wipes nothing out. */
Test(mpmc_work, who_recovers_leaves_no_word_but_an_heirs)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc_seat *seat;
	uint64_t dead, heirs;
	struct work w;

	work_setup(&w, 4, SLIP_MPMC_WORK);
	push_to(&w.b.p, 1, 1);
	(void)expect_take(&w.b.c, &t, 1, 1);
	seat = w.b.c.seat;
	dead = slip_mpmc_dead_(w.b.c.who);
	slip_mpmc_recover_seat_(&w.d, w.b.c.me, w.b.c.who);
	cr_assert_eq(slip_a64_load_relaxed(&seat->giving), 0u);
	heirs = slip_role_held_(7, 9);
	slip_a64_store_relaxed(&seat->giving, heirs);
	slip_mpmc_returned_(seat, dead);
	cr_assert_eq(slip_a64_load_relaxed(&seat->giving), heirs);
	(void)expect_take(&w.d, &t, 1, 2);
	slip_mpmc_ack(&w.d, &t);
	work_teardown(&w);
}

static void leaves_with_a_full_hand(unsigned flags)
{
	struct slip_mpmc_ticket t;
	struct unwritten u;

	unwritten_setup(&u, 2, flags);
	(void)expect_take(&u.w.b.c, &t, 1, 1);
	slip_mpmc_detach(&u.w.b.c);
	if (flags) {
		(void)expect_take(&u.w.d, &t, 1, 2);
		slip_mpmc_ack(&u.w.d, &t);
	}
	expect_pop(&u.w.d, 2);
	expect_none(&u.w.d);
	unwritten_teardown(&u, 2);
}

Test(mpmc_work, who_leaves_with_a_full_hand_returns_it)
{
	leaves_with_a_full_hand(SLIP_MPMC_WORK);
}

Test(mpmc_work, who_leaves_with_a_full_hand_of_a_plain_ring_is_done_with_it)
{
	leaves_with_a_full_hand(0);
}

/* A seat that is left with something returned in its hand keeps it, also for
 * the next one who sits there. */
Test(mpmc_work, what_is_returned_in_a_hand_outlives_its_seat)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc next;
	struct unwritten u;

	unwritten_setup(&u, 2, SLIP_MPMC_WORK);
	(void)expect_take(&u.w.b.c, &t, 1, 1);
	cr_assert_eq(slip_mpmc_nack(&u.w.b.c, &t), 0);
	slip_mpmc_detach(&u.w.b.c);
	attach(&next, &u.w.b, SLIP_CONSUMER);
	(void)expect_take(&u.w.d, &t, 1, 2);
	slip_mpmc_ack(&u.w.d, &t);
	expect_pop(&next, 2);
	expect_none(&next);
	slip_mpmc_detach(&next);
	unwritten_teardown(&u, 2);
}

Test(mpmc_work, a_run_that_stands_in_a_seat_is_heard_in_order)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct slip_mpmc_ticket t;
		struct slip_mpmc slow;
		struct stopped s;
		struct work w;

		work_setup(&w, 16, flags);
		attach(&slow, &w.b, SLIP_PRODUCER);
		push_to(&slow, 100, 100); /* an older announcement */
		expect_pop(&w.d, 100);
		cr_assert_eq(push_run_half(&slow, &s, 1, 5), 5u);
		push_to(&w.b.p, 6, 6);
		expect_pop(&w.d, 1);
		(void)expect_take(&w.d, &t, 2, 1);
		slip_mpmc_ack(&w.d, &t);
		for (uint64_t i = 3; i <= 6; i++)
			expect_pop(&w.d, i);
		expect_none(&w.d);
		for (uint64_t i = 0; i < 40; i++) {
			push_to(&w.b.p, i, i);
			expect_pop(&w.d, i);
		}
		for (uint64_t i = 0; i < 5; i++)
			slip_mpmc_commit_(
				slip_mpmc_slot_(&slow, s.at + i * SLIP_MPMC_ONE,
						8),
				s.at + i * SLIP_MPMC_ONE);
		for (uint64_t i = 0; i < 40; i += 16) {
			push_to(&w.b.p, i, i + 15);
			for (uint64_t k = i; k < i + 16; k++)
				expect_pop(&w.d, k);
		}
		slip_mpmc_detach(&slow);
		work_teardown(&w);
	}
}
