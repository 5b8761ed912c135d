/* SPDX-License-Identifier: MIT */
/*
 * futex/deadlock.h: circles of processes are told of, and nothing else is.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/robust_mutex.h"
#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define LOCKS 5u

struct words {
	struct slip_robust_mutex_shared lock[LOCKS];
	slip_a32 go;
	slip_a32 told;
	/* Of each: the result of its second lock, and the circle. */
	slip_a32 rc[LOCKS], n[LOCKS], id[LOCKS], ids[LOCKS][LOCKS];
};

struct user {
	struct slip_region rg;
	struct slip_peer self;
	struct words *words;
	struct slip_deadlock d;
	struct slip_robust_mutex m[LOCKS];
};

static struct user me;

static int come(struct user *u)
{
	int rc = peers_open(&u->rg);

	if (!rc)
		rc = slip_peer_join(&u->self, &u->rg);
	if (!rc)
		rc = slip_deadlock_init(&u->d, &u->self);
	if (rc)
		return rc;
	u->words = slip_region_find(&u->rg, "words", PEERS_KIND, NULL);
	for (unsigned i = 0; i < LOCKS && !rc; i++) {
		rc = slip_robust_mutex_attach(&u->m[i], &u->words->lock[i],
					      &u->self, 0);
		if (!rc)
			rc = slip_robust_mutex_report(&u->m[i], &u->d);
	}
	return rc;
}

static void begin(void)
{
	struct words *w;

	cr_assert_eq(peers_make(16), 0);
	w = slip_region_find(&peers_rg, "words", PEERS_KIND, NULL);
	for (unsigned i = 0; i < LOCKS; i++)
		cr_assert_eq(slip_robust_mutex_init(&w->lock[i], 0), 0);
	cr_assert_eq(come(&me), 0);
}

static uint64_t wait_word(const struct user *u)
{
	/* stat */
	return slip_a64_load_relaxed(slip_deadlock_wait_(&u->rg, u->self.id));
}

static uint64_t waits_for(const struct user *u)
{
	return wait_word(u) >> 21 << 3;
}

/* --- other processes ------------------------------------------------------- */

/* Takes lock `has`, and when all are there lock `wants`. */
struct deed {
	unsigned has, wants;
	uint64_t patience_ns; /* 0: for ever */
	bool unreported;
	bool keep; /* stays with what it has when told */
};

static void note(struct user *u, unsigned who, int rc)
{
	uint32_t ids[LOCKS] = { 0 };
	uint32_t n = slip_deadlock_cycle(&u->d, ids, LOCKS);

	/* stat: read after all have ended */
	for (unsigned i = 0; i < LOCKS; i++)
		slip_a32_store_relaxed(&u->words->ids[who][i], ids[i]);
	slip_a32_store_relaxed(&u->words->n[who], n);
	slip_a32_store_relaxed(&u->words->rc[who], (uint32_t)rc);
	if (rc == -EDEADLK)
		slip_a32_fetch_add_relaxed(&u->words->told, 1);
}

static int do_deed(void *arg)
{
	static struct user u;
	const struct deed *d = (const struct deed *)arg;
	struct slip_robust_mutex *second = &u.m[d->wants];
	int rc = come(&u);

	if (!rc)
		rc = slip_robust_mutex_lock(&u.m[d->has]);
	if (rc)
		return 90;
	if (d->unreported && slip_robust_mutex_report(second, NULL))
		return 91;
	/* stat: read after the pipe */
	slip_a32_store_relaxed(&u.words->id[d->has], u.self.id);
	actor_ready();
	/* hint */
	while (!slip_a32_load_relaxed(&u.words->go))
		sched_yield();
	rc = d->patience_ns ? slip_robust_mutex_lock_until(
				      second, slip_after_ns(d->patience_ns))
			    : slip_robust_mutex_lock(second);
	note(&u, d->has, rc);
	if (d->keep)
		for (;;)
			pause();
	if (rc == -EOWNERDEAD && slip_robust_mutex_consistent(second))
		return 92;
	if ((rc == 0 || rc == -EOWNERDEAD) && slip_robust_mutex_unlock(second))
		return 93;
	return slip_robust_mutex_unlock(&u.m[d->has]) ? 94 : 0;
}

static void start(struct actor *a, struct deed d)
{
	cr_assert(actor_start(a, do_deed, &d));
}

static void go(void)
{
	slip_a32_store_relaxed(&me.words->go, 1); /* hint */
}

static int result(unsigned who)
{
	return (int)slip_a32_load_relaxed(&me.words->rc[who]); /* stat */
}

static uint32_t id_of(unsigned who)
{
	return slip_a32_load_relaxed(&me.words->id[who]); /* stat */
}

/* The one who holds `first`, then who holds what that one waits for ... */
static void expect_circle(unsigned first, unsigned n)
{
	/* stat: all */
	cr_assert_eq(slip_a32_load_relaxed(&me.words->n[first]), n);
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(slip_a32_load_relaxed(&me.words->ids[first][i]),
			     id_of((first + i) % n), "member %u of the circle",
			     i);
}

/* Each has lock i and wants the next one. */
static void circle(unsigned n)
{
	struct actor a[LOCKS];
	unsigned told = 0;

	begin();
	for (unsigned i = 0; i < n; i++)
		start(&a[i], (struct deed){ .has = i, .wants = (i + 1) % n });
	go();
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	for (unsigned i = 0; i < n; i++) {
		if (result(i) == -EDEADLK) {
			told++;
			expect_circle(i, n);
		} else {
			cr_assert_eq(result(i), 0);
			cr_assert_eq(slip_a32_load_relaxed(&me.words->n[i]),
				     0u); /* stat */
		}
	}
	cr_assert_geq(told, 1u, "at least one is told");
	cr_assert_lt(told, n + 1);
}

Test(deadlock, of_two_processes_is_told)
{
	circle(2);
}

Test(deadlock, of_three_processes_is_told)
{
	circle(3);
}

Test(deadlock, of_five_processes_is_told)
{
	circle(5);
}

Test(deadlock, a_chain_is_none)
{
	struct user *u = &(struct user){ 0 };
	struct actor a[3];

	begin();
	/* 0 waits for 1, 1 for 2, 2 for 3, which is ours. */
	cr_assert_eq(slip_robust_mutex_lock(&me.m[3]), 0);
	for (unsigned i = 0; i < 3; i++)
		start(&a[i], (struct deed){ .has = i, .wants = i + 1 });
	go();
	for (unsigned i = 0; i < 3; i++) {
		uint32_t id = id_of(i);
		uint64_t deadline = slip_after_ns(PATIENCE_NS);

		/* All have announced it, so all have looked or are about to. */
		while (!(slip_a64_load_relaxed(
				 slip_deadlock_wait_(&me.rg, id)) >> /* stat */
			 21)) {
			cr_assert_lt(slip_now_ns(), deadline, "not announced");
			sched_yield();
		}
	}
	/* Five of our slices, in which they look too; ours is a chain of one. */
	cr_assert_eq(come(u), 0);
	cr_assert_eq(slip_robust_mutex_lock(&u->m[4]), 0);
	cr_assert_eq(
		slip_robust_mutex_lock_until(&me.m[4], slip_after_ns(30 * MS)),
		-ETIMEDOUT);
	cr_assert_eq(slip_a32_load_relaxed(&me.words->told), 0u); /* stat */
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[3]), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(result(i), 0);
}

/* We have 3, and want 0: a chain of three others leads back to us. */
static void close_by(int (*lock)(struct slip_robust_mutex *m), int expect,
		     struct deed last)
{
	struct actor a[3];
	int rc = 0;

	begin();
	cr_assert_eq(slip_robust_mutex_lock(&me.m[3]), 0);
	for (unsigned i = 0; i < 2; i++)
		start(&a[i], (struct deed){ .has = i, .wants = i + 1 });
	start(&a[2], last);
	go();
	for (unsigned i = 0; i < 3; i++)
		until_asleep(a[i].pid);
	rc = lock(&me.m[0]);
	cr_assert_eq(rc, expect, "lock says %d", rc);
	cr_assert_eq(waits_for(&me), 0u, "our wait is withdrawn");
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[3]), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
}

static int with_patience(struct slip_robust_mutex *m)
{
	return slip_robust_mutex_lock_until(m, slip_after_ns(200 * MS));
}

Test(deadlock, who_has_a_deadline_is_told_too)
{
	uint32_t ids[2] = { 0, 0 };

	close_by(with_patience, -EDEADLK,
		 (struct deed){ .has = 2, .wants = 3 });
	cr_assert_eq(slip_deadlock_cycle(&me.d, ids, 2), 4u);
	cr_assert_eq(ids[0], me.self.id);
	cr_assert_eq(ids[1], id_of(0));
	cr_assert_eq(wait_word(&me), 0u, "and has announced nothing");
}

static int within_a_moment(struct slip_robust_mutex *m)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	int rc;

	/* The others announce when their slice is over. */
	do
		rc = slip_robust_mutex_lock_until(m, slip_now_ns());
	while (rc == -ETIMEDOUT && slip_now_ns() < deadline);
	return rc;
}

Test(deadlock, a_deadline_shorter_than_a_slice_hides_none)
{
	close_by(within_a_moment, -EDEADLK,
		 (struct deed){ .has = 2, .wants = 3 });
}

Test(deadlock, a_circle_with_a_deadline_in_it_is_none)
{
	/* The last one gives up by itself, long after our 200 ms. */
	close_by(with_patience, -ETIMEDOUT,
		 (struct deed){
			 .has = 2, .wants = 3, .patience_ns = 2000 * MS });
	cr_assert_eq(slip_deadlock_cycle(&me.d, NULL, 0), 0u);
}

Test(deadlock, who_has_not_opted_in_is_not_seen)
{
	close_by(with_patience, -ETIMEDOUT,
		 (struct deed){ .has = 2, .wants = 3, .unreported = true });
}

static int just_try(struct slip_robust_mutex *m)
{
	return slip_robust_mutex_trylock(m);
}

Test(deadlock, trylock_says_busy)
{
	close_by(just_try, -EBUSY, (struct deed){ .has = 2, .wants = 3 });
}

/* --- deaths ---------------------------------------------------------------- */

Test(deadlock, one_killed_in_the_circle_is_inherited_instead)
{
	struct actor a[2];
	uint32_t id;
	uint64_t lock;

	begin();
	start(&a[0], (struct deed){ .has = 0, .wants = 1, .keep = true });
	start(&a[1], (struct deed){ .has = 1, .wants = 2 });
	/* 0 waits for 1 and 1 for 2, which is ours. */
	cr_assert_eq(slip_robust_mutex_lock(&me.m[2]), 0);
	go();
	for (unsigned i = 0; i < 2; i++) {
		uint64_t deadline = slip_after_ns(PATIENCE_NS);

		id = id_of(i);
		while (!(slip_a64_load_relaxed(
				 slip_deadlock_wait_(&me.rg, id)) >> /* stat */
			 21)) {
			cr_assert_lt(slip_now_ns(), deadline, "not announced");
			sched_yield();
		}
	}
	lock = slip_a64_load_relaxed(&me.words->lock[0].word); /* stat */
	cr_assert_eq(actor_kill(&a[0]), -SIGKILL);
	cr_assert(peers_gone(lock >> 4 & 4095, (uint32_t)(lock >> 16)));
	/* The record of the dead one still says that it waits for 1. */
	cr_assert_eq(slip_deadlock_look_(
			     &me.d,
			     slip_deadlock_at_(&me.d, &me.words->lock[0].word),
			     true),
		     0);
	slip_deadlock_retract_(&me.d);
	cr_assert_eq(slip_robust_mutex_lock(&me.m[0]), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m[0]), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[0]), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[2]), 0);
	cr_assert_eq(actor_wait(&a[1]), 0);
	cr_assert_eq(result(1), 0);
}

Test(deadlock, the_next_of_that_id_does_not_wait_for_what_the_dead_one_did)
{
	struct user *u = &(struct user){ 0 };
	uint64_t at;

	begin();
	at = slip_deadlock_at_(&me.d, &me.words->lock[2].word);
	/* As if a member of the id that comes next had died in a wait. */
	slip_a64_store_relaxed(slip_deadlock_wait_(&me.rg, me.self.id + 1),
			       at >> 3 << 21 | 7); /* init */
	cr_assert_eq(come(u), 0);
	cr_assert_eq(u->self.id, me.self.id + 1);
	cr_assert_eq(wait_word(u), 7u, "the number goes on");
	cr_assert_eq(slip_robust_mutex_lock(&u->m[1]), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m[2]), 0);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m[1], 0), -ETIMEDOUT);
	/* One that reports nothing: what the dead one left stays, in vain. */
	slip_a64_store_relaxed(slip_deadlock_wait_(&me.rg, u->self.id),
			       at >> 3 << 21 | 7); /* init */
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m[1], 0), -EDEADLK,
		     "its own");
	slip_a64_store_relaxed(slip_deadlock_gen_(&me.rg, u->self.id),
			       u->self.gen - 1); /* init */
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m[1], 0), -ETIMEDOUT,
		     "another's");
}

/* --- one member ------------------------------------------------------------ */

Test(deadlock, with_oneself_is_a_circle_of_one)
{
	struct slip_robust_mutex second;
	uint32_t ids[2] = { 0, 0 };

	begin();
	cr_assert_eq(slip_robust_mutex_attach(&second, &me.words->lock[0],
					      &me.self, 0),
		     0);
	cr_assert_eq(slip_robust_mutex_report(&second, &me.d), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m[0]), 0);
	cr_assert_eq(slip_robust_mutex_lock(&second), -EDEADLK);
	cr_assert_eq(slip_deadlock_cycle(&me.d, ids, 2), 1u);
	cr_assert_eq(ids[0], me.self.id);
	cr_assert_eq(ids[1], 0u);
	/* A lock that does not wait leaves the report; one that waits ends it. */
	cr_assert_eq(slip_robust_mutex_lock(&me.m[1]), 0);
	cr_assert_eq(slip_deadlock_cycle(&me.d, ids, 2), 1u);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[0]), 0);
	cr_assert_eq(slip_robust_mutex_lock(&second), 0);
}

Test(deadlock, only_one_wait_of_a_member_is_announced)
{
	struct slip_deadlock other;
	uint64_t first, second;

	begin();
	cr_assert_eq(slip_deadlock_init(&other, &me.self), 0);
	first = slip_deadlock_at_(&me.d, &me.words->lock[0].word);
	second = slip_deadlock_at_(&me.d, &me.words->lock[1].word);
	cr_assert_neq(first, 0u);
	slip_deadlock_announce_(&me.d, first);
	cr_assert_eq(waits_for(&me), first);
	slip_deadlock_announce_(&other, second);
	cr_assert_eq(waits_for(&me), first);
	slip_deadlock_retract_(&other);
	cr_assert_eq(waits_for(&me), first, "what it has not announced");
	slip_deadlock_retract_(&me.d);
	cr_assert_eq(waits_for(&me), 0u);
	slip_deadlock_announce_(&other, second);
	cr_assert_eq(wait_word(&me), second >> 3 << 21 | 2, "the second");
	slip_deadlock_retract_(&other);
	cr_assert_eq(wait_word(&me), 2u);
	slip_a64_store_relaxed(slip_deadlock_wait_(&me.rg, me.self.id),
			       SLIP_DEADLOCK_NUMBERS_); /* init */
	slip_deadlock_announce_(&other, second);
	cr_assert_eq(wait_word(&me), second >> 3 << 21, "the numbers go round");
}

Test(deadlock, an_uncontended_pair_costs_no_system_call_and_tells_nobody)
{
	uint64_t before;

	begin();
	before = wait_word(&me);
	hook_watch(HOOK_ANY);
	cr_assert_eq(slip_robust_mutex_lock(&me.m[0]), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m[0]), 0);
	cr_assert_eq(hook_calls(), 0u);
	cr_assert_eq(wait_word(&me), before);
}

/* --- errors and damage ----------------------------------------------------- */

static int use_inherited(void *arg)
{
	struct slip_deadlock d;

	(void)arg;
	return slip_deadlock_init(&d, &me.self) == -ECHILD ? 0 : 1;
}

Test(deadlock, errors)
{
	struct slip_robust_mutex_shared *apart;
	struct slip_robust_mutex m;
	struct slip_deadlock d;
	struct user *u = &(struct user){ 0 };
	struct slip_peer none;

	begin();
	slip_peer_prepare(&none, &me.rg);
	cr_assert_eq(slip_deadlock_init(&d, &none), -EINVAL);
	cr_assert_eq(actor_run(use_inherited, NULL), 0);
	cr_assert_eq(come(u), 0);
	cr_assert_eq(slip_robust_mutex_report(&me.m[0], &u->d), -EINVAL,
		     "another's");
	cr_assert_eq(
		slip_robust_mutex_attach(&m, &u->words->lock[0], &me.self, 0),
		0);
	cr_assert_eq(slip_robust_mutex_report(&m, &me.d), -EINVAL,
		     "in another mapping");
	apart = malloc(sizeof(*apart));
	cr_assert_eq(slip_robust_mutex_init(apart, 0), 0);
	cr_assert_eq(slip_robust_mutex_attach(&m, apart, &me.self, 0), 0);
	cr_assert_eq(slip_robust_mutex_report(&m, &me.d), -EINVAL, "in none");
	free(apart);
	/* A handle that outlives its membership. */
	d = me.d;
	slip_peer_leave(&me.self);
	cr_assert_eq(slip_peer_join(&me.self, &me.rg), 0);
	cr_assert_eq(
		slip_robust_mutex_attach(&m, &me.words->lock[0], &me.self, 0),
		0);
	cr_assert_eq(slip_robust_mutex_report(&m, &d), -EINVAL);
	cr_assert_eq(slip_deadlock_init(&d, &me.self), 0);
	cr_assert_eq(slip_robust_mutex_report(&m, &d), 0);
	cr_assert_eq(slip_robust_mutex_report(&m, NULL), 0);
	d.rg = &peers_rg;
	cr_assert_eq(slip_robust_mutex_report(&m, &d), -EINVAL,
		     "of the same names in another region");
	slip_region_close(&me.rg);
	cr_assert_eq(slip_deadlock_init(&d, &me.self), -EINVAL);
}

static bool is_lock(uint64_t at)
{
	void *word = (void *)((uintptr_t)me.rg.mem + at);
	uint64_t found = slip_deadlock_at_(&me.d, word);

	cr_assert(found == 0 || found == at);
	return found != 0;
}

Test(deadlock, a_lock_is_a_whole_word_behind_the_header)
{
	begin();
	cr_assert_not(is_lock(0));
	cr_assert_not(is_lock(me.rg.header_bytes - 8));
	cr_assert(is_lock(me.rg.header_bytes));
	cr_assert_not(is_lock(me.rg.header_bytes + 4));
	cr_assert(is_lock(me.rg.header_bytes + 8));
	cr_assert(is_lock(me.rg.bytes - 8));
	cr_assert_not(is_lock(me.rg.bytes));
	cr_assert_not(is_lock(-UINT64_C(8)));
}

Test(deadlock, records_and_words_that_cannot_be_end_the_walk)
{
	const uint64_t owner = SLIP_ROBUST_MUTEX_HELD_;
	struct slip_robust_mutex behind;
	slip_a64 *lock, *wait, *last;
	uint64_t at, end;

	begin();
	lock = &me.words->lock[0].word;
	at = slip_deadlock_at_(&me.d, lock);
	wait = slip_deadlock_wait_(&me.rg, 16);
	end = me.rg.bytes;
	cr_assert_eq(at, me.rg.header_bytes);
	/* init: all of them */
	slip_a64_store_relaxed(lock, owner | slip_peer_tag_(4095, 1));
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
	slip_a64_store_relaxed(lock, owner | slip_peer_tag_(17, 1));
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
	/* One that lives, as there is no oracle to say that 16 does not. */
	slip_a64_store_relaxed(lock, owner | slip_peer_tag_(16, 1));
	slip_a64_store_relaxed(slip_deadlock_gen_(&me.rg, 16), 1);
	for (uint64_t bad = 0; bad < 3; bad++) {
		const uint64_t offsets[] = { 8, end, UINT64_C(1) << 46 };

		slip_a64_store_relaxed(wait, offsets[bad] >> 3 << 21);
		cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
	}
	/* Just so, at the end of the region: a word of nobody's, then ours. */
	slip_a64_store_relaxed(wait, (end - 8) >> 3 << 21);
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
	last = (void *)(me.rg.mem + end - 8);
	slip_a64_store_relaxed(last,
			       owner | slip_peer_tag_(me.self.id, me.self.gen));
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, false), 2u);
	slip_a64_store_relaxed(last, 0);
	/* A circle that does not come by us: it is not walked for ever, nor
	 * written down beyond the handle. */
	behind = me.m[0];
	slip_a64_store_relaxed(wait, at >> 3 << 21);
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
	cr_assert_eq(memcmp(&behind, &me.m[0], sizeof(behind)), 0);
	/* One that does, and that the oracle does not confirm. */
	slip_a64_store_relaxed(wait, (at + 32) >> 3 << 21);
	slip_a64_store_relaxed(&me.words->lock[1].word,
			       owner | slip_peer_tag_(me.self.id, me.self.gen));
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, false), 2u);
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0, "16 never was");
	/* The other way round, so that it waits for the first word there is. */
	slip_a64_store_relaxed(&me.words->lock[1].word,
			       owner | slip_peer_tag_(16, 1));
	slip_a64_store_relaxed(lock,
			       owner | slip_peer_tag_(me.self.id, me.self.gen));
	slip_a64_store_relaxed(wait, at >> 3 << 21);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at + 32, false), 2u);
}

Test(deadlock, a_circle_that_changed_between_two_looks_is_none)
{
	struct user *u = &(struct user){ 0 };
	slip_a64 *wait;
	uint64_t at, seen;

	begin();
	cr_assert_eq(come(u), 0);
	at = slip_deadlock_at_(&me.d, &me.words->lock[0].word);
	cr_assert_eq(slip_robust_mutex_lock(&u->m[0]), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m[1]), 0);
	slip_deadlock_announce_(&u->d, at + 32);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, false), 2u);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, true), 2u);
	/* The same wait with the next number. */
	slip_deadlock_retract_(&u->d);
	slip_deadlock_announce_(&u->d, at + 32);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, true), 0u);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, false), 2u);
	/* The same owner in another state. */
	slip_a64_fetch_add_relaxed(&me.words->lock[0].word, 1); /* init */
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, true), 0u);
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, false), 2u);
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), -EDEADLK);
	wait = slip_deadlock_wait_(&me.rg, u->self.id);
	seen = slip_a64_load_relaxed(wait);			     /* stat */
	slip_a64_store_relaxed(wait, seen & SLIP_DEADLOCK_NUMBERS_); /* init */
	cr_assert_eq(slip_deadlock_walk_(&me.d, at, true), 0u);
	cr_assert_eq(slip_deadlock_look_(&me.d, at, false), 0);
}
