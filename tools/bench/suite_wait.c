/* SPDX-License-Identifier: MIT */
/*
 * What blocking costs: here, what a producer pays for the chance that somebody
 * sleeps, while nobody does; in wait_wake.c, how soon a sleeper runs.
 *
 * Every entry pushes 8-byte elements into the same ring, in one process and
 * one thread, so that the lines stay where they are; they differ only in what
 * is done after each, so that a sleeper would be told. "Without" is
 * slip_spsc_push_ of ring/spsc_pvt.h, line by line, but for its last one,
 * slip_spsc_tell_. The clock runs while an empty ring is filled, and stands
 * while it is emptied; the answer is the median fill's, so that a processor
 * taken away for a while does not count.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ring/spsc.h"
#include "tools/bench/turns.h"
#include "tools/bench/wait_sets.h"
#include "tools/bench/wait_wake.h"

/* More of them are not looked at. */
#define FILLS_MAX 65536u

/* What a publisher may have to hand. */
struct publisher {
	struct slip_spsc_producer ring;
	sem_t sem;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	slip_a32 word;
	int fd;
};

SLIP_CORE bool push_without(struct publisher *p, const uint64_t *elem)
{
	struct slip_spsc_producer *r = &p->ring;

	if (!slip_spsc_ready_to_push_(r))
		return false;
	slip_copy(slip_spsc_slot_(&r->at, sizeof(*elem)), elem, sizeof(*elem));
	slip_spsc_publish_(&r->at, &r->shape, 1);
	return true;
}

SLIP_CORE bool push_slipring(struct publisher *p, const uint64_t *elem)
{
	return slip_spsc_push_(&p->ring, elem, sizeof(*elem));
}

SLIP_CORE bool push_signal(struct publisher *p, const uint64_t *elem)
{
	bool pushed = push_without(p, elem);

	(void)pthread_cond_signal(&p->cond);
	return pushed;
}

SLIP_CORE bool push_locked(struct publisher *p, const uint64_t *elem)
{
	bool pushed;

	(void)pthread_mutex_lock(&p->mutex);
	pushed = push_without(p, elem);
	(void)pthread_mutex_unlock(&p->mutex);
	(void)pthread_cond_signal(&p->cond);
	return pushed;
}

SLIP_CORE bool push_sem(struct publisher *p, const uint64_t *elem)
{
	bool pushed = push_without(p, elem);

	(void)sem_post(&p->sem);
	return pushed;
}

SLIP_CORE bool push_eventfd(struct publisher *p, const uint64_t *elem)
{
	bool pushed = push_without(p, elem);

	(void)eventfd_write(p->fd, 1);
	return pushed;
}

SLIP_CORE bool push_wake(struct publisher *p, const uint64_t *elem)
{
	bool pushed = push_without(p, elem);

	(void)slip_futex_wake(&p->word, 1, SLIP_SHARED);
	return pushed;
}

/* --- the loop -------------------------------------------------------------- */

/* All between processes, as the ring is. */
static int publisher_open(struct publisher *p)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	int rc;

	(void)pthread_mutexattr_init(&mutex);
	(void)pthread_condattr_init(&cond);
	rc = pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_mutex_init(&p->mutex, &mutex);
	if (!rc)
		rc = pthread_cond_init(&p->cond, &cond);
	if (!rc && sem_init(&p->sem, 1, 0))
		rc = errno;
	slip_a32_store_relaxed(&p->word, 0); /* init */
	p->fd = eventfd(0, EFD_CLOEXEC);
	return p->fd < 0 ? -errno : -rc;
}

static void publisher_close(struct publisher *p)
{
	(void)close(p->fd);
	(void)sem_destroy(&p->sem);
	(void)pthread_cond_destroy(&p->cond);
	(void)pthread_mutex_destroy(&p->mutex);
}

/* Takes everything out. 0, or -EBADMSG if it is not what went in. */
static int empty(struct slip_spsc_consumer *c, uint64_t *next)
{
	uint64_t elem;
	int rc = 0;

	while (slip_spsc_pop(c, &elem))
		if (elem != (*next)++)
			rc = -EBADMSG;
	return rc;
}

/* Fills the ring once; the clock is running. */
SLIP_CORE uint64_t fill(struct publisher *p,
			bool (*push)(struct publisher *, const uint64_t *),
			uint64_t first)
{
	uint64_t k = first;

	while (push(p, &k))
		k++;
	return k - first;
}

/* What a fill took, behind the ring. */
static uint32_t *samples_of(const struct bench_team *t)
{
	size_t ring = slip_spsc_bytes(t->point->capacity, t->point->elem_bytes);

	return (uint32_t *)(void *)((char *)t->mem + ring);
}

/* Side 0's ops are fills. After the warm-up, one at least. */
static void take(struct bench_team *t, uint64_t from, uint64_t to)
{
	uint64_t *n = &t->shared->side[0].ops;

	if (*n < FILLS_MAX)
		samples_of(t)[(*n)++] = (uint32_t)(to - from);
}

SLIP_CORE int publish(struct bench_team *t, struct publisher *p,
		      struct slip_spsc_consumer *c,
		      bool (*push)(struct publisher *, const uint64_t *))
{
	uint64_t began = bench_now_ns();
	uint64_t pushed = 0;
	uint64_t next = 0;
	int rc = 0;

	while (!rc && !(bench_over(t) && t->shared->side[0].ops)) {
		uint64_t from = bench_now_ns();
		uint64_t n = fill(p, push, pushed);
		uint64_t to = bench_now_ns();

		pushed += n;
		if (n != t->point->capacity || empty(c, &next))
			rc = -EBADMSG;
		(void)sem_destroy(&p->sem);
		(void)sem_init(&p->sem, 1, 0);
		if (from - began > turns_warm_ns(t))
			take(t, from, to);
	}
	return next == pushed ? rc : -EBADMSG;
}

SLIP_CORE void side_publish(struct bench_team *t, unsigned mode,
			    bool (*push)(struct publisher *, const uint64_t *))
{
	struct slip_spsc_consumer c;
	struct publisher p;
	int rc = slip_spsc_init(t->mem, t->bytes, t->point->capacity,
				t->point->elem_bytes, mode);

	if (!rc)
		rc = slip_spsc_attach_producer(&p.ring, t->mem, t->bytes, NULL);
	if (!rc)
		rc = slip_spsc_attach_consumer(&c, t->mem, t->bytes, NULL);
	if (!rc)
		rc = publisher_open(&p);
	bench_ready(t);
	if (!rc) {
		rc = publish(t, &p, &c, push);
		publisher_close(&p);
	}
	t->shared->side[0].rc = rc;
}

static int ask(const struct bench_point *p, struct bench_answer *a,
	       bench_side *side, double (*value)(const struct bench_team *))
{
	struct bench_team t = { .point = p,
				.sides = 1,
				.run = { side },
				.bytes = slip_spsc_bytes(p->capacity,
							 p->elem_bytes) };

	t.bytes += FILLS_MAX * sizeof(uint32_t);
	return turns_run(&t, a, value, NULL);
}

static double ns_per_push(const struct bench_team *t)
{
	return turns_median(samples_of(t), t->shared->side[0].ops) /
	       t->point->capacity;
}

/* side_NAME and ask_NAME from push_PUSH in a ring of that mode. */
#define PUBLISH(name, push, mode)                                    \
	static void side_##name(struct bench_team *t, unsigned self) \
	{                                                            \
		(void)self;                                          \
		side_publish(t, mode, push_##push);                  \
	}                                                            \
	static int ask_##name(const struct bench_point *p,           \
			      struct bench_answer *a)                \
	{                                                            \
		return ask(p, a, side_##name, ns_per_push);          \
	}

PUBLISH(asym, slipring, SLIP_EVENT_ASYM)
PUBLISH(full, slipring, SLIP_EVENT_FULL)
PUBLISH(without, without, SLIP_EVENT_FULL)
PUBLISH(signal, signal, SLIP_EVENT_FULL)
PUBLISH(locked, locked, SLIP_EVENT_FULL)
PUBLISH(sem, sem, SLIP_EVENT_FULL)
PUBLISH(eventfd, eventfd, SLIP_EVENT_FULL)
PUBLISH(wake, wake, SLIP_EVENT_FULL)

static double ns_and_one(const struct bench_team *t)
{
	double ns = ns_per_push(t);

	return ns > 0 ? ns + 1 : ns;
}

/* "Within 1 ns" as a ratio: measured as `without`, and the one added. */
static int ask_allowed(const struct bench_point *p, struct bench_answer *a)
{
	return ask(p, a, side_without, ns_and_one);
}

/* --- the suite ------------------------------------------------------------- */

#define WITHOUT "same ring, without blocking"
#define ALLOWED WITHOUT ", plus 1 ns"

static const struct bench_entry publishers[] = {
	{ .name = "slipring ASYM", .kind = BENCH_OURS, .ask = ask_asym },
	{ .name = "slipring FULL", .kind = BENCH_OURS, .ask = ask_full },
	{ .name = WITHOUT, .kind = BENCH_LIMIT, .ask = ask_without },
	{ .name = ALLOWED, .kind = BENCH_LIMIT, .ask = ask_allowed },
	{ .name = "pthread_cond_signal, no mutex",
	  .kind = BENCH_RIVAL,
	  .ask = ask_signal },
	{ .name = "pthread mutex + cond",
	  .kind = BENCH_RIVAL,
	  .ask = ask_locked },
	{ .name = "POSIX semaphore", .kind = BENCH_RIVAL, .ask = ask_sem },
	{ .name = "futex wake, always", .kind = BENCH_RIVAL, .ask = ask_wake },
	{ .name = "eventfd", .kind = BENCH_RIVAL, .ask = ask_eventfd },
};

void bench_suite_wait(struct bench *b)
{
	static const char name[] = "publish, nobody asleep";
	struct bench_case c = {
		.suite = "wait",
		.name = name,
		.unit = "ns",
		.less_is_better = true,
		.quick = true,
		.point = { .elem_bytes = 8, .capacity = 1024, .batch = 1 },
		.entries = publishers,
		.count = sizeof(publishers) / sizeof(publishers[0])
	};
	struct bench_target t = { .suite = "wait",
				  .name = name,
				  .ours = "slipring ASYM",
				  .against = ALLOWED,
				  .at_least = 1,
				  .line = "publish with blocking enabled and "
					  "nobody asleep: within 1 ns of the "
					  "ring without" };

	bench_add(b, &c);
	bench_target(b, &t);
	bench_wait_wake(b);
	bench_wait_sets(b);
}
