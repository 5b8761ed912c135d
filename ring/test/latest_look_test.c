/* SPDX-License-Identifier: MIT */
/*
 * ring/latest.h: who may only look, and asks about a writer that gives its role
 * away, and leaves the region, between the look at the role and the answer.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/region.h"
#include "ring/latest.h"

static struct slip_region rg, looked;
static struct slip_peer first, second, onlooker;
static struct slip_latest_writer w[2];
static struct slip_latest_reader r;
static void *mem;
static size_t bytes;
static bool successor;

static long gives_it_away(long nr, const long *arg)
{
	if (nr != SYS_fcntl || arg[1] != SLIP_OFD_GETLK_)
		return SCRIPT_PASS;
	script = NULL;
	slip_latest_detach_writer(&w[0]);
	if (successor)
		cr_assert_eq(
			slip_latest_attach_writer(&w[1], mem, bytes, &second),
			0);
	slip_peer_leave(&first);
	return SCRIPT_PASS;
}

static void begin(void)
{
	size_t found;
	void *at;

	bytes = slip_latest_bytes(4, 8);
	cr_assert_eq(slip_region_create(&rg, bytes, SLIP_REGION_MEMFD), 0);
	mem = slip_region_add(&rg, "v", SLIP_KIND_LATEST, bytes);
	cr_assert_eq(slip_latest_init(mem, bytes, 4, 8, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&first, &rg), 0);
	cr_assert_eq(slip_peer_join(&second, &rg), 0);
	cr_assert_eq(slip_latest_attach_writer(&w[0], mem, bytes, &first), 0);
	cr_assert_eq(slip_region_adopt(&looked, slip_region_fd(&rg),
				       SLIP_REGION_READONLY),
		     0);
	slip_peer_prepare(&onlooker, &looked);
	at = slip_region_find(&looked, "v", SLIP_KIND_LATEST, &found);
	cr_assert_eq(slip_latest_attach_readonly(&r, at, found, &onlooker), 0);
	cr_assert_eq(slip_latest_writer_state(&r), SLIP_ROLE_HELD);
}

static void end(void)
{
	slip_latest_detach_reader(&r);
	if (successor)
		slip_latest_detach_writer(&w[1]);
	slip_peer_leave(&second);
	slip_region_close(&looked);
	slip_region_close(&rg);
}

Test(latest_look, who_gave_its_role_back_and_left_has_not_died)
{
	successor = false;
	begin();
	script = gives_it_away;
	cr_assert_eq(slip_latest_writer_state(&r), SLIP_ROLE_CLOSED);
	end();
}

Test(latest_look, who_has_a_living_successor_is_not_the_end)
{
	successor = true;
	begin();
	script = gives_it_away;
	cr_assert_eq(slip_latest_writer_state(&r), SLIP_ROLE_HELD);
	cr_assert_eq(slip_latest_wait_until(&r, slip_after_ns(20000000)),
		     -ETIMEDOUT);
	end();
}
