/* SPDX-License-Identifier: MIT */
/* Memory for a ring that ends where an inaccessible page begins: a step beyond
 * it is a death, also without ASan. Filled with rubbish, so that the tests see an
 * assumption about zeroes. */
#ifndef SLIP_RING_TEST_EDGE_H
#define SLIP_RING_TEST_EDGE_H

#include <string.h>
#include <sys/mman.h>

#define EDGE_PAGE ((size_t)65536) /* the largest that machines have */

static inline size_t edge_whole(size_t bytes)
{
	return (bytes + EDGE_PAGE - 1) / EDGE_PAGE * EDGE_PAGE;
}

/* `bytes` at a multiple of 64, if they are one; NULL: none. */
static inline void *edge_memory(size_t bytes)
{
	size_t whole = edge_whole(bytes);
	unsigned char *area =
		mmap(NULL, whole + EDGE_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED ||
	    mprotect(area + whole, EDGE_PAGE, PROT_NONE) != 0)
		return NULL;
	return memset(area + whole - bytes, 0xa5, bytes);
}

static inline void edge_free(void *mem, size_t bytes)
{
	size_t whole = edge_whole(bytes);

	munmap((unsigned char *)mem + bytes - whole, whole + EDGE_PAGE);
}

#endif
