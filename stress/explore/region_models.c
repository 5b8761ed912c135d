/* SPDX-License-Identifier: MIT */
/*
 * Models of the life of a region: built, published, opened, taken away, with a
 * real file in /dev/shm; and in memory that threads share. The creator may be
 * killed anywhere.
 *
 * What must hold: who opens a name finds every object, whole; a name is given
 * to one of its rivals; a creator that is killed leaves a whole region or no
 * name at all, and in the end no file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explore.h"
#include "futex/region_memory.h"
#include "futex/region_tools.h"

#define OBJECTS 2
#define KIND	77u
#define WORDS	8
#define BYTES	16384

static char name[64]; /* a path: /dev/shm/slip-explore.PID */
static _Alignas(128) unsigned char shared[BYTES];

static slip_a32 go;
static slip_a32 closing; /* thread 0 is about to close */
static struct {
	struct slip_region rg[X_THREADS + 1];
	int rc[X_THREADS + 1];
	bool published[X_THREADS + 1];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t opened, absent, taken, early, reaped, in_use;

static void once(void)
{
	opened = absent = taken = early = reaped = in_use = 0;
	x_name(shared, sizeof(shared), "shared");
}

static void setup(void)
{
	memset(&s, 0, sizeof(s));
	memset(&closing, 0, sizeof(closing));
	(void)unlink(name); /* of an execution that failed */
}

static struct slip_region *mine(void)
{
	return &s.rg[x_self()];
}

/* --- building and looking -------------------------------------------------- */

static uint64_t word_of(unsigned creator, unsigned object, unsigned word)
{
	return 1 + creator * 1000 + object * 100 + word;
}

static void fill(struct slip_region *rg)
{
	static const char *const names[OBJECTS] = { "first", "second" };

	for (unsigned o = 0; o < OBJECTS; o++) {
		uint64_t *words = slip_region_add(rg, names[o], KIND + o,
						  WORDS * sizeof(*words));

		X_ASSERT(words, "add");
		for (unsigned i = 0; i < WORDS; i++)
			words[i] = word_of(x_self(), o, i);
	}
}

/* Every object is there, and all of one creator's. */
static void check(const struct slip_region *rg)
{
	struct slip_region_object found;
	unsigned creator = X_THREADS + 1;

	for (unsigned o = 0; o < OBJECTS; o++) {
		const uint64_t *words;

		X_ASSERT(!slip_region_item(rg, o, &found), "object %u", o);
		X_ASSERT(found.kind == KIND + o &&
				 found.bytes == WORDS * sizeof(*words),
			 "object %u is another", o);
		words = found.mem;
		if (!o)
			creator = (unsigned)(words[0] / 1000);
		for (unsigned i = 0; i < WORDS; i++)
			X_ASSERT(words[i] == word_of(creator, o, i),
				 "object %u: word %u is %llu", o, i,
				 (unsigned long long)words[i]);
	}
	X_ASSERT(slip_region_item(rg, OBJECTS, &found) == -ENOENT,
		 "an object too many");
}

static void publish(void)
{
	struct slip_region *rg = mine();
	unsigned self = x_self();

	X_ASSERT(!slip_region_create(rg, 4096, SLIP_REGION_PEERS(1)), "create");
	fill(rg);
	s.rc[self] = slip_region_publish(rg, name, 0600);
	s.published[self] = !s.rc[self];
	X_ASSERT(!s.rc[self] || s.rc[self] == -EEXIST, "publish says %d",
		 s.rc[self]);
}

static void publish_and_close(void)
{
	publish();
	slip_a32_store_relaxed(&closing, 1);
	slip_region_close(mine());
}

static void look(void)
{
	unsigned self = x_self();
	int rc = slip_region_open(mine(), name, 0);

	s.rc[self] = rc;
	X_ASSERT(!rc || rc == -ENOENT || rc == -EBUSY, "open says %d", rc);
	if (!rc)
		check(mine());
}

static void reap(void)
{
	int rc = slip_region_reap(name);

	s.rc[x_self()] = rc;
	X_ASSERT(!rc || rc == -ENOENT || rc == -EBUSY, "reap says %d", rc);
	X_ASSERT(rc || x_dead(0) || slip_a32_load_relaxed(&closing),
		 "reaped what its creator uses");
}

static void open_and_close(void)
{
	look();
	slip_region_close(mine());
}

/* --- in shared memory ------------------------------------------------------ */

static void zero(void)
{
	memset(&s, 0, sizeof(s));
	memset(shared, 0, sizeof(shared));
}

static void make_here(void)
{
	X_ASSERT(!slip_region_format(mine(), shared, sizeof(shared), -1,
				     SLIP_REGION_PEERS(1)),
		 "format");
	fill(mine());
	X_ASSERT(!slip_region_publish(mine(), NULL, 0), "publish");
}

static void make_and_tell(void)
{
	make_here();
	slip_a32_store_relaxed(&go, 1);
}

static void attach_here(void)
{
	int rc;

	/* Told of it by somebody who did not mean to order anything. */
	if (!slip_a32_load_relaxed(&go))
		return;
	rc = slip_region_attach(mine(), shared, sizeof(shared), -1, 0);
	s.rc[x_self()] = rc;
	X_ASSERT(!rc || rc == -EAGAIN || rc == -EBADMSG, "attach says %d", rc);
	s.published[x_self()] = !rc;
	if (!rc)
		check(mine());
}

static void zero_and_go(void)
{
	zero();
	memset(&go, 0, sizeof(go));
}

/* --- afterwards ------------------------------------------------------------ */

static bool there(void)
{
	struct stat st;

	return !stat(name, &st);
}

/* Whatever is there is whole, and can be taken away. */
static void clean_up(void)
{
	struct slip_region rg;
	int rc = slip_region_open(&rg, name, 0);

	X_ASSERT(!rc || rc == -ENOENT, "in the end, open says %d", rc);
	if (!rc)
		check(&rg);
	if (!rc)
		X_ASSERT(!slip_region_unlink(name), "unlink");
	slip_region_close(&rg);
	X_ASSERT(!there(), "the name is still there");
}

static void all_whole(void)
{
	for (unsigned i = 0; i < X_THREADS; i++) {
		if (s.published[i] && s.rc[1] != 0)
			X_ASSERT(there(), "published, and not there");
		taken += s.rc[i] == -EEXIST;
		absent += s.rc[i] == -ENOENT;
	}
	opened += s.rc[1] == 0 && x_returned(1);
	clean_up();
}

static void one_of_them(void)
{
	X_ASSERT(s.published[0] + s.published[1] == 1, "%d published",
		 s.published[0] + s.published[1]);
	taken += s.rc[0] == -EEXIST || s.rc[1] == -EEXIST;
	opened += s.rc[2] == 0;
	clean_up();
}

static void reaped_or_not(void)
{
	reaped += s.rc[1] == 0;
	in_use += s.rc[1] == -EBUSY;
	opened += s.rc[2] == 0;
	if (s.rc[1] == 0)
		X_ASSERT(s.published[0] || x_dead(0), "reaped what was not");
	if (s.rc[1] == 0)
		X_ASSERT(!there(), "reaped, and there");
	clean_up();
}

static void attached(void)
{
	opened += s.published[1];
	early += s.rc[1] != 0;
}

static void both_seen(void)
{
	X_ASSERT(opened && absent, "%llu opened, %llu found nothing",
		 (unsigned long long)opened, (unsigned long long)absent);
}

static void rivals_seen(void)
{
	X_ASSERT(opened && taken, "%llu opened, %llu refused",
		 (unsigned long long)opened, (unsigned long long)taken);
}

static void reaps_seen(void)
{
	X_ASSERT(opened && reaped && in_use,
		 "%llu opened, %llu reaped, %llu in use",
		 (unsigned long long)opened, (unsigned long long)reaped,
		 (unsigned long long)in_use);
}

static void attached_seen(void)
{
	X_ASSERT(opened, "never attached");
}

static const struct x_model models[] = {
	{
		.name = "publish-open",
		.operation = "region.publish+open",
		.once = once,
		.setup = setup,
		.threads = { publish, look },
		.final = all_whole,
		.finish = both_seen,
	},
	{
		.name = "creator-dies",
		.operation = "region.publish+open",
		.once = once,
		.setup = setup,
		.threads = { publish, look },
		.final = all_whole,
		.finish = both_seen,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "rivals",
		.operation = "region.publish+open",
		.once = once,
		.setup = setup,
		.threads = { publish_and_close, publish, look },
		.final = one_of_them,
		.finish = rivals_seen,
		.preemptions = 1,
	},
	{
		.name = "reap",
		.operation = "region.reap",
		.once = once,
		.setup = setup,
		.threads = { publish_and_close, reap, open_and_close },
		.final = reaped_or_not,
		.finish = reaps_seen,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "format-attach",
		.operation = "region.attach",
		.once = once,
		.setup = zero_and_go,
		.threads = { make_and_tell, attach_here },
		.final = attached,
		.finish = attached_seen,
	},
};

int main(int argc, char **argv)
{
	int status;

	(void)snprintf(name, sizeof(name), "/dev/shm/slip-explore.%d",
		       (int)getpid());
	status = x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
	(void)unlink(name); /* of the last execution, if it failed */
	return status;
}
