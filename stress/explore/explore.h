/* SPDX-License-Identifier: MIT */
/*
 * The schedule explorer: runs small concurrent models of the library, on the
 * headers that ship, under every schedule and every value a load may return.
 *
 * A model is a few functions. Its source is compiled with -fsanitize=thread
 * and linked with this runtime instead of the sanitizer's, so each access to
 * memory comes here and may be preceded by another thread's:
 *
 *	static slip_a32 x, y;
 *	static uint32_t seen[2];
 *
 *	static void setup(void) { memset(&x, 0, 4); memset(&y, 0, 4); }
 *	static void left(void)
 *	{
 *		slip_a32_store_relaxed(&x, 1);
 *		seen[0] = slip_a32_load_relaxed(&y);
 *	}
 *	... right ...
 *	static const struct x_model models[] = {
 *		{ .name = "sb", .operation = "litmus", .setup = setup,
 *		  .threads = { left, right }, .final = check },
 *	};
 *	int main(int argc, char **argv)
 *	{
 *		return x_main(argc, argv, models, 1);
 *	}
 *
 * Order of events: `once`; then for each execution: the bytes named by x_keep
 * are put back, `setup`, all threads, `final`. Once, setup and final run alone
 * and undisturbed, what they do happens before, or after, all the rest.
 *
 * A model must be deterministic: no clock, no random numbers, no addresses in
 * its decisions. It initialises everything in setup (or by x_keep); there is no
 * other reset. No malloc, no stdio in the threads. Plain data of the model's
 * own is checked for races too; an array with an entry for each thread, read in
 * `final`, is the usual way to bring results home. Stacks are 64 KiB and not
 * checked.
 */
#ifndef SLIP_STRESS_EXPLORE_H
#define SLIP_STRESS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X_THREADS 4

/* Outcomes of a futex sleep that become choices. */
#define X_SPURIOUS 1u /* 0 though nobody woke it */
#define X_EINTR	   2u /* -EINTR */
#define X_TIMEOUT  4u /* a deadline comes while others still run */
/* membarrier is refused (-ENOSYS), every command of it. */
#define X_NO_MEMBARRIER 8u
/* Memory models in which a `bug` is not expected to show: not run there. */
#define X_NOT_SC   16u
#define X_NOT_TSO  32u
#define X_NOT_RC11 64u
/* The run fails unless it went through every execution there is. */
#define X_COMPLETE 128u

struct x_model {
	const char *name;      /* unique in its program: "push-pop" */
	const char *operation; /* for the evidence row: "spsc.push+pop" */
	void (*once)(void);    /* before the first execution; may be NULL */
	void (*setup)(void);   /* before each; may be NULL */
	void (*threads[X_THREADS])(void);
	void (*final)(void); /* after each: asserts, counts; may be NULL */
	/* After the last execution of a run that found nothing: asserts over
	 * the counters that `once` zeroed, so that nothing passes in vain. */
	void (*finish)(void);
	/* System calls of threads and of setup and final, before the runtime
	 * sees them; see below. May be NULL. */
	bool (*sys)(long nr, const long args[6], long *result);
	unsigned mortal;      /* bit i: thread i may be killed anywhere */
	unsigned stoppable;   /* bit i: thread i may be stopped, for ever */
	unsigned troubles;    /* at most so many of these in one execution */
	unsigned flags;	      /* X_... */
	unsigned surprises;   /* at most so many X_SPURIOUS, X_EINTR, X_TIMEOUT
			       * in one execution */
	unsigned preemptions; /* bound of the exhaustive strategy; 0: 2 */
	unsigned steps;	      /* of one execution; 0: 2000; more: livelock */
	/* A seeded bug: the run is ok only if it finds a failure whose text
	 * contains this. */
	const char *bug;
};

/* Parse the command line (--help), run, print; the exit status. */
int x_main(int argc, char **argv, const struct x_model *models, unsigned count);

/* In `once`: these bytes are put back before every execution to what they are
 * when `once` returns. Up to 16 of them. */
void x_keep(void *mem, size_t bytes);

/* In `once`: what traces call these bytes. Up to 32 names. */
void x_name(const void *mem, size_t bytes, const char *name);

/* The thread that calls, 0..; in once, setup and final X_THREADS. */
unsigned x_self(void);

/* What the kernel would say: has the thread been killed? Then everything that
 * it did has happened before the answer. Stopped is alive, and so is one that
 * has merely returned. No step of its own: meant for `sys` and `final`. */
bool x_dead(unsigned thread);

/* For `final`: did the thread return, or was it stopped? */
bool x_returned(unsigned thread);
bool x_stopped(unsigned thread);

/* Was there any kill or stop so far in this execution? */
bool x_troubled(void);

/* The memory model of this run: "sc", "tso" or "rc11". */
const char *x_memory(void);

/* A remark for the trace; costs nothing without one. */
void x_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the execution as failed, with text, trace and replay command. */
void x_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
#define X_ASSERT(cond, ...) \
	((cond) ? (void)0 : x_fail(__FILE__, __LINE__, __VA_ARGS__))

/*
 * The hooks of the library, given to it by -D.
 *
 * x_pause: the caller spins. It goes on when another thread has stored
 * something since its last pause, or, if all others sleep, spin or are gone,
 * when time has passed; from then on it sees the newest value of every word
 * that was stored before.
 *
 * x_now: virtual; passes only while all threads sleep or spin.
 *
 * x_sys: `sys` of the model first, at a step of its own: before it any other
 * thread may run, or this one be killed. It returns true if it has set
 * *result (a result or -errno). Otherwise futex and membarrier are the
 * runtime's; all others go to the real kernel, and what descriptors and
 * mappings a thread has had from it go when it is killed.
 */
void x_pause(void);
void x_copy(void *to, const void *from, size_t bytes);
uint64_t x_now(void);
long x_sys(long nr, long a, long b, long c, long d, long e, long f);

#endif
