/* SPDX-License-Identifier: MIT */
/* Many senders, many receivers, each message to one: lanes and priority. */
#define _GNU_SOURCE
#include "tools/slipring/carry.h"

#include <errno.h>
#include <string.h>

enum { SIDES_MAX = 16 }; /* senders, and receivers, of lanes */

/* A death among those who send or receive: which of the two is not known once
 * another has the place. */
static bool somebody_died(const struct carry *c)
{
	return stream_casualty(c->stream) != STREAM_NOBODY;
}

/* --- lanes ----------------------------------------------------------------- */

static size_t lanes_bytes(const struct stream_options *o)
{
	return slip_lanes_bytes(SIDES_MAX, o->capacity);
}

static int lanes_init(void *mem, size_t bytes, const struct stream_options *o)
{
	return slip_lanes_init(mem, bytes, SIDES_MAX, o->capacity, SIDES_MAX,
			       0);
}

static void lanes_look(const void *mem, size_t bytes,
		       struct slip_lanes_info *info)
{
	memset(info, 0, sizeof(*info));
	if (slip_lanes_inspect(mem, bytes, info))
		info->unread_guess = SIDES_MAX;
}

static int lanes_join(struct carry *c)
{
	struct stream *s = c->stream;
	struct slip_lanes_info info;
	int rc =
		c->sends
			? slip_lanes_attach_producer(&c->ring.lanes_in, s->mem,
						     s->bytes, &s->self)
			: slip_lanes_attach_consumer(&c->ring.lanes_out, s->mem,
						     s->bytes, &s->self);

	lanes_look(s->mem, s->bytes, &info);
	c->max = info.max_bytes;
	return rc;
}

static bool lanes_met(const struct carry *c)
{
	struct slip_lanes_info info;

	lanes_look(c->stream->mem, c->stream->bytes, &info);
	return c->sends ? info.consumers_guess : info.producers_guess;
}

static int lanes_put(struct carry *c, const void *data, uint32_t bytes,
		     uint64_t deadline_ns)
{
	struct slip_lanes_producer *p = &c->ring.lanes_in;
	int rc;

	while ((rc = slip_lanes_push(p, data, bytes)) == -EAGAIN) {
		rc = slip_lanes_wait_room_until(p, bytes, deadline_ns);
		if (rc)
			break;
	}
	return rc;
}

static int lanes_get(struct carry *c, const void **data, uint32_t *bytes,
		     uint64_t deadline_ns)
{
	struct slip_lanes_consumer *out = &c->ring.lanes_out;
	int rc;

	while (!(*data = slip_lanes_peek(out, bytes))) {
		rc = slip_lanes_wait_data_until(out, deadline_ns);
		if (rc)
			return rc;
	}
	return 0;
}

static int lanes_done(struct carry *c)
{
	slip_lanes_release(&c->ring.lanes_out);
	return STATUS_OK;
}

static void lanes_part(struct carry *c)
{
	if (c->sends)
		slip_lanes_detach_producer(&c->ring.lanes_in);
	else
		slip_lanes_detach_consumer(&c->ring.lanes_out);
}

static bool lanes_empty(const void *mem, size_t bytes)
{
	struct slip_lanes_info info;

	lanes_look(mem, bytes, &info);
	return !info.records_guess && !info.unread_guess;
}

static uint64_t lanes_taken(const void *mem, size_t bytes)
{
	struct slip_lanes_info info;

	lanes_look(mem, bytes, &info);
	return info.popped_bytes;
}

const struct carrier carrier_lanes = {
	.name = "lanes",
	.kind = SLIP_KIND_LANES,
	.ends = true,
	.size = "--capacity",
	.bytes = lanes_bytes,
	.init = lanes_init,
	.join = lanes_join,
	.met = lanes_met,
	.put = lanes_put,
	.get = lanes_get,
	.done = lanes_done,
	.cut = somebody_died,
	.either = true,
	.part = lanes_part,
	.empty = lanes_empty,
	.taken = lanes_taken,
};

/* --- priority -------------------------------------------------------------- */

/* An element: how many bytes the message has, and these. */
static uint32_t element_bytes(const struct stream_options *o)
{
	return CARRY_PREFIX + o->message;
}

/* Elements of a level, so that all levels take --capacity, about. */
static uint32_t level_capacity(const struct stream_options *o)
{
	uint64_t n = o->capacity / STREAM_LEVELS / element_bytes(o);
	uint32_t capacity = 2;

	while (2 * (uint64_t)capacity <= n)
		capacity *= 2;
	return capacity;
}

static size_t priority_bytes(const struct stream_options *o)
{
	return slip_priority_bytes(STREAM_LEVELS, level_capacity(o),
				   element_bytes(o), 0);
}

static int priority_init(void *mem, size_t bytes,
			 const struct stream_options *o)
{
	return slip_priority_init(mem, bytes, STREAM_LEVELS, level_capacity(o),
				  element_bytes(o), 0);
}

/* A ring whose elements have no room for a message is not ours. */
static int priority_join(struct carry *c)
{
	struct stream *s = c->stream;
	struct slip_priority *p = &c->ring.priority;
	int rc = slip_priority_attach(p, s->mem, s->bytes,
				      c->sends ? SLIP_PRODUCER : SLIP_CONSUMER,
				      &s->self);

	if (!rc && slip_priority_elem_bytes(p) <= CARRY_PREFIX)
		return -EBADMSG;
	if (!rc)
		c->max = slip_priority_elem_bytes(p) - CARRY_PREFIX;
	return rc;
}

static bool priority_met(const struct carry *c)
{
	struct slip_priority_info info = { 0 };

	return slip_priority_inspect(c->stream->mem, c->stream->bytes, &info) ==
		       0 &&
	       (c->sends ? info.consumers : info.producers) > info.dead;
}

static int priority_put(struct carry *c, const void *data, uint32_t bytes,
			uint64_t deadline_ns)
{
	struct slip_priority *p = &c->ring.priority;
	uint32_t level = c->options->level;

	if (bytes)
		memmove(c->buf + CARRY_PREFIX, data, bytes);
	memcpy(c->buf, &bytes, sizeof(bytes));
	if (slip_priority_push(p, c->buf, level))
		return 0;
	return slip_priority_push_until(p, c->buf, level, deadline_ns);
}

/* Who is killed now has the message, and nobody else will get it. */
static int priority_get(struct carry *c, const void **data, uint32_t *bytes,
			uint64_t deadline_ns)
{
	int rc = slip_priority_pop_until(&c->ring.priority, c->buf, NULL,
					 deadline_ns);

	if (rc)
		return rc;
	memcpy(bytes, c->buf, sizeof(*bytes));
	*data = c->buf + CARRY_PREFIX;
	return *bytes <= c->max ? 0 : -EBADMSG;
}

static int priority_done(struct carry *c)
{
	(void)c;
	return STATUS_OK;
}

static void priority_part(struct carry *c)
{
	slip_priority_detach(&c->ring.priority);
}

static bool priority_empty(const void *mem, size_t bytes)
{
	struct slip_priority_info info;

	if (slip_priority_inspect(mem, bytes, &info))
		return false;
	for (uint32_t i = 0; i < info.levels; i++)
		if (info.pushed_guess[i] != info.popped_guess[i])
			return false;
	return true;
}

static uint64_t priority_taken(const void *mem, size_t bytes)
{
	struct slip_priority_info info = { 0 };
	uint64_t sum = 0;

	if (slip_priority_inspect(mem, bytes, &info))
		return 0;
	for (uint32_t i = 0; i < info.levels; i++)
		sum += info.popped_guess[i];
	return sum;
}

const struct carrier carrier_priority = {
	.name = "priority",
	.kind = SLIP_KIND_PRIORITY,
	.ends = true,
	.size = "--message",
	.bytes = priority_bytes,
	.init = priority_init,
	.join = priority_join,
	.met = priority_met,
	.put = priority_put,
	.get = priority_get,
	.done = priority_done,
	.cut = somebody_died,
	.either = true,
	.part = priority_part,
	.empty = priority_empty,
	.taken = priority_taken,
};
