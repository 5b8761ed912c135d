/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "tools/bench/fit.h"
#include "tools/bench/noise.h"

/* Three digits are as many as a measurement has. */
static const char *number(char *text, size_t bytes, double v)
{
	int decimals = v >= 99.95 ? 0 : v >= 9.995 ? 1 : v >= 0.0995 ? 2 : 4;

	(void)snprintf(text, bytes, "%.*f", decimals, v);
	return text;
}

static void print_latency(const struct result *r, FILE *out)
{
	if (!r->hist || !r->hist->count)
		return;
	(void)fprintf(out, "  p50 %llu  p99 %llu  p99.9 %llu  max %llu ns",
		      (unsigned long long)bench_hist_at(r->hist, 0.5),
		      (unsigned long long)bench_hist_at(r->hist, 0.99),
		      (unsigned long long)bench_hist_at(r->hist, 0.999),
		      (unsigned long long)r->hist->max_ns);
}

static void print_entry(const struct asked *a, unsigned i, FILE *out)
{
	static const char marks[] = { '*', ' ', '-', ' ' };
	const struct bench_entry *e = &a->c.entries[i];
	const struct result *r = &a->result[i];
	struct spread v = bench_values(a, i);
	double ratios[BENCH_ROUNDS_MAX];
	int ours = bench_ours(a);
	char t[4][32];
	unsigned n;

	(void)fprintf(out, "  %c %-34s", marks[e->kind], e->name);
	if (r->rc) {
		(void)fprintf(out, " %s%s%s\n", r->why ? r->why : "failed",
			      r->rc == -ENOPKG ? ": " : "",
			      r->rc == -ENOPKG && e->package ? e->package : "");
		return;
	}
	(void)fprintf(out, " %9s %-5s [%s, %s]",
		      number(t[0], sizeof(t[0]), v.median), a->c.unit,
		      number(t[1], sizeof(t[1]), v.min),
		      number(t[2], sizeof(t[2]), v.max));
	n = ours < 0 || (unsigned)ours == i
		    ? 0
		    : bench_ratios(a, (unsigned)ours, i, ratios);
	if (n)
		(void)fprintf(out, "  ours is %s times as good",
			      number(t[3], sizeof(t[3]),
				     spread_of(ratios, n).median));
	(void)fprintf(out, "%s%s", e->threads ? "  (threads)" : "",
		      bench_noisy(a, i) ? "  noisy" : "");
	print_latency(r, out);
	(void)fputc('\n', out);
}

static void print_slope(const struct bench_slope *s, FILE *out)
{
	(void)fprintf(out, "    %-34s %.3g %c %.3g x %s", s->entry,
		      s->fit.intercept, s->fit.slope < 0 ? '-' : '+',
		      fabs(s->fit.slope), s->unit);
	if (isnan(s->fit.exponent))
		(void)fprintf(out, "  %s\n", fit_says(&s->fit));
	else
		(void)fprintf(out, "  exponent %.2f: %s (r2 %.2f)\n",
			      s->fit.exponent, fit_says(&s->fit), s->fit.r2);
}

/* Once its last case has been printed. */
static void print_series(const struct bench *b, unsigned last, FILE *out)
{
	const struct asked *a = &b->asked[last];
	struct bench_slope s;
	bool headed = false;

	for (unsigned i = last + 1; i < b->cases; i++)
		if (bench_same_series(a, &b->asked[i]))
			return;
	for (unsigned i = 0; i <= last; i++)
		for (unsigned j = 0; j < b->asked[i].c.count; j++) {
			if (!bench_same_series(a, &b->asked[i]) ||
			    bench_slope(b, &b->asked[i], j, &s))
				continue;
			if (!headed)
				(void)fprintf(out, "  fitted: %s: %s, by %s\n",
					      s.suite, s.series,
					      s.x_name ? s.x_name : "x");
			headed = true;
			print_slope(&s, out);
		}
}

void bench_print(const struct bench *b, FILE *out)
{
	for (unsigned i = 0; i < b->cases; i++) {
		const struct asked *a = &b->asked[i];

		if (!a->rounds)
			continue;
		(void)fprintf(out, "%s: %s, %s is better, %u rounds\n",
			      a->c.suite, a->c.name,
			      a->c.less_is_better ? "less" : "more", a->rounds);
		bench_print_noise(a, out);
		for (unsigned j = 0; j < a->c.count; j++)
			print_entry(a, j, out);
		print_series(b, i, out);
	}
	(void)fputs("* ours, - a limit of the machine. Medians [least, most] "
		    "of the rounds.\n",
		    out);
}

void bench_print_targets(const struct bench *b, FILE *out)
{
	for (unsigned i = 0; i < b->targets_count; i++) {
		const struct bench_target *t = &b->targets[i];
		struct verdict v = bench_judge(b, t);

		(void)fprintf(
			out,
			"%-12s %6.2f of %5.2f  [%.2f, %.2f]  %s: %s (%s)%s\n",
			!v.rounds ? "not measured"
			: v.met	  ? "met"
				  : "NOT MET",
			v.ratio.median, t->at_least, v.ratio.min, v.ratio.max,
			t->suite, t->name, t->line, v.noisy ? "  noisy" : "");
		if (v.rounds && !v.met && t->limit)
			(void)fprintf(out, "             limit: %s\n",
				      t->limit);
	}
}

/* RFC 4180 */
static void field(const char *text, FILE *out)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputs("\",", out);
}

void bench_csv(const struct bench *b, FILE *out)
{
	static const char *const kinds[] = { "ours", "rival", "limit",
					     "rival" };

	(void)fputs("suite,case,entry,kind,unit,series,x,round,value\r\n", out);
	for (unsigned i = 0; i < b->cases; i++)
		for (unsigned j = 0; j < b->asked[i].c.count; j++) {
			const struct asked *a = &b->asked[i];
			const struct bench_entry *e = &a->c.entries[j];

			for (unsigned r = 0; r < a->rounds && !a->result[j].rc;
			     r++) {
				field(a->c.suite, out);
				field(a->c.name, out);
				field(e->name, out);
				field(kinds[e->kind], out);
				field(a->c.unit, out);
				field(a->c.series ? a->c.series : "", out);
				if (a->c.series)
					(void)fprintf(out, "%.9g", a->c.x);
				(void)fprintf(out, ",%u,%.9g\r\n", r,
					      a->result[j].value[r]);
			}
		}
}
