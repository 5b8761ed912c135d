/* SPDX-License-Identifier: MIT */
/*
 * How long the record of a number is: most are short, some as long as can be,
 * a few shorter than their number; those stand far apart and differ in length,
 * so that one found alone can be told from its neighbours.
 */
#ifndef SLIP_STRESS_RECORD_LENGTHS_H
#define SLIP_STRESS_RECORD_LENGTHS_H

#include "stress/harness.h"

/* `longest` is a multiple of 8, at least 8. */
static inline uint32_t record_length(uint64_t seed, uint64_t number,
				     uint32_t longest)
{
	uint64_t random = seed + number;
	uint64_t kind = stress_pick(&random, 8);
	uint32_t room = longest - 8;

	if (number % 256 == 7)
		return 0;
	if (number % 16 == 3)
		return 1 + (uint32_t)(number / 16 % 7);
	if (kind == 0)
		return longest;
	if (kind > 2 && room > 56)
		room = 56;
	return 8 + (uint32_t)stress_pick(&random, (uint64_t)room + 1);
}

#endif
