/* SPDX-License-Identifier: MIT */
/*
 * What the suite "crash" is made of: a producer and a consumer, each a process,
 * and a successor that stands by; one consumer is killed, or stopped for a
 * while, in mid-run. A link is one way to connect them.
 *
 * Elements are numbers from 1 upwards. The consumer checks that they go on by
 * one, and a successor that nothing is delivered twice; links say how many may
 * be lost with a consumer.
 */
#ifndef SLIP_TOOLS_BENCH_CRASH_H
#define SLIP_TOOLS_BENCH_CRASH_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "atomics/word.h"
#include "futex/futex.h"
#include "futex/region.h"
#include "futex/sys.h"

#define CRASH_CAPACITY	1024u
#define CRASH_BUCKETS	32u
#define CRASH_BUCKET_NS UINT64_C(10000000)
/* What a blocking call of a link sleeps at most. */
#define CRASH_NAP_NS UINT64_C(20000000)

/* In shared memory; times are CLOCK_MONOTONIC, 0: not yet. */
struct crash_board {
	slip_a32 ready; /* sides that are set up */
	slip_a32 begin; /* futex: go ahead */
	slip_a32 go;	/* futex: the successor may come in */
	slip_a32 die;	/* the consumer is to die where it hurts */
	slip_a32 error; /* what a side failed with, an errno */
	slip_a64 began_ns;
	slip_a64 struck_ns;    /* the consumer is about to be killed */
	slip_a64 died_ns;      /* of `die` */
	slip_a64 continued_ns; /* the stopped one was let go on */
	slip_a64 told_ns;      /* the producer knew of the death */
	slip_a64 pushed_ns;    /* its first push after that */
	slip_a64 first_ns;     /* first element at the successor, or after the
			    * stop */
	SLIP_ALIGNED(128) slip_a64 last; /* element that a consumer had */
	slip_a32 count[CRASH_BUCKETS];	 /* elements by 10 ms */
};

enum crash_event {
	CRASH_ALONE,  /* SIGKILL; a successor comes once the producer knows */
	CRASH_CALLED, /* SIGKILL; the parent reaps it and calls the successor */
	CRASH_STOP    /* SIGSTOP, SIGCONT; no successor */
};

struct crash_run {
	enum crash_event event;
	struct crash_board *board;
	/* Of the link's, made by `open` before the fork: */
	struct slip_region rg;
	void *mem;
	int fd[2];
};

struct crash_link {
	int (*open)(struct crash_run *r); /* 0 or -errno */
	/* Gives up what the parent holds, when all have been forked. */
	void (*close)(struct crash_run *r);
	/* The sides, each in its process; they return with an error only. */
	int (*produce)(struct crash_run *r);
	int (*consume)(struct crash_run *r, bool successor);
	/* Its producer only learns of some deaths: in CRASH_ALONE the consumer
	 * dies such a one by itself, when the board says `die`. */
	bool dies_inside;
	/* The successor is a second consumer from the start, but in
	 * CRASH_ALONE, where the producer is to miss the only one. */
	bool colleague;
};

extern const struct crash_link crash_spsc, crash_record, crash_mpmc, crash_pipe,
	crash_unix, crash_robust;

struct crash_result {
	uint64_t told_ns, pushed_ns, first_ns; /* since the event; 0: never */
	uint64_t event_ns;		       /* since the start */
	uint32_t count[CRASH_BUCKETS];
};

/* The event after `lead_ns`, the end when `wanted` is there, or `total_ns` are
 * over if that is not 0. 0 or -errno. */
struct crash_plan {
	enum crash_event event;
	uint64_t lead_ns, stop_ns, total_ns;
	enum { CRASH_TOLD, CRASH_PUSHED, CRASH_FIRST } wanted;
};
int crash_run(const struct crash_link *link, const struct crash_plan *plan,
	      struct crash_result *result);

/* Until the word is not 0. */
SLIP_INLINE void crash_await(const slip_a32 *word)
{
	while (!slip_a32_load_acquire(word))
		if (slip_futex_wait(word, 0, SLIP_FOREVER, SLIP_SHARED))
			(void)sched_yield();
}

SLIP_INLINE void crash_tell(slip_a32 *word)
{
	slip_a32_store_release(word, 1);
	(void)slip_futex_wake(word, INT32_MAX, SLIP_SHARED);
}

SLIP_INLINE void crash_ready(struct crash_board *b)
{
	(void)slip_a32_fetch_add_release(&b->ready, 1);
	crash_await(&b->begin);
}

/* The first time counts. Only one side writes a given one at a time. */
SLIP_INLINE void crash_stamp(slip_a64 *ns)
{
	if (!slip_a64_load_relaxed(ns)) /* own */
		slip_a64_store_release(ns, slip_now_ns());
}

#endif
