/* SPDX-License-Identifier: MIT */
/*
 * What an element costs by its size, and by the capacity of its ring: pushed
 * and popped one by one, so copied in by one process and out by another. The
 * loops are compiled once for each size.
 */
#include "ring/record.h"
#include "ring/spsc.h"
#include "tools/bench/growth.h"

/* clang-format off */
#define SIZES(X)                                                              \
	X(8) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096)   \
	X(8192) X(16384) X(32768) X(65536)
/* clang-format on */

/* Of a side, which is a process of its own. */
static _Alignas(64) uint64_t message[GROWTH_ELEM_MAX / 8];
static union {
	struct slip_spsc_producer sp;
	struct slip_spsc_consumer sc;
	struct slip_record_producer rp;
	struct slip_record_consumer rc;
} end;

static struct growth_flow flow(struct bench_team *t)
{
	struct growth_flow f = { t, message, t->point->elem_bytes / 8 };

	return f;
}

/* A side that cannot begin says why. */
static void refuse(struct bench_team *t, unsigned self, int rc)
{
	t->shared->side[self].rc = rc;
	bench_ready(t);
}

/* --- elements -------------------------------------------------------------- */

#define OF_SIZE(size)                                                     \
	struct of_##size {                                                \
		uint64_t word[(size) / 8];                                \
	};                                                                \
	SLIP_SPSC_DEFINE(ring_##size, struct of_##size);                  \
	SLIP_CORE bool put_##size(void *own, const void *m)               \
	{                                                                 \
		(void)own;                                                \
		return ring_##size##_push(&end.sp,                        \
					  (const struct of_##size *)m);   \
	}                                                                 \
	SLIP_CORE bool take_##size(void *own, void *m)                    \
	{                                                                 \
		(void)own;                                                \
		return ring_##size##_pop(&end.sc, (struct of_##size *)m); \
	}                                                                 \
	static void produce_##size(struct bench_team *t, unsigned self)   \
	{                                                                 \
		struct growth_flow f = flow(t);                           \
		int rc = ring_##size##_attach_producer(&end.sp, t->mem,   \
						       t->bytes, NULL);   \
                                                                          \
		if (rc)                                                   \
			refuse(t, self, rc);                              \
		else                                                      \
			growth_produce(&f, NULL, put_##size);             \
	}                                                                 \
	static void consume_##size(struct bench_team *t, unsigned self)   \
	{                                                                 \
		struct growth_flow f = flow(t);                           \
		int rc = ring_##size##_attach_consumer(&end.sc, t->mem,   \
						       t->bytes, NULL);   \
                                                                          \
		if (rc)                                                   \
			refuse(t, self, rc);                              \
		else                                                      \
			growth_consume(&f, self, NULL, take_##size);      \
	}

SIZES(OF_SIZE)

static const struct {
	uint32_t bytes;
	bench_side *produce, *consume;
} sizes[] = {
#define ROW(size) { size, produce_##size, consume_##size },
	SIZES(ROW)
};

static int setup_spsc(struct bench_team *t)
{
	return slip_spsc_init(t->mem, t->bytes, t->point->capacity,
			      t->point->elem_bytes, 0);
}

int growth_spsc(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .point = p,
				.sides = 2,
				.bytes = slip_spsc_bytes(p->capacity,
							 p->elem_bytes),
				.setup = setup_spsc };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].bytes == p->elem_bytes) {
			t.run[0] = sizes[i].consume;
			t.run[1] = sizes[i].produce;
		}
	return t.run[0] ? turns_run(&t, a, turns_ns_per_op, NULL) : -EINVAL;
}

/* --- records --------------------------------------------------------------- */

SLIP_CORE bool put_record(void *own, const void *m)
{
	const struct growth_flow *f = (const struct growth_flow *)own;

	return slip_record_push(&end.rp, m, (uint32_t)(f->words * 8)) == 0;
}

SLIP_CORE bool take_record(void *own, void *m)
{
	const struct growth_flow *f = (const struct growth_flow *)own;
	uint32_t len;

	return slip_record_pop(&end.rc, m, GROWTH_ELEM_MAX, &len) == 0 &&
	       len == f->words * 8;
}

static void produce_record(struct bench_team *t, unsigned self)
{
	struct growth_flow f = flow(t);
	int rc = slip_record_attach_producer(&end.rp, t->mem, t->bytes, NULL);

	if (rc)
		refuse(t, self, rc);
	else
		growth_produce(&f, &f, put_record);
}

static void consume_record(struct bench_team *t, unsigned self)
{
	struct growth_flow f = flow(t);
	int rc = slip_record_attach_consumer(&end.rc, t->mem, t->bytes, NULL);

	if (rc)
		refuse(t, self, rc);
	else
		growth_consume(&f, self, &f, take_record);
}

static int setup_record(struct bench_team *t)
{
	return slip_record_init(t->mem, t->bytes, t->point->capacity, 0);
}

int growth_record(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { consume_record, produce_record },
				.bytes = slip_record_bytes(p->capacity, 0),
				.setup = setup_record };

	return turns_run(&t, a, turns_ns_per_op, NULL);
}

/* --- the copy alone -------------------------------------------------------- */

struct copier {
	unsigned char *to;
	size_t at, bytes, capacity;
};

SLIP_CORE void copy_next(void *own)
{
	struct copier *c = (struct copier *)own;

	memcpy(c->to + c->at, message, c->bytes);
	/* Each copy shall be made. */
	__asm__ volatile("" : : "r"(c->to) : "memory");
	c->at = (c->at + c->bytes) & (c->capacity - 1);
}

static void copies(struct bench_team *t, unsigned self)
{
	struct copier c = { (unsigned char *)t->mem, 0, t->point->elem_bytes,
			    t->point->capacity };

	turns_measure(t, self, copy_next, &c);
}

int growth_copy(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_point point = *p;
	struct bench_team t = { .point = &point,
				.sides = 1,
				.run = { copies } };

	/* Of elements the capacity is their number. */
	if (p->way)
		point.capacity *= p->elem_bytes;
	t.bytes = point.capacity;
	return turns_run(&t, a, turns_ns_per_op, NULL);
}
