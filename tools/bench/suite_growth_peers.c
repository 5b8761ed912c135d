/* SPDX-License-Identifier: MIT */
/*
 * What it costs to be one of many peers of a region. One process joins them
 * all: to the kernel each is a file description with a lock on the region's
 * file, whoever has it. Those that are to be found dead are processes that
 * joined and ended.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex/peer.h"
#include "futex/region_tools.h"
#include "ring/spsc.h"
#include "tools/bench/growth.h"

SLIP_SPSC_DEFINE(words, uint64_t);

#define CAPACITY 1024u

/* Of the side, which is a process of its own. */
struct crowd {
	struct slip_region rg;
	uint32_t joined, at; /* at: the peer that is next */
	struct slip_peer *peers;
	struct slip_peer newcomer;
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;
	uint64_t word;
	int rc; /* of what went wrong first */
};

/* --- the crowd ------------------------------------------------------------- */

static int make_region(struct crowd *w)
{
	size_t bytes = words_bytes(CAPACITY);
	void *mem;
	int rc = slip_region_create(&w->rg, bytes,
				    SLIP_REGION_MEMFD |
					    SLIP_REGION_PEERS(w->joined + 1));

	if (!rc)
		rc = slip_region_place(&w->rg, "ring", SLIP_KIND_SPSC, bytes,
				       &mem);
	if (!rc)
		rc = words_init(mem, bytes, CAPACITY, 0);
	return rc ? rc : slip_region_publish(&w->rg, NULL, 0600);
}

static int join_all(struct crowd *w)
{
	size_t bytes;
	void *mem;
	int rc = 0;

	w->peers = (struct slip_peer *)calloc(w->joined, sizeof(*w->peers));
	if (!w->peers)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->joined && !rc; i++)
		rc = slip_peer_join(&w->peers[i], &w->rg);
	mem = slip_region_find(&w->rg, "ring", SLIP_KIND_SPSC, &bytes);
	if (!rc && !mem)
		rc = -ENOENT;
	if (!rc)
		rc = words_attach_producer(&w->p, mem, bytes, w->peers);
	return rc ? rc
		  : words_attach_consumer(&w->c, mem, bytes,
					  &w->peers[w->joined - 1]);
}

static struct crowd *gather(struct bench_team *t, unsigned self)
{
	static struct crowd crowd;

	crowd.joined = t->point->actors;
	crowd.rc = make_region(&crowd);
	if (!crowd.rc)
		crowd.rc = join_all(&crowd);
	if (!crowd.rc)
		return &crowd;
	t->shared->side[self].rc = crowd.rc;
	bench_ready(t);
	return NULL;
}

/* The kernel takes back what the process had. */
static void part(struct bench_team *t, unsigned self, const struct crowd *w)
{
	t->shared->side[self].rc = w->rc;
}

static void expect(struct crowd *w, bool good, int rc)
{
	if (!good && !w->rc)
		w->rc = rc < 0 ? rc : -EBADMSG;
}

/* For what takes microseconds or more: an act between two looks. It tells how
 * long it took, itself, as not all that it does may count. */
static void measure(struct bench_team *t, unsigned self, struct crowd *w,
		    uint64_t (*act)(struct crowd *w))
{
	uint64_t ns = 0;
	uint64_t ops = 0;

	bench_ready(t);
	(void)act(w);
	do {
		ns += act(w);
		ops++;
	} while (!bench_over(t) && !w->rc);
	t->shared->side[self].ns = ns;
	t->shared->side[self].ops = ops;
	part(t, self, w);
}

/* --- acts ------------------------------------------------------------------ */

static uint64_t join_and_leave(struct crowd *w)
{
	uint64_t from = bench_now_ns();
	int rc = slip_peer_join(&w->newcomer, &w->rg);

	slip_peer_leave(&w->newcomer);
	expect(w, rc == 0, rc);
	return bench_now_ns() - from;
}

static uint64_t ask_one(struct crowd *w)
{
	uint64_t from = bench_now_ns();
	int rc = slip_peer_alive(&w->rg, w->at + 1);

	expect(w, rc == 1, rc);
	w->at = (w->at + 1) % w->joined;
	return bench_now_ns() - from;
}

static uint64_t recover_nobody(struct crowd *w)
{
	uint64_t from = bench_now_ns();
	int rc = slip_peer_recover(w->peers);

	expect(w, rc == 0, rc);
	return bench_now_ns() - from;
}

static int child(const struct crowd *w)
{
	struct slip_region rg;
	struct slip_peer self;
	int rc = slip_region_adopt(&rg, slip_region_fd(&w->rg),
				   SLIP_REGION_MEMFD);

	return rc || slip_peer_join(&self, &rg);
}

/* A process joins and ends without leaving. */
static void one_dies(struct crowd *w)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child(w));
	expect(w, pid > 0, -errno);
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		expect(w, status == 0, -ECHILD);
}

static uint64_t recover_one(struct crowd *w)
{
	uint64_t from, ns;
	int rc;

	one_dies(w);
	/* Somebody who reads /proc may keep it a little. */
	do {
		from = bench_now_ns();
		rc = slip_peer_recover(w->peers);
		ns = bench_now_ns() - from;
	} while (rc == 0 && !w->rc);
	expect(w, rc == 1, rc);
	return ns;
}

SLIP_CORE void move_one(void *own)
{
	struct crowd *w = (struct crowd *)own;
	uint64_t out = 0;

	w->word++;
	if (!words_push(&w->p, &w->word) || !words_pop(&w->c, &out) ||
	    out != w->word)
		w->rc = -EBADMSG;
}

/* --- sides ----------------------------------------------------------------- */

#define SIDE(act)                                                   \
	static void side_##act(struct bench_team *t, unsigned self) \
	{                                                           \
		struct crowd *w = gather(t, self);                  \
                                                                    \
		if (w)                                              \
			measure(t, self, w, act);                   \
	}

SIDE(join_and_leave)
SIDE(ask_one)
SIDE(recover_nobody)
SIDE(recover_one)

static void side_move(struct bench_team *t, unsigned self)
{
	struct crowd *w = gather(t, self);

	if (!w)
		return;
	turns_measure(t, self, move_one, w);
	part(t, self, w);
}

static int among(const struct bench_point *p, struct bench_answer *a,
		 bench_side *side)
{
	struct bench_team t = {
		.point = p, .sides = 1, .run = { side }, .bytes = 64
	};

	return turns_run(&t, a, turns_ns_per_op, NULL);
}

int growth_peer_joins(const struct bench_point *p, struct bench_answer *a)
{
	return among(p, a, side_join_and_leave);
}

int growth_peer_alive(const struct bench_point *p, struct bench_answer *a)
{
	return among(p, a, side_ask_one);
}

int growth_peer_nobody(const struct bench_point *p, struct bench_answer *a)
{
	return among(p, a, side_recover_nobody);
}

int growth_peer_recovers(const struct bench_point *p, struct bench_answer *a)
{
	return among(p, a, side_recover_one);
}

int growth_peer_moves(const struct bench_point *p, struct bench_answer *a)
{
	return among(p, a, side_move);
}
