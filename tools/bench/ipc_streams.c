/* SPDX-License-Identifier: MIT */
/*
 * File descriptors that carry messages: byte streams (pipe, FIFO, UNIX and TCP
 * sockets) and packets (UNIX datagrams and sequenced packets). Nothing of them
 * has a name by the time that the sides start, so nothing stays behind.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench/ipc_loops.h"

void ipc_close_fds(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);

	for (unsigned i = 0; i < 4; i++) {
		int *fd = &job->fd[i / 2][i % 2];

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

static int failed(void)
{
	return errno ? -errno : -EIO;
}

/* --- byte streams ---------------------------------------------------------- */

/* A reader takes what is there, up to so much: what a pipe holds by default. */
#define GULP_BYTES 65536u

struct stream_link {
	int in, out;
	size_t at, have;
	unsigned char buf[GULP_BYTES];
};

static int open_stream(struct bench_team *t, unsigned self,
		       struct stream_link *l)
{
	l->in = ipc_job(t)->fd[!self][0];
	l->out = ipc_job(t)->fd[self][1];
	return 0;
}

SLIP_CORE int send_stream(void *link, const void *msg, uint32_t bytes)
{
	const struct stream_link *l = (const struct stream_link *)link;
	const char *from = (const char *)msg;
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = write(l->out, from + done, bytes - done);

		if (n <= 0)
			return failed();
		done += (size_t)n;
	}
	return 0;
}

static int refill(struct stream_link *l)
{
	ssize_t n = read(l->in, l->buf, sizeof(l->buf));

	if (n <= 0)
		return n ? failed() : -EPIPE;
	l->at = 0;
	l->have = (size_t)n;
	return 0;
}

SLIP_CORE int take_stream(void *link, void *msg, uint32_t bytes)
{
	struct stream_link *l = (struct stream_link *)link;
	char *to = (char *)msg;
	size_t done = 0;

	while (done < bytes) {
		size_t n = bytes - done;
		int rc = l->at == l->have ? refill(l) : 0;

		if (rc)
			return rc;
		if (n > l->have - l->at)
			n = l->have - l->at;
		memcpy(to + done, l->buf + l->at, n);
		l->at += n;
		done += n;
	}
	return 0;
}

static void shut_stream(struct stream_link *l)
{
	(void)l; /* the process ends */
}

#define STREAM_WAY(name)                                                       \
	static int open_##name(struct bench_team *t, unsigned self,            \
			       struct stream_link *l)                          \
	{                                                                      \
		return open_stream(t, self, l);                                \
	}                                                                      \
	SLIP_CORE int send_##name(void *link, const void *msg, uint32_t bytes) \
	{                                                                      \
		return send_stream(link, msg, bytes);                          \
	}                                                                      \
	SLIP_CORE int take_##name(void *link, void *m, uint32_t n)             \
	{                                                                      \
		return take_stream(link, m, n);                                \
	}                                                                      \
	static void shut_##name(struct stream_link *l)                         \
	{                                                                      \
		shut_stream(l);                                                \
	}                                                                      \
	IPC_WAY(name, stream_link, setup_##name, ipc_close_fds)

/* The kernel may permit less; then the default stays. */
static void enlarge_pipe(int fd)
{
	(void)fcntl(fd, F_SETPIPE_SZ, (int)IPC_BUFFER_BYTES);
}

static int setup_pipe(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);

	for (unsigned i = 0; i < 2; i++) {
		if (pipe(job->fd[i]))
			return failed();
		enlarge_pipe(job->fd[i][1]);
	}
	return 0;
}

/* Opened for both at first, as nobody else is there yet to open the other
 * end. */
static int open_fifo_at(const char *path, int fd[2])
{
	int rc = 0;

	if (mkfifo(path, 0600))
		return failed();
	fd[0] = open(path, O_RDWR);
	fd[1] = fd[0] < 0 ? -1 : open(path, O_WRONLY);
	if (fd[1] < 0)
		rc = failed();
	unlink(path);
	return rc;
}

static int setup_fifo(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);
	char dir[] = "/tmp/slipring-bench-XXXXXX";
	char path[sizeof(dir) + 8];
	int rc = 0;

	if (!mkdtemp(dir))
		return failed();
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	for (unsigned i = 0; i < 2 && !rc; i++) {
		rc = open_fifo_at(path, job->fd[i]);
		if (!rc)
			enlarge_pipe(job->fd[i][1]);
	}
	rmdir(dir);
	return rc;
}

static void enlarge_socket(int fd)
{
	int bytes = (int)IPC_BUFFER_BYTES;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/* One connected pair serves both directions. */
static int share_pair(struct ipc_job *job, const int pair[2])
{
	job->fd[0][1] = pair[0];
	job->fd[0][0] = pair[1];
	job->fd[1][1] = dup(pair[1]);
	job->fd[1][0] = dup(pair[0]);
	if (job->fd[1][1] < 0 || job->fd[1][0] < 0)
		return failed();
	return 0;
}

static int setup_unix(struct bench_team *t, int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair))
		return failed();
	enlarge_socket(pair[0]);
	enlarge_socket(pair[1]);
	return share_pair(ipc_job(t), pair);
}

static int setup_unix_stream(struct bench_team *t)
{
	return setup_unix(t, SOCK_STREAM);
}

/* pair[1] connects to `listener`, pair[0] is what comes of it. */
static int connect_pair(int listener, int pair[2])
{
	struct sockaddr_in at;
	socklen_t bytes = sizeof(at);
	int on = 1;

	memset(&at, 0, sizeof(at));
	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &bytes))
		return failed();
	pair[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (pair[1] < 0 ||
	    connect(pair[1], (const struct sockaddr *)&at, sizeof(at)))
		return failed();
	pair[0] = accept(listener, NULL, NULL);
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] < 0 || setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY,
					      &on, sizeof(on)))
			return failed();
	return 0;
}

/* Its buffers are left to the kernel, which sizes them as it goes. */
static int setup_tcp(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);
	int pair[2] = { -1, -1 };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int rc;

	if (listener < 0)
		return failed();
	rc = connect_pair(listener, pair);
	close(listener);
	if (!rc)
		return share_pair(job, pair);
	job->fd[0][0] = pair[0]; /* for ipc_close_fds */
	job->fd[0][1] = pair[1];
	return rc;
}

STREAM_WAY(pipe)
STREAM_WAY(fifo)
STREAM_WAY(unix_stream)
STREAM_WAY(tcp)

/* --- packets --------------------------------------------------------------- */

/* Taken by one recvmmsg(), if so many are there. */
#define PACKETS 16u

struct packet_link {
	int in, out;
	unsigned at, have, most;
	struct mmsghdr header[PACKETS];
	struct iovec vec[PACKETS];
	unsigned char buf[PACKETS][IPC_BYTES_MAX];
};

static int open_packets(struct bench_team *t, unsigned self,
			struct packet_link *l)
{
	l->in = ipc_job(t)->fd[!self][0];
	l->out = ipc_job(t)->fd[self][1];
	/* To and fro there is never a second one to look for. */
	l->most = ipc_job(t)->trip ? 1 : PACKETS;
	for (unsigned i = 0; i < PACKETS; i++) {
		l->vec[i].iov_base = l->buf[i];
		l->vec[i].iov_len = IPC_BYTES_MAX;
		l->header[i].msg_hdr.msg_iov = &l->vec[i];
		l->header[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

SLIP_CORE int send_packets(void *link, const void *msg, uint32_t bytes)
{
	const struct packet_link *l = (const struct packet_link *)link;

	return send(l->out, msg, bytes, 0) == (ssize_t)bytes ? 0 : failed();
}

SLIP_CORE int take_packets(void *link, void *msg, uint32_t bytes)
{
	struct packet_link *l = (struct packet_link *)link;

	if (l->at == l->have) {
		int n = recvmmsg(l->in, l->header, l->most, MSG_WAITFORONE,
				 NULL);

		if (n <= 0)
			return failed();
		l->at = 0;
		l->have = (unsigned)n;
	}
	if (l->header[l->at].msg_len != bytes)
		return -EBADMSG;
	memcpy(msg, l->buf[l->at++], bytes);
	return 0;
}

#define PACKET_WAY(name, type)                                                 \
	static int setup_##name(struct bench_team *t)                          \
	{                                                                      \
		return setup_unix(t, type);                                    \
	}                                                                      \
	static int open_##name(struct bench_team *t, unsigned self,            \
			       struct packet_link *l)                          \
	{                                                                      \
		return open_packets(t, self, l);                               \
	}                                                                      \
	SLIP_CORE int send_##name(void *link, const void *msg, uint32_t bytes) \
	{                                                                      \
		return send_packets(link, msg, bytes);                         \
	}                                                                      \
	SLIP_CORE int take_##name(void *link, void *m, uint32_t n)             \
	{                                                                      \
		return take_packets(link, m, n);                               \
	}                                                                      \
	static void shut_##name(struct packet_link *l)                         \
	{                                                                      \
		(void)l; /* the process ends */                                \
	}                                                                      \
	IPC_WAY(name, packet_link, setup_##name, ipc_close_fds)

PACKET_WAY(unix_datagram, SOCK_DGRAM)
PACKET_WAY(unix_seqpacket, SOCK_SEQPACKET)
