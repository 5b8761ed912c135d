/* SPDX-License-Identifier: MIT */
/*
 * What this machine can do at best: lines between two cores, copies, locked
 * instructions, system calls, barriers, clocks. Every other suite is read
 * beside these; no ring can be better.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "atomics/fence.h"
#include "atomics/pause.h"
#include "atomics/word.h"
#include "futex/futex.h"
#include "tools/bench/limits_streams.h"
#include "tools/bench/turns.h"

/* Far enough apart for prefetchers that fetch lines in pairs or fours. */
#define APART 512u

/* A limit is a row without a package. */
#define LIMIT(text, f)                                       \
	{                                                    \
		.name = text, .kind = BENCH_LIMIT, .ask = f, \
	}
#define COUNT(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

/* --- one act on one processor ---------------------------------------------- */

/* side_NAME and ask_NAME from one_NAME. */
#define ONE(name)                                                    \
	static void side_##name(struct bench_team *t, unsigned self) \
	{                                                            \
		turns_measure(t, self, one_##name, t->mem);          \
	}                                                            \
	static int ask_##name(const struct bench_point *p,           \
			      struct bench_answer *a)                \
	{                                                            \
		struct bench_team t = { .point = p,                  \
					.sides = 1,                  \
					.run = { side_##name },      \
					.bytes = 4096 };             \
                                                                     \
		return turns_run(&t, a, turns_ns_per_op, NULL);      \
	}

/* Keeps a result alive, so that the compiler cannot choose an instruction
 * that gives none. */
SLIP_CORE void keep(uint64_t x)
{
	__asm__ volatile("" : : "r"(x));
}

SLIP_CORE void one_store(void *at)
{
	slip_a64_store_relaxed((slip_a64 *)at, 1);
}

SLIP_CORE void one_xchg(void *at)
{
	keep(slip_a64_exchange_relaxed((slip_a64 *)at, 1));
}

SLIP_CORE void one_cmpxchg(void *at)
{
	uint64_t expected = 0;

	keep(slip_a64_cas_relaxed((slip_a64 *)at, &expected, 0));
}

SLIP_CORE void one_xadd(void *at)
{
	keep(slip_a64_fetch_add_relaxed((slip_a64 *)at, 1));
}

SLIP_CORE void one_fence(void *at)
{
	one_store(at);
	slip_fence_full();
}

SLIP_CORE void one_pause(void *at)
{
	(void)at;
	slip_pause();
}

ONE(store)
ONE(xchg)
ONE(cmpxchg)
ONE(xadd)
ONE(fence)
ONE(pause)

#if defined(__x86_64__)
SLIP_CORE void one_mfence(void *at)
{
	one_store(at);
	__builtin_ia32_mfence();
}

SLIP_CORE void one_rdtsc(void *at)
{
	(void)at;
	keep(__builtin_ia32_rdtsc());
}

SLIP_CORE void one_rdtscp(void *at)
{
	unsigned cpu;

	(void)at;
	keep(__builtin_ia32_rdtscp(&cpu));
}

SLIP_CORE void one_lfence_rdtsc(void *at)
{
	__builtin_ia32_lfence();
	one_rdtsc(at);
}

ONE(mfence)
ONE(rdtsc)
ONE(rdtscp)
ONE(lfence_rdtsc)
#endif

SLIP_CORE void one_clock(void *at)
{
	struct timespec now;

	(void)at;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
}

SLIP_CORE void one_clock_coarse(void *at)
{
	struct timespec now;

	(void)at;
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
}

SLIP_CORE void one_getcpu(void *at)
{
	(void)at;
	keep((uint64_t)sched_getcpu());
}

SLIP_CORE void one_getppid(void *at)
{
	(void)at;
	(void)syscall(SYS_getppid);
}

SLIP_CORE void one_yield(void *at)
{
	(void)at;
	(void)sched_yield();
}

SLIP_CORE void one_wake_private(void *at)
{
	(void)slip_futex_wake((slip_a32 *)at, 1, SLIP_PRIVATE);
}

SLIP_CORE void one_wake_shared(void *at)
{
	(void)slip_futex_wake((slip_a32 *)at, 1, SLIP_SHARED);
}

SLIP_CORE void one_wait_eagain(void *at)
{
	/* The word is 0: "no longer what you think", at once. */
	int rc = slip_futex_wait((slip_a32 *)at, 1, SLIP_FOREVER, SLIP_SHARED);

	keep((uint64_t)rc);
}

ONE(clock)
ONE(clock_coarse)
ONE(getcpu)
ONE(getppid)
ONE(yield)
ONE(wake_private)
ONE(wake_shared)
ONE(wait_eagain)

static const struct bench_entry instructions[] = {
	LIMIT("plain store", ask_store),
	LIMIT("xchg", ask_xchg),
	LIMIT("cmpxchg", ask_cmpxchg),
	LIMIT("xadd", ask_xadd),
	LIMIT("store + locked fence", ask_fence),
#if defined(__x86_64__)
	LIMIT("store + mfence", ask_mfence),
#endif
	LIMIT("pause", ask_pause),
};

static const struct bench_entry clocks[] = {
#if defined(__x86_64__)
	LIMIT("rdtsc", ask_rdtsc),
	LIMIT("rdtscp", ask_rdtscp),
	LIMIT("lfence + rdtsc", ask_lfence_rdtsc),
#endif
	LIMIT("clock_gettime MONOTONIC", ask_clock),
	LIMIT("clock_gettime MONOTONIC_COARSE", ask_clock_coarse),
	LIMIT("sched_getcpu", ask_getcpu),
};

static const struct bench_entry calls[] = {
	LIMIT("getppid", ask_getppid),
	LIMIT("sched_yield, alone", ask_yield),
	LIMIT("futex wake of nobody, private", ask_wake_private),
	LIMIT("futex wake of nobody, shared", ask_wake_shared),
	LIMIT("futex wait that says EAGAIN", ask_wait_eagain),
};

/* --- membarrier ------------------------------------------------------------ */

static int membarrier_call(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) ? -errno : 0;
}

SLIP_CORE void one_private(void *at)
{
	(void)at;
	(void)membarrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

SLIP_CORE void one_global(void *at)
{
	(void)at;
	(void)membarrier_call(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

static void side_private(struct bench_team *t, unsigned self)
{
	t->shared->side[self].rc =
		membarrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	turns_measure(t, self, one_private, t->mem);
}

static void side_global(struct bench_team *t, unsigned self)
{
	t->shared->side[self].rc =
		membarrier_call(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	turns_measure(t, self, one_global, t->mem);
}

/* A peer that never enters the kernel, so that it must be interrupted. */
static void side_run(struct bench_team *t, unsigned self)
{
	t->shared->side[self].rc =
		membarrier_call(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
	bench_ready(t);
	while (!bench_over(t))
		slip_pause();
}

/* The private one reaches the threads of a process, the global one every
 * process that has registered: so threads, or processes. */
static int ask_membarrier(const struct bench_point *p, struct bench_answer *a,
			  bench_side *caller, bool threads)
{
	struct bench_team t = { .point = p,
				.sides = p->actors,
				.run = { caller, side_run },
				.threads = threads,
				.bytes = 4096 };

	return turns_run(&t, a, turns_ns_per_op, NULL);
}

static int ask_private(const struct bench_point *p, struct bench_answer *a)
{
	return ask_membarrier(p, a, side_private, p->actors > 1);
}

static int ask_global(const struct bench_point *p, struct bench_answer *a)
{
	return ask_membarrier(p, a, side_global, false);
}

static const struct bench_entry membarriers_alone[] = {
	LIMIT("membarrier PRIVATE_EXPEDITED", ask_private),
	LIMIT("membarrier GLOBAL_EXPEDITED", ask_global),
};

static const struct bench_entry membarriers[] = {
	{ .name = "membarrier PRIVATE_EXPEDITED",
	  .kind = BENCH_LIMIT,
	  .ask = ask_private,
	  .threads = true },
	LIMIT("membarrier GLOBAL_EXPEDITED", ask_global),
};

/* --- a line there and back ------------------------------------------------- */

static slip_a64 *line_at(const struct bench_team *t, size_t at)
{
	return (slip_a64 *)(void *)((char *)t->mem + at);
}

/* Says k, until the other has said k as well. Polled without a pause: the
 * limit is that of the line, not of good manners. */
SLIP_CORE void bounce(slip_a64 *say, const slip_a64 *hear, uint64_t k,
		      uint64_t answer)
{
	slip_a64_store_release(say, k);
	while (slip_a64_load_acquire(hear) != answer)
		;
}

SLIP_CORE void side_first(struct bench_team *t, unsigned self, slip_a64 *say,
			  slip_a64 *hear)
{
	uint64_t k = 1;
	uint64_t warm;
	uint64_t from = 0;

	bench_ready(t);
	for (warm = 1; warm < 20000; warm++, k += 2)
		bounce(say, hear, k, k + 1);
	from = bench_now_ns();
	do {
		for (unsigned i = 0; i < TURNS; i++, k += 2)
			bounce(say, hear, k, k + 1);
		t->shared->side[self].ops += TURNS;
	} while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
	slip_a64_store_release(say, UINT64_MAX);
}

SLIP_CORE void side_second(struct bench_team *t, slip_a64 *say, slip_a64 *hear)
{
	bench_ready(t);
	for (uint64_t k = 1;; k += 2) {
		uint64_t heard;

		do
			heard = slip_a64_load_acquire(hear);
		while (heard < k);
		if (heard == UINT64_MAX)
			return;
		slip_a64_store_release(say, k + 1);
	}
}

static void side_line_first(struct bench_team *t, unsigned self)
{
	side_first(t, self, line_at(t, 0), line_at(t, 0));
}

static void side_line_second(struct bench_team *t, unsigned self)
{
	(void)self;
	side_second(t, line_at(t, 0), line_at(t, 0));
}

static void side_lines_first(struct bench_team *t, unsigned self)
{
	side_first(t, self, line_at(t, 0), line_at(t, APART));
}

static void side_lines_second(struct bench_team *t, unsigned self)
{
	(void)self;
	side_second(t, line_at(t, APART), line_at(t, 0));
}

static int ask_pair(const struct bench_point *p, struct bench_answer *a,
		    bench_side *first, bench_side *second)
{
	struct bench_team t = {
		.point = p, .sides = 2, .run = { first, second }, .bytes = 4096
	};

	return turns_run(&t, a, turns_ns_per_op, NULL);
}

static int ask_one_line(const struct bench_point *p, struct bench_answer *a)
{
	return ask_pair(p, a, side_line_first, side_line_second);
}

static int ask_two_lines(const struct bench_point *p, struct bench_answer *a)
{
	return ask_pair(p, a, side_lines_first, side_lines_second);
}

static const struct bench_entry bounces[] = {
	LIMIT("one line, written by both", ask_one_line),
	LIMIT("two lines, one for each way", ask_two_lines),
};

/* --- the suite ------------------------------------------------------------- */

static void add(struct bench *b, const char *name,
		const struct bench_entry *entries, unsigned count,
		unsigned actors)
{
	struct bench_case c = { .suite = "limits",
				.name = name,
				.unit = "ns",
				.less_is_better = true,
				.quick = true,
				.point = { .actors = actors },
				.entries = entries,
				.count = count };

	bench_add(b, &c);
}

void bench_suite_limits(struct bench *b)
{
	add(b, "line there and back", bounces, COUNT(bounces), 2);
	add(b, "instruction, hot line", instructions, COUNT(instructions), 1);
	add(b, "clock", clocks, COUNT(clocks), 1);
	add(b, "system call", calls, COUNT(calls), 1);
	add(b, "membarrier, alone", membarriers_alone, COUNT(membarriers_alone),
	    1);
	add(b, "membarrier, peer running", membarriers, COUNT(membarriers), 2);
	bench_limits_streams(b);
}
