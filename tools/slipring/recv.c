/* SPDX-License-Identifier: MIT */
/*
 * slipring recv NAME: a ring to standard output.
 *
 * The bytes are written straight from the ring, and given back to the sender
 * when they are written: a receiver that is killed leaves them to the next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "tools/slipring/carry.h"

struct recv {
	struct stream *stream;
	struct slip_record_consumer ring;
	uint64_t past;	 /* the last sender, gone before we came */
	uint64_t sender; /* whose records we have had; STREAM_NOBODY: none */
};

/* --- the sender ----------------------------------------------------------- */

static int lost(struct recv *r, uint64_t member)
{
	char who[WHO_TEXT_BYTES];

	(void)stream_fail(r->stream,
			  "the sender%s died before the end of its data",
			  stream_who(r->stream, member, who));
	/* In order, for the next sender's sake: see stream.h. */
	slip_record_detach_consumer(&r->ring);
	slip_peer_leave(&r->stream->self);
	return STATUS_FAILED;
}

/*
 * GO_ON, or the exit status if another has our sender's role. He took it when
 * the ring was empty, so what is in there now is his. (The role is read after
 * the record, which was committed by one who had it: it is not older.) No
 * system call as long as nothing has changed.
 */
enum { GO_ON = -1 };
static int same_sender(struct recv *r, uint64_t member)
{
	if (r->sender == STREAM_NOBODY || !r->sender || !member ||
	    r->sender == member)
		return GO_ON;
	return stream_died(r->stream, r->sender) ? lost(r, r->sender)
						 : STATUS_OK;
}

/* Nothing is left, and the sender gone, or just replaced. */
static int gone(struct recv *r)
{
	uint64_t role, member;

	(void)slip_record_producer_state(&r->ring);
	role = stream_role(&r->ring.side);
	member = stream_member(role);
	if ((role & 15) == SLIP_ROLE_DEAD &&
	    (r->sender != STREAM_NOBODY || member != r->past))
		return lost(r, member);
	/* A program other than send, which closes the ring as its end. */
	if ((role & 15) == SLIP_ROLE_CLOSED && r->sender != STREAM_NOBODY)
		return STATUS_OK;
	return GO_ON;
}

/* In order: a sender that comes now does not take us for one that died. */
static int give_up(struct recv *r)
{
	(void)stream_fail(r->stream, "no sender came in time");
	slip_record_detach_consumer(&r->ring);
	stream_leave(r->stream, false);
	return STATUS_FAILED;
}

/* Nothing for a while: is it still the same sender, or any? */
static int look_about(struct recv *r)
{
	uint64_t role = stream_role(&r->ring.side);
	int status = same_sender(r, stream_member(role));

	if (status == GO_ON && r->sender == STREAM_NOBODY &&
	    slip_record_producer_state(&r->ring) != SLIP_ROLE_HELD &&
	    stream_late(r->stream))
		return give_up(r);
	return status;
}

/* Waits for a record: GO_ON, or the exit status. */
static int wait_data(struct recv *r)
{
	uint64_t until = slip_after_ns(STREAM_LOOK_NS);
	int rc = slip_record_wait_data_until(&r->ring, until);
	int status;

	meter_add(&r->stream->meter, 0);
	if (rc == -EPIPE) {
		status = gone(r);
		if (status != GO_ON)
			return status;
		rc = slip_record_wait_producer_until(&r->ring, until);
	}
	if (rc == 0)
		return GO_ON;
	return rc == -ETIMEDOUT ? look_about(r)
				: stream_fail_ring(r->stream, rc);
}

/* --- from the first to the last ------------------------------------------- */

static int begin(struct recv *r)
{
	struct stream *stream = r->stream;
	struct slip_record_info info = { 0 };
	char who[WHO_TEXT_BYTES];
	int rc;

	/* A dead receiver's sender is about to notice, and to take back. */
	do {
		rc = stream_look(stream, &info);
	} while (!rc &&
		 (stream_held(stream, info.consumer) ||
		  ((info.consumer & 15) == SLIP_ROLE_HELD &&
		   stream_held(stream, info.producer))) &&
		 stream_patient(stream));
	if (rc)
		return stream_fail_ring(stream, rc);
	/* What is in the ring now was left to us. */
	r->past = info.used_bytes_guess ? STREAM_NOBODY
					: stream_past(stream, info.producer);
	r->sender = STREAM_NOBODY;
	rc = slip_record_attach_consumer(&r->ring, stream->mem, stream->bytes,
					 &stream->self);
	if (rc == -EBUSY)
		return stream_fail(
			stream, "another receiver is at work%s",
			stream_who(stream, stream_member(info.consumer), who));
	if (rc)
		return stream_fail_ring(stream, rc);
	return STATUS_OK;
}

/* The exit status once nothing more comes. */
static int receive(struct recv *r)
{
	int status = GO_ON;
	const void *data;
	uint64_t member;
	uint32_t bytes;

	while (status == GO_ON) {
		data = slip_record_peek(&r->ring, &bytes);
		if (!data) {
			status = wait_data(r);
			continue;
		}
		member = stream_member(stream_role(&r->ring.side));
		status = same_sender(r, member);
		if (status != GO_ON)
			break;
		if (stream_write(r->stream, data, bytes))
			return STATUS_FAILED;
		r->sender = member;
		slip_record_release(&r->ring);
		meter_add(&r->stream->meter, bytes);
		if (!bytes)
			return STATUS_OK;
	}
	return status;
}

static int receive_records(struct stream *stream,
			   const struct stream_options *o)
{
	static struct recv r;

	r.stream = stream;
	if (begin(&r))
		return STATUS_FAILED;
	meter_start(&stream->meter, o->progress, -1);
	if (receive(&r))
		return STATUS_FAILED;
	slip_record_detach_consumer(&r.ring);
	meter_end(&stream->meter);
	stream_leave(stream, false);
	return STATUS_OK;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stream_options *o = state->input;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = o;
	else if (key == 'l')
		o->lines = true;
	else if (key == '1')
		o->once = true;
	else if (key == 'n')
		o->newest = true;
	else if (!parse_name(key, arg, state, &o->name))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_recv(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "lines", 'l', NULL, 0,
		  "For symmetry: each message is written at once in any case",
		  0 },
		{ "once", '1', NULL, 0,
		  "End after one message (not of a record ring)", 0 },
		{ "newest", 'n', NULL, 0,
		  "From a broadcast ring: begin with what comes from now on",
		  0 },
		{ 0 },
	};
	static const struct argp_child children[] = {
		{ &stream_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Write what `slipring send NAME' sends to standard "
		       "output.\vEither side may come first. Exit status 0 at "
		       "the end of the data. If the sender dies, what it had "
		       "sent is written, the death reported, and the exit "
		       "status 1; the next sender may start at "
		       "once.\n\n" CARRY_DOC,
		.children = children,
	};
	static struct stream stream;
	struct stream_options o = stream_defaults;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	/* A closed pipe is an error like any other. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (stream_open(&stream, &o))
		return STATUS_FAILED;
	return stream.carrier ? carry_recv(&stream, &o)
			      : receive_records(&stream, &o);
}
