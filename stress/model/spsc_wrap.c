/* SPDX-License-Identifier: MIT */
/*
 * SPSC-R3/A3 over the seam: elements that fill a block each, so that the third
 * goes only when the first has been taken, and the fourth into its place.
 */
#include "client.h"

#define ELEM 40

static struct {
	_Alignas(64) unsigned char ring[384 + 3 * 64];
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	unsigned char put[4][ELEM];
	unsigned char got[4][ELEM];
} s;

static void *producer(void *arg)
{
	for (unsigned char i = 0; i < 4; i++) {
		s.put[i][0] = (unsigned char)(i + 1);
		s.put[i][ELEM - 1] = (unsigned char)(i + 1);
		AWAIT(slip_spsc_push(&s.p, s.put[i]));
	}
	return arg;
}

static void *consumer(void *arg)
{
	for (unsigned i = 0; i < 4; i++)
		AWAIT(slip_spsc_pop(&s.c, s.got[i]));
	return arg;
}

void check(void)
{
	for (unsigned i = 0; i < 4; i++)
		assert(s.got[i][0] == i + 1 && s.got[i][ELEM - 1] == i + 1);
	assert(!s.p.error && !s.c.error);
}

int main(void)
{
	pthread_t t[2];
	int rc;

	client_begin(&s, sizeof(s));
	rc = slip_spsc_init(s.ring, sizeof(s.ring), 2, ELEM, SLIP_EVENT_FULL);
	assert(!rc);
	rc = slip_spsc_attach_producer(&s.p, s.ring, sizeof(s.ring), NULL);
	assert(!rc);
	rc = slip_spsc_attach_consumer(&s.c, s.ring, sizeof(s.ring), NULL);
	assert(!rc);
	rc = pthread_create(&t[0], NULL, producer, NULL) ||
	     pthread_create(&t[1], NULL, consumer, NULL);
	assert(!rc);
	rc = pthread_join(t[0], NULL) || pthread_join(t[1], NULL);
	assert(!rc);
	check();
	return 0;
}
