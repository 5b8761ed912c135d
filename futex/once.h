/* SPDX-License-Identifier: MIT */
/*
 * Do something once, whichever process comes first; and again, if the one that
 * did it died before it was done.
 *
 * Use it to make what several processes share and none of them owns. A region
 * is never seen half-made as it is (region.h); this is for what is made later.
 *
 *	struct shared { struct slip_once made; ... } *s;	zero bytes
 *
 *	int rc = slip_once_begin(&s->made, &self);
 *	if (rc == -EOWNERDEAD)
 *		clean(s);			somebody died half-way
 *	if (rc == 1 || rc == -EOWNERDEAD) {
 *		make(s);
 *		slip_once_end(&s->made, &self);
 *		rc = 0;
 *	}
 *	if (rc == 0)
 *		... it is made ...
 *
 * Shape: 16 bytes, 8-byte aligned, at any address; zero bytes are one that has
 * not been begun.
 *
 *	+0	word	state 0..3, peer id 4..15, its generation 16..47
 *	+8	event	who waits for the end (event.h, mode RMW)
 *
 *	state		begin				end	abort
 *	0 new		-> 1 by me; 1			-EPERM	-EPERM
 *	1 running by me	waits (see below)		-> 2	-> 0, wakes one
 *	  by another	waits				-EPERM	-EPERM
 *	  by a dead one	-> 1 by me; -EOWNERDEAD		-EPERM	-EPERM
 *	2 done		0				-EPERM	-EPERM
 *
 * The runner is a membership (id, generation), which never comes back; who
 * leaves the region counts as dead. Who is dead is said by the kernel, asked at
 * once, and after each slice (SLIP_SLICE_NS) of waiting. With `self` NULL nobody
 * is ever seen dead, and all who give NULL are one to end and abort.
 *
 * Concurrency: any thread, any time; begin blocks while another runs. A thread
 * that begins again what it runs itself waits for ever, as its peers' threads
 * have the same name. end and abort are wait-free, but for the system call that
 * wakes; the memory must stay until they have returned. Once done, begin is one
 * load. All give members of the same region: of one of another the oracle would
 * say that he is dead.
 *
 * Order: what the runner did before end is visible to whom begin said 0; what it
 * did before abort or its death, to the next runner.
 *
 * Death, by the point at which it comes:
 *
 *	in begin, before the swap	nothing happened
 *	after it, until end's swap	the next one gets -EOWNERDEAD
 *	after end's swap		done; who sleeps looks after a slice
 *	asleep, or just woken		the others look after a slice
 *
 * fork: a child's copy of `self` is refused: -ECHILD.
 *
 * Damage: whoever can write the word can have it run again, or never; a state
 * above 2 is -EBADMSG.
 *
 * Source: pthread_once and call_once; the runner as a peer of a region is our
 * own.
 */
#ifndef SLIP_FUTEX_ONCE_H
#define SLIP_FUTEX_ONCE_H

#include "peer.h"
#include "wait.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { /* states */
       SLIP_ONCE_NEW_ = 0,
       SLIP_ONCE_RUNNING_ = 1,
       SLIP_ONCE_DONE_ = 2
};

struct slip_once {
	slip_a64 word;
	struct slip_event event;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_once) == 16, "layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_once, event) == 8, "layout");

/* One who begins. */
struct slip_once_call_ {
	struct slip_once *once;
	const struct slip_peer *self;
	int result; /* 1: is to run it */
};

SLIP_INLINE uint64_t slip_once_mine_(const struct slip_peer *self)
{
	return SLIP_ONCE_RUNNING_ |
	       (self ? slip_peer_tag_(self->id, self->gen) : 0);
}

/* Who runs it now is we; `seen`: new, or by a dead one. 0: lost the race. */
SLIP_INLINE int slip_once_take_(struct slip_once_call_ *c, uint64_t seen)
{
	bool died = seen != SLIP_ONCE_NEW_;

	/* ONCE-A1 runner: what one did that gave it up. Pairs:
	 * slip_once_leave_. Else: it is run on what was before. What a dead one
	 * did came with the oracle's answer. */
	if (!slip_a64_cas_acquire(&c->once->word, &seen,
				  slip_once_mine_(c->self)))
		return 0;
	c->result = died ? -EOWNERDEAD : 1;
	return 1;
}

SLIP_INLINE int slip_once_ready_(void *handle, bool ask)
{
	struct slip_once_call_ *c = SLIP_CAST(struct slip_once_call_ *, handle);
	/* ONCE-A1 user: what was made. Pairs: slip_once_leave_. Else: it is
	 * used as it was before. */
	uint64_t seen = slip_a64_load_acquire(&c->once->word);

	if ((seen & 15) == SLIP_ONCE_DONE_)
		return 1;
	if ((seen & 15) > SLIP_ONCE_DONE_)
		return -EBADMSG;
	if (seen != SLIP_ONCE_NEW_ &&
	    !(ask && slip_peer_tag_dead_(seen, c->self)))
		return 0;
	return slip_once_take_(c, seen);
}

SLIP_COLD SLIP_MUST_CHECK int
slip_once_begin_slow_(struct slip_once *o, const struct slip_peer *self,
		      uint64_t deadline_ns)
{
	struct slip_once_call_ c;
	struct slip_waiter w;
	int rc = self ? slip_region_check_(self->rg) : 0;

	if (rc)
		return rc;
	if (self && !self->id)
		return -EINVAL;
	c.once = o;
	c.self = self;
	c.result = 0;
	slip_waiter_init_(&w, &o->event, SLIP_EVENT_RMW,
			  self ? SLIP_SLICE_NS : SLIP_LONG_SLICE_NS);
	rc = slip_once_ready_(&c, true);
	if (rc == 0)
		rc = slip_waiter_until_(&w, slip_once_ready_, &c, deadline_ns);
	return rc < 0 ? rc : c.result;
}

/*
 * Is it done? If not, run it, or wait until `deadline_ns` (absolute
 * CLOCK_MONOTONIC, SLIP_FOREVER for none) for the one that runs it. `self`: the
 * member that would run it, or NULL.
 *
 * 0: done. 1: run it, and call slip_once_end or slip_once_abort. -EOWNERDEAD:
 * the same, and somebody died as he ran it. -ETIMEDOUT; -EINVAL: `self` is no
 * member; -ECHILD; -EBADMSG: damaged; -EFAULT: the memory is gone.
 */
SLIP_INLINE SLIP_MUST_CHECK int
slip_once_begin_until(struct slip_once *o, const struct slip_peer *self,
		      uint64_t deadline_ns)
{
	/* ONCE-A1 user: what was made. Pairs: slip_once_leave_. Else: it is
	 * used as it was before. */
	if (SLIP_LIKELY(slip_a64_load_acquire(&o->word) == SLIP_ONCE_DONE_))
		return 0;
	return slip_once_begin_slow_(o, self, deadline_ns);
}

/* As slip_once_begin_until(), for as long as it takes. */
SLIP_CORE SLIP_MUST_CHECK int slip_once_begin(struct slip_once *o,
					      const struct slip_peer *self)
{
	return slip_once_begin_until(o, self, SLIP_FOREVER);
}

SLIP_INLINE int slip_once_leave_(struct slip_once *o,
				 const struct slip_peer *self, uint64_t state)
{
	uint64_t mine = slip_once_mine_(self);
	int rc = self ? slip_region_check_(self->rg) : 0;

	if (rc)
		return rc;
	/* Who has left has the name of those that give NULL. */
	if (self && !self->id)
		return -EPERM;
	/* ONCE-R1 runner: what was made is there. Pairs: slip_once_begin_until,
	 * slip_once_ready_, slip_once_take_. Else: as there. */
	if (!slip_a64_cas_release(&o->word, &mine, state))
		return -EPERM;
	return 0;
}

/* It is done: 0 to all that wait, and to all that come. 0; -EPERM: `self` does
 * not run it; -ECHILD. */
SLIP_INLINE int slip_once_end(struct slip_once *o, const struct slip_peer *self)
{
	int rc = slip_once_leave_(o, self, SLIP_ONCE_DONE_);

	if (!rc)
		slip_event_notify(&o->event, SLIP_EVENT_RMW);
	return rc;
}

/* It cannot be done, and is undone: the next one may try. As slip_once_end. */
SLIP_INLINE int slip_once_abort(struct slip_once *o,
				const struct slip_peer *self)
{
	int rc = slip_once_leave_(o, self, SLIP_ONCE_NEW_);

	if (!rc)
		slip_event_notify_one(&o->event, SLIP_EVENT_RMW);
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
