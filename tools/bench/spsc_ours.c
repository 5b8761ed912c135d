/* SPDX-License-Identifier: MIT */
/*
 * Our spsc ring as the suite "spsc" sees it: the public calls, without peers,
 * and with the event mode that slip_spsc_init chooses, as if somebody might
 * sleep. Typed by SLIP_SPSC_DEFINE; and with the size at run time.
 */
#include <errno.h>

#include "ring/spsc.h"
#include "tools/bench/spsc_loops.h"

struct of_8 {
	uint64_t word[1];
};
struct of_56 {
	uint64_t word[7];
};
struct of_64 {
	uint64_t word[8];
};
SLIP_SPSC_DEFINE(r8, struct of_8);
SLIP_SPSC_DEFINE(r56, struct of_56);
SLIP_SPSC_DEFINE(r64, struct of_64);

/* Of a side, which is a process of its own. */
static struct {
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
} ends;

static size_t ring_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	return slip_spsc_bytes(capacity, elem_bytes);
}

static int make(void *mem, size_t bytes, uint32_t capacity, uint32_t elem_bytes)
{
	return slip_spsc_init(mem, bytes, capacity, elem_bytes, 0);
}

/* The ring to push to may also be the one to pop from: then each side takes
 * one end. */
static int open_ends(struct spsc_seat *s)
{
	bool two = s->in != s->out;
	int rc = 0;

	if (two || s->self == 0)
		rc = slip_spsc_attach_producer(&ends.p, s->out, s->bytes, NULL);
	if (!rc && (two || s->self == 1))
		rc = slip_spsc_attach_consumer(&ends.c, s->in, s->bytes, NULL);
	s->own = &ends;
	return rc;
}

static void close_ends(struct spsc_seat *s)
{
	bool two = s->in != s->out;

	if (two || s->self == 0)
		slip_spsc_detach_producer(&ends.p);
	if (two || s->self == 1)
		slip_spsc_detach_consumer(&ends.c);
}

#define TYPED(size)                                                           \
	SLIP_CORE uint32_t push_##size(struct spsc_seat *s, const void *from, \
				       uint32_t n)                            \
	{                                                                     \
		(void)s;                                                      \
		(void)n;                                                      \
		return r##size##_push(&ends.p, from);                         \
	}                                                                     \
	SLIP_CORE uint32_t pop_##size(struct spsc_seat *s, void *to,          \
				      uint32_t n)                             \
	{                                                                     \
		(void)s;                                                      \
		(void)n;                                                      \
		return r##size##_pop(&ends.c, to);                            \
	}                                                                     \
	SPSC_STREAM(typed_##size, push_##size, pop_##size, size, 1)

TYPED(8);
TYPED(56);
TYPED(64);
SPSC_TRIPS(typed_8, push_8, pop_8);

SLIP_CORE uint32_t push_n(struct spsc_seat *s, const void *from, uint32_t n)
{
	(void)s;
	return r8_push_n(&ends.p, from, n);
}

SLIP_CORE uint32_t pop_n(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)s;
	return r8_pop_n(&ends.c, to, n);
}

SPSC_STREAM(typed_n, push_n, pop_n, 8, SPSC_BATCH);

SLIP_CORE uint32_t push_any(struct spsc_seat *s, const void *from, uint32_t n)
{
	(void)s;
	(void)n;
	return slip_spsc_push(&ends.p, from);
}

SLIP_CORE uint32_t pop_any(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)s;
	(void)n;
	return slip_spsc_pop(&ends.c, to);
}

SPSC_STREAM(any_8, push_any, pop_any, 8, 1);
SPSC_STREAM(any_56, push_any, pop_any, 56, 1);
SPSC_STREAM(any_64, push_any, pop_any, 64, 1);
SPSC_TRIPS(any_8, push_any, pop_any);

SLIP_CORE uint32_t push_any_n(struct spsc_seat *s, const void *from, uint32_t n)
{
	(void)s;
	return slip_spsc_push_n(&ends.p, from, n);
}

SLIP_CORE uint32_t pop_any_n(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)s;
	return slip_spsc_pop_n(&ends.c, to, n);
}

SPSC_STREAM(any_n, push_any_n, pop_any_n, 8, SPSC_BATCH);

/* clang-format off */
#define OURS(size, batch, loop, ask, echo)                             \
	{ 0, size, batch, ring_bytes, make, NULL, loop##_produce,      \
	  loop##_consume, ask, echo }
/* clang-format on */

static const struct spsc_kind typed[] = {
	OURS(8, 1, typed_8, typed_8_ask, typed_8_echo),
	OURS(8, SPSC_BATCH, typed_n, NULL, NULL),
	OURS(56, 1, typed_56, NULL, NULL),
	OURS(64, 1, typed_64, NULL, NULL),
};
static const struct spsc_kind any[] = {
	OURS(8, 1, any_8, any_8_ask, any_8_echo),
	OURS(8, SPSC_BATCH, any_n, NULL, NULL),
	OURS(56, 1, any_56, NULL, NULL),
	OURS(64, 1, any_64, NULL, NULL),
};

const struct spsc_queue spsc_ours = {
	.open = open_ends,
	.close = close_ends,
	.kinds = typed,
	.count = sizeof(typed) / sizeof(*typed),
};
const struct spsc_queue spsc_ours_untyped = {
	.open = open_ends,
	.close = close_ends,
	.kinds = any,
	.count = sizeof(any) / sizeof(*any),
};
