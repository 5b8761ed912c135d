/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(mutex_lock)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_mutex_lock_until(v->plain, v->deadline);
}

int KILL_OP(mutex_unlock)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_mutex_unlock(v->plain);
}

int KILL_OP(robust_mutex_lock)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_robust_mutex_lock_until(&v->robust, v->deadline);
}

int KILL_OP(robust_mutex_trylock)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_robust_mutex_trylock(&v->robust);
}

int KILL_OP(robust_mutex_unlock)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_robust_mutex_unlock(&v->robust);
}

int KILL_OP(robust_mutex_consistent)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_robust_mutex_consistent(&v->robust);
}

int KILL_OP(deadlock_init)(void *victim)
{
	struct kill_mutex_victim *v = victim;

	return slip_deadlock_init(&v->deadlock, v->robust.self);
}

/* As lock does after a slice, and when it returns. */
int KILL_OP(deadlock_look)(void *victim)
{
	struct kill_mutex_victim *v = victim;
	int rc = slip_deadlock_look_(&v->deadlock, v->wanted, true);

	slip_deadlock_retract_(&v->deadlock);
	return rc;
}
