/* SPDX-License-Identifier: MIT */
/*
 * Something that happens between any two accesses of an operation to shared
 * memory, in one thread and without luck: the pages are closed, so
 * that each access traps; before the one with the chosen number the other thing
 * is done, then the page is opened for one instruction.
 */
#ifndef SLIP_ATOMICS_TEST_STEP_H
#define SLIP_ATOMICS_TEST_STEP_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"

#if defined(__x86_64__)
#define STEP_POSSIBLE 1
#else
#define STEP_POSSIBLE 0
#endif

static struct {
	void *mem;
	size_t bytes;
	void (*meanwhile)(void);
	unsigned long at;   /* before which access; 0: before each */
	unsigned long seen; /* accesses so far */
} step;

#if STEP_POSSIBLE
#define STEP_TRAP_FLAG 0x100

static void step_open(int how)
{
	if (mprotect(step.mem, step.bytes, how))
		_exit(98);
}

static void step_on_access(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	char *at = info->si_addr;

	if (sig == SIGTRAP) {
		u->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)STEP_TRAP_FLAG;
		step_open(PROT_NONE);
		return;
	}
	if (at < (char *)step.mem || at >= (char *)step.mem + step.bytes)
		_exit(97); /* an access outside */
	step_open(PROT_READ | PROT_WRITE);
	step.seen++;
	if (step.at == 0 || step.at == step.seen)
		step.meanwhile();
	if (step.at == step.seen)
		return; /* the rest at full speed */
	u->uc_mcontext.gregs[REG_EFL] |= STEP_TRAP_FLAG;
}
#endif

/* Memory in pages of its own. */
static void *step_memory(size_t bytes)
{
	step.bytes = (bytes + 4095) / 4096 * 4096;
	step.mem = mmap(NULL, step.bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(step.mem, MAP_FAILED, "no memory");
	return step.mem;
}

static void step_free(void)
{
	munmap(step.mem, step.bytes);
}

/* Runs `operation`, and `meanwhile` before its access number `at`, from 1 (0:
 * before every one). Was there such an access? */
static bool step_run(void (*operation)(void), void (*meanwhile)(void),
		     unsigned long at)
{
#if STEP_POSSIBLE
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = step_on_access;
	action.sa_flags = SA_SIGINFO;
	step.meanwhile = meanwhile;
	step.at = at;
	step.seen = 0;
	cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
	cr_assert_eq(sigaction(SIGTRAP, &action, NULL), 0);
	step_open(PROT_NONE);
	operation();
	step_open(PROT_READ | PROT_WRITE);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGTRAP, SIG_DFL);
	return step.seen >= at;
#else
	(void)operation;
	(void)meanwhile;
	(void)at;
	cr_skip("instructions are not stepped on this machine");
#endif
}

#endif
