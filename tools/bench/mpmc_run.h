/* SPDX-License-Identifier: MIT */
/* One run of the suite "mpmc": sides that push and pop, and their accounts. */
#ifndef SLIP_TOOLS_BENCH_MPMC_RUN_H
#define SLIP_TOOLS_BENCH_MPMC_RUN_H

#include "tools/bench/bench.h"
#include "tools/bench/mpmc_loops.h"

/* In the team's memory, before the queue. */
struct mpmc_head {
	SLIP_ALIGNED(128) slip_a32 done;
	SLIP_ALIGNED(128) struct mpmc_trap trap;
	double part; /* what an onlooker found */
	int result;  /* -errno */
	struct {
		SLIP_ALIGNED(128) slip_a64 count;
	} seen[MPMC_SIDES];
	SLIP_ALIGNED(128) char queue[];
};

struct mpmc_run {
	const struct mpmc_queue *queue;
	const struct mpmc_loops *loops;
	struct mpmc_shape shape;
	bool threads;
	bool alone; /* one side, which pushes and pops in turn */
	/* One side more, which has nothing to do with the queue; or NULL. */
	bench_side *onlooker;
	/* What came of it: */
	double rate; /* elements in a ns, all consumers together */
	double part; /* of the onlooker */
	int result;
};

/* 0, or -errno and a->why. */
int mpmc_run(struct mpmc_run *r, const struct bench_point *p,
	     struct bench_answer *a);

/* The onlooker of "one of the producers is stopped", and its cases. */
#define MPMC_VICTIM 3u
void mpmc_add_stops(struct bench *b);

#endif
