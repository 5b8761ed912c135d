/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/litmus.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>

#include "futex/event.h"
#include "futex/region.h"
#include "futex/region_tools.h"
#include "stress/harness.h"
#include "tools/slipring/common.h"

#define PATIENCE_NS UINT64_C(5000000000)
#define CONTROL_NS  UINT64_C(80000000)
#define FENCED_NS   UINT64_C(250000000)
#define OVER	    UINT32_MAX
#define KIND	    0x5357u

enum fence { NO_FENCE, ASYMMETRIC, FULL };

/* Each word in a line of its own. */
struct word {
	slip_a32 word;
	unsigned char pad[SLIP_APART_BYTES - 4];
};

struct board {
	struct word go;	    /* the round that has begun, or OVER */
	struct word done;   /* the round that the fast side has ended */
	struct word missed; /* what it saw there */
	struct word x;	    /* the fast side's store */
	struct word y;	    /* the slow side's */
	enum fence fence;
};

/* hint: what it guards is published with it, or may be racy */
static uint32_t await(const slip_a32 *word, uint32_t round)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	uint32_t turns = 0;
	uint32_t now;

	while ((now = slip_a32_load_acquire(word)) != round && now != OVER) {
		slip_pause();
		if (++turns % 1024 == 0 && sched_yield() == 0 &&
		    slip_now_ns() > deadline)
			return OVER;
	}
	return now;
}

/* The producer's side: its fence may be for free. */
static int fast_side(void *arg)
{
	struct board *b = arg;
	uint64_t random = 1;

	for (uint32_t round = 1; await(&b->go.word, round) == round; round++) {
		for (uint64_t i = stress_pick(&random, 16); i; i--)
			slip_pause();
		slip_a32_store_relaxed(&b->x.word, round);
		if (b->fence == FULL)
			slip_fence_full();
		else
			slip_fence_light();
		/* own, both: read by the slow side when done says so */
		slip_a32_store_relaxed(&b->missed.word,
				       slip_a32_load_relaxed(&b->y.word) !=
					       round);
		slip_a32_store_release(&b->done.word, round);
	}
	return 0;
}

/* One round of the other side; 1: both missed, 0: not so, or -errno. */
static int slow_round(struct board *b, uint32_t round, uint64_t *random)
{
	uint32_t seen;
	int rc = 0;

	slip_a32_store_release(&b->go.word, round);
	for (uint64_t i = stress_pick(random, 16); i; i--)
		slip_pause();
	slip_a32_store_relaxed(&b->y.word, round);
	if (b->fence == ASYMMETRIC)
		rc = slip_fence_heavy();
	else if (b->fence == FULL)
		slip_fence_full();
	else
		slip_fence_light();
	seen = slip_a32_load_relaxed(&b->x.word);
	if (await(&b->done.word, round) != round)
		return -ETIMEDOUT;
	if (rc)
		return rc;
	return seen != round && slip_a32_load_relaxed(&b->missed.word);
}

/* How many of `rounds` were out of order, or -errno. */
static int play(enum fence fence, uint64_t ns, uint32_t *rounds)
{
	struct board *b = stress_shared(sizeof(*b));
	uint64_t until = slip_after_ns(ns);
	uint64_t random = 2;
	int both = 0;
	int rc = 0;
	pid_t fast;

	b->fence = fence;
	fast = stress_spawn(fast_side, b);
	for (*rounds = 0; rc >= 0 && slip_now_ns() < until; ++*rounds) {
		rc = slow_round(b, *rounds + 1, &random);
		both += rc > 0;
	}
	slip_a32_store_release(&b->go.word, OVER);
	stress_kill(fast);
	return rc < 0 ? rc : both;
}

void check_order(struct findings *r)
{
	int mode = slip_event_choose(SLIP_EVENT_AUTO);
	bool asymmetric = mode == SLIP_EVENT_ASYM;
	struct stress_cpus cpus;
	uint32_t rounds, control;
	int both, without;

	add(r, "event mode", FACT, NULL, "%s",
	    asymmetric ? "membarrier: publishing costs no fence"
		       : "full fences: membarrier is refused here");
	stress_allowed_cpus(&cpus);
	if (cpus.count == 1) {
		add(r, "order", FACT, NULL, "one processor: always kept");
		return;
	}
	without = play(NO_FENCE, CONTROL_NS, &control);
	both = play(asymmetric ? ASYMMETRIC : FULL, FENCED_NS, &rounds);
	if (both == 0)
		add(r, "order", GOOD, NULL,
		    "kept in %u rounds (without the fence lost in %d of %u)",
		    rounds, without, control);
	else
		add(r, "order", MUST, "wake-ups are lost",
		    both < 0 ? "%s" : "%s: lost in %d of %u rounds",
		    both < 0 ? cause(both) : "in spite of the fence", both,
		    rounds);
}

/* --- futexes -------------------------------------------------------------- */

/* The child: maps the region for itself, and sleeps on its word. */
static int sleep_until_woken(void *arg)
{
	const struct slip_region *parents = arg;
	struct slip_region rg;
	slip_a32 *word;
	int rc = slip_region_adopt(&rg, slip_region_fd(parents), 0);

	if (rc)
		return 1;
	word = slip_region_find(&rg, "word", KIND, NULL);
	return !word || slip_futex_wait(word, 0, slip_after_ns(PATIENCE_NS),
					SLIP_SHARED);
}

/* Wakes who sleeps there. 0 or -errno. */
static int wake_remotely(struct slip_region *rg, slip_a32 *word)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	pid_t sleeper = stress_spawn(sleep_until_woken, rg);
	int rc = 0;

	while (rc == 0 && slip_now_ns() < deadline) {
		rc = slip_futex_wake(word, 1, SLIP_SHARED);
		(void)sched_yield();
	}
	stress_kill(sleeper);
	return rc == 1 ? 0 : rc < 0 ? rc : -ETIMEDOUT;
}

void check_remote_wake(struct findings *r, unsigned back_end)
{
	struct slip_region rg;
	slip_a32 *word = NULL;
	int rc = slip_region_create(&rg, 64, back_end);

	if (!rc)
		word = slip_region_add(&rg, "word", KIND, 64);
	if (!rc)
		rc = slip_region_publish(&rg, NULL, 0600);
	if (!rc)
		rc = word ? wake_remotely(&rg, word) : -ENOSPC;
	if (rc)
		add(r, "remote wake-up", MUST,
		    "whoever sleeps in one process is not woken by another",
		    "%s", cause(rc));
	else
		add(r, "remote wake-up", GOOD, NULL,
		    "from one mapping to another");
	slip_region_close(&rg);
}
