/* SPDX-License-Identifier: MIT */
/* ring/priority.h in memory that no orderly participant has written: it says so,
 * or is told full or empty; it never goes outside, and always comes back. What
 * the words of a level can do: mpmc_damage_test.c. */
#define _GNU_SOURCE
#include "priority_bench.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

Test(priority_damage, every_word_of_the_header_is_checked)
{
	struct slip_priority_ring *ring;
	struct slip_priority_info info;
	struct slip_priority q;
	struct bench b;

	setup(&b, 4, 4, 8, 0);
	ring = ring_of(&b);
	for (int i = 0; i < 10; i++) {
		slip_a32 *words[] = { &ring->mode,	 &ring->mode,
				      &ring->levels,	 &ring->levels,
				      &ring->capacity,	 &ring->elem_bytes,
				      &ring->elem_bytes, &ring->seats,
				      &ring->seats,	 &ring->ageing };
		static const uint32_t bad[] = {
			9, SLIP_EVENT_RMW, 0, 65, 3, 0, 65537, 0, 4095, 256
		};
		uint32_t was = slip_a32_load_relaxed(words[i]);

		slip_a32_store_relaxed(words[i], bad[i]);
		cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
			     -EBADMSG, "word %d", i);
		cr_assert_eq(slip_priority_inspect(b.mem, b.bytes, &info),
			     -EBADMSG, "word %d", i);
		cr_assert_eq(slip_priority_recover_(NULL, b.mem, b.bytes, 1, 1),
			     0, "keeps no id");
		slip_a32_store_relaxed(words[i], was);
	}
	slip_a32_store_relaxed(&ring->levels, 5);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EOVERFLOW, "larger than its memory");
	slip_a32_store_relaxed(&ring->levels, 4);
	slip_a32_store_relaxed(&ring->seats, 4094);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EOVERFLOW, "larger than its memory");
	slip_a32_store_relaxed(&ring->seats, BENCH_SEATS);
	slip_a32_store_relaxed(&ring->layout, SLIP_PRIORITY_LAYOUT + 1);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EPROTO);
	slip_a32_store_relaxed(&ring->layout, SLIP_PRIORITY_LAYOUT);
	slip_a64_store_relaxed(&ring->magic, SLIP_MPMC_MAGIC);
	cr_assert_eq(slip_priority_attach(&q, b.mem, b.bytes, 1, NULL),
		     -EBADMSG);
	cr_assert_eq(slip_priority_attach(&q, b.mem, sizeof(*ring), 1, NULL),
		     -EBADMSG, "in as many bytes as a header has");
	slip_a64_store_relaxed(&ring->magic, SLIP_PRIORITY_MAGIC);
	attach(&q, &b, SLIP_PRODUCER);
	slip_priority_detach(&q);
	teardown(&b);
}

Test(priority_damage, the_home_is_no_ring_to_attach_to)
{
	struct slip_mpmc q;
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	cr_assert_eq(slip_mpmc_attach(&q, &ring_of(&b)->home, b.bytes - 128, 1,
				      NULL),
		     -EBADMSG);
	cr_assert_eq(slip_mpmc_attach(&q, b.mem, b.bytes, 1, NULL), -EBADMSG);
	teardown(&b);
}

Test(priority_damage, the_geometry_is_read_once)
{
	struct bench b;

	setup(&b, 2, 4, 8, 0);
	slip_a32_store_relaxed(&ring_of(&b)->elem_bytes, 65536);
	slip_a32_store_relaxed(&ring_of(&b)->capacity, 1u << 31);
	slip_a32_store_relaxed(&ring_of(&b)->seats, 4094);
	slip_a32_store_relaxed(&ring_of(&b)->levels, 64);
	for (uint64_t i = 0; i < 4; i++)
		push(&b.p, 1, i);
	for (uint64_t i = 0; i < 4; i++)
		expect(&b.c, 1, i);
	cr_assert_not(slip_priority_push(&b.p, &b, 2));
	teardown(&b);
}

/* A level whose words cannot be poisons the handle, for all levels. */
Test(priority_damage, a_level_that_cannot_be_ends_the_handle)
{
	struct slip_priority q;
	struct bench b;
	uint64_t x = 1;
	uint32_t at;

	setup(&b, 3, 4, 8, SLIP_PRIORITY_AGEING(2));
	attach(&q, &b, SLIP_PRODUCER | SLIP_CONSUMER);
	slip_a64_store_relaxed(&slip_mpmc_level_(&q.q, 1)->tail, SLIP_MPMC_ONE);
	cr_assert_not(slip_priority_push(&q, &x, 1));
	cr_assert_eq(slip_priority_push_until(&q, &x, 0, SLIP_FOREVER),
		     -EBADMSG);
	cr_assert_eq(slip_priority_pop_until(&q, &x, &at, SLIP_FOREVER),
		     -EBADMSG);
	cr_assert_eq(
		slip_priority_pop_highest_until(&q, 1, &x, &at, SLIP_FOREVER),
		-EBADMSG);
	cr_assert_not(slip_priority_push(&q, &x, 0));
	cr_assert_not(slip_priority_pop(&q, &x, &at));
	cr_assert_eq(slip_priority_count_guess(&q, SLIP_PRIORITY_ALL), 0u);
	slip_priority_detach(&q);
	teardown(&b);
}

/* Such as mpmc.h has, and no ring with levels. */
Test(priority_damage, nobody_is_alone_in_a_role)
{
	struct slip_priority q;
	struct bench b;
	slip_a64 *word;

	setup(&b, 2, 4, 8, 0);
	word = &b.c.q.seat->word;
	slip_a64_store_relaxed(word, slip_a64_load_relaxed(word) |
					     (uint64_t)SLIP_EXCLUSIVE
						     << SLIP_MPMC_ROLES_SHIFT);
	cr_assert_eq(
		slip_priority_attach(&q, b.mem, b.bytes, SLIP_CONSUMER, NULL),
		-EBADMSG);
	cr_assert_eq(
		slip_priority_attach(&q, b.mem, b.bytes, SLIP_PRODUCER, NULL),
		0);
	slip_priority_detach(&q);
	teardown(&b);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Likely values: positions near the ring's, seats, phases. */
static uint64_t unlikely(uint64_t *state)
{
	uint64_t r = next_random(state);

	if (r % 4 == 0)
		return next_random(state);
	return (r >> 8) % 12 * SLIP_MPMC_ONE + (r >> 16) % 2 * SLIP_MPMC_FULL +
	       (r >> 24) % 12;
}

Test(priority_damage, random_words_never_lead_outside_or_hang)
{
	uint64_t until = slip_now_ns() + 100000000;
	uint64_t state = (uint64_t)time(NULL) | 1;

	for (int round = 0; round < 40 || slip_now_ns() < until; round++) {
		struct slip_priority_info info;
		struct bench b;
		size_t first = 512;
		uint32_t at;
		uint64_t x = 0;

		setup(&b, 1 + next_random(&state) % 4, 2, 8,
		      SLIP_PRIORITY_AGEING(round % 3) | SLIP_EVENT_FULL);
		for (uint32_t i = 0; i < 30; i++) {
			size_t spot = first + next_random(&state) %
						      ((b.bytes - first) / 8) *
						      8;
			void *word = (char *)b.mem + spot;

			slip_a64_store_relaxed(word, unlikely(&state));
			(void)!slip_priority_push(
				&b.p, &x, (uint32_t)next_random(&state) % 5);
			(void)!slip_priority_pop(&b.c, &x, &at);
			(void)!slip_priority_pop_lowest(
				&b.c, next_random(&state), &x, &at);
			if (i % 10 == 0)
				slip_priority_recover_(NULL, b.mem, b.bytes,
						       i / 10 + 1, 1);
		}
		(void)!slip_priority_inspect(b.mem, b.bytes, &info);
		(void)slip_priority_count_guess(&b.c, SLIP_PRIORITY_ALL);
		teardown(&b);
	}
}

/* Who leaves wakes those of each level; who waits, or recovers a seat, looks at each:
 * not one more, which would be somebody else's memory. */
Test(priority_damage, what_follows_the_last_level_is_left_alone)
{
	enum { BEFORE = 1 << 16, BEHIND = 1 << 16 };
	struct slip_priority p;
	const char *behind;
	struct bench b;
	char *area;

	area = mmap(NULL, BEFORE + BEHIND, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(area != MAP_FAILED, "mmap");
	behind = area + BEFORE;
	b.bytes = slip_priority_bytes(2, 4, 8, SLIP_PRIORITY_SEATS(2));
	cr_assert(b.bytes <= BEFORE && b.bytes % 64 == 0);
	b.mem = area + BEFORE - b.bytes;
	cr_assert_eq(slip_priority_init(b.mem, b.bytes, 2, 4, 8,
					SLIP_PRIORITY_SEATS(2)),
		     0);
	attach(&p, &b, SLIP_PRODUCER);
	slip_priority_detach(&p);
	for (size_t i = 0; i < BEHIND; i++)
		cr_assert_eq(behind[i], 0, "byte %zu behind", i);
	attach(&p, &b, SLIP_PRODUCER);
	cr_assert_eq(mprotect(area + BEFORE, BEHIND, PROT_NONE), 0);
	cr_assert_not(slip_mpmc_pending_(&p.q));
	cr_assert_eq(slip_mpmc_finish_(&p.q, p.q.me, slip_mpmc_dead_(p.q.who)),
		     0);
	slip_priority_detach(&p);
	munmap(area, BEFORE + BEHIND);
}
