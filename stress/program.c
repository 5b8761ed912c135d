/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/program.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t number(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-')
		argp_error(state, "not a number: %s", text);
	return n;
}

static error_t option(int key, char *text, struct argp_state *state)
{
	struct stress_options *o = &stress_options;

	switch (key) {
	case 's':
		o->duration_ns = (uint64_t)(strtod(text, NULL) * 1e9);
		break;
	case 'S':
		o->seed = number(text, state);
		break;
	case 'r':
		o->runs = number(text, state);
		break;
	case 'c':
		o->capacity = (uint32_t)number(text, state);
		break;
	case 'e':
		o->elem_bytes = (uint32_t)number(text, state);
		break;
	case 'k':
		o->kills = (uint32_t)number(text, state);
		break;
	case 'K':
		o->stops = (uint32_t)number(text, state);
		break;
	case 'w':
		o->patience_s = (unsigned)number(text, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option options[] = {
	{ "seconds", 's', "N", 0, "how long (1; the last run is finished)", 0 },
	{ "seed", 'S', "N", 0, "of the first run (default: the time)", 0 },
	{ "runs", 'r', "N", 0, "end after so many runs", 0 },
	{ "capacity", 'c', "N", 0, "of every ring (default: varied)", 0 },
	{ "elem", 'e', "BYTES", 0, "size of an element (default: varied)", 0 },
	{ "kill-rate", 'k', "N", 0, "kills per second (230)", 0 },
	{ "stop-rate", 'K', "N", 0, "stops per second (70)", 0 },
	{ "watchdog", 'w', "N", 0, "fail after N s without progress (20)", 0 },
	{ 0 }
};

void stress_begin(int argc, char **argv, const char *about)
{
	const struct argp argp = { options, option, NULL, about,
				   NULL,    NULL,   NULL };

	stress_options.seed = (uint64_t)time(NULL) * 1000003;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	/* Lines come out whole, and at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s: seed %llu\n", program_invocation_short_name,
	       (unsigned long long)stress_options.seed);
	stress_start();
}

void stress_line(uint64_t seed, const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("seed %llu: %s: ok\n", (unsigned long long)seed, text);
}

void stress_row(const char *operation, const char *check, const char *format,
		...)
{
	char text[256];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("row\t%s\t%s\tok\t%s seed=%llu\n", operation, check, text,
	       (unsigned long long)stress_options.seed);
}

int stress_end(const char *format, ...)
{
	char text[512];
	va_list values;

	stress_finish();
	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("%s: %llu runs, %s: ok\n", program_invocation_short_name,
	       (unsigned long long)stress_runs(), text);
	return 0;
}
