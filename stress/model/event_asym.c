/* SPDX-License-Identifier: MIT */
/*
 * EVENT-H2: the handshake in mode ASYM. A membarrier is not in any model of C:
 * it is taken for a seq_cst fence in the sleeper, and the publisher's compiler
 * fence for another. The explorer has it as it is.
 */
#define MODE SLIP_EVENT_ASYM
#ifndef CLIENT_EXPLORE
#include <stdatomic.h>
#define __atomic_signal_fence(order) __atomic_thread_fence(order)
#endif
#include "event.inc"
