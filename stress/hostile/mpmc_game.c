/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#include "ring/mpmc.h"

#define HANDLES 3u
#define SEATS	4u

/* Words of the header, of the events, the indices and marks; then, for each
 * seat, all that it has. */
static const uint16_t in_header[] = { 0,   8,	12,  16,  20,  24,  28,
				      128, 128, 128, 136, 144, 152, 256,
				      256, 256, 264, 272, 280, 280 };
static const uint16_t in_seat[] = { 0, 8, 16, 24, 24, 32, 40, 64 };
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define NAMED (LENGTH(in_header) + SEATS * LENGTH(in_seat))

struct handle {
	struct slip_mpmc q;
	struct slip_mpmc_ticket t;
};

struct mpmc_game {
	uint8_t *mem;
	size_t bytes;
	uint32_t capacity, elem_bytes;
	unsigned flags;
	struct handle h[HANDLES];
};

SLIP_STATIC_ASSERT(NAMED <= 64, "they fit into a prey");

static struct arena arena;

static void init(struct mpmc_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_mpmc_init(g->mem, g->bytes, g->capacity, g->elem_bytes,
			   g->flags))
		fail("init");
}

static void name_words(const struct slip_mpmc_shape *s, uint16_t *to)
{

	for (size_t i = 0; i < LENGTH(in_header); i++)
		*to++ = in_header[i];
	for (size_t n = 0; n < SEATS; n++)
		for (size_t i = 0; i < LENGTH(in_seat); i++)
			*to++ = (uint16_t)(sizeof(struct slip_mpmc_ring) +
					   n * s->seat_bytes + in_seat[i]);
}

/* `large`: few elements, such that one claim can have one. */
static void setup(struct mpmc_game *g, struct stream *in, bool large)
{
	static const uint32_t sizes[] = { 1,  4,  8,  12,  24,	25,
					  56, 57, 64, 120, 200, 2000 };
	struct slip_mpmc_shape s;

	memset(g, 0, sizeof(*g));
	g->capacity = large ? 2 : 2u << take_below(in, 5);
	g->elem_bytes = large ? 2000 : sizes[take_below(in, LENGTH(sizes))];
	g->flags = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->flags |= take(in) & 1 ? SLIP_MPMC_WORK : 0;
	g->flags |= SLIP_MPMC_SEATS(SEATS);
	g->bytes = slip_mpmc_bytes(g->capacity, g->elem_bytes, g->flags);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	for (uint32_t i = 0; i < HANDLES; i++)
		(void)answer(slip_mpmc_attach(&g->h[i].q, NULL, 0,
					      SLIP_PRODUCER, NULL),
			     CODES(-EINVAL));
	if (!slip_mpmc_shape_(&s, g->capacity, g->elem_bytes, g->flags))
		fail("shape");
	play.prey = (struct prey){ .mem = g->mem,
				   .bytes = g->bytes,
				   .stride = s.slot_bytes,
				   .first = slip_mpmc_slots_at_(&s),
				   .capacity = g->capacity * SLIP_MPMC_ONE,
				   .names = NAMED };
	name_words(&s, play.prey.chosen);
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EUSERS, -EBADMSG, -EPROTO, -EOVERFLOW)
#define WAIT   CODES(-ETIMEDOUT, -EPIPE, -EBADMSG, -EINVAL)

/* As SLIP_MPMC_DEFINE() attaches: for elements of one size. */
static void attach(struct mpmc_game *g, struct stream *in, uint32_t which,
		   unsigned roles)
{
	struct slip_peer *self = club_member(in, which % 2);
	struct handle *h = &g->h[which];

	verb(in, "slip_mpmc_attach");
	slip_mpmc_detach(&h->q);
	h->t = (struct slip_mpmc_ticket){ 0 };
	(void)answer(slip_mpmc_attach_of_(&h->q, g->mem, g->bytes, roles, self,
					  g->elem_bytes),
		     ATTACH);
	play.live = false;
	for (uint32_t i = 0; i < HANDLES; i++)
		play.live |= !g->h[i].q.error;
}

static unsigned some_roles(struct stream *in)
{
	unsigned roles = 1 + take_below(in, 3);

	return roles | (take(in) & 3 ? 0 : SLIP_EXCLUSIVE);
}

static void push(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	uint8_t *elem = buffer(g->elem_bytes);

	memset(elem, take(in), g->elem_bytes);
	verb(in, "slip_mpmc_push");
	answer_moved(slip_mpmc_push(&h->q, elem), 1);
}

static void pop(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	uint8_t *elem = buffer(g->elem_bytes);

	verb(in, "slip_mpmc_pop");
	answer_moved(slip_mpmc_pop(&h->q, elem), 1);
}

static void many(struct mpmc_game *g, struct stream *in, struct handle *h,
		 bool produce)
{
	uint32_t n = take_below(in, 70);
	uint8_t *elems = buffer((size_t)n * g->elem_bytes);

	if (produce) {
		memset(elems, 0x33, (size_t)n * g->elem_bytes);
		verb(in, "slip_mpmc_push_n");
		answer_moved(slip_mpmc_push_n(&h->q, elems, n), n);
	} else {
		verb(in, "slip_mpmc_pop_n");
		answer_moved(slip_mpmc_pop_n(&h->q, elems, n), n);
	}
}

/* Is it the place of an element? */
static void element(const struct mpmc_game *g, const void *at)
{
	answer_place(at, g->elem_bytes, g->mem + sizeof(struct slip_mpmc_ring),
		     g->bytes - sizeof(struct slip_mpmc_ring));
}

static void claim(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	void *at;
	bool done = false;

	verb(in, "slip_mpmc_claim");
	at = slip_mpmc_claim(&h->q);
	if (at) {
		element(g, at);
		memset(at, take(in), g->elem_bytes);
		if (take(in) & 3)
			done = slip_mpmc_commit(&h->q);
		else
			slip_mpmc_abort(&h->q);
	}
	answer_moved(done, 1);
}

static void takes(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	const void *at;

	verb(in, "slip_mpmc_take");
	at = slip_mpmc_take(&h->q, &h->t);
	if (at)
		element(g, at);
	answer_moved(at != NULL, 1);
}

static void gives(struct stream *in, struct handle *h)
{
	verb(in, "slip_mpmc_ack");
	if (take(in) & 1) {
		slip_mpmc_ack(&h->q, &h->t);
		(void)answer(0, CODES(0));
		return;
	}
	(void)answer(slip_mpmc_nack(&h->q, &h->t), CODES(-EINVAL));
}

static void buries(void *context, const void *elem, uint32_t attempts)
{
	(void)attempts;
	element(context, elem);
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

static void blocking(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	uint8_t *elem = buffer(g->elem_bytes);
	uint32_t which = take_below(in, 3);
	uint64_t until = soon(in);
	int rc;

	memset(elem, 0x44, g->elem_bytes);
	verb(in, "slip_mpmc_..._until");
	if (which == 0)
		rc = slip_mpmc_push_until(&h->q, elem, until);
	else if (which == 1)
		rc = slip_mpmc_pop_until(&h->q, elem, until);
	else
		rc = slip_mpmc_take_until(&h->q, &h->t, until);
	if (which == 2 && rc == 0)
		element(g, h->t.elem);
	if (answer(rc, WAIT) == 0)
		play.counts.moved++;
}

static void look(struct mpmc_game *g, struct stream *in, struct handle *h)
{
	struct slip_mpmc_info info;

	verb(in, "slip_mpmc_inspect");
	memset(&info, 0, sizeof(info));
	if (answer(slip_mpmc_inspect(g->mem, g->bytes, &info),
		   CODES(-EBADMSG, -EPROTO, -EOVERFLOW)) == 0 &&
	    (info.bytes > g->bytes || info.held > info.capacity ||
	     info.producers > info.seats))
		fail("no such ring");
	verb(in, "slip_mpmc_gone");
	(void)slip_mpmc_gone(&h->q, 1 + take_below(in, 2));
	(void)slip_mpmc_count_guess(&h->q);
	(void)answer(0, CODES(0));
}

/* What the recoverer of a dead peer does to the ring; or a new beginning. */
static void recover(struct mpmc_game *g, struct stream *in)
{
	if (take(in) & 1) {
		for (uint32_t i = 0; i < HANDLES; i++)
			slip_mpmc_detach(&g->h[i].q);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_mpmc_recover_");
	(void)answer(slip_mpmc_recover_(NULL, g->mem, g->bytes,
					take_below(in, 4), take(in)),
		     CODES(0));
}

static void change(struct mpmc_game *g, struct stream *in, uint32_t which)
{
	struct handle *h = &g->h[which];

	switch (take_below(in, 6)) {
	case 0:
	case 1:
		attach(g, in, which, some_roles(in));
		break;
	case 2:
		verb(in, "slip_mpmc_detach");
		slip_mpmc_detach(&h->q);
		(void)answer(0, CODES(0));
		break;
	case 3:
		slip_mpmc_set_dead_letter(&h->q, take_below(in, 4), buries, g);
		break;
	case 4:
		scribble_remember(&play.prey);
		break;
	default:
		recover(g, in);
	}
}

static void step(struct mpmc_game *g, struct stream *in)
{
	uint32_t which = take_below(in, HANDLES);
	struct handle *h = &g->h[which];
	uint8_t what = take(in) % 24;

	if (what < 4)
		push(g, in, h);
	else if (what < 8)
		pop(g, in, h);
	else if (what < 11)
		many(g, in, h, what & 1);
	else if (what < 13)
		claim(g, in, h);
	else if (what < 16)
		takes(g, in, h);
	else if (what < 19)
		gives(in, h);
	else if (what < 21)
		blocking(g, in, h);
	else if (what == 21)
		look(g, in, h);
	else
		change(g, in, which);
	arena_check(&arena);
}

static void finish(struct mpmc_game *g)
{
	for (uint32_t i = 0; i < HANDLES; i++)
		slip_mpmc_detach(&g->h[i].q);
	(void)buffer(0);
}

static void attach_all(struct mpmc_game *g, struct stream *in)
{
	unsigned alone = take(in) & 3 ? 0 : SLIP_EXCLUSIVE;

	attach(g, in, 0, SLIP_PRODUCER | alone);
	attach(g, in, 1, SLIP_CONSUMER | alone);
	attach(g, in, 2, SLIP_PRODUCER | SLIP_CONSUMER);
}

/* All are there from the start; then anything. */
void mpmc_ring(struct stream *in)
{
	struct mpmc_game g;

	setup(&g, in, false);
	attach_all(&g, in);
	peer_loose();
	while (in->left)
		step(&g, in);
	finish(&g);
}

static void write_word(struct mpmc_game *g, size_t at, uint64_t v)
{
	memcpy(g->mem + at, &v, 8);
	play.counts.scribbles++;
	play.counts.live++;
}

/* "The element at head is in that seat, which claimed several", as many and
 * from where the stream says. */
static void claims(struct mpmc_game *g, struct stream *in)
{
	const struct slip_mpmc_ring *ring = (const void *)g->mem;
	uint64_t head = slip_mpmc_at_(slip_a64_load_relaxed(&ring->head));
	uint64_t seat = 1 + take_below(in, SEATS);
	uint64_t first = head - take_below(in, 48) * SLIP_MPMC_ONE;
	size_t slot = head / SLIP_MPMC_ONE % g->capacity * play.prey.stride;
	size_t seats = (play.prey.first - sizeof(*ring)) / SEATS;

	write_word(g, play.prey.first + slot, head | seat);
	write_word(g, sizeof(*ring) + (seat - 1) * seats + 8,
		   first | take_below(in, 64));
}

/* Everybody begins anew. */
static void again(struct mpmc_game *g, struct stream *in)
{
	for (uint32_t i = 0; i < HANDLES; i++)
		slip_mpmc_detach(&g->h[i].q);
	peer_hold();
	init(g);
	peer_loose();
	attach_all(g, in);
}

/* Elements that stand in seats, by the word of seats. */
void mpmc_heard(struct stream *in)
{
	struct mpmc_game g;

	setup(&g, in, true);
	attach_all(&g, in);
	peer_loose();
	while (in->left) {
		struct handle *h = &g.h[1 + take_below(in, 2)];

		claims(&g, in);
		if (take(in) & 1) {
			pop(&g, in, h);
		} else {
			takes(&g, in, h);
			gives(in, h);
		}
		arena_check(&arena);
		if (h->q.error)
			again(&g, in);
	}
	finish(&g);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void mpmc_attach(struct stream *in)
{
	struct mpmc_game g;

	setup(&g, in, false);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in, &g.h[0]);
	attach_all(&g, in);
	for (uint32_t i = 0; i < 6; i++) {
		struct handle *h = &g.h[i % HANDLES];

		push(&g, in, h);
		many(&g, in, h, i & 1);
		takes(&g, in, h);
		pop(&g, in, h);
		gives(in, h);
		arena_check(&arena);
	}
	finish(&g);
}
