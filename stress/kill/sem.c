/* SPDX-License-Identifier: MIT */
/*
 * Semaphores. Of those that know nobody: the units are as before or as after
 * the operation, and the others can go on. Of the robust one: at every point
 * units, and what the notes say that each seat has in hand, add up to what
 * there is; and when the dead are recovered, all is there for the others, and every
 * seat can be had.
 */
#define _GNU_SOURCE
#include "futex/sem.h"
#include "futex/robust_sem.h"
#include "futex/sem_set.h"

#include <string.h>

#include "stress/kill/kill.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define PAST_NS	    1
#define KIND	    98u
#define SEATS	    4u
#define TOTAL	    12u
#define VICTIMS	    3u /* in its hand, of a robust one */

static struct kill_sem_victim victim_;

/* What the survivors know. */
static struct world {
	struct slip_robust_sem me;
	uint32_t posted; /* by us */
} live_;

/* --- those that know nobody ------------------------------------------------ */

/* Flags: what the operation adds, plus BIAS; a set; nothing but a look. */
#define BIAS	8
#define ADDS(n) ((unsigned)((n) + BIAS))
#define SET	64u

static int adds(void)
{
	return (int)(kill_now.op->flags % 64) - BIAS;
}

static bool is_set(void)
{
	return kill_now.op->flags & SET;
}

static struct slip_sem *sem(void)
{
	return kill_base.mem;
}

/* Of a set: its first counter, with which the last one goes. */
static uint32_t value(void)
{
	struct slip_sem_set *set = kill_base.mem;
	uint32_t v[4];

	if (!is_set())
		return slip_sem_value(sem());
	slip_sem_set_values(set, v);
	KILL_CHECK(v[3] == v[0] + 1 && v[1] == 0 && v[2] == 7,
		   "half a change: %u %u %u %u", v[0], v[1], v[2], v[3]);
	return v[0];
}

static uint32_t before(void)
{
	return kill_now.op->sleeps ? (adds() < 0 ? 0 : 2)
				   : 2 + kill_now.state / 4;
}

/* A sleeper announced or not; one that wants several or not; what is left. */
static void plain_make(const struct kill_op *op, unsigned state)
{
	uint32_t v[4] = { before(), 0, 7, before() + 1 };
	int rc;

	(void)op;
	memset(&live_, 0, sizeof(live_));
	kill_base_make(KIND, sizeof(struct slip_sem_set), false);
	rc = is_set() ? slip_sem_set_init(kill_base.mem, v)
		      : slip_sem_init(sem(), before());
	KILL_CHECK(!rc, "init: %d", rc);
	/* init: nobody is there yet; the event is in one place in both */
	slip_a32_store_relaxed(&sem()->event.word, state % 2 * SLIP_EVENT_W_);
	if (!is_set() && state / 2 % 2)
		slip_a32_store_relaxed(&sem()->word,
				       before() | SLIP_SEM_BROAD_);
	kill_image_take();
}

static void plain_enter(void)
{
	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.mem = kill_self.mem;
	victim_.n = (uint32_t)(adds() < 0 ? -adds() : adds());
	victim_.change.add[0] = victim_.change.add[3] = adds();
	victim_.change.zero = 1u << 1;
}

static void plain_leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

/* Others give and take, and sleep. */
static void plain_use(void)
{
	static const struct slip_sem_change up = { { 1, 0, 0, 1 }, 0 };
	static const struct slip_sem_change down = { { -1, 0, 0, -1 }, 0 };
	struct slip_sem_set *set = kill_base.mem;
	uint32_t n = value();

	if (is_set()) {
		for (uint32_t i = 0; i < n; i++)
			KILL_CHECK(!slip_sem_set_change(set, &down), "down");
		KILL_CHECK(slip_sem_set_change_until(set, &down, PAST_NS) ==
				   -ETIMEDOUT,
			   "something is left");
		for (uint32_t i = 0; i < n; i++)
			KILL_CHECK(!slip_sem_set_change_try(set, &up), "up");
		return;
	}
	KILL_CHECK(!slip_sem_acquire(sem(), n), "acquire");
	KILL_CHECK(!slip_sem_wait_zero_until(sem(), PAST_NS), "not zero");
	KILL_CHECK(slip_sem_acquire_until(sem(), 1, PAST_NS) == -ETIMEDOUT,
		   "something is left");
	KILL_CHECK(!slip_sem_post(sem(), n), "post");
}

static void plain_judge(int result)
{
	uint32_t from = before() + live_.posted;
	uint32_t to = (uint32_t)((int)from + adds());
	uint32_t v = value();

	KILL_CHECK(v == to || (v == from && result == KILL_UNKNOWN),
		   "%u units, not %u or %u", v, from, to);
	plain_use();
}

static void plain_dead(int result, unsigned variant)
{
	plain_judge(result);
	if (variant)
		plain_use();
	kill_base_recover();
}

static void plain_stopped(void)
{
	plain_judge(KILL_UNKNOWN);
	KILL_CHECK(slip_peer_recover(&kill_base.me) == 0, "recover");
}

static void plain_after(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	plain_dead(0, 0);
}

/* What the victim sleeps for: units, or that there are none. */
static void plain_rouse(void)
{
	if (adds() < 0) {
		live_.posted += 3;
		KILL_CHECK(!slip_sem_post(sem(), 3), "rouse");
	} else {
		live_.posted -= 2;
		KILL_CHECK(!slip_sem_acquire_try(sem(), 2), "rouse");
	}
}

/* Sleeps for what the victim gives, or else until it is known dead. */
static void plain_suffer(void)
{
	uint32_t needed = before() + 1;
	int alive = 1;
	int rc = -ETIMEDOUT;

	while (adds() > 0 && !is_set() && alive == 1 && rc == -ETIMEDOUT) {
		rc = slip_sem_acquire_until(sem(), needed,
					    slip_after_ns(SLIP_SLICE_NS));
		alive = slip_peer_alive(&kill_base.rg, kill_base.victim_id);
	}
	if (rc == 0)
		KILL_CHECK(!slip_sem_post(sem(), needed), "post");
}

/* --- the robust one -------------------------------------------------------- */

/* Flags: what the operation does. */
enum { TAKES = 1, GIVES, EATS, POSTS, COMES, GOES, RECOVERS, INITS };

static unsigned does(void)
{
	return kill_now.op->flags;
}

static size_t bytes(void)
{
	return slip_robust_sem_bytes(SEATS);
}

static struct slip_robust_sem_shared *shared(void)
{
	return kill_base.mem;
}

/* Three who may have been the last to do something: the victim, another, the
 * ghost; sleepers or not; sequences at their end or not. */
#define STATES 12

static unsigned last(void)
{
	return kill_now.state % 3;
}

static void sit(struct slip_robust_sem *h, void *mem, struct slip_peer *self,
		uint32_t held)
{
	int rc = slip_robust_sem_attach(h, mem, bytes(), self);

	KILL_CHECK(!rc, "attach: %d", rc);
	h->waiter.spin.skip = UINT32_MAX;
	if (kill_now.state / 6 % 2)
		h->seq = SLIP_ROBUST_SEM_SEQ_MASK_ - 1;
	rc = slip_robust_sem_acquire_try(h, held);
	KILL_CHECK(!rc, "acquire: %d", rc);
}

/* Seat 1 is ours, with 1 in hand; 2 is the ghost's, with 2; 3 is the victim's,
 * with 3. In 4 nobody sits. */
static void make(const struct kill_op *op, unsigned state)
{
	struct slip_robust_sem ghost;
	int rc = 0;

	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_ROBUST_SEM, bytes(), op->flags != INITS);
	if (op->flags == INITS) {
		memset(kill_base.mem, 0xa5, bytes());
		rc = slip_peer_hook(&kill_base.me, SLIP_KIND_ROBUST_SEM,
				    slip_robust_sem_recover_);
		KILL_CHECK(!rc, "hook: %d", rc);
		kill_image_take();
		return;
	}
	rc = slip_robust_sem_init(kill_base.mem, bytes(), SEATS, TOTAL);
	KILL_CHECK(!rc, "init: %d", rc);
	sit(&live_.me, kill_base.mem, &kill_base.me, 1);
	sit(&ghost, kill_base.mem, &kill_base.ghost, 2);
	/* init: nobody sleeps yet */
	slip_a32_store_relaxed(&shared()->event.word,
			       state / 3 % 2 * SLIP_EVENT_W_);
	kill_image_take();
}

/* The word is to name a seat that is neither the victim's nor ours: by one that
 * comes, and goes. */
static void pass_by(void)
{
	struct slip_robust_sem h;

	sit(&h, kill_self.mem, &kill_self.peer, 1);
	KILL_CHECK(!slip_robust_sem_detach(&h), "detach");
}

static void enter(void)
{
	kill_base_enter();
	memset(&victim_, 0, sizeof(victim_));
	victim_.mem = kill_self.mem;
	victim_.bytes = bytes();
	victim_.self = &kill_self.peer;
	victim_.seats = SEATS;
	victim_.dead_id = kill_base.ghost.id;
	victim_.dead_gen = kill_base.ghost.gen;
	victim_.n = does() == INITS   ? TOTAL
		    : does() == POSTS ? 2
				      : 1 + kill_now.state % 2;
	if (kill_now.op->sleeps)
		victim_.n = TOTAL - 1 - 2;
	if (does() == INITS || (does() == COMES && last() == 2))
		return;
	/* Who comes finds the word of one who has gone, or of another. */
	if (does() == COMES) {
		pass_by();
		return;
	}
	if (does() != RECOVERS || last() == 0)
		sit(&victim_.h, kill_self.mem, &kill_self.peer, VICTIMS);
	if (does() == RECOVERS || last() != 1)
		return;
	pass_by();
}

static void leave(int result)
{
	uint32_t held = does() == TAKES ? VICTIMS + victim_.n
			: does() == GIVES || does() == EATS
				? VICTIMS - victim_.n
			: does() == POSTS ? VICTIMS
					  : 0;

	KILL_CHECK(result == 0, "it returned %d", result);
	if (does() < RECOVERS)
		KILL_CHECK(slip_robust_sem_held(&victim_.h) == held,
			   "%u in hand", slip_robust_sem_held(&victim_.h));
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

/* All units there are, as the word and the notes say. */
static uint32_t all_units(void)
{
	uint64_t word = slip_robust_sem_look_(shared());
	uint32_t sum = slip_robust_sem_units_(word);

	for (uint32_t s = 1; s <= SEATS; s++) {
		struct slip_robust_sem_last_ past;

		slip_robust_sem_past_(slip_robust_sem_seat_(shared(), s), s,
				      word, &past);
		sum += past.held;
	}
	return sum;
}

static void account(int result, uint32_t sum)
{
	uint32_t was = TOTAL + live_.posted;
	uint32_t eaten = 1 + kill_now.state % 2;
	uint32_t is =
		was + (does() == POSTS ? 2 : 0) - (does() == EATS ? eaten : 0);

	KILL_CHECK(sum == is || (sum == was && result == KILL_UNKNOWN),
		   "%u units, not %u or %u", sum, was, is);
}

/* We take what there is, and give it back; as many seats can be had. */
static void use(uint32_t seats)
{
	struct slip_robust_sem *me = &live_.me;
	struct slip_robust_sem more[SEATS];
	uint32_t n = slip_robust_sem_value(me);
	uint32_t had = 0;

	KILL_CHECK(!slip_robust_sem_acquire_until(me, n, PAST_NS), "acquire");
	KILL_CHECK(slip_robust_sem_acquire_try(me, 1) == -EAGAIN, "one more");
	KILL_CHECK(!slip_robust_sem_release(me, n), "release");
	while (had < SEATS && !slip_robust_sem_attach(&more[had], kill_base.mem,
						      bytes(), &kill_base.next))
		had++;
	KILL_CHECK(had == seats, "%u seats can be had, not %u", had, seats);
	for (uint32_t i = 0; i < had; i++) {
		KILL_CHECK(!slip_robust_sem_acquire_try(&more[i], n), "take");
		KILL_CHECK(!slip_robust_sem_detach(&more[i]), "detach");
	}
}

static void dead(int result, unsigned variant)
{
	struct slip_robust_sem *me = &live_.me;
	uint32_t n;
	int rc = 0;

	account(result, all_units());
	n = all_units() - slip_robust_sem_held(me);
	if (variant == 0) {
		rc = slip_robust_sem_acquire_until(me, n, PAST_NS);
		rc = rc ? rc : slip_robust_sem_release(me, n);
	} else if (variant == 1) {
		kill_base_recover();
	} else {
		rc = slip_robust_sem_recover(me);
	}
	KILL_CHECK(!rc, "recovery: %d", rc);
	KILL_CHECK(slip_robust_sem_value(me) == n, "%u units, not %u",
		   slip_robust_sem_value(me), n);
	use(SEATS - 1);
	kill_base_recover();
	KILL_CHECK(slip_robust_sem_value(me) == n, "more were given back");
	account(result, all_units());
}

/* What the victim has is not ours to give, and nobody else's is kept. */
static void stopped(void)
{
	struct slip_robust_sem *me = &live_.me;
	uint32_t keeps = 0;

	account(KILL_UNKNOWN, all_units());
	KILL_CHECK(!slip_robust_sem_recover(me), "recover");
	for (uint32_t s = 1; s <= SEATS; s++) {
		uint64_t who = slip_a64_load_relaxed(
			&slip_robust_sem_seat_(shared(), s)->who);

		KILL_CHECK(!slip_peer_tag_dead_(who, &kill_base.me),
			   "the dead keep seat %u", s);
		keeps += who && s != me->me;
	}
	KILL_CHECK(keeps <= 1 + (does() == COMES), "%u seats are kept", keeps);
	use(SEATS - 1 - keeps);
	account(KILL_UNKNOWN, all_units());
	KILL_CHECK(slip_peer_recover(&kill_base.me) >= 0, "recover");
}

static void after(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	dead(0, 1);
}

static unsigned spans(struct kill_span spans[])
{
	unsigned n = kill_base_spans(spans);

	spans[n].at = &live_;
	spans[n].bytes = sizeof(live_);
	return n + 1;
}

static void rouse(void)
{
	live_.posted += TOTAL;
	KILL_CHECK(!slip_robust_sem_post(&live_.me, TOTAL), "rouse");
}

/* Sleeps for all that the dead have: it comes to who waits. */
static void suffer(void)
{
	struct slip_robust_sem *me = &live_.me;
	uint32_t n = TOTAL - 1 - (does() == EATS ? 2 : 0); /* but for ours */
	int rc;

	if (does() == INITS)
		return;
	rc = slip_robust_sem_acquire_until(me, n, slip_after_ns(PATIENCE_NS));
	KILL_CHECK(!rc, "the units of the dead do not come: %d", rc);
	KILL_CHECK(!slip_robust_sem_release(me, n), "release");
}

/* --- making one ------------------------------------------------------------ */

static void init_judge(int result)
{
	struct slip_robust_sem h;
	int rc = slip_robust_sem_attach(&h, kill_base.mem, bytes(),
					&kill_base.me);

	KILL_CHECK(rc == 0 || (rc == -EBADMSG && result == KILL_UNKNOWN),
		   "attach: %d", rc);
	if (rc)
		return;
	KILL_CHECK(slip_robust_sem_value(&h) == TOTAL, "%u units",
		   slip_robust_sem_value(&h));
	KILL_CHECK(!slip_robust_sem_acquire_try(&h, TOTAL), "acquire");
	KILL_CHECK(!slip_robust_sem_detach(&h), "detach");
}

static void init_dead(int result, unsigned variant)
{
	(void)variant;
	init_judge(result);
	kill_base_recover();
}

static void init_stopped(void)
{
	init_judge(KILL_UNKNOWN);
}

static void init_after(int result)
{
	init_judge(result);
}

/* --- the operations -------------------------------------------------------- */

static const struct kill_kind plain_kind = {
	.make = plain_make,
	.unmake = kill_base_unmake,
	.enter = plain_enter,
	.victim = &victim_,
	.leave = plain_leave,
	.bury = kill_base_bury,
	.spans = spans,
	.rouse = plain_rouse,
	.suffer = plain_suffer,
	.dead = plain_dead,
	.stopped = plain_stopped,
	.after = plain_after,
};

static const struct kill_kind kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.rouse = rouse,
	.suffer = suffer,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

static const struct kill_kind init_kind = {
	.make = make,
	.unmake = kill_base_unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.dead = init_dead,
	.stopped = init_stopped,
	.after = init_after,
};

#define OP(NAME, FN, KIND_OF, STATES_OF, ABOUT, SLEEPER)                 \
	{                                                                \
		.name = NAME, .kind = &(KIND_OF), .states = (STATES_OF), \
		.hooked = kill_hooked_##FN, .plain = kill_plain_##FN,    \
		.flags = (ABOUT), .sleeps = (SLEEPER),                   \
	}
#define ROBUST(FN, ABOUT) \
	OP("robust_sem." #FN, robust_sem_##FN, kind, STATES, ABOUT, false)

static const struct kill_op ops[] = {
	OP("sem.post", sem_post, plain_kind, 8, ADDS(2), false),
	OP("sem.acquire", sem_acquire, plain_kind, 8, ADDS(-2), false),
	OP("sem.acquire_sleep", sem_acquire_sleep, plain_kind, 4, ADDS(-2),
	   true),
	OP("sem.wait_zero_sleep", sem_wait_zero_sleep, plain_kind, 4, ADDS(0),
	   true),
	OP("sem_set.add", sem_set_change, plain_kind, 8, SET | ADDS(2), false),
	OP("sem_set.take", sem_set_change, plain_kind, 8, SET | ADDS(-2),
	   false),
	OP("robust_sem.init", robust_sem_init, init_kind, 1, INITS, false),
	ROBUST(attach, COMES),
	ROBUST(detach, GOES),
	ROBUST(acquire, TAKES),
	OP("robust_sem.acquire_sleep", robust_sem_acquire_sleep, kind, STATES,
	   TAKES, true),
	ROBUST(release, GIVES),
	ROBUST(consume, EATS),
	ROBUST(post, POSTS),
	ROBUST(recover, RECOVERS),
};

const struct kill_list kill_sem = { ops, sizeof(ops) / sizeof(ops[0]) };
