/* SPDX-License-Identifier: MIT */
/* One struct of atomic words, seen by a C file and a C++ file alike. */
#ifndef SLIP_ATOMICS_TEST_WORD_CXX_HALF_H
#define SLIP_ATOMICS_TEST_WORD_CXX_HALF_H

#include "atomics/word.h"

struct shared {
	slip_a32 small;
	uint8_t odd; /* makes the next word's alignment visible */
	slip_a64 large;
	slip_a32 turn;
	uint32_t body; /* plain: handed over by turn */
};

#ifdef __cplusplus
extern "C" {
#endif

size_t cxx_size(void);
size_t cxx_offset_of_large(void);
size_t cxx_offset_of_turn(void);
void cxx_add(struct shared *s, unsigned rounds);
uint32_t cxx_answer(struct shared *s, uint32_t rounds);

#ifdef __cplusplus
}
#endif

#endif
