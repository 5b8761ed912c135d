/* SPDX-License-Identifier: MIT */
/*
 * Instead of syscall(SYS_futex, ...): typed calls, one for each operation,
 * with -errno as result and absolute monotonic deadlines. Here two processes
 * take turns; the primitives of futex/ are all made of this.
 */
#include "tools/examples/example.h"

#include "atomics/word.h"
#include "futex/futex.h"

#define TURNS 1000

static slip_a32 *turn;

/* Wait for our turns, and pass each on. */
static void play(uint32_t mine)
{
	for (uint32_t i = mine; i < TURNS; i += 2) {
		uint32_t now;
		int rc;

		while ((now = slip_a32_load_acquire(turn)) != i) {
			/* Woken, spuriously, interrupted, or changed before
			 * we slept: in any case look again. */
			rc = slip_futex_wait(turn, now, SLIP_FOREVER,
					     SLIP_SHARED);
			must(rc == 0 || rc == -EAGAIN || rc == -EINTR, "wait");
		}
		slip_a32_store_release(turn, i + 1);
		must(slip_futex_wake(turn, 1, SLIP_SHARED) >= 0, "wake");
	}
}

static int other(void)
{
	play(1);
	return 0;
}

int main(void)
{
	pid_t child;

	turn = (slip_a32 *)shared_memory(4096);
	must(slip_futex_wait(turn, 1, SLIP_FOREVER, SLIP_SHARED) == -EAGAIN,
	     "it is not 1, so do not sleep");
	must(slip_futex_wait(turn, 0, slip_after_ns(1000000), SLIP_SHARED) ==
		     -ETIMEDOUT,
	     "nobody wakes us");
	child = start(other);
	play(0);
	must(went_well(child), "the other player");
	must(slip_a32_load_relaxed(turn) == TURNS, "all turns were taken");
	return 0;
}
