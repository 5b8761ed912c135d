/* SPDX-License-Identifier: MIT */
/* futex/event.h: the budget of a spin at its exact bounds, by a clock that the
 * test sets. */
#define SLIP_NOW_HOOK event_spin_now
#include "atomics/test/check.h"
#include "futex/event.h"

static uint64_t fake_now = 1;

uint64_t event_spin_now(void)
{
	return fake_now;
}

/* A spin of 31 turns; the next one looks at the clock. */
static void spin_31(struct slip_spin *s)
{
	cr_assert(slip_spin_begin(s));
	for (int i = 0; i < 31; i++)
		cr_assert(slip_spin_turn(s));
}

Test(event_spin, ends_when_the_budget_is_used_up_to_the_last_ns)
{
	struct slip_spin s;

	slip_spin_init(&s);
	spin_31(&s);
	fake_now += SLIP_SPIN_FIRST_NS - 1;
	cr_assert(slip_spin_turn(&s), "one is left");
	slip_spin_init(&s);
	spin_31(&s);
	fake_now += SLIP_SPIN_FIRST_NS;
	cr_assert_not(slip_spin_turn(&s));
}

Test(event_spin, a_budget_that_was_just_right_shrinks)
{
	struct slip_spin s;

	slip_spin_init(&s);
	spin_31(&s);
	cr_assert(slip_spin_turn(&s));
	fake_now += SLIP_SPIN_FIRST_NS / 2;
	slip_spin_hit(&s);
	cr_assert_eq(s.budget_ns, SLIP_SPIN_FIRST_NS - SLIP_SPIN_FIRST_NS / 64);
}
