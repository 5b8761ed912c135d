/* SPDX-License-Identifier: MIT */
/* slipring stat: what each writer has written, and how far each reader is. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "ring/broadcast.h"
#include "tools/slipring/stat.h"

/* False: nobody has ever been there. */
static bool look_at_lane(const struct slip_region_object *o, uint32_t i,
			 struct slip_broadcast_lane_info *info)
{
	return !slip_broadcast_inspect_lane(o->mem, o->bytes, i, info) &&
	       info->writer;
}

static bool look_at_seat(const struct slip_region_object *o, uint32_t i,
			 struct slip_broadcast_seat_info *info)
{
	return !slip_broadcast_inspect_seat(o->mem, o->bytes, i, info) &&
	       info->reader;
}

static json_t *lanes_json(const struct slip_region *rg,
			  const struct slip_region_object *o,
			  const struct slip_broadcast_info *info)
{
	struct slip_broadcast_lane_info lane;
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->writers; i++) {
		json_t *one;

		if (!look_at_lane(o, i, &lane))
			continue;
		one = stat_role_json(rg, lane.writer);
		(void)json_object_set_new(one, "lane", json_integer(i));
		(void)json_object_set_new(one, "written",
					  json_integer((json_int_t)lane.tail));
		(void)json_array_append_new(list, one);
	}
	return list;
}

static json_t *seats_json(const struct slip_region *rg,
			  const struct slip_region_object *o,
			  const struct slip_broadcast_info *info)
{
	struct slip_broadcast_seat_info seat;
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->readers; i++) {
		json_t *one;

		if (!look_at_seat(o, i, &seat))
			continue;
		one = stat_role_json(rg, seat.reader);
		(void)json_object_set_new(one, "seat", json_integer(i));
		(void)json_object_set_new(
			one, "behind", json_integer((json_int_t)seat.behind));
		(void)json_object_set_new(one, "waited_for",
					  json_boolean(seat.counts));
		(void)json_array_append_new(list, one);
	}
	return list;
}

int stat_broadcast_json(const struct slip_region *rg,
			const struct slip_region_object *o, json_t **out)
{
	struct slip_broadcast_info info = { 0 };
	int rc = slip_broadcast_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	*out = json_pack(
		"{ss sI ss sI sI sI sI ss so so}", "kind", "broadcast", "room",
		(json_int_t)info.room, "unit",
		info.elem_bytes ? "elements" : "bytes", "elem_bytes",
		(json_int_t)info.elem_bytes, "max_bytes",
		(json_int_t)info.max_bytes, "lanes_max",
		(json_int_t)info.writers, "seats_max", (json_int_t)info.readers,
		"event_mode", stat_mode_text(info.mode), "writers",
		lanes_json(rg, o, &info), "readers", seats_json(rg, o, &info));
	return 0;
}

static void print_shape(const struct slip_broadcast_info *info)
{
	if (info->elem_bytes)
		(void)printf("    %-10s %" PRIu64 " elements of %u bytes",
			     "room", info->room, info->elem_bytes);
	else
		(void)printf("    %-10s %" PRIu64 " bytes of records, of up to "
			     "%u each",
			     "room", info->room, info->max_bytes);
	if (info->readers)
		(void)printf("; %u readers are waited for\n", info->readers);
	else
		(void)printf("; lossy, %u writers\n", info->writers);
}

int stat_print_broadcast(const struct slip_region *rg,
			 const struct slip_region_object *o)
{
	struct slip_broadcast_info info = { 0 };
	struct slip_broadcast_lane_info lane;
	struct slip_broadcast_seat_info seat;
	int rc = slip_broadcast_inspect(o->mem, o->bytes, &info);
	const char *unit = info.elem_bytes ? "elements" : "bytes";

	if (rc)
		return rc;
	print_shape(&info);
	for (uint32_t i = 0; i < info.writers; i++) {
		if (!look_at_lane(o, i, &lane))
			continue;
		stat_print_role("writer", rg, lane.writer);
		(void)printf("    %-10s %" PRIu64 " %s\n", "written", lane.tail,
			     unit);
	}
	for (uint32_t i = 0; i < info.readers; i++) {
		if (!look_at_seat(o, i, &seat))
			continue;
		stat_print_role("reader", rg, seat.reader);
		(void)printf("    %-10s %" PRIu64 " %s%s\n", "behind",
			     seat.behind, unit,
			     seat.counts ? "" : ", not waited for");
	}
	return 0;
}
