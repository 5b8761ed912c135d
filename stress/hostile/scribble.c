/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>

/* --- what is written ------------------------------------------------------- */

static uint8_t remembered[ARENA_BYTES];

void scribble_remember(const struct prey *prey)
{
	memcpy(remembered, prey->mem, prey->bytes);
}

/* Where: a named word, one of the words between the data, or anywhere. */
static size_t place(const struct prey *prey, uint64_t r)
{
	size_t words = prey->bytes / 8;
	uint64_t pick = r >> 8;

	if (prey->stride && r % 8 < 3)
		return prey->first +
		       pick %
			       ((prey->bytes - prey->first + prey->stride - 1) /
				prey->stride) *
			       prey->stride;
	if (prey->names && r % 8 < 7)
		return prey->named ? prey->named[pick % prey->names]
				   : prey->chosen[pick % prey->names];
	return pick % words * 8;
}

static uint64_t edge(uint64_t r)
{
	static const uint64_t edges[] = { 0,	      1,	  7,
					  8,	      63,	  64,
					  4096,	      INT32_MAX,  UINT32_MAX,
					  1ull << 32, 1ull << 46, INT64_MAX };
	uint64_t v = edges[r % (sizeof(edges) / sizeof(edges[0]))];

	return r & 256 ? ~v : v;
}

/* What to put where `v` stands; `old` stood there once. */
static uint64_t value(const struct prey *prey, uint64_t v, uint64_t old,
		      uint64_t r)
{
	uint64_t n = r >> 16;
	uint64_t small = n % (2 * prey->capacity);

	switch (r % 16) {
	case 0:
		return edge(n);
	case 1:
		return v + 1;
	case 2:
		return v - 1;
	case 3:
		return v ^ UINT64_C(1) << n % 64;
	case 4:
		return v + prey->capacity;
	case 5:
		return v - prey->capacity;
	case 6:
	case 7:
		return old;
	case 8: /* another count in a control word */
		return (v & ~UINT64_C(63)) | n % 64;
	case 9: /* of another block */
		return v + (n % 8 << 6) + n / 8 % 64;
	case 10: /* a record's header */
		return SLIP_RECORD_COMMIT | small;
	case 11:
		return SLIP_RECORD_COMMIT | SLIP_RECORD_PAD | small;
	case 12: /* a role, or a state that none has */
		return n % 5 | (n / 8 % 4) << 4 | (n / 64 % 4) << 16;
	case 13: /* a generation in a peer's word */
		return (n % 4) << 32 | n / 8 % 3;
	case 14:
		return small;
	default:
		return n << 16 ^ n;
	}
}

void scribble(const struct prey *prey, uint64_t *random)
{
	static const uint8_t widths[] = { 8, 8, 8, 8, 8, 4, 2, 1 };
	uint64_t where = next_random(random);
	uint64_t what = next_random(random);
	size_t at = place(prey, where);
	size_t room = prey->bytes - at;
	size_t width = widths[what >> 8 & 7];
	uint64_t v = 0;
	uint64_t old = 0;

	if (width > room)
		width = room;
	memcpy(&v, prey->mem + at, width);
	memcpy(&old, remembered + at, width);
	v = value(prey, v, old, what);
	if (what >> 60)
		memcpy(prey->mem + at, &v, width);
	else /* a whole line */
		memset(prey->mem + at, 0, room < 64 ? room : 64);
}

/* --- who writes meanwhile -------------------------------------------------- */

/* In memory that both have, should the peer be a process. The compiler's own
 * atomics, as those of the library are points. */
static struct {
	uint32_t turn; /* odd: leave the memory alone */
	uint32_t seen; /* the turn that the peer is in */
	uint32_t end;
	uint64_t scribbles;
	struct prey prey;
	uint64_t random;
} * shared;
static pid_t child;
static pthread_t thread;
static bool running;

/*
 * A word swings between what it was and something else: code that reads it
 * twice gets both. Now and then it stays spoilt. Not instrumented: a child's
 * idea of what is poisoned is as old as the fork.
 */
__attribute__((no_sanitize("address"))) static uint32_t swing(struct prey *prey,
							      uint64_t *random)
{
	uint64_t r = next_random(random);
	size_t at = place(prey, next_random(random)) & ~(size_t)7;
	void *there = prey->mem + at;
	uint64_t *word = there;
	uint64_t was = __atomic_load_n(word, __ATOMIC_RELAXED);
	uint64_t other = value(prey, was, 0, r);
	uint32_t turns = 64u << (r >> 52) % 8;

	for (uint32_t i = 0; i < turns; i++) {
		__atomic_store_n(word, other, __ATOMIC_RELAXED);
		__atomic_store_n(word, was, __ATOMIC_RELAXED);
	}
	if (r >> 60 == 0)
		__atomic_store_n(word, other, __ATOMIC_RELAXED);
	return turns;
}

static void *write_on(void *unused)
{
	while (!__atomic_load_n(&shared->end, __ATOMIC_ACQUIRE)) {
		uint32_t turn =
			__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE);

		__atomic_store_n(&shared->seen, turn, __ATOMIC_RELEASE);
		if (turn & 1) {
			sched_yield();
			continue;
		}
		shared->scribbles += swing(&shared->prey, &shared->random);
	}
	return unused;
}

void peer_start(bool forked, uint64_t seed)
{
	if (!shared)
		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("no memory");
	memset(shared, 0, sizeof(*shared));
	shared->random = seed;
	shared->turn = 1;
	shared->seen = 1;
	running = true;
	child = forked ? fork() : 0;
	if (forked && child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_on(NULL);
		_exit(0);
	}
	if (child < 0 ||
	    (!forked && pthread_create(&thread, NULL, write_on, NULL)))
		fail("no %s for the peer", forked ? "process" : "thread");
}

void peer_stop(void)
{
	__atomic_store_n(&shared->end, 1, __ATOMIC_RELEASE);
	if (child)
		(void)waitpid(child, NULL, 0);
	else
		(void)pthread_join(thread, NULL);
	running = false;
	play.counts.scribbles += shared->scribbles;
	play.counts.live += shared->scribbles;
}

/* The turn is counted: "held" of an earlier one would be believed while the
 * peer is about to write. */
static void next_turn(bool wait)
{
	uint32_t turn = shared->turn + 1;

	__atomic_store_n(&shared->turn, turn, __ATOMIC_RELEASE);
	while (wait && __atomic_load_n(&shared->seen, __ATOMIC_ACQUIRE) != turn)
		sched_yield();
}

void peer_hold(void)
{
	if (running && !(shared->turn & 1))
		next_turn(true);
}

/* However busy the machine: in every second turn it is sure to write before
 * the game goes on, in the others the game has a chance to be there first. */
void peer_loose(void)
{
	if (!running)
		return;
	peer_hold();
	shared->prey = play.prey;
	next_turn(shared->turn & 2);
}
