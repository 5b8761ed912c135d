/* SPDX-License-Identifier: MIT */
/* A user's program that depends on the Bazel target //:slipring. */
#include <slipring/atomics/word.h>
#include <slipring/slipring.h>

int main(void)
{
	slip_a32 word;

	slip_a32_store_release(&word, 42);
	return slip_a32_load_acquire(&word) == 42 ? 0 : 1;
}
