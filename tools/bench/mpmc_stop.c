/* SPDX-License-Identifier: MIT */
/*
 * One of four producers is stopped in the middle of a push: what the others
 * still move, in parts of what all moved before. An onlooker counts, stops the
 * victim, counts again, and lets it go on: no element may be missing in the end.
 *
 * Ours stops itself, by SIGSTOP, between its claim and its commit
 * (mpmc_ours_hooked.c), and the ring has to say that a slot is held. Rivals are
 * stopped wherever they are, again and again for a third of the time, until
 * nothing moves any more or the time for that is over. Where the sides are
 * threads SIGSTOP would stop them all: the victim then stays in a signal's
 * handler.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/mpmc_run.h"

#define LOOK_NS UINT64_C(1000000)
/* At most: whatever happens, no thread stays for good. */
#define STAY_NS UINT64_C(2000000000)
/* Of a run: long enough that each has been on its processor several times. */
#define LEAST_S 0.3
/* Of what was moved before: less is standing still. */
#define STILL 0.01

enum way { AT_RANDOM, IN_A_PUSH, NOBODY };

/* --- to stop one ----------------------------------------------------------- */

static void nap(uint64_t ns)
{
	struct timespec t = { 0, (long)ns };

	(void)nanosleep(&t, NULL);
}

static void await(const slip_a32 *word, uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;

	/* Pairs with the release in stay(), let_go() and the hooked ring. */
	while (!slip_a32_load_acquire(word) && bench_now_ns() < end)
		nap(LOOK_NS / 10);
}

/* For the handler, which is given nothing. */
static struct mpmc_trap *of_handler;

static void stay(int number)
{
	int before = errno;

	(void)number;
	slip_a32_store_release(&of_handler->sprung, 1);
	await(&of_handler->open, STAY_NS);
	errno = before;
}

static void stop(const struct mpmc_run *r, struct mpmc_trap *trap)
{
	/* init: set before the sides were ready */
	pid_t who = (pid_t)slip_a32_load_relaxed(&trap->who);

	if (!r->threads) {
		(void)kill(who, SIGSTOP);
		return;
	}
	/* own: it is not in its handler */
	slip_a32_store_relaxed(&trap->open, 0);
	slip_a32_store_relaxed(&trap->sprung, 0);
	(void)syscall(SYS_tgkill, getpid(), who, SIGUSR2);
	await(&trap->sprung, 10 * LOOK_NS);
}

static void let_go(const struct mpmc_run *r, struct mpmc_trap *trap)
{
	slip_a32_store_release(&trap->open, 1);
	if (!r->threads) /* init: as above */
		(void)kill((pid_t)slip_a32_load_relaxed(&trap->who), SIGCONT);
}

/* --- to look on ------------------------------------------------------------ */

struct look {
	uint64_t ns, count;
};

static struct look look(const struct bench_team *t)
{
	const struct mpmc_run *r = t->own;
	const struct mpmc_head *head = t->mem;
	struct look now = { bench_now_ns(), 0 };

	for (uint32_t i = r->shape.producers;
	     i < r->shape.producers + r->shape.consumers; i++) /* stat */
		now.count += slip_a64_load_relaxed(&head->seen[i].count);
	return now;
}

/* Elements in a ns, since then. */
static double rate_since(const struct bench_team *t, struct look then)
{
	struct look now = look(t);

	return (double)(now.count - then.count) / (double)(now.ns - then.ns);
}

static double rate_for(const struct bench_team *t, uint64_t ns)
{
	struct look then = look(t);
	uint64_t end = then.ns + ns;

	while (bench_now_ns() < end)
		nap(LOOK_NS);
	return rate_since(t, then);
}

/* Again and again, until nothing moves. */
static void strike_at_random(const struct bench_team *t, double usual)
{
	struct mpmc_head *head = t->mem;
	uint64_t end = bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 3);

	for (;;) {
		stop(t->own, &head->trap);
		nap(LOOK_NS);
		if (rate_for(t, LOOK_NS) < STILL * usual ||
		    bench_now_ns() > end)
			return;
		let_go(t->own, &head->trap);
		nap(LOOK_NS / 10 + bench_now_ns() % LOOK_NS);
	}
}

/* -ENODATA: it was not in a push. */
static int strike_in_a_push(const struct bench_team *t)
{
	const struct mpmc_run *r = t->own;
	struct mpmc_head *head = t->mem;

	/* hint: some push will see it */
	slip_a32_store_relaxed(&head->trap.set, 1);
	await(&head->trap.sprung, 100 * LOOK_NS);
	nap(2 * LOOK_NS); /* until others have come by */
	return r->queue->held(head->queue) ? 0 : -ENODATA;
}

static void look_on(struct bench_team *t, unsigned self)
{
	struct sched_param prompt = { .sched_priority = 1 };
	struct mpmc_head *head = t->mem;
	uint64_t eighth = (uint64_t)(t->point->seconds * 1e9 / 8);
	double usual;
	struct look then;

	(void)self;
	(void)sched_setscheduler(0, SCHED_FIFO, &prompt);
	of_handler = &head->trap;
	bench_ready(t);
	nap(eighth + LOOK_NS);
	usual = rate_for(t, 2 * eighth);
	if (t->point->way == AT_RANDOM)
		strike_at_random(t, usual);
	else if (t->point->way == IN_A_PUSH)
		head->result = strike_in_a_push(t);
	then = look(t);
	while (!bench_over(t))
		nap(LOOK_NS);
	if (bench_now_ns() - then.ns < 10 * LOOK_NS)
		head->result = -ETIME;
	else
		head->part = usual > 0 ? rate_since(t, then) / usual : 0;
	if (t->point->way != NOBODY)
		let_go(t->own, &head->trap);
}

/* --- questions ------------------------------------------------------------- */

static int judge(int rc, const struct mpmc_run *r, struct bench_answer *a)
{
	if (rc == -ENODATA)
		a->why = "the ring says that nobody holds a slot";
	if (rc == -ETIME)
		a->why = "no time was left to look at the others";
	if (rc)
		return rc;
	if (r->part < STILL) {
		a->why = "the others stand still";
		return -ETIMEDOUT;
	}
	a->value = 100 * r->part;
	return 0;
}

static int ask(const struct mpmc_queue *queue, bool threads, enum way way,
	       const struct bench_point *p, struct bench_answer *a)
{
	struct mpmc_run r = {
		.queue = queue,
		.loops = &queue->single,
		.shape = { .capacity = p->capacity,
			   .elem_bytes = p->elem_bytes,
			   .producers = 4,
			   .consumers = p->actors - 4 },
		.threads = threads,
		.onlooker = look_on,
	};
	struct sigaction stays = { .sa_handler = stay };
	struct bench_point point = *p;
	struct sigaction before;
	int rc;

	point.way = way;
	if (point.seconds < LEAST_S)
		point.seconds = LEAST_S;
	(void)sigaction(SIGUSR2, &stays, &before);
	rc = mpmc_run(&r, &point, a);
	(void)sigaction(SIGUSR2, &before, NULL);
	return judge(rc, &r, a);
}

#define ASK(name, queue, threads, way)                         \
	static int ask_##name(const struct bench_point *p,     \
			      struct bench_answer *a)          \
	{                                                      \
		return ask(&mpmc_##queue, threads, way, p, a); \
	}                                                      \
	SLIP_STATIC_ASSERT(1, "so that a semicolon follows")

ASK(ours, ours_hooked, false, IN_A_PUSH);
ASK(nobody, ours_hooked, false, NOBODY);
ASK(random, ours_hooked, false, AT_RANDOM);
ASK(dpdk_mp, dpdk_mp, false, AT_RANDOM);
ASK(dpdk_rts, dpdk_rts, false, AT_RANDOM);
ASK(dpdk_hts, dpdk_hts, false, AT_RANDOM);
ASK(ck, ck, false, AT_RANDOM);
ASK(boost, boost, false, AT_RANDOM);
ASK(moodycamel, moodycamel_tokens, true, AT_RANDOM);
ASK(urcu, urcu, true, AT_RANDOM);
ASK(pthread, pthread, false, AT_RANDOM);
ASK(vyukov, vyukov, false, AT_RANDOM);

#define NOBODY_STOPPED "slipring, nobody stopped"

/* clang-format off */
static const struct bench_entry entries[] = {
	{ "slipring", BENCH_OURS, NULL, ask_ours, false },
	{ NOBODY_STOPPED, BENCH_OURS, NULL, ask_nobody, false },
	{ "slipring, stopped at random", BENCH_OURS, NULL, ask_random, false },
	{ "DPDK rte_ring MP/MC", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_mp,
	  false },
	{ "DPDK rte_ring RTS", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_rts,
	  false },
	{ "DPDK rte_ring HTS", BENCH_RIVAL, "libdpdk-dev", ask_dpdk_hts,
	  false },
	{ "ck_ring mpmc", BENCH_RIVAL, "libck-dev", ask_ck, false },
	{ "Boost.Lockfree queue", BENCH_RIVAL, "libboost-dev", ask_boost,
	  false },
	{ "moodycamel ConcurrentQueue, tokens", BENCH_LOOSE,
	  "libconcurrentqueue-dev", ask_moodycamel, true },
	{ "liburcu wfcqueue", BENCH_RIVAL, "liburcu-dev", ask_urcu, true },
	{ "pthread mutex + condvar", BENCH_RIVAL, NULL, ask_pthread, false },
	{ "Vyukov (reference)", BENCH_LIMIT, NULL, ask_vyukov, false },
};
/* clang-format on */

void mpmc_add_stops(struct bench *b)
{
	static const uint32_t crowds[] = { 4, 1 };

	for (unsigned i = 0; i < 2; i++) {
		uint32_t consumers = crowds[i];
		struct bench_case c = {
			.suite = "mpmc",
			.name = bench_text(b,
					   "one of 4 producers stopped: what "
					   "the others move, 4P%uC",
					   consumers),
			.unit = "%",
			.rounds = 3,
			.quick = consumers == 4,
			.point = { .elem_bytes = 8,
				   .capacity = 1024,
				   .batch = 1,
				   .actors = 4 + consumers },
			.entries = entries,
			.count = sizeof(entries) / sizeof(entries[0]),
		};
		struct bench_target t = {
			.suite = "mpmc",
			.name = c.name,
			.ours = "slipring",
			.against = NOBODY_STOPPED,
			.at_least = 0.9,
			.line = "one of 4 producers stopped: 0.9x",
		};

		bench_add(b, &c);
		bench_target(b, &t);
	}
}
