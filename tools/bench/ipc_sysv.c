/* SPDX-License-Identifier: MIT */
/*
 * System V: a message queue, and semaphores that count the slots of a buffer.
 *
 * Such an object outlives those who use it, and is of no use once it is
 * removed. So it belongs to a keeper: a child that listens to no signal that
 * can be blocked, makes the object, and removes it when the other end of a pipe
 * is closed, as it is by whatever way the bench ends.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/ipc_slots.h"

/* --- the keeper ------------------------------------------------------------ */

struct object {
	int (*make)(const struct bench_point *p); /* its id, or -errno */
	void (*remove)(int id);
};

/* Tells the id through `told`, and waits for the end of `until`. */
static void keep(const struct object *o, const struct bench_point *p, int told,
		 int until)
{
	int id = o->make(p);
	char end;

	(void)setsid(); /* no terminal to be killed from */
	if (write(told, &id, sizeof(id)) == sizeof(id))
		while (read(until, &end, 1) < 0 && errno == EINTR)
			;
	if (id >= 0)
		o->remove(id);
}

static pid_t fork_keeper(const struct object *o, const struct bench_point *p,
			 const int told[2], const int until[2])
{
	sigset_t all, before;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (!pid) {
		(void)close(until[1]);
		keep(o, p, told[1], until[0]);
		_exit(0);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -errno : pid;
}

/* Ends the keeper, and with it the object. */
static void cleanup_object(struct bench_team *t)
{
	struct ipc_job *job = ipc_job(t);

	ipc_close_fds(t);
	if (job->keeper > 0)
		(void)waitpid(job->keeper, NULL, 0);
	job->keeper = 0;
}

static int setup_object(struct bench_team *t, const struct object *o)
{
	struct ipc_job *job = ipc_job(t);
	int *told = job->fd[0];
	int *until = job->fd[1];
	int rc;

	if (pipe(told) || pipe(until))
		return -errno;
	job->keeper = fork_keeper(o, t->point, told, until);
	if (job->keeper < 0)
		return (int)job->keeper;
	(void)close(told[1]); /* so that its death is noticed */
	told[1] = -1;
	rc = read(told[0], &job->id, sizeof(job->id)) == sizeof(job->id) ? 0
									 : -EIO;
	return !rc && job->id < 0 ? job->id : rc;
}

/* --- a message queue ------------------------------------------------------- */

/* One queue serves both directions: a message's type is the number of the
 * side that sends it, and 1. */
struct queue_link {
	int id;
	long mine, theirs;
	struct {
		long type;
		union ipc_msg msg;
	} buf;
};

static int make_queue(const struct bench_point *p)
{
	int id = msgget(IPC_PRIVATE, 0600);
	struct msqid_ds state;

	(void)p;
	if (id < 0)
		return -errno;
	/* Root may have more than the default, up to INT_MAX. */
	if (!msgctl(id, IPC_STAT, &state)) {
		state.msg_qbytes = IPC_BUFFER_BYTES;
		(void)msgctl(id, IPC_SET, &state);
	}
	return id;
}

static void remove_queue(int id)
{
	(void)msgctl(id, IPC_RMID, NULL);
}

static int setup_sysv_queue(struct bench_team *t)
{
	static const struct object queue = { make_queue, remove_queue };

	return setup_object(t, &queue);
}

static int open_sysv_queue(const struct bench_team *t, unsigned self,
			   struct queue_link *l)
{
	l->id = ipc_job(t)->id;
	l->mine = (long)self + 1;
	l->theirs = (long)!self + 1;
	return 0;
}

SLIP_CORE int send_sysv_queue(void *link, const void *msg, uint32_t bytes)
{
	struct queue_link *l = (struct queue_link *)link;

	l->buf.type = l->mine;
	memcpy(&l->buf.msg, msg, bytes);
	return msgsnd(l->id, &l->buf, bytes, 0) ? -errno : 0;
}

SLIP_CORE int take_sysv_queue(void *link, void *msg, uint32_t bytes)
{
	struct queue_link *l = (struct queue_link *)link;
	ssize_t n = msgrcv(l->id, &l->buf, bytes, l->theirs, 0);

	if (n < 0)
		return -errno;
	memcpy(msg, &l->buf.msg, bytes);
	return n == (ssize_t)bytes ? 0 : -EBADMSG;
}

static void shut_sysv_queue(struct queue_link *l)
{
	(void)l; /* the keeper's */
}

IPC_WAY(sysv_queue, queue_link, setup_sysv_queue, cleanup_object)

/* --- semaphores ------------------------------------------------------------ */

struct sem_link {
	struct ipc_slots slots;
	int id;
};

/* As semctl(2) has its callers define it. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static int make_sems(const struct bench_point *p)
{
	unsigned short free_slots = (unsigned short)ipc_slots_count(p);
	unsigned short counts[IPC_COUNTS] = { 0, free_slots, 0, free_slots };
	union semun all = { .array = counts };
	int id = semget(IPC_PRIVATE, IPC_COUNTS, 0600);
	int rc;

	if (id < 0 || !semctl(id, 0, SETALL, all))
		return id < 0 ? -errno : id;
	rc = -errno;
	(void)semctl(id, 0, IPC_RMID);
	return rc;
}

static void remove_sems(int id)
{
	(void)semctl(id, 0, IPC_RMID);
}

static int setup_sysv_sem(struct bench_team *t)
{
	static const struct object sems = { make_sems, remove_sems };

	return setup_object(t, &sems);
}

static int open_sysv_sem(const struct bench_team *t, unsigned self,
			 struct sem_link *l)
{
	ipc_slots_open(t, self, &l->slots);
	l->id = ipc_job(t)->id;
	return 0;
}

SLIP_CORE int change(const struct sem_link *l, unsigned count, short by)
{
	struct sembuf op = { .sem_num = (unsigned short)count, .sem_op = by };

	return semop(l->id, &op, 1) ? -errno : 0;
}

SLIP_CORE int up_sysv_sem(const struct sem_link *l, unsigned count)
{
	return change(l, count, 1);
}

SLIP_CORE int down_sysv_sem(const struct sem_link *l, unsigned count)
{
	return change(l, count, -1);
}

static void shut_sysv_sem(struct sem_link *l)
{
	(void)l; /* the keeper's */
}

IPC_SLOTS_WAY(sysv_sem, sem_link, cleanup_object)
