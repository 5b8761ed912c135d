/* SPDX-License-Identifier: MIT */
/*
 * Producers come first, then consumers, pinned round and round: on two
 * processors each has of both.
 *
 * Where a processor has several sides they run at ordinary priority: queues
 * whose users wait for each other show what a preempted one costs them, which a
 * SCHED_FIFO that only yields would hide.
 */
#define _GNU_SOURCE
#include "tools/bench/mpmc_run.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

static bool crowded(const struct bench_team *t)
{
	for (unsigned i = 1; i < t->sides; i++)
		if (bench_cpu(i) == bench_cpu(0))
			return true;
	return false;
}

static struct mpmc_seat seat_of(const struct bench_team *t, unsigned self)
{
	const struct mpmc_run *r = t->own;
	struct mpmc_head *head = t->mem;
	struct mpmc_seat s = {
		.queue = head->queue,
		.shape = &r->shape,
		.stop = &t->shared->stop,
		.done = &head->done,
		.now_ns = bench_now_ns,
		.crowded = crowded(t),
	};

	s.producer = self < r->shape.producers;
	s.consumer = r->alone || !s.producer;
	s.self = s.producer ? self : self - r->shape.producers;
	if (r->onlooker)
		s.seen = &head->seen[self].count;
	if (r->onlooker && self == MPMC_VICTIM)
		s.trap = &head->trap;
	return s;
}

static void account(const struct bench_team *t, unsigned self,
		    const struct mpmc_seat *s, int rc)
{
	t->shared->side[self].ops = s->ops;
	t->shared->side[self].ns = s->ns;
	t->shared->side[self].extra[0] = s->count;
	t->shared->side[self].extra[1] = s->sum;
	t->shared->side[self].rc = rc;
}

/* Preempted in turn, but by others of the machine as little as may be. */
static void be_ordinary(void)
{
	struct sched_param ordinary = { 0 };

	(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
	(void)setpriority(PRIO_PROCESS, 0, -20);
}

static mpmc_loop *loop_of(const struct mpmc_run *r, const struct mpmc_seat *s)
{
	if (r->alone)
		return r->loops->pair;
	return s->producer ? r->loops->produce : r->loops->consume;
}

static void side(struct bench_team *t, unsigned self)
{
	const struct mpmc_run *r = t->own;
	struct mpmc_seat s = seat_of(t, self);
	int rc = r->queue->open ? r->queue->open(&s) : 0;

	if (s.crowded)
		be_ordinary();
	if (s.trap) /* init: before all are ready */
		slip_a32_store_relaxed(&s.trap->who, (uint32_t)gettid());
	bench_ready(t);
	/* An eighth of the time is for the caches, and for all to be there. */
	s.warm_until_ns =
		bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
	if (rc == 0)
		loop_of(r, &s)(&s);
	if (s.producer) /* all it pushed is there: see mpmc_drain() */
		(void)slip_a32_fetch_add_release(s.done, 1);
	account(t, self, &s, rc);
	if (rc == 0 && r->queue->close)
		r->queue->close(&s);
}

static int setup(struct bench_team *t)
{
	const struct mpmc_run *r = t->own;
	struct mpmc_head *head = t->mem;

	return r->queue->make(head->queue, &r->shape);
}

/* What was pushed and what was popped, before the memory is gone. */
static void cleanup(struct bench_team *t)
{
	struct mpmc_run *r = t->own;
	struct mpmc_head *head = t->mem;
	uint64_t count = 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->sides; i++) {
		bool in = !r->alone && i < r->shape.producers;
		uint64_t sign = in ? UINT64_MAX : 1;

		count += sign * t->shared->side[i].extra[0];
		sum += sign * t->shared->side[i].extra[1];
		if (t->shared->side[i].ns)
			r->rate += (double)t->shared->side[i].ops /
				   (double)t->shared->side[i].ns;
		if (t->shared->side[i].rc)
			r->result = t->shared->side[i].rc;
	}
	if (!r->result && (count || sum))
		r->result = -EBADMSG;
	if (!r->result)
		r->result = head->result;
	r->part = head->part;
	if (r->queue->destroy)
		r->queue->destroy(head->queue);
}

static int judge(const struct mpmc_run *r, struct bench_answer *a)
{
	if (r->result == -EBADMSG)
		a->why = "elements were lost, doubled or torn";
	if (r->result || r->rate > 0)
		return r->result;
	a->why = "nothing came through in the time";
	return -ETIMEDOUT;
}

int mpmc_run(struct mpmc_run *r, const struct bench_point *p,
	     struct bench_answer *a)
{
	unsigned sides = r->alone ? 1 : r->shape.producers + r->shape.consumers;
	struct bench_team t = {
		.point = p,
		.sides = sides + (r->onlooker ? 1 : 0),
		.threads = r->threads,
		.own = r,
		.setup = setup,
		.cleanup = cleanup,
	};
	int rc = r->queue->find ? r->queue->find() : 0;

	if (rc)
		return rc;
	t.bytes = r->queue->bytes(&r->shape);
	if (!t.bytes || !r->loops->pair) {
		a->why = "not of this shape";
		return -EOPNOTSUPP;
	}
	t.bytes += sizeof(struct mpmc_head);
	for (unsigned i = 0; i < sides; i++)
		t.run[i] = side;
	t.run[sides] = r->onlooker;
	rc = bench_team_run(&t, a);
	return rc ? rc : judge(r, a);
}
