/* SPDX-License-Identifier: MIT */
/*
 * A mutex that one of its users was killed or stopped at. The plain one is free
 * or held for ever, and whoever unlocks it has one that works. The robust one is
 * never lost: the next one gets 0 or -EOWNERDEAD, as its word says; who is
 * stopped keeps what it has. One that looks for a deadlock is in a circle with us
 * exactly as long as it says that it waits, and never when it is dead.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    98u

/* Flags of an operation. */
#define HOLDS  1u /* the victim has it before the operation, */
#define ROBUST 2u
#define TRIES  4u
#define UNLOCK 8u
#define LOOKS  16u /* for a deadlock, behind a lock that we have */

enum owner { FREE, MINE, GHOST, GHOST_UNSURE, BROKEN, OWNERS };

struct shared {
	struct slip_mutex plain;
	struct slip_robust_mutex_shared robust;
	struct slip_robust_mutex_shared ours;
};

static struct kill_mutex_victim victim_;
static const char no_deadlock; /* it makes its handle in the operation */

/* What survivors have; put back with the shared bytes. */
static struct {
	struct slip_robust_mutex me, next;
	struct slip_deadlock deadlock; /* of `me` */
	bool passed_on;		       /* by a survivor that had inherited it */
} s;

static struct shared *shared(void)
{
	return kill_base.mem;
}

static bool robust(void)
{
	return kill_now.op->flags & ROBUST;
}

/* States: who has it, somebody announced or not, and the mode. */
static enum owner owner_of(const struct kill_op *op, unsigned state)
{
	enum owner o = (enum owner)(state / 4);

	if (op->sleeps)
		return o ? GHOST : MINE;
	/* Held before: from a free one, or inherited. */
	if (op->flags & HOLDS)
		return o ? GHOST : FREE;
	if (!(op->flags & ROBUST))
		return o ? MINE : FREE;
	return o;
}

static enum owner owner(void)
{
	return owner_of(kill_now.op, kill_now.state);
}

static uint64_t word(void)
{
	return robust() ? slip_a64_load_acquire(&shared()->robust.word)
			: slip_a32_load_acquire(&shared()->plain.word);
}

static uint64_t tag_of(const struct slip_peer *p)
{
	return slip_peer_tag_(p->id, p->gen);
}

/* --- the world ------------------------------------------------------------- */

static void attach(struct slip_robust_mutex *m, void *mem,
		   struct slip_peer *self)
{
	struct shared *sh = mem;
	int rc = slip_robust_mutex_attach(m, &sh->robust, self, 0);

	KILL_CHECK(!rc, "attach: %d", rc);
	m->waiter.spin.skip = UINT32_MAX;
}

static void make_robust(enum owner o, unsigned mode)
{
	struct slip_robust_mutex_shared *r = &shared()->robust;
	uint64_t words[OWNERS] = { 0, 0, tag_of(&kill_base.ghost) | 1,
				   tag_of(&kill_base.ghost) | 2, 3 };

	KILL_CHECK(!slip_robust_mutex_init(r, mode), "init");
	attach(&s.me, kill_base.mem, &kill_base.me);
	attach(&s.next, kill_base.mem, &kill_base.next);
	if (o == MINE)
		KILL_CHECK(!slip_robust_mutex_lock(&s.me), "lock");
	else /* init */
		slip_a64_store_relaxed(&r->word, words[o]);
}

static uint64_t at_of(const struct slip_robust_mutex_shared *r)
{
	return slip_deadlock_at_(&s.deadlock, &r->word);
}

/* We have one lock, and in every second state wait for the victim's. What a
 * dead one of its id had waited for is in its record. */
static void make_deadlock(bool waits)
{
	struct slip_peer_record *rec =
		slip_peer_record_(&kill_base.rg, kill_base.victim_id);

	KILL_CHECK(!slip_deadlock_init(&s.deadlock, &kill_base.me), "init");
	/* init: nobody is there yet */
	slip_a64_store_relaxed(&shared()->ours.word, tag_of(&kill_base.me) | 1);
	slip_a64_store_relaxed(&rec->holds[0],
			       at_of(&shared()->ours) >> 3 << 21 | 5);
	if (waits)
		slip_deadlock_announce_(&s.deadlock, at_of(&shared()->robust));
}

static void make(const struct kill_op *op, unsigned state)
{
	enum owner o = owner_of(op, state);
	uint32_t announced = state % 2;

	memset(&s, 0, sizeof(s));
	kill_base_make(KIND, sizeof(struct shared),
		       o == GHOST || o == GHOST_UNSURE);
	memset(shared(), 0, sizeof(struct shared));
	/* init: nobody is there yet */
	if (op->flags & ROBUST) {
		make_robust(o, SLIP_EVENT_ASYM + state / 2 % 2);
		slip_a32_store_relaxed(&shared()->robust.event.word,
				       announced * SLIP_EVENT_W_);
		make_deadlock(announced);
	} else {
		slip_a32_store_relaxed(&shared()->plain.word, o == MINE);
		slip_a32_store_relaxed(&shared()->plain.event.word,
				       announced * SLIP_EVENT_W_);
	}
	kill_image_take();
}

static void take_before(void)
{
	int rc = robust() ? slip_robust_mutex_trylock(&victim_.robust)
			  : slip_mutex_trylock(victim_.plain);

	KILL_CHECK(rc == (owner() == GHOST ? -EOWNERDEAD : 0), "taken: %d", rc);
}

static void enter(void)
{
	struct shared *sh;

	kill_base_enter();
	sh = kill_self.mem;
	memset(&victim_, 0, sizeof(victim_));
	victim_.plain = &sh->plain;
	victim_.deadline = kill_now.op->sleeps ? SLIP_FOREVER : 0;
	if (robust())
		attach(&victim_.robust, sh, &kill_self.peer);
	if (kill_now.op->flags & HOLDS)
		take_before();
	if (!robust())
		return;
	victim_.wanted = at_of(&shared()->ours);
	if (kill_now.op->own != &no_deadlock)
		KILL_CHECK(
			!slip_deadlock_init(&victim_.deadlock, &kill_self.peer),
			"init");
}

static int right_result(void)
{
	unsigned flags = kill_now.op->flags;

	if (flags & LOOKS)
		return kill_now.state % 2 && kill_now.op->own != &no_deadlock
			       ? -EDEADLK
			       : 0;
	if (flags & HOLDS)
		return flags & UNLOCK || owner() == GHOST ? 0 : -EINVAL;
	switch (owner()) {
	case GHOST:
	case GHOST_UNSURE:
		return -EOWNERDEAD;
	case MINE:
		if (kill_now.op->sleeps)
			return 0;
		return flags & TRIES ? -EBUSY : -ETIMEDOUT;
	case BROKEN:
		return -ENOTRECOVERABLE;
	default:
		return 0;
	}
}

static void leave(int result)
{
	/* A survivor may have been faster, and have given it back since. */
	bool late = kill_child && right_result() == -EOWNERDEAD &&
		    (result == 0 || result == -EBUSY || result == -ETIMEDOUT);

	KILL_CHECK(result == right_result() || late, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static void rouse(void)
{
	if (owner() != MINE)
		return; /* a slice does it */
	if (robust())
		KILL_CHECK(!slip_robust_mutex_unlock(&s.me), "unlock");
	else
		KILL_CHECK(!slip_mutex_unlock(&shared()->plain), "unlock");
}

static unsigned spans(struct kill_span spans[])
{
	unsigned n = kill_base_spans(spans);

	spans[n].at = &s;
	spans[n].bytes = sizeof(s);
	return n + 1;
}

/* --- judges ---------------------------------------------------------------- */

/* The next sleeper is woken by the next one that tells. */
static void use_event(struct slip_event *e, unsigned mode)
{
	uint32_t key;
	int rc = slip_event_prepare(e, mode, &key);

	KILL_CHECK(!rc && key & SLIP_EVENT_W_, "prepare: %d, %#x", rc, key);
	slip_event_notify_one(e, mode);
	rc = slip_event_sleep(e, key, slip_after_ns(PATIENCE_NS));
	KILL_CHECK(rc == 0, "sleep after a notify: %d", rc);
}

static void use_plain(void)
{
	struct slip_mutex *m = &shared()->plain;

	KILL_CHECK(!slip_mutex_lock_until(m, 0), "a free one cannot be had");
	KILL_CHECK(slip_mutex_trylock(m) == -EBUSY, "two have it");
	KILL_CHECK(slip_mutex_lock_until(m, 0) == -ETIMEDOUT, "two have it");
	KILL_CHECK(!slip_mutex_unlock(m), "unlock");
	use_event(&m->event, SLIP_EVENT_RMW);
}

static void use_robust(void)
{
	int rc = slip_robust_mutex_lock_until(&s.next, 0);

	KILL_CHECK(!rc, "a free one: %d", rc);
	KILL_CHECK(slip_robust_mutex_trylock(&s.me) == -EBUSY, "two have it");
	KILL_CHECK(!slip_robust_mutex_unlock(&s.next), "unlock");
	KILL_CHECK(!slip_robust_mutex_trylock(&s.me), "trylock");
	KILL_CHECK(!slip_robust_mutex_unlock(&s.me), "unlock");
	use_event(&shared()->robust.event, s.me.waiter.mode);
}

/* Somebody has it of whom nobody can tell: us, or the dead. */
static void dead_plain(int result)
{
	struct slip_mutex *m = &shared()->plain;
	bool unlocked = result == 0 && kill_now.op->flags & UNLOCK;
	bool locked = result == 0 && !(kill_now.op->flags & UNLOCK);

	KILL_CHECK(word() <= 1, "word %#llx", (unsigned long long)word());
	KILL_CHECK(word() == 0 || !unlocked, "it was given back, and is held");
	KILL_CHECK(word() == 1 || !locked, "it was taken, and is free");
	if (word()) {
		KILL_CHECK(slip_mutex_trylock(m) == -EBUSY, "two have it");
		KILL_CHECK(!slip_mutex_unlock(m), "unlock");
	}
	use_plain();
}

/* May the word be that, and what must the next one hear? */
static int verdict(uint64_t w, int result)
{
	uint64_t victim = slip_peer_tag_(kill_base.victim_id, 1);
	bool holds = kill_now.op->flags & HOLDS;
	bool unlock = kill_now.op->flags & UNLOCK;
	bool inherits = owner() == GHOST || owner() == GHOST_UNSURE;
	bool known = result != KILL_UNKNOWN;

	if (w == 0) {
		KILL_CHECK((owner() == FREE && (!holds || unlock)) ||
				   owner() == MINE || s.passed_on,
			   "it was held, and is free");
		KILL_CHECK(!known || unlock || result < 0 || s.passed_on,
			   "it was taken, and is free");
		return 0;
	}
	if (w == SLIP_ROBUST_MUTEX_BROKEN_) {
		KILL_CHECK(owner() == BROKEN || (unlock && inherits),
			   "it is broken");
		return -ENOTRECOVERABLE;
	}
	KILL_CHECK(!known || !unlock, "it was given back, and is held");
	if (w >> 4 == victim >> 4) {
		bool unsure = (w & 15) == SLIP_ROBUST_MUTEX_UNSURE_;

		KILL_CHECK(!unsure || inherits, "unsure, and nobody died");
		return -EOWNERDEAD;
	}
	KILL_CHECK(!holds && !(known && result == 0), "its owner is %#llx",
		   (unsigned long long)w);
	if (inherits && w >> 4 == tag_of(&kill_base.ghost) >> 4)
		return -EOWNERDEAD;
	KILL_CHECK(owner() == MINE && w >> 4 == tag_of(&kill_base.me) >> 4,
		   "its owner is %#llx", (unsigned long long)w);
	return -EBUSY;
}

static void dead_robust(int result, unsigned variant)
{
	struct slip_robust_mutex *m = variant == 1 ? &s.me : &s.next;
	int expected = verdict(word(), result);
	int rc;

	if (expected == -EBUSY) {
		KILL_CHECK(slip_robust_mutex_trylock(&s.next) == -EBUSY,
			   "two have it");
		KILL_CHECK(!slip_robust_mutex_unlock(&s.me), "unlock");
		expected = 0;
	}
	rc = variant == 1 ? slip_robust_mutex_trylock(m)
			  : slip_robust_mutex_lock_until(m, 0);
	KILL_CHECK(rc == expected, "the next one hears %d, not %d", rc,
		   expected);
	if (rc == -ENOTRECOVERABLE)
		return;
	if (rc)
		KILL_CHECK(!slip_robust_mutex_consistent(m), "consistent");
	KILL_CHECK(!slip_robust_mutex_unlock(m), "unlock");
	use_robust();
}

/* What the victim's record says that it waits for. */
static uint64_t its_wait(void)
{
	struct slip_peer_record *rec =
		slip_peer_record_(&kill_base.rg, kill_base.victim_id);
	uint64_t wait = slip_a64_load_acquire(&rec->holds[0]);

	if (slip_a64_load_acquire(&rec->holds[1]) != 1)
		return 0;
	return wait >> 21 << 3;
}

/* From us along the victim's lock: a circle only while it lives and waits. */
static void look(bool dead)
{
	uint64_t waits = its_wait();
	int expected = !dead && waits ? -EDEADLK : 0;
	int rc;

	KILL_CHECK(!waits || waits == at_of(&shared()->ours),
		   "it waits for %#llx", (unsigned long long)waits);
	rc = slip_deadlock_look_(&s.deadlock, at_of(&shared()->robust), false);
	KILL_CHECK(rc == expected, "looking behind it says %d, not %d", rc,
		   expected);
}

/* The next of its id waits for nothing, and is told of. */
static void look_next(void)
{
	struct slip_deadlock d;
	struct slip_peer p;
	int rc = slip_peer_join(&p, &kill_base.rg);

	rc = rc ? rc : slip_deadlock_init(&d, &p);
	KILL_CHECK(!rc && p.id == kill_base.victim_id, "its successor: %d", rc);
	KILL_CHECK(slip_a64_load_relaxed(
			   slip_deadlock_wait_(/* own */
					       &kill_base.rg, p.id)) <=
			   SLIP_DEADLOCK_NUMBERS_,
		   "its successor waits");
	slip_deadlock_announce_(&d, at_of(&shared()->ours));
	KILL_CHECK(d.announced, "its successor cannot wait");
	slip_deadlock_retract_(&d);
	slip_peer_leave(&p);
}

static void dead(int result, unsigned variant)
{
	if (kill_now.op->flags & LOOKS)
		look(true);
	if (variant == 2)
		kill_base_recover();
	if (robust())
		dead_robust(result, variant);
	else
		dead_plain(result);
	if (variant != 2)
		kill_base_recover();
	if (kill_now.op->flags & LOOKS)
		look_next();
}

static void stopped_robust(void)
{
	int expected = verdict(word(), KILL_UNKNOWN);
	bool its = word() >> 4 == slip_peer_tag_(kill_base.victim_id, 1) >> 4;
	int rc = slip_robust_mutex_trylock(&s.next);

	if (its)
		expected = -EBUSY;
	KILL_CHECK(rc == expected, "trylock: %d, not %d", rc, expected);
	if (its)
		KILL_CHECK(slip_robust_mutex_lock_until(&s.next, 0) ==
				   -ETIMEDOUT,
			   "it lives, and has lost it");
	if (rc == -EOWNERDEAD) {
		KILL_CHECK(!slip_robust_mutex_consistent(&s.next),
			   "consistent");
		s.passed_on = true;
	}
	if (!rc || rc == -EOWNERDEAD)
		KILL_CHECK(!slip_robust_mutex_unlock(&s.next), "unlock");
}

static void stopped(void)
{
	int rc;

	if (kill_now.op->flags & LOOKS)
		look(false);
	if (robust())
		stopped_robust();
	else if (word())
		KILL_CHECK(slip_mutex_trylock(&shared()->plain) == -EBUSY,
			   "two have it");
	else
		use_plain();
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

	if (!robust() || !(kill_now.op->flags & HOLDS))
		return;
	rc = slip_robust_mutex_lock_until(&s.next, slip_after_ns(PATIENCE_NS));
	KILL_CHECK(rc == 0 || rc == -EOWNERDEAD || rc == -ENOTRECOVERABLE,
		   "lock: %d", rc);
	if (rc == -ENOTRECOVERABLE)
		return;
	if (rc)
		KILL_CHECK(!slip_robust_mutex_consistent(&s.next),
			   "consistent");
	s.passed_on = true;
	KILL_CHECK(!slip_robust_mutex_unlock(&s.next), "unlock");
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.rouse = rouse,
	.suffer = suffer,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(title, fn, count, about, sleeper)                          \
	{                                                             \
		.name = title, .kind = &kind, .states = 4 * (count),  \
		.hooked = kill_hooked_##fn, .plain = kill_plain_##fn, \
		.flags = (about), .sleeps = (sleeper),                \
	}

static const struct kill_op ops[] = {
	OP("mutex.lock", mutex_lock, 2, 0, false),
	OP("mutex.lock_sleep", mutex_lock, 1, 0, true),
	OP("mutex.unlock", mutex_unlock, 1, HOLDS | UNLOCK, false),
	OP("robust_mutex.lock", robust_mutex_lock, OWNERS, ROBUST, false),
	OP("robust_mutex.trylock", robust_mutex_trylock, OWNERS, ROBUST | TRIES,
	   false),
	OP("robust_mutex.lock_sleep", robust_mutex_lock, 2, ROBUST, true),
	OP("robust_mutex.unlock", robust_mutex_unlock, 2,
	   ROBUST | HOLDS | UNLOCK, false),
	OP("robust_mutex.consistent", robust_mutex_consistent, 2,
	   ROBUST | HOLDS, false),
	OP("deadlock.look", deadlock_look, 1, ROBUST | HOLDS | LOOKS, false),
	{
		.name = "deadlock.init",
		.kind = &kind,
		.states = 4,
		.hooked = kill_hooked_deadlock_init,
		.plain = kill_plain_deadlock_init,
		.flags = ROBUST | HOLDS | LOOKS,
		.own = &no_deadlock,
	},
};

const struct kill_list kill_mutex = { ops, sizeof(ops) / sizeof(ops[0]) };
