/* SPDX-License-Identifier: MIT */
/*
 * futex/bridge.h: who has the handles when, and what the descriptor says. With
 * rings and epoll: tools/examples/epoll_loop.c; races: stress/bridge_threads.c.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/bridge.h"
#include "futex/sources.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static struct slip_sem sem;
static struct slip_flag flag;
static struct slip_source s[SLIP_BRIDGE_MAX + 1];
static struct slip_bridge b;
static pthread_t thread;
static int run_said;

static void *run(void *arg)
{
	run_said = slip_bridge_run(arg);
	return NULL;
}

static void make(void)
{
	cr_assert_eq(slip_sem_init(&sem, 0), 0);
	cr_assert_eq(slip_flag_init(&flag, SLIP_FLAG_AUTO), 0);
	slip_sem_source(&s[0], &sem, 1);
	slip_flag_source(&s[1], &flag);
	cr_assert_eq(slip_bridge_open(&b, s, 2), 0);
}

static void start(void)
{
	make();
	cr_assert_eq(pthread_create(&thread, NULL, run, &b), 0);
}

static void stop(void)
{
	slip_bridge_stop(&b);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(run_said, 0);
	slip_bridge_close(&b);
}

static bool readable(int ms)
{
	struct pollfd p = { .fd = slip_bridge_fd(&b), .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

Test(bridge, nonsense_is_refused)
{
	memset(s, 0, sizeof(s));
	slip_sem_source(&s[0], &sem, 1);
	cr_assert_eq(slip_bridge_open(&b, s, 0), -EINVAL);
	cr_assert_eq(slip_bridge_open(&b, s, SLIP_BRIDGE_MAX + 1), -EINVAL);
	cr_assert_eq(slip_bridge_open(&b, s, 2), -EINVAL, "the second is none");
	cr_assert_eq(slip_bridge_fd(&b), -1);
	slip_bridge_close(&b);
	hook_fail(SYS_eventfd2, 1, EMFILE);
	cr_assert_eq(slip_bridge_open(&b, s, 1), -EMFILE);
	hook_off();
	cr_assert_eq(slip_bridge_fd(&b), -1);
}

Test(bridge, what_is_ready_is_said_at_once_and_nobody_is_armed)
{
	make();
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(slip_bridge_arm(&b), 1);
	cr_assert_eq(slip_bridge_now(&b, 0), 1);
	cr_assert_eq(slip_bridge_now(&b, 1), 0);
	cr_assert_eq(slip_bridge_now(&b, 2), 0, "there is none");
	cr_assert_eq(slip_bridge_arm(&b), 1);
	cr_assert_eq(slip_sem_acquire_try(&sem, 1), 0);
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert_eq(slip_bridge_arm(&b), -EBUSY);
	cr_assert_not(readable(0));
	slip_bridge_close(&b);
}

Test(bridge, what_has_ended_can_be_dropped)
{
	start();
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(slip_bridge_arm(&b), 1);
	slip_bridge_drop(&b, 0);
	slip_bridge_drop(&b, 2); /* not the word */
	cr_assert_eq(slip_bridge_arm(&b), 0);
	slip_flag_set(&flag);
	cr_assert(readable(-1));
	cr_assert_eq(slip_bridge_take(&b), 1);
	cr_assert_eq(slip_bridge_now(&b, 0), 0);
	cr_assert_eq(slip_bridge_now(&b, 1), 1);
	cr_assert(slip_flag_try(&flag));
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert_eq(slip_bridge_disarm(&b), 0, "it still hears the word");
	stop();
}

Test(bridge, as_many_as_there_may_be)
{
	for (unsigned i = 0; i < SLIP_BRIDGE_MAX; i++)
		slip_sem_source(&s[i], &sem, 1);
	cr_assert_eq(slip_bridge_open(&b, s, SLIP_BRIDGE_MAX), 0);
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert_eq(slip_bridge_arm(&b), (int)SLIP_BRIDGE_MAX);
	slip_bridge_close(&b);
}

Test(bridge, the_descriptor_tells_once_for_each_arm)
{
	start();
	for (unsigned i = 0; i < 50; i++) {
		cr_assert_eq(slip_bridge_arm(&b), 0);
		cr_assert_not(readable(0));
		if (i % 2)
			slip_flag_set(&flag);
		else
			cr_assert_eq(slip_sem_post(&sem, 1), 0);
		cr_assert(readable(-1));
		cr_assert_eq(slip_bridge_take(&b), 1);
		cr_assert_not(readable(0));
		cr_assert_eq(slip_bridge_now(&b, i % 2), 1);
		cr_assert_eq(slip_bridge_take(&b), 0, "taken already");
		cr_assert(i % 2 ? slip_flag_try(&flag)
				: slip_sem_acquire_try(&sem, 1) == 0);
	}
	stop();
}

/* A publisher makes no system call while the loop is busy. */
Test(bridge, nobody_waits_while_it_is_not_armed)
{
	start();
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert_eq(slip_sem_post(&sem, 1), 0);
	cr_assert(readable(-1));
	cr_assert_eq(slip_bridge_take(&b), 1);
	cr_assert_eq(slip_sem_post(&sem, 1), 0); /* may find W left behind */
	hook_watch(SYS_futex);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(slip_sem_post(&sem, 1), 0);
	/* The thread goes to sleep on its own word, at most. */
	cr_assert_leq(hook_calls(), 1u);
	hook_off();
	stop();
}

Test(bridge, the_loop_can_have_its_handles_back)
{
	start();
	for (unsigned i = 0; i < 200; i++) {
		cr_assert_eq(slip_bridge_arm(&b), 0);
		if (i % 2)
			slip_flag_set(&flag);
		cr_assert_eq(slip_bridge_disarm(&b), (int)(i % 2));
		cr_assert_eq(slip_flag_try(&flag), i % 2 == 1);
		/* What the thread wrote before it was recalled is late. */
		cr_assert_eq(slip_bridge_take(&b), 0);
	}
	cr_assert_eq(slip_bridge_now(&b, 2), 0, "the word is none of them");
	cr_assert_eq(slip_bridge_disarm(&b), 0, "not armed: no matter");
	/* A late word of an earlier time gives no handles away. */
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert_eq(slip_bridge_take(&b), 0);
	cr_assert_eq(slip_bridge_arm(&b), -EBUSY);
	stop();
}

Test(bridge, what_the_thread_cannot_do_is_told)
{
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOMEM);
	start();
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert(readable(-1));
	cr_assert_eq(slip_bridge_take(&b), -ENOMEM);
	cr_assert_eq(slip_bridge_arm(&b), 0);
	cr_assert(readable(-1));
	cr_assert_eq(slip_bridge_disarm(&b), -ENOMEM);
	hook_off();
	stop();
}

Test(bridge, a_thread_that_cannot_sleep_says_why)
{
	make();
	hook_fail(SYS_futex, 1, EFAULT);
	cr_assert_eq(slip_bridge_run(&b), -EFAULT);
	hook_off();
	slip_bridge_close(&b);
}

Test(bridge, after_stop_all_say_so)
{
	start();
	cr_assert_eq(slip_bridge_arm(&b), 0);
	slip_bridge_stop(&b);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(run_said, 0);
	cr_assert_eq(slip_bridge_arm(&b), -EPIPE);
	cr_assert_eq(slip_bridge_take(&b), -EPIPE);
	cr_assert_eq(slip_bridge_disarm(&b), -EPIPE);
	slip_bridge_close(&b);
	slip_bridge_close(&b);
}
