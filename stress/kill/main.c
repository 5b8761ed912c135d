/* SPDX-License-Identifier: MIT */
/*
 * Kill points: every operation, in every prefilled state, killed and stopped
 * before every machine instruction. README.md says what is judged.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "stress/kill/kill.h"

struct kill_options kill_options = {
	.cases = 240,
	.seed = 1,
	.every = 1,
	.state = -1,
	.point = -1,
	.way = -1,
};

static uint64_t end_ns_;

static const struct argp_option options[] = {
	{ "list", 'l', NULL, 0, "Name the operations and their states", 0 },
	{ "op", 'o', "NAME", 0, "Only this operation, or component", 0 },
	{ "state", 's', "N", 0, "Only this state", 0 },
	{ "point", 'p', "N", 0, "Only this point, or step", 0 },
	{ "how", 'w', "WAY", 0, "Only snapshot, kill, stop or step", 0 },
	{ "cases", 'c', "N", 0,
	  "About so many real ones for each operation and way (240); 0: all",
	  0 },
	{ "stride", 'e', "N", 0,
	  "Every changing point and each N-th other, instead of --cases", 0 },
	{ "every", 'n', "N", 0, "Only each N-th state (1)", 0 },
	{ "seconds", 't', "S", 0, "Again, with other seeds, for so long", 0 },
	{ "seed", 'r', "N", 0, "What is chosen (1)", 0 },
	{ "expect", 'x', "TEXT", 0,
	  "A bug was seeded: succeed if a check fails with that text", 0 },
	{ 0 }
};

static uint64_t number(const char *text, struct argp_state *state)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (*end || end == text || *text == '-')
		argp_error(state, "'%s' is not a number", text);
	return n;
}

/* What takes a number; the first that is none ends the program. */
static bool parse_number(int key, const char *arg, struct argp_state *state)
{
	struct kill_options *o = &kill_options;

	switch (key) {
	case 's':
		o->state = (int64_t)number(arg, state);
		return true;
	case 'p':
		o->point = (int64_t)number(arg, state);
		return true;
	case 'n':
		o->every = number(arg, state);
		if (!o->every)
			argp_error(state, "every 0th state is none");
		return true;
	case 'c':
		o->cases = number(arg, state);
		return true;
	case 'e':
		o->stride = number(arg, state);
		return true;
	case 't':
		end_ns_ = slip_after_ns(number(arg, state) * 1000000000);
		return true;
	case 'r':
		o->seed = number(arg, state);
		return true;
	default:
		return false;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'l':
		kill_list_ops();
		exit(0);
	case 'o':
		kill_options.op = arg;
		return 0;
	case 'x':
		kill_options.expect = arg;
		return 0;
	case 'w':
		kill_options.way = kill_way_named(arg);
		if (kill_options.way < 0)
			argp_error(state, "no such way: %s", arg);
		return 0;
	default:
		return parse_number(key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Kills and stops every operation before every machine "
		       "instruction.",
	};
	unsigned count;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	kill_begin();
	do {
		count = kill_run();
		kill_options.seed++;
	} while (count && kill_all_well() && slip_now_ns() < end_ns_);
	if (!count) {
		fprintf(stderr, "no such operation\n");
		return 2;
	}
	return !kill_all_well();
}
