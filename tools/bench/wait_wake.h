/* SPDX-License-Identifier: MIT */
/* The part of the suite `wait` that wakes somebody. */
#ifndef SLIP_TOOLS_BENCH_WAIT_WAKE_H
#define SLIP_TOOLS_BENCH_WAIT_WAKE_H

#include "tools/bench/bench.h"

void bench_wait_wake(struct bench *b);

#endif
