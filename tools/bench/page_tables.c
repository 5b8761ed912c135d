/* SPDX-License-Identifier: MIT */
/* The tables of a suite: ratios, latencies, slopes. */
#include <string.h>

#include "tools/bench/page_parts.h"

#define MOST 64 /* columns */

static void open_box(struct page *p, const char *what, const char *of)
{
	(void)fputs("<div class=\"box\" role=\"region\" tabindex=\"0\" "
		    "aria-label=\"",
		    p->to);
	page_text(p, what);
	page_text(p, of);
	(void)fputs("\"><table><caption>", p->to);
	page_text(p, what);
	page_text(p, of);
	(void)fputs("</caption>\n<thead><tr>", p->to);
}

static void put_head(struct page *p, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)fputs("<th scope=\"col\">", p->to);
		page_text(p, names[i]);
		(void)fputs("</th>", p->to);
	}
	(void)fputs("</tr></thead><tbody>\n", p->to);
}

static void open_row(struct page *p, const char *name)
{
	(void)fputs("<tr><th scope=\"row\">", p->to);
	page_text(p, name);
	(void)fputs("</th>", p->to);
}

static void close_box(struct page *p)
{
	(void)fputs("</tbody></table></div>\n", p->to);
}

/* --- ratios ---------------------------------------------------------------- */

static bool compared(const json_t *entry)
{
	return json_is_object(json_object_get(entry, "ratio"));
}

/* Of a series in a table (page_series()) nobody reads them. */
static bool has_ratio(const json_t *one, const json_t *results)
{
	const json_t *entry;
	size_t i;

	if (figure_tabled(one, results))
		return false;
	foreach (json_object_get(one, "entries"), i, entry)
		if (compared(entry))
			return true;
	return false;
}

/* Names of all that ours is compared with in a suite, each once. */
static size_t columns(const json_t *results, const char *suite,
		      const char **names)
{
	const json_t *cases = json_object_get(results, "cases");
	const json_t *one, *entry;
	size_t i, k, n = 0;

	foreach (cases, i, one)
		foreach (json_object_get(one, "entries"), k, entry) {
			const char *name = figure_text(entry, "name");
			size_t seen = 0;

			if (!figure_is(one, "suite", suite) ||
			    !has_ratio(one, results) || !compared(entry))
				continue;
			while (seen < n && strcmp(names[seen], name))
				seen++;
			if (seen == n && n < MOST)
				names[n++] = name;
		}
	return n;
}

void page_ratio(struct page *p, const json_t *entry)
{
	double median =
		figure_number(json_object_get(entry, "ratio"), "median");
	bool limit = figure_is(entry, "kind", "limit");
	char text[FIGURE_ROUNDED];

	(void)fprintf(p->to, "<b class=\"%s\">%s%s\xc3\x97</b>",
		      limit	    ? "soft"
		      : median >= 1 ? "good"
				    : "bad",
		      limit	    ? ""
		      : median >= 1 ? "\xe2\x96\xb2\xc2\xa0"
				    : "\xe2\x96\xbc\xc2\xa0",
		      figure_rounded(text, median));
}

static void put_cell(struct page *p, const json_t *entry)
{
	const json_t *ratio = json_object_get(entry, "ratio");
	char text[2][FIGURE_ROUNDED];

	if (!json_is_object(ratio)) {
		(void)fputs("<td>\xe2\x80\x93</td>", p->to);
		return;
	}
	(void)fputs("<td>", p->to);
	page_ratio(p, entry);
	(void)fprintf(p->to, "<small>%s\xe2\x80\x93%s%s</small></td>",
		      figure_rounded(text[0], figure_number(ratio, "min")),
		      figure_rounded(text[1], figure_number(ratio, "max")),
		      json_is_true(json_object_get(entry, "noisy")) ? ", noisy"
								    : "");
}

static void put_ratios(struct page *p, const json_t *one,
		       const char *const *names, size_t n)
{
	open_row(p, figure_text(one, "name"));
	for (size_t k = 0; k < n; k++) {
		const json_t *entry, *found = NULL;
		size_t i;

		foreach (json_object_get(one, "entries"), i, entry)
			if (figure_is(entry, "name", names[k]))
				found = entry;
		put_cell(p, found);
	}
	(void)fputs("</tr>\n", p->to);
}

void page_ratios(struct page *p, const char *suite)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const char *names[MOST];
	size_t i, n = columns(p->results, suite, names);
	const json_t *one;

	if (!n)
		return;
	open_box(p, "How many times better slipring is: ", suite);
	(void)fputs("<th scope=\"col\">than</th>", p->to);
	put_head(p, names, n);
	foreach (cases, i, one)
		if (figure_is(one, "suite", suite) &&
		    has_ratio(one, p->results))
			put_ratios(p, one, names, n);
	close_box(p);
}

/* --- latencies ------------------------------------------------------------- */

static void put_latency(struct page *p, const json_t *entry)
{
	static const char *const keys[] = { "p50", "p90", "p99", "p99_9",
					    "max" };
	const json_t *latency = json_object_get(entry, "latency");
	char text[FIGURE_ROUNDED];

	open_row(p, figure_text(entry, "name"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)fprintf(
			p->to, "<td>%s</td>",
			figure_rounded(text, figure_number(latency, keys[i])));
	(void)fputs("</tr>\n", p->to);
}

void page_latencies(struct page *p, const json_t *one)
{
	static const char *const heads[] = { "ns",   "median", "90 %",
					     "99 %", "99.9 %", "max" };
	const json_t *entry;
	bool open = false;
	size_t i;

	foreach (json_object_get(one, "entries"), i, entry) {
		if (!json_is_object(json_object_get(entry, "latency")))
			continue;
		if (!open) {
			open_box(p, "Latency: ", figure_text(one, "name"));
			put_head(p, heads, sizeof(heads) / sizeof(heads[0]));
			open = true;
		}
		put_latency(p, entry);
	}
	if (open)
		close_box(p);
}

/* --- series ---------------------------------------------------------------- */

static void put_measured(struct page *p, const json_t *one)
{
	char text[FIGURE_ROUNDED];
	const json_t *entry;
	size_t i;

	open_row(p, figure_text(one, "name"));
	foreach (json_object_get(one, "entries"), i, entry) {
		if (json_is_string(json_object_get(entry, "error"))) {
			(void)fputs("<td>", p->to);
			page_text(p, figure_text(entry, "error"));
			(void)fputs("</td>", p->to);
			continue;
		}
		(void)fprintf(
			p->to, "<td>%s",
			figure_rounded(text, figure_number(entry, "median")));
		(void)fprintf(
			p->to, " <small>%s\xe2\x80\x93",
			figure_rounded(text, figure_number(entry, "min")));
		(void)fprintf(p->to, "%s%s</small></td>",
			      figure_rounded(text, figure_number(entry, "max")),
			      json_is_true(json_object_get(entry, "noisy"))
				      ? " noisy"
				      : "");
	}
	(void)fputs("</tr>\n", p->to);
}

void page_series(struct page *p, const json_t *first)
{
	const char *heads[3] = { "case" };
	const json_t *entry, *one;
	char of[256];
	size_t i, n = 1;

	if (!figure_tabled(first, p->results))
		return;
	foreach (json_object_get(first, "entries"), i, entry)
		heads[n++] = figure_text(entry, "name");
	(void)snprintf(of, sizeof(of), "%s, %s", figure_text(first, "series"),
		       figure_text(first, "unit"));
	open_box(p, "Medians: ", of);
	put_head(p, heads, n);
	foreach (json_object_get(p->results, "cases"), i, one)
		if (figure_together(one, first))
			put_measured(p, one);
	close_box(p);
}

/* --- slopes ---------------------------------------------------------------- */

static void put_slope(struct page *p, const json_t *slope)
{
	static const char *const keys[] = { "slope", "intercept", "exponent",
					    "r2" };

	open_row(p, figure_text(slope, "entry"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_is_number(json_object_get(slope, keys[i])))
			(void)fprintf(p->to, "<td>%.3g</td>",
				      figure_number(slope, keys[i]));
		else
			(void)fputs("<td>\xe2\x80\x93</td>", p->to);
	}
	(void)fputs("<td>", p->to);
	page_text(p, figure_text(slope, "unit"));
	(void)fputs("</td></tr>\n", p->to);
}

void page_slopes(struct page *p, const json_t *first)
{
	static const char *const heads[] = { "entry",	  "slope",
					     "intercept", "exponent",
					     "R\xc2\xb2", "unit" };
	const json_t *slope;
	bool open = false;
	size_t i;

	foreach (json_object_get(p->results, "slopes"), i, slope) {
		if (!figure_is(slope, "series", figure_text(first, "series")) ||
		    !figure_is(slope, "suite", figure_text(first, "suite")))
			continue;
		if (!open) {
			open_box(p, "Fitted: ", figure_text(first, "series"));
			put_head(p, heads, sizeof(heads) / sizeof(heads[0]));
			open = true;
		}
		put_slope(p, slope);
	}
	if (open)
		close_box(p);
}

/* --- crash ----------------------------------------------------------------- */

void page_recoveries(struct page *p)
{
	static const char *const heads[] = { "participants", "event", "at, s",
					     "recovery, ms" };
	const json_t *one;
	char text[FIGURE_ROUNDED];
	size_t i;

	open_box(p, "Recovery, of the runs drawn", "");
	put_head(p, heads, sizeof(heads) / sizeof(heads[0]));
	foreach (json_object_get(p->results, "crash"), i, one) {
		double ms = figure_number(one, "recovery_ms");

		open_row(p, figure_text(one, "name"));
		(void)fputs("<td>", p->to);
		page_text(p, figure_text(one, "event"));
		(void)fprintf(p->to, "</td><td>%.3g</td><td>%s</td></tr>\n",
			      figure_number(one, "event_s"),
			      ms < 0 ? "never" : figure_rounded(text, ms));
	}
	close_box(p);
}
