/* SPDX-License-Identifier: MIT */
/* slipring stat: what is in each level, and who has a seat. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "ring/priority.h"
#include "tools/slipring/stat.h"

/* The word of a seat, 1 to info->seats; 0: nobody sits there. */
static uint64_t seat_word(const struct slip_region_object *o,
			  const struct slip_priority_info *info, uint32_t seat)
{
	const char *at = o->mem;
	struct slip_priority_shape shape;
	const void *word;

	if (!slip_priority_shape_(&shape, info->levels, info->capacity,
				  info->elem_bytes,
				  SLIP_PRIORITY_SEATS(info->seats)))
		return 0;
	at += sizeof(struct slip_priority_ring) +
	      (seat - 1) * shape.one.seat_bytes;
	word = at;
	/* stat: looked at from outside */
	return slip_a64_load_relaxed(
		&SLIP_CAST(const struct slip_mpmc_seat *, word)->word);
}

static const char *role_text(uint64_t word)
{
	static const char *const names[] = { "nobody", "producer", "consumer",
					     "both" };

	return names[slip_mpmc_roles_(word) & 3];
}

static uint64_t fill(const struct slip_priority_info *info, uint32_t level)
{
	int64_t n = SLIP_CAST(int64_t, info->pushed_guess[level] -
					       info->popped_guess[level]);

	return n > 0 ? SLIP_CAST(uint64_t, n) : 0;
}

static json_t *levels_json(const struct slip_priority_info *info)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->levels; i++)
		(void)json_array_append_new(
			list,
			json_pack("{sI sI sI}", "fill",
				  (json_int_t)fill(info, i), "pushed",
				  (json_int_t)info->pushed_guess[i], "popped",
				  (json_int_t)info->popped_guess[i]));
	return list;
}

static json_t *seats_json(const struct slip_region *rg,
			  const struct slip_region_object *o,
			  const struct slip_priority_info *info)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i <= info->seats; i++) {
		uint64_t word = seat_word(o, info, i);
		json_t *seat;

		if (!word)
			continue;
		seat = stat_role_json(rg, word);
		(void)json_object_set_new(seat, "seat", json_integer(i));
		(void)json_object_set_new(seat, "role",
					  json_string(role_text(word)));
		(void)json_array_append_new(list, seat);
	}
	return list;
}

int stat_priority_json(const struct slip_region *rg,
		       const struct slip_region_object *o, json_t **out)
{
	static struct slip_priority_info info;
	int rc = slip_priority_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	*out = json_pack("{ss sI sI sI ss sI sI so so}", "kind", "priority",
			 "capacity", (json_int_t)info.capacity, "elem_bytes",
			 (json_int_t)info.elem_bytes, "ageing",
			 (json_int_t)info.ageing, "event_mode",
			 stat_mode_text(info.mode), "held",
			 (json_int_t)info.held, "seats_max",
			 (json_int_t)info.seats, "levels", levels_json(&info),
			 "seats", seats_json(rg, o, &info));
	return 0;
}

int stat_print_priority(const struct slip_region *rg,
			const struct slip_region_object *o)
{
	static struct slip_priority_info info;
	int rc = slip_priority_inspect(o->mem, o->bytes, &info);
	char name[32];

	if (rc)
		return rc;
	(void)printf("    %-10s %u, each %u elements of %u bytes, ", "levels",
		     info.levels, info.capacity, info.elem_bytes);
	if (info.ageing)
		(void)printf("ageing after %u pops\n", info.ageing);
	else
		(void)puts("strict");
	for (uint32_t i = info.levels; i-- > 0;) {
		(void)snprintf(name, sizeof(name), "level %u", i);
		(void)printf("    %-10s %" PRIu64 " in it, %" PRIu64
			     " pushed, %" PRIu64 " popped\n",
			     name, fill(&info, i), info.pushed_guess[i],
			     info.popped_guess[i]);
	}
	for (uint32_t i = 1; i <= info.seats; i++) {
		uint64_t word = seat_word(o, &info, i);

		if (word)
			stat_print_role(role_text(word), rg, word);
	}
	return 0;
}
