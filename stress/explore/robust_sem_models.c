/* SPDX-License-Identifier: MIT */
/*
 * Models of the semaphore whose units come back. A holder is killed anywhere
 * (or stopped), and others, who may be killed in it, recover it, take its seat,
 * and go on meanwhile. Afterwards every unit is there, once: in the word, or in
 * the hand of one who lives.
 */
#include <string.h>

#include "explore.h"
#include "futex/robust_sem.h"
#include "peers.h"

#define SEATS 3u
#define BYTES (64 * (SEATS + 1))

static struct {
	char mem[BYTES] __attribute__((aligned(64)));
	struct slip_robust_sem h[X_THREADS];
	struct slip_robust_sem heir;
	uint32_t units; /* in all, but for posts */
	unsigned posted[X_THREADS];
	bool came;
	uint64_t took; /* virtual time that a wait took */
	int rc[X_THREADS];
	unsigned char goods; /* plain: a race if the order is wrong */
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t sleeps[X_THREADS], deaths, returned, inherited, came, cut;

static void seat(unsigned i, struct slip_peer *self, uint32_t held)
{
	X_ASSERT(!slip_robust_sem_attach(&s.h[i], s.mem, BYTES, self),
		 "attach");
	s.h[i].waiter.spin.skip = UINT32_MAX;
	/* Of none: the word goes on naming the last one. */
	X_ASSERT(!held || !slip_robust_sem_acquire(&s.h[i], held), "acquire");
}

/* `handles` members sit; each has `held` units, and `more` are left. */
static void make(unsigned handles, uint32_t held, uint32_t more)
{
	static char names[SEATS][12];

	memset(&s, 0, sizeof(s));
	peers_setup();
	s.units = handles * held + more;
	X_ASSERT(!slip_robust_sem_init(s.mem, BYTES, SEATS, s.units), "init");
	for (unsigned i = 0; i < handles; i++)
		seat(i, &peers_member[i], held);
	memset(sleeps, 0, sizeof(sleeps));
	deaths = returned = inherited = came = cut = 0;
	x_keep(&s, sizeof(s));
	x_keep(peers_member, sizeof(peers_member));
	x_name(s.mem, 8, "word");
	x_name(s.mem + 8, 8, "event");
	for (unsigned i = 0; i < SEATS; i++) {
		strcpy(names[i], "seat 0");
		names[i][5] = (char)('1' + i);
		x_name(s.mem + 64 * (i + 1), 64, names[i]);
	}
	x_name(&s.goods, 1, "goods");
}

static struct slip_robust_sem_shared *shared(void)
{
	return (struct slip_robust_sem_shared *)(void *)s.mem;
}

static bool watch(long nr, const long args[6], long *result)
{
	if (nr == SYS_futex && (args[1] & 127) == SLIP_FUTEX_WAIT_BITSET_)
		sleeps[x_self()]++;
	return peers_sys(nr, args, result);
}

/* --- worlds ---------------------------------------------------------------- */

static void each_has_one(void)
{
	make(2, 1, 2);
}

static void first_has_two(void)
{
	make(1, 2, 1);
}

static void no_seat_is_free(void)
{
	make(1, 2, 1);
	seat(1, &peers_member[1], 0);
	seat(2, &peers_member[2], 0);
}

static void first_has_all(void)
{
	make(1, 2, 0);
	seat(1, &peers_member[1], 0);
}

/* Nobody knows of deaths, so nobody wakes by itself. */
static void no_slices(void)
{
	make(0, 0, 0);
	for (unsigned i = 0; i < SEATS; i++) {
		seat(i, NULL, 0);
		s.h[i].waiter.slice_ns = SLIP_FOREVER;
	}
}

/* The holder of seat 1 is known to be dead; one is about to come. */
static void one_comes(void)
{
	make(1, 2, 1);
	s.heir = s.h[0];
	s.heir.seat = NULL;
	s.heir.held = s.heir.seq = 0;
	s.heir.who = slip_robust_sem_who_(4, 1);
}

static void nothing_yet(void)
{
	make(0, 0, 0);
	memset(s.mem, 0, sizeof(s.mem));
}

/* --- what threads do ------------------------------------------------------- */

static struct slip_robust_sem *mine(void)
{
	return &s.h[x_self()];
}

static void acquire(uint32_t n)
{
	int rc = slip_robust_sem_acquire(mine(), n);

	X_ASSERT(!rc, "acquire says %d", rc);
}

static void release(uint32_t n)
{
	int rc = slip_robust_sem_release(mine(), n);

	X_ASSERT(!rc, "release says %d", rc);
}

static void post(uint32_t n)
{
	int rc = slip_robust_sem_post(mine(), n);

	X_ASSERT(!rc, "post says %d", rc);
	s.posted[x_self()] += n;
}

static void take_and_give(void)
{
	acquire(1);
	release(2);
}

static void give_and_take(void)
{
	release(1);
	(void)!slip_robust_sem_acquire_try(mine(), 1);
}

static void give_one(void)
{
	release(1);
}

/* Somewhere to die, with what it has had from the beginning. */
static void die(void)
{
	(void)slip_robust_sem_value(mine());
}

static void give_all(void)
{
	s.goods = 1;
	release(2);
}

static void leave(void)
{
	X_ASSERT(!slip_robust_sem_detach(mine()), "detach");
}

/* Somebody's death is noticed, and what it had given back. */
static void recover(void)
{
	int rc = slip_robust_sem_bury_(shared(), SEATS, peers_self());

	X_ASSERT(!rc, "bury says %d", rc);
}

static void recover_by_hook(void)
{
	int rc = 0;

	if (x_dead(0))
		rc = slip_robust_sem_recover_(peers_self(), s.mem, BYTES, 1, 1);
	X_ASSERT(!rc, "the hook says %d", rc);
}

/* In the seat of the dead, if it is free by now: goes on, with units. */
static void inherit(void)
{
	recover();
	s.came = !slip_robust_sem_attach(&s.heir, s.mem, BYTES, peers_self());
	if (!s.came)
		return;
	s.heir.waiter.spin.skip = UINT32_MAX;
	X_ASSERT(!slip_robust_sem_held(&s.heir), "with units at once");
	s.rc[x_self()] = slip_robust_sem_acquire_try(&s.heir, 1);
}

/* Sits there next, and works twice, so that both notes are new, beside one who
 * is late in recovering it. */
static void sit_and_work(void)
{
	if (!x_dead(0))
		return;
	recover();
	s.came = !slip_robust_sem_attach(&s.heir, s.mem, BYTES, peers_self());
	X_ASSERT(s.came, "no seat");
	X_ASSERT(!slip_robust_sem_acquire_try(&s.heir, 1), "first");
	X_ASSERT(!slip_robust_sem_acquire_try(&s.heir, 1), "second");
}

/* The dead one's first operation was its last; giving back is the second. */
static void sit_where_it_sat(void)
{
	s.came = !slip_robust_sem_attach(&s.heir, s.mem, BYTES, peers_self());
	X_ASSERT(!s.came || s.heir.me != 1 || s.heir.seq == 2,
		 "it goes on from operation %u", s.heir.seq);
}

static void create(void)
{
	X_ASSERT(!slip_robust_sem_init(s.mem, BYTES, SEATS, 5), "init");
}

static void come_early(void)
{
	int rc = slip_robust_sem_attach(&s.heir, s.mem, BYTES, NULL);

	X_ASSERT(rc == 0 || rc == -EBADMSG, "attach says %d", rc);
	if (rc)
		return;
	s.came = true;
	X_ASSERT(slip_robust_sem_value(&s.heir) == 5, "it is not whole");
}

static void vacate(void)
{
	int rc = slip_robust_sem_vacate_(shared(), SEATS, 1, s.h[0].who);

	X_ASSERT(!rc, "vacate says %d", rc);
}

static void sit(void)
{
	s.came = slip_robust_sem_sit_(&s.heir) && s.heir.me == 1;
	X_ASSERT(!s.came || s.heir.seq == 2, "it goes on from operation %u",
		 s.heir.seq);
}

static void take_all(void)
{
	uint64_t from = slip_now_ns();

	acquire(2);
	X_ASSERT(x_dead(0) || s.goods, "the goods are not there");
	s.took = slip_now_ns() - from;
}

static void post_two(void)
{
	post(2);
}

static void post_one(void)
{
	post(1);
}

/* Who is not told that there is one does not give the two either. */
static void take_one_post_two(void)
{
	acquire(1);
	post(2);
}

static void post_singly(void)
{
	post(1);
	post(1);
}

static void take_two_post_three(void)
{
	acquire(2);
	post(3);
}

static void take_three(void)
{
	acquire(3);
}

static void take_one(void)
{
	acquire(1);
}

static void take_two(void)
{
	acquire(2);
}

/* --- afterwards ------------------------------------------------------------ */

static void check_note(const struct slip_robust_sem *h)
{
	struct slip_robust_sem_last_ last;

	slip_robust_sem_past_(h->seat, h->me, slip_robust_sem_look_(h->shared),
			      &last);
	X_ASSERT(last.held == h->held && last.seq == h->seq,
		 "seat %u: %u noted, %u units in hand, of operation %u", h->me,
		 last.held, h->held, h->seq);
}

/* What is in the hand of those who live, and have heard of it. Their seats say
 * the same, also when the word names none of them. */
static uint32_t in_hand(void)
{
	struct slip_robust_sem auditor;
	uint32_t sum = 0;

	if (!slip_robust_sem_attach(&auditor, s.mem, BYTES, peers_self()))
		X_ASSERT(!slip_robust_sem_acquire_try(&auditor, 0), "audit");
	for (unsigned i = 0; i <= X_THREADS; i++) {
		struct slip_robust_sem *h = i < X_THREADS ? &s.h[i] : &s.heir;
		unsigned thread = i < X_THREADS ? i : 1;

		if (!h->seat || x_dead(thread) || x_stopped(thread))
			continue;
		check_note(h);
		sum += h->held;
	}
	return sum;
}

static void all_there(void)
{
	uint32_t value;
	uint32_t held;
	unsigned posted = 0;

	recover();
	held = in_hand();
	value = slip_robust_sem_units_(slip_robust_sem_look_(shared()));
	for (unsigned i = 0; i < X_THREADS; i++) {
		struct slip_robust_sem *h = &s.h[i];

		posted += s.posted[i];
		/* A seat is kept by who lives, and by its heir. */
		X_ASSERT(!h->seat || !x_dead(i) ||
				 !slip_robust_sem_sits_(h->seat, h->who),
			 "the dead keep seat %u", h->me);
		deaths += x_dead(i);
	}
	X_ASSERT(value + held == s.units + posted,
		 "%u units and %u in hand, not %u", value, held,
		 s.units + posted);
	returned += x_dead(0);
	inherited += s.came && s.heir.me == 1 && s.heir.held && x_dead(0);
	came += s.came && s.heir.me == 1 && x_dead(0);
	cut += x_dead(1);
}

/* One stopped between its swap and its return has not heard of it. */
static void all_there_or_stopped(void)
{
	struct slip_robust_sem *h = &s.h[0];
	struct slip_robust_sem_last_ last;
	uint32_t value;

	recover();
	(void)in_hand();
	value = slip_robust_sem_units_(slip_robust_sem_look_(shared()));
	slip_robust_sem_past_(h->seat, h->me, slip_robust_sem_look_(shared()),
			      &last);
	X_ASSERT(slip_robust_sem_sits_(h->seat, h->who), "buried alive");
	X_ASSERT(value + last.held + s.h[1].held == s.units, "%u, %u and %u",
		 value, last.held, s.h[1].held);
	deaths += x_stopped(0);
}

static void heard_soon(void)
{
	all_there();
	X_ASSERT(s.h[1].held == 2, "the survivor has %u", s.h[1].held);
	X_ASSERT(s.took <= 3 * SLIP_SLICE_NS, "heard after %llu ns",
		 (unsigned long long)s.took);
}

static void count_comers(void)
{
	came += s.came;
}

static void somebody_came(void)
{
	X_ASSERT(came, "nobody ever came in time");
}

static void deaths_happened(void)
{
	X_ASSERT(deaths, "nobody ever died or stopped");
}

static void second_deaths_happened(void)
{
	X_ASSERT(cut && returned, "no recoverer ever died");
}

static void heirs_came(void)
{
	X_ASSERT(came, "nobody sat where the dead one did");
}

static void inheritances_happened(void)
{
	X_ASSERT(inherited, "nobody ever inherited");
}

static void somebody_slept(void)
{
	X_ASSERT(sleeps[1] || sleeps[2], "nobody ever slept");
}

#define MODEL(NAME, OPERATION, ONCE, FINAL, FINISH, ...)                  \
	.name = NAME, .operation = "robust_sem." OPERATION, .once = ONCE, \
	.threads = { __VA_ARGS__ }, .final = FINAL, .finish = FINISH,     \
	.sys = watch

static const struct x_model models[] = {
	{ MODEL("holder-dies", "acquire+release", each_has_one, all_there,
		deaths_happened, take_and_give, give_and_take, recover),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("both-die", "acquire+release", each_has_one, all_there,
		second_deaths_happened, give_and_take, give_one, recover),
	  .mortal = 3, .troubles = 2 },
	{ MODEL("recoverer-dies", "recover", first_has_two, all_there,
		second_deaths_happened, give_one, recover, recover_by_hook),
	  .mortal = 3, .troubles = 2 },
	{ MODEL("heir", "recover", first_has_two, all_there,
		inheritances_happened, give_one, inherit, recover),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("heir-dies", "recover", first_has_two, all_there,
		second_deaths_happened, die, inherit, recover),
	  .mortal = 3, .troubles = 2 },
	{ MODEL("heir-recovered", "recover", first_has_two, all_there,
		inheritances_happened, give_one, inherit, recover,
		recover_by_hook),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("recovered-twice", "recover", first_has_all, all_there,
		deaths_happened, die, post_one, recover, recover_by_hook),
	  .mortal = 1, .troubles = 1, .preemptions = 3 },
	{ MODEL("late-recoverer", "recover", first_has_two, all_there,
		inheritances_happened, die, sit_and_work, recover_by_hook),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("late-recoverer-heir-dies", "recover", first_has_two, all_there,
		second_deaths_happened, die, sit_and_work, recover_by_hook),
	  .mortal = 3, .troubles = 2 },
	{ MODEL("next-in-seat", "attach", no_seat_is_free, all_there,
		heirs_came, die, sit_where_it_sat, recover_by_hook,
		recover_by_hook),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("freed-by-another", "attach", one_comes, count_comers,
		somebody_came, vacate, vacate, sit),
	  .preemptions = 3 },
	{ MODEL("creator", "init", nothing_yet, count_comers, somebody_came,
		create, come_early),
	  .preemptions = 4 },
	{ MODEL("leaver-dies", "detach", each_has_one, all_there,
		deaths_happened, leave, give_and_take, recover),
	  .mortal = 1, .troubles = 1 },
	{ MODEL("waiter-hears", "acquire", first_has_all, heard_soon,
		somebody_slept, give_all, take_all),
	  .mortal = 1, .troubles = 1, .preemptions = 4 },
	{ MODEL("holder-stops", "acquire+release", each_has_one,
		all_there_or_stopped, deaths_happened, take_and_give,
		give_and_take, recover),
	  .stoppable = 1, .troubles = 1 },
	{ MODEL("many-and-one", "post+acquire", no_slices, all_there,
		somebody_slept, post_one, take_two, take_one_post_two),
	  .flags = X_SPURIOUS | X_EINTR, .surprises = 1 },
	{ MODEL("many-and-more", "post+acquire", no_slices, all_there,
		somebody_slept, post_singly, take_two_post_three, take_three) },
	{ MODEL("several", "post+acquire", no_slices, all_there, somebody_slept,
		post_two, take_one, take_one),
	  .flags = X_SPURIOUS | X_EINTR, .surprises = 1 },
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
