/* SPDX-License-Identifier: MIT */
/*
 * Instead of a System V semaphore set: up to four counters changed at once,
 * all or nothing, or when one of them is zero. Four philosophers take two
 * forks in one step, so there is no deadlock to avoid; then one waits for
 * zero.
 */
#include "tools/examples/example.h"

#include "futex/sem_set.h"

#define MEALS 2000

struct table {
	struct slip_sem_set forks;
	struct slip_sem_set guests; /* #0: how many are at table */
	uint32_t held[4];	    /* plain: the forks protect them */
};

static struct table *table;
static uint32_t seat; /* of the next child */

static int philosopher(void)
{
	struct slip_sem_change take = { { 0, 0, 0, 0 }, 0 };
	struct slip_sem_change put = take;
	struct slip_sem_change leave = { { -1, 0, 0, 0 }, 0 };
	uint32_t left = seat, right = (seat + 1) % 4;

	take.add[left] = take.add[right] = -1;
	put.add[left] = put.add[right] = 1;
	for (int i = 0; i < MEALS; i++) {
		must(slip_sem_set_change(&table->forks, &take) == 0, "take");
		table->held[left]++;
		table->held[right]++;
		must(slip_sem_set_change(&table->forks, &put) == 0, "put");
	}
	return slip_sem_set_change(&table->guests, &leave);
}

int main(void)
{
	static const uint32_t one_each[4] = { 1, 1, 1, 1 };
	static const uint32_t four[4] = { 4, 0, 0, 0 };
	struct slip_sem_change two = { { -1, -2, 0, 0 }, 0 };
	struct slip_sem_change all_gone = { { 0, 0, 0, 0 }, 1u << 0 };
	uint32_t now[4];
	pid_t child[4];

	table = (struct table *)shared_memory(sizeof(*table));
	must(slip_sem_set_init(&table->forks, one_each) == 0 &&
		     slip_sem_set_init(&table->guests, four) == 0,
	     "init");
	must(slip_sem_set_change_try(&table->forks, &two) == -EAGAIN,
	     "IPC_NOWAIT: not two of one fork");
	must(slip_sem_set_change_try(&table->guests, &all_gone) == -EAGAIN,
	     "IPC_NOWAIT: not zero");
	for (seat = 0; seat < 4; seat++)
		child[seat] = start(philosopher);
	must(slip_sem_set_change(&table->guests, &all_gone) == 0,
	     "wait for zero");
	slip_sem_set_values(&table->forks, now);
	for (int i = 0; i < 4; i++) {
		must(went_well(child[i]), "philosopher");
		must(now[i] == 1, "every fork is back (GETALL)");
		must(table->held[i] == 2 * MEALS, "no fork in two hands");
	}
	return 0;
}
