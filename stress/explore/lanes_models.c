/* SPDX-License-Identifier: MIT */
/*
 * Models of lanes: producers and consumers in all mixes, waiting in both event
 * modes, lanes handed from consumer to consumer, the end as somebody comes behind
 * the back of who looks, stamps, deaths and stops of either side at every access,
 * heirs and late recoverers.
 *
 * Record n is the words { n, ~n }, so that whoever reads it knows whether it is
 * whole. Time passes with each look at the clock, so that no two stamps are the
 * same.
 */
#include <stdint.h>

uint64_t lanes_now(void);
#undef SLIP_NOW_HOOK
#define SLIP_NOW_HOOK lanes_now

#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/lanes.h"

#define RECORDS 8

static struct {
	char ring[512 + 2 * 512] __attribute__((aligned(128)));
	struct slip_lanes_producer p[2];
	struct slip_lanes_consumer c[2];
	unsigned got[X_THREADS + 1][RECORDS]; /* by whom, how often */
	uint64_t last[X_THREADS + 1];	      /* record, of a producer's */
	slip_a32 done;
	uint64_t began_ns;
	uint64_t looks; /* at the clock */
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, deaths, again, pipes, busy;

__attribute__((no_sanitize("thread"))) uint64_t lanes_now(void)
{
	return x_now() + s.looks++;
}

/* --- rings ------------------------------------------------------------------ */

static void make(uint32_t lanes, uint32_t consumers, unsigned flags)
{
	memset(&s, 0, sizeof(s));
	X_ASSERT(!slip_lanes_init(s.ring, sizeof(s.ring), lanes, 64, consumers,
				  flags),
		 "init");
	for (unsigned i = 0; i < 2; i++)
		s.p[i].rec.error = s.c[i].error = -EPIPE;
	s.began_ns = x_now();
	all = deaths = again = pipes = busy = 0;
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 8, "ev_data");
	x_name(s.ring + 256, 8, "seat0");
	x_name(s.ring + 264, 8, "seat1");
	x_name(s.ring + 384, 8, "producers_came");
	x_name(s.ring + 392, 8, "consumers_came");
	x_name(s.ring + 400, 4, "high");
	x_name(s.ring + 512 + 136, 8, "consumer_role0");
	x_name(s.ring + 512 + 256, 8, "head0");
	x_name(s.ring + 512 + 264, 8, "ev_space0");
	x_name(s.ring + 512 + 272, 8, "producer_role0");
	x_name(s.ring + 512 + 384, 64, "data0");
	x_name(s.ring + 1024 + 256, 8, "head1");
	x_name(s.ring + 1024 + 272, 8, "producer_role1");
	x_name(s.ring + 1024 + 384, 64, "data1");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(s.p, sizeof(s.p), "producers");
	x_name(s.c, sizeof(s.c), "consumers");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
}

static int attach_p(unsigned i, struct slip_peer *self)
{
	int rc = slip_lanes_attach_producer(&s.p[i], s.ring, sizeof(s.ring),
					    self);

	s.p[i].rec.side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_c(unsigned i, struct slip_peer *self)
{
	int rc = slip_lanes_attach_consumer(&s.c[i], s.ring, sizeof(s.ring),
					    self);

	s.c[i].rec.side.spin.skip = UINT32_MAX;
	return rc;
}

static void all_attach(uint32_t producers, uint32_t consumers, unsigned flags)
{
	make(producers, consumers, flags);
	for (uint32_t i = 0; i < producers; i++)
		X_ASSERT(!attach_p(i, NULL), "attach");
	for (uint32_t i = 0; i < consumers; i++)
		X_ASSERT(!attach_c(i, NULL), "attach");
}

/* --- records ---------------------------------------------------------------- */

static int push(unsigned i, uint64_t n)
{
	uint64_t words[2] = { n, ~n };

	return slip_lanes_push(&s.p[i], words, sizeof(words));
}

static int push_until(unsigned i, uint64_t n)
{
	uint64_t words[2] = { n, ~n };

	return slip_lanes_push_until(&s.p[i], words, sizeof(words),
				     SLIP_FOREVER);
}

/* Records below 4 are of one producer, the others of the other; each comes in
 * order, but again after a death. */
static void take(const uint64_t *words, uint32_t len)
{
	uint64_t n = words[0];

	X_ASSERT(len == 16 && n < RECORDS && words[1] == ~n,
		 "a record of %u bytes, { %llu, ~%llu }", len,
		 (unsigned long long)n, (unsigned long long)~words[1]);
	s.got[x_self()][n]++;
	X_ASSERT(s.last[x_self()] % 4 < n % 4 || s.last[x_self()] / 4 != n / 4,
		 "%llu after %llu", (unsigned long long)n,
		 (unsigned long long)s.last[x_self()]);
	s.last[x_self()] = n;
}

static int pop(unsigned i)
{
	uint64_t words[2];
	uint32_t len = 0;
	int rc = slip_lanes_pop(&s.c[i], words, sizeof(words), &len);

	if (!rc)
		take(words, len);
	return rc;
}

static int pop_until(unsigned i, uint64_t deadline)
{
	uint64_t words[2];
	uint32_t len = 0;
	int rc = slip_lanes_pop_until(&s.c[i], words, sizeof(words), &len,
				      deadline);

	if (!rc)
		take(words, len);
	return rc;
}

static bool peek_and_release(unsigned i)
{
	uint64_t words[2];
	uint32_t len;
	const void *at = slip_lanes_peek(&s.c[i], &len);

	if (!at)
		return false;
	slip_copy(words, at, sizeof(words));
	take(words, len);
	slip_lanes_release(&s.c[i]);
	return true;
}

static unsigned taken(uint64_t n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i <= X_THREADS; i++)
		sum += s.got[i][n];
	return sum;
}

/* Each of those once. */
static void once_each(uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		X_ASSERT(taken(n) == 1, "record %llu came %u times",
			 (unsigned long long)n, taken(n));
}

static void told_at_once(void)
{
	X_ASSERT(x_now() - s.began_ns < SLIP_SLICE_NS / 2,
		 "told by a slice only");
}

static void all_happened(void)
{
	X_ASSERT(all, "never");
}

static void deaths_happened(void)
{
	X_ASSERT(deaths && again, "%llu deaths, %llu redelivered",
		 (unsigned long long)deaths, (unsigned long long)again);
}

/* --- not waiting ------------------------------------------------------------ */

static void push_spinning(unsigned i, uint64_t n)
{
	int rc;

	while ((rc = push(i, n)) == -EAGAIN)
		slip_pause();
	X_ASSERT(!rc, "push says %d", rc);
}

static void pop_spinning(unsigned i)
{
	int rc;

	while ((rc = pop(i)) == -EAGAIN)
		slip_pause();
	X_ASSERT(!rc, "pop says %d", rc);
}

static void two_lanes(void)
{
	all_attach(2, 1, SLIP_EVENT_FULL);
}

static void pushes_three(void)
{
	for (uint64_t n = 1; n <= 3; n++)
		push_spinning(0, n);
}

static void pushes_other(void)
{
	push_spinning(1, 5);
}

static void pops_four(void)
{
	for (int i = 0; i < 4; i++)
		pop_spinning(0);
}

static void four_came(void)
{
	once_each(1, 3);
	once_each(5, 5);
	X_ASSERT(pop(0) == -EAGAIN, "a record too many");
	all++;
}

static void one_lane_for_two(void)
{
	all_attach(1, 2, SLIP_EVENT_FULL);
}

static void pushes_four(void)
{
	for (uint64_t n = 1; n <= 3; n++)
		push_spinning(0, n);
	slip_a32_store_release(&s.done, 1);
}

static void pops_to_the_end(unsigned i)
{
	uint32_t done;

	do {
		done = slip_a32_load_acquire(&s.done);
		while (pop(i) == 0)
			;
		if (!done)
			slip_pause();
	} while (!done);
}

static void first_pops(void)
{
	pops_to_the_end(0);
}

static void second_pops(void)
{
	pops_to_the_end(1);
}

static void three_shared(void)
{
	while (pop(0) == 0)
		;
	once_each(1, 3);
	all += s.got[1][1] && s.got[2][2];
}

/* In place, and in batches. */
static void pushes_batch(void)
{
	uint64_t words[2][2] = { { 1, ~UINT64_C(1) }, { 2, ~UINT64_C(2) } };
	struct slip_record_span in[2] = { { words[0], 16 }, { words[1], 16 } };
	uint64_t *at;

	X_ASSERT(slip_lanes_push_n(&s.p[0], in, 2) == 2, "push_n");
	while (!(at = (uint64_t *)slip_lanes_claim(&s.p[0], 24)))
		slip_pause();
	slip_copy(at, (uint64_t[2]){ 3, ~UINT64_C(3) }, 16);
	slip_lanes_commit(&s.p[0], 16);
	slip_a32_store_release(&s.done, 1);
}

static void pops_batches(void)
{
	struct slip_record_span out[2];
	uint64_t buf[4];
	uint32_t done;
	uint32_t n;

	do {
		done = slip_a32_load_acquire(&s.done);
		n = slip_lanes_pop_n(&s.c[0], buf, sizeof(buf), out, 2);
		for (uint32_t i = 0; i < n; i++)
			take((const uint64_t *)out[i].data, out[i].len);
		if (!n && !done)
			slip_pause();
	} while (n || !done);
}

static void peeks_to_the_end(void)
{
	uint32_t done;

	do {
		done = slip_a32_load_acquire(&s.done);
		while (peek_and_release(1))
			;
		if (!done)
			slip_pause();
	} while (!done);
}

/* --- waiting ---------------------------------------------------------------- */

static void two_lanes_asym(void)
{
	all_attach(2, 1, SLIP_EVENT_ASYM);
}

static void pushes_three_waiting(void)
{
	for (uint64_t n = 1; n <= 3; n++)
		X_ASSERT(!push_until(0, n), "push");
}

static void pushes_other_waiting(void)
{
	X_ASSERT(!push_until(1, 5), "push");
}

static void pops_four_waiting(void)
{
	for (int i = 0; i < 4; i++)
		X_ASSERT(!pop_until(0, SLIP_FOREVER), "pop");
}

static void four_told(void)
{
	told_at_once();
	four_came();
}

static void one_lane_for_two_asym(void)
{
	all_attach(1, 2, SLIP_EVENT_ASYM);
}

static void pushes_two_and_leaves(void)
{
	X_ASSERT(!push(0, 1) && !push(0, 2), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void pops_waiting(unsigned i)
{
	int rc;

	while (!(rc = pop_until(i, SLIP_FOREVER)))
		;
	X_ASSERT(rc == -EPIPE, "pop says %d", rc);
}

static void first_waits(void)
{
	pops_waiting(0);
}

static void second_waits(void)
{
	pops_waiting(1);
}

static void two_shared(void)
{
	once_each(1, 2);
	told_at_once();
	all++;
}

/* One consumer has a record in hand; of the next the other has been told. */
static void one_in_hand(unsigned mode)
{
	uint32_t len;

	all_attach(1, 2, mode);
	X_ASSERT(!push(0, 1) && slip_lanes_peek(&s.c[0], &len), "peek");
}

static void in_hand(void)
{
	one_in_hand(SLIP_EVENT_FULL);
}

static void in_hand_asym(void)
{
	one_in_hand(SLIP_EVENT_ASYM);
}

static void releases(void)
{
	slip_lanes_release(&s.c[0]);
}

static void pushes_second(void)
{
	X_ASSERT(!push(0, 2), "push");
}

static void second_takes_one(void)
{
	X_ASSERT(!pop_until(1, SLIP_FOREVER), "pop");
}

static void second_taken(void)
{
	once_each(2, 2);
	told_at_once();
	all++;
}

/* --- coming and going ------------------------------------------------------- */

static void nobody(void)
{
	make(1, 1, SLIP_EVENT_FULL);
}

static void comes_pushes_and_leaves(void)
{
	X_ASSERT(!attach_p(0, NULL), "attach");
	X_ASSERT(!slip_lanes_wait_consumer_until(&s.p[0], SLIP_FOREVER),
		 "wait");
	for (uint64_t n = 1; n <= 3; n++)
		X_ASSERT(!push_until(0, n), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void comes_and_pops(void)
{
	X_ASSERT(!attach_c(0, NULL), "attach");
	X_ASSERT(!slip_lanes_wait_producer_until(&s.c[0], SLIP_FOREVER),
		 "wait");
	pops_waiting(0);
}

static void came_and_went(void)
{
	once_each(1, 3);
	told_at_once();
	all++;
}

/* The consumer looks at one lane after the other: there is always somebody. */
static void second_lane_held(void)
{
	make(2, 1, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, NULL) && !attach_p(1, NULL), "attach");
	slip_lanes_detach_producer(&s.p[0]);
	X_ASSERT(!attach_c(0, NULL), "attach");
}

static void changes_lanes(void)
{
	X_ASSERT(!attach_p(0, NULL), "attach");
	slip_lanes_detach_producer(&s.p[1]);
	X_ASSERT(!push(0, 1), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void record_before_the_end(void)
{
	int rc = pop_until(0, SLIP_FOREVER);

	X_ASSERT(!rc, "pop says %d", rc);
	X_ASSERT(pop_until(0, SLIP_FOREVER) == -EPIPE, "no end");
	all++;
}

/* It looks at one lane after the other, too: somebody comes to the first, when that
 * has been seen empty, and what he pushes another consumer takes, when it has given
 * back what it had of the second. */
static void last_in_hand(void)
{
	uint32_t len;

	all_attach(2, 2, SLIP_EVENT_FULL);
	slip_lanes_detach_producer(&s.p[0]);
	X_ASSERT(!push(1, 5), "push");
	slip_lanes_detach_producer(&s.p[1]);
	X_ASSERT(slip_lanes_peek(&s.c[0], &len), "peek");
}

static void comes_to_the_first(void)
{
	X_ASSERT(!attach_p(0, NULL), "attach");
	slip_a32_store_release(&s.done, 1);
	X_ASSERT(!push(0, 1), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void takes_the_other(void)
{
	uint32_t len;

	if (!slip_a32_load_acquire(&s.done))
		return;
	slip_lanes_release(&s.c[0]);
	s.rc[1] = slip_lanes_peek(&s.c[0], &len) != NULL;
}

static void asks_for_the_end(void)
{
	s.rc[2] = pop_until(1, 1);
	X_ASSERT(!s.rc[2] || s.rc[2] == -ETIMEDOUT, "pop says %d", s.rc[2]);
}

static void none_or_one(void)
{
	all += s.rc[1] && s.rc[2];
	busy += !s.rc[2];
}

/* So does the producer, at one seat after the other. */
static void second_seat_held(void)
{
	make(1, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(0, NULL) && !attach_c(1, NULL), "attach");
	slip_lanes_detach_consumer(&s.c[0]);
	X_ASSERT(!attach_p(0, NULL), "attach");
	X_ASSERT(!push(0, 1) && !push(0, 2), "push");
}

static void changes_seats(void)
{
	X_ASSERT(!attach_c(0, NULL), "attach");
	slip_lanes_detach_consumer(&s.c[1]);
	for (int i = 0; i < 3; i++) /* there is room for two and a PAD */
		X_ASSERT(!pop_until(0, SLIP_FOREVER), "pop");
}

static void pushes_third(void)
{
	int rc = push_until(0, 3);

	X_ASSERT(!rc, "push says %d", rc);
	all++;
}

static void last_consumer_leaves(void)
{
	slip_lanes_detach_consumer(&s.c[0]);
}

static void full_lane(void)
{
	all_attach(1, 1, SLIP_EVENT_FULL);
	X_ASSERT(!push(0, 1) && !push(0, 2), "push");
}

static void hears_of_the_end(void)
{
	int rc = push_until(0, 3);

	X_ASSERT(rc == -EPIPE, "push says %d", rc);
	told_at_once();
	all++;
}

/* Two who want the one lane: one gets it, or one after the other. */
static void consumer_alone(void)
{
	make(1, 1, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(0, NULL), "attach");
}

static void rival(unsigned i, uint64_t n)
{
	int rc = attach_p(i, NULL);

	X_ASSERT(!rc || rc == -EUSERS, "attach says %d", rc);
	if (rc)
		return;
	X_ASSERT(!push(i, n), "push");
	s.rc[x_self()] = 1;
	slip_lanes_detach_producer(&s.p[i]);
}

static void rival_one(void)
{
	rival(0, 1);
}

static void rival_other(void)
{
	rival(1, 5);
}

static void rivals_done(void)
{
	while (pop(0) == 0)
		;
	X_ASSERT(s.rc[0] || s.rc[1], "neither");
	busy += !s.rc[0] || !s.rc[1];
	X_ASSERT(taken(1) == (unsigned)s.rc[0] && taken(5) == (unsigned)s.rc[1],
		 "a record was lost");
	all++;
}

static void rivals_happened(void)
{
	X_ASSERT(all && busy, "never");
}

/* A lane is handed on while its last records are being read. */
static void left_in_the_lane(void)
{
	all_attach(1, 1, SLIP_EVENT_FULL);
	X_ASSERT(!push(0, 1) && !push(0, 2), "push");
	slip_lanes_detach_producer(&s.p[0]);
	/* Leaving has set W for nobody; a system call to come would order what
	 * the heir has to. */
	slip_event_notify(&s.c[0].ring->ev_data, SLIP_EVENT_FULL);
}

static void inherits_and_pushes(void)
{
	X_ASSERT(!attach_p(1, NULL), "attach");
	push_spinning(1, 3);
}

static void pops_three(void)
{
	for (int i = 0; i < 3; i++)
		pop_spinning(0);
}

static void three_came(void)
{
	once_each(1, 3);
	all++;
}

/* The first producer is told of, though it pushes nothing. */
static void first_comes(void)
{
	X_ASSERT(!attach_p(0, NULL), "attach");
}

static void waits_for_the_first(void)
{
	X_ASSERT(!slip_lanes_wait_producer_until(&s.c[0], SLIP_FOREVER),
		 "wait");
	all++;
}

/* Attach beside init. */
static void unmade(void)
{
	make(1, 1, SLIP_EVENT_FULL);
	memset(s.ring, 0, sizeof(s.ring));
}

static void initialises(void)
{
	X_ASSERT(!slip_lanes_init(s.ring, sizeof(s.ring), 1, 64, 1,
				  SLIP_EVENT_FULL),
		 "init");
}

static void attaches(void)
{
	int rc;

	while ((rc = attach_c(0, NULL)) == -EBADMSG)
		slip_pause();
	X_ASSERT(!rc, "attach says %d", rc);
	X_ASSERT(pop(0) == -EAGAIN, "out of nothing");
	all++;
}

/* --- stamps ----------------------------------------------------------------- */

static void stamped(void)
{
	all_attach(2, 1, SLIP_EVENT_FULL | SLIP_LANES_STAMPED);
}

/* Record 1, and when that is there, 5 in the other lane. */
static void pushes_first(void)
{
	X_ASSERT(!push(0, 1), "push");
	slip_a32_store_release(&s.done, 1);
}

static void pushes_after(void)
{
	if (slip_a32_load_acquire(&s.done))
		X_ASSERT(!push(1, 5), "push");
}

static void pops_by_the_clock(void)
{
	for (int i = 0; i < 2; i++)
		(void)pop(0);
	X_ASSERT(s.got[2][1] || !s.got[2][5],
		 "what came later was delivered first");
}

static void stamped_done(void)
{
	all += s.got[2][1] && s.got[2][5];
}

/* --- deaths ----------------------------------------------------------------- */

static void producer_may_die(void)
{
	make(1, 1, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(0, &peers_member[1]), "attach");
}

static void pushes_two_waits_and_leaves(void)
{
	X_ASSERT(!push(0, 1) && !push(0, 2) && !push_until(0, 3), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void pops_until_pipe(void)
{
	s.rc[1] = pop_until(0, SLIP_FOREVER);
	while (!s.rc[1])
		s.rc[1] = pop_until(0, SLIP_FOREVER);
}

static void producer_died(void)
{
	unsigned i = 0;

	X_ASSERT(s.rc[1] == -EPIPE, "pop says %d", s.rc[1]);
	for (uint64_t n = 3; n; n--) {
		X_ASSERT(taken(n) <= 1 && taken(n) >= i, "record %llu",
			 (unsigned long long)n);
		i = taken(n);
	}
	X_ASSERT(x_dead(0) || i == 1, "not all came");
	deaths += x_dead(0);
	again += x_dead(0) && i;
	X_ASSERT(!attach_p(1, &peers_member[X_THREADS]), "an heir is refused");
	for (uint64_t n = 5; n <= 7; n++)
		X_ASSERT(!push(1, n) && !pop(0), "is unusable");
	X_ASSERT(pop(0) == -EAGAIN, "a record too many");
}

/* Of several consumers: what it committed and did not come to saying. */
static void producer_of_two_may_die(void)
{
	make(1, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(0, &peers_member[1]), "attach");
}

static void batch_said(void)
{
	slip_a64 *word = slip_record_word_(&s.p[0].rec.shape, 0);

	X_ASSERT(s.rc[1] == -EPIPE, "pop says %d", s.rc[1]);
	X_ASSERT(taken(1) == taken(2) && taken(1) <= 1, "half a batch");
	X_ASSERT(!x_dead(0) || taken(1) || !s.p[0].rec.shape.data ||
			 !slip_a64_load_relaxed(word),
		 "what was committed is lost");
	deaths += x_dead(0);
	again += x_dead(0) && taken(1);
}

/* Beside a lane that is held; the consumer asks at the end. */
static void one_of_two_lanes(void)
{
	make(2, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(1, &peers_member[X_THREADS]), "attach");
	X_ASSERT(!attach_p(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(0, &peers_member[X_THREADS]), "attach");
}

static void pushes_record(void)
{
	X_ASSERT(!push(0, 1), "push");
}

static void said_or_asked_for(void)
{
	bool there =
		slip_a64_load_relaxed(slip_record_word_(&s.p[0].rec.shape, 0));

	X_ASSERT(pop_until(0, 1) == (there ? 0 : -ETIMEDOUT),
		 "what was committed is lost");
	deaths += x_dead(0);
	again += x_dead(0) && there;
}

/* What a dead producer left is said by one of two that wait, as the other looks,
 * or dies. */
static void unsaid(void)
{
	struct slip_record_chain chain;
	uint64_t words[2] = { 1, ~UINT64_C(1) };

	make(1, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, &peers_member[X_THREADS]), "attach");
	X_ASSERT(!attach_c(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(1, &peers_member[1]), "attach");
	chain = (struct slip_record_chain){ s.p[0].rec.tail, 0 };
	X_ASSERT(slip_lanes_append_(&s.p[0], &chain, words, 16), "append");
	slip_record_publish_(&s.p[0].rec, &chain);
	X_ASSERT(slip_role_bury_(s.p[0].rec.side.mine,
				 slip_role_word_(&peers_member[X_THREADS])),
		 "bury");
}

/* There is no end while there is a record in the lane. */
static void waits_to_the_end(unsigned i)
{
	struct slip_record_shape shape = s.c[i].shape.lane;
	struct slip_record_ring *lane =
		slip_lanes_lane_(s.c[i].ring, &s.c[i].shape, 0);
	uint64_t head;

	pops_waiting(i);
	slip_lanes_data_(&shape, lane);
	head = slip_a64_load_relaxed(&lane->ends.head);
	X_ASSERT(!slip_a64_load_relaxed(slip_record_word_(&shape, head)),
		 "the end before a record");
}

static void first_waits_to_the_end(void)
{
	waits_to_the_end(0);
}

static void second_waits_to_the_end(void)
{
	waits_to_the_end(1);
}

/* A dead one may have taken it, and have moved head. */
static void unsaid_delivered(void)
{
	uint64_t head = slip_a64_load_relaxed(&s.p[0].rec.ring->ends.head);

	X_ASSERT(head && taken(1) <= 1u + x_dead(0) && (taken(1) || x_dead(0)),
		 "record 1 came %u times, head is %llu", taken(1),
		 (unsigned long long)head);
	all++;
	deaths += x_dead(0);
	again += x_dead(0) && s.got[1][1];
}

/* There is no end while an heir is about to say it, who may die. */
static void heir_of_unsaid(void)
{
	X_ASSERT(!attach_p(1, &peers_member[1]), "attach");
}

static void asks_for_it(void)
{
	s.rc[0] = pop_until(0, 1);
	X_ASSERT(!s.rc[0] || s.rc[0] == -ETIMEDOUT, "pop says %d", s.rc[0]);
}

static void said_by_either(void)
{
	busy += s.rc[0] != 0;
	deaths += x_dead(1);
	again += x_dead(1) && !s.rc[0];
}

static void deaths_and_waits(void)
{
	X_ASSERT(busy, "said at once");
	deaths_happened();
}

/* A batch is there, or is not. */
static void pushes_batch_waiting(void)
{
	uint64_t words[2][2] = { { 1, ~UINT64_C(1) }, { 2, ~UINT64_C(2) } };
	struct slip_record_span in[2] = { { words[0], 16 }, { words[1], 16 } };

	X_ASSERT(slip_lanes_push_n(&s.p[0], in, 2) == 2, "push_n");
	slip_lanes_detach_producer(&s.p[0]);
}

static void batch_whole(void)
{
	X_ASSERT(taken(1) == taken(2) && taken(1) <= 1, "half a batch");
	deaths += x_dead(0);
	again += x_dead(0) && taken(1);
}

/* The one consumer dies; an heir in final. */
static void consumer_may_die(void)
{
	make(1, 1, SLIP_EVENT_FULL);
	X_ASSERT(!attach_c(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_p(0, &peers_member[1]), "attach");
}

static void pops_and_peeks(void)
{
	(void)pop(0);
	(void)peek_and_release(0);
	(void)pop_until(0, SLIP_FOREVER);
	slip_lanes_detach_consumer(&s.c[0]);
}

static void pushes_to_the_end(void)
{
	for (uint64_t n = 1; n <= 3 && !s.rc[1]; n++)
		s.rc[1] = push_until(0, n);
}

static void consumer_died(void)
{
	X_ASSERT(!s.rc[1] || s.rc[1] == -EPIPE, "push says %d", s.rc[1]);
	deaths += x_dead(0);
	X_ASSERT(!attach_c(1, &peers_member[X_THREADS]), "an heir is refused");
	while (pop(1) == 0)
		;
	for (uint64_t n = 1; n <= 3; n++) {
		X_ASSERT(taken(n) <= 2, "record %llu", (unsigned long long)n);
		again += taken(n) == 2;
	}
	X_ASSERT(!push(0, 5) && !pop(1), "is unusable");
}

/* Two consumers, one of which dies; what it had in hand the other gets. */
static void one_of_two_may_die(void)
{
	make(2, 2, SLIP_EVENT_FULL);
	for (unsigned i = 0; i < 2; i++) {
		X_ASSERT(!attach_p(i, &peers_member[X_THREADS]), "attach");
		X_ASSERT(!attach_c(i, &peers_member[i]), "attach");
	}
	X_ASSERT(!push(0, 1) && !push(1, 5), "push");
	slip_lanes_detach_producer(&s.p[0]);
	slip_lanes_detach_producer(&s.p[1]);
}

static void peeks_and_leaves(void)
{
	(void)peek_and_release(0);
	slip_lanes_detach_consumer(&s.c[0]);
}

static void second_pops_until_pipe(void)
{
	s.rc[1] = pop_until(1, SLIP_FOREVER);
	while (!s.rc[1])
		s.rc[1] = pop_until(1, SLIP_FOREVER);
}

static void both_delivered(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "pop says %d", s.rc[1]);
	deaths += x_dead(0);
	for (uint64_t n = 1; n <= 5; n += 4) {
		X_ASSERT(taken(n) == 1 || (x_dead(0) && taken(n) == 2),
			 "record %llu came %u times", (unsigned long long)n,
			 taken(n));
		again += taken(n) == 2;
	}
	X_ASSERT(x_dead(0) || x_now() - s.began_ns < SLIP_SLICE_NS / 2,
		 "told by a slice only");
}

/* The same with a recoverer in place of slices; nobody else has an oracle. */
static void one_of_two_may_die_untold(void)
{
	make(1, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, NULL), "attach");
	X_ASSERT(!attach_c(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(1, NULL), "attach");
	X_ASSERT(!push(0, 1), "push");
	slip_lanes_detach_producer(&s.p[0]);
}

static void recovers(void)
{
	while (!x_dead(0) && !x_returned(0))
		slip_pause();
	if (x_dead(0))
		X_ASSERT(!slip_lanes_recover_(&peers_member[X_THREADS], s.ring,
					      sizeof(s.ring), 1, 1),
			 "recover");
}

static void one_delivered(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "pop says %d", s.rc[1]);
	X_ASSERT(taken(1) == 1 || (x_dead(0) && taken(1) == 2),
		 "record 1 came %u times", taken(1));
	deaths += x_dead(0);
	again += taken(1) == 2;
}

/* A late recoverer meets an heir. */
static void heir_and_recoverer(void)
{
	make(1, 2, SLIP_EVENT_FULL);
	X_ASSERT(!attach_p(0, &peers_member[0]), "attach");
	X_ASSERT(!attach_c(0, &peers_member[X_THREADS]), "attach");
}

static void pushes_one(void)
{
	X_ASSERT(!push(0, 1), "push");
}

static void inherits(void)
{
	s.rc[1] = attach_p(1, &peers_member[1]);
	if (!s.rc[1])
		X_ASSERT(!push(1, 5), "push");
}

static void recovers_late(void)
{
	if (x_dead(0))
		(void)slip_lanes_recover_(&peers_member[2], s.ring,
					  sizeof(s.ring), 1, 1);
}

static void heir_is_there(void)
{
	X_ASSERT(!s.rc[1] || s.rc[1] == -EUSERS, "attach says %d", s.rc[1]);
	while (pop(0) == 0)
		;
	X_ASSERT(taken(1) <= 1 && taken(5) == !s.rc[1], "lost");
	X_ASSERT(s.rc[1] || (slip_a64_load_relaxed(s.p[1].rec.side.mine) &
			     15) == SLIP_ROLE_HELD,
		 "the heir was buried");
	deaths += x_dead(0);
	again += x_dead(0) && !s.rc[1] && taken(1);
}

/* --- stops ------------------------------------------------------------------ */

static void first_stops(void)
{
	(void)pop(0);
}

static void second_goes_on(void)
{
	s.rc[1] = pop_until(1, SLIP_FOREVER);
}

static void other_lane_served(void)
{
	X_ASSERT(!s.rc[1] || s.rc[1] == -EPIPE, "pop says %d", s.rc[1]);
	all += x_stopped(0) && !s.rc[1];
	X_ASSERT(!x_stopped(0) || !s.rc[1], "both lanes were held up");
}

#define MODEL(n, o, ...)                                        \
	{                                                       \
		.name = n, .operation = "lanes." o, __VA_ARGS__ \
	}

static const struct x_model models[] = {
	MODEL("push-pop", "push+pop", .once = two_lanes,
	      .threads = { pushes_three, pushes_other, pops_four },
	      .final = four_came, .finish = all_happened, .preemptions = 2),
	MODEL("share", "push+pop", .once = one_lane_for_two,
	      .threads = { pushes_four, first_pops, second_pops },
	      .final = three_shared, .finish = all_happened, .preemptions = 2),
	MODEL("batches", "push_n+pop_n", .once = one_lane_for_two,
	      .threads = { pushes_batch, pops_batches, peeks_to_the_end },
	      .final = three_shared, .finish = NULL, .preemptions = 2),
	MODEL("wait-full", "wait", .once = two_lanes,
	      .threads = { pushes_three_waiting, pushes_other_waiting,
			   pops_four_waiting },
	      .final = four_told, .finish = all_happened, .preemptions = 2,
	      .flags = X_SPURIOUS | X_EINTR, .surprises = 1),
	MODEL("wait-asym", "wait", .once = two_lanes_asym,
	      .threads = { pushes_three_waiting, pushes_other_waiting,
			   pops_four_waiting },
	      .final = four_told, .finish = all_happened, .preemptions = 2,
	      .flags = X_SPURIOUS | X_EINTR, .surprises = 1),
	MODEL("share-full", "wait", .once = one_lane_for_two,
	      .threads = { pushes_two_and_leaves, first_waits, second_waits },
	      .final = two_shared, .finish = all_happened, .preemptions = 2),
	MODEL("share-asym", "wait", .once = one_lane_for_two_asym,
	      .threads = { pushes_two_and_leaves, first_waits, second_waits },
	      .final = two_shared, .finish = all_happened, .preemptions = 2),
	MODEL("hand-on", "release", .once = in_hand,
	      .threads = { releases, second_takes_one, pushes_second },
	      .final = second_taken, .finish = all_happened, .preemptions = 4),
	MODEL("hand-on-asym", "release", .once = in_hand_asym,
	      .threads = { releases, second_takes_one, pushes_second },
	      .final = second_taken, .finish = all_happened, .preemptions = 4),
	MODEL("attach-detach", "attach+detach", .once = nobody,
	      .threads = { comes_pushes_and_leaves, comes_and_pops },
	      .final = came_and_went, .finish = all_happened, .preemptions = 3),
	MODEL("lane-changed", "attach+detach", .once = second_lane_held,
	      .threads = { changes_lanes, record_before_the_end },
	      .finish = all_happened, .preemptions = 3),
	MODEL("end-between", "attach+detach", .once = last_in_hand,
	      .threads = { comes_to_the_first, takes_the_other,
			   asks_for_the_end },
	      .final = none_or_one, .finish = rivals_happened,
	      .preemptions = 3),
	MODEL("seat-changed", "attach+detach", .once = second_seat_held,
	      .threads = { changes_seats, pushes_third },
	      .finish = all_happened, .preemptions = 3),
	MODEL("last-leaves", "attach+detach", .once = full_lane,
	      .threads = { last_consumer_leaves, hears_of_the_end },
	      .finish = all_happened, .preemptions = 3),
	MODEL("rivals", "attach+detach", .once = consumer_alone,
	      .threads = { rival_one, rival_other }, .final = rivals_done,
	      .finish = rivals_happened, .preemptions = 3),
	MODEL("heir", "attach+detach", .once = left_in_the_lane,
	      .threads = { inherits_and_pushes, pops_three },
	      .final = three_came, .finish = all_happened, .preemptions = 3),
	MODEL("first-producer", "attach+detach", .once = consumer_alone,
	      .threads = { first_comes, waits_for_the_first },
	      .final = told_at_once, .finish = all_happened, .preemptions = 3),
	MODEL("init", "init", .once = unmade,
	      .threads = { initialises, attaches }, .finish = all_happened,
	      .preemptions = 3),
	MODEL("stamped", "push+pop", .once = stamped,
	      .threads = { pushes_first, pushes_after, pops_by_the_clock },
	      .final = stamped_done, .finish = all_happened, .preemptions = 3),
	MODEL("producer-dies", "push", .once = producer_may_die,
	      .threads = { pushes_two_waits_and_leaves, pops_until_pipe },
	      .final = producer_died, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 2),
	MODEL("batch-dies", "push_n", .once = producer_may_die,
	      .threads = { pushes_batch_waiting, pops_until_pipe },
	      .final = batch_whole, .finish = deaths_happened, .sys = peers_sys,
	      .mortal = 1, .troubles = 1, .preemptions = 2),
	MODEL("producer-of-two-dies", "push_n", .once = producer_of_two_may_die,
	      .threads = { pushes_batch_waiting, pops_until_pipe },
	      .final = batch_said, .finish = deaths_happened, .sys = peers_sys,
	      .mortal = 1, .troubles = 1, .preemptions = 2),
	MODEL("one-lane-unsaid", "push", .once = one_of_two_lanes,
	      .threads = { pushes_record }, .final = said_or_asked_for,
	      .finish = deaths_happened, .sys = peers_sys, .mortal = 1,
	      .troubles = 1, .preemptions = 2),
	MODEL("two-settle", "wait", .once = unsaid,
	      .threads = { first_waits_to_the_end, second_waits_to_the_end },
	      .final = unsaid_delivered, .finish = all_happened,
	      .sys = peers_sys, .preemptions = 3),
	MODEL("two-settle-die", "wait", .once = unsaid,
	      .threads = { first_waits_to_the_end, second_waits_to_the_end },
	      .final = unsaid_delivered, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 3),
	MODEL("heir-settles", "wait", .once = unsaid,
	      .threads = { asks_for_it, heir_of_unsaid },
	      .final = said_by_either, .finish = deaths_and_waits,
	      .sys = peers_sys, .mortal = 2, .troubles = 1, .preemptions = 3),
	MODEL("consumer-dies", "pop+peek", .once = consumer_may_die,
	      .threads = { pops_and_peeks, pushes_to_the_end },
	      .final = consumer_died, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 2),
	MODEL("one-of-two-dies", "peek+release", .once = one_of_two_may_die,
	      .threads = { peeks_and_leaves, second_pops_until_pipe },
	      .final = both_delivered, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 3),
	MODEL("recovery", "recover", .once = one_of_two_may_die_untold,
	      .threads = { peeks_and_leaves, second_pops_until_pipe, recovers },
	      .final = one_delivered, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 2),
	MODEL("late-recoverer", "recover", .once = heir_and_recoverer,
	      .threads = { pushes_one, inherits, recovers_late },
	      .final = heir_is_there, .finish = deaths_happened,
	      .sys = peers_sys, .mortal = 1, .troubles = 1, .preemptions = 3),
	MODEL("stopped", "pop", .once = one_of_two_may_die,
	      .threads = { first_stops, second_goes_on },
	      .final = other_lane_served, .finish = all_happened,
	      .sys = peers_sys, .stoppable = 1, .troubles = 1,
	      .preemptions = 3),
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
