/* SPDX-License-Identifier: MIT */
/*
 * tso: each thread's stores on their way to memory, first in, first out.
 *
 * They arrive as late as they can: when the thread itself must wait for them,
 * or, by choice, just before somebody else's access to the word could tell. An
 * arrival any earlier than that is seen by nobody. `compare` checks the claim.
 */
#include "runtime.h"

/* How many of the thread's stores go before and with its last to `l`. */
static unsigned pending(const struct x_thread *t, const struct x_loc *l)
{
	unsigned n = 0;

	for (uint32_t i = t->first; i < t->last; i++)
		if (t->buffer[i]->loc == l)
			n++;
	return n;
}

static void arrive_one(unsigned thread);

/* Others' stores to `l` may arrive now; each of them brings those before, and
 * meets the stores of yet others on the way. */
void x_others_arrive(unsigned thread, const struct x_loc *l)
{
	for (unsigned i = 0; i < x.threads; i++) {
		struct x_thread *t = &x.thread[i];
		unsigned n = pending(t, l);

		if (i == thread || x.waiting >> i & 1 || !n)
			continue;
		for (n = x_choose_value(n + 1); n; arrive_one(i))
			n -= t->buffer[t->first]->loc == l;
	}
}

static void arrive_one(unsigned thread)
{
	struct x_thread *t = &x.thread[thread];
	struct x_store *s = t->buffer[t->first];

	/* Its place at the head is taken as long as it waits for others. */
	x.waiting |= 1u << thread;
	x_others_arrive(thread, s->loc);
	x.waiting &= ~(1u << thread);
	t->first++;
	x_link(s);
	if (x.tracing)
		x_trace(0, s->word, s->loc->bytes,
			"... thread %u's store of 0x%llx arrives", thread,
			(unsigned long long)s->value);
}

void x_memory_drain(unsigned thread)
{
	struct x_thread *t = &x.thread[thread];

	while (t->first != t->last)
		arrive_one(thread);
	t->first = t->last = 0;
}

/* All that is on its way arrives, in some order. Was there anything? */
bool x_memory_drain_all(void)
{
	bool any = false;

	for (unsigned i = 0; i < x.threads; i++) {
		any |= x.thread[i].first != x.thread[i].last;
		x_memory_drain(i);
	}
	return any;
}

/* What the thread's load of the word forwards: the newest of its own stores
 * that are on their way. Unless it arrives now, and another's after it. */
struct x_store *x_own_pending(const struct x_loc *l)
{
	struct x_thread *t = x_me();
	struct x_store *own = NULL;
	unsigned others = 0;

	for (uint32_t i = t->last; i > t->first && !own; i--)
		if (t->buffer[i - 1]->loc == l)
			own = t->buffer[i - 1];
	if (!own)
		return NULL;
	for (unsigned i = 0; i < x.threads; i++)
		others += (int)i != x.self ? pending(&x.thread[i], l) : 0;
	if (!others || !x_choose_value(2))
		return own;
	for (unsigned n = pending(t, l); n;) {
		n -= t->buffer[t->first]->loc == l;
		arrive_one((unsigned)x.self);
	}
	return NULL;
}
