/* SPDX-License-Identifier: MIT */
/*
 * Way (b): a child opens the region, joins, attaches and runs the operation;
 * at the point it sends itself SIGKILL or SIGSTOP. So what the kernel does at
 * a death is part of it: the locks, and sleepers.
 */
#define _GNU_SOURCE
#include "stress/kill/kill.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/kill/point.h"
#include "stress/life.h"

static pid_t parent_;
static pid_t child_;
static int life_ = -1; /* see stress/life.h */

int32_t kill_spawn(void (*body)(void *), void *context)
{
	memset(kill_ledger, 0, sizeof(*kill_ledger));
	parent_ = getpid();
	if (life_ < 0)
		life_ = life_file();
	fflush(stdout);
	child_ = fork();
	if (child_ == 0) {
		kill_child = true;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent_ || life_begin(life_, getpid()))
			_exit(0);
		body(context);
		_exit(0);
	}
	KILL_CHECK(child_ > 0, "fork: %d", errno);
	return child_;
}

/* It has been waited for: its number may be somebody else's by now. */
static void forget_child(void)
{
	KILL_CHECK(life_has_ended(life_, child_), "dead, but not its memory");
	child_ = 0;
}

void kill_end_child(void)
{
	int status;

	if (child_ <= 0)
		return;
	kill(child_, SIGKILL);
	waitpid(child_, &status, 0);
	forget_child();
}

int32_t kill_wait_child(int *status, int flags)
{
	pid_t pid = waitpid(child_, status, flags);

	if (pid == child_ && !WIFSTOPPED(*status))
		forget_child();
	return pid;
}

/* --- the child ------------------------------------------------------------- */

static void signal_self(int number)
{
	(void)slip_sys_raw_(SYS_kill, getpid(), number, 0, 0, 0, 0);
}

static void die(void)
{
	signal_self(SIGKILL);
}

static void stop(void)
{
	signal_self(SIGSTOP);
}

static void say_asleep(void)
{
	slip_a32_store_release(&kill_ledger->asleep, 1);
}

static void nap(long us)
{
	struct timespec t = { 0, us * 1000 };

	nanosleep(&t, NULL);
}

static void body(void *context)
{
	const struct kill_op *op = kill_now.op;
	bool lethal = kill_now.way == KILL_REAL;
	struct kill_points points = { .target = kill_now.point,
				      .act = lethal ? die : stop,
				      .asleep =
					      op->sleeps ? say_asleep : NULL };
	int result;

	op->kind->enter();
	slip_a32_store_release(&kill_ledger->entered, 1);
	if (context) { /* somebody will wait for what it does */
		while (!slip_a32_load_acquire(&kill_ledger->go))
			nap(20);
		nap(150);
	}
	kill_arm(&points);
	result = op->hooked(op->kind->victim);
	/* It may have passed fewer points than the run that counted them. */
	if (kill_disarm() > kill_now.point)
		points.act = NULL;
	kill_ledger->result = result;
	slip_a32_store_release(&kill_ledger->done, 1);
	if (points.act)
		points.act();
	op->kind->leave(result);
}

/* --- the parent ------------------------------------------------------------ */

static void rouse(void)
{
	slip_a32_store_release(&kill_ledger->asleep, 0);
	kill_now.op->kind->rouse();
}

/* Waits for the child's next change; a sleeping one is roused first, or, as the
 * case may be, hit. True: it has stopped. */
static bool await_child(int hit)
{
	const struct kill_op *op = kill_now.op;
	int flags = WUNTRACED | (op->sleeps ? WNOHANG : 0);
	bool roused = false;
	int status = 0;
	pid_t pid;

	while ((pid = kill_wait_child(&status, flags)) == 0) {
		nap(30);
		if (roused || !slip_a32_load_acquire(&kill_ledger->asleep))
			continue;
		nap(100);
		roused = true;
		if (hit)
			kill(child_, hit);
		else
			rouse();
	}
	KILL_CHECK(pid > 0, "waitpid: %d", errno);
	if (WIFSTOPPED(status))
		return true;
	KILL_CHECK(!kill_ledger->bad, "victim: %s", kill_ledger->text);
	KILL_CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
				       : WEXITSTATUS(status) == 0,
		   "victim's status: %#x", (unsigned)status);
	return false;
}

static int result_of_child(void)
{
	return slip_a32_load_acquire(&kill_ledger->done) ? kill_ledger->result
							 : KILL_UNKNOWN;
}

static void wait_entered(void)
{
	while (!slip_a32_load_acquire(&kill_ledger->entered)) {
		int status;

		KILL_CHECK(kill_wait_child(&status, WNOHANG) == 0, "victim: %s",
			   kill_ledger->text);
		nap(20);
	}
}

static bool in_its_sleep(void)
{
	return kill_now.op->sleeps && kill_now.point == KILL_ASLEEP;
}

static void real_kill(struct kill_count *count)
{
	const struct kill_kind *kind = kill_now.op->kind;
	bool suffer = kind->suffer && !kill_now.op->sleeps &&
		      (kill_now.point + kill_now.state) % 8 == 0;

	kill_spawn(body, suffer ? &suffer : NULL);
	if (suffer) {
		wait_entered();
		slip_a32_store_release(&kill_ledger->go, 1);
		kind->suffer();
	}
	KILL_CHECK(!await_child(in_its_sleep() ? SIGKILL : 0), "it stopped");
	count->kills += result_of_child() == KILL_UNKNOWN;
	kind->dead(result_of_child(), (unsigned)(kill_now.point % 3));
}

static void real_stop(struct kill_count *count)
{
	const struct kill_kind *kind = kill_now.op->kind;

	kill_spawn(body, NULL);
	KILL_CHECK(await_child(in_its_sleep() ? SIGSTOP : 0),
		   "it did not stop");
	if (!slip_a32_load_acquire(&kill_ledger->done)) {
		count->stops++;
		kind->stopped();
	}
	do
		kill(child_, SIGCONT);
	while (await_child(0));
	KILL_CHECK(slip_a32_load_acquire(&kill_ledger->done), "it died");
	kind->after(kill_ledger->result);
}

void kill_real_case(struct kill_count *count, enum kill_way way, uint64_t point)
{
	kill_now.way = way;
	kill_now.point = point;
	kill_watch();
	kill_image_restore();
	if (way == KILL_REAL)
		real_kill(count);
	else
		real_stop(count);
	kill_image_restore();
}
