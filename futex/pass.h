/* SPDX-License-Identifier: MIT */
/*
 * Passing a region, or any descriptor, to an unrelated process over a UNIX
 * socket: for regions without a name (a memfd), or where the other may not open
 * the name.
 *
 *	slip_region_send(sock, &rg);			has it open
 *	slip_region_recv(sock, &rg, SLIP_REGION_MEMFD);	gets a handle of its own
 *
 * The receiver then finds the rings by name and attaches, as after
 * slip_region_open. MEMFD demands one that is sealed, so that a sender who is not
 * trusted cannot truncate it (region.h); 0 takes any region.
 *
 * A message is 8 bytes, "slippass", with one descriptor. What is not such a
 * message is refused, and all descriptors that came with it are closed. On a
 * stream socket whoever reads must read with these functions at that point. What
 * else the kernel tells the receiver, as of SO_PASSCRED, is passed over; but a
 * descriptor of SO_PASSPIDFD stays open.
 *
 * Concurrency: any thread; one at a time on one end of a stream socket. Both may
 * block as the socket does. The descriptor received is close-on-exec.
 *
 * Death: a message whose receiver dies before it reads it is the kernel's to
 * clean up.
 *
 * Errors: those of sendmsg and recvmsg, -EAGAIN, -EINTR and -EPIPE (without a
 * signal) among them; -EBADF: there is no descriptor to send; -ENOTCONN: the
 * other end was closed; -EBADMSG: no such message, or descriptors were cut off
 * (the receiver has no room for one); then as slip_region_adopt.
 *
 * Source: SCM_RIGHTS, unix(7).
 */
#ifndef SLIP_FUTEX_PASS_H
#define SLIP_FUTEX_PASS_H

#include <sys/socket.h>

#include "region.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_PASS_MAGIC_ UINT64_C(0x7373617070696c73) /* "slippass" */

/* Room for more than one, so that too many are seen, and closed; and for what
 * else a receiver may have asked for, as by SO_PASSCRED, which comes before. */
#define SLIP_PASS_BYTES_ 128
#define SLIP_PASS_FDS_	 ((SLIP_PASS_BYTES_ - sizeof(struct cmsghdr)) / 4)

/* A message, its one part, and what comes with it. */
struct slip_pass_ {
	struct msghdr m;
	struct iovec part;
	uint64_t magic;
	uint64_t control[SLIP_PASS_BYTES_ / 8]; /* messages of the kernel's */
};
SLIP_STATIC_ASSERT(CMSG_SPACE(sizeof(int)) <= SLIP_PASS_BYTES_, "room");

SLIP_INLINE void slip_pass_prepare_(struct slip_pass_ *p, size_t control_bytes)
{
	memset(p, 0, sizeof(*p));
	p->part.iov_base = &p->magic;
	p->part.iov_len = sizeof(p->magic);
	p->m.msg_iov = &p->part;
	p->m.msg_iovlen = 1;
	p->m.msg_control = p->control;
	/* socklen_t or size_t, by the C library */
	p->m.msg_controllen = SLIP_CAST(socklen_t, control_bytes);
}

/* Send a descriptor; the caller keeps it. 0 or -errno. */
SLIP_INLINE SLIP_MUST_CHECK int slip_fd_send(int sock, int fd)
{
	struct cmsghdr head;
	struct slip_pass_ p;
	long rc;

	if (fd < 0)
		return -EBADF;
	slip_pass_prepare_(&p, CMSG_SPACE(sizeof(fd)));
	p.magic = SLIP_PASS_MAGIC_;
	memset(&head, 0, sizeof(head));
	head.cmsg_len = SLIP_CAST(socklen_t, CMSG_LEN(sizeof(fd)));
	head.cmsg_level = SOL_SOCKET;
	head.cmsg_type = SCM_RIGHTS;
	memcpy(p.control, &head, sizeof(head));
	memcpy(p.control + sizeof(head) / 8, &fd, sizeof(fd));
	rc = slip_sys_call_(SYS_sendmsg, sock, SLIP_RECAST(long, &p.m),
			    MSG_NOSIGNAL, 0, 0, 0);
	if (rc < 0)
		return SLIP_CAST(int, rc);
	return rc == sizeof(p.magic) ? 0 : -EBADMSG;
}

/* The descriptors that came: how many. */
SLIP_INLINE size_t slip_pass_fds_(const struct slip_pass_ *p, int *fds)
{
	const uint64_t *at = p->control;
	const uint64_t *end = at + p->m.msg_controllen / 8;
	struct cmsghdr head;
	size_t n = 0;

	for (; at < end; at += (head.cmsg_len + 7) / 8) {
		memcpy(&head, at, sizeof(head));
		if (head.cmsg_level != SOL_SOCKET ||
		    head.cmsg_type != SCM_RIGHTS)
			continue;
		n = (head.cmsg_len - sizeof(head)) / sizeof(*fds);
		memcpy(fds, at + sizeof(head) / 8, n * sizeof(*fds));
	}
	return n;
}

/* Receive a descriptor into `fd`, the caller's from then on. 0 or -errno. */
SLIP_INLINE SLIP_MUST_CHECK int slip_fd_recv(int sock, int *fd)
{
	int fds[SLIP_PASS_FDS_];
	struct slip_pass_ p;
	size_t n;
	long rc;

	*fd = -1;
	slip_pass_prepare_(&p, sizeof(p.control));
	rc = slip_sys_call_(SYS_recvmsg, sock, SLIP_RECAST(long, &p.m),
			    MSG_CMSG_CLOEXEC, 0, 0, 0);
	if (rc < 0)
		return SLIP_CAST(int, rc);
	n = slip_pass_fds_(&p, fds);
	if (n == 1 && rc == sizeof(p.magic) && p.magic == SLIP_PASS_MAGIC_ &&
	    !(p.m.msg_flags & MSG_CTRUNC)) {
		*fd = fds[0];
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		(void)slip_sys_call_(SYS_close, fds[i], 0, 0, 0, 0, 0);
	return rc == 0 && n == 0 ? -ENOTCONN : -EBADMSG;
}

/* Send a region that is published; the handle stays as it is. */
SLIP_INLINE SLIP_MUST_CHECK int slip_region_send(int sock,
						 const struct slip_region *rg)
{
	return slip_fd_send(sock, slip_region_fd(rg));
}

/* Receive a region; `flags` as slip_region_adopt has them. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_region_recv(int sock, struct slip_region *rg, unsigned flags)
{
	int fd = -1;
	int rc = slip_fd_recv(sock, &fd);

	if (rc)
		return rc;
	rc = slip_region_adopt(rg, fd, flags);
	(void)slip_sys_call_(SYS_close, fd, 0, 0, 0, 0, 0);
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
