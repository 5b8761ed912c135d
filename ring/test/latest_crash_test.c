/* SPDX-License-Identifier: MIT */
/*
 * ring/latest.h between processes that map it at different addresses, some of
 * them for reading only, and that die, stop, fork, exec or leave at a known
 * point: what can be read then, and who may take over. Random instants:
 * stress/latest_stress.c.
 */
#define _GNU_SOURCE
#include "latest_bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORLD_KIND SLIP_KIND_LATEST
#define WORLD_HANDLES                \
	struct slip_latest_writer w; \
	struct slip_latest_reader r;
#include "world.h"

/* Both handles begin as detached ones, so that end() may detach any. */
static struct world *begin(uint32_t slots)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.w.error = -EPIPE;
	w.r.error = -EPIPE;
	world_open(&w, slip_latest_bytes(slots, 8));
	cr_assert_eq(slip_latest_init(w.mem, w.bytes, slots, 8, 0), 0, "init");
	world_publish(&w);
	return &w;
}

static void end(struct world *w)
{
	slip_latest_detach_writer(&w->w);
	slip_latest_detach_reader(&w->r);
	world_close(w);
}

static int attach_writer(struct world *w)
{
	return slip_latest_attach_writer(&w->w, w->mem, w->bytes, &w->self);
}

static int attach_reader(struct world *w)
{
	return slip_latest_attach_reader(&w->r, w->mem, w->bytes, &w->self);
}

/* --- children --------------------------------------------------------------- */

static bool look_only(struct world *w, const struct world *parent)
{
	if (!map_again(w, parent, SLIP_REGION_READONLY))
		return false;
	slip_peer_prepare(&w->self, &w->rg);
	return slip_latest_attach_readonly(&w->r, w->mem, w->bytes, &w->self) ==
	       0;
}

static bool write_to(struct world *w, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (slip_latest_write(&w->w, &i, 8))
			return false;
	return true;
}

static bool reads(struct world *w, uint64_t value)
{
	uint64_t x = ~value;
	uint32_t len = 0;

	return slip_latest_read(&w->r, &x, 8, &len) == 0 && len == 8 &&
	       x == value;
}

static int read_until(struct world *w, uint64_t *x)
{
	uint32_t len;

	return slip_latest_read_until(&w->r, x, 8, &len, SLIP_FOREVER);
}

/* --- deaths of the writer ---------------------------------------------------- */

static int puts_and_freezes(struct world *w)
{
	uint64_t x = 666;

	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 3));
	EXPECT(3, slip_latest_put(&w->w, 0, &x, 8) == 0);
	freeze(w);
	return 0;
}

Test(latest_crash, killed_before_it_published_the_value_never_was)
{
	/* The smallest: what is being written is over what was read last. */
	struct world *w = begin(2);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, puts_and_freezes);
	await(w, pid, 1);
	cr_assert(reads(w, 3), "beside one that writes");
	kill_and_wait(pid);
	cr_assert(reads(w, 3), "after its death");
	cr_assert_eq(read_until(w, &x), -EPIPE, "nothing will come");
	cr_assert_eq(slip_latest_writer_state(&w->r), SLIP_ROLE_DEAD, "state");
	cr_assert(reads(w, 3), "still");
	cr_assert_eq(attach_writer(w), 0, "successor");
	cr_assert(reads(w, 3), "nor does a successor change that");
	cr_assert(write_to(w, 4, 4), "goes on");
	cr_assert(reads(w, 4), "newest");
	cr_assert_eq(slip_latest_version(&w->r), 4, "no number was lost");
	cr_assert_eq(slip_latest_skipped(&w->r), 0, "nothing skipped");
	end(w);
}

/* All of commit but the telling: what a kill right after the store leaves. */
static int publishes_untold_and_dies(struct world *w)
{
	uint64_t x = 7;

	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, slip_latest_put(&w->w, 0, &x, 8) == 0);
	slip_a32_store_release(&w->w.ring->lens[1], 8);
	await_sleeper(&w->w.ring->ev);
	slip_a64_store_release(&w->w.ring->latest, 1);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(latest_crash, killed_right_after_that_the_value_reaches_a_sleeper)
{
	struct world *w = begin(4);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, publishes_untold_and_dies);
	cr_assert_eq(read_until(w, &x), 0, "read");
	cr_assert_eq(x, 7, "value");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert_eq(read_until(w, &x), -EPIPE, "dead");
	end(w);
}

static int writes_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 3));
	reach(w, 1);
	await_sleeper(&w->w.ring->ev);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(latest_crash, a_sleeping_reader_hears_of_the_death)
{
	struct world *w = begin(4);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, writes_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert_eq(read_until(w, &x), 0, "read");
	cr_assert_eq(x, 3, "newest");
	cr_assert_eq(read_until(w, &x), -EPIPE, "dead");
	cr_assert_eq(slip_latest_wait_writer_until(&w->r, 0), -ETIMEDOUT,
		     "nobody there");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	end(w);
}

static int writes_and_freezes(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 3));
	freeze(w);
	return 0;
}

Test(latest_crash, attach_is_refused_beside_the_living_and_not_the_dead)
{
	struct world *w = begin(4);
	pid_t pid;

	pid = spawn(w, writes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_writer(w), -EBUSY, "alive");
	kill_and_wait(pid);
	cr_assert_eq(attach_writer(w), 0, "dead");
	cr_assert_eq(attach_reader(w), 0, "reader");
	cr_assert(reads(w, 3), "its newest");
	cr_assert(write_to(w, 4, 8), "goes on");
	cr_assert(reads(w, 8), "newest");
	cr_assert_eq(slip_latest_version(&w->r), 8, "number");
	cr_assert_eq(slip_latest_skipped(&w->r), 4, "skipped");
	end(w);
}

Test(latest_crash, who_recovers_tells_of_the_death)
{
	struct world *w = begin(4);
	pid_t pid;

	pid = spawn(w, writes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_reader(w), 0, "reader");
	kill_and_wait(pid);
	while (slip_peer_recover(&w->self) != 1)
		sched_yield(); /* /proc may keep an address space */
	/* stat: by nobody but the recoverer */
	cr_assert_eq(slip_a64_load_relaxed(&w->r.ring->writer_role) & 15,
		     (uint64_t)SLIP_ROLE_DEAD, "written down");
	end(w);
}

static int leaves_when_awaited(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 5, 5));
	reach(w, 1);
	await_sleeper(&w->w.ring->ev);
	slip_latest_detach_writer(&w->w);
	slip_peer_leave(&w->self);
	slip_region_close(&w->rg);
	return 0;
}

Test(latest_crash, a_detach_wakes_who_sleeps_without_a_deadline)
{
	struct world *w = begin(4);
	uint64_t x = 0;
	pid_t pid;

	/* Without a peer: it asks no oracle and sleeps in one piece. */
	cr_assert_eq(slip_latest_attach_reader(&w->r, w->mem, w->bytes, NULL),
		     0, "reader");
	pid = spawn(w, leaves_when_awaited);
	cr_assert_eq(read_until(w, &x), 0, "read");
	cr_assert_eq(x, 5, "value");
	cr_assert_eq(read_until(w, &x), -EPIPE, "the end");
	cr_assert_eq(slip_latest_writer_state(&w->r), SLIP_ROLE_CLOSED,
		     "state");
	expect_exit(pid);
	end(w);
}

/* --- readers ------------------------------------------------------------------ */

static int waits_for_ever(struct world *w)
{
	uint64_t x;

	EXPECT(1, attach_reader(w) == 0);
	reach(w, 1);
	EXPECT(2, read_until(w, &x) == 0);
	return 3;
}

Test(latest_crash, nobody_notices_that_a_reader_dies)
{
	struct world *w = begin(4);
	pid_t pids[3];

	cr_assert_eq(attach_writer(w), 0, "writer");
	for (int i = 0; i < 3; i++) {
		pids[i] = spawn(w, waits_for_ever);
		await(w, pids[i], 1);
		await_sleeper(&w->w.ring->ev);
		kill_and_wait(pids[i]);
	}
	cr_assert(write_to(w, 1, 100), "on and on");
	cr_assert_eq(attach_reader(w), 0, "reader");
	cr_assert(reads(w, 100), "newest");
	end(w);
}

/* --- read-only ------------------------------------------------------------------ */

/* Hears of values, and of the death, by its own looks. */
static int looks_until_the_end(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, slip_latest_wait_writer_until(&w->r, SLIP_FOREVER) == 0);
	EXPECT(2, slip_latest_writer_state(&w->r) == SLIP_ROLE_HELD);
	reach(w, 1);
	EXPECT(3, read_until(w, &x) == 0 && x == 1);
	reach(w, 2);
	EXPECT(4, read_until(w, &x) == 0 && x == 2);
	reach(w, 3);
	EXPECT(5, read_until(w, &x) == -EPIPE);
	EXPECT(6, slip_latest_writer_state(&w->r) == SLIP_ROLE_DEAD);
	EXPECT(7, reads(w, 2));
	return 0;
}

static int writes_when_told(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	for (uint64_t i = 1; i <= 2; i++) {
		/* hint: counts up */
		while (slip_a32_load_relaxed(&w->stage->go) < i)
			sched_yield();
		EXPECT(2, write_to(w, i, i));
	}
	for (;;)
		pause();
	return 3;
}

Test(latest_crash, a_reader_that_may_not_write_hears_all)
{
	struct world *w = begin(4);
	uint64_t role;
	pid_t writer, reader;

	reader = spawn_as(w, look_only, looks_until_the_end);
	writer = spawn(w, writes_when_told);
	for (uint32_t i = 1; i <= 2; i++) {
		await(w, reader, i);
		slip_a32_store_release(&w->stage->go, i);
	}
	await(w, reader, 3);
	cr_assert_eq(attach_reader(w), 0, "reader");
	role = slip_a64_load_relaxed(&w->r.ring->writer_role); /* stat */
	kill_and_wait(writer);
	expect_exit(reader);
	/* stat: it has asked, and could not write down what it heard */
	cr_assert_eq(slip_a64_load_relaxed(&w->r.ring->writer_role), role,
		     "role");
	end(w);
}

/* --- stopped ---------------------------------------------------------------------- */

static int writes_as_told(struct world *w)
{
	uint64_t x = 4;

	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 3));
	EXPECT(3, slip_latest_put(&w->w, 0, &x, 8) == 0);
	reach(w, 1);
	await_go(w);
	EXPECT(4, slip_latest_commit(&w->w, 8) == 0);
	slip_latest_detach_writer(&w->w);
	return 0;
}

Test(latest_crash, a_writer_stopped_half_way_holds_nobody_up)
{
	struct world *w = begin(2);
	uint64_t x = 0;
	uint32_t len;
	int status = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, writes_as_told);
	await(w, pid, 1);
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid, "waitpid");
	cr_assert(WIFSTOPPED(status), "stopped");
	for (int i = 0; i < 100; i++)
		cr_assert(reads(w, 3), "at once");
	cr_assert_eq(slip_latest_read_until(&w->r, &x, 8, &len,
					    slip_after_ns(30000000)),
		     -ETIMEDOUT, "nothing newer, and no end");
	cr_assert_eq(slip_latest_writer_state(&w->r), SLIP_ROLE_HELD, "state");
	cr_assert_eq(attach_writer(w), -EBUSY, "no takeover from the living");
	slip_a32_store_release(&w->stage->go, 1);
	kill(pid, SIGCONT);
	cr_assert_eq(read_until(w, &x), 0, "read");
	cr_assert_eq(x, 4, "value");
	expect_exit(pid);
	end(w);
}

/* --- exec, fork ---------------------------------------------------------------------- */

static int execs(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 1));
	reach(w, 1);
	execl("/bin/sleep", "sleep", "60", (char *)NULL);
	return 3;
}

Test(latest_crash, exec_is_the_end_of_a_writer)
{
	struct world *w = begin(4);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, execs);
	await(w, pid, 1);
	cr_assert_eq(read_until(w, &x), 0, "read");
	cr_assert_eq(read_until(w, &x), -EPIPE, "gone");
	cr_assert_eq(attach_writer(w), 0, "successor");
	kill_and_wait(pid);
	end(w);
}

/* In a fork child, with what it inherited. */
static int tries_what_is_its_parents(struct world *w)
{
	static struct world mine;
	struct slip_latest_writer writer;
	struct slip_latest_reader r;
	uint64_t x = 0;

	EXPECT(1, read_until(w, &x) == -ECHILD);
	EXPECT(2, slip_latest_wait_until(&w->r, 0) == -ECHILD);
	EXPECT(3, slip_latest_wait_writer_until(&w->r, 0) == -ECHILD);
	/* The memory is not here; that is told before it is looked at. */
	EXPECT(6, slip_latest_attach_writer(&writer, w->mem, w->bytes,
					    &w->self) == -ECHILD);
	EXPECT(7, slip_latest_attach_reader(&r, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	EXPECT(8, slip_latest_attach_readonly(&r, w->mem, w->bytes, &w->self) ==
			  -ECHILD);
	EXPECT(4, map_again(&mine, w, 0));
	EXPECT(5, slip_latest_attach_writer(&mine.w, mine.mem, mine.bytes,
					    NULL) == -EBUSY);
	return 0;
}

static int only_detaches(struct world *w)
{
	slip_latest_detach_writer(&w->w);
	slip_peer_leave(&w->self);
	return 0;
}

Test(latest_crash, a_fork_child_can_neither_use_nor_end_its_parents_role)
{
	int (*bodies[])(struct world *) = { tries_what_is_its_parents,
					    only_detaches };
	struct world *w = begin(4);

	cr_assert_eq(attach_writer(w), 0, "writer");
	cr_assert_eq(attach_reader(w), 0, "reader");
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		cr_assert(pid >= 0, "fork");
		if (pid == 0) {
			static struct world copy;

			copy = *w;
			_exit(bodies[i](&copy));
		}
		expect_exit(pid);
	}
	cr_assert_eq(slip_latest_writer_state(&w->r), SLIP_ROLE_HELD, "state");
	cr_assert(write_to(w, 1, 1), "write");
	cr_assert(reads(w, 1), "read");
	end(w);
}

Test(latest_crash, one_that_has_left_its_region_does_not_attach)
{
	struct world *w = begin(4);

	slip_peer_leave(&w->self);
	cr_assert_eq(attach_writer(w), -EINVAL, "writer");
	cr_assert_eq(attach_reader(w), -EINVAL, "reader");
	cr_assert_eq(
		slip_latest_attach_readonly(&w->r, w->mem, w->bytes, &w->self),
		0, "read-only needs no member");
	end(w);
}
