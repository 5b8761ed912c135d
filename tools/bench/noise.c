/* SPDX-License-Identifier: MIT */
/*
 * Which rounds can be trusted. A ratio is fair only if both answers met the same
 * machine; so a round is left out of medians and ratios if two processors were
 * not as far apart all the time as they were in most rounds, or if somebody else
 * had much of them. Left out, not forgotten: the values stay in the least and
 * the most, and it is said. Where no round is good, all count, and are noisy.
 */
#include "tools/bench/noise.h"

#include <string.h>

static bool near(double a, double b)
{
	return a <= b * BENCH_MOVED && b <= a * BENCH_MOVED;
}

static bool as_far(const struct bench_seen *s, double usual)
{
	return near(s->least_ns, usual) && near(s->most_ns, usual);
}

/* What most rounds agree on. */
static double usual_line(const struct asked *a)
{
	unsigned best = 0;
	double usual = 0;

	for (unsigned i = 0; i < a->rounds; i++) {
		unsigned n = 0;

		for (unsigned j = 0; j < a->rounds; j++)
			n += as_far(&a->seen[j], a->seen[i].first_ns);
		if (n > best) {
			best = n;
			usual = a->seen[i].first_ns;
		}
	}
	return usual;
}

/* /proc/stat counts ticks, which may be wrong by one at either end. */
static bool much(uint64_t ns, uint64_t of_ns)
{
	return ns > 40000000 && (double)ns > BENCH_NOISY * (double)of_ns;
}

static enum bench_trouble trouble(const struct bench_seen *s, double usual)
{
	if (!as_far(s, usual))
		return BENCH_MOVES;
	if (much(s->stolen_ns, s->time_ns))
		return BENCH_STOLEN;
	if (much(s->others_ns, s->time_ns))
		return BENCH_OTHERS;
	return BENCH_QUIET;
}

void bench_sift(struct asked *a)
{
	double usual = usual_line(a);

	a->disturbed = 0;
	for (unsigned i = 0; i < a->rounds; i++) {
		a->seen[i].trouble = trouble(&a->seen[i], usual);
		a->disturbed += a->seen[i].trouble != BENCH_QUIET;
	}
}

bool bench_kept(const struct asked *a, unsigned round)
{
	return a->disturbed == a->rounds ||
	       a->seen[round].trouble == BENCH_QUIET;
}

bool bench_mistrusted(const struct asked *a)
{
	return 2 * a->disturbed > a->rounds;
}

struct spread bench_values(const struct asked *a, unsigned entry)
{
	const double *value = a->result[entry].value;
	struct spread all = spread_of(value, a->rounds);
	double kept[BENCH_ROUNDS_MAX];
	struct spread s;
	unsigned n = 0;

	if (a->result[entry].rc)
		return spread_of(NULL, 0);
	for (unsigned i = 0; i < a->rounds; i++)
		if (bench_kept(a, i))
			kept[n++] = value[i];
	s = spread_of(kept, n);
	s.min = all.min;
	s.max = all.max;
	return s;
}

/* --- said ------------------------------------------------------------------ */

void bench_see_line(struct bench_seen *s, double ns)
{
	if (s->first_ns <= 0)
		s->first_ns = s->least_ns = s->most_ns = ns;
	if (ns < s->least_ns)
		s->least_ns = ns;
	if (ns > s->most_ns)
		s->most_ns = ns;
}

void bench_see_load(struct bench_seen *s, const struct bench_load *before,
		    const struct bench_load *after)
{
	uint64_t busy = after->busy_ns - before->busy_ns;
	uint64_t own = after->own_ns - before->own_ns;

	s->time_ns += (after->at_ns - before->at_ns) * after->processors;
	s->stolen_ns += after->stolen_ns - before->stolen_ns;
	s->busy_ns += busy;
	s->own_ns += own;
	s->others_ns = s->busy_ns > s->own_ns ? s->busy_ns - s->own_ns : 0;
}

static int percent(uint64_t ns, uint64_t of_ns)
{
	return of_ns ? (int)(100 * (double)ns / (double)of_ns + 0.5) : 0;
}

struct worst {
	double least_ns, most_ns;
	int stolen, others; /* percent */
	unsigned count[BENCH_TROUBLES];
};

static void add_worst(struct worst *w, const struct bench_seen *s)
{
	int stolen = percent(s->stolen_ns, s->time_ns);
	int others = percent(s->others_ns, s->time_ns);

	w->count[s->trouble]++;
	if (w->least_ns <= 0 || s->least_ns < w->least_ns)
		w->least_ns = s->least_ns;
	if (s->most_ns > w->most_ns)
		w->most_ns = s->most_ns;
	if (s->trouble == BENCH_STOLEN && stolen > w->stolen)
		w->stolen = stolen;
	if (s->trouble == BENCH_OTHERS && others > w->others)
		w->others = others;
}

const char *bench_noise(const struct asked *a, char *text, size_t bytes)
{
	struct worst w = { 0, 0, 0, 0, { 0 } };

	for (unsigned i = 0; i < a->rounds; i++)
		add_worst(&w, &a->seen[i]);
	if (w.count[BENCH_MOVES])
		(void)snprintf(text, bytes,
			       "processors moved: line %.0f -> %.0f ns",
			       w.least_ns, w.most_ns);
	else if (w.count[BENCH_STOLEN])
		(void)snprintf(text, bytes,
			       "the host took %d %% of the processors",
			       w.stolen);
	else if (w.count[BENCH_OTHERS])
		(void)snprintf(text, bytes,
			       "others took %d %% of the processors", w.others);
	else
		return NULL;
	return text;
}

unsigned bench_left_out(const struct asked *a)
{
	return a->disturbed < a->rounds ? a->disturbed : 0;
}

void bench_print_noise(const struct asked *a, FILE *out)
{
	char text[128];

	if (!bench_noise(a, text, sizeof(text)))
		return;
	if (bench_left_out(a))
		(void)fprintf(out, "  rounds left out: %u (%s)\n",
			      bench_left_out(a), text);
	else
		(void)fprintf(out, "  no round was quiet: %s\n", text);
}

/* Into a case's object: probe_ns, left_out, noise. */
void bench_noise_json(const struct asked *a, json_t *to)
{
	json_t *probes = json_array();
	char text[128];

	for (unsigned i = 0; i < a->rounds; i++)
		json_array_append_new(probes,
				      json_pack("[f, f]", a->seen[i].least_ns,
						a->seen[i].most_ns));
	json_object_set_new(to, "probe_ns", probes);
	json_object_set_new(to, "left_out",
			    json_integer((json_int_t)bench_left_out(a)));
	json_object_set_new(to, "noise",
			    bench_noise(a, text, sizeof(text))
				    ? json_string(text)
				    : json_null());
}
