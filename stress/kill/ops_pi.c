/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(pi_mutex_lock)(void *victim)
{
	struct kill_pi_victim *v = victim;

	return slip_pi_mutex_lock_until(&v->m, 0);
}

int KILL_OP(pi_mutex_trylock)(void *victim)
{
	struct kill_pi_victim *v = victim;

	return slip_pi_mutex_trylock(&v->m);
}

int KILL_OP(pi_mutex_unlock)(void *victim)
{
	struct kill_pi_victim *v = victim;

	return slip_pi_mutex_unlock(&v->m);
}

int KILL_OP(pi_mutex_consistent)(void *victim)
{
	struct kill_pi_victim *v = victim;

	return slip_pi_mutex_consistent(&v->m);
}

int KILL_OP(pi_mutex_attach)(void *victim)
{
	struct kill_pi_victim *v = victim;

	return slip_pi_mutex_attach(&v->m, v->shared, v->self);
}
