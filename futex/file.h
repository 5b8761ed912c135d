/* SPDX-License-Identifier: MIT */
/*
 * The kernel objects behind a region: an unnamed file, its mapping, its locks.
 *
 * For futex/region.h and futex/peer.h only; a program includes those. Nothing
 * here knows the layout of a region. Every function is cold, may enter the
 * kernel and returns 0, a count or -errno; none touches errno, allocates,
 * prints or leaves anything behind when it fails.
 *
 * Locks. A file of slipring carries locks of the open-file-description kind
 * (F_OFD_*) on bytes far beyond its end, where no data can ever be:
 *
 *	member	 2^62 +		   gen << 12 | id   write: that member lives
 *	recovery 2^62 + 2^50 +	   gen << 12 | id   read: recovering the member
 *						    write: taking over its id
 *	user	 2^62 + 2^51			    read: a handle is open
 *
 * An OFD lock belongs to a description (one open()), not to a process or a
 * descriptor number: closing another descriptor of the same file does not drop
 * it (POSIX locks do), and it conflicts inside one process too. It is dropped
 * when the last descriptor *or mapping* made from that description is gone,
 * so a mapping alone can hold one: slip_file_pin_().
 *
 * Fork race. Between an open and its close (or its MADV_DONTFORK) another
 * thread may fork, and the child then shares the description until it execs,
 * exits or closes it: O_CLOEXEC bounds this. All it can do is make a dead
 * member look alive, or a region look used, for that long. It never does the
 * opposite.
 *
 * Who may lock. Reading a file is enough to hold read locks on it, and one on
 * every byte keeps anybody from joining. So the mode bits of a region say who
 * may hinder it: 0600 or 0660, not 0644, among people who do not trust each
 * other.
 *
 * Foreign numbers. A program may close our descriptor (close_range() of all)
 * and get the same number for a file of its own. So the file behind a number is
 * compared before it is cut, filled, named or closed, and before a lock that is
 * not there means that somebody is dead. What escapes is a number replaced in
 * the middle of our call, or by a descriptor of the very same file.
 *
 * Errors: those of the system calls. Beyond them: -EOPNOTSUPP no /proc to
 * open a description afresh; -EACCES no right to it any more (setuid() since);
 * -EBADF the program closed our descriptor and the number now names another
 * file; -EFBIG RLIMIT_FSIZE is too low (asked for in advance: the kernel would
 * send SIGXFSZ).
 */
#ifndef SLIP_FUTEX_FILE_H
#define SLIP_FUTEX_FILE_H

#include "../atomics/word.h"
#include "sys.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kernel numbers that a strict C11 libc hides; equal on all our machines, */
enum {
	SLIP_O_RDONLY_ = 00,
	SLIP_O_RDWR_ = 02,
	SLIP_O_CREAT_ = 0100,
	SLIP_O_EXCL_ = 0200,
	SLIP_O_NOCTTY_ = 0400,
	SLIP_O_NONBLOCK_ = 04000,
	SLIP_O_CLOEXEC_ = 02000000,
	SLIP_O_PATH_ = 010000000,
/* but for these. */
#if defined(__aarch64__) || defined(__powerpc__)
	SLIP_O_DIRECTORY_ = 040000,
	SLIP_O_NOFOLLOW_ = 0100000,
#else
	SLIP_O_DIRECTORY_ = 0200000,
	SLIP_O_NOFOLLOW_ = 0400000,
#endif
	SLIP_O_TMPFILE_ = 020000000 | SLIP_O_DIRECTORY_
};
enum {
	SLIP_AT_CWD_ = -100,
	SLIP_AT_SYMLINK_FOLLOW_ = 0x400,
	SLIP_AT_EMPTY_PATH_ = 0x1000
};
enum {
	SLIP_MAP_FIXED_ = 0x10,
	SLIP_MAP_ANONYMOUS_ = 0x20,
	SLIP_MAP_NORESERVE_ = 0x4000
};
enum {
	SLIP_MADV_DONTFORK_ = 10,
	SLIP_MADV_HUGEPAGE_ = 14,
	SLIP_MADV_WIPEONFORK_ = 18,
	SLIP_MADV_POPULATE_READ_ = 22,
	SLIP_MADV_POPULATE_WRITE_ = 23
};
enum { SLIP_LOCK_READ_ = 0, SLIP_LOCK_WRITE_ = 1, SLIP_LOCK_NONE_ = 2 };
enum { SLIP_OFD_GETLK_ = 36, SLIP_OFD_SETLK_ = 37 };

#define SLIP_BYTE_BASE_	    (UINT64_C(1) << 62)
#define SLIP_BYTE_RECOVERY_ (SLIP_BYTE_BASE_ + (UINT64_C(1) << 50))
#define SLIP_BYTE_USER_	    (SLIP_BYTE_BASE_ + (UINT64_C(1) << 51))

/* A name while it is built where O_TMPFILE is refused: prefix + 16 digits. */
#define SLIP_FILE_TEMP_	      "slip.tmp."
#define SLIP_FILE_TEMP_BYTES_ 32
#define SLIP_FILE_PROC_BYTES_ 48 /* "/proc/thread-self/fd/" and a number */

/* The kernel's struct statx, of which libc shows what it likes. */
struct slip_file_stat_ {
	uint32_t mask, block_bytes;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, spare;
	uint64_t ino, bytes, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t rdev[2], dev[2];
	uint64_t rest[14];
};
SLIP_STATIC_ASSERT(sizeof(struct slip_file_stat_) == 256, "struct statx");
SLIP_STATIC_ASSERT(offsetof(struct slip_file_stat_, ino) == 32, "struct statx");
SLIP_STATIC_ASSERT(offsetof(struct slip_file_stat_, dev) == 136,
		   "struct statx");

/* The kernel's struct flock on 64-bit machines. */
struct slip_file_flock_ {
	int16_t type, whence;
	uint32_t pad;
	uint64_t start, bytes;
	uint32_t pid, pad2;
};

struct slip_file_ {
	int fd;		  /* a description of our own; -1: no file */
	int dir;	  /* directory of the temporary name, or -1 */
	uint32_t allowed; /* mode bits that the umask leaves */
	uint64_t temp;	  /* number in the temporary name */
	uint64_t dev, ino;
	uint64_t dir_dev, dir_ino;
};

/* --- small text, since snprintf() is neither signal-safe nor small --------- */

/* Appends; returns the new length, or `size` for ever once it did not fit. */
SLIP_INLINE size_t slip_text_add_(char *buf, size_t size, size_t used,
				  const char *text)
{
	size_t n = strlen(text);

	if (used >= size || n >= size - used)
		return size;
	memcpy(buf + used, text, n + 1);
	return used + n;
}

SLIP_INLINE size_t slip_text_number_(char *buf, size_t size, size_t used,
				     uint64_t v, unsigned base, unsigned width)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	while (v || at + width >= sizeof(digits) || at == sizeof(digits) - 1) {
		digits[--at] = "0123456789abcdef"[v % base];
		v /= base;
	}
	return slip_text_add_(buf, size, used, digits + at);
}

SLIP_INLINE void slip_text_temp_(char name[SLIP_FILE_TEMP_BYTES_], uint64_t n)
{
	size_t used =
		slip_text_add_(name, SLIP_FILE_TEMP_BYTES_, 0, SLIP_FILE_TEMP_);

	(void)slip_text_number_(name, SLIP_FILE_TEMP_BYTES_, used, n, 16, 16);
}

/* --- single system calls --------------------------------------------------- */

SLIP_INLINE long slip_file_arg_(const void *p)
{
	return SLIP_RECAST(long, p);
}

SLIP_INLINE long slip_file_num_(uint64_t v)
{
	return SLIP_CAST(long, v);
}

SLIP_INLINE int slip_file_call_(long nr, long a, long b, long c, long d)
{
	return SLIP_CAST(int, slip_sys_call_(nr, a, b, c, d, 0, 0));
}

SLIP_INLINE SLIP_MUST_CHECK int slip_file_open_(int dir, const char *path,
						int flags, uint32_t mode)
{
	return slip_file_call_(SYS_openat, dir, slip_file_arg_(path),
			       flags | SLIP_O_CLOEXEC_ | SLIP_O_NOCTTY_,
			       slip_file_num_(mode));
}

SLIP_INLINE void slip_file_close_fd_(int *fd)
{
	/* Linux frees the number whatever it returns, so nothing to repeat. */
	if (*fd >= 0)
		(void)slip_sys_call_(SYS_close, *fd, 0, 0, 0, 0, 0);
	*fd = -1;
}

/* `path` "" and a descriptor, or SLIP_AT_CWD_ and a path (links followed). */
SLIP_INLINE SLIP_MUST_CHECK int slip_file_stat_at_(int fd, const char *path,
						   struct slip_file_stat_ *st)
{
	memset(st, 0, sizeof(*st));
	return SLIP_CAST(int,
			 slip_sys_call_(SYS_statx, fd, slip_file_arg_(path),
					*path ? 0 : SLIP_AT_EMPTY_PATH_, 0x7ff,
					slip_file_arg_(st), 0));
}

SLIP_INLINE uint64_t slip_file_dev_(const struct slip_file_stat_ *st)
{
	return SLIP_CAST(uint64_t, st->dev[0]) << 32 | st->dev[1];
}

SLIP_INLINE bool slip_file_regular_(const struct slip_file_stat_ *st)
{
	return (st->mode & 0170000) == 0100000;
}

SLIP_INLINE int slip_file_unlink_(int dir, const char *path)
{
	return slip_file_call_(SYS_unlinkat, dir, slip_file_arg_(path), 0, 0);
}

SLIP_INLINE int slip_file_advise_(void *mem, uint64_t bytes, int advice)
{
	return slip_file_call_(SYS_madvise, slip_file_arg_(mem),
			       slip_file_num_(bytes), advice, 0);
}

SLIP_INLINE SLIP_MUST_CHECK int slip_file_chmod_(int fd, uint32_t mode)
{
	return slip_file_call_(SYS_fchmod, fd, slip_file_num_(mode), 0, 0);
}

/* 0, or -EAGAIN where somebody else's lock is in the way. Never blocks. */
SLIP_INLINE SLIP_MUST_CHECK int slip_file_lock_(int fd, int type,
						uint64_t start, uint64_t bytes)
{
	struct slip_file_flock_ lock;
	long r;

	memset(&lock, 0, sizeof(lock));
	lock.type = SLIP_CAST(int16_t, type);
	lock.start = start;
	lock.bytes = bytes;
	r = slip_sys_call_(SYS_fcntl, fd, SLIP_OFD_SETLK_,
			   slip_file_arg_(&lock), 0, 0, 0);
	if (r == -EINVAL)
		return -EOPNOTSUPP; /* no such command: before Linux 3.15 */
	return r == -EACCES ? -EAGAIN : SLIP_CAST(int, r);
}

/* Takes back a lock before its time; what fails here, close() repeats. */
SLIP_INLINE void slip_file_unlock_(int fd, uint64_t start)
{
	if (slip_file_lock_(fd, SLIP_LOCK_NONE_, start, 1))
		return;
}

/* 1: another description holds a lock in the range. 0: none does. */
SLIP_INLINE SLIP_MUST_CHECK int slip_file_locked_(int fd, uint64_t start,
						  uint64_t bytes)
{
	struct slip_file_flock_ lock;
	long r;

	memset(&lock, 0, sizeof(lock));
	lock.type = SLIP_LOCK_WRITE_;
	lock.start = start;
	lock.bytes = bytes;
	r = slip_sys_call_(SYS_fcntl, fd, SLIP_OFD_GETLK_,
			   slip_file_arg_(&lock), 0, 0, 0);
	return r ? SLIP_CAST(int, r) : lock.type != SLIP_LOCK_NONE_;
}

/* Fills the buffer from the start of a small file; returns its length. */
SLIP_COLD long slip_file_slurp_(const char *path, char *buf, size_t size)
{
	int fd = slip_file_open_(SLIP_AT_CWD_, path, SLIP_O_RDONLY_, 0);
	long n = fd;

	memset(buf, 0, size);
	if (fd >= 0)
		n = slip_sys_call_(SYS_read, fd, slip_file_arg_(buf),
				   slip_file_num_(size - 1), 0, 0, 0);
	slip_file_close_fd_(&fd);
	return n;
}

SLIP_INLINE SLIP_MUST_CHECK int slip_file_random_(void *out, size_t bytes)
{
	long n;

	memset(out, 0, bytes);
	n = slip_sys_call_(SYS_getrandom, slip_file_arg_(out),
			   slip_file_num_(bytes), 0, 0, 0, 0);
	if (n < 0)
		return SLIP_CAST(int, n);
	return SLIP_CAST(size_t, n) == bytes ? 0 : -EIO;
}

/* --- descriptions ---------------------------------------------------------- */

/* 0: `fd` names this file. -EBADF: another one, or nothing. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_is_(int fd, uint64_t dev, uint64_t ino)
{
	struct slip_file_stat_ st;
	int r = slip_file_stat_at_(fd, "", &st);

	if (r)
		return r;
	return slip_file_dev_(&st) == dev && st.ino == ino ? 0 : -EBADF;
}

/* Still the file that the handle was made for, under that number? */
SLIP_COLD SLIP_MUST_CHECK int slip_file_same_(const struct slip_file_ *f,
					      int fd)
{
	return slip_file_is_(fd, f->dev, f->ino);
}

/* /proc's name of a descriptor of this thread. Its table need not be that of
 * /proc/self (unshare()), where there is none at all any more once main() has
 * gone by pthread_exit(). */
SLIP_INLINE void slip_file_proc_(char path[SLIP_FILE_PROC_BYTES_], int fd)
{
	size_t used = slip_text_add_(path, SLIP_FILE_PROC_BYTES_, 0,
				     "/proc/thread-self/fd/");

	(void)slip_text_number_(path, SLIP_FILE_PROC_BYTES_, used,
				SLIP_CAST(uint64_t, fd), 10, 1);
}

/*
 * A fresh description of `fd`, which is that file: a number to be closed, or
 * -errno. dup() would not do, nor SCM_RIGHTS: they share the description and
 * so its locks, and a lock never conflicts with itself.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_file_reopen_as_(int fd, int flags,
						   uint64_t dev, uint64_t ino)
{
	char path[SLIP_FILE_PROC_BYTES_];
	int fresh;
	int r;

	if (fd < 0)
		return -EBADF;
	slip_file_proc_(path, fd);
	fresh = slip_file_open_(SLIP_AT_CWD_, path, flags, 0);
	if (fresh == -ENOENT) {
		/* No such descriptor, or no /proc? */
		r = slip_file_is_(fd, dev, ino);
		return r ? r : -EOPNOTSUPP;
	}
	if (fresh < 0)
		return fresh;
	r = slip_file_is_(fresh, dev, ino);
	if (r) {
		slip_file_close_fd_(&fresh);
		return r;
	}
	return fresh;
}

/* The same for any `fd`; looked at first, as its number may be given away
 * before /proc is asked. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_reopen_fd_(int fd, int flags)
{
	struct slip_file_stat_ st;
	int r = fd < 0 ? -EBADF : slip_file_stat_at_(fd, "", &st);

	if (r)
		return r;
	return slip_file_reopen_as_(fd, flags, slip_file_dev_(&st), st.ino);
}

/* The same for a handle's file, whose identity is known. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_reopen_(const struct slip_file_ *f,
						int flags)
{
	return slip_file_reopen_as_(f->fd, flags, f->dev, f->ino);
}

/* Does another description hold a lock there? A "no" is checked twice. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_held_(const struct slip_file_ *f,
					      uint64_t start)
{
	int held = slip_file_locked_(f->fd, start, 1);
	int r;

	if (held)
		return held;
	/*
	 * "Nobody" read from a foreign file, whose number a close_range() of
	 * the program gave away, would declare the living dead.
	 */
	r = slip_file_same_(f, f->fd);
	return r ? r : slip_file_locked_(f->fd, start, 1);
}

/* --- an unnamed file, and its name ----------------------------------------- */

SLIP_INLINE void slip_file_init_(struct slip_file_ *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->dir = -1;
}

/* Closes the directory of the temporary name, if the number is still ours. */
SLIP_COLD void slip_file_close_dir_(struct slip_file_ *f)
{
	if (f->dir >= 0 && !slip_file_is_(f->dir, f->dir_dev, f->dir_ino))
		slip_file_close_fd_(&f->dir);
	f->dir = -1;
}

/* Forgets the file; one that never got its name vanishes. */
SLIP_COLD void slip_file_close_(struct slip_file_ *f, bool mine)
{
	char name[SLIP_FILE_TEMP_BYTES_];

	if (f->dir >= 0 && mine) {
		/* In a foreign directory there is no such name. */
		slip_text_temp_(name, f->temp);
		(void)slip_file_unlink_(f->dir, name);
	}
	slip_file_close_dir_(f);
	if (f->fd >= 0 && !slip_file_same_(f, f->fd))
		slip_file_close_fd_(&f->fd);
	f->fd = -1;
}

/*
 * Takes over `fd`: learns who and how long it is. -EBADMSG: not a file. One
 * that tells nothing is closed, as slip_file_close_() could not recognise it.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_file_take_(struct slip_file_ *f, int fd,
					      uint64_t *bytes)
{
	struct slip_file_stat_ st;
	int r;

	f->fd = fd;
	r = slip_file_stat_at_(fd, "", &st);
	if (r) {
		slip_file_close_fd_(&f->fd);
		return r;
	}
	f->dev = slip_file_dev_(&st);
	f->ino = st.ino;
	f->allowed = st.mode & 0777;
	*bytes = st.bytes;
	return slip_file_regular_(&st) ? 0 : -EBADMSG;
}

/* 0, or -ENOENT if the file has no name any more. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_linked_(int fd)
{
	struct slip_file_stat_ st;
	int r = slip_file_stat_at_(fd, "", &st);

	if (r)
		return r;
	return st.links ? 0 : -ENOENT;
}

/* What the umask leaves of 0777, without setting it (it is per process). */
SLIP_COLD uint32_t slip_file_umask_allows_(void)
{
	char status[128];
	uint32_t mask = 0;
	const char *at;

	/* Not /proc/self: a main() that has gone has no umask any more. */
	(void)slip_file_slurp_("/proc/thread-self/status", status,
			       sizeof(status));
	at = strstr(status, "\nUmask:\t");
	if (!at)
		return 0700;
	for (at += 8; *at >= '0' && *at <= '7'; at++)
		mask = mask << 3 | SLIP_CAST(uint32_t, *at - '0');
	return 0777 & ~mask;
}

/* One try at a temporary name. -EEXIST: taken, or just being swept. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_temp_once_(struct slip_file_ *f)
{
	char name[SLIP_FILE_TEMP_BYTES_];
	uint64_t bytes;
	int r = slip_file_random_(&f->temp, sizeof(f->temp));

	if (r)
		return r;
	slip_text_temp_(name, f->temp);
	r = slip_file_open_(f->dir, name,
			    SLIP_O_RDWR_ | SLIP_O_CREAT_ | SLIP_O_EXCL_ |
				    SLIP_O_NOFOLLOW_,
			    0600);
	if (r < 0)
		return r;
	/*
	 * A sweeper that came between these two calls holds the lock that says
	 * "dead", or has unlinked the name already: then it is his.
	 */
	r = slip_file_take_(f, r, &bytes);
	if (!r)
		r = slip_file_lock_(f->fd, SLIP_LOCK_READ_, SLIP_BYTE_USER_, 1);
	if (!r)
		r = slip_file_linked_(f->fd);
	if (r && r != -EAGAIN && r != -ENOENT)
		(void)slip_file_unlink_(f->dir, name);
	if (r)
		slip_file_close_fd_(&f->fd);
	return r == -EAGAIN || r == -ENOENT ? -EEXIST : r;
}

/* Where O_TMPFILE is refused. A kill can leave a recognisable name behind. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_create_temp_(struct slip_file_ *f,
						     const char *dir)
{
	struct slip_file_stat_ st;
	int r = slip_file_open_(SLIP_AT_CWD_, dir,
				SLIP_O_PATH_ | SLIP_O_DIRECTORY_, 0);

	if (r < 0)
		return r;
	f->dir = r;
	r = slip_file_stat_at_(f->dir, "", &st);
	f->dir_dev = slip_file_dev_(&st);
	f->dir_ino = st.ino;
	if (!r)
		r = -EEXIST;
	for (int tries = 0; tries < 16 && r == -EEXIST; tries++)
		r = slip_file_temp_once_(f);
	if (r)
		slip_file_close_fd_(&f->dir);
	f->allowed = slip_file_umask_allows_();
	return r;
}

/* A new empty file in `dir` that has no name yet, readable by us alone. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_create_(struct slip_file_ *f,
						const char *dir)
{
	uint64_t bytes;
	int r = slip_file_open_(SLIP_AT_CWD_, dir,
				SLIP_O_TMPFILE_ | SLIP_O_RDWR_, 0777);

	if (r == -EOPNOTSUPP || r == -EISDIR || r == -ENOSYS || r == -EINVAL)
		return slip_file_create_temp_(f, dir);
	if (r < 0)
		return r;
	/* What is left of 0777 tells the umask, and a default ACL's wish. */
	r = slip_file_take_(f, r, &bytes);
	if (!r)
		r = slip_file_chmod_(f->fd, 0600);
	if (!r)
		r = slip_file_lock_(f->fd, SLIP_LOCK_READ_, SLIP_BYTE_USER_, 1);
	if (r)
		slip_file_close_(f, true);
	return r;
}

/*
 * A memfd that can be sealed, or -errno. Not executable where the kernel knows
 * that wish (6.3), which some machines insist on (vm.memfd_noexec=2).
 */
SLIP_COLD SLIP_MUST_CHECK int slip_file_memfd_(bool hugetlb)
{
	/* MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_HUGETLB; MFD_NOEXEC_SEAL */
	long flags = hugetlb ? 7 : 3;
	long name = slip_file_arg_("slip");
	long r = slip_sys_call_(SYS_memfd_create, name, flags | 8, 0, 0, 0, 0);

	if (r == -EINVAL)
		r = slip_sys_call_(SYS_memfd_create, name, flags, 0, 0, 0, 0);
	return SLIP_CAST(int, r);
}

SLIP_INLINE SLIP_MUST_CHECK int slip_file_linkat_(int dir, const char *from,
						  const char *to, int flags)
{
	return SLIP_CAST(int, slip_sys_call_(SYS_linkat, dir,
					     slip_file_arg_(from), SLIP_AT_CWD_,
					     slip_file_arg_(to), flags, 0));
}

/* Gives the file its name, in one step that either happened or did not. */
SLIP_COLD SLIP_MUST_CHECK int slip_file_link_(struct slip_file_ *f,
					      const char *path)
{
	char from[SLIP_FILE_PROC_BYTES_];
	int r;

	if (f->dir >= 0) {
		r = slip_file_is_(f->dir, f->dir_dev, f->dir_ino);
		slip_text_temp_(from, f->temp);
		if (!r)
			r = slip_file_linkat_(f->dir, from, path, 0);
		if (r)
			return r;
		(void)slip_file_unlink_(f->dir, from);
		slip_file_close_dir_(f);
		return 0;
	}
	slip_file_proc_(from, f->fd);
	r = slip_file_linkat_(SLIP_AT_CWD_, from, path,
			      SLIP_AT_SYMLINK_FOLLOW_);
	/* No /proc? This form needs a privilege before Linux 6.10. */
	if (r == -ENOENT)
		r = slip_file_linkat_(f->fd, "", path, SLIP_AT_EMPTY_PATH_);
	return r;
}

/* --- pages ----------------------------------------------------------------- */

SLIP_INLINE SLIP_MUST_CHECK int slip_file_limit_(uint64_t end)
{
	uint64_t limit[2] = { UINT64_MAX, UINT64_MAX };

	/* 1 is RLIMIT_FSIZE. Where it cannot be read there is none to fear. */
	(void)slip_sys_call_(SYS_prlimit64, 0, 1, 0, slip_file_arg_(limit), 0,
			     0);
	return end > limit[0] ? -EFBIG : 0;
}

/*
 * Real pages for the range, so that no store into it can ever meet SIGBUS. On
 * a failure some of them may be there. A signal makes tmpfs give up the whole
 * call, so each call is short: else an interval timer keeps a big one from
 * ever ending. (One that fires every millisecond still could.)
 */
SLIP_COLD SLIP_MUST_CHECK int
slip_file_allocate_(const struct slip_file_ *f, uint64_t start, uint64_t bytes)
{
	uint64_t end = start + bytes;
	uint64_t part = UINT64_C(4) << 20;
	int r = slip_file_limit_(end);

	while (!r && start < end) {
		if (part > end - start)
			part = end - start;
		r = slip_file_call_(SYS_fallocate, f->fd, 0,
				    slip_file_num_(start),
				    slip_file_num_(part));
		if (!r)
			start += part;
		else if (r == -EINTR)
			r = 0;
	}
	return r;
}

SLIP_INLINE uint64_t slip_file_round_(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

/*
 * Maps `bytes` of fd from `offset`, `copies` times back to back, at a multiple
 * of `align`, never inherited by fork. Everything but the address is exact.
 */
struct slip_file_span_ {
	int fd, prot, flags;
	uint64_t offset, bytes, align, copies;
};

SLIP_COLD SLIP_MUST_CHECK int
slip_file_map_fixed_(const struct slip_file_span_ *m, char *at)
{
	for (uint64_t i = 0; i < m->copies; i++) {
		long r = slip_sys_mmap_(at + i * m->bytes, m->bytes, m->prot,
					m->flags | SLIP_MAP_FIXED_, m->fd,
					SLIP_CAST(int64_t, m->offset));

		if (r < 0)
			return SLIP_CAST(int, r);
	}
	return slip_file_advise_(at, m->bytes * m->copies, SLIP_MADV_DONTFORK_);
}

SLIP_COLD SLIP_MUST_CHECK int slip_file_map_(const struct slip_file_span_ *m,
					     char **out)
{
	uint64_t want = m->bytes * m->copies;
	uint64_t room = want + m->align;
	long at = slip_sys_mmap_(
		NULL, room, PROT_NONE,
		MAP_PRIVATE | SLIP_MAP_ANONYMOUS_ | SLIP_MAP_NORESERVE_, -1, 0);
	char *base;
	uint64_t skip;
	int r;

	if (at < 0)
		return SLIP_CAST(int, at);
	base = SLIP_RECAST(char *, at);
	skip = slip_file_round_(SLIP_CAST(uint64_t, at), m->align) -
	       SLIP_CAST(uint64_t, at);
	r = slip_file_map_fixed_(m, base + skip);
	if (r) {
		(void)slip_sys_munmap_(base, room);
		return r;
	}
	if (skip)
		(void)slip_sys_munmap_(base, skip);
	/* skip < align: something is left */
	(void)slip_sys_munmap_(base + skip + want, room - skip - want);
	*out = base + skip;
	return 0;
}

/* Brings the pages in now, without changing a byte of them. */
SLIP_COLD int slip_file_populate_(void *mem, uint64_t bytes, uint64_t page,
				  bool write)
{
	char *at = SLIP_CAST(char *, mem);
	void *word;
	int r = slip_file_advise_(mem, bytes,
				  write ? SLIP_MADV_POPULATE_WRITE_
					: SLIP_MADV_POPULATE_READ_);

	if (r != -EINVAL && r != -ENOSYS)
		return r;
	/* Before Linux 5.14. Others may be storing here, hence atomically. */
	for (uint64_t i = 0; i < bytes; i += page) {
		word = at + i;
		if (write)
			/* own: a bitwise or of 0 that publishes nothing */
			(void)slip_a32_fetch_or_relaxed(
				SLIP_CAST(slip_a32 *, word), 0);
		else
			/* own: only the page fault matters */
			(void)slip_a32_load_relaxed(
				SLIP_CAST(slip_a32 *, word));
	}
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif
