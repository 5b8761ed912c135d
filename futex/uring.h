/* SPDX-License-Identifier: MIT */
/*
 * Waiting for events, words and sets by io_uring (Linux 6.7): entries for a
 * submission queue, to wait beside sockets and files without a thread.
 *
 * Use it with liburing, or with a ring of your own: only entries are filled
 * here. Where the kernel does not know these operations (slip_uring_knows) take
 * bridge.h, whose descriptor can be polled.
 *
 *	rc = slip_event_prepare(ev, mode, &key);
 *	if (!look()) {
 *		slip_uring_wait_event(io_uring_get_sqe(&ring), ev, key, data);
 *		io_uring_submit(&ring);
 *	}
 *	... a completion with `data`: look again, whatever its result says
 *
 * or, for a set of up to SLIP_FUTEX_WAITV_MAX sources (waitset.h):
 *
 *	ready = slip_uring_waitset(io_uring_get_sqe(&ring), &set, data);
 *
 * Results in a completion: 0 (of a set: which source) woken; -EAGAIN: the word held
 * something else; -ECANCELED; -EFAULT; -EINVAL: also a kernel without them. The
 * kernel compares the word and queues for it in one step, when the entry is
 * submitted (so not with IOSQE_ASYNC's promises, nor linked behind what may
 * take long, if the key is to be of use). Nothing ends a slice: sources with
 * peers to ask about need a timeout entry and a look of the set with a deadline
 * in the past.
 *
 * Concurrency, order, death: as event.h's sleeper, waitset.h's.
 *
 * Source: Linux's io_uring/futex.c.
 */
#ifndef SLIP_FUTEX_URING_H
#define SLIP_FUTEX_URING_H

#include "waitset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* <linux/io_uring.h>, which is not included: it brings much else. */
struct io_uring_sqe;

enum {
	SLIP_URING_FUTEX_WAIT_ = 51,
	SLIP_URING_FUTEX_WAITV_ = 53,
	SLIP_URING_PROBE_OPS_ = 64,
	SLIP_URING_REGISTER_PROBE_ = 8,
	SLIP_URING_SUPPORTED_ = 1
};

/* An entry, as the kernel lays it out. */
struct slip_uring_sqe_ {
	uint8_t opcode;
	uint8_t flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t addr2;
	uint64_t addr;
	uint32_t len;
	uint32_t futex_flags;
	uint64_t user_data;
	uint64_t buffers;
	uint64_t addr3;
	uint64_t reserved;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_uring_sqe_) == 64, "kernel layout");
SLIP_STATIC_ASSERT(offsetof(struct slip_uring_sqe_, addr) == 16, "kernel");
SLIP_STATIC_ASSERT(offsetof(struct slip_uring_sqe_, user_data) == 32, "kernel");
SLIP_STATIC_ASSERT(offsetof(struct slip_uring_sqe_, addr3) == 48, "kernel");

/* Part of the answer to a probe. */
struct slip_uring_op_ {
	uint8_t op;
	uint8_t reserved;
	uint16_t flags;
	uint32_t reserved2;
};
SLIP_STATIC_ASSERT(sizeof(struct slip_uring_op_) == 8, "kernel layout");

SLIP_INLINE void slip_uring_fill_(struct io_uring_sqe *sqe,
				  const struct slip_uring_sqe_ *from)
{
	void *to = sqe;

	memcpy(to, from, sizeof(*from));
}

/* As slip_futex_wait, without a deadline. */
SLIP_INLINE void slip_uring_wait(struct io_uring_sqe *sqe, const slip_a32 *word,
				 uint32_t expected, unsigned flags,
				 uint64_t user_data)
{
	struct slip_futex_waiter w;
	struct slip_uring_sqe_ e;

	slip_futex_waiter_set(&w, word, expected, flags);
	memset(&e, 0, sizeof(e));
	e.opcode = SLIP_URING_FUTEX_WAIT_;
	e.fd = SLIP_CAST(int32_t, w.flags);
	e.addr = w.address;
	e.addr2 = w.expected;
	e.addr3 = SLIP_FUTEX_ANY;
	e.user_data = user_data;
	slip_uring_fill_(sqe, &e);
}

/* As slip_event_sleep, after slip_event_prepare and a look. */
SLIP_INLINE void slip_uring_wait_event(struct io_uring_sqe *sqe,
				       const struct slip_event *event,
				       uint32_t key, uint64_t user_data)
{
	slip_uring_wait(sqe, &event->word, key, SLIP_SHARED, user_data);
}

/* As slip_futex_waitv, without a deadline; the kernel has read `entries` when
 * the entry has been submitted. */
SLIP_INLINE void slip_uring_waitv(struct io_uring_sqe *sqe,
				  const struct slip_futex_waiter *entries,
				  uint32_t n, uint64_t user_data)
{
	struct slip_uring_sqe_ e;

	memset(&e, 0, sizeof(e));
	e.opcode = SLIP_URING_FUTEX_WAITV_;
	e.addr = SLIP_RECAST(uint64_t, entries);
	e.len = n;
	e.user_data = user_data;
	slip_uring_fill_(sqe, &e);
}

/*
 * Look at a set, announce, look again; and fill the entry that sleeps. How many
 * are ready: the entry is not filled; 0: submit it, and look again (call this
 * again) when it completes; -EINVAL: more than SLIP_FUTEX_WAITV_MAX; or as
 * slip_waitset_wait. The set must not be used before the entry is submitted.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_uring_waitset(struct io_uring_sqe *sqe,
						   struct slip_waitset *set,
						   uint64_t user_data)
{
	int rc = set->n && set->n <= SLIP_FUTEX_WAITV_MAX ? 0 : -EINVAL;
	int ready = rc ? 0 : slip_waitset_look_(set, false);

	if (!ready && !rc) {
		rc = slip_waitset_prepare_(set);
		ready = slip_waitset_look_(set, false);
	}
	if (ready || rc)
		return ready ? ready : rc;
	set->turn = 0; /* so that the result is the number of a source */
	slip_waitset_tell_(set, set->n);
	slip_uring_waitv(sqe, set->words, set->n, user_data);
	return 0;
}

/*
 * Does the kernel behind that ring know the operations of this header? 1 or 0;
 * -EOPNOTSUPP and such: it cannot be asked; -EBADF: no ring.
 */
SLIP_INLINE SLIP_MUST_CHECK int slip_uring_knows(int ring_fd)
{
	/* struct io_uring_probe, of 16 bytes, and its array. */
	uint64_t probe[2 + SLIP_URING_PROBE_OPS_];
	struct slip_uring_op_ op;
	long rc;

	memset(probe, 0, sizeof(probe));
	rc = slip_sys_call_(
		SYS_io_uring_register, ring_fd, SLIP_URING_REGISTER_PROBE_,
		SLIP_RECAST(long, probe), SLIP_URING_PROBE_OPS_, 0, 0);
	if (rc < 0)
		return SLIP_CAST(int, rc);
	memcpy(&op, &probe[2 + SLIP_URING_FUTEX_WAITV_], sizeof(op));
	return op.op == SLIP_URING_FUTEX_WAITV_ &&
	       (op.flags & SLIP_URING_SUPPORTED_);
}

#ifdef __cplusplus
}
#endif

#endif
