/* SPDX-License-Identifier: MIT */
/*
 * futex/pi_mutex.h: its state table, deaths with and without sleepers, thread
 * ids that come back, other namespaces, and that priority is inherited.
 */
#define _GNU_SOURCE
#include "futex/test/script.h"

#include "atomics/test/check.h"
#include "futex/pi_mutex.h"
#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define ROUNDS	1000u
#define DIED	SLIP_FUTEX_PI_DIED
#define WAITERS SLIP_FUTEX_PI_WAITERS
#define TID	SLIP_FUTEX_PI_TID

struct words {
	struct slip_pi_mutex_shared lock;
	uint64_t sum;
};

struct user {
	struct slip_region rg;
	struct slip_peer self;
	struct words *words;
	struct slip_pi_mutex m;
};

static struct user me;

static int come(struct user *u)
{
	int rc = peers_open(&u->rg);

	if (!rc)
		rc = slip_peer_join(&u->self, &u->rg);
	if (rc)
		return rc;
	u->words = slip_region_find(&u->rg, "words", PEERS_KIND, NULL);
	return slip_pi_mutex_attach(&u->m, &u->words->lock, &u->self);
}

static void begin(void)
{
	struct words *w;

	if (!(slip_futex_features() & SLIP_FUTEX_HAS_PI))
		cr_skip("this kernel has no PI futexes");
	cr_assert_eq(peers_make(64), 0);
	w = slip_region_find(&peers_rg, "words", PEERS_KIND, NULL);
	cr_assert_eq(slip_pi_mutex_init(&w->lock), 0);
	cr_assert_eq(come(&me), 0);
}

static uint32_t word(void)
{
	return slip_a32_load_relaxed(&me.words->lock.word); /* stat */
}

static void set_word(uint32_t value)
{
	slip_a32_store_relaxed(&me.words->lock.word, value); /* init */
}

static uint64_t user(unsigned slot)
{
	return slip_a64_load_relaxed(&me.words->lock.users[slot]); /* stat */
}

static void set_user(unsigned slot, uint64_t value)
{
	slip_a64_store_relaxed(&me.words->lock.users[slot], value); /* init */
}

static uint64_t soon(void)
{
	return slip_after_ns(30 * MS);
}

/* Two slots on, a member that never was, with this thread id. */
static uint64_t dead_user(uint32_t tid)
{
	return tid | UINT64_C(60) << 22 | UINT64_C(5) << 35;
}

/* --- other processes ------------------------------------------------------- */

struct deed {
	bool wait; /* ready before it locks */
	int expect;
	int (*then)(struct user *u);
};

static int do_deed(void *arg)
{
	static struct user u;
	const struct deed *d = (const struct deed *)arg;
	int rc = come(&u);

	if (rc)
		return 90;
	peers_tell(&u.self);
	if (d->wait)
		actor_ready();
	rc = slip_pi_mutex_lock(&u.m);
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
	return slip_pi_mutex_unlock(&u->m) ? 92 : 0;
}

static int repair_and_give_back(struct user *u)
{
	return slip_pi_mutex_consistent(&u->m) ? 93 : give_back(u);
}

static int just_go(struct user *u)
{
	(void)u;
	return 0;
}

static void start_holder(struct actor *a, int expect,
			 int (*then)(struct user *))
{
	struct deed d = { false, expect, then };

	cr_assert(actor_start(a, do_deed, &d));
}

static void start_sleeper(struct actor *a, int expect,
			  int (*then)(struct user *))
{
	struct deed d = { true, expect, then };

	cr_assert(actor_start(a, do_deed, &d));
	until_asleep(a->pid);
}

static void kill_holder(struct actor *a)
{
	uint32_t id = slip_a32_load_relaxed(&peers_board->id);	 /* stat */
	uint32_t gen = slip_a32_load_relaxed(&peers_board->gen); /* stat */

	cr_assert_eq(actor_kill(a), -SIGKILL);
	cr_assert(peers_gone(id, gen));
}

static void begin_after_death(void)
{
	struct actor a;

	begin();
	start_holder(&a, 0, stay);
	kill_holder(&a);
}

/* --- the table ------------------------------------------------------------- */

Test(pi_mutex, free_and_held_by_me)
{
	begin();
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), -EPERM);
	cr_assert_eq(KERNEL(slip_pi_mutex_lock(&me.m)), 0);
	cr_assert_eq(word(), (uint32_t)gettid());
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EDEADLK);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, 0), -EDEADLK);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_detach(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), 0u);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), -EPERM);
}

Test(pi_mutex, held_by_another)
{
	struct actor a;
	uint64_t deadline;

	begin();
	start_holder(&a, 0, stay);
	cr_assert_eq(word(), (uint32_t)a.pid);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, 0), -ETIMEDOUT);
	deadline = soon();
	cr_assert_eq(KERNEL(slip_pi_mutex_lock_until(&me.m, deadline)),
		     -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), -EPERM);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), -EPERM);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
}

Test(pi_mutex, is_handed_to_one_that_sleeps)
{
	struct actor a[3];

	begin();
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	for (int i = 0; i < 3; i++)
		start_sleeper(&a[i], 0, give_back);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
}

static unsigned calls;

static long count_calls(long nr, const long *arg)
{
	(void)nr;
	(void)arg;
	calls++;
	return SCRIPT_PASS;
}

Test(pi_mutex, an_uncontended_pair_makes_no_system_call)
{
	begin();
	script = count_calls;
	calls = 0;
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(calls, 0u);
}

/* --- making and attaching -------------------------------------------------- */

static long no_proc(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_statx || nr == SYS_newfstatat ? -ENOENT : SCRIPT_PASS;
}

static long no_pi(long nr, const long *arg)
{
	(void)arg;
	return nr == SYS_futex ? -ENOSYS : SCRIPT_PASS;
}

Test(pi_mutex, errors_of_init_and_attach)
{
	struct slip_pi_mutex_shared s, *lock;
	struct slip_pi_mutex m;
	struct slip_peer none;
	uint32_t gen;

	begin();
	lock = &me.words->lock;
	script = no_proc;
	cr_assert_eq(slip_pi_mutex_init(&s), -EOPNOTSUPP);
	script = NULL;
	memset(&s, 0xa5, sizeof(s));
	cr_assert_eq(slip_pi_mutex_attach(&m, &s, &me.self), -EBADMSG);
	cr_assert_eq(slip_pi_mutex_init(&s), 0);
	cr_assert_eq(slip_pi_mutex_attach(&m, &s, &me.self), 0);
	cr_assert_eq(slip_pi_mutex_lock(&m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&m), 0);
	/* own: a namespace of nobody */
	slip_a64_store_relaxed(&s.pid_namespace, 1);
	cr_assert_eq(slip_pi_mutex_attach(&m, &s, &me.self), -EXDEV);
	slip_peer_prepare(&none, &me.rg);
	cr_assert_eq(slip_pi_mutex_attach(&m, lock, &none), -EINVAL);
	script = no_pi;
	cr_assert_eq(slip_pi_mutex_attach(&m, lock, &me.self), -ENOSYS);
	script = NULL;
	gen = me.self.gen;
	me.self.gen = SLIP_PI_MUTEX_GENS_;
	cr_assert_eq(slip_pi_mutex_attach(&m, lock, &me.self), -EOVERFLOW);
	me.self.gen = gen;
	slip_region_close(&me.rg);
	cr_assert_eq(slip_pi_mutex_attach(&m, lock, &me.self), -EINVAL);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EINVAL);
}

Test(pi_mutex, a_handle_may_be_forgotten_and_made_again)
{
	struct slip_pi_mutex again;

	begin();
	cr_assert_eq(slip_pi_mutex_attach(&again, &me.words->lock, &me.self),
		     0);
	cr_assert_eq(again.slot, me.m.slot);
	cr_assert_eq(slip_pi_mutex_lock(&again), 0);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self),
		     -EBUSY);
	cr_assert_eq(slip_pi_mutex_unlock(&again), 0);
	cr_assert_eq(slip_pi_mutex_detach(&again), 0);
	cr_assert_eq(user(0), 0u);
	cr_assert_eq(slip_pi_mutex_lock(&again), -EINVAL);
	cr_assert_eq(slip_pi_mutex_detach(&again), -EINVAL);
}

Test(pi_mutex, sixty_users_and_no_more)
{
	uint64_t alive;

	begin();
	cr_assert_eq(slip_pi_mutex_detach(&me.m), 0);
	alive = slip_pi_mutex_user_(&me.self, 0);
	for (unsigned i = 0; i < SLIP_PI_MUTEX_USERS; i++)
		set_user(i, alive | (4000000 + i));
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self),
		     -EUSERS);
	set_user(59, dead_user(4000059));
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self), 0);
	cr_assert_eq(me.m.slot, 59u, "the place of a dead one");
}

static int use_inherited(void *arg)
{
	struct slip_pi_mutex other;

	(void)arg;
	if (slip_pi_mutex_lock(&me.m) != -ECHILD ||
	    slip_pi_mutex_trylock(&me.m) != -ECHILD ||
	    slip_pi_mutex_lock_until(&me.m, 0) != -ECHILD ||
	    slip_pi_mutex_consistent(&me.m) != -ECHILD ||
	    slip_pi_mutex_detach(&me.m) != -ECHILD ||
	    slip_pi_mutex_unlock(&me.m) != -ECHILD)
		return 1;
	return slip_pi_mutex_attach(&other, &me.words->lock, &me.self) ==
			       -ECHILD
		       ? 0
		       : 2;
}

Test(pi_mutex, a_fork_child_is_refused)
{
	begin();
	cr_assert_eq(actor_run(use_inherited, NULL), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert_eq(actor_run(use_inherited, NULL), 0, "nor one that has it");
	cr_assert_eq(word(), (uint32_t)gettid());
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
}

Test(pi_mutex, a_handle_does_not_outlive_its_membership)
{
	begin();
	slip_peer_leave(&me.self);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), -EINVAL);
	cr_assert_eq(slip_peer_join(&me.self, &me.rg), 0);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
}

/* Who has the same names in another region. */
Test(pi_mutex, a_handle_does_not_outlive_its_region)
{
	struct slip_region elsewhere;
	struct slip_peer there;

	begin();
	cr_assert_eq(slip_region_create(&elsewhere, 4096, SLIP_REGION_MEMFD),
		     0);
	cr_assert_eq(slip_region_publish(&elsewhere, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&there, &elsewhere), 0);
	me.self.rg = there.rg;
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EINVAL);
	cr_assert_eq(word(), 0u);
	me.self.rg = &me.rg;
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	slip_peer_leave(&there);
	slip_region_close(&elsewhere);
}

/* One thread, two members. */
Test(pi_mutex, another_handle_does_not_take_it_from_the_first)
{
	struct slip_pi_mutex m;
	struct slip_peer other;

	begin();
	cr_assert_eq(slip_peer_join(&other, &me.rg), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_attach(&m, &me.words->lock, &other), -EBUSY);
	cr_assert_eq(word(), (uint32_t)gettid());
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_attach(&m, &me.words->lock, &other), 0);
	cr_assert_eq(user(0), m.user, "its place is the new one's");
	cr_assert_eq(slip_pi_mutex_lock(&m), 0);
	cr_assert_eq(slip_pi_mutex_detach(&me.m), -EBUSY,
		     "nor out of the table");
	cr_assert_eq(slip_pi_mutex_unlock(&m), 0);
	slip_peer_leave(&other);
}

/* --- another namespace ----------------------------------------------------- */

static int attach_as_init(void *arg)
{
	static struct user u;

	(void)arg;
	if (getpid() != 1)
		return 78;
	return come(&u) == -EXDEV ? 0 : 1;
}

static int in_a_new_namespace(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWPID))
		return 77;
	return actor_run(attach_as_init, NULL);
}

Test(pi_mutex, another_pid_namespace_is_refused)
{
	int rc;

	begin();
	rc = actor_run(in_a_new_namespace, NULL);
	if (rc == 77)
		cr_skip("may not make a PID namespace");
	cr_assert_eq(rc, 0);
}

/* --- deaths ---------------------------------------------------------------- */

Test(pi_mutex_death, is_told_once)
{
	begin_after_death();
	cr_assert_neq(word(), 0u);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(word(), (uint32_t)gettid() | DIED);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EDEADLK);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), 0);
	cr_assert_eq(word(), (uint32_t)gettid());
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), -EINVAL);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), 0u);
}

Test(pi_mutex_death, trylock_hears_of_it)
{
	begin_after_death();
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EOWNERDEAD);
}

Test(pi_mutex_death, a_past_deadline_hears_of_it)
{
	begin_after_death();
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, 0), -EOWNERDEAD);
}

Test(pi_mutex_death, reaches_one_that_sleeps)
{
	struct actor owner, heir;
	uint32_t id, gen;

	begin();
	start_holder(&owner, 0, stay);
	id = slip_a32_load_relaxed(&peers_board->id);	/* stat */
	gen = slip_a32_load_relaxed(&peers_board->gen); /* stat */
	start_sleeper(&heir, -EOWNERDEAD, repair_and_give_back);
	cr_assert_eq(actor_kill(&owner), -SIGKILL);
	cr_assert_eq(actor_wait(&heir), 0);
	cr_assert(peers_gone(id, gen));
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
}

static int inherit_or_not(void *arg)
{
	static struct user u;
	int rc = come(&u);

	(void)arg;
	if (rc)
		return 90;
	actor_ready();
	rc = slip_pi_mutex_lock(&u.m);
	if (rc == -EOWNERDEAD)
		return repair_and_give_back(&u) ? 93 : 1;
	return rc || give_back(&u) ? 94 : 0;
}

Test(pi_mutex_death, has_one_heir_among_those_who_sleep)
{
	struct actor owner, heir[3];
	int heirs = 0;

	begin();
	start_holder(&owner, 0, stay);
	for (int i = 0; i < 3; i++) {
		cr_assert(actor_start(&heir[i], inherit_or_not, NULL));
		until_asleep(heir[i].pid);
	}
	cr_assert_eq(actor_kill(&owner), -SIGKILL);
	for (int i = 0; i < 3; i++) {
		int status = actor_wait(&heir[i]);

		cr_assert_lt(status, 2, "status %d", status);
		heirs += status;
	}
	cr_assert_eq(heirs, 1);
	cr_assert_eq(word(), 0u);
}

Test(pi_mutex_death, given_back_unrepaired_it_is_broken_for_ever)
{
	struct actor sleeper[3];

	begin_after_death();
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
	for (int i = 0; i < 3; i++)
		start_sleeper(&sleeper[i], -ENOTRECOVERABLE, just_go);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&sleeper[i]), 0);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -ENOTRECOVERABLE);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -ENOTRECOVERABLE);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, 0), -ENOTRECOVERABLE);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), -EPERM);
}

Test(pi_mutex_death, of_the_heir_is_told_too)
{
	struct actor heir;

	begin_after_death();
	start_holder(&heir, -EOWNERDEAD, stay);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	kill_holder(&heir);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
}

Test(pi_mutex_death, is_not_stopping)
{
	struct actor a;

	begin();
	start_holder(&a, 0, stay);
	cr_assert_eq(kill(a.pid, SIGSTOP), 0);
	until_state(a.pid, 'T');
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
	cr_assert_eq(kill(a.pid, SIGCONT), 0);
	kill_holder(&a);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
}

static int leave_and_stay(struct user *u)
{
	slip_peer_leave(&u->self);
	return slip_pi_mutex_unlock(&u->m) == -EINVAL ? stay(u) : 94;
}

/* Its thread lives, so the kernel lets us sleep behind it: for one slice. */
Test(pi_mutex_death, is_leaving_with_the_lock)
{
	struct actor a;

	begin();
	start_holder(&a, 0, leave_and_stay);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
}

static void *lock_and_end(void *arg)
{
	struct slip_pi_mutex m;
	int rc = slip_pi_mutex_attach(&m, &me.words->lock, &me.self);

	(void)arg;
	if (!rc)
		rc = slip_pi_mutex_lock(&m);
	return rc ? &me : NULL;
}

Test(pi_mutex_death, of_a_thread_alone_leaves_the_lock_to_its_process)
{
	pthread_t t;
	void *failed;

	begin();
	cr_assert_eq(pthread_create(&t, NULL, lock_and_end, NULL), 0);
	cr_assert_eq(pthread_join(t, &failed), 0);
	cr_assert_null(failed);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
}

/* --- thread ids that come back --------------------------------------------- */

static int just_stay(void *arg)
{
	(void)arg;
	actor_stay();
}

/* The owner died, and its TID is that of somebody who knows nothing of it. */
static void begin_with_an_innocent(struct actor *innocent)
{
	begin();
	cr_assert(actor_start(innocent, just_stay, NULL));
	set_user(7, dead_user((uint32_t)innocent->pid));
	set_word((uint32_t)innocent->pid);
}

Test(pi_mutex_tid, of_another_thread_does_not_keep_the_lock)
{
	struct actor innocent;

	begin_with_an_innocent(&innocent);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(user(7), 0u);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(word(), 0u);
	cr_assert_eq(actor_kill(&innocent), -SIGKILL);
}

Test(pi_mutex_tid, of_another_thread_does_not_keep_those_who_sleep)
{
	struct actor innocent, heir[3];
	int heirs = 0;

	begin_with_an_innocent(&innocent);
	for (int i = 0; i < 3; i++)
		cr_assert(actor_start(&heir[i], inherit_or_not, NULL));
	for (int i = 0; i < 3; i++)
		heirs += actor_wait(&heir[i]);
	cr_assert_eq(heirs, 1);
	cr_assert_eq(word(), 0u);
	cr_assert_eq(actor_kill(&innocent), -SIGKILL);
}

Test(pi_mutex_tid, that_is_ours_now_is_buried_by_attach)
{
	const uint32_t tid = (uint32_t)gettid();

	begin();
	cr_assert_eq(slip_pi_mutex_detach(&me.m), 0);
	set_user(7, dead_user(tid));
	set_word(tid | WAITERS);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self), 0);
	cr_assert_eq(user(7), 0u);
	cr_assert_eq(word(), DIED | WAITERS);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), 0);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
}

Test(pi_mutex_tid, that_another_is_burying_is_waited_for)
{
	struct user u;
	const uint32_t tid = (uint32_t)gettid();

	begin();
	cr_assert_eq(slip_pi_mutex_detach(&me.m), 0);
	memset(&u, 0, sizeof(u));
	cr_assert_eq(peers_open(&u.rg), 0);
	cr_assert_eq(slip_peer_join(&u.self, &u.rg), 0);
	set_user(7, slip_pi_mutex_user_(&u.self, tid) | SLIP_PI_MUTEX_CLAIM_);
	set_word(tid);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self),
		     -EAGAIN);
	cr_assert_eq(word(), tid);
	slip_peer_leave(&u.self);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self), 0,
		     "unless it is dead itself");
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
}

Test(pi_mutex_tid, is_buried_by_one_at_a_time)
{
	const uint32_t tid = 4000000;

	begin();
	set_user(7, dead_user(tid));
	set_word(tid);
	cr_assert_not(slip_pi_mutex_bury_(&me.m, 7, dead_user(tid) + 1));
	cr_assert_eq(word(), tid);
	cr_assert(slip_pi_mutex_bury_(&me.m, 7, dead_user(tid)));
	cr_assert_eq(word(), DIED);
	cr_assert_eq(user(7), 0u);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EOWNERDEAD);
}

Test(pi_mutex_tid, of_nobody_is_waited_for)
{
	begin();
	set_word(4000000);
	cr_assert_eq(slip_pi_mutex_trylock(&me.m), -EBUSY);
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, soon()), -ETIMEDOUT);
	set_word(WAITERS);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0, "bits without an owner");
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	set_word((uint32_t)gettid());
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EDEADLK, "the kernel says");
}

/* In the kernel's queue, as one that has not run since its slice ended. */
static int sleep_on(void *arg)
{
	static struct user u;
	slip_a32 *lock;

	(void)arg;
	if (come(&u))
		return 90;
	lock = &u.words->lock.word;
	actor_ready();
	if (slip_futex_lock_pi(lock, SLIP_SHARED))
		return 91;
	return slip_futex_unlock_pi(lock, SLIP_SHARED) ? 92 : 0;
}

/* We have left with the lock, and come again while another sleeps behind our
 * TID. So it is too if the TID came to us from a dead one. */
static void begin_before_a_sleeper(struct actor *sleeper)
{
	begin();
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert(actor_start(sleeper, sleep_on, NULL));
	until_asleep(sleeper->pid);
	slip_peer_leave(&me.self);
	cr_assert_eq(slip_peer_join(&me.self, &me.rg), 0);
	cr_assert_eq(slip_pi_mutex_attach(&me.m, &me.words->lock, &me.self), 0);
	cr_assert_eq(word(), DIED | WAITERS);
}

static void is_ours_and_passed_on(struct actor *sleeper, int rc)
{
	cr_assert_eq(rc, -EOWNERDEAD, "lock says %d", rc);
	cr_assert_eq(slip_pi_mutex_consistent(&me.m), 0);
	rc = slip_pi_mutex_unlock(&me.m);
	cr_assert_eq(rc, 0, "unlock says %d, word %#x", rc, word());
	cr_assert_eq(actor_wait(sleeper), 0);
	cr_assert_eq(word(), 0u);
}

Test(pi_mutex_tid, that_others_sleep_behind_locks)
{
	struct actor sleeper;

	begin_before_a_sleeper(&sleeper);
	is_ours_and_passed_on(&sleeper, slip_pi_mutex_lock(&me.m));
}

Test(pi_mutex_tid, that_others_sleep_behind_locks_by_try)
{
	struct actor sleeper;

	begin_before_a_sleeper(&sleeper);
	is_ours_and_passed_on(&sleeper, slip_pi_mutex_trylock(&me.m));
}

/* Another buries the owner as we go to sleep. */
static long buried_meanwhile(long nr, const long *arg)
{
	long op = arg[1] & 127;

	if (nr == SYS_futex && arg[0] != 1 &&
	    (op == SLIP_FUTEX_LOCK_PI2_ || op == SLIP_FUTEX_LOCK_PI_))
		set_word(DIED | WAITERS);
	return SCRIPT_PASS;
}

Test(pi_mutex_tid, that_others_sleep_behind_locks_in_the_queue)
{
	struct actor sleeper;

	begin_before_a_sleeper(&sleeper);
	set_word(4000000 | WAITERS);
	script = buried_meanwhile;
	is_ours_and_passed_on(&sleeper, slip_pi_mutex_lock(&me.m));
}

/* --- priorities ------------------------------------------------------------ */

/* The priority that the kernel runs a thread at: field 18; -1 - p if real. */
static long priority(long tid)
{
	char path[64], text[512];
	const char *at;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	at = strrchr(text, ')') + 2;
	for (int i = 0; i < 15; i++)
		at = strchr(at, ' ') + 1;
	return strtol(at, NULL, 10);
}

static int lock_as_fifo(void *arg)
{
	static struct user u;
	struct sched_param p = { .sched_priority = 7 };
	int rc = come(&u);

	(void)arg;
	if (rc)
		return 90;
	if (sched_setscheduler(0, SCHED_FIFO, &p))
		return 77;
	actor_ready();
	return slip_pi_mutex_lock(&u.m) || give_back(&u) ? 91 : 0;
}

static void inherits(void)
{
	struct actor high;
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	cr_assert_geq(priority(gettid()), 0, "an ordinary thread");
	if (!actor_start(&high, lock_as_fifo, NULL)) {
		int rc = actor_wait(&high);

		if (rc == 77)
			cr_skip("may not use SCHED_FIFO");
		cr_assert_eq(rc, 0);
	}
	while (priority(gettid()) != -8) {
		cr_assert_lt(slip_now_ns(), deadline, "not inherited");
		sched_yield();
	}
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	cr_assert_eq(actor_wait(&high), 0);
	cr_assert_geq(priority(gettid()), 0, "and given back");
}

Test(pi_mutex, the_owner_inherits_the_priority_of_who_waits)
{
	begin();
	inherits();
}

/* --- an older kernel ------------------------------------------------------- */

static unsigned old_calls;

static long before_5_14(long nr, const long *arg)
{
	if (nr != SYS_futex)
		return SCRIPT_PASS;
	if ((arg[1] & 127) == SLIP_FUTEX_LOCK_PI2_)
		return -ENOSYS;
	old_calls += (arg[1] & 127) == SLIP_FUTEX_LOCK_PI_;
	return SCRIPT_PASS;
}

Test(pi_mutex_old_kernel, deadlines_are_kept)
{
	struct actor a;
	uint64_t deadline;

	script = before_5_14;
	begin();
	cr_assert(me.m.old);
	start_holder(&a, 0, stay);
	deadline = soon();
	old_calls = 0;
	cr_assert_eq(slip_pi_mutex_lock_until(&me.m, deadline), -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), deadline);
	cr_assert_gt(old_calls, 0u);
	cr_assert_eq(
		slip_futex_lock_pi_wall_(&me.words->lock.word, 0, SLIP_SHARED),
		-ETIMEDOUT, "one that has gone by");
	kill_holder(&a);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
}

Test(pi_mutex_old_kernel, priority_is_inherited)
{
	script = before_5_14;
	begin();
	inherits();
}

/* --- what the kernel refuses ----------------------------------------------- */

static long answer;

static long refuse_to_queue(long nr, const long *arg)
{
	long op = arg[1] & 127;

	return nr == SYS_futex && arg[0] != 1 &&
			       (op == SLIP_FUTEX_LOCK_PI2_ ||
				op == SLIP_FUTEX_LOCK_PI_)
		       ? answer
		       : SCRIPT_PASS;
}

Test(pi_mutex, a_refused_queue_is_a_nap_or_an_error)
{
	static const int errors[] = { EFAULT, ENOMEM, ENOSYS, EDEADLK };
	static const int naps[] = { EINVAL, ESRCH, EPERM, EAGAIN, EINTR };
	struct actor a;

	begin();
	start_holder(&a, 0, stay);
	script = refuse_to_queue;
	for (int i = 0; i < 4; i++) {
		answer = -errors[i];
		cr_assert_eq(slip_pi_mutex_lock(&me.m), -errors[i]);
	}
	for (int i = 0; i < 5; i++) {
		uint64_t deadline = slip_after_ns(10 * MS);

		answer = -naps[i];
		cr_assert_eq(slip_pi_mutex_lock_until(&me.m, deadline),
			     -ETIMEDOUT);
		cr_assert_geq(slip_now_ns(), deadline);
	}
	kill_holder(&a);
	cr_assert_eq(slip_pi_mutex_lock(&me.m), -EOWNERDEAD);
}

/* --- many ------------------------------------------------------------------ */

static int add(struct words *w, struct slip_pi_mutex *m)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t deadline = i % 2 ? soon() : SLIP_FOREVER;
		int rc = slip_pi_mutex_lock_until(m, deadline);

		while (rc == -ETIMEDOUT)
			rc = slip_pi_mutex_lock(m);
		if (rc == -EOWNERDEAD)
			rc = slip_pi_mutex_consistent(m);
		if (rc)
			return 1;
		w->sum++;
		if (slip_pi_mutex_unlock(m))
			return 2;
	}
	return 0;
}

static int add_in_process(void *arg)
{
	static struct user u;

	(void)arg;
	if (come(&u))
		return 3;
	actor_ready();
	return add(u.words, &u.m);
}

Test(pi_mutex, processes_exclude_each_other)
{
	struct actor a[4];

	begin();
	cr_assert_eq(slip_pi_mutex_lock(&me.m), 0);
	for (int i = 0; i < 4; i++)
		cr_assert(actor_start(&a[i], add_in_process, NULL));
	cr_assert_eq(me.words->sum, 0u);
	cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(actor_wait(&a[i]), 0);
	cr_assert_eq(me.words->sum, 4 * (uint64_t)ROUNDS);
	cr_assert_eq(word(), 0u);
}

static void *add_in_thread(void *peer)
{
	struct slip_pi_mutex m;

	if (slip_pi_mutex_attach(&m, &me.words->lock, peer))
		return peer;
	if (add(me.words, &m))
		return &me;
	return slip_pi_mutex_detach(&m) ? &me : NULL;
}

Test(pi_mutex, threads_of_one_member_exclude_each_other)
{
	pthread_t t[4];
	void *failed;

	begin();
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
Test(pi_mutex_death, at_any_moment_leaves_it_to_the_next)
{
	struct actor victim, other;

	begin();
	for (uint64_t round = 0; round < 20; round++) {
		uint64_t moment;
		int rc;

		cr_assert(actor_start(&victim, add_in_process, NULL));
		cr_assert(actor_start(&other, add_in_process, NULL));
		moment = slip_after_ns(round * 20000);
		while (slip_now_ns() < moment)
			slip_pause();
		(void)actor_kill(&victim);
		cr_assert_eq(actor_wait(&other), 0);
		rc = slip_pi_mutex_lock(&me.m);
		if (rc == -EOWNERDEAD)
			rc = slip_pi_mutex_consistent(&me.m);
		cr_assert_eq(rc, 0);
		cr_assert_eq(slip_pi_mutex_unlock(&me.m), 0);
		cr_assert_eq(word(), 0u);
	}
}
