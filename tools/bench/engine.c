/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/bench/engine.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct suite {
	const char *name;
	void (*add)(struct bench *b);
} suites[] = {
	{ "limits", bench_suite_limits }, { "spsc", bench_suite_spsc },
	{ "mpmc", bench_suite_mpmc },	  { "wait", bench_suite_wait },
	{ "locks", bench_suite_locks },	  { "ipc", bench_suite_ipc },
	{ "crash", bench_suite_crash },

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

struct run {
	const struct bench_options *o;
	double seconds; /* for all answers */
	unsigned done, total;
	uint64_t began;
	bool shows;
};

static double seconds_since(uint64_t began)
{
	return (double)(bench_now_ns() - began) / 1e9;
}

/* For the next answer: its share of what is left, as some suites take longer
 * than they are told. Starting and ending takes some 10 ms. */
static double share(const struct run *r)
{
	double left = r->seconds - seconds_since(r->began);
	double s = left / (r->total - r->done) - 0.01;

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

static void ask_all(struct run *r, struct asked *a)
{
	unsigned rounds = rounds_of(a, r->o);

	for (a->rounds = 0; a->rounds < rounds; a->rounds++) {
		progress(r, a);
		for (unsigned i = 0; i < a->c.count; i++)
			ask(r, a, i);
	}
}

unsigned bench_run(struct bench *b, const struct bench_options *o)
{
	struct run r = { o, o->seconds,	    0,
			 0, bench_now_ns(), isatty(STDERR_FILENO) == 1 };

	if (r.seconds <= 0)
		r.seconds = o->quick ? 40 : 1000;
	for (unsigned i = 0; i < b->cases; i++)
		if (wanted(&b->asked[i], o))
			r.total += b->asked[i].c.count *
				   rounds_of(&b->asked[i], o);
	if (!r.total)
		return 0;
	for (unsigned i = 0; i < b->cases; i++)
		if (wanted(&b->asked[i], o))
			ask_all(&r, &b->asked[i]);
	if (r.shows)
		fputs("\r\033[K", stderr);
	return r.total;
}
