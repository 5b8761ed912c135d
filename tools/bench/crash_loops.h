/* SPDX-License-Identifier: MIT */
/*
 * The loops of the suite "crash", compiled once for each link: `own` is the
 * link's handle, and the functions are constants to the compiler.
 */
#ifndef SLIP_TOOLS_BENCH_CRASH_LOOPS_H
#define SLIP_TOOLS_BENCH_CRASH_LOOPS_H

#include "tools/bench/crash.h"

#define CRASH_BATCH 512u

/* 0; -ETIMEDOUT: not yet; -EPIPE: the consumer has died. */
typedef int crash_push_fn(void *own, uint64_t value);
/* After -EPIPE: waits for a successor. 0 or -ETIMEDOUT. */
typedef int crash_again_fn(void *own);
/* How many came, up to CRASH_BATCH; -ETIMEDOUT: none. */
typedef int crash_pop_fn(void *own, uint64_t *values);

/* The producer has been told of the death: so may the successor be. */
SLIP_COLD int crash_recover(struct crash_board *b, void *own,
			    crash_again_fn *again)
{
	int rc;

	crash_stamp(&b->told_ns);
	crash_tell(&b->go);
	do {
		rc = again(own);
	} while (rc == -ETIMEDOUT);
	return rc;
}

/* Returns only what it failed with. */
SLIP_CORE int crash_produce(struct crash_board *b, void *own,
			    crash_push_fn *push, crash_again_fn *again)
{
	uint64_t value = 1;
	bool told = false;

	for (;;) {
		int rc = push(own, value);

		if (rc == -EPIPE) {
			rc = crash_recover(b, own, again);
			told = true;
		} else if (rc == 0) {
			value++;
			if (told)
				crash_stamp(&b->pushed_ns);
			told = false;
		}
		if (rc && rc != -ETIMEDOUT)
			return rc;
	}
}

/* A consumer's memory of what it had. */
struct crash_tally {
	uint64_t last;
	uint32_t fresh; /* not yet on the board */
	uint32_t may_lose;
	bool successor;
};

/* Do the numbers go on as they should? */
SLIP_CORE bool crash_follows(struct crash_tally *t, const uint64_t *values,
			     uint32_t n)
{
	uint64_t lost = values[0] - t->last - 1;
	bool good = lost <= t->may_lose;

	for (uint32_t i = 1; i < n; i++)
		good &= values[i] == values[i - 1] + 1;
	t->last = values[n - 1];
	t->may_lose = 0;
	return good;
}

SLIP_COLD void crash_post(struct crash_board *b, struct crash_tally *t)
{
	uint64_t bucket =
		(slip_now_ns() - slip_a64_load_relaxed(&b->began_ns)) /
		CRASH_BUCKET_NS;

	/* stat: read when all is over */
	if (bucket < CRASH_BUCKETS)
		(void)slip_a32_fetch_add_relaxed(&b->count[bucket], t->fresh);
	t->fresh = 0;
	if (t->successor || slip_a64_load_acquire(&b->continued_ns))
		crash_stamp(&b->first_ns);
}

/* Returns only what it failed with. `may_lose`: what a predecessor may have
 * taken and not told the board. */
SLIP_CORE int crash_consume(struct crash_board *b, void *own, crash_pop_fn *pop,
			    bool successor, uint32_t may_lose)
{
	struct crash_tally t = { slip_a64_load_acquire(&b->last), 0, may_lose,
				 successor };
	bool any = false;

	for (;;) {
		uint64_t values[CRASH_BATCH];
		int n = pop(own, values);

		if (n < 0 && n != -ETIMEDOUT)
			return n;
		if (n <= 0)
			continue;
		if (!crash_follows(&t, values, (uint32_t)n))
			return -EBADMSG;
		slip_a64_store_release(&b->last, t.last);
		t.fresh += (uint32_t)n;
		if (t.fresh >= 64 || !any)
			crash_post(b, &t);
		any = true;
	}
}

#endif
