/* SPDX-License-Identifier: MIT */
/* slipring stat: the server, the clients and what they have asked. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "ring/call.h"
#include "tools/slipring/stat.h"

/* Is there anything to be said of that slot? */
static bool look_at_slot(const struct slip_region_object *o, uint32_t i,
			 struct slip_call_slot_info *one)
{
	return !slip_call_inspect_slot(o->mem, o->bytes, i, one) &&
	       ((one->client & 15) != SLIP_ROLE_VACANT || one->open);
}

static json_t *slots_json(const struct slip_region *rg,
			  const struct slip_region_object *o, uint32_t slots)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < slots; i++) {
		struct slip_call_slot_info one = { 0 };
		json_t *slot;

		if (!look_at_slot(o, i, &one))
			continue;
		slot = stat_role_json(rg, one.client);
		(void)json_object_set_new(slot, "slot", json_integer(i));
		(void)json_object_set_new(slot, "number",
					  json_integer((json_int_t)one.number));
		(void)json_object_set_new(slot, "open", json_boolean(one.open));
		(void)json_object_set_new(slot, "attempts",
					  json_integer(one.attempts));
		(void)json_array_append_new(list, slot);
	}
	return list;
}

int stat_call_json(const struct slip_region *rg,
		   const struct slip_region_object *o, json_t **out)
{
	struct slip_call_info info = { 0 };
	int rc = slip_call_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	*out = json_pack("{ss sI sI ss sI sI sI so so}", "kind", "call",
			 "slots_max", (json_int_t)info.slots, "payload_bytes",
			 (json_int_t)info.payload_bytes, "event_mode",
			 stat_mode_text(info.mode), "asked",
			 (json_int_t)info.asked_guess, "open",
			 (json_int_t)info.open_guess, "taken",
			 (json_int_t)info.taken_guess, "server",
			 stat_role_json(rg, info.server), "slots",
			 slots_json(rg, o, info.slots));
	return 0;
}

int stat_print_call(const struct slip_region *rg,
		    const struct slip_region_object *o)
{
	struct slip_call_slot_info one = { 0 };
	struct slip_call_info info = { 0 };
	char name[32];
	int rc = slip_call_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	(void)printf("    %-10s %u of %u have clients, %u bytes each\n",
		     "slots", info.clients_guess, info.slots,
		     info.payload_bytes);
	(void)printf("    %-10s %" PRIu64 " asked, %u open, %u of them taken\n",
		     "requests", info.asked_guess, info.open_guess,
		     info.taken_guess);
	stat_print_role("server", rg, info.server);
	for (uint32_t i = 0; i < info.slots; i++) {
		if (!look_at_slot(o, i, &one))
			continue;
		(void)snprintf(name, sizeof(name), "slot %u%s", i,
			       one.open ? "*" : "");
		stat_print_role(name, rg, one.client);
	}
	return 0;
}
