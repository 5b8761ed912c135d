/* SPDX-License-Identifier: MIT */
/*
 * What the queues of the suite "spsc" are written against: a queue gives inline
 * push and pop, and the loops below are compiled once for each of its kinds
 * (element size, batch), so that nothing is called through a pointer per
 * element.
 *
 * An element is `bytes / 8` words; the first is its number, from 1, and so is
 * the last. Both sides add up what they moved, first and last words, and the
 * suite compares: no queue wins by losing, doubling or tearing.
 *
 * The producer numbers an element some 60 others before it is pushed. A wide
 * load just behind narrow stores to the same bytes waits until they have left
 * the store buffer, behind lines of the ring that are slow to come: then one
 * would measure that, and most of all for the queues that copy by wide moves.
 *
 * A slow consumer rests for `work` pauses after every SPSC_REST elements. That
 * is little work, but enough to keep the ring from being empty: the sides then
 * stand lines apart, where a fast consumer meets the producer in one line.
 *
 * This file does not need bench.h, so that it is C++ as well.
 */
#ifndef SLIP_TOOLS_BENCH_SPSC_LOOPS_H
#define SLIP_TOOLS_BENCH_SPSC_LOOPS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomics/pause.h"
#include "atomics/word.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPSC_BATCH   32u
#define SPSC_REST    16u
#define SPSC_WORDS   8u /* of the largest element */
#define SPSC_SOURCES (2 * SPSC_BATCH)

/* One side. */
struct spsc_seat {
	void *out, *in; /* the ring that is pushed to, and that is popped */
	void *mem;	/* of the first ring, for those that need no two */
	size_t bytes;	/* of each */
	uint32_t capacity;
	uint32_t self; /* 0: produces, or asks; 1 */
	uint32_t work;
	int rc;
	void *own;	      /* of the queue's `open` */
	const uint32_t *stop; /* set when the time is over */
	slip_a32 *done;	      /* the producer has pushed its last */
	uint64_t (*now_ns)(void);
	uint64_t warm_until_ns;
	/* Is told of each round trip in the second half of the time. */
	void (*note)(void *with, uint64_t ns);
	void *note_with;
	/* The account: what was counted in the time, and all there was. */
	uint64_t ops, ns;
	uint64_t count, sum;
};

typedef void spsc_loop(struct spsc_seat *s);

/* What a queue can do with elements of one size. */
struct spsc_kind {
	uint32_t capacity; /* 0: any */
	uint32_t elem_bytes;
	uint32_t batch; /* of the case; the loops may have a smaller one */
	/* Of memory that one ring wants. */
	size_t (*bytes)(uint32_t capacity, uint32_t elem_bytes);
	/* In the parent, before the sides start. 0 or -errno. */
	int (*make)(void *mem, size_t bytes, uint32_t capacity,
		    uint32_t elem_bytes);
	void (*destroy)(void *mem); /* or NULL */
	spsc_loop *produce, *consume, *ask, *echo;
};

struct spsc_queue {
	int (*find)(void);		    /* 0 or -ENOPKG; NULL: is there */
	int (*open)(struct spsc_seat *s);   /* by each side; or NULL */
	void (*close)(struct spsc_seat *s); /* or NULL */
	const struct spsc_kind *kinds;
	unsigned count;
};

extern const struct spsc_queue spsc_ours, spsc_ours_untyped, spsc_ck, spsc_dpdk,
	spsc_boost, spsc_moodycamel, spsc_lines, spsc_one_line, spsc_two_lines;

/* Up to n elements; how many went. */
typedef uint32_t spsc_push_fn(struct spsc_seat *s, const void *from,
			      uint32_t n);
typedef uint32_t spsc_pop_fn(struct spsc_seat *s, void *to, uint32_t n);

SLIP_CORE bool spsc_over(const struct spsc_seat *s)
{
	return __atomic_load_n(s->stop, __ATOMIC_RELAXED) != 0;
}

SLIP_CORE bool spsc_warm(const struct spsc_seat *s)
{
	return spsc_over(s) || s->now_ns() >= s->warm_until_ns;
}

SLIP_CORE void spsc_number(uint64_t *elem, uint32_t words, uint64_t number)
{
	elem[0] = number;
	elem[words - 1] = number;
}

/* One turn of the producer: returns how many went. */
SLIP_CORE uint32_t spsc_put(struct spsc_seat *s, uint64_t *sources,
			    spsc_push_fn *push, uint32_t words, uint32_t n)
{
	const uint32_t ahead = SPSC_SOURCES / n * n;
	uint32_t at = (uint32_t)(s->count % ahead);
	uint64_t *from = sources + at * words;
	uint32_t went;

	/* Only after a call in which not all went. */
	if (n > ahead - at)
		n = ahead - at;
	went = push(s, from, n);
	for (uint32_t i = 0; i < went; i++)
		spsc_number(from + i * words, words, s->count + 1 + i + ahead);
	s->count += went;
	return went;
}

SLIP_CORE uint32_t spsc_take(struct spsc_seat *s, uint64_t *buffer,
			     spsc_pop_fn *pop, uint32_t words, uint32_t n)
{
	uint32_t came = pop(s, buffer, n);

	for (uint32_t i = 0; i < came; i++)
		s->sum += buffer[i * words] + buffer[i * words + words - 1];
	s->count += came;
	return came;
}

/* The loops work on a copy, as the compiler can then keep it in registers. */
SLIP_CORE void spsc_produce(struct spsc_seat *seat, spsc_push_fn *push,
			    uint32_t bytes, uint32_t n)
{
	SLIP_ALIGNED(64) uint64_t sources[SPSC_SOURCES * SPSC_WORDS] = { 0 };
	struct spsc_seat s = *seat;

	for (uint32_t i = 0; i < SPSC_SOURCES; i++)
		spsc_number(sources + i * (bytes / 8), bytes / 8, i + 1);
	/* Once at least: a side may have been kept from running all the time. */
	do {
		for (uint32_t i = 0; i < 64; i++)
			if (!spsc_put(&s, sources, push, bytes / 8, n))
				slip_pause();
	} while (!spsc_over(&s));
	/* 1 + 2 + ... + count, twice */
	s.sum = s.count * (s.count + 1);
	*seat = s;
	/* Pairs with the acquire in spsc_drain(): all it pushed is there. */
	slip_a32_store_release(s.done, 1);
}

/* 64 turns. */
SLIP_CORE void spsc_some(struct spsc_seat *s, uint64_t *buffer,
			 spsc_pop_fn *pop, uint32_t words, uint32_t n,
			 bool slow)
{
	uint32_t tired = 0;

	for (uint32_t i = 0; i < 64; i++) {
		uint32_t came = spsc_take(s, buffer, pop, words, n);

		tired += came;
		if (!came)
			slip_pause();
		if (!slow || tired < SPSC_REST)
			continue;
		for (uint32_t j = 0; j < s->work * (tired / SPSC_REST); j++)
			slip_pause();
		tired %= SPSC_REST;
	}
}

/* What is left when the producer has ended; not counted in the time. */
SLIP_CORE void spsc_drain(struct spsc_seat *s, uint64_t *buffer,
			  spsc_pop_fn *pop, uint32_t words, uint32_t n)
{
	while (!slip_a32_load_acquire(s->done))
		(void)spsc_take(s, buffer, pop, words, n);
	while (spsc_take(s, buffer, pop, words, n))
		continue;
}

SLIP_CORE void spsc_consume(struct spsc_seat *seat, spsc_pop_fn *pop,
			    uint32_t bytes, uint32_t n, bool slow)
{
	SLIP_ALIGNED(64) uint64_t buffer[SPSC_BATCH * SPSC_WORDS] = { 0 };
	struct spsc_seat s = *seat;
	uint64_t before, since;

	while (!spsc_warm(&s))
		spsc_some(&s, buffer, pop, bytes / 8, n, slow);
	before = s.count;
	since = s.now_ns();
	while (!spsc_over(&s))
		spsc_some(&s, buffer, pop, bytes / 8, n, slow);
	s.ns = s.now_ns() - since;
	s.ops = s.count - before;
	spsc_drain(&s, buffer, pop, bytes / 8, n);
	/* Stood still all the time: so slow, then, as it was in the end. */
	if (!s.ops) {
		s.ns = s.now_ns() - since;
		s.ops = s.count - before;
	}
	*seat = s;
}

/* There and back. False: something else came back. */
SLIP_CORE bool spsc_trip(struct spsc_seat *s, spsc_push_fn *push,
			 spsc_pop_fn *pop)
{
	uint64_t there = ++s->count;
	uint64_t back = 0;

	while (!push(s, &there, 1))
		slip_pause();
	while (!pop(s, &back, 1))
		slip_pause();
	return back == there;
}

/* So many trips: their time goes to the account, or, one by one, to `note`. */
SLIP_CORE void spsc_trips(struct spsc_seat *s, spsc_push_fn *push,
			  spsc_pop_fn *pop, bool noted)
{
	uint64_t since = s->now_ns();
	uint64_t now = since;

	for (uint32_t i = 0; i < 64; i++) {
		if (!spsc_trip(s, push, pop))
			s->rc = -EBADMSG;
		if (!noted)
			continue;
		s->note(s->note_with, s->now_ns() - now);
		now = s->now_ns();
	}
	if (noted)
		return;
	s->ns += s->now_ns() - since;
	s->ops += 64;
}

/*
 * Whole runs of trips are timed, for the mean is not to contain a clock; and
 * every second run each trip for itself, for the histogram.
 */
SLIP_CORE void spsc_ask(struct spsc_seat *seat, spsc_push_fn *push,
			spsc_pop_fn *pop)
{
	struct spsc_seat s = *seat;
	uint64_t bye = 0;

	while (!spsc_warm(&s))
		spsc_trips(&s, push, pop, false);
	s.ops = s.ns = 0;
	do {
		spsc_trips(&s, push, pop, false);
		spsc_trips(&s, push, pop, true);
	} while (!spsc_over(&s) && !s.rc);
	while (!push(&s, &bye, 1))
		slip_pause();
	*seat = s;
}

SLIP_CORE void spsc_echo(struct spsc_seat *seat, spsc_push_fn *push,
			 spsc_pop_fn *pop)
{
	struct spsc_seat s = *seat;
	uint64_t value = 1;

	while (value) {
		if (!pop(&s, &value, 1)) {
			slip_pause();
			continue;
		}
		while (value && !push(&s, &value, 1))
			slip_pause();
	}
	*seat = s;
}

/* clang-format off */
#define SPSC_STREAM(name, push, pop, bytes, n)                               \
	static void name##_produce(struct spsc_seat *s)                      \
	{                                                                    \
		spsc_produce(s, push, bytes, n);                             \
	}                                                                    \
	static void name##_consume(struct spsc_seat *s)                      \
	{                                                                    \
		if (s->work)                                                 \
			spsc_consume(s, pop, bytes, n, true);                \
		else                                                         \
			spsc_consume(s, pop, bytes, n, false);               \
	}                                                                    \
	SLIP_STATIC_ASSERT((n) <= SPSC_BATCH &&                              \
			   (bytes) <= 8 * SPSC_WORDS && (bytes) % 8 == 0,    \
			   "the loops' buffers")

#define SPSC_TRIPS(name, push, pop)                                          \
	static void name##_ask(struct spsc_seat *s)                          \
	{                                                                    \
		spsc_ask(s, push, pop);                                      \
	}                                                                    \
	static void name##_echo(struct spsc_seat *s)                         \
	{                                                                    \
		spsc_echo(s, push, pop);                                     \
	}                                                                    \
	SLIP_STATIC_ASSERT(SPSC_WORDS > 0, "one word there and back")
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
