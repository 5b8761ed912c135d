/* SPDX-License-Identifier: MIT */
/* For programs with liburcu under ThreadSanitizer, which sees what that library asks
 * libc for (malloc, free, locks), but not the order it makes between its own
 * threads: so what comes from in there is left out. In one file of a program. */
#ifndef SLIP_RING_TEST_URCU_TSAN_H
#define SLIP_RING_TEST_URCU_TSAN_H

const char *__tsan_default_suppressions(void);
const char *__tsan_default_options(void);

const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:liburcu-bp.so\n"
	       "called_from_lib:liburcu-cds.so\n";
}

/* Its thread runs on when a test ends: nobody waits a second for what it may still
 * say. */
const char *__tsan_default_options(void)
{
	return "atexit_sleep_ms=0";
}

#endif
