/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

int KILL_OP(peer_join)(void *victim)
{
	struct kill_peer_victim *v = victim;

	return slip_peer_enter(&v->self);
}

int KILL_OP(peer_leave)(void *victim)
{
	struct kill_peer_victim *v = victim;

	slip_peer_leave(&v->self);
	return 0;
}

int KILL_OP(peer_recover)(void *victim)
{
	struct kill_peer_victim *v = victim;

	return slip_peer_recover(&v->self);
}
