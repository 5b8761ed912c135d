/* SPDX-License-Identifier: MIT */
/*
 * Instead of pthread_mutex_t with PTHREAD_PROCESS_SHARED: zero bytes that
 * processes share are a free mutex.
 */
#include "tools/examples/example.h"

#include "futex/mutex.h"
#include "futex/sys.h"

#define TIMES 50000

struct shared {
	struct slip_mutex lock;
	uint64_t count; /* plain: the lock protects it */
};

static struct shared *s;

static int adder(void)
{
	for (int i = 0; i < TIMES; i++) {
		must(slip_mutex_lock(&s->lock) == 0, "lock");
		s->count++;
		must(slip_mutex_unlock(&s->lock) == 0, "unlock");
	}
	return 0;
}

static int latecomer(void)
{
	must(slip_mutex_trylock(&s->lock) == -EBUSY, "trylock");
	must(slip_mutex_lock_until(&s->lock, slip_after_ns(1000000)) ==
		     -ETIMEDOUT,
	     "pthread_mutex_clocklock");
	return 0;
}

int main(void)
{
	pid_t child[3];

	s = (struct shared *)shared_memory(sizeof(*s));
	for (int i = 0; i < 3; i++)
		child[i] = start(adder);
	for (int i = 0; i < 3; i++)
		must(went_well(child[i]), "adder");
	must(s->count == 3 * TIMES, "nothing was added twice or lost");

	must(slip_mutex_lock(&s->lock) == 0, "lock");
	must(went_well(start(latecomer)), "who comes late");
	must(slip_mutex_unlock(&s->lock) == 0, "unlock");
	must(slip_mutex_unlock(&s->lock) == -EPERM, "it was free");
	return 0;
}
