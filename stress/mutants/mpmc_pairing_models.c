/* SPDX-License-Identifier: MIT */
/*
 * Small models of the MPMC ring for orders that the larger ones of
 * stress/explore meet too seldom. The marks stand far ahead from the start, as
 * slow hands may have left them: so "empty" and "full" are always told by the
 * indices, and each look beyond a slot has to be right.
 */
#include "stress/explore/mpmc_ring.h"

#include "ring/sources.h"

static uint64_t some; /* popped, over all executions */

static void mark_all(void)
{
	struct slip_mpmc_ring *ring = shared();
	uint64_t mark = s.first + 64 * SLIP_MPMC_ONE;

	slip_a64_store_relaxed(&ring->voided, mark);
	slip_a64_store_relaxed(&ring->voids, mark);
	slip_a64_store_relaxed(&ring->heard, mark);
}

static void marked_in_runs(uint32_t capacity, uint32_t elem_bytes, uint32_t run)
{
	some = 0;
	make(capacity, elem_bytes, 0, 1);
	s.run = run;
	mark_all();
}

static void marked_two(void)
{
	marked_in_runs(2, 8, 1);
}

static void marked_two_wide(void)
{
	marked_in_runs(2, 16, 1);
}

static void marked_four(void)
{
	marked_in_runs(4, 8, 2);
}

static void marked_four_wide(void)
{
	marked_in_runs(4, 16, 2);
}

static void push_two_of(uint64_t first)
{
	unsigned t = x_self();
	uint64_t value = (t + 1) * 100 + first;
	uint64_t elems[4] = { value, ~value, value + 1, ~(value + 1) };
	struct op *a = begin(t, PUSH, value);
	struct op *b = begin(t, PUSH, value + 1);
	uint32_t n;

	a->batch = b->batch = b->start = a->start;
	if (s.elem_bytes == 8) {
		elems[1] = value + 1;
		n = slip_mpmc_push_n_(&s.q[t], elems, 2, 8);
	} else {
		n = slip_mpmc_push_n_(&s.q[t], elems, 2, 16);
	}
	end(a, n > 0, 0);
	end(b, n > 1, 0);
}

static void pop_two(void)
{
	unsigned t = x_self();
	uint64_t elems[4];
	struct op *a = begin(t, POP, 0);
	struct op *b = begin(t, POP, 0);
	uint32_t n;

	b->batch = a->batch = b->start = a->start;
	n = s.elem_bytes == 8 ? slip_mpmc_pop_n_(&s.q[t], elems, 2, 8)
			      : slip_mpmc_pop_n_(&s.q[t], elems, 2, 16);
	if (n < 2)
		b->kind = NOTHING;
	end(a, n > 0, elems[0]);
	end(b, n > 1, elems[s.elem_bytes / 8]);
}

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

static void pop1(void)
{
	(void)pop();
}

static void pop2(void)
{
	(void)pop();
	(void)pop();
}

static void pop3(void)
{
	pop2();
	(void)pop();
}

static void pair2(void)
{
	(void)push(0);
	(void)pop();
	(void)push(1);
	(void)pop();
}

static void runs2(void)
{
	push_two_of(0);
	push_two_of(2);
}

static void run_pairs(void)
{
	push_two_of(0);
	pop_two();
	push_two_of(2);
	pop_two();
}

static void pop_runs2(void)
{
	pop_two();
	pop_two();
}

/* --- R1: who sees the magic sees the geometry ------------------------------ */

static void blank(void)
{
	some = 0;
	format(2, 8, 0, 1);
	memset(s.ring, 0, sizeof(s.ring));
}

static void init(void)
{
	X_ASSERT(!slip_mpmc_init(s.ring, sizeof(s.ring), 2, 8,
				 SLIP_EVENT_FULL | SLIP_MPMC_SEATS(SEATS)),
		 "init");
}

static void look(void)
{
	struct slip_mpmc_shape shape;
	unsigned mode = 77;
	int rc = slip_mpmc_check_(shared(), sizeof(s.ring), &shape, &mode);

	some += rc == 0;
	X_ASSERT(rc == 0 || (rc == -EBADMSG && mode == 77),
		 "magic without a header: %d", rc);
}

/* --- slots in slow hands --------------------------------------------------- */

/* Two in and both popped; thread 0 has not given the first slot back. */
static void slow_pop(void)
{
	uint64_t at, elem = 501;
	slip_a64 *slot;

	some = 0;
	make(2, 8, 0, 1);
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	(void)slip_mpmc_pop_shared_(&s.q[0], &at, &slot, &elem, false, 8);
	X_ASSERT(slip_mpmc_pop_(&s.heir, &elem, 8), "pop");
	slip_mpmc_detach(&s.heir);
	s.first = 2 * SLIP_MPMC_ONE;
}

static void give(void)
{
	slip_mpmc_give_(&s.q[0], slip_mpmc_slot_(&s.q[0], s.first, 8), s.first);
}

/* What we push behind a void is there for us, whoever declared it: the marks
 * are as far as tail. */
static void push_and_pop_it(void)
{
	if (push(0))
		X_ASSERT(pop(), "empty after a push");
}

/* A push into the first slot that has come to its claim, was heard, and goes on
 * copying until it dies. */
static void slow_push(void)
{
	uint64_t elem = 501;

	some = 0;
	make(2, 8, 0, 1);
	slip_mpmc_announce_(&s.q[0], 0, &elem, 8);
	X_ASSERT(slip_mpmc_take_place_(&s.q[0], &elem, 8), "claim");
	elem = 502;
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_pop_(last(), &elem, 8) && elem == 501, "heard");
	X_ASSERT(slip_mpmc_pop_(last(), &elem, 8) && elem == 502, "pop");
}

static void copy_on(void)
{
	uint64_t elem = 501;

	slip_copy(slip_mpmc_slot_(&s.q[0], s.first, 8) + 1, &elem, 8);
	(void)slip_a64_load_relaxed(&shared()->magic); /* where it may die */
}

/* As far as the seat's word; the rest is for those who push. */
static void find_dead(void)
{
	uint64_t word = s.q[0].who;

	if (x_dead(0))
		(void)slip_a64_cas_acqrel(&s.q[0].seat->word, &word,
					  slip_mpmc_dead_(word));
}

/* --- returned elements ----------------------------------------------------- */

/* One element, which was returned in its slot; the flag is up. */
static void one_returned(void)
{
	struct slip_mpmc_ticket t;
	uint64_t elem = 501;

	some = 0;
	make(2, 8, SLIP_MPMC_WORK, 1);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_take(last(), &t), "take");
	X_ASSERT(!slip_mpmc_nack(last(), &t), "nack");
}

/* Reads it in place; then it may die. */
static void take_and_read(void)
{
	struct slip_mpmc_ticket t;
	const uint64_t *elem = slip_mpmc_take(&s.q[x_self()], &t);

	if (elem)
		X_ASSERT(*elem == 501 || *elem == 502, "%llu",
			 (unsigned long long)*elem);
	/* hint: where it may die */
	(void)slip_a64_load_relaxed(&shared()->magic);
}

static void recover_first(void)
{
	(void)recover(0);
}

/* The slot is written again: all who read it have done with it. */
static void take_and_push(void)
{
	struct slip_mpmc *q = &s.q[x_self()];
	struct slip_mpmc_ticket t;
	uint64_t elem = 502;

	if (!slip_mpmc_take(q, &t))
		return;
	some += t.attempts > 2;
	slip_mpmc_ack(q, &t);
	while (slip_mpmc_push_(q, &elem, 8))
		continue;
}

/* Two elements that stand in the seats of such as have stopped; thread 0 has
 * heard the first, returned it in its hand, and thread 1 has it there. */
static struct slip_mpmc_ticket lent;

static void returned_in_hand(void)
{
	struct slip_mpmc_ticket t;
	uint64_t elem, at;

	some = 0;
	make(4, 8, SLIP_MPMC_WORK, 1);
	for (unsigned i = 2; i < 4; i++) {
		elem = 501;
		slip_mpmc_announce_(&s.q[i], 0, &elem, 8);
		X_ASSERT(slip_mpmc_take_place_(&s.q[i], &at, 8), "claim");
	}
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "names the second");
	X_ASSERT(slip_mpmc_take(&s.q[0], &t), "take");
	X_ASSERT(t.word == &s.q[0].seat->hand, "in hand");
	X_ASSERT(!slip_mpmc_nack(&s.q[0], &t), "nack");
	X_ASSERT(slip_mpmc_take(&s.q[1], &lent), "take");
	x_keep(&lent, sizeof(lent));
}

static void read_and_ack(void)
{
	const uint64_t *elem = lent.elem;

	X_ASSERT(*elem == 501, "%llu", (unsigned long long)*elem);
	slip_mpmc_ack(&s.q[1], &lent);
}

/* Into its own hand, if that has been given back. */
static void take_read_ack(void)
{
	struct slip_mpmc *q = &s.q[x_self()];
	struct slip_mpmc_ticket t;
	const uint64_t *elem = slip_mpmc_take(q, &t);

	if (!elem)
		return;
	X_ASSERT(*elem == 501, "%llu", (unsigned long long)*elem);
	some++;
	slip_mpmc_ack(q, &t);
}

/* --- looks of a source ------------------------------------------------------- */

static slip_a64 *slot_of(uint64_t p)
{
	return slip_mpmc_slot_(last(), p, 8);
}

static void two_there(void)
{
	uint64_t elem = 501;

	marked_two();
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
}

static void push_both(void)
{
	uint64_t elem = 501;

	X_ASSERT(slip_mpmc_push_(&s.q[0], &elem, 8), "push");
	X_ASSERT(slip_mpmc_push_(&s.q[0], &elem, 8), "push");
}

/* Takes the first only if it has seen the second. */
static void pop_first_of_both(void)
{
	uint64_t at = s.first + SLIP_MPMC_ONE;
	uint64_t elem;

	if (slip_a64_load_acquire(slot_of(at)) == at + SLIP_MPMC_FULL)
		X_ASSERT(slip_mpmc_pop_(&s.q[1], &elem, 8), "pop");
}

static void look_behind_the_first(void)
{
	uint64_t head = slip_a64_load_relaxed(&shared()->head);

	if (slip_mpmc_at_(head) != s.first + SLIP_MPMC_ONE)
		return;
	some++;
	X_ASSERT(slip_mpmc_head_now_(&s.q[2]) == 1, "the second is there");
}

static void pop_both(void)
{
	uint64_t elem;

	X_ASSERT(slip_mpmc_pop_(&s.q[0], &elem, 8), "pop");
	X_ASSERT(slip_mpmc_pop_(&s.q[0], &elem, 8), "pop");
}

/* Takes the first place only if it has seen that the second is free. */
static void push_first_of_both(void)
{
	uint64_t at = s.first + 3 * SLIP_MPMC_ONE;
	uint64_t elem = 502;

	if (slip_a64_load_acquire(slot_of(at)) == at)
		X_ASSERT(slip_mpmc_push_(&s.q[1], &elem, 8), "push");
}

static void look_for_the_second(void)
{
	uint64_t tail = slip_a64_load_relaxed(&shared()->tail);

	if (slip_mpmc_at_(tail) != s.first + 3 * SLIP_MPMC_ONE)
		return;
	some++;
	X_ASSERT(slip_mpmc_push_look_(&s.q[2]) == 1, "there is room");
}

static void finish_slow(void)
{
	X_ASSERT(some, "nobody came to the point");
}

static void count_pushes(void)
{
	EACH_OP(o)
	some += o->kind == PUSH && o->ok;
}

static void final(void)
{
	EACH_OP(o)
	some += o->kind == POP && o->end && o->ok;
	while (pop_by(last(), X_THREADS))
		continue;
	judge(last()->shape.capacity);
	for (unsigned t = 0; t < HANDLES; t++)
		X_ASSERT(!s.q[t].error, "poisoned");
}

/* The same; and thread 0 has left its seat. */
static void left_a_hand(void)
{
	returned_in_hand();
	slip_mpmc_detach(&s.q[0]);
}

static void sit_and_take(void)
{
	must_attach(&s.heir, SLIP_CONSUMER, peers_self());
	s.q[x_self()] = s.heir;
	take_read_ack();
}

/* Thread 0 has the element, for the first or the second time; the flag is up,
 * so that it tells nobody anything. */
static void lent_first(void)
{
	uint64_t elem = 501;

	some = 0;
	make(2, 8, SLIP_MPMC_WORK, 1);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_take(&s.q[0], &lent), "take");
	slip_mpmc_returning_(last());
	x_keep(&lent, sizeof(lent));
}

static void lent_again(void)
{
	one_returned();
	X_ASSERT(slip_mpmc_take(&s.q[0], &lent), "take");
	x_keep(&lent, sizeof(lent));
}

static void read_and_nack(void)
{
	const uint64_t *elem = lent.elem;

	X_ASSERT(*elem == 501, "%llu", (unsigned long long)*elem);
	X_ASSERT(!slip_mpmc_nack(&s.q[0], &lent), "nack");
}

static void take_and_push_over(void)
{
	struct slip_mpmc *q = &s.q[x_self()];
	struct slip_mpmc_ticket t;
	uint64_t elem = 502;

	if (!slip_mpmc_take(q, &t))
		return;
	some++;
	slip_mpmc_ack(q, &t);
	while (slip_mpmc_push_(q, &elem, 8))
		continue;
}

/* One returned; the seat of thread 0 is that of a dead one, with nothing left to
 * see to, and its heir retakes the element. */
static void heir_comes(void)
{
	one_returned();
	slip_a64_store_relaxed(&s.q[0].seat->word, slip_mpmc_dead_(s.q[0].who));
	memset(&lent, 0, sizeof(lent));
	x_keep(&lent, sizeof(lent));
}

static void inherit_and_take(void)
{
	slip_a64_store_release(&s.q[0].seat->word, 0);
	must_attach(&s.heir, SLIP_CONSUMER, peers_self());
	X_ASSERT(s.heir.me == s.q[0].me, "the seat");
	X_ASSERT(slip_mpmc_take(&s.heir, &lent), "take");
}

static void sweep_late(void)
{
	struct slip_mpmc *q = &s.q[x_self()];
	uint64_t w = slip_a64_load_acquire(slip_mpmc_slot_(q, s.first, 8));

	slip_mpmc_sweep_count_(q, w, slip_mpmc_count_(q, s.first), s.q[0].me,
			       slip_mpmc_dead_(s.q[0].who));
}

static void still_its_own(void)
{
	some++;
	X_ASSERT(slip_mpmc_ours_(&s.heir, &lent), "taken from the heir");
}

/* The same with a slot: the heir has claimed it, and been heard. */
static void heir_claims(void)
{
	some = 0;
	make(4, 8, 0, 1);
	slip_a64_store_relaxed(&s.q[0].seat->word, slip_mpmc_dead_(s.q[0].who));
}

static void inherit_and_claim(void)
{
	uint64_t at, elem = 501;

	slip_a64_store_release(&s.q[0].seat->word, 0);
	must_attach(&s.heir, SLIP_PRODUCER, peers_self());
	slip_mpmc_announce_(&s.heir, 0, &elem, 8);
	X_ASSERT(slip_mpmc_take_place_(&s.heir, &at, 8), "claim");
	X_ASSERT(slip_mpmc_push_(&s.q[2], &elem, 8), "names it");
	X_ASSERT(slip_mpmc_pop_(&s.q[2], &elem, 8), "hears it");
}

static void sweep_slots_late(void)
{
	(void)slip_mpmc_sweep_(&s.q[x_self()], s.q[0].me,
			       slip_mpmc_dead_(s.q[0].who));
}

static void still_named(void)
{
	some++;
	X_ASSERT(slip_a64_load_relaxed(slip_mpmc_slot_(last(), s.first, 8)) ==
			 (s.first | s.heir.me),
		 "freed under the heir");
}

/* The heir, another member, is about to give; the recoverer of who sat there
 * before says so for that one, late. */
static void heir_gives(void)
{
	heir_claims();
	x_keep(&s.heir, sizeof(s.heir));
}

static void inherit_and_give(void)
{
	slip_a64_store_release(&s.q[0].seat->word, 0);
	must_attach(&s.heir, SLIP_CONSUMER, peers_self());
	slip_a64_store_release(&s.heir.seat->giving, s.heir.who);
}

static void give_late(void)
{
	slip_mpmc_give_for_(&s.q[x_self()], s.q[0].seat, s.q[0].me,
			    slip_mpmc_dead_(s.q[0].who));
}

static void still_giving(void)
{
	some++;
	X_ASSERT(slip_a64_load_relaxed(&s.heir.seat->giving) == s.heir.who,
		 "the heir's word is overwritten");
}

/* One gives back and leaves; who comes into its seat says that nobody gives
 * there. Who takes meanwhile does not say that nothing was returned. */
static void give_back_and_leave(void)
{
	X_ASSERT(!slip_mpmc_nack(&s.q[0], &lent), "nack");
	slip_mpmc_detach(&s.q[0]);
}

static void come_after(void)
{
	must_attach(&s.heir, SLIP_CONSUMER, peers_self());
	some += s.heir.me == 1; /* as thread 0 had */
}

static void take_or_not(void)
{
	struct slip_mpmc_ticket t;

	(void)!slip_mpmc_take(&s.q[x_self()], &t);
}

static void not_overlooked(void)
{
	struct slip_mpmc *q = last();
	uint64_t word = slip_a64_load_relaxed(slip_mpmc_slot_(q, s.first, 8));
	uint64_t count = slip_a64_load_relaxed(slip_mpmc_count_(q, s.first));
	bool flag = slip_a64_load_relaxed(&shared()->returned) & 1;

	X_ASSERT(
		flag || !slip_mpmc_again_with_(word, count, SLIP_MPMC_RETURNED),
		"what was returned is overlooked");
}

/* --- R14: a count of an earlier element ------------------------------------- */

static struct slip_mpmc_ticket held[3];

static void one_returned_for_two(void)
{
	one_returned();
	memset(held, 0, sizeof(held));
	x_keep(held, sizeof(held));
}

/* Until its slot holds another, which was taken for the first time. */
static void take_a_lap(void)
{
	struct slip_mpmc *q = &s.q[x_self()];
	uint64_t elem = 502;

	if (!slip_mpmc_take(q, &held[0]))
		return;
	slip_mpmc_ack(q, &held[0]);
	for (int i = 0; i < 2; i++)
		if (slip_mpmc_push_(q, &elem, 8))
			(void)!slip_mpmc_take(q, &held[i]);
}

static void take_one(void)
{
	(void)!slip_mpmc_take(&s.q[x_self()], &held[2]);
}

static void held_once(void)
{
	some += held[1].word != NULL;
	for (int i = 0; i < 2; i++)
		X_ASSERT(!held[2].word || held[2].word != held[i].word,
			 "taken by two");
}

/* --- R12: one that changes its seat is not missed in both -------------------- */

/* Thread 0 sits in the second seat; the first is free. Thread 1 has none. */
static void one_may_move(void)
{
	some = 0;
	format(2, 8, 0, 1);
	must_attach(&s.heir, SLIP_CONSUMER, &peers_member[1]);
	must_attach(&s.q[0], SLIP_CONSUMER, &peers_member[0]);
	slip_mpmc_detach(&s.heir);
	s.q[1].shape = s.q[0].shape;
	slip_mpmc_point_(&s.q[1], shared());
}

static void move(void)
{
	some += slip_mpmc_change_seat_(&s.q[0]);
}

static void look_for_rivals(void)
{
	X_ASSERT(!slip_mpmc_alone_(&s.q[1], SLIP_CONSUMER | SLIP_EXCLUSIVE,
				   &peers_member[1]),
		 "missed in both");
}

/* --- exclusive producers --------------------------------------------------- */

static void one_producer(void)
{
	some = 0;
	format(2, 8, 0, 1);
	must_attach(&s.q[0], SLIP_PRODUCER | SLIP_EXCLUSIVE, &peers_member[0]);
	for (unsigned t = 1; t < X_THREADS; t++)
		must_attach(&s.q[t], SLIP_CONSUMER, &peers_member[t]);
	attach_by_force(last());
	mark_all();
}

/* An exclusive producer that dies before it moves tail; one comes after it. */
static void lagging(void)
{
	some = 0;
	make(2, 8, 0, 1);
	mark_all();
}

static void commit_and_die(void)
{
	struct op *o = begin(0, PUSH, 100);
	slip_a64 *slot = slip_mpmc_slot_(&s.q[0], s.first, 8);
	uint64_t elem = 100;

	slip_copy(slot + 1, &elem, 8);
	slip_mpmc_commit_(slot, s.first);
	end(o, true, 0);
}

static void catch_up(void)
{
	slip_mpmc_catch_up_(&s.q[x_self()], false);
}

static void final_of_lagging(void)
{
	slip_mpmc_catch_up_(last(), false);
	final();
}

static void finish(void)
{
	X_ASSERT(some, "none was popped");
}

#define MODEL(NAME, ONCE, ...)                                        \
	.name = NAME, .operation = "mpmc.push+pop", .once = ONCE,     \
	.threads = { __VA_ARGS__ }, .final = final, .finish = finish, \
	.sys = peers_sys, .preemptions = 2

static const struct x_model models[] = {
	{ MODEL("one-one", marked_two, push3, pop3) },
	{ MODEL("one-one-wide", marked_two_wide, push3, pop3) },
	{ MODEL("two-one", marked_two, push2, push2, pop3) },
	{ MODEL("one-two", marked_two, push3, pop2, pop2) },
	{ MODEL("two-two", marked_two, push1, push1, pop1, pop1) },
	{ MODEL("pairs", marked_two, pair2, pair2, pair2) },
	{ MODEL("runs", marked_four, runs2, pop2) },
	{ MODEL("runs-wide", marked_four_wide, runs2, pop3) },
	{ MODEL("runs-two", marked_four, runs2, push2, pop3) },
	{ MODEL("runs-popped", marked_four, runs2, pop_runs2) },
	{ MODEL("runs-of-three", marked_four, run_pairs, run_pairs, pop2) },
	{
		.name = "r1",
		.operation = "mpmc.attach",
		.once = blank,
		.threads = { init, look },
		.finish = finish,
		.sys = peers_sys,
	},
	{
		.name = "a6-source",
		.operation = "mpmc.source",
		.once = marked_two,
		.threads = { push_both, pop_first_of_both,
			     look_behind_the_first },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "a4-source",
		.operation = "mpmc.source",
		.once = two_there,
		.threads = { pop_both, push_first_of_both,
			     look_for_the_second },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "behind-a-void",
		.operation = "mpmc.push+pop",
		.once = slow_pop,
		.threads = { give, push1, push_and_pop_it },
		.final = count_pushes,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "slot-of-the-dead",
		.operation = "mpmc.death",
		.once = slow_push,
		.threads = { copy_on, find_dead, push2, push2 },
		.final = count_pushes,
		.finish = finish_slow,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 3,
	},
	{
		.name = "retaken-by-the-dead",
		.operation = "mpmc.work",
		.once = one_returned,
		.threads = { take_and_read, recover_first, take_and_push },
		.finish = finish_slow,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "hand-given-back",
		.operation = "mpmc.work",
		.once = returned_in_hand,
		.threads = { take_read_ack, read_and_ack },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "hand-left",
		.operation = "mpmc.work",
		.once = left_a_hand,
		.threads = { sit_and_take, read_and_ack },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{ MODEL("one-producer", one_producer, push3, pop2, pop2) },
	{
		.name = "lagging-tail",
		.operation = "mpmc.exclusive",
		.once = lagging,
		.threads = { commit_and_die, catch_up, pop2 },
		.final = final_of_lagging,
		.finish = finish,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "returned-first",
		.operation = "mpmc.work",
		.once = lent_first,
		.threads = { read_and_nack, take_and_push_over },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "returned-again",
		.operation = "mpmc.work",
		.once = lent_again,
		.threads = { read_and_nack, take_and_push_over },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "heir-retakes",
		.operation = "mpmc.work",
		.once = heir_comes,
		.threads = { inherit_and_take, sweep_late },
		.final = still_its_own,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "heir-claims",
		.operation = "mpmc.death",
		.once = heir_claims,
		.threads = { inherit_and_claim, sweep_slots_late },
		.final = still_named,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "heir-gives",
		.operation = "mpmc.work",
		.once = heir_gives,
		.threads = { give_late, inherit_and_give },
		.final = still_giving,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "heir-of-a-giver",
		.operation = "mpmc.work",
		.once = lent_again,
		.threads = { give_back_and_leave, take_or_not, come_after },
		.final = not_overlooked,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "count-of-the-next",
		.operation = "mpmc.work",
		.once = one_returned_for_two,
		.threads = { take_a_lap, take_one },
		.final = held_once,
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "change-of-seat",
		.operation = "mpmc.exclusive",
		.once = one_may_move,
		.threads = { move, look_for_rivals },
		.finish = finish_slow,
		.sys = peers_sys,
		.preemptions = 3,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
