/* SPDX-License-Identifier: MIT */
/*
 * liburcu's part in a model: the functions that ring/rcu.h calls, with the same
 * contract, in place of the library. What was put off is done as early as that
 * allows: by whoever is the last to leave of those that were inside. So a use of
 * what may be gone meets it gone, or used again.
 *
 * Who is inside is noted unseen by the explorer, truly. What readers and
 * reclaimers owe each other is done for it to see, as liburcu does it: a reader's
 * compiler fences against membarrier, its leaving before the end of the grace period.
 */
#ifndef SLIP_STRESS_EXPLORE_URCU_MODEL_H
#define SLIP_STRESS_EXPLORE_URCU_MODEL_H

#define SLIP_URCU_LINKED 1

#include <string.h>
#include <urcu/urcu-bp.h>

#include "atomics/fence.h"
#include "explore.h"
#include "futex/event.h"

#define RCU_THREADS (X_THREADS + 1)
#define RCU_LATER   16
#define RCU_UNSEEN  __attribute__((noinline, no_sanitize("thread")))

typedef void rcu_reclaim_fn(struct rcu_head *head);

static struct {
	bool inside[RCU_THREADS];
	uint32_t left[RCU_THREADS]; /* how often */
	struct {
		struct rcu_head *head;
		rcu_reclaim_fn *reclaim;
		/* It waits until this thread has left for the nth time. */
		uint32_t until[RCU_THREADS];
	} later[RCU_LATER];
	uint32_t count;
	bool free_all; /* nobody is waited for: the end of a model */
} rcu;
static slip_a32 rcu_out[RCU_THREADS];

/* Over all executions. */
static uint64_t rcu_reclaimed;

static void rcu_setup(void)
{
	memset(&rcu, 0, sizeof(rcu));
	memset(rcu_out, 0, sizeof(rcu_out));
	rcu_reclaimed = 0;
	x_keep(&rcu, sizeof(rcu));
	x_keep(rcu_out, sizeof(rcu_out));
	x_name(rcu_out, sizeof(rcu_out), "rcu");
}

RCU_UNSEEN static void rcu_note_inside(unsigned t, bool inside)
{
	rcu.inside[t] = inside;
	rcu.left[t] += !inside;
}

RCU_UNSEEN static void rcu_note_later(struct rcu_head *head,
				      rcu_reclaim_fn *reclaim)
{
	uint32_t n = rcu.count++;

	if (n == RCU_LATER)
		x_fail(__FILE__, __LINE__, "too many put off");
	rcu.later[n].head = head;
	rcu.later[n].reclaim = reclaim;
	for (unsigned t = 0; t < RCU_THREADS; t++)
		rcu.later[n].until[t] = rcu.left[t] + rcu.inside[t];
}

RCU_UNSEEN static bool rcu_due(uint32_t n)
{
	for (unsigned t = 0; t < RCU_THREADS && !rcu.free_all; t++)
		if (rcu.left[t] < rcu.later[n].until[t])
			return false;
	return rcu.later[n].head;
}

/* Takes one whose time has come. */
RCU_UNSEEN static bool rcu_take_due(struct rcu_head **head,
				    rcu_reclaim_fn **reclaim)
{
	for (uint32_t n = 0; n < rcu.count; n++) {
		if (!rcu_due(n))
			continue;
		*head = rcu.later[n].head;
		*reclaim = rcu.later[n].reclaim;
		rcu.later[n].head = NULL;
		rcu_reclaimed++;
		return true;
	}
	return false;
}

static void rcu_heavy(void)
{
	X_ASSERT(!slip_fence_heavy(), "membarrier");
}

static void rcu_run_due(void)
{
	struct rcu_head *head;
	rcu_reclaim_fn *reclaim;

	while (rcu_take_due(&head, &reclaim)) {
		rcu_heavy();
		for (unsigned t = 0; t < RCU_THREADS; t++)
			(void)slip_a32_load_acquire(&rcu_out[t]);
		reclaim(head);
	}
}

void urcu_bp_read_lock(void)
{
	unsigned t = x_self();

	X_ASSERT(!rcu.inside[t], "nested");
	rcu_note_inside(t, true);
	slip_fence_light();
}

void urcu_bp_read_unlock(void)
{
	unsigned t = x_self();

	X_ASSERT(rcu.inside[t], "not inside");
	slip_a32_store_release(&rcu_out[t], rcu.left[t] + 1);
	slip_fence_light();
	rcu_note_inside(t, false);
	rcu_run_due();
}

void urcu_bp_call_rcu(struct rcu_head *head, rcu_reclaim_fn *reclaim)
{
	rcu_heavy();
	rcu_note_later(head, reclaim);
}

/* At the end of a model. */
void urcu_bp_barrier(void)
{
	rcu.free_all = true;
	rcu_run_due();
	rcu.free_all = false;
}

/* Clang's builds are told of ThreadSanitizer; this is none. */
void __tsan_acquire(void *at);
void __tsan_release(void *at);

void __tsan_acquire(void *at)
{
	(void)at;
}

void __tsan_release(void *at)
{
	(void)at;
}

#endif
