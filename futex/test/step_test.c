/* SPDX-License-Identifier: MIT */
/*
 * The primitives when somebody else does something between any two accesses of
 * an operation: each pair of operations at each place, with the exact account
 * of what there was before and is after.
 */
#define _GNU_SOURCE
#include "atomics/test/step.h"

#include "futex/barrier.h"
#include "futex/once.h"
#include "futex/robust_sem.h"
#include "futex/rwlock.h"
#include "futex/sem.h"
#include "futex/sem_set.h"
#include "futex/test/peers.h"

#define PAST   1 /* a deadline long gone */
#define PLACES 200

/* `x` with `y` before each of its accesses, each time from the start. */
static void each_place(void (*setup)(void), void (*x)(void), void (*y)(void),
		       void (*check)(void))
{
	unsigned long at = 1;

	for (bool there = true; there; at++) {
		setup();
		there = step_run(x, y, at);
		check();
	}
	cr_assert_gt(at, 2ul, "an operation without an access");
	cr_assert_lt(at, (unsigned long)PLACES, "an operation without an end");
}

/* --- semaphores ------------------------------------------------------------ */

#define UNITS 3u

static struct {
	struct slip_sem *s;
	uint32_t has; /* what there must be */
} sem;

static void sem_setup(void)
{
	cr_assert_eq(slip_sem_init(sem.s, UNITS), 0);
	sem.has = UNITS;
}

static void sem_post_2(void)
{
	sem.has += slip_sem_post(sem.s, 2) ? 0 : 2;
}

static void sem_take_1(void)
{
	sem.has -= slip_sem_acquire_try(sem.s, 1) ? 0 : 1;
}

static void sem_take_all(void)
{
	sem.has -= slip_sem_acquire_try(sem.s, UNITS) ? 0 : UNITS;
}

static void sem_want_4(void)
{
	sem.has -= slip_sem_acquire_until(sem.s, 4, PAST) ? 0 : 4;
}

static void sem_want_zero(void)
{
	int rc = slip_sem_wait_zero_until(sem.s, PAST);

	cr_assert(rc == 0 || rc == -ETIMEDOUT);
}

/* Without the spin and the deadline of the others: one look. */
static void sem_look_for_4(void)
{
	struct slip_sem_want_ want = { sem.s, 4 };

	sem.has -= slip_sem_ready_(&want, false) ? 4 : 0;
}

static void sem_look_for_zero(void)
{
	(void)slip_sem_zero_(sem.s, false);
}

/* Somebody sleeps, or is about to. */
static void sem_setup_awaited(void)
{
	uint32_t key;

	sem_setup();
	cr_assert_eq(slip_event_prepare(&sem.s->event, SLIP_EVENT_RMW, &key),
		     0);
}

static void sem_post_1(void)
{
	sem.has += slip_sem_post(sem.s, 1) ? 0 : 1;
}

static void sem_check(void)
{
	cr_assert_eq(slip_sem_value(sem.s), sem.has);
}

Test(step, semaphore)
{
	static void (*const ops[])(void) = {
		sem_post_2,    sem_take_1,     sem_take_all,	  sem_want_4,
		sem_want_zero, sem_look_for_4, sem_look_for_zero,
	};
	unsigned n = sizeof(ops) / sizeof(ops[0]);

	sem.s = (struct slip_sem *)step_memory(4096);
	for (unsigned i = 0; i < n * n; i++)
		each_place(sem_setup, ops[i / n], ops[i % n], sem_check);
	for (unsigned i = 0; i < n; i++)
		each_place(sem_setup_awaited, sem_post_1, ops[i], sem_check);
	step_free();
}

/* --- sets of four ---------------------------------------------------------- */

static struct {
	struct slip_sem_set *s;
	int64_t has[SLIP_SEM_SET_COUNTERS];
} set;

static void set_setup(void)
{
	const uint32_t values[SLIP_SEM_SET_COUNTERS] = { 1, 2, 3, 0 };

	cr_assert_eq(slip_sem_set_init(set.s, values), 0);
	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		set.has[i] = values[i];
}

static void set_change(const struct slip_sem_change *c)
{
	if (slip_sem_set_change_try(set.s, c))
		return;
	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		set.has[i] += c->add[i];
}

static void set_move(void)
{
	const struct slip_sem_change c = { { -1, 1, 0, 2 }, 0 };

	set_change(&c);
}

static void set_move_if_zero(void)
{
	const struct slip_sem_change c = { { 1, -2, -1, 1 }, 8 };

	set_change(&c);
}

static void set_check(void)
{
	uint32_t values[SLIP_SEM_SET_COUNTERS];

	slip_sem_set_values(set.s, values);
	for (unsigned i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		cr_assert_eq((int64_t)values[i], set.has[i], "counter %u", i);
}

Test(step, semaphores_in_a_set)
{
	set.s = (struct slip_sem_set *)step_memory(4096);
	each_place(set_setup, set_move, set_move_if_zero, set_check);
	each_place(set_setup, set_move_if_zero, set_move, set_check);
	step_free();
}

/* --- robust semaphores ----------------------------------------------------- */

static struct {
	void *mem;
	struct slip_robust_sem x, y;
	uint32_t left; /* what has been consumed, and not been posted */
	int tries, rc;
} rsem;

static void rsem_setup(void)
{
	cr_assert_eq(slip_robust_sem_init(rsem.mem, 4096, 4, 10), 0);
	cr_assert_eq(slip_robust_sem_attach(&rsem.x, rsem.mem, 4096, NULL), 0);
	cr_assert_eq(slip_robust_sem_attach(&rsem.y, rsem.mem, 4096, NULL), 0);
	cr_assert_eq(slip_robust_sem_acquire(&rsem.x, 2), 0);
	cr_assert_eq(slip_robust_sem_acquire(&rsem.y, 3), 0);
	rsem.left = 10;
}

/* Somebody sleeps, or is about to. */
static void rsem_setup_awaited(void)
{
	uint32_t key;

	rsem_setup();
	cr_assert_eq(
		slip_event_prepare(&rsem.x.shared->event, SLIP_EVENT_RMW, &key),
		0);
}

static void rsem_x_takes(void)
{
	(void)!slip_robust_sem_acquire_try(&rsem.x, 2);
}

static void rsem_x_gives(void)
{
	(void)!slip_robust_sem_release(&rsem.x, 1);
}

static void rsem_x_posts(void)
{
	rsem.left += slip_robust_sem_post(&rsem.x, 1) ? 0 : 1;
}

static void rsem_x_consumes(void)
{
	rsem.left -= slip_robust_sem_consume(&rsem.x, 1) ? 0 : 1;
}

static void rsem_x_wants_many(void)
{
	rsem.x.want = 9;
	(void)slip_robust_sem_try_(&rsem.x);
}

static void rsem_x_looks_for_6(void)
{
	rsem.x.want = 6;
	(void)slip_robust_sem_ready_(&rsem.x, true);
}

static void rsem_x_goes(void)
{
	cr_assert_eq(slip_robust_sem_detach(&rsem.x), 0);
}

static void rsem_y_takes(void)
{
	(void)!slip_robust_sem_acquire_try(&rsem.y, 4);
}

static void rsem_y_gives(void)
{
	(void)!slip_robust_sem_release(&rsem.y, 2);
}

static void rsem_y_wants_many(void)
{
	rsem.y.want = 9;
	(void)slip_robust_sem_try_(&rsem.y);
}

static void rsem_y_goes(void)
{
	if (rsem.y.seat)
		cr_assert_eq(slip_robust_sem_detach(&rsem.y), 0);
}

/* As one who takes x for dead; and so it is from then on. */
static void rsem_x_is_buried(void)
{
	cr_assert_eq(slip_robust_sem_vacate_(rsem.x.shared, 4, rsem.x.me,
					     rsem.x.who),
		     0);
}

/* All that is not in a hand is in the word. */
static void rsem_check(void)
{
	uint32_t hands = 0;

	for (uint32_t s = 1; s <= 4; s++) {
		struct slip_robust_sem_last_ last;

		slip_robust_sem_past_(slip_robust_sem_seat_(rsem.x.shared, s),
				      s, slip_robust_sem_look_(rsem.x.shared),
				      &last);
		hands += last.held;
	}
	cr_assert_eq(slip_robust_sem_value(&rsem.x) + hands, rsem.left);
}

Test(step, robust_semaphore)
{
	static void (*const of_x[])(void) = {
		rsem_x_takes,	    rsem_x_gives, rsem_x_posts,
		rsem_x_consumes,    rsem_x_goes,  rsem_x_wants_many,
		rsem_x_looks_for_6,
	};
	static void (*const of_y[])(void) = { rsem_y_takes, rsem_y_gives,
					      rsem_y_goes };

	rsem.mem = step_memory(4096);
	for (unsigned i = 0; i < 21; i++)
		each_place(rsem_setup, of_x[i / 3], of_y[i % 3], rsem_check);
	for (unsigned i = 0; i < 3; i++)
		each_place(rsem_setup, rsem_x_is_buried, of_y[i], rsem_check);
	each_place(rsem_setup, rsem_x_is_buried, rsem_x_is_buried, rsem_check);
	each_place(rsem_setup_awaited, rsem_x_gives, rsem_y_gives, rsem_check);
	each_place(rsem_setup_awaited, rsem_x_gives, rsem_y_wants_many,
		   rsem_check);
	step_free();
}

/* Somebody changes the word whenever it is looked at: an end all the same. */
static void rsem_y_changes(void)
{
	if (++rsem.tries % 2)
		rsem_y_takes();
	else
		(void)!slip_robust_sem_release(&rsem.y, 4);
}

static void rsem_x_is_tried(void)
{
	rsem.rc = slip_robust_sem_vacate_(rsem.x.shared, 4, rsem.x.me,
					  rsem.x.who);
}

Test(step, who_buries_gives_up_in_the_end)
{
	rsem.mem = step_memory(4096);
	rsem_setup();
	rsem.tries = 0;
	(void)step_run(rsem_x_is_tried, rsem_y_changes, 0);
	cr_assert_eq(rsem.rc, -EAGAIN);
	rsem_check();
	step_free();
}

/* --- reader-writer lock ---------------------------------------------------- */

static struct {
	void *mem;
	struct slip_rwlock x, y;
	int x_has, y_has; /* what the lock functions returned */
	bool y_came;
} rw;

static void rw_setup(void)
{
	cr_assert_eq(slip_rwlock_init(rw.mem, 4096, 4, SLIP_EVENT_RMW), 0);
	cr_assert_eq(slip_rwlock_attach(&rw.x, rw.mem, 4096, NULL), 0);
	cr_assert_eq(slip_rwlock_attach(&rw.y, rw.mem, 4096, NULL), 0);
	rw.x_has = rw.y_has = -EBUSY;
}

static void rw_x_reads(void)
{
	rw.x_has = slip_rwlock_try_read_lock(&rw.x);
}

static void rw_x_writes(void)
{
	rw.x_has = slip_rwlock_try_write_lock(&rw.x);
}

static void rw_y_reads(void)
{
	rw.y_has = slip_rwlock_try_read_lock(&rw.y);
}

static void rw_y_writes(void)
{
	rw.y_has = slip_rwlock_try_write_lock(&rw.y);
}

static void rw_setup_y_writes(void)
{
	rw_setup();
	rw.y_has = slip_rwlock_write_lock(&rw.y);
}

static void rw_y_unlocks(void)
{
	rw.y_has = -EBUSY;
	cr_assert_eq(slip_rwlock_write_unlock(&rw.y), 0);
}

/* Never both in; who is out was told so; and afterwards it is free. */
static void rw_check(void)
{
	cr_assert(rw.x_has == 0 || rw.x_has == -EBUSY);
	cr_assert(rw.y_has == 0 || rw.y_has == -EBUSY);
	cr_assert(rw.x_has || rw.y_has, "both have it");
	if (rw.x_has == 0)
		cr_assert(slip_rwlock_read_unlock(&rw.x) == 0 ||
			  slip_rwlock_write_unlock(&rw.x) == 0);
	if (rw.y_has == 0)
		cr_assert(slip_rwlock_read_unlock(&rw.y) == 0 ||
			  slip_rwlock_write_unlock(&rw.y) == 0);
	cr_assert_eq(slip_rwlock_try_write_lock(&rw.x), 0);
	cr_assert_eq(slip_rwlock_write_unlock(&rw.x), 0);
}

Test(step, reader_writer_lock)
{
	rw.mem = step_memory(4096);
	each_place(rw_setup, rw_x_reads, rw_y_writes, rw_check);
	each_place(rw_setup, rw_x_writes, rw_y_reads, rw_check);
	each_place(rw_setup, rw_x_writes, rw_y_writes, rw_check);
	each_place(rw_setup_y_writes, rw_x_reads, rw_y_unlocks, rw_check);
	each_place(rw_setup_y_writes, rw_x_writes, rw_y_unlocks, rw_check);
	step_free();
}

static void rw_empty(void)
{
	cr_assert_eq(slip_rwlock_init(rw.mem, 4096, 4, SLIP_EVENT_RMW), 0);
	rw.y_came = false;
}

static void rw_x_comes(void)
{
	cr_assert_eq(slip_rwlock_attach(&rw.x, rw.mem, 4096, NULL), 0);
}

static void rw_y_comes(void)
{
	rw.y_came = slip_rwlock_attach(&rw.y, rw.mem, 4096, NULL) == 0;
}

static void rw_seats_check(void)
{
	cr_assert(!rw.y_came || rw.x.seat != rw.y.seat, "one seat for two");
}

Test(step, seats_of_a_reader_writer_lock)
{
	rw.mem = step_memory(4096);
	each_place(rw_empty, rw_x_comes, rw_y_comes, rw_seats_check);
	step_free();
}

/* Another has buried the writer already. */
Test(step, a_dead_writer_is_buried_once)
{
	rw.mem = step_memory(4096);
	rw_setup();
	cr_assert_eq(slip_rwlock_write_lock(&rw.y), 0);
	slip_rwlock_bury_(&rw.x, SLIP_RWLOCK_COMES_ | 16);
	cr_assert_eq(slip_rwlock_try_write_lock(&rw.x), -EBUSY);
	step_free();
}

/* --- barriers and latches -------------------------------------------------- */

static struct {
	void *mem;
	struct slip_barrier x, y;
	int x_rc, y_rc;
	bool x_serial, y_serial;
} bar;

static void bar_empty(void)
{
	cr_assert_eq(slip_barrier_init(bar.mem, 4096, 2), 0);
	cr_assert_eq(slip_barrier_attach(&bar.x, bar.mem, 4096, NULL), 0);
	cr_assert_eq(slip_barrier_attach(&bar.y, bar.mem, 4096, NULL), 0);
}

static void bar_x_joins(void)
{
	cr_assert_eq(slip_barrier_join(&bar.x), 0);
}

static void bar_y_joins(void)
{
	bar.y_rc = slip_barrier_join(&bar.y);
}

static void bar_seats_check(void)
{
	cr_assert_neq(bar.x.seat.mine, bar.y.seat.mine, "one seat for two");
}

static void bar_setup(void)
{
	bar_empty();
	bar_x_joins();
	bar_y_joins();
	bar.x_rc = bar.y_rc = -ETIMEDOUT;
	bar.x_serial = bar.y_serial = false;
}

static void bar_x_waits(void)
{
	bar.x_rc = slip_barrier_wait_until(&bar.x, PAST, &bar.x_serial);
}

static void bar_y_waits(void)
{
	bar.y_rc = slip_barrier_wait_until(&bar.y, PAST, &bar.y_serial);
}

/* Both have arrived, so both get through, and one is the serial one. */
static void bar_check(void)
{
	if (bar.y_rc)
		bar_y_waits();
	if (bar.x_rc)
		bar_x_waits();
	if (bar.y_rc)
		bar_y_waits();
	cr_assert_eq(bar.x_rc, 0);
	cr_assert_eq(bar.y_rc, 0);
	cr_assert_neq(bar.x_serial, bar.y_serial);
}

static void bar_x_leaves(void)
{
	slip_barrier_leave(&bar.x);
}

/* Who takes x for one that has left the region. */
static void bar_x_is_lost(void)
{
	struct slip_seats *shared = (struct slip_seats *)bar.mem;
	slip_a64 *seat = (slip_a64 *)(void *)(shared + 1);

	/* init: damage */
	slip_a64_store_relaxed(seat, SLIP_SEAT_LOST_);
}

static void bar_y_goes_on(void)
{
	bar_y_waits();
	cr_assert_geq(bar.y_rc, 0, "it waits for one that is not there");
}

Test(step, barrier)
{
	bar.mem = step_memory(4096);
	each_place(bar_setup, bar_x_waits, bar_y_waits, bar_check);
	each_place(bar_empty, bar_x_joins, bar_y_joins, bar_seats_check);
	each_place(bar_setup, bar_x_leaves, bar_y_waits, bar_y_goes_on);
	each_place(bar_setup, bar_x_leaves, bar_x_is_lost, bar_y_goes_on);
	step_free();
}

static struct slip_peer bar_self;
static uint64_t bar_dead; /* the seat of one who is */

/* x and y can ask, y has arrived, the third is dead. */
static void bar_setup_dead(void)
{
	uint64_t *seats = (uint64_t *)bar.mem + 4;

	cr_assert_eq(slip_barrier_init(bar.mem, 4096, 3), 0);
	cr_assert_eq(slip_barrier_attach(&bar.x, bar.mem, 4096, &bar_self), 0);
	cr_assert_eq(slip_barrier_attach(&bar.y, bar.mem, 4096, &bar_self), 0);
	bar_x_joins();
	bar_y_joins();
	cr_assert_eq(slip_seats_arrive_(&bar.y.seat), 0);
	seats[2] = bar_dead;
	bar.x_rc = bar.y_rc = -ETIMEDOUT;
}

static void bar_y_leaves(void)
{
	slip_barrier_leave(&bar.y);
}

static void bar_y_looks(void)
{
	(void)slip_seats_ready_(&bar.y.seat, true);
}

/* x hears of it once. */
static void bar_told_once(void)
{
	cr_assert_eq(bar.x_rc, 1);
	bar_y_leaves();
	bar_x_waits();
	cr_assert_eq(bar.x_rc, 0);
}

Test(step, a_barrier_with_a_dead_member)
{
	struct slip_peer other;

	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_peer_join(&bar_self, &peers_rg), 0);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	bar_dead = slip_peer_tag_(other.id, other.gen) | SLIP_SEAT_NEW_;
	slip_peer_leave(&other);
	bar.mem = step_memory(4096);
	each_place(bar_setup_dead, bar_x_waits, bar_y_leaves, bar_told_once);
	each_place(bar_setup_dead, bar_x_waits, bar_y_looks, bar_told_once);
	step_free();
	slip_peer_leave(&bar_self);
}

/* --- once ------------------------------------------------------------------ */

static struct {
	struct slip_once *o;
	int x_rc, y_rc;
} one;

static void once_setup(void)
{
	memset(one.o, 0, sizeof(*one.o));
	one.x_rc = one.y_rc = -ETIMEDOUT;
}

static void once_x_begins(void)
{
	one.x_rc = slip_once_begin_until(one.o, NULL, PAST);
}

static void once_y_begins(void)
{
	one.y_rc = slip_once_begin_until(one.o, NULL, PAST);
}

/* And is done with it at once. */
static void once_y_runs(void)
{
	once_y_begins();
	if (one.y_rc == 1)
		cr_assert_eq(slip_once_end(one.o, NULL), 0);
}

static void once_check(void)
{
	cr_assert((one.x_rc == 1) + (one.y_rc == 1) == 1, "%d and %d", one.x_rc,
		  one.y_rc);
}

Test(step, once)
{
	one.o = (struct slip_once *)step_memory(4096);
	each_place(once_setup, once_x_begins, once_y_begins, once_check);
	each_place(once_setup, once_x_begins, once_y_runs, once_check);
	step_free();
}
