/* SPDX-License-Identifier: MIT */
/*
 * Models of the MPMC ring: producers and consumers in all mixes, deaths and
 * stops at any access, recovery by rivals, seats used again, batches and
 * exclusive roles; on rings of 2 and 4 slots that wrap within a few elements,
 * so that slots in slow hands are met again a lap later. What is judged, and
 * how: mpmc_ring.h. Work queues, and who comes and goes: mpmc_work_models.c.
 */
#include "mpmc_ring.h"

/* Over all executions; so that none of the claims is empty. */
static uint64_t some, none, voided, deaths, stops, reused, left, heard;

/* --- batches --------------------------------------------------------------- */

static uint32_t push_n_by(struct slip_mpmc *q, unsigned t, uint64_t first,
			  uint32_t n)
{
	struct op *o = begin_batch(t, PUSH, n);
	uint64_t elems[6];
	uint32_t done;

	for (uint32_t i = 0; i < n; i++) {
		o[i].value = first + i;
		elems[s.elem_bytes / 8 * i] = first + i;
		if (s.elem_bytes == 16)
			elems[2 * i + 1] = ~(first + i);
	}
	if (q->roles & SLIP_EXCLUSIVE)
		done = slip_mpmc_push_nx_(q, elems, n, 8);
	else
		done = s.elem_bytes == 8 ? slip_mpmc_push_n_(q, elems, n, 8)
					 : slip_mpmc_push_n_(q, elems, n, 16);
	end_batch(o, n, done);
	return done;
}

/* Those that it did not get are no answer of their own: only the first says
 * "empty" of a moment, and if there is no first one. */
static uint32_t pop_n_by(struct slip_mpmc *q, unsigned t, uint32_t n)
{
	struct op *o = begin_batch(t, POP, n);
	uint64_t elems[6];
	uint32_t done;

	done = s.elem_bytes == 8 ? slip_mpmc_pop_n_(q, elems, n, 8)
				 : slip_mpmc_pop_n_(q, elems, n, 16);
	for (uint32_t i = 0; i < done; i++) {
		o[i].value = elems[s.elem_bytes / 8 * i];
		X_ASSERT(s.elem_bytes == 8 || elems[2 * i + 1] == ~o[i].value,
			 "torn");
	}
	end_batch(o, n, done);
	for (uint32_t i = done ? done : 1; i < n; i++)
		o[i].kind = NOTHING;
	return done;
}

static uint32_t push_n(uint64_t first, uint32_t n)
{
	unsigned t = x_self();

	return push_n_by(&s.q[t], t, (t + 1) * 100 + first, n);
}

static uint32_t pop_n(uint32_t n)
{
	unsigned t = x_self();

	return pop_n_by(&s.q[t], t, n);
}

/* Is the seat of thread t free, which is dead? */
static bool freed(unsigned t)
{
	return slip_mpmc_word_of_seat_(last(), s.q[t].me) == 0;
}

/* --- rings ----------------------------------------------------------------- */

static void ring(uint32_t capacity, uint32_t elem_bytes, uint32_t run)
{
	some = none = voided = deaths = stops = reused = left = heard = 0;
	make(capacity, elem_bytes, 0, 1);
	s.run = run;
}

static void two_slots(void)
{
	ring(2, 8, 1);
}

static void two_wide_slots(void)
{
	ring(2, 16, 1);
}

static void two_slots_in_runs(void)
{
	ring(2, 8, 2);
}

static void two_wide_slots_in_runs(void)
{
	ring(2, 16, 2);
}

static void four_slots(void)
{
	ring(4, 8, 1);
}

static void four_slots_in_runs(void)
{
	ring(4, 8, 3);
}

static void four_wide_slots_in_runs(void)
{
	ring(4, 16, 3);
}

/* The positions wrap around during the run. */
static void last_lap(void)
{
	two_slots();
	format(2, 8, 0, (UINT64_C(1) << 50) - 1);
	for (unsigned t = 0; t < HANDLES; t++)
		must_attach(&s.q[t], SLIP_PRODUCER | SLIP_CONSUMER,
			    &peers_member[t]);
}

static void two_slots_one_in(void)
{
	two_slots();
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
}

static void two_slots_two_in(void)
{
	two_slots_one_in();
	X_ASSERT(push_by(last(), X_THREADS, 502), "push");
}

/* Thread 0 is the only producer, and thread 3 the only consumer, or only one
 * of that. */
static void exclusive(uint32_t capacity, bool producer, bool consumer)
{
	unsigned p = SLIP_PRODUCER, c = SLIP_CONSUMER;

	ring(capacity, 8, 1);
	format(capacity, 8, 0, 1);
	for (unsigned t = 0; t < X_THREADS; t++) {
		unsigned roles = (producer ? c : p);

		if (t == 0 && producer)
			roles = p | SLIP_EXCLUSIVE;
		else if (t == 3 && consumer)
			roles = c | SLIP_EXCLUSIVE;
		else if (producer && consumer)
			continue;
		must_attach(&s.q[t], roles, &peers_member[t]);
	}
	attach_by_force(last());
}

static void one_producer(void)
{
	exclusive(2, true, false);
}

static void one_producer_in_runs(void)
{
	exclusive(4, true, false);
	s.run = 2;
}

static void one_consumer(void)
{
	exclusive(2, false, true);
}

static void one_consumer_in_runs(void)
{
	exclusive(2, false, true);
	s.run = 2;
}

static void one_of_each(void)
{
	exclusive(2, true, true);
}

/* --- after ----------------------------------------------------------------- */

static void count(void)
{
	EACH_OP(o)
	{
		if (t_o == X_THREADS || !o->end)
			continue;
		some += o->kind == POP && o->ok;
		none += o->kind == POP && !o->ok;
	}
	voided += voids_made();
	heard += slip_a64_load_relaxed(&last()->ring->heard) != s.first;
}

/* Takes what is there; and what a push has left that never returned, which need
 * not show before the next push. */
static void drain(void)
{
	bool more = true;

	while (more) {
		uint64_t flush = 990 + history.ops[X_THREADS];

		more = false;
		while (pop_by(last(), X_THREADS))
			more = true;
		if (!push_by(last(), X_THREADS, flush))
			return;
		while (pop_by(last(), X_THREADS))
			more = more ||
			       history.op[X_THREADS][history.ops[X_THREADS] - 1]
					       .value != flush;
	}
}

static bool put(uint64_t v)
{
	uint64_t elem[2] = { v, ~v };

	return push_one(last(), elem);
}

/* What does a new ring do? This one too, but for slots in stopped hands. */
static void usable(unsigned stopped)
{
	unsigned n = last()->shape.capacity;

	for (unsigned lap = 0; lap < 3; lap++) {
		uint64_t out[2];
		unsigned in = 0;

		while (in <= n && put(1000 + lap * 10 + in))
			in++;
		X_ASSERT(in <= n && in + stopped * s.run >= n, "%u fit into %u",
			 in, n);
		for (unsigned i = 0; i < in; i++) {
			X_ASSERT(pop_one(last(), out), "lost after the end");
			X_ASSERT(out[0] == 1000 + lap * 10 + i,
				 "%u of lap %u is %llu", i, lap,
				 (unsigned long long)out[0]);
		}
		X_ASSERT(!pop_one(last(), out), "out of nothing");
	}
}

static void recover_all(void)
{
	for (unsigned t = 0; t < X_THREADS; t++)
		if (x_dead(t) && !(s.inherited && t == 0))
			slip_mpmc_recover_seat_(last(), s.q[t].me, s.q[t].who);
}

static void finish_all(void)
{
	unsigned stopped = 0;

	recover_all();
	for (unsigned t = 0; t < X_THREADS; t++) {
		if (x_dead(t) && !(s.inherited && t == 0))
			left += !freed(t);
		deaths += x_dead(t);
		stopped += x_stopped(t);
	}
	stops += stopped;
	count();
	slip_mpmc_catch_up_(last(), false);
	drain();
	judge(last()->shape.capacity);
	recover_all();
	for (unsigned t = 0; t < X_THREADS; t++)
		X_ASSERT(!x_dead(t) || (s.inherited && t == 0) || freed(t),
			 "a dead seat is not free");
	for (unsigned t = 0; t < HANDLES; t++)
		X_ASSERT(!s.q[t].error, "error");
	usable(stopped);
}

static void popped_some(void)
{
	X_ASSERT(some && none, "%llu popped, %llu empty",
		 (unsigned long long)some, (unsigned long long)none);
}

static void died(void)
{
	X_ASSERT(some && deaths && left, "%llu popped, %llu deaths, %llu left",
		 (unsigned long long)some, (unsigned long long)deaths,
		 (unsigned long long)left);
}

static void stopped_some(void)
{
	X_ASSERT(some && stops && voided && heard,
		 "%llu popped, %llu stops, %llu void, %llu heard",
		 (unsigned long long)some, (unsigned long long)stops,
		 (unsigned long long)voided, (unsigned long long)heard);
}

static void troubled(void)
{
	X_ASSERT(some && stops && deaths,
		 "%llu popped, %llu stops, %llu deaths",
		 (unsigned long long)some, (unsigned long long)stops,
		 (unsigned long long)deaths);
}

static void reused_some(void)
{
	X_ASSERT(some && deaths && reused, "%llu deaths, %llu reused",
		 (unsigned long long)deaths, (unsigned long long)reused);
}

/* --- threads --------------------------------------------------------------- */

static void pushes(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)push(i);
}

static void pops(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)pop();
}

static void pairs(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		(void)push(i);
		(void)pop();
	}
}

static void push1(void)
{
	pushes(1);
}

static void push2(void)
{
	pushes(2);
}

static void push3(void)
{
	pushes(3);
}

static void push5(void)
{
	pushes(5);
}

static void pop1(void)
{
	pops(1);
}

static void pop2(void)
{
	pops(2);
}

static void pop3(void)
{
	pops(3);
}

static void pop6(void)
{
	pops(6);
}

static void push_pop(void)
{
	pairs(1);
}

static void pop_push(void)
{
	(void)pop();
	(void)push(0);
}

static void push_pop_twice(void)
{
	pairs(2);
}

static void push_pop_thrice(void)
{
	pairs(3);
}

static void push_pop_six(void)
{
	pairs(6);
}

static void push_two(void)
{
	(void)push_n(0, 2);
}

static void push_two_at_once(void)
{
	(void)push_n(0, 2);
	(void)push_n(2, 2);
}

static void push_two_then_one(void)
{
	(void)push_n(0, 2);
	(void)push(2);
	(void)push_n(3, 2);
}

static void push_three_at_once(void)
{
	(void)push_n(0, 3);
	(void)push_n(3, 3);
}

static void pop_two(void)
{
	(void)pop_n(2);
}

static void pop_two_at_once(void)
{
	(void)pop_n(2);
	(void)pop_n(2);
}

static void pop_two_then_one(void)
{
	(void)pop_n(2);
	(void)pop();
}

static void pop_three_at_once(void)
{
	(void)pop_n(3);
	(void)pop_n(3);
}

static void push_pop_at_once(void)
{
	(void)push_n(0, 2);
	(void)pop_n(2);
	(void)push(2);
	(void)pop_n(3);
}

static void mixed(void)
{
	(void)push_n(0, 3);
	(void)pop_n(2);
	(void)push(3);
	(void)push_n(4, 2);
	(void)pop_n(3);
	(void)pop();
}

/* --- a run of pops, and voids behind it --------------------------------------- */

/* Claims n pops at once, as slip_mpmc_pop_run_ does, and stops. */
static void claim_pops(struct slip_mpmc *q, uint32_t n)
{
	uint64_t head = slip_a64_load_acquire(&q->ring->head);
	uint64_t p = slip_mpmc_at_(head);

	X_ASSERT(slip_mpmc_alike_(q, p + SLIP_MPMC_FULL, n, 8) == n, "run");
	slip_a32_store_relaxed(&q->ring->runs, 1); /* hint: as there */
	slip_mpmc_intend_(q, SLIP_MPMC_FULL, p | n);
	slip_mpmc_help_(q, head, SLIP_MPMC_FULL, 8);
	X_ASSERT(slip_a64_cas_acqrel(&q->ring->head, &head,
				     (p + n * SLIP_MPMC_ONE) | q->me),
		 "claim");
}

static bool push_8(uint64_t value)
{
	return slip_mpmc_push_(last(), &value, 8);
}

/* Of four slots thread 1 reads two and thread 0 the two before; the positions
 * behind are void. Thread 0 stays stopped. */
static void run_before_voids(void)
{
	uint64_t elem;

	make(4, 8, 0, 1);
	for (unsigned i = 0; i < 4; i++)
		X_ASSERT(push_8(i), "push");
	for (unsigned i = 0; i < 2; i++)
		X_ASSERT(slip_mpmc_pop_(&s.q[2], &elem, 8), "pop");
	claim_pops(&s.q[1], 2);
	for (unsigned i = 4; i < 6; i++)
		X_ASSERT(push_8(i), "push");
	claim_pops(&s.q[0], 2);
	X_ASSERT(!push_8(6), "all four are in somebody's hands");
}

static void give_two(void)
{
	struct slip_mpmc *q = &s.q[1];

	for (unsigned i = 2; i < 4; i++) {
		uint64_t p = s.first + i * SLIP_MPMC_ONE;

		slip_mpmc_give_(q, slip_mpmc_slot_(q, p, 8), p);
	}
}

static void two_fit(void)
{
	unsigned in = 0;

	while (in < 4 && push_8(30 + in))
		in++;
	X_ASSERT(in == 2, "%u fit, though two slots are free", in);
}

static void nothing(void)
{
}

/* --- the dead and their heirs ----------------------------------------------- */

static void recover_then_push(void)
{
	(void)recover(0);
	(void)push(0);
	(void)pop();
}

static void recover_batch(void)
{
	(void)recover(0);
	(void)push_n(0, 2);
	(void)pop_n(2);
	(void)recover(0);
}

/* Thread 0 is dead: its seat is recovered, and taken if it is free. */
static bool inherit_seat(void)
{
	if (!recover(0) || slip_mpmc_word_of_seat_(&s.q[x_self()], s.q[0].me) ||
	    attach(&s.heir, SLIP_PRODUCER | SLIP_CONSUMER, peers_self()))
		return false;
	s.inherited = s.heir.me == s.q[0].me;
	return true;
}

static void inherit(void)
{
	(void)push(0);
	if (!inherit_seat())
		return;
	(void)push_by(&s.heir, x_self(), HEIR + 1);
	(void)push_by(&s.heir, x_self(), HEIR + 2);
	(void)pop();
}

static void inherit_batch(void)
{
	(void)pop();
	if (!inherit_seat())
		return;
	(void)push_n_by(&s.heir, x_self(), HEIR + 1, 2);
	(void)pop_by(&s.heir, x_self());
	(void)push_by(&s.heir, x_self(), HEIR + 3);
}

/* Of one that died between its intention and its claim. */
static void inherit_in_time(void)
{
	if (inherit_seat())
		(void)pop_by(&s.heir, x_self());
}

static void inherit_pop_push(void)
{
	if (!inherit_seat())
		return;
	(void)pop_by(&s.heir, x_self());
	(void)push_by(&s.heir, x_self(), HEIR + 1);
}

/* Another recoverer, that comes late. */
static void recover_late(void)
{
	if (recover(0))
		pushes(2);
}

static void inherit_done(void)
{
	reused += s.inherited;
	finish_all();
}

/* --- full, though nobody pops ------------------------------------------------ */

/* Two in, both are being popped; thread 0 has done with the first, the other
 * stops: then there is one slot to push to. */
static void both_in_slow_hands(void)
{
	uint64_t at, elem = 501;
	slip_a64 *slot;

	two_slots();
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	(void)slip_mpmc_pop_shared_(&s.q[0], &at, &slot, &elem, false, 8);
	(void)slip_mpmc_pop_shared_(&s.heir, &at, &slot, &elem, false, 8);
}

static void give(void)
{
	slip_mpmc_give_(&s.q[0], slip_mpmc_slot_(&s.q[0], 2 * SLIP_MPMC_ONE, 8),
			2 * SLIP_MPMC_ONE);
}

static void full_done(void)
{
	uint64_t elem = 599;
	unsigned full = 0;

	EACH_OP(o)
	full += o->kind == PUSH && !o->ok;
	X_ASSERT(full < 2 || slip_mpmc_push_(last(), &elem, 8),
		 "full, though all is popped");
}

/* One slot was in a slow hand, so the position at head is void; it is free by
 * now. One element is in. */
static void void_at_head(void)
{
	uint64_t at = 0, elem = 0;
	slip_a64 *slot = NULL;

	two_slots();
	must_attach(&s.heir, SLIP_CONSUMER, NULL);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	(void)slip_mpmc_pop_shared_(&s.heir, &at, &slot, &elem, false, 8);
	X_ASSERT(slip_mpmc_push_(last(), &elem, 8), "push");
	X_ASSERT(slip_mpmc_pop_(last(), &elem, 8), "pop");
	X_ASSERT(push_by(last(), X_THREADS, 501), "push");
	slip_mpmc_give_(&s.heir, slot, at);
}

/* There is one element, but while thread 0 comes with the second, or if the
 * other thread has. */
static void push_fits(void)
{
	X_ASSERT(push(0), "full, with one of two");
}

/* Every newcomer catches up once, also those who find nothing to catch. */
static void all_catch_up(void)
{
	two_slots();
	for (unsigned i = 0; i < X_THREADS; i++)
		slip_mpmc_catch_up_(&s.q[i], false);
}

static const struct x_model models[] = {
	{
		.name = "two-two",
		.operation = "mpmc.push+pop",
		.once = two_slots,
		.threads = { push1, push1, pop1, pop1 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "two-two-twice",
		.operation = "mpmc.push+pop",
		.once = two_slots,
		.threads = { push2, push2, pop2, pop2 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "two-wide",
		.operation = "mpmc.push+pop",
		.once = two_wide_slots,
		.threads = { push3, push2, pop3 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "three-one",
		.operation = "mpmc.push+pop",
		.once = two_slots,
		.threads = { push1, push1, push1, pop3 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "pairs-three",
		.operation = "mpmc.push+pop",
		.once = two_slots,
		.threads = { push_pop_twice, push_pop_twice, push_pop_twice },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "last-lap",
		.operation = "mpmc.push+pop",
		.once = last_lap,
		.threads = { push_pop_twice, push_pop_twice, push_pop },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "all-catch-up",
		.operation = "mpmc.push+pop",
		.once = all_catch_up,
		.threads = { push2, push2, pop2, pop2 },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "full-though-void",
		.operation = "mpmc.stop",
		.once = both_in_slow_hands,
		.threads = { give, push2, nothing, nothing },
		.final = full_done,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "void-at-head",
		.operation = "mpmc.stop",
		.once = void_at_head,
		.threads = { push_fits, pop_push },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "stop",
		.operation = "mpmc.stop",
		.once = two_slots,
		.threads = { push2, push_pop_twice, push_pop_twice },
		.final = finish_all,
		.finish = stopped_some,
		.sys = peers_sys,
		.stoppable = 7,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "stop-wide",
		.operation = "mpmc.stop",
		.once = two_wide_slots,
		.threads = { push3, push3, pop3, pop3 },
		.final = finish_all,
		.finish = stopped_some,
		.sys = peers_sys,
		.stoppable = 15,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "stop-four",
		.operation = "mpmc.stop",
		.once = four_slots,
		.threads = { push3, push3, push_pop_thrice, pop3 },
		.final = finish_all,
		.sys = peers_sys,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "laps-stop",
		.operation = "mpmc.stop",
		.once = two_slots,
		.threads = { push_pop_six, push_pop_thrice, push_pop_thrice },
		.final = finish_all,
		.sys = peers_sys,
		.stoppable = 6,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "death",
		.operation = "mpmc.death",
		.once = two_slots,
		.threads = { push2, push2, pop2, pop2 },
		.final = finish_all,
		.finish = died,
		.sys = peers_sys,
		.mortal = 15,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "two-two-troubled",
		.operation = "mpmc.death",
		.once = two_slots,
		.threads = { push1, push1, pop1, pop1 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "three-one-troubled",
		.operation = "mpmc.death",
		.once = two_slots,
		.threads = { push1, push1, push1, pop1 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "death-and-stop",
		.operation = "mpmc.death",
		.once = two_slots,
		.threads = { push2, push2, pop2, pop2 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "three-one-death-and-stop",
		.operation = "mpmc.death",
		.once = two_slots,
		.threads = { push2, push2, push2, pop3 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "death-recovered",
		.operation = "mpmc.recover",
		.once = two_slots_one_in,
		.threads = { push2, recover_then_push, recover_then_push,
			     push_pop_twice },
		.final = finish_all,
		.finish = died,
		.sys = peers_sys,
		.mortal = 1 | 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "inherit",
		.operation = "mpmc.recover",
		.once = two_slots,
		.threads = { push2, inherit, push_pop_twice, push_pop },
		.final = inherit_done,
		.finish = reused_some,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "late-recoverer",
		.operation = "mpmc.recover",
		.once = two_slots_two_in,
		.threads = { push1, inherit_pop_push, recover_late, pop2 },
		.final = inherit_done,
		.finish = reused_some,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "one-producer",
		.operation = "mpmc.exclusive",
		.once = one_producer,
		.threads = { push5, pop2, pop2, pop2 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "one-producer-troubled",
		.operation = "mpmc.exclusive",
		.once = one_producer,
		.threads = { push5, pop2, pop2, pop2 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "one-producer-batches",
		.operation = "mpmc.exclusive",
		.once = one_producer_in_runs,
		.threads = { push_three_at_once, pop_two_at_once,
			     pop_two_at_once, pop_two_then_one },
		.final = finish_all,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 14,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "one-consumer-troubled",
		.operation = "mpmc.exclusive",
		.once = one_consumer,
		.threads = { push2, push2, push1, pop6 },
		.final = finish_all,
		.finish = troubled,
		.sys = peers_sys,
		.mortal = 15,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "one-consumer-batches",
		.operation = "mpmc.exclusive",
		.once = one_consumer_in_runs,
		.threads = { push_two_at_once, push_two_then_one, push2, pop6 },
		.final = finish_all,
		.sys = peers_sys,
		.stoppable = 7,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "one-of-each",
		.operation = "mpmc.exclusive",
		.once = one_of_each,
		.threads = { push5, nothing, nothing, pop6 },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "batches",
		.operation = "mpmc.batch",
		.once = four_slots,
		.threads = { push_two_at_once, push_two_then_one,
			     pop_two_at_once, pop_two_then_one },
		.final = finish_all,
		.finish = popped_some,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "batches-tight",
		.operation = "mpmc.batch",
		.once = two_slots_in_runs,
		.threads = { push_pop_at_once, push_two_then_one,
			     push_pop_at_once },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "batches-stop",
		.operation = "mpmc.batch",
		.once = four_slots_in_runs,
		.threads = { push_pop_at_once, push_two_then_one,
			     push_pop_at_once, pop_two_then_one },
		.final = finish_all,
		.sys = peers_sys,
		.stoppable = 15,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "batches-laps",
		.operation = "mpmc.batch",
		.once = four_wide_slots_in_runs,
		.threads = { mixed, push_three_at_once, pop_three_at_once,
			     push_pop_at_once },
		.final = finish_all,
		.sys = peers_sys,
		.stoppable = 15,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "batches-death",
		.operation = "mpmc.batch",
		.once = two_wide_slots_in_runs,
		.threads = { push_two_at_once, push_pop_at_once,
			     pop_two_at_once },
		.final = finish_all,
		.finish = died,
		.sys = peers_sys,
		.mortal = 15,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "batches-recovered",
		.operation = "mpmc.batch",
		.once = four_wide_slots_in_runs,
		.threads = { push_three_at_once, recover_batch, recover_batch,
			     pop_three_at_once },
		.final = finish_all,
		.sys = peers_sys,
		.mortal = 1 | 8,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "batches-inherited",
		.operation = "mpmc.batch",
		.once = four_slots_in_runs,
		.threads = { push_two_at_once, inherit_batch, push_pop_at_once,
			     pop_three_at_once },
		.final = inherit_done,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 12,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "batch-heard",
		.operation = "mpmc.batch",
		.once = two_slots_in_runs,
		.threads = { push1, push1, pop_push, pop_two },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "batch-helped",
		.operation = "mpmc.batch",
		.once = four_slots,
		.threads = { push_two, push1, push1, pop2 },
		.final = finish_all,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "batch-before-voids",
		.operation = "mpmc.batch",
		.once = run_before_voids,
		.threads = { nothing, give_two },
		.final = two_fit,
		.sys = peers_sys,
	},
	{
		.name = "batch-inherited-heard",
		.operation = "mpmc.batch",
		.once = two_slots_in_runs,
		.threads = { pop_two, push1, push_pop, inherit_in_time },
		.final = inherit_done,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
