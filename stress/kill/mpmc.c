/* SPDX-License-Identifier: MIT */
/*
 * The world of an MPMC ring, and its judges. In it are a producer and a
 * consumer that survive (but one that is alone in its role has no fellow), the
 * victim, and in some states a companion: one that is stopped, or dead, in the
 * middle of a push, of a pop, or with a ticket. Where the victim is to go on from
 * another seat there are three: two in the middle of a push, and a keeper, with
 * what the victim returned in its hand.
 *
 * Every element has a number, which is in its content. The judge collects all
 * there is to be had and counts, for each number, how often it came, and its
 * attempts. What must come exactly once, and what the victim may have taken with
 * it, or not yet have pushed, the operation says.
 */
#define _GNU_SOURCE
#include "ring/mpmc.h"

#include <string.h>
#include <sys/mman.h>

#include "stress/kill/kill.h"

#define SEATS	8u
#define NUMBERS 256u
#define PAST_NS 1

/* Flags of an operation: what it does; how many it moves; alone in its role. */
#define DOES_PUSH    1u
#define DOES_POP     2u
#define DOES_TAKE    3u
#define DOES_ACK     4u
#define DOES_NACK    5u
#define DOES_ATTACH  6u
#define DOES_DETACH  7u /* with a ticket */
#define DOES_RECOVER 8u
#define DOES_NOTHING 9u /* claim, and abort */
#define DOES(f)	     ((f)&15u)
#define MOVES(n)     ((n)*16u)
#define MOVES_OF(f)  ((f) / 16u % 4u)
#define ROLES(r)     ((r)*64u)
#define ROLES_OF(f)  ((f) / 64u % 8u)
#define ELSEWHERE    512u /* from another seat */

static const struct {
	uint32_t capacity, elem_bytes;
} shapes[] = { { 4, 8 }, { 2, 24 }, { 4, 40 } };
#define SHAPES 3u

enum fill { EMPTY, HALF, FULL_UP, FILLS };
enum company {
	NOBODY,
	PUSHES,
	POPS,
	HOLDS,
	DEAD_PUSHES,
	DEAD_HOLDS,
	COMPANIES
};

/* Fill, then who else is there, work queue or not, shape, position. */
#define STATES (FILLS * COMPANIES * 2 * SHAPES * 2)
/* Of those, an empty work queue of 4. */
#define STATES_ELSEWHERE (COMPANIES * 2 * 2)

/* What the survivors know. */
struct world {
	struct slip_mpmc p, c, x; /* producer, consumer, companion */
	struct slip_mpmc_ticket x_ticket;
	struct slip_mpmc keeper, slow[2];
	uint64_t kept;	    /* number of what the keeper has */
	uint64_t newest;    /* number of the next to be pushed */
	uint64_t first;	    /* of those of the victim, */
	unsigned owed;	    /* slots that somebody stopped may keep, */
	unsigned owed_dead; /* and somebody dead, until recovered */
	unsigned char seen[NUMBERS];
	unsigned char attempts[NUMBERS];
	unsigned char gone[NUMBERS]; /* need not, and must not, come */
};

static struct world live_;
static struct kill_mpmc_victim victim_;
static unsigned flags_;
static uint64_t seat_; /* of the victim, before it goes on from another */
static bool work_;
static struct slip_mpmc_shape shape_;
static enum company company_;
/* What the victim tells, if it returned: shared with a child. */
static struct told {
	bool all; /* it came to telling */
	uint64_t number[KILL_MPMC_BATCH];
	uint32_t attempts;
	uint64_t ticket; /* number of what it had taken before */
	uint32_t ticket_attempts;
} * told_;

static unsigned does(void)
{
	return DOES(flags_);
}

/* Does the victim begin with a ticket? */
static bool holds(void)
{
	return does() == DOES_ACK || does() == DOES_NACK ||
	       does() == DOES_DETACH;
}

static bool alone_in(unsigned role)
{
	return (ROLES_OF(flags_) & SLIP_EXCLUSIVE) && (ROLES_OF(flags_) & role);
}

static bool elsewhere(void)
{
	return (flags_ & ELSEWHERE) != 0;
}

/* --- elements -------------------------------------------------------------- */

static void fill(unsigned char *to, uint64_t number)
{
	memcpy(to, &number, 8);
	for (uint32_t i = 8; i < shape_.elem_bytes; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
}

static uint64_t number_of(const void *elem)
{
	unsigned char right[64];
	uint64_t number;

	memcpy(&number, elem, 8);
	fill(right, number);
	KILL_CHECK(number < live_.newest + KILL_MPMC_BATCH &&
			   memcmp(elem, right, shape_.elem_bytes) == 0,
		   "wrong content: %#llx", (unsigned long long)number);
	return number;
}

/* 1, or 0: full. */
static int push(struct slip_mpmc *q)
{
	unsigned char elem[64];

	fill(elem, live_.newest);
	KILL_CHECK(live_.newest < NUMBERS, "too many elements");
	if (!slip_mpmc_push(q, elem)) {
		KILL_CHECK(!q->error, "push: %d", q->error);
		return 0;
	}
	live_.newest++;
	return 1;
}

/* One has come; `attempts` 0: by pop. */
static void came(uint64_t number, uint32_t attempts)
{
	live_.seen[number]++;
	live_.attempts[number] = (unsigned char)attempts;
	KILL_CHECK(live_.seen[number] == 1, "element %llu comes twice",
		   (unsigned long long)number);
	KILL_CHECK(!live_.gone[number], "element %llu comes again",
		   (unsigned long long)number);
}

/* 1, or 0: empty. */
static int pop(struct slip_mpmc *q)
{
	unsigned char elem[64];
	struct slip_mpmc_ticket t;

	if (work_ && slip_mpmc_take(q, &t)) {
		came(number_of(t.elem), t.attempts);
		slip_mpmc_ack(q, &t);
		KILL_CHECK(!t.word, "ack is refused");
		return 1;
	}
	if (!work_ && slip_mpmc_pop(q, elem)) {
		came(number_of(elem), 1);
		return 1;
	}
	KILL_CHECK(!q->error, "pop: %d", q->error);
	return 0;
}

/* The same, by one who waits, and so asks who is dead: 0, or why not. */
static int pop_waiting(struct slip_mpmc *q)
{
	unsigned char elem[64];
	struct slip_mpmc_ticket t;
	int rc;

	if (!work_) {
		rc = slip_mpmc_pop_until(q, elem, PAST_NS);
		if (rc == 0)
			came(number_of(elem), 1);
		return rc;
	}
	rc = slip_mpmc_take_until(q, &t, PAST_NS);
	if (rc)
		return rc;
	came(number_of(t.elem), t.attempts);
	slip_mpmc_ack(q, &t);
	KILL_CHECK(!t.word, "ack is refused");
	return 0;
}

/* --- states ---------------------------------------------------------------- */

static struct slip_peer *companion(void)
{
	return company_ >= DEAD_PUSHES ? &kill_base.ghost : &kill_base.next;
}

static unsigned company_role(void)
{
	return company_ == PUSHES || company_ == DEAD_PUSHES ? SLIP_PRODUCER
							     : SLIP_CONSUMER;
}

/* Stopped, or dead, in the middle. The number of what a stopped one has popped
 * is not to be seen. */
static void keep_company(void)
{
	unsigned char elem[64];
	slip_a64 *slot;
	uint64_t p;
	int rc;

	if (company_ == NOBODY)
		return;
	rc = slip_mpmc_attach(&live_.x, kill_base.mem, kill_base.bytes,
			      company_role(), companion());
	KILL_CHECK(!rc, "companion: %d", rc);
	live_.x.patience = 0;
	if (company_role() == SLIP_PRODUCER) {
		fill(elem, live_.newest);
		slip_mpmc_announce_(&live_.x, 0, elem, shape_.elem_bytes);
		slot = slip_mpmc_take_place_(&live_.x, &p, shape_.elem_bytes);
		if (!slot)
			return; /* it found the ring full */
		live_.newest++;
	} else if (company_ == POPS) {
		if (slip_mpmc_pop_shared_(&live_.x, &p, &slot, elem, false,
					  shape_.elem_bytes) != SLIP_MPMC_GO_)
			return;
		/* In a work queue nobody pops so; it is as good as lost. */
		live_.gone[number_of(slot + 1)] = 1;
	} else {
		if (!slip_mpmc_take(&live_.x, &live_.x_ticket))
			return;
		if (company_ == HOLDS || !work_)
			live_.gone[number_of(live_.x_ticket.elem)] = 1;
	}
	if (company_ >= DEAD_PUSHES)
		live_.owed_dead = 1;
	else
		live_.owed = 1;
}

/* Stopped after its claim, which others have named. */
static void stop_in_push(struct slip_mpmc *q)
{
	unsigned char elem[64];
	uint64_t p;
	int rc = slip_mpmc_attach(
		q, kill_base.mem, kill_base.bytes, SLIP_PRODUCER,
		company_ == DEAD_PUSHES ? &kill_base.ghost : &kill_base.next);

	KILL_CHECK(!rc, "slow producer: %d", rc);
	fill(elem, live_.newest++);
	slip_mpmc_announce_(q, 0, elem, shape_.elem_bytes);
	KILL_CHECK(slip_mpmc_take_place_(q, &p, shape_.elem_bytes), "full");
	slip_mpmc_name_run_(&live_.p,
			    slip_a64_load_relaxed(&live_.p.ring->tail), 0);
}

static bool keeper_lives(void)
{
	return elsewhere() && company_ != DEAD_HOLDS;
}

/* The first of two elements that stand in seats will be the keeper's. */
static void keep_companies(void)
{
	int rc = slip_mpmc_attach(
		&live_.keeper, kill_base.mem, kill_base.bytes, SLIP_CONSUMER,
		keeper_lives() ? &kill_base.next : &kill_base.ghost);

	KILL_CHECK(!rc, "keeper: %d", rc);
	live_.kept = live_.newest;
	live_.gone[live_.kept] = keeper_lives();
	stop_in_push(&live_.slow[0]);
	stop_in_push(&live_.slow[1]);
	if (company_ == DEAD_PUSHES)
		live_.owed_dead = 2;
	else
		live_.owed = 2;
}

/* A lap and a half, so that slots carry words of several; then fill. */
static void prefill(enum fill fill_to)
{
	static const unsigned ways[FILLS] = { 0, 1, 2 };
	uint32_t target = shape_.capacity * ways[fill_to] / 2;
	uint32_t needed;
	struct slip_mpmc q;
	int rc = slip_mpmc_attach(&q, kill_base.mem, kill_base.bytes,
				  SLIP_PRODUCER | SLIP_CONSUMER,
				  &kill_base.next);

	KILL_CHECK(!rc, "prefill: %d", rc);
	for (uint32_t i = 0; i < shape_.capacity * 3 / 2; i++)
		KILL_CHECK(push(&q) == 1 && pop(&q) == 1, "prefill");
	/* Who has something to take needs something to take. */
	needed = holds() ? 1 : 0;
	needed += !elsewhere() && (company_ == POPS || company_ == HOLDS ||
				   company_ == DEAD_HOLDS);
	if (target < needed)
		target = needed;
	while (target--)
		KILL_CHECK(push(&q) == 1, "prefill: full");
	slip_mpmc_detach(&q);
}

static void survivor(struct slip_mpmc *q, unsigned role)
{
	int rc = slip_mpmc_attach(q, kill_base.mem, kill_base.bytes, role,
				  &kill_base.me);

	KILL_CHECK(!rc, "survivor: %d", rc);
	q->patience = 0; /* he who is stopped will not come back */
}

static void choose(unsigned state)
{
	unsigned shape = state / (FILLS * COMPANIES * 2) % SHAPES;
	unsigned flags;

	company_ = (enum company)(state / FILLS % COMPANIES);
	work_ = state / (FILLS * COMPANIES) % 2 || does() == DOES_NACK;
	if (company_ == POPS && work_)
		company_ = HOLDS;
	if (company_ != NOBODY && company_ < DEAD_PUSHES &&
	    alone_in(company_role()))
		company_ = NOBODY;
	if (elsewhere() && company_ < DEAD_PUSHES)
		company_ = NOBODY;
	if (does() == DOES_RECOVER && company_ < DEAD_PUSHES)
		company_ = company_ % 2 ? DEAD_PUSHES : DEAD_HOLDS;
	/* So that beside two that are stopped there is something left. */
	if (company_ != NOBODY || MOVES_OF(flags_) > 1)
		shape = shape == 1 ? 0 : shape;
	flags = (work_ ? SLIP_MPMC_WORK : 0) | SLIP_MPMC_SEATS(SEATS);
	KILL_CHECK(slip_mpmc_shape_(&shape_, shapes[shape].capacity,
				    shapes[shape].elem_bytes, flags),
		   "shape");
}

/* Which of all states is that of an operation that needs a certain one? */
static unsigned one_of_all(unsigned state)
{
	if (!elsewhere())
		return state;
	return FILLS * (state % COMPANIES + COMPANIES) +
	       FILLS * COMPANIES * 2 *
		       (state / COMPANIES % 2 * 2 +
			SHAPES * (state / COMPANIES / 2));
}

static void make(const struct kill_op *op, unsigned index)
{
	bool old;
	unsigned state, mode;

	flags_ = op->flags;
	state = one_of_all(index);
	old = state / (FILLS * COMPANIES * 2 * SHAPES) % 2;
	mode = state / FILLS % 2 ? SLIP_EVENT_ASYM : SLIP_EVENT_FULL;
	choose(state);
	if (!told_)
		told_ = mmap(NULL, sizeof(*told_), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	KILL_CHECK(told_ != MAP_FAILED, "no memory");
	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_MPMC, slip_mpmc_shape_bytes_(&shape_),
		       company_ >= DEAD_PUSHES);
	/* Before positions have 51 bits, so that they pass 0. */
	slip_mpmc_format_(kill_base.mem, &shape_, mode,
			  old ? (UINT64_C(1) << 51) / shape_.capacity - 2 : 1);
	prefill((enum fill)(state % FILLS));
	if (!alone_in(SLIP_PRODUCER))
		survivor(&live_.p, SLIP_PRODUCER);
	if (!alone_in(SLIP_CONSUMER))
		survivor(&live_.c, SLIP_CONSUMER);
	if (elsewhere())
		keep_companies();
	else
		keep_company();
	memset(live_.seen, 1, live_.newest); /* all that came before, but: */
	for (uint64_t n = shape_.capacity * 3 / 2; n < live_.newest; n++)
		live_.seen[n] = live_.gone[n];
	live_.first = live_.newest;
	kill_image_take();
}

static void unmake(void)
{
	kill_base_unmake();
}

static unsigned spans(struct kill_span spans[])
{
	unsigned count = kill_base_spans(spans);

	spans[count].at = &live_;
	spans[count].bytes = sizeof(live_);
	return count + 1;
}

/* --- the victim ------------------------------------------------------------ */

static void take_before(struct kill_mpmc_victim *v)
{
	const void *elem = slip_mpmc_take(&v->q, &v->ticket);

	KILL_CHECK(elem, "victim: nothing to take");
	told_->ticket = number_of(elem);
	told_->ticket_attempts = v->ticket.attempts;
}

/* What the victim had in hand is the keeper's; here, in the victim's process, by
 * a handle that is the keeper's in all but its memory. */
static void hand_over(struct kill_mpmc_victim *v)
{
	struct slip_mpmc keeper = live_.keeper;
	struct slip_mpmc_ticket t;

	slip_mpmc_point_(&keeper, v->mem);
	keeper.seat = slip_mpmc_seat_(keeper.ring, &keeper.shape, keeper.me);
	take_before(v);
	KILL_CHECK(told_->ticket == live_.kept, "victim: the wrong one");
	KILL_CHECK(slip_mpmc_in_hand_(&v->q, v->ticket.word), "not in hand");
	KILL_CHECK(slip_mpmc_nack(&v->q, &v->ticket) == 0, "nack");
	KILL_CHECK(slip_mpmc_take(&keeper, &t) && t.word == &v->q.seat->hand,
		   "keeper: nothing to take");
	seat_ = v->q.me;
}

static void enter(void)
{
	struct kill_mpmc_victim *v = &victim_;
	int rc;

	memset(v, 0, sizeof(*v));
	memset(told_, 0, sizeof(*told_));
	kill_base_enter();
	v->self = &kill_self.peer;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->elem_bytes = shape_.elem_bytes;
	v->roles = ROLES_OF(flags_);
	v->deadline = PAST_NS;
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	for (uint32_t i = 0; i < KILL_MPMC_BATCH; i++)
		fill(v->data + i * shape_.elem_bytes, live_.first + i);
	if (does() == DOES_ATTACH || does() == DOES_RECOVER)
		return;
	rc = slip_mpmc_attach(&v->q, v->mem, v->bytes, v->roles, v->self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->q.patience = 1; /* every look is a point */
	if (holds())
		take_before(v);
	if (elsewhere())
		hand_over(v);
}

static void leave(int result)
{
	struct kill_mpmc_victim *v = &victim_;

	for (int i = 0; i < result && does() <= DOES_TAKE; i++)
		told_->number[i] =
			number_of(v->data + (uint32_t)i * shape_.elem_bytes);
	told_->attempts = v->ticket.attempts;
	told_->all = true;
	if (elsewhere() && !kill_child)
		KILL_CHECK(result == 1 && v->q.me != seat_ &&
				   !slip_mpmc_word_of_seat_(&v->q, seat_),
			   "it is still in its old seat");
	if (!kill_child)
		return;
	/* What it took it has done with. */
	if (does() == DOES_TAKE)
		slip_mpmc_ack(&v->q, &v->ticket);
	if (does() != DOES_RECOVER)
		slip_mpmc_detach(&v->q);
	slip_peer_leave(&kill_self.peer);
}

/* --- judging --------------------------------------------------------------- */

static void collect(struct slip_mpmc *c)
{
	while (pop(c))
		continue;
	KILL_CHECK(!slip_mpmc_gone(c, SLIP_CONSUMER), "we are not gone");
}

static void check_capacity(uint32_t n, unsigned least, unsigned most)
{
	KILL_CHECK(n >= least && n <= most,
		   "%u of %u slots can be filled, not %u to %u", n,
		   shape_.capacity, least, most);
}

/* Fills it and empties it, twice. */
static void use_fully(struct slip_mpmc *p, struct slip_mpmc *c, unsigned least,
		      unsigned most)
{
	for (int i = 0; i < 2; i++) {
		uint64_t before = live_.newest;
		uint32_t n = 0;

		while (push(p))
			n++;
		check_capacity(n, least, most);
		collect(c);
		for (uint64_t k = before; k < live_.newest; k++)
			KILL_CHECK(live_.seen[k], "element %llu does not come",
				   (unsigned long long)k);
	}
}

static bool is_victims(uint64_t number)
{
	return does() == DOES_PUSH && number >= live_.first &&
	       number < live_.first + MOVES_OF(flags_);
}

/* Numbers that a push of the victim may have, so that others have none. */
static void reserve(void)
{
	if (does() == DOES_PUSH && live_.newest == live_.first)
		live_.newest += MOVES_OF(flags_);
}

/* Of those that were there before: how many are missing, that nobody has? */
static unsigned count_missing(void)
{
	unsigned missing = 0;

	for (uint64_t n = 0; n < live_.newest; n++)
		missing += !live_.seen[n] && !is_victims(n);
	return missing;
}

/* What the victim pushed: the first `count` of them, and nothing else. */
static void check_pushed(int result, bool dead)
{
	unsigned moves = MOVES_OF(flags_);
	unsigned count = 0;

	while (count < moves && live_.seen[live_.first + count])
		count++;
	for (unsigned i = count; i < moves; i++)
		KILL_CHECK(!live_.seen[live_.first + i],
			   "number %u of a batch comes, and %u does not", i,
			   count);
	if (result != KILL_UNKNOWN)
		KILL_CHECK(count == (unsigned)result, "%d pushed, %u have come",
			   result, count);
	/* By one claim, unless it goes to the slots itself. */
	if (dead && kill_full_result >= 0 &&
	    !(ROLES_OF(flags_) & SLIP_EXCLUSIVE))
		KILL_CHECK(count == 0 || count == (unsigned)kill_full_result ||
				   live_.owed || live_.owed_dead,
			   "%u came of a batch of %d", count, kill_full_result);
}

/* What it popped, or took, and told: came to nobody else. */
static void check_popped(int result)
{
	if (!told_->all) { /* killed as soon as it had returned */
		KILL_CHECK(count_missing() == (unsigned)result,
			   "it popped %d, %u are missing", result,
			   count_missing());
		return;
	}
	for (int i = 0; i < result; i++) {
		uint64_t n = told_->number[i];

		KILL_CHECK(!live_.seen[n], "element %llu came to others too",
			   (unsigned long long)n);
		live_.seen[n] = 1;
	}
	KILL_CHECK(count_missing() == 0, "%u elements are lost",
		   count_missing());
}

/* In a work queue: taken by one that died. */
static void check_redelivered(uint64_t number, uint32_t attempts)
{
	KILL_CHECK(live_.seen[number], "element %llu is not delivered again",
		   (unsigned long long)number);
	KILL_CHECK(live_.attempts[number] == attempts + 1,
		   "element %llu is delivered again as attempt %u, not %u",
		   (unsigned long long)number, live_.attempts[number],
		   attempts + 1);
}

/* It is dead, recovered, and all has been collected. */
static void check_dead(int result)
{
	unsigned most = does() == DOES_POP ? MOVES_OF(flags_) : 0;
	bool held = holds();
	bool known = result != KILL_UNKNOWN;

	if (does() == DOES_PUSH)
		check_pushed(result, true);
	if (does() == DOES_POP && known) {
		check_popped(result);
		return;
	}
	if (does() == DOES_TAKE && known && result > 0) {
		if (work_ && told_->all)
			check_redelivered(told_->number[0], told_->attempts);
		if (!work_) {
			check_popped(result);
			return;
		}
	}
	if (does() == DOES_TAKE && !work_)
		most = 1;
	if (held && !work_) {
		KILL_CHECK(!live_.seen[told_->ticket],
			   "taken, and comes again");
		live_.seen[told_->ticket] = 1;
	}
	if (held && work_) {
		bool acked = does() == DOES_ACK && !live_.seen[told_->ticket];

		KILL_CHECK(does() != DOES_ACK || !known || acked,
			   "acked, and comes again");
		if (acked)
			live_.seen[told_->ticket] = 1;
		else
			check_redelivered(told_->ticket,
					  told_->ticket_attempts);
	}
	KILL_CHECK(count_missing() <= most, "%u elements are lost",
		   count_missing());
}

/* Nobody sits there but those who are alive. */
static void check_seats(unsigned alive)
{
	static struct slip_mpmc q[SEATS + 1];
	unsigned role = alone_in(SLIP_CONSUMER) ? SLIP_PRODUCER : SLIP_CONSUMER;
	unsigned n = 0;
	int rc;

	do
		rc = slip_mpmc_attach(&q[n], kill_base.mem, kill_base.bytes,
				      role, &kill_base.me);
	while (rc == 0 && ++n <= SEATS);
	KILL_CHECK(rc == -EUSERS && n + alive == SEATS,
		   "%u of %u seats can be had beside %u: %d", n, SEATS, alive,
		   rc);
	while (n--)
		slip_mpmc_detach(&q[n]);
}

/* Besides the keeper's own seat there is the one whose hand it keeps full. */
static unsigned companies_seats(void)
{
	return 2u * keeper_lives() +
	       2u * (elsewhere() && company_ != DEAD_PUSHES);
}

static unsigned alive_seats(void)
{
	if (elsewhere())
		return 2u + companies_seats();
	return 2u - alone_in(SLIP_PRODUCER) - alone_in(SLIP_CONSUMER) +
	       (company_ != NOBODY && company_ < DEAD_PUSHES);
}

/* Who waits for nothing hears that, or that he is the last: `rc`. */
static void check_wait(int rc, bool dead)
{
	/* Coming or going it may not be there yet, or no longer. */
	bool either = does() == DOES_ATTACH || does() == DOES_DETACH;

	KILL_CHECK(rc == (dead ? -EPIPE : -ETIMEDOUT) ||
			   (either && (rc == -EPIPE || rc == -ETIMEDOUT)),
		   "waiting: %d", rc);
}

/* Who waits asks about the dead, and may find what they had kept. */
static void check_waits(bool dead)
{
	bool ghost = dead || company_ >= DEAD_PUSHES;
	unsigned char elem[64];
	int rc;

	if (!alone_in(SLIP_CONSUMER)) {
		do
			rc = pop_waiting(&live_.c);
		while (rc == 0 && ghost);
		check_wait(rc, dead && alone_in(SLIP_PRODUCER));
		return;
	}
	while (push(&live_.p))
		continue;
	fill(elem, live_.newest);
	while ((rc = slip_mpmc_push_until(&live_.p, elem, PAST_NS)) == 0 &&
	       ghost)
		fill(elem, ++live_.newest);
	check_wait(rc, dead);
}

/* The others go on: beside one that may keep as many slots as it moves. */
static void go_on(unsigned may_keep, bool dead)
{
	unsigned owed = live_.owed + live_.owed_dead;
	unsigned least = shape_.capacity - live_.owed;
	bool pair = !alone_in(SLIP_PRODUCER) && !alone_in(SLIP_CONSUMER);

	owed += may_keep;
	least = shape_.capacity > owed ? shape_.capacity - owed : 0;
	if (!alone_in(SLIP_CONSUMER))
		collect(&live_.c);
	if (pair)
		use_fully(&live_.p, &live_.c, least,
			  shape_.capacity - live_.owed);
	check_waits(dead);
}

static unsigned may_keep(void)
{
	switch (does()) {
	case DOES_PUSH:
	case DOES_POP:
		return MOVES_OF(flags_);
	case DOES_ATTACH:
	case DOES_RECOVER:
	case DOES_NOTHING:
		return 0;
	default:
		return 1;
	}
}

/* A successor in the victim's roles, who is let in at once. */
static void succeed(struct slip_mpmc *h)
{
	int rc = slip_mpmc_attach(h, kill_base.mem, kill_base.bytes,
				  ROLES_OF(flags_), &kill_base.next);

	KILL_CHECK(!rc, "successor: %d", rc);
	h->patience = 0;
}

/* The keeper goes on: it has what it had, and returns it. */
static void keeper_returns(void)
{
	struct slip_mpmc *q = &live_.keeper;

	for (uint64_t s = 1; s <= SEATS; s++) {
		struct slip_mpmc_seat *seat =
			slip_mpmc_seat_(q->ring, &q->shape, s);

		if (!slip_mpmc_with_us_(q, &seat->hand, &seat->attempts))
			continue;
		KILL_CHECK(number_of(slip_mpmc_hand_of_(q, seat)) == live_.kept,
			   "the keeper has another");
		slip_mpmc_drop_all_(q);
		live_.gone[live_.kept] = 0;
		live_.seen[live_.kept] = 0;
		return;
	}
	kill_fail("the keeper has nothing");
}

static void settle(struct slip_mpmc *h, int result, bool dead)
{
	struct slip_mpmc *p = alone_in(SLIP_PRODUCER) ? h : &live_.p;
	struct slip_mpmc *c = alone_in(SLIP_CONSUMER) ? h : &live_.c;
	unsigned all = shape_.capacity - live_.owed;

	collect(c);
	use_fully(p, c, all, all);
	if (dead)
		check_dead(result);
	check_seats(alive_seats() + (h != NULL));
	if (!keeper_lives())
		return;
	keeper_returns();
	collect(c);
	KILL_CHECK(live_.seen[live_.kept], "what was kept is lost");
	check_seats(alive_seats() + (h != NULL) - 1);
}

static void dead(int result, unsigned variant)
{
	static struct slip_mpmc successor;
	bool heir = does() != DOES_RECOVER;

	reserve();
	if (variant == 1)
		go_on(may_keep(), true);
	if (variant == 2)
		kill_base_recover();
	if (heir)
		succeed(&successor);
	if (variant != 2)
		kill_base_recover();
	settle(heir ? &successor : NULL, result, true);
}

static void stopped(void)
{
	static struct slip_mpmc rival;
	bool alone = ROLES_OF(flags_) & SLIP_EXCLUSIVE;
	int rc;

	reserve();
	go_on(may_keep(), false);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == (company_ >= DEAD_PUSHES), "recover: %d", rc);
	if (rc)
		live_.owed_dead = 0;
	go_on(may_keep(), false);
	if (!alone_in(SLIP_CONSUMER))
		KILL_CHECK(count_missing() <=
				   (does() == DOES_PUSH ? 0 : may_keep()),
			   "%u elements are lost", count_missing());
	if (!alone || does() == DOES_ATTACH || does() == DOES_DETACH)
		return;
	rc = slip_mpmc_attach(&rival, kill_base.mem, kill_base.bytes,
			      ROLES_OF(flags_), &kill_base.next);
	KILL_CHECK(rc == -EBUSY, "rival: %d", rc);
}

/* It was continued, and has left. */
static void after(int result)
{
	static struct slip_mpmc successor;
	bool heir = does() != DOES_RECOVER;
	bool held = holds();

	reserve();
	kill_base_recover();
	if (heir)
		succeed(&successor);
	settle(heir ? &successor : NULL, result, false);
	if (does() == DOES_PUSH)
		check_pushed(result, false);
	else if (does() == DOES_POP || does() == DOES_TAKE)
		check_popped(result);
	else if (held && work_ && does() != DOES_ACK)
		check_redelivered(told_->ticket, told_->ticket_attempts);
	else if (held) {
		KILL_CHECK(!live_.seen[told_->ticket],
			   "done with, and comes again");
		live_.seen[told_->ticket] = 1;
	}
	KILL_CHECK(count_missing() == 0, "%u elements are lost",
		   count_missing());
}

static const struct kill_kind mpmc_kind = {
	.make = make,
	.unmake = unmake,
	.enter = enter,
	.victim = &victim_,
	.leave = leave,
	.bury = kill_base_bury,
	.spans = spans,
	.dead = dead,
	.stopped = stopped,
	.after = after,
};

/* --- making a ring --------------------------------------------------------- */

static void make_init(const struct kill_op *op, unsigned state)
{
	int rc;

	flags_ = op->flags;
	/* An empty one, with nobody there. */
	choose(state * FILLS * COMPANIES);
	kill_base_make(SLIP_KIND_MPMC, slip_mpmc_shape_bytes_(&shape_), false);
	memset(&live_, 0, sizeof(live_));
	/* A magic number never has such bytes. */
	memset(kill_base.mem, state % 2 ? 0xa5 : 0, kill_base.bytes);
	/* As one does who has attached to another such ring. */
	rc = slip_peer_hook(&kill_base.me, SLIP_KIND_MPMC, slip_mpmc_recover_);
	KILL_CHECK(!rc, "hook: %d", rc);
	kill_image_take();
}

static void enter_init(void)
{
	struct kill_mpmc_victim *v = &victim_;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->capacity = shape_.capacity;
	v->elem_bytes = shape_.elem_bytes;
	v->flags = (work_ ? SLIP_MPMC_WORK : 0) | SLIP_MPMC_SEATS(SEATS);
}

static void leave_init(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

/* Until the last store nobody can attach; from then on it is whole. */
static void dead_init(int result, unsigned variant)
{
	int rc = slip_mpmc_attach(&live_.p, kill_base.mem, kill_base.bytes,
				  SLIP_PRODUCER, &kill_base.me);

	if (variant)
		kill_base_recover(); /* must not mind what is half made */
	if (rc) {
		KILL_CHECK(rc == -EBADMSG && result == KILL_UNKNOWN,
			   "attach: %d", rc);
		return;
	}
	survivor(&live_.c, SLIP_CONSUMER);
	KILL_CHECK(!pop(&live_.c), "a new ring is not empty");
	use_fully(&live_.p, &live_.c, shape_.capacity, shape_.capacity);
	check_seats(2);
	slip_mpmc_detach(&live_.p);
	slip_mpmc_detach(&live_.c);
}

static void stopped_init(void)
{
	dead_init(KILL_UNKNOWN, 0);
}

static void after_init(int result)
{
	live_.newest = 0;
	memset(live_.seen, 0, sizeof(live_.seen));
	dead_init(result, 0);
}

static const struct kill_kind mpmc_init_kind = {
	.make = make_init,
	.unmake = unmake,
	.enter = enter_init,
	.victim = &victim_,
	.leave = leave_init,
	.bury = kill_base_bury,
	.spans = spans,
	.dead = dead_init,
	.stopped = stopped_init,
	.after = after_init,
};

#define P SLIP_PRODUCER
#define C SLIP_CONSUMER
#define X SLIP_EXCLUSIVE
#define OP(label, fn, about)                                         \
	{                                                            \
		.name = label, .kind = &mpmc_kind, .states = STATES, \
		.flags = (about), .hooked = kill_hooked_mpmc_##fn,   \
		.plain = kill_plain_mpmc_##fn,                       \
	}

#define OP_ELSEWHERE(label, roles)                                             \
	{                                                                      \
		.name = label, .kind = &mpmc_kind, .states = STATES_ELSEWHERE, \
		.flags = DOES_TAKE | MOVES(1) | ROLES(roles) | ELSEWHERE,      \
		.hooked = kill_hooked_mpmc_take,                               \
		.plain = kill_plain_mpmc_take,                                 \
	}

static const struct kill_op ops[] = {
	{ .name = "mpmc.init",
	  .kind = &mpmc_init_kind,
	  .states = 2 * SHAPES,
	  .hooked = kill_hooked_mpmc_init,
	  .plain = kill_plain_mpmc_init,
	  .flags = DOES_NOTHING },
	OP("mpmc.push", push, DOES_PUSH | MOVES(1) | ROLES(P)),
	OP("mpmc.push_alone", push, DOES_PUSH | MOVES(1) | ROLES(P | X)),
	OP("mpmc.push_n", push_n, DOES_PUSH | MOVES(2) | ROLES(P)),
	OP("mpmc.push_n_alone", push_n, DOES_PUSH | MOVES(2) | ROLES(P | X)),
	OP("mpmc.push_until", push_until, DOES_PUSH | MOVES(1) | ROLES(P)),
	OP("mpmc.claim_commit", claim_commit, DOES_PUSH | MOVES(1) | ROLES(P)),
	OP("mpmc.claim_commit_alone", claim_commit,
	   DOES_PUSH | MOVES(1) | ROLES(P | X)),
	OP("mpmc.claim_abort", claim_abort, DOES_NOTHING | ROLES(P)),
	OP("mpmc.claim_abort_alone", claim_abort, DOES_NOTHING | ROLES(P | X)),
	OP("mpmc.pop", pop, DOES_POP | MOVES(1) | ROLES(C)),
	OP("mpmc.pop_alone", pop, DOES_POP | MOVES(1) | ROLES(C | X)),
	OP("mpmc.pop_n", pop_n, DOES_POP | MOVES(2) | ROLES(C)),
	OP("mpmc.pop_n_alone", pop_n, DOES_POP | MOVES(2) | ROLES(C | X)),
	OP("mpmc.pop_until", pop_until, DOES_POP | MOVES(1) | ROLES(C)),
	OP("mpmc.take", take, DOES_TAKE | MOVES(1) | ROLES(C)),
	OP("mpmc.take_alone", take, DOES_TAKE | MOVES(1) | ROLES(C | X)),
	OP_ELSEWHERE("mpmc.take_elsewhere", C),
	OP_ELSEWHERE("mpmc.take_elsewhere_as_both", P | C),
	OP("mpmc.ack", ack, DOES_ACK | ROLES(C)),
	OP("mpmc.ack_alone", ack, DOES_ACK | ROLES(C | X)),
	OP("mpmc.nack", nack, DOES_NACK | ROLES(C)),
	OP("mpmc.nack_alone", nack, DOES_NACK | ROLES(C | X)),
	OP("mpmc.attach", attach, DOES_ATTACH | ROLES(P | C)),
	OP("mpmc.attach_producer_alone", attach, DOES_ATTACH | ROLES(P | X)),
	OP("mpmc.attach_consumer_alone", attach, DOES_ATTACH | ROLES(C | X)),
	OP("mpmc.detach", detach, DOES_DETACH | ROLES(C)),
	OP("mpmc.detach_alone", detach, DOES_DETACH | ROLES(C | X)),
	OP("mpmc.recover", recover, DOES_RECOVER),
};

const struct kill_list kill_mpmc = { ops, sizeof(ops) / sizeof(ops[0]) };
