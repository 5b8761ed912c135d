/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define CLIENTS 2u
#define HELD	3u /* tickets */

/* Words of the header, of the events, of the roles, roll, high, staged; then,
 * of the first two slots, event, role and, for up to 16 slots, taken. */
static const uint16_t named[] = { 0,   8,   12,	 16,  20,  24,	128, 136,
				  136, 256, 264, 384, 512, 520, 520, 528,
				  536, 536, 640, 640, 648, 768, 768, 776 };

struct call_game {
	uint8_t *mem;
	size_t bytes;
	uint32_t slots, payload;
	unsigned mode;
	struct slip_call_client c[CLIENTS];
	struct slip_call_server s;
	struct slip_call_ticket t[HELD];
};

static struct arena arena;

static void init(struct call_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_call_init(g->mem, g->bytes, g->slots, g->payload, g->mode))
		fail("init");
}

static void setup(struct call_game *g, struct stream *in)
{
	static const uint32_t sizes[] = { 1, 8, 48, 56, 57, 120, 121, 2000 };
	struct slip_call_shape s;

	memset(g, 0, sizeof(*g));
	g->slots = 1 + take_below(in, 20);
	g->payload = sizes[take_below(in, 8)];
	g->mode = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->bytes = slip_call_bytes(g->slots, g->payload);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	if (!slip_call_shape_(&s, g->slots, g->payload))
		fail("shape");
	/* Handles of nobody: as after a failed attach. */
	for (unsigned i = 0; i < CLIENTS; i++)
		(void)answer(slip_call_attach_client(&g->c[i], NULL, 0, NULL),
			     CODES(-EINVAL));
	(void)answer(slip_call_attach_server(&g->s, NULL, 0, NULL),
		     CODES(-EINVAL));
	play.prey = (struct prey){ g->mem,
				   g->bytes,
				   s.slot_bytes,
				   s.slots_at,
				   g->slots,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EUSERS, -EBADMSG, -EPROTO, -EOVERFLOW)
#define WAIT   CODES(-ETIMEDOUT, -EPIPE, -EBADMSG, -EINVAL)

static void attach(struct call_game *g, struct stream *in, unsigned which)
{
	struct slip_peer *self = club_member(in, which & 1);

	if (which == CLIENTS) {
		verb(in, "slip_call_attach_server");
		slip_call_detach_server(&g->s);
		(void)answer(
			slip_call_attach_server(&g->s, g->mem, g->bytes, self),
			ATTACH);
	} else {
		verb(in, "slip_call_attach_client");
		slip_call_detach_client(&g->c[which]);
		(void)answer(slip_call_attach_client(&g->c[which], g->mem,
						     g->bytes, self),
			     ATTACH);
	}
	play.live = !g->s.error || g->c[0].busy != -EPIPE;
}

static struct slip_call_client *client(struct call_game *g, struct stream *in)
{
	return &g->c[take_below(in, CLIENTS)];
}

static void ask(struct call_game *g, struct stream *in)
{
	struct slip_call_client *c = client(g, in);
	uint32_t bytes = take_below(in, 200);
	uint8_t *data = buffer(bytes);

	memset(data, 0x33, bytes);
	verb(in, "slip_call_send");
	if (answer(slip_call_send(c, data, bytes),
		   CODES(-EAGAIN, -EMSGSIZE, -EPIPE, -EBADMSG)) == 0)
		play.counts.moved++;
}

static void claim(struct call_game *g, struct stream *in)
{
	struct slip_call_client *c = client(g, in);
	uint32_t room = slip_call_client_payload_bytes(c);
	void *at;

	verb(in, "slip_call_claim");
	at = slip_call_claim(c);
	if (at) {
		answer_place(at, room, g->mem, g->bytes);
		memset(at, take(in), room);
		slip_call_commit(c, take_below(in, 200));
	}
	answer_moved(at != NULL, 1);
}

static void hear(struct call_game *g, struct stream *in)
{
	struct slip_call_client *c = client(g, in);
	uint32_t max = take_below(in, 200);
	uint8_t *data = buffer(max);
	uint32_t bytes = 0;
	int rc;

	verb(in, "slip_call_receive");
	rc = answer(slip_call_receive(c, data, max, &bytes),
		    CODES(-EAGAIN, -EMSGSIZE, -EINVAL, -EPIPE, -EBADMSG));
	if (!rc && bytes > max)
		fail("%u bytes of %u", bytes, max);
	play.counts.moved += !rc;
}

static void peek(struct call_game *g, struct stream *in)
{
	struct slip_call_client *c = client(g, in);
	uint32_t bytes = 0;
	const void *at;

	verb(in, "slip_call_peek");
	at = slip_call_peek(c, &bytes);
	if (at) {
		answer_place(at, bytes, g->mem, g->bytes);
		slip_call_release(c);
	}
	answer_moved(at != NULL, 1);
}

static void serve(struct call_game *g, struct stream *in)
{
	struct slip_call_ticket *t = &g->t[take_below(in, HELD)];
	bool took;

	verb(in, "slip_call_take");
	took = slip_call_take(&g->s, t);
	if (took)
		answer_place(t->data, t->bytes, g->mem, g->bytes);
	(void)!slip_call_orphan(&g->s, t);
	answer_moved(took, 1);
}

static void reply(struct call_game *g, struct stream *in)
{
	struct slip_call_ticket *t = &g->t[take_below(in, HELD)];
	uint32_t bytes = take_below(in, 200);
	uint8_t *data = buffer(bytes);

	memset(data, 0x55, bytes);
	verb(in, "slip_call_reply");
	(void)answer(slip_call_reply(&g->s, t, data, bytes),
		     CODES(-EINVAL, -EMSGSIZE, -EPIPE));
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

static void blocking(struct call_game *g, struct stream *in)
{
	struct slip_call_client *c = client(g, in);
	struct slip_call_ticket *t = &g->t[take_below(in, HELD)];
	uint8_t *data = buffer(16);
	uint32_t which = take_below(in, 5);
	uint64_t until = soon(in);
	uint32_t bytes = 0;
	int rc;

	memset(data, 0x44, 16);
	verb(in, "slip_call_..._until");
	if (which == 0)
		rc = slip_call_until(c, data, g->payload < 8 ? 1 : 8, data, 16,
				     &bytes, until);
	else if (which == 1)
		rc = slip_call_wait_reply_until(c, until);
	else if (which == 2)
		rc = slip_call_wait_server_until(c, until);
	else if (which == 3)
		rc = slip_call_take_until(&g->s, t, until);
	else
		rc = slip_call_wait_client_until(&g->s, until);
	(void)answer(rc, which ? WAIT
			       : CODES(-ETIMEDOUT, -EPIPE, -EBADMSG, -EAGAIN,
				       -EMSGSIZE, -EINVAL));
	if (which == 0 && take(in) & 1)
		slip_call_abandon(c);
}

static void look(struct call_game *g, struct stream *in)
{
	struct slip_call_info info;
	struct slip_call_slot_info one;
	uint32_t i = take_below(in, 22);

	verb(in, "slip_call_inspect");
	memset(&info, 0, sizeof(info));
	(void)answer(slip_call_inspect(g->mem, g->bytes, &info),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EINVAL));
	verb(in, "slip_call_inspect_slot");
	(void)answer(slip_call_inspect_slot(g->mem, g->bytes, i, &one),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EINVAL));
	verb(in, "slip_call_server_state");
	if ((unsigned)slip_call_server_state(client(g, in)) > SLIP_ROLE_DEAD)
		fail("no such state");
	(void)answer(0, CODES(0));
}

static void leave(struct call_game *g, struct stream *in)
{
	verb(in, "slip_call_detach");
	if (take(in) & 1)
		slip_call_detach_server(&g->s);
	else
		slip_call_detach_client(client(g, in));
	(void)answer(0, CODES(0));
}

static void leave_all(struct call_game *g)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		slip_call_detach_client(&g->c[i]);
	slip_call_detach_server(&g->s);
}

/* What the recoverer of a dead peer does to the ring; or a new beginning. */
static void recover(struct call_game *g, struct stream *in)
{
	if (take(in) & 1) {
		leave_all(g);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_call_recover_");
	(void)answer(slip_call_recover_(NULL, g->mem, g->bytes,
					take_below(in, 4), take(in)),
		     CODES(0));
}

static void step(struct call_game *g, struct stream *in)
{
	uint8_t what = take(in) % 24;

	if (what < 3)
		attach(g, in, what);
	else if (what < 6)
		ask(g, in);
	else if (what < 8)
		claim(g, in);
	else if (what < 10)
		hear(g, in);
	else if (what < 12)
		peek(g, in);
	else if (what < 15)
		serve(g, in);
	else if (what < 18)
		reply(g, in);
	else if (what < 20)
		blocking(g, in);
	else if (what == 20)
		look(g, in);
	else if (what == 21)
		leave(g, in);
	else if (what == 22)
		scribble_remember(&play.prey);
	else
		recover(g, in);
	arena_check(&arena);
}

/* All are there from the start; then anything. */
void call_ring(struct stream *in)
{
	struct call_game g;

	setup(&g, in);
	for (unsigned i = 0; i <= CLIENTS; i++)
		attach(&g, in, i);
	peer_loose();
	while (in->left)
		step(&g, in);
	leave_all(&g);
	(void)buffer(0);
}

/* A ring whose bytes the stream gives, wherever it wants to, before attach. */
void call_attach(struct stream *in)
{
	struct call_game g;

	setup(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	for (unsigned i = 0; i <= CLIENTS; i++)
		attach(&g, in, i);
	for (int i = 0; i < 4; i++) {
		ask(&g, in);
		serve(&g, in);
		reply(&g, in);
		hear(&g, in);
		arena_check(&arena);
	}
	leave_all(&g);
	(void)buffer(0);
}
