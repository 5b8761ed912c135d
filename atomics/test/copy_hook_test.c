/* SPDX-License-Identifier: MIT */
/* atomics/copy.h: SLIP_COPY_HOOK takes every copy instead. */
#define SLIP_COPY_HOOK copy_backwards
#include "atomics/copy.h"
#include "atomics/test/check.h"

static size_t hook_calls;

void copy_backwards(void *to, const void *from, size_t bytes)
{
	unsigned char *t = (unsigned char *)to;
	const unsigned char *f = (const unsigned char *)from;

	hook_calls++;
	for (size_t i = 0; i < bytes; i++)
		t[i] = f[bytes - 1 - i];
}

Test(copy, the_hook_replaces_the_copy)
{
	char to[] = "....";

	slip_copy(to, "abcd", 4);
	cr_assert_str_eq(to, "dcba");
	cr_assert_eq(hook_calls, 1);
}
