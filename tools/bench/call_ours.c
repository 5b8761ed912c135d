/* SPDX-License-Identifier: MIT */
/*
 * Our request and reply (ring/call.h) as the round trips of the suite "call"
 * see it: side 0 is the client, whose push is send and whose pop is receive;
 * side 1 the server, whose pop is take and whose push is reply. Without peers,
 * with the event mode that slip_call_init chooses, as if somebody might sleep.
 */
#include <errno.h>
#include <string.h>

#include "ring/call.h"
#include "tools/bench/spsc_loops.h"

#define SLOTS 16u
#define LARGE 48u

/* Of a side, which is a process of its own. */
static struct {
	struct slip_call_client c;
	struct slip_call_server s;
	struct slip_call_ticket t;
} ends;

static size_t ring_bytes(uint32_t capacity, uint32_t elem_bytes)
{
	(void)capacity;
	(void)elem_bytes;
	return slip_call_bytes(SLOTS, LARGE);
}

static int make(void *mem, size_t bytes, uint32_t capacity, uint32_t elem_bytes)
{
	(void)capacity;
	(void)elem_bytes;
	return slip_call_init(mem, bytes, SLOTS, LARGE, 0);
}

static int open_end(struct spsc_seat *s)
{
	if (s->self)
		return slip_call_attach_server(&ends.s, s->mem, s->bytes, NULL);
	return slip_call_attach_client(&ends.c, s->mem, s->bytes, NULL);
}

static void close_end(struct spsc_seat *s)
{
	if (s->self)
		slip_call_detach_server(&ends.s);
	else
		slip_call_detach_client(&ends.c);
}

/* A payload of so many bytes, whose first word is the element. */
SLIP_CORE uint32_t send_of(const void *from, uint32_t bytes)
{
	uint64_t words[LARGE / 8] = { *(const uint64_t *)from };

	return slip_call_send(&ends.c, words, bytes) == 0;
}

SLIP_CORE uint32_t receive_of(void *to, uint32_t bytes)
{
	uint64_t words[LARGE / 8];
	uint32_t came;

	if (slip_call_receive(&ends.c, words, bytes, &came))
		return 0;
	*(uint64_t *)to = words[0];
	return 1;
}

SLIP_CORE uint32_t take_of(void *to)
{
	if (!slip_call_take(&ends.s, &ends.t))
		return 0;
	memcpy(to, ends.t.data, 8);
	return 1;
}

SLIP_CORE uint32_t reply_of(const void *from, uint32_t bytes)
{
	uint64_t words[LARGE / 8] = { *(const uint64_t *)from };

	return slip_call_reply(&ends.s, &ends.t, words, bytes) == 0;
}

#define SIDES(size)                                                            \
	SLIP_CORE uint32_t send_##size(struct spsc_seat *s, const void *from,  \
				       uint32_t n)                             \
	{                                                                      \
		(void)s;                                                       \
		(void)n;                                                       \
		return send_of(from, size);                                    \
	}                                                                      \
	SLIP_CORE uint32_t receive_##size(struct spsc_seat *s, void *to,       \
					  uint32_t n)                          \
	{                                                                      \
		(void)s;                                                       \
		(void)n;                                                       \
		return receive_of(to, size);                                   \
	}                                                                      \
	SLIP_CORE uint32_t reply_##size(struct spsc_seat *s, const void *from, \
					uint32_t n)                            \
	{                                                                      \
		(void)s;                                                       \
		(void)n;                                                       \
		return reply_of(from, size);                                   \
	}                                                                      \
	static void ask_##size(struct spsc_seat *s)                            \
	{                                                                      \
		spsc_ask(s, send_##size, receive_##size);                      \
	}                                                                      \
	static void echo_##size(struct spsc_seat *s)                           \
	{                                                                      \
		spsc_echo(s, reply_##size, take);                              \
	}                                                                      \
	static const struct spsc_kind kinds_##size[] = {                       \
		{ 0, 8, 1, ring_bytes, make, NULL, NULL, NULL, ask_##size,     \
		  echo_##size },                                               \
	};                                                                     \
	const struct spsc_queue call_ours_##size = { .open = open_end,         \
						     .close = close_end,       \
						     .kinds = kinds_##size,    \
						     .count = 1 }

SLIP_CORE uint32_t take(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)s;
	(void)n;
	return take_of(to);
}

SIDES(8);
SIDES(48);

/* The forms that wait, and would sleep. */
SLIP_CORE uint32_t call_waiting(struct spsc_seat *s, const void *from,
				uint32_t n)
{
	uint32_t came;
	int rc = slip_call_until(&ends.c, from, 8, &s->own, 8, &came,
				 SLIP_FOREVER);

	(void)n;
	return rc == 0;
}

SLIP_CORE uint32_t called(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)n;
	memcpy(to, &s->own, 8);
	return 1;
}

SLIP_CORE uint32_t take_waiting(struct spsc_seat *s, void *to, uint32_t n)
{
	(void)s;
	(void)n;
	if (slip_call_take_until(&ends.s, &ends.t, SLIP_FOREVER))
		return 0;
	memcpy(to, ends.t.data, 8);
	return 1;
}

static void ask_waiting(struct spsc_seat *s)
{
	spsc_ask(s, call_waiting, called);
}

static void echo_waiting(struct spsc_seat *s)
{
	uint64_t value = 1;

	/* The last one, 0, is answered as well: its caller waits. */
	while (value)
		if (take_waiting(s, &value, 1))
			(void)reply_8(s, &value, 1);
}

static const struct spsc_kind kinds_waiting[] = {
	{ 0, 8, 1, ring_bytes, make, NULL, NULL, NULL, ask_waiting,
	  echo_waiting },
};
const struct spsc_queue call_ours_waiting = {
	.open = open_end, .close = close_end, .kinds = kinds_waiting, .count = 1
};
