/* SPDX-License-Identifier: MIT */
/*
 * Who runs next. A thread stops before each access that others could notice
 * (x_step) and where it waits (x_block); there the events that are possible are
 * listed, one is chosen, and happens. Kills, stops and surprises change a
 * thread's state and another choice follows; only "run" ends it.
 */
#include <errno.h>

#include "runtime.h"

/* How far time goes while threads spin: past the longest adaptive spin. */
#define SPIN_NS	   60000u
#define ROUNDS_MAX 80u

struct events {
	struct x_event e[X_EVENTS_MAX];
	unsigned n;
	unsigned bounded; /* from here on: preemptions */
};

static void add(struct events *v, enum x_kind kind, unsigned thread)
{
	v->e[v->n].kind = (uint8_t)kind;
	v->e[v->n].thread = (uint8_t)thread;
	v->n++;
}

static uint32_t others_links(const struct x_thread *t)
{
	return x.links - t->own;
}

static bool runnable(unsigned thread)
{
	const struct x_thread *t = &x.thread[thread];

	return t->state == X_RUNNING ||
	       (t->state == X_PAUSED && others_links(t) != t->heard);
}

static void add_troubles(struct events *v, unsigned thread)
{
	if (x.troubles >= x.model->troubles)
		return;
	if (x.model->mortal >> thread & 1)
		add(v, X_EV_KILL, thread);
	if (x.model->stoppable >> thread & 1)
		add(v, X_EV_STOP, thread);
}

/* What may happen to a thread that sleeps. */
static void add_sleeper(struct events *v, unsigned thread)
{
	unsigned flags = x.model->flags;

	if (x.thread[thread].state != X_ASLEEP)
		return;
	if (x.troubles < x.model->troubles && x.model->mortal >> thread & 1)
		add(v, X_EV_KILL, thread);
	if (x.surprises >= x.model->surprises)
		return;
	if (flags & X_SPURIOUS)
		add(v, X_EV_SPURIOUS, thread);
	if (flags & X_EINTR)
		add(v, X_EV_EINTR, thread);
	if (flags & X_TIMEOUT && x.thread[thread].deadline != UINT64_MAX)
		add(v, X_EV_TIMEOUT, thread);
}

static void list(struct events *v, int self)
{
	bool goes_on = self >= 0 && runnable((unsigned)self);

	v->n = 0;
	if (goes_on) {
		add(v, X_EV_RUN, (unsigned)self);
		add_troubles(v, (unsigned)self);
	} else {
		for (unsigned i = 0; i < x.threads; i++)
			if (runnable(i))
				add(v, X_EV_RUN, i);
		if (!v->n)
			add(v, X_EV_TIME, 0);
	}
	if (x.model->mortal | x.model->flags)
		for (unsigned i = 0; i < x.threads; i++)
			add_sleeper(v, i);
	v->bounded = v->n;
	if (!goes_on)
		return;
	for (unsigned i = 0; i < x.threads; i++)
		if ((int)i != self && runnable(i))
			add(v, X_EV_RUN, i);
}

/* --- waking ---------------------------------------------------------------- */

static void rouse(unsigned thread, long result)
{
	x.thread[thread].state = X_RUNNING;
	x.thread[thread].result = result;
}

/* Which of the words it sleeps on that is; -1: none. */
static int sleeps_on(const struct x_thread *t, uintptr_t key)
{
	if (t->key == key)
		return 0;
	for (unsigned i = 0; i < X_WORDS - 1; i++)
		if (t->others[i] == key)
			return (int)i + 1;
	return -1;
}

/* The longest asleep first. How many. */
unsigned x_wake(uintptr_t key, uint32_t bits, unsigned count)
{
	unsigned done = 0;

	while (done < count) {
		unsigned best = X_THREADS;

		for (unsigned i = 0; i < x.threads; i++) {
			const struct x_thread *t = &x.thread[i];

			if (t->state == X_ASLEEP && sleeps_on(t, key) >= 0 &&
			    t->bits & bits &&
			    (best == X_THREADS ||
			     t->turn < x.thread[best].turn))
				best = i;
		}
		if (best == X_THREADS)
			break;
		rouse(best, sleeps_on(&x.thread[best], key));
		done++;
	}
	return done;
}

static long go_down(uintptr_t key, uint32_t bits, uint64_t deadline)
{
	struct x_thread *t = x_me();

	t->state = X_ASLEEP;
	t->key = key;
	t->bits = bits;
	t->deadline = deadline;
	t->turn = x.turns++;
	if (deadline <= x.now)
		rouse((unsigned)x.self, -ETIMEDOUT);
	else
		x_block();
	return t->result;
}

long x_sleep(uintptr_t key, uint32_t bits, uint64_t deadline)
{
	memset(x_me()->others, 0, sizeof(x_me()->others));
	return go_down(key, bits, deadline);
}

/* On `n` of them; the result of a wake-up says which. */
long x_sleep_on(const uintptr_t *keys, unsigned n, uint64_t deadline)
{
	struct x_thread *t = x_me();

	for (unsigned i = 1; i < X_WORDS; i++)
		t->others[i - 1] = i < n ? keys[i] : 0;
	return go_down(keys[0], UINT32_MAX, deadline);
}

static void time_out(unsigned thread)
{
	struct x_thread *t = &x.thread[thread];

	if (x.now < t->deadline)
		x.now = t->deadline;
	t->fresh = x.links;
	rouse(thread, -ETIMEDOUT);
}

/* --- time ------------------------------------------------------------------ */

static void nobody_wakes(void)
{
	const char *why = "";
	unsigned who = 0;

	for (unsigned i = 0; i < x.threads; i++) {
		if (x.thread[i].state == X_ASLEEP)
			who = i;
		if (x.thread[i].state == X_STOPPED)
			why = " (another is stopped)";
	}
	x_fail_text("lost wake-up: thread %u sleeps on %s for ever%s", who,
		    x_where((const void *)x.thread[who].key), why);
}

/* The next instant at which somebody has a reason to go on; 0: none. */
static uint64_t next_instant(bool *asleep)
{
	uint64_t next = UINT64_MAX;
	bool spins = false;

	*asleep = false;
	for (unsigned i = 0; i < x.threads; i++) {
		const struct x_thread *t = &x.thread[i];

		if (t->state == X_PAUSED)
			spins = true;
		if (t->state == X_ASLEEP)
			*asleep = true;
		if (t->state == X_ASLEEP && t->deadline < next)
			next = t->deadline;
	}
	if (spins && next - x.now > SPIN_NS)
		next = x.now + SPIN_NS;
	return next == UINT64_MAX ? 0 : next;
}

/* Nobody can run: stores arrive, time passes, or this is the end. */
static void pass_time(void)
{
	bool asleep;
	uint64_t next;

	if (x_memory_drain_all()) {
		x.rounds = 0;
		for (unsigned i = 0; i < x.threads; i++)
			if (runnable(i))
				return;
	}
	next = next_instant(&asleep);
	if (!next) {
		if (asleep)
			nobody_wakes();
		x.ended = true;
		return;
	}
	if (++x.rounds > ROUNDS_MAX)
		x_fail_text("livelock: time passes and nobody gets on");
	x.now = next;
	for (unsigned i = 0; i < x.threads; i++) {
		struct x_thread *t = &x.thread[i];

		if (t->state == X_PAUSED)
			t->heard = others_links(t) - 1;
		if (t->state == X_ASLEEP && t->deadline <= x.now)
			time_out(i);
	}
}

/* --- events ---------------------------------------------------------------- */

static void trouble(unsigned thread, enum x_state state)
{
	x.troubles++;
	/* Those who spin look again: the oracle may have news. */
	x.links++;
	x.thread[thread].state = state;
	if (x.tracing)
		x_trace(0, NULL, 0, "*** thread %u is %s", thread,
			state == X_DEAD ? "killed" : "stopped for ever");
	if (state == X_DEAD)
		x_kernel_kill(thread);
}

static void surprise(struct x_event e)
{
	x.surprises++;
	if (x.tracing)
		x_trace(0, NULL, 0, "*** thread %u wakes: %s", e.thread,
			e.kind == X_EV_EINTR	 ? "EINTR"
			: e.kind == X_EV_TIMEOUT ? "its time has come"
						 : "spuriously");
	if (e.kind == X_EV_TIMEOUT)
		time_out(e.thread);
	else
		rouse(e.thread, e.kind == X_EV_EINTR ? -EINTR : 0);
}

/* Everything but "run". */
static void happen(struct x_event e)
{
	switch (e.kind) {
	case X_EV_TIME:
		pass_time();
		break;
	case X_EV_KILL:
		trouble(e.thread, X_DEAD);
		break;
	case X_EV_STOP:
		trouble(e.thread, X_STOPPED);
		break;
	default:
		surprise(e);
	}
}

/* Choose until somebody is to run: who, or -1: the execution has ended. */
static int choose_thread(int self)
{
	struct events v;
	struct x_event e;

	do {
		list(&v, self);
		e = v.e[x_choose_event(v.e, v.n, v.bounded)];
		if (e.kind != X_EV_RUN)
			happen(e);
	} while (e.kind != X_EV_RUN && !x.ended);
	if (x.ended)
		return -1;
	if (self >= 0 && e.thread != self && runnable((unsigned)self))
		x.switches++;
	return e.thread;
}

/* From the fiber of `self`, or -1: from the one that runs setup and final. */
static void go(int self, int next)
{
	void **save = self < 0 ? &x.alone_sp : &x.thread[self].sp;

	if (next >= 0)
		x.thread[next].chosen = true;
	if (next == self)
		return;
	x_become(next);
	x_fiber_switch(save, next < 0 ? x.alone_sp : x.thread[next].sp);
}

/* Chosen when it could not be killed or stopped: is it now? */
static void offer_troubles(int self)
{
	struct events v;
	struct x_event e;

	v.n = 0;
	add(&v, X_EV_RUN, (unsigned)self);
	add_troubles(&v, (unsigned)self);
	if (v.n == 1)
		return;
	e = v.e[x_choose_event(v.e, v.n, v.n)];
	if (e.kind == X_EV_RUN)
		return;
	happen(e);
	go(self, choose_thread(self));
}

static void count_step(void)
{
	if (++x.steps > x.steps_max)
		x_fail_text("livelock: more than %u steps", x.steps_max);
	if (x_me()->now.clock[x.self] > X_CLOCK_MAX)
		x_fail_text("more than %d releases", X_CLOCK_MAX);
}

/* A step of the thread that runs is about to take effect. It is not asked
 * twice whether it shall run: not if it was chosen since its last. */
void x_step(void)
{
	int self = x.self;
	int next;

	count_step();
	if (!x.thread[self].chosen) {
		next = choose_thread(self);
		if (next == self)
			return;
		go(self, next);
	}
	x.thread[self].chosen = false;
	offer_troubles(self);
}

/* The thread that runs cannot, for now or ever. */
void x_block(void)
{
	go(x.self, choose_thread(x.self));
}

/* --- threads --------------------------------------------------------------- */

static void body(void)
{
	x.model->threads[x.self]();
	/* It may be killed after its last access as well. */
	if (x.model->mortal | x.model->stoppable)
		x_step();
	if (x.tracing)
		x_trace(0, NULL, 0, "returns");
	x_me()->state = X_DONE;
	x_block();
}

void x_schedule_begin(void)
{
	for (unsigned i = 0; i < x.threads; i++) {
		struct x_thread *t = &x.thread[i];

		t->state = X_RUNNING;
		t->fresh = 0;
		t->own = 0;
		t->heard = 0;
		t->chosen = false;
		x_fiber_make(&t->sp, &t->stack, body);
	}
	x.ended = false;
}

/* All threads, until all have returned, died or been stopped. */
void x_schedule(void)
{
	go(-1, choose_thread(-1));
	x_become(-1);
}

void x_pause(void)
{
	struct x_thread *t;

	if (x.self < 0)
		return;
	count_step();
	t = x_me();
	if (x.tracing)
		x_trace(x_pc(__builtin_return_address(0)), NULL, 0, "pause");
	if (others_links(t) == t->heard) {
		t->state = X_PAUSED;
		x_block();
		t->state = X_RUNNING;
	}
	t->heard = others_links(t);
	t->fresh = x.links;
}

uint64_t x_now(void)
{
	return x.now;
}

unsigned x_self(void)
{
	return x.self < 0 ? X_ALONE : (unsigned)x.self;
}

bool x_dead(unsigned thread)
{
	if (x.thread[thread].state != X_DEAD)
		return false;
	if (x.self >= 0)
		x_memory_meet(thread);
	return true;
}

bool x_returned(unsigned thread)
{
	return x.thread[thread].state == X_DONE;
}

bool x_stopped(unsigned thread)
{
	return x.thread[thread].state == X_STOPPED;
}

bool x_troubled(void)
{
	return x.troubles != 0;
}
