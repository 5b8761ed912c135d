/* SPDX-License-Identifier: MIT */
/*
 * futex/robust_mutex.h: every row of its state table, and every death, between
 * processes that have it at different addresses.
 */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/robust_mutex.h"
#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define ROUNDS 2000u
#define HELD   SLIP_ROBUST_MUTEX_HELD_
#define UNSURE SLIP_ROBUST_MUTEX_UNSURE_
#define BROKEN SLIP_ROBUST_MUTEX_BROKEN_

/* The object that all share; `sum` is plain. */
struct words {
	struct slip_robust_mutex_shared lock;
	uint64_t sum;
};

/* One who uses it, with a mapping of its own. */
struct user {
	struct slip_region rg;
	struct slip_peer self;
	struct words *words;
	struct slip_robust_mutex m;
};

static struct user me;

static int come(struct user *u, unsigned flags)
{
	int rc = peers_open(&u->rg);

	if (!rc)
		rc = slip_peer_join(&u->self, &u->rg);
	if (rc)
		return rc;
	u->words = slip_region_find(&u->rg, "words", PEERS_KIND, NULL);
	return slip_robust_mutex_attach(&u->m, &u->words->lock, &u->self,
					flags);
}

/* A region, a mutex in it, and one user. */
static void begin(unsigned mode, unsigned flags)
{
	struct words *w;

	cr_assert_eq(peers_make(16), 0);
	w = slip_region_find(&peers_rg, "words", PEERS_KIND, NULL);
	cr_assert_eq(slip_robust_mutex_init(&w->lock, mode), 0);
	cr_assert_eq(come(&me, flags), 0);
}

static uint64_t word(void)
{
	return slip_a64_load_relaxed(&me.words->lock.word); /* stat */
}

static void set_word(uint64_t value)
{
	slip_a64_store_relaxed(&me.words->lock.word, value); /* init */
}

static uint64_t soon(void)
{
	return slip_after_ns(30 * MS);
}

/* --- another process ------------------------------------------------------- */

/* What a member does before it stays, or goes. */
struct deed {
	unsigned flags;
	bool wait; /* ready before it locks */
	int expect;
	int (*then)(struct user *u);
};

static int do_deed(void *arg)
{
	static struct user u;
	const struct deed *d = (const struct deed *)arg;
	int rc = come(&u, d->flags);

	if (rc)
		return 90;
	peers_tell(&u.self);
	if (d->wait)
		actor_ready();
	rc = slip_robust_mutex_lock(&u.m);
	if (rc != d->expect)
		return 91;
	return d->then(&u);
}

static int stay(struct user *u)
{
	(void)u;
	actor_stay();
}

static int give_back(struct user *u)
{
	return slip_robust_mutex_unlock(&u->m) ? 92 : 0;
}

static int repair_and_give_back(struct user *u)
{
	return slip_robust_mutex_consistent(&u->m) ? 93 : give_back(u);
}

static int repair_and_stay(struct user *u)
{
	return slip_robust_mutex_consistent(&u->m) ? 93 : stay(u);
}

static int just_go(struct user *u)
{
	(void)u;
	return 0;
}

static int leave_and_stay(struct user *u)
{
	slip_peer_leave(&u->self);
	if (slip_robust_mutex_unlock(&u->m) != -EINVAL)
		return 94;
	return stay(u);
}

static int become_another_program(struct user *u)
{
	(void)u;
	actor_ready();
	execl("/bin/sleep", "sleep", "100", (char *)NULL);
	return 95;
}

/* One that has the lock, dead or alive, when this returns. */
static void start_holder(struct actor *a, int expect,
			 int (*then)(struct user *))
{
	struct deed d = { 0, false, expect, then };

	cr_assert(actor_start(a, do_deed, &d));
}

/* One that sleeps in lock. */
static void start_sleeper(struct actor *a, int expect,
			  int (*then)(struct user *))
{
	struct deed d = { 0, true, expect, then };

	cr_assert(actor_start(a, do_deed, &d));
	until_asleep(a->pid);
}

static void kill_holder(struct actor *a)
{
	uint64_t seen = word();

	cr_assert_eq(actor_kill(a), -SIGKILL);
	cr_assert(peers_gone(seen >> 4 & 4095, (uint32_t)(seen >> 16)));
}

/* A mutex whose owner is dead. */
static void begin_after_death(unsigned flags)
{
	struct actor a;

	begin(SLIP_EVENT_AUTO, flags);
	start_holder(&a, 0, stay);
	kill_holder(&a);
}

/* --- the table, without deaths --------------------------------------------- */

Test(robust_mutex, free_and_held_by_me)
{
	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EPERM);
	cr_assert_eq(word(), 0u);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(word(), HELD | slip_peer_tag_(me.self.id, me.self.gen));
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EDEADLK);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -EDEADLK);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), 0u);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
}

Test(robust_mutex, held_by_another)
{
	struct user other;

	begin(SLIP_EVENT_FULL, 0);
	cr_assert_eq(come(&other, 0), 0);
	cr_assert_neq(other.words, me.words);
	cr_assert_eq(slip_robust_mutex_lock(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -ETIMEDOUT);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EPERM);
	cr_assert_eq(slip_robust_mutex_unlock(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
}

Test(robust_mutex, handles_of_one_member_exclude_each_other)
{
	struct slip_robust_mutex second;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(slip_robust_mutex_attach(&second, &me.words->lock,
					      &me.self,
					      SLIP_ROBUST_MUTEX_RECURSIVE),
		     0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&second), -EBUSY);
	cr_assert_eq(slip_robust_mutex_unlock(&second), -EPERM);
	cr_assert_eq(slip_robust_mutex_lock_until(&second, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&second), 0);
}

Test(robust_mutex, recursive_is_given_back_as_often)
{
	struct user other;

	begin(SLIP_EVENT_AUTO, SLIP_ROBUST_MUTEX_RECURSIVE);
	cr_assert_eq(come(&other, SLIP_ROBUST_MUTEX_RECURSIVE), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_robust_mutex_trylock(&other.m), -EBUSY);
		cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	}
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_robust_mutex_trylock(&other.m), 0);
}

Test(robust_mutex, too_deep_is_refused_and_changes_nothing)
{
	begin(SLIP_EVENT_AUTO, SLIP_ROBUST_MUTEX_RECURSIVE);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	me.m.depth = UINT32_MAX - 1;
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EAGAIN);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EAGAIN);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(me.m.depth, UINT32_MAX - 1);
	cr_assert_neq(word(), 0u);
}

Test(robust_mutex, deadlines)
{
	struct user other;
	uint64_t deadline;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(come(&other, 0), 0);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), 0, "free is free");
	deadline = soon();
	cr_assert_eq(KERNEL(slip_robust_mutex_lock_until(&other.m, deadline)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	hook_watch(SYS_futex);
	cr_assert_eq(slip_robust_mutex_lock_until(&other.m, 1), -ETIMEDOUT);
	cr_assert_eq(hook_calls(), 0u, "past: it does not sleep");
}

Test(robust_mutex, an_uncontended_pair_makes_no_system_call)
{
	begin(SLIP_EVENT_AUTO, 0);
	hook_watch(HOOK_ANY);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(hook_calls(), 0u);
}

/* --- making and attaching -------------------------------------------------- */

Test(robust_mutex, init_takes_bytes_of_any_content)
{
	struct slip_robust_mutex_shared s;
	struct slip_robust_mutex m;

	memset(&s, 0xa5, sizeof(s));
	cr_assert_eq(slip_robust_mutex_attach(&m, &s, NULL, 0), -EBADMSG);
	cr_assert_eq(slip_robust_mutex_init(&s, SLIP_EVENT_FULL), 0);
	cr_assert_eq(s.reserved, 0u);
	cr_assert_eq(slip_robust_mutex_attach(&m, &s, NULL, 0), 0);
	cr_assert_eq(m.waiter.mode, SLIP_EVENT_FULL);
	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&m), 0);
}

Test(robust_mutex, errors_of_init)
{
	struct slip_robust_mutex_shared s;
	struct slip_robust_mutex m;

	memset(&s, 0, sizeof(s));
	cr_assert_eq(slip_robust_mutex_init(&s, SLIP_EVENT_RMW), -EINVAL);
	cr_assert_eq(slip_robust_mutex_init(&s, 4), -EINVAL);
	hook_fail(SYS_membarrier, 0, EPERM);
	cr_assert_eq(slip_robust_mutex_init(&s, SLIP_EVENT_ASYM), -EPERM);
	cr_assert_eq(slip_robust_mutex_attach(&m, &s, NULL, 0), -EBADMSG,
		     "none was made");
	cr_assert_eq(slip_robust_mutex_init(&s, SLIP_EVENT_AUTO), 0);
	cr_assert_eq(slip_robust_mutex_attach(&m, &s, NULL, 0), 0);
	cr_assert_eq(m.waiter.mode, SLIP_EVENT_FULL);
	hook_off();
	if (slip_event_choose(SLIP_EVENT_ASYM) < 0)
		return; /* this kernel refuses membarrier */
	cr_assert_eq(slip_robust_mutex_init(&s, SLIP_EVENT_ASYM), 0);
	hook_fail(SYS_membarrier, 0, EPERM);
	cr_assert_eq(slip_robust_mutex_attach(&m, &s, NULL, 0), -EPERM);
}

Test(robust_mutex, errors_of_attach)
{
	static const uint32_t no_modes[] = { SLIP_EVENT_AUTO, SLIP_EVENT_RMW, 4,
					     UINT32_MAX };
	struct slip_robust_mutex m;
	struct slip_robust_mutex_shared *s;
	struct slip_peer none;

	begin(SLIP_EVENT_FULL, 0);
	s = &me.words->lock;
	cr_assert_eq(slip_robust_mutex_attach(&m, s, &me.self, 2), -EINVAL);
	slip_peer_prepare(&none, &me.rg);
	cr_assert_eq(slip_robust_mutex_attach(&m, s, &none, 0), -EINVAL);
	for (int i = 0; i < 4; i++) {
		/* init */
		slip_a32_store_relaxed(&s->mode, no_modes[i]);
		cr_assert_eq(slip_robust_mutex_attach(&m, s, &me.self, 0),
			     -EBADMSG);
	}
	slip_a32_store_relaxed(&s->mode, SLIP_EVENT_FULL); /* init */
	for (int bit = 0; bit < 32; bit += 31) {
		/* init */
		slip_a32_store_relaxed(&s->magic,
				       SLIP_ROBUST_MUTEX_MAGIC_ ^ 1u << bit);
		cr_assert_eq(slip_robust_mutex_attach(&m, s, &me.self, 0),
			     -EBADMSG);
	}
	slip_region_close(&me.rg);
	cr_assert_eq(slip_robust_mutex_attach(&m, s, &me.self, 0), -EINVAL);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EINVAL);
}

static int use_inherited(void *arg)
{
	struct slip_robust_mutex other;

	(void)arg;
	if (slip_robust_mutex_lock(&me.m) != -ECHILD ||
	    slip_robust_mutex_trylock(&me.m) != -ECHILD ||
	    slip_robust_mutex_lock_until(&me.m, 0) != -ECHILD ||
	    slip_robust_mutex_consistent(&me.m) != -ECHILD ||
	    slip_robust_mutex_unlock(&me.m) != -ECHILD)
		return 1;
	return slip_robust_mutex_attach(&other, &me.words->lock, &me.self, 0) ==
			       -ECHILD
		       ? 0
		       : 2;
}

Test(robust_mutex, a_fork_child_is_refused)
{
	uint64_t before;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(actor_run(use_inherited, NULL), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	before = word();
	cr_assert_eq(actor_run(use_inherited, NULL), 0, "nor one that has it");
	cr_assert_eq(word(), before);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
}

Test(robust_mutex, a_handle_does_not_outlive_its_membership)
{
	struct slip_region elsewhere;
	struct slip_peer there;
	struct user other;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(come(&other, 0), 0);
	slip_peer_leave(&me.self);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -EINVAL);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EINVAL);
	/* Who has the same names in another region. */
	cr_assert_eq(slip_region_create(&elsewhere, 4096, SLIP_REGION_MEMFD),
		     0);
	cr_assert_eq(slip_region_publish(&elsewhere, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&me.self, &elsewhere), 0);
	there = me.self;
	me.self.id = SLIP_CAST(uint32_t, me.m.mine >> 4) & 0xfff;
	me.self.gen = SLIP_CAST(uint32_t, me.m.mine >> 16);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EINVAL);
	me.self = there;
	slip_peer_leave(&me.self);
	slip_region_close(&elsewhere);
	/* The same id again, and another member. */
	cr_assert_eq(slip_peer_join(&me.self, &me.rg), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EINVAL);
	cr_assert_eq(
		slip_robust_mutex_attach(&me.m, &me.words->lock, &me.self, 0),
		0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&other.m), -EBUSY);
}

/* --- damage ---------------------------------------------------------------- */

Test(robust_mutex, a_word_that_cannot_be_counts_as_broken)
{
	uint64_t tag;

	begin(SLIP_EVENT_AUTO, 0);
	tag = slip_peer_tag_(me.self.id, me.self.gen);
	for (uint64_t state = 3; state < 16; state++) {
		set_word(state);
		cr_assert_eq(slip_robust_mutex_trylock(&me.m),
			     -ENOTRECOVERABLE);
		set_word(tag | state);
		cr_assert_eq(slip_robust_mutex_lock(&me.m), -ENOTRECOVERABLE);
	}
	set_word(tag);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -ENOTRECOVERABLE,
		     "free, with an owner");
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
}

Test(robust_mutex, nobody_knows_an_owner_that_cannot_be)
{
	begin(SLIP_EVENT_AUTO, 0);
	set_word(HELD);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	set_word(HELD | slip_peer_tag_(4095, 1));
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -ETIMEDOUT);
	set_word(HELD | slip_peer_tag_(9, 1)); /* who never was */
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EOWNERDEAD);
}

/* --- deaths ---------------------------------------------------------------- */

Test(robust_mutex_death, is_told_once)
{
	struct user other;

	begin_after_death(0);
	cr_assert_eq(come(&other, 0), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(word(), UNSURE | slip_peer_tag_(me.self.id, me.self.gen));
	cr_assert_eq(slip_robust_mutex_trylock(&other.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EDEADLK);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(word(), HELD | slip_peer_tag_(me.self.id, me.self.gen));
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_consistent(&other.m), -EINVAL);
	cr_assert_eq(slip_robust_mutex_unlock(&other.m), 0);
}

Test(robust_mutex_death, trylock_and_a_past_deadline_hear_of_it)
{
	begin_after_death(0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EOWNERDEAD);
	set_word(HELD | slip_peer_tag_(2, 1));
	me.m.depth = 0;
	me.m.unsure = false;
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, 0), -EOWNERDEAD);
}

Test(robust_mutex_death, an_heir_that_is_too_late_waits)
{
	struct user other;
	uint64_t dead;

	begin_after_death(0);
	cr_assert_eq(come(&other, 0), 0);
	dead = word();
	cr_assert_eq(slip_robust_mutex_lock(&other.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_inherit_(&me.m, dead), 0);
	cr_assert_not(me.m.unsure);
	cr_assert_eq(slip_robust_mutex_consistent(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_inherit_(&me.m, dead), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
}

Test(robust_mutex_death, given_back_unrepaired_it_is_broken_for_ever)
{
	struct user other;

	begin_after_death(0);
	cr_assert_eq(come(&other, 0), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), BROKEN);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -ENOTRECOVERABLE);
	cr_assert_eq(slip_robust_mutex_lock(&other.m), -ENOTRECOVERABLE);
	cr_assert_eq(slip_robust_mutex_trylock(&other.m), -ENOTRECOVERABLE);
	cr_assert_eq(slip_robust_mutex_lock_until(&other.m, 0),
		     -ENOTRECOVERABLE);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), -EPERM);
	cr_assert_eq(word(), BROKEN);
}

Test(robust_mutex_death, recursive_heirs_repair_at_any_depth)
{
	begin_after_death(SLIP_ROBUST_MUTEX_RECURSIVE);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(word() & 15, (uint64_t)UNSURE, "not broken yet");
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), 0u);
}

Test(robust_mutex_death, reaches_one_that_sleeps)
{
	struct actor owner, heir;

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&owner, 0, stay);
	start_sleeper(&heir, -EOWNERDEAD, repair_and_give_back);
	kill_holder(&owner);
	cr_assert_eq(actor_wait(&heir), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
}

/* Two that may inherit: one does, the other gets a mutex in order. */
static int inherit_or_not(void *arg)
{
	static struct user u;
	int rc = come(&u, 0);

	(void)arg;
	if (rc)
		return 90;
	actor_ready();
	rc = slip_robust_mutex_lock(&u.m);
	if (rc == -EOWNERDEAD)
		return repair_and_give_back(&u) ? 93 : 1;
	return rc || give_back(&u) ? 94 : 0;
}

Test(robust_mutex_death, has_one_heir_among_those_who_sleep)
{
	struct actor owner, heir[3];
	int heirs = 0;

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&owner, 0, stay);
	for (int i = 0; i < 3; i++) {
		cr_assert(actor_start(&heir[i], inherit_or_not, NULL));
		until_asleep(heir[i].pid);
	}
	kill_holder(&owner);
	for (int i = 0; i < 3; i++) {
		int status = actor_wait(&heir[i]);

		cr_assert_lt(status, 2, "status %d", status);
		heirs += status;
	}
	cr_assert_eq(heirs, 1);
	cr_assert_eq(word(), 0u);
}

Test(robust_mutex_death, broken_reaches_all_who_sleep)
{
	struct actor owner, sleeper[3];

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&owner, 0, stay);
	kill_holder(&owner);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	for (int i = 0; i < 3; i++)
		start_sleeper(&sleeper[i], -ENOTRECOVERABLE, just_go);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&sleeper[i]), 0);
}

Test(robust_mutex_death, of_the_heir_is_told_too)
{
	struct actor heir;

	begin_after_death(0);
	start_holder(&heir, -EOWNERDEAD, stay);
	cr_assert_eq(word() & 15, (uint64_t)UNSURE);
	kill_holder(&heir);
	start_holder(&heir, -EOWNERDEAD, repair_and_stay);
	cr_assert_eq(word() & 15, (uint64_t)HELD);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	kill_holder(&heir);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
}

Test(robust_mutex_death, is_not_stopping)
{
	struct actor a;
	int status;

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&a, 0, stay);
	cr_assert_eq(kill(a.pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(a.pid, &status, WUNTRACED), a.pid);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
	cr_assert_eq(kill(a.pid, SIGCONT), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	kill_holder(&a);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
}

Test(robust_mutex_death, is_leaving_with_the_lock)
{
	struct actor a;

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&a, 0, leave_and_stay);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
}

Test(robust_mutex_death, is_exec_and_exit)
{
	struct actor a;
	uint64_t seen;

	begin(SLIP_EVENT_AUTO, 0);
	start_holder(&a, 0, become_another_program);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(waitpid(a.pid, NULL, WNOHANG), 0, "though it lives");
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_not(actor_start(&a, do_deed,
				  &(struct deed){ 0, false, 0, just_go }));
	cr_assert_eq(actor_wait(&a), 0);
	seen = word();
	cr_assert_neq(seen, 0u);
	cr_assert(peers_gone(seen >> 4 & 4095, (uint32_t)(seen >> 16)));
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
}

static int no_words(struct slip_peer *self, void *mem, size_t bytes,
		    uint32_t id, uint32_t gen)
{
	(void)self;
	(void)mem;
	(void)bytes;
	(void)id;
	(void)gen;
	return 0;
}

Test(robust_mutex_death, is_not_that_of_the_next_with_the_same_id)
{
	struct user other;
	uint32_t id;

	begin_after_death(0);
	id = word() >> 4 & 4095;
	cr_assert_eq(slip_peer_hook(&me.self, PEERS_KIND, no_words), 0);
	cr_assert_eq(slip_peer_recover(&me.self), 1);
	cr_assert_eq(come(&other, 0), 0);
	cr_assert_eq(other.self.id, id);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&other.m), 0);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY, "alive");
}

Test(robust_mutex_death, without_self_nobody_sees_it_and_nobody_is_seen)
{
	struct slip_robust_mutex blind;

	begin_after_death(0);
	cr_assert_eq(slip_robust_mutex_attach(&blind, &me.words->lock, NULL, 0),
		     0);
	cr_assert_eq(slip_robust_mutex_trylock(&blind), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&blind, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_robust_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_robust_mutex_lock(&blind), 0);
	cr_assert_eq(slip_robust_mutex_lock(&blind), -EDEADLK);
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_robust_mutex_unlock(&blind), 0);
}

Test(robust_mutex_death, of_a_sleeper_takes_nobodys_turn_for_ever)
{
	struct actor first, second;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	start_sleeper(&first, 0, give_back);
	start_sleeper(&second, 0, give_back);
	/* Stopped, it is still the first in the queue. */
	cr_assert_eq(kill(first.pid, SIGSTOP), 0);
	until_state(first.pid, 'T');
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	cr_assert_eq(actor_wait(&second), 0);
	cr_assert_eq(actor_kill(&first), -SIGKILL);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
}

static int hold_as_init(void *arg)
{
	struct deed d = { 0, false, 0, stay };

	(void)arg;
	return getpid() == 1 ? do_deed(&d) : 78;
}

static int in_a_new_namespace(void *arg)
{
	struct actor init;
	int outer = actor_ready_;

	(void)arg;
	if (unshare(CLONE_NEWPID))
		return 77;
	if (!actor_start(&init, hold_as_init, NULL))
		return actor_wait(&init);
	/* stat: as in peers_tell() */
	slip_a32_store_relaxed(&peers_board->note, (uint32_t)init.pid);
	actor_ready_ = outer;
	actor_stay();
}

Test(robust_mutex_death, is_told_across_pid_namespaces)
{
	struct actor a;
	pid_t init;

	begin(SLIP_EVENT_AUTO, 0);
	if (!actor_start(&a, in_a_new_namespace, NULL)) {
		int rc = actor_wait(&a);

		if (rc == 77)
			cr_skip("may not make a PID namespace");
		cr_assert_eq(rc, 0);
	}
	init = (pid_t)slip_a32_load_relaxed(&peers_board->note); /* stat */
	cr_assert_eq(slip_robust_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_robust_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
	cr_assert_eq(kill(init, SIGKILL), 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
}

/* --- many ------------------------------------------------------------------ */

static int add(struct user *u)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t deadline = i % 2 ? soon() : SLIP_FOREVER;
		int rc = slip_robust_mutex_lock_until(&u->m, deadline);

		while (rc == -ETIMEDOUT)
			rc = slip_robust_mutex_lock(&u->m);
		if (rc == -EOWNERDEAD)
			rc = slip_robust_mutex_consistent(&u->m);
		if (rc)
			return 1;
		u->words->sum++;
		if (slip_robust_mutex_unlock(&u->m))
			return 2;
	}
	return 0;
}

static int add_in_process(void *arg)
{
	static struct user u;

	if (come(&u, 0))
		return 3;
	(void)arg;
	actor_ready();
	return add(&u);
}

static void processes_exclude_each_other(unsigned mode)
{
	struct actor a[4];

	begin(mode, 0);
	cr_assert_eq(slip_robust_mutex_lock(&me.m), 0);
	for (int i = 0; i < 4; i++)
		cr_assert(actor_start(&a[i], add_in_process, NULL));
	cr_assert_eq(me.words->sum, 0u);
	cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	cr_assert_eq(me.words->sum, 4 * (uint64_t)ROUNDS);
	cr_assert_eq(word(), 0u);
}

Test(robust_mutex, processes_exclude_each_other_in_mode_full)
{
	processes_exclude_each_other(SLIP_EVENT_FULL);
}

Test(robust_mutex, processes_exclude_each_other_in_mode_auto)
{
	processes_exclude_each_other(SLIP_EVENT_AUTO);
}

static void *add_in_thread(void *peer)
{
	struct user u = me;

	if (slip_robust_mutex_attach(&u.m, &me.words->lock, peer, 0))
		return peer;
	return add(&u) ? &me : NULL;
}

Test(robust_mutex, threads_of_one_member_exclude_each_other)
{
	pthread_t t[4];
	void *failed;

	begin(SLIP_EVENT_AUTO, 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(
			pthread_create(&t[i], NULL, add_in_thread, &me.self),
			0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(t[i], &failed), 0);
		cr_assert_null(failed);
	}
	cr_assert_eq(me.words->sum, 4 * (uint64_t)ROUNDS);
}

/* Killed anywhere in its rounds, one of two: the other ends all of its own. */
Test(robust_mutex_death, at_any_moment_leaves_it_to_the_next)
{
	struct actor victim, other;

	begin(SLIP_EVENT_AUTO, 0);
	cr_assert_eq(slip_peer_hook(&me.self, PEERS_KIND, no_words), 0);
	for (uint64_t round = 0; round < 40; round++) {
		uint64_t moment;
		int rc;

		cr_assert(actor_start(&victim, add_in_process, NULL));
		cr_assert(actor_start(&other, add_in_process, NULL));
		moment = slip_after_ns(round * 10000);
		while (slip_now_ns() < moment)
			slip_pause();
		(void)actor_kill(&victim);
		cr_assert_eq(actor_wait(&other), 0);
		rc = slip_robust_mutex_lock(&me.m);
		if (rc == -EOWNERDEAD)
			rc = slip_robust_mutex_consistent(&me.m);
		cr_assert_eq(rc, 0);
		cr_assert_eq(slip_robust_mutex_unlock(&me.m), 0);
		cr_assert_eq(word(), 0u);
		cr_assert_geq(slip_peer_recover(&me.self), 0);
	}
}
