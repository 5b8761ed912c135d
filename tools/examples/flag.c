/* SPDX-License-Identifier: MIT */
/*
 * Instead of a signal, or a byte in a pipe, that says "now": a flag to wait
 * for. One that stays set is a door, one that resets itself lets one through.
 * Setting is async-signal-safe.
 */
#include "tools/examples/example.h"

#include "futex/flag.h"

struct shared {
	struct slip_flag door, turnstile, out;
	slip_a32 inside;
};

static struct shared *s;

static int guest(void)
{
	must(slip_flag_wait(&s->door) == 0, "the door opens for all");
	must(slip_flag_wait(&s->turnstile) == 0, "and this for one at a time");
	(void)slip_a32_fetch_add_relaxed(&s->inside, 1);
	slip_flag_set(&s->out);
	return 0;
}

int main(void)
{
	pid_t child[3];

	s = (struct shared *)shared_memory(sizeof(*s));
	must(slip_flag_init(&s->turnstile, SLIP_FLAG_AUTO) == 0 &&
		     slip_flag_init(&s->out, SLIP_FLAG_AUTO) == 0,
	     "init; zero bytes are a door");
	for (int i = 0; i < 3; i++)
		child[i] = start(guest);
	must(slip_flag_wait_until(&s->out, slip_after_ns(2000000)) ==
		     -ETIMEDOUT,
	     "all wait");
	slip_flag_set(&s->door);
	must(slip_flag_try(&s->door), "it stays open");
	for (uint32_t i = 1; i <= 3; i++) {
		slip_flag_set(&s->turnstile);
		must(slip_flag_wait(&s->out) == 0, "somebody went through");
		must(slip_a32_load_relaxed(&s->inside) == i, "one alone");
	}
	for (int i = 0; i < 3; i++)
		must(went_well(child[i]), "guest");
	must(!slip_flag_try(&s->turnstile), "nothing is left");
	must(slip_flag_reset(&s->door) && !slip_flag_try(&s->door), "closed");
	return 0;
}
