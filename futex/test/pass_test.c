/* SPDX-License-Identifier: MIT */
/*
 * futex/pass.h: what goes over a socket, and what is refused there. An unrelated
 * process is this program, executed afresh: it has nothing of ours but a socket.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASS_SOCKET "SLIP_PASS_SOCKET"

/* Before Criterion, or the stand-in, has a say. */
static int stranger(int sock);

__attribute__((constructor)) static void perhaps_a_stranger(void)
{
	const char *sock = getenv(PASS_SOCKET);

	if (sock)
		_exit(stranger(atoi(sock)));
}

#include "atomics/test/check.h"
#include "futex/pass.h"
#include "futex/test/scratch.h"

#define KIND 9u

static struct slip_region rg;
static int ends[2];

static void make_over(int type, unsigned flags)
{
	char *mem;

	cr_assert_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(slip_region_create(&rg, 4096, flags), 0);
	mem = slip_region_add(&rg, "words", KIND, 4096);
	cr_assert_not_null(mem);
	strcpy(mem, "hello");
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
}

static void make(unsigned flags)
{
	make_over(SOCK_STREAM, flags);
}

static void unmake(void)
{
	slip_region_close(&rg);
	close(ends[0]);
	close(ends[1]);
}

/* Answers in the region itself. */
static int stranger(int sock)
{
	static struct slip_region theirs;
	size_t bytes;
	char *mem;

	if (slip_region_recv(sock, &theirs, SLIP_REGION_MEMFD))
		return 10;
	mem = slip_region_find(&theirs, "words", KIND, &bytes);
	if (!mem || strcmp(mem, "hello") != 0)
		return 11;
	strcpy(mem, "answer");
	return slip_region_send(sock, &theirs) ? 12 : 0;
}

static int run_stranger(int sock)
{
	pid_t child = fork();
	int status = -1;
	char number[16];

	if (child == 0) {
		int theirs = dup(sock); /* not close-on-exec */

		snprintf(number, sizeof(number), "%d", theirs);
		setenv(PASS_SOCKET, number, 1);
		execl("/proc/self/exe", "stranger", (char *)NULL);
		_exit(99);
	}
	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(pass, an_unrelated_process_gets_the_region_and_answers_in_it)
{
	static struct slip_region again;
	size_t bytes;

	make(SLIP_REGION_MEMFD);
	cr_assert_eq(slip_region_send(ends[0], &rg), 0);
	cr_assert_eq(run_stranger(ends[1]), 0);
	cr_assert_str_eq(slip_region_find(&rg, "words", KIND, &bytes),
			 "answer");
	cr_assert_eq(slip_region_recv(ends[0], &again, 0), 0, "what it sent");
	cr_assert_str_eq(slip_region_find(&again, "words", KIND, &bytes),
			 "answer");
	slip_region_close(&again);
	unmake();
}

Test(pass, no_descriptor_is_left_over)
{
	static struct slip_region again;
	int before;

	make(SLIP_REGION_MEMFD);
	before = scratch_fds();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_region_send(ends[0], &rg), 0);
		cr_assert_eq(
			slip_region_recv(ends[1], &again, SLIP_REGION_MEMFD),
			0);
		slip_region_close(&again);
	}
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

Test(pass, what_is_no_region_is_refused)
{
	static struct slip_region again;
	int before;

	make(SLIP_REGION_MEMFD);
	before = scratch_fds();
	cr_assert_eq(slip_fd_send(ends[0], ends[0]), 0);
	cr_assert_lt(slip_region_recv(ends[1], &again, 0), 0);
	cr_assert_eq(slip_fd_send(ends[0], -1), -EBADF);
	cr_assert_eq(slip_fd_send(ends[0], 9999), -EBADF);
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

/* `bytes` of anything, with `n` copies of a descriptor. */
static void send_raw(const void *bytes, size_t len, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)bytes, len };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	memset(&c, 0, sizeof(c));
	if (n) {
		m.msg_control = &c;
		m.msg_controllen =
			SLIP_CAST(socklen_t, CMSG_SPACE(n * sizeof(int)));
		c.head.cmsg_len =
			SLIP_CAST(socklen_t, CMSG_LEN(n * sizeof(int)));
		c.head.cmsg_level = SOL_SOCKET;
		c.head.cmsg_type = SCM_RIGHTS;
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(&c.head) + i * sizeof(int), &ends[0],
			       sizeof(int));
	}
	cr_assert_eq(sendmsg(ends[0], &m, 0), (ssize_t)len);
}

Test(pass, other_messages_are_refused_and_their_descriptors_closed)
{
	int before, fd = 7;

	make(SLIP_REGION_MEMFD);
	before = scratch_fds();
	send_raw("slippass", 8, 0);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG, "without one");
	cr_assert_eq(fd, -1);
	send_raw("slippass", 8, 2);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG, "two");
	send_raw("slippash", 8, 1);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG, "another text");
	send_raw("slip", 4, 1);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG, "too short");
	send_raw("slippass", 8, 1);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), 0);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

Test(pass, a_refused_message_is_no_region)
{
	static struct slip_region again;

	make(SLIP_REGION_MEMFD);
	send_raw("slippass", 8, 0);
	cr_assert_eq(slip_region_recv(ends[1], &again, 0), -EBADMSG);
	unmake();
}

/* Of many descriptors all that come are closed. */
Test(pass, more_descriptors_than_one_has_room_for_are_refused)
{
	struct rlimit many, few;
	int before, fd;

	make(SLIP_REGION_MEMFD);
	before = scratch_fds();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &many), 0);
	few = many;
	fd = dup(ends[0]);
	few.rlim_cur = (rlim_t)fd + 1;
	cr_assert_eq(close(fd), 0);
	send_raw("slippass", 8, 2);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG, "one of two");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &many), 0);
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

Test(pass, a_message_of_nothing_but_a_descriptor_is_refused)
{
	int before, fd;

	make_over(SOCK_SEQPACKET, SLIP_REGION_MEMFD);
	before = scratch_fds();
	send_raw("", 0, 1);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG);
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

/* Who wants to know who sends is told of that first. */
Test(pass, credentials_do_not_hide_the_descriptor)
{
	static struct slip_region again;
	int before, fd, on = 1;

	make(SLIP_REGION_MEMFD);
	before = scratch_fds();
	cr_assert_eq(
		setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)),
		0);
	cr_assert_eq(slip_region_send(ends[0], &rg), 0);
	cr_assert_eq(slip_region_recv(ends[1], &again, SLIP_REGION_MEMFD), 0);
	slip_region_close(&again);
	send_raw("slippass", 8, 3);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EBADMSG);
	cr_assert_eq(scratch_fds(), before);
	unmake();
}

/* As of another kind of socket, whose messages have numbers of their own. */
Test(pass, a_message_of_another_level_is_no_descriptor)
{
	struct slip_pass_ p;
	struct cmsghdr head;
	int fds[SLIP_PASS_FDS_];

	slip_pass_prepare_(&p, CMSG_SPACE(sizeof(int)));
	memset(&head, 0, sizeof(head));
	head.cmsg_len = SLIP_CAST(socklen_t, CMSG_LEN(sizeof(int)));
	head.cmsg_level = SOL_SOCKET + 1;
	head.cmsg_type = SCM_RIGHTS;
	memcpy(p.control, &head, sizeof(head));
	cr_assert_eq(slip_pass_fds_(&p, fds), 0);
}

Test(pass, the_end_of_a_socket_is_told)
{
	int fd;

	make(SLIP_REGION_MEMFD);
	hook_fail(SYS_recvmsg, 1, EINTR);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -EINTR);
	hook_off();
	cr_assert_eq(shutdown(ends[0], SHUT_WR), 0);
	cr_assert_eq(slip_fd_recv(ends[1], &fd), -ENOTCONN);
	cr_assert_eq(close(ends[1]), 0);
	cr_assert_eq(slip_region_send(ends[0], &rg), -EPIPE, "and no signal");
	slip_region_close(&rg);
	close(ends[0]);
}
