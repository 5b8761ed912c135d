/* SPDX-License-Identifier: MIT */
/*
 * Membership: who is killed in join, leave or recover leaves a table from which
 * every id can be had again, and no word of a ring names one that is gone. Who
 * is stopped there hinders nobody, but for the one id in its hands.
 */
#define _GNU_SOURCE
#include "futex/peer.h"

#include <string.h>

#include "stress/kill/kill.h"

/* Flags of an operation. */
#define JOINS	 1u
#define LEAVES	 2u
#define RECOVERS 4u

static const struct {
	unsigned roles; /* that the dead one has; or, who leaves */
	bool ghost, crowded, worn;
} states[] = {
	{ 0, false, false, false }, /* */
	{ 0, false, false, true },  /* ids that were used before */
	{ 0, true, false, true },   /* somebody is dead */
	{ 1, true, false, false },  /* and had roles */
	{ 3, true, false, false },  /* */
	{ 3, true, true, false },   /* and has the last place */
	{ 0, false, true, true },   /* one place is left */
};
#define STATES (sizeof(states) / sizeof(states[0]))

static struct kill_peer_victim victim_;
static struct slip_peer crowd_[KILL_PEERS];
static struct slip_spsc_producer p_;
static struct slip_spsc_consumer c_;

static void take_roles(unsigned roles, void *mem, size_t bytes,
		       struct slip_peer *self)
{
	int rc = 0;

	if (roles & 1)
		rc = slip_spsc_attach_producer(&p_, mem, bytes, self);
	if (!rc && roles & 2)
		rc = slip_spsc_attach_consumer(&c_, mem, bytes, self);
	KILL_CHECK(!rc, "attach: %d", rc);
}

/* Fills the table but for one id, a dead one's if there is one; or lets every id be used once. */
static void come(bool stay)
{
	unsigned last = KILL_PEERS - (stay && !kill_base.ghost.id ? 1 : 0);
	unsigned taken = (unsigned)__builtin_popcount(kill_base.live) +
			 (kill_base.ghost.id ? 1 : 0);
	unsigned n = 0;

	while (taken + n < last) {
		int rc = slip_peer_join(&crowd_[n], &kill_base.rg);

		KILL_CHECK(!rc, "crowd: %d", rc);
		if (stay)
			kill_base.live |= 1u << crowd_[n].id;
		n++;
	}
	for (unsigned i = 0; i < n && !stay; i++)
		slip_peer_leave(&crowd_[i]);
}

static void make(const struct kill_op *op, unsigned state)
{
	struct kill_base *b = &kill_base;
	size_t bytes = slip_spsc_bytes(2, 8);

	memset(crowd_, 0, sizeof(crowd_));
	kill_base_make(SLIP_KIND_SPSC, bytes, states[state].ghost);
	KILL_CHECK(!slip_spsc_init(b->mem, bytes, 2, 8, 0), "init");
	if (states[state].ghost && !(op->flags & LEAVES))
		take_roles(states[state].roles, b->mem, bytes, &b->ghost);
	KILL_CHECK(!slip_peer_hook(&b->me, SLIP_KIND_SPSC, slip_ends_recover_),
		   "hook");
	if (states[state].worn)
		come(false);
	if (states[state].crowded)
		come(true);
	kill_image_take();
}

static void unmake(void)
{
	for (unsigned i = 0; i < KILL_PEERS; i++)
		if (crowd_[i].id)
			slip_peer_leave(&crowd_[i]);
	kill_base_unmake();
}

static void enter(void)
{
	const struct kill_op *op = kill_now.op;
	struct slip_peer *self = &victim_.self;
	int rc = 0;

	kill_base_open();
	victim_.rg = kill_self.rg;
	slip_peer_prepare(self, kill_self.rg);
	/* A recoverer need not be a member. */
	if (op->flags & LEAVES)
		rc = slip_peer_enter(self);
	if (!rc)
		rc = slip_peer_hook(self, SLIP_KIND_SPSC, slip_ends_recover_);
	KILL_CHECK(!rc, "victim: %d", rc);
	if (op->flags & LEAVES)
		take_roles(states[kill_now.state].roles, kill_self.mem,
			   kill_self.bytes, self);
}

static void leave(int result)
{
	bool ghost = states[kill_now.state].ghost;

	if (!kill_child && kill_now.op->flags & RECOVERS)
		KILL_CHECK(result == ghost, "it recovered %d", result);
	else if (!kill_child)
		KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&victim_.self);
}

static void bury(void)
{
	if (victim_.self.pin)
		(void)slip_sys_munmap_(victim_.self.pin,
				       victim_.self.rg->pin_bytes);
	victim_.self.pin = NULL;
}

/* One that knows the kind of ring, and so cleans up after whom it recovers. */
static int join(struct slip_peer *new)
{
	int rc;

	slip_peer_prepare(new, &kill_base.rg);
	rc = slip_peer_hook(new, SLIP_KIND_SPSC, slip_ends_recover_);
	return rc ? rc : slip_peer_enter(new);
}

/* Every id that nobody has can be had. */
static void join_all(void)
{
	struct slip_peer new[KILL_PEERS];
	unsigned room =
		KILL_PEERS - (unsigned)__builtin_popcount(kill_base.live);
	unsigned n = 0;
	int rc = 0;

	while (!rc && n < KILL_PEERS) {
		rc = slip_peer_join(&new[n], &kill_base.rg);
		n += !rc;
	}
	KILL_CHECK(n == room && rc == -EUSERS, "%u of %u can join, then %d", n,
		   room, rc);
	while (n--)
		slip_peer_leave(&new[n]);
}

/* A role that a dead or departed member had can be taken, and is known as
 * given up. */
static void check_roles(void)
{
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	struct slip_spsc_info info;
	uint64_t number = 4711;

	KILL_CHECK(!slip_spsc_inspect(kill_base.mem, kill_base.bytes, &info),
		   "inspect");
	KILL_CHECK((info.producer & 15) != SLIP_ROLE_HELD &&
			   (info.consumer & 15) != SLIP_ROLE_HELD,
		   "roles %#llx %#llx", (unsigned long long)info.producer,
		   (unsigned long long)info.consumer);
	KILL_CHECK(!slip_spsc_attach_producer(&p, kill_base.mem,
					      kill_base.bytes,
					      &kill_base.next) &&
			   !slip_spsc_attach_consumer(&c, kill_base.mem,
						      kill_base.bytes,
						      &kill_base.next) &&
			   slip_spsc_push(&p, &number) &&
			   slip_spsc_pop(&c, &number) && number == 4711,
		   "the ring cannot be used");
	slip_spsc_detach_producer(&p);
	slip_spsc_detach_consumer(&c);
}

static void dead(int result, unsigned variant)
{
	(void)result;
	if (variant == 1) { /* a joiner comes before any recovery */
		struct slip_peer new;
		int rc = join(&new);

		KILL_CHECK(rc == 0, "join: %d", rc);
		slip_peer_leave(&new);
	}
	kill_base_recover();
	check_roles();
	join_all();
}

static void stopped(void)
{
	struct slip_peer new;
	bool crowded = states[kill_now.state].crowded;
	int rc = join(&new);

	KILL_CHECK(rc == 0 || (crowded && rc == -EUSERS), "join: %d", rc);
	if (!rc)
		slip_peer_leave(&new);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == 0 || (rc == 1 && states[kill_now.state].ghost),
		   "recover: %d", rc);
	for (uint32_t id = 1; id <= KILL_PEERS; id++)
		if (kill_base.live >> id & 1)
			KILL_CHECK(slip_peer_alive(&kill_base.rg, id) == 1,
				   "%u was buried alive", id);
}

static void after(int result)
{
	bool crowded = states[kill_now.state].crowded;

	if (kill_now.op->flags & RECOVERS)
		KILL_CHECK(result == 0 || result == 1, "it returned %d",
			   result);
	else
		KILL_CHECK(result == 0 || (crowded && result == -EUSERS),
			   "it returned %d", result);
	dead(result, 0);
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = bury,
	.spans = kill_base_spans,
	.live = true,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(fn, about)                                                 \
	{                                                             \
		.name = "peer." #fn, .kind = &kind, .states = STATES, \
		.hooked = kill_hooked_peer_##fn,                      \
		.plain = kill_plain_peer_##fn, .flags = (about),      \
	}

static const struct kill_op ops[] = {
	OP(join, JOINS),
	OP(leave, LEAVES),
	OP(recover, RECOVERS),
};

const struct kill_list kill_peer = { ops, sizeof(ops) / sizeof(ops[0]) };
