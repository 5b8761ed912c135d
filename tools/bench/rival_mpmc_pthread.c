/* SPDX-License-Identifier: MIT */
/*
 * What everybody writes first: a mutex, two condition variables and a ring, all
 * process-shared. Signals only if somebody waits, and after the unlock. A wait
 * ends after a millisecond, so that the end of a run is noticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "tools/bench/mpmc_loops.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t data, room;
	uint32_t want_data, want_room; /* how many wait */
	uint32_t capacity;
	uint32_t head, tail; /* free-running */
	uint64_t slots[];
};

static size_t cond_bytes(const struct mpmc_shape *shape)
{
	return sizeof(struct queue) + shape->capacity * sizeof(uint64_t);
}

static int make_cond(pthread_cond_t *cond)
{
	pthread_condattr_t a;
	int r = pthread_condattr_init(&a);

	if (r)
		return -r;
	r = pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (!r)
		r = pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(cond, &a);
	(void)pthread_condattr_destroy(&a);
	return -r;
}

static int cond_make(void *mem, const struct mpmc_shape *shape)
{
	struct queue *q = mem;
	pthread_mutexattr_t a;
	int r = pthread_mutexattr_init(&a);

	if (r)
		return -r;
	q->capacity = shape->capacity;
	r = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (!r)
		r = pthread_mutex_init(&q->lock, &a);
	(void)pthread_mutexattr_destroy(&a);
	if (r)
		return -r;
	r = make_cond(&q->data);
	return r ? r : make_cond(&q->room);
}

/* False: a millisecond has passed. */
static bool cond_wait(struct queue *q, pthread_cond_t *cond, uint32_t *waiting)
{
	struct timespec until;
	int r;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	++*waiting;
	r = pthread_cond_timedwait(cond, &q->lock, &until);
	--*waiting;
	return r == 0;
}

SLIP_CORE uint32_t cond_push(struct mpmc_seat *s, const uint64_t *values,
			     uint32_t n)
{
	struct queue *q = s->queue;
	uint32_t went = 0;
	bool tell;

	(void)pthread_mutex_lock(&q->lock);
	while (q->tail - q->head == q->capacity)
		if (!cond_wait(q, &q->room, &q->want_room))
			break;
	while (went < n && q->tail - q->head < q->capacity)
		q->slots[q->tail++ & (q->capacity - 1)] = values[went++];
	tell = went && q->want_data;
	(void)pthread_mutex_unlock(&q->lock);
	if (tell)
		(void)pthread_cond_signal(&q->data);
	return went;
}

SLIP_CORE uint32_t cond_pop(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	struct queue *q = s->queue;
	uint32_t came = 0;
	bool tell;

	(void)pthread_mutex_lock(&q->lock);
	while (q->tail == q->head)
		if (!cond_wait(q, &q->data, &q->want_data))
			break;
	while (came < n && q->tail != q->head)
		values[came++] = q->slots[q->head++ & (q->capacity - 1)];
	tell = came && q->want_room;
	(void)pthread_mutex_unlock(&q->lock);
	if (tell)
		(void)pthread_cond_signal(&q->room);
	return came;
}

MPMC_LOOPS(cond_1, cond_push, cond_pop, 8, 1);
MPMC_LOOPS(cond_n, cond_push, cond_pop, 8, MPMC_BATCH);

const struct mpmc_queue mpmc_pthread = {
	.bytes = cond_bytes,
	.make = cond_make,
	.single = MPMC_LOOPS_OF(cond_1),
	.batch = MPMC_LOOPS_OF(cond_n),
};
