/* SPDX-License-Identifier: MIT */
/*
 * An MPMC ring under the explorer, with a handle for each thread; and the
 * judge of what they did: history.h, and "full" only if as many might have been
 * there as fit (where no position was void: those take room for a lap).
 */
#ifndef SLIP_STRESS_EXPLORE_MPMC_RING_H
#define SLIP_STRESS_EXPLORE_MPMC_RING_H

#include <string.h>

#include "explore.h"
#include "history.h"
#include "peers.h"
#include "ring/mpmc.h"

#define SEATS (HANDLES + 1)
#define BYTES 8192
#define HEIR  900 /* its values */

static struct {
	char ring[BYTES] __attribute__((aligned(128)));
	struct slip_mpmc q[HANDLES];
	struct slip_mpmc heir; /* takes a seat in the middle */
	bool inherited;
	uint32_t elem_bytes;
	uint32_t run;	/* slots that one claim may hold */
	uint64_t first; /* position */
} s;

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
		judge_fifo(o, t_o, unknown != 0);
		if (o->kind == PUSH && o->end && o->ok)
			lost += !pop_of(o);
		if (o->kind == PUSH && o->end && !o->ok) {
			X_ASSERT(!pop_of(o), "%llu popped, refused",
				 (unsigned long long)o->value);
			if (!o->batch && all_fit)
				judge_full(o, capacity);
		}
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
	memset(&history, 0, sizeof(history));
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
	x_keep(&history, sizeof(history));
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
