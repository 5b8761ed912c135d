/* SPDX-License-Identifier: MIT */
/* futex/mutex.h: who gets it, who is told what, between threads and processes
 * that map it at different addresses. */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/mutex.h"
#include "futex/test/scratch.h"
#include "futex/test/sleeper.h"

#define ROUNDS 2000u

/* What all share; `sum` is plain, so that the mutex alone keeps it right. */
struct board {
	struct slip_mutex lock;
	uint64_t sum;
};

static uint32_t word_of(const struct slip_mutex *m)
{
	return slip_a32_load_relaxed(&m->word); /* stat */
}

static uint64_t soon(void)
{
	return slip_after_ns(30 * MS);
}

/* --- alone ----------------------------------------------------------------- */

Test(mutex, lock_and_unlock_without_a_system_call)
{
	struct slip_mutex m = { { 0 }, 0, { { 0 }, { 0 } } };

	hook_watch(HOOK_ANY);
	cr_assert_eq(slip_mutex_lock(&m), 0);
	cr_assert_eq(word_of(&m), 1u);
	cr_assert_eq(slip_mutex_unlock(&m), 0);
	cr_assert_eq(word_of(&m), 0u);
	cr_assert_eq(slip_mutex_trylock(&m), 0);
	cr_assert_eq(slip_mutex_trylock(&m), -EBUSY);
	cr_assert_eq(slip_mutex_unlock(&m), 0);
	cr_assert_eq(slip_mutex_lock_until(&m, 0), 0, "free is free");
	cr_assert_eq(slip_mutex_unlock(&m), 0);
	cr_assert_eq(hook_calls(), 0u);
}

Test(mutex, unlock_of_a_free_one_is_refused_and_does_no_harm)
{
	struct slip_mutex m = { { 0 }, 0, { { 0 }, { 0 } } };

	cr_assert_eq(slip_mutex_unlock(&m), -EPERM);
	cr_assert_eq(slip_mutex_lock(&m), 0);
	cr_assert_eq(slip_mutex_unlock(&m), 0);
	cr_assert_eq(slip_mutex_unlock(&m), -EPERM);
	cr_assert_eq(slip_mutex_trylock(&m), 0);
}

Test(mutex, a_deadline_ends_the_wait_and_not_before)
{
	struct slip_mutex m = { { 1 }, 0, { { 0 }, { 0 } } };
	uint64_t deadline = soon();

	cr_assert_eq(KERNEL(slip_mutex_lock_until(&m, deadline)), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	hook_watch(SYS_futex);
	cr_assert_eq(slip_mutex_lock_until(&m, 1), -ETIMEDOUT);
	cr_assert_eq(slip_mutex_lock_until(&m, 0), -ETIMEDOUT);
	cr_assert_eq(hook_calls(), 0u, "past: it does not sleep");
}

Test(mutex, memory_that_is_gone_is_an_error)
{
	struct slip_mutex m = { { 1 }, 0, { { 0 }, { 0 } } };

	hook_fail(SYS_futex, 1, EFAULT);
	cr_assert_eq(slip_mutex_lock(&m), -EFAULT);
	hook_fail(SYS_futex, 1, EINVAL);
	cr_assert_eq(slip_mutex_lock(&m), -EINVAL);
}

Test(mutex, a_damaged_word_is_held_until_it_is_unlocked)
{
	struct slip_mutex m = { { 7 }, 0, { { 0 }, { 0 } } };

	cr_assert_eq(slip_mutex_trylock(&m), -EBUSY);
	cr_assert_eq(slip_mutex_lock_until(&m, 1), -ETIMEDOUT);
	cr_assert_eq(slip_mutex_unlock(&m), -EPERM);
	cr_assert_eq(slip_mutex_lock(&m), 0);
}

/* --- with another ---------------------------------------------------------- */

static int lock_it(const struct sleeper *s)
{
	void *m = s->w;

	return slip_mutex_lock_until(m, s->deadline_ns);
}

Test(mutex, unlock_wakes_the_one_that_sleeps)
{
	struct slip_mutex m = { { 1 }, 0, { { 0 }, { 0 } } };
	struct sleeper s = sleeper_on(&m.word, SLIP_SHARED);

	s.body = lock_it;
	sleeper_start(&s);
	cr_assert_eq(word_of(&m), 1u);
	cr_assert_eq(KERNEL(slip_mutex_unlock(&m)), 0);
	cr_assert_eq(sleeper_join(&s), 0);
	cr_assert_eq(word_of(&m), 1u, "the sleeper has it");
}

Test(mutex, each_unlock_serves_one_of_three_that_sleep)
{
	struct slip_mutex *m = (void *)shared_page();
	struct sleeper s = sleeper_on(&m->word, SLIP_SHARED);

	s.body = lock_it;
	cr_assert_eq(slip_mutex_lock(m), 0);
	for (int i = 0; i < 3; i++)
		(void)sleeper_fork(&s);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_mutex_unlock(m), 0);
		/* It has ended, with the mutex; whichever it was. */
		cr_assert_gt(waitpid(-1, NULL, 0), 0);
		cr_assert_eq(word_of(m), 1u);
		cr_assert_eq(slip_mutex_trylock(m), -EBUSY);
	}
}

Test(mutex, a_killed_sleeper_takes_nobodys_turn_for_ever)
{
	struct slip_mutex *m = (void *)shared_page();
	struct sleeper s = sleeper_on(&m->word, SLIP_SHARED);
	pid_t first, second;

	s.body = lock_it;
	cr_assert_eq(slip_mutex_lock(m), 0);
	first = sleeper_fork(&s);
	second = sleeper_fork(&s);
	sleeper_kill(first);
	cr_assert_eq(slip_mutex_unlock(m), 0);
	cr_assert_eq(sleeper_wait(second), 0);
	cr_assert_eq(word_of(m), 1u);
}

/* Woken, and stopped before it can look: the other must not wait for it. */
Test(mutex, a_stopped_sleeper_takes_nobodys_turn_for_ever)
{
	struct slip_mutex *m = (void *)shared_page();
	struct sleeper s = sleeper_on(&m->word, SLIP_SHARED);
	pid_t first, second;
	int status;

	s.body = lock_it;
	cr_assert_eq(slip_mutex_lock(m), 0);
	first = sleeper_fork(&s);
	second = sleeper_fork(&s);
	cr_assert_eq(kill(first, SIGSTOP), 0);
	cr_assert_eq(waitpid(first, &status, WUNTRACED), first);
	cr_assert_eq(slip_mutex_unlock(m), 0);
	cr_assert_eq(sleeper_wait(second), 0);
	cr_assert_eq(word_of(m), 1u);
	sleeper_kill(first);
}

static int hold(void *arg)
{
	if (slip_mutex_lock(arg))
		return 1;
	actor_stay();
}

Test(mutex, a_killed_holder_keeps_it)
{
	struct slip_mutex *m = (void *)shared_page();
	struct actor a;

	cr_assert(actor_start(&a, hold, m));
	cr_assert_eq(slip_mutex_trylock(m), -EBUSY);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	cr_assert_eq(slip_mutex_lock_until(m, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_mutex_unlock(m), 0, "whoever says so");
	cr_assert_eq(slip_mutex_lock(m), 0);
}

/* --- many ------------------------------------------------------------------ */

static void add(struct board *b, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		int rc;

		do
			rc = i % 3 == 0 ? slip_mutex_trylock(&b->lock)
					: slip_mutex_lock_until(
						  &b->lock,
						  i % 3 == 1 ? SLIP_FOREVER
							     : soon());
		while (rc == -EBUSY || rc == -ETIMEDOUT);
		if (rc)
			_exit(1);
		b->sum++;
		if (slip_mutex_unlock(&b->lock))
			_exit(2);
	}
}

static void *add_in_thread(void *board)
{
	add((struct board *)board, ROUNDS);
	return NULL;
}

Test(mutex, threads_exclude_each_other)
{
	static struct board b;
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, add_in_thread, &b), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_join(t[i], NULL), 0);
	cr_assert_eq(b.sum, 4 * (uint64_t)ROUNDS);
	cr_assert_eq(word_of(&b.lock), 0u);
}

/* Each maps the file anew, so none where another has it. */
static int add_elsewhere(void *fd)
{
	struct board *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			       *(int *)fd, 0);

	if (b == MAP_FAILED)
		return 3;
	actor_ready();
	add(b, ROUNDS);
	return 0;
}

Test(mutex, processes_exclude_each_other)
{
	int fd = memfd_create("board", MFD_CLOEXEC);
	struct board *b;
	struct actor a[4];

	cr_assert_eq(ftruncate(fd, 4096), 0);
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(b, MAP_FAILED);
	cr_assert_eq(slip_mutex_lock(&b->lock), 0);
	for (int i = 0; i < 4; i++)
		cr_assert(actor_start(&a[i], add_elsewhere, &fd));
	cr_assert_eq(b->sum, 0u);
	cr_assert_eq(slip_mutex_unlock(&b->lock), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	cr_assert_eq(b->sum, 4 * (uint64_t)ROUNDS);
	cr_assert_eq(word_of(&b->lock), 0u);
}
