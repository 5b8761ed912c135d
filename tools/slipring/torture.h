/* SPDX-License-Identifier: MIT */
/* The engine of //stress, several at once, each in a process of its own: starts
 * them, shows how far they are, ends them, and keeps what they say. */
#ifndef SLIP_TOOLS_SLIPRING_TORTURE_H
#define SLIP_TOOLS_SLIPRING_TORTURE_H

#include "stress/pair.h"

#define TORTURE_PAIRS 64
#define TORTURE_RINGS 8

struct torture {
	const struct pair_ring *rings[TORTURE_RINGS];
	uint32_t rings_number;
	uint32_t pairs;
	bool quiet;
	/* What became of it. */
	struct pair_account
		*accounts; /* of each pair, and there of each ring */
	uint64_t took_ns;
	bool failed;
	int signal;	 /* that ended it early; or 0 */
	char said[8192]; /* by who failed */
};

/* Signals that would end us end the torture instead, from now on. */
void torture_listen(void);

/* Runs for as long as stress_options say. True: nothing failed. */
bool torture_run(struct torture *t);

/* A count of one ring, or of all (NULL). */
uint64_t torture_count(const struct torture *t, const struct pair_ring *ring,
		       enum pair_count what);

#endif
