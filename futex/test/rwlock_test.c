/* SPDX-License-Identifier: MIT */
/* futex/rwlock.h: who gets in beside whom, and who is told of a death. */
#define _GNU_SOURCE
#include "futex/test/hook.h"

#include "atomics/test/check.h"
#include "futex/rwlock.h"
#include "futex/test/peers.h"

#include <pthread.h>

#define SEATS 4

static struct slip_rwlock_shared *shared;
static size_t bytes;

static uint64_t soon(void)
{
	return slip_after_ns(2000000);
}

/* In a page that forked children share. */
static void make(unsigned mode)
{
	bytes = slip_rwlock_bytes(SEATS);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(shared != MAP_FAILED);
	cr_assert_eq(slip_rwlock_init(shared, bytes, SEATS, mode), 0);
}

static void open_one(struct slip_rwlock *l, struct slip_peer *self)
{
	cr_assert_eq(slip_rwlock_attach(l, shared, bytes, self), 0);
}

static uint64_t writer(void)
{
	/* stat */
	return slip_a64_load_relaxed(&shared->writer);
}

/* --- shape ------------------------------------------------------------------ */

Test(rwlock, refuses_shapes_that_cannot_be)
{
	static _Alignas(128) char mem[2048];

	cr_assert_eq(slip_rwlock_bytes(0), 0u);
	cr_assert_eq(slip_rwlock_bytes(4097), 0u);
	cr_assert_eq(slip_rwlock_bytes(1), 256u);
	cr_assert_eq(slip_rwlock_bytes(4096), 128u + 4096 * 128);
	cr_assert_eq(slip_rwlock_init(mem, sizeof(mem), 0, 0), -EINVAL);
	cr_assert_eq(slip_rwlock_init(mem + 8, 2000, 1, 0), -EINVAL);
	cr_assert_eq(slip_rwlock_init(mem, sizeof(mem), 1, SLIP_EVENT_FULL),
		     -EINVAL);
	cr_assert_eq(slip_rwlock_init(mem, sizeof(mem), 1, 77), -EINVAL);
	cr_assert_eq(slip_rwlock_init(mem, 255, 1, 0), -ENOSPC);
	cr_assert_eq(slip_rwlock_init(mem, 256, 1, 0), 0);
}

Test(rwlock, attaches_to_nothing_else)
{
	struct slip_rwlock l;

	make(0);
	cr_assert_eq(slip_rwlock_attach(&l, shared, 127, NULL), -EBADMSG);
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes - 1, NULL), -EBADMSG);
	cr_assert_eq(slip_rwlock_attach(&l, (char *)shared + 8, bytes, NULL),
		     -EINVAL);
	slip_a32_store_relaxed(&shared->seats, 0); /* init: damage */
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, NULL), -EBADMSG);
	slip_a32_store_relaxed(&shared->seats, SEATS);		/* init */
	slip_a32_store_relaxed(&shared->mode, SLIP_EVENT_FULL); /* init */
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, NULL), -EBADMSG);
	slip_a32_store_relaxed(&shared->mode, SLIP_EVENT_RMW); /* init */
	slip_a32_store_relaxed(&shared->layout,
			       SLIP_RWLOCK_LAYOUT_ + 1); /* init */
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, NULL), -EPROTO);
	cr_assert_eq(slip_rwlock_attach(&l, shared, sizeof(*shared), NULL),
		     -EPROTO, "which may be shorter");
	slip_a32_store_relaxed(&shared->layout, SLIP_RWLOCK_LAYOUT_); /* init */
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, NULL), 0);
	slip_a32_store_relaxed(&shared->magic, 0); /* init */
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, NULL), -EBADMSG);
	cr_assert_eq(slip_rwlock_read_lock(&l), -EINVAL, "not attached");
	cr_assert_eq(slip_rwlock_write_lock(&l), -EINVAL);
	cr_assert_eq(slip_rwlock_detach(&l), -EINVAL);
}

/* --- in and out --------------------------------------------------------------- */

static void excludes(unsigned mode)
{
	struct slip_rwlock a, b, c;

	make(mode);
	open_one(&a, NULL);
	open_one(&b, NULL);
	open_one(&c, NULL);
	cr_assert_eq(slip_rwlock_read_lock(&a), 0);
	cr_assert_eq(slip_rwlock_read_lock(&b), 0, "readers together");
	cr_assert_eq(slip_rwlock_try_write_lock(&c), -EBUSY);
	cr_assert_eq(slip_rwlock_write_lock_until(&c, soon()), -ETIMEDOUT);
	cr_assert_eq(writer(), 0u, "who gave up is not in the way");
	cr_assert_eq(slip_rwlock_read_unlock(&a), 0);
	cr_assert_eq(slip_rwlock_try_write_lock(&c), -EBUSY);
	cr_assert_eq(slip_rwlock_read_unlock(&b), 0);
	cr_assert_eq(slip_rwlock_write_lock(&c), 0);
	cr_assert_eq(slip_rwlock_try_read_lock(&a), -EBUSY);
	cr_assert_eq(slip_rwlock_read_lock_until(&a, soon()), -ETIMEDOUT);
	cr_assert_eq(slip_rwlock_try_write_lock(&b), -EBUSY);
	cr_assert_eq(slip_rwlock_write_unlock(&c), 0);
	cr_assert_eq(slip_rwlock_try_read_lock(&a), 0);
	cr_assert_eq(slip_rwlock_read_unlock(&a), 0);
	munmap(shared, 4096);
}

/* Some kernels and filters refuse membarrier. */
static bool has_asym(void)
{
	return slip_event_choose(SLIP_EVENT_ASYM) == SLIP_EVENT_ASYM;
}

Test(rwlock, one_writes_or_many_read)
{
	if (has_asym())
		excludes(SLIP_EVENT_ASYM);
	excludes(SLIP_EVENT_RMW);
}

Test(rwlock, knows_what_its_handle_has)
{
	struct slip_rwlock a;

	make(0);
	open_one(&a, NULL);
	cr_assert_eq(slip_rwlock_read_unlock(&a), -EPERM);
	cr_assert_eq(slip_rwlock_write_unlock(&a), -EPERM);
	cr_assert_eq(slip_rwlock_consistent(&a), -EPERM);
	cr_assert_eq(slip_rwlock_read_lock(&a), 0);
	cr_assert_eq(slip_rwlock_read_lock(&a), 0, "deeper");
	cr_assert_eq(slip_rwlock_write_lock(&a), -EDEADLK);
	cr_assert_eq(slip_rwlock_detach(&a), -EBUSY);
	cr_assert_eq(slip_rwlock_read_unlock(&a), 0);
	cr_assert_eq(slip_rwlock_read_unlock(&a), 0);
	cr_assert_eq(slip_rwlock_read_unlock(&a), -EPERM);
	cr_assert_eq(slip_rwlock_write_lock(&a), 0);
	cr_assert_eq(slip_rwlock_read_lock(&a), -EDEADLK);
	cr_assert_eq(slip_rwlock_write_lock(&a), -EDEADLK);
	cr_assert_eq(slip_rwlock_consistent(&a), -EINVAL);
	cr_assert_eq(slip_rwlock_detach(&a), -EBUSY);
	cr_assert_eq(slip_rwlock_write_unlock(&a), 0);
	a.state = SLIP_RWLOCK_DEEPEST_;
	cr_assert_eq(slip_rwlock_read_lock(&a), -EAGAIN);
	a.state = SLIP_RWLOCK_IDLE_;
	cr_assert_eq(slip_rwlock_detach(&a), 0);
}

Test(rwlock, each_writer_looks_at_all_seats_anew)
{
	struct slip_rwlock l, reader;

	make(SLIP_EVENT_RMW);
	open_one(&l, NULL);
	open_one(&reader, NULL);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(slip_rwlock_write_lock(&l), 0);
		cr_assert_eq(slip_rwlock_write_unlock(&l), 0);
		cr_assert_eq(slip_rwlock_read_lock(&reader), 0);
		cr_assert_eq(slip_rwlock_try_write_lock(&l), -EBUSY);
		cr_assert_eq(slip_rwlock_read_unlock(&reader), 0);
	}
}

Test(rwlock, a_seat_is_given_again)
{
	struct slip_rwlock l[SEATS + 1];

	make(0);
	for (int i = 0; i < SEATS; i++)
		open_one(&l[i], NULL);
	cr_assert_eq(slip_rwlock_attach(&l[SEATS], shared, bytes, NULL),
		     -EUSERS);
	cr_assert_eq(slip_rwlock_detach(&l[2]), 0);
	open_one(&l[SEATS], NULL);
	cr_assert_eq(l[SEATS].seat, slip_rwlock_seat_(&l[0], 2));
}

Test(rwlock, a_writer_cannot_do_without_membarrier)
{
	struct slip_rwlock a;

	if (!has_asym())
		cr_skip("this kernel refuses membarrier");
	make(SLIP_EVENT_ASYM);
	open_one(&a, NULL);
	hook_fail(SYS_membarrier, 0, EPERM);
	cr_assert_eq(slip_rwlock_write_lock(&a), -EPERM);
	cr_assert_eq(writer(), 0u);
	cr_assert_eq(slip_rwlock_attach(&a, shared, bytes, NULL), -EPERM);
	cr_assert_eq(slip_rwlock_init(shared, bytes, SEATS, SLIP_EVENT_ASYM),
		     -EPERM);
	cr_assert_eq(slip_rwlock_init(shared, bytes, SEATS, 0), 0);
	hook_off();
	/* stat */
	cr_assert_eq(slip_a32_load_relaxed(&shared->mode), SLIP_EVENT_RMW);
}

/* --- threads ------------------------------------------------------------------ */

static uint64_t left, right; /* what the lock protects */

static void *change(void *arg)
{
	struct slip_rwlock l;

	(void)arg;
	if (slip_rwlock_attach(&l, shared, bytes, NULL))
		return SLIP_CAST(void *, SLIP_CAST(uintptr_t, "attach"));
	for (int i = 0; i < 300; i++) {
		if (slip_rwlock_write_lock(&l))
			return SLIP_CAST(void *,
					 SLIP_CAST(uintptr_t, "write_lock"));
		left++;
		right++;
		slip_rwlock_write_unlock(&l);
	}
	return NULL;
}

static void *look(void *arg)
{
	struct slip_rwlock l;
	const char *wrong = NULL;

	(void)arg;
	if (slip_rwlock_attach(&l, shared, bytes, NULL))
		return SLIP_CAST(void *, SLIP_CAST(uintptr_t, "attach"));
	for (int i = 0; i < 20000 && !wrong; i++) {
		if (slip_rwlock_read_lock(&l))
			return SLIP_CAST(void *,
					 SLIP_CAST(uintptr_t, "read_lock"));
		if (left != right)
			wrong = "half a change was seen";
		slip_rwlock_read_unlock(&l);
	}
	return SLIP_CAST(void *, SLIP_CAST(uintptr_t, wrong));
}

static void threads_agree(unsigned mode)
{
	pthread_t t[4];
	void *wrong;

	make(mode);
	left = right = 0;
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, i % 2 ? look : change,
					    NULL),
			     0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &wrong);
		cr_assert_null(wrong, "%s", (char *)wrong);
	}
	cr_assert_eq(left, 600u);
	munmap(shared, 4096);
}

Test(rwlock, threads_see_whole_changes)
{
	if (has_asym())
		threads_agree(SLIP_EVENT_ASYM);
	threads_agree(SLIP_EVENT_RMW);
}

/* --- deaths -------------------------------------------------------------------- */

static struct slip_peer me;

static void make_with_peers(void)
{
	make(0);
	cr_assert_eq(peers_make(SEATS), 0);
	cr_assert_eq(slip_peer_join(&me, &peers_rg), 0);
}

static struct slip_rwlock theirs; /* of the process that plays the other */

static int reads_and_stays(struct slip_peer *self)
{
	if (slip_rwlock_attach(&theirs, shared, bytes, self) ||
	    slip_rwlock_read_lock(&theirs))
		return 91;
	return actor_stay();
}

static int writes_and_stays(struct slip_peer *self)
{
	if (slip_rwlock_attach(&theirs, shared, bytes, self) ||
	    slip_rwlock_write_lock(&theirs))
		return 91;
	return actor_stay();
}

static int comes_to_write(struct slip_peer *self)
{
	if (slip_rwlock_attach(&theirs, shared, bytes, self))
		return 91;
	actor_ready();
	(void)!slip_rwlock_write_lock(&theirs);
	return 92;
}

Test(rwlock, a_dead_reader_is_in_nobodys_way)
{
	struct slip_rwlock l;
	struct member m;

	make_with_peers();
	cr_assert(peers_start(&m, reads_and_stays));
	open_one(&l, &me);
	cr_assert_eq(slip_rwlock_try_write_lock(&l), -EBUSY, "alive");
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(slip_rwlock_write_lock(&l), 0);
	/* stat */
	cr_assert_eq(slip_a64_load_relaxed(slip_rwlock_seat_(&l, 0)), 0u,
		     "and its seat is free");
	cr_assert_eq(slip_rwlock_write_unlock(&l), 0);
}

Test(rwlock, the_seat_of_the_dead_is_given_to_the_next)
{
	struct slip_rwlock l[SEATS];
	struct member m;

	make_with_peers();
	cr_assert(peers_start(&m, reads_and_stays));
	for (int i = 1; i < SEATS; i++)
		open_one(&l[i], &me);
	cr_assert_eq(slip_rwlock_attach(&l[0], shared, bytes, &me), -EUSERS);
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(slip_rwlock_attach(&l[0], shared, bytes, NULL), -EUSERS,
		     "who knows no oracle cannot tell");
	open_one(&l[0], &me);
}

Test(rwlock, of_a_dead_writer_all_are_told)
{
	struct slip_rwlock a, b;
	struct member m;

	make_with_peers();
	cr_assert(peers_start(&m, writes_and_stays));
	open_one(&a, &me);
	open_one(&b, &me);
	cr_assert_eq(slip_rwlock_try_read_lock(&a), -EBUSY, "alive");
	kill(m.actor.pid, SIGSTOP);
	cr_assert_eq(slip_rwlock_read_lock_until(&a, slip_after_ns(30000000)),
		     -ETIMEDOUT, "stopped is alive");
	cr_assert_eq(slip_rwlock_write_lock_until(&a, slip_after_ns(30000000)),
		     -ETIMEDOUT);
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(slip_rwlock_read_lock(&a), -EOWNERDEAD);
	cr_assert_eq(slip_rwlock_read_unlock(&a), -EPERM, "not locked");
	cr_assert_eq(slip_rwlock_write_lock(&b), -EOWNERDEAD);
	cr_assert_eq(slip_rwlock_try_read_lock(&a), -EBUSY, "being repaired");
	cr_assert_eq(slip_rwlock_consistent(&b), 0);
	cr_assert_eq(slip_rwlock_write_unlock(&b), 0);
	cr_assert_eq(slip_rwlock_read_lock(&a), 0);
}

Test(rwlock, what_was_not_repaired_is_broken)
{
	struct slip_rwlock a, b;
	struct member m;

	make_with_peers();
	cr_assert(peers_start(&m, writes_and_stays));
	open_one(&a, &me);
	open_one(&b, &me);
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(slip_rwlock_try_write_lock(&a), -EOWNERDEAD);
	cr_assert_eq(slip_rwlock_write_unlock(&a), 0);
	cr_assert_eq(slip_rwlock_write_lock(&a), -ENOTRECOVERABLE);
	cr_assert_eq(slip_rwlock_read_lock(&b), -ENOTRECOVERABLE);
	cr_assert_eq(slip_rwlock_try_read_lock(&b), -ENOTRECOVERABLE);
}

Test(rwlock, an_heir_that_gives_up_leaves_it_to_the_next)
{
	struct slip_rwlock a, b;
	struct member m;
	uint64_t dead;

	make_with_peers();
	cr_assert(peers_start(&m, writes_and_stays));
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	open_one(&a, &me);
	open_one(&b, &me);
	dead = writer();
	/* init: as one that is about to step back */
	slip_a64_store_relaxed(a.seat, a.mine | SLIP_RWLOCK_READS_);
	cr_assert_eq(slip_rwlock_try_write_lock(&b), -EBUSY);
	cr_assert_eq(writer(), dead);
	slip_a64_store_relaxed(a.seat, a.mine | SLIP_RWLOCK_TAKEN_); /* init */
	cr_assert_eq(slip_rwlock_write_lock(&b), -EOWNERDEAD);
	cr_assert_eq(slip_rwlock_consistent(&b), 0);
}

static void comer_dies(int (*then)(struct slip_rwlock *))
{
	struct slip_rwlock a, b;
	struct member m;

	make_with_peers();
	open_one(&a, &me);
	open_one(&b, &me);
	cr_assert_eq(slip_rwlock_read_lock(&a), 0);
	cr_assert(peers_start(&m, comes_to_write));
	while ((writer() & 15) != SLIP_RWLOCK_COMES_)
		sched_yield();
	cr_assert_eq(slip_rwlock_try_read_lock(&b), -EBUSY, "writers first");
	actor_kill(&m.actor);
	cr_assert(peers_gone(m.id, m.gen));
	cr_assert_eq(slip_rwlock_read_unlock(&a), 0);
	cr_assert_eq(then(&b), 0, "it had changed nothing");
}

Test(rwlock, who_died_before_it_wrote_is_not_in_a_readers_way)
{
	comer_dies(slip_rwlock_read_lock);
}

Test(rwlock, who_died_before_it_wrote_is_not_in_a_writers_way)
{
	comer_dies(slip_rwlock_write_lock);
}

Test(rwlock, who_has_left_the_region_does_not_attach)
{
	struct slip_rwlock l;

	make_with_peers();
	slip_peer_leave(&me);
	cr_assert_eq(slip_rwlock_attach(&l, shared, bytes, &me), -EINVAL);
}

Test(rwlock, damage_counts_as_broken)
{
	struct slip_rwlock a;

	make(0);
	open_one(&a, NULL);
	slip_a64_store_relaxed(&shared->writer, 5); /* init */
	cr_assert_eq(slip_rwlock_read_lock(&a), -ENOTRECOVERABLE);
	slip_a64_store_relaxed(&shared->writer, 16); /* init */
	cr_assert_eq(slip_rwlock_write_lock(&a), -ENOTRECOVERABLE);
}

static int uses_a_copy(void *arg)
{
	struct slip_rwlock *l = arg;

	return slip_rwlock_read_lock(l) == -ECHILD &&
			       slip_rwlock_write_lock(l) == -ECHILD &&
			       slip_rwlock_write_unlock(l) == -ECHILD &&
			       slip_rwlock_read_unlock(l) == -ECHILD &&
			       slip_rwlock_consistent(l) == -ECHILD &&
			       slip_rwlock_detach(l) == -ECHILD &&
			       slip_rwlock_attach(l, shared, bytes, &me) ==
				       -ECHILD
		       ? 0
		       : 1;
}

Test(rwlock, a_fork_child_is_refused)
{
	struct slip_rwlock l;

	make_with_peers();
	open_one(&l, &me);
	cr_assert_eq(slip_rwlock_write_lock(&l), 0);
	cr_assert_eq(actor_run(uses_a_copy, &l), 0);
	cr_assert_eq(slip_rwlock_write_unlock(&l), 0);
}

/* Its seat may be another's by now. */
Test(rwlock, a_handle_whose_peer_has_left_is_refused)
{
	struct slip_rwlock l;

	make_with_peers();
	open_one(&l, &me);
	cr_assert_eq(slip_rwlock_read_lock(&l), 0);
	slip_peer_leave(&me);
	cr_assert_eq(slip_rwlock_read_unlock(&l), -EINVAL);
	cr_assert_eq(slip_rwlock_read_lock(&l), -EINVAL);
	cr_assert_eq(slip_rwlock_write_lock(&l), -EINVAL);
	cr_assert_eq(slip_rwlock_detach(&l), -EINVAL);
	cr_assert_eq(slip_peer_join(&me, &peers_rg), 0);
	cr_assert_eq(slip_rwlock_read_lock(&l), -EINVAL, "another member");
	open_one(&l, &me);
	cr_assert_eq(slip_rwlock_write_lock(&l), 0, "a dead reader is none");
	cr_assert_eq(slip_rwlock_write_unlock(&l), 0);
}
