/* SPDX-License-Identifier: MIT */
/*
 * A condition variable with a robust mutex: whoever is killed or stopped as it
 * tells or waits leaves both such that the next waiter is told by the next
 * signal, and by the next broadcast; that one who waits gets on; and that the
 * mutex is free, or told of as its owner's.
 */
#define _GNU_SOURCE
#include "futex/cond.h"

#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    98u

/* Flags of an operation. */
#define TELLS 1u

static struct kill_cond_victim victim_;

static struct kill_cond_shared *shared(void)
{
	return kill_base.mem;
}

/* Two modes; somebody announced at the condition or not, at the mutex or not. */
static void make(const struct kill_op *op, unsigned state)
{
	(void)op;
	kill_base_make(KIND, sizeof(struct kill_cond_shared), false);
	KILL_CHECK(!slip_robust_mutex_init(&shared()->mutex,
					   state % 2 ? SLIP_EVENT_ASYM
						     : SLIP_EVENT_FULL),
		   "init");
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&shared()->cond.event.word,
			       state / 2 % 2 * SLIP_EVENT_W_);
	slip_a32_store_relaxed(&shared()->mutex.event.word,
			       state / 4 % 2 * SLIP_EVENT_W_);
	/* A spin has as many points as the clock allows: none. */
	slip_a32_store_relaxed(&shared()->cond.vain, SLIP_COND_VAIN_);
	kill_image_take();
}

static void attach(struct slip_robust_mutex *m,
		   struct slip_robust_mutex_shared *mutex,
		   struct slip_peer *self)
{
	int rc = slip_robust_mutex_attach(m, mutex, self, 0);

	KILL_CHECK(!rc, "attach: %d", rc);
}

static void enter(void)
{
	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.shared = kill_self.mem;
	attach(&victim_.mutex, &victim_.shared->mutex, &kill_self.peer);
}

static void leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

/* True: it was the dead one's. */
static bool lock(struct slip_robust_mutex *m)
{
	int rc = slip_robust_mutex_lock(m);
	bool died = rc == -EOWNERDEAD;

	if (died)
		rc = slip_robust_mutex_consistent(m);
	KILL_CHECK(!rc, "lock: %d", rc);
	return died;
}

static void unlock(struct slip_robust_mutex *m)
{
	int rc = slip_robust_mutex_unlock(m);

	KILL_CHECK(!rc, "unlock: %d", rc);
}

static void rouse(void)
{
	struct slip_robust_mutex m;

	attach(&m, &shared()->mutex, &kill_base.me);
	(void)lock(&m);
	shared()->units = 1;
	unlock(&m);
	slip_cond_signal(&shared()->cond);
}

/* Told between the key and the sleep; as slip_cond_wait_robust has it. */
static void use(const struct slip_robust_mutex *m, bool all)
{
	struct slip_event *e = &shared()->cond.event;
	uint32_t key;
	int rc = slip_event_prepare(e, SLIP_EVENT_RMW, &key);

	KILL_CHECK(!rc && key & SLIP_EVENT_W_, "prepare: %d, %#x", rc, key);
	if (all)
		slip_cond_broadcast_robust(&shared()->cond, m);
	else
		slip_cond_signal(&shared()->cond);
	rc = slip_event_sleep(e, key, slip_after_ns(PATIENCE_NS));
	KILL_CHECK(rc == 0, "sleep after it was told: %d", rc);
}

static void use_all(struct slip_robust_mutex *m)
{
	int rc;

	for (unsigned i = 0; i < 4; i++)
		use(m, i & 1);
	rc = slip_cond_wait_robust_until(&shared()->cond, m, 1);
	KILL_CHECK(rc == -ETIMEDOUT, "wait: %d", rc);
	KILL_CHECK(m->depth == 1, "and the mutex is not ours");
}

static void dead(int result, unsigned variant)
{
	bool tells = kill_now.op->flags & TELLS;
	struct slip_robust_mutex m;
	bool died;

	if (variant == 2)
		kill_base_recover();
	attach(&m, &shared()->mutex, &kill_base.me);
	died = lock(&m);
	KILL_CHECK(!died || result == KILL_UNKNOWN, "it returned, and died");
	KILL_CHECK(shared()->units == (tells ? 1 : 0) || result == KILL_UNKNOWN,
		   "it returned, and there are %u units",
		   (unsigned)shared()->units);
	use_all(&m);
	unlock(&m);
	use(&m, variant & 1);
	if (variant != 2)
		kill_base_recover();
}

/* It may have the mutex, and then keeps it. */
static void stopped(void)
{
	struct slip_robust_mutex m;
	int rc;

	attach(&m, &shared()->mutex, &kill_base.me);
	rc = slip_robust_mutex_trylock(&m);
	KILL_CHECK(!rc || rc == -EBUSY, "trylock: %d", rc);
	use(&m, true);
	use(&m, false);
	if (rc == 0) {
		use_all(&m);
		unlock(&m);
	}
	KILL_CHECK(slip_peer_recover(&kill_base.me) == 0, "recover");
}

static void after(int result)
{
	dead(result, 0);
}

/* Waits until it is told, or hears that the other is dead. */
static void suffer(void)
{
	struct slip_robust_mutex m;
	int alive = 1;

	if (!(kill_now.op->flags & TELLS))
		return;
	attach(&m, &shared()->mutex, &kill_base.me);
	(void)lock(&m);
	while (shared()->units == 0 && alive == 1) {
		int rc = slip_cond_wait_robust(&shared()->cond, &m);

		if (rc == -EOWNERDEAD)
			rc = slip_robust_mutex_consistent(&m);
		KILL_CHECK(!rc, "wait: %d", rc);
		alive = slip_peer_alive(&kill_base.rg, kill_base.victim_id);
	}
	unlock(&m);
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = kill_base_spans,
	.rouse = rouse,
	.suffer = suffer,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(fn, about, sleeper)                                   \
	{                                                        \
		.name = "cond." #fn, .kind = &kind, .states = 8, \
		.hooked = kill_hooked_cond_##fn,                 \
		.plain = kill_plain_cond_##fn, .flags = (about), \
		.sleeps = (sleeper),                             \
	}

static const struct kill_op ops[] = {
	OP(signal, TELLS, false),    OP(signal_inside, TELLS, false),
	OP(broadcast, TELLS, false), OP(broadcast_inside, TELLS, false),
	OP(wait, 0, true),
};

const struct kill_list kill_cond = { ops, sizeof(ops) / sizeof(ops[0]) };
