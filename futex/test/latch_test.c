/* SPDX-License-Identifier: MIT */
/* futex/latch.h: arrivals, waiters with and without a seat, deaths. */
#define _GNU_SOURCE
#include "futex/latch.h"

#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define BYTES 4096

static struct slip_latch attach(void *mem, struct slip_peer *self)
{
	struct slip_latch l;

	cr_assert_eq(slip_latch_attach(&l, mem, BYTES, self), 0);
	return l;
}

static struct slip_latch member(void *mem, struct slip_peer *self)
{
	struct slip_latch l = attach(mem, self);

	cr_assert_eq(slip_latch_join(&l), 0);
	return l;
}

static void *make(uint32_t count)
{
	void *mem = shared_page();

	cr_assert_eq(slip_latch_init(mem, BYTES, count), 0);
	return mem;
}

Test(latch, what_is_made_is_what_attach_takes)
{
	char *mem = (char *)shared_page();
	struct slip_latch l;

	cr_assert_eq(slip_latch_bytes(2), 48);
	cr_assert_eq(slip_latch_attach(&l, mem, BYTES, NULL), -EBADMSG);
	cr_assert_eq(slip_latch_init(mem, 48, 0), -EINVAL);
	cr_assert_eq(slip_latch_init(mem, 47, 2), -EOVERFLOW);
	cr_assert_eq(slip_latch_init(mem, 48, 2), 0);
	cr_assert_eq(slip_latch_attach(&l, mem, 47, NULL), -EBADMSG);
	cr_assert_eq(slip_latch_attach(&l, mem, 48, NULL), 0);
}

Test(latch, it_opens_when_all_have_arrived_and_stays_open)
{
	void *mem = make(2);
	struct slip_latch w = attach(mem, NULL);
	struct slip_latch a = member(mem, NULL);
	struct slip_latch b = member(mem, NULL);

	cr_assert_eq(slip_latch_join(&a), -EBUSY);
	cr_assert_eq(slip_latch_join(&w), -EUSERS);
	cr_assert_eq(slip_latch_arrive(&w), -EPERM, "no seat");
	cr_assert_eq(slip_latch_try(&w), -EAGAIN);
	cr_assert_eq(slip_latch_arrive(&a), 0);
	cr_assert_eq(slip_latch_arrive(&a), -EPERM, "once");
	cr_assert_eq(slip_latch_try(&w), -EAGAIN);
	cr_assert_eq(slip_latch_try(&a), -EAGAIN);
	cr_assert_eq(slip_latch_arrive(&b), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(slip_latch_try(&w), 0);
		cr_assert_eq(slip_latch_wait(&w), 0);
		cr_assert_eq(slip_latch_wait(&a), 0);
		cr_assert_eq(slip_latch_wait_until(&b, 1), 0);
	}
}

Test(latch, a_deadline_is_kept)
{
	struct slip_latch w = attach(make(1), NULL);
	uint64_t until = slip_after_ns(20 * MS);

	cr_assert_eq(KERNEL(slip_latch_wait_until(&w, until)), -ETIMEDOUT);
	cr_assert(slip_now_ns() >= until, "not early");
}

static pid_t waiter(void *mem)
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct slip_latch l;

		_exit(slip_latch_attach(&l, mem, BYTES, NULL)
			      ? 99
			      : slip_latch_wait(&l));
	}
	until_asleep(child);
	return child;
}

Test(latch, the_last_one_wakes_all_who_wait_in_other_processes)
{
	void *mem = make(2);
	struct slip_latch a = member(mem, NULL);
	struct slip_latch b = member(mem, NULL);
	pid_t child[2] = { waiter(mem), waiter(mem) };

	cr_assert_eq(slip_latch_arrive(&a), 0);
	cr_assert_eq(slip_latch_arrive(&b), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(sleeper_wait(child[i]), 0);
}

/* In the region, for members. */
static void *find(const struct slip_region *rg)
{
	size_t bytes;

	return slip_region_find(rg, "words", PEERS_KIND, &bytes);
}

static int join_and_stay(struct slip_peer *self)
{
	struct slip_latch l;

	if (slip_latch_attach(&l, find(self->rg), BYTES, self) ||
	    slip_latch_join(&l))
		return 91;
	actor_stay();
	return 0;
}

static int join_and_arrive(struct slip_peer *self)
{
	struct slip_latch l;

	if (slip_latch_attach(&l, find(self->rg), BYTES, self) ||
	    slip_latch_join(&l) || slip_latch_arrive(&l))
		return 91;
	actor_stay();
	return 0;
}

Test(latch, the_dead_are_counted_out_and_told_of_to_all)
{
	struct slip_peer self;
	struct slip_latch l, other;
	struct member gone, there;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_latch_init(find(&peers_rg), BYTES, 2), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	l = attach(find(&peers_rg), &self);
	other = attach(find(&peers_rg), NULL);
	cr_assert(peers_start(&gone, join_and_stay));
	cr_assert(peers_start(&there, join_and_arrive));
	cr_assert_eq(actor_kill(&there.actor), -SIGKILL);
	cr_assert(peers_gone(there.id, there.gen));
	cr_assert_eq(slip_latch_try(&l), -EAGAIN, "one is still at it");
	cr_assert_eq(actor_kill(&gone.actor), -SIGKILL);
	cr_assert_eq(slip_latch_wait(&l), 1, "the other had arrived");
	cr_assert_eq(slip_latch_try(&l), 1, "the same to all");
	cr_assert_eq(slip_latch_wait(&other), 1);
	slip_peer_leave(&self);
}

static int wait_for_it(struct slip_peer *self)
{
	struct slip_latch l;

	if (slip_latch_attach(&l, find(self->rg), BYTES, self))
		return 91;
	actor_ready();
	return 50 + slip_latch_wait(&l);
}

Test(latch, a_death_is_told_to_who_sleeps)
{
	struct member gone, sleeper;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_latch_init(find(&peers_rg), BYTES, 1), 0);
	cr_assert(peers_start(&gone, join_and_stay));
	cr_assert(peers_start(&sleeper, wait_for_it));
	until_asleep(sleeper.actor.pid);
	cr_assert_eq(actor_kill(&gone.actor), -SIGKILL);
	cr_assert_eq(actor_wait(&sleeper.actor), 51);
}

Test(latch, who_left_the_region_is_lost_and_its_seat_is_not_replaced)
{
	struct slip_peer self, other;
	struct slip_latch a, b;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_latch_init(find(&peers_rg), BYTES, 1), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	a = attach(find(&peers_rg), &self);
	b = member(find(&peers_rg), &other);
	slip_peer_leave(&other);
	cr_assert_eq(slip_latch_wait(&a), 1, "lost");
	cr_assert_eq(slip_latch_join(&a), -EUSERS);
	cr_assert_eq(slip_latch_arrive(&b), -EINVAL, "too late");
	cr_assert_eq(slip_latch_wait(&b), -EINVAL);
	slip_peer_leave(&self);
}

Test(latch, a_copy_in_a_fork_child_is_refused)
{
	struct slip_peer self;
	struct slip_latch l;
	pid_t child;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_latch_init(find(&peers_rg), BYTES, 1), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	l = member(find(&peers_rg), &self);
	child = fork();
	if (child == 0)
		_exit(slip_latch_arrive(&l) != -ECHILD ||
		      slip_latch_wait(&l) != -ECHILD ||
		      slip_latch_try(&l) != -ECHILD);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(slip_latch_arrive(&l), 0, "still ours");
	cr_assert_eq(slip_latch_wait(&l), 0);
	slip_peer_leave(&self);
}
