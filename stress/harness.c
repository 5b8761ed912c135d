/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/harness.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

struct stress_options stress_options = { .kills = 300 };

static double seconds_ = 1;
static unsigned patience_s_ = 20;
static uint64_t end_ns_;
static uint64_t runs_;
static uint64_t run_seed_;
static pid_t parent_;
static void (*dump_)(void);
static uint64_t progress_;
static char directory_[64];
static int janitor_life_ = -1;
static pid_t janitor_;
/* Written by the parent's main thread, read by its signal handler; a word is
 * 0 or a child that has not been waited for. */
static pid_t children_[STRESS_CHILDREN];

/* --- life of the program -------------------------------------------------- */

static uint64_t number(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-')
		argp_error(state, "not a number: %s", text);
	return n;
}

static error_t option(int key, char *text, struct argp_state *state)
{
	struct stress_options *o = &stress_options;

	switch (key) {
	case 's':
		seconds_ = strtod(text, NULL);
		break;
	case 'S':
		o->seed = number(text, state);
		break;
	case 'r':
		o->runs = number(text, state);
		break;
	case 'c':
		o->capacity = (uint32_t)number(text, state);
		break;
	case 'e':
		o->elem_bytes = (uint32_t)number(text, state);
		break;
	case 'k':
		o->kills = (uint32_t)number(text, state);
		break;
	case 'w':
		patience_s_ = (unsigned)number(text, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option options[] = {
	{ "seconds", 's', "N", 0, "how long (1; the last run is finished)", 0 },
	{ "seed", 'S', "N", 0, "of the first run (default: the time)", 0 },
	{ "runs", 'r', "N", 0, "end after so many runs", 0 },
	{ "capacity", 'c', "N", 0, "of every ring (default: varied)", 0 },
	{ "elem", 'e', "BYTES", 0, "size of an element (default: varied)", 0 },
	{ "kill-rate", 'k', "N", 0, "kills and stops per second (300)", 0 },
	{ "watchdog", 'w', "N", 0, "fail after N s without progress (20)", 0 },
	{ 0 }
};

static void kill_children(void)
{
	for (int i = 0; i < STRESS_CHILDREN; i++)
		if (children_[i])
			kill(children_[i], SIGKILL);
}

static void on_signal(int signal)
{
	kill_children();
	if (signal != SIGALRM)
		_exit(128 + signal);
	stress_say("%s: seed %llu: no progress for %u s",
		   program_invocation_short_name, (unsigned long long)run_seed_,
		   patience_s_);
	if (dump_)
		dump_();
	_exit(1);
}

void stress_begin(int argc, char **argv, const char *about)
{
	const struct argp argp = { options, option, NULL, about,
				   NULL,    NULL,   NULL };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };

	stress_options.seed = (uint64_t)time(NULL) * 1000003;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	parent_ = getpid();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	/* Lines come out whole, and at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s: seed %llu\n", program_invocation_short_name,
	       (unsigned long long)stress_options.seed);
	end_ns_ = slip_after_ns((uint64_t)(seconds_ * 1e9));
	alarm(patience_s_);
}

bool stress_more(void)
{
	if (stress_options.runs && runs_ >= stress_options.runs)
		return false;
	return runs_ == 0 || slip_now_ns() < end_ns_;
}

uint64_t stress_next_seed(void)
{
	run_seed_ = stress_options.seed + runs_++;
	return run_seed_;
}

void stress_line(uint64_t seed, const char *format, ...)
{
	char text[512];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("seed %llu: %s: ok\n", (unsigned long long)seed, text);
}

int stress_end(const char *format, ...)
{
	char text[512];
	va_list values;

	alarm(0);
	for (int i = 0; i < STRESS_CHILDREN; i++)
		if (children_[i])
			stress_fail("child %d was left behind", children_[i]);
	if (janitor_) {
		close(janitor_life_);
		waitpid(janitor_, NULL, 0);
	}
	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("%s: %llu runs, %s: ok\n", program_invocation_short_name,
	       (unsigned long long)runs_, text);
	return 0;
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
	alarm(patience_s_);
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
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == -1)
		stress_fail("fork: %s", strerror(errno));
	if (pid) {
		children_[place] = pid;
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent_)
		_exit(1);
	memset(children_, 0, sizeof(children_));
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	_exit(body(arg));
}

static int wait_for(pid_t pid, int flags)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, flags);
	} while (got == -1 && errno == EINTR);
	if (got != pid)
		stress_fail("waitpid: %s", strerror(errno));
	if (!WIFSTOPPED(status))
		children_[place_of(pid)] = 0;
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
	status = wait_for(pid, 0);
	/* It may have been on its way out, but not by a failure. */
	STRESS_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
		     "child %d ended with %#x", pid, (unsigned)status);
}

void stress_stop(pid_t pid)
{
	int status;

	(void)place_of(pid);
	kill(pid, SIGSTOP);
	status = wait_for(pid, WUNTRACED);
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
	int status = wait_for(pid, 0);

	STRESS_CHECK(status == 0, "child %d ended with %#x", pid,
		     (unsigned)status);
}

void stress_all_at_work(void)
{
	for (int i = 0; i < STRESS_CHILDREN; i++) {
		siginfo_t info = { 0 };

		if (!children_[i])
			continue;
		if (waitid(P_PID, (id_t)children_[i], &info,
			   WEXITED | WNOHANG | WNOWAIT))
			stress_fail("waitid: %s", strerror(errno));
		STRESS_CHECK(info.si_pid == 0, "child %d ended (code %d, %d)",
			     children_[i], info.si_code, info.si_status);
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
