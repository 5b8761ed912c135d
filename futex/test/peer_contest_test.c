/* SPDX-License-Identifier: MIT */
/*
 * futex/peer.h where somebody else is in the way: a joiner at the record that
 * is to be recovered, a vandal under our own id, a rival for a bare id. And
 * handles that are none.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/test/peers.h"

static int fail_first(struct slip_peer *self, void *mem, size_t bytes,
		      uint32_t id, uint32_t gen)
{
	slip_a32 *turn = mem;

	(void)self;
	(void)bytes;
	(void)id;
	(void)gen;
	/* own: one thread */
	return slip_a32_fetch_add_relaxed(turn, 1) == 0 ? -ENOSPC : -EIO;
}

/* Member 2 of four, who is dead; we are member 1. */
static void with_a_corpse(struct slip_peer *self, struct member *m)
{
	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_join(self, &peers_rg), 0);
	cr_assert(peers_start(m, NULL));
	cr_assert_eq(m->id, 2u);
	cr_assert_eq(actor_kill(&m->actor), -SIGKILL);
	cr_assert(peers_gone(m->id, m->gen));
}

Test(peer_contest, a_handle_that_is_none_is_told)
{
	struct slip_peer none;

	memset(&none, 0, sizeof(none));
	cr_assert_eq(slip_peer_hook(NULL, 9, fail_first), -EINVAL);
	slip_peer_leave(&none);
	cr_assert_eq(none.id, 0u);
}

Test(peer_contest, an_id_that_is_being_handed_over_is_nobodys_to_recover)
{
	struct slip_peer self;
	struct member m;
	uint64_t byte;
	int fd;

	with_a_corpse(&self, &m);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, fail_first), 0);
	byte = slip_peer_byte_(SLIP_BYTE_RECOVERY_, m.id, m.gen);
	fd = slip_file_reopen_(&peers_rg.file, SLIP_O_RDWR_);
	cr_assert_geq(fd, 0);
	cr_assert_eq(slip_file_lock_(fd, SLIP_LOCK_WRITE_, byte, 1), 0);
	cr_assert_eq(slip_peer_recover(&self), 0, "nothing, and no error");
	slip_file_unlock_(fd, byte);
	cr_assert_eq(slip_peer_recover(&self), -ENOSPC, "now the hook runs");
	slip_file_close_fd_(&fd);
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

static long play_no_lock(long nr, const long *arg)
{
	return nr == SYS_fcntl && arg[1] == SLIP_OFD_SETLK_ ? -ENOLCK
							    : SCRIPT_PASS;
}

Test(peer_contest, a_refused_recovery_lock_is_told_and_recovers_nobody)
{
	struct slip_peer self;
	struct member m;

	with_a_corpse(&self, &m);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, fail_first), 0);
	script = play_no_lock;
	cr_assert_eq(slip_peer_recover(&self), -ENOLCK);
	script = NULL;
	cr_assert_eq(slip_peer_recover(&self), -ENOSPC, "still to be done");
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(peer_contest, who_cannot_ask_any_more_recovers_and_joins_nobody)
{
	struct slip_peer self, other;
	struct member m;

	with_a_corpse(&self, &m);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, fail_first), 0);
	close(slip_region_fd(&peers_rg));
	cr_assert_eq(slip_peer_recover(&self), -EBADF, "unknown is not dead");
	cr_assert_eq(slip_peer_join(&other, &peers_rg), -EBADF);
}

static long play_vandal(long nr, const long *arg)
{
	struct slip_peer_record *rec = slip_peer_record_(&peers_rg, 1);

	(void)arg;
	/* The joiner's name goes into a record that is not its own yet. */
	if (nr == SYS_prctl) {
		slip_a64_store_relaxed(&rec->word,
				       slip_peer_word_(77, SLIP_PEER_LIVE_));
		script = NULL;
	}
	return SCRIPT_PASS;
}

Test(peer_contest, a_record_taken_at_the_last_moment_is_left_to_the_other)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(4), 0);
	script = play_vandal;
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(self.id, 2u, "the next one");
	cr_assert_eq(slip_peer_member_alive(&peers_rg, 1, 1), 0,
		     "no lock is left on the id that was not had");
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(peer_contest, of_two_failures_the_first_is_told)
{
	static struct slip_region rg;
	struct slip_peer self;
	slip_a32 *turn;

	cr_assert_eq(slip_region_create(&rg, 8192, SLIP_REGION_MEMFD), 0);
	turn = slip_region_add(&rg, "one", PEERS_KIND, 4096);
	cr_assert_not_null(turn);
	cr_assert_not_null(slip_region_add(&rg, "two", PEERS_KIND + 1, 4096));
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, fail_first), 0);
	cr_assert_eq(slip_peer_clean_(&self, 3, 1), -ENOSPC,
		     "the hook's, not the -ENOTSUP of the kind without one");
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(peer_contest, another_member_of_our_id_is_not_us)
{
	struct slip_peer self;
	struct slip_peer_record *rec;

	cr_assert_eq(peers_make(4), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	rec = slip_peer_record_(&peers_rg, self.id);
	/* As a vandal does: a member that never was stands in our place. */
	slip_a64_store_relaxed(&rec->word,
			       slip_peer_word_(self.gen + 1, SLIP_PEER_LIVE_));
	cr_assert_eq(slip_peer_recover(&self), -ENOTSUP,
		     "a kind that names peers, and no hook: not freed");
	/* For ourselves the missing hook is no matter. */
	cr_assert_eq(slip_peer_clean_(&self, self.id, self.gen), 0);
	slip_peer_leave(&self);
	slip_region_close(&peers_rg);
}

Test(peer_contest, a_bare_id_goes_to_one_of_two)
{
	static struct slip_region rg;
	struct slip_peer first, second;

	cr_assert_eq(slip_region_create(&rg, 0, SLIP_REGION_PRIVATE), 0);
	slip_peer_prepare(&first, &rg);
	slip_peer_prepare(&second, &rg);
	/* Both have read {0, free}. */
	cr_assert_eq(slip_peer_take_bare_(&first, 1, 0), 0);
	cr_assert_eq(slip_peer_take_bare_(&second, 1, 0), -EAGAIN);
	slip_region_close(&rg);
}
