/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "futex/region_tools.h"
#include "tools/slipring/view.h"

#define OBJECT "stream"

/* --- options -------------------------------------------------------------- */

enum { CAPACITY_MIN = 64, CAPACITY_MAX = 1 << 30 };

const struct stream_options stream_defaults = {
	.capacity = 1 << 20,
	.timeout_ns = SLIP_FOREVER,
	.mode = 0600,
};

static void parse_capacity(struct stream_options *o, const char *arg,
			   const struct argp_state *state)
{
	uint64_t bytes;

	if (!parse_size(arg, &bytes) || bytes < CAPACITY_MIN ||
	    bytes > CAPACITY_MAX)
		argp_error(state, "--capacity: not a size from 64 to 1g: %s",
			   arg);
	o->capacity = CAPACITY_MIN;
	while (o->capacity < bytes)
		o->capacity *= 2;
}

static void parse_mode(struct stream_options *o, const char *arg,
		       const struct argp_state *state)
{
	char *end;
	unsigned long mode = strtoul(arg, &end, 8);

	if (*arg < '0' || *arg > '7' || *end || mode > 0777)
		argp_error(state, "--mode: not octal permissions up to 777: %s",
			   arg);
	o->mode = (unsigned)mode;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stream_options *o = state->input;

	switch (key) {
	case 'c':
		parse_capacity(o, arg, state);
		return 0;
	case 'm':
		parse_mode(o, arg, state);
		return 0;
	case 't':
		if (!parse_seconds(arg, &o->timeout_ns))
			argp_error(state,
				   "--timeout: not a number of seconds: "
				   "%s",
				   arg);
		return 0;
	case 'p':
		o->progress = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "capacity", 'c', "BYTES", 0,
	  "Size of the ring if it is yet to be made, rounded up to a power of "
	  "two; k, m, g may follow (1m)",
	  0 },
	{ "mode", 'm', "MODE", 0,
	  "Permissions of the region if it is yet to be made (0600)", 0 },
	{ "timeout", 't', "SECONDS", 0,
	  "Fail if the other side does not come (wait for ever)", 0 },
	{ "progress", 'p', NULL, 0, "Show progress if stderr is a terminal",
	  0 },
	{ 0 },
};

const struct argp stream_argp = { .options = options, .parser = parse };

/* --- coming and going ----------------------------------------------------- */

/* The directory of a name that is a path; NULL: it is not. To be freed. */
static char *directory_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (!slash)
		return NULL;
	return slash == name ? strdup("/")
			     : strndup(name, (size_t)(slash - name));
}

static int build(struct slip_region *rg, const struct stream_options *o)
{
	unsigned flags = 0;
	size_t bytes;
	void *mem;
	int rc;

	/* A ring can be mirrored where its unit is the page. */
	if (o->capacity >= 4096 && sysconf(_SC_PAGESIZE) == 4096)
		flags = SLIP_RECORD_MIRROR;
	bytes = slip_record_bytes(o->capacity, flags);
	rc = slip_region_place(rg, OBJECT, SLIP_KIND_RECORD, bytes, &mem);
	if (!rc)
		rc = slip_record_init(mem, bytes, o->capacity, flags);
	return rc ? rc : slip_region_publish(rg, o->name, o->mode);
}

static int create(struct slip_region *rg, const struct stream_options *o)
{
	char *dir = directory_of(o->name);
	/* With room for the page-sized header of a mirrored ring. */
	int rc = slip_region_create_at(rg, dir, o->capacity + 4096, 0);

	free(dir);
	if (rc)
		return rc;
	rc = build(rg, o);
	if (rc)
		slip_region_close(rg);
	return rc;
}

/* Whoever comes first creates; it may take some turns if others come and go
 * at the same moment. */
static int open_or_create(struct slip_region *rg,
			  const struct stream_options *o)
{
	uint64_t deadline_ns = slip_after_ns(UINT64_C(5000000000));
	int rc;

	for (;;) {
		rc = slip_region_open(rg, o->name, 0);
		if (rc == -ENOENT)
			rc = create(rg, o);
		/* Somebody creates, or removes, it at this moment. */
		if ((rc != -EEXIST && rc != -EBUSY) ||
		    slip_now_ns() > deadline_ns)
			return rc;
		stream_nap(1000000);
	}
}

int stream_open(struct stream *s, const struct stream_options *o)
{
	int rc;

	s->name = o->name;
	s->deadline_ns = slip_after_ns(o->timeout_ns);
	s->patient_ns = slip_after_ns(250000000);
	rc = open_or_create(&s->rg, o);
	if (rc)
		return stream_fail(s, "%s", cause(rc));
	s->mem = slip_region_find(&s->rg, OBJECT, SLIP_KIND_RECORD, &s->bytes);
	if (!s->mem)
		return stream_fail(s, "the region holds no stream, so it was "
				      "not made by slipring send or recv");
	rc = slip_peer_join(&s->self, &s->rg);
	if (rc)
		return stream_fail(s, "cannot join the region: %s", cause(rc));
	return STATUS_OK;
}

void stream_leave(struct stream *s)
{
	slip_peer_leave(&s->self);
	slip_region_close(&s->rg);
	/* Refused as long as anybody has it open: then he is the last. */
	if (slip_region_reap(s->name))
		return;
}

/* --- saying --------------------------------------------------------------- */

int stream_fail(struct stream *s, const char *format, ...)
{
	va_list args;

	meter_end(&s->meter);
	va_start(args, format);
	(void)complain_va(s->name, format, args);
	va_end(args);
	return STATUS_FAILED;
}

int stream_fail_ring(struct stream *s, int err)
{
	return stream_fail(
		s, "%s", err == -EBADMSG ? "the ring is damaged" : cause(err));
}

const char *stream_who(const struct stream *s, uint64_t member,
		       char text[WHO_TEXT_BYTES])
{
	struct slip_peer_info peer;

	text[0] = '\0';
	if (slip_peer_describe(&s->rg, (uint32_t)member & 0xfff, &peer) ||
	    peer.gen != (uint32_t)(member >> 12))
		return text;
	make_printable(peer.comm);
	(void)snprintf(text, WHO_TEXT_BYTES, " (pid %u, %s)", peer.pid,
		       peer.comm);
	return text;
}

/* --- looking -------------------------------------------------------------- */

int stream_look(const struct stream *s, struct slip_record_info *info)
{
	int rc = -EAGAIN;

	/* Overtaken is a matter of luck. */
	for (int tries = 0; tries < 1000 && rc == -EAGAIN; tries++)
		rc = slip_record_inspect(s->mem, s->bytes, info);
	return rc;
}

uint64_t stream_role(const struct slip_side *side)
{
	/* hint: what follows from a stale answer is found out later */
	return slip_a64_load_relaxed(side->theirs);
}

uint64_t stream_member(uint64_t role_word)
{
	return role_word >> 4;
}

uint64_t stream_past(const struct stream *s, uint64_t role_word)
{
	uint64_t member = stream_member(role_word);

	switch (role_word & 15) {
	case SLIP_ROLE_CLOSED:
	case SLIP_ROLE_DEAD:
		return member;
	case SLIP_ROLE_HELD:
		return slip_peer_member_alive(&s->rg, (uint32_t)member & 0xfff,
					      (uint32_t)(member >> 12)) == 0
			       ? member
			       : STREAM_NOBODY;
	default:
		return STREAM_NOBODY;
	}
}

bool stream_held(const struct stream *s, uint64_t role_word)
{
	return (role_word & 15) == SLIP_ROLE_HELD &&
	       stream_past(s, role_word) == STREAM_NOBODY;
}

bool stream_died(const struct stream *s, uint64_t member)
{
	struct slip_peer_info peer;

	/* The record is free once its member has left, and stays as it is if
	 * he died, until the table is full. */
	return slip_peer_describe(&s->rg, (uint32_t)member & 0xfff, &peer) ==
		       0 &&
	       peer.gen == (uint32_t)(member >> 12) && peer.joined &&
	       peer.alive == 0;
}

bool stream_patient(struct stream *s)
{
	stream_nap(5000000);
	return slip_now_ns() < s->patient_ns;
}

bool stream_late(const struct stream *s)
{
	return s->deadline_ns != SLIP_FOREVER && slip_now_ns() > s->deadline_ns;
}

void stream_nap(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
			      .tv_nsec = (long)(ns % 1000000000) };

	(void)nanosleep(&t, NULL);
}
