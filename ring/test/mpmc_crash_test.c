/* SPDX-License-Identifier: MIT */
/*
 * ring/mpmc.h between processes that map it at different addresses, and that
 * die, stop, fork or leave at a known point: what is delivered then, how often,
 * and who may take part. Every instruction: stress/kill.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../mpmc.h"
#include "../sources.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define SEATS 4

#define WORLD_KIND SLIP_KIND_MPMC
#define WORLD_HANDLES       \
	struct slip_mpmc p; \
	struct slip_mpmc c;
#include "world.h"

static struct slip_mpmc_ring *ring_of(struct world *w)
{
	return w->mem;
}

static void begin(struct world *w, uint32_t capacity, unsigned flags)
{
	flags |= SLIP_MPMC_SEATS(SEATS);
	world_open(w, slip_mpmc_bytes(capacity, 8, flags));
	cr_assert_eq(slip_mpmc_init(w->mem, w->bytes, capacity, 8, flags), 0,
		     "init");
	world_publish(w);
}

static void end(struct world *w)
{
	slip_mpmc_detach(&w->p);
	slip_mpmc_detach(&w->c);
	world_close(w);
}

/* Both handles begin as detached ones, so that end() may detach any. */
static struct world *fresh(void)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.p.error = -EPIPE;
	w.c.error = -EPIPE;
	return &w;
}

static int attach_as(struct world *w, struct slip_mpmc *q, unsigned roles)
{
	return slip_mpmc_attach(q, w->mem, w->bytes, roles, &w->self);
}

static int attach_producer(struct world *w)
{
	return attach_as(w, &w->p, SLIP_PRODUCER);
}

static int attach_consumer(struct world *w)
{
	return attach_as(w, &w->c, SLIP_CONSUMER);
}

/* What the ring shows from outside. */
static struct slip_mpmc_info look(struct world *w)
{
	struct slip_mpmc_info info;

	cr_assert_eq(slip_mpmc_inspect(w->mem, w->bytes, &info), 0, "inspect");
	return info;
}

/* --- children ------------------------------------------------------------- */

static void expect_pop(struct world *w, uint64_t value)
{
	uint64_t x = ~value;

	cr_assert(slip_mpmc_pop(&w->c, &x), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
}

static void expect_wait(struct world *w, uint64_t value)
{
	uint64_t x = ~value;

	cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
}

static void expect_end(struct world *w)
{
	uint64_t x;

	cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "every producer is dead");
}

static bool push_to(struct world *w, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (!slip_mpmc_push(&w->p, &i))
			return false;
	return true;
}

/* Who finds no seat buries those of the dead that are not needed any more. */
static void take_all_seats(struct world *w)
{
	struct slip_mpmc q[SEATS];
	int n = 0;

	while (n < SEATS && attach_as(w, &q[n], SLIP_PRODUCER) == 0)
		n++;
	while (n)
		slip_mpmc_detach(&q[--n]);
}

/* The ring has all of its room, and no seat is anybody's that is gone. */
static void expect_whole(struct world *w, uint32_t capacity)
{
	struct slip_mpmc_info info;

	cr_assert_geq(slip_peer_recover(&w->self), 0, "recover");
	take_all_seats(w);
	if (w->p.error)
		cr_assert_eq(attach_producer(w), 0, "producer");
	if (w->c.error)
		cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert(push_to(w, 1, capacity), "all of the ring is there");
	cr_assert_not(push_to(w, 0, 0), "and no more");
	for (uint64_t i = 1; i <= capacity; i++)
		expect_pop(w, i);
	info = look(w);
	cr_assert_eq(info.dead, 0u, "seats of the dead");
	cr_assert_eq(info.held, 0u, "slots in hands");
	cr_assert_eq(info.returned, 0u, "returned");
}

/* --- deaths of producers --------------------------------------------------- */

static int claims_and_freezes(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	place = slip_mpmc_claim(&w->p);
	EXPECT(3, place);
	*place = 666;
	freeze(w);
	return 0;
}

Test(mpmc_crash, killed_between_claim_and_commit_the_element_never_was)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, claims_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	expect_end(w);
	expect_whole(w, 8);
	end(w);
}

static int exclusively_claims_and_freezes(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_as(w, &w->p, SLIP_PRODUCER | SLIP_EXCLUSIVE) == 0);
	EXPECT(2, push_to(w, 1, 3));
	place = slip_mpmc_claim(&w->p);
	EXPECT(3, place);
	*place = 666;
	freeze(w);
	return 0;
}

Test(mpmc_crash, killed_with_an_exclusive_claim_the_element_never_was)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, exclusively_claims_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_producer(w), -EBUSY, "alone while it lives");
	kill_and_wait(pid);
	cr_assert_eq(attach_as(w, &w->p, SLIP_PRODUCER | SLIP_EXCLUSIVE), 0,
		     "over the dead");
	cr_assert(push_to(w, 4, 8), "goes on");
	for (uint64_t i = 1; i <= 8; i++)
		expect_pop(w, i);
	slip_mpmc_detach(&w->p);
	expect_whole(w, 8);
	end(w);
}

/* All of an exclusive push but tail. */
static int commits_without_tail(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_as(w, &w->p, SLIP_PRODUCER | SLIP_EXCLUSIVE) == 0);
	EXPECT(2, push_to(w, 1, 2));
	place = slip_mpmc_claim(&w->p);
	EXPECT(3, place);
	*place = 3;
	slip_mpmc_commit_(w->p.claimed, w->p.tail);
	kill(getpid(), SIGKILL);
	return 4;
}

Test(mpmc_crash, killed_before_tail_moved_the_element_is_there)
{
	struct world *w = fresh();

	for (unsigned how = 0; how <= SLIP_EXCLUSIVE; how += SLIP_EXCLUSIVE) {
		begin(w, 8, 0);
		cr_assert_eq(attach_consumer(w), 0, "consumer");
		cr_assert_eq(end_of(spawn(w, commits_without_tail)), SIGKILL,
			     "killed");
		cr_assert_eq(attach_as(w, &w->p, SLIP_PRODUCER | how), 0,
			     "successor");
		cr_assert(push_to(w, 4, 4), "goes on");
		for (uint64_t i = 1; i <= 4; i++)
			expect_pop(w, i);
		end(w);
	}
}

static int dies_in_the_copy(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 2;
	EXPECT(2, push_to(w, 1, 4));
	return 3;
}

/* It had been claimed, and stands in the dead one's seat. */
Test(mpmc_crash, killed_while_copying_the_element_is_delivered)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct world *w = fresh();

		begin(w, 8, flags);
		cr_assert_eq(attach_consumer(w), 0, "consumer");
		cr_assert_eq(end_of(spawn(w, dies_in_the_copy)), SIGKILL,
			     "killed");
		for (uint64_t i = 1; i <= 3; i++)
			expect_wait(w, i);
		expect_end(w);
		expect_whole(w, 8);
		end(w);
	}
}

Test(mpmc_crash, what_stands_in_the_seat_of_a_dead_one_is_taken)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct world *w = fresh();
		struct slip_mpmc_ticket t;

		begin(w, 8, flags);
		cr_assert_eq(attach_consumer(w), 0, "consumer");
		cr_assert_eq(end_of(spawn(w, dies_in_the_copy)), SIGKILL,
			     "killed");
		for (uint64_t i = 1; i <= 3; i++) {
			cr_assert_eq(
				slip_mpmc_take_until(&w->c, &t, SLIP_FOREVER),
				0, "take");
			cr_assert_eq(*(const uint64_t *)t.elem, i, "value");
			slip_mpmc_ack(&w->c, &t);
		}
		expect_end(w);
		expect_whole(w, 8);
		end(w);
	}
}

static int dies_in_a_batch(struct world *w)
{
	uint64_t values[20];

	for (uint64_t i = 0; i < 20; i++)
		values[i] = i;
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 7;
	EXPECT(2, slip_mpmc_push_n(&w->p, values, 20) == 20);
	return 3;
}

Test(mpmc_crash, killed_in_push_n_all_of_the_claim_is_delivered)
{
	struct world *w = fresh();

	begin(w, 32, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert_eq(end_of(spawn(w, dies_in_a_batch)), SIGKILL, "killed");
	for (uint64_t i = 0; i < 20; i++)
		expect_wait(w, i);
	expect_end(w);
	expect_whole(w, 32);
	end(w);
}

/* All of commit but the telling: what a kill right after the store leaves. */
static int commits_untold_and_dies(struct world *w)
{
	uint64_t x = 7;

	EXPECT(1, attach_producer(w) == 0);
	await_sleeper(&ring_of(w)->ev_data);
	EXPECT(2, slip_mpmc_push_(&w->p, &x, 8));
	kill(getpid(), SIGKILL);
	return 3;
}

Test(mpmc_crash, killed_right_after_commit_the_element_reaches_a_sleeper)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, commits_untold_and_dies);
	expect_wait(w, 7);
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	expect_end(w);
	end(w);
}

static int pushes_three_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	reach(w, 1);
	await_sleeper(&ring_of(w)->ev_data);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(mpmc_crash, a_sleeping_consumer_drains_and_then_hears_of_the_death)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_three_and_dies_when_awaited);
	for (uint64_t i = 1; i <= 3; i++)
		expect_wait(w, i);
	expect_end(w);
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	end(w);
}

static int pushes_three_and_freezes(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	freeze(w);
	return 0;
}

Test(mpmc_crash, the_death_of_one_of_two_producers_is_not_the_end)
{
	struct world *w = fresh();
	uint64_t x;
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert_eq(attach_producer(w), 0, "the other producer");
	pid = spawn(w, pushes_three_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	for (uint64_t i = 1; i <= 3; i++)
		expect_wait(w, i);
	cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, slip_after_ns(20000000)),
		     -ETIMEDOUT, "one is left");
	cr_assert_not(slip_mpmc_gone(&w->c, SLIP_PRODUCER));
	slip_mpmc_detach(&w->p);
	expect_end(w);
	cr_assert(slip_mpmc_gone(&w->c, SLIP_PRODUCER));
	expect_whole(w, 8);
	end(w);
}

/* --- deaths of consumers --------------------------------------------------- */

static int takes_and_freezes(struct world *w)
{
	struct slip_mpmc_ticket t[3];

	EXPECT(1, attach_consumer(w) == 0);
	for (uint64_t i = 0; i < 3; i++) {
		EXPECT(2, slip_mpmc_take(&w->c, &t[i]));
		EXPECT(3, *(const uint64_t *)t[i].elem == i + 1);
	}
	slip_mpmc_ack(&w->c, &t[1]);
	freeze(w);
	return 0;
}

static int pops_and_freezes(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_consumer(w) == 0);
	EXPECT(2, slip_mpmc_pop(&w->c, &x) && x == 1);
	freeze(w);
	return 0;
}

static int dies_in_pop(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 0;
	EXPECT(2, slip_mpmc_pop(&w->c, &x));
	return 3;
}

static int dies_in_exclusive_pop(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_as(w, &w->c, SLIP_CONSUMER | SLIP_EXCLUSIVE) == 0);
	copies_to_live = 1;
	EXPECT(2, slip_mpmc_pop(&w->c, &x) && slip_mpmc_pop(&w->c, &x));
	return 3;
}

static int dies_in_pop_n(struct world *w)
{
	uint64_t x[4];

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 1;
	EXPECT(2, slip_mpmc_pop_n(&w->c, x, 4));
	return 3;
}

/* A ring of 1..10, and a consumer that ends by SIGKILL; then another. */
static struct world *after_consumer(int (*body)(struct world *), bool frozen,
				    unsigned flags)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 16, flags);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert(push_to(w, 1, 10), "push");
	pid = spawn(w, body);
	if (frozen) {
		await(w, pid, 1);
		kill(pid, SIGKILL);
	}
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert(slip_mpmc_gone(&w->p, SLIP_CONSUMER), "dead");
	cr_assert_eq(attach_consumer(w), 0, "successor");
	return w;
}

/* What it had taken comes before the end of file. */
Test(mpmc_crash, what_a_dead_one_had_taken_comes_before_the_end)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 16, SLIP_MPMC_WORK);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert(push_to(w, 1, 5), "push");
	pid = spawn(w, takes_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	slip_mpmc_detach(&w->p);
	for (uint64_t i = 4; i <= 5; i++)
		expect_wait(w, i);
	expect_wait(w, 1);
	expect_wait(w, 3);
	expect_end(w);
	expect_whole(w, 16);
	end(w);
}

/* Nobody calls slip_peer_recover, and the producer lives on. */
Test(mpmc_crash, who_waits_gets_what_a_dead_one_had_taken)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 16, SLIP_MPMC_WORK);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert(push_to(w, 1, 5), "push");
	pid = spawn(w, takes_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	for (uint64_t i = 4; i <= 5; i++)
		expect_wait(w, i);
	expect_wait(w, 1);
	expect_wait(w, 3);
	expect_whole(w, 16);
	end(w);
}

static void expect_rest(struct world *w, uint64_t first)
{
	for (uint64_t i = first; i <= 10; i++)
		expect_pop(w, i);
	expect_whole(w, 16);
	end(w);
}

Test(mpmc_crash, killed_between_take_and_ack_it_is_delivered_again)
{
	struct world *w =
		after_consumer(takes_and_freezes, true, SLIP_MPMC_WORK);
	struct slip_mpmc_ticket t;

	for (uint64_t i = 1; i <= 3; i += 2) {
		cr_assert(slip_mpmc_take(&w->c, &t), "again");
		cr_assert_eq(*(const uint64_t *)t.elem, i, "value");
		cr_assert_eq(t.attempts, 2u, "and flagged");
		slip_mpmc_ack(&w->c, &t);
	}
	expect_rest(w, 4);
}

Test(mpmc_crash, killed_between_take_and_ack_of_a_plain_ring_it_is_gone)
{
	expect_rest(after_consumer(takes_and_freezes, true, 0), 4);
}

Test(mpmc_crash, killed_after_pop_it_is_not_delivered_again)
{
	expect_rest(after_consumer(pops_and_freezes, true, 0), 2);
	expect_rest(after_consumer(pops_and_freezes, true, SLIP_MPMC_WORK), 2);
}

Test(mpmc_crash, killed_in_pop_it_is_gone)
{
	expect_rest(after_consumer(dies_in_pop, false, 0), 2);
}

Test(mpmc_crash, killed_in_pop_of_a_work_queue_it_is_delivered_again)
{
	struct world *w = after_consumer(dies_in_pop, false, SLIP_MPMC_WORK);

	expect_rest(w, 1);
}

Test(mpmc_crash, killed_in_an_exclusive_pop_it_stays)
{
	expect_rest(after_consumer(dies_in_exclusive_pop, false, 0), 2);
}

Test(mpmc_crash, killed_in_pop_n_all_of_the_claim_is_gone)
{
	expect_rest(after_consumer(dies_in_pop_n, false, 0), 5);
}

Test(mpmc_crash, killed_in_pop_n_of_a_work_queue_one_is_delivered_again)
{
	struct world *w = after_consumer(dies_in_pop_n, false, SLIP_MPMC_WORK);

	expect_rest(w, 2); /* the first was done with, the second is back */
}

/* Redelivery of what the dead one had in its hand: from the seat of a producer
 * that died before. */
static int takes_into_the_hand_and_freezes(struct world *w)
{
	struct slip_mpmc_ticket t;

	EXPECT(1, attach_consumer(w) == 0);
	EXPECT(2, slip_mpmc_take_until(&w->c, &t, SLIP_FOREVER) == 0);
	EXPECT(3, slip_mpmc_in_hand_(&w->c, t.word));
	freeze(w);
	return 0;
}

static int dies_in_the_first_copy(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 0;
	EXPECT(2, push_to(w, 1, 1));
	return 3;
}

Test(mpmc_crash, killed_with_a_full_hand_it_is_delivered_again)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct world *w = fresh();
		struct slip_mpmc_ticket t;
		pid_t pid;

		begin(w, 4, flags);
		cr_assert_eq(end_of(spawn(w, dies_in_the_first_copy)), SIGKILL);
		pid = spawn(w, takes_into_the_hand_and_freezes);
		await(w, pid, 1);
		cr_assert_eq(attach_consumer(w), 0, "consumer");
		cr_assert_eq(
			slip_mpmc_pop_until(&w->c, &t, slip_after_ns(1000000)),
			-EPIPE, "it has it, and nobody is left to push");
		kill_and_wait(pid);
		cr_assert_geq(slip_peer_recover(&w->self), 1);
		if (flags) {
			cr_assert(slip_mpmc_take(&w->c, &t), "again");
			cr_assert_eq(*(const uint64_t *)t.elem, 1u);
			cr_assert_eq(t.attempts, 2u);
			slip_mpmc_ack(&w->c, &t);
		}
		expect_whole(w, 4);
		end(w);
	}
}

/* --- deaths beside the living ---------------------------------------------- */

/* Long enough for a slice, whatever else runs here. */
static uint64_t a_slice_on(void)
{
	return slip_after_ns(UINT64_C(20000000000));
}

/* A ring of 2; those who live sit in the first seats, and ask about all. */
static struct world *pair_of_the_living(unsigned flags)
{
	struct world *w = fresh();

	begin(w, 2, flags);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	return w;
}

/* Nobody pushes after it, so nobody names it. */
Test(mpmc_crash, who_waits_gets_what_a_pusher_had_that_died_beside_the_living)
{
	for (unsigned flags = 0; flags <= SLIP_MPMC_WORK;
	     flags += SLIP_MPMC_WORK) {
		struct world *w = pair_of_the_living(flags);
		uint64_t x = 0;

		cr_assert_eq(end_of(spawn(w, dies_in_the_first_copy)), SIGKILL);
		cr_assert_not(slip_mpmc_pop(&w->c, &x), "unheard of");
		cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, a_slice_on()), 0);
		cr_assert_eq(x, 1u);
		expect_whole(w, 2);
		end(w);
	}
}

Test(mpmc_crash, a_source_tells_of_what_a_pusher_had_that_died)
{
	struct world *w = pair_of_the_living(0);
	struct slip_source s;

	slip_mpmc_pop_source(&s, &w->c);
	cr_assert_eq(end_of(spawn(w, dies_in_the_first_copy)), SIGKILL);
	cr_assert_eq(s.ready(&s, false), 0, "nobody is asked");
	cr_assert_eq(s.ready(&s, true), 1);
	expect_pop(w, 1);
	expect_whole(w, 2);
	end(w);
}

/* Both slots are with the dead. */
static struct world *without_room(void)
{
	struct world *w = pair_of_the_living(0);

	cr_assert(push_to(w, 1, 2), "push");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(end_of(spawn(w, dies_in_pop)), SIGKILL, "killed");
	cr_assert_not(push_to(w, 7, 7), "no room");
	return w;
}

Test(mpmc_crash, who_waits_for_room_gets_what_poppers_had_that_died)
{
	struct world *w = without_room();
	uint64_t x = 7;

	cr_assert_eq(slip_mpmc_push_until(&w->p, &x, a_slice_on()), 0);
	expect_pop(w, 7);
	expect_whole(w, 2);
	end(w);
}

Test(mpmc_crash, a_source_tells_of_room_that_poppers_had_who_died)
{
	struct world *w = without_room();
	struct slip_source s;

	slip_mpmc_push_source(&s, &w->p);
	cr_assert_eq(s.ready(&s, false), 0, "nobody is asked");
	cr_assert_eq(s.ready(&s, true), 1);
	cr_assert(push_to(w, 7, 7), "what was told");
	expect_pop(w, 7);
	expect_whole(w, 2);
	end(w);
}

/* --- the living hear of the dead ------------------------------------------- */

static int consumes_nothing_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	reach(w, 1);
	await_sleeper(&ring_of(w)->ev_space);
	kill(getpid(), SIGKILL);
	return 2;
}

Test(mpmc_crash, a_producer_that_sleeps_on_a_full_ring_hears_of_the_death)
{
	struct world *w = fresh();
	uint64_t x = 9;
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_producer(w), 0, "producer");
	pid = spawn(w, consumes_nothing_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert(push_to(w, 1, 8), "fill");
	cr_assert_eq(slip_mpmc_push_until(&w->p, &x, SLIP_FOREVER), -EPIPE,
		     "dead");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert(slip_mpmc_gone(&w->p, SLIP_CONSUMER), "state");
	cr_assert_eq(attach_consumer(w), 0, "successor");
	expect_pop(w, 1);
	cr_assert_eq(slip_mpmc_push_until(&w->p, &x, SLIP_FOREVER), 0,
		     "room again");
	end(w);
}

/* --- leaving in order ------------------------------------------------------ */

static int leaves_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 5, 5));
	reach(w, 1);
	await_sleeper(&ring_of(w)->ev_data);
	slip_mpmc_detach(&w->p);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

Test(mpmc_crash, a_detach_is_heard_of_without_an_oracle)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	/* Without a peer: it asks no oracle. */
	cr_assert_eq(
		slip_mpmc_attach(&w->c, w->mem, w->bytes, SLIP_CONSUMER, NULL),
		0, "consumer");
	pid = spawn(w, leaves_when_awaited);
	expect_wait(w, 5);
	expect_end(w);
	expect_exit(pid);
	end(w);
}

static int consumer_leaves_when_awaited(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	reach(w, 1);
	await_sleeper(&ring_of(w)->ev_space);
	slip_mpmc_detach(&w->c);
	return 0;
}

Test(mpmc_crash, a_detach_is_heard_of_by_a_producer_on_a_full_ring)
{
	struct world *w = fresh();
	uint64_t x = 9;
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(
		slip_mpmc_attach(&w->p, w->mem, w->bytes, SLIP_PRODUCER, NULL),
		0, "producer");
	pid = spawn(w, consumer_leaves_when_awaited);
	await(w, pid, 1);
	cr_assert(push_to(w, 1, 8), "fill");
	cr_assert_eq(slip_mpmc_push_until(&w->p, &x, SLIP_FOREVER), -EPIPE,
		     "left");
	expect_exit(pid);
	end(w);
}

/* --- stopped --------------------------------------------------------------- */

static int stands_still_in_push(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	still = &w->stage->reached;
	copies_to_live = 1;
	EXPECT(2, push_to(w, 1, 2));
	return 3;
}

static int stands_still_in_pop(struct world *w)
{
	uint64_t x;

	EXPECT(1, attach_consumer(w) == 0);
	still = &w->stage->reached;
	copies_to_live = 0;
	EXPECT(2, slip_mpmc_pop(&w->c, &x));
	return 3;
}

Test(mpmc_crash, nobody_waits_for_one_that_has_stopped_half_way)
{
	for (int pops = 0; pops < 2; pops++) {
		struct world *w = fresh();
		pid_t pid;

		begin(w, 4, 0);
		cr_assert_eq(attach_consumer(w), 0, "consumer");
		cr_assert_eq(attach_producer(w), 0, "producer");
		if (pops)
			cr_assert(push_to(w, 1, 1), "for it");
		pid = spawn(w,
			    pops ? stands_still_in_pop : stands_still_in_push);
		await(w, pid, 1);
		cr_assert(push_to(w, 3, 3), "goes on");
		for (uint64_t i = 1; !pops && i <= 2; i++)
			expect_pop(w, i);
		expect_pop(w, 3);
		for (uint64_t i = 0; i < 40; i++) {
			cr_assert(push_to(w, i, i), "push");
			expect_pop(w, i);
		}
		cr_assert_eq(look(w).held, 1u, "it keeps one slot");
		kill_and_wait(pid);
		expect_whole(w, 4);
		end(w);
	}
}

static int pushes_as_told(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	reach(w, 1);
	await_go(w);
	EXPECT(3, push_to(w, 4, 4));
	slip_mpmc_detach(&w->p);
	return 0;
}

Test(mpmc_crash, stopped_is_alive)
{
	struct world *w = fresh();
	uint64_t x = 0;
	int status = 0;
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_as_told);
	await(w, pid, 1);
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid, "waitpid");
	cr_assert(WIFSTOPPED(status), "stopped");
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, slip_after_ns(30000000)),
		     -ETIMEDOUT, "empty, and no end of file");
	cr_assert_not(slip_mpmc_gone(&w->c, SLIP_PRODUCER), "state");
	cr_assert_eq(attach_as(w, &w->p, SLIP_PRODUCER | SLIP_EXCLUSIVE),
		     -EBUSY, "no takeover from the living");
	slip_a32_store_release(&w->stage->go, 1);
	kill(pid, SIGCONT);
	expect_wait(w, 4);
	expect_exit(pid);
	end(w);
}

/* --- taking part ----------------------------------------------------------- */

static int sits_and_freezes(struct world *w)
{
	struct slip_mpmc q[SEATS];

	for (int i = 0; i < SEATS; i++)
		EXPECT(1, attach_as(w, &q[i], SLIP_PRODUCER) == 0);
	freeze(w);
	return 0;
}

Test(mpmc_crash, a_table_full_of_the_living_is_full_and_one_of_the_dead_is_not)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	pid = spawn(w, sits_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_producer(w), -EUSERS, "they live");
	cr_assert_eq(look(w).producers, (uint32_t)SEATS);
	kill_and_wait(pid);
	cr_assert_eq(attach_producer(w), 0, "they do not");
	cr_assert_eq(look(w).producers, 1u, "all were buried");
	expect_whole(w, 8);
	end(w);
}

/* The seat of a dead one is kept for what is to be heard from it. */
Test(mpmc_crash, a_seat_is_not_given_away_before_it_was_heard_out)
{
	struct world *w = fresh();

	begin(w, 4, 0);
	cr_assert_eq(end_of(spawn(w, dies_in_the_first_copy)), SIGKILL);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_geq(slip_peer_recover(&w->self), 1, "recovered");
	cr_assert_eq(look(w).dead, 1u, "and yet there");
	cr_assert_eq(slip_peer_recover(&w->self), 0, "its id is free");
	cr_assert(push_to(w, 2, 2), "goes on");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	expect_pop(w, 1);
	expect_pop(w, 2);
	take_all_seats(w);
	cr_assert_eq(look(w).dead, 0u, "buried");
	expect_whole(w, 4);
	end(w);
}

static int holds_alone_and_freezes(struct world *w)
{
	EXPECT(1, attach_as(w, &w->p, 7) == 0);
	EXPECT(2, push_to(w, 1, 3));
	freeze(w);
	return 0;
}

Test(mpmc_crash, exclusive_is_refused_beside_the_living_and_not_the_dead)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	pid = spawn(w, holds_alone_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_producer(w), -EBUSY, "alive");
	cr_assert_eq(attach_consumer(w), -EBUSY, "alive");
	kill_and_wait(pid);
	cr_assert_eq(attach_as(w, &w->c, 7), 0, "dead");
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	slip_mpmc_detach(&w->c);
	expect_whole(w, 8);
	end(w);
}

/* A third process, of no role in the ring, cleans up after the dead. */
static int recovers_for_others(struct world *w)
{
	uint32_t id = slip_a32_load_acquire(&w->stage->id);
	uint32_t gen = slip_a32_load_acquire(&w->stage->gen);
	int rc;

	EXPECT(1, slip_peer_hook(&w->self, SLIP_KIND_MPMC,
				 slip_mpmc_recover_) == 0);
	EXPECT(2, slip_peer_member_alive(&w->rg, id, gen) == 1);
	await_sleeper(&ring_of(w)->ev_data);
	kill((pid_t)slip_a32_load_acquire(&w->stage->pid), SIGKILL);
	while ((rc = slip_peer_member_alive(&w->rg, id, gen)) == 1)
		sched_yield();
	EXPECT(3, rc == 0);
	EXPECT(4, slip_peer_recover(&w->self) == 1);
	slip_peer_leave(&w->self);
	return 0;
}

static int stands_still_and_tells_its_id(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	slip_a32_store_release(&w->stage->id, w->self.id);
	slip_a32_store_release(&w->stage->gen, w->self.gen);
	still = &w->stage->reached;
	copies_to_live = 0;
	EXPECT(2, push_to(w, 8, 8));
	return 3;
}

Test(mpmc_crash, recovery_by_a_third_is_heard_of_without_an_oracle)
{
	struct world *w = fresh();
	pid_t victim;
	pid_t third;

	begin(w, 8, 0);
	/* Without a peer: nobody but the third finds out. */
	cr_assert_eq(
		slip_mpmc_attach(&w->c, w->mem, w->bytes, SLIP_CONSUMER, NULL),
		0, "consumer");
	victim = spawn(w, stands_still_and_tells_its_id);
	await(w, victim, 1);
	slip_a32_store_release(&w->stage->pid, (uint32_t)victim);
	third = spawn(w, recovers_for_others);
	expect_wait(w, 8);
	expect_end(w);
	cr_assert_eq(end_of(victim), SIGKILL, "victim");
	expect_exit(third);
	end(w);
}

Test(mpmc_crash, attach_says_what_is_wrong_with_its_peer)
{
	struct world *w = fresh();
	struct slip_peer full, left;

	begin(w, 8, 0);
	cr_assert_eq(slip_peer_join(&left, &w->rg), 0);
	slip_peer_leave(&left);
	cr_assert_eq(slip_mpmc_attach(&w->p, w->mem, w->bytes, 1, &left),
		     -EINVAL, "it has left");
	cr_assert_eq(slip_peer_join(&full, &w->rg), 0);
	for (uint32_t i = 0; i < SLIP_PEER_HOOKS_MAX; i++)
		cr_assert_eq(
			slip_peer_hook(&full, 1000 + i, slip_mpmc_recover_), 0);
	cr_assert_eq(slip_mpmc_attach(&w->p, w->mem, w->bytes, 1, &full),
		     -ENOSPC, "no room for a hook");
	slip_peer_leave(&full);
	cr_assert_eq(look(w).producers, 0u);
	end(w);
}

/* --- fork ------------------------------------------------------------------ */

static int uses_inherited_handles(struct world *w)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc q;
	uint64_t x = 0;

	EXPECT(1, slip_mpmc_push_until(&w->p, &x, 0) == -ECHILD);
	EXPECT(2, slip_mpmc_pop_until(&w->c, &x, 0) == -ECHILD);
	EXPECT(3, slip_mpmc_take_until(&w->c, &t, 0) == -ECHILD);
	/* The ring is not here; that is told before it is looked at. */
	EXPECT(4,
	       slip_mpmc_attach(&q, w->mem, w->bytes, 1, &w->self) == -ECHILD);
	slip_mpmc_detach(&w->p);
	slip_mpmc_detach(&w->c);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

Test(mpmc_crash, a_fork_child_can_neither_use_nor_end_its_parents_handles)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 0);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = fork();
	cr_assert(pid >= 0, "fork");
	if (pid == 0)
		_exit(uses_inherited_handles(w));
	expect_exit(pid);
	cr_assert_eq(look(w).producers, 1u, "producer");
	cr_assert_eq(look(w).consumers, 1u, "consumer");
	cr_assert(push_to(w, 1, 1), "push");
	expect_pop(w, 1);
	end(w);
}

/* --- other places ---------------------------------------------------------- */

static int pushes_many(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	reach(w, 1);
	for (uint64_t i = 0; i < 3000; i++)
		EXPECT(2, slip_mpmc_push_until(&w->p, &i, SLIP_FOREVER) == 0);
	slip_mpmc_detach(&w->p);
	return 0;
}

Test(mpmc_crash, two_producers_at_two_addresses_feed_one_ring)
{
	struct world *w = fresh();
	uint64_t next[2] = { 0, 0 };
	uint64_t sum = 0;
	uint64_t x;
	pid_t pid;
	pid_t other;

	begin(w, 16, 0);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_many);
	await(w, pid, 1);
	other = spawn(w, pushes_many);
	await(w, other, 1);
	for (uint64_t i = 0; i < 6000; i++) {
		cr_assert_eq(slip_mpmc_pop_until(&w->c, &x, SLIP_FOREVER), 0,
			     "pop");
		/* Each producer's own come in order. */
		if (x == next[0])
			next[0]++;
		else
			cr_assert_eq(x, next[1]++, "order");
		sum += x;
	}
	cr_assert_eq(sum, UINT64_C(2999) * 3000, "all of both");
	expect_end(w);
	expect_exit(pid);
	expect_exit(other);
	end(w);
}
