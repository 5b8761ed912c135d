/* SPDX-License-Identifier: MIT */
/* SPSC-R2/A2, R3/A3: two elements through a ring of two, in order and whole. */
#include "client.h"

static struct {
	_Alignas(64) unsigned char ring[384 + 2 * 64];
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	unsigned char got[2][2];
} s;

static void *producer(void *arg)
{
	unsigned char elem[2];

	for (unsigned char i = 0; i < 2; i++) {
		elem[0] = (unsigned char)(2 * i + 1);
		elem[1] = (unsigned char)(2 * i + 2);
		assert(slip_spsc_push(&s.p, elem));
	}
	return arg;
}

static void *consumer(void *arg)
{
	AWAIT(slip_spsc_pop(&s.c, s.got[0]));
	AWAIT(slip_spsc_pop(&s.c, s.got[1]));
	return arg;
}

void check(void)
{
	for (unsigned i = 0; i < 4; i++)
		assert(s.got[i / 2][i % 2] == i + 1);
	assert(!s.p.error && !s.c.error);
}

int main(void)
{
	pthread_t t[2];
	int rc;

	client_begin(&s, sizeof(s));
	rc = slip_spsc_init(s.ring, sizeof(s.ring), 2, 2, SLIP_EVENT_FULL);
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
