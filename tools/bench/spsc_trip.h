/* SPDX-License-Identifier: MIT */
/* Round trips of the suite "spsc" for other suites: of anything that is given
 * as a queue (spsc_loops.h) with the loops `ask` and `echo`. */
#ifndef SLIP_TOOLS_BENCH_SPSC_TRIP_H
#define SLIP_TOOLS_BENCH_SPSC_TRIP_H

#include "tools/bench/bench.h"
#include "tools/bench/spsc_loops.h"

int bench_spsc_trip(const struct spsc_queue *queue, const struct bench_point *p,
		    struct bench_answer *a);

#endif
