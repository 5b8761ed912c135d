/* SPDX-License-Identifier: MIT */
/* What gnuplot drew, as a part of a page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/page_parts.h"

void page_text(struct page *p, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (strchr("&<>\"'", c))
			(void)fprintf(p->to, "&#%u;", c);
		else
			(void)fputc(c < ' ' ? ' ' : c, p->to);
	}
}

/*
 * Many drawings share the page, so their ids get a number. gnuplot's titles
 * and descriptions would show up as its own names for lines; black is the
 * page's ink.
 */
struct change {
	const char *from, *to;
	const char *until; /* drop all up to the end of that */
	bool number;
};
static const struct change changes[] = {
	{ "<title>", "", "</title>", false },
	{ "<desc>", "", "</desc>", false },
	{ "<filter", "", "</filter>", false },
	{ "xlink:href='#", "href='#g", NULL, true },
	{ "id='", "id='g", NULL, true },
	{ "id=\"", "id=\"g", NULL, true },
	{ "rgb(  0,   0,   0)", "currentColor", NULL, false },
	{ "'black'", "'currentColor'", NULL, false },
	{ "\"black\"", "\"currentColor\"", NULL, false },
	{ " color=\"currentColor\"", "", NULL, false },
	{ " color=\"black\"", "", NULL, false },
	{ " color=\"white\"", "", NULL, false },
	{ " font-family=\"sans-serif\"", "", NULL, false },
};

static const char *change_one(struct page *p, const char *at)
{
	const struct change *last = NULL;
	const char *end;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strncmp(at, changes[i].from, strlen(changes[i].from))) {
			last = &changes[i];
			break;
		}
	if (!last) {
		(void)fputc(*at, p->to);
		return at + 1;
	}
	(void)fputs(last->to, p->to);
	if (last->number)
		(void)fprintf(p->to, "%u-", p->figures);
	end = last->until ? strstr(at, last->until) : NULL;
	return end ? end + strlen(last->until) : at + strlen(last->from);
}

static void put_svg(struct page *p, const char *svg, const char *caption,
		    const char *more)
{
	const char *box = strstr(svg, "viewBox=");
	const char *at = box ? strchr(box, '>') : NULL;

	if (!at)
		return;
	(void)fputs("<svg class=\"plot\" role=\"img\" aria-label=\"", p->to);
	page_text(p, caption);
	page_text(p, more);
	(void)fprintf(p->to, "\" %.*s>", (int)strcspn(box, "\n"), box);
	for (at++; *at;)
		at = change_one(p, at);
}

void page_figure(struct page *p, figure_writer *write, const json_t *what,
		 const char *caption, const char *more)
{
	char *svg;
	int rc;

	if (p->rc == -ENOENT)
		return;
	rc = figure_draw(write, what, p->results, false, &svg);
	if (rc)
		p->rc = rc;
	if (rc || !svg)
		return;
	p->figures++;
	(void)fputs("<figure>", p->to);
	put_svg(p, svg, caption, more);
	(void)fputs("<figcaption><b>", p->to);
	page_text(p, caption);
	(void)fputs("</b>", p->to);
	page_text(p, more);
	(void)fputs("</figcaption></figure>\n", p->to);
	free(svg);
}
