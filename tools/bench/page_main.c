/* SPDX-License-Identifier: MIT */
/* For page_test.sh: results as JSON -> a page and, if a folder is named,
 * plots. */
#include <stdio.h>
#include <string.h>

#include "tools/bench/page.h"

static int told(const char *what, int rc)
{
	if (rc)
		(void)fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	return rc != 0;
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *results;
	int bad;

	if (argc < 3) {
		(void)fputs("usage: page_main RESULTS.json PAGE.html [DIR]\n",
			    stderr);
		return 2;
	}
	results = json_load_file(argv[1], 0, &error);
	if (!results) {
		(void)fprintf(stderr, "%s:%d: %s\n", argv[1], error.line,
			      error.text);
		return 1;
	}
	bad = told(argv[2], bench_page(results, argv[2]));
	if (argc > 3)
		bad |= told(argv[3], bench_plot(results, argv[3]));
	json_decref(results);
	return bad;
}
