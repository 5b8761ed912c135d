/* SPDX-License-Identifier: MIT */
/*
 * Models of request and reply: one and two clients, waiting in both event
 * modes, giving up in one slot and in two, deaths of client and server at every
 * access, successors, the end as clients move and leave.
 *
 * Request n is the words { n, ~n }, its reply { n + 100, ~n }, so that whoever
 * reads either knows whether it is whole and whose it is.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/call.h"

#define REQUESTS 8

static struct {
	char ring[512 + 3 * 128 + 2 * 64] __attribute__((aligned(128)));
	struct slip_call_client c;
	struct slip_call_client c2;
	struct slip_call_server s;
	struct slip_call_server s2;
	unsigned heard[REQUESTS];    /* replies received to request n */
	unsigned served[REQUESTS];   /* how often it was taken */
	unsigned attempts[REQUESTS]; /* as the last ticket said */
	slip_a32 done;		     /* the clients want no more */
	slip_a32 ready;
	uint64_t began_ns;
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, some, deaths, takeovers, again, pipes, busy, moved;

/* --- rings ----------------------------------------------------------------- */

static void make(unsigned slots, unsigned mode)
{
	memset(&s, 0, sizeof(s));
	s.began_ns = slip_now_ns();
	X_ASSERT(!slip_call_init(s.ring, sizeof(s.ring), slots, 16, mode),
		 "init");
	all = some = deaths = takeovers = again = pipes = busy = moved = 0;
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 8, "ev_ask");
	x_name(s.ring + 136, 8, "server_role");
	x_name(s.ring + 256, 8, "roll");
	x_name(s.ring + 264, 4, "high");
	x_name(s.ring + 384, 8, "staged");
	x_name(s.ring + 512, 8, "ev_reply0");
	x_name(s.ring + 520, 8, "role0");
	x_name(s.ring + 640, 8, "taken0");
	x_name(s.ring + 768, 16, "stage");
	x_name(s.ring + 896, 8, "word0");
	x_name(s.ring + 904, 16, "payload0");
	x_name(s.ring + 960, 8, "word1");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(&s.c, sizeof(s.c), "client");
	x_name(&s.c2, sizeof(s.c2), "client2");
	x_name(&s.s, sizeof(s.s), "server");
	x_name(&s.s2, sizeof(s.s2), "server2");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
}

static int attach_c(struct slip_call_client *c, struct slip_peer *self)
{
	int rc = slip_call_attach_client(c, s.ring, sizeof(s.ring), self);

	c->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_s(struct slip_call_server *v, struct slip_peer *self)
{
	int rc = slip_call_attach_server(v, s.ring, sizeof(s.ring), self);

	v->side.spin.skip = UINT32_MAX;
	return rc;
}

static void one_client_of(unsigned slots, unsigned mode,
			  struct slip_peer *client, struct slip_peer *server)
{
	make(slots, mode);
	X_ASSERT(!attach_c(&s.c, client), "attach");
	X_ASSERT(!attach_s(&s.s, server), "attach");
}

static void one_client(void)
{
	one_client_of(1, SLIP_EVENT_FULL, NULL, NULL);
}

static void one_client_asym(void)
{
	one_client_of(1, SLIP_EVENT_ASYM, NULL, NULL);
}

static void spin_as_well(void)
{
	one_client_asym();
	s.c.side.spin.skip = 0;
	s.s.side.spin.skip = 0;
}

static void room_to_move(void)
{
	one_client_of(2, SLIP_EVENT_FULL, NULL, NULL);
}

static void two_clients(void)
{
	room_to_move();
	X_ASSERT(!attach_c(&s.c2, NULL), "attach");
}

static void unattached(void)
{
	make(1, SLIP_EVENT_FULL);
}

static void members(void)
{
	one_client_of(1, SLIP_EVENT_FULL, &peers_member[0], &peers_member[1]);
}

static void members_asym(void)
{
	one_client_of(1, SLIP_EVENT_ASYM, &peers_member[0], &peers_member[1]);
}

static void members_two(void)
{
	one_client_of(2, SLIP_EVENT_FULL, &peers_member[0], &peers_member[1]);
}

/* --- requests and replies -------------------------------------------------- */

static int ask(struct slip_call_client *c, uint64_t n)
{
	uint64_t words[2] = { n, ~n };

	return slip_call_send(c, words, sizeof(words));
}

static void got(const uint64_t *words, uint32_t bytes, uint64_t n)
{
	X_ASSERT(bytes == 16 && words[0] == n + 100 && words[1] == ~n,
		 "request %llu: reply of %u bytes is { %llu, ~%llu }",
		 (unsigned long long)n, bytes, (unsigned long long)words[0],
		 (unsigned long long)~words[1]);
	s.heard[n]++;
}

static int hear(struct slip_call_client *c, uint64_t n)
{
	uint64_t words[2];
	uint32_t bytes = 0;
	int rc = slip_call_receive(c, words, sizeof(words), &bytes);

	if (!rc)
		got(words, bytes, n);
	return rc;
}

/* Asks, and looks for the reply until it is there. */
static void call_spinning(struct slip_call_client *c, uint64_t n)
{
	int rc;

	while ((rc = ask(c, n)) == -EAGAIN)
		slip_pause();
	X_ASSERT(!rc, "send says %d", rc);
	while ((rc = hear(c, n)) == -EAGAIN)
		slip_pause();
	X_ASSERT(!rc, "receive says %d", rc);
}

static int call_until(struct slip_call_client *c, uint64_t n, uint64_t deadline)
{
	uint64_t words[2] = { n, ~n };
	uint32_t bytes = 0;
	int rc = slip_call_until(c, words, sizeof(words), words, sizeof(words),
				 &bytes, deadline);

	if (!rc)
		got(words, bytes, n);
	return rc;
}

/* Reads and answers what `t` says. */
static void answer(struct slip_call_server *v, struct slip_call_ticket *t)
{
	uint64_t words[2];
	uint64_t n;

	X_ASSERT(t->bytes == 16, "a request of %u bytes", t->bytes);
	slip_copy(words, t->data, 16);
	n = words[0];
	X_ASSERT(n < REQUESTS && words[1] == ~n, "request is { %llu, ~%llu }",
		 (unsigned long long)n, (unsigned long long)~words[1]);
	s.served[n]++;
	s.attempts[n] = t->attempts;
	words[0] += 100;
	X_ASSERT(!slip_call_reply(v, t, words, sizeof(words)), "reply");
}

static bool serve(struct slip_call_server *v)
{
	struct slip_call_ticket t;

	if (!slip_call_take(v, &t))
		return false;
	answer(v, &t);
	return true;
}

static void serve_spinning(struct slip_call_server *v, unsigned requests)
{
	while (requests)
		if (serve(v))
			requests--;
		else
			slip_pause();
}

static int serve_until(struct slip_call_server *v, uint64_t deadline)
{
	struct slip_call_ticket t;
	int rc = slip_call_take_until(v, &t, deadline);

	if (!rc)
		answer(v, &t);
	return rc;
}

/* The ring does all that a new one can. */
static void usable(struct slip_call_client *c, struct slip_call_server *v)
{
	for (unsigned i = 0; i < 3; i++) {
		X_ASSERT(!ask(c, 7) && serve(v) && !hear(c, 7), "is unusable");
		X_ASSERT(!serve(v), "out of nothing");
	}
}

/* --- not waiting ----------------------------------------------------------- */

static void calls_three(void)
{
	for (uint64_t n = 1; n <= 3; n++)
		call_spinning(&s.c, n);
}

static void serves_three(void)
{
	serve_spinning(&s.s, 3);
}

static void three_answered(void)
{
	for (unsigned n = 1; n <= 3; n++)
		X_ASSERT(s.heard[n] == 1 && s.served[n] == 1,
			 "request %u served %u, heard %u times", n, s.served[n],
			 s.heard[n]);
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
	all++;
	usable(&s.c, &s.s);
}

static void all_happened(void)
{
	X_ASSERT(all, "never all answered");
}

static void calls_one_of_two(void)
{
	call_spinning(&s.c, 1);
}

static void calls_other_two(void)
{
	call_spinning(&s.c2, 2);
	call_spinning(&s.c2, 3);
}

/* In place, and the server has two in hand. */
static void asks_in_place(void)
{
	for (uint64_t n = 1; n <= 2; n++) {
		uint64_t words[2] = { n, ~n };
		uint32_t bytes;
		void *at = slip_call_claim(&s.c);
		const void *back;

		X_ASSERT(at, "claim");
		slip_copy(at, words, sizeof(words));
		slip_call_commit(&s.c, sizeof(words));
		while (!(back = slip_call_peek(&s.c, &bytes)))
			slip_pause();
		slip_copy(words, back, sizeof(words));
		got(words, bytes, n);
		slip_call_release(&s.c);
	}
}

static void calls_third(void)
{
	call_spinning(&s.c2, 3);
}

static void serves_backwards(void)
{
	struct slip_call_ticket t[2];

	for (unsigned i = 0; i < 2; i++)
		while (!slip_call_take(&s.s, &t[i]))
			slip_pause();
	answer(&s.s, &t[1]);
	answer(&s.s, &t[0]);
	serve_spinning(&s.s, 1);
}

/* --- waiting --------------------------------------------------------------- */

static void calls_three_waiting(void)
{
	for (uint64_t n = 1; n <= 3; n++)
		X_ASSERT(!call_until(&s.c, n, SLIP_FOREVER), "call");
}

static void serves_three_waiting(void)
{
	for (unsigned i = 0; i < 3; i++)
		X_ASSERT(!serve_until(&s.s, SLIP_FOREVER), "take");
}

static void calls_one_waiting(void)
{
	X_ASSERT(!call_until(&s.c, 1, SLIP_FOREVER), "call");
}

static void calls_two_waiting(void)
{
	X_ASSERT(!call_until(&s.c2, 2, SLIP_FOREVER), "call");
	X_ASSERT(!call_until(&s.c2, 3, SLIP_FOREVER), "call");
}

/* --- coming and going ------------------------------------------------------ */

static void comes_and_serves(void)
{
	int rc;

	X_ASSERT(!attach_s(&s.s, NULL), "attach");
	X_ASSERT(!slip_call_wait_client_until(&s.s, SLIP_FOREVER), "wait");
	while (!(rc = serve_until(&s.s, SLIP_FOREVER)))
		;
	X_ASSERT(rc == -EPIPE, "take_until says %d", rc);
	pipes++;
}

static void comes_calls_and_leaves(void)
{
	X_ASSERT(!attach_c(&s.c, NULL), "attach");
	X_ASSERT(!slip_call_wait_server_until(&s.c, SLIP_FOREVER), "wait");
	for (uint64_t n = 1; n <= 2; n++)
		X_ASSERT(!call_until(&s.c, n, SLIP_FOREVER), "call");
	X_ASSERT(!ask(&s.c, 3), "send");
	slip_call_detach_client(&s.c);
}

static void all_then_pipe(void)
{
	X_ASSERT(s.served[1] == 1 && s.served[2] == 1 && s.served[3] == 1,
		 "not all was delivered");
	X_ASSERT(!attach_c(&s.c2, NULL), "a successor is refused");
	usable(&s.c2, &s.s);
}

static void pipe_happened(void)
{
	X_ASSERT(pipes, "never an end");
}

/* A server that leaves, and is its own successor; nobody has an oracle. */
static void calls_across_a_change(void)
{
	for (uint64_t n = 1; n <= 2; n++) {
		int rc = call_until(&s.c, n, SLIP_FOREVER);

		X_ASSERT(!rc || rc == -EPIPE, "call says %d", rc);
		pipes += !!rc;
		rc = slip_call_wait_server_until(&s.c, SLIP_FOREVER);
		X_ASSERT(!rc, "wait_server says %d", rc);
	}
	X_ASSERT(!call_until(&s.c, 3, SLIP_FOREVER), "call");
	slip_call_detach_client(&s.c);
}

static void leaves_and_returns(void)
{
	(void)serve(&s.s);
	slip_call_detach_server(&s.s);
	X_ASSERT(!attach_s(&s.s2, NULL), "attach");
	while (!(s.rc[1] = serve_until(&s.s2, SLIP_FOREVER)))
		;
}

static void change_done(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "take_until says %d", s.rc[1]);
	for (unsigned n = 1; n <= 3; n++)
		X_ASSERT(s.served[n] <= 1 && s.heard[n] <= s.served[n],
			 "request %u", n);
	X_ASSERT(s.heard[3] == 1, "the last is not answered");
}

/* A client, not of the first slot, that is there before the server. */
static void early_client(void)
{
	make(2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(&s.c2, NULL) && !attach_c(&s.c, NULL), "attach");
}

static void waits_and_calls(void)
{
	X_ASSERT(!slip_call_wait_server_until(&s.c, SLIP_FOREVER), "wait");
	X_ASSERT(!call_until(&s.c, 1, SLIP_FOREVER), "call");
}

static void comes_and_serves_one(void)
{
	X_ASSERT(!attach_s(&s.s, NULL), "attach");
	X_ASSERT(!serve_until(&s.s, SLIP_FOREVER), "take");
}

static void one_answered(void)
{
	X_ASSERT(s.heard[1] == 1, "not heard");
	all++;
	usable(&s.c2, &s.s);
}

/* Two who want the one slot: one gets it, or one after the other. */
static void rival(struct slip_call_client *c, uint64_t n)
{
	int rc = attach_c(c, NULL);

	X_ASSERT(!rc || rc == -EUSERS, "attach says %d", rc);
	if (rc) {
		busy++;
		return;
	}
	X_ASSERT(!ask(c, n), "send");
	slip_call_detach_client(c);
	s.rc[x_self()] = 1;
}

static void rival_one(void)
{
	rival(&s.c, 1);
}

static void rival_two(void)
{
	rival(&s.c2, 2);
}

static void comes_and_looks(void)
{
	X_ASSERT(!attach_s(&s.s, NULL), "attach");
	(void)serve(&s.s);
	(void)serve(&s.s);
}

static void rivals_done(void)
{
	while (serve(&s.s))
		;
	X_ASSERT(s.served[1] == (unsigned)s.rc[0] &&
			 s.served[2] == (unsigned)s.rc[1],
		 "%u and %u served", s.served[1], s.served[2]);
	takeovers += s.served[1] && s.served[2];
	X_ASSERT(!attach_c(&s.c, NULL), "a successor is refused");
	usable(&s.c, &s.s);
}

static void rivals_happened(void)
{
	X_ASSERT(busy && takeovers, "%llu refused, %llu handed on",
		 (unsigned long long)busy, (unsigned long long)takeovers);
}

/* One who attaches to what is just being made has all of it, or nothing. */
static void blank(void)
{
	make(1, SLIP_EVENT_FULL);
	memset(s.ring, 0, sizeof(s.ring));
}

static void creator(void)
{
	X_ASSERT(
		!slip_call_init(s.ring, sizeof(s.ring), 1, 16, SLIP_EVENT_FULL),
		"init");
}

static void early(void)
{
	int rc = attach_c(&s.c, NULL);

	X_ASSERT(!rc || rc == -EBADMSG, "attach says %d", rc);
	all += !rc;
	if (!rc)
		X_ASSERT(!ask(&s.c, 1), "send");
}

/* --- giving up ------------------------------------------------------------- */

/* Gives 1 up at once, and calls with 2. */
static void gives_up(void)
{
	unsigned was = s.c.at;

	X_ASSERT(!ask(&s.c, 1), "send");
	slip_call_abandon(&s.c);
	call_spinning(&s.c, 2);
	moved += s.c.at != was;
	some += s.c.at == was;
}

static void serves_two(void)
{
	serve_spinning(&s.s, 2);
}

static void given_up(void)
{
	X_ASSERT(s.served[1] == 1 && s.served[2] == 1 && s.heard[2] == 1,
		 "not all was served");
	usable(&s.c, &s.s);
}

static void moves_happened(void)
{
	X_ASSERT(moved && some, "moved %llu, stayed %llu times",
		 (unsigned long long)moved, (unsigned long long)some);
}

static void stays_happened(void)
{
	X_ASSERT(some, "never");
}

/* As somebody else wants a slot. */
static void comes_and_calls(void)
{
	int rc;

	while ((rc = attach_c(&s.c2, NULL)) == -EUSERS)
		slip_pause();
	X_ASSERT(!rc, "attach says %d", rc);
	call_spinning(&s.c2, 3);
}

static void newcomer_served(void)
{
	X_ASSERT(s.heard[2] == 1 && s.heard[3] == 1 && s.served[1] == 1,
		 "not all was served");
	usable(&s.c, &s.s);
	usable(&s.c2, &s.s);
}

/* Gives up by a deadline that may come at any time. */
static void calls_impatiently(void)
{
	int rc = call_until(&s.c, 1, slip_after_ns(1000));

	X_ASSERT(!rc || rc == -ETIMEDOUT, "call says %d", rc);
	some += !!rc;
	X_ASSERT(!call_until(&s.c, 2, SLIP_FOREVER), "call");
	slip_call_detach_client(&s.c);
}

static void serves_to_the_end(void)
{
	while (!(s.rc[1] = serve_until(&s.s, SLIP_FOREVER)))
		;
}

static void impatience_served(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "take_until says %d", s.rc[1]);
	X_ASSERT(s.served[1] == 1 && s.served[2] == 1 && s.heard[2] == 1,
		 "not all was served");
}

/* A client that moves is at every moment there: the server is not told that
 * all have gone. In front of it stands a slot of one who left. */
static void one_left(void)
{
	make(2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(&s.c2, NULL) && !attach_c(&s.c, NULL), "attach");
	slip_call_detach_client(&s.c2);
	X_ASSERT(!attach_s(&s.s, NULL), "attach");
}

static void moves(void)
{
	X_ASSERT(s.c.at == 1 && !ask(&s.c, 1), "send");
	slip_call_abandon(&s.c);
	X_ASSERT(!ask(&s.c, 2), "send");
	moved += s.c.at == 0;
}

static void is_all_over(void)
{
	s.rc[1] = slip_call_no_client_(&s.s, NULL);
}

static void not_over(void)
{
	X_ASSERT(!s.rc[1], "all have gone, it says");
	X_ASSERT(!slip_call_no_client_(&s.s, NULL), "all have gone, it says");
	slip_call_detach_client(&s.c);
	X_ASSERT(slip_call_no_client_(&s.s, NULL), "and never will");
}

static void move_happened(void)
{
	X_ASSERT(moved, "never moved");
}

/* --- deaths ---------------------------------------------------------------- */

static void calls_two_and_leaves(void)
{
	for (uint64_t n = 1; n <= 2 && !s.rc[0]; n++)
		s.rc[0] = call_until(&s.c, n, SLIP_FOREVER);
	slip_call_detach_client(&s.c);
}

/* What the dead client asked is delivered whole, or was never asked; the server
 * is told; an heir has the slot and none of its replies. */
static void client_died(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "take_until says %d", s.rc[1]);
	deaths += x_dead(0);
	for (unsigned n = 1; n <= 2; n++) {
		X_ASSERT(s.served[n] <= 1 && s.heard[n] <= s.served[n],
			 "request %u served %u, heard %u times", n, s.served[n],
			 s.heard[n]);
		X_ASSERT(x_dead(0) || s.heard[n] == 1, "request %u lost", n);
	}
	some += s.served[2] && !s.heard[2];
	X_ASSERT(!attach_c(&s.c2, &peers_member[X_THREADS]),
		 "an heir is refused");
	X_ASSERT(hear(&s.c2, 7) == -EINVAL, "the heir has a reply");
	usable(&s.c2, &s.s);
}

static void deaths_happened(void)
{
	X_ASSERT(deaths && some, "%llu deaths, %llu in between",
		 (unsigned long long)deaths, (unsigned long long)some);
}

/* ... and one that wants the slot while it dies. */
static void inherits(void)
{
	int rc;

	while ((rc = attach_c(&s.c2, peers_self())) == -EUSERS)
		slip_pause();
	X_ASSERT(!rc, "attach says %d", rc);
	takeovers += x_dead(0);
	call_spinning(&s.c2, 3);
	slip_a32_store_release(&s.done, 1);
}

static void calls_one_and_leaves(void)
{
	call_spinning(&s.c, 1);
	slip_call_detach_client(&s.c);
}

static void serves_until_done(void)
{
	while (!slip_a32_load_acquire(&s.done))
		if (!serve(&s.s))
			slip_pause();
}

static void inherited(void)
{
	deaths += x_dead(0);
	X_ASSERT(s.heard[3] == 1 && s.served[3] == 1, "the heir is not heard");
	X_ASSERT(s.served[1] <= 1 && (x_dead(0) || s.heard[1]), "request 1");
	usable(&s.c2, &s.s);
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers, "%llu deaths, %llu taken over",
		 (unsigned long long)deaths, (unsigned long long)takeovers);
}

static void calls_to_the_end(void)
{
	for (uint64_t n = 1; n <= 2 && !s.rc[0]; n++)
		s.rc[0] = call_until(&s.c, n, SLIP_FOREVER);
}

static void serves_two_and_leaves(void)
{
	for (unsigned i = 0; i < 2 && !s.rc[1]; i++)
		s.rc[1] = serve_until(&s.s, SLIP_FOREVER);
	slip_call_detach_server(&s.s);
}

/* Request n, that was not heard: answered by the dead, so that its successor
 * gave the reply back, or delivered again, or never asked. */
static void settle(unsigned n)
{
	unsigned before = s.served[n];
	bool served = serve(&s.s2);

	X_ASSERT(!served || s.served[n] == before + 1, "another request");
	X_ASSERT(!served || !before || s.attempts[n] > 1,
		 "again, and not said so");
	again += served && before;
	takeovers += !served && before;
}

static void server_died(void)
{
	unsigned n = s.heard[1] ? 2 : 1;

	X_ASSERT(!s.rc[0] || s.rc[0] == -EPIPE, "call says %d", s.rc[0]);
	X_ASSERT(!s.rc[0] || x_dead(1), "without a death");
	deaths += x_dead(1);
	X_ASSERT(!attach_s(&s.s2, &peers_member[X_THREADS]),
		 "a successor is refused");
	if (s.rc[0])
		settle(n);
	X_ASSERT(!serve(&s.s2), "a request too many");
	for (n = 1; n <= 2; n++)
		X_ASSERT(s.served[n] <= 2 && s.heard[n] <= 1, "request %u", n);
	usable(&s.c, &s.s2);
}

static void again_happened(void)
{
	X_ASSERT(deaths && again && takeovers,
		 "%llu deaths, %llu delivered again, %llu finished",
		 (unsigned long long)deaths, (unsigned long long)again,
		 (unsigned long long)takeovers);
}

/* Nobody has an oracle, so somebody has to tell. */
static void server_left(void)
{
	X_ASSERT(!s.rc[0] || s.rc[0] == -EPIPE, "call says %d", s.rc[0]);
	pipes += !!s.rc[0];
	some += s.heard[1] == 1;
}

/* A successor that comes while the first may still be alive; the client goes
 * on with the same request. */
static void calls_whoever_is_there(void)
{
	int rc = ask(&s.c, 1);

	X_ASSERT(!rc, "send says %d", rc);
	for (;;) {
		rc = slip_call_wait_reply_until(&s.c, SLIP_FOREVER);
		if (rc != -EPIPE)
			break;
		pipes++;
		rc = slip_call_wait_server_until(&s.c, SLIP_FOREVER);
		X_ASSERT(!rc, "wait_server says %d", rc);
	}
	X_ASSERT(!rc, "wait_reply says %d", rc);
	X_ASSERT(!hear(&s.c, 1), "receive");
	slip_a32_store_release(&s.done, 1);
}

static void serves_one_and_leaves(void)
{
	(void)serve(&s.s);
	slip_call_detach_server(&s.s);
}

static void succeeds(void)
{
	int rc;

	while ((rc = attach_s(&s.s2, peers_self())) == -EBUSY)
		slip_pause();
	X_ASSERT(!rc, "attach says %d", rc);
	takeovers += x_dead(1);
	while (!slip_a32_load_acquire(&s.done))
		if (!serve(&s.s2))
			slip_pause();
}

static void succession_done(void)
{
	deaths += x_dead(1);
	X_ASSERT(s.heard[1] == 1 && s.served[1] >= 1 && s.served[1] <= 2,
		 "served %u times", s.served[1]);
	X_ASSERT(s.served[1] == 1 || s.attempts[1] == 2,
		 "again, and not said so");
	again += s.served[1] == 2;
	usable(&s.c, &s.s2);
}

/* A successor that dies as well leaves it to the next. */
static void succeeds_and_leaves(void)
{
	s.rc[1] = attach_s(&s.s2, peers_self());
	if (s.rc[1])
		return;
	(void)serve(&s.s2);
	slip_call_detach_server(&s.s2);
}

static void asked_one(void)
{
	one_client_of(1, SLIP_EVENT_FULL, &peers_member[X_THREADS],
		      &peers_member[0]);
	X_ASSERT(!ask(&s.c, 1), "send");
}

static void serves_and_dies(void)
{
	(void)serve(&s.s);
	slip_call_detach_server(&s.s);
}

static void third_settles(void)
{
	deaths += x_dead(0) && x_dead(1);
	X_ASSERT(!attach_s(&s.s, &peers_member[X_THREADS]), "refused");
	while (serve(&s.s))
		again++;
	X_ASSERT(!hear(&s.c, 1), "no reply");
	X_ASSERT(s.served[1] <= 3, "served %u times", s.served[1]);
	takeovers += s.served[1] == 1 && x_dead(0) && x_dead(1);
	usable(&s.c, &s.s);
}

/* --- stops ----------------------------------------------------------------- */

static void calls_until_late(void)
{
	s.rc[0] = call_until(&s.c, 1, slip_after_ns(20000000));
}

static void serves_one_waiting(void)
{
	s.rc[1] = serve_until(&s.s, SLIP_FOREVER);
	slip_call_detach_server(&s.s);
}

static void stop_done(void)
{
	X_ASSERT(!s.rc[0] || (s.rc[0] == -ETIMEDOUT && x_stopped(1)) ||
			 s.rc[0] == -EPIPE,
		 "call says %d", s.rc[0]);
	X_ASSERT(!x_stopped(1) || s.s.error ||
			 attach_s(&s.s2, &peers_member[X_THREADS]) == -EBUSY,
		 "taken over from the living");
	deaths += x_stopped(1) && s.rc[0] == -ETIMEDOUT;
	some += s.heard[1] == 1;
}

/* --- who comes, leaves or waits for room ----------------------------------- */

static void second_slot_taken(void)
{
	make(2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(&s.c2, NULL), "attach");
}

static void comes_and_waits(void)
{
	X_ASSERT(!attach_c(&s.c, NULL), "attach");
	X_ASSERT(!slip_call_wait_server_until(&s.c, SLIP_FOREVER), "wait");
	all++;
}

static void server_comes(void)
{
	X_ASSERT(!attach_s(&s.s, NULL), "attach");
}

static void server_alone(void)
{
	make(1, SLIP_EVENT_FULL);
	X_ASSERT(!attach_s(&s.s, NULL), "attach");
}

static void comes_and_asks(void)
{
	int rc;

	X_ASSERT(!attach_c(&s.c, NULL), "attach");
	rc = call_until(&s.c, 1, SLIP_FOREVER);
	X_ASSERT(rc == -EPIPE, "call says %d", rc);
	all++;
}

static void server_leaves(void)
{
	slip_call_detach_server(&s.s);
}

static void client_comes(void)
{
	X_ASSERT(!attach_c(&s.c, NULL), "attach");
}

static void server_waits(void)
{
	X_ASSERT(!slip_call_wait_client_until(&s.s, SLIP_FOREVER), "wait");
	all++;
}

static void told_at_once(void)
{
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
}

/* The first client has given up what the server is at; the other has the other
 * slot. */
static void no_room(struct slip_peer *self, struct slip_peer *other,
		    struct slip_peer *server)
{
	struct slip_call_ticket t;

	make(2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(&s.c, self), "attach");
	X_ASSERT(!attach_c(&s.c2, other), "attach");
	X_ASSERT(!attach_s(&s.s, server), "attach");
	X_ASSERT(!ask(&s.c, 1) && slip_call_take(&s.s, &t), "ask");
	slip_call_abandon(&s.c);
}

static void full(void)
{
	no_room(NULL, NULL, NULL);
}

static void full_of_members(void)
{
	no_room(&peers_member[0], &peers_member[1], &peers_member[X_THREADS]);
}

static void send_2_until(uint64_t deadline)
{
	const uint64_t words[2] = { 2, ~UINT64_C(2) };

	s.rc[0] = slip_call_send_until(&s.c, words, sizeof(words), deadline);
}

static void waits_for_room(void)
{
	send_2_until(SLIP_FOREVER);
	X_ASSERT(!s.rc[0], "send says %d", s.rc[0]);
	all++;
}

static void waits_a_while_for_room(void)
{
	send_2_until(slip_after_ns(20 * SLIP_SLICE_NS));
}

static void makes_room(void)
{
	slip_call_detach_client(&s.c2);
}

static void is_there(void)
{
	/* hint: where it may die */
	(void)slip_a32_load_relaxed(&s.ready);
	(void)slip_a32_load_relaxed(&s.ready);
}

static void the_dead_make_room(void)
{
	all += x_dead(1);
	X_ASSERT(!x_dead(1) || !s.rc[0], "send says %d", s.rc[0]);
}

static void it_happened(void)
{
	X_ASSERT(all, "never");
}

static const struct x_model models[] = {
	{
		.name = "calls",
		.operation = "call.send+reply",
		.once = one_client,
		.threads = { calls_three, serves_three },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 5,
	},
	{
		.name = "client-comes-server-comes",
		.operation = "call.attach+detach",
		.once = second_slot_taken,
		.threads = { comes_and_waits, server_comes },
		.finish = it_happened,
		.preemptions = 3,
	},
	{
		.name = "client-comes-server-leaves",
		.operation = "call.attach+detach",
		.once = server_alone,
		.threads = { comes_and_asks, server_leaves },
		.finish = it_happened,
		.preemptions = 3,
	},
	{
		.name = "first-client",
		.operation = "call.attach+detach",
		.once = server_alone,
		.threads = { client_comes, server_waits },
		.final = told_at_once,
		.finish = it_happened,
		.preemptions = 3,
	},
	{
		.name = "room",
		.operation = "call.abandon+send",
		.once = full,
		.threads = { waits_for_room, makes_room },
		.finish = it_happened,
		.preemptions = 3,
	},
	{
		.name = "dead-room",
		.operation = "call.abandon+send",
		.once = full_of_members,
		.threads = { waits_a_while_for_room, is_there },
		.final = the_dead_make_room,
		.finish = it_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "two-clients",
		.operation = "call.send+reply",
		.once = two_clients,
		.threads = { calls_one_of_two, calls_other_two, serves_three },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 3,
	},
	{
		.name = "in-place",
		.operation = "call.claim+peek",
		.once = two_clients,
		.threads = { asks_in_place, calls_third, serves_backwards },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 3,
	},
	{
		.name = "wait-full",
		.operation = "call.wait",
		.once = one_client,
		.threads = { calls_three_waiting, serves_three_waiting },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-asym",
		.operation = "call.wait",
		.once = one_client_asym,
		.threads = { calls_three_waiting, serves_three_waiting },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-spinning",
		.operation = "call.wait",
		.once = spin_as_well,
		.threads = { calls_three_waiting, serves_three_waiting },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 2,
	},
	{
		.name = "wait-two",
		.operation = "call.wait",
		.once = two_clients,
		.threads = { calls_one_waiting, calls_two_waiting,
			     serves_three_waiting },
		.final = three_answered,
		.finish = all_happened,
		.preemptions = 2,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "attach-detach",
		.operation = "call.attach+detach",
		.once = unattached,
		.threads = { comes_calls_and_leaves, comes_and_serves },
		.final = all_then_pipe,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "change",
		.operation = "call.attach+detach",
		.once = one_client,
		.threads = { calls_across_a_change, leaves_and_returns },
		.final = change_done,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "leaves",
		.operation = "call.attach+detach",
		.once = one_client,
		.threads = { calls_to_the_end, serves_one_and_leaves },
		.final = server_left,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "wait-server",
		.operation = "call.attach+detach",
		.once = early_client,
		.threads = { waits_and_calls, comes_and_serves_one },
		.final = one_answered,
		.finish = all_happened,
		.preemptions = 3,
	},
	{
		.name = "rivals",
		.operation = "call.attach+detach",
		.once = unattached,
		.threads = { rival_one, rival_two, comes_and_looks },
		.final = rivals_done,
		.finish = rivals_happened,
		.preemptions = 2,
	},
	{
		.name = "init",
		.operation = "call.attach+detach",
		.once = blank,
		.threads = { creator, early },
		.finish = all_happened,
		.preemptions = 3,
	},
	{
		.name = "give-up",
		.operation = "call.abandon",
		.once = one_client,
		.threads = { gives_up, serves_two },
		.final = given_up,
		.finish = stays_happened,
		.preemptions = 4,
	},
	{
		.name = "give-up-and-move",
		.operation = "call.abandon",
		.once = room_to_move,
		.threads = { gives_up, serves_two },
		.final = given_up,
		.finish = moves_happened,
		.preemptions = 4,
	},
	{
		.name = "newcomer",
		.operation = "call.abandon",
		.once = room_to_move,
		.threads = { gives_up, serves_three, comes_and_calls },
		.final = newcomer_served,
		.finish = moves_happened,
		.preemptions = 2,
	},
	{
		.name = "impatient",
		.operation = "call.abandon",
		.once = one_client,
		.threads = { calls_impatiently, serves_to_the_end },
		.final = impatience_served,
		.finish = stays_happened,
		.preemptions = 2,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "mover",
		.operation = "call.abandon",
		.once = one_left,
		.threads = { moves, is_all_over },
		.final = not_over,
		.finish = move_happened,
		.preemptions = 4,
	},
	{
		.name = "client-dies",
		.operation = "call.death",
		.once = members,
		.threads = { calls_two_and_leaves, serves_to_the_end },
		.final = client_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "heir",
		.operation = "call.death",
		.once = members,
		.threads = { calls_one_and_leaves, serves_until_done,
			     inherits },
		.final = inherited,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "server-dies",
		.operation = "call.takeover",
		.once = members,
		.threads = { calls_to_the_end, serves_two_and_leaves },
		.final = server_died,
		.finish = again_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "server-dies-asym",
		.operation = "call.takeover",
		.once = members_asym,
		.threads = { calls_to_the_end, serves_two_and_leaves },
		.final = server_died,
		.finish = again_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 2,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "succession",
		.operation = "call.takeover",
		.once = members_two,
		.threads = { calls_whoever_is_there, serves_one_and_leaves,
			     succeeds },
		.final = succession_done,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "two-servers-die",
		.operation = "call.takeover",
		.once = asked_one,
		.threads = { serves_and_dies, succeeds_and_leaves },
		.final = third_settles,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "server-stops",
		.operation = "call.wait",
		.once = members,
		.threads = { calls_until_late, serves_one_waiting },
		.final = stop_done,
		.finish = deaths_happened,
		.sys = peers_sys,
		.stoppable = 2,
		.troubles = 1,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
