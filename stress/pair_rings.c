/* SPDX-License-Identifier: MIT */
#include "stress/pair.h"

const struct pair_ring *const pair_rings[] = { &pair_spsc, &pair_record,
					       &pair_mpmc };
const size_t pair_rings_number = sizeof(pair_rings) / sizeof(pair_rings[0]);
