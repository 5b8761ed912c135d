/* SPDX-License-Identifier: MIT */
/* slipring bench: asks the suites of tools/bench, prints and writes. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/engine.h"
#include "tools/bench/figure.h"
#include "tools/bench/page.h"
#include "tools/slipring/common.h"

struct request {
	struct bench_options o;
	char *names[16];
	unsigned count;
	bool targets;
	const char *json, *csv, *html, *plot;
	const char *compare, *from;
	json_t *former; /* to compare with */
	FILE *json_out, *csv_out;
	char command[1024];
};

enum {
	KEY_CASE = 0x100,
	KEY_ROUNDS,
	KEY_SECONDS,
	KEY_PLOT,
	KEY_LIST,
	KEY_COMPARE,
	KEY_FROM
};

static const struct argp_option known[] = {
	{ "quick", 'q', NULL, 0, "the short form: under a minute", 0 },
	{ "targets", 't', NULL, 0, "judge what was promised; exit 1 if not met",
	  0 },
	{ "json", 'j', "FILE", 0, "write all that was measured (-: stdout)",
	  0 },
	{ "csv", 'c', "FILE", 0, "write a line for each value (-: stdout)", 0 },
	{ "html", 'H', "FILE", 0, "draw one page, with nothing outside it", 0 },
	{ "plot", KEY_PLOT, "DIR", 0, "draw SVG files, by gnuplot", 0 },
	{ "compare", KEY_COMPARE, "FILE", 0,
	  "say what differs from that run's JSON; exit 1 if anything does", 0 },
	{ "from", KEY_FROM, "FILE", 0,
	  "measure nothing: draw or compare that run's JSON", 0 },
	{ "case", KEY_CASE, "TEXT", 0,
	  "only cases with that in \"suite: name\"", 0 },
	{ "rounds", KEY_ROUNDS, "N", 0, "ask each so often (9; quick 5)", 0 },
	{ "seconds", KEY_SECONDS, "N", 0, "for all (about 1000; quick 40)", 0 },
	{ "list", KEY_LIST, NULL, 0, "name the cases and stop", 0 },
	{ 0 }
};

static double number(const char *arg, double least, double most,
		     struct argp_state *state)
{
	char *end;
	double v = strtod(arg, &end);

	if (*end || end == arg || !(v >= least) || v > most)
		argp_error(state, "not a number from %g to %g: %s", least, most,
			   arg);
	return v;
}

static void add_suite(struct request *r, char *name, struct argp_state *state)
{
	unsigned i = 0;

	while (bench_suite_name(i) && strcmp(bench_suite_name(i), name))
		i++;
	if (!bench_suite_name(i))
		argp_error(state, "there is no suite '%s'", name);
	if (r->count + 1 == sizeof(r->names) / sizeof(r->names[0]))
		argp_error(state, "too many suites");
	r->names[r->count++] = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *r = state->input;

	switch (key) {
	case 'q':
		r->o.quick = true;
		break;
	case 't':
		r->targets = true;
		break;
	case 'j':
		r->json = arg;
		break;
	case 'c':
		r->csv = arg;
		break;
	case 'H':
		r->html = arg;
		break;
	case KEY_PLOT:
		r->plot = arg;
		break;
	case KEY_COMPARE:
		r->compare = arg;
		break;
	case KEY_FROM:
		r->from = arg;
		break;
	case KEY_CASE:
		r->o.only = arg;
		break;
	case KEY_ROUNDS:
		r->o.rounds = (unsigned)number(arg, 1, BENCH_ROUNDS_MAX, state);
		break;
	case KEY_SECONDS:
		r->o.seconds = number(arg, 0.01, 1e6, state);
		break;
	case KEY_LIST:
		r->o.list = true;
		break;
	case ARGP_KEY_ARG:
		add_suite(r, arg, state);
		break;
	case ARGP_KEY_END:
		if (r->from && (r->count || r->json || r->csv || r->targets))
			argp_error(state, "--from goes with --html, --plot and "
					  "--compare only");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static char *list_suites(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t bytes;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	out = open_memstream(&list, &bytes);
	if (!out)
		return NULL;
	(void)fputs("Suites:", out);
	for (unsigned i = 0; bench_suite_name(i); i++)
		(void)fprintf(out, " %s", bench_suite_name(i));
	(void)fputs(".", out);
	(void)fclose(out);
	return list;
}

/* Before anything is measured, so that it is not in vain. */
static bool open_one(const char *path, FILE **out)
{
	if (path)
		*out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (path && !*out)
		complain(path, "%s", strerror(errno));
	return !path || *out;
}

static int written(FILE *out, const char *path)
{
	bool bad = ferror(out) != 0;

	bad |= (out == stdout ? fflush(out) : fclose(out)) != 0;
	return bad ? complain(path, "%s", strerror(errno)) : 0;
}

static int drawn(int rc, const char *path)
{
	return rc ? complain(path, "%s", strerror(-rc)) : 0;
}

static int write_json(json_t *results, const struct request *r)
{
	(void)json_dumpf(results, r->json_out,
			 JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	(void)fputc('\n', r->json_out);
	return written(r->json_out, r->json);
}

/* What is made of the results as JSON. */
static int draw(json_t *results, const struct request *r)
{
	int rc = 0;

	if (r->html)
		rc |= drawn(bench_page(results, r->html), r->html);
	if (r->plot)
		rc |= drawn(bench_plot(results, r->plot), r->plot);
	if (r->former && bench_compare(r->former, results, stdout))
		rc = STATUS_FAILED;
	return rc;
}

static int give(const struct bench *b, const struct request *r, json_t *machine)
{
	bool quiet = r->json_out == stdout || r->csv_out == stdout;
	json_t *results = bench_json(b, r->command, machine);
	int rc = 0;

	if (!results)
		return complain("bench", "the results are no JSON");
	if (!quiet)
		bench_print(b, stdout);
	if (!quiet && r->targets)
		bench_print_targets(b, stdout);
	if (r->csv) {
		bench_csv(b, r->csv_out);
		rc |= written(r->csv_out, r->csv);
	}
	if (r->json)
		rc |= write_json(results, r);
	rc |= draw(results, r);
	json_decref(results);
	return rc;
}

static bool all_met(const struct bench *b)
{
	bool met = true;

	for (unsigned i = 0; i < b->targets_count; i++)
		met &= bench_judge(b, &b->targets[i]).met;
	return met;
}

static void list_cases(const struct bench *b)
{
	for (unsigned i = 0; i < b->cases; i++)
		(void)printf("%s: %s%s\n", b->asked[i].c.suite,
			     b->asked[i].c.name,
			     b->asked[i].c.quick ? "  (quick)" : "");
}

static int measure(struct bench *b, struct request *r)
{
	json_t *machine = bench_machine();
	int rc;

	if (!open_one(r->json, &r->json_out) || !open_one(r->csv, &r->csv_out))
		rc = STATUS_FAILED;
	else if (!bench_run(b, &r->o))
		rc = complain("bench", "there is no such case");
	else
		rc = give(b, r, machine);
	json_decref(machine);
	return rc ? rc : r->targets && !all_met(b) ? STATUS_FAILED : 0;
}

static bool load(const char *path, json_t **results)
{
	json_error_t error;

	if (!path)
		return true;
	*results = json_load_file(path, 0, &error);
	if (!*results)
		(void)complain(path, "%s", error.text);
	else if (strcmp(figure_text(*results, "format"), "slipring-bench-1"))
		(void)complain(path, "not the JSON of slipring bench");
	else
		return true;
	return false;
}

static int from_file(const struct request *r)
{
	json_t *results = NULL;
	int rc = load(r->from, &results) ? draw(results, r) : STATUS_FAILED;

	json_decref(results);
	return rc;
}

static int from_machine(struct request *r)
{
	struct bench *b = bench_new();
	int rc = 0;

	(void)bench_collect(b, &r->o);
	if (r->o.list)
		list_cases(b);
	else
		rc = measure(b, r);
	bench_free(b);
	return rc;
}

static void keep_command(struct request *r, int argc, char **argv)
{
	size_t at = 0;

	for (int i = 0; i < argc && at < sizeof(r->command); i++)
		at += (size_t)snprintf(r->command + at, sizeof(r->command) - at,
				       "%s%s", i ? " " : "", argv[i]);
}

int cmd_bench(int argc, char **argv)
{
	static const struct argp argp = {
		known,
		parse,
		"[SUITE...]",
		"Measure the rings, their rivals and this machine's limits "
		"side by side, in turns.\v",
		NULL,
		list_suites,
		NULL
	};
	static struct request r;
	int rc = STATUS_FAILED;

	r.o.suites = r.names;
	r.o.watch = &bench_watch;
	keep_command(&r, argc, argv);
	if (argp_parse(&argp, argc, argv, 0, NULL, &r))
		return STATUS_USAGE;
	if (load(r.compare, &r.former))
		rc = r.from ? from_file(&r) : from_machine(&r);
	json_decref(r.former);
	return rc;
}
