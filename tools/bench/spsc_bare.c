/* SPDX-License-Identifier: MIT */
/*
 * Limits of the suite "spsc": no queue, but what any queue has to do.
 *
 * Lines: 64-byte lines in a ring, each with its number in it, so that nothing
 * else moves; the consumer says how far it is once in a quarter of the ring.
 * For 8 bytes a line is seven elements and the number, for 56 one, for 64 the
 * element's own first word is the number.
 *
 * Bounces: a word that one writes and the other waits for, with both directions
 * in one line, or a line for each.
 */
#include <errno.h>
#include <string.h>

#include "tools/bench/spsc_loops.h"

struct line {
	uint64_t word[7];
	slip_a64 number; /* from 1 */
};

struct lines {
	SLIP_ALIGNED(128) slip_a64 taken;
	SLIP_ALIGNED(128) struct line line[];
};

/* Private to a side, which is a process of its own. */
static struct {
	uint64_t next;	/* line's number - 1 */
	uint64_t limit; /* the producer's */
	uint64_t mask;
} own;

static uint32_t lines_in(uint32_t capacity, uint32_t elem_bytes)
{
	return elem_bytes == 8 ? capacity / 8 : capacity;
}

static size_t lines_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	return sizeof(struct lines) +
	       lines_in(capacity, elem_bytes) * sizeof(struct line);
}

static int lines_make(void *mem, size_t bytes, uint32_t capacity,
		      uint32_t elem_bytes)
{
	(void)capacity;
	(void)elem_bytes;
	memset(mem, 0, bytes);
	return 0;
}

static int lines_open(struct spsc_seat *s)
{
	own.next = 0;
	own.mask = (s->bytes - sizeof(struct lines)) / sizeof(struct line) - 1;
	own.limit = own.mask + 1;
	return 0;
}

/* A free line, or NULL. */
SLIP_CORE struct line *line_free(struct spsc_seat *s)
{
	struct lines *l = s->out;

	if (SLIP_UNLIKELY(own.next == own.limit)) {
		own.limit = slip_a64_load_acquire(&l->taken) + own.mask + 1;
		if (own.next == own.limit)
			return NULL;
	}
	return &l->line[own.next & own.mask];
}

/* The next line if it is full, or NULL. */
SLIP_CORE struct line *line_full(struct spsc_seat *s)
{
	struct lines *l = s->in;
	struct line *line = &l->line[own.next & own.mask];

	return slip_a64_load_acquire(&line->number) == own.next + 1 ? line
								    : NULL;
}

/* The line has been read. */
SLIP_CORE void line_taken(struct spsc_seat *s)
{
	struct lines *l = s->in;

	if (!(++own.next & (own.mask >> 2)))
		slip_a64_store_release(&l->taken, own.next);
}

SLIP_CORE uint32_t push_line(struct spsc_seat *s, const void *from, uint32_t n)
{
	struct line *line = line_free(s);

	if (!line)
		return 0;
	memcpy(line->word, from, sizeof(line->word));
	slip_a64_store_release(&line->number, ++own.next);
	return n;
}

SLIP_CORE uint32_t pop_line(struct spsc_seat *s, void *to, uint32_t n)
{
	struct line *line = line_full(s);

	if (!line)
		return 0;
	memcpy(to, line->word, sizeof(line->word));
	line_taken(s);
	return n;
}

/* The last word of 64 bytes is the element's number, and so the line's: it is
 * the line's number that is written, and read. */
SLIP_CORE uint32_t push_whole(struct spsc_seat *s, const void *from, uint32_t n)
{
	return push_line(s, from, n);
}

SLIP_CORE uint32_t pop_whole(struct spsc_seat *s, void *to, uint32_t n)
{
	uint32_t came = pop_line(s, to, n);

	((uint64_t *)to)[7] = own.next;
	return came;
}

SPSC_STREAM(lines_8, push_line, pop_line, 8, 7);
SPSC_STREAM(lines_56, push_line, pop_line, 56, 1);
SPSC_STREAM(lines_64, push_whole, pop_whole, 64, 1);

/* clang-format off */
#define LINES(size, batch, loop)                                         \
	{ 0, size, batch, lines_bytes, lines_make, NULL, loop##_produce, \
	  loop##_consume, NULL, NULL }
/* clang-format on */

static const struct spsc_kind lines_kinds[] = {
	LINES(8, 1, lines_8),
	LINES(8, SPSC_BATCH, lines_8),
	LINES(56, 1, lines_56),
	LINES(64, 1, lines_64),
};
const struct spsc_queue spsc_lines = {
	.open = lines_open,
	.kinds = lines_kinds,
	.count = sizeof(lines_kinds) / sizeof(*lines_kinds),
};

/* --- bounces --------------------------------------------------------------- */

static size_t bounce_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	(void)capacity;
	(void)elem_bytes;
	return 256;
}

/* No value comes twice in a row; 0 ends it, and is what was there before. */
static int bounce_open(struct spsc_seat *s)
{
	(void)s;
	own.next = 0;
	return 0;
}

/* The word that side `self` writes, so many words from the other's. */
SLIP_CORE slip_a64 *bounce_word(struct spsc_seat *s, uint32_t self,
				uint32_t step)
{
	return (slip_a64 *)s->mem + (size_t)self * step;
}

SLIP_CORE uint32_t bounce_push(struct spsc_seat *s, const void *from,
			       uint32_t step)
{
	slip_a64_store_release(bounce_word(s, s->self, step),
			       *(const uint64_t *)from);
	return 1;
}

SLIP_CORE uint32_t bounce_pop(struct spsc_seat *s, void *to, uint32_t step)
{
	uint64_t v = slip_a64_load_acquire(bounce_word(s, 1 - s->self, step));

	if (v == own.next)
		return 0;
	own.next = v;
	*(uint64_t *)to = v;
	return 1;
}

SLIP_CORE uint32_t push_one(struct spsc_seat *s, const void *from, uint32_t n)
{
	return bounce_push(s, from, n);
}

SLIP_CORE uint32_t pop_one(struct spsc_seat *s, void *to, uint32_t n)
{
	return bounce_pop(s, to, n);
}

SLIP_CORE uint32_t push_two(struct spsc_seat *s, const void *from, uint32_t n)
{
	return bounce_push(s, from, n * 16);
}

SLIP_CORE uint32_t pop_two(struct spsc_seat *s, void *to, uint32_t n)
{
	return bounce_pop(s, to, n * 16);
}

SPSC_TRIPS(one, push_one, pop_one);
SPSC_TRIPS(two, push_two, pop_two);

static const struct spsc_kind one_kinds[] = {
	{ 0, 8, 1, bounce_bytes, lines_make, NULL, NULL, NULL, one_ask,
	  one_echo },
};
static const struct spsc_kind two_kinds[] = {
	{ 0, 8, 1, bounce_bytes, lines_make, NULL, NULL, NULL, two_ask,
	  two_echo },
};
const struct spsc_queue spsc_one_line = {
	.open = bounce_open,
	.kinds = one_kinds,
	.count = 1,
};
const struct spsc_queue spsc_two_lines = {
	.open = bounce_open,
	.kinds = two_kinds,
	.count = 1,
};
