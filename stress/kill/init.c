/* SPDX-License-Identifier: MIT */
/*
 * Making a ring in memory of any content: until the last store nobody can
 * attach, from then on the ring is empty and whole. For spsc.c and record.c.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/ring.h"

static struct kill_ring_victim victim_;
static const struct ring_calls *calls_;
static bool used_; /* the judge has found a ring */

static void make(const struct kill_op *op, unsigned state)
{
	calls_ = op->own;
	kill_base_make(calls_->kind, calls_->shape(state), false);
	/* A magic number never has such bytes. */
	memset(kill_base.mem, state % 2 ? 0xa5 : 0, kill_base.bytes);
	used_ = false;
	kill_image_take();
}

static void enter(void)
{
	memset(&victim_, 0, sizeof(victim_));
	kill_base_enter();
	victim_.mem = kill_self.mem;
	victim_.bytes = kill_self.bytes;
	calls_->load(&victim_, 0);
}

static void leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static void use(union ring_handle *p, union ring_handle *c)
{
	uint64_t pushed = 0;
	uint64_t popped = 0;
	struct ring_view view;

	calls_->view(&view);
	KILL_CHECK(view.count == 0, "a new ring has %llu elements",
		   (unsigned long long)view.count);
	while (calls_->push(p, pushed) == 1)
		pushed++;
	KILL_CHECK(calls_->is_full(pushed), "a new ring is too small");
	while (popped < pushed && calls_->pop(c, popped) == 1)
		popped++;
	KILL_CHECK(popped == pushed && calls_->pop(c, popped) == 0,
		   "%llu of %llu come out", (unsigned long long)popped,
		   (unsigned long long)pushed);
}

static void dead(int result, unsigned variant)
{
	union ring_handle p;
	union ring_handle c;
	void *mem = kill_base.mem;
	size_t bytes = kill_base.bytes;
	int rc = calls_->attach(&p, RING_PRODUCER, mem, bytes, &kill_base.me);

	if (variant)
		kill_base_recover(); /* must not mind what is half made */
	if (rc) {
		KILL_CHECK(rc == -EBADMSG && result == KILL_UNKNOWN,
			   "attach: %d", rc);
		return;
	}
	rc = calls_->attach(&c, RING_CONSUMER, mem, bytes, &kill_base.next);
	KILL_CHECK(!rc, "the second attach: %d", rc);
	use(&p, &c);
	used_ = true;
	calls_->drop(&p, RING_PRODUCER);
	calls_->drop(&c, RING_CONSUMER);
}

static void stopped(void)
{
	dead(KILL_UNKNOWN, 0);
}

/* Unless the ring was in use already when it stopped: that was its last step. */
static void after(int result)
{
	if (!used_)
		dead(result, 0);
	used_ = false;
}

const struct kill_kind ring_init_kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = kill_base_spans,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};
