/* SPDX-License-Identifier: MIT */
/*
 * rc11: which stores a load may still return; and what loads and fences make a
 * thread know, under all memory models.
 */
#include "runtime.h"

#define SEEN_MAX 32768

static struct x_seen seen_pool[SEEN_MAX];
static uint32_t seens;

void x_order_begin(void)
{
	seens = 0;
	x.fences = x_nothing;
	x.seqcst = 0;
}

/* The newest store that the caller is bound to by loads that come before. */
static uint32_t seen_index(const struct x_loc *l, const struct x_view *bound)
{
	uint32_t index = 0;

	for (unsigned i = 0; i < x.threads; i++) {
		const struct x_seen *s = l->seen[i];

		while (s && s->clock > bound->clock[4 + i])
			s = s->older;
		if (s && s->index > index)
			index = s->index;
	}
	return index;
}

/* Is this the oldest that the load may return? */
static bool binds(const struct x_store *s, const struct x_view *bound,
		  uint32_t index, bool seqcst)
{
	return !s->older || s->index <= index || s->link <= x_me()->fresh ||
	       s->clock <= bound->clock[4 + s->thread] ||
	       (s->seqcst && (seqcst || s->seqcst <= bound->fence));
}

static const struct x_view *bound_of(struct x_view *joined, bool seqcst)
{
	if (!seqcst)
		return &x_me()->now;
	*joined = x_me()->now;
	x_join(joined, &x.fences);
	return joined;
}

/* How many stores the load may return, the newest included. */
unsigned x_readable(const struct x_loc *l, bool seqcst)
{
	struct x_view joined;
	const struct x_view *bound = bound_of(&joined, seqcst);
	uint32_t index = seen_index(l, bound);
	unsigned n = 1;

	for (const struct x_store *s = l->newest;
	     !binds(s, bound, index, seqcst); s = s->older)
		n++;
	return n;
}

/* The load has returned this store: nothing after it may return an older. */
void x_note_seen(struct x_loc *l, const struct x_store *s)
{
	struct x_thread *t = x_me();
	struct x_seen *last = l->seen[x.self];
	struct x_seen *seen;

	if (x.memory != X_RC11 || (last && last->index == s->index))
		return;
	seen = &seen_pool[seens++];
	if (seens == SEEN_MAX)
		x_fail_text("more than %u loads", SEEN_MAX);
	seen->older = last;
	seen->index = s->index;
	seen->clock = t->now.clock[x.self];
	l->seen[x.self] = seen;
}

void x_learn(const struct x_store *s, int order)
{
	struct x_thread *t = x_me();

	if (x_acquires(order))
		x_join(&t->now, &s->released);
	else
		x_join(&t->unasked, &s->released);
}

struct x_store *x_pick(struct x_loc *l, int order, unsigned *age)
{
	struct x_store *s = l->newest;

	*age = 0;
	if (x.memory == X_RC11 && s->older) {
		*age = x_choose_value(x_readable(l, order == __ATOMIC_SEQ_CST));
		for (unsigned i = 0; i < *age; i++)
			s = s->older;
	}
	return s;
}

/* This fence's place among all seq_cst fences is here. */
static void seqcst_fence(struct x_thread *t)
{
	x_join(&t->now, &x.fences);
	t->now.fence = ++x.seqcst;
	x_join(&x.fences, &t->now);
	for (unsigned i = 0; i < 4; i++)
		x.fences.clock[i] = 0;
}

void x_fence(int order)
{
	struct x_thread *t = x_me();

	if (x_acquires(order))
		x_join(&t->now, &t->unasked);
	if (order == __ATOMIC_SEQ_CST) {
		if (x.memory == X_TSO)
			x_memory_drain((unsigned)x.self);
		seqcst_fence(t);
	}
	if (x_releases(order)) {
		t->fenced = t->now;
		x_tick((unsigned)x.self);
	}
}

/* The halves of an asymmetric fence: what is before this thread's compiler
 * fence is before a later membarrier, and the reverse. */
static void light_fence(void)
{
	struct x_thread *t = x_me();

	x_join(&t->now, &t->heavy);
	t->light = t->now;
	for (unsigned i = 0; i < 4; i++)
		t->light.clock[i] = 0;
	x_tick((unsigned)x.self);
}

void x_fence_thread(int order, uint32_t pc)
{
	if (x.self < 0)
		return;
	x_step();
	light_fence();
	x_fence(order);
	if (x.tracing)
		x_trace(pc, NULL, 0, "fence %s", x_order_name(order));
}

void x_fence_signal(uint32_t pc)
{
	if (x.self < 0)
		return;
	light_fence();
	if (x.tracing)
		x_trace(pc, NULL, 0, "compiler fence");
}

/* What enters the kernel takes locks there, and so is a full fence. */
void x_fence_kernel(void)
{
	if (x.self < 0)
		return;
	light_fence();
	x_fence(__ATOMIC_SEQ_CST);
}

/* membarrier(2): a full fence here, and in all others where their compiler
 * fences allow one. Says nothing about races: no happens-before. */
void x_membarrier(void)
{
	struct x_thread *t = x_me();

	x_fence_kernel();
	for (unsigned i = 0; i < x.threads; i++) {
		if (x.memory == X_TSO)
			x_memory_drain(i);
		x_join(&t->now, &x.thread[i].light);
	}
	seqcst_fence(t);
	for (unsigned i = 0; i < x.threads; i++)
		x_join(&x.thread[i].heavy, &x.fences);
	x_tick((unsigned)x.self);
}

/* Everything the dead thread did happens before what follows. */
void x_memory_meet(unsigned thread)
{
	x_memory_drain(thread);
	x_join(&x_me()->now, &x.thread[thread].now);
}
