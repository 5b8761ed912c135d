/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/carry.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "futex/region_tools.h"
#include "tools/slipring/view.h"

#define OBJECT "stream"

static const struct carrier *const carriers[] = {
	&carrier_lanes,	 &carrier_broadcast, &carrier_priority,
	&carrier_latest, &carrier_call,
};
enum { CARRIERS = sizeof(carriers) / sizeof(carriers[0]) };

/* --- options -------------------------------------------------------------- */

enum { CAPACITY_MIN = 64, CAPACITY_MAX = 1 << 30, MESSAGE_MAX = 65532 };

const struct stream_options stream_defaults = {
	.capacity = 1 << 20,
	.message = 1024,
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

static void parse_message(struct stream_options *o, const char *arg,
			  const struct argp_state *state)
{
	uint64_t bytes;

	if (!parse_size(arg, &bytes) || bytes < 1 || bytes > MESSAGE_MAX)
		argp_error(state, "--message: not a size from 1 to %d: %s",
			   MESSAGE_MAX, arg);
	o->message = (uint32_t)bytes;
}

static void parse_ring(struct stream_options *o, const char *arg,
		       const struct argp_state *state)
{
	o->records = strcmp(arg, "record") == 0;
	o->carrier = NULL;
	for (size_t i = 0; i < CARRIERS; i++)
		if (strcmp(arg, carriers[i]->name) == 0)
			o->carrier = carriers[i];
	if (!o->records && !o->carrier)
		argp_error(state,
			   "--ring: not record, lanes, broadcast, "
			   "priority, latest or call: %s",
			   arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stream_options *o = state->input;

	switch (key) {
	case 'r':
		parse_ring(o, arg, state);
		return 0;
	case 'M':
		parse_message(o, arg, state);
		return 0;
	case 'o':
		o->lossy = true;
		return 0;
	case 'k':
		o->keep = true;
		return 0;
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
	{ "ring", 'r', "RING", 0,
	  "Kind of ring if it is yet to be made (record), see below", 0 },
	{ "capacity", 'c', "BYTES", 0,
	  "Size of the ring if it is yet to be made, rounded up to a power of "
	  "two; k, m, g may follow (1m)",
	  0 },
	{ "message", 'M', "BYTES", 0,
	  "Longest message if a priority, latest or call ring is yet to be "
	  "made (1k)",
	  0 },
	{ "lossy", 'o', NULL, 0,
	  "A broadcast ring that is yet to be made does not wait for slow "
	  "receivers: they lose messages, and say how many",
	  0 },
	{ "keep", 'k', NULL, 0,
	  "Leave the region and what is in it to those who come later (not of "
	  "a record ring); `slipring rm' removes it",
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

/* A ring can be mirrored where its unit is the page. */
static unsigned record_flags(const struct stream_options *o)
{
	return o->capacity >= 4096 && sysconf(_SC_PAGESIZE) == 4096
		       ? SLIP_RECORD_MIRROR
		       : 0;
}

static size_t ring_bytes(const struct stream_options *o)
{
	return o->carrier ? o->carrier->bytes(o)
			  : slip_record_bytes(o->capacity, record_flags(o));
}

static int build(struct slip_region *rg, const struct stream_options *o)
{
	uint32_t kind = o->carrier ? o->carrier->kind : SLIP_KIND_RECORD;
	size_t bytes = ring_bytes(o);
	void *mem;
	int rc = slip_region_place(rg, OBJECT, kind, bytes, &mem);

	if (!rc)
		rc = o->carrier ? o->carrier->init(mem, bytes, o)
				: slip_record_init(mem, bytes, o->capacity,
						   record_flags(o));
	return rc ? rc : slip_region_publish(rg, o->name, o->mode);
}

static int create(struct slip_region *rg, const struct stream_options *o)
{
	char *dir = directory_of(o->name);
	int rc = slip_region_create_at(rg, dir, ring_bytes(o), 0);

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

/* What is in the region, whatever we would have made. */
static int find_ring(struct stream *s, const struct stream_options *o)
{
	s->mem = slip_region_find(&s->rg, OBJECT, SLIP_KIND_RECORD, &s->bytes);
	s->carrier = NULL;
	for (size_t i = 0; i < CARRIERS && !s->mem; i++) {
		s->carrier = carriers[i];
		s->mem = slip_region_find(&s->rg, OBJECT, s->carrier->kind,
					  &s->bytes);
	}
	if (!s->mem)
		return stream_fail(s, "the region holds no stream, so it was "
				      "not made by slipring send or recv");
	if (o->carrier ? s->carrier != o->carrier : o->records && s->carrier)
		return stream_fail(s,
				   "there is a stream already, through a "
				   "ring of another kind: %s",
				   s->carrier ? s->carrier->name : "record");
	return STATUS_OK;
}

/* An option that is for some kinds of ring only is not overlooked. */
static int check_options(struct stream *s, const struct stream_options *o)
{
	const char *option = NULL;

	if (!s->carrier)
		option = o->keep ? "--keep" : o->once ? "--once" : NULL;
	if ((o->newest || o->lossy) && s->carrier != &carrier_broadcast)
		option = o->newest ? "--newest" : "--lossy";
	if (o->level && s->carrier != &carrier_priority)
		option = "--level";
	if (!option)
		return STATUS_OK;
	return stream_fail(s, "%s is not for a %s ring", option,
			   s->carrier ? s->carrier->name : "record");
}

static bool peer_dead(const struct stream *s, uint32_t id, uint32_t *gen)
{
	struct slip_peer_info peer;

	if (slip_peer_describe(&s->rg, id, &peer) || !peer.joined || peer.alive)
		return false;
	*gen = peer.gen;
	return true;
}

/* Who is dead already is no concern of ours. */
static int note_past(struct stream *s)
{
	s->past = calloc(s->rg.peers_max + 1, sizeof(*s->past));
	if (!s->past)
		return stream_fail(s, "out of memory");
	for (uint32_t id = 1; id <= s->rg.peers_max; id++)
		(void)peer_dead(s, id, &s->past[id]);
	return STATUS_OK;
}

uint64_t stream_casualty(const struct stream *s)
{
	uint32_t gen;

	for (uint32_t id = 1; id <= s->rg.peers_max; id++)
		if (peer_dead(s, id, &gen) && gen != s->past[id])
			return (uint64_t)gen << 12 | id;
	return STREAM_NOBODY;
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
	if (find_ring(s, o) || check_options(s, o) || note_past(s))
		return STATUS_FAILED;
	rc = slip_peer_join(&s->self, &s->rg);
	if (rc)
		return stream_fail(s, "cannot join the region: %s", cause(rc));
	return STATUS_OK;
}

/* Is nothing in it that somebody may come for? */
static bool stream_is_over(void *arg)
{
	const struct stream *s = arg;
	struct slip_region rg;
	size_t bytes;
	bool over;
	void *mem;

	if (!s->carrier || !s->carrier->empty)
		return true;
	if (slip_region_open(&rg, s->name, SLIP_REGION_READONLY))
		return false;
	mem = slip_region_find(&rg, OBJECT, s->carrier->kind, &bytes);
	over = mem && s->carrier->empty(mem, bytes);
	slip_region_close(&rg);
	return over;
}

void stream_leave(struct stream *s, bool keep)
{
	slip_peer_leave(&s->self);
	slip_region_close(&s->rg);
	free(s->past);
	/* Refused as long as anybody has it open: then he is the last. */
	if (!keep && slip_region_reap_if(s->name, stream_is_over, s))
		return;
}

static bool write_once(const char **data, size_t *bytes)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t n = write(STDOUT_FILENO, *data, *bytes);

	if (n >= 0) {
		*data += n;
		*bytes -= (size_t)n;
		return true;
	}
	if (errno == EAGAIN) /* somebody made it non-blocking */
		return poll(&out, 1, -1) >= 0 || errno == EINTR;
	return errno == EINTR;
}

int stream_write(struct stream *s, const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes)
		if (!write_once(&at, &bytes))
			return stream_fail(s, "standard output: %s",
					   strerror(errno));
	return STATUS_OK;
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
