/* SPDX-License-Identifier: MIT */
/*
 * An MPMC ring under the explorer, with a handle for each thread; and the
 * judge of what they did.
 *
 * Every push and pop is recorded with the times at which it began and ended,
 * by a clock that the explorer does not see, and the history is held against a
 * FIFO queue (conditions of Henzinger, Sezgin, Vafeiadis, "Aspect-oriented
 * linearizability proofs", CONCUR 2013): nothing popped that was not pushed, or
 * twice, or before something that had to come before it; nothing lost; "empty"
 * only if there was a moment without an element, "full" only if as many might
 * have been there as fit (where no position was void: those take room for a
 * lap). The elements of a batch are operations of their own that overlap, but
 * for their order.
 */
#ifndef SLIP_STRESS_EXPLORE_MPMC_RING_H
#define SLIP_STRESS_EXPLORE_MPMC_RING_H

#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/mpmc.h"

#define HANDLES (X_THREADS + 1) /* the last one: once and final */
#define SEATS	(HANDLES + 1)
#define OPS	24
#define BYTES	8192
#define HEIR	900 /* its values */

enum op_kind { NOTHING, PUSH, POP };

struct op {
	enum op_kind kind;
	bool ok;
	uint32_t batch; /* 0: none */
	uint64_t value;
	uint32_t start, end; /* end 0: it never returned */
};

static struct {
	char ring[BYTES] __attribute__((aligned(128)));
	struct slip_mpmc q[HANDLES];
	struct slip_mpmc heir; /* takes a seat in the middle */
	bool inherited;
	uint32_t elem_bytes;
	uint32_t run;	/* slots that one claim may hold */
	uint64_t first; /* position */
	struct op op[HANDLES][OPS];
	uint32_t ops[HANDLES];
	uint32_t clock;
} s;

/* --- the record ------------------------------------------------------------ */

/* Not instrumented: no step of the schedule, no order between threads. */
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

UNSEEN static struct op *begin(unsigned t, enum op_kind kind, uint64_t value)
{
	struct op *o = &s.op[t][s.ops[t]++];

	o->kind = kind;
	o->value = value;
	o->ok = false;
	o->batch = 0;
	o->end = 0;
	o->start = ++s.clock;
	return o;
}

UNSEEN static void end(struct op *o, bool ok, uint64_t value)
{
	o->ok = ok;
	if (o->kind == POP)
		o->value = value;
	o->end = ++s.clock;
}

/* --- operations ------------------------------------------------------------ */

static bool push_one(struct slip_mpmc *q, const uint64_t *elem)
{
	if (q->roles & SLIP_EXCLUSIVE)
		return slip_mpmc_push_x_(q, elem, 8);
	return s.elem_bytes == 8 ? slip_mpmc_push_(q, elem, 8)
				 : slip_mpmc_push_(q, elem, 16);
}

static bool pop_one(struct slip_mpmc *q, uint64_t *elem)
{
	if (q->roles & SLIP_EXCLUSIVE)
		return slip_mpmc_pop_x_(q, elem, 8);
	return s.elem_bytes == 8 ? slip_mpmc_pop_(q, elem, 8)
				 : slip_mpmc_pop_(q, elem, 16);
}

static bool push_by(struct slip_mpmc *q, unsigned t, uint64_t value)
{
	uint64_t elem[2] = { value, ~value };
	struct op *o = begin(t, PUSH, value);
	bool ok = push_one(q, elem);

	end(o, ok, value);
	return ok;
}

static bool pop_by(struct slip_mpmc *q, unsigned t)
{
	uint64_t elem[2] = { 0, 0 };
	struct op *o = begin(t, POP, 0);
	bool ok = pop_one(q, elem);

	if (ok && s.elem_bytes == 16)
		X_ASSERT(elem[1] == ~elem[0], "torn: %llx %llx",
			 (unsigned long long)elem[0],
			 (unsigned long long)elem[1]);
	end(o, ok, elem[0]);
	return ok;
}

static bool push(uint64_t i)
{
	unsigned t = x_self();

	return push_by(&s.q[t], t, (t + 1) * 100 + i);
}

static bool pop(void)
{
	unsigned t = x_self();

	return pop_by(&s.q[t], t);
}

/* --- the judge ------------------------------------------------------------- */

#define EACH_OP(o)                                         \
	for (unsigned t_##o = 0; t_##o < HANDLES; t_##o++) \
		for (struct op *o = s.op[t_##o];           \
		     o < s.op[t_##o] + s.ops[t_##o]; o++)

static bool same(const struct op *push, const struct op *pop)
{
	return push->kind == PUSH && pop->kind == POP && pop->end && pop->ok &&
	       pop->value == push->value;
}

static struct op *pop_of(const struct op *push)
{
	struct op *found = NULL;

	EACH_OP(o)
	{
		if (!same(push, o))
			continue;
		X_ASSERT(!found, "%llu popped twice",
			 (unsigned long long)push->value);
		found = o;
	}
	return found;
}

static void judge_pop(const struct op *o)
{
	bool known = false;

	EACH_OP(p)
	known = known || same(p, o);
	X_ASSERT(known, "%llu popped out of nothing",
		 (unsigned long long)o->value);
}

/* Was a done before b began, or is it before it in a batch? */
static bool before(const struct op *a, const struct op *b)
{
	if (a->batch && a->batch == b->batch)
		return a < b;
	return a->end && a->end <= b->start;
}

/* a was pushed before b, and b popped: then a is not popped after that, nor,
 * but by those who never came back, not at all. */
static void judge_order(const struct op *a, const struct op *b, bool missing_ok)
{
	const struct op *pa, *pb;
	bool sure = a->ok || (a->batch && a->batch == b->batch && !a->end);

	if (a->kind != PUSH || b->kind != PUSH || !sure || !before(a, b))
		return;
	pa = pop_of(a);
	pb = pop_of(b);
	if (!pb || (!pa && missing_ok))
		return;
	X_ASSERT(pa && !before(pb, pa), "%llu overtaken by %llu",
		 (unsigned long long)a->value, (unsigned long long)b->value);
}

/* Real time is that of memory only in sc: elsewhere a store may be on its way
 * while its push has returned. A thread knows its own, though. */
static bool in_time(unsigned t_empty, unsigned t_push)
{
	return t_empty == t_push || t_empty == X_THREADS ||
	       !strcmp(x_memory(), "sc");
}

/* From `now` on, what was surely there then: until when? */
static uint32_t there_until(const struct op *e, unsigned t_e, uint32_t now,
			    bool missing_ok, uint64_t *value)
{
	uint32_t until = now;

	EACH_OP(a)
	{
		const struct op *p;

		if (a->kind != PUSH || !a->ok || !a->end || a->end > now ||
		    !in_time(t_e, t_a))
			continue;
		p = pop_of(a);
		if (!p && missing_ok)
			continue;
		if (!p || p->start > until) {
			until = p ? p->start : e->end;
			*value = a->value;
		}
	}
	return until;
}

/* "Empty", though all the time something was there for sure. */
static void judge_empty(const struct op *e, unsigned t_e, bool missing_ok)
{
	uint32_t now = e->start;
	uint64_t value = 0;

	for (;;) {
		uint32_t until = there_until(e, t_e, now, missing_ok, &value);

		X_ASSERT(until < e->end, "empty, but there was %llu",
			 (unsigned long long)value);
		if (until == now)
			return;
		now = until;
	}
}

/* "Full", though even with all that might have been there, or in a hand, it
 * was not. */
static void judge_full(const struct op *f, uint32_t capacity)
{
	uint32_t most = 0;

	EACH_OP(a)
	{
		const struct op *p;

		if (a->kind != PUSH || a == f || a->start > f->end ||
		    (a->end && !a->ok))
			continue;
		p = pop_of(a);
		most += !p || p->end > f->start || !a->end || a->end > f->start;
	}
	X_ASSERT(most >= capacity, "full with %u of %u", most, capacity);
}

/* Were there positions that no element had? */
static bool voids_made(void)
{
	const struct slip_mpmc_ring *ring = s.q[X_THREADS].ring;

	return slip_a64_load_relaxed(&ring->voids) != s.first;
}

static void judge(uint32_t capacity)
{
	bool all_fit = !voids_made() && !strcmp(x_memory(), "sc");
	unsigned lost = 0, unknown = 0;

	EACH_OP(o)
	unknown += o->kind == POP && !o->end;
	EACH_OP(o)
	{
		if (o->kind == POP && o->end && o->ok)
			judge_pop(o);
		if (o->kind == PUSH && o->end && o->ok)
			lost += !pop_of(o);
		if (o->kind == PUSH && o->end && !o->ok) {
			X_ASSERT(!pop_of(o), "%llu popped, refused",
				 (unsigned long long)o->value);
			if (!o->batch && all_fit)
				judge_full(o, capacity);
		}
		EACH_OP(p)
		judge_order(o, p, unknown != 0);
		if (o->kind == POP && o->end && !o->ok)
			judge_empty(o, t_o, unknown != 0);
	}
	X_ASSERT(lost <= unknown, "%u lost, %u pops did not return", lost,
		 unknown);
}

/* --- rings ----------------------------------------------------------------- */

static struct slip_mpmc_ring *shared(void)
{
	void *at = s.ring;

	return at;
}

static struct slip_mpmc *last(void)
{
	return &s.q[X_THREADS];
}

static int attach(struct slip_mpmc *q, unsigned roles, struct slip_peer *self)
{
	int rc = slip_mpmc_attach(q, s.ring, sizeof(s.ring), roles, self);

	q->patience = 0;
	q->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static void must_attach(struct slip_mpmc *q, unsigned roles,
			struct slip_peer *self)
{
	int rc = attach(q, roles, self);

	X_ASSERT(!rc, "attach says %d", rc);
}

/* A seat for whoever sees to the end, though somebody may want to be alone. */
static void attach_by_force(struct slip_mpmc *q)
{
	unsigned mode;

	memset(q, 0, sizeof(*q));
	X_ASSERT(!slip_mpmc_check_(shared(), sizeof(s.ring), &q->shape, &mode),
		 "check");
	slip_mpmc_point_(q, shared());
	q->roles = SLIP_PRODUCER | SLIP_CONSUMER;
	q->who = slip_role_word_(&peers_member[X_THREADS]);
	q->side.self = &peers_member[X_THREADS];
	q->side.mode = mode;
	q->patience = 0;
	X_ASSERT(slip_mpmc_sit_(q), "no seat");
}

static void format(uint32_t capacity, uint32_t elem_bytes, unsigned flags,
		   uint64_t first)
{
	struct slip_mpmc_shape shape;
	size_t bytes;

	memset(&s, 0, sizeof(s));
	s.elem_bytes = elem_bytes;
	s.run = 1;
	s.first = first * capacity * SLIP_MPMC_ONE;
	if (!(flags >> 16))
		flags |= SLIP_MPMC_SEATS(SEATS);
	X_ASSERT(slip_mpmc_shape_(&shape, capacity, elem_bytes, flags),
		 "shape");
	bytes = slip_mpmc_shape_bytes_(&shape);
	X_ASSERT(bytes <= sizeof(s.ring), "%zu bytes", bytes);
	slip_mpmc_format_(shared(), &shape, SLIP_EVENT_FULL, first);
	peers_setup();
	x_keep(s.ring, bytes);
	x_keep(&s.q, sizeof(s) - offsetof(__typeof__(s), q));
	x_keep(peers_member, sizeof(peers_member));
	x_name(s.ring + 128, 8, "tail");
	x_name(s.ring + 136, 8, "ev_data");
	x_name(s.ring + 144, 8, "heard");
	x_name(s.ring + 152, 8, "roll");
	x_name(s.ring + 256, 8, "head");
	x_name(s.ring + 264, 8, "ev_space");
	x_name(s.ring + 272, 8, "voids");
	x_name(s.ring + 280, 8, "returned");
	for (uint64_t i = 0; i < shape.seats; i++)
		x_name(s.ring + 384 + i * shape.seat_bytes, shape.seat_bytes,
		       (const char *[]){ "seat1", "seat2", "seat3", "seat4",
					 "seat5", "seat6", "seat7",
					 "seat8" }[i]);
	x_name(s.ring + slip_mpmc_slots_at_(&shape), bytes, "slots");
	x_name(&s, sizeof(s), "model");
}

/* Everybody has both roles. */
static void make(uint32_t capacity, uint32_t elem_bytes, unsigned flags,
		 uint64_t first)
{
	format(capacity, elem_bytes, flags, first);
	for (unsigned t = 0; t < HANDLES; t++)
		must_attach(&s.q[t], SLIP_PRODUCER | SLIP_CONSUMER,
			    &peers_member[t]);
}

/* --- the dead -------------------------------------------------------------- */

/* What thread t has left, if it is dead, is seen to by the caller. */
static bool recover(unsigned t)
{
	struct slip_mpmc *q = &s.q[x_self()];

	if (!x_dead(t) || !s.q[t].who)
		return false;
	slip_mpmc_recover_seat_(q, s.q[t].me, s.q[t].who);
	return true;
}

#endif
