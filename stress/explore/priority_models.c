/* SPDX-License-Identifier: MIT */
/*
 * Models of the ring with levels: two levels of two slots, one seat for both.
 * Pushers go from level to level, stop, die and have heirs; poppers take what is
 * most urgent, or what they ask for; those who wait, for anything, for some
 * levels or for room in one, are told by nobody's slice where nobody died. What
 * goes on inside one level: mpmc_models.c.
 *
 * Every push and pop is recorded with the times at which it began and ended, by
 * a clock that the explorer does not see. What must hold: nothing lost, twice or
 * out of nothing, in its own level; FIFO there; "empty" only if no element was
 * there from its beginning to its end; and none that was there all the time is
 * passed over for a less urgent one.
 */
#include <string.h>

#include "explore.h"
#include "futex/event.h"
#include "peers.h"

/* Adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "ring/sources.h"
#undef slip_spin_init

#define HANDLES (X_THREADS + 1) /* the last one: once and final */
#define SEATS	(HANDLES + 1)
#define LEVELS	2
#define ROOM	2
#define OPS	40
#define BYTES	4096

enum op_kind { NOTHING, PUSH, POP };

struct op {
	enum op_kind kind;
	bool ok;
	bool lowest;
	uint32_t level;
	uint64_t set; /* of a pop */
	uint64_t value;
	uint32_t start, end; /* end 0: it never returned */
};

static struct {
	char ring[BYTES] __attribute__((aligned(128)));
	struct slip_priority p[HANDLES];
	struct slip_priority heir; /* of thread 0 */
	bool inherited;
	struct op op[HANDLES][OPS];
	uint32_t ops[HANDLES];
	uint32_t clock;
	uint64_t began_ns;
	int rc[X_THREADS];
	uint64_t got[X_THREADS];
	slip_a64 *slot; /* in the heir's hand, */
	uint64_t at;	/* which popped this position */
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t some, none, deaths, stops, reused, heard, voided, ends;
static uint64_t slept[X_THREADS];

/* --- the record ------------------------------------------------------------ */

/* Not instrumented: no step of the schedule, no order between threads. */
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

UNSEEN static struct op *begin_op(unsigned t, enum op_kind kind, uint64_t value)
{
	struct op *o = &s.op[t][s.ops[t]++];

	memset(o, 0, sizeof(*o));
	o->kind = kind;
	o->value = value;
	o->start = ++s.clock;
	return o;
}

UNSEEN static void end_op(struct op *o, bool ok, uint32_t level, uint64_t value)
{
	o->ok = ok;
	o->level = level;
	o->value = value;
	o->end = ++s.clock;
}

static bool push_by(struct slip_priority *p, unsigned t, uint32_t level,
		    uint64_t value)
{
	uint64_t elem[2] = { value, ~value };
	struct op *o = begin_op(t, PUSH, value);
	bool ok;

	o->level = level;
	ok = slip_priority_push_of_(p, elem, level, 16);
	end_op(o, ok, level, value);
	return ok;
}

/* `set` 0: by the policy. */
static bool pop_by(struct slip_priority *p, unsigned t, uint64_t set,
		   bool lowest)
{
	uint64_t elem[2] = { 0, 0 };
	struct op *o = begin_op(t, POP, 0);
	uint32_t level = 99;
	bool ok;

	o->set = set ? set : SLIP_PRIORITY_ALL;
	o->lowest = lowest;
	ok = set ? slip_priority_pop_set_(p, set, lowest, elem, &level, 16)
		 : slip_priority_pop_of_(p, elem, &level, 16);
	X_ASSERT(!ok || elem[1] == ~elem[0], "torn: %llx %llx",
		 (unsigned long long)elem[0], (unsigned long long)elem[1]);
	end_op(o, ok, level, elem[0]);
	return ok;
}

static bool push(uint32_t level, uint64_t i)
{
	unsigned t = x_self();

	return push_by(&s.p[t], t, level, (t + 1) * 100 + i);
}

static bool pop(void)
{
	return pop_by(&s.p[x_self()], x_self(), 0, false);
}

/* --- the judge ------------------------------------------------------------- */

#define EACH_OP(o)                                         \
	for (unsigned t_##o = 0; t_##o < HANDLES; t_##o++) \
		for (struct op *o = s.op[t_##o];           \
		     o < s.op[t_##o] + s.ops[t_##o]; o++)

static struct op *pop_of(const struct op *push)
{
	struct op *found = NULL;

	EACH_OP(o)
	{
		if (o->kind != POP || !o->ok || o->value != push->value)
			continue;
		X_ASSERT(!found, "%llu popped twice",
			 (unsigned long long)push->value);
		X_ASSERT(o->level == push->level, "%llu pushed to %u, of %u",
			 (unsigned long long)push->value, push->level,
			 o->level);
		found = o;
	}
	return found;
}

static void judge_pop(const struct op *o)
{
	bool known = false;

	EACH_OP(p)
	known = known ||
		(p->kind == PUSH && p->value == o->value && (p->ok || !p->end));
	X_ASSERT(known, "%llu popped out of nothing",
		 (unsigned long long)o->value);
}

/* a was pushed before b, to the same level: then it is not popped after b. */
static void judge_order(const struct op *a, const struct op *b)
{
	const struct op *pa, *pb;

	if (a->kind != PUSH || b->kind != PUSH || !a->ok || !a->end ||
	    a->level != b->level || a->end > b->start)
		return;
	pa = pop_of(a);
	pb = pop_of(b);
	X_ASSERT(!pa || !pb || !pb->end || pb->end > pa->start,
		 "%llu overtaken by %llu", (unsigned long long)a->value,
		 (unsigned long long)b->value);
}

/* Real time is that of memory only in sc: elsewhere a store may be on its way
 * while its push has returned. A thread knows its own, though. */
static bool in_time(unsigned t_pop, unsigned t_push)
{
	return t_pop == t_push || t_pop == X_THREADS ||
	       !strcmp(x_memory(), "sc");
}

/* Would that pop have had to take `a`, which was there all the time? */
static void judge_passed(const struct op *o, unsigned t_o, const struct op *a,
			 unsigned t_a, bool missing_ok)
{
	const struct op *pa;
	bool less = o->lowest ? a->level < o->level : a->level > o->level;

	if (a->kind != PUSH || !a->ok || !a->end || a->end > o->start ||
	    !in_time(t_o, t_a) || !(o->set >> a->level & 1) || (o->ok && !less))
		return;
	pa = pop_of(a);
	X_ASSERT(pa ? pa->start < o->end : missing_ok, "%s, but there was %llu",
		 o->ok ? "passed over" : "empty", (unsigned long long)a->value);
}

static void judge(void)
{
	unsigned lost = 0, unknown = 0;

	EACH_OP(o)
	unknown += o->kind == POP && !o->end;
	EACH_OP(o)
	{
		if (o->kind == POP && o->ok)
			judge_pop(o);
		if (o->kind == PUSH && o->ok)
			lost += !pop_of(o);
		if (o->kind == PUSH && o->end && !o->ok)
			X_ASSERT(!pop_of(o), "%llu popped, refused",
				 (unsigned long long)o->value);
		EACH_OP(p)
		judge_order(o, p);
		EACH_OP(p)
		if (o->kind == POP && o->end)
			judge_passed(o, t_o, p, t_p, unknown != 0);
	}
	X_ASSERT(lost <= unknown, "%u lost, %u pops did not return", lost,
		 unknown);
}

/* --- rings ----------------------------------------------------------------- */

static struct slip_priority *last(void)
{
	return &s.p[X_THREADS];
}

static struct slip_priority_ring *shared(void)
{
	void *at = s.ring;

	return at;
}

static int attach(struct slip_priority *p, unsigned roles,
		  struct slip_peer *self)
{
	int rc = slip_priority_attach(p, s.ring, sizeof(s.ring), roles, self);

	p->q.patience = 0;
	return rc;
}

static void must_attach(struct slip_priority *p, unsigned roles,
			struct slip_peer *self)
{
	int rc = attach(p, roles, self);

	X_ASSERT(!rc, "attach says %d", rc);
}

static void format(unsigned mode)
{
	struct slip_priority_shape shape;

	memset(&s, 0, sizeof(s));
	some = none = deaths = stops = reused = heard = voided = 0;
	ends = 0;
	memset(slept, 0, sizeof(slept));
	X_ASSERT(slip_priority_shape_(&shape, LEVELS, ROOM, 16,
				      SLIP_PRIORITY_SEATS(SEATS)),
		 "shape");
	X_ASSERT(slip_priority_shape_bytes_(&shape) <= BYTES, "bytes");
	slip_priority_format_(shared(), &shape, mode, 1);
	peers_setup();
	x_keep(&s, sizeof(s));
	x_keep(peers_member, sizeof(peers_member));
	x_name(s.ring, 128, "header");
	x_name(&shared()->home, 384, "home");
	x_name(s.ring + 512, shape.one.seat_bytes * SEATS, "seats");
	x_name(s.ring + slip_priority_levels_at_(&shape), shape.apart,
	       "level0");
	x_name(s.ring + slip_priority_levels_at_(&shape) + shape.apart,
	       shape.apart, "level1");
}

/* Everybody has both roles. */
static void two_levels(void)
{
	format(SLIP_EVENT_FULL);
	for (unsigned t = 0; t < HANDLES; t++)
		must_attach(&s.p[t], SLIP_PRODUCER | SLIP_CONSUMER,
			    &peers_member[t]);
}

static void two_levels_one_in(void)
{
	two_levels();
	X_ASSERT(push_by(last(), X_THREADS, 0, 501), "push");
}

/* A slow popper has the first slot of level 0, whose next position is void; in
 * the one behind it there is an element. */
static void two_levels_one_void(void)
{
	uint64_t elem[2];

	two_levels_one_in();
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
	X_ASSERT(slip_mpmc_pop_shared_(&s.heir.q, &s.at, &s.slot, elem, false,
				       16) == SLIP_MPMC_GO_,
		 "empty");
	memset(s.op, 0, sizeof(s.op));
	s.ops[X_THREADS] = 0;
	X_ASSERT(push_by(last(), X_THREADS, 0, 502), "push");
	X_ASSERT(pop_by(last(), X_THREADS, 0, false), "pop");
	X_ASSERT(push_by(last(), X_THREADS, 0, 503), "push");
}

/* Nobody is a member: who is not told sleeps until the slice ends. */
static void blind(unsigned mode, unsigned producers)
{
	format(mode);
	for (unsigned t = 0; t < X_THREADS; t++)
		must_attach(&s.p[t],
			    producers >> t & 1 ? SLIP_PRODUCER : SLIP_CONSUMER,
			    NULL);
}

static void one_pushes(void)
{
	blind(SLIP_EVENT_FULL, 1);
}

static void one_pushes_asym(void)
{
	blind(SLIP_EVENT_ASYM, 1);
}

static void fill(uint32_t level)
{
	uint64_t elem[2] = { 0, 0 };

	while (slip_priority_push(&s.p[1], elem, level))
		;
}

/* Thread 0 consumes, the others produce; both levels are full. */
static void one_pops(void)
{
	blind(SLIP_EVENT_FULL, 14);
	fill(0);
	fill(1);
}

/* The memory is not formatted yet, nor is it zero. */
static void raw(void)
{
	format(SLIP_EVENT_FULL);
	memset(s.ring, 0x5a, sizeof(s.ring));
}

static void begin(void)
{
	s.began_ns = x_now();
}

/* --- after ----------------------------------------------------------------- */

static bool freed(unsigned t)
{
	return slip_mpmc_word_of_seat_(&last()->q, s.p[t].q.me) == 0;
}

static bool is_dead(unsigned t)
{
	return x_dead(t) && !(s.inherited && t == 0);
}

static void recover_all(void)
{
	for (unsigned t = 0; t < X_THREADS; t++)
		if (is_dead(t))
			slip_mpmc_recover_seat_(&last()->q, s.p[t].q.me,
						s.p[t].q.who);
}

/* Takes what is there; and what a push has left that never returned, which
 * need not show before the next push to its level. */
static void drain(void)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		bool more = true;

		while (more) {
			uint64_t flush = 2000 + s.ops[X_THREADS];
			struct op *o;

			more = false;
			while (pop_by(last(), X_THREADS, 1u << level, false))
				more = true;
			if (!push_by(last(), X_THREADS, level, flush))
				break;
			while (pop_by(last(), X_THREADS, 1u << level, false)) {
				o = &s.op[X_THREADS][s.ops[X_THREADS] - 1];
				more = more || o->value != flush;
			}
			X_ASSERT(s.ops[X_THREADS] < OPS - 6, "no end of it");
		}
	}
}

/* What does a new ring do? This one too, but for slots in stopped hands. */
static void usable(unsigned stopped)
{
	for (unsigned n = 0; n < 3 * LEVELS; n++) {
		uint64_t in[2] = { 1000, ~UINT64_C(1000) }, out[2];
		uint32_t level = n % LEVELS, at;
		unsigned fit = 0;

		while (fit <= ROOM &&
		       slip_priority_push_of_(last(), in, level, 16))
			fit++;
		X_ASSERT(fit <= ROOM && fit + stopped >= ROOM, "%u fit", fit);
		while (fit--)
			X_ASSERT(slip_priority_pop_of_(last(), out, &at, 16) &&
					 out[0] == 1000 && at == level,
				 "lost after the end");
		X_ASSERT(!slip_priority_pop_of_(last(), out, &at, 16),
			 "out of nothing");
	}
}

static void count(void)
{
	EACH_OP(o)
	{
		if (t_o == X_THREADS || !o->end)
			continue;
		some += o->kind == POP && o->ok;
		none += o->kind == POP && !o->ok;
	}
	for (uint32_t level = 0; level < LEVELS; level++) {
		const struct slip_mpmc_ring *ring =
			slip_mpmc_level_(&last()->q, level);

		heard += slip_a64_load_relaxed(&ring->heard) !=
			 ROOM * SLIP_MPMC_ONE;
		voided += slip_a64_load_relaxed(&ring->voids) !=
			  ROOM * SLIP_MPMC_ONE;
	}
}

static void finish_all(void)
{
	unsigned stopped = 0;

	recover_all();
	for (unsigned t = 0; t < X_THREADS; t++) {
		deaths += x_dead(t);
		stopped += x_stopped(t);
	}
	stops += stopped;
	reused += s.inherited;
	count();
	drain();
	judge();
	recover_all();
	for (unsigned t = 0; t < X_THREADS; t++)
		X_ASSERT(!is_dead(t) || freed(t), "a dead seat is not free");
	for (unsigned t = 0; t < HANDLES; t++)
		X_ASSERT(!s.p[t].q.error, "error");
	usable(stopped);
}

static void popped_some(void)
{
	X_ASSERT(some && none, "%llu popped, %llu empty",
		 (unsigned long long)some, (unsigned long long)none);
}

static void stopped_some(void)
{
	X_ASSERT(some && stops && heard, "%llu popped, %llu stops, %llu heard",
		 (unsigned long long)some, (unsigned long long)stops,
		 (unsigned long long)heard);
}

static void died(void)
{
	X_ASSERT(some && deaths && heard, "%llu popped, %llu deaths",
		 (unsigned long long)some, (unsigned long long)deaths);
}

static void passed_a_void(void)
{
	X_ASSERT(some && voided, "%llu popped, %llu void",
		 (unsigned long long)some, (unsigned long long)voided);
}

static void inherited(void)
{
	X_ASSERT(some && deaths && reused, "%llu deaths, %llu reused",
		 (unsigned long long)deaths, (unsigned long long)reused);
}

/* --- threads --------------------------------------------------------------- */

static void push_up(void)
{
	(void)push(0, 0);
	(void)push(1, 1);
}

static void push_down(void)
{
	(void)push(1, 0);
	(void)push(0, 1);
}

static void push_low(void)
{
	(void)push(0, 0);
}

static void push_up_and_down(void)
{
	push_up();
	(void)push(0, 2);
}

static void pop_two(void)
{
	(void)pop();
	(void)pop();
}

static void pop_low(void)
{
	(void)pop_by(&s.p[x_self()], x_self(), 1, false);
}

static void give_back(void)
{
	slip_mpmc_give_(&s.heir.q, s.slot, s.at);
}

static void pop_as_told(void)
{
	unsigned t = x_self();

	(void)pop_by(&s.p[t], t, 3, true);
	(void)pop_by(&s.p[t], t, 2, false);
}

static void push_and_pop(void)
{
	push_down();
	pop_two();
}

static bool recover(unsigned t)
{
	if (!x_dead(t) || !s.p[t].q.who)
		return false;
	slip_mpmc_recover_seat_(&s.p[x_self()].q, s.p[t].q.me, s.p[t].q.who);
	return true;
}

static void recover_and_pop(void)
{
	(void)recover(0);
	pop_two();
	(void)push(1, 3);
}

/* Who takes the dead one's seat pushes to both levels from there. */
static void inherit(void)
{
	if (!recover(0) ||
	    attach(&s.heir, SLIP_PRODUCER | SLIP_CONSUMER, peers_self()))
		return;
	s.inherited = s.heir.q.me == s.p[0].q.me;
	(void)push_by(&s.heir, x_self(), 1, 901);
	(void)push_by(&s.heir, x_self(), 0, 902);
}

/* --- those who wait -------------------------------------------------------- */

static void wait_for(uint64_t set)
{
	unsigned t = x_self();
	uint64_t elem[2] = { 0, 0 };
	uint32_t level = 99;

	s.rc[t] = set ? slip_priority_pop_highest_until(&s.p[t], set, elem,
							&level, SLIP_FOREVER)
		      : slip_priority_pop_until(&s.p[t], elem, &level,
						SLIP_FOREVER);
	s.got[t] = s.rc[t] ? 0 : 1u << level;
}

static void wait_any(void)
{
	wait_for(0);
}

static void wait_low(void)
{
	wait_for(1);
}

static void wait_high(void)
{
	wait_for(2);
}

static void one_level(uint32_t level)
{
	uint64_t elem[2] = { 1, 2 };

	X_ASSERT(slip_priority_push(&s.p[x_self()], elem, level), "full");
}

static void feed_one(void)
{
	one_level(1);
}

static void feed_both(void)
{
	one_level(0);
	one_level(1);
}

static void feed_down(void)
{
	one_level(1);
	one_level(0);
}

static void feed_high_twice(void)
{
	one_level(1);
	one_level(1);
}

static void leave(void)
{
	slip_priority_detach(&s.p[x_self()]);
}

static void feed_one_and_leave(void)
{
	one_level(0);
	leave();
}

static void wait_room(uint32_t level)
{
	unsigned t = x_self();
	uint64_t elem[2] = { 3, 4 };

	s.rc[t] = slip_priority_push_until(&s.p[t], elem, level, SLIP_FOREVER);
}

static void wait_room_low(void)
{
	wait_room(0);
}

static void wait_room_high(void)
{
	wait_room(1);
}

static void make_room(void)
{
	uint64_t elem[2];
	uint32_t level;

	X_ASSERT(slip_priority_pop_highest(&s.p[0], 1, elem, &level), "empty");
	X_ASSERT(slip_priority_pop_highest(&s.p[0], 2, elem, &level), "empty");
}

static void wait_by_source(uint64_t set)
{
	struct slip_priority *p = &s.p[x_self()];
	uint64_t elem[2];
	uint32_t level = 99;
	struct slip_source source;
	struct slip_waitset w;

	slip_priority_pop_source(&source, p, set);
	X_ASSERT(!slip_waitset_init(&w, &source, 1), "init");
	do {
		int n = slip_waitset_wait(&w, SLIP_FOREVER);

		X_ASSERT(n == 1, "wait says %d", n);
	} while (!slip_priority_pop_highest(p, set, elem, &level));
	s.got[x_self()] = 1u << level;
}

static void watch_any(void)
{
	wait_by_source(SLIP_PRIORITY_ALL);
}

static void watch_low(void)
{
	wait_by_source(1);
}

static void watch_high(void)
{
	wait_by_source(2);
}

/* Counts who goes to sleep; the kernel's model does the rest. */
static bool watch(long nr, const long args[6], long *result)
{
	(void)result;
	if (nr == SYS_futex && (args[1] & 127) == SLIP_FUTEX_WAIT_BITSET_)
		slept[x_self()]++;
	return false;
}

static void somebody_slept(void)
{
	X_ASSERT(slept[1] || slept[2], "nobody ever slept");
}

static void no_slice(void)
{
	X_ASSERT(x_now() == s.began_ns, "told by a slice only");
}

static void one_got_it(void)
{
	no_slice();
	X_ASSERT(!s.rc[1] && s.got[1] == 2, "says %d", s.rc[1]);
}

static void each_got_its_own(void)
{
	no_slice();
	X_ASSERT(s.got[1] == 1 && s.got[2] == 2, "%u and %u",
		 (unsigned)s.got[1], (unsigned)s.got[2]);
}

static void all_got_one(void)
{
	no_slice();
	X_ASSERT(s.got[1] && s.got[2], "%u and %u", (unsigned)s.got[1],
		 (unsigned)s.got[2]);
}

static void room_for_all(void)
{
	no_slice();
	X_ASSERT(!s.rc[1] && !s.rc[2], "%d and %d", s.rc[1], s.rc[2]);
}

/* One has the element, the other the end. */
static void one_and_the_end(void)
{
	no_slice();
	X_ASSERT((s.got[1] == 1 && s.rc[2] == -EPIPE) ||
			 (s.got[2] == 1 && s.rc[1] == -EPIPE),
		 "%d and %d", s.rc[1], s.rc[2]);
	ends++;
}

static void all_hear_the_end(void)
{
	no_slice();
	X_ASSERT(s.rc[1] == -EPIPE && s.rc[2] == -EPIPE, "%d and %d", s.rc[1],
		 s.rc[2]);
	ends++;
}

/* --- init beside attach ---------------------------------------------------- */

static void make_it(void)
{
	struct slip_priority_shape shape;

	if (slip_priority_shape_(&shape, LEVELS, ROOM, 16,
				 SLIP_PRIORITY_SEATS(SEATS)))
		slip_priority_format_(shared(), &shape, SLIP_EVENT_FULL, 1);
}

static void attach_meanwhile(void)
{
	s.rc[1] = attach(&s.p[1], SLIP_PRODUCER, NULL);
}

static void all_or_nothing(void)
{
	X_ASSERT(s.rc[1] == -EBADMSG ||
			 (!s.rc[1] && s.p[1].shape.levels == LEVELS &&
			  s.p[1].shape.one.capacity == ROOM),
		 "says %d", s.rc[1]);
	ends += !s.rc[1];
}

static void some_attached(void)
{
	X_ASSERT(ends, "it never came in time");
}

static const struct x_model models[] = {
	{
		.name = "two-two",
		.operation = "priority.push+pop",
		.once = two_levels,
		.threads = { push_up, push_down, pop_two, pop_as_told },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
	},
	{
		.name = "alone",
		.operation = "priority.push+pop",
		.once = two_levels_one_in,
		.threads = { push_and_pop, push_and_pop },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "heard",
		.operation = "priority.push+pop",
		.once = two_levels,
		.threads = { push_up, push_low, pop_low },
		.final = finish_all,
		.sys = peers_sys,
	},
	{
		.name = "void",
		.operation = "priority.push+pop",
		.once = two_levels_one_void,
		.threads = { pop_two, give_back, push_low },
		.final = finish_all,
		.finish = passed_a_void,
		.sys = peers_sys,
	},
	{
		.name = "stop",
		.operation = "priority.push+pop",
		.once = two_levels,
		.threads = { push_up_and_down, push_and_pop, pop_two, pop_two },
		.final = finish_all,
		.finish = stopped_some,
		.sys = peers_sys,
		.stoppable = 15,
		.troubles = 1,
	},
	{
		.name = "death",
		.operation = "priority.recover",
		.once = two_levels_one_in,
		.threads = { push_up_and_down, recover_and_pop, push_and_pop,
			     pop_two },
		.final = finish_all,
		.finish = died,
		.sys = peers_sys,
		.mortal = 9,
		.troubles = 2,
	},
	{
		.name = "inherit",
		.operation = "priority.recover",
		.once = two_levels,
		.threads = { push_up, inherit, push_and_pop, pop_two },
		.final = finish_all,
		.finish = inherited,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "any",
		.operation = "priority.pop_until",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_one, wait_any },
		.final = one_got_it,
		.finish = somebody_slept,
		.sys = watch,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 2,
		.preemptions = 3,
	},
	{
		.name = "any-asym",
		.operation = "priority.pop_until",
		.once = one_pushes_asym,
		.setup = begin,
		.threads = { feed_one, wait_high },
		.final = one_got_it,
		.finish = somebody_slept,
		.sys = watch,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 2,
		.preemptions = 3,
	},
	{
		.name = "any-two",
		.operation = "priority.pop_until",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_high_twice, wait_any, wait_any },
		.final = all_got_one,
		.finish = somebody_slept,
		.sys = watch,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "some-two",
		.operation = "priority.pop_until",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_both, wait_low, wait_high },
		.final = each_got_its_own,
		.finish = somebody_slept,
		.sys = watch,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "room-two",
		.operation = "priority.push_until",
		.once = one_pops,
		.setup = begin,
		.threads = { make_room, wait_room_high, wait_room_low },
		.final = room_for_all,
		.finish = somebody_slept,
		.sys = watch,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "end",
		.operation = "priority.detach",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_one_and_leave, wait_any, wait_low },
		.final = one_and_the_end,
		.finish = somebody_slept,
		.sys = watch,
	},
	{
		.name = "end-of-consumers",
		.operation = "priority.detach",
		.once = one_pops,
		.setup = begin,
		.threads = { leave, wait_room_high, wait_room_low },
		.final = all_hear_the_end,
		.finish = somebody_slept,
		.sys = watch,
	},
	{
		.name = "source",
		.operation = "priority.pop_source",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_down, watch_low, watch_high },
		.final = each_got_its_own,
		.finish = somebody_slept,
		.sys = watch,
	},
	{
		.name = "source-two",
		.operation = "priority.pop_source",
		.once = one_pushes,
		.setup = begin,
		.threads = { feed_high_twice, watch_any, wait_any },
		.final = all_got_one,
		.finish = somebody_slept,
		.sys = watch,
	},
	{
		.name = "init-attach",
		.operation = "priority.init+attach",
		.once = raw,
		.threads = { make_it, attach_meanwhile },
		.final = all_or_nothing,
		.finish = some_attached,
		.sys = peers_sys,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(*models));
}
