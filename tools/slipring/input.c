/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Waits for input, and before that for somebody to send it to. */
static int wait_input(const struct input *in)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	int ready = 0;

	while (ready == 0 || (ready < 0 && errno == EINTR)) {
		if (in->ready(in->who))
			return STATUS_FAILED;
		ready = poll(&fd, 1, (int)(STREAM_LOOK_NS / 1000000));
		if (ready == 0 && in->idle(in->who))
			return STATUS_FAILED;
	}
	return STATUS_OK;
}

ssize_t input_read(const struct input *in, void *buf, size_t bytes)
{
	ssize_t n;

	do {
		if (wait_input(in))
			return -1;
		n = read(STDIN_FILENO, buf, bytes);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		(void)stream_fail(in->stream, "standard input: %s",
				  strerror(errno));
	return n;
}

/* Sends every whole line; *used becomes their bytes. */
static int send_whole_lines(const struct input *in, const char *buf,
			    size_t have, size_t *used)
{
	const char *end;

	*used = 0;
	while ((end = memchr(buf + *used, '\n', have - *used))) {
		size_t bytes = (size_t)(end + 1 - (buf + *used));

		if (in->send(in->who, buf + *used, (uint32_t)bytes))
			return STATUS_FAILED;
		*used += bytes;
	}
	return STATUS_OK;
}

/* `buf` has room for one byte more than the longest line. */
static int send_lines_by(const struct input *in, char *buf)
{
	size_t have = 0, used = 0;
	ssize_t n;

	while ((n = input_read(in, buf + have, in->max + 1 - have)) > 0) {
		have += (size_t)n;
		if (send_whole_lines(in, buf, have, &used))
			return STATUS_FAILED;
		have -= used;
		memmove(buf, buf + used, have);
		if (have > in->max)
			break;
	}
	if (n < 0)
		return STATUS_FAILED;
	if (have > in->max)
		return stream_fail(in->stream,
				   "a line is longer than the %u bytes that a "
				   "message in this ring can have (see %s)",
				   in->max, in->option);
	return have ? in->send(in->who, buf, (uint32_t)have) : STATUS_OK;
}

int input_lines(const struct input *in)
{
	char *buf = malloc((size_t)in->max + 1);
	int status;

	if (!buf)
		return stream_fail(in->stream, "out of memory");
	status = send_lines_by(in, buf);
	free(buf);
	return status;
}
