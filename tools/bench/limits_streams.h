/* SPDX-License-Identifier: MIT */
/* The part of the suite `limits` that moves much memory. */
#ifndef SLIP_TOOLS_BENCH_LIMITS_STREAMS_H
#define SLIP_TOOLS_BENCH_LIMITS_STREAMS_H

#include "tools/bench/bench.h"

void bench_limits_streams(struct bench *b);

#endif
