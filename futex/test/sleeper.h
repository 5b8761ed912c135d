/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes that sleep in one futex call, for the tests to wake.
 *
 * No test waits and hopes: sleeper_start() returns when /proc says that the
 * thread sleeps. The kernel marks a thread as sleeping while it holds the lock
 * of the futex queue, or later, so the next call on the word finds it there.
 */
#ifndef SLIP_FUTEX_TEST_SLEEPER_H
#define SLIP_FUTEX_TEST_SLEEPER_H

#include "atomics/test/check.h"
#include "futex/futex.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS		UINT64_C(1000000)
#define PATIENCE_NS	(10000 * MS)
#define ERRNO_UNTOUCHED 4242

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Run a call of the library, and see that it leaves errno as it was. */
#define KERNEL(call) (errno = ERRNO_UNTOUCHED, kept_errno(call))

static inline int kept_errno(int result)
{
	cr_assert_eq(errno, ERRNO_UNTOUCHED, "errno became %d", errno);
	return result;
}

static const unsigned both_flags[2] = { SLIP_SHARED, SLIP_PRIVATE };

struct sleeper {
	int (*body)(const struct sleeper *s);
	slip_a32 *w;
	slip_a32 *lock;
	uint32_t expected;
	uint32_t mask;
	uint64_t deadline_ns;
	unsigned flags;

	pthread_t thread;
	slip_a32 tid;
	int result;
	int errno_after;
};

static inline int sleep_any(const struct sleeper *s)
{
	return slip_futex_wait(s->w, s->expected, s->deadline_ns, s->flags);
}

static inline int sleep_bitset(const struct sleeper *s)
{
	return slip_futex_wait_bitset(s->w, s->expected, s->mask,
				      s->deadline_ns, s->flags);
}

/* A sleeper on a word that holds 0, for ever. */
static inline struct sleeper sleeper_on(slip_a32 *w, unsigned flags)
{
	struct sleeper s;

	memset(&s, 0, sizeof(s));
	s.body = sleep_any;
	s.w = w;
	s.mask = SLIP_FUTEX_ANY;
	s.deadline_ns = SLIP_FOREVER;
	s.flags = flags;
	return s;
}

/* The state letter of a thread or process, 0 if there is none. */
static inline char task_state(long tid)
{
	char path[64], text[512];
	const char *after;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", tid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	/* "tid (name) state": the name may hold anything, brackets too. */
	after = strrchr(text, ')');
	return (char)(after != NULL && after[1] == ' ' ? after[2] : 0);
}

static inline void until_state(long tid, char wanted)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	while (task_state(tid) != wanted) {
		cr_assert_lt(slip_now_ns(), deadline, "task %ld is not %c", tid,
			     wanted);
		sched_yield();
	}
}

static inline void until_asleep(long tid)
{
	until_state(tid, 'S');
}

static inline void *sleeper_main_(void *p)
{
	struct sleeper *s = (struct sleeper *)p;

	/* TEST-R1 sleeper: its arguments were read. Pairs: sleeper_start.
	 * Else: nothing; the creation of the thread orders them. */
	slip_a32_store_release(&s->tid, slip_sys_tid_());
	errno = ERRNO_UNTOUCHED;
	s->result = s->body(s);
	s->errno_after = errno;
	return NULL;
}

static inline uint32_t sleeper_tid(struct sleeper *s)
{
	uint32_t tid;

	/* TEST-A1: see sleeper_main_. */
	while ((tid = slip_a32_load_acquire(&s->tid)) == 0)
		sched_yield();
	return tid;
}

static inline void sleeper_create_(struct sleeper *s)
{
	/* init */
	slip_a32_store_relaxed(&s->tid, 0);
	cr_assert_eq(pthread_create(&s->thread, NULL, sleeper_main_, s), 0);
}

static inline void sleeper_start(struct sleeper *s)
{
	sleeper_create_(s);
	until_asleep(sleeper_tid(s));
}

/* What the sleeper's call returned. */
static inline int sleeper_join(struct sleeper *s)
{
	cr_assert_eq(pthread_join(s->thread, NULL), 0);
	cr_assert_eq(s->errno_after, ERRNO_UNTOUCHED, "errno became %d",
		     s->errno_after);
	return s->result;
}

/* A thread whose call is not expected to sleep: what it returned. */
static inline int sleeper_run(struct sleeper *s)
{
	sleeper_create_(s);
	return sleeper_join(s);
}

/* A sleeper that is a process of its own. */
static inline pid_t sleeper_fork(const struct sleeper *s)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(-s->body(s) & 255);
	until_asleep(child);
	return child;
}

/* The errno it ended with, as a positive number, or 0. */
static inline int sleeper_wait(pid_t child)
{
	int status = 0;

	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "wait status %#x", (unsigned)status);
	return WEXITSTATUS(status);
}

/* The end of a child that nothing else can wake. */
static inline void sleeper_kill(pid_t child)
{
	int status = 0;

	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "wait status %#x", (unsigned)status);
}

/* For sleepers whose state says too little: wake until `n` were woken. */
static inline void wake_until(const slip_a32 *w, int n, unsigned flags)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	while (n > 0) {
		int woken = KERNEL(slip_futex_wake(w, n, flags));

		cr_assert_geq(woken, 0);
		n -= woken;
		cr_assert_lt(slip_now_ns(), deadline);
		if (woken == 0)
			sched_yield();
	}
}

/* A page of zeros that forked children share. */
static inline slip_a32 *shared_page(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return (slip_a32 *)p;
}

/* A page that is there and may not be touched. */
static inline slip_a32 *forbidden_page(void)
{
	void *p =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return (slip_a32 *)p;
}

/* The word one byte after this one: as a futex, misaligned. */
static inline slip_a32 *misaligned(slip_a32 *w)
{
	return (slip_a32 *)(void *)((char *)w + 1);
}

static slip_a32 handler_runs;

static inline void count_signal_(int number)
{
	(void)number;
	/* stat */
	(void)slip_a32_fetch_add_relaxed(&handler_runs, 1);
}

static inline void handle_signal(int number, int sa_flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = count_signal_;
	action.sa_flags = sa_flags;
	cr_assert_eq(sigaction(number, &action, NULL), 0);
}

/* Signal a sleeper and see the handler run, in that thread. */
static inline void interrupt(struct sleeper *s)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	/* stat */
	uint32_t before = slip_a32_load_relaxed(&handler_runs);

	/*
	 * ThreadSanitizer keeps the handler back until the thread next calls
	 * something it intercepts; the kernel's side is no different.
	 */
	if (UNDER_TSAN)
		cr_skip("ThreadSanitizer delays signal handlers");
	cr_assert_eq(pthread_kill(s->thread, SIGUSR1), 0);
	/* stat */
	while (slip_a32_load_relaxed(&handler_runs) == before) {
		cr_assert_lt(slip_now_ns(), deadline);
		sched_yield();
	}
}

#endif
