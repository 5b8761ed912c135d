/* SPDX-License-Identifier: MIT */
/* Scripts for gnuplot. Texts go in single quotes, where it expands nothing. */
#include "tools/bench/figure.h"

#include <math.h>
#include <string.h>

#define MOST 32 /* entries in a figure */

const struct figure_colour figure_colours[FIGURE_COLOURS] = {
	{ 0x0072b2, 0x56b4e9 }, { 0xc95800, 0xff9447 }, { 0x007a5a, 0x2fc79a },
	{ 0xa3487f, 0xe59ac4 }, { 0x8a6d00, 0xe6c229 }, { 0x6b4226, 0xc9a27e },
	{ 0x2f7486, 0x7fd3e0 }, { 0x444444, 0xe0e0e0 }, { 0x757575, 0x9aa4ae },
};

/* --- JSON ------------------------------------------------------------------ */

const char *figure_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

double figure_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool figure_is(const json_t *object, const char *key, const char *text)
{
	return strcmp(figure_text(object, key), text) == 0;
}

const char *figure_rounded(char to[FIGURE_ROUNDED], double value)
{
	double size = fabs(value);
	char plain[FIGURE_ROUNDED];
	size_t digits, n = 0;

	if (size < 9999.5 || size > 1e15) {
		int after = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;

		if (size > 1e15 || size < 0.9995)
			(void)snprintf(to, FIGURE_ROUNDED, "%.3g", value);
		else
			(void)snprintf(to, FIGURE_ROUNDED, "%.*f", after,
				       value);
		return to;
	}
	(void)snprintf(plain, sizeof(plain), "%.0f", size);
	digits = strlen(plain);
	if (value < 0)
		to[n++] = '-';
	for (size_t i = 0; i < digits; i++) {
		if (i && (digits - i) % 3 == 0)
			to[n++] = ',';
		to[n++] = plain[i];
	}
	to[n] = '\0';
	return to;
}

/* --- words of gnuplot ------------------------------------------------------ */

/* What `twice` holds is doubled: a quote, and in tics the sign of a format. */
static void put_quoted(FILE *to, const char *text, const char *twice)
{
	(void)fputc('\'', to);
	for (; *text; text++) {
		if (strchr(twice, *text))
			(void)fputc(*text, to);
		/* A line's end would end the command. */
		(void)fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
	}
	(void)fputc('\'', to);
}

static void quote(FILE *to, const char *text)
{
	put_quoted(to, text, "'");
}

static void set_text(FILE *to, const char *what, const char *text)
{
	(void)fprintf(to, "set %s ", what);
	quote(to, text);
	(void)fputc('\n', to);
}

static void set_paper(FILE *to, unsigned width, unsigned height)
{
	(void)fprintf(to,
		      "set term svg size %u,%u dynamic noenhanced"
		      " font 'sans-serif,13'\n"
		      "set border 3\nset xlabel offset 0,0.7\n"
		      "set tics nomirror out scale 0.6\n"
		      "set style line 9 lc rgb '#757575' lw 0.4 dt 3\n"
		      "set grid ls 9\n"
		      "set key bmargin left Left reverse vertical maxcols 1"
		      " samplen 3\n",
		      width, height);
}

static void set_title(FILE *to, const json_t *one, const char *more)
{
	char title[512];

	(void)snprintf(title, sizeof(title), "%s: %s%s",
		       figure_text(one, "suite"), figure_text(one, "name"),
		       more);
	(void)fputs("if (TITLED) ", to);
	set_text(to, "title", title);
}

/* Limits are grey; the others have a colour each, by their place. */
static unsigned colour_at(const json_t *entry, size_t place)
{
	return figure_is(entry, "kind", "limit")
		       ? FIGURE_COLOURS - 1
		       : (unsigned)(place % (FIGURE_COLOURS - 1));
}

static void put_style(FILE *to, const json_t *entry, size_t place)
{
	(void)fprintf(to, " lc rgb '#%06x' lw %s dt %u",
		      figure_colours[colour_at(entry, place)].light,
		      figure_is(entry, "kind", "ours") ? "3" : "1.6",
		      figure_is(entry, "kind", "ours")
			      ? 1
			      : (unsigned)(place % 4 + 1));
}

static bool measured(const json_t *entry)
{
	return !json_is_string(json_object_get(entry, "error")) &&
	       json_array_size(json_object_get(entry, "values")) > 0;
}

/* --- bars ------------------------------------------------------------------ */

static void put_bar(FILE *to, const json_t *entry, size_t place)
{
	char value[FIGURE_ROUNDED];
	double median = figure_number(entry, "median");

	if (!measured(entry)) {
		(void)fprintf(to, "set label %zu ", place + 1);
		quote(to, *figure_text(entry, "error")
				  ? figure_text(entry, "error")
				  : "not measured");
		(void)fprintf(to, " at 0,%zu left offset 0.5,0\n", place);
		return;
	}
	(void)fprintf(to, "set label %zu '%s' at %.9g,%zu left offset 0.7,0\n",
		      place + 1, figure_rounded(value, median),
		      fmax(median, figure_number(entry, "max")), place);
	if (figure_is(entry, "kind", "limit"))
		(void)fprintf(to,
			      "set arrow from %.9g,graph 0 to %.9g,graph 1"
			      " nohead dt 2 lc rgb '#757575'\n",
			      median, median);
}

static unsigned longest_name(const json_t *entries)
{
	size_t i, most = 0;
	const json_t *entry;

	foreach (entries, i, entry) {
		size_t letters = strlen(figure_text(entry, "name"));

		most = letters > most ? letters : most;
	}
	return most > 80 ? 80 : (unsigned)most;
}

static double longest_bar(const json_t *entries)
{
	double most = 0;
	const json_t *entry;
	size_t i;

	foreach (entries, i, entry)
		if (measured(entry))
			most = fmax(most, figure_number(entry, "max"));
	return most;
}

bool figure_bars(FILE *to, const json_t *what, const json_t *results)
{
	const json_t *entries = json_object_get(what, "entries");
	double most = longest_bar(entries);
	const json_t *entry;
	size_t i;

	(void)results;
	if (most <= 0)
		return false;
	set_paper(to, 420 + 8 * longest_name(entries),
		  90 + 30 * (unsigned)json_array_size(entries));
	set_title(to, what, "");
	set_text(to, "xlabel", figure_text(what, "unit"));
	(void)fprintf(to, "set xrange [0:%.9g]\nset yrange [%.1f:-0.5]\n",
		      most * 1.15, (double)json_array_size(entries) - 0.5);
	(void)fputs("unset key\nunset ytics\nset grid noytics\n", to);
	foreach (entries, i, entry) {
		(void)fputs(i ? "set ytics add (" : "set ytics scale 0 (", to);
		put_quoted(to, figure_text(entry, "name"), "'%");
		(void)fprintf(to, " %zu)\n", i);
		put_bar(to, entry, i);
	}
	(void)fputs("$d << EOD\n", to);
	foreach (entries, i, entry)
		if (measured(entry))
			(void)fprintf(
				to, "%zu %.9g %.9g %.9g %u\n", i,
				figure_number(entry, "median"),
				figure_number(entry, "min"),
				figure_number(entry, "max"),
				figure_colours[figure_is(entry, "kind", "ours")
						       ? 0
						       : FIGURE_COLOURS - 1]
					.light);
	(void)fputs("EOD\nset style fill solid 0.75\n"
		    "plot $d using 2:1:(0):2:($1-.33):($1+.33):5 with"
		    " boxxyerror lc rgb variable, $d using 2:1:3:4 with"
		    " xerrorbars lc rgb 'black' lw 1.2 pt 0\n",
		    to);
	return true;
}

/* --- latency --------------------------------------------------------------- */

/* What is beyond the count of what was measured would be made up. */
static size_t put_curve(FILE *to, const json_t *latency, size_t place)
{
	double count = figure_number(latency, "count");
	const json_t *point;
	size_t i, n = 0;

	(void)fprintf(to, "$d%zu << EOD\n", place);
	foreach (json_object_get(latency, "curve"), i, point) {
		double part = json_number_value(json_array_get(point, 0));
		double ns = json_number_value(json_array_get(point, 1));

		if (part >= 1 || (count > 0 && 1 / (1 - part) > count))
			break;
		(void)fprintf(to, "%.9g %.9g\n", 1 / (1 - part), fmax(ns, 1));
		n++;
	}
	(void)fputs("EOD\n", to);
	return n;
}

bool figure_latency(FILE *to, const json_t *what, const json_t *results)
{
	const json_t *entries = json_object_get(what, "entries");
	bool drawn[MOST] = { false };
	const char *next = "";
	unsigned n = 0;
	const json_t *entry;
	size_t i;

	(void)results;
	foreach (entries, i, entry)
		if (i < MOST) {
			drawn[i] =
				put_curve(to, json_object_get(entry, "latency"),
					  i) > 1;
			n += drawn[i];
		}
	if (!n)
		return false;
	set_paper(to, 440, 262 + 20 * n);
	(void)fprintf(to, "set bmargin %u\n", n + 4);
	set_title(to, what, ", latency");
	(void)fputs(
		"set logscale xy\nset xrange [1:*]\n"
		"set rmargin 4\nset xtics ('50 %%' 2, '90 %%' 10, '99 %%' 100,"
		" '99.9 %%' 1e3, '99.99 %%' 1e4, '99.999 %%' 1e5)\n"
		"set format y '%.0s%c'\nset ylabel 'ns'\n"
		"set xlabel 'part of all that is not slower'\nplot",
		to);
	foreach (entries, i, entry) {
		if (i >= MOST || !drawn[i])
			continue;
		(void)fprintf(to, "%s $d%zu with lines", next, i);
		put_style(to, entry, i);
		(void)fputs(" title ", to);
		quote(to, figure_text(entry, "name"));
		next = ",";
	}
	(void)fputc('\n', to);
	return true;
}

/* --- series ---------------------------------------------------------------- */

bool figure_together(const json_t *a, const json_t *b)
{
	return *figure_text(a, "series") &&
	       figure_is(a, "suite", figure_text(b, "suite")) &&
	       figure_is(a, "series", figure_text(b, "series"));
}

bool figure_leads(const json_t *one, const json_t *results)
{
	const json_t *other;
	size_t i, n = 0;

	foreach (json_object_get(results, "cases"), i, other) {
		if (!figure_together(other, one))
			continue;
		if (!n && other != one)
			return false;
		n++;
	}
	return n > 1;
}

bool figure_tabled(const json_t *one, const json_t *results)
{
	const json_t *other;
	size_t i, n = 0;

	foreach (json_object_get(results, "cases"), i, other)
		n += figure_together(other, one);
	return n >= 4 && json_array_size(json_object_get(one, "entries")) <= 2;
}

static const json_t *entry_named(const json_t *one, const char *name)
{
	const json_t *entry;
	size_t i;

	foreach (json_object_get(one, "entries"), i, entry)
		if (figure_is(entry, "name", name))
			return entry;
	return NULL;
}

/* The entries of all cases, each once. */
static size_t all_entries(const json_t *first, const json_t *cases,
			  const json_t **list)
{
	const json_t *one, *entry;
	size_t i, k, n = 0;

	foreach (cases, i, one) {
		if (!figure_together(one, first))
			continue;
		foreach (json_object_get(one, "entries"), k, entry) {
			size_t seen = 0;

			while (seen < n &&
			       !figure_is(list[seen], "name",
					  figure_text(entry, "name")))
				seen++;
			if (seen == n && n < MOST)
				list[n++] = entry;
		}
	}
	return n;
}

static bool put_line(FILE *to, const json_t *first, const json_t *cases,
		     const char *name, size_t place)
{
	const json_t *one;
	size_t i, n = 0;

	(void)fprintf(to, "$d%zu << EOD\n", place);
	foreach (cases, i, one) {
		const json_t *entry = entry_named(one, name);

		if (!figure_together(one, first) || !entry ||
		    !measured(entry) || figure_number(entry, "median") <= 0)
			continue;
		(void)fprintf(to, "%.9g %.9g\n", figure_number(one, "x"),
			      figure_number(entry, "median"));
		n++;
	}
	(void)fputs("EOD\n", to);
	return n > 1;
}

/* A fitted line can be drawn where it is in the unit of what is shown. */
static bool put_slope(FILE *to, const json_t *first, const json_t *results,
		      const char *name)
{
	const json_t *slope;
	size_t i;

	foreach (json_object_get(results, "slopes"), i, slope) {
		if (!figure_together(slope, first) ||
		    !figure_is(slope, "entry", name) ||
		    !figure_is(slope, "unit", figure_text(first, "unit")))
			continue;
		(void)fprintf(to,
			      ", (%.9g*x+%.9g > 0 ? %.9g*x+%.9g : NaN)"
			      " with lines lw 0.8 dt 3",
			      figure_number(slope, "slope"),
			      figure_number(slope, "intercept"),
			      figure_number(slope, "slope"),
			      figure_number(slope, "intercept"));
		return true;
	}
	return false;
}

/* Of a logarithmic axis, which gnuplot would round to whole powers of ten. */
static void put_range(FILE *to, const json_t *first, const json_t *cases)
{
	double least = figure_number(first, "x");
	double most = least;
	const json_t *one;
	size_t i;

	foreach (cases, i, one) {
		double x = figure_number(one, "x");

		if (!figure_together(one, first) || x <= 0)
			continue;
		least = fmin(least, x);
		most = fmax(most, x);
	}
	(void)fprintf(to, "set xrange [%.9g:%.9g]\n", least / 1.15,
		      most * 1.15);
}

static void put_tics(FILE *to, const json_t *first, const json_t *cases)
{
	size_t i, n = 0, step;
	const json_t *one;
	size_t all = 0;

	foreach (cases, i, one)
		all += figure_together(one, first);
	step = (all + 5) / 6;
	(void)fputs("set xtics (", to);
	foreach (cases, i, one) {
		double x = figure_number(one, "x");

		if (!figure_together(one, first) || n++ % step)
			continue;
		if (x >= 1024 && fmod(x, 1024 * 1024) == 0)
			(void)fprintf(to, "'%g Mi' ", x / 1024 / 1024);
		else if (x >= 1024 && fmod(x, 1024) == 0)
			(void)fprintf(to, "'%g Ki' ", x / 1024);
		else
			(void)fprintf(to, "'%g' ", x);
		(void)fprintf(to, "%.9g%s", x, n + step > all ? "" : ",");
	}
	(void)fputs(")\n", to);
}

static void put_lines(FILE *to, const json_t *first, const json_t *results,
		      const json_t **list, const bool *drawn, size_t n)
{
	const char *next = "";

	(void)fputs("plot", to);
	for (size_t i = 0; i < n; i++) {
		const char *name = figure_text(list[i], "name");

		if (!drawn[i])
			continue;
		(void)fprintf(to, "%s $d%zu with linespoints pt %zu ps 0.7",
			      next, i, i % 7 * 2 + 4);
		put_style(to, list[i], i);
		(void)fputs(" title ", to);
		quote(to, name);
		next = ",";
		if (put_slope(to, first, results, name))
			(void)fprintf(
				to, " lc rgb '#%06x' notitle",
				figure_colours[colour_at(list[i], i)].light);
	}
	(void)fputc('\n', to);
}

bool figure_series(FILE *to, const json_t *what, const json_t *results)
{
	const json_t *cases = json_object_get(results, "cases");
	const json_t *list[MOST];
	bool drawn[MOST];
	unsigned lines = 0;
	size_t n;

	if (!figure_leads(what, results))
		return false;
	n = all_entries(what, cases, list);
	for (size_t i = 0; i < n; i++) {
		drawn[i] = put_line(to, what, cases,
				    figure_text(list[i], "name"), i);
		lines += drawn[i];
	}
	if (!lines)
		return false;
	set_paper(to, 440, 272 + 20 * lines);
	(void)fprintf(to, "set bmargin %u\n", lines + 4);
	(void)fputs("if (TITLED) ", to);
	set_text(to, "title", figure_text(what, "series"));
	set_text(to, "xlabel", figure_text(what, "x_name"));
	set_text(to, "ylabel", figure_text(what, "unit"));
	(void)fprintf(to, "set logscale %s\nset format y '%%g'\n",
		      figure_number(what, "x") > 0 ? "xy" : "y");
	if (figure_number(what, "x") > 0)
		put_range(to, what, cases);
	put_tics(to, what, cases);
	put_lines(to, what, results, list, drawn, n);
	return true;
}

/* --- crash ----------------------------------------------------------------- */

static void mark(FILE *to, double at, const char *text, double height,
		 uint32_t colour)
{
	(void)fprintf(to,
		      "set arrow from %.9g,graph 0 to %.9g,graph 1 nohead"
		      " dt 2 lw 1.4 lc rgb '#%06x' front\nset label ",
		      at, at, colour);
	quote(to, text);
	(void)fprintf(to, " at %.9g,graph %.2f left offset 0.5,0 front\n", at,
		      height);
}

bool figure_crash(FILE *to, const json_t *what, const json_t *results)
{
	const json_t *seconds = json_object_get(what, "seconds");
	const json_t *values = json_object_get(what, "values");
	double event = figure_number(what, "event_s");
	double ms = figure_number(what, "recovery_ms");
	char title[256];

	(void)results;
	if (json_array_size(values) < 2)
		return false;
	set_paper(to, 440, 230);
	(void)snprintf(title, sizeof(title), "%s: %s",
		       figure_text(what, "name"), figure_text(what, "event"));
	(void)fputs("if (TITLED) ", to);
	set_text(to, "title", title);
	set_text(to, "ylabel", figure_text(what, "unit"));
	(void)fputs("set xlabel 's'\nset yrange [0:*]\nunset key\n"
		    "set offsets 0,0,graph 0.3,0\n",
		    to);
	mark(to, event, figure_text(what, "event"), 0.96,
	     figure_colours[1].light);
	if (ms > 0)
		mark(to, event + ms / 1e3, "recovered", 0.84,
		     figure_colours[2].light);
	(void)fputs("$d << EOD\n", to);
	for (size_t i = 0; i < json_array_size(values); i++)
		(void)fprintf(to, "%.9g %.9g\n",
			      json_number_value(json_array_get(seconds, i)),
			      json_number_value(json_array_get(values, i)));
	(void)fprintf(to, "EOD\nplot $d with steps lw 1.8 lc rgb '#%06x'\n",
		      figure_colours[0].light);
	return true;
}
