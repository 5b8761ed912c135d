/* SPDX-License-Identifier: MIT */
/*
 * Which liburcu chain.h and directory.h use, and all that they use of it. The
 * only headers that need a library: link liburcu-bp, and liburcu-cds for
 * directory.h (Debian: liburcu-dev).
 *
 * The flavour is "bp" unless a program says otherwise, before it includes any of
 * these, in every file alike (nothing can check that):
 *
 *	#include <urcu/urcu-memb.h>
 *	#include <urcu/static/urcu-memb.h>
 *	#define SLIP_URCU memb
 *	#include <slipring/ring/chain.h>
 *
 *	flavour	what each thread that uses a chain must do
 *	bp	nothing: its first use registers it, its end takes it out
 *	memb	register (urcu_memb_register_thread) before its first use and
 *		take itself out before it ends
 *	mb	as memb
 *	qsbr	as memb; and say now and then that it is quiescent, or go offline
 *		while it does other things
 *
 * Why bp: a thread that the others' duties were forgotten for is not waited for,
 * and meets freed memory; nothing tells. It costs a look at a thread-local
 * pointer. With membarrier(2), which every kernel since 4.14 has, none of bp, memb
 * and qsbr has a fence on its read side. A program that has a flavour of its own
 * had better use that one, so that its threads are known once.
 *
 * Its read side is inline: these are functions of less than ten lines, of which the
 * authors say where they stand (urcu/static/urcu-bp.h) that programs of any licence
 * may call them so (LGPL 2.1, section 5). Called in the library they cost 8 ns for
 * each operation, inline 1. SLIP_URCU_LINKED, if defined, has them called there; all
 * the rest is. (It is needed for UndefinedBehaviorSanitizer: the readers' entries of
 * "bp" are not aligned as their type says, up to liburcu 0.13 at least.)
 *
 * ThreadSanitizer, for which nothing is inline, does not look into that library,
 * where the order is made between a reader's leaving, what is done after the grace
 * period, and the end of a barrier. So these three are told to it here, by hand.
 * Nothing else is: the accesses of chain.h and directory.h are seen as they are.
 * What the library asks libc for is seen too, without its order: a program needs
 * the line "called_from_lib:liburcu-bp.so" among TSan's suppressions.
 */
#ifndef SLIP_RING_RCU_H
#define SLIP_RING_RCU_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLIP_RCU_TOLD_ 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define SLIP_RCU_TOLD_ 1
#endif
#if defined(SLIP_RCU_TOLD_) && !defined(SLIP_URCU_LINKED)
#define SLIP_URCU_LINKED 1
#endif

#ifndef SLIP_URCU
#if defined(_URCU_MEMB_H) || defined(_URCU_MB_H) || defined(_URCU_QSBR_H)
#error "one flavour of liburcu in a file: define SLIP_URCU as memb, mb or qsbr"
#endif
#include <urcu/urcu-bp.h>
#ifndef SLIP_URCU_LINKED
#include <urcu/static/urcu-bp.h>
#endif
#define SLIP_URCU bp
#endif

#include "../atomics/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* urcu_bp_call_rcu for SLIP_URCU_(_call_rcu), _urcu_bp_read_lock for
 * SLIP_URCU_READ_(_read_lock), and so for each flavour. With the underscore, as
 * liburcu's own macros may have the name without. */
#define SLIP_URCU_PASTE_(flavour, verb) urcu_##flavour##verb
#define SLIP_URCU_OF_(flavour, verb)	SLIP_URCU_PASTE_(flavour, verb)
#define SLIP_URCU_(verb)		SLIP_URCU_OF_(SLIP_URCU, verb)
#ifdef SLIP_URCU_LINKED
#define SLIP_URCU_READ_(verb) SLIP_URCU_(verb)
#else
#define SLIP_URCU_INLINE_OF_(flavour, verb) _urcu_##flavour##verb
#define SLIP_URCU_INLINE_PASTE_(flavour, verb) \
	SLIP_URCU_INLINE_OF_(flavour, verb)
#define SLIP_URCU_READ_(verb) SLIP_URCU_INLINE_PASTE_(SLIP_URCU, verb)
#endif

#ifdef SLIP_RCU_TOLD_
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#endif

/* The read side: what is found between enter and leave stays until leave. May be
 * nested. `of` is the same for those who read and those who reclaim. */
SLIP_CORE void slip_rcu_enter_(void)
{
	SLIP_URCU_READ_(_read_lock)();
}

SLIP_CORE void slip_rcu_leave_(void *of)
{
#ifdef SLIP_RCU_TOLD_
	__tsan_release(of);
#endif
	(void)of;
	SLIP_URCU_READ_(_read_unlock)();
}

/* `reclaim` is called when all who are between enter and leave now have left,
 * in a thread of liburcu's, or not before the next slip_rcu_settle_. */
SLIP_INLINE void slip_rcu_later_(struct rcu_head *head,
				 void (*reclaim)(struct rcu_head *))
{
#ifdef SLIP_RCU_TOLD_
	__tsan_release(head);
#endif
	SLIP_URCU_(_call_rcu)(head, reclaim);
}

/* In `reclaim`, first, of its argument: it was put off; and of what they read: they
 * have left. */
SLIP_INLINE void slip_rcu_begin_(void *of)
{
#ifdef SLIP_RCU_TOLD_
	__tsan_acquire(of);
#endif
	(void)of;
}

/* And last. */
SLIP_INLINE void slip_rcu_end_(void *of)
{
#ifdef SLIP_RCU_TOLD_
	__tsan_release(of);
#endif
	(void)of;
}

/* All that was put off until later has been done. Blocks; not between enter and
 * leave, nor in a `reclaim`. */
SLIP_INLINE void slip_rcu_settle_(void *of)
{
	SLIP_URCU_(_barrier)();
#ifdef SLIP_RCU_TOLD_
	__tsan_acquire(of);
#endif
	(void)of;
}

/* While a thread waits it holds up no grace period, in any flavour: if it is not
 * inside for reasons of its own. */
SLIP_INLINE void slip_rcu_rest_(void)
{
	SLIP_URCU_(_thread_offline)();
}

SLIP_INLINE void slip_rcu_resume_(void)
{
	SLIP_URCU_(_thread_online)();
}

#ifdef __cplusplus
}
#endif

#endif
