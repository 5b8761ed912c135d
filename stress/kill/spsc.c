/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ring/spsc.h"

#include <string.h>

#include "stress/kill/ring.h"

/* Several to a block, one, and one to more than a line. */
static const struct {
	uint32_t capacity, elem_bytes;
} shapes[] = { { 2, 56 }, { 4, 1 }, { 8, 8 }, { 8, 16 }, { 4, 120 } };
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* Blocks gone through before, and whether the next one is begun: the first,
 * and just before the stamps pass 2^32 and 2^63 and block numbers 2^32. */
static const struct {
	uint64_t blocks;
	bool begun;
} starts[] = { { 0, false },
	       { 0, true },
	       { (UINT64_C(1) << 26) - 2, true },
	       { (UINT64_C(1) << 32) - 2, false },
	       { (UINT64_C(1) << 57) - 2, true } };
#define STARTS (sizeof(starts) / sizeof(starts[0]))

#define STATES (RING_FILLS * SHAPES * STARTS)

static uint32_t capacity_;
static uint32_t elem_bytes_;
static unsigned start_;
static unsigned mode_;

static size_t shape(unsigned state)
{
	unsigned index = state / RING_FILLS;

	capacity_ = shapes[index % SHAPES].capacity;
	elem_bytes_ = shapes[index % SHAPES].elem_bytes;
	start_ = index / SHAPES % STARTS;
	mode_ = index / 2 % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	return slip_spsc_bytes(capacity_, elem_bytes_);
}

/* Every block carries the stamp of its last lap. */
static void init(void *mem, size_t bytes)
{
	struct slip_spsc_ring *ring = mem;
	struct slip_spsc_place at;
	struct slip_spsc_shape s;
	uint64_t age = starts[start_].blocks;
	uint32_t begun;

	KILL_CHECK(!slip_spsc_init(mem, bytes, capacity_, elem_bytes_, mode_) &&
			   slip_spsc_shape_(&s, capacity_, elem_bytes_),
		   "init");
	/* init: nobody is there yet */
	for (uint64_t i = 1; i < s.blocks && i <= age; i++) {
		slip_spsc_place_(&at, ring, &s, age - i, s.per_block);
		slip_a64_store_relaxed(slip_spsc_control_(at.block, &s),
				       at.stamp);
	}
	begun = starts[start_].begun ? s.per_block - 1 : 0;
	slip_spsc_place_(&at, ring, &s, age, begun);
	slip_a64_store_relaxed(slip_spsc_control_(at.block, &s), at.stamp);
	slip_a64_store_relaxed(&ring->ends.head, age * s.per_block + begun);
}

static int attach(union ring_handle *h, enum ring_side side, void *mem,
		  size_t bytes, struct slip_peer *self)
{
	if (side == RING_PRODUCER)
		return slip_spsc_attach_producer(&h->spsc_p, mem, bytes, self);
	return slip_spsc_attach_consumer(&h->spsc_c, mem, bytes, self);
}

static void detach(union ring_handle *h, enum ring_side side)
{
	if (side == RING_PRODUCER)
		slip_spsc_detach_producer(&h->spsc_p);
	else
		slip_spsc_detach_consumer(&h->spsc_c);
}

static void drop(union ring_handle *h, enum ring_side side)
{
	(void)side;
	memset(h, 0, sizeof(*h));
}

static int role(union ring_handle *h, enum ring_side side)
{
	return side == RING_PRODUCER ? slip_spsc_consumer_state(&h->spsc_p)
				     : slip_spsc_producer_state(&h->spsc_c);
}

static void view(struct ring_view *out)
{
	struct slip_spsc_info info;
	int rc = slip_spsc_inspect(kill_base.mem, kill_base.bytes, &info);

	KILL_CHECK(!rc, "inspect: %d", rc);
	out->count = info.pushed_guess - info.popped_guess;
	out->roles[RING_PRODUCER] = info.producer;
	out->roles[RING_CONSUMER] = info.consumer;
}

static void fill(unsigned char *to, uint64_t number)
{
	for (uint32_t i = 0; i < elem_bytes_; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
}

static void check(const unsigned char *found, uint64_t number)
{
	unsigned char right[128];

	fill(right, number);
	KILL_CHECK(memcmp(found, right, elem_bytes_) == 0,
		   "element %llu has a wrong content",
		   (unsigned long long)number);
}

static int push(union ring_handle *h, uint64_t number)
{
	unsigned char elem[128];

	fill(elem, number);
	return slip_spsc_push(&h->spsc_p, elem) ? 1 : h->spsc_p.error;
}

static int pop(union ring_handle *h, uint64_t number)
{
	unsigned char elem[128];

	if (!slip_spsc_pop(&h->spsc_c, elem))
		return h->spsc_c.error;
	check(elem, number);
	return 1;
}

static int push_until(union ring_handle *h, uint64_t number,
		      uint64_t deadline_ns)
{
	unsigned char elem[128];

	fill(elem, number);
	return slip_spsc_push_until(&h->spsc_p, elem, deadline_ns);
}

static int pop_until(union ring_handle *h, uint64_t number,
		     uint64_t deadline_ns)
{
	unsigned char elem[128];
	int rc = slip_spsc_pop_until(&h->spsc_c, elem, deadline_ns);

	if (!rc)
		check(elem, number);
	return rc;
}

static bool is_full(uint64_t number)
{
	struct ring_view v;

	(void)number;
	view(&v);
	return v.count == capacity_;
}

static void load(struct kill_ring_victim *v, uint64_t number)
{
	v->capacity = capacity_;
	v->elem_bytes = elem_bytes_;
	v->flags = mode_;
	for (uint32_t i = 0; i < KILL_BATCH; i++)
		fill(v->data + i * elem_bytes_, number + i);
}

static bool popped(const struct kill_ring_victim *v, uint64_t number, int count)
{
	for (int i = 0; i < count; i++)
		check(v->data + (uint32_t)i * elem_bytes_,
		      number + (uint64_t)i);
	return true;
}

static struct slip_event *event(void *mem, enum ring_side waiting)
{
	struct slip_spsc_ring *ring = mem;

	return waiting == RING_PRODUCER ? &ring->ends.ev_space
					: &ring->ends.ev_data;
}

const struct ring_calls ring_spsc = {
	.kind = SLIP_KIND_SPSC,
	.shape = shape,
	.init = init,
	.attach = attach,
	.detach = detach,
	.drop = drop,
	.role = role,
	.view = view,
	.push = push,
	.pop = pop,
	.push_until = push_until,
	.pop_until = pop_until,
	.is_full = is_full,
	.load = load,
	.popped = popped,
	.event = event,
};

#define OP(label, fn, about)                                             \
	{                                                                \
		.name = label, .kind = &ring_kind, .states = STATES,     \
		.hooked = kill_hooked_spsc_##fn,                         \
		.plain = kill_plain_spsc_##fn, .own = &ring_spsc,        \
		.flags = (about), .sleeps = ((about)&RING_PATIENT) != 0, \
	}

static const struct kill_op ops[] = {
	{ .name = "spsc.init",
	  .kind = &ring_init_kind,
	  .states = STATES,
	  .hooked = kill_hooked_spsc_init,
	  .plain = kill_plain_spsc_init,
	  .own = &ring_spsc },
	OP("spsc.push", push, RING_MOVES(1)),
	OP("spsc.push_n", push_n, RING_MOVES(KILL_BATCH) | RING_PREFIX),
	OP("spsc.claim_commit", claim_commit, RING_MOVES(1)),
	OP("spsc.push_until", push_until, RING_MOVES(1)),
	OP("spsc.push_sleep", push_until, RING_MOVES(1) | RING_PATIENT),
	OP("spsc.attach_producer", attach_producer, RING_ATTACH),
	OP("spsc.detach_producer", detach_producer, RING_DETACH),
	OP("spsc.pop", pop, RING_AT_CONSUMER | RING_MOVES(1)),
	OP("spsc.pop_n", pop_n, RING_AT_CONSUMER | RING_MOVES(KILL_BATCH)),
	OP("spsc.peek_release", peek_release, RING_AT_CONSUMER | RING_MOVES(1)),
	OP("spsc.pop_until", pop_until, RING_AT_CONSUMER | RING_MOVES(1)),
	OP("spsc.pop_sleep", pop_until,
	   RING_AT_CONSUMER | RING_MOVES(1) | RING_PATIENT),
	OP("spsc.attach_consumer", attach_consumer,
	   RING_AT_CONSUMER | RING_ATTACH),
	OP("spsc.detach_consumer", detach_consumer,
	   RING_AT_CONSUMER | RING_DETACH),
	OP("role.takeover_spsc_producer", attach_producer,
	   RING_ATTACH | RING_GHOST),
	OP("role.takeover_spsc_consumer", attach_consumer,
	   RING_AT_CONSUMER | RING_ATTACH | RING_GHOST),
};

const struct kill_list kill_spsc = { ops, sizeof(ops) / sizeof(ops[0]) };
