/* SPDX-License-Identifier: MIT */
/*
 * Flags, once, latches and barriers: whoever is killed or stopped on the way
 * through one leaves it such that the others get through, hear of the death
 * where there was something left to do, and of nothing else.
 *
 * Of a latch and a barrier for two the survivor is one, and the victim comes to
 * be the other. Until it has a seat the survivor cannot know of it, so it sits
 * down in its place.
 */
#define _GNU_SOURCE
#include "futex/barrier.h"

#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    97u

/* Flags of an operation: what it is about. */
enum { FLAG, ONCE, LATCH, BARRIER };

static struct kill_meet_victim victim_;
static struct slip_latch latch_;
static struct slip_barrier barrier_;

static struct kill_meet_shared *shared(void)
{
	return kill_base.mem;
}

/* Somebody announced or not; the flag manual or automatic. */
static void make(const struct kill_op *op, unsigned state)
{
	struct kill_meet_shared *s;

	(void)op;
	kill_base_make(KIND, sizeof(*s), false);
	s = shared();
	KILL_CHECK(
		!slip_flag_init(&s->flag, state / 2 % 2) &&
			!slip_latch_init(s->latch, sizeof(s->latch), 2) &&
			!slip_barrier_init(s->barrier, sizeof(s->barrier), 2),
		"init");
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&s->flag.event.word, state % 2 * SLIP_EVENT_W_);
	slip_a32_store_relaxed(&s->once.event.word, state % 2 * SLIP_EVENT_W_);
	KILL_CHECK(!slip_latch_attach(&latch_, s->latch, sizeof(s->latch),
				      &kill_base.me) &&
			   !slip_latch_join(&latch_) &&
			   !slip_barrier_attach(&barrier_, s->barrier,
						sizeof(s->barrier),
						&kill_base.me) &&
			   !slip_barrier_join(&barrier_),
		   "join");
	slip_a32_store_relaxed(&latch_.seat.shared->event.word,
			       state % 2 * SLIP_EVENT_W_);
	slip_a32_store_relaxed(&barrier_.seat.shared->event.word,
			       state % 2 * SLIP_EVENT_W_);
	kill_image_take();
}

static void enter(void)
{
	struct kill_meet_shared *s;

	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	s = victim_.shared = kill_self.mem;
	victim_.self = &kill_self.peer;
	KILL_CHECK(!slip_latch_attach(&victim_.latch, s->latch,
				      sizeof(s->latch), &kill_self.peer) &&
			   !slip_barrier_attach(&victim_.barrier, s->barrier,
						sizeof(s->barrier),
						&kill_self.peer),
		   "attach");
	/* A spin has as many points as the clock allows: none. */
	victim_.barrier.seat.waiter.spin.skip = UINT32_MAX;
}

static void leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static unsigned spans(struct kill_span spans_[])
{
	unsigned n = kill_base_spans(spans_);

	spans_[n++] = (struct kill_span){ &latch_, sizeof(latch_) };
	spans_[n++] = (struct kill_span){ &barrier_, sizeof(barrier_) };
	return n;
}

/* What the sleeper waits for. */
static void rouse(void)
{
	int rc;

	if (kill_now.op->flags == FLAG) {
		slip_flag_set(&shared()->flag);
		return;
	}
	/* The last one does not wait; and once it has gone it is lost. */
	rc = slip_barrier_wait_until(&barrier_, 1, NULL);
	KILL_CHECK(rc >= 0 || rc == -ETIMEDOUT, "the last one: %d", rc);
}

/* --- judges ---------------------------------------------------------------- */

static bool is_automatic(void)
{
	return slip_a32_load_relaxed(&shared()->flag.kind) == SLIP_FLAG_AUTO;
}

static void use_flag(int result)
{
	struct slip_flag *f = &shared()->flag;
	bool sets = !kill_now.op->sleeps;

	if (sets && result == 0)
		KILL_CHECK(slip_flag_try(f), "set, and it is not");
	slip_flag_set(f);
	KILL_CHECK(slip_flag_wait_until(f, slip_after_ns(PATIENCE_NS)) == 0,
		   "wait for a flag that is set");
	KILL_CHECK(slip_flag_reset(f) == !is_automatic(), "reset");
	KILL_CHECK(slip_flag_wait_until(f, 1) == -ETIMEDOUT,
		   "wait for a flag that is not");
}

/* `alive`: it is stopped, and may run it for ever. */
static void use_once(int result, bool alive)
{
	struct kill_meet_shared *s = shared();
	int rc = slip_once_begin_until(&s->once, &kill_base.me, 1);

	if (rc == -ETIMEDOUT) {
		KILL_CHECK(alive, "the dead are waited for");
		return;
	}
	KILL_CHECK(rc != -EOWNERDEAD || (result == KILL_UNKNOWN && !alive),
		   "told of a death");
	if (rc == 0) {
		KILL_CHECK(s->half[0] == 1 && s->half[1] == 1, "half done");
		return;
	}
	KILL_CHECK(rc == 1 || rc == -EOWNERDEAD, "begin: %d", rc);
	KILL_CHECK(rc != 1 || (s->half[0] == 0 && s->half[1] == 0),
		   "begun, and its death is not told");
	KILL_CHECK(slip_once_end(&s->once, &kill_base.me) == 0, "end");
	KILL_CHECK(slip_once_begin(&s->once, &kill_base.me) == 0, "not done");
}

/* The last look is that of the deadline. */
static int wait_for_all(uint64_t deadline_ns)
{
	return kill_now.op->flags == LATCH
		       ? slip_latch_wait_until(&latch_, deadline_ns)
		       : slip_barrier_wait_until(&barrier_, deadline_ns, NULL);
}

static const struct slip_seat *seat(void)
{
	return kill_now.op->flags == LATCH ? &latch_.seat : &barrier_.seat;
}

static uint64_t seats_taken(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < 2; i++)
		/* own: nobody else is at work */
		n += (slip_a64_load_relaxed(&seat()->seats[i]) & 15) != 0;
	return n;
}

/* In place of one that died before it sat down. */
static void sit_down_for_it(void)
{
	struct kill_meet_shared *s = shared();
	struct slip_latch l;
	struct slip_barrier b;

	if (kill_now.op->flags == LATCH)
		KILL_CHECK(!slip_latch_attach(&l, s->latch, sizeof(s->latch),
					      &kill_base.me) &&
				   !slip_latch_join(&l) &&
				   !slip_latch_arrive(&l),
			   "a seat");
	else
		KILL_CHECK(!slip_barrier_attach(&b, s->barrier,
						sizeof(s->barrier),
						&kill_base.me) &&
				   !slip_barrier_join(&b),
			   "a seat");
	if (kill_now.op->flags == BARRIER)
		slip_barrier_leave(&b);
}

static void use_seats(int result, bool alive)
{
	bool sat = seats_taken() == 2;
	int rc;

	KILL_CHECK(sat || result == KILL_UNKNOWN, "returned without a seat");
	if (kill_now.op->flags == LATCH && !latch_.seat.arrived)
		KILL_CHECK(!slip_latch_arrive(&latch_), "arrive");
	rc = wait_for_all(1);
	KILL_CHECK(rc != -ETIMEDOUT || alive || !sat,
		   "the dead are waited for");
	KILL_CHECK(rc >= 0 || rc == -ETIMEDOUT, "wait: %d", rc);
	/* Who roused the sleeper is in the next phase, without the dead. */
	KILL_CHECK(rc <= 0 || (!alive &&
			       (result == KILL_UNKNOWN || kill_now.op->sleeps)),
		   "%d lost", rc);
	if (!sat && !alive) {
		sit_down_for_it();
		rc = wait_for_all(slip_after_ns(PATIENCE_NS));
		KILL_CHECK(rc == 0, "wait without the dead one: %d", rc);
	}
	if (kill_now.op->flags == BARRIER && !alive) {
		rc = slip_barrier_wait_until(&barrier_, 1, NULL);
		KILL_CHECK(rc >= 0, "the next phase: %d", rc);
		rc = slip_barrier_wait_until(&barrier_, 1, NULL);
		KILL_CHECK(rc == 0, "and that after it: %d", rc);
	}
}

static void use(int result, bool alive)
{
	switch (kill_now.op->flags) {
	case FLAG:
		use_flag(result);
		break;
	case ONCE:
		use_once(result, alive);
		break;
	default:
		use_seats(result, alive);
	}
}

static void dead(int result, unsigned variant)
{
	if (variant == 2)
		kill_base_recover();
	use(result, false);
	if (variant != 2)
		kill_base_recover();
}

static void stopped(void)
{
	use(KILL_UNKNOWN, true);
	/* What the judge has taken is given back to who waits. */
	if (kill_now.op->flags == FLAG && kill_now.op->sleeps)
		slip_flag_set(&shared()->flag);
	KILL_CHECK(slip_peer_recover(&kill_base.me) == 0, "recover");
}

/* The judge above may have done what the victim came for. */
static void after(int result)
{
	(void)result;
	kill_base_recover();
}

/* Sleeps until it is told, or hears that the other is dead. */
static void suffer(void)
{
	int rc = 0;

	if (kill_now.op->flags == ONCE) {
		rc = slip_once_begin(&shared()->once, &kill_base.me);
		KILL_CHECK(rc >= 0 || rc == -EOWNERDEAD, "begin: %d", rc);
		if (rc == 1 || rc == -EOWNERDEAD)
			rc = slip_once_abort(&shared()->once, &kill_base.me);
		KILL_CHECK(rc == 0, "abort: %d", rc);
	}
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

#define OP(component, fn, about, sleeper)                                 \
	{                                                                 \
		.name = #component "." #fn, .kind = &kind, .states = 4,   \
		.hooked = kill_hooked_##component##_##fn,                 \
		.plain = kill_plain_##component##_##fn, .flags = (about), \
		.sleeps = (sleeper),                                      \
	}

static const struct kill_op ops[] = {
	OP(flag, set, FLAG, false),	    OP(flag, wait, FLAG, true),
	OP(once, run, ONCE, false),	    OP(once, abort, ONCE, false),
	OP(latch, arrive, LATCH, false),    OP(barrier, wait, BARRIER, true),
	OP(barrier, leave, BARRIER, false),
};

const struct kill_list kill_meet = { ops, sizeof(ops) / sizeof(ops[0]) };
