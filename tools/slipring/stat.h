/* SPDX-License-Identifier: MIT */
/* What the parts of `slipring stat` share. */
#ifndef SLIP_TOOLS_SLIPRING_STAT_H
#define SLIP_TOOLS_SLIPRING_STAT_H

#include "futex/peer.h"
#include "futex/region_tools.h"
#include "tools/slipring/common.h"

/* Who has the role with that word. */
json_t *stat_role_json(const struct slip_region *rg, uint64_t word);
void stat_print_role(const char *name, const struct slip_region *rg,
		     uint64_t word);
const char *stat_mode_text(unsigned mode);

/* Request and reply. 0, or -errno: it is damaged. */
int stat_call_json(const struct slip_region *rg,
		   const struct slip_region_object *o, json_t **out);
int stat_print_call(const struct slip_region *rg,
		    const struct slip_region_object *o);
/* Levels of urgency, likewise. */
int stat_priority_json(const struct slip_region *rg,
		       const struct slip_region_object *o, json_t **out);
int stat_print_priority(const struct slip_region *rg,
			const struct slip_region_object *o);
/* What goes to many readers, likewise. */
int stat_broadcast_json(const struct slip_region *rg,
			const struct slip_region_object *o, json_t **out);
int stat_print_broadcast(const struct slip_region *rg,
			 const struct slip_region_object *o);
/* Lanes, likewise. */
int stat_lanes_json(const struct slip_region *rg,
		    const struct slip_region_object *o, json_t **out);
int stat_print_lanes(const struct slip_region *rg,
		     const struct slip_region_object *o);
/* The newest value, likewise. */
int stat_latest_json(const struct slip_region *rg,
		     const struct slip_region_object *o, json_t **out);
int stat_print_latest(const struct slip_region *rg,
		      const struct slip_region_object *o);

#endif
