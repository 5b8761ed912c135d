/* SPDX-License-Identifier: MIT */
/*
 * A ring between threads of one process, for ThreadSanitizer: one mapping, no
 * peers, all verbs, blocking and polling, both event modes, and
 *
 *	end of file	the producer pushes all and closes; the consumer gets
 *			all, then -EPIPE
 *	broken pipe	the consumer leaves in the middle; the producer gets
 *			-EPIPE; a successor collects the rest
 *	relay		two threads a side take turns: each takes the role when
 *			the other has detached
 *
 * How far a side has come is a plain variable that belongs to whoever holds
 * the role: a role that is handed over without an order shows as a data race,
 * as does an element that is.
 *
 * What is particular to a kind of ring comes as a `struct threads_ring`.
 */
#ifndef SLIP_STRESS_THREADS_H
#define SLIP_STRESS_THREADS_H

#include "atomics/base.h"
#include "stress/harness.h"

#define THREADS_BUFFER_BYTES 65536

struct threads_config {
	uint64_t seed;
	uint32_t capacity;
	uint32_t elem_bytes; /* of the longest, where they vary; then 8n */
	unsigned mode;	     /* of the events */
	bool blocking;
	uint64_t age;	/* whatever the ring makes of it */
	uint64_t first; /* number of the first element */
	uint64_t total; /* number after the last */
};

struct threads_self {
	const struct threads_config *config;
	bool produces;
	void *mem;
	size_t bytes;
	void *handle;
	unsigned char *buffer; /* THREADS_BUFFER_BYTES */
	uint64_t random;
	uint64_t next;	/* number of the next element */
	uint32_t most;	/* take or give at most so many */
	uint32_t index; /* of the thread */
	uint64_t steps;
	struct threads_run *run;
};

struct threads_ring {
	const char *operation;	/* for its row: see stress_row() */
	size_t handle_bytes[2]; /* of the consumer's, the producer's */
	/* Fill in capacity, elem_bytes, age, first, total. */
	void (*choose)(struct threads_config *config, uint64_t *random);
	size_t (*bytes)(const struct threads_config *config);
	int (*format)(const struct threads_config *config, void *mem,
		      size_t bytes);
	int (*attach)(struct threads_self *self);
	void (*detach)(struct threads_self *self);
	/* By some verb push the elements from `next` on, or pop and check
	 * them; `most` at most. How many, 0: refused, or -errno. */
	int (*put)(struct threads_self *self);
	int (*get)(struct threads_self *self);
	/* Of the other side: enum slip_role_state. */
	int (*state)(struct threads_self *self);
	bool (*is_empty)(struct threads_self *self);
	int (*wait)(struct threads_self *self, uint64_t deadline_ns);
	int (*wait_other)(struct threads_self *self, uint64_t deadline_ns);
	void (*dump)(void *mem, size_t bytes);
};

/* main() of such a program. */
int threads_main(int argc, char **argv, const char *about,
		 const struct threads_ring *ring);

/* For put and get: at once, soon, or never. */
uint64_t threads_deadline(struct threads_self *self);

#endif
