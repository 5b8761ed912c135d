/* SPDX-License-Identifier: MIT */
/*
 * Models of the condition variable, with all three mutexes: signal and
 * broadcast, with the mutex in hand and without; wake-ups for no reason, signals
 * and time-outs anywhere; who waits, tells or was told killed or stopped
 * anywhere. The kernel's part of the PI mutex is played: see pi_futex.h.
 *
 * What must hold: a unit that was put in is taken by somebody who waits for it;
 * unless there was trouble, before any slice has ended, so that a wake-up that
 * is lost is not made good for by the slice; and if there was, in the end.
 */
#include <string.h>

#include "explore.h"
#include "futex/event.h"

/* The mutex's adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "futex/cond.h"
#undef slip_spin_init
#include "pi_futex.h"

static struct {
	struct slip_cond cond;
	struct slip_mutex plain;
	struct slip_robust_mutex_shared lock;
	struct slip_robust_mutex handle[X_THREADS + 1];
	struct slip_pi_mutex_shared pi_lock;
	struct slip_pi_mutex pi_handle[X_THREADS + 1];
	uint32_t units; /* plain: the mutex protects it */
	uint32_t put;	/* so too */
	bool done[X_THREADS + 1];
	unsigned waits[X_THREADS + 1];
	unsigned got[X_THREADS + 1];
	unsigned late[X_THREADS + 1];
	unsigned told[X_THREADS + 1]; /* that the owner is dead */
	bool robust;
	bool pi;
	uint64_t began_ns;
	uint64_t deadline_ns; /* after that; of each thread's first waits */
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t waits, none, slices, late, told;

static void make(void)
{
	memset(&s, 0, sizeof(s));
	waits = none = slices = late = told = 0;
	s.deadline_ns = SLIP_FOREVER;
	/* init: sleep at once */
	slip_a32_store_relaxed(&s.cond.vain, SLIP_COND_VAIN_);
	x_keep(&s, sizeof(s));
	x_name(&s.cond, sizeof(s.cond), "cond");
	x_name(&s.plain, 8, "mutex");
	x_name(&s.plain.event, 8, "mutex.event");
	x_name(&s.lock, 8, "robust");
	x_name(&s.lock.event, 8, "robust.event");
	x_name(&s.pi_lock.word, 4, "pi");
	x_name(&s.units, sizeof(s.units), "units");
	peers_setup();
}

static void make_robust(unsigned mode)
{
	make();
	s.robust = true;
	X_ASSERT(!slip_robust_mutex_init(&s.lock, mode), "init");
	for (unsigned i = 0; i <= X_THREADS; i++) {
		X_ASSERT(!slip_robust_mutex_attach(&s.handle[i], &s.lock,
						   &peers_member[i], 0),
			 "attach");
		s.handle[i].waiter.spin.skip = UINT32_MAX;
	}
}

static void make_pi(void)
{
	make();
	s.pi = true;
	pi_futex_setup();
	X_ASSERT(!slip_pi_mutex_init(&s.pi_lock), "init");
	for (unsigned i = 0; i <= X_THREADS; i++) {
		pi_futex_as = i;
		X_ASSERT(!slip_pi_mutex_attach(&s.pi_handle[i], &s.pi_lock,
					       &peers_member[i]),
			 "attach");
	}
}

static void plain(void)
{
	make();
}

/* As long as the hint allows. */
static void spinning(void)
{
	make();
	/* init */
	slip_a32_store_relaxed(&s.cond.vain, SLIP_COND_VAIN_ - 1);
}

static void robust(void)
{
	make_robust(SLIP_EVENT_FULL);
}

static void robust_asym(void)
{
	make_robust(SLIP_EVENT_ASYM);
}

static void timed(void)
{
	make();
	s.deadline_ns = 1000;
}

static void timed_pi(void)
{
	make_pi();
	s.deadline_ns = 1000;
}

static void begin(void)
{
	s.began_ns = slip_now_ns();
}

/* Time stands still while anybody runs: so long have all slept. */
static uint64_t slept_ns(void)
{
	return slip_now_ns() - s.began_ns;
}

static uint64_t deadline(void)
{
	if (s.deadline_ns == SLIP_FOREVER || s.late[x_self()])
		return SLIP_FOREVER;
	return s.began_ns + s.deadline_ns;
}

/* --- the mutex, of whichever kind ------------------------------------------ */

/* A dead owner has left whole units: what it protects is in order. */
static void heard(int rc)
{
	unsigned self = x_self();

	if (rc == -EOWNERDEAD) {
		s.told[self]++;
		rc = s.pi ? slip_pi_mutex_consistent(&s.pi_handle[self])
			  : slip_robust_mutex_consistent(&s.handle[self]);
	}
	X_ASSERT(rc == 0, "the mutex says %d", rc);
}

static void lock(void)
{
	if (s.pi)
		heard(slip_pi_mutex_lock(&s.pi_handle[x_self()]));
	else if (s.robust)
		heard(slip_robust_mutex_lock(&s.handle[x_self()]));
	else
		heard(slip_mutex_lock(&s.plain));
}

static void unlock(void)
{
	int rc;

	if (s.pi)
		rc = slip_pi_mutex_unlock(&s.pi_handle[x_self()]);
	else if (s.robust)
		rc = slip_robust_mutex_unlock(&s.handle[x_self()]);
	else
		rc = slip_mutex_unlock(&s.plain);
	X_ASSERT(rc == 0, "unlock says %d", rc);
}

static void wait_for_it(void)
{
	unsigned self = x_self();
	int rc;

	s.waits[self]++;
	if (s.pi)
		rc = slip_cond_wait_pi_until(&s.cond, &s.pi_handle[self],
					     deadline());
	else if (s.robust)
		rc = slip_cond_wait_robust_until(&s.cond, &s.handle[self],
						 deadline());
	else
		rc = slip_cond_wait_until(&s.cond, &s.plain, deadline());
	if (rc == -ETIMEDOUT && deadline() != SLIP_FOREVER) {
		X_ASSERT(slept_ns() >= s.deadline_ns, "late too early");
		s.late[self]++;
		rc = 0;
	}
	heard(rc);
}

static void tell(void)
{
	slip_cond_signal(&s.cond);
}

static void tell_all(void)
{
	if (s.pi)
		slip_cond_broadcast_pi(&s.cond);
	else if (s.robust)
		slip_cond_broadcast_robust(&s.cond, &s.handle[x_self()]);
	else
		slip_cond_broadcast(&s.cond, &s.plain);
}

/* --- the threads ----------------------------------------------------------- */

static void put(uint32_t n)
{
	lock();
	s.units += n;
	s.put += n;
}

static void put_one(void)
{
	put(1);
	unlock();
	tell();
}

static void put_two(void)
{
	put_one();
	put_one();
}

static void put_one_inside(void)
{
	put(1);
	tell();
	unlock();
}

static void put_for_all(void)
{
	put(2);
	unlock();
	tell_all();
}

static void put_for_all_inside(void)
{
	put(2);
	tell_all();
	unlock();
}

/* Nothing but the mutex: its unlock may be on its way. */
static void visit(void)
{
	lock();
	unlock();
}

static void take_one(void)
{
	unsigned self = x_self();

	lock();
	while (s.units == 0)
		wait_for_it();
	s.units--;
	s.got[self]++;
	unlock();
	s.done[self] = true;
}

static void take_two(void)
{
	take_one();
	take_one();
}

/* Looks on, and passes the word on to who takes. */
static void pass_on(void)
{
	unsigned self = x_self();

	lock();
	while (s.put == 0)
		wait_for_it();
	unlock();
	tell();
	s.done[self] = true;
}

/* Until it gets one, or thread 0 is gone without. */
static void take_if_any(void)
{
	unsigned self = x_self();

	lock();
	while (s.units == 0 && !x_dead(0))
		wait_for_it();
	if (s.units) {
		s.units--;
		s.got[self]++;
	}
	unlock();
	s.done[self] = true;
}

/* --- afterwards ------------------------------------------------------------ */

static uint32_t sum(const unsigned *of)
{
	uint32_t n = 0;

	for (unsigned i = 0; i <= X_THREADS; i++)
		n += of[i];
	return n;
}

static void count(void)
{
	waits += sum(s.waits) != 0;
	none += sum(s.waits) == 0;
	late += sum(s.late);
	told += sum(s.told);
	/* Longer than any slice of a robust mutex. */
	slices += slept_ns() >= SLIP_SLICE_NS;
}

static void all_taken(void)
{
	uint32_t got = sum(s.got);

	X_ASSERT(got == s.put && s.units == 0, "%u of %u taken", got, s.put);
	X_ASSERT(slept_ns() < SLIP_SLICE_NS, "told by a slice only");
	count();
}

/* Where time-outs are choices, time means nothing. */
static void all_taken_late(void)
{
	X_ASSERT(sum(s.got) == s.put && s.units == 0, "not all taken");
	count();
}

static void both_happened(void)
{
	X_ASSERT(waits && none, "waited %llu times, not %llu times",
		 (unsigned long long)waits, (unsigned long long)none);
}

static void some_late(void)
{
	both_happened();
	X_ASSERT(late, "nobody was late");
}

/* Whoever was not in trouble is through. */
static void survivors_through(void)
{
	for (unsigned i = 0; i < X_THREADS; i++)
		if (s.waits[i] || s.got[i])
			X_ASSERT(s.done[i] || !x_returned(i) || x_dead(i) ||
					 x_stopped(i),
				 "thread %u is not through", i);
	X_ASSERT(sum(s.got) + s.units == s.put, "%u + %u of %u", sum(s.got),
		 s.units, s.put);
	/* own: nobody is left */
	X_ASSERT(!slip_a32_load_relaxed(&s.pi_lock.broken),
		 "the mutex is broken");
	count();
}

static void some_slices(void)
{
	both_happened();
	X_ASSERT(slices, "no slice was needed");
}

static void some_told(void)
{
	some_slices();
	X_ASSERT(told, "nobody was told");
}

#define ANY (X_SPURIOUS | X_EINTR)

static const struct x_model models[] = {
	{
		.name = "signal",
		.operation = "cond.signal",
		.once = plain,
		.setup = begin,
		.threads = { put_one, put_one, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "signal-pair",
		.operation = "cond.signal",
		.once = plain,
		.setup = begin,
		.threads = { put_two, take_two },
		.final = all_taken,
		.finish = both_happened,
		.flags = ANY,
		.surprises = 2,
		.preemptions = 4,
	},
	{
		.name = "signal-spin",
		.operation = "cond.signal",
		.once = spinning,
		.setup = begin,
		.threads = { put_one, put_one, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "signal-inside",
		.operation = "cond.signal",
		.once = plain,
		.setup = begin,
		.threads = { put_one_inside, put_one_inside, take_one,
			     take_one },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "signal-robust",
		.operation = "cond.signal",
		.once = robust,
		.setup = begin,
		.threads = { put_one, put_one, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
		.sys = peers_sys,
	},
	{
		.name = "signal-asym",
		.operation = "cond.signal",
		.once = robust_asym,
		.setup = begin,
		.threads = { put_two, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
		.sys = peers_sys,
	},
	{
		.name = "wait-until",
		.operation = "cond.wait",
		.once = timed,
		.setup = begin,
		.threads = { put_two, take_one, take_one },
		.final = all_taken_late,
		.finish = some_late,
		.flags = X_TIMEOUT | X_SPURIOUS,
		.surprises = 2,
	},
	{
		.name = "broadcast",
		.operation = "cond.broadcast",
		.once = plain,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
		.flags = ANY,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "broadcast-inside",
		.operation = "cond.broadcast",
		.once = plain,
		.setup = begin,
		.threads = { put_for_all_inside, take_one, take_one, visit },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "broadcast-visited",
		.operation = "cond.broadcast",
		.once = plain,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one, visit },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "broadcast-twice",
		.operation = "cond.broadcast",
		.once = plain,
		.setup = begin,
		.threads = { put_for_all, put_for_all, take_two, take_two },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "broadcast-and-signal",
		.operation = "cond.broadcast",
		.once = plain,
		.setup = begin,
		.threads = { put_for_all, put_one, take_one, take_two },
		.final = all_taken,
		.finish = both_happened,
	},
	{
		.name = "broadcast-robust",
		.operation = "cond.broadcast",
		.once = robust,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one, visit },
		.final = all_taken,
		.finish = both_happened,
		.sys = peers_sys,
	},
	{
		.name = "broadcast-asym",
		.operation = "cond.broadcast",
		.once = robust_asym,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one, visit },
		.final = all_taken,
		.finish = both_happened,
		.sys = peers_sys,
	},
	{
		.name = "signaller-dies",
		.operation = "cond.signal",
		.once = robust,
		.setup = begin,
		.threads = { put_one, take_if_any },
		.final = survivors_through,
		.finish = some_told,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "broadcaster-dies",
		.operation = "cond.broadcast",
		.once = robust,
		.setup = begin,
		.threads = { put_for_all, take_if_any, take_if_any },
		.final = survivors_through,
		.finish = some_told,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "waiter-dies",
		.operation = "cond.wait",
		.once = robust,
		.setup = begin,
		.threads = { put_one, pass_on, take_one },
		.final = survivors_through,
		.finish = some_told,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "moved-waiter-dies",
		.operation = "cond.broadcast",
		.once = robust,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one },
		.final = survivors_through,
		.finish = some_told,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "signal-pi",
		.operation = "cond.signal",
		.once = make_pi,
		.setup = begin,
		.threads = { put_one, put_one, take_one, take_one },
		.final = all_taken,
		.finish = both_happened,
		.sys = pi_futex_sys,
	},
	{
		.name = "signal-pi-pair",
		.operation = "cond.signal",
		.once = make_pi,
		.setup = begin,
		.threads = { put_two, take_two },
		.final = all_taken,
		.finish = both_happened,
		.sys = pi_futex_sys,
		.flags = ANY,
		.surprises = 2,
		.preemptions = 4,
	},
	{
		.name = "broadcast-pi",
		.operation = "cond.broadcast",
		.once = make_pi,
		.setup = begin,
		.threads = { put_for_all, take_one, take_one, visit },
		.final = all_taken,
		.finish = both_happened,
		.sys = pi_futex_sys,
	},
	{
		.name = "broadcast-pi-inside",
		.operation = "cond.broadcast",
		.once = make_pi,
		.setup = begin,
		.threads = { put_for_all_inside, put_one, take_one, take_two },
		.final = all_taken,
		.finish = both_happened,
		.sys = pi_futex_sys,
	},
	{
		.name = "wait-until-pi",
		.operation = "cond.wait",
		.once = timed_pi,
		.setup = begin,
		.threads = { put_two, take_one, take_one },
		.final = all_taken_late,
		.finish = some_late,
		.sys = pi_futex_sys,
		.flags = X_TIMEOUT | X_SPURIOUS,
		.surprises = 2,
	},
	{
		.name = "pi-signaller-dies",
		.operation = "cond.signal",
		.once = make_pi,
		.setup = begin,
		.threads = { put_one, take_if_any },
		.final = survivors_through,
		.finish = some_told,
		.sys = pi_futex_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "pi-broadcaster-dies",
		.operation = "cond.broadcast",
		.once = make_pi,
		.setup = begin,
		.threads = { put_for_all, take_if_any, take_if_any },
		.final = survivors_through,
		.finish = some_told,
		.sys = pi_futex_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "pi-waiter-dies",
		.operation = "cond.wait",
		.once = make_pi,
		.setup = begin,
		.threads = { put_one, pass_on, take_one },
		.final = survivors_through,
		.finish = some_told,
		.sys = pi_futex_sys,
		.mortal = 2,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
