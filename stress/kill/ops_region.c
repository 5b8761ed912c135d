/* SPDX-License-Identifier: MIT */
/* See ops.h. */
#include "stress/kill/ops.h"

#include "futex/region_memory.h"
#include "futex/region_tools.h"

int KILL_OP(region_create)(void *victim)
{
	struct kill_region_victim *v = victim;

	return slip_region_create_at(&v->rg, v->dir, v->bytes,
				     SLIP_REGION_PEERS(4));
}

/* Object number i is named "a" + i, of kind 100 + i, and says so inside. */
static int add(struct kill_region_victim *v)
{
	for (unsigned i = 0; i < KILL_OBJECTS; i++) {
		char name[2] = { (char)('a' + i), 0 };
		void *mem = NULL;
		int rc = slip_region_place(&v->rg, name, 100 + i,
					   KILL_OBJECT_BYTES(i), &mem);

		if (rc)
			return rc;
		slip_copy(mem, name, sizeof(name));
	}
	return 0;
}

int KILL_OP(region_add)(void *victim)
{
	return add(victim);
}

int KILL_OP(region_publish)(void *victim)
{
	struct kill_region_victim *v = victim;

	return slip_region_publish(&v->rg, v->name, 0600);
}

int KILL_OP(region_format)(void *victim)
{
	struct kill_region_victim *v = victim;
	int rc = slip_region_format(&v->rg, v->memory, v->bytes, -1,
				    SLIP_REGION_PEERS(4));

	if (!rc)
		rc = add(v);
	return rc ? rc : slip_region_publish(&v->rg, NULL, 0);
}

int KILL_OP(region_open)(void *victim)
{
	struct kill_region_victim *v = victim;

	return slip_region_open(&v->rg, v->name, 0);
}

int KILL_OP(region_unlink)(void *victim)
{
	struct kill_region_victim *v = victim;

	return slip_region_unlink(v->name);
}

int KILL_OP(region_reap)(void *victim)
{
	struct kill_region_victim *v = victim;

	return slip_region_reap(v->name);
}
