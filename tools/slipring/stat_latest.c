/* SPDX-License-Identifier: MIT */
/* slipring stat: the newest value and its writer. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>

#include "ring/latest.h"
#include "tools/slipring/stat.h"

/* What is being written; 0: nothing is, or (by the role) it was left so. */
static uint64_t unfinished(const struct slip_latest_info *info)
{
	return info->begun == info->version ? 0 : info->begun;
}

int stat_latest_json(const struct slip_region *rg,
		     const struct slip_region_object *o, json_t **out)
{
	struct slip_latest_info info = { 0 };
	int rc = slip_latest_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	*out = json_pack("{ss sI sI sI sI sI ss so}", "kind", "latest",
			 "version", (json_int_t)info.version, "unfinished",
			 (json_int_t)unfinished(&info), "value_bytes",
			 (json_int_t)info.len_guess, "value_bytes_max",
			 (json_int_t)info.value_bytes, "slots",
			 (json_int_t)info.slots, "event_mode",
			 stat_mode_text(info.mode), "writer",
			 stat_role_json(rg, info.writer));
	return 0;
}

int stat_print_latest(const struct slip_region *rg,
		      const struct slip_region_object *o)
{
	struct slip_latest_info info = { 0 };
	int rc = slip_latest_inspect(o->mem, o->bytes, &info);

	if (rc)
		return rc;
	(void)printf("    %-10s version %" PRIu64 ", %u bytes of up to %u\n",
		     "newest", info.version, info.len_guess, info.value_bytes);
	if (unfinished(&info))
		(void)printf("    %-10s version %" PRIu64 "\n", "unfinished",
			     unfinished(&info));
	stat_print_role("writer", rg, info.writer);
	return 0;
}
