/* SPDX-License-Identifier: MIT */
/* SPSC-R2/A2, R3/A3 by push_n and pop_n: all of them, in order and whole. */
#include "client.h"

static struct {
	_Alignas(64) unsigned char ring[384 + 2 * 64];
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	unsigned char got[2];
} s;

static void *producer(void *arg)
{
	static const unsigned char elems[2] = { 1, 2 };
	uint32_t n = slip_spsc_push_n(&s.p, elems, 2);

	assert(n == 2);
	return arg;
}

static void *consumer(void *arg)
{
	uint32_t n;

	/* Both at once, since they were published at once. */
	AWAIT((n = slip_spsc_pop_n(&s.c, s.got, 2)) != 0);
	assert(n == 2);
	return arg;
}

void check(void)
{
	assert(s.got[0] == 1 && s.got[1] == 2);
	assert(!s.p.error && !s.c.error);
}

int main(void)
{
	pthread_t t[2];
	int rc;

	client_begin(&s, sizeof(s));
	rc = slip_spsc_init(s.ring, sizeof(s.ring), 2, 1, SLIP_EVENT_FULL);
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
