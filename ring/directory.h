/* SPDX-License-Identifier: MIT */
/*
 * What is attached in this process, by name: many threads find it, without a lock
 * and without a store to a line that others use, while others add and remove. Needs
 * liburcu (rcu.h), and its hash table (liburcu-cds).
 *
 * Use it where threads look up rings, regions or queues again and again by a name
 * that comes with the work. Do not use it between processes, where a region has a
 * directory of its own (futex/region.h), nor for what each thread can keep.
 *
 *	static struct slip_directory d;
 *
 *	if (slip_directory_init(&d) ||				(once)
 *	    slip_directory_add(&d, "ticks", SLIP_KIND_SPSC, ring, bytes,
 *			       unmap, NULL))
 *		return 1;
 *
 *	slip_directory_enter(&d);				(any thread)
 *	ring = slip_directory_find(&d, "ticks", SLIP_KIND_SPSC, &bytes);
 *	...							(ring stays)
 *	slip_directory_leave(&d);
 *
 *	struct slip_directory_entry *e = slip_directory_hold(&d, "ticks", 0);
 *	...							(ring stays)
 *	slip_directory_drop(e);
 *
 *	rc = slip_directory_remove(&d, "ticks");	(unmap is called later)
 *
 * Two ways to keep what was found. Between enter and leave: costs next to nothing,
 * but keeps all that any thread removes, so it is for a moment, and not for who
 * sleeps. By a hold: a locked instruction on the entry's line, and another to
 * drop it; for as long as one likes, past a removal and past the directory.
 *
 * After remove nobody finds the entry. `gone` is called once, when all have left who
 * were inside, and all holds are dropped: in a thread of liburcu's, or in that which
 * dropped the last hold. It may unmap, detach and free the object, and use this
 * directory; once destroy has begun, only look there; once that has returned (of a
 * hold that is dropped later), not even that. It may not destroy a directory or a
 * chain, nor wait for room in one: the thread that would have to do the rest of it
 * may be this one.
 *
 *	listed, holds = 1 + those taken
 *	  -> removed, still held for the time of a grace period
 *	  -> only those taken
 *	  -> 0: gone
 *
 * Concurrency: any number of threads, without handles; see rcu.h for what those
 * must do who use another flavour of liburcu than "bp".
 *
 *	operation	progress	signal-safe	cost
 *	enter, leave	wait-free	no		own lines
 *	find		wait-free	no		the entry's line, shared
 *	hold, drop	wait-free	no		the entry's line
 *	add, remove	lock-free	no		two entries' lines, malloc
 *	init, destroy	blocking	no		alone
 *
 * ("Wait-free" as far as hash chains are short: there are 256 of them.)
 *
 * Order. What was done before add is visible to whoever finds the entry; what was
 * done before leave, or drop, is visible to `gone`.
 *
 * Stopped threads. Who is stopped inside keeps what is removed, of all, from being
 * gone. Who is stopped anywhere else is in nobody's way.
 *
 * Source: cds_lfht, the lock-free hash table of liburcu (Desnoyers), after Shalev
 * and Shavit, "Split-ordered lists" (JACM 2006).
 */
#ifndef SLIP_RING_DIRECTORY_H
#define SLIP_RING_DIRECTORY_H

#include <errno.h>
#include <stdlib.h>

#include "../atomics/base.h"
#include "../atomics/word.h"
#include "rcu.h"

#include <urcu/rculfhash.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_DIRECTORY_NAME_MAX 63u /* bytes of a name, without its end */
#define SLIP_DIRECTORY_CHAINS_	256u

/* Called once nobody can have the object any more. */
typedef void slip_directory_gone_fn(void *context, void *object, size_t bytes);

struct slip_directory {
	struct cds_lfht *table;
};

/* Private, but for slip_directory_object. */
struct slip_directory_entry {
	struct cds_lfht_node node;
	slip_a32 holds;
	uint32_t kind;
	void *object;
	size_t bytes;
	slip_directory_gone_fn *gone;
	void *context;
	struct slip_directory *directory;
	struct rcu_head later;
	char name[SLIP_DIRECTORY_NAME_MAX + 1];
};

/* --- private ----------------------------------------------------------------- */

/* FNV-1a. */
SLIP_INLINE unsigned long slip_directory_hash_(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ SLIP_CAST(unsigned char, *name)) *
		       UINT64_C(0x100000001b3);
	return hash;
}

SLIP_INLINE struct slip_directory_entry *
slip_directory_entry_(struct cds_lfht_node *node)
{
	void *at = node;

	return SLIP_CAST(struct slip_directory_entry *, at);
}
SLIP_STATIC_ASSERT(offsetof(struct slip_directory_entry, node) == 0,
		   "see slip_directory_entry_");

SLIP_INLINE int slip_directory_match_(struct cds_lfht_node *node,
				      const void *name)
{
	struct slip_directory_entry *e = slip_directory_entry_(node);

	/* DIRECTORY-A1 finder: what is in the entry, and what was done before it
	 * was added. Pairs: slip_directory_add. Else: it compares a name that
	 * is not there yet. */
	(void)slip_a32_load_acquire(&e->holds);
	return __builtin_strcmp(e->name, SLIP_CAST(const char *, name)) == 0;
}

/* Inside. The entry, or NULL. */
SLIP_INLINE struct slip_directory_entry *
slip_directory_look_(const struct slip_directory *d, const char *name)
{
	struct cds_lfht_iter at;
	struct cds_lfht_node *node;

	cds_lfht_lookup(d->table, slip_directory_hash_(name),
			slip_directory_match_, name, &at);
	node = cds_lfht_iter_get_node(&at);
	return node ? slip_directory_entry_(node) : NULL;
}

/* As slip_directory_look_, of this kind. */
SLIP_INLINE struct slip_directory_entry *
slip_directory_look_for_(const struct slip_directory *d, const char *name,
			 uint32_t kind)
{
	struct slip_directory_entry *e = slip_directory_look_(d, name);

	return e && (!kind || e->kind == kind) ? e : NULL;
}

/* One hold less; the last one sees to the rest. */
SLIP_INLINE void slip_directory_let_go_(struct slip_directory_entry *e)
{
	/* DIRECTORY-R2, DIRECTORY-A2 holder: what each did with the object comes
	 * before it is gone. Pairs: slip_directory_let_go_. Else: it is unmapped
	 * while another still uses it. */
	if (slip_a32_fetch_add_acqrel(&e->holds, UINT32_MAX) != 1)
		return;
	if (e->gone)
		e->gone(e->context, e->object, e->bytes);
	free(e);
}

SLIP_INLINE void slip_directory_reclaim_(struct rcu_head *later)
{
	void *at = SLIP_RECAST(char *, later) -
		   offsetof(struct slip_directory_entry, later);
	struct slip_directory_entry *e =
		SLIP_CAST(struct slip_directory_entry *, at);
	struct slip_directory *d;

	slip_rcu_begin_(later);
	d = e->directory;
	slip_rcu_begin_(d);
	slip_directory_let_go_(e);
	slip_rcu_end_(d);
}

/* Inside. Nobody finds it from now on; false: that was somebody else's doing. */
SLIP_INLINE bool slip_directory_take_off_(struct slip_directory *d,
					  struct slip_directory_entry *e)
{
	if (cds_lfht_del(d->table, &e->node))
		return false;
	slip_rcu_later_(&e->later, slip_directory_reclaim_);
	return true;
}

/* --- public ------------------------------------------------------------------ */

/* Make an empty one. 0; -ENOMEM. */
SLIP_INLINE SLIP_MUST_CHECK int slip_directory_init(struct slip_directory *d)
{
	d->table = cds_lfht_new_flavor(
		SLIP_DIRECTORY_CHAINS_, SLIP_DIRECTORY_CHAINS_,
		SLIP_DIRECTORY_CHAINS_, 0, &SLIP_URCU_(_flavor), NULL);
	return d->table ? 0 : -ENOMEM;
}

/*
 * Add an object under a name of 1 to 63 bytes. `kind`: as in a region's directory
 * (SLIP_KIND_SPSC ...), or any number but 0. `gone` may be NULL: then nothing is
 * done with the object when it is gone.
 *
 * Returns 0; -EEXIST: the name is taken; -EINVAL: name, kind or object; -ENOMEM.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_directory_add(struct slip_directory *d, const char *name, uint32_t kind,
		   void *object, size_t bytes, slip_directory_gone_fn *gone,
		   void *context)
{
	struct slip_directory_entry *e;
	struct cds_lfht_node *there;
	size_t len = __builtin_strlen(name);

	if (!len || len > SLIP_DIRECTORY_NAME_MAX || !kind || !object)
		return -EINVAL;
	e = SLIP_CAST(struct slip_directory_entry *, malloc(sizeof(*e)));
	if (!e)
		return -ENOMEM;
	cds_lfht_node_init(&e->node);
	e->kind = kind;
	e->object = object;
	e->bytes = bytes;
	e->gone = gone;
	e->context = context;
	e->directory = d;
	__builtin_memcpy(e->name, name, len + 1);
	/* DIRECTORY-R1 adder: what is in the entry. Pairs:
	 * slip_directory_match_. Else: as there. */
	slip_a32_store_release(&e->holds, 1);
	slip_rcu_enter_();
	there = cds_lfht_add_unique(d->table, slip_directory_hash_(name),
				    slip_directory_match_, e->name, &e->node);
	slip_rcu_leave_(d);
	if (there == &e->node)
		return 0;
	free(e);
	return -EEXIST;
}

/* Nobody finds the name from now on; `gone` follows. 0; -ENOENT: there is none.
 * Does not block. */
SLIP_INLINE SLIP_MUST_CHECK int slip_directory_remove(struct slip_directory *d,
						      const char *name)
{
	struct slip_directory_entry *e;
	bool ours;

	slip_rcu_enter_();
	e = slip_directory_look_(d, name);
	ours = e && slip_directory_take_off_(d, e);
	slip_rcu_leave_(d);
	return ours ? 0 : -ENOENT;
}

/* What is found between enter and leave stays until leave. May be nested. */
SLIP_CORE void slip_directory_enter(struct slip_directory *d)
{
	(void)d;
	slip_rcu_enter_();
}

SLIP_CORE void slip_directory_leave(struct slip_directory *d)
{
	slip_rcu_leave_(d);
}

/* Between enter and leave: the object, and how large it is (`bytes` may be NULL).
 * NULL: there is none of that name and kind (0: any). */
SLIP_INLINE SLIP_MUST_CHECK void *
slip_directory_find(const struct slip_directory *d, const char *name,
		    uint32_t kind, size_t *bytes)
{
	const struct slip_directory_entry *e =
		slip_directory_look_for_(d, name, kind);

	if (!e)
		return NULL;
	if (bytes)
		*bytes = e->bytes;
	return e->object;
}

/* Anywhere: the entry, which stays until slip_directory_drop. NULL: as above. */
SLIP_INLINE SLIP_MUST_CHECK struct slip_directory_entry *
slip_directory_hold(struct slip_directory *d, const char *name, uint32_t kind)
{
	struct slip_directory_entry *e;

	slip_rcu_enter_();
	e = slip_directory_look_for_(d, name, kind);
	if (e)
		/* own: as we are inside, the directory's own hold is there */
		(void)slip_a32_fetch_add_relaxed(&e->holds, 1);
	slip_rcu_leave_(d);
	return e;
}

/* The object of an entry that is held. `bytes` may be NULL. */
SLIP_INLINE void *slip_directory_object(const struct slip_directory_entry *e,
					size_t *bytes)
{
	if (bytes)
		*bytes = e->bytes;
	return e->object;
}

/* Give the hold back; if it was the last one of an entry that was removed, it is
 * gone. */
SLIP_INLINE void slip_directory_drop(struct slip_directory_entry *e)
{
	slip_directory_let_go_(e);
}

/* Remove all there is; no thread uses it any more, or will, but for holds. Blocks
 * until a grace period is over, so not between enter and leave, nor in `gone`. */
SLIP_INLINE void slip_directory_destroy(struct slip_directory *d)
{
	struct cds_lfht_iter at;
	struct cds_lfht_node *node;

	slip_rcu_enter_();
	cds_lfht_first(d->table, &at);
	for (node = cds_lfht_iter_get_node(&at); node;
	     node = cds_lfht_iter_get_node(&at)) {
		(void)slip_directory_take_off_(d, slip_directory_entry_(node));
		cds_lfht_next(d->table, &at);
	}
	slip_rcu_leave_(d);
	slip_rcu_settle_(d);
	(void)cds_lfht_destroy(d->table, NULL);
}

#ifdef __cplusplus
}
#endif

#endif
