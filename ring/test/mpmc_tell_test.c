/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h: who tells whom. One who sleeps looks again after each slice, and
 * so finds what nobody tells, but late: so here it is the event's word that is
 * looked at. */
#include <pthread.h>
#include <sched.h>

#include "mpmc_bench.h"

static struct bench b;
static struct slip_mpmc_ticket t;

static struct slip_event *data(void)
{
	return &ring_of(&b)->ev_data;
}

static struct slip_event *space(void)
{
	return &ring_of(&b)->ev_space;
}

/* Is one who has announced that it sleeps there told by `operation`? */
static bool tells(struct slip_event *event, void (*operation)(void))
{
	uint32_t key;

	cr_assert_eq(slip_event_prepare(event, b.p.side.mode, &key), 0);
	operation();
	return slip_a32_load_relaxed(&event->word) != key;
}

static void set_up(unsigned flags, uint64_t elements)
{
	setup(&b, 4, 8, flags | SLIP_EVENT_FULL);
	if (elements)
		push_to(&b.p, 1, elements);
}

static void pushes(void)
{
	push_to(&b.p, 9, 9);
}

static void pushes_two(void)
{
	uint64_t x[2] = { 8, 9 };

	cr_assert_eq(slip_mpmc_push_n(&b.p, x, 2), 2u);
}

static void commits(void)
{
	uint64_t *draft = slip_mpmc_claim(&b.p);

	cr_assert(draft != NULL, "claim");
	*draft = 9;
	cr_assert(slip_mpmc_commit(&b.p), "commit");
}

static void finds_it_full(void)
{
	uint64_t x = 9;

	cr_assert_not(slip_mpmc_push(&b.p, &x), "full");
}

Test(mpmc_tell, who_waits_for_an_element_is_told_of_each_push)
{
	set_up(0, 0);
	cr_assert(tells(data(), pushes));
	cr_assert(tells(data(), pushes_two));
	cr_assert(tells(data(), commits));
	cr_assert_not(tells(data(), finds_it_full));
	teardown(&b);
}

static void pops(void)
{
	uint64_t x;

	cr_assert(slip_mpmc_pop(&b.c, &x), "pop");
}

static void pops_two(void)
{
	uint64_t x[2];

	cr_assert_eq(slip_mpmc_pop_n(&b.c, x, 2), 2u);
}

static void finds_it_empty(void)
{
	expect_empty(&b.c);
}

Test(mpmc_tell, who_waits_for_room_is_told_of_each_pop)
{
	set_up(0, 3);
	cr_assert(tells(space(), pops));
	cr_assert(tells(space(), pops_two));
	cr_assert_not(tells(space(), finds_it_empty));
	teardown(&b);
}

static void takes(void)
{
	cr_assert(slip_mpmc_take(&b.c, &t), "take");
}

static void acks(void)
{
	slip_mpmc_ack(&b.c, &t);
}

static void nacks(void)
{
	cr_assert_eq(slip_mpmc_nack(&b.c, &t), 0);
}

static void buries(void *context, const void *elem, uint32_t attempts)
{
	(void)context;
	(void)elem;
	(void)attempts;
}

Test(mpmc_tell, who_waits_is_told_of_what_becomes_of_a_ticket)
{
	set_up(SLIP_MPMC_WORK, 3);
	cr_assert_not(tells(space(), takes), "it is not done with");
	cr_assert(tells(space(), acks));
	takes();
	cr_assert(tells(data(), nacks));
	slip_mpmc_set_dead_letter(&b.c, 1, buries, NULL);
	cr_assert(tells(space(), takes), "of the one that was buried");
	cr_assert_eq(*(const uint64_t *)t.elem, 3u);
	teardown(&b);
}

/* --- one, or all ------------------------------------------------------------ */

static void *sleep_on(void *event)
{
	uint32_t key;

	cr_assert_eq(slip_event_prepare(event, b.p.side.mode, &key), 0);
	cr_assert_eq(slip_event_sleep(event, key, SLIP_FOREVER), 0);
	return NULL;
}

/* Until the kernel knows of the sleeper: it is moved elsewhere, and back. (If the
 * kernel interrupts it meanwhile, it goes back by itself.) */
static void until_queued(struct slip_event *event)
{
	slip_a32 aside;

	slip_a32_store_relaxed(&aside, 0); /* own */
	do {
		while (slip_futex_requeue(&event->word, 0, &aside, 1,
					  SLIP_SHARED) != 1)
			sched_yield();
	} while (slip_futex_requeue(&aside, 0, &event->word, 1, SLIP_SHARED) !=
		 1);
}

/* With one asleep: are all told? Then nobody is said to sleep any more. */
static bool tells_all(struct slip_event *event, void (*operation)(void))
{
	pthread_t thread;
	uint32_t key;

	cr_assert_eq(pthread_create(&thread, NULL, sleep_on, event), 0);
	until_queued(event);
	key = slip_a32_load_relaxed(&event->word);
	operation();
	cr_assert_eq(pthread_join(thread, NULL), 0);
	return slip_a32_load_relaxed(&event->word) != key;
}

Test(mpmc_tell, one_is_told_of_one_and_all_of_several)
{
	set_up(0, 0);
	cr_assert_not(tells_all(data(), pushes));
	cr_assert(tells_all(data(), pushes_two));
	cr_assert_not(tells_all(space(), pops));
	cr_assert(tells_all(space(), pops_two));
	teardown(&b);
}

/* --- for others ------------------------------------------------------------ */

/* Its pusher cannot have told of it. */
Test(mpmc_tell, who_hears_an_element_tells_of_it)
{
	struct slip_mpmc slow;
	struct stopped s;

	set_up(0, 0);
	attach(&slow, &b, SLIP_PRODUCER);
	push_half(&slow, &s, 1);
	pushes(); /* names it */
	cr_assert(tells(data(), pops));
	cr_assert_not(tells(data(), pops), "its pusher has told of that");
	push_rest(&s);
	slip_mpmc_detach(&slow);
	teardown(&b);
}

/* A void is at head: to go past it makes room, though nothing is popped. */
Test(mpmc_tell, who_goes_past_a_void_tells_of_the_room)
{
	struct slip_mpmc slow;
	struct stopped s;

	set_up(0, 4);
	attach(&slow, &b, SLIP_CONSUMER);
	pop_half(&slow, &s);
	for (uint64_t i = 2; i <= 4; i++)
		expect_pop(&b.c, i);
	push_to(&b.p, 5, 7);
	cr_assert(tells(space(), finds_it_full), "void");
	cr_assert_not(tells(space(), finds_it_full), "not void");
	for (uint64_t i = 5; i <= 7; i++)
		expect_pop(&b.c, i);
	pop_rest(&slow, &s);
	slip_mpmc_detach(&slow);
	teardown(&b);
}

static void producer_leaves(void)
{
	slip_mpmc_detach(&b.p);
}

static void consumer_leaves(void)
{
	slip_mpmc_detach(&b.c);
}

Test(mpmc_tell, who_leaves_tells_both_sides)
{
	set_up(0, 0);
	cr_assert(tells(data(), producer_leaves));
	attach(&b.p, &b, SLIP_PRODUCER);
	cr_assert(tells(space(), producer_leaves), "room may be waited for");
	attach(&b.p, &b, SLIP_PRODUCER);
	cr_assert(tells(space(), consumer_leaves));
	teardown(&b);
}

static void recovers(void)
{
	cr_assert_eq(slip_mpmc_recover_(NULL, b.mem, b.bytes, 5, 7), 0);
}

Test(mpmc_tell, who_recovers_tells_both_sides)
{
	set_up(0, 0);
	cr_assert(tells(data(), recovers));
	cr_assert(tells(space(), recovers));
	teardown(&b);
}
