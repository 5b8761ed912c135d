/* SPDX-License-Identifier: MIT */
/* The part of the suite `wait` in which one waits for the first of several. */
#ifndef SLIP_TOOLS_BENCH_WAIT_SETS_H
#define SLIP_TOOLS_BENCH_WAIT_SETS_H

#include "tools/bench/bench.h"

void bench_wait_sets(struct bench *b);

#endif
