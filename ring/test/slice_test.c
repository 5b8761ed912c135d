/* SPDX-License-Identifier: MIT */
/* A sleeper who watches peers, is one of many, or may not say that it sleeps,
 * sleeps in slices: their ends are his own affair. */
#include "../../atomics/test/check.h"
#include "../role.h"

Test(slice, its_end_is_not_the_deadline)
{
	struct slip_event event = { { 0 }, { 0 } };
	static struct slip_region rg;
	struct slip_peer self;
	struct slip_side s;
	uint64_t soon;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	memset(&s, 0, sizeof(s));
	s.wait_on = &event;
	s.self = &self;
	cr_assert_eq(slip_side_doze_(&s, 0, SLIP_FOREVER), 0);
	soon = slip_after_ns(1000000);
	cr_assert_eq(slip_side_doze_(&s, 0, soon), -ETIMEDOUT);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

static bool never(void *handle, const struct slip_peer *asker)
{
	return handle && asker;
}

Test(slice, one_of_many_sleeps_so_without_peers)
{
	struct slip_event event = { { 0 }, { 0 } };
	struct slip_side s;
	uint64_t soon;

	memset(&s, 0, sizeof(s));
	s.wait_on = &event;
	s.gone = never;
	cr_assert_eq(slip_side_doze_(&s, 0, SLIP_FOREVER), 0);
	soon = slip_after_ns(1000000);
	cr_assert_eq(slip_side_doze_(&s, 0, soon), -ETIMEDOUT);
}

Test(slice, who_is_woken_has_the_rest_of_it)
{
	struct slip_event event = { { 0 }, { 0 } };
	uint64_t later = slip_after_ns(UINT64_C(1000000000000));
	struct slip_side s;

	memset(&s, 0, sizeof(s));
	s.wait_on = &event;
	s.gone = never;
	s.end_ns = later;
	cr_assert_eq(slip_side_doze_(&s, 1, SLIP_FOREVER), 0, "woken at once");
	cr_assert_eq(s.end_ns, later);
	cr_assert_not(s.waited);
}

Test(slice, who_may_not_store_sleeps_so_and_leaves_no_trace)
{
	struct slip_event event = { { 0 }, { 0 } };
	struct slip_side s;
	uint32_t key = 77;

	memset(&s, 0, sizeof(s));
	s.wait_on = &event;
	s.readonly = true;
	cr_assert_eq(slip_side_prepare_(&s, &key), 0);
	cr_assert_eq(key, 0);
	cr_assert_eq(slip_side_doze_(&s, key, SLIP_FOREVER), 0);
	cr_assert_eq(slip_a32_load_relaxed(&event.word), 0); /* stat */
	s.readonly = false;
	s.mode = SLIP_EVENT_FULL;
	cr_assert_eq(slip_side_prepare_(&s, &key), 0);
	cr_assert_eq(key, SLIP_EVENT_W_);
	cr_assert_eq(slip_a32_load_relaxed(&event.word),
		     SLIP_EVENT_W_); /* stat */
}

static bool given_back;

static bool asked(void *handle, const struct slip_peer *asker)
{
	given_back = handle && asker;
	return false;
}

static int there(void *handle)
{
	return handle && given_back;
}

Test(slice, what_asking_gave_back_is_seen_in_the_same_look)
{
	struct slip_peer self;
	struct slip_side s;

	memset(&s, 0, sizeof(s));
	s.gone = asked;
	cr_assert_eq(slip_side_gone_(&s, NULL, there, &s), 0);
	cr_assert_eq(slip_side_gone_(&s, &self, there, &s), 1);
}
