/* SPDX-License-Identifier: MIT */
/*
 * Games: a game plays the verbs of one component as a stream of bytes tells it,
 * while a hostile peer writes into the shared memory when and what the same
 * stream tells. The bytes come from a seed (hostile.c) or from libFuzzer
 * (target.c).
 *
 * What is promised under a hostile peer, and so asked for here: a result that
 * the header lists, memory that belongs to the object or to the caller, and an
 * end after a bounded number of steps. What an element says is not promised.
 */
#ifndef STRESS_HOSTILE_HOSTILE_H
#define STRESS_HOSTILE_HOSTILE_H

#include "points.h"

#include "ring/slipring.h"

/* --- the stream ------------------------------------------------------------ */

struct stream {
	const uint8_t *bytes;
	size_t left;
};

/* The next byte; 0 when there are no more. */
uint8_t take(struct stream *in);
/* Eight bytes as a number. */
uint64_t take_word(struct stream *in);
/* 0..n - 1; n is at most 256. */
uint32_t take_below(struct stream *in, uint32_t n);

/* splitmix64 */
uint64_t next_random(uint64_t *state);

/* --- memory ---------------------------------------------------------------- */

#define ARENA_BYTES ((size_t)1 << 18)

/*
 * Pages between two guard pages, mapped twice: here, and at `readable` for
 * reading only. Of them `bytes` from `mem` are given out; what lies around is
 * poisoned under ASan, and otherwise filled with a pattern that is checked.
 */
struct arena {
	uint8_t *start;
	uint8_t *readable;
	uint8_t *mem;
	size_t bytes;
};

void arena_create(struct arena *a);
/* Gives out `bytes`: as far up as `align` allows, or from the start. */
uint8_t *arena_place(struct arena *a, size_t bytes, size_t align, bool low);
/* Fails if the surroundings have changed. */
void arena_check(const struct arena *a);

/* A buffer of the caller's for the next call: no byte more than that. */
uint8_t *buffer(size_t bytes);

/* --- the hostile peer ------------------------------------------------------ */

/* Without points: then only a concurrent peer shows anything, and a file has no
 * name that these programs could give it without leaving it behind. */
extern const bool hostile_bare;

/* What it may write to, and where it hurts. */
struct prey {
	uint8_t *mem;
	size_t bytes;
	size_t stride; /* of words as good as named ones, from `first` on; */
	size_t first;  /* 0: none */
	uint64_t capacity;     /* of what the named words count */
	const uint16_t *named; /* a constant: a peer's process has its own */
	uint32_t names;
	uint16_t
		chosen[64]; /* where `named` is NULL: such as are no constant */
};

void scribble(const struct prey *prey, uint64_t *random);
/* Remembers what is there now, to be replayed later. */
void scribble_remember(const struct prey *prey);
/* A peer that writes all the time. `forked`: in a process of its own. */
void peer_start(bool forked, uint64_t seed);
void peer_stop(void);
/* Between these two it leaves the memory alone. */
void peer_hold(void);
void peer_loose(void);

/* --- playing --------------------------------------------------------------- */

struct counts {
	uint64_t runs, calls, errors, poisoned, scribbles, live, moved;
};

struct play {
	struct counts counts;
	struct prey prey;
	const char *game;
	const char *verb; /* being called; NULL: none */
	uint64_t random;  /* of this run's scribbles */
	uint64_t now_ns;
	uint32_t steps; /* points met in this call */
	uint32_t wait;	/* points until the next scribble; 0: none */
	bool storm;	/* and another one at each later point */
	bool restless;	/* whoever sleeps in this call is woken at once */
	bool live;	/* somebody is attached */
	bool real;	/* a concurrent peer, real time and a real kernel */
};
extern struct play play;

/* Before anybody attaches: the bytes that the stream gives, wherever it says. */
void spoil_before_attach(struct stream *in, uint8_t *mem, size_t bytes);
/* A call begins: the stream says whether the peer writes during it. */
void verb(struct stream *in, const char *name);
/* It ends, with what it returned. `allowed`: 0 ends the list. */
int answer(int rc, const int *allowed);
void answer_moved(uint32_t count, uint32_t limit);
/* A place handed out: is it inside `bytes` at `mem`? Reads every byte. */
void answer_place(const void *at, size_t bytes, const void *mem, size_t room);
#define CODES(...) ((const int[]){ __VA_ARGS__, 0 })

/* Says what is wrong and how to repeat it, and ends the program. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));
/* How to repeat this run, for fail() and for signals. */
void replay_as(const char *format, ...) __attribute__((format(printf, 1, 2)));
void watch_start(void);

/* A call on memory that somebody may shorten: see sys.c. */
struct file_prey {
	int fd;		/* of the file that "/hostile" opens; -1: none */
	uint32_t wait;	/* system calls until it is cut; 0: never */
	uint64_t bytes; /* to what */
};
extern struct file_prey file_prey;

/* A sleep is about to begin, without a deadline or with one: somebody else of
 * the game may go on first. False: nobody can. NULL: nobody ever. */
extern bool (*hostile_idle)(bool deadline);

struct game {
	const char *name;
	const char *operation; /* in the evidence row */
	size_t bytes;	       /* of a random input */
	bool local;	       /* its memory is made anew for each run: a
				* process forked before does not see it */
	void (*play)(struct stream *in);
};

extern const struct game games[];
extern const unsigned games_count;
const struct game *game_named(const char *name);
/* One run: from a fresh start, and with everything given back. */
void game_run(const struct game *g, const uint8_t *bytes, size_t count);

/* A region with a file, and two members of it, for the whole process. */
struct club {
	struct slip_region rg;
	struct slip_peer peers[2];
	uint8_t *mirror; /* the object for a mirrored ring, */
	uint8_t *back;	 /* and a mapping that a fork child keeps */
	size_t mirror_bytes;
};
struct club *club(void);
/* NULL, or a member. */
struct slip_peer *club_member(struct stream *in, unsigned which);

void spsc_ring(struct stream *in);
void spsc_attach(struct stream *in);
void record_ring(struct stream *in);
void record_mirror(struct stream *in);
void record_attach(struct stream *in);
void latest_ring(struct stream *in);
void latest_attach(struct stream *in);
void broadcast_ring(struct stream *in);
void broadcast_attach(struct stream *in);
void mpmc_ring(struct stream *in);
void mpmc_heard(struct stream *in);
void mpmc_attach(struct stream *in);
void priority_ring(struct stream *in);
void priority_attach(struct stream *in);
void lanes_ring(struct stream *in);
void lanes_attach(struct stream *in);
void call_ring(struct stream *in);
void call_attach(struct stream *in);
void inspect(struct stream *in);
void role_words(struct stream *in);
void event_word(struct stream *in);
void mutex_words(struct stream *in);
void pi_words(struct stream *in);
void deadlock_words(struct stream *in);
void sem_words(struct stream *in);
void sem_set_words(struct stream *in);
void robust_sem_words(struct stream *in);
void rwlock_words(struct stream *in);
void cond_words(struct stream *in);
void flag_words(struct stream *in);
void once_words(struct stream *in);
void latch_words(struct stream *in);
void barrier_words(struct stream *in);
void waitset_words(struct stream *in);
void bridge_words(struct stream *in);
void peer_table(struct stream *in);
void region_file(struct stream *in);
void region_memory(struct stream *in);

#endif
