/* SPDX-License-Identifier: MIT */
/* What a successor makes of control words that no producer wrote. */
#include "../../atomics/test/check.h"
#include "../spsc.h"

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[8192];

/* The first block of 7 elements says that it holds `count`. */
static int attach_to_a_count_of(uint64_t count)
{
	struct slip_spsc_producer p;
	void *control = memory + 384 + 56;
	int rc;

	cr_assert_eq(slip_spsc_init(memory, sizeof(memory), 128, 8, 0), 0);
	/* init */
	slip_a64_store_relaxed(control, UINT64_C(1) << 6 | count);
	rc = slip_spsc_attach_producer(&p, memory, sizeof(memory), NULL);
	if (!rc)
		slip_spsc_detach_producer(&p);
	return rc;
}

Test(spsc_damage, a_block_holds_no_more_than_fit)
{
	cr_assert_eq(attach_to_a_count_of(6), 0);
	cr_assert_eq(attach_to_a_count_of(7), 0);
	cr_assert_eq(attach_to_a_count_of(8), -EBADMSG);
	cr_assert_eq(attach_to_a_count_of(63), -EBADMSG);
}
