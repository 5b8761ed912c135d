/* SPDX-License-Identifier: MIT */
/*
 * Models of membership: join, leave, recover and reuse of ids, on a real memfd
 * with real byte locks, which the runtime takes away at a kill as the kernel
 * does. One object of the region has a word for each id, in which a member
 * writes its name, as a claim in a ring would be; a recovery hook cleans it.
 *
 * What must hold, whoever is killed or stopped wherever: an id is given out
 * only when its word is clean; nobody cleans a living member's word, or frees
 * its id; no two members have one name; and in the end somebody who asks can
 * have every id whose member is not alive.
 */
#include <errno.h>
#include <string.h>

#include "explore.h"
#include "futex/peer.h"

#define KIND (SLIP_KIND_NAMES_PEERS | 77u)
#define IDS  2

static struct slip_region rg;
static slip_a64 *claims; /* in the region; of id n: claims[n - 1] */

static struct {
	struct slip_peer peer[X_THREADS + 1];
	uint64_t joined[X_THREADS + 1]; /* the name it got, or 0 */
	bool claimed[X_THREADS + 1];
	bool left[X_THREADS + 1]; /* has begun to leave */
	int rc[X_THREADS + 1];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t joins, refusals, recoveries, reuses, kept;

static uint64_t name_of(const struct slip_peer *p)
{
	return (uint64_t)p->gen << 32 | p->id;
}

static int clean(struct slip_peer *self, void *mem, size_t bytes,
		 uint32_t dead_id, uint32_t dead_gen)
{
	slip_a64 *words = mem;
	uint64_t name = (uint64_t)dead_gen << 32 | dead_id;

	(void)self;
	X_ASSERT(bytes >= IDS * sizeof(*words), "a short object");
	/* hint: the swap is by name */
	(void)slip_a64_cas_relaxed(&words[dead_id - 1], &name, 0);
	return 0;
}

/* --- the region ------------------------------------------------------------ */

static void make(unsigned ids)
{
	void *mem;

	joins = refusals = recoveries = reuses = kept = 0;
	X_ASSERT(!slip_region_create(
			 &rg, 4096, SLIP_REGION_MEMFD | SLIP_REGION_PEERS(ids)),
		 "create");
	mem = slip_region_add(&rg, "claims", KIND, IDS * sizeof(*claims));
	X_ASSERT(mem, "add");
	claims = mem;
	X_ASSERT(!slip_region_publish(&rg, NULL, 0), "publish");
	memset(&s, 0, sizeof(s));
	x_keep(rg.mem, rg.bytes);
	x_keep(&s, sizeof(s));
	x_name(claims, IDS * sizeof(*claims), "claim");
	x_name(rg.mem, rg.bytes, "region");
}

static void one_id(void)
{
	make(1);
}

static void two_ids(void)
{
	make(2);
}

/* --- what members do ------------------------------------------------------- */

static struct slip_peer *me(void)
{
	return &s.peer[x_self()];
}

static bool enter(void)
{
	struct slip_peer *p = me();
	unsigned self = x_self();
	slip_a64 *claim;

	slip_peer_prepare(p, &rg);
	X_ASSERT(!slip_peer_hook(p, KIND, clean), "hook");
	s.rc[self] = slip_peer_enter(p);
	if (s.rc[self]) {
		X_ASSERT(s.rc[self] == -EUSERS, "enter says %d", s.rc[self]);
		return false;
	}
	s.joined[self] = name_of(p);
	claim = &claims[p->id - 1];
	/* own: whoever cleans it has done so before we could join */
	X_ASSERT(!slip_a64_load_relaxed(claim), "a claim of the dead is left");
	slip_a64_store_relaxed(claim, name_of(p));
	s.claimed[self] = true;
	return true;
}

/* Still here, and nobody has touched what is ours. */
static void check_claim(void)
{
	const struct slip_peer *p = me();

	/* own: only we, and those who think us dead */
	X_ASSERT(slip_a64_load_relaxed(&claims[p->id - 1]) == name_of(p),
		 "a living member's claim is cleaned");
	X_ASSERT(slip_peer_member_alive(&rg, p->id, p->gen) == 1,
		 "a living member is dead");
}

static void leave(void)
{
	s.left[x_self()] = true;
	slip_peer_leave(me());
}

static void member(void)
{
	if (!enter())
		return;
	check_claim();
	leave();
}

static void stay(void)
{
	if (enter())
		check_claim();
}

static void recover(void)
{
	struct slip_peer *p = me();

	slip_peer_prepare(p, &rg);
	X_ASSERT(!slip_peer_hook(p, KIND, clean), "hook");
	s.rc[x_self()] = slip_peer_recover(p);
	X_ASSERT(s.rc[x_self()] >= 0, "recover says %d", s.rc[x_self()]);
}

/* --- afterwards ------------------------------------------------------------ */

static bool stays(unsigned thread)
{
	return s.joined[thread] && !s.left[thread] && !x_dead(thread);
}

static void check_names(void)
{
	for (unsigned i = 0; i < X_THREADS; i++)
		for (unsigned j = i + 1; j < X_THREADS; j++)
			X_ASSERT(!s.joined[i] || s.joined[i] != s.joined[j],
				 "threads %u and %u have one name", i, j);
}

/* Who is alive is a member still, and its word its own. */
static void check_living(void)
{
	for (unsigned i = 0; i < X_THREADS; i++) {
		const struct slip_peer *p = &s.peer[i];

		if (!stays(i))
			continue;
		X_ASSERT(slip_peer_member_alive(&rg, p->id, p->gen) == 1,
			 "thread %u is alive", i);
		if (!s.claimed[i])
			continue; /* stopped before */
		X_ASSERT(slip_a64_load_relaxed(&claims[p->id - 1]) ==
				 name_of(p),
			 "thread %u has lost its claim", i);
		kept++;
	}
}

/* Nobody else holds their locks. */
static void check_dead(void)
{
	for (unsigned i = 0; i < X_THREADS; i++) {
		uint64_t name = s.joined[i];

		if (!name || stays(i))
			continue;
		/* Stopped in leave it may be alive or not. */
		X_ASSERT(x_stopped(i) || slip_peer_member_alive(
						 &rg, (uint32_t)name,
						 (uint32_t)(name >> 32)) == 0,
			 "thread %u, which is gone, is alive", i);
	}
}

/* Stopped in the middle of something, it may hold one id up: its own, or the
 * one that it was recovering. */
static unsigned held_up(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		n += stays(i) || x_stopped(i);
	return n;
}

/* All others can be had. */
static void check_rest(void)
{
	static struct slip_peer last[IDS];
	unsigned n = 0;

	for (unsigned i = 0; i < rg.peers_max; i++) {
		slip_peer_prepare(&last[n], &rg);
		X_ASSERT(!slip_peer_hook(&last[n], KIND, clean), "hook");
		if (slip_peer_enter(&last[n]))
			continue;
		X_ASSERT(slip_a64_load_relaxed(&claims[last[n].id - 1]) == 0,
			 "id %u is given out with a claim", last[n].id);
		n++;
	}
	X_ASSERT(n + held_up() >= rg.peers_max, "only %u of %u ids can be had",
		 n, rg.peers_max);
}

static void count(void)
{
	for (unsigned i = 0; i < X_THREADS; i++) {
		joins += s.joined[i] != 0;
		reuses += s.joined[i] >> 32 > 1;
		refusals += s.rc[i] == -EUSERS;
		recoveries += !s.joined[i] && s.rc[i] > 0;
	}
}

/* Each death is cleaned up by many, and counted by one. */
static void check_counts(void)
{
	int dead = 0;
	int freed = 0;

	for (unsigned i = 0; i < X_THREADS; i++) {
		dead += x_dead(i);
		if (!s.joined[i] && s.rc[i] > 0)
			freed += s.rc[i];
	}
	X_ASSERT(freed <= dead, "%d freed of %d dead", freed, dead);
}

static void all_well(void)
{
	check_names();
	check_living();
	check_dead();
	check_counts();
	check_rest();
	count();
}

static void nobody_refused(void)
{
	for (unsigned i = 0; i < X_THREADS; i++)
		X_ASSERT(s.rc[i] != -EUSERS, "thread %u got no id", i);
	all_well();
}

static void some_reused(void)
{
	X_ASSERT(joins && refusals && reuses,
		 "%llu joined, %llu refused, %llu reused",
		 (unsigned long long)joins, (unsigned long long)refusals,
		 (unsigned long long)reuses);
}

static void some_recovered(void)
{
	X_ASSERT(recoveries && joins, "%llu recovered, %llu joined",
		 (unsigned long long)recoveries, (unsigned long long)joins);
}

static void reused_after_recovery(void)
{
	some_recovered();
	X_ASSERT(reuses, "no id was used again");
}

static void somebody_stayed(void)
{
	X_ASSERT(joins && kept, "%llu joined, %llu kept",
		 (unsigned long long)joins, (unsigned long long)kept);
}

static const struct x_model models[] = {
	{
		.name = "two-join",
		.operation = "peer.join",
		.once = two_ids,
		.threads = { stay, stay },
		.final = all_well,
		.finish = somebody_stayed,
	},
	{
		.name = "two-for-one",
		.operation = "peer.leave",
		.once = one_id,
		.threads = { member, member },
		.final = all_well,
		.finish = some_reused,
	},
	{
		.name = "member-dies",
		.operation = "peer.recover",
		.once = one_id,
		.threads = { member, recover },
		.final = all_well,
		.finish = some_recovered,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "member-dies-reused",
		.operation = "peer.recover",
		.once = one_id,
		.threads = { member, recover, stay },
		.final = all_well,
		.finish = reused_after_recovery,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "recoverer-dies",
		.operation = "peer.recover",
		.once = one_id,
		.threads = { member, recover, recover },
		.final = all_well,
		.finish = some_recovered,
		.mortal = 3,
		.troubles = 2,
	},
	{
		.name = "recoverer-stops",
		.operation = "peer.recover",
		.once = two_ids,
		.threads = { member, recover, stay },
		.final = nobody_refused,
		.finish = somebody_stayed,
		.mortal = 1,
		.stoppable = 2,
		.troubles = 2,
	},
	{
		.name = "joiner-dies",
		.operation = "peer.join",
		.once = one_id,
		.threads = { stay, stay },
		.final = all_well,
		.finish = somebody_stayed,
		.mortal = 3,
		.troubles = 1,
	},
	{
		.name = "rival-stops",
		.operation = "peer.join",
		.once = one_id,
		.threads = { member, stay },
		.final = all_well,
		.finish = somebody_stayed,
		.mortal = 1,
		.stoppable = 2,
		.troubles = 2,
	},
	{
		.name = "joiner-stops",
		.operation = "peer.join",
		.once = two_ids,
		.threads = { member, recover, stay },
		.final = nobody_refused,
		.finish = somebody_stayed,
		.stoppable = 1,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
