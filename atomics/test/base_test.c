/* SPDX-License-Identifier: MIT */
/* atomics/base.h: the numbers of the shared format, and the conversions. */
#include "atomics/base.h"
#include "atomics/test/check.h"

struct apart {
	SLIP_ALIGNED(SLIP_APART_BYTES) char one;
	SLIP_ALIGNED(SLIP_APART_BYTES) char other;
};

Test(base, line_and_apart_are_fixed_numbers)
{
	cr_assert_eq(SLIP_LINE_BYTES, 64);
	cr_assert_eq(SLIP_APART_BYTES, 128);
}

Test(base, aligned_keeps_two_writers_apart)
{
	cr_assert_eq(offsetof(struct apart, other), SLIP_APART_BYTES);
	cr_assert_eq(sizeof(struct apart), 2 * SLIP_APART_BYTES);
}

Test(base, cast_converts_values_and_pointers)
{
	uint64_t word = 0x1122334455667788u;
	void *at = &word;

	cr_assert_eq(SLIP_CAST(uint32_t, word), 0x55667788u);
	cr_assert_eq(*SLIP_CAST(uint64_t *, at), word);
	cr_assert_eq(SLIP_RECAST(uintptr_t, at) % sizeof(word), 0);
}

Test(base, likely_and_unlikely_keep_the_truth)
{
	cr_assert_eq(SLIP_LIKELY(4), 1);
	cr_assert_eq(SLIP_LIKELY(0), 0);
	cr_assert_eq(SLIP_UNLIKELY(4), 1);
	cr_assert_eq(SLIP_UNLIKELY(0), 0);
}
