/* SPDX-License-Identifier: MIT */
/*
 * An event count: sleep until something published elsewhere may have changed,
 * at the cost of one load to the publisher while nobody sleeps, or of one locked
 * instruction where that is dear to the sleeper (see the modes).
 *
 * Use it beside a lock-free structure whose state says by itself whether there
 * is something to do; the event carries no state of its own. Do not use it as
 * a semaphore: wake-ups are not counted, and a wake-up may be spurious.
 *
 *	publisher			sleeper
 *	---------			-------
 *	publish (release)		for (;;) {
 *	slip_event_notify(ev, mode);		if (look()) break;
 *						slip_event_prepare(ev, mode, &k);
 *						if (look()) break;
 *						slip_event_sleep(ev, k, deadline);
 *					}
 *
 * Shape: 8 bytes in shared memory. Zero bytes are a valid event.
 *
 *	+0	word	epoch:30 | W (bit 1): somebody may sleep | E (bit 0):
 *			eager, see below
 *	+4	calm	hint: how many commits have found E without W
 *
 * W goes 0 -> 1 by a sleeper's fetch_or. It goes 1 -> 0 only inside the
 * kernel, by FUTEX_WAKE_OP's ADD 2 (the carry out of W increments the
 * epoch), in the same step, under the same bucket lock, that wakes the
 * sleepers. So neither a race nor a SIGKILL can fall between the clearing and
 * the waking. A publisher that adds after another publisher has cleared sets W
 * with nobody asleep: that costs one idle system call.
 *
 * The handshake, as it would lose (publisher left, sleeper right):
 *
 *	store data, still in the		W = 1
 *	store buffer				look(): nothing yet
 *	load W: 0, so no wake-up		sleep, for ever
 *
 * Reduced to its four lines (store buffering, both loads must not be 0):
 *
 *	P: data = 1;	P: r1 = W;	S: W = 1;	S: r2 = data;
 *
 * The store-load order that forbids it is bought in one of three ways, the
 * mode, fixed when the event is created because both sides must agree:
 *
 *	mode	publisher			sleeper
 *	ASYM	nothing but a compiler barrier;	membarrier(GLOBAL_EXPEDITED),
 *		while E is set, as FULL		a barrier in every registered
 *						process; nothing while E is set
 *	FULL	a read-modify-write of W, whose	the fetch_or itself: the two
 *		place in W's modification order	RMWs are ordered, the earlier
 *		decides who sees whom		synchronises with the later
 *	RMW	nothing on x86-64: the commit	a full fence
 *		was a seq_cst RMW itself
 *
 * E. A barrier in a processor that runs is an interrupt: 2 us, and in a virtual
 * machine 10 to 1000. So the sleeper that has paid for one leaves E behind, by a
 * CAS of the very word in which it had set W before the barrier. Till E goes, any
 * look at the word since that barrier finds W or E, and either makes it an RMW:
 * whoever sets W while E is there needs no barrier. The 131072nd commit that
 * finds E without W takes it away: where there is no W, nobody relies on it, and who
 * sets W later pays for a barrier of his own.
 *
 * If P loads W = 1, the word changes under the bucket lock: a sleeper between
 * prepare and sleep gets -EAGAIN, one already asleep is woken. (notify_one
 * first tries to wake a sleeper that is queued; if there is one, it serves the
 * commit, and the others need not know.)
 *
 * Concurrency: any number of publishers and sleepers. All but sleep are
 * wait-free, apart from the system call, and async-signal-safe.
 *
 * Death: a publisher killed (or stopped) between its commit and its notify
 * leaves a sleeper untold; a sleeper killed or stopped after notify_one woke it
 * has swallowed a wake-up meant for any. So a sleeper that has peers sleeps in
 * slices (SLIP_SLICE_NS), which bounds the delay and decides nothing. What a dead
 * sleeper leaves, W or E, costs publishers a system call, or RMWs till E goes;
 * who relies on E does not need him who left it.
 *
 * Damage: every value of the word is a valid one. E that nobody has paid for may
 * lose what is on its way just then, as may a W that is taken away.
 *
 * Source: event counts after D. Vyukov; the asymmetric form after Linux's
 * membarrier(2); the kernel-side clear is our own.
 */
#ifndef SLIP_FUTEX_EVENT_H
#define SLIP_FUTEX_EVENT_H

#include <errno.h>
#include <limits.h>

#include "../atomics/base.h"
#include "../atomics/fence.h"
#include "../atomics/pause.h"
#include "../atomics/word.h"
#include "futex.h"
#include "sys.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Modes; the creator of an event chooses one, its users are told. */
#define SLIP_EVENT_AUTO 0u /* at creation: ASYM where it works, else FULL */
#define SLIP_EVENT_ASYM 1u
#define SLIP_EVENT_FULL 2u
#define SLIP_EVENT_RMW	3u

/*
 * How long a sleeper that watches peers stays down before it looks again. No
 * shorter: a timer that ends before the next tick costs a virtual machine
 * several us to set, at every sleep.
 */
#define SLIP_SLICE_NS UINT64_C(6000000)

#define SLIP_EVENT_EAGER_ 1u /* E */
#define SLIP_EVENT_W_	  2u
#define SLIP_EVENT_ANY_	  3u
#define SLIP_EVENT_ONE_	  4u /* of the epoch */

/* Commits that cost an RMW each, till E goes: some 0.6 ms of them, as much as a
 * slow barrier. With fewer, who sleeps now and then pays for barriers mostly. */
#ifndef SLIP_EVENT_CALM_
#define SLIP_EVENT_CALM_ 131072u
#endif

struct slip_event {
	slip_a32 word;
	slip_a32 calm;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_event) == 8, "event is 8 bytes");

enum { /* <linux/membarrier.h>, which older systems lack */
       SLIP_MEMBARRIER_QUERY_ = 0,
       SLIP_MEMBARRIER_GLOBAL_EXPEDITED_ = 1 << 1,
       SLIP_MEMBARRIER_REGISTER_GLOBAL_EXPEDITED_ = 1 << 2
};

SLIP_INLINE int slip_event_membarrier_(long command)
{
	return SLIP_CAST(
		int, slip_sys_call_(SYS_membarrier, command, 0, 0, 0, 0, 0));
}

/*
 * Make this process ready for events of `mode`: for ASYM, register it with
 * the kernel as a target of membarrier; nothing for the others. Every process
 * that notifies or sleeps on an ASYM event must have done it, again after
 * exec; a child of fork inherits it. Takes about 1 us in a process of one
 * thread, up to 30 ms in one of several (it waits for an RCU grace period).
 *
 * Returns 0; -EINVAL: no such mode; -ENOSYS, -EPERM: the kernel or a seccomp
 * filter refuses membarrier; -ENOMEM: the kernel's. Async-signal-safe.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_event_register(unsigned mode)
{
	if (mode == SLIP_EVENT_FULL || mode == SLIP_EVENT_RMW)
		return 0;
	if (mode != SLIP_EVENT_ASYM)
		return -EINVAL;
	int rc = slip_event_membarrier_(
		SLIP_MEMBARRIER_REGISTER_GLOBAL_EXPEDITED_);

	/* Kernels before 4.16 know the call but not the command. */
	return rc == -EINVAL ? -ENOSYS : rc;
}

/*
 * Resolve a mode for a new event. AUTO becomes ASYM if this process can
 * register, else FULL; the others are checked and returned as they are.
 * Returns the mode (1 to 3) or what slip_event_register returns.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_event_choose(unsigned mode)
{
	bool any = mode == SLIP_EVENT_AUTO;
	int rc = slip_event_register(any ? SLIP_EVENT_ASYM : mode);

	if (any)
		return SLIP_CAST(int, rc ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM);
	return rc ? rc : SLIP_CAST(int, mode);
}

/*
 * The slow half of the asymmetric fence; the fast half is slip_fence_light().
 * A full fence here and in every registered process, wherever it is. Returns 0
 * or -errno (see slip_event_register).
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_fence_heavy(void)
{
	return slip_event_membarrier_(SLIP_MEMBARRIER_GLOBAL_EXPEDITED_);
}

SLIP_COLD void slip_event_wake_slow_(struct slip_event *e)
{
	/* EVENT-H4 publisher: the kernel changes the word, which takes W away
	 * and counts, and looks for sleepers in one step; and as its bucket's
	 * lock makes the call a full fence, what was stored before is there
	 * for whoever sees the new word (slip_event_wake_all has no other
	 * order). Pairs: slip_event_sleep. Else: a sleeper goes down after the
	 * look, and W is gone. It fails only if the word is no longer mapped:
	 * then nobody sleeps. The second count is taken as 1 and finds nobody
	 * left. */
	(void)slip_futex_wake_op(&e->word, INT_MAX, &e->word, 0,
				 SLIP_FUTEX_OP(SLIP_FUTEX_OP_ADD, SLIP_EVENT_W_,
					       SLIP_FUTEX_OP_CMP_EQ, 0),
				 SLIP_SHARED);
}

/* If nobody is queued, a sleeper may be on its way down: as wake_slow_. */
SLIP_COLD void slip_event_wake_one_slow_(struct slip_event *e)
{
	/* hint: a sleeper it misses is for EVENT-H4 */
	if (slip_futex_wake(&e->word, 1, SLIP_SHARED) == 0)
		slip_event_wake_slow_(e);
}

/* An RMW of the word that leaves it as it is. */
SLIP_INLINE uint32_t slip_event_visit_(struct slip_event *e)
{
	uint32_t zero = 0;

	/* Clang turns the addition of a known 0 into a fence and a load, which
	 * costs more. */
	__asm__("" : "+r"(zero));
	/* EVENT-H1 publisher: an RMW, so it stands before or after the sleeper's
	 * in the word's own order; before: the sleeper synchronises with it and
	 * sees the commit; after: it returns W. Pairs: slip_event_announce_. Else:
	 * a sleeper misses a commit whose publisher missed W. */
	return slip_a32_fetch_add_release(&e->word, zero);
}

/* A commit has found E without W: when that was often enough, E goes. */
SLIP_INLINE void slip_event_calm_(struct slip_event *e, uint32_t seen)
{
	/* hint: what others spoil costs some RMWs, or a barrier */
	uint32_t calm = slip_a32_load_relaxed(&e->calm) + 1;
	bool enough = calm >= SLIP_EVENT_CALM_;

	/* hint: as above */
	slip_a32_store_relaxed(&e->calm, enough ? 0 : calm);
	if (enough)
		/* hint: as W is not there, nobody relies on it */
		(void)slip_a32_cas_relaxed(&e->word, &seen,
					   seen & ~SLIP_EVENT_EAGER_);
}

/*
 * A commit has found W or E: does somebody sleep? Also if it was W: it may be E
 * by now, on which a sleeper relies whom notify_one does not wake. In the other
 * modes there is no E, and the second look changes nothing.
 */
SLIP_COLD bool slip_event_eager_(struct slip_event *e)
{
	uint32_t seen = slip_event_visit_(e);

	if ((seen & SLIP_EVENT_ANY_) == SLIP_EVENT_EAGER_)
		slip_event_calm_(e, seen);
	return seen & SLIP_EVENT_W_;
}

SLIP_COLD void slip_event_tell_(struct slip_event *e)
{
	if (slip_event_eager_(e))
		slip_event_wake_slow_(e);
}

SLIP_COLD void slip_event_tell_one_(struct slip_event *e)
{
	if (slip_event_eager_(e))
		slip_event_wake_one_slow_(e);
}

/* The word after a commit. If it has W or E, that is for slip_event_eager_. */
SLIP_CORE uint32_t slip_event_look_(struct slip_event *e, unsigned mode)
{
	if (mode == SLIP_EVENT_FULL)
		return slip_event_visit_(e);
	if (mode == SLIP_EVENT_RMW)
		/* EVENT-H3 publisher: its commit, an RMW, comes before its look
		 * at W. Pairs: slip_event_announce_. Else: as H1. */
		slip_fence_after_rmw();
	else
		/* EVENT-H2 publisher: so does this one's, by the compiler
		 * here and, if a sleeper asks for it, by the processor. Pairs:
		 * slip_event_announce_. Else: as H1. */
		slip_fence_light();
	/* EVENT-H2, EVENT-H3 publisher: after the fence. Pairs:
	 * slip_event_announce_. Else: as H1. */
	return slip_a32_load_relaxed(&e->word);
}

/*
 * Tell every sleeper to look again. Call it after publishing. One load (ASYM,
 * RMW) or one locked instruction (FULL; ASYM while E is set) if nobody sleeps,
 * else one system call. Never blocks; async-signal-safe; leaves errno alone.
 */
SLIP_CORE void slip_event_notify(struct slip_event *e, unsigned mode)
{
	if (SLIP_UNLIKELY(slip_event_look_(e, mode) & SLIP_EVENT_ANY_))
		slip_event_tell_(e);
}

/*
 * Tell one sleeper to look again; for events where each commit serves one
 * sleeper and any sleeper will do. W stays set until a wake finds nobody.
 */
SLIP_CORE void slip_event_notify_one(struct slip_event *e, unsigned mode)
{
	if (SLIP_UNLIKELY(slip_event_look_(e, mode) & SLIP_EVENT_ANY_))
		slip_event_tell_one_(e);
}

/* Wake every sleeper whether or not one is seen: after a death, a close. */
SLIP_INLINE void slip_event_wake_all(struct slip_event *e)
{
	slip_event_wake_slow_(e);
}

/* Set W. The word as it is then. */
SLIP_INLINE uint32_t slip_event_announce_(struct slip_event *e)
{
	/* EVENT-H1, EVENT-H2, EVENT-H3 sleeper: W is set before it looks at the
	 * data: H1 by the acquire, the others by the fence that follows. Pairs:
	 * slip_event_visit_, slip_event_look_. Else: it looks too early, W is
	 * seen too late, and it sleeps on data that is there.
	 * EVENT-A5 sleeper: E, if it is there, was left after a barrier. Pairs:
	 * slip_event_spur_. Else: as R5. */
	return slip_a32_fetch_or_acquire(&e->word, SLIP_EVENT_W_) |
	       SLIP_EVENT_W_;
}

/* A barrier has been, since W was set in the word that `key` says: leave E. */
SLIP_INLINE void slip_event_spur_(struct slip_event *e, uint32_t *key)
{
	uint32_t seen = *key;

	/* EVENT-R5 sleeper: what others had committed before the barrier is
	 * there for whoever sees E. Pairs: slip_event_announce_. Else: one that
	 * relies on E misses a commit whose publisher had looked before. */
	if (slip_a32_cas_release(&e->word, &seen, seen | SLIP_EVENT_EAGER_))
		*key |= SLIP_EVENT_EAGER_;
}

/*
 * Announce a sleeper. Look at the data again afterwards, and only then call
 * slip_event_sleep with the key. Nothing is to be undone if the look succeeds:
 * W left set costs some publisher one system call. A key that another sleeper's E
 * has made old ends the sleep at once.
 *
 * Returns 0 and the key, or -ENOSYS, -EPERM or -ENOMEM if it needs a membarrier
 * (ASYM, without E) and the kernel refuses it: then it must not sleep.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_event_prepare(struct slip_event *e,
						   unsigned mode, uint32_t *key)
{
	int rc = 0;

	*key = slip_event_announce_(e);
	if (mode == SLIP_EVENT_ASYM && !(*key & SLIP_EVENT_EAGER_)) {
		/* EVENT-H2 sleeper: a full fence here and in every publisher.
		 * Pairs: slip_event_look_. Else: as slip_event_announce_. */
		rc = slip_fence_heavy();
		if (!rc)
			slip_event_spur_(e, key);
	}
	if (mode == SLIP_EVENT_RMW)
		/* EVENT-H3 sleeper: as H2, but here alone. Pairs:
		 * slip_event_look_. Else: as slip_event_announce_. */
		slip_fence_full();
	return rc;
}

/*
 * Sleep until notified, until `deadline_ns` (absolute CLOCK_MONOTONIC,
 * SLIP_FOREVER for none), a signal, or spuriously. Returns 0: look again;
 * -ETIMEDOUT; -EFAULT, -EINVAL: the memory is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_event_sleep(struct slip_event *e, uint32_t key, uint64_t deadline_ns)
{
	/* EVENT-H4 sleeper: the kernel compares the word with the key and goes
	 * to sleep in one step. Pairs: slip_event_wake_slow_. Else: it sleeps
	 * on a word that no longer asks to be woken. */
	int rc = slip_futex_wait(&e->word, key, deadline_ns, SLIP_SHARED);

	return rc == -EAGAIN || rc == -EINTR ? 0 : rc;
}

/*
 * Adaptive spinning before a sleep. A wake-up costs both sides some 10 to 30
 * us, so a short wait is better spun; but spinning is pure loss where both
 * sides share a CPU, or more threads want to run than there are CPUs. So: the
 * budget is twice what a successful spin took, risen to at once and left
 * slowly; after three failures in a row spinning stops, and is tried again
 * after 64, 128, ... 4096 waits, with the longest budget. That one outlasts a
 * wake-up: two sides that both sleep find each other slow, and would never
 * find out that they need not be. Private to one handle.
 */
#define SLIP_SPIN_FIRST_NS 20000u
#define SLIP_SPIN_MAX_NS   50000u
#define SLIP_SPIN_MIN_NS   2000u

struct slip_spin {
	uint64_t since_ns;  /* when the current spin began */
	uint32_t budget_ns; /* how long it may take */
	uint32_t misses;    /* spins in a row that ended in a sleep */
	uint32_t skip;	    /* waits to go before the next spin */
	uint32_t turns;	    /* pauses so far */
};

SLIP_INLINE void slip_spin_init(struct slip_spin *s)
{
	s->since_ns = 0;
	s->budget_ns = SLIP_SPIN_FIRST_NS;
	s->misses = 0;
	s->skip = 0;
	s->turns = 0;
}

/* Begin a wait: true if it should start with spinning. */
SLIP_INLINE bool slip_spin_begin(struct slip_spin *s)
{
	if (s->skip) {
		s->skip--;
		return false;
	}
	s->turns = 0;
	s->since_ns = slip_now_ns();
	return true;
}

/* One turn of the loop: false when the budget is used up. */
SLIP_INLINE bool slip_spin_turn(struct slip_spin *s)
{
	slip_pause();
	if (++s->turns % 32)
		return true;
	if (slip_now_ns() - s->since_ns < s->budget_ns)
		return true;
	if (s->misses < 9)
		s->misses++;
	if (s->misses >= 3) {
		s->skip = UINT32_C(64) << (s->misses - 3);
		s->budget_ns = SLIP_SPIN_MAX_NS;
	}
	return false;
}

/* The condition came true while spinning: learn from the time it took. */
SLIP_INLINE void slip_spin_hit(struct slip_spin *s)
{
	uint64_t twice = 0;

	s->misses = 0;
	if (s->turns >= 32)
		twice = 2 * (slip_now_ns() - s->since_ns);
	if (twice > SLIP_SPIN_MAX_NS)
		twice = SLIP_SPIN_MAX_NS;
	if (twice > s->budget_ns)
		s->budget_ns = SLIP_CAST(uint32_t, twice);
	else
		s->budget_ns -= s->budget_ns / 64;
	if (s->budget_ns < SLIP_SPIN_MIN_NS)
		s->budget_ns = SLIP_SPIN_MIN_NS;
}

#ifdef __cplusplus
}
#endif

#endif
