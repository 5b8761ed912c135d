/* SPDX-License-Identifier: MIT */
/*
 * Instead of PTHREAD_PRIO_INHERIT with PTHREAD_MUTEX_ROBUST: a process is killed
 * with the mutex in hand, the next one is told and repairs. While one waits, the
 * owner runs at its priority.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/pi_mutex.h"
#include "futex/sem.h"

struct shared {
	struct slip_pi_mutex_shared lock;
	struct slip_sem half_way;
	int64_t a, b; /* their sum is 100 */
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "pi_mutex: not so: %s\n", what);
	exit(1);
}

static void stop_half_way(int fd)
{
	struct slip_region rg;
	struct slip_peer self;
	struct slip_pi_mutex m;
	struct shared *s;

	must(!slip_region_adopt(&rg, fd, 0), "adopt");
	s = (struct shared *)slip_region_find(&rg, "shared", 1, NULL);
	must(s && !slip_peer_join(&self, &rg), "join");
	must(!slip_pi_mutex_attach(&m, &s->lock, &self), "attach");
	must(!slip_pi_mutex_lock(&m), "lock");
	s->a -= 30;
	must(!slip_sem_post(&s->half_way, 1), "post");
	for (;;)
		(void)pause();
}

int main(void)
{
	struct slip_region rg;
	struct slip_peer self;
	struct slip_pi_mutex m;
	struct shared *s;
	pid_t child;

	must(!slip_region_create(&rg, sizeof(*s), SLIP_REGION_MEMFD), "create");
	s = (struct shared *)slip_region_add(&rg, "shared", 1, sizeof(*s));
	must(s && !slip_pi_mutex_init(&s->lock), "init");
	s->a = 100;
	must(!slip_region_publish(&rg, NULL, 0600), "publish");
	must(!slip_peer_join(&self, &rg), "join");
	must(!slip_pi_mutex_attach(&m, &s->lock, &self), "attach");
	child = fork();
	if (child == 0)
		stop_half_way(slip_region_fd(&rg));
	must(!slip_sem_acquire(&s->half_way, 1), "the child has it");
	must(slip_pi_mutex_trylock(&m) == -EBUSY, "its owner lives");
	must(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child, "kill");
	must(slip_pi_mutex_lock(&m) == -EOWNERDEAD, "its owner died");
	printf("the owner died between %d and %d\n", (int)s->a, (int)s->b);
	s->b = 100 - s->a;
	must(!slip_pi_mutex_consistent(&m), "repaired");
	must(!slip_pi_mutex_unlock(&m), "unlock");
	must(!slip_pi_mutex_lock(&m) && !slip_pi_mutex_unlock(&m), "as new");
	printf("repaired: %d and %d\n", (int)s->a, (int)s->b);
	return 0;
}
