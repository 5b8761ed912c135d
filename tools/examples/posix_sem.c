/* SPDX-License-Identifier: MIT */
/*
 * Instead of sem_init(3) with pshared, sem_post(3) from a signal handler, and
 * sem_timedwait(3): with deadlines that no change of the clock can move, and
 * any number of units at once.
 */
#include "tools/examples/example.h"

#include "futex/sem.h"
#include "futex/sys.h"

static struct slip_sem *s;

static void handler(int sig)
{
	int rc = slip_sem_post(s, 2); /* async-signal-safe */

	(void)sig;
	(void)rc; /* -EOVERFLOW: what would one do here? */
}

static int poster(void)
{
	must(kill(getppid(), SIGUSR1) == 0, "kill");
	must(slip_sem_acquire(s, 1) == 0, "what the handler posted is for all");
	return 0;
}

int main(void)
{
	uint64_t began = slip_now_ns();
	struct sigaction act;
	pid_t child;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	must(sigaction(SIGUSR1, &act, NULL) == 0, "sigaction");
	s = (struct slip_sem *)shared_memory(4096);
	must(slip_sem_init(s, 0) == 0, "sem_init: zero bytes would do too");

	must(slip_sem_acquire_try(s, 1) == -EAGAIN, "sem_trywait");
	must(slip_sem_acquire_until(s, 1, slip_after_ns(2000000)) == -ETIMEDOUT,
	     "sem_timedwait");
	must(slip_now_ns() - began >= 2000000, "and not too early");

	child = start(poster);
	must(slip_sem_acquire(s, 1) == 0, "sem_wait goes on after a signal");
	must(went_well(child), "poster");
	must(slip_sem_value(s) == 0, "sem_getvalue");
	must(slip_sem_wait_zero(s) == 0, "and that can be waited for");
	return 0;
}
