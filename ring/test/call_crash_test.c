/* SPDX-License-Identifier: MIT */
/*
 * ring/call.h between processes that map it at different addresses, and that
 * die, stop, fork or leave at a known point: what is answered then, and whose
 * slots are free. Random instants: stress/call_stress.c.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define SKIP_STATUS 77

#define WORLD_KIND SLIP_KIND_CALL
#define WORLD_HANDLES              \
	struct slip_call_server s; \
	struct slip_call_client c; \
	struct slip_call_ticket t;
#include "world.h"

static struct slip_call_ring *ring_of(struct world *w)
{
	return w->mem;
}

static void begin(struct world *w, uint32_t slots, uint32_t payload_bytes)
{
	world_open(w, slip_call_bytes(slots, payload_bytes));
	cr_assert_eq(slip_call_init(w->mem, w->bytes, slots, payload_bytes, 0),
		     0, "init");
	world_publish(w);
}

static void end(struct world *w)
{
	slip_call_detach_server(&w->s);
	slip_call_detach_client(&w->c);
	world_close(w);
}

/* Both handles begin as detached ones, so that end() may detach any. */
static struct world *fresh(void)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.s.error = -EPIPE;
	w.c.busy = -EPIPE;
	return &w;
}

static int attach_server(struct world *w)
{
	return slip_call_attach_server(&w->s, w->mem, w->bytes, &w->self);
}

static int attach_client(struct world *w)
{
	return slip_call_attach_client(&w->c, w->mem, w->bytes, &w->self);
}

/* --- children ------------------------------------------------------------- */

static bool ask(struct world *w, uint64_t what)
{
	return slip_call_send(&w->c, &what, sizeof(what)) == 0;
}

/* Takes the request `what`, delivered for the attempt-th time. */
static bool take(struct world *w, uint64_t what, uint32_t attempt)
{
	return slip_call_take(&w->s, &w->t) && w->t.bytes == sizeof(what) &&
	       memcmp(w->t.data, &what, sizeof(what)) == 0 &&
	       w->t.attempts == attempt;
}

static bool answer(struct world *w, uint64_t what)
{
	return slip_call_reply(&w->s, &w->t, &what, sizeof(what)) == 0;
}

static int hear_until(struct world *w, uint64_t *what)
{
	uint32_t bytes = 0;
	int rc = slip_call_wait_reply_until(&w->c, SLIP_FOREVER);

	return rc ? rc : slip_call_receive(&w->c, what, sizeof(*what), &bytes);
}

static bool hear(struct world *w, uint64_t what)
{
	uint64_t got = ~what;

	return hear_until(w, &got) == 0 && got == what;
}

/* --- deaths of a client ---------------------------------------------------- */

static int attaches_and_freezes(struct world *w)
{
	EXPECT(1, attach_client(w) == 0);
	freeze(w);
	return 0;
}

Test(call_crash, the_slot_of_a_dead_client_is_free_that_of_a_living_is_not)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 1, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	pid = spawn(w, attaches_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_client(w), -EUSERS, "it lives");
	kill(pid, SIGSTOP);
	cr_assert_eq(attach_client(w), -EUSERS, "stopped is alive");
	kill_and_wait(pid);
	cr_assert_eq(attach_client(w), 0, "dead");
	cr_assert(ask(w, 1) && take(w, 1, 1) && answer(w, 2) && hear(w, 2),
		  "all as new");
	end(w);
}

Test(call_crash, a_free_slot_is_taken_before_that_of_a_dead_client)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 2, 8);
	pid = spawn(w, attaches_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	cr_assert_eq(attach_client(w), 0, "there are two");
	cr_assert_eq(w->c.at, 1, "the free one");
	end(w);
}

static int dies_in_send(struct world *w)
{
	EXPECT(1, attach_client(w) == 0);
	copies_to_live = 0;
	EXPECT(2, ask(w, 0x1111111111111111u));
	return 3;
}

Test(call_crash, killed_in_send_the_request_never_was)
{
	struct world *w = fresh();

	begin(w, 1, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	cr_assert_eq(end_of(spawn(w, dies_in_send)), SIGKILL, "killed");
	cr_assert(!slip_call_take(&w->s, &w->t), "nothing");
	cr_assert_eq(slip_call_take_until(&w->s, &w->t, SLIP_FOREVER), -EPIPE,
		     "and nobody");
	cr_assert_eq(attach_client(w), 0, "its slot is free");
	cr_assert(ask(w, 1) && take(w, 1, 1) && answer(w, 2) && hear(w, 2),
		  "all as new");
	end(w);
}

/* All of send but the telling. */
static int asks_untold_and_dies(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_client(w) == 0);
	place = slip_call_claim(&w->c);
	EXPECT(2, place);
	*place = 7;
	await_sleeper(&ring_of(w)->ev_ask);
	/* own */
	slip_a64_store_release(
		slip_call_word_(w->c.slot),
		slip_call_with_(SLIP_CALL_ONE_, 8, SLIP_CALL_ASKED_));
	kill(getpid(), SIGKILL);
	return 3;
}

Test(call_crash, killed_after_send_the_request_reaches_a_sleeper)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 1, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	pid = spawn(w, asks_untold_and_dies);
	cr_assert_eq(slip_call_take_until(&w->s, &w->t, SLIP_FOREVER), 0,
		     "take");
	cr_assert_eq(*(const uint64_t *)w->t.data, 7, "request");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert_eq(attach_client(w), -EUSERS, "not answered yet");
	cr_assert(answer(w, 8), "dropped");
	cr_assert_eq(attach_client(w), 0, "answered");
	cr_assert(ask(w, 1) && take(w, 1, 1) && answer(w, 2) && hear(w, 2),
		  "the dead one's reply is not the heir's");
	end(w);
}

static int asks_and_freezes(struct world *w)
{
	EXPECT(1, attach_client(w) == 0);
	EXPECT(2, ask(w, 5));
	freeze(w);
	return 0;
}

Test(call_crash, recovery_frees_the_slots_of_the_dead)
{
	struct world *w = fresh();
	struct slip_call_slot_info one = { 0 };
	pid_t pid;

	begin(w, 1, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	pid = spawn(w, asks_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	cr_assert_eq(slip_peer_recover(&w->self), 1, "one");
	cr_assert_eq(slip_call_inspect_slot(w->mem, w->bytes, 0, &one), 0,
		     "look");
	cr_assert_eq(one.client & 15, SLIP_ROLE_DEAD, "written down");
	cr_assert(take(w, 5, 1), "what it asked is delivered");
	cr_assert(slip_call_orphan(&w->s, &w->t), "and nobody waits");
	cr_assert(answer(w, 6), "reply");
	end(w);
}

/* --- deaths of the server -------------------------------------------------- */

static int takes_and_freezes(struct world *w)
{
	EXPECT(1, attach_server(w) == 0);
	EXPECT(2, take(w, 5, 1));
	freeze(w);
	return 0;
}

Test(call_crash, what_a_dead_server_had_taken_is_delivered_again)
{
	struct world *w = fresh();
	uint64_t got;
	pid_t pid;

	begin(w, 2, 8);
	cr_assert_eq(attach_client(w), 0, "client");
	cr_assert(ask(w, 5), "send");
	pid = spawn(w, takes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_server(w), -EBUSY, "it lives");
	kill_and_wait(pid);
	cr_assert_eq(hear_until(w, &got), -EPIPE, "the client is told");
	cr_assert_eq(slip_call_server_state(&w->c), SLIP_ROLE_DEAD, "state");
	cr_assert_eq(attach_server(w), 0, "successor");
	cr_assert(take(w, 5, 2), "again, and said so");
	cr_assert(answer(w, 6) && hear(w, 6), "reply");
	end(w);
}

Test(call_crash, recovery_tells_of_a_dead_server)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 2, 8);
	/* Without a peer: nobody to ask, but what is written down. */
	cr_assert_eq(slip_call_attach_client(&w->c, w->mem, w->bytes, NULL), 0,
		     "client");
	cr_assert(ask(w, 5), "send");
	pid = spawn(w, takes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(slip_call_wait_reply_until(&w->c, 0), -ETIMEDOUT, "lives");
	kill_and_wait(pid);
	cr_assert_eq(
		slip_peer_hook(&w->self, SLIP_KIND_CALL, slip_call_recover_), 0,
		"hook");
	cr_assert_eq(slip_peer_recover(&w->self), 1, "one");
	cr_assert_eq(slip_call_wait_reply_until(&w->c, SLIP_FOREVER), -EPIPE,
		     "told");
	end(w);
}

static int dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_server(w) == 0);
	reach(w, 1);
	await_sleeper(&slip_call_side_(w->s.ring, &w->s.shape, 0)->ev_reply);
	kill(getpid(), SIGKILL);
	return 2;
}

Test(call_crash, a_client_that_sleeps_hears_of_the_death)
{
	struct world *w = fresh();
	uint64_t x = 5;
	uint32_t bytes;
	pid_t pid;

	begin(w, 1, 8);
	cr_assert_eq(attach_client(w), 0, "client");
	pid = spawn(w, dies_when_awaited);
	await(w, pid, 1);
	cr_assert_eq(slip_call_until(&w->c, &x, 8, &x, 8, &bytes, SLIP_FOREVER),
		     -EPIPE, "dead");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	end(w);
}

/* In the copy to the stage, or the one over the request. */
static int dies_in_copy(struct world *w, int copies)
{
	EXPECT(1, attach_server(w) == 0);
	EXPECT(2, take(w, 5, 1));
	copies_to_live = copies;
	EXPECT(3, answer(w, 0x2222222222222222u));
	return 4;
}

static int dies_as_it_stages(struct world *w)
{
	return dies_in_copy(w, 0);
}

static int dies_over_the_request(struct world *w)
{
	return dies_in_copy(w, 1);
}

static struct world *after_server(int (*body)(struct world *))
{
	struct world *w = fresh();

	begin(w, 2, 8);
	cr_assert_eq(attach_client(w), 0, "client");
	cr_assert(ask(w, 5), "send");
	cr_assert_eq(end_of(spawn(w, body)), SIGKILL, "killed");
	return w;
}

Test(call_crash, killed_as_it_stages_the_request_is_delivered_again)
{
	struct world *w = after_server(dies_as_it_stages);

	cr_assert_eq(attach_server(w), 0, "successor");
	cr_assert(take(w, 5, 2), "whole");
	cr_assert(answer(w, 6) && hear(w, 6), "reply");
	end(w);
}

Test(call_crash, killed_over_the_request_the_reply_is_finished)
{
	struct world *w = after_server(dies_over_the_request);

	cr_assert_eq(attach_server(w), 0, "successor");
	cr_assert(!slip_call_take(&w->s, &w->t), "not again");
	cr_assert(hear(w, 0x2222222222222222u), "whole");
	end(w);
}

static int dies_as_it_finishes(struct world *w)
{
	copies_to_live = 0;
	EXPECT(1, attach_server(w) == 0);
	return 2;
}

Test(call_crash, a_successor_that_dies_as_well_leaves_it_to_the_next)
{
	struct world *w = after_server(dies_over_the_request);

	for (int i = 0; i < 3; i++)
		cr_assert_eq(end_of(spawn(w, dies_as_it_finishes)), SIGKILL,
			     "killed");
	cr_assert_eq(attach_server(w), 0, "successor");
	cr_assert(hear(w, 0x2222222222222222u), "whole");
	end(w);
}

static int serves_one_and_leaves(struct world *w)
{
	EXPECT(1, attach_server(w) == 0);
	EXPECT(2, take(w, 5, 1));
	await_sleeper(&slip_call_side_(w->s.ring, &w->s.shape, 0)->ev_reply);
	slip_call_detach_server(&w->s);
	slip_peer_leave(&w->self);
	return 0;
}

Test(call_crash, a_detach_wakes_who_sleeps_without_a_deadline)
{
	struct world *w = fresh();
	uint64_t got;
	pid_t pid;

	begin(w, 1, 8);
	/* Without a peer: it asks no oracle and sleeps in one piece. */
	cr_assert_eq(slip_call_attach_client(&w->c, w->mem, w->bytes, NULL), 0,
		     "client");
	cr_assert(ask(w, 5), "send");
	pid = spawn(w, serves_one_and_leaves);
	cr_assert_eq(slip_call_wait_server_until(&w->c, SLIP_FOREVER), 0,
		     "it comes");
	cr_assert_eq(hear_until(w, &got), -EPIPE, "it goes");
	expect_exit(pid);
	end(w);
}

/* --- both ------------------------------------------------------------------ */

static int calls_and_freezes(struct world *w)
{
	uint64_t x = 5;
	uint32_t bytes;

	EXPECT(1, attach_client(w) == 0);
	EXPECT(2,
	       slip_call_until(&w->c, &x, 8, &x, 8, &bytes, SLIP_FOREVER) == 0);
	EXPECT(3, x == 6);
	freeze(w);
	return 0;
}

Test(call_crash, when_the_last_client_dies_a_sleeping_server_is_told)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 4, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	pid = spawn(w, calls_and_freezes);
	cr_assert_eq(slip_call_take_until(&w->s, &w->t, SLIP_FOREVER), 0, "t");
	cr_assert(answer(w, 6), "reply");
	await(w, pid, 1);
	cr_assert_eq(
		slip_call_take_until(&w->s, &w->t, slip_after_ns(20000000)),
		-ETIMEDOUT, "it lives");
	kill_and_wait(pid);
	cr_assert_eq(slip_call_take_until(&w->s, &w->t, SLIP_FOREVER), -EPIPE,
		     "dead");
	end(w);
}

Test(call_crash, a_fork_child_is_told_and_does_no_harm)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 2, 8);
	cr_assert_eq(attach_server(w), 0, "server");
	cr_assert_eq(attach_client(w), 0, "client");
	cr_assert(ask(w, 5), "send");
	pid = fork();
	if (pid == 0) {
		static struct slip_call_server s;
		static struct slip_call_client c;
		uint64_t x = 1;
		uint32_t bytes;
		bool told = slip_call_take_until(&w->s, &w->t, 0) == -ECHILD &&
			    slip_call_wait_client_until(&w->s, 0) == -ECHILD &&
			    slip_call_wait_reply_until(&w->c, 0) == -ECHILD &&
			    slip_call_until(&w->c, &x, 8, &x, 8, &bytes, 0) ==
				    -ECHILD;

		/* The ring is not here; that is told before it is looked at. */
		told = told &&
		       slip_call_attach_server(&s, w->mem, w->bytes,
					       &w->self) == -ECHILD &&
		       slip_call_attach_client(&c, w->mem, w->bytes,
					       &w->self) == -ECHILD;
		slip_call_detach_server(&w->s);
		slip_call_detach_client(&w->c);
		_exit(!told);
	}
	expect_exit(pid);
	cr_assert(take(w, 5, 1) && answer(w, 6) && hear(w, 6), "as before");
	end(w);
}
