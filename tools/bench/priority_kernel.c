/* SPDX-License-Identifier: MIT */
/*
 * What the kernel has with priorities: POSIX message queues, and System V's by
 * type. Neither blocks here, as our loops do not; each holds as many messages as
 * it is permitted to, up to what ours does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "tools/bench/priority_queues.h"

#define LEVELS 4u

static size_t some_bytes(const struct mpmc_shape *shape)
{
	return shape->elem_bytes == 8;
}

/* --- POSIX ----------------------------------------------------------------- */

/* What everybody may have; more than that is up to the system. */
#define MQ_MESSAGES 10

static mqd_t mq;

/* It has a name for an instant, in which no signal is taken. */
static mqd_t mq_without_name(long messages)
{
	struct mq_attr attr = { .mq_maxmsg = messages, .mq_msgsize = 8 };
	sigset_t all, before;
	char name[64];
	mqd_t q;

	(void)snprintf(name, sizeof(name), "/slipring-bench-levels-%ld",
		       (long)getpid());
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NONBLOCK,
		    0600, &attr);
	if (q != (mqd_t)-1)
		(void)mq_unlink(name);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return q;
}

static int posix_make(void *mem, const struct mpmc_shape *shape)
{
	long most = (long)shape->capacity * LEVELS;

	(void)mem;
	mq = mq_without_name(most);
	while (mq == (mqd_t)-1 && most > MQ_MESSAGES) {
		most = most / 2 > MQ_MESSAGES ? most / 2 : MQ_MESSAGES;
		mq = mq_without_name(most);
	}
	return mq == (mqd_t)-1 ? -errno : 0;
}

static void posix_destroy(void *mem)
{
	(void)mem;
	(void)mq_close(mq);
}

SLIP_CORE uint32_t posix_push(struct mpmc_seat *s, const uint64_t *elem,
			      uint32_t n)
{
	(void)s;
	(void)n;
	return mq_send(mq, (const char *)elem, 8, *elem % LEVELS) == 0;
}

SLIP_CORE uint32_t posix_pop(struct mpmc_seat *s, uint64_t *elem, uint32_t n)
{
	unsigned level;

	(void)s;
	(void)n;
	return mq_receive(mq, (char *)elem, 8, &level) == 8;
}

MPMC_LOOPS(posix, posix_push, posix_pop, 8, 1);

const struct mpmc_queue priority_posix = { .bytes = some_bytes,
					   .make = posix_make,
					   .destroy = posix_destroy,
					   .single = MPMC_LOOPS_OF(posix) };

/* --- System V -------------------------------------------------------------- */

struct message {
	long type; /* 1: the most urgent */
	uint64_t elem;
};

static int sysv;

static int sysv_make(void *mem, const struct mpmc_shape *shape)
{
	(void)mem;
	(void)shape;
	sysv = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	return sysv < 0 ? -errno : 0;
}

static void sysv_destroy(void *mem)
{
	(void)mem;
	(void)msgctl(sysv, IPC_RMID, NULL);
}

SLIP_CORE uint32_t sysv_push(struct mpmc_seat *s, const uint64_t *elem,
			     uint32_t n)
{
	struct message m = { (long)(LEVELS - *elem % LEVELS), *elem };

	(void)s;
	(void)n;
	return msgsnd(sysv, &m, 8, IPC_NOWAIT) == 0;
}

SLIP_CORE uint32_t sysv_pop(struct mpmc_seat *s, uint64_t *elem, uint32_t n)
{
	struct message m;

	(void)s;
	(void)n;
	if (msgrcv(sysv, &m, 8, -(long)LEVELS, IPC_NOWAIT) != 8)
		return 0;
	*elem = m.elem;
	return 1;
}

MPMC_LOOPS(by_type, sysv_push, sysv_pop, 8, 1);

const struct mpmc_queue priority_sysv = { .bytes = some_bytes,
					  .make = sysv_make,
					  .destroy = sysv_destroy,
					  .single = MPMC_LOOPS_OF(by_type) };
