/* SPDX-License-Identifier: MIT */
/*
 * Models of ring/directory.h: entries that come and go while others look for them,
 * inside and by holds. liburcu is urcu_model.h; its hash table is played here, by one
 * chain, with the same contract: add, delete and lookup are a step each, with a full
 * fence for the first two, and whoever walks the chain is inside. A lookup has no more
 * of an entry by its address than that: what is in it is not ordered for any tool.
 *
 * An object is plain data that is spoilt when it is gone: so who still has it races.
 */
#include <stdlib.h>
#include <string.h>

#include "urcu_model.h"

/* The entries' memory is ours. */
static void *take_entry(size_t bytes);
static void free_entry(void *at);
#define malloc take_entry
#define free   free_entry
#include "ring/directory.h"
#undef malloc
#undef free

#define OBJECTS 3

static struct slip_directory d;
static struct {
	uint64_t object[OBJECTS];
	int gone[OBJECTS];
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t found, missed, dropped, removed, refused;

RCU_UNSEEN static void note(uint64_t *count)
{
	++*count;
}

/* --- the table ----------------------------------------------------------------- */

#define NODES  4
#define HASHED 7ul /* in a node, while it may be used */

/* An entry of the chain: a cell each, 0 or the address of a node. */
struct cds_lfht {
	slip_a64 cell[NODES];
};
static struct cds_lfht table;
static slip_a32 writers; /* a lock */

const struct rcu_flavor_struct urcu_bp_flavor;

struct cds_lfht *_cds_lfht_new(unsigned long init_size, unsigned long least,
			       unsigned long most, int flags,
			       const struct cds_lfht_mm_type *mm,
			       const struct rcu_flavor_struct *flavor,
			       pthread_attr_t *attr)
{
	(void)init_size, (void)least, (void)most, (void)flags, (void)mm;
	(void)flavor, (void)attr;
	memset(&table, 0, sizeof(table));
	return &table;
}

int cds_lfht_destroy(struct cds_lfht *ht, pthread_attr_t **attr)
{
	(void)attr;
	for (unsigned i = 0; i < NODES; i++)
		X_ASSERT(!slip_a64_load_relaxed(&ht->cell[i]), "not empty");
	return 0;
}

static struct cds_lfht_node *node_at(struct cds_lfht *ht, unsigned i)
{
	uintptr_t at = slip_a64_load_relaxed(&ht->cell[i]);

	return (struct cds_lfht_node *)at;
}

static void lock(void)
{
	while (slip_a32_exchange_acquire(&writers, 1))
		slip_pause();
	slip_fence_full();
}

static void unlock(void)
{
	slip_fence_full();
	slip_a32_store_release(&writers, 0);
}

/* As rcu_dereference: no access by that address is to what was there before the
 * entry. So the count, of which an older value could be seen, is read by an addition,
 * which sees the newest. */
static void depend(struct cds_lfht_node *node)
{
	/* No constant, else Clang makes it a load. */
	static volatile uint32_t nothing;
	struct slip_directory_entry *e = slip_directory_entry_(node);

	(void)slip_a32_fetch_add_relaxed(&e->holds, nothing);
}

void cds_lfht_lookup(struct cds_lfht *ht, unsigned long hash,
		     cds_lfht_match_fct match, const void *key,
		     struct cds_lfht_iter *iter)
{
	(void)hash;
	X_ASSERT(rcu.inside[x_self()], "looks from outside");
	iter->next = NULL;
	for (unsigned i = 0; i < NODES; i++) {
		iter->node = node_at(ht, i);
		if (!iter->node)
			continue;
		depend(iter->node);
		if (match(iter->node, key))
			return;
	}
	iter->node = NULL;
}

struct cds_lfht_node *cds_lfht_add_unique(struct cds_lfht *ht,
					  unsigned long hash,
					  cds_lfht_match_fct match,
					  const void *key,
					  struct cds_lfht_node *node)
{
	struct cds_lfht_iter at;

	node->reverse_hash = HASHED;
	lock();
	cds_lfht_lookup(ht, hash, match, key, &at);
	for (unsigned i = 0; !at.node; i++) {
		X_ASSERT(i < NODES, "full");
		if (node_at(ht, i))
			continue;
		slip_a64_store_relaxed(&ht->cell[i], (uintptr_t)node);
		at.node = node;
	}
	unlock();
	return at.node;
}

int cds_lfht_del(struct cds_lfht *ht, struct cds_lfht_node *node)
{
	int rc = -ENOENT;

	X_ASSERT(node->reverse_hash == HASHED, "deletes what is gone");
	lock();
	for (unsigned i = 0; i < NODES; i++)
		if (node_at(ht, i) == node) {
			slip_a64_store_relaxed(&ht->cell[i], 0);
			rc = 0;
		}
	unlock();
	return rc;
}

static void from(struct cds_lfht *ht, unsigned i, struct cds_lfht_iter *iter)
{
	iter->node = NULL;
	for (; i < NODES && !iter->node; i++)
		iter->node = node_at(ht, i);
	iter->next = NULL;
}

void cds_lfht_first(struct cds_lfht *ht, struct cds_lfht_iter *iter)
{
	from(ht, 0, iter);
}

/* Of use to who deletes each node that it has got. */
void cds_lfht_next(struct cds_lfht *ht, struct cds_lfht_iter *iter)
{
	from(ht, 0, iter);
}

/* --- memory -------------------------------------------------------------------- */

static struct slip_directory_entry entries[OBJECTS], spoilt;
static bool taken[OBJECTS];
static slip_a32 given; /* as malloc's lock: who takes sees who gave */

RCU_UNSEEN static void *unseen_take(void)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (taken[i])
			continue;
		taken[i] = true;
		return &entries[i];
	}
	return NULL;
}

RCU_UNSEEN static void unseen_free(const void *at)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (at == &entries[i])
			taken[i] = false;
}

static void *take_entry(size_t bytes)
{
	X_ASSERT(bytes == sizeof(entries[0]), "%zu bytes", bytes);
	(void)slip_a32_fetch_add_acqrel(&given, 1);
	return unseen_take();
}

/* All of it: plainly, but for the word that depend() reads of an entry that takes its
 * place. */
static void free_entry(void *at)
{
	struct slip_directory_entry *e = at;
	const size_t from = offsetof(struct slip_directory_entry, kind);

	x_copy(e, &spoilt, offsetof(struct slip_directory_entry, holds));
	x_copy(&e->kind, &spoilt.kind, sizeof(spoilt) - from);
	slip_a32_store_relaxed(&e->holds, 0xbbbbbbbb);
	(void)slip_a32_fetch_add_acqrel(&given, 1);
	unseen_free(at);
}

/* --- objects ------------------------------------------------------------------- */

static void gone(void *context, void *object, size_t bytes)
{
	uint64_t *at = object;

	(void)context;
	X_ASSERT(bytes == sizeof(*at), "%zu bytes", bytes);
	X_ASSERT(*at == 42, "gone twice, or before it was there");
	*at = 0xdead;
	s.gone[at - s.object]++;
}

/* Object i as "a". */
static int add(unsigned i)
{
	int rc;

	s.object[i] = 42;
	rc = slip_directory_add(&d, "a", 1, &s.object[i], 8, gone, NULL);
	X_ASSERT(!rc || rc == -EEXIST, "add: %d", rc);
	s.rc[x_self() % X_THREADS] = rc;
	return rc;
}

static void there(const uint64_t *object)
{
	X_ASSERT(*object == 42, "it is %#llx", (unsigned long long)*object);
}

static void find(void)
{
	const uint64_t *object;

	slip_directory_enter(&d);
	object = slip_directory_find(&d, "a", 1, NULL);
	if (object)
		there(object);
	slip_directory_leave(&d);
	if (object)
		note(&found);
	else
		note(&missed);
}

static struct slip_directory_entry *hold(void)
{
	struct slip_directory_entry *e = slip_directory_hold(&d, "a", 0);

	if (!e)
		note(&missed);
	return e;
}

static void use_and_drop(struct slip_directory_entry *e)
{
	if (!e)
		return;
	there(slip_directory_object(e, NULL));
	slip_directory_drop(e);
	note(&dropped);
}

/* --- threads ------------------------------------------------------------------- */

static void hold_and_drop(void)
{
	use_and_drop(hold());
}

static void hold_twice(void)
{
	struct slip_directory_entry *e = hold();

	use_and_drop(hold());
	use_and_drop(e);
}

static void remove_it(void)
{
	if (slip_directory_remove(&d, "a"))
		note(&missed);
	else
		note(&removed);
}

static void add_another(void)
{
	if (add(1))
		note(&refused);
}

static void replace(void)
{
	remove_it();
	add_another();
}

/* --- before and after ---------------------------------------------------------- */

static void empty(void)
{
	found = missed = dropped = removed = refused = 0;
	memset(&s, 0, sizeof(s));
	memset(entries, 0, sizeof(entries));
	memset(&spoilt, 0xbb, sizeof(spoilt));
	memset(taken, 0, sizeof(taken));
	memset(&writers, 0, sizeof(writers));
	rcu_setup();
	X_ASSERT(!slip_directory_init(&d), "init");
	x_keep(&d, sizeof(d));
	x_keep(&s, sizeof(s));
	x_keep(&table, sizeof(table));
	x_keep(entries, sizeof(entries));
	x_keep(taken, sizeof(taken));
	x_keep(&writers, sizeof(writers));
	x_name(entries, sizeof(entries), "entries");
	x_name(&table, sizeof(table), "table");
}

static void one_there(void)
{
	empty();
	X_ASSERT(!add(0), "add");
}

/* All that were added are gone, once each, and their entries freed. */
static void all_gone(void)
{
	slip_directory_destroy(&d);
	for (unsigned i = 0; i < OBJECTS; i++) {
		X_ASSERT(s.gone[i] == (s.object[i] == 0xdead),
			 "object %u is gone %d times", i, s.gone[i]);
		X_ASSERT(!taken[i], "entry %u is lost", i);
	}
	X_ASSERT(s.gone[0] == 1, "the first is not gone");
	X_ASSERT(s.gone[1] == (s.object[1] && !s.rc[1] && !s.rc[2]),
		 "the second is gone %d times", s.gone[1]);
}

static void found_some(void)
{
	X_ASSERT(found && missed && removed, "%llu found, %llu not",
		 (unsigned long long)found, (unsigned long long)missed);
}

static void held_some(void)
{
	X_ASSERT(dropped && removed, "%llu held", (unsigned long long)dropped);
}

static void refused_some(void)
{
	X_ASSERT(refused && removed, "%llu refused",
		 (unsigned long long)refused);
}

#define MODEL(NAME, FINISH, BOUND, ...)                                       \
	{                                                                     \
		.name = (NAME), .operation = "directory.all",                 \
		.once = one_there, .threads = { __VA_ARGS__ },                \
		.final = all_gone, .finish = (FINISH), .preemptions = (BOUND) \
	}

static const struct x_model models[] = {
	MODEL("find-remove", found_some, 3, find, remove_it),
	MODEL("find-replace", found_some, 2, find, replace, find),
	MODEL("hold-remove", held_some, 3, hold_and_drop, remove_it),
	MODEL("hold-twice", held_some, 2, hold_twice, remove_it, hold_and_drop),
	MODEL("remove-remove", NULL, 2, remove_it, remove_it, hold_and_drop),
	MODEL("add-remove", refused_some, 2, remove_it, add_another, find),
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
