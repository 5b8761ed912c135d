/* SPDX-License-Identifier: MIT */
/*
 * Lanes (ring/lanes.h): four processes send messages to one, by blocking calls,
 * beside what is used for that today. Only what arrives counts, in order for
 * each sender.
 *
 * Where a processor has several sides they run at ordinary priority, as in suite
 * mpmc. The reader of the pipe takes what is there, ours one record at a time;
 * queues are as long as the system permits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring/lanes.h"
#include "tools/bench/batch.h"
#include "tools/bench/bench.h"
#include "tools/bench/ipc_library.h"

#define SENDERS	   4u
#define SIDES	   (SENDERS + 1)
#define LANE_BYTES (1u << 18)
#define SLOTS	   1024u
#define LONGEST	   BATCH_LONGEST
#define AT_ONCE	   BATCH_AT_ONCE

union letter {
	uint64_t word[LONGEST / 8];
	unsigned char bytes[LONGEST];
};

struct slots {
	pthread_mutex_t lock;
	pthread_cond_t room, news;
	uint64_t head, tail;
	unsigned char data[SLOTS][LONGEST];
};

/* One side's own. */
struct link {
	const struct bench_team *t;
	uint32_t bytes; /* of a message */
	bool sends;
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	void *ctx, *socket;
	struct ipc_meeting *meeting;
	struct batch batch;
};

struct way {
	size_t bytes; /* of the memory that all map */
	int (*setup)(struct bench_team *t);
	int (*open)(struct link *l);
	int (*send)(struct link *l, const void *msg);
	int (*take)(struct link *l, void *msg);
	void (*shut)(struct link *l);
	unsigned flags;
};

struct job {
	const struct way *way;
	int fd[2]; /* to take from, to send to */
	struct bench_answer *answer;
	int rc;
};

static struct job *job_of(const struct bench_team *t)
{
	return (struct job *)t->own;
}

static int no_open(struct link *l)
{
	(void)l;
	return 0;
}

static void no_shut(struct link *l)
{
	(void)l;
}

/* --- ours ------------------------------------------------------------------ */

static int setup_lanes(struct bench_team *t)
{
	return slip_lanes_init(t->mem, t->bytes, SENDERS, LANE_BYTES, 1,
			       job_of(t)->way->flags);
}

static int open_lanes(struct link *l)
{
	void *mem = l->t->mem;

	return l->sends ? slip_lanes_attach_producer(&l->p, mem, l->t->bytes,
						     NULL)
			: slip_lanes_attach_consumer(&l->c, mem, l->t->bytes,
						     NULL);
}

static int send_lanes(struct link *l, const void *msg)
{
	return slip_lanes_push_until(&l->p, msg, l->bytes, SLIP_FOREVER);
}

static int take_lanes(struct link *l, void *msg)
{
	uint32_t len = 0;
	int rc = slip_lanes_pop_until(&l->c, msg, l->bytes, &len, SLIP_FOREVER);

	return rc || len == l->bytes ? rc : -EBADMSG;
}

/* --- pipe, seqpacket -------------------------------------------------------- */

static int setup_pipe(struct bench_team *t)
{
	int *fd = job_of(t)->fd;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	(void)fcntl(fd[1], F_SETPIPE_SZ, 1 << 20);
	return 0;
}

static int setup_seqpacket(struct bench_team *t)
{
	int *fd = job_of(t)->fd;
	int most = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		return -errno;
	(void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
	return 0;
}

static int send_fd(struct link *l, const void *msg)
{
	ssize_t n = write(job_of(l->t)->fd[1], msg, l->bytes);

	return n == (ssize_t)l->bytes ? 0 : -EIO;
}

static int take_packet(struct link *l, void *msg)
{
	ssize_t n = read(job_of(l->t)->fd[0], msg, l->bytes);

	return n == (ssize_t)l->bytes ? 0 : -EBADMSG;
}

static int take_pipe(struct link *l, void *msg)
{
	return batch_take(&l->batch, job_of(l->t)->fd[0], msg, l->bytes);
}

/* --- POSIX queue ------------------------------------------------------------- */

static int setup_queue(struct bench_team *t)
{
	struct mq_attr attr = { .mq_msgsize = t->point->elem_bytes };
	char name[64];
	mqd_t q = (mqd_t)-1;

	(void)snprintf(name, sizeof(name), "/slipring-lanes-%ld",
		       (long)getpid());
	for (long most = 4096; q == (mqd_t)-1 && most >= 8; most /= 2) {
		attr.mq_maxmsg = most;
		q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			    &attr);
	}
	if (q == (mqd_t)-1)
		return -errno;
	(void)mq_unlink(name);
	job_of(t)->fd[0] = (int)q;
	return 0;
}

static int send_queue(struct link *l, const void *msg)
{
	return mq_send((mqd_t)job_of(l->t)->fd[0], (const char *)msg, l->bytes,
		       0)
		       ? -errno
		       : 0;
}

static int take_queue(struct link *l, void *msg)
{
	ssize_t n = mq_receive((mqd_t)job_of(l->t)->fd[0], (char *)msg,
			       l->bytes, NULL);

	return n == (ssize_t)l->bytes ? 0 : -EBADMSG;
}

/* --- a buffer in shared memory, under a mutex ------------------------------- */

static int setup_slots(struct bench_team *t)
{
	struct slots *s = (struct slots *)t->mem;
	pthread_mutexattr_t m;
	pthread_condattr_t c;

	(void)pthread_mutexattr_init(&m);
	(void)pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	(void)pthread_condattr_init(&c);
	(void)pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	(void)pthread_mutex_init(&s->lock, &m);
	(void)pthread_cond_init(&s->room, &c);
	(void)pthread_cond_init(&s->news, &c);
	return 0;
}

static int send_slots(struct link *l, const void *msg)
{
	struct slots *s = (struct slots *)l->t->mem;

	(void)pthread_mutex_lock(&s->lock);
	while (s->tail - s->head == SLOTS)
		(void)pthread_cond_wait(&s->room, &s->lock);
	memcpy(s->data[s->tail++ % SLOTS], msg, l->bytes);
	(void)pthread_cond_signal(&s->news);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

static int take_slots(struct link *l, void *msg)
{
	struct slots *s = (struct slots *)l->t->mem;

	(void)pthread_mutex_lock(&s->lock);
	while (s->tail == s->head)
		(void)pthread_cond_wait(&s->news, &s->lock);
	memcpy(msg, s->data[s->head++ % SLOTS], l->bytes);
	(void)pthread_cond_signal(&s->room);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* --- ZeroMQ ------------------------------------------------------------------ */

enum { PULL = 7, PUSH = 8, LINGER = 17, SNDHWM = 23, RCVHWM = 24 };

static struct {
	void *(*ctx_new)(void);
	int (*ctx_term)(void *ctx);
	void *(*socket)(void *ctx, int type);
	int (*close)(void *socket);
	int (*setsockopt)(void *socket, int option, const void *value,
			  size_t bytes);
	int (*bind)(void *socket, const char *address);
	int (*connect)(void *socket, const char *address);
	int (*send)(void *socket, const void *msg, size_t bytes, int flags);
	int (*recv)(void *socket, void *msg, size_t bytes, int flags);
} zmq;

static const struct ipc_symbol symbols[] = {
	{ "zmq_ctx_new", &zmq.ctx_new },
	{ "zmq_ctx_term", &zmq.ctx_term },
	{ "zmq_socket", &zmq.socket },
	{ "zmq_close", &zmq.close },
	{ "zmq_setsockopt", &zmq.setsockopt },
	{ "zmq_bind", &zmq.bind },
	{ "zmq_connect", &zmq.connect },
	{ "zmq_send", &zmq.send },
	{ "zmq_recv", &zmq.recv },
};

static int setup_zeromq(struct bench_team *t)
{
	(void)t;
	return ipc_library_load("libzmq.so.5", symbols,
				sizeof(symbols) / sizeof(*symbols));
}

static int open_zeromq(struct link *l)
{
	int most = (int)((1u << 20) / l->bytes);
	int forever = -1;
	char at[64];
	int rc = 0;

	l->meeting = (struct ipc_meeting *)l->t->mem;
	ipc_library_enter();
	ipc_meeting_name("ipc://@", at, sizeof(at));
	l->ctx = zmq.ctx_new();
	l->socket = l->ctx ? zmq.socket(l->ctx, l->sends ? PUSH : PULL) : NULL;
	if (!l->socket ||
	    zmq.setsockopt(l->socket, SNDHWM, &most, sizeof(most)) ||
	    zmq.setsockopt(l->socket, RCVHWM, &most, sizeof(most)) ||
	    zmq.setsockopt(l->socket, LINGER, &forever, sizeof(forever)))
		return -EIO;
	if (!l->sends) {
		rc = zmq.bind(l->socket, at) ? -EIO : 0;
		ipc_meeting_tell(&l->meeting->bound, rc);
		return rc;
	}
	rc = ipc_meeting_wait(&l->meeting->bound);
	return rc || !zmq.connect(l->socket, at) ? rc : -EIO;
}

static int send_zeromq(struct link *l, const void *msg)
{
	return zmq.send(l->socket, msg, l->bytes, 0) == (int)l->bytes ? 0
								      : -EIO;
}

static int take_zeromq(struct link *l, void *msg)
{
	return zmq.recv(l->socket, msg, l->bytes, 0) == (int)l->bytes
		       ? 0
		       : -EBADMSG;
}

static void shut_zeromq(struct link *l)
{
	if (l->sends)
		(void)ipc_meeting_wait(&l->meeting->done);
	else
		ipc_meeting_tell(&l->meeting->done, 0);
	if (l->socket)
		(void)zmq.close(l->socket);
	if (l->ctx)
		(void)zmq.ctx_term(l->ctx);
}

/* --- the sides --------------------------------------------------------------- */

#define END ((UINT64_C(1) << 56) - 1)

static int pour(struct bench_team *t, struct link *l, uint64_t self)
{
	const struct way *w = job_of(t)->way;
	union letter m = { { 0 } };
	uint64_t n = 0;
	int rc = 0;

	while (!rc && !(n % AT_ONCE == 0 && bench_over(t))) {
		m.word[0] = m.word[l->bytes / 8 - 1] = self << 56 | n++;
		rc = w->send(l, &m);
	}
	m.word[0] = m.word[l->bytes / 8 - 1] = self << 56 | END;
	return rc ? rc : w->send(l, &m);
}

/* 1: one more; 0: the end of one sender. */
static int check(const union letter *m, uint32_t bytes, uint64_t next[])
{
	uint64_t self = m->word[0] >> 56;
	uint64_t n = m->word[0] & END;

	if (self >= SENDERS || m->word[bytes / 8 - 1] != m->word[0])
		return -EBADMSG;
	if (n == END)
		return 0;
	return n == next[self]++ ? 1 : -EBADMSG;
}

static int drain(struct bench_team *t, struct link *l)
{
	uint64_t warm =
		bench_now_ns() + (uint64_t)(t->point->seconds * 1e9 / 8);
	uint64_t next[SENDERS] = { 0 };
	uint64_t count = 0, skipped = 0, since = 0;
	unsigned left = SENDERS;
	union letter m;
	int rc = 0;

	while (left && !rc) {
		rc = job_of(t)->way->take(l, &m);
		if (rc || (rc = check(&m, l->bytes, next)) < 0)
			break;
		left -= !rc;
		count += rc > 0;
		rc = 0;
		if (!since && count % AT_ONCE == 0 && bench_now_ns() >= warm) {
			since = bench_now_ns();
			skipped = count;
		}
	}
	t->shared->side[SENDERS].ops = count - skipped;
	t->shared->side[SENDERS].ns = since ? bench_now_ns() - since : 0;
	return rc;
}

static void be_ordinary(void)
{
	struct sched_param ordinary = { 0 };

	(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
	(void)setpriority(PRIO_PROCESS, 0, -20);
}

static void side(struct bench_team *t, unsigned self)
{
	static struct link l;
	const struct way *w = job_of(t)->way;
	int rc;

	l.t = t;
	l.bytes = t->point->elem_bytes;
	l.sends = self < SENDERS;
	be_ordinary();
	rc = w->open(&l);
	bench_ready(t);
	if (!rc)
		rc = l.sends ? pour(t, &l, self) : drain(t, &l);
	t->shared->side[self].rc = rc;
	w->shut(&l);
}

static int setup(struct bench_team *t)
{
	return job_of(t)->way->setup(t);
}

static void cleanup(struct bench_team *t)
{
	struct job *job = job_of(t);

	for (int i = 0; i < 2; i++) {
		if (job->fd[i] >= 0)
			(void)close(job->fd[i]);
		job->fd[i] = -1;
	}
	if (!t->shared)
		return;
	for (unsigned i = 0; i < SIDES && !job->rc; i++)
		job->rc = t->shared->side[i].rc;
	if (!job->rc && !t->shared->side[SENDERS].ns)
		job->rc = -ETIME;
	if (!job->rc)
		job->answer->value = (double)t->shared->side[SENDERS].ops *
				     1e3 / (double)t->shared->side[SENDERS].ns;
}

static int ask(const struct way *way, const struct bench_point *p,
	       struct bench_answer *a)
{
	struct job job = { .way = way, .fd = { -1, -1 }, .answer = a };
	struct bench_team t = { .point = p,
				.sides = SIDES,
				.bytes = way->bytes,
				.own = &job,
				.setup = setup,
				.cleanup = cleanup };
	int rc;

	for (unsigned i = 0; i < SIDES; i++)
		t.run[i] = side;
	rc = bench_team_run(&t, a);
	for (int i = 0; i < 2; i++)
		if (job.fd[i] >= 0)
			(void)close(job.fd[i]);
	if (job.rc && !rc)
		a->why = job.rc == -EBADMSG ? "a message was lost or torn"
					    : "a side's call failed";
	return rc ? rc : job.rc;
}

#define LANES_MEM (4096 + SENDERS * (LANE_BYTES + 4096))

#define WAY(name, mem, set, opens, sends, takes, shuts, with)              \
	static int ask_##name(const struct bench_point *p,                 \
			      struct bench_answer *a)                      \
	{                                                                  \
		static const struct way way = { (mem),	 (set),	  (opens), \
						(sends), (takes), (shuts), \
						(with) };                  \
                                                                           \
		return ask(&way, p, a);                                    \
	}                                                                  \
	SLIP_STATIC_ASSERT((mem) > 0, "there is some")

WAY(lanes, LANES_MEM, setup_lanes, open_lanes, send_lanes, take_lanes, no_shut,
    0);
WAY(stamped, LANES_MEM, setup_lanes, open_lanes, send_lanes, take_lanes,
    no_shut, SLIP_LANES_STAMPED);
WAY(pipe, 4096, setup_pipe, no_open, send_fd, take_pipe, no_shut, 0);
WAY(seqpacket, 4096, setup_seqpacket, no_open, send_fd, take_packet, no_shut,
    0);
WAY(queue, 4096, setup_queue, no_open, send_queue, take_queue, no_shut, 0);
WAY(slots, sizeof(struct slots), setup_slots, no_open, send_slots, take_slots,
    no_shut, 0);
WAY(zeromq, 4096, setup_zeromq, open_zeromq, send_zeromq, take_zeromq,
    shut_zeromq, 0);

#define SHARED "pthread mutex, buffer"

/* Beside a pipe that is read by 32 messages: one call of its writers each. */
#define LIMIT                                                               \
	"on two processors the five take turns, and a consumer that runs "  \
	"beside one producer at a time is what is measured, and how often " \
	"the scheduler changes; a pipe of 1 MiB that is read by 32 "        \
	"messages is the best that the kernel has for this. Runs gave 7.7 " \
	"and 5.0 (64 B, 1 KiB); 2.0 to 3.2 and 2.2 to 2.4 where a "         \
	"membarrier takes 0.3 ms, and mode FULL, tried there, 4.6 and 4.5"

/* The buffer does not enter the kernel for each message: it has a target of its
 * own. */
static const struct bench_entry entries[] = {
	{ "slipring lanes", BENCH_OURS, NULL, ask_lanes, false },
	{ "slipring lanes, stamped", BENCH_OURS, NULL, ask_stamped, false },
	{ "pipe", BENCH_RIVAL, NULL, ask_pipe, false },
	{ "UNIX seqpacket", BENCH_RIVAL, NULL, ask_seqpacket, false },
	{ "POSIX queue", BENCH_RIVAL, NULL, ask_queue, false },
	{ "ZeroMQ", BENCH_RIVAL, "libzmq5", ask_zeromq, false },
	{ SHARED, BENCH_LOOSE, NULL, ask_slots, false },
};

static void add(struct bench *b, uint32_t bytes)
{
	const struct bench_case c = {
		.suite = "lanes",
		.name = bench_text(b, "4 to 1, %u B", bytes),
		.unit = "Mmsg/s",
		.series = "lanes: 4 to 1 by message size",
		.x_name = "bytes in a message",
		.x = bytes,
		.quick = true,
		.point = { .elem_bytes = bytes,
			   .capacity = SENDERS * LANE_BYTES,
			   .actors = SIDES },
		.entries = entries,
		.count = sizeof(entries) / sizeof(*entries),
	};
	const struct bench_target kernel = {
		.suite = "lanes",
		.name = c.name,
		.at_least = 10,
		.line = bench_text(b,
				   "4 producers, %u B: at least 10x the best "
				   "of those that enter the kernel",
				   bytes),
		.limit = LIMIT,
	};
	const struct bench_target shared = {
		.suite = "lanes",
		.name = c.name,
		.against = SHARED,
		.at_least = 1.5,
		.line = bench_text(b,
				   "4 producers, %u B: at least 1.5x a buffer "
				   "in shared memory",
				   bytes),
	};

	bench_add(b, &c);
	bench_target(b, &kernel);
	bench_target(b, &shared);
}

void bench_suite_lanes(struct bench *b)
{
	add(b, 64);
	add(b, 1024);
}
