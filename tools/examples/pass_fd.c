/* SPDX-License-Identifier: MIT */
/*
 * A ring without a name, passed over a UNIX socket to a program that knows
 * nothing of us but the socket (here: this program, executed afresh).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/pass.h"
#include "futex/peer.h"
#include "ring/spsc.h"

#define NUMBERS 1000u
#define BYTES	65536u

static struct slip_region rg;
static struct slip_peer self;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

static void *ring(void)
{
	size_t bytes;
	void *mem = slip_region_find(&rg, "numbers", SLIP_KIND_SPSC, &bytes);

	must(mem && bytes == BYTES, "the ring is there");
	return mem;
}

/* The other program: it sends numbers. */
static int stranger(int sock)
{
	struct slip_spsc_producer p;

	/* Sealed, so that nobody can truncate it under us. */
	must(!slip_region_recv(sock, &rg, SLIP_REGION_MEMFD), "receive");
	must(!slip_peer_join(&self, &rg), "join");
	must(!slip_spsc_attach_producer(&p, ring(), BYTES, &self), "attach");
	for (uint64_t i = 1; i <= NUMBERS; i++)
		must(!slip_spsc_push_until(&p, &i, SLIP_FOREVER), "push");
	slip_spsc_close(&p);
	slip_peer_leave(&self);
	return 0;
}

static pid_t execute(const char *program, int sock)
{
	pid_t child = fork();
	char number[16];

	must(child >= 0, "fork");
	if (child)
		return child;
	(void)snprintf(number, sizeof(number), "%d", sock);
	(void)execl("/proc/self/exe", program, number, (char *)NULL);
	exit(1);
}

int main(int argc, char **argv)
{
	struct slip_spsc_consumer c;
	uint64_t sum = 0, x;
	int pair[2], rc, status = -1;
	void *mem;
	pid_t child;

	if (argc > 1)
		return stranger(atoi(argv[1]));
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	must(!slip_region_create(&rg, BYTES, SLIP_REGION_MEMFD), "create");
	mem = slip_region_add(&rg, "numbers", SLIP_KIND_SPSC, BYTES);
	must(mem && !slip_spsc_init(mem, BYTES, 64, 8, 0), "init");
	must(!slip_region_publish(&rg, NULL, 0), "publish");
	must(!slip_peer_join(&self, &rg), "join");
	must(!slip_spsc_attach_consumer(&c, ring(), BYTES, &self), "attach");
	child = execute(argv[0], pair[1]);
	must(!slip_region_send(pair[0], &rg), "send");
	must(!slip_spsc_wait_producer_until(&c, SLIP_FOREVER), "it comes");
	while ((rc = slip_spsc_pop_until(&c, &x, SLIP_FOREVER)) == 0)
		sum += x;
	must(rc == -EPIPE && sum == NUMBERS * (NUMBERS + 1) / 2, "all came");
	must(waitpid(child, &status, 0) == child && status == 0, "its end");
	return 0;
}
