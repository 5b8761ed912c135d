/* SPDX-License-Identifier: MIT */
/*
 * More processes than processors, each pair with a ring of its own; and one
 * thread that looks after many rings by polling them in turn, which is all it
 * can do as long as there is nothing that waits for any of them.
 */
#include "ring/spsc.h"
#include "tools/bench/growth.h"

SLIP_SPSC_DEFINE(words, uint64_t);

/* How long a side sleeps before it looks whether the time is over. */
#define NAP_NS UINT64_C(1000000)

static size_t step(uint32_t capacity)
{
	return (words_bytes(capacity) + 127) / 128 * 128;
}

static void *ring_at(const struct bench_team *t, unsigned i)
{
	return (char *)t->mem + i * step(t->point->capacity);
}

static int init_rings(struct bench_team *t, unsigned n)
{
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = words_init(ring_at(t, i), step(t->point->capacity),
				t->point->capacity, 0);
	return rc;
}

static int attach(struct bench_team *t, unsigned ring,
		  struct slip_spsc_producer *p, struct slip_spsc_consumer *c)
{
	size_t bytes = step(t->point->capacity);
	void *mem = ring_at(t, ring);
	int rc = 0;

	if (p)
		rc = words_attach_producer(p, mem, bytes, NULL);
	if (c && !rc)
		rc = words_attach_consumer(c, mem, bytes, NULL);
	return rc;
}

/* --- pairs ----------------------------------------------------------------- */

/* Of a side, which is a process of its own. */
static struct slip_spsc_producer producer;
static struct slip_spsc_consumer consumer;

SLIP_CORE bool put(void *own, const void *m)
{
	(void)own;
	return words_push(&producer, (const uint64_t *)m);
}

SLIP_CORE bool take(void *own, void *m)
{
	(void)own;
	return words_pop(&consumer, (uint64_t *)m);
}

/* The clock is only asked by who has to wait. */
SLIP_CORE bool put_sleeping(void *own, const void *m)
{
	return put(own, m) || words_push_until(&producer, (const uint64_t *)m,
					       slip_after_ns(NAP_NS)) == 0;
}

SLIP_CORE bool take_sleeping(void *own, void *m)
{
	return take(own, m) || words_pop_until(&consumer, (uint64_t *)m,
					       slip_after_ns(NAP_NS)) == 0;
}

/* Even sides produce for the odd ones. */
static void pair(struct bench_team *t, unsigned self)
{
	uint64_t word = 0;
	struct growth_flow f = { t, &word, 1 };
	int rc = attach(t, self / 2, self % 2 ? NULL : &producer,
			self % 2 ? &consumer : NULL);

	if (rc) {
		t->shared->side[self].rc = rc;
		bench_ready(t);
	} else if (t->point->way) {
		if (self % 2)
			growth_consume(&f, self, NULL, take_sleeping);
		else
			growth_produce(&f, NULL, put_sleeping);
	} else if (self % 2) {
		growth_consume(&f, self, NULL, take);
	} else {
		growth_produce(&f, NULL, put);
	}
	if (!rc && self % 2)
		slip_spsc_detach_consumer(&consumer);
	else if (!rc)
		slip_spsc_detach_producer(&producer);
}

SLIP_CORE void to_itself(void *own)
{
	uint64_t *next = (uint64_t *)own;
	uint64_t word;

	if (!put(NULL, next) || !take(NULL, &word) || word != *next)
		next[1] = 1;
	++*next;
}

static void alone(struct bench_team *t, unsigned self)
{
	uint64_t next[2] = { 1, 0 };
	int rc = attach(t, 0, &producer, &consumer);

	turns_measure(t, self, to_itself, next);
	t->shared->side[self].rc = rc ? rc : next[1] ? -EBADMSG : 0;
}

static int setup_pairs(struct bench_team *t)
{
	return init_rings(t, (t->sides + 1) / 2);
}

/* All that was taken, M/s. */
static double together(const struct bench_team *t)
{
	double sum = 0;

	for (unsigned i = 0; i < t->sides; i++)
		sum += turns_ratio(t->shared->side[i].ops * 1000,
				   t->shared->side[i].ns);
	return sum;
}

static int pairs(const struct bench_point *p, struct bench_answer *a,
		 uint32_t sleeping)
{
	struct bench_point point = *p;
	struct bench_team t = { .point = &point,
				.sides = p->actors,
				.bytes =
					(p->actors + 1) / 2 * step(p->capacity),
				.setup = setup_pairs };

	point.way = sleeping;
	for (unsigned i = 0; i < p->actors && i < GROWTH_PROCESSES; i++)
		t.run[i] = p->actors == 1 ? alone : pair;
	return turns_run(&t, a, together, NULL);
}

int growth_pairs_polling(const struct bench_point *p, struct bench_answer *a)
{
	return pairs(p, a, 0);
}

int growth_pairs_sleeping(const struct bench_point *p, struct bench_answer *a)
{
	return pairs(p, a, 1);
}

/* --- many rings, one thread ------------------------------------------------ */

static struct watch {
	uint32_t rings, at; /* a power of two; the ring that is next */
	uint64_t given, wrong;
	struct slip_spsc_producer p[GROWTH_RINGS];
	struct slip_spsc_consumer c[GROWTH_RINGS];
} watch;

SLIP_CORE bool poll_next(struct watch *w, uint64_t *word)
{
	struct slip_spsc_consumer *c = &w->c[w->at];

	w->at = (w->at + 1) & (w->rings - 1);
	return words_pop(c, word);
}

SLIP_CORE void poll_empty(void *own)
{
	struct watch *w = (struct watch *)own;
	uint64_t word;

	w->wrong += poll_next(w, &word);
}

/* Gives one ring, by no order that polling could profit from, an element, and
 * polls on until it is found. */
SLIP_CORE void find(void *own)
{
	struct watch *w = (struct watch *)own;
	uint64_t word = w->given++;
	uint64_t ring = (word * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
	uint64_t found = ~word;

	w->wrong += !words_push(&w->p[ring & (w->rings - 1)], &word);
	for (uint32_t i = 0; i < w->rings; i++)
		if (poll_next(w, &found))
			break;
	w->wrong += found != word;
}

static int open_watch(struct bench_team *t)
{
	int rc = 0;

	watch.rings = t->point->actors;
	for (unsigned i = 0; i < watch.rings && !rc; i++)
		rc = attach(t, i, &watch.p[i], &watch.c[i]);
	return rc;
}

static void say(struct bench_team *t, unsigned self, int rc)
{
	t->shared->side[self].rc = rc ? rc : watch.wrong ? -EBADMSG : 0;
}

static void polls(struct bench_team *t, unsigned self)
{
	int rc = open_watch(t);

	turns_measure(t, self, poll_empty, &watch);
	say(t, self, rc);
}

static void finds(struct bench_team *t, unsigned self)
{
	int rc = open_watch(t);

	turns_measure(t, self, find, &watch);
	say(t, self, rc);
}

static int setup_watch(struct bench_team *t)
{
	return init_rings(t, t->point->actors);
}

static int watched(const struct bench_point *p, struct bench_answer *a,
		   bench_side *side)
{
	struct bench_team t = { .point = p,
				.sides = 1,
				.run = { side },
				.bytes = p->actors * step(p->capacity),
				.setup = setup_watch };

	return p->actors > GROWTH_RINGS
		       ? -EINVAL
		       : turns_run(&t, a, turns_ns_per_op, NULL);
}

int growth_polls(const struct bench_point *p, struct bench_answer *a)
{
	return watched(p, a, polls);
}

int growth_finds(const struct bench_point *p, struct bench_answer *a)
{
	return watched(p, a, finds);
}
