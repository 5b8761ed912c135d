/* SPDX-License-Identifier: MIT */
/*
 * slipring demo: two processes, one ring. How fast, beside a pipe; and what a
 * SIGKILL in the middle of an operation does to it (nothing).
 */
#define _GNU_SOURCE
#include "futex/region_tools.h"
#include "ring/spsc.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#define ROUNDS	     5
#define ROUND_NS     250000000u
#define RTT_TURNS    20000u
#define RTT_PIPE     2000u
#define CAPACITY     1024u
#define RANDOM_KILLS 20u

SLIP_SPSC_DEFINE(words, uint64_t);

/* A region with rings "0" (there) and "1" (back), known to one process. */
struct stage {
	struct slip_region rg;
	struct slip_peer peer;
	void *ring[2];
	size_t bytes;
};

static const char *const ring_name[2] = { "0", "1" };

/* CPU number `n` of those this process may use, modulo their number. */
static void pin(const cpu_set_t *allowed, int n)
{
	cpu_set_t one;
	int skip = n % CPU_COUNT(allowed);

	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed) && skip-- == 0)
			CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

/* Create the region and both rings. 0 or -errno. */
static int stage_build(struct stage *s)
{
	int rc;

	s->bytes = words_bytes(CAPACITY);
	rc = slip_region_create(&s->rg, 2 * s->bytes, SLIP_REGION_MEMFD);
	for (int i = 0; !rc && i < 2; i++) {
		s->ring[i] = slip_region_add(&s->rg, ring_name[i],
					     SLIP_KIND_SPSC, s->bytes);
		rc = s->ring[i] ? words_init(s->ring[i], s->bytes, CAPACITY, 0)
				: -ENOSPC;
	}
	if (!rc)
		rc = slip_region_publish(&s->rg, NULL, 0600);
	return rc ? rc : slip_peer_join(&s->peer, &s->rg);
}

/* The same region as seen by a forked child: mapped anew, elsewhere. */
static int stage_enter(struct stage *s, const struct stage *parents)
{
	int rc = slip_region_adopt(&s->rg, slip_region_fd(&parents->rg), 0);

	for (int i = 0; !rc && i < 2; i++) {
		s->ring[i] = slip_region_find(&s->rg, ring_name[i],
					      SLIP_KIND_SPSC, &s->bytes);
		rc = s->ring[i] ? 0 : -ENOENT;
	}
	return rc ? rc : slip_peer_join(&s->peer, &s->rg);
}

static void stage_close(struct stage *s)
{
	slip_peer_leave(&s->peer);
	slip_region_close(&s->rg);
}

/* Run `body` in a child process that does not outlive us. Its pid. */
static pid_t spawn(int (*body)(const struct stage *, void *),
		   const struct stage *s, void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(s, arg));
	}
	return pid;
}

static bool reap(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* --- speed ---------------------------------------------------------------- */

struct speed {
	cpu_set_t allowed;
	int to_child[2];
	int to_parent[2];
};

static int flood_ring(const struct stage *parents, void *arg)
{
	const struct speed *sp = arg;
	struct slip_spsc_producer p;
	struct stage s;
	uint64_t end;

	pin(&sp->allowed, 1);
	if (stage_enter(&s, parents) ||
	    words_attach_producer(&p, s.ring[0], s.bytes, &s.peer))
		return 1;
	end = slip_after_ns(ROUND_NS);
	for (uint64_t i = 0; i % 4096 || slip_now_ns() < end; i++)
		while (!words_push(&p, &i))
			if (slip_spsc_wait_room_until(&p, SLIP_FOREVER))
				return 1;
	slip_spsc_detach_producer(&p);
	return 0;
}

/* Messages per second, 0 on failure. */
static double rate_ring(struct stage *s, struct speed *sp)
{
	struct slip_spsc_consumer c;
	uint64_t start;
	uint64_t n = 0;
	uint64_t x;
	pid_t pid;
	double ns;

	if (words_attach_consumer(&c, s->ring[0], s->bytes, &s->peer))
		return 0;
	pid = spawn(flood_ring, s, sp);
	if (pid < 0 || slip_spsc_wait_producer_until(&c, SLIP_FOREVER))
		return 0;
	start = slip_now_ns();
	do {
		for (; words_pop(&c, &x); n++)
			if (x != n)
				return 0;
	} while (slip_spsc_wait_data_until(&c, SLIP_FOREVER) == 0);
	ns = (double)(slip_now_ns() - start);
	slip_spsc_detach_consumer(&c);
	return reap(pid) ? (double)n / ns * 1e9 : 0;
}

static int flood_pipe(const struct stage *unused, void *arg)
{
	const struct speed *sp = arg;
	uint64_t end = slip_after_ns(ROUND_NS);

	(void)unused;
	pin(&sp->allowed, 1);
	for (uint64_t i = 0; i % 256 || slip_now_ns() < end; i++)
		if (write(sp->to_parent[1], &i, sizeof(i)) != sizeof(i))
			return 1;
	return 0;
}

static bool open_pipes(struct speed *sp)
{
	return pipe(sp->to_child) == 0 && pipe(sp->to_parent) == 0;
}

static void close_pipes(struct speed *sp)
{
	close(sp->to_child[0]);
	close(sp->to_child[1]);
	close(sp->to_parent[0]);
}

static double rate_pipe(struct stage *s, struct speed *sp)
{
	uint64_t start;
	uint64_t n = 0;
	uint64_t x;
	pid_t pid;
	double ns;

	if (!open_pipes(sp))
		return 0;
	pid = spawn(flood_pipe, s, sp);
	close(sp->to_parent[1]); /* or there is no end of file */
	start = slip_now_ns();
	while (read(sp->to_parent[0], &x, sizeof(x)) == sizeof(x))
		if (x != n++)
			return 0;
	ns = (double)(slip_now_ns() - start);
	close_pipes(sp);
	return pid > 0 && reap(pid) ? (double)n / ns * 1e9 : 0;
}

static int echo_ring(const struct stage *parents, void *arg)
{
	const struct speed *sp = arg;
	struct slip_spsc_consumer c;
	struct slip_spsc_producer p;
	struct stage s;
	uint64_t x;

	pin(&sp->allowed, 1);
	if (stage_enter(&s, parents) ||
	    words_attach_consumer(&c, s.ring[0], s.bytes, &s.peer) ||
	    words_attach_producer(&p, s.ring[1], s.bytes, &s.peer))
		return 1;
	while (words_pop_until(&c, &x, SLIP_FOREVER) == 0)
		if (words_push_until(&p, &x, SLIP_FOREVER))
			return 1;
	slip_spsc_detach_producer(&p);
	slip_spsc_detach_consumer(&c);
	return 0;
}

/* Nanoseconds from request to answer, 0 on failure. */
static double rtt_ring(struct stage *s, struct speed *sp)
{
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	uint64_t start = 0;
	uint64_t x;
	pid_t pid;
	double ns;

	if (words_attach_producer(&p, s->ring[0], s->bytes, &s->peer) ||
	    words_attach_consumer(&c, s->ring[1], s->bytes, &s->peer))
		return 0;
	pid = spawn(echo_ring, s, sp);
	if (pid < 0 || slip_spsc_wait_consumer_until(&p, SLIP_FOREVER) ||
	    slip_spsc_wait_producer_until(&c, SLIP_FOREVER))
		return 0;
	for (uint64_t i = 0; i < RTT_TURNS + RTT_TURNS / 10; i++) {
		if (i == RTT_TURNS / 10)
			start = slip_now_ns(); /* warm */
		if (words_push_until(&p, &i, SLIP_FOREVER) ||
		    words_pop_until(&c, &x, SLIP_FOREVER) || x != i)
			return 0;
	}
	ns = (double)(slip_now_ns() - start);
	slip_spsc_detach_producer(&p);
	slip_spsc_detach_consumer(&c);
	return reap(pid) ? ns / RTT_TURNS : 0;
}

static int echo_pipe(const struct stage *unused, void *arg)
{
	struct speed *sp = arg;
	uint64_t x;

	(void)unused;
	pin(&sp->allowed, 1);
	close(sp->to_child[1]);
	while (read(sp->to_child[0], &x, sizeof(x)) == sizeof(x))
		if (write(sp->to_parent[1], &x, sizeof(x)) != sizeof(x))
			return 1;
	return 0;
}

static double rtt_pipe(struct stage *s, struct speed *sp)
{
	uint64_t start;
	uint64_t x;
	pid_t pid;
	double ns;

	if (!open_pipes(sp))
		return 0;
	pid = spawn(echo_pipe, s, sp);
	start = slip_now_ns();
	for (uint64_t i = 0; i < RTT_PIPE; i++)
		if (write(sp->to_child[1], &i, sizeof(i)) != sizeof(i) ||
		    read(sp->to_parent[0], &x, sizeof(x)) != sizeof(x) ||
		    x != i)
			return 0;
	ns = (double)(slip_now_ns() - start);
	close(sp->to_parent[1]);
	close_pipes(sp);
	return pid > 0 && reap(pid) ? ns / RTT_PIPE : 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(v[0]), by_size);
	return v[ROUNDS / 2];
}

/* Digits after the point that a ratio deserves. */
static int digits(double ratio)
{
	return ratio < 10;
}

/* Both, turn by turn, so that noise hits both; medians. 0 or 1. */
static int show_speed(struct stage *s)
{
	double rate[2][ROUNDS];
	double rtt[2][ROUNDS];
	struct speed sp;

	memset(&sp, 0, sizeof(sp));
	if (sched_getaffinity(0, sizeof(sp.allowed), &sp.allowed))
		return 1;
	pin(&sp.allowed, 0);
	for (int i = 0; i < ROUNDS; i++) {
		rate[0][i] = rate_ring(s, &sp);
		rate[1][i] = rate_pipe(s, &sp);
		rtt[0][i] = rtt_ring(s, &sp);
		rtt[1][i] = rtt_pipe(s, &sp);
		if (rate[0][i] <= 0 || rate[1][i] <= 0 || rtt[0][i] <= 0 ||
		    rtt[1][i] <= 0)
			return 1;
	}
	(void)sched_setaffinity(0, sizeof(sp.allowed), &sp.allowed);
	for (int i = 0; i < 2; i++) {
		rate[i][0] = median(rate[i]);
		rtt[i][0] = median(rtt[i]);
	}
	printf("8-byte messages, two processes, %d CPU%s, median of %d:\n\n",
	       CPU_COUNT(&sp.allowed), CPU_COUNT(&sp.allowed) > 1 ? "s" : "",
	       ROUNDS);
	printf("                       ring         pipe    ring against "
	       "pipe\n");
	printf("  messages/s   %10.1f M  %9.2f M    %.*f times the rate\n",
	       rate[0][0] / 1e6, rate[1][0] / 1e6,
	       digits(rate[0][0] / rate[1][0]), rate[0][0] / rate[1][0]);
	printf("  round trip   %9.2f us  %8.2f us    %.*f times shorter\n\n",
	       rtt[0][0] / 1e3, rtt[1][0] / 1e3, digits(rtt[1][0] / rtt[0][0]),
	       rtt[1][0] / rtt[0][0]);
	return 0;
}

/* --- crash ---------------------------------------------------------------- */

/*
 * Push the numbers that follow what the ring has had; at `*stop_at`, claim,
 * write half of the element, and wait there to be killed.
 */
static int produce(const struct stage *parents, void *arg)
{
	const uint64_t *stop_at = arg;
	struct slip_spsc_producer p;
	struct slip_spsc_info info;
	struct stage s;

	if (stage_enter(&s, parents) ||
	    words_attach_producer(&p, s.ring[0], s.bytes, &s.peer) ||
	    slip_spsc_inspect(s.ring[0], s.bytes, &info))
		return 1;
	for (uint64_t i = info.pushed_guess; i < *stop_at; i++)
		if (words_push_until(&p, &i, SLIP_FOREVER))
			return 1;
	while (!slip_spsc_claim(&p))
		if (slip_spsc_wait_room_until(&p, SLIP_FOREVER))
			return 1;
	memset(slip_spsc_claim(&p), 0xff, 4);
	for (;;)
		pause();
}

/* Start a producer and wait until it has taken over. Its pid, or -1. */
static pid_t spawn_producer(struct stage *s, struct slip_spsc_consumer *c,
			    uint64_t *stop_at)
{
	pid_t pid = spawn(produce, s, stop_at);

	if (pid > 0 &&
	    slip_spsc_wait_producer_until(c, slip_after_ns(5000000000u)))
		return -1;
	return pid;
}

/* Take numbers up to `until`, each the next; how the wait ended. */
static int consume(struct slip_spsc_consumer *c, uint64_t *next, uint64_t until)
{
	uint64_t x;
	int rc = 0;

	while (*next < until && rc == 0) {
		rc = words_pop_until(c, &x, slip_after_ns(5000000000u));
		if (rc == 0 && x != (*next)++)
			return -EILSEQ;
	}
	return rc;
}

static int kill_in_mid_operation(struct stage *s, struct slip_spsc_consumer *c,
				 uint64_t *next)
{
	uint64_t stop_at = *next + 1000000;
	pid_t pid = spawn_producer(s, c, &stop_at);
	uint64_t killed;
	uint64_t noticed;
	int rc = consume(c, next, stop_at);

	if (pid < 0 || rc)
		return 1;
	kill(pid, SIGKILL);
	killed = slip_now_ns();
	rc = consume(c, next, UINT64_MAX);
	noticed = slip_now_ns() - killed;
	(void)waitpid(pid, NULL, 0);
	if (rc != -EPIPE)
		return 1;
	printf("  producer %d: 1000000 elements, then SIGKILL between claim and"
	       " commit\n"
	       "  consumer: all 1000000, in order; then EPIPE, %.1f ms after"
	       " the kill\n",
	       (int)pid, (double)noticed / 1e6);
	return 0;
}

static int kill_at_random(struct stage *s, struct slip_spsc_consumer *c,
			  uint64_t *next)
{
	uint64_t never = UINT64_MAX;
	uint64_t from = *next;

	for (uint32_t i = 0; i < RANDOM_KILLS; i++) {
		pid_t pid = spawn_producer(s, c, &never);
		uint64_t lives = 1000 + slip_now_ns() / 64 % 200000;
		int rc = consume(c, next, *next + lives);

		if (pid < 0 || rc)
			return 1;
		kill(pid, SIGKILL);
		rc = consume(c, next, UINT64_MAX);
		(void)waitpid(pid, NULL, 0);
		if (rc != -EPIPE)
			return 1;
	}
	printf("  %u successors, each killed at a random instant: %llu "
	       "elements,"
	       "\n  each exactly once and in order; nothing was cleaned up in"
	       " between\n",
	       RANDOM_KILLS, (unsigned long long)(*next - from));
	return 0;
}

static int show_crash(struct stage *s)
{
	struct slip_spsc_consumer c;
	uint64_t next = 0;
	int rc;

	printf("A producer is killed; the ring carries on:\n\n");
	fflush(stdout);
	rc = words_init(s->ring[0], s->bytes, CAPACITY, 0);
	if (!rc)
		rc = words_attach_consumer(&c, s->ring[0], s->bytes, &s->peer);
	if (!rc)
		rc = kill_in_mid_operation(s, &c, &next);
	if (!rc)
		rc = kill_at_random(s, &c, &next);
	if (!rc)
		slip_spsc_detach_consumer(&c);
	return rc;
}

int cmd_demo(int argc, char **argv)
{
	struct stage s;
	int rc;

	(void)argv;
	if (argc > 1)
		return 2;
	rc = stage_build(&s);
	if (rc) {
		fprintf(stderr, "slipring demo: shared memory: %s\n",
			slip_region_strerror(rc));
		return 1;
	}
	if (show_speed(&s)) {
		fprintf(stderr, "slipring demo: a measurement failed\n");
		return 1;
	}
	fflush(stdout);
	if (show_crash(&s)) {
		fprintf(stderr, "slipring demo: the account of elements does "
				"not add up\n");
		return 1;
	}
	stage_close(&s);
	return 0;
}
