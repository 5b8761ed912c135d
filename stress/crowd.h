/* SPDX-License-Identifier: MIT */
/*
 * ring/mpmc.h between 2 to 8 processes that are killed and stopped at random
 * instants, and replaced; with an exact account of every element
 * (mpmc_account.h). Queues and work queues, every verb, shared and exclusive
 * roles, capacities from 2 on, positions just before 2^50 and 2^51.
 *
 * While one is stopped the others go on: more elements go through than there
 * are slots, in both directions. In the end, all being gone, the controller
 * recovers what there is to recover and drains the ring: then the account must
 * be right, every slot must be there to be filled, and every seat be had.
 */
#ifndef SLIP_STRESS_CROWD_H
#define SLIP_STRESS_CROWD_H

#include "stress/mpmc_account.h"
#include "stress/pair.h"

struct crowd_totals {
	struct mpmc_result r;
	uint64_t kills, stops, leaves;
	uint64_t unsure;    /* killed in ack */
	uint64_t lost_most; /* elements that were being popped by the dead */
};

/* One run, added to the totals, and to the counts if there are any: it returns
 * if all was right. */
void crowd_run(struct pair_account *counts, uint64_t seed);
/* What the last run was and came to. */
void crowd_describe(char *text, size_t bytes);
const struct crowd_totals *crowd_totals(void);

#endif
