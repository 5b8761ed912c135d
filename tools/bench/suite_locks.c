/* SPDX-License-Identifier: MIT */
/*
 * Locks: a pair of lock and unlock that nobody contends, and two or four who
 * contend, with some 120 ns of work of their own between two visits. (A loop without
 * such work measures how long one side can keep the line, not the lock.)
 *
 * What can stand between processes is measured between processes. The rest is
 * in threads, of which there are at least two, for glibc leaves the locked
 * instructions of a private mutex out while a process has one thread. Each
 * visit counts in a plain word of its own line; if that is less than the
 * visits in the end, the lock did not lock. Four share two processors, so a
 * lock that only spins is not asked.
 */
#define _GNU_SOURCE
#include "atomics/pause.h"
#include "tools/bench/locks_loops.h"

/* --- ours ------------------------------------------------------------------ */

/* Zero bytes are one of them, free. */
static int setup_ours(struct bench_team *t)
{
	prepare(t);
	return 0;
}

SLIP_CORE void lock_ours(struct stand *s, unsigned self)
{
	(void)self;
	(void)!slip_mutex_lock(&s->ours);
}

SLIP_CORE void unlock_ours(struct stand *s, unsigned self)
{
	(void)self;
	(void)slip_mutex_unlock(&s->ours);
}

LOCK(ours, ours, false)

/* The region in which the sides are peers; what one side has. */
static struct slip_region members;
static struct {
	struct slip_region rg;
	struct slip_peer self;
	struct slip_robust_mutex m;
	struct slip_pi_mutex pi;
} robust;

static int setup_members(struct bench_team *t)
{
	int rc;

	prepare(t);
	rc = slip_region_create(&members, 1, SLIP_REGION_MEMFD);
	return rc ? rc : slip_region_publish(&members, NULL, 0600);
}

static int setup_ours_robust(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	int rc = setup_members(t);

	return rc ? rc : slip_robust_mutex_init(&s->ours_robust, 0);
}

static void cleanup_ours_robust(struct bench_team *t)
{
	(void)t;
	slip_region_close(&members);
}

static int enter_members(void)
{
	int rc = slip_region_adopt(&robust.rg, slip_region_fd(&members),
				   SLIP_REGION_MEMFD);

	return rc ? rc : slip_peer_join(&robust.self, &robust.rg);
}

static int enter_ours_robust(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	int rc = enter_members();

	return rc ? rc
		  : slip_robust_mutex_attach(&robust.m, &s->ours_robust,
					     &robust.self, 0);
}

SLIP_CORE void lock_ours_robust(struct stand *s, unsigned self)
{
	(void)s;
	(void)self;
	(void)!slip_robust_mutex_lock(&robust.m);
}

SLIP_CORE void unlock_ours_robust(struct stand *s, unsigned self)
{
	(void)s;
	(void)self;
	(void)slip_robust_mutex_unlock(&robust.m);
}

SIDE(ours_robust)

static void side_entered(struct bench_team *t, unsigned self)
{
	int rc = enter_ours_robust(t);

	t->shared->side[self].rc = rc;
	if (rc)
		bench_ready(t);
	else
		side_ours_robust(t, self);
}

static int ask_ours_robust(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .run = { side_entered, side_entered,
					 side_entered, side_entered },
				.setup = setup_ours_robust,
				.cleanup = cleanup_ours_robust };

	return ask(p, a, t);
}

static int setup_ours_pi(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	int rc = setup_members(t);

	return rc ? rc : slip_pi_mutex_init(&s->ours_pi);
}

SLIP_CORE void lock_ours_pi(struct stand *s, unsigned self)
{
	(void)s;
	(void)self;
	(void)!slip_pi_mutex_lock(&robust.pi);
}

SLIP_CORE void unlock_ours_pi(struct stand *s, unsigned self)
{
	(void)s;
	(void)self;
	(void)slip_pi_mutex_unlock(&robust.pi);
}

SIDE(ours_pi)

static void side_entered_pi(struct bench_team *t, unsigned self)
{
	struct stand *s = (struct stand *)t->mem;
	int rc = enter_members();

	if (!rc)
		rc = slip_pi_mutex_attach(&robust.pi, &s->ours_pi,
					  &robust.self);
	t->shared->side[self].rc = rc;
	if (rc)
		bench_ready(t);
	else
		side_ours_pi(t, self);
}

static int ask_ours_pi(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .run = { side_entered_pi, side_entered_pi,
					 side_entered_pi, side_entered_pi },
				.setup = setup_ours_pi,
				.cleanup = cleanup_ours_robust };

	return ask(p, a, t);
}

/* --- pthread --------------------------------------------------------------- */

struct kind {
	int type, shared, robust, protocol;
};

static int mutex_make(struct bench_team *t, const struct kind *k)
{
	struct stand *s = (struct stand *)t->mem;
	pthread_mutexattr_t attr;
	int rc;

	prepare(t);
	(void)pthread_mutexattr_init(&attr);
	rc = pthread_mutexattr_settype(&attr, k->type);
	if (!rc)
		rc = pthread_mutexattr_setpshared(&attr, k->shared);
	if (!rc)
		rc = pthread_mutexattr_setrobust(&attr, k->robust);
	if (!rc)
		rc = pthread_mutexattr_setprotocol(&attr, k->protocol);
	if (!rc)
		rc = pthread_mutex_init(&s->mutex, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return -rc;
}

static int setup_normal(struct bench_team *t)
{
	static const struct kind k = { .type = PTHREAD_MUTEX_NORMAL };

	return mutex_make(t, &k);
}

static int setup_adaptive(struct bench_team *t)
{
	static const struct kind k = { .type = PTHREAD_MUTEX_ADAPTIVE_NP };

	return mutex_make(t, &k);
}

static int setup_shared(struct bench_team *t)
{
	static const struct kind k = { .type = PTHREAD_MUTEX_NORMAL,
				       .shared = PTHREAD_PROCESS_SHARED };

	return mutex_make(t, &k);
}

static int setup_robust(struct bench_team *t)
{
	static const struct kind k = { .type = PTHREAD_MUTEX_NORMAL,
				       .shared = PTHREAD_PROCESS_SHARED,
				       .robust = PTHREAD_MUTEX_ROBUST };

	return mutex_make(t, &k);
}

static int setup_pi(struct bench_team *t)
{
	static const struct kind k = { .type = PTHREAD_MUTEX_NORMAL,
				       .shared = PTHREAD_PROCESS_SHARED,
				       .protocol = PTHREAD_PRIO_INHERIT };

	return mutex_make(t, &k);
}

/* The side ends by itself, and only with the mutex free: no owner dies. */
SLIP_CORE void lock_mutex(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_mutex_lock(&s->mutex);
}

SLIP_CORE void unlock_mutex(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_mutex_unlock(&s->mutex);
}

#define lock_normal	lock_mutex
#define unlock_normal	unlock_mutex
#define lock_adaptive	lock_mutex
#define unlock_adaptive unlock_mutex
#define lock_shared	lock_mutex
#define unlock_shared	unlock_mutex
#define lock_robust	lock_mutex
#define unlock_robust	unlock_mutex
#define lock_pi		lock_mutex
#define unlock_pi	unlock_mutex

LOCK(normal, normal, true)
LOCK(adaptive, adaptive, true)
LOCK(shared, shared, false)
LOCK(robust, robust, false)
LOCK(pi, pi, false)

static int setup_spin(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	prepare(t);
	return -pthread_spin_init(&s->spin, PTHREAD_PROCESS_SHARED);
}

SLIP_CORE void lock_spin(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_spin_lock(&s->spin);
}

SLIP_CORE void unlock_spin(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_spin_unlock(&s->spin);
}

LOCK(spin, spin, false)

static int setup_rw(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;
	pthread_rwlockattr_t attr;
	int rc;

	prepare(t);
	(void)pthread_rwlockattr_init(&attr);
	rc = pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_rwlock_init(&s->rw, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	return -rc;
}

SLIP_CORE void lock_read(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_rwlock_rdlock(&s->rw);
}

SLIP_CORE void lock_write(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_rwlock_wrlock(&s->rw);
}

SLIP_CORE void unlock_rw(struct stand *s, unsigned self)
{
	(void)self;
	(void)pthread_rwlock_unlock(&s->rw);
}

#define unlock_read  unlock_rw
#define unlock_write unlock_rw

LOCK(read, rw, false)
LOCK(write, rw, false)

static int setup_sem(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	prepare(t);
	return sem_init(&s->sem, 1, 1) ? -errno : 0;
}

SLIP_CORE void lock_sem(struct stand *s, unsigned self)
{
	(void)self;
	/* A signal would have it fail; a side gets none. */
	(void)sem_wait(&s->sem);
}

SLIP_CORE void unlock_sem(struct stand *s, unsigned self)
{
	(void)self;
	(void)sem_post(&s->sem);
}

LOCK(sem, sem, false)

/* --- Concurrency Kit ------------------------------------------------------- */

#if HAVE_CK
/* Zero bytes are each of them, free. */
static int setup_ck(struct bench_team *t)
{
	prepare(t);
	return 0;
}

SLIP_CORE void lock_fas(struct stand *s, unsigned self)
{
	(void)self;
	ck_spinlock_fas_lock(&s->fas);
}

SLIP_CORE void unlock_fas(struct stand *s, unsigned self)
{
	(void)self;
	ck_spinlock_fas_unlock(&s->fas);
}

SLIP_CORE void lock_ticket(struct stand *s, unsigned self)
{
	(void)self;
	ck_spinlock_ticket_lock(&s->ticket);
}

SLIP_CORE void unlock_ticket(struct stand *s, unsigned self)
{
	(void)self;
	ck_spinlock_ticket_unlock(&s->ticket);
}

SLIP_CORE void lock_mcs(struct stand *s, unsigned self)
{
	ck_spinlock_mcs_lock(&s->mcs, &s->mine[self].node);
}

SLIP_CORE void unlock_mcs(struct stand *s, unsigned self)
{
	ck_spinlock_mcs_unlock(&s->mcs, &s->mine[self].node);
}

LOCK(fas, ck, false)
LOCK(ticket, ck, false)
LOCK(mcs, ck, true) /* it holds pointers to its nodes */
#else
static int ask_absent(const struct bench_point *p, struct bench_answer *a)
{
	(void)p;
	(void)a;
	return -ENOPKG;
}
#define ask_fas	   ask_absent
#define ask_ticket ask_absent
#define ask_mcs	   ask_absent
#endif

/* --- limits ---------------------------------------------------------------- */

static int setup_word(struct bench_team *t)
{
	prepare(t);
	return 0;
}

SLIP_CORE void lock_tas(struct stand *s, unsigned self)
{
	(void)self;
	while (slip_a32_exchange_acquire(&s->word, 1))
		slip_pause();
}

SLIP_CORE void unlock_tas(struct stand *s, unsigned self)
{
	(void)self;
	slip_a32_store_release(&s->word, 0);
}

/* One locked instruction in and one out: whoever may have to wake somebody
 * must hear, as it leaves, whether somebody came. Nobody does. */
SLIP_CORE void lock_futex(struct stand *s, unsigned self)
{
	(void)self;
	while (slip_a32_exchange_acquire(&s->word, 1))
		slip_pause();
}

SLIP_CORE void unlock_futex(struct stand *s, unsigned self)
{
	(void)self;
	while (slip_a32_exchange_release(&s->word, 0) != 1)
		slip_pause();
}

LOCK(tas, word, false)
LOCK(futex, word, false)

/* What two do who need no lock: the work alone, each with its own count. */
static void side_apart(struct bench_team *t, unsigned self)
{
	struct stand *s = (struct stand *)t->mem;
	uint32_t outside = s->outside;
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	do {
		for (unsigned i = 0; i < TURNS; i++)
			work(outside, i);
		ops += TURNS;
	} while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
}

static int ask_apart(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .run = { side_apart, side_apart },
				.setup = setup_word };

	return ask(p, a, t);
}

/* --- the suite ------------------------------------------------------------- */

#define RIVAL(text, f)                                       \
	{                                                    \
		.name = text, .kind = BENCH_RIVAL, .ask = f, \
	}
#define CK(text, f, in_threads)                                \
	{                                                      \
		.name = text, .kind = BENCH_RIVAL, .ask = f,   \
		.package = "libck-dev", .threads = in_threads, \
	}
#define THREADS(text, f)                                                      \
	{                                                                     \
		.name = text, .kind = BENCH_RIVAL, .ask = f, .threads = true, \
	}
#define LIMIT(text, f)                                       \
	{                                                    \
		.name = text, .kind = BENCH_LIMIT, .ask = f, \
	}
#define OURS(text, f)                                       \
	{                                                   \
		.name = text, .kind = BENCH_OURS, .ask = f, \
	}
/* Those that sleep, and all cases ask. */
#define SLEEPERS                                                    \
	OURS("slip_mutex", ask_ours),                               \
		OURS("slip_robust_mutex", ask_ours_robust),         \
		OURS("slip_pi_mutex", ask_ours_pi),                 \
		RIVAL("pthread mutex, shared", ask_shared),         \
		RIVAL("pthread mutex, shared, robust", ask_robust), \
		RIVAL("pthread mutex, shared, PI", ask_pi),         \
		RIVAL("pthread rwlock, write", ask_write),          \
		RIVAL("POSIX semaphore", ask_sem)
/* Those that one and two ask. */
#define EXCLUSIVE                                                  \
	SLEEPERS, LIMIT("xchg in, store out: spin only", ask_tas), \
		THREADS("pthread mutex", ask_normal),              \
		THREADS("pthread mutex, adaptive", ask_adaptive),  \
		RIVAL("pthread spinlock", ask_spin),               \
		CK("ck_spinlock fas", ask_fas, false),             \
		CK("ck_spinlock ticket", ask_ticket, false),       \
		CK("ck_spinlock mcs", ask_mcs, true)

static const struct bench_entry uncontended[] = {
	EXCLUSIVE,
	LIMIT("xchg in, xchg out: may sleep", ask_futex),
	RIVAL("pthread rwlock, read", ask_read),
};

static const struct bench_entry contended[] = {
	EXCLUSIVE,
	LIMIT("the work alone, without a lock", ask_apart),
};

static const struct bench_entry crowded[] = { SLEEPERS };

#define COUNT(entries) (sizeof(entries) / sizeof((entries)[0]))

/* Costs: at most 0.95 and 0.75 of theirs; under contention no worse. */
static void add_targets(struct bench *b, const char *name, double plain,
			double robust_one, const char *limit)
{
	lock_target(b, name, "slip_mutex", "pthread mutex, shared", plain,
		    limit);
	lock_target(b, name, "slip_robust_mutex",
		    "pthread mutex, shared, robust", robust_one, limit);
}

#define HAND_OVER                                                              \
	"the lock goes over by its line, as theirs does, and who spins looks " \
	"at it meanwhile; looks every 16, 32, 64 and 128 turns were tried: "   \
	"21 runs gave 0.72 to 1.19 of pthread's with two, median 0.93, no "    \
	"stride better than another, on a host that moves its processors (a "  \
	"line takes 90 or 450 ns)"

void bench_suite_locks(struct bench *b)
{
	struct bench_case c = { .suite = "locks",
				.name = "lock + unlock, uncontended",
				.unit = "ns",
				.less_is_better = true,
				.quick = true,
				.point = { .actors = 1 },
				.entries = uncontended,
				.count = COUNT(uncontended) };

	bench_add(b, &c);
	add_targets(b, c.name, 1 / 0.95, 1 / 0.75, NULL);
	c.name = bench_text(b, "2 contend, %u ns of work outside", OUTSIDE_NS);
	c.unit = "Mops/s";
	c.less_is_better = false;
	c.point.actors = 2;
	c.entries = contended;
	c.count = COUNT(contended);
	bench_add(b, &c);
	add_targets(b, c.name, 1, 1, HAND_OVER);
	c.name = bench_text(b, "4 contend on 2 processors, %u ns outside",
			    OUTSIDE_NS);
	c.point.actors = 4;
	c.entries = crowded;
	c.count = COUNT(crowded);
	bench_add(b, &c);
	add_targets(b, c.name, 1, 1, HAND_OVER);
	bench_locks_sem(b);
	bench_locks_rw(b);
	bench_locks_meet(b);
}
