/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(latest_init)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_init(v->mem, v->bytes, v->slots, v->value_bytes,
				v->flags);
}

int KILL_OP(latest_write)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_write(&v->w, v->data, v->len) == 0;
}

int KILL_OP(latest_put_commit)(void *victim)
{
	struct kill_latest_victim *v = victim;

	if (slip_latest_put(&v->w, 3, v->data + 3, v->len - 3) ||
	    slip_latest_put(&v->w, 0, v->data, 3))
		return 0;
	return slip_latest_commit(&v->w, v->len) == 0;
}

int KILL_OP(latest_attach_writer)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_attach_writer(&v->w, v->mem, v->bytes, v->self);
}

int KILL_OP(latest_detach_writer)(void *victim)
{
	struct kill_latest_victim *v = victim;

	slip_latest_detach_writer(&v->w);
	return 0;
}

int KILL_OP(latest_read)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_read(&v->r, v->data, sizeof(v->data), &v->len) == 0;
}

int KILL_OP(latest_read_until)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_read_until(&v->r, v->data, sizeof(v->data), &v->len,
				      v->deadline) == 0;
}

int KILL_OP(latest_attach_reader)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_attach_reader(&v->r, v->mem, v->bytes, v->self);
}

int KILL_OP(latest_attach_readonly)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_attach_readonly(&v->r, v->mem, v->bytes, v->self);
}

int KILL_OP(latest_recover)(void *victim)
{
	struct kill_latest_victim *v = victim;

	return slip_latest_recover_(v->self, v->mem, v->bytes, v->dead_id,
				    v->dead_gen);
}
