/* SPDX-License-Identifier: MIT */
/*
 * A ring from one process to another, while a third kills, stops, replaces and
 * dismisses either at random instants; with an exact account of every element.
 * What is particular to a kind of ring comes as a `struct pair_ring`.
 *
 * Both sides adopt the region's descriptor, at different addresses, and join
 * as peers. Elements are numbered; an element's content follows from its
 * number (stress_fill). Beside the ring, in memory of its own, lies a ledger:
 *
 *	producer	put_intent	stored before a push
 *			put_done	stored after it returned
 *	consumer	get_intent	stored before a pop
 *			got		at most once: stored after pop returned
 *					at least once: stored between peek and
 *					release
 *
 * What a successor finds in the ring must fit what its predecessor wrote:
 *
 *	producer	put_done <= end of the ring <= put_intent
 *	at most once	got <= first element left <= get_intent: what lies
 *			between was popped by a pop that was killed; lost
 *	at least once	got - 1 <= first element left <= got: one element may
 *			come again, none is lost
 *
 * and after an orderly leave both are exact. At the end, when the producer is
 * gone, the consumer drains the ring to -EPIPE, and all is accounted for.
 */
#ifndef SLIP_STRESS_PAIR_H
#define SLIP_STRESS_PAIR_H

#include "futex/peer.h"
#include "futex/region.h"
#include "stress/harness.h"

enum pair_side { PAIR_PRODUCER, PAIR_CONSUMER, PAIR_SIDES };

#define PAIR_UNKNOWN UINT64_MAX
#define PAIR_BATCH   16

struct pair_config {
	uint64_t seed;
	uint32_t capacity;
	uint32_t elem_bytes; /* of the longest, where they vary; then 8n */
	unsigned mode;	     /* of the events */
	bool blocking;
	bool at_least_once;
	bool mirror;	/* records only */
	uint64_t first; /* number of the first element */
	uint64_t age;	/* whatever the ring makes of it */
};

struct pair_ledger {
	struct {
		slip_a64 turns;
		slip_a64 refused;  /* full or empty, said by a bare verb */
		slip_a64 forever;  /* 1 while in a wait without a deadline */
		slip_a64 alone;	   /* 1 while waiting for the other side */
		slip_a64 pipe_ns;  /* when -EPIPE was last returned */
		slip_a64 attached; /* pid of the holder */
		slip_a64 leave;	   /* an order of the controller's */
		unsigned char pad[SLIP_APART_BYTES - 56];
	} side[PAIR_SIDES];
	slip_a64 places[PAIR_SIDES]; /* where the region is mapped */
	slip_a64 put_intent;
	slip_a64 put_done;
	slip_a64 late; /* committed, and killed before it could be told */
	/* For rings whose end does not tell the number: see record_stress.c. */
	slip_a64 mark[2][3];
	slip_a64 mark_now;
	unsigned char pad0[SLIP_APART_BYTES - 96];
	slip_a64 get_intent;
	slip_a64 got;
	slip_a64 lost;
	slip_a64 again;
	unsigned char pad1[SLIP_APART_BYTES - 32];
	slip_a64 finish; /* the producer shall end */
	slip_a64 drain;	 /* the producer is gone: end at -EPIPE */
};

/* One side, in its process. */
struct pair_self {
	const struct pair_config *config;
	struct pair_ledger *ledger;
	enum pair_side side;
	struct slip_region rg;
	struct slip_peer peer;
	void *mem;
	size_t bytes;
	uint64_t random;
	uint64_t next;	       /* number of the next element; PAIR_UNKNOWN */
	unsigned char *buffer; /* PAIR_BATCH elements */
};

struct pair_ring {
	uint32_t kind;
	/* Fill in capacity, elem_bytes, first, age, mirror. */
	void (*choose)(struct pair_config *config, uint64_t *random);
	size_t (*bytes)(const struct pair_config *config);
	int (*format)(const struct pair_config *config,
		      struct pair_ledger *ledger, void *mem, size_t bytes);
	/* Take the role: 0 and `next`, or -errno. */
	int (*attach)(struct pair_self *self);
	void (*detach)(struct pair_self *self);
	/* Push the `n` elements from `next` on, or fewer, by some verb, or pop
	 * and check as many: how many, 0: full or empty, or -errno. With
	 * at_least_once, get calls pair_took() before each release. */
	int (*put)(struct pair_self *self, uint32_t n);
	int (*get)(struct pair_self *self, uint32_t n);
	/* The number of the oldest element, untouched, or PAIR_UNKNOWN. */
	uint64_t (*oldest)(struct pair_self *self);
	int (*wait)(struct pair_self *self, uint64_t deadline_ns);
	int (*wait_other)(struct pair_self *self, uint64_t deadline_ns);
	/* Is it empty, and is `end` the number that comes next? */
	bool (*is_at_end)(const struct pair_config *config,
			  const struct pair_ledger *ledger, const void *mem,
			  size_t bytes, uint64_t end);
	void (*dump)(void *mem, size_t bytes);
};

/* main() of such a program. */
int pair_main(int argc, char **argv, const char *about,
	      const struct pair_ring *ring);

/* For the functions of a pair_ring. */
void pair_took(struct pair_self *self);
uint64_t pair_deadline(struct pair_self *self);
/* In the middle of something: now and then stay a while, to be killed here. */
void pair_dawdle(struct pair_self *self);

#endif
