/* SPDX-License-Identifier: MIT */
/*
 * As fcntl(F_SETLKW) does, and no mutex: two processes take two locks in
 * opposite orders, and one is told with whom it waits in a circle.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/robust_mutex.h"
#include "futex/sem.h"

struct shared {
	struct slip_robust_mutex_shared lock[2];
	struct slip_sem to_come;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "deadlock: not so: %s\n", what);
	exit(2);
}

/* Takes lock `first`, then the other one. 1: it was told of a deadlock. */
static int take_both(struct slip_region *rg, int first)
{
	struct shared *s =
		(struct shared *)slip_region_find(rg, "shared", 1, NULL);
	struct slip_robust_mutex m[2];
	struct slip_deadlock d;
	struct slip_peer self;
	uint32_t ids[2];
	int rc;

	must(s && !slip_peer_join(&self, rg), "join");
	must(!slip_deadlock_init(&d, &self), "init");
	for (int i = 0; i < 2; i++)
		must(!slip_robust_mutex_attach(&m[i], &s->lock[i], &self, 0) &&
			     !slip_robust_mutex_report(&m[i], &d),
		     "attach");
	must(!slip_robust_mutex_lock(&m[first]), "the first lock");
	must(!slip_sem_acquire(&s->to_come, 1) &&
		     !slip_sem_wait_zero(&s->to_come),
	     "both have one");
	rc = slip_robust_mutex_lock(&m[!first]);
	if (rc == -EDEADLK) {
		must(slip_deadlock_cycle(&d, ids, 2) == 2, "a circle of two");
		printf("%u waits for %u, who waits for %u\n", ids[0], ids[1],
		       ids[0]);
	} else {
		must(!rc && !slip_robust_mutex_unlock(&m[!first]), "both");
	}
	must(!slip_robust_mutex_unlock(&m[first]), "unlock");
	return rc == -EDEADLK;
}

int main(void)
{
	struct slip_region rg, own;
	struct shared *s;
	int status = 0;
	int told;

	must(!slip_region_create(&rg, sizeof(*s), SLIP_REGION_MEMFD), "create");
	s = (struct shared *)slip_region_add(&rg, "shared", 1, sizeof(*s));
	must(s && !slip_robust_mutex_init(&s->lock[0], 0) &&
		     !slip_robust_mutex_init(&s->lock[1], 0) &&
		     !slip_sem_post(&s->to_come, 2),
	     "init");
	must(!slip_region_publish(&rg, NULL, 0600), "publish");
	if (fork() == 0)
		exit(slip_region_adopt(&own, slip_region_fd(&rg), 0)
			     ? 2
			     : take_both(&own, 1));
	told = take_both(&rg, 0);
	must(wait(&status) > 0 && WIFEXITED(status), "wait");
	must(told + WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) < 2,
	     "somebody is told");
	return 0;
}
