/* SPDX-License-Identifier: MIT */
/* futex/sys.h with the kernel and the clock replaced. */
#define _GNU_SOURCE
#define SLIP_NOW_HOOK fixed_now
#include "futex/test/hook.h"

#include "atomics/test/check.h"

#include <sys/wait.h>
#include <unistd.h>

static uint64_t fixed_ns;

uint64_t fixed_now(void)
{
	return fixed_ns;
}

static long page_of_memory(void)
{
	return slip_sys_mmap_(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

Test(sys_hook, the_clock_is_replaced)
{
	fixed_ns = 123;
	cr_assert_eq(slip_now_ns(), 123);
	cr_assert_eq(slip_after_ns(7), 130);
}

Test(sys_hook, after_ns_saturates)
{
	fixed_ns = UINT64_MAX - 10;
	cr_assert_eq(slip_after_ns(9), UINT64_MAX - 1);
	cr_assert_eq(slip_after_ns(10), SLIP_FOREVER);
	cr_assert_eq(slip_after_ns(11), SLIP_FOREVER);
	cr_assert_eq(slip_after_ns(UINT64_MAX), SLIP_FOREVER);
}

Test(sys_hook, only_the_nth_call_of_its_number_fails)
{
	hook_fail(SYS_close, 2, EIO);
	cr_assert_eq(slip_sys_call_(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	cr_assert_eq(slip_sys_tid_(), (uint32_t)getpid());
	cr_assert_eq(slip_sys_call_(SYS_close, -1, 0, 0, 0, 0, 0), -EIO);
	cr_assert_eq(slip_sys_call_(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	cr_assert_eq(hook_calls(), 3);
	hook_off();
}

Test(sys_hook, every_call_fails_when_asked)
{
	hook_fail(HOOK_ANY, 0, ENOSYS);
	cr_assert_eq(slip_sys_call_(SYS_close, -1, 0, 0, 0, 0, 0), -ENOSYS);
	cr_assert_eq(page_of_memory(), -ENOSYS);
	cr_assert_eq(slip_sys_munmap_(NULL, 4096), -ENOSYS);
	cr_assert_eq(slip_sys_raw_(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	hook_off();
}

Test(sys_hook, arguments_are_seen)
{
	hook_watch(SYS_close);
	(void)slip_sys_call_(SYS_close, -1, 2, 3, 4, 5, 6);
	cr_assert_eq(hook_argument(0), -1);
	cr_assert_eq(hook_argument(5), 6);
	hook_off();
}

Test(sys_hook, mappings_pass_through_the_hook_to_the_kernel)
{
	long p;

	hook_watch(SYS_mmap);
	p = page_of_memory();
	cr_assert_gt(p, 0);
	cr_assert_eq(hook_calls(), 1);
	*(char *)p = 1;
	hook_watch(SYS_munmap);
	cr_assert_eq(slip_sys_munmap_((void *)p, 4096), 0);
	cr_assert_eq(hook_calls(), 1);
}

Test(sys_hook, the_process_dies_at_the_call_it_was_told)
{
	int status = 0;
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		hook_kill(SYS_gettid, 2);
		(void)slip_sys_tid_();
		(void)slip_sys_tid_();
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
