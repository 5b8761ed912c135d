/* SPDX-License-Identifier: MIT */
/*
 * ROLE-R1/A1, R2/A2: a holder that dies, and two who want its role, of whom
 * each may see the death, or meet the other. One at a time has it, and finds
 * what its predecessor has done.
 */
#include "client.h"

static struct {
	uint32_t life[4];
	struct slip_region rg;
	struct slip_peer self[3];
	slip_a64 role;
	uint32_t work; /* plain: of the holder */
	uint32_t took[3];
} s;

static void *dying(void *arg)
{
	s.work++;
	/* own: no, the kernel's: whoever sees it sees all that we did */
	slip_a32_store_release(&client_gone[1], 1);
	return arg;
}

static void succeed(unsigned i)
{
	s.took[i] = slip_role_take_(&s.role, &s.self[i]) == 0;
	if (!s.took[i])
		return;
	s.work++;
	(void)slip_role_drop_(&s.role, &s.self[i]);
}

static void *second(void *arg)
{
	succeed(1);
	return arg;
}

static void *third(void *arg)
{
	AWAIT(slip_a32_load_acquire(&client_gone[1]));
	succeed(2);
	return arg;
}

void check(void)
{
	/* The third came after the death: at worst it met the second. */
	assert(s.took[1] || s.took[2]);
	assert(s.work == 1 + s.took[1] + s.took[2]);
	assert((slip_a64_load_relaxed(&s.role) & 15) == SLIP_ROLE_CLOSED);
}

int main(void)
{
	pthread_t t[3];
	int rc;

	client_begin(&s, sizeof(s));
	client_begin(client_gone, sizeof(client_gone));
	s.life[0] = 1;
	s.rg.life = s.life;
	s.rg.file.fd = 3; /* not used: client_sys() answers */
	s.rg.peers_max = 4;
	for (uint32_t i = 0; i < 3; i++) {
		s.self[i].rg = &s.rg;
		s.self[i].id = i + 1;
		s.self[i].gen = 1;
	}
	rc = slip_role_take_(&s.role, &s.self[0]);
	assert(!rc);
	rc = pthread_create(&t[0], NULL, dying, NULL) ||
	     pthread_create(&t[1], NULL, second, NULL) ||
	     pthread_create(&t[2], NULL, third, NULL);
	assert(!rc);
	rc = pthread_join(t[0], NULL) || pthread_join(t[1], NULL) ||
	     pthread_join(t[2], NULL);
	assert(!rc);
	check();
	return 0;
}
