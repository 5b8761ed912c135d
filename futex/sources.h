/* SPDX-License-Identifier: MIT */
/*
 * Semaphores and flags as sources of a waitset (waitset.h). Rings:
 * ring/sources.h.
 *
 *	slip_sem_source(&s, sem, n)		ready: n units are there
 *	slip_sem_zero_source(&s, sem)		ready: none are
 *	slip_robust_sem_source(&s, &handle, n)	ready: n units are there
 *	slip_flag_source(&s, flag)		ready: it is set
 *
 * Nothing is taken: who is told tries (slip_sem_acquire_try, slip_flag_try) and
 * may find that another was quicker. A set that waits for units says so by the
 * semaphore's bit `broad` (sem.h), also for one unit: so a post wakes all who
 * wait, and none of them is left asleep beside a unit that the set did not take.
 * The units of a dead holder come back while the set waits (after
 * SLIP_SLICE_NS), if the handle has a peer. `now` is 1, or -ECHILD, -EINVAL: the
 * handle is a fork parent's, or detached.
 */
#ifndef SLIP_FUTEX_SOURCES_H
#define SLIP_FUTEX_SOURCES_H

#include "flag.h"
#include "robust_sem.h"
#include "sem.h"
#include "waitset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- sem.h ------------------------------------------------------------------ */

SLIP_INLINE int slip_sem_now_(const struct slip_source *s, bool ask)
{
	struct slip_sem *sem = SLIP_CAST(struct slip_sem *, s->handle);
	/* hint: who takes them looks again */
	uint32_t seen = slip_a32_load_relaxed(&sem->word);

	(void)ask;
	do {
		if ((seen & SLIP_SEM_MAX) >= s->n)
			return 1;
		if (seen & SLIP_SEM_BROAD_)
			return 0;
		/* hint: the post that reads it looks at the event, EVENT-H3 */
	} while (!slip_a32_cas_relaxed(&sem->word, &seen,
				       seen | SLIP_SEM_BROAD_));
	return 0;
}

SLIP_INLINE int slip_sem_zero_now_(const struct slip_source *s, bool ask)
{
	return slip_sem_zero_(s->handle, ask);
}

/* `n` above SLIP_SEM_MAX: never ready. */
SLIP_INLINE void slip_sem_source(struct slip_source *s, struct slip_sem *sem,
				 uint32_t n)
{
	slip_event_source(s, &sem->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS,
			  slip_sem_now_, sem);
	s->n = n;
}

SLIP_INLINE void slip_sem_zero_source(struct slip_source *s,
				      struct slip_sem *sem)
{
	slip_event_source(s, &sem->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS,
			  slip_sem_zero_now_, sem);
}

/* --- robust_sem.h ------------------------------------------------------------ */

SLIP_INLINE bool slip_robust_sem_there_(const struct slip_robust_sem *h,
					uint32_t n)
{
	uint64_t seen = slip_robust_sem_look_(h->shared);

	do {
		if (slip_robust_sem_units_(seen) >= n)
			return true;
		if (seen & SLIP_ROBUST_SEM_BROAD_)
			return false;
		/* hint: who reads it looks at the event, EVENT-H3 */
	} while (!slip_a64_cas_relaxed(&h->shared->word, &seen,
				       seen | SLIP_ROBUST_SEM_BROAD_));
	return false;
}

SLIP_INLINE int slip_robust_sem_now_(const struct slip_source *s, bool ask)
{
	const struct slip_robust_sem *h =
		SLIP_CAST(const struct slip_robust_sem *, s->handle);
	int rc = slip_robust_sem_own_(h);

	if (rc || slip_robust_sem_there_(h, s->n))
		return rc ? rc : 1;
	if (!ask || !h->self)
		return 0;
	/* -EOVERFLOW: then there are more than we want. */
	rc = slip_robust_sem_bury_(h->shared, h->seats, h->self);
	(void)rc;
	return slip_robust_sem_there_(h, s->n);
}

SLIP_INLINE void slip_robust_sem_source(struct slip_source *s,
					struct slip_robust_sem *h, uint32_t n)
{
	slip_event_source(s, h->waiter.event, SLIP_EVENT_RMW,
			  h->waiter.slice_ns, slip_robust_sem_now_, h);
	s->n = n;
}

/* --- flag.h ------------------------------------------------------------------ */

SLIP_INLINE int slip_flag_now_(const struct slip_source *s, bool ask)
{
	const struct slip_flag *f =
		SLIP_CAST(const struct slip_flag *, s->handle);

	(void)ask;
	/* FLAG-A1 waiter: what the setter did. Pairs: slip_flag_set. Else: as
	 * there. */
	return slip_a32_load_acquire(&f->word) != 0;
}

SLIP_INLINE void slip_flag_source(struct slip_source *s, struct slip_flag *f)
{
	slip_event_source(s, &f->event, SLIP_EVENT_RMW, SLIP_LONG_SLICE_NS,
			  slip_flag_now_, f);
}

#ifdef __cplusplus
}
#endif

#endif
