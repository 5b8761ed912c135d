/* SPDX-License-Identifier: MIT */
/* Whether a holder is dead when the oracle cannot say. */
#include "../../atomics/test/check.h"
#include "../mpmc.h"
#include "../spsc.h"

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[4096];

Test(unknown, a_holder_whom_nobody_can_ask_about_counts_as_alive)
{
	static struct slip_region rg;
	struct slip_spsc_producer p, rival;
	struct slip_spsc_consumer c;
	struct slip_peer self, other;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_join(&other, &rg), 0);
	cr_assert_eq(slip_spsc_init(memory, sizeof(memory), 4, 8, 0), 0);
	cr_assert_eq(
		slip_spsc_attach_producer(&p, memory, sizeof(memory), &self),
		0);
	cr_assert_eq(
		slip_spsc_attach_consumer(&c, memory, sizeof(memory), &other),
		0);
	rg.file.fd = 1000; /* closed by the program */
	cr_assert_lt(slip_peer_member_alive(&rg, self.id, self.gen), 0);
	cr_assert_eq(slip_spsc_producer_state(&c), SLIP_ROLE_HELD);
	cr_assert_eq(slip_spsc_attach_producer(&rival, memory, sizeof(memory),
					       &other),
		     -EBUSY);
	rg.file.fd = -1;
	slip_spsc_detach_consumer(&c);
	slip_spsc_detach_producer(&p);
	slip_peer_leave(&other);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(unknown, nor_is_its_seat_given_away)
{
	static struct slip_region rg;
	struct slip_peer self, other;
	struct slip_mpmc p, c, rival;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_join(&other, &rg), 0);
	cr_assert_eq(slip_mpmc_init(memory, sizeof(memory), 4, 8,
				    SLIP_MPMC_SEATS(2)),
		     0);
	cr_assert_eq(slip_mpmc_attach(&p, memory, sizeof(memory),
				      SLIP_PRODUCER | SLIP_EXCLUSIVE, &self),
		     0);
	cr_assert_eq(slip_mpmc_attach(&c, memory, sizeof(memory), SLIP_CONSUMER,
				      &other),
		     0);
	rg.file.fd = 1000; /* closed by the program */
	cr_assert_lt(slip_peer_member_alive(&rg, self.id, self.gen), 0);
	cr_assert_not(slip_mpmc_gone(&c, SLIP_PRODUCER));
	cr_assert_eq(slip_mpmc_attach(&rival, memory, sizeof(memory),
				      SLIP_PRODUCER, &other),
		     -EUSERS, "no seat");
	slip_mpmc_detach(&c);
	cr_assert_eq(slip_mpmc_attach(&rival, memory, sizeof(memory),
				      SLIP_PRODUCER, &other),
		     -EBUSY, "not alone");
	rg.file.fd = -1;
	slip_mpmc_detach(&p);
	slip_peer_leave(&other);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(unknown, a_ring_of_a_header_alone_is_recovered_too)
{
	struct slip_ends *ends = (void *)(memory + SLIP_ENDS_AT);

	memset(memory, 0, sizeof(memory));
	/* init */
	slip_a64_store_relaxed(&ends->producer_role, slip_role_held_(1, 1));
	cr_assert_eq(slip_ends_recover_(NULL, memory, 383, 1, 1), 0);
	cr_assert_eq(slip_role_state_(&ends->producer_role, NULL),
		     SLIP_ROLE_HELD, "too small to be a ring");
	cr_assert_eq(slip_ends_recover_(NULL, memory, 384, 1, 1), 0);
	cr_assert_eq(slip_role_state_(&ends->producer_role, NULL),
		     SLIP_ROLE_DEAD);
}
