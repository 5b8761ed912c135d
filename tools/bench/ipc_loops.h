/* SPDX-License-Identifier: MIT */
/*
 * The loops of suite ipc: one side sends as long as the time lasts and the
 * other takes, or the two throw one message to and fro. A way of sending is
 * four small functions; IPC_WAY makes entries of them, with the loops inlined.
 */
#ifndef SLIP_TOOLS_BENCH_IPC_LOOPS_H
#define SLIP_TOOLS_BENCH_IPC_LOOPS_H

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "atomics/base.h"
#include "tools/bench/bench.h"

/* The longest message, in bytes; the shortest is a number. */
#define IPC_BYTES_MAX 4096u
/* What a channel may buffer, where that can be chosen: bytes. */
#define IPC_BUFFER_BYTES (1u << 20)
/* What both sides map: two of our rings, or less. */
#define IPC_SHARED_BYTES (8 * IPC_BUFFER_BYTES)
/* Instead of a message's number: there are no more. */
#define IPC_END UINT64_MAX

/* Messages between two looks at the clock or at the end of the time. */
#define IPC_TURNS 32u

union ipc_msg {
	uint64_t word[IPC_BYTES_MAX / 8];
	unsigned char bytes[IPC_BYTES_MAX];
};

/* Made by `setup` before the sides fork, given back by `cleanup`. */
struct ipc_way;
struct ipc_job {
	struct bench_answer *answer;
	const struct ipc_way *way;
	int rc;	      /* of the sides */
	bool trip;    /* to and fro; else one way, from side 0 to side 1 */
	int fd[2][2]; /* [direction][0: to take from, 1: to send to] */
	int id;	      /* of a System V object ... */
	pid_t keeper; /* ... and who will remove it */
};

static inline struct ipc_job *ipc_job(const struct bench_team *t)
{
	return (struct ipc_job *)t->own;
}

SLIP_CORE void ipc_fill(union ipc_msg *m, uint32_t bytes, uint64_t number)
{
	m->word[0] = number;
	m->word[bytes / 8 - 1] = number;
}

/* 1: the message that was to come; 0: the end; -EBADMSG. */
SLIP_CORE int ipc_check(const union ipc_msg *m, uint32_t bytes, uint64_t number)
{
	if (m->word[0] == IPC_END)
		return 0;
	if (m->word[0] != number || m->word[bytes / 8 - 1] != number)
		return -EBADMSG;
	return 1;
}

/* Enough of the time to fill caches and to have connected. */
static inline uint64_t ipc_warm_until(const struct bench_team *t)
{
	return bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
}

typedef int ipc_send(void *link, const void *msg, uint32_t bytes);
typedef int ipc_take(void *link, void *msg, uint32_t bytes);

/* Side 0, one way. */
SLIP_CORE int ipc_pour(struct bench_team *t, void *link, ipc_send *send)
{
	uint32_t bytes = t->point->elem_bytes;
	union ipc_msg m = { { 0 } };
	uint64_t number = 0;
	int rc = 0;

	while (!rc && !(number % IPC_TURNS == 0 && bench_over(t))) {
		ipc_fill(&m, bytes, number++);
		rc = send(link, &m, bytes);
	}
	ipc_fill(&m, bytes, IPC_END);
	return rc ? rc : send(link, &m, bytes);
}

/* Side 1, one way: whose account it is, as only what arrives counts. */
SLIP_CORE int ipc_drain(struct bench_team *t, void *link, ipc_take *take,
			uint64_t *ops, uint64_t *ns)
{
	uint32_t bytes = t->point->elem_bytes;
	uint64_t warm = ipc_warm_until(t);
	uint64_t number = 0, skipped = 0, from = 0;
	union ipc_msg m;
	int rc;

	while ((rc = take(link, &m, bytes)) == 0 &&
	       (rc = ipc_check(&m, bytes, number)) == 1) {
		number++;
		if (SLIP_UNLIKELY(!from) && number % IPC_TURNS == 0 &&
		    bench_now_ns() >= warm) {
			from = bench_now_ns();
			skipped = number;
		}
	}
	*ns = from ? bench_now_ns() - from : 0;
	*ops = number - skipped;
	return rc;
}

/* Side 0, to and fro. Each throw waits for the one before, so that nothing is
 * omitted while the other side is away: its absence is in the throw it hit. */
SLIP_CORE int ipc_throw(struct bench_team *t, void *link, ipc_send *send,
			ipc_take *take, uint64_t *ops, uint64_t *ns)
{
	uint32_t bytes = t->point->elem_bytes;
	uint64_t warm = ipc_warm_until(t);
	union ipc_msg m = { { 0 } };
	uint64_t number = 0, from = 0, last, now;
	int rc;

	*ops = 0;
	do {
		last = bench_now_ns();
		if (!from && last >= warm)
			from = last;
		ipc_fill(&m, bytes, number);
		rc = send(link, &m, bytes);
		if (!rc)
			rc = take(link, &m, bytes);
		if (rc || (rc = ipc_check(&m, bytes, number)) != 1)
			return rc ? rc : -EBADMSG;
		now = bench_now_ns();
		number++;
		if (from) {
			bench_hist_add(&t->shared->hist, now - last);
			++*ops;
		}
	} while (!bench_over(t));
	*ns = now - from;
	ipc_fill(&m, bytes, IPC_END);
	return send(link, &m, bytes);
}

/* Side 1, to and fro. */
SLIP_CORE int ipc_return(struct bench_team *t, void *link, ipc_send *send,
			 ipc_take *take)
{
	uint32_t bytes = t->point->elem_bytes;
	uint64_t number = 0;
	union ipc_msg m;
	int rc;

	while ((rc = take(link, &m, bytes)) == 0 &&
	       (rc = ipc_check(&m, bytes, number)) == 1 &&
	       (rc = send(link, &m, bytes)) == 0)
		number++;
	return rc;
}

/* What a side does between bench_ready() and its account. */
SLIP_CORE int ipc_play(struct bench_team *t, unsigned self, void *link,
		       ipc_send *send, ipc_take *take)
{
	uint64_t ops = 0, ns = 0;
	int rc;

	if (ipc_job(t)->trip)
		rc = self ? ipc_return(t, link, send, take)
			  : ipc_throw(t, link, send, take, &ops, &ns);
	else
		rc = self ? ipc_drain(t, link, take, &ops, &ns)
			  : ipc_pour(t, link, send);
	t->shared->side[self].ops = ops;
	t->shared->side[self].ns = ns;
	return rc;
}

/* --- from a way to an entry ------------------------------------------------ */

struct ipc_way {
	int (*setup)(struct bench_team *t);
	void (*cleanup)(struct bench_team *t);
	bench_side *side;
};

/* point.way of a case: both sides share one processor. */
#define IPC_ONE_CPU 1u

/* ipc_streams.c: closes what stands in `fd`, once. */
void ipc_close_fds(struct bench_team *t);

/* suite_ipc.c */
int ipc_ask(const struct ipc_way *way, bool trip, const struct bench_point *p,
	    struct bench_answer *a);

/*
 * ipc_rate_NAME and ipc_trip_NAME, for entries, from open_NAME, send_NAME,
 * take_NAME and shut_NAME on a `struct link_type`, of which each side has one.
 * A side that cannot open says so before both are let go.
 */
#define IPC_WAY(name, link_type, set, clean)                         \
	static void side_##name(struct bench_team *t, unsigned self) \
	{                                                            \
		struct link_type link;                               \
		int rc;                                              \
                                                                     \
		memset(&link, 0, sizeof(link));                      \
		rc = open_##name(t, self, &link);                    \
		t->shared->side[self].rc = rc;                       \
		bench_ready(t);                                      \
		if (!rc && !t->shared->side[!self].rc)               \
			rc = ipc_play(t, self, &link, send_##name,   \
				      take_##name);                  \
		t->shared->side[self].rc = rc;                       \
		shut_##name(&link);                                  \
	}                                                            \
	int ipc_rate_##name(const struct bench_point *p,             \
			    struct bench_answer *a)                  \
	{                                                            \
		static const struct ipc_way way = {                  \
			set,                                         \
			clean,                                       \
			side_##name,                                 \
		};                                                   \
                                                                     \
		return ipc_ask(&way, false, p, a);                   \
	}                                                            \
	int ipc_trip_##name(const struct bench_point *p,             \
			    struct bench_answer *a)                  \
	{                                                            \
		static const struct ipc_way way = {                  \
			set,                                         \
			clean,                                       \
			side_##name,                                 \
		};                                                   \
                                                                     \
		return ipc_ask(&way, true, p, a);                    \
	}

#define IPC_DECLARE(name)                                \
	int ipc_rate_##name(const struct bench_point *p, \
			    struct bench_answer *a);     \
	int ipc_trip_##name(const struct bench_point *p, struct bench_answer *a)

IPC_DECLARE(word);
IPC_DECLARE(line);
IPC_DECLARE(record);
IPC_DECLARE(pipe);
IPC_DECLARE(fifo);
IPC_DECLARE(unix_stream);
IPC_DECLARE(unix_datagram);
IPC_DECLARE(unix_seqpacket);
IPC_DECLARE(tcp);
IPC_DECLARE(sysv_queue);
IPC_DECLARE(sysv_sem);
IPC_DECLARE(posix_queue);
IPC_DECLARE(posix_sem);
IPC_DECLARE(eventfd);
IPC_DECLARE(zeromq);
IPC_DECLARE(nng);

#endif
