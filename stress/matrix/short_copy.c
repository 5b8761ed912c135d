/* SPDX-License-Identifier: MIT */
/*
 * The bug that proves tools/check/msan: a pop that copies one byte too few.
 * The last byte of the element is then what the stack happened to hold, and
 * MemorySanitizer must end the program where that byte is looked at.
 *
 * Any argument: an exact copy, which must pass.
 */
#define SLIP_COPY_HOOK copy_less

#include "ring/spsc.h"

#include <string.h>

static size_t copy_missing = 1;

void copy_less(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes - copy_missing);
}

int main(int argc, char **argv)
{
	static unsigned char memory[4096] SLIP_ALIGNED(SLIP_APART_BYTES);
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	unsigned char sent[8] = "7 bytes";
	unsigned char got[8];

	(void)argv;
	copy_missing = argc > 1 ? 0 : 1;
	if (slip_spsc_init(memory, sizeof(memory), 4, 8, SLIP_EVENT_FULL) ||
	    slip_spsc_attach_producer(&p, memory, sizeof(memory), NULL) ||
	    slip_spsc_attach_consumer(&c, memory, sizeof(memory), NULL) ||
	    !slip_spsc_push(&p, sent) || !slip_spsc_pop(&c, got))
		return 2;
	return got[7] == 0 ? 0 : 3;
}
