/* SPDX-License-Identifier: MIT */
/*
 * Compiler attributes and the numbers of the shared format.
 *
 * The cache-line numbers are constants of the layout, not questions to the
 * compiler: two processes built with different flags must agree on them.
 */
#ifndef SLIP_ATOMICS_BASE_H
#define SLIP_ATOMICS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "slipring needs Linux on a 64-bit machine (LP64)"
#endif

/* Bytes that travel together between two cores. */
#define SLIP_LINE_BYTES 64

/*
 * Distance that keeps two writers apart: two lines, because the spatial
 * prefetcher of x86-64 fetches lines in aligned pairs.
 */
#define SLIP_APART_BYTES 128

/*
 * SLIP_COLD: the slow path of a SLIP_CORE function. Not `cold` to the compiler:
 * GCC would believe the same of whatever the fast path is inlined into, and
 * make that small instead of fast.
 */
#define SLIP_INLINE	 static inline __attribute__((unused))
#define SLIP_CORE	 static inline __attribute__((unused, always_inline))
#define SLIP_COLD	 static __attribute__((unused, noinline))
#define SLIP_MUST_CHECK	 __attribute__((warn_unused_result))
#define SLIP_ALIGNED(n)	 __attribute__((aligned(n)))
#define SLIP_LIKELY(x)	 __builtin_expect(!!(x), 1)
#define SLIP_UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifdef __cplusplus
#define SLIP_STATIC_ASSERT(cond, text) static_assert(cond, text)
/* Conversions that strict C++ warnings accept: of values and from void *, */
#define SLIP_CAST(type, x) (static_cast<type>(x))
/* and between unrelated pointers, or pointers and integers. */
#define SLIP_RECAST(type, x) (reinterpret_cast<type>(x))
#else
#define SLIP_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#define SLIP_CAST(type, x)	       ((type)(x))
#define SLIP_RECAST(type, x)	       ((type)(x))
#endif

#endif
