/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#include "ring/priority.h"

#define HANDLES 3u
#define SEATS	3u
#define LEVELS	3u /* most */

/* Words of the header, of the home; then of each seat, and of each level. */
static const uint16_t in_header[] = { 0,  8,  12, 16,  20,  24,
				      28, 32, 32, 264, 280, 392 };
static const uint16_t in_seat[] = { 0, 8, 16, 24, 64 };
static const uint16_t in_level[] = { 128, 128, 136, 144, 168, 256,
				     256, 264, 272, 384, 400 };
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define NAMED                                          \
	(LENGTH(in_header) + SEATS * LENGTH(in_seat) + \
	 LEVELS * LENGTH(in_level))
SLIP_STATIC_ASSERT(NAMED <= 64, "they fit into a prey");

struct priority_game {
	uint8_t *mem;
	size_t bytes;
	uint32_t levels, capacity, elem_bytes;
	unsigned flags;
	struct slip_priority h[HANDLES];
};

static struct arena arena;

static void init(struct priority_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_priority_init(g->mem, g->bytes, g->levels, g->capacity,
			       g->elem_bytes, g->flags))
		fail("init");
}

static uint32_t name_words(const struct slip_priority_shape *s, uint16_t *to)
{
	uint16_t *from = to;

	for (size_t i = 0; i < LENGTH(in_header); i++)
		*to++ = in_header[i];
	for (size_t n = 0; n < SEATS; n++)
		for (size_t i = 0; i < LENGTH(in_seat); i++)
			*to++ = (uint16_t)(sizeof(struct slip_priority_ring) +
					   n * s->one.seat_bytes + in_seat[i]);
	for (size_t n = 0; n < s->levels; n++)
		for (size_t i = 0; i < LENGTH(in_level); i++)
			*to++ = (uint16_t)(slip_priority_levels_at_(s) +
					   n * s->apart + in_level[i]);
	return (uint32_t)(to - from);
}

static void setup(struct priority_game *g, struct stream *in)
{
	static const uint32_t sizes[] = { 1, 8, 9, 24, 25, 56, 120, 2000 };
	struct slip_priority_shape s;

	memset(g, 0, sizeof(*g));
	g->levels = 1 + take_below(in, LEVELS);
	g->capacity = 2u << take_below(in, 3);
	g->elem_bytes = sizes[take_below(in, LENGTH(sizes))];
	g->flags = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->flags |= SLIP_PRIORITY_AGEING(take_below(in, 4));
	g->flags |= SLIP_PRIORITY_SEATS(SEATS);
	if (!slip_priority_shape_(&s, g->levels, g->capacity, g->elem_bytes,
				  g->flags))
		fail("shape");
	g->bytes = slip_priority_shape_bytes_(&s);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	for (uint32_t i = 0; i < HANDLES; i++)
		(void)answer(slip_priority_attach(&g->h[i], NULL, 0,
						  SLIP_PRODUCER, NULL),
			     CODES(-EINVAL));
	play.prey = (struct prey){ .mem = g->mem,
				   .bytes = g->bytes,
				   .stride = s.one.slot_bytes,
				   .first = slip_priority_levels_at_(&s) +
					    sizeof(struct slip_mpmc_ring),
				   .capacity = g->capacity * SLIP_MPMC_ONE };
	play.prey.names = name_words(&s, play.prey.chosen);
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EUSERS, -EBADMSG, -EPROTO, -EOVERFLOW)
#define WAIT   CODES(-ETIMEDOUT, -EPIPE, -EBADMSG, -EINVAL)

/* As SLIP_PRIORITY_DEFINE() attaches: for elements of one size. */
static void attach(struct priority_game *g, struct stream *in, uint32_t which,
		   unsigned roles)
{
	struct slip_peer *self = club_member(in, which % 2);

	verb(in, "slip_priority_attach");
	slip_priority_detach(&g->h[which]);
	(void)answer(slip_priority_attach_of_(&g->h[which], g->mem, g->bytes,
					      roles, self, g->elem_bytes),
		     ATTACH);
	play.live = false;
	for (uint32_t i = 0; i < HANDLES; i++)
		play.live |= !g->h[i].q.error;
}

static void attach_all(struct priority_game *g, struct stream *in)
{
	attach(g, in, 0, SLIP_PRODUCER);
	attach(g, in, 1, SLIP_CONSUMER);
	attach(g, in, 2, SLIP_PRODUCER | SLIP_CONSUMER);
}

static struct slip_priority *handle(struct priority_game *g, struct stream *in)
{
	return &g->h[take_below(in, HANDLES)];
}

static void push(struct priority_game *g, struct stream *in)
{
	struct slip_priority *p = handle(g, in);
	uint8_t *elem = buffer(g->elem_bytes);

	memset(elem, take(in), g->elem_bytes);
	verb(in, "slip_priority_push");
	answer_moved(slip_priority_push(p, elem, take_below(in, LEVELS + 1)),
		     1);
}

/* Of a level that exists. */
static void of_level(const struct slip_priority *p, uint32_t level)
{
	if (level >= slip_priority_levels(p))
		fail("of level %u", level);
}

static void pop(struct priority_game *g, struct stream *in)
{
	struct slip_priority *p = handle(g, in);
	uint8_t *elem = buffer(g->elem_bytes);
	uint64_t set = take(in);
	uint32_t level = 99;
	bool got;

	verb(in, "slip_priority_pop");
	switch (take_below(in, 3)) {
	case 0:
		got = slip_priority_pop_highest(p, set, elem, &level);
		break;
	case 1:
		got = slip_priority_pop_lowest(p, set, elem, &level);
		break;
	default:
		got = slip_priority_pop(p, elem, &level);
	}
	if (got)
		of_level(p, level);
	answer_moved(got, 1);
}

static void blocking(struct priority_game *g, struct stream *in)
{
	struct slip_priority *p = handle(g, in);
	uint8_t *elem = buffer(g->elem_bytes);
	uint64_t set = take(in);
	uint64_t until = slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
	uint32_t which = take_below(in, 4), level = take_below(in, LEVELS);
	int rc;

	memset(elem, 0x44, g->elem_bytes);
	verb(in, "slip_priority_..._until");
	if (which == 0)
		rc = slip_priority_push_until(p, elem, level, until);
	else if (which == 1)
		rc = slip_priority_pop_until(p, elem, &level, until);
	else if (which == 2)
		rc = slip_priority_pop_highest_until(p, set, elem, &level,
						     until);
	else
		rc = slip_priority_pop_lowest_until(p, set, elem, &level,
						    until);
	if (rc == 0)
		of_level(p, level);
	if (answer(rc, WAIT) == 0)
		play.counts.moved++;
}

/* What a waitset would ask. */
static void source(struct priority_game *g, struct stream *in)
{
	struct slip_priority *p = handle(g, in);
	struct slip_source s;

	verb(in, "slip_priority_..._source");
	if (take(in) & 1)
		slip_priority_pop_source(&s, p, take(in));
	else
		slip_priority_push_source(&s, p, take_below(in, LEVELS + 1));
	(void)answer(s.ready(&s, take(in) & 1),
		     CODES(1, -EPIPE, -EBADMSG, -EINVAL));
}

static void look(struct priority_game *g, struct stream *in)
{
	struct slip_priority *p = handle(g, in);
	struct slip_priority_info info;

	verb(in, "slip_priority_inspect");
	memset(&info, 0, sizeof(info));
	if (answer(slip_priority_inspect(g->mem, g->bytes, &info),
		   CODES(-EBADMSG, -EPROTO, -EOVERFLOW)) == 0 &&
	    (info.bytes > g->bytes || info.held > info.capacity * info.levels ||
	     info.producers > info.seats))
		fail("no such ring");
	verb(in, "slip_priority_gone");
	(void)slip_priority_gone(p, 1 + take_below(in, 2));
	(void)slip_priority_count_guess(p, take(in));
	(void)answer(0, CODES(0));
}

static void leave_all(struct priority_game *g)
{
	for (uint32_t i = 0; i < HANDLES; i++)
		slip_priority_detach(&g->h[i]);
}

/* What the recoverer of a dead peer does to the ring; or a new beginning. */
static void recover(struct priority_game *g, struct stream *in)
{
	if (take(in) & 1) {
		leave_all(g);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_priority_recover_");
	(void)answer(slip_priority_recover_(NULL, g->mem, g->bytes,
					    take_below(in, 4), take(in)),
		     CODES(0));
}

static void change(struct priority_game *g, struct stream *in)
{
	uint32_t which = take_below(in, HANDLES);

	switch (take_below(in, 5)) {
	case 0:
	case 1:
		attach(g, in, which, 1 + take_below(in, 3));
		break;
	case 2:
		verb(in, "slip_priority_detach");
		slip_priority_detach(&g->h[which]);
		(void)answer(0, CODES(0));
		break;
	case 3:
		scribble_remember(&play.prey);
		break;
	default:
		recover(g, in);
	}
}

static void step(struct priority_game *g, struct stream *in)
{
	uint8_t what = take(in) % 24;

	if (what < 7)
		push(g, in);
	else if (what < 15)
		pop(g, in);
	else if (what < 18)
		blocking(g, in);
	else if (what == 18)
		source(g, in);
	else if (what == 19)
		look(g, in);
	else
		change(g, in);
	arena_check(&arena);
}

/* All are there from the start; then anything. */
void priority_ring(struct stream *in)
{
	struct priority_game g;

	setup(&g, in);
	attach_all(&g, in);
	peer_loose();
	while (in->left)
		step(&g, in);
	leave_all(&g);
	(void)buffer(0);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void priority_attach(struct stream *in)
{
	struct priority_game g;

	setup(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	attach_all(&g, in);
	for (uint32_t i = 0; i < 6; i++) {
		push(&g, in);
		pop(&g, in);
		arena_check(&arena);
	}
	leave_all(&g);
	(void)buffer(0);
}
