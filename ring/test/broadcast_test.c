/* SPDX-License-Identifier: MIT */
/* ring/broadcast.h in one process: shapes, elements and records, being overtaken,
 * accounts, lanes, waiting. Seats: broadcast_seat_test.c. Deaths and several
 * processes: broadcast_crash_test.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK broadcast_test_sys
#include "broadcast_bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

static bool no_membarrier;
static slip_a32 calls;

/* Writes while a reader goes to sleep; until when that would. */
static struct slip_broadcast_writer *at_the_first_sleep;
static long until;

long broadcast_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)slip_a32_fetch_add_relaxed(&calls, 1); /* stat */
	if (no_membarrier && nr == SYS_membarrier)
		return -EPERM;
	if (at_the_first_sleep && nr == SYS_futex) {
		struct slip_broadcast_writer *w = at_the_first_sleep;

		at_the_first_sleep = NULL;
		until = d;
		write_many(w, 1);
	}
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

struct tick {
	uint64_t time;
	double at[3];
};

struct odd {
	unsigned char bytes[13];
};

SLIP_BROADCAST_DEFINE(ticks, struct tick);
SLIP_BROADCAST_DEFINE(odds, struct odd);

static unsigned char in[65536], out[65536];

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* --- shapes ----------------------------------------------------------------- */

Test(broadcast, bytes_is_0_for_what_is_not_a_shape)
{
	cr_assert_eq(slip_broadcast_bytes(4, 8, 1, 0), 0, "too few slots");
	cr_assert_eq(slip_broadcast_bytes(24, 8, 1, 0), 0, "no power of two");
	cr_assert_eq(slip_broadcast_bytes(1 << 25, 8, 1, 0), 0, "too many");
	cr_assert_eq(slip_broadcast_bytes(8, 65537, 1, 0), 0, "too large");
	cr_assert_eq(slip_broadcast_bytes(128, 0, 1, 0), 0, "too few bytes");
	cr_assert_eq(slip_broadcast_bytes(UINT64_C(1) << 32, 0, 1, 0), 0);
	cr_assert_eq(slip_broadcast_bytes(8, 8, 0, 0), 0, "nobody writes");
	cr_assert_eq(slip_broadcast_bytes(8, 8, 17, 0), 0, "too many lanes");
	cr_assert_eq(slip_broadcast_bytes(8, 8, 1, 65), 0, "too many seats");
	cr_assert_eq(slip_broadcast_bytes(8, 8, 2, 1), 0, "two and lossless");
	cr_assert_eq(slip_broadcast_bytes(8, 1, 1, 0), 384 + 384 + 64);
	cr_assert_eq(slip_broadcast_bytes(8, 9, 16, 0), 384 + 16 * (384 + 128));
	cr_assert_eq(slip_broadcast_bytes(8, 8, 1, 64),
		     384 + 384 + 64 * 128 + 64);
	cr_assert_eq(slip_broadcast_bytes(256, 0, 1, 0), 384 + 384 + 256);
	cr_assert_eq(slip_broadcast_bytes(UINT64_C(1) << 31, 0, 1, 0),
		     384 + 384 + (UINT64_C(1) << 31));
	cr_assert_eq(slip_broadcast_bytes(1 << 24, 65536, 1, 0),
		     384 + 384 + (UINT64_C(1) << 40));
}

Test(broadcast, init_names_what_is_wrong)
{
	size_t bytes = slip_broadcast_bytes(8, 8, 1, 2);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_broadcast_init(mem, bytes - 1, 8, 8, 1, 2, 0),
		     -EOVERFLOW, "one byte short");
	cr_assert_eq(slip_broadcast_init(mem + 8, bytes, 8, 8, 1, 2, 0),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_broadcast_init(NULL, bytes, 8, 8, 1, 2, 0), -EINVAL,
		     "NULL");
	cr_assert_eq(slip_broadcast_init(mem, bytes, 9, 8, 1, 2, 0), -EINVAL,
		     "shape");
	cr_assert_eq(
		slip_broadcast_init(mem, bytes, 8, 8, 1, 2, SLIP_EVENT_RMW),
		-EINVAL, "a mode that fits no plain store");
	no_membarrier = true;
	cr_assert_eq(
		slip_broadcast_init(mem, bytes, 8, 8, 1, 2, SLIP_EVENT_ASYM),
		-EPERM, "membarrier refused");
	cr_assert_eq(slip_broadcast_init(mem, bytes, 8, 8, 1, 2, 0), 0,
		     "so FULL");
	no_membarrier = false;
	free(mem);
}

Test(broadcast, init_leaves_no_element)
{
	for (uint32_t readers = 0; readers <= 2; readers += 2) {
		const unsigned char *data;
		struct bench b;

		make(&b, 8, 8, 1, readers);
		data = (unsigned char *)b.mem + b.bytes - 64;
		for (int i = 0; i < 64; i++)
			cr_assert_eq(data[i], 0, "byte %d", i);
		teardown(&b);
	}
}

Test(broadcast, attach_names_what_is_wrong)
{
	struct slip_broadcast_lane_info lane = { 0 };
	struct slip_broadcast_seat_info seat = { 0 };
	struct slip_broadcast_ring *ring;
	struct slip_broadcast_info info = { 0 };
	unsigned char *mem;
	struct bench b;

	make(&b, 8, 8, 1, 1);
	mem = b.mem;
	ring = b.mem;
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, NULL, b.bytes, NULL),
		     -EINVAL, "NULL");
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, mem + 8, b.bytes, NULL,
						  false),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, mem, 383, NULL, false),
		     -EOVERFLOW, "less than a header");
	cr_assert_eq(slip_broadcast_attach_readonly(&b.r, mem, b.bytes - 1,
						    NULL, false),
		     -EOVERFLOW, "one byte short");
	cr_assert_eq(slip_broadcast_inspect(mem, b.bytes - 1, &info),
		     -EOVERFLOW);
	cr_assert_eq(slip_broadcast_inspect_lane(mem, 0, 0, &lane), -EOVERFLOW);
	cr_assert_eq(slip_broadcast_inspect_lane(mem, b.bytes, 1, &lane),
		     -EINVAL);
	cr_assert_eq(slip_broadcast_inspect_seat(mem, 0, 0, &seat), -EOVERFLOW);
	cr_assert_eq(slip_broadcast_inspect_seat(mem, b.bytes, 1, &seat),
		     -EINVAL);
	/* init: the words of the header, one after the other */
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_RMW);
	cr_assert_eq(slip_broadcast_inspect(mem, b.bytes, &info), -EBADMSG);
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_FULL);
	slip_a32_store_relaxed(&ring->writers, 2);
	cr_assert_eq(slip_broadcast_inspect(mem, b.bytes, &info), -EBADMSG);
	slip_a32_store_relaxed(&ring->writers, 1);
	slip_a32_store_relaxed(&ring->layout, SLIP_BROADCAST_LAYOUT + 1);
	cr_assert_eq(slip_broadcast_inspect(mem, b.bytes, &info), -EPROTO);
	slip_a32_store_relaxed(&ring->layout, SLIP_BROADCAST_LAYOUT);
	slip_a64_store_relaxed(&ring->magic, 1);
	cr_assert_eq(slip_broadcast_inspect(mem, b.bytes, &info), -EBADMSG);
	teardown(&b);
}

Test(broadcast, a_handle_that_did_not_attach_is_closed)
{
	static unsigned char none[384] SLIP_ALIGNED(64);
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	uint32_t len;

	cr_assert_eq(slip_broadcast_attach_writer(&w, none, 384, NULL),
		     -EBADMSG);
	cr_assert_eq(slip_broadcast_attach_reader(&r, none, 384, NULL, true),
		     -EBADMSG);
	cr_assert_eq(slip_broadcast_write(&w, in, 1), -EPIPE);
	cr_assert_eq(slip_broadcast_write_until(&w, in, 1, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(slip_broadcast_evict(&w), -EPIPE);
	cr_assert_eq(slip_broadcast_read(&r, out, 8, &len), -EPIPE);
	cr_assert_eq(slip_broadcast_read_until(&r, out, 8, &len, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(slip_broadcast_wait_until(&r, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_broadcast_wait_writer_until(&r, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(slip_broadcast_writer_state(&r, 0), SLIP_ROLE_VACANT);
	cr_assert_eq(slip_broadcast_writer_max_bytes(&w), 0);
	cr_assert_eq(slip_broadcast_reader_max_bytes(&r), 0);
	slip_broadcast_detach_writer(&w);
	slip_broadcast_detach_reader(&r);
}

Test(broadcast, the_mode_needs_membarrier_of_all_but_read_only_readers)
{
	struct slip_broadcast_ring *ring;
	struct bench b;

	make(&b, 8, 8, 1, 0);
	ring = b.mem;
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_ASYM); /* init */
	no_membarrier = true;
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     -EPERM, "writer");
	cr_assert_eq(
		slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL, true),
		-EPERM, "reader");
	slip_a32_store_relaxed(&calls, 0); /* stat */
	cr_assert_eq(slip_broadcast_attach_readonly(&b.r, b.mem, b.bytes, NULL,
						    true),
		     0, "read-only");
	cr_assert_eq(slip_a32_load_relaxed(&calls), 0, "a call"); /* stat */
	no_membarrier = false;
	teardown(&b);
}

/* --- elements and records ------------------------------------------------------ */

Test(broadcast, every_size_comes_out_as_it_went_in)
{
	static const uint32_t sizes[] = { 1,  2,  7,   8,    9,	   31,
					  32, 33, 100, 4099, 65536 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bench b;

		setup(&b, 16, sizes[i], 0);
		cr_assert_eq(slip_broadcast_writer_max_bytes(&b.w), sizes[i]);
		cr_assert_eq(slip_broadcast_reader_max_bytes(&b.r), sizes[i]);
		cr_assert_eq(read_one(&b, &b.r), -ENODATA, "none");
		for (int n = 0; n < 50; n++) {
			write_many(&b.w, 1);
			cr_assert_eq(read_one(&b, &b.r), 0, "read");
			cr_assert_eq(read_one(&b, &b.r), -ENODATA, "one");
		}
		cr_assert_eq(b.got, 50);
		cr_assert_eq(b.lost, 0);
		teardown(&b);
	}
}

Test(broadcast, records_of_any_length_go_over_the_end_of_the_data)
{
	for (uint64_t room = 256; room <= 65536; room *= 4) {
		struct bench b;

		setup(&b, room, 0, 0);
		cr_assert_eq(slip_broadcast_reader_max_bytes(&b.r),
			     room / 8 - 8);
		for (int n = 0; n < 3000; n++) {
			write_many(&b.w, 1);
			cr_assert_eq(read_one(&b, &b.r), 0, "record %d", n);
		}
		cr_assert_eq(b.lost, 0);
		teardown(&b);
	}
}

Test(broadcast, what_has_not_the_size_is_refused_on_both_sides)
{
	struct bench b;
	uint32_t len = 0;

	setup(&b, 8, 8, 0);
	cr_assert_eq(slip_broadcast_write(&b.w, in, 7), -EMSGSIZE, "short");
	cr_assert_eq(slip_broadcast_write(&b.w, in, 9), -EMSGSIZE, "long");
	write_many(&b.w, 1);
	cr_assert_eq(slip_broadcast_read(&b.r, out, 7, &len), -EMSGSIZE);
	cr_assert_eq(len, 8, "told");
	cr_assert_eq(read_one(&b, &b.r), 0, "it is still there");
	teardown(&b);
	setup(&b, 256, 0, 0);
	cr_assert_eq(slip_broadcast_write(&b.w, in, 25), -EMSGSIZE, "long");
	fill(in, 24, 1);
	cr_assert_eq(slip_broadcast_write(&b.w, in, 24), 0, "longest");
	cr_assert_eq(slip_broadcast_write(&b.w, NULL, 0), 0, "nothing");
	cr_assert_eq(slip_broadcast_read(&b.r, out, 23, &len), -EMSGSIZE);
	cr_assert_eq(len, 24, "told");
	cr_assert_eq(
		slip_broadcast_read_until(&b.r, out, 23, &len, SLIP_FOREVER),
		-EMSGSIZE, "nor by one that waits");
	cr_assert_eq(slip_broadcast_read(&b.r, out, 24, &len), 0);
	cr_assert(filled(out, 24, 1), "whole");
	cr_assert_eq(slip_broadcast_read(&b.r, NULL, 0, &len), 0, "nothing");
	cr_assert_eq(len, 0);
	teardown(&b);
}

/* --- overtaken ------------------------------------------------------------------ */

/* Whatever the strides: what was read and what was lost adds up, and no more is
 * lost than must be. */
static void account(uint64_t room, uint32_t elem_bytes)
{
	uint64_t state = 88172645463325252u;
	struct bench b;

	setup(&b, room, elem_bytes, 0);
	for (int i = 0; i < 3000; i++) {
		write_many(&b.w, next_random(&state) % 30);
		for (uint64_t n = next_random(&state) % 30; n; n--) {
			int rc = read_one(&b, &b.r);

			cr_assert_eq(
				rc,
				slip_broadcast_number(&b.r) == b.w.number && rc
					? -ENODATA
					: 0,
				"%d", rc);
			cr_assert_eq(b.got + b.lost,
				     slip_broadcast_number(&b.r));
		}
	}
	read_all(&b);
	cr_assert_eq(b.got + b.lost, b.w.number, "accounts");
	cr_assert_gt(b.lost, 1000, "too few laps");
	teardown(&b);
}

Test(broadcast, elements_read_and_lost_add_up)
{
	account(8, 8);
	account(16, 3);
}

Test(broadcast, records_read_and_lost_add_up)
{
	account(256, 0);
	account(1024, 0);
}

Test(broadcast, what_one_is_overtaken_by_is_lost_and_told_once)
{
	struct bench b;

	setup(&b, 16, 8, 0);
	/* As much as stays until more than a part's worth is begun. */
	write_many(&b.w, 16);
	cr_assert_eq(read_one(&b, &b.r), 0, "first");
	cr_assert_eq(slip_broadcast_lost(&b.r), 0, "nothing lost");
	write_many(&b.w, 2);
	cr_assert_eq(read_one(&b, &b.r), 0, "overtaken");
	/* To the part after the next but one above tail - room. */
	cr_assert_eq(slip_broadcast_number(&b.r), 9, "where it goes on");
	cr_assert_eq(slip_broadcast_lost(&b.r), 7, "lost");
	cr_assert_eq(read_one(&b, &b.r), 0, "next");
	cr_assert_eq(slip_broadcast_lost(&b.r), 0, "told once");
	read_all(&b);
	cr_assert_eq(b.got + b.lost, 18, "accounts");
	teardown(&b);
}

/* The first write of a second lap touches the first part. */
Test(broadcast, no_more_than_a_part_is_given_up_early)
{
	for (uint64_t n = 8; n < 40; n++) {
		struct slip_broadcast_at *at;
		struct bench b;

		setup(&b, 32, 8, 0);
		write_many(&b.w, n);
		at = &b.r.at[0];
		cr_assert_eq(read_one(&b, &b.r), 0, "read");
		cr_assert_eq(at->told == 1, n <= 32, "%llu: %llu",
			     (unsigned long long)n,
			     (unsigned long long)at->told);
		cr_assert_leq(n - slip_broadcast_number(&b.r), 31);
		if (n > 32)
			cr_assert_geq(n - slip_broadcast_number(&b.r), 16);
		teardown(&b);
	}
}

/* What was begun is already more than it was when that was looked at. */
Test(broadcast, one_that_is_overtaken_again_looks_again)
{
	struct slip_broadcast_reader early;
	struct bench b;

	setup(&b, 256, 0, 0);
	early = b.r;
	while (b.w.tail < 72)
		cr_assert_eq(slip_broadcast_write(&b.w, in, 24), 0);
	b.r = early;
	/* init: as it was */
	slip_a64_store_relaxed(&b.w.lane->tail, 36);
	cr_assert_eq(slip_broadcast_jump_slow_(&b.r, &b.r.at[0], 40), -EAGAIN);
	cr_assert_eq(b.r.error, 0, "no damage");
	cr_assert_eq(b.r.at[0].pos, 0, "nor is it there yet");
	teardown(&b);
}

/* --- joining ------------------------------------------------------------------------ */

static void join_late(uint64_t room, uint32_t elem_bytes)
{
	for (uint64_t n = 0; n < 200; n++) {
		struct slip_broadcast_reader late;
		struct bench b;

		setup(&b, room, elem_bytes, 0);
		write_many(&b.w, n);
		cr_assert_eq(slip_broadcast_attach_reader(
				     &late, b.mem, b.bytes, NULL,
				     SLIP_BROADCAST_NEWEST),
			     0, "newest");
		cr_assert_eq(read_one(&b, &late), -ENODATA, "nothing yet");
		write_many(&b.w, 1);
		cr_assert_eq(read_one(&b, &late), 0, "read");
		cr_assert_eq(slip_broadcast_number(&late), n + 1, "number");
		cr_assert_eq(slip_broadcast_lost(&late), 0, "lost");
		cr_assert_eq(slip_broadcast_attach_reader(
				     &late, b.mem, b.bytes, NULL,
				     SLIP_BROADCAST_OLDEST),
			     0, "oldest");
		cr_assert_geq(b.w.tail - late.at[0].pos,
			      (b.w.tail < b.w.shape.part * 5
				       ? b.w.tail
				       : b.w.shape.part * 5));
		if (elem_bytes)
			cr_assert_eq(late.at[0].pos,
				     b.w.begun < room ? 0 : b.w.begun - room,
				     "the oldest");
		b.got = late.at[0].number;
		while (read_one(&b, &late) == 0)
			;
		cr_assert_eq(b.got, n + 1, "all from there on");
		cr_assert_eq(b.lost, 0, "nothing lost");
		teardown(&b);
	}
}

Test(broadcast, a_late_reader_begins_with_the_oldest_or_the_next)
{
	join_late(8, 8);
	join_late(64, 8);
	join_late(256, 0);
	join_late(1024, 0);
}

Test(broadcast, a_successor_finds_the_number_and_goes_on)
{
	for (uint32_t elem = 0; elem < 9; elem += 8) {
		struct bench b;

		setup(&b, 256, elem, 0);
		for (uint64_t n = 0; n < 300; n++) {
			struct slip_broadcast_writer rival;

			write_many(&b.w, n % 3);
			cr_assert_eq(slip_broadcast_attach_writer(
					     &rival, b.mem, b.bytes, NULL),
				     -EBUSY, "rival");
			slip_broadcast_detach_writer(&b.w);
			slip_broadcast_detach_writer(&b.w);
			cr_assert_eq(slip_broadcast_write(&b.w, in, 8), -EPIPE);
			cr_assert_eq(slip_broadcast_writer_state(&b.r, 0),
				     SLIP_ROLE_CLOSED);
			rival = b.w;
			cr_assert_eq(slip_broadcast_attach_writer(
					     &b.w, b.mem, b.bytes, NULL),
				     0, "successor");
			cr_assert_eq(b.w.number, rival.number, "number");
			cr_assert_eq(b.w.tail, rival.tail, "tail");
			cr_assert_eq(b.w.mark_at,
				     elem ? b.w.mark_at : rival.mark_at);
		}
		read_all(&b);
		cr_assert_eq(b.got + b.lost, b.w.number, "accounts");
		teardown(&b);
	}
}

/* What a dead writer began stays touched, also if its successor begins less. */
Test(broadcast, what_was_begun_stays_begun)
{
	struct slip_broadcast_reader early;
	struct bench b;

	setup(&b, 256, 0, 0);
	while (b.w.tail < 32) /* one lap of 8-byte units */
		cr_assert_eq(slip_broadcast_write(&b.w, NULL, 0), 0);
	early = b.r;
	slip_broadcast_detach_writer(&b.w);
	/* init: half a record of 24 bytes over the first of 0 */
	slip_a64_store_relaxed(&b.w.lane->begun, 36);
	slip_a64_store_relaxed(slip_broadcast_unit_(b.w.data, &b.w.shape, 1),
			       0x1234567890);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	cr_assert_eq(slip_broadcast_write(&b.w, NULL, 0), 0);
	b.r = early;
	for (int i = 0; i < 40; i++) {
		uint32_t len = 77;
		uint64_t before = b.r.at[0].told;

		if (slip_broadcast_read(&b.r, out, 24, &len) == -ENODATA)
			break;
		cr_assert_eq(len, 0, "read what was touched");
		cr_assert_eq(before + b.r.lost + 1, b.r.number);
	}
	cr_assert_eq(b.r.number, 33);
	teardown(&b);
}

/* --- lanes ---------------------------------------------------------------------- */

Test(broadcast, writers_have_lanes_and_readers_go_round)
{
	struct slip_broadcast_writer ws[4];
	uint64_t numbers[4] = { 0, 0, 0, 0 };
	struct bench b;

	make(&b, 8, 8, 4, 0);
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert_eq(slip_broadcast_attach_writer(&ws[i], b.mem,
							  b.bytes, NULL),
			     0);
		cr_assert_eq(slip_broadcast_writer_lane(&ws[i]), i);
	}
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     -EBUSY, "all taken");
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_OLDEST),
		     0);
	for (uint32_t i = 0; i < 4; i++)
		write_many(&ws[i], i == 2 ? 0 : 5);
	for (int n = 0; n < 15; n++) {
		static const uint32_t turn[] = { 0, 1, 3 };
		uint32_t lane;

		cr_assert_eq(read_one(&b, &b.r), 0, "read");
		lane = slip_broadcast_reader_lane(&b.r);
		cr_assert_eq(lane, turn[n % 3], "turn %d: %u", n, lane);
		cr_assert_eq(slip_broadcast_number(&b.r), ++numbers[lane]);
	}
	cr_assert_eq(read_one(&b, &b.r), -ENODATA, "all read");
	/* One is overtaken in one lane only. */
	write_many(&ws[1], 100);
	write_many(&ws[2], 2);
	cr_assert_eq(read_one(&b, &b.r), 0);
	cr_assert_eq(slip_broadcast_reader_lane(&b.r), 1);
	cr_assert_eq(slip_broadcast_number(&b.r), 5 + 1 + b.r.lost);
	cr_assert_gt(b.r.lost, 90);
	cr_assert_eq(read_one(&b, &b.r), 0);
	cr_assert_eq(slip_broadcast_reader_lane(&b.r), 2);
	cr_assert_eq(slip_broadcast_lost(&b.r), 0);
	/* The end comes when all have gone and all is read. */
	for (uint32_t i = 1; i < 4; i++)
		slip_broadcast_detach_writer(&ws[i]);
	while (read_one(&b, &b.r) == 0)
		;
	cr_assert_eq(slip_broadcast_wait_until(&b.r, slip_after_ns(1000000)),
		     -ETIMEDOUT, "one is there");
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), 0);
	cr_assert_eq(slip_broadcast_writer_state(&b.r, 0), SLIP_ROLE_HELD);
	cr_assert_eq(slip_broadcast_writer_state(&b.r, 3), SLIP_ROLE_CLOSED);
	cr_assert_eq(slip_broadcast_writer_state(&b.r, 4), SLIP_ROLE_VACANT);
	write_many(&ws[0], 1);
	slip_broadcast_detach_writer(&ws[0]);
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), 0, "left");
	cr_assert_eq(read_one(&b, &b.r), 0);
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), -ETIMEDOUT);
	teardown(&b);
}

Test(broadcast, a_look_that_finds_nothing_takes_nobodys_turn)
{
	struct slip_broadcast_writer first;
	struct bench b;
	uint32_t len;

	make(&b, 8, 8, 2, 0);
	cr_assert_eq(slip_broadcast_attach_writer(&first, b.mem, b.bytes, NULL),
		     0);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_NEWEST),
		     0);
	cr_assert_eq(slip_broadcast_read(&b.r, out, 8, &len), -ENODATA);
	write_many(&first, 1);
	write_many(&b.w, 1);
	cr_assert_eq(slip_broadcast_read(&b.r, out, 8, &len), 0);
	cr_assert_eq(slip_broadcast_reader_lane(&b.r), 0, "its turn");
	slip_broadcast_detach_writer(&first);
	teardown(&b);
}

Test(broadcast, before_the_first_writer_there_is_no_end)
{
	struct bench b;

	make(&b, 8, 8, 2, 0);
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_NEWEST),
		     0);
	cr_assert_eq(slip_broadcast_wait_until(&b.r, slip_after_ns(1000000)),
		     -ETIMEDOUT);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), -ETIMEDOUT);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	write_many(&b.w, 1);
	slip_broadcast_detach_writer(&b.w);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), 0,
		     "it has been there");
	teardown(&b);
}

Test(broadcast, a_writer_in_any_lane_is_one)
{
	struct slip_broadcast_writer first;
	struct bench b;

	make(&b, 8, 8, 2, 0);
	cr_assert_eq(slip_broadcast_attach_writer(&first, b.mem, b.bytes, NULL),
		     0);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	slip_broadcast_detach_writer(&first);
	cr_assert_eq(slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_NEWEST),
		     0);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), 0);
	teardown(&b);
}

/* --- waiting ---------------------------------------------------------------------- */

static void *writes_when_awaited(void *arg)
{
	struct bench *b = arg;

	/* hint: somebody has announced that it sleeps */
	while (!(slip_a32_load_relaxed(&b->w.ring->ev_data.word) &
		 SLIP_EVENT_W_))
		sched_yield();
	write_many(&b->w, 1);
	return NULL;
}

Test(broadcast, a_write_wakes_a_reader_without_a_deadline)
{
	struct bench b;
	pthread_t thread;
	uint32_t len;

	setup(&b, 8, 8, 0);
	cr_assert_eq(pthread_create(&thread, NULL, writes_when_awaited, &b), 0);
	cr_assert_eq(
		slip_broadcast_read_until(&b.r, out, 8, &len, SLIP_FOREVER), 0);
	cr_assert(filled(out, 8, 1), "element");
	pthread_join(thread, NULL);
	teardown(&b);
}

/* Without a peer, and of one lane, which tells of its end. */
Test(broadcast, a_sleep_without_a_deadline_has_none)
{
	struct bench b;

	setup(&b, 8, 8, 0);
	b.r.side.spin.skip = UINT32_MAX;
	at_the_first_sleep = &b.w;
	until = 1;
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), 0);
	cr_assert_eq(until, 0, "no slice");
	teardown(&b);
}

Test(broadcast, what_was_left_comes_before_the_end)
{
	struct bench b;
	uint32_t len;

	setup(&b, 8, 8, 0);
	cr_assert_eq(slip_broadcast_read_until(&b.r, out, 8, &len, 0),
		     -ETIMEDOUT);
	write_many(&b.w, 1);
	slip_broadcast_detach_writer(&b.w);
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), 0);
	cr_assert_eq(
		slip_broadcast_read_until(&b.r, out, 8, &len, SLIP_FOREVER), 0);
	cr_assert_eq(
		slip_broadcast_read_until(&b.r, out, 8, &len, SLIP_FOREVER),
		-EPIPE);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, 0), -ETIMEDOUT);
	slip_broadcast_detach_reader(&b.r);
	slip_broadcast_detach_reader(&b.r);
	teardown(&b);
}

Test(broadcast, who_would_wait_is_told_that_membarrier_is_refused)
{
	struct bench b;

	setup(&b, 8, 8, 0);
	b.r.side.mode = SLIP_EVENT_ASYM;
	b.r.side.spin.skip = 1;
	no_membarrier = true;
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), -EPERM);
	no_membarrier = false;
	teardown(&b);
}

/* --- read-only -------------------------------------------------------------------- */

struct window {
	struct bench b;
	const void *seen; /* the same bytes, PROT_READ */
	int fd;
};

static void open_window(struct window *v, uint32_t readers)
{
	memset(&v->b, 0, sizeof(v->b));
	v->b.bytes = slip_broadcast_bytes(8, 8, 1, readers);
	v->fd = memfd_create("broadcast", 0);
	cr_assert_geq(v->fd, 0, "memfd");
	cr_assert_eq(ftruncate(v->fd, (off_t)v->b.bytes), 0, "size");
	v->b.mem = mmap(NULL, v->b.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			v->fd, 0);
	v->seen = mmap(NULL, v->b.bytes, PROT_READ, MAP_SHARED, v->fd, 0);
	cr_assert(v->b.mem != MAP_FAILED && v->seen != MAP_FAILED, "mmap");
	cr_assert_eq(
		slip_broadcast_init(v->b.mem, v->b.bytes, 8, 8, 1, readers, 0),
		0);
	cr_assert_eq(slip_broadcast_attach_writer(&v->b.w, v->b.mem, v->b.bytes,
						  NULL),
		     0);
	cr_assert_eq(slip_broadcast_attach_readonly(&v->b.r, v->seen,
						    v->b.bytes, NULL,
						    SLIP_BROADCAST_NEWEST),
		     0, "read-only");
}

static void close_window(struct window *v)
{
	slip_broadcast_detach_reader(&v->b.r);
	munmap((void *)(uintptr_t)v->seen, v->b.bytes);
	munmap(v->b.mem, v->b.bytes);
	close(v->fd);
}

Test(broadcast, a_reader_needs_no_more_than_the_right_to_read)
{
	for (uint32_t readers = 0; readers < 2; readers++) {
		struct window v;

		open_window(&v, readers);
		for (uint64_t n = 1; n < 10; n++) {
			write_many(&v.b.w, 1);
			cr_assert_eq(
				slip_broadcast_wait_until(&v.b.r, SLIP_FOREVER),
				0);
			cr_assert_eq(read_one(&v.b, &v.b.r), 0);
			cr_assert_eq(slip_broadcast_wait_until(
					     &v.b.r, slip_after_ns(1000000)),
				     -ETIMEDOUT);
		}
		cr_assert_eq(slip_broadcast_wait_writer_until(&v.b.r, 0), 0);
		write_many(&v.b.w, 100);
		read_all(&v.b);
		cr_assert_eq(v.b.got + v.b.lost, 109, "accounts");
		/* stat: nobody but one that may would have announced itself */
		cr_assert_eq(slip_a32_load_relaxed(&v.b.w.ring->ev_data.word),
			     0);
		slip_broadcast_detach_writer(&v.b.w);
		cr_assert_eq(slip_broadcast_wait_until(&v.b.r, SLIP_FOREVER),
			     -EPIPE);
		close_window(&v);
	}
}

Test(broadcast, a_read_only_reader_finds_it_at_the_end_of_its_slice)
{
	struct window v;

	open_window(&v, 0);
	v.b.r.side.spin.skip = 1;
	at_the_first_sleep = &v.b.w;
	cr_assert_eq(slip_broadcast_wait_until(&v.b.r, SLIP_FOREVER), 0);
	cr_assert_null(at_the_first_sleep, "it slept");
	close_window(&v);
}

/* --- typed, inspect ---------------------------------------------------------------- */

Test(broadcast, typed_calls_carry_their_type)
{
	size_t bytes = ticks_bytes(8, 1, 1);
	void *mem = fresh_memory(bytes);
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	struct tick a = { 1, { 2, 3, 4 } };
	struct tick b;

	cr_assert_eq(ticks_init(mem, bytes, 8, 1, 1, SLIP_EVENT_FULL), 0);
	cr_assert_eq(odds_attach_writer(&w, mem, bytes, NULL), -EOVERFLOW);
	cr_assert_eq(odds_attach_reader(&r, mem, bytes, NULL, true),
		     -EOVERFLOW);
	cr_assert_eq(odds_attach_readonly(&r, mem, bytes, NULL, true),
		     -EOVERFLOW);
	cr_assert_eq(ticks_attach_writer(&w, mem, bytes, NULL), 0);
	cr_assert_eq(ticks_attach_readonly(&r, mem, bytes, NULL, true), 0);
	cr_assert_eq(ticks_attach_reader(&r, mem, bytes, NULL, true), 0);
	cr_assert_eq(ticks_read_until(&r, &b, 0), -ETIMEDOUT, "none");
	for (int n = 0; n < 8; n++)
		cr_assert_eq(ticks_write(&w, &a), 0, "write");
	cr_assert_eq(ticks_write(&w, &a), -EAGAIN, "full");
	cr_assert_eq(ticks_write_until(&w, &a, 0), -ETIMEDOUT, "full");
	cr_assert_eq(ticks_read(&r, &b), 0, "read");
	cr_assert(!memcmp(&a, &b, sizeof(a)), "same");
	cr_assert_eq(ticks_write_until(&w, &a, SLIP_FOREVER), 0, "room");
	slip_broadcast_detach_reader(&r);
	slip_broadcast_detach_writer(&w);
	free(mem);
}

Test(broadcast, typed_elements_need_not_be_whole_words)
{
	size_t bytes = odds_bytes(8, 1, 0);
	void *mem = fresh_memory(bytes);
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	struct odd a, b;

	cr_assert_eq(odds_init(mem, bytes, 8, 1, 0, 0), 0);
	cr_assert_eq(odds_attach_writer(&w, mem, bytes, NULL), 0);
	cr_assert_eq(odds_attach_reader(&r, mem, bytes, NULL, true), 0);
	for (uint64_t n = 1; n < 20; n++) {
		fill(a.bytes, sizeof(a), n);
		cr_assert_eq(odds_write_until(&w, &a, 0), 0, "write");
		cr_assert_eq(odds_read_until(&r, &b, SLIP_FOREVER), 0, "read");
		cr_assert(filled(b.bytes, sizeof(b), n), "element");
	}
	slip_broadcast_detach_writer(&w);
	free(mem);
}

Test(broadcast, inspect_says_what_is_there)
{
	struct slip_broadcast_lane_info lane = { 0 };
	struct slip_broadcast_seat_info seat = { 0 };
	struct slip_broadcast_info info = { 0 };
	struct bench b;

	setup(&b, 256, 0, 2);
	cr_assert_eq(slip_broadcast_write(&b.w, in, 9), 0);
	cr_assert_eq(slip_broadcast_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.bytes, b.bytes);
	cr_assert_eq(info.room, 256);
	cr_assert_eq(info.elem_bytes, 0);
	cr_assert_eq(info.max_bytes, 24);
	cr_assert_eq(info.writers, 1);
	cr_assert_eq(info.readers, 2);
	cr_assert(info.mode == SLIP_EVENT_ASYM || info.mode == SLIP_EVENT_FULL);
	cr_assert_eq(slip_broadcast_inspect_lane(b.mem, b.bytes, 0, &lane), 0);
	cr_assert_eq(lane.tail, 24);
	cr_assert_eq(lane.begun, 32, "a part");
	cr_assert_eq(lane.writer & 15, (uint64_t)SLIP_ROLE_HELD);
	cr_assert_eq(slip_broadcast_inspect_seat(b.mem, b.bytes, 0, &seat), 0);
	cr_assert(seat.counts, "it is there");
	cr_assert_eq(seat.behind, 24);
	cr_assert_eq(seat.reader & 15, (uint64_t)SLIP_ROLE_HELD);
	cr_assert_eq(slip_broadcast_inspect_seat(b.mem, b.bytes, 1, &seat), 0);
	cr_assert(!seat.counts, "nobody there");
	cr_assert_eq(seat.behind, 0);
	teardown(&b);
	setup(&b, 16, 5, 1);
	write_many(&b.w, 3);
	cr_assert_eq(slip_broadcast_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.room, 16);
	cr_assert_eq(slip_broadcast_inspect_lane(b.mem, b.bytes, 0, &lane), 0);
	cr_assert_eq(lane.tail, 3);
	cr_assert_eq(lane.begun, 4);
	cr_assert_eq(slip_broadcast_inspect_seat(b.mem, b.bytes, 0, &seat), 0);
	cr_assert_eq(seat.behind, 3);
	/* init: it is just coming */
	slip_a64_store_relaxed(&b.r.seat->cursor, SLIP_BROADCAST_COMING);
	cr_assert_eq(slip_broadcast_inspect_seat(b.mem, b.bytes, 0, &seat), 0);
	cr_assert(seat.counts, "it is waited for");
	cr_assert_eq(seat.behind, 0);
	teardown(&b);
}
