/* SPDX-License-Identifier: MIT */
/*
 * futex/region.h where a second call fails while the first failure is being
 * undone, and where memory, names and arguments are refused.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/region_memory.h"
#include "futex/region_tools.h"
#include "futex/test/scratch.h"

#include <sys/vfs.h>

#define KIND 7u

/* Every call of these numbers fails, with these errors. */
static struct {
	long nr[2];
	int error[2];
	unsigned calls[2];
} refused;

static long play_refusals(long nr, const long *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		if (refused.error[i] && nr == refused.nr[i]) {
			refused.calls[i]++;
			return -refused.error[i];
		}
	}
	return SCRIPT_PASS;
}

static void refuse(int i, long nr, int error)
{
	refused.nr[i] = nr;
	refused.error[i] = error;
	refused.calls[i] = 0;
	script = play_refusals;
}

static char memory[65536] __attribute__((aligned(4096)));

static void build(struct slip_region *rg)
{
	cr_assert_eq(slip_region_create_at(rg, scratch_dir(), 8192, 0), 0);
	cr_assert_not_null(slip_region_add(rg, "o", KIND, 4096));
}

static int publish(void)
{
	struct slip_region rg;
	int r;

	build(&rg);
	r = slip_region_publish(&rg, scratch_path("r"), 0600);
	slip_region_close(&rg);
	return r;
}

Test(region_refusal, the_first_error_is_told_though_undoing_fails_too)
{
	struct slip_region rg;
	void *mem = NULL;

	build(&rg);
	refuse(0, SYS_fallocate, ENOSPC);
	refuse(1, SYS_ftruncate, EIO);
	cr_assert_eq(slip_region_place(&rg, "p", KIND, 4096, &mem), -ENOSPC);
	cr_assert_eq(refused.calls[1], 1u, "it was tried to give back");
	script = NULL;
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0,
		     "the region is as it was");
	cr_assert_null(slip_region_find(&rg, "p", KIND, NULL));
	slip_region_close(&rg);
}

static unsigned chmods;

/* The link, and the second change of the mode, which takes the first back. */
static long play_no_link_no_way_back(long nr, const long *arg)
{
	(void)arg;
	if (nr == SYS_linkat)
		return -EDQUOT;
	return nr == SYS_fchmod && ++chmods == 2 ? -EIO : SCRIPT_PASS;
}

Test(region_refusal, a_failed_publish_is_told_though_the_mode_stays)
{
	struct slip_region rg;

	build(&rg);
	script = play_no_link_no_way_back;
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600),
		     -EDQUOT);
	cr_assert_eq(chmods, 2u);
	script = NULL;
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
}

Test(region_refusal, a_device_without_a_driver_is_no_region)
{
	struct slip_region rg;

	cr_assert_eq(publish(), 0);
	refuse(0, SYS_openat, ENODEV);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -EBADMSG);
}

Test(region_refusal, seals_that_cannot_be_asked_for_are_told)
{
	struct slip_region rg, other;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	refuse(0, SYS_fcntl, EIO);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_MEMFD),
		     -EIO, "and not that it has none");
	refuse(0, SYS_fcntl, EINVAL);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_MEMFD),
		     -EPERM, "knows no seals");
	script = NULL;
	slip_region_close(&rg);
}

Test(region_refusal, unlink_refuses_what_is_no_name)
{
	cr_assert_eq(slip_region_unlink(""), -EINVAL);
	cr_assert_eq(slip_region_unlink(NULL), -EINVAL);
	cr_assert_eq(slip_region_unlink("tmp.x"), -EINVAL);
}

Test(region_refusal, reap_tells_that_a_file_cannot_be_read)
{
	cr_assert_eq(publish(), 0);
	refuse(0, SYS_pread64, EIO);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EIO);
	cr_assert_eq(scratch_files(), 1, "spared");
	script = NULL;
	cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
}

Test(region_refusal, an_object_may_not_begin_behind_the_end)
{
	struct slip_region rg;
	size_t head = slip_region_head_bytes_(1);

	cr_assert_eq(slip_region_format(&rg, memory, head + 100, -1,
					SLIP_REGION_PEERS(1)),
		     0);
	cr_assert_not_null(slip_region_add(&rg, "o", KIND, 90));
	cr_assert_null(slip_region_add(&rg, "p", KIND, 1),
		       "128 bytes from the first, of 100 there are");
	slip_region_close(&rg);
}

Test(region_refusal, format_refuses_what_create_does)
{
	struct slip_region rg;

	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), -1,
					SLIP_REGION_READONLY),
		     -EINVAL, "flags");
	cr_assert_eq(slip_region_format(&rg, memory, SLIP_REGION_BYTES_MAX_ + 1,
					-1, 0),
		     -EINVAL, "size");
	refuse(0, SYS_mlock, ENOMEM);
	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), -1,
					SLIP_REGION_MLOCK),
		     -ENOMEM, "memory that cannot be kept");
}

Test(region_refusal, attach_tells_that_there_is_no_page_for_its_handle)
{
	struct slip_region rg, other;

	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), -1, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	refuse(0, SYS_mmap, ENOMEM);
	cr_assert_eq(slip_region_attach(&other, memory, sizeof(memory), -1, 0),
		     -ENOMEM);
	script = NULL;
	cr_assert_eq(slip_region_attach(&other, memory, sizeof(memory), -1, 0),
		     0);
	slip_region_close(&other);
	slip_region_close(&rg);
}

Test(region_refusal, the_callers_memory_is_not_mirrored_though_it_has_a_file)
{
	struct slip_region rg;
	void *twice = NULL;
	int fd = memfd_create("locks", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), fd, 0), 0);
	cr_assert_geq(slip_region_fd(&rg), 0);
	cr_assert_eq(slip_region_mirror(&rg, memory, 4096, &twice),
		     -EOPNOTSUPP);
	slip_region_close(&rg);
	close(fd);
}

Test(region_refusal, a_readers_mirror_cannot_be_stored_to)
{
	struct slip_region rg;
	void *twice = NULL;

	cr_assert_eq(publish(), 0);
	cr_assert_eq(
		slip_region_open(&rg, scratch_path("r"), SLIP_REGION_READONLY),
		0);
	cr_assert_eq(slip_region_mirror(&rg, rg.mem, 4096, &twice), 0);
	cr_assert_eq(memcmp(rg.mem, twice, 4096), 0);
	errno = 0;
	cr_assert_eq(pread(slip_region_fd(&rg), twice, 1, 0), -1);
	cr_assert_eq(errno, EFAULT);
	slip_region_unmirror(&rg, twice, 4096);
	slip_region_close(&rg);
}

/* No file may be longer than two pages. */
static long play_short_files(long nr, const long *arg)
{
	uint64_t *limit = SLIP_RECAST(uint64_t *, arg[3]);

	if (nr != SYS_prlimit64 || arg[1] != 1)
		return SCRIPT_PASS;
	limit[0] = 8192;
	limit[1] = UINT64_MAX;
	return 0;
}

Test(region_refusal, a_limit_on_files_is_told_before_its_signal_comes)
{
	struct slip_region rg;

	script = play_short_files;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), -EFBIG);
	cr_assert_eq(scratch_files(), 0);
}

/* Every file lies in a hugetlbfs of 4 MiB pages. */
static long play_hugetlbfs(long nr, const long *arg)
{
	struct statfs *fs = SLIP_RECAST(struct statfs *, arg[1]);

	if (nr != SYS_fstatfs)
		return SCRIPT_PASS;
	fs->f_type = 0x958458f6;
	fs->f_bsize = 4 << 20;
	return 0;
}

Test(region_refusal, a_wish_for_huge_pages_takes_none_from_bigger_ones)
{
	struct slip_region rg;

	script = play_hugetlbfs;
	cr_assert_eq(
		slip_region_create_at(&rg, scratch_dir(), 0, SLIP_REGION_HUGE),
		0);
	cr_assert_eq(rg.page_bytes, 4u << 20);
	cr_assert_eq((uintptr_t)rg.mem % rg.page_bytes, 0u,
		     "aligned to its own pages, not to 2 MiB");
	slip_region_close(&rg);
}
