/* SPDX-License-Identifier: MIT */
/*
 * Models of ring/broadcast.h: elements and records, overtaken, joined late,
 * blocking in both event modes and without a store, two lanes, seats; handed on
 * in order and after deaths.
 *
 * The smallest rings: 8 slots, or 256 bytes, most of which are written before
 * the threads begin, so that a write or two come over what is being read. The
 * words of an element say which one it is.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/broadcast.h"

#define WORDS 3

static struct {
	char ring[384 + 2 * (384 + 256) + 2 * 128]
		__attribute__((aligned(128)));
	size_t bytes;
	struct slip_broadcast_writer w;
	struct slip_broadcast_writer w2;
	struct slip_broadcast_reader r;
	struct slip_broadcast_reader r2;
	struct slip_peer onlooker; /* no member */
	uint64_t written;	   /* elements whose write has returned */
	uint64_t got;		   /* by s.r, since its number was `from` */
	uint64_t lost;
	uint64_t from;
	int rc[X_THREADS];
	uint64_t asked[2]; /* before a reader's next read; plain */
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, some, deaths, takeovers, pipes, busy;

/* --- elements ----------------------------------------------------------------- */

static uint32_t bytes_of(const struct slip_broadcast_shape *shape, uint64_t n)
{
	static const uint32_t lens[] = { 24, 8, 16, 24 };

	return shape->elem_bytes ? shape->elem_bytes : lens[n % 4];
}

static int try_write(struct slip_broadcast_writer *w)
{
	uint64_t n = w->number + 1;
	uint64_t value[WORDS];
	int rc;

	for (unsigned i = 0; i < WORDS; i++)
		value[i] = n * WORDS + i;
	rc = slip_broadcast_write(w, value, bytes_of(&w->shape, n));
	s.written += !rc;
	return rc;
}

static void write_some(struct slip_broadcast_writer *w, unsigned count)
{
	while (count--)
		X_ASSERT(!try_write(w), "write");
}

static void check(struct slip_broadcast_reader *r, const uint64_t *value,
		  uint32_t len, uint64_t before)
{
	uint64_t n = slip_broadcast_number(r);

	X_ASSERT(len == bytes_of(&r->shape, n), "%llu has %u bytes",
		 (unsigned long long)n, len);
	for (unsigned i = 0; i < len / 8; i++)
		X_ASSERT(value[i] == n * WORDS + i, "%llu: word %u is %llu",
			 (unsigned long long)n, i,
			 (unsigned long long)value[i]);
	X_ASSERT(before + slip_broadcast_lost(r) + 1 == n, "%llu lost",
		 (unsigned long long)slip_broadcast_lost(r));
}

static int read_of(struct slip_broadcast_reader *r, bool wait,
		   uint64_t deadline)
{
	uint64_t before = r->at[r->next].told;
	uint64_t value[WORDS];
	uint32_t len = 0;
	int rc;

	rc = wait ? slip_broadcast_read_until(r, value, sizeof(value), &len,
					      deadline)
		  : slip_broadcast_read(r, value, sizeof(value), &len);
	if (rc)
		return rc;
	check(r, value, len,
	      r->shape.writers > 1 ? r->number - r->lost - 1 : before);
	s.got++;
	s.lost += slip_broadcast_lost(r);
	return 0;
}

static int read_one(struct slip_broadcast_reader *r)
{
	int rc = read_of(r, false, 0);

	X_ASSERT(!rc || rc == -ENODATA, "read says %d", rc);
	return rc;
}

/* --- rings -------------------------------------------------------------------- */

static int attach_w(struct slip_broadcast_writer *w, struct slip_peer *self)
{
	int rc = slip_broadcast_attach_writer(w, s.ring, s.bytes, self);

	w->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_r(struct slip_broadcast_reader *r, struct slip_peer *self,
		    bool newest)
{
	int rc = slip_broadcast_attach_reader(r, s.ring, s.bytes, self, newest);

	r->side.spin.skip = UINT32_MAX;
	return rc;
}

static void nothing_yet(void)
{
	memset(&s, 0, sizeof(s));
	all = some = deaths = takeovers = pipes = busy = 0;
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 8, "ring.ev_data");
	x_name(s.ring + 136, 8, "ring.came");
	x_name(s.ring + 256, 8, "ring.ev_space");
	x_name(s.ring + 264, 8, "ring.meet");
	x_name(s.ring + 384, 8, "lane.tail");
	x_name(s.ring + 512, 8, "lane.begun");
	x_name(s.ring + 520, 8, "lane.role");
	x_name(s.ring + 640, 128, "lane.marks");
	x_name(s.ring + 768, sizeof(s.ring) - 768, "seats, data");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(&s.w, sizeof(s.w), "writer");
	x_name(&s.w2, sizeof(s.w2), "writer2");
	x_name(&s.r, sizeof(s.r), "reader");
	x_name(&s.r2, sizeof(s.r2), "reader2");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
	slip_peer_prepare(&s.onlooker, &peers_region);
}

static void make(uint64_t room, uint32_t elem_bytes, uint32_t writers,
		 uint32_t readers, unsigned mode)
{
	nothing_yet();
	s.bytes = slip_broadcast_bytes(room, elem_bytes, writers, readers);
	X_ASSERT(s.bytes && s.bytes <= sizeof(s.ring), "size");
	X_ASSERT(!slip_broadcast_init(s.ring, s.bytes, room, elem_bytes,
				      writers, readers, mode),
		 "init");
}

/* A writer and a reader that has got so far as to be in the way soon. */
static void begin(struct slip_peer *writer, struct slip_peer *reader,
		  unsigned count, unsigned done)
{
	X_ASSERT(!attach_w(&s.w, writer), "attach");
	X_ASSERT(!attach_r(&s.r, reader, SLIP_BROADCAST_OLDEST), "attach");
	write_some(&s.w, count);
	while (done--)
		X_ASSERT(!read_one(&s.r), "read");
	s.written = count;
}

static void elements(void)
{
	make(8, 16, 1, 0, SLIP_EVENT_FULL);
	begin(NULL, NULL, 7, 0);
}

/* 9 units for each three; 28 of 32. */
static void records(void)
{
	make(256, 0, 1, 0, SLIP_EVENT_FULL);
	begin(NULL, NULL, 9, 0);
}

static void fresh_full(void)
{
	make(8, 16, 1, 0, SLIP_EVENT_FULL);
	begin(NULL, NULL, 0, 0);
}

static void fresh_asym(void)
{
	make(8, 16, 1, 0, SLIP_EVENT_ASYM);
	begin(NULL, NULL, 0, 0);
}

static void fresh_onlooker(void)
{
	fresh_asym();
	X_ASSERT(!slip_broadcast_attach_readonly(&s.r, s.ring, s.bytes, NULL,
						 SLIP_BROADCAST_OLDEST),
		 "attach");
	s.r.side.spin.skip = UINT32_MAX;
}

static void members(void)
{
	make(256, 0, 1, 0, SLIP_EVENT_FULL);
	begin(&peers_member[0], &peers_member[1], 9, 0);
}

static void two_lanes(void)
{
	make(8, 8, 2, 0, SLIP_EVENT_FULL);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	X_ASSERT(!attach_r(&s.r, NULL, SLIP_BROADCAST_OLDEST), "attach");
}

static void full_of(unsigned mode, struct slip_peer *writer,
		    struct slip_peer *reader)
{
	make(8, 16, 1, 2, mode);
	begin(writer, reader, 8, 0);
}

static void full(void)
{
	full_of(SLIP_EVENT_FULL, NULL, NULL);
}

static void full_asym(void)
{
	full_of(SLIP_EVENT_ASYM, NULL, NULL);
}

static void full_members(void)
{
	full_of(SLIP_EVENT_FULL, &peers_member[1], &peers_member[0]);
}

/* All that its last look round allowed is written but for one. */
static void seats(void)
{
	make(8, 8, 1, 2, SLIP_EVENT_ASYM);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	write_some(&s.w, 7);
}

/* The same with one seat, of one that died as it came. */
static void seat_of_the_dead(void)
{
	struct slip_broadcast_seat *seat;

	make(8, 8, 1, 1, SLIP_EVENT_ASYM);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	write_some(&s.w, 7);
	seat = slip_broadcast_seat_(s.w.ring, &s.w.shape, 0);
	/* init: buried */
	slip_a64_store_relaxed(&seat->cursor, SLIP_BROADCAST_COMING);
	slip_a64_store_relaxed(&seat->role,
			       slip_peer_tag_(1, 1) | SLIP_ROLE_DEAD);
}

/* Whatever is left is read, and adds up; and then each write is read. */
static void usable(struct slip_broadcast_writer *w,
		   struct slip_broadcast_reader *r)
{
	while (!read_one(r))
		;
	X_ASSERT(r->at[w->index].told == w->number, "%llu read of %llu",
		 (unsigned long long)r->at[w->index].told,
		 (unsigned long long)w->number);
	for (unsigned i = 0; i < 5; i++) {
		X_ASSERT(!try_write(w), "held back");
		X_ASSERT(!read_one(r), "nothing newer");
		X_ASSERT(!slip_broadcast_lost(r), "lost");
	}
}

/* --- not waiting ---------------------------------------------------------------- */

static void write_three(void)
{
	write_some(&s.w, 3);
}

static void read_two(void)
{
	(void)read_one(&s.r);
	(void)read_one(&s.r);
}

static void exact(void)
{
	all += !s.lost;
	some += s.lost > 0;
	usable(&s.w, &s.r);
	X_ASSERT(s.got + s.lost == s.w.number, "%llu + %llu of %llu",
		 (unsigned long long)s.got, (unsigned long long)s.lost,
		 (unsigned long long)s.w.number);
}

static void both_happened(void)
{
	X_ASSERT(all && some, "%llu lost none, %llu lost some",
		 (unsigned long long)all, (unsigned long long)some);
}

/* --- coming late ------------------------------------------------------------------ */

static void write_eight(void)
{
	write_some(&s.w, 8);
}

static void come_late(bool newest)
{
	int rc = attach_r(&s.r2, NULL, newest);

	X_ASSERT(!rc || rc == -EAGAIN, "attach says %d", rc);
	s.rc[1] = rc;
	if (!rc)
		(void)read_one(&s.r2);
}

static void come_for_the_oldest(void)
{
	come_late(SLIP_BROADCAST_OLDEST);
}

static void come_for_the_newest(void)
{
	come_late(SLIP_BROADCAST_NEWEST);
}

static void came_late(void)
{
	X_ASSERT(!s.rc[1], "attach says %d", s.rc[1]);
	usable(&s.w, &s.r2);
}

/* Nine records of a part each; the next is written over the second, and that is
 * walked over meanwhile. */
static void records_of_a_part(void)
{
	uint64_t value[WORDS] = { 0 };

	make(256, 0, 1, 0, SLIP_EVENT_FULL);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	for (unsigned i = 0; i < 9; i++)
		X_ASSERT(!slip_broadcast_write(&s.w, value, 24), "write");
}

static void write_a_part(void)
{
	uint64_t value[WORDS] = { 0 };

	X_ASSERT(!slip_broadcast_write(&s.w, value, 24), "write");
}

static void walk(void)
{
	struct slip_broadcast_place to = { 4, 1 };
	uint64_t last;

	if (slip_broadcast_walk_(&s.w.shape, s.w.data, 8, &to, &last))
		all++;
	else if (slip_broadcast_lapped_(&s.w.shape, s.w.lane, 4))
		some++;
	else
		X_ASSERT(false, "what was overwritten is called damaged");
}

static void come_and_write(void)
{
	X_ASSERT(!slip_broadcast_init(s.ring, s.bytes, 8, 16, 1, 0,
				      SLIP_EVENT_FULL),
		 "init");
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	write_some(&s.w, 1);
}

static void before_init(void)
{
	nothing_yet();
	s.bytes = slip_broadcast_bytes(8, 16, 1, 0);
}

static void come_early(void)
{
	int rc = attach_r(&s.r, NULL, SLIP_BROADCAST_OLDEST);

	X_ASSERT(!rc || rc == -EBADMSG, "attach says %d", rc);
	all += !rc;
	some += rc != 0;
	if (!rc)
		(void)read_one(&s.r);
}

/* --- waiting ---------------------------------------------------------------------- */

static void write_two(void)
{
	write_some(&s.w, 2);
}

static void read_to_the_second(void)
{
	while (slip_broadcast_number(&s.r) < 2)
		X_ASSERT(!read_of(&s.r, true, SLIP_FOREVER), "read_until");
}

static void waited(void)
{
	usable(&s.w, &s.r);
}

/* --- leaving ---------------------------------------------------------------------- */

static void write_one_and_leave(void)
{
	write_some(&s.w, 1);
	slip_broadcast_detach_writer(&s.w);
}

static void read_to_the_end(void)
{
	while (!s.rc[1])
		s.rc[1] = read_of(&s.r, true, SLIP_FOREVER);
}

static void all_then_pipe(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "read_until says %d", s.rc[1]);
	X_ASSERT(s.got + s.lost == s.written, "the end came before %llu",
		 (unsigned long long)s.written);
	pipes++;
	X_ASSERT(!attach_w(&s.w2, NULL), "a successor is refused");
	usable(&s.w2, &s.r);
}

/* The first leaves when the second is there, and the second later: there is
 * always one of them. */
static void hand_over(void)
{
	X_ASSERT(!attach_w(&s.w2, NULL), "attach");
	slip_broadcast_detach_writer(&s.w);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	slip_broadcast_detach_writer(&s.w2);
	write_some(&s.w, 1);
}

static void wait_for_one(void)
{
	s.rc[1] = read_of(&s.r, true, SLIP_FOREVER);
}

static void no_end_between(void)
{
	X_ASSERT(!s.rc[1], "read_until says %d", s.rc[1]);
}

/* --- deaths of writers -------------------------------------------------------------- */

static void write_two_and_leave(void)
{
	write_some(&s.w, 2);
	slip_broadcast_detach_writer(&s.w);
}

static void succeed(void)
{
	int rc = attach_w(&s.w2, peers_self());

	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc)
		return;
	takeovers += x_dead(0);
	write_some(&s.w2, 1);
	slip_broadcast_detach_writer(&s.w2);
}

static void succession_done(void)
{
	deaths += x_dead(0);
	X_ASSERT(!attach_w(&s.w2, &peers_member[X_THREADS]), "refused");
	X_ASSERT(s.w2.number == s.written ||
			 (x_dead(0) && s.w2.number == s.written + 1),
		 "%llu written, number %llu", (unsigned long long)s.written,
		 (unsigned long long)s.w2.number);
	usable(&s.w2, &s.r);
	X_ASSERT(s.got + s.lost == s.w2.number, "accounts");
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers, "%llu deaths, %llu taken over",
		 (unsigned long long)deaths, (unsigned long long)takeovers);
}

static void writer_died(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "read_until says %d", s.rc[1]);
	succession_done();
}

static void deaths_happened(void)
{
	X_ASSERT(deaths, "nobody died");
}

/* --- seats ---------------------------------------------------------------------------- */

static void write_two_until(void)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = s.w.number + 1;
		uint64_t mine[2] = { n * WORDS, n * WORDS + 1 };

		X_ASSERT(!slip_broadcast_write_until(&s.w, mine, 16,
						     SLIP_FOREVER),
			 "write_until");
	}
}

/* What it did before it read is done before that is written over. */
static void asks_and_reads_two(void)
{
	for (unsigned i = 0; i < 2; i++) {
		s.asked[i] = 1;
		(void)read_one(&s.r);
	}
}

static void write_two_if_asked(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (!try_write(&s.w)) {
			all++;
			X_ASSERT(s.asked[i], "not seen");
		} else {
			some++;
			break;
		}
}

static void nothing_lost(void)
{
	X_ASSERT(!s.lost, "%llu lost", (unsigned long long)s.lost);
	usable(&s.w, &s.r);
	X_ASSERT(!s.lost && s.got == s.w.number, "%llu lost",
		 (unsigned long long)s.lost);
}

static void write_ten(void)
{
	for (unsigned i = 0; i < 10; i++)
		if (try_write(&s.w))
			busy++;
}

static void join_newest(void)
{
	X_ASSERT(!attach_r(&s.r, NULL, SLIP_BROADCAST_NEWEST), "attach");
}

static void joined(void)
{
	while (!read_one(&s.r))
		;
	X_ASSERT(!s.lost, "%llu lost", (unsigned long long)s.lost);
}

/* A reader that dies, or leaves, does not hold the writer back. */
static void read_one_and_leave(void)
{
	(void)read_one(&s.r);
	slip_broadcast_detach_reader(&s.r);
}

/* Another comes into its seat meanwhile. */
static void join_in_its_place(void)
{
	int rc = attach_r(&s.r2, peers_self(), SLIP_BROADCAST_NEWEST);

	X_ASSERT(!rc, "attach says %d", rc);
}

static void reader_gone(void)
{
	deaths += x_dead(0);
	s.got = s.lost = 0;
	while (!read_one(&s.r2))
		;
	X_ASSERT(!s.lost, "%llu lost", (unsigned long long)s.lost);
}

static void evict_and_write(void)
{
	some += slip_broadcast_evict(&s.w) > 0;
	for (unsigned i = 0; i < 2; i++)
		(void)!try_write(&s.w);
}

static void evicted(void)
{
	while (!read_one(&s.r))
		;
	X_ASSERT(s.got + s.lost == s.w.number, "accounts");
	deaths += s.lost > 0;
	usable(&s.w, &s.r);
}

static void evictions_happened(void)
{
	X_ASSERT(some && deaths, "%llu evicted, %llu lost something",
		 (unsigned long long)some, (unsigned long long)deaths);
}

static const struct x_model models[] = {
	{
		.name = "write-read",
		.operation = "broadcast.write+read",
		.once = elements,
		.threads = { write_three, read_two },
		.final = exact,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "records",
		.operation = "broadcast.write+read",
		.once = records,
		.threads = { write_three, read_two },
		.final = exact,
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "overtaken",
		.operation = "broadcast.write+read",
		.once = records,
		.threads = { write_eight, read_two },
		.final = exact,
		.finish = both_happened,
		.preemptions = 2,
	},
	{
		.name = "oldest",
		.operation = "broadcast.attach+detach",
		.once = records,
		.threads = { write_eight, come_for_the_oldest },
		.final = came_late,
		.preemptions = 2,
	},
	{
		.name = "newest",
		.operation = "broadcast.attach+detach",
		.once = records,
		.threads = { write_three, come_for_the_newest },
		.final = came_late,
		.preemptions = 3,
	},
	{
		.name = "walk",
		.operation = "broadcast.attach+detach",
		.once = records_of_a_part,
		.threads = { write_a_part, walk },
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "early",
		.operation = "broadcast.attach+detach",
		.once = before_init,
		.threads = { come_and_write, come_early },
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "wait-full",
		.operation = "broadcast.wait",
		.once = fresh_full,
		.threads = { write_two, read_to_the_second },
		.final = waited,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-asym",
		.operation = "broadcast.wait",
		.once = fresh_asym,
		.threads = { write_two, read_to_the_second },
		.final = waited,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-readonly",
		.operation = "broadcast.wait",
		.once = fresh_onlooker,
		.threads = { write_two, read_to_the_second },
		.final = waited,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR | X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "end",
		.operation = "broadcast.attach+detach",
		.once = fresh_full,
		.threads = { write_one_and_leave, read_to_the_end },
		.final = all_then_pipe,
		.preemptions = 3,
	},
	{
		.name = "lanes",
		.operation = "broadcast.attach+detach",
		.once = two_lanes,
		.threads = { hand_over, wait_for_one },
		.final = no_end_between,
		.preemptions = 3,
	},
	{
		.name = "succession",
		.operation = "broadcast.takeover",
		.once = members,
		.threads = { write_two_and_leave, read_two, succeed },
		.final = succession_done,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "writer-dies",
		.operation = "broadcast.takeover",
		.once = members,
		.threads = { write_two_and_leave, read_to_the_end },
		.final = writer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "seat",
		.operation = "broadcast.write+read",
		.once = full,
		.threads = { write_two_until, read_two },
		.final = nothing_lost,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "seat-order",
		.operation = "broadcast.write+read",
		.once = full,
		.threads = { write_two_if_asked, asks_and_reads_two },
		.finish = both_happened,
		.preemptions = 3,
	},
	{
		.name = "seat-asym",
		.operation = "broadcast.wait",
		.once = full_asym,
		.threads = { write_two_until, read_two },
		.final = nothing_lost,
		.preemptions = 3,
	},
	{
		.name = "join",
		.operation = "broadcast.attach+detach",
		.once = seats,
		.threads = { write_ten, join_newest },
		.final = joined,
		.preemptions = 2,
	},
	{
		.name = "join-heir",
		.operation = "broadcast.attach+detach",
		.once = seat_of_the_dead,
		.threads = { write_ten, join_newest },
		.final = joined,
		.preemptions = 2,
	},
	{
		.name = "reader-dies",
		.operation = "broadcast.takeover",
		.once = full_members,
		.threads = { read_one_and_leave, write_two_until,
			     join_in_its_place },
		.final = reader_gone,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
		.flags = X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "evict",
		.operation = "broadcast.write+read",
		.once = full,
		.threads = { evict_and_write, read_two },
		.final = evicted,
		.finish = evictions_happened,
		.preemptions = 3,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
