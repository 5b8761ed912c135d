/* SPDX-License-Identifier: MIT */
/* The engine from the inside: what was asked, what was answered, who prints. */
#ifndef SLIP_TOOLS_BENCH_ENGINE_H
#define SLIP_TOOLS_BENCH_ENGINE_H

#include <jansson.h>
#include <stdio.h>

#include "tools/bench/bench.h"

#define BENCH_ROUNDS_MAX 64
#define BENCH_NOISY	 0.10 /* (third quartile - first) / median */

struct spread {
	double median, min, max, quartiles; /* their distance / median */
};

/* Of `n` values; all 0 if there are none. */
struct spread spread_of(const double *values, unsigned n);

struct result {
	int rc; /* of the last time; what failed once is not asked again */
	const char *why;
	double value[BENCH_ROUNDS_MAX];
	struct bench_hist *hist; /* NULL if there is none */
};

/* All that was used of our processors so far. */
struct bench_load {
	uint64_t at_ns, busy_ns, own_ns, stolen_ns;
	unsigned processors;
};

/* What is looked at while answers are measured (probe.c). */
struct bench_watch {
	double (*line_ns)(void); /* there and back; 0: not known */
	void (*load)(struct bench_load *now);
};
extern const struct bench_watch bench_watch;

enum bench_trouble {
	BENCH_QUIET,
	BENCH_MOVES,  /* processors were moved */
	BENCH_STOLEN, /* by the host, for other machines */
	BENCH_OTHERS, /* other processes */
	BENCH_TROUBLES
};

/* In one round (noise.c). */
struct bench_seen {
	double first_ns, least_ns, most_ns; /* of a line, by probes */
	uint64_t time_ns, busy_ns, own_ns;  /* of the processors */
	uint64_t others_ns, stolen_ns;
	enum bench_trouble trouble;
};

struct asked {
	struct bench_case c;
	unsigned rounds;    /* done */
	unsigned disturbed; /* of them */
	struct bench_seen seen[BENCH_ROUNDS_MAX];
	struct result *result;
};

struct bench {
	struct asked *asked;
	unsigned cases;
	struct bench_target *targets;
	unsigned targets_count;
	char **texts;
	unsigned texts_count;
};

struct verdict {
	struct spread ratio;
	unsigned rounds; /* 0: not measured */
	bool met, noisy;
};

/* What to run. */
struct bench_options {
	char **suites;	  /* NULL-terminated; none: all */
	const char *only; /* in "suite: name"; NULL: all */
	bool quick;
	double seconds;	 /* of all; 0: 40 quick, 1,000 full */
	unsigned rounds; /* 0: as the case says, or 5 quick, 9 full */
	bool list;
	const struct bench_watch *watch; /* NULL: every round is quiet */
};

struct bench *bench_new(void);
void bench_free(struct bench *b);
/* Adds the suites that are wanted; -EINVAL: there is none of that name. */
int bench_collect(struct bench *b, const struct bench_options *o);
const char *bench_suite_name(unsigned i); /* NULL: no more */
/* How many answers were asked for. */
unsigned bench_run(struct bench *b, const struct bench_options *o);

/* ours / this in each round where both are there, as "times better". */
unsigned bench_ratios(const struct asked *a, unsigned ours, unsigned other,
		      double *ratios);
/* The first of ours, or -1. */
int bench_ours(const struct asked *a);
bool bench_noisy(const struct asked *a, unsigned entry);
struct verdict bench_judge(const struct bench *b, const struct bench_target *t);

void bench_print(const struct bench *b, FILE *out);
void bench_print_targets(const struct bench *b, FILE *out);
void bench_csv(const struct bench *b, FILE *out);
/* What stood in the machine is asked for before it is measured. */
json_t *bench_json(const struct bench *b, const char *command, json_t *machine);
json_t *bench_machine(void);
/* What changed the code, of the flags that it was compiled with; or "unknown". */
const char *bench_flags(char *text, size_t bytes);
/*
 * Prints which rows of two runs, as JSON, differ by more than a tenth although
 * neither run called them noisy, and how many agree. Returns how many differ.
 */
unsigned bench_compare(const json_t *then, const json_t *now, FILE *out);

#endif
