/* SPDX-License-Identifier: MIT */
/* atomics/copy.h: moves exactly the bytes asked for. */
#include "atomics/copy.h"
#include "atomics/test/check.h"

#define MAX   4096
#define GUARD 64

/* Copies `bytes` at odd addresses between guards; true if all is as it was. */
static bool copy_is_exact(size_t bytes)
{
	static unsigned char from[MAX + 2 * GUARD], to[MAX + 2 * GUARD];

	for (size_t i = 0; i < sizeof(from); i++) {
		from[i] = (unsigned char)(i * 7 + 1);
		to[i] = 0xee;
	}
	slip_copy(to + GUARD, from + GUARD + 1, bytes);
	for (size_t i = 0; i < sizeof(to); i++) {
		bool inside = i >= GUARD && i < GUARD + bytes;

		if (to[i] != (inside ? from[i + 1] : 0xee))
			return false;
	}
	return true;
}

Test(copy, no_bytes_change_nothing)
{
	cr_assert(copy_is_exact(0));
}

Test(copy, every_small_size_is_exact)
{
	for (size_t bytes = 1; bytes <= 4 * SLIP_LINE_BYTES + 1; bytes++)
		cr_assert(copy_is_exact(bytes), "%zu bytes", bytes);
}

Test(copy, large_sizes_are_exact)
{
	cr_assert(copy_is_exact(MAX - 1));
	cr_assert(copy_is_exact(MAX));
}

Test(copy, a_constant_size_is_exact)
{
	uint64_t from = 0x1122334455667788u, to = 0;

	slip_copy(&to, &from, sizeof(to));
	cr_assert_eq(to, from);
}
