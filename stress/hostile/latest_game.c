/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

/* Words of the header, of the writer, the event, the role and the lengths. */
static const uint16_t named[] = { 0,   8,   12,	 16,  20,  24,	128,
				  128, 128, 136, 136, 136, 144, 152,
				  152, 160, 164, 168, 172, 256 };

struct latest_game {
	uint8_t *mem;
	size_t bytes;
	uint32_t slots, value_bytes;
	unsigned mode;
	struct slip_latest_writer w;
	struct slip_latest_reader r[2]; /* the second one cannot store */
};

static struct arena arena;

static void init(struct latest_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_latest_init(g->mem, g->bytes, g->slots, g->value_bytes,
			     g->mode))
		fail("init");
}

static void setup(struct latest_game *g, struct stream *in)
{
	static const uint32_t sizes[] = { 1, 7, 8, 9, 24, 64, 65, 200, 1000 };

	memset(g, 0, sizeof(*g));
	g->slots = 2u << take_below(in, 3);
	g->value_bytes = sizes[take_below(in, 9)];
	g->mode = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->bytes = slip_latest_bytes(g->slots, g->value_bytes);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	(void)answer(slip_latest_attach_writer(&g->w, NULL, 0, NULL),
		     CODES(-EINVAL));
	for (int i = 0; i < 2; i++)
		(void)answer(slip_latest_attach_reader(&g->r[i], NULL, 0, NULL),
			     CODES(-EINVAL));
	play.prey = (struct prey){ g->mem,
				   g->bytes,
				   0,
				   0,
				   g->slots,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EBADMSG, -EPROTO, -EOVERFLOW)

static void attach_writer(struct latest_game *g, struct stream *in)
{
	struct slip_peer *self = club_member(in, 0);

	verb(in, "slip_latest_attach_writer");
	slip_latest_detach_writer(&g->w);
	(void)answer(slip_latest_attach_writer_of_(&g->w, g->mem, g->bytes,
						   self, g->value_bytes),
		     ATTACH);
	play.live = !g->w.error;
}

/* For values of one size, as SLIP_LATEST_DEFINE() attaches; or any. */
static void attach_reader(struct latest_game *g, struct stream *in, bool only)
{
	struct slip_peer *self = club_member(in, 1);
	void *mem = only ? g->mem - arena.start + arena.readable : g->mem;
	uint32_t wanted = take(in) & 1 ? g->value_bytes : 0;

	verb(in, "slip_latest_attach_reader");
	slip_latest_detach_reader(&g->r[only]);
	(void)answer(slip_latest_attach_reader_of_(&g->r[only], mem, g->bytes,
						   self, wanted, only),
		     ATTACH);
}

static void write_one(struct latest_game *g, struct stream *in)
{
	uint32_t bytes = take_below(in, 256) * (g->value_bytes + 20) / 256;
	uint8_t *value = buffer(bytes);

	memset(value, take(in), bytes);
	verb(in, "slip_latest_write");
	if (answer(slip_latest_write(&g->w, value, bytes),
		   CODES(-EMSGSIZE, -EPIPE)) == 0)
		play.counts.moved++;
}

static void put(struct latest_game *g, struct stream *in)
{
	uint32_t at = take_below(in, 256) * (g->value_bytes + 9) / 256;
	uint32_t bytes = take_below(in, 256) * (g->value_bytes + 9) / 256;
	uint8_t *value = buffer(bytes);

	memset(value, take(in), bytes);
	verb(in, "slip_latest_put");
	(void)answer(slip_latest_put(&g->w, at, value, bytes),
		     CODES(-EMSGSIZE, -EPIPE));
	if (take(in) & 1)
		return;
	verb(in, "slip_latest_commit");
	(void)answer(slip_latest_commit(&g->w, at),
		     CODES(-EMSGSIZE, -EINVAL, -EPIPE));
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

/* Some verb with room for less or more than a value. */
static void read_one(struct latest_game *g, struct stream *in)
{
	struct slip_latest_reader *r = &g->r[take(in) & 1];
	uint32_t exact = r->shape.value_bytes;
	uint32_t room = take_below(in, 256) * (g->value_bytes + 100) / 128;
	uint32_t which = take_below(in, 5);
	uint32_t len = 0;
	uint64_t until = soon(in);
	uint8_t *value = buffer(which < 4 ? room : exact);
	int rc;

	verb(in, "slip_latest_read");
	if (which < 2)
		rc = slip_latest_read(r, value, room, &len);
	else if (which == 2)
		rc = slip_latest_read_newer(r, value, room, &len);
	else if (which == 3)
		rc = slip_latest_read_until(r, value, room, &len, until);
	else
		rc = slip_latest_read_(r, value, exact, &len, true, exact);
	rc = answer(rc, CODES(-ENODATA, -EAGAIN, -EMSGSIZE, -EBADMSG, -EPIPE,
			      -ETIMEDOUT));
	if (rc)
		return;
	if (len > (which < 4 ? room : exact))
		fail("%u bytes in %u", len, room);
	play.counts.moved++;
}

static void wait(struct latest_game *g, struct stream *in)
{
	struct slip_latest_reader *r = &g->r[take(in) & 1];
	bool writer = take(in) & 1;
	uint64_t until = soon(in);

	verb(in, "slip_latest_wait_until");
	(void)answer(writer ? slip_latest_wait_writer_until(r, until)
			    : slip_latest_wait_until(r, until),
		     CODES(-ETIMEDOUT, -EPIPE, -EBADMSG));
}

static void look(struct latest_game *g, struct stream *in)
{
	struct slip_latest_info info;

	verb(in, "slip_latest_inspect");
	memset(&info, 0, sizeof(info));
	(void)answer(slip_latest_inspect(g->mem - arena.start + arena.readable,
					 g->bytes, &info),
		     CODES(-EBADMSG, -EPROTO, -EOVERFLOW));
	verb(in, "slip_latest_writer_state");
	for (int i = 0; i < 2; i++)
		if ((unsigned)slip_latest_writer_state(&g->r[i]) >
		    SLIP_ROLE_DEAD)
			fail("no such state");
	(void)answer(0, CODES(0));
}

static void leave(struct latest_game *g)
{
	slip_latest_detach_writer(&g->w);
	slip_latest_detach_reader(&g->r[0]);
	slip_latest_detach_reader(&g->r[1]);
}

/* What the recoverer of a dead peer does; or a new beginning. */
static void recover(struct latest_game *g, struct stream *in)
{
	if (take(in) & 1) {
		leave(g);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_latest_recover_");
	(void)answer(slip_latest_recover_(NULL, g->mem, g->bytes,
					  take_below(in, 4), take(in)),
		     CODES(0));
}

static void step(struct latest_game *g, struct stream *in)
{
	uint8_t what = take(in) % 20;

	if (what < 2)
		attach_writer(g, in);
	else if (what < 4)
		attach_reader(g, in, what & 1);
	else if (what < 8)
		write_one(g, in);
	else if (what < 10)
		put(g, in);
	else if (what < 15)
		read_one(g, in);
	else if (what == 15)
		wait(g, in);
	else if (what == 16)
		look(g, in);
	else if (what == 17)
		slip_latest_detach_writer(&g->w);
	else if (what == 18)
		scribble_remember(&play.prey);
	else
		recover(g, in);
	arena_check(&arena);
}

/* All are there from the start; then anything. */
void latest_ring(struct stream *in)
{
	struct latest_game g;

	setup(&g, in);
	attach_writer(&g, in);
	attach_reader(&g, in, false);
	attach_reader(&g, in, true);
	peer_loose();
	while (in->left)
		step(&g, in);
	leave(&g);
	(void)buffer(0);
}

/* Memory whose bytes the stream gives, wherever it wants to, before attach. */
void latest_attach(struct stream *in)
{
	struct latest_game g;

	setup(&g, in);
	spoil_before_attach(in, g.mem, g.bytes);
	peer_loose();
	look(&g, in);
	attach_writer(&g, in);
	attach_reader(&g, in, false);
	attach_reader(&g, in, true);
	for (int i = 0; i < 4; i++) {
		read_one(&g, in);
		write_one(&g, in);
		put(&g, in);
		read_one(&g, in);
		arena_check(&arena);
	}
	leave(&g);
	(void)buffer(0);
}
