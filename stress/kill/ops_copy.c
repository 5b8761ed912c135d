/* SPDX-License-Identifier: MIT */
/*
 * What instrumented code calls instead of libc's memcpy and memset, so that a
 * copy too is interrupted between its stores: words first, then bytes. The
 * compiler barriers keep the loops from becoming the very calls they replace.
 */
#include <stddef.h>
#include <stdint.h>

void *kill_memcpy(void *to, const void *from, size_t bytes);
void *kill_memset(void *to, int value, size_t bytes);

void *kill_memcpy(void *to, const void *from, size_t bytes)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	for (; bytes >= 8; bytes -= 8, t += 8, f += 8) {
		uint64_t word;

		__builtin_memcpy(&word, f, 8);
		__builtin_memcpy(t, &word, 8);
		__asm__ volatile("" ::: "memory");
	}
	for (; bytes; bytes--) {
		*t++ = *f++;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *kill_memset(void *to, int value, size_t bytes)
{
	unsigned char *t = to;
	uint64_t word = UINT64_C(0x0101010101010101) * (unsigned char)value;

	for (; bytes >= 8; bytes -= 8, t += 8) {
		__builtin_memcpy(t, &word, 8);
		__asm__ volatile("" ::: "memory");
	}
	for (; bytes; bytes--) {
		*t++ = (unsigned char)value;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}
