/* SPDX-License-Identifier: MIT */
/*
 * A pipe as suite record sees it: as large as the ring, a record in one write.
 * The reader reads records; or, as stdio does, what is there, in up to 64 KiB,
 * and copies the records out of that. And vmsplice(2): the writer gives its
 * pages to the kernel instead of having them copied, and leaves each alone until
 * the pipe cannot hold it any more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/bench/record_loops.h"

#define GULP_BYTES 65536u
#define PAGE_BYTES 4096u

struct channel {
	int in, out;
	size_t at, have;
	unsigned char *pages; /* to give away, one after the other */
	size_t next, pages_bytes;
	SLIP_ALIGNED(64) unsigned char gulp[GULP_BYTES];
};

static int make(struct bench_team *t)
{
	int *fd = record_job(t)->fd;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	/* Less than was asked for is still a pipe. */
	(void)fcntl(fd[1], F_SETPIPE_SZ, (int)t->point->capacity);
	return 0;
}

static void destroy(struct bench_team *t)
{
	int *fd = record_job(t)->fd;

	for (unsigned i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

static int open_channel(struct bench_team *t, unsigned self, struct channel *c)
{
	const int *fd = record_job(t)->fd;

	(void)self;
	c->in = fd[0];
	c->out = fd[1];
	c->pages = (unsigned char *)record_ring(t);
	/* The pipe holds a capacity at most: what stands that far behind has
	 * been read. */
	c->pages_bytes = 2 * (size_t)t->point->capacity;
	return 0;
}

static void shut_channel(struct channel *c)
{
	(void)c; /* the process ends */
}

static int failed(void)
{
	return errno ? -errno : -EIO;
}

SLIP_CORE int put_write(void *lane, const uint64_t *from, uint32_t bytes)
{
	const struct channel *c = (const struct channel *)lane;
	size_t done = 0;

	while (done < bytes) {
		ssize_t n =
			write(c->out, (const char *)from + done, bytes - done);

		if (n <= 0)
			return failed();
		done += (size_t)n;
	}
	return 1;
}

SLIP_CORE int take_read(void *lane, union record_msg *to, uint32_t bytes,
			uint64_t number)
{
	const struct channel *c = (const struct channel *)lane;
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = read(c->in, to->bytes + done, bytes - done);

		if (n <= 0)
			return failed();
		done += (size_t)n;
	}
	return record_check(to->word, bytes, number);
}

SLIP_CORE int take_gulp(void *lane, union record_msg *to, uint32_t bytes,
			uint64_t number)
{
	struct channel *c = (struct channel *)lane;
	size_t done = 0;

	while (done < bytes) {
		size_t n = bytes - done;

		if (c->at == c->have) {
			ssize_t got = read(c->in, c->gulp, sizeof(c->gulp));

			if (got <= 0)
				return failed();
			c->at = 0;
			c->have = (size_t)got;
		}
		if (n > c->have - c->at)
			n = c->have - c->at;
		memcpy(to->bytes + done, c->gulp + c->at, n);
		c->at += n;
		done += n;
	}
	return record_check(to->word, bytes, number);
}

SLIP_CORE int put_splice(void *lane, const uint64_t *from, uint32_t bytes)
{
	struct channel *c = (struct channel *)lane;
	struct iovec io = { c->pages + c->next, bytes };

	memcpy(io.iov_base, from, bytes);
	c->next = (c->next + bytes) % c->pages_bytes;
	while (io.iov_len) {
		ssize_t n = vmsplice(c->out, &io, 1, 0);

		if (n <= 0)
			return failed();
		io.iov_base = (char *)io.iov_base + n;
		io.iov_len -= (size_t)n;
	}
	return 1;
}

#define ONE(t, bytes) 1

RECORD_WAY(pipe, channel, put_write, take_read, make, destroy, ONE, 1)
RECORD_WAY(pipe_gulp, channel, put_write, take_gulp, make, destroy, ONE, 1)
RECORD_WAY(pipe_splice, channel, put_splice, take_read, make, destroy, ONE, 1)
