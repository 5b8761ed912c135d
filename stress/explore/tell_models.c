/* SPDX-License-Identifier: MIT */
/*
 * Models of telling: each verb of the SPSC ring wakes whoever sleeps for what
 * it did. The partner knows no oracle, has no deadline, and calls once: if it is
 * not told it sleeps for ever. And of hearing: of a death by a late deadline;
 * of a lap that went by while a successor came.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/spsc.h"

static struct {
	char ring[1024] __attribute__((aligned(128)));
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	struct slip_spsc_producer heir;
	bool came;
	uint64_t took; /* virtual time that a wait took */
	int rc;
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t slept[X_THREADS], heard, inherited;

static void make(unsigned elem_bytes)
{
	memset(&s, 0, sizeof(s));
	X_ASSERT(!slip_spsc_init(s.ring, sizeof(s.ring), 2, elem_bytes,
				 SLIP_EVENT_FULL),
		 "init");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_keep(&s, sizeof(s));
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
	memset(slept, 0, sizeof(slept));
	heard = inherited = 0;
}

static void attach_p(struct slip_peer *self)
{
	X_ASSERT(!slip_spsc_attach_producer(&s.p, s.ring, sizeof(s.ring), self),
		 "attach");
	s.p.side.spin.skip = UINT32_MAX;
}

static void attach_c(struct slip_peer *self)
{
	X_ASSERT(!slip_spsc_attach_consumer(&s.c, s.ring, sizeof(s.ring), self),
		 "attach");
	s.c.side.spin.skip = UINT32_MAX;
}

static void blind(void)
{
	make(8);
	attach_p(NULL);
	attach_c(NULL);
}

static void blind_full(void)
{
	uint64_t x = 0;

	blind();
	while (slip_spsc_push(&s.p, &x))
		;
}

static void members(void)
{
	make(8);
	attach_p(&peers_member[0]);
	attach_c(&peers_member[1]);
}

/* Counts who goes to sleep; the kernel's model does the rest. */
static bool watch(long nr, const long args[6], long *result)
{
	(void)result;
	if (nr == SYS_futex && (args[1] & 127) == SLIP_FUTEX_WAIT_BITSET_)
		slept[x_self()]++;
	return false;
}

static void somebody_slept(void)
{
	X_ASSERT(slept[0] || slept[1], "nobody ever slept");
}

static void pop_one(void)
{
	uint64_t x;

	X_ASSERT(!slip_spsc_pop_until(&s.c, &x, SLIP_FOREVER), "pop_until");
}

static void push_one(void)
{
	uint64_t x = 0;

	X_ASSERT(!slip_spsc_push_until(&s.p, &x, SLIP_FOREVER), "push_until");
}

static void more_than_fit(void)
{
	uint64_t x[3] = { 0 };

	X_ASSERT(slip_spsc_push_n(&s.p, x, 3) >= 2, "push_n");
}

static void claim_commit(void)
{
	uint64_t x = 0;

	slip_copy(slip_spsc_claim(&s.p), &x, sizeof(x));
	slip_spsc_commit(&s.p);
}

static void pop_more_than_there(void)
{
	uint64_t x[3];

	X_ASSERT(slip_spsc_pop_n(&s.c, x, 3) >= 2, "pop_n");
}

static void pop_first(void)
{
	uint64_t x;

	X_ASSERT(slip_spsc_pop(&s.c, &x), "pop");
}

static void peek_release(void)
{
	X_ASSERT(slip_spsc_peek(&s.c), "peek");
	slip_spsc_release(&s.c);
}

static void blind_consumer(void)
{
	make(8);
	attach_c(NULL);
}

static void blind_producer(void)
{
	make(8);
	attach_p(NULL);
}

static void come_p(void)
{
	attach_p(NULL);
}

static void come_c(void)
{
	attach_c(NULL);
}

static void meet_p(void)
{
	X_ASSERT(!slip_spsc_wait_producer_until(&s.c, SLIP_FOREVER), "wait");
}

static void meet_c(void)
{
	X_ASSERT(!slip_spsc_wait_consumer_until(&s.p, SLIP_FOREVER), "wait");
}

/* A death is heard after a slice or two, however late the deadline. */
static void do_nothing(void)
{
	slip_pause();
}

static void pop_by_long_deadline(void)
{
	uint64_t x;
	uint64_t from = slip_now_ns();

	s.rc = slip_spsc_pop_until(&s.c, &x, from + 100 * SLIP_SLICE_NS);
	s.took = slip_now_ns() - from;
}

static void heard_soon(void)
{
	X_ASSERT(s.rc == (x_dead(0) ? -EPIPE : -ETIMEDOUT), "says %d", s.rc);
	X_ASSERT(s.rc != -EPIPE || s.took <= 3 * SLIP_SLICE_NS,
		 "heard after %llu ns", (unsigned long long)s.took);
	heard += s.rc == -EPIPE;
}

static void hearings_happened(void)
{
	X_ASSERT(heard, "no death was ever heard of");
}

/* A successor begins where its predecessor ended, though that went a whole lap
 * on while it came. */
static void one_to_a_block(void)
{
	make(32);
	attach_p(NULL);
	attach_c(NULL);
}

static void lap_and_leave(void)
{
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t x[4] = { i };
		uint64_t y[4];

		X_ASSERT(slip_spsc_push(&s.p, x), "push");
		X_ASSERT(slip_spsc_pop(&s.c, y) && y[0] == i, "pop");
	}
	slip_spsc_detach_producer(&s.p);
}

static void inherit(void)
{
	s.came = !slip_spsc_attach_producer(&s.heir, s.ring, sizeof(s.ring),
					    NULL);
}

static void heirs_is_there(void)
{
	uint64_t x[4] = { 9 };
	uint64_t y[4] = { 0 };

	if (!s.came)
		return;
	inherited++;
	X_ASSERT(slip_spsc_push(&s.heir, x), "push");
	X_ASSERT(slip_spsc_pop(&s.c, y) && y[0] == 9, "the heir's is lost");
}

static void inheritances_happened(void)
{
	X_ASSERT(inherited, "nobody ever inherited");
}

#define TELL(NAME, ONCE, A, B)                                               \
	{                                                                    \
		.name = NAME, .operation = "spsc.tell", .once = ONCE,        \
		.threads = { A, B }, .finish = somebody_slept, .sys = watch, \
		.preemptions = 4,                                            \
	}

static const struct x_model models[] = {
	TELL("push-n", blind, more_than_fit, pop_one),
	TELL("commit", blind, claim_commit, pop_one),
	TELL("pop", blind_full, push_one, pop_first),
	TELL("pop-n", blind_full, push_one, pop_more_than_there),
	TELL("release", blind_full, push_one, peek_release),
	TELL("producer-comes", blind_consumer, come_p, meet_p),
	TELL("consumer-comes", blind_producer, meet_c, come_c),
	{
		.name = "heir-of-a-lap",
		.operation = "spsc.takeover",
		.once = one_to_a_block,
		.threads = { lap_and_leave, inherit },
		.final = heirs_is_there,
		.finish = inheritances_happened,
	},
	{
		.name = "late-deadline",
		.operation = "spsc.tell",
		.once = members,
		.threads = { do_nothing, pop_by_long_deadline },
		.final = heard_soon,
		.finish = hearings_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
