/* SPDX-License-Identifier: MIT */
/* slipring bench --html FILE: the page as a whole, its head and targets. */
#define _GNU_SOURCE
#include "tools/bench/page.h"

#include <errno.h>
#include <string.h>

#include "tools/bench/page_parts.h"

/* --- head ------------------------------------------------------------------ */

static void put_fact(struct page *p, const char *name, const char *value)
{
	if (!*value)
		return;
	(void)fprintf(p->to, "<div><dt>%s</dt><dd>", name);
	page_text(p, value);
	(void)fputs("</dd></div>\n", p->to);
}

static void put_machine(struct page *p)
{
	static const char *const facts[][2] = {
		{ "cpu", "processor" },	    { "cpus", "processors" },
		{ "kernel", "kernel" },	    { "machine", "architecture" },
		{ "compiler", "compiler" }, { "flags", "flags" },
		{ "commit", "commit" },	    { "governor", "governor" },
		{ "load", "load" },
	};
	const json_t *machine = json_object_get(p->results, "machine");

	(void)fputs("<section class=\"card\" aria-label=\"machine\">"
		    "<dl class=\"facts\">\n",
		    p->to);
	put_fact(p, "when", figure_text(p->results, "when"));
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		put_fact(p, facts[i][1], figure_text(machine, facts[i][0]));
	put_fact(p, "scheduling",
		 json_is_true(json_object_get(machine, "realtime"))
			 ? "real time (SCHED_FIFO)"
			 : "ordinary");
	put_fact(p, "command", figure_text(p->results, "command"));
	(void)fputs("</dl></section>\n", p->to);
}

static unsigned verdicts(const struct page *p, const char *verdict)
{
	const json_t *target;
	unsigned n = 0;
	size_t i;

	foreach (json_object_get(p->results, "targets"), i, target)
		n += figure_is(target, "verdict", verdict);
	return n;
}

static void put_sum(struct page *p)
{
	if (!json_array_size(json_object_get(p->results, "targets")))
		return;
	(void)fprintf(p->to,
		      "<div class=\"sum\">"
		      "<div class=\"met\"><b>%u</b>targets met</div>"
		      "<div class=\"not\"><b>%u</b>not met</div>"
		      "<div class=\"none\"><b>%u</b>not measured</div></div>\n",
		      verdicts(p, "met"), verdicts(p, "not met"),
		      verdicts(p, "not measured"));
}

/* --- warnings -------------------------------------------------------------- */

static void put_noise(struct page *p)
{
	const json_t *one, *entry;
	unsigned noisy = 0, all = 0;
	size_t i, k;

	foreach (json_object_get(p->results, "cases"), i, one)
		foreach (json_object_get(one, "entries"), k, entry) {
			all++;
			noisy += json_is_true(json_object_get(entry, "noisy"));
		}
	if (noisy)
		(void)fprintf(
			p->to,
			"<li>%u of %u rows are noisy: their rounds differ "
			"too much to be trusted. They are marked."
			"</li>\n",
			noisy, all);
}

/* Whether an absent one has been named by an earlier case. */
static bool named(const json_t *cases, size_t before, const json_t *entry)
{
	const json_t *other;
	size_t k;

	for (size_t i = 0; i < before; i++)
		foreach (json_object_get(json_array_get(cases, i), "entries"),
			 k, other)
			if (*figure_text(other, "error") &&
			    figure_is(other, "name",
				      figure_text(entry, "name")))
				return true;
	return false;
}

static void put_absent(struct page *p)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const json_t *one, *entry;
	size_t i, k;

	foreach (cases, i, one)
		foreach (json_object_get(one, "entries"), k, entry) {
			if (!*figure_text(entry, "error") ||
			    named(cases, i, entry))
				continue;
			(void)fputs("<li>Not measured: ", p->to);
			page_text(p, figure_text(entry, "name"));
			(void)fputs(", ", p->to);
			page_text(p, figure_text(entry, "error"));
			if (*figure_text(entry, "package")) {
				(void)fputs("; Debian package ", p->to);
				page_text(p, figure_text(entry, "package"));
			}
			(void)fputs("</li>\n", p->to);
		}
}

static void put_warnings(struct page *p)
{
	const json_t *machine = json_object_get(p->results, "machine");

	(void)fputs("<h2 class=\"stay\">What to know about this run</h2>\n"
		    "<div class=\"card warn\"><ul>\n",
		    p->to);
	put_noise(p);
	if (!json_is_true(json_object_get(machine, "realtime")))
		(void)fputs("<li>Without real-time scheduling: others may have "
			    "run in between.</li>\n",
			    p->to);
	if (strstr(figure_text(machine, "commit"), "dirty"))
		(void)fputs("<li>The working tree had changes that are in no "
			    "commit.</li>\n",
			    p->to);
	put_absent(p);
	(void)fputs("<li>Each value is a median over rounds in which all took "
		    "turns, with the least and the most.</li>\n</ul></div>\n",
		    p->to);
}

/* --- targets --------------------------------------------------------------- */

static void put_verdict(struct page *p, const json_t *target)
{
	bool met = figure_is(target, "verdict", "met");
	bool not = figure_is(target, "verdict", "not met");

	(void)fprintf(p->to, "<td class=\"left\"><span class=\"chip %s\">%s ",
		      met   ? "met"
		      : not ? "not"
			    : "none",
		      met   ? "\xe2\x9c\x93"
		      : not ? "\xe2\x9c\x97"
			    : "\xe2\x80\x93");
	page_text(p, figure_text(target, "verdict"));
	(void)fprintf(p->to, "</span>%s</td>",
		      json_is_true(json_object_get(target, "noisy"))
			      ? " <small>noisy</small>"
			      : "");
}

static void put_measured(struct page *p, const json_t *target)
{
	char text[3][FIGURE_ROUNDED];

	if (!json_is_number(json_object_get(target, "ratio"))) {
		(void)fputs("<td>\xe2\x80\x93</td>", p->to);
		return;
	}
	(void)fprintf(
		p->to,
		"<td><b>%s\xc3\x97</b><small>%s\xe2\x80\x93%s</small></td>",
		figure_rounded(text[0], figure_number(target, "ratio")),
		figure_rounded(text[1], figure_number(target, "min")),
		figure_rounded(text[2], figure_number(target, "max")));
}

static void put_target(struct page *p, const json_t *target)
{
	(void)fputs("<tr><th scope=\"row\">", p->to);
	page_text(p, figure_text(target, "line"));
	(void)fputs("<br/><small>", p->to);
	page_text(p, figure_text(target, "suite"));
	(void)fputs(": ", p->to);
	page_text(p, figure_text(target, "name"));
	if (*figure_text(target, "limit")) {
		(void)fputs("<br/>limit: ", p->to);
		page_text(p, figure_text(target, "limit"));
	}
	(void)fputs("</small></th>", p->to);
	put_verdict(p, target);
	put_measured(p, target);
	(void)fprintf(p->to, "<td>%.3g\xc3\x97</td><td class=\"left\">",
		      figure_number(target, "at_least"));
	page_text(p, *figure_text(target, "against")
			     ? figure_text(target, "against")
			     : "the best rival");
	(void)fputs("</td></tr>\n", p->to);
}

static void put_targets(struct page *p)
{
	const json_t *targets = json_object_get(p->results, "targets");
	const json_t *target;
	size_t i;

	if (!json_array_size(targets))
		return;
	(void)fputs("<h2 class=\"stay\" id=\"targets\">Targets</h2>\n"
		    "<div class=\"box\" role=\"region\" tabindex=\"0\" "
		    "aria-label=\"targets\"><table><thead><tr>"
		    "<th scope=\"col\">target</th>"
		    "<th scope=\"col\" class=\"left\">verdict</th>"
		    "<th scope=\"col\">measured</th>"
		    "<th scope=\"col\">at least</th>"
		    "<th scope=\"col\" class=\"left\">against</th>"
		    "</tr></thead><tbody>\n",
		    p->to);
	foreach (targets, i, target)
		put_target(p, target);
	(void)fputs("</tbody></table></div>\n", p->to);
}

/* --- the rest -------------------------------------------------------------- */

static void put_crash(struct page *p)
{
	const json_t *list = json_object_get(p->results, "crash");
	const json_t *one;
	char more[128], text[FIGURE_ROUNDED];
	size_t i;

	if (!json_array_size(list))
		return;
	(void)fputs("<h2 id=\"timelines\">Around a crash</h2>\n<p>Throughput "
		    "while one participant is killed or stopped.</p>\n"
		    "<div class=\"grid\">\n",
		    p->to);
	foreach (list, i, one) {
		double ms = figure_number(one, "recovery_ms");

		if (ms > 0)
			(void)snprintf(more, sizeof(more),
				       ": %s at %.3g s, recovered in %s ms",
				       figure_text(one, "event"),
				       figure_number(one, "event_s"),
				       figure_rounded(text, ms));
		else
			(void)snprintf(more, sizeof(more), ": %s at %.3g s%s",
				       figure_text(one, "event"),
				       figure_number(one, "event_s"),
				       ms < 0 ? ", never recovered" : "");
		page_figure(p, figure_crash, one, figure_text(one, "name"),
			    more);
	}
	(void)fputs("</div>\n", p->to);
	page_recoveries(p);
}

static void put_nav(struct page *p)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const json_t *one;
	size_t i;

	(void)fputs("<nav aria-label=\"suites\"><ul>", p->to);
	foreach (cases, i, one) {
		if (!page_starts_suite(cases, i))
			continue;
		(void)fputs("<li><a href=\"#suite-", p->to);
		page_text(p, figure_text(one, "suite"));
		(void)fputs("\">", p->to);
		page_text(p, figure_text(one, "suite"));
		(void)fputs("</a></li>", p->to);
	}
	if (json_array_size(json_object_get(p->results, "crash")))
		(void)fputs("<li><a href=\"#timelines\">timelines</a></li>",
			    p->to);
	(void)fputs("</ul></nav>\n", p->to);
}

static void put_key(struct page *p)
{
	(void)fputs(
		"<p class=\"key\"><span class=\"ours\"><span class=\"track\">"
		"<i class=\"bar\" style=\"width:80%\"></i></span>slipring"
		"</span>\n<span><span class=\"track\"><i class=\"bar\" "
		"style=\"width:80%\"></i></span>rival</span>\n"
		"<span><span class=\"track\"><i class=\"bar\" "
		"style=\"width:70%\"></i><i class=\"range\" "
		"style=\"left:50%;width:40%\"></i></span>least to most</span>\n"
		"<span class=\"limit\"><span class=\"track\"><i class=\"bar\" "
		"style=\"width:80%\"></i><i class=\"mark\" style=\"left:80%\">"
		"</i></span>limit of this machine</span>\n"
		"<span><b class=\"good\">\xe2\x96\xb2\xc2\xa0"
		"2\xc3\x97</b> slipring is twice as good as that row</span>\n"
		"<span><b class=\"bad\">\xe2\x96\xbc\xc2\xa0"
		"0.5\xc3\x97</b> half as good</span></p>\n",
		p->to);
}

static void put_suites(struct page *p)
{
	const json_t *cases = json_object_get(p->results, "cases");
	const json_t *one;
	size_t i;

	foreach (cases, i, one)
		if (page_starts_suite(cases, i))
			page_suite(p, figure_text(one, "suite"));
	put_crash(p);
	if (p->rc == -ENOENT)
		(void)fputs(
			"<p class=\"card warn\">Curves are missing: gnuplot "
			"is not installed (apt install gnuplot-nox)."
			"</p>\n",
			p->to);
}

static void put_all(struct page *p)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\"><head>\n"
		    "<meta charset=\"utf-8\"/>\n"
		    "<meta name=\"viewport\" "
		    "content=\"width=device-width,initial-scale=1\"/>\n"
		    "<title>slipring bench</title>\n"
		    "<link rel=\"icon\" href=\"data:,\"/>\n",
		    p->to);
	page_style(p);
	(void)fputs(
		"</head><body>\n<header><h1>slipring bench</h1>\n"
		"<p class=\"soft\">The rings, their rivals and the limits of "
		"one machine, measured side by side in one run.</p>\n",
		p->to);
	put_sum(p);
	put_machine(p);
	put_nav(p);
	(void)fputs("</header><main>\n", p->to);
	put_warnings(p);
	put_targets(p);
	put_key(p);
	put_suites(p);
	(void)fputs("</main>\n<footer><p class=\"soft\">Drawn by ", p->to);
	page_text(p, figure_text(p->results, "command"));
	(void)fputs("</p></footer></body></html>\n", p->to);
}

int bench_page(json_t *results, const char *file)
{
	struct page p = { fopen(file, "we"), results, 0, 0 };
	bool bad;

	if (!p.to)
		return -errno;
	put_all(&p);
	bad = ferror(p.to) != 0;
	bad |= fclose(p.to) != 0;
	if (p.rc == -ENOENT) {
		(void)fputs(
			"slipring bench: the page has no curves: gnuplot is "
			"not installed (apt install gnuplot-nox)\n",
			stderr);
		p.rc = 0;
	}
	return bad ? -EIO : p.rc;
}
