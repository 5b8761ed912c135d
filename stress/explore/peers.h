/* SPDX-License-Identifier: MIT */
/*
 * Members of a region without a region: what a ring needs of its users' peers,
 * and an oracle that knows of the explorer's kills. Thread i is the member
 * (i + 1, 1), setup and final are member (X_ALONE_ID, 1), which does not die.
 *
 * The library asks F_OFD_GETLK about a byte of the member's, and statx whether
 * the descriptor is still its file; peers_sys answers both: give it to the
 * model as `sys`. Everything else that would enter the kernel fails.
 */
#ifndef SLIP_STRESS_EXPLORE_PEERS_H
#define SLIP_STRESS_EXPLORE_PEERS_H

#include <string.h>

#include "explore.h"
#include "futex/peer.h"

#define X_ALONE_ID (X_THREADS + 1)
#define PEERS_FD   1000000 /* nobody has that */

static uint32_t peers_life[X_THREADS + 2] = { 1 };
static struct slip_region peers_region;
static struct slip_peer peers_member[X_THREADS + 1];

/* In setup, or in `once` with the two kept. */
static inline void peers_setup(void)
{
	memset(&peers_region, 0, sizeof(peers_region));
	slip_file_init_(&peers_region.file);
	peers_region.life = peers_life;
	peers_region.file.fd = PEERS_FD;
	peers_region.peers_max = X_THREADS + 1;
	for (unsigned i = 0; i <= X_THREADS; i++) {
		slip_peer_prepare(&peers_member[i], &peers_region);
		peers_member[i].id = i + 1;
		peers_member[i].gen = 1;
		peers_life[i + 1] = 1;
	}
}

/* The membership of whoever calls. */
static inline struct slip_peer *peers_self(void)
{
	return &peers_member[x_self()];
}

static inline bool peers_sys(long nr, const long args[6], long *result)
{
	if (nr == SYS_futex || nr == SYS_membarrier)
		return false;
	*result = -ENOSYS;
	if (nr == SYS_fcntl && args[0] == PEERS_FD &&
	    args[1] == SLIP_OFD_GETLK_) {
		struct slip_file_flock_ *lock =
			(struct slip_file_flock_ *)args[2];
		unsigned id = lock->start & 4095;

		lock->type = SLIP_LOCK_WRITE_;
		if (id <= X_THREADS && x_dead(id - 1))
			lock->type = SLIP_LOCK_NONE_;
		*result = 0;
	} else if (nr == SYS_statx && args[0] == PEERS_FD) {
		memset((void *)args[4], 0, sizeof(struct slip_file_stat_));
		*result = 0;
	}
	return true;
}

#endif
