/* SPDX-License-Identifier: MIT */
/* slipring ls: the regions of this machine. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/slipring/view.h"

struct options {
	const char *dir;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'j')
		o->json = true;
	else if (key == 'd')
		o->dir = arg;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static int print_as_json(const struct view *list, int n)
{
	json_t *all = json_array();

	for (int i = 0; i < n; i++)
		(void)json_array_append_new(all, view_json(&list[i]));
	return print_json(all);
}

/* One line; what only a sound region has is "-" for the others. */
static void print_row(const struct view *v, int width)
{
	char size[SIZE_TEXT_BYTES], age[TIME_TEXT_BYTES];
	char owner[OWNER_TEXT_BYTES];
	char counts[3][12] = { "-", "-", "-" };

	if (!v->error) {
		(void)snprintf(counts[0], 12, "%u", v->objects);
		(void)snprintf(counts[1], 12, "%u", v->alive);
		(void)snprintf(counts[2], 12, "%u", v->dead);
	}
	make_printable(v->name);
	(void)printf("%-*s %10s %04o %-8s %7s %5s %5s %11s  %s\n", width,
		     v->name, size_text(size, (uint64_t)v->st.st_size),
		     v->st.st_mode & 07777, owner_text(owner, v->st.st_uid),
		     counts[0], counts[1], counts[2],
		     time_text(age, view_age(v)), view_state(v));
}

static int print_as_text(const struct view *list, int n)
{
	int width = 4;

	for (int i = 0; i < n; i++)
		if ((int)strlen(list[i].name) > width)
			width = (int)strlen(list[i].name);
	if (n)
		(void)printf("%-*s %10s %4s %-8s %7s %5s %5s %11s  %s\n", width,
			     "NAME", "SIZE", "MODE", "OWNER", "OBJECTS",
			     "ALIVE", "DEAD", "AGE", "STATE");
	for (int i = 0; i < n; i++)
		print_row(&list[i], width);
	return finish_output(STATUS_OK);
}

int cmd_ls(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "dir", 'd', "DIR", 0, "Look there instead of in /dev/shm",
		  0 },
		{ "json", 'j', NULL, 0, "Report as JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the regions of this machine.\vALIVE and DEAD are "
		       "the peers that joined and did not leave; whether one "
		       "is "
		       "alive is asked of the kernel. A file that is called "
		       "like a region and is none is listed too, with STATE "
		       "saying what is wrong. Nothing is written anywhere.",
	};
	struct options o = { NULL, false };
	struct view *list;
	int n, status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	n = view_all(o.dir, &list);
	if (n < 0)
		return complain(o.dir ? o.dir : "/dev/shm", "%s", strerror(-n));
	status = o.json ? print_as_json(list, n) : print_as_text(list, n);
	for (int i = 0; i < n; i++)
		view_drop(&list[i]);
	free(list);
	return status;
}
