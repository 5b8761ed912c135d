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

#include "futex/barrier.h"
#include "futex/cond.h"
#include "futex/event.h"
#include "futex/flag.h"
#include "futex/latch.h"
#include "futex/mutex.h"
#include "futex/once.h"
#include "futex/peer.h"
#include "futex/pi_mutex.h"
#include "futex/region.h"
#include "futex/robust_mutex.h"
#include "futex/robust_sem.h"
#include "futex/rwlock.h"
#include "futex/sem.h"
#include "futex/sem_set.h"
#include "futex/waitset.h"
#include "ring/broadcast.h"
#include "ring/call.h"
#include "ring/lanes.h"
#include "ring/latest.h"
#include "ring/mpmc.h"
#include "ring/priority.h"
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

/* What a victim at a ring with levels has. */
struct kill_priority_victim {
	struct slip_priority p;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	uint64_t set;
	uint32_t level;
	unsigned roles;
	uint32_t dead_id, dead_gen;	       /* whom it recovers */
	uint32_t levels, capacity, elem_bytes; /* of a ring to be made, */
	unsigned flags;			       /* and what it is to be */
	unsigned char data[128] SLIP_ALIGNED(64);
};

/* What a victim at a newest value has; one of the handles is used. */
struct kill_latest_victim {
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	uint32_t dead_id, dead_gen;  /* whom it recovers */
	uint32_t slots, value_bytes; /* of one to be made, */
	unsigned flags;		     /* and its mode */
	uint32_t len;		     /* of the value in data */
	unsigned char data[128] SLIP_ALIGNED(64);
};

/* What a victim at a broadcast has; one of the handles is used. */
struct kill_broadcast_victim {
	struct slip_broadcast_writer w;
	struct slip_broadcast_reader r;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	uint64_t before; /* elements that it does not miss */
	bool newest;
	uint32_t dead_id, dead_gen; /* whom it recovers */
	uint32_t room, elem_bytes;  /* of one to be made, */
	uint32_t writers, readers;
	unsigned flags; /* and its mode */
	uint32_t len;	/* of the element in data */
	unsigned char data[128] SLIP_ALIGNED(64);
};

/* What a victim at request and reply has. */
struct kill_call_victim {
	struct slip_call_client c;
	struct slip_call_server s;
	struct slip_call_ticket t;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	uint32_t dead_id, dead_gen; /* whom it recovers */
	uint32_t payload;
	uint32_t slots; /* of a ring to be made, */
	unsigned flags; /* and its mode */
	unsigned char data[128] SLIP_ALIGNED(64);
};

#define KILL_LANES_BATCH 3u

/* What a victim at lanes has. */
struct kill_lanes_victim {
	struct slip_lanes_producer p;
	struct slip_lanes_consumer c;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint64_t deadline;
	uint32_t dead_id, dead_gen; /* whom it recovers */
	uint32_t consumers;	    /* of a ring to be made, */
	unsigned flags;		    /* and its mode */
	uint32_t len;		    /* of a record, or of what came */
	uint32_t came;		    /* of a batch */
	struct slip_record_span spans[KILL_LANES_BATCH];
	unsigned char data[KILL_LANES_BATCH][64] SLIP_ALIGNED(64);
};

struct kill_event_shared {
	struct slip_event event;
	slip_a64 news;
};

struct kill_event_victim {
	struct kill_event_shared *shared;
	unsigned mode;
	uint32_t key;
	/* of the one that sleeps on several */
	struct slip_source sources[2];
	struct slip_waitset set;
	slip_a32 word;
};

/* What a victim at a mutex has; one of the two is used. */
struct kill_mutex_victim {
	struct slip_mutex *plain;
	struct slip_robust_mutex robust;
	uint64_t deadline;
	struct slip_deadlock deadlock;
	uint64_t wanted; /* where the lock is that it looks behind */
};

/* What a victim at a mutex with priority inheritance has. */
struct kill_pi_victim {
	struct slip_pi_mutex m;
	struct slip_pi_mutex_shared *shared;
	struct slip_peer *self;
};

struct kill_cond_shared {
	struct slip_cond cond;
	struct slip_robust_mutex_shared mutex;
	uint64_t units; /* plain: the mutex protects it */
};

struct kill_cond_victim {
	struct kill_cond_shared *shared;
	struct slip_robust_mutex mutex;
};

struct kill_meet_shared {
	struct slip_flag flag;
	struct slip_once once;
	uint64_t half[2]; /* plain: what is done once */
	uint64_t latch[6];
	uint64_t barrier[6];
};

struct kill_meet_victim {
	struct kill_meet_shared *shared;
	struct slip_peer *self;
	struct slip_latch latch;
	struct slip_barrier barrier;
};

struct kill_peer_victim {
	struct slip_region *rg;
	struct slip_peer self;
};

struct kill_rwlock_victim {
	struct slip_rwlock l;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	slip_a64 *data; /* two words that it protects */
	uint64_t deadline;
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

/* What a victim at a semaphore has; the memory of one, or a handle. */
struct kill_sem_victim {
	struct slip_robust_sem h;
	struct slip_peer *self;
	void *mem;
	size_t bytes;
	uint32_t n;
	uint32_t seats;		    /* of one to be made */
	uint32_t dead_id, dead_gen; /* whom it recovers */
	struct slip_sem_change change;
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
KILL_DECLARE(latest_init);
KILL_DECLARE(latest_write);
KILL_DECLARE(latest_put_commit);
KILL_DECLARE(latest_attach_writer);
KILL_DECLARE(latest_detach_writer);
KILL_DECLARE(latest_read);
KILL_DECLARE(latest_read_until);
KILL_DECLARE(latest_attach_reader);
KILL_DECLARE(latest_attach_readonly);
KILL_DECLARE(latest_recover);
KILL_DECLARE(broadcast_init);
KILL_DECLARE(broadcast_write);
KILL_DECLARE(broadcast_write_until);
KILL_DECLARE(broadcast_evict);
KILL_DECLARE(broadcast_attach_writer);
KILL_DECLARE(broadcast_detach_writer);
KILL_DECLARE(broadcast_read);
KILL_DECLARE(broadcast_read_until);
KILL_DECLARE(broadcast_attach_reader);
KILL_DECLARE(broadcast_attach_readonly);
KILL_DECLARE(broadcast_detach_reader);
KILL_DECLARE(broadcast_recover);
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
KILL_DECLARE(priority_init);
KILL_DECLARE(priority_push);
KILL_DECLARE(priority_push_until);
KILL_DECLARE(priority_pop);
KILL_DECLARE(priority_pop_until);
KILL_DECLARE(priority_pop_highest_until);
KILL_DECLARE(priority_pop_lowest_until);
KILL_DECLARE(priority_attach);
KILL_DECLARE(priority_detach);
KILL_DECLARE(priority_recover);
KILL_DECLARE(lanes_init);
KILL_DECLARE(lanes_attach_producer);
KILL_DECLARE(lanes_close);
KILL_DECLARE(lanes_push);
KILL_DECLARE(lanes_push_v);
KILL_DECLARE(lanes_push_n);
KILL_DECLARE(lanes_claim_commit);
KILL_DECLARE(lanes_push_until);
KILL_DECLARE(lanes_attach_consumer);
KILL_DECLARE(lanes_detach_consumer);
KILL_DECLARE(lanes_pop);
KILL_DECLARE(lanes_pop_n);
KILL_DECLARE(lanes_peek);
KILL_DECLARE(lanes_release);
KILL_DECLARE(lanes_pop_until);
KILL_DECLARE(lanes_recover);
KILL_DECLARE(call_init);
KILL_DECLARE(call_attach_client);
KILL_DECLARE(call_detach_client);
KILL_DECLARE(call_send);
KILL_DECLARE(call_claim_commit);
KILL_DECLARE(call_receive);
KILL_DECLARE(call_until);
KILL_DECLARE(call_attach_server);
KILL_DECLARE(call_detach_server);
KILL_DECLARE(call_take);
KILL_DECLARE(call_take_until);
KILL_DECLARE(call_reply);
KILL_DECLARE(call_recover);
KILL_DECLARE(cond_signal);
KILL_DECLARE(cond_signal_inside);
KILL_DECLARE(cond_broadcast);
KILL_DECLARE(cond_broadcast_inside);
KILL_DECLARE(cond_wait);
KILL_DECLARE(flag_set);
KILL_DECLARE(flag_wait);
KILL_DECLARE(once_run);
KILL_DECLARE(once_abort);
KILL_DECLARE(latch_arrive);
KILL_DECLARE(barrier_wait);
KILL_DECLARE(barrier_leave);
KILL_DECLARE(event_notify);
KILL_DECLARE(event_notify_one);
KILL_DECLARE(event_prepare);
KILL_DECLARE(event_sleep);
KILL_DECLARE(waitset_wait);
KILL_DECLARE(mutex_lock);
KILL_DECLARE(mutex_unlock);
KILL_DECLARE(robust_mutex_lock);
KILL_DECLARE(robust_mutex_trylock);
KILL_DECLARE(robust_mutex_unlock);
KILL_DECLARE(robust_mutex_consistent);
KILL_DECLARE(deadlock_init);
KILL_DECLARE(deadlock_look);
KILL_DECLARE(peer_join);
KILL_DECLARE(peer_leave);
KILL_DECLARE(peer_recover);
KILL_DECLARE(pi_mutex_attach);
KILL_DECLARE(pi_mutex_lock);
KILL_DECLARE(pi_mutex_trylock);
KILL_DECLARE(pi_mutex_unlock);
KILL_DECLARE(pi_mutex_consistent);
KILL_DECLARE(rwlock_attach);
KILL_DECLARE(rwlock_detach);
KILL_DECLARE(rwlock_read_lock);
KILL_DECLARE(rwlock_read_unlock);
KILL_DECLARE(rwlock_write_lock);
KILL_DECLARE(rwlock_write_unlock);
KILL_DECLARE(region_create);
KILL_DECLARE(region_add);
KILL_DECLARE(region_publish);
KILL_DECLARE(region_format);
KILL_DECLARE(region_open);
KILL_DECLARE(region_unlink);
KILL_DECLARE(region_reap);
KILL_DECLARE(sem_post);
KILL_DECLARE(sem_acquire);
KILL_DECLARE(sem_acquire_sleep);
KILL_DECLARE(sem_wait_zero_sleep);
KILL_DECLARE(sem_set_change);
KILL_DECLARE(robust_sem_init);
KILL_DECLARE(robust_sem_attach);
KILL_DECLARE(robust_sem_detach);
KILL_DECLARE(robust_sem_acquire);
KILL_DECLARE(robust_sem_acquire_sleep);
KILL_DECLARE(robust_sem_release);
KILL_DECLARE(robust_sem_post);
KILL_DECLARE(robust_sem_consume);
KILL_DECLARE(robust_sem_recover);

#endif
