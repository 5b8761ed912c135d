/* SPDX-License-Identifier: MIT */
/* See ops.h. Records to push are in the spans; popped ones are left there. */
#include "stress/kill/ops.h"

int KILL_OP(record_init)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_record_init(v->mem, v->bytes, v->capacity, v->flags);
}

int KILL_OP(record_push)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_record_push(&v->record_p, v->spans[0].data,
				v->spans[0].len) == 0;
}

int KILL_OP(record_push_n)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return (int)slip_record_push_n(&v->record_p, v->spans, KILL_BATCH);
}

int KILL_OP(record_claim_commit)(void *victim)
{
	struct kill_ring_victim *v = victim;
	uint32_t len = v->spans[0].len;
	void *to = slip_record_claim(&v->record_p, len);

	if (!to)
		return 0;
	slip_copy(to, v->spans[0].data, len);
	slip_record_commit(&v->record_p, len);
	return 1;
}

int KILL_OP(record_push_until)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_record_push_until(&v->record_p, v->spans[0].data,
				      v->spans[0].len, v->deadline) == 0;
}

int KILL_OP(record_attach_producer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_record_attach_producer(&v->record_p, v->mem, v->bytes,
					   v->self);
}

int KILL_OP(record_detach_producer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	slip_record_detach_producer(&v->record_p);
	return 0;
}

int KILL_OP(record_pop)(void *victim)
{
	struct kill_ring_victim *v = victim;

	v->spans[0].data = v->data;
	return slip_record_pop(&v->record_c, v->data, sizeof(v->data),
			       &v->spans[0].len) == 0;
}

int KILL_OP(record_pop_n)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return (int)slip_record_pop_n(&v->record_c, v->data, sizeof(v->data),
				      v->spans, KILL_BATCH);
}

int KILL_OP(record_peek_release)(void *victim)
{
	struct kill_ring_victim *v = victim;
	const void *from = slip_record_peek(&v->record_c, &v->spans[0].len);

	if (!from)
		return 0;
	slip_copy(v->data, from, v->spans[0].len);
	v->spans[0].data = v->data;
	slip_record_release(&v->record_c);
	return 1;
}

int KILL_OP(record_pop_until)(void *victim)
{
	struct kill_ring_victim *v = victim;

	v->spans[0].data = v->data;
	return slip_record_pop_until(&v->record_c, v->data, sizeof(v->data),
				     &v->spans[0].len, v->deadline) == 0;
}

int KILL_OP(record_attach_consumer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	return slip_record_attach_consumer(&v->record_c, v->mem, v->bytes,
					   v->self);
}

int KILL_OP(record_detach_consumer)(void *victim)
{
	struct kill_ring_victim *v = victim;

	slip_record_detach_consumer(&v->record_c);
	return 0;
}
