/* SPDX-License-Identifier: MIT */
/*
 * futex/event.h: what a sleeper is told when the kernel says something else
 * than "woken", whom notify_one wakes, and how short a spin can get.
 */
#define _GNU_SOURCE
#define SLIP_NOW_HOOK event_look_now
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/event.h"
#include "futex/test/sleeper.h"

static uint64_t fake_now; /* 0: the real clock */

uint64_t event_look_now(void)
{
	struct timespec t;

	if (fake_now)
		return fake_now;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

Test(event_look, a_signal_is_a_reason_to_look_again)
{
	struct slip_event e = { { 1 }, { 0 } };

	hook_fail(SYS_futex, 1, EINTR);
	cr_assert_eq(KERNEL(slip_event_sleep(&e, 1, SLIP_FOREVER)), 0);
	cr_assert_eq(hook_calls(), 1u, "and none to sleep again by itself");
	hook_fail(SYS_futex, 1, EFAULT);
	cr_assert_eq(KERNEL(slip_event_sleep(&e, 1, SLIP_FOREVER)), -EFAULT);
}

static int sleep_on_event(const struct sleeper *s)
{
	void *e = s->w;

	return slip_event_sleep(e, s->expected, s->deadline_ns);
}

Test(event_look, notify_one_of_a_sleeper_leaves_w_for_the_next)
{
	struct slip_event e = { { 0 }, { 0 } };
	struct sleeper s = sleeper_on(&e.word, SLIP_SHARED);
	uint32_t calls;

	s.body = sleep_on_event;
	cr_assert_eq(slip_event_prepare(&e, SLIP_EVENT_FULL, &s.expected), 0);
	hook_watch(SYS_futex);
	sleeper_start(&s);
	calls = hook_calls();
	slip_event_notify_one(&e, SLIP_EVENT_FULL);
	cr_assert_eq(hook_calls(), calls + 1, "one wake, and no wake_op");
	cr_assert_eq(sleeper_join(&s), 0);
	/* stat */
	cr_assert_eq(slip_a32_load_relaxed(&e.word), SLIP_EVENT_W_,
		     "W, and no epoch");
	slip_event_notify_one(&e, SLIP_EVENT_FULL);
	/* stat */
	cr_assert_eq(slip_a32_load_relaxed(&e.word), SLIP_EVENT_ONE_,
		     "nobody: W is gone");
}

Test(event_look, quick_successes_shorten_the_spin_to_its_least)
{
	struct slip_spin s;
	uint32_t before;

	slip_spin_init(&s);
	for (int i = 0; i < 1000; i++) {
		before = s.budget_ns;
		cr_assert(slip_spin_begin(&s));
		cr_assert(slip_spin_turn(&s));
		slip_spin_hit(&s);
		cr_assert_leq(s.budget_ns, before);
	}
	cr_assert_eq(s.budget_ns, SLIP_SPIN_MIN_NS);
}

/* A spin of some turns that had its success after `ns`. */
static void spin_for(struct slip_spin *s, int turns, uint64_t ns)
{
	cr_assert(slip_spin_begin(s));
	for (int i = 0; i < turns; i++)
		cr_assert(slip_spin_turn(s));
	fake_now += ns;
	slip_spin_hit(s);
}

Test(event_look, a_success_sets_the_spin_to_twice_its_time_within_limits)
{
	struct slip_spin s;

	fake_now = 1;
	slip_spin_init(&s);
	spin_for(&s, 32, 12000);
	cr_assert_eq(s.budget_ns, 24000u, "up at once");
	spin_for(&s, 31, 24000);
	cr_assert_eq(s.budget_ns, 24000u - 24000u / 64, "no look at the clock");
	spin_for(&s, 32, 40000);
	cr_assert_eq(s.budget_ns, SLIP_SPIN_MAX_NS, "and no further");
}
