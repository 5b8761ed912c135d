/* SPDX-License-Identifier: MIT */
/* futex/event.h: the handshake, the three modes, refusals, spinning. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK event_test_sys
#define SLIP_NOW_HOOK event_test_now

#include "../event.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../atomics/test/check.h"

/* The kernel, with a switch: refuse one call, count another. */
static long refuse_nr = -1;
static long refuse_with;
static slip_a32 futex_calls;

long event_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == refuse_nr)
		return refuse_with;
	if (nr == SYS_futex)
		slip_a32_fetch_add_relaxed(&futex_calls, 1);
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static uint64_t fake_now; /* 0: the real clock */

uint64_t event_test_now(void)
{
	struct timespec t;

	if (fake_now)
		return fake_now;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const unsigned modes[] = { SLIP_EVENT_ASYM, SLIP_EVENT_FULL,
				  SLIP_EVENT_RMW };

static uint32_t value(const struct slip_event *e)
{
	return slip_a32_load_relaxed(&e->word);
}

Test(event, notify_without_sleepers_makes_no_system_call)
{
	for (int m = 0; m < 3; m++) {
		struct slip_event e = { 0 };

		cr_assert_eq(slip_event_register(modes[m]), 0, "register");
		slip_a32_store_relaxed(&futex_calls, 0);
		slip_event_notify(&e, modes[m]);
		slip_event_notify_one(&e, modes[m]);
		cr_assert_eq(slip_a32_load_relaxed(&futex_calls), 0, "calls");
		cr_assert_eq(value(&e), 0, "unchanged");
	}
}

Test(event, a_notify_between_prepare_and_sleep_is_not_slept_through)
{
	for (int m = 0; m < 3; m++) {
		struct slip_event e = { 0 };
		uint32_t key;

		cr_assert_eq(slip_event_register(modes[m]), 0, "register");
		cr_assert_eq(slip_event_prepare(&e, modes[m], &key), 0, "W");
		cr_assert_eq(key, value(&e), "the key");
		cr_assert(key & SLIP_EVENT_W_, "W is set");
		slip_event_notify(&e, modes[m]);
		cr_assert_eq(value(&e), key + SLIP_EVENT_W_,
			     "W is clear, the epoch is up");
		cr_assert_eq(slip_event_sleep(&e, key, SLIP_FOREVER), 0,
			     "does not sleep");
	}
}

Test(event, notify_one_between_prepare_and_sleep_is_not_slept_through)
{
	struct slip_event e = { 0 };
	uint32_t key;

	cr_assert_eq(slip_event_prepare(&e, SLIP_EVENT_FULL, &key), 0, "W");
	slip_event_notify_one(&e, SLIP_EVENT_FULL);
	cr_assert_eq(value(&e) & 1, 0, "nobody slept, so W is clear");
	cr_assert_eq(slip_event_sleep(&e, key, SLIP_FOREVER), 0, "awake");
}

Test(event, sleep_keeps_its_deadline_and_errno)
{
	struct slip_event e = { 0 };
	uint64_t until = slip_after_ns(20000000);
	uint32_t key;

	errno = 77;
	cr_assert_eq(slip_event_prepare(&e, SLIP_EVENT_FULL, &key), 0, "W");
	cr_assert_eq(slip_event_sleep(&e, key, until), -ETIMEDOUT, "late");
	cr_assert(slip_now_ns() >= until, "not early");
	cr_assert_eq(errno, 77, "errno is the user's");
}

Test(event, sleep_on_memory_that_is_gone_is_an_error)
{
	struct slip_event *e = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(e != MAP_FAILED, "mmap");
	munmap(e, 4096);
	cr_assert_eq(slip_event_sleep(e, 1, SLIP_FOREVER), -EFAULT, "gone");
}

Test(event, the_epoch_wraps)
{
	struct slip_event e = { 0 };
	uint32_t key;

	slip_a32_store_relaxed(&e.word, -SLIP_EVENT_ONE_);
	cr_assert_eq(slip_event_prepare(&e, SLIP_EVENT_FULL, &key), 0, "W");
	cr_assert_eq(key, -SLIP_EVENT_ONE_ | SLIP_EVENT_W_, "key");
	slip_event_notify(&e, SLIP_EVENT_FULL);
	cr_assert_eq(value(&e), 0, "around");
	cr_assert_eq(slip_event_sleep(&e, key, SLIP_FOREVER), 0, "awake");
}

Test(event, choose_takes_asym_where_it_works_and_full_elsewhere)
{
	cr_assert_eq(slip_event_choose(SLIP_EVENT_FULL), SLIP_EVENT_FULL, "F");
	cr_assert_eq(slip_event_choose(SLIP_EVENT_RMW), SLIP_EVENT_RMW, "R");
	cr_assert_eq(slip_event_choose(4), -EINVAL, "no such mode");
	refuse_nr = SYS_membarrier;
	refuse_with = -ENOSYS;
	cr_assert_eq(slip_event_choose(SLIP_EVENT_AUTO), SLIP_EVENT_FULL, "A");
	cr_assert_eq(slip_event_choose(SLIP_EVENT_ASYM), -ENOSYS, "absent");
	refuse_with = -EINVAL;
	cr_assert_eq(slip_event_choose(SLIP_EVENT_ASYM), -ENOSYS, "too old");
	refuse_with = -EPERM;
	cr_assert_eq(slip_event_choose(SLIP_EVENT_ASYM), -EPERM, "refused");
}

Test(event, prepare_fails_when_membarrier_is_refused_later)
{
	struct slip_event e = { 0 };
	uint32_t key;

	cr_assert_eq(slip_event_register(SLIP_EVENT_FULL), 0, "register");
	refuse_nr = SYS_membarrier;
	refuse_with = -EPERM;
	cr_assert_eq(slip_event_prepare(&e, SLIP_EVENT_ASYM, &key), -EPERM,
		     "must not sleep");
}

/* Two parties take turns on a counter, each asleep while it is the other's. */
struct turns {
	struct slip_event e[2];
	slip_a32 turn;
	slip_a32 spare;
};

static int play(struct turns *t, uint32_t side, unsigned mode, uint32_t rounds)
{
	for (uint32_t i = side; i < rounds; i += 2) {
		/* TEST-A1: the other's move. Pairs: TEST-R1 below. */
		while (slip_a32_load_acquire(&t->turn) != i) {
			uint32_t key;

			if (slip_event_prepare(&t->e[side], mode, &key))
				return 1;
			if (slip_a32_load_acquire(&t->turn) != i &&
			    slip_event_sleep(&t->e[side], key, SLIP_FOREVER))
				return 2;
		}
		/* TEST-R1: our move. Pairs: TEST-A1. */
		if (mode == SLIP_EVENT_RMW)
			slip_a32_fetch_add_seqcst(&t->turn, 1);
		else
			slip_a32_store_release(&t->turn, i + 1);
		slip_event_notify(&t->e[1 - side], mode);
	}
	return 0;
}

static void turns_between_processes(unsigned mode)
{
	struct turns *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	cr_assert(t != MAP_FAILED, "mmap");
	cr_assert_eq(slip_event_register(mode), 0, "register");
	child = fork();
	cr_assert(child >= 0, "fork");
	if (child == 0)
		_exit(play(t, 1, mode, 4000));
	cr_assert_eq(play(t, 0, mode, 4000), 0, "no wake-up is lost");
	cr_assert_eq(waitpid(child, &status, 0), child, "wait");
	cr_assert_eq(status, 0, "nor the other way");
}

Test(event, two_processes_lose_no_wake_up_asym)
{
	turns_between_processes(SLIP_EVENT_ASYM);
}

Test(event, two_processes_lose_no_wake_up_full)
{
	turns_between_processes(SLIP_EVENT_FULL);
}

Test(event, two_processes_lose_no_wake_up_rmw)
{
	turns_between_processes(SLIP_EVENT_RMW);
}

/* A gate: three threads sleep until it opens. */
static struct slip_event gate;
static slip_a32 opened;
static slip_a32 through;

static void *wait_at_gate(void *unused)
{
	while (!slip_a32_load_acquire(&opened)) {
		uint32_t key;

		if (slip_event_prepare(&gate, SLIP_EVENT_FULL, &key) == 0 &&
		    !slip_a32_load_acquire(&opened) &&
		    slip_event_sleep(&gate, key, SLIP_FOREVER))
			return NULL; /* leaves `through` short */
	}
	slip_a32_fetch_add_relaxed(&through, 1);
	return unused;
}

Test(event, notify_wakes_every_sleeper)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, wait_at_gate, NULL), 0,
			     "thread");
	while (!(value(&gate) & SLIP_EVENT_W_))
		sched_yield();
	slip_a32_store_release(&opened, 1);
	slip_event_notify(&gate, SLIP_EVENT_FULL);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_join(t[i], NULL), 0, "join");
	cr_assert_eq(slip_a32_load_relaxed(&through), 3, "all three");
}

/* Tokens: each post serves one of the sleepers, whichever. */
static slip_a32 tokens;

static void *take_tokens(void *unused)
{
	for (int taken = 0; taken < 500;) {
		uint32_t n = slip_a32_load_acquire(&tokens);
		uint32_t key;

		if (n && slip_a32_cas_acquire(&tokens, &n, n - 1)) {
			taken++;
			continue;
		}
		if (slip_event_prepare(&gate, SLIP_EVENT_RMW, &key) == 0 &&
		    !slip_a32_load_acquire(&tokens) &&
		    slip_event_sleep(&gate, key, SLIP_FOREVER))
			return NULL; /* leaves tokens behind */
	}
	return unused;
}

Test(event, notify_one_strands_nobody)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, take_tokens, NULL), 0,
			     "thread");
	for (int i = 0; i < 1500; i++) {
		slip_a32_fetch_add_seqcst(&tokens, 1);
		slip_event_notify_one(&gate, SLIP_EVENT_RMW);
	}
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_join(t[i], NULL), 0, "join");
	cr_assert_eq(slip_a32_load_relaxed(&tokens), 0, "all taken");
}

/* Spin until the budget is gone; returns the ns it took on the fake clock. */
static uint64_t spin_out(struct slip_spin *s)
{
	uint64_t begin = fake_now;

	if (!slip_spin_begin(s))
		return 0;
	while (slip_spin_turn(s))
		fake_now += 100;
	return fake_now - begin;
}

Test(spin, gives_up_after_three_failures_and_tries_ever_more_rarely)
{
	struct slip_spin s;
	int tries = 0;

	fake_now = 1000000;
	slip_spin_init(&s);
	for (int i = 0; i < 3; i++)
		cr_assert(spin_out(&s) >= SLIP_SPIN_FIRST_NS, "try %d", i);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(spin_out(&s), 0, "rest %d", i);
	cr_assert(spin_out(&s) >= SLIP_SPIN_MAX_NS, "outlasts a wake-up");
	for (int i = 0; i < 20000; i++)
		tries += spin_out(&s) > 0;
	cr_assert_eq(tries, 8, "128, 256, 512, 1024, 2048, then every 4096");
}

Test(spin, learns_from_what_success_took)
{
	struct slip_spin s;

	fake_now = 1000000;
	slip_spin_init(&s);
	for (int i = 0; i < 400; i++) {
		cr_assert(slip_spin_begin(&s), "spins");
		for (int k = 0; k < 64; k++)
			cr_assert(slip_spin_turn(&s), "within the budget");
		fake_now += 1500;
		slip_spin_hit(&s);
	}
	cr_assert(s.budget_ns <= 3100 && s.budget_ns >= 2900,
		  "about twice 1500: %u", s.budget_ns);
	cr_assert(slip_spin_begin(&s), "spins");
	for (int k = 0; k < 64; k++)
		cr_assert(slip_spin_turn(&s), "within the budget");
	fake_now += 9000;
	slip_spin_hit(&s);
	cr_assert_eq(s.budget_ns, 18000, "risen to at once");
}
