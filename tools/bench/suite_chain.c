/* SPDX-License-Identifier: MIT */
/*
 * Queues without a bound between the threads of one process: elements of 8 and 56
 * bytes by 1, 2 and 4 producers and as many consumers, up to 65536 ahead
 * (chain_window.h); and one thread that pushes and pops in turn. Who runs where:
 * mpmc_run.c.
 */
#include <errno.h>

#include "tools/bench/chain_window.h"
#include "tools/bench/mpmc_run.h"

#define AHEAD 65536u

static const struct mpmc_loops *loops_of(const struct mpmc_queue *queue,
					 const struct bench_point *p)
{
	if (p->elem_bytes > 8)
		return &queue->wide;
	return p->batch > 1 ? &queue->batch : &queue->single;
}

static int ask(const struct mpmc_queue *queue, bool threads,
	       const struct bench_point *p, struct bench_answer *a)
{
	uint32_t each = p->actors / 2 ? p->actors / 2 : 1;
	struct mpmc_run r = {
		.queue = queue,
		.loops = loops_of(queue, p),
		.shape = { .capacity = p->capacity,
			   .elem_bytes = p->elem_bytes,
			   .producers = each,
			   .consumers = each },
		.threads = threads,
		.alone = p->actors == 1,
	};
	int rc = mpmc_run(&r, p, a);

	if (!rc)
		a->value = r.alone ? 1 / r.rate : r.rate * 1e3;
	return rc;
}

#define ASK(name, queue, threads)                          \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		return ask(&(queue), threads, p, a);       \
	}                                                  \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

ASK(ours, chain_ours, true);
ASK(linked, chain_ours_linked, true);
ASK(bounded, mpmc_ours, false);
ASK(plain, chain_moodycamel, true);
ASK(tokens, chain_moodycamel_tokens, true);
ASK(wfcqueue, chain_wfcqueue, true);
ASK(rculfqueue, chain_rculfqueue, true);

/* --- who answers ----------------------------------------------------------- */

#define OURS	    "slipring chain"
#define LINKED	    "slipring chain, liburcu called"
#define BOUNDED	    "slipring mpmc, bounded"
#define PLAIN	    "moodycamel ConcurrentQueue"
#define TOKENS	    "moodycamel ConcurrentQueue, tokens"
#define WFC	    "liburcu wfcqueue, malloc"
#define LF	    "liburcu rculfqueue, malloc"
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

/* clang-format off */
#define BATCHED                                                               \
	{ OURS, BENCH_OURS, NULL, ask_ours, true },                           \
	{ LINKED, BENCH_OURS, NULL, ask_linked, true },                      \
	{ BOUNDED, BENCH_OURS, NULL, ask_bounded, false },                    \
	{ PLAIN, BENCH_LOOSE, "libconcurrentqueue-dev", ask_plain, true },    \
	{ TOKENS, BENCH_LOOSE, "libconcurrentqueue-dev", ask_tokens, true }
/* clang-format on */

static const struct bench_entry singles[] = {
	BATCHED,
	{ WFC, BENCH_RIVAL, "liburcu-dev", ask_wfcqueue, true },
	{ LF, BENCH_RIVAL, "liburcu-dev", ask_rculfqueue, true },
};
static const struct bench_entry batches[] = { BATCHED };
static const struct bench_entry wides[] = {
	{ OURS, BENCH_OURS, NULL, ask_ours, true },
	{ LINKED, BENCH_OURS, NULL, ask_linked, true },
	{ BOUNDED, BENCH_OURS, NULL, ask_bounded, false },
};

/* --- what was promised ----------------------------------------------------- */

static void promise(struct bench *b, const struct bench_case *c,
		    const char *against, const char *line)
{
	struct bench_target t = {
		.suite = "chain",
		.name = c->name,
		.ours = OURS,
		.against = against,
		.at_least = 1,
		.line = line,
	};

	bench_target(b, &t);
}

/* --- cases ----------------------------------------------------------------- */

static void name(struct bench *b, struct bench_case *c, const char *how,
		 uint32_t each)
{
	c->name = bench_text(b, "%s, %uP%uC", how, each, each);
	c->series = bench_text(b, "chain, %s", how);
	c->x_name = "producers, and as many consumers";
	c->x = each;
}

static void add_crowd(struct bench *b, uint32_t each)
{
	struct bench_case c = {
		.suite = "chain",
		.unit = "Mmsg/s",
		.quick = each == 2,
		.point = { .elem_bytes = 8,
			   .capacity = AHEAD,
			   .batch = 1,
			   .actors = 2 * each },
		.entries = singles,
		.count = COUNT(singles),
	};

	name(b, &c, "8 B", each);
	bench_add(b, &c);
	if (each == 2) {
		promise(b, &c, PLAIN, "8 B: 1x moodycamel without tokens");
		promise(b, &c, NULL, "8 B: 1x the best that is FIFO");
	}
	c.quick = false;
	name(b, &c, "8 B in batches of 32", each);
	c.point.batch = MPMC_BATCH;
	c.entries = batches;
	c.count = COUNT(batches);
	bench_add(b, &c);
	name(b, &c, "56 B", each);
	c.point.batch = 1;
	c.point.elem_bytes = 8 * MPMC_WORDS;
	c.entries = wides;
	c.count = COUNT(wides);
	bench_add(b, &c);
}

static void add_pair(struct bench *b)
{
	struct bench_case c = {
		.suite = "chain",
		.name = "8 B, push and pop in one thread",
		.unit = "ns",
		.less_is_better = true,
		.point = { .elem_bytes = 8,
			   .capacity = AHEAD,
			   .batch = 1,
			   .actors = 1 },
		.entries = singles,
		.count = COUNT(singles),
	};

	bench_add(b, &c);
}

void bench_suite_chain(struct bench *b)
{
	for (uint32_t each = 1; each <= MPMC_SIDES / 2; each *= 2)
		add_crowd(b, each);
	add_pair(b);
}
