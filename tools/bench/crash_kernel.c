/* SPDX-License-Identifier: MIT */
/*
 * The links of the kernel's: a pipe, whose read end a standby shares, and a
 * UNIX stream socket, whose listener it shares, as a service manager does it.
 * Both tell a writer by EPIPE; what the dead reader had taken, and with the
 * socket all that was on the way to it, is lost.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/bench/crash_loops.h"

struct wire {
	int fd, listener;
	struct sockaddr_un address;
	socklen_t bytes;
};

static void close_both(struct crash_run *r)
{
	for (int i = 0; i < 2; i++)
		if (r->fd[i] >= 0)
			(void)close(r->fd[i]);
}

SLIP_CORE int wire_pop(void *own, uint64_t *values)
{
	const struct wire *w = own;
	ssize_t n = read(w->fd, values, CRASH_BATCH * sizeof(*values));

	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return -errno;
	return n % 8 ? -EBADMSG : (int)(n / 8);
}

/* --- pipe ------------------------------------------------------------------ */

static int pipe_open(struct crash_run *r)
{
	return pipe(r->fd) ? -errno : 0;
}

SLIP_CORE int pipe_push(void *own, uint64_t value)
{
	const struct wire *w = own;

	return write(w->fd, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Nobody can come to a pipe that has lost its last reader. */
static int pipe_again(void *own)
{
	(void)own;
	(void)pause();
	return -ETIMEDOUT;
}

static int pipe_produce(struct crash_run *r)
{
	struct wire w = { .fd = r->fd[1] };

	(void)close(r->fd[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	crash_ready(r->board);
	return crash_produce(r->board, &w, pipe_push, pipe_again);
}

static int pipe_consume(struct crash_run *r, bool successor)
{
	struct wire w = { .fd = r->fd[0] };

	(void)close(r->fd[1]);
	if (successor && r->event == CRASH_ALONE)
		(void)close(r->fd[0]);
	crash_ready(r->board);
	if (successor)
		crash_await(&r->board->go);
	if (successor && r->event == CRASH_ALONE)
		for (;;)
			(void)pause();
	return crash_consume(r->board, &w, wire_pop, successor, CRASH_BATCH);
}

/* --- UNIX stream socket ---------------------------------------------------- */

static int unix_open(struct crash_run *r)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	r->fd[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd[0] < 0)
		return -errno;
	/* No path: the kernel finds an abstract name. */
	if (bind(r->fd[0], (struct sockaddr *)&any, sizeof(sa_family_t)) ||
	    listen(r->fd[0], 4))
		return -errno;
	return 0;
}

static int unix_connect(struct wire *w)
{
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -errno;
	return connect(w->fd, (struct sockaddr *)&w->address, w->bytes) ? -errno
									: 0;
}

/* A reader that dies with data unread is ECONNRESET once, EPIPE then. */
SLIP_CORE int unix_push(void *own, uint64_t value)
{
	const struct wire *w = own;

	if (send(w->fd, &value, sizeof(value), MSG_NOSIGNAL) > 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static int unix_again(void *own)
{
	struct wire *w = own;

	(void)close(w->fd);
	return unix_connect(w);
}

static int unix_produce(struct crash_run *r)
{
	struct wire w = { .bytes = sizeof(w.address) };
	int rc;

	if (getsockname(r->fd[0], (struct sockaddr *)&w.address, &w.bytes))
		return -errno;
	(void)close(r->fd[0]);
	rc = unix_connect(&w);
	if (rc)
		return rc;
	crash_ready(r->board);
	return crash_produce(r->board, &w, unix_push, unix_again);
}

static int unix_consume(struct crash_run *r, bool successor)
{
	struct wire w = { .listener = r->fd[0] };

	if (successor) {
		crash_ready(r->board);
		crash_await(&r->board->go);
	}
	w.fd = accept(w.listener, NULL, NULL);
	if (w.fd < 0)
		return -errno;
	if (!successor)
		crash_ready(r->board);
	return crash_consume(r->board, &w, wire_pop, successor, UINT32_MAX);
}

const struct crash_link crash_pipe = {
	.open = pipe_open,
	.close = close_both,
	.produce = pipe_produce,
	.consume = pipe_consume,
};

const struct crash_link crash_unix = {
	.open = unix_open,
	.close = close_both,
	.produce = unix_produce,
	.consume = unix_consume,
};
