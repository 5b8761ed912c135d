/* SPDX-License-Identifier: MIT */
/*
 * Request and reply (ring/call.h): the round trip of one client and one server,
 * beside a bare line that both write, and beside two rings, one for each
 * direction, by the same loops.
 */
#include "tools/bench/spsc_trip.h"

extern const struct spsc_queue call_ours_8, call_ours_48, call_ours_waiting;

#define TRIP(name, queue)                                  \
	static int ask_##name(const struct bench_point *p, \
			      struct bench_answer *a)      \
	{                                                  \
		return bench_spsc_trip(&(queue), p, a);    \
	}                                                  \
	SLIP_STATIC_ASSERT(sizeof(queue) > 0, "there is one")

TRIP(ours, call_ours_8);
TRIP(ours_48, call_ours_48);
TRIP(waiting, call_ours_waiting);
TRIP(two_rings, spsc_ours);
TRIP(one_line, spsc_one_line);
TRIP(two_lines, spsc_two_lines);

#define ONE_LINE  "one line bounced"
#define TWO_RINGS "two rings (spsc.h)"

/* What two rings cost is ours as well, but not the first of ours. */
static const struct bench_entry entries[] = {
	{ "slipring call, 8 B", BENCH_OURS, NULL, ask_ours, false },
	{ "slipring call, 48 B", BENCH_OURS, NULL, ask_ours_48, false },
	{ "slipring call, waiting", BENCH_OURS, NULL, ask_waiting, false },
	{ TWO_RINGS, BENCH_OURS, NULL, ask_two_rings, false },
	{ ONE_LINE, BENCH_LIMIT, NULL, ask_one_line, false },
	{ "two lines bounced, one per direction", BENCH_LIMIT, NULL,
	  ask_two_lines, false },
};

/* On two cores both are met. */
#define LIMIT                                                                  \
	"two threads of one core have the line in common: nothing moves, and " \
	"what is left is instructions, some 10 ns more than those of a bare "  \
	"store and load"

void bench_suite_call(struct bench *b)
{
	struct bench_case c = {
		.suite = "call",
		.name = "round trip",
		.unit = "ns",
		.less_is_better = true,
		.latency = true,
		.quick = true,
		.point = { .elem_bytes = 8,
			   .capacity = 1024,
			   .batch = 1,
			   .actors = 2 },
		.entries = entries,
		.count = sizeof(entries) / sizeof(*entries),
	};
	struct bench_target line = {
		.suite = "call",
		.name = c.name,
		.against = ONE_LINE,
		.at_least = 1 / 1.15,
		.line = "round trip: at most 1.15x of one bare line bounced",
		.limit = LIMIT,
	};
	struct bench_target rings = {
		.suite = "call",
		.name = c.name,
		.against = TWO_RINGS,
		.at_least = 1 / 0.6,
		.line = "round trip: at most 0.6x of that over two spsc rings",
		.limit = LIMIT,
	};

	bench_add(b, &c);
	bench_target(b, &line);
	bench_target(b, &rings);
}
