/* SPDX-License-Identifier: MIT */
/* ring/directory.h: names, kinds, what stays for whom and how long. What threads do
 * to each other at any access: stress/explore/directory_models.c. */
#define _GNU_SOURCE
#include <stdlib.h>

#include <urcu-bp.h> /* with short names for all, which rcu.h must bear */

#include "ring/rcu.h"

#include <urcu/rculfhash.h>

static bool refuse;

/* With a byte behind it, and not of zeros. */
static void *malloc_or_not(size_t bytes)
{
	void *at = refuse ? NULL : malloc(bytes + 1);

	return at ? __builtin_memset(at, 0xee, bytes + 1) : NULL;
}

static struct cds_lfht *new_or_not(unsigned long size, unsigned long least,
				   unsigned long most, int flags,
				   const struct rcu_flavor_struct *flavour,
				   pthread_attr_t *attr)
{
	return refuse ? NULL
		      : cds_lfht_new_flavor(size, least, most, flags, flavour,
					    attr);
}

#define malloc		    malloc_or_not
#define cds_lfht_new_flavor new_or_not
#include "ring/directory.h"
#undef malloc
#undef cds_lfht_new_flavor

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "atomics/test/check.h"
#include "atomics/word.h"
#include "urcu_tsan.h"

static struct slip_directory d;
static int one, two;
static slip_a32 gone_count;
static void *last_gone;
static size_t last_bytes;

static void gone(void *context, void *object, size_t bytes)
{
	cr_assert_eq(context, (void *)&d);
	last_gone = object;
	last_bytes = bytes;
	(void)slip_a32_fetch_add_release(&gone_count, 1);
}

static uint32_t gone_so_far(void)
{
	return slip_a32_load_acquire(&gone_count);
}

static void add(const char *name, uint32_t kind, void *object)
{
	cr_assert_eq(slip_directory_add(&d, name, kind, object, 100, gone, &d),
		     0);
}

static void *find(const char *name, uint32_t kind)
{
	void *object;

	slip_directory_enter(&d);
	object = slip_directory_find(&d, name, kind, NULL);
	slip_directory_leave(&d);
	return object;
}

static void begin(void)
{
	cr_assert_eq(slip_directory_init(&d), 0);
}

Test(directory, an_empty_one_has_nothing)
{
	begin();
	cr_assert_null(find("ticks", 0));
	cr_assert_null(slip_directory_hold(&d, "ticks", 0));
	cr_assert_eq(slip_directory_remove(&d, "ticks"), -ENOENT);
	slip_directory_destroy(&d);
}

Test(directory, finds_what_was_added)
{
	size_t bytes = 0;

	begin();
	add("ticks", 1, &one);
	add("orders", 2, &two);
	cr_assert_eq(find("ticks", 1), (void *)&one);
	cr_assert_eq(find("orders", 0), (void *)&two);
	cr_assert_null(find("ticks", 2));
	cr_assert_null(find("tick", 0));
	slip_directory_enter(&d);
	cr_assert_eq(slip_directory_find(&d, "ticks", 0, &bytes), (void *)&one);
	slip_directory_leave(&d);
	cr_assert_eq(bytes, 100);
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 2);
}

Test(directory, many_names_share_chains)
{
	static int objects[2000];
	char name[16];

	begin();
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "ring.%u", i);
		add(name, 1, &objects[i]);
	}
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "ring.%u", i);
		cr_assert_eq(find(name, 1), (void *)&objects[i]);
	}
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 2000);
}

Test(directory, refuses_bad_arguments)
{
	char name[SLIP_DIRECTORY_NAME_MAX + 2];

	begin();
	memset(name, 'x', sizeof(name));
	name[SLIP_DIRECTORY_NAME_MAX + 1] = 0;
	cr_assert_eq(slip_directory_add(&d, name, 1, &one, 1, NULL, NULL),
		     -EINVAL);
	cr_assert_eq(slip_directory_add(&d, "", 1, &one, 1, NULL, NULL),
		     -EINVAL);
	cr_assert_eq(slip_directory_add(&d, "x", 0, &one, 1, NULL, NULL),
		     -EINVAL);
	cr_assert_eq(slip_directory_add(&d, "x", 1, NULL, 1, NULL, NULL),
		     -EINVAL);
	name[SLIP_DIRECTORY_NAME_MAX] = 0;
	cr_assert_eq(slip_directory_add(&d, name, 1, &one, 1, NULL, NULL), 0);
	cr_assert_eq(find(name, 1), (void *)&one);
	slip_directory_destroy(&d);
}

Test(directory, a_name_is_copied_to_its_end)
{
	char name[SLIP_DIRECTORY_NAME_MAX + 2];
	struct slip_directory_entry *e;
	const void *behind;

	begin();
	memset(name, 'x', sizeof(name));
	name[SLIP_DIRECTORY_NAME_MAX] = 0;
	add(name, 1, &one);
	e = slip_directory_hold(&d, name, 1);
	cr_assert_not_null(e);
	behind = e + 1;
	cr_assert_eq(*(const unsigned char *)behind, 0xee);
	slip_directory_drop(e);
	slip_directory_destroy(&d);
}

Test(directory, a_name_is_taken_once)
{
	begin();
	add("ticks", 1, &one);
	cr_assert_eq(slip_directory_add(&d, "ticks", 2, &two, 1, gone, &d),
		     -EEXIST);
	cr_assert_eq(find("ticks", 0), (void *)&one);
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 1);
}

Test(directory, without_memory_it_says_so)
{
	refuse = true;
	cr_assert_eq(slip_directory_init(&d), -ENOMEM);
	refuse = false;
	begin();
	refuse = true;
	cr_assert_eq(slip_directory_add(&d, "ticks", 1, &one, 1, gone, &d),
		     -ENOMEM);
	refuse = false;
	cr_assert_null(find("ticks", 0));
	slip_directory_destroy(&d);
}

Test(directory, a_removed_name_is_free_at_once)
{
	begin();
	add("ticks", 1, &one);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	cr_assert_null(find("ticks", 0));
	add("ticks", 1, &two);
	cr_assert_eq(find("ticks", 0), (void *)&two);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), -ENOENT);
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 2);
}

Test(directory, who_is_inside_keeps_it)
{
	begin();
	add("ticks", 1, &one);
	slip_directory_enter(&d);
	cr_assert_not_null(slip_directory_find(&d, "ticks", 0, NULL));
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	cr_assert_eq(gone_so_far(), 0);
	slip_directory_leave(&d);
	slip_rcu_settle_(&d);
	cr_assert_eq(gone_so_far(), 1);
	cr_assert_eq(last_gone, (void *)&one);
	cr_assert_eq(last_bytes, 100);
	slip_directory_destroy(&d);
}

Test(directory, a_hold_keeps_it_past_its_removal)
{
	struct slip_directory_entry *e, *more;
	size_t bytes = 0;

	begin();
	add("ticks", 1, &one);
	cr_assert_null(slip_directory_hold(&d, "ticks", 2));
	e = slip_directory_hold(&d, "ticks", 1);
	more = slip_directory_hold(&d, "ticks", 0);
	cr_assert_eq(e, more);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	slip_rcu_settle_(&d);
	cr_assert_eq(gone_so_far(), 0);
	cr_assert_eq(slip_directory_object(e, &bytes), (void *)&one);
	cr_assert_eq(bytes, 100);
	slip_directory_drop(more);
	cr_assert_eq(gone_so_far(), 0);
	slip_directory_drop(e);
	cr_assert_eq(gone_so_far(), 1);
	slip_directory_destroy(&d);
}

Test(directory, a_hold_outlives_the_directory)
{
	struct slip_directory_entry *e;

	begin();
	add("ticks", 1, &one);
	e = slip_directory_hold(&d, "ticks", 0);
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 0);
	cr_assert_eq(slip_directory_object(e, NULL), (void *)&one);
	slip_directory_drop(e);
	cr_assert_eq(gone_so_far(), 1);
}

Test(directory, a_dropped_hold_leaves_it_listed)
{
	begin();
	add("ticks", 1, &one);
	slip_directory_drop(slip_directory_hold(&d, "ticks", 0));
	cr_assert_eq(find("ticks", 0), (void *)&one);
	cr_assert_eq(gone_so_far(), 0);
	slip_directory_destroy(&d);
}

Test(directory, of_two_who_remove_one_does)
{
	struct slip_directory_entry *e;

	begin();
	add("ticks", 1, &one);
	e = slip_directory_hold(&d, "ticks", 0);
	slip_directory_enter(&d);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	/* As who found it before that. */
	cr_assert_not(slip_directory_take_off_(&d, e));
	slip_directory_leave(&d);
	slip_directory_drop(e);
	slip_directory_destroy(&d);
	cr_assert_eq(gone_so_far(), 1);
}

static void gone_and_look(void *context, void *object, size_t bytes)
{
	/* It may use the directory. */
	cr_assert_null(find("ticks", 0));
	gone(context, object, bytes);
}

Test(directory, gone_may_use_it)
{
	begin();
	cr_assert_eq(slip_directory_add(&d, "ticks", 1, &one, 100,
					gone_and_look, &d),
		     0);
	cr_assert_eq(slip_directory_remove(&d, "ticks"), 0);
	slip_rcu_settle_(&d);
	cr_assert_eq(gone_so_far(), 1);
	slip_directory_destroy(&d);
}

/* --- threads ----------------------------------------------------------------- */

#define NAMES  4u
#define ROUNDS 500u

static slip_a32 over;

static void spoil(void *context, void *object, size_t bytes)
{
	(void)context;
	memset(object, 0xdd, bytes);
	free(object);
}

static void *come_and_go(void *arg)
{
	char name[2] = { (char)('a' + *(unsigned *)arg), 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t *object = malloc(sizeof(*object));

		cr_assert_not_null(object);
		*object = 42;
		cr_assert_eq(slip_directory_add(&d, name, 1, object,
						sizeof(*object), spoil, NULL),
			     0);
		if (i % 8 == 0)
			sched_yield();
		cr_assert_eq(slip_directory_remove(&d, name), 0);
	}
	return NULL;
}

static void look_at(const char *name, bool hold)
{
	struct slip_directory_entry *e = NULL;
	const uint64_t *object;

	if (hold) {
		e = slip_directory_hold(&d, name, 1);
		if (!e)
			return;
		object = slip_directory_object(e, NULL);
		cr_assert_eq(*object, 42);
		sched_yield();
		cr_assert_eq(*object, 42);
		slip_directory_drop(e);
		return;
	}
	slip_directory_enter(&d);
	object = slip_directory_find(&d, name, 1, NULL);
	if (object)
		cr_assert_eq(*object, 42);
	slip_directory_leave(&d);
}

static void *look_on(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !slip_a32_load_acquire(&over); i++) {
		char name[2] = { (char)('a' + i % NAMES), 0 };

		look_at(name, i % 3 == 0);
	}
	return NULL;
}

Test(directory, threads_find_while_others_come_and_go)
{
	static unsigned number[2] = { 0, 1 };
	pthread_t thread[4];

	begin();
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL,
					    i < 2 ? come_and_go : look_on,
					    i < 2 ? &number[i] : NULL),
			     0);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(thread[i], NULL), 0);
		if (i == 1)
			slip_a32_store_release(&over, 1);
	}
	slip_directory_destroy(&d);
}
