/* SPDX-License-Identifier: MIT */
/*
 * The one door to the kernel: system calls that leave `errno` alone, and the
 * monotonic clock that every deadline of slipring is told in.
 *
 * Use slip_now_ns() and slip_after_ns() to make deadlines. The names that end
 * in an underscore are for the other headers of this folder only; a program
 * that wants a system call has its libc.
 *
 *	uint64_t deadline = slip_after_ns(50 * 1000 * 1000);
 *
 *	while (!done() && slip_now_ns() < deadline)
 *		slip_pause();
 *
 * Everything here may be called from any thread, from a signal handler and
 * after fork. The calls enter the kernel directly and are full compiler
 * barriers; they order memory between threads no more than their kernel side
 * says.
 *
 * Tests replace the kernel. Each macro names an `extern "C"` function, which
 * is defined before the first include and the same in the whole program:
 *
 *	SLIP_SYS_HOOK	long f(long nr, long a, long b, long c, long d,
 *			long e, long f); gets every call and returns a result
 *			or -errno. It may pass the call on to slip_sys_raw_(),
 *			which is always the real kernel.
 *	SLIP_NOW_HOOK	uint64_t f(void); replaces the clock.
 *	SLIP_SYS_LIBC	defined: go through libc's syscall() even where this
 *			header has its own instruction.
 *
 * Sanitizers. The compiler is told that a call may read and write any memory,
 * but MemorySanitizer does not see what the kernel writes through a pointer:
 * a buffer to be filled must be initialised before the call. Mapping calls
 * are sent through libc, where the sanitizers do watch.
 */
#ifndef SLIP_FUTEX_SYS_H
#define SLIP_FUTEX_SYS_H

#include "../atomics/base.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#if defined(__alpha__) || defined(__mips__)
#error "slipring knows no system call numbers for this machine"
#endif

/* Deadlines are absolute CLOCK_MONOTONIC nanoseconds; this one never comes. */
#define SLIP_FOREVER UINT64_MAX

#ifdef __cplusplus
/* libc shows C++ everything; C hides what ISO C does not know. */
#include <unistd.h>
extern "C" {
#else
#ifndef CLOCK_MONOTONIC
int clock_gettime(int clock, struct timespec *now);
#endif
long syscall(long nr, ...);
#endif

#ifdef SLIP_SYS_HOOK
long SLIP_SYS_HOOK(long nr, long a, long b, long c, long d, long e, long f);
#endif
#ifdef SLIP_NOW_HOOK
uint64_t SLIP_NOW_HOOK(void);
#endif

/*
 * Calls that Debian 12's headers do not name yet. The numbers are the same on
 * every machine that reaches this line.
 */
enum {
	SLIP_SYS_FUTEX_WAITV_ = 449,
	SLIP_SYS_FUTEX_WAKE_ = 454,
	SLIP_SYS_FUTEX_WAIT_ = 455,
	SLIP_SYS_FUTEX_REQUEUE_ = 456
};

enum { SLIP_CLOCK_REALTIME_ = 0, SLIP_CLOCK_MONOTONIC_ = 1 };

/* The kernel's struct timespec on every 64-bit machine. */
struct slip_sys_timespec_ {
	int64_t seconds;
	int64_t ns;
};

/* An absolute time in ns as the kernel reads it; any value is a valid one. */
SLIP_INLINE struct slip_sys_timespec_ slip_sys_time_(uint64_t ns)
{
	struct slip_sys_timespec_ t;

	t.seconds = SLIP_CAST(int64_t, ns / 1000000000U);
	t.ns = SLIP_CAST(int64_t, ns % 1000000000U);
	return t;
}

/* The trap itself: the kernel's result, -4095..-1 being -errno. */
#if defined(__x86_64__) && !defined(SLIP_SYS_LIBC)

SLIP_CORE long slip_sys_trap_(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	/* SYSCALL itself overwrites rcx (return address) and r11 (flags). */
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

#elif defined(__aarch64__) && !defined(SLIP_SYS_LIBC)

SLIP_CORE long slip_sys_trap_(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

#else

SLIP_INLINE long slip_sys_trap_(long nr, long a, long b, long c, long d, long e,
				long f)
{
	int saved = errno;
	long result = syscall(nr, a, b, c, d, e, f);

	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

#endif

/*
 * libc's mmap() and munmap() rather than the trap: the sanitizers intercept
 * them to clear stale shadow memory, and musl makes munmap() wait for its own
 * robust-list window.
 */
SLIP_INLINE long slip_sys_mapping_(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	int saved = errno;
	void *address = SLIP_RECAST(void *, a);
	size_t bytes = SLIP_CAST(size_t, b);
	long result;

	if (nr == SYS_munmap) {
		result = munmap(address, bytes);
	} else {
		address = mmap(address, bytes, SLIP_CAST(int, c),
			       SLIP_CAST(int, d), SLIP_CAST(int, e), f);
		result = SLIP_RECAST(long, address);
	}
	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

/* The real kernel, hook or no hook. Result or -errno. */
SLIP_CORE long slip_sys_raw_(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	if (nr == SYS_mmap || nr == SYS_munmap)
		return slip_sys_mapping_(nr, a, b, c, d, e, f);
	return slip_sys_trap_(nr, a, b, c, d, e, f);
}

/* A system call: the kernel's result or -errno. Interrupted calls are told. */
SLIP_CORE long slip_sys_call_(long nr, long a, long b, long c, long d, long e,
			      long f)
{
#ifdef SLIP_SYS_HOOK
	return SLIP_SYS_HOOK(nr, a, b, c, d, e, f);
#else
	return slip_sys_raw_(nr, a, b, c, d, e, f);
#endif
}

/*
 * mmap(2): the address, which is never negative, or -errno. `offset` in
 * bytes, a multiple of the page size.
 */
SLIP_INLINE SLIP_MUST_CHECK long slip_sys_mmap_(void *address, size_t bytes,
						int prot, int flags, int fd,
						int64_t offset)
{
	return slip_sys_call_(SYS_mmap, SLIP_RECAST(long, address),
			      SLIP_CAST(long, bytes), prot, flags, fd, offset);
}

/* munmap(2): 0 or -errno. */
SLIP_INLINE int slip_sys_munmap_(void *address, size_t bytes)
{
	return SLIP_CAST(int,
			 slip_sys_call_(SYS_munmap, SLIP_RECAST(long, address),
					SLIP_CAST(long, bytes), 0, 0, 0, 0));
}

/* The kernel's number for this thread, in this thread's PID namespace. */
SLIP_INLINE uint32_t slip_sys_tid_(void)
{
	return SLIP_CAST(uint32_t,
			 slip_sys_call_(SYS_gettid, 0, 0, 0, 0, 0, 0));
}

/*
 * CLOCK_MONOTONIC in ns since some start common to all processes of the
 * machine (of the time namespace). Through libc, whose clock_gettime() does
 * not enter the kernel; the one failure it has is a clock that does not exist.
 */
SLIP_INLINE uint64_t slip_now_ns(void)
{
#ifdef SLIP_NOW_HOOK
	return SLIP_NOW_HOOK();
#else
	struct timespec now = { 0, 0 };

	(void)clock_gettime(SLIP_CLOCK_MONOTONIC_, &now);
	return SLIP_CAST(uint64_t, now.tv_sec) * 1000000000U +
	       SLIP_CAST(uint64_t, now.tv_nsec);
#endif
}

/*
 * The deadline that lies `ns` from now. What would not fit is SLIP_FOREVER, so
 * slip_after_ns(SLIP_FOREVER) is too.
 */
SLIP_INLINE uint64_t slip_after_ns(uint64_t ns)
{
	uint64_t now = slip_now_ns();

	return ns < SLIP_FOREVER - now ? now + ns : SLIP_FOREVER;
}

#ifdef __cplusplus
}
#endif

#endif
