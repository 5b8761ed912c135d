/* SPDX-License-Identifier: MIT */
/* The layout is HdrHistogram's (Gil Tene), with 32 buckets to a power of two.
 */
#include "tools/bench/bench.h"

#define SUB_BITS 5
#define SUBS	 (1u << SUB_BITS)

/* Values below 32 have a bucket each; from there on the five bits after the
 * highest choose among 32. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < SUBS)
		return (unsigned)ns;
	if (ns >> 40)
		return BENCH_BUCKETS - 1;
	shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	return (shift + 1) * SUBS + (unsigned)((ns >> shift) - SUBS);
}

/* The largest value that belongs there. */
static uint64_t end_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < SUBS)
		return bucket;
	shift = bucket / SUBS - 1;
	return ((uint64_t)(bucket % SUBS + SUBS + 1) << shift) - 1;
}

void bench_hist_add(struct bench_hist *h, uint64_t ns)
{
	if (!h->count || ns < h->min_ns)
		h->min_ns = ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->count++;
	h->bucket[bucket_of(ns)]++;
}

void bench_hist_merge(struct bench_hist *to, const struct bench_hist *from)
{
	if (!from->count)
		return;
	if (!to->count || from->min_ns < to->min_ns)
		to->min_ns = from->min_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	to->count += from->count;
	for (unsigned i = 0; i < BENCH_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t bench_hist_at(const struct bench_hist *h, double part)
{
	double exact = part * (double)h->count;
	uint64_t wanted = (uint64_t)exact;
	uint64_t seen = 0;

	if (!h->count)
		return 0;
	/* Rounded up, but for what 0.99 * 100 is too large by. */
	wanted += exact - (double)wanted > 1e-6;
	for (unsigned i = 0; i < BENCH_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen && seen >= wanted)
			return end_of(i) < h->max_ns ? end_of(i) : h->max_ns;
	}
	return h->max_ns;
}
