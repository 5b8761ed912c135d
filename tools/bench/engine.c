/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/bench/engine.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/noise.h"

static const struct suite {
	const char *name;
	void (*add)(struct bench *b);
} suites[] = {
	{ "limits", bench_suite_limits },
	{ "spsc", bench_suite_spsc },
	{ "mpmc", bench_suite_mpmc },
	{ "wait", bench_suite_wait },
	{ "locks", bench_suite_locks },
	{ "ipc", bench_suite_ipc },
	{ "crash", bench_suite_crash },
	{ "growth", bench_suite_growth },
	{ "record", bench_suite_record },
	{ "latest", bench_suite_latest },
	{ "call", bench_suite_call },
	{ "priority", bench_suite_priority },
	{ "chain", bench_suite_chain },
	{ "broadcast", bench_suite_broadcast },
	{ "lanes", bench_suite_lanes },
};
enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

static void *grow(void *at, size_t bytes)
{
	at = realloc(at, bytes);
	if (!at) {
		fputs("slipring bench: no memory\n", stderr);
		exit(1);
	}
	return at;
}

struct bench *bench_new(void)
{
	return memset(grow(NULL, sizeof(struct bench)), 0,
		      sizeof(struct bench));
}

void bench_free(struct bench *b)
{
	for (unsigned i = 0; i < b->cases; i++) {
		for (unsigned j = 0; j < b->asked[i].c.count; j++)
			free(b->asked[i].result[j].hist);
		free(b->asked[i].result);
	}
	for (unsigned i = 0; i < b->texts_count; i++)
		free(b->texts[i]);
	free(b->asked);
	free(b->targets);
	free(b->texts);
	free(b);
}

const char *bench_text(struct bench *b, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = grow(NULL, 0);
	va_end(args);
	b->texts = grow(b->texts, (b->texts_count + 1) * sizeof(*b->texts));
	b->texts[b->texts_count++] = text;
	return text;
}

void bench_add(struct bench *b, const struct bench_case *c)
{
	struct asked *a;

	b->asked = grow(b->asked, (b->cases + 1) * sizeof(*b->asked));
	a = &b->asked[b->cases++];
	memset(a, 0, sizeof(*a));
	a->c = *c;
	a->result = grow(NULL, c->count * sizeof(*a->result));
	memset(a->result, 0, c->count * sizeof(*a->result));
}

void bench_target(struct bench *b, const struct bench_target *t)
{
	b->targets =
		grow(b->targets, (b->targets_count + 1) * sizeof(*b->targets));
	b->targets[b->targets_count++] = *t;
}

/* --- what is wanted --------------------------------------------------------
 */

const char *bench_suite_name(unsigned i)
{
	return i < SUITES ? suites[i].name : NULL;
}

static bool among(char *const *names, const char *name)
{
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int bench_collect(struct bench *b, const struct bench_options *o)
{
	for (char **name = o->suites; name && *name; name++) {
		unsigned i = 0;

		while (i < SUITES && strcmp(*name, suites[i].name))
			i++;
		if (i == SUITES)
			return -EINVAL;
	}
	for (unsigned i = 0; i < SUITES; i++)
		if (among(o->suites, suites[i].name))
			suites[i].add(b);
	return 0;
}

static bool wanted(const struct asked *a, const struct bench_options *o)
{
	char text[256];

	if (o->quick && !a->c.quick)
		return false;
	(void)snprintf(text, sizeof(text), "%s: %s", a->c.suite, a->c.name);
	return !o->only || strstr(text, o->only);
}

/* --- asking ----------------------------------------------------------------
 */

/* Of the time, for rounds in place of disturbed ones. */
#define AGAIN 0.1

struct run {
	const struct bench_options *o;
	double seconds; /* for all answers */
	unsigned done, total;
	uint64_t began;
	double again; /* seconds left for rounds in place of disturbed ones */
	double each;  /* seconds for an answer of these; 0: none yet */
	bool shows;
};

static double seconds_since(uint64_t began)
{
	return (double)(bench_now_ns() - began) / 1e9;
}

/* For the next answer: its share of what is left, as some suites take longer
 * than they are told. Starting, ending and the probe take some 10 ms. */
static double share(const struct run *r)
{
	double left = r->seconds - r->again - seconds_since(r->began);
	double s = left / (r->total - r->done) - 0.01;

	if (r->each > 0)
		s = r->each;
	return s < 0.005 ? 0.005 : s > 0.5 ? 0.5 : s;
}

static unsigned rounds_of(const struct asked *a, const struct bench_options *o)
{
	unsigned n = o->quick ? 5 : 9;

	if (a->c.rounds)
		n = a->c.rounds;
	if (o->rounds)
		n = o->rounds;
	return n < BENCH_ROUNDS_MAX ? n : BENCH_ROUNDS_MAX;
}

static void progress(const struct run *r, const struct asked *a)
{
	double gone = seconds_since(r->began);
	double part = (double)r->done / r->total;
	unsigned left = (unsigned)(part > 0 ? gone / part - gone : 0);

	if (!r->shows)
		return;
	fprintf(stderr, "\r\033[K%3.0f%%  %u:%02u left  %s: %s", 100 * part,
		left / 60, left % 60, a->c.suite, a->c.name);
	(void)fflush(stderr);
}

static void ask(struct run *r, struct asked *a, unsigned entry)
{
	const struct bench_entry *e = &a->c.entries[entry];
	struct result *result = &a->result[entry];
	struct bench_answer answer = { 0, NULL, NULL };
	struct bench_point p = a->c.point;

	p.seconds = share(r);
	r->done++;
	if (result->rc)
		return;
	if (a->c.latency && !result->hist)
		result->hist = memset(grow(NULL, sizeof(*result->hist)), 0,
				      sizeof(*result->hist));
	answer.hist = result->hist;
	result->rc = e->ask(&p, &answer);
	if (!result->rc && !(isfinite(answer.value) && answer.value > 0)) {
		result->rc = -ENODATA;
		answer.why = "it measured nothing";
	}
	result->why = result->rc == -ENOPKG ? "not installed" : answer.why;
	result->value[a->rounds] = answer.value;
}

static void probe(const struct run *r, struct asked *a)
{
	if (r->o->watch)
		bench_see_line(&a->seen[a->rounds], r->o->watch->line_ns());
}

static void ask_watched(struct run *r, struct asked *a, unsigned entry)
{
	const struct bench_watch *w = r->o->watch;
	struct bench_load before, after;

	if (!w || a->result[entry].rc) {
		ask(r, a, entry);
		return;
	}
	w->load(&before);
	ask(r, a, entry);
	w->load(&after);
	bench_see_load(&a->seen[a->rounds], &before, &after);
	probe(r, a);
}

static void ask_round(struct run *r, struct asked *a)
{
	progress(r, a);
	probe(r, a);
	for (unsigned i = 0; i < a->c.count; i++)
		ask_watched(r, a, i);
	a->rounds++;
	bench_sift(a);
}

/* As often again at most, and in the time that is for that. */
static bool again(const struct run *r, const struct asked *a, unsigned rounds)
{
	return bench_mistrusted(a) && r->again > 0 && a->rounds < 2 * rounds &&
	       a->rounds < BENCH_ROUNDS_MAX;
}

/*
 * The first round of every case, then the second: what a machine does for a
 * minute at a time is then in the spread of each row, where the reader sees it,
 * and not between this run and the next.
 */
static void ask_all(struct run *r, struct bench *b)
{
	for (unsigned round = 0; round < BENCH_ROUNDS_MAX; round++)
		for (unsigned i = 0; i < b->cases; i++)
			if (wanted(&b->asked[i], r->o) &&
			    round < rounds_of(&b->asked[i], r->o))
				ask_round(r, &b->asked[i]);
}

/* One more round of each that most rounds of were disturbed; whether there was
 * any. */
static bool ask_again(struct run *r, struct bench *b)
{
	bool any = false;

	for (unsigned i = 0; i < b->cases; i++) {
		struct asked *a = &b->asked[i];
		uint64_t began = bench_now_ns();

		if (!a->rounds || !again(r, a, rounds_of(a, r->o)))
			continue;
		r->total += a->c.count;
		ask_round(r, a);
		r->again -= seconds_since(began);
		any = true;
	}
	return any;
}

unsigned bench_run(struct bench *b, const struct bench_options *o)
{
	struct run r = { .o = o,
			 .seconds = o->seconds,
			 .began = bench_now_ns(),
			 .shows = isatty(STDERR_FILENO) == 1 };

	if (r.seconds <= 0)
		r.seconds = o->quick ? 40 : 1000;
	r.again = o->watch ? r.seconds * AGAIN : 0;
	for (unsigned i = 0; i < b->cases; i++)
		if (wanted(&b->asked[i], o))
			r.total += b->asked[i].c.count *
				   rounds_of(&b->asked[i], o);
	if (!r.total)
		return 0;
	ask_all(&r, b);
	r.each = (r.seconds - r.again) / r.total - 0.01;
	while (ask_again(&r, b))
		;
	if (r.shows)
		fputs("\r\033[K", stderr);
	return r.total;
}
