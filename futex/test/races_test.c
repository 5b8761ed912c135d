/* SPDX-License-Identifier: MIT */
/*
 * What takes another thread at the right moment, or an odd kernel, in
 * futex/sources.h, bridge.h and uring.h: brought about by one thread.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/step.h"
#include "futex/bridge.h"
#include "futex/sources.h"
#include "futex/uring.h"

#include <unistd.h>

/* --- sources: the word changes between a look and the bit -------------------- */

static struct slip_sem *sem;
static void *robust_mem;
static struct slip_robust_sem robust;
static struct slip_source source;
static int said;

static void post_one(void)
{
	cr_assert_eq(slip_sem_post(sem, 1), 0);
}

static void post_one_robust(void)
{
	cr_assert_eq(slip_robust_sem_post(&robust, 1), 0);
}

static void look(void)
{
	said = slip_source_look_(&source, false);
}

/* Asks as after a slice. */
static void ask(void)
{
	said = slip_source_look_(&source, true);
}

static void make_sem(uint32_t units)
{
	cr_assert_eq(slip_sem_init(sem, units), 0);
	slip_sem_source(&source, sem, 2);
}

static void make_robust(uint32_t units)
{
	size_t bytes = slip_robust_sem_bytes(2);

	cr_assert_eq(slip_robust_sem_init(robust_mem, bytes, 2, units), 0);
	cr_assert_eq(slip_robust_sem_attach(&robust, robust_mem, bytes, NULL),
		     0);
	slip_robust_sem_source(&source, &robust, 2);
}

Test(races, a_unit_that_comes_between_two_looks_is_seen)
{
	sem = step_memory(sizeof(*sem));
	make_sem(1);
	cr_assert(step_run(look, post_one, 2));
	cr_assert_eq(said, 1);
	make_sem(0);
	cr_assert(step_run(look, post_one, 2));
	cr_assert_eq(said, 0, "one is not two");
	cr_assert_eq(slip_a32_load_relaxed(&sem->word), 1 | SLIP_SEM_BROAD_);
	step_free();
}

Test(races, so_is_a_robust_one)
{
	robust_mem = step_memory(slip_robust_sem_bytes(2));
	make_robust(1);
	cr_assert(step_run(look, post_one_robust, 2));
	cr_assert_eq(said, 1);
	make_robust(0);
	cr_assert(step_run(look, post_one_robust, 2));
	cr_assert_eq(said, 0, "one is not two");
	step_free();
}

static unsigned first_swap;
static int attached;

/* One sits in the seat that is looked at, and has left the other. */
static void change_seats(void)
{
	bool at_one = (step.seen - first_swap) % 2 == 1;

	if (step.seen <= first_swap || step.seen > first_swap + 6)
		return;
	/* init: both */
	slip_a64_store_relaxed(&slip_robust_sem_seat_(robust.shared, 1)->who,
			       at_one ? robust.who : 0);
	slip_a64_store_relaxed(&slip_robust_sem_seat_(robust.shared, 2)->who,
			       at_one ? 0 : robust.who);
}

static void attach_another(void)
{
	static struct slip_robust_sem h;

	attached = slip_robust_sem_attach(&h, robust_mem,
					  slip_robust_sem_bytes(2), NULL);
}

/* One of two seats is free all the time, and never the one looked at. */
Test(races, a_seat_is_found_though_another_goes_from_one_to_the_next)
{
	robust_mem = step_memory(slip_robust_sem_bytes(2));
	for (first_swap = 0; first_swap < 12; first_swap++) {
		make_robust(1);
		(void)step_run(attach_another, change_seats, 0);
		cr_assert_eq(attached, 0);
	}
	step_free();
}

Test(races, without_a_peer_nobody_is_asked_about)
{
	static _Alignas(64) char mem[192];

	robust_mem = mem;
	make_robust(1);
	ask();
	cr_assert_eq(said, 0);
	post_one_robust();
	ask();
	cr_assert_eq(said, 1);
}

/* --- waitset: ready in a spin ------------------------------------------------- */

static int looks;

static int ready_at_the_third_look(const struct slip_source *s, bool asked)
{
	(void)s;
	(void)asked;
	return ++looks == 3;
}

Test(races, what_is_ready_in_a_spin_costs_no_sleep)
{
	static struct slip_event event;
	struct slip_waitset w;

	slip_event_source(&source, &event, SLIP_EVENT_FULL, SLIP_FOREVER,
			  ready_at_the_third_look, NULL);
	cr_assert_eq(slip_waitset_init(&w, &source, 1), 0);
	cr_assert_eq(slip_waitset_wait(&w, SLIP_FOREVER), 1);
	cr_assert_eq(looks, 3);
	cr_assert_eq(slip_a32_load_relaxed(&event.word), 0, "announced");
}

/* --- a bridge's thread ---------------------------------------------------------- */

static struct slip_bridge *bridge;
static int naps;
static int run_said;

/* The loop's part, while the thread is about to sleep. */
static long nap(long nr, const long *arg)
{
	if (nr != SYS_futex || (arg[1] & 127) != SLIP_FUTEX_WAIT_BITSET_)
		return SCRIPT_PASS;
	if (++naps == 1)
		return -EAGAIN;
	if (naps == 2)
		return -EINTR;
	slip_bridge_stop(bridge);
	return 0;
}

static void run(void)
{
	run_said = slip_bridge_run(bridge);
}

static void stop(void)
{
	slip_bridge_stop(bridge);
}

Test(races, a_bridge_sleeps_on_after_a_signal)
{
	static struct slip_bridge b;
	static slip_a32 word;

	bridge = &b;
	naps = 0;
	slip_word_source(&source, &word, 0, SLIP_PRIVATE);
	cr_assert_eq(slip_bridge_open(bridge, &source, 1), 0);
	script = nap;
	run();
	script = NULL;
	cr_assert_eq(run_said, 0);
	cr_assert_eq(naps, 3);
	slip_bridge_close(bridge);
}

/* The loop wants its handles while the thread sleeps on them; and ends. */
static long recall(long nr, const long *arg)
{
	if (nr == SLIP_SYS_FUTEX_WAITV_) {
		slip_a32_store_relaxed(&bridge->word, SLIP_BRIDGE_RECALL_);
		return 0;
	}
	if (nr != SYS_futex || (arg[1] & 127) != SLIP_FUTEX_WAIT_BITSET_)
		return SCRIPT_PASS;
	naps++;
	slip_bridge_stop(bridge);
	return 0;
}

Test(races, a_bridge_that_is_recalled_writes_nothing)
{
	static struct slip_bridge b;
	static slip_a32 word;
	uint64_t count;

	bridge = &b;
	naps = 0;
	slip_word_source(&source, &word, 0, SLIP_PRIVATE);
	cr_assert_eq(slip_bridge_open(bridge, &source, 1), 0);
	cr_assert_eq(slip_bridge_arm(bridge), 0);
	script = recall;
	run();
	script = NULL;
	cr_assert_eq(run_said, 0);
	cr_assert_eq(naps, 1, "idle in between");
	cr_assert_lt(read(slip_bridge_fd(bridge), &count, sizeof(count)), 0);
	slip_bridge_close(bridge);
}

/* Between the look that finds a recall and the answer to it. */
Test(races, a_bridge_that_is_stopped_answers_no_recall)
{
	static slip_a32 word;

	bridge = step_memory(sizeof(*bridge));
	slip_word_source(&source, &word, 0, SLIP_PRIVATE);
	cr_assert_eq(slip_bridge_open(bridge, &source, 1), 0);
	slip_a32_store_relaxed(&bridge->word, SLIP_BRIDGE_RECALL_); /* init */
	cr_assert(step_run(run, stop, 2));
	cr_assert_eq(run_said, 0);
	cr_assert_eq(slip_bridge_arm(bridge), -EPIPE);
	slip_bridge_close(bridge);
	step_free();
}

/* --- uring: what a kernel knows ------------------------------------------------ */

static struct slip_uring_op_ known;

static long probe(long nr, const long *arg)
{
	uint64_t *to = (void *)arg[2];

	if (nr != SYS_io_uring_register)
		return SCRIPT_PASS;
	memcpy(&to[2 + SLIP_URING_FUTEX_WAITV_], &known, sizeof(known));
	return 0;
}

Test(races, a_kernel_knows_what_it_says_it_knows)
{
	script = probe;
	cr_assert_eq(slip_uring_knows(0), 0, "fewer operations than that");
	known.op = SLIP_URING_FUTEX_WAITV_;
	cr_assert_eq(slip_uring_knows(0), 0, "not supported");
	known.flags = SLIP_URING_SUPPORTED_;
	cr_assert_eq(slip_uring_knows(0), 1);
	script = NULL;
}
