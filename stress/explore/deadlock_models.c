/* SPDX-License-Identifier: MIT */
/*
 * Models of the deadlock report: threads that take two locks each, in orders
 * that close a circle or do not. All wait for ever and look again after each
 * slice, so a circle of which nobody is told never ends: a livelock.
 */
#include <errno.h>
#include <string.h>

#include "explore.h"
#include "futex/robust_mutex.h"
#include "peers.h"

#define LOCKS	 3u
#define LOCKS_AT 12288u
#define BYTES	 16384u
#define LEFT	 7u /* the number of a dead one's last wait */
#define AGAIN	 ((uint64_t)SLIP_ROBUST_MUTEX_UNSURE_)

static struct {
	SLIP_ALIGNED(64) char area[BYTES]; /* the region */
	struct slip_robust_mutex m[X_THREADS][LOCKS];
	struct slip_deadlock d[X_THREADS];
	bool first[X_THREADS]; /* who has taken its first lock */
	int rc[X_THREADS];     /* what the second lock said */
	uint32_t n[X_THREADS]; /* the circle */
	uint32_t ids[X_THREADS][LOCKS];
} s;

static unsigned locks; /* of this model */

/* Over all executions. */
static uint64_t told, twice, direct, inherited;

static struct slip_robust_mutex_shared *lock_of(unsigned i)
{
	void *at =
		s.area + LOCKS_AT + i * sizeof(struct slip_robust_mutex_shared);

	return (struct slip_robust_mutex_shared *)at;
}

static void attach(unsigned who, unsigned i)
{
	struct slip_robust_mutex *m = &s.m[who][i];

	X_ASSERT(
		!slip_robust_mutex_attach(m, lock_of(i), &peers_member[who], 0),
		"attach");
	m->waiter.spin.skip = UINT32_MAX;
	X_ASSERT(!slip_robust_mutex_report(m, &s.d[who]), "report");
}

static void make_region(void)
{
	memset(&s, 0, sizeof(s));
	told = twice = direct = inherited = 0;
	peers_setup();
	peers_region.mem = s.area;
	peers_region.bytes = BYTES;
	peers_region.header_bytes = LOCKS_AT;
	x_keep(&s, sizeof(s));
	x_keep(&peers_region, sizeof(peers_region));
	x_keep(peers_member, sizeof(peers_member));
	for (unsigned i = 0; i < X_THREADS; i++) {
		struct slip_peer_record *rec =
			slip_peer_record_(&peers_region, i + 1);

		x_name(&rec->holds[0], 8, "wait");
		x_name(&rec->holds[1], 8, "gen");
	}
	for (unsigned i = 0; i < LOCKS; i++) {
		x_name(&lock_of(i)->word, 8, "owner");
		X_ASSERT(!slip_robust_mutex_init(lock_of(i), SLIP_EVENT_FULL),
			 "init");
	}
}

static void make(unsigned n)
{
	make_region();
	locks = n;
	for (unsigned who = 0; who < X_THREADS; who++) {
		X_ASSERT(!slip_deadlock_init(&s.d[who], &peers_member[who]),
			 "init");
		for (unsigned i = 0; i < LOCKS; i++)
			attach(who, i);
	}
}

static void two(void)
{
	make(2);
}

static void three(void)
{
	make(3);
}

static void give_back(unsigned i)
{
	int rc = slip_robust_mutex_unlock(&s.m[x_self()][i]);

	X_ASSERT(!rc, "unlock says %d", rc);
}

/* What a lock said, an inheritance put in order. */
static int take(unsigned i)
{
	struct slip_robust_mutex *m = &s.m[x_self()][i];
	int rc = slip_robust_mutex_lock(m);

	if (rc == -EOWNERDEAD) {
		X_ASSERT(!slip_robust_mutex_consistent(m), "consistent");
		s.rc[x_self()] = rc;
		return 0;
	}
	return rc;
}

static void ask(void)
{
	unsigned self = x_self();

	s.n[self] = slip_deadlock_cycle(&s.d[self], s.ids[self], LOCKS);
}

/* Has one, and wants another. */
static void both(unsigned has, unsigned wants)
{
	unsigned self = x_self();
	int rc = take(has);

	X_ASSERT(!rc, "the first lock says %d", rc);
	s.first[self] = true;
	rc = take(wants);
	X_ASSERT(!rc || rc == -EDEADLK, "the second lock says %d", rc);
	if (rc) {
		s.rc[self] = rc;
		ask();
	} else {
		give_back(wants);
	}
	give_back(has);
}

static void round_about(void)
{
	both(x_self(), (x_self() + 1) % locks);
}

/* Never against the order, so never a circle. */
static void in_order(void)
{
	both(x_self(), x_self() + 1);
}

static void last_in_order(void)
{
	X_ASSERT(!take(2), "lock");
	give_back(2);
}

/* --- afterwards ------------------------------------------------------------ */

static void right_circle(unsigned i)
{
	X_ASSERT(s.n[i] == locks, "a circle of %u", s.n[i]);
	for (unsigned k = 0; k < locks; k++)
		X_ASSERT(s.ids[i][k] == (i + k) % locks + 1,
			 "the circle of %u has %u", i, s.ids[i][k]);
}

static void counted(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X_THREADS; i++) {
		if (s.rc[i] == -EDEADLK) {
			right_circle(i);
			n++;
		}
		inherited += s.rc[i] == -EOWNERDEAD;
	}
	told += n != 0;
	twice += n > 1;
	direct += n == 0;
}

static void all_came_through(void)
{
	counted();
	for (unsigned i = 0; i < locks; i++)
		/* own: nobody is left */
		X_ASSERT(!slip_a64_load_relaxed(&lock_of(i)->word),
			 "lock %u is held", i);
	for (uint32_t id = 1; id <= locks; id++)
		X_ASSERT(!(slip_a64_load_relaxed(slip_deadlock_wait_(
				   &peers_region, id)) >> /* own: as above */
			   21),
			 "%u still waits", id);
}

static void both_ends(void)
{
	X_ASSERT(told && direct, "told %llu times, not %llu times",
		 (unsigned long long)told, (unsigned long long)direct);
}

static void more_than_one(void)
{
	both_ends();
	X_ASSERT(twice, "never two are told");
}

static void nobody_told(void)
{
	all_came_through();
	X_ASSERT(!told, "told of a circle, and there is none");
}

/* One that dies opens the circle; the rest are told of one or the other. */
static void survivors_came_through(void)
{
	counted();
	for (unsigned i = 0; i < locks; i++)
		X_ASSERT(x_dead(i) || x_returned(i), "thread %u is left", i);
}

static void some_inherited(void)
{
	X_ASSERT(told && inherited, "told %llu times, inherited %llu times",
		 (unsigned long long)told, (unsigned long long)inherited);
}

/* --- a circle that is over ------------------------------------------------- */

/* Who is told gives its lock back and takes it again, under a mark: from then
 * on it waits for nothing. */
static void takes_again(void)
{
	struct slip_robust_mutex *m = &s.m[0][0];

	X_ASSERT(!take(0), "lock");
	s.rc[0] = take(1);
	give_back(0);
	if (!s.rc[0]) {
		give_back(1);
		return;
	}
	m->mine ^= SLIP_ROBUST_MUTEX_HELD_ ^ AGAIN;
	if (slip_robust_mutex_take_(m))
		m->depth = 1;
	m->mine ^= SLIP_ROBUST_MUTEX_HELD_ ^ AGAIN;
	if (m->depth)
		give_back(0);
}

static void looks_again(void)
{
	X_ASSERT(!take(1), "lock");
	s.rc[1] = take(0);
	if (s.rc[1])
		X_ASSERT((s.d[1].seen[0].lock & 15) != AGAIN,
			 "told of a circle that is over");
	else
		give_back(0);
	give_back(1);
}

static void counted_again(void)
{
	told += s.rc[0] != 0 || s.rc[1] != 0;
	twice += s.rc[0] != 0 && s.rc[1] != 0;
	direct += !s.rc[0] && !s.rc[1];
}

/* --- waits that never met -------------------------------------------------- */

static uint64_t at_of(unsigned i)
{
	return LOCKS_AT + i * sizeof(struct slip_robust_mutex_shared);
}

/* Thread 0 has lock 2, and will want 0. */
static void one_look_ahead(void)
{
	three();
	s.m[0][2].depth = 1;
	slip_a64_store_relaxed(&lock_of(2)->word, s.m[0][2].mine); /* init */
}

static void one_look(void)
{
	s.rc[0] = slip_deadlock_look_(&s.d[0], at_of(0), true);
	X_ASSERT(!s.rc[0], "told of a circle, and there is none");
	direct += s.d[0].seen[0].wait != 0;
	slip_deadlock_retract_(&s.d[0]);
}

static void take_now(unsigned i)
{
	struct slip_robust_mutex *m = &s.m[x_self()][i];

	while (!slip_robust_mutex_take_(m))
		slip_pause();
	m->depth = 1;
}

/* Waits for 2 with nothing in hand, is told of a deadlock, takes 0. */
static void gives_up(void)
{
	slip_deadlock_announce_(&s.d[1], at_of(2));
	slip_deadlock_retract_(&s.d[1]);
	take_now(0);
	give_back(0);
}

/* Has 0, waits for 1, gets it. */
static void waits_a_while(void)
{
	take_now(0);
	slip_deadlock_announce_(&s.d[1], at_of(1));
	take_now(1);
	slip_deadlock_retract_(&s.d[1]);
	give_back(1);
	give_back(0);
}

/* Has had 1, and waits for 2 with nothing in hand. */
static void then_waits(void)
{
	take_now(1);
	give_back(1);
	slip_deadlock_announce_(&s.d[2], at_of(2));
}

static void some_waits_seen(void)
{
	X_ASSERT(direct, "no wait was ever seen");
}

/* --- the next of an id ----------------------------------------------------- */

static void after_a_death(void)
{
	struct slip_peer_record *rec;

	make_region();
	rec = slip_peer_record_(&peers_region, 1);
	/* init: the last member (1, 0) has died waiting for lock 1 */
	slip_a64_store_relaxed(&rec->holds[0],
			       (uint64_t)(LOCKS_AT + 32) >> 3 << 21 | LEFT);
	slip_a64_store_relaxed(&rec->holds[1], 0); /* init */
	X_ASSERT(!slip_deadlock_init(&s.d[1], &peers_member[1]), "init");
	attach(1, 0);
	attach(1, 1);
}

/* Has lock 0, and waits for nothing. */
static void next_member(void)
{
	X_ASSERT(!slip_deadlock_init(&s.d[0], &peers_member[0]), "init");
	attach(0, 0);
	X_ASSERT(!take(0), "lock");
	s.first[0] = true;
	give_back(0);
}

static void meets_it(void)
{
	X_ASSERT(!take(1), "lock");
	s.rc[1] = slip_deadlock_look_(&s.d[1], at_of(0), true);
	X_ASSERT(!s.rc[1], "told of a wait that died with another");
	/* hint: only counted */
	s.n[1] = slip_a64_load_relaxed(&lock_of(0)->word) != 0;
	slip_deadlock_retract_(&s.d[1]);
	give_back(1);
}

static void met(void)
{
	direct += s.n[1];
}

static void sometimes_met(void)
{
	X_ASSERT(direct, "never");
}

static const struct x_model models[] = {
	{
		.name = "two",
		.operation = "robust_mutex.report",
		.once = two,
		.threads = { round_about, round_about },
		.final = all_came_through,
		.finish = more_than_one,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "three",
		.operation = "robust_mutex.report",
		.once = three,
		.threads = { round_about, round_about, round_about },
		.final = all_came_through,
		.finish = both_ends,
		.sys = peers_sys,
	},
	{
		.name = "order",
		.operation = "robust_mutex.report",
		.once = three,
		.threads = { in_order, in_order, last_in_order },
		.final = nobody_told,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "one-dies",
		.operation = "robust_mutex.report",
		.once = two,
		.threads = { round_about, round_about },
		.final = survivors_came_through,
		.finish = some_inherited,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "one-of-three-dies",
		.operation = "robust_mutex.report",
		.once = three,
		.threads = { round_about, round_about, round_about },
		.final = survivors_came_through,
		.finish = some_inherited,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "over",
		.operation = "robust_mutex.report",
		.once = two,
		.threads = { takes_again, looks_again },
		.final = counted_again,
		.finish = more_than_one,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "withdrawn",
		.operation = "deadlock.look",
		.once = one_look_ahead,
		.threads = { one_look, gives_up },
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "moving",
		.operation = "deadlock.look",
		.once = one_look_ahead,
		.threads = { one_look, waits_a_while, then_waits },
		.finish = some_waits_seen,
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "next-member",
		.operation = "deadlock.init",
		.once = after_a_death,
		.threads = { next_member, meets_it },
		.final = met,
		.finish = sometimes_met,
		.sys = peers_sys,
		.preemptions = 4,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
