/* SPDX-License-Identifier: MIT */
/*
 * The operations under test, each a function that calls the public header and
 * nothing else. Their files are compiled twice: as they are ("plain", for the
 * single steps), and instrumented ("hooked").
 *
 * Each takes what the victim has, and returns how many elements it moved, or
 * what the header returned.
 */
#ifndef SLIP_STRESS_KILL_OPS_H
#define SLIP_STRESS_KILL_OPS_H

#include "futex/event.h"
#include "futex/peer.h"
#include "futex/region.h"
#include "ring/mpmc.h"
#include "ring/record.h"
#include "ring/spsc.h"

#ifdef KILL_HOOKED
#define KILL_OP(name) kill_hooked_##name
#else
#define KILL_OP(name) kill_plain_##name
#endif

#define KILL_BATCH 4

/* What a victim at a ring has; one of the two rings is used. */
struct kill_ring_victim {
	struct slip_spsc_producer spsc_p;
	struct slip_spsc_consumer spsc_c;
	struct slip_record_producer record_p;
	struct slip_record_consumer record_c;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	/* Elements to push, one behind the other; or room for those popped. */
	struct slip_record_span spans[KILL_BATCH];
	uint32_t elem_bytes;
	uint32_t capacity; /* of a ring to be made, */
	unsigned flags;	   /* and its mode */
	unsigned char data[16384] SLIP_ALIGNED(64);
};

#define KILL_MPMC_BATCH 2

/* What a victim at an MPMC ring has. */
struct kill_mpmc_victim {
	struct slip_mpmc q;
	struct slip_mpmc_ticket ticket;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	unsigned roles;
	uint32_t dead_id, dead_gen; /* whom it recovers */
	uint32_t elem_bytes;
	uint32_t capacity; /* of a ring to be made, */
	unsigned flags;	   /* and what it is to be */
	unsigned char data[128] SLIP_ALIGNED(64);
};

struct kill_event_shared {
	struct slip_event event;
	slip_a64 news;
};

struct kill_event_victim {
	struct kill_event_shared *shared;
	unsigned mode;
	uint32_t key;
};

struct kill_peer_victim {
	struct slip_region *rg;
	struct slip_peer self;
};

#define KILL_OBJECTS	     3
#define KILL_OBJECT_BYTES(i) (SLIP_CAST(size_t, 64) << 3 * (i))

struct kill_region_victim {
	struct slip_region rg;
	const char *dir;
	const char *name;
	void *memory; /* for slip_region_format */
	size_t bytes;
};

typedef int (*kill_fn)(void *victim);

#define KILL_DECLARE(name)               \
	int kill_hooked_##name(void *v); \
	int kill_plain_##name(void *v)

KILL_DECLARE(spsc_init);
KILL_DECLARE(spsc_push);
KILL_DECLARE(spsc_push_n);
KILL_DECLARE(spsc_claim_commit);
KILL_DECLARE(spsc_push_until);
KILL_DECLARE(spsc_attach_producer);
KILL_DECLARE(spsc_detach_producer);
KILL_DECLARE(spsc_pop);
KILL_DECLARE(spsc_pop_n);
KILL_DECLARE(spsc_peek_release);
KILL_DECLARE(spsc_pop_until);
KILL_DECLARE(spsc_attach_consumer);
KILL_DECLARE(spsc_detach_consumer);
KILL_DECLARE(record_init);
KILL_DECLARE(record_push);
KILL_DECLARE(record_push_n);
KILL_DECLARE(record_claim_commit);
KILL_DECLARE(record_push_until);
KILL_DECLARE(record_attach_producer);
KILL_DECLARE(record_detach_producer);
KILL_DECLARE(record_pop);
KILL_DECLARE(record_pop_n);
KILL_DECLARE(record_peek_release);
KILL_DECLARE(record_pop_until);
KILL_DECLARE(record_attach_consumer);
KILL_DECLARE(record_detach_consumer);
KILL_DECLARE(mpmc_init);
KILL_DECLARE(mpmc_push);
KILL_DECLARE(mpmc_push_n);
KILL_DECLARE(mpmc_claim_commit);
KILL_DECLARE(mpmc_claim_abort);
KILL_DECLARE(mpmc_push_until);
KILL_DECLARE(mpmc_pop);
KILL_DECLARE(mpmc_pop_n);
KILL_DECLARE(mpmc_pop_until);
KILL_DECLARE(mpmc_take);
KILL_DECLARE(mpmc_ack);
KILL_DECLARE(mpmc_nack);
KILL_DECLARE(mpmc_attach);
KILL_DECLARE(mpmc_detach);
KILL_DECLARE(mpmc_recover);
KILL_DECLARE(event_notify);
KILL_DECLARE(event_notify_one);
KILL_DECLARE(event_prepare);
KILL_DECLARE(event_sleep);
KILL_DECLARE(peer_join);
KILL_DECLARE(peer_leave);
KILL_DECLARE(peer_recover);
KILL_DECLARE(region_create);
KILL_DECLARE(region_add);
KILL_DECLARE(region_publish);
KILL_DECLARE(region_format);
KILL_DECLARE(region_open);
KILL_DECLARE(region_unlink);
KILL_DECLARE(region_reap);

#endif
