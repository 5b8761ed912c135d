/* SPDX-License-Identifier: MIT */
/* A suite on the page: its cases as bars, then what else they tell. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "tools/bench/page_parts.h"

static bool measured(const json_t *entry)
{
	return !json_is_string(json_object_get(entry, "error")) &&
	       json_array_size(json_object_get(entry, "values")) > 0;
}

bool page_starts_suite(const json_t *cases, size_t i)
{
	const char *suite = figure_text(json_array_get(cases, i), "suite");

	while (i--)
		if (figure_is(json_array_get(cases, i), "suite", suite))
			return false;
	return true;
}

/* --- bars ------------------------------------------------------------------ */

/* What a full track stands for. Neither one wild round nor a limit far off may
 * make the rest too small to see. */
static double scale_of(const json_t *entries)
{
	double rivals = 0, limits = 0, most = 0, all;
	const json_t *entry;
	size_t i;

	foreach (entries, i, entry) {
		double median = figure_number(entry, "median");

		if (!measured(entry))
			continue;
		if (figure_is(entry, "kind", "limit"))
			limits = fmax(limits, median);
		else
			rivals = fmax(rivals, median);
		most = fmax(most, figure_number(entry, "max"));
	}
	all = rivals <= 0 || limits <= 4 * rivals ? fmax(rivals, limits)
						  : rivals * 1.2;
	return fmax(all, fmin(most, all * 1.4));
}

/* Among limits alone none is a mark for the others. */
static bool for_others(const json_t *entries)
{
	const json_t *entry;
	size_t i;

	foreach (entries, i, entry)
		if (!figure_is(entry, "kind", "limit"))
			return true;
	return false;
}

static void put_marks(struct page *p, const json_t *entries, double scale)
{
	const json_t *entry;
	size_t i;

	if (!for_others(entries))
		return;
	foreach (entries, i, entry) {
		double at = figure_number(entry, "median");

		if (figure_is(entry, "kind", "limit") && measured(entry) &&
		    at <= scale)
			(void)fprintf(p->to,
				      "<i class=\"mark\" style=\"left:%.2f%%\">"
				      "</i>",
				      100 * at / scale);
	}
}

static void put_track(struct page *p, const json_t *entry,
		      const json_t *entries, double scale)
{
	double median = fmin(figure_number(entry, "median"), scale);
	double min = fmin(figure_number(entry, "min"), scale);
	double max = figure_number(entry, "max");

	(void)fputs("<span class=\"track\" aria-hidden=\"true\">", p->to);
	if (measured(entry)) {
		(void)fprintf(p->to,
			      "<i class=\"bar\" style=\"width:%.2f%%\"></i>",
			      100 * median / scale);
		(void)fprintf(p->to,
			      "<i class=\"range%s\" style=\"left:%.2f%%;"
			      "width:%.2f%%\"></i>",
			      max > scale ? " over" : "", 100 * min / scale,
			      100 * (fmin(max, scale) - min) / scale);
	}
	put_marks(p, entries, scale);
	(void)fputs("</span>", p->to);
}

static void put_ratio(struct page *p, const json_t *entry)
{
	if (!json_is_object(json_object_get(entry, "ratio")))
		return;
	(void)fputc(' ', p->to);
	page_ratio(p, entry);
}

static void put_absent(struct page *p, const json_t *entry)
{
	const char *why = figure_text(entry, "error");
	const char *package = figure_text(entry, "package");

	(void)fputs("<span class=\"value absent\">not measured", p->to);
	if (*why && strcmp(why, "not measured")) {
		(void)fputs(": ", p->to);
		page_text(p, why);
	}
	if (*package && strstr(why, "install")) {
		(void)fputs(" (package ", p->to);
		page_text(p, package);
		(void)fputc(')', p->to);
	}
	(void)fputs("</span>", p->to);
}

static void put_value(struct page *p, const json_t *entry, const char *unit)
{
	char text[3][FIGURE_ROUNDED];

	if (!measured(entry)) {
		put_absent(p, entry);
		return;
	}
	(void)fprintf(p->to, "<span class=\"value\"><b>%s</b> ",
		      figure_rounded(text[0], figure_number(entry, "median")));
	page_text(p, unit);
	(void)fprintf(p->to, " <small>%s\xe2\x80\x93%s</small>",
		      figure_rounded(text[1], figure_number(entry, "min")),
		      figure_rounded(text[2], figure_number(entry, "max")));
	put_ratio(p, entry);
	(void)fputs("</span>", p->to);
}

static void put_entry(struct page *p, const json_t *entry, const json_t *one,
		      double scale)
{
	const char *kind = figure_is(entry, "kind", "ours")    ? "ours"
			   : figure_is(entry, "kind", "limit") ? "limit"
							       : "rival";

	(void)fprintf(p->to, "<li class=\"%s\"><span class=\"name\">", kind);
	page_text(p, figure_text(entry, "name"));
	if (!strcmp(kind, "limit"))
		(void)fputs(" <small>limit</small>", p->to);
	if (json_is_true(json_object_get(entry, "threads")))
		(void)fputs(" <small>threads</small>", p->to);
	if (json_is_true(json_object_get(entry, "noisy")))
		(void)fputs(" <small>noisy</small>", p->to);
	(void)fputs("</span>", p->to);
	put_value(p, entry, figure_text(one, "unit"));
	put_track(p, entry, json_object_get(one, "entries"), scale);
	(void)fputs("</li>\n", p->to);
}

static void put_case(struct page *p, const json_t *one)
{
	const json_t *entries = json_object_get(one, "entries");
	double scale = scale_of(entries);
	const json_t *entry;
	size_t i;

	(void)fputs("<section class=\"card\"><h3>", p->to);
	page_text(p, figure_text(one, "name"));
	(void)fputs("</h3><small>", p->to);
	page_text(p, figure_text(one, "unit"));
	(void)fprintf(p->to, ", %s is better</small>\n<ul class=\"bars\">\n",
		      json_is_true(json_object_get(one, "less_is_better"))
			      ? "less"
			      : "more");
	foreach (entries, i, entry)
		put_entry(p, entry, one, scale > 0 ? scale : 1);
	(void)fputs("</ul></section>\n", p->to);
}

/* --- a suite --------------------------------------------------------------- */

static void put_curves(struct page *p, const char *suite)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const json_t *one;
	size_t i;

	(void)fputs("<div class=\"grid\">\n", p->to);
	foreach (cases, i, one) {
		if (!figure_is(one, "suite", suite))
			continue;
		page_figure(p, figure_latency, one, figure_text(one, "name"),
			    ": how long the slower ones take, both axes "
			    "logarithmic.");
		if (figure_leads(one, p->results))
			page_figure(p, figure_series, one,
				    figure_text(one, "series"),
				    ": medians; dotted: the fitted line.");
	}
	(void)fputs("</div>\n", p->to);
}

void page_suite(struct page *p, const char *suite)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const json_t *one;
	size_t i;

	(void)fputs("<h2 id=\"suite-", p->to);
	page_text(p, suite);
	(void)fputs("\">", p->to);
	page_text(p, suite);
	(void)fputs("</h2>\n<div class=\"grid\">\n", p->to);
	foreach (cases, i, one)
		if (figure_is(one, "suite", suite) &&
		    !figure_tabled(one, p->results))
			put_case(p, one);
	(void)fputs("</div>\n", p->to);
	page_ratios(p, suite);
	put_curves(p, suite);
	foreach (cases, i, one) {
		if (!figure_is(one, "suite", suite))
			continue;
		page_latencies(p, one);
		if (!figure_leads(one, p->results))
			continue;
		page_series(p, one);
		page_slopes(p, one);
	}
}
