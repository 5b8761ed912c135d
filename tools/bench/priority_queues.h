/* SPDX-License-Identifier: MIT */
/* The queues of the suite "priority". */
#ifndef SLIP_TOOLS_BENCH_PRIORITY_QUEUES_H
#define SLIP_TOOLS_BENCH_PRIORITY_QUEUES_H

#include "tools/bench/mpmc_loops.h"

extern const struct mpmc_queue priority_ours, priority_ours_ageing,
	priority_ours_64, priority_posix, priority_sysv;

#endif
