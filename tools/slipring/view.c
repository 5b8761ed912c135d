/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "futex/region_tools.h"

static const char shm[] = "/dev/shm";
static const char prefix[] = "slip.";
static const char temporary[] = "slip.tmp.";

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The file that slip_region_open() means by `name`. */
static char *path_of(const char *name)
{
	char *path = NULL;

	if (strchr(name, '/'))
		return strdup(name);
	return asprintf(&path, "%s/%s%s", shm, prefix, name) < 0 ? NULL : path;
}

/* How the commands call a file in `dir`. */
static char *name_of(const char *dir, const char *file)
{
	char *name = NULL;

	if (strcmp(dir, shm) == 0 && starts(file, prefix) &&
	    !starts(file, temporary) && file[strlen(prefix)])
		return strdup(file + strlen(prefix));
	return asprintf(&name, "%s/%s", dir, file) < 0 ? NULL : name;
}

static void count_peers(struct view *v, const struct slip_region *rg)
{
	struct slip_peer_info peer;

	for (uint32_t id = 1; id <= rg->peers_max; id++) {
		if (slip_peer_describe(rg, id, &peer) || !peer.joined)
			continue;
		/* What cannot be asked counts as alive. */
		if (peer.alive)
			v->alive++;
		else
			v->dead++;
	}
}

static void count_objects(struct view *v, const struct slip_region *rg)
{
	struct slip_region_object object;
	int rc = 0;

	for (uint32_t i = 0; rc != -ENOENT && rc != -ECHILD; i++) {
		rc = slip_region_item(rg, i, &object);
		v->objects += !rc;
	}
}

/* Does anybody hold one of the locks of users and peers? We hold none. */
static int used(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int held;

	if (fd < 0)
		return -errno;
	held = slip_file_locked_(fd, SLIP_BYTE_BASE_, 0);
	(void)close(fd);
	return held;
}

static void look_inside(struct view *v, struct slip_region *rg)
{
	v->used = used(v->path);
	v->error = slip_region_open(rg, v->path, SLIP_REGION_READONLY);
	if (v->error)
		return;
	v->error = slip_region_describe(rg, &v->header);
	count_objects(v, rg);
	count_peers(v, rg);
}

bool view_look(struct view *v, const char *name, struct slip_region *rg)
{
	struct slip_region own;
	const char *file;

	memset(v, 0, sizeof(*v));
	v->name = strdup(name);
	v->path = path_of(name);
	if (!v->name || !v->path || !*name) {
		v->error = *name ? -ENOMEM : -EINVAL;
		return false;
	}
	file = strrchr(v->path, '/') + 1;
	v->temporary = starts(file, temporary);
	if (lstat(v->path, &v->st)) {
		v->error = -errno;
		return false;
	}
	/* To open a FIFO or a device would be more than looking. */
	if (S_ISREG(v->st.st_mode))
		look_inside(v, rg ? rg : &own);
	else
		v->error = S_ISLNK(v->st.st_mode) ? -ELOOP : -EBADMSG;
	if (!rg && !v->error)
		slip_region_close(&own);
	return true;
}

void view_drop(struct view *v)
{
	free(v->name);
	free(v->path);
	v->name = NULL;
	v->path = NULL;
}

/* One directory entry: appended to the list if it is of interest. */
static int add_entry(struct view *list, int used, const char *dir,
		     const char *file)
{
	struct view *v = &list[used];
	char *name;
	bool there;

	if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
		return used;
	name = name_of(dir, file);
	there = name && view_look(v, name, NULL);
	free(name);
	/* By another name it must be a region to be shown. */
	if (there && S_ISREG(v->st.st_mode) &&
	    (starts(file, prefix) ||
	     (v->error != -EBADMSG && v->error != -EACCES)))
		return used + 1;
	if (name)
		view_drop(v);
	return used;
}

int view_all(const char *dir, struct view **list)
{
	struct dirent **entries = NULL;
	int n = scandir(dir ? dir : shm, &entries, NULL, alphasort);
	int used = 0;

	*list = NULL;
	if (n < 0)
		return -errno;
	*list = calloc((size_t)n + 1, sizeof(**list));
	for (int i = 0; i < n; i++) {
		if (*list)
			used = add_entry(*list, used, dir ? dir : shm,
					 entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return *list ? used : -ENOMEM;
}

const char *view_state(const struct view *v)
{
	if (v->temporary)
		return "unfinished";
	switch (v->error) {
	case 0:
		return v->used ? "in use" : "unused";
	case -EBADMSG:
		return "foreign";
	case -EPROTO:
		return "other version";
	case -EPROTONOSUPPORT:
		return "other byte order";
	case -ENODATA:
		return "truncated";
	case -EOVERFLOW:
		return "damaged";
	case -EACCES:
		return "no permission";
	default:
		return cause(v->error);
	}
}

const char *owner_text(char text[OWNER_TEXT_BYTES], unsigned uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		(void)snprintf(text, OWNER_TEXT_BYTES, "%s", user->pw_name);
	else
		(void)snprintf(text, OWNER_TEXT_BYTES, "%u", uid);
	return text;
}

uint64_t view_age(const struct view *v)
{
	struct timespec now = { 0, 0 };
	uint64_t born = (uint64_t)v->st.st_mtim.tv_sec;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!v->error)
		born = v->header.created_ns / 1000000000;
	return (uint64_t)now.tv_sec > born ? (uint64_t)now.tv_sec - born : 0;
}

json_t *view_json(const struct view *v)
{
	char owner[OWNER_TEXT_BYTES], mode[8];
	json_t *out;

	(void)snprintf(mode, sizeof(mode), "%04o", v->st.st_mode & 07777);
	out = json_pack("{so so sI ss ss ss}", "name", text_json(v->name),
			"path", text_json(v->path), "bytes",
			(json_int_t)v->st.st_size, "mode", mode, "owner",
			owner_text(owner, v->st.st_uid), "state",
			view_state(v));
	if (v->error)
		(void)json_object_set_new(out, "error",
					  json_string(cause(v->error)));
	else
		(void)json_object_update_new(
			out,
			json_pack("{sI sI sI sb sI}", "objects",
				  (json_int_t)v->objects, "alive",
				  (json_int_t)v->alive, "dead",
				  (json_int_t)v->dead, "in_use", v->used != 0,
				  "age_seconds", (json_int_t)view_age(v)));
	return out;
}

void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

json_t *text_json(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return json_null();
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
			*at = '?';
	value = json_string(copy);
	free(copy);
	return value;
}
