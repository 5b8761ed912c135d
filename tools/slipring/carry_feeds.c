/* SPDX-License-Identifier: MIT */
/* One sender, and receivers that see the same: broadcast and latest. */
#define _GNU_SOURCE
#include "tools/slipring/carry.h"

#include <errno.h>

/* What each has read it has in its own memory. */
static int nothing_to_do(struct carry *c)
{
	(void)c;
	return STATUS_OK;
}

/* --- broadcast ------------------------------------------------------------- */

enum { SEATS = 64, ROOM_MIN = 256 };

static uint64_t broadcast_room(const struct stream_options *o)
{
	return o->capacity < ROOM_MIN ? ROOM_MIN : o->capacity;
}

static size_t broadcast_bytes(const struct stream_options *o)
{
	return slip_broadcast_bytes(broadcast_room(o), 0, 1,
				    o->lossy ? 0 : SEATS);
}

static int broadcast_init(void *mem, size_t bytes,
			  const struct stream_options *o)
{
	return slip_broadcast_init(mem, bytes, broadcast_room(o), 0, 1,
				   o->lossy ? 0 : SEATS, 0);
}

/* One of elements of a size is not ours. */
static int broadcast_join(struct carry *c)
{
	struct stream *s = c->stream;
	struct slip_broadcast_info info = { 0 };
	int rc;

	if (c->sends) {
		rc = slip_broadcast_attach_writer(&c->ring.broadcast_in, s->mem,
						  s->bytes, &s->self);
		c->max = slip_broadcast_writer_max_bytes(&c->ring.broadcast_in);
	} else {
		rc = slip_broadcast_attach_reader(&c->ring.broadcast_out,
						  s->mem, s->bytes, &s->self,
						  c->options->newest);
		c->max =
			slip_broadcast_reader_max_bytes(&c->ring.broadcast_out);
	}
	if (!rc)
		rc = slip_broadcast_inspect(s->mem, s->bytes, &info);
	return !rc && info.elem_bytes ? -EBADMSG : rc;
}

static bool seat_held(const struct carry *c, uint32_t i)
{
	struct slip_broadcast_seat_info seat;

	return slip_broadcast_inspect_seat(c->stream->mem, c->stream->bytes, i,
					   &seat) == 0 &&
	       seat.counts;
}

static bool writer_held(const struct carry *c)
{
	struct slip_broadcast_lane_info lane;

	return slip_broadcast_inspect_lane(c->stream->mem, c->stream->bytes, 0,
					   &lane) == 0 &&
	       stream_held(c->stream, lane.writer);
}

/* Nobody waits for the receivers of a lossy ring, whom it does not know. */
static bool broadcast_met(const struct carry *c)
{
	struct slip_broadcast_info info = { 0 };

	if (!c->sends)
		return writer_held(c);
	if (slip_broadcast_inspect(c->stream->mem, c->stream->bytes, &info))
		return false;
	for (uint32_t i = 0; i < info.readers; i++)
		if (seat_held(c, i))
			return true;
	return info.readers == 0;
}

static int broadcast_put(struct carry *c, const void *data, uint32_t bytes,
			 uint64_t deadline_ns)
{
	return slip_broadcast_write_until(&c->ring.broadcast_in, data, bytes,
					  deadline_ns);
}

static int broadcast_get(struct carry *c, const void **data, uint32_t *bytes,
			 uint64_t deadline_ns)
{
	struct slip_broadcast_reader *r = &c->ring.broadcast_out;
	int rc = slip_broadcast_read_until(r, c->buf, c->max, bytes,
					   deadline_ns);

	*data = c->buf;
	if (!rc)
		c->lost += slip_broadcast_lost(r);
	return rc;
}

/* The last that comes, of a sender that left in order, is its end. */
static bool broadcast_cut(const struct carry *c)
{
	return !c->ended;
}

static void broadcast_part(struct carry *c)
{
	if (c->sends)
		slip_broadcast_detach_writer(&c->ring.broadcast_in);
	else
		slip_broadcast_detach_reader(&c->ring.broadcast_out);
}

const struct carrier carrier_broadcast = {
	.name = "broadcast",
	.kind = SLIP_KIND_BROADCAST,
	.ends = true,
	.size = "--capacity",
	.bytes = broadcast_bytes,
	.init = broadcast_init,
	.join = broadcast_join,
	.met = broadcast_met,
	.put = broadcast_put,
	.get = broadcast_get,
	.done = nothing_to_do,
	.cut = broadcast_cut,
	.part = broadcast_part,
};

/* --- latest ---------------------------------------------------------------- */

enum { SLOTS = 4 };

static size_t latest_bytes(const struct stream_options *o)
{
	return slip_latest_bytes(SLOTS, o->message);
}

static int latest_init(void *mem, size_t bytes, const struct stream_options *o)
{
	return slip_latest_init(mem, bytes, SLOTS, o->message, 0);
}

static int latest_join(struct carry *c)
{
	struct stream *s = c->stream;
	int rc;

	if (c->sends) {
		rc = slip_latest_attach_writer(&c->ring.latest_in, s->mem,
					       s->bytes, &s->self);
		c->max = slip_latest_writer_value_bytes(&c->ring.latest_in);
	} else {
		rc = slip_latest_attach_reader(&c->ring.latest_out, s->mem,
					       s->bytes, &s->self);
		c->max = slip_latest_reader_value_bytes(&c->ring.latest_out);
	}
	return rc;
}

static uint64_t latest_writer(const struct carry *c)
{
	struct slip_latest_info info = { 0 };

	if (slip_latest_inspect(c->stream->mem, c->stream->bytes, &info))
		return SLIP_ROLE_VACANT;
	return info.writer;
}

/* A sender need not know anybody. */
static bool latest_met(const struct carry *c)
{
	return c->sends || stream_held(c->stream, latest_writer(c));
}

static int latest_put(struct carry *c, const void *data, uint32_t bytes,
		      uint64_t deadline_ns)
{
	(void)deadline_ns;
	return slip_latest_write(&c->ring.latest_in, data, bytes);
}

static int latest_get(struct carry *c, const void **data, uint32_t *bytes,
		      uint64_t deadline_ns)
{
	*data = c->buf;
	return slip_latest_read_until(&c->ring.latest_out, c->buf, c->max,
				      bytes, deadline_ns);
}

static bool latest_cut(const struct carry *c)
{
	return slip_latest_writer_state(&c->ring.latest_out) == SLIP_ROLE_DEAD;
}

static void latest_part(struct carry *c)
{
	if (c->sends)
		slip_latest_detach_writer(&c->ring.latest_in);
	else
		slip_latest_detach_reader(&c->ring.latest_out);
}

const struct carrier carrier_latest = {
	.name = "latest",
	.kind = SLIP_KIND_LATEST,
	.by_line = true,
	.size = "--message",
	.bytes = latest_bytes,
	.init = latest_init,
	.join = latest_join,
	.met = latest_met,
	.put = latest_put,
	.get = latest_get,
	.done = nothing_to_do,
	.cut = latest_cut,
	.part = latest_part,
};
