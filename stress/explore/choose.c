/* SPDX-License-Identifier: MIT */
/*
 * Every decision of an execution is one number below n, and comes from here:
 * from a list (replay), from a depth-first walk of the tree of decisions, or
 * from random numbers. What was chosen is kept, whatever the strategy, so that
 * each execution can be replayed from its list alone.
 *
 * 0 is always the tame choice (run on, newest value), and a list is followed
 * by as many zeros as it takes.
 */
#include "runtime.h"

#define PCT_CHANGES 3

static struct {
	enum x_strategy strategy;
	bool replay;
	uint64_t random;
	uint32_t depth;
	uint32_t fixed; /* the walk: decisions taken over */
	uint8_t of[X_CHOICES_MAX];
	uint8_t pick[X_CHOICES_MAX];
	uint32_t longest; /* execution so far, in steps */
	uint32_t change[PCT_CHANGES];
} c;

static uint64_t random_number(void)
{
	/* xorshift64* (Vigna) */
	c.random ^= c.random >> 12;
	c.random ^= c.random << 25;
	c.random ^= c.random >> 27;
	return c.random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* Without a division (Lemire); the bias is 2^-30 and less. */
static unsigned random_below(unsigned n)
{
	return (unsigned)((random_number() & UINT32_MAX) * n >> 32);
}

void x_choose_begin(enum x_strategy strategy, uint64_t seed)
{
	c.strategy = strategy;
	c.replay = false;
	c.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	c.depth = 0;
	c.fixed = 0;
	c.longest = 16;
}

void x_choose_replay(const struct x_list *list)
{
	c.strategy = X_DFS;
	c.replay = true;
	c.fixed = list->count;
	memcpy(c.pick, list->pick, list->count);
}

/* Priorities at random; PCT_CHANGES steps at which the running one drops. */
static void pct_begin(void)
{
	for (unsigned i = 0; i < X_THREADS; i++) {
		unsigned j = random_below(i + 1);

		x.thread[i].priority = x.thread[j].priority;
		x.thread[j].priority = (int)i + PCT_CHANGES;
	}
	for (unsigned i = 0; i < PCT_CHANGES; i++)
		c.change[i] = random_below(c.longest);
}

void x_choose_execution(void)
{
	c.depth = 0;
	if (c.strategy == X_PCT)
		pct_begin();
}

/* To the next leaf of the tree. */
bool x_choose_next(void)
{
	if (x.steps > c.longest)
		c.longest = x.steps;
	if (c.strategy != X_DFS)
		return true;
	while (c.depth && c.pick[c.depth - 1] + 1 == c.of[c.depth - 1])
		c.depth--;
	if (!c.depth)
		return false;
	c.pick[c.depth - 1]++;
	c.fixed = c.depth;
	return true;
}

/* What was chosen in this execution, without the zeros at the end. */
void x_choose_list(struct x_list *list)
{
	uint32_t n = c.depth;

	while (n && !c.pick[n - 1])
		n--;
	list->count = n;
	memcpy(list->pick, c.pick, n);
}

static unsigned keep(unsigned n, unsigned pick)
{
	if (c.depth == X_CHOICES_MAX)
		x_fail_text("more than %u choices", X_CHOICES_MAX);
	c.of[c.depth] = (uint8_t)n;
	c.pick[c.depth++] = (uint8_t)pick;
	return pick;
}

static unsigned walk(unsigned n)
{
	unsigned pick = c.depth < c.fixed ? c.pick[c.depth] : 0;

	if (pick >= n) {
		if (!c.replay)
			x_fail_text("the model is not deterministic");
		pick = 0; /* a list made shorter, or written by hand */
	}
	return keep(n, pick);
}

/* Which of n values, the newest first. */
unsigned x_choose_value(unsigned n)
{
	if (n <= 1)
		return 0;
	if (n > UINT8_MAX)
		n = UINT8_MAX;
	if (c.strategy == X_DFS)
		return walk(n);
	if (random_number() & 1)
		return keep(n, 0);
	return keep(n, random_below(n));
}

static bool tame(struct x_event e)
{
	return e.kind == X_EV_RUN || e.kind == X_EV_TIME;
}

static unsigned pct_pick(const struct x_event *e, unsigned n)
{
	unsigned best = n;

	for (int i = 0; i < PCT_CHANGES; i++)
		if (x.self >= 0 && x.steps == c.change[i])
			x_me()->priority = i;
	for (unsigned i = 0; i < n; i++) {
		if (!tame(e[i]))
			continue;
		if (best == n || x.thread[e[i].thread].priority >
					 x.thread[e[best].thread].priority)
			best = i;
	}
	return best;
}

/* One of those that are tame, or are not; n if there is none. */
static unsigned random_pick(const struct x_event *e, unsigned n, bool wanted)
{
	unsigned fit[X_EVENTS_MAX];
	unsigned fits = 0;

	for (unsigned i = 0; i < n; i++)
		if (tame(e[i]) == wanted)
			fit[fits++] = i;
	return fits ? fit[random_below(fits)] : n;
}

/* Which event; those from `bounded` on are preemptions, which the walk may
 * have used up. Kills and the like are rare in random executions. */
unsigned x_choose_event(const struct x_event *e, unsigned n, unsigned bounded)
{
	unsigned pick = n;

	if (n <= 1)
		return 0;
	if (c.strategy == X_DFS) {
		/* Kept even if only one is left: a replay has no bound. */
		if (!c.replay && x.switches >= x.switches_max) {
			x.cut |= n != bounded;
			n = bounded;
		}
		return walk(n);
	}
	if (random_below(24) == 0)
		pick = random_pick(e, n, false);
	if (pick == n && c.strategy == X_PCT)
		pick = pct_pick(e, n);
	if (pick == n)
		pick = random_pick(e, n, true);
	return keep(n, pick == n ? 0 : pick);
}
