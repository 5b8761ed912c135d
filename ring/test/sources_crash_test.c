/* SPDX-License-Identifier: MIT */
/*
 * A set over rings whose producers are other processes, which push, stop, are
 * killed, or leave: what the one that waits is told.
 */
#define _GNU_SOURCE
#include "ring/sources.h"

#include "atomics/test/check.h"
#include "futex/test/peers.h"

#define BYTES 65536

static struct slip_region rg;
static struct slip_peer self;
static struct slip_spsc_consumer sc;
static struct slip_record_consumer rc;
static struct slip_mpmc mc;
static struct slip_source s[3];
static struct slip_waitset w;

static void *part(struct slip_region *region, const char *name)
{
	size_t bytes;

	return slip_region_find(region, name, PEERS_KIND, &bytes);
}

static void make(void)
{
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 3 * BYTES,
					   SLIP_REGION_PEERS(8)),
		     0);
	cr_assert_eq(
		slip_spsc_init(slip_region_add(&rg, "spsc", PEERS_KIND, BYTES),
			       BYTES, 8, 8, 0),
		0);
	cr_assert_eq(slip_record_init(
			     slip_region_add(&rg, "record", PEERS_KIND, BYTES),
			     BYTES, 256, 0),
		     0);
	cr_assert_eq(
		slip_mpmc_init(slip_region_add(&rg, "mpmc", PEERS_KIND, BYTES),
			       BYTES, 8, 8, SLIP_MPMC_SEATS(8)),
		0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(
		slip_spsc_attach_consumer(&sc, part(&rg, "spsc"), BYTES, &self),
		0);
	cr_assert_eq(slip_record_attach_consumer(&rc, part(&rg, "record"),
						 BYTES, &self),
		     0);
	cr_assert_eq(slip_mpmc_attach(&mc, part(&rg, "mpmc"), BYTES,
				      SLIP_CONSUMER, &self),
		     0);
	slip_spsc_pop_source(&s[0], &sc);
	slip_record_pop_source(&s[1], &rc);
	slip_mpmc_pop_source(&s[2], &mc);
	cr_assert_eq(slip_waitset_init(&w, s, 3), 0);
	w.spin.skip = UINT32_MAX;
}

/* In another process: the producer of ring `which`, who pushes one. */
static int produce(void *arg)
{
	static struct slip_region mine;
	static struct slip_peer me;
	static struct slip_spsc_producer sp;
	static struct slip_record_producer rp;
	static struct slip_mpmc mp;
	int which = *(int *)arg;
	uint64_t x = 5;
	int bad = slip_region_open(&mine, scratch_path("r"), 0) ||
		  slip_peer_join(&me, &mine);

	if (!bad && which == 0)
		bad = slip_spsc_attach_producer(&sp, part(&mine, "spsc"), BYTES,
						&me) ||
		      !slip_spsc_push(&sp, &x);
	if (!bad && which == 1)
		bad = slip_record_attach_producer(&rp, part(&mine, "record"),
						  BYTES, &me) ||
		      slip_record_push(&rp, &x, 8);
	if (!bad && which == 2)
		bad = slip_mpmc_attach(&mp, part(&mine, "mpmc"), BYTES,
				       SLIP_PRODUCER, &me) ||
		      !slip_mpmc_push(&mp, &x);
	if (bad)
		return 90;
	actor_stay();
	return 0;
}

static bool pop(int which)
{
	uint32_t len;
	uint64_t x = 0;

	if (which == 0)
		return slip_spsc_pop(&sc, &x) && x == 5;
	if (which == 1)
		return slip_record_pop(&rc, &x, 8, &len) == 0 && x == 5;
	return slip_mpmc_pop(&mc, &x) && x == 5;
}

static void told_of(int which, int now)
{
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(s[i].now, i == which ? now : 0);
}

static void dies(int which)
{
	struct actor a;

	make();
	cr_assert(actor_start(&a, produce, &which));
	told_of(which, 1);
	cr_assert(pop(which));
	/* Stopped for many slices: not dead. */
	cr_assert_eq(kill(a.pid, SIGSTOP), 0);
	cr_assert_eq(slip_waitset_wait(&w, slip_after_ns(5 * SLIP_SLICE_NS)),
		     -ETIMEDOUT);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	told_of(which, -EPIPE);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	scratch_clear();
}

Test(sources_crash, a_killed_spsc_producer_is_told)
{
	dies(0);
}

Test(sources_crash, a_killed_record_producer_is_told)
{
	dies(1);
}

Test(sources_crash, the_last_mpmc_producer_killed_is_told)
{
	dies(2);
}

/* --- a work queue ------------------------------------------------------------ */

static void make_work(void)
{
	void *mem;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), BYTES,
					   SLIP_REGION_PEERS(8)),
		     0);
	mem = slip_region_add(&rg, "work", PEERS_KIND, BYTES);
	cr_assert_eq(slip_mpmc_init(mem, BYTES, 8, 8,
				    SLIP_MPMC_WORK | SLIP_MPMC_SEATS(4)),
		     0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_mpmc_attach(&mc, mem, BYTES,
				      SLIP_PRODUCER | SLIP_CONSUMER, &self),
		     0);
	slip_mpmc_pop_source(&s[0], &mc);
	cr_assert(slip_mpmc_push(&mc, &(uint64_t){ 5 }));
}

/* In another process: a consumer that takes what there is; and, if `arg` says
 * so, is about to return it. */
static int take(void *arg)
{
	static struct slip_region mine;
	static struct slip_peer me;
	static struct slip_mpmc q;
	struct slip_mpmc_ticket t;

	if (slip_region_open(&mine, scratch_path("r"), 0) ||
	    slip_peer_join(&me, &mine) ||
	    slip_mpmc_attach(&q, part(&mine, "work"), BYTES, SLIP_CONSUMER,
			     &me) ||
	    !slip_mpmc_take(&q, &t))
		return 90;
	if (arg) {
		slip_a64_store_release(&q.seat->giving, q.who); /* init */
		slip_mpmc_returning_(&q);
	}
	actor_stay();
	return 0;
}

/* The second member dies; what it had is ready at the first look that asks,
 * though there is a producer. */
static void taker_dies(void *about_to_return)
{
	struct slip_mpmc_ticket t;
	struct actor a;

	make_work();
	cr_assert(actor_start(&a, take, about_to_return));
	cr_assert_not(slip_mpmc_take(&mc, &t), "another has it");
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	while (slip_peer_member_alive(&rg, 2, 1) != 0)
		sched_yield();
	cr_assert_eq(s[0].ready(&s[0], false), 0, "nobody asked");
	cr_assert_eq(s[0].ready(&s[0], true), 1);
	cr_assert_not_null(slip_mpmc_take(&mc, &t));
	cr_assert_eq(t.attempts, 2u);
	slip_mpmc_ack(&mc, &t);
	slip_mpmc_detach(&mc);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(sources_crash, what_a_dead_consumer_had_taken_is_ready_at_once)
{
	taker_dies(NULL);
}

Test(sources_crash, what_a_dead_consumer_was_about_to_return_is_ready_at_once)
{
	taker_dies(&self);
}

Test(sources_crash,
     a_full_ring_whose_consumers_are_all_dead_is_no_place_to_push)
{
	struct slip_peer other;
	struct slip_mpmc mp;

	make();
	slip_mpmc_detach(&mc);
	cr_assert_eq(slip_peer_join(&other, &rg), 0);
	cr_assert_eq(slip_mpmc_attach(&mc, part(&rg, "mpmc"), BYTES,
				      SLIP_CONSUMER, &other),
		     0);
	cr_assert_eq(slip_mpmc_attach(&mp, part(&rg, "mpmc"), BYTES,
				      SLIP_PRODUCER, &self),
		     0);
	for (uint64_t i = 0; i < 8; i++)
		cr_assert(slip_mpmc_push(&mp, &i));
	slip_mpmc_push_source(&s[0], &mp);
	cr_assert_eq(s[0].ready(&s[0], true), 0, "full");
	slip_peer_leave(&other);
	cr_assert_eq(s[0].ready(&s[0], false), 0, "nobody asked");
	cr_assert_eq(s[0].ready(&s[0], true), -EPIPE);
	slip_mpmc_detach(&mp);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

/* The rings lie in memory that a fork child does not have. */
static int in_child(void *arg)
{
	int bad = slip_waitset_wait(&w, SLIP_FOREVER) != 3;

	(void)arg;
	for (int i = 0; i < 3; i++)
		bad = bad || s[i].now != -ECHILD;
	return bad;
}

/* qemu-user ignores the advice that tells a region's handle of it. */
static int is_not_told(void *arg)
{
	(void)arg;
	return slip_region_check_(&rg) != -ECHILD;
}

Test(sources_crash, a_fork_child_is_told)
{
	make();
	if (actor_run(is_not_told, NULL))
		cr_skip("no MADV_WIPEONFORK here: an emulator?");
	cr_assert_eq(actor_run(in_child, NULL), 0);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}
