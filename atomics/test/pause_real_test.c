/* SPDX-License-Identifier: MIT */
/* atomics/pause.h without the hook: the instruction exists on this machine. */
#include "atomics/pause.h"
#include "atomics/test/check.h"

Test(pause, the_real_instruction_returns)
{
	struct slip_backoff b = { 0 };

	slip_pause();
	for (int i = 0; i < 8; i++)
		slip_backoff_pause(&b);
	cr_assert_eq(b.rounds, 6);
}
