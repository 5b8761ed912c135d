/* SPDX-License-Identifier: MIT */
/*
 * Models of the barrier and the latch: members that arrive at once, leave, come
 * anew, are killed and stopped anywhere.
 *
 * What must hold: who goes on sees what all did who arrived (a race of plain
 * data if not); one of a phase, and no more, is the serial one; all hear the
 * same number of lost, which is that of the dead that did not arrive; nobody
 * waits for ever, nor, where nobody died, for a slice.
 */
#include <string.h>

#include "explore.h"
#include "futex/event.h"

/* Adaptive spins multiply executions and find nothing: sleep at once. */
#define slip_spin_init(s) (slip_spin_init(s), (void)((s)->skip = UINT32_MAX))
#include "futex/barrier.h"
#include "futex/latch.h"
#undef slip_spin_init
#include "peers.h"

#define PHASES 3

static struct {
	uint64_t mem[4 + X_THREADS];
	struct slip_barrier barrier[X_THREADS + 1];
	struct slip_latch latch[X_THREADS + 1];
	uint64_t work[X_THREADS]; /* plain: each its own */
	unsigned serial[PHASES][X_THREADS + 1];
	int lost[PHASES][X_THREADS + 1];
	unsigned phases[X_THREADS + 1]; /* that are over for it */
	unsigned leaves[X_THREADS + 1];
	unsigned joins, here;
	uint64_t began_ns;
	unsigned count;
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t lost, slices, quick, late, came;

static void make(unsigned count, bool barrier)
{
	memset(&s, 0, sizeof(s));
	lost = slices = quick = late = came = 0;
	s.count = count;
	peers_setup();
	X_ASSERT(!(barrier ? slip_barrier_init(s.mem, sizeof(s.mem), count)
			   : slip_latch_init(s.mem, sizeof(s.mem), count)),
		 "init");
	x_keep(&s, sizeof(s));
	x_name(s.mem, 8, "word");
	x_name(s.mem + 1, 8, "event");
	x_name(s.mem + 4, sizeof(s.mem) - 32, "seats");
	x_name(s.work, sizeof(s.work), "work");
	for (unsigned i = 0; i < X_THREADS; i++) {
		X_ASSERT(!(barrier ? slip_barrier_attach(&s.barrier[i], s.mem,
							 sizeof(s.mem),
							 &peers_member[i])
				   : slip_latch_attach(&s.latch[i], s.mem,
						       sizeof(s.mem),
						       &peers_member[i])),
			 "attach");
		if (i < count)
			X_ASSERT(!(barrier ? slip_barrier_join(&s.barrier[i])
					   : slip_latch_join(&s.latch[i])),
				 "join");
	}
}

static void barrier_two(void)
{
	make(2, true);
}

static void barrier_three(void)
{
	make(3, true);
}

/* The last seat has been left, by the last of `count`. */
static void left_of_two(void)
{
	make(2, true);
	slip_barrier_leave(&s.barrier[1]);
}

static void left_of_three(void)
{
	make(3, true);
	slip_barrier_leave(&s.barrier[2]);
}

static void latch_two(void)
{
	make(2, false);
}

static void new_bytes(void)
{
	make(2, true);
	memset(s.barrier, 0, sizeof(s.barrier));
	memset(s.mem, 0xa5, sizeof(s.mem));
}

static void begin(void)
{
	s.began_ns = slip_now_ns();
}

/* --- the barrier ----------------------------------------------------------- */

static int pass(void)
{
	unsigned self = x_self();
	unsigned phase = s.phases[self];
	bool serial;
	int rc = slip_barrier_wait(&s.barrier[self], &serial);

	X_ASSERT(rc >= 0, "wait says %d", rc);
	s.lost[phase][self] = rc;
	s.serial[phase][self] = serial;
	s.phases[self]++;
	return rc;
}

/* Others' work of this phase is done, unless somebody was lost. */
static void read_all(uint64_t phase, int missing)
{
	for (unsigned i = 0; i < s.count; i++)
		X_ASSERT(missing || s.work[i] == phase, "too early");
}

/* Writes, all arrive, reads, all arrive. */
static void work_once(void)
{
	s.work[x_self()] = 1;
	read_all(1, pass());
	(void)pass();
	s.work[x_self()] = 2;
}

static void pass_once(void)
{
	s.work[x_self()] = 1;
	read_all(1, pass());
}

static void pass_twice(void)
{
	(void)pass();
	(void)pass();
}

static void leave(void)
{
	s.work[x_self()] = 1;
	slip_barrier_leave(&s.barrier[x_self()]);
}

static void pass_and_leave(void)
{
	s.work[x_self()] = 1;
	(void)pass();
	slip_barrier_leave(&s.barrier[x_self()]);
}

/* Takes the seat of thread 1 when that is free: at once, or not at all. */
static void come_anew(void)
{
	unsigned self = x_self();

	if (slip_barrier_join(&s.barrier[self]) == 0)
		slip_barrier_leave(&s.barrier[self]);
	else
		late++;
}

static void pass_and_look(void)
{
	(void)pass();
	X_ASSERT(s.work[1] == 1, "too early");
	(void)pass();
}

/* Asks at once who is dead. */
static int pass_asking(void)
{
	unsigned self = x_self();
	int rc = slip_barrier_wait_until(&s.barrier[self], 0, NULL);

	if (rc == -ETIMEDOUT)
		rc = slip_barrier_wait(&s.barrier[self], NULL);
	X_ASSERT(rc >= 0, "wait says %d", rc);
	s.lost[s.phases[self]++][self] = rc;
	return rc;
}

static void pass_thrice(void)
{
	(void)pass_asking();
	(void)pass_asking();
	(void)pass_asking();
}

static void ask_and_leave(void)
{
	(void)pass_asking();
	(void)pass_asking();
	s.leaves[x_self()] = 1;
	slip_barrier_leave(&s.barrier[x_self()]);
}

/* Sits where one has left, and arrives: is it waited for? */
static void join_and_arrive(void)
{
	struct slip_barrier *b = &s.barrier[x_self()];

	X_ASSERT(!slip_barrier_join(b), "join");
	if (slip_barrier_wait_until(b, 0, NULL) >= 0)
		s.phases[x_self()] = b->seat.phase + 1;
}

static void pass_and_see(void)
{
	slip_a64 *other = s.barrier[0].seat.seats + 1;

	(void)pass();
	s.phases[0] = s.barrier[0].seat.phase + 1;
	/* hint: not as new as it may be */
	s.here = (slip_a64_load_relaxed(other) & SLIP_SEAT_STATE_) !=
		 SLIP_SEAT_NEW_;
}

static void join_and_leave(void)
{
	unsigned self = x_self();
	struct slip_barrier *b = &s.barrier[self];

	if (slip_barrier_join(b))
		return;
	s.joins = 1;
	(void)!slip_barrier_wait_until(b, 0, NULL);
	s.leaves[self] = 1;
	slip_barrier_leave(b);
}

static void ask_twice(void)
{
	(void)pass_asking();
	(void)pass_asking();
}

static void ask_twice_and_leave(void)
{
	ask_twice();
	slip_barrier_leave(&s.barrier[x_self()]);
}

static void nothing(void)
{
}

/* Reads what the others did, also one that is dead by now. */
static void pass_and_read(void)
{
	(void)pass();
	for (unsigned i = 0; i < s.count; i++)
		X_ASSERT(s.work[i] <= 1, "work %u", i);
}

static void work_and_pass(void)
{
	s.work[x_self()] = 1;
	(void)pass();
}

/* Of what a phase does about the dead, as slowly as it may be: two find one. */
static bool bury(void)
{
	struct slip_seat *h = &s.barrier[x_self()].seat;
	uint64_t seen =
		slip_seats_mark_(s.barrier[2].seat.is, 0, SLIP_SEAT_NEW_);
	uint64_t word = slip_seats_word_(h);

	return slip_seats_phase_(word) == 0 &&
	       slip_seats_bury_(h, 2, seen, &word);
}

static void bury_late(void)
{
	(void)bury();
}

/* And one begins the next phase. */
static void bury_and_forget(void)
{
	struct slip_seat *h = &s.barrier[x_self()].seat;
	uint64_t next = UINT64_C(1) << 32;
	uint32_t n = 0;

	if (!bury())
		return;
	/* hint: as if the others had arrived */
	slip_a64_store_release(&h->shared->word, next);
	(void)slip_seats_out_(h, 2, &next, false, &n);
}

/* One begins the next phase and buries there; one still counts the last. */
static void go_on_and_bury(void)
{
	struct slip_seat *h = &s.barrier[x_self()].seat;
	uint64_t word = UINT64_C(1) << 32;

	/* hint: as if the others had arrived */
	slip_a64_store_release(&h->shared->word, word);
	X_ASSERT(slip_seats_bury_(h, 2, s.barrier[2].seat.is, &word), "bury");
}

static void count_late(void)
{
	uint64_t word = 0;
	uint32_t n = 0;

	if (slip_seats_out_(&s.barrier[x_self()].seat, 2, &word, false, &n))
		late++;
	else
		came++;
}

static void still_lost(void)
{
	/* own: nobody is left */
	uint64_t seat = slip_a64_load_relaxed(&s.barrier[0].seat.seats[2]);

	X_ASSERT((seat & SLIP_SEAT_STATE_) == SLIP_SEAT_LOST_,
		 "forgotten before it was told of");
}

static void take_its_seat(void)
{
	struct slip_barrier *b = &s.barrier[3];

	if (slip_barrier_join(b)) {
		late++;
		return;
	}
	came++;
	/* own: nobody else may change it */
	X_ASSERT(slip_a64_load_relaxed(b->seat.mine) == b->seat.is, "robbed");
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

static void create(void)
{
	int rc = slip_barrier_init(s.mem, sizeof(s.mem), 2);

	X_ASSERT(!rc, "init says %d", rc);
}

static void come_early(void)
{
	struct slip_seats *shared = (struct slip_seats *)s.mem;
	struct slip_barrier *b = &s.barrier[x_self()];
	/* hint: attach looks again */
	bool there =
		slip_a32_load_relaxed(&shared->magic) == SLIP_BARRIER_MAGIC_;
	int rc = slip_barrier_attach(b, s.mem, sizeof(s.mem), peers_self());

	X_ASSERT(!rc || (rc == -EBADMSG && !there), "attach says %d", rc);
	if (rc) {
		late++;
		return;
	}
	X_ASSERT(b->seat.count == 2, "%u seats", b->seat.count);
	X_ASSERT(!slip_barrier_join(b), "join");
	came++;
}

/* --- the latch ------------------------------------------------------------- */

static void arrive(void)
{
	unsigned self = x_self();

	s.work[self] = 1;
	X_ASSERT(!slip_latch_arrive(&s.latch[self]), "arrive");
	s.phases[self]++;
}

static void await(void)
{
	unsigned self = x_self();
	int rc = slip_latch_wait(&s.latch[self]);

	X_ASSERT(rc >= 0, "wait says %d", rc);
	read_all(1, rc);
	s.lost[0][self] = rc;
	s.phases[self]++;
}

/* Waits for itself, too. */
static void arrive_and_await(void)
{
	arrive();
	s.phases[x_self()]--;
	await();
}

static void await_twice(void)
{
	await();
	s.phases[x_self()]--;
	await();
}

/* --- afterwards ------------------------------------------------------------ */

static unsigned serial_ones(unsigned phase)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		n += s.serial[phase][i];
	return n;
}

/* All that came through a phase heard the same of it. */
static void agree(void)
{
	for (unsigned p = 0; p < PHASES; p++) {
		int heard = -1;

		X_ASSERT(serial_ones(p) <= 1, "%u serial ones", serial_ones(p));
		for (unsigned i = 0; i < X_THREADS; i++) {
			if (s.phases[i] <= p)
				continue;
			X_ASSERT(heard < 0 || heard == s.lost[p][i],
				 "%d lost, or %d", heard, s.lost[p][i]);
			heard = s.lost[p][i];
		}
		lost += heard > 0;
	}
	if (slip_now_ns() - s.began_ns >= SLIP_SLICE_NS)
		slices++;
	else
		quick++;
}

static void all_well(void)
{
	for (unsigned p = 0; p < PHASES; p++)
		for (unsigned i = 0; i < X_THREADS; i++)
			X_ASSERT(s.lost[p][i] == 0, "%d lost", s.lost[p][i]);
	X_ASSERT(slip_now_ns() - s.began_ns < SLIP_SLICE_NS,
		 "told by a slice only");
	agree();
}

static void one_serial(void)
{
	for (unsigned p = 0; p < s.phases[0]; p++)
		X_ASSERT(serial_ones(p) == 1, "%u serial ones in phase %u",
			 serial_ones(p), p);
	all_well();
}

/* Thread 0 lives: it must get through all its phases, and in them it hears of
 * each of the dead at most once. */
static void dead_counted(void)
{
	unsigned dead = 0;
	int heard = 0;

	for (unsigned i = 0; i < X_THREADS; i++)
		dead += x_dead(i);
	for (unsigned p = 0; p < PHASES; p++)
		heard += s.lost[p][0];
	X_ASSERT(heard <= (int)dead, "%d lost, and %u dead", heard, dead);
	X_ASSERT(s.phases[0], "thread 0 is not through");
	agree();
}

/* Threads 1 and 2 die, or leave; thread 0 goes on without them, and hears of
 * each that died before it left. */
static void told_once(void)
{
	int least = 0;
	int most = 0;
	int heard = 0;

	for (unsigned i = 0; i < X_THREADS; i++) {
		least += x_dead(i) && !s.leaves[i];
		most += x_dead(i);
	}
	for (unsigned p = 0; p < PHASES; p++)
		heard += s.lost[p][0];
	X_ASSERT(heard >= least && heard <= most, "told of %d of %d", heard,
		 least);
	lost += SLIP_CAST(unsigned, least);
	slices = quick = 1;
}

/* The same, of one that joined anew, if not by now, then later. */
static void told_later(void)
{
	int rc = 0;

	if (!x_dead(2) || !s.joins || s.leaves[2])
		return;
	slip_barrier_leave(&s.barrier[1]);
	for (unsigned i = 0; i < 3; i++) {
		rc = slip_barrier_wait_until(&s.barrier[0], 0, NULL);
		X_ASSERT(rc >= 0, "wait says %d", rc);
		s.lost[0][0] += rc;
	}
	X_ASSERT(s.lost[0][0] + s.lost[1][0] == 1, "told of %d times",
		 s.lost[0][0] + s.lost[1][0]);
	lost++;
	slices = quick = 1;
}

static void waited_for(void)
{
	X_ASSERT(s.phases[0] != s.phases[2] || s.here,
		 "phase %u was over before", s.phases[0] - 1);
}

static void one_serial_left(void)
{
	X_ASSERT(serial_ones(0) == 1 && serial_ones(1) == 1,
		 "%u and %u serial ones", serial_ones(0), serial_ones(1));
	all_well();
}

static void some_lost(void)
{
	X_ASSERT(lost && slices && quick, "%llu lost, %llu slices",
		 (unsigned long long)lost, (unsigned long long)slices);
}

static void some_late(void)
{
	X_ASSERT(late, "nobody came too late");
}

static void some_came(void)
{
	X_ASSERT(came && late, "came %llu times, too early %llu times",
		 (unsigned long long)came, (unsigned long long)late);
}

static const struct x_model models[] = {
	{
		.name = "two",
		.operation = "barrier.wait",
		.once = barrier_two,
		.setup = begin,
		.threads = { work_once, work_once },
		.final = one_serial,
		.sys = peers_sys,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
		.preemptions = 4,
	},
	{
		.name = "three",
		.operation = "barrier.wait",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_once, pass_once, pass_once },
		.final = one_serial,
		.sys = peers_sys,
	},
	{
		.name = "leave",
		.operation = "barrier.leave",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_and_look, leave, pass_and_leave },
		.final = all_well,
		.sys = peers_sys,
	},
	{
		.name = "come-anew",
		.operation = "barrier.join",
		.once = barrier_two,
		.setup = begin,
		.threads = { pass_and_look, pass_and_leave, come_anew },
		.final = all_well,
		.finish = some_late,
		.sys = peers_sys,
	},
	{
		.name = "leave-serial",
		.operation = "barrier.leave",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_twice, pass_and_leave, leave },
		.final = one_serial_left,
		.sys = peers_sys,
	},
	{
		.name = "join-early",
		.operation = "barrier.join",
		.once = left_of_two,
		.setup = begin,
		.threads = { pass_and_see, nothing, join_and_arrive },
		.final = waited_for,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "join-dies",
		.operation = "barrier.join",
		.once = left_of_three,
		.setup = begin,
		.threads = { ask_twice, ask_twice_and_leave, join_and_leave },
		.final = told_later,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 4,
		.troubles = 1,
	},
	{
		.name = "told-once",
		.operation = "barrier.wait",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_thrice, pass_thrice, ask_and_leave },
		.final = told_once,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 4,
		.troubles = 1,
	},
	{
		.name = "member-dies",
		.operation = "barrier.wait",
		.once = barrier_two,
		.setup = begin,
		.threads = { pass_twice, pass_twice },
		.final = dead_counted,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "members-die",
		.operation = "barrier.wait",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_twice, pass_twice, pass_twice },
		.final = dead_counted,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 6,
		.troubles = 2,
	},
	{
		.name = "dead-read",
		.operation = "barrier.wait",
		.once = barrier_three,
		.setup = begin,
		.threads = { pass_and_read, pass_and_read, work_and_pass },
		.final = dead_counted,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 4,
		.troubles = 1,
	},
	{
		.name = "buried-twice",
		.operation = "barrier.join",
		.once = barrier_three,
		.setup = begin,
		.threads = { bury_late, bury_and_forget, take_its_seat },
		.finish = some_came,
		.sys = third_is_dead,
	},
	{
		.name = "late-count",
		.operation = "barrier.wait",
		.once = barrier_three,
		.setup = begin,
		.threads = { go_on_and_bury, count_late },
		.final = still_lost,
		.finish = some_came,
		.sys = third_is_dead,
	},
	{
		.name = "creator",
		.operation = "barrier.init",
		.once = new_bytes,
		.setup = begin,
		.threads = { create, come_early },
		.finish = some_came,
		.sys = peers_sys,
		.preemptions = 3,
	},
	{
		.name = "latch",
		.operation = "latch.wait",
		.once = latch_two,
		.setup = begin,
		.threads = { arrive_and_await, arrive, await_twice },
		.final = all_well,
		.sys = peers_sys,
		.flags = X_SPURIOUS,
		.surprises = 1,
	},
	{
		.name = "latch-member-dies",
		.operation = "latch.wait",
		.once = latch_two,
		.setup = begin,
		.threads = { arrive_and_await, arrive, await },
		.final = dead_counted,
		.finish = some_lost,
		.sys = peers_sys,
		.mortal = 2,
		.troubles = 1,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
