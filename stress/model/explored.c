/* SPDX-License-Identifier: MIT */
/*
 * Runs a client in the explorer: its main() up to the first join is the setup,
 * what it starts are the threads, and check() is the end. The threads, which
 * the explorer wants to know beforehand, are CLIENT_THREADS.
 */
#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/syscall.h>

#include "../explore/explore.h"

int client_main(void);
void check(void);
void client_pause(void);
long client_sys(long nr, long a, long b, long c, long d, long e, long f);

static struct {
	void *(*body)(void *);
	void *arg;
} started[X_THREADS];
static unsigned threads;
static uint64_t complete;
static jmp_buf joining;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*body)(void *), void *arg)
{
	(void)attr;
	X_ASSERT(threads < CLIENT_THREADS, "more threads than announced");
	*thread = threads;
	started[threads].body = body;
	started[threads++].arg = arg;
	return 0;
}

int pthread_join(pthread_t thread, void **result)
{
	(void)thread;
	(void)result;
	longjmp(joining, 1);
}

void __assert_fail(const char *text, const char *file, unsigned line,
		   const char *function)
{
	(void)function;
	x_fail(file, (int)line, "assertion: %s", text);
}

void client_pause(void)
{
	x_pause();
}

static void once(void)
{
	complete = 0;
}

static void setup(void)
{
	threads = 0;
	if (setjmp(joining) == 0)
		(void)client_main();
	X_ASSERT(threads == CLIENT_THREADS, "only %u threads", threads);
}

static void run(void)
{
	(void)started[x_self()].body(started[x_self()].arg);
}

static void final(void)
{
	check();
	complete++;
}

static void finish(void)
{
	X_ASSERT(complete, "no complete execution");
}

/* Sleeping is the explorer's, so that a sleep is one. */
static bool sys(long nr, const long a[6], long *result)
{
	if (nr == SYS_futex || nr == SYS_membarrier)
		return false;
	*result = client_sys(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return true;
}

int main(int argc, char **argv)
{
	struct x_model model = {
		.name = CLIENT_NAME,
		.operation = CLIENT_OPERATION,
		.once = once,
		.setup = setup,
		.final = final,
		.finish = finish,
		.sys = sys,
		.preemptions = 8,
	};

	for (unsigned i = 0; i < CLIENT_THREADS; i++)
		model.threads[i] = run;
	return x_main(argc, argv, &model, 1);
}
