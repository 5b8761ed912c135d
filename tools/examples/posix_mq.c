/* SPDX-License-Identifier: MIT */
/*
 * Instead of a POSIX message queue: messages of one size, as many as were
 * said at creation, -EAGAIN or a deadline when it is full; and what
 * mq_receive(3) cannot do: a message that a worker took and did not finish
 * comes again. Priorities, and mq_notify: priority.c.
 */
#include "tools/examples/example.h"

#include "ring/slipring.h"

#define PLACES 4

struct job {
	uint32_t number;
	char what[28];
};
SLIP_MPMC_DEFINE(jobs, struct job);

static struct family parent;
static struct slip_sem *taken;

static int worker(void)
{
	struct slip_mpmc_ticket t;
	struct slip_mpmc q;
	struct family f;
	size_t bytes;
	void *ring;

	family_join(&f, &parent);
	ring = family_find(&f, "jobs", SLIP_KIND_MPMC, &bytes);
	must(jobs_attach(&q, ring, bytes, SLIP_CONSUMER, &f.me) == 0, "attach");
	must(slip_mpmc_take_until(&q, &t, SLIP_FOREVER) == 0, "take");
	must(slip_sem_post(taken, 1) == 0, "post");
	wait_for_the_end(); /* and no ack */
	return 0;
}

/* Fills the queue, and is told so in each of the two ways. */
static void fill(struct slip_mpmc *q)
{
	struct job job = { 0, "work" };

	for (job.number = 1; job.number <= PLACES; job.number++)
		must(jobs_push(q, &job), "send");
	must(!jobs_push(q, &job), "full: O_NONBLOCK");
	must(jobs_push_until(q, &job, slip_after_ns(1000000)) == -ETIMEDOUT,
	     "full: mq_timedsend");
}

/* Whoever hears of a death says so, and what the dead one had comes back. (Its
 * address space may take a moment longer than waitpid(2).) */
static void bury_it(void)
{
	int buried = 0;

	while (buried == 0)
		buried = slip_peer_recover(&parent.me);
	must(buried == 1, "one was dead");
}

int main(void)
{
	size_t bytes = jobs_bytes(PLACES, SLIP_MPMC_WORK);
	bool again[PLACES + 1] = { false };
	struct slip_mpmc_ticket t;
	struct slip_mpmc out, in;
	pid_t child;
	void *ring;

	taken = (struct slip_sem *)shared_memory(4096);
	family_create(&parent, bytes);
	ring = family_add(&parent, "jobs", SLIP_KIND_MPMC, bytes);
	must(jobs_init(ring, bytes, PLACES, SLIP_MPMC_WORK) == 0, "init");
	family_publish(&parent);
	must(jobs_attach(&out, ring, bytes, SLIP_PRODUCER, &parent.me) == 0,
	     "mq_open");
	fill(&out);
	child = start(worker);
	must(slip_sem_acquire(taken, 1) == 0, "a worker has one");
	kill_it(child);
	bury_it();
	must(jobs_attach(&in, ring, bytes, SLIP_CONSUMER, &parent.me) == 0,
	     "mq_open");
	for (int i = 0; i < PLACES; i++) {
		const struct job *job;

		must(slip_mpmc_take_until(&in, &t, SLIP_FOREVER) == 0, "take");
		job = (const struct job *)t.elem;
		must(job->number >= 1 && job->number <= PLACES &&
			     !again[job->number],
		     "each once");
		again[job->number] = true;
		must(t.attempts == (job->number == 1 ? 2 : 1),
		     "the dead one's is the second attempt");
		slip_mpmc_ack(&in, &t);
	}
	slip_mpmc_detach(&out);
	must(slip_mpmc_take_until(&in, &t, SLIP_FOREVER) == -EPIPE, "the end");
	slip_mpmc_detach(&in);
	family_leave(&parent);
	return 0;
}
