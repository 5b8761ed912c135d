/* SPDX-License-Identifier: MIT */
/*
 * The operations that ./run counts. One process plays both sides, turn by
 * turn, so that nothing depends on time. A new operation is an OP() and a line
 * in `scenes`; one that does not do what its name says ends the program, so
 * that no count is that of an early return.
 *
 * ./run knows main's helpers by name: settle, counted, producer, consumer,
 * shared.
 */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ring/slipring.h"

/* Neither inlined nor merged with its like, nor known to its callers. */
#if defined(__GNUC__) && !defined(__clang__)
#define APART __attribute__((noipa))
#else
#define APART __attribute__((noinline))
#endif

enum {
	CAPACITY = 64,
	BATCH = 32,
	SEATS = 4, /* of an mpmc ring: two handles, and room */
	RECORD_CAPACITY = 16384,
	RING_BYTES = 32768,
	PEERS = 64,
	REGION_BYTES = 32768
};

/* What two processes would share: whose lines are counted. */
struct shared {
	alignas(4096) unsigned char ring[RING_BYTES];
	unsigned char region[REGION_BYTES];
	alignas(64) struct slip_event event;
	slip_a32 word;
};
static struct shared shared;

struct elem_8 {
	uint64_t word[1];
};
struct elem_56 {
	uint64_t word[7];
};
struct elem_64 {
	uint64_t word[8];
};

struct user {
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	struct slip_record_producer rp;
	struct slip_record_consumer rc;
	struct slip_mpmc mp; /* the producer's */
	struct slip_mpmc mc;
	struct slip_mpmc_ticket ticket;
	struct slip_region rg;
	struct slip_peer peer;
	struct slip_peer *self; /* NULL or &peer */
	size_t bytes;		/* of the ring */
	struct slip_event *event;
	slip_a32 *word;
	uint64_t sum;
	uint32_t key;
	uint32_t len;
	struct elem_8 e8[BATCH];
	struct elem_56 e56[BATCH];
	struct elem_64 e64[BATCH];
	unsigned char record[1024];
};

typedef bool operation(struct user *u);

#define OP(name, expression)                        \
	static APART bool op_##name(struct user *u) \
	{                                           \
		return expression;                  \
	}                                           \
	static operation op_##name

/* What all of them have in common. */
OP(nothing, ++u->sum != 0);

/* --- elements -------------------------------------------------------------- */

#define ELEMENTS(size)                                                    \
	SLIP_SPSC_DEFINE(ring_##size, struct elem_##size);                \
	SLIP_CORE bool put_##size(struct user *u)                         \
	{                                                                 \
		struct elem_##size *at = ring_##size##_claim(&u->p);      \
                                                                          \
		if (!at)                                                  \
			return false;                                     \
		*at = u->e##size[0];                                      \
		slip_spsc_commit(&u->p);                                  \
		return true;                                              \
	}                                                                 \
	SLIP_CORE bool get_##size(struct user *u)                         \
	{                                                                 \
		const struct elem_##size *at = ring_##size##_peek(&u->c); \
                                                                          \
		if (!at)                                                  \
			return false;                                     \
		u->e##size[0] = *at;                                      \
		slip_spsc_release(&u->c);                                 \
		return true;                                              \
	}                                                                 \
	OP(spsc_push_##size, ring_##size##_push(&u->p, u->e##size));      \
	OP(spsc_pop_##size, ring_##size##_pop(&u->c, u->e##size));        \
	OP(spsc_push_n_##size,                                            \
	   ring_##size##_push_n(&u->p, u->e##size, BATCH) == BATCH);      \
	OP(spsc_pop_n_##size,                                             \
	   ring_##size##_pop_n(&u->c, u->e##size, BATCH) == BATCH);       \
	OP(spsc_claim_commit_##size, put_##size(u));                      \
	OP(spsc_peek_release_##size, get_##size(u));                      \
	OP(spsc_push_untyped_##size, slip_spsc_push(&u->p, u->e##size));  \
	OP(spsc_pop_untyped_##size, slip_spsc_pop(&u->c, u->e##size));    \
	OP(spsc_push_n_untyped_##size,                                    \
	   slip_spsc_push_n(&u->p, u->e##size, BATCH) == BATCH);          \
	OP(spsc_pop_n_untyped_##size,                                     \
	   slip_spsc_pop_n(&u->c, u->e##size, BATCH) == BATCH)

ELEMENTS(8);
ELEMENTS(56);
ELEMENTS(64);

OP(spsc_push_8_when_full, !ring_8_push(&u->p, u->e8));
OP(spsc_pop_8_when_empty, !ring_8_pop(&u->c, u->e8));
OP(spsc_push_until_8, !ring_8_push_until(&u->p, u->e8, SLIP_FOREVER));
OP(spsc_pop_until_8, !ring_8_pop_until(&u->c, u->e8, SLIP_FOREVER));
OP(spsc_attach_producer,
   !slip_spsc_attach_producer(&u->p, shared.ring, u->bytes, u->self));
OP(spsc_attach_consumer,
   !slip_spsc_attach_consumer(&u->c, shared.ring, u->bytes, u->self));
OP(spsc_detach_producer, (slip_spsc_detach_producer(&u->p), true));
OP(spsc_detach_consumer, (slip_spsc_detach_consumer(&u->c), true));
OP(spsc_consumer_state, slip_spsc_consumer_state(&u->p) == SLIP_ROLE_HELD);

/* --- elements of many ------------------------------------------------------ */

#define SHARED(size)                                                      \
	SLIP_MPMC_DEFINE(many_##size, struct elem_##size);                \
	SLIP_CORE bool hand_in_##size(struct user *u)                     \
	{                                                                 \
		struct elem_##size *at = many_##size##_claim(&u->mp);     \
                                                                          \
		if (!at)                                                  \
			return false;                                     \
		*at = u->e##size[0];                                      \
		return slip_mpmc_commit(&u->mp);                          \
	}                                                                 \
	SLIP_CORE bool take_##size(struct user *u)                        \
	{                                                                 \
		const struct elem_##size *at =                            \
			many_##size##_take(&u->mc, &u->ticket);           \
                                                                          \
		if (!at)                                                  \
			return false;                                     \
		u->e##size[0] = *at;                                      \
		slip_mpmc_ack(&u->mc, &u->ticket);                        \
		return true;                                              \
	}                                                                 \
	OP(mpmc_push_##size, many_##size##_push(&u->mp, u->e##size));     \
	OP(mpmc_pop_##size, many_##size##_pop(&u->mc, u->e##size));       \
	OP(mpmc_push_n_##size,                                            \
	   many_##size##_push_n(&u->mp, u->e##size, BATCH) == BATCH);     \
	OP(mpmc_pop_n_##size,                                             \
	   many_##size##_pop_n(&u->mc, u->e##size, BATCH) == BATCH);      \
	OP(mpmc_claim_commit_##size, hand_in_##size(u));                  \
	OP(mpmc_take_ack_##size, take_##size(u));                         \
	OP(mpmc_push_untyped_##size, slip_mpmc_push(&u->mp, u->e##size)); \
	OP(mpmc_pop_untyped_##size, slip_mpmc_pop(&u->mc, u->e##size))

SHARED(8);
SHARED(56);

/* The same calls, in a ring with other roles or flags. */
OP(mpmc_push_8_exclusive, many_8_push(&u->mp, u->e8));
OP(mpmc_pop_8_exclusive, many_8_pop(&u->mc, u->e8));
OP(mpmc_push_56_exclusive, many_56_push(&u->mp, u->e56));
OP(mpmc_pop_56_exclusive, many_56_pop(&u->mc, u->e56));
OP(mpmc_push_8_work, many_8_push(&u->mp, u->e8));
OP(mpmc_take_ack_8_work, take_8(u));
OP(mpmc_push_8_when_full, !many_8_push(&u->mp, u->e8));
OP(mpmc_pop_8_when_empty, !many_8_pop(&u->mc, u->e8));
OP(mpmc_push_until_8, !many_8_push_until(&u->mp, u->e8, SLIP_FOREVER));
OP(mpmc_pop_until_8, !many_8_pop_until(&u->mc, u->e8, SLIP_FOREVER));
OP(mpmc_detach, (slip_mpmc_detach(&u->mp), true));
OP(mpmc_attach,
   !slip_mpmc_attach(&u->mp, shared.ring, u->bytes, SLIP_PRODUCER, u->self));
/* As the hook is called when the peer is dead. */
OP(mpmc_recover_one, !slip_mpmc_recover_(&u->peer, shared.ring, u->bytes,
					 u->peer.id, u->peer.gen));

/* --- records --------------------------------------------------------------- */

SLIP_CORE bool put_record(struct user *u, uint32_t len)
{
	void *at = slip_record_claim(&u->rp, len);

	if (!at)
		return false;
	memcpy(at, u->record, len);
	slip_record_commit(&u->rp, len);
	return true;
}

SLIP_CORE bool get_record(struct user *u, uint32_t len)
{
	const void *at = slip_record_peek(&u->rc, &u->len);

	if (!at || u->len != len)
		return false;
	memcpy(u->record, at, len);
	slip_record_release(&u->rc);
	return true;
}

SLIP_CORE bool pop_record(struct user *u, uint32_t len)
{
	return !slip_record_pop(&u->rc, u->record, sizeof(u->record),
				&u->len) &&
	       u->len == len;
}

#define RECORDS(size)                                                       \
	OP(record_push_##size, !slip_record_push(&u->rp, u->record, size)); \
	OP(record_pop_##size, pop_record(u, size));                         \
	OP(record_claim_commit_##size, put_record(u, size));                \
	OP(record_peek_release_##size, get_record(u, size))

RECORDS(64);
RECORDS(1024);

OP(record_push_1024_when_full,
   slip_record_push(&u->rp, u->record, 1024) == -EAGAIN);
OP(record_pop_when_empty, !pop_record(u, 64) && !u->rc.error);
OP(record_attach_producer,
   !slip_record_attach_producer(&u->rp, shared.ring, u->bytes, u->self));
OP(record_attach_consumer,
   !slip_record_attach_consumer(&u->rc, shared.ring, u->bytes, u->self));
OP(record_detach_producer, (slip_record_detach_producer(&u->rp), true));
OP(record_detach_consumer, (slip_record_detach_consumer(&u->rc), true));

/* --- events, futexes, peers ------------------------------------------------ */

#define EVENTS(mode)                                                   \
	OP(event_notify_##mode,                                        \
	   (slip_event_notify(u->event, SLIP_EVENT_##mode), true));    \
	OP(event_prepare_##mode,                                       \
	   !slip_event_prepare(u->event, SLIP_EVENT_##mode, &u->key)); \
	OP(event_wake_##mode,                                          \
	   (slip_event_notify(u->event, SLIP_EVENT_##mode), true))

EVENTS(ASYM);
EVENTS(FULL);
EVENTS(RMW);

OP(futex_wake, slip_futex_wake(u->word, 1, SLIP_SHARED) == 0);
OP(futex_wait_not_equal,
   slip_futex_wait(u->word, 1, SLIP_FOREVER, SLIP_SHARED) == -EAGAIN);

OP(peer_join, !slip_peer_join(&u->peer, &u->rg));
OP(peer_leave, (slip_peer_leave(&u->peer), true));
OP(peer_alive, slip_peer_alive(&u->rg, u->peer.id) == 1);
OP(peer_recover_nobody, slip_peer_recover(&u->peer) == 0);

/* --- the scenes ------------------------------------------------------------ */

/* Operations that are played in turn: first, second, first, second. */
struct scene {
	uint32_t elem_bytes; /* of the ring; 0: records */
	unsigned mode;	     /* of its events */
	bool peer;	     /* with a membership, or with `self` NULL */
	int lag;	     /* how often the first is ahead, or ONE */
	uint32_t turns;	     /* to settle in, and again for the count */
	const char *names[2];
	operation *ops[2];
	unsigned many; /* an mpmc ring: these, and its flags; 0: none */
};

enum { MANY = 1, EXCLUSIVE = SLIP_EXCLUSIVE, WORK = SLIP_MPMC_WORK };

enum { NEAR = 0, ONE = -1 }; /* ONE: both are played by one side */
enum { ASYM = SLIP_EVENT_ASYM, FULL = SLIP_EVENT_FULL };

#define OPS(a, b)              \
	{ #a, #b },            \
	{                      \
		op_##a, op_##b \
	}
#define ALONE(a)             \
	{ #a, NULL },        \
	{                    \
		op_##a, NULL \
	}

/*
 * 448 elements are whole blocks of 1 and of 7, seven times the capacity, and
 * several laps; so are 14 batches. 454 records of 64 bytes are two laps, so
 * are 30 of 1 KiB.
 */
static const struct scene scenes[] = {
	{ 8, ASYM, false, ONE, 4, ALONE(nothing) },
	{ 8, ASYM, false, NEAR, 448, OPS(spsc_push_8, spsc_pop_8) },
	{ 8, ASYM, false, 32, 448, OPS(spsc_push_8, spsc_pop_8) },
	{ 56, ASYM, false, NEAR, 448, OPS(spsc_push_56, spsc_pop_56) },
	{ 56, ASYM, false, 32, 448, OPS(spsc_push_56, spsc_pop_56) },
	{ 64, ASYM, false, NEAR, 448, OPS(spsc_push_64, spsc_pop_64) },
	{ 64, ASYM, false, 32, 448, OPS(spsc_push_64, spsc_pop_64) },
	{ 8, FULL, false, NEAR, 448, OPS(spsc_push_8, spsc_pop_8) },
	{ 8, FULL, false, 32, 448, OPS(spsc_push_8, spsc_pop_8) },
	{ 8, ASYM, true, NEAR, 448, OPS(spsc_push_8, spsc_pop_8) },
	{ 8, ASYM, false, NEAR, 14, OPS(spsc_push_n_8, spsc_pop_n_8) },
	{ 8, ASYM, false, 1, 14, OPS(spsc_push_n_8, spsc_pop_n_8) },
	{ 56, ASYM, false, NEAR, 14, OPS(spsc_push_n_56, spsc_pop_n_56) },
	{ 56, ASYM, false, 1, 14, OPS(spsc_push_n_56, spsc_pop_n_56) },
	{ 64, ASYM, false, NEAR, 14, OPS(spsc_push_n_64, spsc_pop_n_64) },
	{ 64, ASYM, false, 1, 14, OPS(spsc_push_n_64, spsc_pop_n_64) },
	{ 8, FULL, false, NEAR, 14, OPS(spsc_push_n_8, spsc_pop_n_8) },
	{ 8, ASYM, false, NEAR, 448,
	  OPS(spsc_claim_commit_8, spsc_peek_release_8) },
	{ 8, ASYM, false, 32, 448,
	  OPS(spsc_claim_commit_8, spsc_peek_release_8) },
	{ 56, ASYM, false, NEAR, 448,
	  OPS(spsc_claim_commit_56, spsc_peek_release_56) },
	{ 56, ASYM, false, 32, 448,
	  OPS(spsc_claim_commit_56, spsc_peek_release_56) },
	{ 64, ASYM, false, NEAR, 448,
	  OPS(spsc_claim_commit_64, spsc_peek_release_64) },
	{ 64, ASYM, false, 32, 448,
	  OPS(spsc_claim_commit_64, spsc_peek_release_64) },
	{ 8, ASYM, false, NEAR, 448,
	  OPS(spsc_push_untyped_8, spsc_pop_untyped_8) },
	{ 8, ASYM, false, NEAR, 14,
	  OPS(spsc_push_n_untyped_8, spsc_pop_n_untyped_8) },
	{ 56, ASYM, false, NEAR, 448,
	  OPS(spsc_push_untyped_56, spsc_pop_untyped_56) },
	{ 56, ASYM, false, NEAR, 14,
	  OPS(spsc_push_n_untyped_56, spsc_pop_n_untyped_56) },
	{ 64, ASYM, false, NEAR, 448,
	  OPS(spsc_push_untyped_64, spsc_pop_untyped_64) },
	{ 64, ASYM, false, NEAR, 14,
	  OPS(spsc_push_n_untyped_64, spsc_pop_n_untyped_64) },
	{ 8, ASYM, false, ONE, 128, ALONE(spsc_push_8_when_full) },
	{ 8, ASYM, false, ONE, 128, ALONE(spsc_pop_8_when_empty) },
	{ 8, ASYM, false, NEAR, 448, OPS(spsc_push_until_8, spsc_pop_until_8) },
	{ 8, ASYM, true, NEAR, 448, OPS(spsc_push_until_8, spsc_pop_until_8) },
	{ 8, ASYM, false, ONE, 8,
	  OPS(spsc_detach_producer, spsc_attach_producer) },
	{ 8, ASYM, false, ONE, 8,
	  OPS(spsc_detach_consumer, spsc_attach_consumer) },
	{ 0, ASYM, false, ONE, 8,
	  OPS(record_detach_producer, record_attach_producer) },
	{ 0, ASYM, false, ONE, 8,
	  OPS(record_detach_consumer, record_attach_consumer) },
	{ 8, ASYM, true, ONE, 8,
	  OPS(spsc_detach_producer, spsc_attach_producer) },
	{ 8, ASYM, true, ONE, 8,
	  OPS(spsc_detach_consumer, spsc_attach_consumer) },
	{ 0, ASYM, true, ONE, 8,
	  OPS(record_detach_producer, record_attach_producer) },
	{ 0, ASYM, true, ONE, 8,
	  OPS(record_detach_consumer, record_attach_consumer) },
	{ 8, ASYM, false, ONE, 8, ALONE(spsc_consumer_state) },
	{ 8, ASYM, true, ONE, 8, ALONE(spsc_consumer_state) },
	{ 0, ASYM, false, NEAR, 454, OPS(record_push_64, record_pop_64) },
	{ 0, ASYM, false, NEAR, 454,
	  OPS(record_claim_commit_64, record_peek_release_64) },
	{ 0, ASYM, false, 100, 454, OPS(record_push_64, record_pop_64) },
	{ 0, ASYM, false, 100, 454,
	  OPS(record_claim_commit_64, record_peek_release_64) },
	{ 0, ASYM, false, NEAR, 30, OPS(record_push_1024, record_pop_1024) },
	{ 0, ASYM, false, NEAR, 30,
	  OPS(record_claim_commit_1024, record_peek_release_1024) },
	{ 0, ASYM, false, 7, 30, OPS(record_push_1024, record_pop_1024) },
	{ 0, ASYM, false, 7, 30,
	  OPS(record_claim_commit_1024, record_peek_release_1024) },
	{ 0, FULL, false, NEAR, 454, OPS(record_push_64, record_pop_64) },
	{ 0, ASYM, true, NEAR, 454, OPS(record_push_64, record_pop_64) },
	{ 0, ASYM, false, ONE, 32, ALONE(record_push_1024_when_full) },
	{ 0, ASYM, false, ONE, 32, ALONE(record_pop_when_empty) },
	{ 8, ASYM, false, NEAR, 448, OPS(mpmc_push_8, mpmc_pop_8), MANY },
	{ 8, ASYM, false, 32, 448, OPS(mpmc_push_8, mpmc_pop_8), MANY },
	{ 56, ASYM, false, NEAR, 448, OPS(mpmc_push_56, mpmc_pop_56), MANY },
	{ 56, ASYM, false, 32, 448, OPS(mpmc_push_56, mpmc_pop_56), MANY },
	{ 8, FULL, false, NEAR, 448, OPS(mpmc_push_8, mpmc_pop_8), MANY },
	{ 8, ASYM, true, NEAR, 448, OPS(mpmc_push_8, mpmc_pop_8), MANY },
	{ 8, ASYM, true, 32, 448, OPS(mpmc_push_8, mpmc_pop_8), MANY },
	{ 8, ASYM, false, NEAR, 448,
	  OPS(mpmc_push_8_exclusive, mpmc_pop_8_exclusive), EXCLUSIVE },
	{ 8, ASYM, false, 32, 448,
	  OPS(mpmc_push_8_exclusive, mpmc_pop_8_exclusive), EXCLUSIVE },
	{ 56, ASYM, false, NEAR, 448,
	  OPS(mpmc_push_56_exclusive, mpmc_pop_56_exclusive), EXCLUSIVE },
	{ 8, ASYM, false, NEAR, 14, OPS(mpmc_push_n_8, mpmc_pop_n_8), MANY },
	{ 8, ASYM, false, 1, 14, OPS(mpmc_push_n_8, mpmc_pop_n_8), MANY },
	{ 56, ASYM, false, NEAR, 14, OPS(mpmc_push_n_56, mpmc_pop_n_56), MANY },
	{ 8, ASYM, false, NEAR, 448, OPS(mpmc_claim_commit_8, mpmc_take_ack_8),
	  MANY },
	{ 56, ASYM, false, NEAR, 448,
	  OPS(mpmc_claim_commit_56, mpmc_take_ack_56), MANY },
	{ 8, ASYM, true, NEAR, 448, OPS(mpmc_push_8_work, mpmc_take_ack_8_work),
	  WORK },
	{ 8, ASYM, false, NEAR, 448,
	  OPS(mpmc_push_untyped_8, mpmc_pop_untyped_8), MANY },
	{ 56, ASYM, false, NEAR, 448,
	  OPS(mpmc_push_untyped_56, mpmc_pop_untyped_56), MANY },
	{ 8, ASYM, false, ONE, 128, ALONE(mpmc_push_8_when_full), MANY },
	{ 8, ASYM, false, ONE, 128, ALONE(mpmc_pop_8_when_empty), MANY },
	{ 8, ASYM, false, NEAR, 448, OPS(mpmc_push_until_8, mpmc_pop_until_8),
	  MANY },
	{ 8, ASYM, false, ONE, 8, OPS(mpmc_detach, mpmc_attach), MANY },
	{ 8, ASYM, true, ONE, 8, OPS(mpmc_detach, mpmc_attach), MANY },
	{ 8, ASYM, true, ONE, 8, OPS(mpmc_attach, mpmc_recover_one), MANY },
	{ 8, ASYM, false, ONE, 8, ALONE(event_notify_ASYM) },
	{ 8, ASYM, false, ONE, 8, ALONE(event_notify_FULL) },
	{ 8, ASYM, false, ONE, 8, ALONE(event_notify_RMW) },
	{ 8, ASYM, false, NEAR, 8, OPS(event_wake_ASYM, event_prepare_ASYM) },
	{ 8, ASYM, false, NEAR, 8, OPS(event_wake_FULL, event_prepare_FULL) },
	{ 8, ASYM, false, NEAR, 8, OPS(event_wake_RMW, event_prepare_RMW) },
	{ 8, ASYM, false, ONE, 8, ALONE(futex_wake) },
	{ 8, ASYM, false, ONE, 8, ALONE(futex_wait_not_equal) },
	{ 8, ASYM, false, ONE, 8, OPS(peer_leave, peer_join) },
	{ 8, ASYM, false, ONE, 8, ALONE(peer_alive) },
	{ 8, ASYM, false, ONE, 8, ALONE(peer_recover_nobody) },
};

static int open_elements(struct user *u, const struct scene *s)
{
	int rc;

	u->bytes = slip_spsc_bytes(CAPACITY, s->elem_bytes);
	if (u->bytes > RING_BYTES)
		return -EOVERFLOW;
	rc = slip_spsc_init(shared.ring, u->bytes, CAPACITY, s->elem_bytes,
			    s->mode);
	if (!rc)
		rc = slip_spsc_attach_producer(&u->p, shared.ring, u->bytes,
					       u->self);
	if (!rc)
		rc = slip_spsc_attach_consumer(&u->c, shared.ring, u->bytes,
					       u->self);
	return rc;
}

static int open_records(struct user *u, const struct scene *s)
{
	int rc;

	u->bytes = slip_record_bytes(RECORD_CAPACITY, 0);
	if (u->bytes > RING_BYTES)
		return -EOVERFLOW;
	rc = slip_record_init(shared.ring, u->bytes, RECORD_CAPACITY, s->mode);
	if (!rc)
		rc = slip_record_attach_producer(&u->rp, shared.ring, u->bytes,
						 u->self);
	if (!rc)
		rc = slip_record_attach_consumer(&u->rc, shared.ring, u->bytes,
						 u->self);
	return rc;
}

static int open_many(struct user *u, const struct scene *s)
{
	unsigned roles = s->many & SLIP_EXCLUSIVE;
	unsigned flags =
		s->mode | (s->many & SLIP_MPMC_WORK) | SLIP_MPMC_SEATS(SEATS);
	int rc;

	u->bytes = slip_mpmc_bytes(CAPACITY, s->elem_bytes, flags);
	if (u->bytes > RING_BYTES)
		return -EOVERFLOW;
	rc = slip_mpmc_init(shared.ring, u->bytes, CAPACITY, s->elem_bytes,
			    flags);
	if (!rc)
		rc = slip_mpmc_attach(&u->mp, shared.ring, u->bytes,
				      SLIP_PRODUCER | roles, u->self);
	if (!rc)
		rc = slip_mpmc_attach(&u->mc, shared.ring, u->bytes,
				      SLIP_CONSUMER | roles, u->self);
	return rc;
}

static int open_ring(struct user *u, const struct scene *s)
{
	if (s->many)
		return open_many(u, s);
	return s->elem_bytes ? open_elements(u, s) : open_records(u, s);
}

/* A region whose peers have an oracle, and a membership. */
static int open_region(struct user *u)
{
	int fd = (int)syscall(SYS_memfd_create, "counts", 0);
	int rc = slip_region_format(&u->rg, shared.region, REGION_BYTES, fd,
				    SLIP_REGION_PEERS(PEERS));

	(void)close(fd);
	if (!rc)
		rc = slip_region_publish(&u->rg, NULL, 0);
	return rc ? rc : slip_peer_join(&u->peer, &u->rg);
}

/* ./run tells by these two whose turn it is. */
static APART bool producer(operation *op, struct user *u)
{
	return op(u);
}

static APART bool consumer(operation *op, struct user *u)
{
	return op(u);
}

/* How many turns did what they say. */
SLIP_CORE uint32_t play(const struct scene *s, struct user *u)
{
	uint32_t good = 0;

	for (uint32_t i = 0; i < s->turns; i++)
		good += producer(s->ops[0], u) &&
			(!s->ops[1] || consumer(s->ops[1], u));
	return good;
}

/* Until every line of the ring has been where it will be again. */
static APART void settle(const struct scene *s, struct user *u)
{
	for (int i = 0; i < s->lag; i++)
		(void)producer(s->ops[0], u);
	(void)play(s, u);
}

static APART uint32_t counted(const struct scene *s, struct user *u)
{
	return play(s, u);
}

/* One line for ./run: how many sides, and how the rows are called. */
static void announce(const struct scene *s)
{
	char how[24];

	(void)snprintf(how, sizeof(how), "%s%s%s",
		       s->lag < 0	? ""
		       : s->lag == NEAR ? " near"
					: " far",
		       s->mode == FULL ? " full" : "", s->peer ? " peer" : "");
	(void)printf("%d\t%s%s", s->lag < 0 ? 1 : 2, s->names[0], how);
	if (s->names[1])
		(void)printf("\t%s%s", s->names[1], how);
	(void)printf("\n");
}

static bool wanted(const struct scene *s, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(s->names[0], argv[i]) ||
		    (s->names[1] && strstr(s->names[1], argv[i])))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static struct user u;

	u.event = &shared.event;
	u.word = &shared.word;
	if (open_region(&u))
		return 2;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		const struct scene *s = &scenes[i];
		int rc;

		if (!wanted(s, argc, argv))
			continue;
		u.self = s->peer ? &u.peer : NULL;
		rc = open_ring(&u, s);
		announce(s);
		settle(s, &u);
		if (rc || counted(s, &u) != s->turns) {
			(void)printf("does not do as it says\n");
			return 1;
		}
	}
	slip_peer_leave(&u.peer);
	slip_region_close(&u.rg);
	return 0;
}
