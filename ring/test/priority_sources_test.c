/* SPDX-License-Identifier: MIT */
/* The sides of a ring with levels as sources of a waitset: when they are ready,
 * what they say of the end, and where they sleep. */
#define _GNU_SOURCE
#include "priority_bench.h"

#include <errno.h>

#include "../sources.h"

#define BIT(n) SLIP_PRIORITY_LEVEL(n)

static int now(const struct slip_source *s, bool ask)
{
	return s->ready(s, ask);
}

Test(priority_sources, ready_when_a_level_of_the_set_has_some)
{
	struct slip_source all, some;
	struct slip_priority other;
	struct slip_waitset w;
	struct bench b;

	setup(&b, 4, 4, 8, 0);
	attach(&other, &b, SLIP_CONSUMER);
	slip_priority_pop_source(&all, &b.c, SLIP_PRIORITY_ALL);
	slip_priority_pop_source(&some, &other, BIT(0) | BIT(2));
	cr_assert(all.event == &ring_of(&b)->home.ev_data);
	cr_assert(some.event == &ring_of(&b)->home.ev_space);
	cr_assert_eq(slip_waitset_init(&w, &all, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, 0), -ETIMEDOUT);
	cr_assert_eq(now(&some, true), 0);
	push(&b.p, 1, 5);
	cr_assert_eq(now(&all, false), 1);
	cr_assert_eq(now(&some, false), 0, "not for these");
	push(&b.p, 0, 6);
	cr_assert_eq(now(&some, false), 1);
	expect(&b.c, 1, 5);
	push(&b.p, 2, 7);
	expect(&other, 2, 7);
	expect(&b.c, 0, 6);
	cr_assert_eq(now(&all, false), 0);
	cr_assert_eq(now(&some, false), 0);
	slip_priority_detach(&other);
	teardown(&b);
}

Test(priority_sources, the_end_comes_after_what_is_left)
{
	struct slip_source s;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	slip_priority_pop_source(&s, &b.c, SLIP_PRIORITY_ALL);
	push(&b.p, 0, 1);
	slip_priority_detach(&b.p);
	cr_assert_eq(now(&s, true), 1);
	expect(&b.c, 0, 1);
	cr_assert_eq(now(&s, false), -EPIPE);
	slip_priority_detach(&b.c);
	cr_assert_eq(now(&s, true), -EPIPE, "closed");
	teardown(&b);
}

/* As the last one goes it leaves an element that nobody has looked for yet. */
Test(priority_sources, what_the_last_one_left_comes_before_the_end)
{
	struct slip_source s;
	struct stopped half;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	slip_priority_pop_source(&s, &b.c, SLIP_PRIORITY_ALL);
	push_half(&b.p, &half, 1, 7);
	cr_assert_eq(now(&s, false), 0, "nobody has named it");
	dies(&b.p);
	cr_assert_eq(now(&s, true), 1, "who looks recovers it");
	expect(&b.c, 1, 7);
	b.p.q.error = -EPIPE;
	cr_assert_eq(now(&s, true), -EPIPE);
	teardown(&b);
}

Test(priority_sources, who_cannot_be_ready_is_told_why)
{
	struct slip_source s;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	slip_priority_pop_source(&s, &b.c, BIT(2));
	cr_assert_eq(now(&s, false), -EINVAL, "no such level");
	slip_priority_pop_source(&s, &b.p, SLIP_PRIORITY_ALL);
	cr_assert_eq(now(&s, false), -EINVAL, "no consumer");
	slip_priority_push_source(&s, &b.p, 2);
	cr_assert(s.event == NULL);
	cr_assert_eq(now(&s, false), -EINVAL, "no such level");
	slip_priority_push_source(&s, &b.c, 1);
	cr_assert_eq(now(&s, false), -EINVAL, "no producer");
	teardown(&b);
}

Test(priority_sources, a_handle_that_never_attached_is_closed)
{
	struct slip_priority q;
	struct slip_source s;

	cr_assert_eq(slip_priority_attach(&q, NULL, 0, 1, NULL), -EINVAL);
	slip_priority_pop_source(&s, &q, SLIP_PRIORITY_ALL);
	cr_assert(s.event == NULL);
	cr_assert_eq(now(&s, true), -EPIPE);
	slip_priority_push_source(&s, &q, 0);
	cr_assert(s.event == NULL);
	cr_assert_eq(now(&s, true), -EPIPE);
}

Test(priority_sources, ready_when_there_is_room_in_the_level)
{
	struct slip_source s[2];
	struct slip_priority other;
	struct bench b;

	setup(&b, 2, 2, 8, 0);
	attach(&other, &b, SLIP_PRODUCER);
	slip_priority_push_source(&s[0], &b.p, 0);
	slip_priority_push_source(&s[1], &other, 1);
	cr_assert(s[1].event == &slip_mpmc_level_(&b.p.q, 1)->ev_space);
	for (uint64_t i = 0; i < 2; i++) {
		cr_assert_eq(now(&s[1], false), 1);
		push(&b.p, 1, i);
	}
	cr_assert_eq(now(&s[0], false), 1, "there is in this one");
	cr_assert_eq(now(&s[1], false), 0, "full");
	expect(&b.c, 1, 0);
	cr_assert_eq(now(&s[1], true), 1);
	push(&b.p, 1, 2);
	slip_priority_detach(&b.c);
	cr_assert_eq(now(&s[1], true), -EPIPE);
	cr_assert_eq(now(&s[0], true), -EPIPE, "also where there is room");
	slip_priority_detach(&other);
	teardown(&b);
}

Test(priority_sources, a_pusher_finds_out_that_all_consumers_are_dead)
{
	struct slip_source s;
	struct bench b;

	setup(&b, 2, 2, 8, 0);
	slip_priority_push_source(&s, &b.p, 1);
	push(&b.p, 1, 0);
	push(&b.p, 1, 1);
	dies(&b.c);
	cr_assert_eq(now(&s, false), -EPIPE);
	b.c.q.error = -EPIPE;
	teardown(&b);
}

/* Where only a try can tell, a slice's end is called ready. */
Test(priority_sources, what_only_a_try_can_tell_is_ready_once_in_a_slice)
{
	struct slip_priority slow[2];
	struct stopped half[2];
	struct slip_source s;
	slip_a64 *slot;
	struct bench b;

	setup(&b, 2, 2, 8, 0);
	for (uint64_t i = 0; i < 2; i++)
		push(&b.p, 1, i);
	for (int i = 0; i < 2; i++) {
		attach(&slow[i], &b, SLIP_CONSUMER);
		pop_half(&slow[i], &half[i], 1);
	}
	slip_priority_push_source(&s, &b.p, 1);
	cr_assert_eq(now(&s, false), 0, "both slots are in slow hands");
	cr_assert_eq(now(&s, true), 1);
	slip_priority_pop_source(&s, &b.c, SLIP_PRIORITY_ALL);
	cr_assert_eq(now(&s, true), 0);
	slip_priority_turn_(&b.p, 0);
	slot = slip_mpmc_slot_(&b.p.q, 0, 8);
	slip_a64_store_relaxed(slot, UINT64_C(1) << 40); /* cannot be */
	cr_assert_eq(now(&s, false), 0);
	cr_assert_eq(now(&s, true), 1);
	for (int i = 0; i < 2; i++)
		slow[i].q.error = -EPIPE;
	teardown(&b);
}
