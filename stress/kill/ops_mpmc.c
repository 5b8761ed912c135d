/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(mpmc_init)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_init(v->mem, v->bytes, v->capacity, v->elem_bytes,
			      v->flags);
}

int KILL_OP(mpmc_attach)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_attach(&v->q, v->mem, v->bytes, v->roles, v->self);
}

int KILL_OP(mpmc_detach)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	slip_mpmc_detach(&v->q);
	return 0;
}

/* As slip_peer_recover() does it, for one that is dead. */
int KILL_OP(mpmc_recover)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_recover_(v->self, v->mem, v->bytes, v->dead_id,
				  v->dead_gen);
}

int KILL_OP(mpmc_push)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_push(&v->q, v->data);
}

int KILL_OP(mpmc_push_n)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return (int)slip_mpmc_push_n(&v->q, v->data, KILL_MPMC_BATCH);
}

int KILL_OP(mpmc_claim_commit)(void *victim)
{
	struct kill_mpmc_victim *v = victim;
	void *to = slip_mpmc_claim(&v->q);

	if (!to)
		return 0;
	slip_copy(to, v->data, v->elem_bytes);
	return slip_mpmc_commit(&v->q);
}

int KILL_OP(mpmc_claim_abort)(void *victim)
{
	struct kill_mpmc_victim *v = victim;
	void *to = slip_mpmc_claim(&v->q);

	if (to)
		slip_copy(to, v->data, v->elem_bytes);
	slip_mpmc_abort(&v->q);
	return 0;
}

int KILL_OP(mpmc_push_until)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_push_until(&v->q, v->data, v->deadline) == 0;
}

int KILL_OP(mpmc_pop)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_pop(&v->q, v->data);
}

int KILL_OP(mpmc_pop_n)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return (int)slip_mpmc_pop_n(&v->q, v->data, KILL_MPMC_BATCH);
}

int KILL_OP(mpmc_pop_until)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_pop_until(&v->q, v->data, v->deadline) == 0;
}

int KILL_OP(mpmc_take)(void *victim)
{
	struct kill_mpmc_victim *v = victim;
	const void *from = slip_mpmc_take(&v->q, &v->ticket);

	if (!from)
		return 0;
	slip_copy(v->data, from, v->elem_bytes);
	return 1;
}

int KILL_OP(mpmc_ack)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	slip_mpmc_ack(&v->q, &v->ticket);
	return 1;
}

int KILL_OP(mpmc_nack)(void *victim)
{
	struct kill_mpmc_victim *v = victim;

	return slip_mpmc_nack(&v->q, &v->ticket);
}
