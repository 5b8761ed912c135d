/* SPDX-License-Identifier: MIT */
/*
 * ring/chain.h in steady state: two producers and two consumers, at most 65536
 * elements between them, a million elements a run through one chain that is never
 * made anew. The sums agree; and memory does not grow:
 *
 *  - when all is popped and liburcu has done with what was emptied, all segments are
 *    spare but one, and no more are spare than can have been asked for in a run;
 *  - never are there more than those that the run links, and the spare ones;
 *  - in a run of 10^8 or more the most that were there at once in its last quarter
 *    are not twice as many, and 16 MiB, as in its second.
 *
 * For 10^9 elements without a pause:
 *
 *	bazel run -c opt //stress:chain_stress -- --runs 1 --capacity 1000000000 \
 *		--seconds 3600
 */
#define _GNU_SOURCE
#include "ring/chain.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "ring/test/urcu_tsan.h"
#include "stress/program.h"

#define SIDES  2u
#define AHEAD  65536u
#define STEP   64u
#define OFTEN  UINT64_C(1000000) /* elements of a run, unless said otherwise */
#define LONG   UINT64_C(100000000)
#define SLACK  512u /* segments of 32 KiB */
#define EMPTY_ 1u   /* segment in use by an empty chain */

SLIP_CHAIN_DEFINE(words, uint64_t);

struct far {
	SLIP_ALIGNED(128) slip_a64 count;
};

static struct slip_chain chain;
static struct far pushed[SIDES], popped[SIDES];
static uint64_t each; /* elements of a producer, in this run */
static slip_a32 pushing;
static uint64_t all, most_ever, most_in[4];
static bool a_run;

struct worker {
	uint32_t index;
	uint64_t sum, count;
};

static uint64_t far(const struct far *f)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < SIDES; i++)
		sum += slip_a64_load_relaxed(&f[i].count); /* stat */
	return sum;
}

static void dump(void)
{
	stress_say("%llu pushed, %llu popped in this run", llu(far(pushed)),
		   llu(far(popped)));
}

static void *push_each(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; i < each; i++) {
		uint64_t value = i * SIDES + w->index;

		if (i % STEP == 0) {
			/* stat */
			slip_a64_store_relaxed(&pushed[w->index].count, i);
			while (far(pushed) - far(popped) > AHEAD &&
			       far(pushed) > far(popped))
				sched_yield();
		}
		STRESS_CHECK(!words_push(&chain, &value), "push");
		w->sum += value;
	}
	/* Pairs with the consumers' look: what was pushed is found after it. */
	(void)slip_a32_fetch_add_release(&pushing, UINT32_MAX);
	return NULL;
}

static void *pop_each(void *arg)
{
	struct worker *w = arg;
	uint64_t last[SIDES] = { 0, 0 };
	bool over = false;
	uint64_t value;

	for (;;) {
		if (!words_pop(&chain, &value)) {
			/* stat */
			slip_a64_store_relaxed(&popped[w->index].count,
					       w->count);
			if (over)
				return NULL;
			over = slip_a32_load_acquire(&pushing) == 0;
			sched_yield();
			continue;
		}
		STRESS_CHECK(value + 1 > last[value % SIDES],
			     "%llu after a later one", llu(value));
		last[value % SIDES] = value + 1;
		w->sum += value;
		if (++w->count % STEP == 0) /* stat */
			slip_a64_store_relaxed(&popped[w->index].count,
					       w->count);
	}
}

static struct slip_chain_info look(void)
{
	struct slip_chain_info info;

	slip_chain_inspect(&chain, &info);
	return info;
}

static void watch(void)
{
	uint64_t there = look().segments;
	uint64_t quarter = far(popped) * 4 / (each * SIDES + 1);

	if (there > most_in[quarter])
		most_in[quarter] = there;
	if (there > most_ever)
		most_ever = there;
}

static void judge(const struct worker *producers,
		  const struct worker *consumers)
{
	uint64_t in = 0, out = 0, count = 0;
	struct slip_chain_info info = look();
	uint64_t linked = each * SIDES / info.segment + 1;

	for (uint32_t i = 0; i < SIDES; i++) {
		in += producers[i].sum;
		out += consumers[i].sum;
		count += consumers[i].count;
	}
	STRESS_CHECK(in == out && count == each * SIDES,
		     "%llu of %llu came, sums %llu and %llu", llu(count),
		     llu(each * SIDES), llu(in), llu(out));
	slip_rcu_settle_(&chain);
	info = look();
	STRESS_CHECK(info.segments == info.spares + EMPTY_,
		     "%llu segments, %llu of them spare", llu(info.segments),
		     llu(info.spares));
	/* Voided slots: a quarter more, at the very most. */
	linked += linked / 4 + 16;
	STRESS_CHECK(info.spares <= 2 * linked + SLIP_CHAIN_SPARES,
		     "%llu spare ones, of %llu linked", llu(info.spares),
		     llu(linked));
	STRESS_CHECK(most_ever <= 3 * linked + SLIP_CHAIN_SPARES + SLACK,
		     "%llu segments, of %llu linked", llu(most_ever),
		     llu(linked));
	STRESS_CHECK(
		each * SIDES < LONG || most_in[3] <= 2 * most_in[1] + SLACK,
		"grows: %llu segments, then %llu, %llu, %llu", llu(most_in[0]),
		llu(most_in[1]), llu(most_in[2]), llu(most_in[3]));
	all += count;
}

static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	if (f)
		(void)fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void one_run(uint64_t seed)
{
	struct worker producers[SIDES], consumers[SIDES];
	pthread_t threads[2 * SIDES];

	slip_a32_store_relaxed(&pushing, SIDES); /* init */
	for (uint32_t i = 0; i < SIDES; i++) {
		producers[i] = (struct worker){ .index = i };
		consumers[i] = (struct worker){ .index = i };
		slip_a64_store_relaxed(&pushed[i].count, 0); /* init */
		slip_a64_store_relaxed(&popped[i].count, 0); /* init */
		most_in[2 * i] = most_in[2 * i + 1] = 0;
	}
	for (uint32_t i = 0; i < SIDES; i++) {
		threads[i] = stress_thread(push_each, &producers[i]);
		threads[SIDES + i] = stress_thread(pop_each, &consumers[i]);
	}
	for (uint32_t i = 0; i < 2 * SIDES; i++)
		while (pthread_tryjoin_np(threads[i], NULL)) {
			watch();
			stress_pulse(seed + far(popped));
			stress_sleep_ns(STRESS_MS);
		}
	judge(producers, consumers);
	a_run = true;
	stress_line(seed, "at most %llu, %llu, %llu, %llu segments; %llu KiB",
		    llu(most_in[0]), llu(most_in[1]), llu(most_in[2]),
		    llu(most_in[3]), llu(resident_bytes() / 1024));
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "a queue without a bound, in steady state");
	stress_on_stuck(dump);
	each = (stress_options.capacity ? stress_options.capacity : OFTEN) /
	       SIDES;
	STRESS_CHECK(!words_init(&chain, NULL), "init");
	while (stress_more())
		one_run(stress_next_seed());
	STRESS_CHECK(a_run, "no run");
	slip_chain_destroy(&chain);
	stress_row("chain.memory", "threads", "elements=%llu segments=%llu",
		   llu(all), llu(most_ever));
	return stress_end("%llu elements; at most %llu segments", llu(all),
			  llu(most_ever));
}
