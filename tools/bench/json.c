/* SPDX-License-Identifier: MIT */
/* Results as JSON; README.md says what the fields mean. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "tools/bench/crash_json.h"
#include "tools/bench/fit.h"
#include "tools/bench/noise.h"

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *spread_json(const double *values, unsigned n)
{
	struct spread s = spread_of(values, n);

	if (!n)
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "median", s.median, "min", s.min,
			 "max", s.max);
}

static json_t *latency_json(const struct bench_hist *h)
{
	static const double parts[] = { 0,	0.1,	0.25,	 0.5,	0.75,
					0.9,	0.95,	0.99,	 0.995, 0.999,
					0.9995, 0.9999, 0.99999, 1 };
	json_t *curve;

	if (!h || !h->count)
		return json_null();
	curve = json_array();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_array_append_new(
			curve,
			json_pack("[f, I]", parts[i],
				  (json_int_t)bench_hist_at(h, parts[i])));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "count",
			 (json_int_t)h->count, "p50",
			 (json_int_t)bench_hist_at(h, 0.5), "p90",
			 (json_int_t)bench_hist_at(h, 0.9), "p99",
			 (json_int_t)bench_hist_at(h, 0.99), "p99_9",
			 (json_int_t)bench_hist_at(h, 0.999), "max",
			 (json_int_t)h->max_ns, "curve", curve);
}

static json_t *entry_json(const struct asked *a, unsigned i)
{
	static const char *const kinds[] = { "ours", "rival", "limit",
					     "rival" };
	const struct bench_entry *e = &a->c.entries[i];
	const struct result *r = &a->result[i];
	double ratios[BENCH_ROUNDS_MAX];
	json_t *values = json_array();
	unsigned n = r->rc ? 0 : a->rounds;
	struct spread s = bench_values(a, i);
	int ours = bench_ours(a);
	json_t *j;

	for (unsigned k = 0; k < n; k++)
		json_array_append_new(values, json_real(r->value[k]));
	j = json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:f, s:f, s:f, s:b, s:o}",
		      "name", e->name, "kind", kinds[e->kind], "package",
		      text(e->package), "threads", e->threads, "error",
		      r->rc ? text(r->why ? r->why : strerror(-r->rc))
			    : json_null(),
		      "values", values, "median", s.median, "min", s.min, "max",
		      s.max, "noisy", bench_noisy(a, i), "latency",
		      latency_json(r->hist));
	n = ours < 0 || (unsigned)ours == i
		    ? 0
		    : bench_ratios(a, (unsigned)ours, i, ratios);
	json_object_set_new(j, "ratio", spread_json(ratios, n));
	return j;
}

static json_t *case_json(const struct asked *a)
{
	const struct bench_point *p = &a->c.point;
	json_t *entries = json_array();
	json_t *j;

	for (unsigned i = 0; i < a->c.count; i++)
		json_array_append_new(entries, entry_json(a, i));
	j = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:f, s:i,"
		      " s:{s:I, s:I, s:I, s:I, s:I}, s:o}",
		      "suite", a->c.suite, "name", a->c.name, "unit", a->c.unit,
		      "less_is_better", a->c.less_is_better, "series",
		      text(a->c.series), "x_name", text(a->c.x_name), "x",
		      a->c.x, "rounds", (int)a->rounds, "point", "elem_bytes",
		      (json_int_t)p->elem_bytes, "capacity",
		      (json_int_t)p->capacity, "batch", (json_int_t)p->batch,
		      "work", (json_int_t)p->work, "actors",
		      (json_int_t)p->actors, "entries", entries);
	bench_noise_json(a, j);
	return j;
}

static json_t *target_json(const struct bench *b, const struct bench_target *t)
{
	struct verdict v = bench_judge(b, t);

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:f, s:o, s:f, s:f, s:s, s:b}",
		"suite", t->suite, "name", t->name, "line", t->line, "limit",
		v.met ? json_null() : text(t->limit), "ours", text(t->ours),
		"against", text(t->against), "at_least", t->at_least, "ratio",
		v.rounds ? json_real(v.ratio.median) : json_null(), "min",
		v.ratio.min, "max", v.ratio.max, "verdict",
		!v.rounds ? "not measured"
		: v.met	  ? "met"
			  : "not met",
		"noisy", v.noisy);
}

/* JSON has no NaN. */
static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *slopes_json(const struct bench *b)
{
	json_t *slopes = json_array();
	struct bench_slope s;

	for (unsigned i = 0; i < b->cases; i++)
		for (unsigned j = 0; j < b->asked[i].c.count; j++) {
			if (bench_slope(b, &b->asked[i], j, &s))
				continue;
			json_array_append_new(
				slopes,
				json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:o,"
					  " s:o, s:o}",
					  "suite", s.suite, "series", s.series,
					  "entry", s.entry, "x_name",
					  text(s.x_name), "unit", s.unit,
					  "slope", real(s.fit.slope),
					  "intercept", real(s.fit.intercept),
					  "exponent", real(s.fit.exponent),
					  "r2", real(s.fit.r2)));
		}
	return slopes;
}

json_t *bench_json(const struct bench *b, const char *command, json_t *machine)
{
	json_t *cases = json_array();
	json_t *targets = json_array();
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ",
		       gmtime_r(&now, &tm));
	for (unsigned i = 0; i < b->cases; i++)
		if (b->asked[i].rounds)
			json_array_append_new(cases, case_json(&b->asked[i]));
	for (unsigned i = 0; i < b->targets_count; i++)
		json_array_append_new(targets, target_json(b, &b->targets[i]));
	return json_pack("{s:s, s:s, s:s, s:O, s:o, s:o, s:o, s:o}", "format",
			 "slipring-bench-1", "command", command, "when", when,
			 "machine", machine, "cases", cases, "slopes",
			 slopes_json(b), "targets", targets, "crash",
			 bench_crash_timelines());
}
