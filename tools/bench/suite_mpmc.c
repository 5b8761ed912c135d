/* SPDX-License-Identifier: MIT */
/*
 * Many producers, many consumers: elements of 8 and 56 bytes through queues of
 * 1024 and of 65536, by 1, 2 and 4 of each on the processors there are; by four
 * of one side and one of the other; and by one thread that pushes and pops in
 * turn. Who runs where: mpmc_run.c; what the others do while one is stopped:
 * mpmc_stop.c.
 */
#include <errno.h>

#include "tools/bench/mpmc_run.h"

static const struct mpmc_loops *loops_of(const struct mpmc_queue *queue,
					 const struct bench_point *p)
{
	if (p->elem_bytes > 8)
		return &queue->wide;
	return p->batch > 1 ? &queue->batch : &queue->single;
}

/* `p->actors`: sides; 1: both in one thread. `p->way`: how many of them are
 * consumers; 0: half. */
static int ask(const struct mpmc_queue *queue, bool threads,
	       const struct bench_point *p, struct bench_answer *a)
{
	struct mpmc_run r = {
		.queue = queue,
		.loops = loops_of(queue, p),
		.shape = { .capacity = p->capacity,
			   .elem_bytes = p->elem_bytes,
			   .producers = p->way ? p->actors - p->way
					       : (p->actors + 1) / 2,
			   .consumers = p->way ? p->way : (p->actors + 1) / 2 },
		.threads = threads,
		.alone = p->actors == 1,
	};
	int rc = mpmc_run(&r, p, a);

	if (!rc)
		a->value = r.alone ? 1 / r.rate : r.rate * 1e3;
	return rc;
}

#define ASK(queue, threads)                                 \
	static int ask_##queue(const struct bench_point *p, \
			       struct bench_answer *a)      \
	{                                                   \
		return ask(&mpmc_##queue, threads, p, a);   \
	}                                                   \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

ASK(ours, false);
ASK(ours_alone, false);
ASK(ours_exclusive, false);
ASK(dpdk_mp, false);
ASK(dpdk_rts, false);
ASK(dpdk_hts, false);
ASK(ck, false);
ASK(moodycamel, true);
ASK(moodycamel_tokens, true);
ASK(urcu, true);
ASK(pthread, false);
ASK(vyukov, false);

static int ask_boost(const struct bench_point *p, struct bench_answer *a)
{
	return ask(p->capacity == 1024 ? &mpmc_boost : &mpmc_boost_large, false,
		   p, a);
}

static int ask_one_by_one(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_point one = *p;

	one.batch = 1;
	return ask(&mpmc_ours, false, &one, a);
}

/* --- who answers ----------------------------------------------------------- */

#define OURS	    "slipring"
#define ALONE	    "slipring, self NULL"
#define ONE_BY_ONE  "slipring, one by one"
#define EXCLUSIVE   "slipring, exclusive roles"
#define PLAIN	    "moodycamel ConcurrentQueue"
#define TOKENS	    "moodycamel ConcurrentQueue, tokens"
#define VYUKOV	    "Vyukov (reference)"
#define VYUKOV_64   "Vyukov (reference), 64 B slots"
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

/* clang-format off */
#define BATCHED                                                               \
	{ "DPDK rte_ring MP/MC", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_mp,     \
	  false },                                                            \
	{ "DPDK rte_ring RTS", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_rts,      \
	  false },                                                            \
	{ "DPDK rte_ring HTS", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_hts,      \
	  false },                                                            \
	{ PLAIN, BENCH_LOOSE, "libconcurrentqueue-dev", ask_moodycamel,       \
	  true },                                                             \
	{ TOKENS, BENCH_LOOSE, "libconcurrentqueue-dev",                      \
	  ask_moodycamel_tokens, true },                                      \
	{ "liburcu wfcqueue", BENCH_RIVAL, "liburcu-dev", ask_urcu, true },   \
	{ "pthread mutex + condvar", BENCH_RIVAL, NULL, ask_pthread, false }
/* clang-format on */

static const struct bench_entry singles[] = {
	{ OURS, BENCH_OURS, NULL, ask_ours, false },
	{ ALONE, BENCH_OURS, NULL, ask_ours_alone, false },
	BATCHED,
	{ "ck_ring mpmc", BENCH_RIVAL, "libck-dev", ask_ck, false },
	{ "Boost.Lockfree queue", BENCH_RIVAL, "libboost-dev", ask_boost,
	  false },
	{ VYUKOV, BENCH_LIMIT, NULL, ask_vyukov, false },
	/* Last: where there is one producer, or one consumer. */
	{ EXCLUSIVE, BENCH_OURS, NULL, ask_ours_exclusive, false },
};
static const struct bench_entry batches[] = {
	{ OURS, BENCH_OURS, NULL, ask_ours, false },
	{ ONE_BY_ONE, BENCH_OURS, NULL, ask_one_by_one, false },
	BATCHED,
};
static const struct bench_entry wides[] = {
	{ OURS, BENCH_OURS, NULL, ask_ours, false },
	{ ALONE, BENCH_OURS, NULL, ask_ours_alone, false },
	{ VYUKOV_64, BENCH_LIMIT, NULL, ask_vyukov, false },
};

/* --- what was promised ----------------------------------------------------- */

struct promise {
	const char *ours, *against;
	double at_least;
	const char *line, *limit;
};

#define OF_VYUKOV                                                             \
	"a push writes its element once more, where others can read it, and " \
	"looks whether somebody sleeps; a pop that is the faster of the two " \
	"takes the line that is being written. A look less after each push "  \
	"made it 0.67 to 0.9; prefetch for writing (own slot, next line, "    \
	"either side, both), always loading head, fewer private stores were " \
	"tried"
#define OF_BATCHES                                                            \
	"four elements share a line: batches run at 70 to 80 M lines/s, as "  \
	"fast as bare lines stream (suite limits), and one by one is beyond " \
	"half of that by now. In one thread each element is announced, "      \
	"checked and copied in turn: three short loops, which inlining and "  \
	"prefetch did not make shorter"
#define OF_WIDES                                                             \
	"a line for each element, written twice (announced, and in place), " \
	"and with several producers the helping look at the slot of the "    \
	"claim before takes its line from who writes it; prefetch of this "  \
	"and the next slot, a pause before that look, longer pauses were "   \
	"tried"
#define OF_ALONE "the very same instructions: it differs as runs differ"

static const struct promise of_singles[] = {
	{ OURS, NULL, 2, "8 B: 2x the best rival that is FIFO", NULL },
	{ OURS, TOKENS, 1, "8 B: 1x moodycamel with tokens", NULL },
	{ OURS, VYUKOV, 0.9, "8 B: 0.9x of Vyukov", OF_VYUKOV },
	{ OURS, ALONE, 0.95, "recovery costs at most 5 %", OF_ALONE },
	/* Last: as above. */
	{ EXCLUSIVE, VYUKOV, 1.7, "exclusive roles: 1.7x Vyukov",
	  "four elements share a line, and lines stream at about 60 M/s "
	  "(suite limits): 240 M elements/s is what this format can have, and "
	  "Vyukov's, which promises nothing, comes to 180" },
};
static const struct promise of_batches[] = {
	{ OURS, ONE_BY_ONE, 2, "batch of 32: 2x one by one", OF_BATCHES },
};
static const struct promise of_wides[] = {
	{ OURS, VYUKOV_64, 1, "56 B: 1x Vyukov in slots of 64 B", OF_WIDES },
	{ OURS, ALONE, 0.95, "recovery costs at most 5 %", OF_ALONE },
};
static const struct promise of_pair[] = {
	{ OURS, NULL, 1 / 1.3, "pair: at most 1.3x the best FIFO rival", NULL },
	{ OURS, PLAIN, 1 / 1.3, "pair: at most 1.3x moodycamel", NULL },
	{ OURS, TOKENS, 1 / 1.3, "pair: at most 1.3x that with tokens", NULL },
	{ OURS, VYUKOV, 0.9, "8 B: 0.9x of Vyukov", OF_VYUKOV },
	{ OURS, ALONE, 0.95, "recovery costs at most 5 %", OF_ALONE },
};

static void add(struct bench *b, const struct bench_case *c,
		const struct promise *promises, unsigned count)
{
	bench_add(b, c);
	for (unsigned i = 0; i < count; i++) {
		struct bench_target t = {
			.suite = "mpmc",
			.name = c->name,
			.ours = promises[i].ours,
			.against = promises[i].against,
			.at_least = promises[i].at_least,
			.line = promises[i].line,
			.limit = promises[i].limit,
		};

		bench_target(b, &t);
	}
}

/* --- cases ----------------------------------------------------------------- */

static struct bench_case case_of(uint32_t each, uint32_t capacity)
{
	struct bench_case c = {
		.suite = "mpmc",
		.unit = "Mmsg/s",
		.quick = each != 2 && capacity == 1024,
		.point = { .elem_bytes = 8,
			   .capacity = capacity,
			   .batch = 1,
			   .actors = 2 * each },
	};

	return c;
}

/* One name of a case, and of its series. */
static void name(struct bench *b, struct bench_case *c, const char *how,
		 uint32_t each)
{
	c->name = bench_text(b, "%s, capacity %u, %uP%uC", how,
			     c->point.capacity, each, each);
	c->series =
		bench_text(b, "mpmc, %s, capacity %u", how, c->point.capacity);
	c->x_name = "producers, and as many consumers";
	c->x = each;
}

static void add_crowd(struct bench *b, uint32_t each, uint32_t capacity)
{
	struct bench_case c = case_of(each, capacity);
	unsigned but = each == 1 ? 0 : 1;

	name(b, &c, "8 B", each);
	c.entries = singles;
	c.count = COUNT(singles) - but;
	add(b, &c, of_singles, COUNT(of_singles) - but);
	c.quick = false;
	name(b, &c, "8 B in batches of 32", each);
	c.point.batch = MPMC_BATCH;
	c.entries = batches;
	c.count = COUNT(batches);
	add(b, &c, of_batches, COUNT(of_batches));
	name(b, &c, "56 B", each);
	c.point.batch = 1;
	c.point.elem_bytes = 8 * MPMC_WORDS;
	c.entries = wides;
	c.count = COUNT(wides);
	add(b, &c, of_wides, COUNT(of_wides));
}

static void add_pair(struct bench *b)
{
	struct bench_case c = case_of(1, 1024);

	c.unit = "ns";
	c.less_is_better = true;
	c.point.actors = 1;
	c.name = "8 B, push and pop in one thread";
	c.entries = singles;
	c.count = COUNT(singles) - 1;
	add(b, &c, of_pair, COUNT(of_pair));
	c.quick = false;
	c.name = "8 B in batches of 32, push and pop in one thread";
	c.point.batch = MPMC_BATCH;
	c.entries = batches;
	c.count = COUNT(batches);
	add(b, &c, of_batches, COUNT(of_batches));
}

/* Nothing was promised here: what an exclusive side gains among many. */
static void add_lopsided(struct bench *b, uint32_t producers,
			 uint32_t consumers)
{
	struct bench_case c = case_of(1, 1024);

	c.quick = false;
	c.name = bench_text(b, "8 B, capacity 1024, %uP%uC", producers,
			    consumers);
	c.point.actors = producers + consumers;
	c.point.way = consumers;
	c.entries = singles;
	c.count = COUNT(singles);
	bench_add(b, &c);
}

void bench_suite_mpmc(struct bench *b)
{
	static const uint32_t capacities[] = { 1024, 65536 };

	for (unsigned i = 0; i < COUNT(capacities); i++)
		for (uint32_t each = 1; each <= MPMC_SIDES / 2; each *= 2)
			add_crowd(b, each, capacities[i]);
	add_lopsided(b, 4, 1);
	add_lopsided(b, 1, 4);
	add_pair(b);
	mpmc_add_stops(b);
}
