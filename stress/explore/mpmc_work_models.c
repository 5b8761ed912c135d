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
	uint64_t seat; /* thread 0's, at first */
	bool dead;     /* thread 0, before the end was told */
	uint64_t began;
} w;

static uint64_t again, deaths, stops, in_hand, busy, both, pipes, heirs, moved;

/* --- the record ------------------------------------------------------------ */

UNSEEN static uint32_t tick(void)
{
	return ++history.clock;
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
	moved = 0;
	memset(&w, 0, sizeof(w));
	w.began = x_now();
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
	uint64_t last_push = 980 + history.ops[X_THREADS] + 3;

	for (;;) {
		uint64_t flush = 980 + history.ops[X_THREADS];
		struct delivery *d = take_by(q, X_THREADS);

		if (d) {
			ack_by(q, d);
			continue;
		}
		if (flush > last_push || !push_by(q, X_THREADS, flush))
			return;
	}
}

/* Thread t is dead, wherever it sits: it may have been changing its seat. */
static void recover_everywhere(unsigned t)
{
	struct slip_mpmc *q = &s.q[x_self()];

	for (uint64_t i = 1; i <= q->shape.seats; i++) {
		uint64_t word = slip_mpmc_word_of_seat_(q, i);

		if (word && ((word ^ s.q[t].who) & SLIP_MPMC_WHO) == 0)
			slip_mpmc_recover_seat_(q, i, word);
	}
}

static void recover_dead(void)
{
	for (unsigned t = 0; t < X_THREADS; t++)
		if (x_dead(t) && s.q[t].who)
			recover_everywhere(t);
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

/* --- changing the seat -------------------------------------------------------- */

/*
 * Thread 0 has heard an element and returned it in its hand; thread 1 has taken
 * it from there; the pusher of the next one is dead as well. So that has to be
 * heard too, and not into that hand if thread 1 still reads there.
 */

/* Its pusher dies; all has been done for it that can be. */
static void claim_and_die(uint64_t value)
{
	must_attach(&s.heir, SLIP_PRODUCER, NULL);
	claim_and_stop(&s.heir, value);
	slip_mpmc_recover_seat_(&s.q[0], s.heir.me, s.heir.who);
	memset(&s.heir, 0, sizeof(s.heir));
}

/* The same with an element in a slot before: thread 0 has it. Thread 0 sits
 * behind `gap` free seats. */
static void kept(unsigned gap, uint32_t capacity, bool one_before)
{
	zero();
	format(capacity, 16, SLIP_MPMC_WORK | SLIP_MPMC_SEATS(8), 1);
	for (unsigned i = 0; i < gap; i++)
		must_attach(&s.q[X_THREADS - i], SLIP_CONSUMER, NULL);
	must_attach(&s.q[0], SLIP_PRODUCER | SLIP_CONSUMER, &peers_member[0]);
	must_attach(&s.q[1], SLIP_CONSUMER, &peers_member[1]);
	w.seat = s.q[0].me;
	if (one_before)
		X_ASSERT(push_by(&s.q[0], X_THREADS, 500) &&
				 take_by(&s.q[0], 0),
			 "push, take");
	claim_and_die(501);
	claim_and_die(502);
	nack_by(&s.q[0], take_by(&s.q[0], 0));
	X_ASSERT(take_by(&s.q[1], 1), "take");
	for (unsigned i = 0; i < gap; i++)
		slip_mpmc_detach(&s.q[X_THREADS - i]);
}

static void one_kept(void)
{
	kept(0, 4, false);
}

static void one_kept_and_another(void)
{
	kept(0, 2, false);
	must_attach(&s.q[2], SLIP_PRODUCER | SLIP_CONSUMER, &peers_member[2]);
}

static void one_kept_and_room(void)
{
	kept(0, 8, false);
	must_attach(&s.q[2], SLIP_PRODUCER | SLIP_CONSUMER, &peers_member[2]);
	X_ASSERT(push_by(&s.q[0], X_THREADS, 503), "push");
	X_ASSERT(push_by(&s.q[0], X_THREADS, 504), "push");
}

static void one_kept_one_taken(void)
{
	kept(0, 4, true);
}

static void one_kept_behind_one(void)
{
	kept(1, 2, false);
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
	must_attach(&s.q[2], SLIP_CONSUMER, &peers_member[2]);
	slip_mpmc_detach(&s.heir);
}

static void one_kept_behind_two(void)
{
	kept(2, 2, false);
}

/* There is one, whatever others have. */
static void must_take(void)
{
	struct delivery *d = take();

	X_ASSERT(d, "nothing to take");
	ack(d);
}

static void must_take_push(void)
{
	must_take();
	(void)push(0);
}

static void ack_kept(void)
{
	for (uint32_t i = 0; i < GIVEN; i++)
		if (w.d[i].how == HELD && w.d[i].who == 1)
			ack(&w.d[i]);
}

static void recover_anywhere_take_ack(void)
{
	if (x_dead(0))
		recover_everywhere(0);
	take_ack();
}

static void give_up_kept(void)
{
	for (uint32_t i = 0; i < w.n; i++)
		if (w.d[i].how == HELD && w.d[i].who == 1 && !x_stopped(1))
			ack_by(&s.q[1], &w.d[i]);
}

/* Every seat but those of the living is free. */
static void seats_done(void)
{
	moved += s.q[0].me != w.seat;
	must_attach(last(), SLIP_PRODUCER | SLIP_CONSUMER,
		    &peers_member[X_THREADS]);
	give_up_kept();
	work_done();
	for (uint64_t i = 1; i <= last()->shape.seats; i++) {
		uint64_t word = slip_mpmc_word_of_seat_(last(), i);
		bool mine = i == last()->me;

		if (slip_mpmc_state_(word) == SLIP_ROLE_DEAD) {
			slip_mpmc_recover_seat_(last(), i, word);
			word = slip_mpmc_word_of_seat_(last(), i);
		}
		/* Who stopped as it moved may sit on both. */
		for (unsigned t = 0; t < X_THREADS; t++)
			mine = mine ||
			       (i == s.q[t].me && !x_dead(t) &&
				!s.q[t].error) ||
			       (x_stopped(t) && word == s.q[t].who);
		X_ASSERT((word != 0) == mine, "seat %u: %llx", (unsigned)i,
			 (unsigned long long)word);
	}
}

static void moved_some(void)
{
	X_ASSERT(moved && again, "%llu moved, %llu again",
		 (unsigned long long)moved, (unsigned long long)again);
}

static void moved_and_died(void)
{
	X_ASSERT(moved && deaths, "%llu moved, %llu deaths",
		 (unsigned long long)moved, (unsigned long long)deaths);
}

/* The only producer is thread 0, which does not go. */
static void ask_of_the_mover(void)
{
	X_ASSERT(!slip_mpmc_gone(mine(), SLIP_PRODUCER),
		 "the end, with the producer here");
}

static void come_to_be_alone(void)
{
	unsigned t = x_self();
	int rc = attach(&s.q[t], SLIP_PRODUCER | SLIP_EXCLUSIVE,
			&peers_member[t]);

	X_ASSERT(rc == -EBUSY, "alone with a producer: %d", rc);
}

/* What it has in a slot names the seat. */
static void take_and_ack_another(void)
{
	struct delivery *d = take();

	ack(&w.d[0]);
	if (d)
		ack(d);
	else
		must_take();
}

/* And so does what it writes to a draft. */
static void claim_take_commit(void)
{
	unsigned t = x_self();
	uint64_t value = (t + 1) * 100;
	struct op *o = begin(t, PUSH, value);
	uint64_t *draft = slip_mpmc_claim(mine());

	if (draft)
		draft[0] = value;
	ack(take());
	if (draft)
		draft[1] = ~value;
	end(o, draft && slip_mpmc_commit(mine()), value);
}

static void come_claim_commit(void)
{
	unsigned t = x_self();
	uint64_t value = (t + 1) * 100;
	uint64_t *draft;
	struct op *o;

	if (attach(&s.q[t], SLIP_PRODUCER, &peers_member[t]))
		return;
	o = begin(t, PUSH, value);
	draft = slip_mpmc_claim(mine());
	if (draft) {
		draft[0] = value;
		draft[1] = ~value;
	}
	end(o, draft && slip_mpmc_commit(mine()), value);
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
	X_ASSERT(slip_mpmc_rise_(&s.q[0], s.q[0].seat), "rise");
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

/* A detach is told: nobody sleeps a slice before it hears of it. */
static void told_end_done(void)
{
	X_ASSERT(x_now() == w.began, "nobody told: it took %llu ns",
		 (unsigned long long)(x_now() - w.began));
	end_done();
}

/* With nobody who comes later, the end is the end. */
static void strict_end_done(void)
{
	uint64_t elem;

	X_ASSERT(w.rc[3] == -EPIPE, "pop_until says %d", w.rc[3]);
	X_ASSERT(!slip_mpmc_pop(&s.q[3], &elem), "an element after the end");
	told_end_done();
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

/* --- the end of a work queue ---------------------------------------------------- */

/* There is one element, and no producer. */
static void one_in_and_the_end(void)
{
	zero();
	format(2, 16, SLIP_MPMC_WORK, 1);
	for (unsigned t = 0; t < 2; t++)
		must_attach(&s.q[t], SLIP_CONSUMER, &peers_member[t]);
	must_attach(last(), SLIP_PRODUCER, NULL);
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
	slip_mpmc_detach(last());
}

static void take_until_the_end(void)
{
	struct slip_mpmc_ticket ticket;
	unsigned t = x_self();

	while (!w.rc[t]) {
		w.dead = x_dead(0);
		take_begins(t);
		w.rc[t] = slip_mpmc_take_until(mine(), &ticket, SLIP_FOREVER);
		ack(take_ends(t, w.rc[t] ? NULL : &ticket,
			      w.rc[t] ? 0 : content(&ticket)));
	}
}

/* What one who was dead by then had, is not left over. */
static void work_end_done(void)
{
	struct delivery *d;

	X_ASSERT(w.rc[1] == -EPIPE, "take_until says %d", w.rc[1]);
	recover_dead();
	must_attach(last(), SLIP_CONSUMER, &peers_member[X_THREADS]);
	d = take_by(last(), X_THREADS);
	X_ASSERT(!d || !w.dead, "an element after the end");
	ack_by(last(), d);
	work_done();
	pipes++;
}

static void ended_again(void)
{
	X_ASSERT(pipes && deaths && again, "%llu ends, %llu deaths, %llu again",
		 (unsigned long long)pipes, (unsigned long long)deaths,
		 (unsigned long long)again);
}

/* --- room that nobody tells of -------------------------------------------------- */

/* Thread 0 was stopped with a claim, which was heard; then its slot is free by
 * its late commit, of which it tells only who waits for an element. One is in. */
static void full_of_a_late_one(void)
{
	uint64_t elem[2] = { 100, 0 };
	slip_a64 *slot;
	uint64_t p;

	nobody();
	must_attach(&s.q[0], SLIP_PRODUCER, NULL);
	must_attach(&s.q[1], SLIP_PRODUCER, NULL);
	must_attach(&s.q[2], SLIP_CONSUMER, NULL);
	end(begin(0, PUSH, 100), true, 100);
	slip_mpmc_announce_(&s.q[0], 0, elem, 8);
	slot = slip_mpmc_take_place_(&s.q[0], &p, 8);
	slip_mpmc_name_(&s.q[1], slot, p, p | s.q[0].me);
	X_ASSERT(pop_by(&s.q[2], 2) && push_by(&s.q[1], X_THREADS, 501),
		 "pop, push");
}

static void commit_and_tell_late(void)
{
	slip_a64 *slot = slip_mpmc_slot_(mine(), s.first, 8);
	uint64_t elem = 100;

	for (unsigned i = 0; i < 2; i++) /* on its way */
		(void)slip_mpmc_gone(mine(), SLIP_CONSUMER);
	slip_copy(slot + 1, &elem, 8);
	slip_mpmc_commit_(slot, s.first);
	slip_mpmc_tell_(mine(), &shared()->ev_data, 1);
}

static void push_until_it_is_in(void)
{
	unsigned t = x_self();
	uint64_t value = (t + 1) * 100;
	struct op *o = begin(t, PUSH, value);
	int rc = slip_mpmc_push_until(mine(), &value, SLIP_FOREVER);

	X_ASSERT(!rc, "push_until says %d", rc);
	end(o, true, value);
}

static void late_done(void)
{
	heirs += x_now() != w.began;
	must_attach(last(), SLIP_CONSUMER, &peers_member[X_THREADS]);
	while (pop_by(last(), X_THREADS))
		;
	judge(2);
}

static void slept_some(void)
{
	X_ASSERT(heirs, "nobody slept a slice");
}

/* --- the hand of one who has left ---------------------------------------------- */

static struct slip_mpmc sitter; /* whoever comes after */

/* An element to be heard, and one behind it, that one needs not. */
static void one_to_hear_and_one(void)
{
	small(4, 1);
	must_attach(&s.heir, SLIP_PRODUCER, NULL);
	claim_and_stop(&s.heir, 501);
	memset(&sitter, 0, sizeof(sitter));
	x_keep(&sitter, sizeof(sitter));
	X_ASSERT(push_by(last(), X_THREADS, 502), "push");
}

static void take_ack_leave(void)
{
	ack(take());
	detach_by(mine(), 0);
}

static void sit_after(void)
{
	if (!attach(&sitter, SLIP_CONSUMER, peers_self()))
		heirs += sitter.me == 1;
}

/* As whoever pops next does, and no more. */
static void help_with_head(void)
{
	uint64_t head = slip_a64_load_acquire(&shared()->head);

	slip_mpmc_help_(mine(), head, SLIP_MPMC_FULL, 16);
}

/* Who came after, and has taken nothing, dies: what names its seat returns. */
static void sitter_dies(void)
{
	if (sitter.who && sitter.me == 1) {
		slip_a64_store_relaxed(&sitter.seat->word,
				       slip_mpmc_dead_(sitter.who));
		slip_mpmc_recover_seat_(last(), 1, sitter.who);
	}
	drain_work(last());
	judge_work();
}

static void some_sat_there(void)
{
	X_ASSERT(heirs, "nobody came into that seat");
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
		.name = "hand-wiped",
		.operation = "mpmc.work",
		.once = one_to_hear_and_one,
		.threads = { take_ack_leave, sit_after, commit_late,
			     help_with_head },
		.final = sitter_dies,
		.finish = some_sat_there,
		.sys = peers_sys,
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
		.final = told_end_done,
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
		.final = told_end_done,
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
	{
		.name = "two-stops",
		.operation = "mpmc.work",
		.once = one_kept_and_another,
		.threads = { must_take, ack_kept, push1 },
		.final = seats_done,
		.finish = moved_some,
		.sys = peers_sys,
		.stoppable = 6,
		.troubles = 2,
		.preemptions = 3,
	},
	{
		.name = "seat-death",
		.operation = "mpmc.work",
		.once = one_kept_and_another,
		.threads = { take_ack_twice, ack_kept,
			     recover_anywhere_take_ack },
		.final = seats_done,
		.finish = moved_and_died,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "seat-and-push",
		.operation = "mpmc.work",
		.once = one_kept_and_room,
		.threads = { must_take_push, nothing, take_ack_twice },
		.final = seats_done,
		.finish = moved_some,
		.sys = peers_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "seat-and-ticket",
		.operation = "mpmc.work",
		.once = one_kept_one_taken,
		.threads = { take_and_ack_another, nothing },
		.final = seats_done,
		.finish = moved_some,
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "seat-and-claim",
		.operation = "mpmc.work",
		.once = one_kept,
		.threads = { claim_take_commit, ack_kept, come_claim_commit },
		.final = seats_done,
		.finish = returned_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "seat-asked",
		.operation = "mpmc.attach",
		.once = one_kept_behind_one,
		.threads = { must_take, nothing, ask_of_the_mover },
		.final = seats_done,
		.finish = moved_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "seat-rival",
		.operation = "mpmc.attach",
		.once = one_kept_behind_two,
		.threads = { take_ack, nothing, come_to_be_alone },
		.final = seats_done,
		.finish = moved_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "end-work",
		.operation = "mpmc.work",
		.once = one_in_and_the_end,
		.threads = { take_ack, take_until_the_end },
		.final = work_end_done,
		.finish = ended_again,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "late-commit",
		.operation = "mpmc.push_until",
		.once = full_of_a_late_one,
		.threads = { commit_and_tell_late, push_until_it_is_in },
		.final = late_done,
		.finish = slept_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
