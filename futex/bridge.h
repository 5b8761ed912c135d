/* SPDX-License-Identifier: MIT */
/*
 * A bridge to an event loop: a descriptor for epoll, poll or select that becomes
 * readable when one of a set of sources (waitset.h) is ready.
 *
 * Use it where a loop waits for sockets and timers, and for rings besides; the
 * price is a thread that sleeps for it. A loop of rings alone is served better
 * by a waitset, one on io_uring by uring.h.
 *
 *	slip_spsc_pop_source(&s[0], &orders);
 *	slip_bridge_open(&b, s, 1);		copies the sources
 *	pthread_create(..., run, &b);		calls slip_bridge_run(&b)
 *	epoll_ctl(ep, EPOLL_CTL_ADD, slip_bridge_fd(&b), &in);
 *
 *	for (;;) {
 *		while (slip_bridge_arm(&b) > 0)		0: armed
 *			pop_all();
 *		epoll_wait(ep, ...);
 *		... if the descriptor is readable:
 *		if (slip_bridge_take(&b) > 0)		disarmed
 *			pop_all();
 *	}
 *
 *	slip_bridge_stop(&b);
 *	pthread_join(...);
 *	slip_bridge_close(&b);
 *
 * One shot. arm looks at the sources; if none is ready it hands them, and the
 * handles behind them, to the thread, which looks again, announces itself and
 * sleeps. When one is ready the thread hands them back and writes to the
 * descriptor, once. So while the loop is busy nobody waits at the rings, and
 * their publishers pay nothing (the first one after a wait may pay one system
 * call); and nothing is lost between the last pop and the next arm.
 *
 * Whose the handles are is said by the word:
 *
 *	word		handles	arm		disarm		thread
 *	0 idle		loop's	-> armed, or	-		sleeps
 *				ready
 *	1 armed		its	-EBUSY		-> recall,	ready: -> idle, and
 *						waits		writes
 *	2 recall	its	-		-		-> idle
 *	3 stopped	its, until it is joined: -EPIPE		returns
 *
 * A loop that wants to pop while armed calls disarm first: it waits for the
 * thread to let go, which is a matter of a wake-up.
 *
 * Shape: private memory of one process, some 8 KiB, that does not move; the word
 * and the descriptor belong to it.
 *
 * Concurrency: run is for one thread, everything else for another one (the
 * loop's). run blocks until stop, and should have its signals blocked; disarm
 * blocks until the thread, which must be running, has seen it; the others do
 * not. Not async-signal-safe. Not for a fork child.
 *
 * Order: what the loop did with the handles before arm is seen by the thread,
 * and the other way round: thread sanitizers agree.
 *
 * Death: both sides die together. For what partners do: waitset.h; a source that
 * ends, as by -EPIPE, makes the descriptor readable, and is ready until it is
 * dropped.
 *
 * Errors: -EINVAL: sources as slip_waitset_init refuses them, none or more than
 * SLIP_BRIDGE_MAX; -EMFILE, -ENFILE, -ENOMEM, -ENOSYS: no descriptor; -EBUSY:
 * armed already; -EPIPE: stopped; take and disarm return what ended the
 * thread's wait, as slip_waitset_wait.
 *
 * Source: EPOLLONESHOT's contract; the rest is waitset.h and eventfd(2).
 */
#ifndef SLIP_FUTEX_BRIDGE_H
#define SLIP_FUTEX_BRIDGE_H

#include "waitset.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_BRIDGE_MAX 63u

enum {
	SLIP_BRIDGE_EVENTFD_ = 02004000, /* close-on-exec, non-blocking */
	SLIP_BRIDGE_IDLE_ = 0,
	SLIP_BRIDGE_ARMED_ = 1,
	SLIP_BRIDGE_RECALL_ = 2,
	SLIP_BRIDGE_STOPPED_ = 3
};

struct slip_bridge {
	slip_a32 word;
	int fd;
	int found; /* by the thread: how many, or -errno */
	uint32_t n;
	struct slip_source sources[SLIP_BRIDGE_MAX + 1]; /* the last: word */
	struct slip_waitset set;
};

/* --- the loop ---------------------------------------------------------------- */

/* A bridge for copies of `n` sources, idle. 0 or -errno. */
SLIP_INLINE SLIP_MUST_CHECK int
slip_bridge_open(struct slip_bridge *b, const struct slip_source *sources,
		 uint32_t n)
{
	long fd;
	int rc;

	memset(b, 0, sizeof(*b));
	b->fd = -1;
	if (n < 1 || n > SLIP_BRIDGE_MAX)
		return -EINVAL;
	memcpy(b->sources, sources, n * sizeof(*sources));
	slip_word_source(&b->sources[n], &b->word, SLIP_BRIDGE_ARMED_,
			 SLIP_PRIVATE);
	b->n = n;
	rc = slip_waitset_init(&b->set, b->sources, n + 1);
	if (rc)
		return rc;
	fd = slip_sys_call_(SYS_eventfd2, 0, SLIP_BRIDGE_EVENTFD_, 0, 0, 0, 0);
	b->fd = fd < 0 ? -1 : SLIP_CAST(int, fd);
	return fd < 0 ? SLIP_CAST(int, fd) : 0;
}

/* The descriptor to be watched for reading; nobody else reads or closes it. */
SLIP_INLINE SLIP_MUST_CHECK int slip_bridge_fd(const struct slip_bridge *b)
{
	return b->fd;
}

/* What source `i` said when it was last looked at: while the handles are ours.
 * 0: not ready. */
SLIP_INLINE int slip_bridge_now(const struct slip_bridge *b, uint32_t i)
{
	return i < b->n ? b->sources[i].now : 0;
}

/* As slip_waitset_drop: while the handles are ours. */
SLIP_INLINE void slip_bridge_drop(struct slip_bridge *b, uint32_t i)
{
	if (i < b->n)
		slip_waitset_drop(&b->set, i);
}

/* How many are ready, by the loop's own look. */
SLIP_INLINE int slip_bridge_look_(struct slip_bridge *b)
{
	int ready = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct slip_source *s = &b->sources[i];

		s->now = slip_source_look_(s, false);
		ready += s->now != 0;
	}
	return ready;
}

/*
 * Look; and if none is ready, have the thread look, and do not touch the handles
 * until take or disarm gives them back. How many are ready: then it is not
 * armed; 0: armed; -EBUSY: it was already; -EPIPE: stopped.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_bridge_arm(struct slip_bridge *b)
{
	/* own: idle is what only we change; hint: else it is no matter */
	uint32_t seen = slip_a32_load_relaxed(&b->word);
	int ready;

	if (seen != SLIP_BRIDGE_IDLE_)
		return seen == SLIP_BRIDGE_STOPPED_ ? -EPIPE : -EBUSY;
	ready = slip_bridge_look_(b);
	if (ready)
		return ready;
	b->found = 0;
	/* BRIDGE-R1 loop: what it did with the handles. Pairs: slip_bridge_run.
	 * Else: the thread looks at handles that are half changed. */
	slip_a32_store_release(&b->word, SLIP_BRIDGE_ARMED_);
	/* hint: the kernel orders it after the store, for who sleeps */
	(void)slip_futex_wake(&b->word, 1, SLIP_PRIVATE);
	return 0;
}

/*
 * The descriptor is readable. More than 0: so many are ready, and the handles
 * are ours again; 0: it is armed still (a late word of an earlier time), or was
 * not; or -errno: why the thread could not wait, -EPIPE: stopped.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_bridge_take(struct slip_bridge *b)
{
	uint64_t count = 0;
	uint32_t seen;
	int found;

	(void)slip_sys_call_(SYS_read, b->fd, SLIP_RECAST(long, &count),
			     sizeof(count), 0, 0, 0);
	/* BRIDGE-A2 loop: what the thread has found, and that it has let go;
	 * which it did before it wrote what was read. Pairs:
	 * slip_bridge_let_go_. Else: both use the handles. */
	seen = slip_a32_load_acquire(&b->word);
	if (seen == SLIP_BRIDGE_STOPPED_)
		return -EPIPE;
	if (seen != SLIP_BRIDGE_IDLE_)
		return 0;
	found = b->found;
	b->found = 0;
	return found;
}

/*
 * Take the handles back, ready or not; waits for the thread. How many are ready;
 * or -errno, as take.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_bridge_disarm(struct slip_bridge *b)
{
	uint32_t seen = SLIP_BRIDGE_ARMED_;
	int rc = 0;

	/* hint: what follows decides */
	if (slip_a32_cas_relaxed(&b->word, &seen, SLIP_BRIDGE_RECALL_))
		/* hint: the kernel orders it after the swap, for who sleeps */
		(void)slip_futex_wake(&b->word, 1, SLIP_PRIVATE);
	/* BRIDGE-A2 loop: as take. Pairs: slip_bridge_let_go_. Else: as
	 * there. */
	while ((seen = slip_a32_load_acquire(&b->word)) == SLIP_BRIDGE_RECALL_)
		/* hint: looked at again */
		(void)!slip_futex_wait(&b->word, seen, SLIP_FOREVER,
				       SLIP_PRIVATE);
	if (seen == SLIP_BRIDGE_STOPPED_)
		return -EPIPE;
	if (b->found < 0)
		rc = b->found;
	b->found = 0;
	return rc ? rc : slip_bridge_look_(b);
}

/* Have run return. The handles are ours when the thread is joined. */
SLIP_INLINE void slip_bridge_stop(struct slip_bridge *b)
{
	/* hint: joining the thread orders the rest */
	slip_a32_store_relaxed(&b->word, SLIP_BRIDGE_STOPPED_);
	/* hint: the kernel orders it after the store, for who sleeps */
	(void)slip_futex_wake(&b->word, INT32_MAX, SLIP_PRIVATE);
}

/* After the thread was joined, or if there was none. */
SLIP_INLINE void slip_bridge_close(struct slip_bridge *b)
{
	if (b->fd >= 0)
		(void)slip_sys_call_(SYS_close, b->fd, 0, 0, 0, 0, 0);
	b->fd = -1;
}

/* --- the thread -------------------------------------------------------------- */

/* Give the handles back, if the word is still `seen`. */
SLIP_INLINE bool slip_bridge_let_go_(struct slip_bridge *b, uint32_t seen)
{
	/* BRIDGE-R2 thread: its looks, and what it found. Pairs:
	 * slip_bridge_take, slip_bridge_disarm. Else: both use the handles. */
	return slip_a32_cas_release(&b->word, &seen, SLIP_BRIDGE_IDLE_);
}

/* Wait for the sources, or for a recall. */
SLIP_INLINE void slip_bridge_serve_(struct slip_bridge *b)
{
	const uint64_t one = 1;

	b->found = slip_waitset_wait(&b->set, SLIP_FOREVER);
	/* A descriptor that cannot be written to is readable. */
	if (slip_bridge_let_go_(b, SLIP_BRIDGE_ARMED_))
		(void)slip_sys_call_(SYS_write, b->fd, SLIP_RECAST(long, &one),
				     sizeof(one), 0, 0, 0);
}

/*
 * What the thread does: wait when armed, until stop. 0; or -EFAULT and such:
 * why it cannot sleep.
 */
SLIP_COLD SLIP_MUST_CHECK int slip_bridge_run(struct slip_bridge *b)
{
	int rc = 0;

	while (rc == 0 || rc == -EAGAIN || rc == -EINTR) {
		/* BRIDGE-A1 thread: what the loop did with the handles. Pairs:
		 * slip_bridge_arm. Else: as R1. */
		uint32_t seen = slip_a32_load_acquire(&b->word);

		rc = 0;
		if (seen == SLIP_BRIDGE_STOPPED_)
			return 0;
		if (seen == SLIP_BRIDGE_ARMED_)
			slip_bridge_serve_(b);
		else if (seen != SLIP_BRIDGE_RECALL_)
			/* hint: looked at again */
			rc = slip_futex_wait(&b->word, seen, SLIP_FOREVER,
					     SLIP_PRIVATE);
		else if (slip_bridge_let_go_(b, seen))
			/* hint: as above */
			(void)slip_futex_wake(&b->word, 1, SLIP_PRIVATE);
	}
	return rc;
}

#ifdef __cplusplus
}
#endif

#endif
