/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/stress_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/slipring/common.h"

static void choose_ring(struct torture *t, const char *name,
			const struct argp_state *state)
{
	for (size_t i = 0; i < pair_rings_number; i++) {
		if (strcmp(pair_rings[i]->name, name))
			continue;
		for (uint32_t k = 0; k < t->rings_number; k++)
			if (t->rings[k] == pair_rings[i])
				argp_error(state, "twice: %s", name);
		t->rings[t->rings_number++] = pair_rings[i];
		return;
	}
	argp_error(state, "there is no ring '%s'", name);
}

static void choose_rings(struct torture *t, const char *list,
			 const struct argp_state *state)
{
	char *copy = strdup(list);
	char *rest = copy;
	const char *name;

	t->rings_number = 0;
	while ((name = strsep(&rest, ",")))
		choose_ring(t, name, state);
	free(copy);
}

/* "90", "90s", "10m", "2h", "1d" */
static uint64_t duration(const char *text, const struct argp_state *state)
{
	static const char units[] = "smhd";
	static const double factors[] = { 1, 60, 3600, 86400 };
	const char *unit = NULL;
	char *end;
	double value = strtod(text, &end);

	if (*end)
		unit = strchr(units, *end);
	if (end == text || (*end && (!unit || end[1])))
		argp_error(state, "no duration: %s", text);
	if (unit)
		value *= factors[unit - units];
	if (!(value >= 0 && value <= 1e9))
		argp_error(state, "not from 0 to 10^9 seconds: %s", text);
	return (uint64_t)(value * 1e9);
}

static uint64_t number(const char *text, uint64_t most,
		       const struct argp_state *state)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end || value > most)
		argp_error(state, "not a number up to %llu: %s",
			   (unsigned long long)most, text);
	return value;
}

/* As many as struct stress_cpus has room for. */
enum { MOST_CPUS = sizeof(stress_options.cpus.number) / sizeof(uint16_t) };

static void add_cpu(unsigned long cpu, const struct argp_state *state)
{
	struct stress_cpus *cpus = &stress_options.cpus;
	struct stress_cpus allowed;

	stress_allowed_cpus(&allowed);
	for (uint32_t i = 0; i < allowed.count; i++) {
		if (allowed.number[i] != cpu)
			continue;
		if (cpus->count == MOST_CPUS)
			argp_error(state, "too many CPUs");
		cpus->number[cpus->count++] = (uint16_t)cpu;
		return;
	}
	argp_error(state, "CPU %lu is not allowed here", cpu);
}

/* "0,2-5" */
static void choose_cpus(const char *text, const struct argp_state *state)
{
	unsigned long first, last;
	char *end;

	stress_options.cpus.count = 0;
	for (; *text; text = end) {
		first = strtoul(text, &end, 10);
		last = first;
		if (end > text && *end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
		}
		if (end == text || last < first || (*end && *end++ != ','))
			argp_error(state, "no list of CPUs");
		for (; first <= last; first++)
			add_cpu(first, state);
	}
}

static void choose_pinning(const char *how, const struct argp_state *state)
{
	static const char *const names[] = { "none", "same", "spread", "vary" };

	stress_options.pinning = STRESS_PIN_SPREAD;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(how, names[i]) == 0) {
			stress_options.pinning = (enum stress_pinning)i;
			return;
		}
	choose_cpus(how, state);
}

enum key {
	KEY_RING = 'r',
	KEY_PAIRS = 'n',
	KEY_DURATION = 'd',
	KEY_SEED = 'S',
	KEY_JSON = 'j',
	KEY_QUIET = 'q',
	KEY_KILLS = 0x100,
	KEY_STOPS,
	KEY_PIN,
	KEY_CAPACITY,
	KEY_ELEM,
};

static const struct argp_option option_list[] = {
	{ "ring", KEY_RING, "LIST", 0, "Of spsc,record,mpmc (default: all)",
	  0 },
	{ "pairs", KEY_PAIRS, "N", 0,
	  "So many producers and consumers at once (half the processors, but "
	  "2 at least)",
	  0 },
	{ "duration", KEY_DURATION, "TIME", 0,
	  "How long: 90, 10m, 2h (default: 60)", 0 },
	{ "seconds", 0, NULL, OPTION_ALIAS, NULL, 0 },
	{ "kill-rate", KEY_KILLS, "N", 0,
	  "So many kills per second and pair (100)", 0 },
	{ "stop-rate", KEY_STOPS, "N", 0,
	  "So many stops per second and pair (30)", 0 },
	{ "pin", KEY_PIN, "HOW", 0,
	  "Both sides of a pair to the `same' CPU, or `spread' over all or "
	  "over a list as 0,2-5; `none'; `vary' (default)",
	  0 },
	{ "capacity", KEY_CAPACITY, "N", 0,
	  "Of every ring: elements, or bytes of records (default: varied)", 0 },
	{ "elem", KEY_ELEM, "BYTES", 0,
	  "Size of an element, or of the longest record (default: varied)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Of the first run (default: the time)", 0 },
	{ "json", KEY_JSON, NULL, 0, "Report as JSON", 0 },
	{ "quiet", KEY_QUIET, NULL, 0, "No progress", 0 },
	{ 0 },
};

static error_t parse_size_option(int key, const char *arg,
				 const struct argp_state *state)
{
	struct stress_options *o = &stress_options;

	switch (key) {
	case KEY_KILLS:
		o->kills = (uint32_t)number(arg, 100000, state);
		return 0;
	case KEY_STOPS:
		o->stops = (uint32_t)number(arg, 100000, state);
		return 0;
	case KEY_CAPACITY:
		o->capacity = (uint32_t)number(arg, 1u << 30, state);
		return 0;
	case KEY_ELEM:
		o->elem_bytes = (uint32_t)number(arg, 1u << 28, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void check_sizes(const struct stress_args *a,
			const struct argp_state *state)
{
	for (uint32_t i = 0; i < a->torture.rings_number; i++)
		if (!pair_fits(a->torture.rings[i]))
			argp_error(state, "no ring '%s' has such sizes",
				   a->torture.rings[i]->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stress_args *a = state->input;

	switch (key) {
	case KEY_RING:
		choose_rings(&a->torture, arg, state);
		return 0;
	case KEY_PAIRS:
		a->torture.pairs = (uint32_t)number(arg, TORTURE_PAIRS, state);
		if (!a->torture.pairs)
			argp_error(state, "no pair, no torture");
		return 0;
	case KEY_DURATION:
		stress_options.duration_ns = duration(arg, state);
		return 0;
	case KEY_PIN:
		a->pin = arg;
		choose_pinning(arg, state);
		return 0;
	case KEY_SEED:
		stress_options.seed = number(arg, UINT64_MAX, state);
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_QUIET:
		a->torture.quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "an argument too many: %s", arg);
		return 0;
	case ARGP_KEY_END:
		check_sizes(a, state);
		return 0;
	default:
		return parse_size_option(key, arg, state);
	}
}

static void set_defaults(struct stress_args *a)
{
	struct torture *t = &a->torture;
	struct stress_cpus *cpus = &stress_options.cpus;

	a->pin = "vary";
	stress_options.duration_ns = UINT64_C(60000000000);
	stress_options.kills = 100;
	stress_options.stops = 30;
	stress_options.pinning = STRESS_PIN_VARY;
	stress_options.seed = (uint64_t)time(NULL) * 1000003;
	stress_allowed_cpus(cpus);
	t->pairs = cpus->count / 2;
	if (t->pairs < 2)
		t->pairs = 2;
	if (t->pairs > TORTURE_PAIRS)
		t->pairs = TORTURE_PAIRS;
	for (size_t i = 0; i < pair_rings_number; i++)
		t->rings[t->rings_number++] = pair_rings[i];
}

int stress_args_parse(struct stress_args *a, int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.doc = "Qualify this machine, its kernel and its container by "
		       "torture: processes push and pop, are killed and "
		       "stopped at random instants, and are replaced, while "
		       "every element is accounted for.\vExit status: 0 "
		       "passed, 1 failed, 2 wrong usage; interrupted by a "
		       "signal, it dies of that signal after its report. "
		       "Needs no privileges and leaves nothing behind.",
	};

	set_defaults(a);
	return argp_parse(&argp, argc, argv, 0, NULL, a);
}
