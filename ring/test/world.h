/* SPDX-License-Identifier: MIT */
/*
 * A region with one ring in it, and children that map it elsewhere, come to a
 * known point, and are stopped or killed there. Include it after the ring, and
 * after
 *
 *	#define WORLD_KIND SLIP_KIND_...	of the ring
 *	#define WORLD_HANDLES struct ... c;	what a process has of it
 *
 * and, if the ring shall be copied into by copy_or_die(), as SLIP_COPY_HOOK.
 *
 * No test waits and hopes. A child tells by a word on the stage how far it has
 * come; that somebody is about to sleep shows in the event's own word.
 */
#ifndef SLIP_RING_TEST_WORLD_H
#define SLIP_RING_TEST_WORLD_H

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#ifdef SLIP_COPY_HOOK
/* The next slip_copy() but so many is the end of the process (or it stands
 * still there); -1: none. */
static int copies_to_live = -1;
static slip_a32 *still; /* tell here, and wait for the end */

void copy_or_die(void *to, const void *from, size_t bytes)
{
	if (copies_to_live == 0) {
		memcpy(to, from, bytes / 2);
		if (still)
			slip_a32_store_release(still, 1);
		else
			kill(getpid(), SIGKILL);
		while (still)
			pause();
	}
	copies_to_live -= copies_to_live > 0;
	memcpy(to, from, bytes);
}
#endif

/* Where parent and children meet, outside the ring. */
struct stage {
	slip_a32 reached; /* by the child */
	slip_a32 go;	  /* to the child */
	slip_a32 pid;
	slip_a32 id;
	slip_a32 gen;
	slip_a64 count;
};

/* A region with one ring, as one process has it. */
struct world {
	struct slip_region rg;
	struct slip_peer self;
	void *mem;
	size_t bytes;
	struct stage *stage;
	WORLD_HANDLES
};

/* qemu-user ignores the advice that keeps a region from a fork child. */
static inline bool fork_is_noticed(void)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK))
		return false;
	*page = 1;
	pid = fork();
	if (pid == 0)
		_exit(*page);
	(void)!waitpid(pid, &status, 0);
	munmap(page, 4096);
	return status == 0;
}

/* A region with room for the ring, to be initialised at w->mem. */
static inline void world_open(struct world *w, size_t bytes)
{
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (!fork_is_noticed())
		cr_skip("no MADV_WIPEONFORK here: an emulator?");
	cr_assert(shared != MAP_FAILED, "mmap");
	w->stage = shared;
	w->bytes = bytes;
	cr_assert_eq(slip_region_create(&w->rg, bytes, SLIP_REGION_MEMFD), 0,
		     "region");
	w->mem = slip_region_add(&w->rg, "ring", WORLD_KIND, bytes);
	cr_assert(w->mem != NULL, "object");
}

/* The ring is there: all may come. */
static inline void world_publish(struct world *w)
{
	cr_assert_eq(slip_region_publish(&w->rg, NULL, 0), 0, "publish");
	cr_assert_eq(slip_peer_join(&w->self, &w->rg), 0, "join");
}

/* Of the parent, after its handles. */
static inline void world_close(struct world *w)
{
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	munmap(w->stage, 4096);
}

/* --- children --------------------------------------------------------------- */

/* In a fork child: the parent's region once more, elsewhere. */
static inline bool map_again(struct world *w, const struct world *parent,
			     unsigned flags)
{
	/* The parent's mapping is not inherited; keep its place taken. */
	void *taken = mmap(parent->rg.mem, parent->rg.bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*w = *parent;
	if (taken != parent->rg.mem ||
	    slip_region_adopt(&w->rg, slip_region_fd(&parent->rg), flags))
		return false;
	w->mem = slip_region_find(&w->rg, "ring", WORLD_KIND, &w->bytes);
	return w->mem && w->mem != parent->mem;
}

static inline bool join_again(struct world *w, const struct world *parent)
{
	return map_again(w, parent, 0) && slip_peer_join(&w->self, &w->rg) == 0;
}

static inline pid_t spawn_as(const struct world *parent,
			     bool (*become)(struct world *,
					    const struct world *),
			     int (*body)(struct world *))
{
	static struct world mine;
	pid_t pid;

	/* own, init: no child runs yet */
	slip_a32_store_relaxed(&parent->stage->reached, 0);
	pid = fork();
	cr_assert(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(50);
		_exit(become(&mine, parent) ? body(&mine) : 99);
	}
	return pid;
}

/* Runs `body` in a child with a membership of its own. */
static inline pid_t spawn(const struct world *parent,
			  int (*body)(struct world *))
{
	return spawn_as(parent, join_again, body);
}

/* The child is here, and all it did before can be seen. */
static inline void reach(struct world *w, uint32_t point)
{
	slip_a32_store_release(&w->stage->reached, point);
}

static inline void freeze(struct world *w)
{
	reach(w, 1);
	for (;;)
		pause();
}

static inline void await(struct world *w, pid_t pid, uint32_t point)
{
	int status;

	while (slip_a32_load_acquire(&w->stage->reached) != point) {
		cr_assert_eq(waitpid(pid, &status, WNOHANG), 0,
			     "the child ended early");
		sched_yield();
	}
}

/* For a child: the parent says that it may go on. */
static inline void await_go(struct world *w)
{
	while (!slip_a32_load_acquire(&w->stage->go))
		sched_yield();
}

/* For a child: somebody has announced that it sleeps on this event. */
static inline void await_sleeper(struct slip_event *event)
{
	while (!(slip_a32_load_relaxed(&event->word) &
		 SLIP_EVENT_W_)) /* hint */
		sched_yield();
}

static inline int end_of(pid_t pid)
{
	int status = 0;

	cr_assert_eq(waitpid(pid, &status, 0), pid, "waitpid");
	return status;
}

static inline void expect_killed(pid_t pid)
{
	cr_assert_eq(end_of(pid), SIGKILL, "not killed");
}

static inline void kill_and_wait(pid_t pid)
{
	kill(pid, SIGKILL);
	expect_killed(pid);
}

static inline void expect_exit(pid_t pid)
{
	int status = end_of(pid);

	cr_assert(WIFEXITED(status), "child: wait status %#x",
		  (unsigned)status);
	cr_assert_eq(WEXITSTATUS(status), 0, "child: line or code %d",
		     WEXITSTATUS(status));
}

/* In a child: which of its checks failed is its exit status. */
#define EXPECT(number, cond)           \
	do {                           \
		if (!(cond))           \
			return number; \
	} while (0)

#endif /* SLIP_RING_TEST_WORLD_H */
