/* SPDX-License-Identifier: MIT */
/* Lines and their answers: send asks, and recv, the server, is told by whoever
 * is at its standard input and output what to say. */
#define _GNU_SOURCE
#include "tools/slipring/carry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 16 };

static size_t call_bytes(const struct stream_options *o)
{
	return slip_call_bytes(CLIENTS, o->message);
}

static int call_init(void *mem, size_t bytes, const struct stream_options *o)
{
	return slip_call_init(mem, bytes, CLIENTS, o->message, 0);
}

static int call_join(struct carry *c)
{
	struct stream *s = c->stream;
	int rc;

	if (c->sends) {
		rc = slip_call_attach_client(&c->ring.call_in, s->mem, s->bytes,
					     &s->self);
		c->max = slip_call_client_payload_bytes(&c->ring.call_in);
	} else {
		rc = slip_call_attach_server(&c->ring.call_out.server, s->mem,
					     s->bytes, &s->self);
		c->max = slip_call_server_payload_bytes(
			&c->ring.call_out.server);
	}
	return rc;
}

static bool call_met(const struct carry *c)
{
	struct slip_call_info info = { 0 };

	if (c->sends)
		return slip_call_server_state(&c->ring.call_in) ==
		       SLIP_ROLE_HELD;
	return slip_call_inspect(c->stream->mem, c->stream->bytes, &info) ==
		       0 &&
	       info.clients_guess;
}

/* Waits for the reply: once asked, a line is not asked again. */
static int hear(struct carry *c)
{
	struct slip_call_client *client = &c->ring.call_in;
	uint32_t bytes;
	int rc;

	while ((rc = slip_call_wait_reply_until(
			client, slip_after_ns(STREAM_LOOK_NS))) == -ETIMEDOUT)
		meter_add(&c->stream->meter, 0);
	if (!rc)
		rc = slip_call_receive(client, c->buf, c->max, &bytes);
	if (rc) {
		slip_call_abandon(client);
		return rc;
	}
	return stream_write(c->stream, c->buf, bytes);
}

static int call_put(struct carry *c, const void *data, uint32_t bytes,
		    uint64_t deadline_ns)
{
	int rc = slip_call_send_until(&c->ring.call_in, data, bytes,
				      deadline_ns);

	return rc ? rc : hear(c);
}

static int call_get(struct carry *c, const void **data, uint32_t *bytes,
		    uint64_t deadline_ns)
{
	struct slip_call_ticket *t = &c->ring.call_out.ticket;
	int rc = slip_call_take_until(&c->ring.call_out.server, t, deadline_ns);

	if (rc)
		return rc;
	*data = t->data;
	*bytes = t->bytes;
	return 0;
}

static int answer(struct carry *c, const char *line, ssize_t bytes)
{
	int rc;

	if (bytes < 0)
		return stream_fail(c->stream, "standard input ended before the "
					      "answer");
	if (bytes > c->max)
		return stream_fail(c->stream,
				   "an answer is longer than the %u bytes that "
				   "a message in this ring can have (see "
				   "--message)",
				   c->max);
	rc = slip_call_reply(&c->ring.call_out.server, &c->ring.call_out.ticket,
			     line, (uint32_t)bytes);
	return rc ? stream_fail_ring(c->stream, rc) : STATUS_OK;
}

static int call_done(struct carry *c)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t bytes = getline(&line, &room, stdin);
	int status = answer(c, line, bytes);

	free(line);
	return status;
}

/* A client that died asks no more: no loss of the server's. */
static bool call_cut(const struct carry *c)
{
	(void)c;
	return false;
}

static void call_part(struct carry *c)
{
	if (c->sends)
		slip_call_detach_client(&c->ring.call_in);
	else
		slip_call_detach_server(&c->ring.call_out.server);
}

const struct carrier carrier_call = {
	.name = "call",
	.kind = SLIP_KIND_CALL,
	.by_line = true,
	.size = "--message",
	.bytes = call_bytes,
	.init = call_init,
	.join = call_join,
	.met = call_met,
	.put = call_put,
	.get = call_get,
	.done = call_done,
	.cut = call_cut,
	.part = call_part,
};
