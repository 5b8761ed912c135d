/* SPDX-License-Identifier: MIT */
/*
 * What a load may return.
 *
 * Each word that is accessed atomically has its stores, newest last, in the
 * order in which they took effect. The bytes in real memory are always those of
 * the newest. A load returns
 *
 *	sc	the newest
 *	tso	its own thread's newest that is still on its way, else the
 *		newest; first others' stores to that word may arrive (choice)
 *	rc11	any (choice) that is not older than one which binds the loader:
 *		a store, or a store seen by a load, that happens before it; or
 *		one that seq_cst fences and accesses put before it
 *
 * and a read-modify-write the newest, always. Acquire and release, fences and
 * release sequences (C++20's: continued by read-modify-writes only, whichever
 * thread they are of) move views from thread to thread in all three, as races
 * are judged by the language's rules whatever the machine.
 */
#include "runtime.h"

#define STORES_MAX 16384
#define LOCS_MAX   4096

static struct {
	struct x_store store[STORES_MAX];
	struct x_loc loc[LOCS_MAX];
	uint32_t stores, locs;
} m;

const struct x_view x_nothing;
static const struct x_loc untouched;

/* --- bytes --- */

static uint64_t raw_load(const void *at, unsigned bytes)
{
	uint64_t v = 0;

	switch (bytes) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		v = *(const uint64_t *)at;
	}
	return v;
}

static void raw_store(void *at, unsigned bytes, uint64_t v)
{
	switch (bytes) {
	case 1:
		*(uint8_t *)at = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at = v;
	}
}

static uint64_t cut(uint64_t v, unsigned bytes)
{
	return bytes == 8 ? v : v & ((UINT64_C(1) << (8 * bytes)) - 1);
}

uint64_t x_apply(enum x_op op, uint64_t old, uint64_t v, unsigned bytes)
{
	switch (op) {
	case X_ADD:
		v = old + v;
		break;
	case X_SUB:
		v = old - v;
		break;
	case X_AND:
		v = old & v;
		break;
	case X_OR:
		v = old | v;
		break;
	case X_XOR:
		v = old ^ v;
		break;
	case X_NAND:
		v = ~(old & v);
		break;
	default:
		break;
	}
	return cut(v, bytes);
}

/* --- words and stores --- */

void x_memory_begin(void)
{
	m.stores = 0;
	m.locs = 0;
	x.waiting = 0;
	for (unsigned i = 0; i < x.threads; i++) {
		struct x_thread *t = &x.thread[i];

		t->now = x_nothing;
		t->now.clock[i] = t->now.clock[4 + i] = 1;
		t->fenced = t->unasked = t->light = t->heavy = x_nothing;
		t->first = t->last = 0;
	}
	x_order_begin();
	x.links = 0;
}

static struct x_store *new_store(struct x_loc *l, void *word, uint64_t v)
{
	struct x_store *s = &m.store[m.stores++];

	if (m.stores == STORES_MAX)
		x_fail_text("more than %u stores", STORES_MAX);
	s->released = x_nothing;
	s->loc = l;
	s->word = word;
	s->value = v;
	s->older = NULL;
	s->index = 0;
	s->link = 0;
	s->seqcst = 0;
	s->clock = 0;
	s->thread = 0;
	return s;
}

static void mixed(const void *at, unsigned bytes)
{
	x_fail_text("atomic accesses of different sizes meet: %u bytes at %s",
		    bytes, x_where(at));
}

static struct x_loc *new_loc(struct x_cell *cell, uintptr_t address,
			     unsigned bytes, unsigned half)
{
	struct x_loc *l = &m.loc[m.locs++];

	if (m.locs == LOCS_MAX)
		x_fail_text("more than %u atomic words", LOCS_MAX);
	*l = untouched;
	l->address = address;
	l->bytes = bytes;
	cell->loc[half] = l;
	if (bytes == 8)
		cell->loc[1] = l;
	return l;
}

/* The word, with its first store: what setup has left there. */
static struct x_loc *loc_of(struct x_cell *cell, void *at, unsigned bytes)
{
	uintptr_t address = x_alias((uintptr_t)at);
	unsigned half = address >> 2 & 1;
	struct x_loc *l = cell->loc[half];

	if (address % bytes)
		x_fail_text("misaligned atomic access: %s", x_where(at));
	if (!l || (bytes == 8 && cell->loc[1] != l)) {
		if (l || (bytes == 8 && cell->loc[1]))
			mixed(at, bytes);
		l = new_loc(cell, address, bytes, half);
	}
	if (l->address != address || l->bytes != bytes)
		mixed(at, bytes);
	if (!l->newest)
		l->newest = new_store(l, at, raw_load(at, bytes));
	return l;
}

/* A plain write, which no race contradicts: the word begins anew with it. */
void x_memory_plain(struct x_cell *cell, unsigned mask, bool write)
{
	for (unsigned half = 0; half < 2; half++) {
		struct x_loc *l = cell->loc[half];

		if (!l || !(mask & (half ? 0xf0u : 0x0fu)))
			continue;
		/* It is done by the instruction itself, at once; what is
		 * in the buffer comes before. */
		if (x.memory == X_TSO)
			x_memory_drain((unsigned)x.self);
		if (write) {
			l->newest = NULL;
			memset(l->seen, 0, sizeof(l->seen));
		}
	}
}

/* The store takes effect. */
void x_link(struct x_store *s)
{
	struct x_loc *l = s->loc;

	s->older = l->newest;
	s->index = l->newest ? l->newest->index + 1 : 1;
	s->link = ++x.links;
	x.thread[s->thread].own++;
	x.rounds = 0;
	l->newest = s;
	raw_store(s->word, l->bytes, s->value);
}

/* --- the accesses --- */

static struct x_loc *meet(void *word, unsigned bytes, bool write, uint32_t pc)
{
	struct x_cell *cell = x_cell_of(x_alias((uintptr_t)word));

	x_shadow_atomic(cell, word, bytes, write, pc);
	return loc_of(cell, word, bytes);
}

uint64_t x_load(void *word, unsigned bytes, int order, uint32_t pc)
{
	struct x_loc *l;
	struct x_store *s = NULL;
	unsigned age = 0;

	if (x.self < 0)
		return raw_load(word, bytes);
	x_step();
	l = meet(word, bytes, false, pc);
	if (x.memory == X_TSO) {
		s = x_own_pending(l);
		if (!s)
			x_others_arrive((unsigned)x.self, l);
	}
	if (!s) {
		s = x_pick(l, order, &age);
		x_note_seen(l, s);
		x_learn(s, order);
	}
	if (x.tracing)
		x_trace(pc, word, bytes, "load %s = 0x%llx%s",
			x_order_name(order), (unsigned long long)s->value,
			age ? "  (stale)" : "");
	return s->value;
}

/* A store as this thread would make it now. */
static struct x_store *make_store(struct x_loc *l, void *word, uint64_t v,
				  int order, const struct x_store *continued)
{
	unsigned self = (unsigned)x.self;
	struct x_thread *t = x_me();
	struct x_store *s = new_store(l, word, v);

	s->thread = (uint8_t)self;
	s->clock = t->now.clock[self];
	s->released = x_releases(order) ? t->now : t->fenced;
	if (continued)
		x_join(&s->released, &continued->released);
	if (order == __ATOMIC_SEQ_CST)
		s->seqcst = ++x.seqcst;
	if (x_releases(order))
		x_tick(self);
	return s;
}

void x_store(void *word, unsigned bytes, uint64_t v, int order, uint32_t pc)
{
	struct x_thread *t;
	struct x_store *s;

	v = cut(v, bytes);
	if (x.self < 0) {
		raw_store(word, bytes, v);
		return;
	}
	x_step();
	t = x_me();
	s = make_store(meet(word, bytes, true, pc), word, v, order, NULL);
	if (x.tracing)
		x_trace(pc, word, bytes, "store %s 0x%llx", x_order_name(order),
			(unsigned long long)v);
	/* On its own stack the frame may be gone when the store arrives. */
	if (x.memory == X_TSO && !x_own_stack(word)) {
		t->buffer[t->last++] = s;
		/* x86: XCHG, or MOV and MFENCE */
		if (order == __ATOMIC_SEQ_CST)
			x_memory_drain((unsigned)x.self);
		return;
	}
	x_link(s);
}

uint64_t x_change(void *word, unsigned bytes, enum x_op op, uint64_t v,
		  int order, uint32_t pc)
{
	struct x_loc *l = meet(word, bytes, true, pc);
	struct x_store *old;
	struct x_store *s;

	if (x.memory == X_TSO) {
		x_memory_drain((unsigned)x.self);
		x_others_arrive((unsigned)x.self, l);
	}
	old = l->newest;
	x_note_seen(l, old);
	x_learn(old, order);
	s = make_store(l, word, x_apply(op, old->value, v, bytes), order, old);
	x_link(s);
	if (x.tracing)
		x_trace(pc, word, bytes, "change %s 0x%llx -> 0x%llx",
			x_order_name(order), (unsigned long long)old->value,
			(unsigned long long)s->value);
	return old->value;
}

uint64_t x_rmw(void *word, unsigned bytes, enum x_op op, uint64_t v, int order,
	       uint32_t pc)
{
	uint64_t old;

	if (x.self >= 0) {
		x_step();
		return x_change(word, bytes, op, v, order, pc);
	}
	old = raw_load(word, bytes);
	raw_store(word, bytes, x_apply(op, old, v, bytes));
	return old;
}

/* A swap that fails is a load, of any readable store but an equal one. */
static struct x_store *other_than(struct x_loc *l, uint64_t expected,
				  unsigned *age)
{
	struct x_store *s = l->newest;
	unsigned n = x_readable(l, false);
	unsigned fit = 0;
	unsigned choice;

	for (unsigned i = 0; i < n; i++, s = s->older)
		fit += s->value != expected;
	/* The newest, if equal, is choice 0: success. */
	choice = x_choose_value(fit + (l->newest->value == expected));
	s = l->newest;
	*age = 0;
	for (; choice; choice--) {
		do {
			s = s->older;
			++*age;
		} while (s->value == expected);
	}
	return s;
}

/* Returns what was there: `expected` if it was done. */
uint64_t x_cas(void *word, unsigned bytes, uint64_t expected, uint64_t v,
	       int order, int failure, uint32_t pc)
{
	struct x_store *s;
	struct x_loc *l;
	unsigned age = 0;
	uint64_t old;

	expected = cut(expected, bytes);
	if (x.self < 0) {
		old = raw_load(word, bytes);
		if (old == expected)
			raw_store(word, bytes, cut(v, bytes));
		return old;
	}
	x_step();
	l = meet(word, bytes, false, pc);
	if (x.memory == X_TSO) {
		x_memory_drain((unsigned)x.self);
		x_others_arrive((unsigned)x.self, l);
	}
	s = l->newest;
	if (x.memory == X_RC11 && s->older)
		s = other_than(l, expected, &age);
	if (s->value == expected) {
		/* All that could arrive has. */
		x.waiting = (1u << X_THREADS) - 1;
		old = x_change(word, bytes, X_SET, v, order, pc);
		x.waiting = 0;
		return old;
	}
	x_note_seen(l, s);
	x_learn(s, failure);
	if (x.tracing)
		x_trace(pc, word, bytes, "swap fails = 0x%llx, not 0x%llx%s",
			(unsigned long long)s->value,
			(unsigned long long)expected, age ? "  (stale)" : "");
	return s->value;
}

/* The newest value, as the kernel reads it. */
uint64_t x_memory_peek(void *word, unsigned bytes, uint32_t pc)
{
	struct x_loc *l = meet(word, bytes, false, pc);

	if (x.memory == X_TSO)
		x_others_arrive((unsigned)x.self, l);
	x_note_seen(l, l->newest);
	return l->newest->value;
}
