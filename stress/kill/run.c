/* SPDX-License-Identifier: MIT */
/*
 * Which cases are run, what happens if a check fails, and what is said.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress/kill/kill.h"
#include "stress/kill/point.h"

#define PATIENCE_S 60
/* Single steps (some 20 us each) for each case of --cases. */
#define STEPS 150

struct kill_case kill_now;
bool kill_child;
int kill_full_result = KILL_UNKNOWN;
struct kill_ledger *kill_ledger;

static const struct kill_list *const lists[] = {
	&kill_spsc,  &kill_record, &kill_latest,   &kill_broadcast,
	&kill_lanes, &kill_mpmc,   &kill_priority, &kill_call,
	&kill_event, &kill_mutex,  &kill_pi,	   &kill_cond,
	&kill_meet,  &kill_peer,   &kill_region,   &kill_rwlock,
	&kill_sem
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static const struct {
	const char *how;   /* on the command line */
	const char *check; /* in the rows */
} ways[KILL_WAYS] = { { "snapshot", "kill-snapshot" },
		      { "kill", "kill-real" },
		      { "stop", "stop-real" },
		      { "step", "kill-step" } };

static bool any_failed_;
static bool found_; /* what was expected to fail */
static sigjmp_buf escape_;

int kill_way_named(const char *how)
{
	for (int i = 0; i < KILL_WAYS; i++)
		if (strcmp(ways[i].how, how) == 0)
			return i;
	return -1;
}

/* --- failing --------------------------------------------------------------- */

static size_t say_case(char *text, size_t size)
{
	int n = snprintf(text, size,
			 "--op %s --state %u --point %" PRIu64
			 " --how %s --seed %" PRIu64,
			 kill_now.op->name, kill_now.state, kill_now.point,
			 ways[kill_now.way].how, kill_options.seed);

	return n < 0 ? 0 : (size_t)n;
}

void kill_fail(const char *format, ...)
{
	char text[sizeof(kill_ledger->text)];
	char where[200];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	kill_disarm();
	if (kill_child) {
		memcpy(kill_ledger->text, text, sizeof(text));
		kill_ledger->bad = true;
		_exit(1);
	}
	if (kill_options.expect && strstr(text, kill_options.expect))
		found_ = true;
	say_case(where, sizeof(where));
	printf("FAIL %s: %s\nreplay: %s %s\n", kill_now.op->name, text,
	       program_invocation_name, where);
	siglongjmp(escape_, 1);
}

static void on_signal(int number)
{
	static const char stuck[] = "stuck\nreplay: ";
	char text[300];
	size_t n;

	kill_end_child();
	if (number != SIGALRM)
		_exit(128 + number);
	memcpy(text, stuck, sizeof(stuck));
	n = sizeof(stuck) - 1;
	n += say_case(text + n, sizeof(text) - n - 1);
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, text, n);
	_exit(1);
}

void kill_watch(void)
{
	alarm(PATIENCE_S);
}

/* --- choosing -------------------------------------------------------------- */

struct work {
	const struct kill_op *op;
	struct kill_count count;
	struct kill_marks *marks; /* by state */
	uint64_t all_marks, all_points;
	enum kill_way way;
	unsigned state; /* at work in it */
	uint64_t marked, others;
	uint64_t steps; /* single ones, in all */
};

static bool wanted_way(enum kill_way way)
{
	return kill_options.way < 0 || (enum kill_way)kill_options.way == way;
}

static bool wanted_state(unsigned state)
{
	if (kill_options.state >= 0)
		return (uint64_t)kill_options.state == state;
	return state % kill_options.every == 0;
}

static uint64_t pick(uint64_t *counter, uint64_t stride)
{
	return (*counter)++ % stride == kill_options.seed % stride;
}

/* Half of the cases for the points where something had just changed. */
static uint64_t stride_for(uint64_t total)
{
	if (!kill_options.cases)
		return 1;
	return total * 2 / kill_options.cases + 1;
}

static bool wanted_point(struct work *w, uint64_t point, bool marked)
{
	if (kill_options.point >= 0)
		return (uint64_t)kill_options.point == point;
	if (kill_options.stride)
		return marked || pick(&w->others, kill_options.stride);
	if (marked)
		return pick(&w->marked, stride_for(w->all_marks));
	return pick(&w->others, stride_for(w->all_points));
}

/* --- working --------------------------------------------------------------- */

static void enter_state(struct work *w, unsigned state)
{
	kill_now.op = w->op;
	kill_now.state = state;
	kill_now.point = 0;
	kill_now.way = w->way;
	w->state = state;
	kill_watch();
	w->op->kind->make(w->op, state);
	kill_full_result = w->marks[state].result;
}

static void snapshots(struct work *w)
{
	bool judge = wanted_way(KILL_SNAPSHOT);

	for (unsigned s = 0; s < w->op->states; s++) {
		if (!wanted_state(s))
			continue;
		enter_state(w, s);
		kill_snapshot_state(&w->count, &w->marks[s], judge);
		w->op->kind->unmake();
		w->all_marks += w->marks[s].count;
		w->all_points += w->marks[s].points + 1;
	}
}

static bool wants_sleep(const struct work *w, bool made)
{
	if (kill_options.point >= 0)
		made = (uint64_t)kill_options.point == KILL_ASLEEP;
	return made && w->op->sleeps;
}

static void real_state(struct work *w, unsigned state)
{
	const struct kill_marks *m = &w->marks[state];
	unsigned next = 0;
	bool made = false;

	for (uint64_t p = 0; p <= m->points; p++) {
		bool marked = next < m->count && m->at[next] == p;

		next += marked;
		if (!wanted_point(w, p, marked))
			continue;
		if (!made)
			enter_state(w, state);
		made = true;
		kill_real_case(&w->count, w->way, p);
	}
	if (wants_sleep(w, made)) {
		if (!made)
			enter_state(w, state);
		made = true;
		kill_real_case(&w->count, w->way, KILL_ASLEEP);
	}
	if (made)
		w->op->kind->unmake();
}

static void reals(struct work *w)
{
	for (unsigned s = 0; s < w->op->states; s++)
		if (wanted_state(s))
			real_state(w, s);
}

static uint64_t random_below(uint64_t *state, uint64_t n)
{
	*state = *state * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (*state >> 33) % n;
}

/* Some steps of one state. False: that was enough. */
static bool step_state(struct work *w, unsigned state, uint64_t *random)
{
	uint64_t count = 0;
	bool more = false;

	enter_state(w, state);
	if (kill_options.point >= 0)
		kill_step_case(&w->count, (uint64_t)kill_options.point);
	else
		count = kill_step_count();
	w->count.skipped[KILL_STEP] = kill_options.point < 0 && !count;
	more = count != 0;
	for (int i = 0; i < 5 && more; i++) {
		kill_step_case(&w->count, random_below(random, count + 1));
		w->steps += count;
		more = !kill_options.cases ||
		       w->steps < STEPS * kill_options.cases;
	}
	w->op->kind->unmake();
	return more;
}

static void steps(struct work *w)
{
	uint64_t random = kill_options.seed;
	uint64_t cases = kill_options.cases;
	uint64_t runs = cases ? cases / 100 + 1 : 40;
	bool more = true;

	for (uint64_t i = 0; i < runs && more; i++) {
		unsigned s = (unsigned)random_below(&random, w->op->states);

		s -= s % (unsigned)kill_options.every;
		if (kill_options.state >= 0)
			s = (unsigned)kill_options.state;
		more = step_state(w, s, &random);
	}
}

/* --- telling --------------------------------------------------------------- */

static const char *verdict(const struct work *w, enum kill_way way,
			   uint64_t done)
{
	if (w->count.failed[way])
		return "FAIL";
	if (w->count.skipped[way])
		return "skip";
	/* Nothing done shows nothing; but one point may be that of the return,
	 * which is not counted. */
	return done || kill_options.point >= 0 ? "ok" : "FAIL";
}

__attribute__((format(printf, 4, 5))) static void
row(struct work *w, enum kill_way way, uint64_t done, const char *format, ...)
{
	const char *v = verdict(w, way, done);
	va_list values;

	if (!wanted_way(way))
		return;
	if (strcmp(v, "FAIL") == 0) {
		w->count.failed[way] = true;
		any_failed_ = true;
	}
	printf("row\t%s\t%s\t%s\t", w->op->name, ways[way].check, v);
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf(" seed=%" PRIu64 "\n", kill_options.seed);
}

static void tell(struct work *w)
{
	const struct kill_count *c = &w->count;

	row(w, KILL_SNAPSHOT, c->points ? c->verdicts : 0,
	    "points=%" PRIu64 " states=%" PRIu64 " verdicts=%" PRIu64,
	    c->points, c->states, c->verdicts);
	row(w, KILL_REAL, c->kills, "kills=%" PRIu64, c->kills);
	row(w, KILL_STOP, c->stops, "stops=%" PRIu64, c->stops);
	row(w, KILL_STEP, c->steps, "runs=%" PRIu64, c->steps);
	fflush(stdout);
}

static void table_head(void)
{
	printf("%-30s %9s %7s %9s %7s %7s %6s\n", "operation", "points",
	       "states", "verdicts", "kills", "stops", "steps");
}

static void table_line(const struct work *w)
{
	const struct kill_count *c = &w->count;
	const char *all = c->skipped[KILL_STEP] ? "ok, no ptrace" : "ok";

	for (int i = 0; i < KILL_WAYS; i++)
		if (c->failed[i])
			all = "FAIL";
	printf("%-30s %9" PRIu64 " %7" PRIu64 " %9" PRIu64 " %7" PRIu64
	       " %7" PRIu64 " %6" PRIu64 "  %s\n",
	       w->op->name, c->points, c->states, c->verdicts, c->kills,
	       c->stops, c->steps, all);
}

/* --- running ---------------------------------------------------------------- */

static void (*const work_of[KILL_WAYS])(struct work *) = { snapshots, reals,
							   reals, steps };

/* One way; a failed check ends it. */
static void try_way(struct work *w, enum kill_way way)
{
	w->way = way;
	w->marked = 0;
	w->others = 0;
	if (sigsetjmp(escape_, 1) == 0) {
		work_of[way](w);
		return;
	}
	w->count.failed[way] = true;
	kill_end_child();
	if (sigsetjmp(escape_, 1) == 0)
		w->op->kind->unmake();
}

static void run_op(struct work *w)
{
	w->marks = calloc(w->op->states, sizeof(*w->marks));
	if (!w->marks)
		abort();
	/* The others need its marks, so it runs in any case. */
	try_way(w, KILL_SNAPSHOT);
	for (int way = KILL_REAL; way < KILL_WAYS; way++)
		if (wanted_way((enum kill_way)way) &&
		    !w->count.failed[KILL_SNAPSHOT])
			try_way(w, (enum kill_way)way);
	tell(w);
	for (unsigned s = 0; s < w->op->states; s++)
		free(w->marks[s].at);
	free(w->marks);
	w->marks = NULL;
}

static bool wanted_op(const struct kill_op *op)
{
	return !kill_options.op || strcmp(kill_options.op, op->name) == 0 ||
	       (strncmp(kill_options.op, op->name, strlen(kill_options.op)) ==
			0 &&
		op->name[strlen(kill_options.op)] == '.');
}

void kill_begin(void)
{
	static const int ends[] = { SIGALRM, SIGINT, SIGTERM, SIGHUP };

	kill_ledger = mmap(NULL, sizeof(*kill_ledger), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (kill_ledger == MAP_FAILED)
		abort();
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], on_signal);
}

void kill_list_ops(void)
{
	for (size_t l = 0; l < LISTS; l++)
		for (unsigned i = 0; i < lists[l]->count; i++)
			printf("%s %u\n", lists[l]->ops[i].name,
			       lists[l]->ops[i].states);
}

unsigned kill_run(void)
{
	struct work *works;
	unsigned count = 0;

	for (size_t l = 0; l < LISTS; l++)
		count += lists[l]->count;
	works = calloc(count, sizeof(*works));
	if (!works)
		abort();
	count = 0;
	for (size_t l = 0; l < LISTS; l++)
		for (unsigned i = 0; i < lists[l]->count; i++) {
			const struct kill_op *op = &lists[l]->ops[i];

			if (!wanted_op(op))
				continue;
			works[count].op = op;
			run_op(&works[count++]);
		}
	table_head();
	for (unsigned i = 0; i < count; i++)
		table_line(&works[i]);
	free(works);
	return count;
}

bool kill_all_well(void)
{
	return kill_options.expect ? found_ : !any_failed_;
}
