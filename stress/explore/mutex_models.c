/* SPDX-License-Identifier: MIT */
/*
 * Models of the two mutexes. What is under the lock is plain: two words that
 * are equal whenever nobody is at work on them, so two at once are a race, and
 * a death in the middle can be seen.
 *
 * Where nobody dies nobody sleeps in slices: a wake-up that is lost is then the
 * last thing that happens, which the runtime sees. Where somebody does, time
 * passes when all others sleep, and the oracle (peers.h) knows of the kills.
 */
#include <errno.h>
#include <string.h>

#include "explore.h"
#include "futex/mutex.h"
#include "futex/robust_mutex.h"
#include "peers.h"

#define GARBAGE 0xa5

static struct {
	struct slip_mutex mutex;
	struct slip_robust_mutex_shared shared;
	struct slip_robust_mutex handle[X_THREADS + 1];
	uint64_t left, right; /* under the lock */
	slip_a32 step;
	uint64_t slice_ns;
	uint64_t patience_ns; /* 0: for ever */
	uint64_t began_ns;
	unsigned done[X_THREADS];   /* how often each had it, */
	unsigned waited[X_THREADS]; /* not at once, */
	unsigned refused[X_THREADS];
	unsigned told[X_THREADS]; /* and was told of a death */
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t waited, direct, heirs, troubled, refused, late;

static void make(uint64_t slice_ns)
{
	memset(&s, 0, sizeof(s));
	s.slice_ns = slice_ns;
	waited = direct = heirs = troubled = refused = late = 0;
	peers_setup();
	x_keep(&s, sizeof(s));
	x_keep(&peers_region, sizeof(peers_region));
	x_keep(peers_member, sizeof(peers_member));
	x_name(&s.mutex.word, sizeof(s.mutex.word), "word");
	x_name(&s.mutex.event, sizeof(s.mutex.event), "event");
	x_name(&s.shared.word, sizeof(s.shared.word), "owner");
	x_name(&s.shared.event, sizeof(s.shared.event), "sleepers");
	x_name(&s.left, sizeof(s.left), "left");
	x_name(&s.right, sizeof(s.right), "right");
}

/* Spins multiply executions and find nothing. */
static void attach(unsigned i)
{
	struct slip_robust_mutex *m = &s.handle[i];
	int rc = slip_robust_mutex_attach(m, &s.shared, &peers_member[i], 0);

	X_ASSERT(!rc, "attach says %d", rc);
	m->waiter.spin.skip = UINT32_MAX;
	m->waiter.slice_ns = s.slice_ns;
}

static void make_robust(unsigned mode, uint64_t slice_ns)
{
	make(slice_ns);
	X_ASSERT(!slip_robust_mutex_init(&s.shared, mode), "init");
	for (unsigned i = 0; i <= X_THREADS; i++)
		attach(i);
}

static void plain(void)
{
	make(SLIP_FOREVER);
}

/* With a deadline for two of them. */
static void plain_late(void)
{
	plain();
	s.patience_ns = SLIP_SLICE_NS;
}

/* Of which all may be late. */
static void plain_sliced(void)
{
	make(SLIP_LONG_SLICE_NS);
	s.patience_ns = 9 * SLIP_LONG_SLICE_NS;
}

static void full(void)
{
	make_robust(SLIP_EVENT_FULL, SLIP_FOREVER);
}

static void asym(void)
{
	make_robust(SLIP_EVENT_ASYM, SLIP_FOREVER);
}

static void full_sliced(void)
{
	make_robust(SLIP_EVENT_FULL, SLIP_SLICE_NS);
}

static void asym_sliced(void)
{
	make_robust(SLIP_EVENT_ASYM, SLIP_SLICE_NS);
}

static void begin(void)
{
	s.began_ns = x_now();
}

static uint64_t deadline(void)
{
	return s.patience_ns ? s.began_ns + s.patience_ns : SLIP_FOREVER;
}

/* --- under the lock -------------------------------------------------------- */

static void work(void)
{
	X_ASSERT(s.left == s.right, "left %llu, right %llu, nobody told",
		 (unsigned long long)s.left, (unsigned long long)s.right);
	s.left++;
	/* own: a step, before which one may die */
	slip_a32_store_relaxed(&s.step, 1);
	s.right++;
	s.done[x_self()]++;
}

static int wait_plain(uint64_t deadline_ns)
{
	struct slip_waiter w;

	s.waited[x_self()]++;
	slip_waiter_init_(&w, &s.mutex.event, SLIP_EVENT_RMW, s.slice_ns);
	w.spin.skip = UINT32_MAX;
	return slip_waiter_until_(&w, slip_mutex_ready_, &s.mutex, deadline_ns);
}

static int lock_plain(uint64_t deadline_ns)
{
	int rc = slip_mutex_trylock(&s.mutex);

	return rc ? wait_plain(deadline_ns) : 0;
}

static void unlock_plain(void)
{
	int rc = slip_mutex_unlock(&s.mutex);

	X_ASSERT(!rc, "unlock says %d", rc);
}

static void round_plain(void)
{
	int rc = lock_plain(SLIP_FOREVER);

	X_ASSERT(!rc, "lock says %d", rc);
	work();
	unlock_plain();
}

/* Not for ever. */
static void late_round_plain(void)
{
	int rc = lock_plain(s.began_ns + s.patience_ns);

	s.rc[x_self()] = rc;
	X_ASSERT(!rc || rc == -ETIMEDOUT, "lock says %d", rc);
	if (rc) {
		s.refused[x_self()]++;
		return;
	}
	work();
	unlock_plain();
}

static void two_rounds_plain(void)
{
	round_plain();
	round_plain();
}

/* As users call it, with its spin. */
static void public_plain(void)
{
	int rc = slip_mutex_lock(&s.mutex);

	X_ASSERT(!rc, "lock says %d", rc);
	work();
	unlock_plain();
}

static void try_plain(void)
{
	int rc = slip_mutex_trylock(&s.mutex);

	X_ASSERT(!rc || rc == -EBUSY, "trylock says %d", rc);
	if (rc) {
		s.refused[x_self()]++;
		return;
	}
	work();
	unlock_plain();
}

/* --- robust ---------------------------------------------------------------- */

static struct slip_robust_mutex *mine(void)
{
	return &s.handle[x_self()];
}

static bool anybody_dead(void)
{
	for (unsigned i = 0; i < X_THREADS; i++)
		if (x_dead(i))
			return true;
	return false;
}

/* What it protects, as the result says it is. */
static void heard(int rc)
{
	s.rc[x_self()] = rc;
	if (rc == -EOWNERDEAD) {
		X_ASSERT(anybody_dead(), "told of a death, and all live");
		s.told[x_self()]++;
		s.right = s.left;
		rc = slip_robust_mutex_consistent(mine());
	}
	X_ASSERT(!rc || (rc == -ETIMEDOUT && s.patience_ns), "lock says %d",
		 rc);
}

static void unlock_robust(void)
{
	int rc = slip_robust_mutex_unlock(mine());

	X_ASSERT(!rc, "unlock says %d", rc);
}

static void round_robust(void)
{
	int rc = slip_robust_mutex_lock_until(mine(), deadline());

	heard(rc);
	if (rc && rc != -EOWNERDEAD)
		return;
	work();
	unlock_robust();
}

static void two_rounds_robust(void)
{
	round_robust();
	round_robust();
}

static void try_robust(void)
{
	int rc = slip_robust_mutex_trylock(mine());

	if (rc == -EBUSY) {
		s.refused[x_self()]++;
		return;
	}
	heard(rc);
	work();
	unlock_robust();
}

/* --- afterwards ------------------------------------------------------------ */

static unsigned sum(const unsigned *words)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		n += words[i];
	return n;
}

static void count(void)
{
	heirs += sum(s.told) != 0;
	waited += sum(s.waited) != 0;
	direct += sum(s.waited) == 0;
	refused += sum(s.refused) != 0;
	troubled += x_troubled();
}

static void free_and_in_order(unsigned n)
{
	X_ASSERT(sum(s.done) == n && s.left == n && s.right == n,
		 "%u had it, left %llu, right %llu", sum(s.done),
		 (unsigned long long)s.left, (unsigned long long)s.right);
	/* own: nobody is left */
	X_ASSERT(!slip_a32_load_relaxed(&s.mutex.word), "the mutex is held");
	X_ASSERT(!slip_a64_load_relaxed(&s.shared.word), "somebody owns it");
	count();
}

static void two_had_it(void)
{
	free_and_in_order(2);
}

static void three_had_it(void)
{
	free_and_in_order(3);
}

static void four_had_it(void)
{
	free_and_in_order(4);
}

static void some_had_it(void)
{
	free_and_in_order(sum(s.done));
	X_ASSERT(sum(s.done) >= 2, "only %u had it", sum(s.done));
}

static void both_happened(void)
{
	X_ASSERT(waited && direct, "waited %llu times, not %llu times",
		 (unsigned long long)waited, (unsigned long long)direct);
}

static void tries_failed_too(void)
{
	X_ASSERT(refused, "no try came to nothing");
}

/* One who is dead may have kept it; else all who live have had it. */
static void one_may_keep_it(void)
{
	bool kept = slip_a32_load_relaxed(&s.mutex.word); /* own */

	X_ASSERT(!kept || x_troubled(), "the mutex is held by nobody");
	for (unsigned i = 0; i < 3; i++)
		X_ASSERT(x_dead(i) || x_stopped(i) || kept || s.done[i],
			 "thread %u did not get a free mutex (%d)", i, s.rc[i]);
	late += !kept && x_troubled() && s.done[0] && s.done[2] &&
		x_now() >= s.began_ns + s.slice_ns;
	troubled += x_troubled();
}

static void somebody_was_late(void)
{
	X_ASSERT(troubled && late, "%llu troubled, %llu late",
		 (unsigned long long)troubled, (unsigned long long)late);
}

/* All who live have had it; no death was told twice; and the next one hears of
 * the last. */
static void all_inherited(void)
{
	unsigned dead = 0;
	int rc;

	for (unsigned i = 0; i < X_THREADS; i++) {
		dead += x_dead(i);
		X_ASSERT(x_dead(i) || !x_returned(i) || s.done[i] || s.rc[i] ||
				 !s.handle[i].depth,
			 "thread %u returned with it", i);
	}
	X_ASSERT(sum(s.told) <= dead, "%u told of %u deaths", sum(s.told),
		 dead);
	rc = slip_robust_mutex_trylock(&s.handle[X_THREADS]);
	X_ASSERT(!rc || rc == -EOWNERDEAD, "trylock says %d", rc);
	X_ASSERT(!rc || sum(s.told) < dead, "a death is told twice");
	X_ASSERT(rc || s.left == s.right, "left %llu, right %llu, nobody told",
		 (unsigned long long)s.left, (unsigned long long)s.right);
	count();
}

static void heirs_happened(void)
{
	X_ASSERT(heirs && troubled, "%llu deaths, %llu told",
		 (unsigned long long)troubled, (unsigned long long)heirs);
}

/* --- stopped, broken, new -------------------------------------------------- */

static void full_late(void)
{
	full_sliced();
	s.patience_ns = 3 * SLIP_SLICE_NS;
}

static void nobody_inherits(void)
{
	X_ASSERT(!sum(s.told), "told of one that is stopped");
	X_ASSERT(s.rc[1] == 0 || (x_stopped(0) && s.rc[1] == -ETIMEDOUT),
		 "lock says %d", s.rc[1]);
	refused += s.rc[1] == -ETIMEDOUT;
	troubled += x_troubled();
}

static void some_were_refused(void)
{
	X_ASSERT(troubled && refused, "%llu stops, %llu times no lock",
		 (unsigned long long)troubled, (unsigned long long)refused);
}

/* Thread 0 has inherited it, and does not repair. */
static void unsure(void)
{
	struct slip_robust_mutex *m = &s.handle[0];

	full();
	m->depth = 1;
	m->unsure = true;
	slip_a64_store_relaxed(&s.shared.word,
			       slip_peer_tag_(1, 1) |
				       SLIP_ROBUST_MUTEX_UNSURE_); /* init */
}

static void lock_broken(void)
{
	s.rc[x_self()] = slip_robust_mutex_lock(mine());
}

static void all_heard_of_it(void)
{
	for (unsigned i = 1; i < 3; i++)
		X_ASSERT(s.rc[i] == -ENOTRECOVERABLE, "thread %u: lock says %d",
			 i, s.rc[i]);
}

/* An heir that may die before it has broken it, and one that sleeps. */
static void unsure_sliced(void)
{
	unsure();
	for (unsigned i = 0; i < X_THREADS; i++)
		s.handle[i].waiter.slice_ns = SLIP_SLICE_NS;
}

static void broken_or_inherited(void)
{
	bool first = s.rc[1] == -EOWNERDEAD;
	bool second = s.rc[2] == -EOWNERDEAD;

	/* An heir that is told and does as the one before it breaks it. */
	X_ASSERT(!(first && second), "one death, two heirs");
	X_ASSERT(!(first || second) || x_dead(0), "told, and it lives");
	X_ASSERT((first || s.rc[1] == -ENOTRECOVERABLE) &&
			 (second || s.rc[2] == -ENOTRECOVERABLE),
		 "lock says %d and %d", s.rc[1], s.rc[2]);
	heirs += first || second;
	troubled += x_troubled();
}

static void lock_and_break(void)
{
	lock_broken();
	if (s.rc[x_self()] == -EOWNERDEAD)
		unlock_robust();
}

static void new_bytes(void)
{
	make(SLIP_FOREVER);
	memset(&s.shared, GARBAGE, sizeof(s.shared));
}

static void create(void)
{
	int rc = slip_robust_mutex_init(&s.shared, SLIP_EVENT_FULL);

	X_ASSERT(!rc, "init says %d", rc);
}

static void find_and_use(void)
{
	/* hint: attach looks again */
	bool there = slip_a32_load_relaxed(&s.shared.magic) ==
		     SLIP_ROBUST_MUTEX_MAGIC_;
	int rc = slip_robust_mutex_attach(mine(), &s.shared, peers_self(), 0);

	X_ASSERT(!rc || rc == -EBADMSG, "attach says %d", rc);
	X_ASSERT(!rc || !there, "it is there, and not whole");
	s.refused[x_self()] = rc != 0;
	if (rc)
		return;
	X_ASSERT(mine()->waiter.mode == SLIP_EVENT_FULL, "another mode");
	heard(slip_robust_mutex_lock(mine()));
	work();
	unlock_robust();
}

static void found_or_not(void)
{
	heirs += sum(s.done);
	refused += sum(s.refused);
}

static void both_came(void)
{
	X_ASSERT(heirs && refused, "found %llu times, not %llu times",
		 (unsigned long long)heirs, (unsigned long long)refused);
}

static const struct x_model models[] = {
	{
		.name = "plain-two",
		.operation = "mutex.lock+unlock",
		.once = plain,
		.setup = begin,
		.threads = { two_rounds_plain, two_rounds_plain },
		.final = four_had_it,
		.finish = both_happened,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "plain-three",
		.operation = "mutex.lock+unlock",
		.once = plain,
		.setup = begin,
		.threads = { round_plain, round_plain, round_plain },
		.final = three_had_it,
		.finish = both_happened,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "plain-public",
		.operation = "mutex.lock+unlock",
		.once = plain,
		.setup = begin,
		.threads = { public_plain, public_plain },
		.final = two_had_it,
		.preemptions = 2,
	},
	{
		.name = "plain-try",
		.operation = "mutex.trylock",
		.once = plain,
		.setup = begin,
		.threads = { round_plain, try_plain, round_plain },
		.final = some_had_it,
		.finish = tries_failed_too,
	},
	{
		.name = "plain-late",
		.operation = "mutex.lock_until",
		.once = plain_late,
		.setup = begin,
		.threads = { round_plain, late_round_plain, late_round_plain,
			     round_plain },
		.final = some_had_it,
		.finish = tries_failed_too,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "plain-waiter-dies",
		.operation = "mutex.lock",
		.once = plain_sliced,
		.setup = begin,
		.threads = { late_round_plain, late_round_plain,
			     late_round_plain },
		.final = one_may_keep_it,
		.finish = somebody_was_late,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "plain-waiter-stops",
		.operation = "mutex.lock",
		.once = plain_sliced,
		.setup = begin,
		.threads = { late_round_plain, late_round_plain,
			     late_round_plain },
		.final = one_may_keep_it,
		.finish = somebody_was_late,
		.stoppable = 2,
		.troubles = 1,
	},
#define ROBUST(NAME, ONCE)                                                    \
	{                                                                     \
		.name = NAME, .operation = "robust_mutex.lock", .once = ONCE, \
		.setup = begin,                                               \
		.threads = { two_rounds_robust, two_rounds_robust },          \
		.final = four_had_it, .sys = peers_sys,                       \
		.flags = X_SPURIOUS | X_EINTR, .surprises = 1,                \
		.preemptions = 4,                                             \
	}
#define CROWD(NAME, ONCE)                                                     \
	{                                                                     \
		.name = NAME, .operation = "robust_mutex.lock", .once = ONCE, \
		.setup = begin,                                               \
		.threads = { round_robust, round_robust, round_robust },      \
		.final = three_had_it, .sys = peers_sys,                      \
		.flags = X_SPURIOUS | X_EINTR, .surprises = 1,                \
	}
#define OWNER(NAME, ONCE)                                                     \
	{                                                                     \
		.name = NAME, .operation = "robust_mutex.lock", .once = ONCE, \
		.setup = begin,                                               \
		.threads = { round_robust, round_robust, round_robust },      \
		.final = all_inherited, .finish = heirs_happened,             \
		.sys = peers_sys, .mortal = 1, .troubles = 1,                 \
	}
	ROBUST("robust-two", full),
	ROBUST("robust-two-asym", asym),
	CROWD("robust-three", full),
	CROWD("robust-three-asym", asym),
	OWNER("owner-dies", full_sliced),
	OWNER("owner-dies-asym", asym_sliced),
#undef ROBUST
#undef CROWD
#undef OWNER
	{
		.name = "owner-dies-pair",
		.operation = "robust_mutex.lock",
		.once = full_sliced,
		.setup = begin,
		.threads = { two_rounds_robust, two_rounds_robust },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "heir-dies",
		.operation = "robust_mutex.lock",
		.once = full_sliced,
		.setup = begin,
		.threads = { round_robust, round_robust, round_robust },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
	},
	{
		.name = "try-of-the-dead",
		.operation = "robust_mutex.trylock",
		.once = full_sliced,
		.setup = begin,
		.threads = { round_robust, try_robust, try_robust },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "owner-stops",
		.operation = "robust_mutex.lock_until",
		.once = full_late,
		.setup = begin,
		.threads = { round_robust, round_robust },
		.final = nobody_inherits,
		.finish = some_were_refused,
		.sys = peers_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "broken",
		.operation = "robust_mutex.unlock",
		.once = unsure,
		.setup = begin,
		.threads = { unlock_robust, lock_broken, lock_broken },
		.final = all_heard_of_it,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "broken-dies",
		.operation = "robust_mutex.unlock",
		.once = unsure_sliced,
		.setup = begin,
		.threads = { unlock_robust, lock_and_break, lock_and_break },
		.final = broken_or_inherited,
		.finish = heirs_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "init",
		.operation = "robust_mutex.attach",
		.once = new_bytes,
		.setup = begin,
		.threads = { create, find_and_use },
		.final = found_or_not,
		.finish = both_came,
		.sys = peers_sys,
		.preemptions = 4,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
