/* SPDX-License-Identifier: MIT */
/*
 * The record of what threads did to a queue under the explorer, and its judge.
 *
 * Every push and pop is recorded with the times at which it began and ended,
 * by a clock that the explorer does not see, and the history is held against a
 * FIFO queue (conditions of Henzinger, Sezgin, Vafeiadis, "Aspect-oriented
 * linearizability proofs", CONCUR 2013): nothing popped that was not pushed, or
 * twice, or before something that had to come before it; nothing lost; "empty"
 * only if there was a moment without an element. The elements of a batch are
 * operations of their own that overlap, but for their order.
 */
#ifndef SLIP_STRESS_EXPLORE_HISTORY_H
#define SLIP_STRESS_EXPLORE_HISTORY_H

#include <string.h>

#include "explore.h"

#define HANDLES (X_THREADS + 1) /* the last one: once and final */
#define OPS	24

enum op_kind { NOTHING, PUSH, POP };

struct op {
	enum op_kind kind;
	bool ok;
	uint32_t batch; /* 0: none */
	uint64_t value;
	uint32_t start, end; /* end 0: it never returned */
};

static struct {
	struct op op[HANDLES][OPS];
	uint32_t ops[HANDLES];
	uint32_t clock;
} history;

/* --- the record ------------------------------------------------------------ */

/* Not instrumented: no step of the schedule, no order between threads. */
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

UNSEEN static struct op *begin(unsigned t, enum op_kind kind, uint64_t value)
{
	struct op *o = &history.op[t][history.ops[t]++];

	o->kind = kind;
	o->value = value;
	o->ok = false;
	o->batch = 0;
	o->end = 0;
	o->start = ++history.clock;
	return o;
}

UNSEEN static void end(struct op *o, bool ok, uint64_t value)
{
	o->ok = ok;
	if (o->kind == POP)
		o->value = value;
	o->end = ++history.clock;
}

/* `n` operations at once, the first of which is `o`. */
__attribute__((unused)) UNSEEN static void end_batch(struct op *o, uint32_t n,
						     uint32_t done)
{
	uint32_t now = ++history.clock;

	for (uint32_t i = 0; i < n; i++) {
		o[i].ok = i < done;
		o[i].end = now;
	}
}

__attribute__((unused)) UNSEEN static struct op *
begin_batch(unsigned t, enum op_kind kind, uint32_t n)
{
	struct op *first = &history.op[t][history.ops[t]];
	uint32_t now = history.clock + 1;

	for (uint32_t i = 0; i < n; i++) {
		struct op *o = begin(t, kind, 0);

		o->start = now;
		o->batch = now;
	}
	return first;
}

/* --- the judge ------------------------------------------------------------- */

#define EACH_OP(o)                                         \
	for (unsigned t_##o = 0; t_##o < HANDLES; t_##o++) \
		for (struct op *o = history.op[t_##o];     \
		     o < history.op[t_##o] + history.ops[t_##o]; o++)

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

/* Held against a FIFO queue. `missing_ok`: a pop never returned. */
static void judge_fifo(const struct op *o, unsigned t, bool missing_ok)
{
	if (o->kind == POP && o->end && o->ok)
		judge_pop(o);
	EACH_OP(p)
	judge_order(o, p, missing_ok);
	if (o->kind == POP && o->end && !o->ok)
		judge_empty(o, t, missing_ok);
}

#endif
