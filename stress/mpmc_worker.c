/* SPDX-License-Identifier: MIT */
#include "stress/mpmc_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t capacities[] = { 2, 2, 4, 8, 64, 1024 };
static const uint32_t sizes[] = { 8, 8, 16, 21, 24, 56, 120, 1024 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static struct mpmc_diary *diary_of(const struct mpmc_worker *w)
{
	return &w->account->diary[w->place];
}

/* --- rings ----------------------------------------------------------------- */

/* Positions: just after 0, and just before they have 50 and 51 bits. */
static uint64_t choose_age(uint32_t capacity, uint64_t *random)
{
	static const unsigned bits[] = { 0, 0, 50, 51 };
	unsigned b = bits[stress_pick(random, COUNT(bits))];

	return b ? (UINT64_C(1) << b) / capacity - stress_pick(random, 200) : 1;
}

bool mpmc_choose(struct mpmc_config *c, uint64_t *random)
{
	unsigned flags;

	c->capacity = capacities[stress_pick(random, COUNT(capacities))];
	c->elem_bytes = sizes[stress_pick(random, COUNT(sizes))];
	c->work = stress_pick(random, 2);
	c->blocking = stress_pick(random, 3) == 0;
	c->hasty = stress_pick(random, 2);
	c->mode = stress_pick(random, 2) ? SLIP_EVENT_FULL : SLIP_EVENT_AUTO;
	if (stress_options.capacity)
		c->capacity = stress_options.capacity;
	if (stress_options.elem_bytes)
		c->elem_bytes = stress_options.elem_bytes;
	c->age = choose_age(c->capacity, random);
	flags = (c->work ? SLIP_MPMC_WORK : 0) |
		SLIP_MPMC_SEATS(stress_pick(random, 2) ? 40 : 200);
	/* Room for its name. */
	return c->elem_bytes >= 8 &&
	       slip_mpmc_shape_(&c->shape, c->capacity, c->elem_bytes, flags);
}

void mpmc_format(const struct mpmc_config *c, void *mem)
{
	int mode = slip_event_choose(c->mode);

	/* init would start at lap 1. */
	STRESS_CHECK(mode > 0, "mode: %d", mode);
	slip_mpmc_format_(mem, &c->shape, (uint32_t)mode, c->age);
}

int mpmc_describe(const struct mpmc_config *c, char *text, size_t bytes)
{
	return snprintf(
		text, bytes, "%s, capacity %u, %u B, mode %u, %s%s, lap %llu",
		c->work ? "work queue" : "queue", c->capacity, c->elem_bytes,
		c->mode, c->blocking ? "blocking" : "polling",
		c->hasty ? ", hasty" : "", llu(c->age));
}

void mpmc_dump(void *mem, size_t bytes)
{
	struct slip_mpmc_ring *ring = mem;
	struct slip_mpmc q;
	unsigned mode;

	memset(&q, 0, sizeof(q));
	if (slip_mpmc_check_(ring, bytes, &q.shape, &mode))
		return;
	slip_mpmc_point_(&q, ring);
	stress_say("tail %#llx, head %#llx, heard %#llx, voids %#llx, returned "
		   "%#llx, roll %#llx, ev_data %#x, ev_space %#x",
		   llu(get(&ring->tail)), llu(get(&ring->head)),
		   llu(get(&ring->heard)), llu(get(&ring->voids)),
		   llu(get(&ring->returned)), llu(get(&ring->roll)),
		   slip_a32_load_relaxed(&ring->ev_data.word),
		   slip_a32_load_relaxed(&ring->ev_space.word));
	for (uint64_t i = 0; i < q.shape.capacity && i < 16; i++)
		stress_say("slot %llu: %#llx", llu(i),
			   llu(get(slip_mpmc_slot_(&q, i * SLIP_MPMC_ONE,
						   q.shape.elem_bytes))));
	for (uint64_t s = 1; s <= q.shape.seats; s++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(ring, &q.shape, s);

		if (get(&seat->word) || get(&seat->hand))
			stress_say("seat %llu: %#llx, runs %#llx %#llx, hand "
				   "%#llx, giving %#llx",
				   llu(s), llu(get(&seat->word)),
				   llu(get(&seat->runs[0])),
				   llu(get(&seat->runs[1])),
				   llu(get(&seat->hand)),
				   llu(get(&seat->giving)));
	}
}

/* --- a worker -------------------------------------------------------------- */

void mpmc_worker_begin(struct mpmc_worker *w)
{
	const struct mpmc_config *c = w->config;

	if (c->hasty)
		w->q.patience = 0;
	w->held = 0;
	/* So that one which is stopped leaves half of the slots to others. */
	w->batch = c->capacity / 2 < MPMC_BATCH ? c->capacity / 2 : MPMC_BATCH;
	w->hold = c->capacity / 4 < 1 ? 1 : c->capacity / 4;
	if (w->hold > MPMC_HELD - 1)
		w->hold = MPMC_HELD - 1;
}

/* In the middle of something: now and then stay a while, to be killed here. */
static void dawdle(struct mpmc_worker *w)
{
	if (stress_pick(&w->random, 512) == 0)
		for (int i = 0; i < 1000; i++)
			slip_pause();
}

/* Soon, at once; or never, if the others can do without us meanwhile. */
static uint64_t deadline(struct mpmc_worker *w)
{
	switch (stress_pick(&w->random, 8)) {
	case 0:
		return w->restless ? 0 : SLIP_FOREVER;
	case 1:
		return 0;
	default:
		return slip_after_ns(stress_pick(&w->random, 10 * STRESS_MS));
	}
}

static void *elem_at(const struct mpmc_worker *w, uint32_t i)
{
	return w->buffer + (size_t)i * w->config->elem_bytes;
}

/* --- push ------------------------------------------------------------------ */

static void fill(struct mpmc_worker *w, uint32_t n)
{
	uint64_t first = get(&diary_of(w)->put_done);

	for (uint32_t i = 0; i < n; i++)
		stress_fill(elem_at(w, i), w->config->elem_bytes,
			    mpmc_name(w->place, first + i));
}

static uint32_t put_in_place(struct mpmc_worker *w)
{
	void *place = slip_mpmc_claim(&w->q);

	if (!place)
		return 0;
	/* Given up, and claimed again. */
	stress_fill(place, w->config->elem_bytes, ~UINT64_C(0));
	slip_mpmc_abort(&w->q);
	place = slip_mpmc_claim(&w->q);
	if (!place)
		return 0;
	memcpy(place, w->buffer, w->config->elem_bytes);
	dawdle(w);
	return slip_mpmc_commit(&w->q);
}

/* Push `n`, or one, by some verb. How many; or -errno. */
static int push(struct mpmc_worker *w, uint32_t n, bool wait)
{
	slip_a64 *forever = &diary_of(w)->forever;
	uint64_t until;
	int rc;

	if (wait) {
		until = deadline(w);
		set(forever, until == SLIP_FOREVER);
		rc = slip_mpmc_push_until(&w->q, w->buffer, until);
		set(forever, 0);
		return rc ? rc : 1;
	}
	if (n > 1)
		return (int)slip_mpmc_push_n(&w->q, w->buffer, n);
	if (stress_pick(&w->random, 4) == 0)
		return (int)put_in_place(w);
	return slip_mpmc_push(&w->q, w->buffer);
}

int mpmc_produce(struct mpmc_worker *w, bool wait)
{
	uint32_t n = 1;
	int rc;

	wait = wait && !w->held;
	if (!wait && stress_pick(&w->random, 3) == 0)
		n = 1 + (uint32_t)stress_pick(&w->random, w->batch);
	if (get(&diary_of(w)->put_done) + n > MPMC_NUMBERS)
		return 0; /* the book is full */
	fill(w, n);
	mpmc_putting(w->account, w->place, n);
	rc = push(w, n, wait);
	dawdle(w);
	mpmc_put(w->account, w->place, rc > 0 ? (uint64_t)rc : 0);
	return rc;
}

/* --- pop and take ---------------------------------------------------------- */

/* Give a ticket back, by ack or, in a work queue, perhaps by nack. */
static void settle_one(struct mpmc_worker *w, bool done)
{
	uint32_t i = (uint32_t)stress_pick(&w->random, w->held);
	uint32_t at = w->ticket[i].at;
	int rc;

	if (w->config->work && !done && stress_pick(&w->random, 8) == 0) {
		rc = slip_mpmc_nack(&w->q, &w->ticket[i].t);
		STRESS_CHECK(rc == 0, "nack: %d", rc);
		mpmc_nacked(w->account, w->place, at);
	} else {
		mpmc_acking(w->account, w->place, at);
		slip_mpmc_ack(&w->q, &w->ticket[i].t);
		STRESS_CHECK(!w->ticket[i].t.word,
			     "ack: the ticket is not ours");
		mpmc_acked(w->account, w->place, at);
	}
	w->ticket[i] = w->ticket[--w->held];
}

/* By take, or by take_until. 1, 0, or -errno. */
static int take(struct mpmc_worker *w, bool wait)
{
	struct slip_mpmc_ticket *t = &w->ticket[w->held].t;
	uint64_t since = mpmc_popping(w->account, w->place, !w->config->work);
	int rc;

	if (wait && w->held == 0)
		rc = slip_mpmc_take_until(&w->q, t, deadline(w));
	else
		rc = slip_mpmc_take(&w->q, t) ? 0 : -EAGAIN;
	if (rc) {
		(void)mpmc_popping(w->account, w->place, 0);
		return rc == -EAGAIN ? 0 : rc;
	}
	w->ticket[w->held].at =
		mpmc_taken(w->account, w->place, t->elem, w->config->elem_bytes,
			   t->attempts, since);
	w->held++;
	dawdle(w);
	return 1;
}

static int pop(struct mpmc_worker *w, bool wait)
{
	slip_a64 *forever = &diary_of(w)->forever;
	uint32_t n = 1;
	uint64_t since;
	uint64_t until;
	int rc;

	if (!wait && stress_pick(&w->random, 2))
		n = 1 + (uint32_t)stress_pick(&w->random, w->batch);
	since = mpmc_popping(w->account, w->place, n);
	if (wait) {
		until = w->held ? 0 : deadline(w);
		set(forever, until == SLIP_FOREVER);
		rc = slip_mpmc_pop_until(&w->q, w->buffer, until);
		set(forever, 0);
		rc = rc ? rc : 1;
	} else if (n > 1) {
		rc = (int)slip_mpmc_pop_n(&w->q, w->buffer, n);
	} else {
		rc = slip_mpmc_pop(&w->q, w->buffer);
	}
	dawdle(w);
	for (int i = 0; i < rc; i++)
		mpmc_popped(w->account, w->place, elem_at(w, (uint32_t)i),
			    w->config->elem_bytes, since);
	(void)mpmc_popping(w->account, w->place, 0);
	return rc;
}

int mpmc_consume(struct mpmc_worker *w, bool wait, bool drain)
{
	uint64_t kinds = w->config->work ? 8 : 3;

	if (w->held &&
	    (w->held >= w->hold || drain || stress_pick(&w->random, 3) == 0)) {
		settle_one(w, drain);
		return 1;
	}
	if (w->held >= w->hold)
		return 0;
	if (stress_pick(&w->random, kinds) == 0)
		return w->config->work ? pop(w, wait) : take(w, wait);
	return w->config->work ? take(w, wait) : pop(w, wait);
}
