/* SPDX-License-Identifier: MIT */
/* futex/cond.h with futex/pi_mutex.h: refusals, deadlines, processes, a death. */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "futex/cond.h"

#include <signal.h>

#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

struct words {
	struct slip_pi_mutex_shared lock;
	struct slip_cond cond;
	uint32_t units;
	uint32_t wait; /* how many may be about to sleep */
};

static struct slip_peer self;
static struct slip_pi_mutex mine;
static struct words *w;

static struct words *words_of(const struct slip_region *rg)
{
	return slip_region_find(rg, "words", PEERS_KIND, NULL);
}

static void begin(void)
{
	if (!(slip_futex_features() & SLIP_FUTEX_HAS_PI))
		cr_skip("this kernel has no PI futexes");
	cr_assert_eq(peers_make(8), 0);
	w = words_of(&peers_rg);
	cr_assert_eq(slip_pi_mutex_init(&w->lock), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_pi_mutex_attach(&mine, &w->lock, &self), 0);
}

static void end(void)
{
	cr_assert_eq(slip_pi_mutex_detach(&mine), 0);
	slip_peer_leave(&self);
}

Test(cond_pi, a_mutex_that_is_not_ours_cannot_be_waited_with)
{
	begin();
	cr_assert_eq(slip_cond_wait_pi(&w->cond, &mine), -EPERM);
	end();
}

Test(cond_pi, a_deadline_is_kept_and_the_mutex_is_ours_again)
{
	uint64_t until = slip_after_ns(20 * MS);
	int rc = 0;

	begin();
	cr_assert_eq(slip_pi_mutex_lock(&mine), 0);
	while (rc == 0)
		rc = slip_cond_wait_pi_until(&w->cond, &mine, until);
	cr_assert_eq(rc, -ETIMEDOUT);
	cr_assert_geq(slip_now_ns(), until);
	cr_assert_eq(slip_pi_mutex_unlock(&mine), 0, "ours");
	end();
}

Test(cond_pi, a_sleep_that_the_kernel_refuses_is_said)
{
	begin();
	cr_assert_eq(slip_pi_mutex_lock(&mine), 0);
	hook_fail(SYS_futex, 1, EFAULT);
	cr_assert_eq(slip_cond_wait_pi(&w->cond, &mine), -EFAULT);
	hook_off();
	cr_assert_eq(slip_pi_mutex_unlock(&mine), -EPERM, "without the mutex");
	end();
}

static int take_one(struct slip_peer *me)
{
	struct slip_pi_mutex m;
	struct words *s = words_of(me->rg);
	int rc = slip_pi_mutex_attach(&m, &s->lock, me);

	rc = rc ? rc : slip_pi_mutex_lock(&m);
	if (rc == 0) {
		s->wait++;
		actor_ready();
	}
	while (rc == 0 && s->units == 0)
		rc = slip_cond_wait_pi(&s->cond, &m);
	if (rc == 0) {
		s->units--;
		rc = slip_pi_mutex_unlock(&m);
	}
	rc = rc ? rc : slip_pi_mutex_detach(&m);
	slip_peer_leave(me);
	return rc ? 92 : 0;
}

static void give(uint32_t units, bool all)
{
	cr_assert_eq(slip_pi_mutex_lock(&mine), 0);
	w->units += units;
	cr_assert_eq(slip_pi_mutex_unlock(&mine), 0);
	if (all)
		slip_cond_broadcast_pi(&w->cond);
	else
		slip_cond_signal(&w->cond);
}

Test(cond_pi, other_processes_are_told)
{
	struct member m[3];

	begin();
	for (int i = 0; i < 3; i++)
		cr_assert(peers_start(&m[i], take_one));
	cr_assert_eq(w->wait, 3u);
	give(2, true);
	give(1, false);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(actor_wait(&m[i].actor), 0);
	cr_assert_eq(w->units, 0u);
	end();
}

/* All sleep, and none does so to the end of its slice. */
static int futexes(void)
{
	struct slip_event before = w->cond.event;

	slip_cond_broadcast_pi(&w->cond);
	/* stat */
	return slip_a32_load_relaxed(&before.word) !=
	       slip_a32_load_relaxed(&w->cond.event.word);
}

Test(cond_pi, a_broadcast_changes_the_word_if_somebody_waits)
{
	uint32_t key;

	begin();
	cr_assert_not(futexes(), "nobody");
	cr_assert_eq(slip_event_prepare(&w->cond.event, SLIP_EVENT_RMW, &key),
		     0);
	cr_assert(futexes());
	cr_assert_eq(slip_event_sleep(&w->cond.event, key, SLIP_FOREVER), 0,
		     "who was on the way down is up");
	end();
}

static int lock_and_die(struct slip_peer *me)
{
	struct slip_pi_mutex m;

	if (slip_pi_mutex_attach(&m, &words_of(me->rg)->lock, me))
		return 91;
	actor_ready();
	if (slip_pi_mutex_lock(&m))
		return 92;
	(void)raise(SIGKILL);
	return 93;
}

Test(cond_pi, a_death_while_one_waits_is_told)
{
	struct member m;
	int rc = 0;

	begin();
	cr_assert_eq(slip_pi_mutex_lock(&mine), 0);
	cr_assert(peers_start(&m, lock_and_die));
	while (rc == 0)
		rc = slip_cond_wait_pi(&w->cond, &mine);
	cr_assert_eq(rc, -EOWNERDEAD);
	cr_assert_eq(slip_pi_mutex_consistent(&mine), 0, "ours");
	cr_assert_eq(slip_pi_mutex_unlock(&mine), 0);
	cr_assert_eq(actor_wait(&m.actor), -SIGKILL);
	end();
}
