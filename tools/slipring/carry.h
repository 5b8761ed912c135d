/* SPDX-License-Identifier: MIT */
/*
 * send and recv through a ring that is not one of records: lanes, broadcast,
 * priority, latest, call. Here the ring itself knows who is there and what the
 * end is (each header says how); what both commands do with that is the same for
 * all, and what differs is a struct carrier.
 *
 * Messages stay in the ring until they are received, also when their sender has
 * gone: as in a message queue. An empty one is the end of its sender, so that a
 * receiver ends that had nothing else. The last one to leave takes the name away
 * unless something is left, or --keep was said.
 */
#ifndef SLIP_TOOLS_SLIPRING_CARRY_H
#define SLIP_TOOLS_SLIPRING_CARRY_H

#include "ring/broadcast.h"
#include "ring/call.h"
#include "ring/lanes.h"
#include "ring/latest.h"
#include "ring/priority.h"
#include "tools/slipring/stream.h"

/* Bytes before a message in `buf`: for a ring that needs to say its length. */
#define CARRY_PREFIX ((uint32_t)sizeof(uint32_t))

/* One side of a ring. */
struct carry {
	struct stream *stream;
	const struct carrier *carrier;
	const struct stream_options *options;
	uint32_t max; /* bytes of a message */
	bool sends;
	bool any;	    /* a message was sent, or received */
	bool late;	    /* something was in the ring when we came */
	uint64_t before;    /* and that had been taken from it */
	bool ended;	    /* the last one that was received was an end */
	uint64_t lost;	    /* messages */
	unsigned char *buf; /* CARRY_PREFIX and max */
	union {
		struct slip_lanes_producer lanes_in;
		struct slip_lanes_consumer lanes_out;
		struct slip_broadcast_writer broadcast_in;
		struct slip_broadcast_reader broadcast_out;
		struct slip_priority priority;
		struct slip_latest_writer latest_in;
		struct slip_latest_reader latest_out;
		struct slip_call_client call_in;
		struct {
			struct slip_call_server server;
			struct slip_call_ticket ticket;
		} call_out;
	} ring;
};

/* A kind of ring. Each function that returns an int: 0 or -errno. */
struct carrier {
	const char *name; /* --ring */
	uint32_t kind;	  /* SLIP_KIND_... */
	bool by_line;	  /* a message is always a line */
	bool ends;	  /* an empty message is the end of a sender */
	const char *size; /* the option that says how long one can be */

	/* Shape, as the options say; 0: none. Then format. */
	size_t (*bytes)(const struct stream_options *o);
	int (*init)(void *mem, size_t bytes, const struct stream_options *o);

	/* Attaches, and sets max. -EUSERS, -EBUSY: no place is free. */
	int (*join)(struct carry *c);

	/* Is anybody on the other side? */
	bool (*met)(const struct carry *c);

	/* Sends one message, or waits for one, which stays where it is until
	 * done() (it was written out; STATUS_OK, or says why not). -ETIMEDOUT;
	 * -EPIPE: all on the other side have gone, and nothing is left;
	 * STATUS_FAILED: put has said why. */
	int (*put)(struct carry *c, const void *data, uint32_t bytes,
		   uint64_t deadline_ns);
	int (*get)(struct carry *c, const void **data, uint32_t *bytes,
		   uint64_t deadline_ns);
	int (*done)(struct carry *c);

	/* Has a sender died, now that nothing more comes? Or, if `either`,
	 * perhaps another receiver. */
	bool (*cut)(const struct carry *c);
	bool either;

	/* Leaves in order. */
	void (*part)(struct carry *c);

	/* Is nothing left in such a ring? And how much has been taken from it
	 * so far? NULL: what is left does not matter, or each gets all. */
	bool (*empty)(const void *mem, size_t bytes);
	uint64_t (*taken)(const void *mem, size_t bytes);
};

extern const struct carrier carrier_lanes, carrier_broadcast, carrier_priority,
	carrier_latest, carrier_call;

#define CARRY_DOC                                                              \
	"With --ring RING not the one pair of a FIFO, but:\n"                  \
	"  lanes      many senders, many receivers; what one sends comes "     \
	"in\n"                                                                 \
	"             order, each message to one of them\n"                    \
	"  broadcast  one sender, each receiver gets all\n"                    \
	"  priority   many and many; the most urgent message first\n"          \
	"  latest     lines; a receiver gets the newest, and skips others\n"   \
	"  call       lines; the receiver answers each with a line of its\n"   \
	"             standard input, which the sender prints\n"               \
	"A sender then ends when all is in the ring, where it stays until "    \
	"received (but for broadcast and latest: see --keep), and a receiver " \
	"when all senders have gone and nothing is left."

/* From attach to the end, of a stream that is open. STATUS_OK or _FAILED. */
int carry_send(struct stream *s, const struct stream_options *o);
int carry_recv(struct stream *s, const struct stream_options *o);

#endif
