/* SPDX-License-Identifier: MIT */
/* A pipe that is read by as many messages as are there, up to 32. */
#ifndef SLIP_TOOLS_BENCH_BATCH_H
#define SLIP_TOOLS_BENCH_BATCH_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define BATCH_LONGEST 4096u /* PIPE_BUF */
#define BATCH_AT_ONCE 32u

struct batch {
	size_t from, until; /* of what was read at once */
	unsigned char held[BATCH_AT_ONCE * BATCH_LONGEST];
};

/* Messages of up to PIPE_BUF bytes stay whole, so there are only whole ones. 0 or
 * -EBADMSG. */
static inline int batch_take(struct batch *b, int fd, void *msg, uint32_t bytes)
{
	if (b->from == b->until) {
		ssize_t n = read(fd, b->held, BATCH_AT_ONCE * (size_t)bytes);

		if (n <= 0 || n % bytes)
			return -EBADMSG;
		b->from = 0;
		b->until = (size_t)n;
	}
	memcpy(msg, b->held + b->from, bytes);
	b->from += bytes;
	return 0;
}

#endif
