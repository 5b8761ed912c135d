/* SPDX-License-Identifier: MIT */
/*
 * An event: killed and stopped notifiers and sleepers must leave it such that
 * the next sleeper is woken by the next notifier, and news is not lost to one
 * that sleeps in slices. One of the sleepers sleeps on a word besides (waitset.h).
 */
#define _GNU_SOURCE
#include "futex/event.h"

#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    99u

/* Flags of an operation. */
#define NOTIFIES 1u

static struct kill_event_victim victim_;
static unsigned mode_;

static struct kill_event_shared *shared(void)
{
	return kill_base.mem;
}

/* Three modes; somebody announced or not; the epoch at 0, and at its end; eager
 * or not, which is about to end. */
static void make(const struct kill_op *op, unsigned state)
{
	uint32_t word = (state / 3 % 2 ? SLIP_EVENT_W_ : 0) |
			(state / 6 % 2 ? -SLIP_EVENT_ONE_ : 0) |
			(state / 12 % 2 ? SLIP_EVENT_EAGER_ : 0);

	(void)op;
	mode_ = SLIP_EVENT_ASYM + state % 3;
	kill_base_make(KIND, sizeof(struct kill_event_shared), false);
	/* init: nobody is there yet */
	slip_a32_store_relaxed(&shared()->event.word, word);
	/* init: as above */
	slip_a32_store_relaxed(&shared()->event.calm, SLIP_EVENT_CALM_ - 1);
	KILL_CHECK(!slip_event_register(mode_), "membarrier");
	kill_image_take();
}

static void enter(void)
{
	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.shared = kill_self.mem;
	victim_.mode = mode_;
}

static void leave(int result)
{
	int right = kill_now.op->flags & NOTIFIES ? 1 : 0;

	KILL_CHECK(result == right, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static void publish(void)
{
	(void)slip_a64_exchange_seqcst(&shared()->news, 1);
}

static void rouse(void)
{
	publish();
	slip_event_notify(&shared()->event, mode_);
}

/* Another sleeper and another notifier. */
static void use(unsigned variant)
{
	struct slip_event *e = &shared()->event;
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	uint32_t word;
	uint32_t key;
	int rc = slip_event_prepare(e, mode_, &key);

	KILL_CHECK(!rc && key & SLIP_EVENT_W_, "prepare: %d, %#x", rc, key);
	rc = slip_event_sleep(e, key, 1);
	KILL_CHECK(rc == -ETIMEDOUT, "sleep with no news: %d", rc);
	if (variant == 0)
		slip_event_notify(e, mode_);
	else if (variant == 1)
		slip_event_notify_one(e, mode_);
	else
		slip_event_wake_all(e);
	rc = slip_event_sleep(e, key, deadline);
	KILL_CHECK(rc == 0, "sleep after a notify: %d", rc);
	word = slip_a32_load_acquire(&e->word);
	KILL_CHECK(word == key + SLIP_EVENT_W_, "word %#x after key %#x", word,
		   key);
}

static void dead(int result, unsigned variant)
{
	uint64_t news = slip_a64_load_acquire(&shared()->news);
	bool notifies = kill_now.op->flags & NOTIFIES;

	KILL_CHECK(news == 1 || !notifies || result == KILL_UNKNOWN,
		   "returned, and no news");
	KILL_CHECK(news == 1 || !kill_now.op->sleeps || result == KILL_UNKNOWN,
		   "slept, and no news");
	KILL_CHECK(news == 0 || notifies || kill_now.op->sleeps, "false news");
	use(variant);
	use(variant);
	kill_base_recover();
}

static void stopped(void)
{
	use(0);
	use(1);
	KILL_CHECK(slip_peer_recover(&kill_base.me) == 0, "recover");
}

static void after(int result)
{
	dead(result, 0);
}

/* Sleeps in slices, as one that has peers. */
static void suffer(void)
{
	struct slip_event *e = &shared()->event;
	int alive = 1;

	while (kill_now.op->flags & NOTIFIES && alive == 1 &&
	       !slip_a64_load_acquire(&shared()->news)) {
		uint32_t key;
		int rc = slip_event_prepare(e, mode_, &key);

		KILL_CHECK(!rc, "prepare: %d", rc);
		if (slip_a64_load_acquire(&shared()->news))
			break;
		rc = slip_event_sleep(e, key, slip_after_ns(SLIP_SLICE_NS));
		KILL_CHECK(!rc || rc == -ETIMEDOUT, "sleep: %d", rc);
		alive = slip_peer_alive(&kill_base.rg, kill_base.victim_id);
	}
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

#define OP(fn, about, sleeper)                                     \
	{                                                          \
		.name = "event." #fn, .kind = &kind, .states = 24, \
		.hooked = kill_hooked_event_##fn,                  \
		.plain = kill_plain_event_##fn, .flags = (about),  \
		.sleeps = (sleeper),                               \
	}

static const struct kill_op ops[] = {
	OP(notify, NOTIFIES, false),
	OP(notify_one, NOTIFIES, false),
	OP(prepare, 0, false),
	OP(sleep, 0, true),
	{
		.name = "waitset.wait",
		.kind = &kind,
		.states = 24,
		.hooked = kill_hooked_waitset_wait,
		.plain = kill_plain_waitset_wait,
		.sleeps = true,
	},
};

const struct kill_list kill_event = { ops, sizeof(ops) / sizeof(ops[0]) };
