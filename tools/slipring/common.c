/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/common.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "futex/region_tools.h"

int complain_va(const char *object, const char *format, va_list args)
{
	/* What was reported before comes first, also on one terminal. */
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: ", program_invocation_name);
	if (object)
		(void)fprintf(stderr, "%s: ", object);
	(void)vfprintf(stderr, format, args);
	(void)putc('\n', stderr);
	return STATUS_FAILED;
}

int complain(const char *object, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)complain_va(object, format, args);
	va_end(args);
	return STATUS_FAILED;
}

const char *cause(int err)
{
	const char *unknown = slip_region_strerror(INT32_MIN);
	const char *text = slip_region_strerror(err);

	return strcmp(text, unknown) ? text : strerror(-err);
}

int print_json(json_t *value)
{
	int failed = json_dumpf(value, stdout,
				JSON_INDENT(2) | JSON_PRESERVE_ORDER |
					JSON_ENSURE_ASCII);

	json_decref(value);
	if (failed)
		return complain(NULL, "the report could not be written");
	(void)putchar('\n');
	return finish_output(STATUS_OK);
}

int finish_output(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return complain("stdout", "%s", strerror(errno ? errno : EIO));
}

const char *size_text(char text[SIZE_TEXT_BYTES], uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1023.95) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(text, SIZE_TEXT_BYTES, "%.*f %s", unit ? 1 : 0, value,
		       units[unit]);
	return text;
}

const char *time_text(char text[TIME_TEXT_BYTES], uint64_t seconds)
{
	unsigned long hours = seconds / 3600;
	unsigned minutes = (unsigned)(seconds / 60 % 60);

	if (hours < 24)
		(void)snprintf(text, TIME_TEXT_BYTES, "%lu:%02u:%02u", hours,
			       minutes, (unsigned)(seconds % 60));
	else
		(void)snprintf(text, TIME_TEXT_BYTES, "%lu d %02lu:%02u",
			       hours / 24, hours % 24, minutes);
	return text;
}

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kmg";
	unsigned long long value;
	unsigned shift = 0;
	const char *suffix;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		suffix = strchr(suffixes, *end | 0x20);
		if (!suffix || end[1])
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
	}
	*bytes = value << shift;
	return *bytes >> shift == value;
}

bool parse_seconds(const char *text, uint64_t *ns)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value < 0 || value > 1e9)
		return false;
	*ns = (uint64_t)(value * 1e9);
	return true;
}

bool parse_name(int key, char *arg, const struct argp_state *state,
		const char **name)
{
	if (key == ARGP_KEY_ARG) {
		if (*name)
			argp_error(state,
				   "one NAME only, and here is another: "
				   "%s",
				   arg);
		*name = arg;
		return true;
	}
	if (key == ARGP_KEY_END) {
		if (!*name)
			argp_error(state, "NAME is missing");
		return true;
	}
	return false;
}
