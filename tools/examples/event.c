/* SPDX-License-Identifier: MIT */
/*
 * Instead of an eventfd(2) beside shared data: sleep until something that
 * another process stored may have changed. While nobody sleeps, to tell costs
 * a load.
 */
#include "tools/examples/example.h"

#include "atomics/word.h"
#include "futex/event.h"

#define STEPS 2000

struct shared {
	slip_a32 number; /* the data; the event has none of its own */
	struct slip_event changed;
};

static struct shared *s;
static unsigned mode;

/* Waits until the number is `wanted`: look, announce, look again, sleep. */
static void wait_for(uint32_t wanted)
{
	uint32_t key;
	int rc;

	while (slip_a32_load_acquire(&s->number) != wanted) {
		must(slip_event_prepare(&s->changed, mode, &key) == 0,
		     "announce");
		if (slip_a32_load_acquire(&s->number) == wanted)
			return;
		rc = slip_event_sleep(&s->changed, key, SLIP_FOREVER);
		must(rc == 0, "sleep");
	}
}

static void tell(uint32_t number)
{
	slip_a32_store_release(&s->number, number);
	slip_event_notify(&s->changed, mode);
}

static int other(void)
{
	must(slip_event_register(mode) == 0, "register");
	for (uint32_t i = 0; i < STEPS; i += 2) {
		wait_for(i + 1);
		tell(i + 2);
	}
	return 0;
}

int main(void)
{
	int chosen = slip_event_choose(SLIP_EVENT_AUTO);
	pid_t child;

	must(chosen > 0, "choose");
	mode = (unsigned)chosen;
	must(slip_event_register(mode) == 0, "register");
	s = (struct shared *)shared_memory(sizeof(*s));
	child = start(other);
	for (uint32_t i = 0; i < STEPS; i += 2) {
		tell(i + 1);
		wait_for(i + 2);
	}
	must(went_well(child), "the other side");
	return 0;
}
