/* SPDX-License-Identifier: MIT */
/*
 * Waiting for an event by io_uring, beside whatever else is submitted there.
 * (With liburing, `next` is io_uring_get_sqe, and so on.) Where the kernel has no
 * such thing this says so, and exits with 0.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/uring.h"

#define STEPS 500u

struct shared {
	slip_a32 number;
	struct slip_event changed;
};

static struct io_uring_params params;
static char *rings;
static int fd;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

static uint32_t *at(uint32_t offset)
{
	return (uint32_t *)(void *)(rings + offset);
}

/* Submit the one entry, and wait for its completion. */
static int submit_and_wait(void)
{
	uint32_t tail = *at(params.sq_off.tail);
	uint32_t head = *at(params.cq_off.head);
	struct io_uring_cqe *cqes =
		(struct io_uring_cqe *)(void *)at(params.cq_off.cqes);

	at(params.sq_off.array)[tail & (params.sq_entries - 1)] = 0;
	__atomic_store_n(at(params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	must(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL,
		     0) == 1,
	     "enter");
	must(__atomic_load_n(at(params.cq_off.tail), __ATOMIC_ACQUIRE) != head,
	     "done");
	__atomic_store_n(at(params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqes[head & (params.cq_entries - 1)].res;
}

int main(void)
{
	void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shared *s = (struct shared *)mem;
	void *sqes, *map;
	uint32_t seen, key;
	int rc;

	fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	if (fd < 0 || slip_uring_knows(fd) != 1) {
		(void)puts("skipped: no futexes in this kernel's io_uring");
		return 0;
	}
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   IORING_OFF_SQ_RING);
	sqes = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQES);
	must(mem != MAP_FAILED && map != MAP_FAILED && sqes != MAP_FAILED, "m");
	rings = (char *)map;
	if (fork() == 0) {
		for (uint32_t i = 0; i < STEPS; i++) {
			(void)slip_a32_fetch_add_release(&s->number, 1);
			slip_event_notify(&s->changed, SLIP_EVENT_FULL);
		}
		exit(0);
	}
	while ((seen = slip_a32_load_acquire(&s->number)) < STEPS) {
		must(!slip_event_prepare(&s->changed, SLIP_EVENT_FULL, &key),
		     "prepare");
		if (slip_a32_load_acquire(&s->number) != seen)
			continue;
		slip_uring_wait_event((struct io_uring_sqe *)sqes, &s->changed,
				      key, 1);
		rc = submit_and_wait();
		must(rc == 0 || rc == -EAGAIN, "woken, or there was no need");
	}
	must(wait(NULL) > 0, "wait");
	return 0;
}
