/* SPDX-License-Identifier: MIT */
/*
 * futex/region.h and futex/peer.h on bytes that somebody spoilt: an error, or
 * memory inside the region, but never a fault or a loop without end.
 *
 * SLIP_SEED=n repeats a run; the seed is printed.
 */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/peer.h"
#include "futex/region_memory.h"
#include "futex/test/scratch.h"

#define ROUNDS	4000
#define OBJECTS 5

static uint64_t seed;

/* splitmix64 */
static uint64_t next(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void sow(void)
{
	const char *wish = getenv("SLIP_SEED");

	seed = wish ? strtoull(wish, NULL, 0) : slip_now_ns();
	printf("SLIP_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
}

/* Numbers on which comparisons and sums go wrong. */
static uint64_t nasty(void)
{
	static const uint64_t edges[] = {
		0,	 1,	    63,		64,
		127,	 128,	    255,	256,
		4095,	 4096,	    4097,	8192,
		1 << 20, INT32_MAX, UINT32_MAX, (uint64_t)1 << 46
	};
	uint64_t v = edges[next() % (sizeof(edges) / sizeof(edges[0]))];

	switch (next() % 4) {
	case 0:
		return v - 1;
	case 1:
		return 0 - v;
	case 2:
		return next();
	default:
		return v;
	}
}

/* Spoils up to four places in the header, the directory or the records. */
static void spoil(char *bytes)
{
	static const uint32_t parts[][2] = { { 0, 256 },
					     { 4096, OBJECTS * 64 },
					     { 8192, 4 * 128 } };
	unsigned n = 1 + (unsigned)(next() % 4);

	while (n--) {
		const uint32_t *part = parts[next() % 3];
		size_t width = (size_t)1 << (next() % 4);
		size_t at = part[0] + next() % part[1] / width * width;
		uint64_t v = nasty();

		memcpy(bytes + at, &v, width);
	}
}

/* Everything that a reader does, and the first and last byte of each object. */
static unsigned explore(const struct slip_region *rg)
{
	struct slip_region_object o;
	struct slip_region_header h;
	struct slip_peer_info info;
	unsigned seen = 0;
	size_t bytes = 0;
	volatile unsigned char *mem;

	for (uint32_t i = 0; slip_region_item(rg, i, &o) != -ENOENT; i++) {
		if (slip_region_item(rg, i, &o))
			continue;
		mem = o.mem;
		seen += 1u + (mem[0] & 0u) + (mem[o.bytes - 1] & 0u);
	}
	mem = slip_region_find(rg, "object 3", 0, &bytes);
	if (mem)
		seen += 1u + (mem[bytes - 1] & 0u);
	if (slip_region_describe(rg, &h))
		return 0;
	for (uint32_t id = 1; id <= rg->peers_max && id <= 8; id++)
		if (slip_peer_describe(rg, id, &info))
			return 0;
	return seen;
}

static int forget(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		  uint32_t gen)
{
	volatile char *last = mem;

	(void)self;
	(void)id;
	(void)gen;
	return last[bytes - 1] & 0;
}

/* A writer's part; returns whether it could join. */
static unsigned take_part(struct slip_region *rg)
{
	struct slip_peer self;
	unsigned joined;

	slip_peer_prepare(&self, rg);
	if (slip_peer_hook(&self, 7, forget))
		return 0;
	joined = slip_peer_enter(&self) == 0;
	if (slip_peer_recover(&self) < -4095)
		return 0;
	slip_peer_leave(&self);
	return joined;
}

static size_t make(char *copy, size_t room)
{
	struct slip_region rg;
	char name[24];
	size_t bytes;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 30000,
					   SLIP_REGION_PEERS(60u)),
		     0);
	for (int i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof(name), "object %d", i);
		cr_assert_not_null(slip_region_add(&rg, name, 7,
						   10u + 1111u * (unsigned)i));
	}
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	bytes = rg.bytes;
	cr_assert_leq(bytes, room);
	memcpy(copy, rg.mem, bytes);
	slip_region_close(&rg);
	return bytes;
}

static char good[1 << 17] __attribute__((aligned(4096)));
static char bad[1 << 17] __attribute__((aligned(4096)));

Test(region_hostile, a_spoilt_file_is_refused_or_harmless)
{
	size_t bytes = make(good, sizeof(good));
	int fd = open(scratch_path("r"), O_RDWR | O_CLOEXEC);
	unsigned opened = 0, refused = 0, joined = 0;
	struct slip_region rg;

	sow();
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(bad, good, bytes);
		spoil(bad);
		cr_assert_eq(pwrite(fd, bad, bytes, 0), (ssize_t)bytes);
		if (slip_region_open(&rg, scratch_path("r"), 0)) {
			refused++;
			continue;
		}
		opened++;
		cr_assert_leq(explore(&rg), 2u * SLIP_REGION_OBJECTS_MAX);
		joined += i % 4 == 0 ? take_part(&rg) : 0;
		slip_region_close(&rg);
	}
	close(fd);
	cr_assert_gt(opened, 100u);
	cr_assert_gt(refused, 100u);
	cr_assert_gt(joined, 10u);
}

Test(region_hostile, spoilt_memory_is_refused_or_harmless)
{
	size_t bytes = make(good, sizeof(good));
	unsigned opened = 0;
	struct slip_region rg;

	sow();
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(bad, good, bytes);
		spoil(bad);
		if (slip_region_attach(&rg, bad, bytes, -1, 0))
			continue;
		opened++;
		cr_assert_leq(explore(&rg), 2u * SLIP_REGION_OBJECTS_MAX);
		(void)take_part(&rg);
		slip_region_close(&rg);
	}
	cr_assert_gt(opened, 100u);
}

Test(region_hostile, bytes_that_change_after_opening_are_harmless)
{
	size_t bytes = make(good, sizeof(good));
	struct slip_region a, b;

	sow();
	cr_assert_eq(slip_region_open(&a, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_region_open(&b, scratch_path("r"), 0), 0);
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 16 == 0)
			memcpy(b.mem, good, bytes);
		spoil(b.mem);
		cr_assert_leq(explore(&a), 2u * SLIP_REGION_OBJECTS_MAX);
		if (i % 8 == 0)
			(void)take_part(&a);
	}
	slip_region_close(&a);
	slip_region_close(&b);
}

Test(region_hostile, a_spoilt_entry_is_told_and_not_found)
{
	size_t bytes = make(good, sizeof(good));
	struct slip_region_entry *e;
	struct slip_region_object o;
	struct slip_region rg;
	const struct {
		uint64_t offset, bytes;
		int result;
	} cases[] = {
		{ bytes - 128, 128, 0 },
		{ bytes - 128, 129, -EBADMSG },
		{ bytes - 128, UINT64_MAX, -EBADMSG },
		{ bytes - 128, 0, -EBADMSG },
		{ bytes, 1, -EBADMSG },
		{ bytes + 128, 1, -EBADMSG },
		{ UINT64_MAX - 127, 128, -EBADMSG },
		{ bytes - 64, 1, -EBADMSG },
		{ 0, 1, -EBADMSG },
		{ 8192, 1, -EBADMSG },
		{ 16384, bytes - 16384, 0 },
		{ 16384 - 128, 1, -EBADMSG },
	};

	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_eq(rg.header_bytes, 16384u);
	e = slip_region_entry_(&rg, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e->offset = cases[i].offset;
		e->bytes = cases[i].bytes;
		cr_assert_eq(slip_region_item(&rg, 3, &o), cases[i].result,
			     "case %zu", i);
		cr_assert_eq(slip_region_find(&rg, "object 3", 7, NULL) == NULL,
			     cases[i].result != 0);
	}
	e->offset = 16384;
	e->bytes = 1;
	memset(e->name, 'n', sizeof(e->name));
	cr_assert_eq(slip_region_item(&rg, 3, &o), -EBADMSG);
	e->name[39] = '\0';
	cr_assert_eq(slip_region_item(&rg, 3, &o), 0);
	e->name[0] = '\0';
	cr_assert_eq(slip_region_item(&rg, 3, &o), -EBADMSG);
	slip_region_close(&rg);
}

Test(region_hostile, nothing_but_noise)
{
	struct slip_region rg;

	sow();
	for (int i = 0; i < ROUNDS; i++) {
		for (size_t k = 0; k < 4096; k += 8) {
			uint64_t v = next();

			memcpy(bad + k, &v, 8);
		}
		if (i % 2) {
			uint64_t magic = SLIP_REGION_MAGIC_;
			uint32_t rest[2] = { SLIP_REGION_BYTE_ORDER_, 1 };

			memcpy(bad, &magic, 8);
			memcpy(bad + 8, rest, 8);
		}
		cr_assert_neq(slip_region_attach(&rg, bad, sizeof(bad), -1, 0),
			      0);
	}
}
