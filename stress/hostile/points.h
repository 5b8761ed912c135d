/* SPDX-License-Identifier: MIT */
/*
 * Included before the library: from here on the unchanged headers call
 * hostile_point() before each atomic access, before, in the middle of and after
 * each copy, and before each system call. At any of them a peer may write,
 * so what is read twice is read differently. Time is virtual and a futex a
 * model, so that every run is repeated exactly by its seed.
 *
 * HOSTILE_BARE defined: none of that, but the code as it ships. Then only a
 * peer that writes concurrently shows anything.
 */
#ifndef STRESS_HOSTILE_POINTS_H
#define STRESS_HOSTILE_POINTS_H

void hostile_point(void);

#ifndef HOSTILE_BARE

#define SLIP_COPY_HOOK	hostile_copy
#define SLIP_SYS_HOOK	hostile_sys
#define SLIP_NOW_HOOK	hostile_now
#define SLIP_PAUSE_HOOK hostile_point

#include <stdatomic.h>

#ifdef __clang__
#define HOSTILE_(gcc, clang) (hostile_point(), __c11_atomic_##clang)
#else
#define HOSTILE_(gcc, clang) (hostile_point(), __atomic_##gcc)
#endif

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_strong_explicit

#define atomic_load_explicit(p, o) HOSTILE_(load_n(p, o), load(p, o))
#define atomic_store_explicit(p, x, o) \
	HOSTILE_(store_n(p, x, o), store(p, x, o))
#define atomic_exchange_explicit(p, x, o) \
	HOSTILE_(exchange_n(p, x, o), exchange(p, x, o))
#define atomic_fetch_add_explicit(p, x, o) \
	HOSTILE_(fetch_add(p, x, o), fetch_add(p, x, o))
#define atomic_fetch_or_explicit(p, x, o) \
	HOSTILE_(fetch_or(p, x, o), fetch_or(p, x, o))
#define atomic_fetch_and_explicit(p, x, o) \
	HOSTILE_(fetch_and(p, x, o), fetch_and(p, x, o))
#define atomic_compare_exchange_strong_explicit(p, e, d, s, f) \
	HOSTILE_(compare_exchange_n(p, e, d, 0, s, f),         \
		 compare_exchange_strong(p, e, d, s, f))

#endif

#endif
