/* SPDX-License-Identifier: MIT */
/*
 * Broadcast: a writer, or a reader, killed and stopped; of elements and records,
 * lossy and lossless. The content of an element follows from its number, and so
 * does the length of a record. The survivor reads all, in seat 0 if there are
 * seats, and has never lost one; the victim that reads sits in seat 1.
 */
#define _GNU_SOURCE
#include "ring/broadcast.h"

#include <string.h>

#include "stress/kill/kill.h"

/* Flags of an operation. */
#define AT_READER 1u /* the victim reads */
#define ATTACH	  2u /* the operation is attach */
#define DETACH	  4u
#define GHOST	  8u  /* a dead one was there before, in a seat too */
#define READONLY  16u /* the victim does not store */
#define PATIENT	  32u /* waits as long as it takes */
#define WRITES	  64u
#define RECOVERS  128u
#define FULL	  256u /* lossless, and the survivor is in the way */
#define NEWEST	  512u /* the victim begins with the next */

/* Much longer than anything here takes. */
#define PATIENCE_NS UINT64_C(20000000000)
#define PAST_NS	    1

static const struct {
	uint32_t room, elem_bytes, writers, readers;
	unsigned lap; /* so many go round */
} shapes[] = {
	{ 8, 5, 1, 0, 10 }, { 16, 24, 1, 2, 20 }, { 256, 0, 1, 0, 18 },
	{ 8, 8, 2, 0, 10 }, { 256, 0, 1, 2, 18 }, { 1024, 0, 1, 0, 20 }
};
#define SHAPES	    (sizeof(shapes) / sizeof(shapes[0]))
#define A_FULL_ONE  1 /* the first of these that has seats, */
#define ANOTHER_ONE 4 /* and the first of those with records */

/* Elements there were before, and how many were written since: none yet, one, a
 * lap and more (and then, in a lossless one, all that fit); and, but of records,
 * numbers that have passed 2^32. */
static const struct {
	uint64_t age;
	unsigned written;
} starts[] = { { 0, 0 }, { 0, 1 }, { 0, 29 }, { UINT32_MAX - 20, 29 } };
#define STARTS (sizeof(starts) / sizeof(starts[0]))
#define LAPPED 2

#define STATES (SHAPES * STARTS * 2)

static struct kill_broadcast_victim victim_;

/* What the survivors know. */
static struct {
	struct slip_broadcast_writer w; /* unless that is the victim */
	struct slip_broadcast_reader r;
	uint64_t newest;
} live_;

static uint32_t room_, elem_bytes_, writers_, readers_, longest_;
static unsigned flags_, lap_;
static bool full_;

/* --- elements ---------------------------------------------------------------- */

static uint32_t length_of(uint64_t number)
{
	return elem_bytes_ ? elem_bytes_
			   : (uint32_t)(number * 7 % (longest_ + 1));
}

static void fill(unsigned char *to, uint64_t number)
{
	for (uint32_t i = 0; i < longest_; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
}

static void check(const unsigned char *found, uint32_t len, uint64_t number)
{
	unsigned char right[128];

	fill(right, number);
	KILL_CHECK(len == length_of(number) && memcmp(found, right, len) == 0,
		   "element %llu has a wrong content",
		   (unsigned long long)number);
}

/* False: readers are in the way. */
static bool try_write(struct slip_broadcast_writer *w)
{
	unsigned char value[128];
	uint64_t number = live_.newest + 1;
	int rc;

	fill(value, number);
	rc = slip_broadcast_write(w, value, length_of(number));
	if (rc == -EAGAIN && readers_)
		return false;
	KILL_CHECK(!rc, "write: %d", rc);
	KILL_CHECK(w->number == number, "element %llu was given number %llu",
		   (unsigned long long)number, (unsigned long long)w->number);
	live_.newest = number;
	return true;
}

static void write_one(struct slip_broadcast_writer *w)
{
	KILL_CHECK(try_write(w), "held back");
}

/* What was read is what was written; and the accounts add up. */
static void judge_read(const struct slip_broadcast_reader *r,
		       const unsigned char *value, uint32_t len,
		       uint64_t before)
{
	uint64_t number = slip_broadcast_number(r);

	check(value, len, number);
	KILL_CHECK(before + slip_broadcast_lost(r) + 1 == number,
		   "%llu lost from %llu to %llu",
		   (unsigned long long)slip_broadcast_lost(r),
		   (unsigned long long)before, (unsigned long long)number);
}

static bool read_next(struct slip_broadcast_reader *r)
{
	unsigned char value[128];
	uint64_t before = r->at[0].told;
	uint32_t len = 0;
	int rc = slip_broadcast_read(r, value, sizeof(value), &len);

	KILL_CHECK(!rc || rc == -ENODATA, "read: %d", rc);
	if (!rc)
		judge_read(r, value, len, before);
	return !rc;
}

/* The survivor is never overtaken. */
static void read_all(void)
{
	while (read_next(&live_.r))
		KILL_CHECK(!slip_broadcast_lost(&live_.r), "%llu lost",
			   (unsigned long long)slip_broadcast_lost(&live_.r));
}

/* Whatever a writer has come to, what is there can be read. */
static void look_on(void)
{
	static struct slip_broadcast_reader r;
	int rc = slip_broadcast_attach_readonly(&r, kill_base.mem,
						kill_base.bytes, &kill_base.me,
						SLIP_BROADCAST_OLDEST);

	KILL_CHECK(!rc, "looking on: %d", rc);
	while (read_next(&r))
		continue;
	KILL_CHECK(r.at[0].told == live_.r.at[0].told,
		   "%llu is the last for one, %llu for the other",
		   (unsigned long long)r.at[0].told,
		   (unsigned long long)live_.r.at[0].told);
}

/* Who is dead is in nobody's way: a lap and more, each read; and as many unread
 * as there is room for. */
static void use(struct slip_broadcast_writer *w)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < lap_; i++) {
		write_one(w);
		read_all();
	}
	while (readers_ && n <= room_ && try_write(w))
		n++;
	KILL_CHECK(!readers_ || !elem_bytes_ || n == room_,
		   "%u of %u slots can be filled", n, room_);
	read_all();
	KILL_CHECK(live_.r.at[0].told == live_.newest,
		   "%llu have come, %llu were written",
		   (unsigned long long)live_.r.at[0].told,
		   (unsigned long long)live_.newest);
}

/* Beside one that is stopped, and waited for if its cursor counts. */
static void use_beside(struct slip_broadcast_writer *w, bool counts)
{
	bool held = false;

	for (unsigned i = 0; i < lap_; i++) {
		if (!try_write(w)) {
			held = true;
			KILL_CHECK(slip_broadcast_evict(w) == 1,
				   "nobody is evicted");
			write_one(w);
		}
		read_all();
	}
	KILL_CHECK(held || !counts, "one that is stopped is not waited for");
}

static void inspect(struct slip_broadcast_lane_info *info)
{
	int rc = slip_broadcast_inspect_lane(kill_base.mem, kill_base.bytes, 0,
					     info);

	KILL_CHECK(!rc, "inspect: %d", rc);
	KILL_CHECK(info->begun - info->tail <= room_ / 8,
		   "%llu begun, %llu there", (unsigned long long)info->begun,
		   (unsigned long long)info->tail);
}

/* --- states ------------------------------------------------------------------ */

static void shape(unsigned state)
{
	unsigned which = state % SHAPES;
	unsigned start = state / SHAPES % STARTS;

	if (flags_ & FULL)
		which = which % 2 ? A_FULL_ONE : ANOTHER_ONE;
	room_ = shapes[which].room;
	elem_bytes_ = shapes[which].elem_bytes;
	writers_ = shapes[which].writers;
	readers_ = shapes[which].readers;
	lap_ = shapes[which].lap;
	longest_ = elem_bytes_ ? elem_bytes_ : room_ / 8 - 8;
	full_ = flags_ & FULL ||
		(readers_ && start == LAPPED && !(flags_ & PATIENT));
}

static size_t bytes(void)
{
	return slip_broadcast_bytes(room_, elem_bytes_, writers_, readers_);
}

/* Write, then the survivor comes; and then, while it does not read, all that
 * fits. */
static void prefill(unsigned state)
{
	unsigned start = state / SHAPES % STARTS;
	struct slip_broadcast_ring *ring = kill_base.mem;
	struct slip_broadcast_lane *lane = slip_broadcast_lane_(ring, 0);
	static struct slip_broadcast_writer w;
	bool some = starts[start].written || full_;

	live_.newest = elem_bytes_ ? starts[start].age : 0;
	/* init: nobody is there yet */
	slip_a64_store_relaxed(&lane->begun, live_.newest);
	slip_a64_store_relaxed(&lane->tail, live_.newest);
	if (some) /* else nobody has ever been here */
		KILL_CHECK(!slip_broadcast_attach_writer(
				   &w, ring, kill_base.bytes, &kill_base.next),
			   "prefill: attach");
	for (unsigned i = 0; i < starts[start].written; i++)
		write_one(&w);
	KILL_CHECK(!slip_broadcast_attach_reader(&live_.r, ring,
						 kill_base.bytes, &kill_base.me,
						 SLIP_BROADCAST_NEWEST),
		   "the survivor");
	for (uint32_t n = 0; full_ && n <= room_ && try_write(&w); n++)
		continue;
	if (some)
		slip_broadcast_detach_writer(&w);
}

/* A dead member in the writer's role; in half of the states half-way through. */
static void haunt_lane(unsigned state)
{
	static struct slip_broadcast_writer w;
	unsigned char rubbish[128];

	KILL_CHECK(!slip_broadcast_attach_writer(&w, kill_base.mem,
						 kill_base.bytes,
						 &kill_base.ghost),
		   "ghost: attach");
	memset(rubbish, 0xee, sizeof(rubbish));
	if (state % 2 || slip_broadcast_claim_(&w, w.tail + 1, false))
		return;
	if (elem_bytes_)
		slip_latest_store_(
			slip_broadcast_unit_(w.data, &w.shape, w.tail), rubbish,
			elem_bytes_);
	else
		slip_broadcast_store_record_(&w, rubbish, 0);
}

/* A dead reader; in half of the states as it comes. */
static void haunt_seat(unsigned state)
{
	static struct slip_broadcast_reader r;

	KILL_CHECK(!slip_broadcast_attach_reader(
			   &r, kill_base.mem, kill_base.bytes, &kill_base.ghost,
			   SLIP_BROADCAST_NEWEST),
		   "ghost: attach");
	if (state % 2)
		slip_broadcast_meet_(&r);
}

static void make(const struct kill_op *op, unsigned state)
{
	struct slip_broadcast_ring *ring;
	unsigned half = state / SHAPES / STARTS;

	flags_ = op->flags;
	shape(state);
	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_BROADCAST, bytes(), flags_ & GHOST);
	ring = kill_base.mem;
	KILL_CHECK(!slip_broadcast_init(ring, kill_base.bytes, room_,
					elem_bytes_, writers_, readers_,
					state / SHAPES % 2 ? SLIP_EVENT_FULL
							   : SLIP_EVENT_ASYM),
		   "init");
	prefill(state);
	if (flags_ & AT_READER)
		KILL_CHECK(!slip_broadcast_attach_writer(&live_.w, ring,
							 kill_base.bytes,
							 &kill_base.me),
			   "the survivor");
	if (flags_ & GHOST && !(flags_ & AT_READER))
		haunt_lane(half);
	if (flags_ & GHOST && readers_)
		haunt_seat(half);
	/* In half of the states somebody may be asleep, so that telling him is
	 * a system call; the bit alone does it. */
	if (half) {
		(void)slip_a32_fetch_or_relaxed(&ring->ev_data.word,
						SLIP_EVENT_W_);
		(void)slip_a32_fetch_or_relaxed(&ring->ev_space.word,
						SLIP_EVENT_W_);
	}
	kill_image_take();
}

static unsigned spans(struct kill_span to[])
{
	unsigned count = kill_base_spans(to);

	to[count].at = &live_;
	to[count].bytes = sizeof(live_);
	return count + 1;
}

/* --- the victim ---------------------------------------------------------------- */

static int become_reader(struct kill_broadcast_victim *v)
{
	int rc = flags_ & READONLY
			 ? slip_broadcast_attach_readonly(
				   &v->r, v->mem, v->bytes, v->self, v->newest)
			 : slip_broadcast_attach_reader(&v->r, v->mem, v->bytes,
							v->self, v->newest);

	v->before = v->r.at[0].told;
	v->r.side.spin.skip = UINT32_MAX;
	return rc;
}

static void enter(void)
{
	struct kill_broadcast_victim *v = &victim_;
	int rc = 0;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->self = &kill_self.peer;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->deadline = flags_ & PATIENT ? SLIP_FOREVER : PAST_NS;
	v->len = length_of(live_.newest + 1);
	v->newest = flags_ & NEWEST;
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	fill(v->data, live_.newest + 1);
	if (flags_ & (ATTACH | RECOVERS))
		return;
	if (flags_ & AT_READER)
		rc = become_reader(v);
	else
		rc = slip_broadcast_attach_writer(&v->w, v->mem, v->bytes,
						  v->self);
	v->w.side.spin.skip = UINT32_MAX;
	KILL_CHECK(!rc, "victim's attach: %d", rc);
}

static void leave(int result)
{
	struct kill_broadcast_victim *v = &victim_;

	/* Whatever was written while it stood still. */
	if (flags_ & AT_READER && !(flags_ & (ATTACH | DETACH)) && result > 0)
		judge_read(&v->r, v->data, v->len, v->before);
	if (!kill_child)
		return;
	if (flags_ & AT_READER)
		slip_broadcast_detach_reader(&v->r);
	else if (!(flags_ & RECOVERS))
		slip_broadcast_detach_writer(&v->w);
	slip_peer_leave(&kill_self.peer);
}

static void rouse(void)
{
	if (flags_ & AT_READER)
		write_one(&live_.w);
	else
		(void)read_next(&live_.r); /* the judge may have read all */
}

/* --- judging --------------------------------------------------------------------- */

static bool victim_writes(void)
{
	return !(flags_ & (AT_READER | RECOVERS));
}

static bool victims(uint64_t role)
{
	return (role & 15) == SLIP_ROLE_HELD &&
	       (role >> 4 & 0xfff) == kill_base.victim_id;
}

/* What a wait that ends at once must say, if nothing newer is there. */
static int expected_wait(const struct slip_broadcast_lane_info *info, bool dead)
{
	unsigned state = info->writer & 15;

	if (state == SLIP_ROLE_VACANT)
		return -ETIMEDOUT;
	if (state != SLIP_ROLE_HELD)
		return -EPIPE;
	if (!victims(info->writer))
		return flags_ & AT_READER ? -ETIMEDOUT : -EPIPE;
	return dead ? -EPIPE : -ETIMEDOUT;
}

/* The survivor reads. Was the victim's element published? As it should be? */
static void settle(int result)
{
	uint64_t moved;

	read_all();
	moved = live_.r.at[0].told - live_.newest;
	KILL_CHECK(moved <= (flags_ & WRITES ? 1 : 0), "%lld elements came",
		   (long long)moved);
	if (flags_ & WRITES && result != KILL_UNKNOWN)
		KILL_CHECK(moved == (uint64_t)result,
			   "%d returned, %lld elements came", result,
			   (long long)moved);
	live_.newest = live_.r.at[0].told;
	look_on();
}

static void go_on_alone(const struct slip_broadcast_lane_info *info, bool dead)
{
	int expected = expected_wait(info, dead);
	unsigned char value[128];
	uint32_t len;
	int rc = slip_broadcast_read_until(&live_.r, value, sizeof(value), &len,
					   PAST_NS);

	KILL_CHECK(rc == expected, "waiting alone: %d, not %d", rc, expected);
}

static void succeed_writer(void)
{
	static struct slip_broadcast_writer w;
	int rc = slip_broadcast_attach_writer(&w, kill_base.mem,
					      kill_base.bytes, &kill_base.next);

	KILL_CHECK(!rc, "successor: %d", rc);
	KILL_CHECK(w.index == 0, "in lane %u", w.index);
	use(&w);
}

/* The seat can be had, and another comes to it while it counts. */
static void succeed_reader(void)
{
	static struct slip_broadcast_reader r;
	int rc = slip_broadcast_attach_reader(&r, kill_base.mem,
					      kill_base.bytes, &kill_base.next,
					      SLIP_BROADCAST_NEWEST);

	KILL_CHECK(!rc, "successor: %d", rc);
	write_one(&live_.w);
	KILL_CHECK(read_next(&r) && !slip_broadcast_lost(&r),
		   "a successor does not read");
	slip_broadcast_detach_reader(&r);
	use(&live_.w);
}

static void dead(int result, unsigned variant)
{
	struct slip_broadcast_lane_info info;

	inspect(&info);
	settle(result);
	if (variant == 1) /* the reader notices */
		go_on_alone(&info, true);
	if (variant == 2) /* a third party recovers */
		kill_base_recover();
	if (!(flags_ & AT_READER))
		succeed_writer();
	else if (variant)
		use(&live_.w);
	else
		succeed_reader();
	if (variant == 2)
		return;
	/* Afterwards it must not disturb a successor. */
	kill_base_recover();
	inspect(&info);
	KILL_CHECK((info.writer & 15) == SLIP_ROLE_HELD,
		   "recovery has taken the successor's role");
}

static void stopped_writer(const struct slip_broadcast_lane_info *info)
{
	static struct slip_broadcast_writer rival;
	struct slip_broadcast_lane_info now;
	int rc;

	if (!victims(info->writer)) {
		KILL_CHECK(flags_ & (ATTACH | DETACH),
			   "it is at work without its role");
		return;
	}
	rc = slip_broadcast_attach_writer(&rival, kill_base.mem,
					  kill_base.bytes, &kill_base.next);
	KILL_CHECK(rc == (writers_ > 1 ? 0 : -EBUSY), "rival: %d", rc);
	slip_broadcast_detach_writer(&rival);
	KILL_CHECK(slip_broadcast_writer_state(&live_.r, 0) == SLIP_ROLE_HELD,
		   "one that is stopped is taken for gone");
	inspect(&now);
	KILL_CHECK(victims(now.writer), "one that is stopped lost its role");
}

static void stopped_reader(void)
{
	static struct slip_broadcast_reader rival;
	struct slip_broadcast_seat_info seat = { 0, 0, false };
	bool sits;
	int rc;

	rc = slip_broadcast_inspect_seat(kill_base.mem, kill_base.bytes, 1,
					 &seat);
	KILL_CHECK(rc == (readers_ ? 0 : -EINVAL), "inspect: %d", rc);
	sits = victims(seat.reader);
	KILL_CHECK(sits || !readers_ || flags_ & (READONLY | ATTACH | DETACH),
		   "it reads without a seat");
	if (sits) {
		rc = slip_broadcast_attach_reader(
			&rival, kill_base.mem, kill_base.bytes, &kill_base.next,
			SLIP_BROADCAST_NEWEST);
		KILL_CHECK(rc == -EUSERS, "rival: %d", rc);
	}
	use_beside(&live_.w, sits && seat.counts);
}

static void stopped(void)
{
	struct slip_broadcast_lane_info info;
	int rc;

	inspect(&info);
	settle(KILL_UNKNOWN);
	go_on_alone(&info, false);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == (flags_ & GHOST ? 1 : 0), "recover: %d", rc);
	if (flags_ & AT_READER)
		stopped_reader();
	else if (victim_writes())
		stopped_writer(&info);
}

static void after(int result)
{
	struct slip_broadcast_lane_info info;

	KILL_CHECK(result == 0 || result == 1, "it returned %d", result);
	inspect(&info);
	if (flags_ & AT_READER) {
		use(&live_.w);
		return;
	}
	read_all();
	live_.newest = live_.r.at[0].told;
	go_on_alone(&info, false);
	succeed_writer();
}

/* A lossless writer waits for a reader that will die. */
static void wait_for_room(uint64_t deadline)
{
	unsigned char value[128];
	int rc = 0;

	for (unsigned i = 0; !rc && i < lap_; i++) {
		fill(value, live_.newest + 1);
		read_all();
		rc = slip_broadcast_write_until(
			&live_.w, value, length_of(live_.newest + 1), deadline);
		live_.newest += !rc;
	}
	KILL_CHECK(!rc, "asleep while it was killed: %d", rc);
}

/* What is there, and then for as long as it takes to hear of the death. */
static void suffer(void)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	unsigned char value[128];
	uint32_t len;
	int rc = 0;

	if (flags_ & AT_READER && readers_ && !(flags_ & PATIENT))
		wait_for_room(deadline);
	/* One that attaches may die before. */
	if (!victim_writes() || flags_ & ATTACH)
		return;
	while (!rc)
		rc = slip_broadcast_read_until(&live_.r, value, sizeof(value),
					       &len, deadline);
	KILL_CHECK(rc == -EPIPE, "asleep while it was killed: %d", rc);
}

static const struct kill_kind broadcast_kind = {
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

/* --- init ---------------------------------------------------------------------- */

static void init_make(const struct kill_op *op, unsigned state)
{
	flags_ = op->flags;
	shape(state);
	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_BROADCAST, bytes(), false);
	/* A magic number never has such bytes. */
	memset(kill_base.mem, state / SHAPES % 2 ? 0xa5 : 0, kill_base.bytes);
	kill_image_take();
}

static void init_enter(void)
{
	struct kill_broadcast_victim *v = &victim_;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->room = room_;
	v->elem_bytes = elem_bytes_;
	v->writers = writers_;
	v->readers = readers_;
	v->flags = SLIP_EVENT_FULL;
}

static void init_leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static void init_dead(int result, unsigned variant)
{
	static struct slip_broadcast_writer w;
	int rc = slip_broadcast_attach_writer(&w, kill_base.mem,
					      kill_base.bytes, &kill_base.me);

	if (variant)
		kill_base_recover(); /* must not mind what is half made */
	if (rc) {
		KILL_CHECK(rc == -EBADMSG && result == KILL_UNKNOWN,
			   "attach: %d", rc);
		return;
	}
	rc = slip_broadcast_attach_reader(&live_.r, kill_base.mem,
					  kill_base.bytes, &kill_base.next,
					  SLIP_BROADCAST_OLDEST);
	KILL_CHECK(!rc, "the second attach: %d", rc);
	live_.newest = 0;
	KILL_CHECK(!w.number, "a new one has %llu elements",
		   (unsigned long long)w.number);
	KILL_CHECK(!read_next(&live_.r), "a new one is not empty");
	use(&w);
	slip_broadcast_detach_writer(&w);
	slip_broadcast_detach_reader(&live_.r);
}

static void init_stopped(void)
{
	init_dead(KILL_UNKNOWN, 0);
}

/* Unless it was in use already when it stopped: that was its last step. */
static void init_after(int result)
{
	struct slip_broadcast_lane_info info;

	inspect(&info);
	if (!info.tail)
		init_dead(result, 0);
}

static const struct kill_kind init_kind = {
	.make = init_make,
	.unmake = kill_base_unmake,
	.enter = init_enter,
	.victim = &victim_,
	.leave = init_leave,
	.bury = kill_base_bury,
	.spans = spans,
	.dead = init_dead,
	.stopped = init_stopped,
	.after = init_after,
};

#define OP(label, fn, about)                                              \
	{                                                                 \
		.name = label, .kind = &broadcast_kind, .states = STATES, \
		.hooked = kill_hooked_broadcast_##fn,                     \
		.plain = kill_plain_broadcast_##fn, .flags = (about),     \
		.sleeps = ((about)&PATIENT) != 0,                         \
	}

static const struct kill_op ops[] = {
	{ .name = "broadcast.init",
	  .kind = &init_kind,
	  .states = SHAPES * 2,
	  .hooked = kill_hooked_broadcast_init,
	  .plain = kill_plain_broadcast_init },
	OP("broadcast.write", write, WRITES),
	OP("broadcast.write_until", write_until, WRITES),
	OP("broadcast.write_sleep", write_until, WRITES | FULL | PATIENT),
	OP("broadcast.evict", evict, FULL),
	OP("broadcast.attach_writer", attach_writer, ATTACH),
	OP("broadcast.detach_writer", detach_writer, DETACH),
	OP("broadcast.read", read, AT_READER),
	OP("broadcast.read_readonly", read, AT_READER | READONLY),
	OP("broadcast.read_until", read_until, AT_READER),
	OP("broadcast.read_sleep", read_until, AT_READER | PATIENT | NEWEST),
	OP("broadcast.readonly_sleep", read_until,
	   AT_READER | READONLY | PATIENT | NEWEST),
	OP("broadcast.attach_oldest", attach_reader, AT_READER | ATTACH),
	OP("broadcast.attach_newest", attach_reader,
	   AT_READER | ATTACH | NEWEST),
	OP("broadcast.attach_readonly", attach_readonly,
	   AT_READER | ATTACH | READONLY),
	OP("broadcast.detach_reader", detach_reader, AT_READER | DETACH),
	OP("broadcast.recover", recover, RECOVERS | GHOST),
	OP("role.takeover_broadcast_writer", attach_writer, ATTACH | GHOST),
	OP("role.takeover_broadcast_reader", attach_reader,
	   AT_READER | ATTACH | GHOST),
};

const struct kill_list kill_broadcast = { ops, sizeof(ops) / sizeof(ops[0]) };
