/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(broadcast_init)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_init(v->mem, v->bytes, v->room, v->elem_bytes,
				   v->writers, v->readers, v->flags);
}

int KILL_OP(broadcast_write)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_write(&v->w, v->data, v->len) == 0;
}

int KILL_OP(broadcast_write_until)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_write_until(&v->w, v->data, v->len,
					  v->deadline) == 0;
}

int KILL_OP(broadcast_evict)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_evict(&v->w);
}

int KILL_OP(broadcast_attach_writer)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_attach_writer(&v->w, v->mem, v->bytes, v->self);
}

int KILL_OP(broadcast_detach_writer)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	slip_broadcast_detach_writer(&v->w);
	return 0;
}

int KILL_OP(broadcast_read)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_read(&v->r, v->data, sizeof(v->data), &v->len) ==
	       0;
}

int KILL_OP(broadcast_read_until)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_read_until(&v->r, v->data, sizeof(v->data),
					 &v->len, v->deadline) == 0;
}

int KILL_OP(broadcast_attach_reader)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_attach_reader(&v->r, v->mem, v->bytes, v->self,
					    v->newest);
}

int KILL_OP(broadcast_attach_readonly)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_attach_readonly(&v->r, v->mem, v->bytes, v->self,
					      v->newest);
}

int KILL_OP(broadcast_detach_reader)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	slip_broadcast_detach_reader(&v->r);
	return 0;
}

int KILL_OP(broadcast_recover)(void *victim)
{
	struct kill_broadcast_victim *v = victim;

	return slip_broadcast_recover_(v->self, v->mem, v->bytes, v->dead_id,
				       v->dead_gen);
}
