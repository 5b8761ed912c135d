/* SPDX-License-Identifier: MIT */
/* POSIX message queues, POSIX semaphores between processes, and Linux's
 * eventfd; the latter two count the slots of a buffer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/bench/ipc_slots.h"

/* --- message queues -------------------------------------------------------- */

struct mq_link {
	mqd_t in, out;
};

/* What everybody may have; more than that is up to the system. */
#define MQ_MESSAGES 10

/* It has a name for an instant, in which no signal is taken. */
static mqd_t mq_without_name(uint32_t bytes, uint32_t messages)
{
	struct mq_attr attr = { .mq_maxmsg = (long)messages,
				.mq_msgsize = (long)bytes };
	sigset_t all, before;
	char name[64];
	mqd_t q;

	(void)snprintf(name, sizeof(name), "/slipring-bench-%ld",
		       (long)getpid());
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (q != (mqd_t)-1)
		(void)mq_unlink(name);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return q;
}

/* As long as is permitted. On Linux a queue is a file descriptor. */
static int setup_posix_queue(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);
	uint32_t bytes = t->point->elem_bytes;

	for (unsigned i = 0; i < (job->trip ? 2u : 1u); i++) {
		uint32_t most =
			job->trip ? MQ_MESSAGES : IPC_BUFFER_BYTES / bytes;
		mqd_t q = mq_without_name(bytes, most);

		while (q == (mqd_t)-1 && most > MQ_MESSAGES) {
			most = most / 2 > MQ_MESSAGES ? most / 2 : MQ_MESSAGES;
			q = mq_without_name(bytes, most);
		}
		if (q == (mqd_t)-1)
			return -errno;
		job->fd[i][0] = (int)q;
	}
	return 0;
}

static int open_posix_queue(const struct bench_team *t, unsigned self,
			    struct mq_link *l)
{
	l->in = (mqd_t)ipc_job(t)->fd[!self][0];
	l->out = (mqd_t)ipc_job(t)->fd[self][0];
	return 0;
}

SLIP_CORE int send_posix_queue(void *link, const void *msg, uint32_t bytes)
{
	const struct mq_link *l = (const struct mq_link *)link;

	return mq_send(l->out, (const char *)msg, bytes, 0) ? -errno : 0;
}

SLIP_CORE int take_posix_queue(void *link, void *msg, uint32_t bytes)
{
	const struct mq_link *l = (const struct mq_link *)link;
	ssize_t n = mq_receive(l->in, (char *)msg, bytes, NULL);

	if (n < 0)
		return -errno;
	return n == (ssize_t)bytes ? 0 : -EBADMSG;
}

static void shut_posix_queue(struct mq_link *l)
{
	(void)l; /* the process ends */
}

IPC_WAY(posix_queue, mq_link, setup_posix_queue, ipc_close_fds)

/* --- semaphores ------------------------------------------------------------ */

/* A line for each, or two: neighbours are fetched together. */
struct lone_sem {
	_Alignas(128) sem_t sem;
};
SLIP_STATIC_ASSERT(sizeof(struct lone_sem) * IPC_COUNTS <= IPC_COUNTS_BYTES,
		   "the slots stand behind");

struct sems_link {
	struct ipc_slots slots;
	struct lone_sem *sems;
};

static int setup_posix_sem(struct bench_team *t)
{
	struct lone_sem *sems = (struct lone_sem *)t->mem;
	unsigned slots = ipc_slots_count(t->point);

	for (unsigned i = 0; i < IPC_COUNTS; i++)
		if (sem_init(&sems[i].sem, 1, i % 2 == IPC_FREE ? slots : 0))
			return -errno;
	return 0;
}

static int open_posix_sem(const struct bench_team *t, unsigned self,
			  struct sems_link *l)
{
	ipc_slots_open(t, self, &l->slots);
	l->sems = (struct lone_sem *)t->mem;
	return 0;
}

SLIP_CORE int up_posix_sem(const struct sems_link *l, unsigned count)
{
	return sem_post(&l->sems[count].sem) ? -errno : 0;
}

SLIP_CORE int down_posix_sem(const struct sems_link *l, unsigned count)
{
	return sem_wait(&l->sems[count].sem) ? -errno : 0;
}

static void shut_posix_sem(struct sems_link *l)
{
	(void)l; /* it owns no more than the memory that it stands in */
}

static void nothing(struct bench_team *t)
{
	(void)t;
}

IPC_SLOTS_WAY(posix_sem, sems_link, nothing)

/* --- eventfd --------------------------------------------------------------- */

/* A read takes all that was counted, so that the side that lags behind calls
 * once for many messages. */
struct eventfd_link {
	struct ipc_slots slots;
	int fd[IPC_COUNTS];
	uint64_t have[IPC_COUNTS]; /* read, and not used yet */
	uint64_t owed;		   /* freed, and not told yet */
};

static int setup_eventfd(struct bench_team *t)
{
	unsigned slots = ipc_slots_count(t->point);

	for (unsigned i = 0; i < IPC_COUNTS; i++) {
		int fd = eventfd(i % 2 == IPC_FREE ? slots : 0, EFD_CLOEXEC);

		if (fd < 0)
			return -errno;
		ipc_job(t)->fd[i / 2][i % 2] = fd;
	}
	return 0;
}

static int open_eventfd(const struct bench_team *t, unsigned self,
			struct eventfd_link *l)
{
	ipc_slots_open(t, self, &l->slots);
	for (unsigned i = 0; i < IPC_COUNTS; i++)
		l->fd[i] = ipc_job(t)->fd[i / 2][i % 2];
	return 0;
}

/* Free slots are told in one write before the next wait, or when half of the
 * buffer is free. */
SLIP_CORE int up_eventfd(struct eventfd_link *l, unsigned count)
{
	uint64_t n = 1;

	if (count % 2 == IPC_FREE) {
		bool soon = !l->have[count - IPC_FREE];

		if (++l->owed < l->slots.slots / 2 && !soon)
			return 0;
		n = l->owed;
		l->owed = 0;
	}
	return eventfd_write(l->fd[count], n) ? -errno : 0;
}

SLIP_CORE int down_eventfd(struct eventfd_link *l, unsigned count)
{
	eventfd_t n;

	if (!l->have[count]) {
		if (eventfd_read(l->fd[count], &n))
			return -errno;
		l->have[count] = n;
	}
	l->have[count]--;
	return 0;
}

static void shut_eventfd(struct eventfd_link *l)
{
	(void)l; /* the process ends */
}

IPC_SLOTS_WAY(eventfd, eventfd_link, ipc_close_fds)
