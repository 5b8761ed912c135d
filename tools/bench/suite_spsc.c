/* SPDX-License-Identifier: MIT */
/*
 * One producer, one consumer: throughput of elements of 8, 56 and 64 bytes, and
 * the round trip over two rings. The loops and what they check are in
 * spsc_loops.h, the queues in spsc_ours.c, spsc_bare.c and rival_*.
 */
#include <errno.h>

#include "tools/bench/bench.h"
#include "tools/bench/spsc_trip.h"

struct question {
	const struct spsc_queue *queue;
	const struct spsc_kind *kind;
	struct bench_answer *answer;
	size_t bytes; /* of a ring */
	bool trips;
	int result;
};

/* In the team's memory, before the rings. */
struct head {
	SLIP_ALIGNED(128) slip_a32 done;
	SLIP_ALIGNED(128) char rings[];
};

static size_t ring_step(const struct question *q)
{
	return (q->bytes + 127) / 128 * 128;
}

static void *ring_of(const struct bench_team *t, unsigned i)
{
	struct head *head = t->mem;

	return head->rings + i * ring_step(t->own);
}

static void note(void *with, uint64_t ns)
{
	bench_hist_add(with, ns);
}

static struct spsc_seat seat_of(const struct bench_team *t, unsigned self)
{
	const struct question *q = t->own;
	struct head *head = t->mem;
	struct spsc_seat s = {
		.out = ring_of(t, q->trips ? self : 0),
		.in = ring_of(t, q->trips ? 1 - self : 0),
		.mem = ring_of(t, 0),
		.bytes = q->bytes,
		.capacity = t->point->capacity,
		.self = self,
		.work = t->point->work,
		.stop = &t->shared->stop,
		.done = &head->done,
		.now_ns = bench_now_ns,
		.note = note,
		.note_with = &t->shared->hist,
	};

	return s;
}

static spsc_loop *loop_of(const struct question *q, unsigned self)
{
	if (q->trips)
		return self ? q->kind->echo : q->kind->ask;
	return self ? q->kind->consume : q->kind->produce;
}

static void account(struct bench_team *t, const struct spsc_seat *s)
{
	t->shared->side[s->self].ops = s->ops;
	t->shared->side[s->self].ns = s->ns;
	t->shared->side[s->self].extra[0] = s->count;
	t->shared->side[s->self].extra[1] = s->sum;
	t->shared->side[s->self].rc = s->rc;
}

static void run_side(struct bench_team *t, unsigned self)
{
	const struct question *q = t->own;
	struct spsc_seat s = seat_of(t, self);

	s.rc = q->queue->open ? q->queue->open(&s) : 0;
	bench_ready(t);
	/* An eighth of the time is for the caches, and for both to be there. */
	s.warm_until_ns =
		bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
	if (!s.rc) {
		loop_of(q, self)(&s);
		if (q->queue->close)
			q->queue->close(&s);
	}
	slip_a32_store_release(s.done, 1);
	account(t, &s);
}

static int setup(struct bench_team *t)
{
	const struct question *q = t->own;
	int rc = 0;

	for (unsigned i = 0; !rc && i < (q->trips ? 2 : 1); i++)
		rc = q->kind->make(ring_of(t, i), q->bytes, t->point->capacity,
				   t->point->elem_bytes);
	return rc;
}

/* What the sides say, before the memory is gone. */
static void judge(const struct bench_team *t, struct question *q)
{
	const struct bench_shared *shared = t->shared;
	unsigned counts = q->trips ? 0 : 1;
	double ops = (double)shared->side[counts].ops;
	double ns = (double)shared->side[counts].ns;

	q->result =
		shared->side[0].rc ? shared->side[0].rc : shared->side[1].rc;
	if (!q->trips &&
	    (shared->side[0].extra[0] != shared->side[1].extra[0] ||
	     shared->side[0].extra[1] != shared->side[1].extra[1]))
		q->result = -EBADMSG;
	if (!q->result && (ops < 1 || ns < 1))
		q->result = -ENODATA;
	if (q->result)
		return;
	q->answer->value = q->trips ? ns / ops : ops * 1e3 / ns;
	if (q->answer->hist)
		bench_hist_merge(q->answer->hist, &shared->hist);
}

static void cleanup(struct bench_team *t)
{
	struct question *q = t->own;

	if (t->shared)
		judge(t, q);
	for (unsigned i = 0; q->kind->destroy && i < (q->trips ? 2 : 1); i++)
		q->kind->destroy(ring_of(t, i));
}

static const struct spsc_kind *kind_of(const struct spsc_queue *queue,
				       const struct bench_point *p)
{
	for (unsigned i = 0; i < queue->count; i++) {
		const struct spsc_kind *k = &queue->kinds[i];

		if ((!k->capacity || k->capacity == p->capacity) &&
		    k->elem_bytes == p->elem_bytes && k->batch == p->batch)
			return k;
	}
	return NULL;
}

enum way { STREAM, TRIPS };

static int run(struct question *q, const struct bench_point *p,
	       struct bench_answer *a, bool threads)
{
	struct bench_team t = {
		.point = p,
		.sides = 2,
		.run = { run_side, run_side },
		.threads = threads,
		.bytes = sizeof(struct head) + 2 * ring_step(q),
		.own = q,
		.setup = setup,
		.cleanup = cleanup,
	};
	int rc = bench_team_run(&t, a);

	if (!rc && q->result) {
		rc = q->result;
		a->why = rc == -EBADMSG ? "lost, doubled or tore elements"
					: "nothing moved";
	}
	return rc;
}

static int ask(const struct spsc_queue *queue, const struct bench_point *p,
	       struct bench_answer *a, bool threads)
{
	struct question q = { .queue = queue, .answer = a };
	int rc = queue->find ? queue->find() : 0;

	if (rc)
		return rc;
	q.trips = p->way == TRIPS;
	q.kind = kind_of(queue, p);
	if (!q.kind || (q.trips && !q.kind->ask)) {
		a->why = "not of this shape";
		return -EOPNOTSUPP;
	}
	if (bench_cpu(0) == bench_cpu(1)) {
		a->why = "needs two processors";
		return -EOPNOTSUPP;
	}
	q.bytes = q.kind->bytes(p->capacity, p->elem_bytes);
	return run(&q, p, a, threads);
}

int bench_spsc_trip(const struct spsc_queue *queue, const struct bench_point *p,
		    struct bench_answer *a)
{
	struct bench_point trips = *p;

	trips.way = TRIPS;
	return ask(queue, &trips, a, false);
}

#define ASK(name, threads)                                 \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		return ask(&spsc_##name, p, a, threads);   \
	}                                                  \
	SLIP_STATIC_ASSERT(threads == 0 || threads == 1, "a bool")

ASK(ours, 0);
ASK(ours_untyped, 0);
ASK(ck, 0);
ASK(dpdk, 0);
ASK(boost, 0);
ASK(moodycamel, 1);
ASK(lines, 0);
ASK(one_line, 0);
ASK(two_lines, 0);

/* clang-format off */
#define QUEUES                                                             \
	{ "slipring", BENCH_OURS, NULL, ask_ours, false },                 \
	{ "slipring, size at run time", BENCH_OURS, NULL,                  \
	  ask_ours_untyped, false },                                       \
	{ "ck_ring SPSC", BENCH_RIVAL, "libck-dev", ask_ck, false },       \
	{ "DPDK rte_ring SP/SC", BENCH_RIVAL, "libdpdk-dev", ask_dpdk,     \
	  false },                                                         \
	{ "Boost spsc_queue", BENCH_RIVAL, "libboost-dev", ask_boost,      \
	  false },                                                         \
	{ "moodycamel ReaderWriterQueue", BENCH_RIVAL,                     \
	  "libreaderwriterqueue-dev", ask_moodycamel, true }
/* clang-format on */

#define TWO_LINES "two lines bounced, one per direction"

/* What lines that publish themselves can do, one by one. No ceiling: a ring with
 * indices may run so far behind that lines stream, and packs 8 elements. */
static const struct bench_entry stream_entries[] = {
	QUEUES,
	{ "bare line an element (no ceiling)", BENCH_LIMIT, NULL, ask_lines,
	  false },
};
static const struct bench_entry packed_entries[] = {
	QUEUES,
	{ "bare line, 7 elements (no ceiling)", BENCH_LIMIT, NULL, ask_lines,
	  false },
};
static const struct bench_entry trip_entries[] = {
	QUEUES,
	{ "one line bounced", BENCH_LIMIT, NULL, ask_one_line, false },
	{ TWO_LINES, BENCH_LIMIT, NULL, ask_two_lines, false },
};

static const struct {
	uint32_t elem_bytes, batch;
	double at_least;
	const char *text, *line, *limit;
} shapes[] = {
	{ 8, 1, 2, "8 B", "8 B single: 2x the best rival",
	  "two stores to the line for each element, and one private: what the "
	  "store buffer holds while a line is on its way; three private stores "
	  "less, prefetch, pauses, a lazy head were tried" },
	{ 8, SPSC_BATCH, 1.5, "8 B, batch of 32",
	  "8 B, batch of 32: 1.5x the best rival",
	  "DPDK and Boost fill each line with 8 elements, ours with 7 and "
	  "their count, and both run as fast as lines stream; prefetch for "
	  "writing, whole lines by one copy, place in registers were tried" },
	{ 56, 1, 2, "56 B", "56 B single: 2x the best rival",
	  "a bare line for each element, to whose rate ours comes close, is "
	  "itself not twice as fast as the best rival in a small ring; waiting "
	  "on purpose, so that lines stream, costs latency" },
	{ 64, 1, 1.3, "64 B", "64 B single: 1.3x the best rival",
	  "a slot is two lines (64 bytes and their sequence), a rival's one "
	  "and a word of an index that many share; a copy of the place in "
	  "registers gained 20 % here and lost more at 8 bytes" },
};

static void add_stream(struct bench *b, size_t shape, uint32_t capacity,
		       uint32_t work)
{
	struct bench_case c = {
		.suite = "spsc",
		.name = bench_text(b, "%s, capacity %u, %s consumer",
				   shapes[shape].text, capacity,
				   work ? "slow" : "fast"),
		.unit = "M/s",
		.quick = capacity == 1024 && !work,
		.point = {
			.elem_bytes = shapes[shape].elem_bytes,
			.capacity = capacity,
			.batch = shapes[shape].batch,
			.work = work,
			.actors = 2,
			.way = STREAM,
		},
		.entries = shapes[shape].elem_bytes == 8 ? packed_entries
							 : stream_entries,
		.count = sizeof(stream_entries) / sizeof(*stream_entries),
	};
	struct bench_target t = {
		.suite = "spsc",
		.name = c.name,
		.at_least = shapes[shape].at_least,
		.line = shapes[shape].line,
		.limit = shapes[shape].limit,
	};

	bench_add(b, &c);
	bench_target(b, &t);
}

static void add_trip(struct bench *b)
{
	struct bench_case c = {
		.suite = "spsc",
		.name = "round trip, 8 B, two rings",
		.unit = "ns",
		.less_is_better = true,
		.latency = true,
		.quick = true,
		.point = { .elem_bytes = 8,
			   .capacity = 1024,
			   .batch = 1,
			   .actors = 2,
			   .way = TRIPS },
		.entries = trip_entries,
		.count = sizeof(trip_entries) / sizeof(*trip_entries),
	};
	struct bench_target rivals = {
		.suite = "spsc",
		.name = c.name,
		.at_least = 1 / 0.75,
		.line = "round trip: at most 0.75x the best rival",
	};
	struct bench_target bare = {
		.suite = "spsc",
		.name = c.name,
		.against = TWO_LINES,
		.at_least = 1 / 1.1,
		.line = "round trip: at most 1.1x of two bare lines bounced",
	};

	bench_add(b, &c);
	bench_target(b, &rivals);
	bench_target(b, &bare);
}

void bench_suite_spsc(struct bench *b)
{
	static const uint32_t capacities[] = { 1024, 65536 };

	for (size_t shape = 0; shape < sizeof(shapes) / sizeof(*shapes);
	     shape++)
		for (unsigned i = 0; i < 2; i++)
			for (uint32_t work = 0; work < 2; work++)
				add_stream(b, shape, capacities[i], work);
	add_trip(b);
}
