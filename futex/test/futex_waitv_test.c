/* SPDX-License-Identifier: MIT */
/*
 * futex/futex.h against the real kernel: waitv, the futex2 calls, and what
 * slip_futex_features() says of them.
 */
#define _GNU_SOURCE
#include "futex/test/sleeper.h"

#define FOREVER SLIP_FOREVER
#define SHARED	SLIP_SHARED
#define MAX	SLIP_FUTEX_WAITV_MAX

static void need(unsigned feature)
{
	if (!(slip_futex_features() & feature))
		cr_skip("this kernel lacks it");
}

static slip_a32 words[MAX + 1];

static void fill(struct slip_futex_waiter *entries, uint32_t n, unsigned flags)
{
	for (uint32_t i = 0; i < n; i++)
		slip_futex_waiter_set(&entries[i], &words[i], 0, flags);
}

/* Sleeps on the first `expected` words. */
static int sleep_many(const struct sleeper *s)
{
	struct slip_futex_waiter entries[MAX];

	fill(entries, s->expected, s->flags);
	return slip_futex_waitv(entries, s->expected, s->deadline_ns);
}

static struct sleeper on_many(uint32_t n, unsigned flags)
{
	struct sleeper s = sleeper_on(&words[0], flags);

	s.body = sleep_many;
	s.expected = n;
	return s;
}

/* --- waitv --- */

Test(waitv, returns_the_index_of_the_word_that_was_woken)
{
	static const uint32_t pick[] = { 0, 1, MAX / 2, MAX - 1 };

	need(SLIP_FUTEX_HAS_WAITV);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 4; k++) {
			struct sleeper s = on_many(MAX, both_flags[i]);

			sleeper_start(&s);
			/* It sleeps, in the eyes of /proc, while it queues. */
			wake_until(&words[pick[k]], 1, both_flags[i]);
			cr_assert_eq(sleeper_join(&s), (int)pick[k]);
		}
	}
}

Test(waitv, of_one_word_is_a_plain_wait)
{
	struct sleeper s = on_many(1, SHARED);

	need(SLIP_FUTEX_HAS_WAITV);
	sleeper_start(&s);
	wake_until(&words[0], 1, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

static int sleep_shared_and_private(const struct sleeper *s)
{
	struct slip_futex_waiter entries[2];

	slip_futex_waiter_set(&entries[0], &s->w[0], 0, SLIP_SHARED);
	slip_futex_waiter_set(&entries[1], &s->w[1], 0, SLIP_PRIVATE);
	return slip_futex_waitv(entries, 2, s->deadline_ns);
}

Test(waitv, mixes_shared_and_private_words)
{
	struct sleeper s = sleeper_on(shared_page(), 0);

	need(SLIP_FUTEX_HAS_WAITV);
	s.body = sleep_shared_and_private;
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(&s.w[0], 1, SLIP_PRIVATE)), 0);
	cr_assert_eq(KERNEL(slip_futex_wake(&s.w[1], 1, SLIP_SHARED)), 0);
	wake_until(&s.w[1], 1, SLIP_PRIVATE);
	cr_assert_eq(sleeper_join(&s), 1);
	sleeper_start(&s);
	wake_until(&s.w[0], 1, SLIP_SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(waitv, is_woken_from_another_process)
{
	struct sleeper s = sleeper_on(shared_page(), 0);
	pid_t child;

	need(SLIP_FUTEX_HAS_WAITV);
	s.body = sleep_shared_and_private;
	child = sleeper_fork(&s);
	wake_until(&s.w[0], 1, SLIP_SHARED);
	cr_assert_eq(sleeper_wait(child), 0);
}

Test(waitv, returns_eagain_if_any_word_differs)
{
	struct slip_futex_waiter entries[3];

	need(SLIP_FUTEX_HAS_WAITV);
	for (unsigned i = 0; i < 3; i++) {
		fill(entries, 3, SHARED);
		entries[i].expected = 1;
		cr_assert_eq(KERNEL(slip_futex_waitv(entries, 3, FOREVER)),
			     -EAGAIN);
	}
}

Test(waitv, does_not_time_out_before_its_deadline)
{
	struct slip_futex_waiter entries[2];
	uint64_t deadline = slip_after_ns(20 * MS);

	need(SLIP_FUTEX_HAS_WAITV);
	fill(entries, 2, SHARED);
	cr_assert_eq(KERNEL(slip_futex_waitv(entries, 2, deadline)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	cr_assert_eq(KERNEL(slip_futex_waitv(entries, 2, 0)), -ETIMEDOUT);
}

Test(waitv, returns_eintr_without_sa_restart)
{
	need(SLIP_FUTEX_HAS_WAITV);
	handle_signal(SIGUSR1, 0);
	for (int i = 0; i < 2; i++) {
		struct sleeper s = on_many(2, SHARED);

		if (i == 1)
			s.deadline_ns = slip_after_ns(PATIENCE_NS);
		sleeper_start(&s);
		interrupt(&s);
		cr_assert_eq(sleeper_join(&s), -EINTR, "case %d", i);
	}
}

Test(waitv, resumes_after_sa_restart_with_and_without_deadline)
{
	need(SLIP_FUTEX_HAS_WAITV);
	handle_signal(SIGUSR1, SA_RESTART);
	for (int i = 0; i < 2; i++) {
		struct sleeper s = on_many(2, SHARED);

		if (i == 1)
			s.deadline_ns = slip_after_ns(PATIENCE_NS);
		sleeper_start(&s);
		interrupt(&s);
		wake_until(&words[1], 1, SHARED);
		cr_assert_eq(sleeper_join(&s), 1, "case %d", i);
	}
}

Test(waitv, refuses_no_words_and_too_many)
{
	struct slip_futex_waiter entries[MAX + 1];

	need(SLIP_FUTEX_HAS_WAITV);
	fill(entries, MAX + 1, SHARED);
	cr_assert_eq(KERNEL(slip_futex_waitv(entries, 0, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_waitv(entries, MAX, 0)), -ETIMEDOUT);
	cr_assert_eq(KERNEL(slip_futex_waitv(entries, MAX + 1, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_waitv(NULL, 1, 0)), -EINVAL);
}

Test(waitv, refuses_wrong_entries)
{
	struct slip_futex_waiter e;

	need(SLIP_FUTEX_HAS_WAITV);
	slip_futex_waiter_set(&e, misaligned(&words[0]), 0, SHARED);
	cr_assert_eq(KERNEL(slip_futex_waitv(&e, 1, FOREVER)), -EINVAL);
	slip_futex_waiter_set(&e, &words[0], 0, SHARED);
	e.reserved = 1;
	cr_assert_eq(KERNEL(slip_futex_waitv(&e, 1, FOREVER)), -EINVAL);
	for (unsigned bit = 1; bit != 0; bit <<= 1) {
		if (bit == SLIP_PRIVATE)
			continue;
		slip_futex_waiter_set(&e, &words[0], 0, bit);
		cr_assert_eq(KERNEL(slip_futex_waitv(&e, 1, FOREVER)), -EINVAL,
			     "flag %#x", bit);
	}
}

Test(waitv, without_memory_is_efault)
{
	struct slip_futex_waiter e;

	need(SLIP_FUTEX_HAS_WAITV);
	slip_futex_waiter_set(&e, forbidden_page(), 0, SHARED);
	cr_assert_eq(KERNEL(slip_futex_waitv(&e, 1, FOREVER)), -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_waitv(
			     (const struct slip_futex_waiter *)(void *)
				     forbidden_page(),
			     1, FOREVER)),
		     -EFAULT);
}

/* --- futex2 --- */

static int sleep_futex2(const struct sleeper *s)
{
	return slip_futex2_wait(s->w, s->expected, s->mask, s->deadline_ns,
				s->flags);
}

static struct sleeper on_futex2(slip_a32 *w, uint32_t mask, unsigned flags)
{
	struct sleeper s = sleeper_on(w, flags);

	s.body = sleep_futex2;
	s.mask = mask;
	return s;
}

Test(futex2, wait_and_wake_meet_each_other_and_the_classic_calls)
{
	static slip_a32 w;

	need(SLIP_FUTEX_HAS_FUTEX2);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s[3];

		s[0] = on_futex2(&w, 1, flags);
		s[1] = on_futex2(&w, 2, flags);
		s[2] = sleeper_on(&w, flags);
		for (unsigned k = 0; k < 3; k++)
			sleeper_start(&s[k]);
		cr_assert_eq(KERNEL(slip_futex2_wake(&w, 0, 3, flags)), 0);
		cr_assert_eq(KERNEL(slip_futex2_wake(&w, 1, 2, flags)), 1);
		cr_assert_eq(sleeper_join(&s[1]), 0);
		cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, flags)), 1);
		cr_assert_eq(sleeper_join(&s[0]), 0);
		cr_assert_eq(KERNEL(slip_futex2_wake(&w, INT32_MAX, 4, flags)),
			     1);
		cr_assert_eq(sleeper_join(&s[2]), 0);
	}
}

Test(futex2, requeue_wakes_some_moves_some_and_counts_both)
{
	static slip_a32 a, b;

	need(SLIP_FUTEX_HAS_FUTEX2);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s[3];

		for (unsigned k = 0; k < 3; k++) {
			s[k] = on_futex2(&a, SLIP_FUTEX_ANY, flags);
			sleeper_start(&s[k]);
		}
		cr_assert_eq(
			KERNEL(slip_futex2_requeue(&a, 1, 1, &b, 1, flags)),
			-EAGAIN);
		cr_assert_eq(
			KERNEL(slip_futex2_requeue(&a, 0, 1, &b, 1, flags)), 2);
		cr_assert_eq(sleeper_join(&s[0]), 0);
		cr_assert_eq(KERNEL(slip_futex2_wake(&b, 9, 1, flags)), 1);
		cr_assert_eq(sleeper_join(&s[1]), 0);
		cr_assert_eq(KERNEL(slip_futex2_wake(&a, 9, 1, flags)), 1);
		cr_assert_eq(sleeper_join(&s[2]), 0);
	}
}

Test(futex2, wait_compares_then_times_out)
{
	static slip_a32 w;
	uint64_t deadline = slip_after_ns(20 * MS);

	need(SLIP_FUTEX_HAS_FUTEX2);
	cr_assert_eq(KERNEL(slip_futex2_wait(&w, 1, 1, 0, SHARED)), -EAGAIN);
	cr_assert_eq(KERNEL(slip_futex2_wait(&w, 0, 1, 0, SHARED)), -ETIMEDOUT);
	cr_assert_eq(KERNEL(slip_futex2_wait(&w, 0, 1, deadline, SHARED)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
}

Test(futex2, wait_resumes_after_sa_restart_and_else_returns_eintr)
{
	static slip_a32 w;
	struct sleeper s = on_futex2(&w, 1, SHARED);

	need(SLIP_FUTEX_HAS_FUTEX2);
	for (int i = 0; i < 2; i++) {
		handle_signal(SIGUSR1, 0);
		sleeper_start(&s);
		interrupt(&s);
		cr_assert_eq(sleeper_join(&s), -EINTR, "case %d", i);
		handle_signal(SIGUSR1, SA_RESTART);
		sleeper_start(&s);
		interrupt(&s);
		wake_until(&w, 1, SHARED);
		cr_assert_eq(sleeper_join(&s), 0, "case %d", i);
		s.deadline_ns = slip_after_ns(PATIENCE_NS);
	}
}

Test(futex2, wrong_arguments_are_refused)
{
	static slip_a32 w[2];
	slip_a32 *bad = misaligned(&w[0]);
	slip_a32 *nowhere = forbidden_page();

	need(SLIP_FUTEX_HAS_FUTEX2);
	cr_assert_eq(KERNEL(slip_futex2_wait(bad, 0, 1, 0, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wait(&w[0], 0, 0, 0, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wait(&w[0], 0, 1, 0, 4)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wait(nowhere, 0, 1, 0, 0)), -EFAULT);
	cr_assert_eq(KERNEL(slip_futex2_wake(bad, 1, 1, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wake(&w[0], -1, 1, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wake(&w[0], 1, 0, 0)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wake(&w[0], 1, 1, 4)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_wake(nowhere, 1, 1, 0)), -EFAULT);
	cr_assert_eq(KERNEL(slip_futex2_requeue(bad, 0, 1, &w[1], 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_requeue(&w[0], 0, -1, &w[1], 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_requeue(&w[0], 0, 1, &w[1], -1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_requeue(&w[0], 0, 1, &w[1], 1, 4)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex2_requeue(nowhere, 0, 1, &w[1], 1, 0)),
		     -EFAULT);
}

/* --- features --- */

Test(features, agree_with_the_calls)
{
	static slip_a32 w;
	struct slip_futex_waiter e;
	unsigned has = slip_futex_features();

	slip_futex_waiter_set(&e, &w, 1, SHARED);
	cr_assert_eq(slip_futex_waitv(&e, 1, 0) == -EAGAIN,
		     (has & SLIP_FUTEX_HAS_WAITV) != 0);
	cr_assert_eq(slip_futex2_wait(&w, 1, 1, 0, SHARED) == -EAGAIN,
		     (has & SLIP_FUTEX_HAS_FUTEX2) != 0);
	cr_assert_eq(slip_futex_trylock_pi(&w, SHARED) == 0,
		     (has & SLIP_FUTEX_HAS_PI) != 0);
	cr_assert_eq(slip_futex_lock_pi2(&w, 0, SHARED) == -EDEADLK,
		     (has & SLIP_FUTEX_HAS_LOCK_PI2) != 0);
}

Test(features, leave_errno_alone)
{
	errno = ERRNO_UNTOUCHED;
	(void)(slip_futex_features() + 1);
	cr_assert_eq(errno, ERRNO_UNTOUCHED);
}
