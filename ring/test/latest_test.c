/* SPDX-License-Identifier: MIT */
/* ring/latest.h in one process: shapes, lengths, numbers, pieces, waiting.
 * Deaths and several processes: latest_crash_test.c. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK latest_test_sys
#include "latest_bench.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static bool no_membarrier;
static slip_a32 calls;

/* Writes while a reader goes to sleep. */
static struct slip_latest_writer *at_the_first_sleep;

long latest_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)slip_a32_fetch_add_relaxed(&calls, 1); /* stat */
	if (no_membarrier && nr == SYS_membarrier)
		return -EPERM;
	if (at_the_first_sleep && nr == SYS_futex) {
		struct slip_latest_writer *w = at_the_first_sleep;

		at_the_first_sleep = NULL;
		write_one(w, 1);
	}
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

struct pose {
	uint64_t time;
	double at[3];
};

struct odd {
	unsigned char bytes[13];
};

SLIP_LATEST_DEFINE(poses, struct pose);
SLIP_LATEST_DEFINE(odds, struct odd);

static const uint32_t sizes[] = {
	1,  2,	7,  8,	 9,   15,  16,	 17,   55,
	63, 64, 65, 127, 128, 129, 1000, 4099, 65536
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static unsigned char in[65536], out[65536];

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* --- shapes ----------------------------------------------------------------- */

Test(latest, bytes_is_0_for_what_is_not_a_shape)
{
	cr_assert_eq(slip_latest_bytes(0, 8), 0, "no slot");
	cr_assert_eq(slip_latest_bytes(1, 8), 0, "one slot");
	cr_assert_eq(slip_latest_bytes(3, 8), 0, "three slots");
	cr_assert_eq(slip_latest_bytes(16, 8), 0, "16 slots");
	cr_assert_eq(slip_latest_bytes(4, 0), 0, "values of nothing");
	cr_assert_eq(slip_latest_bytes(4, 65537), 0, "values over 64 KiB");
	cr_assert_eq(slip_latest_bytes(2, 1), 256 + 2 * 64, "smallest");
	cr_assert_eq(slip_latest_bytes(4, 64), 256 + 4 * 64, "a line");
	cr_assert_eq(slip_latest_bytes(4, 65), 256 + 4 * 128, "two lines");
	cr_assert_eq(slip_latest_bytes(8, 65536), 256 + 8 * 65536, "largest");
}

Test(latest, init_names_what_is_wrong)
{
	size_t bytes = slip_latest_bytes(4, 8);
	unsigned char *mem = fresh_memory(bytes + 64);

	cr_assert_eq(slip_latest_init(mem, bytes - 1, 4, 8, 0), -EOVERFLOW,
		     "one byte short");
	cr_assert_eq(slip_latest_init(mem + 8, bytes, 4, 8, 0), -EINVAL,
		     "misaligned");
	cr_assert_eq(slip_latest_init(NULL, bytes, 4, 8, 0), -EINVAL, "NULL");
	cr_assert_eq(slip_latest_init(mem, bytes, 5, 8, 0), -EINVAL, "shape");
	cr_assert_eq(slip_latest_init(mem, bytes, 4, 8, SLIP_EVENT_RMW),
		     -EINVAL, "a mode that fits no plain store");
	no_membarrier = true;
	cr_assert_eq(slip_latest_init(mem, bytes, 4, 8, SLIP_EVENT_ASYM),
		     -EPERM, "membarrier refused");
	cr_assert_eq(slip_latest_init(mem, bytes, 4, 8, 0), 0, "so FULL");
	no_membarrier = false;
	free(mem);
}

Test(latest, attach_names_what_is_wrong)
{
	struct bench b;
	struct slip_latest_ring *ring;
	struct slip_latest_info info;
	unsigned char *mem;

	setup(&b, 4, 8);
	slip_latest_detach_writer(&b.w);
	mem = b.mem;
	ring = b.mem;
	cr_assert_eq(slip_latest_attach_writer(&b.w, NULL, b.bytes, NULL),
		     -EINVAL, "NULL");
	cr_assert_eq(slip_latest_attach_reader(&b.r, mem + 8, b.bytes, NULL),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_latest_attach_reader(&b.r, mem, 255, NULL),
		     -EOVERFLOW, "less than a header");
	cr_assert_eq(slip_latest_attach_readonly(&b.r, mem, b.bytes - 1, NULL),
		     -EOVERFLOW, "one byte short");
	cr_assert_eq(slip_latest_inspect(mem, b.bytes - 1, &info), -EOVERFLOW,
		     "one byte short");
	/* init: the words of the header, one after the other */
	slip_a64_store_relaxed(&ring->stride, 128);
	cr_assert_eq(slip_latest_inspect(mem, b.bytes, &info), -EBADMSG,
		     "stride");
	slip_a64_store_relaxed(&ring->stride, 64);
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_RMW);
	cr_assert_eq(slip_latest_inspect(mem, b.bytes, &info), -EBADMSG,
		     "mode");
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_FULL);
	slip_a32_store_relaxed(&ring->slots, 3);
	cr_assert_eq(slip_latest_inspect(mem, b.bytes, &info), -EBADMSG,
		     "slots");
	slip_a32_store_relaxed(&ring->slots, 4);
	slip_a32_store_relaxed(&ring->layout, SLIP_LATEST_LAYOUT + 1);
	cr_assert_eq(slip_latest_inspect(mem, b.bytes, &info), -EPROTO,
		     "layout");
	slip_a32_store_relaxed(&ring->layout, SLIP_LATEST_LAYOUT);
	slip_a64_store_relaxed(&ring->magic, 1);
	cr_assert_eq(slip_latest_inspect(mem, b.bytes, &info), -EBADMSG,
		     "magic");
	teardown(&b);
}

Test(latest, a_handle_that_did_not_attach_is_closed)
{
	static unsigned char none[256] SLIP_ALIGNED(64);
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	uint32_t len;

	cr_assert_eq(slip_latest_attach_writer(&w, none, 256, NULL), -EBADMSG);
	cr_assert_eq(slip_latest_attach_reader(&r, none, 256, NULL), -EBADMSG);
	cr_assert_eq(slip_latest_write(&w, in, 1), -EPIPE);
	cr_assert_eq(slip_latest_put(&w, 0, in, 1), -EPIPE);
	cr_assert_eq(slip_latest_commit(&w, 1), -EPIPE);
	cr_assert_eq(slip_latest_read(&r, out, 8, &len), -EPIPE);
	cr_assert_eq(slip_latest_read_newer(&r, out, 8, &len), -EPIPE);
	cr_assert_eq(slip_latest_read_until(&r, out, 8, &len, SLIP_FOREVER),
		     -EPIPE);
	cr_assert_eq(slip_latest_wait_until(&r, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_latest_wait_writer_until(&r, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(slip_latest_writer_state(&r), SLIP_ROLE_VACANT);
	cr_assert_eq(slip_latest_writer_value_bytes(&w), 0);
	cr_assert_eq(slip_latest_reader_value_bytes(&r), 0);
	slip_latest_detach_writer(&w);
	slip_latest_detach_reader(&r);
}

Test(latest, the_mode_needs_membarrier_of_all_but_read_only_readers)
{
	struct bench b;

	setup(&b, 4, 8);
	slip_latest_detach_writer(&b.w);
	slip_a32_store_relaxed(&b.w.ring->mode, SLIP_EVENT_ASYM); /* init */
	no_membarrier = true;
	cr_assert_eq(slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     -EPERM, "writer");
	cr_assert_eq(slip_latest_attach_reader(&b.r, b.mem, b.bytes, NULL),
		     -EPERM, "reader");
	slip_a32_store_relaxed(&calls, 0); /* stat */
	cr_assert_eq(slip_latest_attach_readonly(&b.r, b.mem, b.bytes, NULL), 0,
		     "read-only");
	cr_assert_eq(slip_a32_load_relaxed(&calls), 0,
		     "a system call"); /* stat */
	no_membarrier = false;
	teardown(&b);
}

/* --- values ----------------------------------------------------------------- */

Test(latest, nothing_is_there_before_the_first_write)
{
	struct bench b;
	uint32_t len = 77;

	setup(&b, 4, 8);
	cr_assert_eq(slip_latest_read(&b.r, out, 8, &len), -ENODATA, "read");
	cr_assert_eq(slip_latest_read_newer(&b.r, out, 8, &len), -ENODATA,
		     "newer");
	cr_assert_eq(slip_latest_wait_until(&b.r, 0), -ETIMEDOUT, "wait");
	cr_assert_eq(slip_latest_read_until(&b.r, out, 8, &len, 0), -ETIMEDOUT,
		     "until");
	cr_assert_eq(len, 77, "untouched");
	cr_assert_eq(slip_latest_version(&b.r), 0, "version");
	write_one(&b.w, 5);
	expect(&b.r, 5);
	cr_assert_eq(slip_latest_version(&b.r), 1, "version");
	cr_assert_eq(slip_latest_skipped(&b.r), 0, "skipped");
	teardown(&b);
}

Test(latest, every_size_and_length_comes_out_as_it_went_in)
{
	for (uint32_t slots = 2; slots <= 8; slots *= 2)
		for (size_t i = 0; i < SIZES; i++) {
			struct bench b;
			uint32_t size = sizes[i];

			setup(&b, slots, size);
			cr_assert_eq(slip_latest_writer_value_bytes(&b.w),
				     size);
			cr_assert_eq(slip_latest_reader_value_bytes(&b.r),
				     size);
			for (uint64_t n = 1; n <= 20; n++) {
				uint32_t bytes =
					n % 3 ? size
					      : (uint32_t)(n * 37 % (size + 1));
				uint32_t len = 0;

				fill(in, bytes, n);
				memset(out, 0xee, sizeof(out));
				cr_assert_eq(slip_latest_write(&b.w, in, bytes),
					     0, "write");
				cr_assert_eq(
					slip_latest_read(&b.r, out, size, &len),
					0, "read");
				cr_assert_eq(len, bytes, "%u of %u", len,
					     bytes);
				cr_assert(filled(out, bytes, n),
					  "%u bytes, value %llu", bytes,
					  (unsigned long long)n);
				cr_assert(bytes == sizeof(out) ||
						  out[bytes] == 0xee,
					  "no more than that");
			}
			teardown(&b);
		}
}

Test(latest, what_is_too_long_is_refused_on_both_sides)
{
	struct bench b;
	uint32_t len = 0;

	setup(&b, 4, 100);
	cr_assert_eq(slip_latest_write(&b.w, in, 101), -EMSGSIZE, "write");
	cr_assert_eq(slip_latest_read(&b.r, out, 100, &len), -ENODATA, "none");
	fill(in, 100, 1);
	cr_assert_eq(slip_latest_write(&b.w, in, 100), 0, "write");
	cr_assert_eq(slip_latest_read_newer(&b.r, out, 99, &len), -EMSGSIZE,
		     "one byte short");
	cr_assert_eq(len, 100, "told");
	cr_assert_eq(slip_latest_version(&b.r), 0, "not taken");
	cr_assert_eq(slip_latest_read_until(&b.r, out, 99, &len, SLIP_FOREVER),
		     -EMSGSIZE, "nor by the one that waits");
	cr_assert_eq(slip_latest_read_newer(&b.r, out, 100, &len), 0, "fits");
	cr_assert(filled(out, 100, 1), "whole");
	cr_assert_eq(slip_latest_write(&b.w, in, 0), 0, "of nothing");
	cr_assert_eq(slip_latest_read_newer(&b.r, out, 0, &len), 0, "fits");
	cr_assert_eq(len, 0, "nothing");
	teardown(&b);
}

Test(latest, values_read_and_skipped_add_up_to_the_version)
{
	uint64_t state = 88172645463325252u;
	uint64_t written = 0;
	uint64_t seen = 0;
	struct bench b;

	setup(&b, 4, 8);
	for (int i = 0; i < 2000; i++) {
		uint64_t x;
		uint32_t len;
		int rc;

		for (uint64_t n = next_random(&state) % 7; n; n--)
			write_one(&b.w, ++written);
		rc = slip_latest_read_newer(&b.r, &x, 8, &len);
		cr_assert_eq(rc,
			     slip_latest_version(&b.r) == seen ? -ENODATA : 0);
		if (rc)
			continue;
		cr_assert_eq(x, written, "the newest");
		cr_assert_eq(slip_latest_version(&b.r), written, "its number");
		cr_assert_eq(slip_latest_skipped(&b.r), written - seen - 1,
			     "skipped");
		seen = written;
		expect(&b.r, written);
		cr_assert_eq(slip_latest_skipped(&b.r), 0, "the same again");
	}
	teardown(&b);
}

/* --- pieces ----------------------------------------------------------------- */

Test(latest, pieces_are_put_where_they_belong)
{
	uint64_t state = 77;
	struct bench b;

	setup(&b, 4, 300);
	for (uint64_t n = 1; n < 500; n++) {
		uint32_t len;

		/* One piece is all; then others over it. */
		fill(in, 300, n);
		cr_assert_eq(slip_latest_put(&b.w, 0, in, 300), 0, "all");
		for (int i = 0; i < 5; i++) {
			uint32_t at = (uint32_t)(next_random(&state) % 301);
			uint32_t some =
				(uint32_t)(next_random(&state) % (301 - at));

			for (uint32_t k = 0; k < some; k++)
				in[at + k] = (unsigned char)(k + n);
			cr_assert_eq(slip_latest_put(&b.w, at, in + at, some),
				     0, "%u at %u", some, at);
		}
		cr_assert_eq(slip_latest_commit(&b.w, 300), 0, "commit");
		cr_assert_eq(slip_latest_read(&b.r, out, 300, &len), 0, "read");
		cr_assert(!memcmp(in, out, 300), "value %llu",
			  (unsigned long long)n);
		cr_assert_eq(slip_latest_version(&b.r), n, "one value");
	}
	teardown(&b);
}

Test(latest, what_is_put_and_not_committed_never_was)
{
	struct bench b;
	struct slip_latest_info info;
	uint64_t x = 666;

	setup(&b, 2, 8);
	write_one(&b.w, 1);
	write_one(&b.w, 2);
	cr_assert_eq(slip_latest_commit(&b.w, 8), -EINVAL, "nothing was put");
	cr_assert_eq(slip_latest_put(&b.w, 0, &x, 8), 0, "put");
	cr_assert_eq(slip_latest_inspect(b.mem, b.bytes, &info), 0, "inspect");
	cr_assert_eq(info.version, 2, "version");
	cr_assert_eq(info.begun, 3, "begun");
	expect(&b.r, 2);
	write_one(&b.w, 3);
	cr_assert_eq(slip_latest_commit(&b.w, 8), -EINVAL, "over");
	expect(&b.r, 3);
	cr_assert_eq(slip_latest_version(&b.r), 3, "no number was lost");
	/* Nor does a successor see it. */
	cr_assert_eq(slip_latest_put(&b.w, 0, &x, 8), 0, "put");
	slip_latest_detach_writer(&b.w);
	cr_assert_eq(slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL), 0);
	cr_assert_eq(slip_latest_commit(&b.w, 8), -EINVAL, "nothing was put");
	expect(&b.r, 3);
	write_one(&b.w, 4);
	expect(&b.r, 4);
	cr_assert_eq(slip_latest_version(&b.r), 4, "no number was lost");
	teardown(&b);
}

Test(latest, pieces_beyond_the_value_are_refused)
{
	struct bench b;

	setup(&b, 4, 100);
	cr_assert_eq(slip_latest_put(&b.w, 0, in, 101), -EMSGSIZE, "long");
	cr_assert_eq(slip_latest_put(&b.w, 101, in, 0), -EMSGSIZE, "far");
	cr_assert_eq(slip_latest_put(&b.w, 4, in, UINT32_MAX), -EMSGSIZE,
		     "wraps");
	cr_assert_eq(slip_latest_put(&b.w, 100, in, 0), 0, "the end");
	cr_assert_eq(slip_latest_commit(&b.w, 101), -EMSGSIZE, "commit");
	cr_assert_eq(slip_latest_commit(&b.w, 100), 0, "commit");
	teardown(&b);
}

/* --- roles ------------------------------------------------------------------ */

Test(latest, there_is_one_writer_and_its_successor_goes_on)
{
	struct slip_latest_writer rival;
	struct bench b;

	setup(&b, 4, 8);
	cr_assert_eq(slip_latest_writer_state(&b.r), SLIP_ROLE_HELD);
	for (uint64_t n = 1; n < 20; n++) {
		write_one(&b.w, n);
		cr_assert_eq(
			slip_latest_attach_writer(&rival, b.mem, b.bytes, NULL),
			-EBUSY, "rival");
		slip_latest_detach_writer(&b.w);
		slip_latest_detach_writer(&b.w);
		cr_assert_eq(slip_latest_write(&b.w, &n, 8), -EPIPE, "closed");
		cr_assert_eq(slip_latest_writer_state(&b.r), SLIP_ROLE_CLOSED);
		expect(&b.r, n);
		cr_assert_eq(slip_latest_wait_until(&b.r, SLIP_FOREVER), -EPIPE,
			     "nothing will come");
		cr_assert_eq(slip_latest_wait_writer_until(&b.r, 0), -ETIMEDOUT,
			     "nobody there");
		cr_assert_eq(
			slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL),
			0, "successor");
		cr_assert_eq(slip_latest_wait_writer_until(&b.r, 0), 0,
			     "there");
		cr_assert_eq(slip_latest_version(&b.r), n, "number");
	}
	teardown(&b);
}

Test(latest, what_was_left_comes_before_the_end)
{
	struct bench b;
	uint64_t x;
	uint32_t len;

	setup(&b, 4, 8);
	write_one(&b.w, 1);
	slip_latest_detach_writer(&b.w);
	cr_assert_eq(slip_latest_wait_until(&b.r, SLIP_FOREVER), 0, "newer");
	cr_assert_eq(slip_latest_read_until(&b.r, &x, 8, &len, SLIP_FOREVER), 0,
		     "left");
	cr_assert_eq(slip_latest_read_until(&b.r, &x, 8, &len, SLIP_FOREVER),
		     -EPIPE, "the end");
	expect(&b.r, 1);
	teardown(&b);
}

Test(latest, a_successor_is_refused_in_damaged_memory)
{
	struct bench b;

	setup(&b, 4, 8);
	write_one(&b.w, 1);
	slip_latest_detach_writer(&b.w);
	slip_a64_store_relaxed(&b.w.ring->begun, 3); /* init */
	cr_assert_eq(slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     -EBADMSG, "two begun at once");
	cr_assert_eq(slip_latest_writer_state(&b.r), SLIP_ROLE_CLOSED,
		     "and the role given back");
	slip_a64_store_relaxed(&b.w.ring->begun, 0); /* init */
	cr_assert_eq(slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     -EBADMSG, "published and not begun");
	slip_a64_store_relaxed(&b.w.ring->begun, 2); /* init */
	cr_assert_eq(slip_latest_attach_writer(&b.w, b.mem, b.bytes, NULL), 0,
		     "left half-written");
	teardown(&b);
}

Test(latest, versions_run_past_the_powers_of_two)
{
	static const uint64_t at[] = { UINT32_MAX - 5, (UINT64_C(1) << 33) - 3,
				       UINT64_MAX / 2, UINT64_MAX - 30 };

	for (size_t i = 0; i < 4; i++) {
		struct bench b;

		setup(&b, 4, 8);
		slip_latest_detach_writer(&b.w);
		slip_a64_store_relaxed(&b.w.ring->begun, at[i]);  /* init */
		slip_a64_store_relaxed(&b.w.ring->latest, at[i]); /* init */
		attach_both(&b);
		b.r.version = at[i];
		for (uint64_t n = 1; n < 20; n++) {
			write_one(&b.w, n);
			expect(&b.r, n);
			cr_assert_eq(slip_latest_version(&b.r), at[i] + n);
		}
		teardown(&b);
	}
}

/* --- waiting ---------------------------------------------------------------- */

static void *writes_when_awaited(void *arg)
{
	struct bench *b = arg;

	/* hint: somebody has announced that it sleeps */
	while (!(slip_a32_load_relaxed(&b->w.ring->ev.word) & SLIP_EVENT_W_))
		sched_yield();
	write_one(&b->w, 1);
	return NULL;
}

Test(latest, a_write_wakes_a_reader_without_a_deadline)
{
	struct bench b;
	pthread_t thread;
	uint64_t x = 0;
	uint32_t len;

	setup(&b, 4, 8);
	cr_assert_eq(pthread_create(&thread, NULL, writes_when_awaited, &b), 0);
	cr_assert_eq(slip_latest_read_until(&b.r, &x, 8, &len, SLIP_FOREVER), 0,
		     "read");
	cr_assert_eq(x, 1, "value");
	pthread_join(thread, NULL);
	teardown(&b);
}

static void *leaves_when_awaited(void *arg)
{
	struct bench *b = arg;

	/* hint: as above */
	while (!(slip_a32_load_relaxed(&b->w.ring->ev.word) & SLIP_EVENT_W_))
		sched_yield();
	slip_latest_detach_writer(&b->w);
	return NULL;
}

Test(latest, a_detach_wakes_a_reader_without_a_deadline)
{
	struct bench b;
	pthread_t thread;

	setup(&b, 4, 8);
	cr_assert_eq(pthread_create(&thread, NULL, leaves_when_awaited, &b), 0);
	cr_assert_eq(slip_latest_wait_until(&b.r, SLIP_FOREVER), -EPIPE, "end");
	pthread_join(thread, NULL);
	teardown(&b);
}

Test(latest, who_would_wait_is_told_that_membarrier_is_refused)
{
	struct bench b;

	setup(&b, 4, 8);
	b.r.side.mode = SLIP_EVENT_ASYM;
	b.r.side.spin.skip = 1;
	no_membarrier = true;
	cr_assert_eq(slip_latest_wait_until(&b.r, SLIP_FOREVER), -EPERM);
	no_membarrier = false;
	teardown(&b);
}

/* --- read-only --------------------------------------------------------------- */

struct window {
	struct bench b;
	const void *seen; /* the same bytes, PROT_READ */
	int fd;
};

static void open_window(struct window *v)
{
	v->b.bytes = slip_latest_bytes(4, 8);
	v->fd = memfd_create("latest", 0);
	cr_assert_geq(v->fd, 0, "memfd");
	cr_assert_eq(ftruncate(v->fd, (off_t)v->b.bytes), 0, "size");
	v->b.mem = mmap(NULL, v->b.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			v->fd, 0);
	v->seen = mmap(NULL, v->b.bytes, PROT_READ, MAP_SHARED, v->fd, 0);
	cr_assert(v->b.mem != MAP_FAILED && v->seen != MAP_FAILED, "mmap");
	cr_assert_eq(slip_latest_init(v->b.mem, v->b.bytes, 4, 8, 0), 0,
		     "init");
	attach_both(&v->b);
	cr_assert_eq(
		slip_latest_attach_readonly(&v->b.r, v->seen, v->b.bytes, NULL),
		0, "read-only");
}

static void close_window(struct window *v)
{
	munmap((void *)(uintptr_t)v->seen, v->b.bytes);
	munmap(v->b.mem, v->b.bytes);
	close(v->fd);
}

Test(latest, a_reader_needs_no_more_than_the_right_to_read)
{
	struct window v;
	uint64_t x = 0;
	uint32_t len;

	open_window(&v);
	cr_assert_eq(slip_latest_read(&v.b.r, &x, 8, &len), -ENODATA, "none");
	for (uint64_t n = 1; n < 10; n++) {
		write_one(&v.b.w, n);
		cr_assert_eq(slip_latest_wait_until(&v.b.r, SLIP_FOREVER), 0);
		expect(&v.b.r, n);
		cr_assert_eq(slip_latest_read_until(&v.b.r, &x, 8, &len,
						    slip_after_ns(1000000)),
			     -ETIMEDOUT, "nothing newer");
	}
	cr_assert_eq(slip_latest_writer_state(&v.b.r), SLIP_ROLE_HELD);
	cr_assert_eq(slip_latest_wait_writer_until(&v.b.r, 0), 0, "there");
	/* stat: nobody but a reader that may would have announced itself */
	cr_assert_eq(slip_a32_load_relaxed(&v.b.w.ring->ev.word), 0);
	slip_latest_detach_writer(&v.b.w);
	cr_assert_eq(slip_latest_writer_state(&v.b.r), SLIP_ROLE_CLOSED);
	cr_assert_eq(slip_latest_wait_until(&v.b.r, SLIP_FOREVER), -EPIPE);
	cr_assert_eq(
		slip_latest_wait_writer_until(&v.b.r, slip_after_ns(1000000)),
		-ETIMEDOUT);
	close_window(&v);
}

Test(latest, a_read_only_reader_finds_the_value_at_the_end_of_its_slice)
{
	struct window v;
	uint64_t x = 0;
	uint32_t len;

	open_window(&v);
	v.b.r.side.spin.skip = 1;
	at_the_first_sleep = &v.b.w;
	cr_assert_eq(slip_latest_read_until(&v.b.r, &x, 8, &len, SLIP_FOREVER),
		     0, "read");
	cr_assert_eq(x, 1, "value");
	cr_assert_null(at_the_first_sleep, "it slept");
	close_window(&v);
}

Test(latest, a_read_only_reader_has_nowhere_to_sleep_in_private_memory)
{
	size_t bytes = slip_latest_bytes(4, 8);
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct slip_latest_reader r;

	cr_assert(mem != MAP_FAILED, "mmap");
	cr_assert_eq(slip_latest_init(mem, bytes, 4, 8, 0), 0, "init");
	cr_assert_eq(mprotect(mem, bytes, PROT_READ), 0, "mprotect");
	cr_assert_eq(slip_latest_attach_readonly(&r, mem, bytes, NULL), 0);
	cr_assert_eq(slip_latest_wait_until(&r, SLIP_FOREVER), -EFAULT);
	munmap(mem, bytes);
}

/* --- typed, inspect ----------------------------------------------------------- */

Test(latest, typed_calls_carry_their_type)
{
	size_t bytes = poses_bytes(4);
	void *mem = fresh_memory(bytes);
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	struct pose a = { 1, { 2, 3, 4 } };
	struct pose b;

	cr_assert_eq(poses_init(mem, bytes, 4, SLIP_EVENT_FULL), 0, "init");
	cr_assert_eq(odds_attach_writer(&w, mem, bytes, NULL), -EOVERFLOW,
		     "values of another size");
	cr_assert_eq(odds_attach_reader(&r, mem, bytes, NULL), -EOVERFLOW);
	cr_assert_eq(odds_attach_readonly(&r, mem, bytes, NULL), -EOVERFLOW);
	cr_assert_eq(poses_attach_writer(&w, mem, bytes, NULL), 0, "w");
	cr_assert_eq(poses_attach_readonly(&r, mem, bytes, NULL), 0, "r");
	cr_assert_eq(poses_attach_reader(&r, mem, bytes, NULL), 0, "r");
	cr_assert_eq(poses_read_until(&r, &b, 0), -ETIMEDOUT, "none");
	cr_assert_eq(poses_write(&w, &a), 0, "write");
	cr_assert_eq(poses_read_newer(&r, &b), 0, "read");
	cr_assert(!memcmp(&a, &b, sizeof(a)), "same");
	cr_assert_eq(poses_read_newer(&r, &b), -ENODATA, "old");
	cr_assert_eq(poses_read(&r, &b), 0, "again");
	cr_assert_eq(slip_latest_write(&w, &a, 8), 0, "a short one");
	cr_assert_eq(poses_read(&r, &b), -EMSGSIZE, "is none");
	slip_latest_detach_writer(&w);
	free(mem);
}

Test(latest, typed_values_need_not_be_whole_words)
{
	size_t bytes = odds_bytes(2);
	void *mem = fresh_memory(bytes);
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	struct odd a, b;

	cr_assert_eq(odds_init(mem, bytes, 2, 0), 0, "init");
	cr_assert_eq(odds_attach_writer(&w, mem, bytes, NULL), 0, "w");
	cr_assert_eq(odds_attach_reader(&r, mem, bytes, NULL), 0, "r");
	for (uint64_t n = 1; n < 10; n++) {
		fill(a.bytes, sizeof(a), n);
		cr_assert_eq(odds_write(&w, &a), 0, "write");
		cr_assert_eq(odds_read_until(&r, &b, SLIP_FOREVER), 0, "read");
		cr_assert(filled(b.bytes, sizeof(b), n), "value");
	}
	slip_latest_detach_writer(&w);
	free(mem);
}

Test(latest, inspect_says_what_is_there)
{
	struct slip_latest_info info;
	struct bench b;

	setup(&b, 8, 100);
	cr_assert_eq(slip_latest_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.version, 0);
	cr_assert_eq(slip_latest_write(&b.w, in, 33), 0);
	cr_assert_eq(slip_latest_inspect(b.mem, b.bytes, &info), 0);
	cr_assert_eq(info.version, 1);
	cr_assert_eq(info.begun, 1);
	cr_assert_eq(info.slots, 8);
	cr_assert_eq(info.value_bytes, 100);
	cr_assert_eq(info.len_guess, 33);
	cr_assert_eq(info.bytes, b.bytes);
	cr_assert_eq(info.writer & 15, (uint64_t)SLIP_ROLE_HELD);
	cr_assert(info.mode == SLIP_EVENT_ASYM || info.mode == SLIP_EVENT_FULL);
	teardown(&b);
}
