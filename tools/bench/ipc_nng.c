/* SPDX-License-Identifier: MIT */
/*
 * nng: a pair of sockets, as its own measurements have it, over UNIX sockets.
 * Messages are its own objects (nng_sendmsg), which its manual recommends for
 * speed. Its buffers are as long as the others', or as it permits.
 */
#include "tools/bench/ipc_library.h"

/* <nng/nng.h> of soname 1 */
typedef struct {
	uint32_t id;
} nng_socket;
#define BUFFER_MOST 8192u

static struct {
	int (*pair)(nng_socket *s);
	int (*close)(nng_socket s);
	int (*set_int)(nng_socket s, const char *option, int value);
	int (*listen)(nng_socket s, const char *url, void *listener, int flags);
	int (*dial)(nng_socket s, const char *url, void *dialer, int flags);
	int (*send)(nng_socket s, void *msg, int flags);
	int (*recv)(nng_socket s, void **msg, int flags);
	int (*alloc)(void **msg, size_t bytes);
	void (*free)(void *msg);
	void *(*body)(void *msg);
	size_t (*bytes)(const void *msg);
} nng;

static const struct ipc_symbol symbols[] = {
	{ "nng_pair0_open", &nng.pair },
	{ "nng_close", &nng.close },
	{ "nng_socket_set_int", &nng.set_int },
	{ "nng_listen", &nng.listen },
	{ "nng_dial", &nng.dial },
	{ "nng_sendmsg", &nng.send },
	{ "nng_recvmsg", &nng.recv },
	{ "nng_msg_alloc", &nng.alloc },
	{ "nng_msg_free", &nng.free },
	{ "nng_msg_body", &nng.body },
	{ "nng_msg_len", &nng.bytes },
};

struct nng_link {
	nng_socket socket;
	struct ipc_meeting *meeting;
	unsigned self;
};

static int setup_nng(struct bench_team *t)
{
	(void)t;
	return ipc_library_load("libnng.so.1", symbols,
				sizeof(symbols) / sizeof(*symbols));
}

/* Its errors are numbers of its own. */
static int failed(int e)
{
	return e ? -EIO : 0;
}

SLIP_CORE int send_nng(void *link, const void *msg, uint32_t bytes)
{
	const struct nng_link *l = (const struct nng_link *)link;
	void *m;
	int e = nng.alloc(&m, bytes);

	if (e)
		return failed(e);
	memcpy(nng.body(m), msg, bytes);
	e = nng.send(l->socket, m, 0);
	if (e)
		nng.free(m);
	return failed(e);
}

SLIP_CORE int take_nng(void *link, void *msg, uint32_t bytes)
{
	const struct nng_link *l = (const struct nng_link *)link;
	void *m;
	int e = nng.recv(l->socket, &m, 0);
	bool whole;

	if (e)
		return failed(e);
	whole = nng.bytes(m) == bytes;
	if (whole)
		memcpy(msg, nng.body(m), bytes);
	nng.free(m);
	return whole ? 0 : -EBADMSG;
}

static int make_socket(const struct bench_team *t, struct nng_link *l)
{
	uint32_t most = IPC_BUFFER_BYTES / t->point->elem_bytes;
	int e = nng.pair(&l->socket);

	if (most > BUFFER_MOST)
		most = BUFFER_MOST;
	if (!e)
		e = nng.set_int(l->socket, "send-buffer", (int)most);
	if (!e)
		e = nng.set_int(l->socket, "recv-buffer", (int)most);
	return failed(e);
}

/* A first message, so that they are connected when they are let go. */
static int greet(const struct bench_team *t, struct nng_link *l)
{
	uint32_t bytes = t->point->elem_bytes;
	union ipc_msg m = { { 0 } };

	return l->self ? take_nng(l, &m, bytes) : send_nng(l, &m, bytes);
}

static int open_nng(const struct bench_team *t, unsigned self,
		    struct nng_link *l)
{
	char at[64];
	int rc;

	l->meeting = (struct ipc_meeting *)t->mem;
	l->self = self;
	ipc_library_enter();
	ipc_meeting_name("abstract://", at, sizeof(at));
	rc = make_socket(t, l);
	if (self && !rc)
		rc = failed(nng.listen(l->socket, at, NULL, 0));
	if (self)
		ipc_meeting_tell(&l->meeting->bound, rc);
	else if (!rc)
		rc = ipc_meeting_wait(&l->meeting->bound);
	if (!self && !rc)
		rc = failed(nng.dial(l->socket, at, NULL, 0));
	return rc ? rc : greet(t, l);
}

/* Side 0 waits until side 1 has all, as closing may drop what is on its way. */
static void shut_nng(struct nng_link *l)
{
	if (l->self)
		ipc_meeting_tell(&l->meeting->done, 0);
	else
		(void)ipc_meeting_wait(&l->meeting->done);
	(void)nng.close(l->socket);
}

static void nothing(struct bench_team *t)
{
	(void)t;
}

IPC_WAY(nng, nng_link, setup_nng, nothing)
