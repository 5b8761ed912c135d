/* SPDX-License-Identifier: MIT */
/*
 * The command line of a stress program, and the lines it prints: one for each
 * run, with the seed that begins it.
 *
 *	int main(int argc, char **argv)
 *	{
 *		stress_begin(argc, argv, "spsc_threads: ...");
 *		stress_on_stuck(dump);
 *		while (stress_more())
 *			run(stress_next_seed());
 *		return stress_end("%llu elements", elements);
 *	}
 *
 * The same program with --seed of a line begins with that run.
 */
#ifndef SLIP_STRESS_PROGRAM_H
#define SLIP_STRESS_PROGRAM_H

#include "stress/harness.h"

/* Parse the options, say the seed, start. */
void stress_begin(int argc, char **argv, const char *about);
/* One run's line, which says "ok". */
__attribute__((format(printf, 2, 3))) void stress_line(uint64_t seed,
						       const char *format, ...);
/* A row for stress/report: what was examined, how, and how much of it, as
 * "key=value key=value". */
__attribute__((format(printf, 3, 4))) void
stress_row(const char *operation, const char *check, const char *format, ...);
/* The result of main(). */
__attribute__((format(printf, 1, 2))) int stress_end(const char *format, ...);

#endif
