/* SPDX-License-Identifier: MIT */
/*
 * futex/file.h where no region leads by itself: text that does not fit, a /proc
 * that says strange things, and the several ways in which a kernel says no.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/region.h"
#include "futex/test/scratch.h"

#include <sys/mman.h>

Test(file, text_that_does_not_fit_changes_nothing_any_more)
{
	char buf[8] = "";

	cr_assert_eq(slip_text_add_(buf, 8, 0, "1234567"), 7u, "fits");
	cr_assert_eq(slip_text_add_(buf, 8, 3, "45678"), 8u, "one too long");
	cr_assert_eq(slip_text_add_(buf, 8, 8, ""), 8u, "and so it stays");
	cr_assert_str_eq(buf, "1234567");
}

Test(file, a_number_has_a_digit_even_without_a_width)
{
	char buf[8];

	cr_assert_eq(slip_text_number_(buf, sizeof(buf), 0, 0, 10, 0), 1u);
	cr_assert_str_eq(buf, "0");
}

Test(file, no_descriptor_is_not_opened_again)
{
	struct slip_file_ f;

	slip_file_init_(&f);
	cr_assert_eq(slip_file_reopen_(&f, SLIP_O_RDONLY_), -EBADF);
}

static long no_tmpfile;

static long play_no_tmpfile(long nr, const long *arg)
{
	bool asked = nr == SYS_openat &&
		     (arg[2] & SLIP_O_TMPFILE_) == SLIP_O_TMPFILE_;

	return asked ? no_tmpfile : SCRIPT_PASS;
}

static int live(void)
{
	struct slip_region rg;
	int r = slip_region_create_at(&rg, scratch_dir(), 0, 0);

	if (!r)
		r = slip_region_publish(&rg, scratch_path("r"), 0600);
	slip_region_close(&rg);
	if (!r)
		r = slip_region_open(&rg, scratch_path("r"), 0);
	slip_region_close(&rg);
	return r;
}

Test(file, every_way_to_refuse_tmpfile_is_got_round)
{
	static const long ways[] = { -EOPNOTSUPP, -EISDIR, -ENOSYS, -EINVAL };

	(void)scratch_dir();
	script = play_no_tmpfile;
	for (int i = 0; i < 4; i++) {
		no_tmpfile = ways[i];
		cr_assert_eq(live(), 0, "%ld", ways[i]);
		cr_assert_eq(scratch_files(), 1, "the name, and no other");
		scratch_clear();
	}
	no_tmpfile = -EMFILE;
	cr_assert_eq(live(), -EMFILE, "another trouble is no refusal");
}

static unsigned names_tried;

static long play_every_name_is_taken(long nr, const long *arg)
{
	if (nr != SYS_openat || !(arg[2] & SLIP_O_EXCL_))
		return play_no_tmpfile(nr, arg);
	names_tried++;
	return -EEXIST;
}

Test(file, names_are_not_tried_for_ever)
{
	struct slip_region rg;

	no_tmpfile = -EOPNOTSUPP;
	script = play_every_name_is_taken;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), -EEXIST);
	cr_assert_eq(names_tried, 16u);
}

static long play_few_random_bytes(long nr, const long *arg)
{
	return nr == SYS_getrandom ? arg[1] - 1 : SCRIPT_PASS;
}

Test(file, too_few_random_bytes_are_none)
{
	uint64_t n;

	script = play_few_random_bytes;
	cr_assert_eq(slip_file_random_(&n, sizeof(n)), -EIO);
}

static long play_lock_is_eacces(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_fcntl ? -EACCES : SCRIPT_PASS;
}

Test(file, a_lock_in_the_way_may_be_called_eacces)
{
	script = play_lock_is_eacces;
	cr_assert_eq(slip_file_lock_(0, SLIP_LOCK_READ_, SLIP_BYTE_USER_, 1),
		     -EAGAIN);
}

static long play_no_madvise(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_madvise ? -ENOSYS : SCRIPT_PASS;
}

Test(file, pages_come_in_though_madvise_is_refused)
{
	unsigned char there[4] = { 0 };
	char *mem = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq((void *)mem, MAP_FAILED);
	script = play_no_madvise;
	cr_assert_eq(slip_file_populate_(mem, 3 * 4096, 4096, true), 0);
	cr_assert_eq(mincore(mem, 4 * 4096, there), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(there[i] & 1, i < 3, "page %d", i);
}

static const char *proc_says;

/* What stands in any file that is read. */
static long play_proc(long nr, const long *arg)
{
	size_t n;

	if (nr != SYS_read)
		return SCRIPT_PASS;
	n = strlen(proc_says);
	cr_assert_leq(n, (size_t)arg[2]);
	memcpy(SLIP_RECAST(void *, arg[1]), proc_says, n);
	return (long)n;
}

Test(file, the_umask_ends_where_its_octal_digits_do)
{
	script = play_proc;
	proc_says = "Name:\tx\nUmask:\t0028\n";
	cr_assert_eq(slip_file_umask_allows_(), 0775u);
	proc_says = "Name:\tx\nUmask:\t0027\n";
	cr_assert_eq(slip_file_umask_allows_(), 0750u);
	proc_says = "Name:\tx\n";
	cr_assert_eq(slip_file_umask_allows_(), 0700u, "unknown: ours alone");
}

Test(file, the_start_of_the_process_ends_where_its_digits_do)
{
	script = play_proc;
	proc_says = "1 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 "
		    "21 1234:";
	cr_assert_eq(slip_region_start_ticks_(), 1234u);
	proc_says = "1 (a) b) S 4 5 6";
	cr_assert_eq(slip_region_start_ticks_(), 0u, "unknown");
}
