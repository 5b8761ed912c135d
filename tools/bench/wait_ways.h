/* SPDX-License-Identifier: MIT */
/* How somebody is woken: ours, rivals, and the limit, behind one face. */
#ifndef SLIP_TOOLS_BENCH_WAIT_WAYS_H
#define SLIP_TOOLS_BENCH_WAIT_WAYS_H

#include <pthread.h>
#include <semaphore.h>

#include "futex/peer.h"
#include "futex/region.h"
#include "ring/spsc.h"
#include "tools/bench/turns.h"

/* Of the ring, and where it stands in the memory of both. */
#define WAYS_CAPACITY 1024u
#define WAYS_RING_AT  4096u

SLIP_SPSC_DEFINE(ticks, uint64_t);

/* In the memory of both. */
struct alarm {
	slip_a64 first_ns; /* the moment of wake 0 */
	slip_a64 last;	   /* the number of the last wake; 0: not known yet */
	SLIP_ALIGNED(128) slip_a32 word;
	SLIP_ALIGNED(128) sem_t sem;
	SLIP_ALIGNED(128) pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint64_t told; /* under the mutex */
	int fd[2];     /* read the first, write the second */
	struct slip_region creator;
};
SLIP_STATIC_ASSERT(sizeof(struct alarm) <= WAYS_RING_AT, "it ends in time");

/* A side's own. */
struct hands {
	struct alarm *alarm;
	struct slip_spsc_producer producer;
	struct slip_spsc_consumer consumer;
	struct slip_region rg;
	struct slip_peer peer;
};

/* tell() is for wake number k; await() returns when it has been told. 0 or
 * -errno. Side 0 tells, side 1 awaits. */
struct way {
	int (*setup)(struct bench_team *t);
	void (*cleanup)(struct bench_team *t);
	int (*enter)(struct bench_team *t, struct hands *h, unsigned self);
	void (*leave)(struct hands *h, unsigned self);
	int (*tell)(struct hands *h, uint64_t k);
	int (*await)(struct hands *h, uint64_t k);
	unsigned mode; /* of the ring */
};

extern const struct way way_futex, way_asym, way_full, way_region, way_eventfd,
	way_pipe, way_sem, way_cond;

static inline struct alarm *alarm_of(const struct bench_team *t)
{
	return (struct alarm *)t->mem;
}

static inline void *ring_of(const struct bench_team *t)
{
	return (char *)t->mem + WAYS_RING_AT;
}

static inline const struct way *way_of(const struct bench_team *t)
{
	const struct turns_job *job = (const struct turns_job *)t->own;

	return (const struct way *)job->how;
}

#endif
