/* SPDX-License-Identifier: MIT */
/*
 * Sides that run together: processes or threads, each pinned to a processor and
 * under SCHED_FIFO where that is permitted, so that nobody else's work is
 * measured. Whoever ends the time has a higher priority than they, or a side
 * that spins on its processor would never be told.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define PATIENCE_NS UINT64_C(10000000000)
#define LOOK_NS	    2000000
#define HEAD_BYTES  ((sizeof(struct bench_shared) + 4095) / 4096 * 4096)

uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000u),
			      (long)(ns % 1000000000u) };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static cpu_set_t cpus;

static unsigned cpus_count(void)
{
	static unsigned count;

	if (!count) {
		if (sched_getaffinity(0, sizeof(cpus), &cpus))
			CPU_SET(0, &cpus);
		count = (unsigned)CPU_COUNT(&cpus);
	}
	return count;
}

int bench_cpu(unsigned i)
{
	unsigned left = i % cpus_count();

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &cpus) && left-- == 0)
			return cpu;
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

/* Of the thread that calls. Where it is not permitted nothing changes. */
static void priority(int level)
{
	struct sched_param p = { .sched_priority = level };

	(void)sched_setscheduler(
		0, (level ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK,
		&p);
}

/* --- a side ----------------------------------------------------------------
 */

struct start {
	struct bench_team *team;
	unsigned self;
	pthread_t thread;
	pid_t pid;
	bool realtime;
};

/* Two of SCHED_FIFO that poll on one processor would wait for each other for
 * ever: where the sides are more than the processors, they share them fairly. */
static bool fits(const struct bench_team *t)
{
	return t->one_cpu || t->sides <= cpus_count();
}

/*
 * On a stack that begins elsewhere each time. How fast a loop is depends on
 * where its variables lie, and a fork inherits that: all rounds of a run would
 * agree, and the next run with none of them.
 */
static __attribute__((noinline)) void run_at(const struct start *s,
					     size_t bytes)
{
	void *room = __builtin_alloca(bytes);

	__asm__ volatile("" : : "r"(room) : "memory");
	s->team->run[s->self](s->team, s->self);
}

static void be_side(const struct start *s)
{
	pin(bench_cpu(s->team->one_cpu ? 0 : s->self));
	priority(s->realtime ? 1 : 0);
	run_at(s, 16 + bench_now_ns() / 64 % 256 * 16);
}

static void *thread_main(void *arg)
{
	be_side(arg);
	return NULL;
}

void bench_ready(struct bench_team *t)
{
	__atomic_fetch_add(&t->shared->ready, 1, __ATOMIC_ACQ_REL);
	while (!__atomic_load_n(&t->shared->go, __ATOMIC_ACQUIRE))
		if (t->one_cpu || t->sides > 2)
			nap(50000);
}

static int start_one(struct start *s)
{
	pid_t parent = getpid();

	if (s->team->threads)
		return -pthread_create(&s->thread, NULL, thread_main, s);
	s->pid = fork();
	if (s->pid < 0)
		return -errno;
	if (s->pid)
		return 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	be_side(s);
	_exit(0);
}

/* --- all of them -----------------------------------------------------------
 */

/* 1: a side has ended otherwise than by returning. */
static int reap(struct start *s, unsigned sides, unsigned *running, int flags)
{
	int status;
	int bad = 0;

	for (unsigned i = 0; i < sides; i++) {
		if (s[i].pid <= 0 || waitpid(s[i].pid, &status, flags) <= 0)
			continue;
		s[i].pid = 0;
		--*running;
		bad |= !WIFEXITED(status) || WEXITSTATUS(status);
	}
	return bad;
}

static void kill_all(struct start *s, unsigned sides)
{
	for (unsigned i = 0; i < sides; i++)
		if (s[i].pid > 0)
			(void)kill(s[i].pid, SIGKILL);
}

/* 0 once all have called bench_ready(). */
static int wait_ready(struct start *s, struct bench_team *t, unsigned *running)
{
	uint64_t end = bench_now_ns() + PATIENCE_NS;

	while (__atomic_load_n(&t->shared->ready, __ATOMIC_ACQUIRE) <
	       t->sides) {
		if (bench_now_ns() > end)
			return -ETIMEDOUT;
		if (!t->threads && (reap(s, t->sides, running, WNOHANG) ||
				    *running < t->sides))
			return -ECHILD;
		nap(200000);
	}
	return 0;
}

static int wait_processes(struct start *s, unsigned sides, unsigned *running)
{
	uint64_t end = bench_now_ns() + PATIENCE_NS;
	int rc = 0;

	while (*running && !rc) {
		if (reap(s, sides, running, WNOHANG))
			rc = -ECHILD;
		else if (bench_now_ns() > end)
			rc = -ETIMEDOUT;
		else if (*running)
			nap(LOOK_NS / 4);
	}
	return rc;
}

static void wait_threads(struct start *s, unsigned sides)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(PATIENCE_NS / 1000000000u);
	/* A thread that hangs cannot be taken back, but its process can. */
	for (unsigned i = 0; i < sides; i++)
		if (pthread_timedjoin_np(s[i].thread, NULL, &end))
			_exit(ETIMEDOUT);
}

/* Until then, or all are done, or one has died: -ECHILD. */
static int time_passes(struct bench_team *t, struct start *s, unsigned *running)
{
	uint64_t end = bench_now_ns() + (uint64_t)(t->point->seconds * 1e9);
	uint64_t now;
	int rc = 0;

	__atomic_store_n(&t->shared->go, 1, __ATOMIC_RELEASE);
	while ((now = bench_now_ns()) < end) {
		nap(end - now < LOOK_NS ? end - now : LOOK_NS);
		if (!t->threads && reap(s, t->sides, running, WNOHANG))
			rc = -ECHILD;
		if (rc || (!t->threads && !*running))
			break;
	}
	__atomic_store_n(&t->shared->stop, 1, __ATOMIC_RELEASE);
	return rc;
}

static int all_sides(struct bench_team *t, struct start *s)
{
	unsigned running = 0;
	int rc = 0;

	for (unsigned i = 0; i < t->sides && !rc; i++) {
		s[i] = (struct start){ .team = t,
				       .self = i,
				       .realtime = fits(t) };
		rc = start_one(&s[i]);
		running += !rc;
	}
	if (!rc)
		rc = wait_ready(s, t, &running);
	if (!rc)
		rc = time_passes(t, s, &running);
	__atomic_store_n(&t->shared->stop, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&t->shared->go, 1, __ATOMIC_RELEASE);
	if (t->threads) {
		wait_threads(s, running);
		return rc;
	}
	if (!rc)
		rc = wait_processes(s, t->sides, &running);
	if (rc) {
		kill_all(s, t->sides);
		(void)reap(s, t->sides, &running, 0);
	}
	return rc;
}

/* Threads, in a process of their own: 0 or -errno. What a rival has allocated
 * is inherited, so that what they do to it goes with them; their accounts are
 * in shared memory. */
static int in_a_process(struct bench_team *t, struct start *s)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		priority(2);
		_exit(-all_sides(t, s));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static int with_memory(struct bench_team *t, struct bench_answer *a)
{
	struct start s[16];
	int rc = t->setup ? t->setup(t) : 0;

	if (rc) {
		a->why = a->why ? a->why : "it could not be set up";
		return rc;
	}
	memset(s, 0, sizeof(s));
	priority(2);
	rc = t->threads ? in_a_process(t, s) : all_sides(t, s);
	priority(0);
	if (rc)
		a->why =
			rc == -ETIMEDOUT ? "a side did not end" : "a side died";
	for (unsigned i = 0; i < t->sides && !rc; i++) {
		rc = t->shared->side[i].rc;
		if (rc)
			a->why = strerror(-rc);
	}
	if (a->hist && !rc)
		bench_hist_merge(a->hist, &t->shared->hist);
	if (t->cleanup)
		t->cleanup(t);
	return rc;
}

int bench_team_run(struct bench_team *t, struct bench_answer *a)
{
	size_t bytes = HEAD_BYTES + t->bytes;
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (at == MAP_FAILED) {
		a->why = "no memory";
		return -ENOMEM;
	}
	memset(at, 0, bytes); /* no page fault is measured */
	t->shared = (struct bench_shared *)(void *)at;
	t->mem = at + HEAD_BYTES;
	rc = with_memory(t, a);
	munmap(at, bytes);
	return rc;
}
