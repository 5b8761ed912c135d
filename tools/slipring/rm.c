/* SPDX-License-Identifier: MIT */
/* slipring rm NAME: takes a region's name away. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "futex/region_tools.h"
#include "tools/slipring/view.h"

struct options {
	const char *name;
	bool force;
};

static int refuse(const struct view *v)
{
	if (v->alive)
		return complain(v->name,
				"not removed: %u of its peers are alive (see "
				"slipring stat; --force removes the name "
				"nevertheless)",
				v->alive);
	return complain(v->name, "not removed: somebody has it open (--force "
				 "removes the name nevertheless)");
}

/* May --force take it? Outside our own names in /dev/shm a typing error must
 * not cost a file that is no region. */
static bool forcible(const struct view *v)
{
	bool region = v->error != -EBADMSG && v->error != -ELOOP &&
		      v->error != -EACCES;

	return region || v->temporary || !strchr(v->name, '/');
}

static int remove_region(const struct view *v, bool force)
{
	int rc;

	if (!force)
		rc = slip_region_reap(v->name);
	else if (forcible(v))
		rc = slip_region_unlink(v->name);
	else
		rc = v->error;
	if (rc == -EBUSY)
		return refuse(v);
	if (rc)
		return complain(v->name, "not removed: %s", cause(rc));
	return STATUS_OK;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'f')
		o->force = true;
	else if (!parse_name(key, arg, state, &o->name))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_rm(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "force", 'f', NULL, 0,
		  "Remove the name even if somebody uses the region or it is "
		  "damaged",
		  0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Remove a region that nobody uses.\vWith --force "
		       "whoever "
		       "uses the region keeps it, and its memory goes with the "
		       "last of them; but nobody finds it by name any more.",
	};
	struct options o = { NULL, false };
	struct view v;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	if (view_look(&v, o.name, NULL))
		status = remove_region(&v, o.force);
	else
		status = complain(o.name, "%s", cause(v.error));
	view_drop(&v);
	return status;
}
