/* SPDX-License-Identifier: MIT */
/*
 * Models of once.h: rivals, an abort, runners killed and stopped anywhere.
 *
 * What must hold: what is made is made by one at a time (a race of plain data
 * if not), is whole to whoever is told that it is done, and is made once, and
 * once more for each runner that died or gave up; the next runner is told of a
 * death, and of nothing else; nobody sleeps for ever.
 */
#include <string.h>

#include "explore.h"
#include "futex/event.h"

/* Adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "futex/once.h"
#undef slip_spin_init
#include "peers.h"

static struct {
	struct slip_once once;
	uint64_t a, b; /* plain: what is made */
	uint64_t made; /* plain */
	unsigned told[X_THREADS + 1];
	unsigned ran[X_THREADS + 1];
	bool through[X_THREADS + 1];
	uint64_t began_ns;
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t contests, told, slices;

static void make_it(void)
{
	memset(&s, 0, sizeof(s));
	contests = told = slices = 0;
	x_keep(&s, sizeof(s));
	x_name(&s.once, 8, "once");
	x_name(&s.once.event, 8, "event");
	x_name(&s.a, 16, "made");
	peers_setup();
}

static void begin(void)
{
	s.began_ns = slip_now_ns();
}

static void look(void)
{
	X_ASSERT(s.a == s.b && s.a == s.made && s.made, "half made");
	s.through[x_self()] = true;
}

static void run_it(int how)
{
	unsigned self = x_self();

	X_ASSERT(how == 1 || how == -EOWNERDEAD, "begin says %d", how);
	s.told[self] += how == -EOWNERDEAD;
	X_ASSERT(how == 1 || x_troubled(), "told of a death, and nobody died");
	s.ran[self]++;
	/* What a dead one left half-way is made whole. */
	s.a = s.b = ++s.made;
}

static void once(void)
{
	int rc = slip_once_begin(&s.once, peers_self());

	if (rc) {
		run_it(rc);
		X_ASSERT(!slip_once_end(&s.once, peers_self()), "end");
	}
	look();
}

static void once_twice(void)
{
	once();
	once();
}

/* The first to run gives up. */
static void give_up(void)
{
	int rc = slip_once_begin(&s.once, peers_self());

	if (!rc) {
		look();
		return;
	}
	run_it(rc);
	X_ASSERT(!slip_once_abort(&s.once, peers_self()), "abort");
	s.through[x_self()] = true;
}

static void count(void)
{
	unsigned ran = 0;

	for (unsigned i = 0; i < X_THREADS; i++) {
		ran += s.ran[i];
		told += s.told[i];
		X_ASSERT(s.through[i] || !x_returned(i) || x_dead(i) ||
				 x_stopped(i) || i > 2,
			 "thread %u is not through", i);
	}
	contests += ran > 1;
	slices += slip_now_ns() - s.began_ns >= SLIP_SLICE_NS;
}

static void ran_once(void)
{
	unsigned ran = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		ran += s.ran[i];
	X_ASSERT(ran == 1 && s.made == 1, "it ran %u times", ran);
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
	count();
}

static void no_slice(void)
{
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
	count();
}

static void ran_again(void)
{
	X_ASSERT(contests, "nobody ran it again");
}

static void heard(void)
{
	X_ASSERT(told && slices, "told %llu times, %llu slices",
		 (unsigned long long)told, (unsigned long long)slices);
}

static const struct x_model models[] = {
	{
		.name = "rivals",
		.operation = "once.begin",
		.once = make_it,
		.setup = begin,
		.threads = { once, once, once_twice },
		.final = ran_once,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "abort",
		.operation = "once.abort",
		.once = make_it,
		.setup = begin,
		.threads = { give_up, once, once },
		.final = no_slice,
		.finish = ran_again,
		.sys = peers_sys,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "runner-dies",
		.operation = "once.begin",
		.once = make_it,
		.setup = begin,
		.threads = { once, once, once },
		.final = count,
		.finish = heard,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 1,
	},
	{
		.name = "two-die",
		.operation = "once.begin",
		.once = make_it,
		.setup = begin,
		.threads = { once, give_up, once },
		.final = count,
		.finish = heard,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
