/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs have in common: options, a seed, children that
 * cannot outlive the parent, a watchdog, and one line per run.
 *
 *	int main(int argc, char **argv)
 *	{
 *		stress_begin(argc, argv, "spsc_threads: ...");
 *		stress_on_stuck(dump);
 *		while (stress_more())
 *			run(stress_next_seed());
 *		return stress_end();
 *	}
 *
 * A run draws all its choices from one seed, which its line shows; the same
 * program with --seed of that line begins with that run. The instants of kills
 * and stops are drawn from it too, but the machine's schedule is not: a seed
 * repeats a run's shape, not its fate.
 *
 * The watchdog ends the program if stress_pulse() is not given a new number
 * for 20 s: it dumps and fails. Whatever way the parent ends, its children are
 * killed; none is ever signalled that was not started here.
 */
#ifndef SLIP_STRESS_HARNESS_H
#define SLIP_STRESS_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STRESS_MS	UINT64_C(1000000)
#define STRESS_CHILDREN 64

/* What the command line said; 0 means: vary it. */
struct stress_options {
	uint64_t seed;
	uint64_t runs; /* at most so many; 0: as many as the time allows */
	uint32_t capacity;
	uint32_t elem_bytes;
	uint32_t kills; /* disturbances per second and run; 0: none */
};
extern struct stress_options stress_options;

/* --- life of the program -------------------------------------------------- */

/* Parse the options, say the seed, start the clock. */
void stress_begin(int argc, char **argv, const char *about);
/* Is there time, and a reason, for another run? */
bool stress_more(void);
/* The seed of the run that begins now. */
uint64_t stress_next_seed(void);
/* One run's line, which says "ok". */
__attribute__((format(printf, 2, 3))) void stress_line(uint64_t seed,
						       const char *format, ...);
/* The result of main(). */
__attribute__((format(printf, 1, 2))) int stress_end(const char *format, ...);
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
/* 0..255, each order of magnitude as likely as the next. */
uint64_t stress_short(uint64_t *state);
/* Every byte of content number `n` depends on n and on its place. From 8 bytes
 * on, the first 8 are n itself. */
void stress_fill(void *to, size_t bytes, uint64_t n);
bool stress_filled(const void *from, size_t bytes, uint64_t n);

/* --- time ----------------------------------------------------------------- */

void stress_sleep_ns(uint64_t ns);

/* --- threads -------------------------------------------------------------- */

/* A thread that signals leave alone: they are the main thread's. */
pthread_t stress_thread(void *(*body)(void *), void *arg);

/* --- children ------------------------------------------------------------- */

/* Runs body(arg) in a child, whose exit status is the result. A child whose
 * parent is gone is killed. */
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
/* Fails the program if a child that should be at work has ended. */
void stress_all_at_work(void);

/* Memory shared with the children, zeroed; for ledgers. */
void *stress_shared(size_t bytes);
/* A directory of our own in /dev/shm that goes when we are gone. */
const char *stress_directory(void);
/* So many entries in it. */
unsigned stress_directory_count(void);

#endif
