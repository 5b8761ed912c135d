/* SPDX-License-Identifier: MIT */
/* The progress line of send and recv: one line of stderr, drawn over. */
#ifndef SLIP_TOOLS_SLIPRING_METER_H
#define SLIP_TOOLS_SLIPRING_METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
	bool on;
	uint64_t done;	/* bytes */
	uint64_t total; /* 0: not known */
	uint64_t began_ns, shown_ns;
	uint64_t shown_done;
};

/* Shows nothing unless `wanted` and stderr is a terminal. `fd`: a file whose
 * size is the total, or -1. */
void meter_start(struct meter *m, bool wanted, int fd);

/* So many more bytes; 0 to keep the clock going. */
void meter_add(struct meter *m, uint64_t bytes);

/* The last state, and a new line. Then off. */
void meter_end(struct meter *m);

#endif
