/* SPDX-License-Identifier: MIT */
/*
 * ring/role.h: waiting where the kernel refuses, or where the partner comes or
 * goes between two looks; and roles that are fought over.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK side_test_sys
#include "../mpmc.h"
#include "../spsc.h"

#include <errno.h>
#include <string.h>

#include "../../atomics/test/check.h"

/* What happens before a system call of that number; -errno: in its place. */
static long watched = -1;
static long (*meanwhile)(void);
static unsigned questions; /* to the oracle */

long side_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = nr == watched ? meanwhile() : 0;

	questions += nr == SYS_fcntl;
	return r ? r : slip_sys_raw_(nr, a, b, c, d, e, f);
}

static void before(long nr, long (*what)(void))
{
	watched = nr;
	meanwhile = what;
}

static unsigned char memory[4096] SLIP_ALIGNED(SLIP_APART_BYTES);
static struct slip_spsc_producer producer;
static struct slip_spsc_consumer consumer;

static void set_up(void)
{
	cr_assert_eq(slip_spsc_init(memory, sizeof(memory), 4, 8, 0), 0);
}

static int attach_producer(struct slip_peer *self)
{
	return slip_spsc_attach_producer(&producer, memory, sizeof(memory),
					 self);
}

static int attach_consumer(struct slip_peer *self)
{
	return slip_spsc_attach_consumer(&consumer, memory, sizeof(memory),
					 self);
}

static void attach_both(void)
{
	set_up();
	cr_assert_eq(attach_producer(NULL), 0);
	cr_assert_eq(attach_consumer(NULL), 0);
}

static long refuse_by_efault(void)
{
	return -EFAULT;
}

Test(side, memory_that_is_gone_ends_a_wait)
{
	uint64_t x;

	attach_both();
	before(SYS_futex, refuse_by_efault);
	cr_assert_eq(slip_spsc_pop_until(&consumer, &x, SLIP_FOREVER), -EFAULT);
}

static long refuse_by_eperm(void)
{
	return -EPERM;
}

Test(side, a_membarrier_refused_by_now_is_told_before_anybody_sleeps)
{
	uint64_t x;

	set_up();
	cr_assert_eq(attach_consumer(NULL), 0);
	if (consumer.side.mode != SLIP_EVENT_ASYM)
		cr_skip("no membarrier here");
	before(SYS_membarrier, refuse_by_eperm);
	cr_assert_eq(slip_spsc_pop_until(&consumer, &x, SLIP_FOREVER), -EPERM);
	cr_assert_eq(slip_spsc_wait_producer_until(&consumer, SLIP_FOREVER),
		     -EPERM);
	cr_assert_eq(attach_producer(NULL), -EPERM, "nor can one join");
	cr_assert_eq(
		slip_spsc_init(memory, sizeof(memory), 4, 8, SLIP_EVENT_ASYM),
		-EPERM, "or begin");
}

static long partner_comes(void)
{
	before(-1, NULL);
	cr_assert_eq(attach_producer(NULL), 0);
	before(SYS_futex, refuse_by_efault);
	return 0;
}

Test(side, a_partner_that_comes_while_one_lies_down_is_seen)
{
	set_up();
	cr_assert_eq(attach_consumer(NULL), 0);
	if (consumer.side.mode != SLIP_EVENT_ASYM)
		cr_skip("no membarrier here");
	before(SYS_membarrier, partner_comes);
	cr_assert_eq(slip_spsc_wait_producer_until(&consumer, SLIP_FOREVER), 0,
		     "without sleeping");
}

Test(side, a_wait_for_a_consumer_keeps_its_deadline)
{
	uint64_t until;

	set_up();
	cr_assert_eq(attach_producer(NULL), 0);
	cr_assert_eq(slip_spsc_wait_consumer_until(&producer, 0), -ETIMEDOUT);
	until = slip_after_ns(2000000);
	cr_assert_eq(slip_spsc_wait_consumer_until(&producer, until),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), until);
	cr_assert_eq(attach_consumer(NULL), 0);
	cr_assert_eq(slip_spsc_wait_consumer_until(&producer, SLIP_FOREVER), 0);
}

/* "Not yet"; and then, unseen, the last element and the end of file. */
static int ready_too_early(void *handle)
{
	uint64_t x = 7;

	if (producer.error)
		return slip_spsc_has_data_(handle);
	cr_assert(slip_spsc_push(&producer, &x));
	slip_spsc_close(&producer);
	return 0;
}

Test(side, the_last_element_of_one_that_has_just_left_comes_before_epipe)
{
	uint64_t x = 0;

	attach_both();
	cr_assert_eq(
		slip_side_wait_(&consumer.side, ready_too_early, &consumer, 0),
		0, "though the deadline is over, and the producer gone");
	cr_assert(slip_spsc_pop(&consumer, &x));
	cr_assert_eq(x, 7u);
	cr_assert_eq(slip_spsc_pop_until(&consumer, &x, SLIP_FOREVER), -EPIPE);
}

/* The time is up, but just before that ... */
static long an_element_comes_untold(void)
{
	uint64_t x = 7;

	before(-1, NULL);
	cr_assert(slip_spsc_push(&producer, &x));
	return -ETIMEDOUT;
}

Test(side, what_came_with_the_deadline_is_taken)
{
	uint64_t x = 0;

	attach_both();
	consumer.side.spin.skip = UINT32_MAX; /* sleep at once */
	before(SYS_futex, an_element_comes_untold);
	cr_assert_eq(
		slip_spsc_pop_until(&consumer, &x, slip_after_ns(1000000000)),
		0);
	cr_assert_eq(x, 7u);
}

static long a_partner_comes_untold(void)
{
	before(-1, NULL);
	cr_assert_eq(attach_producer(NULL), 0);
	return -ETIMEDOUT;
}

Test(side, a_partner_that_came_with_the_deadline_is_met)
{
	set_up();
	cr_assert_eq(attach_consumer(NULL), 0);
	before(SYS_futex, a_partner_comes_untold);
	cr_assert_eq(slip_spsc_wait_producer_until(&consumer,
						   slip_after_ns(1000000000)),
		     0);
}

static int looks;
static int ready_at;

/* Says yes at the look with that number. */
static int ready_later(void *handle)
{
	(void)handle;
	return ++looks >= ready_at;
}

Test(side, what_comes_while_one_spins_ends_the_wait)
{
	attach_both();
	before(SYS_membarrier, refuse_by_eperm);
	ready_at = 3;
	cr_assert_eq(slip_side_wait_(&consumer.side, ready_later, NULL,
				     SLIP_FOREVER),
		     0);
	cr_assert_eq(looks, 3);
}

Test(side, what_comes_before_the_last_look_lets_nobody_sleep)
{
	attach_both();
	consumer.side.spin.skip = 1;
	before(SYS_futex, refuse_by_efault);
	ready_at = 2;
	cr_assert_eq(slip_side_wait_(&consumer.side, ready_later, NULL,
				     SLIP_FOREVER),
		     0);
	cr_assert_eq(looks, 3, "before, before sleeping, after it");
}

Test(side, one_whose_role_was_taken_away_wakes_nobody_in_leaving)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);

	attach_both();
	slip_a64_store_relaxed(&ring->ends.producer_role,
			       slip_role_held_(5, 7));
	before(SYS_futex, refuse_by_efault);
	slip_spsc_detach_producer(&producer);
	cr_assert_eq(slip_a64_load_relaxed(&ring->ends.producer_role),
		     slip_role_held_(5, 7), "the successor's");
	cr_assert_eq(slip_a32_load_relaxed(&ring->ends.ev_data.word), 0u,
		     "no epoch: no wake_op");
}

/* --- sides of many --------------------------------------------------------- */

static struct slip_mpmc many[3];

static void set_up_many(unsigned flags)
{
	static const unsigned roles[] = { 1, 1, 2 };

	cr_assert_eq(slip_mpmc_init(memory, sizeof(memory), 2, 8,
				    flags | SLIP_MPMC_SEATS(4)),
		     0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(slip_mpmc_attach(&many[i], memory, sizeof(memory),
					      roles[i], NULL),
			     0);
	many[2].side.spin.skip = UINT32_MAX; /* sleep at once */
}

static long one_of_two_leaves(void)
{
	before(-1, NULL);
	slip_mpmc_detach(&many[0]);
	before(SYS_futex, refuse_by_efault);
	return 0;
}

Test(side, of_many_the_first_that_leaves_is_not_the_end)
{
	uint64_t x;

	set_up_many(SLIP_EVENT_FULL);
	before(SYS_futex, one_of_two_leaves);
	cr_assert_eq(slip_mpmc_pop_until(&many[2], &x, SLIP_FOREVER), -EFAULT,
		     "it lay down again");
}

static long both_leave_something(void)
{
	uint64_t x = 7;

	before(-1, NULL);
	cr_assert(slip_mpmc_push(&many[1], &x));
	slip_mpmc_detach(&many[0]);
	slip_mpmc_detach(&many[1]);
	return -ETIMEDOUT;
}

Test(side, of_many_the_last_element_comes_before_epipe)
{
	uint64_t x = 0;

	set_up_many(SLIP_EVENT_FULL);
	before(SYS_futex, both_leave_something);
	cr_assert_eq(slip_mpmc_pop_until(&many[2], &x, SLIP_FOREVER), 0);
	cr_assert_eq(x, 7u);
	cr_assert_eq(slip_mpmc_pop_until(&many[2], &x, SLIP_FOREVER), -EPIPE);
}

static struct slip_mpmc_ticket late;

/* All of an ack but the telling. */
static long room_comes_untold(void)
{
	before(-1, NULL);
	slip_mpmc_let_go_(&many[2], &late);
	return 0;
}

/* Without peers nobody dies, but others may be late. */
Test(side, who_waits_among_many_finds_room_that_nobody_told_of)
{
	uint64_t x = 7;

	set_up_many(SLIP_EVENT_FULL);
	cr_assert(slip_mpmc_push(&many[1], &x));
	cr_assert(slip_mpmc_push(&many[1], &x));
	cr_assert(slip_mpmc_take(&many[2], &late));
	many[0].side.spin.skip = UINT32_MAX; /* sleep at once */
	before(SYS_futex, room_comes_untold);
	cr_assert_eq(slip_mpmc_push_until(&many[0], &x, SLIP_FOREVER), 0);
}

/* "Not yet"; and then, unseen, the last element and the end of file. */
static int ready_too_early_of_many(void *wait)
{
	uint64_t x = 7;

	if (!many[0].error) {
		cr_assert(slip_mpmc_push(&many[1], &x));
		slip_mpmc_detach(&many[0]);
		slip_mpmc_detach(&many[1]);
		return 0;
	}
	return slip_mpmc_try_pop_(wait);
}

Test(side, of_many_the_last_element_of_the_last_that_left_is_popped)
{
	uint64_t x = 0;
	struct slip_mpmc_wait_ wait = { &many[2], NULL, &x, NULL, false };

	set_up_many(SLIP_EVENT_FULL);
	cr_assert_eq(slip_side_wait_(slip_mpmc_side_(&many[2], SLIP_CONSUMER),
				     ready_too_early_of_many, &wait, 0),
		     0, "though the deadline is over, and they are gone");
	cr_assert_eq(x, 7u);
}

static long an_element_comes_and_one_leaves(void)
{
	uint64_t x = 7;

	before(-1, NULL);
	cr_assert(slip_mpmc_push(&many[1], &x));
	slip_mpmc_detach(&many[1]);
	return 0;
}

Test(side, what_comes_while_one_lies_down_is_popped_once)
{
	uint64_t x = 0;

	set_up_many(0);
	if (many[2].side.mode != SLIP_EVENT_ASYM)
		cr_skip("no membarrier here");
	before(SYS_membarrier, an_element_comes_and_one_leaves);
	cr_assert_eq(slip_mpmc_pop_until(&many[2], &x, SLIP_FOREVER), 0);
	cr_assert_eq(x, 7u);
	before(SYS_membarrier, refuse_by_eperm);
	cr_assert_eq(slip_mpmc_pop_until(&many[2], &x, SLIP_FOREVER), -EPERM);
	cr_assert_eq(
		slip_mpmc_attach(&many[1], memory, sizeof(memory), 1, NULL),
		-EPERM, "nor can one join");
	cr_assert_eq(slip_mpmc_count_guess(&many[1]), 0u, "closed");
}

static struct slip_region region;
static struct slip_peer member;

static void join(void)
{
	cr_assert_eq(slip_region_create(&region, 4096, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_publish(&region, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&member, &region), 0);
}

static unsigned wakes, asked_by_then;

/* A hundred times at once, and then until a slice has gone by. */
static long wakes_in_vain(void)
{
	if (++wakes == 100)
		asked_by_then = questions;
	return wakes <= 100 || !questions ? -EAGAIN : -EFAULT;
}

Test(side, who_is_woken_in_vain_does_not_ask_about_all_each_time)
{
	uint64_t x = 0, from;

	join();
	set_up_many(SLIP_EVENT_FULL);
	slip_mpmc_detach(&many[0]);
	cr_assert_eq(slip_mpmc_attach(&many[0], memory, sizeof(memory),
				      SLIP_PRODUCER, &member),
		     0);
	while (slip_mpmc_push(&many[0], &x))
		x++;
	many[0].side.spin.skip = UINT32_MAX; /* sleep at once */
	before(SYS_futex, wakes_in_vain);
	questions = 0;
	from = slip_now_ns();
	cr_assert_eq(slip_mpmc_push_until(&many[0], &x, SLIP_FOREVER), -EFAULT);
	cr_assert_leq(asked_by_then, (slip_now_ns() - from) / SLIP_SLICE_NS * 8,
		      "%u of %u", asked_by_then, wakes);
	before(-1, NULL);
	slip_mpmc_detach(&many[0]);
	slip_peer_leave(&member);
	slip_region_close(&region);
}

Test(side, a_peer_that_has_left_takes_no_role)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);
	struct slip_side side = { 0 };

	set_up();
	join();
	slip_peer_leave(&member);
	cr_assert_eq(attach_producer(&member), -EINVAL);
	cr_assert_eq(attach_consumer(&member), -EINVAL);
	cr_assert_eq(slip_spsc_push_until(&producer, memory, 0), -EPIPE);
	slip_region_close(&region);
	cr_assert_eq(attach_producer(&member), -EINVAL);
	cr_assert_eq(slip_side_open_producer_(&side, &ring->ends, &member,
					      SLIP_EVENT_FULL),
		     -EINVAL);
	cr_assert_eq(slip_a64_load_relaxed(&ring->ends.producer_role), 0u);
}

static uint32_t names;

/* Whenever the oracle is asked, the role is of another who never lived. */
static long another_takes_it(void)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);

	slip_a64_store_relaxed(&ring->ends.producer_role,
			       slip_role_held_(5, ++names));
	return 0;
}

Test(role, one_that_changes_at_every_look_is_not_fought_for_long)
{
	set_up();
	join();
	(void)another_takes_it();
	before(SYS_fcntl, another_takes_it);
	cr_assert_eq(attach_producer(&member), -EBUSY);
	cr_assert_geq(names, 8u, "it was tried");
	before(-1, NULL);
	cr_assert_eq(attach_producer(&member), 0, "nobody meddles any more");
	slip_spsc_detach_producer(&producer);
	slip_peer_leave(&member);
	slip_region_close(&region);
}

Test(role, an_object_too_small_for_a_ring_is_clean_by_itself)
{
	const size_t bytes = SLIP_ENDS_AT + sizeof(struct slip_ends);
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);
	slip_a64 *role = &ring->ends.producer_role;

	slip_a64_store_relaxed(role, slip_role_held_(5, 7));
	cr_assert_eq(slip_ends_recover_(NULL, memory, bytes - 1, 5, 7), 0);
	cr_assert_eq(slip_a64_load_relaxed(role), slip_role_held_(5, 7));
	cr_assert_eq(slip_ends_recover_(NULL, memory, bytes, 5, 7), 0);
	cr_assert_eq(slip_a64_load_relaxed(role) & 15, SLIP_ROLE_DEAD);
}

Test(role, one_that_held_both_roles_is_buried_in_both)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);
	slip_a64 *roles[] = { &ring->ends.producer_role,
			      &ring->ends.consumer_role };

	for (int i = 0; i < 2; i++)
		slip_a64_store_relaxed(roles[i], slip_role_held_(5, 9));
	cr_assert_eq(slip_ends_recover_(NULL, memory, sizeof(memory), 5, 9), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(slip_a64_load_relaxed(roles[i]) & 15,
			     SLIP_ROLE_DEAD);
}
