/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ring/record.h"

#include <string.h>

#include "stress/kill/ring.h"

/* The smallest, some whose seam falls anywhere, and one mapped twice. */
static const struct {
	uint32_t capacity;
	unsigned flags;
} shapes[] = {
	{ 64, 0 }, { 128, 0 }, { 256, 0 }, { 4096, SLIP_RECORD_MIRROR }
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* Positions: the start, before the seam, before 2^32, 2^63 and 2^64. */
static const uint64_t starts[] = { 0, 40, (UINT64_C(1) << 32) - 16,
				   (UINT64_C(1) << 63) - 32, UINT64_MAX - 23 };
#define STARTS (sizeof(starts) / sizeof(starts[0]))

#define STATES	 (RING_FILLS * SHAPES * STARTS)
#define ROOM	 2048u
#define LONGEST_ (shapes[shape_].capacity / 2 - 8)

static unsigned shape_;
static unsigned start_;
static unsigned mode_;

static size_t shape(unsigned state)
{
	unsigned index = state / RING_FILLS;

	start_ = index % STARTS;
	shape_ = index / STARTS % SHAPES;
	mode_ = index / 2 % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM;
	return slip_record_bytes(shapes[shape_].capacity, shapes[shape_].flags);
}

static void init(void *mem, size_t bytes)
{
	struct slip_record_ring *ring = mem;
	struct slip_record_shape s;
	unsigned flags = shapes[shape_].flags;

	KILL_CHECK(
		!slip_record_init(mem, bytes, shapes[shape_].capacity,
				  mode_ | flags) &&
			slip_record_shape_(&s, shapes[shape_].capacity, flags),
		"init");
	s.data = slip_record_data_(ring, &s);
	/* init: nobody is there yet */
	slip_a64_store_relaxed(slip_record_word_(&s, starts[start_]), 0);
	slip_a64_store_relaxed(&ring->ends.head, starts[start_]);
}

static int attach(union ring_handle *h, enum ring_side side, void *mem,
		  size_t bytes, struct slip_peer *self)
{
	if (side == RING_PRODUCER)
		return slip_record_attach_producer(&h->record_p, mem, bytes,
						   self);
	return slip_record_attach_consumer(&h->record_c, mem, bytes, self);
}

static void detach(union ring_handle *h, enum ring_side side)
{
	if (side == RING_PRODUCER)
		slip_record_detach_producer(&h->record_p);
	else
		slip_record_detach_consumer(&h->record_c);
}

static void drop(union ring_handle *h, enum ring_side side)
{
	if (side == RING_PRODUCER)
		slip_record_unmap_(&h->record_p.shape, h->record_p.side.self);
	else
		slip_record_unmap_(&h->record_c.shape, h->record_c.side.self);
	memset(h, 0, sizeof(*h));
}

static int role(union ring_handle *h, enum ring_side side)
{
	return side == RING_PRODUCER ? slip_record_consumer_state(&h->record_p)
				     : slip_record_producer_state(&h->record_c);
}

static void inspect(struct slip_record_info *info)
{
	int rc = slip_record_inspect(kill_base.mem, kill_base.bytes, info);

	KILL_CHECK(!rc, "inspect: %d", rc);
}

static void view(struct ring_view *out)
{
	struct slip_record_info info;

	inspect(&info);
	out->count = info.records_guess;
	out->roles[RING_PRODUCER] = info.producer;
	out->roles[RING_CONSUMER] = info.consumer;
}

static uint32_t length(uint64_t number)
{
	const uint32_t lengths[] = { LONGEST_, 3, 0, LONGEST_ / 2, 8, 13 };

	return lengths[number % 6];
}

static uint32_t fill(unsigned char *to, uint64_t number)
{
	uint32_t len = length(number);

	for (uint32_t i = 0; i < len; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
	return len;
}

static void check(const void *found, uint32_t len, uint64_t number)
{
	unsigned char right[ROOM];

	KILL_CHECK(len == fill(right, number) && memcmp(found, right, len) == 0,
		   "record %llu has a wrong content",
		   (unsigned long long)number);
}

static int push(union ring_handle *h, uint64_t number)
{
	unsigned char body[ROOM];
	uint32_t len = fill(body, number);
	int rc = slip_record_push(&h->record_p, body, len);

	return rc == -EAGAIN ? 0 : rc ? rc : 1;
}

static int pop(union ring_handle *h, uint64_t number)
{
	unsigned char body[ROOM];
	uint32_t len;
	int rc = slip_record_pop(&h->record_c, body, sizeof(body), &len);

	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	check(body, len, number);
	return 1;
}

static int push_until(union ring_handle *h, uint64_t number,
		      uint64_t deadline_ns)
{
	unsigned char body[ROOM];
	uint32_t len = fill(body, number);

	return slip_record_push_until(&h->record_p, body, len, deadline_ns);
}

static int pop_until(union ring_handle *h, uint64_t number,
		     uint64_t deadline_ns)
{
	unsigned char body[ROOM];
	uint32_t len;
	int rc = slip_record_pop_until(&h->record_c, body, sizeof(body), &len,
				       deadline_ns);

	if (!rc)
		check(body, len, number);
	return rc;
}

/* By the rule of the header: in one piece, and 8 bytes for the 0 behind. */
static bool is_full(uint64_t number)
{
	struct slip_record_info info;
	uint64_t bytes = 8 + ((length(number) + 7u) & ~7u);
	uint64_t rest;

	inspect(&info);
	rest = info.capacity -
	       (info.popped_bytes + info.used_bytes_guess) % info.capacity;
	if (bytes > rest && !info.flags)
		bytes += rest;
	return bytes + 8 > info.capacity - info.used_bytes_guess;
}

static void load(struct kill_ring_victim *v, uint64_t number)
{
	v->capacity = shapes[shape_].capacity;
	v->flags = mode_ | shapes[shape_].flags;
	for (uint32_t i = 0; i < KILL_BATCH; i++) {
		unsigned char *to = v->data + i * ROOM;

		v->spans[i].data = to;
		v->spans[i].len = fill(to, number + i);
	}
}

static bool popped(const struct kill_ring_victim *v, uint64_t number, int count)
{
	for (int i = 0; i < count; i++)
		check(v->spans[i].data, v->spans[i].len, number + (uint64_t)i);
	return true;
}

static struct slip_event *event(void *mem, enum ring_side waiting)
{
	struct slip_record_ring *ring = mem;

	return waiting == RING_PRODUCER ? &ring->ends.ev_space
					: &ring->ends.ev_data;
}

const struct ring_calls ring_record = {
	.kind = SLIP_KIND_RECORD,
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
		.hooked = kill_hooked_record_##fn,                       \
		.plain = kill_plain_record_##fn, .own = &ring_record,    \
		.flags = (about), .sleeps = ((about)&RING_PATIENT) != 0, \
	}

static const struct kill_op ops[] = {
	{ .name = "record.init",
	  .kind = &ring_init_kind,
	  .states = STATES,
	  .hooked = kill_hooked_record_init,
	  .plain = kill_plain_record_init,
	  .own = &ring_record },
	OP("record.push", push, RING_MOVES(1)),
	OP("record.push_n", push_n, RING_MOVES(KILL_BATCH)),
	OP("record.claim_commit", claim_commit, RING_MOVES(1)),
	OP("record.push_until", push_until, RING_MOVES(1)),
	OP("record.push_sleep", push_until, RING_MOVES(1) | RING_PATIENT),
	OP("record.attach_producer", attach_producer, RING_ATTACH),
	OP("record.detach_producer", detach_producer, RING_DETACH),
	OP("record.pop", pop, RING_AT_CONSUMER | RING_MOVES(1)),
	OP("record.pop_n", pop_n, RING_AT_CONSUMER | RING_MOVES(KILL_BATCH)),
	OP("record.peek_release", peek_release,
	   RING_AT_CONSUMER | RING_MOVES(1)),
	OP("record.pop_until", pop_until, RING_AT_CONSUMER | RING_MOVES(1)),
	OP("record.pop_sleep", pop_until,
	   RING_AT_CONSUMER | RING_MOVES(1) | RING_PATIENT),
	OP("record.attach_consumer", attach_consumer,
	   RING_AT_CONSUMER | RING_ATTACH),
	OP("record.detach_consumer", detach_consumer,
	   RING_AT_CONSUMER | RING_DETACH),
	OP("role.takeover_record_producer", attach_producer,
	   RING_ATTACH | RING_GHOST),
	OP("role.takeover_record_consumer", attach_consumer,
	   RING_AT_CONSUMER | RING_ATTACH | RING_GHOST),
};

const struct kill_list kill_record = { ops, sizeof(ops) / sizeof(ops[0]) };
