/* SPDX-License-Identifier: MIT */
/*
 * Many producers, many consumers: 8-byte values through queues of 1024, by 1, 2
 * and 4 of each on the processors there are, and by one thread that pushes and
 * pops in turn. Producers come first, then consumers, pinned round and round:
 * on two processors each has of both.
 *
 * Where a processor has several sides they run at ordinary priority: queues
 * whose users wait for each other show what a preempted one costs them, which a
 * SCHED_FIFO that only yields would hide.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "tools/bench/bench.h"
#include "tools/bench/mpmc_loops.h"

#define CAPACITY 1024u

/* In the team's memory, before the queue. */
struct head {
	SLIP_ALIGNED(128) slip_a32 done;
	SLIP_ALIGNED(128) char queue[];
};

struct question {
	const struct mpmc_queue *queue;
	const struct mpmc_loops *loops;
	struct mpmc_shape shape;
	double rate; /* values in a ns, all consumers together */
	int result;
};

static bool crowded(const struct bench_team *t)
{
	for (unsigned i = 1; i < t->sides; i++)
		if (bench_cpu(i) == bench_cpu(0))
			return true;
	return false;
}

static struct mpmc_seat seat_of(const struct bench_team *t, unsigned self)
{
	const struct question *q = t->own;
	struct head *head = t->mem;
	struct mpmc_seat s = {
		.queue = head->queue,
		.shape = &q->shape,
		.stop = &t->shared->stop,
		.done = &head->done,
		.now_ns = bench_now_ns,
		.crowded = crowded(t),
	};

	s.producer = self < q->shape.producers;
	s.self = s.producer ? self : self - q->shape.producers;
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

static void side(struct bench_team *t, unsigned self, bool alone)
{
	const struct question *q = t->own;
	struct mpmc_seat s = seat_of(t, self);
	int rc = q->queue->open ? q->queue->open(&s) : 0;

	if (s.crowded)
		be_ordinary();
	bench_ready(t);
	/* An eighth of the time is for the caches, and for all to be there. */
	s.warm_until_ns =
		bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
	if (rc == 0 && alone)
		q->loops->pair(&s);
	else if (rc == 0 && s.producer)
		q->loops->produce(&s);
	else if (rc == 0)
		q->loops->consume(&s);
	if (s.producer) /* all it pushed is there: see mpmc_drain() */
		(void)slip_a32_fetch_add_release(s.done, 1);
	account(t, self, &s, rc);
	if (rc == 0 && q->queue->close)
		q->queue->close(&s);
}

static void run_side(struct bench_team *t, unsigned self)
{
	side(t, self, false);
}

static void run_alone(struct bench_team *t, unsigned self)
{
	side(t, self, true);
}

static int setup(struct bench_team *t)
{
	const struct question *q = t->own;
	struct head *head = t->mem;

	return q->queue->make(head->queue, &q->shape);
}

/* What was pushed and what was popped, before the memory is gone. */
static void cleanup(struct bench_team *t)
{
	struct question *q = t->own;
	struct head *head = t->mem;
	uint64_t count = 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->sides; i++) {
		bool in = t->sides > 1 && i < q->shape.producers;
		uint64_t sign = in ? UINT64_MAX : 1;

		count += sign * t->shared->side[i].extra[0];
		sum += sign * t->shared->side[i].extra[1];
		if (t->shared->side[i].ns)
			q->rate += (double)t->shared->side[i].ops /
				   (double)t->shared->side[i].ns;
		if (t->shared->side[i].rc)
			q->result = t->shared->side[i].rc;
	}
	if (!q->result && (count || sum))
		q->result = -EBADMSG;
	if (q->queue->destroy)
		q->queue->destroy(head->queue);
}

static int judge(const struct question *q, const struct bench_point *p,
		 struct bench_answer *a)
{
	if (q->result == -EBADMSG)
		a->why = "values were lost, doubled or torn";
	if (q->result)
		return q->result;
	if (q->rate <= 0) {
		a->why = "nothing came through in the time";
		return -ETIMEDOUT;
	}
	a->value = p->actors == 1 ? 1 / q->rate : q->rate * 1e3;
	return 0;
}

/* `p->actors`: sides, half of them producers; 1: both in one thread. */
static int ask(const struct mpmc_queue *queue, bool threads,
	       const struct bench_point *p, struct bench_answer *a)
{
	struct question q = {
		.queue = queue,
		.loops = p->batch > 1 ? &queue->batch : &queue->single,
		.shape = { .capacity = p->capacity,
			   .producers = (p->actors + 1) / 2,
			   .consumers = (p->actors + 1) / 2 },
	};
	struct bench_team t = {
		.point = p,
		.sides = p->actors,
		.threads = threads,
		.own = &q,
		.setup = setup,
		.cleanup = cleanup,
	};
	int r = queue->find ? queue->find() : 0;

	if (r)
		return r;
	t.bytes = queue->bytes(&q.shape);
	if (!t.bytes || !q.loops->pair)
		return -EOPNOTSUPP;
	t.bytes += sizeof(struct head);
	for (unsigned i = 0; i < t.sides; i++)
		t.run[i] = p->actors == 1 ? run_alone : run_side;
	r = bench_team_run(&t, a);
	return r ? r : judge(&q, p, a);
}

#define ASK(queue, threads)                                 \
	static int ask_##queue(const struct bench_point *p, \
			       struct bench_answer *a)      \
	{                                                   \
		return ask(&mpmc_##queue, threads, p, a);   \
	}                                                   \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

ASK(dpdk_mp, false);
ASK(dpdk_rts, false);
ASK(dpdk_hts, false);
ASK(ck, false);
ASK(boost, false);
ASK(moodycamel, true);
ASK(moodycamel_tokens, true);
ASK(urcu, true);
ASK(pthread, false);
ASK(vyukov, false);

#define DPDK	    "libdpdk-dev"
#define CK	    "libck-dev"
#define BOOST	    "libboost-dev"
#define MOODYCAMEL  "libconcurrentqueue-dev"
#define URCU	    "liburcu-dev"
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

/* clang-format off */
/* Those that offer batches come first. Our own queue is to be the first line,
 * when it exists, and a rival_mpmc_... file's equal; nothing else changes. */
static const struct bench_entry entries[] = {
	{ "DPDK rte_ring MP/MC", BENCH_RIVAL, DPDK, ask_dpdk_mp, false },
	{ "DPDK rte_ring RTS", BENCH_RIVAL, DPDK, ask_dpdk_rts, false },
	{ "DPDK rte_ring HTS", BENCH_RIVAL, DPDK, ask_dpdk_hts, false },
	{ "moodycamel ConcurrentQueue", BENCH_RIVAL, MOODYCAMEL, ask_moodycamel,
	  true },
	{ "moodycamel ConcurrentQueue, tokens", BENCH_RIVAL, MOODYCAMEL,
	  ask_moodycamel_tokens, true },
	{ "liburcu wfcqueue", BENCH_RIVAL, URCU, ask_urcu, true },
	{ "pthread mutex + condvar", BENCH_RIVAL, NULL, ask_pthread, false },
#define BATCHED 7u
	{ "ck_ring mpmc", BENCH_RIVAL, CK, ask_ck, false },
	{ "Boost.Lockfree queue", BENCH_RIVAL, BOOST, ask_boost, false },
	{ "Vyukov (reference)", BENCH_LIMIT, NULL, ask_vyukov, false },
};
/* clang-format on */

static struct bench_case case_of(uint32_t sides, uint32_t batch)
{
	struct bench_case c = {
		.suite = "mpmc",
		.unit = sides == 1 ? "ns" : "Mmsg/s",
		.less_is_better = sides == 1,
		.quick = batch == 1 && sides != 4,
		.point = { .elem_bytes = 8,
			   .capacity = CAPACITY,
			   .batch = batch,
			   .actors = sides },
		.entries = entries,
		.count = batch > 1 ? BATCHED : COUNT(entries),
	};

	return c;
}

static void add_crowds(struct bench *b, uint32_t batch, const char *how)
{
	for (uint32_t each = 1; each <= MPMC_SIDES / 2; each *= 2) {
		struct bench_case c = case_of(2 * each, batch);

		c.name = bench_text(b, "%s, %uP%uC", how, each, each);
		c.series = bench_text(b, "mpmc, %s", how);
		c.x_name = "producers, and as many consumers";
		c.x = each;
		bench_add(b, &c);
	}
}

void bench_suite_mpmc(struct bench *b)
{
	struct bench_case pair = case_of(1, 1);
	struct bench_case pairs = case_of(1, MPMC_BATCH);

	add_crowds(b, 1, "8 B");
	add_crowds(b, MPMC_BATCH, "8 B in batches of 32");
	pair.name = "8 B, push and pop in one thread";
	bench_add(b, &pair);
	pairs.name = "8 B in batches of 32, push and pop in one thread";
	bench_add(b, &pairs);
}
