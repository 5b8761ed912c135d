/* SPDX-License-Identifier: MIT */
/*
 * ring/priority.h between processes that map it at different addresses, and that
 * die, stop or fork at a known point, in each level. Every instruction:
 * stress/kill.
 *
 * No test waits and hopes. A child tells by a word on the stage how far it has
 * come; that somebody is about to sleep shows in the event's own word.
 */
#define _GNU_SOURCE
#define SLIP_COPY_HOOK copy_or_die

#include "../priority.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

#define SEATS  4
#define LEVELS 3
#define ROOM   4

/* The next slip_copy() but so many is the end of the process; -1: none. */
static int copies_to_live = -1;

void copy_or_die(void *to, const void *from, size_t bytes)
{
	if (copies_to_live == 0) {
		memcpy(to, from, bytes / 2);
		kill(getpid(), SIGKILL);
	}
	copies_to_live -= copies_to_live > 0;
	memcpy(to, from, bytes);
}

/* Where parent and children meet, outside the ring. */
struct stage {
	slip_a32 reached;
	slip_a32 level; /* at which the child works */
};

/* A region with one ring, as one process has it. */
struct world {
	struct slip_region rg;
	struct slip_peer self;
	void *mem;
	size_t bytes;
	struct stage *stage;
	struct slip_priority p;
	struct slip_priority c;
};

static struct slip_priority_ring *ring_of(struct world *w)
{
	return w->mem;
}

/* qemu-user ignores the advice that keeps a region from a fork child. */
static bool fork_is_noticed(void)
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

static struct world *begin(void)
{
	static struct world w;
	unsigned flags = SLIP_PRIORITY_SEATS(SEATS);
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (!fork_is_noticed())
		cr_skip("no MADV_WIPEONFORK here: an emulator?");
	cr_assert(shared != MAP_FAILED, "mmap");
	memset(&w, 0, sizeof(w));
	w.p.q.error = -EPIPE;
	w.c.q.error = -EPIPE;
	w.stage = shared;
	w.bytes = slip_priority_bytes(LEVELS, ROOM, 8, flags);
	cr_assert_eq(slip_region_create(&w.rg, w.bytes, SLIP_REGION_MEMFD), 0);
	w.mem = slip_region_add(&w.rg, "ring", SLIP_KIND_PRIORITY, w.bytes);
	cr_assert(w.mem != NULL, "object");
	cr_assert_eq(slip_priority_init(w.mem, w.bytes, LEVELS, ROOM, 8, flags),
		     0);
	cr_assert_eq(slip_region_publish(&w.rg, NULL, 0), 0);
	cr_assert_eq(slip_peer_join(&w.self, &w.rg), 0);
	return &w;
}

static void end(struct world *w)
{
	slip_priority_detach(&w->p);
	slip_priority_detach(&w->c);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	munmap(w->stage, 4096);
}

static int attach(struct world *w, struct slip_priority *q, unsigned roles)
{
	return slip_priority_attach(q, w->mem, w->bytes, roles, &w->self);
}

static int attach_producer(struct world *w)
{
	return attach(w, &w->p, SLIP_PRODUCER);
}

static int attach_consumer(struct world *w)
{
	return attach(w, &w->c, SLIP_CONSUMER);
}

/* --- children ------------------------------------------------------------- */

/* In a fork child: the parent's region once more, elsewhere. */
static bool join_again(struct world *w, const struct world *parent)
{
	/* The parent's mapping is not inherited; keep its place taken. */
	void *taken = mmap(parent->rg.mem, parent->rg.bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*w = *parent;
	if (taken != parent->rg.mem ||
	    slip_region_adopt(&w->rg, slip_region_fd(&parent->rg), 0))
		return false;
	w->mem =
		slip_region_find(&w->rg, "ring", SLIP_KIND_PRIORITY, &w->bytes);
	return w->mem && w->mem != parent->mem &&
	       slip_peer_join(&w->self, &w->rg) == 0;
}

/* Runs `body` in a child with a membership of its own. */
static pid_t spawn(const struct world *parent, int (*body)(struct world *))
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
		_exit(join_again(&mine, parent) ? body(&mine) : 99);
	}
	return pid;
}

static void freeze(struct world *w)
{
	slip_a32_store_release(&w->stage->reached, 1);
	for (;;)
		pause();
}

static int end_of(pid_t pid)
{
	int status = 0;

	cr_assert_eq(waitpid(pid, &status, 0), pid, "waitpid");
	return status;
}

static void await(struct world *w, pid_t pid)
{
	int status;

	while (!slip_a32_load_acquire(&w->stage->reached)) {
		cr_assert_eq(waitpid(pid, &status, WNOHANG), 0,
			     "the child ended early");
		sched_yield();
	}
}

static void kill_and_wait(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(end_of(pid), SIGKILL, "not killed");
}

/* For a child: somebody has announced that it sleeps on this event. */
static void await_sleeper(struct slip_event *event)
{
	while (!(slip_a32_load_relaxed(&event->word) & 1)) /* hint */
		sched_yield();
}

static void expect_exit(pid_t pid)
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

static uint32_t level_of(const struct world *w)
{
	/* init: set before the child */
	return slip_a32_load_relaxed(&w->stage->level);
}

static bool push(struct slip_priority *q, uint32_t level, uint64_t value)
{
	return slip_priority_push(q, &value, level);
}

static void expect(struct world *w, uint32_t level, uint64_t value)
{
	uint64_t x = ~value;
	uint32_t at = 99;

	cr_assert(slip_priority_pop(&w->c, &x, &at), "empty instead of %llu",
		  (unsigned long long)value);
	cr_assert_eq(x, value, "%llu instead of %llu", (unsigned long long)x,
		     (unsigned long long)value);
	cr_assert_eq(at, level, "level %u", at);
}

static struct slip_priority_info look(struct world *w)
{
	struct slip_priority_info info;

	cr_assert_eq(slip_priority_inspect(w->mem, w->bytes, &info), 0);
	return info;
}

/* Every level has all of its room, and no seat is anybody's that is gone. */
static void expect_whole(struct world *w)
{
	struct slip_priority q[SEATS];
	int n = 0;

	cr_assert_geq(slip_peer_recover(&w->self), 0, "recover");
	while (n < SEATS && attach(w, &q[n], SLIP_PRODUCER) == 0)
		n++;
	cr_assert_eq(n, SEATS - (w->p.q.error == 0) - (w->c.q.error == 0));
	while (n)
		slip_priority_detach(&q[--n]);
	if (w->p.q.error)
		cr_assert_eq(attach_producer(w), 0, "producer");
	if (w->c.q.error)
		cr_assert_eq(attach_consumer(w), 0, "consumer");
	for (uint32_t l = 0; l < LEVELS; l++) {
		for (uint64_t i = 0; i < ROOM; i++)
			cr_assert(push(&w->p, l, i), "all of it is there");
		cr_assert_not(push(&w->p, l, 9), "and no more");
	}
	for (uint32_t l = LEVELS; l-- > 0;)
		for (uint64_t i = 0; i < ROOM; i++)
			expect(w, l, i);
	cr_assert_eq(look(w).dead, 0u);
	cr_assert_eq(look(w).held, 0u);
}

/* --- deaths ---------------------------------------------------------------- */

static int pushes_one_and_dies_in_the_next(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	for (uint32_t l = 0; l < LEVELS; l++)
		EXPECT(2, push(&w->p, l, 10 + l));
	copies_to_live = 0;
	(void)push(&w->p, level_of(w), 20);
	return 3;
}

Test(priority_crash, an_element_is_delivered_whose_pusher_died_after_its_claim)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		struct world *w = begin();
		pid_t pid;

		slip_a32_store_relaxed(&w->stage->level, level); /* init */
		pid = spawn(w, pushes_one_and_dies_in_the_next);
		cr_assert_eq(end_of(pid), SIGKILL);
		cr_assert_eq(attach_consumer(w), 0);
		cr_assert_eq(slip_peer_recover(&w->self), 1);
		for (uint32_t l = LEVELS; l-- > 0;) {
			expect(w, l, 10 + l);
			if (l == level)
				expect(w, l, 20);
		}
		expect_whole(w);
		end(w);
	}
}

static int pops_and_dies(struct world *w)
{
	uint64_t x;
	uint32_t at;

	EXPECT(1, attach_consumer(w) == 0);
	copies_to_live = 0;
	(void)!slip_priority_pop_highest(&w->c, UINT64_C(1) << level_of(w), &x,
					 &at);
	return 3;
}

Test(priority_crash, what_a_popper_had_claimed_is_gone_and_its_slot_is_not)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		struct world *w = begin();
		pid_t pid;

		cr_assert_eq(attach_producer(w), 0);
		for (uint32_t l = 0; l < LEVELS; l++) {
			cr_assert(push(&w->p, l, 10 + l));
			cr_assert(push(&w->p, l, 20 + l));
		}
		slip_a32_store_relaxed(&w->stage->level, level); /* init */
		pid = spawn(w, pops_and_dies);
		cr_assert_eq(end_of(pid), SIGKILL);
		cr_assert_eq(attach_consumer(w), 0);
		for (uint32_t l = LEVELS; l-- > 0;) {
			if (l != level)
				expect(w, l, 10 + l);
			expect(w, l, 20 + l);
		}
		expect_whole(w);
		end(w);
	}
}

static int attaches_and_freezes(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	EXPECT(2, push(&w->p, 1, 5));
	freeze(w);
	return 3;
}

Test(priority_crash, the_end_comes_when_every_producer_is_dead)
{
	struct world *w = begin();
	uint64_t x = 0;
	uint32_t at;
	pid_t pid = spawn(w, attaches_and_freezes);

	await(w, pid);
	cr_assert_eq(attach_consumer(w), 0);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 5u);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, 0), -ETIMEDOUT,
		     "it lives");
	kill_and_wait(pid);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(
		slip_priority_pop_lowest_until(&w->c, 1, &x, &at, SLIP_FOREVER),
		-EPIPE);
	expect_whole(w);
	end(w);
}

static int consumes_and_freezes(struct world *w)
{
	EXPECT(1, attach_consumer(w) == 0);
	freeze(w);
	return 3;
}

Test(priority_crash, a_pusher_learns_that_every_consumer_is_dead)
{
	struct world *w = begin();
	uint64_t x = 0;
	pid_t pid = spawn(w, consumes_and_freezes);

	await(w, pid);
	cr_assert_eq(attach_producer(w), 0);
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert_eq(
			slip_priority_push_until(&w->p, &i, 2, SLIP_FOREVER),
			0);
	kill_and_wait(pid);
	cr_assert_eq(slip_priority_push_until(&w->p, &x, 2, SLIP_FOREVER),
		     -EPIPE);
	end(w);
}

/* --- sleepers -------------------------------------------------------------- */

static int pushes_when_awaited(struct world *w)
{
	EXPECT(1, attach_producer(w) == 0);
	await_sleeper(&ring_of(w)->home.ev_data);
	EXPECT(2, push(&w->p, 1, 7));
	await_sleeper(&ring_of(w)->home.ev_space);
	EXPECT(3, push(&w->p, 2, 8)); /* not what it waits for */
	await_sleeper(&ring_of(w)->home.ev_space);
	EXPECT(4, push(&w->p, 0, 9));
	return 0;
}

Test(priority_crash, a_sleeper_in_another_process_is_woken)
{
	struct world *w = begin();
	uint64_t x = 0;
	uint32_t at;
	pid_t pid;

	cr_assert_eq(attach_consumer(w), 0);
	pid = spawn(w, pushes_when_awaited);
	cr_assert_eq(slip_priority_pop_until(&w->c, &x, &at, SLIP_FOREVER), 0);
	cr_assert_eq(x, 7u);
	cr_assert_eq(slip_priority_pop_highest_until(&w->c, 3, &x, &at,
						     SLIP_FOREVER),
		     0);
	cr_assert_eq(x, 9u);
	expect(w, 2, 8);
	expect_exit(pid);
	end(w);
}

static int pops_when_awaited(struct world *w)
{
	uint64_t x;
	uint32_t at;

	EXPECT(1, attach_consumer(w) == 0);
	slip_a32_store_release(&w->stage->reached, 1);
	await_sleeper(&slip_mpmc_level_(&w->c.q, 2)->ev_space);
	EXPECT(2, slip_priority_pop(&w->c, &x, &at) && at == 2);
	return 0;
}

Test(priority_crash, who_waits_for_room_is_woken)
{
	struct world *w = begin();
	uint64_t x = 5;
	pid_t pid;

	cr_assert_eq(attach_producer(w), 0);
	for (uint64_t i = 0; i < ROOM; i++)
		cr_assert(push(&w->p, 2, i));
	pid = spawn(w, pops_when_awaited);
	await(w, pid);
	cr_assert_eq(slip_priority_push_until(&w->p, &x, 2, SLIP_FOREVER), 0);
	expect_exit(pid);
	end(w);
}

/* --- membership ------------------------------------------------------------ */

Test(priority_crash, a_fork_child_is_told_so)
{
	struct world *w = begin();
	pid_t pid;

	cr_assert_eq(attach_producer(w), 0);
	cr_assert_eq(attach_consumer(w), 0);
	pid = fork();
	if (pid == 0) {
		uint64_t x = 1;
		uint32_t at;
		int bad = 0;

		bad |= slip_priority_push_until(&w->p, &x, 0, 0) != -ECHILD;
		bad |= slip_priority_pop_until(&w->c, &x, &at, 0) != -ECHILD;
		slip_priority_detach(&w->p);
		_exit(bad);
	}
	expect_exit(pid);
	cr_assert(push(&w->p, 0, 1), "the parent's handle goes on");
	expect(w, 0, 1);
	end(w);
}

Test(priority_crash, attach_with_a_member_that_has_left)
{
	struct world *w = begin();

	slip_peer_leave(&w->self);
	cr_assert_eq(attach_producer(w), -EINVAL);
	cr_assert_eq(slip_peer_join(&w->self, &w->rg), 0);
	end(w);
}
