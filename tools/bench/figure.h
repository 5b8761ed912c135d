/* SPDX-License-Identifier: MIT */
/* Figures as gnuplot draws them, for page.c and plot.c. */
#ifndef SLIP_TOOLS_BENCH_FIGURE_H
#define SLIP_TOOLS_BENCH_FIGURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A line's colour on white, and its substitute on a dark page. All are told
 * apart by the colour-blind, and lines by their dashes and points as well. */
struct figure_colour {
	uint32_t light, dark;
};
#define FIGURE_COLOURS 9 /* the last one is for limits */
extern const struct figure_colour figure_colours[FIGURE_COLOURS];

/* Under a name that clang-format knows for a loop's. */
#define foreach(array, i, value) json_array_foreach(array, i, value)

/* Writes a script about a case (bars, latency, series: its first case) or a
 * crash timeline; false: there is nothing to draw. */
typedef bool figure_writer(FILE *to, const json_t *what, const json_t *results);
figure_writer figure_bars, figure_latency, figure_series, figure_crash;

/*
 * Has gnuplot draw it. *svg is NULL if there is nothing to draw; free() it.
 * With a title inside for papers; a page has captions. 0, -ENOENT without
 * gnuplot, or another negative errno.
 */
int figure_draw(figure_writer *write, const json_t *what, const json_t *results,
		bool titled, char **svg);

/* "" and 0 where it is missing. */
const char *figure_text(const json_t *object, const char *key);
double figure_number(const json_t *object, const char *key);
bool figure_is(const json_t *object, const char *key, const char *text);
/* For readers: three digits or more, thousands apart. */
#define FIGURE_ROUNDED 32
const char *figure_rounded(char to[FIGURE_ROUNDED], double value);
/* Whether a case is the first of a series that can be drawn. */
bool figure_leads(const json_t *one, const json_t *results);
/* Whether it says more in a line and a table than as bars: one of four cases or
 * more in a series, and at most two who answer. */
bool figure_tabled(const json_t *one, const json_t *results);
/* In the same series of the same suite? */
bool figure_together(const json_t *a, const json_t *b);

#endif
