/* SPDX-License-Identifier: MIT */
/* ROLE-R1/A1: who hears the end of file has the last element before it. */
#include "client.h"

static struct {
	_Alignas(64) unsigned char ring[384 + 2 * 64];
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	unsigned char got;
} s;

static void *producer(void *arg)
{
	unsigned char elem = 7;
	bool pushed = slip_spsc_push(&s.p, &elem);

	assert(pushed);
	slip_spsc_detach_producer(&s.p);
	return arg;
}

static void *consumer(void *arg)
{
	bool popped;

	AWAIT(slip_spsc_producer_state(&s.c) == SLIP_ROLE_CLOSED);
	popped = slip_spsc_pop(&s.c, &s.got);
	assert(popped);
	return arg;
}

void check(void)
{
	assert(s.got == 7 && !s.c.error && s.p.error == -EPIPE);
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
