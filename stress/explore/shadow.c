/* SPDX-License-Identifier: MIT */
/*
 * Races on plain data, byte by byte, by happens-before: two accesses to a
 * byte, one of them a write and not both atomic, of which neither happens
 * before the other. Found in any schedule in which both occur, in whatever
 * order and at whatever distance.
 *
 * Each 8 bytes have a cell with the accesses that may still matter: the last
 * of each thread and kind to each byte. A plain write that races with nothing
 * replaces all before it: who races with those races with it.
 */
#include "runtime.h"

#define OVERFLOWS 64

struct x_cell x_cells[X_CELLS];
static struct {
	struct x_access access[OVERFLOWS][X_OVERFLOW];
	unsigned used;
	unsigned cells;
} s;

void x_shadow_begin(void)
{
	x.generation++;
	s.used = 0;
	s.cells = 0;
}

__attribute__((noinline, cold)) static void no_more_cells(void)
{
	x_fail_text("more than %u bytes touched", X_CELLS / 4 * 3 * 8);
}

static inline void take(struct x_cell *cell, uintptr_t key)
{
	if (++s.cells > X_CELLS / 4 * 3)
		no_more_cells();
	cell->key = key;
	cell->generation = x.generation;
	cell->count = 0;
	cell->more = 0;
	cell->loc[0] = NULL;
	cell->loc[1] = NULL;
}

/* The next free cell from this one on, or the one that is sought. */
__attribute__((noinline)) static struct x_cell *new_cell(uintptr_t key,
							 struct x_cell *cell)
{
	while (cell->generation == x.generation) {
		if (cell->key == key)
			return cell;
		if (++cell == x_cells + X_CELLS)
			cell = x_cells;
	}
	take(cell, key);
	return cell;
}

/* The cell of an (aliased) address; cells are emptied when first met. */
static inline struct x_cell *cell_of(uintptr_t address)
{
	uintptr_t key = address >> 3;
	struct x_cell *cell = x_first_cell(key);

	if (cell->key == key && cell->generation == x.generation)
		return cell;
	return new_cell(key, cell);
}

struct x_cell *x_cell_of(uintptr_t address)
{
	return cell_of(address);
}

static struct x_access *access_at(struct x_cell *cell, unsigned i)
{
	if (i < X_ACCESSES)
		return &cell->access[i];
	return &s.access[cell->more - 1][i - X_ACCESSES];
}

__attribute__((noinline, cold)) static void append_more(struct x_cell *cell,
							struct x_access a)
{
	if (cell->count == X_ACCESSES + X_OVERFLOW ||
	    (cell->count == X_ACCESSES && !cell->more && s.used == OVERFLOWS))
		x_fail_text("too many accesses to the same 8 bytes");
	if (cell->count == X_ACCESSES && !cell->more)
		cell->more = (uint16_t)++s.used;
	*access_at(cell, cell->count++) = a;
}

static inline void append(struct x_cell *cell, struct x_access a)
{
	if (cell->count < X_ACCESSES)
		cell->access[cell->count++] = a;
	else
		append_more(cell, a);
}

static const char *kind_of(unsigned who)
{
	if (who & X_ATOMIC)
		return who & X_WRITE ? "atomic write" : "atomic read";
	return who & X_WRITE ? "plain write" : "plain read";
}

__attribute__((noinline, cold)) static void
race(const struct x_access *old, const struct x_access *a, const void *at)
{
	char other[256];

	snprintf(other, sizeof(other), "%s", x_place(old->pc));
	x_fail_text("data race on %s: %s of thread %d at %s; %s of thread %u "
		    "at %s",
		    x_where(at), kind_of(a->who), x.self, x_place(a->pc),
		    kind_of(old->who), old->who & X_WHO, other);
}

static bool races(const struct x_access *old, const struct x_access *a)
{
	unsigned thread = old->who & X_WHO;

	return old->mask & a->mask && thread != (a->who & X_WHO) &&
	       (old->who | a->who) & X_WRITE &&
	       !(old->who & a->who & X_ATOMIC) &&
	       old->clock > x_me()->now.clock[thread];
}

/* Is the older one no longer worth keeping? */
static bool covers(const struct x_access *a, const struct x_access *old)
{
	if (old->mask & ~a->mask)
		return false;
	if (a->who & X_WRITE && !(a->who & X_ATOMIC))
		return true;
	return old->who == a->who;
}

/* As enter(), beyond the first accesses. */
__attribute__((noinline, cold)) static void
enter_more(struct x_cell *cell, struct x_access a, const void *at)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < cell->count; i++) {
		struct x_access *old = access_at(cell, i);

		if (races(old, &a))
			race(old, &a, at);
		if (covers(&a, old))
			continue;
		*access_at(cell, kept++) = *old;
	}
	cell->count = (uint16_t)kept;
	append(cell, a);
}

static inline void enter(struct x_cell *cell, struct x_access a, const void *at)
{
	unsigned kept = 0;
	unsigned n = cell->count;

	if (n == 0) {
		cell->access[0] = a;
		cell->count = 1;
		return;
	}
	if (n > X_ACCESSES) {
		enter_more(cell, a, at);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct x_access *old = &cell->access[i];

		if (races(old, &a))
			race(old, &a, at);
		if (!covers(&a, old))
			cell->access[kept++] = *old;
	}
	cell->count = (uint16_t)kept;
	append(cell, a);
}

void x_shadow_atomic(struct x_cell *cell, const void *at, unsigned bytes,
		     bool write, uint32_t pc)
{
	unsigned self = (unsigned)x.self;
	struct x_access a;

	a.mask = (uint8_t)(((1u << bytes) - 1) << ((uintptr_t)at & 7));
	a.who = (uint8_t)(self | X_ATOMIC | (write ? X_WRITE : 0));
	a.clock = x.thread[self].now.clock[self];
	a.pc = pc;
	enter(cell, a, at);
}

/* Has the thread made such an access, or a stronger one, since it last passed
 * anything on? Then whoever races with this one races with that one. */
static inline bool again(const struct x_cell *cell, struct x_access a)
{
	unsigned n = cell->count < 4 ? cell->count : 4;

	for (unsigned i = 0; i < n; i++) {
		const struct x_access *old = &cell->access[i];

		if (old->clock == a.clock && !(a.mask & ~old->mask) &&
		    (old->who | X_WRITE) == (a.who | X_WRITE) &&
		    old->who >= a.who)
			return true;
	}
	return false;
}

static inline void plain(struct x_access a, uintptr_t address, const void *at)
{
	struct x_cell *cell = cell_of(address);

	if (cell->loc[0] || cell->loc[1]) {
		enter(cell, a, at);
		x_memory_plain(cell, a.mask, a.who & X_WRITE);
	} else if (!again(cell, a)) {
		enter(cell, a, at);
	}
}

void x_shadow_plain(const void *start, size_t bytes, bool write, uint32_t pc)
{
	const char *at = start;
	struct x_access a;

	if (x.self < 0 || x_own_stack(at))
		return;
	a.who = (uint8_t)((unsigned)x.self | (write ? X_WRITE : 0));
	a.clock = x_me()->now.clock[x.self];
	a.pc = pc;
	while (bytes) {
		uintptr_t address = x_alias((uintptr_t)at);
		unsigned from = address & 7;
		size_t some = bytes < 8 - from ? bytes : 8 - from;

		a.mask = (uint8_t)(((1u << some) - 1) << from);
		plain(a, address, at);
		at += some;
		bytes -= some;
	}
}

/* Two words of a cell that one thread alone has met: as x_shadow_word(). */
static inline bool halves(struct x_cell *cell, struct x_access a)
{
	struct x_access *old = cell->access;

	if (cell->count != 2 || cell->loc[0] || cell->loc[1] ||
	    old[0].mask & old[1].mask)
		return false;
	old += old[1].mask == a.mask;
	return x_replaces(old, a);
}

__attribute__((noinline)) static void word(const void *at, struct x_access a)
{
	plain(a, (uintptr_t)at, at);
}

/* What x_shadow_word() leaves. */
void x_shadow_more(const void *at, struct x_access a)
{
	uintptr_t key = (uintptr_t)at >> 3;
	struct x_cell *cell = x_first_cell(key);

	if (cell->generation != x.generation) {
		take(cell, key);
		cell->access[0] = a;
		cell->count = 1;
	} else if (cell->key != key || !halves(cell, a)) {
		word(at, a);
	}
}
