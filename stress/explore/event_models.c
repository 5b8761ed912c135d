/* SPDX-License-Identifier: MIT */
/*
 * Models of the event count: notify, notify_one and wake_all in the three
 * modes, with up to two on each side. Tokens are published and taken; whoever
 * sleeps while there is one for it, and is never woken, is a lost wake-up,
 * which the runtime sees. Wake-ups for no reason, signals and time-outs come
 * anywhere.
 *
 * In mode RMW a token is published by a seq_cst addition, as the mode demands,
 * in the others by a release, as a ring does.
 */
#include <string.h>

#include "explore.h"

/* E goes with the first commit that finds it alone. */
#define SLIP_EVENT_CALM_ 1u
#include "futex/event.h"

static struct {
	struct slip_event ev;
	slip_a32 tokens; /* published so far */
	slip_a32 others; /* by a second who stores */
	slip_a32 taken;
	unsigned mode;
	bool one;	/* by notify_one */
	bool all;	/* by wake_all */
	bool two;	/* by two who store */
	uint64_t slice; /* of sleepers that watch peers; 0: none */
	unsigned slept[X_THREADS];
	unsigned got[X_THREADS];
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t sleeps, skips, troubled, late;

static void make(unsigned mode)
{
	memset(&s, 0, sizeof(s));
	s.mode = mode;
	sleeps = skips = troubled = late = 0;
	x_keep(&s, sizeof(s));
	x_name(&s.ev, sizeof(s.ev), "event");
	x_name(&s.tokens, sizeof(s.tokens), "tokens");
	x_name(&s.others, sizeof(s.others), "others");
	x_name(&s.taken, sizeof(s.taken), "taken");
}

static void asym(void)
{
	make(SLIP_EVENT_ASYM);
}

/* An earlier sleeper has left E. */
static void eager(void)
{
	make(SLIP_EVENT_ASYM);
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&s.ev.word, SLIP_EVENT_EAGER_);
}

static void asym_two(void)
{
	asym();
	s.two = true;
}

static void asym_two_one(void)
{
	asym_two();
	s.one = true;
}

static void eager_two(void)
{
	eager();
	s.two = true;
}

static void full(void)
{
	make(SLIP_EVENT_FULL);
}

static void rmw(void)
{
	make(SLIP_EVENT_RMW);
}

static void asym_one(void)
{
	make(SLIP_EVENT_ASYM);
	s.one = true;
}

static void full_one(void)
{
	make(SLIP_EVENT_FULL);
	s.one = true;
}

static void rmw_one(void)
{
	make(SLIP_EVENT_RMW);
	s.one = true;
}

static void always_wake(void)
{
	make(SLIP_EVENT_FULL);
	s.all = true;
}

/* --- the two sides --------------------------------------------------------- */

static void tell(void)
{
	if (s.all)
		slip_event_wake_all(&s.ev);
	else if (s.one)
		slip_event_notify_one(&s.ev, s.mode);
	else
		slip_event_notify(&s.ev, s.mode);
}

static void publish(void)
{
	if (s.mode == SLIP_EVENT_RMW)
		(void)slip_a32_fetch_add_seqcst(&s.tokens, 1);
	else
		(void)slip_a32_fetch_add_release(&s.tokens, 1);
	tell();
}

static void publish_two(void)
{
	publish();
	publish();
}

/* A store, which leaves the order of its look to the mode alone. */
static void store_one(void)
{
	slip_a32_store_release(&s.tokens, 1);
	tell();
}

static void store_other(void)
{
	slip_a32_store_release(&s.others, 1);
	tell();
}

static void store_two(void)
{
	slip_a32_store_release(&s.tokens, 1);
	tell();
	slip_a32_store_release(&s.tokens, 2);
	tell();
}

static void store_three(void)
{
	store_two();
	slip_a32_store_release(&s.tokens, 3);
	tell();
}

/* What there is to be had, by all that is known. */
static uint32_t published(void)
{
	uint32_t n = slip_a32_load_acquire(&s.tokens);

	return s.two ? n + slip_a32_load_acquire(&s.others) : n;
}

/* One token that nobody else has. */
static bool take(void)
{
	uint32_t seen = slip_a32_load_relaxed(&s.taken);

	while (seen < published())
		if (slip_a32_cas_acqrel(&s.taken, &seen, seen + 1)) {
			s.got[x_self()]++;
			return true;
		}
	return false;
}

static uint64_t deadline(void)
{
	return s.slice ? slip_after_ns(s.slice) : SLIP_FOREVER;
}

static void take_one(void)
{
	unsigned self = x_self();
	uint32_t key;

	while (!take()) {
		s.rc[self] = slip_event_prepare(&s.ev, s.mode, &key);
		X_ASSERT(!s.rc[self], "prepare says %d", s.rc[self]);
		if (take())
			return;
		s.slept[self]++;
		s.rc[self] = slip_event_sleep(&s.ev, key, deadline());
		X_ASSERT(!s.rc[self] || (s.rc[self] == -ETIMEDOUT && s.slice),
			 "sleep says %d", s.rc[self]);
	}
}

static void take_two(void)
{
	take_one();
	take_one();
}

static void take_three(void)
{
	take_two();
	take_one();
}

/* --- afterwards ------------------------------------------------------------ */

static void count(void)
{
	unsigned slept = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		slept += s.slept[i];
	sleeps += slept != 0;
	skips += slept == 0;
	troubled += x_troubled();
}

static void check_taken(uint32_t n)
{
	uint32_t got = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		got += s.got[i];
	X_ASSERT(got == n, "%u of %u tokens taken", got, n);
	count();
}

static void one_taken(void)
{
	check_taken(1);
}

static void two_taken(void)
{
	check_taken(2);
}

static void three_taken(void)
{
	check_taken(3);
}

static void both_happened(void)
{
	X_ASSERT(sleeps && skips, "slept %llu times, not %llu times",
		 (unsigned long long)sleeps, (unsigned long long)skips);
}

/* --- deaths and stops ------------------------------------------------------ */

static void sliced(void)
{
	make(SLIP_EVENT_FULL);
	s.slice = SLIP_SLICE_NS;
}

static void sliced_asym(void)
{
	make(SLIP_EVENT_ASYM);
	s.slice = SLIP_SLICE_NS;
}

static void sliced_one(void)
{
	sliced();
	s.one = true;
}

/* Sleeps until it gets a token, or until the notifier is gone without one. */
static void take_if_any(void)
{
	unsigned self = x_self();
	uint32_t key;

	while (!take()) {
		X_ASSERT(!slip_event_prepare(&s.ev, s.mode, &key), "prepare");
		if (take())
			return;
		/* The oracle, then the last look, as rings do. */
		if (x_dead(0))
			break;
		s.slept[self]++;
		s.rc[self] = slip_event_sleep(&s.ev, key, deadline());
	}
	(void)take();
}

/* A token that was published is taken, whether or not it was said aloud. */
static void notifier_died(void)
{
	/* own: nobody is left */
	uint32_t published = slip_a32_load_relaxed(&s.tokens);

	X_ASSERT(slip_a32_load_relaxed(&s.taken) == published,
		 "a token is left");
	late += published && x_dead(0) && s.slept[1];
	count();
}

static void late_happened(void)
{
	X_ASSERT(late && troubled, "%llu deaths, %llu told by the slice only",
		 (unsigned long long)troubled, (unsigned long long)late);
}

/* Two tokens, two sleepers, one of whom may go with its wake-up: the other
 * gets its own, and if the first died before it took one, there is one left. */
static void sleeper_died(void)
{
	X_ASSERT(s.got[2], "the survivor got nothing");
	late += x_dead(1) && s.slept[1] && s.slept[2];
	count();
}

/* The other has one of two tokens: who dies takes no barrier with it on which
 * the other relies. */
static void heir_of_a_barrier(void)
{
	X_ASSERT(s.got[2] == 1, "the survivor got %u", s.got[2]);
	late += x_dead(1) && s.slept[1] && s.slept[2];
	count();
}

static const struct x_model models[] = {
#define PAIR(NAME, ONCE)                                                       \
	{                                                                      \
		.name = NAME, .operation = "event.notify+sleep", .once = ONCE, \
		.threads = { store_two, take_two }, .final = two_taken,        \
		.finish = both_happened, .flags = X_SPURIOUS | X_EINTR,        \
		.surprises = 1, .preemptions = 6,                              \
	}
#define CROWD(NAME, ONCE)                                                      \
	{                                                                      \
		.name = NAME, .operation = "event.notify+sleep", .once = ONCE, \
		.threads = { publish, publish, take_one, take_one },           \
		.final = two_taken, .finish = both_happened,                   \
		.flags = X_SPURIOUS | X_EINTR, .surprises = 1,                 \
	}
#define ONE(NAME, ONCE)                                                      \
	{                                                                    \
		.name = NAME, .operation = "event.notify_one", .once = ONCE, \
		.threads = { publish, publish, take_one, take_one },         \
		.final = two_taken, .finish = both_happened,                 \
		.flags = X_SPURIOUS | X_EINTR, .surprises = 1,               \
	}
	PAIR("pair-asym", asym),
	PAIR("pair-full", full),
	CROWD("crowd-asym", asym),
	CROWD("crowd-full", full),
	CROWD("crowd-rmw", rmw),
	ONE("one-asym", asym_one),
	ONE("one-full", full_one),
	ONE("one-rmw", rmw_one),
#undef PAIR
#undef CROWD
#undef ONE
	{
		.name = "eager",
		.operation = "event.notify+sleep",
		.once = asym,
		.threads = { store_two, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.flags = X_SPURIOUS,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "eager-again",
		.operation = "event.notify+sleep",
		.once = asym,
		.threads = { store_three, take_two, take_one },
		.final = three_taken,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "eager-left",
		.operation = "event.notify+sleep",
		.once = eager,
		.threads = { store_two, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.flags = X_SPURIOUS,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "two-asym",
		.operation = "event.notify+sleep",
		.once = asym_two,
		.threads = { store_one, store_other, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "two-one-asym",
		.operation = "event.notify_one",
		.once = asym_two_one,
		.threads = { store_one, store_other, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "eager-two",
		.operation = "event.notify+sleep",
		.once = eager_two,
		.threads = { store_two, store_other, take_two, take_one },
		.final = three_taken,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "eager-pair",
		.operation = "event.notify+sleep",
		.once = eager,
		.threads = { store_three, take_three },
		.final = three_taken,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "eager-dies",
		.operation = "event.notify+sleep",
		.once = asym,
		.threads = { store_two, take_one, take_one },
		.final = heir_of_a_barrier,
		.finish = late_happened,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "pair-rmw",
		.operation = "event.notify+sleep",
		.once = rmw,
		.threads = { publish_two, take_two },
		.final = two_taken,
		.finish = both_happened,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 6,
	},
	{
		.name = "one-again",
		.operation = "event.notify_one",
		.once = asym_one,
		.threads = { publish_two, publish, take_two, take_one },
		.final = three_taken,
		.finish = both_happened,
	},
	{
		.name = "one-for-all",
		.operation = "event.notify_one",
		.once = full_one,
		.threads = { publish_two, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.preemptions = 4,
	},
	{
		.name = "wake-all",
		.operation = "event.wake_all",
		.once = always_wake,
		.threads = { publish_two, take_one, take_one },
		.final = two_taken,
		.finish = both_happened,
		.preemptions = 4,
	},
	{
		.name = "time-out",
		.operation = "event.sleep",
		.once = sliced,
		.threads = { store_one, take_one },
		.final = one_taken,
		.finish = both_happened,
		.flags = X_TIMEOUT | X_SPURIOUS,
		.surprises = 2,
		.preemptions = 6,
	},
	{
		.name = "notifier-dies",
		.operation = "event.notify",
		.once = sliced,
		.threads = { store_one, take_if_any },
		.final = notifier_died,
		.finish = late_happened,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 6,
	},
	{
		.name = "notifier-dies-asym",
		.operation = "event.notify",
		.once = sliced_asym,
		.threads = { store_one, take_if_any },
		.final = notifier_died,
		.finish = late_happened,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 6,
	},
	{
		.name = "sleeper-dies",
		.operation = "event.notify_one",
		.once = sliced_one,
		.threads = { publish_two, take_one, take_one },
		.final = sleeper_died,
		.finish = late_happened,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "sleeper-stops",
		.operation = "event.notify_one",
		.once = sliced_one,
		.threads = { publish_two, take_one, take_one },
		.final = sleeper_died,
		.finish = both_happened,
		.stoppable = 2,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
