/* SPDX-License-Identifier: MIT */
/* futex/sem.h: units, refusals, whom a post wakes, other processes. */
#define _GNU_SOURCE
#include "futex/test/sem_sleeper.h"

#include "futex/sem.h"

#define PAST 1 /* a deadline long gone */

static int acquire_one(void *arg)
{
	return slip_sem_acquire((struct slip_sem *)arg, 1);
}

static int acquire_three(void *arg)
{
	return slip_sem_acquire((struct slip_sem *)arg, 3);
}

static int wait_zero(void *arg)
{
	return slip_sem_wait_zero((struct slip_sem *)arg);
}

static struct slip_sem *shared_sem(void)
{
	return (struct slip_sem *)(void *)shared_page();
}

static uint32_t asked_to_wake(void)
{
	/* stat */
	return slip_a32_load_relaxed(&wakeups);
}

Test(sem, zero_bytes_are_no_units)
{
	struct slip_sem s;

	memset(&s, 0, sizeof(s));
	cr_assert_eq(slip_sem_value(&s), 0);
	cr_assert_eq(slip_sem_acquire_try(&s, 1), -EAGAIN);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(slip_sem_acquire_try(&s, 1), 0);
}

Test(sem, init_takes_any_bytes_and_up_to_max)
{
	struct slip_sem s;

	memset(&s, 0xa5, sizeof(s));
	cr_assert_eq(slip_sem_init(&s, SLIP_SEM_MAX), 0);
	cr_assert_eq(slip_sem_value(&s), SLIP_SEM_MAX);
	cr_assert_eq(slip_sem_acquire(&s, SLIP_SEM_MAX), 0);
	cr_assert_eq(slip_sem_value(&s), 0);
	cr_assert_eq(slip_sem_init(&s, SLIP_SEM_MAX + 1), -EOVERFLOW);
}

Test(sem, takes_all_or_nothing)
{
	struct slip_sem s;

	cr_assert_eq(slip_sem_init(&s, 5), 0);
	cr_assert_eq(slip_sem_acquire(&s, 3), 0);
	cr_assert_eq(slip_sem_acquire_try(&s, 3), -EAGAIN);
	cr_assert_eq(slip_sem_value(&s), 2);
	cr_assert_eq(slip_sem_acquire_try(&s, 2), 0);
	cr_assert_eq(slip_sem_value(&s), 0);
	cr_assert_eq(slip_sem_acquire(&s, 0), 0, "of nothing there is enough");
}

Test(sem, a_post_beyond_max_is_refused_whole)
{
	struct slip_sem s;

	cr_assert_eq(slip_sem_init(&s, SLIP_SEM_MAX - 2), 0);
	cr_assert_eq(slip_sem_post(&s, 3), -EOVERFLOW);
	cr_assert_eq(slip_sem_value(&s), SLIP_SEM_MAX - 2);
	cr_assert_eq(slip_sem_post(&s, 2), 0);
	cr_assert_eq(slip_sem_post(&s, 1), -EOVERFLOW);
	cr_assert_eq(slip_sem_post(&s, UINT32_MAX), -EOVERFLOW);
	cr_assert_eq(slip_sem_value(&s), SLIP_SEM_MAX);
}

Test(sem, what_there_never_is_is_refused)
{
	struct slip_sem s;

	cr_assert_eq(slip_sem_init(&s, SLIP_SEM_MAX - 1), 0);
	cr_assert_eq(slip_sem_acquire_try(&s, SLIP_SEM_MAX), -EAGAIN);
	cr_assert_eq(slip_sem_acquire_try(&s, SLIP_SEM_MAX + 1), -EINVAL);
	cr_assert_eq(slip_sem_acquire(&s, UINT32_MAX), -EINVAL);
	cr_assert_eq(slip_sem_value(&s), SLIP_SEM_MAX - 1);
}

Test(sem, a_deadline_is_kept_and_one_in_the_past_tries_once)
{
	struct slip_sem s;
	uint64_t soon = slip_after_ns(20 * MS);

	slices = true;
	cr_assert_eq(slip_sem_init(&s, 1), 0);
	cr_assert_eq(slip_sem_acquire_until(&s, 1, PAST), 0);
	cr_assert_eq(slip_sem_acquire_until(&s, 1, PAST), -ETIMEDOUT);
	cr_assert_eq(slip_sem_acquire_until(&s, SLIP_SEM_MAX, PAST),
		     -ETIMEDOUT);
	cr_assert_eq(KERNEL(slip_sem_acquire_until(&s, 1, soon)), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), soon);
	cr_assert_eq(slip_sem_wait_zero_until(&s, PAST), 0);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(slip_sem_wait_zero_until(&s, PAST), -ETIMEDOUT);
}

Test(sem, nobody_is_woken_where_nobody_sleeps)
{
	struct slip_sem s;

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	cr_assert_eq(slip_sem_post(&s, 7), 0);
	cr_assert_eq(slip_sem_acquire(&s, 7), 0);
	cr_assert_eq(asked_to_wake(), 0);
}

Test(sem, a_post_wakes_one_that_sleeps)
{
	struct slip_sem s;
	struct dozer d = { .body = acquire_one, .arg = &s };

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	doze(&d);
	cr_assert_eq(slip_a32_load_relaxed(&s.word), 0, "not broad"); /* stat */
	cr_assert_eq(KERNEL(slip_sem_post(&s, 1)), 0);
	cr_assert_eq(dozer_join(&d), 0);
	cr_assert_eq(slip_sem_value(&s), 0);
}

Test(sem, a_post_of_one_wakes_one)
{
	struct slip_sem s;
	struct dozer d[2];
	uint32_t word;

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	for (int i = 0; i < 2; i++) {
		d[i] = (struct dozer){ .body = acquire_one, .arg = &s };
		doze(&d[i]);
	}
	word = slip_a32_load_relaxed(&s.event.word); /* stat */
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	/* Who is woken with all others announces itself anew. */
	cr_assert_eq(slip_a32_load_relaxed(&s.event.word), word); /* stat */
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(dozer_join(&d[i]), 0);
}

/* The kernel wakes who came first: here the one that cannot be served. */
Test(sem, who_wants_many_does_not_strand_who_wants_one)
{
	struct slip_sem s;
	struct dozer many = { .body = acquire_three, .arg = &s };
	struct dozer one = { .body = acquire_one, .arg = &s };

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	doze(&many);
	doze(&one);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(dozer_join(&one), 0);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(dozer_join(&many), 0);
	cr_assert_eq(slip_sem_value(&s), 0);
}

Test(sem, a_post_of_several_wakes_several)
{
	struct slip_sem s;
	struct dozer d[3];

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	for (int i = 0; i < 3; i++) {
		d[i] = (struct dozer){ .body = acquire_one, .arg = &s };
		doze(&d[i]);
	}
	cr_assert_eq(slip_sem_post(&s, 3), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(dozer_join(&d[i]), 0);
	cr_assert_eq(slip_sem_value(&s), 0);
}

Test(sem, who_waits_for_zero_is_woken_at_zero_and_strands_nobody)
{
	struct slip_sem s;
	struct dozer zero = { .body = wait_zero, .arg = &s };
	struct dozer three = { .body = acquire_three, .arg = &s };

	cr_assert_eq(slip_sem_init(&s, 2), 0);
	doze(&zero);
	doze(&three);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(dozer_join(&three), 0);
	cr_assert_eq(dozer_join(&zero), 0);
	cr_assert_eq(slip_sem_wait_zero(&s), 0, "at once");
}

static struct slip_sem *from_handler;

static void post_in_handler(int number)
{
	(void)number;
	if (slip_sem_post(from_handler, 1))
		_exit(1);
}

Test(sem, a_signal_handler_may_post)
{
	static struct slip_sem s;
	struct dozer d = { .body = acquire_one, .arg = &s };
	struct sigaction action;

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	from_handler = &s;
	memset(&action, 0, sizeof(action));
	action.sa_handler = post_in_handler;
	cr_assert_eq(sigaction(SIGUSR2, &action, NULL), 0);
	doze(&d);
	cr_assert_eq(KERNEL(raise(SIGUSR2)), 0);
	cr_assert_eq(dozer_join(&d), 0);
}

Test(sem, processes_share_it)
{
	struct slip_sem *s = shared_sem();
	pid_t one = doze_apart(acquire_one, s);
	pid_t three = doze_apart(acquire_three, s);

	cr_assert_eq(slip_sem_post(s, 4), 0);
	cr_assert_eq(sleeper_wait(one), 0);
	cr_assert_eq(sleeper_wait(three), 0);
	cr_assert_eq(slip_sem_value(s), 0);
}

/* One that is killed asleep costs the others a spare wake-up at most. */
Test(sem, a_killed_sleeper_is_not_served)
{
	struct slip_sem *s = shared_sem();
	pid_t three = doze_apart(acquire_three, s);
	pid_t one = doze_apart(acquire_one, s);

	sleeper_kill(three);
	cr_assert_eq(slip_sem_post(s, 1), 0);
	cr_assert_eq(sleeper_wait(one), 0);
	cr_assert_eq(slip_sem_post(s, 3), 0);
	cr_assert_eq(slip_sem_value(s), 3);
}

/* One that is stopped with a wake-up that another needs: a slice tells it. */
Test(sem, a_stopped_sleeper_strands_nobody)
{
	struct slip_sem *s = shared_sem();
	pid_t first;
	pid_t second;

	slices = true;
	first = doze_apart(acquire_one, s);
	second = doze_apart(acquire_one, s);
	cr_assert_eq(kill(first, SIGSTOP), 0);
	until_state(first, 'T');
	cr_assert_eq(slip_sem_post(s, 1), 0);
	cr_assert_eq(sleeper_wait(second), 0);
	cr_assert_eq(slip_sem_post(s, 1), 0);
	cr_assert_eq(kill(first, SIGCONT), 0);
	cr_assert_eq(sleeper_wait(first), 0);
}

Test(sem, what_the_kernel_refuses_is_told)
{
	struct slip_sem s;

	cr_assert_eq(slip_sem_init(&s, 0), 0);
	refuse_sleep = -EFAULT;
	cr_assert_eq(slip_sem_acquire(&s, 1), -EFAULT);
	cr_assert_eq(slip_sem_post(&s, 1), 0);
	cr_assert_eq(slip_sem_wait_zero(&s), -EFAULT);
}

#define TURNS 20000

static int take_turns(void *arg)
{
	struct slip_sem *s = (struct slip_sem *)arg;

	for (int i = 0; i < TURNS; i++) {
		if (slip_sem_acquire(&s[0], 2) || slip_sem_post(&s[1], 2))
			return 1;
	}
	return 0;
}

/* Two semaphores, handed to and fro: the sum stays. */
Test(sem, two_hand_units_to_and_fro)
{
	static struct slip_sem s[2];
	struct dozer d = { .body = take_turns, .arg = s };

	cr_assert_eq(slip_sem_init(&s[0], 0), 0);
	cr_assert_eq(slip_sem_init(&s[1], 4), 0);
	doze_soon(&d);
	for (int i = 0; i < TURNS; i++) {
		cr_assert_eq(slip_sem_acquire(&s[1], 2), 0);
		cr_assert_eq(slip_sem_post(&s[0], 2), 0);
	}
	cr_assert_eq(dozer_join(&d), 0);
	cr_assert_eq(slip_sem_value(&s[0]), 0);
	cr_assert_eq(slip_sem_value(&s[1]), 4);
}
