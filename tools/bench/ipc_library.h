/* SPDX-License-Identifier: MIT */
/*
 * For ways that are libraries: found when the bench runs, so that they need not
 * be there when it is built. Their interfaces are part of their sonames, and
 * are declared where they are used.
 *
 * They start threads, which fork would lose: a side makes all that it uses
 * itself, and meets the other at a name in the abstract namespace of UNIX
 * sockets, of which nothing stays behind.
 */
#ifndef SLIP_TOOLS_BENCH_IPC_LIBRARY_H
#define SLIP_TOOLS_BENCH_IPC_LIBRARY_H

#include "tools/bench/ipc_loops.h"

struct ipc_symbol {
	const char *name;
	void *function; /* where its address goes */
};

/* ipc_library.c. 0 or -ENOPKG. */
int ipc_library_load(const char *soname, const struct ipc_symbol *symbols,
		     unsigned count);

/* The sides' meeting, at the start of their memory: 0, not yet; 1; or 2, it has
 * failed. */
struct ipc_meeting {
	uint32_t bound, done;
};

/* Before the library starts a thread: a side gives up its real-time priority,
 * which those threads would not have, and with which it would keep them from
 * their processor. Both libraries were quickest so, beside their sides. */
void ipc_library_enter(void);
/* Where side 1 listens and side 0 comes to: `scheme` and a name that nobody
 * else has. */
void ipc_meeting_name(const char *scheme, char *to, size_t bytes);
/* One side tells how it went, the other waits for that. */
void ipc_meeting_tell(uint32_t *word, int rc);
int ipc_meeting_wait(const uint32_t *word);

#endif
