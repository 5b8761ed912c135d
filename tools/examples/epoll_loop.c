/* SPDX-License-Identifier: MIT */
/*
 * An epoll loop over two rings and a socket: the rings come through one bridge,
 * whose descriptor is like any other.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/bridge.h"
#include "ring/sources.h"

#define NUMBERS 2000u
#define BYTES	65536u

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* A process that sends 1, 2, ... and goes: by a ring, or by the socket. */
static pid_t start(void *ring, int sock)
{
	pid_t child = fork();
	struct slip_spsc_producer p;

	must(child >= 0, "fork");
	if (child)
		return child;
	must(!ring || !slip_spsc_attach_producer(&p, ring, BYTES, NULL), "p");
	for (uint64_t i = 1; i <= NUMBERS; i++)
		must(ring ? slip_spsc_push_until(&p, &i, SLIP_FOREVER) == 0
			  : write(sock, &i, sizeof(i)) == sizeof(i),
		     "send");
	if (ring)
		slip_spsc_close(&p);
	exit(0);
}

static void *sleep_for_the_loop(void *bridge)
{
	must(!slip_bridge_run((struct slip_bridge *)bridge), "run");
	return NULL;
}

static struct slip_spsc_consumer c[2];
static struct slip_bridge bridge;
static uint64_t sum[3];

/* All that the rings hold; and an end is told once. */
static void pop_all(void)
{
	uint64_t x;

	for (uint32_t i = 0; i < 2; i++) {
		while (slip_spsc_pop(&c[i], &x))
			sum[i] += x;
		if (slip_bridge_now(&bridge, i) == -EPIPE)
			slip_bridge_drop(&bridge, i);
	}
}

/* Serve what is there, then sleep in epoll. */
static void turn(int ep, int sock)
{
	struct epoll_event events[2];
	uint64_t x;
	int n = 0;

	while (slip_bridge_arm(&bridge) > 0) /* 0: armed; -EBUSY: still */
		pop_all();
	n = epoll_wait(ep, events, 2, -1);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == sock)
			sum[2] += read(sock, &x, 8) == 8 ? x : 0;
		else if (slip_bridge_take(&bridge) > 0) /* disarmed */
			pop_all();
	}
}

int main(void)
{
	const uint64_t all = (uint64_t)NUMBERS * (NUMBERS + 1) / 2;
	struct slip_source s[2];
	struct epoll_event in;
	pthread_t thread;
	int pair[2], fds[2], ep = epoll_create1(0);

	must(ep >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socket");
	for (int i = 0; i < 2; i++) {
		void *ring = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		must(ring != MAP_FAILED, "mmap");
		must(!slip_spsc_init(ring, BYTES, 64, 8, 0), "init");
		must(!slip_spsc_attach_consumer(&c[i], ring, BYTES, NULL), "c");
		slip_spsc_pop_source(&s[i], &c[i]);
		start(ring, -1);
	}
	start(NULL, pair[1]);
	must(!slip_bridge_open(&bridge, s, 2), "open");
	must(!pthread_create(&thread, NULL, sleep_for_the_loop, &bridge), "t");
	fds[0] = slip_bridge_fd(&bridge);
	fds[1] = pair[0];
	for (int i = 0; i < 2; i++) {
		memset(&in, 0, sizeof(in));
		in.events = EPOLLIN;
		in.data.fd = fds[i];
		must(!epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &in), "epoll");
	}
	while (sum[0] + sum[1] + sum[2] < 3 * all)
		turn(ep, pair[0]);
	slip_bridge_stop(&bridge);
	must(!pthread_join(thread, NULL), "join");
	slip_bridge_close(&bridge);
	for (int i = 0; i < 3; i++)
		must(sum[i] == all && wait(NULL) > 0, "all came, once");
	return 0;
}
