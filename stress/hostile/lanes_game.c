/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define HANDLES 2u
#define SPANS	6u

/* Words of the header, of the event, of seats, of who came, high; then, of the
 * first two lanes (of 64 bytes), tail, the consumer's role, head, event and role of
 * the producer, and the first headers. */
static const uint16_t named[] = { 0,   8,    12,   16,	 20,   24,   32,  128,
				  256, 264,  384,  392,	 400,  576,  576, 1088,
				  648, 768,  768,  768,	 776,  784,  896, 920,
				  944, 1160, 1280, 1280, 1296, 1408, 1432 };

struct lanes_game {
	uint8_t *mem;
	size_t bytes;
	uint64_t capacity;
	uint32_t lanes, consumers, max;
	unsigned flags;
	struct slip_lanes_producer p[HANDLES];
	struct slip_lanes_consumer c[HANDLES];
};

static struct arena arena;

static void init(struct lanes_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_lanes_init(g->mem, g->bytes, g->lanes, g->capacity,
			    g->consumers, g->flags))
		fail("init");
}

static void setup(struct lanes_game *g, struct stream *in)
{
	memset(g, 0, sizeof(*g));
	g->lanes = 2 + take_below(in, 3);
	g->capacity = (uint64_t)64 << take_below(in, 4);
	g->consumers = 1 + take_below(in, 2);
	g->flags = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	if (g->consumers == 1 && take(in) & 1)
		g->flags |= SLIP_LANES_STAMPED;
	g->max = slip_lanes_max_bytes(g->capacity, g->flags);
	g->bytes = slip_lanes_bytes(g->lanes, g->capacity);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	for (unsigned i = 0; i < HANDLES; i++) {
		(void)answer(
			slip_lanes_attach_producer(&g->p[i], NULL, 0, NULL),
			CODES(-EINVAL));
		(void)answer(
			slip_lanes_attach_consumer(&g->c[i], NULL, 0, NULL),
			CODES(-EINVAL));
	}
	play.prey = (struct prey){ g->mem,
				   g->bytes,
				   8,
				   896,
				   g->capacity,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EUSERS, -EBADMSG, -EPROTO, -EOVERFLOW)
#define WAIT   CODES(-ETIMEDOUT, -EPIPE, -EBADMSG, -EMSGSIZE)

static void attach(struct lanes_game *g, struct stream *in, unsigned which)
{
	struct slip_peer *self = club_member(in, which & 1);
	unsigned i = which / 2;

	if (which & 1) {
		verb(in, "slip_lanes_attach_producer");
		slip_lanes_close(&g->p[i]);
		(void)answer(slip_lanes_attach_producer(&g->p[i], g->mem,
							g->bytes, self),
			     ATTACH);
	} else {
		verb(in, "slip_lanes_attach_consumer");
		slip_lanes_detach_consumer(&g->c[i]);
		(void)answer(slip_lanes_attach_consumer(&g->c[i], g->mem,
							g->bytes, self),
			     ATTACH);
	}
	play.live = !g->c[0].error || !g->p[0].rec.error;
}

static struct slip_lanes_producer *producer(struct lanes_game *g,
					    struct stream *in)
{
	return &g->p[take_below(in, HANDLES)];
}

static struct slip_lanes_consumer *consumer(struct lanes_game *g,
					    struct stream *in)
{
	return &g->c[take_below(in, HANDLES)];
}

static void push(struct lanes_game *g, struct stream *in)
{
	struct slip_lanes_producer *p = producer(g, in);
	uint32_t len = take_below(in, g->max + 4);
	uint8_t *data = buffer(len);
	struct iovec v[2] = { { data, len / 2 },
			      { data + len / 2, len - len / 2 } };
	int rc;

	memset(data, 0x33, len);
	verb(in, "slip_lanes_push");
	rc = take(in) & 1 ? slip_lanes_push(p, data, len)
			  : slip_lanes_push_v(p, v, 2);
	play.counts.moved +=
		!answer(rc, CODES(-EAGAIN, -EMSGSIZE, -EPIPE, -EBADMSG));
}

static void push_batch(struct lanes_game *g, struct stream *in)
{
	uint8_t *data = buffer(g->max);
	struct slip_record_span spans[SPANS];

	memset(data, 0x34, g->max);
	for (unsigned i = 0; i < SPANS; i++) {
		spans[i].data = data;
		spans[i].len = take_below(in, g->max + 1);
	}
	verb(in, "slip_lanes_push_n");
	answer_moved(slip_lanes_push_n(producer(g, in), spans, SPANS), SPANS);
}

static void claim(struct lanes_game *g, struct stream *in)
{
	struct slip_lanes_producer *p = producer(g, in);
	uint32_t len = take_below(in, g->max + 4);
	void *at;

	verb(in, "slip_lanes_claim");
	at = slip_lanes_claim(p, len);
	if (at) {
		answer_place(at, len, g->mem, g->bytes);
		memset(at, take(in), len);
		slip_lanes_commit(p, take_below(in, g->max + 4));
	}
	answer_moved(at != NULL, 1);
}

static void pop(struct lanes_game *g, struct stream *in)
{
	uint32_t max = take_below(in, g->max + 4);
	uint8_t *data = buffer(max);
	uint32_t len = 0;
	int rc;

	verb(in, "slip_lanes_pop");
	rc = answer(slip_lanes_pop(consumer(g, in), data, max, &len),
		    CODES(-EAGAIN, -EMSGSIZE, -EPIPE));
	if (!rc && len > max)
		fail("%u bytes of %u", len, max);
	play.counts.moved += !rc;
}

static void pop_batch(struct lanes_game *g, struct stream *in)
{
	uint32_t max = take_below(in, 3 * g->max);
	uint8_t *data = buffer(max);
	struct slip_record_span spans[SPANS];
	uint32_t n;

	verb(in, "slip_lanes_pop_n");
	n = slip_lanes_pop_n(consumer(g, in), data, max, spans, SPANS);
	for (uint32_t i = 0; i < n; i++)
		answer_place(spans[i].data, spans[i].len, data, max);
	answer_moved(n, SPANS);
}

static void peek(struct lanes_game *g, struct stream *in)
{
	struct slip_lanes_consumer *c = consumer(g, in);
	uint32_t len = 0;
	const void *at;

	verb(in, "slip_lanes_peek");
	at = slip_lanes_peek(c, &len);
	if (at) {
		answer_place(at, len, g->mem, g->bytes);
		if (take(in) & 3)
			slip_lanes_release(c);
	}
	answer_moved(at != NULL, 1);
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

static void blocking(struct lanes_game *g, struct stream *in)
{
	uint8_t *data = buffer(16);
	uint32_t which = take_below(in, 5);
	uint64_t until = soon(in);
	uint32_t len = 0;
	int rc;

	memset(data, 0x44, 16);
	verb(in, "slip_lanes_..._until");
	if (which == 0)
		rc = slip_lanes_push_until(producer(g, in), data, 16, until);
	else if (which == 1)
		rc = slip_lanes_pop_until(consumer(g, in), data, 16, &len,
					  until);
	else if (which == 2)
		rc = slip_lanes_wait_producer_until(consumer(g, in), until);
	else if (which == 3)
		rc = slip_lanes_wait_consumer_until(producer(g, in), until);
	else
		rc = slip_lanes_wait_room_until(producer(g, in), g->max, until);
	(void)answer(rc, WAIT);
}

static void look(struct lanes_game *g, struct stream *in)
{
	struct slip_lanes_info info;
	struct slip_record_info one;
	uint32_t i = take_below(in, 6);

	verb(in, "slip_lanes_inspect");
	(void)answer(slip_lanes_inspect(g->mem, g->bytes, &info),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EINVAL));
	verb(in, "slip_lanes_inspect_lane");
	(void)answer(slip_lanes_inspect_lane(g->mem, g->bytes, i, &one),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EINVAL, -EAGAIN));
}

static void leave_all(struct lanes_game *g)
{
	for (unsigned i = 0; i < HANDLES; i++) {
		slip_lanes_close(&g->p[i]);
		slip_lanes_detach_consumer(&g->c[i]);
	}
}

/* What the recoverer of a dead peer does to the ring; or a new beginning. */
static void recover(struct lanes_game *g, struct stream *in)
{
	if (take(in) & 1) {
		leave_all(g);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_lanes_recover_");
	(void)answer(slip_lanes_recover_(NULL, g->mem, g->bytes,
					 take_below(in, 4), take(in)),
		     CODES(0));
}

static void step(struct lanes_game *g, struct stream *in)
{
	uint8_t what = take(in) % 20;

	if (what < 4)
		attach(g, in, what);
	else if (what < 7)
		push(g, in);
	else if (what == 7)
		push_batch(g, in);
	else if (what == 8)
		claim(g, in);
	else if (what < 12)
		pop(g, in);
	else if (what == 12)
		pop_batch(g, in);
	else if (what < 15)
		peek(g, in);
	else if (what < 17)
		blocking(g, in);
	else if (what == 17)
		look(g, in);
	else if (what == 18)
		scribble_remember(&play.prey);
	else
		recover(g, in);
	arena_check(&arena);
}

/* All are there from the start; then anything. */
void lanes_ring(struct stream *in)
{
	struct lanes_game g;

	setup(&g, in);
	for (unsigned i = 0; i < 4; i++)
		attach(&g, in, i);
	peer_loose();
	while (in->left)
		step(&g, in);
	leave_all(&g);
	(void)buffer(0);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void lanes_attach(struct stream *in)
{
	struct lanes_game g;

	setup(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	for (unsigned i = 0; i < 4; i++)
		attach(&g, in, i);
	for (int i = 0; i < 4; i++) {
		push(&g, in);
		pop(&g, in);
		peek(&g, in);
		pop_batch(&g, in);
		arena_check(&arena);
	}
	leave_all(&g);
	(void)buffer(0);
}
