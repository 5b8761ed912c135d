/* SPDX-License-Identifier: MIT */
/*
 * What the examples share: a check, children, memory that they inherit, and a
 * region that has no name, for a family of processes. (posix_shm.c and fifo.c
 * have regions with a name, and make each call themselves.)
 */
#ifndef TOOLS_EXAMPLES_EXAMPLE_H
#define TOOLS_EXAMPLES_EXAMPLE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/peer.h"
#include "futex/region.h"

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* --- children ------------------------------------------------------------- */

/* A process that does `work` and exits with what it returns. It does not
 * outlive this one. */
static inline pid_t start(int (*work)(void))
{
	pid_t child = fork();

	must(child >= 0, "fork");
	if (child)
		return child;
	must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
	exit(work());
}

/* Waits for the end of a child; true: it returned 0. */
static inline bool went_well(pid_t child)
{
	int status = -1;

	return waitpid(child, &status, 0) == child && status == 0;
}

/* SIGKILL, and then it is gone. */
static inline void kill_it(pid_t child)
{
	int status = 0;

	must(kill(child, SIGKILL) == 0, "kill");
	must(waitpid(child, &status, 0) == child && WIFSIGNALED(status),
	     "the child was killed");
}

/* For who is to be killed. */
static inline void wait_for_the_end(void)
{
	for (;;)
		(void)pause();
}

/* --- memory --------------------------------------------------------------- */

/* Zero bytes that children share: all that primitives without owners need. */
static inline void *shared_memory(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(mem != MAP_FAILED, "mmap");
	return mem;
}

struct family {
	struct slip_region rg;
	struct slip_peer me; /* this process, as the others know it */
};

/* The first of the family: create, add objects, publish and join. */
static inline void family_create(struct family *f, size_t bytes)
{
	must(slip_region_create(&f->rg, bytes, SLIP_REGION_MEMFD) == 0,
	     "region_create");
}

static inline void *family_add(struct family *f, const char *name,
			       uint32_t kind, size_t bytes)
{
	void *mem = slip_region_add(&f->rg, name, kind, bytes);

	must(mem != NULL, "region_add");
	return mem;
}

static inline void family_publish(struct family *f)
{
	must(slip_region_publish(&f->rg, NULL, 0600) == 0, "region_publish");
	must(slip_peer_join(&f->me, &f->rg) == 0, "peer_join");
}

/* A child: a mapping and a membership of its own. Nothing of `parent` but the
 * descriptor is of use here. */
static inline void family_join(struct family *f, const struct family *parent)
{
	int fd = slip_region_fd(&parent->rg);

	must(slip_region_adopt(&f->rg, fd, SLIP_REGION_MEMFD) == 0, "adopt");
	must(slip_peer_join(&f->me, &f->rg) == 0, "peer_join");
}

static inline void *family_find(const struct family *f, const char *name,
				uint32_t kind, size_t *bytes)
{
	void *mem = slip_region_find(&f->rg, name, kind, bytes);

	must(mem != NULL, "region_find");
	return mem;
}

static inline void family_leave(struct family *f)
{
	slip_peer_leave(&f->me);
	slip_region_close(&f->rg);
}

#endif
