/* SPDX-License-Identifier: MIT */
/*
 * Models of flag.h, of both kinds: setters and waiters in twos, a reset, deaths.
 *
 * What must hold: who is let through sees what was done before the flag was set;
 * an automatic flag lets through at most one for each setting, and all who may
 * get through do, with nobody told by a slice where nobody died.
 */
#include <string.h>

#include "explore.h"
#include "futex/event.h"

/* Adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "futex/flag.h"
#undef slip_spin_init

static struct {
	struct slip_flag flag;
	struct slip_flag back; /* of the relay */
	uint64_t news;	       /* plain */
	unsigned through[X_THREADS + 1];
	unsigned late[X_THREADS + 1];
	uint64_t began_ns;
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t slices, quick, taken, kept;

static void make(unsigned kind)
{
	memset(&s, 0, sizeof(s));
	slices = quick = taken = kept = 0;
	X_ASSERT(!slip_flag_init(&s.flag, kind), "init");
	X_ASSERT(!slip_flag_init(&s.back, SLIP_FLAG_AUTO), "init");
	x_keep(&s, sizeof(s));
	x_name(&s.flag, 4, "flag");
	x_name(&s.flag.event, 8, "event");
	x_name(&s.news, 8, "news");
}

static void manual(void)
{
	make(SLIP_FLAG_MANUAL);
}

static void automatic(void)
{
	make(SLIP_FLAG_AUTO);
}

static void begin(void)
{
	s.began_ns = slip_now_ns();
}

static void set(void)
{
	s.news = 1;
	slip_flag_set(&s.flag);
}

static void through(void)
{
	int rc = slip_flag_wait(&s.flag);

	X_ASSERT(rc == 0, "wait says %d", rc);
	s.through[x_self()]++;
}

/* Not for ever: who should set it may be dead. */
static void through_in_time(void)
{
	int rc = slip_flag_wait_until(&s.flag,
				      s.began_ns + 3 * SLIP_LONG_SLICE_NS);

	X_ASSERT(rc == 0 || rc == -ETIMEDOUT, "wait says %d", rc);
	if (rc == 0)
		s.through[x_self()]++;
	else
		s.late[x_self()]++;
}

/* Lets another one through after itself. */
static void pass_on(void)
{
	through_in_time();
	if (s.through[x_self()])
		slip_flag_set(&s.flag);
}

static void try_once(void)
{
	if (slip_flag_try(&s.flag)) {
		X_ASSERT(s.news == 1, "let through too early");
		s.through[x_self()]++;
	}
}

static void through_for_news(void)
{
	through();
	X_ASSERT(s.news == 1, "let through too early");
}

/* One at a time, by turns: each has the news to itself. */
static void left(void)
{
	for (unsigned i = 0; i < 2; i++) {
		s.news++;
		slip_flag_set(&s.flag);
		X_ASSERT(!slip_flag_wait(&s.back), "wait");
	}
}

static void right(void)
{
	for (unsigned i = 0; i < 2; i++) {
		X_ASSERT(!slip_flag_wait(&s.flag), "wait");
		s.news++;
		slip_flag_set(&s.back);
	}
}

/* Whoever resets it sees what the setter did. */
static void reset(void)
{
	if (slip_flag_reset(&s.flag)) {
		X_ASSERT(s.news == 1, "reset too early");
		slip_flag_set(&s.flag);
	}
}

/* One setting: one is let through, or it is still set. */
static void one_each(void)
{
	/* own: nobody is left */
	unsigned left_set = slip_a32_load_relaxed(&s.flag.word);
	unsigned n = s.through[1] + s.through[2];

	X_ASSERT(n + left_set == 1, "%u are through, and %u left", n, left_set);
	taken += n;
	kept += left_set;
}

/* Was it a slice that ended somebody's sleep, or his deadline? */
static void count(void)
{
	uint64_t slept_ns = slip_now_ns() - s.began_ns;

	if (slept_ns < SLIP_LONG_SLICE_NS)
		quick++;
	else if (slept_ns < 3 * SLIP_LONG_SLICE_NS)
		slices++;
}

static void no_slice(void)
{
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_LONG_SLICE_NS,
		 "told by a slice only");
	count();
}

static void by_turns(void)
{
	X_ASSERT(s.news == 4, "%u turns", (unsigned)s.news);
	no_slice();
}

/* Nobody is kept out by a flag that is set. */
static void not_kept_out(void)
{
	/* own: nobody is left */
	bool is_set = slip_a32_load_relaxed(&s.flag.word);

	for (unsigned i = 0; i < X_THREADS; i++)
		X_ASSERT(!is_set || !s.late[i], "thread %u is kept out", i);
	/* Before the deadline, and by nobody's word. */
	if (s.through[1] || s.through[2])
		count();
}

static void some_slices(void)
{
	X_ASSERT(slices && quick, "%llu by a slice, %llu not",
		 (unsigned long long)slices, (unsigned long long)quick);
}

static void both_ways(void)
{
	X_ASSERT(taken && kept, "%llu through, %llu times still set",
		 (unsigned long long)taken, (unsigned long long)kept);
}

static const struct x_model models[] = {
	{
		.name = "manual",
		.operation = "flag.wait",
		.once = manual,
		.setup = begin,
		.threads = { set, through_for_news, through_for_news },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "reset",
		.operation = "flag.reset",
		.once = manual,
		.setup = begin,
		.threads = { set, through_for_news, reset },
		.final = no_slice,
		.preemptions = 4,
	},
	{
		.name = "automatic",
		.operation = "flag.wait",
		.once = automatic,
		.setup = begin,
		.threads = { set, through_for_news },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 2,
		.preemptions = 6,
	},
	{
		.name = "one-of-two",
		.operation = "flag.try",
		.once = automatic,
		.setup = begin,
		.threads = { set, try_once, try_once },
		.final = one_each,
		.finish = both_ways,
	},
	{
		.name = "by-turns",
		.operation = "flag.wait",
		.once = automatic,
		.setup = begin,
		.threads = { left, right },
		.final = by_turns,
		.flags = X_SPURIOUS,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "setter-dies",
		.operation = "flag.set",
		.once = manual,
		.setup = begin,
		.threads = { set, through_in_time, through_in_time },
		.final = not_kept_out,
		.finish = some_slices,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "waiter-dies",
		.operation = "flag.wait",
		.once = automatic,
		.setup = begin,
		.threads = { set, through_in_time, pass_on },
		.final = not_kept_out,
		.finish = some_slices,
		.mortal = 4,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
