/* SPDX-License-Identifier: MIT */
/*
 * futex/region.h on a kernel that refuses, and killed before every call of
 * it: nothing stays behind, and what does is recognised as dead.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK fault_call

#include "atomics/test/check.h"
#include "futex/region_memory.h"
#include "futex/region_tools.h"
#include "futex/test/scratch.h"

#define KIND 7u

static struct {
	bool refuse_tmpfile; /* as a file system without O_TMPFILE does */
	bool refuse_proc;    /* as a machine without /proc does */
	bool restless;	  /* a signal comes before a big fallocate is through */
	unsigned kill_at; /* die before this call */
	unsigned fail_at; /* or let it fail */
	long nr;	  /* fail every call of this number */
	int error;
	bool only_once; /* the first of them */
	bool loaded;	/* dice that fall 0, 0, 1, 1, 2 ... */
	uint64_t dice;
	void (*before)(void); /* run before the first call of `nr` */
	unsigned calls;
} fault;

long fault_call(long nr, long a, long b, long c, long d, long e, long f)
{
	unsigned turn = ++fault.calls;
	int error = fault.error;

	void (*before)(void) = fault.before;

	if (before && nr == fault.nr) {
		fault.before = NULL;
		before();
	}
	if (turn == fault.kill_at)
		raise(SIGKILL);
	if (turn == fault.fail_at || (error && nr == fault.nr)) {
		if (fault.only_once)
			fault.error = 0;
		return -error;
	}
	if (fault.restless && nr == SYS_fallocate && d > 8 << 20)
		return turn > 1000 ? -EIO : -EINTR;
	if (fault.loaded && nr == SYS_getrandom && b == sizeof(uint64_t)) {
		uint64_t n = fault.dice++ / 2;

		memcpy(SLIP_RECAST(void *, a), &n, sizeof(n));
		return sizeof(n);
	}
	if (fault.refuse_tmpfile && nr == SYS_openat &&
	    (c & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (fault.refuse_proc && (nr == SYS_openat || nr == SYS_linkat) &&
	    strncmp(SLIP_RECAST(const char *, b), "/proc/", 6) == 0)
		return -ENOENT;
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static void fault_none(void)
{
	memset(&fault, 0, sizeof(fault));
}

/* A whole life: 0 or the first error. */
static int live(unsigned flags)
{
	struct slip_region rg;
	void *mem = NULL;
	int r = slip_region_create_at(&rg, scratch_dir(), 5000, flags);

	if (!r)
		r = slip_region_place(&rg, "o", KIND, 5000, &mem);
	if (!r)
		r = slip_region_publish(
			&rg,
			flags & SLIP_REGION_MEMFD ? NULL : scratch_path("r"),
			0600);
	slip_region_close(&rg);
	if (r || (flags & SLIP_REGION_MEMFD))
		return r;
	r = slip_region_open(&rg, scratch_path("r"), SLIP_REGION_PREFAULT);
	if (!r)
		r = slip_region_mirror(&rg, rg.mem, 4096, &mem);
	if (!r)
		slip_region_unmirror(&rg, mem, 4096);
	slip_region_close(&rg);
	return r;
}

static int live_and_tell(void *flags)
{
	return live(*(unsigned *)flags) ? 1 : 0;
}

/* Is what the victim left either nothing or a complete region? */
static void look_after_kill(unsigned turn)
{
	struct slip_region rg;

	fault_none();
	if (access(scratch_path("r"), F_OK) == 0) {
		cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0,
			     "half made: killed before call %u", turn);
		cr_assert_not_null(slip_region_find(&rg, "o", KIND, NULL));
		slip_region_close(&rg);
		cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
	}
}

Test(region_fault, killed_before_any_call_leaves_nothing)
{
	static unsigned kinds[] = { 0, SLIP_REGION_MEMFD };
	unsigned turn;
	int r;

	(void)scratch_dir();
	for (int i = 0; i < 2; i++) {
		for (turn = 1; turn < 500; turn++) {
			fault_none();
			fault.kill_at = turn;
			r = actor_run(live_and_tell, &kinds[i]);
			look_after_kill(turn);
			cr_assert_eq(scratch_files(), 0, "call %u", turn);
			if (r == 0)
				break;
			cr_assert_eq(r, -SIGKILL);
		}
		cr_assert_gt(turn, 20u);
		cr_assert_lt(turn, 500u);
	}
}

/* The one file in the directory, which must be a temporary one. */
static bool find_litter(char *path, size_t size)
{
	DIR *dir = opendir(scratch_dir());
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "slip.tmp.", 9) != 0)
			continue;
		snprintf(path, size, "%s/%.40s", scratch_dir(), entry->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

Test(region_fault, without_tmpfile_a_kill_leaves_what_can_be_reaped)
{
	unsigned flags = 0;
	char path[160];
	unsigned litter = 0;
	unsigned turn;
	int r = -SIGKILL;

	(void)scratch_dir();
	for (turn = 1; turn < 500 && r; turn++) {
		fault_none();
		fault.refuse_tmpfile = true;
		fault.kill_at = turn;
		r = actor_run(live_and_tell, &flags);
		fault_none();
		if (find_litter(path, sizeof(path))) {
			litter++;
			cr_assert_eq(slip_region_reap(path), 0, "call %u",
				     turn);
		}
		look_after_kill(turn);
		cr_assert_eq(scratch_files(), 0, "call %u", turn);
	}
	cr_assert_eq(r, 0);
	cr_assert_gt(litter, 5u);
}

Test(region_fault, a_living_builders_temporary_file_is_spared)
{
	struct slip_region rg;
	char path[160];

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 5000, 0), 0);
	cr_assert(find_litter(path, sizeof(path)));
	cr_assert_eq(slip_region_reap(path), -EBUSY);
	cr_assert_not_null(slip_region_add(&rg, "o", KIND, 5000));
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_not(find_litter(path, sizeof(path)));
	slip_region_close(&rg);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 5000, 0), 0);
	cr_assert_eq(scratch_files(), 2);
	slip_region_close(&rg);
	cr_assert_eq(scratch_files(), 1);
}

static int close_it(void *arg)
{
	slip_region_close(arg);
	return 0;
}

Test(region_fault, a_taken_temporary_name_is_passed_over)
{
	struct slip_region a, b;

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	fault.loaded = true;
	cr_assert_eq(slip_region_create_at(&a, scratch_dir(), 1, 0), 0);
	cr_assert_eq(slip_region_create_at(&b, scratch_dir(), 1, 0), 0);
	cr_assert_eq(fault.dice, 3u);
	cr_assert_eq(scratch_files(), 2);
	slip_region_close(&a);
	slip_region_close(&b);
	cr_assert_eq(scratch_files(), 0);
}

Test(region_fault, a_child_does_not_unlink_the_temporary_file)
{
	struct slip_region rg;

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 5000, 0), 0);
	cr_assert_eq(actor_run(close_it, &rg), 0);
	cr_assert_eq(scratch_files(), 1);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
}

Test(region_fault, without_tmpfile_the_mode_obeys_the_umask_too)
{
	mode_t old = umask(027);
	struct stat st;

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	cr_assert_eq(live(0), 0);
	cr_assert_eq(unlink(scratch_path("r")), 0);
	for (mode_t mask = 0; mask <= 077; mask += 077) {
		struct slip_region rg;

		umask(mask);
		cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0),
			     0);
		cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0666),
			     0);
		slip_region_close(&rg);
		cr_assert_eq(stat(scratch_path("r"), &st), 0);
		cr_assert_eq(st.st_mode & 0777, 0666 & ~mask);
		cr_assert_eq(unlink(scratch_path("r")), 0);
	}
	umask(old);
}

Test(region_fault, any_refused_call_is_told_and_leaves_nothing)
{
	static const unsigned kinds[] = {
		0,
		SLIP_REGION_MEMFD | SLIP_REGION_PREFAULT,
		SLIP_REGION_HUGE | SLIP_REGION_PREFAULT,
	};
	unsigned total, told = 0;
	int fds, maps, r;

	(void)scratch_dir();
	fds = scratch_fds();
	for (int i = 0; i < 6; i++) {
		fault_none();
		fault.refuse_tmpfile = i >= 3;
		cr_assert_eq(live(kinds[i % 3]), 0);
		total = fault.calls;
		unlink(scratch_path("r"));
		maps = scratch_count("/proc/self/map_files");
		for (unsigned turn = 1; turn <= total; turn++) {
			bool closing;

			fault_none();
			fault.refuse_tmpfile = i >= 3;
			fault.fail_at = turn;
			fault.error = EIO;
			fault.nr = -1;
			r = live(kinds[i % 3]);
			told += r == -EIO;
			cr_assert(r == 0 || r == -EIO, "call %u: %d", turn, r);
			closing = scratch_fds() != fds ||
				  scratch_count("/proc/self/map_files") != maps;
			fault_none();
			unlink(scratch_path("r"));
			cr_assert(r == 0 || scratch_files() == 0,
				  "call %u leaves a file", turn);
			/* A close or unmap that never reached the kernel. */
			if (closing) {
				fds = scratch_fds();
				maps = scratch_count("/proc/self/map_files");
				cr_assert_eq(r, 0, "call %u leaks", turn);
			}
			scratch_clear();
		}
	}
	cr_assert_gt(told, 60u);
}

Test(region_fault, a_big_object_gets_its_pages_between_two_signals)
{
	struct slip_region rg;
	void *mem;

	(void)scratch_dir();
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 20 << 20, 0), 0);
	fault_none();
	fault.restless = true;
	cr_assert_eq(slip_region_place(&rg, "o", KIND, 20 << 20, &mem), 0);
	fault_none();
	fault.nr = SYS_fallocate;
	fault.error = EINTR;
	fault.only_once = true;
	cr_assert_eq(slip_region_place(&rg, "p", KIND, 4096, &mem), 0);
	cr_assert_eq(fault.error, 0);
	slip_region_close(&rg);
}

Test(region_fault, an_object_that_finds_no_pages_gives_back_what_it_got)
{
	struct slip_region rg;
	struct stat was, is;
	void *mem;

	(void)scratch_dir();
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 20 << 20, 0), 0);
	cr_assert_not_null(slip_region_add(&rg, "small", KIND, 5000));
	cr_assert_eq(fstat(slip_region_fd(&rg), &was), 0);
	/* statx, prlimit64, and the second of five. */
	fault_none();
	fault.fail_at = 4;
	fault.error = ENOSPC;
	fault.nr = -1;
	cr_assert_eq(slip_region_place(&rg, "big", KIND, 20 << 20, &mem),
		     -ENOSPC);
	fault_none();
	cr_assert_eq(fstat(slip_region_fd(&rg), &is), 0);
	cr_assert_eq(is.st_blocks, was.st_blocks);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_null(slip_region_find(&rg, "big", KIND, NULL));
	slip_region_close(&rg);
}

Test(region_fault, a_failed_publish_leaves_the_temporary_file_private)
{
	struct slip_region rg;
	struct stat st;

	(void)scratch_dir();
	cr_assert_eq(live(0), 0);
	fault.refuse_tmpfile = true;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0644),
		     -EEXIST);
	cr_assert_eq(fstat(slip_region_fd(&rg), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600u);
	slip_region_close(&rg);
}

Test(region_fault, a_foreign_directory_under_our_number_is_left_alone)
{
	int mine = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct slip_region rg;
	char path[160];
	int dir;

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	dir = rg.file.dir;
	cr_assert_eq(dup2(mine, dir), dir);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), -EBADF);
	slip_region_close(&rg);
	cr_assert_eq(close(dir), 0);
	/* That name only the sweeper can find now. */
	cr_assert(find_litter(path, sizeof(path)));
	cr_assert_eq(slip_region_reap(path), 0);
	close(mine);
}

Test(region_fault, without_proc_a_privilege_still_names_the_file)
{
	struct slip_region rg, other;
	int r;

	(void)scratch_dir();
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	fault.refuse_proc = true;
	r = slip_region_publish(&rg, scratch_path("r"), 0600);
	cr_assert(r == 0 || r == -ENOENT, "%d", r);
	if (r == -ENOENT)
		cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg), 0),
		     -EOPNOTSUPP);
	cr_assert_eq(slip_region_adopt(&other, 9999, 0), -EBADF);
	slip_region_close(&rg);
}

Test(region_fault, without_proc_the_fallback_trusts_only_the_owner)
{
	struct slip_region rg;
	struct stat st;

	(void)scratch_dir();
	fault.refuse_proc = true;
	fault.refuse_tmpfile = true;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0666), 0);
	slip_region_close(&rg);
	cr_assert_eq(stat(scratch_path("r"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600u);
}

Test(region_fault, prefault_works_on_an_old_kernel)
{
	struct slip_region rg;

	(void)scratch_dir();
	fault.nr = SYS_madvise;
	cr_assert_eq(live(0), 0);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	memset(slip_region_find(&rg, "o", KIND, NULL), 5, 5000);
	/* Only the populate call, not what makes the mapping safe. */
	fault.error = EINVAL;
	cr_assert_eq(slip_file_populate_(rg.mem, rg.bytes, 4096, true), 0);
	cr_assert_eq(slip_file_populate_(rg.mem, rg.bytes, 4096, false), 0);
	fault.error = 0;
	cr_assert_eq(*(char *)slip_region_find(&rg, "o", KIND, NULL), 5);
	slip_region_close(&rg);
}

Test(region_fault, a_kernel_without_the_noexec_seal_will_do)
{
	struct slip_region rg;

	fault.nr = SYS_memfd_create;
	fault.error = EINVAL;
	fault.only_once = true;
	cr_assert_eq(slip_region_create(&rg, 1, SLIP_REGION_MEMFD), 0);
	slip_region_close(&rg);
	cr_assert_eq(fault.error, 0);
	fault.error = ENOSYS;
	fault.only_once = false;
	cr_assert_eq(slip_region_create(&rg, 1, SLIP_REGION_MEMFD), -ENOSYS);
}

Test(region_fault, full_memory_and_locks_are_told)
{
	static const struct {
		long nr;
		int error;
	} cases[] = {
		{ SYS_fallocate, ENOSPC }, { SYS_fallocate, EOPNOTSUPP },
		{ SYS_mmap, ENOMEM },	   { SYS_fcntl, ENOLCK },
		{ SYS_openat, EMFILE },	   { SYS_openat, ENFILE },
		{ SYS_getrandom, ENOSYS }, { SYS_ftruncate, ENOMEM },
		{ SYS_madvise, ENOMEM },   { SYS_statx, ENOSYS },
	};

	(void)scratch_dir();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fault_none();
		fault.nr = cases[i].nr;
		fault.error = cases[i].error;
		cr_assert_eq(live(0), -cases[i].error, "case %zu", i);
		cr_assert_eq(scratch_files(), 0);
	}
}

Test(region_fault, kernels_without_what_it_rests_on_are_told)
{
	(void)scratch_dir();
	fault.nr = SYS_madvise; /* MADV_WIPEONFORK: Linux 4.14 */
	fault.error = EINVAL;
	cr_assert_eq(live(0), -EOPNOTSUPP);
	fault.nr = SYS_fcntl; /* F_OFD_SETLK: Linux 3.15, not gVisor */
	cr_assert_eq(live(0), -EOPNOTSUPP);
	cr_assert_eq(scratch_files(), 0);
}

/* --- between two calls, somebody else --------------------------------------- */

static int sweeper = -1;

/* Holds what slip_region_reap() holds while it decides. */
static void sweep(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)1 << 62 };

	sweeper = open(path, O_RDWR | O_CLOEXEC);
	if (sweeper < 0 || fcntl(sweeper, F_OFD_SETLK, &lock))
		abort();
}

static void sweep_temporary(void)
{
	char path[160];

	if (!find_litter(path, sizeof(path)))
		abort();
	sweep(path);
}

static void remove_temporary(void)
{
	char path[160];

	if (!find_litter(path, sizeof(path)) || unlink(path))
		abort();
}

static void remove_r(void)
{
	if (unlink(scratch_path("r")))
		abort();
}

/* Another file takes the name between reap's lock and its look at the name. */
static void replace_r(void)
{
	if (rename(scratch_path("other"), scratch_path("r")))
		abort();
}

static void before(long nr, void (*what)(void))
{
	fault.nr = nr;
	fault.before = what;
}

static void publish(const char *name)
{
	struct slip_region rg;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, name, 0600), 0);
	slip_region_close(&rg);
}

Test(region_race, a_swept_temporary_file_is_given_up)
{
	struct slip_region rg;

	(void)scratch_dir();
	fault.refuse_tmpfile = true;
	before(SYS_fcntl, sweep_temporary);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	/* The sweeper's prey is his to unlink; ours is another file. */
	cr_assert_eq(scratch_files(), 2);
	close(sweeper);
	slip_region_close(&rg);
	cr_assert_eq(scratch_files(), 1);
	scratch_clear();
	before(SYS_fcntl, remove_temporary);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_eq(scratch_files(), 1);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
}

Test(region_race, an_opener_after_a_sweeper_finds_nothing)
{
	struct slip_region rg;

	(void)scratch_dir();
	publish(scratch_path("r"));
	before(SYS_fcntl, remove_r);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -ENOENT);
}

/* With a second name, which a kill between link and unlink leaves behind. */
Test(region_race, an_opener_looks_for_the_name_and_not_for_any)
{
	struct slip_region rg;

	(void)scratch_dir();
	publish(scratch_path("r"));
	publish(scratch_path("other"));
	cr_assert_eq(link(scratch_path("r"), scratch_path("second")), 0);
	before(SYS_fcntl, replace_r);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -ENOENT);
	cr_assert_eq(unlink(scratch_path("r")), 0);
	cr_assert_eq(rename(scratch_path("second"), scratch_path("r")), 0);
	cr_assert_eq(link(scratch_path("r"), scratch_path("second")), 0);
	before(SYS_fcntl, remove_r);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -ENOENT);
}

static int swapped_from, swapped_to;

static void swap_number(void)
{
	if (dup2(swapped_from, swapped_to) != swapped_to)
		abort();
}

Test(region_race, what_is_adopted_is_what_was_given)
{
	struct slip_region rg;

	(void)scratch_dir();
	publish(scratch_path("r"));
	publish(scratch_path("other"));
	swapped_from = open(scratch_path("other"), O_RDWR | O_CLOEXEC);
	swapped_to = open(scratch_path("r"), O_RDWR | O_CLOEXEC);
	before(SYS_openat, swap_number);
	cr_assert_eq(slip_region_adopt(&rg, swapped_to, 0), -EBADF);
	cr_assert_null(fault.before);
	cr_assert_eq(slip_region_adopt(&rg, swapped_to, 0), 0);
	slip_region_close(&rg);
	close(swapped_from);
	close(swapped_to);
}

static int imitation;

static void cut_and_seal(void)
{
	if (ftruncate(imitation, 4096) ||
	    fcntl(imitation, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		abort();
}

Test(region_race, a_memfd_cut_and_sealed_just_in_time_is_found_out)
{
	struct slip_region rg, other;

	imitation = memfd_create("i", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cr_assert_geq(imitation, 0);
	cr_assert_eq(slip_region_create(&rg, 1, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(write(imitation, rg.mem, rg.bytes), (ssize_t)rg.bytes);
	before(SYS_fcntl, cut_and_seal);
	cr_assert_eq(slip_region_adopt(&other, imitation, SLIP_REGION_MEMFD),
		     -ENODATA);
	close(imitation);
	slip_region_close(&rg);
}

Test(region_race, reap_removes_only_the_file_it_proved_dead)
{
	struct slip_region rg;

	(void)scratch_dir();
	publish(scratch_path("r"));
	publish(scratch_path("other"));
	before(SYS_fcntl, replace_r);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EBUSY);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
	before(SYS_fcntl, remove_r);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -ENOENT);
}
