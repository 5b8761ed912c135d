/* SPDX-License-Identifier: MIT */
/*
 * Instead of a list under a mutex with a condition variable: threads hand jobs to
 * others, in bursts that nothing has to bound. The queue has a name, by which
 * producers find it in a directory; meanwhile another takes its place. Link
 * liburcu-cds and liburcu-bp.
 */
#include "tools/examples/example.h"

#include <pthread.h>
#include <sched.h>

#include "ring/chain.h"
#include "ring/directory.h"
#include "ring/rcu.h" /* says which liburcu that is, and how to have another */

#define PRODUCERS 2
#define WORKERS	  3
#define EACH	  20000
#define KIND_JOBS 1000u /* our own: any but 0 */

SLIP_CHAIN_DEFINE(jobs, uint64_t);

struct worker {
	struct slip_chain *queue;
	uint64_t sum;
};

static struct slip_directory queues;
static slip_a32 gone;

/* Nobody has it any more, nor will. In a thread of liburcu's, where one may not
 * wait for liburcu, as slip_chain_destroy does: so it only tells. */
static void tell_gone(void *context, void *object, size_t bytes)
{
	(void)object;
	(void)bytes;
	(void)slip_a32_fetch_add_release(SLIP_CAST(slip_a32 *, context), 1);
}

static void add(struct slip_chain *queue)
{
	must(jobs_init(queue, NULL) == 0, "init");
	must(slip_directory_add(&queues, "jobs", KIND_JOBS, queue,
				sizeof(*queue), tell_gone, &gone) == 0,
	     "add");
}

/* Into whatever has the name now; false: there is none, or it is closed. */
static bool push(uint64_t job)
{
	struct slip_directory_entry *e =
		slip_directory_hold(&queues, "jobs", KIND_JOBS);
	void *queue;
	int rc;

	if (!e)
		return false;
	queue = slip_directory_object(e, NULL);
	rc = jobs_push(SLIP_CAST(struct slip_chain *, queue), &job);
	slip_directory_drop(e);
	must(rc == 0 || rc == -EPIPE, "push");
	return rc == 0;
}

static void *produce(void *first)
{
	uint64_t from = *SLIP_CAST(uint64_t *, first);

	for (uint64_t job = from; job < from + EACH; job++)
		while (!push(job))
			(void)sched_yield();
	return NULL;
}

static void *work(void *arg)
{
	struct worker *w = SLIP_CAST(struct worker *, arg);
	uint64_t job;
	int rc;

	while ((rc = jobs_pop_until(w->queue, &job, SLIP_FOREVER)) == 0)
		w->sum += job;
	must(rc == -EPIPE, "closed, and nothing is left");
	return NULL;
}

static pthread_t thread_of(void *(*f)(void *), void *arg)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, f, arg) == 0, "pthread_create");
	return thread;
}

static void join(pthread_t *threads, int n)
{
	for (int i = 0; i < n; i++)
		must(pthread_join(threads[i], NULL) == 0, "pthread_join");
}

int main(void)
{
	static struct slip_chain first, second;
	static uint64_t from[PRODUCERS] = { 0, EACH };
	static struct worker workers[WORKERS] = { { &first, 0 },
						  { &second, 0 },
						  { &second, 0 } };
	pthread_t producers[PRODUCERS], threads[WORKERS];
	uint64_t n = PRODUCERS * EACH, sum = 0;

	must(slip_directory_init(&queues) == 0, "init");
	add(&first);
	for (int i = 0; i < PRODUCERS; i++)
		producers[i] = thread_of(produce, &from[i]);
	/* Another takes its place; what is in the first is worked off. */
	must(slip_directory_remove(&queues, "jobs") == 0, "remove");
	add(&second);
	slip_chain_close(&first);
	for (int i = 0; i < WORKERS; i++)
		threads[i] = thread_of(work, &workers[i]);
	join(producers, PRODUCERS);
	slip_chain_close(&second);
	join(threads, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		sum += workers[i].sum;
	must(sum == n * (n - 1) / 2, "each job was done once");
	slip_directory_destroy(&queues);
	must(slip_a32_load_acquire(&gone) == 2, "both are gone");
	slip_chain_destroy(&first);
	slip_chain_destroy(&second);
	return 0;
}
