/* SPDX-License-Identifier: MIT */
/*
 * RECORD-R2/A2, R3/A3: three records in a ring of two, of which the third needs
 * a PAD and the place of the first.
 *
 * The checkers refuse words of two sizes in one place: so bodies lie where no
 * header ever does, which these lengths see to.
 */
#include "client.h"

static const uint32_t lens[3] = { 24, 8, 24 };

static struct {
	_Alignas(64) unsigned char ring[384 + 64];
	struct slip_record_producer p;
	struct slip_record_consumer c;
	unsigned char put[3][24];
	unsigned char got[3][24];
	uint32_t len[3];
} s;

static void *producer(void *arg)
{
	for (unsigned char i = 0; i < 3; i++) {
		s.put[i][0] = (unsigned char)(i + 1);
		s.put[i][lens[i] - 1] = (unsigned char)(i + 1);
		AWAIT(slip_record_push(&s.p, s.put[i], lens[i]) == 0);
	}
	return arg;
}

static void *consumer(void *arg)
{
	for (unsigned i = 0; i < 3; i++)
		AWAIT(slip_record_pop(&s.c, s.got[i], 24, &s.len[i]) == 0);
	return arg;
}

void check(void)
{
	for (unsigned i = 0; i < 3; i++) {
		assert(s.len[i] == lens[i]);
		assert(s.got[i][0] == i + 1 && s.got[i][lens[i] - 1] == i + 1);
	}
	assert(!s.p.error && !s.c.error);
}

int main(void)
{
	pthread_t t[2];
	int rc;

	client_begin(&s, sizeof(s));
	rc = slip_record_init(s.ring, sizeof(s.ring), 64, SLIP_EVENT_FULL);
	assert(!rc);
	rc = slip_record_attach_producer(&s.p, s.ring, sizeof(s.ring), NULL);
	assert(!rc);
	rc = slip_record_attach_consumer(&s.c, s.ring, sizeof(s.ring), NULL);
	assert(!rc);
	rc = pthread_create(&t[0], NULL, producer, NULL) ||
	     pthread_create(&t[1], NULL, consumer, NULL);
	assert(!rc);
	rc = pthread_join(t[0], NULL) || pthread_join(t[1], NULL);
	assert(!rc);
	check();
	return 0;
}
