/* SPDX-License-Identifier: MIT */
/*
 * Up to four counting semaphores that are changed together: all or nothing.
 *
 * Use it where a step needs several things at once, or a counter that must be
 * zero beforehand: the everyday part of System V semaphore sets. For one
 * counter sem.h is cheaper to wait on. What a dead process has taken stays
 * taken: robust_sem.h.
 *
 *	struct slip_sem_set *s;				zero bytes
 *	struct slip_sem_change take = { { -1, -2 }, 0 };
 *	struct slip_sem_change lock = { { 0, 0, 1 }, 1 << 2 };
 *
 *	rc = slip_sem_set_change(s, &take);	one of #0 and two of #1
 *	rc = slip_sem_set_change(s, &lock);	when #2 is 0, make it 1
 *
 * Shape: 16 bytes, 8-byte aligned, in memory that all map; zero bytes are four
 * counters of value 0.
 *
 *	+0	word	counter i in bits 16i..16i+14, the others 0
 *	+8	event	sleepers (event.h, mode RMW)
 *
 * A change is judged by the values before it:
 *
 *	counter			add < 0		add > 0		zero asked for
 *	has too few		waits; -EAGAIN	-		-
 *	is not 0		-> less		-> more		waits; -EAGAIN
 *	would exceed MAX	-		-EOVERFLOW	-
 *
 * One that must wait waits, whatever else is wrong with it: who waits holds
 * nothing.
 *
 * Whom a change wakes: everybody, if it made a counter larger, or 0; for any
 * may want any of that. Nobody, if nobody sleeps: one load.
 *
 * Concurrency: any thread, any time. change and change_until block; change_try
 * and value are lock-free but for the system call that wakes, and
 * async-signal-safe. No order is promised among those that wait, and one that
 * wants much may starve.
 *
 * Order: what was done before a change is visible after all that come later.
 *
 * Death: before the swap nothing has happened, after it everything. A changer
 * that dies between its swap and its wake-up costs the sleepers
 * SLIP_LONG_SLICE_NS at most.
 *
 * Damage: whoever can write the memory can set the counters, nothing else; the
 * bits that should be 0 are ignored.
 *
 * Source: semop(2), in one word.
 */
#ifndef SLIP_FUTEX_SEM_SET_H
#define SLIP_FUTEX_SEM_SET_H

#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_SEM_SET_COUNTERS 4
#define SLIP_SEM_SET_MAX      0x7fff /* of each, as with System V */

struct slip_sem_set {
	slip_a64 word;
	struct slip_event event;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_sem_set) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_sem_set, event) == 8, "layout");

/* What is to be done at once; private. */
struct slip_sem_change {
	int32_t add[SLIP_SEM_SET_COUNTERS]; /* below 0: take */
	uint32_t zero; /* bit i: counter i must be 0 before */
};

/* One who waits to change. */
struct slip_sem_set_want_ {
	struct slip_sem_set *set;
	const struct slip_sem_change *change;
};

SLIP_CORE int32_t slip_sem_set_of_(uint64_t word, unsigned i)
{
	return SLIP_CAST(int32_t, word >> 16 * i & SLIP_SEM_SET_MAX);
}

/*
 * Make `set` (8-byte aligned, of any content, used by nobody) four counters of
 * these values. 0; -EOVERFLOW: one is above SLIP_SEM_SET_MAX.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_sem_set_init(struct slip_sem_set *set,
		  const uint32_t values[SLIP_SEM_SET_COUNTERS])
{
	uint64_t word = 0;

	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++) {
		if (values[i] > SLIP_SEM_SET_MAX)
			return -EOVERFLOW;
		word |= SLIP_CAST(uint64_t, values[i]) << 16 * i;
	}
	__builtin_memset(set, 0, sizeof(*set));
	/* init */
	slip_a64_store_relaxed(&set->word, word);
	return 0;
}

/* All four counters as they were together, a moment ago. */
SLIP_INLINE void slip_sem_set_values(const struct slip_sem_set *set,
				     uint32_t values[SLIP_SEM_SET_COUNTERS])
{
	/* stat */
	uint64_t word = slip_a64_load_relaxed(&set->word);

	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		values[i] = SLIP_CAST(uint32_t, slip_sem_set_of_(word, i));
}

/* Is that a change at all? */
SLIP_CORE bool slip_sem_set_valid_(const struct slip_sem_change *c)
{
	bool valid = c->zero >> SLIP_SEM_SET_COUNTERS == 0;

	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		valid = valid && c->add[i] >= -SLIP_SEM_SET_MAX &&
			c->add[i] <= SLIP_SEM_SET_MAX;
	return valid;
}

/* What comes of a word: 0 and `next`, or -EAGAIN or -EOVERFLOW. */
SLIP_CORE int slip_sem_set_next_(uint64_t word, const struct slip_sem_change *c,
				 uint64_t *next, bool *wakes)
{
	bool over = false;

	*next = 0;
	*wakes = false;
	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++) {
		int32_t has = slip_sem_set_of_(word, i);
		int32_t then = has + c->add[i];

		if (then < 0 || (has && c->zero >> i & 1))
			return -EAGAIN;
		over = over || then > SLIP_SEM_SET_MAX;
		*wakes = *wakes || then > has || (has && !then);
		*next |= SLIP_CAST(uint64_t, then) << 16 * i;
	}
	return over ? -EOVERFLOW : 0;
}

/*
 * Change all that `c` names, or nothing. 0; -EAGAIN: a counter has too few, or
 * is not 0; -EOVERFLOW: one would have more than SLIP_SEM_SET_MAX; -EINVAL: an
 * addend beyond that, or a counter that is none. Async-signal-safe.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_sem_set_change_try(struct slip_sem_set *set,
			const struct slip_sem_change *c)
{
	/* hint: the swap is by what was seen */
	uint64_t seen = slip_a64_load_relaxed(&set->word);
	uint64_t next;
	bool wakes;
	bool done;
	int rc;

	if (!slip_sem_set_valid_(c))
		return -EINVAL;
	do {
		rc = slip_sem_set_next_(seen, c, &next, &wakes);
		if (rc)
			return rc;
		/* SEMSET-R1, SEMSET-A1 changer: what was done before the
		 * changes so far is visible to it, and what it did to the next.
		 * Pairs: slip_sem_set_change_try. Else: what the units stand
		 * for is read as it was before. */
		done = slip_a64_cas_acqrel(&set->word, &seen, next);
	} while (!done);
	if (wakes)
		slip_event_notify(&set->event, SLIP_EVENT_RMW);
	return 0;
}

/* See slip_ready_fn. */
SLIP_INLINE int slip_sem_set_ready_(void *handle, bool ask)
{
	struct slip_sem_set_want_ *want =
		SLIP_CAST(struct slip_sem_set_want_ *, handle);
	int rc = slip_sem_set_change_try(want->set, want->change);

	(void)ask;
	if (rc == -EAGAIN)
		return 0;
	return rc ? rc : 1;
}

SLIP_COLD SLIP_MUST_CHECK int
slip_sem_set_change_slow_(struct slip_sem_set *set,
			  const struct slip_sem_change *c, uint64_t deadline_ns)
{
	struct slip_sem_set_want_ want;
	struct slip_waiter w;

	want.set = set;
	want.change = c;
	slip_waiter_init_(&w, &set->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS);
	return slip_waiter_until_(&w, slip_sem_set_ready_, &want, deadline_ns);
}

/*
 * As change_try, but block until it can be done, or until `deadline_ns`
 * (absolute CLOCK_MONOTONIC). Not -EAGAIN, but -ETIMEDOUT; -EFAULT: the memory
 * is gone.
 */
SLIP_CORE SLIP_MUST_CHECK int
slip_sem_set_change_until(struct slip_sem_set *set,
			  const struct slip_sem_change *c, uint64_t deadline_ns)
{
	int rc = slip_sem_set_change_try(set, c);

	if (SLIP_LIKELY(rc != -EAGAIN))
		return rc;
	return slip_sem_set_change_slow_(set, c, deadline_ns);
}

/* As change_until, for as long as it takes. */
SLIP_CORE SLIP_MUST_CHECK int
slip_sem_set_change(struct slip_sem_set *set, const struct slip_sem_change *c)
{
	return slip_sem_set_change_until(set, c, SLIP_FOREVER);
}

#ifdef __cplusplus
}
#endif

#endif
