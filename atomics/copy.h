/* SPDX-License-Identifier: MIT */
/*
 * slip_copy(): the one way in which payload enters and leaves shared memory.
 *
 * Plain bytes, no order of their own: the caller owns both ranges for the
 * duration, by an acquire and a release on the word that publishes them. Kept
 * in one place so that a checker can replace it. `bytes` of 0 is allowed; the
 * ranges do not overlap. A constant `bytes` becomes plain moves.
 *
 * A test may define SLIP_COPY_HOOK to the name of a function with memcpy's
 * arguments and no result.
 */
#ifndef SLIP_ATOMICS_COPY_H
#define SLIP_ATOMICS_COPY_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef SLIP_COPY_HOOK
void SLIP_COPY_HOOK(void *to, const void *from, size_t bytes);
#endif

SLIP_CORE void slip_copy(void *to, const void *from, size_t bytes)
{
#ifdef SLIP_COPY_HOOK
	SLIP_COPY_HOOK(to, from, bytes);
#else
	__builtin_memcpy(to, from, bytes);
#endif
}

#ifdef __cplusplus
}
#endif

#endif
