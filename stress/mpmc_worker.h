/* SPDX-License-Identifier: MIT */
/*
 * One that pushes, pops, takes, acks and nacks on an MPMC ring, by every verb,
 * and writes it down (mpmc_account.h); and the rings on which it does so. For
 * mpmc_stress.c and mpmc_threads.c.
 */
#ifndef SLIP_STRESS_MPMC_WORKER_H
#define SLIP_STRESS_MPMC_WORKER_H

#include "ring/mpmc.h"
#include "stress/mpmc_account.h"

#define MPMC_BATCH 16u
#define MPMC_BOTH  (SLIP_PRODUCER | SLIP_CONSUMER)
#define MPMC_ALONE SLIP_EXCLUSIVE

struct mpmc_config {
	uint32_t capacity, elem_bytes;
	unsigned mode; /* of the events */
	bool work;
	bool blocking;
	bool hasty;   /* nobody waits for a slow hand to come back */
	uint64_t age; /* the lap at which positions start */
	struct slip_mpmc_shape shape;
};

struct mpmc_worker {
	const struct mpmc_config *config;
	struct mpmc_account *account;
	uint32_t place;
	unsigned roles;
	bool restless; /* never waits for ever */
	bool joined;   /* the program's own */
	struct slip_mpmc q;
	uint64_t random;
	uint32_t batch;
	uint32_t hold; /* at most so many tickets */
	uint32_t held;
	struct {
		struct slip_mpmc_ticket t;
		uint32_t at; /* in the diary */
	} ticket[MPMC_HELD];
	unsigned char *buffer; /* MPMC_BATCH elements */
};

/* A shape, false: what the options leave to be chosen fits no ring; and its ring
 * in memory. */
bool mpmc_choose(struct mpmc_config *config, uint64_t *random);
void mpmc_format(const struct mpmc_config *config, void *mem);
int mpmc_describe(const struct mpmc_config *config, char *text, size_t bytes);
/* For the watchdog: what stands in the ring. */
void mpmc_dump(void *mem, size_t bytes);

/* After attach, and before anything else. */
void mpmc_worker_begin(struct mpmc_worker *w);
/* Push one or several, or try to; with a wait, or without. How many; -errno. */
int mpmc_produce(struct mpmc_worker *w, bool wait);
/* Pop, take, ack or nack something. 0: there was nothing; -errno. With `drain`
 * all that is held is acked first. */
int mpmc_consume(struct mpmc_worker *w, bool wait, bool drain);

#endif
