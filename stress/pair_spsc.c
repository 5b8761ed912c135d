/* SPDX-License-Identifier: MIT */
/* ring/spsc.h between processes that are killed and stopped; see pair.h. The
 * number of an element is its position. */
#include "ring/spsc.h"

#include "stress/pair.h"
#include "stress/spsc_age.h"

static const uint32_t capacities[] = { 2, 8, 64, 4096 };
static const uint32_t sizes[] = { 1, 8, 24, 56, 120, 4096 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A process has one of the two. */
static struct slip_spsc_producer producer;
static struct slip_spsc_consumer consumer;

static void choose(struct pair_config *c, uint64_t *random)
{
	c->capacity = capacities[stress_pick(random, COUNT(capacities))];
	c->elem_bytes = sizes[stress_pick(random, COUNT(sizes))];
	c->age = spsc_ages[stress_pick(random, SPSC_AGES)];
	if (stress_options.capacity)
		c->capacity = stress_options.capacity;
	if (stress_options.elem_bytes)
		c->elem_bytes = stress_options.elem_bytes;
	c->first = c->age * spsc_per_block(c->elem_bytes);
}

static size_t bytes(const struct pair_config *c)
{
	return slip_spsc_bytes(c->capacity, c->elem_bytes);
}

static int format(const struct pair_config *c, struct pair_ledger *l, void *mem,
		  size_t mem_bytes)
{
	(void)l;
	return spsc_init_aged(mem, mem_bytes, c->capacity, c->elem_bytes,
			      c->mode, c->age);
}

static int attach(struct pair_self *self)
{
	struct slip_spsc_info info;
	bool produces = self->side == PAIR_PRODUCER;
	int rc;

	if (produces)
		rc = slip_spsc_attach_producer(&producer, self->mem,
					       self->bytes, &self->peer);
	else
		rc = slip_spsc_attach_consumer(&consumer, self->mem,
					       self->bytes, &self->peer);
	if (rc)
		return rc;
	/* Exact for the side that holds the role: nobody else moves it. */
	rc = slip_spsc_inspect(self->mem, self->bytes, &info);
	if (rc == 0)
		self->next = produces ? info.pushed_guess : info.popped_guess;
	return rc;
}

static void detach(struct pair_self *self)
{
	if (self->side == PAIR_PRODUCER)
		slip_spsc_detach_producer(&producer);
	else
		slip_spsc_detach_consumer(&consumer);
}

/* --- producer ------------------------------------------------------------- */

static int put_batch(struct pair_self *self, uint32_t n)
{
	uint32_t size = self->config->elem_bytes;

	for (uint32_t i = 0; i < n; i++)
		stress_fill(self->buffer + (size_t)i * size, size,
			    self->next + i);
	return (int)slip_spsc_push_n(&producer, self->buffer, n);
}

static int put_in_place(struct pair_self *self)
{
	uint32_t size = self->config->elem_bytes;
	void *place = slip_spsc_claim(&producer);

	if (!place)
		return 0;
	/* Given up, and claimed again. */
	stress_fill(place, size, ~self->next);
	place = slip_spsc_claim(&producer);
	STRESS_CHECK(place, "no room where there was");
	stress_fill(place, size, self->next);
	pair_dawdle(self);
	slip_spsc_commit(&producer);
	return 1;
}

static int put(struct pair_self *self, uint32_t n)
{
	uint64_t kind = stress_pick(&self->random, 4);
	int rc;

	if (kind == 0)
		return put_batch(self, n);
	if (kind == 1)
		return put_in_place(self);
	stress_fill(self->buffer, self->config->elem_bytes, self->next);
	if (kind == 2 || !self->config->blocking)
		return slip_spsc_push(&producer, self->buffer);
	rc = slip_spsc_push_until(&producer, self->buffer,
				  slip_after_ns(STRESS_MS));
	return rc ? rc : 1;
}

/* --- consumer ------------------------------------------------------------- */

static void check(struct pair_self *self, const void *elem, uint64_t number)
{
	STRESS_CHECK(stress_filled(elem, self->config->elem_bytes, number),
		     "element %llu is not what was pushed",
		     (unsigned long long)number);
}

static int get_at_least_once(struct pair_self *self, uint32_t n)
{
	uint32_t done = 0;
	const void *elem;

	while (done < n && (elem = slip_spsc_peek(&consumer))) {
		check(self, elem, self->next);
		pair_took(self);
		pair_dawdle(self);
		slip_spsc_release(&consumer);
		done++;
	}
	return (int)done;
}

static int get(struct pair_self *self, uint32_t n)
{
	uint64_t kind = stress_pick(&self->random, 3);
	int rc = 0;

	if (self->config->at_least_once)
		return get_at_least_once(self, n);
	if (kind == 0)
		n = slip_spsc_pop_n(&consumer, self->buffer, n);
	else if (kind == 1 || !self->config->blocking)
		n = slip_spsc_pop(&consumer, self->buffer);
	else
		rc = slip_spsc_pop_until(&consumer, self->buffer,
					 slip_after_ns(STRESS_MS));
	if (rc)
		return rc;
	if (kind == 2 && self->config->blocking)
		n = 1;
	for (uint32_t i = 0; i < n; i++)
		check(self, self->buffer + (size_t)i * self->config->elem_bytes,
		      self->next + i);
	return (int)n;
}

/* The position is known from the start. */
static uint64_t oldest(struct pair_self *self)
{
	return self->next;
}

/* --- both ----------------------------------------------------------------- */

static int wait(struct pair_self *self, uint64_t deadline_ns)
{
	if (self->side == PAIR_PRODUCER)
		return slip_spsc_wait_room_until(&producer, deadline_ns);
	return slip_spsc_wait_data_until(&consumer, deadline_ns);
}

static int wait_other(struct pair_self *self, uint64_t deadline_ns)
{
	if (self->side == PAIR_PRODUCER)
		return slip_spsc_wait_consumer_until(&producer, deadline_ns);
	return slip_spsc_wait_producer_until(&consumer, deadline_ns);
}

static bool is_at_end(const struct pair_config *config,
		      const struct pair_ledger *ledger, const void *mem,
		      size_t mem_bytes, uint64_t end)
{
	struct slip_spsc_info info;

	(void)config;
	(void)ledger;
	return slip_spsc_inspect(mem, mem_bytes, &info) == 0 &&
	       info.pushed_guess == end && info.popped_guess == end;
}

static void dump(void *mem, size_t mem_bytes)
{
	struct slip_spsc_ring *ring = mem;
	struct slip_spsc_info info = { 0 };
	int rc = slip_spsc_inspect(mem, mem_bytes, &info);

	stress_say("inspect %d: %llu..%llu, roles %#llx %#llx, ev_data %#x, "
		   "ev_space %#x",
		   rc, (unsigned long long)info.popped_guess,
		   (unsigned long long)info.pushed_guess,
		   (unsigned long long)info.producer,
		   (unsigned long long)info.consumer,
		   slip_a32_load_relaxed(&ring->ends.ev_data.word),
		   slip_a32_load_relaxed(&ring->ends.ev_space.word));
}

const struct pair_ring pair_spsc = {
	.name = "spsc",
	.kind = SLIP_KIND_SPSC,
	.choose = choose,
	.bytes = bytes,
	.format = format,
	.attach = attach,
	.detach = detach,
	.put = put,
	.get = get,
	.oldest = oldest,
	.wait = wait,
	.wait_other = wait_other,
	.is_at_end = is_at_end,
	.dump = dump,
};
