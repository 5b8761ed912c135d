/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

static int put(struct kill_cond_victim *v, bool all, bool inside)
{
	struct slip_cond *c = &v->shared->cond;
	int rc = slip_robust_mutex_lock(&v->mutex);

	if (rc)
		return rc;
	v->shared->units = 1;
	if (!inside)
		rc = slip_robust_mutex_unlock(&v->mutex);
	if (all)
		slip_cond_broadcast_robust(c, &v->mutex);
	else
		slip_cond_signal(c);
	return inside ? slip_robust_mutex_unlock(&v->mutex) : rc;
}

int KILL_OP(cond_signal)(void *victim)
{
	return put(victim, false, false);
}

int KILL_OP(cond_signal_inside)(void *victim)
{
	return put(victim, false, true);
}

int KILL_OP(cond_broadcast)(void *victim)
{
	return put(victim, true, false);
}

int KILL_OP(cond_broadcast_inside)(void *victim)
{
	return put(victim, true, true);
}

int KILL_OP(cond_wait)(void *victim)
{
	struct kill_cond_victim *v = victim;
	int rc = slip_robust_mutex_lock(&v->mutex);

	while (rc == 0 && v->shared->units == 0)
		rc = slip_cond_wait_robust(&v->shared->cond, &v->mutex);
	if (rc)
		return rc;
	v->shared->units = 0;
	return slip_robust_mutex_unlock(&v->mutex);
}
