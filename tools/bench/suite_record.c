/* SPDX-License-Identifier: MIT */
/*
 * Records of 64 B to 16 KiB between two processes: by claim and peek without a
 * copy of the ring's own, by push and pop, and by blocking calls beside a pipe.
 * What each side does with a record, and the loops, are in record_loops.h; the
 * ways in record_ours.c, record_bare.c and record_pipe.c.
 *
 * The targets compare what does the same work: the record is written in its
 * place, and copied out of it, as in the memcpy that is the limit. What a
 * program saves that works on the record in place is a row of its own, beside
 * the limit that does so too. Nor does their consumer rest when it finds the ring
 * empty, which brings throughput, at the price of a delay: rows of their own, too.
 */
#include "tools/bench/record_loops.h"

#define KIB	   UINT32_C(1024)
#define MIB	   (1024 * KIB)
#define COUNT(set) (unsigned)(sizeof(set) / sizeof((set)[0]))

/* While the shared memory is still there. */
static void judge(struct bench_team *t)
{
	struct record_job *job = record_job(t);
	const struct bench_shared *shared = t->shared;

	if (shared) {
		double ns = (double)shared->side[1].ns;
		double ops = (double)shared->side[1].ops;

		job->rc = shared->side[0].rc ? shared->side[0].rc
					     : shared->side[1].rc;
		if (!job->rc && (ops < 1 || ns < 1))
			job->rc = -ETIME;
		if (!job->rc)
			job->answer->value = ops * t->point->elem_bytes / ns;
	}
	if (job->way->cleanup)
		job->way->cleanup(t);
}

static const char *why(int rc)
{
	if (rc == -EBADMSG)
		return "a record was lost, torn or out of order";
	if (rc == -ETIME)
		return "nothing arrived after the warm-up";
	return "a side's call failed";
}

static bench_side *side_for(const struct record_way *way, uint32_t bytes)
{
	switch (bytes) {
	case 64:
		return way->of_64;
	case 1024:
		return way->of_1k;
	case 4096:
		return way->of_4k;
	default:
		return bytes == 16384 ? way->of_16k : NULL;
	}
}

int record_ask(const struct record_way *way, const struct bench_point *p,
	       struct bench_answer *a)
{
	bench_side *side = side_for(way, p->elem_bytes);
	struct record_job job = { .way = way, .answer = a, .fd = { -1, -1 } };
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { side, side },
				.bytes = 2 *
					 ((size_t)RECORD_RING_AT + p->capacity),
				.own = &job,
				.setup = way->setup,
				.cleanup = judge };
	int rc;

	if (!side || bench_cpu(0) == bench_cpu(1)) {
		a->why = side ? "needs two processors" : "not of this length";
		return -EOPNOTSUPP;
	}
	rc = bench_team_run(&t, a);
	if (way->cleanup)
		way->cleanup(&t); /* if it did not come so far */
	if (job.rc && (!rc || !a->why))
		a->why = why(job.rc);
	return rc ? rc : job.rc;
}

/* --- the entries ----------------------------------------------------------- */

#define OURS(text, f)                                       \
	{                                                   \
		.name = text, .kind = BENCH_OURS, .ask = f, \
	}
#define RIVAL(text, f)                                       \
	{                                                    \
		.name = text, .kind = BENCH_RIVAL, .ask = f, \
	}
#define LIMIT(text, f)                                       \
	{                                                    \
		.name = text, .kind = BENCH_LIMIT, .ask = f, \
	}
#define MEMCPY "memcpy in and out, by halves"
#define COPIED "claim, copied out"
#define PIPE   "pipe"

static const struct bench_entry streams[] = {
	OURS(COPIED, record_ask_claim_copy),
	OURS("claim, copied out, resting", record_ask_claim_copy_rest),
	OURS("claim, touched in place", record_ask_claim_touch),
	OURS("claim, touched in place, resting", record_ask_claim_touch_rest),
	OURS("push, pop", record_ask_push),
	OURS("push, pop, resting", record_ask_push_rest),
	OURS("claim, copied out, length at run time", record_ask_claim_any),
	OURS("push, pop, length at run time", record_ask_push_any),
	LIMIT(MEMCPY, record_ask_memcpy_halves),
	LIMIT("memcpy in, touched in place, by halves",
	      record_ask_memcpy_touch),
	LIMIT("memcpy in and out, one by one", record_ask_memcpy_each),
};

static const struct bench_entry blocking[] = {
	OURS("push_until, pop_until", record_ask_until),
	OURS("claim, touched in place, waiting", record_ask_claim_until),
	RIVAL(PIPE, record_ask_pipe),
	RIVAL("pipe, read by 64 KiB", record_ask_pipe_gulp),
	RIVAL("pipe, vmsplice", record_ask_pipe_splice),
	LIMIT(MEMCPY, record_ask_memcpy_halves),
};

static const char *size_text(struct bench *b, uint32_t bytes)
{
	if (bytes >= MIB)
		return bench_text(b, "%u MiB", bytes / MIB);
	if (bytes >= KIB)
		return bench_text(b, "%u KiB", bytes / KIB);
	return bench_text(b, "%u B", bytes);
}

static void add_stream(struct bench *b, uint32_t bytes, uint32_t capacity)
{
	const struct bench_case c = {
		.suite = "record",
		.name = bench_text(b, "%s, ring of %s", size_text(b, bytes),
				   size_text(b, capacity)),
		.unit = "GB/s",
		.quick = capacity == MIB && bytes != 4096,
		.point = { .elem_bytes = bytes,
			   .capacity = capacity,
			   .actors = 2 },
		.entries = streams,
		.count = COUNT(streams),
	};
	const struct bench_target t = {
		.suite = c.suite,
		.name = c.name,
		.ours = COPIED,
		.against = MEMCPY,
		.at_least = 0.8,
		.line = bench_text(b, "records of %s: 0.8x of memcpy",
				   size_text(b, bytes)),
		.limit =
			"close behind the producer each record costs the line "
			"that both want, where memcpy by halves only streams; "
			"a consumer that rests when empty (row above) gains up "
			"to twice that; guessing the next header, prefetch and "
			"less private state were tried and gained nothing",
	};

	bench_add(b, &c);
	if (c.quick)
		bench_target(b, &t);
}

static void add_blocking(struct bench *b)
{
	const struct bench_case c = {
		.suite = "record",
		.name = "4 KiB, blocking calls",
		.unit = "GB/s",
		.quick = true,
		.point = { .elem_bytes = 4096, .capacity = MIB, .actors = 2 },
		.entries = blocking,
		.count = COUNT(blocking),
	};
	const struct bench_target t = {
		.suite = c.suite,
		.name = c.name,
		.against = PIPE,
		.at_least = 10,
		.line = "records of 4 KiB: 10x a pipe",
		.limit = "memcpy between the same two processors is only twice "
			 "as fast as the pipe: see the last row of the case",
	};

	bench_add(b, &c);
	bench_target(b, &t);
}

void bench_suite_record(struct bench *b)
{
	static const uint32_t capacities[] = { 64 * KIB, MIB, 8 * MIB };

	for (unsigned i = 0; i < COUNT(capacities); i++) {
		add_stream(b, 64, capacities[i]);
		add_stream(b, 1024, capacities[i]);
		add_stream(b, 4096, capacities[i]);
		add_stream(b, 16384, capacities[i]);
	}
	add_blocking(b);
}
