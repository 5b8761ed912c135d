/* SPDX-License-Identifier: MIT */
/*
 * A kernel that fails on request. Include it before any header of slipring, in
 * one C file of the program; from then on every system call of the library
 * passes through here.
 *
 *	hook_fail(SYS_futex, 2, ENOMEM)	the second futex call from now fails
 *	hook_fail(SYS_futex, 0, ENOSYS)	every futex call fails
 *	hook_fail(HOOK_ANY, n, ENOMEM)	the n-th call of any kind fails
 *	hook_kill(HOOK_ANY, n)		the process dies of SIGKILL before it
 *	hook_off()			the real kernel again
 *	hook_calls()			how many calls matched since hook_fail,
 *					hook_kill or hook_watch(nr)
 *	hook_argument(0..5)		what the last matching call was given
 *
 * One request at a time, for all threads; a forked child inherits it.
 */
#ifndef SLIP_FUTEX_TEST_HOOK_H
#define SLIP_FUTEX_TEST_HOOK_H

#define SLIP_SYS_HOOK hook_call

#include "atomics/word.h"
#include "futex/sys.h"

#include <signal.h>
#include <string.h>

#define HOOK_ANY (-1L)

/* In one word, so that a thread in the middle of a call sees one request. */
struct hook_plan {
	uint32_t nth;  /* 1 is the next one, 0 is every one */
	int16_t nr;    /* which call, or HOOK_ANY */
	uint8_t error; /* errno to fail with, or 0 to let it pass */
	uint8_t kill;  /* die instead */
};

static slip_a64 hook_plan_;
static slip_a32 hook_calls_; /* that matched so far */
static slip_a64 hook_arguments_[6];

static inline void hook_set_(long nr, uint32_t nth, int error, bool kill)
{
	const struct hook_plan plan = { .nth = nth,
					.nr = (int16_t)nr,
					.error = (uint8_t)error,
					.kill = kill };
	uint64_t word;

	memcpy(&word, &plan, sizeof(word));
	/* init */
	slip_a32_store_relaxed(&hook_calls_, 0);
	/* init */
	slip_a64_store_relaxed(&hook_plan_, word);
}

static inline void hook_fail(long nr, uint32_t nth, int error)
{
	hook_set_(nr, nth, error, false);
}

static inline void hook_kill(long nr, uint32_t nth)
{
	hook_set_(nr, nth, 0, true);
}

static inline void hook_watch(long nr)
{
	hook_set_(nr, 0, 0, false);
}

static inline void hook_off(void)
{
	hook_set_(HOOK_ANY, 0, 0, false);
}

static inline uint32_t hook_calls(void)
{
	/* stat */
	return slip_a32_load_relaxed(&hook_calls_);
}

static inline long hook_argument(unsigned i)
{
	/* stat */
	return (long)slip_a64_load_relaxed(&hook_arguments_[i]);
}

long hook_call(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arguments[6] = { a, b, c, d, e, f };
	/* stat */
	const uint64_t word = slip_a64_load_relaxed(&hook_plan_);
	struct hook_plan plan;
	uint32_t turn;

	memcpy(&plan, &word, sizeof(plan));
	if (plan.nr != HOOK_ANY && plan.nr != nr)
		return slip_sys_raw_(nr, a, b, c, d, e, f);
	for (unsigned i = 0; i < 6; i++) {
		/* stat */
		slip_a64_store_relaxed(&hook_arguments_[i],
				       (uint64_t)arguments[i]);
	}
	/* stat */
	turn = slip_a32_fetch_add_relaxed(&hook_calls_, 1) + 1;
	if (plan.nth == 0 || plan.nth == turn) {
		if (plan.kill)
			raise(SIGKILL);
		if (plan.error)
			return -plan.error;
	}
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

#endif
