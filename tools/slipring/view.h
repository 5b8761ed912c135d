/* SPDX-License-Identifier: MIT */
/* Regions seen from outside, through read-only mappings. */
#ifndef SLIP_TOOLS_SLIPRING_VIEW_H
#define SLIP_TOOLS_SLIPRING_VIEW_H

#include <sys/stat.h>

#include "futex/peer.h"
#include "futex/region.h"
#include "tools/slipring/common.h"

/* What can be said of one file that is, or claims to be, a region. */
struct view {
	char *name; /* as the commands take it: "demo", or a path */
	char *path;
	struct stat st;
	bool temporary; /* the unfinished file of a creator */
	int error;	/* why it could not be opened, or 0; then: */
	int used;	/* 1: somebody has it open or joined, 0, -errno */
	uint32_t objects, alive, dead;
	struct slip_region_header header;
};

/* Looks at the region `name`. False: there is no such file; -errno in error.
 * If `rg` is not NULL and error is 0, it is left open, for slip_region_close.
 * view_drop() in either case. */
bool view_look(struct view *v, const char *name, struct slip_region *rg);
void view_drop(struct view *v);

/* Everything in `dir` (NULL: /dev/shm) that is a region or is called like one,
 * sorted. Returns their number, or -errno; view_drop() each, free() the list.
 */
int view_all(const char *dir, struct view **list);

/* One word or two for its state: "in use", "truncated" ... */
const char *view_state(const struct view *v);

/* The owner's name, or number. */
#define OWNER_TEXT_BYTES 34
const char *owner_text(char text[OWNER_TEXT_BYTES], unsigned uid);

/* Seconds since the region was made; since the file changed if not known. */
uint64_t view_age(const struct view *v);

/* What ls tells of one region. */
json_t *view_json(const struct view *v);

/* A string out of a stranger's bytes: control characters become '?', and so
 * does, for JSON, all that is not UTF-8. */
void make_printable(char *text);
json_t *text_json(const char *text);

#endif
