/* SPDX-License-Identifier: MIT */
/*
 * What a spinning thread executes between two looks at a shared word.
 *
 *	slip_pause()		one hint to the core: x86-64 PAUSE, AArch64 ISB
 *	slip_backoff_pause()	1, 2, 4 ... 64 of them, for a thread that lost
 *				a race for a line
 *	slip_prefetch_write()	fetch the line of a word for writing: before a
 *				look by who will store to it next. Else a look
 *				takes the line shared, and the store must ask
 *				for it again. Not a hint that GCC gives for
 *				x86-64 by itself; no instruction at all to
 *				processors that do not know it
 *
 * None orders memory, blocks or enters the kernel. A test may define
 * SLIP_PAUSE_HOOK to the name of a `void (*)(void)` function of its own, which
 * then replaces the instruction (a schedule explorer switches threads there).
 */
#ifndef SLIP_ATOMICS_PAUSE_H
#define SLIP_ATOMICS_PAUSE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef SLIP_PAUSE_HOOK
void SLIP_PAUSE_HOOK(void);
#endif

SLIP_CORE void slip_pause(void)
{
#if defined(SLIP_PAUSE_HOOK)
	SLIP_PAUSE_HOOK();
#elif defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

SLIP_CORE void slip_prefetch_write(const void *at)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*SLIP_CAST(const char *, at)));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* Zero-initialise; one per loop, on the stack. */
struct slip_backoff {
	uint32_t rounds; /* binary logarithm of the next number of pauses */
};

SLIP_INLINE void slip_backoff_pause(struct slip_backoff *b)
{
	for (uint32_t i = 0; i < UINT32_C(1) << b->rounds; i++)
		slip_pause();
	if (b->rounds < 6)
		b->rounds++;
}

#ifdef __cplusplus
}
#endif

#endif
