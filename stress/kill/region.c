/* SPDX-License-Identifier: MIT */
/*
 * Regions: whoever opens a name finds nothing, or everything; a creator that
 * is killed leaves nothing; what is left can be reaped, and its name used.
 *
 * What matters is the kernel's (names, locks), which no copy of bytes brings
 * back. So here a "snapshot" is judged on the spot, as of one that is stopped:
 * at every return from a system call and at every change of the header or of
 * the name. The dead are real children only; but for slip_region_format, which
 * is bytes and nothing else.
 */
#define _GNU_SOURCE
#include "futex/region.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "futex/region_memory.h"
#include "futex/region_tools.h"
#include "stress/kill/kill.h"
#include "stress/kill/point.h"

#define MEMORY_BYTES 65536u

/* Flags of an operation: whether the name is there before, and after it. */
#define BEFORE	  1u
#define AFTER	  2u
#define BUILT	  4u  /* the victim has created a region, */
#define ADDED	  8u  /* and added its objects */
#define USED_IF1  16u /* in state 1 the survivor has the region open */
#define TAKEN_IF1 32u /* in state 1 the name is taken, and remains so */

static struct kill_region_victim victim_;
static struct slip_region ours_; /* the survivor's */
static char dir_[64];
static char name_[80];
static pid_t janitor_;
static int janitor_life_;

/* --- a directory that goes when we are gone -------------------------------- */

static unsigned entries(bool sweep)
{
	DIR *d = opendir(dir_);
	unsigned count = 0;
	struct dirent *e;

	KILL_CHECK(d, "%s is gone", dir_);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		count++;
		if (sweep)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return count;
}

static void dismiss(void)
{
	close(janitor_life_);
	waitpid(janitor_, NULL, 0);
}

/* Waits for the end of all who could use the directory. */
static void clean_up(int life)
{
	char byte;

	setsid();
	while (read(life, &byte, 1) > 0)
		;
	(void)entries(true);
	rmdir(dir_);
	_exit(0);
}

static void scratch(void)
{
	int ends[2];

	if (janitor_)
		return;
	strcpy(dir_, "/dev/shm/slip-kill-XXXXXX");
	KILL_CHECK(mkdtemp(dir_) && pipe(ends) == 0, "no scratch directory");
	snprintf(name_, sizeof(name_), "%s/r", dir_);
	fflush(stdout);
	janitor_ = fork();
	if (janitor_ == 0) {
		close(ends[1]);
		clean_up(ends[0]);
	}
	close(ends[0]);
	janitor_life_ = ends[1];
	atexit(dismiss);
}

/* --- states ---------------------------------------------------------------- */

static bool has(unsigned flag)
{
	return kill_now.op->flags & flag;
}

static bool used(void)
{
	return has(USED_IF1) && kill_now.state == 1;
}

static bool taken(void)
{
	return has(TAKEN_IF1) && kill_now.state == 1;
}

static void prepare_victim(struct kill_region_victim *v)
{
	memset(v, 0, sizeof(*v));
	v->dir = dir_;
	v->name = name_;
	v->bytes = 16384;
}

/* A region under the name, as the operations make it. */
static void publish_one(struct slip_region *keep)
{
	static struct kill_region_victim v;

	prepare_victim(&v);
	KILL_CHECK(!kill_plain_region_create(&v) &&
			   !kill_plain_region_add(&v) &&
			   !kill_plain_region_publish(&v),
		   "a region cannot be made");
	if (keep)
		*keep = v.rg;
	else
		slip_region_close(&v.rg);
}

static void reset(void)
{
	slip_region_close(&ours_);
	(void)entries(true);
	if (has(BEFORE) || taken())
		publish_one(used() ? &ours_ : NULL);
}

static void make(const struct kill_op *op, unsigned state)
{
	(void)op;
	(void)state;
	scratch();
	reset();
	kill_image_take();
}

static void unmake(void)
{
	slip_region_close(&ours_);
	(void)entries(true);
}

/* --- the victim ------------------------------------------------------------ */

static void enter(void)
{
	prepare_victim(&victim_);
	if (has(BUILT))
		KILL_CHECK(!kill_plain_region_create(&victim_), "create");
	if (has(ADDED))
		KILL_CHECK(!kill_plain_region_add(&victim_), "add");
}

static void leave(int result)
{
	int right = taken() ? -EEXIST : 0;

	if (used() && has(BEFORE) && !has(AFTER) &&
	    kill_now.op->hooked == kill_hooked_region_reap)
		right = -EBUSY;
	KILL_CHECK(result == right, "it returned %d", result);
}

static void bury(void)
{
	slip_region_close(&victim_.rg);
}

static uint64_t signature(void)
{
	static uint64_t calls;
	uint64_t hash = (uint64_t)access(name_, F_OK);
	const unsigned char *bytes = (const unsigned char *)victim_.rg.mem;

	calls += kill_after_syscall();
	/* While it is published nothing unmaps it. */
	for (unsigned i = 0; has(ADDED) && i < 8192; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash + calls * UINT64_C(0x9e3779b97f4a7c15);
}

/* --- judging --------------------------------------------------------------- */

static void check_complete(const struct slip_region *rg)
{
	for (unsigned i = 0; i < KILL_OBJECTS; i++) {
		char name[2] = { (char)('a' + i), 0 };
		size_t bytes = 0;
		const char *mem = slip_region_find(rg, name, 100 + i, &bytes);

		KILL_CHECK(mem && bytes == KILL_OBJECT_BYTES(i) &&
				   mem[0] == name[0],
			   "object %s is missing or spoilt", name);
	}
	KILL_CHECK(rg->objects == KILL_OBJECTS, "%u objects", rg->objects);
}

/* 0: there is a region, complete; else what open says. */
static int look(void)
{
	struct slip_region rg;
	int rc = slip_region_open(&rg, name_, 0);

	if (!rc)
		check_complete(&rg);
	slip_region_close(&rg);
	return rc;
}

/* What may be found while the operation is at work, or was. */
static void check_found(int found, bool done)
{
	bool there = found == 0;
	bool before = has(BEFORE) || taken();
	bool after = has(AFTER) || taken() ||
		     (used() && kill_now.op->hooked == kill_hooked_region_reap);

	KILL_CHECK(there || found == -ENOENT, "open: %d", found);
	KILL_CHECK(there == after || (!done && there == before),
		   "the region is %s", there ? "there" : "gone");
	KILL_CHECK(entries(false) == there, "%u files", entries(false));
}

static void stopped(void)
{
	int found = look();

	/* Documented: it is being removed. */
	if (found == -EBUSY && kill_now.op->hooked == kill_hooked_region_reap)
		return;
	check_found(found, false);
}

static void dead(int result, unsigned variant)
{
	int found = look();
	int right = found ? -ENOENT : used() ? -EBUSY : 0;
	int rc;

	check_found(found, result != KILL_UNKNOWN);
	rc = slip_region_reap(name_);
	KILL_CHECK(rc == right, "reap: %d, not %d", rc, right);
	if (rc == -EBUSY)
		KILL_CHECK(!slip_region_unlink(name_), "unlink");
	KILL_CHECK(entries(false) == 0, "%u files are left", entries(false));
	if (variant)
		return;
	publish_one(NULL); /* the name can be used again */
	KILL_CHECK(look() == 0, "a new region cannot be opened");
	KILL_CHECK(slip_region_reap(name_) == 0, "nor reaped");
}

static void after(int result)
{
	dead(result, 0);
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = unmake,
	.reset = reset,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = bury,
	.signature = signature,
	.live = true,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

/* --- in memory that is there already --------------------------------------- */

static void *memory_;

static void make_memory(const struct kill_op *op, unsigned state)
{
	(void)op;
	(void)state;
	memory_ = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	KILL_CHECK(memory_ != MAP_FAILED, "mmap");
	kill_image_take();
}

static void unmake_memory(void)
{
	munmap(memory_, MEMORY_BYTES);
}

static void enter_memory(void)
{
	memset(&victim_, 0, sizeof(victim_));
	victim_.memory = memory_;
	victim_.bytes = MEMORY_BYTES;
}

static unsigned spans_of_memory(struct kill_span spans[])
{
	spans[0].at = memory_;
	spans[0].bytes = 16384;
	return 1;
}

static void dead_in_memory(int result, unsigned variant)
{
	struct slip_region rg;
	int rc = slip_region_attach(&rg, memory_, MEMORY_BYTES, -1, 0);

	KILL_CHECK(result == KILL_UNKNOWN || rc == 0, "attach: %d", rc);
	if (!rc)
		check_complete(&rg);
	slip_region_close(&rg);
	if (variant)
		return;
	/* Another may try again in the same memory. */
	enter_memory();
	rc = kill_plain_region_format(&victim_);
	KILL_CHECK(!rc, "format: %d", rc);
	check_complete(&victim_.rg);
	slip_region_close(&victim_.rg);
}

static void stopped_in_memory(void)
{
	dead_in_memory(KILL_UNKNOWN, 1);
}

static const struct kill_kind memory_kind = {
	.make = make_memory,
	.unmake = unmake_memory,
	.enter = enter_memory,
	.victim = &victim_,
	.leave = leave,
	.bury = bury,
	.spans = spans_of_memory,
	.dead = dead_in_memory,
	.stopped = stopped_in_memory,
	.after = after,
};

#define OP(fn, count, about)                                           \
	{                                                              \
		.name = "region." #fn, .kind = &kind, .states = count, \
		.hooked = kill_hooked_region_##fn,                     \
		.plain = kill_plain_region_##fn, .flags = (about),     \
	}

static const struct kill_op ops[] = {
	OP(create, 1, 0),
	OP(add, 1, BUILT),
	OP(publish, 2, BUILT | ADDED | AFTER | TAKEN_IF1),
	OP(open, 2, BEFORE | AFTER | USED_IF1),
	OP(unlink, 2, BEFORE | USED_IF1),
	OP(reap, 2, BEFORE | USED_IF1),
	{ .name = "region.format",
	  .kind = &memory_kind,
	  .states = 1,
	  .hooked = kill_hooked_region_format,
	  .plain = kill_plain_region_format },
};

const struct kill_list kill_region = { ops, sizeof(ops) / sizeof(ops[0]) };
