/* SPDX-License-Identifier: MIT */
/*
 * Messages through a buffer that both sides map, whose slots are handed over
 * by counting: the bounded buffer of the textbooks. One count says how many
 * slots are full, another how many are free; what the counts are is up to the
 * way. To and fro nobody waits for a free slot: the answer says that there is
 * one.
 */
#ifndef SLIP_TOOLS_BENCH_IPC_SLOTS_H
#define SLIP_TOOLS_BENCH_IPC_SLOTS_H

#include "tools/bench/ipc_loops.h"

/* The counts of a direction; its number is that of the side that sends. */
enum { IPC_FULL, IPC_FREE, IPC_COUNTS = 4 };
#define IPC_COUNT(direction, which) (2u * (direction) + (unsigned)(which))

/* What the counts may use of the shared memory; the slots stand behind. */
#define IPC_COUNTS_BYTES 4096u
/* No System V semaphore counts further than 32767. */
#define IPC_SLOTS_MAX 16384u

struct ipc_slots {
	unsigned char *out, *in; /* the first slot of either direction */
	uint32_t next_out, next_in;
	uint32_t slots;
	unsigned self;
	bool trip;
};

static inline uint32_t ipc_slots_count(const struct bench_point *p)
{
	uint32_t n = IPC_BUFFER_BYTES / p->elem_bytes;

	return n < IPC_SLOTS_MAX ? n : IPC_SLOTS_MAX;
}

static inline void ipc_slots_open(const struct bench_team *t, unsigned self,
				  struct ipc_slots *s)
{
	unsigned char *first = (unsigned char *)t->mem + IPC_COUNTS_BYTES;

	s->out = first + self * (size_t)IPC_BUFFER_BYTES;
	s->in = first + !self * (size_t)IPC_BUFFER_BYTES;
	s->slots = ipc_slots_count(t->point);
	s->self = self;
	s->trip = ipc_job(t)->trip;
}

SLIP_CORE void ipc_slots_put(struct ipc_slots *s, const void *msg,
			     uint32_t bytes)
{
	memcpy(s->out + s->next_out * (size_t)bytes, msg, bytes);
	if (++s->next_out == s->slots)
		s->next_out = 0;
}

SLIP_CORE void ipc_slots_get(struct ipc_slots *s, void *msg, uint32_t bytes)
{
	memcpy(msg, s->in + s->next_in * (size_t)bytes, bytes);
	if (++s->next_in == s->slots)
		s->next_in = 0;
}

/*
 * send_NAME and take_NAME, and the entries, from setup_NAME, open_NAME,
 * shut_NAME, up_NAME and down_NAME: add 1 to a count, take 1 off or wait for
 * it. The link's first member is its `slots`.
 */
#define IPC_SLOTS_WAY(name, link_type, clean)                                  \
	SLIP_CORE int send_##name(void *link, const void *msg, uint32_t bytes) \
	{                                                                      \
		struct link_type *l = (struct link_type *)link;                \
		unsigned self = l->slots.self;                                 \
		int rc = 0;                                                    \
                                                                               \
		if (!l->slots.trip)                                            \
			rc = down_##name(l, IPC_COUNT(self, IPC_FREE));        \
		if (rc)                                                        \
			return rc;                                             \
		ipc_slots_put(&l->slots, msg, bytes);                          \
		return up_##name(l, IPC_COUNT(self, IPC_FULL));                \
	}                                                                      \
	SLIP_CORE int take_##name(void *link, void *msg, uint32_t bytes)       \
	{                                                                      \
		struct link_type *l = (struct link_type *)link;                \
		unsigned from = !l->slots.self;                                \
		int rc = down_##name(l, IPC_COUNT(from, IPC_FULL));            \
                                                                               \
		if (rc)                                                        \
			return rc;                                             \
		ipc_slots_get(&l->slots, msg, bytes);                          \
		if (l->slots.trip)                                             \
			return 0;                                              \
		return up_##name(l, IPC_COUNT(from, IPC_FREE));                \
	}                                                                      \
	IPC_WAY(name, link_type, setup_##name, clean)

#endif
