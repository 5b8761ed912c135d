/* SPDX-License-Identifier: MIT */
/*
 * The explorer's own evidence beside the litmus tests: that it finds races,
 * lost wake-ups, livelocks and crashes, that kills come everywhere and their
 * witnesses see what they should, that time and the kernel are as in life.
 */
#define _GNU_SOURCE /* AT_FDCWD */

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "explore.h"

#define ST(at, v, order) __atomic_store_n(&(at), v, __ATOMIC_##order)
#define LD(at, order)	 __atomic_load_n(&(at), __ATOMIC_##order)

static uint32_t word, other;
static uint64_t wide;
static unsigned char bytes[16];
static uint32_t *mapped[2];
static int file;
static uint32_t *nowhere;
static uint32_t r[X_THREADS];
static uint64_t count[4];

static void once(void)
{
	memset(count, 0, sizeof(count));
	x_name(&word, sizeof(word), "word");
	x_name(bytes, sizeof(bytes), "bytes");
}

static void setup(void)
{
	word = other = 0;
	wide = 0;
	memset(bytes, 0, sizeof(bytes));
	memset(r, 0, sizeof(r));
	nowhere = (uint32_t *)8;
}

static void first_two_happened(void)
{
	X_ASSERT(count[0] && count[1], "%llu and %llu",
		 (unsigned long long)count[0], (unsigned long long)count[1]);
}

/* --- plain data ------------------------------------------------------------- */

static void write_even(void)
{
	bytes[2] = 1;
	bytes[4] = 1;
}

static void write_odd(void)
{
	bytes[3] = 1;
	bytes[5] = 1;
}

static void copy_over(void)
{
	unsigned char mine[3] = { 1, 2, 3 };

	x_copy(bytes + 3, mine, 3);
}

static void plain_store(void)
{
	word = 1;
}

static void atomic_store(void)
{
	ST(word, 1, SEQ_CST);
}

static void half_store(void)
{
	void *half = &wide;

	ST(*(uint32_t *)half, 1, RELAXED);
}

static void whole_load(void)
{
	r[1] = (uint32_t)LD(wide, RELAXED);
}

static void wild(void)
{
	ST(word, 1, RELAXED);
	*nowhere = 1;
}

/* What comes after the release is not released. */
static void write_too_late(void)
{
	ST(word, 1, RELEASE);
	bytes[0] = 1;
}

static void read_after(void)
{
	if (LD(word, ACQUIRE))
		r[1] = bytes[0];
}

/* Both raise a flag and go in where they do not see the other's. */
static void enter(uint32_t *mine, const uint32_t *theirs, bool fenced)
{
	__atomic_store_n(mine, 1, __ATOMIC_RELEASE);
	if (fenced)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(theirs, __ATOMIC_ACQUIRE)) {
		bytes[0]++;
		count[x_self()]++;
	}
}

static void enter_left(void)
{
	enter(&word, &other, true);
}

static void enter_right(void)
{
	enter(&other, &word, true);
}

static void rush_left(void)
{
	enter(&word, &other, false);
}

static void rush_right(void)
{
	enter(&other, &word, false);
}

/* A lock by swaps. */
static bool take(void)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&word, &free, 1, 0, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void lock_and_add(void)
{
	while (!take())
		x_pause();
	bytes[0]++;
	count[x_self()]++;
	ST(word, 0, RELEASE);
}

static void lock_and_add_loosely(void)
{
	while (!take())
		x_pause();
	bytes[0]++;
	ST(word, 0, RELAXED);
}

static void added_twice(void)
{
	X_ASSERT(bytes[0] == 2, "%u additions", bytes[0]);
}

static void store_plainly(void)
{
	bytes[0] = 1;
	ST(word, 1, RELEASE);
}

/* It sees 1, not 0, and so fails: reads what came before 1, or should not. */
static void fail_and_read(int failure)
{
	uint32_t free = 7;

	if (failure == __ATOMIC_ACQUIRE)
		(void)__atomic_compare_exchange_n(
			&word, &free, 8, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
	else
		(void)__atomic_compare_exchange_n(
			&word, &free, 8, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	if (free == 1)
		count[bytes[0]]++;
	else
		count[0]++;
}

static void fail_acquiring(void)
{
	fail_and_read(__ATOMIC_ACQUIRE);
}

static void fail_relaxed(void)
{
	fail_and_read(__ATOMIC_RELAXED);
}

/* --- waiting ---------------------------------------------------------------- */

static void spin(void)
{
	while (!LD(word, ACQUIRE))
		x_pause();
	r[1] = bytes[0];
}

static void publish(void)
{
	bytes[0] = 7;
	ST(word, 1, RELEASE);
}

static void spun(void)
{
	X_ASSERT(r[1] == 7, "spun through");
	count[0]++;
	count[1]++;
}

static void spin_without_pause(void)
{
	while (!LD(word, RELAXED))
		;
}

static long wait(uint64_t until)
{
	struct timespec t = { (time_t)(until / 1000000000u),
			      (long)(until % 1000000000u) };

	return x_sys(SYS_futex, (long)&word, FUTEX_WAIT_BITSET, 0,
		     until == UINT64_MAX ? 0 : (long)&t, 0, -1);
}

static void sleep_for_ever(void)
{
	while (!LD(word, RELAXED))
		(void)wait(UINT64_MAX);
}

static void store_and_wake(void)
{
	ST(word, 1, RELAXED);
	(void)x_sys(SYS_futex, (long)&word, FUTEX_WAKE, 1, 0, 0, 0);
}

static void wake_and_store(void)
{
	(void)x_sys(SYS_futex, (long)&word, FUTEX_WAKE, 1, 0, 0, 0);
	ST(word, 1, RELAXED);
}

static void woken(void)
{
	count[0]++;
	count[1]++;
}

static void sleep_until(void)
{
	uint64_t start = x_now();
	long rc = wait(start + 5000);

	if (rc == -ETIMEDOUT)
		X_ASSERT(x_now() >= start + 5000, "woken early");
	r[0] = (uint32_t)-rc;
}

static void timed_out(void)
{
	X_ASSERT(r[0] == 0 || r[0] == ETIMEDOUT || r[0] == EAGAIN ||
			 r[0] == EINTR,
		 "futex says %u", r[0]);
	count[0] += r[0] == ETIMEDOUT;
	count[1] += r[0] == EINTR;
	count[2] += r[0] == EAGAIN;
	count[3] += r[0] == 0;
}

static void all_outcomes(void)
{
	X_ASSERT(count[0] && count[1] && count[2] && count[3],
		 "%llu timed out, %llu interrupted, %llu too late, %llu woken",
		 (unsigned long long)count[0], (unsigned long long)count[1],
		 (unsigned long long)count[2], (unsigned long long)count[3]);
}

static void refused(void)
{
	r[0] = (uint32_t)-x_sys(SYS_membarrier, 2, 0, 0, 0, 0, 0);
}

static void was_refused(void)
{
	X_ASSERT(r[0] == ENOSYS, "membarrier says -%u", r[0]);
	count[0]++;
	count[1]++;
}

/* --- kills and stops -------------------------------------------------------- */

static void three_stores(void)
{
	bytes[0] = 1;
	ST(word, 1, RELAXED);
	bytes[1] = 1;
	ST(word, 2, RELAXED);
	ST(word, 3, RELAXED);
}

static void witness(void)
{
	r[1] = LD(word, RELAXED);
	/* Only now: what it did not pass on is visible all the same. */
	if (x_sys(SYS_getppid, 0, 0, 0, 0, 0, 0)) {
		r[2] = LD(word, RELAXED);
		r[3] = (uint32_t)(bytes[0] + bytes[1]);
		X_ASSERT(r[2] == LD(word, RELAXED), "the dead go on storing");
	}
}

static bool dead_sys(long nr, const long args[6], long *result)
{
	(void)args;
	*result = x_dead(0);
	return nr == SYS_getppid;
}

static void killed_anywhere(void)
{
	if (!x_dead(0)) {
		X_ASSERT(x_returned(0) && word == 3, "alive and not done");
		return;
	}
	X_ASSERT(r[2] == 0 || r[2] == word, "stale after a death");
	count[word]++;
}

static void killed_everywhere(void)
{
	for (unsigned i = 0; i < 4; i++)
		X_ASSERT(count[i], "never killed after %u stores", i);
}

static void stopped_anywhere(void)
{
	if (x_stopped(0))
		count[word]++;
	X_ASSERT(!x_dead(0), "a stopped thread is not dead");
}

/* --- the real kernel -------------------------------------------------------- */

static void make_file(void)
{
	once();
	file = (int)x_sys(SYS_memfd_create, (long)"explore", 0, 0, 0, 0, 0);
	X_ASSERT(file >= 0, "memfd");
	X_ASSERT(!x_sys(SYS_ftruncate, file, 4096, 0, 0, 0, 0), "truncate");
}

static uint32_t *map(void)
{
	return (uint32_t *)x_sys(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE,
				 MAP_SHARED, file, 0);
}

static void map_twice(void)
{
	setup();
	mapped[0] = map();
	mapped[1] = map();
	X_ASSERT(mapped[0] != mapped[1], "one mapping");
	memset(mapped[0], 0, 4096);
}

static void store_here(void)
{
	mapped[0][1] = 1;
	ST(mapped[0][0], 1, RELEASE);
}

static void load_there(void)
{
	r[1] = LD(mapped[1][0], ACQUIRE);
	if (r[1])
		r[2] = mapped[1][1];
}

static void load_there_relaxed(void)
{
	r[1] = LD(mapped[1][0], RELAXED);
	if (r[1])
		r[2] = mapped[1][1];
}

static void same_bytes(void)
{
	X_ASSERT(r[1] == r[2], "%u and %u", r[1], r[2]);
	count[r[1]]++;
}

static long lock(int fd, int command, short type)
{
	struct flock f;

	memset(&f, 0, sizeof(f));
	f.l_type = type;
	f.l_len = 1;
	if (x_sys(SYS_fcntl, fd, command, (long)&f, 0, 0, 0))
		return -1;
	return f.l_type;
}

/* Opens, locks, and is killed: the kernel gives the lock back. */
static void lock_and_die(void)
{
	long fd = x_sys(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY,
			0, 0, 0);

	bytes[0] = 1;
	if (!lock((int)fd, 37, F_RDLCK))
		ST(word, 1, RELAXED);
	ST(word, 2, RELAXED);
	x_sys(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void ask_the_lock(void)
{
	long fd = x_sys(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY,
			0, 0, 0);
	uint32_t before = LD(word, RELAXED);

	r[1] = (uint32_t)lock((int)fd, 36, F_WRLCK);
	if (before && r[1] == F_UNLCK)
		r[2] = bytes[0];
}

static void lock_given_back(void)
{
	if (r[1] == F_RDLCK)
		count[0]++;
	if (x_dead(0) && word == 1 && r[1] == F_UNLCK)
		count[1]++;
}

#define MODEL(NAME, FIRST, SECOND, ...)                                      \
	{                                                                    \
		.name = NAME, .operation = "explorer.machine", .once = once, \
		.setup = setup, .threads = { FIRST, SECOND }, __VA_ARGS__    \
	}

static const struct x_model models[] = {
	MODEL("neighbours", write_even, write_odd, .final = NULL),
	MODEL("overlap", write_even, copy_over, .bug = "data race on bytes"),
	MODEL("too-late", write_too_late, read_after, .bug = "data race"),
	MODEL("plain-atomic", plain_store, atomic_store, .bug = "data race"),
	MODEL("mixed-sizes", half_store, whole_load, .bug = "different sizes"),
	MODEL("fault", wild, atomic_store, .bug = "Segmentation"),
	MODEL("dekker", enter_left, enter_right, .flags = X_COMPLETE,
	      .preemptions = 99, .finish = first_two_happened),
	MODEL("dekker-rushed", rush_left, rush_right, .flags = X_NOT_SC,
	      .bug = "data race"),
	MODEL("lock-by-swap", lock_and_add, lock_and_add, .flags = X_COMPLETE,
	      .preemptions = 99, .final = added_twice,
	      .finish = first_two_happened),
	MODEL("lock-loosely", lock_and_add_loosely, lock_and_add_loosely,
	      .bug = "data race"),
	MODEL("failed-swap", store_plainly, fail_acquiring, .flags = X_COMPLETE,
	      .preemptions = 99, .finish = first_two_happened),
	MODEL("failed-swap-relaxed", store_plainly, fail_relaxed,
	      .bug = "data race"),
	MODEL("pause", publish, spin, .final = spun,
	      .finish = first_two_happened, .flags = X_COMPLETE,
	      .preemptions = 99),
	MODEL("pause-alone", atomic_store, spin, .flags = X_COMPLETE,
	      .preemptions = 99),
	MODEL("pause-for-ever", whole_load, spin, .bug = "livelock"),
	MODEL("no-pause", atomic_store, spin_without_pause, .bug = "livelock"),
	MODEL("wake", store_and_wake, sleep_for_ever, .final = woken,
	      .finish = first_two_happened, .flags = X_COMPLETE,
	      .preemptions = 99),
	MODEL("wake-first", wake_and_store, sleep_for_ever,
	      .bug = "lost wake-up"),
	MODEL("outcomes", sleep_until, store_and_wake, .final = timed_out,
	      .finish = all_outcomes, .preemptions = 99, .surprises = 1,
	      .flags = X_COMPLETE | X_EINTR | X_TIMEOUT),
	MODEL("no-membarrier", refused, atomic_store, .final = was_refused,
	      .finish = first_two_happened, .flags = X_NO_MEMBARRIER),
	MODEL("kill", three_stores, witness, .final = killed_anywhere,
	      .finish = killed_everywhere, .sys = dead_sys, .mortal = 1,
	      .troubles = 1, .flags = X_COMPLETE, .preemptions = 99),
	MODEL("stop", three_stores, whole_load, .final = stopped_anywhere,
	      .finish = killed_everywhere, .stoppable = 1, .troubles = 1,
	      .flags = X_COMPLETE, .preemptions = 99),
	{
		.name = "two-mappings",
		.operation = "explorer.machine",
		.once = make_file,
		.setup = map_twice,
		.threads = { store_here, load_there },
		.final = same_bytes,
		.finish = first_two_happened,
		.flags = X_COMPLETE,
		.preemptions = 99,
	},
	{
		.name = "two-mappings-race",
		.operation = "explorer.machine",
		.once = make_file,
		.setup = map_twice,
		.threads = { store_here, load_there_relaxed },
		.bug = "data race",
	},
	MODEL("lock", lock_and_die, ask_the_lock, .final = lock_given_back,
	      .finish = first_two_happened, .mortal = 1, .troubles = 1,
	      .flags = X_COMPLETE, .preemptions = 99),
	/* A run in which nothing of interest happened must not pass. */
	MODEL("vacuous", write_even, write_odd, .finish = first_two_happened,
	      .bug = "0 and 0"),
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
