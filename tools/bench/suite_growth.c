/* SPDX-License-Identifier: MIT */
/*
 * Cost as work grows: series of cases that differ in one number, x. Rings are
 * bounded to 1 MiB of data where the size of the elements grows, and to elements
 * of 8 bytes where the capacity does. A median per x, and a line through them
 * (fit.h).
 */
#include "tools/bench/growth.h"

#define DATA_BYTES (1u << 20)
#define COUNT(a)   ((unsigned)(sizeof(a) / sizeof((a)[0])))
#define ROUNDS	   5u

static const struct bench_entry by_size[] = {
	{ .name = "slipring", .kind = BENCH_OURS, .ask = growth_spsc },
	{ .name = "memcpy, one core", .kind = BENCH_LIMIT, .ask = growth_copy },
};
static const struct bench_entry by_capacity[] = {
	{ .name = "slipring", .kind = BENCH_OURS, .ask = growth_spsc },
};
static const struct bench_entry by_length[] = {
	{ .name = "slipring record", .kind = BENCH_OURS, .ask = growth_record },
	{ .name = "memcpy, one core", .kind = BENCH_LIMIT, .ask = growth_copy },
};
static const struct bench_entry by_processes[] = {
	{ .name = "slipring, sleeping when it must",
	  .kind = BENCH_OURS,
	  .ask = growth_pairs_sleeping },
	{ .name = "slipring, polling",
	  .kind = BENCH_OURS,
	  .ask = growth_pairs_polling },
};

static struct bench_case costs(const char *series, const char *x_name, double x,
			       const struct bench_entry *entries,
			       unsigned count)
{
	struct bench_case c = { .suite = "growth",
				.unit = "ns",
				.series = series,
				.x_name = x_name,
				.x = x,
				.less_is_better = true,
				.rounds = ROUNDS,
				.entries = entries,
				.count = count };

	return c;
}

static void add_sizes(struct bench *b)
{
	for (uint32_t bytes = 8; bytes <= GROWTH_ELEM_MAX; bytes *= 2) {
		struct bench_case c =
			costs("an element by its size", "bytes of an element",
			      bytes, by_size, COUNT(by_size));

		c.name = bench_text(b, "an element of %u B", bytes);
		c.quick =
			bytes == 8 || bytes == 1024 || bytes == GROWTH_ELEM_MAX;
		c.point.elem_bytes = bytes;
		c.point.capacity = DATA_BYTES / bytes;
		c.point.way = 1; /* the capacity is in elements */
		bench_add(b, &c);
	}
}

static void add_capacities(struct bench *b)
{
	for (uint32_t n = 64; n <= 1u << 20; n *= 4) {
		struct bench_case c =
			costs("an element by the capacity", "capacity", n,
			      by_capacity, COUNT(by_capacity));

		c.name = bench_text(b, "8 B, capacity %u", n);
		c.point.elem_bytes = 8;
		c.point.capacity = n;
		bench_add(b, &c);
	}
}

static void add_lengths(struct bench *b)
{
	for (uint32_t bytes = 8; bytes <= GROWTH_ELEM_MAX; bytes *= 2) {
		struct bench_case c =
			costs("a record by its length", "bytes of a record",
			      bytes, by_length, COUNT(by_length));

		c.name = bench_text(b, "a record of %u B", bytes);
		c.point.elem_bytes = bytes;
		c.point.capacity = DATA_BYTES;
		bench_add(b, &c);
	}
}

static void add_processes(struct bench *b)
{
	for (uint32_t n = 1; n <= GROWTH_PROCESSES; n *= 2) {
		struct bench_case c =
			costs("all pairs together, by processes", "processes",
			      n, by_processes, COUNT(by_processes));

		c.name = n == 1 ? "one process, its own ring"
				: bench_text(b,
					     "%u processes in pairs, a ring "
					     "for each pair",
					     n);
		c.unit = "M/s";
		c.less_is_better = false;
		c.point.elem_bytes = 8;
		c.point.capacity = 1024;
		c.point.actors = n;
		bench_add(b, &c);
	}
}

/* --- one entry each -------------------------------------------------------- */

static const struct bench_entry polls[] = {
	{ .name = "polling", .kind = BENCH_OURS, .ask = growth_polls },
};
static const struct bench_entry finds[] = {
	{ .name = "polling", .kind = BENCH_OURS, .ask = growth_finds },
};
static const struct bench_entry joins[] = {
	{ .name = "slip_peer_join, slip_peer_leave",
	  .kind = BENCH_OURS,
	  .ask = growth_peer_joins },
};
static const struct bench_entry alive[] = {
	{ .name = "slip_peer_alive",
	  .kind = BENCH_OURS,
	  .ask = growth_peer_alive },
};
static const struct bench_entry nobody[] = {
	{ .name = "slip_peer_recover",
	  .kind = BENCH_OURS,
	  .ask = growth_peer_nobody },
};
static const struct bench_entry recovers[] = {
	{ .name = "slip_peer_recover",
	  .kind = BENCH_OURS,
	  .ask = growth_peer_recovers },
};
static const struct bench_entry moves[] = {
	{ .name = "slipring", .kind = BENCH_OURS, .ask = growth_peer_moves },
};

static const struct {
	const struct bench_entry *entry;
	const char *what;
} of_rings[] = {
	{ polls, "an empty poll of a ring" },
	{ finds, "finding the ring that has an element" },
}, of_peers[] = {
	{ joins, "join and leave" },
	{ alive, "is a peer alive" },
	{ nobody, "recover when nobody is dead" },
	{ recovers, "recover one dead" },
	{ moves, "push and pop" },
};

static void add_rings(struct bench *b)
{
	for (unsigned i = 0; i < COUNT(of_rings); i++)
		for (uint32_t n = 1; n <= GROWTH_RINGS; n *= 2) {
			struct bench_case c =
				costs(bench_text(b, "one thread polls: %s",
						 of_rings[i].what),
				      "rings polled", n, of_rings[i].entry, 1);

			c.name = bench_text(b, "one thread polls %u: %s", n,
					    of_rings[i].what);
			c.point.elem_bytes = 8;
			c.point.capacity = 64;
			c.point.actors = n;
			bench_add(b, &c);
		}
}

static void add_peers(struct bench *b)
{
	static const uint32_t crowds[] = { 1, 3, 10, 30, 100, 300, 1000 };

	for (unsigned i = 0; i < COUNT(of_peers); i++)
		for (unsigned k = 0; k < COUNT(crowds); k++) {
			struct bench_case c =
				costs(bench_text(b, "among peers: %s",
						 of_peers[i].what),
				      "peers joined", crowds[k],
				      of_peers[i].entry, 1);

			c.name = bench_text(b, "among %u peers: %s", crowds[k],
					    of_peers[i].what);
			c.point.actors = crowds[k];
			bench_add(b, &c);
		}
}

void bench_suite_growth(struct bench *b)
{
	add_sizes(b);
	add_capacities(b);
	add_lengths(b);
	add_processes(b);
	add_rings(b);
	add_peers(b);
}
