/* SPDX-License-Identifier: MIT */
/*
 * What every client includes: the library with its doors shut, and the three
 * places where a client may run.
 *
 *	nothing defined		an outside checker, which supplies
 *				__VERIFIER_assume()
 *	CLIENT_NATIVE		threads of this machine, many times (native.c)
 *	CLIENT_EXPLORE		stress/explore, which supplies the hooks
 *
 * A client is a plain program: main() calls client_begin(), starts its threads,
 * joins them and calls check(). Checkers want each execution to be finite, so a
 * client does not loop: what must come is AWAITed.
 */
#ifndef SLIP_STRESS_MODEL_CLIENT_H
#define SLIP_STRESS_MODEL_CLIENT_H

/* All that the library includes, before names are taken away below. And an
 * assertion that is left out would prove nothing. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if !defined(CLIENT_NATIVE) && !defined(CLIENT_EXPLORE)
#define CLIENT_CHECKER
void __VERIFIER_assume(int);
#define AWAIT(cond) __VERIFIER_assume((cond) ? 1 : 0)
/* The checkers know neither: an empty one hides a 0 in event.h, and all that
 * is set to zero here is static and zero already. */
#define __asm__(...)
#define __builtin_memset(at, byte, bytes) ((void)(at))
#define memset(at, byte, bytes)		  ((void)(at))
#else
void client_pause(void);
#define AWAIT(cond)                     \
	do {                            \
		while (!(cond))         \
			client_pause(); \
	} while (0)
#endif

#ifndef CLIENT_EXPLORE
#define SLIP_COPY_HOOK	    client_copy
#define SLIP_SYS_HOOK	    client_sys
#define SLIP_NOW_HOOK	    client_now
#define SLIP_FENCE_PORTABLE client_portable
#endif

#include "../../ring/slipring.h"

int main(void);
void check(void); /* after all threads have ended */

/* Zero, for clients that run more than once. */
static inline void client_begin(void *state, size_t bytes)
{
#ifdef CLIENT_CHECKER
	(void)state;
	(void)bytes;
#else
	memset(state, 0, bytes);
#endif
}

/* Who has ended without a word; what the kernel would say. */
static slip_a32 client_gone[8];

/* The futex and membarrier of the clients, where the runtime of the explorer
 * has none: a sleep compares and does not wait, so check() must ask whether it
 * would have been woken. */
static inline long client_futex(slip_a32 *word, long op, uint32_t expected)
{
	uint32_t seen = expected;

	if ((op & ~SLIP_PRIVATE) == SLIP_FUTEX_WAIT_BITSET_)
		/* One step in the order of the word, as the kernel's. */
		return slip_a32_cas_relaxed(word, &seen, seen) ? 0 : -EAGAIN;
	if ((op & ~SLIP_PRIVATE) == SLIP_FUTEX_WAKE_OP_)
		(void)slip_a32_fetch_add_relaxed(word, 1);
	return 0;
}

long client_sys(long nr, long a, long b, long c, long d, long e, long f);
long client_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	struct slip_file_flock_ *lock = (struct slip_file_flock_ *)c;
	struct slip_file_stat_ *stat = (struct slip_file_stat_ *)e;

	(void)d;
	(void)f;
	if (nr == SYS_futex)
		return client_futex((slip_a32 *)a, b, (uint32_t)c);
	if (nr == SYS_membarrier) {
		atomic_thread_fence(memory_order_seq_cst);
	} else if (nr == SYS_fcntl && b == SLIP_OFD_GETLK_) {
		lock->type =
			slip_a32_load_acquire(&client_gone[lock->start & 7])
				? SLIP_LOCK_NONE_
				: SLIP_LOCK_WRITE_;
	} else if (nr == SYS_statx) {
		stat->dev[0] = 0;
		stat->dev[1] = 0;
		stat->ino = 0;
	}
	return 0;
}

#ifndef CLIENT_EXPLORE
void client_copy(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
}

uint64_t client_now(void)
{
	return 0;
}

bool client_portable(void)
{
	return true;
}
#endif

#endif
