/* SPDX-License-Identifier: MIT */
/*
 * One writer to 1, 2 and 4 reading processes: what a write costs. The readers read
 * all the time, from processors that the writer has not; who is too slow loses,
 * and knows how many. Beside it a datagram on a UNIX socket to each reader, which
 * is dropped if there is no room.
 *
 * An element carries its number; a reader that does not find the one that its
 * losses lead to fails.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "ring/broadcast.h"
#include "tools/bench/turns.h"

#define READERS_MAX 4u
#define ELEM_MAX    64u
#define SLOTS	    4096u

struct stand {
	SLIP_ALIGNED(128) unsigned char ring[1024 + SLOTS * ELEM_MAX];
	int sockets[READERS_MAX][2];
};

/* What one side has. */
static struct {
	struct stand *stand;
	const struct bench_team *team;
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	uint32_t bytes;
	unsigned readers;
	int fd;
	uint64_t number; /* written, or read and lost */
	int rc;		 /* the first error */
	SLIP_ALIGNED(64) unsigned char value[ELEM_MAX];
} own;

/* --- ours -------------------------------------------------------------------- */

static int setup_ours(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	return slip_broadcast_init(s->ring, sizeof(s->ring), SLOTS,
				   t->point->elem_bytes, 1, 0, SLIP_EVENT_AUTO);
}

static int come_ours(unsigned self)
{
	struct stand *s = own.stand;

	if (!self)
		return slip_broadcast_attach_writer(&own.w, s->ring,
						    sizeof(s->ring), NULL);
	return slip_broadcast_attach_reader(&own.r, s->ring, sizeof(s->ring),
					    NULL, SLIP_BROADCAST_OLDEST);
}

SLIP_CORE bool write_ours(void)
{
	own.number++;
	memcpy(own.value, &own.number, 8);
	if (SLIP_UNLIKELY(slip_broadcast_write(&own.w, own.value, own.bytes)))
		own.rc = -EIO;
	return true;
}

/* The number in the bytes is that of the accounts, from 1 on. */
SLIP_CORE bool read_ours(void)
{
	uint64_t first = own.r.at[0].told;
	uint64_t number;
	uint32_t len;
	int rc = slip_broadcast_read(&own.r, own.value, own.bytes, &len);

	if (SLIP_UNLIKELY(rc)) {
		if (rc != -EAGAIN && rc != -ENODATA)
			own.rc = rc;
		return false;
	}
	memcpy(&number, own.value, 8);
	if (SLIP_UNLIKELY(number != first + slip_broadcast_lost(&own.r) + 1))
		own.rc = -EBADMSG;
	return true;
}

/* --- a datagram to each ------------------------------------------------------ */

static int setup_datagrams(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	const struct timeval soon = { 0, 2000 };

	for (unsigned i = 0; i < READERS_MAX; i++)
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s->sockets[i]) ||
		    setsockopt(s->sockets[i][1], SOL_SOCKET, SO_RCVTIMEO, &soon,
			       sizeof(soon)))
			return -errno;
	return 0;
}

static void close_datagrams(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	for (unsigned i = 0; s && i < READERS_MAX; i++)
		for (unsigned k = 0; k < 2; k++)
			if (s->sockets[i][k] > 0)
				(void)close(s->sockets[i][k]);
}

static int come_datagrams(unsigned self)
{
	if (self)
		own.fd = own.stand->sockets[self - 1][1];
	return 0;
}

SLIP_CORE bool write_datagrams(void)
{
	own.number++;
	memcpy(own.value, &own.number, 8);
	for (unsigned i = 0; i < own.readers; i++)
		if (send(own.stand->sockets[i][0], own.value, own.bytes,
			 MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN && errno != ENOBUFS)
			own.rc = -errno;
	return true;
}

SLIP_CORE bool read_datagrams(void)
{
	uint64_t number;

	if (recv(own.fd, own.value, own.bytes, 0) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			own.rc = -errno;
		return false;
	}
	memcpy(&number, own.value, 8);
	if (number <= own.number)
		own.rc = -EBADMSG;
	own.number = number;
	return true;
}

/* --- sides ------------------------------------------------------------------- */

/* The writer has the first processor, the readers share all others. */
static void spread(unsigned self)
{
	unsigned count = 1;
	cpu_set_t one;

	while (count < CPU_SETSIZE && bench_cpu(count) != bench_cpu(0))
		count++;
	if (!self || count == 1)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)bench_cpu(1 + (self - 1) % (count - 1)), &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static void begin(struct bench_team *t, unsigned self)
{
	spread(self);
	own.stand = (struct stand *)t->mem;
	own.team = t;
	own.bytes = t->point->elem_bytes;
	own.readers = t->sides - 1;
	own.number = 0;
}

/* Of the processor: more readers than processors are scheduled otherwise than one
 * is, which is not the writer's cost. */
static uint64_t busy_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Counts what succeeds, over and over; `turns` between two looks at the time. */
SLIP_CORE void measure(struct bench_team *t, unsigned self, bool (*one)(void),
		       unsigned turns)
{
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		(void)one();
	from = busy_ns();
	do
		for (unsigned i = 0; i < turns; i++)
			ops += one();
	while (!bench_over(t));
	t->shared->side[self].ns = busy_ns() - from;
	t->shared->side[self].ops = ops;
	t->shared->side[self].rc = own.rc;
}

#define SIDES(name)                                                        \
	static void side_write_##name(struct bench_team *t, unsigned self) \
	{                                                                  \
		begin(t, self);                                            \
		own.rc = come_##name(self);                                \
		measure(t, self, write_##name, TURNS);                     \
	}                                                                  \
	static void side_read_##name(struct bench_team *t, unsigned self)  \
	{                                                                  \
		begin(t, self);                                            \
		own.rc = come_##name(self);                                \
		measure(t, self, read_##name, turns_of_##name);            \
	}

/* One that sleeps may be long about it. */
enum { turns_of_ours = TURNS, turns_of_datagrams = 1 };

SIDES(ours)
SIDES(datagrams)

/* The writer's ns; every reader must have read something, and rightly. */
static double ns_of(const struct bench_team *t)
{
	for (unsigned i = 0; i < t->sides; i++)
		if (t->shared->side[i].rc)
			return -1;
	for (unsigned i = 1; i < t->sides; i++)
		if (!t->shared->side[i].ops)
			return 0;
	return turns_ns_per_op(t);
}

static int run(const struct bench_point *p, struct bench_answer *a,
	       struct bench_team t, unsigned readers)
{
	for (unsigned i = 1; i <= readers; i++)
		t.run[i] = t.run[1];
	t.point = p;
	t.bytes = sizeof(struct stand);
	t.sides = 1 + readers;
	return turns_run(&t, a, ns_of, NULL);
}

#define ASK(way, readers, after)                                      \
	static int ask_##way##_##readers(const struct bench_point *p, \
					 struct bench_answer *a)      \
	{                                                             \
		struct bench_team t = { .run = { side_write_##way,    \
						 side_read_##way },   \
					.setup = setup_##way,         \
					.cleanup = after };           \
                                                                      \
		return run(p, a, t, readers);                         \
	}

ASK(ours, 0, NULL)
ASK(ours, 1, NULL)
ASK(ours, 2, NULL)
ASK(ours, 4, NULL)
ASK(datagrams, 1, close_datagrams)
ASK(datagrams, 2, close_datagrams)
ASK(datagrams, 4, close_datagrams)

/* --- the cases --------------------------------------------------------------- */

#define ENTRY(text, of, f)                          \
	{                                           \
		.name = text, .kind = of, .ask = f, \
	}
#define ONE   "slip_broadcast, 1 reader"
#define TWO   "slip_broadcast, 2 readers"
#define FOUR  "slip_broadcast, 4 readers"
#define COUNT (sizeof(entries) / sizeof(entries[0]))

static const struct bench_entry entries[] = {
	ENTRY(ONE, BENCH_OURS, ask_ours_1),
	ENTRY(TWO, BENCH_OURS, ask_ours_2),
	ENTRY(FOUR, BENCH_OURS, ask_ours_4),
	ENTRY("slip_broadcast, no reader", BENCH_OURS, ask_ours_0),
	ENTRY("UNIX datagrams, 1 reader", BENCH_RIVAL, ask_datagrams_1),
	ENTRY("UNIX datagrams, 2 readers", BENCH_RIVAL, ask_datagrams_2),
	ENTRY("UNIX datagrams, 4 readers", BENCH_RIVAL, ask_datagrams_4),
};

static void target(struct bench *b, const char *name, const char *ours,
		   double growth, const char *line)
{
	const struct bench_target t = {
		.suite = "broadcast",
		.name = name,
		.ours = ours,
		.against = ONE,
		.at_least = 1 / growth,
		.line = line,
	};

	bench_target(b, &t);
}

static void add_size(struct bench *b, uint32_t bytes)
{
	const struct bench_case c = {
		.suite = "broadcast",
		.name = bench_text(b, "write of %u bytes", bytes),
		.unit = "ns",
		.less_is_better = true,
		.quick = bytes == 64,
		.point = { .elem_bytes = bytes },
		.entries = entries,
		.count = COUNT,
	};

	bench_add(b, &c);
	target(b, c.name, TWO, 1.1,
	       "broadcast: the second reader costs the writer at most 10 %");
	target(b, c.name, FOUR, 1.3,
	       "broadcast: each of four readers costs it at most 10 % more");
}

void bench_suite_broadcast(struct bench *b)
{
	add_size(b, 8);
	add_size(b, ELEM_MAX);
}
