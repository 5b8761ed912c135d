/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ over its ipc transport, with the patterns that its own measurements
 * use: PUSH and PULL one way, REQ and REP to and fro. The high-water marks make
 * its queues as long as the others' buffers.
 */
#include "tools/bench/ipc_library.h"

/* <zmq.h> of soname 5 */
enum { REQ = 3, REP = 4, PULL = 7, PUSH = 8 };
enum { LINGER = 17, SNDHWM = 23, RCVHWM = 24 };

static struct {
	void *(*ctx_new)(void);
	int (*ctx_term)(void *ctx);
	void *(*socket)(void *ctx, int type);
	int (*close)(void *socket);
	int (*setsockopt)(void *socket, int option, const void *value,
			  size_t bytes);
	int (*bind)(void *socket, const char *address);
	int (*connect)(void *socket, const char *address);
	int (*send)(void *socket, const void *msg, size_t bytes, int flags);
	int (*recv)(void *socket, void *msg, size_t bytes, int flags);
	int (*error)(void);
} zmq;

static const struct ipc_symbol symbols[] = {
	{ "zmq_ctx_new", &zmq.ctx_new },
	{ "zmq_ctx_term", &zmq.ctx_term },
	{ "zmq_socket", &zmq.socket },
	{ "zmq_close", &zmq.close },
	{ "zmq_setsockopt", &zmq.setsockopt },
	{ "zmq_bind", &zmq.bind },
	{ "zmq_connect", &zmq.connect },
	{ "zmq_send", &zmq.send },
	{ "zmq_recv", &zmq.recv },
	{ "zmq_errno", &zmq.error },
};

struct zmq_link {
	void *ctx, *socket;
	struct ipc_meeting *meeting;
	unsigned self;
};

static int setup_zeromq(struct bench_team *t)
{
	(void)t;
	return ipc_library_load("libzmq.so.5", symbols,
				sizeof(symbols) / sizeof(*symbols));
}

static int failed(void)
{
	int e = zmq.error();

	return e > 0 ? -e : -EIO;
}

SLIP_CORE int send_zeromq(void *link, const void *msg, uint32_t bytes)
{
	const struct zmq_link *l = (const struct zmq_link *)link;

	return zmq.send(l->socket, msg, bytes, 0) == (int)bytes ? 0 : failed();
}

SLIP_CORE int take_zeromq(void *link, void *msg, uint32_t bytes)
{
	const struct zmq_link *l = (const struct zmq_link *)link;
	int n = zmq.recv(l->socket, msg, bytes, 0);

	if (n < 0)
		return failed();
	return n == (int)bytes ? 0 : -EBADMSG;
}

static int make_socket(const struct bench_team *t, struct zmq_link *l)
{
	static const int type[2][2] = { { PUSH, PULL }, { REQ, REP } };
	int most = (int)(IPC_BUFFER_BYTES / t->point->elem_bytes);
	int none = 0;

	l->ctx = zmq.ctx_new();
	if (!l->ctx)
		return failed();
	l->socket = zmq.socket(l->ctx, type[ipc_job(t)->trip][l->self]);
	if (!l->socket ||
	    zmq.setsockopt(l->socket, SNDHWM, &most, sizeof(most)) ||
	    zmq.setsockopt(l->socket, RCVHWM, &most, sizeof(most)) ||
	    zmq.setsockopt(l->socket, LINGER, &none, sizeof(none)))
		return failed();
	return 0;
}

/* A first message, so that they are connected when they are let go. */
static int greet(const struct bench_team *t, struct zmq_link *l)
{
	uint32_t bytes = t->point->elem_bytes;
	union ipc_msg m = { { 0 } };
	int rc =
		l->self ? take_zeromq(l, &m, bytes) : send_zeromq(l, &m, bytes);

	if (!rc && ipc_job(t)->trip)
		rc = l->self ? send_zeromq(l, &m, bytes)
			     : take_zeromq(l, &m, bytes);
	return rc;
}

static int open_zeromq(const struct bench_team *t, unsigned self,
		       struct zmq_link *l)
{
	char at[64];
	int rc;

	l->meeting = (struct ipc_meeting *)t->mem;
	l->self = self;
	ipc_library_enter();
	ipc_meeting_name("ipc://@", at, sizeof(at));
	rc = make_socket(t, l);
	if (self && !rc && zmq.bind(l->socket, at))
		rc = failed();
	if (self)
		ipc_meeting_tell(&l->meeting->bound, rc);
	else if (!rc)
		rc = ipc_meeting_wait(&l->meeting->bound);
	if (!self && !rc && zmq.connect(l->socket, at))
		rc = failed();
	return rc ? rc : greet(t, l);
}

/* Side 0 waits until side 1 has all, as closing may drop what is on its way. */
static void shut_zeromq(struct zmq_link *l)
{
	if (l->self)
		ipc_meeting_tell(&l->meeting->done, 0);
	else
		(void)ipc_meeting_wait(&l->meeting->done);
	if (l->socket)
		(void)zmq.close(l->socket);
	if (l->ctx)
		(void)zmq.ctx_term(l->ctx);
}

static void nothing(struct bench_team *t)
{
	(void)t;
}

IPC_WAY(zeromq, zmq_link, setup_zeromq, nothing)
