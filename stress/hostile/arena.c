/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

#define GUARD	4096u
#define CANARY	0xc5
#define AROUND	512u
#define BUFFERS (ARENA_BYTES - 4096)

/* Pages of `fd` with a guard on either side. */
static uint8_t *map(int fd, int prot)
{
	uint8_t *at = mmap(NULL, ARENA_BYTES + 2 * GUARD, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED ||
	    mmap(at + GUARD, ARENA_BYTES, prot, MAP_SHARED | MAP_FIXED, fd,
		 0) == MAP_FAILED)
		fail("no memory");
	return at + GUARD;
}

void arena_create(struct arena *a)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)ARENA_BYTES))
		fail("no memfd");
	a->start = map(fd, PROT_READ | PROT_WRITE);
	a->readable = map(fd, PROT_READ);
	close(fd);
	a->mem = a->start;
	a->bytes = 0;
	memset(a->start, CANARY, ARENA_BYTES);
}

/* Poisons what lies around the memory, as seen in one of the mappings. */
static void fence_off(const struct arena *a, uint8_t *start)
{
	size_t at = (size_t)(a->mem - a->start);

	ASAN_UNPOISON_MEMORY_REGION(start, ARENA_BYTES);
	ASAN_POISON_MEMORY_REGION(start, at);
	ASAN_POISON_MEMORY_REGION(start + at + a->bytes,
				  ARENA_BYTES - at - a->bytes);
}

uint8_t *arena_place(struct arena *a, size_t bytes, size_t align, bool low)
{
	if (bytes > BUFFERS)
		fail("no room for %zu bytes", bytes);
	if (a->bytes)
		memset(a->mem, CANARY, a->bytes);
	a->mem = a->start;
	if (!low)
		a->mem += (ARENA_BYTES - bytes) / align * align;
	a->bytes = bytes;
	fence_off(a, a->start);
	fence_off(a, a->readable);
	return a->mem;
}

#ifdef POISONS
void arena_check(const struct arena *a)
{
	(void)a; /* whoever wrote there has been told */
}
#else
static size_t around(size_t room)
{
	return room < AROUND ? room : AROUND;
}

static void untouched(const uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != CANARY)
			fail("a byte outside the memory was overwritten");
}

void arena_check(const struct arena *a)
{
	uint8_t *after = a->mem + a->bytes;
	size_t below = around((size_t)(a->mem - a->start));

	untouched(a->mem - below, below);
	untouched(after, around((size_t)(a->start + ARENA_BYTES - after)));
}
#endif

static struct arena buffers;

uint8_t *buffer(size_t bytes)
{
	if (!buffers.start)
		arena_create(&buffers);
	arena_check(&buffers);
	return arena_place(&buffers, bytes, 1, false);
}
