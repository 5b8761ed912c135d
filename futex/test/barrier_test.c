/* SPDX-License-Identifier: MIT */
/* futex/barrier.h: phases, across processes; who leaves, dies, comes anew. */
#define _GNU_SOURCE
#include "futex/barrier.h"

#include "futex/test/peers.h"
#include "futex/test/sleeper.h"

#define BYTES 4096

static struct slip_barrier attach(void *mem, struct slip_peer *self)
{
	struct slip_barrier b;

	cr_assert_eq(slip_barrier_attach(&b, mem, BYTES, self), 0);
	return b;
}

static struct slip_barrier member(void *mem, struct slip_peer *self)
{
	struct slip_barrier b = attach(mem, self);

	cr_assert_eq(slip_barrier_join(&b), 0);
	return b;
}

static void *make(uint32_t count)
{
	void *mem = shared_page();

	cr_assert_eq(slip_barrier_init(mem, BYTES, count), 0);
	return mem;
}

Test(barrier, init_checks_its_arguments)
{
	char *mem = (char *)shared_page();

	cr_assert_eq(slip_barrier_bytes(3), 56);
	cr_assert_eq(slip_barrier_init(mem, 56, 0), -EINVAL);
	cr_assert_eq(slip_barrier_init(mem, SIZE_MAX, SLIP_BARRIER_MAX + 1),
		     -EINVAL);
	cr_assert_eq(slip_barrier_init(mem + 4, 56, 3), -EINVAL);
	cr_assert_eq(slip_barrier_init(mem, 55, 3), -EOVERFLOW);
	cr_assert_eq(slip_barrier_init(mem, 56, 3), 0);
}

Test(barrier, attach_refuses_what_is_no_barrier)
{
	char *mem = (char *)shared_page();
	struct slip_seats *s = (struct slip_seats *)(void *)mem;
	struct slip_barrier b;

	cr_assert_eq(slip_barrier_attach(&b, mem, BYTES, NULL), -EBADMSG);
	cr_assert_eq(slip_barrier_init(mem, 56, 3), 0);
	cr_assert_eq(slip_barrier_attach(&b, mem, 56, NULL), 0);
	cr_assert_eq(slip_barrier_attach(&b, mem, 55, NULL), -EBADMSG);
	cr_assert_eq(slip_barrier_attach(&b, mem, 31, NULL), -EBADMSG);
	cr_assert_eq(slip_barrier_attach(&b, mem + 4, 60, NULL), -EINVAL);
	slip_a32_store_relaxed(&s->count, 0);
	cr_assert_eq(slip_barrier_attach(&b, mem, 56, NULL), -EBADMSG);
	slip_a32_store_relaxed(&s->count, SLIP_BARRIER_MAX + 1);
	cr_assert_eq(slip_barrier_attach(&b, mem, SIZE_MAX, NULL), -EBADMSG);
}

Test(barrier, there_may_be_so_many_and_no_more)
{
	static uint64_t mem[4 + SLIP_BARRIER_MAX];
	struct slip_barrier b;

	cr_assert_eq(slip_barrier_bytes(SLIP_BARRIER_MAX), sizeof(mem));
	cr_assert_eq(slip_barrier_init(mem, sizeof(mem), SLIP_BARRIER_MAX), 0);
	cr_assert_eq(slip_barrier_attach(&b, mem, sizeof(mem), NULL), 0);
	cr_assert_eq(slip_barrier_join(&b), 0);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -ETIMEDOUT,
		     "not all are there");
}

Test(barrier, seats_are_where_the_shape_says)
{
	uint64_t *mem = make(2);
	struct slip_barrier b = member(mem, NULL);

	cr_assert_eq(mem[4], SLIP_SEAT_NEW_);
	cr_assert_eq(mem[5], SLIP_SEAT_FREE_);
	slip_barrier_leave(&b);
	cr_assert_eq(mem[4], SLIP_SEAT_LEFT_);
}

Test(barrier, one_alone_goes_through_and_is_the_serial_one)
{
	struct slip_barrier b = member(make(1), NULL);
	bool serial = false;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_barrier_wait(&b, &serial), 0);
		cr_assert(serial);
	}
	cr_assert_eq(slip_barrier_wait(&b, NULL), 0, "nobody asks");
}

Test(barrier, seats_are_few_and_each_is_taken_once)
{
	void *mem = make(2);
	struct slip_barrier a = member(mem, NULL);
	struct slip_barrier b = member(mem, NULL);
	struct slip_barrier c = attach(mem, NULL);

	cr_assert_eq(slip_barrier_join(&a), -EBUSY, "has one");
	cr_assert_eq(slip_barrier_join(&c), -EUSERS, "all are taken");
	cr_assert_eq(slip_barrier_wait(&c, NULL), -EPERM, "no seat");
	slip_barrier_leave(&c);
	slip_barrier_leave(&b);
	slip_barrier_leave(&b);
	cr_assert_eq(slip_barrier_join(&c), 0, "that one is free");
	cr_assert_eq(slip_barrier_join(&b), -EUSERS);
}

Test(barrier, a_seat_that_nobody_took_is_waited_for)
{
	struct slip_barrier b = member(make(2), NULL);
	uint64_t until = slip_after_ns(20 * MS);
	bool serial = true;

	cr_assert_eq(KERNEL(slip_barrier_wait_until(&b, until, &serial)),
		     -ETIMEDOUT);
	cr_assert(slip_now_ns() >= until, "not early");
	cr_assert_not(serial);
}

Test(barrier, who_was_too_early_has_arrived_all_the_same)
{
	void *mem = make(2);
	struct slip_barrier a = member(mem, NULL);
	struct slip_barrier b = member(mem, NULL);
	bool serial = true;

	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, &serial), 0, "the last");
	cr_assert(serial);
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), 0, "it is over");
	cr_assert_not(serial, "the other is");
	cr_assert_eq(slip_barrier_wait_until(&b, 1, &serial), -ETIMEDOUT,
		     "the next phase");
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), 0);
	cr_assert(serial);
}

Test(barrier, who_leaves_is_not_waited_for_and_not_lost)
{
	void *mem = make(2);
	struct slip_barrier a = member(mem, NULL);
	struct slip_barrier b = member(mem, NULL);
	bool serial = true;

	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), -ETIMEDOUT);
	slip_barrier_leave(&b);
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), 0);
	cr_assert(serial, "one of those who waited");
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), 0, "alone");
	cr_assert(serial);
	cr_assert_eq(slip_barrier_join(&b), 0, "and comes again");
	cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, &serial), 0);
}

Test(barrier, phases_are_counted_past_their_end)
{
	void *mem = make(2);
	struct slip_seats *s = mem;
	struct slip_barrier a, b;
	bool serial;

	slip_a64_store_relaxed(&s->word, UINT64_MAX << 32);
	a = member(mem, NULL);
	b = member(mem, NULL);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial),
			     -ETIMEDOUT);
		cr_assert_eq(slip_barrier_wait_until(&b, 1, &serial), 0);
		cr_assert_eq(slip_barrier_wait_until(&a, 1, &serial), 0);
	}
	cr_assert_eq(slip_a64_load_relaxed(&s->word), UINT64_C(2) << 32);
}

#define PHASES 2000

struct board {
	slip_a64 serial;
	uint64_t of[3][16]; /* plain: each its own, read by all after */
};

static int run_phases(void *mem, struct board *board, uint64_t self)
{
	struct slip_barrier b;
	bool serial;

	if (slip_barrier_attach(&b, mem, BYTES, NULL) || slip_barrier_join(&b))
		return 90;
	for (uint64_t i = 1; i <= PHASES; i++) {
		board->of[self][0] = i;
		if (slip_barrier_wait(&b, &serial))
			return 91;
		if (serial)
			(void)slip_a64_fetch_add_relaxed(&board->serial, 1);
		for (unsigned k = 0; k < 3; k++)
			if (board->of[k][0] != i)
				return 92;
		if (slip_barrier_wait(&b, &serial))
			return 93;
	}
	return 0;
}

Test(barrier, processes_go_through_phases_together)
{
	void *mem = make(3);
	struct board *board = (struct board *)(void *)shared_page();
	pid_t child[3];

	for (uint64_t i = 0; i < 3; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(run_phases(mem, board, i));
	}
	for (int i = 0; i < 3; i++)
		cr_assert_eq(sleeper_wait(child[i]), 0);
	cr_assert_eq(slip_a64_load_relaxed(&board->serial), PHASES,
		     "one serial one for each phase");
}

/* In the region, for members. */
static void *find(const struct slip_region *rg)
{
	size_t bytes;

	return slip_region_find(rg, "words", PEERS_KIND, &bytes);
}

static int join_and_stay(struct slip_peer *self)
{
	struct slip_barrier b;

	if (slip_barrier_attach(&b, find(self->rg), BYTES, self) ||
	    slip_barrier_join(&b))
		return 91;
	actor_stay();
	return 0;
}

static void members_make(uint32_t count)
{
	cr_assert_eq(peers_make(8), 0);
	cr_assert_eq(slip_barrier_init(find(&peers_rg), BYTES, count), 0);
}

Test(barrier, the_dead_are_counted_out_and_told_of_once)
{
	struct slip_peer self;
	struct slip_barrier b, next;
	struct member m[2];
	bool serial;
	void *mem;

	members_make(3);
	mem = find(&peers_rg);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	b = member(mem, &self);
	next = attach(mem, &self);
	for (int i = 0; i < 2; i++)
		cr_assert(peers_start(&m[i], join_and_stay));
	cr_assert_eq(kill(m[0].actor.pid, SIGSTOP), 0);
	cr_assert_eq(slip_barrier_wait_until(&b, slip_after_ns(20 * MS), NULL),
		     -ETIMEDOUT, "alive, and stopped");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(actor_kill(&m[i].actor), -SIGKILL);
	cr_assert_eq(slip_barrier_wait(&b, &serial), 2, "both are lost");
	cr_assert(serial);
	cr_assert_eq(slip_barrier_join(&next), -EUSERS, "not yet");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), 0, "once");
	cr_assert_eq(slip_barrier_join(&next), 0, "a successor");
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -ETIMEDOUT,
		     "is waited for");
	slip_peer_leave(&self);
}

/* It is counted out by who looks first, and once. */
Test(barrier, a_dead_one_is_counted_once_while_another_is_late)
{
	struct slip_peer self;
	struct slip_barrier b, late;
	struct member m;

	members_make(3);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	b = member(find(&peers_rg), &self);
	late = member(find(&peers_rg), &self);
	cr_assert(peers_start(&m, join_and_stay));
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert(peers_gone(m.id, m.gen), "it will not die");
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&late, 1, NULL), 1);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), 1);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -ETIMEDOUT);
	cr_assert_eq(slip_barrier_wait_until(&late, 1, NULL), 0, "once");
	slip_peer_leave(&self);
}

/* The low bits of phases come round. */
Test(barrier, the_dead_are_not_told_of_again_after_65536_phases)
{
	struct slip_peer self;
	struct slip_barrier b;
	struct member m;

	members_make(2);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	b = member(find(&peers_rg), &self);
	cr_assert(peers_start(&m, join_and_stay));
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	cr_assert_eq(slip_barrier_wait(&b, NULL), 1);
	for (unsigned i = 1; i <= 65537; i++)
		cr_assert_eq(slip_barrier_wait(&b, NULL), 0, "phase %u", i);
	slip_peer_leave(&self);
}

/* Who still counts a phase that is over knows nothing of the next one's. */
Test(barrier, a_dead_one_is_not_forgotten_by_one_who_is_late)
{
	void *mem = make(2);
	struct slip_seats *s = mem;
	struct slip_barrier b = member(mem, NULL);
	uint64_t lost_in_1 = slip_seats_mark_(0, 1, SLIP_SEAT_LOST_);
	uint64_t phase = UINT64_C(1) << 32;
	uint64_t before = 0;
	uint32_t lost = 0;

	slip_a64_store_relaxed(&s->word, phase);	     /* init */
	slip_a64_store_relaxed(&b.seat.seats[1], lost_in_1); /* init */
	cr_assert(slip_seats_out_(&b.seat, 1, &before, false, &lost));
	cr_assert_eq(lost, 0u);
	cr_assert(slip_seats_out_(&b.seat, 1, &phase, false, &lost));
	cr_assert_eq(lost, 1u, "it is told of");
	cr_assert_eq(slip_a64_load_relaxed(&b.seat.seats[1]), lost_in_1);
}

static int arrive_and_go(struct slip_peer *self)
{
	struct slip_barrier b;

	if (slip_barrier_attach(&b, find(self->rg), BYTES, self) ||
	    slip_barrier_join(&b) ||
	    slip_barrier_wait_until(&b, 1, NULL) != -ETIMEDOUT)
		return 91;
	actor_stay();
	return 0;
}

Test(barrier, one_that_dies_after_it_arrived_is_lost_in_the_next_phase)
{
	struct slip_peer self;
	struct slip_barrier b;
	struct member m;

	members_make(2);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert(peers_start(&m, arrive_and_go));
	cr_assert_eq(actor_kill(&m.actor), -SIGKILL);
	b = member(find(&peers_rg), &self);
	cr_assert_eq(slip_barrier_wait(&b, NULL), 0, "it came");
	cr_assert_eq(slip_barrier_wait(&b, NULL), 1, "it came no more");
	slip_peer_leave(&self);
}

Test(barrier, who_leaves_the_region_loses_its_seat)
{
	struct slip_peer self, other;
	struct slip_barrier a, b;

	members_make(2);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	a = member(find(&peers_rg), &self);
	b = member(find(&peers_rg), &other);
	slip_peer_leave(&other);
	slip_barrier_leave(&b);
	cr_assert_eq(slip_barrier_wait(&a, NULL), 1, "lost");
	cr_assert_eq(slip_barrier_wait(&b, NULL), -EINVAL, "and says so");
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	cr_assert_eq(slip_barrier_wait(&b, NULL), -EINVAL, "another member");
	cr_assert_eq(slip_barrier_join(&b), -EINVAL);
	slip_peer_leave(&other);
	slip_peer_leave(&self);
}

Test(barrier, a_seat_that_was_taken_away_is_missed)
{
	struct slip_barrier b = member(make(1), NULL);

	slip_a64_store_relaxed(b.seat.mine, SLIP_SEAT_LEFT_); /* init: damage */
	cr_assert_eq(slip_barrier_wait(&b, NULL), -EPERM);
	cr_assert_eq(slip_barrier_wait(&b, NULL), -EPERM, "it has none");
	cr_assert_eq(slip_barrier_join(&b), 0);
	cr_assert_eq(slip_barrier_wait(&b, NULL), 0);
}

/* There, those of the same names may be dead, and so may it be itself. */
Test(barrier, a_handle_does_not_go_with_its_member_to_another_region)
{
	struct slip_region elsewhere;
	struct slip_peer self, other;
	struct slip_barrier a, b;

	members_make(2);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_peer_join(&other, &peers_rg), 0);
	a = member(find(&peers_rg), &self);
	b = member(find(&peers_rg), &other);
	slip_peer_leave(&self);
	cr_assert_eq(slip_region_create(&elsewhere, 4096, SLIP_REGION_MEMFD),
		     0);
	cr_assert_eq(slip_region_publish(&elsewhere, NULL, 0600), 0);
	cr_assert_eq(slip_peer_join(&self, &elsewhere), 0);
	cr_assert_eq(slip_barrier_wait_until(&a, 1, NULL), -EINVAL);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), 1, "that one left");
	slip_peer_leave(&self);
	slip_region_close(&elsewhere);
	cr_assert_eq(slip_barrier_wait_until(&a, 1, NULL), -EINVAL);
	slip_peer_leave(&other);
	slip_region_close(&peers_rg);
	cr_assert_eq(slip_barrier_wait_until(&b, 1, NULL), -EINVAL);
}

Test(barrier, a_copy_in_a_fork_child_and_a_stranger_are_refused)
{
	struct slip_peer self, stranger;
	struct slip_barrier b;
	pid_t child;

	members_make(1);
	slip_peer_prepare(&stranger, &peers_rg);
	cr_assert_eq(slip_barrier_attach(&b, find(&peers_rg), BYTES, &stranger),
		     -EINVAL, "no member");
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	b = member(find(&peers_rg), &self);
	child = fork();
	if (child == 0) {
		struct slip_barrier c;

		slip_barrier_leave(&b);
		_exit(slip_barrier_wait(&b, NULL) != -ECHILD ||
		      slip_barrier_join(&b) != -ECHILD ||
		      slip_barrier_attach(&c, b.seat.shared, BYTES, &self) !=
			      -ECHILD);
	}
	cr_assert_eq(sleeper_wait(child), 0);
	cr_assert_eq(slip_barrier_wait(&b, NULL), 0, "still ours");
	slip_peer_leave(&self);
}

Test(barrier, a_seat_that_nobody_could_find_dead_is_not_given)
{
	struct slip_peer self;
	struct slip_barrier b;

	members_make(1);
	cr_assert_eq(slip_peer_join(&self, &peers_rg), 0);
	cr_assert_eq(slip_barrier_attach(&b, find(&peers_rg), BYTES, &self), 0);
	slip_peer_leave(&self);
	cr_assert_eq(slip_barrier_join(&b), -EINVAL);
}
