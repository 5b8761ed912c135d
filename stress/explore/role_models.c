/* SPDX-License-Identifier: MIT */
/*
 * Models of roles: taking one over from the dead, telling the other side of an
 * end, and waiting for it; on the words of a ring without a ring. A counter
 * stands for the elements.
 *
 * What must hold, whoever dies wherever: a role has one holder at a time (what
 * holders write plainly is no race); a try that comes after the death succeeds;
 * nobody alive is called dead; the end is not told before the last element, and
 * it is told to everybody, with or without an oracle, by deadlines long, short
 * and past.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/role.h"

static struct {
	char mem[SLIP_ENDS_AT + sizeof(struct slip_ends)]
		__attribute__((aligned(128)));
	struct slip_side p;
	struct slip_side c;
	struct slip_side p2;
	struct slip_side p3;
	uint64_t shorter; /* than a slice: how long each wait may take */
	uint64_t work;	  /* plain: of the producer's role */
	slip_a64 items;
	slip_a32 gone; /* the producer, in order */
	uint64_t taken;
	unsigned held[X_THREADS]; /* how often it had the role */
	bool dropped[X_THREADS];
	unsigned refused[X_THREADS];
	unsigned late[X_THREADS];
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t deaths, takeovers, told, busy, late;

static struct slip_ends *ends(void)
{
	void *at = s.mem + SLIP_ENDS_AT;

	return at;
}

static void vacant(void)
{
	memset(&s, 0, sizeof(s));
	deaths = takeovers = told = busy = late = 0;
	x_keep(&s, sizeof(s));
	x_name(s.mem + 128, 8, "ev_data");
	x_name(s.mem + 136, 8, "consumer_role");
	x_name(s.mem + 264, 8, "ev_space");
	x_name(s.mem + 272, 8, "producer_role");
	x_name(&s.work, sizeof(s.work), "work");
	x_name(&s.items, sizeof(s.items), "items");
	peers_setup();
}

static int open_p(struct slip_side *p, struct slip_peer *self)
{
	int rc = slip_side_open_producer_(p, ends(), self, SLIP_EVENT_FULL);

	p->spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int open_c(struct slip_peer *self)
{
	int rc = slip_side_open_consumer_(&s.c, ends(), self, SLIP_EVENT_FULL);

	s.c.spin.skip = UINT32_MAX;
	return rc;
}

/* Thread 0 is the producer, thread 1 the consumer. */
static void held(void)
{
	vacant();
	X_ASSERT(!open_p(&s.p, &peers_member[0]), "open");
	X_ASSERT(!open_c(&peers_member[1]), "open");
}

/* ... whose consumer knows no oracle. */
static void blind(void)
{
	vacant();
	X_ASSERT(!open_p(&s.p, &peers_member[0]), "open");
	X_ASSERT(!open_c(NULL), "open");
}

static void hasty(void)
{
	held();
	s.shorter = 1000000;
}

/* --- holding and taking over ------------------------------------------------ */

/* Has the role; gives it up. */
static void hold(struct slip_side *p)
{
	s.work++;
	s.held[x_self()]++;
	X_ASSERT(slip_role_drop_(p->mine, p->self), "the role is not ours");
	s.dropped[x_self()] = true;
}

static void hold_first(void)
{
	hold(&s.p);
}

static void succeed(struct slip_side *p)
{
	int rc;

	while ((rc = open_p(p, peers_self()))) {
		X_ASSERT(rc == -EBUSY, "open says %d", rc);
		s.refused[x_self()]++;
		slip_pause();
	}
	hold(p);
}

static void succeed_p3(void)
{
	succeed(&s.p3);
}

static void succeed_p2(void)
{
	succeed(&s.p2);
}

static void both_succeeded(void)
{
	X_ASSERT(s.held[1] == 1 && s.held[2] == 1, "held %u and %u times",
		 s.held[1], s.held[2]);
	X_ASSERT(s.work == s.held[0] + 2 || x_dead(0), "work is lost");
	X_ASSERT((slip_a64_load_relaxed(&ends()->producer_role) & 15) ==
			 SLIP_ROLE_CLOSED,
		 "the role is left");
	deaths += x_dead(0);
	takeovers += x_dead(0) && !s.dropped[0];
	busy += s.refused[1] + s.refused[2];
}

static void both_kinds_happened(void)
{
	X_ASSERT(deaths && takeovers && busy,
		 "%llu deaths, %llu taken over, %llu refused",
		 (unsigned long long)deaths, (unsigned long long)takeovers,
		 (unsigned long long)busy);
}

static void await_death(void)
{
	while (!x_dead(0) && !x_returned(0))
		slip_pause();
}

/* After the death one try is enough, whoever buries the holder meanwhile. */
static void take_at_once(void)
{
	await_death();
	s.rc[1] = slip_role_take_(&ends()->producer_role, peers_self());
	if (s.rc[1] == 0)
		s.work++;
}

/* Nobody alive is called dead. */
static void witness(void)
{
	unsigned self = x_self();

	s.rc[self] = slip_role_state_(&ends()->producer_role, peers_self());
	X_ASSERT(s.rc[self] != SLIP_ROLE_DEAD || x_dead(0),
		 "the living is called dead");
}

static void taken_at_once(void)
{
	bool held = slip_a64_load_relaxed(&ends()->producer_role) ==
		    slip_role_word_(&peers_member[1]);

	X_ASSERT(held == !s.rc[1], "the role says otherwise");
	X_ASSERT(held || !x_dead(0), "refused though the holder is dead");
	deaths += x_dead(0);
	takeovers += x_dead(0) && held;
	told += s.rc[2] == SLIP_ROLE_DEAD;
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers && told, "%llu deaths, %llu told",
		 (unsigned long long)deaths, (unsigned long long)told);
}

/* Without the oracle: what another has buried, with all that it did. */
static void hear(void)
{
	s.rc[2] = slip_role_state_(&ends()->producer_role, NULL);
	if (s.rc[2] < SLIP_ROLE_CLOSED)
		return;
	X_ASSERT(s.work <= 1, "work");
	s.work++;
}

static void heard(void)
{
	deaths += x_dead(0);
	X_ASSERT(s.rc[2] != SLIP_ROLE_DEAD || x_dead(0), "buried alive");
	told += s.rc[1] == SLIP_ROLE_DEAD;
	late += s.rc[2] == SLIP_ROLE_DEAD;
}

static void hearsay_happened(void)
{
	X_ASSERT(deaths && told && late, "%llu deaths, %llu told, %llu heard",
		 (unsigned long long)deaths, (unsigned long long)told,
		 (unsigned long long)late);
}

/* --- waiting for the end ---------------------------------------------------- */

static int ready(void *handle)
{
	(void)handle;
	return slip_a64_load_acquire(&s.items) > s.taken;
}

static void make_two(void)
{
	for (uint64_t i = 1; i <= 2; i++) {
		slip_a64_store_release(&s.items, i);
		slip_event_notify(s.p.tell, s.p.mode);
	}
}

static void make_two_and_leave(void)
{
	make_two();
	slip_side_close_(&s.p);
	slip_a32_store_release(&s.gone, 1);
}

static uint64_t deadline(void)
{
	return s.shorter ? slip_after_ns(s.shorter) : SLIP_FOREVER;
}

static void take_to_the_end(void)
{
	int rc = 0;

	while (!rc) {
		rc = slip_side_wait_(&s.c, ready, NULL, deadline());
		if (!rc)
			s.taken++;
		if (rc == -ETIMEDOUT && s.shorter) {
			s.late[1]++;
			rc = 0;
		}
	}
	s.rc[1] = rc;
}

/* Recovers the producer's membership, if it died; it may have closed its role
 * and not have come to telling. */
static void bury(void)
{
	while (!x_dead(0) && !slip_a32_load_acquire(&s.gone))
		slip_pause();
	if (!x_dead(0))
		return;
	X_ASSERT(!slip_ends_recover_(peers_self(), s.mem, sizeof(s.mem), 1, 1),
		 "recover");
}

static void all_taken(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "wait says %d", s.rc[1]);
	X_ASSERT(s.taken == slip_a64_load_relaxed(&s.items),
		 "the end came before the last of %llu, after %llu",
		 (unsigned long long)slip_a64_load_relaxed(&s.items),
		 (unsigned long long)s.taken);
	X_ASSERT(s.taken == 2 || x_dead(0), "%llu taken",
		 (unsigned long long)s.taken);
	deaths += x_dead(0);
	told += s.taken == 2;
	late += s.late[1];
}

static void ends_happened(void)
{
	X_ASSERT(deaths && told, "%llu deaths, %llu complete",
		 (unsigned long long)deaths, (unsigned long long)told);
}

static void time_outs_happened(void)
{
	ends_happened();
	X_ASSERT(late, "no deadline came");
}

/* --- waiting for a beginning ------------------------------------------------ */

static void nobody_yet(void)
{
	vacant();
	X_ASSERT(!open_c(&peers_member[1]), "open");
}

static void come_and_make(void)
{
	if (!open_p(&s.p, peers_self()))
		make_two_and_leave();
}

/* One that came and went while nobody looked has left something. */
static void wait_then_take(void)
{
	s.rc[1] = slip_side_wait_peer_(&s.c, ready, NULL, SLIP_FOREVER);
	X_ASSERT(!s.rc[1], "wait_peer says %d", s.rc[1]);
	take_to_the_end();
}

static void beginnings_happened(void)
{
	X_ASSERT(told, "never complete");
}

/* --- burying ---------------------------------------------------------------- */

static void live(void)
{
	slip_pause();
}

/* The hook, once the dead is dead. */
static void recover_the_dead(void)
{
	while (!x_dead(0) && !x_returned(0))
		slip_pause();
	if (x_dead(0))
		X_ASSERT(!slip_ends_recover_(peers_self(), s.mem, sizeof(s.mem),
					     1, 1),
			 "recover");
}

static void inherit(void)
{
	while (!x_dead(0) && !x_returned(0))
		slip_pause();
	s.rc[x_self()] = slip_role_take_(&ends()->producer_role, peers_self());
}

/* Never an heir who came meanwhile. */
static void heir_lives(void)
{
	X_ASSERT(s.rc[2] == (x_dead(0) ? 0 : -EBUSY), "take says %d", s.rc[2]);
	X_ASSERT(s.rc[2] || slip_a64_load_relaxed(&ends()->producer_role) ==
				    slip_role_word_(&peers_member[2]),
		 "the heir is buried");
	takeovers += x_dead(0);
	busy += s.rc[2] == -EBUSY;
}

static void heirs_happened(void)
{
	X_ASSERT(takeovers && busy, "%llu heirs, %llu refused",
		 (unsigned long long)takeovers, (unsigned long long)busy);
}

/* A producer without an oracle, and a full ring whose consumer may die. */
static void blind_producer(void)
{
	vacant();
	X_ASSERT(!open_p(&s.p, NULL), "open");
	X_ASSERT(!open_c(&peers_member[0]), "open");
}

static int full(void *handle)
{
	(void)handle;
	return 0;
}

static void wait_for_room(void)
{
	s.rc[1] = slip_side_wait_(&s.p, full, NULL, SLIP_FOREVER);
}

static void consumer_leaves(void)
{
	slip_side_close_(&s.c);
	slip_a32_store_release(&s.gone, 1);
}

static void pipe_broke(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "wait says %d", s.rc[1]);
	told++;
	deaths += x_dead(0);
}

static void both_ends_happened(void)
{
	X_ASSERT(deaths && told > deaths, "%llu ends, %llu by death",
		 (unsigned long long)told, (unsigned long long)deaths);
}

static const struct x_model models[] = {
	{
		.name = "two-rivals",
		.operation = "role.takeover",
		.once = held,
		.threads = { hold_first, succeed_p2, succeed_p3 },
		.final = both_succeeded,
		.finish = both_kinds_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "one-try",
		.operation = "role.takeover",
		.once = held,
		.threads = { hold_first, take_at_once, witness, witness },
		.final = taken_at_once,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "hearsay",
		.operation = "role.state",
		.once = held,
		.threads = { hold_first, witness, hear },
		.final = heard,
		.finish = hearsay_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 4,
	},
	{
		.name = "end",
		.operation = "role.wait",
		.once = held,
		.threads = { make_two_and_leave, take_to_the_end },
		.final = all_taken,
		.finish = ends_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.flags = X_SPURIOUS | X_EINTR | X_TIMEOUT,
		.surprises = 1,
		.preemptions = 3,
	},
	{
		.name = "end-hasty",
		.operation = "role.wait",
		.once = hasty,
		.threads = { make_two_and_leave, take_to_the_end },
		.final = all_taken,
		.finish = time_outs_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.flags = X_TIMEOUT,
		.surprises = 2,
		.preemptions = 3,
	},
	{
		.name = "end-blind",
		.operation = "role.wait",
		.once = blind,
		.threads = { make_two_and_leave, take_to_the_end, bury },
		.final = all_taken,
		.finish = ends_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "pipe-blind",
		.operation = "role.wait",
		.once = blind_producer,
		.threads = { consumer_leaves, wait_for_room, bury },
		.final = pipe_broke,
		.finish = both_ends_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "hook-meets-heir",
		.operation = "role.takeover",
		.once = held,
		.threads = { live, recover_the_dead, inherit },
		.final = heir_lives,
		.finish = heirs_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
	},
	{
		.name = "beginning",
		.operation = "role.wait",
		.once = nobody_yet,
		.threads = { come_and_make, wait_then_take },
		.final = all_taken,
		.finish = beginnings_happened,
		.sys = peers_sys,
		.preemptions = 4,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
