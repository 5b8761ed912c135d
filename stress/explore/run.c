/* SPDX-License-Identifier: MIT */
/*
 * Executions, from the first to the last, and what becomes of a failure: its
 * list of choices is made shorter as long as it still fails.
 */
#include <stdarg.h>
#include <time.h>

#include "runtime.h"

#define KEEPS_MAX	16
#define KEEP_BYTES	(1u << 20)
#define SHORTER_RUNS	4000
#define SAME_TEXT_BYTES 12

struct x_world x;
const char *const x_memory_names[] = { "sc", "tso", "rc11" };

static struct {
	struct {
		void *mem;
		char *copy;
		size_t bytes;
	} keep[KEEPS_MAX];
	unsigned keeps;
	size_t used;
	char copies[KEEP_BYTES];
	char *stack;
	void *sp;
	void (*body)(void); /* of the fiber that runs alone */
	bool started;	    /* once has run */
} r;

double x_seconds(void)
{
	struct timespec t;

	/* Of the processor's, which others use as well. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- failing --------------------------------------------------------------- */

static void fail(void) __attribute__((noreturn));
static void fail(void)
{
	void *gone;

	x.failed = true;
	if (x.tracing)
		x_trace(0, NULL, 0, "FAILED: %s", x.text);
	x_become(-1);
	x_fiber_switch(&gone, x.main_sp);
	__builtin_unreachable();
}

void x_fail_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(x.text, sizeof(x.text), format, args);
	va_end(args);
	fail();
}

void x_fail(const char *file, int line, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	vsnprintf(x.text, sizeof(x.text) - 128, format, args);
	va_end(args);
	n = strlen(x.text);
	snprintf(x.text + n, sizeof(x.text) - n, " (%s:%d)", file, line);
	fail();
}

/* --- alone ----------------------------------------------------------------- */

static void alone(void)
{
	r.body();
	x_fiber_switch(&x.alone_sp, x.main_sp);
}

/* Calls `body` on a stack from which it can fail. True if it did not. */
static bool run_alone(void (*body)(void))
{
	x_become(-1);
	x.failed = false;
	r.body = body;
	x_fiber_make(&r.sp, &r.stack, alone);
	x_fiber_switch(&x.main_sp, r.sp);
	return !x.failed;
}

void x_keep(void *mem, size_t bytes)
{
	if (r.keeps == KEEPS_MAX || r.used + bytes > sizeof(r.copies))
		x_fail_text("too much to keep");
	r.keep[r.keeps].mem = mem;
	r.keep[r.keeps].bytes = bytes;
	r.keep[r.keeps++].copy = r.copies + r.used;
	r.used += (bytes + 15) & ~(size_t)15;
}

static void save_keeps(void)
{
	for (unsigned i = 0; i < r.keeps; i++)
		memcpy(r.keep[i].copy, r.keep[i].mem, r.keep[i].bytes);
}

static void once(void)
{
	if (x.model->once)
		x.model->once();
}

static void finish(void)
{
	if (x.model->finish)
		x.model->finish();
}

static bool begin(const struct x_model *model, enum x_memory_model memory)
{
	bool fine;

	x.model = model;
	x.memory = memory;
	x.steps_max = model->steps ? model->steps : 2000;
	if (x.steps_max > X_STEPS_MAX)
		x.steps_max = X_STEPS_MAX;
	for (x.threads = 0; x.threads < X_THREADS; x.threads++)
		if (!model->threads[x.threads])
			break;
	r.keeps = 0;
	r.used = 0;
	x.now = X_START_NS;
	x_trace_names();
	x_kernel_once();
	fine = run_alone(once);
	save_keeps();
	return fine;
}

/* --- one execution --------------------------------------------------------- */

static void execution(void)
{
	for (unsigned i = 0; i < r.keeps; i++)
		memcpy(r.keep[i].mem, r.keep[i].copy, r.keep[i].bytes);
	if (x.model->setup)
		x.model->setup();
	x_schedule();
	(void)x_memory_drain_all();
	if (x.model->final)
		x.model->final();
}

/* True if nothing failed. */
static bool execute(struct x_result *result)
{
	bool fine;

	x.steps = 0;
	x.switches = 0;
	x.troubles = 0;
	x.surprises = 0;
	x.rounds = 0;
	x.turns = 0;
	x.now = X_START_NS;
	x_kernel_begin();
	x_choose_execution();
	x_shadow_begin();
	x_memory_begin();
	x_schedule_begin();
	if (x.tracing)
		x_trace_begin();
	fine = run_alone(execution);
	x_kernel_end();
	result->executions++;
	result->steps += x.steps;
	result->kills += x.troubles;
	return fine;
}

/* --- runs ------------------------------------------------------------------ */

struct phase {
	enum x_strategy strategy;
	uint64_t executions; /* of the run, after which it ends */
	double until;
};

/* True if the phase may go on. */
static bool within(const struct phase *p, const struct x_result *result)
{
	if (result->executions >= p->executions)
		return false;
	return result->executions % 128 || x_seconds() < p->until;
}

/* True: exhausted. */
static bool explore(const struct phase *p, uint64_t seed,
		    struct x_result *result)
{
	x_choose_begin(p->strategy, seed);
	do {
		if (!within(p, result))
			return false;
		if (!execute(result)) {
			result->failed = true;
			return false;
		}
	} while (x_choose_next());
	return true;
}

/* The depth-first walk with 0, 1, ... preemptions, so that what is found first
 * is simple, and what is claimed as complete is so. */
static void explore_deeper(const struct phase *p, uint32_t preemptions,
			   struct x_result *result)
{
	/* All or nothing: then the small bounds would be for nothing. */
	uint32_t bound = x.model->flags & X_COMPLETE ? preemptions : 0;

	for (; bound <= preemptions; bound++) {
		x.switches_max = bound;
		x.cut = false;
		if (!explore(p, 0, result))
			break;
		result->exhausted = true;
		result->complete = bound;
		if (!x.cut) {
			result->complete = UINT32_MAX;
			break;
		}
	}
}

static bool stays(const struct x_list *list, const char *text,
		  struct x_result *result)
{
	x_choose_replay(list);
	return !execute(result) && !strncmp(x.text, text, SAME_TEXT_BYTES);
}

/* Fewer choices that are not 0, as long as the same thing fails. */
static void shorten(struct x_result *result)
{
	static struct x_list list;
	struct x_result tries;
	uint32_t at = 0;

	memset(&tries, 0, sizeof(tries));
	while (at < result->list.count && tries.executions < SHORTER_RUNS) {
		list = result->list;
		while (at < list.count && !list.pick[at])
			at++;
		if (at == list.count)
			break;
		list.pick[at] = 0;
		if (stays(&list, result->text, &tries)) {
			x_choose_list(&result->list);
			at = 0;
			continue;
		}
		at++;
	}
}

static void failed(struct x_result *result)
{
	x_choose_list(&result->list);
	snprintf(result->text, sizeof(result->text), "%s", x.text);
	shorten(result);
}

/* Depth first for half of what is allowed, the rest at random; or as told. */
static void phases(const struct x_model *model, const struct x_limits *limits,
		   struct x_result *result)
{
	double start = x_seconds();
	bool complete = model->flags & X_COMPLETE;
	bool all = limits->strategy < 0;
	struct phase p;

	for (int s = X_DFS; s <= X_PCT && !result->failed; s++) {
		double part = !all || complete ? 1 : 0.5 + 0.25 * s;

		if (!all && s != limits->strategy)
			continue;
		p.strategy = (enum x_strategy)s;
		p.until = start + limits->seconds * part;
		p.executions = (uint64_t)((double)limits->executions * part);
		if (s == X_DFS)
			explore_deeper(&p, limits->preemptions, result);
		else
			(void)explore(&p, limits->seed, result);
		if (result->complete == UINT32_MAX)
			break;
	}
}

void x_run(const struct x_model *model, enum x_memory_model memory,
	   const struct x_limits *limits, struct x_result *result)
{
	memset(result, 0, sizeof(*result));
	x.tracing = false;
	if (begin(model, memory))
		phases(model, limits, result);
	else
		result->failed = true;
	if (!result->failed && !run_alone(finish))
		result->failed = true;
	else if (result->failed)
		failed(result);
	if (result->failed && !result->text[0])
		snprintf(result->text, sizeof(result->text), "%s", x.text);
}

void x_replay(const struct x_model *model, enum x_memory_model memory,
	      const struct x_list *list, struct x_result *result)
{
	memset(result, 0, sizeof(*result));
	if (!begin(model, memory)) {
		result->failed = true;
	} else {
		x.tracing = true;
		x_choose_replay(list);
		result->failed = !execute(result);
		x.tracing = false;
	}
	x_choose_list(&result->list);
	if (result->failed)
		snprintf(result->text, sizeof(result->text), "%s", x.text);
}

const char *x_memory(void)
{
	return x_memory_names[x.memory];
}
