/* SPDX-License-Identifier: MIT */
/*
 * Way (c): the operation as it ships, without a hook, in a child that is
 * single-stepped by ptrace and killed after so many instructions: those of libc
 * and both sides of every entry to the kernel among them.
 */
#define _GNU_SOURCE
#include "stress/kill/kill.h"
#include "stress/kill/point.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void halt(void)
{
	(void)slip_sys_raw_(SYS_kill, getpid(), SIGSTOP, 0, 0, 0, 0);
}

static void body(void *context)
{
	const struct kill_op *op = kill_now.op;

	(void)context;
	op->kind->enter();
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(0);
	halt();
	kill_ledger->result = op->plain(op->kind->victim);
	slip_a32_store_release(&kill_ledger->done, 1);
	halt();
}

/* Is the child about to sleep on a futex? */
static bool falls_asleep(pid_t pid)
{
	struct user_regs_struct regs;
	long code;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	if (regs.rax != KILL_SYS_WAITV &&
	    (regs.rax != SYS_futex || (regs.rsi & 127) != 9))
		return false;
	code = ptrace(PTRACE_PEEKTEXT, pid, (void *)(uintptr_t)regs.rip, NULL);
	return (code & 0xffff) == 0x050f;
}

/* Takes the child to that many instructions, or to its end. */
static uint64_t step_to(pid_t pid, uint64_t limit)
{
	bool roused = !kill_now.op->sleeps;
	uint64_t steps;
	int status;

	for (steps = 0; steps < limit; steps++) {
		if (slip_a32_load_acquire(&kill_ledger->done))
			break;
		if (!roused && falls_asleep(pid)) {
			kill_now.op->kind->rouse();
			roused = true;
		}
		KILL_CHECK(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 &&
				   kill_wait_child(&status, 0) == pid &&
				   WIFSTOPPED(status),
			   "the child ended at step %llu",
			   (unsigned long long)steps);
	}
	return steps;
}

/* A child that stands before its operation. False: no ptrace here. */
static bool begin(pid_t *pid)
{
	int status;

	kill_now.way = KILL_STEP;
	kill_watch();
	kill_image_restore();
	*pid = kill_spawn(body, NULL);
	KILL_CHECK(kill_wait_child(&status, WUNTRACED) == *pid, "waitpid");
	KILL_CHECK(!kill_ledger->bad, "victim: %s", kill_ledger->text);
	return WIFSTOPPED(status);
}

uint64_t kill_step_count(void)
{
	uint64_t steps = 0;
	pid_t pid;

	if (begin(&pid))
		steps = step_to(pid, UINT64_MAX);
	kill_end_child();
	kill_image_restore();
	return steps;
}

void kill_step_case(struct kill_count *count, uint64_t step)
{
	bool done;
	pid_t pid;

	kill_now.point = step;
	if (!begin(&pid))
		return;
	(void)step_to(pid, step);
	kill_end_child();
	done = slip_a32_load_acquire(&kill_ledger->done);
	count->steps++;
	kill_now.op->kind->dead(done ? kill_ledger->result : KILL_UNKNOWN,
				(unsigned)(step % 3));
	kill_image_restore();
}
