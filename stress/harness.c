/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "futex/sys.h"
#include "stress/life.h"

struct stress_options stress_options = {
	.duration_ns = 1000000000,
	.patience_s = 20,
	.kills = 230,
	.stops = 70,
};

/* The watchdog looks so often before it gives up: a container that was frozen
 * for a day is met by one alarm when it thaws, not by all. */
#define LOOKS 4

static uint64_t end_ns_;
static uint64_t runs_;
static uint64_t run_seed_;
static pid_t parent_;
static void (*dump_)(void);
static uint64_t progress_;
/* Reset by the main thread, counted by its signal handler. */
static unsigned looks_;
static char directory_[64];
static int janitor_life_ = -1;
static pid_t janitor_;
/* Written by the parent's main thread, read by its signal handler; a word is
 * 0 or a child that has not been waited for. */
static pid_t children_[STRESS_CHILDREN];

/* Those that a terminal, a supervisor or timeout(1) sends to a whole group. */
static const int group_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP };
#define GROUP_SIGNALS (sizeof(group_signals) / sizeof(group_signals[0]))

/* --- life of the process -------------------------------------------------- */

static void kill_children(void)
{
	for (int i = 0; i < STRESS_CHILDREN; i++)
		if (children_[i])
			kill(children_[i], SIGKILL);
}

static void set_alarm(void)
{
	alarm((stress_options.patience_s + LOOKS - 1) / LOOKS);
}

static void on_signal(int signal)
{
	if (signal == SIGALRM && ++looks_ < LOOKS) {
		set_alarm();
		return;
	}
	kill_children();
	if (signal != SIGALRM)
		_exit(128 + signal);
	stress_say("%s: seed %llu: no progress for %u s",
		   program_invocation_short_name, (unsigned long long)run_seed_,
		   stress_options.patience_s);
	if (dump_)
		dump_();
	_exit(1);
}

void stress_start(void)
{
	parent_ = getpid();
	for (size_t i = 0; i < GROUP_SIGNALS; i++)
		/* Ignored means: somebody else takes care of it. */
		if (group_signals[i] != SIGTSTP &&
		    signal(group_signals[i], SIG_IGN) != SIG_IGN)
			signal(group_signals[i], on_signal);
	signal(SIGALRM, on_signal);
	end_ns_ = slip_after_ns(stress_options.duration_ns);
	looks_ = 0;
	set_alarm();
}

bool stress_is_over(void)
{
	return slip_now_ns() >= end_ns_;
}

bool stress_more(void)
{
	if (stress_options.runs && runs_ >= stress_options.runs)
		return false;
	return runs_ == 0 || !stress_is_over();
}

uint64_t stress_next_seed(void)
{
	run_seed_ = stress_options.seed + runs_++;
	return run_seed_;
}

uint64_t stress_runs(void)
{
	return runs_;
}

void stress_finish(void)
{
	alarm(0);
	for (int i = 0; i < STRESS_CHILDREN; i++)
		if (children_[i])
			stress_fail("child %d was left behind", children_[i]);
	if (janitor_) {
		close(janitor_life_);
		waitpid(janitor_, NULL, 0);
	}
}

void stress_fail(const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	stress_say("%s: seed %llu: process %d: %s",
		   program_invocation_short_name, (unsigned long long)run_seed_,
		   getpid(), text);
	if (getpid() == parent_) {
		kill_children();
		if (dump_)
			dump_();
	}
	/* Not exit(): other threads are at work. */
	_exit(1);
}

/* --- watchdog ------------------------------------------------------------- */

void stress_on_stuck(void (*dump)(void))
{
	dump_ = dump;
}

__attribute__((format(printf, 1, 0))) static void say(const char *format,
						      va_list values)
{
	char text[600];
	int n = vsnprintf(text, sizeof(text) - 1, format, values);

	if (n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	if (n < 0)
		return;
	text[n++] = '\n';
	if (write(2, text, (size_t)n) != n)
		return; /* then there is nobody to tell */
}

void stress_say(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	say(format, values);
	va_end(values);
}

void stress_pulse(uint64_t progress)
{
	if (progress == progress_)
		return;
	progress_ = progress;
	looks_ = 0;
	set_alarm();
}

/* --- chance and content --------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t stress_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return mix(*state);
}

uint64_t stress_pick(uint64_t *state, uint64_t n)
{
	return stress_random(state) % n;
}

uint64_t stress_rate(void)
{
	return (uint64_t)stress_options.kills + stress_options.stops;
}

uint64_t stress_gap_ns(uint64_t *state)
{
	return stress_pick(state, 1 + 2000000000 / stress_rate());
}

bool stress_pick_stop(uint64_t *state)
{
	return stress_pick(state, stress_rate()) < stress_options.stops;
}

uint64_t stress_short(uint64_t *state)
{
	return stress_pick(state, UINT64_C(1) << stress_pick(state, 9));
}

/* The word number `i` of content `n`. */
static uint64_t content(uint64_t n, uint64_t i)
{
	return n ^ i * UINT64_C(0x9e3779b97f4a7c15);
}

void stress_fill(void *to, size_t bytes, uint64_t n)
{
	unsigned char *p = to;
	size_t i = 0;

	for (; i + 8 <= bytes; i += 8) {
		uint64_t word = content(n, i);

		memcpy(p + i, &word, 8);
	}
	if (i < bytes) {
		uint64_t word = mix(content(n, i + 1));

		memcpy(p + i, &word, bytes - i);
	}
}

bool stress_filled(const void *from, size_t bytes, uint64_t n)
{
	const unsigned char *p = from;
	size_t i = 0;
	uint64_t word;

	for (; i + 8 <= bytes; i += 8) {
		memcpy(&word, p + i, 8);
		if (word != content(n, i))
			return false;
	}
	word = mix(content(n, i + 1));
	return i == bytes || memcmp(p + i, &word, bytes - i) == 0;
}

/* --- time ----------------------------------------------------------------- */

void stress_sleep_ns(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000),
			      (long)(ns % 1000000000) };

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		continue;
}

/* --- processors ----------------------------------------------------------- */

void stress_allowed_cpus(struct stress_cpus *cpus)
{
	cpu_set_t set;

	cpus->count = 0;
	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (uint16_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus->number[cpus->count++] = cpu;
}

void stress_pin(enum stress_pinning how, uint32_t side)
{
	const struct stress_cpus *cpus = &stress_options.cpus;
	uint32_t place = stress_options.pair;
	cpu_set_t set;

	if (how == STRESS_PIN_NOT || !cpus->count)
		return;
	if (how == STRESS_PIN_SPREAD)
		place = 2 * place + side;
	CPU_ZERO(&set);
	CPU_SET(cpus->number[place % cpus->count], &set);
	/* Somebody may have taken it away meanwhile: then we run elsewhere. */
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* --- threads -------------------------------------------------------------- */

pthread_t stress_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	STRESS_CHECK(rc == 0, "pthread_create: %s", strerror(rc));
	return thread;
}

/* --- children ------------------------------------------------------------- */

static int life_ = -1; /* see life.h */

static int place_of(pid_t pid)
{
	for (int i = 0; i < STRESS_CHILDREN; i++)
		if (children_[i] == pid)
			return i;
	stress_fail("%d is no child, or one too many", pid);
}

pid_t stress_spawn(int (*body)(void *), void *arg)
{
	int place = place_of(0);
	pid_t parent = getpid();
	pid_t pid;

	if (life_ < 0)
		life_ = life_file();
	STRESS_CHECK(life_ >= 0, "life: %d", life_);
	fflush(NULL);
	pid = fork();
	if (pid == -1)
		stress_fail("fork: %s", strerror(errno));
	if (pid) {
		children_[place] = pid;
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	memset(children_, 0, sizeof(children_));
	if (life_begin(life_, getpid()))
		_exit(1);
	for (size_t i = 0; i < GROUP_SIGNALS; i++)
		signal(group_signals[i], SIG_IGN);
	_exit(body(arg));
}

/* Wait for what `options` say. An end is struck off the list before its pid is
 * given back to the kernel: no signal of ours can meet a stranger. */
static int wait_for(pid_t pid, int options)
{
	siginfo_t info = { 0 };
	int status;
	int rc;

	do {
		rc = waitid(P_PID, (id_t)pid, &info, options | WNOWAIT);
	} while (rc == -1 && errno == EINTR);
	if (rc)
		stress_fail("waitid: %s", strerror(errno));
	if (info.si_code != CLD_STOPPED)
		children_[place_of(pid)] = 0;
	if (waitpid(pid, &status, WUNTRACED) != pid)
		stress_fail("waitpid: %s", strerror(errno));
	STRESS_CHECK(WIFSTOPPED(status) || life_has_ended(life_, pid),
		     "child %d is dead, and its memory is not", pid);
	return status;
}

void stress_shoot(pid_t pid)
{
	(void)place_of(pid);
	kill(pid, SIGKILL);
}

void stress_kill(pid_t pid)
{
	int status;

	stress_shoot(pid);
	status = wait_for(pid, WEXITED);
	/* It may have been on its way out, but not by a failure. */
	STRESS_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
		     "child %d ended with %#x", pid, (unsigned)status);
}

void stress_stop(pid_t pid)
{
	int status;

	(void)place_of(pid);
	kill(pid, SIGSTOP);
	status = wait_for(pid, WEXITED | WSTOPPED);
	STRESS_CHECK(WIFSTOPPED(status), "child %d ended with %#x", pid,
		     (unsigned)status);
}

void stress_continue(pid_t pid)
{
	(void)place_of(pid);
	kill(pid, SIGCONT);
}

void stress_join(pid_t pid)
{
	int status = wait_for(pid, WEXITED);

	STRESS_CHECK(status == 0, "child %d ended with %#x", pid,
		     (unsigned)status);
}

/* What is known of its end, without taking notice of it; false: at work. */
static bool has_ended(pid_t pid, siginfo_t *info)
{
	*info = (siginfo_t){ 0 };
	if (waitid(P_PID, (id_t)pid, info, WEXITED | WNOHANG | WNOWAIT))
		stress_fail("waitid: %s", strerror(errno));
	return info->si_pid != 0;
}

bool stress_ended(pid_t pid, int *status)
{
	siginfo_t info;

	if (!has_ended(pid, &info))
		return false;
	*status = wait_for(pid, WEXITED);
	return true;
}

void stress_all_at_work(void)
{
	siginfo_t info;

	for (int i = 0; i < STRESS_CHILDREN; i++) {
		if (!children_[i] || !has_ended(children_[i], &info))
			continue;
		STRESS_CHECK(info.si_code != CLD_KILLED ||
				     info.si_status != SIGKILL,
			     "child %d was killed by somebody else: out of "
			     "memory?",
			     children_[i]);
		stress_fail("child %d ended (code %d, %d)", children_[i],
			    info.si_code, info.si_status);
	}
}

void *stress_shared(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	STRESS_CHECK(mem != MAP_FAILED, "%s", strerror(errno));
	return mem;
}

/* --- a directory ---------------------------------------------------------- */

static void remove_directory(void)
{
	DIR *dir = opendir(directory_);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(directory_);
}

/*
 * Waits for the end of a pipe that nobody writes to, so for the end of all who
 * could still use the directory, and then removes it.
 */
static void start_janitor(void)
{
	int life[2];
	char byte;
	pid_t pid;

	STRESS_CHECK(pipe(life) == 0, "%s", strerror(errno));
	fflush(NULL);
	pid = fork();
	STRESS_CHECK(pid != -1, "%s", strerror(errno));
	if (pid) {
		close(life[0]);
		janitor_life_ = life[1];
		janitor_ = pid;
		return;
	}
	/* Neither in the way of who waits for our output, nor of Ctrl-C. */
	setsid();
	for (int fd = 0; fd < 256; fd++)
		if (fd != life[0])
			close(fd);
	while (read(life[0], &byte, 1) > 0)
		continue;
	remove_directory();
	_exit(0);
}

const char *stress_directory(void)
{
	if (!directory_[0]) {
		strcpy(directory_, "/dev/shm/slipstress.XXXXXX");
		STRESS_CHECK(mkdtemp(directory_), "%s", strerror(errno));
		start_janitor();
	}
	return directory_;
}

unsigned stress_directory_count(void)
{
	DIR *dir = opendir(directory_);
	unsigned n = 0;

	STRESS_CHECK(dir, "%s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}
