/* SPDX-License-Identifier: MIT */
/*
 * The world of a ring with two levels, and its judges. In it are a producer and
 * a consumer that survive, the victim, at one of the levels, and in some states a
 * companion: one that is stopped, or dead, in the middle of a push to level 0, or
 * of a pop from there.
 *
 * Every element has a number, which is in its content, and a level. The judge
 * collects all there is to be had and counts, for each number, how often it came,
 * and from where. What the victim may have taken with it, or not yet have pushed,
 * the operation says.
 */
#define _GNU_SOURCE
#include "ring/priority.h"

#include <string.h>
#include <sys/mman.h>

#include "stress/kill/kill.h"

#define LEVELS	2u
#define SEATS	6u
#define NUMBERS 256u
#define PAST_NS 1

/* Flags of an operation: what it does; in which roles. */
#define DOES_PUSH    1u
#define DOES_POP     2u
#define DOES_ATTACH  3u
#define DOES_DETACH  4u
#define DOES_RECOVER 5u
#define DOES_INIT    6u
#define DOES(f)	     ((f)&15u)
#define ROLES(r)     ((r)*64u)
#define ROLES_OF(f)  ((f) / 64u % 8u)

static const struct {
	uint32_t capacity, elem_bytes;
} shapes[] = { { 4, 8 }, { 2, 24 } };
#define SHAPES 2u

enum fill { EMPTY, HALF, FULL_UP, FILLS };
enum company { NOBODY, PUSHES, POPS, DEAD_PUSHES, DEAD_POPS, COMPANIES };

/* Fill, then who else is there, the victim's level, shape, position. */
#define STATES (FILLS * COMPANIES * LEVELS * SHAPES * 2)

/* What the survivors know. */
struct world {
	struct slip_priority p, c, x; /* producer, consumer, companion */
	uint64_t newest;	      /* number of the next to be pushed */
	uint64_t first;		      /* of that of the victim, */
	unsigned owed;	    /* slots that somebody stopped may keep, */
	unsigned owed_dead; /* and somebody dead, until recovered */
	unsigned char level[NUMBERS];
	unsigned char seen[NUMBERS];
	unsigned char gone[NUMBERS]; /* need not, and must not, come */
};

static struct world live_;
static struct kill_priority_victim victim_;
static unsigned flags_;
static uint32_t level_; /* of the victim */
static struct slip_priority_shape shape_;
static enum company company_;
/* What the victim tells, if it returned: shared with a child. */
static struct told {
	bool all; /* it came to telling */
	uint64_t number;
} * told_;

static unsigned does(void)
{
	return DOES(flags_);
}

/* --- elements -------------------------------------------------------------- */

static void fill(unsigned char *to, uint64_t number)
{
	memcpy(to, &number, 8);
	for (uint32_t i = 8; i < shape_.one.elem_bytes; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
}

static uint64_t number_of(const void *elem)
{
	unsigned char right[64];
	uint64_t number;

	memcpy(&number, elem, 8);
	fill(right, number);
	KILL_CHECK(number <= live_.newest &&
			   memcmp(elem, right, shape_.one.elem_bytes) == 0,
		   "wrong content: %#llx", (unsigned long long)number);
	return number;
}

/* 1, or 0: full. */
static int push(struct slip_priority *p, uint32_t level)
{
	unsigned char elem[64];

	fill(elem, live_.newest);
	KILL_CHECK(live_.newest < NUMBERS, "too many elements");
	if (!slip_priority_push(p, elem, level)) {
		KILL_CHECK(!p->q.error, "push: %d", p->q.error);
		return 0;
	}
	live_.level[live_.newest++] = (unsigned char)level;
	return 1;
}

static void came(const void *elem, uint32_t level)
{
	uint64_t number = number_of(elem);

	live_.seen[number]++;
	KILL_CHECK(live_.seen[number] == 1, "element %llu comes twice",
		   (unsigned long long)number);
	KILL_CHECK(!live_.gone[number], "element %llu comes again",
		   (unsigned long long)number);
	KILL_CHECK(live_.level[number] == level, "element %llu is of level %u",
		   (unsigned long long)number, level);
}

/* 1, or 0: empty. */
static int pop(struct slip_priority *p)
{
	unsigned char elem[64];
	uint32_t level;

	if (slip_priority_pop(p, elem, &level)) {
		came(elem, level);
		return 1;
	}
	KILL_CHECK(!p->q.error, "pop: %d", p->q.error);
	return 0;
}

/* The same, by one who waits, and so asks who is dead: 0, or why not. */
static int pop_waiting(struct slip_priority *p)
{
	unsigned char elem[64];
	uint32_t level;
	int rc = slip_priority_pop_until(p, elem, &level, PAST_NS);

	if (rc == 0)
		came(elem, level);
	return rc;
}

/* --- states ---------------------------------------------------------------- */

static bool company_dead(void)
{
	return company_ >= DEAD_PUSHES;
}

/* Stopped, or dead, in the middle. */
static void keep_company(void)
{
	bool pushes = company_ == PUSHES || company_ == DEAD_PUSHES;
	struct slip_mpmc *q = &live_.x.q;
	unsigned char elem[64];
	slip_a64 *slot;
	uint64_t p;
	int rc;

	if (company_ == NOBODY)
		return;
	rc = slip_priority_attach(&live_.x, kill_base.mem, kill_base.bytes,
				  pushes ? SLIP_PRODUCER : SLIP_CONSUMER,
				  company_dead() ? &kill_base.ghost
						 : &kill_base.next);
	KILL_CHECK(!rc, "companion: %d", rc);
	q->patience = 0;
	if (pushes) {
		fill(elem, live_.newest);
		slip_mpmc_announce_(q, 0, elem, shape_.one.elem_bytes);
		if (!slip_mpmc_take_place_(q, &p, shape_.one.elem_bytes))
			return; /* it found the level full */
		live_.level[live_.newest++] = 0;
	} else {
		if (slip_mpmc_pop_shared_(q, &p, &slot, elem, false,
					  shape_.one.elem_bytes) !=
		    SLIP_MPMC_GO_)
			return;
		live_.gone[number_of(slot + 1)] = 1;
	}
	live_.owed = !company_dead();
	live_.owed_dead = company_dead();
}

/* A lap and a half of each level, so that slots carry words of several. */
static void prefill(enum fill fill_to)
{
	static const unsigned ways[FILLS] = { 0, 1, 2 };
	uint32_t capacity = shape_.one.capacity;
	struct slip_priority p;
	int rc = slip_priority_attach(&p, kill_base.mem, kill_base.bytes,
				      SLIP_PRODUCER | SLIP_CONSUMER,
				      &kill_base.next);

	KILL_CHECK(!rc, "prefill: %d", rc);
	for (uint32_t i = 0; i < capacity * 3; i++)
		KILL_CHECK(push(&p, i % LEVELS) == 1 && pop(&p) == 1,
			   "prefill");
	for (uint32_t level = 0; level < LEVELS; level++) {
		uint32_t target = capacity * ways[fill_to] / 2;

		/* Who pops needs something to pop. */
		if (!level && !target)
			target = company_ == POPS || company_ == DEAD_POPS;
		while (target--)
			KILL_CHECK(push(&p, level) == 1, "prefill: full");
	}
	slip_priority_detach(&p);
}

static void survivor(struct slip_priority *p, unsigned role)
{
	int rc = slip_priority_attach(p, kill_base.mem, kill_base.bytes, role,
				      &kill_base.me);

	KILL_CHECK(!rc, "survivor: %d", rc);
	p->q.patience = 0; /* he who is stopped will not come back */
}

static void choose(unsigned state)
{
	unsigned shape = state / (FILLS * COMPANIES * LEVELS) % SHAPES;

	company_ = (enum company)(state / FILLS % COMPANIES);
	level_ = state / (FILLS * COMPANIES) % LEVELS;
	if (does() == DOES_RECOVER && !company_dead())
		company_ = company_ % 2 ? DEAD_PUSHES : DEAD_POPS;
	/* So that beside two that are stopped there is something left. */
	if (company_ != NOBODY)
		shape = 0;
	KILL_CHECK(slip_priority_shape_(&shape_, LEVELS, shapes[shape].capacity,
					shapes[shape].elem_bytes,
					SLIP_PRIORITY_SEATS(SEATS)),
		   "shape");
}

static void make(const struct kill_op *op, unsigned state)
{
	bool old = state / (FILLS * COMPANIES * LEVELS * SHAPES) % 2;
	unsigned mode = state / FILLS % 2 ? SLIP_EVENT_ASYM : SLIP_EVENT_FULL;

	flags_ = op->flags;
	choose(state);
	if (!told_)
		told_ = mmap(NULL, sizeof(*told_), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	KILL_CHECK(told_ != MAP_FAILED, "no memory");
	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_PRIORITY, slip_priority_shape_bytes_(&shape_),
		       company_dead());
	/* Before positions have 51 bits, so that they pass 0. */
	slip_priority_format_(
		kill_base.mem, &shape_, mode,
		old ? (UINT64_C(1) << 51) / shape_.one.capacity - 2 : 1);
	prefill((enum fill)(state % FILLS));
	survivor(&live_.p, SLIP_PRODUCER);
	survivor(&live_.c, SLIP_CONSUMER);
	keep_company();
	memset(live_.seen, 1, live_.newest); /* all that came before, but: */
	for (uint64_t n = shape_.one.capacity * 3; n < live_.newest; n++)
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

static void enter(void)
{
	struct kill_priority_victim *v = &victim_;
	int rc;

	memset(v, 0, sizeof(*v));
	memset(told_, 0, sizeof(*told_));
	kill_base_enter();
	v->self = &kill_self.peer;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->roles = ROLES_OF(flags_);
	v->deadline = PAST_NS;
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	v->level = level_;
	v->set = SLIP_PRIORITY_LEVEL(level_);
	fill(v->data, live_.first);
	if (does() == DOES_ATTACH || does() == DOES_RECOVER)
		return;
	rc = slip_priority_attach(&v->p, v->mem, v->bytes, v->roles, v->self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->p.q.patience = 1; /* every look is a point */
}

static void leave(int result)
{
	struct kill_priority_victim *v = &victim_;

	if (does() == DOES_POP && result == 1)
		told_->number = number_of(v->data);
	told_->all = true;
	if (!kill_child)
		return;
	if (does() != DOES_RECOVER)
		slip_priority_detach(&v->p);
	slip_peer_leave(&kill_self.peer);
}

/* --- judging --------------------------------------------------------------- */

static void collect(void)
{
	while (pop(&live_.c))
		continue;
	KILL_CHECK(!slip_priority_gone(&live_.c, SLIP_CONSUMER),
		   "we are not gone");
}

/* Fills both levels and empties them, twice; beside those that may keep so
 * many slots of a level, and surely keep `owed` of level 0. */
static void use_fully(unsigned may_keep)
{
	uint32_t capacity = shape_.one.capacity;

	for (uint32_t i = 0; i < 2 * LEVELS; i++) {
		uint32_t level = i % LEVELS;
		uint64_t before = live_.newest;
		uint32_t owed = level ? 0 : live_.owed;
		uint32_t kept = owed + may_keep;
		uint32_t n = 0;

		while (push(&live_.p, level))
			n++;
		KILL_CHECK(n + kept >= capacity && n <= capacity - owed,
			   "%u of %u slots of level %u can be filled", n,
			   capacity, level);
		collect();
		for (uint64_t k = before; k < live_.newest; k++)
			KILL_CHECK(live_.seen[k], "element %llu does not come",
				   (unsigned long long)k);
	}
}

static bool is_victims(uint64_t number)
{
	return does() == DOES_PUSH && number == live_.first;
}

/* The number that a push of the victim may have, so that others have not. */
static void reserve(void)
{
	if (does() != DOES_PUSH || live_.newest != live_.first)
		return;
	live_.level[live_.newest++] = (unsigned char)level_;
}

/* Of those that were there before: how many are missing, that nobody has? */
static unsigned count_missing(void)
{
	unsigned missing = 0;

	for (uint64_t n = 0; n < live_.newest; n++)
		missing += !live_.seen[n] && !is_victims(n);
	return missing;
}

static void check_pushed(int result)
{
	if (result != KILL_UNKNOWN)
		KILL_CHECK(live_.seen[live_.first] == result,
			   "%d pushed, %u have come", result,
			   live_.seen[live_.first]);
}

/* What it popped and told came to nobody else. */
static void check_popped(int result)
{
	unsigned missing = count_missing();

	if (told_->all && result == 1) {
		KILL_CHECK(!live_.seen[told_->number],
			   "element %llu came to others too",
			   (unsigned long long)told_->number);
		KILL_CHECK(does() != DOES_POP || missing == 1,
			   "%u elements are lost", missing);
		return;
	}
	KILL_CHECK(missing == (unsigned)result, "it popped %d, %u are missing",
		   result, missing);
}

/* It is dead, recovered, and all has been collected. */
static void check_dead(int result)
{
	unsigned most = does() == DOES_POP;

	if (does() == DOES_PUSH)
		check_pushed(result);
	if (does() == DOES_POP && result != KILL_UNKNOWN)
		check_popped(result);
	KILL_CHECK(count_missing() <= most, "%u elements are lost",
		   count_missing());
}

/* Nobody sits there but those who are alive. */
static void check_seats(unsigned alive)
{
	static struct slip_priority p[SEATS + 1];
	unsigned n = 0;
	int rc;

	do
		rc = slip_priority_attach(&p[n], kill_base.mem, kill_base.bytes,
					  SLIP_CONSUMER, &kill_base.me);
	while (rc == 0 && ++n <= SEATS);
	KILL_CHECK(rc == -EUSERS && n + alive == SEATS,
		   "%u of %u seats can be had beside %u: %d", n, SEATS, alive,
		   rc);
	while (n--)
		slip_priority_detach(&p[n]);
}

static unsigned alive_seats(void)
{
	return 2u + (company_ != NOBODY && !company_dead());
}

/* Who waits asks about the dead, and may find what they had kept. */
static void check_waits(bool dead)
{
	bool ghost = dead || company_dead();
	int rc;

	do
		rc = pop_waiting(&live_.c);
	while (rc == 0 && ghost);
	KILL_CHECK(rc == -ETIMEDOUT, "waiting: %d", rc);
}

static unsigned may_keep(void)
{
	return does() == DOES_PUSH || does() == DOES_POP;
}

/* The others go on: beside one that may keep a slot. */
static void go_on(bool dead)
{
	collect();
	use_fully(may_keep() + live_.owed_dead);
	check_waits(dead);
}

static void settle(unsigned heirs, int result, bool dead)
{
	collect();
	use_fully(0);
	if (dead)
		check_dead(result);
	check_seats(alive_seats() + heirs);
}

/* A successor in the victim's roles, who is let in at once. */
static unsigned succeed(void)
{
	static struct slip_priority successor;
	int rc;

	if (does() == DOES_RECOVER)
		return 0;
	rc = slip_priority_attach(&successor, kill_base.mem, kill_base.bytes,
				  ROLES_OF(flags_), &kill_base.next);
	KILL_CHECK(!rc, "successor: %d", rc);
	return 1;
}

static void dead(int result, unsigned variant)
{
	unsigned heirs;

	reserve();
	if (variant == 1)
		go_on(true);
	if (variant == 2)
		kill_base_recover();
	heirs = succeed();
	if (variant != 2)
		kill_base_recover();
	settle(heirs, result, true);
}

static void stopped(void)
{
	int rc;

	reserve();
	go_on(false);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == company_dead(), "recover: %d", rc);
	live_.owed_dead = 0;
	go_on(false);
	KILL_CHECK(count_missing() <= (does() == DOES_POP),
		   "%u elements are lost", count_missing());
}

/* It was continued, and has left. */
static void after(int result)
{
	unsigned heirs;

	reserve();
	kill_base_recover();
	heirs = succeed();
	settle(heirs, result, false);
	if (does() == DOES_PUSH)
		check_pushed(result);
	if (does() == DOES_POP)
		check_popped(result);
	else
		KILL_CHECK(count_missing() == 0, "%u elements are lost",
			   count_missing());
}

static const struct kill_kind priority_kind = {
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
	choose(state * FILLS * COMPANIES * LEVELS);
	kill_base_make(SLIP_KIND_PRIORITY, slip_priority_shape_bytes_(&shape_),
		       false);
	memset(&live_, 0, sizeof(live_));
	/* A magic number never has such bytes. */
	memset(kill_base.mem, state % 2 ? 0xa5 : 0, kill_base.bytes);
	/* As one does who has attached to another such ring. */
	rc = slip_peer_hook(&kill_base.me, SLIP_KIND_PRIORITY,
			    slip_priority_recover_);
	KILL_CHECK(!rc, "hook: %d", rc);
	kill_image_take();
}

static void enter_init(void)
{
	struct kill_priority_victim *v = &victim_;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->levels = LEVELS;
	v->capacity = shape_.one.capacity;
	v->elem_bytes = shape_.one.elem_bytes;
	v->flags = SLIP_PRIORITY_SEATS(SEATS);
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
	int rc = slip_priority_attach(&live_.p, kill_base.mem, kill_base.bytes,
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
	use_fully(0);
	check_seats(2);
	slip_priority_detach(&live_.p);
	slip_priority_detach(&live_.c);
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

static const struct kill_kind priority_init_kind = {
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
#define OP(fn, about)                                            \
	{                                                        \
		.name = "priority." #fn, .kind = &priority_kind, \
		.states = STATES, .flags = (about),              \
		.hooked = kill_hooked_priority_##fn,             \
		.plain = kill_plain_priority_##fn,               \
	}

static const struct kill_op ops[] = {
	{ .name = "priority.init",
	  .kind = &priority_init_kind,
	  .states = SHAPES,
	  .hooked = kill_hooked_priority_init,
	  .plain = kill_plain_priority_init,
	  .flags = DOES_INIT },
	OP(push, DOES_PUSH | ROLES(P)),
	OP(push_until, DOES_PUSH | ROLES(P)),
	OP(pop, DOES_POP | ROLES(C)),
	OP(pop_until, DOES_POP | ROLES(C)),
	OP(pop_highest_until, DOES_POP | ROLES(C)),
	OP(pop_lowest_until, DOES_POP | ROLES(C)),
	OP(attach, DOES_ATTACH | ROLES(P | C)),
	OP(detach, DOES_DETACH | ROLES(P | C)),
	OP(recover, DOES_RECOVER),
};

const struct kill_list kill_priority = { ops, sizeof(ops) / sizeof(ops[0]) };
