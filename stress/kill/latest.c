/* SPDX-License-Identifier: MIT */
/*
 * The newest value: a writer, or a reader, killed and stopped. The content of a
 * value follows from its number, and so does its length; so there is no account
 * but the number of the newest.
 */
#define _GNU_SOURCE
#include "ring/latest.h"

#include <string.h>

#include "stress/kill/kill.h"

/* Flags of an operation. */
#define AT_READER 1u /* the victim reads */
#define ATTACH	  2u /* the operation is attach */
#define DETACH	  4u
#define GHOST	  8u  /* a dead one has the writer's role */
#define READONLY  16u /* the victim does not store */
#define PATIENT	  32u /* waits as long as it takes */
#define WRITES	  64u
#define RECOVERS  128u

/* Much longer than anything here takes. */
#define PATIENCE_NS UINT64_C(20000000000)
#define PAST_NS	    1

static const struct {
	uint32_t slots, value_bytes;
} shapes[] = { { 2, 5 }, { 4, 24 }, { 8, 8 }, { 2, 75 } };
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* Versions there were before, and how many were written since: none yet, one,
 * a lap; numbers before 2^32. */
static const struct {
	uint64_t age;
	unsigned written;
} starts[] = { { 0, 0 }, { 0, 1 }, { 0, 9 }, { UINT32_MAX - 1, 3 } };
#define STARTS (sizeof(starts) / sizeof(starts[0]))

#define STATES (SHAPES * STARTS * 2)

static struct kill_latest_victim victim_;

/* What the survivors know. */
static struct {
	struct slip_latest_writer w; /* unless that is the victim */
	struct slip_latest_reader r;
	uint64_t newest;
	uint64_t before; /* the newest, as the victim began */
} live_;

static uint32_t slots_, value_bytes_;
static unsigned flags_;

/* --- values ------------------------------------------------------------------ */

static uint32_t length_of(uint64_t number)
{
	return value_bytes_ - (uint32_t)(number % 3 == 1);
}

static void fill(unsigned char *to, uint64_t number)
{
	for (uint32_t i = 0; i < value_bytes_; i++)
		to[i] = (unsigned char)(number * 37 + i * 11 + 1);
}

static void check(const unsigned char *found, uint32_t len, uint64_t number)
{
	unsigned char right[128];

	fill(right, number);
	KILL_CHECK(len == length_of(number) && memcmp(found, right, len) == 0,
		   "value %llu has a wrong content",
		   (unsigned long long)number);
}

static void write_one(struct slip_latest_writer *w)
{
	unsigned char value[128];
	uint64_t number = ++live_.newest;
	int rc;

	fill(value, number);
	rc = slip_latest_write(w, value, length_of(number));
	KILL_CHECK(!rc, "write: %d", rc);
	KILL_CHECK(w->version == number, "value %llu was given number %llu",
		   (unsigned long long)number, (unsigned long long)w->version);
}

/* The newest can be read, whole, at once. */
static void read_one(struct slip_latest_reader *r)
{
	unsigned char value[128];
	uint64_t before = slip_latest_version(r);
	uint32_t len = 0;
	int rc = slip_latest_read(r, value, sizeof(value), &len);

	if (!live_.newest) {
		KILL_CHECK(rc == -ENODATA, "read of nothing: %d", rc);
		return;
	}
	KILL_CHECK(!rc, "read: %d", rc);
	check(value, len, slip_latest_version(r));
	KILL_CHECK(slip_latest_version(r) == live_.newest,
		   "%llu is read, %llu is newest",
		   (unsigned long long)slip_latest_version(r),
		   (unsigned long long)live_.newest);
	KILL_CHECK(slip_latest_skipped(r) + before + (live_.newest != before) ==
			   live_.newest,
		   "%llu skipped", (unsigned long long)slip_latest_skipped(r));
}

/* A lap and more, each read. */
static void use(struct slip_latest_writer *w)
{
	for (uint32_t i = 0; i < slots_ + 2; i++) {
		write_one(w);
		read_one(&live_.r);
	}
}

static void inspect(struct slip_latest_info *info)
{
	int rc = slip_latest_inspect(kill_base.mem, kill_base.bytes, info);

	KILL_CHECK(!rc, "inspect: %d", rc);
	KILL_CHECK(info->begun - info->version <= 1, "%llu begun, %llu newest",
		   (unsigned long long)info->begun,
		   (unsigned long long)info->version);
}

/* --- states ------------------------------------------------------------------ */

static void shape(unsigned state)
{
	slots_ = shapes[state % SHAPES].slots;
	value_bytes_ = shapes[state % SHAPES].value_bytes;
}

static void prefill(unsigned state)
{
	unsigned start = state / SHAPES % STARTS;
	struct slip_latest_ring *ring = kill_base.mem;
	struct slip_latest_writer w;

	live_.newest = starts[start].age;
	/* init: nobody is there yet */
	slip_a64_store_relaxed(&ring->begun, live_.newest);
	slip_a64_store_relaxed(&ring->latest, live_.newest);
	if (!starts[start].written)
		return; /* nobody has ever been here */
	KILL_CHECK(!slip_latest_attach_writer(&w, ring, kill_base.bytes,
					      &kill_base.next),
		   "prefill: attach");
	for (unsigned i = 0; i < starts[start].written; i++)
		write_one(&w);
	slip_latest_detach_writer(&w);
}

/* A dead member in the writer's role; in half of the states half-way through. */
static void haunt(unsigned state)
{
	struct slip_latest_writer w;
	unsigned char rubbish[128];

	KILL_CHECK(!slip_latest_attach_writer(&w, kill_base.mem,
					      kill_base.bytes,
					      &kill_base.ghost),
		   "ghost: attach");
	memset(rubbish, 0xee, sizeof(rubbish));
	if (state % 2)
		KILL_CHECK(!slip_latest_put(&w, 0, rubbish, value_bytes_),
			   "ghost: put");
}

static void make(const struct kill_op *op, unsigned state)
{
	struct slip_latest_ring *ring;
	int rc;

	flags_ = op->flags;
	shape(state);
	memset(&live_, 0, sizeof(live_));
	kill_base_make(SLIP_KIND_LATEST,
		       slip_latest_bytes(slots_, value_bytes_), flags_ & GHOST);
	ring = kill_base.mem;
	KILL_CHECK(!slip_latest_init(
			   ring, kill_base.bytes, slots_, value_bytes_,
			   state / 2 % 2 ? SLIP_EVENT_FULL : SLIP_EVENT_ASYM),
		   "init");
	prefill(state);
	rc = slip_latest_attach_reader(&live_.r, ring, kill_base.bytes,
				       &kill_base.me);
	if (!rc && flags_ & AT_READER)
		rc = slip_latest_attach_writer(&live_.w, ring, kill_base.bytes,
					       &kill_base.me);
	KILL_CHECK(!rc, "the survivor: %d", rc);
	read_one(&live_.r);
	live_.before = live_.newest;
	if (flags_ & GHOST)
		haunt(state);
	/* In half of the states somebody may be asleep, so that telling him is
	 * a system call; the bit alone does it. */
	if (state / SHAPES / STARTS)
		(void)slip_a32_fetch_or_relaxed(&ring->ev.word, SLIP_EVENT_W_);
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

static int become_reader(struct kill_latest_victim *v)
{
	unsigned char value[128];
	uint32_t len;
	int rc = flags_ & READONLY
			 ? slip_latest_attach_readonly(&v->r, v->mem, v->bytes,
						       v->self)
			 : slip_latest_attach_reader(&v->r, v->mem, v->bytes,
						     v->self);

	/* One that waits has had what is there. */
	if (!rc && flags_ & PATIENT &&
	    slip_latest_read(&v->r, value, sizeof(value), &len) == -EAGAIN)
		rc = -EAGAIN;
	v->r.side.spin.skip = UINT32_MAX;
	return rc;
}

static void enter(void)
{
	struct kill_latest_victim *v = &victim_;
	int rc = 0;

	memset(v, 0, sizeof(*v));
	kill_base_enter();
	v->self = &kill_self.peer;
	v->mem = kill_self.mem;
	v->bytes = kill_self.bytes;
	v->deadline = flags_ & PATIENT ? SLIP_FOREVER : PAST_NS;
	v->len = length_of(live_.newest + 1);
	v->dead_id = kill_base.ghost.id;
	v->dead_gen = kill_base.ghost.gen;
	fill(v->data, live_.newest + 1);
	if (flags_ & (ATTACH | RECOVERS))
		return;
	if (flags_ & AT_READER)
		rc = become_reader(v);
	else
		rc = slip_latest_attach_writer(&v->w, v->mem, v->bytes,
					       v->self);
	KILL_CHECK(!rc, "victim's attach: %d", rc);
}

static void leave(int result)
{
	struct kill_latest_victim *v = &victim_;

	/* Whatever was written while it stood still. */
	if (flags_ & AT_READER && !(flags_ & ATTACH) && result > 0)
		check(v->data, v->len, slip_latest_version(&v->r));
	if (!kill_child)
		return;
	if (flags_ & AT_READER)
		slip_latest_detach_reader(&v->r);
	else if (!(flags_ & (DETACH | RECOVERS)))
		slip_latest_detach_writer(&v->w);
	slip_peer_leave(&kill_self.peer);
}

static void rouse(void)
{
	write_one(&live_.w);
}

/* --- judging --------------------------------------------------------------------- */

static bool victim_writes(void)
{
	return !(flags_ & (AT_READER | RECOVERS));
}

static bool victim_holds(const struct slip_latest_info *info)
{
	return (info->writer & 15) == SLIP_ROLE_HELD &&
	       (info->writer >> 4 & 0xfff) == kill_base.victim_id;
}

/* What a wait that ends at once must say, if nothing newer is there. */
static int expected_wait(const struct slip_latest_info *info, bool dead)
{
	unsigned state = info->writer & 15;

	if (state == SLIP_ROLE_VACANT)
		return -ETIMEDOUT;
	if (state != SLIP_ROLE_HELD || (flags_ & GHOST && !victim_holds(info)))
		return -EPIPE;
	return dead && victim_holds(info) ? -EPIPE : -ETIMEDOUT;
}

/* Was the value published? As it should have been? */
static void settle(const struct slip_latest_info *info, int result)
{
	uint64_t moved = info->version - live_.before;

	if (flags_ & AT_READER)
		return;
	KILL_CHECK(moved <= (flags_ & WRITES ? 1 : 0), "%lld values came",
		   (long long)moved);
	if (flags_ & WRITES && result != KILL_UNKNOWN)
		KILL_CHECK(moved == (uint64_t)result,
			   "%d returned, %lld values came", result,
			   (long long)moved);
	live_.newest = info->version;
}

/* The survivor reads: the newest, then what is to be said. */
static void go_on_alone(const struct slip_latest_info *info, bool dead)
{
	int expected = expected_wait(info, dead);
	unsigned char value[128];
	uint32_t len;
	int rc;

	read_one(&live_.r);
	rc = slip_latest_read_until(&live_.r, value, sizeof(value), &len,
				    PAST_NS);
	KILL_CHECK(rc == expected, "waiting alone: %d, not %d", rc, expected);
	read_one(&live_.r);
}

static void succeed(void)
{
	struct slip_latest_writer w;
	int rc = slip_latest_attach_writer(&w, kill_base.mem, kill_base.bytes,
					   &kill_base.next);

	KILL_CHECK(!rc, "successor: %d", rc);
	read_one(&live_.r);
	use(&w);
}

static void dead(int result, unsigned variant)
{
	struct slip_latest_info info;

	inspect(&info);
	settle(&info, result);
	if (variant == 1) /* the reader notices */
		go_on_alone(&info, true);
	if (variant == 2) /* a third party recovers */
		kill_base_recover();
	if (flags_ & AT_READER)
		use(&live_.w);
	else
		succeed();
	if (variant == 2)
		return;
	/* Afterwards it must not disturb a successor. */
	kill_base_recover();
	inspect(&info);
	KILL_CHECK((info.writer & 15) == SLIP_ROLE_HELD,
		   "recovery has taken the successor's role");
}

static void stopped_writer(const struct slip_latest_info *info)
{
	struct slip_latest_writer rival;
	struct slip_latest_info now;
	int rc;

	if (!victim_holds(info)) {
		KILL_CHECK(flags_ & (ATTACH | DETACH),
			   "it is at work without its role");
		return;
	}
	rc = slip_latest_attach_writer(&rival, kill_base.mem, kill_base.bytes,
				       &kill_base.next);
	KILL_CHECK(rc == -EBUSY, "rival: %d", rc);
	KILL_CHECK(slip_latest_writer_state(&live_.r) == SLIP_ROLE_HELD,
		   "one that is stopped is taken for gone");
	inspect(&now);
	KILL_CHECK(victim_holds(&now), "one that is stopped lost its role");
}

static void stopped(void)
{
	struct slip_latest_info info;
	int rc;

	inspect(&info);
	settle(&info, KILL_UNKNOWN);
	go_on_alone(&info, false);
	rc = slip_peer_recover(&kill_base.me);
	KILL_CHECK(rc == (flags_ & GHOST ? 1 : 0), "recover: %d", rc);
	if (flags_ & AT_READER)
		use(&live_.w);
	else if (victim_writes())
		stopped_writer(&info);
}

static void after(int result)
{
	struct slip_latest_info info;

	KILL_CHECK(result == 0 || result == 1, "it returned %d", result);
	inspect(&info);
	if (flags_ & AT_READER) {
		use(&live_.w);
		return;
	}
	settle(&info, result);
	go_on_alone(&info, false);
	succeed();
}

/* What is there, and then for as long as it takes to hear of the death. */
static void suffer(void)
{
	uint64_t deadline = slip_after_ns(PATIENCE_NS);
	unsigned char value[128];
	uint32_t len;
	int rc = 0;

	/* Nobody misses a reader; and one that attaches may die before. */
	if (!victim_writes() || flags_ & ATTACH)
		return;
	while (!rc)
		rc = slip_latest_read_until(&live_.r, value, sizeof(value),
					    &len, deadline);
	KILL_CHECK(rc == -EPIPE, "asleep while it was killed: %d", rc);
}

static const struct kill_kind latest_kind = {
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
	kill_base_make(SLIP_KIND_LATEST,
		       slip_latest_bytes(slots_, value_bytes_), false);
	/* A magic number never has such bytes. */
	memset(kill_base.mem, state % 2 ? 0xa5 : 0, kill_base.bytes);
	kill_image_take();
}

static void init_enter(void)
{
	memset(&victim_, 0, sizeof(victim_));
	kill_base_enter();
	victim_.mem = kill_self.mem;
	victim_.bytes = kill_self.bytes;
	victim_.slots = slots_;
	victim_.value_bytes = value_bytes_;
	victim_.flags = SLIP_EVENT_FULL;
}

static void init_leave(int result)
{
	KILL_CHECK(result == 0, "it returned %d", result);
	if (kill_child)
		slip_peer_leave(&kill_self.peer);
}

static void init_dead(int result, unsigned variant)
{
	struct slip_latest_writer w;
	int rc = slip_latest_attach_writer(&w, kill_base.mem, kill_base.bytes,
					   &kill_base.me);

	if (variant)
		kill_base_recover(); /* must not mind what is half made */
	if (rc) {
		KILL_CHECK(rc == -EBADMSG && result == KILL_UNKNOWN,
			   "attach: %d", rc);
		return;
	}
	rc = slip_latest_attach_reader(&live_.r, kill_base.mem, kill_base.bytes,
				       &kill_base.next);
	KILL_CHECK(!rc, "the second attach: %d", rc);
	live_.newest = 0;
	if (w.version)
		kill_fail("a new one has %llu values",
			  (unsigned long long)w.version);
	read_one(&live_.r);
	use(&w);
	slip_latest_detach_writer(&w);
}

static void init_stopped(void)
{
	init_dead(KILL_UNKNOWN, 0);
}

/* Unless it was in use already when it stopped: that was its last step. */
static void init_after(int result)
{
	struct slip_latest_info info;

	inspect(&info);
	if (!info.version)
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

#define OP(label, fn, about)                                           \
	{                                                              \
		.name = label, .kind = &latest_kind, .states = STATES, \
		.hooked = kill_hooked_latest_##fn,                     \
		.plain = kill_plain_latest_##fn, .flags = (about),     \
		.sleeps = ((about)&PATIENT) != 0,                      \
	}

static const struct kill_op ops[] = {
	{ .name = "latest.init",
	  .kind = &init_kind,
	  .states = STATES,
	  .hooked = kill_hooked_latest_init,
	  .plain = kill_plain_latest_init },
	OP("latest.write", write, WRITES),
	OP("latest.put_commit", put_commit, WRITES),
	OP("latest.attach_writer", attach_writer, ATTACH),
	OP("latest.detach_writer", detach_writer, DETACH),
	OP("latest.read", read, AT_READER),
	OP("latest.read_readonly", read, AT_READER | READONLY),
	OP("latest.read_until", read_until, AT_READER),
	OP("latest.read_sleep", read_until, AT_READER | PATIENT),
	OP("latest.readonly_sleep", read_until, AT_READER | READONLY | PATIENT),
	OP("latest.attach_reader", attach_reader, AT_READER | ATTACH),
	OP("latest.attach_readonly", attach_readonly,
	   AT_READER | ATTACH | READONLY),
	OP("latest.recover", recover, RECOVERS | GHOST),
	OP("role.takeover_latest_writer", attach_writer, ATTACH | GHOST),
};

const struct kill_list kill_latest = { ops, sizeof(ops) / sizeof(ops[0]) };
