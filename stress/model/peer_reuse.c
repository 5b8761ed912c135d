/* SPDX-License-Identifier: MIT */
/*
 * PEER-R1/A1, R2/A2: an id whose member is cleaned away and who joins under it;
 * and one who asks. Without an oracle, so the words alone.
 */
#include "client.h"

static struct {
	_Alignas(128) unsigned char mem[8192 + 128];
	uint32_t life[4];
	struct slip_region rg;
	slip_a64 claim; /* of the member, in some object */
	uint32_t gen;
	int alive;
} s;

static void *leaver(void *arg)
{
	int freed;

	/* own: the first member's, and nobody may join before R1 */
	slip_a64_store_relaxed(&s.claim, 0);
	freed = slip_peer_free_(&s.rg, 1, 1);
	assert(freed);
	return arg;
}

static void *joiner(void *arg)
{
	uint64_t claim;

	AWAIT(slip_peer_claim_(&s.rg, 1, 1));
	claim = slip_a64_load_relaxed(&s.claim);
	assert(claim == 0);
	slip_a64_store_relaxed(&s.claim, 2);
	s.gen = 2;
	return arg;
}

static void *asker(void *arg)
{
	/* That of the first member, who is alive or has left its claim. */
	s.alive = slip_peer_member_alive(&s.rg, 1, 1);
	assert(s.alive == 0 || s.alive == 1);
	if (!s.alive)
		assert(slip_a64_load_relaxed(&s.claim) != 1);
	return arg;
}

void check(void)
{
	assert(s.gen == 2 && slip_a64_load_relaxed(&s.claim) == 2);
	assert(slip_a64_load_relaxed(&slip_peer_record_(&s.rg, 1)->word) ==
	       slip_peer_word_(2, SLIP_PEER_LIVE_));
}

int main(void)
{
	pthread_t t[3];
	int rc;

	client_begin(&s, sizeof(s));
	s.life[0] = 1;
	s.rg.mem = (char *)s.mem;
	s.rg.life = s.life;
	s.rg.file.fd = -1;
	s.rg.peers_max = 1;
	/* init: the first member */
	slip_a64_store_relaxed(&slip_peer_record_(&s.rg, 1)->word,
			       slip_peer_word_(1, SLIP_PEER_LIVE_));
	slip_a64_store_relaxed(&s.claim, 1);
	rc = pthread_create(&t[0], NULL, leaver, NULL) ||
	     pthread_create(&t[1], NULL, joiner, NULL) ||
	     pthread_create(&t[2], NULL, asker, NULL);
	assert(!rc);
	rc = pthread_join(t[0], NULL) || pthread_join(t[1], NULL) ||
	     pthread_join(t[2], NULL);
	assert(!rc);
	check();
	return 0;
}
