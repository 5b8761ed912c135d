/* SPDX-License-Identifier: MIT */
/*
 * Instead of a thread for each queue, or poll(2) over pipes: one thread that
 * sleeps until any of two rings, a semaphore and a word has something for it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/sources.h"

#define NUMBERS 1000u
#define BYTES	65536u

struct shared {
	char rings[2][BYTES]; /* page-aligned, as it comes from mmap */
	struct slip_sem units;
	slip_a32 stop;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* In another process: two rings' producer, who posts a unit now and then. */
static int produce(struct shared *m)
{
	struct slip_spsc_producer p[2];

	for (int i = 0; i < 2; i++)
		must(!slip_spsc_attach_producer(&p[i], m->rings[i], BYTES,
						NULL),
		     "attach");
	for (uint64_t i = 1; i <= NUMBERS; i++) {
		must(!slip_spsc_push_until(&p[i % 2], &i, SLIP_FOREVER),
		     "push");
		if (i % 10 == 0)
			must(!slip_sem_post(&m->units, 1), "post");
	}
	slip_word_change(&m->stop, 1, SLIP_SHARED);
	return 0;
}

int main(void)
{
	void *at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shared *m = (struct shared *)at;
	uint64_t sum = 0, units = 0, x;
	struct slip_spsc_consumer c[2];
	static struct slip_waitset w;
	struct slip_source s[4];

	must(at != MAP_FAILED && !slip_sem_init(&m->units, 0), "memory");
	for (int i = 0; i < 2; i++) {
		must(!slip_spsc_init(m->rings[i], BYTES, 64, 8, 0), "init");
		must(!slip_spsc_attach_consumer(&c[i], m->rings[i], BYTES,
						NULL),
		     "attach");
		slip_spsc_pop_source(&s[i], &c[i]);
	}
	slip_sem_source(&s[2], &m->units, 1);
	slip_word_source(&s[3], &m->stop, 0, SLIP_SHARED);
	must(!slip_waitset_init(&w, s, 4), "set");
	if (fork() == 0)
		exit(produce(m));
	do {
		must(slip_waitset_wait(&w, SLIP_FOREVER) > 0, "wait");
		for (int i = 0; i < 2; i++)
			while (s[i].now && slip_spsc_pop(&c[i], &x))
				sum += x;
		while (s[2].now && slip_sem_acquire_try(&m->units, 1) == 0)
			units++;
	} while (!s[3].now); /* the look that finds it finds all before it */
	must(wait(NULL) > 0, "wait");
	for (int i = 0; i < 2; i++)
		while (slip_spsc_pop(&c[i], &x))
			sum += x;
	units += slip_sem_value(&m->units);
	must(sum == NUMBERS * (NUMBERS + 1) / 2, "all numbers came");
	must(units == NUMBERS / 10, "all units came");
	return 0;
}
