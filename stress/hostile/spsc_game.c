/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

/* Words of the header, of the events, of the roles, and head. */
static const uint16_t named[] = { 0,   8,   12,	 16,  20,  24,	28,  32,  128,
				  136, 136, 256, 256, 256, 264, 272, 272, 384 };

struct spsc_game {
	uint8_t *mem;
	size_t bytes;
	uint32_t capacity, elem_bytes;
	unsigned mode;
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
};

static struct arena arena;

static void init(struct spsc_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_spsc_init(g->mem, g->bytes, g->capacity, g->elem_bytes,
			   g->mode))
		fail("init");
}

static void setup(struct spsc_game *g, struct stream *in)
{
	static const uint32_t sizes[] = { 1,  4,  8,   12,  27,	 56,
					  57, 64, 120, 121, 200, 2000 };
	struct slip_spsc_shape s;

	memset(g, 0, sizeof(*g));
	g->capacity = 2u << take_below(in, 5);
	g->elem_bytes = sizes[take_below(in, 12)];
	g->mode = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->bytes = slip_spsc_bytes(g->capacity, g->elem_bytes);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	(void)answer(slip_spsc_attach_producer(&g->p, NULL, 0, NULL),
		     CODES(-EINVAL));
	(void)answer(slip_spsc_attach_consumer(&g->c, NULL, 0, NULL),
		     CODES(-EINVAL));
	if (!slip_spsc_shape_(&s, g->capacity, g->elem_bytes))
		fail("shape");
	play.prey = (struct prey){ g->mem,
				   g->bytes,
				   s.block_bytes,
				   384 + s.block_bytes - 8,
				   g->capacity,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EBADMSG, -EPROTO, -EOVERFLOW)
#define WAIT   CODES(-ETIMEDOUT, -EPIPE, -EBADMSG)

/*
 * As SLIP_SPSC_DEFINE() attaches: for elements of one size. Without that the
 * size is whatever the ring says, which a caller cannot prepare for: a forged
 * header that fits together is a ring of another size.
 */
static void attach(struct spsc_game *g, struct stream *in, bool producer)
{
	struct slip_peer *self = club_member(in, producer);

	verb(in, producer ? "slip_spsc_attach_producer"
			  : "slip_spsc_attach_consumer");
	if (producer) {
		slip_spsc_detach_producer(&g->p);
		(void)answer(slip_spsc_attach_producer_of_(&g->p, g->mem,
							   g->bytes, self,
							   g->elem_bytes),
			     ATTACH);
	} else {
		slip_spsc_detach_consumer(&g->c);
		(void)answer(slip_spsc_attach_consumer_of_(&g->c, g->mem,
							   g->bytes, self,
							   g->elem_bytes),
			     ATTACH);
	}
	play.live = !g->p.error || !g->c.error;
}

static void push(struct spsc_game *g, struct stream *in)
{
	uint8_t *elem = buffer(g->elem_bytes);

	memset(elem, take(in), g->elem_bytes);
	verb(in, "slip_spsc_push");
	answer_moved(slip_spsc_push(&g->p, elem), 1);
}

static void pop(struct spsc_game *g, struct stream *in)
{
	uint8_t *elem = buffer(g->elem_bytes);

	verb(in, "slip_spsc_pop");
	answer_moved(slip_spsc_pop(&g->c, elem), 1);
}

static void many(struct spsc_game *g, struct stream *in, bool producer)
{
	uint32_t n = take_below(in, 70);
	uint8_t *elems = buffer((size_t)n * g->elem_bytes);

	if (producer) {
		memset(elems, 0x33, (size_t)n * g->elem_bytes);
		verb(in, "slip_spsc_push_n");
		answer_moved(slip_spsc_push_n(&g->p, elems, n), n);
	} else {
		verb(in, "slip_spsc_pop_n");
		answer_moved(slip_spsc_pop_n(&g->c, elems, n), n);
	}
}

/* Is it the place of an element? Room for it, and no control word in it. */
static void element(const struct spsc_game *g, const void *at)
{
	answer_place(at, g->elem_bytes, g->mem + 384, g->bytes - 384 - 8);
}

static void claim(struct spsc_game *g, struct stream *in)
{
	void *at;

	verb(in, "slip_spsc_claim");
	at = slip_spsc_claim(&g->p);
	if (at) {
		element(g, at);
		memset(at, take(in), g->elem_bytes);
		if (take(in) & 3)
			slip_spsc_commit(&g->p);
	}
	answer_moved(at != NULL, 1);
}

static void peek(struct spsc_game *g, struct stream *in)
{
	const void *at;

	verb(in, "slip_spsc_peek");
	at = slip_spsc_peek(&g->c);
	if (at) {
		element(g, at);
		if (take(in) & 3)
			slip_spsc_release(&g->c);
	}
	answer_moved(at != NULL, 1);
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

static void blocking(struct spsc_game *g, struct stream *in)
{
	uint8_t *elem = buffer(g->elem_bytes);
	uint32_t which = take_below(in, 6);
	uint64_t until = soon(in);
	int rc;

	memset(elem, 0x44, g->elem_bytes);
	verb(in, "slip_spsc_..._until");
	if (which == 0)
		rc = slip_spsc_push_until(&g->p, elem, until);
	else if (which == 1)
		rc = slip_spsc_pop_until(&g->c, elem, until);
	else if (which == 2)
		rc = slip_spsc_wait_room_until(&g->p, until);
	else if (which == 3)
		rc = slip_spsc_wait_data_until(&g->c, until);
	else if (which == 4)
		rc = slip_spsc_wait_consumer_until(&g->p, until);
	else
		rc = slip_spsc_wait_producer_until(&g->c, until);
	if (answer(rc, WAIT) == 0 && which < 2)
		play.counts.moved++;
}

static void look(struct spsc_game *g, struct stream *in)
{
	struct slip_spsc_info info;

	verb(in, "slip_spsc_inspect");
	memset(&info, 0, sizeof(info));
	(void)answer(slip_spsc_inspect(g->mem, g->bytes, &info),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EAGAIN));
	verb(in, "slip_spsc_..._state");
	if ((unsigned)slip_spsc_consumer_state(&g->p) > SLIP_ROLE_DEAD ||
	    (unsigned)slip_spsc_producer_state(&g->c) > SLIP_ROLE_DEAD ||
	    slip_spsc_count_guess(&g->p) > g->p.shape.capacity)
		fail("no such state or count");
	(void)answer(0, CODES(0));
}

static void leave(struct spsc_game *g, struct stream *in, bool producer)
{
	verb(in, "slip_spsc_detach");
	if (producer)
		slip_spsc_detach_producer(&g->p);
	else
		slip_spsc_detach_consumer(&g->c);
	(void)answer(0, CODES(0));
}

/* What the recoverer of a dead peer does to the ring; or a new beginning. */
static void recover(struct spsc_game *g, struct stream *in)
{
	if (take(in) & 1) {
		slip_spsc_detach_producer(&g->p);
		slip_spsc_detach_consumer(&g->c);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_ends_recover_");
	(void)answer(slip_ends_recover_(NULL, g->mem, g->bytes,
					take_below(in, 4), take(in)),
		     CODES(0));
}

static void step(struct spsc_game *g, struct stream *in)
{
	uint8_t what = take(in) % 24;

	if (what < 2)
		attach(g, in, what);
	else if (what < 6)
		push(g, in);
	else if (what < 10)
		pop(g, in);
	else if (what < 14)
		many(g, in, what & 1);
	else if (what < 16)
		claim(g, in);
	else if (what < 18)
		peek(g, in);
	else if (what < 20)
		blocking(g, in);
	else if (what == 20)
		look(g, in);
	else if (what == 21)
		leave(g, in, take(in) & 1);
	else if (what == 22)
		scribble_remember(&play.prey);
	else
		recover(g, in);
	arena_check(&arena);
}

static void finish(struct spsc_game *g)
{
	slip_spsc_detach_producer(&g->p);
	slip_spsc_detach_consumer(&g->c);
	(void)buffer(0);
}

/* Both sides are there from the start; then anything. */
void spsc_ring(struct stream *in)
{
	struct spsc_game g;

	setup(&g, in);
	attach(&g, in, true);
	attach(&g, in, false);
	peer_loose();
	while (in->left)
		step(&g, in);
	finish(&g);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void spsc_attach(struct stream *in)
{
	struct spsc_game g;

	setup(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	attach(&g, in, true);
	attach(&g, in, false);
	for (int i = 0; i < 4; i++) {
		push(&g, in);
		many(&g, in, i & 1);
		pop(&g, in);
		arena_check(&arena);
	}
	finish(&g);
}
