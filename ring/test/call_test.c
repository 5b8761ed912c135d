/* SPDX-License-Identifier: MIT */
/* ring/call.h in one process: shapes, limits, requests and replies, giving up,
 * succession, waiting. Deaths and several processes: call_crash_test.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK call_test_sys
#include "../call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../atomics/test/check.h"
#include "edge.h"

/* What happens before a call of that number; 0: the call itself follows. */
static long watched = SYS_futex;
static long (*meanwhile)(void);

long call_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	long (*what)(void) = nr == watched ? meanwhile : NULL;
	long r = 0;

	if (what) {
		meanwhile = NULL;
		r = what();
	}
	return r ? r : slip_sys_raw_(nr, a, b, c, d, e, f);
}

#define CLIENTS 4u

/* A ring in memory of its exact size; what follows is inaccessible. */
static struct {
	void *mem;
	size_t bytes;
	struct slip_call_server s;
	struct slip_call_client c[CLIENTS];
	struct slip_call_ticket t;
} b;

static void *fresh_memory(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *mem = aligned_alloc(64, whole);

	if (mem)
		memset(mem, 0xa5, whole);
	return mem;
}

static int attach_c(unsigned i)
{
	return slip_call_attach_client(&b.c[i], b.mem, b.bytes, NULL);
}

static int attach_s(void)
{
	return slip_call_attach_server(&b.s, b.mem, b.bytes, NULL);
}

static void make(uint32_t slots, uint32_t payload_bytes)
{
	b.bytes = slip_call_bytes(slots, payload_bytes);
	b.mem = edge_memory(b.bytes);
	cr_assert(b.mem != NULL, "no memory");
	cr_assert_eq(slip_call_init(b.mem, b.bytes, slots, payload_bytes, 0), 0,
		     "init");
	b.s.error = -EPIPE;
	for (unsigned i = 0; i < CLIENTS; i++)
		b.c[i].busy = -EPIPE;
}

static void setup(uint32_t slots, uint32_t payload_bytes)
{
	make(slots, payload_bytes);
	cr_assert_eq(attach_s(), 0, "server");
	for (unsigned i = 0; i < slots && i < CLIENTS; i++)
		cr_assert_eq(attach_c(i), 0, "client %u", i);
}

static void teardown(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		slip_call_detach_client(&b.c[i]);
	slip_call_detach_server(&b.s);
	edge_free(b.mem, b.bytes);
}

/* The request, or reply, number n. */
static void fill(unsigned char *at, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		at[i] = (unsigned char)(n * 31 + i * 7 + (n >> 8));
}

static bool filled(const void *at, uint32_t bytes, uint64_t n)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (((const unsigned char *)at)[i] !=
		    (unsigned char)(n * 31 + i * 7 + (n >> 8)))
			return false;
	return true;
}

static void ask(unsigned i, uint64_t what)
{
	cr_assert_eq(slip_call_send(&b.c[i], &what, sizeof(what)), 0,
		     "client %u asks %llu", i, (unsigned long long)what);
}

/* The next request is `what`; it is answered by what + 1000. */
static void serve(uint64_t what)
{
	uint64_t got = 0;
	uint64_t back = what + 1000;

	cr_assert(slip_call_take(&b.s, &b.t), "no request, but %llu is due",
		  (unsigned long long)what);
	cr_assert_eq(b.t.bytes, sizeof(got), "its size");
	memcpy(&got, b.t.data, sizeof(got));
	cr_assert_eq(got, what, "%llu instead of %llu", (unsigned long long)got,
		     (unsigned long long)what);
	cr_assert_eq(slip_call_reply(&b.s, &b.t, &back, sizeof(back)), 0,
		     "reply");
}

static void hear(unsigned i, uint64_t what)
{
	uint64_t got = 0;
	uint32_t bytes = 0;

	cr_assert_eq(slip_call_receive(&b.c[i], &got, sizeof(got), &bytes), 0,
		     "client %u hears nothing", i);
	cr_assert_eq(bytes, sizeof(got), "its size");
	cr_assert_eq(got, what, "%llu instead of %llu", (unsigned long long)got,
		     (unsigned long long)what);
}

static void hear_nothing(unsigned i, int why)
{
	uint64_t got = 0;
	uint32_t bytes = 0;

	cr_assert_eq(slip_call_receive(&b.c[i], &got, sizeof(got), &bytes), why,
		     "client %u", i);
	cr_assert_null(slip_call_peek(&b.c[i], &bytes), "nor in place");
}

Test(call, bytes_is_0_for_what_is_not_a_shape)
{
	cr_assert_eq(slip_call_bytes(0, 8), 0, "no slots");
	cr_assert_eq(slip_call_bytes(4097, 8), 0, "more than 4096");
	cr_assert_eq(slip_call_bytes(1, 0), 0, "payload of nothing");
	cr_assert_eq(slip_call_bytes(1, 65537), 0, "payload over 64 KiB");
	cr_assert(slip_call_bytes(1, 1) > 0, "smallest");
	cr_assert(slip_call_bytes(4096, 65536) > UINT32_C(4096) * 65536,
		  "largest");
	cr_assert_eq(slip_call_bytes(2, 56) - slip_call_bytes(1, 56), 64,
		     "56 bytes go in one line");
	cr_assert_eq(slip_call_bytes(2, 57) - slip_call_bytes(1, 57), 128,
		     "57 do not");
	cr_assert_eq(slip_call_bytes(8, 128), 512 + 3 * 128 + 8 * 192,
		     "whole pairs of lines");
	cr_assert_eq(slip_call_bytes(1, 129), slip_call_bytes(1, 128) + 128,
		     "one more for a byte");
}

Test(call, init_names_what_is_wrong)
{
	size_t bytes = slip_call_bytes(4, 8);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_call_init(mem, bytes - 1, 4, 8, 0), -EOVERFLOW,
		     "one byte short");
	cr_assert_eq(slip_call_init(mem + 8, bytes, 4, 8, 0), -EINVAL,
		     "misaligned");
	cr_assert_eq(slip_call_init(NULL, bytes, 4, 8, 0), -EINVAL, "NULL");
	cr_assert_eq(slip_call_init(mem, bytes, 0, 8, 0), -EINVAL, "shape");
	cr_assert_eq(slip_call_init(mem, bytes, 4, 8, SLIP_EVENT_RMW), -EINVAL,
		     "a mode that fits no plain store");
	free(mem);
}

Test(call, attach_names_what_is_wrong)
{
	struct slip_call_ring *ring;

	setup(2, 8);
	ring = b.mem;
	cr_assert_eq(slip_call_attach_server(&b.s, b.mem, b.bytes, NULL),
		     -EBUSY, "a second server");
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, SLIP_FOREVER), -EPIPE,
		     "and its handle is closed");
	cr_assert_eq(attach_c(2), -EUSERS, "a third client of two");
	cr_assert_eq(slip_call_send(&b.c[2], b.mem, 1), -EPIPE,
		     "and its handle is closed");
	cr_assert_eq(slip_call_client_payload_bytes(&b.c[2]), 0, "of nothing");
	cr_assert_eq(slip_call_client_payload_bytes(&b.c[1]), 8, "of a ring");
	slip_call_detach_client(&b.c[1]);
	cr_assert_eq(slip_call_attach_client(&b.c[1], NULL, b.bytes, NULL),
		     -EINVAL, "NULL");
	cr_assert_eq(slip_call_attach_client(&b.c[1], (char *)b.mem + 8,
					     b.bytes - 8, NULL),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_call_attach_client(&b.c[1], b.mem, b.bytes - 1, NULL),
		     -EOVERFLOW, "truncated slots");
	cr_assert_eq(slip_call_attach_client(&b.c[1], b.mem, 100, NULL),
		     -EOVERFLOW, "truncated header");
	slip_a32_store_relaxed(&ring->layout, SLIP_CALL_LAYOUT + 1);
	cr_assert_eq(attach_c(1), -EPROTO, "other layout");
	slip_a32_store_relaxed(&ring->layout, SLIP_CALL_LAYOUT);
	slip_a32_store_relaxed(&ring->slot_bytes, 128);
	cr_assert_eq(attach_c(1), -EBADMSG, "slots that do not fit payloads");
	slip_a32_store_relaxed(&ring->slot_bytes, 64);
	slip_a32_store_relaxed(&ring->slots, 0);
	cr_assert_eq(attach_c(1), -EBADMSG, "no slots");
	slip_a32_store_relaxed(&ring->slots, 2);
	slip_a32_store_relaxed(&ring->mode, 9);
	cr_assert_eq(attach_c(1), -EBADMSG, "no such mode");
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_FULL);
	slip_a64_store_relaxed(&ring->magic, 1);
	cr_assert_eq(
		slip_call_attach_client(&b.c[1], b.mem, sizeof(*ring), NULL),
		-EBADMSG, "as many bytes as a header has");
	cr_assert_eq(attach_c(1), -EBADMSG, "not a ring");
	cr_assert_eq(attach_s(), -EBADMSG, "not a ring");
	teardown();
}

Test(call, a_request_is_answered)
{
	setup(1, 48);
	cr_assert(!slip_call_take(&b.s, &b.t), "nobody has asked");
	hear_nothing(0, -EINVAL);
	for (uint64_t n = 0; n < 100; n++) {
		ask(0, n);
		hear_nothing(0, -EAGAIN);
		serve(n);
		cr_assert(!slip_call_take(&b.s, &b.t), "served once");
		hear(0, n + 1000);
		hear_nothing(0, -EINVAL);
	}
	cr_assert_eq(slip_call_server_state(&b.c[0]), SLIP_ROLE_HELD, "server");
	cr_assert_eq(slip_call_server_payload_bytes(&b.s), 48, "size");
	teardown();
}

static void any_size(uint32_t payload_bytes)
{
	unsigned char *buf = malloc(payload_bytes + 1);
	uint32_t bytes = 0;
	uint64_t n = payload_bytes;

	cr_assert(buf != NULL, "no memory");
	setup(3, payload_bytes);
	for (uint32_t size = 0; size <= payload_bytes;
	     size += 1 + size / 3, n++) {
		fill(buf, size, n);
		cr_assert_eq(slip_call_send(&b.c[n % 3], buf, size), 0, "send");
		cr_assert(slip_call_take(&b.s, &b.t), "take");
		cr_assert_eq(b.t.bytes, size, "size");
		cr_assert(filled(b.t.data, size, n), "%u of %u B", size,
			  payload_bytes);
		fill(buf, payload_bytes - size, n + 1);
		cr_assert_eq(
			slip_call_reply(&b.s, &b.t, buf, payload_bytes - size),
			0, "reply");
		memset(buf, 0, payload_bytes);
		cr_assert_eq(slip_call_receive(&b.c[n % 3], buf, payload_bytes,
					       &bytes),
			     0, "receive");
		cr_assert_eq(bytes, payload_bytes - size, "size");
		cr_assert(filled(buf, bytes, n + 1), "%u of %u B", bytes,
			  payload_bytes);
	}
	cr_assert_eq(slip_call_send(&b.c[0], buf, payload_bytes + 1), -EMSGSIZE,
		     "too much");
	slip_call_commit(&b.c[0], payload_bytes + 1);
	cr_assert(!slip_call_take(&b.s, &b.t), "nothing was asked");
	cr_assert_eq(slip_call_send(&b.c[0], buf, payload_bytes), 0, "send");
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, buf, payload_bytes + 1),
		     -EMSGSIZE, "too much");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, buf, payload_bytes), 0,
		     "but that will do");
	teardown();
	free(buf);
}

Test(call, payloads_of_every_size)
{
	static const uint32_t sizes[] = { 1,  7,   8,	48,   55,   56,	  57,
					  64, 120, 121, 1000, 4096, 65536 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		any_size(sizes[i]);
}

Test(call, in_place)
{
	uint32_t bytes = 0;
	const void *got;
	void *place;

	setup(1, 100);
	cr_assert_null(slip_call_peek(&b.c[0], &bytes), "nothing was asked");
	slip_call_release(&b.c[0]);
	place = slip_call_claim(&b.c[0]);
	cr_assert(place != NULL, "place");
	cr_assert_eq((uintptr_t)place % 8, 0, "aligned");
	cr_assert(slip_call_claim(&b.c[0]) == place, "not committed");
	cr_assert(!slip_call_take(&b.s, &b.t), "not committed");
	fill(place, 100, 3);
	slip_call_commit(&b.c[0], 100);
	cr_assert_null(slip_call_claim(&b.c[0]), "under way");
	slip_call_commit(&b.c[0], 1);
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	cr_assert(filled(b.t.data, 100, 3) && b.t.bytes == 100, "bytes");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, "four", 4), 0, "reply");
	for (int i = 0; i < 2; i++) {
		got = slip_call_peek(&b.c[0], &bytes);
		cr_assert(got && bytes == 4 && memcmp(got, "four", 4) == 0,
			  "until released");
	}
	cr_assert_null(slip_call_claim(&b.c[0]), "not released");
	slip_call_release(&b.c[0]);
	cr_assert_not_null(slip_call_claim(&b.c[0]), "released");
	teardown();
}

Test(call, a_reply_that_does_not_fit_stays)
{
	char buf[8] = "";
	uint32_t bytes = 0;

	setup(1, 8);
	ask(0, 1);
	serve(1);
	cr_assert_eq(slip_call_receive(&b.c[0], buf, 7, &bytes), -EMSGSIZE,
		     "7 of 8");
	cr_assert_eq(bytes, 8, "says how many");
	hear(0, 1001);
	teardown();
}

Test(call, a_reply_leaves_what_it_does_not_fill)
{
	unsigned char got[8];
	uint32_t bytes = 0;

	setup(1, 8);
	ask(0, 1);
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, "ab", 2), 0, "reply");
	memset(got, 0xee, sizeof(got));
	cr_assert_eq(slip_call_receive(&b.c[0], got, 8, &bytes), 0, "receive");
	cr_assert_eq(bytes, 2, "its size");
	cr_assert(got[0] == 'a' && got[1] == 'b', "bytes");
	for (int i = 2; i < 8; i++)
		cr_assert_eq(got[i], 0xee, "byte %d", i);
	teardown();
}

Test(call, a_release_of_no_reply_does_nothing)
{
	setup(1, 8);
	ask(0, 1);
	slip_call_release(&b.c[0]);
	hear_nothing(0, -EAGAIN);
	serve(1);
	hear(0, 1001);
	teardown();
}

Test(call, one_request_at_a_time)
{
	uint64_t x = 5;
	uint32_t bytes;

	setup(1, 8);
	ask(0, 5);
	cr_assert_eq(slip_call_send(&b.c[0], &x, 8), -EAGAIN, "under way");
	cr_assert_eq(slip_call_until(&b.c[0], &x, 8, &x, 8, &bytes, 0), -EAGAIN,
		     "nor waits");
	serve(5);
	cr_assert_eq(slip_call_send(&b.c[0], &x, 8), -EAGAIN, "not received");
	hear(0, 1005);
	ask(0, 6);
	teardown();
}

Test(call, a_ticket_is_good_for_one_reply)
{
	struct slip_call_ticket first, again;

	setup(2, 8);
	ask(0, 1);
	cr_assert(slip_call_take(&b.s, &first), "take");
	cr_assert_eq(first.attempts, 1, "the first");
	cr_assert(!slip_call_orphan(&b.s, &first), "somebody waits");
	again = first;
	cr_assert_eq(slip_call_reply(&b.s, &first, "r", 1), 0, "reply");
	cr_assert_eq(slip_call_reply(&b.s, &first, "s", 1), -EINVAL, "used up");
	cr_assert_eq(slip_call_reply(&b.s, &again, "t", 1), -EINVAL,
		     "a copy of it");
	slip_call_release(&b.c[0]);
	ask(0, 2);
	cr_assert_eq(slip_call_reply(&b.s, &again, "u", 1), -EINVAL,
		     "of the request before");
	cr_assert(slip_call_take(&b.s, &first), "take");
	cr_assert_eq(slip_call_reply(&b.s, &again, "v", 1), -EINVAL,
		     "of the request before, while one is with us");
	slip_call_detach_server(&b.s);
	cr_assert_eq(slip_call_reply(&b.s, &first, "w", 1), -EPIPE, "detached");
	cr_assert(!slip_call_orphan(&b.s, &first), "detached");
	cr_assert_eq(attach_s(), 0, "again");
	cr_assert_eq(slip_call_reply(&b.s, &first, "x", 1), -EINVAL,
		     "of the server before");
	cr_assert(slip_call_take(&b.s, &again), "handed out again");
	cr_assert_eq(slip_call_reply(&b.s, &first, "y", 1), -EINVAL,
		     "of the delivery before");
	cr_assert_eq(slip_call_reply(&b.s, &again, "z", 1), 0, "reply");
	teardown();
}

Test(call, a_ticket_is_of_one_ring)
{
	size_t bytes = slip_call_bytes(2, 8);
	void *mem = fresh_memory(bytes);
	struct slip_call_client c;
	struct slip_call_server other;
	struct slip_call_ticket t;

	setup(2, 8);
	cr_assert_eq(slip_call_init(mem, bytes, 2, 8, 0), 0);
	cr_assert_eq(slip_call_attach_server(&other, mem, bytes, NULL), 0);
	cr_assert_eq(slip_call_attach_client(&c, mem, bytes, NULL), 0);
	ask(0, 1);
	cr_assert_eq(slip_call_send(&c, "q", 1), 0);
	cr_assert(slip_call_take(&b.s, &b.t) && slip_call_take(&other, &t));
	cr_assert_eq(slip_call_reply(&b.s, &t, "r", 1), -EINVAL);
	hear_nothing(0, -EAGAIN);
	cr_assert_eq(slip_call_reply(&other, &t, "r", 1), 0);
	slip_call_detach_client(&c);
	slip_call_detach_server(&other);
	free(mem);
	teardown();
}

/* What was staged is what is delivered, though the request is overwritten. */
Test(call, a_reply_may_be_a_part_of_its_request)
{
	unsigned char words[48], back[48];
	uint32_t bytes;

	setup(1, 48);
	fill(words, 48, 7);
	cr_assert_eq(slip_call_send(&b.c[0], words, 48), 0);
	cr_assert(slip_call_take(&b.s, &b.t));
	cr_assert_eq(slip_call_reply(&b.s, &b.t,
				     (const unsigned char *)b.t.data + 8, 40),
		     0);
	cr_assert_eq(slip_call_receive(&b.c[0], back, 48, &bytes), 0);
	cr_assert_eq(bytes, 40u);
	cr_assert_eq(memcmp(back, words + 8, 40), 0);
	teardown();
}

Test(call, everybody_gets_a_turn)
{
	uint64_t served[CLIENTS] = { 0 };
	uint64_t got;

	setup(CLIENTS, 8);
	for (unsigned i = 0; i < CLIENTS; i++)
		ask(i, i);
	for (unsigned n = 0; n < 40 * CLIENTS; n++) {
		cr_assert(slip_call_take(&b.s, &b.t), "all ask all the time");
		memcpy(&got, b.t.data, sizeof(got));
		cr_assert_lt(got, CLIENTS, "request");
		served[got]++;
		cr_assert_eq(slip_call_reply(&b.s, &b.t, &got, 8), 0, "reply");
		hear((unsigned)got, got);
		ask((unsigned)got, got);
		for (unsigned i = 0; i < CLIENTS; i++)
			cr_assert(served[i] + 1 >= (n + 1) / CLIENTS &&
					  served[i] <= n / CLIENTS + 1,
				  "client %u has had %llu of %u", i,
				  (unsigned long long)served[i], n + 1);
	}
	teardown();
}

Test(call, a_look_that_finds_nothing_takes_nobodys_turn)
{
	setup(CLIENTS, 8);
	cr_assert(!slip_call_take(&b.s, &b.t), "none");
	for (unsigned i = 0; i < CLIENTS; i++)
		ask(i, i);
	for (unsigned i = 0; i < CLIENTS; i++)
		serve(i);
	teardown();
}

Test(call, slots_that_nobody_had_are_not_looked_at)
{
	struct slip_call_ring *ring;

	make(CLIENTS, 8);
	ring = b.mem;
	for (unsigned i = 0; i < CLIENTS; i++) {
		/* stat */
		cr_assert_eq(slip_a32_load_relaxed(&ring->high), i, "high");
		cr_assert_eq(attach_c(i), 0, "client");
	}
	teardown();
}

/* Behind eight of these stand the words of what is taken, which look as a role
 * that is held, or an event on which somebody sleeps. */
Test(call, of_8_slots_none_more_is_looked_at)
{
	static struct slip_call_client c[8];
	uint64_t taken[8], x = 1;

	make(8, 8);
	cr_assert_eq(attach_s(), 0, "server");
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(
			slip_call_attach_client(&c[i], b.mem, b.bytes, NULL), 0,
			"client");
	cr_assert_eq(slip_call_send(&c[0], &x, 8), 0, "ask");
	serve(1);
	cr_assert_eq(slip_call_send(&c[1], &x, 8), 0, "ask");
	cr_assert(slip_call_take(&b.s, &b.t), "in hand");
	for (unsigned i = 0; i < 8; i++)
		slip_call_detach_client(&c[i]);
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, 0), -EPIPE, "all gone");
	memcpy(taken, b.s.taken, sizeof(taken));
	slip_call_detach_server(&b.s);
	cr_assert_eq(memcmp(taken, b.s.taken, sizeof(taken)), 0, "taken");
	teardown();
}

Test(call, recovery_buries_those_who_had_a_slot_alone)
{
	uint64_t held = slip_role_held_(3, 1);
	struct slip_call_side *side;

	setup(CLIENTS, 8);
	side = b.s.sides + CLIENTS - 1;
	for (unsigned i = 0; i < 2; i++)
		/* init: the second is behind the last */
		slip_a64_store_relaxed(&side[i].role, held);
	cr_assert_eq(slip_call_recover_(NULL, b.mem, b.bytes, 3, 1), 0,
		     "recover");
	/* stat */
	cr_assert_eq(slip_a64_load_relaxed(&side[0].role) & 15,
		     (uint64_t)SLIP_ROLE_DEAD, "the last");
	cr_assert_eq(slip_a64_load_relaxed(&side[1].role), held, "behind");
	teardown();
}

Test(call, answered_in_any_order)
{
	struct slip_call_ticket t[CLIENTS];

	setup(CLIENTS, 8);
	for (unsigned i = 0; i < CLIENTS; i++)
		ask(i, i);
	for (unsigned i = 0; i < CLIENTS; i++)
		cr_assert(slip_call_take(&b.s, &t[i]), "take");
	cr_assert(!slip_call_take(&b.s, &b.t), "all are with us");
	for (unsigned i = CLIENTS; i-- > 0;) {
		uint64_t back;

		memcpy(&back, t[i].data, 8);
		cr_assert_eq(slip_call_reply(&b.s, &t[i], &back, 8), 0, "r");
		hear((unsigned)back, back);
	}
	teardown();
}

/* --- giving up ------------------------------------------------------------- */

Test(call, the_reply_to_what_was_given_up_is_not_that_to_the_next)
{
	uint64_t x = 2;
	uint32_t bytes;

	setup(1, 8);
	slip_call_abandon(&b.c[0]);
	ask(0, 1);
	cr_assert_eq(slip_call_until(&b.c[0], &x, 8, &x, 8, &bytes, 0), -EAGAIN,
		     "has asked");
	slip_call_abandon(&b.c[0]);
	hear_nothing(0, -EINVAL);
	cr_assert_eq(slip_call_wait_reply_until(&b.c[0], 0), -EINVAL, "none");
	cr_assert_eq(slip_call_send(&b.c[0], &x, 8), -EAGAIN,
		     "and there is no other slot");
	cr_assert_null(slip_call_claim(&b.c[0]), "there is none");
	cr_assert_eq(slip_call_until(&b.c[0], &x, 8, &x, 8, &bytes, 0),
		     -ETIMEDOUT, "nor by then");
	serve(1);
	hear_nothing(0, -EINVAL);
	ask(0, 2);
	hear_nothing(0, -EAGAIN);
	serve(2);
	hear(0, 1002);
	teardown();
}

Test(call, who_has_given_up_asks_on_in_another_slot)
{
	struct slip_call_ticket t;
	uint64_t got;

	make(2, 8);
	cr_assert_eq(attach_s(), 0, "server");
	cr_assert_eq(attach_c(0), 0, "client");
	ask(0, 1);
	slip_call_abandon(&b.c[0]);
	ask(0, 2);
	cr_assert_eq(b.c[0].at, 1, "elsewhere");
	cr_assert_eq(attach_c(1), -EUSERS, "a slot is free once answered");
	cr_assert(slip_call_take(&b.s, &t), "the first");
	memcpy(&got, t.data, 8);
	cr_assert(got == 1 && slip_call_orphan(&b.s, &t),
		  "nobody waits for it");
	serve(2);
	hear(0, 1002);
	cr_assert_eq(slip_call_reply(&b.s, &t, &got, 8), 0, "late");
	hear_nothing(0, -EINVAL);
	cr_assert_eq(attach_c(1), 0, "answered");
	cr_assert_eq(b.c[1].at, 0, "there");
	ask(1, 3);
	serve(3);
	hear(1, 1003);
	teardown();
}

Test(call, a_deadline_gives_up)
{
	uint64_t x = 1;
	uint64_t got = 0;
	uint32_t bytes = 0;

	setup(1, 8);
	cr_assert_eq(slip_call_until(&b.c[0], &x, 8, &got, 8, &bytes,
				     slip_after_ns(1000000)),
		     -ETIMEDOUT, "nobody answers");
	serve(1);
	x = 2;
	cr_assert_eq(slip_call_until(&b.c[0], &x, 8, &got, 8, &bytes, 0),
		     -ETIMEDOUT, "the late reply is not it");
	serve(2);
	teardown();
}

/* --- coming and going ------------------------------------------------------ */

Test(call, slots_are_used_again)
{
	uint64_t n = 0;

	make(2, 8);
	cr_assert_eq(attach_s(), 0, "server");
	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(attach_c(0), 0, "first");
		cr_assert_eq(attach_c(1), 0, "second");
		cr_assert_eq(attach_c(2), -EUSERS, "third");
		for (unsigned k = 0; k < 2; k++, n++) {
			ask(k, n);
			serve(n);
			hear(k, n + 1000);
		}
		slip_call_detach_client(&b.c[i % 2]);
		cr_assert_eq(attach_c(2), 0, "in its place");
		ask(2, n);
		serve(n);
		hear(2, n++ + 1000);
		for (unsigned k = 0; k < 3; k++)
			slip_call_detach_client(&b.c[k]);
	}
	teardown();
}

Test(call, what_one_who_left_asked_is_delivered_and_holds_the_slot)
{
	setup(1, 8);
	ask(0, 1);
	slip_call_detach_client(&b.c[0]);
	slip_call_detach_client(&b.c[0]);
	cr_assert_eq(attach_c(0), -EUSERS, "not answered");
	cr_assert(slip_call_take(&b.s, &b.t), "delivered");
	cr_assert(slip_call_orphan(&b.s, &b.t), "nobody waits");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, "", 0), 0, "reply");
	cr_assert(!slip_call_orphan(&b.s, &b.t), "used up");

	cr_assert_eq(attach_c(0), 0, "answered");
	hear_nothing(0, -EINVAL);
	teardown();
}

Test(call, a_successor_takes_again_what_was_not_answered)
{
	struct slip_call_ticket t;

	setup(2, 8);
	for (uint32_t attempt = 1; attempt < 20; attempt++) {
		ask(0, attempt);
		for (uint32_t i = 1; i <= attempt; i++) {
			cr_assert(slip_call_take(&b.s, &t), "take");
			cr_assert_eq(t.attempts, i, "%u", t.attempts);
			cr_assert(!slip_call_take(&b.s, &t), "only once");
			slip_call_detach_server(&b.s);
			cr_assert_eq(attach_s(), 0, "successor");
		}
		serve(attempt);
		hear(0, attempt + 1000);
	}
	teardown();
}

Test(call, attempts_are_counted_up_to_a_limit)
{
	setup(1, 8);
	ask(0, 1);
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	slip_call_detach_server(&b.s);
	/* own */
	slip_a64_store_relaxed(b.s.taken, SLIP_CALL_ONE_ | SLIP_CALL_ATTEMPTS_ |
						  SLIP_CALL_HAND_);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(attach_s(), 0, "successor");
		cr_assert(slip_call_take(&b.s, &b.t), "take");
		cr_assert_eq(b.t.attempts, 65535, "%u", b.t.attempts);
		slip_call_detach_server(&b.s);
	}
	teardown();
}

/* What a death between any two steps of a reply leaves. */
Test(call, a_successor_finishes_a_staged_reply)
{
	uint64_t back = 77;
	uint64_t w;

	setup(2, 8);
	ask(1, 1);
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	w = slip_call_with_(b.t.taken, 8, SLIP_CALL_DONE_);
	memcpy(b.s.stage, &back, 8);
	/* own: as slip_call_answer_ */
	slip_a64_store_relaxed(&b.s.ring->staged, w);
	slip_a64_store_relaxed(&b.s.taken[1], b.t.taken | SLIP_CALL_ANSWERED_);
	memset(slip_call_slot_(b.s.ring, &b.s.shape, 1) + 8, 0xee, 4);
	slip_call_detach_server(&b.s);
	hear_nothing(1, -EAGAIN);
	cr_assert_eq(attach_s(), 0, "successor");
	hear(1, 77);
	cr_assert(!slip_call_take(&b.s, &b.t), "answered");
	teardown();
}

/* --- waiting --------------------------------------------------------------- */

static uint64_t answer_got;
static uint32_t answer_bytes;

static int call_1(uint64_t deadline_ns)
{
	uint64_t x = 1;

	return slip_call_until(&b.c[0], &x, 8, &answer_got, 8, &answer_bytes,
			       deadline_ns);
}

static long serves_1(void)
{
	serve(1);
	return 0;
}

Test(call, a_sleeping_client_is_woken_by_its_reply)
{
	setup(1, 8);
	meanwhile = serves_1;
	cr_assert_eq(call_1(SLIP_FOREVER), 0, "call");
	cr_assert_eq(answer_got, 1001, "reply");
	teardown();
}

static long asks_5(void)
{
	ask(1, 5);
	return 0;
}

Test(call, a_sleeping_server_is_woken_by_any_request)
{
	setup(2, 8);
	meanwhile = asks_5;
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, SLIP_FOREVER), 0, "take");
	cr_assert_eq(*(const uint64_t *)b.t.data, 5, "request");
	teardown();
}

Test(call, a_server_that_leaves_is_told_of)
{
	setup(1, 8);
	slip_call_detach_server(&b.s);
	slip_call_detach_server(&b.s);
	cr_assert_eq(call_1(SLIP_FOREVER), -EPIPE, "known");
	cr_assert(slip_call_server_state(&b.c[0]) == SLIP_ROLE_CLOSED, "state");
	cr_assert_eq(slip_call_send(&b.c[0], "a", 1), 0, "nothing was asked");
	cr_assert_eq(slip_call_wait_reply_until(&b.c[0], SLIP_FOREVER), -EPIPE,
		     "no reply");
	cr_assert_eq(slip_call_wait_server_until(&b.c[0], 0), -ETIMEDOUT,
		     "no successor");
	cr_assert_eq(attach_s(), 0, "successor");
	cr_assert_eq(slip_call_wait_server_until(&b.c[0], SLIP_FOREVER), 0,
		     "there");
	cr_assert_eq(slip_call_wait_reply_until(&b.c[0], 0), -ETIMEDOUT,
		     "not yet");
	cr_assert(slip_call_take(&b.s, &b.t), "it is still there");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, "b", 1), 0, "reply");
	cr_assert_eq(slip_call_wait_reply_until(&b.c[0], SLIP_FOREVER), 0,
		     "there");
	teardown();
}

static long server_leaves(void)
{
	slip_call_detach_server(&b.s);
	return 0;
}

Test(call, a_server_that_leaves_wakes_who_sleeps)
{
	setup(1, 8);
	meanwhile = server_leaves;
	cr_assert_eq(call_1(SLIP_FOREVER), -EPIPE, "call");
	hear_nothing(0, -EINVAL);
	teardown();
}

static long replies_and_leaves(void)
{
	serve(1);
	return server_leaves();
}

Test(call, a_last_reply_comes_before_the_end)
{
	setup(1, 8);
	meanwhile = replies_and_leaves;
	cr_assert_eq(call_1(SLIP_FOREVER), 0, "call");
	cr_assert_eq(answer_got, 1001, "reply");
	cr_assert_eq(call_1(SLIP_FOREVER), -EPIPE, "the end");
	teardown();
}

static long successor_comes(void)
{
	cr_assert_eq(attach_s(), 0, "successor");
	return 0;
}

Test(call, a_successor_wakes_who_waits_for_one)
{
	setup(1, 8);
	slip_call_detach_server(&b.s);
	meanwhile = successor_comes;
	cr_assert_eq(slip_call_wait_server_until(&b.c[0], SLIP_FOREVER), 0,
		     "there");
	teardown();
}

Test(call, when_all_clients_have_gone_the_server_is_told)
{
	make(2, 8);
	cr_assert_eq(attach_s(), 0, "server");
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, slip_after_ns(1000000)),
		     -ETIMEDOUT, "nobody has come yet");
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), -ETIMEDOUT,
		     "nobody");
	cr_assert_eq(attach_c(0), 0, "first");
	cr_assert_eq(attach_c(1), 0, "second");
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), 0, "two");
	ask(0, 1);
	slip_call_detach_client(&b.c[0]);
	serve(1);
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, slip_after_ns(1000000)),
		     -ETIMEDOUT, "one is left");
	ask(1, 2);
	slip_call_detach_client(&b.c[1]);
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, SLIP_FOREVER), 0,
		     "what it asked comes first");
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, SLIP_FOREVER), -EPIPE,
		     "all have gone");
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), -ETIMEDOUT,
		     "nobody");
	cr_assert_eq(attach_c(0), 0, "another");
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, slip_after_ns(1000000)),
		     -ETIMEDOUT, "is there");
	slip_call_detach_server(&b.s);
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, 0), -EPIPE, "closed");
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), -EPIPE, "closed");
	cr_assert(!slip_call_take(&b.s, &b.t), "closed");
	teardown();
}

static long client_leaves(void)
{
	slip_call_detach_client(&b.c[0]);
	return 0;
}

Test(call, the_last_client_wakes_the_server)
{
	setup(1, 8);
	meanwhile = client_leaves;
	cr_assert_eq(slip_call_take_until(&b.s, &b.t, SLIP_FOREVER), -EPIPE,
		     "gone");
	teardown();
}

static long client_comes(void)
{
	cr_assert_eq(attach_c(0), 0, "client");
	return 0;
}

Test(call, a_client_wakes_a_server_that_waits_for_one)
{
	make(1, 8);
	cr_assert_eq(attach_s(), 0, "server");
	meanwhile = client_comes;
	cr_assert_eq(slip_call_wait_client_until(&b.s, SLIP_FOREVER), 0,
		     "there");
	teardown();
}

static long serves_1_late(void)
{
	serve(1);
	meanwhile = serves_1;
	return 0;
}

Test(call, a_call_waits_for_the_reply_to_what_was_given_up)
{
	setup(1, 8);
	ask(0, 1);
	slip_call_abandon(&b.c[0]);
	meanwhile = serves_1_late;
	cr_assert_eq(call_1(SLIP_FOREVER), 0, "call");
	cr_assert_eq(answer_got, 1001, "reply");
	teardown();
}

Test(call, who_waits_to_ask_hears_that_the_server_has_left)
{
	uint64_t x = 2;

	setup(1, 8);
	ask(0, 1);
	slip_call_abandon(&b.c[0]);
	meanwhile = server_leaves;
	cr_assert_eq(
		slip_call_send_until(&b.c[0], &x, 8, slip_after_ns(1000000000)),
		-EPIPE, "send");
	teardown();
}

Test(call, a_closed_client_says_so)
{
	uint32_t bytes;

	setup(1, 8);
	slip_call_detach_client(&b.c[0]);
	cr_assert_eq(slip_call_send(&b.c[0], "a", 1), -EPIPE, "send");
	cr_assert_eq(slip_call_send_until(&b.c[0], "a", 1, 0), -EPIPE, "send");
	cr_assert_null(slip_call_claim(&b.c[0]), "claim");
	hear_nothing(0, -EPIPE);
	cr_assert_eq(slip_call_wait_reply_until(&b.c[0], 0), -EPIPE, "reply");
	cr_assert_eq(slip_call_wait_server_until(&b.c[0], 0), -EPIPE, "server");
	cr_assert_eq(call_1(0), -EPIPE, "call");
	slip_call_abandon(&b.c[0]);
	slip_call_release(&b.c[0]);
	cr_assert_null(slip_call_peek(&b.c[0], &bytes), "peek");
	teardown();
}

Test(call, numbers_wrap)
{
	struct slip_call_ring *ring;
	struct slip_call_shape s;

	make(1, 8);
	ring = b.mem;
	cr_assert(slip_call_shape_(&s, 1, 8), "shape");
	/* init */
	slip_a64_store_relaxed(slip_call_word_(slip_call_slot_(ring, &s, 0)),
			       ~(SLIP_CALL_ONE_ * 3 - 1));
	cr_assert_eq(attach_s(), 0, "server");
	cr_assert_eq(attach_c(0), 0, "client");
	for (uint64_t n = 0; n < 6; n++) {
		ask(0, n);
		serve(n);
		cr_assert_eq(b.t.attempts, 1, "new");
		hear(0, n + 1000);
	}
	teardown();
}

Test(call, inspect_tells_what_is_there)
{
	struct slip_call_info info = { 0 };
	struct slip_call_slot_info one = { 0 };

	setup(3, 100);
	slip_call_detach_client(&b.c[2]);
	for (uint64_t i = 0; i < 5; i++) {
		ask(0, i);
		serve(i);
		hear(0, i + 1000);
	}
	ask(0, 1);
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	ask(1, 2);
	cr_assert_eq(slip_call_inspect(b.mem, b.bytes, &info), 0, "inspect");
	cr_assert(info.bytes == b.bytes && info.slots == 3 &&
			  info.payload_bytes == 100,
		  "shape");
	cr_assert(info.asked_guess == 7 && info.clients_guess == 2 &&
			  info.open_guess == 2 && info.taken_guess == 1,
		  "counts");
	cr_assert_eq(info.server & 15, SLIP_ROLE_HELD, "server");
	cr_assert_eq(slip_call_inspect_slot(b.mem, b.bytes, 0, &one), 0, "0");
	cr_assert(one.number == 6 && one.bytes == 8 && one.open && one.taken &&
			  one.attempts == 1 &&
			  (one.client & 15) == SLIP_ROLE_HELD,
		  "slot 0");
	slip_call_detach_server(&b.s);
	cr_assert_eq(attach_s(), 0, "a successor");
	cr_assert_eq(slip_call_inspect_slot(b.mem, b.bytes, 0, &one), 0, "0");
	cr_assert(one.open && !one.taken && one.attempts == 1,
		  "to be repeated");
	cr_assert_eq(slip_call_inspect_slot(b.mem, b.bytes, 2, &one), 0, "2");
	cr_assert(one.number == 0 && !one.open && one.attempts == 0 &&
			  (one.client & 15) == SLIP_ROLE_CLOSED,
		  "slot 2");
	cr_assert_eq(slip_call_inspect_slot(b.mem, b.bytes, 3, &one), -EINVAL,
		     "there is no slot 3");
	cr_assert_eq(slip_call_inspect_slot(b.mem, 10, 0, &one), -EOVERFLOW,
		     "cut off");
	cr_assert_eq(slip_call_inspect(b.mem, 10, &info), -EOVERFLOW,
		     "cut off");
	teardown();
}

/* --- where another comes in between ---------------------------------------- */

static bool asymmetric(void)
{
	return b.c[0].side.mode == SLIP_EVENT_ASYM;
}

static long refuses(void)
{
	return -EPERM;
}

Test(call, init_tells_that_membarrier_is_refused)
{
	size_t bytes = slip_call_bytes(1, 8);
	void *mem = fresh_memory(bytes);

	watched = SYS_membarrier;
	meanwhile = refuses;
	cr_assert_eq(slip_call_init(mem, bytes, 1, 8, SLIP_EVENT_ASYM), -EPERM,
		     "refused");
	free(mem);
}

static long asks_and_leaves(void)
{
	cr_assert_eq(attach_c(1), 0, "faster");
	ask(1, 7);
	slip_call_detach_client(&b.c[1]);
	return 0;
}

Test(call, a_slot_that_was_just_used_is_passed_over)
{
	make(2, 8);
	cr_assert_eq(attach_s(), 0, "server");
	if (b.s.side.mode != SLIP_EVENT_ASYM)
		cr_skip("no membarrier here");
	watched = SYS_membarrier;
	meanwhile = asks_and_leaves;
	cr_assert_eq(attach_c(0), 0, "attach");
	cr_assert_eq(b.c[0].at, 1, "its request is not answered yet");
	serve(7);
	teardown();
}

static uint32_t told; /* of ev_ask: a wake adds SLIP_EVENT_W_ */

static long asks_and_leaves_first(void)
{
	asks_and_leaves();
	told = slip_a32_load_relaxed(&b.s.ring->ev_ask.word);
	return 0;
}

Test(call, one_that_has_sat_down_in_vain_tells_the_server)
{
	make(1, 8);
	cr_assert_eq(attach_s(), 0, "server");
	if (b.s.side.mode != SLIP_EVENT_ASYM)
		cr_skip("no membarrier here");
	watched = SYS_membarrier;
	meanwhile = asks_and_leaves_first;
	cr_assert_eq(attach_c(0), -EUSERS, "not answered");
	told = slip_a32_load_relaxed(&b.s.ring->ev_ask.word) - told;
	cr_assert_eq(told, 2 * SLIP_EVENT_W_, "that it came, and that it left");
	serve(7);
	teardown();
}

Test(call, a_slot_that_is_answered_as_one_lies_down)
{
	setup(1, 8);
	if (!asymmetric())
		cr_skip("no membarrier here");
	ask(0, 1);
	slip_call_abandon(&b.c[0]);
	b.c[0].side.spin.skip = UINT32_MAX;
	watched = SYS_membarrier;
	meanwhile = serves_1;
	cr_assert_eq(slip_side_wait_(&b.c[0].side, slip_call_may_ask_, &b.c[0],
				     SLIP_FOREVER),
		     0, "it may ask");
	teardown();
}

Test(call, full_mode)
{
	b.bytes = slip_call_bytes(1, 8);
	b.mem = edge_memory(b.bytes);
	cr_assert_eq(slip_call_init(b.mem, b.bytes, 1, 8, SLIP_EVENT_FULL), 0,
		     "init");
	for (unsigned i = 1; i < CLIENTS; i++)
		b.c[i].busy = -EPIPE;
	cr_assert_eq(attach_s(), 0, "server");
	cr_assert_eq(attach_c(0), 0, "client");
	meanwhile = serves_1;
	cr_assert_eq(call_1(SLIP_FOREVER), 0, "call");
	teardown();
}

Test(call, a_claim_after_giving_up)
{
	setup(1, 8);
	ask(0, 1);
	slip_call_abandon(&b.c[0]);
	cr_assert_null(slip_call_claim(&b.c[0]), "not answered");
	serve(1);
	cr_assert_not_null(slip_call_claim(&b.c[0]), "answered");
	teardown();
}

static long serves_much(void)
{
	cr_assert(slip_call_take(&b.s, &b.t), "take");
	cr_assert_eq(slip_call_reply(&b.s, &b.t, "0123456789", 10), 0, "r");
	return 0;
}

Test(call, a_reply_too_long_for_the_call_stays)
{
	char all[10];
	uint32_t bytes = 0;

	setup(1, 48);
	meanwhile = serves_much;
	cr_assert_eq(call_1(SLIP_FOREVER), -EMSGSIZE, "8 of 10");
	cr_assert_eq(answer_bytes, 10, "says how many");
	cr_assert_eq(slip_call_receive(&b.c[0], all, 10, &bytes), 0, "all");
	teardown();
}

Test(call, a_successor_leaves_what_is_answered)
{
	setup(1, 8);
	for (uint64_t i = 1; i < 4; i++) {
		ask(0, i);
		serve(i);
		slip_call_detach_server(&b.s);
		cr_assert_eq(attach_s(), 0, "after the reply");
		hear(0, i + 1000);
		ask(0, i + 10);
		slip_call_detach_server(&b.s);
		cr_assert_eq(attach_s(), 0, "after the next request");
		serve(i + 10);
		cr_assert_eq(b.t.attempts, 1, "new");
		hear(0, i + 1010);
	}
	teardown();
}

Test(call, what_one_who_left_asked_ends_the_wait_for_a_client)
{
	setup(1, 8);
	ask(0, 1);
	slip_call_detach_client(&b.c[0]);
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), 0, "a request");
	serve(1);
	cr_assert_eq(slip_call_wait_client_until(&b.s, 0), -ETIMEDOUT, "no");
	teardown();
}
