/* SPDX-License-Identifier: MIT */
/* slipring bench --plot DIR: an SVG file for each figure. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/bench/figure.h"
#include "tools/bench/page.h"

struct plots {
	const json_t *results;
	const char *dir;
	size_t number; /* keeps apart what differs in signs only */
};

/* Letters and digits, and one dash for what is between them. */
static void put_plain(FILE *to, const char *text)
{
	bool dash = false;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (!isalnum(c)) {
			dash = true;
			continue;
		}
		if (dash)
			(void)fputc('-', to);
		dash = false;
		(void)fputc(tolower(c), to);
	}
}

static char *path_of(const struct plots *p, const char *suite, const char *name,
		     const char *kind)
{
	char *path = NULL;
	size_t bytes;
	FILE *to = open_memstream(&path, &bytes);

	if (!to)
		return NULL;
	(void)fprintf(to, "%s/", p->dir);
	put_plain(to, suite);
	(void)fprintf(to, "-%02zu-", p->number);
	put_plain(to, name);
	(void)fprintf(to, "-%s.svg", kind);
	if (fclose(to)) {
		free(path);
		return NULL;
	}
	return path;
}

static int save(const char *path, const char *text)
{
	FILE *to = fopen(path, "we");
	int rc;

	if (!to)
		return -errno;
	rc = fputs(text, to) < 0 ? -EIO : 0;
	return fclose(to) ? -EIO : rc;
}

static int put(const struct plots *p, figure_writer *write, const json_t *what,
	       const char *name, const char *kind)
{
	const char *suite = figure_text(what, "suite");
	char *svg, *path;
	int rc = figure_draw(write, what, p->results, true, &svg);

	if (rc || !svg)
		return rc;
	path = path_of(p, *suite ? suite : "crash", name, kind);
	rc = path ? save(path, svg) : -ENOMEM;
	free(path);
	free(svg);
	return rc;
}

static int put_case(const struct plots *p, const json_t *one)
{
	const char *name = figure_text(one, "name");
	int rc = 0;

	if (!figure_tabled(one, p->results))
		rc = put(p, figure_bars, one, name, "bars");
	if (!rc)
		rc = put(p, figure_latency, one, name, "latency");
	if (!rc)
		rc = put(p, figure_series, one, figure_text(one, "series"),
			 "scaling");
	return rc;
}

static int put_crash(const struct plots *p, const json_t *one)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%s %s", figure_text(one, "name"),
		       figure_text(one, "event"));
	return put(p, figure_crash, one, name, "timeline");
}

int bench_plot(json_t *results, const char *dir)
{
	struct plots p = { results, dir, 0 };
	const json_t *one;
	int rc = 0;
	size_t i;

	if (mkdir(dir, 0777) && errno != EEXIST)
		return -errno;
	foreach (json_object_get(results, "cases"), i, one) {
		p.number = i + 1;
		if (!rc)
			rc = put_case(&p, one);
	}
	foreach (json_object_get(results, "crash"), i, one) {
		p.number = i + 1;
		if (!rc)
			rc = put_crash(&p, one);
	}
	if (rc == -ENOENT)
		(void)fputs("slipring bench: --plot needs gnuplot, which is "
			    "not installed (apt install gnuplot-nox)\n",
			    stderr);
	return rc;
}
