/* SPDX-License-Identifier: MIT */
/*
 * Models of the reader-writer lock: readers and writers in both modes, killed
 * and stopped anywhere, woken for no reason; seats that change hands.
 *
 * What must hold: two plain words that every writer changes are equal for who
 * may look (and no access to them is a race); who waits is woken; a dead reader
 * is in nobody's way; a writer that died at its work is told of, once, to one
 * who then has the lock, and nobody looks before it is repaired.
 */
#include <string.h>

#include "explore.h"
#include "futex/rwlock.h"
#include "peers.h"

#define SEATS 4

static struct {
	char mem[sizeof(struct slip_rwlock_shared) +
		 SEATS * SLIP_RWLOCK_SEAT_BYTES] __attribute__((aligned(128)));
	struct slip_rwlock l[X_THREADS + 1];
	uint64_t a, b; /* plain: what the lock protects */
	unsigned reads[X_THREADS + 1], writes[X_THREADS + 1];
	unsigned told[X_THREADS + 1]; /* that the owner is dead */
	unsigned late[X_THREADS + 1];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t reads, writes, told, late, deaths;

static struct slip_rwlock_shared *shared(void)
{
	void *at = s.mem;

	return at;
}

static void attach(struct slip_rwlock *l, struct slip_peer *self)
{
	int rc = slip_rwlock_attach(l, s.mem, sizeof(s.mem), self);

	X_ASSERT(!rc, "attach says %d", rc);
	l->free.spin.skip = UINT32_MAX; /* sleep at once */
	l->gone.spin.skip = UINT32_MAX;
}

static void make(uint32_t seats, unsigned mode, bool watched)
{
	memset(&s, 0, sizeof(s));
	reads = writes = told = late = deaths = 0;
	x_keep(&s, sizeof(s));
	x_name(&shared()->writer, 8, "writer");
	x_name(&shared()->ev_free, 8, "ev_free");
	x_name(&shared()->ev_gone, 8, "ev_gone");
	x_name(s.mem + 128, sizeof(s.mem) - 128, "seats");
	x_name(&s.a, 8, "a");
	x_name(&s.b, 8, "b");
	peers_setup();
	X_ASSERT(!slip_rwlock_init(s.mem, sizeof(s.mem), seats, mode), "init");
	for (unsigned t = 0; t < X_THREADS && t < seats; t++)
		attach(&s.l[t], watched ? &peers_member[t] : NULL);
}

static void asym(void)
{
	make(4, SLIP_EVENT_ASYM, true);
}

static void rmw(void)
{
	make(4, SLIP_EVENT_RMW, true);
}

/* Nobody is watched, and so nobody looks up from its sleep. */
static void make_blind(unsigned mode)
{
	make(4, mode, false);
	for (unsigned t = 0; t < X_THREADS; t++) {
		s.l[t].free.slice_ns = SLIP_FOREVER;
		s.l[t].gone.slice_ns = SLIP_FOREVER;
	}
}

static void blind(void)
{
	make_blind(SLIP_EVENT_ASYM);
}

static void blind_rmw(void)
{
	make_blind(SLIP_EVENT_RMW);
}

/* Thread 0 writes. */
static void one_writes(void)
{
	asym();
	X_ASSERT(!slip_rwlock_write_lock(&s.l[0]), "write");
}

/* Thread 2 has no seat. */
static void two_seats(void)
{
	make(2, SLIP_EVENT_ASYM, true);
}

/* Thread 3 has no seat; thread 0 reads. */
static void one_reads(void)
{
	make(3, SLIP_EVENT_ASYM, true);
	X_ASSERT(!slip_rwlock_read_lock(&s.l[0]), "read");
}

/* There is one seat, and nobody has it. */
static void one_seat(void)
{
	make(1, SLIP_EVENT_ASYM, true);
	X_ASSERT(!slip_rwlock_detach(&s.l[0]), "detach");
}

/* Thread 1 is not watched, and watches nobody. */
static void one_is_blind(void)
{
	make(4, SLIP_EVENT_ASYM, true);
	X_ASSERT(!slip_rwlock_detach(&s.l[1]), "detach");
	attach(&s.l[1], NULL);
	s.l[1].free.slice_ns = SLIP_FOREVER;
}

/* Member 2, which came to write, is dead: see third_is_dead. */
static void one_came_and_died(void)
{
	one_is_blind();
	/* init */
	slip_a64_store_relaxed(&shared()->writer,
			       s.l[2].mine | SLIP_RWLOCK_COMES_);
}

/* Thread 0 has been told of a death. */
static void one_is_unsure(void)
{
	one_is_blind();
	X_ASSERT(!slip_rwlock_write_lock(&s.l[0]), "write");
	s.l[0].unsure = true;
	/* init */
	slip_a64_store_relaxed(&shared()->writer,
			       s.l[0].mine | SLIP_RWLOCK_UNSURE_);
}

static void new_bytes(void)
{
	asym();
	memset(s.l, 0, sizeof(s.l));
	memset(s.mem, 0xa5, sizeof(s.mem));
}

/* --- threads ----------------------------------------------------------------- */

static struct slip_rwlock *mine(void)
{
	return &s.l[x_self()];
}

static void repair(void)
{
	s.told[x_self()]++;
	s.b = s.a;
	X_ASSERT(!slip_rwlock_consistent(mine()), "consistent");
}

static void write_now(void)
{
	X_ASSERT(s.a == s.b, "halves differ: %llu, %llu",
		 (unsigned long long)s.a, (unsigned long long)s.b);
	s.a++;
	/* hint: where it may die */
	(void)slip_a64_load_relaxed(&shared()->writer);
	s.b++;
	s.writes[x_self()]++;
	X_ASSERT(!slip_rwlock_write_unlock(mine()), "unlock");
}

static void write_until(uint64_t deadline_ns)
{
	int rc = slip_rwlock_write_lock_until(mine(), deadline_ns);

	if (rc == -EOWNERDEAD) {
		repair();
		rc = 0;
	}
	if (rc == -ETIMEDOUT && deadline_ns != SLIP_FOREVER) {
		s.late[x_self()]++;
		return;
	}
	X_ASSERT(!rc, "write_lock says %d", rc);
	write_now();
}

static void write_one(void)
{
	write_until(SLIP_FOREVER);
}

static void try_write(void)
{
	write_until(0);
}

static void write_soon(void)
{
	write_until(slip_after_ns(1000000));
}

static void read_now(void)
{
	X_ASSERT(s.a == s.b, "halves differ: %llu, %llu",
		 (unsigned long long)s.a, (unsigned long long)s.b);
	s.reads[x_self()]++;
	X_ASSERT(!slip_rwlock_read_unlock(mine()), "unlock");
}

static void read_one(void)
{
	int rc = slip_rwlock_read_lock(mine());

	if (rc == -EOWNERDEAD) {
		write_one();
		return;
	}
	X_ASSERT(!rc, "read_lock says %d", rc);
	read_now();
}

static void try_read(void)
{
	int rc = slip_rwlock_try_read_lock(mine());

	if (rc == -EBUSY || rc == -EOWNERDEAD) {
		s.late[x_self()]++;
		return;
	}
	X_ASSERT(!rc, "try_read_lock says %d", rc);
	read_now();
}

static void read_twice(void)
{
	read_one();
	read_one();
}

static void write_twice(void)
{
	write_one();
	write_one();
}

static void read_on(void)
{
	read_now();
}

/* Comes into whatever seat there is. */
static void come_read(void)
{
	int rc = slip_rwlock_attach(mine(), s.mem, sizeof(s.mem), peers_self());

	if (rc == -EUSERS)
		return;
	X_ASSERT(!rc, "attach says %d", rc);
	mine()->free.spin.skip = UINT32_MAX;
	read_one();
	X_ASSERT(!slip_rwlock_detach(mine()), "detach");
}

static void read_and_go(void)
{
	read_one();
	X_ASSERT(!slip_rwlock_detach(mine()), "detach");
}

static void read_or_die(void)
{
	int rc = slip_rwlock_try_read_lock(mine());

	if (rc)
		return;
	s.reads[x_self()] += s.a == s.b;
	/* hint: where it may die */
	(void)slip_a64_load_relaxed(&shared()->writer);
	X_ASSERT(!slip_rwlock_read_unlock(mine()), "unlock");
}

/* Two come for one seat; nobody leaves. */
static void come_and_stay(void)
{
	int rc = slip_rwlock_attach(mine(), s.mem, sizeof(s.mem), peers_self());

	X_ASSERT(!rc || rc == -EUSERS, "attach says %d", rc);
	s.reads[x_self()] += rc == 0;
	s.late[x_self()] += rc != 0;
}

static void give_up(void)
{
	X_ASSERT(!slip_rwlock_write_unlock(mine()), "unlock");
	s.writes[0]++;
}

static void hear_that_it_is_broken(void)
{
	int rc = slip_rwlock_read_lock(mine());

	X_ASSERT(rc == -ENOTRECOVERABLE, "read_lock says %d", rc);
	s.reads[x_self()]++;
}

static void nothing(void)
{
}

/* Makes the lock, in bytes of any content. */
static void create(void)
{
	int rc = slip_rwlock_init(s.mem, sizeof(s.mem), SEATS, SLIP_EVENT_RMW);

	X_ASSERT(!rc, "init says %d", rc);
}

static void find_and_read(void)
{
	/* hint: attach looks again */
	bool there =
		slip_a32_load_relaxed(&shared()->magic) == SLIP_RWLOCK_MAGIC_;
	int rc = slip_rwlock_attach(mine(), s.mem, sizeof(s.mem), peers_self());

	X_ASSERT(!rc || (rc == -EBADMSG && !there), "attach says %d", rc);
	s.late[x_self()] += rc != 0;
	if (rc)
		return;
	X_ASSERT(mine()->seats == SEATS, "%u seats", mine()->seats);
	read_one();
}

/* --- afterwards -------------------------------------------------------------- */

/* Who comes last can write, whatever has happened, if nobody is stopped. */
static void usable(void)
{
	struct slip_rwlock *l = &s.l[X_THREADS];
	bool stuck = false;
	int rc;

	for (unsigned t = 0; t < X_THREADS; t++) {
		reads += s.reads[t];
		writes += s.writes[t];
		told += s.told[t];
		late += s.late[t];
		deaths += x_dead(t);
		stuck = stuck || x_stopped(t);
	}
	/* What is in disorder nobody gets without being told. */
	X_ASSERT(s.a == s.b || (slip_a64_load_relaxed(&shared()->writer) &
				14) == SLIP_RWLOCK_WRITES_,
		 "in disorder, and free");
	if (stuck)
		return;
	for (unsigned t = 0; t < X_THREADS; t++)
		if (s.l[t].state != SLIP_RWLOCK_OUT_ && x_returned(t))
			X_ASSERT(!slip_rwlock_detach(&s.l[t]), "detach");
	attach(l, &peers_member[X_THREADS]);
	rc = slip_rwlock_try_write_lock(l);
	if (rc == -EOWNERDEAD) {
		told++;
		X_ASSERT(deaths, "nobody has died");
		s.b = s.a;
		rc = slip_rwlock_consistent(l);
	}
	X_ASSERT(!rc, "write_lock says %d", rc);
	X_ASSERT(s.a == s.b, "halves differ: %llu, %llu",
		 (unsigned long long)s.a, (unsigned long long)s.b);
}

/* As peers_sys, but that member 2 is dead from the beginning. */
static bool third_is_dead(long nr, const long args[6], long *result)
{
	struct slip_file_flock_ *lock = (struct slip_file_flock_ *)args[2];
	bool ours = peers_sys(nr, args, result);

	if (nr == SYS_fcntl && args[1] == SLIP_OFD_GETLK_ &&
	    (lock->start & 4095) == peers_member[2].id)
		lock->type = SLIP_LOCK_NONE_;
	return ours;
}

static void one_sits(void)
{
	X_ASSERT(s.reads[0] + s.reads[1] == 1, "%u sit",
		 s.reads[0] + s.reads[1]);
}

static void both_read(void)
{
	X_ASSERT(s.reads[0] == 1 && s.reads[1] == 1, "not both have read");
}

static void both(void)
{
	X_ASSERT(reads && writes, "%llu reads, %llu writes",
		 (unsigned long long)reads, (unsigned long long)writes);
}

static void counted(void)
{
	reads += s.reads[1];
	late += s.late[1];
}

static void found_or_not(void)
{
	X_ASSERT(reads && late, "found %llu times, not %llu times",
		 (unsigned long long)reads, (unsigned long long)late);
}

static void wrote(void)
{
	X_ASSERT(writes, "none wrote");
}

static void tried(void)
{
	X_ASSERT(late && (reads || writes), "none was refused, or all");
}

static void died(void)
{
	X_ASSERT(deaths && told, "%llu dead, %llu told",
		 (unsigned long long)deaths, (unsigned long long)told);
}

static void died_reading(void)
{
	X_ASSERT(deaths && writes, "%llu dead", (unsigned long long)deaths);
}

static const struct x_model models[] = {
	{
		.name = "read-write",
		.operation = "rwlock.read+write",
		.once = asym,
		.threads = { read_one, write_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "read-write-rmw",
		.operation = "rwlock.read+write",
		.once = rmw,
		.threads = { read_one, write_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "blind",
		.operation = "rwlock.read+write",
		.once = blind,
		.threads = { read_one, write_one, read_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "blind-rmw",
		.operation = "rwlock.read+write",
		.once = blind_rmw,
		.threads = { read_one, write_one, read_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "two-readers",
		.operation = "rwlock.read+write",
		.once = asym,
		.threads = { read_one, read_twice, write_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "two-readers-rmw",
		.operation = "rwlock.read+write",
		.once = rmw,
		.threads = { read_one, read_twice, write_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "two-writers",
		.operation = "rwlock.write+write",
		.once = asym,
		.threads = { write_twice, write_one },
		.final = usable,
		.finish = wrote,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "two-writers-rmw",
		.operation = "rwlock.write+write",
		.once = rmw,
		.threads = { write_one, write_one, read_one },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 2,
	},
	{
		.name = "try",
		.operation = "rwlock.try",
		.once = asym,
		.threads = { try_read, try_write, write_one },
		.final = usable,
		.finish = tried,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "try-rmw",
		.operation = "rwlock.try",
		.once = rmw,
		.threads = { try_read, try_write, write_one },
		.final = usable,
		.finish = tried,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "soon",
		.operation = "rwlock.try",
		.once = one_reads,
		.threads = { read_on, write_soon, read_one },
		.final = usable,
		.finish = tried,
		.sys = peers_sys,
		.surprises = 1,
		.flags = X_TIMEOUT,
		.preemptions = 2,
	},
	{
		.name = "init",
		.operation = "rwlock.attach",
		.once = new_bytes,
		.threads = { create, find_and_read },
		.final = counted,
		.finish = found_or_not,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "one-seat",
		.operation = "rwlock.attach",
		.once = one_seat,
		.threads = { come_and_stay, come_and_stay },
		.final = one_sits,
		.sys = peers_sys,
	},
	{
		.name = "told-by-who-buries",
		.operation = "rwlock.death",
		.once = one_came_and_died,
		.threads = { read_one, read_one },
		.final = both_read,
		.sys = third_is_dead,
		.preemptions = 3,
	},
	{
		.name = "told-that-it-is-broken",
		.operation = "rwlock.death",
		.once = one_is_unsure,
		.threads = { give_up, hear_that_it_is_broken },
		.sys = peers_sys,
		.preemptions = 4,
	},
	{
		.name = "death",
		.operation = "rwlock.death",
		.once = asym,
		.threads = { read_one, write_one, write_one },
		.final = usable,
		.finish = died,
		.sys = peers_sys,
		.mortal = 7,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "death-rmw",
		.operation = "rwlock.death",
		.once = rmw,
		.threads = { read_one, write_one, read_one },
		.final = usable,
		.finish = died,
		.sys = peers_sys,
		.mortal = 7,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "two-deaths",
		.operation = "rwlock.death",
		.once = asym,
		.threads = { write_one, write_one, write_one },
		.final = usable,
		.finish = died,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "heir-gives-up",
		.operation = "rwlock.death",
		.once = one_writes,
		.threads = { write_now, try_read, try_write },
		.final = usable,
		.finish = died,
		.sys = peers_sys,
		.mortal = 1,
		.stoppable = 2,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "dead-reader",
		.operation = "rwlock.death",
		.once = one_reads,
		.threads = { read_on, write_one, nothing, come_read },
		.final = usable,
		.finish = died_reading,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "seat-changes",
		.operation = "rwlock.attach",
		.once = two_seats,
		.threads = { read_and_go, write_one, come_read },
		.final = usable,
		.finish = both,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "buried",
		.operation = "rwlock.death",
		.once = asym,
		.threads = { read_or_die, try_write, try_read, try_write },
		.final = usable,
		.finish = died_reading,
		.sys = peers_sys,
		.mortal = 3,
		.troubles = 2,
		.preemptions = 2,
	},
	{
		.name = "stop",
		.operation = "rwlock.death",
		.once = asym,
		.threads = { read_one, read_one, try_write },
		.final = usable,
		.finish = tried,
		.sys = peers_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
