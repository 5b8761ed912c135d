/* SPDX-License-Identifier: MIT */
/*
 * A reader-writer lock that one of its users was killed or stopped at. A dead
 * reader, or one that only came to write, is in nobody's way; of one that died
 * as it wrote the next writer is told, and what was half changed nobody sees
 * without being told. Beside one that is stopped the others read, unless it
 * writes or came to, and write, unless it reads or writes.
 */
#define _GNU_SOURCE
#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define KIND	    97u
#define SEATS	    4u

/* Flags of an operation. */
#define READS	 1u /* the victim reads before it, */
#define WRITES	 2u /* or writes */
#define ATTACHES 4u

enum other { NOBODY, DEAD_READER, DEAD_COMER, DEAD_WRITER, READER, OTHERS };

static struct kill_rwlock_victim victim_;

/* What survivors have; put back with the shared bytes. */
static struct {
	struct slip_rwlock me, next, dead;
} s;

static size_t lock_bytes(void)
{
	return slip_rwlock_bytes(SEATS);
}

static slip_a64 *data_in(void *mem)
{
	void *at = (char *)mem + lock_bytes();

	return at;
}

static uint64_t value(unsigned i)
{
	return slip_a64_load_acquire(data_in(kill_base.mem) + i);
}

static bool whole(void)
{
	return value(0) == value(1);
}

/* Who has it already: somebody who could be beside the victim. */
static enum other other(void)
{
	static const enum other beside_a_reader[OTHERS] = { NOBODY, DEAD_READER,
							    NOBODY, READER,
							    READER };
	static const enum other beside_a_writer[OTHERS] = { NOBODY, DEAD_WRITER,
							    NOBODY, DEAD_COMER,
							    DEAD_READER };
	unsigned i = kill_now.state / 2 % OTHERS;

	if (kill_now.op->flags & READS)
		return beside_a_reader[i];
	if (kill_now.op->flags & WRITES)
		return beside_a_writer[i];
	return (enum other)i;
}

static void open_one(struct slip_rwlock *l, struct slip_peer *self)
{
	int rc = slip_rwlock_attach(l, kill_base.mem, lock_bytes(), self);

	KILL_CHECK(!rc, "attach: %d", rc);
	l->free.spin.skip = UINT32_MAX;
	l->gone.spin.skip = UINT32_MAX;
}

/* --- the world ------------------------------------------------------------- */

static void make(const struct kill_op *op, unsigned state)
{
	static const uint64_t words[OTHERS] = { 0, 0, SLIP_RWLOCK_COMES_,
						SLIP_RWLOCK_WRITES_, 0 };
	unsigned mode = state % 2 ? SLIP_EVENT_RMW : SLIP_EVENT_ASYM;
	struct slip_rwlock_shared *shared;
	bool ghost;

	(void)op;
	memset(&s, 0, sizeof(s));
	ghost = other() != NOBODY && other() != READER;
	kill_base_make(KIND, lock_bytes() + 16, ghost);
	shared = kill_base.mem;
	KILL_CHECK(!slip_rwlock_init(shared, lock_bytes(), SEATS, mode),
		   "init");
	open_one(&s.me, &kill_base.me);
	if (ghost) {
		open_one(&s.dead, &kill_base.ghost);
		if (other() == DEAD_READER) /* init */
			slip_a64_store_relaxed(
				s.dead.seat, s.dead.mine | SLIP_RWLOCK_READS_);
		else /* init */
			slip_a64_store_relaxed(&shared->writer,
					       s.dead.mine | words[other()]);
	}
	if (other() == READER)
		KILL_CHECK(!slip_rwlock_read_lock(&s.me), "read");
	kill_image_take();
}

/* As a victim finds it, if it was told of the ghost. */
static int told(void)
{
	return other() == DEAD_WRITER ? -EOWNERDEAD : 0;
}

static void enter(void)
{
	unsigned flags = kill_now.op->flags;
	int rc = 0;

	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.mem = kill_self.mem;
	victim_.bytes = lock_bytes();
	victim_.self = &kill_self.peer;
	victim_.data = data_in(kill_self.mem);
	/* Beside one that reads it only tries. */
	victim_.deadline = other() == READER ? 0 : SLIP_FOREVER;
	if (flags & ATTACHES)
		return;
	rc = slip_rwlock_attach(&victim_.l, victim_.mem, victim_.bytes,
				victim_.self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
	victim_.l.free.spin.skip = UINT32_MAX;
	victim_.l.gone.spin.skip = UINT32_MAX;
	if (flags & READS)
		rc = slip_rwlock_read_lock(&victim_.l);
	if (flags & WRITES) {
		rc = slip_rwlock_write_lock(&victim_.l);
		KILL_CHECK(rc == told(), "victim's write_lock: %d", rc);
		rc = rc ? slip_rwlock_consistent(&victim_.l) : 0;
	}
	KILL_CHECK(!rc, "victim's lock: %d", rc);
}

static int right_result(void)
{
	if (kill_now.op->hooked == kill_hooked_rwlock_write_lock)
		return other() == READER ? -ETIMEDOUT : told();
	return kill_now.op->hooked == kill_hooked_rwlock_read_lock ? told() : 0;
}

static void leave(int result)
{
	struct slip_rwlock *l = &victim_.l;

	/* While it was stopped another may have been told, and repaired it. */
	KILL_CHECK(result == right_result() ||
			   (kill_now.way == KILL_STOP && result == 0),
		   "it returned %d, not %d", result, right_result());
	if (!kill_child)
		return;
	if (l->state == SLIP_RWLOCK_BUSY_ && l->unsure)
		KILL_CHECK(!slip_rwlock_consistent(l), "consistent");
	if (l->state == SLIP_RWLOCK_BUSY_)
		KILL_CHECK(!slip_rwlock_write_unlock(l), "write_unlock");
	if (l->state > SLIP_RWLOCK_IDLE_)
		KILL_CHECK(!slip_rwlock_read_unlock(l), "read_unlock");
	if (l->state != SLIP_RWLOCK_OUT_)
		KILL_CHECK(!slip_rwlock_detach(l), "detach");
	slip_peer_leave(&kill_self.peer);
}

static unsigned spans(struct kill_span all[])
{
	unsigned n = kill_base_spans(all);

	all[n].at = &s;
	all[n].bytes = sizeof(s);
	return n + 1;
}

/* --- the others ------------------------------------------------------------- */

static void write_one(struct slip_rwlock *l, uint64_t deadline)
{
	int rc = slip_rwlock_write_lock_until(l, deadline);

	if (rc == -EOWNERDEAD) {
		slip_a64 *data = data_in(kill_base.mem);

		slip_a64_store_relaxed(&data[1], value(0)); /* own */
		rc = slip_rwlock_consistent(l);
	}
	KILL_CHECK(!rc, "write_lock: %d", rc);
	KILL_CHECK(whole(), "half a change, and nobody was told");
	KILL_CHECK(!slip_rwlock_write_unlock(l), "write_unlock");
}

static void read_one(struct slip_rwlock *l, uint64_t deadline)
{
	int rc = slip_rwlock_read_lock_until(l, deadline);

	if (rc == -EOWNERDEAD) {
		write_one(l, deadline);
		rc = slip_rwlock_read_lock_until(l, deadline);
	}
	KILL_CHECK(!rc, "read_lock: %d", rc);
	KILL_CHECK(whole(), "half a change, and a reader sees it");
	KILL_CHECK(!slip_rwlock_read_unlock(l), "read_unlock");
}

/* Every seat but ours can be had. */
static void sit_all(unsigned taken)
{
	struct slip_rwlock l[SEATS + 1];
	unsigned n = 0;
	int rc = 0;

	while (n <= SEATS) {
		rc = slip_rwlock_attach(&l[n], kill_base.mem, lock_bytes(),
					&kill_base.next);
		if (rc)
			break;
		n++;
	}
	KILL_CHECK(rc == -EUSERS && n + taken == SEATS, "%u seats, then %d", n,
		   rc);
	while (n--)
		KILL_CHECK(!slip_rwlock_detach(&l[n]), "detach");
}

static void dead(int result, unsigned variant)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);

	(void)result;
	if (other() == READER)
		KILL_CHECK(!slip_rwlock_read_unlock(&s.me), "read_unlock");
	if (variant == 0)
		write_one(&s.me, deadline);
	if (variant == 1)
		read_one(&s.me, deadline);
	if (variant == 2)
		kill_base_recover();
	sit_all(1);
	read_one(&s.me, deadline);
	write_one(&s.me, deadline);
	kill_base_recover();
}

/* Does somebody read, or write or come to, who is neither us nor the ghost? */
static bool victim_reads(void)
{
	for (uint32_t i = 0; i < SEATS; i++) {
		uint64_t w = slip_a64_load_acquire(slip_rwlock_seat_(&s.me, i));

		if ((w & 15) == SLIP_RWLOCK_READS_ && (w ^ s.dead.mine) >> 4)
			return true;
	}
	return false;
}

static bool victim_writes(void)
{
	uint64_t w = slip_a64_load_acquire(&s.me.shared->writer);

	return w && (w ^ s.dead.mine) >> 4;
}

/* What a try may say beside one that is stopped. */
static void tried(int rc, bool hindered)
{
	KILL_CHECK(hindered ? rc == -EBUSY : rc == 0 || rc == told(),
		   "a try beside a stopped one: %d", rc);
}

static void stopped(void)
{
	bool reader = other() == READER;
	bool writes = victim_writes();
	bool reads = victim_reads();
	int rc;

	if (!reader) {
		rc = slip_rwlock_try_read_lock(&s.me);
		tried(rc, writes);
		if (rc == 0) {
			KILL_CHECK(whole(), "half a change");
			KILL_CHECK(!slip_rwlock_read_unlock(&s.me), "unlock");
		}
		rc = slip_rwlock_try_write_lock(&s.me);
		tried(rc, writes || reads);
		if (rc == -EOWNERDEAD)
			rc = slip_rwlock_consistent(&s.me);
		if (rc == 0) {
			KILL_CHECK(whole(), "half a change");
			KILL_CHECK(!slip_rwlock_write_unlock(&s.me), "unlock");
		}
	}
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc >= 0, "recover: %d", rc);
}

static void after(int result)
{
	dead(result, 0);
}

static void suffer(void)
{
	struct slip_rwlock l;
	int rc;

	if (other() == READER)
		return;
	open_one(&l, &kill_base.next);
	rc = slip_rwlock_write_lock_until(&l, slip_after_ns(PATIENCE_NS));
	if (rc == -EOWNERDEAD) {
		slip_a64 *data = data_in(kill_base.mem);

		slip_a64_store_relaxed(&data[1], value(0)); /* own */
		rc = slip_rwlock_consistent(&l);
	}
	KILL_CHECK(!rc, "write_lock: %d", rc);
	KILL_CHECK(!slip_rwlock_write_unlock(&l), "write_unlock");
	KILL_CHECK(!slip_rwlock_detach(&l), "detach");
}

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.suffer = suffer,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

#define OP(fn, about)                                                       \
	{                                                                   \
		.name = "rwlock." #fn, .kind = &kind, .states = 2 * OTHERS, \
		.hooked = kill_hooked_rwlock_##fn,                          \
		.plain = kill_plain_rwlock_##fn, .flags = (about),          \
	}

static const struct kill_op ops[] = {
	OP(attach, ATTACHES),	OP(detach, 0),	   OP(read_lock, 0),
	OP(read_unlock, READS), OP(write_lock, 0), OP(write_unlock, WRITES),
};

const struct kill_list kill_rwlock = { ops, sizeof(ops) / sizeof(ops[0]) };
