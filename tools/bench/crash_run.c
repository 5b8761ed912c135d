/* SPDX-License-Identifier: MIT */
/*
 * One run of the suite "crash": starts the sides, lets them work for a while,
 * kills or stops the consumer, and waits for what was asked. All sides are
 * killed in the end: none of them knows when that is.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/crash.h"

#define PATIENCE_NS UINT64_C(2000000000)
#define LOOK_NS	    UINT64_C(100000)

enum { PRODUCER, CONSUMER, SUCCESSOR, SIDES };

struct stage {
	const struct crash_link *link;
	const struct crash_plan *plan;
	struct crash_run run;
	pid_t pid[SIDES];
	uint32_t sides;
};

static void sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
			      .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		continue;
}

/* SCHED_FIFO where that is permitted: the sides below the one who kills. */
static void rank(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	(void)sched_setscheduler(0, SCHED_FIFO, &p);
}

static void settle(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)bench_cpu(cpu), &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	rank(1);
}

static void be(struct stage *s, int side)
{
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	settle(side == PRODUCER ? 0 : 1);
	if (side == PRODUCER)
		rc = s->link->produce(&s->run);
	else
		rc = s->link->consume(&s->run, side == SUCCESSOR);
	slip_a32_store_release(&s->run.board->error, (uint32_t)-rc);
	_exit(1);
}

static int start(struct stage *s)
{
	bool two = s->run.event == CRASH_STOP && !s->link->colleague;

	s->sides = two ? SUCCESSOR : SIDES;
	for (uint32_t i = 0; i < s->sides; i++) {
		s->pid[i] = fork();
		if (s->pid[i] < 0)
			return -errno;
		if (s->pid[i] == 0)
			be(s, (int)i);
	}
	return 0;
}

static void finish(const struct stage *s)
{
	for (uint32_t i = 0; i < SIDES; i++)
		if (s->pid[i] > 0)
			(void)kill(s->pid[i], SIGKILL);
	for (uint32_t i = 0; i < SIDES; i++)
		if (s->pid[i] > 0)
			(void)waitpid(s->pid[i], NULL, 0);
}

static int failure(const struct stage *s)
{
	return -(int)slip_a32_load_acquire(&s->run.board->error);
}

static int wait_ready(const struct stage *s)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	while (slip_a32_load_acquire(&s->run.board->ready) < s->sides) {
		if (failure(s))
			return failure(s);
		if (slip_now_ns() > deadline)
			return -ETIMEDOUT;
		sleep_until(slip_after_ns(LOOK_NS));
	}
	return 0;
}

/* Is what was asked for there? */
static bool answered(const struct stage *s)
{
	const struct crash_board *b = s->run.board;

	if (s->plan->wanted == CRASH_TOLD)
		return slip_a64_load_acquire(&b->told_ns) != 0;
	if (s->plan->wanted == CRASH_PUSHED)
		return slip_a64_load_acquire(&b->pushed_ns) != 0;
	return slip_a64_load_acquire(&b->first_ns) != 0;
}

static int wait_answer(const struct stage *s, uint64_t began)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	while (!answered(s) && !failure(s) && slip_now_ns() < deadline)
		sleep_until(slip_after_ns(LOOK_NS));
	if (s->plan->total_ns)
		sleep_until(began + s->plan->total_ns);
	if (failure(s))
		return failure(s);
	return answered(s) ? 0 : -ETIMEDOUT;
}

/* Stops it for a while. When it went on. */
static uint64_t strike_stop(const struct stage *s)
{
	uint64_t then;

	(void)kill(s->pid[CONSUMER], SIGSTOP);
	sleep_until(slip_after_ns(s->plan->stop_ns));
	then = slip_now_ns();
	slip_a64_store_release(&s->run.board->continued_ns, then);
	(void)kill(s->pid[CONSUMER], SIGCONT);
	return then;
}

/* Lets it die by itself. When it did. */
static uint64_t strike_inside(const struct stage *s)
{
	struct crash_board *b = s->run.board;
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	slip_a32_store_release(&b->die, 1);
	while (!slip_a64_load_acquire(&b->died_ns) && slip_now_ns() < deadline)
		sleep_until(slip_after_ns(LOOK_NS));
	return slip_a64_load_acquire(&b->died_ns);
}

/* What the answers are counted from. */
static uint64_t strike(struct stage *s)
{
	uint64_t then = slip_now_ns();

	if (s->run.event == CRASH_STOP)
		return strike_stop(s);
	if (s->run.event == CRASH_ALONE && s->link->dies_inside)
		return strike_inside(s);
	slip_a64_store_release(&s->run.board->struck_ns, then);
	(void)kill(s->pid[CONSUMER], SIGKILL);
	if (s->run.event == CRASH_CALLED) {
		(void)waitpid(s->pid[CONSUMER], NULL, 0);
		s->pid[CONSUMER] = 0;
		crash_tell(&s->run.board->go);
	}
	return then;
}

static uint64_t since(const slip_a64 *ns, uint64_t event)
{
	uint64_t at = slip_a64_load_acquire(ns);

	return at > event ? at - event : 0;
}

static void read_board(const struct crash_board *b, uint64_t event,
		       struct crash_result *result)
{
	result->told_ns = since(&b->told_ns, event);
	result->pushed_ns = since(&b->pushed_ns, event);
	result->first_ns = since(&b->first_ns, event);
	for (uint32_t i = 0; i < CRASH_BUCKETS; i++) /* stat */
		result->count[i] = slip_a32_load_relaxed(&b->count[i]);
}

static int perform(struct stage *s, struct crash_result *result)
{
	struct crash_board *b = s->run.board;
	uint64_t began, event;
	int rc = wait_ready(s);

	if (rc)
		return rc;
	began = slip_now_ns();
	slip_a64_store_release(&b->began_ns, began);
	crash_tell(&b->begin);
	sleep_until(began + s->plan->lead_ns);
	result->event_ns = slip_now_ns() - began;
	event = strike(s);
	rc = wait_answer(s, began);
	read_board(b, event, result);
	/* It did work before that? */
	return !rc && !slip_a64_load_acquire(&b->last) ? -ENODATA : rc;
}

int crash_run(const struct crash_link *link, const struct crash_plan *plan,
	      struct crash_result *result)
{
	struct stage s = { .link = link, .plan = plan };
	struct sched_param before;
	int policy = sched_getscheduler(0);
	int rc = sched_getparam(0, &before) ? -errno : 0;

	memset(result, 0, sizeof(*result));
	s.run.event = plan->event;
	s.run.fd[0] = s.run.fd[1] = -1;
	s.run.board = mmap(NULL, sizeof(*s.run.board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.run.board == MAP_FAILED)
		return -errno;
	rank(2);
	if (!rc)
		rc = link->open(&s.run);
	if (!rc)
		rc = start(&s);
	link->close(&s.run);
	if (!rc)
		rc = perform(&s, result);
	finish(&s);
	(void)sched_setscheduler(0, policy, &before);
	(void)munmap(s.run.board, sizeof(*s.run.board));
	return rc;
}
