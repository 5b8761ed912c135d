/* SPDX-License-Identifier: MIT */
/* ring/chain.h with liburcu's functions inline, as its licence lets this program have
 * them. */
#define _LGPL_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "tools/bench/chain_ours.h"

const struct mpmc_queue chain_ours_inline = CHAIN_OURS;
