/* SPDX-License-Identifier: MIT */
/* Who disturbed which round, and what is left of it. */
#ifndef SLIP_TOOLS_BENCH_NOISE_H
#define SLIP_TOOLS_BENCH_NOISE_H

#include "tools/bench/engine.h"

/* A line takes longer, or less, by this: the processors were moved. */
#define BENCH_MOVED 1.5

/* Of a probe; 0 ns where there are no two processors. */
void bench_see_line(struct bench_seen *s, double ns);
/* Around an answer. */
void bench_see_load(struct bench_seen *s, const struct bench_load *before,
		    const struct bench_load *after);
/* Judges all rounds so far. */
void bench_sift(struct asked *a);

/* Whether the round counts in medians and ratios. */
bool bench_kept(const struct asked *a, unsigned round);
unsigned bench_left_out(const struct asked *a);
/* Most rounds were disturbed. */
bool bench_mistrusted(const struct asked *a);
/* The median of the rounds that count; least and most of all. */
struct spread bench_values(const struct asked *a, unsigned entry);

/* What the trouble was; NULL: none. */
const char *bench_noise(const struct asked *a, char *text, size_t bytes);
void bench_print_noise(const struct asked *a, FILE *out);
void bench_noise_json(const struct asked *a, json_t *to);

#endif
