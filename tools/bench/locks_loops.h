/* SPDX-License-Identifier: MIT */
/* What every lock of the suite `locks` goes through. */
#ifndef SLIP_TOOLS_BENCH_LOCKS_LOOPS_H
#define SLIP_TOOLS_BENCH_LOCKS_LOOPS_H

#include <pthread.h>
#include <semaphore.h>

#if __has_include(<ck_spinlock.h>)
#include <ck_spinlock.h>
#define HAVE_CK 1
#else
#define HAVE_CK 0
#endif

#include "atomics/word.h"
#include "futex/mutex.h"
#include "futex/pi_mutex.h"
#include "futex/robust_mutex.h"
#include "tools/bench/turns.h"

#define OUTSIDE_NS 120u

/* In the memory of both. */
struct stand {
	union {
		struct slip_mutex ours;
		struct slip_robust_mutex_shared ours_robust;
		struct slip_pi_mutex_shared ours_pi;
		pthread_mutex_t mutex;
		pthread_spinlock_t spin;
		pthread_rwlock_t rw;
		sem_t sem;
		slip_a32 word;
		SLIP_ALIGNED(64) char semaphore[256]; /* locks_sem.c */
#if HAVE_CK
		ck_spinlock_fas_t fas;
		ck_spinlock_ticket_t ticket;
		ck_spinlock_mcs_t mcs;
#endif
	};
	SLIP_ALIGNED(128) uint64_t visits;  /* plain: the lock protects it */
	SLIP_ALIGNED(128) uint32_t outside; /* turns of work; constant */
#if HAVE_CK
	struct {
		SLIP_ALIGNED(128) ck_spinlock_mcs_context_t node;
	} mine[4];
#endif
};

/* Add the cases of semaphores, locks_sem.c; of reader-writer locks, locks_rw.c;
 * of processes that wait for each other, locks_meet.c. */
void bench_locks_sem(struct bench *b);
void bench_locks_rw(struct bench *b);
void bench_locks_meet(struct bench *b);

/* `ours` is to be so many times as good as `against`, in a case of this suite;
 * `limit`: what may be in the way, or NULL. */
static inline void lock_target(struct bench *b, const char *name,
			       const char *ours, const char *against,
			       double at_least, const char *limit)
{
	struct bench_target t = { .suite = "locks",
				  .name = name,
				  .ours = ours,
				  .against = against,
				  .at_least = at_least,
				  .limit = limit };

	t.line = bench_text(b, "%s: at least %.3g times as good as %s", ours,
			    at_least, against);
	bench_target(b, &t);
}

/* --- work ------------------------------------------------------------------ */

/*
 * Turns that each need the result of the last, and the first that of the visit,
 * so that no processor runs ahead of the lock. Out of line, so that the work is
 * the same code for all.
 */
static __attribute__((noinline, unused)) void work(uint32_t turns,
						   uint64_t seed)
{
	for (uint32_t i = 0; i < turns; i++) {
		seed = seed * 5 + 1;
		__asm__ volatile("" : "+r"(seed));
	}
}

/* So many take OUTSIDE_NS, undisturbed. */
static inline uint32_t work_turns(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 200; i++) {
		uint64_t from = bench_now_ns();
		uint64_t took;

		for (unsigned j = 0; j < 100; j++)
			work(100, j);
		took = bench_now_ns() - from;
		least = took < least ? took : least;
	}
	return (uint32_t)(100 * 100 * OUTSIDE_NS / (least ? least : 1));
}

/* --- the loops ------------------------------------------------------------- */

typedef void act(struct stand *s, unsigned self);

/* Returns what it counted to. */
SLIP_CORE uint64_t visit(struct stand *s, unsigned self, act *lock, act *unlock)
{
	uint64_t count;

	lock(s, self);
	count = ++s->visits;
	unlock(s, self);
	return count;
}

/* Some visits with work between; the number of them. */
SLIP_CORE uint64_t visits(struct stand *s, unsigned self, act *lock,
			  act *unlock)
{
	uint32_t outside = s->outside;

	for (unsigned i = 0; i < TURNS; i++) {
		work(outside, visit(s, self, lock, unlock));
	}
	return TURNS;
}

SLIP_CORE void contend(struct bench_team *t, unsigned self, act *lock,
		       act *unlock)
{
	struct stand *s = (struct stand *)t->mem;
	uint64_t warm = 0;
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		warm += visits(s, self, lock, unlock);
	from = bench_now_ns();
	do
		ops += visits(s, self, lock, unlock);
	while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
	t->shared->side[self].extra[0] = warm + ops;
}

/* Millions of visits in a second, of all. */
static inline double contended_rate(const struct bench_team *t)
{
	const struct stand *s = (const struct stand *)t->mem;
	uint64_t all = 0;
	double rate = 0;

	for (unsigned i = 0; i < t->sides; i++) {
		all += t->shared->side[i].extra[0];
		rate += 1e3 * turns_ratio(t->shared->side[i].ops,
					  t->shared->side[i].ns);
	}
	return all == s->visits ? rate : -1;
}

static inline int ask(const struct bench_point *p, struct bench_answer *a,
		      struct bench_team t)
{
	t.point = p;
	t.bytes = sizeof(struct stand);
	t.sides = p->actors;
	return turns_run(
		&t, a, p->actors == 1 ? turns_ns_per_op : contended_rate, NULL);
}

static inline void prepare(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	if (t->sides > 1)
		s->outside = work_turns();
}

/* one_NAME and side_NAME from lock_NAME and unlock_NAME. */
#define SIDE(name)                                                    \
	SLIP_CORE void one_##name(void *at)                           \
	{                                                             \
		(void)visit((struct stand *)at, 0, lock_##name,       \
			    unlock_##name);                           \
	}                                                             \
	static void side_##name(struct bench_team *t, unsigned self)  \
	{                                                             \
		if (t->sides == 1)                                    \
			turns_measure(t, self, one_##name, t->mem);   \
		else                                                  \
			contend(t, self, lock_##name, unlock_##name); \
	}

/* These, and ask_NAME with setup_SETUP. */
#define LOCK(name, start, in_threads)                                        \
	SIDE(name)                                                           \
	static int ask_##name(const struct bench_point *p,                   \
			      struct bench_answer *a)                        \
	{                                                                    \
		struct bench_team t = { .run = { side_##name, side_##name,   \
						 side_##name, side_##name }, \
					.threads = in_threads,               \
					.setup = setup_##start };            \
                                                                             \
		return ask(p, a, t);                                         \
	}

#endif
