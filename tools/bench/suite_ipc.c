/* SPDX-License-Identifier: MIT */
/*
 * What two processes use today to send each other messages, beside our rings
 * used in the same way: blocking calls, one message at a time. A waiting side
 * of ours spins a little and then sleeps, as its calls do for any user.
 *
 * Readers of streams take what is there (as stdio does), and queues are made
 * as long as the system permits. Semaphores and eventfd carry no data, so with
 * them goes a buffer that both map (ipc_slots.h): what a ring of one's own
 * would be.
 */
#define _GNU_SOURCE

#include "tools/bench/ipc_loops.h"

#define COUNT(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

static void ipc_cleanup(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);
	unsigned who = job->trip ? 0 : 1;

	if (t->shared) {
		uint64_t ns = t->shared->side[who].ns;
		double ops = (double)t->shared->side[who].ops;

		job->rc = t->shared->side[0].rc;
		if (!job->rc)
			job->rc = t->shared->side[1].rc;
		if (!job->rc && (!ns || ops < 1))
			job->rc = -ETIME;
		if (!job->rc)
			job->answer->value = job->trip ? (double)ns / ops
						       : ops * 1e3 / (double)ns;
		if (!job->rc && job->trip && job->answer->hist)
			bench_hist_merge(job->answer->hist, &t->shared->hist);
	}
	job->way->cleanup(t);
}

static const char *ipc_why(int rc)
{
	if (rc == -EBADMSG)
		return "a message was lost, torn or out of order";
	if (rc == -ETIME)
		return "nothing arrived after the warm-up";
	return "a side's call failed";
}

int ipc_ask(const struct ipc_way *way, bool trip, const struct bench_point *p,
	    struct bench_answer *a)
{
	struct ipc_job job = { .answer = a,
			       .way = way,
			       .trip = trip,
			       .fd = { { -1, -1 }, { -1, -1 } },
			       .id = -1 };
	struct bench_team t = { .point = p,
				.sides = 2,
				.run = { way->side, way->side },
				.one_cpu = p->way == IPC_ONE_CPU,
				.bytes = IPC_SHARED_BYTES,
				.own = &job,
				.setup = way->setup,
				.cleanup = ipc_cleanup };
	int rc;

	rc = bench_team_run(&t, a);
	way->cleanup(&t); /* if it did not come so far */
	if (job.rc && (!rc || !a->why))
		a->why = ipc_why(job.rc);
	return rc ? rc : job.rc;
}

/* --- the entries ----------------------------------------------------------- */

#define IPC_ENTRY(text, k, deb, f)                                \
	{                                                         \
		.name = text, .kind = k, .package = deb, .ask = f \
	}
#define IPC_RIVAL(text, f) IPC_ENTRY(text, BENCH_RIVAL, NULL, f)
#define IPC_CHANNELS(what)                                                     \
	IPC_RIVAL("pipe", ipc_##what##_pipe),                                  \
		IPC_RIVAL("FIFO", ipc_##what##_fifo),                          \
		IPC_RIVAL("UNIX stream", ipc_##what##_unix_stream),            \
		IPC_RIVAL("UNIX datagram", ipc_##what##_unix_datagram),        \
		IPC_RIVAL("UNIX seqpacket", ipc_##what##_unix_seqpacket),      \
		IPC_RIVAL("TCP loopback", ipc_##what##_tcp),                   \
		IPC_RIVAL("System V queue", ipc_##what##_sysv_queue),          \
		IPC_RIVAL("POSIX queue", ipc_##what##_posix_queue),            \
		IPC_RIVAL("System V semaphores, buffer",                       \
			  ipc_##what##_sysv_sem),                              \
		IPC_RIVAL("POSIX semaphores, buffer", ipc_##what##_posix_sem), \
		IPC_RIVAL("eventfd, buffer", ipc_##what##_eventfd),            \
		IPC_ENTRY("ZeroMQ", BENCH_RIVAL, "libzmq5",                    \
			  ipc_##what##_zeromq),                                \
		IPC_ENTRY("nng", BENCH_RIVAL, "libnng1", ipc_##what##_nng)

static const struct bench_entry rate_8[] = {
	IPC_ENTRY("slipring spsc", BENCH_OURS, NULL, ipc_rate_word),
	IPC_ENTRY("slipring record", BENCH_OURS, NULL, ipc_rate_record),
	IPC_CHANNELS(rate),
};
static const struct bench_entry rate_64[] = {
	IPC_ENTRY("slipring spsc", BENCH_OURS, NULL, ipc_rate_line),
	IPC_ENTRY("slipring record", BENCH_OURS, NULL, ipc_rate_record),
	IPC_CHANNELS(rate),
};
static const struct bench_entry rate_more[] = {
	IPC_ENTRY("slipring record", BENCH_OURS, NULL, ipc_rate_record),
	IPC_CHANNELS(rate),
};
static const struct bench_entry trip_8[] = {
	IPC_ENTRY("slipring spsc", BENCH_OURS, NULL, ipc_trip_word),
	IPC_ENTRY("slipring record", BENCH_OURS, NULL, ipc_trip_record),
	IPC_CHANNELS(trip),
};

static void ipc_add_rate(struct bench *b, uint32_t bytes,
			 const struct bench_entry *entries, unsigned count)
{
	const struct bench_case c = {
		.suite = "ipc",
		.name = bench_text(b, "one way, %u B", bytes),
		.unit = "Mmsg/s",
		.series = "ipc: one way by message size",
		.x_name = "bytes in a message",
		.x = bytes,
		.quick = bytes == 64 || bytes == 4096,
		.point = { .elem_bytes = bytes, .capacity = IPC_BUFFER_BYTES },
		.entries = entries,
		.count = count,
	};

	bench_add(b, &c);
}

static void ipc_add_trip(struct bench *b, uint32_t way, const char *name)
{
	const struct bench_case c = {
		.suite = "ipc",
		.name = name,
		.unit = "ns",
		.less_is_better = true,
		.latency = true,
		.quick = true,
		.point = { .elem_bytes = 8,
			   .capacity = IPC_BUFFER_BYTES,
			   .way = way },
		.entries = trip_8,
		.count = COUNT(trip_8),
	};

	bench_add(b, &c);
}

void bench_suite_ipc(struct bench *b)
{
	ipc_add_rate(b, 8, rate_8, COUNT(rate_8));
	ipc_add_rate(b, 64, rate_64, COUNT(rate_64));
	ipc_add_rate(b, 1024, rate_more, COUNT(rate_more));
	ipc_add_rate(b, 4096, rate_more, COUNT(rate_more));
	ipc_add_trip(b, 0, "round trip, two processors");
	ipc_add_trip(b, IPC_ONE_CPU, "round trip, one processor");
}
