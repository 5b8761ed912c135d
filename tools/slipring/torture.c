/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/torture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/sys.h"
#include "tools/slipring/common.h"

#define TICK_MS	    200
#define LINE_NS	    UINT64_C(5000000000) /* where there is no terminal */
#define LITTER_NS   LINE_NS		 /* for who was killed to be gone */
#define SECOND_NS   UINT64_C(1000000000)
#define PER_READING 1024

/* What the engines share with us, and we with the progress. */
static struct {
	struct torture *torture;
	pid_t pid[TORTURE_PAIRS];
	uint32_t alive;
	int pipe[2]; /* their stderr */
	size_t said;
	uint64_t began_ns;
	uint64_t shown_ns;
	uint64_t shown_elements;
	bool terminal;
	bool ending; /* by us */
} now;

static volatile sig_atomic_t got_signal;

static void note_signal(int signal)
{
	got_signal = signal;
}

void torture_listen(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
}

uint64_t torture_count(const struct torture *t, const struct pair_ring *ring,
		       enum pair_count what)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->pairs * t->rings_number; i++)
		if (!ring || t->rings[i % t->rings_number] == ring)
			/* stat */
			sum += slip_a64_load_relaxed(
				&t->accounts[i].count[what]);
	return sum;
}

/* --- an engine ------------------------------------------------------------ */

static int engine(void *arg)
{
	const struct torture *t = now.torture;
	uint32_t index = *(uint32_t *)arg;
	uint32_t n = t->rings_number;

	(void)close(now.pipe[0]);
	(void)dup2(now.pipe[1], STDERR_FILENO);
	(void)close(now.pipe[1]);
	stress_options.pair = index;
	stress_options.seed += ((uint64_t)index << 32) + index;
	stress_start();
	pair_begin();
	/* Each ring once, however short the time. */
	while (stress_more() || stress_runs() < n) {
		uint64_t seed = stress_next_seed();
		/* By the seed, so that it repeats the run. */
		uint32_t ring = (uint32_t)(seed % n);

		pair_run(t->rings[ring], &t->accounts[index * n + ring], seed);
	}
	stress_finish();
	return 0;
}

static void start(void)
{
	struct torture *t = now.torture;

	t->accounts = stress_shared(sizeof(*t->accounts) * t->pairs *
				    t->rings_number);
	STRESS_CHECK(pipe2(now.pipe, O_CLOEXEC) == 0, "no pipe");
	for (uint32_t i = 0; i < t->pairs; i++)
		now.pid[i] = stress_spawn(engine, &i);
	now.alive = t->pairs;
	(void)close(now.pipe[1]);
	now.began_ns = slip_now_ns();
	now.shown_ns = now.began_ns;
	now.terminal = isatty(STDERR_FILENO);
}

/* --- how far it is -------------------------------------------------------- */

static void show(uint64_t at_ns)
{
	const struct torture *t = now.torture;
	uint64_t elements = torture_count(t, NULL, PAIR_POPPED) +
			    torture_count(t, NULL, PAIR_NOW);
	uint64_t gone_ns = at_ns - now.began_ns;
	uint64_t all_ns = stress_options.duration_ns;
	uint64_t step_ns = at_ns - now.shown_ns;
	char gone[TIME_TEXT_BYTES], left[TIME_TEXT_BYTES];
	uint64_t more = 0;

	if (elements > now.shown_elements)
		more = elements - now.shown_elements;
	if (step_ns)
		more = (uint64_t)((double)more * 1e9 / (double)step_ns);
	(void)fprintf(
		stderr,
		"%s%s, %s left: %llu elements (%.2f M/s), %llu kills, %llu "
		"stops, %llu takeovers%s",
		now.terminal ? "\r" : "", time_text(gone, gone_ns / SECOND_NS),
		time_text(left, all_ns > gone_ns
					? (all_ns - gone_ns) / SECOND_NS
					: 0),
		(unsigned long long)elements, (double)more / 1e6,
		(unsigned long long)torture_count(t, NULL, PAIR_KILLS),
		(unsigned long long)torture_count(t, NULL, PAIR_STOPS),
		(unsigned long long)torture_count(t, NULL, PAIR_TAKEOVERS),
		now.terminal ? "\033[K" : "\n");
	now.shown_ns = at_ns;
	now.shown_elements = elements;
}

static void progress(void)
{
	uint64_t at_ns = slip_now_ns();

	if (now.torture->quiet)
		return;
	if (now.terminal || at_ns - now.shown_ns >= LINE_NS)
		show(at_ns);
}

/* --- the wait ------------------------------------------------------------- */

/* Keeps what the engines say, for `ms` or until they are silent for ever:
 * then false. */
static bool hear(int ms)
{
	struct torture *t = now.torture;
	struct pollfd poll_fd = { .fd = now.pipe[0], .events = POLLIN };
	char rest[PER_READING];
	size_t room = sizeof(t->said) - 1 - now.said;
	ssize_t n;

	if (poll(&poll_fd, 1, ms) <= 0)
		return true;
	n = room ? read(now.pipe[0], t->said + now.said, room)
		 : read(now.pipe[0], rest, sizeof(rest));
	if (room && n > 0)
		now.said += (size_t)n;
	return n > 0;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	struct torture *t = now.torture;
	size_t room = sizeof(t->said) - now.said;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->said + now.said, room, format, args);
	va_end(args);
	if (n > 0)
		now.said += (size_t)n < room ? (size_t)n : room - 1;
}

static void reap(void)
{
	int status;

	for (uint32_t i = 0; i < now.torture->pairs; i++) {
		if (!now.pid[i] || !stress_ended(now.pid[i], &status))
			continue;
		now.pid[i] = 0;
		now.alive--;
		if (!status || now.ending)
			continue;
		now.torture->failed = true;
		if (WIFSIGNALED(status))
			say("pair %u was ended by signal %d, which was not "
			    "ours\n",
			    i, WTERMSIG(status));
	}
}

/* The engines are killed, and with each of them, by the kernel, its children.
 * All hold the pipe: when it ends, none is left. */
static void end_all(void)
{
	uint64_t deadline;

	now.ending = true;
	for (uint32_t i = 0; i < now.torture->pairs; i++)
		if (now.pid[i])
			stress_shoot(now.pid[i]);
	while (now.alive) {
		reap();
		(void)hear(1);
	}
	deadline = slip_after_ns(LITTER_NS);
	while (hear(TICK_MS) && slip_now_ns() < deadline)
		continue;
	(void)close(now.pipe[0]);
}

bool torture_run(struct torture *t)
{
	now.torture = t;
	start();
	while (now.alive && !t->failed && !t->signal) {
		t->signal = got_signal;
		(void)hear(TICK_MS);
		reap();
		progress();
	}
	end_all();
	t->took_ns = slip_now_ns() - now.began_ns;
	if (!t->quiet && now.terminal)
		(void)fputs("\r\033[K", stderr);
	return !t->failed;
}
