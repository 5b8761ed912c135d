/* SPDX-License-Identifier: MIT */
/*
 * futex/peer.h killed, and stopped, before every call into the kernel; and a
 * kernel that refuses calls.
 */
#define _GNU_SOURCE
#define SLIP_SYS_HOOK fault_call

#include "atomics/test/check.h"
#include "futex/test/peers.h"

static struct {
	unsigned at; /* at this call ... */
	bool on;     /* (and all that follow) */
	int signal;  /* ... raise this, or if 0 ... */
	int error;   /* ... fail with this */
	unsigned calls;
	/* Run once, before a lock is asked for (GETLK) or taken (SETLK) that
	 * is for writing and on a member's own byte. */
	int lock_command;
	void (*before_lock)(int fd);
} fault;

static void fault_before_lock(int command, const struct flock *lock, int fd)
{
	void (*what)(int) = fault.before_lock;

	if (!what || command != fault.lock_command || lock->l_type != F_WRLCK ||
	    (uint64_t)lock->l_start >= SLIP_BYTE_RECOVERY_)
		return;
	fault.before_lock = NULL;
	what(fd);
}

long fault_call(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_fcntl)
		fault_before_lock((int)b, SLIP_RECAST(struct flock *, c),
				  (int)a);
	if (++fault.calls == fault.at || (fault.on && fault.calls > fault.at)) {
		if (fault.signal)
			raise(fault.signal);
		else
			return -fault.error;
	}
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

static void fault_set(unsigned at, int signal, int error)
{
	fault.at = at;
	fault.signal = signal;
	fault.error = error;
	fault.calls = 0;
}

static int forget(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		  uint32_t gen)
{
	slip_a32 *word = mem;
	uint32_t expected = id;

	(void)self;
	(void)bytes;
	(void)gen;
	(void)slip_a32_cas_relaxed(word, &expected, 0); /* own */
	return 0;
}

enum part { JOIN, RECOVER, LEAVE };

struct victim {
	enum part part;
	unsigned at;
	int signal;
	bool on;
};

/* Does its part with a fault in it. 0 means it got through. */
static int suffer(void *arg)
{
	const struct victim *v = arg;
	static struct slip_region rg;
	static struct slip_peer self;
	int r = 0;

	if (peers_open(&rg))
		return 1;
	slip_peer_prepare(&self, &rg);
	if (slip_peer_hook(&self, PEERS_KIND, forget))
		return 2;
	if (v->part == LEAVE && slip_peer_enter(&self))
		return 3;
	actor_ready();
	fault_set(v->at, v->signal, 0);
	fault.on = v->on;
	if (v->part == JOIN)
		r = slip_peer_enter(&self);
	else if (v->part == RECOVER)
		r = slip_peer_recover(&self) < 0;
	else
		slip_peer_leave(&self);
	fault.on = false;
	fault_set(0, 0, 0);
	return r ? 4 : 0;
}

static int join_and_die(void *arg)
{
	static struct slip_region rg;
	static struct slip_peer self;

	(void)arg;
	if (peers_open(&rg) || slip_peer_join(&self, &rg))
		return 1;
	raise(SIGKILL);
	return 2;
}

/*
 * With the victim out of the way for good: one recovery makes every id free,
 * and every id can be had.
 */
static void everything_recovers(uint32_t places)
{
	struct slip_peer self[4];
	struct slip_peer cleaner;

	slip_peer_prepare(&cleaner, &peers_rg);
	cr_assert_eq(slip_peer_hook(&cleaner, PEERS_KIND, forget), 0);
	cr_assert_geq(slip_peer_recover(&cleaner), 0);
	for (uint32_t id = 1; id <= places; id++)
		cr_assert_eq(slip_peer_alive(&peers_rg, id), 0);
	for (uint32_t i = 0; i < places; i++)
		cr_assert_eq(slip_peer_join(&self[i], &peers_rg), 0);
	for (uint32_t i = 0; i < places; i++) {
		cr_assert_eq(slip_peer_alive(&peers_rg, self[i].id), 1);
		slip_peer_leave(&self[i]);
	}
}

static unsigned kill_at_every_call(enum part part)
{
	struct victim v = { part, 1, SIGKILL, false };
	int r = -SIGKILL;

	cr_assert_eq(peers_make(3), 0);
	for (; r == -SIGKILL && v.at < 300; v.at++) {
		if (part == RECOVER)
			cr_assert_eq(actor_run(join_and_die, NULL), -SIGKILL);
		r = actor_run(suffer, &v);
		everything_recovers(3);
	}
	cr_assert_eq(r, 0);
	return v.at - 1;
}

Test(peer_fault, a_joiner_killed_anywhere)
{
	cr_assert_gt(kill_at_every_call(JOIN), 15u);
}

Test(peer_fault, a_recoverer_killed_anywhere)
{
	cr_assert_gt(kill_at_every_call(RECOVER), 8u);
}

Test(peer_fault, a_leaver_killed_anywhere)
{
	cr_assert_gt(kill_at_every_call(LEAVE), 5u);
}

/*
 * With the victim stopped: a member that died is seen dead and recovered, and
 * two others can join, of four places. (One the victim holds up, one may be
 * held up by a recovery it is in.)
 */
static void others_go_on(const struct victim *v, uint32_t dead, uint32_t gen)
{
	struct slip_peer a, b;
	int r;

	cr_assert_eq(slip_peer_member_alive(&peers_rg, dead, gen), 0);
	slip_peer_prepare(&a, &peers_rg);
	cr_assert_eq(slip_peer_hook(&a, PEERS_KIND, forget), 0);
	r = slip_peer_recover(&a);
	cr_assert(r == 1 || (v->part == RECOVER && r == 0), "%d at call %u", r,
		  v->at);
	cr_assert_eq(slip_peer_alive(&peers_rg, dead), 0);
	cr_assert_eq(slip_peer_enter(&a), 0, "call %u", v->at);
	cr_assert_eq(slip_peer_join(&b, &peers_rg), 0, "call %u", v->at);
	cr_assert_eq(slip_peer_alive(&peers_rg, a.id), 1);
	slip_peer_leave(&a);
	slip_peer_leave(&b);
}

static int tell_join_and_die(struct slip_peer *self)
{
	(void)self;
	actor_ready();
	raise(SIGKILL);
	return 1;
}

static unsigned stop_at_every_call(enum part part)
{
	struct victim v = { part, 1, SIGSTOP, false };
	bool stopped = true;

	cr_assert_eq(peers_make(4), 0);
	for (; stopped && v.at < 300; v.at++) {
		struct member dead;
		struct actor a;
		int status = 0;

		cr_assert(peers_start(&dead, tell_join_and_die));
		cr_assert_eq(actor_wait(&dead.actor), -SIGKILL);
		cr_assert(actor_start(&a, suffer, &v));
		cr_assert_eq(waitpid(a.pid, &status, WUNTRACED), a.pid);
		stopped = WIFSTOPPED(status);
		if (!stopped) {
			cr_assert_eq(status, 0);
			break;
		}
		others_go_on(&v, dead.id, dead.gen);
		kill(a.pid, SIGCONT);
		cr_assert_eq(actor_wait(&a), 0, "call %u", v.at);
		everything_recovers(4);
	}
	cr_assert_not(stopped);
	return v.at - 1;
}

Test(peer_fault, a_joiner_stopped_anywhere_hinders_nobody)
{
	cr_assert_gt(stop_at_every_call(JOIN), 15u);
}

Test(peer_fault, a_recoverer_stopped_anywhere_hinders_nobody)
{
	cr_assert_gt(stop_at_every_call(RECOVER), 8u);
}

Test(peer_fault, a_leaver_stopped_anywhere_hinders_nobody)
{
	cr_assert_gt(stop_at_every_call(LEAVE), 5u);
}

/*
 * A joiner sleeps at one call; meanwhile another takes the id it had chosen,
 * and dies. Then the joiner goes on step by step: at none of them does the
 * dead member look alive.
 */
static bool late_joiner_revives_nobody(unsigned at)
{
	struct victim v = { JOIN, at, SIGSTOP, true };
	struct member dead;
	struct actor a;
	unsigned steps = 0;
	int status = 0;

	cr_assert(actor_start(&a, suffer, &v));
	cr_assert_eq(waitpid(a.pid, &status, WUNTRACED), a.pid);
	if (!WIFSTOPPED(status))
		return false;
	cr_assert(peers_start(&dead, tell_join_and_die));
	cr_assert_eq(actor_wait(&dead.actor), -SIGKILL);
	for (; WIFSTOPPED(status); steps++) {
		cr_assert_eq(
			slip_peer_member_alive(&peers_rg, dead.id, dead.gen), 0,
			"slept at call %u, %u steps on", at, steps);
		kill(a.pid, SIGCONT);
		cr_assert_eq(waitpid(a.pid, &status, WUNTRACED), a.pid);
	}
	cr_assert_eq(status, 0);
	everything_recovers(4);
	return true;
}

Test(peer_fault, a_late_joiner_revives_nobody)
{
	unsigned at = 1;

	cr_assert_eq(peers_make(4), 0);
	while (late_joiner_revives_nobody(at))
		at++;
	cr_assert_gt(at, 15u);
}

Test(peer_fault, a_refused_call_of_join_is_told_and_undone)
{
	struct slip_peer self;
	unsigned told = 0;
	unsigned total;
	int fds, r;

	cr_assert_eq(peers_make(2), 0);
	fds = scratch_fds();
	fault_set(0, 0, 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	total = fault.calls;
	slip_peer_leave(&self);
	for (unsigned at = 1; at <= total; at++) {
		fault_set(at, 0, ENOMEM);
		r = slip_peer_join(&self, &peers_rg);
		fault_set(0, 0, 0);
		cr_assert(r == 0 || r == -ENOMEM, "call %u: %d", at, r);
		told += r != 0;
		if (r == 0)
			slip_peer_leave(&self);
		cr_assert_eq(slip_peer_alive(&peers_rg, 1), 0);
		/* Only a refused close, which says nothing, leaks. */
		if (scratch_fds() != fds)
			cr_assert_eq(r, 0, "call %u leaks", at);
		fds = scratch_fds();
	}
	cr_assert_gt(told, 5u);
}

/* Another recovers everybody, just when the newcomer has seen a full table. */
static void recover_all(int fd)
{
	struct slip_peer cleaner;

	(void)fd;
	slip_peer_prepare(&cleaner, &peers_rg);
	if (slip_peer_hook(&cleaner, PEERS_KIND, forget) ||
	    slip_peer_recover(&cleaner) != 2)
		abort();
}

Test(peer_fault, a_newcomer_takes_what_another_has_just_recovered)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(actor_run(join_and_die, NULL), -SIGKILL);
	cr_assert_eq(actor_run(join_and_die, NULL), -SIGKILL);
	fault.lock_command = SLIP_OFD_GETLK_;
	fault.before_lock = recover_all;
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_null(fault.before_lock);
	slip_peer_leave(&self);
}

static int stolen;

/* Gives the number to a file of the program's own. */
static void steal_number(int fd)
{
	int own = open(scratch_path("own"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (own < 0 || ftruncate(own, 8192) || dup2(own, fd) != fd)
		abort();
	close(own);
	stolen = fd;
}

Test(peer_fault, a_lock_on_a_foreign_file_makes_no_member)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(1), 0);
	fault.lock_command = SLIP_OFD_SETLK_;
	fault.before_lock = steal_number;
	cr_assert_eq(slip_peer_join(&self, &peers_rg), -EBADF);
	cr_assert_null(fault.before_lock);
	cr_assert_eq(self.id, 0u);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 0);
	cr_assert_eq(close(stolen), 0, "it is the program's to close");
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 1);
	slip_peer_leave(&self);
}

Test(peer_fault, unknown_is_not_dead)
{
	struct slip_peer self;

	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	fault_set(1, 0, ENOLCK);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), -ENOLCK);
	fault_set(2, 0, ENOMEM);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 1);
	cr_assert_eq(munmap(self.pin, 4096), 0);
	fault_set(2, 0, ENOMEM);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), -ENOMEM);
	fault_set(0, 0, 0);
	cr_assert_eq(slip_peer_alive(&peers_rg, 1), 0);
}

Test(peer_fault, leave_with_a_refusing_kernel_is_like_death)
{
	struct slip_peer_info info;
	struct slip_peer self, other;

	cr_assert_eq(peers_make(2), 0);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	fault_set(1, 0, EMFILE);
	slip_peer_leave(&self);
	fault_set(0, 0, 0);
	cr_assert_eq(slip_peer_describe(&peers_rg, 1, &info), 0);
	cr_assert_eq(info.alive, 0);
	cr_assert(info.joined);
	slip_peer_prepare(&other, &peers_rg);
	cr_assert_eq(slip_peer_hook(&other, PEERS_KIND, forget), 0);
	fault_set(5, 0, EMFILE);
	cr_assert_lt(slip_peer_recover(&other), 0);
	fault_set(0, 0, 0);
	cr_assert_eq(slip_peer_recover(&other), 1);
}
