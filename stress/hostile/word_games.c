/* SPDX-License-Identifier: MIT */
/* Small things: inspection of read-only memory, role words, an event, mutexes. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

static struct arena arena;

static uint8_t *place(size_t bytes, struct stream *in)
{
	if (!arena.start)
		arena_create(&arena);
	return arena_place(&arena, bytes, bytes < 64 ? 8 : 64, take(in) & 1);
}

/* Spoils the memory as the stream says, before anybody has looked. */
static void spoil(struct stream *in)
{
	for (uint32_t n = take_below(in, 8); n--;) {
		play.random = take_word(in);
		scribble(&play.prey, &play.random);
		play.counts.scribbles++;
		play.counts.live++;
	}
}

/* --- inspect --------------------------------------------------------------- */

#define LOOK CODES(-EBADMSG, -EPROTO, -EOVERFLOW, -EAGAIN)

static void inspect_spsc(struct stream *in, size_t bytes, uint8_t *mem)
{
	struct slip_spsc_info info;

	memset(&info, 0, sizeof(info));
	verb(in, "slip_spsc_inspect");
	answer_moved(answer(slip_spsc_inspect(mem, bytes, &info), LOOK) == 0,
		     1);
}

static void inspect_record(struct stream *in, size_t bytes, uint8_t *mem)
{
	struct slip_record_info info;

	memset(&info, 0, sizeof(info));
	verb(in, "slip_record_inspect");
	answer_moved(answer(slip_record_inspect(mem, bytes, &info), LOOK) == 0,
		     1);
}

static void fill_spsc(uint8_t *mem, size_t bytes, uint32_t n)
{
	struct slip_spsc_producer p;
	const char elem[30] = "";

	if (slip_spsc_init(mem, bytes, 8, sizeof(elem), 0) ||
	    slip_spsc_attach_producer(&p, mem, bytes, NULL))
		fail("init");
	while (n-- && slip_spsc_push(&p, elem))
		;
}

static void fill_record(uint8_t *mem, size_t bytes, uint32_t n)
{
	struct slip_record_producer p;

	if (slip_record_init(mem, bytes, 512, 0) ||
	    slip_record_attach_producer(&p, mem, bytes, NULL))
		fail("init");
	while (n-- && !slip_record_push(&p, "0123456789", n))
		;
}

void inspect(struct stream *in)
{
	static const uint16_t named[] = { 0,  8,   12,	16,  20,
					  24, 256, 256, 384, 440 };
	bool record = take(in) & 1;
	size_t bytes =
		record ? slip_record_bytes(512, 0) : slip_spsc_bytes(8, 30);
	uint8_t *mem = place(bytes, in);
	uint8_t *seen = mem + (arena.readable - arena.start);

	memset(mem, 0, bytes);
	if (record)
		fill_record(mem, bytes, take_below(in, 10));
	else
		fill_spsc(mem, bytes, take_below(in, 10));
	play.prey = (struct prey){ mem,
				   bytes,
				   record ? 8 : 64,
				   record ? 384 : 440,
				   record ? 512 : 8,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	scribble_remember(&play.prey);
	play.live = true;
	peer_loose();
	while (in->left) {
		if (record)
			inspect_record(in, bytes, seen);
		else
			inspect_spsc(in, bytes, seen);
		if (take(in) & 1)
			spoil(in);
	}
}

/* --- roles ----------------------------------------------------------------- */

#define WAIT CODES(-ETIMEDOUT)

static void side(struct slip_side *s, struct slip_ends *ends, struct stream *in,
		 bool producer)
{
	struct slip_peer *self = club_member(in, producer);
	unsigned mode = 1u + (take(in) & 1);

	verb(in, "slip_side_open_");
	if (producer)
		(void)answer(slip_side_open_producer_(s, ends, self, mode),
			     CODES(-EBUSY));
	else
		(void)answer(slip_side_open_consumer_(s, ends, self, mode),
			     CODES(-EBUSY));
}

static void role_step(struct slip_side *s, struct slip_ends *ends,
		      struct stream *in)
{
	uint8_t what = take(in) % 8;
	uint32_t id = take_below(in, 20);
	uint32_t gen = take_below(in, 4);

	verb(in, "a role");
	if (what == 0)
		slip_side_close_(s);
	else if (what == 1 && (unsigned)slip_side_state_(s) > SLIP_ROLE_DEAD)
		fail("no such state");
	else if (what == 2)
		slip_role_recover_(s->theirs, s->tell, id, gen);
	else if (what == 3)
		(void)slip_ends_recover_(NULL, (uint8_t *)ends - SLIP_ENDS_AT,
					 SLIP_ENDS_AT + sizeof(*ends), id, gen);
	else if (what == 4)
		play.counts.moved += slip_role_gone_(s->theirs);
	if (what < 5)
		(void)answer(0, WAIT);
	else
		(void)answer(
			slip_side_wait_peer_(
				s, NULL, NULL,
				slip_now_ns() +
					id * (play.real ? 1000u : 400000u)),
			WAIT);
}

void role_words(struct stream *in)
{
	static const uint16_t named[] = { 128, 136, 256, 264, 272 };
	size_t bytes = SLIP_ENDS_AT + sizeof(struct slip_ends);
	uint8_t *mem = place(bytes, in);
	struct slip_side sides[2];
	void *at = mem + SLIP_ENDS_AT;
	struct slip_ends *ends = at;

	memset(mem, 0, bytes);
	memset(sides, 0, sizeof(sides));
	play.prey = (struct prey){ mem, bytes, 0, 0, 16, named, 5, { 0 } };
	play.live = true;
	side(&sides[0], ends, in, false);
	side(&sides[1], ends, in, true);
	peer_loose();
	while (in->left) {
		bool which = take(in) & 1;

		if (take(in) % 8 == 0)
			side(&sides[which], ends, in, which);
		else
			role_step(&sides[which], ends, in);
		arena_check(&arena);
	}
}

/* --- an event -------------------------------------------------------------- */

void event_word(struct stream *in)
{
	uint8_t *mem = place(8, in);
	void *at = mem;
	struct slip_event *e = at;
	static const uint16_t named[] = { 0 };
	uint32_t key = 0;

	memset(mem, 0, 8);
	play.prey = (struct prey){ mem, 8, 0, 0, 2, named, 1, { 0 } };
	play.live = true;
	peer_loose();
	while (in->left) {
		unsigned mode = 1 + take_below(in, 3);
		uint8_t what = take(in) % 4;
		int rc = 0;

		verb(in, "an event");
		if (what == 0)
			slip_event_notify(e, mode);
		else if (what == 1)
			slip_event_notify_one(e, mode);
		else if (what == 2)
			rc = slip_event_prepare(e, mode, &key);
		else
			rc = slip_event_sleep(e, key, slip_now_ns() + 50000);
		play.counts.moved += answer(rc, WAIT) == 0;
		arena_check(&arena);
	}
}

/* --- mutexes --------------------------------------------------------------- */

#define USE                                                               \
	CODES(-ETIMEDOUT, -EBUSY, -EDEADLK, -EOWNERDEAD, -EPERM, -EINVAL, \
	      -ENOTRECOVERABLE)

struct mutexes {
	struct slip_mutex plain;
	struct slip_robust_mutex_shared robust;
};

static uint64_t a_moment(void)
{
	return slip_now_ns() + 50000;
}

static void attach_mutex(struct slip_robust_mutex *m, struct mutexes *at,
			 struct stream *in, bool which)
{
	struct slip_robust_mutex fresh;
	struct slip_peer *self = club_member(in, which);
	unsigned flags = take(in) & SLIP_ROBUST_MUTEX_RECURSIVE;

	verb(in, "slip_robust_mutex_attach");
	if (answer(slip_robust_mutex_attach(&fresh, &at->robust, self, flags),
		   CODES(-EBADMSG)) == 0)
		*m = fresh;
}

static int use_plain(struct slip_mutex *m, uint8_t what)
{
	if (what % 4 == 0)
		return slip_mutex_trylock(m);
	if (what % 4 == 1)
		return slip_mutex_lock_until(m, a_moment());
	return slip_mutex_unlock(m);
}

static int use_robust(struct slip_robust_mutex *m, uint8_t what)
{
	if (what % 8 == 0)
		return slip_robust_mutex_trylock(m);
	if (what % 8 < 3)
		return slip_robust_mutex_lock_until(m, a_moment());
	if (what % 8 == 3)
		return slip_robust_mutex_consistent(m);
	return slip_robust_mutex_unlock(m);
}

void mutex_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 8, 16, 24, 32 };
	uint8_t *mem = place(sizeof(struct mutexes), in);
	void *at = mem;
	struct mutexes *s = at;
	struct slip_robust_mutex m[2];

	memset(mem, 0, sizeof(*s));
	if (slip_robust_mutex_init(&s->robust, SLIP_EVENT_AUTO + take(in) % 3))
		fail("init");
	for (int i = 0; i < 2; i++)
		if (slip_robust_mutex_attach(&m[i], &s->robust,
					     club_member(in, (unsigned)i), 0))
			fail("attach");
	play.prey = (struct prey){ mem, sizeof(*s), 0, 0, 4, named, 5, { 0 } };
	scribble_remember(&play.prey);
	play.live = true;
	peer_loose();
	while (in->left) {
		uint8_t what = take(in);
		bool which = what >> 4 & 1;

		if (what % 16 == 15) {
			attach_mutex(&m[which], s, in, which);
			continue;
		}
		verb(in, what & 32 ? "a mutex" : "a robust mutex");
		play.counts.moved +=
			answer(what & 32 ? use_plain(&s->plain, what)
					 : use_robust(&m[which], what),
			       USE) == 0;
		arena_check(&arena);
	}
}
