/* SPDX-License-Identifier: MIT */
/*
 * Semaphores of one unit, taken and given back, as suite_locks.c has it for
 * locks: ours, POSIX, and System V with SEM_UNDO, which is what gives a dead
 * holder's units back there. The robust one of ours belongs to a member of a
 * region, as it does in earnest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/robust_sem.h"
#include "futex/sem.h"
#include "futex/sem_set.h"
#include "tools/bench/locks_loops.h"

SLIP_CORE void *sem_of(struct stand *s)
{
	return s->semaphore;
}

/* --- ours ------------------------------------------------------------------ */

static int setup_ours(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	prepare(t);
	return slip_sem_init(sem_of(s), 1);
}

SLIP_CORE void lock_ours(struct stand *s, unsigned self)
{
	(void)self;
	if (slip_sem_acquire(sem_of(s), 1))
		s->visits = 0; /* which fails the row */
}

SLIP_CORE void unlock_ours(struct stand *s, unsigned self)
{
	(void)self;
	if (slip_sem_post(sem_of(s), 1))
		s->visits = 0;
}

static int setup_set(struct bench_team *t)
{
	static const uint32_t values[4] = { 1, 1, 0, 0 };
	struct stand *s = (struct stand *)t->mem;

	prepare(t);
	return slip_sem_set_init(sem_of(s), values);
}

/* Two of the four at once. */
SLIP_CORE void lock_set(struct stand *s, unsigned self)
{
	static const struct slip_sem_change take = { { -1, -1, 0, 0 }, 0 };

	(void)self;
	if (slip_sem_set_change(sem_of(s), &take))
		s->visits = 0;
}

SLIP_CORE void unlock_set(struct stand *s, unsigned self)
{
	static const struct slip_sem_change give = { { 1, 1, 0, 0 }, 0 };

	(void)self;
	if (slip_sem_set_change_try(sem_of(s), &give))
		s->visits = 0;
}

static int setup_own(struct bench_team *t)
{
	struct stand *s = (struct stand *)t->mem;

	prepare(t);
	return slip_robust_sem_init(sem_of(s), sizeof(s->semaphore), 2, 1);
}

/* Of each side, which is a process: made at its first visit. */
static struct {
	struct slip_region rg;
	struct slip_peer peer;
	struct slip_robust_sem sem;
} own;

SLIP_COLD void come(struct stand *s)
{
	int rc = slip_region_create(&own.rg, 4096,
				    SLIP_REGION_MEMFD | SLIP_REGION_PEERS(2));

	rc = rc ? rc : slip_region_publish(&own.rg, NULL, 0600);
	rc = rc ? rc : slip_peer_join(&own.peer, &own.rg);
	rc = rc ? rc
		: slip_robust_sem_attach(&own.sem, sem_of(s),
					 sizeof(s->semaphore), &own.peer);
	if (rc)
		s->visits = 0;
}

SLIP_CORE void lock_own(struct stand *s, unsigned self)
{
	(void)self;
	if (SLIP_UNLIKELY(!own.sem.seat))
		come(s);
	if (slip_robust_sem_acquire(&own.sem, 1))
		s->visits = 0;
}

SLIP_CORE void unlock_own(struct stand *s, unsigned self)
{
	(void)self;
	if (slip_robust_sem_release(&own.sem, 1))
		s->visits = 0;
}

LOCK(ours, ours, false)
LOCK(set, set, false)
LOCK(own, own, false)

/* --- rivals ---------------------------------------------------------------- */

static int setup_posix(struct bench_team *t)
{
	prepare(t);
	return sem_init(sem_of((struct stand *)t->mem), 1, 1) ? -errno : 0;
}

SLIP_CORE void lock_posix(struct stand *s, unsigned self)
{
	(void)self;
	(void)sem_wait(sem_of(s));
}

SLIP_CORE void unlock_posix(struct stand *s, unsigned self)
{
	(void)self;
	(void)sem_post(sem_of(s));
}

LOCK(posix, posix, false)

/* As semctl(2) has its callers define it. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* It outlives its users, so it belongs to a keeper, who removes it when the
 * other end of a pipe is closed, by whatever way we end. */
static struct {
	pid_t pid;
	int until;
} keeper;

static int make_sysv(void)
{
	union semun one = { .val = 1 };
	int id = semget(IPC_PRIVATE, 1, 0600);

	return id < 0 || semctl(id, 0, SETVAL, one) ? -errno : id;
}

static void keep_sysv(int *told, const int until[2])
{
	int id = make_sysv();
	char end;

	(void)close(until[1]);
	(void)setsid(); /* no terminal to be killed from */
	if (write(told[1], &id, sizeof(id)) == sizeof(id))
		while (read(until[0], &end, 1) < 0 && errno == EINTR)
			;
	if (id >= 0)
		(void)semctl(id, 0, IPC_RMID);
	_exit(0);
}

static int setup_sysv(struct bench_team *t)
{
	int *id = sem_of((struct stand *)t->mem);
	int told[2];
	int until[2];
	sigset_t all;
	sigset_t before;
	bool heard;

	prepare(t);
	if (pipe(told) || pipe(until))
		return -errno;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	keeper.pid = fork();
	if (keeper.pid == 0)
		keep_sysv(told, until);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	keeper.until = until[1];
	(void)close(told[1]); /* so that its death is noticed */
	(void)close(until[0]);
	heard = keeper.pid > 0 && read(told[0], id, sizeof(*id)) == sizeof(*id);
	(void)close(told[0]);
	if (!heard)
		return -EIO;
	return *id < 0 ? *id : 0;
}

static void cleanup_sysv(struct bench_team *t)
{
	(void)t;
	(void)close(keeper.until);
	if (keeper.pid > 0)
		(void)waitpid(keeper.pid, NULL, 0);
	keeper.pid = 0;
}

SLIP_CORE void change(struct stand *s, short by)
{
	const int *id = sem_of(s);
	struct sembuf op = { .sem_op = by, .sem_flg = SEM_UNDO };

	if (semop(*id, &op, 1))
		s->visits = 0;
}

SLIP_CORE void lock_sysv(struct stand *s, unsigned self)
{
	(void)self;
	change(s, -1);
}

SLIP_CORE void unlock_sysv(struct stand *s, unsigned self)
{
	(void)self;
	change(s, 1);
}

SLIP_CORE void one_sysv(void *at)
{
	(void)visit((struct stand *)at, 0, lock_sysv, unlock_sysv);
}

static void side_sysv(struct bench_team *t, unsigned self)
{
	if (t->sides == 1)
		turns_measure(t, self, one_sysv, t->mem);
	else
		contend(t, self, lock_sysv, unlock_sysv);
}

static int ask_sysv(const struct bench_point *p, struct bench_answer *a)
{
	struct bench_team t = { .run = { side_sysv, side_sysv },
				.setup = setup_sysv,
				.cleanup = cleanup_sysv };

	return ask(p, a, t);
}

/* --- the cases ------------------------------------------------------------- */

#define ENTRY(text, of, f)                          \
	{                                           \
		.name = text, .kind = of, .ask = f, \
	}

static const struct bench_entry entries[] = {
	ENTRY("slipring sem", BENCH_OURS, ask_ours),
	ENTRY("slipring sem_set, two at once", BENCH_OURS, ask_set),
	ENTRY("slipring robust_sem", BENCH_OURS, ask_own),
	ENTRY("POSIX semaphore", BENCH_RIVAL, ask_posix),
	ENTRY("System V semaphore, SEM_UNDO", BENCH_RIVAL, ask_sysv),
};

void bench_locks_sem(struct bench *b)
{
	struct bench_case c = { .suite = "locks",
				.name = "acquire + post, uncontended",
				.unit = "ns",
				.less_is_better = true,
				.quick = true,
				.point = { .actors = 1 },
				.entries = entries,
				.count = sizeof(entries) / sizeof(entries[0]) };

	bench_add(b, &c);
	lock_target(b, c.name, "slipring sem", "POSIX semaphore", 1 / 0.75,
		    "acquire and post are a locked instruction each, as in "
		    "glibc: some 10 of the 11 ns; what is left to save is two "
		    "calls");
	c.name = bench_text(b, "semaphore: 2 contend, %u ns of work outside",
			    OUTSIDE_NS);
	c.unit = "Mops/s";
	c.less_is_better = false;
	c.point.actors = 2;
	bench_add(b, &c);
}
