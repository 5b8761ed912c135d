/* SPDX-License-Identifier: MIT */
/* Models of the mutex with priority inheritance. The kernel's part is played: see
 * pi_futex.h. */
#include <string.h>

#include "explore.h"
#include "futex/pi_mutex.h"
#include "peers.h"
#include "pi_futex.h"

#define GARBAGE 0xa5

static struct {
	struct slip_pi_mutex_shared shared;
	struct slip_pi_mutex m[X_THREADS + 1];
	uint64_t left, right; /* under the lock */
	slip_a32 step;
	uint64_t patience_ns; /* 0: for ever */
	uint64_t began_ns;
	unsigned done[X_THREADS], told[X_THREADS], refused[X_THREADS];
	int rc[X_THREADS];
	bool reused;
} s;

/* Over all executions. */
static uint64_t heirs, troubled, refused, reused, late;

/* --- making it ------------------------------------------------------------- */

static void attach(unsigned i)
{
	int rc;

	pi_futex_as = i;
	rc = slip_pi_mutex_attach(&s.m[i], &s.shared, &peers_member[i]);
	X_ASSERT(!rc, "attach says %d", rc);
}

static void bare(void)
{
	memset(&s, 0, sizeof(s));
	heirs = troubled = refused = reused = late = 0;
	peers_setup();
	x_keep(&s, sizeof(s));
	x_keep(&peers_region, sizeof(peers_region));
	x_keep(peers_member, sizeof(peers_member));
	x_name(&s.shared.word, sizeof(s.shared.word), "word");
	x_name(&s.shared.broken, sizeof(s.shared.broken), "broken");
	x_name(&s.shared.users, sizeof(s.shared.users), "users");
	x_name(&s.left, sizeof(s.left), "left");
	x_name(&s.right, sizeof(s.right), "right");
	pi_futex_setup();
}

static void make(void)
{
	bare();
	X_ASSERT(!slip_pi_mutex_init(&s.shared), "init");
	for (unsigned i = 0; i <= X_THREADS; i++)
		attach(i);
}

/* Thread 1 has the TID of thread 0, and comes when that is dead. */
static void make_successor(void)
{
	bare();
	X_ASSERT(!slip_pi_mutex_init(&s.shared), "init");
	pi_futex_tids[1] = pi_futex_tids[0];
	for (unsigned i = 0; i <= X_THREADS; i++)
		if (i != 1)
			attach(i);
}

static void begin(void)
{
	s.began_ns = x_now();
}

static void make_late(void)
{
	make();
	s.patience_ns = 3 * SLIP_SLICE_NS;
}

/* --- threads --------------------------------------------------------------- */

static struct slip_pi_mutex *mine(void)
{
	return &s.m[x_self()];
}

static bool anybody_dead(void)
{
	for (unsigned i = 0; i < X_THREADS; i++)
		if (x_dead(i))
			return true;
	return false;
}

/* What a lock said: do we have it, in order? */
static bool heard(int rc)
{
	s.rc[x_self()] = rc;
	if (rc == -EOWNERDEAD) {
		X_ASSERT(anybody_dead(), "told of a death, and all live");
		s.told[x_self()]++;
		s.right = s.left;
		rc = slip_pi_mutex_consistent(mine());
	}
	X_ASSERT(!rc || rc == -EBUSY || (rc == -ETIMEDOUT && s.patience_ns),
		 "lock says %d", rc);
	s.refused[x_self()] += rc != 0;
	return rc == 0;
}

static void work(void)
{
	int rc;

	X_ASSERT(s.left == s.right, "left %llu, right %llu, nobody told",
		 (unsigned long long)s.left, (unsigned long long)s.right);
	s.left++;
	/* own: a step, before which one may die */
	slip_a32_store_relaxed(&s.step, 1);
	s.right++;
	s.done[x_self()]++;
	rc = slip_pi_mutex_unlock(mine());
	X_ASSERT(!rc, "unlock says %d", rc);
}

static void turn(void)
{
	uint64_t deadline =
		s.patience_ns ? s.began_ns + s.patience_ns : SLIP_FOREVER;

	if (heard(slip_pi_mutex_lock_until(mine(), deadline)))
		work();
}

static void two_turns(void)
{
	turn();
	turn();
}

static void try_it(void)
{
	if (heard(slip_pi_mutex_trylock(mine())))
		work();
}

/* Asks at once, and then waits. */
static void try_then_wait(void)
{
	try_it();
	turn();
}

/* Until then it is a thread like any other, that has never heard of it. */
static void has_its_tid(void)
{
	int rc;

	if (!x_dead(0))
		return;
	s.reused = true;
	while ((rc = slip_pi_mutex_attach(mine(), &s.shared, peers_self())) ==
	       -EAGAIN)
		slip_pause();
	X_ASSERT(!rc, "attach says %d", rc);
	two_turns();
}

/* --- afterwards ------------------------------------------------------------ */

static unsigned sum(const unsigned *words)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		n += words[i];
	return n;
}

/* Nobody has died, so nobody is found by looking again. */
static void without_a_slice(void)
{
	X_ASSERT(x_now() - s.began_ns < SLIP_SLICE_NS, "it took a slice");
}

static void free_and_in_order(unsigned n)
{
	without_a_slice();
	X_ASSERT(sum(s.done) == n && s.left == n && s.right == n, "%u had it",
		 sum(s.done));
	/* own: nobody is left */
	X_ASSERT(!slip_a32_load_relaxed(&s.shared.word), "somebody has it");
}

static void three_had_it(void)
{
	free_and_in_order(3);
}

static void four_had_it(void)
{
	free_and_in_order(4);
}

static void all_inherited(void)
{
	unsigned dead = 0;
	int rc;

	for (unsigned i = 0; i < X_THREADS; i++) {
		dead += x_dead(i);
		X_ASSERT(x_dead(i) || !s.m[i].held, "thread %u kept it", i);
	}
	X_ASSERT(sum(s.told) <= dead, "%u told of %u deaths", sum(s.told),
		 dead);
	pi_futex_as = X_THREADS;
	rc = slip_pi_mutex_trylock(&s.m[X_THREADS]);
	X_ASSERT(!rc || rc == -EOWNERDEAD, "trylock says %d", rc);
	X_ASSERT(!rc || sum(s.told) < dead, "a death is told twice");
	X_ASSERT(rc || s.left == s.right, "left %llu, right %llu, nobody told",
		 (unsigned long long)s.left, (unsigned long long)s.right);
	heirs += sum(s.told) != 0;
	reused += s.reused;
	troubled += x_troubled();
}

static void heirs_happened(void)
{
	X_ASSERT(heirs && troubled, "%llu deaths, %llu told",
		 (unsigned long long)troubled, (unsigned long long)heirs);
}

static void tids_came_back(void)
{
	heirs_happened();
	X_ASSERT(reused, "no TID came back");
}

static void nobody_inherits(void)
{
	X_ASSERT(!sum(s.told), "told of one that is stopped");
	X_ASSERT(!s.rc[1] || (x_stopped(0) && s.rc[1] == -ETIMEDOUT),
		 "lock says %d", s.rc[1]);
	late += s.rc[1] == -ETIMEDOUT;
}

static void some_were_late(void)
{
	X_ASSERT(late, "nobody was late");
}

/* --- broken, new ----------------------------------------------------------- */

static void unsure(void)
{
	make();
	s.m[0].held = true;
	s.m[0].unsure = true;
	slip_a32_store_relaxed(&s.shared.word,
			       PI_FUTEX_TID | SLIP_FUTEX_PI_DIED); /* init */
}

static void break_it(void)
{
	X_ASSERT(!slip_pi_mutex_unlock(mine()), "unlock");
}

static void lock_broken(void)
{
	s.rc[x_self()] = slip_pi_mutex_lock(mine());
}

static void all_heard_of_it(void)
{
	for (unsigned i = 1; i < 3; i++)
		X_ASSERT(s.rc[i] == -ENOTRECOVERABLE, "thread %u: lock says %d",
			 i, s.rc[i]);
	without_a_slice();
}

static void new_bytes(void)
{
	bare();
	memset(&s.shared, GARBAGE, sizeof(s.shared));
}

static void create(void)
{
	X_ASSERT(!slip_pi_mutex_init(&s.shared), "init");
}

static void find_and_use(void)
{
	int rc = slip_pi_mutex_attach(mine(), &s.shared, peers_self());

	X_ASSERT(!rc || rc == -EBADMSG, "attach says %d", rc);
	s.refused[x_self()] = rc != 0;
	if (!rc)
		turn();
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
		.name = "two",
		.operation = "pi_mutex.lock+unlock",
		.once = make,
		.setup = begin,
		.threads = { two_turns, two_turns },
		.final = four_had_it,
		.sys = pi_futex_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "three",
		.operation = "pi_mutex.lock+unlock",
		.once = make,
		.setup = begin,
		.threads = { turn, turn, turn },
		.final = three_had_it,
		.sys = pi_futex_sys,
	},
	{
		.name = "owner-dies",
		.operation = "pi_mutex.lock",
		.once = make,
		.setup = begin,
		.threads = { turn, turn, turn },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = pi_futex_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "heir-dies",
		.operation = "pi_mutex.lock",
		.once = make,
		.setup = begin,
		.threads = { turn, turn, turn },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = pi_futex_sys,
		.mortal = 3,
		.troubles = 2,
	},
	{
		.name = "try-of-the-dead",
		.operation = "pi_mutex.trylock",
		.once = make,
		.setup = begin,
		.threads = { turn, try_it, try_it },
		.final = all_inherited,
		.finish = heirs_happened,
		.sys = pi_futex_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "reused-tid",
		.operation = "pi_mutex.attach",
		.once = make_successor,
		.setup = begin,
		.threads = { turn, has_its_tid, try_then_wait },
		.final = all_inherited,
		.finish = tids_came_back,
		.sys = pi_futex_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "burier-dies",
		.operation = "pi_mutex.attach",
		.once = make_successor,
		.setup = begin,
		.threads = { turn, has_its_tid, try_then_wait },
		.final = all_inherited,
		.finish = tids_came_back,
		.sys = pi_futex_sys,
		.mortal = 5,
		.troubles = 2,
	},
	{
		.name = "owner-stops",
		.operation = "pi_mutex.lock_until",
		.once = make_late,
		.setup = begin,
		.threads = { turn, turn },
		.final = nobody_inherits,
		.finish = some_were_late,
		.sys = pi_futex_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "broken",
		.operation = "pi_mutex.unlock",
		.once = unsure,
		.setup = begin,
		.threads = { break_it, lock_broken, lock_broken },
		.final = all_heard_of_it,
		.sys = pi_futex_sys,
	},
	{
		.name = "init",
		.operation = "pi_mutex.attach",
		.once = new_bytes,
		.setup = begin,
		.threads = { create, find_and_use },
		.final = found_or_not,
		.finish = both_came,
		.sys = pi_futex_sys,
		.preemptions = 3,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
