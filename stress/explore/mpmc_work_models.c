/* SPDX-License-Identifier: MIT */
/*
 * Models of the work queue, and of who comes to an MPMC ring and goes.
 *
 * Every delivery is recorded: to whom, which attempt, how it ended. In `final`
 * the dead are recovered, the rest is drained, and then each element that was
 * pushed has been done with exactly once; nobody had it while another did; each
 * delivery after the first has a reason, a nack or a death; and says that it is
 * not the first. An element is two words, looked at again before it is acked,
 * for it stays in place.
 */
#include "mpmc_ring.h"

#define GIVEN 48

enum outcome { HELD, ACK, NACK, DROP };

struct delivery {
	uint64_t value;
	uint32_t attempts;
	uint32_t who;	/* thread */
	uint32_t start; /* take returned; 0: it has not */
	uint32_t over;	/* ack, nack or detach was begun */
	enum outcome how;
	struct slip_mpmc_ticket ticket;
};

static struct {
	struct delivery d[GIVEN];
	uint32_t n;
	uint32_t taking[HANDLES]; /* takes begun and not ended */
	bool popping[HANDLES];	  /* pops, which ack by themselves */
	bool committed;		  /* what is to be heard */
	int rc[X_THREADS];
	uint32_t seen; /* who is surely here */
	uint32_t low;  /* the fewest since somebody asked */
} w;

static uint64_t again, deaths, stops, in_hand, busy, both, pipes, heirs;

/* --- the record ------------------------------------------------------------ */

UNSEEN static uint32_t tick(void)
{
	return ++s.clock;
}

UNSEEN static void take_begins(unsigned t)
{
	w.taking[t]++;
}

UNSEEN static struct delivery *
take_ends(unsigned t, const struct slip_mpmc_ticket *ticket, uint64_t value)
{
	struct delivery *d = &w.d[w.n];

	w.taking[t]--;
	if (!ticket)
		return NULL;
	w.n++;
	d->value = value;
	d->attempts = ticket->attempts;
	d->who = t;
	d->start = tick();
	d->over = 0;
	d->how = HELD;
	d->ticket = *ticket;
	return d;
}

UNSEEN static void over(struct delivery *d, enum outcome how)
{
	d->over = tick();
	d->how = how;
}

/* --- operations ------------------------------------------------------------ */

static uint64_t content(const struct slip_mpmc_ticket *t)
{
	uint64_t elem[2];

	slip_copy(elem, t->elem, sizeof(elem));
	X_ASSERT(elem[1] == ~elem[0], "torn: %llx %llx",
		 (unsigned long long)elem[0], (unsigned long long)elem[1]);
	return elem[0];
}

static struct delivery *take_by(struct slip_mpmc *q, unsigned t)
{
	struct slip_mpmc_ticket ticket;
	bool got;

	take_begins(t);
	got = slip_mpmc_take(q, &ticket) != NULL;
	return take_ends(t, got ? &ticket : NULL, got ? content(&ticket) : 0);
}

static void ack_by(struct slip_mpmc *q, struct delivery *d)
{
	if (!d)
		return;
	X_ASSERT(content(&d->ticket) == d->value, "changed while held");
	over(d, ACK);
	slip_mpmc_ack(q, &d->ticket);
	X_ASSERT(!d->ticket.word, "no longer ours to ack");
}

static void nack_by(struct slip_mpmc *q, struct delivery *d)
{
	int rc;

	if (!d)
		return;
	X_ASSERT(content(&d->ticket) == d->value, "changed while held");
	over(d, NACK);
	rc = slip_mpmc_nack(q, &d->ticket);
	X_ASSERT(!rc, "nack says %d", rc);
}

static void detach_by(struct slip_mpmc *q, unsigned t)
{
	for (uint32_t i = 0; i < w.n; i++)
		if (w.d[i].who == t && w.d[i].how == HELD)
			over(&w.d[i], DROP);
	slip_mpmc_detach(q);
}

static struct slip_mpmc *mine(void)
{
	return &s.q[x_self()];
}

static struct delivery *take(void)
{
	return take_by(mine(), x_self());
}

static void ack(struct delivery *d)
{
	ack_by(mine(), d);
}

static void nack(struct delivery *d)
{
	nack_by(mine(), d);
}

/* --- the judge ------------------------------------------------------------- */

static struct delivery *next_of(uint64_t value, const struct delivery *after)
{
	for (uint32_t i = after ? (uint32_t)(after - w.d) + 1 : 0; i < w.n; i++)
		if (w.d[i].value == value)
			return &w.d[i];
	return NULL;
}

/* May another have it, from `next` on? */
static bool over_by(const struct delivery *d, const struct delivery *next)
{
	if (d->who < X_THREADS && x_dead(d->who))
		return true;
	return (d->how == NACK || d->how == DROP) && d->over < next->start;
}

/* The deliveries of one element: how many takes of it are in the dark? */
static unsigned judge_element(uint64_t value, bool pushed)
{
	struct delivery *d = next_of(value, NULL);
	uint32_t n = 0, reasons = 0;

	for (; d; d = next_of(value, d)) {
		struct delivery *next = next_of(value, d);

		n++;
		X_ASSERT(d->attempts >= n || !d->attempts, /* a pop's */
			 "delivery %u of %llu says it is number %u", n,
			 (unsigned long long)value, d->attempts);
		X_ASSERT(d->attempts <= n + deaths + stops,
			 "delivery %u of %llu says it is number %u", n,
			 (unsigned long long)value, d->attempts);
		again += n > 1;
		if (next) {
			X_ASSERT(over_by(d, next),
				 "%llu delivered twice for nothing",
				 (unsigned long long)value);
			reasons++;
			continue;
		}
		if (d->who < X_THREADS && x_stopped(d->who))
			return 0;
		if (d->how != ACK)
			return 1;
	}
	return pushed && n == 0;
}

static void judge_work(void)
{
	unsigned dark = 0, unknown = 0;

	for (unsigned t = 0; t < X_THREADS; t++)
		unknown += (x_stopped(t) || w.popping[t]) && w.taking[t];
	EACH_OP(o)
	dark += judge_element(o->value, o->end && o->ok);
	X_ASSERT(dark <= unknown, "%u lost, %u taken by the stopped", dark,
		 unknown);
	for (uint32_t i = 0; i < w.n; i++) {
		bool known = false;

		EACH_OP(o)
		known = known || (o->kind == PUSH && o->value == w.d[i].value);
		X_ASSERT(known, "%llu taken out of nothing",
			 (unsigned long long)w.d[i].value);
	}
}

/* --- work queues ------------------------------------------------------------ */

static void zero(void)
{
	again = deaths = stops = in_hand = busy = both = pipes = heirs = 0;
	memset(&w, 0, sizeof(w));
	x_keep(&w, sizeof(w));
}

static void work_of(uint32_t capacity)
{
	zero();
	make(capacity, 16, SLIP_MPMC_WORK, 1);
}

static void empty_queue(void)
{
	work_of(2);
}

static void one_in(void)
{
	work_of(2);
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
}

static void two_in(void)
{
	one_in();
	X_ASSERT(push_by(last(), X_THREADS, 502), "push");
}

static void four_in(void)
{
	work_of(4);
	for (uint64_t i = 0; i < 4; i++)
		X_ASSERT(push_by(last(), X_THREADS, 501 + i), "push");
}

/* As few seats as will do, for `n` threads and whoever comes to the end. */
static void small(unsigned n, unsigned more)
{
	zero();
	format(2, 16, SLIP_MPMC_WORK | SLIP_MPMC_SEATS(n + 1 + more), 1);
	for (unsigned t = 0; t < n; t++)
		must_attach(&s.q[t], SLIP_PRODUCER | SLIP_CONSUMER,
			    &peers_member[t]);
	must_attach(last(), SLIP_PRODUCER | SLIP_CONSUMER,
		    &peers_member[X_THREADS]);
}

/* An exclusive consumer, thread 3; the others push. */
static void one_taker(void)
{
	zero();
	format(2, 16, SLIP_MPMC_WORK, 1);
	for (unsigned t = 0; t < 3; t++)
		must_attach(&s.q[t], SLIP_PRODUCER, &peers_member[t]);
	must_attach(&s.q[3], SLIP_CONSUMER | SLIP_EXCLUSIVE, &peers_member[3]);
	attach_by_force(last());
}

/* The element at head was announced by `last`, claimed, and is named: it has to
 * be heard. */
static void claim_and_stop(struct slip_mpmc *q, uint64_t value)
{
	uint64_t elem[2] = { value, ~value };
	slip_a64 *slot;
	uint64_t p;

	end(begin(X_THREADS, PUSH, value), true, value);
	slip_mpmc_announce_(q, 0, elem, 16);
	slot = slip_mpmc_take_place_(q, &p, 16);
	X_ASSERT(slot, "full");
	slip_mpmc_name_(last(), slot, p, p | q->me);
}

static void one_to_hear(void)
{
	work_of(2);
	must_attach(&s.heir, SLIP_PRODUCER, NULL);
	claim_and_stop(&s.heir, 501);
}

static void one_to_hear_for_two(void)
{
	small(3, 1);
	must_attach(&s.heir, SLIP_PRODUCER, NULL);
	claim_and_stop(&s.heir, 501);
}

/* Its pusher is known to be dead. */
static void one_to_hear_of_the_dead(void)
{
	one_to_hear_for_two();
	slip_a64_store_relaxed(&s.heir.seat->word, slip_mpmc_dead_(s.heir.who));
}

/* Thread 0 has one; and there may be some that were returned, for all that is
 * known. */
static void one_taken(void)
{
	small(2, 0);
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
	X_ASSERT(take_by(&s.q[0], 0), "take");
	slip_mpmc_returning_(last());
}

/* Of thread 0, which is dead from the start: as left by `by_whom`. */
static void bury(unsigned t)
{
	slip_a64_store_relaxed(&s.q[t].seat->word, slip_mpmc_dead_(s.q[t].who));
}

/* Thread 0 has taken the element and died; it was marked as dead. */
static void one_taken_by_the_dead(void)
{
	struct delivery *d;

	small(3, 0);
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
	d = take_by(&s.q[0], X_THREADS);
	over(d, DROP);
	bury(0);
}

/* And a recoverer of one who sat there before was late. */
static void one_taken_left_over(void)
{
	one_taken_by_the_dead();
	slip_a64_store_relaxed(&s.q[0].seat->giving, slip_role_held_(77, 1));
}

/* Thread 0 has heard the element, said so in its hand, and died. */
static void one_tried_by_the_dead(void)
{
	one_to_hear_for_two();
	slip_a64_store_relaxed(&s.q[0].seat->hand, s.first | s.q[0].me);
	bury(0);
}

static void drain_work(struct slip_mpmc *q)
{
	uint64_t last_push = 980 + s.ops[X_THREADS] + 3;

	for (;;) {
		uint64_t flush = 980 + s.ops[X_THREADS];
		struct delivery *d = take_by(q, X_THREADS);

		if (d) {
			ack_by(q, d);
			continue;
		}
		if (flush > last_push || !push_by(q, X_THREADS, flush))
			return;
	}
}

static void recover_dead(void)
{
	for (unsigned t = 0; t < X_THREADS; t++)
		if (x_dead(t) && s.q[t].who &&
		    !(s.inherited && s.heir.me == s.q[t].me))
			slip_mpmc_recover_seat_(last(), s.q[t].me, s.q[t].who);
	/* An heir dies with the thread that let it in. */
	for (unsigned t = 0; t < X_THREADS; t++)
		if (x_dead(t) && s.heir.who &&
		    ((s.heir.who ^ slip_role_word_(&peers_member[t])) &
		     SLIP_MPMC_WHO) == 0)
			slip_mpmc_recover_seat_(last(), s.heir.me, s.heir.who);
}

/* Is one there to be taken again, that a take does not see? */
static void overlooked(const slip_a64 *word, const slip_a64 *count)
{
	X_ASSERT(!slip_mpmc_again_with_(slip_a64_load_relaxed(word),
					slip_a64_load_relaxed(count),
					SLIP_MPMC_RETURNED),
		 "one that was returned is overlooked");
}

static void none_overlooked(void)
{
	struct slip_mpmc *q = last();

	for (uint64_t i = 0; i < q->shape.capacity; i++)
		overlooked(slip_mpmc_slot_(q, i * SLIP_MPMC_ONE, 16),
			   slip_mpmc_count_(q, i * SLIP_MPMC_ONE));
	for (uint64_t i = 1; i <= q->shape.seats; i++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->ring, &q->shape, i);

		overlooked(&seat->hand, &seat->attempts);
	}
}

static void work_done(void)
{
	for (unsigned t = 0; t < X_THREADS; t++) {
		deaths += x_dead(t);
		stops += x_stopped(t);
	}
	in_hand += slip_a64_load_relaxed(&last()->ring->heard) != s.first;
	recover_dead();
	drain_work(last());
	recover_dead();
	drain_work(last());
	none_overlooked();
	judge_work();
	for (unsigned t = 0; t < HANDLES; t++)
		X_ASSERT(!s.q[t].error || s.q[t].error == -EPIPE, "error");
}

/* All slots are there again, but for those in stopped hands. */
static void work_usable(void)
{
	unsigned n = last()->shape.capacity, in = 0;
	unsigned stopped = s.heir.who && !s.heir.side.self && !w.committed;

	work_done();
	for (unsigned t = 0; t < X_THREADS; t++)
		stopped += x_stopped(t);
	while (in <= n && push_by(last(), X_THREADS, 800 + in))
		in++;
	X_ASSERT(in <= n && in + 2 * stopped >= n, "%u fit into %u", in, n);
}

static void redelivered(void)
{
	X_ASSERT(again && (deaths || stops), "%llu again, %llu dead",
		 (unsigned long long)again, (unsigned long long)deaths);
}

static void redelivered_from_hands(void)
{
	X_ASSERT(again && in_hand, "%llu again, %llu heard",
		 (unsigned long long)again, (unsigned long long)in_hand);
}

static void returned_some(void)
{
	X_ASSERT(again, "nothing was delivered again");
}

/* --- threads ----------------------------------------------------------------- */

static void push1(void)
{
	(void)push(0);
}

static void push2(void)
{
	(void)push(0);
	(void)push(1);
}

static void push3(void)
{
	push2();
	(void)push(2);
}

static void take_ack(void)
{
	ack(take());
}

static void take_ack_twice(void)
{
	take_ack();
	take_ack();
}

static void take_nack(void)
{
	nack(take());
}

static void take_nack_take_ack(void)
{
	nack(take());
	take_ack();
}

static void take_two_ack_two(void)
{
	struct delivery *a = take();
	struct delivery *b = take();

	ack(b);
	ack(a);
}

static void take_pop(void)
{
	uint64_t elem[2];

	take_begins(x_self());
	w.popping[x_self()] = true;
	if (slip_mpmc_pop(mine(), elem)) {
		struct slip_mpmc_ticket none = { NULL, 0, NULL, NULL };

		X_ASSERT(elem[1] == ~elem[0], "torn");
		take_ends(x_self(), &none, elem[0])->how = ACK;
	} else {
		(void)take_ends(x_self(), NULL, 0);
	}
}

static void take_detach(void)
{
	(void)take();
	(void)take();
	detach_by(mine(), x_self());
}

static void take_nack_detach(void)
{
	nack(take());
	detach_by(mine(), x_self());
}

static void push_take_ack_twice(void)
{
	(void)push(0);
	take_ack();
	(void)push(1);
	take_ack();
}

static void recover_take_ack(void)
{
	(void)recover(0);
	take_ack();
}

static void recover_both_take_ack(void)
{
	(void)recover(0);
	(void)recover(1);
	take_ack();
	(void)push(0);
	take_ack();
}

static void push_round_take(void)
{
	(void)recover(0);
	(void)push(0);
	take_ack();
	(void)push(1);
	take_ack();
}

static void nothing(void)
{
}

static void nack_it(void)
{
	nack(&w.d[0]);
}

static void take_twice(void)
{
	struct delivery *d = take();

	ack(take());
	ack(d);
}

static void push_round(void)
{
	push2();
	take_ack();
}

static void push_take_ack(void)
{
	(void)push(0);
	take_ack();
}

static void commit_late(void)
{
	slip_a64 *slot = slip_mpmc_slot_(&s.heir, s.first, 16);
	uint64_t elem[2] = { 501, ~UINT64_C(501) };

	slip_copy(slot + 1, elem, sizeof(elem));
	slip_mpmc_commit_(slot, s.first);
	w.committed = true;
}

static void recover_pusher(void)
{
	slip_mpmc_recover_seat_(mine(), s.heir.me, s.heir.who);
	(void)push(0);
	take_ack();
}

/* Those that are marked as dead from the start. */
static void recover_buried(void)
{
	slip_mpmc_recover_seat_(mine(), s.q[0].me, s.q[0].who);
}

static bool sit_after_the_dead(void)
{
	recover_buried();
	if (slip_mpmc_word_of_seat_(mine(), s.q[0].me) ||
	    attach(&s.heir, SLIP_PRODUCER | SLIP_CONSUMER, peers_self()))
		return false;
	s.inherited = s.heir.me == s.q[0].me;
	heirs += s.inherited;
	return true;
}

/* What it has is not to be had twice, not even by itself. */
static void inherit_take_twice(void)
{
	struct delivery *d;

	if (!sit_after_the_dead())
		return;
	d = take_by(&s.heir, x_self());
	ack_by(&s.heir, take_by(&s.heir, x_self()));
	ack_by(&s.heir, d);
}

static void come_take_ack(void)
{
	if (attach(&s.heir, SLIP_CONSUMER, peers_self()))
		return;
	ack_by(&s.heir, take_by(&s.heir, x_self()));
	detach_by(&s.heir, x_self());
}

static void inherited_some(void)
{
	X_ASSERT(again && heirs, "%llu again, %llu heirs",
		 (unsigned long long)again, (unsigned long long)heirs);
}

static void heard_some(void)
{
	X_ASSERT(in_hand && heirs, "%llu heard, %llu heirs",
		 (unsigned long long)in_hand, (unsigned long long)heirs);
}

/* --- coming and going --------------------------------------------------------- */

static void nobody(void)
{
	zero();
	format(2, 8, 0, 1);
}

/* Somebody who wants to be alone while he is here. */
UNSEEN static void here(int by)
{
	w.seen += (uint32_t)by;
	if (w.seen < w.low)
		w.low = w.seen;
}

static void come_push_go(unsigned roles)
{
	unsigned t = x_self();
	int rc = attach(&s.q[t], roles, &peers_member[t]);

	w.rc[t] = rc;
	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc)
		return;
	if (roles & SLIP_EXCLUSIVE)
		here(16);
	X_ASSERT(roles & SLIP_EXCLUSIVE ? w.seen == 16 : w.seen < 16,
		 "not alone");
	here(roles & SLIP_EXCLUSIVE ? 0 : 1);
	(void)push(0);
	here(roles & SLIP_EXCLUSIVE ? -16 : -1);
	slip_mpmc_detach(&s.q[t]);
}

static void exclusive_push(void)
{
	come_push_go(SLIP_PRODUCER | SLIP_EXCLUSIVE);
}

static void shared_push(void)
{
	come_push_go(SLIP_PRODUCER);
}

static void rivals_done(void)
{
	unsigned refused = 0;

	for (unsigned t = 0; t < X_THREADS; t++)
		refused += w.rc[t] == -EBUSY;
	busy += refused != 0;
	both += refused == 0;
	must_attach(last(), SLIP_PRODUCER | SLIP_CONSUMER,
		    &peers_member[X_THREADS]);
	while (pop_by(last(), X_THREADS))
		;
	judge(2);
}

static void rivals_happened(void)
{
	X_ASSERT(busy && both, "%llu refused, %llu one after the other",
		 (unsigned long long)busy, (unsigned long long)both);
}

/* An exclusive producer dies; heirs of either kind come; a consumer pops. */
static void exclusive_and_consumer(void)
{
	nobody();
	must_attach(&s.q[0], SLIP_PRODUCER | SLIP_EXCLUSIVE, &peers_member[0]);
	must_attach(&s.q[3], SLIP_CONSUMER, &peers_member[3]);
}

static void push_two(void)
{
	(void)push(0);
	(void)push(1);
}

static void pop_two(void)
{
	(void)pop();
	(void)pop();
}

static void heir_of_either(unsigned roles)
{
	unsigned t = x_self();

	w.rc[t] = attach(&s.q[t], roles, &peers_member[t]);
	if (w.rc[t])
		return;
	(void)push(0);
	slip_mpmc_detach(&s.q[t]);
}

static void exclusive_heir(void)
{
	heir_of_either(SLIP_PRODUCER | SLIP_EXCLUSIVE);
}

static void shared_heir(void)
{
	heir_of_either(SLIP_PRODUCER);
}

static void heirs_done(void)
{
	for (unsigned t = 0; t < X_THREADS; t++) {
		deaths += x_dead(t);
		if (x_dead(t) && t)
			slip_mpmc_recover_seat_(&s.q[3], s.q[t].me, s.q[t].who);
		heirs += (t == 1 || t == 2) && x_dead(0) && !w.rc[t];
	}
	/* Whoever comes now catches up itself, or finds its role taken. */
	if (!x_dead(0))
		slip_mpmc_detach(&s.q[0]);
	must_attach(last(), SLIP_PRODUCER | SLIP_CONSUMER,
		    &peers_member[X_THREADS]);
	while (pop_by(last(), X_THREADS))
		;
	X_ASSERT(push_by(last(), X_THREADS, 601), "no room");
	X_ASSERT(push_by(last(), X_THREADS, 602), "no room");
	X_ASSERT(!push_by(last(), X_THREADS, 603), "overfilled");
	while (pop_by(last(), X_THREADS))
		;
	judge(2);
}

static void heirs_came(void)
{
	X_ASSERT(deaths && heirs, "%llu deaths, %llu heirs",
		 (unsigned long long)deaths, (unsigned long long)heirs);
}

/* An exclusive consumer dies, another comes. */
static void exclusive_and_producers(void)
{
	nobody();
	must_attach(&s.q[0], SLIP_CONSUMER | SLIP_EXCLUSIVE, &peers_member[0]);
	must_attach(&s.q[2], SLIP_PRODUCER, &peers_member[2]);
	must_attach(&s.q[3], SLIP_PRODUCER, &peers_member[3]);
	X_ASSERT(push_by(&s.q[3], 3, 501), "push");
}

static void next_consumer(void)
{
	w.rc[1] = attach(&s.q[1], SLIP_CONSUMER | SLIP_EXCLUSIVE,
			 &peers_member[1]);
	if (!w.rc[1])
		pop_two();
}

static void next_consumer_done(void)
{
	deaths += x_dead(0);
	heirs += x_dead(0) && !w.rc[1];
	slip_mpmc_detach(&s.q[1]);
	if (!x_dead(0))
		slip_mpmc_detach(&s.q[0]);
	must_attach(last(), SLIP_PRODUCER | SLIP_CONSUMER,
		    &peers_member[X_THREADS]);
	while (pop_by(last(), X_THREADS))
		;
	X_ASSERT(push_by(last(), X_THREADS, 601), "no room");
	X_ASSERT(push_by(last(), X_THREADS, 602), "no room");
	while (pop_by(last(), X_THREADS))
		;
	judge(2);
}

/* --- the end of file ------------------------------------------------------------ */

/* Thread 0 produces, thread 3 consumes to the end. */
static void two_members(void)
{
	nobody();
	must_attach(&s.q[0], SLIP_PRODUCER, &peers_member[0]);
	must_attach(&s.q[3], SLIP_CONSUMER, &peers_member[3]);
}

static void two_strangers(void)
{
	nobody();
	must_attach(&s.q[0], SLIP_PRODUCER, NULL);
	must_attach(&s.q[3], SLIP_CONSUMER, NULL);
}

/* The producer has left, and before that somebody came, so that it could not
 * write that down. */
static void one_stranger(void)
{
	two_strangers();
	X_ASSERT(slip_mpmc_rise_(&s.q[0]), "rise");
	s.q[0].error = -EPIPE;
}

/* There is a free seat before that of the producer. */
static void two_members_a_seat_between(void)
{
	nobody();
	must_attach(last(), SLIP_CONSUMER, &peers_member[X_THREADS]);
	must_attach(&s.q[0], SLIP_PRODUCER, &peers_member[0]);
	must_attach(&s.q[3], SLIP_CONSUMER, &peers_member[3]);
	slip_mpmc_detach(last());
	here(1);
}

/* A seat becomes free before that of one rival. */
static void one_in_the_first_seat(void)
{
	nobody();
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
}

static void leave_the_first_seat(void)
{
	slip_mpmc_detach(&s.heir);
}

static void two_strangers_one_alone(void)
{
	nobody();
	must_attach(&s.q[0], SLIP_PRODUCER | SLIP_EXCLUSIVE, NULL);
	must_attach(&s.q[3], SLIP_CONSUMER, NULL);
}

static void push_and_leave(void)
{
	(void)push(0);
	slip_mpmc_detach(mine());
}

static int pop_until(uint64_t deadline)
{
	unsigned t = x_self();
	uint64_t elem = 0;
	struct op *o = begin(t, POP, 0);
	int rc = slip_mpmc_pop_until(mine(), &elem, deadline);

	end(o, !rc, elem);
	return rc;
}

static void pop_to_the_end(void)
{
	unsigned t = x_self();

	while (!w.rc[t])
		w.rc[t] = pop_until(SLIP_FOREVER);
}

/* Comes, and if it is let in, pushes and says so for as long as it is here. */
static void come_as_another_leaves(struct slip_peer *self)
{
	unsigned t = x_self();

	w.rc[t] = attach(&s.q[t], SLIP_PRODUCER, self);
	if (w.rc[t])
		return;
	here(1);
	(void)push(0);
	here(-1);
	slip_mpmc_detach(&s.q[t]);
}

static void come_and_go(void)
{
	come_as_another_leaves(&peers_member[x_self()]);
}

static void come_and_go_strange(void)
{
	come_as_another_leaves(NULL);
}

static void consumer_comes(void)
{
	(void)!attach(&s.q[x_self()], SLIP_CONSUMER, NULL);
}

static void consumer_comes_and_goes(void)
{
	unsigned t = x_self();

	if (attach(&s.q[t], SLIP_CONSUMER, NULL))
		return;
	slip_mpmc_detach(&s.q[t]);
}

UNSEEN static void begin_asking(void)
{
	w.low = w.seen;
}

UNSEEN static uint32_t always_here(void)
{
	return w.low;
}

/* Is it the end? Not if there was always somebody, though not the same. Under
 * rc11 a look may be of long ago, and the dead do not say that they have gone. */
static void ask(void)
{
	for (unsigned i = 0; i < 2; i++) {
		bool gone;

		begin_asking();
		gone = slip_mpmc_gone(&s.q[3], SLIP_PRODUCER);
		X_ASSERT(!gone || !always_here() || x_troubled() ||
				 !strcmp(x_memory(), "rc11"),
			 "the end, with %u here", always_here());
		pipes += gone;
	}
}

static void leave_at_last(void)
{
	here(-1);
	slip_mpmc_detach(mine());
}

static void end_done(void)
{
	uint64_t elem;

	for (unsigned t = 0; t < X_THREADS; t++)
		deaths += x_dead(t);
	if (w.rc[3] == -EPIPE)
		pipes++;
	X_ASSERT(slip_mpmc_gone(&s.q[3], SLIP_PRODUCER),
		 "all have gone, and it is not the end");
	X_ASSERT(slip_mpmc_pop_until(&s.q[3], &elem, 0) == -EPIPE ||
			 w.rc[3] != -EPIPE || w.rc[1] == 0,
		 "an element after the end");
}

/* With nobody who comes later, the end is the end. */
static void strict_end_done(void)
{
	uint64_t elem;

	X_ASSERT(w.rc[3] == -EPIPE, "pop_until says %d", w.rc[3]);
	X_ASSERT(!slip_mpmc_pop(&s.q[3], &elem), "an element after the end");
	end_done();
}

static void ends_happened(void)
{
	X_ASSERT(pipes, "never an end of file");
}

static void ends_and_deaths(void)
{
	X_ASSERT(pipes && deaths, "%llu ends, %llu deaths",
		 (unsigned long long)pipes, (unsigned long long)deaths);
}

static const struct x_model models[] = {
	{
		.name = "work",
		.operation = "mpmc.work",
		.once = empty_queue,
		.threads = { push2, push2, take_nack_take_ack, take_ack_twice },
		.final = work_usable,
		.finish = returned_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "work-death",
		.operation = "mpmc.work",
		.once = one_in,
		.threads = { take_ack_twice, recover_take_ack, recover_take_ack,
			     push2 },
		.final = work_usable,
		.finish = redelivered,
		.sys = peers_sys,
		.mortal = 1 | 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "work-death-and-stop",
		.operation = "mpmc.work",
		.once = empty_queue,
		.threads = { push2, push1, take_ack_twice, take_two_ack_two },
		.final = work_usable,
		.finish = redelivered,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "work-three-one",
		.operation = "mpmc.work",
		.once = empty_queue,
		.threads = { push2, push1, push1, take_nack_take_ack },
		.final = work_usable,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "work-four",
		.operation = "mpmc.work",
		.once = four_in,
		.threads = { take_two_ack_two, take_nack_take_ack,
			     push_round_take },
		.final = work_usable,
		.finish = redelivered,
		.sys = peers_sys,
		.mortal = 1 | 2,
		.stoppable = 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "work-pop",
		.operation = "mpmc.work",
		.once = one_in,
		.threads = { take_pop, recover_take_ack, recover_take_ack,
			     push1 },
		.final = work_usable,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "work-one-taker",
		.operation = "mpmc.work",
		.once = one_taker,
		.threads = { push2, push1, push1, take_nack_take_ack },
		.final = work_done,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 7,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "nack",
		.operation = "mpmc.work",
		.once = two_in,
		.threads = { take_nack, take_nack_take_ack, recover_take_ack },
		.final = work_usable,
		.finish = returned_some,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "nack-small",
		.operation = "mpmc.work",
		.once = one_taken,
		.threads = { nack_it, take_twice },
		.final = work_done,
		.finish = returned_some,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "hand",
		.operation = "mpmc.work",
		.once = one_to_hear,
		.threads = { take_ack, recover_take_ack, push_take_ack_twice },
		.final = work_usable,
		.finish = redelivered_from_hands,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "hand-and-dead-pusher",
		.operation = "mpmc.work",
		.once = empty_queue,
		.threads = { push1, take_ack, push_round_take,
			     recover_both_take_ack },
		.final = work_usable,
		.finish = redelivered_from_hands,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "hand-of-the-dead",
		.operation = "mpmc.work",
		.once = one_to_hear_of_the_dead,
		.threads = { take_ack, push_round, recover_pusher },
		.final = work_done,
		.finish = redelivered_from_hands,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "hand-late",
		.operation = "mpmc.work",
		.once = one_to_hear_for_two,
		.threads = { take_ack, commit_late, push_take_ack },
		.final = work_usable,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "hand-nack",
		.operation = "mpmc.work",
		.once = one_to_hear,
		.threads = { take_nack, take_nack_take_ack, recover_take_ack },
		.final = work_usable,
		.finish = redelivered_from_hands,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "hand-late-commit",
		.operation = "mpmc.work",
		.once = empty_queue,
		.threads = { push2, take_ack, push_take_ack_twice,
			     take_nack_take_ack },
		.final = work_usable,
		.sys = peers_sys,
		.mortal = 2,
		.stoppable = 7,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "detach",
		.operation = "mpmc.work",
		.once = two_in,
		.threads = { take_detach, take_ack, come_take_ack, push1 },
		.final = work_usable,
		.finish = returned_some,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "detach-hand",
		.operation = "mpmc.work",
		.once = one_to_hear,
		.threads = { take_nack_detach, take_ack, come_take_ack, push1 },
		.final = work_done,
		.finish = redelivered_from_hands,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "late-recoverer",
		.operation = "mpmc.recover",
		.once = one_taken_by_the_dead,
		.threads = { nothing, inherit_take_twice, recover_buried },
		.final = work_done,
		.finish = inherited_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "late-recoverer-tried",
		.operation = "mpmc.recover",
		.once = one_tried_by_the_dead,
		.threads = { nothing, inherit_take_twice, recover_buried },
		.final = work_done,
		.finish = heard_some,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "late-leftover",
		.operation = "mpmc.recover",
		.once = one_taken_left_over,
		.threads = { nothing, recover_buried, take_twice },
		.final = work_done,
		.finish = returned_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "rivals",
		.operation = "mpmc.attach",
		.once = nobody,
		.threads = { exclusive_push, exclusive_push },
		.final = rivals_done,
		.finish = rivals_happened,
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "rivals-astride",
		.operation = "mpmc.attach",
		.once = one_in_the_first_seat,
		.threads = { exclusive_push, exclusive_push,
			     leave_the_first_seat },
		.final = rivals_done,
		.finish = rivals_happened,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "rivals-shared",
		.operation = "mpmc.attach",
		.once = nobody,
		.threads = { exclusive_push, shared_push, shared_push },
		.final = rivals_done,
		.finish = rivals_happened,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "heirs",
		.operation = "mpmc.attach",
		.once = exclusive_and_consumer,
		.threads = { push_two, exclusive_heir, shared_heir, pop_two },
		.final = heirs_done,
		.finish = heirs_came,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "shared-heirs",
		.operation = "mpmc.attach",
		.once = exclusive_and_consumer,
		.threads = { push_two, shared_heir, shared_heir, pop_two },
		.final = heirs_done,
		.finish = heirs_came,
		.sys = peers_sys,
		.mortal = 1 | 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "next-consumer",
		.operation = "mpmc.attach",
		.once = exclusive_and_producers,
		.threads = { pop_two, next_consumer, push1, push3 },
		.final = next_consumer_done,
		.finish = heirs_came,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "end",
		.operation = "mpmc.attach",
		.once = two_strangers,
		.threads = { push_and_leave, consumer_comes_and_goes, nothing,
			     pop_to_the_end },
		.final = strict_end_done,
		.finish = ends_happened,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "end-unwritten",
		.operation = "mpmc.attach",
		.once = one_stranger,
		.threads = { nothing, consumer_comes, nothing, pop_to_the_end },
		.final = end_done,
		.finish = ends_happened,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "end-refused",
		.operation = "mpmc.attach",
		.once = two_strangers_one_alone,
		.threads = { push_and_leave, come_and_go_strange, nothing,
			     pop_to_the_end },
		.final = end_done,
		.finish = ends_happened,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "end-death",
		.operation = "mpmc.attach",
		.once = two_members,
		.threads = { push_and_leave, come_and_go, nothing,
			     pop_to_the_end },
		.final = end_done,
		.finish = ends_and_deaths,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "end-asked",
		.operation = "mpmc.attach",
		.once = two_members_a_seat_between,
		.threads = { leave_at_last, come_and_go, nothing, ask },
		.final = end_done,
		.finish = ends_happened,
		.sys = peers_sys,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
