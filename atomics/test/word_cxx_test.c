/* SPDX-License-Identifier: MIT */
/* One program, one struct, C11 atomics on one side and C++ on the other. */
#include <pthread.h>
#include <sched.h>

#include "atomics/test/check.h"
#include "atomics/test/word_cxx_half.h"

#define ROUNDS 20000

Test(word_cxx, the_layout_is_that_of_c)
{
	cr_assert_eq(cxx_size(), sizeof(struct shared));
	cr_assert_eq(cxx_offset_of_large(), offsetof(struct shared, large));
	cr_assert_eq(cxx_offset_of_turn(), offsetof(struct shared, turn));
}

static void *add_in_cxx(void *arg)
{
	cxx_add((struct shared *)arg, ROUNDS);
	return NULL;
}

Test(word_cxx, no_increment_of_either_language_is_lost)
{
	struct shared s;
	pthread_t adder;

	memset(&s, 0, sizeof(s));
	cr_assert_eq(pthread_create(&adder, NULL, add_in_cxx, &s), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t seen = slip_a64_load_relaxed(&s.large);

		slip_a32_fetch_add_relaxed(&s.small, 1);
		while (!slip_a64_cas_relaxed(&s.large, &seen, seen + 1))
			continue;
	}
	cr_assert_eq(pthread_join(adder, NULL), 0);
	cr_assert_eq(slip_a32_load_relaxed(&s.small), 2 * ROUNDS);
	cr_assert_eq(slip_a64_load_relaxed(&s.large), 2 * ROUNDS);
}

static void *answer_in_cxx(void *arg)
{
	return (void *)(uintptr_t)cxx_answer((struct shared *)arg, ROUNDS);
}

Test(word_cxx, plain_data_crosses_between_the_languages_both_ways)
{
	struct shared s;
	pthread_t answerer;
	void *wrong_there;
	uint32_t wrong_here = 0;

	memset(&s, 0, sizeof(s));
	cr_assert_eq(pthread_create(&answerer, NULL, answer_in_cxx, &s), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		s.body = i;
		slip_a32_store_release(&s.turn, 2 * i + 1);
		while (slip_a32_load_acquire(&s.turn) != 2 * i + 2)
			sched_yield();
		wrong_here += s.body != ~i;
	}
	cr_assert_eq(pthread_join(answerer, &wrong_there), 0);
	cr_assert_eq(wrong_here, 0);
	cr_assert_null(wrong_there);
}
