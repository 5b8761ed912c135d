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
#include "tools/slipring/machine.h"

/* A barrier that takes as long as several wake-ups. */
#define SLOW_BARRIER_NS 50e3

/* --- the kernel's calls --------------------------------------------------- */

static void check_futexes(struct findings *r)
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

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * How long a barrier takes, in ns, a median; 0: it could not be found out, and
 * why in `*rc`. While the other runs, who counts in `beside`, if there is one:
 * the turns in which he stood still do not count.
 */
static double barrier_ns(const slip_a32 *beside, int *rc)
{
	enum { TURNS = 101 };
	uint64_t enough = slip_after_ns(UINT64_C(300000000));
	uint64_t took[TURNS], began;
	uint32_t before, n = 0;

	*rc = 0;
	while (n < TURNS && !*rc && slip_now_ns() < enough) {
		before = beside ? slip_a32_load_relaxed(beside) : 0;
		began = slip_now_ns();
		*rc = slip_fence_heavy();
		took[n] = slip_now_ns() - began;
		n += !beside || slip_a32_load_relaxed(beside) != before;
	}
	if (*rc || n == 0)
		return 0;
	qsort(took, n, sizeof(took[0]), by_size);
	return (double)took[n / 2];
}

/* Counts on one of these processors, until it is killed, or for a second. */
static _Noreturn void run_beside(slip_a32 *word, const cpu_set_t *others)
{
	uint64_t enough = slip_after_ns(UINT64_C(1000000000));

	(void)sched_setaffinity(0, sizeof(*others), others);
	for (uint32_t n = 1; n % 1024 || slip_now_ns() < enough; n++)
		slip_a32_store_relaxed(word, n);
	_exit(0);
}

/* As barrier_ns, beside a process that is a target of it: an interrupt. */
static double barrier_beside_ns(slip_a32 *word, const cpu_set_t *all)
{
	int here = sched_getcpu();
	cpu_set_t others = *all, one;
	double ns = 0;
	pid_t child;
	int rc;

	if (here < 0)
		return 0;
	CPU_ZERO(&one);
	CPU_SET((size_t)here, &one);
	CPU_CLR((size_t)here, &others);
	child = fork();
	if (child == 0)
		run_beside(word, &others);
	if (child > 0) {
		(void)sched_setaffinity(0, sizeof(one), &one);
		ns = barrier_ns(word, &rc);
		(void)sched_setaffinity(0, sizeof(*all), all);
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	return ns;
}

/* 0: there is only one processor, or it could not be found out. */
static double barrier_peer_ns(void)
{
	slip_a32 *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double ns = 0;
	cpu_set_t all;

	if (word == MAP_FAILED)
		return 0;
	if (sched_getaffinity(0, sizeof(all), &all) == 0 && CPU_COUNT(&all) > 1)
		ns = barrier_beside_ns(word, &all);
	(void)munmap(word, 4096);
	return ns;
}

static void check_membarrier(struct findings *r)
{
	const char *cost = "publishing costs a locked instruction (some 5 ns) "
			   "per message, as events fall back to mode FULL";
	const char *slow = "the first to sleep after a busy time takes that "
			   "much longer; not in mode FULL";
	int rc = slip_event_register(SLIP_EVENT_ASYM);
	double alone, beside;
	char text[64] = "";

	if (rc) {
		add(r, "membarrier", LACK, cost,
		    "GLOBAL_EXPEDITED is refused: %s", strerror(-rc));
		return;
	}
	alone = barrier_ns(NULL, &rc);
	if (rc) {
		add(r, "membarrier", LACK, cost, "registered, then refused: %s",
		    strerror(-rc));
		return;
	}
	beside = barrier_peer_ns();
	if (beside > 0)
		(void)snprintf(text, sizeof(text),
			       ", %.2f us beside a peer that runs",
			       beside / 1e3);
	add(r, "membarrier", beside < SLOW_BARRIER_NS ? GOOD : LACK, slow,
	    "GLOBAL_EXPEDITED, registered; %.2f us alone%s", alone / 1e3, text);
}

static void check_proc(struct findings *r)
{
	bool good = access("/proc/self/fd/0", F_OK) == 0 || errno != ENOENT ||
		    access("/proc/self/fd", X_OK) == 0;

	add(r, "/proc", good ? GOOD : MUST,
	    "nobody can join a region: a description of one's own is opened "
	    "through /proc/self/fd",
	    "%s", good ? "mounted" : "not mounted");
}

/* --- shared memory -------------------------------------------------------- */

static void check_shm(struct findings *r)
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

static void check_tmpfile(struct findings *r)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	add(r, "O_TMPFILE", fd >= 0 ? GOOD : LACK,
	    "a creator killed half-way leaves a file, which slipring gc "
	    "removes",
	    "%s", fd >= 0 ? "in /dev/shm" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void check_memfd(struct findings *r)
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

static void check_huge_pages(struct findings *r)
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

/* --- time and processors -------------------------------------------------- */

static void check_clock(struct findings *r)
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

static void check_wake(struct findings *r)
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

static void check_memlock(struct findings *r)
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

static void check_limits(struct findings *r)
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

static int print_as_text(const struct findings *r, bool well)
{
	findings_print(r);
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
	static struct findings report;
	bool json = false, well;
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
	check_death(&report, 0, "death in /dev/shm");
	check_death(&report, SLIP_REGION_MEMFD, "death in a memfd");
	check_huge_pages(&report);
	check_cpus(&report);
	check_clock(&report);
	check_wake(&report);
	check_limits(&report);
	well = findings_are_well(&report);
	status = json ? print_json(json_pack("{sb so}", "usable", well,
					     "checks", findings_json(&report)))
		      : print_as_text(&report, well);
	return status ? status : well ? STATUS_OK : STATUS_FAILED;
}
