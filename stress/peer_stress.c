/* SPDX-License-Identifier: MIT */
/*
 * futex/peer.h: many processes join, leave, recover, and are killed and
 * stopped, on one region with few ids.
 *
 * An object holds a word for each id. Whoever joins under an id swaps its
 * token in, which must find 0: an id is reused only when a recovery hook, or
 * the member that left, has cleared its word. As long as it is a member the
 * word must stay its own: no other membership has that id. The controller
 * asks the oracle about members that it has stopped (alive) and killed (dead).
 * At the end everybody is dead, is recovered, and every id can be had.
 */
#include "futex/peer.h"

#include <sched.h>
#include <stdlib.h>

#include "stress/program.h"

#define WORKERS	     6
#define PEERS	     10
#define DISTURBANCES 40
#define KIND	     (SLIP_KIND_NAMES_PEERS | 0x5354u)

/* Written by a worker, read by the controller when it is stopped or dead. */
struct diary {
	slip_a64 member; /* gen << 32 | id; 0: perhaps none */
	slip_a64 joins;
	slip_a64 full; /* how often no id could be had */
	slip_a64 recovered;
	unsigned char pad[SLIP_APART_BYTES - 32];
};

static struct {
	uint64_t seed;
	uint64_t random;
	bool lazy; /* nobody recovers but who finds no id to join with */
	struct slip_region rg;
	slip_a64 *words; /* gen << 32 | pid, by id */
	struct diary *diaries;
	slip_a64 *over;
	pid_t pid[WORKERS];
	uint64_t kills;
	bool running;
} run;

static struct {
	uint64_t joins;
	uint64_t kills;
	uint64_t stops;
	uint64_t full;
	uint64_t recovered;
} all;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static void dump(void)
{
	struct slip_peer_info info;

	if (!run.running)
		return;
	for (uint32_t id = 1; id <= PEERS; id++)
		if (slip_peer_describe(&run.rg, id, &info) == 0)
			stress_say("id %u: gen %u, %s, pid %u, alive %d, word "
				   "%#llx",
				   id, info.gen,
				   info.joined ? "joined" : "free", info.pid,
				   info.alive, llu(get(&run.words[id])));
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_say("worker %d: member %#llx, joins %llu", run.pid[i],
			   llu(get(&run.diaries[i].member)),
			   llu(get(&run.diaries[i].joins)));
}

/* --- members -------------------------------------------------------------- */

/* Slow at times, so as to be stopped, killed and overtaken in the middle. */
static int recover_word(struct slip_peer *self, void *mem, size_t bytes,
			uint32_t dead_id, uint32_t dead_gen)
{
	slip_a64 *word = (slip_a64 *)mem + dead_id;
	uint64_t seen = get(word); /* hint: the swap is by what was seen */

	if (bytes <= dead_id * sizeof(*word))
		return -EINVAL;
	if (dead_gen % 4 == 0)
		for (uint32_t i = 0; i < self->id; i++)
			sched_yield();
	/* WORD-R1 recoverer: nothing but the 0. Pairs: join (A1). Else: a
	 * joiner finds the token of the dead. */
	if (seen >> 32 == dead_gen)
		(void)slip_a64_cas_release(word, &seen, 0);
	return 0;
}

static int join(struct slip_peer *self, struct slip_region *rg, slip_a64 *words)
{
	uint64_t token;
	uint64_t before;
	int rc;

	slip_peer_prepare(self, rg);
	rc = slip_peer_hook(self, KIND, recover_word);
	STRESS_CHECK(rc == 0, "hook: %d", rc);
	rc = slip_peer_enter(self);
	if (rc)
		return rc;
	token = (uint64_t)self->gen << 32 | (uint32_t)getpid();
	/* WORD-A1 joiner: the word is clean. Pairs: recover_word. Else: as
	 * there. */
	before = slip_a64_exchange_acquire(&words[self->id], token);
	STRESS_CHECK(before == 0,
		     "id %u, gen %u, was given out while %#llx "
		     "held it",
		     self->id, self->gen, llu(before));
	return 0;
}

static void check_mine(const struct slip_peer *self, const slip_a64 *words)
{
	uint64_t token = (uint64_t)self->gen << 32 | (uint32_t)getpid();
	uint64_t seen = get(&words[self->id]);
	int alive = slip_peer_member_alive(self->rg, self->id, self->gen);

	STRESS_CHECK(seen == token, "id %u, gen %u, is also held by %#llx",
		     self->id, self->gen, llu(seen));
	STRESS_CHECK(alive == 1, "I look dead: %d", alive);
}

static void check_other(const struct slip_peer *self, uint64_t *random)
{
	uint32_t id = 1 + (uint32_t)stress_pick(random, PEERS);
	int alive = slip_peer_alive(self->rg, id);

	STRESS_CHECK(alive == 0 || alive == 1, "alive(%u): %d", id, alive);
}

static void recover(struct slip_peer *self, struct diary *d)
{
	int rc = slip_peer_recover(self);

	STRESS_CHECK(rc >= 0, "recover: %d", rc);
	set(&d->recovered, get(&d->recovered) + (unsigned)rc);
}

static void be_member(struct slip_peer *self, slip_a64 *words, struct diary *d,
		      uint64_t *random)
{
	set(&d->joins, get(&d->joins) + 1);
	set(&d->member, (uint64_t)self->gen << 32 | self->id);
	for (uint64_t n = stress_pick(random, 20); n; n--) {
		check_mine(self, words);
		check_other(self, random);
		if (!run.lazy && stress_pick(random, 8) == 0)
			recover(self, d);
	}
	check_mine(self, words);
	set(&d->member, 0);
	slip_peer_leave(self);
}

static int work(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;
	struct diary *d = &run.diaries[*(uint32_t *)arg];
	uint64_t random = run.random;
	uint32_t misses = 0;
	slip_a64 *words;
	int rc = slip_region_adopt(&rg, slip_region_fd(&run.rg), 0);

	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	words = slip_region_find(&rg, "words", KIND, NULL);
	STRESS_CHECK(words, "no words");
	while (!get(run.over)) {
		rc = join(&self, &rg, words);
		STRESS_CHECK(rc == 0 || rc == -EUSERS, "join: %d", rc);
		if (rc == 0) {
			be_member(&self, words, d, &random);
			misses = 0;
			continue;
		}
		/* The ids that are free may all be in somebody's hands for a
		 * moment, but not for long. */
		set(&d->full, get(&d->full) + 1);
		STRESS_CHECK(++misses < 1000, "no id is ever free");
		sched_yield();
	}
	slip_region_close(&rg);
	return 0;
}

/* --- the controller ------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	/* Its predecessor's last entry is not about it. */
	set(&run.diaries[index].member, 0);
	run.pid[index] = stress_spawn(work, &index);
}

static uint64_t joins(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < WORKERS; i++)
		sum += get(&run.diaries[i].joins);
	return sum;
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(joins() + run.seed * 31);
	stress_sleep_ns(ns);
}

/* A worker that cannot move now: what its diary says is so. */
static void check_oracle(uint32_t index, int expected)
{
	uint64_t member = get(&run.diaries[index].member);
	int alive;

	if (!member)
		return;
	alive = slip_peer_member_alive(&run.rg, (uint32_t)member,
				       (uint32_t)(member >> 32));
	STRESS_CHECK(alive == expected, "member %#llx: alive is %d, not %d",
		     llu(member), alive, expected);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, WORKERS);
	uint64_t before;

	if (!stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		check_oracle(i, 0);
		start(i);
		return;
	}
	stress_stop(run.pid[i]);
	all.stops++;
	check_oracle(i, 1);
	/* Wherever it stands, in a hook or in a join: the others go on. */
	for (before = joins(); joins() == before;)
		idle(100000);
	check_oracle(i, 1);
	stress_continue(run.pid[i]);
}

static void create(uint64_t seed)
{
	size_t bytes = sizeof(slip_a64) * (PEERS + 1);
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills = 0;
	run.lazy = stress_pick(&run.random, 2);
	rc = slip_region_create(&run.rg, bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	run.words = slip_region_add(&run.rg, "words", KIND, bytes);
	STRESS_CHECK(run.words, "no room");
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	memset(run.diaries, 0, sizeof(*run.diaries) * WORKERS);
	set(run.over, 0);
	run.running = true;
}

/* Everybody is gone: every id must be there to be had, after a recovery. */
static void check_table(void)
{
	static struct slip_peer peers[PEERS + 1];
	struct slip_peer_info info;
	int rc = join(&peers[0], &run.rg, run.words);

	STRESS_CHECK(rc == 0, "the last join: %d", rc);
	rc = slip_peer_recover(&peers[0]);
	STRESS_CHECK(rc >= 0, "the last recovery: %d", rc);
	for (uint32_t id = 1; id <= PEERS; id++) {
		rc = slip_peer_describe(&run.rg, id, &info);
		STRESS_CHECK(rc == 0, "describe: %d", rc);
		STRESS_CHECK(id == peers[0].id ||
				     (!info.joined && !get(&run.words[id])),
			     "id %u is not free", id);
	}
	for (uint32_t i = 1; i < PEERS; i++) {
		rc = join(&peers[i], &run.rg, run.words);
		STRESS_CHECK(rc == 0, "id number %u is lost: %d", i, rc);
	}
	slip_peer_prepare(&peers[PEERS], &run.rg);
	rc = slip_peer_hook(&peers[PEERS], KIND, recover_word);
	STRESS_CHECK(rc == 0, "hook: %d", rc);
	rc = slip_peer_enter(&peers[PEERS]);
	STRESS_CHECK(rc == -EUSERS, "one too many: %d", rc);
	for (uint32_t i = 0; i < PEERS; i++)
		slip_peer_leave(&peers[i]);
}

static void account(uint64_t seed)
{
	uint64_t full = 0;
	uint64_t recovered = 0;

	for (uint32_t i = 0; i < WORKERS; i++) {
		full += get(&run.diaries[i].full);
		recovered += get(&run.diaries[i].recovered);
	}
	all.joins += joins();
	all.kills += run.kills;
	all.full += full;
	all.recovered += recovered;
	stress_line(seed,
		    "%u workers, %u ids, %s: %llu joins, %llu kills, %llu "
		    "times full, %llu recovered by request",
		    WORKERS, PEERS, run.lazy ? "lazy" : "eager", llu(joins()),
		    llu(run.kills), llu(full), llu(recovered));
}

static void one_run(uint64_t seed)
{

	create(seed);
	for (uint32_t i = 0; i < WORKERS; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	while (joins() == 0)
		idle(STRESS_MS);
	/* Some leave in order, some do not. */
	for (uint32_t i = 0; i < WORKERS / 2; i++)
		stress_kill(run.pid[i]);
	set(run.over, 1);
	for (uint32_t i = WORKERS / 2; i < WORKERS; i++)
		stress_join(run.pid[i]);
	check_table();
	account(seed);
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "futex/peer.h: joining, leaving, dying");
	stress_on_stuck(dump);
	run.diaries = stress_shared(sizeof(*run.diaries) * WORKERS);
	run.over = stress_shared(sizeof(*run.over));
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("peer.all", "random-kills",
		   "joins=%llu kills=%llu stops=%llu recovered=%llu",
		   llu(all.joins), llu(all.kills), llu(all.stops),
		   llu(all.recovered));
	return stress_end("%llu joins, %llu kills, %llu stops, %llu times "
			  "full, %llu recovered by request",
			  llu(all.joins), llu(all.kills), llu(all.stops),
			  llu(all.full), llu(all.recovered));
}
