/* SPDX-License-Identifier: MIT */
/*
 * ring/record.h between threads; see threads.h. Without a mirrored mapping:
 * that needs a peer, and ThreadSanitizer would not see that two addresses are
 * one memory.
 */
#include "ring/record.h"

#include "stress/record_lengths.h"
#include "stress/threads.h"

static const uint32_t capacities[] = { 64, 128, 1024, 65536 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BATCH	 16

static void choose(struct threads_config *c, uint64_t *random)
{
	/* In laps: positions are bytes and wrap at 2^64. */
	static const uint64_t ends[] = { 0, UINT64_C(1) << 32,
					 UINT64_C(1) << 63, 0 };
	uint64_t kind = stress_pick(random, COUNT(ends));

	c->capacity = capacities[stress_pick(random, COUNT(capacities))];
	if (stress_options.capacity)
		c->capacity = stress_options.capacity;
	/* A batch shall fit the buffer. */
	c->elem_bytes = slip_record_max_bytes(c->capacity) / 8 * 8;
	if (c->elem_bytes > THREADS_BUFFER_BYTES / BATCH)
		c->elem_bytes = THREADS_BUFFER_BYTES / BATCH;
	if (stress_options.elem_bytes)
		c->elem_bytes = stress_options.elem_bytes / 8 * 8;
	STRESS_CHECK(c->elem_bytes >= 8 &&
			     c->elem_bytes <= THREADS_BUFFER_BYTES / BATCH,
		     "records of 8 to %u bytes", THREADS_BUFFER_BYTES / BATCH);
	if (kind)
		c->age = ends[kind] - 16 * (uint64_t)c->capacity;
	c->total = 4000;
}

static size_t bytes(const struct threads_config *c)
{
	return slip_record_bytes(c->capacity, c->mode);
}

static int format(const struct threads_config *c, void *mem, size_t mem_bytes)
{
	struct slip_record_ring *ring = mem;
	int rc = slip_record_init(mem, mem_bytes, c->capacity, c->mode);

	/* Whole laps: the one header that is 0 stays where it belongs. */
	slip_a64_store_relaxed(&ring->ends.head, c->age); /* init */
	return rc;
}

static int attach(struct threads_self *self)
{
	if (self->produces)
		return slip_record_attach_producer(self->handle, self->mem,
						   self->bytes, NULL);
	return slip_record_attach_consumer(self->handle, self->mem, self->bytes,
					   NULL);
}

static void detach(struct threads_self *self)
{
	if (self->produces)
		slip_record_detach_producer(self->handle);
	else
		slip_record_detach_consumer(self->handle);
}

static uint32_t length_of(const struct threads_self *self, uint64_t number)
{
	return record_length(self->config->seed, number,
			     self->config->elem_bytes);
}

static uint32_t batch(struct threads_self *self)
{
	uint32_t n = self->most < BATCH ? self->most : BATCH;

	return 1 + (uint32_t)stress_pick(&self->random, n);
}

/* --- producer ------------------------------------------------------------- */

static int put_batch(struct threads_self *self)
{
	struct slip_record_span spans[BATCH];
	unsigned char *at = self->buffer;
	uint32_t n = batch(self);

	for (uint32_t i = 0; i < n; i++) {
		spans[i].data = at;
		spans[i].len = length_of(self, self->next + i);
		stress_fill(at, spans[i].len, self->next + i);
		at += self->config->elem_bytes;
	}
	return (int)slip_record_push_n(self->handle, spans, n);
}

static int put_in_place(struct threads_self *self)
{
	uint32_t len = length_of(self, self->next);
	uint32_t more = (uint32_t)stress_pick(
		&self->random, self->config->elem_bytes - len + 1);
	void *place = slip_record_claim(self->handle, len + more);

	if (!place)
		return 0;
	stress_fill(place, len + more, ~self->next);
	/* Given up, and claimed again. */
	place = slip_record_claim(self->handle, len + more);
	STRESS_CHECK(place, "no room where there was");
	stress_fill(place, len, self->next);
	slip_record_commit(self->handle, len);
	return 1;
}

static int put(struct threads_self *self)
{
	uint64_t kind =
		stress_pick(&self->random, self->config->blocking ? 4 : 3);
	uint32_t len = length_of(self, self->next);
	int rc;

	if (kind == 0)
		return put_batch(self);
	if (kind == 1)
		return put_in_place(self);
	stress_fill(self->buffer, len, self->next);
	if (kind == 2)
		rc = slip_record_push(self->handle, self->buffer, len);
	else
		rc = slip_record_push_until(self->handle, self->buffer, len,
					    threads_deadline(self));
	if (rc == -EAGAIN)
		return 0;
	return rc ? rc : 1;
}

/* --- consumer ------------------------------------------------------------- */

static void check(const struct threads_self *self, const void *body,
		  uint32_t len, uint64_t number)
{
	STRESS_CHECK(len == length_of(self, number) &&
			     stress_filled(body, len, number),
		     "record %llu is not what was pushed, but of %u bytes",
		     (unsigned long long)number, len);
}

static int get_batch(struct threads_self *self)
{
	struct slip_record_span spans[BATCH];
	uint32_t n = batch(self);

	n = slip_record_pop_n(self->handle, self->buffer, THREADS_BUFFER_BYTES,
			      spans, n);
	for (uint32_t i = 0; i < n; i++)
		check(self, spans[i].data, spans[i].len, self->next + i);
	return (int)n;
}

static int get_in_place(struct threads_self *self)
{
	uint32_t len;
	const void *body = slip_record_peek(self->handle, &len);

	if (!body)
		return 0;
	check(self, body, len, self->next);
	/* peek alone takes nothing, nor does a buffer that is too small. */
	if (len > 0) {
		int rc = slip_record_pop(self->handle, self->buffer, len - 1,
					 &len);

		STRESS_CHECK(rc == -EMSGSIZE, "pop into too little: %d", rc);
	}
	body = slip_record_peek(self->handle, &len);
	check(self, body, len, self->next);
	slip_record_release(self->handle);
	return 1;
}

static int get(struct threads_self *self)
{
	uint64_t kind =
		stress_pick(&self->random, self->config->blocking ? 4 : 3);
	uint32_t most = self->config->elem_bytes;
	uint32_t len = 0;
	int rc;

	if (kind == 0)
		return get_batch(self);
	if (kind == 1)
		return get_in_place(self);
	if (kind == 2)
		rc = slip_record_pop(self->handle, self->buffer, most, &len);
	else
		rc = slip_record_pop_until(self->handle, self->buffer, most,
					   &len, threads_deadline(self));
	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	check(self, self->buffer, len, self->next);
	return 1;
}

/* --- both ----------------------------------------------------------------- */

static int state(struct threads_self *self)
{
	if (self->produces)
		return slip_record_consumer_state(self->handle);
	return slip_record_producer_state(self->handle);
}

static bool is_empty(struct threads_self *self)
{
	uint32_t len;

	return slip_record_peek(self->handle, &len) == NULL;
}

static int wait(struct threads_self *self, uint64_t deadline_ns)
{
	if (self->produces)
		return slip_record_wait_room_until(
			self->handle, length_of(self, self->next), deadline_ns);
	return slip_record_wait_data_until(self->handle, deadline_ns);
}

static int wait_other(struct threads_self *self, uint64_t deadline_ns)
{
	if (self->produces)
		return slip_record_wait_consumer_until(self->handle,
						       deadline_ns);
	return slip_record_wait_producer_until(self->handle, deadline_ns);
}

static void dump(void *mem, size_t mem_bytes)
{
	struct slip_record_ring *r = mem;
	struct slip_record_info info = { 0 };
	int rc = slip_record_inspect(mem, mem_bytes, &info);

	stress_say("inspect %d: from %llu, %llu bytes, %llu records, roles "
		   "%#llx %#llx, ev_data %#x, ev_space %#x",
		   rc, (unsigned long long)info.popped_bytes,
		   (unsigned long long)info.used_bytes_guess,
		   (unsigned long long)info.records_guess,
		   (unsigned long long)info.producer,
		   (unsigned long long)info.consumer,
		   slip_a32_load_relaxed(&r->ends.ev_data.word),
		   slip_a32_load_relaxed(&r->ends.ev_space.word));
}

int main(int argc, char **argv)
{
	static const struct threads_ring ring = {
		.operation = "record.all",
		.handle_bytes = { sizeof(struct slip_record_consumer),
				  sizeof(struct slip_record_producer) },
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

	return threads_main(argc, argv, "ring/record.h between threads", &ring);
}
