/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the end of an address space. A process that was killed and
 * waited for has still one as long as somebody reads its /proc/PID, as ps
 * does, and then its peers count as alive (futex/peer.h). So a program that
 * kills, and looks at once, waits for that too: each child keeps a lock as
 * peers do, and the parent waits until it has gone.
 */
#ifndef SLIP_STRESS_LIFE_H
#define SLIP_STRESS_LIFE_H

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "futex/file.h"

/* In the parent, before it forks: a file for the locks, or -errno. Where
 * memfds are refused, one without a name. */
static inline int life_file(void)
{
	int fd = slip_file_memfd_(false);

	return fd >= 0 ? fd
		       : slip_file_open_(SLIP_AT_CWD_, "/dev/shm",
					 SLIP_O_TMPFILE_ | SLIP_O_RDWR_, 0600);
}

/* In the child, first of all. 0, or -errno. */
static inline int life_begin(int file, pid_t self)
{
	int fd = slip_file_reopen_fd_(file, SLIP_O_RDWR_);
	int rc = fd;
	long at;

	if (fd < 0)
		return rc;
	rc = slip_file_lock_(fd, SLIP_LOCK_WRITE_, (uint64_t)self, 1);
	at = slip_sys_mmap_(NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0);
	slip_file_close_fd_(&fd);
	if (rc || at < 0)
		return rc ? rc : (int)at;
	return slip_file_advise_(SLIP_RECAST(void *, at), 4096,
				 SLIP_MADV_DONTFORK_);
}

/* In the parent, after waiting for the child: false if it takes over 10 s. */
static inline bool life_has_ended(int file, pid_t child)
{
	uint64_t deadline = slip_after_ns(UINT64_C(10000000000));

	while (slip_file_locked_(file, (uint64_t)child, 1) == 1) {
		if (slip_now_ns() > deadline)
			return false;
		(void)sched_yield();
	}
	return true;
}

#endif
