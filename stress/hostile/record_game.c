/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define SPANS 8

static const uint16_t named[] = { 0,   8,   12,	 16,  20,  24,	128, 136,
				  136, 256, 256, 256, 264, 272, 272, 384 };

struct record_game {
	uint8_t *mem;
	size_t bytes;
	uint64_t capacity;
	uint32_t max;
	unsigned flags;
	struct slip_record_producer p;
	struct slip_record_consumer c;
};

static struct arena arena;

static void init(struct record_game *g)
{
	if (slip_record_init(g->mem, g->bytes, g->capacity, g->flags))
		fail("init");
}

static void setup_at(struct record_game *g, uint8_t *mem, uint8_t *back)
{
	size_t data = g->flags & SLIP_RECORD_MIRROR ? 4096 : 384;

	g->mem = mem;
	g->max = slip_record_max_bytes(g->capacity);
	init(g);
	(void)answer(slip_record_attach_producer(&g->p, NULL, 0, NULL),
		     CODES(-EINVAL));
	(void)answer(slip_record_attach_consumer(&g->c, NULL, 0, NULL),
		     CODES(-EINVAL));
	play.prey = (struct prey){ back,
				   g->bytes,
				   8,
				   data,
				   g->capacity,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
}

static void setup(struct record_game *g, struct stream *in)
{
	memset(g, 0, sizeof(*g));
	g->capacity = (uint64_t)64 << take_below(in, 5);
	g->flags = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->bytes = slip_record_bytes(g->capacity, g->flags);
	if (!arena.start)
		arena_create(&arena);
	arena_place(&arena, g->bytes, 64, take(in) & 1);
	memset(arena.mem, 0xa5, g->bytes);
	setup_at(g, arena.mem, arena.mem);
}

/* The ring is written to through a mapping of the peer's own. */
static void setup_mirror(struct record_game *g, struct stream *in)
{
	memset(g, 0, sizeof(*g));
	g->capacity = 4096;
	g->flags = SLIP_RECORD_MIRROR |
		   (take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM);
	g->bytes = slip_record_bytes(g->capacity, g->flags);
	setup_at(g, club()->mirror, club()->back);
}

static struct slip_peer *member(const struct record_game *g, struct stream *in,
				bool which)
{
	if (g->flags & SLIP_RECORD_MIRROR)
		return &club()->peers[which];
	return club_member(in, which);
}

#define ATTACH \
	CODES(-EBUSY, -EBADMSG, -EPROTO, -EOVERFLOW, -EOPNOTSUPP, -EINVAL)
#define MOVE CODES(-EAGAIN, -EMSGSIZE, -EPIPE, -EBADMSG)
#define WAIT CODES(-ETIMEDOUT, -EMSGSIZE, -EPIPE, -EBADMSG)

static void attach(struct record_game *g, struct stream *in, bool producer)
{
	struct slip_peer *self = member(g, in, producer);

	verb(in, producer ? "slip_record_attach_producer"
			  : "slip_record_attach_consumer");
	if (producer) {
		slip_record_detach_producer(&g->p);
		(void)answer(slip_record_attach_producer(&g->p, g->mem,
							 g->bytes, self),
			     ATTACH);
	} else {
		slip_record_detach_consumer(&g->c);
		(void)answer(slip_record_attach_consumer(&g->c, g->mem,
							 g->bytes, self),
			     ATTACH);
	}
	play.live = !g->p.error || !g->c.error;
}

/* A length: mostly small, now and then at the limit or beyond. */
static uint32_t length(const struct record_game *g, struct stream *in)
{
	uint8_t r = take(in);

	if (r < 200)
		return r % (g->max / 2 + 1);
	return r < 250 ? g->max - r % 16 : g->max + r % 8;
}

static void push(struct record_game *g, struct stream *in)
{
	uint32_t len = length(g, in);
	uint8_t *data = buffer(len);

	memset(data, 0xff, len);
	verb(in, "slip_record_push");
	play.counts.moved +=
		answer(slip_record_push(&g->p, data, len), MOVE) == 0;
}

static void pop(struct record_game *g, struct stream *in)
{
	uint32_t room = take(in) & 3 ? g->max : length(g, in);
	uint8_t *data = buffer(room);
	uint32_t len = 0;

	verb(in, "slip_record_pop");
	if (answer(slip_record_pop(&g->c, data, room, &len), MOVE) == 0) {
		if (len > room)
			fail("popped %u into %u", len, room);
		play.counts.moved++;
	}
}

static void push_n(struct record_game *g, struct stream *in)
{
	uint32_t n = take_below(in, SPANS + 1);
	struct slip_record_span spans[SPANS];
	uint32_t len[SPANS];
	size_t bytes = 0;
	uint8_t *data;

	for (uint32_t i = 0; i < n; i++) {
		len[i] = length(g, in);
		bytes += len[i];
	}
	data = buffer(bytes);
	memset(data, 0x80, bytes);
	for (uint32_t i = 0; i < n; i++) {
		spans[i].data = data;
		spans[i].len = len[i];
		data += len[i];
	}
	verb(in, "slip_record_push_n");
	answer_moved(slip_record_push_n(&g->p, spans, n), n);
}

static void pop_n(struct record_game *g, struct stream *in)
{
	uint32_t n = take_below(in, SPANS + 1);
	size_t room = (size_t)take(in) * 4;
	struct slip_record_span spans[SPANS];
	uint8_t *data = buffer(room);
	uint32_t done;

	verb(in, "slip_record_pop_n");
	done = slip_record_pop_n(&g->c, data, room, spans, n);
	answer_moved(done, n);
	for (uint32_t i = 0; i < done; i++)
		answer_place(spans[i].data, spans[i].len, data, room);
}

static void claim(struct record_game *g, struct stream *in)
{
	uint32_t len = length(g, in);
	size_t twice = g->flags & SLIP_RECORD_MIRROR ? 2 : 1;
	void *at;

	verb(in, "slip_record_claim");
	at = slip_record_claim(&g->p, len);
	if (at) {
		answer_place(at, len, g->p.shape.data, twice * g->capacity);
		memset(at, 0x7f, len);
		if (take(in) & 3)
			slip_record_commit(&g->p, length(g, in));
	}
	answer_moved(at != NULL, 1);
}

static void peek(struct record_game *g, struct stream *in)
{
	size_t twice = g->flags & SLIP_RECORD_MIRROR ? 2 : 1;
	const void *at;
	uint32_t len = 0;

	verb(in, "slip_record_peek");
	at = slip_record_peek(&g->c, &len);
	if (at) {
		answer_place(at, len, g->c.shape.data, twice * g->capacity);
		if (take(in) & 3)
			slip_record_release(&g->c);
	}
	answer_moved(at != NULL, 1);
}

static void blocking(struct record_game *g, struct stream *in)
{
	uint32_t which = take_below(in, 6);
	uint32_t len = length(g, in);
	uint8_t *data = buffer(len);
	uint64_t until = slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
	int rc;

	memset(data, 0x11, len);
	verb(in, "slip_record_..._until");
	if (which == 0)
		rc = slip_record_push_until(&g->p, data, len, until);
	else if (which == 1)
		rc = slip_record_pop_until(&g->c, data, len, &len, until);
	else if (which == 2)
		rc = slip_record_wait_room_until(&g->p, len, until);
	else if (which == 3)
		rc = slip_record_wait_data_until(&g->c, until);
	else if (which == 4)
		rc = slip_record_wait_consumer_until(&g->p, until);
	else
		rc = slip_record_wait_producer_until(&g->c, until);
	play.counts.moved += answer(rc, WAIT) == 0 && which < 2;
}

static void look(struct record_game *g, struct stream *in)
{
	struct slip_record_info info;

	verb(in, "slip_record_inspect");
	memset(&info, 0, sizeof(info));
	(void)answer(slip_record_inspect(g->mem, g->bytes, &info),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EAGAIN));
	verb(in, "slip_record_..._state");
	if ((unsigned)slip_record_consumer_state(&g->p) > SLIP_ROLE_DEAD ||
	    (unsigned)slip_record_producer_state(&g->c) > SLIP_ROLE_DEAD ||
	    slip_record_used_bytes_guess(&g->p) > g->p.shape.capacity)
		fail("no such state or count");
	(void)answer(0, CODES(0));
}

static void leave(struct record_game *g, struct stream *in)
{
	uint8_t how = take(in) % 4;

	verb(in, "slip_record_detach");
	if (how != 1)
		slip_record_detach_producer(&g->p);
	if (how != 0)
		slip_record_detach_consumer(&g->c);
	(void)answer(0, CODES(0));
	if (how == 3) { /* a new beginning */
		peer_hold();
		init(g);
		peer_loose();
	}
}

static void step(struct record_game *g, struct stream *in)
{
	uint8_t what = take(in) % 24;

	if (what < 2)
		attach(g, in, what);
	else if (what < 6)
		push(g, in);
	else if (what < 10)
		pop(g, in);
	else if (what < 12)
		push_n(g, in);
	else if (what < 14)
		pop_n(g, in);
	else if (what < 16)
		claim(g, in);
	else if (what < 18)
		peek(g, in);
	else if (what < 20)
		blocking(g, in);
	else if (what < 22)
		look(g, in);
	else if (what == 22)
		leave(g, in);
	else
		scribble_remember(&play.prey);
	if (g->mem == arena.mem)
		arena_check(&arena);
}

static void finish(struct record_game *g)
{
	slip_record_detach_producer(&g->p);
	slip_record_detach_consumer(&g->c);
	(void)buffer(0);
}

static void go_on(struct record_game *g, struct stream *in)
{
	attach(g, in, true);
	attach(g, in, false);
	peer_loose();
	while (in->left)
		step(g, in);
	finish(g);
}

void record_ring(struct stream *in)
{
	struct record_game g;

	setup(&g, in);
	go_on(&g, in);
}

void record_mirror(struct stream *in)
{
	struct record_game g;

	setup_mirror(&g, in);
	go_on(&g, in);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void record_attach(struct stream *in)
{
	struct record_game g;

	if (take(in) % 4)
		setup(&g, in);
	else
		setup_mirror(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	attach(&g, in, true);
	attach(&g, in, false);
	for (int i = 0; i < 4; i++) {
		push(&g, in);
		pop(&g, in);
		pop_n(&g, in);
	}
	finish(&g);
}
