/* SPDX-License-Identifier: MIT */
/* The primitives of futex/ that are more than a mutex: semaphores, the lock of
 * readers and writers, those that tell, those that meet. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

static struct arena arena;

static uint8_t *place(size_t bytes, struct stream *in)
{
	if (!arena.start)
		arena_create(&arena);
	return arena_place(&arena, bytes, 64, take(in) & 1);
}

static void hunt(uint8_t *mem, size_t bytes, uint64_t capacity,
		 const uint16_t *named, uint32_t names)
{
	play.prey = (struct prey){ mem,	     bytes, 0,	   0,
				   capacity, named, names, { 0 } };
	scribble_remember(&play.prey);
	play.live = true;
	peer_loose();
}
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Now and then some slices, where time costs nothing. */
static uint64_t a_moment(void)
{
	bool slices = !play.real && play.random % 8 == 0;

	return slip_now_ns() + (slices ? 3 * SLIP_SLICE_NS : 50000);
}

/* What a call that gives a count or -errno returned. */
static void answer_count(int rc, uint32_t limit, const int *allowed)
{
	if (rc > 0 && (uint32_t)rc > limit)
		fail("%d of %u", rc, limit);
	play.counts.moved += answer(rc > 0 ? 0 : rc, allowed) == 0;
}

/* --- sem, sem_set ---------------------------------------------------------- */

#define UNITS CODES(-EAGAIN, -ETIMEDOUT, -EOVERFLOW, -EINVAL)

static uint32_t some_units(struct stream *in)
{
	static const uint32_t edges[] = { SLIP_SEM_MAX, UINT32_MAX,
					  SLIP_ROBUST_SEM_MAX };
	uint8_t n = take(in);

	return n < 240 ? n % 4 : edges[n % LENGTH(edges)];
}

static int use_sem(struct slip_sem *s, uint8_t what, struct stream *in)
{
	if (what % 8 < 3)
		return slip_sem_acquire_until(s, some_units(in), a_moment());
	if (what % 8 < 5)
		return slip_sem_post(s, some_units(in));
	if (what % 8 == 5)
		return slip_sem_acquire_try(s, some_units(in));
	if (what % 8 == 6)
		return slip_sem_wait_zero_until(s, a_moment());
	if (slip_sem_value(s) > SLIP_SEM_MAX)
		fail("more units than there can be");
	return 0;
}

static int use_set(struct slip_sem_set *s, uint8_t what, struct stream *in)
{
	struct slip_sem_change c = { { 0 }, take_below(in, 17) };
	uint32_t values[SLIP_SEM_SET_COUNTERS];

	for (int i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		c.add[i] = (int32_t)take_below(in, 5) - 2;
	if (what % 8 == 7)
		c.add[0] = (int32_t)some_units(in);
	if (what % 4 < 2)
		return slip_sem_set_change_until(s, &c, a_moment());
	if (what % 4 == 2)
		return slip_sem_set_change_try(s, &c);
	slip_sem_set_values(s, values);
	for (int i = 0; i < SLIP_SEM_SET_COUNTERS; i++)
		if (values[i] > SLIP_SEM_SET_MAX)
			fail("more units than there can be");
	return 0;
}

void sem_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 8 };
	uint8_t *mem = place(sizeof(struct slip_sem), in);
	void *at = mem;

	memset(mem, 0, sizeof(struct slip_sem));
	hunt(mem, sizeof(struct slip_sem), 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);

		verb(in, "a semaphore");
		play.counts.moved += answer(use_sem(at, what, in), UNITS) == 0;
		arena_check(&arena);
	}
}

void sem_set_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 8 };
	uint8_t *mem = place(sizeof(struct slip_sem_set), in);
	void *at = mem;

	memset(mem, 0, sizeof(struct slip_sem_set));
	hunt(mem, sizeof(struct slip_sem_set), 1u << 16, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);

		verb(in, "a set of semaphores");
		play.counts.moved += answer(use_set(at, what, in), UNITS) == 0;
		arena_check(&arena);
	}
}

/* --- robust_sem ------------------------------------------------------------ */

#define SEATS 3u
#define HELD                                                              \
	CODES(-EAGAIN, -ETIMEDOUT, -EOVERFLOW, -EINVAL, -EPERM, -EBADMSG, \
	      -EUSERS)

static int attach_robust(struct slip_robust_sem *h, uint8_t *mem, size_t bytes,
			 struct slip_peer *self)
{
	int rc = slip_robust_sem_detach(h);

	(void)rc; /* it may have had no seat, or its units no room */
	return slip_robust_sem_attach(h, mem, bytes, self);
}

static int use_robust(struct slip_robust_sem *h, uint8_t what,
		      struct stream *in)
{
	uint32_t n = some_units(in);

	switch (what % 8) {
	case 0:
	case 1:
		return slip_robust_sem_acquire_until(h, n, a_moment());
	case 2:
		return slip_robust_sem_acquire_try(h, n);
	case 3:
		return slip_robust_sem_release(h, n);
	case 4:
		return slip_robust_sem_consume(h, n);
	case 5:
		return slip_robust_sem_post(h, n);
	case 6:
		return slip_robust_sem_recover(h);
	default:
		return slip_robust_sem_detach(h);
	}
}

/* What the hook of a region does with the object of a dead member. */
static int recover_robust(struct slip_peer *self, uint8_t *mem, size_t bytes,
			  struct stream *in)
{
	uint32_t id = take_below(in, 20);

	return slip_robust_sem_recover_(self, mem, bytes, id,
					take_below(in, 4));
}

void robust_sem_words(struct stream *in)
{
	static const uint16_t named[] = { 0,   0,  0,	8,   16,  20,  64,
					  72,  80, 128, 136, 144, 192, 200,
					  208, 72, 80,	136, 144 };
	size_t bytes = slip_robust_sem_bytes(SEATS);
	uint8_t *mem = place(bytes, in);
	struct slip_robust_sem h[SEATS] = { 0 };

	if (slip_robust_sem_init(mem, bytes, SEATS, take_below(in, 8)))
		fail("init");
	for (unsigned i = 0; i < SEATS; i++)
		if (slip_robust_sem_attach(&h[i], mem, bytes,
					   club_member(in, i)))
			fail("attach");
	hunt(mem, bytes, 1u << 25, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);
		unsigned which = (what >> 4) % SEATS;
		struct slip_peer *self = club_member(in, which);
		int rc;

		verb(in, "a robust semaphore");
		if (what % 16 == 15)
			rc = attach_robust(&h[which], mem, bytes, self);
		else if (what % 16 == 14 && self)
			rc = recover_robust(self, mem, bytes, in);
		else
			rc = use_robust(&h[which], what, in);
		play.counts.moved += answer(rc, HELD) == 0;
		if (slip_robust_sem_held(&h[which]) > SLIP_ROBUST_SEM_MAX)
			fail("more in hand than there can be");
		arena_check(&arena);
	}
}

/* --- rwlock ---------------------------------------------------------------- */

#define LOCK                                                              \
	CODES(-ETIMEDOUT, -EBUSY, -EDEADLK, -EOWNERDEAD, -EPERM, -EINVAL, \
	      -ENOTRECOVERABLE, -EBADMSG, -EPROTO, -EUSERS)

static int attach_rwlock(struct slip_rwlock *l, uint8_t *mem, size_t bytes,
			 struct slip_peer *self)
{
	int rc = slip_rwlock_detach(l);

	if (rc == -EBUSY)
		return rc;
	return slip_rwlock_attach(l, mem, bytes, self);
}

static int use_rwlock(struct slip_rwlock *l, uint8_t what)
{
	switch (what % 8) {
	case 0:
		return slip_rwlock_read_lock_until(l, a_moment());
	case 1:
		return slip_rwlock_try_read_lock(l);
	case 2:
	case 3:
		return slip_rwlock_read_unlock(l);
	case 4:
		return slip_rwlock_write_lock_until(l, a_moment());
	case 5:
		return slip_rwlock_try_write_lock(l);
	case 6:
		return slip_rwlock_write_unlock(l);
	default:
		return slip_rwlock_consistent(l);
	}
}

void rwlock_words(struct stream *in)
{
	static const uint16_t named[] = { 0,  4,  8,   12,  16, 16,
					  24, 32, 128, 256, 384 };
	size_t bytes = slip_rwlock_bytes(SEATS);
	uint8_t *mem = place(bytes, in);
	struct slip_rwlock l[SEATS];
	unsigned flags = take(in) & 1 ? SLIP_EVENT_RMW : SLIP_EVENT_AUTO;

	if (slip_rwlock_init(mem, bytes, SEATS, flags))
		fail("init");
	for (unsigned i = 0; i < SEATS; i++)
		if (slip_rwlock_attach(&l[i], mem, bytes, club_member(in, i)))
			fail("attach");
	hunt(mem, bytes, 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);
		unsigned which = (what >> 4) % SEATS;
		struct slip_peer *self = club_member(in, which);

		verb(in, "a lock of readers and writers");
		play.counts.moved +=
			answer(what % 16 == 15 ? attach_rwlock(&l[which], mem,
							       bytes, self)
					       : use_rwlock(&l[which], what),
			       LOCK) == 0;
		arena_check(&arena);
	}
}

/* --- cond, flag, once ------------------------------------------------------ */

/* The mutexes are not the peer's to spoil: to take one again has no deadline,
 * and so no end that could be asked for. */
static struct slip_mutex plain;
static struct slip_robust_mutex_shared robust_words;
static struct slip_robust_mutex robust;

static int wait_plain(struct slip_cond *c)
{
	int rc = slip_mutex_trylock(&plain);

	if (rc)
		fail("the mutex of nobody else is held");
	rc = slip_cond_wait_until(c, &plain, a_moment());
	if (slip_mutex_unlock(&plain))
		fail("came back without the mutex");
	return rc;
}

static int wait_robust(struct slip_cond *c)
{
	int rc = slip_robust_mutex_trylock(&robust);

	if (rc)
		fail("the robust mutex of nobody else is held");
	rc = slip_cond_wait_robust_until(c, &robust, a_moment());
	if (slip_robust_mutex_unlock(&robust))
		fail("came back without the robust mutex");
	return rc;
}

static int use_cond(struct slip_cond *c, uint8_t what)
{
	if (what % 8 < 2)
		return wait_plain(c);
	if (what % 8 < 4)
		return wait_robust(c);
	if (what % 8 < 6)
		slip_cond_signal(c);
	else if (what % 8 == 6)
		slip_cond_broadcast(c, &plain);
	else
		slip_cond_broadcast_robust(c, &robust);
	return 0;
}

static int use_flag(struct slip_flag *f, uint8_t what)
{
	if (what % 8 < 3)
		return slip_flag_wait_until(f, a_moment());
	if (what % 8 < 5)
		slip_flag_set(f);
	else if (what % 8 == 5)
		play.counts.moved += slip_flag_try(f);
	else
		play.counts.moved += slip_flag_reset(f);
	return 0;
}

static int use_once(struct slip_once *o, uint8_t what, struct slip_peer *self)
{
	int rc;

	if (what % 8 < 5) {
		rc = slip_once_begin_until(o, self, a_moment());
		return rc == 1 ? 0 : rc;
	}
	return what % 8 < 7 ? slip_once_end(o, self) : slip_once_abort(o, self);
}

static void make_mutexes(struct stream *in)
{
	memset(&plain, 0, sizeof(plain));
	if (slip_robust_mutex_init(&robust_words, 0) ||
	    slip_robust_mutex_attach(&robust, &robust_words, club_member(in, 0),
				     0))
		fail("no mutex");
}

void cond_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 8 };
	uint8_t *mem = place(sizeof(struct slip_cond), in);
	void *at = mem;

	memset(mem, 0, sizeof(struct slip_cond));
	make_mutexes(in);
	hunt(mem, sizeof(struct slip_cond), 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);

		verb(in, "a condition");
		play.counts.moved +=
			answer(use_cond(at, what), CODES(-ETIMEDOUT)) == 0;
		arena_check(&arena);
	}
}

void flag_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 4, 8 };
	uint8_t *mem = place(sizeof(struct slip_flag), in);
	void *at = mem;

	if (slip_flag_init(at, take(in) & 1))
		fail("init");
	hunt(mem, sizeof(struct slip_flag), 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);

		verb(in, "a flag");
		play.counts.moved +=
			answer(use_flag(at, what), CODES(-ETIMEDOUT)) == 0;
		arena_check(&arena);
	}
}

void once_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 8 };
	uint8_t *mem = place(sizeof(struct slip_once), in);
	void *at = mem;

	memset(mem, 0, sizeof(struct slip_once));
	hunt(mem, sizeof(struct slip_once), 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);
		struct slip_peer *self = club_member(in, what >> 7);

		verb(in, "a once");
		play.counts.moved += answer(use_once(at, what, self),
					    CODES(-ETIMEDOUT, -EPERM,
						  -EOWNERDEAD, -EBADMSG)) == 0;
		arena_check(&arena);
	}
}

/* --- latch, barrier -------------------------------------------------------- */

#define MEET \
	CODES(-ETIMEDOUT, -EAGAIN, -EBUSY, -EUSERS, -EPERM, -EBADMSG, -EINVAL)
#define MEMBERS 3u

/* One handle is for either: which is the game's choice. */
struct member {
	struct slip_latch latch;
	struct slip_barrier barrier;
};

static int attach_member(struct member *m, uint8_t *mem, size_t bytes,
			 struct slip_peer *self, bool latch)
{
	struct member fresh;
	int rc = latch ? slip_latch_attach(&fresh.latch, mem, bytes, self)
		       : slip_barrier_attach(&fresh.barrier, mem, bytes, self);

	if (rc)
		return rc;
	if (latch)
		m->latch = fresh.latch;
	else
		m->barrier = fresh.barrier;
	return 0;
}

static int use_latch(struct slip_latch *l, uint8_t what)
{
	if (what % 8 < 3)
		return slip_latch_wait_until(l, a_moment());
	if (what % 8 < 5)
		return slip_latch_join(l);
	if (what % 8 < 7)
		return slip_latch_arrive(l);
	return slip_latch_try(l);
}

static int use_barrier(struct slip_barrier *b, uint8_t what)
{
	bool serial;

	if (what % 8 < 5)
		return slip_barrier_wait_until(b, a_moment(), &serial);
	if (what % 8 < 7)
		return slip_barrier_join(b);
	slip_barrier_leave(b);
	return 0;
}

static void meet(struct stream *in, bool latch)
{
	static const uint16_t named[] = { 0, 0, 0, 8, 16, 20, 32, 40, 48 };
	size_t bytes = slip_latch_bytes(MEMBERS);
	uint8_t *mem = place(bytes, in);
	struct member m[MEMBERS];

	if (latch ? slip_latch_init(mem, bytes, MEMBERS)
		  : slip_barrier_init(mem, bytes, MEMBERS))
		fail("init");
	for (unsigned i = 0; i < MEMBERS; i++)
		if (attach_member(&m[i], mem, bytes, club_member(in, i), latch))
			fail("attach");
	hunt(mem, bytes, 4, named, LENGTH(named));
	while (in->left) {
		uint8_t what = take(in);
		struct member *me = &m[(what >> 4) % MEMBERS];
		struct slip_peer *self = club_member(in, what >> 7);
		int rc;

		verb(in, latch ? "a latch" : "a barrier");
		if (what % 16 == 15)
			rc = attach_member(me, mem, bytes, self, latch);
		else
			rc = latch ? use_latch(&me->latch, what)
				   : use_barrier(&me->barrier, what);
		answer_count(rc, SLIP_LATCH_MAX, MEET);
		arena_check(&arena);
	}
}

void latch_words(struct stream *in)
{
	meet(in, true);
}

void barrier_words(struct stream *in)
{
	meet(in, false);
}
