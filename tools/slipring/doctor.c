/* SPDX-License-Identifier: MIT */
/*
 * slipring doctor: what this kernel and machine offer, and what each lack
 * costs. Everything is tried, not looked up by version: a container's seccomp
 * filter refuses what the kernel could do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/event.h"
#include "futex/peer.h"
#include "futex/region.h"
#include "futex/region_tools.h"
#include "tools/slipring/common.h"

/* GOOD; a FACT that is neither; a LACK, with its cost; without the MUST
 * nothing works. */
enum grade { GOOD, FACT, LACK, MUST };

struct finding {
	const char *what;
	enum grade grade;
	const char *cost; /* of a lack, else NULL */
	char value[100];
};

struct report {
	struct finding list[40];
	size_t used;
};

__attribute__((format(printf, 5, 6))) static void
add(struct report *r, const char *what, enum grade grade, const char *cost,
    const char *format, ...)
{
	struct finding *f = &r->list[r->used++];
	va_list args;

	f->what = what;
	f->grade = grade;
	f->cost = grade == GOOD || grade == FACT ? NULL : cost;
	va_start(args, format);
	(void)vsnprintf(f->value, sizeof(f->value), format, args);
	va_end(args);
}

/* The first line of a small file of the kernel's, or "" */
static const char *first_line(const char *path, char *text, size_t bytes)
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

/* The number behind "Label:" in a file of such lines. */
static bool number_after(const char *path, const char *label, int base,
			 unsigned long long *value)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, label, strlen(label)) == 0;
		if (found)
			*value = strtoull(line + strlen(label), NULL, base);
	}
	(void)fclose(file);
	return found;
}

/* --- the kernel's calls --------------------------------------------------- */

static void check_system(struct report *r)
{
	struct utsname name;

	if (uname(&name) == 0)
		add(r, "system", FACT, NULL, "%s %s %s", name.sysname,
		    name.release, name.machine);
}

static void check_futexes(struct report *r)
{
	static const struct {
		unsigned bit;
		const char *what, *since, *cost;
	} calls[] = {
		{ SLIP_FUTEX_HAS_WAITV, "futex_waitv", "Linux 5.16",
		  "a thread cannot sleep on several words at once" },
		{ SLIP_FUTEX_HAS_PI, "FUTEX_LOCK_PI", "a kernel with PI",
		  "locks cannot hand on priority" },
		{ SLIP_FUTEX_HAS_LOCK_PI2, "FUTEX_LOCK_PI2", "Linux 5.14",
		  "waiting for a PI lock cannot have a monotonic deadline" },
		{ SLIP_FUTEX_HAS_FUTEX2, "futex2", "Linux 6.7",
		  "nothing today: wait and wake have older equals" },
	};
	unsigned has = slip_futex_features();
	slip_a32 word;
	int rc;

	/* init: ours alone */
	slip_a32_store_relaxed(&word, 0);
	rc = slip_futex_wake(&word, 1, SLIP_SHARED);
	add(r, "futex", rc == 0 ? GOOD : MUST,
	    "nothing that waits can sleep, or wake a sleeper", "%s",
	    rc == 0 ? "yes" : strerror(-rc));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (has & calls[i].bit)
			add(r, calls[i].what, GOOD, NULL, "yes");
		else
			add(r, calls[i].what, LACK, calls[i].cost,
			    "no (needs %s, and a seccomp filter that allows "
			    "it)",
			    calls[i].since);
	}
}

static void check_membarrier(struct report *r)
{
	const char *cost = "publishing costs a locked instruction (some 5 ns) "
			   "per message, as events fall back to mode FULL";
	uint64_t began;
	int rc = slip_event_register(SLIP_EVENT_ASYM);

	if (rc) {
		add(r, "membarrier", LACK, cost,
		    "GLOBAL_EXPEDITED is refused: %s", strerror(-rc));
		return;
	}
	began = slip_now_ns();
	for (int i = 0; i < 100 && !rc; i++)
		rc = slip_fence_heavy();
	began = slip_now_ns() - began;
	if (rc)
		add(r, "membarrier", LACK, cost, "registered, then refused: %s",
		    strerror(-rc));
	else
		add(r, "membarrier", GOOD, NULL,
		    "GLOBAL_EXPEDITED, registered; %.2f us each now",
		    (double)began / 100e3);
}

static void check_seccomp(struct report *r)
{
	unsigned long long mode;

	if (!number_after("/proc/self/status", "Seccomp:", 10, &mode))
		return;
	add(r, "seccomp", FACT, NULL, "%s",
	    mode == 0	? "off"
	    : mode == 1 ? "strict"
			: "a filter: what is missing above may be its doing");
}

static void check_proc(struct report *r)
{
	bool good = access("/proc/self/fd/0", F_OK) == 0 || errno != ENOENT ||
		    access("/proc/self/fd", X_OK) == 0;

	add(r, "/proc", good ? GOOD : MUST,
	    "nobody can join a region: a description of one's own is opened "
	    "through /proc/self/fd",
	    "%s", good ? "mounted" : "not mounted");
}

/* --- shared memory -------------------------------------------------------- */

static void check_shm(struct report *r)
{
	const char *cost = "no region can have a plain name; paths in another "
			   "tmpfs still work";
	char size[SIZE_TEXT_BYTES], free_[SIZE_TEXT_BYTES];
	struct statvfs fs;

	if (statvfs("/dev/shm", &fs)) {
		add(r, "/dev/shm", MUST, cost, "%s", strerror(errno));
		return;
	}
	if (access("/dev/shm", W_OK | X_OK)) {
		add(r, "/dev/shm", MUST, cost, "%s", strerror(errno));
		return;
	}
	add(r, "/dev/shm", fs.f_bavail ? GOOD : LACK,
	    "new regions are refused (ENOSPC) until something is removed",
	    "%s, %s free", size_text(size, (uint64_t)fs.f_blocks * fs.f_frsize),
	    size_text(free_, (uint64_t)fs.f_bavail * fs.f_frsize));
}

static void check_tmpfile(struct report *r)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	add(r, "O_TMPFILE", fd >= 0 ? GOOD : LACK,
	    "a creator killed half-way leaves a file, which slipring gc "
	    "removes",
	    "%s", fd >= 0 ? "in /dev/shm" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void check_memfd(struct report *r)
{
	const char *cost = "no regions without a name, nor such that no "
			   "stranger can truncate";
	int fd = memfd_create("slipring-doctor",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		add(r, "memfd", LACK, cost, "%s", strerror(errno));
		return;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		add(r, "memfd", LACK, cost, "no seals: %s", strerror(errno));
	else
		add(r, "memfd", GOOD, NULL, "with seals");
	(void)close(fd);
}

static void check_huge_pages(struct report *r)
{
	unsigned long long total = 0, free_ = 0, kib = 0;
	char text[100], *from, *to;

	if (number_after("/proc/meminfo", "HugePages_Total:", 10, &total) &&
	    number_after("/proc/meminfo", "HugePages_Free:", 10, &free_) &&
	    number_after("/proc/meminfo", "Hugepagesize:", 10, &kib))
		add(r, "huge pages", total ? GOOD : FACT, NULL,
		    "%llu of %llu kB reserved, %llu free%s", total, kib, free_,
		    total ? "" : ": SLIP_REGION_HUGETLB is refused");
	(void)first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			 text, sizeof(text));
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return;
	*to = '\0';
	add(r, "huge shm pages", FACT, NULL,
	    "transparent_hugepage/shmem_enabled: %s%s", from + 1,
	    strcmp(from + 1, "never") && strcmp(from + 1, "deny")
		    ? ""
		    : " (SLIP_REGION_HUGE has no effect on files)");
}

/* --- death, really tried -------------------------------------------------- */

/* The child: joins, says so, and waits to be killed. */
static void be_a_peer(const struct slip_region *parents, int report)
{
	struct slip_region rg;
	struct slip_peer self;
	int32_t answer = slip_region_adopt(&rg, slip_region_fd(parents), 0);

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
	*took_ns = slip_now_ns() - *took_ns;
	if (alive != 1)
		return alive < 0 ? alive : 1;
	dead = slip_peer_alive(rg, (uint32_t)id);
	return dead <= 0 ? dead : 2;
}

static void check_oracle(struct report *r, unsigned back_end, const char *what)
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

/* --- time and processors -------------------------------------------------- */

static void check_cpus(struct report *r)
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

static void check_clock(struct report *r)
{
	char source[64];
	uint64_t began = slip_now_ns();
	double each;

	for (int i = 0; i < 1000; i++)
		(void)slip_now_ns();
	each = (double)(slip_now_ns() - began) / 1000;
	(void)first_line("/sys/devices/system/clocksource/clocksource0/"
			 "current_clocksource",
			 source, sizeof(source));
	add(r, "clock", each < 200 ? GOOD : LACK,
	    "reading the clock enters the kernel or a slow device: deadlines "
	    "and spinning become coarse",
	    "%s, %.0f ns a reading", source[0] ? source : "unknown", each);
}

/* Sleeps until the ball is `turn`; a second without it ends the game. */
static bool wait_for_ball(slip_a32 *ball, uint32_t turn)
{
	uint64_t deadline_ns = slip_after_ns(1000000000);
	uint32_t now;

	/* own: all that matters is the word itself */
	while ((now = slip_a32_load_relaxed(ball)) != turn)
		if (slip_futex_wait(ball, now, deadline_ns, SLIP_SHARED) ==
		    -ETIMEDOUT)
			return false;
	return true;
}

/* One of two players: turns each number of its parity into the next. */
static void play(slip_a32 *ball, uint32_t first, uint32_t end)
{
	for (uint32_t turn = first; turn < end; turn += 2) {
		if (!wait_for_ball(ball, turn))
			return;
		slip_a32_store_relaxed(ball, turn + 1); /* own */
		(void)slip_futex_wake(ball, 1, SLIP_SHARED);
	}
}

static void check_wake(struct report *r)
{
	enum { TURNS = 2000, IDLE = 1000 };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t began = slip_now_ns();
	slip_a32 *ball = page;
	uint64_t idle, turns;
	pid_t child;

	if (page == MAP_FAILED)
		return;
	for (int i = 0; i < IDLE; i++)
		(void)slip_futex_wake(ball, 1, SLIP_SHARED);
	idle = slip_now_ns() - began;
	child = fork();
	if (child == 0) {
		play(ball, 1, TURNS);
		_exit(0);
	}
	began = slip_now_ns();
	if (child > 0) {
		play(ball, 0, TURNS);
		turns = slip_now_ns() - began;
		(void)waitpid(child, NULL, 0);
		add(r, "wake-up", FACT, NULL,
		    "%.1f us to a sleeping process, %.2f us if nobody sleeps",
		    (double)turns / TURNS / 1e3, (double)idle / IDLE / 1e3);
	}
	(void)munmap(page, 4096);
}

/* --- limits --------------------------------------------------------------- */

static void check_memlock(struct report *r)
{
	unsigned long long caps = 0;
	char size[SIZE_TEXT_BYTES];
	struct rlimit limit;
	bool may;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	may = number_after("/proc/self/status", "CapEff:", 16, &caps) &&
	      (caps >> CAP_IPC_LOCK & 1);
	if (may || limit.rlim_cur == RLIM_INFINITY)
		add(r, "locked memory", GOOD, NULL, "unlimited%s",
		    may ? " (CAP_IPC_LOCK)" : "");
	else
		add(r, "locked memory", FACT, NULL,
		    "at most %s (RLIMIT_MEMLOCK): SLIP_REGION_MLOCK fails "
		    "beyond it",
		    size_text(size, limit.rlim_cur));
}

static void check_limits(struct report *r)
{
	char size[SIZE_TEXT_BYTES];
	struct rlimit limit;

	check_memlock(r);
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		add(r, "file size", LACK, "no larger region can be made",
		    "at most %s (RLIMIT_FSIZE)",
		    size_text(size, limit.rlim_cur));
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		add(r, "open files", limit.rlim_cur >= 64 ? GOOD : LACK,
		    "each region takes a descriptor, joining two more for a "
		    "moment",
		    "%llu (RLIMIT_NOFILE)", (unsigned long long)limit.rlim_cur);
}

/* --- the report ----------------------------------------------------------- */

static const char *const grade_names[] = { "ok", "fact", "lack", "fatal" };

static int print_as_json(const struct report *r, bool well)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->used; i++) {
		const struct finding *f = &r->list[i];

		json_array_append_new(
			list, json_pack("{ss ss ss ss*}", "check", f->what,
					"grade", grade_names[f->grade], "value",
					f->value, "cost", f->cost));
	}
	return print_json(json_pack("{sb so}", "usable", well, "checks", list));
}

static int print_as_text(const struct report *r, bool well)
{
	static const char marks[] = { '+', ' ', '-', '!' };

	for (size_t i = 0; i < r->used; i++) {
		const struct finding *f = &r->list[i];

		(void)printf("%c %-16s %s\n", marks[f->grade], f->what,
			     f->value);
		if (f->cost)
			(void)printf("  %-16s so: %s\n", "", f->cost);
	}
	(void)puts(well ? "slipring works here"
			: "slipring does not work here: see the lines "
			  "marked !");
	return finish_output(STATUS_OK);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key == 'j')
		*json = true;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "Report as JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What this kernel and machine offer, and what each lack "
		       "costs.\vIn front of each line: + good, - a lack and "
		       "below it its cost, ! a lack that slipring cannot work "
		       "with (exit status 1).",
	};
	static struct report report;
	bool json = false, well = true;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &json))
		return STATUS_USAGE;
	check_system(&report);
	check_futexes(&report);
	check_membarrier(&report);
	check_seccomp(&report);
	check_proc(&report);
	check_shm(&report);
	check_tmpfile(&report);
	check_memfd(&report);
	check_oracle(&report, 0, "death in /dev/shm");
	check_oracle(&report, SLIP_REGION_MEMFD, "death in a memfd");
	check_huge_pages(&report);
	check_cpus(&report);
	check_clock(&report);
	check_wake(&report);
	check_limits(&report);
	for (size_t i = 0; i < report.used; i++)
		well = well && report.list[i].grade != MUST;
	status = json ? print_as_json(&report, well)
		      : print_as_text(&report, well);
	return status ? status : well ? STATUS_OK : STATUS_FAILED;
}
