/* SPDX-License-Identifier: MIT */
/*
 * A program that runs without a standard input: then the kernel hands out 0,
 * which is a descriptor like any other.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/bridge.h"
#include "futex/pass.h"
#include "futex/test/peers.h"

#include <sys/socket.h>
#include <unistd.h>

static long play_no_tmpfile(long nr, const long *arg)
{
	bool asked = nr == SYS_openat &&
		     (arg[2] & SLIP_O_TMPFILE_) == SLIP_O_TMPFILE_;

	return asked ? -EOPNOTSUPP : SCRIPT_PASS;
}

/* The scratch directory first: its janitor has a pipe. */
static int without_stdin(void)
{
	(void)scratch_dir();
	close(0);
	return scratch_fds();
}

Test(low_fd, a_region_lives_on_descriptor_0)
{
	int before = without_stdin();
	static struct slip_region rg, other;
	struct slip_peer self;
	void *twice;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 65536, 0), 0);
	cr_assert_eq(slip_region_fd(&rg), 0);
	cr_assert_not_null(slip_region_add(&rg, "a", 7, rg.page_bytes));
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert(slip_peer_oracle_(&rg));
	cr_assert_eq(slip_peer_alive(&rg, self.id), 1);
	cr_assert_eq(slip_peer_member_alive(&rg, self.id, self.gen + 1), 0);
	cr_assert_eq(slip_region_mirror(&rg,
					slip_region_find(&rg, "a", 7, NULL),
					rg.page_bytes, &twice),
		     0);
	slip_region_unmirror(&rg, twice, rg.page_bytes);
	cr_assert_eq(slip_region_adopt(&other, 0, 0), 0);
	slip_region_close(&other);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	cr_assert_eq(scratch_fds(), before, "0 was closed again");
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
	cr_assert_eq(scratch_fds(), before);
	cr_assert_eq(scratch_files(), 0);
}

Test(low_fd, a_memfd_is_adopted_from_descriptor_0)
{
	int before = without_stdin();
	static struct slip_region rg, other;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_fd(&rg), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_adopt(&other, 0, SLIP_REGION_MEMFD), 0);
	slip_region_close(&rg);
	slip_region_close(&other);
	cr_assert_eq(scratch_fds(), before);
}

Test(low_fd, a_bridge_has_descriptor_0)
{
	int before = without_stdin();
	static struct slip_bridge b;
	static slip_a32 word;
	struct slip_source s;

	slip_word_source(&s, &word, 0, SLIP_PRIVATE);
	cr_assert_eq(slip_bridge_open(&b, &s, 1), 0);
	cr_assert_eq(slip_bridge_fd(&b), 0);
	cr_assert_eq(scratch_fds(), before + 1);
	slip_bridge_close(&b);
	cr_assert_eq(scratch_fds(), before, "0 was closed again");
}

Test(low_fd, an_oracle_for_memory_is_opened_from_descriptor_0)
{
	int before = without_stdin();
	static char memory[65536] __attribute__((aligned(4096)));
	static struct slip_region rg;
	struct slip_peer self;

	cr_assert_eq(open(scratch_path("o"), O_RDWR | O_CREAT, 0600), 0);
	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), 0,
					SLIP_REGION_PEERS(4)),
		     0);
	cr_assert_gt(slip_region_fd(&rg), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_member_alive(&rg, self.id, self.gen + 1), 0);
	cr_assert_eq(slip_peer_member_alive(&rg, self.id, self.gen), 1);
	slip_peer_leave(&self);
	slip_region_close(&rg);
	close(0);
	cr_assert_eq(scratch_fds(), before);
}

Test(low_fd, the_directory_of_a_temporary_name_may_be_0)
{
	int before = without_stdin();
	static struct slip_region rg;

	script = play_no_tmpfile;
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), 0);
	cr_assert_eq(rg.file.dir, 0);
	cr_assert_eq(scratch_files(), 1, "the temporary name");
	slip_region_close(&rg);
	cr_assert_eq(scratch_files(), 0, "which went unpublished");
	cr_assert_eq(scratch_fds(), before);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(scratch_files(), 1, "its own name, and no other");
	cr_assert_eq(scratch_fds(), before + 1);
	slip_region_close(&rg);
	cr_assert_eq(scratch_fds(), before);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
}

static long play_dev_null(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_openat ? open("/dev/null", O_RDONLY) : SCRIPT_PASS;
}

Test(low_fd, another_file_is_found_out_on_descriptor_0_too)
{
	static struct slip_region rg;
	void *twice;
	struct slip_peer self;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 4096, 0), 0);
	close(0);
	script = play_dev_null;
	cr_assert_eq(slip_peer_join(&self, &rg), -EBADF);
	cr_assert_eq(slip_file_reopen_(&rg.file, SLIP_O_RDWR_), -EBADF);
	script = NULL;
	cr_assert_eq(open("/dev/null", O_RDONLY), 0, "0 was closed again");
	cr_assert_eq(slip_region_mirror(&rg, rg.mem, rg.page_bytes, &twice), 0);
	slip_region_unmirror(&rg, twice, rg.page_bytes);
	slip_region_close(&rg);
}

Test(low_fd, a_creator_is_described_through_descriptor_0)
{
	static struct slip_region rg;
	struct slip_region_header h;

	close(0);
	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	cr_assert_eq(slip_region_describe(&rg, &h), 0);
	cr_assert_neq(h.creator_start, 0u);
	slip_region_close(&rg);
}

Test(low_fd, members_join_recover_and_leave_by_descriptor_0)
{
	struct member dead[2] = { { { 0 }, 0, 0 } };
	struct slip_peer self;
	int before;

	cr_assert_eq(peers_make(8), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert(peers_start(&dead[i], NULL));
		actor_kill(&dead[i].actor);
		cr_assert(peers_gone(dead[i].id, dead[i].gen));
	}
	close(0);
	before = scratch_fds();
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(scratch_fds(), before);
	cr_assert_eq(slip_peer_alive(&peers_rg, self.id), 1);
	peers_rg.objects = 0; /* nothing to clean */
	cr_assert_eq(slip_peer_recover(&self), 2);
	cr_assert_eq(scratch_fds(), before);
	slip_peer_leave(&self);
	cr_assert_eq(scratch_fds(), before);
	cr_assert_eq(slip_peer_alive(&peers_rg, self.id + 1), 0);
	slip_region_close(&peers_rg);
}

Test(low_fd, seals_are_asked_for_on_descriptor_0_too)
{
	static struct slip_region rg, other;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	close(0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_MEMFD),
		     -EPERM);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg), 0), 0);
	cr_assert_eq(slip_region_fd(&other), 0);
	slip_region_close(&other);
	slip_region_close(&rg);
}

Test(low_fd, an_oracle_for_memory_may_get_descriptor_0)
{
	static char memory[65536] __attribute__((aligned(4096)));
	static struct slip_region rg;
	int fd = open(scratch_path("o"), O_RDWR | O_CREAT, 0600);

	close(0);
	cr_assert_eq(slip_region_format(&rg, memory, sizeof(memory), fd,
					SLIP_REGION_PEERS(4)),
		     0);
	cr_assert_eq(slip_region_fd(&rg), 0);
	cr_assert_neq(rg.file.ino, 0u, "it is known by more than its number");
	slip_region_close(&rg);
	close(fd);
}

Test(low_fd, descriptor_0_is_passed_on_like_any_other)
{
	int before = without_stdin();
	int sock[2], end[2], fd;

	cr_assert_eq(pipe(end), 0);
	cr_assert_eq(end[0], 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
	cr_assert_eq(slip_fd_send(sock[0], end[0]), 0);
	cr_assert_eq(slip_fd_recv(sock[1], &fd), 0);
	cr_assert_eq(close(fd), 0);
	for (int i = 0; i < 2; i++) {
		close(sock[i]);
		close(end[i]);
	}
	cr_assert_eq(scratch_fds(), before);
}
