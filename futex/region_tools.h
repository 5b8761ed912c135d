/* SPDX-License-Identifier: MIT */
/*
 * What keepers of regions need: sweeping up after the dead, and saying in words
 * what went wrong. For tools; rings need none of it.
 *
 *	if (slip_region_reap("demo") == -EBUSY)
 *		puts("somebody is still using it");
 */
#ifndef SLIP_FUTEX_REGION_TOOLS_H
#define SLIP_FUTEX_REGION_TOOLS_H

#include "region.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- removing -------------------------------------------------------------- */

/* Is it ours to remove: a region of this version, or a temporary file? */
SLIP_COLD SLIP_MUST_CHECK int slip_region_reapable_(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct slip_region_header h;
	long n;

	if (strncmp(slash + 1, SLIP_FILE_TEMP_, 9) == 0)
		return 0;
	memset(&h, 0, sizeof(h));
	n = slip_sys_call_(SYS_pread64, fd, slip_file_arg_(&h), sizeof(h), 0, 0,
			   0);
	if (n < 0)
		return SLIP_CAST(int, n);
	return slip_region_identify_(&h);
}

/* Is what is left there of no worth? Asked when nobody uses it and nobody can
 * begin to; may open it READONLY. */
typedef bool (*slip_region_reap_fn)(void *arg);

/*
 * Removes a region that nobody uses: no handle on it is open for writing, no
 * peer of it lives; and of which `worthless` says so, unless that is NULL. 0:
 * removed. -EBUSY: in use. -ENOTEMPTY: worth keeping. -ENOENT, -EACCES (needs to
 * open it for writing), -EPERM, -EBADMSG, -EPROTO, -EPROTONOSUPPORT, -EINVAL.
 * Also takes the path of a temporary file, whatever is in it.
 *
 * So of several that leave, each of whom calls this after slip_region_close(),
 * the last one sees what all have left, and it is he who removes it.
 *
 * No time or process number decides: one exclusive lock over all the bytes that
 * users and peers lock is either refused, or keeps every new one out until the
 * name is gone (an opener who finds the name in that moment reports -EBUSY; if
 * this process is stopped in it, until it goes on or is killed, or the name is
 * taken away). Nor can another reap give the name to a successor meanwhile.
 * slip_region_unlink(), rm or rename can, see there: Linux has no "unlink if
 * it is still this file". Read-only handles do not count as users.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_reap_if(const char *name, slip_region_reap_fn worthless, void *arg)
{
	char buf[SLIP_REGION_PATH_BYTES_];
	const char *path = NULL;
	struct slip_file_ f;
	uint64_t bytes;
	int r = slip_region_path_(buf, name, &path);

	slip_file_init_(&f);
	if (!r)
		r = slip_region_open_path_(path, SLIP_O_RDWR_);
	if (r >= 0)
		r = slip_file_take_(&f, r, &bytes);
	if (!r)
		r = slip_region_reapable_(f.fd, path);
	if (!r) /* 0 bytes: to the end of all offsets */
		r = slip_file_lock_(f.fd, SLIP_LOCK_WRITE_, SLIP_BYTE_BASE_, 0);
	if (r == -EAGAIN)
		r = -EBUSY;
	if (!r) { /* Another file by now is not one proved dead. */
		r = slip_region_named_(path, &f);
		if (r == -EBADF)
			r = -EBUSY;
	}
	if (!r && worthless && !worthless(arg))
		r = -ENOTEMPTY;
	if (!r)
		r = slip_file_unlink_(SLIP_AT_CWD_, path);
	slip_file_close_(&f, true);
	return r;
}

/* As slip_region_reap_if, whatever is left there. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_reap(const char *name)
{
	return slip_region_reap_if(name, NULL, NULL);
}

/* --- saying ---------------------------------------------------------------- */

/* One sentence for an error of this header, without a full stop. */
SLIP_COLD const char *slip_region_strerror(int err)
{
	static const struct {
		int err;
		const char *text;
	} table[] = {
		{ 0, "no error" },
		{ -EINVAL, "the name, size or flag is not valid" },
		{ -ENAMETOOLONG, "the name is too long" },
		{ -EEXIST, "the name is taken" },
		{ -ENOENT, "no such region or directory" },
		{ -EACCES, "the permissions do not allow it" },
		{ -ELOOP,
		  "the name is a symbolic link, which is not followed" },
		{ -EBADMSG, "this is not a slipring region" },
		{ -EPROTO, "the region was made by another version" },
		{ -EPROTONOSUPPORT, "the region has another byte order" },
		{ -EAGAIN, "the region is not published yet" },
		{ -ENODATA, "the region was truncated" },
		{ -EOVERFLOW, "the region's header contradicts itself" },
		{ -ENOSPC, "no space is left (file system or region)" },
		{ -ENOMEM, "the kernel refused memory or address space" },
		{ -EMFILE, "this process has too many open files" },
		{ -ENFILE, "the machine has too many open files" },
		{ -EFBIG, "the limit on file sizes is too low" },
		{ -EPERM, "not permitted, or already published" },
		{ -EROFS, "read-only" },
		{ -ECHILD, "the handle belongs to the process that forked" },
		{ -EBADF, "the region's descriptor was closed" },
		{ -EXDEV, "the name is in another file system" },
		{ -EOPNOTSUPP,
		  "not supported here (file system, or no /proc)" },
		{ -EBUSY, "somebody is using the region, or removing it" },
		{ -ENOTEMPTY, "something worth keeping is in the region" },
		{ -EUSERS, "every place for a peer is taken" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].err == err)
			return table[i].text;
	return "a system call failed";
}

#ifdef __cplusplus
}
#endif

#endif
