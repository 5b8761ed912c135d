/* SPDX-License-Identifier: MIT */
/*
 * Models of the SPSC ring: every verb, blocking in both event modes, roles
 * handed on in order and after deaths.
 *
 * Capacity 2, and elements of 32 bytes (one to a block, three blocks) or 24
 * (two to a block, two blocks), so that the blocks are used again within a few
 * elements; only "small", which is there to be exhausted and measured, has 8. The content of an element is its
 * position, so that whoever comes by knows what it must be.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/spsc.h"

#define ELEM_MAX 32
#define WORDS	 (ELEM_MAX / 8)

static struct {
	char ring[384 + 3 * 64] __attribute__((aligned(128)));
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	struct slip_spsc_producer p2;
	struct slip_spsc_consumer c2;
	unsigned elem_bytes;
	uint64_t pushed; /* elements whose push has returned */
	uint64_t popped;
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, some, deaths, takeovers, pipes, busy;

/* --- elements -------------------------------------------------------------- */

static void fill(uint64_t *elem, uint64_t position)
{
	for (unsigned i = 0; i < s.elem_bytes / 8; i++)
		elem[i] = position * WORDS + i;
}

static void check(const uint64_t *elem, uint64_t position)
{
	for (unsigned i = 0; i < s.elem_bytes / 8; i++)
		X_ASSERT(elem[i] == position * WORDS + i,
			 "element %llu: word %u is %llu",
			 (unsigned long long)position, i,
			 (unsigned long long)elem[i]);
}

static uint64_t tail_of(const struct slip_spsc_producer *p)
{
	return slip_spsc_position_(&p->at, &p->shape);
}

static bool push(struct slip_spsc_producer *p)
{
	uint64_t elem[WORDS];

	fill(elem, tail_of(p));
	if (!slip_spsc_push(p, elem))
		return false;
	s.pushed++;
	return true;
}

static bool pop(struct slip_spsc_consumer *c)
{
	uint64_t elem[WORDS];
	uint64_t position = slip_spsc_position_(&c->at, &c->shape);

	if (!slip_spsc_pop(c, elem))
		return false;
	check(elem, position);
	s.popped++;
	return true;
}

/* --- rings ----------------------------------------------------------------- */

static void make(unsigned elem_bytes, unsigned mode)
{
	memset(&s, 0, sizeof(s));
	s.elem_bytes = elem_bytes;
	X_ASSERT(!slip_spsc_init(s.ring, sizeof(s.ring), 2, elem_bytes, mode),
		 "init");
	all = some = deaths = takeovers = pipes = busy = 0;
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 16, "ring.ev_data");
	x_name(s.ring + 256, 8, "ring.head");
	x_name(s.ring + 264, 8, "ring.ev_space");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(&s.p, sizeof(s.p), "producer");
	x_name(&s.c, sizeof(s.c), "consumer");
	x_name(&s.p2, sizeof(s.p2), "producer2");
	x_name(&s.c2, sizeof(s.c2), "consumer2");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
}

static int attach_p(struct slip_spsc_producer *p, struct slip_peer *self)
{
	int rc = slip_spsc_attach_producer(p, s.ring, sizeof(s.ring), self);

	p->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_c(struct slip_spsc_consumer *c, struct slip_peer *self)
{
	int rc = slip_spsc_attach_consumer(c, s.ring, sizeof(s.ring), self);

	c->side.spin.skip = UINT32_MAX;
	return rc;
}

static void attach_both(void)
{
	X_ASSERT(!attach_p(&s.p, NULL), "attach");
	X_ASSERT(!attach_c(&s.c, NULL), "attach");
}

static void one_to_a_block(void)
{
	make(32, SLIP_EVENT_FULL);
	attach_both();
}

static void seven_to_a_block(void)
{
	make(8, SLIP_EVENT_FULL);
	attach_both();
}

static void two_to_a_block(void)
{
	make(24, SLIP_EVENT_ASYM);
	attach_both();
}

static void attached_asym(void)
{
	make(32, SLIP_EVENT_ASYM);
	attach_both();
}

static void members(void)
{
	make(32, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(&s.p, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(&s.c, &peers_member[1]), "attach");
}

static void members_asym(void)
{
	make(24, SLIP_EVENT_ASYM);
	X_ASSERT(!attach_p(&s.p, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(&s.c, &peers_member[1]), "attach");
}

static void unattached(void)
{
	make(32, SLIP_EVENT_FULL);
}

/* Takes what is left and returns how much that was. */
static uint64_t drain(struct slip_spsc_consumer *c)
{
	uint64_t before = s.popped;

	while (pop(c))
		;
	X_ASSERT(!c->error, "consumer has error %d", c->error);
	return s.popped - before;
}

/* The ring does all that a new one can. */
static void usable(struct slip_spsc_producer *p, struct slip_spsc_consumer *c)
{
	for (unsigned i = 0; i < 7; i++) {
		X_ASSERT(push(p) && push(p), "cannot fill the ring");
		X_ASSERT(!push(p), "overfilled");
		X_ASSERT(pop(c) && pop(c), "cannot empty the ring");
		X_ASSERT(!pop(c), "out of nothing");
	}
}

static void nothing_lost(void)
{
	uint64_t taken = s.popped;

	drain(&s.c);
	X_ASSERT(s.popped == s.pushed, "%llu pushed, %llu popped",
		 (unsigned long long)s.pushed, (unsigned long long)s.popped);
	all += taken == s.pushed && taken;
	some += taken && taken != s.pushed;
	usable(&s.p, &s.c);
}

/* Nothing but a count: the executions themselves are to be measured. */
static void in_order(void)
{
	X_ASSERT(s.pushed == 2 && s.popped <= 2, "%llu pushed, %llu popped",
		 (unsigned long long)s.pushed, (unsigned long long)s.popped);
	all += s.popped == 2;
	some += s.popped == 1;
}

static void both_happened(void)
{
	X_ASSERT(all && some, "all delivered %llu times, a part %llu times",
		 (unsigned long long)all, (unsigned long long)some);
}

/* --- verbs, not waiting ----------------------------------------------------- */

static void push_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		(void)push(&s.p);
}

static void pop_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		(void)pop(&s.c);
}

static void push_two(void)
{
	(void)push(&s.p);
	(void)push(&s.p);
}

static void pop_two(void)
{
	(void)pop(&s.c);
	(void)pop(&s.c);
}

static void push_four_spinning(void)
{
	for (unsigned i = 0; i < 4; i++)
		while (!push(&s.p))
			slip_pause();
}

static void pop_four_spinning(void)
{
	for (unsigned i = 0; i < 4; i++)
		while (!pop(&s.c))
			slip_pause();
}

static void all_four(void)
{
	X_ASSERT(s.popped == 4, "%llu popped", (unsigned long long)s.popped);
	all++;
	usable(&s.p, &s.c);
}

static void all_happened(void)
{
	X_ASSERT(all, "never all delivered");
}

static void push_n(void)
{
	uint64_t elems[3 * WORDS];

	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = tail_of(&s.p);

		for (unsigned k = 0; k < 3; k++)
			fill(elems + k * (s.elem_bytes / 8), at + k);
		s.pushed += slip_spsc_push_n(&s.p, elems, 3);
	}
}

static void pop_n(void)
{
	uint64_t elems[3 * WORDS];

	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = slip_spsc_position_(&s.c.at, &s.c.shape);
		uint32_t n = slip_spsc_pop_n(&s.c, elems, 3);

		for (unsigned k = 0; k < n; k++)
			check(elems + k * (s.elem_bytes / 8), at + k);
		s.popped += n;
	}
}

static void claim_commit(void)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t elem[WORDS];
		void *at = slip_spsc_claim(&s.p);

		if (!at)
			continue;
		fill(elem, tail_of(&s.p));
		slip_copy(at, elem, s.elem_bytes);
		slip_spsc_commit(&s.p);
		s.pushed++;
	}
}

static void peek_release(void)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t elem[WORDS];
		const void *at = slip_spsc_peek(&s.c);

		if (!at)
			continue;
		slip_copy(elem, at, s.elem_bytes);
		check(elem, slip_spsc_position_(&s.c.at, &s.c.shape));
		slip_spsc_release(&s.c);
		s.popped++;
	}
}

/* --- waiting ---------------------------------------------------------------- */

static int push_until(struct slip_spsc_producer *p, uint64_t deadline)
{
	uint64_t elem[WORDS];
	int rc;

	fill(elem, tail_of(p));
	rc = slip_spsc_push_until(p, elem, deadline);
	s.pushed += !rc;
	return rc;
}

static int pop_until(struct slip_spsc_consumer *c, uint64_t deadline)
{
	uint64_t elem[WORDS];
	uint64_t position = slip_spsc_position_(&c->at, &c->shape);
	int rc = slip_spsc_pop_until(c, elem, deadline);

	if (!rc)
		check(elem, position);
	s.popped += !rc;
	return rc;
}

static void push_four_waiting(void)
{
	for (unsigned i = 0; i < 4; i++)
		X_ASSERT(!push_until(&s.p, SLIP_FOREVER), "push_until");
}

static void pop_four_waiting(void)
{
	for (unsigned i = 0; i < 4; i++)
		X_ASSERT(!pop_until(&s.c, SLIP_FOREVER), "pop_until");
}

static void spin_as_well(void)
{
	attached_asym();
	s.p.side.spin.skip = 0;
	s.c.side.spin.skip = 0;
}

/* --- attach and detach ------------------------------------------------------ */

/* A producer comes, pushes and leaves; its consumer gets all, then the end. */
static void come_push_leave(void)
{
	X_ASSERT(!attach_p(&s.p, NULL), "attach");
	for (unsigned i = 0; i < 3; i++)
		X_ASSERT(!push_until(&s.p, SLIP_FOREVER), "push_until");
	slip_spsc_detach_producer(&s.p);
}

static void come_pop_all(void)
{
	int rc;

	X_ASSERT(!attach_c(&s.c, NULL), "attach");
	while (!(rc = pop_until(&s.c, SLIP_FOREVER)))
		;
	X_ASSERT(rc == -EPIPE, "pop_until says %d", rc);
	pipes++;
}

static void all_then_pipe(void)
{
	X_ASSERT(s.popped == 3 && s.pushed == 3, "%llu of 3 popped",
		 (unsigned long long)s.popped);
	X_ASSERT(!attach_p(&s.p2, NULL), "a successor is refused");
	usable(&s.p2, &s.c);
}

static void pipe_happened(void)
{
	X_ASSERT(pipes, "never an end of file");
}

/* Two who want the same role: one gets it, or one after the other. */
static void rival(struct slip_spsc_producer *p)
{
	int rc = attach_p(p, NULL);

	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc) {
		busy++;
		return;
	}
	(void)push(p);
	slip_spsc_detach_producer(p);
}

static void rival_one(void)
{
	rival(&s.p);
}

static void rival_two(void)
{
	rival(&s.p2);
}

static void attach_and_pop(void)
{
	X_ASSERT(!attach_c(&s.c, NULL), "attach");
	pop_two();
}

static void rivals_done(void)
{
	X_ASSERT(!attach_p(&s.p, NULL), "a successor is refused");
	takeovers += s.pushed == 2;
	nothing_lost();
}

static void rivals_happened(void)
{
	X_ASSERT(busy && takeovers, "%llu refused, %llu handed on",
		 (unsigned long long)busy, (unsigned long long)takeovers);
}

/* --- deaths ----------------------------------------------------------------- */

static void push_three_waiting(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[0]; i++)
		s.rc[0] = push_until(&s.p, SLIP_FOREVER);
	slip_spsc_detach_producer(&s.p);
}

static void pop_to_the_end(void)
{
	while (!s.rc[1])
		s.rc[1] = pop_until(&s.c, SLIP_FOREVER);
}

/* What the dead producer committed has been delivered, and no more. */
static void producer_died(void)
{
	uint64_t pushed = s.pushed;

	X_ASSERT(s.rc[1] == -EPIPE, "pop_until says %d", s.rc[1]);
	deaths += x_dead(0);
	if (x_dead(0))
		X_ASSERT(s.popped == pushed || s.popped == pushed + 1,
			 "%llu popped, %llu pushed for sure",
			 (unsigned long long)s.popped,
			 (unsigned long long)pushed);
	else
		X_ASSERT(s.popped == 3, "%llu popped",
			 (unsigned long long)s.popped);
	some += s.popped > pushed;
	X_ASSERT(!attach_p(&s.p2, &peers_member[X_THREADS]),
		 "a successor is refused");
	X_ASSERT(tail_of(&s.p2) == slip_spsc_position_(&s.c.at, &s.c.shape),
		 "the successor starts elsewhere");
	usable(&s.p2, &s.c);
}

static void deaths_happened(void)
{
	X_ASSERT(deaths && some, "%llu deaths, %llu after the commit",
		 (unsigned long long)deaths, (unsigned long long)some);
}

static void pop_three_waiting(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[1]; i++)
		s.rc[1] = pop_until(&s.c, SLIP_FOREVER);
	slip_spsc_detach_consumer(&s.c);
}

static void push_to_the_end(void)
{
	while (!s.rc[0] && s.pushed < 6)
		s.rc[0] = push_until(&s.p, SLIP_FOREVER);
}

/* At most the element of the pop that was killed is gone. */
static void consumer_died(void)
{
	uint64_t popped = s.popped;
	uint64_t left;

	X_ASSERT(s.rc[0] == -EPIPE, "push_until says %d", s.rc[0]);
	deaths += x_dead(1);
	X_ASSERT(!attach_c(&s.c2, &peers_member[X_THREADS]),
		 "a successor is refused");
	X_ASSERT(slip_spsc_position_(&s.c2.at, &s.c2.shape) == popped ||
			 (x_dead(1) &&
			  slip_spsc_position_(&s.c2.at, &s.c2.shape) ==
				  popped + 1),
		 "the successor starts at %llu, not %llu",
		 (unsigned long long)slip_spsc_position_(&s.c2.at, &s.c2.shape),
		 (unsigned long long)popped);
	some += slip_spsc_position_(&s.c2.at, &s.c2.shape) == popped + 1;
	popped = slip_spsc_position_(&s.c2.at, &s.c2.shape);
	left = drain(&s.c2);
	X_ASSERT(popped + left == s.pushed, "%llu lost",
		 (unsigned long long)(s.pushed - popped - left));
	usable(&s.p, &s.c2);
}

/* A successor that comes while the first may still be alive, in which case it
 * is refused; the consumer stays and knows nothing. */
static void succeed(void)
{
	int rc = attach_p(&s.p2, peers_self());

	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc)
		return;
	takeovers += x_dead(0);
	(void)push(&s.p2);
	slip_spsc_detach_producer(&s.p2);
}

static void push_two_and_leave(void)
{
	push_two();
	slip_spsc_detach_producer(&s.p);
}

static void succession_done(void)
{
	deaths += x_dead(0);
	drain(&s.c);
	/* One push may have committed and not returned. */
	X_ASSERT(s.popped == s.pushed ||
			 (x_dead(0) && s.popped == s.pushed + 1),
		 "%llu popped, %llu pushed", (unsigned long long)s.popped,
		 (unsigned long long)s.pushed);
	X_ASSERT(!attach_p(&s.p2, &peers_member[X_THREADS]), "refused");
	usable(&s.p2, &s.c);
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers, "%llu deaths, %llu taken over",
		 (unsigned long long)deaths, (unsigned long long)takeovers);
}

/* Stopped for ever: the other side is at worst late. */
static void pop_until_late(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[1]; i++)
		s.rc[1] = pop_until(&s.c, slip_after_ns(20000000));
}

static void stop_done(void)
{
	X_ASSERT(!s.rc[1] || (s.rc[1] == -ETIMEDOUT && x_stopped(0)) ||
			 s.rc[1] == -EPIPE,
		 "pop_until says %d", s.rc[1]);
	X_ASSERT(
		attach_p(&s.p2, &peers_member[X_THREADS]) ==
				(x_stopped(0) && s.p.error == 0 ? -EBUSY : 0) ||
			x_stopped(0),
		"the role");
	deaths += x_stopped(0) && s.rc[1] == -ETIMEDOUT;
	some += s.popped == 3;
}

static const struct x_model models[] = {
	{
		.name = "push-pop",
		.operation = "spsc.push+pop",
		.once = one_to_a_block,
		.threads = { push_three, pop_three },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "small",
		.operation = "spsc.push+pop",
		.once = seven_to_a_block,
		.threads = { push_two, pop_two },
		.final = in_order,
		.finish = both_happened,
		.preemptions = 1000,
		.flags = X_COMPLETE,
	},
	{
		.name = "push-pop-spinning",
		.operation = "spsc.push+pop",
		.once = one_to_a_block,
		.threads = { push_four_spinning, pop_four_spinning },
		.final = all_four,
		.finish = all_happened,
		.preemptions = 4,
	},
	{
		.name = "push-pop-n",
		.operation = "spsc.push_n+pop_n",
		.once = two_to_a_block,
		.threads = { push_n, pop_n },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "claim-peek",
		.operation = "spsc.claim_commit",
		.once = one_to_a_block,
		.threads = { claim_commit, peek_release },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "wait-full",
		.operation = "spsc.wait",
		.once = one_to_a_block,
		.threads = { push_four_waiting, pop_four_waiting },
		.final = all_four,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-asym",
		.operation = "spsc.wait",
		.once = attached_asym,
		.threads = { push_four_waiting, pop_four_waiting },
		.final = all_four,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-spinning",
		.operation = "spsc.wait",
		.once = spin_as_well,
		.threads = { push_four_waiting, pop_four_waiting },
		.final = all_four,
		.finish = all_happened,
		.preemptions = 2,
	},
	{
		.name = "attach-detach",
		.operation = "spsc.attach+detach",
		.once = unattached,
		.threads = { come_push_leave, come_pop_all },
		.final = all_then_pipe,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "rivals",
		.operation = "spsc.attach+detach",
		.once = unattached,
		.threads = { rival_one, rival_two, attach_and_pop },
		.final = rivals_done,
		.finish = rivals_happened,
		.preemptions = 2,
	},
	{
		.name = "producer-dies",
		.operation = "spsc.takeover",
		.once = members,
		.threads = { push_three_waiting, pop_to_the_end },
		.final = producer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "producer-dies-asym",
		.operation = "spsc.takeover",
		.once = members_asym,
		.threads = { push_three_waiting, pop_to_the_end },
		.final = producer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "consumer-dies",
		.operation = "spsc.takeover",
		.once = members,
		.threads = { push_to_the_end, pop_three_waiting },
		.final = consumer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "succession",
		.operation = "spsc.takeover",
		.once = members,
		.threads = { push_two_and_leave, pop_three, succeed },
		.final = succession_done,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "producer-stops",
		.operation = "spsc.wait",
		.once = members,
		.threads = { push_three_waiting, pop_until_late },
		.final = stop_done,
		.finish = deaths_happened,
		.sys = peers_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
