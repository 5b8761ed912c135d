/* SPDX-License-Identifier: MIT */
/*
 * The limits of moving much memory: lines that carry their own sequence number
 * from core to core, and memcpy, alone and of what another core has written.
 */
#include "tools/bench/limits_streams.h"

#include <string.h>

#include "atomics/pause.h"
#include "atomics/word.h"
#include "tools/bench/turns.h"

#define KIB UINT32_C(1024)
#define MIB (1024 * KIB)

/* --- lines ----------------------------------------------------------------- */

/* Whole lines: seven words and the number that publishes them. */
struct line {
	uint64_t word[7];
	slip_a64 seq;
};

/* Before the lines: how many the consumer has done with. It says so four times
 * in a lap, so this line costs next to nothing. */
#define LINES_AT 4096u
/* As far ahead as a line is asked for, if it is. */
#define AHEAD 8u

/* Private to a side, so that its fields can stay in registers. */
struct lane {
	struct bench_team *t;
	slip_a64 *done; /* how many lines the consumer has done with */
	struct line *first;
	uint64_t lines;
};

static struct lane lane_of(struct bench_team *t)
{
	char *mem = (char *)t->mem;
	struct lane lane = { .t = t,
			     .done = (slip_a64 *)t->mem,
			     .first = (struct line *)(void *)(mem + LINES_AT),
			     .lines =
				     t->point->capacity / sizeof(struct line) };

	return lane;
}

SLIP_CORE struct line *line_at(const struct lane *lane, uint64_t i)
{
	return &lane->first[i & (lane->lines - 1)];
}

/* Waits until fewer than a ring of lines is out; false: the time is over. */
SLIP_CORE bool wait_room(const struct lane *lane, uint64_t i, uint64_t *done)
{
	while (i - *done >= lane->lines) {
		*done = slip_a64_load_acquire(lane->done);
		if (bench_over(lane->t))
			return false;
	}
	return true;
}

SLIP_CORE void produce_lines(struct bench_team *t, bool prefetch)
{
	const struct lane lane = lane_of(t);
	uint64_t done = 0;

	bench_ready(t);
	for (uint64_t i = 0; wait_room(&lane, i, &done); i++) {
		struct line *l = line_at(&lane, i);

		if (prefetch && i + AHEAD - done < lane.lines)
			__builtin_prefetch(line_at(&lane, i + AHEAD), 1);
		for (unsigned w = 0; w < 7; w++)
			l->word[w] = i + w;
		slip_a64_store_release(&l->seq, i + 1);
	}
}

static void side_produce(struct bench_team *t, unsigned self)
{
	(void)self;
	produce_lines(t, false);
}

static void side_produce_ahead(struct bench_team *t, unsigned self)
{
	(void)self;
	produce_lines(t, true);
}

SLIP_CORE bool wait_line(const struct lane *lane, const struct line *l,
			 uint64_t i)
{
	while (slip_a64_load_acquire(&l->seq) != i + 1)
		if (bench_over(lane->t))
			return false;
	return true;
}

/* Up to a quarter of a lap. The sum of the words of line i is 7 i + 21. */
static bool take_quarter(const struct lane *lane, uint64_t *from,
			 uint64_t *wrong)
{
	uint64_t end = *from + lane->lines / 4;
	uint64_t bad = 0;

	for (uint64_t i = *from; i < end; i++) {
		const struct line *l = line_at(lane, i);
		uint64_t sum = 0;

		if (!wait_line(lane, l, i))
			return false;
		for (unsigned w = 0; w < 7; w++)
			sum += l->word[w];
		bad |= sum ^ (7 * i + 21);
	}
	*from = end;
	*wrong |= bad;
	slip_a64_store_release(lane->done, end);
	return !bench_over(lane->t);
}

static void side_consume(struct bench_team *t, unsigned self)
{
	const struct lane lane = lane_of(t);
	uint64_t wrong = 0;
	uint64_t i = 0;
	uint64_t first;
	uint64_t from;
	bool more = true;

	bench_ready(t);
	from = bench_now_ns();
	while (more && bench_now_ns() - from < turns_warm_ns(t))
		more = take_quarter(&lane, &i, &wrong);
	first = i;
	from = bench_now_ns();
	while (more)
		more = take_quarter(&lane, &i, &wrong);
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = i - first;
	t->shared->side[self].rc = wrong ? -EBADMSG : 0;
}

/* Millions in a second. */
static double lines_rate(const struct bench_team *t)
{
	return 1e3 * turns_ratio(t->shared->side[1].ops, t->shared->side[1].ns);
}

static int ask_lines_of(const struct bench_point *p, struct bench_answer *a,
			bench_side *producer)
{
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { producer, side_consume },
				.bytes = LINES_AT + p->capacity };

	return turns_run(&t, a, lines_rate, NULL);
}

static int ask_lines(const struct bench_point *p, struct bench_answer *a)
{
	return ask_lines_of(p, a, side_produce);
}

static int ask_lines_ahead(const struct bench_point *p, struct bench_answer *a)
{
	return ask_lines_of(p, a, side_produce_ahead);
}

static const struct bench_entry lines[] = {
	{ .name = "lines, number inside",
	  .kind = BENCH_LIMIT,
	  .ask = ask_lines },
	{ .name = "lines, prefetched for writing",
	  .kind = BENCH_LIMIT,
	  .ask = ask_lines_ahead },
};

/* --- memcpy ---------------------------------------------------------------- */

/* The memory: a word that both know, then from, then to. */
static char *copy_from(const struct bench_team *t)
{
	return (char *)t->mem + LINES_AT;
}

static char *copy_to(const struct bench_team *t)
{
	return copy_from(t) + t->point->elem_bytes;
}

/* The compiler must believe that somebody reads it. */
static void copy_one(const struct bench_team *t, char *to, const char *from)
{
	memcpy(to, from, t->point->elem_bytes);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static void side_copy(struct bench_team *t, unsigned self)
{
	uint32_t in_a_row = 1 + MIB / t->point->elem_bytes;
	uint64_t from;

	memset(copy_from(t), 1, t->point->elem_bytes);
	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		copy_one(t, copy_to(t), copy_from(t));
	from = bench_now_ns();
	do {
		for (uint32_t i = 0; i < in_a_row; i++)
			copy_one(t, copy_to(t), copy_from(t));
		t->shared->side[self].ops += in_a_row;
	} while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
}

/* Side 0 writes, side 1 copies out, in turn; the time is that of the copies. */
static void side_fill(struct bench_team *t, unsigned self)
{
	slip_a64 *turn = (slip_a64 *)t->mem;
	uint64_t k = 0;

	(void)self;
	bench_ready(t);
	while (!bench_over(t)) {
		if (slip_a64_load_acquire(turn) != 2 * k)
			continue;
		memset(copy_from(t), (int)(k & 0x7f), t->point->elem_bytes);
		slip_a64_store_release(turn, 2 * k++ + 1);
	}
}

/* What two readings of the clock, one after the other, lie apart. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t from = bench_now_ns();
		uint64_t took = bench_now_ns() - from;

		least = took < least ? took : least;
	}
	return least;
}

/* Copies out what number k has filled. 0 or -EBADMSG. */
static int take_copy(struct bench_team *t, unsigned self, uint64_t k,
		     uint64_t clock_ns)
{
	const char *last = copy_to(t) + t->point->elem_bytes - 1;
	uint64_t from = bench_now_ns();
	uint64_t took;

	copy_one(t, copy_to(t), copy_from(t));
	took = bench_now_ns() - from;
	t->shared->side[self].ns += took > clock_ns ? took - clock_ns : 0;
	t->shared->side[self].ops++;
	return *copy_to(t) == (char)(k & 0x7f) && *last == *copy_to(t)
		       ? 0
		       : -EBADMSG;
}

static void side_copy_out(struct bench_team *t, unsigned self)
{
	uint64_t clock_ns = clock_cost();
	slip_a64 *turn = (slip_a64 *)t->mem;
	uint64_t k = 0;
	int rc = 0;

	memset(copy_to(t), 0, t->point->elem_bytes);
	bench_ready(t);
	while (!bench_over(t) && !rc) {
		if (slip_a64_load_acquire(turn) != 2 * k + 1)
			continue;
		rc = take_copy(t, self, k, clock_ns);
		slip_a64_store_release(turn, 2 * ++k);
	}
	t->shared->side[self].rc = rc;
}

/* Bytes in a nanosecond: GB/s. */
static double copy_rate(const struct bench_team *t)
{
	unsigned last = t->sides - 1;

	return t->point->elem_bytes *
	       turns_ratio(t->shared->side[last].ops, t->shared->side[last].ns);
}

static int ask_copy(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .point = p,
				.sides = 1,
				.run = { side_copy },
				.bytes = LINES_AT + 2 * (size_t)p->elem_bytes };

	return turns_run(&t, a, copy_rate, NULL);
}

static int ask_copy_out(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { side_fill, side_copy_out },
				.bytes = LINES_AT + 2 * (size_t)p->elem_bytes };

	return turns_run(&t, a, copy_rate, NULL);
}

static const struct bench_entry copies[] = {
	{ .name = "memcpy, one core", .kind = BENCH_LIMIT, .ask = ask_copy },
	{ .name = "memcpy of what the other core wrote",
	  .kind = BENCH_LIMIT,
	  .ask = ask_copy_out },
};

/* --- the cases ------------------------------------------------------------- */

static const char *size_name(struct bench *b, const char *what, uint32_t bytes)
{
	if (bytes >= MIB)
		return bench_text(b, "%s %u MiB", what, bytes / MIB);
	return bench_text(b, "%s %u KiB", what, bytes / KIB);
}

static void add_lines(struct bench *b, uint32_t bytes)
{
	struct bench_case c = { .suite = "limits",
				.name = size_name(b, "lines through", bytes),
				.unit = "Mlines/s",
				.series = "lines by ring size",
				.x_name = "bytes",
				.x = bytes,
				.quick = bytes == 64 * KIB,
				.point = { .elem_bytes = sizeof(struct line),
					   .capacity = bytes,
					   .actors = 2 },
				.entries = lines,
				.count = 2 };

	bench_add(b, &c);
}

static void add_copies(struct bench *b, uint32_t bytes)
{
	struct bench_case c = { .suite = "limits",
				.name = size_name(b, "memcpy", bytes),
				.unit = "GB/s",
				.series = "memcpy by size",
				.x_name = "bytes",
				.x = bytes,
				.quick = bytes == 64 * KIB,
				.point = { .elem_bytes = bytes },
				.entries = copies,
				.count = 2 };

	bench_add(b, &c);
}

void bench_limits_streams(struct bench *b)
{
	for (uint32_t bytes = 16 * KIB; bytes <= 4 * MIB; bytes *= 4)
		add_lines(b, bytes);
	for (uint32_t bytes = 4 * KIB; bytes <= 16 * MIB; bytes *= 4)
		add_copies(b, bytes);
}
