/* SPDX-License-Identifier: MIT */
/*
 * futex/region.h: several processes create, publish, open, unlink and reap
 * regions under the same few names, and are killed and stopped meanwhile.
 *
 * A region's first object says what its others are and hold: whoever opens a
 * name finds all of it, always. At the end no temporary file is left, and a
 * name exists if and only if it was published once more than it was removed,
 * where only what a kill interrupted is in doubt.
 */
#include "futex/region.h"

#include <stdio.h>
#include <stdlib.h>

#include "futex/region_tools.h"
#include "stress/program.h"

#define WORKERS	     4
#define NAMES	     3
#define PARTS_MAX    5
#define DISTURBANCES 40
#define KIND	     0x5355u

struct about {
	uint64_t token;
	uint64_t parts;
};

enum deed { NOTHING, PUBLISH, REMOVE };

/* Written by one worker after another, read when it is dead. */
struct diary {
	slip_a64 doing; /* deed << 8 | name */
	slip_a64 published[NAMES];
	slip_a64 removed[NAMES];
	slip_a64 opened;
	slip_a64 missed; /* opened what was not there */
	slip_a64 turns;
	unsigned char pad[2 * SLIP_APART_BYTES - 8 * (4 + 2 * NAMES)];
};

static struct {
	uint64_t seed;
	uint64_t random;
	struct diary *diaries;
	slip_a64 *over;
	pid_t pid[WORKERS];
	uint64_t kills;
	/* What a kill left in doubt. */
	uint64_t perhaps_published[NAMES];
	uint64_t perhaps_removed[NAMES];
} run;

static struct {
	uint64_t published;
	uint64_t opened;
	uint64_t kills;
	uint64_t stops;
} all;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static void count(slip_a64 *word)
{
	set(word, get(word) + 1);
}

static const char *path_of(uint64_t name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/name%llu", stress_directory(),
		 llu(name));
	return path;
}

static void dump(void)
{
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_say("worker %d: doing %#llx, turns %llu", run.pid[i],
			   llu(get(&run.diaries[i].doing)),
			   llu(get(&run.diaries[i].turns)));
}

/* --- content -------------------------------------------------------------- */

static size_t part_bytes(uint64_t token, uint64_t part)
{
	uint64_t random = token + part;

	return 1 + (size_t)stress_pick(&random,
				       stress_pick(&random, 4) ? 300 : 20000);
}

static const char *part_name(uint64_t part)
{
	static char name[32];

	snprintf(name, sizeof(name), "part %llu", llu(part));
	return name;
}

static void fill(struct slip_region *rg, uint64_t token, uint64_t parts)
{
	struct about *about =
		slip_region_add(rg, "about", KIND, sizeof(*about));
	void *mem;

	STRESS_CHECK(about, "no room");
	about->token = token;
	about->parts = parts;
	for (uint64_t i = 0; i < parts; i++) {
		mem = slip_region_add(rg, part_name(i), KIND + 1,
				      part_bytes(token, i));
		STRESS_CHECK(mem, "no room for part %llu", llu(i));
		stress_fill(mem, part_bytes(token, i), token + i);
	}
}

static void check(const struct slip_region *rg)
{
	const struct about *about = slip_region_find(rg, "about", KIND, NULL);
	size_t bytes = 0;
	const void *mem;

	STRESS_CHECK(about && about->parts <= PARTS_MAX, "half a region");
	for (uint64_t i = 0; i < about->parts; i++) {
		mem = slip_region_find(rg, part_name(i), KIND + 1, &bytes);
		STRESS_CHECK(mem && bytes == part_bytes(about->token, i),
			     "part %llu is missing", llu(i));
		STRESS_CHECK(stress_filled(mem, bytes, about->token + i),
			     "part %llu is not what was put there", llu(i));
	}
}

/* --- workers -------------------------------------------------------------- */

static void create_one(struct diary *d, uint64_t name, uint64_t *random)
{
	static struct slip_region rg;
	uint64_t token = stress_random(random);
	uint64_t parts = stress_pick(random, PARTS_MAX + 1);
	unsigned flags = SLIP_REGION_PEERS(4);
	size_t total = sizeof(struct about);
	int rc;

	for (uint64_t i = 0; i < parts; i++)
		total += part_bytes(token, i);
	if (stress_pick(random, 4) == 0)
		flags |= SLIP_REGION_PREFAULT;
	rc = slip_region_create_at(&rg, stress_directory(), total, flags);
	STRESS_CHECK(rc == 0, "create: %d", rc);
	fill(&rg, token, parts);
	set(&d->doing, PUBLISH << 8 | name);
	rc = slip_region_publish(&rg, path_of(name), 0600);
	if (rc == 0)
		count(&d->published[name]);
	set(&d->doing, NOTHING);
	STRESS_CHECK(rc == 0 || rc == -EEXIST, "publish: %d", rc);
	if (rc == 0)
		check(&rg);
	slip_region_close(&rg);
}

static void open_one(struct diary *d, uint64_t name, uint64_t *random)
{
	static struct slip_region rg;
	unsigned flags = stress_pick(random, 3) ? 0 : SLIP_REGION_READONLY;
	int rc = slip_region_open(&rg, path_of(name), flags);

	/* Not there, or somebody is reaping it, which a reader ignores. */
	if (rc == -ENOENT || (rc == -EBUSY && !flags)) {
		count(&d->missed);
		return;
	}
	STRESS_CHECK(rc == 0, "open: %d", rc);
	check(&rg);
	/* It stays whole while others take its name away. */
	if (stress_pick(random, 4) == 0) {
		stress_sleep_ns(stress_pick(random, 500000));
		check(&rg);
	}
	slip_region_close(&rg);
	count(&d->opened);
}

static void remove_one(struct diary *d, uint64_t name, bool reap)
{
	int rc;

	set(&d->doing, REMOVE << 8 | name);
	rc = reap ? slip_region_reap(path_of(name))
		  : slip_region_unlink(path_of(name));
	if (rc == 0)
		count(&d->removed[name]);
	set(&d->doing, NOTHING);
	STRESS_CHECK(rc == 0 || rc == -ENOENT || (reap && rc == -EBUSY),
		     "%s: %d", reap ? "reap" : "unlink", rc);
}

static int work(void *arg)
{
	struct diary *d = &run.diaries[*(uint32_t *)arg];
	uint64_t random = run.random;

	while (!get(run.over)) {
		uint64_t name = stress_pick(&random, NAMES);
		uint64_t kind = stress_pick(&random, 8);

		if (kind < 3)
			create_one(d, name, &random);
		else if (kind < 6)
			open_one(d, name, &random);
		else
			remove_one(d, name, kind == 6);
		count(&d->turns);
	}
	return 0;
}

/* --- the controller ------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t turns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < WORKERS; i++)
		sum += get(&run.diaries[i].turns);
	return sum;
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(turns() + run.seed * 31);
	stress_sleep_ns(ns);
}

static void kill_one(uint32_t index)
{
	struct diary *d = &run.diaries[index];
	uint64_t doing;

	stress_kill(run.pid[index]);
	run.kills++;
	doing = get(&d->doing);
	set(&d->doing, NOTHING);
	if (doing >> 8 == PUBLISH)
		run.perhaps_published[doing & 0xff]++;
	if (doing >> 8 == REMOVE)
		run.perhaps_removed[doing & 0xff]++;
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, WORKERS);
	uint64_t before;

	if (!stress_pick_stop(&run.random)) {
		kill_one(i);
		start(i);
		return;
	}
	stress_stop(run.pid[i]);
	all.stops++;
	for (before = turns(); turns() == before;)
		idle(100000);
	stress_continue(run.pid[i]);
}

/* Everybody is gone: what names are there must be whole, and the right ones. */
static void check_name(uint64_t name)
{
	static struct slip_region rg;
	uint64_t published = 0;
	uint64_t removed = 0;
	uint64_t there = 0;
	int rc = slip_region_open(&rg, path_of(name), 0);

	STRESS_CHECK(rc == 0 || rc == -ENOENT, "open at the end: %d", rc);
	if (rc == 0) {
		there = 1;
		check(&rg);
		slip_region_close(&rg);
		rc = slip_region_reap(path_of(name));
		STRESS_CHECK(rc == 0, "reap of what nobody uses: %d", rc);
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		published += get(&run.diaries[i].published[name]);
		removed += get(&run.diaries[i].removed[name]);
	}
	STRESS_CHECK(published <= removed + there + run.perhaps_removed[name] &&
			     published + run.perhaps_published[name] >=
				     removed + there,
		     "name %llu: published %llu and perhaps %llu, removed %llu "
		     "and perhaps %llu, there %llu",
		     llu(name), llu(published),
		     llu(run.perhaps_published[name]), llu(removed),
		     llu(run.perhaps_removed[name]), llu(there));
	all.published += published;
}

static void one_run(uint64_t seed)
{
	uint64_t opened = 0;
	uint64_t missed = 0;

	run.seed = seed;
	run.random = seed;
	run.kills = 0;
	memset(run.perhaps_published, 0, sizeof(run.perhaps_published));
	memset(run.perhaps_removed, 0, sizeof(run.perhaps_removed));
	memset(run.diaries, 0, sizeof(*run.diaries) * WORKERS);
	set(run.over, 0);
	for (uint32_t i = 0; i < WORKERS; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	while (turns() < 100)
		idle(STRESS_MS);
	kill_one(0);
	set(run.over, 1);
	for (uint32_t i = 1; i < WORKERS; i++)
		stress_join(run.pid[i]);
	for (uint64_t name = 0; name < NAMES; name++)
		check_name(name);
	STRESS_CHECK(stress_directory_count() == 0, "%u files are left in %s",
		     stress_directory_count(), stress_directory());
	for (uint32_t i = 0; i < WORKERS; i++) {
		opened += get(&run.diaries[i].opened);
		missed += get(&run.diaries[i].missed);
	}
	all.opened += opened;
	all.kills += run.kills;
	stress_line(seed,
		    "%u workers, %u names: %llu turns, %llu opened, %llu not "
		    "there, %llu kills",
		    WORKERS, NAMES, llu(turns()), llu(opened), llu(missed),
		    llu(run.kills));
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/region.h: names under kills");
	stress_on_stuck(dump);
	run.diaries = stress_shared(sizeof(*run.diaries) * WORKERS);
	run.over = stress_shared(sizeof(*run.over));
	(void)stress_directory(); /* ours, not a child's */
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("region.all", "random-kills",
		   "published=%llu opened=%llu kills=%llu stops=%llu",
		   llu(all.published), llu(all.opened), llu(all.kills),
		   llu(all.stops));
	return stress_end("%llu published, %llu opened, %llu kills, %llu stops",
			  llu(all.published), llu(all.opened), llu(all.kills),
			  llu(all.stops));
}
