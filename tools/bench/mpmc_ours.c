/* SPDX-License-Identifier: MIT */
/*
 * Our mpmc ring in the suite "mpmc": in shared roles by peers, which is all that
 * it promises; the same by handles without peers; and in exclusive roles.
 */
#include "tools/bench/mpmc_ours.h"

static int open_alone(struct mpmc_seat *s)
{
	return ours_attach(ours_roles(s), false);
}

/* Who is the only one in its role says so. */
static int open_exclusive(struct mpmc_seat *s)
{
	uint32_t many = s->producer ? s->shape->producers : s->shape->consumers;

	return ours_attach(ours_roles(s) | (many == 1 ? SLIP_EXCLUSIVE : 0),
			   true);
}

SLIP_CORE uint32_t push_n(struct mpmc_seat *s, const uint64_t *elems,
			  uint32_t n)
{
	(void)s;
	return r8_push_n(&side.q, elems, n);
}

SLIP_CORE uint32_t pop_n(struct mpmc_seat *s, uint64_t *elems, uint32_t n)
{
	(void)s;
	return r8_pop_n(&side.q, elems, n);
}

MPMC_LOOPS(many, push_n, pop_n, 8, MPMC_BATCH);

SLIP_CORE uint32_t push_56(struct mpmc_seat *s, const uint64_t *elem,
			   uint32_t n)
{
	const void *from = elem;

	(void)s;
	(void)n;
	return r56_push(&side.q, from);
}

SLIP_CORE uint32_t pop_56(struct mpmc_seat *s, uint64_t *elem, uint32_t n)
{
	void *to = elem;

	(void)s;
	(void)n;
	return r56_pop(&side.q, to);
}

MPMC_LOOPS(large, push_56, pop_56, 56, 1);

/* clang-format off */
#define OURS(opens)                                                          \
	{ .bytes = ours_bytes, .make = ours_make, .destroy = ours_destroy,   \
	  .open = opens, .close = ours_close, .single = MPMC_LOOPS_OF(one),  \
	  .batch = MPMC_LOOPS_OF(many), .wide = MPMC_LOOPS_OF(large) }
/* clang-format on */

const struct mpmc_queue mpmc_ours = OURS(ours_open);
const struct mpmc_queue mpmc_ours_alone = OURS(open_alone);
const struct mpmc_queue mpmc_ours_exclusive = OURS(open_exclusive);
