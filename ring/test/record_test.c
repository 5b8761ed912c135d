/* SPDX-License-Identifier: MIT */
/* ring/record.h: lengths, limits, every place of the seam, order, batches,
 * waiting. Damage: record_damage_test.c; other processes and their deaths:
 * record_crash_test.c. */
#define _GNU_SOURCE
#include "../record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../atomics/test/check.h"
#include "record_bench.h"

Test(record, bytes_is_0_for_what_is_not_a_shape)
{
	unsigned mirror = SLIP_RECORD_MIRROR;

	cr_assert_eq(slip_record_bytes(0, 0), 0, "nothing");
	cr_assert_eq(slip_record_bytes(32, 0), 0, "too small");
	cr_assert_eq(slip_record_bytes(65, 0), 0, "65");
	cr_assert_eq(slip_record_bytes(96, 0), 0, "96");
	cr_assert_eq(slip_record_bytes((size_t)1 << 32, 0), 0, "2^32");
	cr_assert_eq(slip_record_bytes(SIZE_MAX, 0), 0, "too big");
	cr_assert_eq(slip_record_bytes(64, 0), 384 + 64, "smallest");
	cr_assert_eq(slip_record_bytes((size_t)1 << 31, 0),
		     384 + ((size_t)1 << 31), "largest");
	cr_assert_eq(slip_record_bytes(2048, mirror), 0, "half a page");
	cr_assert_eq(slip_record_bytes(4096, mirror), 8192, "a page");
}

Test(record, longest_record_is_8_short_of_half)
{
	cr_assert_eq(slip_record_max_bytes(64), 24, "64");
	cr_assert_eq(slip_record_max_bytes(4096), 2040, "4096");
	cr_assert_eq(slip_record_max_bytes((size_t)1 << 31), (1u << 30) - 8,
		     "2^31");
	cr_assert_eq(slip_record_max_bytes(100), 0, "not a shape");
}

Test(record, init_names_what_is_wrong)
{
	static _Alignas(4096) unsigned char mem[3 * 4096];
	unsigned mirror = SLIP_RECORD_MIRROR;

	cr_assert_eq(slip_record_init(mem, 447, 64, 0), -EOVERFLOW, "short");
	cr_assert_eq(slip_record_init(mem, 448, 64, 0), 0, "exact");
	cr_assert_eq(slip_record_init(mem + 8, 448, 64, 0), -EINVAL, "aligned");
	cr_assert_eq(slip_record_init(NULL, 448, 64, 0), -EINVAL, "NULL");
	cr_assert_eq(slip_record_init(mem, 448, 63, 0), -EINVAL, "shape");
	cr_assert_eq(slip_record_init(mem, 448, 64, 0x200), -EINVAL, "flags");
	cr_assert_eq(slip_record_init(mem, 448, 64, SLIP_EVENT_RMW), -EINVAL,
		     "a mode that fits no plain store");
	cr_assert_eq(slip_record_init(mem, 8192, 2048, mirror), -EINVAL,
		     "mirrored half page");
	cr_assert_eq(slip_record_init(mem + 64, 8192, 4096, mirror), -EINVAL,
		     "mirrored beside a page");
	cr_assert_eq(slip_record_init(mem, 8191, 4096, mirror), -EOVERFLOW,
		     "mirrored short");
	cr_assert_eq(
		slip_record_init(mem, 8192, 4096, mirror | SLIP_EVENT_FULL), 0,
		"mirrored exact");
}

static void poke(slip_a32 *word, uint32_t by)
{
	slip_a32_store_relaxed(word, slip_a32_load_relaxed(word) + by);
}

Test(record, attach_names_what_is_wrong)
{
	struct slip_record_consumer c;
	struct slip_record_ring *ring;
	struct bench b;

	setup(&b, 64, 0);
	ring = b.mem;
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBUSY, "a second consumer");
	slip_record_detach_consumer(&b.c);
	cr_assert_eq(slip_record_attach_consumer(&c, NULL, b.bytes, NULL),
		     -EINVAL, "NULL");
	cr_assert_eq(slip_record_attach_consumer(&c, (char *)b.mem + 8,
						 b.bytes - 8, NULL),
		     -EINVAL, "misaligned");
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes - 1, NULL),
		     -EOVERFLOW, "truncated data");
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, 383, NULL),
		     -EOVERFLOW, "truncated header");
	poke(&ring->layout, 1);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EPROTO, "other layout");
	poke(&ring->layout, UINT32_MAX);
	slip_a64_store_relaxed(&ring->capacity, 65);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "no such capacity");
	slip_a64_store_relaxed(&ring->capacity, 64);
	poke(&ring->max_len, 1);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "a limit that does not fit the capacity");
	poke(&ring->max_len, UINT32_MAX);
	slip_a32_store_relaxed(&ring->flags, 1);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "no such flag");
	slip_a32_store_relaxed(&ring->flags, SLIP_RECORD_MIRROR);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "mirrored in 64 bytes");
	slip_a32_store_relaxed(&ring->flags, 0);
	slip_a32_store_relaxed(&ring->mode, 9);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "no such mode");
	slip_a32_store_relaxed(&ring->mode, SLIP_EVENT_FULL);
	slip_a64_store_relaxed(&ring->ends.head, 4);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "head between two words");
	slip_a64_store_relaxed(&ring->ends.head, 0);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL), 0,
		     "repaired");
	slip_record_detach_consumer(&c);
	slip_a64_store_relaxed(&ring->magic, 1);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL),
		     -EBADMSG, "not a ring");
	slip_record_detach_producer(&b.p);
	teardown(&b);
}

Test(record, a_handle_that_failed_to_attach_is_closed)
{
	struct slip_record_producer p;
	struct slip_record_consumer c;
	struct bench b;
	uint32_t len;

	setup(&b, 4096, SLIP_RECORD_MIRROR);
	for (int i = 0; i < 2; i++) {
		size_t bytes = i ? b.bytes : 100;
		int rc = i ? -EBUSY : -EOVERFLOW;

		cr_assert_eq(
			slip_record_attach_producer(&p, b.mem, bytes, &b.self),
			rc, "producer");
		cr_assert_eq(
			slip_record_attach_consumer(&c, b.mem, bytes, &b.self),
			rc, "consumer");
		cr_assert_eq(slip_record_push(&p, "x", 1), -EPIPE, "push");
		cr_assert(slip_record_claim(&p, 0) == NULL, "claim");
		slip_record_commit(&p, 0);
		cr_assert_eq(slip_record_push_until(&p, "x", 1, SLIP_FOREVER),
			     -EPIPE, "push_until");
		cr_assert_eq(slip_record_wait_room_until(&p, 1, SLIP_FOREVER),
			     -EPIPE, "wait");
		cr_assert_eq(slip_record_wait_consumer_until(&p, SLIP_FOREVER),
			     -EPIPE, "wait");
		cr_assert_eq(slip_record_pop(&c, none, 0, &len), -EPIPE, "pop");
		cr_assert(slip_record_peek(&c, &len) == NULL, "peek");
		slip_record_release(&c);
		cr_assert_eq(
			slip_record_pop_until(&c, none, 0, &len, SLIP_FOREVER),
			-EPIPE, "pop_until");
		cr_assert_eq(slip_record_wait_data_until(&c, SLIP_FOREVER),
			     -EPIPE, "wait");
		cr_assert_eq(slip_record_wait_producer_until(&c, SLIP_FOREVER),
			     -EPIPE, "wait");
		slip_record_detach_producer(&p);
		slip_record_detach_consumer(&c);
	}
	cr_assert_eq(slip_record_push(&b.p, "x", 1), 0, "the others go on");
	cr_assert(slip_record_peek(&b.c, &len) != NULL, "the others go on");
	teardown(&b);
}

/* How many times this process has a memfd mapped. */
static int memfd_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	cr_assert(maps != NULL, "/proc");
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:") != NULL;
	fclose(maps);
	return count;
}

Test(record, a_mirrored_ring_needs_a_region_to_map)
{
	struct slip_record_producer p;
	struct bench b;
	struct bench other;
	void *mem;

	setup(&b, 4096, SLIP_RECORD_MIRROR);
	setup(&other, 4096, SLIP_RECORD_MIRROR);
	slip_record_detach_producer(&b.p);
	cr_assert_eq(slip_record_attach_producer(&p, b.mem, b.bytes, NULL),
		     -EOPNOTSUPP, "no peer");
	cr_assert_eq(
		slip_record_attach_producer(&p, b.mem, b.bytes, &other.self),
		-EINVAL, "a peer of another region");
	mem = fresh_memory(64, 448);
	cr_assert_eq(slip_record_init(mem, 448, 64, 0), 0, "padded");
	cr_assert_eq(slip_record_attach_producer(&p, mem, 448, &b.self), 0,
		     "a padded ring may lie anywhere");
	slip_record_detach_producer(&p);
	free(mem);
	cr_assert_eq(slip_record_attach_producer(&b.p, b.mem, b.bytes, &b.self),
		     0, "no role was lost by trying");
	cr_assert_eq(slip_record_attach_producer(&p, b.mem, b.bytes, &b.self),
		     -EBUSY, "one producer");
	teardown(&other);
	teardown(&b);
}

Test(record, a_mirror_is_unmapped_by_detach_and_when_attach_fails)
{
	struct slip_record_producer p;
	struct slip_record_consumer c;
	struct bench b;
	int before;

	setup(&b, 4096, SLIP_RECORD_MIRROR);
	before = memfd_mappings();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_record_attach_producer(&p, b.mem, b.bytes,
							 &b.self),
			     -EBUSY, "there is one");
		cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes,
							 &b.self),
			     -EBUSY, "there is one");
	}
	cr_assert_eq(memfd_mappings(), before, "failed attach");
	slip_record_detach_producer(&b.p);
	slip_record_detach_consumer(&b.c);
	cr_assert_lt(memfd_mappings(), before, "detach");
	attach_producer(&b);
	attach_consumer(&b);
	cr_assert_eq(memfd_mappings(), before, "attach");
	teardown(&b);
}

Test(record, a_region_without_a_file_cannot_mirror)
{
	size_t bytes = slip_record_bytes(4096, SLIP_RECORD_MIRROR);
	struct slip_record_producer p;
	struct slip_region rg;
	struct slip_peer self;
	void *mem;

	cr_assert_eq(slip_region_create(&rg, bytes, SLIP_REGION_PRIVATE), 0,
		     "region");
	mem = slip_region_add(&rg, "ring", SLIP_KIND_RECORD, bytes);
	cr_assert(mem != NULL, "object");
	cr_assert_eq(slip_record_init(mem, bytes, 4096, SLIP_RECORD_MIRROR), 0,
		     "init");
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0, "publish");
	cr_assert_eq(slip_peer_join(&self, &rg), 0, "join");
	cr_assert_eq(slip_record_attach_producer(&p, mem, bytes, &self),
		     -EOPNOTSUPP, "anonymous memory");
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(record, the_example_in_the_header)
{
	size_t bytes = slip_record_bytes(65536, 0);
	void *mem = fresh_memory(64, bytes);
	struct slip_record_producer p;
	struct slip_record_consumer c;
	char text[100];
	uint32_t len;

	cr_assert(!slip_record_init(mem, bytes, 65536, 0) &&
			  !slip_record_attach_producer(&p, mem, bytes, NULL),
		  "one side");
	cr_assert(!slip_record_push(&p, "hello", 5), "push");
	slip_record_detach_producer(&p);

	cr_assert(!slip_record_attach_consumer(&c, mem, bytes, NULL), "other");
	while (slip_record_pop_until(&c, text, sizeof(text), &len,
				     SLIP_FOREVER) == 0)
		cr_assert(len == 5 && memcmp(text, "hello", 5) == 0, "text");
	slip_record_detach_consumer(&c);
	free(mem);
}

Test(record, empty_is_empty)
{
	struct slip_record_span span = { NULL, 7 };
	uint32_t len = 7;
	char x = 7;
	struct bench b;

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_pop(&b.c, &x, 1, &len), -EAGAIN, "pop");
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "peek");
	cr_assert_eq(slip_record_pop_n(&b.c, &x, 1, &span, 1), 0, "pop_n");
	slip_record_release(&b.c);
	cr_assert(len == 7 && x == 7 && span.len == 7, "untouched");
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 0, "nothing in use");
	cr_assert_eq(slip_record_push(&b.p, &x, 1), 0, "goes on");
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 16, "16 in use");
	teardown(&b);
}

static void at_every_length(size_t capacity, unsigned flags)
{
	uint32_t max = slip_record_max_bytes(capacity);
	uint32_t lengths[] = { 0, 1, 7, 8, 9, max - 1, max, max + 1 };
	unsigned char *buf = malloc(max + 1);
	struct bench b;
	uint32_t len;

	setup(&b, capacity, flags);
	for (uint64_t i = 0; i < 800; i++) {
		uint32_t want = lengths[i % 8];
		bool fits = want <= max;

		fill(buf, want, i);
		cr_assert_eq(slip_record_push(&b.p, buf, want),
			     fits ? 0 : -EMSGSIZE, "push %u", want);
		cr_assert_eq(slip_record_push_until(&b.p, buf, max + 1,
						    SLIP_FOREVER),
			     -EMSGSIZE, "never");
		cr_assert_eq(slip_record_wait_room_until(&b.p, max + 1,
							 SLIP_FOREVER),
			     -EMSGSIZE, "never");
		cr_assert(slip_record_claim(&b.p, max + 1) == NULL, "never");
		cr_assert(slip_record_claim(&b.p, UINT32_MAX) == NULL, "never");
		slip_record_commit(&b.p, 0);
		if (!fits)
			continue;
		memset(buf, 0, want);
		cr_assert_eq(slip_record_pop(&b.c, buf, want, &len), 0, "pop");
		cr_assert_eq(len, want, "length");
		cr_assert(filled(buf, len, i), "bytes of %u", want);
	}
	cr_assert_eq(slip_record_pop(&b.c, buf, max, &len), -EAGAIN, "all");
	teardown(&b);
	free(buf);
}

Test(record, carries_every_length_up_to_the_limit_and_none_above)
{
	at_every_length(64, 0);
	at_every_length(4096, 0);
	at_every_length(4096, SLIP_RECORD_MIRROR);
}

Test(record, a_record_of_no_bytes_needs_no_memory)
{
	struct slip_record_span span = { NULL, 0 };
	uint32_t len = 7;
	struct bench b;

	setup(&b, 64, 0);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "push");
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0, "pop");
		cr_assert_eq(len, 0, "empty");
		cr_assert_eq(slip_record_push_n(&b.p, &span, 1), 1, "push_n");
		cr_assert_eq(slip_record_pop_n(&b.c, none, 0, &span, 1), 1,
			     "pop_n");
		cr_assert_eq(span.len, 0, "empty");
	}
	teardown(&b);
}

/* Move an empty ring to `offset`, then send one record of `len` bytes. */
static void one_at(struct bench *b, uint64_t offset, uint32_t len)
{
	static unsigned char in[2049];
	static unsigned char out[2049];
	uint32_t got = 0;

	while (b->p.tail % b->p.shape.capacity != offset) {
		cr_assert_eq(slip_record_push(&b->p, NULL, 0), 0, "step");
		cr_assert_eq(slip_record_pop(&b->c, none, 0, &got), 0, "step");
	}
	fill(in, len, offset);
	memset(out, 0, sizeof(out));
	cr_assert_eq(slip_record_push(&b->p, in, len), 0,
		     "%u bytes at %llu: an empty ring takes it", len,
		     (unsigned long long)offset);
	cr_assert_eq(slip_record_pop(&b->c, out, len, &got), 0, "%u at %llu",
		     len, (unsigned long long)offset);
	cr_assert(got == len && memcmp(in, out, len) == 0 && out[len] == 0,
		  "%u at %llu", len, (unsigned long long)offset);
}

Test(record, an_empty_ring_takes_every_length_at_every_position)
{
	for (size_t capacity = 64; capacity <= 256; capacity *= 2) {
		uint32_t max = slip_record_max_bytes(capacity);
		struct bench b;

		setup(&b, capacity, 0);
		for (uint64_t at = 0; at < capacity; at += 8)
			for (uint32_t len = 0; len <= max; len++)
				one_at(&b, at, len);
		teardown(&b);
	}
}

Test(record, a_mirrored_record_runs_over_the_end_at_every_position)
{
	struct bench b;

	setup(&b, 4096, SLIP_RECORD_MIRROR);
	for (uint64_t at = 0; at < 4096; at += 8) {
		uint32_t rest = (uint32_t)(4096 - at);

		one_at(&b, at, 2040);
		one_at(&b, at, rest <= 2040 ? rest : 0);
		one_at(&b, at, rest <= 2048 ? rest - 8 : 1);
	}
	teardown(&b);
}

Test(record, a_claim_over_the_seam_of_a_mirror_is_one_piece)
{
	static const unsigned char zero[2040];
	unsigned char out[2040];
	unsigned char *place;
	uint32_t len;
	struct bench b;

	setup(&b, 4096, SLIP_RECORD_MIRROR);
	cr_assert_eq(slip_record_push(&b.p, zero, 2032), 0, "to 2040");
	cr_assert_eq(slip_record_push(&b.p, zero, 2032), 0, "to 4080");
	cr_assert_eq(slip_record_pop(&b.c, out, 2040, &len), 0, "out");
	cr_assert_eq(slip_record_pop(&b.c, out, 2040, &len), 0, "out");
	place = slip_record_claim(&b.p, 2000);
	cr_assert(place == b.p.shape.data + 4088, "behind a header at 4080");
	fill(place, 2000, 3);
	slip_record_commit(&b.p, 2000);
	cr_assert(slip_record_peek(&b.c, &len) == b.c.shape.data + 4088, "too");
	cr_assert_eq(slip_record_pop(&b.c, out, 2040, &len), 0, "out");
	cr_assert(len == 2000 && filled(out, 2000, 3), "whole");
	cr_assert(memcmp(b.p.shape.data, b.p.shape.data + 4096, 4096) == 0,
		  "one memory twice");
	teardown(&b);
}

/*
 * The bug that another ring had: it moved past the padding, found no room
 * before the head either, and overwrote what was there.
 */
Test(record, a_record_that_fits_neither_behind_nor_before_waits)
{
	unsigned char buf[56];
	uint32_t len;
	struct bench b;

	setup(&b, 128, 0);
	for (uint64_t i = 0; i < 2; i++) {
		fill(buf, 40, i);
		cr_assert_eq(slip_record_push(&b.p, buf, 40), 0, "to 96");
	}
	cr_assert_eq(slip_record_pop(&b.c, buf, 56, &len), 0, "0 to 48 free");
	/* 32 bytes behind, 48 before, of which 8 are for the 0. */
	fill(buf, 40, 2);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_record_push(&b.p, buf, 41), -EAGAIN, "no");
		cr_assert(slip_record_claim(&b.p, 33) == NULL, "no");
	}
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 48, "nothing moved");
	cr_assert_eq(slip_record_push(&b.p, buf, 32), 0, "just fits");
	cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EAGAIN, "full");
	cr_assert_eq(slip_record_pop(&b.c, buf, 56, &len), 0, "the second");
	cr_assert(len == 40 && filled(buf, 40, 1), "is whole");
	cr_assert_eq(slip_record_pop(&b.c, buf, 56, &len), 0, "the third");
	cr_assert(len == 32, "is whole");
	cr_assert_eq(slip_record_pop(&b.c, buf, 56, &len), -EAGAIN, "no more");
	teardown(&b);
}

/* What the ring should do, by plain arithmetic. */
struct model {
	uint64_t capacity;
	bool mirrored;
	uint64_t offset; /* of the tail */
	uint64_t used;
	uint64_t in;
	uint64_t out;
	struct {
		uint32_t len;
		uint64_t cost;
	} queue[4096];
};

/* True if a record of `len` bytes must go in now; notes it if so. */
static bool model_push(struct model *m, uint32_t len)
{
	uint64_t need = 8 + (len + UINT64_C(7)) / 8 * 8;
	uint64_t cost = need;

	if (!m->mirrored && m->offset + need > m->capacity)
		cost += m->capacity - m->offset;
	if (m->used + cost + 8 > m->capacity || need > m->capacity / 2)
		return false;
	m->queue[m->in % 4096].len = len;
	m->queue[m->in % 4096].cost = cost;
	m->in++;
	m->used += cost;
	m->offset = (m->offset + cost) % m->capacity;
	return true;
}

static uint32_t model_pop(struct model *m)
{
	m->used -= m->queue[m->out % 4096].cost;
	return m->queue[m->out++ % 4096].len;
}

struct walk {
	struct bench b;
	struct model m;
	unsigned char *buf;
	uint64_t seed;
};

#define SEED(w) ((unsigned long long)(w)->seed)

static void walk_push_n(struct walk *w, uint64_t r, uint32_t longest)
{
	struct slip_record_span spans[5];
	uint32_t n = (uint32_t)(r % 6);
	uint32_t may = 0;
	size_t used = 0;

	for (uint32_t i = 0; i < n; i++) {
		spans[i].len = (uint32_t)(r >> (8 + 8 * i)) % (longest + 1);
		spans[i].data = w->buf + used;
		fill(w->buf + used, spans[i].len, w->m.in - may + i);
		used += spans[i].len;
		if (may == i && model_push(&w->m, spans[i].len))
			may++;
	}
	cr_assert_eq(slip_record_push_n(&w->b.p, spans, n), may, "seed %llu",
		     SEED(w));
}

static void walk_push(struct walk *w, uint64_t r, uint32_t longest)
{
	uint32_t len = (uint32_t)(r >> 8) % (longest + 1);
	uint64_t number = w->m.in;
	bool may;
	void *place;

	if (r % 4 == 0) {
		walk_push_n(w, r >> 8, longest);
		return;
	}
	if (r % 4 == 1 && (place = slip_record_claim(&w->b.p, len)) != NULL) {
		uint32_t less = len - (uint32_t)(r >> 40) % (len + 1);

		/* Shrinking keeps the place that the claim had. */
		memset(place, 0xee, len);
		fill(place, less, number);
		if (r & 16)
			return;
		cr_assert(model_push(&w->m, len), "seed %llu", SEED(w));
		w->m.queue[number % 4096].len = less;
		w->m.queue[number % 4096].cost -=
			(len + 7) / 8 * 8 - (less + 7) / 8 * 8;
		w->m.used -= (len + 7) / 8 * 8 - (less + 7) / 8 * 8;
		w->m.offset += w->m.capacity -
			       ((len + 7) / 8 * 8 - (less + 7) / 8 * 8);
		w->m.offset %= w->m.capacity;
		slip_record_commit(&w->b.p, less);
		return;
	}
	fill(w->buf, len, number);
	may = model_push(&w->m, len);
	cr_assert_eq(slip_record_push(&w->b.p, w->buf, len), may ? 0 : -EAGAIN,
		     "%u bytes, seed %llu", len, SEED(w));
}

static void walk_check(struct walk *w, const void *data, uint32_t len)
{
	uint64_t number = w->m.out;

	cr_assert_lt(number, w->m.in, "out of nothing, seed %llu", SEED(w));
	cr_assert_eq(model_pop(&w->m), len, "length, seed %llu", SEED(w));
	cr_assert(filled(data, len, number), "bytes, seed %llu", SEED(w));
}

static void walk_pop_n(struct walk *w, uint64_t r)
{
	struct slip_record_span spans[6];
	size_t room = r / 8 % 300;
	uint32_t n = slip_record_pop_n(&w->b.c, w->buf, room, spans,
				       (uint32_t)(r % 7));
	size_t used = 0;

	for (uint32_t i = 0; i < n; i++) {
		cr_assert(spans[i].data == w->buf + used || !spans[i].len,
			  "packed, seed %llu", SEED(w));
		walk_check(w, spans[i].data, spans[i].len);
		used += (spans[i].len + 7u) / 8 * 8;
	}
	if (n < r % 7 && w->m.in != w->m.out)
		cr_assert(used > room ||
				  room - used < w->m.queue[w->m.out % 4096].len,
			  "stopped early, seed %llu", SEED(w));
}

static void walk_pop(struct walk *w, uint64_t r, uint32_t longest)
{
	uint32_t len = 0;
	const void *place;
	int rc;

	if (r % 4 == 0) {
		walk_pop_n(w, r >> 8);
		return;
	}
	if (r % 4 == 1) {
		place = slip_record_peek(&w->b.c, &len);
		cr_assert_eq(place == NULL, w->m.in == w->m.out, "seed %llu",
			     SEED(w));
		if (!place || (r & 16))
			return;
		walk_check(w, place, len);
		slip_record_release(&w->b.c);
		return;
	}
	rc = slip_record_pop(&w->b.c, w->buf, longest, &len);
	cr_assert_eq(rc, w->m.in == w->m.out ? -EAGAIN : 0, "seed %llu",
		     SEED(w));
	if (!rc)
		walk_check(w, w->buf, len);
}

static void random_walk(size_t capacity, unsigned flags, uint64_t seed,
			uint32_t longest)
{
	static struct walk w;
	uint64_t state = seed;

	memset(&w.m, 0, sizeof(w.m));
	w.seed = seed;
	w.buf = malloc(5 * (size_t)longest + 300);
	w.m.capacity = capacity;
	w.m.mirrored = flags != 0;
	setup(&w.b, capacity, flags);
	for (int step = 0; step < 20000; step++) {
		uint64_t r = next_random(&state);

		/* Runs of one side, so that it is full and empty often. */
		if ((r >> 58) + (state >> 20 & 1) * 20 < 40)
			walk_push(&w, r, longest);
		else
			walk_pop(&w, r, longest);
		cr_assert_eq(slip_record_used_bytes_guess(&w.b.p), w.m.used,
			     "seed %llu", SEED(&w));
	}
	teardown(&w.b);
	free(w.buf);
}

Test(record, agrees_with_plain_arithmetic_under_random_schedules)
{
	uint64_t seed = (uint64_t)time(NULL) | 1;

	for (size_t capacity = 64; capacity <= 4096; capacity *= 2) {
		uint32_t max = slip_record_max_bytes(capacity);

		random_walk(capacity, 0, seed + capacity, max);
		random_walk(capacity, 0, seed ^ capacity << 32, 20);
	}
	random_walk(4096, SLIP_RECORD_MIRROR, seed, 2040);
	random_walk(4096, SLIP_RECORD_MIRROR, seed << 1 | 1, 100);
	random_walk(8192, SLIP_RECORD_MIRROR, seed << 2 | 1, 4088);
}

Test(record, full_leaves_a_word_for_the_end)
{
	struct bench b;
	uint32_t len;

	setup(&b, 64, 0);
	for (int lap = 0; lap < 20; lap++) {
		for (int i = 0; i < 7; i++)
			cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0,
				     "%d of 7", i);
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EAGAIN, "full");
		cr_assert(slip_record_claim(&b.p, 0) == NULL, "full");
		slip_record_commit(&b.p, 0);
		cr_assert_eq(slip_record_used_bytes_guess(&b.p), 56, "bytes");
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0, "one");
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "one");
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EAGAIN, "full");
		for (int i = 0; i < 7; i++)
			cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0,
				     "%d of 7", i);
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), -EAGAIN,
			     "empty");
		/* On by one word, so that each lap is full elsewhere. */
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "shift");
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0, "shift");
	}
	teardown(&b);
}

Test(record, claim_shows_nothing_until_commit)
{
	char buf[24];
	struct bench b;
	uint32_t len;
	char *place;

	setup(&b, 64, 0);
	place = slip_record_claim(&b.p, 5);
	cr_assert(place != NULL && (uintptr_t)place % 8 == 0, "room");
	memcpy(place, "hello", 5);
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "not committed");
	cr_assert(slip_record_claim(&b.p, 24) == place, "the same place");
	slip_record_commit(&b.p, 25);
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "more than claimed");
	slip_record_commit(&b.p, 5);
	cr_assert_eq(slip_record_pop(&b.c, buf, 24, &len), 0, "committed");
	cr_assert(len == 5 && memcmp(buf, "hello", 5) == 0, "in place");
	slip_record_commit(&b.p, 5);
	cr_assert_eq(slip_record_pop(&b.c, buf, 24, &len), -EAGAIN, "once");
	teardown(&b);
}

Test(record, commit_gives_back_what_was_claimed_too_much)
{
	struct bench b;
	uint32_t len;

	setup(&b, 64, 0);
	for (int i = 0; i < 50; i++) {
		void *place = slip_record_claim(&b.p, 24);
		uint64_t skip = b.p.skip;

		cr_assert(place != NULL, "%d", i);
		memset(place, 0xff, 24);
		slip_record_commit(&b.p, 3);
		cr_assert_eq(slip_record_used_bytes_guess(&b.p), skip + 16,
			     "3 bytes and their header");
		cr_assert(slip_record_peek(&b.c, &len) == place, "in place");
		cr_assert_eq(len, 3, "length");
		slip_record_release(&b.c);
		cr_assert(slip_record_peek(&b.c, &len) == NULL,
			  "the bytes behind are no record");
	}
	teardown(&b);
}

Test(record, a_push_ends_a_claim)
{
	struct bench b;
	uint32_t len;
	char x = 1;

	setup(&b, 64, 0);
	for (int i = 0; i < 50; i++) {
		cr_assert(slip_record_claim(&b.p, 24) != NULL, "claim");
		cr_assert_eq(slip_record_push(&b.p, &x, 1), 0, "push");
		slip_record_commit(&b.p, 24);
		cr_assert_eq(slip_record_pop(&b.c, &x, 1, &len), 0, "pop");
		cr_assert(slip_record_peek(&b.c, &len) == NULL, "one record");
		cr_assert(slip_record_claim(&b.p, 1) != NULL, "claim");
		cr_assert(slip_record_claim(&b.p, 25) == NULL, "too long");
		slip_record_commit(&b.p, 1);
		cr_assert(slip_record_peek(&b.c, &len) == NULL, "void");
	}
	teardown(&b);
}

Test(record, peek_sees_the_same_record_until_release)
{
	struct bench b;
	const char *seen;
	uint32_t len = 0;
	char buf[8];

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "first", 5), 0, "push");
	cr_assert_eq(slip_record_push(&b.p, "second", 6), 0, "push");
	seen = slip_record_peek(&b.c, &len);
	cr_assert(seen && len == 5 && memcmp(seen, "first", 5) == 0, "first");
	cr_assert(slip_record_peek(&b.c, &len) == seen && len == 5, "again");
	cr_assert_eq(slip_record_wait_data_until(&b.c, 0), 0, "is data");
	cr_assert_eq(slip_record_pop(&b.c, buf, 8, &len), 0, "pop");
	cr_assert(len == 5 && memcmp(buf, "first", 5) == 0, "takes it");
	seen = slip_record_peek(&b.c, &len);
	cr_assert(seen && len == 6 && memcmp(seen, "second", 6) == 0, "next");
	slip_record_release(&b.c);
	slip_record_release(&b.c);
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "released once");
	teardown(&b);
}

Test(record, a_buffer_too_small_consumes_nothing)
{
	struct slip_record_span span;
	struct bench b;
	uint32_t len = 0;
	char buf[8] = "";

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "record", 6), 0, "push");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(slip_record_pop(&b.c, buf, 5, &len), -EMSGSIZE,
			     "5 for 6");
		cr_assert_eq(len, 6, "says how much");
		len = 0;
		cr_assert_eq(
			slip_record_pop_until(&b.c, buf, 0, &len, SLIP_FOREVER),
			-EMSGSIZE, "0 for 6");
		cr_assert_eq(len, 6, "says how much");
		cr_assert_eq(slip_record_pop_n(&b.c, buf, 5, &span, 1), 0,
			     "5 for 6");
	}
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 16, "still there");
	cr_assert_eq(slip_record_pop(&b.c, buf, 6, &len), 0, "6 for 6");
	cr_assert_str_eq(buf, "record", "whole");
	teardown(&b);
}

Test(record, push_n_takes_what_fits_and_stops_at_the_first_that_does_not)
{
	static const char text[60] = "abcdefghijklmnopqrstuvwxyz";
	struct slip_record_span in[4] = {
		{ text, 3 }, { text + 3, 0 }, { text + 3, 24 }, { text, 1 }
	};
	struct slip_record_span out[4];
	char buf[64];
	struct bench b;

	setup(&b, 64, 0);
	/* 16 + 8 + 32 + 8 for the 0 is all; the fourth is one too many. */
	cr_assert_eq(slip_record_push_n(&b.p, in, 4), 3, "3 of 4");
	cr_assert_eq(slip_record_push_n(&b.p, in, 4), 0, "full");
	cr_assert_eq(slip_record_pop_n(&b.c, buf, 31, out, 4), 2, "31 bytes");
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 32, "given back");
	cr_assert_eq(slip_record_pop_n(&b.c, buf, 24, out + 2, 2), 1, "third");
	cr_assert(out[0].len == 3 && out[1].len == 0 && out[2].len == 24, "n");
	cr_assert(memcmp(out[2].data, text + 3, 24) == 0, "bytes");
	in[1].len = 25;
	cr_assert_eq(slip_record_push_n(&b.p, in, 4), 1, "too long, ever");
	cr_assert_eq(slip_record_pop_n(&b.c, buf, 64, out, 0), 0, "0 of 1");
	teardown(&b);
}

/* Records lie at multiples of 8 in the buffer, which need not end at one. */
Test(record, pop_n_never_writes_behind_the_buffer)
{
	struct slip_record_span out[2];
	struct bench b;

	for (size_t room = 0; room <= 12; room++) {
		char buf[16];

		memset(buf, '.', 16);
		setup(&b, 64, 0);
		cr_assert_eq(slip_record_push(&b.p, "12345", 5), 0, "5");
		cr_assert_eq(slip_record_push(&b.p, "678", 3), 0, "3");
		cr_assert_eq((size_t)slip_record_pop_n(&b.c, buf, room, out, 2),
			     (size_t)(room >= 5) + (size_t)(room >= 11),
			     "%zu bytes", room);
		for (size_t i = room; i < 16; i++)
			cr_assert_eq(buf[i], '.', "%zu of %zu", i, room);
		teardown(&b);
	}
}

/* A batch across the seam, whose first, middle or last record is padded. */
Test(record, push_n_is_seen_all_at_once_at_every_position)
{
	static const char text[24] = "abcdefghijklmnopqrstuvwx";
	struct slip_record_span in[3] = { { text, 20 },
					  { text, 9 },
					  { text, 17 } };
	struct slip_record_span out[3];
	char buf[128];
	struct bench b;
	uint32_t len;

	setup(&b, 256, 0);
	for (uint64_t at = 0; at < 256; at += 8) {
		slip_a64 *first;
		uint64_t header;

		while (b.p.tail % 256 != at) {
			cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "s");
			cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0,
				     "s");
		}
		first = slip_record_word_(&b.p.shape, b.p.tail);
		cr_assert_eq(slip_record_push_n(&b.p, in, 3), 3, "room");
		/* As it was one store earlier: nothing of it can be seen. */
		header = slip_a64_load_relaxed(first);
		slip_a64_store_relaxed(first, 0);
		cr_assert_eq(slip_record_pop_n(&b.c, buf, 128, out, 3), 0,
			     "none");
		slip_record_detach_producer(&b.p);
		cr_assert_eq(
			slip_record_attach_producer(&b.p, b.mem, b.bytes, NULL),
			0, "successor");
		cr_assert_eq(slip_record_used_bytes_guess(&b.p), 0, "none");
		cr_assert_eq(slip_record_push(&b.p, "x", 1), 0, "goes on");
		cr_assert_eq(slip_record_pop(&b.c, buf, 128, &len), 0, "x");
		cr_assert_eq(slip_record_pop(&b.c, buf, 128, &len), -EAGAIN,
			     "nothing of the dead batch");
		cr_assert(header != 0, "all of it");
		cr_assert_eq(slip_record_push_n(&b.p, in, 3), 3, "room");
		cr_assert_eq(slip_record_pop_n(&b.c, buf, 128, out, 3), 3,
			     "all");
		for (int i = 0; i < 3; i++)
			cr_assert(
				out[i].len == in[i].len &&
					!memcmp(out[i].data, text, out[i].len),
				"record %d", i);
	}
	teardown(&b);
}

Test(record, deadline_in_the_past_does_not_wait)
{
	struct bench b;
	uint32_t len;
	char buf[24];

	setup(&b, 64, 0);
	errno = 77;
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 24, &len, 0), -ETIMEDOUT,
		     "empty");
	cr_assert_eq(slip_record_wait_data_until(&b.c, 0), -ETIMEDOUT, "empty");
	cr_assert_eq(slip_record_wait_room_until(&b.p, 24, 0), 0, "room");
	cr_assert_eq(slip_record_push_until(&b.p, "123456789", 9, 0), 0, "1");
	cr_assert_eq(slip_record_push_until(&b.p, "123456789", 9, 0), 0, "2");
	cr_assert_eq(slip_record_wait_room_until(&b.p, 1, 0), -ETIMEDOUT, "1");
	cr_assert_eq(slip_record_wait_room_until(&b.p, 0, 0), 0, "but for 0");
	cr_assert_eq(slip_record_push_until(&b.p, "1", 1, 0), -ETIMEDOUT, "3");
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 24, &len, 0), 0, "data");
	cr_assert_eq(errno, 77, "errno is the user's");
	teardown(&b);
}

Test(record, deadline_is_kept)
{
	struct bench b;
	uint64_t until;

	setup(&b, 64, 0);
	until = slip_after_ns(30000000);
	cr_assert_eq(slip_record_wait_data_until(&b.c, until), -ETIMEDOUT,
		     "empty");
	cr_assert(slip_now_ns() >= until, "not before its time");
	teardown(&b);
}

Test(record, close_is_end_of_file_after_what_is_left)
{
	struct slip_record_span span = { "x", 1 };
	struct bench b;
	uint32_t len;
	char buf[8];

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "left", 4), 0, "room");
	cr_assert(slip_record_claim(&b.p, 4) != NULL, "a claim");
	slip_record_close(&b.p);
	slip_record_commit(&b.p, 4);
	cr_assert_eq(slip_record_push(&b.p, "x", 1), -EPIPE, "closed");
	cr_assert_eq(slip_record_push_n(&b.p, &span, 1), 0, "closed");
	cr_assert(slip_record_claim(&b.p, 1) == NULL, "closed");
	cr_assert_eq(slip_record_push_until(&b.p, "x", 1, SLIP_FOREVER), -EPIPE,
		     "closed");
	cr_assert_eq(slip_record_wait_room_until(&b.p, 1, SLIP_FOREVER), -EPIPE,
		     "closed");
	cr_assert_eq(slip_record_producer_state(&b.c), SLIP_ROLE_CLOSED, "s");
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 8, &len, SLIP_FOREVER), 0,
		     "left");
	cr_assert_eq(len, 4, "left");
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 8, &len, SLIP_FOREVER),
		     -EPIPE, "then the end");
	slip_record_close(&b.p);
	teardown(&b);
}

Test(record, push_until_fails_once_the_consumer_has_left)
{
	struct bench b;
	uint32_t len;
	char buf[8];

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push_until(&b.p, "x", 1, SLIP_FOREVER), 0, "");
	cr_assert(slip_record_peek(&b.c, &len) != NULL, "peeked");
	slip_record_detach_consumer(&b.c);
	cr_assert_eq(slip_record_push_until(&b.p, "x", 1, SLIP_FOREVER), -EPIPE,
		     "although there is room");
	cr_assert_eq(slip_record_consumer_state(&b.p), SLIP_ROLE_CLOSED, "s");
	cr_assert_eq(slip_record_pop(&b.c, buf, 8, &len), -EPIPE, "it left");
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "it left");
	slip_record_release(&b.c);
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 16, "not released");
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 8, &len, SLIP_FOREVER),
		     -EPIPE, "nor waits");
	cr_assert_eq(slip_record_wait_data_until(&b.c, SLIP_FOREVER), -EPIPE,
		     "nor waits");
	slip_record_detach_consumer(&b.c);
	teardown(&b);
}

Test(record, a_handle_that_left_moves_nothing)
{
	struct slip_record_consumer c;
	struct bench b;
	uint32_t len;
	char x;

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "x", 1), 0, "push");
	cr_assert(slip_record_peek(&b.c, &len) != NULL, "peeked");
	slip_record_detach_consumer(&b.c);
	cr_assert_eq(slip_record_attach_consumer(&c, b.mem, b.bytes, NULL), 0,
		     "successor");
	cr_assert_eq(slip_record_pop(&c, &x, 1, &len), 0, "not released");
	slip_record_release(&b.c);
	cr_assert_eq(slip_record_used_bytes_guess(&b.p), 0, "still consumed");
	slip_record_detach_consumer(&c);
	teardown(&b);
}

Test(record, a_ring_waits_for_its_first_peer)
{
	struct slip_record_producer p;
	struct slip_record_consumer c;
	void *mem = fresh_memory(64, 448);

	cr_assert_eq(slip_record_init(mem, 448, 64, 0), 0, "init");
	cr_assert_eq(slip_record_attach_consumer(&c, mem, 448, NULL), 0, "c");
	cr_assert_eq(slip_record_producer_state(&c), SLIP_ROLE_VACANT, "state");
	cr_assert_eq(slip_record_wait_data_until(&c, slip_after_ns(1000000)),
		     -ETIMEDOUT, "vacant is not gone");
	cr_assert_eq(
		slip_record_wait_producer_until(&c, slip_after_ns(1000000)),
		-ETIMEDOUT, "nor held");
	cr_assert_eq(slip_record_attach_producer(&p, mem, 448, NULL), 0, "p");
	cr_assert_eq(slip_record_wait_producer_until(&c, SLIP_FOREVER), 0, "c");
	cr_assert_eq(slip_record_wait_consumer_until(&p, SLIP_FOREVER), 0, "p");
	slip_record_detach_producer(&p);
	slip_record_detach_consumer(&c);
	free(mem);
}

static void succeed(size_t capacity, unsigned flags)
{
	unsigned char buf[64];
	uint64_t in = 0;
	uint64_t out = 0;
	uint32_t len;
	struct bench b;

	setup(&b, capacity, flags);
	for (uint64_t i = 0; i < 300; i++) {
		uint64_t used;

		for (uint64_t n = 0; n < i % 9; n++) {
			fill(buf, in % 24, in);
			in += !slip_record_push(&b.p, buf, (uint32_t)(in % 24));
		}
		used = slip_record_used_bytes_guess(&b.p);
		slip_record_detach_producer(&b.p);
		attach_producer(&b);
		cr_assert_eq(slip_record_used_bytes_guess(&b.p), used, "found");
		for (uint64_t n = 0; n < i % 7; n++)
			if (!slip_record_pop(&b.c, buf, 64, &len)) {
				cr_assert_eq(len, out % 24, "length");
				cr_assert(filled(buf, len, out++), "order");
			}
		if (i % 3 == 0)
			(void)!slip_record_peek(&b.c, &len);
		slip_record_detach_consumer(&b.c);
		attach_consumer(&b);
	}
	while (!slip_record_pop(&b.c, buf, 64, &len))
		cr_assert(filled(buf, len, out++), "order");
	cr_assert_eq(in, out, "nothing lost");
	teardown(&b);
}

Test(record, successors_go_on_where_the_last_ones_left)
{
	succeed(64, 0);
	succeed(256, 0);
	succeed(4096, SLIP_RECORD_MIRROR);
}

/*
 * Make a fresh ring look as if `pos` bytes had passed: `head` says so, and the
 * word at the tail is 0. Both sides attach anew to see it.
 */
static void age(struct bench *b, uint64_t pos)
{
	slip_record_detach_producer(&b->p);
	slip_record_detach_consumer(&b->c);
	slip_a64_store_relaxed(&b->p.ring->ends.head, pos);
	memset((char *)b->mem + b->bytes - b->capacity + pos % b->capacity, 0,
	       8);
	attach_producer(b);
	attach_consumer(b);
}

static void run_past(uint64_t pos, size_t capacity, unsigned flags)
{
	unsigned char buf[24];
	uint64_t in = 0;
	uint64_t out = 0;
	uint32_t len;
	struct bench b;

	setup(&b, capacity, flags);
	age(&b, pos);
	while (out < 1000) {
		for (fill(buf, in % 24, in);
		     !slip_record_push(&b.p, buf, (uint32_t)(in % 24));
		     fill(buf, in % 24, in))
			in++;
		for (uint64_t n = out % 5; n < 5 && out < in; n++, out++) {
			cr_assert_eq(slip_record_pop(&b.c, buf, 24, &len), 0,
				     "%llu", (unsigned long long)out);
			cr_assert_eq(len, out % 24, "length");
			cr_assert(filled(buf, len, out), "bytes");
		}
		if (out % 7 == 0) {
			slip_record_detach_producer(&b.p);
			attach_producer(&b);
		}
	}
	teardown(&b);
}

Test(record, runs_past_the_powers_of_two_where_counters_wrap)
{
	static const uint64_t at[] = { UINT32_MAX - 39u,
				       (UINT64_C(1) << 63) - 8, (uint64_t)0 - 8,
				       (uint64_t)0 - 56, (uint64_t)0 - 600 };

	for (size_t i = 0; i < 5; i++) {
		run_past(at[i], 64, 0);
		run_past(at[i], 256, 0);
		run_past(at[i], 4096, SLIP_RECORD_MIRROR);
	}
}

Test(record, handles_never_share_a_line)
{
	cr_assert_eq(sizeof(struct slip_record_producer) % SLIP_LINE_BYTES, 0,
		     "producer");
	cr_assert_eq(sizeof(struct slip_record_consumer) % SLIP_LINE_BYTES, 0,
		     "consumer");
}
