/* SPDX-License-Identifier: MIT */
/*
 * Bounds that hold to the last byte, and answers of the kernel that are asked
 * for twice.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/test/peers.h"

Test(exact, a_temporary_name_has_sixteen_digits)
{
	char name[SLIP_FILE_TEMP_BYTES_];

	slip_text_temp_(name, 1);
	cr_assert_str_eq(name, "slip.tmp.0000000000000001");
	slip_text_temp_(name, UINT64_MAX);
	cr_assert_str_eq(name, "slip.tmp.ffffffffffffffff");
}

static long play_random;

static long play(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_getrandom ? play_random : SCRIPT_PASS;
}

Test(exact, no_random_bytes_at_all_are_too_few)
{
	uint64_t bytes;

	script = play;
	cr_assert_eq(slip_file_random_(&bytes, sizeof(bytes)), -EIO);
	play_random = sizeof(bytes) - 1;
	cr_assert_eq(slip_file_random_(&bytes, sizeof(bytes)), -EIO);
	play_random = sizeof(bytes);
	cr_assert_eq(slip_file_random_(&bytes, sizeof(bytes)), 0);
}

static uint64_t play_limit;

static long play_fsize(long nr, const long *arg)
{
	uint64_t *limit = (void *)arg[3];

	if (nr != SYS_prlimit64)
		return SCRIPT_PASS;
	limit[0] = play_limit;
	return 0;
}

Test(exact, a_file_may_be_as_big_as_the_limit)
{
	script = play_fsize;
	play_limit = 4096;
	cr_assert_eq(slip_file_limit_(4096), 0);
	cr_assert_eq(slip_file_limit_(4097), -EFBIG);
}

/* The first answer is that of a file which has our number only just now. */
static long play_nobody_once(long nr, const long *arg)
{
	struct slip_file_flock_ *lock = (void *)arg[2];

	if (nr != SYS_fcntl || arg[1] != SLIP_OFD_GETLK_)
		return SCRIPT_PASS;
	lock->type = SLIP_LOCK_NONE_;
	script = NULL;
	return 0;
}

Test(exact, nobody_is_dead_before_the_kernel_has_said_so_twice)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	script = play_nobody_once;
	cr_assert_eq(slip_peer_member_alive(&peers_rg, self.id, self.gen), 1);
	cr_assert_eq(script, NULL, "it was asked");
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(exact, the_record_of_id_1_comes_first)
{
	struct slip_peer self;
	uint64_t word;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	memcpy(&word, peers_rg.mem + SLIP_REGION_PEERS_AT_, sizeof(word));
	cr_assert_eq(self.id, 1u);
	cr_assert_eq(word, (uint64_t)self.gen << 32 | 1);
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(exact, a_region_may_have_2_to_the_46_bytes_and_no_more)
{
	const size_t most = (size_t)1 << 46;
	static struct slip_region rg;
	void *mem;

	cr_assert_eq(slip_region_create(&rg, most + 1, SLIP_REGION_PRIVATE),
		     -EINVAL);
	cr_assert_neq(slip_region_create(&rg, most, SLIP_REGION_PRIVATE),
		      -EINVAL, "at worst the address space is too small");
	slip_region_close(&rg);
	cr_assert_eq(slip_region_create(&rg, 4096, SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_region_place(&rg, "a", 1, most + 1, &mem), -EINVAL);
	cr_assert_eq(slip_region_place(&rg, "a", 1, most, &mem), -ENOSPC);
	slip_region_close(&rg);
}

/* Only the header is touched: the rest need not be there for this. */
Test(exact, memory_may_have_2_to_the_46_bytes_and_no_more)
{
	static char memory[16384] __attribute__((aligned(4096)));
	const size_t most = (size_t)1 << 46;
	static struct slip_region rg;

	cr_assert_eq(slip_region_format(&rg, memory, most + 1, -1,
					SLIP_REGION_PEERS(1)),
		     -EINVAL);
	cr_assert_eq(
		slip_region_format(&rg, memory, most, -1, SLIP_REGION_PEERS(1)),
		0);
	slip_region_close(&rg);
}

Test(exact, an_object_may_end_where_the_memory_does)
{
	static char memory[65536] __attribute__((aligned(4096)));
	static struct slip_region rg;
	size_t room;
	void *mem;

	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), -1,
					SLIP_REGION_PEERS(1)),
		     0);
	room = sizeof(memory) - rg.header_bytes;
	cr_assert_eq(slip_region_place(&rg, "a", 1, room + 1, &mem), -ENOSPC);
	cr_assert_eq(slip_region_place(&rg, "a", 1, room, &mem), 0);
	cr_assert_eq(slip_region_place(&rg, "b", 1, 1, &mem), -ENOSPC);
	slip_region_close(&rg);
}

Test(exact, a_region_may_be_as_small_as_its_header)
{
	static char memory[16384] __attribute__((aligned(4096)));
	static struct slip_region rg, other;

	cr_assert_eq(slip_region_format(&rg, memory, 12287, -1,
					SLIP_REGION_PEERS(1)),
		     -ENOSPC);
	cr_assert_eq(slip_region_format(&rg, memory, 12288, -1,
					SLIP_REGION_PEERS(1)),
		     0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	cr_assert_eq(slip_region_attach(&other, memory, 12288, -1, 0), 0);
	slip_region_close(&other);
	cr_assert_eq(slip_region_attach(&other, memory, 12287, -1, 0),
		     -ENODATA);
	cr_assert_eq(slip_region_attach(&other, memory, 256, -1, 0), -ENODATA);
	cr_assert_eq(slip_region_attach(&other, memory, 255, -1, 0), -EBADMSG);
	slip_region_close(&rg);
}

Test(exact, the_numbers_of_a_header_have_these_limits)
{
	struct slip_region_header most = { 0 }, h;

	most.peers_max = SLIP_REGION_PEERS_MAX;
	most.peers_offset = SLIP_REGION_PEERS_AT_;
	most.directory_offset = SLIP_REGION_DIRECTORY_AT_;
	most.directory_max = SLIP_REGION_OBJECTS_MAX;
	most.directory_count = SLIP_REGION_OBJECTS_MAX;
	most.header_bytes = slip_region_head_bytes_(most.peers_max);
	most.total_bytes = 2 * SLIP_REGION_BYTES_MAX_;
	most.page_bytes = UINT32_C(1) << 31;
	cr_assert_eq(slip_region_validate_(&most), 0);
	h = most;
	h.peers_max++;
	h.header_bytes = slip_region_head_bytes_(h.peers_max);
	cr_assert_eq(slip_region_validate_(&h), -EOVERFLOW);
	h = most;
	h.directory_count++;
	cr_assert_eq(slip_region_validate_(&h), -EOVERFLOW);
	h = most;
	h.total_bytes++;
	cr_assert_eq(slip_region_validate_(&h), -EOVERFLOW);
	h = most;
	h.total_bytes = h.header_bytes;
	cr_assert_eq(slip_region_validate_(&h), 0);
	h.total_bytes--;
	cr_assert_eq(slip_region_validate_(&h), -EOVERFLOW);
	h = most;
	h.page_bytes = 4096;
	cr_assert_eq(slip_region_validate_(&h), 0);
	h.page_bytes = 2048;
	cr_assert_eq(slip_region_validate_(&h), -EOVERFLOW);
}

Test(exact, a_name_has_at_most_250_bytes)
{
	char buf[SLIP_REGION_PATH_BYTES_];
	char name[252];
	const char *path;

	memset(name, 'n', sizeof(name));
	name[251] = '\0';
	cr_assert_eq(slip_region_path_(buf, name, &path), -ENAMETOOLONG);
	name[250] = '\0';
	cr_assert_eq(slip_region_path_(buf, name, &path), 0);
	cr_assert_eq(strlen(path), strlen(SLIP_REGION_PREFIX_) + 250);
}

static long play_stat(long nr, const long *arg)
{
	static const char text[] = "7 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 "
				   "16 17 18 19 20 21 9081726354 23";

	if (nr != SYS_read)
		return SCRIPT_PASS;
	memcpy((void *)arg[1], text, sizeof(text));
	return sizeof(text);
}

Test(exact, every_digit_of_a_start_time_counts)
{
	script = play_stat;
	cr_assert_eq(slip_region_start_ticks_(), UINT64_C(9081726354));
}

static long play_no_wipeonfork(long nr, const long *arg)
{
	bool asked = nr == SYS_madvise && arg[2] == SLIP_MADV_WIPEONFORK_;

	return asked ? -EINVAL : SCRIPT_PASS;
}

Test(exact, a_kernel_that_cannot_wipe_on_fork_has_no_regions)
{
	static struct slip_region rg;

	script = play_no_wipeonfork;
	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE),
		     -EOPNOTSUPP);
}
