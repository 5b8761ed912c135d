/* SPDX-License-Identifier: MIT */
/* ring/chain.h with liburcu's read side called in its library (ring/rcu.h). */
#define SLIP_URCU_LINKED 1
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/chain_ours.h"

const struct mpmc_queue chain_ours_linked = CHAIN_OURS;
