/* SPDX-License-Identifier: MIT */
/*
 * futex/futex.h on kernels that this machine does not have: each function
 * passes an error up unchanged after one call, and slip_futex_features()
 * sees what is missing.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/futex.h"

#define ALL                                                                   \
	(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2 | SLIP_FUTEX_HAS_WAITV | \
	 SLIP_FUTEX_HAS_FUTEX2)

static slip_a32 a, b;

static int run(unsigned which)
{
	struct slip_futex_waiter e;

	switch (which) {
	case 0:
		return slip_futex_wait(&a, 1, 0, SLIP_SHARED);
	case 1:
		return slip_futex_wait_bitset(&a, 1, 1, 0, SLIP_SHARED);
	case 2:
		return slip_futex_wake(&a, 1, SLIP_SHARED);
	case 3:
		return slip_futex_wake_bitset(&a, 1, 1, SLIP_SHARED);
	case 4:
		return slip_futex_requeue(&a, 1, &b, 1, SLIP_SHARED);
	case 5:
		return slip_futex_cmp_requeue(&a, 0, 1, &b, 1, SLIP_SHARED);
	case 6:
		return slip_futex_wake_op(&a, 1, &b, 1, 0, SLIP_SHARED);
	case 7:
		slip_futex_waiter_set(&e, &a, 1, SLIP_SHARED);
		return slip_futex_waitv(&e, 1, 0);
	case 8:
		return slip_futex_lock_pi(&a, SLIP_SHARED);
	case 9:
		return slip_futex_lock_pi2(&a, 0, SLIP_SHARED);
	case 10:
		return slip_futex_trylock_pi(&a, SLIP_SHARED);
	case 11:
		return slip_futex_unlock_pi(&a, SLIP_SHARED);
	case 12:
		return slip_futex_wait_requeue_pi(&a, 1, &b, 0, SLIP_SHARED);
	case 13:
		return slip_futex_cmp_requeue_pi(&a, 1, &b, 1, SLIP_SHARED);
	case 14:
		return slip_futex2_wait(&a, 1, 1, 0, SLIP_SHARED);
	case 15:
		return slip_futex2_wake(&a, 1, 1, SLIP_SHARED);
	default:
		return slip_futex2_requeue(&a, 1, 1, &b, 1, SLIP_SHARED);
	}
}

Test(futex_hook, errors_are_passed_up_after_one_call)
{
	static const int errors[] = { ENOSYS, EINTR, ENOMEM, EPERM, EAGAIN };

	for (unsigned which = 0; which <= 16; which++) {
		for (unsigned i = 0; i < 5; i++) {
			hook_fail(HOOK_ANY, 0, errors[i]);
			errno = 4242;
			cr_assert_eq(run(which), -errors[i], "function %u",
				     which);
			cr_assert_eq(errno, 4242);
			cr_assert_eq(hook_calls(), 1, "function %u", which);
		}
	}
	hook_off();
}

Test(futex_hook, wrong_flags_and_counts_do_not_reach_the_kernel)
{
	hook_watch(HOOK_ANY);
	cr_assert_eq(slip_futex_wait(&a, 0, 0, 1), -EINVAL);
	cr_assert_eq(slip_futex_wake(&a, 0, SLIP_SHARED), -EINVAL);
	cr_assert_eq(slip_futex_wake_op(&a, 0, &b, 1, 0, SLIP_SHARED), -EINVAL);
	cr_assert_eq(slip_futex_lock_pi(&a, 256), -EINVAL);
	cr_assert_eq(slip_futex2_wait(&a, 0, 1, 0, 4), -EINVAL);
	cr_assert_eq(slip_futex2_wake(&a, -1, 1, SLIP_SHARED), -EINVAL);
	cr_assert_eq(hook_calls(), 0);
}

Test(futex_hook, forever_is_no_timeout_and_all_else_is_one)
{
	hook_fail(HOOK_ANY, 0, EAGAIN);
	cr_assert_eq(slip_futex_wait(&a, 0, SLIP_FOREVER, SLIP_SHARED),
		     -EAGAIN);
	cr_assert_eq(hook_argument(3), 0);
	cr_assert_eq(slip_futex_wait(&a, 0, SLIP_FOREVER - 1, SLIP_SHARED),
		     -EAGAIN);
	cr_assert_neq(hook_argument(3), 0);
	cr_assert_eq(slip_futex_wait(&a, 0, 0, SLIP_SHARED), -EAGAIN);
	cr_assert_neq(hook_argument(3), 0);
	hook_off();
}

Test(futex_hook, without_the_futex_call_there_are_no_pi_locks)
{
	unsigned real = slip_futex_features();

	hook_fail(SYS_futex, 0, ENOSYS);
	cr_assert_eq(slip_futex_features(),
		     real & (SLIP_FUTEX_HAS_WAITV | SLIP_FUTEX_HAS_FUTEX2));
	hook_off();
}

Test(futex_hook, before_linux_5_14_there_is_no_lock_pi2)
{
	unsigned real = slip_futex_features();

	/* The second futex call of the probe. */
	hook_fail(SYS_futex, 2, ENOSYS);
	cr_assert_eq(slip_futex_features(),
		     real & (ALL ^ SLIP_FUTEX_HAS_LOCK_PI2));
	hook_off();
}

Test(futex_hook, a_missing_waitv_is_seen_as_enosys_or_eperm)
{
	unsigned real = slip_futex_features();

	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOSYS);
	cr_assert_eq(slip_futex_features(),
		     real & (ALL ^ SLIP_FUTEX_HAS_WAITV));
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, EPERM);
	cr_assert_eq(slip_futex_features(),
		     real & (ALL ^ SLIP_FUTEX_HAS_WAITV));
	hook_off();
}

Test(futex_hook, futex2_is_missing_if_one_of_its_calls_is)
{
	static const long calls[] = { SLIP_SYS_FUTEX_WAKE_,
				      SLIP_SYS_FUTEX_WAIT_,
				      SLIP_SYS_FUTEX_REQUEUE_ };
	unsigned real = slip_futex_features();

	for (unsigned i = 0; i < 3; i++) {
		hook_fail(calls[i], 0, ENOSYS);
		cr_assert_eq(slip_futex_features(),
			     real & (ALL ^ SLIP_FUTEX_HAS_FUTEX2));
	}
	hook_off();
}
