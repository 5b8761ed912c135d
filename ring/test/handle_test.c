/* SPDX-License-Identifier: MIT */
/*
 * Handles of the rings after their time, with something still in hand, and
 * looks from outside at a ring that does not stand still.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK handle_test_sys
#include "../mpmc.h"
#include "../priority.h"
#include "../record.h"
#include "../spsc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "../../atomics/test/check.h"

static bool no_membarrier;

long handle_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	if (no_membarrier && nr == SYS_membarrier)
		return -EPERM;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static unsigned char memory[4096] SLIP_ALIGNED(SLIP_APART_BYTES);

struct spsc {
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
};

static void spsc_attach(struct spsc *s)
{
	cr_assert_eq(
		slip_spsc_attach_producer(&s->p, memory, sizeof(memory), NULL),
		0);
	cr_assert_eq(
		slip_spsc_attach_consumer(&s->c, memory, sizeof(memory), NULL),
		0);
}

static void spsc_set_up(struct spsc *s)
{
	cr_assert_eq(slip_spsc_init(memory, sizeof(memory), 16, 8, 0), 0);
	spsc_attach(s);
}

static void spsc_detach(struct spsc *s)
{
	slip_spsc_detach_producer(&s->p);
	slip_spsc_detach_consumer(&s->c);
}

Test(spsc_handle, one_that_has_left_does_not_wait)
{
	struct spsc s;

	spsc_set_up(&s);
	spsc_detach(&s);
	cr_assert_eq(slip_spsc_wait_room_until(&s.p, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_spsc_wait_data_until(&s.c, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_spsc_wait_consumer_until(&s.p, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_spsc_wait_producer_until(&s.c, SLIP_FOREVER), -EPIPE);
}

Test(spsc_handle, what_is_still_in_hand_needs_no_waiting)
{
	uint64_t x[3] = { 1, 2, 3 };
	struct spsc s;

	spsc_set_up(&s);
	cr_assert_eq(slip_spsc_push_n(&s.p, x, 3), 3u);
	cr_assert_gt(s.p.at.end, s.p.at.stamp, "room in the block");
	cr_assert_eq(slip_spsc_wait_room_until(&s.p, 0), 0);
	cr_assert(slip_spsc_pop(&s.c, x));
	cr_assert_eq(s.c.at.end - s.c.at.stamp, 2u, "seen, not taken");
	cr_assert_eq(slip_spsc_wait_data_until(&s.c, 0), 0);
}

Test(spsc_handle, what_is_in_hand_is_peeked_released_and_popped_one_by_one)
{
	uint64_t x[5] = { 1, 2, 3, 4, 5 };
	const uint64_t *seen;
	struct spsc s;

	spsc_set_up(&s);
	cr_assert_eq(slip_spsc_push_n(&s.p, x, 5), 5u);
	cr_assert_eq(slip_spsc_pop_n(&s.c, x, 2), 2u, "of five in the block");
	for (uint64_t i = 3; i <= 4; i++) {
		seen = slip_spsc_peek(&s.c);
		cr_assert_not_null(seen);
		cr_assert_eq(*seen, i);
		slip_spsc_release(&s.c);
	}
	cr_assert(slip_spsc_pop(&s.c, x));
	cr_assert_eq(x[0], 5u);
	slip_spsc_release(&s.c);
	cr_assert_null(slip_spsc_peek(&s.c), "a release too many took nothing");
}

Test(spsc_handle, one_that_was_overtaken_guesses_0)
{
	struct spsc old, new;
	uint64_t x = 0;

	spsc_set_up(&old);
	cr_assert(slip_spsc_push(&old.p, &x));
	cr_assert_eq(slip_spsc_count_guess(&old.p), 1u);
	spsc_detach(&old);
	spsc_attach(&new);
	for (int i = 0; i < 3; i++) {
		cr_assert(slip_spsc_push(&new.p, &x));
		cr_assert(slip_spsc_pop(&new.c, &x));
	}
	cr_assert_eq(slip_spsc_count_guess(&old.p), 0u, "not 2^64 - 2");
}

Test(spsc_handle, every_number_of_the_shape_is_checked)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);
	slip_a32 *words[] = { &ring->mode, &ring->capacity, &ring->elem_bytes,
			      &ring->per_block, &ring->block_bytes };
	struct spsc s;

	spsc_set_up(&s);
	spsc_detach(&s);
	for (int i = 0; i < 5; i++) {
		(void)slip_a32_fetch_add_relaxed(words[i], 64);
		cr_assert_eq(slip_spsc_attach_producer(&s.p, memory,
						       sizeof(memory), NULL),
			     -EBADMSG, "word %d", i);
		(void)slip_a32_fetch_add_relaxed(words[i], (uint32_t)-64);
	}
	spsc_attach(&s);
}

Test(spsc_handle, a_head_that_is_not_behind_the_tail_is_refused)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, memory);
	uint64_t x = 0;
	struct spsc s;

	spsc_set_up(&s);
	/* 18 elements in a ring for 16: only a liar's head allows it. */
	for (uint64_t i = 0; i < 18; i++) {
		slip_a64_store_relaxed(&ring->ends.head, i);
		cr_assert(slip_spsc_push(&s.p, &x));
	}
	slip_spsc_detach_producer(&s.p);
	for (uint64_t head = 0; head < 21; head++) {
		int rc = head < 2 || head > 18 ? -EBADMSG : 0;

		slip_a64_store_relaxed(&ring->ends.head, head);
		cr_assert_eq(slip_spsc_attach_producer(&s.p, memory,
						       sizeof(memory), NULL),
			     rc, "head %d", (int)head);
		slip_spsc_detach_producer(&s.p);
	}
}

static unsigned char *overtaken; /* header of a ring at the end of a page */

/* The first look at the data: meanwhile the ring has gone on. */
static void overtake(int sig)
{
	struct slip_spsc_ring *ring = SLIP_RECAST(void *, overtaken);
	void *control = overtaken + 384 + 56;

	(void)sig;
	(void)!mprotect(overtaken + 384, 4096, PROT_READ | PROT_WRITE);
	slip_a64_store_relaxed(&ring->ends.head, 1);
	slip_a64_store_relaxed(SLIP_CAST(slip_a64 *, control), 1u << 6 | 63);
}

Test(spsc_handle, inspect_says_when_it_was_overtaken)
{
	struct slip_spsc_info info;
	unsigned char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq((void *)mem, MAP_FAILED);
	overtaken = mem + 4096 - 384;
	cr_assert_eq(slip_spsc_init(overtaken, 384 + 4096, 16, 8, 0), 0);
	signal(SIGSEGV, overtake);
	cr_assert_eq(mprotect(mem + 4096, 4096, PROT_NONE), 0);
	cr_assert_eq(slip_spsc_inspect(overtaken, 384 + 4096, &info), -EAGAIN);
	signal(SIGSEGV, SIG_DFL);
	cr_assert_eq(slip_spsc_inspect(overtaken, 384 + 4096, &info), -EBADMSG,
		     "and when it is damaged");
	munmap(mem, 8192);
}

static struct {
	uint64_t looks;
	char *open; /* the page of the last word that was read */
} liar;

/* Each word that is asked for says "full, and go on", as no honest ring can
 * of more blocks than it has. Asked again, it says it of the next lap. */
static void lie(int sig, siginfo_t *info, void *context)
{
	char *page = SLIP_RECAST(char *, SLIP_RECAST(uintptr_t, info->si_addr) &
						 ~(uintptr_t)4095);

	(void)sig;
	(void)context;
	if (liar.open)
		(void)!mprotect(liar.open, 4096, PROT_NONE);
	liar.open = page;
	(void)!mprotect(page, 4096, PROT_READ | PROT_WRITE);
	slip_a64_store_relaxed(SLIP_CAST(slip_a64 *, info->si_addr),
			       ++liar.looks << 6 | 1);
}

Test(spsc_handle, a_ring_that_never_ends_is_refused)
{
	size_t bytes = slip_spsc_bytes(2, 65536);
	struct sigaction action;
	struct slip_spsc_producer p;
	char *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq((void *)mem, MAP_FAILED);
	cr_assert_eq(slip_spsc_init(mem, bytes, 2, 65536, 0), 0);
	cr_assert_eq(mprotect(mem + 4096, bytes - 4096, PROT_NONE), 0);
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = lie;
	action.sa_flags = SA_SIGINFO;
	cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
	cr_assert_eq(slip_spsc_attach_producer(&p, mem, bytes, NULL), -EBADMSG);
	cr_assert_eq(liar.looks, 5u, "one more than any tail can need");
	signal(SIGSEGV, SIG_DFL);
	munmap(mem, bytes);
}

Test(record_handle, one_that_never_was_or_was_overtaken_guesses_0)
{
	struct slip_record_producer first, second;
	struct slip_record_consumer c;
	uint32_t len;

	cr_assert_eq(slip_record_init(memory, sizeof(memory), 1024, 0), 0);
	cr_assert_eq(slip_record_attach_producer(&first, NULL, 0, NULL),
		     -EINVAL);
	cr_assert_eq(slip_record_used_bytes_guess(&first), 0u, "no ring");
	cr_assert_eq(slip_record_attach_producer(&first, memory, sizeof(memory),
						 NULL),
		     0);
	cr_assert_eq(
		slip_record_attach_consumer(&c, memory, sizeof(memory), NULL),
		0);
	slip_record_detach_producer(&first);
	cr_assert_eq(slip_record_attach_producer(&second, memory,
						 sizeof(memory), NULL),
		     0);
	cr_assert_eq(slip_record_push(&second, NULL, 0), 0);
	cr_assert_eq(slip_record_used_bytes_guess(&second), 8u);
	cr_assert_eq(slip_record_pop(&c, memory, 0, &len), 0);
	cr_assert_eq(slip_record_used_bytes_guess(&first), 0u, "not 2^64 - 8");
}

Test(mpmc_handle, an_element_that_comes_in_the_last_look_is_not_popped_twice)
{
	struct slip_mpmc_wait_ wait;
	uint64_t in = 7, out = 0;
	struct slip_mpmc q;

	cr_assert_eq(slip_mpmc_init(memory, sizeof(memory), 4, 8,
				    SLIP_MPMC_SEATS(2)),
		     0);
	cr_assert_eq(slip_mpmc_attach(&q, memory, sizeof(memory), 3, NULL), 0);
	wait = (struct slip_mpmc_wait_){ &q, &in, &out, NULL, false };
	for (int look = 0; look < 3; look++)
		cr_assert_eq(slip_mpmc_try_push_(&wait), 1);
	cr_assert_eq(slip_mpmc_count_guess(&q), 1u, "pushed once");
	in = 8;
	cr_assert(slip_mpmc_push(&q, &in));
	wait.done = false;
	for (int look = 0; look < 3; look++)
		cr_assert_eq(slip_mpmc_try_pop_(&wait), 1);
	cr_assert_eq(out, 7u);
	cr_assert_eq(slip_mpmc_count_guess(&q), 1u, "popped once");
	slip_mpmc_detach(&q);
}

Test(handle, a_ring_that_asks_for_membarrier_is_not_made_without)
{
	no_membarrier = true;
	cr_assert_eq(
		slip_spsc_init(memory, sizeof(memory), 16, 8, SLIP_EVENT_ASYM),
		-EPERM);
	cr_assert_eq(
		slip_record_init(memory, sizeof(memory), 1024, SLIP_EVENT_ASYM),
		-EPERM);
	cr_assert_eq(slip_mpmc_init(memory, sizeof(memory), 4, 8,
				    SLIP_EVENT_ASYM | SLIP_MPMC_SEATS(2)),
		     -EPERM);
	cr_assert_eq(
		slip_priority_init(memory, sizeof(memory), 2, 2, 8,
				   SLIP_EVENT_ASYM | SLIP_PRIORITY_SEATS(2)),
		-EPERM);
	cr_assert_eq(slip_record_init(memory, sizeof(memory), 1024, 0), 0,
		     "it finds another mode by itself");
	cr_assert_eq(slip_mpmc_init(memory, sizeof(memory), 4, 8,
				    SLIP_MPMC_SEATS(2)),
		     0, "so does it");
}
