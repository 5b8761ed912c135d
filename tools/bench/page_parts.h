/* SPDX-License-Identifier: MIT */
/* The page in parts, for page.c. */
#ifndef SLIP_TOOLS_BENCH_PAGE_PARTS_H
#define SLIP_TOOLS_BENCH_PAGE_PARTS_H

#include "tools/bench/figure.h"

struct page {
	FILE *to;
	const json_t *results;
	unsigned figures; /* so far: keeps their ids apart */
	int rc;		  /* of drawing; -ENOENT: there is no gnuplot */
};

/* Text that may hold anything. */
void page_text(struct page *p, const char *text);
void page_style(struct page *p);
/* A figure with a caption under it: nothing where there is nothing to draw. */
void page_figure(struct page *p, figure_writer *write, const json_t *what,
		 const char *caption, const char *more);
/* All of a suite: bars, ratios, latencies, series. */
void page_suite(struct page *p, const char *suite);
/* "2x" with a mark for better or worse; nobody is worse than a limit. */
void page_ratio(struct page *p, const json_t *entry);
void page_ratios(struct page *p, const char *suite);
void page_latencies(struct page *p, const json_t *one);
void page_recoveries(struct page *p);
/* Of a series, by its first case: what was measured, if figure_tabled(); and
 * what was fitted. */
void page_series(struct page *p, const json_t *first);
void page_slopes(struct page *p, const json_t *first);
/* The one before it in the array is of another suite, or there is none. */
bool page_starts_suite(const json_t *cases, size_t i);

#endif
