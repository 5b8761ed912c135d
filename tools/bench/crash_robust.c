/* SPDX-License-Identifier: MIT */
/*
 * The link of POSIX: a queue under a robust process-shared mutex, whose next
 * locker is told by EOWNERDEAD, if its owner died holding it; of any other
 * death nobody is told. No condition variables, which are not robust: who finds
 * the queue full or empty yields.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/bench/crash_loops.h"

/* Elements that are taken at once. */
#define TAKEN 32u

struct queue {
	pthread_mutex_t lock;
	/* Free-running; each is moved last, so a death between leaves the
	 * queue as it was. */
	uint64_t head, tail;
	uint64_t slots[CRASH_CAPACITY];
};

static int robust_open(struct crash_run *r)
{
	struct queue *q = mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	int rc;

	if (q == MAP_FAILED)
		return -errno;
	r->mem = q;
	rc = pthread_mutexattr_init(&a);
	if (!rc)
		rc = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (!rc)
		rc = pthread_mutex_init(&q->lock, &a);
	(void)pthread_mutexattr_destroy(&a);
	return -rc;
}

static void robust_close(struct crash_run *r)
{
	if (r->mem)
		(void)munmap(r->mem, sizeof(struct queue));
}

/* 0, -EPIPE: and the last holder died, -errno. */
SLIP_CORE int robust_lock(struct queue *q)
{
	int rc = pthread_mutex_lock(&q->lock);

	if (rc != EOWNERDEAD)
		return -rc;
	rc = pthread_mutex_consistent(&q->lock);
	return rc ? -rc : -EPIPE;
}

struct end {
	struct queue *queue;
	struct crash_board *board;
};

SLIP_CORE int robust_push(void *own, uint64_t value)
{
	struct queue *q = ((struct end *)own)->queue;
	int rc = robust_lock(q);
	bool full = q->tail - q->head == CRASH_CAPACITY;

	if (rc && rc != -EPIPE)
		return rc;
	if (!rc && !full) {
		q->slots[q->tail % CRASH_CAPACITY] = value;
		q->tail++;
	}
	(void)pthread_mutex_unlock(&q->lock);
	if (rc || !full)
		return rc;
	(void)sched_yield();
	return -ETIMEDOUT;
}

static int robust_again(void *own)
{
	(void)own;
	return 0;
}

/* In the lock, as its producer would not learn of it otherwise. */
SLIP_COLD void robust_die(struct crash_board *b)
{
	slip_a64_store_release(&b->died_ns, slip_now_ns());
	(void)kill(getpid(), SIGKILL);
}

SLIP_CORE int robust_pop(void *own, uint64_t *values)
{
	const struct end *e = own;
	struct queue *q = e->queue;
	int rc = robust_lock(q);
	uint32_t n = 0;

	if (rc && rc != -EPIPE)
		return rc;
	/* hint: the next turn will do */
	if (SLIP_UNLIKELY(slip_a32_load_relaxed(&e->board->die)))
		robust_die(e->board);
	for (uint64_t at = q->head; n < TAKEN && at != q->tail; at++)
		values[n++] = q->slots[at % CRASH_CAPACITY];
	q->head += n;
	(void)pthread_mutex_unlock(&q->lock);
	if (n)
		return (int)n;
	(void)sched_yield();
	return -ETIMEDOUT;
}

static int robust_produce(struct crash_run *r)
{
	struct end e = { r->mem, r->board };

	crash_ready(r->board);
	return crash_produce(r->board, &e, robust_push, robust_again);
}

static int robust_consume(struct crash_run *r, bool successor)
{
	struct end e = { r->mem, r->board };

	crash_ready(r->board);
	if (successor)
		crash_await(&r->board->go);
	slip_a32_store_relaxed(&r->board->die, 0); /* init: not us as well */
	return crash_consume(r->board, &e, robust_pop, successor, TAKEN);
}

const struct crash_link crash_robust = {
	.open = robust_open,
	.close = robust_close,
	.produce = robust_produce,
	.consume = robust_consume,
	.dies_inside = true,
};
