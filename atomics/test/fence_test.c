/* SPDX-License-Identifier: MIT */
/*
 * atomics/fence.h: the store-buffering litmus. Two threads each store to their
 * own word and then read the other's; with store-load order on both sides they
 * never both miss. A run proves nothing; it catches a fence that has become
 * nothing (with slip_fence_light() instead, 7 to 108 of the 50000 rounds failed
 * on a two-core x86-64 guest). tools/check/fences looks at the instructions.
 */
#include <pthread.h>
#include <sched.h>

#include "atomics/fence.h"
#include "atomics/test/check.h"
#include "atomics/word.h"

#define ROUNDS	   50000
#define SLOW_LINES 4

struct side {
	SLIP_ALIGNED(SLIP_APART_BYTES) slip_a32 stored;
	SLIP_ALIGNED(SLIP_APART_BYTES) slip_a32 arrived;
	SLIP_ALIGNED(SLIP_APART_BYTES) slip_a32 done;
	uint32_t
		seen; /* what this side read of the other; done hands it over */
};

struct litmus {
	struct side side[2];
	/* Written by both before the store: it then waits in the buffer. */
	struct {
		SLIP_ALIGNED(SLIP_APART_BYTES) slip_a32 word;
	} slow[SLOW_LINES];
	void (*store_in_order)(slip_a32 *word, uint32_t value);
};

static void wait_for(slip_a32 *word, uint32_t round)
{
	for (int spins = 0; slip_a32_load_acquire(word) < round; spins++)
		if (spins > 2000)
			sched_yield();
}

/* Returns in how many rounds neither side saw the other; counted by side 0. */
static uint32_t run_side(struct litmus *l, int me)
{
	struct side *mine = &l->side[me], *other = &l->side[!me];
	uint32_t both_missed = 0;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		slip_a32_store_release(&mine->arrived, round);
		wait_for(&other->arrived, round);
		for (int i = 0; i < SLOW_LINES; i++)
			slip_a32_store_relaxed(&l->slow[i].word, round);
		l->store_in_order(&mine->stored, round);
		mine->seen = slip_a32_load_relaxed(&other->stored);
		slip_a32_store_release(&mine->done, round);
		wait_for(&other->done, round);
		if (me == 0 && mine->seen < round && other->seen < round)
			both_missed++;
	}
	return both_missed;
}

static void *run_other_side(void *arg)
{
	(void)run_side((struct litmus *)arg, 1);
	return NULL;
}

static uint32_t both_missed(void (*store_in_order)(slip_a32 *, uint32_t))
{
	static struct litmus l;
	pthread_t other;
	uint32_t missed;

	l.store_in_order = store_in_order;
	cr_assert_eq(pthread_create(&other, NULL, run_other_side, &l), 0);
	missed = run_side(&l, 0);
	cr_assert_eq(pthread_join(other, NULL), 0);
	return missed;
}

static void store_then_full(slip_a32 *word, uint32_t value)
{
	slip_a32_store_relaxed(word, value);
	slip_fence_full();
}

static void rmw_then_after_rmw(slip_a32 *word, uint32_t value)
{
	(void)slip_a32_exchange_seqcst(word, value);
	slip_fence_after_rmw();
}

Test(fence, full_orders_a_store_before_a_load)
{
	cr_assert_eq(both_missed(store_then_full), 0);
}

Test(fence, after_rmw_orders_the_rmw_before_a_load)
{
	cr_assert_eq(both_missed(rmw_then_after_rmw), 0);
}
