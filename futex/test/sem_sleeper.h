/* SPDX-License-Identifier: MIT */
/*
 * For the tests of semaphores: one call that sleeps, in a thread or in another
 * process, in a kernel that knows no slices. A wake-up that is lost is not made
 * good for by the next look, so the test hangs, and fails.
 *
 *	static int body(void *arg) { return slip_sem_acquire(arg, 1); }
 *
 *	struct dozer d = { .body = body, .arg = s };
 *	doze(&d);		returns when it sleeps
 *	... wake it ...
 *	cr_assert_eq(dozer_join(&d), 0);
 */
#ifndef SLIP_FUTEX_TEST_SEM_SLEEPER_H
#define SLIP_FUTEX_TEST_SEM_SLEEPER_H

#define SLIP_SYS_HOOK sem_test_sys

#include "futex/test/sleeper.h"

static bool slices;	  /* let the kernel see deadlines */
static long refuse_sleep; /* -errno */
static slip_a32 wakeups;  /* system calls that wake */

long sem_test_sys(long nr, long a, long b, long c, long d, long e, long f);

long sem_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	bool sleep = nr == SYS_futex && (b & 127) == SLIP_FUTEX_WAIT_BITSET_;

	if (nr == SYS_futex && !sleep)
		/* stat */
		(void)slip_a32_fetch_add_relaxed(&wakeups, 1);
	if (sleep && refuse_sleep)
		return refuse_sleep;
	return slip_sys_raw_(nr, a, b, c, sleep && !slices ? 0 : d, e, f);
}

struct dozer {
	int (*body)(void *arg);
	void *arg;
	slip_a32 tid;
	pthread_t thread;
	int result;
};

static inline void *dozer_main_(void *p)
{
	struct dozer *d = (struct dozer *)p;

	/* TEST-R1 sleeper: nothing but the number. Pairs: doze. Else: nothing;
	 * it is only looked up in /proc. */
	slip_a32_store_release(&d->tid, slip_sys_tid_());
	errno = ERRNO_UNTOUCHED;
	d->result = d->body(d->arg);
	cr_assert_eq(errno, ERRNO_UNTOUCHED, "errno became %d", errno);
	return NULL;
}

static inline void doze_soon(struct dozer *d)
{
	/* init */
	slip_a32_store_relaxed(&d->tid, 0);
	cr_assert_eq(pthread_create(&d->thread, NULL, dozer_main_, d), 0);
}

static inline void doze(struct dozer *d)
{
	uint32_t tid;

	doze_soon(d);
	/* TEST-A1: see dozer_main_. */
	while ((tid = slip_a32_load_acquire(&d->tid)) == 0)
		sched_yield();
	until_asleep((long)tid);
}

static inline int dozer_join(struct dozer *d)
{
	cr_assert_eq(pthread_join(d->thread, NULL), 0);
	return d->result;
}

/* As a process, which ends with -result. */
static inline pid_t doze_apart(int (*body)(void *), void *arg)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(-body(arg) & 255);
	until_asleep(child);
	return child;
}

#endif
