/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(call_init)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_init(v->mem, v->bytes, v->slots, v->payload, v->flags);
}

int KILL_OP(call_attach_client)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_attach_client(&v->c, v->mem, v->bytes, v->self);
}

int KILL_OP(call_detach_client)(void *victim)
{
	struct kill_call_victim *v = victim;

	slip_call_detach_client(&v->c);
	return 0;
}

int KILL_OP(call_send)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_send(&v->c, v->data, v->payload);
}

int KILL_OP(call_claim_commit)(void *victim)
{
	struct kill_call_victim *v = victim;
	void *to = slip_call_claim(&v->c);

	if (!to)
		return -1;
	slip_copy(to, v->data, v->payload);
	slip_call_commit(&v->c, v->payload);
	return 0;
}

int KILL_OP(call_receive)(void *victim)
{
	struct kill_call_victim *v = victim;
	uint32_t bytes;

	return slip_call_receive(&v->c, v->data, v->payload, &bytes);
}

int KILL_OP(call_until)(void *victim)
{
	struct kill_call_victim *v = victim;
	uint32_t bytes;

	return slip_call_until(&v->c, v->data, v->payload, v->data, v->payload,
			       &bytes, v->deadline);
}

int KILL_OP(call_attach_server)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_attach_server(&v->s, v->mem, v->bytes, v->self);
}

int KILL_OP(call_detach_server)(void *victim)
{
	struct kill_call_victim *v = victim;

	slip_call_detach_server(&v->s);
	return 0;
}

int KILL_OP(call_take)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_take(&v->s, &v->t) ? 0 : -1;
}

int KILL_OP(call_take_until)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_take_until(&v->s, &v->t, v->deadline);
}

int KILL_OP(call_reply)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_reply(&v->s, &v->t, v->data, v->payload);
}

int KILL_OP(call_recover)(void *victim)
{
	struct kill_call_victim *v = victim;

	return slip_call_recover_(v->self, v->mem, v->bytes, v->dead_id,
				  v->dead_gen);
}
