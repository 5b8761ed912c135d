/* SPDX-License-Identifier: MIT */
/*
 * futex/wait.h: when the loop asks, for how long it sleeps, and what ends it; by
 * a clock and a kernel that the test plays.
 */
#define _GNU_SOURCE
#define SLIP_NOW_HOOK wait_test_now
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/wait.h"

#include <time.h>

#define MS    UINT64_C(1000000)
#define START (1000 * MS)
#define SLICE (6 * MS)
/* Looks after which a test that should have ended gives up. */
#define ENOUGH 1000u

static uint64_t now_ns = START;
static struct slip_event event;

uint64_t wait_test_now(void)
{
	return now_ns;
}

/* What is waited for, and what it was asked. */
static struct {
	unsigned looks, asked;
	unsigned yes_at; /* the look that says yes; 0: none */
	bool yes_if_asked;
	int error; /* instead of yes */
} it;

static int ready(void *handle, bool ask)
{
	cr_assert_eq(handle, &it);
	it.looks++;
	it.asked += ask;
	if (it.looks == it.yes_at || (ask && it.yes_if_asked))
		return it.error ? it.error : 1;
	return it.looks < ENOUGH ? 0 : -EXFULL;
}

/* The kernel: what a sleep comes to, and how often there was one. */
static unsigned sleeps;
static uint64_t until_ns[8];
static long sleep_result;
static long fence_result;

static uint64_t deadline_of(long spec)
{
	const struct timespec *t = (const struct timespec *)spec;

	return t ? (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec
		 : SLIP_FOREVER;
}

static long play(long nr, const long *arg)
{
	if (nr == SYS_membarrier)
		return fence_result;
	if (nr != SYS_futex)
		return SCRIPT_PASS;
	until_ns[sleeps++ % 8] = deadline_of(arg[3]);
	now_ns = sleep_result == -ETIMEDOUT ? deadline_of(arg[3]) : now_ns + MS;
	return sleep_result;
}

static struct slip_waiter waiter_of(unsigned mode, uint64_t slice_ns)
{
	struct slip_waiter w;

	script = play;
	slip_waiter_init_(&w, &event, mode, slice_ns);
	w.spin.skip = UINT32_MAX;
	return w;
}

static int wait_full(uint64_t slice_ns, uint64_t deadline_ns)
{
	struct slip_waiter w = waiter_of(SLIP_EVENT_FULL, slice_ns);

	return slip_waiter_until_(&w, ready, &it, deadline_ns);
}

Test(wait, a_deadline_in_the_past_asks_once_and_does_not_sleep)
{
	cr_assert_eq(wait_full(SLICE, START), -ETIMEDOUT);
	cr_assert_eq(it.looks, 1u);
	cr_assert_eq(it.asked, 1u);
	cr_assert_eq(wait_full(SLICE, 0), -ETIMEDOUT);
	it.yes_if_asked = true;
	cr_assert_eq(wait_full(SLICE, START), 0);
	it.error = -EOWNERDEAD;
	cr_assert_eq(wait_full(SLICE, START), -EOWNERDEAD);
	cr_assert_eq(sleeps, 0u);
}

Test(wait, looks_before_it_sleeps_and_asks_nobody_then)
{
	it.yes_at = 1;
	cr_assert_eq(wait_full(SLICE, SLIP_FOREVER), 0);
	cr_assert_eq(sleeps, 0u);
	cr_assert_eq(it.asked, 0u);
}

Test(wait, an_answer_below_0_ends_it)
{
	it.yes_at = 2;
	it.error = -ENOTRECOVERABLE;
	cr_assert_eq(wait_full(SLICE, SLIP_FOREVER), -ENOTRECOVERABLE);
	cr_assert_eq(sleeps, 1u);
}

Test(wait, sleeps_in_slices_and_asks_after_each)
{
	sleep_result = -ETIMEDOUT;
	cr_assert_eq(wait_full(SLICE, START + 15 * MS), -ETIMEDOUT);
	cr_assert_eq(sleeps, 3u);
	cr_assert_eq(until_ns[0], START + 6 * MS);
	cr_assert_eq(until_ns[1], START + 12 * MS);
	cr_assert_eq(until_ns[2], START + 15 * MS);
	cr_assert_eq(it.looks, 4u);
	cr_assert_eq(it.asked, 3u, "after two slices, and at the deadline");
}

Test(wait, a_slice_that_ends_with_the_deadline_is_the_deadline)
{
	sleep_result = -ETIMEDOUT;
	cr_assert_eq(wait_full(SLICE, START + SLICE), -ETIMEDOUT);
	cr_assert_eq(sleeps, 1u);
	cr_assert_eq(it.asked, 1u);
}

Test(wait, signals_do_not_put_the_question_off)
{
	sleep_result = -EINTR;
	it.yes_if_asked = true;
	cr_assert_eq(wait_full(SLICE, SLIP_FOREVER), 0);
	cr_assert_eq(sleeps, 6u, "a ms each");
	cr_assert_eq(until_ns[5], START + SLICE, "all of one slice");
}

Test(wait, wake_ups_for_others_do_not_put_it_off_again_and_again)
{
	it.yes_at = 20;
	cr_assert_eq(wait_full(SLICE, SLIP_FOREVER), 0);
	cr_assert_eq(it.asked, 3u, "one question in 6 ms");
}

Test(wait, a_word_that_always_changes_does_not_put_the_deadline_off)
{
	sleep_result = -EAGAIN;
	cr_assert_eq(wait_full(SLIP_FOREVER, START + 3 * MS), -ETIMEDOUT);
	cr_assert_eq(sleeps, 3u);
	cr_assert_eq(it.asked, 1u, "at the end");
}

Test(wait, without_slices_it_sleeps_until_told)
{
	it.yes_at = 4;
	cr_assert_eq(wait_full(SLIP_FOREVER, SLIP_FOREVER), 0);
	cr_assert_eq(until_ns[0], SLIP_FOREVER);
	cr_assert_eq(it.asked, 0u);
	cr_assert_eq(sleeps, 3u);
}

Test(wait, memory_that_is_gone_ends_it_without_another_look)
{
	sleep_result = -EFAULT;
	cr_assert_eq(wait_full(SLICE, START + SLICE), -EFAULT);
	cr_assert_eq(it.looks, 1u);
	sleep_result = -EINVAL;
	cr_assert_eq(wait_full(SLICE, SLIP_FOREVER), -EINVAL);
}

Test(wait, who_must_not_sleep_looks_all_the_same)
{
	struct slip_waiter w = waiter_of(SLIP_EVENT_ASYM, SLICE);

	fence_result = -EPERM;
	cr_assert_eq(slip_waiter_until_(&w, ready, &it, SLIP_FOREVER), -EPERM);
	cr_assert_eq(it.looks, 1u);
	it.yes_at = 2;
	cr_assert_eq(slip_waiter_until_(&w, ready, &it, SLIP_FOREVER), 0);
	cr_assert_eq(sleeps, 0u);
}

Test(wait, a_spin_may_do)
{
	struct slip_waiter w = waiter_of(SLIP_EVENT_FULL, SLICE);

	slip_spin_init(&w.spin);
	it.yes_at = 31;
	cr_assert_eq(slip_waiter_until_(&w, ready, &it, SLIP_FOREVER), 0);
	cr_assert_eq(sleeps, 0u);
	cr_assert_eq(it.asked, 0u);
	/* The budget is a hit's from now on. */
	cr_assert_lt(w.spin.budget_ns, SLIP_SPIN_FIRST_NS);
}

Test(wait, a_spin_looks_only_so_often)
{
	struct slip_waiter w = waiter_of(SLIP_EVENT_FULL, SLICE);

	slip_spin_init(&w.spin);
	w.stride = SLIP_LOCK_STRIDE;
	it.yes_at = 3;
	cr_assert_eq(slip_waiter_until_(&w, ready, &it, SLIP_FOREVER), 0);
	cr_assert_eq(w.spin.turns, 3 * SLIP_LOCK_STRIDE);
	cr_assert_eq(sleeps, 0u);
}

Test(wait, a_spin_in_vain_ends_in_a_sleep)
{
	struct slip_waiter w = waiter_of(SLIP_EVENT_FULL, SLICE);

	slip_spin_init(&w.spin);
	w.spin.since_ns = 0;
	w.spin.budget_ns = 0;
	it.yes_at = 50;
	cr_assert_eq(slip_waiter_until_(&w, ready, &it, SLIP_FOREVER), 0);
	cr_assert_eq(sleeps, 18u, "31 looks in the spin, then one for each");
	cr_assert_eq(w.spin.misses, 1u);
}
