/* SPDX-License-Identifier: MIT */
/* ring/spsc.h between threads; see threads.h. The number of an element is its
 * position. */
#include "ring/spsc.h"

#include "stress/spsc_age.h"
#include "stress/threads.h"

static const uint32_t capacities[] = { 2, 4, 64, 1024 };
static const uint32_t sizes[] = { 1, 2, 7, 8, 24, 28, 29, 56, 57, 120, 4096 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void choose(struct threads_config *c, uint64_t *random)
{
	c->capacity = capacities[stress_pick(random, COUNT(capacities))];
	c->elem_bytes = sizes[stress_pick(random, COUNT(sizes))];
	c->age = spsc_ages[stress_pick(random, SPSC_AGES)];
	if (stress_options.capacity)
		c->capacity = stress_options.capacity;
	if (stress_options.elem_bytes)
		c->elem_bytes = stress_options.elem_bytes;
	c->first = c->age * spsc_per_block(c->elem_bytes);
	c->total = c->first + (c->elem_bytes < 1000 ? 4000 : 600);
}

static size_t bytes(const struct threads_config *c)
{
	return slip_spsc_bytes(c->capacity, c->elem_bytes);
}

static int format(const struct threads_config *c, void *mem, size_t mem_bytes)
{
	return spsc_init_aged(mem, mem_bytes, c->capacity, c->elem_bytes,
			      c->mode, c->age);
}

static int attach(struct threads_self *self)
{
	if (self->produces)
		return slip_spsc_attach_producer(self->handle, self->mem,
						 self->bytes, NULL);
	return slip_spsc_attach_consumer(self->handle, self->mem, self->bytes,
					 NULL);
}

static void detach(struct threads_self *self)
{
	if (self->produces)
		slip_spsc_detach_producer(self->handle);
	else
		slip_spsc_detach_consumer(self->handle);
}

static uint32_t batch(struct threads_self *self)
{
	uint32_t n = THREADS_BUFFER_BYTES / self->config->elem_bytes;

	if (n > self->most)
		n = self->most;
	return 1 + (uint32_t)stress_pick(&self->random, n);
}

/* --- producer ------------------------------------------------------------- */

static int put_batch(struct threads_self *self)
{
	uint32_t size = self->config->elem_bytes;
	uint32_t n = batch(self);

	for (uint32_t i = 0; i < n; i++)
		stress_fill(self->buffer + (size_t)i * size, size,
			    self->next + i);
	return (int)slip_spsc_push_n(self->handle, self->buffer, n);
}

static int put_in_place(struct threads_self *self)
{
	uint32_t size = self->config->elem_bytes;
	void *place = slip_spsc_claim(self->handle);

	if (!place)
		return 0;
	/* Given up, and claimed again. */
	stress_fill(place, size, ~self->next);
	place = slip_spsc_claim(self->handle);
	STRESS_CHECK(place, "no room where there was");
	stress_fill(place, size, self->next);
	slip_spsc_commit(self->handle);
	return 1;
}

static int put(struct threads_self *self)
{
	uint64_t kind =
		stress_pick(&self->random, self->config->blocking ? 4 : 3);
	int rc;

	if (kind == 0)
		return put_batch(self);
	if (kind == 1)
		return put_in_place(self);
	stress_fill(self->buffer, self->config->elem_bytes, self->next);
	if (kind == 2)
		return slip_spsc_push(self->handle, self->buffer);
	rc = slip_spsc_push_until(self->handle, self->buffer,
				  threads_deadline(self));
	return rc ? rc : 1;
}

/* --- consumer ------------------------------------------------------------- */

static void check(struct threads_self *self, const void *elem, uint64_t number)
{
	STRESS_CHECK(stress_filled(elem, self->config->elem_bytes, number),
		     "element %llu is not what was pushed",
		     (unsigned long long)number);
}

static int get_in_place(struct threads_self *self)
{
	const void *elem = slip_spsc_peek(self->handle);

	if (!elem)
		return 0;
	check(self, elem, self->next);
	/* peek alone takes nothing. */
	elem = slip_spsc_peek(self->handle);
	check(self, elem, self->next);
	slip_spsc_release(self->handle);
	return 1;
}

static int get(struct threads_self *self)
{
	uint32_t size = self->config->elem_bytes;
	uint64_t kind =
		stress_pick(&self->random, self->config->blocking ? 4 : 3);
	uint32_t n = 1;
	int rc = 0;

	if (kind == 1)
		return get_in_place(self);
	if (kind == 0)
		n = slip_spsc_pop_n(self->handle, self->buffer, batch(self));
	else if (kind == 2)
		n = slip_spsc_pop(self->handle, self->buffer);
	else
		rc = slip_spsc_pop_until(self->handle, self->buffer,
					 threads_deadline(self));
	if (rc)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		check(self, self->buffer + (size_t)i * size, self->next + i);
	return (int)n;
}

/* --- both ----------------------------------------------------------------- */

static int state(struct threads_self *self)
{
	if (self->produces)
		return slip_spsc_consumer_state(self->handle);
	return slip_spsc_producer_state(self->handle);
}

static bool is_empty(struct threads_self *self)
{
	return slip_spsc_peek(self->handle) == NULL;
}

static int wait(struct threads_self *self, uint64_t deadline_ns)
{
	if (self->produces)
		return slip_spsc_wait_room_until(self->handle, deadline_ns);
	return slip_spsc_wait_data_until(self->handle, deadline_ns);
}

static int wait_other(struct threads_self *self, uint64_t deadline_ns)
{
	if (self->produces)
		return slip_spsc_wait_consumer_until(self->handle, deadline_ns);
	return slip_spsc_wait_producer_until(self->handle, deadline_ns);
}

static void dump(void *mem, size_t mem_bytes)
{
	struct slip_spsc_ring *r = mem;
	struct slip_spsc_info info = { 0 };
	int rc = slip_spsc_inspect(mem, mem_bytes, &info);

	stress_say("inspect %d: %llu..%llu, roles %#llx %#llx, ev_data %#x, "
		   "ev_space %#x",
		   rc, (unsigned long long)info.popped_guess,
		   (unsigned long long)info.pushed_guess,
		   (unsigned long long)info.producer,
		   (unsigned long long)info.consumer,
		   slip_a32_load_relaxed(&r->ends.ev_data.word),
		   slip_a32_load_relaxed(&r->ends.ev_space.word));
}

int main(int argc, char **argv)
{
	static const struct threads_ring ring = {
		.operation = "spsc.all",
		.handle_bytes = { sizeof(struct slip_spsc_consumer),
				  sizeof(struct slip_spsc_producer) },
		.choose = choose,
		.bytes = bytes,
		.format = format,
		.attach = attach,
		.detach = detach,
		.put = put,
		.get = get,
		.state = state,
		.is_empty = is_empty,
		.wait = wait,
		.wait_other = wait_other,
		.dump = dump,
	};

	return threads_main(argc, argv, "ring/spsc.h between threads", &ring);
}
