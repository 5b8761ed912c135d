/* SPDX-License-Identifier: MIT */
/* slipring stat: lanes, their producers, and the consumers. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "ring/lanes.h"
#include "tools/slipring/stat.h"

/* Is there anything to be said of that lane? */
static bool look_at_lane(const struct slip_region_object *o, uint32_t i,
			 struct slip_record_info *one)
{
	return !slip_lanes_inspect_lane(o->mem, o->bytes, i, one) &&
	       ((one->producer & 15) != SLIP_ROLE_VACANT || one->records_guess);
}

static json_t *lanes_json(const struct slip_region *rg,
			  const struct slip_region_object *o, uint32_t lanes)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < lanes; i++) {
		struct slip_record_info one = { 0 };
		json_t *lane;

		if (!look_at_lane(o, i, &one))
			continue;
		lane = stat_role_json(rg, one.producer);
		(void)json_object_set_new(lane, "lane", json_integer(i));
		(void)json_object_set_new(
			lane, "records",
			json_integer((json_int_t)one.records_guess));
		(void)json_object_set_new(
			lane, "used_bytes",
			json_integer((json_int_t)one.used_bytes_guess));
		(void)json_array_append_new(list, lane);
	}
	return list;
}

/* The role word of seat `i`. */
static uint64_t seat(const struct slip_region_object *o, uint32_t i)
{
	const struct slip_lanes_ring *ring =
		(const struct slip_lanes_ring *)o->mem;

	return slip_a64_load_relaxed(&ring->seats[i]); /* stat */
}

static json_t *seats_json(const struct slip_region *rg,
			  const struct slip_region_object *o, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		if ((seat(o, i) & 15) != SLIP_ROLE_VACANT)
			(void)json_array_append_new(
				list, stat_role_json(rg, seat(o, i)));
	return list;
}

int stat_lanes_json(const struct slip_region *rg,
		    const struct slip_region_object *o, json_t **out)
{
	struct slip_lanes_info info = { 0 };
	int rc = slip_lanes_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	*out = json_pack("{ss sI sI sI sI sb ss sI sI so so}", "kind", "lanes",
			 "lanes_max", (json_int_t)info.lanes, "lane_bytes",
			 (json_int_t)info.capacity, "record_bytes_max",
			 (json_int_t)info.max_bytes, "consumers_max",
			 (json_int_t)info.consumers, "stamped",
			 (int)(info.flags == SLIP_LANES_STAMPED), "event_mode",
			 stat_mode_text(info.mode), "records",
			 (json_int_t)info.records_guess, "used_bytes",
			 (json_int_t)info.used_bytes_guess, "consumers",
			 seats_json(rg, o, info.consumers), "lanes",
			 lanes_json(rg, o, info.lanes));
	return 0;
}

int stat_print_lanes(const struct slip_region *rg,
		     const struct slip_region_object *o)
{
	struct slip_record_info one = { 0 };
	struct slip_lanes_info info = { 0 };
	char name[32];
	int rc = slip_lanes_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	(void)printf("    %-10s %u of %u have producers, %" PRIu64
		     " bytes each%s\n",
		     "lanes", info.producers_guess, info.lanes, info.capacity,
		     info.flags ? ", stamped" : "");
	(void)printf("    %-10s %" PRIu64 " in %" PRIu64
		     " bytes, of up to %u each\n",
		     "records", info.records_guess, info.used_bytes_guess,
		     info.max_bytes);
	for (uint32_t i = 0; i < info.consumers; i++) {
		if ((seat(o, i) & 15) == SLIP_ROLE_VACANT)
			continue;
		(void)snprintf(name, sizeof(name), "consumer %u", i);
		stat_print_role(name, rg, seat(o, i));
	}
	for (uint32_t i = 0; i < info.lanes; i++) {
		if (!look_at_lane(o, i, &one))
			continue;
		(void)snprintf(name, sizeof(name), "lane %u%s", i,
			       one.records_guess ? "*" : "");
		stat_print_role(name, rg, one.producer);
	}
	return 0;
}
