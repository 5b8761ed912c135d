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
	bool mirror; /* records only */
	enum stress_pinning pinning;
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
		slip_a64 orphan;   /* 1: the last holder was killed */
		slip_a64 heirs;	   /* have taken the role over from such */
		unsigned char pad[SLIP_APART_BYTES - 72];
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

struct pair_account;

struct pair_ring {
	const char *name;
	uint32_t kind;
	/* Not for two sides: a run of its own (crowd.h), and nothing below. */
	void (*run)(struct pair_account *account, uint64_t seed);
	bool (*fits)(void);
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

/*
 * What all runs of one ring came to, each of them checked as said above; all
 * are stat words, so that another process may watch. By definition
 *
 *	pushed = popped - again + lost
 */
enum pair_count {
	PAIR_RUNS,
	PAIR_PUSHED,
	PAIR_POPPED,
	PAIR_LOST,  /* by a pop that was killed: at most once */
	PAIR_AGAIN, /* after a peek, or a take, that was killed */
	PAIR_LATE,  /* pushed by a push that was killed before it returned */
	PAIR_KILLS,
	PAIR_STOPS,
	PAIR_LEAVES,
	PAIR_TAKEOVERS, /* by who came after a kill */
	PAIR_NOW,	/* popped in the run that is not over */
	PAIR_COUNTS
};
/* Of -EPIPE after a kill: four classes of delay for each power of two. */
#define PAIR_DELAYS 160

struct pair_account {
	slip_a64 count[PAIR_COUNTS];
	slip_a64 delays[PAIR_DELAYS];
};

/* SLIP_REGION_MEMFD, or 0 (a file in /dev/shm) where a filter or an old kernel
 * refuses it. */
unsigned pair_back_end(void);
/* Once, after stress_start(). */
void pair_begin(void);
/* Do the sizes in stress_options suit this ring? */
bool pair_fits(const struct pair_ring *ring);
/* One run, added to the account: it returns if all was right. */
void pair_run(const struct pair_ring *ring, struct pair_account *account,
	      uint64_t seed);
/* What the last run was and came to. */
void pair_describe(char *text, size_t bytes);
/* How many deaths were told to a blocked other side, and the median of how
 * long it took; rounded down by up to a fifth. */
uint64_t pair_median_ns(const struct pair_account *account, uint64_t *number);

/* The rings there are. */
extern const struct pair_ring pair_spsc;
extern const struct pair_ring pair_record;
extern const struct pair_ring pair_mpmc;
extern const struct pair_ring *const pair_rings[];
extern const size_t pair_rings_number;

/* For the functions of a pair_ring. */
void pair_took(struct pair_self *self);
uint64_t pair_deadline(struct pair_self *self);
/* In the middle of something: now and then stay a while, to be killed here. */
void pair_dawdle(struct pair_self *self);

#endif
