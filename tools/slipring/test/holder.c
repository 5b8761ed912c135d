/* SPDX-License-Identifier: MIT */
/* holder PATH STEP...: makes the region PATH with an MPMC work queue, a robust
 * semaphore of three units, a newest value, two slots for calls, three levels of
 * urgency, a lossless broadcast and three lanes, or opens it, does these things,
 * and stays until it is killed: a user for the tests of the command. STEP:
 * producer, consumer, only-consumer, push, take, nack, acquire (two units); of the
 * value: writer, write, put; of the slots: server, client, ask, serve; of the
 * levels: sender, receiver, send (to the lowest), send-urgent, receive; of the
 * broadcast: speaker, speak, listener; of the lanes: lane (a producer), log,
 * reader, read, look. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "futex/region_tools.h"
#include "futex/robust_sem.h"
#include "ring/broadcast.h"
#include "ring/call.h"
#include "ring/lanes.h"
#include "ring/latest.h"
#include "ring/mpmc.h"
#include "ring/priority.h"

#define CAPACITY 16
#define FLAGS	 (SLIP_MPMC_WORK | SLIP_MPMC_SEATS(4))

static struct slip_region rg;
static struct slip_peer self;
static void *mem, *units, *pose, *calls, *mail, *news, *lines;
static size_t bytes, units_bytes, pose_bytes, calls_bytes, mail_bytes,
	news_bytes, lines_bytes;

static int make(const char *name)
{
	const char *slash = strrchr(name, '/');
	char dir[256] = "";
	int rc;

	if (!slash || slash - name >= (ptrdiff_t)sizeof(dir))
		return -EINVAL;
	memcpy(dir, name, (size_t)(slash - name));
	bytes = slip_mpmc_bytes(CAPACITY, 8, FLAGS);
	units_bytes = slip_robust_sem_bytes(4);
	pose_bytes = slip_latest_bytes(SLIP_LATEST_SLOTS, 100);
	calls_bytes = slip_call_bytes(2, 48);
	mail_bytes = slip_priority_bytes(3, 4, 8, SLIP_PRIORITY_SEATS(3));
	news_bytes = slip_broadcast_bytes(8, 8, 1, 2);
	lines_bytes = slip_lanes_bytes(3, 256);
	rc = slip_region_create_at(&rg, dir,
				   bytes + units_bytes + pose_bytes +
					   calls_bytes + mail_bytes +
					   news_bytes + lines_bytes,
				   0);
	if (rc)
		return rc;
	mem = slip_region_add(&rg, "jobs", SLIP_KIND_MPMC, bytes);
	rc = mem ? slip_mpmc_init(mem, bytes, CAPACITY, 8, FLAGS) : -ENOSPC;
	if (rc)
		return rc;
	units = slip_region_add(&rg, "units", SLIP_KIND_ROBUST_SEM,
				units_bytes);
	rc = units ? slip_robust_sem_init(units, units_bytes, 4, 3) : -ENOSPC;
	if (rc)
		return rc;
	pose = slip_region_add(&rg, "pose", SLIP_KIND_LATEST, pose_bytes);
	rc = pose ? slip_latest_init(pose, pose_bytes, SLIP_LATEST_SLOTS, 100,
				     0)
		  : -ENOSPC;
	if (rc)
		return rc;
	calls = slip_region_add(&rg, "calls", SLIP_KIND_CALL, calls_bytes);
	rc = calls ? slip_call_init(calls, calls_bytes, 2, 48, 0) : -ENOSPC;
	if (rc)
		return rc;
	mail = slip_region_add(&rg, "mail", SLIP_KIND_PRIORITY, mail_bytes);
	rc = mail ? slip_priority_init(mail, mail_bytes, 3, 4, 8,
				       SLIP_PRIORITY_SEATS(3))
		  : -ENOSPC;
	if (rc)
		return rc;
	news = slip_region_add(&rg, "news", SLIP_KIND_BROADCAST, news_bytes);
	rc = news ? slip_broadcast_init(news, news_bytes, 8, 8, 1, 2, 0)
		  : -ENOSPC;
	if (rc)
		return rc;
	lines = slip_region_add(&rg, "lines", SLIP_KIND_LANES, lines_bytes);
	rc = lines ? slip_lanes_init(lines, lines_bytes, 3, 256, 2, 0)
		   : -ENOSPC;
	return rc ? rc : slip_region_publish(&rg, name, 0600);
}

static int come(const char *name)
{
	int rc = slip_region_open(&rg, name, 0);

	if (rc == -ENOENT)
		rc = make(name);
	if (rc)
		return rc;
	mem = slip_region_find(&rg, "jobs", SLIP_KIND_MPMC, &bytes);
	units = slip_region_find(&rg, "units", SLIP_KIND_ROBUST_SEM,
				 &units_bytes);
	pose = slip_region_find(&rg, "pose", SLIP_KIND_LATEST, &pose_bytes);
	calls = slip_region_find(&rg, "calls", SLIP_KIND_CALL, &calls_bytes);
	mail = slip_region_find(&rg, "mail", SLIP_KIND_PRIORITY, &mail_bytes);
	news = slip_region_find(&rg, "news", SLIP_KIND_BROADCAST, &news_bytes);
	lines = slip_region_find(&rg, "lines", SLIP_KIND_LANES, &lines_bytes);
	if (!mem || !units || !pose || !calls || !mail || !news || !lines)
		return -ENOENT;
	return slip_peer_join(&self, &rg);
}

static int attach(struct slip_mpmc *q, unsigned roles)
{
	return slip_mpmc_attach(q, mem, bytes, roles, &self);
}

static int acquire(void)
{
	static struct slip_robust_sem s;
	int rc = slip_robust_sem_attach(&s, units, units_bytes, &self);

	return rc ? rc : slip_robust_sem_acquire_try(&s, 2);
}

/* 1: no such step. */
static int call(const char *step)
{
	static struct slip_call_ticket t;
	static struct slip_call_client c;
	static struct slip_call_server s;

	if (strcmp(step, "server") == 0)
		return slip_call_attach_server(&s, calls, calls_bytes, &self);
	if (strcmp(step, "client") == 0)
		return slip_call_attach_client(&c, calls, calls_bytes, &self);
	if (strcmp(step, "ask") == 0)
		return slip_call_send(&c, "what", 4);
	if (strcmp(step, "serve") == 0)
		return slip_call_take(&s, &t) ? 0 : -EAGAIN;
	return 1;
}

/* 1: no such step. */
static int post(const char *step)
{
	static struct slip_priority s, r;
	static uint64_t x;
	uint32_t level;

	if (strcmp(step, "sender") == 0)
		return slip_priority_attach(&s, mail, mail_bytes, SLIP_PRODUCER,
					    &self);
	if (strcmp(step, "receiver") == 0)
		return slip_priority_attach(&r, mail, mail_bytes, SLIP_CONSUMER,
					    &self);
	if (strcmp(step, "send") == 0)
		return slip_priority_push(&s, &x, 0) ? 0 : -EAGAIN;
	if (strcmp(step, "send-urgent") == 0)
		return slip_priority_push(&s, &x, 2) ? 0 : -EAGAIN;
	if (strcmp(step, "receive") == 0)
		return slip_priority_pop(&r, &x, &level) ? 0 : -EAGAIN;
	return 1;
}

/* 1: no such step. */
static int tell(const char *step)
{
	static struct slip_broadcast_writer w;
	static struct slip_broadcast_reader r;
	static uint64_t x;

	if (strcmp(step, "speaker") == 0)
		return slip_broadcast_attach_writer(&w, news, news_bytes,
						    &self);
	if (strcmp(step, "speak") == 0)
		return slip_broadcast_write(&w, &x, 8);
	if (strcmp(step, "listener") == 0)
		return slip_broadcast_attach_reader(&r, news, news_bytes, &self,
						    SLIP_BROADCAST_NEWEST);
	return 1;
}

static int lane(const char *step)
{
	static struct slip_lanes_producer p;
	static struct slip_lanes_consumer c;
	uint32_t len;
	char line[8];

	if (strcmp(step, "lane") == 0)
		return slip_lanes_attach_producer(&p, lines, lines_bytes,
						  &self);
	if (strcmp(step, "log") == 0)
		return slip_lanes_push(&p, "line", 4);
	if (strcmp(step, "reader") == 0)
		return slip_lanes_attach_consumer(&c, lines, lines_bytes,
						  &self);
	if (strcmp(step, "read") == 0)
		return slip_lanes_pop(&c, line, sizeof(line), &len);
	if (strcmp(step, "look") == 0)
		return slip_lanes_peek(&c, &len) ? 0 : -EAGAIN;
	return 1;
}

static int act(const char *step)
{
	static struct slip_mpmc_ticket t;
	static struct slip_latest_writer w;
	static struct slip_mpmc p, c;
	static uint64_t x;

	if (strcmp(step, "producer") == 0)
		return attach(&p, SLIP_PRODUCER);
	if (strcmp(step, "consumer") == 0)
		return attach(&c, SLIP_CONSUMER);
	if (strcmp(step, "only-consumer") == 0)
		return attach(&c, SLIP_CONSUMER | SLIP_EXCLUSIVE);
	if (strcmp(step, "push") == 0)
		return slip_mpmc_push(&p, &x) ? 0 : -EAGAIN;
	if (strcmp(step, "take") == 0)
		return slip_mpmc_take(&c, &t) ? 0 : -EAGAIN;
	if (strcmp(step, "acquire") == 0)
		return acquire();
	if (strcmp(step, "writer") == 0)
		return slip_latest_attach_writer(&w, pose, pose_bytes, &self);
	if (strcmp(step, "write") == 0)
		return slip_latest_write(&w, &x, 8);
	if (strcmp(step, "put") == 0)
		return slip_latest_put(&w, 0, &x, 8);
	return slip_mpmc_nack(&c, &t);
}

int main(int argc, char **argv)
{
	int rc = argc > 1 ? come(argv[1]) : -EINVAL;

	for (int i = 2; !rc && i < argc; i++) {
		rc = call(argv[i]);
		if (rc > 0)
			rc = post(argv[i]);
		if (rc > 0)
			rc = lane(argv[i]);
		if (rc > 0)
			rc = tell(argv[i]);
		if (rc > 0)
			rc = act(argv[i]);
	}
	if (rc) {
		slip_peer_leave(&self);
		(void)fprintf(stderr, "holder: %s\n", slip_region_strerror(rc));
		return 1;
	}
	(void)puts("here");
	(void)fflush(stdout);
	for (;;)
		pause();
}
