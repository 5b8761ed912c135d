/* SPDX-License-Identifier: MIT */
/*
 * What runs that torture have in common: a seed, children that cannot outlive
 * the parent, a watchdog, a failure that ends everything. The command line of
 * a program of ours is in program.h; `slipring stress` has its own.
 *
 *	stress_options = (struct stress_options){ .seed = 42, ... };
 *	stress_start();
 *	stress_on_stuck(dump);
 *	while (stress_more())
 *		run(stress_next_seed());
 *	stress_finish();
 *
 * A run draws all its choices from one seed. The instants of kills and stops
 * are drawn from it too, but the machine's schedule is not: a seed repeats a
 * run's shape, not its fate.
 *
 * The watchdog ends the process if stress_pulse() is not given a new number
 * for 20 s: it dumps and fails. Whatever way the parent ends, its children are
 * killed; none is ever signalled that was not started here. Failures go to
 * stderr and end the process that started with status 1.
 */
#ifndef SLIP_STRESS_HARNESS_H
#define SLIP_STRESS_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STRESS_MS	UINT64_C(1000000)
#define STRESS_CHILDREN 128

/* On which CPUs the two sides of a pair run: see stress_pin(). */
enum stress_pinning {
	STRESS_PIN_NOT,
	STRESS_PIN_SAME,   /* both on one */
	STRESS_PIN_SPREAD, /* each on one of its own */
	STRESS_PIN_VARY,   /* each run draws one of these */
};

struct stress_cpus {
	uint32_t count;
	uint16_t number[1024];
};

struct stress_options {
	uint64_t seed;
	uint64_t runs; /* at most so many; 0: as many as the time allows */
	uint64_t duration_ns;
	unsigned patience_s;
	uint32_t capacity;   /* 0: varied */
	uint32_t elem_bytes; /* 0: varied */
	uint32_t kills;	     /* per second and run; 0: none */
	uint32_t stops;
	enum stress_pinning pinning;
	struct stress_cpus cpus; /* to be pinned to */
	uint32_t pair;		 /* which of those that run at once */
};
extern struct stress_options stress_options;

/* --- life of the process -------------------------------------------------- */

/* This process is the one that starts children: signals, clock, watchdog. */
void stress_start(void);
/* Has the time come to an end? */
bool stress_is_over(void);
/* Is there time, and a reason, for another run? */
bool stress_more(void);
/* The seed of the run that begins now; and how many have begun. */
uint64_t stress_next_seed(void);
uint64_t stress_runs(void);
/* All went well: no child may be left. Ends the watchdog. */
void stress_finish(void);
/* Something is not as it must be: say so, dump, end everything. */
__attribute__((format(printf, 1, 2), noreturn)) void
stress_fail(const char *format, ...);
#define STRESS_CHECK(cond, ...) ((cond) ? (void)0 : stress_fail(__VA_ARGS__))

/* --- watchdog ------------------------------------------------------------- */

/* Called by stress_fail and the watchdog, in the parent, perhaps in a signal
 * handler: it may look, and say. */
void stress_on_stuck(void (*dump)(void));
/* One line on stderr, without allocation. */
__attribute__((format(printf, 1, 2))) void stress_say(const char *format, ...);
/* `progress` is any number that changes while things go on. */
void stress_pulse(uint64_t progress);

/* --- chance and content --------------------------------------------------- */

uint64_t stress_random(uint64_t *state);
/* 0..n-1 */
uint64_t stress_pick(uint64_t *state, uint64_t n);
/* Kills and stops per second; if there are any: how long until the next, and
 * is it a stop? */
uint64_t stress_rate(void);
uint64_t stress_gap_ns(uint64_t *state);
bool stress_pick_stop(uint64_t *state);
/* 0..255, each order of magnitude as likely as the next. */
uint64_t stress_short(uint64_t *state);
/* Every byte of content number `n` depends on n and on its place. From 8 bytes
 * on, the first 8 are n itself. */
void stress_fill(void *to, size_t bytes, uint64_t n);
bool stress_filled(const void *from, size_t bytes, uint64_t n);

/* --- time ----------------------------------------------------------------- */

void stress_sleep_ns(uint64_t ns);

/* --- processors ----------------------------------------------------------- */

/* Those that this process may use. */
void stress_allowed_cpus(struct stress_cpus *cpus);
/* Pins this process, which is side 0 or 1 of a pair. */
void stress_pin(enum stress_pinning how, uint32_t side);

/* --- threads -------------------------------------------------------------- */

/* A thread that signals leave alone: they are the main thread's. */
pthread_t stress_thread(void *(*body)(void *), void *arg);

/* --- children ------------------------------------------------------------- */

/* Runs body(arg) in a child, whose exit status is the result. A child whose
 * parent is gone is killed; what a terminal sends to all, it leaves to the
 * parent. */
pid_t stress_spawn(int (*body)(void *), void *arg);
/* SIGKILL and wait: on return the child is dead by the kernel's word. */
void stress_kill(pid_t pid);
/* The signal alone; stress_kill must follow. */
void stress_shoot(pid_t pid);
/* SIGSTOP and wait until it has stopped. */
void stress_stop(pid_t pid);
void stress_continue(pid_t pid);
/* Fails the program unless the child ends by itself with status 0. */
void stress_join(pid_t pid);
/* Has it ended by itself? Then its wait status. */
bool stress_ended(pid_t pid, int *status);
/* Fails the program if a child that should be at work has ended. */
void stress_all_at_work(void);

/* Memory shared with the children, zeroed; for ledgers. */
void *stress_shared(size_t bytes);
/* A directory of our own in /dev/shm that goes when we are gone. */
const char *stress_directory(void);
/* So many entries in it. */
unsigned stress_directory_count(void);

/* For %llu. */
static inline unsigned long long llu(uint64_t value)
{
	return value;
}

#endif
