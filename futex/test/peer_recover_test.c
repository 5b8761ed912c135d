/* SPDX-License-Identifier: MIT */
/* futex/peer.h: cleaning up after the dead, by whom and how often. */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/test/peers.h"

#define WORDS 16

/* The object of peers_make() as a hook sees it: words that name an owner. */
struct words {
	slip_a32 owner[WORDS];
	slip_a32 calls;
	slip_a32 last_id;
	slip_a32 last_gen;
};

static struct words *words_of(const struct slip_region *rg)
{
	void *mem = slip_region_find(rg, "words", PEERS_KIND, NULL);

	return mem;
}

/* A hook as they should be: each word by a CAS from the dead id to nobody. */
static int forget(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		  uint32_t gen)
{
	struct words *w = mem;

	(void)self;
	if (bytes != 4096)
		return -EINVAL;
	slip_a32_store_relaxed(&w->last_id, id);   /* stat */
	slip_a32_store_relaxed(&w->last_gen, gen); /* stat */
	for (int i = 0; i < WORDS; i++) {
		uint32_t expected = id;

		/* own: the words carry no data in this test */
		(void)slip_a32_cas_relaxed(&w->owner[i], &expected, 0);
	}
	slip_a32_fetch_add_relaxed(&w->calls, 1); /* stat */
	return 0;
}

static int refuse(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		  uint32_t gen)
{
	(void)self;
	(void)mem;
	(void)bytes;
	(void)id;
	(void)gen;
	return -EBADMSG;
}

static int stop_in_hook(struct slip_peer *self, void *mem, size_t bytes,
			uint32_t id, uint32_t gen)
{
	raise(SIGSTOP);
	return forget(self, mem, bytes, id, gen);
}

static int die_in_hook(struct slip_peer *self, void *mem, size_t bytes,
		       uint32_t id, uint32_t gen)
{
	struct words *w = mem;
	uint32_t expected = id;

	(void)self;
	(void)bytes;
	(void)gen;
	(void)slip_a32_cas_relaxed(&w->owner[0], &expected, 0); /* own */
	raise(SIGKILL);
	return 0;
}

static uint32_t calls(void)
{
	return slip_a32_load_relaxed(&words_of(&peers_rg)->calls); /* stat */
}

static uint32_t owned_by(uint32_t id)
{
	struct words *w = words_of(&peers_rg);
	uint32_t n = 0;

	for (int i = 0; i < WORDS; i++)
		n += slip_a32_load_relaxed(&w->owner[i]) == id; /* stat */
	return n;
}

/* A member that takes half of the words and then stays. */
static int own_words(struct slip_peer *self)
{
	struct words *w = words_of(self->rg);

	for (int i = 0; i < WORDS; i += 2)
		slip_a32_store_relaxed(&w->owner[i], self->id); /* own */
	actor_stay();
}

/* One dead member, its record still live and its words still its own. */
static void one_dead(struct member *m)
{
	cr_assert(peers_start(m, own_words));
	cr_assert_eq(owned_by(m->id), WORDS / 2u);
	cr_assert_eq(actor_kill(&m->actor), -SIGKILL);
	cr_assert(peers_gone(m->id, m->gen));
}

Test(peer_recover, the_dead_and_only_they)
{
	struct member dead, living;
	struct slip_peer self;
	struct words *w;

	cr_assert_eq(peers_make(8), 0);
	w = words_of(&peers_rg);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 0);
	cr_assert(peers_start(&living, NULL));
	one_dead(&dead);
	slip_a32_store_relaxed(&w->owner[1], living.id); /* own */
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert_eq(slip_peer_recover(&self), 0);
	cr_assert_eq(calls(), 1u);
	cr_assert_eq(slip_a32_load_relaxed(&w->last_id), dead.id);   /* stat */
	cr_assert_eq(slip_a32_load_relaxed(&w->last_gen), dead.gen); /* stat */
	cr_assert_eq(owned_by(dead.id), 0u);
	cr_assert_eq(owned_by(living.id), 1u);
	cr_assert_eq(slip_peer_alive(&peers_rg, living.id), 1);
	cr_assert_eq(actor_kill(&living.actor), -SIGKILL);
	slip_peer_leave(&self);
}

Test(peer_recover, a_recovered_id_comes_back_with_the_next_generation)
{
	struct member first, second;
	struct slip_peer self;

	cr_assert_eq(peers_make(8), 0);
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	one_dead(&first);
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert(peers_start(&second, NULL));
	cr_assert_eq(second.id, first.id);
	cr_assert_eq(second.gen, first.gen + 1);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, first.id, first.gen), 0);
	cr_assert_eq(slip_peer_member_alive(&peers_rg, second.id, second.gen),
		     1);
	cr_assert_eq(actor_kill(&second.actor), -SIGKILL);
}

Test(peer_recover, without_the_hook_the_id_stays_taken)
{
	struct member dead;
	struct slip_peer self;

	cr_assert_eq(peers_make(2), 0);
	one_dead(&dead);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_neq(self.id, dead.id);
	cr_assert_eq(slip_peer_recover(&self), -ENOTSUP);
	cr_assert_eq(owned_by(dead.id), WORDS / 2u);
	slip_peer_leave(&self);
	/* Somebody who knows the kind. */
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert_eq(owned_by(dead.id), 0u);
}

Test(peer_recover, kinds_that_name_no_peers_need_no_hook)
{
	struct slip_region rg;
	struct slip_peer gone, self;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 1, 0), 0);
	cr_assert_not_null(slip_region_add(&rg, "plain", 9, 1));
	cr_assert_eq(slip_peer_join(&gone, &rg), 0);
	cr_assert_eq(munmap(gone.pin, 4096), 0);
	cr_assert_eq(slip_peer_join(&self, &rg), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	slip_peer_leave(&self);
	slip_region_close(&rg);
}

Test(peer_recover, a_failing_hook_keeps_the_id_and_is_told)
{
	struct member dead;
	struct slip_peer self;

	cr_assert_eq(peers_make(8), 0);
	one_dead(&dead);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, refuse), 0);
	cr_assert_eq(slip_peer_recover(&self), -EBADMSG);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	slip_peer_leave(&self);
}

Test(peer_recover, sixteen_kinds_of_hooks)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	for (uint32_t kind = 1; kind <= 16; kind++)
		cr_assert_eq(slip_peer_hook(&self, kind, forget), 0);
	cr_assert_eq(slip_peer_hook(&self, 17, forget), -ENOSPC);
	cr_assert_eq(slip_peer_hook(&self, 16, refuse), 0);
	slip_peer_leave(&self);
}

Test(peer_recover, a_table_full_of_dead_takes_newcomers)
{
	struct member dead[2];
	struct slip_peer self;

	cr_assert_eq(peers_make(2), 0);
	for (int i = 0; i < 2; i++)
		one_dead(&dead[i]);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), -EUSERS);
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_enter(&self), 0);
	cr_assert_eq(calls(), 2u);
	slip_peer_leave(&self);
}

/* Newcomers that join out of a hook: `note` counts those who got id 1. */
static int join_in_hook(struct slip_peer *self, void *mem, size_t bytes,
			uint32_t id, uint32_t gen)
{
	struct slip_peer newcomer;

	if (slip_peer_join(&newcomer, self->rg) == 0) {
		/* stat */
		slip_a32_fetch_add_relaxed(&peers_board->note,
					   newcomer.id == 1);
		slip_peer_leave(&newcomer);
	}
	return forget(self, mem, bytes, id, gen);
}

Test(peer_recover, an_id_is_free_as_soon_as_it_is_clean)
{
	struct member dead[2];
	struct slip_peer self;

	cr_assert_eq(peers_make(2), 0);
	for (int i = 0; i < 2; i++)
		one_dead(&dead[i]);
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, join_in_hook), 0);
	cr_assert_eq(slip_peer_recover(&self), 2);
	cr_assert_eq(slip_a32_load_relaxed(&peers_board->note), 1u); /* stat */
}

Test(peer_recover, leave_cleans_up_what_one_still_holds)
{
	struct slip_peer self;
	struct words *w;

	cr_assert_eq(peers_make(2), 0);
	w = words_of(&peers_rg);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	slip_a32_store_relaxed(&w->owner[3], self.id); /* own */
	slip_peer_leave(&self);
	cr_assert_eq(owned_by(1), 0u);
	cr_assert_eq(calls(), 1u);
}

Test(peer_recover, leave_with_a_failing_hook_is_like_death)
{
	struct slip_peer_info info;
	struct slip_peer self, other;

	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, refuse), 0);
	slip_peer_leave(&self);
	cr_assert_eq(slip_peer_describe(&peers_rg, 1, &info), 0);
	cr_assert(info.joined);
	cr_assert_eq(info.alive, 0);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	cr_assert_eq(other.id, 2u);
	cr_assert_eq(slip_peer_hook(&other, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&other), 1);
	slip_peer_leave(&other);
}

/* --- recoverers that fall by the wayside ----------------------------------- */

static int recover_with(slip_peer_recover_fn fn)
{
	static struct slip_region rg;
	static struct slip_peer self;

	if (peers_open(&rg))
		return 100;
	slip_peer_prepare(&self, &rg);
	if (slip_peer_hook(&self, PEERS_KIND, fn))
		return 101;
	actor_ready();
	return slip_peer_recover(&self);
}

static int recover_and_die(void *arg)
{
	(void)arg;
	return recover_with(die_in_hook);
}

static int recover_and_stop(void *arg)
{
	(void)arg;
	return recover_with(stop_in_hook);
}

Test(peer_recover, a_killed_recoverer_is_followed_by_another)
{
	struct member dead;
	struct slip_peer self;

	cr_assert_eq(peers_make(8), 0);
	one_dead(&dead);
	cr_assert_eq(actor_run(recover_and_die, NULL), -SIGKILL);
	cr_assert_eq(owned_by(dead.id), WORDS / 2u - 1);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_neq(self.id, dead.id);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert_eq(owned_by(dead.id), 0u);
	slip_peer_leave(&self);
}

Test(peer_recover, a_stopped_recoverer_keeps_the_id_and_stops_nobody)
{
	struct member dead;
	struct slip_peer self, other;
	struct actor sleeper;
	struct words *w;
	int status;

	cr_assert_eq(peers_make(2), 0);
	w = words_of(&peers_rg);
	one_dead(&dead);
	cr_assert(actor_start(&sleeper, recover_and_stop, NULL));
	cr_assert_eq(waitpid(sleeper.pid, &status, WUNTRACED), sleeper.pid);
	cr_assert(WIFSTOPPED(status));
	/* Another recovers at once. */
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert_eq(owned_by(dead.id), 0u);
	cr_assert_eq(slip_peer_alive(&peers_rg, dead.id), 0);
	/* Newcomers get other ids, and when those are used up, none. */
	cr_assert_eq(slip_peer_enter(&self), 0);
	cr_assert_neq(self.id, dead.id);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), -EUSERS);
	/* The sleeper wakes: what it stores now meets no successor. */
	kill(sleeper.pid, SIGCONT);
	cr_assert_eq(actor_wait(&sleeper), 0, "it recovered nobody itself");
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	cr_assert_eq(other.id, dead.id);
	slip_a32_store_relaxed(&w->owner[5], other.id); /* own */
	cr_assert_eq(slip_peer_recover(&self), 0);
	cr_assert_eq(owned_by(other.id), 1u);
	slip_peer_leave(&self);
	slip_peer_leave(&other);
}

Test(peer_recover, a_stopped_recoverer_may_be_killed_too)
{
	struct member dead;
	struct slip_peer self;
	struct actor sleeper;
	int status;

	cr_assert_eq(peers_make(1), 0);
	one_dead(&dead);
	cr_assert(actor_start(&sleeper, recover_and_stop, NULL));
	cr_assert_eq(waitpid(sleeper.pid, &status, WUNTRACED), sleeper.pid);
	slip_peer_prepare(&self, &peers_rg);
	cr_assert_eq(slip_peer_hook(&self, PEERS_KIND, forget), 0);
	cr_assert_eq(slip_peer_recover(&self), 1);
	cr_assert_eq(slip_peer_enter(&self), -EUSERS);
	cr_assert_eq(actor_kill(&sleeper), -SIGKILL);
	cr_assert_eq(slip_peer_enter(&self), 0);
	cr_assert_eq(self.gen, dead.gen + 1);
	slip_peer_leave(&self);
}

static int recover_at_once(void *arg)
{
	int *gate = arg;
	static struct slip_region rg;
	static struct slip_peer self;
	char go;
	int r;

	if (peers_open(&rg))
		return 100;
	slip_peer_prepare(&self, &rg);
	if (slip_peer_hook(&self, PEERS_KIND, forget))
		return 101;
	actor_ready();
	if (read(gate[0], &go, 1) != 1)
		return 102;
	r = slip_peer_recover(&self);
	return r < 0 ? 103 : r;
}

Test(peer_recover, many_at_once_free_each_id_once)
{
	struct actor recoverers[4];
	struct member dead[12];
	int gate[2];
	int sum = 0;

	cr_assert_eq(peers_make(12), 0);
	cr_assert_eq(pipe(gate), 0);
	for (int i = 0; i < 12; i++)
		one_dead(&dead[i]);
	for (int i = 0; i < 4; i++)
		cr_assert(actor_start(&recoverers[i], recover_at_once, gate));
	cr_assert_eq(write(gate[1], "1234", 4), 4);
	for (int i = 0; i < 4; i++)
		sum += actor_wait(&recoverers[i]);
	cr_assert_eq(sum, 12);
	for (uint32_t id = 1; id <= 12; id++) {
		cr_assert_eq(owned_by(id), 0u);
		cr_assert_eq(slip_peer_alive(&peers_rg, id), 0);
	}
}
