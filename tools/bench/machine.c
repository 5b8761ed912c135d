/* SPDX-License-Identifier: MIT */
/* On what, by what, and beside what it was measured. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/bench/engine.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The first line of a file, or of what a command says. */
static const char *line_of(FILE *in, bool command, char *text, size_t bytes)
{
	text[0] = '\0';
	if (!in)
		return text;
	if (!fgets(text, (int)bytes, in))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	(void)(command ? pclose(in) : fclose(in));
	return text;
}

static const char *file_line(const char *path, char *text, size_t bytes)
{
	return line_of(fopen(path, "re"), false, text, bytes);
}

static const char *cpu_model(char *text, size_t bytes)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char *at;

	text[0] = '\0';
	while (in && fgets(text, (int)bytes, in)) {
		if (strncmp(text, "model name", 10) &&
		    strncmp(text, "CPU part", 8))
			continue;
		at = strchr(text, ':');
		text[strcspn(text, "\n")] = '\0';
		(void)fclose(in);
		return at ? at + 2 : text;
	}
	if (in)
		(void)fclose(in);
	return "unknown";
}

/* Of our tree, if it is started there; any other tree's says nothing of us. */
static const char *commit(char *text, size_t bytes)
{
	return line_of(popen("exec 2>/dev/null; top=$(git rev-parse "
			     "--show-toplevel) && test -f "
			     "\"$top/tools/bench/bench.h\" && "
			     "git describe --always --dirty",
			     "re"),
		       true, text, bytes);
}

static bool may_be_realtime(void)
{
	struct sched_param p = { .sched_priority = 1 };
	bool may = !sched_setscheduler(0, SCHED_FIFO, &p);

	p.sched_priority = 0;
	(void)sched_setscheduler(0, SCHED_OTHER, &p);
	return may;
}

json_t *bench_machine(void)
{
	struct utsname u;
	char cpu[256], text[6][256];
	cpu_set_t all;
	json_t *m = json_object();

	(void)uname(&u);
	CPU_ZERO(&all);
	(void)sched_getaffinity(0, sizeof(all), &all);
	(void)snprintf(text[0], sizeof(text[0]), "%d", CPU_COUNT(&all));
	(void)snprintf(text[1], sizeof(text[1]), "%s %s", u.sysname, u.release);
	json_object_set_new(m, "cpu", json_string(cpu_model(cpu, sizeof(cpu))));
	json_object_set_new(m, "cpus", json_string(text[0]));
	json_object_set_new(m, "kernel", json_string(text[1]));
	json_object_set_new(m, "machine", json_string(u.machine));
	json_object_set_new(m, "compiler", json_string(COMPILER));
	json_object_set_new(m, "flags",
			    json_string(bench_flags(text[5], sizeof(text[5]))));
	json_object_set_new(m, "commit",
			    json_string(commit(text[2], sizeof(text[2]))));
	json_object_set_new(
		m, "governor",
		json_string(file_line(
			"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
			text[3], sizeof(text[3]))));
	json_object_set_new(m, "load",
			    json_string(file_line("/proc/loadavg", text[4],
						  sizeof(text[4]))));
	json_object_set_new(m, "realtime", json_boolean(may_be_realtime()));
	return m;
}
