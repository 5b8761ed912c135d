/* SPDX-License-Identifier: MIT */
/*
 * ring/sources.h when somebody else does something between any two accesses of
 * a look at an MPMC ring; and what only a try can tell.
 */
#define _GNU_SOURCE
#include "../../atomics/test/step.h"
#include "../sources.h"

#define CAPACITY 2
#define PLACES	 100
#define FLAGS	 (SLIP_EVENT_FULL | SLIP_MPMC_SEATS(3))

/* `mine` looks, the others do something meanwhile. */
static struct slip_mpmc mine, pusher, popper;
static struct slip_source source;
static void *mem;
static size_t bytes;
static int now;

static void attach(struct slip_mpmc *q, unsigned role)
{
	cr_assert_eq(slip_mpmc_attach(q, mem, bytes, role, NULL), 0);
	q->patience = 0;
}

static void make(unsigned role)
{
	if (mem)
		step_free();
	bytes = slip_mpmc_bytes(CAPACITY, 8, FLAGS);
	mem = step_memory(bytes);
	cr_assert_eq(slip_mpmc_init(mem, bytes, CAPACITY, 8, FLAGS), 0);
	attach(&mine, role);
	if (role == SLIP_CONSUMER) {
		attach(&pusher, SLIP_PRODUCER);
		slip_mpmc_pop_source(&source, &mine);
	} else {
		slip_mpmc_push_source(&source, &mine);
	}
	attach(&popper, SLIP_CONSUMER);
	if (role == SLIP_PRODUCER)
		attach(&pusher, SLIP_PRODUCER);
}

static void push(void)
{
	const uint64_t x = 7;

	cr_assert(slip_mpmc_push(&pusher, &x));
}

static void pop(void)
{
	uint64_t x;

	cr_assert(slip_mpmc_pop(&popper, &x));
}

/* Once round, and never empty if it was not. */
static void lap(void)
{
	for (int i = 0; i < CAPACITY; i++) {
		push();
		pop();
	}
}

static void push_and_leave(void)
{
	push();
	slip_mpmc_detach(&pusher);
}

static void last_leaves(void)
{
	slip_mpmc_detach(&popper);
}

static void look(void)
{
	now = slip_source_look_(&source, false);
}

static void ask(void)
{
	now = slip_source_look_(&source, true);
}

static slip_a64 *slot(uint64_t p)
{
	return slip_mpmc_slot_(&mine, p, 8);
}

Test(sources_step, an_element_is_there_however_fast_others_are)
{
	unsigned long at = 1;

	for (bool there = true; there; at++) {
		make(SLIP_CONSUMER);
		push();
		there = step_run(look, lap, at);
		cr_assert_eq(now, 1, "at %lu", at);
	}
	cr_assert_gt(at, 3ul);
	cr_assert_lt(at, (unsigned long)PLACES);
}

Test(sources_step, the_end_is_not_told_before_the_last_element)
{
	unsigned long at = 1;

	for (bool there = true; there; at++) {
		make(SLIP_CONSUMER);
		there = step_run(look, push_and_leave, at);
		cr_assert(now == 0 || now == 1, "at %lu: %d", at, now);
		if (there)
			look();
		cr_assert_eq(now, there, "at %lu", at);
	}
	cr_assert_lt(at, (unsigned long)PLACES);
}

Test(sources_step, room_that_others_use_is_room_again)
{
	unsigned long at = 1;

	for (bool there = true; there; at++) {
		make(SLIP_PRODUCER);
		there = step_run(look, lap, at);
		cr_assert(now == 0 || now == 1, "at %lu: %d", at, now);
		look();
		cr_assert_eq(now, 1, "at %lu", at);
	}
	cr_assert_lt(at, (unsigned long)PLACES);
}

Test(sources_step, the_last_consumer_leaves_a_full_ring)
{
	unsigned long at = 1;

	for (bool there = true; there; at++) {
		make(SLIP_PRODUCER);
		push();
		push();
		there = step_run(look, last_leaves, at);
		cr_assert(now == 0 || now == -EPIPE, "at %lu: %d", at, now);
		look();
		cr_assert_eq(now, there ? -EPIPE : 0, "at %lu", at);
	}
	cr_assert_lt(at, (unsigned long)PLACES);
}

/* Damage, which a pop finds: head stands before a slot that was popped. */
Test(sources_step, a_slot_that_is_ahead_of_its_ring_is_tried_after_a_slice)
{
	uint64_t p;

	make(SLIP_CONSUMER);
	push();
	p = slip_mpmc_at_(slip_a64_load_relaxed(&mine.ring->head));
	slip_a64_store_relaxed(slot(p), p + 2 * CAPACITY * SLIP_MPMC_ONE);
	look();
	cr_assert_eq(now, 0);
	ask();
	cr_assert_eq(now, 1);
}

/* Claimed and announced: it can be heard, but by one whose hand is full. */
Test(sources_step, what_is_on_its_way_is_for_an_empty_hand)
{
	uint64_t x = 7;
	uint64_t p;

	make(SLIP_CONSUMER);
	slip_mpmc_announce_(&pusher, 0, &x, 8);
	cr_assert_not_null(slip_mpmc_take_place_(&pusher, &p, 8));
	slip_a64_store_relaxed(slot(p), p | pusher.me); /* as a helper does */
	look();
	cr_assert_eq(now, 1);
	slip_a64_store_relaxed(&mine.seat->hand, 1); /* init */
	look();
	cr_assert_eq(now, 0);
	ask();
	cr_assert_eq(now, 1);
}
