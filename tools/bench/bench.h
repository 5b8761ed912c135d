/* SPDX-License-Identifier: MIT */
/*
 * What the suites of `slipring bench` are written against.
 *
 * A suite adds cases; a case is one question ("spsc: 8 B, capacity 1024, fast
 * consumer"), its entries are those who answer it: ours, rivals, and limits of
 * the machine. The engine asks all entries of a case in turn, and again, in
 * rounds (A B C A B C ...), so that what disturbs one disturbs all; a ratio is
 * that of two answers of one round. Suites know nothing of statistics, formats
 * or progress, the engine nothing of rings.
 */
#ifndef SLIP_TOOLS_BENCH_BENCH_H
#define SLIP_TOOLS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- latencies ------------------------------------------------------------- */

/*
 * Counts of nanoseconds in buckets of at most 1/32 of their value (the layout of
 * HdrHistogram by Gil Tene: powers of two, each cut into 32): 0 to 2^40 - 1.
 */
#define BENCH_BUCKETS (36 * 32)
struct bench_hist {
	uint64_t count, min_ns, max_ns;
	uint64_t bucket[BENCH_BUCKETS];
};
void bench_hist_add(struct bench_hist *h, uint64_t ns);
void bench_hist_merge(struct bench_hist *to, const struct bench_hist *from);
/* The upper end of the bucket below which `part` (0..1) of the counts are; 0 of
 * an empty one. */
uint64_t bench_hist_at(const struct bench_hist *h, double part);

/* --- cases ----------------------------------------------------------------- */

/* LOOSE: a rival that promises less of what the case is about, so it is not
 * meant by "the best rival". */
enum bench_kind { BENCH_OURS, BENCH_RIVAL, BENCH_LIMIT, BENCH_LOOSE };

/* What an entry is to do, as its case says. Whatever a suite does not use is
 * 0. */
struct bench_point {
	uint32_t elem_bytes; /* of an element, record or message */
	uint32_t capacity;   /* elements, or bytes for byte rings */
	uint32_t batch;	     /* elements in one call; 1: single */
	uint32_t work;	     /* pauses that a slow consumer spends on each */
	uint32_t actors;     /* processes, threads, rings, peers ... */
	uint32_t way;	     /* of the suite's own */
	double seconds;	     /* that one answer should take; from the engine */
};

struct bench_answer {
	double value;		 /* in the case's unit */
	struct bench_hist *hist; /* to be filled if it is there */
	const char *why;	 /* if it failed: a text that stays */
};

struct bench_entry {
	const char *name; /* "slipring", "DPDK rte_ring SP/SC" */
	enum bench_kind kind;
	/* The Debian package without which it is absent; NULL: none. */
	const char *package;
	/* 0; -ENOPKG: its package is not there; or another negative errno, with
	 * `why`. */
	int (*ask)(const struct bench_point *p, struct bench_answer *a);
	bool threads; /* cannot be shared by processes: measured in threads */
};

struct bench_case {
	const char *suite, *name, *unit;
	/* The bench's own words for a group of cases whose `x` grows, and what x
	 * is; NULL: not in a series. */
	const char *series, *x_name;
	double x;
	bool less_is_better;
	bool latency;	 /* entries fill histograms */
	bool quick;	 /* asked by --quick as well */
	unsigned rounds; /* 0: the engine's */
	struct bench_point point;
	const struct bench_entry *entries;
	unsigned count;
};

struct bench;
/* Copies the case; the entries and texts must stay. */
void bench_add(struct bench *b, const struct bench_case *c);
/* A name that stays: as printf. */
const char *bench_text(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A line of --targets: in that case, the median over the rounds of
 * value(ours) / value(against), or its inverse where less is better, so that
 * more is always better for us. NULL as `against`: in each round the best
 * BENCH_RIVAL of that round.
 */
struct bench_target {
	const char *suite, *name; /* the case */
	const char *ours;	  /* an entry; NULL: the first of ours */
	const char *against;
	double at_least;
	const char *line; /* what was asked for, in words */
	/* Where it was not met in the end: what was tried, and what it is that
	 * stands in the way. */
	const char *limit;
};
void bench_target(struct bench *b, const struct bench_target *t);

/* --- two who talk ---------------------------------------------------------- */

/* What both sides see. The suite's memory starts at `mem`, zeroed, and aligned
 * to 4096. */
struct bench_shared {
	_Alignas(128) uint32_t ready;
	_Alignas(128) uint32_t go;
	_Alignas(128) uint32_t stop; /* set when the time is over */
	_Alignas(128) struct {
		uint64_t ops, ns; /* a side's own account */
		int32_t rc;
		uint64_t extra[4];
	} side[16];
	struct bench_hist hist;
};

struct bench_team;
typedef void bench_side(struct bench_team *t, unsigned self);

struct bench_team {
	/* Told by the caller: */
	const struct bench_point *point;
	unsigned sides; /* 2 for a pair; at most 16 */
	bench_side *run[16];
	bool threads;
	bool one_cpu; /* all on one processor; else side i on the i-th, round
		       * and round */
	size_t bytes; /* of `mem` */
	void *own;    /* what the caller wants to pass; inherited */
	/* Before the sides start, in the parent. 0 or negative errno. */
	int (*setup)(struct bench_team *t);
	void (*cleanup)(struct bench_team *t);
	/* Told to the sides: */
	struct bench_shared *shared;
	void *mem;
};

/*
 * Makes the memory, starts the sides pinned (SCHED_FIFO where that is
 * permitted), lets them go together, waits, and gives everything back. A side
 * that is killed or does not end (a watchdog of 10 s more than the seconds
 * asked) makes it fail. 0, or negative errno and a->why.
 *
 * A side calls bench_ready() once it is set up: it returns when all are. It then
 * warms up, measures, and leaves ops, ns and rc in its place of `shared`.
 * bench_over() is true when point->seconds have passed since the start: a plain
 * load, cheap enough for every 64th turn.
 */
int bench_team_run(struct bench_team *t, struct bench_answer *a);
void bench_ready(struct bench_team *t);
static inline bool bench_over(const struct bench_team *t)
{
	return __atomic_load_n(&t->shared->stop, __ATOMIC_RELAXED) != 0;
}
/* Monotonic nanoseconds. */
uint64_t bench_now_ns(void);
/* The processor of side `i`, as pinned. */
int bench_cpu(unsigned i);

/* --- suites ---------------------------------------------------------------- */

void bench_suite_limits(struct bench *b);
void bench_suite_spsc(struct bench *b);
void bench_suite_mpmc(struct bench *b);
void bench_suite_record(struct bench *b);
void bench_suite_latest(struct bench *b);
void bench_suite_broadcast(struct bench *b);
void bench_suite_call(struct bench *b);
void bench_suite_priority(struct bench *b);
void bench_suite_chain(struct bench *b);
void bench_suite_lanes(struct bench *b);
void bench_suite_wait(struct bench *b);
void bench_suite_locks(struct bench *b);
void bench_suite_ipc(struct bench *b);
void bench_suite_crash(struct bench *b);
void bench_suite_growth(struct bench *b);

#endif
