/* SPDX-License-Identifier: MIT */
/*
 * A published region to join, and other processes that are members of it.
 *
 *	peers_make(places)		publishes scratch_path("r") and keeps
 *					it open in peers_rg
 *	peers_start(&m, &before)	a process that joined and now stays;
 *					tells its id and gen in `m`
 *	peers_gone(id, gen)		waits until the kernel says dead: false
 *					if it has not after 10 s
 */
#ifndef SLIP_FUTEX_TEST_PEERS_H
#define SLIP_FUTEX_TEST_PEERS_H

#include "futex/peer.h"
#include "futex/region_memory.h"
#include "futex/region_tools.h"
#include "futex/test/scratch.h"

#include <sched.h>

/* It turns vfork into fork and does not follow CLONE_VM. */
#if defined(__SANITIZE_THREAD__)
#define PEERS_TSAN true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PEERS_TSAN true
#endif
#endif
#ifndef PEERS_TSAN
#define PEERS_TSAN false
#endif

#define PEERS_KIND (9u | SLIP_KIND_NAMES_PEERS)

static struct slip_region peers_rg;

/* What other processes tell: shared by fork, outside of the region. */
static struct {
	slip_a32 id;
	slip_a32 gen;
	slip_a32 note;
} * peers_board;

static inline int peers_make(unsigned places)
{
	int r;

	/* scratch_dir() forks, so before any handle exists. */
	(void)scratch_dir();
	peers_board = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peers_board == MAP_FAILED)
		return -ENOMEM;
	r = slip_region_create_at(&peers_rg, scratch_dir(), 4096,
				  SLIP_REGION_PEERS(places));
	if (!r && !slip_region_add(&peers_rg, "words", PEERS_KIND, 4096))
		r = -1;
	return r ? r : slip_region_publish(&peers_rg, scratch_path("r"), 0600);
}

/* In another process: opens the region afresh. */
static inline int peers_open(struct slip_region *rg)
{
	return slip_region_open(rg, scratch_path("r"), 0);
}

static inline void peers_tell(const struct slip_peer *self)
{
	/* stat: read after the pipe of actor_ready() */
	slip_a32_store_relaxed(&peers_board->id, self->id);
	slip_a32_store_relaxed(&peers_board->gen, self->gen);
}

struct member {
	struct actor actor;
	uint32_t id, gen;
};

static inline int peers_member_body_(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;
	int (*then)(struct slip_peer *) = *(int (**)(struct slip_peer *))arg;

	if (peers_open(&rg) || slip_peer_join(&self, &rg))
		return 90;
	peers_tell(&self);
	if (!then)
		actor_stay();
	return then(&self);
}

/* `then`: what the member does instead of staying; it calls actor_ready(). */
static inline bool peers_start(struct member *m,
			       int (*then)(struct slip_peer *))
{
	bool ready = actor_start(&m->actor, peers_member_body_, &then);

	/* stat: as above */
	m->id = slip_a32_load_relaxed(&peers_board->id);
	m->gen = slip_a32_load_relaxed(&peers_board->gen);
	return ready;
}

static inline bool peers_gone(uint32_t id, uint32_t gen)
{
	uint64_t deadline = slip_after_ns(UINT64_C(10000000000));

	while (slip_peer_member_alive(&peers_rg, id, gen) != 0) {
		if (slip_now_ns() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

#endif
