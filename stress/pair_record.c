/* SPDX-License-Identifier: MIT */
/*
 * ring/record.h between processes that are killed and stopped; see pair.h.
 *
 * A record's length follows from its number, its content too; the first 8
 * bytes are the number. The ring tells where it ends in bytes, so the producer
 * notes in the ledger, before each push, the number and the place it stands at
 * (a mark). From there a successor counts on to the end it finds, by the
 * lengths: the end must be that of a whole record.
 */
#include "ring/record.h"

#include "stress/pair.h"
#include "stress/record_lengths.h"

static const uint32_t capacities[] = { 64, 256, 4096, 65536 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a claim asks for beyond what is committed, where it does. */
#define OVERCLAIM 24

/* A process has one of the two. */
static struct slip_record_producer producer;
static struct slip_record_consumer consumer;
static uint64_t tail; /* the producer's, by our own reckoning */

/* --- numbers, lengths, places --------------------------------------------- */

static uint32_t length_of(const struct pair_config *c, uint64_t number)
{
	return record_length(c->seed, number, c->elem_bytes);
}

/* Where the ring ends after a record of `len`, claimed as `claimed`. */
static uint64_t after(const struct pair_config *c, uint64_t place, uint32_t len,
		      uint32_t claimed)
{
	uint64_t rest = c->capacity - place % c->capacity;
	uint64_t need = 8 + ((uint64_t)claimed + 7) / 8 * 8;

	if (need > rest && !c->mirror)
		place += rest;
	return place + 8 + ((uint64_t)len + 7) / 8 * 8;
}

/* Mark where we stand; the other mark is valid until this one is. */
static void mark(struct pair_self *self, bool overclaimed)
{
	struct pair_ledger *l = self->ledger;
	uint64_t now = !slip_a64_load_relaxed(&l->mark_now);

	/* own, all: a successor reads them when this process is dead */
	slip_a64_store_relaxed(&l->mark[now][0], tail);
	slip_a64_store_relaxed(&l->mark[now][1], self->next);
	slip_a64_store_relaxed(&l->mark[now][2], overclaimed);
	/* The compiler keeps the order, and death does not change it. */
	slip_fence_light();
	slip_a64_store_relaxed(&l->mark_now, now);
}

/* The number that comes next in a ring that ends at `end`. */
static uint64_t number_at(const struct pair_config *c,
			  const struct pair_ledger *l, uint64_t end)
{
	uint64_t now = slip_a64_load_relaxed(&l->mark_now);
	uint64_t place = slip_a64_load_relaxed(&l->mark[now][0]);
	uint64_t number = slip_a64_load_relaxed(&l->mark[now][1]);
	uint32_t more = slip_a64_load_relaxed(&l->mark[now][2]) ? OVERCLAIM : 0;
	uint32_t most = PAIR_BATCH;
	uint64_t start = place;

	for (; place != end && most; most--, number++) {
		uint32_t len = length_of(c, number);

		place = after(c, place, len, len + more);
	}
	STRESS_CHECK(place == end,
		     "the ring ends at %llu, in the middle of a record after "
		     "%llu",
		     (unsigned long long)end, (unsigned long long)start);
	return number;
}

/* --- set-up --------------------------------------------------------------- */

static void choose(struct pair_config *c, uint64_t *random)
{
	/* In laps: positions are bytes and wrap at 2^64. */
	static const uint64_t ends[] = { 0, UINT64_C(1) << 32,
					 UINT64_C(1) << 63, 0 };
	uint64_t kind = stress_pick(random, COUNT(ends));

	c->capacity = capacities[stress_pick(random, COUNT(capacities))];
	if (stress_options.capacity)
		c->capacity = stress_options.capacity;
	c->mirror = c->capacity >= 4096 && stress_pick(random, 2);
	c->elem_bytes = slip_record_max_bytes(c->capacity) / 8 * 8;
	if (stress_options.elem_bytes)
		c->elem_bytes = stress_options.elem_bytes / 8 * 8;
	if (kind)
		c->age = ends[kind] - 16 * (uint64_t)c->capacity;
}

static unsigned flags_of(const struct pair_config *c)
{
	return c->mode | (c->mirror ? SLIP_RECORD_MIRROR : 0);
}

static size_t bytes(const struct pair_config *c)
{
	if (c->elem_bytes < 8 ||
	    c->elem_bytes > slip_record_max_bytes(c->capacity))
		return 0;
	return slip_record_bytes(c->capacity, flags_of(c));
}

static int format(const struct pair_config *c, struct pair_ledger *l, void *mem,
		  size_t mem_bytes)
{
	struct slip_record_ring *ring = mem;
	int rc = slip_record_init(mem, mem_bytes, c->capacity, flags_of(c));

	/* Whole laps: the one header that is 0 stays where it belongs. */
	slip_a64_store_relaxed(&ring->ends.head, c->age); /* init */
	slip_a64_store_relaxed(&l->mark[0][0], c->age);	  /* init */
	return rc;
}

static int attach_producer(struct pair_self *self)
{
	struct slip_record_info info = { 0 };
	int rc = slip_record_attach_producer(&producer, self->mem, self->bytes,
					     &self->peer);

	if (rc)
		return rc;
	/* Exact, as nobody else moves the end; but the consumer may overtake
	 * the look. */
	do {
		rc = slip_record_inspect(self->mem, self->bytes, &info);
	} while (rc == -EAGAIN);
	tail = info.popped_bytes + info.used_bytes_guess;
	self->next = number_at(self->config, self->ledger, tail);
	return rc;
}

static int attach(struct pair_self *self)
{
	if (self->side == PAIR_PRODUCER)
		return attach_producer(self);
	self->next = PAIR_UNKNOWN;
	return slip_record_attach_consumer(&consumer, self->mem, self->bytes,
					   &self->peer);
}

static void detach(struct pair_self *self)
{
	if (self->side == PAIR_PRODUCER)
		slip_record_detach_producer(&producer);
	else
		slip_record_detach_consumer(&consumer);
}

/* --- producer ------------------------------------------------------------- */

/* The next record's bytes in the buffer; their number. */
static uint32_t fill(struct pair_self *self)
{
	uint32_t len = length_of(self->config, self->next);

	stress_fill(self->buffer, len, self->next);
	return len;
}

static int put_batch(struct pair_self *self, uint32_t n)
{
	struct slip_record_span spans[PAIR_BATCH];
	unsigned char *at = self->buffer;

	for (uint32_t i = 0; i < n; i++) {
		spans[i].data = at;
		spans[i].len = length_of(self->config, self->next + i);
		stress_fill(at, spans[i].len, self->next + i);
		at += self->config->elem_bytes;
	}
	mark(self, false);
	n = slip_record_push_n(&producer, spans, n);
	for (uint32_t i = 0; i < n; i++)
		tail = after(self->config, tail, spans[i].len, spans[i].len);
	return (int)n;
}

static int put_in_place(struct pair_self *self)
{
	uint32_t len = length_of(self->config, self->next);
	uint32_t more = 0;
	void *place;

	if (len + OVERCLAIM <= self->config->elem_bytes &&
	    stress_pick(&self->random, 2))
		more = OVERCLAIM;
	mark(self, more > 0);
	place = slip_record_claim(&producer, len + more);
	if (!place)
		return 0;
	stress_fill(place, len + more, ~self->next);
	/* Given up, and claimed again. */
	place = slip_record_claim(&producer, len + more);
	STRESS_CHECK(place, "no room where there was");
	stress_fill(place, len, self->next);
	pair_dawdle(self);
	slip_record_commit(&producer, len);
	tail = after(self->config, tail, len, len + more);
	return 1;
}

static int put(struct pair_self *self, uint32_t n)
{
	uint64_t kind = stress_pick(&self->random, 4);
	uint32_t len;
	int rc;

	if (kind == 0)
		return put_batch(self, n);
	if (kind == 1)
		return put_in_place(self);
	len = fill(self);
	mark(self, false);
	if (kind == 2 || !self->config->blocking)
		rc = slip_record_push(&producer, self->buffer, len);
	else
		rc = slip_record_push_until(&producer, self->buffer, len,
					    slip_after_ns(STRESS_MS));
	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	tail = after(self->config, tail, len, len);
	return 1;
}

/* --- consumer ------------------------------------------------------------- */

static bool is_number(const struct pair_self *self, const void *body,
		      uint32_t len, uint64_t number)
{
	return len == length_of(self->config, number) &&
	       stress_filled(body, len, number);
}

static void check(const struct pair_self *self, const void *body, uint32_t len,
		  uint64_t number)
{
	STRESS_CHECK(is_number(self, body, len, number),
		     "record %llu is not what was pushed, but of %u bytes",
		     (unsigned long long)number, len);
}

/* A record that is too short says so by being too short. */
static uint64_t oldest(struct pair_self *self)
{
	struct pair_ledger *l = self->ledger;
	uint64_t number = slip_a64_load_relaxed(&l->got);
	uint64_t last = slip_a64_load_relaxed(&l->get_intent);
	uint32_t len;
	const void *body = slip_record_peek(&consumer, &len);

	if (!body)
		return PAIR_UNKNOWN;
	if (self->config->at_least_once && number)
		number--;
	for (; number <= last; number++)
		if (is_number(self, body, len, number))
			return number;
	stress_fail("the oldest record, of %u bytes, is not up to %llu", len,
		    (unsigned long long)last);
}

static int get_at_least_once(struct pair_self *self, uint32_t n)
{
	uint32_t done = 0;
	const void *body;
	uint32_t len;

	while (done < n && (body = slip_record_peek(&consumer, &len))) {
		check(self, body, len, self->next);
		pair_took(self);
		pair_dawdle(self);
		slip_record_release(&consumer);
		done++;
	}
	return (int)done;
}

static int get_batch(struct pair_self *self, uint32_t n)
{
	struct slip_record_span spans[PAIR_BATCH];
	size_t room = (size_t)self->config->elem_bytes * PAIR_BATCH;

	n = slip_record_pop_n(&consumer, self->buffer, room, spans, n);
	for (uint32_t i = 0; i < n; i++)
		check(self, spans[i].data, spans[i].len, self->next + i);
	return (int)n;
}

static int get(struct pair_self *self, uint32_t n)
{
	uint64_t kind = stress_pick(&self->random, 4);
	uint32_t most = self->config->elem_bytes;
	uint32_t len = 0;
	int rc;

	if (self->config->at_least_once)
		return get_at_least_once(self, n);
	if (kind == 0)
		return get_batch(self, n);
	/* A buffer that is too small takes nothing. */
	if (kind == 1 && slip_record_peek(&consumer, &len) && len > 0) {
		rc = slip_record_pop(&consumer, self->buffer, len - 1, &len);
		STRESS_CHECK(rc == -EMSGSIZE, "pop into too little: %d", rc);
	}
	if (kind < 3 || !self->config->blocking)
		rc = slip_record_pop(&consumer, self->buffer, most, &len);
	else
		rc = slip_record_pop_until(&consumer, self->buffer, most, &len,
					   slip_after_ns(STRESS_MS));
	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	check(self, self->buffer, len, self->next);
	return 1;
}

/* --- both ----------------------------------------------------------------- */

static int wait(struct pair_self *self, uint64_t deadline_ns)
{
	if (self->side == PAIR_PRODUCER)
		return slip_record_wait_room_until(
			&producer, length_of(self->config, self->next),
			deadline_ns);
	return slip_record_wait_data_until(&consumer, deadline_ns);
}

static int wait_other(struct pair_self *self, uint64_t deadline_ns)
{
	if (self->side == PAIR_PRODUCER)
		return slip_record_wait_consumer_until(&producer, deadline_ns);
	return slip_record_wait_producer_until(&consumer, deadline_ns);
}

static bool is_at_end(const struct pair_config *config,
		      const struct pair_ledger *ledger, const void *mem,
		      size_t mem_bytes, uint64_t end)
{
	struct slip_record_info info = { 0 };

	return slip_record_inspect(mem, mem_bytes, &info) == 0 &&
	       info.used_bytes_guess == 0 &&
	       number_at(config, ledger, info.popped_bytes) == end;
}

static void dump(void *mem, size_t mem_bytes)
{
	struct slip_record_ring *ring = mem;
	struct slip_record_info info = { 0 };
	int rc = slip_record_inspect(mem, mem_bytes, &info);

	stress_say(
		"inspect %d: from %llu, %llu bytes, %llu records, roles %#llx "
		"%#llx, ev_data %#x, ev_space %#x",
		rc, (unsigned long long)info.popped_bytes,
		(unsigned long long)info.used_bytes_guess,
		(unsigned long long)info.records_guess,
		(unsigned long long)info.producer,
		(unsigned long long)info.consumer,
		slip_a32_load_relaxed(&ring->ends.ev_data.word),
		slip_a32_load_relaxed(&ring->ends.ev_space.word));
}

const struct pair_ring pair_record = {
	.name = "record",
	.kind = SLIP_KIND_RECORD,
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
