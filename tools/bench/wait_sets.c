/* SPDX-License-Identifier: MIT */
/*
 * One process serves 2, 16 or 128 others' requests (here all sent by one), and
 * sleeps until the first of them has come: by a waitset over as many rings, or
 * by epoll over as many pipes, or eventfds beside the same rings.
 *
 * "Hand-over": one request at a time, on one of them after the other; from before
 * it is sent until the server's answer, a store, is seen. Both sides are awake
 * when it is worth it to the waitset, which spins a while before it sleeps.
 * "Asleep": the same after a nap longer than any spin. "Stream": sent as fast as
 * the rings, or pipes, take them; nanoseconds for each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ring/sources.h"
#include "tools/bench/turns.h"
#include "tools/bench/wait_sets.h"

#define MOST	 128u
#define CAPACITY 64u
#define NAP_NS	 200000
#define RING_AT	 4096u

/* point.work */
enum { HAND_OVER, ASLEEP, STREAM };
enum { WAITSET, EVENTFDS, PIPES };

/* In the memory of both. */
struct meeting {
	SLIP_ALIGNED(128) slip_a64 served;
	SLIP_ALIGNED(128) slip_a32 over;
};

static int ends[MOST][2]; /* of pipes; or an eventfd, twice */

/* One of the processes' own. */
static struct {
	struct slip_spsc_producer p[MOST];
	struct slip_spsc_consumer c[MOST];
	struct slip_source s[MOST];
	struct slip_waitset set;
	int epoll;
} own;

static struct meeting *meeting_of(const struct bench_team *t)
{
	return (struct meeting *)t->mem;
}

static unsigned how(const struct bench_team *t)
{
	return *(const unsigned *)((const struct turns_job *)t->own)->how;
}

static size_t ring_bytes(void)
{
	return (slip_spsc_bytes(CAPACITY, 8) + 127) / 128 * 128;
}

static void *ring_of(const struct bench_team *t, uint32_t i)
{
	return (char *)t->mem + RING_AT + i * ring_bytes();
}

/* --- making ---------------------------------------------------------------- */

static int setup(struct bench_team *t)
{
	unsigned way = how(t);
	int rc = 0;

	for (uint32_t i = 0; i < t->point->capacity && !rc; i++) {
		rc = slip_spsc_init(ring_of(t, i), ring_bytes(), CAPACITY, 8,
				    0);
		ends[i][0] = ends[i][1] = -1;
		if (way == EVENTFDS)
			ends[i][0] = ends[i][1] =
				eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (way == PIPES && pipe2(ends[i], O_CLOEXEC))
			rc = -errno;
		if (!rc && way != WAITSET && ends[i][0] < 0)
			rc = -errno;
	}
	return rc;
}

static void cleanup(struct bench_team *t)
{
	for (uint32_t i = 0; i < t->point->capacity; i++) {
		if (ends[i][0] >= 0)
			(void)close(ends[i][0]);
		if (ends[i][1] >= 0 && ends[i][1] != ends[i][0])
			(void)close(ends[i][1]);
	}
}

/* --- who asks -------------------------------------------------------------- */

static void send(const struct bench_team *t, uint64_t k)
{
	uint32_t i = (uint32_t)(k * 7 % t->point->capacity);
	const uint64_t one = 1;

	if (how(t) == PIPES) {
		(void)!write(ends[i][1], &k, sizeof(k));
		return;
	}
	while (!slip_spsc_push(&own.p[i], &k))
		slip_pause();
	if (how(t) == EVENTFDS)
		(void)!write(ends[i][1], &one, sizeof(one));
}

static void await(const struct bench_team *t, uint64_t served)
{
	while (slip_a64_load_acquire(&meeting_of(t)->served) < served)
		slip_pause();
}

static void nap(void)
{
	const struct timespec t = { 0, NAP_NS };

	(void)nanosleep(&t, NULL);
}

static void side_ask(struct bench_team *t, unsigned self)
{
	uint64_t began, took = 0, ops = 0, k = 0;
	int rc = 0;

	for (uint32_t i = 0; i < t->point->capacity && !rc; i++)
		rc = slip_spsc_attach_producer(&own.p[i], ring_of(t, i),
					       ring_bytes(), NULL);
	bench_ready(t);
	began = bench_now_ns();
	while (!rc && !bench_over(t)) {
		uint64_t from, first = k;

		if (t->point->work == ASLEEP)
			nap();
		from = bench_now_ns();
		do
			send(t, k++);
		while (t->point->work == STREAM && k % 1024);
		await(t, k);
		if (from - began < turns_warm_ns(t))
			continue;
		took += bench_now_ns() - from;
		ops += k - first;
	}
	t->shared->side[self].ns = took;
	t->shared->side[self].ops = ops;
	t->shared->side[self].rc = rc;
	slip_a32_store_release(&meeting_of(t)->over, 1);
	send(t, k); /* so that the server looks */
}

/* --- who serves ------------------------------------------------------------ */

static uint64_t serve_ring(uint32_t i)
{
	uint64_t n = 0, x;

	while (slip_spsc_pop(&own.c[i], &x))
		n++;
	return n;
}

static int wait_by_set(const struct bench_team *t, uint64_t *served)
{
	int rc = slip_waitset_wait(&own.set, SLIP_FOREVER);

	for (uint32_t i = 0; rc > 0 && i < t->point->capacity; i++)
		if (own.s[i].now)
			*served += serve_ring(i);
	return rc < 0 ? rc : 0;
}

static int wait_by_epoll(const struct bench_team *t, uint64_t *served)
{
	struct epoll_event events[16];
	uint64_t got[CAPACITY];
	int n = epoll_wait(own.epoll, events, 16, -1);

	for (int k = 0; k < n; k++) {
		uint32_t i = events[k].data.u32;
		ssize_t bytes = read(ends[i][0], got,
				     how(t) == PIPES ? sizeof(got) : 8);

		if (how(t) == EVENTFDS)
			*served += serve_ring(i);
		else if (bytes > 0)
			*served += (uint64_t)bytes / 8;
	}
	return n < 0 ? -errno : 0;
}

static int open_server(struct bench_team *t)
{
	struct epoll_event e = { .events = EPOLLIN };
	int rc = 0;

	own.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < t->point->capacity && !rc; i++) {
		rc = slip_spsc_attach_consumer(&own.c[i], ring_of(t, i),
					       ring_bytes(), NULL);
		slip_spsc_pop_source(&own.s[i], &own.c[i]);
		e.data.u32 = i;
		if (!rc && how(t) != WAITSET &&
		    epoll_ctl(own.epoll, EPOLL_CTL_ADD, ends[i][0], &e))
			rc = -errno;
	}
	return rc ? rc : slip_waitset_init(&own.set, own.s, t->point->capacity);
}

static void side_serve(struct bench_team *t, unsigned self)
{
	struct meeting *m = meeting_of(t);
	uint64_t served = 0;
	int rc = open_server(t);

	bench_ready(t);
	while (!rc && !slip_a32_load_acquire(&m->over)) {
		rc = how(t) == WAITSET ? wait_by_set(t, &served)
				       : wait_by_epoll(t, &served);
		slip_a64_store_release(&m->served, served);
	}
	t->shared->side[self].ops = served;
	t->shared->side[self].rc = rc;
	(void)close(own.epoll);
}

/* --- the cases ------------------------------------------------------------- */

static double value(const struct bench_team *t)
{
	return t->point->work == STREAM ? turns_ns_per_op(t)
					: turns_ns_per_op(t) / 1e3;
}

#define ASK(name, way)                                     \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		static const unsigned which = way;         \
		struct bench_team t = {                    \
			.point = p,                        \
			.sides = 2,                        \
			.run = { side_ask, side_serve },   \
			.setup = setup,                    \
			.cleanup = cleanup,                \
		};                                         \
                                                           \
		t.bytes = RING_AT + MOST * ring_bytes();   \
		return turns_run(&t, a, value, &which);    \
	}

ASK(set, WAITSET)
ASK(eventfds, EVENTFDS)
ASK(pipes, PIPES)

static const struct bench_entry entries[] = {
	{ .name = "slipring waitset", .kind = BENCH_OURS, .ask = ask_set },
	{ .name = "epoll, eventfds beside rings",
	  .kind = BENCH_RIVAL,
	  .ask = ask_eventfds },
	{ .name = "epoll, pipes", .kind = BENCH_RIVAL, .ask = ask_pipes },
};

static void add(struct bench *b, uint32_t work, uint32_t n)
{
	static const char *const what[] = { "hand-over",
					    "hand-over to one asleep",
					    "stream" };
	struct bench_case c = {
		.suite = "wait",
		.name = bench_text(b, "first of %u, %s", n, what[work]),
		.unit = work == STREAM ? "ns" : "us",
		.less_is_better = true,
		.quick = n == 16 && work != ASLEEP,
		.point = { .elem_bytes = 8,
			   .capacity = n,
			   .batch = 1,
			   .actors = 2,
			   .work = work },
		.entries = entries,
		.count = sizeof(entries) / sizeof(entries[0]),
	};

	bench_add(b, &c);
}

void bench_wait_sets(struct bench *b)
{
	for (uint32_t work = HAND_OVER; work <= STREAM; work++)
		for (uint32_t n = 2; n <= MOST; n *= 8)
			add(b, work, n);
}
