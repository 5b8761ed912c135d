/* SPDX-License-Identifier: MIT */
/*
 * A mutex with priority inheritance that one of its users was killed or stopped
 * at. It is never lost: the next one gets 0, -EOWNERDEAD or -ENOTRECOVERABLE, as
 * its word says; who is stopped keeps what it has.
 *
 * The kernel knows owners by thread, and the survivors, and a victim in this
 * process, have one thread among them. So only who acts has its id (act_as), in
 * the word, the table and its handle; the others have ids of no thread meanwhile.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    97u

/* Flags of an operation. */
#define HOLDS	1u /* the victim has it before the operation, */
#define TRIES	2u
#define UNLOCK	4u
#define ATTACHS 8u /* with the TID of the ghost */

enum owner { FREE, MINE, GHOST, GHOST_UNSURE, ORPHAN, BROKEN, OWNERS };
enum role { NOBODY, THE_VICTIM, ME, NEXT, THE_GHOST };

#define TID_OF(role) (4194200u + (uint32_t)(role))

static struct kill_pi_victim victim_;

/* What survivors have; put back with the shared bytes. */
static struct {
	struct slip_pi_mutex me, next;
	enum role acting;
	bool passed_on; /* by a survivor that had inherited it */
} s;

static struct slip_pi_mutex_shared *shared(void)
{
	return kill_child ? kill_self.mem : kill_base.mem;
}

/* States: who has it, and WAITERS set or not. */
static enum owner owner(void)
{
	enum owner o = (enum owner)(kill_now.state / 2);

	/* Held before: from a free one, or inherited. */
	if (kill_now.op->flags & HOLDS)
		return o ? GHOST : FREE;
	return o;
}

static bool inherits(void)
{
	return owner() == GHOST || owner() == GHOST_UNSURE || owner() == ORPHAN;
}

static uint32_t word(void)
{
	return slip_a32_load_acquire(&shared()->word);
}

static void set_word(uint32_t value)
{
	slip_a32_store_release(&shared()->word, value);
}

/* --- whose thread it is ---------------------------------------------------- */

static void rename_handle(struct slip_pi_mutex *m, uint32_t from, uint32_t to)
{
	if (m->tid != from)
		return;
	m->tid = to;
	m->user = (m->user & ~SLIP_PI_MUTEX_TID_) | to;
}

static void rename_tid(uint32_t from, uint32_t to)
{
	if ((word() & SLIP_FUTEX_PI_TID) == from)
		set_word((word() & ~SLIP_FUTEX_PI_TID) | to);
	for (unsigned i = 0; i < SLIP_PI_MUTEX_USERS; i++) {
		slip_a64 *at = &shared()->users[i];
		uint64_t user = slip_a64_load_acquire(at);

		if ((user & SLIP_PI_MUTEX_TID_) == from)
			slip_a64_store_release(
				at, (user & ~SLIP_PI_MUTEX_TID_) | to);
	}
	rename_handle(&s.me, from, to);
	rename_handle(&s.next, from, to);
}

static void act_as(enum role role)
{
	uint32_t tid = slip_sys_tid_();

	if (s.acting == role)
		return;
	if (s.acting)
		rename_tid(tid, TID_OF(s.acting));
	if (role)
		rename_tid(TID_OF(role), tid);
	s.acting = role;
}

static struct slip_pi_mutex *as(enum role role)
{
	act_as(role);
	return role == ME ? &s.me : &s.next;
}

/* --- the world ------------------------------------------------------------- */

static void come(struct slip_pi_mutex *m, struct slip_pi_mutex_shared *at,
		 struct slip_peer *self)
{
	int rc = slip_pi_mutex_attach(m, at, self);

	KILL_CHECK(!rc, "attach: %d", rc);
}

/* The ghost has died as a user, with that TID. */
static void haunt(uint32_t tid)
{
	/* init: nobody is there yet */
	slip_a64_store_relaxed(&shared()->users[7],
			       slip_pi_mutex_user_(&kill_base.ghost, tid));
}

static void make(const struct kill_op *op, unsigned state)
{
	uint32_t waiters = state % 2 ? SLIP_FUTEX_PI_WAITERS : 0;

	(void)op;
	memset(&s, 0, sizeof(s));
	kill_base_make(KIND, sizeof(struct slip_pi_mutex_shared), inherits());
	KILL_CHECK(!slip_pi_mutex_init(shared()), "init");
	come(&s.me, shared(), &kill_base.me);
	s.acting = ME;
	act_as(NOBODY);
	come(&s.next, shared(), &kill_base.next);
	s.acting = NEXT;
	act_as(NOBODY);
	if (inherits())
		haunt(TID_OF(THE_GHOST));
	if (owner() == MINE) {
		KILL_CHECK(!slip_pi_mutex_lock(as(ME)), "lock");
		set_word(word() | waiters);
		act_as(NOBODY);
	} else if (owner() == GHOST || owner() == GHOST_UNSURE) {
		set_word(TID_OF(THE_GHOST) | waiters |
			 (owner() == GHOST ? 0 : SLIP_FUTEX_PI_DIED));
	} else if (owner() == ORPHAN) {
		set_word(SLIP_FUTEX_PI_DIED | waiters);
	} else if (owner() == BROKEN) {
		/* init */
		slip_a32_store_relaxed(&shared()->broken, 1);
	}
	kill_image_take();
}

static void take_before(void)
{
	int rc = slip_pi_mutex_trylock(&victim_.m);
	uint32_t waiters = kill_now.state % 2 ? SLIP_FUTEX_PI_WAITERS : 0;

	KILL_CHECK(rc == (owner() == GHOST ? -EOWNERDEAD : 0), "taken: %d", rc);
	set_word(word() | waiters);
}

static void enter(void)
{
	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.shared = kill_self.mem;
	victim_.self = &kill_self.peer;
	s.acting = THE_VICTIM;
	if (kill_now.op->flags & ATTACHS) {
		rename_tid(TID_OF(THE_GHOST), slip_sys_tid_());
		return;
	}
	come(&victim_.m, victim_.shared, &kill_self.peer);
	if (kill_now.op->flags & HOLDS)
		take_before();
}

static int right_result(void)
{
	unsigned flags = kill_now.op->flags;

	if (flags & ATTACHS)
		return 0;
	if (flags & HOLDS)
		return flags & UNLOCK || owner() == GHOST ? 0 : -EINVAL;
	if (inherits())
		return -EOWNERDEAD;
	if (owner() == MINE)
		return flags & TRIES ? -EBUSY : -ETIMEDOUT;
	return owner() == BROKEN ? -ENOTRECOVERABLE : 0;
}

static void leave(int result)
{
	/* A survivor may have been faster, and have given it back since; or have
	 * buried the ghost, whom we were about to bury. */
	bool late = kill_child && right_result() == -EOWNERDEAD &&
		    (result == 0 || result == -EBUSY || result == -ETIMEDOUT);
	bool beaten =
		kill_child && kill_now.op->flags & ATTACHS && result == -EAGAIN;

	KILL_CHECK(result == right_result() || late || beaten, "it returned %d",
		   result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static unsigned spans(struct kill_span spans[])
{
	unsigned n = kill_base_spans(spans);

	spans[n].at = &s;
	spans[n].bytes = sizeof(s);
	return n + 1;
}

/* --- judges ---------------------------------------------------------------- */

static void use(void)
{
	int rc = slip_pi_mutex_lock_until(as(NEXT), 0);

	KILL_CHECK(!rc, "a free one: %d", rc);
	KILL_CHECK(slip_pi_mutex_trylock(as(ME)) == -EBUSY, "two have it");
	KILL_CHECK(!slip_pi_mutex_unlock(as(NEXT)), "unlock");
	KILL_CHECK(!slip_pi_mutex_trylock(as(ME)), "trylock");
	KILL_CHECK(!slip_pi_mutex_unlock(as(ME)), "unlock");
	KILL_CHECK(word() == 0, "given back, and not free");
}

/* Whose TID is in the word: by the table, as others see it. */
static enum role holder(uint32_t w)
{
	uint32_t tid = w & SLIP_FUTEX_PI_TID;
	uint64_t user = 0;
	uint32_t id;

	if (!tid)
		return NOBODY;
	KILL_CHECK(slip_pi_mutex_find_(&s.next, tid, &user) >= 0,
		   "its owner is %#x: nobody has that id", w);
	/* Whoever is burying the ghost says so in its place. */
	if (user & SLIP_PI_MUTEX_CLAIM_)
		return THE_GHOST;
	id = (uint32_t)(user >> 22) & 0xfff;
	if (id == kill_base.victim_id)
		return THE_VICTIM;
	return id == kill_base.me.id ? ME : THE_GHOST;
}

/* May the word be that, and what must the next one hear? */
static int verdict(uint32_t w, int result)
{
	bool holds = kill_now.op->flags & HOLDS;
	bool unlock = kill_now.op->flags & UNLOCK;
	bool known = result != KILL_UNKNOWN;
	bool died = w & SLIP_FUTEX_PI_DIED;
	bool broken = slip_a32_load_acquire(&shared()->broken);
	enum role has = holder(w);

	KILL_CHECK(!died || inherits(), "unsure, and nobody died");
	KILL_CHECK(!broken || owner() == BROKEN || (unlock && inherits()),
		   "it is broken");
	KILL_CHECK(has != THE_GHOST || (inherits() && !holds),
		   "the ghost has it");
	KILL_CHECK(has != ME || owner() == MINE, "we have it");
	KILL_CHECK(has != THE_VICTIM || !known || !unlock,
		   "it was given back, and is held");
	if (has == NOBODY && !died && !broken) {
		KILL_CHECK(!inherits() || s.passed_on,
			   "it was held, and is free");
		KILL_CHECK(!holds || unlock || s.passed_on,
			   "it was held, and is free");
		KILL_CHECK(!known || unlock || result < 0 || s.passed_on ||
				   kill_now.op->flags & ATTACHS,
			   "it was taken, and is free");
	}
	if (broken)
		return -ENOTRECOVERABLE;
	if (has == ME)
		return -EBUSY;
	return has == NOBODY && !died ? 0 : -EOWNERDEAD;
}

static void dead(int result, unsigned variant)
{
	enum role role = variant == 1 ? ME : NEXT;
	int expected;
	int rc;

	act_as(NOBODY);
	expected = verdict(word(), result);
	if (variant == 2)
		kill_base_recover();
	if (expected == -EBUSY) {
		KILL_CHECK(slip_pi_mutex_trylock(as(NEXT)) == -EBUSY,
			   "two have it");
		KILL_CHECK(!slip_pi_mutex_unlock(as(ME)), "unlock");
		expected = 0;
	}
	rc = variant == 1 ? slip_pi_mutex_trylock(as(role))
			  : slip_pi_mutex_lock_until(as(role), 0);
	KILL_CHECK(rc == expected, "the next one hears %d, not %d", rc,
		   expected);
	if (rc == -EOWNERDEAD)
		KILL_CHECK(!slip_pi_mutex_consistent(as(role)), "consistent");
	if (rc != -ENOTRECOVERABLE) {
		KILL_CHECK(!slip_pi_mutex_unlock(as(role)), "unlock");
		use();
	}
	if (variant != 2)
		kill_base_recover();
}

/* It has the lock, or is burying the one that had it. */
static bool has_a_hand_in_it(uint32_t w)
{
	uint32_t tid = w & SLIP_FUTEX_PI_TID;
	uint64_t user = 0;

	return tid && slip_pi_mutex_find_(&s.next, tid, &user) >= 0 &&
	       ((uint32_t)(user >> 22) & 0xfff) == kill_base.victim_id;
}

static void stopped(void)
{
	int expected;
	int rc;

	act_as(NOBODY);
	expected = verdict(word(), KILL_UNKNOWN);
	if (expected == -EOWNERDEAD && has_a_hand_in_it(word()))
		expected = -EBUSY;
	rc = slip_pi_mutex_trylock(as(NEXT));
	KILL_CHECK(rc == expected, "trylock: %d, not %d", rc, expected);
	if (rc == -EBUSY)
		KILL_CHECK(slip_pi_mutex_lock_until(as(NEXT), 0) == -ETIMEDOUT,
			   "it lives, and has lost it");
	if (rc == -EOWNERDEAD) {
		KILL_CHECK(!slip_pi_mutex_consistent(as(NEXT)), "consistent");
		s.passed_on = true;
	}
	if (!rc || rc == -EOWNERDEAD)
		KILL_CHECK(!slip_pi_mutex_unlock(as(NEXT)), "unlock");
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == (kill_base.ghost.id ? 1 : 0), "recover: %d", rc);
}

/* It has left with what it had. */
static void after(int result)
{
	dead(result, 0);
}

/* In lock, until the victim gives it back, or is dead. */
static void suffer(void)
{
	int rc;

	if (!(kill_now.op->flags & HOLDS))
		return;
	rc = slip_pi_mutex_lock_until(as(NEXT), slip_after_ns(PATIENCE_NS));
	KILL_CHECK(rc == 0 || rc == -EOWNERDEAD || rc == -ENOTRECOVERABLE,
		   "lock: %d", rc);
	if (rc == -ENOTRECOVERABLE)
		return;
	if (rc)
		KILL_CHECK(!slip_pi_mutex_consistent(as(NEXT)), "consistent");
	s.passed_on = true;
	KILL_CHECK(!slip_pi_mutex_unlock(as(NEXT)), "unlock");
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.suffer = suffer,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(title, fn, count, about)                                   \
	{                                                             \
		.name = title, .kind = &kind, .states = 2 * (count),  \
		.hooked = kill_hooked_##fn, .plain = kill_plain_##fn, \
		.flags = (about),                                     \
	}

static const struct kill_op ops[] = {
	OP("pi_mutex.lock", pi_mutex_lock, OWNERS, 0),
	OP("pi_mutex.trylock", pi_mutex_trylock, OWNERS, TRIES),
	OP("pi_mutex.unlock", pi_mutex_unlock, 2, HOLDS | UNLOCK),
	OP("pi_mutex.consistent", pi_mutex_consistent, 2, HOLDS),
	OP("pi_mutex.attach", pi_mutex_attach, OWNERS, ATTACHS),
};

const struct kill_list kill_pi = { ops, sizeof(ops) / sizeof(ops[0]) };
