/* SPDX-License-Identifier: MIT */
/* What `slipring bench` measured, as pictures: from the JSON of README.md. */
#ifndef SLIP_TOOLS_BENCH_PAGE_H
#define SLIP_TOOLS_BENCH_PAGE_H

#include <jansson.h>

/*
 * Writes one HTML file that needs nothing outside itself: no network, no
 * scripts. Curves are drawn by gnuplot; where it is not installed the page says
 * so in their place, and all numbers are there. 0 or negative errno.
 */
int bench_page(json_t *results, const char *file);

/*
 * Writes SVG files for papers into the folder, which is made if need be: bars
 * for each case, latency curves, scaling lines, crash timelines. -ENOENT
 * without gnuplot, which is said on stderr; or another negative errno.
 */
int bench_plot(json_t *results, const char *dir);

#endif
