/* SPDX-License-Identifier: MIT */
/*
 * A kernel that the test plays itself. Include it before any header of
 * slipring, in one C file of the program.
 *
 *	static long play(long nr, const long *arg)
 *	{
 *		return nr == SYS_madvise ? -ENOSYS : SCRIPT_PASS;
 *	}
 *
 *	script = play;		every call of the library comes to it;
 *				SCRIPT_PASS hands one on to the real kernel
 *	script = NULL;		the real kernel again
 *
 * For a call that only has to fail, or to be counted, there is hook.h.
 */
#ifndef SLIP_FUTEX_TEST_SCRIPT_H
#define SLIP_FUTEX_TEST_SCRIPT_H

#define SLIP_SYS_HOOK script_call

#include "futex/sys.h"

/* No result of a system call: those stop at -4095. */
#define SCRIPT_PASS (-10000L)

static long (*script)(long nr, const long *arg);

long script_call(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arg[6] = { a, b, c, d, e, f };
	long r = script ? script(nr, arg) : SCRIPT_PASS;

	return r == SCRIPT_PASS ? slip_sys_raw_(nr, a, b, c, d, e, f) : r;
}

#endif
