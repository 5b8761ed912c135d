/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(spsc_init)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_init(v->mem, v->bytes, v->capacity, v->elem_bytes,
			      v->flags);
}

int KILL_OP(spsc_push)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_push(&v->spsc_p, v->data);
}

int KILL_OP(spsc_push_n)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return (int)slip_spsc_push_n(&v->spsc_p, v->data, KILL_BATCH);
}

int KILL_OP(spsc_claim_commit)(void *victim)
{
	struct kill_ring_victim *v = victim;
	void *to = slip_spsc_claim(&v->spsc_p);

	if (!to)
		return 0;
	slip_copy(to, v->data, v->elem_bytes);
	slip_spsc_commit(&v->spsc_p);
	return 1;
}

int KILL_OP(spsc_push_until)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_push_until(&v->spsc_p, v->data, v->deadline) == 0;
}

int KILL_OP(spsc_attach_producer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_attach_producer(&v->spsc_p, v->mem, v->bytes, v->self);
}

int KILL_OP(spsc_detach_producer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	slip_spsc_detach_producer(&v->spsc_p);
	return 0;
}

int KILL_OP(spsc_pop)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_pop(&v->spsc_c, v->data);
}

int KILL_OP(spsc_pop_n)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return (int)slip_spsc_pop_n(&v->spsc_c, v->data, KILL_BATCH);
}

int KILL_OP(spsc_peek_release)(void *victim)
{
	struct kill_ring_victim *v = victim;
	const void *from = slip_spsc_peek(&v->spsc_c);

	if (!from)
		return 0;
	slip_copy(v->data, from, v->elem_bytes);
	slip_spsc_release(&v->spsc_c);
	return 1;
}

int KILL_OP(spsc_pop_until)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_pop_until(&v->spsc_c, v->data, v->deadline) == 0;
}

int KILL_OP(spsc_attach_consumer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_spsc_attach_consumer(&v->spsc_c, v->mem, v->bytes, v->self);
}

int KILL_OP(spsc_detach_consumer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	slip_spsc_detach_consumer(&v->spsc_c);
	return 0;
}
