/* SPDX-License-Identifier: MIT */
/*
 * Models of the record ring: every verb, blocking in both event modes, roles
 * handed on in order and after deaths, mirrored memory.
 *
 * Capacity 64. The lengths go in a cycle of five, which takes two laps and
 * meets the end of the data in every way there is: across it, so that a PAD
 * is needed, and exactly at it. So a position says which record stands there,
 * and whoever comes by knows what it must be.
 */
#include <string.h>

#include "explore.h"
#include "futex/region_memory.h"
#include "peers.h"
#include "ring/record.h"

#define CAPACITY    64
#define LONGEST	    24
#define CYCLE	    5
#define CYCLE_BYTES 128
#define MIRRORED    4096

/* Records of a cycle: length, what to claim for it, where it begins. */
static const struct {
	uint32_t len, claim;
	uint64_t at;
} cycle[CYCLE] = {
	{ 24, 24, 0 }, { 8, 24, 32 },	{ 24, 24, 48 },
	{ 0, 24, 96 }, { 13, 13, 104 },
};

static struct {
	char ring[384 + CAPACITY] __attribute__((aligned(128)));
	struct slip_record_producer p;
	struct slip_record_consumer c;
	struct slip_record_producer p2;
	struct slip_record_consumer c2;
	char *mem; /* the ring above, or a mirrored one */
	size_t bytes;
	uint64_t pushed; /* records whose push has returned */
	uint64_t popped;
	int rc[X_THREADS];
} s;

static struct slip_region region; /* of the mirrored ring */

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, some, deaths, takeovers, pipes, repeats;

/* --- records --------------------------------------------------------------- */

/* Which record begins, or its PAD, at a position. */
static uint64_t number_at(uint64_t position)
{
	uint64_t n = 0;

	while (n < CYCLE && cycle[n].at != position % CYCLE_BYTES)
		n++;
	X_ASSERT(n < CYCLE, "no record begins at %llu",
		 (unsigned long long)position);
	return position / CYCLE_BYTES * CYCLE + n;
}

static uint32_t len_of(uint64_t n)
{
	return cycle[n % CYCLE].len;
}

static void fill(unsigned char *body, uint64_t n)
{
	for (uint32_t i = 0; i < len_of(n); i++)
		body[i] = (unsigned char)(n * 32 + i + 1);
}

static void check(const unsigned char *body, uint32_t len, uint64_t n)
{
	X_ASSERT(len == len_of(n), "record %llu: %u bytes",
		 (unsigned long long)n, len);
	for (uint32_t i = 0; i < len; i++)
		X_ASSERT(body[i] == (unsigned char)(n * 32 + i + 1),
			 "record %llu: byte %u is %u", (unsigned long long)n, i,
			 body[i]);
}

static bool push(struct slip_record_producer *p)
{
	unsigned char body[LONGEST];
	uint64_t n = number_at(p->tail);
	int rc;

	fill(body, n);
	rc = slip_record_push(p, body, len_of(n));
	X_ASSERT(!rc || rc == -EAGAIN, "push says %d", rc);
	s.pushed += !rc;
	return !rc;
}

static bool pop(struct slip_record_consumer *c)
{
	unsigned char body[LONGEST];
	uint64_t n = number_at(c->at);
	uint32_t len;
	int rc = slip_record_pop(c, body, sizeof(body), &len);

	X_ASSERT(!rc || rc == -EAGAIN, "pop says %d", rc);
	if (!rc)
		check(body, len, n);
	s.popped += !rc;
	return !rc;
}

static int push_until(struct slip_record_producer *p, uint64_t deadline)
{
	unsigned char body[LONGEST];
	uint64_t n = number_at(p->tail);
	int rc;

	fill(body, n);
	rc = slip_record_push_until(p, body, len_of(n), deadline);
	s.pushed += !rc;
	return rc;
}

static int pop_until(struct slip_record_consumer *c, uint64_t deadline)
{
	unsigned char body[LONGEST];
	uint64_t n = number_at(c->at);
	uint32_t len;
	int rc = slip_record_pop_until(c, body, sizeof(body), &len, deadline);

	if (!rc)
		check(body, len, n);
	s.popped += !rc;
	return rc;
}

/* --- rings ----------------------------------------------------------------- */

static void zero_counters(void)
{
	all = some = deaths = takeovers = pipes = repeats = 0;
}

static void make(unsigned mode)
{
	memset(&s, 0, sizeof(s));
	s.mem = s.ring;
	s.bytes = sizeof(s.ring);
	X_ASSERT(!slip_record_init(s.mem, s.bytes, CAPACITY, mode), "init");
	zero_counters();
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 16, "ring.ev_data");
	x_name(s.ring + 256, 8, "ring.head");
	x_name(s.ring + 264, 8, "ring.ev_space");
	x_name(s.ring + 384, CAPACITY, "ring.data");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(&s.p, sizeof(s.p), "producer");
	x_name(&s.c, sizeof(s.c), "consumer");
	x_name(&s.p2, sizeof(s.p2), "producer2");
	x_name(&s.c2, sizeof(s.c2), "consumer2");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
}

static int attach_p(struct slip_record_producer *p, struct slip_peer *self)
{
	int rc = slip_record_attach_producer(p, s.mem, s.bytes, self);

	p->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_c(struct slip_record_consumer *c, struct slip_peer *self)
{
	int rc = slip_record_attach_consumer(c, s.mem, s.bytes, self);

	c->side.spin.skip = UINT32_MAX;
	return rc;
}

static void attach_both(struct slip_peer *producer, struct slip_peer *consumer)
{
	X_ASSERT(!attach_p(&s.p, producer), "attach");
	X_ASSERT(!attach_c(&s.c, consumer), "attach");
}

static void full(void)
{
	make(SLIP_EVENT_FULL);
	attach_both(NULL, NULL);
}

static void asym(void)
{
	make(SLIP_EVENT_ASYM);
	attach_both(NULL, NULL);
}

/* One record has been there, so that the next but one needs a PAD. */
static void before_the_pad(void)
{
	full();
	X_ASSERT(push(&s.p) && pop(&s.c), "the first record");
	s.pushed = s.popped = 0;
}

static void unattached(void)
{
	make(SLIP_EVENT_FULL);
}

static void members(void)
{
	make(SLIP_EVENT_FULL);
	attach_both(&peers_member[0], &peers_member[1]);
}

static void members_asym(void)
{
	make(SLIP_EVENT_ASYM);
	attach_both(&peers_member[0], &peers_member[1]);
}

/* A ring in a memfd, that stands a record before the end of its data. */
static void mirrored(void)
{
	static struct slip_peer self;
	void *mem;

	memset(&s, 0, sizeof(s));
	s.bytes = slip_record_bytes(MIRRORED, SLIP_RECORD_MIRROR);
	X_ASSERT(!slip_region_create(&region, 2 * s.bytes,
				     SLIP_REGION_MEMFD | SLIP_REGION_PEERS(1)),
		 "create");
	mem = slip_region_add(&region, "ring", SLIP_KIND_RECORD, s.bytes);
	X_ASSERT(mem && !slip_region_publish(&region, NULL, 0) &&
			 !slip_peer_join(&self, &region),
		 "region");
	s.mem = mem;
	X_ASSERT(!slip_record_init(s.mem, s.bytes, MIRRORED,
				   SLIP_RECORD_MIRROR | SLIP_EVENT_FULL),
		 "init");
	/* init: where records of 13 bytes run over the end, after one */
	slip_a64_store_relaxed(
		&((struct slip_record_ring *)(void *)s.mem)->ends.head,
		MIRRORED - 40);
	attach_both(&self, &self);
	zero_counters();
	x_keep(&s, sizeof(s));
	x_keep(s.mem, s.bytes);
	x_name(s.mem, s.bytes, "ring");
}

/* --- afterwards ------------------------------------------------------------ */

static void drain(struct slip_record_consumer *c)
{
	while (pop(c))
		;
	X_ASSERT(!c->error, "consumer has error %d", c->error);
}

/* The ring does all that a new one can, in more than a cycle. */
static void usable(struct slip_record_producer *p,
		   struct slip_record_consumer *c)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t n = 0;

		while (push(p))
			n++;
		X_ASSERT(n, "cannot push");
		X_ASSERT(p->tail - c->at <= CAPACITY - 8, "overfilled");
		while (n--)
			X_ASSERT(pop(c), "cannot pop");
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

static void both_happened(void)
{
	X_ASSERT(all && some, "all delivered %llu times, a part %llu times",
		 (unsigned long long)all, (unsigned long long)some);
}

static void all_happened(void)
{
	X_ASSERT(all, "never all delivered");
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

static void push_six_spinning(void)
{
	for (unsigned i = 0; i < 6; i++)
		while (!push(&s.p))
			slip_pause();
}

static void pop_six_spinning(void)
{
	for (unsigned i = 0; i < 6; i++)
		while (!pop(&s.c))
			slip_pause();
}

static void six_popped(void)
{
	X_ASSERT(s.popped == 6, "%llu popped", (unsigned long long)s.popped);
	all++;
	usable(&s.p, &s.c);
}

/* One batch of up to three. */
static uint32_t push_batch(struct slip_record_producer *p)
{
	struct slip_record_span spans[3];
	unsigned char bodies[3][LONGEST];
	uint64_t n = number_at(p->tail);
	uint32_t done;

	for (unsigned i = 0; i < 3; i++) {
		fill(bodies[i], n + i);
		spans[i].data = bodies[i];
		spans[i].len = len_of(n + i);
	}
	done = slip_record_push_n(p, spans, 3);
	s.pushed += done;
	return done;
}

static void push_n(void)
{
	for (unsigned i = 0; i < 2; i++)
		(void)push_batch(&s.p);
}

static void pop_n(void)
{
	struct slip_record_span spans[3];
	unsigned char buf[3 * LONGEST];

	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = number_at(s.c.at);
		uint32_t done =
			slip_record_pop_n(&s.c, buf, sizeof(buf), spans, 3);

		for (uint32_t k = 0; k < done; k++)
			check(spans[k].data, spans[k].len, n + k);
		s.popped += done;
	}
}

static void claim_commit(void)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t n = number_at(s.p.tail);
		unsigned char body[LONGEST];
		void *at = slip_record_claim(&s.p, cycle[n % CYCLE].claim);

		if (!at)
			continue;
		fill(body, n);
		slip_copy(at, body, len_of(n));
		slip_record_commit(&s.p, len_of(n));
		s.pushed++;
	}
}

static bool peek(struct slip_record_consumer *c)
{
	uint64_t n = number_at(c->at);
	unsigned char body[LONGEST];
	uint32_t len;
	const void *at = slip_record_peek(c, &len);

	if (!at)
		return false;
	X_ASSERT(len <= sizeof(body), "record of %u bytes", len);
	slip_copy(body, at, len);
	check(body, len, n);
	return true;
}

static void peek_release(void)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!peek(&s.c))
			continue;
		slip_record_release(&s.c);
		s.popped++;
	}
}

/* Thirteen bytes take 24 with their header: over the end, in one piece. */
static void push_over_the_end(void)
{
	unsigned char body[LONGEST];

	for (unsigned i = 0; i < 3; i++) {
		fill(body, 4 + CYCLE * s.pushed);
		X_ASSERT(!slip_record_push(&s.p, body, 13), "push");
		s.pushed++;
	}
}

static void pop_over_the_end(void)
{
	unsigned char body[LONGEST];
	uint32_t len;

	for (unsigned i = 0; i < 4; i++) {
		if (slip_record_pop(&s.c, body, sizeof(body), &len))
			continue;
		check(body, len, 4 + CYCLE * s.popped);
		s.popped++;
	}
}

static void over_the_end(void)
{
	uint64_t taken = s.popped;

	pop_over_the_end();
	X_ASSERT(s.popped == 3, "%llu of 3 popped",
		 (unsigned long long)s.popped);
	X_ASSERT(s.p.tail == MIRRORED + 32, "a PAD in a mirrored ring");
	all += taken == 3;
	some += taken && taken < 3;
}

/* --- waiting ---------------------------------------------------------------- */

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

static void four_popped(void)
{
	X_ASSERT(s.popped == 4, "%llu popped", (unsigned long long)s.popped);
	all++;
	usable(&s.p, &s.c);
}

static void come_push_leave(void)
{
	X_ASSERT(!attach_p(&s.p, NULL), "attach");
	for (unsigned i = 0; i < 3; i++)
		X_ASSERT(!push_until(&s.p, SLIP_FOREVER), "push_until");
	slip_record_detach_producer(&s.p);
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

/* --- deaths ----------------------------------------------------------------- */

static void push_three_and_leave(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[0]; i++)
		s.rc[0] = push_until(&s.p, SLIP_FOREVER);
	slip_record_detach_producer(&s.p);
}

static void pop_to_the_end(void)
{
	while (!s.rc[1])
		s.rc[1] = pop_until(&s.c, SLIP_FOREVER);
}

/* Deadlines that are over before they begin. */
static void poll_to_the_end(void)
{
	while (!s.rc[1]) {
		s.rc[1] = pop_until(&s.c, 1);
		if (s.rc[1] != -ETIMEDOUT)
			continue;
		s.rc[1] = 0;
		slip_pause();
	}
}

static void successor_goes_on(void)
{
	X_ASSERT(!attach_p(&s.p2, &peers_member[X_THREADS]),
		 "a successor is refused");
	X_ASSERT(s.p2.tail == s.c.at, "the successor starts elsewhere");
	usable(&s.p2, &s.c);
}

/* What the dead producer committed has been delivered, and no more. */
static void producer_died(void)
{
	uint64_t pushed = s.pushed;

	X_ASSERT(s.rc[1] == -EPIPE, "pop_until says %d", s.rc[1]);
	X_ASSERT(s.popped == pushed || (x_dead(0) && s.popped == pushed + 1),
		 "%llu popped, %llu pushed for sure",
		 (unsigned long long)s.popped, (unsigned long long)pushed);
	deaths += x_dead(0);
	some += s.popped > pushed;
	successor_goes_on();
}

static void deaths_happened(void)
{
	X_ASSERT(deaths && some, "%llu deaths, %llu after the commit",
		 (unsigned long long)deaths, (unsigned long long)some);
}

static void push_batch_and_leave(void)
{
	(void)push_batch(&s.p);
	slip_record_detach_producer(&s.p);
}

/* All of the batch, or nothing. */
static void batch_died(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "pop_until says %d", s.rc[1]);
	X_ASSERT(s.popped == 2 || (x_dead(0) && !s.popped),
		 "%llu of a batch of 2", (unsigned long long)s.popped);
	deaths += x_dead(0);
	some += x_dead(0) && s.popped;
	successor_goes_on();
}

static void pop_three_waiting(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[1]; i++)
		s.rc[1] = pop_until(&s.c, SLIP_FOREVER);
	slip_record_detach_consumer(&s.c);
}

static void push_to_the_end(void)
{
	while (!s.rc[0])
		s.rc[0] = push_until(&s.p, SLIP_FOREVER);
}

/* At most the record of the pop that was under way is gone, and what the
 * producer has pushed since is there. */
static void consumer_died(void)
{
	uint64_t popped = s.popped;
	uint64_t gone;

	X_ASSERT(s.rc[0] == -EPIPE, "push_until says %d", s.rc[0]);
	deaths += x_dead(1);
	X_ASSERT(!attach_c(&s.c2, &peers_member[X_THREADS]),
		 "a successor is refused");
	drain(&s.c2);
	gone = s.pushed - s.popped;
	X_ASSERT(gone == 0 || (gone == 1 && x_dead(1)),
		 "%llu pushed, %llu popped by a first",
		 (unsigned long long)s.pushed, (unsigned long long)popped);
	some += gone;
	X_ASSERT(s.p.tail == s.c2.at, "the successor ends elsewhere");
}

static void peek_until_dead(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[1]; i++) {
		s.rc[1] = slip_record_wait_data_until(&s.c, SLIP_FOREVER);
		if (s.rc[1] || !peek(&s.c))
			continue;
		s.popped++; /* seen, which is before it is given back */
		slip_record_release(&s.c);
	}
	slip_record_detach_consumer(&s.c);
}

/* At most one comes again, and none is gone. */
static void peeker_died(void)
{
	uint64_t seen = s.popped;
	uint64_t again;

	X_ASSERT(s.rc[0] == -EPIPE, "push_until says %d", s.rc[0]);
	deaths += x_dead(1);
	X_ASSERT(!attach_c(&s.c2, &peers_member[X_THREADS]),
		 "a successor is refused");
	drain(&s.c2);
	again = s.popped - s.pushed;
	X_ASSERT(again == 0 || (again == 1 && x_dead(1)),
		 "%llu pushed, %llu seen by a first, %llu by both",
		 (unsigned long long)s.pushed, (unsigned long long)seen,
		 (unsigned long long)s.popped);
	repeats += again;
}

static void repeats_happened(void)
{
	X_ASSERT(deaths && repeats, "%llu deaths, %llu repeated",
		 (unsigned long long)deaths, (unsigned long long)repeats);
}

/* Takes the producer's role over as soon as that is possible, and goes on. */
static void succeed(void)
{
	while (attach_p(&s.p2, peers_self()))
		slip_pause();
	takeovers += x_dead(0);
	for (unsigned i = 0; i < 2; i++)
		(void)push(&s.p2);
}

static void push_two_and_leave(void)
{
	(void)push(&s.p);
	(void)push(&s.p);
	slip_record_detach_producer(&s.p);
}

static void succession_done(void)
{
	uint64_t pushed = s.pushed;

	drain(&s.c);
	deaths += x_dead(0);
	X_ASSERT(s.popped == pushed || (x_dead(0) && s.popped == pushed + 1),
		 "%llu pushed for sure, %llu popped",
		 (unsigned long long)pushed, (unsigned long long)s.popped);
	X_ASSERT(s.p2.tail == s.c.at, "the successor ends elsewhere");
	usable(&s.p2, &s.c);
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers, "%llu deaths, %llu taken over",
		 (unsigned long long)deaths, (unsigned long long)takeovers);
}

static const struct x_model models[] = {
	{
		.name = "push-pop",
		.operation = "record.push+pop",
		.once = full,
		.threads = { push_three, pop_three },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "pad",
		.operation = "record.push+pop",
		.once = before_the_pad,
		.threads = { push_three, pop_three },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "push-pop-spinning",
		.operation = "record.push+pop",
		.once = full,
		.threads = { push_six_spinning, pop_six_spinning },
		.final = six_popped,
		.finish = all_happened,
		.preemptions = 4,
	},
	{
		.name = "push-pop-n",
		.operation = "record.push_n+pop_n",
		.once = before_the_pad,
		.threads = { push_n, pop_n },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "claim-peek",
		.operation = "record.claim_commit",
		.once = before_the_pad,
		.threads = { claim_commit, peek_release },
		.final = nothing_lost,
		.finish = both_happened,
		.preemptions = 6,
	},
	{
		.name = "mirrored",
		.operation = "record.mirror",
		.once = mirrored,
		.threads = { push_over_the_end, pop_over_the_end },
		.final = over_the_end,
		.finish = both_happened,
		.preemptions = 4,
	},
	{
		.name = "wait-full",
		.operation = "record.wait",
		.once = full,
		.threads = { push_four_waiting, pop_four_waiting },
		.final = four_popped,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-asym",
		.operation = "record.wait",
		.once = asym,
		.threads = { push_four_waiting, pop_four_waiting },
		.final = four_popped,
		.finish = all_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "attach-detach",
		.operation = "record.attach+detach",
		.once = unattached,
		.threads = { come_push_leave, come_pop_all },
		.final = all_then_pipe,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "producer-dies",
		.operation = "record.takeover",
		.once = members,
		.threads = { push_three_and_leave, pop_to_the_end },
		.final = producer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "producer-dies-asym",
		.operation = "record.takeover",
		.once = members_asym,
		.threads = { push_three_and_leave, pop_to_the_end },
		.final = producer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "poll-to-the-end",
		.operation = "record.wait",
		.once = members,
		.threads = { push_three_and_leave, poll_to_the_end },
		.final = producer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "batch-dies",
		.operation = "record.push_n",
		.once = members,
		.threads = { push_batch_and_leave, pop_to_the_end },
		.final = batch_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "consumer-dies",
		.operation = "record.takeover",
		.once = members,
		.threads = { push_to_the_end, pop_three_waiting },
		.final = consumer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "peeker-dies",
		.operation = "record.takeover",
		.once = members,
		.threads = { push_to_the_end, peek_until_dead },
		.final = peeker_died,
		.finish = repeats_happened,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
	},
	{
		.name = "succession",
		.operation = "record.takeover",
		.once = members,
		.threads = { push_two_and_leave, pop_three, succeed },
		.final = succession_done,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
