/* SPDX-License-Identifier: MIT */
/*
 * The loops of suite record: one side puts records as long as the time lasts,
 * the other takes them. A way is a handful of small functions; RECORD_SIDES
 * makes the two sides of it, with everything inlined and the length a constant,
 * as in a program whose messages are structs; or known at run time only.
 *
 * The producer keeps its record in a buffer of its own and moves it once, into
 * the ring. The consumer moves or reads it once: it
 *
 *	copies out	to a buffer of its own, as pop() does and read() does; or
 *	touches		every word in place, by adding them up.
 *
 * When it has found nothing it looks again after a pause; or it rests first, for
 * RECORD_REST pauses (about 7 us here), so that records gather. Close behind the
 * producer each record costs the line that both want, further behind lines
 * stream; who wants throughput pays with that delay, when the ring is empty only.
 *
 * The first and the last word of a record are its number, which is checked. The
 * source is as many records as make RECORD_BYTES_MAX, and each gets its next
 * number when it has been sent: a wide load just behind a narrow store to the
 * same bytes waits until that has left the store buffer, with all that the ring
 * has been sent before, and then it is this that is measured.
 */
#ifndef SLIP_TOOLS_BENCH_RECORD_LOOPS_H
#define SLIP_TOOLS_BENCH_RECORD_LOOPS_H

#include <errno.h>
#include <string.h>

#include "atomics/base.h"
#include "atomics/pause.h"
#include "tools/bench/bench.h"

#define RECORD_BYTES_MAX 16384u
#define RECORD_REST	 640u
/* Instead of a number: there are no more. */
#define RECORD_END UINT64_MAX
/* What the words between the numbers are. */
#define RECORD_WORD UINT64_C(0x0123456789abcdef)
/* Of the shared memory, what stands before the ring. */
#define RECORD_RING_AT 4096u

/* In pages, as one way gives them to the kernel. */
union record_msg {
	SLIP_ALIGNED(4096) uint64_t word[RECORD_BYTES_MAX / 8];
	unsigned char bytes[RECORD_BYTES_MAX];
};

/* A take's answer, beside 0 (nothing there) and errors. */
enum { RECORD_CAME = 1, RECORD_ENDED = 2 };

/* 1: it went; 0: no room now; or -errno. */
typedef int record_put(void *lane, const uint64_t *from, uint32_t bytes);
/* RECORD_CAME, if it is that number; RECORD_ENDED; 0: nothing; -EBADMSG. */
typedef int record_take(void *lane, union record_msg *to, uint32_t bytes,
			uint64_t number);

SLIP_CORE void record_number(uint64_t *word, uint32_t bytes, uint64_t number)
{
	word[0] = number;
	word[bytes / 8 - 1] = number;
}

/* A record as it came, or the copy of it. */
SLIP_CORE int record_check(const uint64_t *word, uint32_t bytes,
			   uint64_t number)
{
	uint64_t first = word[0];

	if (SLIP_UNLIKELY(first == RECORD_END))
		return RECORD_ENDED;
	return first == number && word[bytes / 8 - 1] == number ? RECORD_CAME
								: -EBADMSG;
}

/* The same, of one that is read in place from end to end. */
SLIP_CORE int record_touch(const uint64_t *word, uint32_t bytes,
			   uint64_t number)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < bytes / 8; i++)
		sum += word[i];
	if (SLIP_UNLIKELY(word[0] == RECORD_END))
		return RECORD_ENDED;
	return sum == 2 * number + (bytes / 8 - 2) * RECORD_WORD ? RECORD_CAME
								 : -EBADMSG;
}

/* The source of record number `i`. */
SLIP_CORE uint64_t *record_at(union record_msg *m, uint32_t bytes, uint64_t i)
{
	return m->word + i % (RECORD_BYTES_MAX / bytes) * (bytes / 8);
}

SLIP_CORE int record_send(void *lane, union record_msg *msg, record_put *put,
			  uint32_t bytes, uint64_t number)
{
	uint64_t *from = record_at(msg, bytes, number);
	int rc = put(lane, from, bytes);

	if (rc > 0)
		record_number(from, bytes, number + RECORD_BYTES_MAX / bytes);
	else if (rc == 0)
		slip_pause();
	return rc;
}

/* Side 0. `last` is what ends the stream: so many records, for a lane that
 * publishes several at once. */
SLIP_CORE int record_pour(struct bench_team *t, void *lane,
			  union record_msg *msg, record_put *put,
			  uint32_t bytes, uint32_t last)
{
	const uint32_t sources = RECORD_BYTES_MAX / bytes;
	uint64_t number = 0;
	int rc = 0;

	for (uint32_t i = 0; i < RECORD_BYTES_MAX / 8; i++)
		msg->word[i] = RECORD_WORD;
	for (uint32_t i = 0; i < sources; i++)
		record_number(record_at(msg, bytes, i), bytes, i);
	do {
		for (uint32_t i = 0; i < 32 && rc >= 0; i++) {
			rc = record_send(lane, msg, put, bytes, number);
			number += rc > 0;
		}
	} while (rc >= 0 && !bench_over(t));
	record_number(msg->word, bytes, RECORD_END);
	while (rc >= 0 && last) {
		rc = put(lane, msg->word, bytes);
		last -= rc > 0;
	}
	return rc < 0 ? rc : 0;
}

SLIP_COLD void record_rest(uint32_t pauses)
{
	for (uint32_t i = 0; i < pauses; i++)
		slip_pause();
}

/* 32 looks. What the last one brought; of an end or an error, that. */
SLIP_CORE int record_some(void *lane, union record_msg *msg, record_take *take,
			  uint32_t bytes, uint32_t rest, uint64_t *number)
{
	int rc = 0;

	for (uint32_t i = 0; i < 32; i++) {
		rc = take(lane, msg, bytes, *number);
		if (SLIP_UNLIKELY(rc == 0))
			record_rest(rest);
		else if (SLIP_UNLIKELY(rc != RECORD_CAME))
			return rc;
		else
			++*number;
	}
	return rc;
}

/* Side 1, whose account it is: only what arrives counts. */
SLIP_CORE int record_drain(struct bench_team *t, void *lane,
			   union record_msg *msg, record_take *take,
			   uint32_t bytes, uint32_t rest)
{
	struct bench_shared *shared = t->shared;
	uint64_t warm =
		bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
	uint64_t number = 0, before, since;
	int rc = 0;

	while (rc >= 0 && rc != RECORD_ENDED && bench_now_ns() < warm)
		rc = record_some(lane, msg, take, bytes, rest, &number);
	before = number;
	since = bench_now_ns();
	while (rc >= 0 && rc != RECORD_ENDED)
		rc = record_some(lane, msg, take, bytes, rest, &number);
	shared->side[1].ns = bench_now_ns() - since;
	shared->side[1].ops = number - before;
	/* The other side is not to wait for room for ever. */
	while (rc < 0 && take(lane, msg, bytes, 0) != RECORD_ENDED)
		continue;
	return rc < 0 ? rc : 0;
}

/* What a side does between bench_ready() and its account. */
SLIP_CORE int record_play(struct bench_team *t, unsigned self, void *lane,
			  record_put *put, record_take *take, uint32_t bytes,
			  uint32_t last, uint32_t rest)
{
	static union record_msg msg; /* of a process, so of a side */

	return self ? record_drain(t, lane, &msg, take, bytes, rest)
		    : record_pour(t, lane, &msg, put, bytes, last);
}

/* --- from a way to an entry ------------------------------------------------ */

struct record_way {
	/* In the parent, before the sides fork; and after. Or NULL. */
	int (*setup)(struct bench_team *t);
	void (*cleanup)(struct bench_team *t);
	bench_side *of_64, *of_1k, *of_4k, *of_16k; /* or NULL */
};

struct record_job {
	const struct record_way *way;
	struct bench_answer *answer;
	int rc;
	int fd[2]; /* of the pipe */
};

/* suite_record.c */
int record_ask(const struct record_way *way, const struct bench_point *p,
	       struct bench_answer *a);

static inline struct record_job *record_job(const struct bench_team *t)
{
	return (struct record_job *)t->own;
}

/* What all ways have: the memory of the ring, `point.capacity` and a bit. */
static inline void *record_ring(const struct bench_team *t)
{
	return (char *)t->mem + RECORD_RING_AT;
}

static inline size_t record_ring_bytes(const struct bench_team *t)
{
	return t->point->capacity + RECORD_RING_AT;
}

/*
 * side_NAME, from open_LANE and shut_LANE on a `struct LANE`, of which each side
 * has one. A side that cannot open says so before both are let go.
 */
#define RECORD_SIDE(name, lane, put, take, bytes, last, rest)                 \
	static void side_##name(struct bench_team *t, unsigned self)          \
	{                                                                     \
		static struct lane l;                                         \
		int rc = open_##lane(t, self, &l);                            \
                                                                              \
		t->shared->side[self].rc = rc;                                \
		bench_ready(t);                                               \
		if (!rc && !t->shared->side[!self].rc)                        \
			rc = record_play(t, self, &l, put, take, bytes, last, \
					 rest);                               \
		t->shared->side[self].rc = rc;                                \
		shut_##lane(&l);                                              \
	}                                                                     \
	SLIP_STATIC_ASSERT(RECORD_BYTES_MAX >= 64, "a side's buffer")

/* record_ask_NAME, with a side for each length. */
#define RECORD_WAY(name, lane, put, take, set, clean, last, rest)              \
	RECORD_SIDE(name##_64, lane, put, take, 64, last(t, 64), rest);        \
	RECORD_SIDE(name##_1k, lane, put, take, 1024, last(t, 1024), rest);    \
	RECORD_SIDE(name##_4k, lane, put, take, 4096, last(t, 4096), rest);    \
	RECORD_SIDE(name##_16k, lane, put, take, 16384, last(t, 16384), rest); \
	int record_ask_##name(const struct bench_point *p,                     \
			      struct bench_answer *a)                          \
	{                                                                      \
		static const struct record_way way = {                         \
			set,                                                   \
			clean,                                                 \
			side_##name##_64,                                      \
			side_##name##_1k,                                      \
			side_##name##_4k,                                      \
			side_##name##_16k,                                     \
		};                                                             \
                                                                               \
		return record_ask(&way, p, a);                                 \
	}

/* The same, with a length that the compiler does not know. */
#define RECORD_WAY_ANY(name, lane, put, take, set, clean)               \
	RECORD_SIDE(name, lane, put, take, t->point->elem_bytes, 1, 1); \
	int record_ask_##name(const struct bench_point *p,              \
			      struct bench_answer *a)                   \
	{                                                               \
		static const struct record_way way = {                  \
			set,	     clean,	  side_##name,          \
			side_##name, side_##name, side_##name,          \
		};                                                      \
                                                                        \
		return record_ask(&way, p, a);                          \
	}

#define RECORD_DECLARE(name)                               \
	int record_ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)

RECORD_DECLARE(claim_copy);
RECORD_DECLARE(claim_touch);
RECORD_DECLARE(claim_copy_rest);
RECORD_DECLARE(claim_touch_rest);
RECORD_DECLARE(push_rest);
RECORD_DECLARE(claim_any);
RECORD_DECLARE(push);
RECORD_DECLARE(push_any);
RECORD_DECLARE(until);
RECORD_DECLARE(claim_until);
RECORD_DECLARE(memcpy_halves);
RECORD_DECLARE(memcpy_each);
RECORD_DECLARE(memcpy_touch);
RECORD_DECLARE(pipe);
RECORD_DECLARE(pipe_gulp);
RECORD_DECLARE(pipe_splice);

#endif
