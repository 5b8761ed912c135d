/* SPDX-License-Identifier: MIT */
/* Two runs side by side, both made up. */
#define _GNU_SOURCE
#include "tools/bench/engine.h"

#include <stdlib.h>
#include <string.h>

#include "atomics/test/check.h"

/* A run of one case: ours, and a rival. */
static json_t *run(double ours, double ratio, bool noisy, double line)
{
	json_t *j =
		json_pack("{s:{s:s}, s:[{s:s, s:s, s:s, s:[[f, f]], s:["
			  "{s:s, s:f, s:n, s:b}, {s:s, s:f, s:{s:f}, s:b}]}]}",
			  "machine", "cpu", "some", "cases", "suite", "s",
			  "name", "c", "unit", "M/s", "probe_ns", line, line,
			  "entries", "name", "ours", "median", ours, "ratio",
			  "noisy", 0, "name", "rival", "median", ours / ratio,
			  "ratio", "median", ratio, "noisy", noisy);

	cr_assert(j);
	return j;
}

/* How many differ, and that all these words are said. */
static unsigned compare(json_t *then, json_t *now, const char *said)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	unsigned n = bench_compare(then, now, out);

	cr_assert_eq(fclose(out), 0);
	cr_assert(strstr(text, said), "%s", text);
	free(text);
	json_decref(then);
	json_decref(now);
	return n;
}

Test(compare, within_a_tenth_is_the_same)
{
	cr_assert_eq(compare(run(100, 2, false, 80), run(109, 2.1, false, 80),
			     "2 rows in both: 2 agree"),
		     0u);
}

Test(compare, what_differs_and_was_not_noisy_is_told)
{
	cr_assert_eq(compare(run(100, 2, false, 80), run(100, 1.5, false, 80),
			     "s: c: rival (ratio of ours to it)"),
		     1u);
	cr_assert_eq(compare(run(100, 2, false, 80), run(120, 2, false, 80),
			     "s: c: ours (M/s)"),
		     1u);
}

Test(compare, a_noisy_row_does_not_count)
{
	cr_assert_eq(compare(run(100, 2, true, 80), run(100, 1.5, false, 80),
			     "1 were called noisy"),
		     0u);
	cr_assert_eq(compare(run(100, 2, false, 80), run(100, 1.5, true, 80),
			     "noisy "),
		     0u);
}

Test(compare, processors_elsewhere_are_another_machine)
{
	cr_assert_eq(compare(run(100, 2, false, 80), run(30, 1.5, false, 350),
			     "2 had the processors moved"),
		     0u);
}

Test(compare, another_machine_is_said)
{
	json_t *other = run(100, 2, false, 80);

	json_object_set_new(json_object_get(other, "machine"), "cpu",
			    json_string("another"));
	cr_assert_eq(compare(run(100, 2, false, 80), other,
			     "another cpu: some -> another"),
		     0u);
}

Test(compare, rows_that_are_in_one_only_are_counted)
{
	json_t *other = run(100, 2, false, 80);
	json_t *one = json_array_get(json_object_get(other, "cases"), 0);

	(void)json_array_remove(json_object_get(one, "entries"), 1);
	json_object_set_new(one, "probe_ns", json_null());
	cr_assert_eq(compare(run(100, 2, false, 80), other, "1 rows in one"),
		     0u);
}
