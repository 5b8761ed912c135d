/* SPDX-License-Identifier: MIT */
/* ring/chain.h, as it comes: liburcu's flavour bp, its read side inline. */
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/chain_ours.h"

const struct mpmc_queue chain_ours = CHAIN_OURS;
