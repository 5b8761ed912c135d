/* SPDX-License-Identifier: MIT */
/* futex/futex.h against the real kernel: locks with priority inheritance. */
#define _GNU_SOURCE
#include "futex/test/sleeper.h"

#define FOREVER SLIP_FOREVER
#define SHARED	SLIP_SHARED
#define WAITERS SLIP_FUTEX_PI_WAITERS

static void need(unsigned feature)
{
	if (!(slip_futex_features() & feature))
		cr_skip("this kernel lacks it");
}

static int lock_and_unlock(const struct sleeper *s)
{
	int rc = slip_futex_lock_pi(s->lock, s->flags);

	return rc ? rc : slip_futex_unlock_pi(s->lock, s->flags);
}

static int lock_and_keep(const struct sleeper *s)
{
	return slip_futex_lock_pi(s->lock, s->flags);
}

static int lock_until(const struct sleeper *s)
{
	return slip_futex_lock_pi2(s->lock, s->deadline_ns, s->flags);
}

static int try_lock(const struct sleeper *s)
{
	return slip_futex_trylock_pi(s->lock, s->flags);
}

static int unlock(const struct sleeper *s)
{
	return slip_futex_unlock_pi(s->lock, s->flags);
}

/* Owner of `lock`, then waiter for `w`. */
static int lock_both(const struct sleeper *s)
{
	int rc = slip_futex_lock_pi(s->lock, s->flags);

	if (rc == 0)
		rc = slip_futex_lock_pi(s->w, s->flags);
	if (rc == 0)
		rc = slip_futex_unlock_pi(s->w, s->flags);
	return rc ? rc : slip_futex_unlock_pi(s->lock, s->flags);
}

static int requeue_and_unlock(const struct sleeper *s)
{
	int rc = slip_futex_wait_requeue_pi(s->w, s->expected, s->lock,
					    s->deadline_ns, s->flags);

	return rc ? rc : slip_futex_unlock_pi(s->lock, s->flags);
}

static int lock_then_requeue(const struct sleeper *s)
{
	int rc = slip_futex_lock_pi(s->lock, s->flags);

	return rc ? rc : requeue_and_unlock(s);
}

static struct sleeper locker(int (*body)(const struct sleeper *),
			     slip_a32 *lock, unsigned flags)
{
	struct sleeper s = sleeper_on(lock, flags);

	s.body = body;
	s.lock = lock;
	return s;
}

static struct sleeper requeuer(slip_a32 *w, slip_a32 *lock, unsigned flags)
{
	struct sleeper s = locker(requeue_and_unlock, lock, flags);

	s.w = w;
	return s;
}

static void must_lock(slip_a32 *lock, unsigned flags)
{
	cr_assert_eq(KERNEL(slip_futex_lock_pi(lock, flags)), 0);
}

static void must_unlock(slip_a32 *lock, unsigned flags)
{
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(lock, flags)), 0);
}

static uint32_t value(const slip_a32 *w)
{
	return slip_a32_load_acquire(w);
}

/* --- lock, try, unlock --- */

Test(futex_pi, a_free_lock_is_taken_and_holds_the_tid)
{
	static slip_a32 l;

	need(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];

		must_lock(&l, flags);
		cr_assert_eq(value(&l), slip_sys_tid_());
		must_unlock(&l, flags);
		cr_assert_eq(value(&l), 0);
		cr_assert_eq(KERNEL(slip_futex_trylock_pi(&l, flags)), 0);
		cr_assert_eq(value(&l), slip_sys_tid_());
		must_unlock(&l, flags);
		/* A free lock is taken whatever the deadline. */
		cr_assert_eq(KERNEL(slip_futex_lock_pi2(&l, 0, flags)), 0);
		cr_assert_eq(value(&l), slip_sys_tid_());
		must_unlock(&l, flags);
	}
}

Test(futex_pi, unlock_hands_over_to_the_waiter)
{
	static slip_a32 l;

	need(SLIP_FUTEX_HAS_PI);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s = locker(lock_and_unlock, &l, flags);

		must_lock(&l, flags);
		sleeper_start(&s);
		cr_assert_eq(value(&l), slip_sys_tid_() | WAITERS);
		must_unlock(&l, flags);
		cr_assert_eq(sleeper_join(&s), 0);
		cr_assert_eq(value(&l), 0);
	}
}

Test(futex_pi, a_lock_passes_between_processes)
{
	slip_a32 *l = shared_page();
	struct sleeper s = locker(lock_and_unlock, l, SHARED);
	pid_t child;

	need(SLIP_FUTEX_HAS_PI);
	must_lock(l, SHARED);
	child = sleeper_fork(&s);
	cr_assert_eq(value(l), slip_sys_tid_() | WAITERS);
	must_unlock(l, SHARED);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(value(l), 0);
}

Test(futex_pi, locking_twice_is_edeadlk)
{
	static slip_a32 l;

	need(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2);
	must_lock(&l, SHARED);
	cr_assert_eq(KERNEL(slip_futex_lock_pi(&l, SHARED)), -EDEADLK);
	cr_assert_eq(KERNEL(slip_futex_lock_pi2(&l, FOREVER, SHARED)),
		     -EDEADLK);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi(&l, SHARED)), -EDEADLK);
	must_unlock(&l, SHARED);
}

Test(futex_pi, a_circle_of_two_locks_is_edeadlk)
{
	static slip_a32 a, b;
	struct sleeper s = locker(lock_both, &b, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	must_lock(&a, SHARED);
	s.w = &a;
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_lock_pi(&b, SHARED)), -EDEADLK);
	must_unlock(&a, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex_pi, trylock_of_a_held_lock_is_eagain)
{
	static slip_a32 l;
	struct sleeper s = locker(try_lock, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	must_lock(&l, SHARED);
	cr_assert_eq(sleeper_run(&s), -EAGAIN);
	must_unlock(&l, SHARED);
}

Test(futex_pi, trylock_takes_a_lock_whose_bits_outlived_the_owner)
{
	static slip_a32 l;

	need(SLIP_FUTEX_HAS_PI);
	slip_a32_store_release(&l, SLIP_FUTEX_PI_DIED);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi(&l, SHARED)), 0);
	cr_assert_eq(value(&l), slip_sys_tid_() | SLIP_FUTEX_PI_DIED);
}

Test(futex_pi, unlock_by_another_is_eperm)
{
	static slip_a32 l;
	struct sleeper s = locker(unlock, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(&l, SHARED)), -EPERM);
	must_lock(&l, SHARED);
	cr_assert_eq(sleeper_run(&s), -EPERM);
	must_unlock(&l, SHARED);
}

Test(futex_pi, lock_pi2_does_not_time_out_before_its_deadline)
{
	static slip_a32 l;
	struct sleeper s = locker(lock_until, &l, SHARED);

	need(SLIP_FUTEX_HAS_LOCK_PI2);
	must_lock(&l, SHARED);
	s.deadline_ns = slip_after_ns(20 * MS);
	cr_assert_eq(sleeper_run(&s), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), s.deadline_ns);
	s.deadline_ns = 0;
	cr_assert_eq(sleeper_run(&s), -ETIMEDOUT);
	must_unlock(&l, SHARED);
}

Test(futex_pi, a_signal_does_not_end_the_sleep)
{
	static slip_a32 l;
	struct sleeper s = locker(lock_and_unlock, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	handle_signal(SIGUSR1, 0);
	must_lock(&l, SHARED);
	sleeper_start(&s);
	interrupt(&s);
	until_asleep(sleeper_tid(&s));
	must_unlock(&l, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex_pi, an_owner_that_ended_before_the_call_is_esrch)
{
	static slip_a32 l;
	struct sleeper s = locker(lock_and_keep, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2);
	cr_assert_eq(sleeper_run(&s), 0);
	/* pthread_join() may be a little ahead of the kernel. */
	while (task_state(value(&l)) != 0)
		sched_yield();
	cr_assert_eq(KERNEL(slip_futex_lock_pi(&l, SHARED)), -ESRCH);
	cr_assert_eq(KERNEL(slip_futex_lock_pi2(&l, FOREVER, SHARED)), -ESRCH);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi(&l, SHARED)), -ESRCH);
}

Test(futex_pi, an_owner_that_ends_leaves_the_lock_to_its_waiter)
{
	slip_a32 *l = shared_page();
	struct sleeper waiter = locker(lock_and_keep, l, SHARED);
	struct sleeper owner = locker(lock_both, l + 1, SHARED);
	slip_a32 *never = l;
	pid_t child;

	need(SLIP_FUTEX_HAS_PI);
	/* A child takes l[1] and then sleeps on l[0], which we hold. */
	must_lock(never, SHARED);
	owner.w = never;
	child = sleeper_fork(&owner);
	waiter.lock = l + 1;
	sleeper_start(&waiter);
	sleeper_kill(child);
	cr_assert_eq(sleeper_join(&waiter), 0);
	cr_assert_eq(value(l + 1) & ~WAITERS,
		     sleeper_tid(&waiter) | SLIP_FUTEX_PI_DIED);
	must_unlock(never, SHARED);
}

Test(futex_pi, a_kernel_thread_as_owner_is_eperm)
{
	static slip_a32 l;
	char name[16] = "";
	FILE *f = fopen("/proc/2/comm", "r");

	need(SLIP_FUTEX_HAS_PI);
	if (f == NULL || fgets(name, sizeof(name), f) == NULL ||
	    strcmp(name, "kthreadd\n") != 0)
		cr_skip("no kernel thread in this PID namespace");
	fclose(f);
	slip_a32_store_release(&l, 2);
	cr_assert_eq(KERNEL(slip_futex_lock_pi(&l, SHARED)), -EPERM);
}

static int sleep_on_own_tid(const struct sleeper *s)
{
	slip_a32_store_release(s->w, slip_sys_tid_());
	return slip_futex_wait(s->w, slip_sys_tid_(), FOREVER, s->flags);
}

Test(futex_pi, a_plain_sleeper_on_the_word_is_einval)
{
	static slip_a32 l;
	struct sleeper s = locker(sleep_on_own_tid, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_lock_pi(&l, SHARED)), -EINVAL);
	wake_until(&l, 1, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex_pi, a_word_that_contradicts_the_kernel_is_einval)
{
	static slip_a32 l;
	struct sleeper s = locker(lock_and_unlock, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	must_lock(&l, SHARED);
	sleeper_start(&s);
	/* The kernel knows that we own it; the word names our parent. */
	slip_a32_store_release(&l, (uint32_t)getppid() | WAITERS);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi(&l, SHARED)), -EINVAL);
	slip_a32_store_release(&l, slip_sys_tid_() | WAITERS);
	must_unlock(&l, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex_pi, a_plain_wake_of_a_lock_is_einval)
{
	static slip_a32 l;
	struct sleeper s = locker(lock_and_unlock, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	must_lock(&l, SHARED);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(&l, 1, SHARED)), -EINVAL);
	must_unlock(&l, SHARED);
	cr_assert_eq(sleeper_join(&s), 0);
}

static void expect_all_locks(slip_a32 *l, unsigned flags, int error)
{
	cr_assert_eq(KERNEL(slip_futex_lock_pi(l, flags)), error);
	cr_assert_eq(KERNEL(slip_futex_lock_pi2(l, FOREVER, flags)), error);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi(l, flags)), error);
}

Test(futex_pi, lock_refuses_wrong_arguments)
{
	static slip_a32 l[2];

	need(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2);
	expect_all_locks(misaligned(&l[0]), SHARED, -EINVAL);
	expect_all_locks(misaligned(&l[0]), SLIP_PRIVATE, -EINVAL);
	expect_all_locks(&l[0], 1, -EINVAL);
	expect_all_locks(forbidden_page(), SHARED, -EFAULT);
}

Test(futex_pi, unlock_refuses_wrong_arguments)
{
	static slip_a32 l[2];
	slip_a32 *bad = misaligned(&l[0]);
	uint32_t tid = slip_sys_tid_();

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(&l[0], 1)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(forbidden_page(), SHARED)),
		     -EFAULT);
	/* The kernel looks at the owner first, then at the alignment. */
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(bad, SHARED)), -EPERM);
	memcpy((void *)bad, &tid, sizeof(tid));
	cr_assert_eq(KERNEL(slip_futex_unlock_pi(bad, SHARED)), -EINVAL);
}

Test(futex_pi, a_read_only_lock_is_efault)
{
	void *p =
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(SLIP_FUTEX_HAS_PI | SLIP_FUTEX_HAS_LOCK_PI2);
	cr_assert_neq(p, MAP_FAILED);
	cr_assert_eq(KERNEL(slip_futex_lock_pi((slip_a32 *)p, SHARED)),
		     -EFAULT);
	cr_assert_eq(
		KERNEL(slip_futex_lock_pi2((slip_a32 *)p, FOREVER, SHARED)),
		-EFAULT);
	cr_assert_eq(KERNEL(slip_futex_trylock_pi((slip_a32 *)p, SHARED)),
		     -EFAULT);
}

/* --- requeue to a lock --- */

Test(futex_pi, requeued_sleepers_get_the_lock_in_turn)
{
	static slip_a32 w, l;

	need(SLIP_FUTEX_HAS_PI);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = both_flags[i];
		struct sleeper s[3];

		must_lock(&l, flags);
		for (unsigned k = 0; k < 3; k++) {
			s[k] = requeuer(&w, &l, flags);
			sleeper_start(&s[k]);
		}
		/* One to wake, were the lock free, and one more. */
		cr_assert_eq(
			KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 1, flags)),
			2);
		cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(
				     &w, 0, &l, INT32_MAX, flags)),
			     1);
		must_unlock(&l, flags);
		for (unsigned k = 0; k < 3; k++)
			cr_assert_eq(sleeper_join(&s[k]), 0);
		cr_assert_eq(value(&l), 0);
	}
}

Test(futex_pi, requeue_to_a_free_lock_wakes_its_new_owner)
{
	static slip_a32 w, l;
	struct sleeper s = requeuer(&w, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 0, SHARED)),
		     1);
	cr_assert_eq(sleeper_join(&s), 0);
	cr_assert_eq(value(&l), 0);
}

Test(futex_pi, requeue_compares_the_word)
{
	static slip_a32 w, l;

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(
		KERNEL(slip_futex_wait_requeue_pi(&w, 1, &l, FOREVER, SHARED)),
		-EAGAIN);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 1, &l, 1, SHARED)),
		     -EAGAIN);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 1, SHARED)),
		     0);
}

Test(futex_pi, wait_requeue_does_not_time_out_before_its_deadline)
{
	static slip_a32 w, l;
	uint64_t deadline = slip_after_ns(20 * MS);

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(
		KERNEL(slip_futex_wait_requeue_pi(&w, 0, &l, deadline, SHARED)),
		-ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
}

Test(futex_pi, a_requeued_sleeper_keeps_its_deadline)
{
	static slip_a32 w, l;
	struct sleeper s = requeuer(&w, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	must_lock(&l, SHARED);
	s.deadline_ns = slip_after_ns(1000 * MS);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 0, SHARED)),
		     1);
	cr_assert_eq(sleeper_join(&s), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), s.deadline_ns);
	must_unlock(&l, SHARED);
}

Test(futex_pi, a_signal_before_the_move_resumes_and_after_it_is_eagain)
{
	static slip_a32 w, l;
	struct sleeper s = requeuer(&w, &l, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	handle_signal(SIGUSR1, 0);
	must_lock(&l, SHARED);
	sleeper_start(&s);
	interrupt(&s);
	until_asleep(sleeper_tid(&s));
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 0, SHARED)),
		     1);
	interrupt(&s);
	cr_assert_eq(sleeper_join(&s), -EAGAIN);
	must_unlock(&l, SHARED);
}

Test(futex_pi, a_waiting_requeuer_refuses_everything_else)
{
	slip_a32 *page = shared_page();
	slip_a32 *w = page, *l = page + 1, *other = page + 2;
	struct sleeper s = requeuer(w, l, SHARED);
	pid_t child;

	need(SLIP_FUTEX_HAS_PI);
	child = sleeper_fork(&s);
	cr_assert_eq(KERNEL(slip_futex_wake(w, 1, SHARED)), -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue(w, 0, 1, other, 1, SHARED)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(w, 0, other, 1, SHARED)),
		     -EINVAL);
	sleeper_kill(child);
}

Test(futex_pi, requeue_of_plain_sleepers_is_einval)
{
	static slip_a32 w, l;
	struct sleeper s = sleeper_on(&w, SHARED);

	need(SLIP_FUTEX_HAS_PI);
	sleeper_start(&s);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w, 0, &l, 1, SHARED)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wake(&w, 1, SHARED)), 1);
	cr_assert_eq(sleeper_join(&s), 0);
}

Test(futex_pi, requeue_of_the_owner_to_its_own_lock_is_edeadlk)
{
	slip_a32 *page = shared_page();
	struct sleeper s = requeuer(page, page + 1, SHARED);
	pid_t child;

	need(SLIP_FUTEX_HAS_PI);
	s.body = lock_then_requeue;
	child = sleeper_fork(&s);
	cr_assert_eq(
		KERNEL(slip_futex_cmp_requeue_pi(page, 0, page + 1, 1, SHARED)),
		-EDEADLK);
	sleeper_kill(child);
}

Test(futex_pi, requeue_to_the_lock_of_a_dead_owner_is_esrch)
{
	slip_a32 *page = shared_page();
	struct sleeper owner = locker(lock_and_keep, page + 1, SHARED);
	struct sleeper s = requeuer(page, page + 1, SHARED);
	pid_t child;

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(sleeper_run(&owner), 0);
	while (task_state(value(page + 1)) != 0)
		sched_yield();
	child = sleeper_fork(&s);
	cr_assert_eq(
		KERNEL(slip_futex_cmp_requeue_pi(page, 0, page + 1, 1, SHARED)),
		-ESRCH);
	sleeper_kill(child);
}

Test(futex_pi, requeue_refuses_wrong_arguments)
{
	static slip_a32 w[2], l;
	slip_a32 *bad = misaligned(&w[0]);
	slip_a32 *nowhere = forbidden_page();

	need(SLIP_FUTEX_HAS_PI);
	cr_assert_eq(KERNEL(slip_futex_wait_requeue_pi(&l, 0, &l, FOREVER, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wait_requeue_pi(bad, 0, &l, FOREVER, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_wait_requeue_pi(&l, 0, bad, FOREVER, 0)),
		     -EINVAL);
	cr_assert_eq(
		KERNEL(slip_futex_wait_requeue_pi(&w[0], 0, &l, FOREVER, 1)),
		-EINVAL);
	cr_assert_eq(
		KERNEL(slip_futex_wait_requeue_pi(nowhere, 0, &l, FOREVER, 0)),
		-EFAULT);
	cr_assert_eq(
		KERNEL(slip_futex_wait_requeue_pi(&l, 0, nowhere, FOREVER, 0)),
		-EFAULT);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&l, 0, &l, 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w[0], 0, &l, -1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(bad, 0, &l, 1, 0)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&w[0], 0, &l, 1, 1)),
		     -EINVAL);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(nowhere, 0, &l, 1, 0)),
		     -EFAULT);
	cr_assert_eq(KERNEL(slip_futex_cmp_requeue_pi(&l, 0, nowhere, 1, 0)),
		     -EFAULT);
}
