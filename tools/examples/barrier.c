/* SPDX-License-Identifier: MIT */
/*
 * Instead of pthread_barrier_t with PTHREAD_PROCESS_SHARED: nobody begins the
 * next phase before all have ended this one. A member that is killed is
 * counted out, and the others learn how many were lost.
 */
#include "tools/examples/example.h"

#include "futex/barrier.h"

#define MEMBERS 3
#define PHASES	200

struct work {
	uint32_t phase[MEMBERS]; /* plain: the barrier orders them */
	uint32_t serials;
};

static struct family parent;
static int number; /* of the next child */

/* Write what all shall see; then look at what all have written. */
static void one_phase(struct slip_barrier *b, struct work *w, uint32_t phase)
{
	bool serial;

	w->phase[number] = phase;
	must(slip_barrier_wait(b, NULL) == 0, "all have written");
	for (int i = 0; i < MEMBERS; i++)
		must(w->phase[i] == phase, "all are in this phase");
	must(slip_barrier_wait(b, &serial) == 0, "all have looked");
	if (serial) /* one alone */
		w->serials++;
}

static int member(void)
{
	struct slip_barrier b;
	struct family f;
	struct work *w;
	size_t bytes;
	void *mem;

	family_join(&f, &parent);
	w = (struct work *)family_find(&f, "work", 7, NULL);
	mem = family_find(&f, "barrier", 8, &bytes);
	must(slip_barrier_attach(&b, mem, bytes, &f.me) == 0 &&
		     slip_barrier_join(&b) == 0,
	     "join");
	for (uint32_t phase = 1; phase <= PHASES; phase++)
		one_phase(&b, w, phase);
	if (number == 0)
		return raise(SIGKILL);
	must(slip_barrier_wait(&b, NULL) == 1, "one was lost");
	must(slip_barrier_wait(&b, NULL) == 0, "and is forgotten");
	slip_barrier_leave(&b);
	family_leave(&f);
	return 0;
}

int main(void)
{
	size_t bytes = slip_barrier_bytes(MEMBERS);
	pid_t child[MEMBERS];
	struct work *w;
	void *mem;

	family_create(&parent, sizeof(*w) + bytes);
	w = (struct work *)family_add(&parent, "work", 7, sizeof(*w));
	mem = family_add(&parent, "barrier", 8, bytes);
	must(slip_barrier_init(mem, bytes, MEMBERS) == 0, "init");
	family_publish(&parent);
	for (number = 0; number < MEMBERS; number++)
		child[number] = start(member);
	must(!went_well(child[0]), "the first was killed");
	for (int i = 1; i < MEMBERS; i++)
		must(went_well(child[i]), "the others went on");
	must(w->serials == PHASES, "one in each phase");
	family_leave(&parent);
	return 0;
}
