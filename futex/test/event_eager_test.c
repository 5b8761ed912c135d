/* SPDX-License-Identifier: MIT */
/*
 * futex/event.h, mode ASYM: which sleeper pays for a barrier, what it leaves
 * behind, and when that goes. The barrier is the test's own: it counts, and does
 * in the middle what another thread might.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK event_eager_sys
#include "../waitset.h"

#include "../../atomics/test/check.h"

static int barriers, wakes;
static long refuse_with;
static void (*meanwhile)(void);
static struct slip_event ev, other;

long event_eager_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_futex)
		wakes++;
	if (nr != SYS_membarrier)
		return slip_sys_raw_(nr, a, b, c, d, e, f);
	barriers++;
	if (meanwhile)
		meanwhile();
	return refuse_with;
}

static uint32_t value(const struct slip_event *e)
{
	return slip_a32_load_relaxed(&e->word);
}

/* Announces a sleeper; the key is all that it has seen. */
static uint32_t prepare(unsigned mode)
{
	uint32_t key;

	cr_assert_eq(slip_event_prepare(&ev, mode, &key), 0, "prepare");
	return key;
}

static void commits(uint32_t n)
{
	while (n--)
		slip_event_notify(&ev, SLIP_EVENT_ASYM);
}

#define W   SLIP_EVENT_W_
#define E   SLIP_EVENT_EAGER_
#define ONE SLIP_EVENT_ONE_

Test(event_eager, one_barrier_serves_the_next_sleepers_too)
{
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), W | E, "the key");
	cr_assert_eq(value(&ev), W | E, "the word");
	cr_assert_eq(barriers, 1, "paid");
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), W | E, "another's key");
	commits(1);
	cr_assert_eq(value(&ev), ONE | E, "told, and still eager");
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), ONE | W | E, "a later one's");
	cr_assert_eq(barriers, 1, "paid once");
	slip_event_notify_one(&ev, SLIP_EVENT_ASYM);
	cr_assert_eq(value(&ev), 2 * ONE | E, "told, and still eager");
}

Test(event_eager, commits_that_find_nobody_asleep_end_it)
{
	(void)prepare(SLIP_EVENT_ASYM);
	commits(1);
	wakes = 0;
	commits(SLIP_EVENT_CALM_ - 1);
	cr_assert_eq(value(&ev), ONE | E, "not yet");
	commits(1);
	cr_assert_eq(value(&ev), ONE, "now");
	commits(10);
	cr_assert_eq(value(&ev), ONE, "as any other");
	cr_assert_eq(wakes, 0, "nobody is told");
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), ONE | W | E, "and again");
	cr_assert_eq(barriers, 2, "for another barrier");
	commits(1);
	commits(SLIP_EVENT_CALM_ - 1);
	cr_assert_eq(value(&ev), 2 * ONE | E, "which counts anew");
	commits(1);
	cr_assert_eq(value(&ev), 2 * ONE, "to its end");
}

Test(event_eager, who_sleeps_meanwhile_is_not_counted)
{
	(void)prepare(SLIP_EVENT_ASYM);
	for (uint32_t i = 0; i < 2 * SLIP_EVENT_CALM_; i++) {
		commits(1);
		(void)prepare(SLIP_EVENT_ASYM);
	}
	cr_assert_eq(barriers, 1, "it stays as long as somebody sleeps");
}

static void commit(void)
{
	commits(1);
}

Test(event_eager, a_commit_during_the_barrier_is_not_taken_back)
{
	uint32_t key;

	meanwhile = commit;
	key = prepare(SLIP_EVENT_ASYM);
	cr_assert_eq(key, W, "of before");
	cr_assert_eq(value(&ev), ONE, "the word has gone on");
	cr_assert_eq(slip_event_sleep(&ev, key, SLIP_FOREVER), 0, "awake");
	meanwhile = NULL;
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), ONE | W | E, "the next does");
}

Test(event_eager, no_barrier_no_promise)
{
	uint32_t key;

	refuse_with = -EPERM;
	cr_assert_eq(slip_event_prepare(&ev, SLIP_EVENT_ASYM, &key), -EPERM);
	cr_assert_eq(value(&ev), W, "W alone");
	cr_assert_eq(prepare(SLIP_EVENT_FULL), W, "nor in another mode");
	cr_assert_eq(prepare(SLIP_EVENT_RMW), W, "nor in the third");
	cr_assert_eq(barriers, 1, "tried once");
}

Test(event_eager, the_epoch_wraps_and_leaves_e)
{
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&ev.word, UINT32_MAX);
	commits(1);
	cr_assert_eq(value(&ev), E, "around, without W");
	cr_assert_eq(prepare(SLIP_EVENT_ASYM), W | E, "the key");
	cr_assert_eq(barriers, 0, "E as any other");
}

Test(event_eager, any_count_comes_to_an_end)
{
	static const struct {
		uint32_t count, more;
	} spoilt[] = {
		{ SLIP_EVENT_CALM_, 0 },
		{ UINT32_MAX - 1, 0 },
		{ UINT32_MAX, SLIP_EVENT_CALM_ },
	};

	for (int i = 0; i < 3; i++) {
		/* init: E, and a count that nobody made */
		slip_a32_store_relaxed(&ev.word, E);
		slip_a32_store_relaxed(&ev.calm, spoilt[i].count);
		commits(spoilt[i].more);
		cr_assert_eq(value(&ev), E, "%d: not yet", i);
		commits(1);
		cr_assert_eq(value(&ev), 0, "%d: now", i);
	}
}

static struct slip_source sources[3];
static struct slip_waitset set;

static int never(const struct slip_source *s, bool ask)
{
	(void)s;
	(void)ask;
	return 0;
}

/* Both events, and a third in the other mode. */
static void watch(struct slip_event *third, unsigned mode)
{
	slip_event_source(&sources[0], &ev, SLIP_EVENT_ASYM, SLIP_FOREVER,
			  never, NULL);
	slip_event_source(&sources[1], &other, SLIP_EVENT_ASYM, SLIP_FOREVER,
			  never, NULL);
	slip_event_source(&sources[2], third, mode, SLIP_FOREVER, never, NULL);
	cr_assert_eq(slip_waitset_init(&set, sources, 3), 0, "set");
}

Test(event_eager, one_barrier_serves_a_whole_set)
{
	static struct slip_event third;

	watch(&third, SLIP_EVENT_FULL);
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(barriers, 1, "for two");
	cr_assert_eq(value(&ev), W | E);
	cr_assert_eq(value(&other), W | E);
	cr_assert_eq(value(&third), W, "needs none");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sources[i].expected,
			     slip_a32_load_relaxed(sources[i].word), "key");
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(barriers, 1, "and for the next time");
	commits(1);
	commits(SLIP_EVENT_CALM_);
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(barriers, 2, "for the one that needs it");
	cr_assert_eq(value(&ev), ONE | W | E);
	refuse_with = -EPERM;
	commits(1);
	commits(SLIP_EVENT_CALM_);
	cr_assert_eq(slip_waitset_prepare_(&set), -EPERM);
	cr_assert_eq(value(&ev), 2 * ONE | W, "nothing is left behind");
}

Test(event_eager, a_fence_serves_those_that_need_no_barrier)
{
	static struct slip_event third;

	watch(&third, SLIP_EVENT_RMW);
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(barriers, 1);
	cr_assert_eq(value(&third), W);
}

Test(event_eager, a_set_leaves_e_at_its_own_events_only)
{
	static struct slip_event third;

	watch(&third, SLIP_EVENT_ASYM);
	set.n = 2;
	/* init: as if somebody were about to sleep there, without a barrier */
	slip_a32_store_relaxed(&third.word, W);
	sources[2].expected = W;
	cr_assert_eq(slip_waitset_prepare_(&set), 0);
	cr_assert_eq(value(&other), W | E);
	cr_assert_eq(value(&third), W);
}
