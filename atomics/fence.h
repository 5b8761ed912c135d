/* SPDX-License-Identifier: MIT */
/*
 * The few fences, named by purpose. Orders belong on the accesses; what is
 * here serves the store-load handshake between a publisher and a sleeper,
 * which no access order short of seq_cst gives (futex/event.h argues it).
 *
 *	slip_fence_light()	the fast half of an asymmetric fence: costs no
 *				instruction, keeps the compiler from moving
 *				the publishing store past the waiter check
 *	slip_fence_after_rmw()	store-load order where the store was a seq_cst
 *				read-modify-write: free on x86-64, where the
 *				locked instruction already drained the store
 *				buffer
 *	slip_fence_full()	store-load order by itself
 *
 * The slow half of the asymmetric fence is a system call and so lives one
 * layer up: slip_fence_heavy() in futex/event.h.
 *
 * A checker may define SLIP_FENCE_PORTABLE to the name of a `bool (*)(void)`
 * function of its own, which says whether slip_fence_after_rmw() shall be what
 * machines other than x86-64 run.
 */
#ifndef SLIP_ATOMICS_FENCE_H
#define SLIP_ATOMICS_FENCE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef SLIP_FENCE_PORTABLE
bool SLIP_FENCE_PORTABLE(void);
#endif

SLIP_CORE void slip_fence_light(void)
{
	/* EVENT-H2 publisher: its commit and its look at W stay in this order
	 * in the code. Pairs: slip_event_prepare. Else: no fence of another
	 * process can order them. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

SLIP_CORE void slip_fence_full(void)
{
	/*
	 * ThreadSanitizer does not model a stand-alone fence and GCC refuses
	 * to compile one silently. A locked access to a private word is the
	 * same instruction on x86-64 and hides no race from the tool, since a
	 * store-load edge publishes no data.
	 */
#if defined(__SANITIZE_THREAD__) && defined(__x86_64__)
	uint64_t here = 0;

	/* EVENT-H3 sleeper: as below, for the eyes of a tool. Pairs:
	 * slip_event_look_. Else: as below. */
	(void)__atomic_fetch_add(&here, 1, __ATOMIC_SEQ_CST);
	__asm__ volatile("" ::"r"(&here) : "memory");
#else
	/* EVENT-H3 sleeper: W is set before it looks at the data. Pairs:
	 * slip_event_look_. Else: both miss each other. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

SLIP_CORE void slip_fence_after_rmw(void)
{
#ifdef SLIP_FENCE_PORTABLE
	if (SLIP_FENCE_PORTABLE()) {
		/* EVENT-H3 publisher: as on other machines, below. Pairs:
		 * slip_event_prepare. Else: both miss each other. */
		slip_fence_full();
		return;
	}
#endif
#if defined(__x86_64__)
	/* EVENT-H3 publisher: a locked instruction is a full fence. Pairs:
	 * slip_event_prepare. Else: both miss each other. */
	slip_fence_light();
#else
	/* EVENT-H3 publisher: the RMW need not be done before the next load.
	 * Pairs: slip_event_prepare. Else: both miss each other. */
	slip_fence_full();
#endif
}

#ifdef __cplusplus
}
#endif

#endif
