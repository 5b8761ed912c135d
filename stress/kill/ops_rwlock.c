/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(rwlock_read_lock)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	return slip_rwlock_read_lock_until(&v->l, v->deadline);
}

int KILL_OP(rwlock_read_unlock)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	return slip_rwlock_read_unlock(&v->l);
}

int KILL_OP(rwlock_write_lock)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	return slip_rwlock_write_lock_until(&v->l, v->deadline);
}

/* And what it protects is changed in two steps before. */
int KILL_OP(rwlock_write_unlock)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	slip_a64_store_relaxed(&v->data[0], 1); /* own */
	slip_a64_store_relaxed(&v->data[1], 1); /* own */
	return slip_rwlock_write_unlock(&v->l);
}

int KILL_OP(rwlock_attach)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	return slip_rwlock_attach(&v->l, v->mem, v->bytes, v->self);
}

int KILL_OP(rwlock_detach)(void *victim)
{
	struct kill_rwlock_victim *v = victim;

	return slip_rwlock_detach(&v->l);
}
