/* SPDX-License-Identifier: MIT */
/*
 * Way (a): the operation runs once, in this process; before each instruction
 * the shared bytes are compared with the last copy. Every distinct state is
 * judged twice: as that of a victim which was stopped there, and of one which
 * was killed. The bytes are put back where they were, in the same region; the
 * kernel is asked in earnest: the victim's lock is there, or it is gone.
 */
#define _GNU_SOURCE
#include "stress/kill/kill.h"

#include <stdlib.h>
#include <string.h>

#include "stress/kill/point.h"

struct snap {
	uint64_t point;
	int result;
	unsigned char *bytes;
};

static struct {
	struct kill_span spans[KILL_SPANS];
	unsigned count;
	size_t bytes;
	unsigned char *image;
	struct snap *snaps;
	unsigned snap_count, snap_room;
	uint64_t signature;
	struct kill_marks *marks;
	struct kill_count *totals;
	bool judge;
} shot;

static void *grow(void *old, unsigned count, unsigned *room, size_t size)
{
	if (count < *room)
		return old;
	*room = *room ? 2 * *room : 64;
	old = realloc(old, *room * size);
	if (!old)
		abort();
	return old;
}

static void copy_out(unsigned char *to)
{
	for (unsigned i = 0; i < shot.count; i++) {
		memcpy(to, shot.spans[i].at, shot.spans[i].bytes);
		to += shot.spans[i].bytes;
	}
}

static void copy_in(const unsigned char *from)
{
	for (unsigned i = 0; i < shot.count; i++) {
		memcpy(shot.spans[i].at, from, shot.spans[i].bytes);
		from += shot.spans[i].bytes;
	}
}

static bool same(const unsigned char *as)
{
	for (unsigned i = 0; i < shot.count; i++) {
		if (memcmp(shot.spans[i].at, as, shot.spans[i].bytes))
			return false;
		as += shot.spans[i].bytes;
	}
	return true;
}

static void measure(void)
{
	const struct kill_kind *kind = kill_now.op->kind;

	shot.count = kind->spans ? kind->spans(shot.spans) : 0;
	shot.bytes = 0;
	for (unsigned i = 0; i < shot.count; i++)
		shot.bytes += shot.spans[i].bytes;
}

void kill_image_take(void)
{
	measure();
	shot.image = realloc(shot.image, shot.bytes + 1);
	if (!shot.image)
		abort();
	copy_out(shot.image);
}

void kill_image_restore(void)
{
	measure();
	copy_in(shot.image);
	if (kill_now.op->kind->reset)
		kill_now.op->kind->reset();
}

static void mark(uint64_t point)
{
	struct kill_marks *m = shot.marks;

	m->at = grow(m->at, m->count, &m->room, sizeof(*m->at));
	m->at[m->count++] = point;
	shot.totals->states++;
}

static bool chosen(uint64_t point)
{
	return shot.judge && (kill_options.point < 0 ||
			      (uint64_t)kill_options.point == point);
}

/* Here and now, as stopped; what the judge did is undone. */
static void judge_live(uint64_t point)
{
	unsigned char *bytes = malloc(shot.bytes + 1);

	if (!bytes)
		abort();
	copy_out(bytes);
	kill_now.point = point;
	kill_now.op->kind->stopped();
	shot.totals->verdicts++;
	copy_in(bytes);
	free(bytes);
}

static void keep(uint64_t point, int result)
{
	struct snap *s;

	shot.snaps = grow(shot.snaps, shot.snap_count, &shot.snap_room,
			  sizeof(*shot.snaps));
	s = &shot.snaps[shot.snap_count++];
	s->point = point;
	s->result = result;
	s->bytes = malloc(shot.bytes + 1);
	if (!s->bytes)
		abort();
	copy_out(s->bytes);
}

static void look(uint64_t point)
{
	const struct kill_kind *kind = kill_now.op->kind;
	uint64_t signature = kind->signature ? kind->signature() : 0;

	if (shot.snap_count && signature == shot.signature &&
	    same(shot.snaps[shot.snap_count - 1].bytes))
		return;
	shot.signature = signature;
	keep(point, KILL_UNKNOWN);
	mark(point);
	if (kind->live && chosen(point))
		judge_live(point);
}

static void forget(void)
{
	while (shot.snap_count)
		free(shot.snaps[--shot.snap_count].bytes);
}

static void judge_stopped(const struct snap *s)
{
	kill_now.point = s->point;
	copy_in(s->bytes);
	kill_now.op->kind->stopped();
	shot.totals->verdicts++;
}

static void judge_dead(const struct snap *s)
{
	kill_now.point = s->point;
	for (unsigned variant = 0; variant < 3; variant++) {
		copy_in(s->bytes);
		kill_now.op->kind->dead(s->result, variant);
		shot.totals->verdicts++;
	}
}

static void run(void)
{
	const struct kill_op *op = kill_now.op;
	struct kill_points points = { .target = KILL_NEVER,
				      .each = look,
				      .asleep = op->kind->rouse };
	int result;

	op->kind->enter();
	kill_now.point = 0;
	kill_full_result = KILL_UNKNOWN;
	kill_arm(&points);
	result = op->hooked(op->kind->victim);
	shot.marks->points = kill_disarm();
	shot.totals->points += shot.marks->points;
	kill_now.point = shot.marks->points;
	shot.marks->result = result;
	kill_full_result = result;
	op->kind->leave(result);
	keep(shot.marks->points, result);
}

void kill_snapshot_state(struct kill_count *count, struct kill_marks *marks,
			 bool judge)
{
	const struct kill_kind *kind = kill_now.op->kind;

	shot.marks = marks;
	shot.totals = count;
	shot.judge = judge;
	marks->count = 0;
	forget();
	run();
	for (unsigned i = 0; i < shot.snap_count && !kind->live; i++)
		if (chosen(shot.snaps[i].point) &&
		    shot.snaps[i].result == KILL_UNKNOWN)
			judge_stopped(&shot.snaps[i]);
	kind->bury();
	for (unsigned i = 0; i < shot.snap_count && kind->dead; i++)
		if (chosen(shot.snaps[i].point) && shot.count)
			judge_dead(&shot.snaps[i]);
	forget();
	kill_image_restore();
}
