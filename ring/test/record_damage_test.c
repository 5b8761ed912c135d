/* SPDX-License-Identifier: MIT */
/* ring/record.h on damaged and hostile memory, and seen by slip_record_inspect:
 * it is refused or poisons a handle, and leads neither outside nor astray. */
#define _GNU_SOURCE
#include "../record.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../../atomics/test/check.h"
#include "record_bench.h"

/* A consumer at position 40 of 128 that finds `first` there, `second` at 0. */
static void poisons(unsigned flags, uint64_t first, uint64_t second)
{
	size_t capacity = flags ? 4096 : 128;
	struct slip_record_span span;
	char buf[64];
	struct bench b;
	uint32_t len;

	setup(&b, capacity, flags);
	for (uint64_t n = 0; n < capacity - 40; n += 8) {
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "step");
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0, "step");
	}
	slip_a64_store_relaxed(slip_record_word_(&b.c.shape, b.c.at), first);
	slip_a64_store_relaxed(slip_record_word_(&b.c.shape, 0), second);
	cr_assert(slip_record_peek(&b.c, &len) == NULL, "%llx %llx",
		  (unsigned long long)first, (unsigned long long)second);
	cr_assert_eq(slip_record_pop(&b.c, buf, 64, &len), -EBADMSG, "pop");
	cr_assert_eq(slip_record_pop_n(&b.c, buf, 64, &span, 1), 0, "pop_n");
	cr_assert_eq(slip_record_pop_until(&b.c, buf, 64, &len, SLIP_FOREVER),
		     -EBADMSG, "pop_until");
	cr_assert_eq(slip_record_wait_data_until(&b.c, SLIP_FOREVER), -EBADMSG,
		     "wait");
	slip_record_detach_producer(&b.p);
	cr_assert_eq(
		slip_record_attach_producer(&b.p, b.mem, b.bytes, self_of(&b)),
		-EBADMSG, "successor");
	slip_a64_store_relaxed(slip_record_word_(&b.c.shape, b.c.at), 0);
	cr_assert_eq(slip_record_pop(&b.c, buf, 64, &len), -EBADMSG, "stays");
	teardown(&b);
}

Test(record_damage, headers_that_make_no_sense_poison_the_consumer)
{
	uint64_t commit = SLIP_RECORD_COMMIT;
	uint64_t pad = commit | SLIP_RECORD_PAD;

	poisons(0, 1, 0);		    /* not committed */
	poisons(0, commit >> 1, 0);	    /* PAD alone */
	poisons(0, commit | 1ull << 32, 0); /* reserved */
	poisons(0, commit | 1ull << 61, 0); /* reserved */
	poisons(0, commit | 33, 0);	    /* runs over the end */
	poisons(0, commit | 57, 0);	    /* over the limit */
	poisons(0, commit | UINT32_MAX, 0); /* far over */
	poisons(0, pad | 24, commit);	    /* a PAD too short */
	poisons(0, pad | 33, commit);	    /* too long */
	poisons(0, pad | 31, commit);	    /* not to the byte */
	poisons(0, pad | 1ull << 40 | 32, commit);
	poisons(0, pad | 32, 0);	 /* for nothing */
	poisons(0, pad | 32, pad | 120); /* two in a row */
	poisons(0, pad | 32, pad | 32);
	poisons(0, pad | 32, commit | 57); /* for one over the limit */
	poisons(0, pad | 32, 7);
	poisons(SLIP_RECORD_MIRROR, pad | 32, commit);
	poisons(SLIP_RECORD_MIRROR, commit | 2041, 0);
	poisons(SLIP_RECORD_MIRROR, 8, 0);
}

Test(record_damage, a_pad_longer_than_any_record_needs_poisons_the_consumer)
{
	uint64_t pad = SLIP_RECORD_COMMIT | SLIP_RECORD_PAD;

	for (uint64_t at = 0; at < 64; at += 8) {
		uint64_t rest = 64 - at;
		struct bench b;
		uint32_t len;

		setup(&b, 64, 0);
		for (uint64_t n = 0; n < at; n += 8) {
			cr_assert_eq(slip_record_push(&b.p, NULL, 0), 0, "s");
			cr_assert_eq(slip_record_pop(&b.c, none, 0, &len), 0,
				     "s");
		}
		slip_a64_store_relaxed(slip_record_word_(&b.c.shape, 0),
				       SLIP_RECORD_COMMIT);
		slip_a64_store_relaxed(slip_record_word_(&b.c.shape, at),
				       pad | (rest - 8));
		/* A record takes at most 32 with its header. */
		cr_assert_eq(slip_record_pop(&b.c, none, 0, &len),
			     rest < 32 ? 0 : -EBADMSG, "a PAD of %llu",
			     (unsigned long long)rest);
		teardown(&b);
	}
}

Test(record_damage, a_chain_without_an_end_is_refused)
{
	struct slip_record_span spans[10];
	struct bench b;

	setup(&b, 64, 0);
	for (uint64_t i = 0; i < 64; i += 8)
		slip_a64_store_relaxed(slip_record_word_(&b.c.shape, i),
				       SLIP_RECORD_COMMIT);
	/* More than a ring can hold: 7 records of no bytes, then the 0. */
	cr_assert_eq(slip_record_pop_n(&b.c, none, 0, spans, 10), 7, "7");
	slip_record_detach_producer(&b.p);
	cr_assert_eq(slip_record_attach_producer(&b.p, b.mem, b.bytes, NULL),
		     -EBADMSG, "round and round");
	teardown(&b);
}

Test(record_damage, an_impossible_head_poisons_the_producer)
{
	static const uint64_t heads[] = { 4, 64, UINT64_MAX - 7, 1ull << 63 };

	for (size_t i = 0; i < 4; i++) {
		struct bench b;

		setup(&b, 64, 0);
		while (!slip_record_push(&b.p, NULL, 0))
			;
		slip_a64_store_relaxed(&b.p.ring->ends.head, heads[i]);
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EBADMSG,
			     "head %llu", (unsigned long long)heads[i]);
		cr_assert_eq(
			slip_record_push_until(&b.p, NULL, 0, SLIP_FOREVER),
			-EBADMSG, "push_until");
		cr_assert_eq(slip_record_wait_room_until(&b.p, 0, SLIP_FOREVER),
			     -EBADMSG, "wait");
		slip_a64_store_relaxed(&b.p.ring->ends.head, 56);
		cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EBADMSG,
			     "stays poisoned");
		cr_assert(slip_record_claim(&b.p, 0) == NULL, "stays");
		teardown(&b);
	}
}

/* A poisoned producer takes nothing, even what its old credit would allow. */
Test(record_damage, poison_also_takes_the_credit_that_was_left)
{
	struct bench b;

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "123456789", 9), 0, "24");
	cr_assert_eq(slip_record_push(&b.p, "123456789", 9), 0, "48");
	slip_a64_store_relaxed(&b.p.ring->ends.head, 1);
	cr_assert_eq(slip_record_push(&b.p, "x", 1), -EBADMSG, "looked");
	cr_assert_eq(slip_record_push(&b.p, NULL, 0), -EBADMSG, "16 were free");
	teardown(&b);
}

Test(record_damage, takeover_of_a_damaged_ring_is_refused)
{
	struct bench b;

	setup(&b, 64, 0);
	cr_assert_eq(slip_record_push(&b.p, "x", 1), 0, "1");
	slip_record_detach_producer(&b.p);
	slip_a64_store_relaxed(&b.p.ring->ends.head, 4);
	cr_assert_eq(slip_record_attach_producer(&b.p, b.mem, b.bytes, NULL),
		     -EBADMSG, "head between two words");
	slip_a64_store_relaxed(&b.p.ring->ends.head, 8);
	cr_assert_eq(slip_record_attach_producer(&b.p, b.mem, b.bytes, NULL),
		     -EBADMSG, "head in a body");
	slip_a64_store_relaxed(&b.p.ring->ends.head, 0);
	cr_assert_eq(slip_record_attach_producer(&b.p, b.mem, b.bytes, NULL), 0,
		     "repaired");
	teardown(&b);
}

/* A word that a forger might choose. */
static uint64_t forged(uint64_t r)
{
	uint64_t v = r >> 20 & 127;

	if (r % 8 < 6)
		v |= SLIP_RECORD_COMMIT;
	if (r % 8 < 2)
		v |= SLIP_RECORD_PAD;
	return r % 8 == 7 ? r : v;
}

static void scribble(struct bench *b, uint64_t r, uint64_t value)
{
	uint64_t *w = b->mem;
	size_t data = b->capacity / 8;

	if (r % 16 == 0) /* the header: 384 bytes */
		w[r / 16 % 48] = value;
	else if (r % 16 == 1)
		slip_a64_store_relaxed(&b->p.ring->ends.head, r / 16 % 256);
	else
		w[b->bytes / 8 - data + r / 16 % data] = forged(value);
}

static void hostile_round(struct bench *b, uint64_t *state, uint64_t seed)
{
	struct slip_record_span spans[9];
	unsigned char buf[9 * 64] = { 0 };
	uint32_t len;

	for (int step = 0; step < 300; step++) {
		uint64_t r = next_random(state);
		int rc = 0;

		if (r >> 62 == 0) {
			scribble(b, r, next_random(state));
		} else if (r >> 62 == 1) {
			rc = slip_record_pop(&b->c, buf, r / 8 % 64, &len);
			if (slip_record_peek(&b->c, &len))
				cr_assert_leq(len, b->capacity, "len");
			if (r & 1)
				slip_record_release(&b->c);
			if (r & 2)
				(void)!slip_record_pop_n(&b->c, buf,
							 r / 8 % 576, spans,
							 (uint32_t)(r % 9));
		} else {
			rc = slip_record_push(&b->p, buf, r / 8 % 64);
			spans[0].data = spans[1].data = buf;
			spans[0].len = r / 64 % 64;
			spans[1].len = r / 512 % 64;
			if (r & 1)
				(void)!slip_record_push_n(&b->p, spans, 2);
			if ((r & 2) && slip_record_claim(&b->p, 9))
				slip_record_commit(&b->p,
						   (uint32_t)(r / 8) % 12);
		}
		cr_assert(rc == 0 || rc == -EAGAIN || rc == -EMSGSIZE ||
				  rc == -EBADMSG,
			  "rc %d, seed %llu", rc, (unsigned long long)seed);
	}
}

static void hostile(size_t capacity, unsigned flags, int rounds)
{
	uint64_t seed = (uint64_t)time(NULL) | 1;
	uint64_t state = seed;
	struct slip_record_info info;

	for (int round = 0; round < rounds; round++) {
		struct bench b;

		setup(&b, capacity, flags);
		hostile_round(&b, &state, seed);
		(void)!slip_record_inspect(b.mem, b.bytes, &info);
		slip_record_detach_producer(&b.p);
		slip_record_detach_consumer(&b.c);
		if (!slip_record_attach_producer(&b.p, b.mem, b.bytes,
						 self_of(&b)))
			slip_record_detach_producer(&b.p);
		if (!slip_record_attach_consumer(&b.c, b.mem, b.bytes,
						 self_of(&b)))
			slip_record_detach_consumer(&b.c);
		teardown(&b);
	}
}

Test(record_damage, scribbled_memory_never_leads_outside)
{
	hostile(64, 0, 500);
	hostile(256, 0, 500);
	hostile(4096, SLIP_RECORD_MIRROR, 30);
}

Test(record_damage, inspect_counts_from_outside)
{
	struct slip_record_info info;
	struct bench b;
	uint32_t len;
	char buf[16];

	for (int mirrored = 0; mirrored < 2; mirrored++) {
		unsigned flags = mirrored ? SLIP_RECORD_MIRROR : 0;

		setup(&b, 4096, flags);
		for (int i = 0; i < 150; i++)
			cr_assert_eq(slip_record_push(&b.p, "0123456789", 10),
				     0, "in");
		for (int i = 0; i < 20; i++)
			cr_assert_eq(slip_record_pop(&b.c, buf, 16, &len), 0,
				     "out");
		cr_assert_eq(slip_record_inspect(b.mem, b.bytes, &info), 0, "");
		cr_assert_eq(info.records_guess, 130, "records");
		cr_assert_eq(info.used_bytes_guess, 130 * 24, "used");
		cr_assert_eq(info.popped_bytes, 20 * 24, "popped");
		cr_assert_eq(info.capacity, 4096, "capacity");
		cr_assert_eq(info.max_bytes, 2040, "max_bytes");
		cr_assert_eq(info.bytes, b.bytes, "bytes");
		cr_assert_eq(info.flags, flags, "flags");
		cr_assert_eq(info.producer & 15, SLIP_ROLE_HELD, "producer");
		cr_assert_eq(info.consumer & 15, SLIP_ROLE_HELD, "consumer");
		cr_assert_eq(slip_record_inspect(b.mem, 100, &info), -EOVERFLOW,
			     "short");
		slip_a64_store_relaxed(slip_record_word_(&b.p.shape, 20 * 24),
				       1);
		cr_assert_eq(slip_record_inspect(b.mem, b.bytes, &info),
			     -EBADMSG, "damaged");
		teardown(&b);
	}
}

static unsigned char *overtaken; /* header of a ring at the end of a page */

/* The first look at the data: meanwhile the ring has gone on. */
static void overtake(int sig)
{
	void *at = overtaken;
	struct slip_record_ring *ring = at;

	(void)sig;
	(void)!mprotect(overtaken + 384, 4096, PROT_READ | PROT_WRITE);
	slip_a64_store_relaxed(&ring->ends.head, 8);
	memset(overtaken + 384, 0x55, 8);
}

Test(record_damage, inspect_says_when_it_was_overtaken)
{
	struct slip_record_info info;
	unsigned char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(mem != MAP_FAILED, "mmap");
	overtaken = mem + 4096 - 384;
	cr_assert_eq(slip_record_init(overtaken, 384 + 4096, 4096, 0), 0, "");
	signal(SIGSEGV, overtake);
	cr_assert_eq(mprotect(mem + 4096, 4096, PROT_NONE), 0, "mprotect");
	cr_assert_eq(slip_record_inspect(overtaken, 384 + 4096, &info), -EAGAIN,
		     "overtaken");
	signal(SIGSEGV, SIG_DFL);
	munmap(mem, 8192);
}
