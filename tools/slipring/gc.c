/* SPDX-License-Identifier: MIT */
/*
 * slipring gc: removes what the dead have left.
 *
 * The kernel decides, by its locks: a region goes if no process has it open
 * for writing and none of its peers lives, at the moment it is removed. In a
 * region that is kept, the rings are recovered from those of its peers who are
 * dead, as any living peer could.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "futex/region_tools.h"
#include "futex/robust_sem.h"
#include "ring/broadcast.h"
#include "ring/call.h"
#include "ring/lanes.h"
#include "ring/latest.h"
#include "ring/mpmc.h"
#include "ring/priority.h"
#include "tools/slipring/view.h"

struct options {
	const char *dir;
	bool dry_run, json;
};

struct verdict {
	bool removed;  /* or would be, in a dry run */
	int recovered; /* dead peers of a region that is kept */
	char why[96];
};

/* Joins the region for a moment, and cleans up after its dead: how many. What
 * cannot be (no permission, a kind of object that we do not know) is left to
 * who can. */
static int recover(const char *name)
{
	static const struct {
		uint32_t kind;
		slip_peer_recover_fn hook;
	} kinds[] = {
		{ SLIP_KIND_SPSC, slip_ends_recover_ },
		{ SLIP_KIND_RECORD, slip_ends_recover_ },
		{ SLIP_KIND_MPMC, slip_mpmc_recover_ },
		{ SLIP_KIND_LANES, slip_lanes_recover_ },
		{ SLIP_KIND_LATEST, slip_latest_recover_ },
		{ SLIP_KIND_BROADCAST, slip_broadcast_recover_ },
		{ SLIP_KIND_CALL, slip_call_recover_ },
		{ SLIP_KIND_PRIORITY, slip_priority_recover_ },
		{ SLIP_KIND_ROBUST_SEM, slip_robust_sem_recover_ },
	};
	struct slip_peer self = { 0 };
	struct slip_region rg;
	int n;

	if (slip_region_open(&rg, name, 0))
		return 0;
	n = slip_peer_join(&self, &rg);
	for (size_t i = 0; !n && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		n = slip_peer_hook(&self, kinds[i].kind, kinds[i].hook);
	if (!n)
		n = slip_peer_recover(&self);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	return n < 0 ? 0 : n;
}

static void say_kept(const struct view *v, int rc, struct verdict *out)
{
	if (rc != -EBUSY)
		(void)snprintf(out->why, sizeof(out->why), "%s", cause(rc));
	else if (v->alive)
		(void)snprintf(out->why, sizeof(out->why),
			       "%u of its peers are alive", v->alive);
	else
		(void)snprintf(out->why, sizeof(out->why),
			       v->temporary ? "it is being made"
					    : "a process has it open");
}

static void say_removed(const struct view *v, struct verdict *out)
{
	out->removed = true;
	if (v->temporary)
		(void)snprintf(out->why, sizeof(out->why),
			       "its maker died before it was finished");
	else if (v->dead)
		(void)snprintf(out->why, sizeof(out->why),
			       "its %u peers are dead", v->dead);
	else
		(void)snprintf(out->why, sizeof(out->why), "nobody uses it");
}

/* What reap would answer, as far as looking can tell. It does not mind what
 * is behind the first words of a region. */
static int would_reap(const struct view *v)
{
	bool ours = !v->error || v->temporary || v->error == -ENODATA ||
		    v->error == -EOVERFLOW || v->error == -EAGAIN;

	if (!ours)
		return v->error;
	return v->used ? -EBUSY : 0;
}

static void decide(const struct view *v, bool dry_run, struct verdict *out)
{
	int rc = dry_run ? would_reap(v) : slip_region_reap(v->name);

	memset(out, 0, sizeof(*out));
	if (!rc) {
		say_removed(v, out);
		return;
	}
	say_kept(v, rc, out);
	if (rc == -EBUSY && v->dead && !dry_run)
		out->recovered = recover(v->name);
}

static void print_row(const struct view *v, const struct options *o,
		      const struct verdict *verdict)
{
	char size[SIZE_TEXT_BYTES];

	make_printable(v->name);
	(void)printf("%-12s %s (%s): %s",
		     !verdict->removed ? "kept"
		     : o->dry_run      ? "would remove"
				       : "removed",
		     v->name, size_text(size, (uint64_t)v->st.st_size),
		     verdict->why);
	if (verdict->recovered)
		(void)printf("; recovered from %d that died",
			     verdict->recovered);
	(void)putchar('\n');
}

static json_t *row_json(const struct view *v, const struct options *o,
			const struct verdict *verdict)
{
	return json_pack("{so so sI sb sb sI ss}", "name", text_json(v->name),
			 "path", text_json(v->path), "bytes",
			 (json_int_t)v->st.st_size, "removed",
			 verdict->removed && !o->dry_run, "removable",
			 verdict->removed, "recovered",
			 (json_int_t)verdict->recovered, "why", verdict->why);
}

static int collect(const struct options *o, struct view *list, int n)
{
	json_t *rows = json_array();
	struct verdict verdict;

	for (int i = 0; i < n; i++) {
		decide(&list[i], o->dry_run, &verdict);
		if (o->json)
			(void)json_array_append_new(
				rows, row_json(&list[i], o, &verdict));
		else
			print_row(&list[i], o, &verdict);
		view_drop(&list[i]);
	}
	if (o->json)
		return print_json(rows);
	json_decref(rows);
	return finish_output(STATUS_OK);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'j')
		o->json = true;
	else if (key == 'n')
		o->dry_run = true;
	else if (key == 'd')
		o->dir = arg;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_gc(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "dir", 'd', "DIR", 0, "Sweep there instead of /dev/shm", 0 },
		{ "dry-run", 'n', NULL, 0, "Only say what would be done", 0 },
		{ "json", 'j', NULL, 0, "Report as JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Remove every region whose users are all dead or gone, "
		       "and clean the others of their dead.\vA region is kept "
		       "if any peer of it is alive, as the "
		       "kernel says, or any process has it open, and if it is "
		       "no region of this version. What is removed "
		       "may hold data that nobody has received.",
	};
	struct options o = { NULL, false, false };
	struct view *list;
	int n, status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	n = view_all(o.dir, &list);
	if (n < 0)
		return complain(o.dir ? o.dir : "/dev/shm", "%s", strerror(-n));
	status = collect(&o, list, n);
	free(list);
	return status;
}
