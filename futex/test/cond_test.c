/* SPDX-License-Identifier: MIT */
/* futex/cond.h: with both mutexes, across processes, refusals, slices, deaths. */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK cond_test_sys
#define SLIP_NOW_HOOK cond_test_now

#include "futex/cond.h"

#include <time.h>

#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

/*
 * The kernel, with switches: refuse a requeue or membarrier; a scripted sleep,
 * which takes the time it was given, does something, and says something.
 */
static int refuse_requeue;
static int pretend_moved;
static int refuse_membarrier;
static slip_a32 moved;
static slip_a32 futex_calls;
static void (*on_sleep)(void);
static int sleep_says;
static uint64_t fake_now; /* 0: the real clock */
static unsigned sleeps;

static uint64_t ns_of(const struct slip_sys_timespec_ *t)
{
	return (uint64_t)t->seconds * UINT64_C(1000000000) + (uint64_t)t->ns;
}

static long scripted_sleep(long until)
{
	const struct slip_sys_timespec_ *t =
		(const struct slip_sys_timespec_ *)until;

	sleeps++;
	if (on_sleep)
		on_sleep();
	if (fake_now && t)
		fake_now = ns_of(t);
	return sleep_says;
}

long cond_test_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	long op = b & 127;
	long rc;

	if (nr == SYS_membarrier && refuse_membarrier)
		return refuse_membarrier;
	if (nr != SYS_futex)
		return slip_sys_raw_(nr, a, b, c, d, e, f);
	/* stat: all of them */
	(void)slip_a32_fetch_add_relaxed(&futex_calls, 1);
	if (op == 9 && (on_sleep || fake_now))
		return scripted_sleep(d);
	if (op == 4 && refuse_requeue)
		return refuse_requeue;
	if (op == 4 && pretend_moved)
		return pretend_moved;
	rc = slip_sys_raw_(nr, a, b, c, d, e, f);
	if (op == 4 && rc > 0)
		(void)slip_a32_fetch_add_relaxed(&moved, (uint32_t)rc);
	return rc;
}

uint64_t cond_test_now(void)
{
	struct timespec t;

	if (fake_now)
		return fake_now;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What processes share. */
struct shared {
	struct slip_cond cond;
	struct slip_mutex mutex;
	struct slip_robust_mutex_shared robust;
	uint32_t units;
};

static struct shared *shared_make(void)
{
	struct shared *s = (struct shared *)(void *)shared_page();

	cr_assert_eq(slip_robust_mutex_init(&s->robust, SLIP_EVENT_FULL), 0);
	return s;
}

static struct slip_robust_mutex handle_of(struct shared *s)
{
	struct slip_robust_mutex m;

	cr_assert_eq(slip_robust_mutex_attach(&m, &s->robust, NULL, 0), 0);
	return m;
}

Test(cond, nobody_waits_and_telling_makes_no_system_call)
{
	struct slip_cond c = { 0 };
	struct slip_mutex m = { 0 };
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	slip_a32_store_relaxed(&futex_calls, 0);
	slip_cond_signal(&c);
	slip_cond_broadcast(&c, &m);
	slip_cond_broadcast_robust(&c, &r);
	cr_assert_eq(slip_a32_load_relaxed(&futex_calls), 0, "calls");
	cr_assert_eq(slip_a32_load_relaxed(&c.event.word), 0, "unchanged");
}

Test(cond, a_mutex_that_nobody_has_cannot_be_waited_with)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	cr_assert_eq(slip_cond_wait(&s->cond, &s->mutex), -EPERM, "free");
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -EPERM, "free");
	cr_assert_eq(slip_mutex_trylock(&s->mutex), 0, "still free");
	cr_assert_eq(slip_robust_mutex_trylock(&r), 0, "still free");
}

Test(cond, a_mutex_that_is_ours_twice_is_refused_and_kept)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r;

	cr_assert_eq(slip_robust_mutex_attach(&r, &s->robust, NULL,
					      SLIP_ROBUST_MUTEX_RECURSIVE),
		     0);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -EDEADLK, "twice");
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "twice");
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "and once");
	cr_assert_eq(slip_robust_mutex_unlock(&r), -EPERM, "no more");
}

Test(cond, a_deadline_is_kept_and_the_mutex_is_ours_again)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);
	struct slip_robust_mutex other = handle_of(s);
	uint64_t until = slip_after_ns(20 * MS);
	int rc = 0;

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	while (rc == 0)
		rc = KERNEL(slip_cond_wait_until(&s->cond, &s->mutex, until));
	cr_assert_eq(rc, -ETIMEDOUT, "rc %d", rc);
	cr_assert(slip_now_ns() >= until, "not early");
	cr_assert_eq(slip_mutex_trylock(&s->mutex), -EBUSY, "ours");
	until = slip_after_ns(20 * MS);
	for (rc = 0; rc == 0;)
		rc = KERNEL(slip_cond_wait_robust_until(&s->cond, &r, until));
	cr_assert_eq(rc, -ETIMEDOUT, "rc %d", rc);
	cr_assert(slip_now_ns() >= until, "not early");
	cr_assert_eq(slip_robust_mutex_trylock(&other), -EBUSY, "ours");
}

Test(cond, a_deadline_in_the_past_gives_the_mutex_back_and_takes_it)
{
	struct shared *s = shared_make();

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	cr_assert_eq(slip_cond_wait_until(&s->cond, &s->mutex, 1), -ETIMEDOUT);
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0, "ours");
}

Test(cond, waits_that_outlast_the_spin_end_it_but_for_each_64th)
{
	struct slip_cond c = { 0 };
	struct slip_mutex m = { 0 };

	cr_assert_eq(slip_mutex_lock(&m), 0);
	for (uint32_t i = 0; i < SLIP_COND_VAIN_; i++) {
		cr_assert_eq(slip_cond_wait_until(&c, &m, 1), -ETIMEDOUT);
		cr_assert_eq(slip_a32_load_relaxed(&c.vain), i + 1, "vain");
	}
	/* A spin would not end. */
	fake_now = 1;
	sleep_says = -ETIMEDOUT;
	for (uint32_t i = SLIP_COND_VAIN_; i < SLIP_COND_AGAIN_; i++)
		cr_assert_eq(slip_cond_wait_until(&c, &m, 1), -ETIMEDOUT);
	fake_now = 0;
	cr_assert_eq(slip_a32_load_relaxed(&c.vain), SLIP_COND_AGAIN_, "vain");
	cr_assert_eq(slip_cond_wait_until(&c, &m, 1), -ETIMEDOUT, "spun");
}

static void *changes_the_word(void *arg)
{
	struct slip_cond *c = arg;

	/* hint: until the spin has ended by it */
	while (slip_a32_load_relaxed(&c->vain) != 0) {
		slip_event_wake_all(&c->event);
		sched_yield();
	}
	return NULL;
}

Test(cond, a_wait_that_is_told_while_it_spins_spins_again)
{
	struct slip_cond c = { 0 };
	struct slip_mutex m = { 0 };
	pthread_t other;

	slip_a32_store_relaxed(&c.vain, SLIP_COND_VAIN_ - 1);
	cr_assert_eq(slip_mutex_lock(&m), 0);
	fake_now = 1; /* it ends by the word only */
	cr_assert_eq(pthread_create(&other, NULL, changes_the_word, &c), 0);
	cr_assert_eq(slip_cond_wait(&c, &m), 0);
	cr_assert_eq(pthread_join(other, NULL), 0);
	fake_now = 0;
	cr_assert_eq(slip_mutex_unlock(&m), 0, "ours");
	cr_assert_eq(slip_a32_load_relaxed(&c.vain), 0, "worth it");
}

Test(cond, and_so_does_one_with_a_robust_mutex)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);
	pthread_t other;

	slip_a32_store_relaxed(&s->cond.vain, SLIP_COND_VAIN_ - 1);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	fake_now = 1;
	cr_assert_eq(pthread_create(&other, NULL, changes_the_word, &s->cond),
		     0);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), 0);
	cr_assert_eq(pthread_join(other, NULL), 0);
	fake_now = 0;
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "ours");
	cr_assert_eq(slip_a32_load_relaxed(&s->cond.vain), 0, "worth it");
}

/* --- slices, on a clock of our own ----------------------------------------- */

static struct shared *scripted;

static void script(struct shared *s, void (*deed)(void), int says)
{
	scripted = s;
	/* init: where the clock stands still, a spin does not end */
	slip_a32_store_relaxed(&s->cond.vain, SLIP_COND_VAIN_);
	on_sleep = deed;
	sleep_says = says;
	sleeps = 0;
	fake_now = UINT64_C(1000000000);
}

static void script_end(void)
{
	on_sleep = NULL;
	fake_now = 0;
}

Test(cond, a_wait_ends_after_a_long_slice)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	script(s, NULL, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait(&s->cond, &s->mutex), 0, "spurious");
	cr_assert_eq(sleeps, 1, "in one sleep");
	cr_assert_eq(fake_now, UINT64_C(1000000000) + SLIP_LONG_SLICE_NS);
	script_end();
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, NULL, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), 0, "spurious");
	cr_assert_eq(sleeps, 17, "%u short slices", sleeps);
	cr_assert_eq(fake_now, UINT64_C(1000000000) + SLIP_LONG_SLICE_NS);
	script_end();
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "ours");
}

Test(cond, a_deadline_before_the_slice_is_a_time_out)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);
	uint64_t until = UINT64_C(1000000000) + 50 * MS;

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, NULL, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_until(&s->cond, &s->mutex, until),
		     -ETIMEDOUT);
	cr_assert_eq(fake_now, until);
	script(s, NULL, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_robust_until(&s->cond, &r, until),
		     -ETIMEDOUT);
	cr_assert_eq(fake_now, until);
	script_end();
}

Test(cond, a_sleep_that_fails_leaves_without_the_mutex)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, NULL, -EFAULT);
	cr_assert_eq(slip_cond_wait(&s->cond, &s->mutex), -EFAULT);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -EFAULT);
	script_end();
	cr_assert_eq(slip_mutex_trylock(&s->mutex), 0, "free");
	cr_assert_eq(slip_robust_mutex_unlock(&r), -EPERM, "not ours");
}

/* It would be lost to the others. */
Test(cond, a_wake_up_that_comes_late_is_still_a_wake_up)
{
	struct shared *s = shared_make();

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	script(s, NULL, 0);
	cr_assert_eq(slip_cond_wait_until(&s->cond, &s->mutex, fake_now + 1),
		     0);
	script_end();
}

static void takes_and_unmaps(void)
{
	if (slip_mutex_trylock(&scripted->mutex))
		sleep_says = -EFAULT;
}

/* It is told; but another has the mutex, and then there is no memory. */
Test(cond, without_the_mutex_it_says_so)
{
	struct shared *s = shared_make();

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	script(s, takes_and_unmaps, 0);
	cr_assert_eq(slip_cond_wait(&s->cond, &s->mutex), -EFAULT);
	script_end();
	cr_assert_eq(sleeps, 2, "for the condition, and for the mutex");
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0, "the other's");
}

static void breaks(void)
{
	/* init: as somebody who was told of a death and repaired nothing */
	slip_a64_store_relaxed(&scripted->robust.word,
			       SLIP_ROBUST_MUTEX_BROKEN_);
}

Test(cond, a_broken_mutex_is_heard_of_after_a_short_slice)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, breaks, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -ENOTRECOVERABLE);
	cr_assert_eq(sleeps, 1, "%u slices", sleeps);
	script_end();
	cr_assert_eq(slip_robust_mutex_unlock(&r), -EPERM, "not ours");
}

static void is_repaired_by_another(void)
{
	/* init: as one that lives, was told of a death, and then gives it back */
	slip_a64_store_relaxed(&scripted->robust.word,
			       sleeps == 1 ? SLIP_ROBUST_MUTEX_UNSURE_ : 0);
}

Test(cond, who_repairs_is_not_in_a_waiters_way)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r = handle_of(s);

	r.waiter.spin.skip = UINT32_MAX; /* the clock stands still */
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, is_repaired_by_another, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), 0, "spurious");
	cr_assert_eq(sleeps, 17, "%u short slices", sleeps);
	cr_assert_eq(fake_now, UINT64_C(1000000000) + SLIP_LONG_SLICE_NS);
	script_end();
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "ours");
}

static uint64_t dead_tag;

static void falls_to_the_dead(void)
{
	/* init: as one that died with the mutex in hand */
	slip_a64_store_relaxed(&scripted->robust.word,
			       SLIP_ROBUST_MUTEX_HELD_ | dead_tag);
}

Test(cond, a_dead_owner_is_heard_of_after_a_short_slice)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r;
	struct slip_peer self;
	struct member m;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert(peers_start(&m, NULL));
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen));
	dead_tag = slip_peer_tag_(m.id, m.gen);
	cr_assert_eq(slip_robust_mutex_attach(&r, &s->robust, &self, 0), 0);
	r.waiter.spin.skip = UINT32_MAX; /* the clock stands still */
	cr_assert_eq(slip_robust_mutex_lock(&r), 0);
	script(s, falls_to_the_dead, -ETIMEDOUT);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -EOWNERDEAD);
	cr_assert_eq(sleeps, 1, "%u slices", sleeps);
	script_end();
	cr_assert_eq(slip_robust_mutex_consistent(&r), 0, "ours");
	cr_assert_eq(slip_robust_mutex_unlock(&r), 0, "ours");
	slip_peer_leave(&self);
}

/* Not repaired, and given back: broken, as by unlock. */
Test(cond, a_wait_before_the_repair_breaks_the_mutex)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex r;
	struct slip_peer self;
	struct member m;

	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert(peers_start(&m, NULL));
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen));
	dead_tag = slip_peer_tag_(m.id, m.gen);
	scripted = s;
	falls_to_the_dead();
	cr_assert_eq(slip_robust_mutex_attach(&r, &s->robust, &self, 0), 0);
	cr_assert_eq(slip_robust_mutex_lock(&r), -EOWNERDEAD);
	cr_assert_eq(slip_cond_wait_robust(&s->cond, &r), -ENOTRECOVERABLE);
	slip_peer_leave(&self);
}

/* --- between processes ----------------------------------------------------- */

static int take_one(struct shared *s)
{
	int rc = slip_mutex_lock(&s->mutex);

	while (rc == 0 && s->units == 0)
		rc = slip_cond_wait(&s->cond, &s->mutex);
	if (rc == 0) {
		s->units--;
		rc = slip_mutex_unlock(&s->mutex);
	}
	return rc;
}

static int take_one_robust(struct shared *s)
{
	struct slip_robust_mutex m;
	int rc = slip_robust_mutex_attach(&m, &s->robust, NULL, 0);

	rc = rc ? rc : slip_robust_mutex_lock(&m);
	while (rc == 0 && s->units == 0)
		rc = slip_cond_wait_robust(&s->cond, &m);
	if (rc == 0) {
		s->units--;
		rc = slip_robust_mutex_unlock(&m);
	}
	return rc;
}

static pid_t taker(struct shared *s, int (*take)(struct shared *))
{
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(-take(s) & 255);
	until_asleep(child);
	return child;
}

Test(cond, a_signal_wakes_another_process)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex m = handle_of(s);
	pid_t child = taker(s, take_one);

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	s->units++;
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0);
	slip_cond_signal(&s->cond);
	cr_assert_eq(sleeper_wait(child), 0);
	child = taker(s, take_one_robust);
	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	s->units++;
	slip_cond_signal(&s->cond);
	cr_assert_eq(slip_robust_mutex_unlock(&m), 0);
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(s->units, 0, "taken");
}

/* Tell all, with the mutex in hand if `inside`. */
static void put_for_all(struct shared *s, uint32_t n, bool inside)
{
	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	s->units += n;
	if (inside)
		slip_cond_broadcast(&s->cond, &s->mutex);
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0);
	if (!inside)
		slip_cond_broadcast(&s->cond, &s->mutex);
}

static void put_for_all_robust(struct shared *s, uint32_t n, bool inside)
{
	struct slip_robust_mutex m = handle_of(s);

	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	s->units += n;
	if (inside)
		slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(slip_robust_mutex_unlock(&m), 0);
	if (!inside)
		slip_cond_broadcast_robust(&s->cond, &m);
}

static void broadcast_to_three(struct shared *s, bool robust, bool inside)
{
	pid_t child[3];

	for (int i = 0; i < 3; i++)
		child[i] = taker(s, robust ? take_one_robust : take_one);
	if (robust)
		put_for_all_robust(s, 3, inside);
	else
		put_for_all(s, 3, inside);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sleeper_wait(child[i]), 0, "child %d", i);
	cr_assert_eq(s->units, 0, "taken");
}

Test(cond, a_broadcast_moves_the_sleepers_and_all_are_served)
{
	struct shared *s = shared_make();
	uint64_t patience = slip_after_ns(PATIENCE_NS);

	/* One whose slice ends just then is not there to be moved. */
	for (int way = 0; way < 4; way++) {
		slip_a32_store_relaxed(&moved, 0);
		while (slip_a32_load_relaxed(&moved) < 3) {
			cr_assert_lt(slip_now_ns(), patience, "way %d", way);
			broadcast_to_three(s, way & 1, way & 2);
		}
	}
}

Test(cond, where_requeue_is_refused_a_broadcast_wakes_all)
{
	struct shared *s = shared_make();
	struct slip_cond c = { 0 };
	uint32_t key;

	refuse_requeue = -ENOSYS;
	for (int way = 0; way < 4; way++)
		broadcast_to_three(s, way & 1, way & 2);
	cr_assert_eq(slip_event_prepare(&c.event, SLIP_EVENT_RMW, &key), 0);
	slip_cond_broadcast(&c, &s->mutex);
	cr_assert_eq(slip_a32_load_relaxed(&c.event.word) & SLIP_EVENT_W_, 0,
		     "woken by the kernel, which takes W away");
}

/* One who announced and was killed must not cost every broadcast to come. */
Test(cond, a_broadcast_that_finds_nobody_takes_the_announcement_away)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex m = handle_of(s);
	uint32_t key;

	cr_assert_eq(slip_event_prepare(&s->cond.event, SLIP_EVENT_RMW, &key),
		     0);
	slip_cond_broadcast(&s->cond, &s->mutex);
	slip_a32_store_relaxed(&futex_calls, 0);
	slip_cond_broadcast(&s->cond, &s->mutex);
	slip_cond_broadcast_robust(&s->cond, &m);
	slip_cond_signal(&s->cond);
	cr_assert_eq(slip_a32_load_relaxed(&futex_calls), 0, "calls");
	cr_assert_eq(slip_a32_load_relaxed(&s->mutex.event.word), 0,
		     "nothing to announce there");
	cr_assert_eq(slip_event_sleep(&s->cond.event, key, SLIP_FOREVER), 0,
		     "who was on the way down is up");
}

#define W   SLIP_EVENT_W_
#define ONE SLIP_EVENT_ONE_

/* W, and how often somebody was woken; not who has paid for a barrier. */
static uint32_t epochs(const struct slip_event *e)
{
	return slip_a32_load_relaxed(&e->word) & ~SLIP_EVENT_EAGER_;
}

/* The state of the events after a broadcast to somebody. */
Test(cond, a_broadcast_announces_at_the_mutex_that_is_held)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex m = handle_of(s);
	uint64_t had;
	uint32_t key;

	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	cr_assert_eq(slip_event_prepare(&s->cond.event, SLIP_EVENT_RMW, &key),
		     0);
	pretend_moved = 1;
	slip_cond_broadcast(&s->cond, &s->mutex);
	cr_assert_eq(slip_a32_load_relaxed(&s->cond.event.word),
		     key + SLIP_EVENT_ONE_, "W stays, the epoch is up");
	cr_assert_eq(slip_event_sleep(&s->cond.event, key, SLIP_FOREVER), 0,
		     "who was on the way down is up");
	cr_assert_eq(epochs(&s->mutex.event), W, "W");
	slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(epochs(&s->robust.event), W, "W");
	had = slip_a64_load_relaxed(&s->robust.word);
	/* init: as one that was told of a death and has not yet repaired */
	slip_a64_store_relaxed(&s->robust.word, SLIP_ROBUST_MUTEX_UNSURE_);
	slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(epochs(&s->robust.event), W,
		     "nobody is woken before it is given back");
	/* init: as before */
	slip_a64_store_relaxed(&s->robust.word, had);
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0);
	cr_assert_eq(slip_robust_mutex_unlock(&m), 0);
}

Test(cond, a_broadcast_wakes_one_at_the_mutex_that_is_free)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex m = handle_of(s);
	uint32_t key;

	cr_assert_eq(slip_event_prepare(&s->cond.event, SLIP_EVENT_RMW, &key),
		     0);
	pretend_moved = 1;
	slip_cond_broadcast(&s->cond, &s->mutex);
	cr_assert_eq(epochs(&s->mutex.event), ONE,
		     "nobody slept there, so W is clear");
	slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(epochs(&s->robust.event), ONE, "clear");
	scripted = s;
	breaks();
	slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(epochs(&s->robust.event), 2 * ONE,
		     "all shall hear that it is broken");
}

Test(cond, without_membarrier_a_broadcast_wakes_those_it_moved)
{
	struct shared *s = shared_make();
	struct slip_robust_mutex m;
	uint32_t key;

	if (slip_event_register(SLIP_EVENT_ASYM))
		cr_skip("no membarrier");
	cr_assert_eq(slip_robust_mutex_init(&s->robust, SLIP_EVENT_ASYM), 0);
	m = handle_of(s);
	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	cr_assert_eq(slip_event_prepare(&s->cond.event, SLIP_EVENT_RMW, &key),
		     0);
	refuse_membarrier = -EPERM;
	pretend_moved = 1;
	slip_cond_broadcast_robust(&s->cond, &m);
	cr_assert_eq(epochs(&s->robust.event), ONE, "all");
	refuse_membarrier = 0;
}

Test(cond, a_waiter_that_is_killed_leaves_the_signal_to_the_others)
{
	struct shared *s = shared_make();
	pid_t doomed = taker(s, take_one);
	pid_t other = taker(s, take_one);

	/* Stopped, it cannot take what it is woken for. */
	cr_assert_eq(kill(doomed, SIGSTOP), 0);
	until_state(doomed, 'T');
	cr_assert_eq(slip_mutex_lock(&s->mutex), 0);
	s->units++;
	cr_assert_eq(slip_mutex_unlock(&s->mutex), 0);
	slip_cond_signal(&s->cond);
	sleeper_kill(doomed);
	cr_assert_eq(sleeper_wait(other), 0);
	cr_assert_eq(s->units, 0, "taken");
}

Test(cond, a_handle_inherited_by_fork_is_refused)
{
	struct slip_peer self;
	struct slip_robust_mutex m;
	struct shared *s;
	size_t bytes;
	pid_t child;

	cr_assert_eq(peers_make(8), 0);
	s = (struct shared *)slip_region_find(&peers_rg, "words", PEERS_KIND,
					      &bytes);
	cr_assert_eq(slip_robust_mutex_init(&s->robust, 0), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_robust_mutex_attach(&m, &s->robust, &self, 0), 0);
	cr_assert_eq(slip_robust_mutex_lock(&m), 0);
	child = fork();
	if (child == 0) {
		struct slip_cond c = { 0 };

		_exit(-slip_cond_wait_robust(&c, &m) & 255);
	}
	cr_assert_eq(sleeper_wait(child), ECHILD);
	cr_assert_eq(slip_robust_mutex_unlock(&m), 0, "still ours");
	slip_peer_leave(&self);
}
