/* SPDX-License-Identifier: MIT */
/*
 * The segments of chain.h: their bytes, where they come from and what becomes of
 * them when they are empty. Private; how an element goes in and out: chain_pvt.h.
 *
 *	none --> made --> linked --> left --> spare --> linked --> ...
 *		 |			   |	       '-> none, by destroy
 *		 '-> left, if another was  '-> none
 *		     linked first
 *
 * Left is who may still be seen by a thread that is inside. liburcu says when no
 * longer (slip_chain_reclaim_), and only then a segment is spare, or memory again.
 */
#ifndef SLIP_RING_CHAIN_SEGMENT_PVT_H
#define SLIP_RING_CHAIN_SEGMENT_PVT_H

#include <errno.h>
#include <stdlib.h>

#include "../atomics/base.h"
#include "../atomics/copy.h"
#include "../atomics/word.h"
#include "../futex/event.h"
#include "rcu.h"
#include "role.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLIP_CHAIN_ELEM_MAX	 UINT32_C(65536)
#define SLIP_CHAIN_SEGMENT_BYTES UINT32_C(32768) /* of slots, about */
#define SLIP_CHAIN_SEGMENT_MIN	 2u
#define SLIP_CHAIN_SEGMENT_MAX	 (UINT32_C(1) << 20)
#define SLIP_CHAIN_LINGER	 8u  /* pauses at a slot that nothing is in */
#define SLIP_CHAIN_PATIENCE	 32u /* looks at a slot that is being filled */
#define SLIP_CHAIN_LOOK_BYTES	 16u /* copied in the time of a look, at least */
#define SLIP_CHAIN_SPARES	 2u  /* kept, however little is needed */

#define SLIP_CHAIN_CLOSED (UINT64_C(1) << 63) /* in `push` */
#define SLIP_CHAIN_END	  UINT64_C(1)	      /* in `next` */
#define SLIP_CHAIN_FULL	  UINT64_C(1)	      /* in a slot's word */
#define SLIP_CHAIN_VOID	  UINT64_C(2)

struct slip_chain;

struct slip_chain_segment {
	slip_a64 push; /* pushers' line */
	unsigned char pad0[120];
	slip_a64 pop; /* poppers' */
	slip_a64 seen;
	unsigned char pad1[112];
	slip_a64 next;	/* changes once */
	uint64_t use;	/* how often it has been used, from 1 */
	uint64_t full;	/* the word of a full slot, in this use */
	uint64_t place; /* in the chain, from 0 */
	struct slip_chain *chain;
	uint64_t asked;			  /* segments taken when it was left */
	struct slip_chain_segment *below; /* among the spare ones */
	struct rcu_head later;
	unsigned char pad2[56];
	/* +384: slots */
};
SLIP_STATIC_ASSERT(sizeof(struct slip_chain_segment) == 384, "three parts");

/* Where a chain gets its memory. */
typedef void *slip_chain_get_fn(void *context, size_t bytes);
typedef void slip_chain_put_fn(void *context, void *memory, size_t bytes);

/* Shared by all threads that use it; the user's own memory. */
struct slip_chain {
	/* read by all, seldom written */
	slip_a64 head;		    /* address of the segment to pop from */
	slip_a64 tail;		    /* address of that to push to */
	struct slip_event ev_data;  /* who pops sleeps here */
	struct slip_event ev_space; /* who pushes, at the limit, sleeps here */
	slip_a64 open;		    /* a role's word: held, or closed */
	uint32_t elem_bytes;
	uint32_t slot_bytes;
	uint32_t slots; /* of a segment */
	uint32_t patience;
	uint32_t linger;
	uint64_t segments_max; /* 0: no limit */
	slip_chain_get_fn *get;
	slip_chain_put_fn *put;
	void *context;
	unsigned char pad0[32];
	/* +128: written once for each segment */
	slip_a64 spare;	 /* address of a spare segment, over others */
	slip_a64 spares; /* how many */
	slip_a64 made;	 /* segments that exist */
	slip_a64 taken;	 /* that were ever taken, to be hung on */
	slip_a64 need;	 /* of them in a grace period, 1024 times */
	slip_a64 spin;	 /* what waits have learnt */
	unsigned char pad1[80];
} SLIP_ALIGNED(SLIP_APART_BYTES);
SLIP_STATIC_ASSERT(offsetof(struct slip_chain, spare) == 128, "two parts");
SLIP_STATIC_ASSERT(sizeof(struct slip_chain) == 256, "two parts");

/* --- shapes ------------------------------------------------------------------ */

/* A word and the element; small ones share a line, none straddles one. */
SLIP_INLINE uint32_t slip_chain_slot_bytes_(uint32_t elem_bytes)
{
	if (elem_bytes <= 8)
		return 16;
	if (elem_bytes <= 24)
		return 32;
	return (elem_bytes + 8 + 63) & ~UINT32_C(63);
}

SLIP_INLINE uint32_t slip_chain_slots_(uint32_t slot_bytes)
{
	uint32_t slots = SLIP_CHAIN_SEGMENT_BYTES / slot_bytes;

	return slots < 16 ? 16 : slots;
}

SLIP_INLINE size_t slip_chain_segment_bytes_(const struct slip_chain *c)
{
	size_t bytes = sizeof(struct slip_chain_segment) +
		       SLIP_CAST(size_t, c->slots) * c->slot_bytes;

	return (bytes + SLIP_APART_BYTES - 1) &
	       ~SLIP_CAST(size_t, SLIP_APART_BYTES - 1);
}

/* The one place where its two parts meet: a word, and the element behind it. */
SLIP_CORE slip_a64 *slip_chain_slot_(struct slip_chain_segment *s, uint64_t i,
				     uint32_t elem_bytes)
{
	void *at = SLIP_RECAST(unsigned char *, s + 1) +
		   i * slip_chain_slot_bytes_(elem_bytes);

	return SLIP_CAST(slip_a64 *, at);
}

SLIP_CORE uint64_t slip_chain_address_(const struct slip_chain_segment *s)
{
	return SLIP_RECAST(uintptr_t, s);
}

SLIP_CORE struct slip_chain_segment *slip_chain_at_(uint64_t address)
{
	return SLIP_RECAST(struct slip_chain_segment *,
			   SLIP_CAST(uintptr_t, address));
}

SLIP_INLINE void *slip_chain_malloc_(void *context, size_t bytes)
{
	(void)context;
	return aligned_alloc(SLIP_APART_BYTES, bytes);
}

SLIP_INLINE void slip_chain_free_(void *context, void *memory, size_t bytes)
{
	(void)context;
	(void)bytes;
	free(memory);
}

/* --- segments: made, spare, left --------------------------------------------- */

/* One less exists, or was going to: who found the limit may try again. */
SLIP_INLINE void slip_chain_unmake_(struct slip_chain *c)
{
	/* own: as in slip_chain_make_; the event's commit */
	(void)slip_a64_fetch_add_relaxed(&c->made, UINT64_MAX);
	slip_event_notify(&c->ev_space, SLIP_EVENT_RMW);
}

/* May there be one more? */
SLIP_INLINE bool slip_chain_admit_(struct slip_chain *c)
{
	/* hint: the swap is by what was seen */
	uint64_t there = slip_a64_load_relaxed(&c->made);

	do {
		if (c->segments_max && there >= c->segments_max)
			return false;
		/* own: this one of all that may be; no more is passed on */
	} while (!slip_a64_cas_relaxed(&c->made, &there, there + 1));
	return true;
}

/* A new one, or NULL and why: -EAGAIN, -ENOMEM. */
SLIP_INLINE struct slip_chain_segment *slip_chain_make_(struct slip_chain *c,
							int *why)
{
	struct slip_chain_segment *s;

	*why = -EAGAIN;
	if (!slip_chain_admit_(c))
		return NULL;
	s = SLIP_CAST(struct slip_chain_segment *,
		      c->get(c->context, slip_chain_segment_bytes_(c)));
	if (!s) {
		slip_chain_unmake_(c);
		*why = -ENOMEM;
		return NULL;
	}
	s->chain = c;
	s->use = 0;
	for (uint32_t i = 0; i < c->slots; i++)
		/* init */
		slip_a64_store_relaxed(slip_chain_slot_(s, i, c->elem_bytes),
				       0);
	return s;
}

/* Takes a spare one. Inside: so none that it looks at comes back meanwhile. */
SLIP_INLINE struct slip_chain_segment *slip_chain_reuse_(struct slip_chain *c)
{
	for (;;) {
		/* CHAIN-A3 pusher: what is below it; and that those have left who
		 * were inside. Pairs: slip_chain_keep_. Else: it is filled while
		 * somebody still reads it. */
		uint64_t top = slip_a64_load_acquire(&c->spare);
		struct slip_chain_segment *s = slip_chain_at_(top);

		if (!s)
			return NULL;
		/* own: s is ours; what is below is known by CHAIN-R3 of who laid
		 * it there, which a swap passes on */
		if (slip_a64_cas_relaxed(&c->spare, &top,
					 slip_chain_address_(s->below))) {
			/* hint: how many there are about */
			(void)slip_a64_fetch_add_relaxed(&c->spares,
							 UINT64_MAX);
			return s;
		}
	}
}

SLIP_INLINE void slip_chain_keep_(struct slip_chain *c,
				  struct slip_chain_segment *s)
{
	/* hint: the swap is by what was seen */
	uint64_t top = slip_a64_load_relaxed(&c->spare);

	/* hint: as slip_chain_reuse_; first, so that it is never below none */
	(void)slip_a64_fetch_add_relaxed(&c->spares, 1);
	for (;;) {
		s->below = slip_chain_at_(top);
		/* CHAIN-R3 reclaimer: what is below it, and that those have left
		 * who were inside. Pairs: slip_chain_reuse_. Else: as there. */
		if (slip_a64_cas_release(&c->spare, &top,
					 slip_chain_address_(s)))
			return;
	}
}

/* How many are taken in a grace period, if `asked` were while one was put off. Those
 * that were put off late ask for little: so it falls slowly, by a 1024th each. */
SLIP_INLINE uint64_t slip_chain_need_(struct slip_chain *c, uint64_t asked)
{
	/* hint: of whoever stored it last */
	uint64_t need = slip_a64_load_relaxed(&c->need);

	need = need >> 10 < asked ? asked << 10
				  : need - ((need - (asked << 10)) >> 10);
	/* hint: as above */
	slip_a64_store_relaxed(&c->need, need);
	return need >> 10;
}

/* Nobody is inside who saw it. It is kept if so many may be needed until the next
 * come: twice what is taken in a grace period. */
SLIP_INLINE void slip_chain_regain_(struct slip_chain *c,
				    struct slip_chain_segment *s)
{
	/* hint: both */
	uint64_t asked = slip_a64_load_relaxed(&c->taken) - s->asked;
	uint64_t spares = slip_a64_load_relaxed(&c->spares);

	if (spares < 2 * slip_chain_need_(c, asked) + SLIP_CHAIN_SPARES) {
		slip_chain_keep_(c, s);
		slip_event_notify(&c->ev_space, SLIP_EVENT_RMW);
		return;
	}
	c->put(c->context, s, slip_chain_segment_bytes_(c));
	slip_chain_unmake_(c);
}

SLIP_INLINE void slip_chain_reclaim_(struct rcu_head *later)
{
	void *at = SLIP_RECAST(char *, later) -
		   offsetof(struct slip_chain_segment, later);
	struct slip_chain_segment *s =
		SLIP_CAST(struct slip_chain_segment *, at);
	struct slip_chain *c;

	slip_rcu_begin_(later);
	c = s->chain;
	slip_rcu_begin_(c);
	slip_chain_regain_(c, s);
	slip_rcu_end_(c);
}

/* Inside. Nobody comes to it any more. */
SLIP_INLINE void slip_chain_leave_(struct slip_chain *c,
				   struct slip_chain_segment *s)
{
	/* hint */
	s->asked = slip_a64_load_relaxed(&c->taken);
	slip_rcu_later_(&s->later, slip_chain_reclaim_);
}

/* For the slots of one that nobody else knows: `n` elements are in it. */
SLIP_INLINE void slip_chain_fill_(struct slip_chain_segment *s,
				  const void *elems, uint32_t n,
				  uint32_t elem_bytes)
{
	const unsigned char *from = SLIP_CAST(const unsigned char *, elems);

	s->use++;
	s->full = 4 * s->use + SLIP_CHAIN_FULL;
	for (uint32_t i = 0; i < n; i++) {
		slip_a64 *slot = slip_chain_slot_(s, i, elem_bytes);

		slip_copy(slot + 1, from + SLIP_CAST(size_t, i) * elem_bytes,
			  elem_bytes);
		/* init */
		slip_a64_store_relaxed(slot, s->full);
	}
	/* init: four words */
	slip_a64_store_relaxed(&s->push, n);
	slip_a64_store_relaxed(&s->pop, 0);
	slip_a64_store_relaxed(&s->seen, n);
	slip_a64_store_relaxed(&s->next, 0);
}

#ifdef __cplusplus
}
#endif

#endif
