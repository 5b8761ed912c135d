/* SPDX-License-Identifier: MIT */
/*
 * Models of ring/latest.h: whole and in pieces, lapped, blocking in both event
 * modes and without a store, the writer's role handed on in order and after
 * deaths.
 *
 * Two slots, so that each write is over the value before the last one, which was
 * of another length. The words of a value say which version it is.
 */
#include <string.h>

#include "explore.h"
#include "peers.h"
#include "ring/latest.h"

#define WORDS	    3
#define VALUE_BYTES (WORDS * 8)

static struct {
	char ring[256 + 2 * 64] __attribute__((aligned(128)));
	struct slip_latest_writer w;
	struct slip_latest_writer w2;
	struct slip_latest_reader r;
	struct slip_latest_reader r2;
	struct slip_peer onlooker; /* no member */
	uint64_t written;	   /* values whose write has returned */
	uint64_t seen;		   /* values that were read */
	uint64_t skipped;
	int rc[X_THREADS];
} s;

/* Over all executions; so that none of the claims is empty. */
static uint64_t all, some, deaths, takeovers, pipes, busy;

/* --- values ------------------------------------------------------------------ */

static uint32_t bytes_of(uint64_t version)
{
	return version / 2 % 2 ? 8 : VALUE_BYTES;
}

static void fill(uint64_t *value, uint64_t version)
{
	for (unsigned i = 0; i < WORDS; i++)
		value[i] = version * WORDS + i;
}

static void check(const uint64_t *value, uint32_t len, uint64_t version)
{
	X_ASSERT(len == bytes_of(version), "value %llu has %u bytes",
		 (unsigned long long)version, len);
	for (unsigned i = 0; i < len / 8; i++)
		X_ASSERT(value[i] == version * WORDS + i,
			 "value %llu: word %u is %llu",
			 (unsigned long long)version, i,
			 (unsigned long long)value[i]);
}

static void write_one(struct slip_latest_writer *w)
{
	uint64_t value[WORDS];
	uint64_t version = w->version + 1;

	fill(value, version);
	X_ASSERT(!slip_latest_write(w, value, bytes_of(version)), "write");
	s.written++;
}

static void put_one(struct slip_latest_writer *w)
{
	uint64_t value[WORDS];
	uint64_t version = w->version + 1;
	unsigned char *bytes = (unsigned char *)value;

	fill(value, version);
	X_ASSERT(!slip_latest_put(w, 4, bytes + 4, bytes_of(version) - 4),
		 "put");
	X_ASSERT(!slip_latest_put(w, 0, bytes, 4), "put");
	X_ASSERT(!slip_latest_commit(w, bytes_of(version)), "commit");
	s.written++;
}

/* What has been read is whole, and its number is right. */
static void took(struct slip_latest_reader *r, const uint64_t *value,
		 uint32_t len, uint64_t before)
{
	uint64_t version = slip_latest_version(r);

	check(value, len, version);
	X_ASSERT(version > before, "%llu after %llu",
		 (unsigned long long)version, (unsigned long long)before);
	X_ASSERT(slip_latest_skipped(r) == version - before - 1, "%llu skipped",
		 (unsigned long long)slip_latest_skipped(r));
	s.seen++;
	s.skipped += slip_latest_skipped(r);
}

static int read_newer(struct slip_latest_reader *r)
{
	uint64_t value[WORDS];
	uint64_t before = slip_latest_version(r);
	uint32_t len;
	int rc = slip_latest_read_newer(r, value, sizeof(value), &len);

	X_ASSERT(!rc || rc == -ENODATA, "read says %d", rc);
	if (!rc)
		took(r, value, len, before);
	return rc;
}

static int read_until(struct slip_latest_reader *r, uint64_t deadline)
{
	uint64_t value[WORDS];
	uint64_t before = slip_latest_version(r);
	uint32_t len;
	int rc =
		slip_latest_read_until(r, value, sizeof(value), &len, deadline);

	if (!rc)
		took(r, value, len, before);
	return rc;
}

/* --- rings ------------------------------------------------------------------- */

static int attach_w(struct slip_latest_writer *w, struct slip_peer *self)
{
	return slip_latest_attach_writer(w, s.ring, sizeof(s.ring), self);
}

static int attach_r(struct slip_latest_reader *r, struct slip_peer *self)
{
	int rc = slip_latest_attach_reader(r, s.ring, sizeof(s.ring), self);

	r->side.spin.skip = UINT32_MAX; /* sleep at once */
	return rc;
}

static int attach_only(struct slip_latest_reader *r, struct slip_peer *self)
{
	int rc = slip_latest_attach_readonly(r, s.ring, sizeof(s.ring), self);

	r->side.spin.skip = UINT32_MAX;
	return rc;
}

static void names(void)
{
	x_keep(&s, sizeof(s));
	x_name(s.ring + 128, 8, "ring.latest");
	x_name(s.ring + 136, 8, "ring.begun");
	x_name(s.ring + 144, 8, "ring.ev");
	x_name(s.ring + 152, 8, "ring.role");
	x_name(s.ring + 160, 32, "ring.lens");
	x_name(s.ring + 256, 64, "ring.slot0");
	x_name(s.ring + 320, 64, "ring.slot1");
	x_name(s.ring, sizeof(s.ring), "ring");
	x_name(&s.w, sizeof(s.w), "writer");
	x_name(&s.w2, sizeof(s.w2), "writer2");
	x_name(&s.r, sizeof(s.r), "reader");
	x_name(&s.r2, sizeof(s.r2), "reader2");
	peers_setup();
	x_keep(peers_member, sizeof(peers_member));
	slip_peer_prepare(&s.onlooker, &peers_region);
}

static void nothing_yet(void)
{
	memset(&s, 0, sizeof(s));
	all = some = deaths = takeovers = pipes = busy = 0;
	names();
}

static void make(unsigned mode)
{
	nothing_yet();
	X_ASSERT(
		!slip_latest_init(s.ring, sizeof(s.ring), 2, VALUE_BYTES, mode),
		"init");
}

static void unattached(void)
{
	make(SLIP_EVENT_FULL);
}

static void attached(void)
{
	make(SLIP_EVENT_FULL);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	X_ASSERT(!attach_r(&s.r, NULL), "attach");
	X_ASSERT(!attach_r(&s.r2, NULL), "attach");
}

static void attached_asym(void)
{
	make(SLIP_EVENT_ASYM);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	X_ASSERT(!attach_r(&s.r, NULL), "attach");
}

static void attached_onlooker(void)
{
	make(SLIP_EVENT_ASYM);
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	X_ASSERT(!attach_only(&s.r, NULL), "attach");
}

static void members(void)
{
	make(SLIP_EVENT_FULL);
	X_ASSERT(!attach_w(&s.w, &peers_member[0]), "attach");
	X_ASSERT(!attach_r(&s.r, &peers_member[1]), "attach");
}

static void member_and_onlooker(void)
{
	make(SLIP_EVENT_FULL);
	X_ASSERT(!attach_w(&s.w, &peers_member[0]), "attach");
	X_ASSERT(!attach_only(&s.r, &s.onlooker), "attach");
}

/* Whoever comes now finds the newest, and goes on from there. */
static void usable(struct slip_latest_writer *w, struct slip_latest_reader *r)
{
	(void)read_newer(r);
	X_ASSERT(slip_latest_version(r) == w->version,
		 "%llu is newest, not %llu",
		 (unsigned long long)slip_latest_version(r),
		 (unsigned long long)w->version);
	for (unsigned i = 0; i < 5; i++) {
		write_one(w);
		X_ASSERT(!read_newer(r), "nothing newer");
		X_ASSERT(read_newer(r) == -ENODATA, "twice");
	}
}

/* --- not waiting ------------------------------------------------------------- */

static void write_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		write_one(&s.w);
}

static void put_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		put_one(&s.w);
}

static void read_two(void)
{
	(void)read_newer(&s.r);
	(void)read_newer(&s.r);
}

/* Another reader, which looks at the same value twice. */
static void read_again(void)
{
	uint64_t value[WORDS];
	uint32_t len;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t before = slip_latest_version(&s.r2);
		int rc = slip_latest_read(&s.r2, value, sizeof(value), &len);

		X_ASSERT(!rc || (rc == -ENODATA && !before), "read says %d",
			 rc);
		if (rc)
			continue;
		X_ASSERT(slip_latest_version(&s.r2) >= before, "back");
		check(value, len, slip_latest_version(&s.r2));
	}
}

static void exact(void)
{
	X_ASSERT(s.seen + s.skipped == slip_latest_version(&s.r),
		 "%llu read, %llu skipped, version %llu",
		 (unsigned long long)s.seen, (unsigned long long)s.skipped,
		 (unsigned long long)slip_latest_version(&s.r));
	all += s.seen == 2;
	some += s.skipped > 0;
	X_ASSERT(s.w.version == 3, "version %llu",
		 (unsigned long long)s.w.version);
	usable(&s.w, &s.r);
}

static void both_happened(void)
{
	X_ASSERT(all && some, "two read %llu times, some skipped %llu times",
		 (unsigned long long)all, (unsigned long long)some);
}

/* --- init and attach ----------------------------------------------------------- */

static void come_and_write(void)
{
	X_ASSERT(!slip_latest_init(s.ring, sizeof(s.ring), 2, VALUE_BYTES,
				   SLIP_EVENT_FULL),
		 "init");
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	write_one(&s.w);
}

static void come_early(void)
{
	int rc = attach_r(&s.r, NULL);

	X_ASSERT(!rc || rc == -EBADMSG, "attach says %d", rc);
	if (rc) {
		busy++;
		return;
	}
	all++;
	(void)read_newer(&s.r);
}

static void early_happened(void)
{
	X_ASSERT(all && busy, "%llu came, %llu came too early",
		 (unsigned long long)all, (unsigned long long)busy);
}

/* --- waiting ------------------------------------------------------------------ */

static void read_to_the_third(void)
{
	while (slip_latest_version(&s.r) < 3)
		X_ASSERT(!read_until(&s.r, SLIP_FOREVER), "read_until");
}

static void waited(void)
{
	all += s.seen == 3;
	some += s.seen < 3;
	usable(&s.w, &s.r);
}

/* The writer is found, told nobody of, and its value is. */
static void come_and_write_one(void)
{
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	write_one(&s.w);
}

static void meet_and_read(void)
{
	X_ASSERT(!slip_latest_wait_writer_until(&s.r, SLIP_FOREVER), "wait");
	X_ASSERT(!read_until(&s.r, SLIP_FOREVER), "read_until");
}

static void reader_of(void)
{
	unattached();
	X_ASSERT(!attach_r(&s.r, NULL), "attach");
}

static void onlooker_of(void)
{
	unattached();
	X_ASSERT(!attach_only(&s.r, NULL), "attach");
}

static void met(void)
{
	X_ASSERT(s.seen == 1, "%llu read", (unsigned long long)s.seen);
	usable(&s.w, &s.r);
}

/* --- leaving ------------------------------------------------------------------- */

static void come_write_leave(void)
{
	X_ASSERT(!attach_w(&s.w, NULL), "attach");
	for (unsigned i = 0; i < 2; i++)
		write_one(&s.w);
	slip_latest_detach_writer(&s.w);
}

static void read_to_the_end(void)
{
	while (!s.rc[1])
		s.rc[1] = read_until(&s.r, SLIP_FOREVER);
}

static void come_and_read_to_the_end(void)
{
	X_ASSERT(!attach_r(&s.r, NULL), "attach");
	read_to_the_end();
}

static void look_and_read_to_the_end(void)
{
	X_ASSERT(!attach_only(&s.r, NULL), "attach");
	read_to_the_end();
}

static void newest_then_pipe(void)
{
	X_ASSERT(s.rc[1] == -EPIPE, "read_until says %d", s.rc[1]);
	X_ASSERT(slip_latest_version(&s.r) == 2, "the end came before %llu",
		 (unsigned long long)s.written);
	pipes++;
	X_ASSERT(!attach_w(&s.w2, NULL), "a successor is refused");
	usable(&s.w2, &s.r);
}

static void pipe_happened(void)
{
	X_ASSERT(pipes, "never an end");
}

/* Two who want to write: one may, or one after the other. */
static void rival(struct slip_latest_writer *w)
{
	int rc = attach_w(w, NULL);

	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc) {
		busy++;
		return;
	}
	write_one(w);
	slip_latest_detach_writer(w);
}

static void rival_one(void)
{
	rival(&s.w);
}

static void rival_two(void)
{
	rival(&s.w2);
}

static void attach_and_read(void)
{
	X_ASSERT(!attach_r(&s.r, NULL), "attach");
	read_two();
}

static void rivals_done(void)
{
	takeovers += s.written == 2;
	X_ASSERT(!attach_w(&s.w, NULL), "a successor is refused");
	X_ASSERT(s.w.version == s.written, "%llu written, version %llu",
		 (unsigned long long)s.written,
		 (unsigned long long)s.w.version);
	usable(&s.w, &s.r);
}

static void rivals_happened(void)
{
	X_ASSERT(busy && takeovers, "%llu refused, %llu handed on",
		 (unsigned long long)busy, (unsigned long long)takeovers);
}

/* --- deaths -------------------------------------------------------------------- */

static void write_three_and_leave(void)
{
	write_three();
	slip_latest_detach_writer(&s.w);
}

static void put_two_and_leave(void)
{
	put_one(&s.w);
	put_one(&s.w);
	slip_latest_detach_writer(&s.w);
}

/* The newest that the dead one published can be read, and no other. */
static void writer_died(void)
{
	uint64_t version = slip_latest_version(&s.r);

	X_ASSERT(s.rc[1] == -EPIPE, "read_until says %d", s.rc[1]);
	X_ASSERT(version == s.written ||
			 (x_dead(0) && version == s.written + 1),
		 "%llu read, %llu written for sure",
		 (unsigned long long)version, (unsigned long long)s.written);
	deaths += x_dead(0);
	some += version > s.written;
	busy += slip_a64_load_relaxed(&s.r.ring->begun) > version;
	X_ASSERT(!attach_w(&s.w2, &peers_member[X_THREADS]),
		 "a successor is refused");
	usable(&s.w2, &s.r);
}

static void deaths_happened(void)
{
	X_ASSERT(deaths && some && busy,
		 "%llu deaths, %llu after the value was there, %llu half-way",
		 (unsigned long long)deaths, (unsigned long long)some,
		 (unsigned long long)busy);
}

/* A successor that comes while the first may still be alive, in which case it
 * is refused; the reader stays and knows nothing. */
static void succeed(void)
{
	int rc = attach_w(&s.w2, peers_self());

	X_ASSERT(!rc || rc == -EBUSY, "attach says %d", rc);
	if (rc)
		return;
	takeovers += x_dead(0);
	write_one(&s.w2);
	slip_latest_detach_writer(&s.w2);
}

static void write_two_and_leave(void)
{
	write_one(&s.w);
	write_one(&s.w);
	slip_latest_detach_writer(&s.w);
}

static void succession_done(void)
{
	deaths += x_dead(0);
	X_ASSERT(!attach_w(&s.w2, &peers_member[X_THREADS]), "refused");
	X_ASSERT(s.w2.version == s.written ||
			 (x_dead(0) && s.w2.version == s.written + 1),
		 "%llu written, version %llu", (unsigned long long)s.written,
		 (unsigned long long)s.w2.version);
	usable(&s.w2, &s.r);
}

static void takeovers_happened(void)
{
	X_ASSERT(deaths && takeovers, "%llu deaths, %llu taken over",
		 (unsigned long long)deaths, (unsigned long long)takeovers);
}

/* A late recoverer of the dead one meets its successor. */
static void recover(void)
{
	if (x_dead(0))
		X_ASSERT(!slip_latest_recover_(peers_self(), s.ring,
					       sizeof(s.ring), 1, 1),
			 "recover");
}

/* Stopped for ever, half-way: nobody waits for it. */
static void read_until_late(void)
{
	for (unsigned i = 0; i < 3 && !s.rc[1]; i++)
		s.rc[1] = read_until(&s.r, slip_after_ns(20000000));
}

static void stop_done(void)
{
	struct slip_latest_info info;

	X_ASSERT(!s.rc[1] || (s.rc[1] == -ETIMEDOUT && x_stopped(0)) ||
			 s.rc[1] == -EPIPE,
		 "read_until says %d", s.rc[1]);
	X_ASSERT(slip_latest_version(&s.r) >= s.written, "%llu of %llu",
		 (unsigned long long)slip_latest_version(&s.r),
		 (unsigned long long)s.written);
	X_ASSERT(!slip_latest_inspect(s.ring, sizeof(s.ring), &info),
		 "inspect");
	if ((info.writer & 15) == SLIP_ROLE_HELD)
		X_ASSERT(attach_w(&s.w2, &peers_member[X_THREADS]) == -EBUSY,
			 "taken from the living");
	deaths += x_stopped(0) && s.rc[1] == -ETIMEDOUT;
	some += s.seen == 3;
	busy += slip_a64_load_relaxed(&s.r.ring->begun) > s.written;
}

static const struct x_model models[] = {
	{
		.name = "write-read",
		.operation = "latest.write+read",
		.once = attached,
		.threads = { write_three, read_two },
		.final = exact,
		.finish = both_happened,
		.preemptions = 4,
	},
	{
		.name = "put-read",
		.operation = "latest.put+read",
		.once = attached_asym,
		.threads = { put_three, read_two },
		.final = exact,
		.finish = both_happened,
		.preemptions = 4,
	},
	{
		.name = "two-readers",
		.operation = "latest.write+read",
		.once = attached,
		.threads = { write_three, read_two, read_again },
		.final = exact,
		.finish = both_happened,
		.preemptions = 2,
	},
	{
		.name = "early",
		.operation = "latest.attach+detach",
		.once = nothing_yet,
		.threads = { come_and_write, come_early },
		.finish = early_happened,
		.preemptions = 3,
	},
	{
		.name = "wait-full",
		.operation = "latest.wait",
		.once = attached,
		.threads = { write_three, read_to_the_third },
		.final = waited,
		.finish = both_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-asym",
		.operation = "latest.wait",
		.once = attached_asym,
		.threads = { write_three, read_to_the_third },
		.final = waited,
		.finish = both_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR,
		.surprises = 1,
	},
	{
		.name = "wait-readonly",
		.operation = "latest.wait",
		.once = attached_onlooker,
		.threads = { write_three, read_to_the_third },
		.final = waited,
		.finish = both_happened,
		.preemptions = 3,
		.flags = X_SPURIOUS | X_EINTR | X_TIMEOUT,
		.surprises = 1,
	},
	{
		.name = "meet",
		.operation = "latest.wait",
		.once = reader_of,
		.threads = { come_and_write_one, meet_and_read },
		.final = met,
		.preemptions = 3,
	},
	{
		.name = "meet-readonly",
		.operation = "latest.wait",
		.once = onlooker_of,
		.threads = { come_and_write_one, meet_and_read },
		.final = met,
		.preemptions = 3,
	},
	{
		.name = "attach-detach",
		.operation = "latest.attach+detach",
		.once = unattached,
		.threads = { come_write_leave, come_and_read_to_the_end },
		.final = newest_then_pipe,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "attach-detach-readonly",
		.operation = "latest.attach+detach",
		.once = unattached,
		.threads = { come_write_leave, look_and_read_to_the_end },
		.final = newest_then_pipe,
		.finish = pipe_happened,
		.preemptions = 3,
	},
	{
		.name = "rivals",
		.operation = "latest.attach+detach",
		.once = unattached,
		.threads = { rival_one, rival_two, attach_and_read },
		.final = rivals_done,
		.finish = rivals_happened,
		.preemptions = 2,
	},
	{
		.name = "writer-dies",
		.operation = "latest.takeover",
		.once = members,
		.threads = { write_three_and_leave, read_to_the_end },
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
		.name = "putter-dies",
		.operation = "latest.takeover",
		.once = members,
		.threads = { put_two_and_leave, read_to_the_end },
		.final = writer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "writer-dies-readonly",
		.operation = "latest.takeover",
		.once = member_and_onlooker,
		.threads = { write_three_and_leave, read_to_the_end },
		.final = writer_died,
		.finish = deaths_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "succession",
		.operation = "latest.takeover",
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
		.name = "late-recoverer",
		.operation = "latest.takeover",
		.once = members,
		.threads = { write_two_and_leave, succeed, recover },
		.final = succession_done,
		.finish = takeovers_happened,
		.sys = peers_sys,
		.mortal = 1,
		.troubles = 1,
		.preemptions = 2,
	},
	{
		.name = "writer-stops",
		.operation = "latest.wait",
		.once = members,
		.threads = { write_three_and_leave, read_until_late },
		.final = stop_done,
		.finish = deaths_happened,
		.sys = peers_sys,
		.stoppable = 1,
		.troubles = 1,
		.preemptions = 2,
	},
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
