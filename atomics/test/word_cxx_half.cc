/* SPDX-License-Identifier: MIT */
/* The C++ half of word_cxx_test.c. */
#include <sched.h>

#include "atomics/test/word_cxx_half.h"

size_t cxx_size(void)
{
	return sizeof(struct shared);
}

size_t cxx_offset_of_large(void)
{
	return offsetof(struct shared, large);
}

size_t cxx_offset_of_turn(void)
{
	return offsetof(struct shared, turn);
}

void cxx_add(struct shared *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t seen = slip_a64_load_relaxed(&s->large);

		slip_a32_fetch_add_relaxed(&s->small, 1);
		while (!slip_a64_cas_relaxed(&s->large, &seen, seen + 1))
			continue;
	}
}

/* Waits for each odd turn; returns how many bodies were not the expected. */
uint32_t cxx_answer(struct shared *s, uint32_t rounds)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		while (slip_a32_load_acquire(&s->turn) != 2 * i + 1)
			sched_yield();
		wrong += s->body != i ? 1 : 0;
		s->body = ~i;
		slip_a32_store_release(&s->turn, 2 * i + 2);
	}
	return wrong;
}
