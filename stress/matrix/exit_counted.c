/* SPDX-License-Identifier: MIT */
/*
 * Linked with the tests by stress/matrix/coverage, with --wrap=_exit: a child
 * that leaves by _exit() is counted as well. One that is killed is not, and
 * must not be: it would leave calls behind that were entered and never came
 * back, from which the tools conclude on branches that nobody took.
 */
#include <sys/resource.h>

int __llvm_profile_write_file(void);
__attribute__((noreturn)) void __real__exit(int status);
__attribute__((noreturn)) void __wrap__exit(int status);

void __wrap__exit(int status)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	/* A test may have forbidden itself to write files. */
	if (setrlimit(RLIMIT_FSIZE, &none) == 0)
		(void)__llvm_profile_write_file();
	__real__exit(status);
}
