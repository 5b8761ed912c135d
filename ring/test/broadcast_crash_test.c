/* SPDX-License-Identifier: MIT */
/*
 * ring/broadcast.h between processes that map it at different addresses, some of
 * them for reading only, and that die, stop, fork or leave at a known point: what
 * can be read then, who may take over, and who is waited for.
 */
#define _GNU_SOURCE
#include "broadcast_bench.h"

#include "../sources.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORLD_KIND SLIP_KIND_BROADCAST
#define WORLD_HANDLES                   \
	struct slip_broadcast_writer w; \
	struct slip_broadcast_reader r;
#include "world.h"

/* Both handles begin as detached ones, so that end() may detach any. */
static struct world *begin(uint64_t room, uint32_t elem_bytes, uint32_t writers,
			   uint32_t readers)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.w.error = -EPIPE;
	w.r.error = -EPIPE;
	world_open(&w,
		   slip_broadcast_bytes(room, elem_bytes, writers, readers));
	cr_assert_eq(slip_broadcast_init(w.mem, w.bytes, room, elem_bytes,
					 writers, readers, 0),
		     0, "init");
	world_publish(&w);
	return &w;
}

static void end(struct world *w)
{
	slip_broadcast_detach_writer(&w->w);
	slip_broadcast_detach_reader(&w->r);
	world_close(w);
}

static int attach_writer(struct world *w)
{
	return slip_broadcast_attach_writer(&w->w, w->mem, w->bytes, &w->self);
}

static int attach_reader(struct world *w)
{
	return slip_broadcast_attach_reader(&w->r, w->mem, w->bytes, &w->self,
					    SLIP_BROADCAST_OLDEST);
}

static bool write_to(struct world *w, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (slip_broadcast_write(&w->w, &i, 8))
			return false;
	return true;
}

static bool reads(struct world *w, uint64_t value)
{
	uint64_t x = ~value;
	uint32_t len = 0;

	return slip_broadcast_read(&w->r, &x, 8, &len) == 0 && len == 8 &&
	       x == value;
}

static int read_until(struct world *w, uint64_t *x)
{
	uint32_t len;

	return slip_broadcast_read_until(&w->r, x, 8, &len, SLIP_FOREVER);
}

static bool look_only(struct world *w, const struct world *parent)
{
	if (!map_again(w, parent, SLIP_REGION_READONLY))
		return false;
	slip_peer_prepare(&w->self, &w->rg);
	return slip_broadcast_attach_readonly(&w->r, w->mem, w->bytes, &w->self,
					      SLIP_BROADCAST_OLDEST) == 0;
}

/* --- deaths of writers --------------------------------------------------------- */

/* All of a record but for the tail. */
static int writes_half_and_freezes(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 3));
	EXPECT(3, slip_broadcast_claim_(&w->w, w->w.tail + 4, false) == 0);
	slip_broadcast_store_record_(&w->w, (const unsigned char *)"halfway, a",
				     10);
	freeze(w);
	return 0;
}

Test(broadcast_crash, killed_before_it_published_the_element_never_was)
{
	struct world *w = begin(256, 0, 1, 0);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, writes_half_and_freezes);
	await(w, pid, 1);
	for (uint64_t i = 1; i <= 3; i++)
		cr_assert(reads(w, i), "beside one that writes");
	cr_assert_eq(attach_writer(w), -EBUSY, "it lives");
	kill_and_wait(pid);
	cr_assert_eq(read_until(w, &x), -EPIPE, "nothing will come");
	cr_assert_eq(slip_broadcast_writer_state(&w->r, 0), SLIP_ROLE_DEAD);
	cr_assert_eq(attach_writer(w), 0, "successor");
	cr_assert(write_to(w, 4, 4), "goes on");
	cr_assert(reads(w, 4), "next");
	cr_assert_eq(slip_broadcast_number(&w->r), 4, "no number was lost");
	cr_assert_eq(slip_broadcast_lost(&w->r), 0, "nothing lost");
	end(w);
}

static int writes_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_writer(w) == 0);
	EXPECT(2, write_to(w, 1, 2));
	reach(w, 1);
	await_sleeper(&w->w.ring->ev_data);
	kill(getpid(), SIGKILL);
	return 3;
}

Test(broadcast_crash, a_sleeping_reader_hears_of_the_death)
{
	struct world *w = begin(8, 8, 1, 0);
	uint64_t x = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, writes_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert(reads(w, 1), "first");
	cr_assert_eq(read_until(w, &x), 0, "second");
	cr_assert_eq(read_until(w, &x), -EPIPE, "dead");
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

Test(broadcast_crash, a_stopped_or_dead_writer_holds_no_other_lane_up)
{
	struct world *w = begin(8, 8, 2, 0);
	uint64_t x = 0;
	int status = 0;
	pid_t pid;

	cr_assert_eq(attach_reader(w), 0, "reader");
	pid = spawn(w, writes_and_freezes);
	await(w, pid, 1);
	cr_assert_eq(attach_writer(w), 0, "the other lane");
	cr_assert_eq(slip_broadcast_writer_lane(&w->w), 1);
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid, "waitpid");
	cr_assert(write_to(w, 1, 3), "goes on");
	for (uint64_t i = 1; i <= 3; i++)
		cr_assert(reads(w, i) && reads(w, i), "both");
	slip_broadcast_detach_writer(&w->w);
	cr_assert_eq(slip_broadcast_wait_until(&w->r, slip_after_ns(20000000)),
		     -ETIMEDOUT, "one lives, if stopped");
	kill_and_wait(pid);
	cr_assert_eq(read_until(w, &x), -EPIPE, "all gone");
	cr_assert_eq(attach_writer(w), 0, "successor");
	cr_assert_eq(slip_broadcast_writer_lane(&w->w), 0, "in its lane");
	cr_assert(write_to(w, 4, 4) && reads(w, 4), "goes on");
	end(w);
}

static int reads_to_the_end(struct world *w)
{
	uint64_t x = 0;

	EXPECT(1, slip_broadcast_wait_writer_until(&w->r, SLIP_FOREVER) == 0);
	reach(w, 1);
	for (uint64_t i = 1; i <= 3; i++)
		EXPECT(2, read_until(w, &x) == 0 && x == i);
	reach(w, 2);
	EXPECT(3, read_until(w, &x) == -EPIPE);
	return 0;
}

Test(broadcast_crash, a_reader_that_may_not_write_hears_all)
{
	struct world *w = begin(8, 8, 1, 1);
	pid_t writer, reader;
	uint64_t role;

	reader = spawn_as(w, look_only, reads_to_the_end);
	writer = spawn(w, writes_and_freezes);
	await(w, reader, 2);
	cr_assert_eq(attach_reader(w), 0, "reader");
	/* stat */
	role = slip_a64_load_relaxed(w->r.side.theirs);
	kill_and_wait(writer);
	expect_exit(reader);
	/* stat: it could not write down what it heard */
	cr_assert_eq(slip_a64_load_relaxed(w->r.side.theirs), role, "role");
	end(w);
}

/* --- readers in seats ------------------------------------------------------------- */

static int sits_and_freezes(struct world *w)
{
	EXPECT(1, attach_reader(w) == 0);
	freeze(w);
	return 0;
}

Test(broadcast_crash, a_dead_reader_holds_back_until_a_write_asks)
{
	struct world *w = begin(8, 8, 1, 2);
	int status = 0;
	pid_t pid;

	cr_assert_eq(attach_writer(w), 0, "writer");
	pid = spawn(w, sits_and_freezes);
	await(w, pid, 1);
	cr_assert(write_to(w, 1, 8), "as much as fits");
	cr_assert(!write_to(w, 9, 9), "it lives");
	kill(pid, SIGSTOP);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid, "waitpid");
	cr_assert(!write_to(w, 9, 9), "it lives, if stopped");
	kill_and_wait(pid);
	cr_assert(write_to(w, 9, 100), "at once");
	end(w);
}

static int sits_and_dies_when_awaited(struct world *w)
{
	EXPECT(1, attach_reader(w) == 0);
	reach(w, 1);
	await_sleeper(&w->r.ring->ev_space);
	kill(getpid(), SIGKILL);
	return 2;
}

Test(broadcast_crash, a_sleeping_writer_hears_of_the_death)
{
	struct world *w = begin(8, 8, 1, 1);
	uint64_t x = 9;
	pid_t pid;

	cr_assert_eq(attach_writer(w), 0, "writer");
	pid = spawn(w, sits_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert(write_to(w, 1, 8), "as much as fits");
	cr_assert_eq(slip_broadcast_write_until(&w->w, &x, 8, SLIP_FOREVER), 0);
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert_eq(attach_reader(w), 0, "its seat is free");
	end(w);
}

Test(broadcast_crash, a_writer_in_a_waitset_hears_of_the_death)
{
	struct world *w = begin(8, 8, 1, 1);
	struct slip_source in;
	struct slip_waitset set;
	pid_t pid;

	cr_assert_eq(attach_writer(w), 0, "writer");
	pid = spawn(w, sits_and_dies_when_awaited);
	await(w, pid, 1);
	cr_assert(write_to(w, 1, 8), "as much as fits");
	slip_broadcast_write_source(&in, &w->w, 8);
	cr_assert_eq(slip_waitset_init(&set, &in, 1), 0);
	cr_assert_eq(slip_waitset_wait(&set, SLIP_FOREVER), 1);
	cr_assert_eq(in.now, 1, "room");
	cr_assert_eq(end_of(pid), SIGKILL, "killed");
	cr_assert(write_to(w, 9, 9), "as it said");
	end(w);
}

Test(broadcast_crash, a_deadline_in_the_past_does_not_hide_a_death)
{
	struct world *w = begin(8, 8, 1, 1);
	uint64_t x = 9;
	pid_t pid;

	cr_assert_eq(attach_writer(w), 0, "writer");
	pid = spawn(w, sits_and_freezes);
	await(w, pid, 1);
	cr_assert(write_to(w, 1, 8), "as much as fits");
	cr_assert_eq(slip_broadcast_write_until(&w->w, &x, 8, 0), -ETIMEDOUT);
	kill_and_wait(pid);
	cr_assert_eq(slip_broadcast_write_until(&w->w, &x, 8, 0), 0);
	end(w);
}

/* As it looks if it dies between the two stores of its coming. */
static int comes_half_way_and_freezes(struct world *w)
{
	EXPECT(1, attach_reader(w) == 0);
	slip_a64_store_release(&w->r.seat->cursor, SLIP_BROADCAST_COMING);
	freeze(w);
	return 0;
}

Test(broadcast_crash, one_that_died_as_it_came_is_put_away)
{
	struct world *w = begin(8, 8, 1, 1);
	pid_t pid;

	cr_assert_eq(attach_writer(w), 0, "writer");
	cr_assert(write_to(w, 1, 8), "before");
	pid = spawn(w, comes_half_way_and_freezes);
	await(w, pid, 1);
	cr_assert(!write_to(w, 9, 20), "it lives");
	kill_and_wait(pid);
	cr_assert(write_to(w, 9, 100), "at once");
	end(w);
}

Test(broadcast_crash, who_recovers_tells_of_all_deaths)
{
	struct world *w = begin(8, 8, 1, 2);
	struct slip_broadcast_seat_info seat = { 0 };
	pid_t writer, reader;

	writer = spawn(w, writes_and_freezes);
	await(w, writer, 1);
	reader = spawn(w, sits_and_freezes);
	await(w, reader, 1);
	cr_assert_eq(slip_broadcast_attach_readonly(&w->r, w->mem, w->bytes,
						    NULL, true),
		     0);
	cr_assert_eq(slip_peer_hook(&w->self, SLIP_KIND_BROADCAST,
				    slip_broadcast_recover_),
		     0);
	kill_and_wait(writer);
	kill_and_wait(reader);
	for (int n = 0; n < 2;)
		n += slip_peer_recover(&w->self); /* /proc may keep one */
	cr_assert_eq(slip_broadcast_writer_state(&w->r, 0), SLIP_ROLE_DEAD);
	cr_assert_eq(slip_broadcast_inspect_seat(w->mem, w->bytes, 0, &seat),
		     0);
	cr_assert_eq(seat.reader & 15, (uint64_t)SLIP_ROLE_DEAD);
	end(w);
}

/* --- fork ------------------------------------------------------------------------- */

/* In a fork child, with what it inherited. */
static int tries_what_is_its_parents(struct world *w)
{
	static struct world mine;
	uint64_t x = 0;

	EXPECT(1, read_until(w, &x) == -ECHILD);
	EXPECT(2, slip_broadcast_wait_until(&w->r, 0) == -ECHILD);
	EXPECT(3, slip_broadcast_wait_writer_until(&w->r, 0) == -ECHILD);
	EXPECT(4, slip_broadcast_write_until(&w->w, &x, 8, 0) == -ECHILD);
	/* The memory is not here; that is told before it is looked at. */
	EXPECT(5, slip_broadcast_attach_writer(&mine.w, w->mem, w->bytes,
					       &w->self) == -ECHILD);
	EXPECT(6, map_again(&mine, w, 0));
	EXPECT(7, slip_broadcast_attach_writer(&mine.w, mine.mem, mine.bytes,
					       NULL) == -EBUSY);
	return 0;
}

static int only_detaches(struct world *w)
{
	slip_broadcast_detach_writer(&w->w);
	slip_broadcast_detach_reader(&w->r);
	slip_peer_leave(&w->self);
	return 0;
}

Test(broadcast_crash, a_fork_child_can_neither_use_nor_end_its_parents_role)
{
	int (*bodies[])(struct world *) = { tries_what_is_its_parents,
					    only_detaches };
	struct world *w = begin(8, 8, 1, 1);

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
	cr_assert_eq(slip_broadcast_writer_state(&w->r, 0), SLIP_ROLE_HELD);
	cr_assert(write_to(w, 1, 8), "write");
	cr_assert(!write_to(w, 9, 9), "it has its seat");
	cr_assert(reads(w, 1), "read");
	end(w);
}

Test(broadcast_crash, one_that_has_left_its_region_does_not_attach)
{
	struct world *w = begin(8, 8, 1, 1);

	slip_peer_leave(&w->self);
	cr_assert_eq(attach_writer(w), -EINVAL, "writer");
	cr_assert_eq(attach_reader(w), -EINVAL, "reader");
	cr_assert_eq(slip_broadcast_attach_readonly(&w->r, w->mem, w->bytes,
						    &w->self, true),
		     0, "read-only needs no member");
	end(w);
}

/* What is not a ring, or was never made, keeps no id from being reused. */
Test(broadcast_crash, the_hook_asks_nothing_of_damaged_memory)
{
	static unsigned char none[4096] SLIP_ALIGNED(64);

	cr_assert_eq(slip_broadcast_recover_(NULL, none, sizeof(none), 1, 1),
		     0);
}
