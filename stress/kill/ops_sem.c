/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(sem_post)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_sem_post(v->mem, v->n);
}

int KILL_OP(sem_acquire)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_sem_acquire_try(v->mem, v->n);
}

/* As slip_sem_acquire, without the spin: its points are not the same twice. */
int KILL_OP(sem_acquire_sleep)(void *victim)
{
	struct kill_sem_victim *v = victim;
	struct slip_sem *s = v->mem;
	struct slip_sem_want_ want = { s, v->n };
	struct slip_waiter w;

	slip_waiter_init_(&w, &s->event, SLIP_EVENT_RMW, SLIP_FOREVER);
	w.spin.skip = UINT32_MAX;
	return slip_waiter_until_(&w, slip_sem_ready_, &want, SLIP_FOREVER);
}

int KILL_OP(sem_wait_zero_sleep)(void *victim)
{
	struct kill_sem_victim *v = victim;
	struct slip_sem *s = v->mem;
	struct slip_waiter w;

	slip_waiter_init_(&w, &s->event, SLIP_EVENT_RMW, SLIP_FOREVER);
	w.spin.skip = UINT32_MAX;
	return slip_waiter_until_(&w, slip_sem_zero_, s, SLIP_FOREVER);
}

int KILL_OP(sem_set_change)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_sem_set_change_try(v->mem, &v->change);
}

int KILL_OP(robust_sem_init)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_init(v->mem, v->bytes, v->seats, v->n);
}

int KILL_OP(robust_sem_attach)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_attach(&v->h, v->mem, v->bytes, v->self);
}

int KILL_OP(robust_sem_detach)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_detach(&v->h);
}

int KILL_OP(robust_sem_acquire)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_acquire_try(&v->h, v->n);
}

int KILL_OP(robust_sem_acquire_sleep)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_acquire(&v->h, v->n);
}

int KILL_OP(robust_sem_release)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_release(&v->h, v->n);
}

int KILL_OP(robust_sem_consume)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_consume(&v->h, v->n);
}

int KILL_OP(robust_sem_post)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_post(&v->h, v->n);
}

/* As slip_peer_recover() does it, for one that is dead. */
int KILL_OP(robust_sem_recover)(void *victim)
{
	struct kill_sem_victim *v = victim;

	return slip_robust_sem_recover_(v->self, v->mem, v->bytes, v->dead_id,
					v->dead_gen);
}
