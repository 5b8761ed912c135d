/* SPDX-License-Identifier: MIT */
/*
 * ring/spsc.h between processes that map it at different addresses, and that
 * die, stop, fork, exec or leave at a known point: what is delivered then, and
 * who may take over. Random instants: stress/spsc_stress.c.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../spsc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define SKIP_STATUS 77

#define WORLD_KIND SLIP_KIND_SPSC
#define WORLD_HANDLES                \
	struct slip_spsc_producer p; \
	struct slip_spsc_consumer c;
#include "world.h"

static struct slip_spsc_ring *ring_of(struct world *w)
{
	return w->mem;
}

static void begin(struct world *w, uint32_t capacity, uint32_t elem_bytes)
{
	world_open(w, slip_spsc_bytes(capacity, elem_bytes));
	cr_assert_eq(slip_spsc_init(w->mem, w->bytes, capacity, elem_bytes, 0),
		     0, "init");
	world_publish(w);
}

static void end(struct world *w)
{
	slip_spsc_detach_producer(&w->p);
	slip_spsc_detach_consumer(&w->c);
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

static int attach_producer(struct world *w)
{
	return slip_spsc_attach_producer(&w->p, w->mem, w->bytes, &w->self);
}

static int attach_consumer(struct world *w)
{
	return slip_spsc_attach_consumer(&w->c, w->mem, w->bytes, &w->self);
}

/* --- children ------------------------------------------------------------- */

static void expect_pop(struct world *w, uint64_t value)
{
	uint64_t x = ~value;

	cr_assert(slip_spsc_pop(&w->c, &x), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
}

static void expect_end(struct world *w)
{
	uint64_t x;

	cr_assert_not(slip_spsc_pop(&w->c, &x), "%llu is left",
		      (unsigned long long)x);
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "its producer is dead");
}

static bool push_to(struct world *w, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (!slip_spsc_push(&w->p, &i))
			return false;
	return true;
}

/* --- deaths of the producer ----------------------------------------------- */

static int claims_and_freezes(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	place = slip_spsc_claim(&w->p);
	EXPECT(3, place);
	*place = 666;
	freeze(w);
	return 0;
}

Test(spsc_crash, killed_between_claim_and_commit_the_element_never_was)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, claims_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	expect_end(w);
	cr_assert_eq(attach_producer(w), 0, "successor");
	cr_assert(push_to(w, 4, 11), "all of the ring is there");
	cr_assert_not(push_to(w, 12, 12), "and no more");
	for (uint64_t i = 4; i <= 11; i++)
		expect_pop(w, i);
	end(w);
}

static int dies_in_the_copy(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 3;
	EXPECT(2, push_to(w, 1, 4));
	return 3;
}

Test(spsc_crash, killed_while_copying_the_element_it_never_was)
{
	struct world *w = fresh();

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert_eq(end_of(spawn(w, dies_in_the_copy)), SIGKILL, "killed");
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	expect_end(w);
	cr_assert_eq(attach_producer(w), 0, "successor");
	cr_assert(push_to(w, 4, 4), "goes on");
	expect_pop(w, 4);
	end(w);
}

static int dies_in_a_batch(struct world *w)
{
	uint64_t values[20];

	for (uint64_t i = 0; i < 20; i++)
		values[i] = i;
	EXPECT(1, attach_producer(w) == 0);
	copies_to_live = 2;
	EXPECT(2, slip_spsc_push_n(&w->p, values, 20) == 20);
	return 3;
}

Test(spsc_crash, killed_in_push_n_what_it_published_is_delivered)
{
	struct world *w = fresh();

	begin(w, 64, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert_eq(end_of(spawn(w, dies_in_a_batch)), SIGKILL, "killed");
	/* Two blocks of seven; the third was never published. */
	for (uint64_t i = 0; i < 14; i++)
		expect_pop(w, i);
	expect_end(w);
	cr_assert_eq(attach_producer(w), 0, "successor");
	cr_assert(push_to(w, 14, 40), "goes on");
	for (uint64_t i = 14; i <= 40; i++)
		expect_pop(w, i);
	end(w);
}

/* All of commit but the telling: what a kill right after the store leaves. */
static int commits_untold_and_dies(struct world *w)
{
	uint64_t *place;

	EXPECT(1, attach_producer(w) == 0);
	place = slip_spsc_claim(&w->p);
	EXPECT(2, place);
	*place = 7;
	await_sleeper(&ring_of(w)->ends.ev_data);
	slip_spsc_publish_(&w->p.at, &w->p.shape, 1);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(spsc_crash, killed_right_after_commit_the_element_reaches_a_sleeper)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, commits_untold_and_dies);
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(x, 7, "value");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	expect_end(w);
	end(w);
}

static int pushes_three_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	reach(w, 1);
	await_sleeper(&ring_of(w)->ends.ev_data);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(spsc_crash, a_sleeping_consumer_drains_and_then_hears_of_the_death)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_three_and_dies_when_awaited);
	for (uint64_t i = 1; i <= 3; i++) {
		cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0,
			     "pop");
		cr_assert_eq(x, i, "value");
	}
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "dead");
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_DEAD, "state");
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

Test(spsc_crash, what_the_dead_left_comes_before_the_news)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t pid;

	begin(w, 8, 8);
	pid = spawn(w, pushes_three_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	cr_assert_eq(attach_consumer(w), 0, "consumer after the death");
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_DEAD, "state");
	for (uint64_t i = 1; i <= 3; i++) {
		cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0,
			     "pop");
		cr_assert_eq(x, i, "value");
	}
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "dead");
	end(w);
}

/* --- deaths of the consumer ----------------------------------------------- */

static int peeks_and_freezes(struct world *w)
{
	const uint64_t *x;

	EXPECT(1, attach_consumer(w) == 0);
	x = slip_spsc_peek(&w->c);
	EXPECT(2, x && *x == 1);
	freeze(w);
	return 0;
}

static int pops_and_freezes(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_consumer(w) == 0);
	EXPECT(2, slip_spsc_pop(&w->c, &x) && x == 1);
	freeze(w);
	return 0;
}

static int dies_in_pop(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 0;
	EXPECT(2, slip_spsc_pop(&w->c, &x));
	return 3;
}

static int dies_in_pop_n(struct world *w)
{
	uint64_t x[20];

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 1;
	EXPECT(2, slip_spsc_pop_n(&w->c, x, 20));
	return 3;
}

/* A ring of 1..10, and a consumer that ends by SIGKILL. */
static struct world *after_consumer(int (*body)(struct world *), bool frozen)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 16, 8);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert(push_to(w, 1, 10), "push");
	pid = spawn(w, body);
	if (frozen) {
		await(w, pid, 1);
		cr_assert_eq(attach_consumer(w), -EBUSY, "it lives");
		kill(pid, SIGKILL);
	}
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert_eq(slip_spsc_consumer_state(&w->p), SLIP_ROLE_DEAD, "dead");
	cr_assert_eq(attach_consumer(w), 0, "successor");
	return w;
}

Test(spsc_crash, killed_between_peek_and_release_it_is_delivered_again)
{
	struct world *w = after_consumer(peeks_and_freezes, true);

	for (uint64_t i = 1; i <= 10; i++)
		expect_pop(w, i);
	end(w);
}

Test(spsc_crash, killed_after_pop_it_is_not_delivered_again)
{
	struct world *w = after_consumer(pops_and_freezes, true);

	for (uint64_t i = 2; i <= 10; i++)
		expect_pop(w, i);
	end(w);
}

Test(spsc_crash, killed_in_pop_nothing_was_taken)
{
	struct world *w = after_consumer(dies_in_pop, false);

	for (uint64_t i = 1; i <= 10; i++)
		expect_pop(w, i);
	end(w);
}

Test(spsc_crash, killed_in_pop_n_nothing_was_taken)
{
	struct world *w = after_consumer(dies_in_pop_n, false);

	for (uint64_t i = 1; i <= 10; i++)
		expect_pop(w, i);
	end(w);
}

static int consumes_nothing_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	reach(w, 1);
	await_sleeper(&ring_of(w)->ends.ev_space);
	kill(getpid(), SIGKILL);
	return 2;
}

Test(spsc_crash, a_producer_that_sleeps_on_a_full_ring_hears_of_the_death)
{
	struct world *w = fresh();
	uint64_t x = 9;
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_producer(w), 0, "producer");
	pid = spawn(w, consumes_nothing_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert(push_to(w, 1, 8), "fill");
	cr_assert_eq(slip_spsc_push_until(&w->p, &x, SLIP_FOREVER), -EPIPE,
		     "dead");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert_eq(slip_spsc_consumer_state(&w->p), SLIP_ROLE_DEAD, "state");
	cr_assert_eq(attach_consumer(w), 0, "successor");
	expect_pop(w, 1);
	cr_assert_eq(slip_spsc_push_until(&w->p, &x, SLIP_FOREVER), 0,
		     "room again");
	end(w);
}

/* --- leaving in order ----------------------------------------------------- */

static int leaves_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 5, 5));
	reach(w, 1);
	await_sleeper(&ring_of(w)->ends.ev_data);
	slip_spsc_detach_producer(&w->p);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

Test(spsc_crash, a_detach_wakes_who_sleeps_without_a_deadline)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t pid;

	begin(w, 8, 8);
	/* Without a peer: it asks no oracle and sleeps in one piece. */
	cr_assert_eq(slip_spsc_attach_consumer(&w->c, w->mem, w->bytes, NULL),
		     0, "consumer");
	pid = spawn(w, leaves_when_awaited);
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(x, 5, "value");
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "end of file");
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_CLOSED,
		     "state");
	expect_exit(pid);
	end(w);
}

static int consumer_leaves_when_awaited(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	reach(w, 1);
	await_sleeper(&ring_of(w)->ends.ev_space);
	slip_spsc_detach_consumer(&w->c);
	return 0;
}

Test(spsc_crash, a_detach_wakes_a_producer_on_a_full_ring)
{
	struct world *w = fresh();
	uint64_t x = 9;
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(slip_spsc_attach_producer(&w->p, w->mem, w->bytes, NULL),
		     0, "producer");
	pid = spawn(w, consumer_leaves_when_awaited);
	await(w, pid, 1);
	cr_assert(push_to(w, 1, 8), "fill");
	cr_assert_eq(slip_spsc_push_until(&w->p, &x, SLIP_FOREVER), -EPIPE,
		     "left");
	expect_exit(pid);
	end(w);
}

/* --- stopped -------------------------------------------------------------- */

static int pushes_as_told(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	reach(w, 1);
	await_go(w);
	EXPECT(3, push_to(w, 4, 4));
	slip_spsc_detach_producer(&w->p);
	return 0;
}

Test(spsc_crash, stopped_is_alive_and_the_other_side_goes_on)
{
	struct world *w = fresh();
	uint64_t x = 0;
	int status = 0;
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_as_told);
	await(w, pid, 1);
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid, "waitpid");
	cr_assert(WIFSTOPPED(status), "stopped");
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	cr_assert_not(slip_spsc_pop(&w->c, &x), "empty");
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, slip_after_ns(30000000)),
		     -ETIMEDOUT, "empty, and no end of file");
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_HELD, "state");
	cr_assert_eq(attach_producer(w), -EBUSY, "no takeover from the living");
	slip_a32_store_release(&w->stage->go, 1);
	kill(pid, SIGCONT);
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0, "pop");
	cr_assert_eq(x, 4, "value");
	expect_exit(pid);
	end(w);
}

/* --- taking over ---------------------------------------------------------- */

Test(spsc_crash, attach_is_refused_beside_the_living_and_not_the_dead)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 8);
	pid = spawn(w, pushes_three_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_producer(w), -EBUSY, "alive");
	kill_and_wait(pid);
	cr_assert_eq(attach_producer(w), 0, "dead");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert(push_to(w, 4, 8), "goes on behind the dead one's");
	for (uint64_t i = 1; i <= 8; i++)
		expect_pop(w, i);
	end(w);
}

static int sees_all_and_attaches_both(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, attach_consumer(w) == 0);
	for (uint64_t i = 2; i <= 3; i++)
		EXPECT(3, slip_spsc_pop(&w->c, &x) && x == i);
	EXPECT(4, !slip_spsc_pop(&w->c, &x));
	EXPECT(5, push_to(w, 4, 4));
	EXPECT(6, slip_spsc_pop(&w->c, &x) && x == 4);
	slip_spsc_detach_producer(&w->p);
	slip_spsc_detach_consumer(&w->c);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

static int pushes_pops_and_freezes(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, attach_producer(w) == 0 && attach_consumer(w) == 0);
	EXPECT(2, push_to(w, 1, 3));
	EXPECT(3, slip_spsc_pop(&w->c, &x) && x == 1);
	freeze(w);
	return 0;
}

Test(spsc_crash, when_both_sides_are_dead_the_elements_outlive_them)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 8);
	pid = spawn(w, pushes_pops_and_freezes);
	await(w, pid, 1);
	kill_and_wait(pid);
	expect_exit(spawn(w, sees_all_and_attaches_both));
	end(w);
}

static int execs(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push_to(w, 1, 1));
	reach(w, 1);
	execl("/bin/sleep", "sleep", "60", (char *)NULL);
	return 3;
}

Test(spsc_crash, exec_is_the_end_of_a_holder)
{
	struct world *w = fresh();
	pid_t pid;
	int rc;

	begin(w, 8, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, execs);
	await(w, pid, 1);
	/* Busy until the kernel drops the old memory, and the process lives. */
	while ((rc = attach_producer(w)) == -EBUSY)
		sched_yield();
	cr_assert_eq(rc, 0, "attach: %d", rc);
	cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "it is alive");
	kill_and_wait(pid);
	expect_pop(w, 1);
	end(w);
}

/* A third process, neither side of the ring, cleans up after the dead. */
static int recovers_for_others(struct world *w)
{
	uint32_t id = slip_a32_load_acquire(&w->stage->id);
	uint32_t gen = slip_a32_load_acquire(&w->stage->gen);
	int rc;

	EXPECT(1, slip_peer_hook(&w->self, SLIP_KIND_SPSC,
				 slip_ends_recover_) == 0);
	EXPECT(2, slip_peer_member_alive(&w->rg, id, gen) == 1);
	await_sleeper(&ring_of(w)->ends.ev_data);
	kill((pid_t)slip_a32_load_acquire(&w->stage->pid), SIGKILL);
	while ((rc = slip_peer_member_alive(&w->rg, id, gen)) == 1)
		sched_yield();
	EXPECT(3, rc == 0);
	EXPECT(4, slip_peer_recover(&w->self) == 1);
	slip_peer_leave(&w->self);
	return 0;
}

static int attaches_and_tells_its_id(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	slip_a32_store_release(&w->stage->id, w->self.id);
	slip_a32_store_release(&w->stage->gen, w->self.gen);
	freeze(w);
	return 0;
}

Test(spsc_crash, recovery_by_a_third_marks_the_role_and_wakes_the_sleeper)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t victim;
	pid_t third;

	begin(w, 8, 8);
	/* Without a peer: nothing but the recovery can wake it. */
	cr_assert_eq(slip_spsc_attach_consumer(&w->c, w->mem, w->bytes, NULL),
		     0, "consumer");
	victim = spawn(w, attaches_and_tells_its_id);
	await(w, victim, 1);
	slip_a32_store_release(&w->stage->pid, (uint32_t)victim);
	third = spawn(w, recovers_for_others);
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "told of the death");
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_DEAD, "state");
	cr_assert_eq(end_of(victim), SIGKILL, "victim");
	expect_exit(third);
	end(w);
}

/* --- fork ----------------------------------------------------------------- */

static int uses_inherited_handles(struct world *w)
{
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	uint64_t x = 0;

	EXPECT(1, slip_spsc_push_until(&w->p, &x, 0) == -ECHILD);
	EXPECT(2, slip_spsc_pop_until(&w->c, &x, 0) == -ECHILD);
	EXPECT(3, slip_spsc_wait_room_until(&w->p, 0) == -ECHILD);
	EXPECT(4, slip_spsc_wait_data_until(&w->c, 0) == -ECHILD);
	EXPECT(5, slip_spsc_wait_consumer_until(&w->p, 0) == -ECHILD);
	EXPECT(6, slip_spsc_wait_producer_until(&w->c, 0) == -ECHILD);
	/* The ring is not here; that is told before it is looked at. */
	EXPECT(7, slip_spsc_attach_producer(&p, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	EXPECT(8, slip_spsc_attach_consumer(&c, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	slip_spsc_detach_producer(&w->p);
	slip_spsc_detach_consumer(&w->c);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

Test(spsc_crash, a_fork_child_can_neither_use_nor_end_its_parents_roles)
{
	struct world *w = fresh();
	pid_t pid;

	begin(w, 8, 8);
	cr_assert_eq(attach_producer(w), 0, "producer");
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = fork();
	cr_assert(pid >= 0, "fork");
	if (pid == 0)
		_exit(uses_inherited_handles(w));
	expect_exit(pid);
	cr_assert_eq(slip_spsc_producer_state(&w->c), SLIP_ROLE_HELD,
		     "producer");
	cr_assert_eq(slip_spsc_consumer_state(&w->p), SLIP_ROLE_HELD,
		     "consumer");
	cr_assert(push_to(w, 1, 1), "push");
	expect_pop(w, 1);
	end(w);
}

static int attaches_and_forks(struct world *w)
{
	pid_t pid;

	EXPECT(1, attach_producer(w) == 0);
	pid = fork();
	EXPECT(2, pid >= 0);
	if (pid == 0) {
		alarm(50);
		slip_a32_store_release(&w->stage->pid, (uint32_t)getpid());
		for (;;)
			pause();
	}
	while (!slip_a32_load_acquire(&w->stage->pid))
		sched_yield();
	freeze(w);
	return 0;
}

Test(spsc_crash, a_fork_child_that_lives_on_does_not_keep_its_parent_alive)
{
	struct world *w = fresh();
	pid_t pid;
	pid_t orphan;

	begin(w, 8, 8);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = spawn(w, attaches_and_forks);
	await(w, pid, 1);
	orphan = (pid_t)slip_a32_load_acquire(&w->stage->pid);
	cr_assert_eq(attach_producer(w), -EBUSY, "alive");
	kill_and_wait(pid);
	cr_assert_eq(attach_producer(w), 0, "dead");
	cr_assert_eq(waitpid(orphan, NULL, WNOHANG), 0, "the child lives on");
	kill_and_wait(orphan);
	end(w);
}

/* --- other places --------------------------------------------------------- */

static int pushes_many(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	reach(w, 1);
	for (uint64_t i = 0; i < 3000; i++)
		EXPECT(2, slip_spsc_push_until(&w->p, &i, SLIP_FOREVER) == 0);
	slip_spsc_detach_producer(&w->p);
	return 0;
}

Test(spsc_crash, two_mappings_at_two_addresses_are_one_ring)
{
	struct world *w = fresh();
	uint64_t x = 0;
	pid_t pid;

	begin(w, 16, 8);
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	pid = spawn(w, pushes_many);
	for (uint64_t i = 0; i < 3000; i++) {
		cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), 0,
			     "pop");
		cr_assert_eq(x, i, "value");
	}
	cr_assert_eq(slip_spsc_pop_until(&w->c, &x, SLIP_FOREVER), -EPIPE,
		     "end");
	expect_exit(pid);
	end(w);
}

/* Process 1 of a PID namespace of its own. */
static int holds_in_a_namespace(struct world *w)
{
	pid_t pid;

	slip_peer_leave(&w->self);
	if (unshare(CLONE_NEWPID))
		return SKIP_STATUS;
	pid = fork();
	EXPECT(1, pid >= 0);
	if (pid == 0) {
		struct world *inner = fresh();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(join_again(inner, w) && getpid() == 1
			      ? pushes_three_and_freezes(inner)
			      : 99);
	}
	await_go(w);
	kill(pid, SIGKILL);
	EXPECT(2, waitpid(pid, NULL, 0) == pid);
	return 0;
}

Test(spsc_crash, a_holder_in_another_pid_namespace_lives_and_dies_the_same)
{
	struct world *w = fresh();
	int status = 0;
	pid_t pid;

	begin(w, 8, 8);
	pid = spawn(w, holds_in_a_namespace);
	while (!slip_a32_load_acquire(&w->stage->reached)) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			end(w);
			cr_assert_eq(WEXITSTATUS(status), SKIP_STATUS, "child");
			cr_skip("no PID namespace to be had: not root");
		}
		sched_yield();
	}
	cr_assert_eq(attach_consumer(w), 0, "consumer");
	cr_assert_eq(attach_producer(w), -EBUSY, "alive over there");
	slip_a32_store_release(&w->stage->go, 1);
	expect_exit(pid);
	cr_assert_eq(attach_producer(w), 0, "dead over there");
	for (uint64_t i = 1; i <= 3; i++)
		expect_pop(w, i);
	end(w);
}
