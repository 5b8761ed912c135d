/* SPDX-License-Identifier: MIT */
/*
 * Models of futex/waitset.h, with events in the three modes, semaphores, flags,
 * raw words and rings of all kinds: one or two publishers, and one who waits for
 * whichever comes first, until all have come. And of futex/bridge.h: a loop, its
 * thread, and what the loop has to itself.
 *
 * What must hold: who waits is told of each, by nobody's slice where nobody
 * died; what was done before a source became ready is seen; a set that takes
 * nothing keeps nothing from others; who is dead is asked about after a slice,
 * also where sleeps end early.
 */
#include <string.h>

#include "explore.h"

/* E goes with the first commit that finds it alone. */
#define SLIP_EVENT_CALM_ 1u
#include "futex/event.h"

/* Adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "futex/bridge.h"
#include "ring/sources.h"
#undef slip_spin_init

#define WAITV 449
#define RING  1024
#define QUEUE 4096

static struct {
	struct slip_event ev[2];
	slip_a32 tokens[2];
	slip_a32 word;
	uint64_t news; /* plain: behind the word, or the flag */
	struct slip_sem sem;
	struct slip_flag flag;
	unsigned mode;
	uint64_t slice;
	uint64_t began_ns;
	unsigned got[X_THREADS + 1];
	unsigned late[X_THREADS + 1];
	struct slip_bridge bridge;
	slip_a32 readable; /* its descriptor */
	uint64_t private;  /* plain: of whoever has the handles */
	struct slip_spsc_producer p[2];
	struct slip_spsc_consumer c[2];
	struct slip_record_producer record_p;
	struct slip_record_consumer record_c;
	struct slip_mpmc q[3];
} s;

static unsigned char rings[2][RING] __attribute__((aligned(128)));
static unsigned char queue[QUEUE] __attribute__((aligned(128)));

/* Over all executions; so that none of the claims is empty. */
static uint64_t slices, quick, dead;

static void make(unsigned mode, uint64_t slice)
{
	memset(&s, 0, sizeof(s));
	s.mode = mode;
	s.slice = slice;
	slices = quick = dead = 0;
	X_ASSERT(!slip_flag_init(&s.flag, SLIP_FLAG_MANUAL), "init");
	x_keep(&s, sizeof(s));
	x_name(&s.ev[0], 8, "event 0");
	x_name(&s.ev[1], 8, "event 1");
	x_name(&s.tokens, 8, "tokens");
	x_name(&s.word, 4, "word");
	x_name(&s.sem, 16, "sem");
	x_name(&s.flag, 16, "flag");
	x_name(&s.news, 8, "news");
}

static int handle_now(const struct slip_source *source, bool ask)
{
	const slip_a32 *token = source->handle;

	(void)ask;
	s.private ++;
	return (int)slip_a32_load_acquire(token);
}

static void asym(void)
{
	make(SLIP_EVENT_ASYM, SLIP_FOREVER);
}

/* An earlier sleeper has left E in one of the two. */
static void eager(void)
{
	asym();
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&s.ev[1].word, SLIP_EVENT_EAGER_);
}

static void full(void)
{
	make(SLIP_EVENT_FULL, SLIP_FOREVER);
}

static void rmw(void)
{
	make(SLIP_EVENT_RMW, SLIP_FOREVER);
}

static void full_slices(void)
{
	make(SLIP_EVENT_FULL, SLIP_SLICE_NS);
}

static void two_rings(void)
{
	make(SLIP_EVENT_FULL, SLIP_FOREVER);
	for (unsigned i = 0; i < 2; i++) {
		X_ASSERT(!slip_spsc_init(rings[i], RING, 2, 8, SLIP_EVENT_FULL),
			 "init");
		X_ASSERT(!slip_spsc_attach_producer(&s.p[i], rings[i], RING,
						    NULL),
			 "attach");
		X_ASSERT(!slip_spsc_attach_consumer(&s.c[i], rings[i], RING,
						    NULL),
			 "attach");
	}
	x_keep(rings, sizeof(rings));
}

/* With room for one more record of 8 bytes, and not of 24. */
static void record_ring(void)
{
	unsigned char body[24] = { 0 };

	make(SLIP_EVENT_FULL, SLIP_FOREVER);
	X_ASSERT(!slip_record_init(rings[0], RING, 64, SLIP_EVENT_FULL),
		 "init");
	X_ASSERT(
		!slip_record_attach_producer(&s.record_p, rings[0], RING, NULL),
		"attach");
	X_ASSERT(
		!slip_record_attach_consumer(&s.record_c, rings[0], RING, NULL),
		"attach");
	X_ASSERT(!slip_record_push(&s.record_p, body, 24), "push");
	x_keep(rings, sizeof(rings));
}

/* Thread 0 has one role, the others the other one. */
static void mpmc_ring(unsigned role)
{
	unsigned flags = SLIP_EVENT_FULL | SLIP_MPMC_SEATS(3);
	unsigned others = SLIP_PRODUCER + SLIP_CONSUMER - role;

	make(SLIP_EVENT_FULL, SLIP_FOREVER);
	X_ASSERT(!slip_mpmc_init(queue, QUEUE, 2, 8, flags), "init");
	for (unsigned i = 0; i < 3; i++) {
		X_ASSERT(!slip_mpmc_attach(&s.q[i], queue, QUEUE,
					   i ? others : role, NULL),
			 "attach");
		s.q[i].patience = 0;
	}
	x_keep(queue, sizeof(queue));
}

static void mpmc_empty(void)
{
	mpmc_ring(SLIP_PRODUCER);
}

static void mpmc_full(void)
{
	uint64_t x = 40;

	mpmc_ring(SLIP_CONSUMER);
	while (slip_mpmc_push(&s.q[1], &x))
		x++;
	X_ASSERT(x == 42, "%u in 2 slots", (unsigned)x - 40);
}

static void bridged(void)
{
	struct slip_source sources[2];

	make(SLIP_EVENT_FULL, SLIP_FOREVER);
	slip_event_source(&sources[0], &s.ev[0], s.mode, s.slice, handle_now,
			  &s.tokens[0]);
	slip_event_source(&sources[1], &s.ev[1], s.mode, s.slice, handle_now,
			  &s.tokens[1]);
	X_ASSERT(!slip_bridge_open(&s.bridge, sources, 2), "open");
	x_name(&s.bridge.word, 4, "bridge");
	x_name(&s.readable, 4, "readable");
	x_name(&s.private, 8, "private");
}

static void begin(void)
{
	s.began_ns = slip_now_ns();
}

/* --- publishers -------------------------------------------------------------- */

static void publish(unsigned i)
{
	if (s.mode == SLIP_EVENT_RMW)
		(void)slip_a32_fetch_add_seqcst(&s.tokens[i], 1);
	else
		slip_a32_store_release(&s.tokens[i], 1);
	slip_event_notify(&s.ev[i], s.mode);
}

static void publish_0(void)
{
	publish(0);
}

static void publish_1(void)
{
	publish(1);
}

static void publish_both(void)
{
	publish(0);
	publish(1);
}

static void publish_0_twice(void)
{
	publish(0);
	publish(1);
	slip_a32_store_release(&s.tokens[0], 2);
	slip_event_notify(&s.ev[0], s.mode);
}

static void change_word(void)
{
	s.news = 1;
	slip_word_change(&s.word, 1, SLIP_PRIVATE);
}

static void change_shared_word(void)
{
	slip_word_change(&s.word, 1, SLIP_SHARED);
}

static void set_flag(void)
{
	s.news = 1;
	slip_flag_set(&s.flag);
}

static void post_one(void)
{
	X_ASSERT(!slip_sem_post(&s.sem, 1), "post");
}

static void push(unsigned i)
{
	uint64_t x = 40 + i;

	X_ASSERT(slip_spsc_push(&s.p[i], &x), "full");
}

static void push_0(void)
{
	push(0);
}

static void push_1(void)
{
	push(1);
}

static void pop_record(void)
{
	unsigned char body[24];
	uint32_t len;

	X_ASSERT(!slip_record_pop(&s.record_c, body, sizeof(body), &len),
		 "empty");
}

static void push_two_jobs(void)
{
	for (uint64_t x = 40; x < 42; x++)
		X_ASSERT(slip_mpmc_push(&s.q[0], &x), "full");
}

/* --- who waits --------------------------------------------------------------- */

static int token_there(const struct slip_source *source, bool ask)
{
	const slip_a32 *token = source->handle;

	(void)ask;
	return (int)slip_a32_load_acquire(token);
}

/* Is publisher 0 dead? Then it is over. */
static int token_or_death(const struct slip_source *source, bool ask)
{
	int now = token_there(source, ask);

	if (now || !ask || !x_dead(0))
		return now;
	now = token_there(source, ask);
	return now ? now : -EPIPE;
}

static void event_source(struct slip_source *source, unsigned i,
			 slip_source_fn ready)
{
	slip_event_source(source, &s.ev[i], s.mode, s.slice, ready,
			  &s.tokens[i]);
}

/* Until each of the n has been ready; none is waited for twice. */
static void until_all(struct slip_source *sources, uint32_t n)
{
	static const slip_a32 never = { 0 };
	struct slip_waitset w;

	X_ASSERT(!slip_waitset_init(&w, sources, n), "init");
	while (s.got[x_self()] < n) {
		int rc = slip_waitset_wait(&w, SLIP_FOREVER);

		X_ASSERT(rc > 0, "wait says %d", rc);
		for (uint32_t i = 0; i < n; i++) {
			if (!sources[i].now)
				continue;
			s.got[x_self()]++;
			s.late[x_self()] += sources[i].now == -EPIPE;
			slip_word_source(&sources[i], &never, 0, SLIP_PRIVATE);
		}
	}
}

static void both_events(void)
{
	struct slip_source sources[2];

	event_source(&sources[0], 0, token_there);
	event_source(&sources[1], 1, token_there);
	until_all(sources, 2);
}

/* Of the other event nothing comes. */
static void first_of_two(void)
{
	struct slip_source sources[2];
	struct slip_waitset w;

	event_source(&sources[0], 0, token_there);
	event_source(&sources[1], 1, token_there);
	X_ASSERT(!slip_waitset_init(&w, sources, 2), "init");
	X_ASSERT(slip_waitset_wait(&w, SLIP_FOREVER) == 1, "wait");
	X_ASSERT(sources[0].now == 1, "which");
}

/* Has it come a second time? */
static int token_again(const struct slip_source *source, bool ask)
{
	return token_there(source, ask) > 1;
}

static void second_of_0_and_1(void)
{
	struct slip_source sources[2];

	event_source(&sources[0], 0, token_again);
	event_source(&sources[1], 1, token_there);
	until_all(sources, 2);
}

/* Alone, beside a set. */
static void first_of_0(void)
{
	uint32_t key;

	while (slip_a32_load_acquire(&s.tokens[0]) == 0) {
		X_ASSERT(!slip_event_prepare(&s.ev[0], s.mode, &key), "W");
		if (slip_a32_load_acquire(&s.tokens[0]))
			return;
		X_ASSERT(!slip_event_sleep(&s.ev[0], key, SLIP_FOREVER), "0");
	}
}

static void event_or_death(void)
{
	struct slip_source sources[2];

	event_source(&sources[0], 0, token_or_death);
	event_source(&sources[1], 1, token_or_death);
	until_all(sources, 2);
}

static void event_and_word(void)
{
	struct slip_source sources[2];

	event_source(&sources[0], 0, token_there);
	slip_word_source(&sources[1], &s.word, 0, SLIP_PRIVATE);
	until_all(sources, 2);
	X_ASSERT(s.news == 1, "told too early");
}

/* Who changes the word may be killed first, or before it tells. */
static void word_or_never(void)
{
	struct slip_source sources[1];
	struct slip_waitset w;
	int rc;

	slip_word_source(&sources[0], &s.word, 0, SLIP_SHARED);
	X_ASSERT(!slip_waitset_init(&w, sources, 1), "init");
	rc = slip_waitset_wait(&w, s.began_ns + 3 * SLIP_LONG_SLICE_NS);
	X_ASSERT(rc == 1 || (rc == -ETIMEDOUT && x_dead(0)), "wait says %d",
		 rc);
	s.got[x_self()] = rc == 1;
}

static void units_and_flag(void)
{
	struct slip_source sources[2];

	slip_sem_source(&sources[0], &s.sem, 1);
	slip_flag_source(&sources[1], &s.flag);
	until_all(sources, 2);
	X_ASSERT(s.news == 1, "told too early");
	X_ASSERT(!slip_sem_acquire_try(&s.sem, 1), "no unit");
}

/* Sees the unit, or not, before another takes it; and takes nothing. */
static void look_for_units(void)
{
	struct slip_source sources[1];
	struct slip_waitset w;
	int rc;

	slip_sem_source(&sources[0], &s.sem, 1);
	X_ASSERT(!slip_waitset_init(&w, sources, 1), "init");
	rc = slip_waitset_wait(&w, s.began_ns + 3 * SLIP_LONG_SLICE_NS);
	X_ASSERT(rc == 1 || rc == -ETIMEDOUT, "wait says %d", rc);
	s.got[x_self()]++;
}

static void take_unit(void)
{
	X_ASSERT(!slip_sem_acquire(&s.sem, 1), "acquire");
	s.late[x_self()] = slip_now_ns() - s.began_ns >= SLIP_LONG_SLICE_NS;
	s.got[x_self()]++;
}

static void pop_both(void)
{
	struct slip_source sources[2];
	struct slip_waitset w;
	unsigned seen = 0;

	slip_spsc_pop_source(&sources[0], &s.c[0]);
	slip_spsc_pop_source(&sources[1], &s.c[1]);
	X_ASSERT(!slip_waitset_init(&w, sources, 2), "init");
	while (seen != 3) {
		int rc = slip_waitset_wait(&w, SLIP_FOREVER);

		X_ASSERT(rc > 0, "wait says %d", rc);
		for (unsigned i = 0; i < 2; i++) {
			uint64_t x = 0;

			if (!sources[i].now)
				continue;
			X_ASSERT(slip_spsc_pop(&s.c[i], &x), "not ready");
			X_ASSERT(x == 40 + i, "read %u", (unsigned)x);
			seen |= 1u << i;
		}
	}
}

/* One more job, where there is no room, by a set. */
static void push_job_by(slip_source_fn ready)
{
	struct slip_source sources[1];
	struct slip_waitset w;
	uint64_t x = 50;
	int rc;

	slip_mpmc_push_source(&sources[0], &s.q[1]);
	if (ready)
		sources[0].ready = ready;
	X_ASSERT(!slip_waitset_init(&w, sources, 1), "init");
	do {
		rc = slip_waitset_wait(&w, SLIP_FOREVER);
		X_ASSERT(rc == 1 && sources[0].now == 1, "wait says %d", rc);
	} while (!slip_mpmc_push(&s.q[1], &x));
}

static void push_job(void)
{
	push_job_by(NULL);
}

/* As the source of a ring looks twice, for the sake of the dead, what a look
 * overlooks is hidden by the other. */
static int one_look(const struct slip_source *source, bool ask)
{
	return slip_mpmc_told_now_(slip_mpmc_push_look_(source->handle), ask);
}

static void push_job_by_one_look(void)
{
	push_job_by(one_look);
}

static void push_other_job(void)
{
	uint64_t x = 51;
	int rc = slip_mpmc_push_until(&s.q[2], &x, SLIP_FOREVER);

	X_ASSERT(rc == 0, "push says %d", rc);
}

static void pop_two_jobs(void)
{
	for (uint64_t i = 40; i < 42; i++) {
		uint64_t x = 0;

		X_ASSERT(slip_mpmc_pop(&s.q[0], &x) && x == i, "job %u",
			 (unsigned)x);
	}
}

/* Waits for room for a long record, and for a flag. */
static void push_record_and_flag(void)
{
	const unsigned char body[24] = { 0 };
	struct slip_source sources[2];

	slip_record_push_source(&sources[0], &s.record_p, 24);
	slip_flag_source(&sources[1], &s.flag);
	until_all(sources, 2);
	X_ASSERT(!slip_record_push(&s.record_p, body, 24), "no room");
}

/* One of two jobs, by a set. */
static void pop_job(void)
{
	struct slip_source sources[1];
	struct slip_waitset w;
	uint64_t x = 0;
	int rc;

	slip_mpmc_pop_source(&sources[0], &s.q[1]);
	X_ASSERT(!slip_waitset_init(&w, sources, 1), "init");
	do {
		rc = slip_waitset_wait(&w, SLIP_FOREVER);
		X_ASSERT(rc == 1 && sources[0].now == 1, "wait says %d", rc);
	} while (!slip_mpmc_pop(&s.q[1], &x));
	s.got[x_self()] = (unsigned)x;
}

static void pop_other_job(void)
{
	uint64_t x = 0;
	int rc = slip_mpmc_pop_until(&s.q[2], &x, SLIP_FOREVER);

	X_ASSERT(rc == 0, "pop says %d", rc);
	s.got[x_self()] = (unsigned)x;
}

/* --- a bridge ---------------------------------------------------------------- */

/* Its descriptor: a counter under a lock. */
static bool eventfd_only(long nr, const long args[6], long *result)
{
	(void)args;
	*result = 8;
	if (nr == SYS_write)
		(void)slip_a32_exchange_acqrel(&s.readable, 1);
	else if (nr == SYS_read)
		(void)slip_a32_exchange_acqrel(&s.readable, 0);
	return nr == SYS_write || nr == SYS_read || nr == SYS_eventfd2;
}

static void bridge_thread(void)
{
	int rc = slip_bridge_run(&s.bridge);

	X_ASSERT(rc == 0, "run says %d", rc);
}

/* As pops do: with what is the handles' own. */
static void serve(void)
{
	static const slip_a32 never = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		struct slip_source *source = &s.bridge.sources[i];

		if (!source->ready || !source->ready(source, false))
			continue;
		s.got[x_self()]++;
		slip_word_source(source, &never, 0, SLIP_PRIVATE);
	}
}

static void epoll(void)
{
	int rc = 0;

	while (rc == 0) {
		while (!slip_a32_load_relaxed(&s.readable))
			x_pause();
		rc = slip_bridge_take(&s.bridge);
	}
	X_ASSERT(rc > 0, "take says %d", rc);
}

static void arm(bool wait)
{
	int rc = slip_bridge_arm(&s.bridge);

	X_ASSERT(rc >= 0, "arm says %d", rc);
	if (rc == 0 && wait)
		epoll();
}

static void bridge_loop(void)
{
	while (s.got[x_self()] < 2) {
		arm(true);
		serve();
	}
	slip_bridge_stop(&s.bridge);
}

/* Does not wait to be told, the first time. */
static void bridge_recall(void)
{
	int rc;

	arm(false);
	rc = slip_bridge_disarm(&s.bridge);
	X_ASSERT(rc >= 0, "disarm says %d", rc);
	serve();
	bridge_loop();
}

/* --- what must have come of it ------------------------------------------------ */

static void no_slice(void)
{
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
}

/* In turns: told by the end of some. */
static void count_turns(void)
{
	no_slice();
	if (slip_now_ns() == s.began_ns)
		quick++;
	else
		slices++;
}

static void some_of_both(void)
{
	X_ASSERT(slices && quick, "%llu late, %llu not",
		 (unsigned long long)slices, (unsigned long long)quick);
}

static void within_slices(void)
{
	X_ASSERT(slip_now_ns() - s.began_ns <= 2 * SLIP_SLICE_NS,
		 "told too late");
	if (s.late[1])
		dead++;
	else if (slip_now_ns() - s.began_ns >= SLIP_SLICE_NS)
		slices++;
	else
		quick++;
}

static void some_of_each(void)
{
	some_of_both();
	X_ASSERT(dead, "nobody died");
}

/* Nobody tells of a word that was changed by one who was then killed. */
static void within_a_long_slice(void)
{
	uint64_t took = slip_now_ns() - s.began_ns;

	if (!s.got[1]) {
		X_ASSERT(!slip_a32_load_relaxed(&s.word), "not seen");
		dead++;
		return;
	}
	X_ASSERT(took < 2 * SLIP_LONG_SLICE_NS, "told too late");
	if (took >= SLIP_LONG_SLICE_NS)
		slices++;
	else
		quick++;
}

static void each_had_one(void)
{
	no_slice();
	X_ASSERT(s.got[1] + s.got[2] == 81 && s.got[1] != s.got[2], "%u and %u",
		 s.got[1], s.got[2]);
}

static void unit_not_late(void)
{
	X_ASSERT(!s.late[1], "told by a slice only");
}

static bool no_waitv(long nr, const long args[6], long *result)
{
	(void)args;
	*result = -ENOSYS;
	return nr == WAITV;
}

static const struct x_model models[] = {
	{
		.name = "full",
		.operation = "waitset.wait",
		.once = full,
		.setup = begin,
		.threads = { publish_0, publish_1, both_events },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "asym",
		.operation = "waitset.wait",
		.once = asym,
		.setup = begin,
		.threads = { publish_0, publish_1, both_events },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "eager",
		.operation = "waitset.wait",
		.once = eager,
		.setup = begin,
		.threads = { publish_0, first_of_two },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 6,
	},
	{
		.name = "eager-beside",
		.operation = "waitset.wait",
		.once = asym,
		.setup = begin,
		.threads = { publish_0_twice, second_of_0_and_1, first_of_0 },
		.final = no_slice,
		.preemptions = 3,
	},
	{
		.name = "rmw",
		.operation = "waitset.wait",
		.once = rmw,
		.setup = begin,
		.threads = { publish_0, publish_1, both_events },
		.final = no_slice,
		.flags = X_SPURIOUS,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "pair",
		.operation = "waitset.wait",
		.once = full,
		.setup = begin,
		.threads = { publish_both, both_events },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 2,
		.preemptions = 6,
	},
	{
		.name = "word",
		.operation = "waitset.wait",
		.once = full,
		.setup = begin,
		.threads = { publish_0, change_word, event_and_word },
		.final = no_slice,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "in-turns",
		.operation = "waitset.fallback",
		.once = full,
		.setup = begin,
		.threads = { publish_0, publish_1, both_events },
		.final = count_turns,
		.finish = some_of_both,
		.sys = no_waitv,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "units-and-flag",
		.operation = "waitset.wait",
		.once = full,
		.setup = begin,
		.threads = { post_one, set_flag, units_and_flag },
		.final = no_slice,
		.flags = X_SPURIOUS,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "nothing-kept",
		.operation = "waitset.wait",
		.once = full,
		.setup = begin,
		.threads = { post_one, take_unit, look_for_units },
		.final = unit_not_late,
		.preemptions = 4,
	},
	{
		.name = "publisher-dies",
		.operation = "waitset.death",
		.once = full_slices,
		.setup = begin,
		.threads = { publish_both, event_or_death },
		.final = within_slices,
		.finish = some_of_each,
		.flags = X_EINTR,
		.surprises = 2,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "changer-dies",
		.operation = "waitset.death",
		.once = full,
		.setup = begin,
		.threads = { change_shared_word, word_or_never },
		.final = within_a_long_slice,
		.finish = some_of_each,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "waiter-dies",
		.operation = "waitset.death",
		.once = full,
		.setup = begin,
		.threads = { publish_both, both_events, both_events },
		.final = no_slice,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "rings",
		.operation = "waitset.rings",
		.once = two_rings,
		.setup = begin,
		.threads = { push_0, push_1, pop_both },
		.final = no_slice,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "record",
		.operation = "waitset.rings",
		.once = record_ring,
		.setup = begin,
		.threads = { pop_record, set_flag, push_record_and_flag },
		.flags = X_SPURIOUS,
		.surprises = 1,
		.final = no_slice,
	},
	{
		.name = "mpmc",
		.operation = "waitset.rings",
		.once = mpmc_empty,
		.setup = begin,
		.threads = { push_two_jobs, pop_job, pop_other_job },
		.final = each_had_one,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "mpmc-room",
		.operation = "waitset.rings",
		.once = mpmc_full,
		.setup = begin,
		.threads = { pop_two_jobs, push_job, push_other_job },
		.final = no_slice,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "mpmc-look",
		.operation = "waitset.rings",
		.once = mpmc_full,
		.setup = begin,
		.threads = { pop_two_jobs, push_job_by_one_look,
			     push_other_job },
		.final = no_slice,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "bridge",
		.operation = "bridge.arm+take",
		.once = bridged,
		.setup = begin,
		.threads = { publish_both, bridge_thread, bridge_loop },
		.final = no_slice,
		.sys = eventfd_only,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "recall",
		.operation = "bridge.disarm",
		.once = bridged,
		.setup = begin,
		.threads = { publish_both, bridge_thread, bridge_recall },
		.final = no_slice,
		.sys = eventfd_only,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
