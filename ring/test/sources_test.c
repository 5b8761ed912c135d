/* SPDX-License-Identifier: MIT */
/* futex/waitset.h with ring/sources.h: who is ready, and who wakes whom. */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "ring/sources.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define MANY 300

static _Alignas(128) char spsc_mem[1 << 12], record_mem[1 << 12];
static _Alignas(4096) char mpmc_mem[1 << 18];
static struct slip_spsc_producer sp;
static struct slip_spsc_consumer sc;
static struct slip_record_producer rp;
static struct slip_record_consumer rc;
static struct slip_mpmc mp, mc;
static slip_a32 word;

static struct slip_source in[4], out[3];
static struct slip_waitset w;

static uint64_t soon(void)
{
	return slip_after_ns(2000000);
}

static void set_up(void)
{
	uint32_t n = 8;

	cr_assert_eq(slip_spsc_init(spsc_mem, sizeof(spsc_mem), n, 8, 0), 0);
	cr_assert_eq(slip_record_init(record_mem, sizeof(record_mem), 64, 0),
		     0);
	cr_assert_eq(slip_mpmc_init(mpmc_mem, sizeof(mpmc_mem), n, 8, 0), 0);
	cr_assert_eq(slip_spsc_attach_producer(&sp, spsc_mem, sizeof(spsc_mem),
					       NULL),
		     0);
	cr_assert_eq(slip_spsc_attach_consumer(&sc, spsc_mem, sizeof(spsc_mem),
					       NULL),
		     0);
	cr_assert_eq(slip_record_attach_producer(&rp, record_mem,
						 sizeof(record_mem), NULL),
		     0);
	cr_assert_eq(slip_record_attach_consumer(&rc, record_mem,
						 sizeof(record_mem), NULL),
		     0);
	cr_assert_eq(slip_mpmc_attach(&mp, mpmc_mem, sizeof(mpmc_mem),
				      SLIP_PRODUCER, NULL),
		     0);
	cr_assert_eq(slip_mpmc_attach(&mc, mpmc_mem, sizeof(mpmc_mem),
				      SLIP_CONSUMER, NULL),
		     0);
	slip_a32_store_relaxed(&word, 7); /* init */
	slip_spsc_pop_source(&in[0], &sc);
	slip_record_pop_source(&in[1], &rc);
	slip_mpmc_pop_source(&in[2], &mc);
	slip_word_source(&in[3], &word, 7, SLIP_SHARED);
	slip_spsc_push_source(&out[0], &sp);
	slip_record_push_source(&out[1], &rp, 8);
	slip_mpmc_push_source(&out[2], &mp);
	cr_assert_eq(slip_waitset_init(&w, in, 4), 0);
}

/* Which are ready, as bits. */
static unsigned ready(const struct slip_source *s, unsigned n)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < n; i++)
		bits |= (unsigned)(s[i].now != 0) << i;
	return bits;
}

static void push(int which)
{
	uint64_t x = 5;

	if (which == 0)
		cr_assert(slip_spsc_push(&sp, &x));
	if (which == 1)
		cr_assert_eq(slip_record_push(&rp, &x, 8), 0);
	if (which == 2)
		cr_assert(slip_mpmc_push(&mp, &x));
	if (which == 3) {
		slip_a32_store_release(&word, 8); /* init */
		slip_futex_wake(&word, 1, SLIP_SHARED);
	}
}

Test(sources, each_is_ready_when_it_is)
{
	set_up();
	cr_assert_eq(slip_waitset_wait(&w, 0), -ETIMEDOUT);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	for (int i = 0; i < 4; i++) {
		push(i);
		cr_assert_eq(slip_waitset_wait(&w, 0), i + 1);
		cr_assert_eq(ready(in, 4), (2u << i) - 1);
	}
}

Test(sources, room_is_something_to_wait_for)
{
	uint64_t x = 1;
	uint32_t len;

	set_up();
	cr_assert_eq(slip_waitset_init(&w, out, 3), 0);
	cr_assert_eq(slip_waitset_wait(&w, 0), 3);
	while (slip_spsc_push(&sp, &x))
		continue;
	while (slip_record_push(&rp, &x, 8) == 0)
		continue;
	while (slip_mpmc_push(&mp, &x))
		continue;
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	while (slip_spsc_pop(&sc, &x))
		continue;
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	while (slip_record_pop(&rc, &x, 8, &len) == 0)
		continue;
	cr_assert_eq(slip_waitset_wait(&w, 0), 2);
	cr_assert(slip_mpmc_pop(&mc, &x));
	cr_assert_eq(slip_waitset_wait(&w, 0), 3);
}

Test(sources, an_end_is_ready_too)
{
	set_up();
	push(2);
	slip_spsc_detach_producer(&sp);
	slip_record_detach_producer(&rp);
	slip_mpmc_detach(&mp);
	cr_assert_eq(slip_waitset_wait(&w, 0), 3);
	cr_assert_eq(in[0].now, -EPIPE);
	cr_assert_eq(in[1].now, -EPIPE);
	cr_assert_eq(in[2].now, 1, "there is something left");
}

/* --- asleep ------------------------------------------------------------------ */

static int slept;

static void *wait_for_one(void *arg)
{
	struct slip_waitset *set = arg;

	slept = slip_waitset_wait(set, SLIP_FOREVER);
	return NULL;
}

/* Until W stands in the event, or nobody could sleep there. */
static void until_announced(const struct slip_source *s)
{
	while (s->event &&
	       !(slip_a32_load_acquire(&s->event->word) & SLIP_EVENT_W_))
		sched_yield();
}

static void wakes(int which)
{
	pthread_t t;

	set_up();
	w.spin.skip = UINT32_MAX;
	cr_assert_eq(pthread_create(&t, NULL, wait_for_one, &w), 0);
	until_announced(&in[which]);
	push(which);
	cr_assert_eq(pthread_join(t, NULL), 0);
	cr_assert_eq(slept, 1);
	cr_assert_eq(ready(in, 4), 1u << which);
}

Test(sources, each_wakes_a_sleeper)
{
	for (int i = 0; i < 4; i++)
		wakes(i);
}

Test(sources, without_waitv_they_are_slept_on_in_turn)
{
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOSYS);
	/* Who is quick finds the push before it sleeps. */
	for (int i = 0; i < 4 || hook_calls() == 0; i++)
		wakes(i % 4);
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, EPERM);
	wakes(3);
	hook_off();
}

Test(sources, what_the_kernel_refuses_is_said)
{
	set_up();
	w.spin.skip = UINT32_MAX;
	hook_fail(SYS_membarrier, 0, EPERM);
	if (in[0].mode == SLIP_EVENT_ASYM)
		cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -EPERM);
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOMEM);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), -ENOMEM);
	hook_off();
}

/* --- many -------------------------------------------------------------------- */

static slip_a32 words[MANY];
static struct slip_source many[MANY];

Test(sources, more_than_the_kernel_takes_at_once)
{
	for (uint32_t i = 0; i < MANY; i++)
		slip_word_source(&many[i], &words[i], 0, SLIP_SHARED);
	for (uint32_t k = 0; k < MANY; k += 41) {
		pthread_t t;

		memset(words, 0, sizeof(words));
		cr_assert_eq(slip_waitset_init(&w, many, MANY), 0);
		cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
		cr_assert_eq(pthread_create(&t, NULL, wait_for_one, &w), 0);
		slip_a32_store_release(&words[k], 1); /* init */
		slip_futex_wake(&words[k], 1, SLIP_SHARED);
		cr_assert_eq(pthread_join(t, NULL), 0);
		cr_assert_eq(slept, 1);
		cr_assert_eq(many[k].now, 1);
	}
}

Test(sources, one_alone_needs_no_waitv)
{
	pthread_t t;

	set_up();
	cr_assert_eq(slip_waitset_init(&w, in, 1), 0);
	w.spin.skip = UINT32_MAX;
	hook_fail(SLIP_SYS_FUTEX_WAITV_, 0, ENOSYS);
	cr_assert_eq(pthread_create(&t, NULL, wait_for_one, &w), 0);
	until_announced(&in[0]);
	push(0);
	cr_assert_eq(pthread_join(t, NULL), 0);
	cr_assert_eq(slept, 1);
	cr_assert_eq(hook_calls(), 0u);
	hook_off();
}

/* --- handles that are of no use ------------------------------------------------ */

Test(sources, handles_that_never_attached_or_have_no_such_role)
{
	static struct slip_spsc_consumer none;
	static struct slip_mpmc nobody;
	char junk[64] = { 0 };

	cr_assert_neq(slip_spsc_attach_consumer(&none, junk, 0, NULL), 0);
	slip_spsc_pop_source(&in[0], &none);
	cr_assert_eq(slip_waitset_init(&w, in, 1), -EINVAL);
	cr_assert_eq(slip_mpmc_attach(&nobody, NULL, 0, SLIP_CONSUMER, NULL),
		     -EINVAL);
	slip_mpmc_pop_source(&in[0], &nobody);
	cr_assert_eq(slip_waitset_init(&w, in, 1), -EINVAL);
	slip_mpmc_push_source(&in[0], &nobody);
	cr_assert_eq(slip_waitset_init(&w, in, 1), -EINVAL);
	set_up();
	slip_mpmc_push_source(&in[0], &mc);
	slip_mpmc_pop_source(&in[1], &mp);
	cr_assert_eq(slip_waitset_init(&w, in, 2), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
	cr_assert_eq(in[0].now, -EINVAL);
	cr_assert_eq(in[1].now, -EINVAL);
	slip_mpmc_detach(&mc);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
	cr_assert_eq(in[0].now, -EPIPE);
}

Test(sources, an_mpmc_ring_without_consumers_is_no_place_to_push)
{
	set_up();
	slip_mpmc_detach(&mc);
	cr_assert_eq(slip_waitset_init(&w, out, 3), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 3);
	cr_assert_eq(out[2].now, -EPIPE);
}

/* --- mpmc: what it says, and what a try then finds ----------------------------- */

#define TICKETS 6

/* One who is stopped in the middle of a push or a pop, until it goes on. */
struct stalled {
	struct slip_mpmc q;
	slip_a64 *slot; /* NULL: not in the middle of anything */
	uint64_t p;
	uint64_t elem;
};

static struct slip_mpmc taker;
static struct slip_mpmc_ticket tickets[TICKETS];
static struct stalled pusher, popper;
static uint64_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % n;
}

static void attach(struct slip_mpmc *q, unsigned role)
{
	cr_assert_eq(
		slip_mpmc_attach(q, mpmc_mem, sizeof(mpmc_mem), role, NULL), 0);
	q->patience = 0;
}

static void make_ring(uint32_t capacity, unsigned flags)
{
	cr_assert_eq(
		slip_mpmc_init(mpmc_mem, sizeof(mpmc_mem), capacity, 8, flags),
		0);
	memset(tickets, 0, sizeof(tickets));
	attach(&mp, SLIP_PRODUCER);
	attach(&mc, SLIP_CONSUMER);
	attach(&taker, SLIP_CONSUMER);
	attach(&pusher.q, SLIP_PRODUCER);
	attach(&popper.q, SLIP_CONSUMER);
	pusher.slot = popper.slot = NULL;
	slip_mpmc_pop_source(&in[0], &mc);
	slip_mpmc_push_source(&out[0], &mp);
}

/* Claims, and is stopped; or goes on. */
static void stall_push(void)
{
	struct stalled *it = &pusher;

	if (it->slot) {
		memcpy(it->slot + 1, &it->elem, 8);
		slip_mpmc_commit_(it->slot, it->p);
		it->slot = NULL;
		return;
	}
	it->elem = dice(1000);
	slip_mpmc_announce_(&it->q, 0, &it->elem, 8);
	it->slot = slip_mpmc_take_place_(&it->q, &it->p, 8);
}

static void stall_pop(void)
{
	struct stalled *it = &popper;
	int got;

	if (it->slot) {
		slip_mpmc_give_(&it->q, it->slot, it->p);
		it->slot = NULL;
		return;
	}
	got = slip_mpmc_pop_shared_(&it->q, &it->p, &it->slot, &it->elem, false,
				    8);
	if (got != SLIP_MPMC_GO_)
		it->slot = NULL;
}

static void use_ticket(void)
{
	struct slip_mpmc_ticket *t = &tickets[dice(TICKETS)];

	if (!t->elem)
		(void)!slip_mpmc_take(&taker, t);
	else if (dice(2) || slip_mpmc_nack(&taker, t))
		slip_mpmc_ack(&taker, t);
}

static void anything(bool work)
{
	uint64_t x = dice(1000);

	switch (dice(6)) {
	case 0:
		(void)!slip_mpmc_push(&mp, &x);
		break;
	case 1:
		(void)!slip_mpmc_pop(&mc, &x);
		break;
	case 2:
		stall_push();
		break;
	case 3:
		if (!work) /* there, pops are takes */
			stall_pop();
		break;
	default:
		use_ticket();
		break;
	}
}

/* How far the ring is; a try that finds nothing must at least move it. */
static uint64_t motion(const struct slip_mpmc *q)
{
	return slip_a64_load_acquire(&q->ring->head) +
	       slip_a64_load_acquire(&q->ring->tail) +
	       slip_a64_load_acquire(&q->ring->returned);
}

static uint32_t agrees(void)
{
	uint64_t before = motion(&mc);
	uint64_t x = 1;
	bool pop = dice(2);
	int now = pop ? slip_mpmc_pop_look_(&mc) : slip_mpmc_push_look_(&mp);
	bool done;

	cr_assert_eq(motion(&mc), before, "it only looks");
	done = pop ? slip_mpmc_pop(&mc, &x) : slip_mpmc_push(&mp, &x);
	if (now == 0)
		cr_assert(!done, "%s: not ready, but done",
			  pop ? "pop" : "push");
	if (now == 1)
		cr_assert(done || motion(&mc) != before,
			  "%s: ready, but nothing came of it",
			  pop ? "pop" : "push");
	return now <= 1;
}

/* Among slow hands of all kinds, one and the same thread being all of them. */
static void walk(uint32_t capacity, unsigned flags, uint64_t from)
{
	bool work = (flags & SLIP_MPMC_WORK) != 0;
	uint32_t sure = 0;

	seed = from;
	make_ring(capacity, flags);
	for (uint32_t i = 0; i < 3000; i++) {
		anything(work);
		if (i % 3 == 0)
			sure += agrees();
	}
	cr_assert_gt(sure, 100u, "seed %llu", (unsigned long long)from);
}

Test(sources, what_an_mpmc_ring_says_a_try_finds)
{
	for (uint64_t i = 0; i < 12; i++) {
		walk(2u << i % 3, SLIP_EVENT_FULL, i);
		walk(2u << i % 3, SLIP_EVENT_FULL | SLIP_MPMC_WORK, i);
	}
}

Test(sources, a_claim_without_an_element_is_not_ready)
{
	uint64_t x = 7;

	make_ring(4, SLIP_EVENT_FULL);
	stall_push();
	cr_assert_eq(slip_mpmc_count_guess(&mc), 1u);
	cr_assert_eq(slip_waitset_init(&w, in, 1), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
		cr_assert_not(slip_mpmc_pop(&mc, &x));
	}
	/* The next push names it: from then on it can be had. */
	cr_assert(slip_mpmc_push(&mp, &x));
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert(slip_mpmc_pop(&mc, &x));
	cr_assert_eq(x, pusher.elem);
}

/* Every slot is in a slow hand: only a try can tell, and not all the time. */
Test(sources, slots_in_slow_hands_are_tried_once_in_a_slice)
{
	uint64_t x = 7;
	int tries = 0;
	uint64_t end;

	make_ring(2, SLIP_EVENT_FULL);
	for (int i = 0; i < 2; i++) {
		cr_assert(slip_mpmc_push(&mp, &x));
		cr_assert_not_null(slip_mpmc_take(&taker, &tickets[i]));
	}
	cr_assert_lt(slip_mpmc_count_guess(&mp), 2u);
	cr_assert_eq(slip_waitset_init(&w, out, 1), 0);
	end = slip_after_ns(10 * SLIP_SLICE_NS);
	for (; slip_now_ns() < end; tries++) {
		cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
		cr_assert_not(slip_mpmc_push(&mp, &x));
	}
	cr_assert_leq(tries, 11);
	slip_mpmc_ack(&taker, &tickets[0]);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	cr_assert(slip_mpmc_push(&mp, &x));
}

static _Alignas(128) char lanes_mem[1 << 11];
static struct slip_lanes_producer lp;
static struct slip_lanes_consumer lc;

static void lanes_set(uint32_t push_len)
{
	cr_assert_eq(slip_lanes_init(lanes_mem, sizeof(lanes_mem), 2, 64, 1,
				     SLIP_LANES_STAMPED),
		     0);
	cr_assert_eq(slip_lanes_attach_producer(&lp, lanes_mem,
						sizeof(lanes_mem), NULL),
		     0);
	cr_assert_eq(slip_lanes_attach_consumer(&lc, lanes_mem,
						sizeof(lanes_mem), NULL),
		     0);
	slip_lanes_pop_source(&in[0], &lc);
	slip_lanes_push_source(&out[0], &lp, push_len);
}

Test(sources, lanes_are_waited_for_on_either_side)
{
	char body[16];
	uint32_t len;

	lanes_set(16);
	cr_assert_eq(slip_waitset_init(&w, in, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT, "empty");
	cr_assert_eq(slip_lanes_push(&lp, "0123456789abcdef", 16), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1, "a record");
	cr_assert_eq(slip_waitset_init(&w, out, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT, "full");
	cr_assert_eq(slip_lanes_pop(&lc, body, 16, &len), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1, "room");
	cr_assert_eq(slip_lanes_push(&lp, body, 16), 0);
	slip_lanes_detach_consumer(&lc);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(out[0].now, -EPIPE, "nobody");
	slip_lanes_close(&lp);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	cr_assert_eq(out[0].now, -EPIPE, "closed");
	cr_assert_eq(slip_waitset_init(&w, in, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, 0), 1);
	cr_assert_eq(in[0].now, -EPIPE, "detached");
}

Test(sources, a_record_that_no_lane_takes_is_never_ready)
{
	lanes_set(17);
	cr_assert_eq(slip_waitset_init(&w, out, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
	slip_lanes_push_source(&out[0], &lp, UINT32_MAX);
	cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
}

static _Alignas(128) char latest_mem[1 << 10];
static struct slip_latest_writer lw;
static struct slip_latest_reader lr[2]; /* the second one does not store */

static void newest_value(void)
{
	cr_assert_eq(slip_latest_init(latest_mem, sizeof(latest_mem), 4, 8, 0),
		     0);
	cr_assert_eq(slip_latest_attach_writer(&lw, latest_mem,
					       sizeof(latest_mem), NULL),
		     0);
	cr_assert_eq(slip_latest_attach_reader(&lr[0], latest_mem,
					       sizeof(latest_mem), NULL),
		     0);
	cr_assert_eq(slip_latest_attach_readonly(&lr[1], latest_mem,
						 sizeof(latest_mem), NULL),
		     0);
	slip_latest_source(&in[0], &lr[0]);
	slip_latest_source(&in[1], &lr[1]);
}

Test(sources, a_newer_value_is_something_to_wait_for)
{
	uint64_t x = 5;
	uint32_t len;

	newest_value();
	cr_assert_eq(slip_waitset_init(&w, in, 2), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_waitset_wait(&w, soon()), -ETIMEDOUT);
		cr_assert_eq(slip_latest_write(&lw, &x, 8), 0);
		cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
		for (int k = 0; k < 2; k++)
			cr_assert_eq(slip_latest_read(&lr[k], &x, 8, &len), 0);
	}
	slip_latest_detach_writer(&lw);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 2);
	cr_assert_eq(in[0].now, -EPIPE);
	cr_assert_eq(in[1].now, -EPIPE);
	slip_latest_detach_reader(&lr[0]);
	cr_assert_eq(slip_waitset_wait(&w, 0), 2, "it is closed");
	cr_assert_eq(in[0].now, -EPIPE);
}

static void *write_once(void *arg)
{
	uint64_t x = 5;

	/* hint: somebody has announced that it sleeps */
	while (arg &&
	       !(slip_a32_load_relaxed(&lw.ring->ev.word) & SLIP_EVENT_W_))
		sched_yield();
	cr_assert_eq(slip_latest_write(&lw, &x, 8), 0);
	return NULL;
}

Test(sources, a_write_wakes_who_may_say_that_it_sleeps)
{
	pthread_t thread;

	newest_value();
	cr_assert_eq(slip_waitset_init(&w, in, 1), 0);
	cr_assert_eq(pthread_create(&thread, NULL, write_once, &lw), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	pthread_join(thread, NULL);
}

Test(sources, who_may_not_looks_again_after_a_slice)
{
	pthread_t thread;

	newest_value();
	cr_assert_eq(slip_waitset_init(&w, in + 1, 1), 0);
	cr_assert_eq(pthread_create(&thread, NULL, write_once, NULL), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	pthread_join(thread, NULL);
}

/* --- an mpmc ring in states that are hard to come by ----------------------------- */

#define SEATS		 3
#define ONLY_A_TRY_TELLS 2

/* Two slots, and a handle on them. */
static void two_slots(unsigned flags)
{
	flags |= SLIP_MPMC_SEATS(SEATS);
	cr_assert_eq(slip_mpmc_init(mpmc_mem, sizeof(mpmc_mem), 2, 8, flags),
		     0);
	cr_assert_eq(slip_mpmc_attach(&mc, mpmc_mem, sizeof(mpmc_mem),
				      SLIP_PRODUCER | SLIP_CONSUMER, NULL),
		     0);
}

Test(sources, a_push_that_would_move_head_over_voids_is_ready)
{
	const uint64_t head = 5 * SLIP_MPMC_ONE, before = 3 * SLIP_MPMC_ONE;
	const struct {
		uint64_t voided, slot;
		int now;
	} is[] = {
		{ head, before, 0 }, /* not void */
		{ head + SLIP_MPMC_ONE, head + SLIP_MPMC_FULL, 0 },
		{ head + SLIP_MPMC_ONE, head, ONLY_A_TRY_TELLS },
		{ head + SLIP_MPMC_ONE, before, 1 },
	};

	two_slots(0);
	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		/* init: both */
		slip_a64_store_relaxed(&mc.ring->voided, is[i].voided);
		slip_a64_store_relaxed(slip_mpmc_slot_(&mc, head, 8),
				       is[i].slot);
		cr_assert_eq(slip_mpmc_full_now_(&mc, head), is[i].now,
			     "case %zu", i);
	}
}

Test(sources, a_push_looks_for_room_as_far_as_the_last_slot)
{
	uint64_t p;

	two_slots(0);
	p = slip_mpmc_at_(slip_a64_load_relaxed(&mc.ring->tail)); /* stat */
	/* init: in slow hands */
	slip_a64_store_relaxed(slip_mpmc_slot_(&mc, p, 8), p | 2);
	cr_assert_eq(slip_mpmc_push_look_(&mc), 1);
}

Test(sources, what_was_returned_in_the_last_hand_is_back)
{
	two_slots(SLIP_MPMC_WORK);
	cr_assert_not(slip_mpmc_is_back_(&mc));
	/* init: position 9, of which no count tells yet */
	slip_a64_store_relaxed(
		&slip_mpmc_seat_(mc.home, &mc.shape, SEATS)->hand,
		9 * SLIP_MPMC_ONE | SLIP_MPMC_FULL | SLIP_MPMC_RETURNED);
	cr_assert(slip_mpmc_is_back_(&mc));
}
