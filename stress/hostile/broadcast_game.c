/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define LANES 2u /* most */
#define SEATS 2u

/* Words of the header and the events; then of each lane, and of each seat. */
static const uint16_t in_header[] = { 0,  8,   12,  16,	 24,  28,
				      32, 128, 136, 256, 264, 264 };
static const uint16_t in_lane[] = { 0,	 0,   0,   128, 128, 128, 136, 256,
				    264, 272, 280, 288, 304, 320, 360, 376 };
static const uint16_t in_seat[] = { 0, 8, 8, 8 };
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define NAMED \
	(LENGTH(in_header) + LANES * LENGTH(in_lane) + SEATS * LENGTH(in_seat))
SLIP_STATIC_ASSERT(NAMED <= 64, "they fit into a prey");

struct broadcast_game {
	uint8_t *mem;
	size_t bytes;
	struct slip_broadcast_shape s;
	uint64_t room;
	unsigned mode;
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r[2]; /* the second one cannot store */
};

static struct arena arena;

static void init(struct broadcast_game *g)
{
	memset(g->mem, 0xa5, g->bytes);
	if (slip_broadcast_init(g->mem, g->bytes, g->room, g->s.elem_bytes,
				g->s.writers, g->s.readers, g->mode))
		fail("init");
}

static uint32_t name_words(const struct slip_broadcast_shape *s, uint16_t *to)
{
	uint16_t *from = to;

	for (size_t i = 0; i < LENGTH(in_header); i++)
		*to++ = in_header[i];
	for (uint32_t n = 0; n < s->writers; n++)
		for (size_t i = 0; i < LENGTH(in_lane); i++)
			*to++ = (uint16_t)(slip_broadcast_lane_at_(n) +
					   in_lane[i]);
	for (uint32_t n = 0; n < s->readers; n++)
		for (size_t i = 0; i < LENGTH(in_seat); i++)
			*to++ = (uint16_t)(slip_broadcast_seat_at_(s, n) +
					   in_seat[i]);
	return (uint32_t)(to - from);
}

/* Elements or records; one lane, two, or two seats. */
static void choose(struct broadcast_game *g, struct stream *in)
{
	static const uint32_t sizes[] = { 0, 0, 1, 7, 8, 9, 64, 1000 };
	uint32_t elem_bytes = sizes[take_below(in, LENGTH(sizes))];
	uint32_t kind = take_below(in, 3);

	g->room = (elem_bytes ? 8u : 256u) << take_below(in, 3);
	if (!slip_broadcast_shape_(&g->s, g->room, elem_bytes,
				   kind == 1 ? LANES : 1,
				   kind == 2 ? SEATS : 0))
		fail("shape");
	g->mode = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	g->bytes = slip_broadcast_shape_bytes_(&g->s);
}

static void setup(struct broadcast_game *g, struct stream *in)
{
	memset(g, 0, sizeof(*g));
	choose(g, in);
	if (!arena.start)
		arena_create(&arena);
	g->mem = arena_place(&arena, g->bytes, 64, take(in) & 1);
	init(g);
	/* Handles of nobody: as after a failed attach. */
	(void)answer(slip_broadcast_attach_writer(&g->w, NULL, 0, NULL),
		     CODES(-EINVAL));
	for (int i = 0; i < 2; i++)
		(void)answer(slip_broadcast_attach_reader(&g->r[i], NULL, 0,
							  NULL, false),
			     CODES(-EINVAL));
	play.prey = (struct prey){ .mem = g->mem,
				   .bytes = g->bytes,
				   .stride = g->s.unit_bytes,
				   .first = slip_broadcast_data_at_(&g->s, 0),
				   .capacity = g->room };
	play.prey.names = name_words(&g->s, play.prey.chosen);
	scribble_remember(&play.prey);
}

#define ATTACH CODES(-EBUSY, -EUSERS, -EAGAIN, -EBADMSG, -EPROTO, -EOVERFLOW)

static void attach_writer(struct broadcast_game *g, struct stream *in)
{
	struct slip_peer *self = club_member(in, 0);

	verb(in, "slip_broadcast_attach_writer");
	slip_broadcast_detach_writer(&g->w);
	(void)answer(slip_broadcast_attach_writer_of_(&g->w, g->mem, g->bytes,
						      self, g->s.elem_bytes),
		     ATTACH);
	play.live = !g->w.error;
}

/* For elements of one size, as SLIP_BROADCAST_DEFINE() attaches; or any. */
static void attach_reader(struct broadcast_game *g, struct stream *in,
			  bool only)
{
	struct slip_peer *self = club_member(in, 1);
	void *mem = only ? g->mem - arena.start + arena.readable : g->mem;
	uint32_t wanted = take(in) & 1 ? g->s.elem_bytes : 0;
	bool newest = take(in) & 1;

	verb(in, "slip_broadcast_attach_reader");
	slip_broadcast_detach_reader(&g->r[only]);
	(void)answer(slip_broadcast_attach_reader_of_(&g->r[only], mem,
						      g->bytes, self, newest,
						      wanted, only),
		     ATTACH);
}

static uint64_t soon(struct stream *in)
{
	return slip_now_ns() + take(in) * (play.real ? 400u : 40000u);
}

static void write_one(struct broadcast_game *g, struct stream *in)
{
	uint32_t any = take_below(in, 256) * (g->s.max_bytes + 20) / 256;
	uint32_t bytes =
		g->s.elem_bytes && take(in) % 8 ? g->s.elem_bytes : any;
	bool waits = take(in) % 4 == 0;
	uint64_t until = soon(in);
	uint8_t *value = buffer(bytes);
	int rc;

	memset(value, take(in), bytes);
	verb(in, "slip_broadcast_write");
	rc = waits ? slip_broadcast_write_until(&g->w, value, bytes, until)
		   : slip_broadcast_write(&g->w, value, bytes);
	if (answer(rc, CODES(-EAGAIN, -ETIMEDOUT, -EMSGSIZE, -EPIPE)) == 0)
		play.counts.moved++;
}

static void evict(struct broadcast_game *g, struct stream *in)
{
	int rc;

	verb(in, "slip_broadcast_evict");
	rc = slip_broadcast_evict(&g->w);
	if (rc > (int)g->w.shape.readers)
		fail("%d evicted", rc);
	(void)answer(rc < 0 ? rc : 0, CODES(-EPIPE));
}

/* Some verb with room for less or more than an element. */
static void read_one(struct broadcast_game *g, struct stream *in)
{
	struct slip_broadcast_reader *r = &g->r[take(in) & 1];
	uint32_t exact = r->shape.elem_bytes;
	uint32_t room = take_below(in, 256) * (g->s.max_bytes + 100) / 128;
	uint32_t which = take_below(in, 4);
	uint32_t all = take(in) & 1 ? 8 : 1; /* more than the ring has */
	uint32_t len = 0;
	uint64_t until = soon(in);
	uint8_t *value;
	int rc;

	room *= all;
	value = buffer(which < 3 ? room : exact);
	verb(in, "slip_broadcast_read");
	if (which < 2)
		rc = slip_broadcast_read(r, value, room, &len);
	else if (which == 2)
		rc = slip_broadcast_read_until(r, value, room, &len, until);
	else
		rc = slip_broadcast_read_(r, value, exact, &len, exact);
	rc = answer(rc, CODES(-ENODATA, -EAGAIN, -EMSGSIZE, -EBADMSG, -EPIPE,
			      -ETIMEDOUT));
	if (rc)
		return;
	if (len > (which < 3 ? room : exact))
		fail("%u bytes in %u", len, room);
	if (slip_broadcast_reader_lane(r) >= r->shape.writers)
		fail("no such lane");
	play.counts.moved++;
}

static void wait(struct broadcast_game *g, struct stream *in)
{
	struct slip_broadcast_reader *r = &g->r[take(in) & 1];
	bool writer = take(in) & 1;
	uint64_t until = soon(in);

	verb(in, "slip_broadcast_wait_until");
	(void)answer(writer ? slip_broadcast_wait_writer_until(r, until)
			    : slip_broadcast_wait_until(r, until),
		     CODES(-ETIMEDOUT, -EPIPE, -EBADMSG));
}

#define INSPECT CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EINVAL)

static void look(struct broadcast_game *g, struct stream *in)
{
	const uint8_t *mem = g->mem - arena.start + arena.readable;
	struct slip_broadcast_lane_info lane;
	struct slip_broadcast_seat_info seat;
	struct slip_broadcast_info info;
	uint32_t i = take_below(in, 4);

	verb(in, "slip_broadcast_inspect");
	memset(&info, 0, sizeof(info));
	if (answer(slip_broadcast_inspect(mem, g->bytes, &info), INSPECT) ==
		    0 &&
	    info.bytes > g->bytes)
		fail("a ring outside of the memory");
	verb(in, "slip_broadcast_inspect_lane");
	(void)answer(slip_broadcast_inspect_lane(mem, g->bytes, i, &lane),
		     INSPECT);
	verb(in, "slip_broadcast_inspect_seat");
	(void)answer(slip_broadcast_inspect_seat(mem, g->bytes, i, &seat),
		     INSPECT);
	verb(in, "slip_broadcast_writer_state");
	for (int n = 0; n < 2; n++)
		if ((unsigned)slip_broadcast_writer_state(&g->r[n], i) >
		    SLIP_ROLE_DEAD)
			fail("no such state");
	(void)answer(0, CODES(0));
}

static void leave(struct broadcast_game *g)
{
	slip_broadcast_detach_writer(&g->w);
	slip_broadcast_detach_reader(&g->r[0]);
	slip_broadcast_detach_reader(&g->r[1]);
}

/* What the recoverer of a dead peer does; or a new beginning. */
static void recover(struct broadcast_game *g, struct stream *in)
{
	if (take(in) & 1) {
		leave(g);
		peer_hold();
		init(g);
		peer_loose();
		return;
	}
	verb(in, "slip_broadcast_recover_");
	(void)answer(slip_broadcast_recover_(NULL, g->mem, g->bytes,
					     take_below(in, 4), take(in)),
		     CODES(0));
}

static void change(struct broadcast_game *g, struct stream *in)
{
	uint8_t what = take(in) % 7;

	if (what < 2)
		attach_writer(g, in);
	else if (what < 4)
		attach_reader(g, in, what & 1);
	else if (what == 4)
		slip_broadcast_detach_writer(&g->w);
	else if (what == 5)
		scribble_remember(&play.prey);
	else
		recover(g, in);
}

static void step(struct broadcast_game *g, struct stream *in)
{
	uint8_t what = take(in) % 20;

	if (what < 7)
		change(g, in);
	else if (what < 11)
		write_one(g, in);
	else if (what == 11)
		evict(g, in);
	else if (what < 18)
		read_one(g, in);
	else if (what == 18)
		wait(g, in);
	else
		look(g, in);
	arena_check(&arena);
}

/* All are there from the start; then anything. */
void broadcast_ring(struct stream *in)
{
	struct broadcast_game g;

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
void broadcast_attach(struct stream *in)
{
	struct broadcast_game g;

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
		evict(&g, in);
		read_one(&g, in);
		arena_check(&arena);
	}
	leave(&g);
	(void)buffer(0);
}
