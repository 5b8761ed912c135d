/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(lanes_init)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_init(v->mem, v->bytes, 2, 256, v->consumers,
			       v->flags);
}

int KILL_OP(lanes_attach_producer)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_attach_producer(&v->p, v->mem, v->bytes, v->self);
}

int KILL_OP(lanes_close)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	slip_lanes_close(&v->p);
	return 0;
}

int KILL_OP(lanes_push)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_push(&v->p, v->data[0], v->len);
}

int KILL_OP(lanes_push_v)(void *victim)
{
	struct kill_lanes_victim *v = victim;
	struct iovec pieces[2] = { { v->data[0], 3 },
				   { v->data[0] + 3, v->len - 3 } };

	return slip_lanes_push_v(&v->p, pieces, 2);
}

int KILL_OP(lanes_push_n)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_push_n(&v->p, v->spans, KILL_LANES_BATCH) ==
			       KILL_LANES_BATCH
		       ? 0
		       : -1;
}

int KILL_OP(lanes_claim_commit)(void *victim)
{
	struct kill_lanes_victim *v = victim;
	void *to = slip_lanes_claim(&v->p, v->len);

	if (!to)
		return -1;
	slip_copy(to, v->data[0], v->len);
	slip_lanes_commit(&v->p, v->len);
	return 0;
}

int KILL_OP(lanes_push_until)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_push_until(&v->p, v->data[0], v->len, v->deadline);
}

int KILL_OP(lanes_attach_consumer)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_attach_consumer(&v->c, v->mem, v->bytes, v->self);
}

int KILL_OP(lanes_detach_consumer)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	slip_lanes_detach_consumer(&v->c);
	return 0;
}

int KILL_OP(lanes_pop)(void *victim)
{
	struct kill_lanes_victim *v = victim;
	int rc = slip_lanes_pop(&v->c, v->data[0], 64, &v->len);

	v->came = rc == 0;
	return rc;
}

int KILL_OP(lanes_pop_n)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	v->came = slip_lanes_pop_n(&v->c, v->data, sizeof(v->data), v->spans,
				   KILL_LANES_BATCH);
	return v->came ? 0 : -EAGAIN;
}

int KILL_OP(lanes_peek)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_peek(&v->c, &v->len) ? 0 : -EAGAIN;
}

int KILL_OP(lanes_release)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	slip_lanes_release(&v->c);
	return 0;
}

int KILL_OP(lanes_pop_until)(void *victim)
{
	struct kill_lanes_victim *v = victim;
	int rc = slip_lanes_pop_until(&v->c, v->data[0], 64, &v->len,
				      v->deadline);

	v->came = rc == 0;
	return rc;
}

int KILL_OP(lanes_recover)(void *victim)
{
	struct kill_lanes_victim *v = victim;

	return slip_lanes_recover_(v->self, v->mem, v->bytes, v->dead_id,
				   v->dead_gen);
}
