/* SPDX-License-Identifier: MIT */
/*
 * The world of a ring of two sides, and its judges, for spsc.c and record.c.
 *
 * Every element has a number, and its content follows from it. The account is
 * two numbers: the oldest one in the ring, and the next to be pushed.
 */
#ifndef SLIP_STRESS_KILL_RING_H
#define SLIP_STRESS_KILL_RING_H

#include "stress/kill/kill.h"

enum ring_side { RING_PRODUCER, RING_CONSUMER };

/* Flags of an operation. */
#define RING_AT_CONSUMER 1u /* the victim is the consumer */
#define RING_PREFIX	 2u /* a part of a batch may be moved */
#define RING_MOVES(n)	 ((n)*4u)
#define RING_MOVES_OF(f) ((f) / 4u % 8u)
#define RING_ATTACH	 32u /* the operation is attach */
#define RING_DETACH	 64u
#define RING_GHOST	 128u /* a dead one has the role */
#define RING_PATIENT	 256u /* waits as long as it takes */

/* How full the ring is in a state. */
enum ring_fill { RING_EMPTY, RING_ONE, RING_HALF, RING_ALMOST, RING_FULL };

union ring_handle {
	struct slip_spsc_producer spsc_p;
	struct slip_spsc_consumer spsc_c;
	struct slip_record_producer record_p;
	struct slip_record_consumer record_c;
};

struct ring_view {
	uint64_t count;	   /* elements in the ring */
	uint64_t roles[2]; /* role words */
};

struct ring_calls {
	uint32_t kind;
	/* Prepares the geometry of a state, and says how many bytes it takes. */
	size_t (*shape)(unsigned state);
	void (*init)(void *mem, size_t bytes);
	int (*attach)(union ring_handle *h, enum ring_side side, void *mem,
		      size_t bytes, struct slip_peer *self);
	void (*detach)(union ring_handle *h, enum ring_side side);
	/* Forgets a handle without a store to shared memory. */
	void (*drop)(union ring_handle *h, enum ring_side side);
	int (*role)(union ring_handle *h, enum ring_side side);
	void (*view)(struct ring_view *view);
	/* 1: done; 0: full, or empty; -errno. A wrong content fails. */
	int (*push)(union ring_handle *h, uint64_t number);
	int (*pop)(union ring_handle *h, uint64_t number);
	/* The same, waiting: 0 or -errno. */
	int (*push_until)(union ring_handle *h, uint64_t number,
			  uint64_t deadline_ns);
	int (*pop_until)(union ring_handle *h, uint64_t number,
			 uint64_t deadline_ns);
	/* `number` was refused as not fitting: is that so? */
	bool (*is_full)(uint64_t number);
	/* The ring's geometry, and the victim's elements from `number` on; are
	 * those what it popped? */
	void (*load)(struct kill_ring_victim *v, uint64_t number);
	bool (*popped)(const struct kill_ring_victim *v, uint64_t number,
		       int count);
	struct slip_event *(*event)(void *mem, enum ring_side waiting);
};

extern const struct kill_kind ring_kind;
extern const struct kill_kind ring_init_kind;

/* States are numbered with the fill running quickest, then the rest. */
#define RING_FILLS 5

extern const struct ring_calls ring_spsc;
extern const struct ring_calls ring_record;

#endif
