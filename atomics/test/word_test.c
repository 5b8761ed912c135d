/* SPDX-License-Identifier: MIT */
/* atomics/word.h: what each operation stores and returns, in every order. */
#include <pthread.h>

#include "atomics/test/check.h"
#include "atomics/word.h"

/* High halves differ, so that an operation of half the width is noticed. */
#define A32 0xa5a5000fu
#define B32 0x5a5a00f1u
#define A64 0xa5a5a5a50000000full
#define B64 0x5a5a5a5a000000f1ull

#define THREADS 4
#define ROUNDS	20000

Test(word, zero_bytes_hold_zero)
{
	slip_a32 a;
	slip_a64 b;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	cr_assert_eq(slip_a32_load_relaxed(&a), 0);
	cr_assert_eq(slip_a64_load_relaxed(&b), 0);
}

Test(word, a_load_returns_what_a_store_put)
{
	slip_a32 a;
	slip_a64 b;

	slip_a32_store_relaxed(&a, A32);
	cr_assert_eq(slip_a32_load_acquire(&a), A32);
	slip_a32_store_release(&a, B32);
	cr_assert_eq(slip_a32_load_relaxed(&a), B32);
	slip_a64_store_relaxed(&b, A64);
	cr_assert_eq(slip_a64_load_acquire(&b), A64);
	slip_a64_store_release(&b, B64);
	cr_assert_eq(slip_a64_load_relaxed(&b), B64);
}

Test(word, bytes_are_in_native_order)
{
	slip_a32 a;
	slip_a64 b;
	uint32_t bytes_a;
	uint64_t bytes_b;

	slip_a32_store_relaxed(&a, A32);
	slip_a64_store_relaxed(&b, A64);
	memcpy(&bytes_a, &a, sizeof(a));
	memcpy(&bytes_b, &b, sizeof(b));
	cr_assert_eq(bytes_a, A32);
	cr_assert_eq(bytes_b, A64);
}

/*
 * One test for each width and order of the read-modify-write operations: the
 * bodies are equal, only the names under test change.
 */
#define TEST_RMW(W, T, A, B, ORDER)                                         \
	Test(word, W##_exchange_##ORDER##_returns_the_old_value)            \
	{                                                                   \
		slip_##W w;                                                 \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert_eq(slip_##W##_exchange_##ORDER(&w, B), A);        \
		cr_assert_eq(slip_##W##_load_relaxed(&w), B);               \
	}                                                                   \
	Test(word, W##_fetch_add_##ORDER##_wraps_and_returns_the_old_value) \
	{                                                                   \
		slip_##W w;                                                 \
		T end = (T)0 - 1;                                           \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert_eq(slip_##W##_fetch_add_##ORDER(&w, B), A);       \
		cr_assert_eq(slip_##W##_load_relaxed(&w), (T)(A + B));      \
		slip_##W##_store_relaxed(&w, end);                          \
		cr_assert_eq(slip_##W##_fetch_add_##ORDER(&w, 2), end);     \
		cr_assert_eq(slip_##W##_load_relaxed(&w), 1);               \
	}                                                                   \
	Test(word, W##_fetch_or_##ORDER##_sets_bits_only)                   \
	{                                                                   \
		slip_##W w;                                                 \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert_eq(slip_##W##_fetch_or_##ORDER(&w, B), A);        \
		cr_assert_eq(slip_##W##_load_relaxed(&w), A | B);           \
	}                                                                   \
	Test(word, W##_fetch_and_##ORDER##_clears_bits_only)                \
	{                                                                   \
		slip_##W w;                                                 \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert_eq(slip_##W##_fetch_and_##ORDER(&w, B), A);       \
		cr_assert_eq(slip_##W##_load_relaxed(&w), A &B);            \
	}                                                                   \
	Test(word, W##_cas_##ORDER##_stores_on_a_match)                     \
	{                                                                   \
		slip_##W w;                                                 \
		T expected = A;                                             \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert(slip_##W##_cas_##ORDER(&w, &expected, B));        \
		cr_assert_eq(slip_##W##_load_relaxed(&w), B);               \
		cr_assert_eq(expected, A);                                  \
	}                                                                   \
	Test(word, W##_cas_##ORDER##_reports_what_it_saw_on_a_mismatch)     \
	{                                                                   \
		slip_##W w;                                                 \
		/* Only the highest bit differs. */                         \
		T expected = A ^ (T)1 << (sizeof(T) * 8 - 1);               \
		slip_##W##_store_relaxed(&w, A);                            \
		cr_assert_not(slip_##W##_cas_##ORDER(&w, &expected, B));    \
		cr_assert_eq(slip_##W##_load_relaxed(&w), A);               \
		cr_assert_eq(expected, A);                                  \
	}
#define TEST_BOTH_WIDTHS(ORDER)                  \
	TEST_RMW(a32, uint32_t, A32, B32, ORDER) \
	TEST_RMW(a64, uint64_t, A64, B64, ORDER)

TEST_BOTH_WIDTHS(relaxed)
TEST_BOTH_WIDTHS(acquire)
TEST_BOTH_WIDTHS(release)
TEST_BOTH_WIDTHS(acqrel)
TEST_BOTH_WIDTHS(seqcst)

struct counters {
	slip_a32 added;
	slip_a64 swapped;
	slip_a64 ordered; /* guards plain */
	uint64_t plain;
};

static void *count(void *arg)
{
	struct counters *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t seen = slip_a64_load_relaxed(&c->swapped);

		slip_a32_fetch_add_relaxed(&c->added, 1);
		while (!slip_a64_cas_relaxed(&c->swapped, &seen, seen + 1))
			;
	}
	return NULL;
}

static void run_threads(void *(*body)(void *), void *arg)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, body, arg), 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_join(t[i], NULL), 0);
}

Test(word, no_increment_of_several_threads_is_lost)
{
	struct counters c;

	memset(&c, 0, sizeof(c));
	run_threads(count, &c);
	cr_assert_eq(slip_a32_load_relaxed(&c.added), THREADS * ROUNDS);
	cr_assert_eq(slip_a64_load_relaxed(&c.swapped), THREADS * ROUNDS);
}

static void *count_under_lock(void *arg)
{
	struct counters *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t free = 0;

		while (!slip_a64_cas_acquire(&c->ordered, &free, 1)) {
			free = 0;
			sched_yield();
		}
		c->plain++;
		slip_a64_store_release(&c->ordered, 0);
	}
	return NULL;
}

/* ThreadSanitizer sees the plain counter: acquire and release must pair. */
Test(word, cas_acquire_and_store_release_make_a_lock)
{
	struct counters c;

	memset(&c, 0, sizeof(c));
	run_threads(count_under_lock, &c);
	cr_assert_eq(c.plain, THREADS * ROUNDS);
}

struct message {
	slip_a32 turn; /* even: the writer's, odd: the reader's */
	uint32_t body;
	uint32_t wrong;
};

static void *read_messages(void *arg)
{
	struct message *m = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		while (slip_a32_load_acquire(&m->turn) != 2 * i + 1)
			sched_yield();
		m->wrong += m->body != i;
		slip_a32_store_release(&m->turn, 2 * i + 2);
	}
	return NULL;
}

Test(word, a_release_store_hands_plain_data_to_an_acquire_load)
{
	struct message m;
	pthread_t reader;

	memset(&m, 0, sizeof(m));
	cr_assert_eq(pthread_create(&reader, NULL, read_messages, &m), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		while (slip_a32_load_acquire(&m.turn) != 2 * i)
			sched_yield();
		m.body = i;
		slip_a32_store_release(&m.turn, 2 * i + 1);
	}
	cr_assert_eq(pthread_join(reader, NULL), 0);
	cr_assert_eq(m.wrong, 0);
}
