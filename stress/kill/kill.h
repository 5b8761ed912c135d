/* SPDX-License-Identifier: MIT */
/*
 * What an operation brings (its states, its victim, its judges), and what the
 * three ways of killing it need from it.
 *
 * A case is an operation, a prefilled state, a point in the operation and a
 * way. The world is made for a state; a victim enters it (joins, attaches) and
 * runs the operation up to the point. Then it is dead, or stopped, and a judge
 * looks at what the others find.
 */
#ifndef SLIP_STRESS_KILL_KILL_H
#define SLIP_STRESS_KILL_KILL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "futex/peer.h"
#include "stress/kill/ops.h"

enum kill_way { KILL_SNAPSHOT, KILL_REAL, KILL_STOP, KILL_STEP, KILL_WAYS };

struct kill_span {
	void *at;
	size_t bytes;
};

struct kill_op;

/* The world of a component. The judges call kill_fail, or return. */
struct kill_kind {
	/* One world for each state; `unmake` leaves nothing behind. */
	void (*make)(const struct kill_op *op, unsigned state);
	void (*unmake)(void);
	/* What is not bytes, as it was before any victim came; or NULL. */
	void (*reset)(void);
	/* By a child, or in this process: become what runs the operation. */
	void (*enter)(void);
	void *victim;
	/* By the victim: it has returned `result`; is that right? Then go. */
	void (*leave)(int result);
	/* A victim in this process gives its locks up as if it had died. */
	void (*bury)(void);
	/* All that the judges and the operation change, and may be put back:
	 * shared bytes, and handles of the survivors. */
	unsigned (*spans)(struct kill_span spans[]);
	/* Where what matters is the kernel's: a number that changes with it.
	 * It, or spans with a world that cannot be put back under the victim's
	 * feet (`live`), is judged at the point, as stopped. */
	uint64_t (*signature)(void);
	bool live;
	/* The deed of another that ends the victim's sleep. */
	void (*rouse)(void);
	/* Sleeps on the victim in this process until it is known dead. */
	void (*suffer)(void);
	/* The victim is dead; `variant` 0..2: who notices first. `result` is
	 * KILL_UNKNOWN, or what the operation returned before. */
	void (*dead)(int result, unsigned variant);
	void (*stopped)(void);
	/* It was continued, returned `result`, and left. */
	void (*after)(int result);
};

#define KILL_UNKNOWN INT32_MIN
/* The point of one that is hit while it sleeps. */
#define KILL_ASLEEP ((uint64_t)INT64_MAX)
#define KILL_SPANS  4

struct kill_op {
	const char *name;
	const struct kill_kind *kind;
	kill_fn hooked;
	kill_fn plain;
	unsigned states;
	unsigned flags;	 /* the kind's own */
	const void *own; /* the kind's own */
	bool sleeps;	 /* the victim sleeps until `rouse` */
};

struct kill_list {
	const struct kill_op *ops;
	unsigned count;
};
extern const struct kill_list kill_spsc;
extern const struct kill_list kill_record;
extern const struct kill_list kill_mpmc;
extern const struct kill_list kill_latest;
extern const struct kill_list kill_broadcast;
extern const struct kill_list kill_priority;
extern const struct kill_list kill_lanes;
extern const struct kill_list kill_call;
extern const struct kill_list kill_cond;
extern const struct kill_list kill_event;
extern const struct kill_list kill_mutex;
extern const struct kill_list kill_meet;
extern const struct kill_list kill_peer;
extern const struct kill_list kill_pi;
extern const struct kill_list kill_region;
extern const struct kill_list kill_rwlock;
extern const struct kill_list kill_sem;

/* --- the case at hand ------------------------------------------------------ */

struct kill_case {
	const struct kill_op *op;
	unsigned state;
	uint64_t point;
	enum kill_way way;
};
extern struct kill_case kill_now;
/* In a real child. */
extern bool kill_child;
/* What the whole operation returns in this state; KILL_UNKNOWN: not run yet. */
extern int kill_full_result;

/* Ends the case; in a child, the child. */
__attribute__((format(printf, 1, 2), noreturn)) void
kill_fail(const char *format, ...);
#define KILL_CHECK(cond, ...) ((cond) ? (void)0 : kill_fail(__VA_ARGS__))

/* What a child tells: memory shared with it. */
struct kill_ledger {
	slip_a32 entered;
	slip_a32 go;
	slip_a32 asleep;
	slip_a32 done;
	int result;
	bool bad;
	char text[200];
};
extern struct kill_ledger *kill_ledger;

/* --- a region with one object, and peers ----------------------------------- */

#define KILL_PEERS 8u

struct kill_base {
	struct slip_region rg;
	struct slip_peer me;	/* the survivor */
	struct slip_peer next;	/* a successor */
	struct slip_peer ghost; /* dead; in some states */
	uint32_t victim_id;
	uint32_t live; /* bit i: id i is somebody who lives, not the victim */
	void *mem;
	size_t bytes;
};
extern struct kill_base kill_base;

/* In the victim: itself, and the object where it is mapped there. */
struct kill_self {
	struct slip_region *rg;
	struct slip_peer peer;
	void *mem;
	size_t bytes;
};
extern struct kill_self kill_self;

void kill_base_make(uint32_t kind, size_t bytes, bool ghost);
void kill_base_unmake(void);
/* The object, and the peers' records. */
unsigned kill_base_spans(struct kill_span spans[]);
/* By the victim: open the region; join it. */
void kill_base_open(void);
void kill_base_enter(void);
void kill_base_bury(void);
/* Everything the dead held is given back: no word names one any more. */
void kill_base_recover(void);

/* --- running --------------------------------------------------------------- */

void kill_begin(void);
void kill_list_ops(void);
/* -1: none. */
int kill_way_named(const char *how);
/* Every operation that the options choose: how many. */
unsigned kill_run(void);
/* Did every check hold, so far; or, the expected one fail? */
bool kill_all_well(void);

/* --- the ways -------------------------------------------------------------- */

struct kill_count {
	uint64_t points; /* in all states */
	uint64_t states; /* distinct, of the shared bytes */
	uint64_t verdicts;
	uint64_t kills, stops; /* inside of the operation */
	uint64_t steps;
	bool failed[KILL_WAYS];
	bool skipped[KILL_WAYS];
};

/* Points worth a real kill: where shared bytes had just changed. */
struct kill_marks {
	uint64_t points; /* of the whole operation, */
	int result;	 /* and what it returned */
	uint64_t *at;
	unsigned count, room;
};

struct kill_options {
	uint64_t cases;	 /* real ones for an operation and way; 0: any number */
	uint64_t stride; /* of the points between the marked ones */
	uint64_t seed;
	uint64_t every; /* N-th state only */
	const char *op;
	int64_t state;
	int64_t point;
	int way;	    /* -1: all */
	const char *expect; /* a check must fail with this in its text */
};
extern struct kill_options kill_options;

/* Snapshots of one state; its marks. */
void kill_snapshot_state(struct kill_count *count, struct kill_marks *marks,
			 bool judge);
/* One real child; counts what was done to it. */
void kill_real_case(struct kill_count *count, enum kill_way way,
		    uint64_t point);
/* Single steps: how many the operation takes (0: ptrace is refused); a case. */
uint64_t kill_step_count(void);
void kill_step_case(struct kill_count *count, uint64_t step);
/* Survivors' bytes and handles as they were before any victim came. */
void kill_image_take(void);
void kill_image_restore(void);
/* A child in the victim's role; waiting for it; and its end. */
int32_t kill_spawn(void (*body)(void *), void *context);
int32_t kill_wait_child(int *status, int flags);
void kill_end_child(void);
void kill_watch(void);

#endif
