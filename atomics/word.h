/* SPDX-License-Identifier: MIT */
/*
 * Atomic words with one layout for C11 and C++11: `slip_a32` and `slip_a64`.
 *
 * Use them for every word that two threads or processes touch at once. In C
 * the word is a C11 `_Atomic` member; in C++, whose compilers reject `_Atomic`
 * in a struct, the same bytes are reached through the compiler's builtins. A
 * one-field struct makes an accidental plain access a compile error.
 *
 *	slip_a32 ready;
 *	slip_a32_store_release(&ready, 1);
 *	if (slip_a32_load_acquire(&ready))
 *		...
 *
 * Shape: 4 or 8 bytes, aligned to their size, native byte order, no padding.
 * A word of zero bytes is valid and holds 0. `slip_a32` may be waited on with
 * a futex.
 *
 * The order is part of the name, never an argument:
 *
 *	load		relaxed acquire
 *	store		relaxed release
 *	exchange	relaxed acquire release acqrel seqcst
 *	fetch_add, fetch_or, fetch_and	the same five
 *	cas		the same five (strong; a failure loads relaxed)
 *
 * `slip_aNN_cas_*(word, &expected, desired)` returns true if it stored
 * `desired`, else copies what it saw into `expected`; a failure orders nothing.
 * `fetch_*` and `exchange` return the old value.
 *
 * All operations are wait-free or a lock-prefixed instruction on x86-64,
 * async-signal-safe, and may be used on memory mapped at different addresses
 * in different processes.
 */
#ifndef SLIP_ATOMICS_WORD_H
#define SLIP_ATOMICS_WORD_H

#include "base.h"

#ifdef __cplusplus

typedef struct slip_a32 {
	uint32_t v;
} SLIP_ALIGNED(4) slip_a32;
typedef struct slip_a64 {
	uint64_t v;
} SLIP_ALIGNED(8) slip_a64;

#define SLIP_RELAXED_		 __ATOMIC_RELAXED
#define SLIP_ACQUIRE_		 __ATOMIC_ACQUIRE
#define SLIP_RELEASE_		 __ATOMIC_RELEASE
#define SLIP_ACQREL_		 __ATOMIC_ACQ_REL
#define SLIP_SEQCST_		 __ATOMIC_SEQ_CST
#define SLIP_LOAD_(p, o)	 __atomic_load_n(p, o)
#define SLIP_STORE_(p, x, o)	 __atomic_store_n(p, x, o)
#define SLIP_EXCHANGE_(p, x, o)	 __atomic_exchange_n(p, x, o)
#define SLIP_FETCH_ADD_(p, x, o) __atomic_fetch_add(p, x, o)
#define SLIP_FETCH_OR_(p, x, o)	 __atomic_fetch_or(p, x, o)
#define SLIP_FETCH_AND_(p, x, o) __atomic_fetch_and(p, x, o)
#define SLIP_CAS_(p, e, d, o) \
	__atomic_compare_exchange_n(p, e, d, false, o, __ATOMIC_RELAXED)

#else

#include <stdatomic.h>

typedef struct slip_a32 {
	_Atomic uint32_t v;
} slip_a32;
typedef struct slip_a64 {
	_Atomic uint64_t v;
} slip_a64;

#define SLIP_RELAXED_		 memory_order_relaxed
#define SLIP_ACQUIRE_		 memory_order_acquire
#define SLIP_RELEASE_		 memory_order_release
#define SLIP_ACQREL_		 memory_order_acq_rel
#define SLIP_SEQCST_		 memory_order_seq_cst
#define SLIP_LOAD_(p, o)	 atomic_load_explicit(p, o)
#define SLIP_STORE_(p, x, o)	 atomic_store_explicit(p, x, o)
#define SLIP_EXCHANGE_(p, x, o)	 atomic_exchange_explicit(p, x, o)
#define SLIP_FETCH_ADD_(p, x, o) atomic_fetch_add_explicit(p, x, o)
#define SLIP_FETCH_OR_(p, x, o)	 atomic_fetch_or_explicit(p, x, o)
#define SLIP_FETCH_AND_(p, x, o) atomic_fetch_and_explicit(p, x, o)
#define SLIP_CAS_(p, e, d, o)                               \
	atomic_compare_exchange_strong_explicit(p, e, d, o, \
						memory_order_relaxed)

#endif

SLIP_STATIC_ASSERT(sizeof(slip_a32) == 4, "slip_a32 is 4 bytes");
SLIP_STATIC_ASSERT(sizeof(slip_a64) == 8, "slip_a64 is 8 bytes");
SLIP_STATIC_ASSERT(__alignof__(slip_a32) == 4, "slip_a32 is 4-byte aligned");
SLIP_STATIC_ASSERT(__alignof__(slip_a64) == 8, "slip_a64 is 8-byte aligned");
SLIP_STATIC_ASSERT(__GCC_ATOMIC_LLONG_LOCK_FREE == 2, "64 bits are lock-free");

/* The functions below are one-line wrappers, one per width and order. */
#define SLIP_DEFINE_LOAD_(W, T, NAME, ORDER)                  \
	SLIP_CORE T slip_##W##_load_##NAME(const slip_##W *w) \
	{                                                     \
		return SLIP_LOAD_(&w->v, ORDER);              \
	}
#define SLIP_DEFINE_STORE_(W, T, NAME, ORDER)                    \
	SLIP_CORE void slip_##W##_store_##NAME(slip_##W *w, T x) \
	{                                                        \
		SLIP_STORE_(&w->v, x, ORDER);                    \
	}
/* The empty asm uses what the exchange returned: where nobody does, Clang makes
 * a plain store of one with order release or relaxed, which is no RMW any more,
 * and slip_fence_after_rmw() has nothing to follow. */
#define SLIP_DEFINE_RMW_(W, T, NAME, ORDER)                            \
	SLIP_CORE T slip_##W##_exchange_##NAME(slip_##W *w, T x)       \
	{                                                              \
		T old = SLIP_EXCHANGE_(&w->v, x, ORDER);               \
                                                                       \
		__asm__ volatile("" : "+r"(old));                      \
		return old;                                            \
	}                                                              \
	SLIP_CORE T slip_##W##_fetch_add_##NAME(slip_##W *w, T x)      \
	{                                                              \
		return SLIP_FETCH_ADD_(&w->v, x, ORDER);               \
	}                                                              \
	SLIP_CORE T slip_##W##_fetch_or_##NAME(slip_##W *w, T x)       \
	{                                                              \
		return SLIP_FETCH_OR_(&w->v, x, ORDER);                \
	}                                                              \
	SLIP_CORE T slip_##W##_fetch_and_##NAME(slip_##W *w, T x)      \
	{                                                              \
		return SLIP_FETCH_AND_(&w->v, x, ORDER);               \
	}                                                              \
	SLIP_CORE bool slip_##W##_cas_##NAME(slip_##W *w, T *expected, \
					     T desired)                \
	{                                                              \
		return SLIP_CAS_(&w->v, expected, desired, ORDER);     \
	}
#define SLIP_DEFINE_WORD_(W, T)                          \
	SLIP_DEFINE_LOAD_(W, T, relaxed, SLIP_RELAXED_)  \
	SLIP_DEFINE_LOAD_(W, T, acquire, SLIP_ACQUIRE_)  \
	SLIP_DEFINE_STORE_(W, T, relaxed, SLIP_RELAXED_) \
	SLIP_DEFINE_STORE_(W, T, release, SLIP_RELEASE_) \
	SLIP_DEFINE_RMW_(W, T, relaxed, SLIP_RELAXED_)   \
	SLIP_DEFINE_RMW_(W, T, acquire, SLIP_ACQUIRE_)   \
	SLIP_DEFINE_RMW_(W, T, release, SLIP_RELEASE_)   \
	SLIP_DEFINE_RMW_(W, T, acqrel, SLIP_ACQREL_)     \
	SLIP_DEFINE_RMW_(W, T, seqcst, SLIP_SEQCST_)

#ifdef __cplusplus
extern "C" {
#endif

SLIP_DEFINE_WORD_(a32, uint32_t)
SLIP_DEFINE_WORD_(a64, uint64_t)

#ifdef __cplusplus
}
#endif

#undef SLIP_DEFINE_WORD_
#undef SLIP_DEFINE_RMW_
#undef SLIP_DEFINE_STORE_
#undef SLIP_DEFINE_LOAD_
#undef SLIP_CAS_
#undef SLIP_FETCH_AND_
#undef SLIP_FETCH_OR_
#undef SLIP_FETCH_ADD_
#undef SLIP_EXCHANGE_
#undef SLIP_STORE_
#undef SLIP_LOAD_
#undef SLIP_SEQCST_
#undef SLIP_ACQREL_
#undef SLIP_RELEASE_
#undef SLIP_ACQUIRE_
#undef SLIP_RELAXED_

#endif
