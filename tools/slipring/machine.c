/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/peer.h"
#include "futex/region.h"
#include "tools/slipring/common.h"

const char *first_line(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");

	text[0] = '\0';
	if (!file)
		return text;
	if (fgets(text, (int)bytes, file))
		text[strcspn(text, "\n")] = '\0';
	(void)fclose(file);
	return text;
}

/* What is behind "label :", to the end of the line. */
static bool text_after(const char *path, const char *label, char *text,
		       size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		found = colon && strncmp(line, label, strlen(label)) == 0;
		if (!found)
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(text, bytes, "%s",
			       colon + 1 + strspn(colon + 1, " \t"));
	}
	(void)fclose(file);
	return found;
}

bool number_after(const char *path, const char *label, int base,
		  unsigned long long *value)
{
	char text[80];
	bool found = text_after(path, label, text, sizeof(text));

	if (found)
		*value = strtoull(text, NULL, base);
	return found;
}

void check_system(struct findings *r)
{
	struct utsname name;

	if (uname(&name) == 0)
		add(r, "system", FACT, NULL, "%s %s %s", name.sysname,
		    name.release, name.machine);
}

void check_processor(struct findings *r)
{
	char text[80];

	if (text_after("/proc/cpuinfo", "model name", text, sizeof(text)))
		add(r, "processor", FACT, NULL, "%s", text);
}

void check_seccomp(struct findings *r)
{
	unsigned long long mode;

	if (!number_after("/proc/self/status", "Seccomp:", 10, &mode))
		return;
	add(r, "seccomp", FACT, NULL, "%s",
	    mode == 0	? "off"
	    : mode == 1 ? "strict"
			: "a filter: what is missing above may be its doing");
}

void check_cpus(struct findings *r)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;
	int allowed = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		allowed = CPU_COUNT(&set);
	else /* more CPUs than the set has bits */
		allowed = CPU_SETSIZE;
	add(r, "processors", allowed > 1 ? GOOD : LACK,
	    "both sides share one: every hand-over is a context switch (some "
	    "microseconds), and spinning is off",
	    "%d allowed, %ld online", allowed, online);
}

/* The value of a cgroup's file, in version 2 or else in version 1; "": it has
 * no such limit. In a container the path is "/". */
static const char *cgroup_value(const char *v2, const char *v1, char *text,
				size_t bytes)
{
	char line[256], path[400];
	const char *at;

	(void)first_line("/proc/self/cgroup", line, sizeof(line));
	at = strncmp(line, "0::", 3) == 0 ? line + 3 : "/";
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", at, v2);
	if (!*first_line(path, text, bytes))
		(void)first_line(v1, text, bytes);
	return text;
}

static void check_quota(struct findings *r)
{
	double quota, period = 100000;
	char text[64];

	(void)cgroup_value("cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
			   text, sizeof(text));
	if (sscanf(text, "%lf %lf", &quota, &period) >= 1 && quota > 0 &&
	    period > 0)
		add(r, "CPU quota", FACT, NULL,
		    "%.2f CPUs: whoever has used it up stands still",
		    quota / period);
}

void check_container(struct findings *r)
{
	static const unsigned long long no_limit = 1ull << 60;
	char text[64], size[SIZE_TEXT_BYTES];
	unsigned long long bytes;

	check_quota(r);
	bytes = strtoull(
		cgroup_value("memory.max",
			     "/sys/fs/cgroup/memory/memory.limit_in_bytes",
			     text, sizeof(text)),
		NULL, 10);
	if (bytes && bytes < no_limit)
		add(r, "memory limit", FACT, NULL, "%s (cgroup)",
		    size_text(size, bytes));
}

/* --- death, really tried -------------------------------------------------- */

/* The child: joins, says so, and waits to be killed. */
static void be_a_peer(const struct slip_region *parents, int report)
{
	struct slip_region rg;
	struct slip_peer self;
	int32_t answer = slip_region_adopt(&rg, slip_region_fd(parents), 0);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!answer)
		answer = slip_peer_join(&self, &rg);
	if (!answer)
		answer = (int32_t)self.id;
	if (write(report, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	for (;;)
		(void)pause();
}

/* Is the child seen alive, then dead? 0, or a negative errno, or 1 and 2 for
 * a wrong answer. */
static int watch_a_death(const struct slip_region *rg, uint64_t *took_ns)
{
	int pipe_ends[2];
	int32_t id = -EIO;
	int alive, dead;
	uint64_t deadline;
	pid_t child;

	if (pipe2(pipe_ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child == 0)
		be_a_peer(rg, pipe_ends[1]);
	(void)close(pipe_ends[1]);
	if (child < 0 || read(pipe_ends[0], &id, sizeof(id)) != sizeof(id))
		id = child < 0 ? -errno : -EIO;
	(void)close(pipe_ends[0]);
	if (child < 0)
		return id;
	alive = id > 0 ? slip_peer_alive(rg, (uint32_t)id) : id;
	*took_ns = slip_now_ns();
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	if (alive != 1)
		return alive < 0 ? alive : 1;
	/* Who reads /proc/PID meanwhile, as ps does, puts it off. */
	deadline = slip_after_ns(UINT64_C(5000000000));
	do {
		dead = slip_peer_alive(rg, (uint32_t)id);
	} while (dead == 1 && slip_now_ns() < deadline);
	*took_ns = slip_now_ns() - *took_ns;
	return dead <= 0 ? dead : 2;
}

void check_death(struct findings *r, unsigned back_end, const char *what)
{
	const char *cost = "the death of a peer is not noticed: its role stays "
			   "taken, and the other side waits for ever";
	struct slip_region rg;
	uint64_t took_ns = 0;
	int rc = slip_region_create(&rg, 0, back_end);

	if (rc) {
		add(r, what, MUST, cost, "no region: %s", cause(rc));
		return;
	}
	rc = slip_region_publish(&rg, NULL, 0600);
	if (!rc)
		rc = watch_a_death(&rg, &took_ns);
	slip_region_close(&rg);
	if (rc)
		add(r, what, MUST, cost, "%s",
		    rc == 1   ? "a living peer is taken for dead"
		    : rc == 2 ? "a killed peer is taken for alive"
			      : cause(rc));
	else
		add(r, what, GOOD, NULL, "a killed peer is seen, after %.2f ms",
		    (double)took_ns / 1e6);
}
