/* SPDX-License-Identifier: MIT */
/*
 * Two processes that wait for each other: by turns under a mutex, with a
 * condition variable for each; and at a barrier. The cost of a round: two
 * turns, or one phase.
 *
 * It begins and ends with both: the side that sees the end says so in its turn
 * or phase, and the other hears of it there.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "futex/barrier.h"
#include "futex/cond.h"
#include "tools/bench/locks_loops.h"

/* In the memory of both. */
struct table {
	SLIP_ALIGNED(128) struct slip_mutex mutex;
	struct slip_cond cond[2];
	struct slip_robust_mutex_shared robust;
	SLIP_ALIGNED(128) pthread_mutex_t pmutex;
	pthread_cond_t pcond[2];
	SLIP_ALIGNED(128) uint64_t barrier[6];
	SLIP_ALIGNED(128) pthread_barrier_t pbarrier;
	/* Whose turn it is, and whether it is the last: plain, for the mutex
	 * protects them, or a phase is between. */
	SLIP_ALIGNED(128) unsigned turn;
	bool last;
};

static struct table *table_of(const struct bench_team *t)
{
	return (struct table *)t->mem;
}

/* Private to a side. */
struct guest {
	struct table *table;
	struct slip_robust_mutex robust;
	struct slip_barrier barrier;
	unsigned self;
};

/* --- by turns -------------------------------------------------------------- */

struct kind {
	int (*enter)(struct guest *g);
	void (*lock)(struct guest *g);
	void (*unlock)(struct guest *g);
	void (*wait)(struct guest *g);
	void (*tell)(struct guest *g);
};

SLIP_CORE void turns(struct bench_team *t, unsigned self, const struct kind *k)
{
	struct guest g = { .table = table_of(t), .self = self };
	int rc = k->enter(&g);
	uint64_t from;
	uint64_t ops = 0;
	bool last = rc != 0;

	bench_ready(t);
	from = bench_now_ns();
	while (!last) {
		k->lock(&g);
		while (g.table->turn != self && !g.table->last)
			k->wait(&g);
		last = g.table->last |= bench_over(t);
		g.table->turn = !self;
		k->unlock(&g);
		k->tell(&g);
		ops++;
	}
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
	t->shared->side[self].rc = rc;
}

static int enter_slip(struct guest *g)
{
	(void)g;
	return 0;
}

SLIP_CORE void lock_slip(struct guest *g)
{
	(void)!slip_mutex_lock(&g->table->mutex);
}

SLIP_CORE void unlock_slip(struct guest *g)
{
	(void)slip_mutex_unlock(&g->table->mutex);
}

SLIP_CORE void wait_slip(struct guest *g)
{
	(void)!slip_cond_wait(&g->table->cond[g->self], &g->table->mutex);
}

SLIP_CORE void tell_slip(struct guest *g)
{
	slip_cond_signal(&g->table->cond[!g->self]);
}

static int enter_robust(struct guest *g)
{
	return slip_robust_mutex_attach(&g->robust, &g->table->robust, NULL, 0);
}

SLIP_CORE void lock_robust(struct guest *g)
{
	(void)!slip_robust_mutex_lock(&g->robust);
}

SLIP_CORE void unlock_robust(struct guest *g)
{
	(void)slip_robust_mutex_unlock(&g->robust);
}

SLIP_CORE void wait_robust(struct guest *g)
{
	(void)!slip_cond_wait_robust(&g->table->cond[g->self], &g->robust);
}

#define tell_robust tell_slip

#define enter_pthread enter_slip

SLIP_CORE void lock_pthread(struct guest *g)
{
	(void)pthread_mutex_lock(&g->table->pmutex);
}

SLIP_CORE void unlock_pthread(struct guest *g)
{
	(void)pthread_mutex_unlock(&g->table->pmutex);
}

SLIP_CORE void wait_pthread(struct guest *g)
{
	(void)pthread_cond_wait(&g->table->pcond[g->self], &g->table->pmutex);
}

SLIP_CORE void tell_pthread(struct guest *g)
{
	(void)pthread_cond_signal(&g->table->pcond[!g->self]);
}

/* --- phases ---------------------------------------------------------------- */

SLIP_CORE void phases(struct bench_team *t, unsigned self,
		      int (*enter)(struct guest *g),
		      int (*meet)(struct guest *g))
{
	struct guest g = { .table = table_of(t), .self = self };
	int rc = enter(&g);
	uint64_t from;
	uint64_t ops = 0;
	bool last = false;

	bench_ready(t);
	from = bench_now_ns();
	/* Side 0 says before a phase that the next one is the last. */
	while (!rc && !last) {
		last = self ? false : bench_over(t);
		if (last)
			g.table->last = true;
		rc = meet(&g);
		last = g.table->last;
		if (!rc)
			rc = meet(&g);
		ops += 2;
	}
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
	t->shared->side[self].rc = rc;
}

static int enter_barrier(struct guest *g)
{
	int rc = slip_barrier_attach(&g->barrier, g->table->barrier,
				     sizeof(g->table->barrier), NULL);

	return rc ? rc : slip_barrier_join(&g->barrier);
}

SLIP_CORE int meet_slip(struct guest *g)
{
	int rc = slip_barrier_wait(&g->barrier, NULL);

	return rc < 0 ? rc : 0;
}

SLIP_CORE int meet_pthread(struct guest *g)
{
	int rc = pthread_barrier_wait(&g->table->pbarrier);

	return rc == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : -rc;
}

/* --- teams ----------------------------------------------------------------- */

static int setup(struct bench_team *t)
{
	struct table *table = table_of(t);
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	pthread_barrierattr_t barrier;
	int rc;

	(void)pthread_mutexattr_init(&mutex);
	(void)pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	(void)pthread_condattr_init(&cond);
	(void)pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	(void)pthread_barrierattr_init(&barrier);
	(void)pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	rc = pthread_mutex_init(&table->pmutex, &mutex);
	for (unsigned i = 0; !rc && i < 2; i++)
		rc = pthread_cond_init(&table->pcond[i], &cond);
	if (!rc)
		rc = pthread_barrier_init(&table->pbarrier, &barrier, 2);
	if (rc)
		return -rc;
	rc = slip_robust_mutex_init(&table->robust, SLIP_EVENT_AUTO);
	return rc ? rc
		  : slip_barrier_init(table->barrier, sizeof(table->barrier),
				      2);
}

#define TURNS_OF(name)                                                     \
	static void side_##name(struct bench_team *t, unsigned self)       \
	{                                                                  \
		static const struct kind k = { enter_##name, lock_##name,  \
					       unlock_##name, wait_##name, \
					       tell_##name };              \
                                                                           \
		turns(t, self, &k);                                        \
	}                                                                  \
	ASK(name)
#define PHASES_OF(name, enter, meet)                                 \
	static void side_##name(struct bench_team *t, unsigned self) \
	{                                                            \
		phases(t, self, enter, meet);                        \
	}                                                            \
	ASK(name)
#define ASK(name)                                                            \
	static int ask_##name(const struct bench_point *p,                   \
			      struct bench_answer *a)                        \
	{                                                                    \
		struct bench_team t = { .run = { side_##name, side_##name }, \
					.setup = setup,                      \
					.bytes = sizeof(struct table),       \
					.sides = 2,                          \
					.point = p };                        \
                                                                             \
		return turns_run(&t, a, turns_ns_per_op, NULL);              \
	}

TURNS_OF(slip)
TURNS_OF(robust)
TURNS_OF(pthread)
PHASES_OF(barrier, enter_barrier, meet_slip)
PHASES_OF(pbarrier, enter_slip, meet_pthread)

static const struct bench_entry by_turns[] = {
	{ .name = "slip_cond, slip_mutex",
	  .kind = BENCH_OURS,
	  .ask = ask_slip },
	{ .name = "slip_cond, slip_robust_mutex",
	  .kind = BENCH_OURS,
	  .ask = ask_robust },
	{ .name = "pthread cond, shared",
	  .kind = BENCH_RIVAL,
	  .ask = ask_pthread },
};

static const struct bench_entry at_barrier[] = {
	{ .name = "slip_barrier", .kind = BENCH_OURS, .ask = ask_barrier },
	{ .name = "pthread barrier, shared",
	  .kind = BENCH_RIVAL,
	  .ask = ask_pbarrier },
};

void bench_locks_meet(struct bench *b)
{
	struct bench_case c = { .suite = "locks",
				.name = "by turns, a condition for each",
				.unit = "ns",
				.less_is_better = true,
				.point = { .actors = 2 },
				.entries = by_turns,
				.count = sizeof(by_turns) /
					 sizeof(by_turns[0]) };

	bench_add(b, &c);
	lock_target(b, c.name, "slip_cond, slip_mutex", "pthread cond, shared",
		    1, NULL);
	c.name = "barrier, 2 processes";
	c.entries = at_barrier;
	c.count = sizeof(at_barrier) / sizeof(at_barrier[0]);
	bench_add(b, &c);
	lock_target(b, c.name, "slip_barrier", "pthread barrier, shared", 1,
		    NULL);
}
