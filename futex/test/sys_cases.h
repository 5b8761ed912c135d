/* SPDX-License-Identifier: MIT */
/* futex/sys.h against the real kernel. */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/sys.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ERRNO_UNTOUCHED 4242

Test(sys, a_call_returns_what_the_kernel_says)
{
	cr_assert_eq(slip_sys_call_(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
}

Test(sys, a_failing_call_returns_the_error_and_leaves_errno_alone)
{
	errno = ERRNO_UNTOUCHED;
	cr_assert_eq(slip_sys_call_(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	cr_assert_eq(errno, ERRNO_UNTOUCHED);
}

Test(sys, an_unknown_call_is_enosys)
{
	cr_assert_eq(slip_sys_call_(100000, 0, 0, 0, 0, 0, 0), -ENOSYS);
}

Test(sys, six_arguments_arrive_in_order)
{
	/* copy_file_range is all six: descriptors, offsets, length, flags. */
	char name[] = "sys_test";
	int64_t from = 2, to = 4;
	char text[16];
	int fd = (int)slip_sys_call_(SYS_memfd_create, (long)name, 0, 0, 0, 0,
				     0);

	memset(text, 0, sizeof(text));
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "abcdefgh", 8), 8);
	cr_assert_eq(slip_sys_call_(SYS_copy_file_range, fd, (long)&from, fd,
				    (long)&to, 2, 0),
		     2);
	cr_assert_eq(from, 4);
	cr_assert_eq(to, 6);
	cr_assert_eq(pread(fd, text, sizeof(text), 0), 8);
	cr_assert_str_eq(text, "abcdcdgh");
	/* The sixth: no flag is known. */
	cr_assert_eq(slip_sys_call_(SYS_copy_file_range, fd, (long)&from, fd,
				    (long)&to, 2, 1),
		     -EINVAL);
	close(fd);
}

Test(sys, mmap_takes_six_arguments_and_munmap_two)
{
	char name[] = "sys_test";
	long page = sysconf(_SC_PAGESIZE);
	int fd = (int)slip_sys_call_(SYS_memfd_create, (long)name, 0, 0, 0, 0,
				     0);
	long p;

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, 2 * page), 0);
	cr_assert_eq(pwrite(fd, "x", 1, page), 1);
	errno = ERRNO_UNTOUCHED;
	p = slip_sys_mmap_(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, page);
	cr_assert_gt(p, 0);
	cr_assert_eq(*(const char *)p, 'x');
	cr_assert_eq(slip_sys_munmap_((void *)p, (size_t)page), 0);
	cr_assert_eq(errno, ERRNO_UNTOUCHED);
	close(fd);
}

Test(sys, mmap_and_munmap_return_errors_and_leave_errno_alone)
{
	long page = sysconf(_SC_PAGESIZE);

	errno = ERRNO_UNTOUCHED;
	cr_assert_eq(slip_sys_mmap_(NULL, (size_t)page, PROT_READ, MAP_SHARED,
				    -1, 0),
		     -EBADF);
	cr_assert_eq(slip_sys_mmap_(NULL, 0, PROT_READ,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		     -EINVAL);
	cr_assert_eq(slip_sys_munmap_((void *)1, (size_t)page), -EINVAL);
	cr_assert_eq(errno, ERRNO_UNTOUCHED);
}

Test(sys, the_tid_of_the_first_thread_is_the_pid)
{
	cr_assert_eq(slip_sys_tid_(), (uint32_t)getpid());
}

Test(sys, now_is_clock_monotonic_and_never_goes_back)
{
	struct timespec t;
	uint64_t before = slip_now_ns();
	uint64_t between, after;

	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	between = (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
	after = slip_now_ns();
	cr_assert_leq(before, between);
	cr_assert_leq(between, after);
}

Test(sys, a_time_is_split_into_seconds_and_ns)
{
	struct slip_sys_timespec_ t = slip_sys_time_(0);

	cr_assert(t.seconds == 0 && t.ns == 0);
	t = slip_sys_time_(999999999);
	cr_assert(t.seconds == 0 && t.ns == 999999999);
	t = slip_sys_time_(1000000000);
	cr_assert(t.seconds == 1 && t.ns == 0);
	t = slip_sys_time_(UINT64_MAX);
	cr_assert(t.seconds == INT64_C(18446744073) && t.ns == 709551615);
}

Test(sys, after_ns_lies_ahead_by_what_was_asked)
{
	uint64_t before = slip_now_ns();
	uint64_t deadline = slip_after_ns(1000);

	cr_assert_geq(deadline, before + 1000);
	cr_assert_leq(deadline, slip_now_ns() + 1000);
}

Test(sys, after_ns_of_forever_is_forever)
{
	cr_assert_eq(slip_after_ns(SLIP_FOREVER), SLIP_FOREVER);
	cr_assert_eq(slip_after_ns(SLIP_FOREVER - 1), SLIP_FOREVER);
}
