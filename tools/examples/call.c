/* SPDX-License-Identifier: MIT */
/*
 * Instead of two message queues, one for requests and one for replies: a server
 * that squares numbers, and clients that ask it. It is killed with a request in
 * its hands; its successor gets that once more, and is told so.
 */
#include "tools/examples/example.h"

#include "ring/call.h"

#define CLIENTS 3
#define EACH	5000

static struct family family;
static int *in_hand; /* shared: the first server has taken a request */

static void *calls(struct family *f, size_t *bytes)
{
	family_join(f, &family);
	return family_find(f, "calls", SLIP_KIND_CALL, bytes);
}

static void square(struct slip_call_server *s, struct slip_call_ticket *t)
{
	uint64_t x;

	memcpy(&x, t->data, sizeof(x));
	x *= x;
	must(slip_call_reply(s, t, &x, sizeof(x)) == 0, "reply");
}

/* Serves a while, and then hangs with one request taken. */
static int first_server(void)
{
	struct slip_call_server s;
	struct slip_call_ticket t;
	struct family f;
	size_t bytes;
	void *mem = calls(&f, &bytes);

	must(slip_call_attach_server(&s, mem, bytes, &f.me) == 0, "attach");
	for (int i = 0; i < 100; i++) {
		must(slip_call_take_until(&s, &t, SLIP_FOREVER) == 0, "take");
		square(&s, &t);
	}
	must(slip_call_take_until(&s, &t, SLIP_FOREVER) == 0, "take");
	*(volatile int *)in_hand = 1;
	wait_for_the_end();
	return 1;
}

/* Until all clients have gone. */
static int second_server(void)
{
	struct slip_call_server s;
	struct slip_call_ticket t;
	struct family f;
	size_t bytes;
	void *mem = calls(&f, &bytes);
	int again = 0;
	int rc;

	must(slip_call_attach_server(&s, mem, bytes, &f.me) == 0, "attach");
	while ((rc = slip_call_take_until(&s, &t, SLIP_FOREVER)) == 0) {
		again += t.attempts > 1;
		square(&s, &t);
	}
	must(rc == -EPIPE, "all have gone");
	must(again == 1, "one request came again");
	slip_call_detach_server(&s);
	family_leave(&f);
	return 0;
}

static uint64_t ask(struct slip_call_client *c, uint64_t x)
{
	uint64_t answer = 0;
	uint32_t got;
	int rc = slip_call_send(c, &x, sizeof(x));

	must(rc == 0, "send");
	while ((rc = slip_call_wait_reply_until(c, SLIP_FOREVER)) == -EPIPE)
		/* The server died; what was asked stays for the next. */
		must(slip_call_wait_server_until(c, SLIP_FOREVER) == 0,
		     "a successor");
	must(rc == 0, "wait");
	must(slip_call_receive(c, &answer, sizeof(answer), &got) == 0,
	     "receive");
	return answer;
}

static int client(void)
{
	struct slip_call_client c;
	struct family f;
	size_t bytes;
	void *mem = calls(&f, &bytes);

	must(slip_call_attach_client(&c, mem, bytes, &f.me) == 0, "attach");
	for (uint64_t x = 1; x <= EACH; x++)
		must(ask(&c, x) == x * x, "the answer to this request");
	slip_call_detach_client(&c);
	family_leave(&f);
	return 0;
}

int main(void)
{
	size_t bytes = slip_call_bytes(CLIENTS, 48);
	pid_t clients[CLIENTS], server;
	void *mem;

	in_hand = (int *)shared_memory(4096);
	family_create(&family, bytes);
	mem = family_add(&family, "calls", SLIP_KIND_CALL, bytes);
	must(slip_call_init(mem, bytes, CLIENTS, 48, 0) == 0, "init");
	family_publish(&family);
	server = start(first_server);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = start(client);
	while (!*(volatile int *)in_hand)
		slip_pause();
	kill_it(server);
	server = start(second_server);
	for (int i = 0; i < CLIENTS; i++)
		must(went_well(clients[i]), "a client");
	must(went_well(server), "the second server");
	family_leave(&family);
	return 0;
}
