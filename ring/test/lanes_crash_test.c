/* SPDX-License-Identifier: MIT */
/*
 * ring/lanes.h between processes that map it at different addresses, and that
 * die, stop, fork or leave at a known point: what is delivered then, how often,
 * and whose the lanes are. Random instants: stress/lanes_stress.c.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../lanes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define WORLD_KIND SLIP_KIND_LANES
#define WORLD_HANDLES                 \
	struct slip_lanes_producer p; \
	struct slip_lanes_consumer c;
#include "world.h"

static struct slip_lanes_ring *ring_of(struct world *w)
{
	return w->mem;
}

static struct slip_ends *ends_of(struct world *w, uint32_t i)
{
	struct slip_lanes_shape s;
	unsigned mode;

	return slip_lanes_check_(ring_of(w), w->bytes, &s, &mode)
		       ? NULL
		       : &slip_lanes_lane_(ring_of(w), &s, i)->ends;
}

/* Both handles begin as detached ones, so that end() may detach any. */
static struct world *begin(uint32_t lanes, uint32_t consumers, unsigned flags)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.p.rec.error = w.c.error = -EPIPE;
	world_open(&w, slip_lanes_bytes(lanes, 256));
	cr_assert_eq(
		slip_lanes_init(w.mem, w.bytes, lanes, 256, consumers, flags),
		0, "init");
	world_publish(&w);
	return &w;
}

static void end(struct world *w)
{
	slip_lanes_detach_producer(&w->p);
	slip_lanes_detach_consumer(&w->c);
	world_close(w);
}

static int attach_p(struct world *w)
{
	return slip_lanes_attach_producer(&w->p, w->mem, w->bytes, &w->self);
}

static int attach_c(struct world *w)
{
	return slip_lanes_attach_consumer(&w->c, w->mem, w->bytes, &w->self);
}

static bool push(struct world *w, uint64_t what)
{
	return slip_lanes_push(&w->p, &what, sizeof(what)) == 0;
}

/* 0: nothing is there. */
static uint64_t pop(struct world *w)
{
	uint64_t what = 0;
	uint32_t len = 0;

	return slip_lanes_pop(&w->c, &what, sizeof(what), &len) ? 0 : what;
}

static int pop_until(struct world *w, uint64_t *what, uint64_t deadline)
{
	uint32_t len = 0;

	return slip_lanes_pop_until(&w->c, what, sizeof(*what), &len, deadline);
}

static uint64_t peek(struct world *w)
{
	uint32_t len = 0;
	const void *at = slip_lanes_peek(&w->c, &len);
	uint64_t what = 0;

	if (at)
		memcpy(&what, at, sizeof(what));
	return what;
}

/* --- deaths of a producer --------------------------------------------------- */

static int pushes_and_freezes(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	EXPECT(2, push(w, 5) && push(w, 6));
	freeze(w);
	return 0;
}

Test(lanes_crash, what_a_dead_producer_pushed_is_delivered_and_its_lane_free)
{
	struct world *w = begin(1, 1, 0);
	uint64_t got;
	pid_t pid;

	cr_assert_eq(attach_c(w), 0, "consumer");
	pid = spawn(w, pushes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_p(w), -EUSERS, "it lives");
	kill(pid, SIGSTOP);
	cr_assert_eq(attach_p(w), -EUSERS, "stopped is alive");
	kill_and_wait(pid);
	cr_assert_eq(pop(w), 5, "first");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "what it left");
	cr_assert_eq(got, 6, "second");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), -EPIPE, "nobody");
	cr_assert_eq(attach_p(w), 0, "heir");
	cr_assert(push(w, 7) && pop(w) == 7, "goes on");
	end(w);
}

Test(lanes_crash, a_free_lane_is_taken_before_that_of_a_dead_one)
{
	struct world *w = begin(2, 1, 0);
	pid_t pid = spawn(w, pushes_and_freezes);

	await(w, pid, 1);
	kill_and_wait(pid);
	cr_assert_eq(attach_p(w), 0, "there are two");
	cr_assert_eq(slip_lanes_lane(&w->p), 1, "the free one");
	end(w);
}

static int dies_in_push(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	EXPECT(2, push(w, 5));
	copies_to_live = 0;
	EXPECT(3, push(w, 0x1111111111111111u));
	return 4;
}

Test(lanes_crash, killed_in_push_the_record_never_was)
{
	struct world *w = begin(2, 1, 0);
	uint64_t got;

	cr_assert_eq(attach_c(w), 0, "consumer");
	expect_killed(spawn(w, dies_in_push));
	cr_assert_eq(pop(w), 5, "the one before");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), -EPIPE, "no more");
	cr_assert_eq(attach_p(w), 0, "heir");
	cr_assert_eq(slip_lanes_lane(&w->p), 0, "the same lane");
	cr_assert(push(w, 7) && pop(w) == 7, "over its remains");
	end(w);
}

static int dies_in_a_batch(struct world *w)
{
	uint64_t words[3] = { 1, 2, 3 };
	struct slip_record_span in[3] = { { &words[0], 8 },
					  { &words[1], 8 },
					  { &words[2], 8 } };

	EXPECT(1, attach_p(w) == 0);
	copies_to_live = 4; /* and their stamps */
	EXPECT(2, slip_lanes_push_n(&w->p, in, 3) == 3);
	return 3;
}

Test(lanes_crash, killed_in_push_n_none_of_it_was)
{
	struct world *w = begin(1, 1, SLIP_LANES_STAMPED);

	cr_assert_eq(attach_c(w), 0, "consumer");
	expect_killed(spawn(w, dies_in_a_batch));
	cr_assert_eq(pop(w), 0, "nothing");
	cr_assert_eq(attach_p(w), 0, "heir");
	cr_assert(push(w, 7) && pop(w) == 7, "goes on");
	end(w);
}

/* All of push but the telling, and the saying before it. */
static int commits_and_dies(struct world *w)
{
	uint64_t *at = slip_lanes_claim(&w->p, 8);

	EXPECT(3, at);
	*at = 9;
	slip_a64_store_release(
		slip_record_word_(&w->p.rec.shape, w->p.rec.tail),
		SLIP_RECORD_COMMIT | 8);
	kill(getpid(), SIGKILL);
	return 4;
}

static int commits_untold_and_dies(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	await_sleeper(&ring_of(w)->ev_data);
	return commits_and_dies(w);
}

static int commits_unsaid_and_dies(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	return commits_and_dies(w);
}

static int commits_second_unsaid_and_dies(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	EXPECT(2, push(w, 8));
	return commits_and_dies(w);
}

Test(lanes_crash, killed_after_commit_the_record_reaches_a_sleeper)
{
	struct world *w = begin(1, 1, 0);
	uint64_t got;
	pid_t pid;

	cr_assert_eq(attach_c(w), 0, "consumer");
	pid = spawn(w, commits_untold_and_dies);
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(got, 9, "that");
	expect_killed(pid);
	end(w);
}

Test(lanes_crash, several_consumers_get_what_a_dead_producer_had_not_said)
{
	struct world *w = begin(1, 2, 0);
	uint64_t got;
	pid_t pid;

	cr_assert_eq(attach_c(w), 0, "consumer");
	pid = spawn(w, commits_untold_and_dies);
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(got, 9, "that");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), -EPIPE, "the end");
	expect_killed(pid);
	end(w);
}

/* Who asks, does so about every lane. */
Test(lanes_crash, what_was_not_said_is_delivered_beside_a_lane_that_is_held)
{
	struct world *w = begin(2, 2, 0);
	uint64_t got;

	cr_assert_eq(attach_p(w), 0, "lane 0");
	cr_assert_eq(attach_c(w), 0, "consumer");
	expect_killed(spawn(w, commits_unsaid_and_dies));
	cr_assert_eq(pop_until(w, &got, 0), 0, "pop");
	cr_assert_eq(got, 9, "that");
	cr_assert_eq(pop_until(w, &got, 0), -ETIMEDOUT, "not the end");
	end(w);
}

/* Who cannot ask goes by what is written down. */
Test(lanes_crash, what_was_not_said_is_delivered_to_one_without_a_peer)
{
	struct world *w = begin(2, 2, 0);
	uint64_t got;

	cr_assert_eq(attach_p(w), 0, "lane 0");
	cr_assert_eq(slip_lanes_attach_consumer(&w->c, w->mem, w->bytes, NULL),
		     0, "consumer");
	expect_killed(spawn(w, commits_unsaid_and_dies));
	cr_assert_eq(pop_until(w, &got, slip_after_ns(1)), -ETIMEDOUT,
		     "nobody has asked");
	cr_assert_eq(slip_peer_recover(&w->self), 1, "one");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(got, 9, "that");
	end(w);
}

/* The other is about to say it: in the middle of slip_lanes_settle_. */
Test(lanes_crash, what_another_is_about_to_say_is_not_the_end)
{
	struct world *w = begin(1, 2, 0);
	struct slip_lanes_consumer other;
	uint64_t got;

	cr_assert_eq(attach_c(w), 0, "consumer");
	cr_assert_eq(
		slip_lanes_attach_consumer(&other, w->mem, w->bytes, &w->self),
		0, "other");
	expect_killed(spawn(w, commits_unsaid_and_dies));
	cr_assert(slip_lanes_take_(&other, slip_lanes_lane_(ring_of(w),
							    &other.shape, 0)),
		  "takes the lane");
	cr_assert_eq(pop_until(w, &got, 0), -ETIMEDOUT, "not the end");
	slip_lanes_turn_(&other, 0);
	slip_lanes_drop_(&other, false);
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(got, 9, "that");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), -EPIPE, "the end");
	slip_lanes_detach_consumer(&other);
	end(w);
}

/* It has come to the lane for what was said, which we took meanwhile. */
Test(lanes_crash, what_was_not_said_and_another_has_in_hand_is_not_the_end)
{
	struct world *w = begin(1, 2, 0);
	struct slip_lanes_consumer other;
	uint64_t got;

	cr_assert_eq(attach_c(w), 0, "consumer");
	cr_assert_eq(
		slip_lanes_attach_consumer(&other, w->mem, w->bytes, &w->self),
		0, "other");
	expect_killed(spawn(w, commits_second_unsaid_and_dies));
	cr_assert(slip_lanes_hint_(&other, 0), "there is one");
	cr_assert_eq(pop(w), 8, "ours");
	cr_assert(slip_lanes_take_(&other, slip_lanes_lane_(ring_of(w),
							    &other.shape, 0)) &&
			  slip_lanes_look_(&other, 0),
		  "the next is in its hand");
	cr_assert_eq(pop_until(w, &got, 0), -ETIMEDOUT, "not the end");
	slip_lanes_detach_consumer(&other);
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(got, 9, "that");
	end(w);
}

Test(lanes_crash, who_waits_for_a_producer_gets_what_a_dead_one_had_not_said)
{
	struct world *w = begin(1, 2, 0);

	cr_assert_eq(attach_c(w), 0, "consumer");
	expect_killed(spawn(w, commits_unsaid_and_dies));
	cr_assert_eq(slip_lanes_wait_producer_until(&w->c, 0), 0, "a record");
	cr_assert_eq(pop(w), 9, "that");
	cr_assert_eq(slip_lanes_wait_producer_until(&w->c, 0), -ETIMEDOUT,
		     "nobody");
	end(w);
}

static int stops_in_push(struct world *w)
{
	EXPECT(1, attach_p(w) == 0);
	copies_to_live = 0;
	still = &w->stage->reached;
	EXPECT(2, push(w, 5));
	return 3;
}

Test(lanes_crash, a_stopped_producer_holds_up_nobody)
{
	struct world *w = begin(2, 1, SLIP_LANES_STAMPED);
	pid_t pid = spawn(w, stops_in_push);

	await(w, pid, 1);
	cr_assert_eq(attach_c(w), 0, "consumer");
	cr_assert_eq(attach_p(w), 0, "other lane");
	for (uint64_t i = 1; i < 100; i++)
		cr_assert(push(w, i) && pop(w) == i, "goes on");
	kill_and_wait(pid);
	cr_assert_eq(pop(w), 0, "never was");
	end(w);
}

/* --- deaths of a consumer --------------------------------------------------- */

static int peeks_and_freezes(struct world *w)
{
	EXPECT(1, attach_c(w) == 0);
	EXPECT(2, peek(w) == 5);
	freeze(w);
	return 0;
}

Test(lanes_crash, what_the_one_consumer_had_in_hand_is_its_heirs)
{
	struct world *w = begin(2, 1, 0);
	pid_t pid;

	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert(push(w, 5) && push(w, 6), "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_c(w), -EUSERS, "it lives");
	kill_and_wait(pid);
	cr_assert_eq(attach_c(w), 0, "heir");
	cr_assert_eq(pop(w), 5, "again");
	cr_assert_eq(pop(w), 6, "the rest");
	end(w);
}

static int dies_in_pop_n(struct world *w)
{
	struct slip_record_span out[3];
	uint64_t buf[3];

	EXPECT(1, attach_c(w) == 0);
	copies_to_live = 1;
	EXPECT(2, slip_lanes_pop_n(&w->c, buf, sizeof(buf), out, 3) == 3);
	return 3;
}

Test(lanes_crash, killed_in_pop_n_all_of_it_is_delivered_again)
{
	struct world *w = begin(1, 2, 0);
	uint64_t got;

	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert(push(w, 5) && push(w, 6), "push");
	expect_killed(spawn(w, dies_in_pop_n));
	cr_assert_eq(attach_c(w), 0, "another");
	cr_assert_eq(pop(w), 0, "nobody has asked yet");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "asks");
	cr_assert_eq(got, 5, "again");
	cr_assert_eq(pop(w), 6, "the rest");
	end(w);
}

/* Another consumer has it in hand, and is killed: told to one that sleeps. */
Test(lanes_crash, a_consumer_that_waits_takes_over_from_a_dead_one)
{
	struct world *w = begin(1, 2, 0);
	uint64_t got;
	pid_t pid;

	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert(push(w, 5), "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	slip_lanes_detach_producer(&w->p);
	cr_assert_eq(attach_c(w), 0, "another");
	cr_assert_eq(pop_until(w, &got, slip_after_ns(1000000)), -ETIMEDOUT,
		     "alive: neither a record nor the end");
	kill_and_wait(pid);
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), 0, "redelivered");
	cr_assert_eq(got, 5, "that");
	cr_assert_eq(pop_until(w, &got, SLIP_FOREVER), -EPIPE, "the end");
	end(w);
}

Test(lanes_crash, who_waits_for_a_producer_takes_over_from_a_dead_consumer)
{
	struct world *w = begin(1, 2, 0);
	pid_t pid;

	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert(push(w, 5), "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	slip_lanes_detach_producer(&w->p);
	cr_assert_eq(attach_c(w), 0, "another");
	cr_assert_eq(slip_lanes_wait_producer_until(&w->c, 0), -ETIMEDOUT,
		     "alive: it is in hand");
	kill_and_wait(pid);
	cr_assert_eq(slip_lanes_wait_producer_until(&w->c, 0), 0, "a record");
	cr_assert_eq(pop(w), 5, "redelivered");
	end(w);
}

/* Other lanes keep it from sleeping. */
Test(lanes_crash, a_consumer_that_is_never_idle_takes_over_too)
{
	struct world *w = begin(2, 2, 0);
	struct slip_lanes_producer other;
	uint64_t x = 7;
	uint64_t got = 7;
	pid_t pid;

	cr_assert_eq(attach_p(w), 0, "lane 0");
	cr_assert(push(w, 5), "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(
		slip_lanes_attach_producer(&other, w->mem, w->bytes, &w->self),
		0, "lane 1");
	cr_assert_eq(attach_c(w), 0, "another");
	for (int i = 0; i < 150000; i++) {
		cr_assert_eq(slip_lanes_push(&other, &x, 8), 0, "push");
		cr_assert_eq(pop(w), 7, "the living keep what they have");
	}
	kill_and_wait(pid);
	for (int i = 0; i < 150000 && got == 7; i++) {
		cr_assert_eq(slip_lanes_push(&other, &x, 8), 0, "push");
		got = pop(w);
	}
	cr_assert_eq(got, 5, "redelivered");
	slip_lanes_detach_producer(&other);
	end(w);
}

/* A dead one has lane `dead` in hand, one that takes its time the other; lane 0
 * keeps the third from sleeping, which passes over the two in turn. */
static void takes_over_beside_a_slow_one(uint32_t dead)
{
	struct world *w = begin(3, 3, 0);
	struct slip_lanes_producer p[3];
	struct slip_lanes_consumer slow;
	uint64_t x = 5;
	uint64_t got = 7;
	uint32_t len;
	pid_t pid;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(slip_lanes_attach_producer(&p[i], w->mem, w->bytes,
							&w->self),
			     0, "lane");
	cr_assert_eq(slip_lanes_push(&p[dead], &x, 8), 0, "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(slip_lanes_push(&p[3 - dead], &x, 8), 0, "push");
	cr_assert_eq(
		slip_lanes_attach_consumer(&slow, w->mem, w->bytes, &w->self),
		0, "slow");
	cr_assert_not_null(slip_lanes_peek(&slow, &len), "in hand");
	kill_and_wait(pid);
	cr_assert_eq(attach_c(w), 0, "another");
	x = 7;
	for (int i = 0; i < 300000 && got == 7; i++) {
		cr_assert_eq(slip_lanes_push(&p[0], &x, 8), 0, "push");
		got = pop(w);
	}
	cr_assert_eq(got, 5, "redelivered");
	cr_assert_eq(slip_lanes_from(&w->c), dead, "from there");
	slip_lanes_detach_consumer(&slow);
	for (int i = 0; i < 3; i++)
		slip_lanes_detach_producer(&p[i]);
	end(w);
}

Test(lanes_crash, of_lanes_passed_over_in_turn_each_is_asked_about)
{
	takes_over_beside_a_slow_one(1);
	takes_over_beside_a_slow_one(2);
}

Test(lanes_crash, recovery_frees_what_a_dead_consumer_had)
{
	struct world *w = begin(2, 2, 0);
	pid_t pid;

	/* Without a peer: nobody to ask, but what is written down. */
	cr_assert_eq(slip_lanes_attach_consumer(&w->c, w->mem, w->bytes, NULL),
		     0, "consumer");
	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert(push(w, 5), "push");
	pid = spawn(w, peeks_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	cr_assert_eq(pop(w), 0, "held");
	cr_assert_eq(slip_peer_recover(&w->self), 1, "one");
	cr_assert_eq(pop(w), 5, "free");
	cr_assert_eq(slip_a64_load_relaxed(&ring_of(w)->seats[1]) & 15,
		     SLIP_ROLE_DEAD, "its seat"); /* stat */
	end(w);
}

static int stops_in_pop(struct world *w)
{
	EXPECT(1, attach_c(w) == 0);
	copies_to_live = 0;
	still = &w->stage->reached;
	EXPECT(2, pop(w) == 5);
	return 3;
}

Test(lanes_crash, a_stopped_consumer_holds_up_the_lane_in_its_hand_alone)
{
	struct world *w = begin(2, 2, 0);
	struct slip_lanes_producer other;
	uint64_t x;
	pid_t pid;

	cr_assert_eq(attach_p(w), 0, "lane 0");
	cr_assert(push(w, 5), "push");
	pid = spawn(w, stops_in_pop);
	await(w, pid, 1);
	cr_assert_eq(attach_c(w), 0, "another");
	cr_assert_eq(
		slip_lanes_attach_producer(&other, w->mem, w->bytes, &w->self),
		0, "lane 1");
	for (x = 10; x < 100; x++) {
		cr_assert_eq(slip_lanes_push(&other, &x, 8), 0, "push");
		cr_assert_eq(pop(w), x, "goes on");
	}
	cr_assert_eq(slip_lanes_push_until(&w->p, &x, 8, 0), 0, "has room");
	kill_and_wait(pid);
	cr_assert_eq(pop_until(w, &x, SLIP_FOREVER), 0, "delivered");
	cr_assert_eq(x, 5, "again");
	slip_lanes_detach_producer(&other);
	end(w);
}

static int dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_c(w) == 0);
	reach(w, 1);
	await_sleeper(&ends_of(w, 0)->ev_space);
	kill(getpid(), SIGKILL);
	return 2;
}

Test(lanes_crash, a_producer_that_sleeps_hears_that_the_last_consumer_died)
{
	struct world *w = begin(1, 2, 0);
	char big[100] = { 0 };
	pid_t pid;
	int rc = 0;

	cr_assert_eq(attach_p(w), 0, "producer");
	pid = spawn(w, dies_when_awaited);
	await(w, pid, 1);
	while (!rc)
		rc = slip_lanes_push_until(&w->p, big, 100, SLIP_FOREVER);
	cr_assert_eq(rc, -EPIPE, "nobody");
	expect_killed(pid);
	cr_assert_eq(attach_c(w), 0, "a successor");
	cr_assert_eq(slip_lanes_wait_consumer_until(&w->p, SLIP_FOREVER), 0,
		     "is seen");
	end(w);
}

/* --- fork ------------------------------------------------------------------- */

static bool stay(struct world *w, const struct world *parent)
{
	*w = *parent;
	return true;
}

static int uses_what_is_its_parents(struct world *w)
{
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	uint64_t x = 1;

	EXPECT(1, slip_lanes_push_until(&w->p, &x, 8, 0) == -ECHILD);
	EXPECT(2, pop_until(w, &x, 0) == -ECHILD);
	/* The memory is not here; that is told before it is looked at. */
	EXPECT(3, slip_lanes_attach_producer(&p, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	EXPECT(4, slip_lanes_attach_consumer(&c, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	slip_lanes_detach_consumer(&w->c);
	slip_lanes_detach_producer(&w->p);
	return 0;
}

Test(lanes_crash, a_fork_child_gives_up_nothing_of_its_parents)
{
	struct world *w = begin(1, 2, 0);

	cr_assert_eq(attach_p(w), 0, "producer");
	cr_assert_eq(attach_c(w), 0, "consumer");
	cr_assert(push(w, 5) && peek(w) == 5, "in hand");
	expect_exit(spawn_as(w, stay, uses_what_is_its_parents));
	cr_assert_eq(pop(w), 5, "still");
	cr_assert(push(w, 6) && pop(w) == 6, "goes on");
	end(w);
}
