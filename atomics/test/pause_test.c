/* SPDX-License-Identifier: MIT */
/* atomics/pause.h: counts the pauses through SLIP_PAUSE_HOOK. */
#define SLIP_PAUSE_HOOK count_pause
#include "atomics/pause.h"
#include "atomics/test/check.h"

static unsigned pauses;

void count_pause(void)
{
	pauses++;
}

Test(pause, the_hook_replaces_the_instruction)
{
	slip_pause();
	cr_assert_eq(pauses, 1);
}

Test(pause, back_off_doubles_up_to_64)
{
	static const unsigned expected[] = { 1, 2, 4, 8, 16, 32, 64, 64, 64 };
	struct slip_backoff b = { 0 };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		pauses = 0;
		slip_backoff_pause(&b);
		cr_assert_eq(pauses, expected[i], "round %zu: %u", i, pauses);
	}
}
