/* SPDX-License-Identifier: MIT */
/*
 * How the primitives of this folder block: look, spin for a while if that has
 * been worth it, announce, look again, sleep; and, if somebody may have to be
 * found dead, not for longer than a slice. Not for users: each primitive has
 * its verbs.
 *
 * A slice decides nothing. It bounds how long a wake-up stays lost that went to
 * a waiter who was killed or stopped with it, and how long a death goes unseen
 * that nobody told of. It ends by the clock, not with a sleep: signals and
 * wake-ups for others may end every sleep before its time.
 */
#ifndef SLIP_FUTEX_WAIT_H
#define SLIP_FUTEX_WAIT_H

#include <errno.h>

#include "../atomics/base.h"
#include "event.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The slice of waiters that have nobody to ask about: only a wake-up that died
 * with a killed waiter is made good for by it.
 */
#define SLIP_LONG_SLICE_NS UINT64_C(100000000)

/*
 * Turns of a spin between two looks (2 us) at a lock: each look takes the line
 * from whoever has it, and who is left alone for a while gets more done. Two who
 * contend get somewhat less than with pthread's mutex, whose waiters sleep at
 * once: `slipring bench --case contend` has both.
 */
#define SLIP_LOCK_STRIDE 32u

/* One who waits: private, of one thread at a time. */
struct slip_waiter {
	struct slip_event *event;
	uint64_t slice_ns; /* SLIP_FOREVER: sleeps until told */
	uint64_t end_ns;   /* of the slice */
	unsigned mode;	   /* of the event */
	uint32_t stride;   /* look at every so many-th turn of a spin */
	struct slip_spin spin;
};

/*
 * Is it time to go on? More than 0: yes, and what was waited for has been had;
 * 0: not yet; -errno: it will never be, or is, but not as hoped. `ask`: a slice
 * has gone by, so the oracle may be asked who has died.
 */
typedef int (*slip_ready_fn)(void *handle, bool ask);

SLIP_INLINE void slip_waiter_init_(struct slip_waiter *w,
				   struct slip_event *event, unsigned mode,
				   uint64_t slice_ns)
{
	w->event = event;
	w->slice_ns = slice_ns;
	w->end_ns = 0;
	w->mode = mode;
	w->stride = 1;
	slip_spin_init(&w->spin);
}

SLIP_INLINE bool slip_late_(uint64_t deadline_ns)
{
	return deadline_ns != SLIP_FOREVER && slip_now_ns() >= deadline_ns;
}

SLIP_INLINE void slip_waiter_slice_(struct slip_waiter *w)
{
	w->end_ns = SLIP_FOREVER;
	if (w->slice_ns != SLIP_FOREVER)
		w->end_ns = slip_after_ns(w->slice_ns);
}

SLIP_INLINE int slip_waiter_spin_(struct slip_waiter *w, slip_ready_fn ready,
				  void *handle)
{
	int now = 0;

	if (!slip_spin_begin(&w->spin))
		return 0;
	while (now == 0 && slip_spin_turn(&w->spin))
		if (w->spin.turns % w->stride == 0)
			now = ready(handle, false);
	if (now)
		slip_spin_hit(&w->spin);
	return now;
}

/* Sleep once, if `ready` still says no. What it says, and `*rc`: 0: look again;
 * -ETIMEDOUT: the deadline; or why one cannot sleep. `*ask`: see
 * slip_ready_fn. */
SLIP_INLINE int slip_waiter_sleep_(struct slip_waiter *w, slip_ready_fn ready,
				   void *handle, uint64_t deadline_ns,
				   bool *ask, int *rc)
{
	uint64_t until;
	uint32_t key;
	int now;

	*rc = slip_event_prepare(w->event, w->mode, &key);
	/* Also where one must not sleep: a wake-up may have been for us. */
	now = ready(handle, *ask);
	if (now || *rc)
		return now;
	if (*ask)
		slip_waiter_slice_(w);
	until = w->end_ns < deadline_ns ? w->end_ns : deadline_ns;
	*rc = slip_event_sleep(w->event, key, until);
	if (*rc && *rc != -ETIMEDOUT)
		return 0;
	*ask = slip_late_(w->end_ns);
	*rc = slip_late_(deadline_ns) ? -ETIMEDOUT : 0;
	return 0;
}

/*
 * Block until `ready`, or the deadline (absolute CLOCK_MONOTONIC, SLIP_FOREVER
 * for none). It is asked once more when the deadline has come, so one in the
 * past tries once. 0; -ETIMEDOUT; what `ready` says below 0; or what
 * slip_event_prepare and slip_event_sleep return.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_waiter_until_(struct slip_waiter *w,
						 slip_ready_fn ready,
						 void *handle,
						 uint64_t deadline_ns)
{
	bool ask = false;
	int rc = slip_late_(deadline_ns) ? -ETIMEDOUT : 0;
	int now = rc ? 0 : slip_waiter_spin_(w, ready, handle);

	slip_waiter_slice_(w);
	while (now == 0 && rc == 0)
		now = slip_waiter_sleep_(w, ready, handle, deadline_ns, &ask,
					 &rc);
	/* Deadlines shorter than a slice must not hide a death. */
	if (now == 0 && rc == -ETIMEDOUT)
		now = ready(handle, true);
	if (now == 0)
		return rc;
	return now < 0 ? now : 0;
}

#ifdef __cplusplus
}
#endif

#endif
