/* SPDX-License-Identifier: MIT */
/*
 * Does the account of mpmc_account.h notice? Histories without a ring: right
 * ones, which must pass, and each with one thing wrong in it, which must end the
 * process that keeps the account.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/mpmc_account.h"

#define BYTES 24

static struct mpmc_account *a;

static void put(uint32_t place, uint64_t n)
{
	mpmc_putting(a, place, n);
	mpmc_put(a, place, n);
}

static void pop(uint32_t place, uint64_t name)
{
	unsigned char elem[BYTES];
	uint64_t since = mpmc_popping(a, place, 1);

	stress_fill(elem, BYTES, name);
	mpmc_popped(a, place, elem, BYTES, since);
}

static uint32_t take(uint32_t place, uint64_t name, uint32_t attempts)
{
	unsigned char elem[BYTES];
	uint64_t since = mpmc_popping(a, place, 0);

	stress_fill(elem, BYTES, name);
	return mpmc_taken(a, place, elem, BYTES, attempts, since);
}

static void ack(uint32_t place, uint32_t held)
{
	mpmc_acking(a, place, held);
	mpmc_acked(a, place, held);
}

/* As the controller does it. */
static void kill_one(uint32_t place)
{
	(void)slip_a64_fetch_add_relaxed(&a->deaths, 1);
	mpmc_bury(a, place, true);
}

static uint64_t name(uint64_t number)
{
	return mpmc_name(0, number);
}

/* --- right ----------------------------------------------------------------- */

static void all_is_well(void)
{
	struct mpmc_result r;

	put(0, 3);
	put(1, 1);
	for (uint64_t n = 0; n < 3; n++)
		pop(2, name(n));
	pop(3, mpmc_name(1, 0));
	r = mpmc_settle(a);
	STRESS_CHECK(r.pushed == 4 && r.popped == 4 && r.ordered == 4, "sums");
}

/* A push of four that was killed, and came to two. */
static void late_and_never(void)
{
	struct mpmc_result r;

	mpmc_putting(a, 0, 4);
	kill_one(0);
	pop(2, name(0));
	pop(2, name(1));
	r = mpmc_settle(a);
	STRESS_CHECK(r.pushed == 2 && r.late == 2 && r.never == 2, "sums");
}

/* One push killed, and that of the successor: only the second came to it. */
static void never_and_late(void)
{
	struct mpmc_result r;

	for (int i = 0; i < 2; i++) {
		mpmc_putting(a, 0, 1);
		kill_one(0);
	}
	pop(2, name(1));
	r = mpmc_settle(a);
	STRESS_CHECK(r.pushed == 1 && r.late == 1 && r.never == 1, "sums");
}

static void lost_in_pop(void)
{
	struct mpmc_result r;

	put(0, 2);
	(void)mpmc_popping(a, 2, 1);
	kill_one(2);
	pop(3, name(1));
	r = mpmc_settle(a);
	STRESS_CHECK(r.lost == 1 && r.popped == 1, "sums");
}

static void returned(void)
{
	struct mpmc_result r;

	a->work = true;
	put(0, 2);
	mpmc_nacked(a, 2, take(2, name(0), 1));
	(void)take(2, name(1), 1);
	kill_one(2);
	ack(3, take(3, name(1), 2));
	mpmc_acking(a, 3, take(3, name(0), 2));
	kill_one(3);
	ack(4, take(4, name(0), 3));
	r = mpmc_settle(a);
	STRESS_CHECK(r.again == 3 && r.returned == 2 && a->unsure == 1, "sums");
}

/* --- wrong ----------------------------------------------------------------- */

static void loses_one(void)
{
	put(0, 2);
	pop(2, name(1));
	(void)mpmc_settle(a);
}

static void loses_more_than_died(void)
{
	put(0, 3);
	(void)mpmc_popping(a, 2, 1);
	kill_one(2);
	pop(3, name(2));
	(void)mpmc_settle(a);
}

static void loses_of_a_batch(void)
{
	mpmc_putting(a, 0, 3);
	kill_one(0);
	pop(2, name(1));
	(void)mpmc_settle(a);
}

static void twice(void)
{
	put(0, 1);
	pop(2, name(0));
	pop(3, name(0));
}

static void never_pushed(void)
{
	put(0, 1);
	pop(2, name(1));
}

static void torn(void)
{
	unsigned char elem[BYTES];

	put(0, 1);
	stress_fill(elem, BYTES, name(0));
	elem[BYTES - 1] ^= 1;
	mpmc_popped(a, 2, elem, BYTES, 0);
}

static void out_of_order(void)
{
	put(0, 2);
	pop(2, name(1));
	pop(2, name(0));
}

/* At two consumers; only the clock tells. */
static void out_of_order_by_the_clock(void)
{
	put(0, 1);
	put(1, 1);
	pop(2, mpmc_name(1, 0));
	pop(3, name(0));
	(void)mpmc_settle(a);
}

static void not_flagged(void)
{
	a->work = true;
	put(0, 1);
	mpmc_nacked(a, 2, take(2, name(0), 1));
	(void)take(3, name(0), 1);
}

static void flagged_for_nothing(void)
{
	a->work = true;
	put(0, 1);
	(void)take(3, name(0), 2);
}

static void acked_and_again(void)
{
	a->work = true;
	put(0, 1);
	ack(2, take(2, name(0), 1));
	ack(3, take(3, name(0), 2));
	(void)mpmc_settle(a);
}

static void returned_and_lost(void)
{
	a->work = true;
	put(0, 1);
	(void)take(2, name(0), 1);
	kill_one(2);
	(void)mpmc_settle(a);
}

static const struct {
	const char *what;
	void (*history)(void);
	bool right;
} histories[] = {
	{ "all is well", all_is_well, true },
	{ "late, and never", late_and_never, true },
	{ "never, and late", never_and_late, true },
	{ "lost in pop", lost_in_pop, true },
	{ "returned", returned, true },
	{ "one is lost", loses_one, false },
	{ "more are lost than died", loses_more_than_died, false },
	{ "one of a batch is lost", loses_of_a_batch, false },
	{ "one comes twice", twice, false },
	{ "one was never pushed", never_pushed, false },
	{ "one is torn", torn, false },
	{ "out of order", out_of_order, false },
	{ "out of order, by the clock", out_of_order_by_the_clock, false },
	{ "again, and not flagged", not_flagged, false },
	{ "flagged for nothing", flagged_for_nothing, false },
	{ "acked, and again", acked_and_again, false },
	{ "returned, and lost", returned_and_lost, false },
};

/* What comes of it, in a process of its own. */
static bool passes(void (*history)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		mpmc_account_reset(a, false, true);
		history();
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
		a = stress_shared(sizeof(*a));
		if (passes(histories[i].history) == histories[i].right)
			continue;
		printf("FAIL %s: %s\n", histories[i].what,
		       histories[i].right ? "refused" : "not noticed");
		wrong++;
	}
	return wrong != 0;
}
