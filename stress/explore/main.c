/* SPDX-License-Identifier: MIT */
/*
 * The command line of a program of models, its rows, and its last word.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime.h"

struct options {
	const struct x_model *models;
	unsigned count;
	const char *model;
	int memory; /* or -1: all */
	struct x_limits limits;
	int64_t preemptions; /* or -1: the model's */
	const char *replay;
	bool list;
	bool trace;
};

enum { KEY_LIST = 256, KEY_REPLAY, KEY_TRACE };

static const struct argp_option option_table[] = {
	{ "list", KEY_LIST, NULL, 0, "name the models and stop", 0 },
	{ "model", 'm', "NAME", 0, "only this one", 0 },
	{ "memory", 'M', "MODEL", 0, "sc, tso or rc11 only", 0 },
	{ "strategy", 's', "NAME", 0, "dfs, random or pct only", 0 },
	{ "preemptions", 'p', "N", 0, "bound of dfs (the model's own)", 0 },
	{ "executions", 'e', "N", 0, "at most, for each run", 0 },
	{ "seconds", 't', "S", 0, "at most, for each run (1)", 0 },
	{ "seed", 'r', "S", 0, "of random and pct (1)", 0 },
	{ "replay", KEY_REPLAY, "CHOICES", 0, "one execution, with trace", 0 },
	{ "trace", KEY_TRACE, NULL, 0, "print the trace of a failure", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static int number_of(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

static uint64_t number(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 0);

	if (!*text || *end)
		argp_error(state, "not a number: %s", text);
	return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const strategies[] = { "dfs", "random", "pct" };
	struct options *o = state->input;

	switch (key) {
	case KEY_LIST:
		o->list = true;
		break;
	case 'm':
		o->model = arg;
		break;
	case 'M':
		o->memory = number_of(arg, x_memory_names, X_MEMORIES);
		if (o->memory < 0)
			argp_error(state, "no memory model: %s", arg);
		break;
	case 's':
		o->limits.strategy = number_of(arg, strategies, 3);
		if (o->limits.strategy < 0)
			argp_error(state, "no strategy: %s", arg);
		break;
	case 'p':
		o->preemptions = (int64_t)number(arg, state);
		break;
	case 'e':
		o->limits.executions = number(arg, state);
		break;
	case 't':
		o->limits.seconds = strtod(arg, NULL);
		break;
	case 'r':
		o->limits.seed = number(arg, state);
		break;
	case KEY_REPLAY:
		o->replay = arg;
		break;
	case KEY_TRACE:
		o->trace = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* --- lists of choices: "2.0x15.1", trailing zeros left out ------------------ */

static void print_list(const struct x_list *list)
{
	uint32_t i = 0;

	if (!list->count)
		printf("0");
	while (i < list->count) {
		uint32_t n = 1;

		while (i + n < list->count &&
		       list->pick[i + n] == list->pick[i])
			n++;
		printf("%s%u", i ? "." : "", list->pick[i]);
		if (n > 1)
			printf("x%u", n);
		i += n;
	}
}

static bool parse_list(const char *text, struct x_list *list)
{
	char *end;

	list->count = 0;
	for (;;) {
		unsigned long v = strtoul(text, &end, 10);
		unsigned long n = 1;

		if (end == text || v > UINT8_MAX)
			return false;
		if (*end == 'x')
			n = strtoul(end + 1, &end, 10);
		if (n > X_CHOICES_MAX - list->count)
			return false;
		while (n--)
			list->pick[list->count++] = (uint8_t)v;
		if (*end == 0)
			return true;
		if (*end != '.')
			return false;
		text = end + 1;
	}
}

/* --- runs ------------------------------------------------------------------ */

static void print_replay(const struct x_model *model, int memory,
			 const struct x_result *result)
{
	const char *path = strstr(program_invocation_name, "/bin/stress/");

	printf("  replay: ");
	if (path)
		printf("bazel run //%.*s:%s --",
		       (int)(strrchr(path, '/') - path - 5), path + 5,
		       strrchr(path, '/') + 1);
	else
		printf("%s", program_invocation_name);
	printf(" --model %s --memory %s --replay ", model->name,
	       x_memory_names[memory]);
	print_list(&result->list);
	putchar('\n');
}

/* Did the run end as the model says it should? */
static bool as_wanted(const struct x_model *model,
		      const struct x_result *result)
{
	if (model->flags & X_COMPLETE && !model->bug &&
	    !(result->exhausted && result->complete == UINT32_MAX))
		return false;
	if (!model->bug)
		return !result->failed;
	return result->failed && strstr(result->text, model->bug);
}

static void print_row(const struct options *o, const struct x_model *model,
		      int memory, const struct x_result *result)
{
	printf("row\t%s\texplore-%s\t%s\texecutions=%llu complete=",
	       model->operation, x_memory_names[memory],
	       as_wanted(model, result) ? "ok" : "FAIL",
	       (unsigned long long)result->executions);
	if (!result->exhausted)
		printf("no");
	else if (result->complete == UINT32_MAX)
		printf("yes");
	else
		printf("to-%u-preemptions", result->complete);
	printf(" pruned=0 steps=%llu troubles=%llu model=%s seed=%llu",
	       (unsigned long long)result->steps,
	       (unsigned long long)result->kills, model->name,
	       (unsigned long long)o->limits.seed);
	if (model->bug)
		printf(" bug=%s", result->failed ? "found" : "missed");
	putchar('\n');
}

/* Once more, with the trace, which also names the places in the text. */
static void print_failure(const struct options *o, const struct x_model *model,
			  int memory, const struct x_result *result)
{
	static struct x_result again;

	x_replay(model, (enum x_memory_model)memory, &result->list, &again);
	printf("  %s%s\n", model->bug ? "found: " : "FAILED: ",
	       again.failed ? again.text : result->text);
	print_replay(model, memory, result);
	if (o->trace || !as_wanted(model, result))
		x_trace_print(stdout);
}

static bool run_here(const struct options *o, const struct x_model *model,
		     int memory)
{
	static struct x_result result;
	struct x_limits limits = o->limits;
	double start = x_seconds();
	double took;

	limits.preemptions = model->preemptions ? model->preemptions : 2;
	if (o->preemptions >= 0)
		limits.preemptions = (uint32_t)o->preemptions;
	x_run(model, (enum x_memory_model)memory, &limits, &result);
	took = x_seconds() - start;
	print_row(o, model, memory, &result);
	printf("  %s under %s: %.2f s, %.0f executions/s, %.1f M steps/s\n",
	       model->name, x_memory_names[memory], took,
	       (double)result.executions / took,
	       (double)result.steps / took / 1e6);
	if (result.failed) {
		print_failure(o, model, memory, &result);
	} else if (!as_wanted(model, &result)) {
		printf("  FAILED: %s\n",
		       model->bug ? "the bug was not found" : "not exhausted");
	}
	fflush(stdout);
	return as_wanted(model, &result);
}

/* A wild pointer in a model, or in a mutant, is a failure like others. */
static void fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	x_fail_text("%s at %p", strsignal(signal), info->si_addr);
}

static void catch_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	static char space[65536];
	stack_t stack = { .ss_sp = space, .ss_size = sizeof(space) };
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = fault;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < 4; i++)
		sigaction(signals[i], &act, NULL);
}

/* In a process of its own, for a fresh start. */
static bool run(const struct options *o, const struct x_model *model,
		int memory)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		catch_faults();
		_exit(!run_here(o, model, memory));
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("explore");
		return false;
	}
	if (WIFSIGNALED(status))
		printf("row\t%s\texplore-%s\tFAIL\tmodel=%s signal=%d\n",
		       model->operation, x_memory_names[memory], model->name,
		       WTERMSIG(status));
	return status == 0;
}

static int replay(const struct options *o)
{
	static struct x_result result;
	static struct x_list list;
	const struct x_model *model = NULL;

	for (unsigned i = 0; i < o->count; i++)
		if (o->model && !strcmp(o->model, o->models[i].name))
			model = &o->models[i];
	if (!model || o->memory < 0 || !parse_list(o->replay, &list)) {
		fprintf(stderr, "--replay needs --model, --memory and choices "
				"as printed\n");
		return 2;
	}
	catch_faults();
	x_replay(model, (enum x_memory_model)o->memory, &list, &result);
	x_trace_print(stdout);
	printf("%s%s\n", result.failed ? "FAILED: " : "nothing failed",
	       result.text);
	return result.failed;
}

static bool wanted(const struct options *o, const struct x_model *model,
		   int memory)
{
	static const unsigned not_in[] = { X_NOT_SC, X_NOT_TSO, X_NOT_RC11 };

	if (o->model && strcmp(o->model, model->name))
		return false;
	if (o->memory >= 0)
		return memory == o->memory;
	return !(model->flags & not_in[memory]);
}

int x_main(int argc, char **argv, const struct x_model *models, unsigned count)
{
	static const struct argp argp = {
		option_table,
		parse,
		NULL,
		"Runs models of the library under every schedule that the "
		"bounds allow.\v"
		"Without arguments: every model under every memory model.",
		NULL,
		NULL,
		NULL
	};
	struct options o = {
		models, count, NULL,  -1,   { UINT64_MAX / 2, 1, 1, -1, 0 },
		-1,	NULL,  false, false
	};
	unsigned runs = 0, bad = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.list) {
		for (unsigned i = 0; i < count; i++)
			puts(models[i].name);
		return 0;
	}
	if (o.replay)
		return replay(&o);
	for (unsigned i = 0; i < count; i++)
		for (int memory = 0; memory < X_MEMORIES; memory++) {
			if (!wanted(&o, &models[i], memory))
				continue;
			runs++;
			bad += !run(&o, &models[i], memory);
		}
	printf("%u runs, %u failed\n", runs, bad);
	return bad || !runs;
}
