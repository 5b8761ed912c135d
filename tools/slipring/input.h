/* SPDX-License-Identifier: MIT */
/* Standard input, as send reads it: whatever is there, or line by line. */
#ifndef SLIP_TOOLS_SLIPRING_INPUT_H
#define SLIP_TOOLS_SLIPRING_INPUT_H

#include <sys/types.h>

#include "tools/slipring/stream.h"

/* Whom it is for. Each function returns STATUS_OK, or says why not. */
struct input {
	struct stream *stream;
	void *who;
	int (*ready)(void *who); /* before each wait: may we go on? */
	int (*idle)(void *who);	 /* 100 ms without input */
	int (*send)(void *who, const char *data, uint32_t bytes);
	uint32_t max;	    /* bytes that it takes at a time */
	const char *option; /* the one that says how many these are */
};

/* Reads what is there, at least a byte. Bytes, 0: the end, -1: failed. */
ssize_t input_read(const struct input *in, void *buf, size_t bytes);

/* Sends each line until the end, its newline included. */
int input_lines(const struct input *in);

#endif
