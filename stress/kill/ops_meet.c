/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(flag_set)(void *victim)
{
	struct kill_meet_victim *v = victim;

	slip_flag_set(&v->shared->flag);
	return 0;
}

int KILL_OP(flag_wait)(void *victim)
{
	struct kill_meet_victim *v = victim;

	return slip_flag_wait(&v->shared->flag);
}

int KILL_OP(once_run)(void *victim)
{
	struct kill_meet_victim *v = victim;
	int rc = slip_once_begin(&v->shared->once, v->self);

	if (rc != 1)
		return rc;
	v->shared->half[0]++;
	v->shared->half[1]++;
	return slip_once_end(&v->shared->once, v->self);
}

int KILL_OP(once_abort)(void *victim)
{
	struct kill_meet_victim *v = victim;
	int rc = slip_once_begin(&v->shared->once, v->self);

	return rc == 1 ? slip_once_abort(&v->shared->once, v->self) : rc;
}

int KILL_OP(latch_arrive)(void *victim)
{
	struct kill_meet_victim *v = victim;
	int rc = slip_latch_join(&v->latch);

	return rc ? rc : slip_latch_arrive(&v->latch);
}

int KILL_OP(barrier_wait)(void *victim)
{
	struct kill_meet_victim *v = victim;
	int rc = slip_barrier_join(&v->barrier);

	return rc ? rc : slip_barrier_wait(&v->barrier, NULL);
}

int KILL_OP(barrier_leave)(void *victim)
{
	struct kill_meet_victim *v = victim;
	int rc = slip_barrier_join(&v->barrier);

	slip_barrier_leave(&v->barrier);
	return rc;
}
