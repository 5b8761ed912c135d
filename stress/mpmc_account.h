/* SPDX-License-Identifier: MIT */
/*
 * The exact account of the elements that went through an MPMC ring whose users
 * are killed and stopped; for mpmc_stress.c, and, without deaths,
 * mpmc_threads.c. It lies in memory of its own, which all processes share.
 *
 * An element is known by its producer's place and its number there, in its
 * content. Each place has a diary, in which its holder writes before an
 * operation what it is about to do, and afterwards that it has done it; so when
 * it is dead the diary says what is certain, and what is not:
 *
 *	put_done..put_intent	each was pushed, or never will be; those that
 *				were are the first of them
 *	popping			so many elements may be gone with it
 *	held			those that it had taken: are delivered again
 *
 * For each element there is a word: how many deliveries were logged, and of
 * each whether the element was returned after it (by nack, by leaving, by
 * death), or perhaps (killed in ack, or in logging). Then, when the ring has
 * been drained, for every element:
 *
 *	at most once	delivered once, or lost with one that was killed in pop
 *	work queue	each delivery but the last was returned; the last was
 *			not. Attempts, as told, count every delivery
 *
 * And by the clock (any ring that is not a work queue): if the push of one had
 * returned before that of another began, the pop of the other has not returned
 * before that of the one began.
 */
#ifndef SLIP_STRESS_MPMC_ACCOUNT_H
#define SLIP_STRESS_MPMC_ACCOUNT_H

#include "atomics/base.h"
#include "atomics/word.h"
#include "stress/harness.h"

#define MPMC_WORKERS 8u
#define MPMC_AUDITOR MPMC_WORKERS /* the place of who looks last */
#define MPMC_PLACES  (MPMC_WORKERS + 1)
#define MPMC_NUMBERS (UINT32_C(1) << 17) /* most elements of a place and run */
#define MPMC_HELD    4u

struct mpmc_diary {
	slip_a64 put_done;
	slip_a64 put_intent;
	slip_a64 popping;	  /* elements that a pop may have claimed */
	slip_a64 held[MPMC_HELD]; /* name << 16 | delivery << 8 | state */
	slip_a64
		last[MPMC_PLACES]; /* number + 1 of what came last, from each */
	slip_a64 pushed;	   /* elements, by all that sat here; stat */
	slip_a64 popped;
	slip_a64 refused;
	slip_a64 attached; /* pid of the holder */
	slip_a64 leave;	   /* an order of the controller's */
	slip_a64 forever;  /* 1 while in a wait without a deadline */
	unsigned char
		pad[2 * SLIP_APART_BYTES - 8 * (9 + MPMC_HELD + MPMC_PLACES)];
};

struct mpmc_elem {
	slip_a64 fate;				   /* see mpmc_account.c */
	slip_a64 pushing, pushed, popping, popped; /* ns; 0: unknown */
};

struct mpmc_account {
	struct mpmc_diary diary[MPMC_PLACES];
	struct mpmc_elem elem[MPMC_PLACES][MPMC_NUMBERS];
	slip_a64 deaths; /* of consumers, begun */
	slip_a64 finish; /* producers shall end */
	slip_a64 drain;	 /* consumers shall, at -EPIPE */
	/* Where each has the region mapped. */
	slip_a64 place[MPMC_PLACES];
	/* Written by the controller alone. */
	bool work;
	bool timed;
	/* For threads, or NULL: plain, MPMC_NUMBERS for each place. What one
	 * writes before push the other finds after pop, and counts up. */
	uint32_t *notes;
	uint64_t lost_most;  /* elements that may be gone with the dead */
	uint64_t unsure;     /* deliveries that were perhaps returned */
	uint64_t bequeathed; /* elements that the dead had taken */
};

/* What a run came to. */
struct mpmc_result {
	uint64_t pushed;   /* and in the queue */
	uint64_t late;	   /* of them, by a push that was killed */
	uint64_t never;	   /* such that were never pushed */
	uint64_t popped;   /* at least once */
	uint64_t lost;	   /* with one that was killed in pop */
	uint64_t returned; /* by nack, leaving, death */
	uint64_t again;	   /* deliveries after the first */
	uint64_t ordered;  /* compared by the clock */
};

/* Everything forgotten, for a new run. */
void mpmc_account_reset(struct mpmc_account *a, bool work, bool timed);

/* The content of an element is stress_fill() of its name. */
uint64_t mpmc_name(uint32_t place, uint64_t number);

/* --- by the holder of a place ---------------------------------------------- */

/* Before and after a push of up to `n`; the number of the first. */
void mpmc_putting(struct mpmc_account *a, uint32_t place, uint64_t n);
void mpmc_put(struct mpmc_account *a, uint32_t place, uint64_t n);
/* Before a pop (or take) of up to `n`: the time, if that is wanted. */
uint64_t mpmc_popping(struct mpmc_account *a, uint32_t place, uint64_t n);
/* One that was popped, or taken, with all that can be checked of it at once. Its
 * place in `held`, if it is to be held. */
void mpmc_popped(struct mpmc_account *a, uint32_t place, const void *elem,
		 size_t bytes, uint64_t since);
uint32_t mpmc_taken(struct mpmc_account *a, uint32_t place, const void *elem,
		    size_t bytes, uint32_t attempts, uint64_t since);
/* Before and after ack; after nack. */
void mpmc_acking(struct mpmc_account *a, uint32_t place, uint32_t held);
void mpmc_acked(struct mpmc_account *a, uint32_t place, uint32_t held);
void mpmc_nacked(struct mpmc_account *a, uint32_t place, uint32_t held);

/* --- by the controller ----------------------------------------------------- */

/* Who held that place is dead, or has left. */
void mpmc_bury(struct mpmc_account *a, uint32_t place, bool killed);
/* The ring was drained: all checks, and the sums. */
struct mpmc_result mpmc_settle(struct mpmc_account *a);

#endif
