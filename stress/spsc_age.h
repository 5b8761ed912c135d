/* SPDX-License-Identifier: MIT */
/*
 * Makes a fresh ring look as if `age` blocks had gone through it, which no
 * test could do by pushing: every block carries the stamp of its last lap, as
 * it would. For the counters' powers of two.
 */
#ifndef SLIP_STRESS_SPSC_AGE_H
#define SLIP_STRESS_SPSC_AGE_H

#include "ring/spsc.h"

/* Blocks gone through at the start of a run: the stamps (block + 1) << 6 pass
 * 2^32 and 2^63 soon after the second and the last; so do the block numbers
 * and, for blocks of one element, the positions 2^32 after the third. */
static const uint64_t spsc_ages[] = {
	0,
	(UINT64_C(1) << 26) - 10,
	(UINT64_C(1) << 32) - 10,
	(UINT64_C(1) << 57) - 10,
};
#define SPSC_AGES (sizeof(spsc_ages) / sizeof(spsc_ages[0]))

static inline uint32_t spsc_per_block(uint32_t elem_bytes)
{
	struct slip_spsc_shape s;

	return slip_spsc_shape_(&s, 2, elem_bytes) ? s.per_block : 0;
}

/* Initialises a ring of that age; results as slip_spsc_init. */
static inline int spsc_init_aged(void *mem, size_t bytes, uint32_t capacity,
				 uint32_t elem_bytes, unsigned mode,
				 uint64_t age)
{
	struct slip_spsc_ring *ring = mem;
	struct slip_spsc_place at;
	struct slip_spsc_shape s;
	int rc = slip_spsc_init(mem, bytes, capacity, elem_bytes, mode);

	if (rc || !slip_spsc_shape_(&s, capacity, elem_bytes))
		return rc;
	for (uint64_t i = 1; i <= s.blocks && i <= age; i++) {
		slip_spsc_place_(&at, ring, &s, age - i, s.per_block);
		/* init */
		slip_a64_store_relaxed(slip_spsc_control_(at.block, &s),
				       at.stamp);
	}
	slip_a64_store_relaxed(&ring->ends.head, age * s.per_block); /* init */
	return 0;
}

#endif
