/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/threads.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring/role.h"
#include "stress/program.h"

#define THREADS	  4
#define HANDLE_AT 128 /* the alignment of every handle */

enum scenario { END_OF_FILE, BROKEN_PIPE, RELAY, SCENARIOS };
static const char *const scenario_names[] = { "end of file", "broken pipe",
					      "relay" };

struct threads_run {
	struct threads_config config;
	enum scenario scenario;
	void *mem;
	size_t bytes;
	/* Plain; [1] belongs to the producer's role, [0] to the consumer's. */
	struct {
		uint64_t number;
		uint64_t sessions;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} reached[2];
	/* Each written by one thread, for the watchdog and the end. */
	struct {
		slip_a64 steps;
		slip_a64 done;
		unsigned char pad[SLIP_APART_BYTES - 16];
	} thread[THREADS];
};

static const struct threads_ring *ring;
static struct threads_run current;
static uint64_t all_elements;
static uint64_t all_sessions;

static void dump(void)
{
	const struct threads_config *c = &current.config;

	if (!current.mem)
		return;
	stress_say(
		"%s, capacity %u, %u B, mode %u, %s; pushed %llu, popped %llu "
		"of %llu..%llu",
		scenario_names[current.scenario], c->capacity, c->elem_bytes,
		c->mode, c->blocking ? "blocking" : "polling",
		llu(current.reached[1].number), llu(current.reached[0].number),
		llu(c->first), llu(c->total));
	ring->dump(current.mem, current.bytes);
}

uint64_t threads_deadline(struct threads_self *self)
{
	switch (stress_pick(&self->random, 8)) {
	case 0:
		return 0;
	case 1:
		return slip_after_ns(stress_pick(&self->random, 200000));
	default:
		return SLIP_FOREVER;
	}
}

/* --- a side --------------------------------------------------------------- */

/* The other side had nothing for us. 0, -ETIMEDOUT, -EPIPE. */
static int refused(struct threads_self *self)
{
	if (self->config->blocking)
		return ring->wait(self, threads_deadline(self));
	sched_yield();
	if (ring->state(self) != SLIP_ROLE_CLOSED)
		return 0;
	/* What it did before it closed is seen by now. */
	return self->produces || ring->is_empty(self) ? -EPIPE : 0;
}

/* One operation; 0, -ETIMEDOUT, or -EPIPE: the end of the session. */
static int step(struct threads_self *self, uint64_t goal)
{
	struct threads_run *run = self->run;
	int rc;

	self->most =
		goal - self->next < 80 ? (uint32_t)(goal - self->next) : 80;
	rc = self->produces ? ring->put(self) : ring->get(self);
	if (rc > 0) {
		self->next += (uint32_t)rc;
		run->reached[self->produces].number = self->next;
		/* stat: no locked instruction, it would order what it watches;
		 * and not for every turn, as turning is no progress */
		slip_a64_store_relaxed(&run->thread[self->index].steps,
				       ++self->steps);
		rc = 0;
	} else if (rc == 0) {
		rc = refused(self);
	}
	/* For ever: one that came and went unseen has left something. */
	if (rc == -EPIPE && run->scenario == RELAY)
		rc = ring->wait_other(self, SLIP_FOREVER);
	return rc;
}

/* While holding the role: up to number `goal`, or -EPIPE. */
static int session(struct threads_self *self, uint64_t goal)
{
	int rc = 0;

	while (self->next < goal && rc != -EPIPE) {
		rc = step(self, goal);
		STRESS_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EPIPE,
			     "%s: %d", self->produces ? "push" : "pop", rc);
	}
	return rc == -EPIPE ? rc : 0;
}

static uint64_t goal_of(struct threads_self *self)
{
	const struct threads_config *c = self->config;
	uint64_t goal = c->total;

	if (self->run->scenario == END_OF_FILE && !self->produces)
		return UINT64_MAX;
	if (self->run->scenario == BROKEN_PIPE && !self->produces)
		return c->first + (c->total - c->first) / 2;
	if (self->run->scenario == RELAY)
		goal = self->next + stress_pick(&self->random, 300);
	return goal < c->total ? goal : c->total;
}

/* Takes the role, does a part, gives it back; false: all is done. */
static bool take_part(struct threads_self *self)
{
	struct threads_run *run = self->run;
	uint64_t reached;
	int rc = ring->attach(self);

	if (rc == -EBUSY) {
		sched_yield();
		return true;
	}
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	self->next = run->reached[self->produces].number;
	run->reached[self->produces].sessions++;
	rc = session(self, goal_of(self));
	reached = self->next;
	ring->detach(self);
	self->most = 1;
	rc = self->produces ? ring->put(self) : ring->get(self);
	STRESS_CHECK(rc <= 0, "a verb worked after detach");
	return run->scenario == RELAY && reached < self->config->total;
}

static void prepare(struct threads_self *self)
{
	size_t bytes = ring->handle_bytes[self->produces];

	self->config = &self->run->config;
	self->mem = self->run->mem;
	self->bytes = self->run->bytes;
	self->random = self->config->seed * 8 + self->index;
	self->handle = aligned_alloc(HANDLE_AT, (bytes + HANDLE_AT - 1) /
							HANDLE_AT * HANDLE_AT);
	self->buffer = malloc(THREADS_BUFFER_BYTES);
	STRESS_CHECK(self->handle && self->buffer, "no memory");
}

static void *work(void *arg)
{
	struct threads_self *self = arg;

	prepare(self);
	while (take_part(self))
		continue;
	free(self->handle);
	free(self->buffer);
	slip_a64_store_relaxed(&self->run->thread[self->index].done, 1);
	return NULL;
}

/* After a broken pipe: what is left is there for a successor. */
static void collect_rest(struct threads_run *run)
{
	struct threads_self self = { .run = run, .index = THREADS };
	int rc;

	prepare(&self);
	rc = ring->attach(&self);
	STRESS_CHECK(rc == 0, "attach the last consumer: %d", rc);
	self.next = run->reached[0].number;
	self.most = 1;
	do {
		rc = ring->get(&self);
		if (rc > 0)
			self.next += (uint32_t)rc;
		else if (rc == 0)
			rc = ring->wait(&self, SLIP_FOREVER);
	} while (rc >= 0);
	STRESS_CHECK(rc == -EPIPE, "at the end: %d", rc);
	run->reached[0].number = self.next;
	ring->detach(&self);
	free(self.handle);
	free(self.buffer);
}

/* --- one run -------------------------------------------------------------- */

static void create(struct threads_run *run, uint64_t seed)
{
	struct threads_config *c = &run->config;
	uint64_t random = seed;
	int rc;

	c->seed = seed;
	run->scenario = (enum scenario)stress_pick(&random, SCENARIOS);
	c->mode = stress_pick(&random, 2) ? SLIP_EVENT_FULL : SLIP_EVENT_AUTO;
	c->blocking = stress_pick(&random, 3) > 0;
	ring->choose(c, &random);
	STRESS_CHECK(c->elem_bytes <= THREADS_BUFFER_BYTES, "too big");
	run->bytes = ring->bytes(c);
	STRESS_CHECK(run->bytes, "no such ring: %u of %u", c->capacity,
		     c->elem_bytes);
	run->mem = aligned_alloc(64, (run->bytes + 63) / 64 * 64);
	STRESS_CHECK(run->mem, "no memory");
	memset(run->mem, 0xa5, run->bytes);
	rc = ring->format(c, run->mem, run->bytes);
	STRESS_CHECK(rc == 0, "format: %d", rc);
	run->reached[0].number = c->first;
	run->reached[1].number = c->first;
}

static void await(struct threads_run *run, uint32_t threads)
{
	uint64_t done;

	do {
		uint64_t steps = run->config.seed;

		done = 0;
		for (uint32_t i = 0; i < threads; i++) {
			/* stat */
			steps += slip_a64_load_relaxed(&run->thread[i].steps);
			done += slip_a64_load_relaxed(&run->thread[i].done);
		}
		stress_pulse(steps);
		if (done < threads)
			stress_sleep_ns(STRESS_MS);
	} while (done < threads);
}

static void check(struct threads_run *run)
{
	uint64_t pushed = run->reached[1].number;
	uint64_t popped = run->reached[0].number;

	STRESS_CHECK(pushed == popped, "pushed to %llu, popped to %llu",
		     llu(pushed), llu(popped));
	STRESS_CHECK(run->scenario == BROKEN_PIPE ||
			     pushed == run->config.total,
		     "not all was pushed");
}

static void report(const struct threads_run *run)
{
	const struct threads_config *c = &run->config;
	uint64_t elements = run->reached[0].number - c->first;
	uint64_t sessions = run->reached[0].sessions + run->reached[1].sessions;

	all_elements += elements;
	all_sessions += sessions;
	stress_line(c->seed,
		    "%s, capacity %u, %u B, mode %u, %s, from %llu, age %llu: "
		    "%llu elements, %llu sessions",
		    scenario_names[run->scenario], c->capacity, c->elem_bytes,
		    c->mode, c->blocking ? "blocking" : "polling",
		    llu(c->first), llu(c->age), llu(elements), llu(sessions));
}

static void run(uint64_t seed)
{
	struct threads_run *r = &current;
	struct threads_self self[THREADS];
	pthread_t threads[THREADS];
	uint32_t n;

	*r = (struct threads_run){ 0 };
	create(r, seed);
	n = r->scenario == RELAY ? 4 : 2;
	for (uint32_t i = 0; i < n; i++) {
		self[i] = (struct threads_self){ .run = r,
						 .index = i,
						 .produces = i % 2 };
		threads[i] = stress_thread(work, &self[i]);
	}
	await(r, n);
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (r->scenario == BROKEN_PIPE)
		collect_rest(r);
	check(r);
	report(r);
	free(r->mem);
	r->mem = NULL;
}

int threads_main(int argc, char **argv, const char *about,
		 const struct threads_ring *what)
{
	ring = what;
	stress_begin(argc, argv, about);
	stress_on_stuck(dump);
	while (stress_more())
		run(stress_next_seed());
	stress_row(ring->operation, "threads", "elements=%llu sessions=%llu",
		   llu(all_elements), llu(all_sessions));
	return stress_end("%llu elements, %llu sessions", llu(all_elements),
			  llu(all_sessions));
}
