/* SPDX-License-Identifier: MIT */
/* The timelines of the suite "crash", for the engine's JSON. */
#ifndef SLIP_TOOLS_BENCH_CRASH_JSON_H
#define SLIP_TOOLS_BENCH_CRASH_JSON_H

#include <jansson.h>

/*
 * The array "crash": what the suite has collected in this process so far, one
 * object for each entry and event, of its last run. The caller gives it up.
 */
json_t *bench_crash_timelines(void);

#endif
