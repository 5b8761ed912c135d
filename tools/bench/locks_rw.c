/* SPDX-License-Identifier: MIT */
/*
 * Reader-writer locks: what a pair costs that nobody contends, and how many
 * pairs two readers get done. The readers are processes, and ours are members
 * of a region, as in earnest.
 */
#define _GNU_SOURCE
#include "futex/rwlock.h"
#include "tools/bench/locks_loops.h"

#define READERS 2u

struct rw_stand {
	SLIP_ALIGNED(128) char ours[128 * (1 + READERS)];
	SLIP_ALIGNED(128) pthread_rwlock_t pthread;
};

/* What one side has. */
static struct {
	struct slip_region rg;
	struct slip_peer peer;
	struct slip_rwlock lock;
	pthread_rwlock_t *pthread;
	int rc; /* the first error */
} own;

static int setup_asym(struct bench_team *t)
{
	struct rw_stand *s = (struct rw_stand *)t->mem;

	return slip_rwlock_init(s->ours, sizeof(s->ours), READERS,
				SLIP_EVENT_ASYM);
}

static int setup_rmw(struct bench_team *t)
{
	struct rw_stand *s = (struct rw_stand *)t->mem;

	return slip_rwlock_init(s->ours, sizeof(s->ours), READERS,
				SLIP_EVENT_RMW);
}

static int setup_pthread(struct bench_team *t)
{
	struct rw_stand *s = (struct rw_stand *)t->mem;
	pthread_rwlockattr_t attr;
	int rc;

	(void)pthread_rwlockattr_init(&attr);
	rc = pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_rwlock_init(&s->pthread, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	return -rc;
}

static int come(struct bench_team *t)
{
	struct rw_stand *s = (struct rw_stand *)t->mem;
	int rc = slip_region_create(&own.rg, 4096,
				    SLIP_REGION_MEMFD | SLIP_REGION_PEERS(2));

	own.pthread = &s->pthread;
	rc = rc ? rc : slip_region_publish(&own.rg, NULL, 0600);
	rc = rc ? rc : slip_peer_join(&own.peer, &own.rg);
	return rc ? rc
		  : slip_rwlock_attach(&own.lock, s->ours, sizeof(s->ours),
				       &own.peer);
}

static int come_pthread(struct bench_team *t)
{
	struct rw_stand *s = (struct rw_stand *)t->mem;

	own.pthread = &s->pthread;
	return 0;
}

SLIP_CORE void note(int rc)
{
	if (SLIP_UNLIKELY(rc))
		own.rc = rc;
}

SLIP_CORE void read_ours(void *at)
{
	(void)at;
	note(slip_rwlock_read_lock(&own.lock));
	note(slip_rwlock_read_unlock(&own.lock));
}

SLIP_CORE void write_ours(void *at)
{
	(void)at;
	note(slip_rwlock_write_lock(&own.lock));
	note(slip_rwlock_write_unlock(&own.lock));
}

SLIP_CORE void read_pthread(void *at)
{
	(void)at;
	note(pthread_rwlock_rdlock(own.pthread));
	note(pthread_rwlock_unlock(own.pthread));
}

SLIP_CORE void write_pthread(void *at)
{
	(void)at;
	note(pthread_rwlock_wrlock(own.pthread));
	note(pthread_rwlock_unlock(own.pthread));
}

/* A side that comes, and does one act again and again. */
#define RW_SIDE(name, come_by)                                       \
	static void side_##name(struct bench_team *t, unsigned self) \
	{                                                            \
		int rc = come_by(t);                                 \
                                                                     \
		if (rc)                                              \
			bench_ready(t);                              \
		else                                                 \
			turns_measure(t, self, name, NULL);          \
		t->shared->side[self].rc = rc ? rc : own.rc;         \
	}

RW_SIDE(read_ours, come)
RW_SIDE(write_ours, come)
RW_SIDE(read_pthread, come_pthread)
RW_SIDE(write_pthread, come_pthread)

/* Millions of pairs in a second, of all sides. */
static double pairs_rate(const struct bench_team *t)
{
	double rate = 0;

	for (unsigned i = 0; i < t->sides; i++)
		rate += 1e3 * turns_ratio(t->shared->side[i].ops,
					  t->shared->side[i].ns);
	return rate;
}

#define RW_ASK(name, side, setup_by, n, value)                               \
	static int ask_##name(const struct bench_point *p,                   \
			      struct bench_answer *a)                        \
	{                                                                    \
		struct bench_team t = { .run = { side_##side, side_##side }, \
					.setup = setup_##setup_by,           \
					.point = p,                          \
					.bytes = sizeof(struct rw_stand),    \
					.sides = (n) };                      \
                                                                             \
		return turns_run(&t, a, value, NULL);                        \
	}

RW_ASK(read_asym, read_ours, asym, 1, turns_ns_per_op)
RW_ASK(read_rmw, read_ours, rmw, 1, turns_ns_per_op)
RW_ASK(read_theirs, read_pthread, pthread, 1, turns_ns_per_op)
RW_ASK(write_asym, write_ours, asym, 1, turns_ns_per_op)
RW_ASK(write_rmw, write_ours, rmw, 1, turns_ns_per_op)
RW_ASK(write_theirs, write_pthread, pthread, 1, turns_ns_per_op)
RW_ASK(two_asym, read_ours, asym, 2, pairs_rate)
RW_ASK(one_asym, read_ours, asym, 1, pairs_rate)
RW_ASK(two_rmw, read_ours, rmw, 2, pairs_rate)
RW_ASK(two_theirs, read_pthread, pthread, 2, pairs_rate)
RW_ASK(one_theirs, read_pthread, pthread, 1, pairs_rate)

/* --- the cases ------------------------------------------------------------- */

#define ENTRY(text, of, f)                          \
	{                                           \
		.name = text, .kind = of, .ask = f, \
	}
#define OURS_NAME   "slip_rwlock"
#define RMW_NAME    "slip_rwlock, without membarrier"
#define ONE_NAME    "slip_rwlock, one reader alone"
#define THEIRS_NAME "pthread rwlock, shared"
#define COUNT(e)    (sizeof(e) / sizeof((e)[0]))

static const struct bench_entry reading[] = {
	ENTRY(OURS_NAME, BENCH_OURS, ask_read_asym),
	ENTRY(RMW_NAME, BENCH_OURS, ask_read_rmw),
	ENTRY(THEIRS_NAME, BENCH_RIVAL, ask_read_theirs),
};

static const struct bench_entry writing[] = {
	ENTRY(OURS_NAME, BENCH_OURS, ask_write_asym),
	ENTRY(RMW_NAME, BENCH_OURS, ask_write_rmw),
	ENTRY(THEIRS_NAME, BENCH_RIVAL, ask_write_theirs),
};

static const struct bench_entry two[] = {
	ENTRY(OURS_NAME, BENCH_OURS, ask_two_asym),
	ENTRY(RMW_NAME, BENCH_OURS, ask_two_rmw),
	ENTRY(ONE_NAME, BENCH_OURS, ask_one_asym),
	ENTRY(THEIRS_NAME, BENCH_RIVAL, ask_two_theirs),
	ENTRY("pthread rwlock, one reader alone", BENCH_RIVAL, ask_one_theirs),
};

void bench_locks_rw(struct bench *b)
{
	struct bench_case c = { .suite = "locks",
				.name = "read_lock + read_unlock, uncontended",
				.unit = "ns",
				.less_is_better = true,
				.quick = true,
				.point = { .actors = 1 },
				.entries = reading,
				.count = COUNT(reading) };

	bench_add(b, &c);
	lock_target(b, c.name, OURS_NAME, THEIRS_NAME, 1 / 0.35, NULL);
	c.name = "write_lock + write_unlock, uncontended";
	c.entries = writing;
	c.count = COUNT(writing);
	bench_add(b, &c);
	c.name = "2 readers";
	c.unit = "Mops/s";
	c.less_is_better = false;
	c.point.actors = 2;
	c.entries = two;
	c.count = COUNT(two);
	bench_add(b, &c);
	lock_target(b, c.name, OURS_NAME, ONE_NAME, 1.8,
		    "a reader stores to a line that no other reader touches: "
		    "what two of them have in common is the core, if both "
		    "processors are of one, and the host, which moves them: "
		    "runs gave 1.61, 1.70, 1.97");
}
