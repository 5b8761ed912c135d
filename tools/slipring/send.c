/* SPDX-License-Identifier: MIT */
/*
 * slipring send NAME: standard input into a ring.
 *
 * The bytes are read straight into the ring. Nothing here decides that the
 * receiver is dead but the kernel; while there is nothing to do we ask it
 * every 100 ms.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "tools/slipring/carry.h"
#include "tools/slipring/input.h"

enum { PIECE_MAX = 65536 };

struct send {
	struct stream *stream;
	struct slip_record_producer ring;
	uint64_t past;	   /* the last receiver, gone before we came */
	uint64_t receiver; /* ours; STREAM_NOBODY: none has come yet */
	uint32_t max;	   /* bytes of a record */
	uint32_t piece;	   /* bytes to ask for at a time */
};

/* --- the receiver --------------------------------------------------------- */

/* Takes back what was not received: to the next receiver it would be the
 * middle of nothing. False: there is one already, who gets it, and our end. */
static bool take_back(struct send *s, uint64_t *bytes)
{
	static struct slip_record_consumer own;
	uint32_t n;

	if (slip_record_attach_consumer(&own, s->stream->mem, s->stream->bytes,
					&s->stream->self))
		return false;
	for (*bytes = 0; slip_record_peek(&own, &n); *bytes += n)
		slip_record_release(&own);
	slip_record_detach_consumer(&own);
	return true;
}

static int lost(struct send *s)
{
	char who[WHO_TEXT_BYTES];
	uint64_t bytes;

	(void)stream_who(s->stream, s->receiver, who);
	if (!take_back(s, &bytes))
		return stream_fail(s->stream, "the receiver%s died", who);
	return stream_fail(s->stream,
			   "the receiver%s died; %llu bytes were not received",
			   who, (unsigned long long)bytes);
}

/* Another has our receiver's role. It left in order if it did so for the sake
 * of an earlier sender (see stream.h): then the other is ours. */
static int replaced(struct send *s, uint64_t member)
{
	if (s->receiver != STREAM_NOBODY && stream_died(s->stream, s->receiver))
		return lost(s);
	s->receiver = member;
	return STATUS_OK;
}

/* What the receiver's role says: may we go on? */
static int judge(struct send *s, uint64_t role)
{
	uint64_t member = stream_member(role);

	if ((role & 15) == SLIP_ROLE_HELD)
		return member == s->receiver ? STATUS_OK : replaced(s, member);
	if ((role & 15) == SLIP_ROLE_DEAD && member != s->past) {
		s->receiver = member;
		return lost(s);
	}
	s->receiver = STREAM_NOBODY;
	if (stream_late(s->stream))
		return stream_fail(s->stream, "no receiver came in time");
	return STATUS_OK;
}

/* Has another taken our receiver's place? Does not enter the kernel. */
static int same_receiver(struct send *s)
{
	uint64_t role = stream_role(&s->ring.side);

	if ((role & 15) != SLIP_ROLE_HELD || stream_member(role) == s->receiver)
		return STATUS_OK;
	return judge(s, role);
}

/* The role, after the kernel has been asked whether its holder lives. */
static uint64_t ask(struct send *s)
{
	(void)slip_record_consumer_state(&s->ring);
	return stream_role(&s->ring.side);
}

/* Nothing can be done at present: is somebody there who could change that? */
static int look_about(void *who)
{
	struct send *s = who;

	meter_add(&s->stream->meter, 0);
	return judge(s, ask(s));
}

/* Waits for a receiver. Without one nothing goes into the ring: then we know
 * each that ever takes something out, and a successor does not hide a death. */
static int meet(void *who)
{
	struct send *s = who;
	int rc = 0;

	while (s->receiver == STREAM_NOBODY) {
		if (look_about(s))
			return STATUS_FAILED;
		if (s->receiver == STREAM_NOBODY)
			rc = slip_record_wait_consumer_until(
				&s->ring, slip_after_ns(STREAM_LOOK_NS));
		if (rc && rc != -ETIMEDOUT)
			return stream_fail_ring(s->stream, rc);
	}
	return STATUS_OK;
}

/* Returns when there may be room. */
static int wait_room(struct send *s, uint32_t bytes)
{
	uint64_t until = slip_after_ns(STREAM_LOOK_NS);
	int rc = slip_record_wait_room_until(&s->ring, bytes, until);

	if (rc == 0)
		return same_receiver(s);
	if (rc != -ETIMEDOUT && rc != -EPIPE)
		return stream_fail_ring(s->stream, rc);
	return look_about(s) || meet(s);
}

/* --- standard input ------------------------------------------------------- */

/* Pieces as they come. */
static int send_bytes(struct send *s, const struct input *in)
{
	for (;;) {
		void *piece = slip_record_claim(&s->ring, s->piece);
		ssize_t n;

		if (!piece) {
			if (wait_room(s, s->piece))
				return STATUS_FAILED;
			continue;
		}
		n = input_read(in, piece, s->piece);
		if (n <= 0)
			return n ? STATUS_FAILED : STATUS_OK;
		if (same_receiver(s))
			return STATUS_FAILED;
		slip_record_commit(&s->ring, (uint32_t)n);
		meter_add(&s->stream->meter, (uint64_t)n);
	}
}

static int push(void *who, const char *data, uint32_t bytes)
{
	struct send *s = who;
	int rc;

	while ((rc = slip_record_push(&s->ring, data, bytes)) == -EAGAIN)
		if (wait_room(s, bytes))
			return STATUS_FAILED;
	if (rc)
		return stream_fail_ring(s->stream, rc);
	meter_add(&s->stream->meter, bytes);
	return same_receiver(s);
}

/* --- from the first to the last ------------------------------------------- */

/* Refuses if another sender lives; tells how much the last one left. */
static int look_at_turn(struct send *s, struct slip_record_info *info)
{
	struct stream *stream = s->stream;
	char who[WHO_TEXT_BYTES];
	int rc;

	do {
		rc = stream_look(stream, info);
		if (rc)
			return stream_fail_ring(stream, rc);
		if (!stream_held(stream, info->producer))
			return STATUS_OK;
	} while (stream_patient(stream));
	return stream_fail(
		stream, "another sender is at work%s",
		stream_who(stream, stream_member(info->producer), who));
}

/* Waits until what the last sender left is gone. */
static int wait_turn(struct send *s, struct slip_record_info *info)
{
	struct stream *stream = s->stream;
	uint64_t quiet_until = slip_after_ns(UINT64_C(1000000000));

	for (;;) {
		if (look_at_turn(s, info))
			return STATUS_FAILED;
		if (!info->used_bytes_guess)
			return STATUS_OK;
		if (stream_late(stream))
			return stream_fail(stream, "no receiver came in time "
						   "for what an earlier sender "
						   "left");
		if (slip_now_ns() > quiet_until) {
			(void)complain(stream->name,
				       "waiting: a receiver must first take "
				       "what an earlier sender left");
			quiet_until = SLIP_FOREVER;
		}
		stream_nap(10000000);
	}
}

static int begin(struct send *s)
{
	struct stream *stream = s->stream;
	struct slip_record_info info = { 0 };
	int rc = wait_turn(s, &info);

	if (rc)
		return rc;
	s->past = stream_past(stream, info.consumer);
	s->receiver = STREAM_NOBODY;
	s->max = info.max_bytes;
	s->piece =
		info.max_bytes / 4 < PIECE_MAX ? info.max_bytes / 4 : PIECE_MAX;
	rc = slip_record_attach_producer(&s->ring, stream->mem, stream->bytes,
					 &stream->self);
	if (rc == -EBUSY)
		return stream_fail(stream, "another sender was quicker");
	if (rc)
		return stream_fail_ring(stream, rc);
	/* Somebody came, and died, since wait_turn(). */
	if (slip_record_used_bytes_guess(&s->ring))
		return stream_fail(stream, "another sender was quicker, and "
					   "left data in the ring");
	return STATUS_OK;
}

/* Waits until all is taken. The receiver may then be gone, and even another
 * there, so the look at its role comes before the look at the ring. */
static int wait_taken(struct send *s)
{
	for (;;) {
		uint64_t role = ask(s);

		if (!slip_record_used_bytes_guess(&s->ring))
			return STATUS_OK;
		if (judge(s, role))
			return STATUS_FAILED;
		meter_add(&s->stream->meter, 0);
		stream_nap(1000000);
	}
}

static int finish(struct send *s)
{
	while (slip_record_push(&s->ring, NULL, 0) == -EAGAIN)
		if (wait_room(s, 0))
			return STATUS_FAILED;
	if (wait_taken(s))
		return STATUS_FAILED;
	slip_record_detach_producer(&s->ring);
	meter_end(&s->stream->meter);
	stream_leave(s->stream, false);
	return STATUS_OK;
}

static int send_records(struct stream *stream, const struct stream_options *o)
{
	static struct send s;
	struct input in = {
		.stream = stream,
		.who = &s,
		.ready = meet,
		.idle = look_about,
		.send = push,
		.option = "--capacity",
	};

	s.stream = stream;
	if (begin(&s))
		return STATUS_FAILED;
	in.max = s.max;
	meter_start(&stream->meter, o->progress, STDIN_FILENO);
	if (o->lines ? input_lines(&in) : send_bytes(&s, &in))
		return STATUS_FAILED;
	return finish(&s);
}

static void parse_level(struct stream_options *o, const char *arg,
			const struct argp_state *state)
{
	uint64_t level;

	if (!parse_size(arg, &level) || level >= STREAM_LEVELS)
		argp_error(state, "--level: not a level from 0 to %u: %s",
			   STREAM_LEVELS - 1, arg);
	o->level = (uint32_t)level;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stream_options *o = state->input;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = o;
	else if (key == 'l')
		o->lines = true;
	else if (key == 'L')
		parse_level(o, arg, state);
	else if (!parse_name(key, arg, state, &o->name))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_send(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "lines", 'l', NULL, 0, "One message per line", 0 },
		{ "level", 'L', "LEVEL", 0,
		  "Into a priority ring: how urgent, from 0 (0) to 7", 0 },
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
		.doc = "Send standard input to `slipring recv NAME'.\vLike a "
		       "FIFO: either side may come first, a full ring blocks, "
		       "and the end of the data ends the receiver too. Ends "
		       "when everything was received. If the receiver dies, "
		       "that is reported at once, with exit status 1; a new "
		       "pair may start without any cleaning up.\n\n" CARRY_DOC,
		.children = children,
	};
	static struct stream stream;
	struct stream_options o = stream_defaults;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	if (stream_open(&stream, &o))
		return STATUS_FAILED;
	return stream.carrier ? carry_send(&stream, &o)
			      : send_records(&stream, &o);
}
