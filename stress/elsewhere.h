/* SPDX-License-Identifier: MIT */
/*
 * Children of one parent would all map a region at the same address, and hide
 * a pointer that crept into it. This adopts it where nobody else has it.
 */
#ifndef SLIP_STRESS_ELSEWHERE_H
#define SLIP_STRESS_ELSEWHERE_H

#include <sys/mman.h>

#include "futex/region.h"
#include "stress/harness.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Is one of the `n` places, but number `mine`, the same as it? */
static inline bool elsewhere_shared(const slip_a64 *places, uint32_t n,
				    uint32_t mine, uint64_t place)
{
	for (uint32_t i = 0; i < n; i++)
		/* Second half of a handshake by exchange and load: of two that
		 * come to one place at once, one at least sees the other. */
		if (i != mine && slip_a64_load_acquire(&places[i]) == place)
			return true;
	return false;
}

/*
 * Adopts the region that `fd` names; places[mine] becomes its address, which
 * differs from that of the `n` others. 0 or what slip_region_adopt returns.
 */
static inline int elsewhere_adopt(struct slip_region *rg, int fd,
				  slip_a64 *places, uint32_t n, uint32_t mine)
{
	for (;;) {
		int rc = slip_region_adopt(rg, fd, 0);
		void *at = rg->mem;
		size_t bytes = rg->bytes;

		if (rc)
			return rc;
		(void)slip_a64_exchange_seqcst(&places[mine], (uintptr_t)at);
		if (!elsewhere_shared(places, n, mine, (uintptr_t)at))
			return 0;
		/* Once more, with this place taken. */
		slip_region_close(rg);
		(void)mmap(at, bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED_NOREPLACE,
			   -1, 0);
	}
}

#endif
