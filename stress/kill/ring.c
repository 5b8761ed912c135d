/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/kill/ring.h"

#include <string.h>

/* Much longer than anything here takes: who waits so long has been forgotten.
 */
#define PATIENCE_NS UINT64_C(20000000000)
#define PAST_NS	    1

static struct kill_ring_victim ring_victim;

/* What the survivors know. */
struct survivors {
	union ring_handle handle; /* the other side */
	uint64_t oldest;	  /* numbers: the next to be popped, */
	uint64_t newest;	  /* and to be pushed */
	uint64_t before;	  /* the victim's of them, as it began */
	bool traffic;		  /* others were at work meanwhile */
};

static struct survivors live_;
static const struct ring_calls *calls_;
static unsigned flags_;
static enum ring_side side_; /* the victim's */
static bool attached_;	     /* the survivor is */

static enum ring_side other(enum ring_side side)
{
	return side == RING_PRODUCER ? RING_CONSUMER : RING_PRODUCER;
}

/* --- states ---------------------------------------------------------------- */

/* How many elements of the ring's are in it in a state of that fill. */
static uint64_t fill_target(enum ring_fill fill, uint64_t most)
{
	switch (fill) {
	case RING_EMPTY:
		return 0;
	case RING_ONE:
		return 1;
	case RING_HALF:
		return most / 2;
	case RING_ALMOST:
		return most - 1;
	default:
		return most;
	}
}

/* Fills it to the brim, then takes out what is too much. */
static void prefill(enum ring_fill fill)
{
	union ring_handle p;
	union ring_handle c;
	uint64_t most;
	void *mem = kill_base.mem;

	KILL_CHECK(!calls_->attach(&p, RING_PRODUCER, mem, kill_base.bytes,
				   &kill_base.next) &&
			   !calls_->attach(&c, RING_CONSUMER, mem,
					   kill_base.bytes, &kill_base.next),
		   "prefill: attach");
	while (calls_->push(&p, live_.newest) == 1)
		live_.newest++;
	most = live_.newest;
	while (live_.newest - live_.oldest > fill_target(fill, most)) {
		KILL_CHECK(calls_->pop(&c, live_.oldest) == 1, "prefill: pop");
		live_.oldest++;
	}
	calls_->detach(&p, RING_PRODUCER);
	calls_->detach(&c, RING_CONSUMER);
}

/* A dead member in the victim's role. */
static void haunt(void)
{
	union ring_handle h;

	KILL_CHECK(!calls_->attach(&h, side_, kill_base.mem, kill_base.bytes,
				   &kill_base.ghost),
		   "ghost: attach");
	calls_->drop(&h, side_);
}

static void ring_make(const struct kill_op *op, unsigned state)
{
	enum ring_fill fill = (enum ring_fill)(state % RING_FILLS);
	void *mem;
	int rc;

	calls_ = op->own;
	flags_ = op->flags;
	side_ = flags_ & RING_AT_CONSUMER ? RING_CONSUMER : RING_PRODUCER;
	if (op->sleeps)
		fill = side_ == RING_CONSUMER ? RING_EMPTY : RING_FULL;
	memset(&live_, 0, sizeof(live_));
	kill_base_make(calls_->kind, calls_->shape(state), flags_ & RING_GHOST);
	mem = kill_base.mem;
	calls_->init(mem, kill_base.bytes);
	if (!(flags_ & RING_ATTACH) || fill != RING_EMPTY)
		prefill(fill); /* else nobody has ever been here */
	rc = calls_->attach(&live_.handle, other(side_), mem, kill_base.bytes,
			    &kill_base.me);
	KILL_CHECK(!rc, "the other side: %d", rc);
	attached_ = true;
	live_.before = side_ == RING_PRODUCER ? live_.newest : live_.oldest;
	if (flags_ & RING_GHOST)
		haunt();
	/* In half of the states somebody may be asleep, so that telling him is
	 * a system call; the bit alone does it. */
	for (int i = 0; i < 2; i++)
		if (state / RING_FILLS % 2)
			(void)slip_a32_fetch_or_relaxed(
				&calls_->event(mem, (enum ring_side)i)->word,
				SLIP_EVENT_W_);
	kill_image_take();
}

static void ring_unmake(void)
{
	if (attached_)
		calls_->drop(&live_.handle, other(side_));
	attached_ = false;
	kill_base_unmake();
}

static unsigned ring_spans(struct kill_span spans[])
{
	unsigned count = kill_base_spans(spans);

	spans[count].at = &live_;
	spans[count].bytes = sizeof(live_);
	return count + 1;
}

/* --- the victim ------------------------------------------------------------ */

static void ring_enter(void)
{
	struct kill_ring_victim *v = &ring_victim;
	union ring_handle h;
	int rc = 0;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->self = &kill_self.peer;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->deadline = flags_ & RING_PATIENT ? SLIP_FOREVER : PAST_NS;
	calls_->load(v, live_.newest);
	if (flags_ & RING_ATTACH)
		return;
	memset(&h, 0, sizeof(h));
	rc = calls_->attach(&h, side_, v->mem, v->bytes, v->self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
	v->spsc_p = h.spsc_p;
	v->spsc_c = h.spsc_c;
	v->record_p = h.record_p;
	v->record_c = h.record_c;
}

static union ring_handle *victims_handle(union ring_handle *h)
{
	if (calls_ == &ring_spsc && side_ == RING_PRODUCER)
		h->spsc_p = ring_victim.spsc_p;
	else if (calls_ == &ring_spsc)
		h->spsc_c = ring_victim.spsc_c;
	else if (side_ == RING_PRODUCER)
		h->record_p = ring_victim.record_p;
	else
		h->record_c = ring_victim.record_c;
	return h;
}

static void ring_leave(int result)
{
	union ring_handle h;

	if (side_ == RING_CONSUMER && result > 0)
		KILL_CHECK(calls_->popped(&ring_victim, live_.before, result),
			   "wrong content was popped");
	if (!kill_child)
		return;
	if (!(flags_ & RING_DETACH))
		calls_->detach(victims_handle(&h), side_);
	slip_peer_leave(&kill_self.peer);
}

/* Its second mapping, too, is one that a dead process would not keep. */
static void ring_bury(void)
{
	union ring_handle h;

	kill_base_bury();
	if (ring_victim.self)
		calls_->drop(victims_handle(&h), side_);
}

static void ring_rouse(void)
{
	int rc;

	/* Spsc may have sent the victim to sleep with room for less. */
	if (side_ == RING_CONSUMER) {
		rc = calls_->push(&live_.handle, live_.newest);
		live_.newest += rc == 1;
		KILL_CHECK(rc >= 0, "rouse: push: %d", rc);
		return;
	}
	do {
		rc = calls_->pop(&live_.handle, live_.oldest);
		live_.oldest += rc == 1;
	} while (rc == 1);
	KILL_CHECK(rc == 0, "rouse: pop: %d", rc);
}

/* --- judging --------------------------------------------------------------- */

/* How many elements the victim has moved. */
static uint64_t moved(const struct ring_view *view)
{
	uint64_t now = side_ == RING_PRODUCER ? live_.oldest + view->count
					      : live_.newest - view->count;

	return now - live_.before;
}

/* Is that a number of elements it may have moved? */
static void check_moved(uint64_t count, int result)
{
	uint64_t full = RING_MOVES_OF(flags_);
	bool known = full && kill_full_result >= 0 && !live_.traffic;

	if (known)
		full = (uint64_t)kill_full_result;
	if (full && result != KILL_UNKNOWN)
		KILL_CHECK(count == (uint64_t)result, "%d returned, %lld moved",
			   result, (long long)count);
	else if (flags_ & RING_PREFIX || live_.traffic)
		KILL_CHECK(count <= full, "%lld moved of %llu",
			   (long long)count, (unsigned long long)full);
	else
		KILL_CHECK(count == 0 || count == full,
			   "%lld moved of %llu, which go together",
			   (long long)count, (unsigned long long)full);
}

static bool victim_holds(const struct ring_view *view)
{
	uint64_t word = view->roles[side_];

	return (word & 15) == SLIP_ROLE_HELD &&
	       (word >> 4 & 0xfff) == kill_base.victim_id;
}

/* What a wait that ends at once must say, if there is nothing to be had. */
static int expected_wait(const struct ring_view *view, bool dead)
{
	unsigned state = view->roles[side_] & 15;

	if (state == SLIP_ROLE_VACANT ||
	    (state == SLIP_ROLE_HELD && !dead && victim_holds(view)))
		return -ETIMEDOUT;
	return -EPIPE;
}

static void pop_all(union ring_handle *c)
{
	int rc = 1;

	while (rc == 1 && live_.oldest != live_.newest) {
		rc = calls_->pop(c, live_.oldest);
		live_.oldest += rc == 1;
	}
	KILL_CHECK(rc == 1, "element %llu of %llu cannot be popped: %d",
		   (unsigned long long)live_.oldest,
		   (unsigned long long)live_.newest, rc);
	rc = calls_->pop(c, live_.newest);
	KILL_CHECK(rc == 0, "popping an empty ring: %d", rc);
}

static void push_all(union ring_handle *p)
{
	int rc = 1;

	while (rc == 1) {
		rc = calls_->push(p, live_.newest);
		live_.newest += rc == 1;
	}
	KILL_CHECK(rc == 0 && calls_->is_full(live_.newest),
		   "push is refused (%d), but there is room", rc);
}

/* The whole capacity, twice. */
static void use_fully(union ring_handle *p, union ring_handle *c)
{
	for (int i = 0; i < 2; i++) {
		push_all(p);
		pop_all(c);
	}
}

/* Takes the account over from the ring. */
static void settle(const struct ring_view *view)
{
	if (side_ == RING_PRODUCER)
		live_.newest = live_.oldest + view->count;
	else
		live_.oldest = live_.newest - view->count;
}

/* The other side alone: it gets what is there, then the truth. */
static void go_on_alone(const struct ring_view *view, bool dead)
{
	int expected = expected_wait(view, dead);
	int rc;

	if (side_ == RING_PRODUCER) {
		pop_all(&live_.handle);
		rc = calls_->pop_until(&live_.handle, live_.newest, PAST_NS);
	} else {
		push_all(&live_.handle);
		rc = calls_->push_until(&live_.handle, live_.newest, PAST_NS);
	}
	KILL_CHECK(rc == expected, "waiting alone: %d, not %d", rc, expected);
}

/* A successor takes over; then both use the ring. */
static void succeed(void)
{
	union ring_handle h;
	int rc = calls_->attach(&h, side_, kill_base.mem, kill_base.bytes,
				&kill_base.next);

	KILL_CHECK(!rc, "successor: %d", rc);
	if (side_ == RING_PRODUCER)
		use_fully(&h, &live_.handle);
	else {
		pop_all(&h);
		use_fully(&live_.handle, &h);
	}
	calls_->drop(&h, side_);
}

static void ring_dead(int result, unsigned variant)
{
	struct ring_view view;

	calls_->view(&view);
	check_moved(moved(&view), result);
	settle(&view);
	if (variant == 1) /* the other side notices */
		go_on_alone(&view, true);
	if (variant == 2) /* a third party recovers */
		kill_base_recover();
	succeed();
	if (variant == 2)
		return;
	/* Afterwards it must not disturb a successor. */
	kill_base_recover();
	calls_->view(&view);
	KILL_CHECK((view.roles[side_] & 15) == SLIP_ROLE_HELD,
		   "recovery has taken the successor's role");
}

static void ring_stopped(void)
{
	union ring_handle rival;
	struct ring_view view;
	int rc;

	calls_->view(&view);
	check_moved(moved(&view), KILL_UNKNOWN);
	settle(&view);
	go_on_alone(&view, false);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == (flags_ & RING_GHOST ? 1 : 0), "recover: %d", rc);
	if (!victim_holds(&view)) {
		KILL_CHECK(flags_ & (RING_ATTACH | RING_DETACH),
			   "it is at work without its role");
		return;
	}
	rc = calls_->attach(&rival, side_, kill_base.mem, kill_base.bytes,
			    &kill_base.next);
	KILL_CHECK(rc == -EBUSY, "rival: %d", rc);
	KILL_CHECK(calls_->role(&live_.handle, other(side_)) == SLIP_ROLE_HELD,
		   "one that is stopped is taken for gone");
	calls_->view(&view);
	KILL_CHECK(victim_holds(&view), "one that is stopped lost its role");
}

static void ring_after(int result)
{
	struct ring_view view;
	uint64_t moves = RING_MOVES_OF(flags_) ? (uint64_t)result : 0;

	KILL_CHECK(result >= 0 && moves <= RING_MOVES_OF(flags_),
		   "it returned %d", result);
	calls_->view(&view);
	KILL_CHECK(moved(&view) == moves, "it returned %d, and has moved %lld",
		   result, (long long)moved(&view));
	settle(&view);
	go_on_alone(&view, false);
	succeed();
}

/* What is there, and then for as long as it takes to hear of the death. */
static void ring_suffer(void)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	int rc = 0;

	if (flags_ & RING_ATTACH)
		return; /* it may die before it could be missed */
	live_.traffic = true;
	while (!rc && side_ == RING_PRODUCER) {
		rc = calls_->pop_until(&live_.handle, live_.oldest, deadline);
		live_.oldest += !rc;
	}
	while (!rc && side_ == RING_CONSUMER) {
		rc = calls_->push_until(&live_.handle, live_.newest, deadline);
		live_.newest += !rc;
	}
	KILL_CHECK(rc == -EPIPE, "asleep while it was killed: %d", rc);
}

const struct kill_kind ring_kind = {
	.make = ring_make,
	.unmake = ring_unmake,
	.enter = ring_enter,
	.victim = &ring_victim,
	.leave = ring_leave,
	.bury = ring_bury,
	.spans = ring_spans,
	.rouse = ring_rouse,
	.suffer = ring_suffer,
	.dead = ring_dead,
	.stopped = ring_stopped,
	.after = ring_after,
};
