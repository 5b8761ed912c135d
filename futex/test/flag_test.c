/* SPDX-License-Identifier: MIT */
/* futex/flag.h: both kinds, across processes, from a signal handler, deaths. */
#define _GNU_SOURCE
#include "futex/flag.h"

#include "futex/test/sleeper.h"

static struct slip_flag *flag_make(unsigned kind)
{
	struct slip_flag *f = (struct slip_flag *)(void *)shared_page();

	cr_assert_eq(slip_flag_init(f, kind), 0);
	return f;
}

Test(flag, zero_bytes_are_of_manual_reset_and_not_set)
{
	struct slip_flag f = { 0 };

	cr_assert_not(slip_flag_try(&f));
	cr_assert_not(slip_flag_reset(&f));
	slip_flag_set(&f);
	cr_assert(slip_flag_try(&f));
	cr_assert(slip_flag_try(&f), "it stays");
	cr_assert_eq(slip_flag_wait(&f), 0);
	cr_assert(slip_flag_reset(&f));
	cr_assert_not(slip_flag_reset(&f));
	cr_assert_not(slip_flag_try(&f));
}

Test(flag, an_automatic_one_lets_one_through)
{
	struct slip_flag f;

	memset(&f, 0xff, sizeof(f));
	cr_assert_eq(slip_flag_init(&f, SLIP_FLAG_AUTO), 0);
	cr_assert_not(slip_flag_try(&f));
	slip_flag_set(&f);
	slip_flag_set(&f);
	cr_assert(slip_flag_try(&f));
	cr_assert_not(slip_flag_try(&f), "set twice counts once");
	slip_flag_set(&f);
	cr_assert_eq(slip_flag_wait(&f), 0);
	cr_assert_eq(slip_flag_wait_until(&f, 1), -ETIMEDOUT, "taken");
	slip_flag_set(&f);
	cr_assert_eq(slip_flag_wait_until(&f, 1), 0, "a look comes first");
}

Test(flag, there_are_two_kinds)
{
	struct slip_flag f;

	cr_assert_eq(slip_flag_init(&f, 2), -EINVAL);
}

Test(flag, a_deadline_is_kept)
{
	struct slip_flag *f = flag_make(SLIP_FLAG_MANUAL);
	uint64_t until = slip_after_ns(20 * MS);

	cr_assert_eq(KERNEL(slip_flag_wait_until(f, until)), -ETIMEDOUT);
	cr_assert(slip_now_ns() >= until, "not early");
}

static pid_t waiter(struct slip_flag *f)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(-slip_flag_wait(f) & 255);
	until_asleep(child);
	return child;
}

Test(flag, a_manual_one_wakes_all_who_wait_in_other_processes)
{
	struct slip_flag *f = flag_make(SLIP_FLAG_MANUAL);
	pid_t child[3];

	for (int i = 0; i < 3; i++)
		child[i] = waiter(f);
	slip_flag_set(f);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sleeper_wait(child[i]), 0);
	cr_assert(slip_flag_try(f), "still set");
}

Test(flag, an_automatic_one_wakes_one_for_each_setting)
{
	struct slip_flag *f = flag_make(SLIP_FLAG_AUTO);
	pid_t child[2] = { waiter(f), waiter(f) };
	pid_t first;
	int status;

	slip_flag_set(f);
	first = waitpid(-1, &status, 0);
	cr_assert(first == child[0] || first == child[1]);
	cr_assert_eq(status, 0);
	cr_assert_not(slip_flag_try(f), "the other has nothing to take");
	slip_flag_set(f);
	cr_assert_eq(sleeper_wait(child[first == child[0]]), 0);
	cr_assert_not(slip_flag_try(f));
}

static struct slip_flag *handled;

static void set_in_handler(int number)
{
	(void)number;
	slip_flag_set(handled);
}

Test(flag, a_signal_handler_may_set_it)
{
	struct sigaction action;
	pid_t child;

	handled = flag_make(SLIP_FLAG_AUTO);
	memset(&action, 0, sizeof(action));
	action.sa_handler = set_in_handler;
	cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	/* It interrupts the very wait that it ends. */
	child = waiter(handled);
	cr_assert_eq(kill(child, SIGUSR1), 0);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_not(slip_flag_try(handled));
}

Test(flag, a_waiter_that_is_killed_leaves_it_to_the_others)
{
	struct slip_flag *f = flag_make(SLIP_FLAG_AUTO);
	pid_t doomed = waiter(f);
	pid_t other = waiter(f);

	/* Stopped, it cannot take what it is woken for. */
	cr_assert_eq(kill(doomed, SIGSTOP), 0);
	until_state(doomed, 'T');
	slip_flag_set(f);
	sleeper_kill(doomed);
	cr_assert_eq(sleeper_wait(other), 0);
	cr_assert_not(slip_flag_try(f));
}
