/* SPDX-License-Identifier: MIT */
/* futex/sem_set.h: all or nothing, refusals, whom a change wakes. */
#define _GNU_SOURCE
#include "futex/test/sem_sleeper.h"

#include "futex/sem_set.h"

#define PAST 1 /* a deadline long gone */

static const struct slip_sem_change one_each = { { -1, -1, -1, -1 }, 0 };
static const struct slip_sem_change lock_2 = { { 0, 0, 1, 0 }, 1u << 2 };
static const struct slip_sem_change unlock_2 = { { 0, 0, -1, 0 }, 0 };

static struct slip_sem_set set_of(uint32_t a, uint32_t b, uint32_t c,
				  uint32_t d)
{
	uint32_t values[4] = { a, b, c, d };
	struct slip_sem_set set;

	cr_assert_eq(slip_sem_set_init(&set, values), 0);
	return set;
}

static void expect(const struct slip_sem_set *set, uint32_t a, uint32_t b,
		   uint32_t c, uint32_t d)
{
	uint32_t v[4];

	slip_sem_set_values(set, v);
	cr_assert(v[0] == a && v[1] == b && v[2] == c && v[3] == d,
		  "%u %u %u %u", v[0], v[1], v[2], v[3]);
}

static int add(struct slip_sem_set *set, int32_t a, int32_t b, int32_t c,
	       int32_t d)
{
	struct slip_sem_change change = { { a, b, c, d }, 0 };

	return slip_sem_set_change_try(set, &change);
}

Test(sem_set, init_sets_up_to_max)
{
	uint32_t values[4] = { 0, 1, SLIP_SEM_SET_MAX, 0 };
	struct slip_sem_set set;

	memset(&set, 0xa5, sizeof(set));
	cr_assert_eq(slip_sem_set_init(&set, values), 0);
	expect(&set, 0, 1, SLIP_SEM_SET_MAX, 0);
	values[3] = SLIP_SEM_SET_MAX + 1;
	cr_assert_eq(slip_sem_set_init(&set, values), -EOVERFLOW);
}

Test(sem_set, changes_all_or_nothing)
{
	struct slip_sem_set set = set_of(1, 1, 1, 0);

	cr_assert_eq(slip_sem_set_change_try(&set, &one_each), -EAGAIN);
	expect(&set, 1, 1, 1, 0);
	cr_assert_eq(add(&set, 0, 2, -1, 1), 0);
	expect(&set, 1, 3, 0, 1);
	cr_assert_eq(add(&set, -1, -3, 0, -1), 0);
	expect(&set, 0, 0, 0, 0);
}

Test(sem_set, each_counter_reaches_max_and_not_beyond)
{
	for (unsigned i = 0; i < 4; i++) {
		struct slip_sem_set set = set_of(7, 7, 7, 7);
		struct slip_sem_change up = { { 0, 0, 0, 0 }, 0 };
		uint32_t values[4];

		up.add[i] = SLIP_SEM_SET_MAX;
		cr_assert_eq(slip_sem_set_change_try(&set, &up), -EOVERFLOW);
		up.add[i] = SLIP_SEM_SET_MAX - 7;
		cr_assert_eq(slip_sem_set_change_try(&set, &up), 0);
		up.add[i] = 1;
		cr_assert_eq(slip_sem_set_change_try(&set, &up), -EOVERFLOW);
		slip_sem_set_values(&set, values);
		for (unsigned k = 0; k < 4; k++)
			cr_assert_eq(values[k], k == i ? SLIP_SEM_SET_MAX : 7);
		up.add[i] = -SLIP_SEM_SET_MAX;
		cr_assert_eq(slip_sem_set_change_try(&set, &up), 0);
		up.add[i] = -1;
		cr_assert_eq(slip_sem_set_change_try(&set, &up), -EAGAIN);
	}
}

Test(sem_set, what_is_no_change_is_refused)
{
	struct slip_sem_set set = set_of(7, 7, 7, 7);
	struct slip_sem_change no_such = { { 0, 0, 0, 0 }, 1u << 4 };

	cr_assert_eq(add(&set, SLIP_SEM_SET_MAX + 1, 0, 0, 0), -EINVAL);
	cr_assert_eq(add(&set, 0, 0, 0, -SLIP_SEM_SET_MAX - 1), -EINVAL);
	cr_assert_eq(add(&set, 0, INT32_MIN, 0, 0), -EINVAL);
	cr_assert_eq(slip_sem_set_change_try(&set, &no_such), -EINVAL);
	cr_assert_eq(slip_sem_set_change(&set, &no_such), -EINVAL);
	expect(&set, 7, 7, 7, 7);
}

Test(sem_set, who_must_wait_waits_whatever_else_is_wrong)
{
	struct slip_sem_set set = set_of(SLIP_SEM_SET_MAX, 0, 0, 0);

	cr_assert_eq(add(&set, 1, -1, 0, 0), -EAGAIN);
	cr_assert_eq(add(&set, 1, 1, 0, 0), -EOVERFLOW);
	expect(&set, SLIP_SEM_SET_MAX, 0, 0, 0);
}

Test(sem_set, zero_is_asked_of_the_values_before)
{
	struct slip_sem_set set = set_of(3, 0, 0, 0);

	cr_assert_eq(slip_sem_set_change_try(&set, &lock_2), 0);
	expect(&set, 3, 0, 1, 0);
	cr_assert_eq(slip_sem_set_change_try(&set, &lock_2), -EAGAIN);
	cr_assert_eq(slip_sem_set_change_try(&set, &unlock_2), 0);
	cr_assert_eq(slip_sem_set_change_try(&set, &lock_2), 0);
}

Test(sem_set, bits_that_should_be_0_are_ignored)
{
	struct slip_sem_set set = set_of(1, 1, 1, 1);

	/* init */
	slip_a64_store_relaxed(&set.word, UINT64_C(0x8001800180018001));
	cr_assert_eq(slip_sem_set_change_try(&set, &one_each), 0);
	expect(&set, 0, 0, 0, 0);
}

Test(sem_set, a_deadline_is_kept_and_one_in_the_past_tries_once)
{
	struct slip_sem_set set = set_of(1, 1, 1, 1);
	uint64_t soon = slip_after_ns(20 * MS);

	slices = true;
	cr_assert_eq(slip_sem_set_change_until(&set, &one_each, PAST), 0);
	cr_assert_eq(slip_sem_set_change_until(&set, &one_each, PAST),
		     -ETIMEDOUT);
	cr_assert_eq(KERNEL(slip_sem_set_change_until(&set, &one_each, soon)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), soon);
}

Test(sem_set, who_only_takes_and_leaves_some_wakes_nobody)
{
	struct slip_sem_set set = set_of(2, 2, 2, 2);
	uint32_t key;

	cr_assert_eq(slip_event_prepare(&set.event, SLIP_EVENT_RMW, &key), 0);
	cr_assert_eq(add(&set, -1, 0, 0, 0), 0);
	cr_assert_eq(slip_a32_load_relaxed(&wakeups), 0); /* stat */
	cr_assert_eq(slip_sem_set_change_try(&set, &one_each), 0);
	cr_assert_eq(slip_a32_load_relaxed(&wakeups), 1, "to zero"); /* stat */
}

static int take_one_each(void *arg)
{
	return slip_sem_set_change((struct slip_sem_set *)arg, &one_each);
}

static int take_lock_2(void *arg)
{
	return slip_sem_set_change((struct slip_sem_set *)arg, &lock_2);
}

Test(sem_set, sleepers_are_woken_by_more_and_by_zero)
{
	static struct slip_sem_set set;
	struct dozer each = { .body = take_one_each, .arg = &set };
	struct dozer lock = { .body = take_lock_2, .arg = &set };

	set = set_of(0, 1, 1, 1);
	doze(&lock);
	doze(&each);
	cr_assert_eq(KERNEL(add(&set, 1, 0, 0, 0)), 0);
	cr_assert_eq(dozer_join(&each), 0);
	cr_assert_eq(dozer_join(&lock), 0);
	expect(&set, 0, 0, 1, 0);
}

Test(sem_set, an_overflow_is_told_to_one_that_has_waited)
{
	static struct slip_sem_set set;
	struct dozer d = { .body = take_lock_2, .arg = &set };

	/* Zero, and full: it can be only where the counter is not asked. */
	static const struct slip_sem_change full = { { -1, 1, 0, 0 }, 0 };

	set = set_of(0, SLIP_SEM_SET_MAX, 1, 0);
	doze(&d);
	cr_assert_eq(slip_sem_set_change_until(&set, &full, PAST), -ETIMEDOUT);
	cr_assert_eq(add(&set, 1, 0, -1, 0), 0);
	cr_assert_eq(dozer_join(&d), 0);
	cr_assert_eq(slip_sem_set_change(&set, &full), -EOVERFLOW);
}

Test(sem_set, processes_share_it)
{
	struct slip_sem_set *set = (struct slip_sem_set *)(void *)shared_page();
	pid_t a = doze_apart(take_one_each, set);
	pid_t b = doze_apart(take_one_each, set);

	cr_assert_eq(add(set, 2, 2, 2, 2), 0);
	cr_assert_eq(sleeper_wait(a), 0);
	cr_assert_eq(sleeper_wait(b), 0);
	expect(set, 0, 0, 0, 0);
}

Test(sem_set, a_killed_sleeper_is_not_served)
{
	struct slip_sem_set *set = (struct slip_sem_set *)(void *)shared_page();
	pid_t a = doze_apart(take_one_each, set);
	pid_t b = doze_apart(take_one_each, set);

	sleeper_kill(a);
	cr_assert_eq(add(set, 1, 1, 1, 1), 0);
	cr_assert_eq(sleeper_wait(b), 0);
	expect(set, 0, 0, 0, 0);
}

Test(sem_set, what_the_kernel_refuses_is_told)
{
	struct slip_sem_set set = set_of(0, 0, 0, 0);

	refuse_sleep = -EFAULT;
	cr_assert_eq(slip_sem_set_change(&set, &one_each), -EFAULT);
}

#define MEALS 10000

struct meal {
	struct slip_sem_set *forks;
	unsigned seat;
};

static int dine(void *arg)
{
	const struct meal *m = (const struct meal *)arg;
	struct slip_sem_change take = { { 0, 0, 0, 0 }, 0 };
	struct slip_sem_change give = { { 0, 0, 0, 0 }, 0 };

	take.add[m->seat] = take.add[(m->seat + 1) % 4] = -1;
	give.add[m->seat] = give.add[(m->seat + 1) % 4] = 1;
	for (int i = 0; i < MEALS; i++)
		if (slip_sem_set_change(m->forks, &take) ||
		    slip_sem_set_change(m->forks, &give))
			return 1;
	return 0;
}

/* Both forks at once, so nobody starves with one in hand. */
Test(sem_set, four_philosophers_dine)
{
	static struct slip_sem_set forks;
	struct meal m[4];
	struct dozer d[4];

	forks = set_of(1, 1, 1, 1);
	for (unsigned i = 0; i < 4; i++) {
		m[i] = (struct meal){ &forks, i };
		d[i] = (struct dozer){ .body = dine, .arg = &m[i] };
		doze_soon(&d[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(dozer_join(&d[i]), 0);
	expect(&forks, 1, 1, 1, 1);
}

/* Whether it has waited or not. */
Test(sem_set, an_overflow_ends_a_wait)
{
	const uint32_t values[SLIP_SEM_SET_COUNTERS] = { SLIP_SEM_SET_MAX };
	const struct slip_sem_change one_more = { { 1 }, 0 };
	struct slip_sem_set_want_ want;
	struct slip_sem_set set;

	cr_assert_eq(slip_sem_set_init(&set, values), 0);
	want.set = &set;
	want.change = &one_more;
	cr_assert_eq(slip_sem_set_ready_(&want, false), -EOVERFLOW);
}
