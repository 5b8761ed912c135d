/* SPDX-License-Identifier: MIT */
/* Our rings used as a pipe is: blocking calls, a message at a time. */
#include "ring/record.h"
#include "ring/spsc.h"
#include "tools/bench/ipc_loops.h"

struct word {
	uint64_t word[1];
};
struct line {
	uint64_t word[8];
};
SLIP_SPSC_DEFINE(words, struct word);
SLIP_SPSC_DEFINE(lines, struct line);

#define HALF_BYTES (IPC_SHARED_BYTES / 2)

/* The ring for messages to the side that is not `from`. */
static void *ring_of(struct bench_team *t, unsigned from)
{
	return (char *)t->mem + from * (size_t)HALF_BYTES;
}

static void nothing(struct bench_team *t)
{
	(void)t;
}

/* --- elements of one size -------------------------------------------------- */

struct spsc_link {
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
};

static int open_spsc(struct bench_team *t, unsigned self, struct spsc_link *l)
{
	int rc = slip_spsc_attach_producer(&l->p, ring_of(t, self), HALF_BYTES,
					   NULL);

	return rc ? rc
		  : slip_spsc_attach_consumer(&l->c, ring_of(t, !self),
					      HALF_BYTES, NULL);
}

static void shut_spsc(struct spsc_link *l)
{
	slip_spsc_detach_producer(&l->p);
	slip_spsc_detach_consumer(&l->c);
}

/* setup, open, send, take and shut of rings of `struct type`. */
#define SPSC_WAY(name, type, ring)                                             \
	static int setup_##name(struct bench_team *t)                          \
	{                                                                      \
		uint32_t n = IPC_BUFFER_BYTES / sizeof(struct type);           \
		int rc = 0;                                                    \
                                                                               \
		if (t->point->elem_bytes != sizeof(struct type))               \
			return -EINVAL;                                        \
		for (unsigned i = 0; i < 2 && !rc; i++)                        \
			rc = ring##_init(ring_of(t, i), HALF_BYTES, n, 0);     \
		return rc;                                                     \
	}                                                                      \
	static int open_##name(struct bench_team *t, unsigned self,            \
			       struct spsc_link *l)                            \
	{                                                                      \
		return open_spsc(t, self, l);                                  \
	}                                                                      \
	SLIP_CORE int send_##name(void *link, const void *msg, uint32_t bytes) \
	{                                                                      \
		struct spsc_link *l = (struct spsc_link *)link;                \
                                                                               \
		(void)bytes;                                                   \
		return ring##_push_until(&l->p, (const struct type *)msg,      \
					 SLIP_FOREVER);                        \
	}                                                                      \
	SLIP_CORE int take_##name(void *link, void *msg, uint32_t bytes)       \
	{                                                                      \
		struct spsc_link *l = (struct spsc_link *)link;                \
                                                                               \
		(void)bytes;                                                   \
		return ring##_pop_until(&l->c, (struct type *)msg,             \
					SLIP_FOREVER);                         \
	}                                                                      \
	static void shut_##name(struct spsc_link *l)                           \
	{                                                                      \
		shut_spsc(l);                                                  \
	}                                                                      \
	IPC_WAY(name, spsc_link, setup_##name, nothing)

SPSC_WAY(word, word, words)
SPSC_WAY(line, line, lines)

/* --- records --------------------------------------------------------------- */

struct record_link {
	struct slip_record_producer p;
	struct slip_record_consumer c;
};

static int setup_record(struct bench_team *t)
{
	int rc = 0;

	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = slip_record_init(ring_of(t, i), HALF_BYTES,
				      IPC_BUFFER_BYTES, 0);
	return rc;
}

static int open_record(struct bench_team *t, unsigned self,
		       struct record_link *l)
{
	int rc = slip_record_attach_producer(&l->p, ring_of(t, self),
					     HALF_BYTES, NULL);

	return rc ? rc
		  : slip_record_attach_consumer(&l->c, ring_of(t, !self),
						HALF_BYTES, NULL);
}

SLIP_CORE int send_record(void *link, const void *msg, uint32_t bytes)
{
	struct record_link *l = (struct record_link *)link;

	return slip_record_push_until(&l->p, msg, bytes, SLIP_FOREVER);
}

SLIP_CORE int take_record(void *link, void *msg, uint32_t bytes)
{
	struct record_link *l = (struct record_link *)link;
	uint32_t len = 0;
	int rc = slip_record_pop_until(&l->c, msg, bytes, &len, SLIP_FOREVER);

	return rc || len == bytes ? rc : -EBADMSG;
}

static void shut_record(struct record_link *l)
{
	slip_record_detach_producer(&l->p);
	slip_record_detach_consumer(&l->c);
}

IPC_WAY(record, record_link, setup_record, nothing)
