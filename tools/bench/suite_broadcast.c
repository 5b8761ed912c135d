/* SPDX-License-Identifier: MIT */
/*
 * One writer to 1, 2 and 4 reading processes, which have processors that the
 * writer has not. Each message carries its number; a reader that does not find the
 * one that its losses lead to fails, and so does a run in which what a reader has
 * read and lost is not what was sent, up to the last.
 *
 * Lossy: what a write costs the writer's processor. The readers read all the time;
 * who is too slow loses, and knows how many. Beside it a datagram on a UNIX socket
 * to each reader, which is dropped if there is no room.
 *
 * Lossless: by blocking calls, the time from one write to the next, for the slowest
 * reader sets the pace. Beside it a UNIX seqpacket socket, and a pipe that is read
 * by 32 messages, to each reader: what is sent is written once for each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ring/broadcast.h"
#include "tools/bench/batch.h"
#include "tools/bench/turns.h"

#define READERS_MAX 4u
#define ELEM_MAX    64u
#define SLOTS	    4096u
#define BYTES_MAX   1024u /* of a record */

/* The last message has it in its number. */
#define LAST (UINT64_C(1) << 63)

/* A point's `way`. */
enum { RECORDS = 1, LOSSLESS = 2 };

struct stand {
	SLIP_ALIGNED(128) unsigned char ring[2048 + SLOTS * ELEM_MAX];
	int fd[READERS_MAX][2]; /* to read from, to write to */
	uint64_t sent;
	uint64_t got[READERS_MAX];
};

/* What one side has. */
static struct {
	struct stand *stand;
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	struct batch batch;
	uint32_t bytes;
	unsigned readers;
	int fd;
	uint64_t number;	    /* written, or read and lost */
	uint64_t lost[READERS_MAX]; /* that this side knows of, by reader */
	bool last;		    /* was read, or none will come */
	int rc;			    /* an error */
	SLIP_ALIGNED(64) unsigned char value[BYTES_MAX];
} own;

SLIP_CORE void stamp(bool last)
{
	uint64_t word = ++own.number | (last ? LAST : 0);

	memcpy(own.value, &word, 8);
	memcpy(own.value + own.bytes - 8, &word, 8);
}

/* The number of what was read. */
SLIP_CORE uint64_t stamped(void)
{
	uint64_t word;
	uint64_t end;

	memcpy(&word, own.value, 8);
	memcpy(&end, own.value + own.bytes - 8, 8);
	if (SLIP_UNLIKELY(word != end))
		own.rc = -EBADMSG;
	own.last = (word & LAST) != 0;
	return word & ~LAST;
}

/* A message has come behind `lost` others. */
SLIP_CORE bool took(uint64_t lost)
{
	own.number += lost + 1;
	if (SLIP_UNLIKELY(stamped() != own.number))
		own.rc = -EBADMSG;
	return true;
}

/* This reader will find no more. */
static bool failed(int rc)
{
	own.rc = rc;
	own.last = true;
	return false;
}

/* --- ours -------------------------------------------------------------------- */

static int setup_ours(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	bool records = t->point->way & RECORDS;

	return slip_broadcast_init(
		s->ring, sizeof(s->ring), records ? SLOTS * ELEM_MAX : SLOTS,
		records ? 0 : t->point->elem_bytes, 1,
		t->point->way & LOSSLESS ? t->sides - 1 : 0, SLIP_EVENT_AUTO);
}

static int come_ours(unsigned self)
{
	struct stand *s = own.stand;

	if (!self)
		return slip_broadcast_attach_writer(&own.w, s->ring,
						    sizeof(s->ring), NULL);
	return slip_broadcast_attach_reader(&own.r, s->ring, sizeof(s->ring),
					    NULL, SLIP_BROADCAST_NEWEST);
}

SLIP_CORE void write_ours(bool last)
{
	(void)last;
	if (SLIP_UNLIKELY(slip_broadcast_write(&own.w, own.value, own.bytes)))
		own.rc = -EIO;
}

SLIP_CORE bool took_ours(unsigned self, uint32_t len)
{
	uint64_t lost = slip_broadcast_lost(&own.r);

	if (SLIP_UNLIKELY(len != own.bytes))
		return failed(-EBADMSG);
	own.lost[self - 1] += lost;
	return took(lost);
}

SLIP_CORE bool read_ours(unsigned self)
{
	uint32_t len = 0;
	int rc = slip_broadcast_read(&own.r, own.value, own.bytes, &len);

	if (SLIP_UNLIKELY(rc))
		return rc != -EAGAIN && rc != -ENODATA && failed(rc);
	return took_ours(self, len);
}

/* --- ours, lossless ---------------------------------------------------------- */

#define setup_kept setup_ours
#define come_kept  come_ours

SLIP_CORE void write_kept(bool last)
{
	(void)last;
	if (SLIP_UNLIKELY(slip_broadcast_write_until(&own.w, own.value,
						     own.bytes, SLIP_FOREVER)))
		own.rc = -EIO;
}

SLIP_CORE bool read_kept(unsigned self)
{
	uint32_t len = 0;
	int rc = slip_broadcast_read_until(&own.r, own.value, own.bytes, &len,
					   SLIP_FOREVER);

	return SLIP_UNLIKELY(rc) ? failed(rc) : took_ours(self, len);
}

/* --- a socket or a pipe to each ---------------------------------------------- */

static int setup_sockets(struct bench_team *t, int type)
{
	struct stand *s = (struct stand *)t->mem;
	int most = 1 << 20;

	for (unsigned i = 0; i < t->sides - 1; i++) {
		if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s->fd[i]))
			return -errno;
		(void)setsockopt(s->fd[i][1], SOL_SOCKET, SO_SNDBUF, &most,
				 sizeof(most));
	}
	return 0;
}

static int setup_datagrams(struct bench_team *t)
{
	return setup_sockets(t, SOCK_DGRAM);
}

static int setup_packets(struct bench_team *t)
{
	return setup_sockets(t, SOCK_SEQPACKET);
}

static int setup_pipes(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	for (unsigned i = 0; i < t->sides - 1; i++) {
		if (pipe2(s->fd[i], O_CLOEXEC))
			return -errno;
		(void)fcntl(s->fd[i][1], F_SETPIPE_SZ, 1 << 20);
	}
	return 0;
}

static void close_all(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	for (unsigned i = 0; s && i < READERS_MAX; i++)
		for (unsigned k = 0; k < 2; k++)
			if (s->fd[i][k] > 0)
				(void)close(s->fd[i][k]);
}

static int come_fd(unsigned self)
{
	if (self)
		own.fd = own.stand->fd[self - 1][0];
	return 0;
}

#define come_datagrams come_fd
#define come_packets   come_fd
#define come_pipes     come_fd

/* The last waits for room, or a reader would not know that it was. */
SLIP_CORE void write_datagrams(bool last)
{
	for (unsigned i = 0; i < own.readers; i++) {
		if (send(own.stand->fd[i][1], own.value, own.bytes,
			 last ? 0 : MSG_DONTWAIT) >= 0)
			continue;
		own.lost[i]++;
		if (errno != EAGAIN && errno != ENOBUFS)
			own.rc = -errno;
	}
}

/* It is the writer who knows what was lost. */
SLIP_CORE bool read_datagrams(unsigned self)
{
	uint64_t number;

	(void)self;
	if (read(own.fd, own.value, own.bytes) != (ssize_t)own.bytes)
		return failed(-EIO);
	number = stamped();
	if (number <= own.number)
		own.rc = -EBADMSG;
	own.number = number;
	return true;
}

SLIP_CORE void write_packets(bool last)
{
	(void)last;
	for (unsigned i = 0; i < own.readers; i++)
		if (write(own.stand->fd[i][1], own.value, own.bytes) !=
		    (ssize_t)own.bytes)
			own.rc = -EIO;
}

SLIP_CORE bool read_packets(unsigned self)
{
	(void)self;
	if (read(own.fd, own.value, own.bytes) != (ssize_t)own.bytes)
		return failed(-EIO);
	return took(0);
}

#define write_pipes write_packets

SLIP_CORE bool read_pipes(unsigned self)
{
	int rc = batch_take(&own.batch, own.fd, own.value, own.bytes);

	(void)self;
	return rc ? failed(rc) : took(0);
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
	own.bytes = t->point->elem_bytes;
	own.readers = t->sides - 1;
}

static void end(struct bench_team *t, unsigned self)
{
	memcpy(t->shared->side[self].extra, own.lost, sizeof(own.lost));
	t->shared->side[self].rc = own.rc;
}

/* Of the processor: more readers than processors are scheduled otherwise than one
 * is, which is not the writer's cost. */
static uint64_t busy_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

SLIP_CORE void put(void (*one)(bool last), bool last)
{
	stamp(last);
	one(last);
}

/* Writes over and over, and then the last. */
SLIP_CORE void pour(struct bench_team *t, void (*one)(bool last),
		    uint64_t (*clock_ns)(void))
{
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		put(one, false);
	from = clock_ns();
	do {
		for (unsigned i = 0; i < TURNS; i++)
			put(one, false);
		ops += TURNS;
	} while (!bench_over(t));
	t->shared->side[0].ns = clock_ns() - from;
	t->shared->side[0].ops = ops;
	put(one, true);
	own.stand->sent = own.number;
	end(t, 0);
}

/* Reads up to the last; `ops` in time. */
SLIP_CORE void drain(struct bench_team *t, unsigned self,
		     bool (*one)(unsigned self))
{
	uint64_t got = 0;

	bench_ready(t);
	while (!own.last) {
		got += one(self);
		if (!bench_over(t))
			t->shared->side[self].ops = got;
	}
	own.stand->got[self - 1] = got;
	end(t, self);
}

#define SIDES(name, clock_ns)                                              \
	static void side_write_##name(struct bench_team *t, unsigned self) \
	{                                                                  \
		begin(t, self);                                            \
		own.rc = come_##name(self);                                \
		pour(t, write_##name, clock_ns);                           \
	}                                                                  \
	static void side_read_##name(struct bench_team *t, unsigned self)  \
	{                                                                  \
		int rc;                                                    \
                                                                           \
		begin(t, self);                                            \
		rc = come_##name(self);                                    \
		if (rc)                                                    \
			(void)failed(rc);                                  \
		drain(t, self, read_##name);                               \
	}

SIDES(ours, busy_ns)
SIDES(datagrams, busy_ns)
SIDES(kept, bench_now_ns)
SIDES(packets, bench_now_ns)
SIDES(pipes, bench_now_ns)

/* Does it add up for reader `i`? */
static bool adds_up(const struct bench_team *t, unsigned i)
{
	const struct stand *s = (const struct stand *)t->mem;
	uint64_t lost = t->shared->side[0].extra[i - 1] +
			t->shared->side[i].extra[i - 1];

	return s->got[i - 1] + lost == s->sent &&
	       !(t->point->way & LOSSLESS && lost);
}

/* The writer's ns; every reader must have read something meanwhile. */
static double ns_of(const struct bench_team *t)
{
	for (unsigned i = 0; i < t->sides; i++)
		if (t->shared->side[i].rc || (i && !adds_up(t, i)))
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

#define ASK(way, name, readers)                                     \
	static int ask_##way##_##name(const struct bench_point *p,  \
				      struct bench_answer *a)       \
	{                                                           \
		struct bench_team t = { .run = { side_write_##way,  \
						 side_read_##way }, \
					.setup = setup_##way,       \
					.cleanup = close_all };     \
                                                                    \
		return run(p, a, t, (readers));                     \
	}

ASK(ours, 0, 0)
ASK(ours, 1, 1)
ASK(ours, 2, 2)
ASK(ours, 4, 4)
ASK(datagrams, 1, 1)
ASK(datagrams, 2, 2)
ASK(datagrams, 4, 4)
ASK(ours, n, p->actors)
ASK(datagrams, n, p->actors)
ASK(kept, n, p->actors)
ASK(packets, n, p->actors)
ASK(pipes, n, p->actors)

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

/* To as many readers as the case says. */
static const struct bench_entry lossy[] = {
	ENTRY("slip_broadcast", BENCH_OURS, ask_ours_n),
	ENTRY("UNIX datagrams", BENCH_RIVAL, ask_datagrams_n),
};
static const struct bench_entry lossless[] = {
	ENTRY("slip_broadcast", BENCH_OURS, ask_kept_n),
	ENTRY("UNIX seqpacket", BENCH_RIVAL, ask_packets_n),
	ENTRY("pipes", BENCH_RIVAL, ask_pipes_n),
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

static void add_readers(struct bench *b, uint32_t way, uint32_t bytes,
			uint32_t readers)
{
	const bool keeps = way & LOSSLESS;
	const struct bench_case c = {
		.suite = "broadcast",
		.name = bench_text(b, "%s, %s of %u bytes to %u",
				   keeps ? "lossless" : "lossy",
				   way & RECORDS ? "record" : "element", bytes,
				   readers),
		.unit = "ns",
		.less_is_better = true,
		.quick = bytes == 64 && readers == 2,
		.point = { .elem_bytes = bytes, .actors = readers, .way = way },
		.entries = keeps ? lossless : lossy,
		.count = keeps ? sizeof(lossless) / sizeof(lossless[0])
			       : sizeof(lossy) / sizeof(lossy[0]),
	};

	bench_add(b, &c);
}

static void add_records(struct bench *b, uint32_t way)
{
	for (uint32_t bytes = 64; bytes <= BYTES_MAX; bytes *= 16)
		for (uint32_t readers = 1; readers <= 2; readers++)
			add_readers(b, RECORDS | way, bytes, readers);
}

void bench_suite_broadcast(struct bench *b)
{
	add_size(b, 8);
	add_size(b, ELEM_MAX);
	for (uint32_t readers = 1; readers <= READERS_MAX; readers *= 2)
		add_readers(b, LOSSLESS, ELEM_MAX, readers);
	add_records(b, 0);
	add_records(b, LOSSLESS);
}
