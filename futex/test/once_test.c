/* SPDX-License-Identifier: MIT */
/* futex/once.h: runners and those who wait for them; aborts, deaths, refusals. */
#define _GNU_SOURCE
#include "futex/once.h"

#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

static struct slip_once *once_make(void)
{
	return (struct slip_once *)(void *)shared_page();
}

/* In the region, for members. */
static struct slip_once *once_find(const struct slip_region *rg)
{
	size_t bytes;

	return (struct slip_once *)slip_region_find(rg, "words", PEERS_KIND,
						    &bytes);
}

Test(once, the_first_runs_it_and_then_it_is_done)
{
	struct slip_once *o = once_make();

	cr_assert_eq(slip_once_begin(o, NULL), 1, "run it");
	cr_assert_eq(slip_once_end(o, NULL), 0);
	cr_assert_eq(slip_once_begin(o, NULL), 0, "done");
	cr_assert_eq(slip_once_begin_until(o, NULL, 1), 0, "done");
	cr_assert_eq(slip_once_end(o, NULL), -EPERM, "it is not running");
	cr_assert_eq(slip_once_abort(o, NULL), -EPERM, "it is not running");
}

Test(once, one_that_is_given_up_can_be_begun_again)
{
	struct slip_once *o = once_make();

	cr_assert_eq(slip_once_abort(o, NULL), -EPERM, "not begun");
	cr_assert_eq(slip_once_end(o, NULL), -EPERM, "not begun");
	cr_assert_eq(slip_once_begin(o, NULL), 1);
	cr_assert_eq(slip_once_abort(o, NULL), 0);
	cr_assert_eq(slip_once_begin_until(o, NULL, 1), 1, "run it");
	cr_assert_eq(slip_once_end(o, NULL), 0);
	cr_assert_eq(slip_once_begin(o, NULL), 0, "done");
}

Test(once, who_waits_for_the_end_keeps_his_deadline)
{
	struct slip_once *o = once_make();
	uint64_t until = slip_after_ns(20 * MS);

	cr_assert_eq(slip_once_begin(o, NULL), 1);
	cr_assert_eq(KERNEL(slip_once_begin_until(o, NULL, until)), -ETIMEDOUT);
	cr_assert(slip_now_ns() >= until, "not early");
	cr_assert_eq(slip_once_begin_until(o, NULL, 1), -ETIMEDOUT);
}

/* What a nameless one runs is not ended by one who has lost his name. */
Test(once, who_has_left_ends_nothing)
{
	struct slip_peer self;
	struct slip_once *o;

	cr_assert_eq(peers_make(8), 0);
	o = once_find(&peers_rg);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	slip_peer_leave(&self);
	cr_assert_eq(slip_once_begin(o, NULL), 1, "run it");
	cr_assert_eq(slip_once_end(o, &self), -EPERM, "not his");
	cr_assert_eq(slip_once_abort(o, &self), -EPERM, "not his");
	cr_assert_eq(slip_once_end(o, NULL), 0, "ours");
}

static pid_t waiter(struct slip_once *o)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(10 + slip_once_begin(o, NULL));
	until_asleep(child);
	return child;
}

Test(once, the_end_wakes_all_who_wait_in_other_processes)
{
	struct slip_once *o = once_make();
	pid_t child[3];

	cr_assert_eq(slip_once_begin(o, NULL), 1);
	for (int i = 0; i < 3; i++)
		child[i] = waiter(o);
	cr_assert_eq(slip_once_end(o, NULL), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sleeper_wait(child[i]), 10, "done");
}

Test(once, an_abort_has_the_next_one_run_it)
{
	struct slip_once *o = once_make();
	pid_t child;

	cr_assert_eq(slip_once_begin(o, NULL), 1);
	child = waiter(o);
	cr_assert_eq(slip_once_abort(o, NULL), 0);
	cr_assert_eq(sleeper_wait(child), 11, "it runs it");
	cr_assert_eq(slip_once_end(o, NULL), 0, "NULL is one and the same");
}

static int run_it(struct slip_peer *self)
{
	struct slip_once *o = once_find(self->rg);

	if (!o || slip_once_begin(o, self) != 1)
		return 91;
	actor_stay();
	return 0;
}

Test(once, the_death_of_the_runner_is_told_to_the_next)
{
	struct slip_peer self;
	struct slip_once *o;
	struct member m;

	cr_assert_eq(peers_make(8), 0);
	o = once_find(&peers_rg);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert(peers_start(&m, run_it));
	cr_assert_eq(slip_once_begin_until(o, &self, 1), -ETIMEDOUT, "alive");
	cr_assert_eq(slip_once_end(o, &self), -EPERM, "another's");
	cr_assert_eq(slip_once_abort(o, &self), -EPERM, "another's");
	cr_assert_eq(kill(m.actor.pid, SIGSTOP), 0);
	cr_assert_eq(slip_once_begin_until(o, &self, slip_after_ns(20 * MS)),
		     -ETIMEDOUT, "stopped is alive");
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert_eq(slip_once_begin(o, &self), -EOWNERDEAD);
	cr_assert_eq(slip_once_end(o, &self), 0);
	cr_assert_eq(slip_once_begin(o, &self), 0, "done");
	slip_peer_leave(&self);
}

static int wait_for_it(struct slip_peer *self)
{
	actor_ready();
	return 100 - slip_once_begin(once_find(self->rg), self);
}

Test(once, the_death_of_the_runner_is_told_to_who_sleeps)
{
	struct member runner, sleeper;

	cr_assert_eq(peers_make(8), 0);
	cr_assert(peers_start(&runner, run_it));
	cr_assert(peers_start(&sleeper, wait_for_it));
	until_asleep(sleeper.actor.pid);
	cr_assert_eq(actor_kill(&runner.actor), -SIGKILL);
	cr_assert_eq(actor_wait(&sleeper.actor), 100 + EOWNERDEAD);
}

Test(once, a_copy_in_a_fork_child_and_a_stranger_are_refused)
{
	struct slip_peer self, stranger;
	struct slip_once *o;
	pid_t child;

	cr_assert_eq(peers_make(8), 0);
	o = once_make();
	slip_peer_prepare(&stranger, &peers_rg);
	cr_assert_eq(slip_once_begin(o, &stranger), -EINVAL, "no member");
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_once_begin(o, &self), 1);
	child = fork();
	if (child == 0)
		_exit(slip_once_begin(o, &self) != -ECHILD ||
		      slip_once_end(o, &self) != -ECHILD ||
		      slip_once_abort(o, &self) != -ECHILD);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(slip_once_end(o, &self), 0, "still ours");
	slip_peer_leave(&self);
}

Test(once, a_damaged_word_is_said)
{
	struct slip_once *o = once_make();

	slip_a64_store_relaxed(&o->word, 3);
	cr_assert_eq(slip_once_begin(o, NULL), -EBADMSG);
	slip_a64_store_relaxed(&o->word, 15);
	cr_assert_eq(slip_once_begin(o, NULL), -EBADMSG);
}
