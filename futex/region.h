/* SPDX-License-Identifier: MIT */
/*
 * A region: one piece of shared memory with a header, a table of peers and a
 * directory of named objects, for any number of processes.
 *
 * Use it when several processes shall find the same rings by name, know who
 * else is alive (futex/peer.h), and never meet a half-made or stale segment.
 * Do not use it when the bytes are there already and nobody can die: rings
 * live in any memory, with `self` NULL. slip_region_format() is the middle way
 * for memory of one's own that shall have peers.
 *
 *	struct slip_region rg;
 *	void *mem;
 *
 *	if (slip_region_create(&rg, 4096, 0))			(creator)
 *		return 1;
 *	mem = slip_region_add(&rg, "greeting", 7, 4096);
 *	if (!mem)
 *		return 1;
 *	strcpy(mem, "hello");
 *	if (slip_region_publish(&rg, "demo", 0600))
 *		return 1;
 *
 *	if (slip_region_open(&rg, "demo", 0))			(anybody)
 *		return 1;
 *	mem = slip_region_find(&rg, "greeting", 7, &bytes);
 *
 * Shape (version 2; the offsets are fixed, not read):
 *
 *	0	struct slip_region_header, 256 bytes; rest of the page zero
 *	4096	directory: 64 entries of 64 bytes
 *	8192	peer records: `peers_max` of 128 bytes, id 1 first
 *	...	(page)
 *	header_bytes	the objects: each at a multiple of 128 bytes, or of
 *			page_bytes if it is that big; zero at birth
 *	total_bytes	end of the file
 *
 * All but `state` and the peer records is written by the creator before
 * publishing and by nobody after it. Numbers are in native byte order. At most
 * 64 objects, 4095 peers, 2^46 bytes; names of objects have 1 to 39 bytes.
 *
 * Life. The file is built without a name (O_TMPFILE, or a memfd), each part
 * with real pages from the start, and gets its name by link(2) when it is
 * complete: whoever opens the name finds everything, a creator killed anywhere
 * leaves nothing. Where the file system refuses O_TMPFILE a temporary name
 * "slip.tmp.<16 digits>" stands in; a kill can leave that, and
 * slip_region_reap() removes it, knowing by a lock that its maker is gone.
 *
 * A name without '/' means the file "/dev/shm/slip." + name, of 1 to 250 bytes
 * and not starting with "tmp."; a name with '/' is a path used as it is.
 *
 * Concurrency. On one handle, or on one object of it:
 *
 *				create..close	place add publish	others
 *	create open adopt	X		X			X
 *	format attach close
 *	place add publish	X		X			X
 *	find item describe	X		X			-
 *	fd mirror unmirror
 *
 * X: the caller excludes it; -: any threads at once. Different handles, also
 * on one region, need nothing. All but find, item, describe and fd enter the
 * kernel; those are wait-free and async-signal-safe. Nothing waits for another
 * process. The handle must neither move nor vanish while peers, rings or
 * mirrors use it: leave, unmirror, then close.
 *
 * Order. What the creator wrote before publish is visible to whoever opened.
 *
 * fork. A mapping is not inherited (a child's use of it faults rather than
 * corrupts) and the child's copy of a handle is recognised: int functions give
 * -ECHILD, pointer functions NULL, close only closes the child's descriptors.
 * slip_region_fd() still works there, so a child may adopt the region anew.
 * vfork and CLONE_VM share the memory and so the handle. exec drops all.
 *
 * Death and damage. A region does not know who uses it; its peers do. Shared
 * bytes are never believed: the header is checked once and its numbers kept in
 * the handle, an entry of the directory is copied, then checked, then used. A
 * peer that may write can still spoil contents, and it can truncate a file, so
 * that the others get SIGBUS; not so a memfd, which is for parties that do not
 * trust each other.
 * A memfd is sealed against shrinking, growing and further seals at publish;
 * who is given one demands that by slip_region_adopt(..., SLIP_REGION_MEMFD),
 * as any file may look like one. The kernel still lets a writer punch holes,
 * which read as zeros; but a hole in a HUGETLB one is SIGBUS where the pool is
 * empty. Whoever may read the file may lock it, and so hinder the others from
 * joining and reaping: 0600 or 0660 is the mode for what matters.
 *
 * Errors, beyond those of the system calls; slip_region_strerror() explains:
 *
 *	-EINVAL		argument, flag, name or size no region can have
 *	-ENAMETOOLONG	name
 *	-EEXIST		that name is taken
 *	-ENOENT		no such region; publish: no such directory
 *	-ENOTDIR	create_at: no directory
 *	-EACCES		the mode bits say no, perhaps only since setuid()
 *	-ELOOP		the name is a symbolic link: not followed
 *	-EBADMSG	not a region: other magic, too short, not a file
 *	-EPROTO		a region of another version
 *	-EPROTONOSUPPORT  a region of another byte order
 *	-EAGAIN		not published yet
 *	-ENODATA	truncated: the file is shorter than its header says
 *	-EOVERFLOW	the sizes in the header do not fit each other
 *	-ENOSPC		no room: the file system's pages or the region's bytes
 *	-EMFILE, -ENFILE, -ENOMEM, -EFBIG	limits of the kernel's
 *	-EPERM		add or publish after publish, or by another than the
 *			creator; adopt: not sealed
 *	-EROFS		needs to write, and the handle is read-only
 *	-ECHILD		the handle was inherited by fork
 *	-EBADF		no descriptor, or the program closed the region's
 *	-EXDEV		the name lies in another file system than the file
 *	-EOPNOTSUPP	this kind of region, file system or kernel (OFD locks
 *			and MADV_WIPEONFORK are needed) cannot do that
 *	-EBUSY		reap: somebody uses it; open, adopt: being reaped
 *	-ENOTEMPTY	reap_if: what is in it is worth keeping
 */
#ifndef SLIP_FUTEX_REGION_H
#define SLIP_FUTEX_REGION_H

#include "region_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- ending ---------------------------------------------------------------- */

/*
 * Ends the handle. In a fork child neither the mapping (never inherited: what
 * is at that address now belongs to others) nor a temporary name is ours.
 */
SLIP_COLD void slip_region_close(struct slip_region *rg)
{
	bool mine;

	if (!rg->life)
		return;
	mine = !slip_region_stale_(rg);
	if (rg->mem && mine && !(rg->flags & SLIP_REGION_FOREIGN_))
		(void)slip_sys_munmap_(rg->mem, rg->bytes);
	slip_file_close_(&rg->file, mine);
	(void)slip_sys_munmap_(rg->life, SLIP_REGION_LIFE_BYTES_);
	memset(rg, 0, sizeof(*rg));
	slip_file_init_(&rg->file);
}

/* Returns `r`; on failure the handle is closed first. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_end_(struct slip_region *rg, int r)
{
	if (r)
		slip_region_close(rg);
	return r;
}

/* --- creating -------------------------------------------------------------- */

SLIP_COLD SLIP_MUST_CHECK int slip_region_backing_(struct slip_region *rg,
						   const char *dir)
{
	uint64_t bytes;
	long r;

	if (rg->flags & SLIP_REGION_PRIVATE)
		return 0;
	if (!(rg->flags & SLIP_REGION_MEMFD)) {
		r = slip_file_create_(&rg->file, dir ? dir : "/dev/shm");
		return r ? SLIP_CAST(int, r) : slip_region_page_of_(rg);
	}
	r = slip_file_memfd_(rg->flags & SLIP_REGION_HUGETLB);
	if (r < 0)
		return SLIP_CAST(int, r);
	r = slip_file_take_(&rg->file, SLIP_CAST(int, r), &bytes);
	if (!r)
		r = slip_file_lock_(rg->file.fd, SLIP_LOCK_READ_,
				    SLIP_BYTE_USER_, 1);
	return r ? SLIP_CAST(int, r) : slip_region_page_of_(rg);
}

SLIP_COLD SLIP_MUST_CHECK int slip_region_create_flags_(struct slip_region *rg,
							unsigned flags)
{
	unsigned known = SLIP_REGION_MEMFD | SLIP_REGION_PRIVATE |
			 SLIP_REGION_HUGE | SLIP_REGION_HUGETLB |
			 SLIP_REGION_PREFAULT | SLIP_REGION_MLOCK |
			 SLIP_REGION_PEERS(0xfffu);
	unsigned both = SLIP_REGION_MEMFD | SLIP_REGION_PRIVATE;
	int r;

	memset(rg, 0, sizeof(*rg));
	slip_file_init_(&rg->file);
	if ((flags & ~known) || (flags & both) == both)
		return -EINVAL;
	if ((flags & SLIP_REGION_HUGETLB) && !(flags & SLIP_REGION_MEMFD))
		return -EINVAL;
	r = slip_region_begin_(rg, flags);
	rg->peers_max = flags >> 16;
	if (!rg->peers_max)
		rg->peers_max = SLIP_REGION_PEERS_DEFAULT;
	return r;
}

/*
 * Begins a region whose file shall lie in `dir` (a tmpfs, hugetlbfs or other
 * file system with fallocate; NULL: /dev/shm). `bytes` is the sum of the sizes
 * of the objects to come, 0..2^46; what alignment costs is added by itself.
 * The header's pages are allocated now, each object's when it is added.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_create_at(struct slip_region *rg,
						    const char *dir,
						    size_t bytes,
						    unsigned flags)
{
	int r = slip_region_create_flags_(rg, flags);

	if (r)
		return r;
	if (bytes > SLIP_REGION_BYTES_MAX_)
		return slip_region_end_(rg, -EINVAL);
	r = slip_region_backing_(rg, dir);
	if (r)
		return slip_region_end_(rg, r);
	rg->header_bytes = slip_region_head_bytes_(rg->peers_max);
	/* One unit per object bounds the alignment; it costs only addresses. */
	rg->bytes = slip_file_round_(rg->header_bytes + bytes, rg->page_bytes) +
		    (SLIP_REGION_OBJECTS_MAX + 1) *
			    SLIP_CAST(uint64_t, rg->page_bytes);
	if (rg->file.fd >= 0)
		r = slip_file_allocate_(
			&rg->file, 0,
			slip_file_round_(rg->header_bytes, rg->page_bytes));
	if (!r)
		r = slip_region_map_(rg);
	if (!r)
		r = slip_region_settle_(rg, 0, rg->header_bytes);
	if (!r)
		r = slip_region_write_(rg);
	return slip_region_end_(rg, r);
}

/* The same in /dev/shm, or wherever the flags say. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_create(struct slip_region *rg,
						 size_t bytes, unsigned flags)
{
	return slip_region_create_at(rg, NULL, bytes, flags);
}

/* --- building -------------------------------------------------------------- */

SLIP_INLINE struct slip_region_entry *
slip_region_entry_(const struct slip_region *rg, uint32_t index)
{
	void *at = rg->mem + SLIP_REGION_DIRECTORY_AT_;

	return SLIP_CAST(struct slip_region_entry *, at) + index;
}

SLIP_COLD SLIP_MUST_CHECK int slip_region_may_add_(const struct slip_region *rg,
						   const char *name,
						   uint64_t bytes)
{
	int r = slip_region_check_(rg);

	if (r)
		return r;
	if (!(rg->flags & SLIP_REGION_BUILDING_))
		return -EPERM;
	if (!name || !*name || !bytes || bytes > SLIP_REGION_BYTES_MAX_)
		return -EINVAL;
	if (strlen(name) >= SLIP_REGION_NAME_BYTES)
		return -ENAMETOOLONG;
	if (rg->objects == SLIP_REGION_OBJECTS_MAX)
		return -ENOSPC;
	for (uint32_t i = 0; i < rg->objects; i++)
		if (strcmp(slip_region_entry_(rg, i)->name, name) == 0)
			return -EEXIST;
	return 0;
}

/* Does the region lie in a file, and is that still under its number? 1, 0 or
 * -EBADF: what lies there now must be neither cut nor named nor opened up. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_filed_(const struct slip_region *rg)
{
	int r;

	if (rg->file.fd < 0 || (rg->flags & SLIP_REGION_FOREIGN_))
		return 0;
	r = slip_file_same_(&rg->file, rg->file.fd);
	return r ? r : 1;
}

/* Cuts the file to what is used, and says where the region ends. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_trim_(const struct slip_region *rg,
						uint64_t *end)
{
	int r = slip_region_filed_(rg);

	*end = rg->bytes;
	if (!(rg->flags & SLIP_REGION_FOREIGN_))
		*end = slip_file_round_(rg->used, rg->page_bytes);
	if (r <= 0)
		return r;
	return slip_file_call_(SYS_ftruncate, rg->file.fd, slip_file_num_(*end),
			       0, 0);
}

/* Pages, zeros, prefault and lock for a new object's bytes. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_back_(const struct slip_region *rg,
						uint64_t offset, uint64_t bytes)
{
	int r = slip_region_filed_(rg);
	uint64_t end;

	if (rg->flags & SLIP_REGION_FOREIGN_)
		memset(rg->mem + offset, 0, bytes);
	if (r == 1) {
		r = slip_file_allocate_(&rg->file, offset, bytes);
		/* Give back what was had; if that fails, publish repeats it. */
		if (r && slip_region_trim_(rg, &end))
			return r;
	}
	return r ? r : slip_region_settle_(rg, offset, offset + bytes);
}

/*
 * Adds an object of `bytes` zero bytes under `name` (1..39 bytes) and tells
 * where it is: a multiple of 128 bytes from the start, or of the page if it is
 * a page or more. `kind` says what it holds, for slip_region_find(); kinds of
 * slipring's own are in the headers of its rings.
 * -ENOSPC (no pages, no room or 64 objects), -EEXIST, -ENAMETOOLONG, -EINVAL,
 * -EPERM (published, or not the creator), -EBADF, -ECHILD. A failure adds
 * nothing.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_place(struct slip_region *rg,
						const char *name, uint32_t kind,
						size_t bytes, void **mem)
{
	int r = slip_region_may_add_(rg, name, bytes);
	struct slip_region_entry *entry;
	uint64_t unit = SLIP_APART_BYTES;
	uint64_t offset;

	if (r)
		return r;
	if (bytes >= rg->page_bytes)
		unit = rg->page_bytes;
	offset = slip_file_round_(rg->used, unit);
	if (offset > rg->bytes || bytes > rg->bytes - offset)
		return -ENOSPC;
	r = slip_region_back_(rg, offset, bytes);
	if (r)
		return r;
	entry = slip_region_entry_(rg, rg->objects);
	memcpy(entry->name, name, strlen(name));
	entry->kind = kind;
	entry->offset = offset;
	entry->bytes = bytes;
	rg->used = offset + bytes;
	rg->objects++;
	*mem = rg->mem + offset;
	return 0;
}

/* The same; NULL where it fails. */
SLIP_COLD SLIP_MUST_CHECK void *slip_region_add(struct slip_region *rg,
						const char *name, uint32_t kind,
						size_t bytes)
{
	void *mem = NULL;

	return slip_region_place(rg, name, kind, bytes, &mem) ? NULL : mem;
}

/* Lets the finished file be opened: mode and name, or the seals of a memfd. */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_expose_(struct slip_region *rg, const char *path, unsigned mode)
{
	int r = slip_region_filed_(rg);

	if (r <= 0)
		return r;
	r = slip_file_chmod_(rg->file.fd, mode & rg->file.allowed);
	/* F_ADD_SEALS: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW */
	if (!r && (rg->flags & SLIP_REGION_MEMFD))
		r = slip_file_call_(SYS_fcntl, rg->file.fd, 1033, 7, 0);
	else if (!r && path)
		r = slip_file_link_(&rg->file, path);
	/* Ours alone again, as a temporary name may be found meanwhile. */
	if (r && slip_file_chmod_(rg->file.fd, 0600))
		return r;
	return r;
}

/* The creator's mapping loses its slack, and is now like everybody's. */
SLIP_COLD void slip_region_finish_(struct slip_region *rg, uint64_t end)
{
	if (end < rg->bytes)
		(void)slip_sys_munmap_(rg->mem + end, rg->bytes - end);
	rg->bytes = end;
	rg->flags &= ~SLIP_REGION_BUILDING_;
}

/*
 * Ends the building and, if `name` is given, gives the region its name, with
 * the permissions `mode` & ~umask (`mode` within 0777; a memfd gets `mode`
 * itself, which counts when another user adopts it). All participants but
 * read-only ones, the creator too, need both r and w. `name` NULL publishes
 * without a name: a memfd, a private region, the caller's memory; a file so
 * published is passed by descriptor. A failure leaves the region as it was, to
 * be published under another name or closed.
 * -EEXIST, -EINVAL, -ENAMETOOLONG, -EACCES, -ENOENT (directory), -EXDEV,
 * -EPERM (published already), -EBADF, -ECHILD.
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_publish(struct slip_region *rg, const char *name, unsigned mode)
{
	bool named_kind =
		!(rg->flags & (SLIP_REGION_MEMFD | SLIP_REGION_PRIVATE |
			       SLIP_REGION_FOREIGN_));
	char buf[SLIP_REGION_PATH_BYTES_];
	struct slip_region_header *h = slip_region_header_(rg);
	const char *path = NULL;
	uint64_t end = 0;
	int r = slip_region_check_(rg);

	if (r)
		return r;
	if (!(rg->flags & SLIP_REGION_BUILDING_))
		return -EPERM;
	if (mode > 0777 || (name && !named_kind))
		return -EINVAL;
	if (name)
		r = slip_region_path_(buf, name, &path);
	if (!r)
		r = slip_region_trim_(rg, &end);
	if (r)
		return r;
	h->total_bytes = end;
	h->directory_count = rg->objects;
	/* REGION-R1 release: header, directory and objects are complete for
	 * whoever sees READY. Pairs: slip_region_attach() (REGION-A1). Else: a
	 * thread that attaches to memory it shares checks sizes of 0. */
	slip_a32_store_release(&h->state, SLIP_REGION_STATE_READY_);
	r = slip_region_expose_(rg, path, mode);
	if (r)
		/* init: not exposed after all, back to being built. Only a
		 * region with a file comes here, and nobody attaches to the
		 * mapping of one: it is found by its name, which it has not. */
		slip_a32_store_relaxed(&h->state, SLIP_REGION_STATE_BUILT_);
	else
		slip_region_finish_(rg, end);
	return r;
}

/* --- opening --------------------------------------------------------------- */

/* Reads and checks the header by pread(): a mapping would come too early. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_probe_(struct slip_region *rg,
						 uint64_t file_bytes)
{
	uint32_t page = rg->page_bytes;
	struct slip_region_header h;
	long n;
	int r;

	memset(&h, 0, sizeof(h));
	n = slip_sys_call_(SYS_pread64, rg->file.fd, slip_file_arg_(&h),
			   sizeof(h), 0, 0, 0);
	if (n < 0)
		return SLIP_CAST(int, n);
	if (SLIP_CAST(size_t, n) < sizeof(h))
		return -EBADMSG;
	r = slip_region_learn_(rg, &h);
	if (r)
		return r;
	if (file_bytes < rg->bytes)
		return -ENODATA;
	return rg->page_bytes == page && rg->bytes % page == 0 ? 0 : -EOVERFLOW;
}

/* The rest of opening, once the handle has its own description in rg->file. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_enter_(struct slip_region *rg,
						 uint64_t file_bytes)
{
	int r = slip_region_page_of_(rg);

	if (!r)
		r = slip_region_probe_(rg, file_bytes);
	if (!r)
		r = slip_region_map_(rg);
	return r ? r : slip_region_settle_(rg, 0, rg->bytes);
}

/* Says "in use" to slip_region_reap(), who is at work if this gives -EBUSY.
 * Readers do not say it: they need not be asked. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_use_(const struct slip_region *rg)
{
	int r;

	if (rg->flags & SLIP_REGION_READONLY)
		return 0;
	r = slip_file_lock_(rg->file.fd, SLIP_LOCK_READ_, SLIP_BYTE_USER_, 1);
	return r == -EAGAIN ? -EBUSY : r;
}

SLIP_COLD SLIP_MUST_CHECK int slip_region_open_flags_(struct slip_region *rg,
						      unsigned flags)
{
	unsigned known = SLIP_REGION_HUGE | SLIP_REGION_PREFAULT |
			 SLIP_REGION_MLOCK | SLIP_REGION_READONLY;

	memset(rg, 0, sizeof(*rg));
	slip_file_init_(&rg->file);
	return flags & ~known ? -EINVAL : slip_region_begin_(rg, flags);
}

SLIP_INLINE int slip_region_access_(unsigned flags)
{
	return flags & SLIP_REGION_READONLY ? SLIP_O_RDONLY_ : SLIP_O_RDWR_;
}

/* Opens `path` without following a link or waiting for a FIFO's other end. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_open_path_(const char *path,
						     int access)
{
	int fd = slip_file_open_(SLIP_AT_CWD_, path,
				 access | SLIP_O_NOFOLLOW_ | SLIP_O_NONBLOCK_,
				 0);

	/* A directory, a socket or a device without a driver. */
	if (fd == -EISDIR || fd == -ENXIO || fd == -ENODEV)
		return -EBADMSG;
	return fd;
}

/* Does `path` mean this file? -ENOENT: nothing. -EBADF: another one. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_named_(const char *path,
						 const struct slip_file_ *f)
{
	int fd = slip_region_open_path_(path, SLIP_O_PATH_);
	int r = fd;

	if (fd >= 0)
		r = slip_file_same_(f, fd);
	slip_file_close_fd_(&fd);
	return r;
}

/* Opens the file and says "in use", and that in time: under its name still. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_find_file_(struct slip_region *rg,
						     const char *path,
						     uint64_t *bytes)
{
	int r = slip_region_open_path_(path, slip_region_access_(rg->flags));
	int named;

	if (r >= 0)
		r = slip_file_take_(&rg->file, r, bytes);
	if (!r)
		r = slip_region_use_(rg);
	if ((r && r != -EBUSY) || (rg->flags & SLIP_REGION_READONLY))
		return r;
	/* Reaped or unlinked since open() found it, whoever has it now? */
	named = slip_region_named_(path, &rg->file);
	if (named)
		return named == -EBADF ? -ENOENT : named;
	return r;
}

/*
 * Opens a published region. Flags: READONLY, HUGE, PREFAULT, MLOCK.
 * -ENOENT, -EBUSY (slip_region_reap() is removing it: a moment, unless its
 * process is stopped there: slip_region_unlink() helps, see there; not READONLY),
 * -EACCES, -ELOOP, -EBADMSG, -EPROTO, -EPROTONOSUPPORT, -ENODATA, -EOVERFLOW,
 * -EINVAL, -ENAMETOOLONG, or a limit of the kernel's.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_open(struct slip_region *rg,
					       const char *name, unsigned flags)
{
	char buf[SLIP_REGION_PATH_BYTES_];
	const char *path = NULL;
	uint64_t bytes = 0;
	int r = slip_region_open_flags_(rg, flags);

	if (!r)
		r = slip_region_path_(buf, name, &path);
	if (!r)
		r = slip_region_find_file_(rg, path, &bytes);
	if (!r)
		r = slip_region_enter_(rg, bytes);
	return slip_region_end_(rg, r);
}

/* 0, or -EPERM if it is no memfd or its size can still be changed. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_sealed_(int fd)
{
	/* F_GET_SEALS: F_SEAL_SHRINK, F_SEAL_GROW; -EINVAL: knows no seals */
	int seals = slip_file_call_(SYS_fcntl, fd, 1034, 0, 0);

	if (seals < 0)
		return seals == -EINVAL ? -EPERM : seals;
	return (seals & 6) == 6 ? 0 : -EPERM;
}

/* A description of our own. Seals are asked for before anybody asks for the
 * size: else it is cut and sealed in between. */
SLIP_COLD SLIP_MUST_CHECK int slip_region_receive_(int fd, unsigned flags)
{
	int own = slip_file_reopen_fd_(fd, slip_region_access_(flags) |
						   SLIP_O_NONBLOCK_);
	int r;

	if (own < 0 || !(flags & SLIP_REGION_MEMFD))
		return own;
	r = slip_region_sealed_(own);
	if (r) {
		slip_file_close_fd_(&own);
		return r;
	}
	return own;
}

/*
 * Opens the region that `fd` names, received from another process or inherited
 * by fork; the caller keeps `fd`. The handle gets a description of its own
 * through /proc (-EOPNOTSUPP without it; -EACCES if this process may not open
 * the file by itself). Flags as slip_region_open(), and MEMFD: only if it is
 * sealed against shrinking and growing, else -EPERM; ask for it where the
 * sender is not to be trusted. Errors likewise, and -EAGAIN if its creator has
 * not published it yet.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_adopt(struct slip_region *rg, int fd,
						unsigned flags)
{
	uint64_t bytes = 0;
	int r = slip_region_open_flags_(rg, flags & ~SLIP_REGION_MEMFD);

	if (!r)
		r = slip_region_receive_(fd, flags);
	if (r >= 0)
		r = slip_file_take_(&rg->file, r, &bytes);
	if (!r)
		r = slip_region_use_(rg);
	if (!r)
		r = slip_region_enter_(rg, bytes);
	return slip_region_end_(rg, r);
}

/* --- using ----------------------------------------------------------------- */

/* What slip_region_item() tells. */
struct slip_region_object {
	char name[SLIP_REGION_NAME_BYTES];
	uint32_t kind;
	uint64_t offset;
	uint64_t bytes;
	void *mem;
};

/*
 * The object number `index`, for those that want to see them all. -ENOENT past
 * the last one; -EBADMSG for an entry that makes no sense (go on with the
 * next); -ECHILD. The entry is copied first: its bytes may change under us.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_item(const struct slip_region *rg,
					       uint32_t index,
					       struct slip_region_object *out)
{
	struct slip_region_entry e;
	int r = slip_region_check_(rg);

	if (r)
		return r;
	if (index >= rg->objects)
		return -ENOENT;
	slip_copy(&e, slip_region_entry_(rg, index), sizeof(e));
	if (!e.name[0] || !memchr(e.name, 0, sizeof(e.name)))
		return -EBADMSG;
	if (e.offset < rg->header_bytes || e.offset > rg->bytes ||
	    e.offset % SLIP_APART_BYTES || !e.bytes ||
	    e.bytes > rg->bytes - e.offset)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	memcpy(out->name, e.name, sizeof(e.name));
	out->kind = e.kind;
	out->offset = e.offset;
	out->bytes = e.bytes;
	out->mem = rg->mem + e.offset;
	return 0;
}

/*
 * The object of that name and kind (0: any kind), and its size if `bytes` is
 * not NULL. NULL: there is none, or the handle is stale. What is in it is for
 * the attach function of its kind to check.
 */
SLIP_COLD SLIP_MUST_CHECK void *slip_region_find(const struct slip_region *rg,
						 const char *name,
						 uint32_t kind, size_t *bytes)
{
	struct slip_region_object o;

	for (uint32_t i = 0; i < SLIP_REGION_OBJECTS_MAX; i++) {
		if (slip_region_item(rg, i, &o))
			continue;
		if (strcmp(o.name, name) || (kind && o.kind != kind))
			continue;
		if (bytes)
			*bytes = o.bytes;
		return o.mem;
	}
	return NULL;
}

/* A copy of the header, for display: a peer may have spoilt it since. */
SLIP_COLD SLIP_MUST_CHECK int
slip_region_describe(const struct slip_region *rg,
		     struct slip_region_header *out)
{
	int r = slip_region_check_(rg);

	if (!r)
		slip_copy(out, rg->mem, sizeof(*out));
	return r;
}

/*
 * The descriptor, to be passed on by fork or SCM_RIGHTS and given to
 * slip_region_adopt(); it stays the handle's, which closes it. -1: none. As
 * long as a copy of it is open anywhere, the region counts as used.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_region_fd(const struct slip_region *rg)
{
	return rg->file.fd;
}

/*
 * Takes the name away, whatever has it, as rm(1) does. Who has the region open
 * keeps it; the memory goes with the last of them. -ENOENT, -EACCES or -EPERM
 * (sticky directory), -EINVAL.
 *
 * One race is left: where nobody has the region open, another may be in the
 * middle of slip_region_reap() with it. If he is delayed there until its name
 * has been taken away by this function (by rm, by a rename) *and* been given
 * to a successor, he takes it away from that one. So what nobody uses is better
 * removed by slip_region_reap(), of which any number at once do no harm.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_region_unlink(const char *name)
{
	char buf[SLIP_REGION_PATH_BYTES_];
	const char *path = NULL;
	int r = slip_region_path_(buf, name, &path);

	return r ? r : slip_file_unlink_(SLIP_AT_CWD_, path);
}

#ifdef __cplusplus
}
#endif

#endif
