/* SPDX-License-Identifier: MIT */
/*
 * The runtime from the inside: one thread of the host, so no locks; all state
 * of an execution in static pools that are rewound, so no malloc.
 *
 *	fiber.c		stacks and the switch
 *	choose.c	every decision of every strategy
 *	schedule.c	who runs next; death, stops, pauses, time
 *	memory.c	words and their stores; the accesses
 *	buffer.c	tso: stores on their way
 *	order.c		rc11: what a load may return; fences
 *	shadow.c	races on plain data
 *	kernel.c	futex, membarrier, descriptors, mappings
 *	tsan.c		the entry points that the compilers call
 *	run.c		executions, from first to last
 *	trace.c		what a replay prints
 *	main.c		command line and rows
 */
#ifndef SLIP_STRESS_RUNTIME_H
#define SLIP_STRESS_RUNTIME_H

#include <emmintrin.h>
#include <stdio.h>
#include <string.h>

#include "explore.h"

/* The linker sends the models' copies to us (tsan.c); ours go to libc. */
void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__real_memset(void *to, int byte, size_t bytes);
#define memcpy __real_memcpy
#define memset __real_memset

#if !defined(__x86_64__)
#error "the explorer switches stacks on x86-64 only"
#endif

#define X_ALONE	      X_THREADS
#define X_STACK_BYTES 65536
#define X_STEPS_MAX   8192u
#define X_CLOCK_MAX   30000
#define X_CHOICES_MAX 16384u
#define X_EVENTS_MAX  32 /* to choose from */
#define X_TEXT_BYTES  1024
#define X_START_NS    UINT64_C(1000000000000)

enum x_memory_model { X_SC, X_TSO, X_RC11, X_MEMORIES };
enum x_strategy { X_DFS, X_RANDOM, X_PCT };
enum x_state { X_RUNNING, X_PAUSED, X_ASLEEP, X_DONE, X_DEAD, X_STOPPED };

/*
 * What a thread knows of each thread, itself included, as clocks: lanes 0..3
 * by happens-before, which decides about races; lanes 4..7 by all that binds
 * its loads, which seq_cst fences add to. `fence`: the last seq_cst fence that
 * happens before, in the order of all seq_cst fences and stores.
 */
struct x_view {
	union {
		__m128i all;
		int16_t clock[8];
	};
	uint32_t fence;
};

struct x_loc;

struct x_store {
	struct x_view released; /* what an acquire of it learns */
	uint64_t value;
	struct x_store *older;
	struct x_loc *loc;
	void *word;
	uint32_t index;	 /* in the word's modification order */
	uint32_t link;	 /* in the order of all stores */
	uint32_t seqcst; /* in the order of seq_cst fences and stores, or 0 */
	int16_t clock;
	uint8_t thread;
};

/* The newest store that a thread had read by a time of its own. */
struct x_seen {
	struct x_seen *older;
	uint32_t index;
	int16_t clock;
};

struct x_loc {
	uintptr_t address;
	uint32_t bytes;
	struct x_store *newest;
	struct x_seen *seen[X_THREADS];
};

/* One access to some of 8 bytes. */
struct x_access {
	uint8_t mask;
	uint8_t who; /* thread, and the bits below */
	int16_t clock;
	uint32_t pc;
};

#define X_WHO	 3u
#define X_WRITE	 4u
#define X_ATOMIC 8u

#define X_ACCESSES 11
#define X_OVERFLOW 96

/* The shadow of 8 bytes. */
struct x_cell {
	uintptr_t key; /* address / 8 */
	uint32_t generation;
	uint16_t count;
	uint16_t more; /* of x_overflow, from 1 */
	struct x_loc *loc[2];
	struct x_access access[X_ACCESSES];
	uint64_t pad;
} __attribute__((aligned(128)));

/* The most words that a thread of a model sleeps on at once. */
#define X_WORDS 4

struct x_thread {
	struct x_view now;
	struct x_view fenced;  /* released by relaxed stores */
	struct x_view unasked; /* read by relaxed loads, for a fence */
	struct x_view light;   /* at its last compiler fence */
	struct x_view heavy;   /* from membarriers, for the next one */
	void *sp;
	char *stack;
	enum x_state state;
	bool chosen;	/* to run, since its last step */
	uint32_t fresh; /* links up to here are visible */
	uint32_t own;	/* links of its own */
	uint32_t heard; /* links of others when it last paused */
	/* asleep */
	uintptr_t key;
	uintptr_t others[X_WORDS - 1]; /* of futex_waitv; 0: none */
	uint32_t bits;
	uint32_t turn; /* place in the queue */
	uint64_t deadline;
	long result;
	/* tso: stores on their way */
	struct x_store *buffer[X_STEPS_MAX];
	uint32_t first, last;
	int priority;
};

enum x_kind {
	X_EV_RUN,
	X_EV_TIME,
	X_EV_KILL,
	X_EV_STOP,
	X_EV_SPURIOUS,
	X_EV_EINTR,
	X_EV_TIMEOUT
};

struct x_event {
	uint8_t kind;
	uint8_t thread;
};

/* The state of the execution that runs, and of the run. */
struct x_world {
	int self;	     /* or -1: alone */
	struct x_thread *me; /* its thread, or NULL */
	enum x_memory_model memory;
	bool tracing;
	uint32_t links;
	uint32_t generation;
	struct x_thread thread[X_THREADS];
	struct x_view fences; /* of all seq_cst fences; lanes 4..7 */
	uint32_t seqcst;
	uint32_t steps, steps_max;
	uint32_t switches, switches_max;
	uint32_t troubles, surprises;
	uint32_t waiting; /* bit i: thread i's head for another's (tso) */
	uint32_t rounds;  /* of time, in which nobody stored */
	uint32_t turns;
	uint32_t ranges; /* mappings that have an alias address */
	uint64_t now;
	bool failed;
	bool ended;
	const struct x_model *model;
	unsigned threads;
	void *main_sp, *alone_sp;
	bool cut; /* the bound left a preemption out */
	char text[X_TEXT_BYTES];
};

extern struct x_world x;

static inline struct x_thread *x_me(void)
{
	return x.me;
}

static inline void x_become(int self)
{
	x.self = self;
	x.me = self < 0 ? NULL : &x.thread[self];
}

/* Is that on the stack of the thread that runs? */
static inline bool x_own_stack(const void *at)
{
	return (uintptr_t)at - (uintptr_t)x_me()->stack < X_STACK_BYTES;
}

static inline void x_join(struct x_view *to, const struct x_view *from)
{
	to->all = _mm_max_epi16(to->all, from->all);
	if (from->fence > to->fence)
		to->fence = from->fence;
}

/* What comes after is not in what has been passed on so far. */
static inline void x_tick(unsigned thread)
{
	x.thread[thread].now.clock[thread]++;
	x.thread[thread].now.clock[4 + thread]++;
}

/* fiber.c */
void x_fiber_make(void **sp, char **stack, void (*entry)(void));
void x_fiber_switch(void **save, void *to);

/* choose.c */
struct x_list {
	uint32_t count;
	uint8_t pick[X_CHOICES_MAX];
};
void x_choose_begin(enum x_strategy strategy, uint64_t seed);
void x_choose_replay(const struct x_list *list);
void x_choose_execution(void);
bool x_choose_next(void); /* false: exhausted */
void x_choose_list(struct x_list *list);
unsigned x_choose_value(unsigned n);
unsigned x_choose_event(const struct x_event *e, unsigned n, unsigned bounded);

/* schedule.c */
void x_step(void);
void x_block(void);
void x_schedule_begin(void);
void x_schedule(void);
unsigned x_wake(uintptr_t key, uint32_t bits, unsigned count);
long x_sleep(uintptr_t key, uint32_t bits, uint64_t deadline);
long x_sleep_on(const uintptr_t *keys, unsigned n, uint64_t deadline);

/* memory.c; the shared half of every entry point */
extern const struct x_view x_nothing;
void x_link(struct x_store *s);
void x_memory_begin(void);
void x_memory_plain(struct x_cell *cell, unsigned mask, bool write);
uint64_t x_memory_peek(void *word, unsigned bytes, uint32_t pc);
uint64_t x_load(void *word, unsigned bytes, int order, uint32_t pc);
void x_store(void *word, unsigned bytes, uint64_t v, int order, uint32_t pc);
enum x_op { X_XCHG, X_ADD, X_SUB, X_AND, X_OR, X_XOR, X_NAND, X_SET };
uint64_t x_rmw(void *word, unsigned bytes, enum x_op op, uint64_t v, int order,
	       uint32_t pc);
/* The change itself, without a step of its own. */
uint64_t x_change(void *word, unsigned bytes, enum x_op op, uint64_t v,
		  int order, uint32_t pc);
uint64_t x_apply(enum x_op op, uint64_t old, uint64_t v, unsigned bytes);
uint64_t x_cas(void *word, unsigned bytes, uint64_t expected, uint64_t v,
	       int order, int failure, uint32_t pc);

/* buffer.c */
void x_memory_drain(unsigned thread);
bool x_memory_drain_all(void);
void x_others_arrive(unsigned thread, const struct x_loc *l);
struct x_store *x_own_pending(const struct x_loc *l);

/* order.c */
static inline bool x_acquires(int order)
{
	return order == __ATOMIC_CONSUME || order == __ATOMIC_ACQUIRE ||
	       order >= __ATOMIC_ACQ_REL;
}

static inline bool x_releases(int order)
{
	return order >= __ATOMIC_RELEASE;
}
void x_order_begin(void);
unsigned x_readable(const struct x_loc *l, bool seqcst);
void x_note_seen(struct x_loc *l, const struct x_store *s);
void x_learn(const struct x_store *s, int order);
struct x_store *x_pick(struct x_loc *l, int order, unsigned *age);
void x_memory_meet(unsigned thread);
void x_fence(int order);
void x_fence_kernel(void);
void x_fence_thread(int order, uint32_t pc);
void x_fence_signal(uint32_t pc);
void x_membarrier(void);

/* shadow.c */
struct x_cell *x_cell_of(uintptr_t address);
void x_shadow_plain(const void *at, size_t bytes, bool write, uint32_t pc);
void x_shadow_more(const void *at, struct x_access a);
void x_shadow_atomic(struct x_cell *cell, const void *at, unsigned bytes,
		     bool write, uint32_t pc);
void x_shadow_begin(void);

#define X_CELLS 65536u
extern struct x_cell x_cells[X_CELLS];

/* Neighbours have neighbouring cells: few pages, few conflicts. */
static inline struct x_cell *x_first_cell(uintptr_t key)
{
	return &x_cells[(key ^ key >> 16) % X_CELLS];
}

/* Plain accesses of one thread to the same bytes: a write covers all before, a
 * read covers reads, and is as good as a write since the last release. True if
 * there is nothing else to do. */
static inline bool x_replaces(struct x_access *old, struct x_access a)
{
	if (old->mask != a.mask || (old->who | X_WRITE) != (a.who | X_WRITE))
		return false;
	if (a.who >= old->who)
		*old = a;
	else if (a.clock != old->clock)
		return false;
	return true;
}

/* Few bytes, most often all of one cell, and most often by the only thread that
 * ever meets it: then here, inlined where their number is known. */
static inline void x_shadow_word(const void *at, unsigned bytes, bool write,
				 uint32_t pc)
{
	uintptr_t key = (uintptr_t)at >> 3;
	unsigned from = (uintptr_t)at & 7;
	struct x_cell *cell = x_first_cell(key);
	struct x_access a;

	if (x.self < 0 || x_own_stack(at))
		return;
	if (from + bytes > 8 || x.ranges) {
		x_shadow_plain(at, bytes, write, pc);
		return;
	}
	a.mask = (uint8_t)(((1u << bytes) - 1) << from);
	a.who = (uint8_t)((unsigned)x.self | (write ? X_WRITE : 0));
	a.clock = x_me()->now.clock[x.self];
	a.pc = pc;
	if (cell->key != key || cell->generation != x.generation ||
	    cell->count != 1 || cell->loc[0] || cell->loc[1] ||
	    !x_replaces(cell->access, a))
		x_shadow_more(at, a);
}

/* tsan.c; what SLIP_FENCE_PORTABLE names */
bool x_portable(void);

/* kernel.c */
uintptr_t x_alias(uintptr_t address);
void x_kernel_begin(void);
void x_kernel_once(void);
void x_kernel_end(void);
void x_kernel_kill(unsigned thread);

/* run.c */
void x_fail_text(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
struct x_result {
	uint64_t executions, livelocks, steps, kills;
	bool failed, exhausted;
	uint32_t complete; /* preemptions, if exhausted up to them */
	char text[X_TEXT_BYTES];
	struct x_list list;
};
struct x_limits {
	uint64_t executions;
	double seconds;
	uint64_t seed;
	int strategy; /* or -1: all of them */
	uint32_t preemptions;
};
void x_run(const struct x_model *model, enum x_memory_model memory,
	   const struct x_limits *limits, struct x_result *result);
void x_replay(const struct x_model *model, enum x_memory_model memory,
	      const struct x_list *list, struct x_result *result);
double x_seconds(void);

/* trace.c */
/* A place in the code, as debug information counts. */
static inline uint32_t x_pc(const void *return_address)
{
	extern const char __executable_start[];

	return (uint32_t)((const char *)return_address - __executable_start);
}

void x_trace(uint32_t pc, const void *at, unsigned bytes, const char *format,
	     ...) __attribute__((format(printf, 4, 5)));
void x_trace_call(uint32_t pc, long nr, const long args[6], const long *result);
void x_trace_begin(void);
void x_trace_print(FILE *out);
void x_trace_names(void); /* forget them */
/* "spsc_pvt.h:233 (slip_spsc_publish_)", in a buffer of its own. */
const char *x_place(uint32_t pc);
const char *x_where(const void *at);
const char *x_order_name(int order);
extern const char *const x_memory_names[X_MEMORIES];

#endif
