/* SPDX-License-Identifier: MIT */
/*
 * What the queues of the suite "mpmc" are written against: a queue is a set of
 * functions, and the loops below are compiled once for each of them, so that
 * nothing is called through a pointer per element.
 *
 * `push` and `pop` of a queue have one form: up to `n` elements, how many went;
 * 0: full, or empty. A queue without batches ignores n, which is then 1.
 * MPMC_LOOPS(name, push, pop, bytes, n) makes the three loops.
 *
 * An element is `bytes / 8` words, of which the first and the last say its
 * producer's number and a count. Producers and consumers add up what they push
 * and pop, and the suite compares the sums: no queue wins by losing, doubling or
 * tearing.
 *
 * An element is numbered some 60 others before it is pushed. A wide load just
 * behind narrow stores to the same bytes waits until they have left the store
 * buffer, behind lines of the queue that are slow to come: then one would
 * measure that, and most of all for the queues that copy by wide moves.
 *
 * This file does not need bench.h, so that it is C++ as well.
 */
#ifndef SLIP_TOOLS_BENCH_MPMC_LOOPS_H
#define SLIP_TOOLS_BENCH_MPMC_LOOPS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomics/pause.h"
#include "atomics/word.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MPMC_BATCH   32u
#define MPMC_SIDES   8u
#define MPMC_WORDS   7u /* of the largest element */
#define MPMC_SOURCES (2 * MPMC_BATCH)

struct mpmc_shape {
	uint32_t capacity; /* a power of two */
	uint32_t elem_bytes;
	uint32_t producers, consumers;
};

/* Where one side is to be stopped. */
struct mpmc_trap {
	slip_a32 who;	 /* thread, or process */
	slip_a32 set;	 /* it is to stop in its next push */
	slip_a32 sprung; /* it does */
	slip_a32 open;	 /* it may go on */
};

/* One participant. */
struct mpmc_seat {
	void *queue; /* the memory that `make` was given */
	const struct mpmc_shape *shape;
	const uint32_t *stop; /* set when the time is over */
	slip_a32 *done;	      /* producers that have pushed their last */
	uint64_t (*now_ns)(void);
	uint64_t warm_until_ns;
	/* Told of `count` now and then, if it is there: of this side alone. */
	slip_a64 *seen;
	struct mpmc_trap *trap;	 /* NULL: not for this side */
	uint32_t self;		 /* 0.. among the producers, or the consumers */
	bool producer, consumer; /* both: the only side of all */
	bool crowded;		 /* shares its processor with other sides */
	void *own;		 /* of the queue's `open` */
	/* The account: what was counted in the time, and all there was. */
	uint64_t ops, ns;
	uint64_t count, sum;
};

typedef void mpmc_loop(struct mpmc_seat *s);

struct mpmc_loops {
	mpmc_loop *produce, *consume, *pair; /* NULL: not offered */
};

struct mpmc_queue {
	/* Is it there? 0, or -ENOPKG and such. NULL: always. */
	int (*find)(void);
	/* Of memory that it wants; 0: this shape cannot be had. */
	size_t (*bytes)(const struct mpmc_shape *shape);
	/* In the parent, before the sides start. 0 or -errno. */
	int (*make)(void *mem, const struct mpmc_shape *shape);
	void (*destroy)(void *mem);	    /* or NULL */
	int (*open)(struct mpmc_seat *s);   /* or NULL; by each side */
	void (*close)(struct mpmc_seat *s); /* or NULL */
	/* 8 bytes: 1 and MPMC_BATCH elements; 8 * MPMC_WORDS bytes. */
	struct mpmc_loops single, batch, wide;
	/* How many slots are kept by who is inside of an operation: of those
	 * that can be stopped there. */
	uint32_t (*held)(const void *mem);
};

extern const struct mpmc_queue mpmc_ours, mpmc_ours_alone, mpmc_ours_exclusive,
	mpmc_ours_hooked, mpmc_dpdk_mp, mpmc_dpdk_rts, mpmc_dpdk_hts, mpmc_ck,
	mpmc_boost, mpmc_boost_large, mpmc_moodycamel, mpmc_moodycamel_tokens,
	mpmc_urcu, mpmc_pthread, mpmc_vyukov;

typedef uint32_t mpmc_push_fn(struct mpmc_seat *s, const uint64_t *values,
			      uint32_t n);
typedef uint32_t mpmc_pop_fn(struct mpmc_seat *s, uint64_t *values, uint32_t n);

SLIP_CORE bool mpmc_over(const struct mpmc_seat *s)
{
	return __atomic_load_n(s->stop, __ATOMIC_RELAXED) != 0;
}

SLIP_CORE bool mpmc_warm(const struct mpmc_seat *s)
{
	return mpmc_over(s) || s->now_ns() >= s->warm_until_ns;
}

/*
 * Full, or empty. Who has a processor of his own gains nothing by giving it
 * away; who shares it may be waiting for the one who is to run next.
 */
SLIP_CORE void mpmc_wait(const struct mpmc_seat *s, uint32_t *misses)
{
	if (s->crowded && ++*misses > 8)
		(void)sched_yield();
	else
		slip_pause();
}

/* Of the first element of this producer; those that follow count on. */
SLIP_CORE uint64_t mpmc_first(const struct mpmc_seat *s)
{
	return (SLIP_CAST(uint64_t, s->self) + 1) << 48;
}

SLIP_CORE void mpmc_number(uint64_t *elem, uint32_t words, uint64_t number)
{
	elem[0] = number;
	elem[words - 1] = number;
}

SLIP_CORE void mpmc_number_all(const struct mpmc_seat *s, uint64_t *sources,
			       uint32_t words)
{
	for (uint32_t i = 0; i < MPMC_SOURCES; i++)
		mpmc_number(sources + i * words, words, mpmc_first(s) + i);
}

/* What a producer has pushed, first and last words added up. */
SLIP_CORE uint64_t mpmc_sum(const struct mpmc_seat *s)
{
	return 2 * s->count * mpmc_first(s) + s->count * (s->count - 1);
}

/* One turn of a producer: returns how many went. */
SLIP_CORE uint32_t mpmc_put(struct mpmc_seat *s, uint64_t *sources,
			    mpmc_push_fn *push, uint32_t words, uint32_t n)
{
	const uint32_t ahead = MPMC_SOURCES / n * n;
	uint32_t at = SLIP_CAST(uint32_t, s->count % ahead);
	uint64_t *from = sources + at * words;
	uint64_t next = mpmc_first(s) + s->count + ahead;
	uint32_t went;

	/* Only after a call in which not all went. */
	if (n > ahead - at)
		n = ahead - at;
	went = push(s, from, n);
	for (uint32_t i = 0; i < went; i++)
		mpmc_number(from + i * words, words, next + i);
	s->count += went;
	return went;
}

SLIP_CORE uint32_t mpmc_take(struct mpmc_seat *s, uint64_t *buffer,
			     mpmc_pop_fn *pop, uint32_t words, uint32_t n)
{
	uint32_t came = pop(s, buffer, n);

	for (uint32_t i = 0; i < came; i++)
		s->sum += buffer[i * words] + buffer[i * words + words - 1];
	s->count += came;
	return came;
}

/* `turn` of a loop that looks at the clock or at `stop` every 64th time, and
 * whenever it has nothing to do. */
SLIP_CORE void mpmc_pass(const struct mpmc_seat *s, uint32_t moved,
			 uint32_t *turn, uint32_t *misses)
{
	++*turn;
	if (moved) {
		*misses = 0;
		return;
	}
	*turn = 0;
	mpmc_wait(s, misses);
}

/* Such a turn is also when a side tells how far it is. */
SLIP_CORE void mpmc_tell(const struct mpmc_seat *s)
{
	if (s->seen)
		/* stat: looked at from outside, meanwhile */
		slip_a64_store_relaxed(s->seen, s->count);
}

SLIP_CORE bool mpmc_goes_on(const struct mpmc_seat *s, uint32_t turn)
{
	if (turn & 63)
		return true;
	mpmc_tell(s);
	return !mpmc_over(s);
}

/* The loops work on a copy, as the compiler can then keep it in registers. */
SLIP_CORE void mpmc_produce(struct mpmc_seat *seat, mpmc_push_fn *push,
			    uint32_t words, uint32_t n)
{
	SLIP_ALIGNED(64) uint64_t sources[MPMC_SOURCES * MPMC_WORDS] = { 0 };
	struct mpmc_seat s = *seat;
	uint32_t turn = 0;
	uint32_t misses = 0;

	mpmc_number_all(&s, sources, words);
	while (mpmc_goes_on(&s, turn))
		mpmc_pass(&s, mpmc_put(&s, sources, push, words, n), &turn,
			  &misses);
	s.sum = mpmc_sum(&s);
	*seat = s;
}

SLIP_CORE void mpmc_warm_up(struct mpmc_seat *s, uint64_t *buffer,
			    mpmc_pop_fn *pop, uint32_t words, uint32_t n)
{
	uint32_t turn = 0;
	uint32_t misses = 0;

	while (turn & 63 || !mpmc_warm(s)) {
		mpmc_pass(s, mpmc_take(s, buffer, pop, words, n), &turn,
			  &misses);
		if (!(turn & 63))
			mpmc_tell(s);
	}
}

/* What is left when all have stopped; not counted in the time. */
SLIP_CORE void mpmc_drain(struct mpmc_seat *s, uint64_t *buffer,
			  mpmc_pop_fn *pop, uint32_t words, uint32_t n)
{
	bool last = false;

	for (;;) {
		if (mpmc_take(s, buffer, pop, words, n))
			continue;
		if (last)
			return;
		/* Pairs with the release of a producer that ends: what it
		 * pushed is found by one more look. */
		last = slip_a32_load_acquire(s->done) == s->shape->producers;
		(void)sched_yield();
	}
}

SLIP_CORE void mpmc_consume(struct mpmc_seat *seat, mpmc_pop_fn *pop,
			    uint32_t words, uint32_t n)
{
	SLIP_ALIGNED(64) uint64_t buffer[MPMC_BATCH * MPMC_WORDS] = { 0 };
	struct mpmc_seat s = *seat;
	uint32_t turn = 0;
	uint32_t misses = 0;
	uint64_t began = s.now_ns();
	uint64_t before, since;

	mpmc_warm_up(&s, buffer, pop, words, n);
	before = s.count;
	since = s.now_ns();
	while (mpmc_goes_on(&s, turn))
		mpmc_pass(&s, mpmc_take(&s, buffer, pop, words, n), &turn,
			  &misses);
	s.ns = s.now_ns() - since;
	s.ops = s.count - before;
	mpmc_drain(&s, buffer, pop, words, n);
	/* Nothing in the time: so slow, then, as it was from first to last. */
	if (!s.ops) {
		s.ops = s.count;
		s.ns = s.now_ns() - began;
	}
	*seat = s;
}

/* Push and pop in turn, in one thread: what nobody disturbs. At least 64 times,
 * however late this process has come. */
SLIP_CORE void mpmc_pair(struct mpmc_seat *seat, mpmc_push_fn *push,
			 mpmc_pop_fn *pop, uint32_t words, uint32_t n)
{
	SLIP_ALIGNED(64) uint64_t sources[MPMC_SOURCES * MPMC_WORDS] = { 0 };
	SLIP_ALIGNED(64) uint64_t buffer[MPMC_BATCH * MPMC_WORDS] = { 0 };
	struct mpmc_seat in = *seat;
	struct mpmc_seat out = *seat;
	uint64_t before = 0;
	uint64_t since = in.now_ns();
	bool warm = false;

	mpmc_number_all(&in, sources, words);
	for (uint32_t turn = 0; turn < 64 || turn & 63 || !mpmc_over(&in);
	     turn++) {
		(void)mpmc_put(&in, sources, push, words, n);
		(void)mpmc_take(&out, buffer, pop, words, n);
		if (turn & 63 || warm || !mpmc_warm(&in))
			continue;
		warm = true;
		before = out.count;
		since = in.now_ns();
	}
	out.ns = in.now_ns() - since;
	out.ops = out.count - before;
	while (mpmc_take(&out, buffer, pop, words, n))
		continue;
	/* Its own partner, so the difference is to be 0. */
	out.count -= in.count;
	out.sum -= mpmc_sum(&in);
	*seat = out;
}

/* clang-format off */
#define MPMC_LOOPS(name, push, pop, bytes, n)                                \
	static void name##_produce(struct mpmc_seat *s)                      \
	{                                                                    \
		mpmc_produce(s, push, (bytes) / 8, n);                       \
	}                                                                    \
	static void name##_consume(struct mpmc_seat *s)                      \
	{                                                                    \
		mpmc_consume(s, pop, (bytes) / 8, n);                        \
	}                                                                    \
	static void name##_pair(struct mpmc_seat *s)                         \
	{                                                                    \
		mpmc_pair(s, push, pop, (bytes) / 8, n);                     \
	}                                                                    \
	SLIP_STATIC_ASSERT((n) <= MPMC_BATCH && (bytes) % 8 == 0 &&          \
			   (bytes) <= 8 * MPMC_WORDS, "the loops' buffers")

#define MPMC_LOOPS_OF(name) { name##_produce, name##_consume, name##_pair }
#define MPMC_NO_LOOPS	    { NULL, NULL, NULL }
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
