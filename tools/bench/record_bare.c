/* SPDX-License-Identifier: MIT */
/*
 * The limits of suite record: memcpy between the same two cores, into a buffer
 * as large as the ring and out of it, in pieces as long as a record and from
 * the same kind of source. There are no headers, and whoever has filled or
 * emptied a part says so by a count on a line of its own:
 *
 *	by halves	after each half of the buffer. Nothing else is moved
 *			or looked at, so this is what the memory can do; the
 *			target is about it.
 *	one by one	after each piece: a ring that knows one length only.
 */
#include "atomics/word.h"
#include "tools/bench/record_loops.h"

/* The two counts, at the start of the memory. */
struct counts {
	SLIP_ALIGNED(128) slip_a64 filled;
	SLIP_ALIGNED(128) slip_a64 emptied;
};

struct bare {
	struct counts *counts;
	unsigned char *buffer;
	uint64_t at;	/* pieces moved by this side */
	uint64_t limit; /* how far it may go, as last read */
	uint64_t mask;	/* pieces in the buffer - 1 */
};

static int open_bare(struct bench_team *t, unsigned self, struct bare *b)
{
	uint64_t pieces = t->point->capacity / t->point->elem_bytes;

	b->counts = (struct counts *)t->mem;
	b->buffer = (unsigned char *)record_ring(t);
	b->mask = pieces - 1;
	b->limit = self ? 0 : pieces;
	return pieces & (pieces - 1) || pieces < 2 ? -EINVAL : 0;
}

static void shut_bare(struct bare *b)
{
	(void)b;
}

SLIP_CORE unsigned char *place(const struct bare *b, uint32_t bytes)
{
	return b->buffer + (b->at & b->mask) * bytes;
}

/* Tells the other side, at the end of a part of `step` pieces. */
SLIP_CORE void moved(struct bare *b, slip_a64 *count, uint64_t step)
{
	b->at++;
	/* Pairs with the acquires of put() and may_take(). */
	if ((b->at & (step - 1)) == 0)
		slip_a64_store_release(count, b->at);
}

SLIP_CORE int put(struct bare *b, const uint64_t *from, uint32_t bytes,
		  uint64_t step)
{
	if (SLIP_UNLIKELY(b->at == b->limit)) {
		b->limit = slip_a64_load_acquire(&b->counts->emptied) +
			   b->mask + 1;
		if (b->at == b->limit)
			return 0;
	}
	memcpy(place(b, bytes), from, bytes);
	moved(b, &b->counts->filled, step);
	return 1;
}

SLIP_CORE bool may_take(struct bare *b)
{
	if (SLIP_UNLIKELY(b->at == b->limit))
		b->limit = slip_a64_load_acquire(&b->counts->filled);
	return b->at != b->limit;
}

SLIP_CORE int take(struct bare *b, union record_msg *to, uint32_t bytes,
		   uint64_t number, uint64_t step)
{
	if (!may_take(b))
		return 0;
	memcpy(to, place(b, bytes), bytes);
	moved(b, &b->counts->emptied, step);
	return record_check(to->word, bytes, number);
}

SLIP_CORE int put_halves(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct bare *b = (struct bare *)lane;

	return put(b, from, bytes, (b->mask + 1) / 2);
}

SLIP_CORE int take_halves(void *lane, union record_msg *to, uint32_t bytes,
			  uint64_t number)
{
	struct bare *b = (struct bare *)lane;

	return take(b, to, bytes, number, (b->mask + 1) / 2);
}

SLIP_CORE int touch_halves(void *lane, union record_msg *to, uint32_t bytes,
			   uint64_t number)
{
	struct bare *b = (struct bare *)lane;
	int rc;

	(void)to;
	if (!may_take(b))
		return 0;
	rc = record_touch((const uint64_t *)(void *)place(b, bytes), bytes,
			  number);
	moved(b, &b->counts->emptied, (b->mask + 1) / 2);
	return rc;
}

SLIP_CORE int put_each(void *lane, const uint64_t *from, uint32_t bytes)
{
	return put((struct bare *)lane, from, bytes, 1);
}

SLIP_CORE int take_each(void *lane, union record_msg *to, uint32_t bytes,
			uint64_t number)
{
	return take((struct bare *)lane, to, bytes, number, 1);
}

/* An END in each piece of a half: then one is published, wherever it began. */
#define A_HALF(t, bytes) ((t)->point->capacity / 2 / (bytes))
#define ONE(t, bytes)	 1

RECORD_WAY(memcpy_halves, bare, put_halves, take_halves, NULL, NULL, A_HALF, 1)
RECORD_WAY(memcpy_touch, bare, put_halves, touch_halves, NULL, NULL, A_HALF, 1)
RECORD_WAY(memcpy_each, bare, put_each, take_each, NULL, NULL, ONE, 1)
