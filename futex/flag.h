/* SPDX-License-Identifier: MIT */
/*
 * A flag to wait for, of 16 bytes in shared memory: of manual reset (a door
 * that stays open) or of automatic reset (a turnstile: each setting lets one
 * through).
 *
 * Use it to say "it is time" once, or again and again, also from a signal
 * handler. To count, take sem.h; to wait for a state under a mutex, cond.h.
 *
 *	struct shared { struct slip_flag go; ... } *s;	zero bytes: manual reset
 *
 *	slip_flag_wait(&s->go);			slip_flag_set(&s->go);
 *
 * Shape: 16 bytes, at any address; zero bytes are a flag of manual reset that is
 * not set.
 *
 *	+0	word	0 not set, 1 set
 *	+4	kind	0 manual, 1 automatic: constant
 *	+8	event	sleepers (event.h, mode RMW)
 *
 *	word	set		reset	wait, try (manual)	(automatic)
 *	0	-> 1, wakes	false	waits; false		waits; false
 *		all or one
 *	1	as before	-> 0,	goes on; true		-> 0, goes on; true
 *				true
 *
 * Concurrency: any thread, any time. wait blocks; the others are wait-free, but
 * for the system call that wakes, and async-signal-safe. A flag that is set
 * twice before anybody came lets one through. Who is let through before set has
 * returned must not give the memory back yet: set still looks who sleeps.
 *
 * Order: what was done before set is visible after the wait, try or reset that
 * found the flag set.
 *
 * Death. Who is killed in set has set it, or not; if it did not come to wake
 * anybody, or if a waiter was killed after it was woken, those who sleep look by
 * themselves after SLIP_LONG_SLICE_NS at most. A waiter that is killed after an
 * automatic flag let it through has taken that with it: what must not be lost
 * belongs into a ring, or under robust_sem.h.
 *
 * A flag of manual reset that is set and at once reset may let nobody through:
 * who was woken looks, and sleeps again.
 *
 * Damage: whoever can write the memory can set and reset it; a word above 1
 * counts as set, and a kind above 1 as automatic; nothing else follows.
 *
 * Source: the event objects of Windows, on the event count of event.h.
 */
#ifndef SLIP_FUTEX_FLAG_H
#define SLIP_FUTEX_FLAG_H

#include <string.h>

#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds. */
#define SLIP_FLAG_MANUAL 0u
#define SLIP_FLAG_AUTO	 1u

struct slip_flag {
	slip_a32 word;
	slip_a32 kind;
	struct slip_event event;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_flag) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_flag, kind) == 4, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_flag, event) == 8, "layout");

/*
 * Make `f` (of any content, used by nobody) a flag that is not set. `kind`:
 * SLIP_FLAG_MANUAL or SLIP_FLAG_AUTO. 0; -EINVAL: no such kind.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_flag_init(struct slip_flag *f,
					       unsigned kind)
{
	if (kind > SLIP_FLAG_AUTO)
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	/* init */
	slip_a32_store_relaxed(&f->kind, kind);
	return 0;
}

SLIP_INLINE bool slip_flag_auto_(const struct slip_flag *f)
{
	/* own: constant */
	return slip_a32_load_relaxed(&f->kind) != SLIP_FLAG_MANUAL;
}

/* Set it, and wake who waits: all, or one if it is automatic. */
SLIP_INLINE void slip_flag_set(struct slip_flag *f)
{
	/* FLAG-R1 setter: what was done before is there. Pairs: slip_flag_try,
	 * slip_flag_reset. Else: who is let through reads what was before. An
	 * exchange also if it is set: who finds it set sees all setters. */
	(void)slip_a32_exchange_release(&f->word, 1);
	if (slip_flag_auto_(f))
		slip_event_notify_one(&f->event, SLIP_EVENT_RMW);
	else
		slip_event_notify(&f->event, SLIP_EVENT_RMW);
}

/* Reset it. True: it was set. */
SLIP_CORE bool slip_flag_reset(struct slip_flag *f)
{
	/* FLAG-A1 taker: what the setter did. Pairs: slip_flag_set. Else: as
	 * there. */
	return slip_a32_exchange_acquire(&f->word, 0) != 0;
}

/* Is it set? One that is automatic is then reset, in the same step. */
SLIP_CORE bool slip_flag_try(struct slip_flag *f)
{
	/* FLAG-A1 waiter: what the setter did. Pairs: slip_flag_set. Else: as
	 * there. */
	uint32_t seen = slip_a32_load_acquire(&f->word);

	if (seen == 0 || !slip_flag_auto_(f))
		return seen != 0;
	return slip_flag_reset(f);
}

SLIP_INLINE int slip_flag_ready_(void *handle, bool ask)
{
	(void)ask;
	return slip_flag_try(SLIP_CAST(struct slip_flag *, handle));
}

SLIP_COLD SLIP_MUST_CHECK int slip_flag_wait_slow_(struct slip_flag *f,
						   uint64_t deadline_ns)
{
	struct slip_waiter w;

	slip_waiter_init_(&w, &f->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS);
	return slip_waiter_until_(&w, slip_flag_ready_, f, deadline_ns);
}

/*
 * Wait until it is set, or until `deadline_ns` (absolute CLOCK_MONOTONIC,
 * SLIP_FOREVER for none). 0: it was, and if it is automatic it has been reset
 * for this caller alone; -ETIMEDOUT; -EFAULT, -EINVAL: the memory is gone.
 */
SLIP_CORE SLIP_MUST_CHECK int slip_flag_wait_until(struct slip_flag *f,
						   uint64_t deadline_ns)
{
	if (slip_flag_try(f))
		return 0;
	return slip_flag_wait_slow_(f, deadline_ns);
}

/* As slip_flag_wait_until(), for as long as it takes. */
SLIP_CORE SLIP_MUST_CHECK int slip_flag_wait(struct slip_flag *f)
{
	return slip_flag_wait_until(f, SLIP_FOREVER);
}

#ifdef __cplusplus
}
#endif

#endif
