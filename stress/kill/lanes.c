/* SPDX-License-Identifier: MIT */
/*
 * Lanes, of which one producer or consumer was killed or stopped. A record is
 * whole, or never was; a batch is there, or none of it; what a dead consumer had
 * in hand is delivered, and what it had given back is not; the order of a lane
 * stays. In the end every lane and every seat can be had and used.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define AT_ONCE	    UINT64_C(1) /* a deadline: asks, and does not sleep */
#define LANES	    2u

/* Flags of an operation. */
#define CONSUMES 1u  /* the victim is, or will be, a consumer */
#define ATTACHES 2u  /* the operation is attach */
#define HOLDS	 4u  /* it has a record in hand before */
#define MAKES	 8u  /* the operation is init */
#define BURIES	 16u /* it recovers */
#define TAKES	 32u /* it takes a record, */
#define BATCH	 64u /* or takes, or makes, a batch */
#define PUSHES	 128u

/* What the lanes have seen; of a producer there is a dead one's lane. */
enum past { FRESH, USED, GHOST, PASTS };

/* Numbers of records: their content follows from them. */
#define MINE	1u  /* of a producer that is the victim; up to a batch */
#define GHOSTS	8u  /* of a dead one */
#define OTHERS	16u /* of the survivor's, in order; */
#define READY	4u  /* so many before a consumer comes */
#define LATER	24u
#define NUMBERS 32u

static struct kill_lanes_victim victim_;

/* What survivors have; put back with the shared bytes. */
static struct {
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	uint32_t times[NUMBERS]; /* how often it was delivered */
	unsigned last;
} s;

static uint32_t consumers(void)
{
	return kill_now.state / 2 % 2 ? 2 : 1;
}

static unsigned past(void)
{
	return kill_now.state / 4 % PASTS;
}

static unsigned mode(void)
{
	return kill_now.state % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
}

static bool about(unsigned flags)
{
	return kill_now.op->flags & flags;
}

static uint32_t length(unsigned number)
{
	return 8 + number % 3 * 7;
}

static void fill(unsigned char *to, unsigned number)
{
	for (uint32_t i = 0; i < length(number); i++)
		to[i] = (unsigned char)(number + i * 11 * number);
}

/* Which record that is. */
static unsigned check(const void *found, uint32_t len)
{
	unsigned char right[32];
	unsigned number = *(const unsigned char *)found;

	KILL_CHECK(number < NUMBERS, "a record that nobody made");
	fill(right, number);
	KILL_CHECK(len == length(number) && !memcmp(found, right, len),
		   "number %u has a wrong content", number);
	return number;
}

static void push(struct slip_lanes_producer *p, unsigned number)
{
	unsigned char data[32];
	int rc;

	fill(data, number);
	rc = slip_lanes_push(p, data, length(number));
	KILL_CHECK(!rc, "push %u: %d", number, rc);
}

static void attach_p(struct slip_lanes_producer *p, struct slip_peer *self)
{
	int rc = slip_lanes_attach_producer(p, kill_base.mem, kill_base.bytes,
					    self);

	KILL_CHECK(!rc, "producer's attach: %d", rc);
	p->rec.side.spin.skip = UINT32_MAX;
}

static void attach_c(struct slip_lanes_consumer *c, struct slip_peer *self)
{
	int rc = slip_lanes_attach_consumer(c, kill_base.mem, kill_base.bytes,
					    self);

	KILL_CHECK(!rc, "consumer's attach: %d", rc);
	c->rec.side.spin.skip = UINT32_MAX;
}

/* What the survivor takes: the number, or 0. */
static unsigned take(uint64_t deadline)
{
	unsigned char data[64];
	uint32_t len = 0;
	unsigned n;
	int rc;

	if (deadline)
		rc = slip_lanes_pop_until(&s.c, data, 64, &len, deadline);
	else
		rc = slip_lanes_pop(&s.c, data, 64, &len);
	if (rc == -EAGAIN || rc == -EPIPE ||
	    (rc == -ETIMEDOUT && deadline == AT_ONCE))
		return 0;
	KILL_CHECK(!rc, "pop: %d", rc);
	n = check(data, len);
	s.times[n]++;
	if (n >= OTHERS) {
		KILL_CHECK(n > s.last, "%u after %u", n, s.last);
		s.last = n;
	}
	return n;
}

static void take_all(void)
{
	while (take(0))
		;
}

/* --- the world ------------------------------------------------------------- */

/* Each lane has gone round. */
static void use(void)
{
	struct slip_lanes_producer p[LANES];

	for (unsigned i = 0; i < LANES; i++)
		attach_p(&p[i], &kill_base.me);
	attach_c(&s.c, &kill_base.next);
	for (unsigned i = 0; i < 30; i++) {
		push(&p[i % LANES], 2 + i % 3);
		KILL_CHECK(take(0) == 2 + i % 3, "pop");
	}
	for (unsigned i = 0; i < LANES; i++)
		slip_lanes_close(&p[i]);
	slip_lanes_detach_consumer(&s.c);
	memset(s.times, 0, sizeof(s.times));
}

/* Lane 0 is the survivor's; lane 1 was a dead one's, or is free. */
static void make_used(void)
{
	if (past() != FRESH)
		use();
	attach_p(&s.p, &kill_base.me);
	if (past() == GHOST) {
		struct slip_lanes_producer g;

		attach_p(&g, &kill_base.ghost);
		push(&g, GHOSTS);
	}
	for (unsigned i = 0; i < READY; i++)
		push(&s.p, OTHERS + i);
	s.c.error = -EPIPE;
	if (!about(CONSUMES) || consumers() > 1)
		attach_c(&s.c, &kill_base.me);
}

static void make(const struct kill_op *op, unsigned state)
{
	size_t bytes = slip_lanes_bytes(LANES, 256);

	(void)state;
	memset(&s, 0, sizeof(s));
	kill_base_make(SLIP_KIND_LANES, bytes,
		       past() == GHOST && !(op->flags & MAKES));
	KILL_CHECK(!slip_lanes_init(kill_base.mem, bytes, LANES, 256,
				    consumers(), mode()),
		   "init");
	if (op->flags & MAKES) {
		memset(kill_base.mem, 0x5a, bytes);
		memset(kill_base.mem, 0, 8);
	} else {
		make_used();
	}
	kill_image_take();
}

static void become(void)
{
	struct kill_lanes_victim *v = &victim_;
	int rc;

	if (about(CONSUMES))
		rc = slip_lanes_attach_consumer(&v->c, v->mem, v->bytes,
						v->self);
	else
		rc = slip_lanes_attach_producer(&v->p, v->mem, v->bytes,
						v->self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->c.rec.side.spin.skip = v->p.rec.side.spin.skip = UINT32_MAX;
	if (about(HOLDS)) {
		uint32_t len = 0;
		const void *at = slip_lanes_peek(&v->c, &len);

		KILL_CHECK(at && check(at, len) == OTHERS, "victim's peek");
	}
}

static void enter(void)
{
	struct kill_lanes_victim *v = &victim_;

	kill_base_enter();
	memset(v, 0, sizeof(*v));
	v->p.rec.error = v->c.error = -EPIPE;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->self = &kill_self.peer;
	v->consumers = consumers();
	v->flags = mode();
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	for (unsigned i = 0; i < KILL_LANES_BATCH; i++) {
		fill(v->data[i], MINE + i);
		v->spans[i].data = v->data[i];
		v->spans[i].len = length(MINE + i);
	}
	v->len = length(MINE);
	if (!about(ATTACHES | MAKES | BURIES))
		become();
}

/* What it took comes from the survivor's lane, or the ghost's. */
static void took(void)
{
	struct kill_lanes_victim *v = &victim_;

	if (!about(BATCH))
		(void)check(v->data[0], v->len);
	for (uint32_t i = 0; about(BATCH) && i < v->came; i++)
		(void)check(v->spans[i].data, v->spans[i].len);
}

static void leave(int result)
{
	KILL_CHECK(result == 0 ||
			   (about(CONSUMES) && kill_now.way == KILL_STOP &&
			    (result == -EAGAIN || result == -ETIMEDOUT)),
		   "it returned %d", result);
	if (about(TAKES) && victim_.came)
		took();
	if (!kill_child)
		return;
	slip_lanes_close(&victim_.p);
	slip_lanes_detach_consumer(&victim_.c);
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

/* Every lane and every seat can be had, and used. */
static void use_all(void)
{
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;

	attach_p(&p, &kill_base.next);
	KILL_CHECK(p.at == 1, "another lane");
	if (consumers() > 1) {
		attach_c(&c, &kill_base.next);
		slip_lanes_detach_consumer(&c);
	}
	for (unsigned i = 0; i < 20; i++) {
		push(&p, 2 + i % 3);
		KILL_CHECK(take(0) == 2 + i % 3, "the lane is unusable");
	}
	slip_lanes_close(&p);
}

/* The survivor's came all, but for what the dead one took. */
static void others_right(int result)
{
	unsigned may = about(TAKES) ? (about(BATCH) ? KILL_LANES_BATCH : 1) : 0;
	unsigned gone = 0;
	bool had = result != KILL_UNKNOWN && about(TAKES);

	if (about(CONSUMES) &&
	    kill_now.op->hooked == kill_hooked_lanes_release) {
		may = 1;
		had = result != KILL_UNKNOWN;
	}
	for (unsigned i = 0; i < READY; i++) {
		unsigned times = s.times[OTHERS + i];

		KILL_CHECK(times == 1 || (times == 0 && i < may),
			   "record %u came %u times", OTHERS + i, times);
		gone += !times;
	}
	KILL_CHECK(gone == 0 || gone == may, "half a batch is gone");
	KILL_CHECK(!had || gone == may, "what was taken came 2 times");
}

static void mine_right(int result)
{
	unsigned may =
		about(PUSHES) ? (about(BATCH) ? KILL_LANES_BATCH : 1) : 0;
	unsigned came = 0;

	for (unsigned i = 0; i < KILL_LANES_BATCH; i++) {
		KILL_CHECK(s.times[MINE + i] <= 1, "record %u came %u times",
			   MINE + i, s.times[MINE + i]);
		came += s.times[MINE + i];
	}
	KILL_CHECK(came == 0 || came == may, "half a batch came");
	KILL_CHECK(came == may || result == KILL_UNKNOWN, "it is lost");
}

static void ghosts_right(void)
{
	KILL_CHECK(s.times[GHOSTS] == (past() == GHOST),
		   "the ghost's came %u times", s.times[GHOSTS]);
}

/* An heir says what the dead one had committed; else who waits does. */
static void be_heir(void)
{
	struct slip_lanes_producer p;

	attach_p(&p, &kill_base.next);
	slip_lanes_close(&p);
}

/* All that is there, by who is left; `variant` 0: who asks as it waits, while the
 * survivor's lane is held, and to the end when it is not. */
static void drain(unsigned variant)
{
	if (variant == 0) {
		while (take(AT_ONCE))
			;
		slip_lanes_close(&s.p);
		KILL_CHECK(!take(slip_after_ns(PATIENCE_NS)),
			   "a record came with the end only");
		attach_p(&s.p, &kill_base.me);
	} else {
		if (variant == 2)
			kill_base_recover();
		if (consumers() > 1 && about(PUSHES))
			be_heir();
		take_all();
	}
}

static void account(int result)
{
	mine_right(result);
	others_right(result);
	if (!about(CONSUMES))
		ghosts_right();
	use_all();
}

/* Half made, it is not believed; whole, it is right. */
static void made(void)
{
	struct slip_lanes_producer p;
	int rc = slip_lanes_attach_producer(&p, kill_base.mem, kill_base.bytes,
					    &kill_base.me);

	if (rc == -EBADMSG)
		return;
	KILL_CHECK(!rc, "attach: %d", rc);
	attach_c(&s.c, &kill_base.me);
	use_all();
	KILL_CHECK(s.c.shape.consumers == consumers(), "another shape");
}

static void dead(int result, unsigned variant)
{
	if (about(MAKES)) {
		made();
		return;
	}
	/* Of two consumers the other does not ask by itself, if it does not
	 * wait. */
	if (about(CONSUMES) && consumers() > 1 && variant == 1)
		variant = 2;
	if (s.c.error)
		attach_c(&s.c, &kill_base.next);
	drain(variant);
	account(result);
	kill_base_recover();
}

/* The living keep what they have. */
static void no_heir(void)
{
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	int rc;

	if (about(CONSUMES)) {
		bool held =
			consumers() > 1 ||
			(slip_a64_load_relaxed(&s.p.ring->seats[0]) & /* stat */
			 15) == SLIP_ROLE_HELD;

		rc = slip_lanes_attach_consumer(
			&c, kill_base.mem, kill_base.bytes, &kill_base.next);
		KILL_CHECK(rc || !held || consumers() > 1,
			   "heir of the living: %d", rc);
		slip_lanes_detach_consumer(&c);
		return;
	}
	rc = (int)(slip_a64_load_relaxed(
			   &slip_lanes_lane_(s.p.ring, &s.p.shape, 1)
				    ->ends.producer_role) &
		   15); /* stat */
	if (rc == SLIP_ROLE_HELD && past() != GHOST) {
		rc = slip_lanes_attach_producer(
			&p, kill_base.mem, kill_base.bytes, &kill_base.next);
		KILL_CHECK(rc == -EUSERS, "heir of the living: %d", rc);
	}
}

static void stopped(void)
{
	if (about(MAKES))
		return;
	no_heir();
	if (!about(CONSUMES)) {
		push(&s.p, LATER);
		take_all();
		KILL_CHECK(s.times[LATER], "another lane is not served");
	} else if (consumers() > 1) {
		struct slip_lanes_producer p;

		/* One of two lanes is free. */
		attach_p(&p, &kill_base.next);
		push(&p, 2);
		KILL_CHECK(take(0), "both lanes are held up");
		take_all();
		slip_lanes_close(&p);
	}
	KILL_CHECK(slip_peer_recover(&kill_base.me) >= 0, "recover");
}

/* It was continued: nothing of it is left but what it pushed. */
static void after(int result)
{
	(void)result;
	if (about(MAKES)) {
		made();
		return;
	}
	if (s.c.error)
		attach_c(&s.c, &kill_base.next);
	take_all();
	use_all();
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

#define OP(label, fn, of)                                                   \
	{                                                                   \
		.name = "lanes." label, .kind = &kind, .states = 4 * PASTS, \
		.hooked = kill_hooked_lanes_##fn,                           \
		.plain = kill_plain_lanes_##fn, .flags = (of),              \
	}

static const struct kill_op ops[] = {
	OP("init", init, MAKES),
	OP("attach_producer", attach_producer, ATTACHES),
	OP("close", close, 0),
	OP("push", push, PUSHES),
	OP("push_v", push_v, PUSHES),
	OP("push_n", push_n, PUSHES | BATCH),
	OP("claim_commit", claim_commit, PUSHES),
	OP("push_until", push_until, PUSHES),
	OP("attach_consumer", attach_consumer, CONSUMES | ATTACHES),
	OP("detach_consumer", detach_consumer, CONSUMES),
	OP("detach_consumer_holding", detach_consumer, CONSUMES | HOLDS),
	OP("pop", pop, CONSUMES | TAKES),
	OP("pop_n", pop_n, CONSUMES | TAKES | BATCH),
	OP("peek", peek, CONSUMES),
	OP("release", release, CONSUMES | HOLDS),
	OP("pop_until", pop_until, CONSUMES | TAKES),
	OP("recover", recover, BURIES),
};

const struct kill_list kill_lanes = { ops, sizeof(ops) / sizeof(ops[0]) };
