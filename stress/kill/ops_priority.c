/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(priority_init)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_init(v->mem, v->bytes, v->levels, v->capacity,
				  v->elem_bytes, v->flags);
}

int KILL_OP(priority_attach)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_attach(&v->p, v->mem, v->bytes, v->roles, v->self);
}

int KILL_OP(priority_detach)(void *victim)
{
	struct kill_priority_victim *v = victim;

	slip_priority_detach(&v->p);
	return 0;
}

/* As slip_peer_recover() does it, for one that is dead. */
int KILL_OP(priority_recover)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_recover_(v->self, v->mem, v->bytes, v->dead_id,
				      v->dead_gen);
}

int KILL_OP(priority_push)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_push(&v->p, v->data, v->level);
}

int KILL_OP(priority_push_until)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_push_until(&v->p, v->data, v->level,
					v->deadline) == 0;
}

int KILL_OP(priority_pop)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_pop(&v->p, v->data, &v->level);
}

int KILL_OP(priority_pop_until)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_pop_until(&v->p, v->data, &v->level,
				       v->deadline) == 0;
}

int KILL_OP(priority_pop_highest_until)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_pop_highest_until(&v->p, v->set, v->data,
					       &v->level, v->deadline) == 0;
}

int KILL_OP(priority_pop_lowest_until)(void *victim)
{
	struct kill_priority_victim *v = victim;

	return slip_priority_pop_lowest_until(&v->p, v->set, v->data, &v->level,
					      v->deadline) == 0;
}
