/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/carry.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/slipring/input.h"

enum { PIECE_MAX = 65536 };

/* --- coming and going ------------------------------------------------------ */

/* What is taken, and is there, as we come: for anything(). */
static void note_taken(struct carry *c)
{
	const struct stream *s = c->stream;

	if (!c->carrier->taken)
		return;
	c->before = c->carrier->taken(s->mem, s->bytes);
	c->late = !c->carrier->empty(s->mem, s->bytes);
}

/* Has there been anything to be had since we came, if only for others? */
static bool anything(const struct carry *c)
{
	const struct stream *s = c->stream;

	return c->any || c->late ||
	       (c->carrier->taken &&
		c->carrier->taken(s->mem, s->bytes) != c->before);
}

/* A place may still be that of one who is just being killed, or leaving. */
static int begin(struct carry *c, struct stream *s,
		 const struct stream_options *o, bool sends)
{
	int rc;

	c->stream = s;
	c->carrier = s->carrier;
	c->options = o;
	c->sends = sends;
	note_taken(c);
	do {
		rc = c->carrier->join(c);
	} while ((rc == -EUSERS || rc == -EBUSY) && stream_patient(s));
	if (rc == -EUSERS || rc == -EBUSY)
		return stream_fail(s, "no place is free for another %s",
				   sends ? "sender" : "receiver");
	if (rc)
		return stream_fail_ring(s, rc);
	c->buf = malloc((size_t)CARRY_PREFIX + c->max);
	return c->buf ? STATUS_OK : stream_fail(s, "out of memory");
}

static int end(struct carry *c)
{
	if (c->lost)
		(void)complain(c->stream->name, "%llu messages were lost",
			       (unsigned long long)c->lost);
	c->carrier->part(c);
	free(c->buf);
	meter_end(&c->stream->meter);
	stream_leave(c->stream, c->options->keep);
	return STATUS_OK;
}

/* --- send ------------------------------------------------------------------ */

/* Those who took what we sent have gone: in order, so that others may come, or
 * was one killed? */
static int lost(struct carry *c)
{
	uint64_t member = stream_casualty(c->stream);
	char who[WHO_TEXT_BYTES];

	if (member == STREAM_NOBODY)
		return STATUS_OK;
	return stream_fail(c->stream,
			   "no receiver is left, and one peer%s died",
			   stream_who(c->stream, member, who));
}

/* Is there, in time, somebody to send to? */
static int look_about(struct carry *c)
{
	meter_add(&c->stream->meter, 0);
	if (!c->carrier->met(c) && stream_late(c->stream))
		return stream_fail(c->stream, "no receiver came in time");
	return STATUS_OK;
}

static int put(void *who, const char *data, uint32_t bytes)
{
	struct carry *c = who;
	int rc;

	while ((rc = c->carrier->put(c, data, bytes,
				     slip_after_ns(STREAM_LOOK_NS)))) {
		if (rc == STATUS_FAILED)
			return STATUS_FAILED;
		if (rc != -ETIMEDOUT && rc != -EPIPE)
			return stream_fail_ring(c->stream, rc);
		if ((rc == -EPIPE && lost(c)) || look_about(c))
			return STATUS_FAILED;
		if (rc == -EPIPE)
			stream_nap(10000000);
	}
	c->any = true;
	meter_add(&c->stream->meter, bytes);
	return STATUS_OK;
}

/* A broadcast is for those who are there, so the first is waited for. */
static int meet(void *who)
{
	struct carry *c = who;

	if (c->carrier != &carrier_broadcast || c->options->keep)
		return STATUS_OK;
	while (!c->any && !c->carrier->met(c)) {
		if (look_about(c))
			return STATUS_FAILED;
		stream_nap(5000000);
	}
	return STATUS_OK;
}

static int idle(void *who)
{
	struct carry *c = who;

	meter_add(&c->stream->meter, 0);
	return STATUS_OK;
}

static int send_pieces(struct carry *c, const struct input *in)
{
	uint32_t most = in->max < PIECE_MAX ? in->max : PIECE_MAX;
	char *piece = (char *)c->buf + CARRY_PREFIX;
	ssize_t n;

	while ((n = input_read(in, piece, most)) > 0)
		if (put(c, piece, (uint32_t)n))
			return STATUS_FAILED;
	return n ? STATUS_FAILED : STATUS_OK;
}

int carry_send(struct stream *s, const struct stream_options *o)
{
	static struct carry c;
	struct input in = {
		.stream = s,
		.who = &c,
		.ready = meet,
		.idle = idle,
		.send = put,
		.option = s->carrier->size,
	};

	if (begin(&c, s, o, true))
		return STATUS_FAILED;
	in.max = c.max;
	meter_start(&s->meter, o->progress, STDIN_FILENO);
	if (o->lines || s->carrier->by_line ? input_lines(&in)
					    : send_pieces(&c, &in))
		return STATUS_FAILED;
	if (s->carrier->ends && put(&c, NULL, 0))
		return STATUS_FAILED;
	return end(&c);
}

/* --- recv ------------------------------------------------------------------ */

/* All senders have gone, and nothing is left. */
static int finish(struct carry *c)
{
	char who[WHO_TEXT_BYTES] = "";

	if (!c->carrier->cut(c))
		return end(c);
	(void)stream_who(c->stream, stream_casualty(c->stream), who);
	(void)stream_fail(
		c->stream,
		c->carrier->either
			? "a sender or another receiver%s died"
			: "a sender%s died before the end of its data",
		who);
	(void)end(c);
	return STATUS_FAILED;
}

/* In order: who waits on is not to take us for one that died. */
static int give_up(struct carry *c)
{
	(void)stream_fail(c->stream, "no sender came in time");
	(void)end(c);
	return STATUS_FAILED;
}

/* One message that is there. */
static int take(struct carry *c, const void *data, uint32_t bytes)
{
	c->any = true;
	c->ended = c->carrier->ends && bytes == 0;
	if (stream_write(c->stream, data, bytes) || c->carrier->done(c))
		return STATUS_FAILED;
	meter_add(&c->stream->meter, bytes);
	return STATUS_OK;
}

/* Waits for a message, and takes it. GO_ON, or the exit status. */
enum { GO_ON = -1 };
static int step(struct carry *c)
{
	const void *data;
	uint32_t bytes;
	int rc = c->carrier->get(c, &data, &bytes,
				 slip_after_ns(STREAM_LOOK_NS));

	if (rc == 0) {
		if (take(c, data, bytes))
			return STATUS_FAILED;
		return c->options->once && !c->ended ? end(c) : GO_ON;
	}
	if (rc != -ETIMEDOUT && rc != -EPIPE)
		return stream_fail_ring(c->stream, rc);
	if (rc == -EPIPE && anything(c))
		return finish(c);
	meter_add(&c->stream->meter, 0);
	if (!c->any && !c->carrier->met(c) && stream_late(c->stream))
		return give_up(c);
	/* The last ones went before we came: there will be others. */
	if (rc == -EPIPE)
		stream_nap(10000000);
	return GO_ON;
}

int carry_recv(struct stream *s, const struct stream_options *o)
{
	static struct carry c;
	int status = GO_ON;

	if (begin(&c, s, o, false))
		return STATUS_FAILED;
	meter_start(&s->meter, o->progress, -1);
	while (status == GO_ON)
		status = step(&c);
	return status;
}
