/* SPDX-License-Identifier: MIT */
/*
 * ring/priority.h between processes that map it at different addresses, and that
 * die, stop or fork at a known point, in each level. Every instruction:
 * stress/kill.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../priority.h"
#include "../sources.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define SEATS  6
#define LEVELS 3
#define ROOM   4

#define WORLD_KIND SLIP_KIND_PRIORITY
#define WORLD_HANDLES           \
	struct slip_priority p; \
	struct slip_priority c;
#include "world.h"

static struct slip_priority_ring *ring_of(struct world *w)
{
	return w->mem;
}

static struct world *begin(void)
{
	static struct world w;
	unsigned flags = SLIP_PRIORITY_SEATS(SEATS);

	memset(&w, 0, sizeof(w));
	w.p.q.error = -EPIPE;
	w.c.q.error = -EPIPE;
	world_open(&w, slip_priority_bytes(LEVELS, ROOM, 8, flags));
	cr_assert_eq(slip_priority_init(w.mem, w.bytes, LEVELS, ROOM, 8, flags),
		     0);
	world_publish(&w);
	return &w;
}

static void end(struct world *w)
{
	slip_priority_detach(&w->p);
	slip_priority_detach(&w->c);
	world_close(w);
}

static int attach(struct world *w, struct slip_priority *q, unsigned roles)
{
	return slip_priority_attach(q, w->mem, w->bytes, roles, &w->self);
}

static int attach_producer(struct world *w)
{
	return attach(w, &w->p, SLIP_PRODUCER);
}

static int attach_consumer(struct world *w)
{
	return attach(w, &w->c, SLIP_CONSUMER);
}

static uint32_t level_of(const struct world *w)
{
	/* init: set before the child */
	return slip_a32_load_relaxed(&w->stage->go);
}

static bool push(struct slip_priority *q, uint32_t level, uint64_t value)
{
	return slip_priority_push(q, &value, level);
}

static void expect(struct world *w, uint32_t level, uint64_t value)
{
	uint64_t x = ~value;
	uint32_t at = 99;

	cr_assert(slip_priority_pop(&w->c, &x, &at), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
	cr_assert_eq(at, level, "level %u", at);
}

static struct slip_priority_info look(struct world *w)
{
	struct slip_priority_info info;

	cr_assert_eq(slip_priority_inspect(w->mem, w->bytes, &info), 0);
	return info;
}

/* Every level has all of its room, and no seat is anybody's that is gone. */
static void expect_whole(struct world *w)
{
	struct slip_priority q[SEATS];
	int n = 0;

	cr_assert_geq(slip_peer_recover(&w->self), 0, "recover");
	while (n < SEATS && attach(w, &q[n], SLIP_PRODUCER) == 0)
		n++;
	cr_assert_eq(n, SEATS - (w->p.q.error == 0) - (w->c.q.error == 0));
	while (n)
		slip_priority_detach(&q[--n]);
	if (w->p.q.error)
		cr_assert_eq(attach_producer(w), 0, "producer");
	if (w->c.q.error)
		cr_assert_eq(attach_consumer(w), 0, "consumer");
	for (uint32_t l = 0; l < LEVELS; l++) {
		for (uint64_t i = 0; i < ROOM; i++)
			cr_assert(push(&w->p, l, i), "all of it is there");
		cr_assert_not(push(&w->p, l, 9), "and no more");
	}
	for (uint32_t l = LEVELS; l-- > 0;)
		for (uint64_t i = 0; i < ROOM; i++)
			expect(w, l, i);
	cr_assert_eq(look(w).dead, 0u);
	cr_assert_eq(look(w).held, 0u);
}

/* --- deaths ---------------------------------------------------------------- */

static int pushes_one_and_dies_in_the_next(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	for (uint32_t l = 0; l < LEVELS; l++)
		EXPECT(2, push(&w->p, l, 10 + l));
	copies_to_live = 0;
	(void)push(&w->p, level_of(w), 20);
	return 3;
}

Test(priority_crash, an_element_is_delivered_whose_pusher_died_after_its_claim)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		struct world *w = begin();
		pid_t pid;

		slip_a32_store_relaxed(&w->stage->go, level); /* init */
		pid = spawn(w, pushes_one_and_dies_in_the_next);
		cr_assert_eq(end_of(pid), SIGKILL);
		cr_assert_eq(attach_consumer(w), 0);
		cr_assert_eq(slip_peer_recover(&w->self), 1);
		for (uint32_t l = LEVELS; l-- > 0;) {
			expect(w, l, 10 + l);
			if (l == level)
				expect(w, l, 20);
		}
		expect_whole(w);
		end(w);
	}
}

static int pops_and_dies(struct world *w)
{
	uint64_t x;
	uint32_t at;

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 0;
	(void)!slip_priority_pop_highest(&w->c, UINT64_C(1) << level_of(w), &x,
					 &at);
	return 3;
}

Test(priority_crash, what_a_popper_had_claimed_is_gone_and_its_slot_is_not)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		struct world *w = begin();
		pid_t pid;

		cr_assert_eq(attach_producer(w), 0);
		for (uint32_t l = 0; l < LEVELS; l++) {
			cr_assert(push(&w->p, l, 10 + l));
			cr_assert(push(&w->p, l, 20 + l));
		}
		slip_a32_store_relaxed(&w->stage->go, level); /* init */
		pid = spawn(w, pops_and_dies);
		cr_assert_eq(end_of(pid), SIGKILL);
		cr_assert_eq(attach_consumer(w), 0);
		for (uint32_t l = LEVELS; l-- > 0;) {
			if (l != level)
				expect(w, l, 10 + l);
			expect(w, l, 20 + l);
		}
		expect_whole(w);
		end(w);
	}
}

/* Though there is a consumer alive: who waits asks about all. */
Test(priority_crash, who_waits_for_room_gets_what_a_dead_popper_had)
{
	struct world *w = begin();
	uint64_t x = 9;
	pid_t pid;

	cr_assert_eq(attach_producer(w), 0);
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert(push(&w->p, 1, i));
	slip_a32_store_relaxed(&w->stage->go, 1); /* init */
	pid = spawn(w, pops_and_dies);
	cr_assert_eq(end_of(pid), SIGKILL);
	cr_assert_eq(attach_consumer(w), 0);
	cr_assert_not(push(&w->p, 1, 9), "it has a slot");
	cr_assert_eq(slip_priority_push_until(&w->p, &x, 1, SLIP_FOREVER), 0);
	for (uint64_t i = 1; i < ROOM; i++)
		expect(w, 1, i);
	expect(w, 1, 9);
	expect_whole(w);
	end(w);
}

/* Long enough for a slice, whatever else runs here. */
static uint64_t a_slice_on(void)
{
	return slip_after_ns(UINT64_C(20000000000));
}

static int dies_in_its_first_push(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 0;
	(void)push(&w->p, level_of(w), 20);
	return 3;
}

/* One who lives sits before it, and the level is used by nobody else. */
static struct world *with_an_element_unheard_of(uint32_t level)
{
	struct world *w = begin();
	uint64_t x;
	uint32_t at;

	cr_assert_eq(attach_producer(w), 0);
	cr_assert_eq(attach_consumer(w), 0);
	slip_a32_store_relaxed(&w->stage->go, level); /* init */
	cr_assert_eq(end_of(spawn(w, dies_in_its_first_push)), SIGKILL);
	for (uint64_t i = 0; i < 3 * ROOM; i++) {
		cr_assert(push(&w->p, (level + 1) % LEVELS, i));
		expect(w, (level + 1) % LEVELS, i);
	}
	cr_assert_not(slip_priority_pop(&w->c, &x, &at), "unheard of");
	return w;
}

Test(priority_crash, who_waits_gets_what_a_pusher_had_that_died)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		struct world *w = with_an_element_unheard_of(level);
		uint64_t x = 0;
		uint32_t at = 99;

		cr_assert_eq(
			slip_priority_pop_until(&w->c, &x, &at, a_slice_on()),
			0);
		cr_assert_eq(x, 20u);
		cr_assert_eq(at, level);
		expect_whole(w);
		end(w);
	}
}

Test(priority_crash, a_source_tells_of_what_a_pusher_had_that_died)
{
	struct world *w = with_an_element_unheard_of(1);
	struct slip_source s;

	slip_priority_pop_source(&s, &w->c, SLIP_PRIORITY_ALL);
	cr_assert_eq(s.ready(&s, false), 0, "nobody is asked");
	cr_assert_eq(s.ready(&s, true), 1);
	expect(w, 1, 20);
	expect_whole(w);
	end(w);
}

/* All slots of a level are with the dead, and a consumer lives in a seat before
 * theirs. */
static struct world *without_room(uint32_t level)
{
	struct world *w = begin();

	cr_assert_eq(attach_producer(w), 0);
	cr_assert_eq(attach_consumer(w), 0);
	slip_a32_store_relaxed(&w->stage->go, level); /* init */
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert(push(&w->p, level, i));
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert_eq(end_of(spawn(w, pops_and_dies)), SIGKILL);
	cr_assert_not(push(&w->p, level, 9), "each has a slot");
	return w;
}

Test(priority_crash, who_waits_for_room_gets_what_poppers_had_that_died)
{
	struct world *w = without_room(2);
	uint64_t x = 7;

	cr_assert_eq(slip_priority_push_until(&w->p, &x, 2, a_slice_on()), 0);
	expect(w, 2, 7);
	expect_whole(w);
	end(w);
}

Test(priority_crash, a_source_tells_of_room_that_poppers_had_who_died)
{
	struct world *w = without_room(0);
	struct slip_source s;

	slip_priority_push_source(&s, &w->p, 0);
	cr_assert_eq(s.ready(&s, false), 0, "nobody is asked");
	cr_assert_eq(s.ready(&s, true), 1);
	cr_assert(push(&w->p, 0, 7), "what was told");
	expect(w, 0, 7);
	expect_whole(w);
	end(w);
}

static int attaches_and_freezes(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push(&w->p, 1, 5));
	freeze(w);
	return 3;
}

Test(priority_crash, the_end_comes_when_every_producer_is_dead)
{
	struct world *w = begin();
	uint64_t x = 0;
	uint32_t at;
	pid_t pid = spawn(w, attaches_and_freezes);

	await(w, pid, 1);
	cr_assert_eq(attach_consumer(w), 0);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 5u);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, 0), -ETIMEDOUT,
		     "it lives");
	kill_and_wait(pid);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(
		slip_priority_pop_lowest_until(&w->c, 1, &x, &at, SLIP_FOREVER),
		-EPIPE);
	expect_whole(w);
	end(w);
}

static int consumes_and_freezes(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	freeze(w);
	return 3;
}

Test(priority_crash, a_pusher_learns_that_every_consumer_is_dead)
{
	struct world *w = begin();
	uint64_t x = 0;
	pid_t pid = spawn(w, consumes_and_freezes);

	await(w, pid, 1);
	cr_assert_eq(attach_producer(w), 0);
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert_eq(
			slip_priority_push_until(&w->p, &i, 2, SLIP_FOREVER),
			0);
	kill_and_wait(pid);
	cr_assert_eq(slip_priority_push_until(&w->p, &x, 2, SLIP_FOREVER),
		     -EPIPE);
	end(w);
}

/* --- sleepers -------------------------------------------------------------- */

static int pushes_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	await_sleeper(&ring_of(w)->home.ev_data);
	EXPECT(2, push(&w->p, 1, 7));
	await_sleeper(&ring_of(w)->home.ev_space);
	EXPECT(3, push(&w->p, 2, 8)); /* not what it waits for */
	await_sleeper(&ring_of(w)->home.ev_space);
	EXPECT(4, push(&w->p, 0, 9));
	return 0;
}

Test(priority_crash, a_sleeper_in_another_process_is_woken)
{
	struct world *w = begin();
	uint64_t x = 0;
	uint32_t at;
	pid_t pid;

	cr_assert_eq(attach_consumer(w), 0);
	pid = spawn(w, pushes_when_awaited);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 7u);
	cr_assert_eq(slip_priority_pop_highest_until(&w->c, 3, &x, &at,
						     SLIP_FOREVER),
		     0);
	cr_assert_eq(x, 9u);
	expect(w, 2, 8);
	expect_exit(pid);
	end(w);
}

static int pops_when_awaited(struct world *w)
{
	uint64_t x;
	uint32_t at;

	EXPECT(1, attach_consumer(w) == 0);
	reach(w, 1);
	await_sleeper(&slip_mpmc_level_(&w->c.q, 2)->ev_space);
	EXPECT(2, slip_priority_pop(&w->c, &x, &at) && at == 2);
	return 0;
}

Test(priority_crash, who_waits_for_room_is_woken)
{
	struct world *w = begin();
	uint64_t x = 5;
	pid_t pid;

	cr_assert_eq(attach_producer(w), 0);
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert(push(&w->p, 2, i));
	pid = spawn(w, pops_when_awaited);
	await(w, pid, 1);
	cr_assert_eq(slip_priority_push_until(&w->p, &x, 2, SLIP_FOREVER), 0);
	expect_exit(pid);
	end(w);
}

/* --- membership ------------------------------------------------------------ */

Test(priority_crash, a_fork_child_is_told_so)
{
	struct world *w = begin();
	pid_t pid;

	cr_assert_eq(attach_producer(w), 0);
	cr_assert_eq(attach_consumer(w), 0);
	pid = fork();
	if (pid == 0) {
		struct slip_priority q;
		uint64_t x = 1;
		uint32_t at;
		int bad = 0;

		bad |= slip_priority_push_until(&w->p, &x, 0, 0) != -ECHILD;
		bad |= slip_priority_pop_until(&w->c, &x, &at, 0) != -ECHILD;
		/* The ring is not here; that is told before a look at it. */
		bad |= attach(w, &q, SLIP_PRODUCER) != -ECHILD;
		slip_priority_detach(&w->p);
		_exit(bad);
	}
	expect_exit(pid);
	cr_assert(push(&w->p, 0, 1), "the parent's handle goes on");
	expect(w, 0, 1);
	end(w);
}

Test(priority_crash, attach_with_a_member_that_has_left)
{
	struct world *w = begin();

	slip_peer_leave(&w->self);
	cr_assert_eq(attach_producer(w), -EINVAL);
	cr_assert_eq(slip_peer_join(&w->self, &w->rg), 0);
	end(w);
}
