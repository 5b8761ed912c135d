/* SPDX-License-Identifier: MIT */
/* What the suite "growth" asks; its cases are in suite_growth.c. */
#ifndef SLIP_TOOLS_BENCH_GROWTH_H
#define SLIP_TOOLS_BENCH_GROWTH_H

#include "atomics/pause.h"
#include "tools/bench/turns.h"

typedef int growth_ask(const struct bench_point *p, struct bench_answer *a);

/* ns for each element of elem_bytes, a power of two from 8 to 64 KiB, from one
 * process to another. */
#define GROWTH_ELEM_MAX 65536u
growth_ask growth_spsc;
/* The same for records, in a ring of `capacity` bytes; and the copy alone, into
 * so many bytes. */
growth_ask growth_record, growth_copy;

/* M/s of all pairs of `actors` processes together; one is a pair by itself. */
#define GROWTH_PROCESSES 8u
growth_ask growth_pairs_polling, growth_pairs_sleeping;

/* ns for each of `actors` rings, all empty; and for the element that one of
 * them has. */
#define GROWTH_RINGS 128u
growth_ask growth_polls, growth_finds;

/* ns, among `actors` joined peers. */
growth_ask growth_peer_joins, growth_peer_alive, growth_peer_nobody,
	growth_peer_recovers, growth_peer_moves;

/* --- one side to the other ------------------------------------------------- */

/* A message is `words` long; its number, from 1, is in the first and the last. */
struct growth_flow {
	struct bench_team *team;
	uint64_t *message;
	size_t words;
};

/* So that no compiler sees that only two of its words are read. */
static inline uint64_t *growth_hidden(uint64_t *message)
{
	__asm__ volatile("" : "+r"(message) : : "memory");
	return message;
}

SLIP_CORE void growth_produce(const struct growth_flow *f, void *own,
			      bool (*put)(void *own, const void *message))
{
	uint64_t *m = growth_hidden(f->message);
	uint64_t n = 1;

	bench_ready(f->team);
	while (!bench_over(f->team))
		for (unsigned i = 0; i < TURNS; i++) {
			m[0] = m[f->words - 1] = n;
			if (put(own, m))
				n++;
			else
				slip_pause();
		}
}

/* TURNS attempts; how many came. */
SLIP_CORE uint64_t growth_some(const struct growth_flow *f, void *own,
			       bool (*take)(void *own, void *message),
			       uint64_t *m, uint64_t *next, bool *good)
{
	uint64_t before = *next;

	for (unsigned i = 0; i < TURNS; i++)
		if (take(own, m)) {
			*good &= m[0] == *next && m[f->words - 1] == *next;
			++*next;
		} else {
			slip_pause();
		}
	return *next - before;
}

SLIP_CORE void growth_consume(const struct growth_flow *f, unsigned self,
			      void *own, bool (*take)(void *own, void *message))
{
	uint64_t *m = growth_hidden(f->message);
	uint64_t next = 1, ops = 0, from;
	bool good = true;

	bench_ready(f->team);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(f->team))
		(void)growth_some(f, own, take, m, &next, &good);
	from = bench_now_ns();
	do {
		ops += growth_some(f, own, take, m, &next, &good);
	} while (!bench_over(f->team));
	f->team->shared->side[self].ns = bench_now_ns() - from;
	f->team->shared->side[self].ops = ops;
	f->team->shared->side[self].rc = good ? 0 : -EBADMSG;
}

#endif
