/* SPDX-License-Identifier: MIT */
/*
 * Request and reply, of which one side was killed or stopped. A request of a
 * dead client is delivered whole, or never was; one that a dead server had is
 * delivered again, and says so, or its reply is there, whole; nobody has a reply
 * to anything else. In the end every slot can be had and used.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/kill.h"

#define SLOTS	    3u /* two for a victim that moves, one for another */
#define PATIENCE_NS UINT64_C(20000000000)

/* Flags of an operation. */
#define SERVES	 1u  /* the victim is, or will be, the server */
#define ATTACHES 2u  /* the operation is attach */
#define HAS	 4u  /* has taken the request before */
#define ASKED	 8u  /* has asked before, */
#define HEARD	 16u /* and been answered */
#define GAVE_UP	 32u /* has asked before, and given up */
#define MAKES	 64u /* the operation is init */
#define BURIES	 128u

/* What has happened at the ring; of a client that it is there twice: in the
 * slot of somebody who left, or who died. */
enum past { FRESH, USED, GHOST_IDLE, GHOST_ASKED, PASTS };
/* What a dead server, before a victim that attaches, has left. */
enum left { LEFT_ASKED, LEFT_TAKEN, LEFT_STAGED, LEFT_TORN };

/* Numbers that follow from who asks: their content follows from them. */
#define MINE	1u
#define BEFORE	2u /* that was given up */
#define GHOSTS	3u
#define OTHERS	4u
#define NUMBERS 16u
#define REPLY	100u

static struct kill_call_victim victim_;

/* What survivors have; put back with the shared bytes. */
static struct {
	struct slip_call_server s;
	struct slip_call_client c;
	uint32_t times[NUMBERS]; /* how often it was delivered */
} s;

static uint32_t payload(void)
{
	return kill_now.state / 2 % 2 ? 120 : 16;
}

static unsigned past(void)
{
	return kill_now.state / 4 % PASTS;
}

static bool serves(void)
{
	return kill_now.op->flags & SERVES;
}

static void fill(unsigned char *to, unsigned number)
{
	for (uint32_t i = 0; i < payload(); i++)
		to[i] = (unsigned char)(number + i * 11 * number);
}

static void check(const void *found, uint32_t bytes, unsigned number)
{
	unsigned char right[128];

	fill(right, number);
	KILL_CHECK(bytes == payload() && !memcmp(found, right, bytes),
		   "number %u has a wrong content", number);
}

static void ask(struct slip_call_client *c, unsigned number)
{
	unsigned char data[128];
	int rc;

	fill(data, number);
	rc = slip_call_send(c, data, payload());
	KILL_CHECK(!rc, "send %u: %d", number, rc);
}

static void attach_c(struct slip_call_client *c, struct slip_peer *self)
{
	int rc = slip_call_attach_client(c, kill_base.mem, kill_base.bytes,
					 self);

	KILL_CHECK(!rc, "client's attach: %d", rc);
	c->side.spin.skip = UINT32_MAX;
}

static void attach_s(struct slip_peer *self)
{
	int rc = slip_call_attach_server(&s.s, kill_base.mem, kill_base.bytes,
					 self);

	KILL_CHECK(!rc, "server's attach: %d", rc);
	s.s.side.spin.skip = UINT32_MAX;
}

/* Takes and answers the next request: its number; 0: none. */
static unsigned serve(void)
{
	struct slip_call_ticket t;
	unsigned char reply[128];
	unsigned number;

	if (!slip_call_take(&s.s, &t))
		return 0;
	number = *(const unsigned char *)t.data;
	KILL_CHECK(number < NUMBERS, "a request that nobody made");
	check(t.data, t.bytes, number);
	s.times[number]++;
	fill(reply, number + REPLY);
	KILL_CHECK(!slip_call_reply(&s.s, &t, reply, payload()), "reply");
	return number;
}

static void serve_all(void)
{
	while (serve())
		;
}

/* 1: the reply is there, and right; 0: not yet. */
static int hear(struct slip_call_client *c, unsigned number)
{
	unsigned char data[128];
	uint32_t bytes = 0;
	int rc = slip_call_receive(c, data, sizeof(data), &bytes);

	if (rc == -EAGAIN)
		return 0;
	KILL_CHECK(!rc, "receive: %d", rc);
	check(data, bytes, number + REPLY);
	return 1;
}

/* --- the world ------------------------------------------------------------- */

/* What a ghost was at, as it died: half way through a reply. */
static void die_serving(enum left left)
{
	struct slip_call_server *g = &s.s;
	struct slip_call_ticket t;
	uint64_t word;

	attach_s(&kill_base.ghost);
	if (left == LEFT_ASKED)
		return;
	KILL_CHECK(slip_call_take(g, &t), "the ghost has no request");
	if (left == LEFT_TAKEN)
		return;
	fill(g->stage, MINE + REPLY);
	word = slip_call_with_(t.taken, payload(), SLIP_CALL_DONE_);
	/* init: as slip_call_answer_ */
	slip_a64_store_relaxed(&g->ring->staged, word);
	slip_a64_store_relaxed(&g->taken[t.at], t.taken | SLIP_CALL_ANSWERED_);
	if (left == LEFT_TORN)
		memset(slip_call_slot_of_(g, t.at) + SLIP_CALL_PAYLOAD_AT_,
		       0xee, 8);
}

static void use(void)
{
	attach_s(&kill_base.next);
	for (unsigned i = 0; i < 5; i++) {
		attach_c(&s.c, &kill_base.me);
		ask(&s.c, OTHERS);
		serve_all();
		KILL_CHECK(hear(&s.c, OTHERS), "no reply");
		slip_call_detach_client(&s.c);
	}
	slip_call_detach_server(&s.s);
}

static void make_serving(void)
{
	attach_c(&s.c, &kill_base.me);
	ask(&s.c, MINE);
	if (kill_now.op->flags & ATTACHES)
		die_serving((enum left)past());
	memset(&s.s, 0, sizeof(s.s));
	s.s.error = -EPIPE;
}

static void make_asking(void)
{
	if (past() >= GHOST_IDLE) {
		attach_c(&s.c, &kill_base.ghost);
		if (past() == GHOST_ASKED)
			ask(&s.c, GHOSTS);
		memset(&s.c, 0, sizeof(s.c));
	}
	s.c.busy = -EPIPE;
	attach_s(&kill_base.me);
}

static bool has_ghost(void)
{
	if (kill_now.op->flags & (MAKES | BURIES))
		return kill_now.op->flags & BURIES;
	return serves() ? kill_now.op->flags & ATTACHES : past() >= GHOST_IDLE;
}

static void make(const struct kill_op *op, unsigned state)
{
	unsigned mode = state % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	size_t bytes = slip_call_bytes(SLOTS, payload());

	memset(&s, 0, sizeof(s));
	kill_base_make(SLIP_KIND_CALL, bytes, has_ghost());
	KILL_CHECK(
		!slip_call_init(kill_base.mem, bytes, SLOTS, payload(), mode),
		"init");
	if (op->flags & MAKES) {
		memset(kill_base.mem, 0x5a, bytes);
		memset(kill_base.mem, 0, 8);
	} else {
		if (past() == USED)
			use();
		if (serves())
			make_serving();
		else
			make_asking();
	}
	kill_image_take();
}

static void enter_asking(unsigned flags)
{
	struct kill_call_victim *v = &victim_;
	int rc = slip_call_attach_client(&v->c, v->mem, v->bytes, v->self);

	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->c.side.spin.skip = UINT32_MAX;
	if (flags & (ASKED | GAVE_UP))
		ask(&v->c, flags & GAVE_UP ? BEFORE : MINE);
	if (flags & GAVE_UP)
		slip_call_abandon(&v->c);
}

/* By a server that is nowhere. */
static void be_answered(void)
{
	struct slip_call_client *c = &victim_.c;

	fill(slip_call_payload_(c), MINE + REPLY);
	/* init */
	slip_a64_store_relaxed(
		slip_call_word_(c->slot),
		slip_call_with_(c->number, payload(), SLIP_CALL_DONE_));
}

static void enter_serving(unsigned flags)
{
	struct kill_call_victim *v = &victim_;
	int rc = slip_call_attach_server(&v->s, v->mem, v->bytes, v->self);

	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->s.side.spin.skip = UINT32_MAX;
	if (flags & HAS)
		KILL_CHECK(slip_call_take(&v->s, &v->t), "victim's take");
}

static void enter(void)
{
	struct kill_call_victim *v = &victim_;
	unsigned flags = kill_now.op->flags;

	kill_base_enter();
	memset(v, 0, sizeof(*v));
	v->c.busy = v->s.error = -EPIPE;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->self = &kill_self.peer;
	v->slots = SLOTS;
	v->payload = payload();
	v->flags = kill_now.state % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	fill(v->data, serves() ? MINE + REPLY : MINE);
	if (flags & (ATTACHES | MAKES | BURIES))
		return;
	if (serves())
		enter_serving(flags);
	else
		enter_asking(flags);
	if (flags & HEARD)
		be_answered();
}

static void leave(int result)
{
	kill_fn op = kill_now.op->hooked;
	int right = 0;

	if (op == kill_hooked_call_until)
		right = -ETIMEDOUT;
	/* While it was stopped it may have been answered. */
	KILL_CHECK(result == right ||
			   (right && kill_now.way == KILL_STOP && result == 0),
		   "it returned %d, not %d", result, right);
	if (op == kill_hooked_call_receive)
		check(victim_.data, payload(), MINE + REPLY);
	if (!kill_child)
		return;
	slip_call_detach_client(&victim_.c);
	slip_call_detach_server(&victim_.s);
	slip_peer_leave(&kill_self.peer);
}

static unsigned spans(struct kill_span all[])
{
	unsigned n = kill_base_spans(all);

	all[n].at = &s;
	all[n].bytes = sizeof(s);
	return n + 1;
}

/* --- the others ------------------------------------------------------------- */

/* Every slot can be had, and used. */
static void use_all(struct slip_peer *self)
{
	struct slip_call_client c[SLOTS + 1];

	for (uint32_t i = 0; i < SLOTS; i++)
		attach_c(&c[i], self);
	KILL_CHECK(slip_call_attach_client(&c[SLOTS], kill_base.mem,
					   kill_base.bytes, self) == -EUSERS,
		   "a slot too many");
	for (uint32_t i = 0; i < SLOTS; i++)
		ask(&c[i], OTHERS + i);
	serve_all();
	for (uint32_t i = 0; i < SLOTS; i++) {
		KILL_CHECK(hear(&c[i], OTHERS + i), "slot %u: no reply", i);
		slip_call_detach_client(&c[i]);
	}
}

/* As often as it can have been, for a client that died. */
static void asked_right(int result)
{
	unsigned flags = kill_now.op->flags;
	bool asks = !(flags & (ATTACHES | BURIES | ASKED | HEARD)) &&
		    kill_now.op->hooked != kill_hooked_call_detach_client;
	bool sure = (flags & ASKED) || (asks && result != KILL_UNKNOWN);

	KILL_CHECK(s.times[MINE] <= (asks || (flags & ASKED)),
		   "delivered %u times", s.times[MINE]);
	KILL_CHECK(s.times[MINE] || !sure || (flags & HEARD), "not delivered");
	KILL_CHECK(s.times[BEFORE] == !!(flags & GAVE_UP),
		   "what was given up was delivered %u times", s.times[BEFORE]);
	KILL_CHECK(s.times[GHOSTS] == (past() == GHOST_ASKED && has_ghost()),
		   "the ghost's was delivered %u times", s.times[GHOSTS]);
}

static void client_dead(int result, unsigned variant)
{
	struct slip_call_ticket t;
	int rc;

	if (variant == 2)
		kill_base_recover();
	serve_all();
	asked_right(result);
	use_all(&kill_base.next);
	rc = slip_call_take_until(&s.s, &t, slip_after_ns(PATIENCE_NS));
	KILL_CHECK(rc == -EPIPE, "all have gone, and take_until: %d", rc);
	kill_base_recover();
}

/* The survivor's request: answered by the dead, or delivered whole. */
static void server_dead(int result, unsigned variant)
{
	unsigned flags = kill_now.op->flags;
	int rc;

	if (variant == 2)
		kill_base_recover();
	if (variant == 0) {
		rc = slip_call_wait_reply_until(&s.c,
						slip_after_ns(PATIENCE_NS));
		KILL_CHECK(rc == 0 || rc == -EPIPE, "wait_reply: %d", rc);
	}
	attach_s(&kill_base.next);
	if (hear(&s.c, MINE)) {
		KILL_CHECK((flags & HAS) || ((flags & ATTACHES) &&
					     past() >= LEFT_STAGED),
			   "a reply, and nobody gave it");
		KILL_CHECK(serve() == 0, "answered, and delivered again");
	} else {
		struct slip_call_ticket t;
		unsigned char reply[128];

		KILL_CHECK(result != 0 || kill_now.op->hooked !=
						  kill_hooked_call_reply,
			   "it was answered");
		KILL_CHECK(slip_call_take(&s.s, &t), "no request, no reply");
		check(t.data, t.bytes, MINE);
		KILL_CHECK(t.attempts > 1 || !(flags & HAS),
			   "again, and not said so");
		fill(reply, MINE + REPLY);
		KILL_CHECK(!slip_call_reply(&s.s, &t, reply, payload()), "r");
		KILL_CHECK(hear(&s.c, MINE), "no reply");
	}
	slip_call_detach_client(&s.c);
	use_all(&kill_base.me);
	kill_base_recover();
}

/* Half made, it is not believed; whole, it is right. */
static void made(void)
{
	struct slip_call_client c;
	int rc = slip_call_attach_client(&c, kill_base.mem, kill_base.bytes,
					 &kill_base.me);

	if (rc == -EBADMSG)
		return;
	KILL_CHECK(!rc, "attach: %d", rc);
	slip_call_detach_client(&c);
	attach_s(&kill_base.me);
	use_all(&kill_base.next);
	KILL_CHECK(c.shape.payload_bytes == payload(), "another size");
}

static void dead(int result, unsigned variant)
{
	if (kill_now.op->flags & MAKES)
		made();
	else if (serves())
		server_dead(result, variant);
	else
		client_dead(result, variant);
}

static void stopped(void)
{
	struct slip_call_server heir;
	struct slip_call_client c;
	int rc;

	if (kill_now.op->flags & MAKES)
		return;
	if (serves()) {
		rc = slip_call_server_state(&s.c);
		(void)hear(&s.c, MINE);
		if (rc == SLIP_ROLE_HELD) {
			rc = slip_call_attach_server(&heir, kill_base.mem,
						     kill_base.bytes,
						     &kill_base.next);
			KILL_CHECK(rc == -EBUSY, "heir of the living: %d", rc);
		}
	} else {
		serve_all();
		attach_c(&c, &kill_base.next);
		ask(&c, OTHERS);
		KILL_CHECK(serve() == OTHERS && hear(&c, OTHERS),
			   "another is not served");
		slip_call_detach_client(&c);
	}
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc >= 0, "recover: %d", rc);
}

/* It was continued: nothing of it is left but what it asked. */
static void after(int result)
{
	if (kill_now.op->flags & MAKES) {
		made();
	} else if (serves()) {
		memset(&s.s, 0, sizeof(s.s));
		attach_s(&kill_base.next);
		serve_all();
		slip_call_detach_client(&s.c);
		use_all(&kill_base.me);
	} else {
		serve_all();
		asked_right(result);
		use_all(&kill_base.next);
	}
	kill_base_recover();
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(label, fn, about)                                               \
	{                                                                  \
		.name = "call." label, .kind = &kind, .states = 4 * PASTS, \
		.hooked = kill_hooked_call_##fn,                           \
		.plain = kill_plain_call_##fn, .flags = (about),           \
	}

static const struct kill_op ops[] = {
	OP("init", init, MAKES),
	OP("attach_client", attach_client, ATTACHES),
	OP("detach_client", detach_client, 0),
	OP("detach_client_asked", detach_client, ASKED),
	OP("send", send, 0),
	OP("send_elsewhere", send, GAVE_UP),
	OP("claim_commit", claim_commit, 0),
	OP("receive", receive, ASKED | HEARD),
	OP("until", until, 0),
	OP("recover", recover, BURIES),
	OP("attach_server", attach_server, SERVES | ATTACHES),
	OP("detach_server", detach_server, SERVES),
	OP("detach_server_serving", detach_server, SERVES | HAS),
	OP("take", take, SERVES),
	OP("take_until", take_until, SERVES),
	OP("reply", reply, SERVES | HAS),
};

const struct kill_list kill_call = { ops, sizeof(ops) / sizeof(ops[0]) };
