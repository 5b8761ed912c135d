/* SPDX-License-Identifier: MIT */
/*
 * Instead of pthread_cond_t with PTHREAD_PROCESS_SHARED: a store of a few
 * places under a mutex; who finds it full or empty waits until that has
 * changed.
 */
#include "tools/examples/example.h"

#include "futex/cond.h"

#define PLACES 3
#define ITEMS  3000

struct store {
	struct slip_mutex lock;
	struct slip_cond more, room;
	uint32_t count;
	bool closed;
	uint64_t taken; /* in all */
};

static struct store *s;

static int producer(void)
{
	for (int i = 0; i < ITEMS; i++) {
		must(slip_mutex_lock(&s->lock) == 0, "lock");
		while (s->count == PLACES)
			must(slip_cond_wait(&s->room, &s->lock) == 0, "wait");
		s->count++;
		must(slip_mutex_unlock(&s->lock) == 0, "unlock");
		slip_cond_signal(&s->more);
	}
	return 0;
}

static int consumer(void)
{
	bool done = false;

	while (!done) {
		must(slip_mutex_lock(&s->lock) == 0, "lock");
		while (s->count == 0 && !s->closed)
			must(slip_cond_wait(&s->more, &s->lock) == 0, "wait");
		done = s->count == 0;
		if (!done) {
			s->count--;
			s->taken++;
		}
		must(slip_mutex_unlock(&s->lock) == 0, "unlock");
		slip_cond_signal(&s->room);
	}
	return 0;
}

int main(void)
{
	pid_t in[2], out[2];

	s = (struct store *)shared_memory(sizeof(*s));
	for (int i = 0; i < 2; i++) {
		in[i] = start(producer);
		out[i] = start(consumer);
	}
	must(went_well(in[0]) && went_well(in[1]), "producers");
	must(slip_mutex_lock(&s->lock) == 0, "lock");
	s->closed = true;
	must(slip_mutex_unlock(&s->lock) == 0, "unlock");
	slip_cond_broadcast(&s->more, &s->lock);
	must(went_well(out[0]) && went_well(out[1]), "consumers");
	must(s->taken == 2 * ITEMS && s->count == 0, "each was taken once");
	return 0;
}
