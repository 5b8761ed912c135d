/* SPDX-License-Identifier: MIT */
/* Words that say who owns what, and who waits for it: the mutex with priority
 * inheritance, and the records of those who look for a deadlock. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <string.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static uint8_t *place(size_t bytes, struct stream *in)
{
	if (!arena.start)
		arena_create(&arena);
	return arena_place(&arena, bytes, 64, take(in) & 1);
}

static void hunt(struct prey prey)
{
	play.prey = prey;
	scribble_remember(&play.prey);
	play.live = true;
	peer_loose();
}

/* Now and then some slices, where time costs nothing. */
static uint64_t a_moment(void)
{
	bool slices = !play.real && play.random % 4 == 0;

	return slip_now_ns() + (slices ? 3 * SLIP_SLICE_NS : 50000);
}

/* --- pi_mutex -------------------------------------------------------------- */

#define PI                                                                \
	CODES(-ETIMEDOUT, -EBUSY, -EDEADLK, -EOWNERDEAD, -EPERM, -EINVAL, \
	      -ENOTRECOVERABLE, -EBADMSG, -EXDEV, -EUSERS, -EAGAIN)

/* One thread has one handle at a time, of either member. */
static int attach_pi(struct slip_pi_mutex *m, struct slip_pi_mutex_shared *at,
		     unsigned which)
{
	struct slip_pi_mutex fresh;
	int rc = slip_pi_mutex_attach(&fresh, at, &club()->peers[which]);

	if (!rc)
		*m = fresh;
	return rc;
}

static int use_pi(struct slip_pi_mutex *m, uint8_t what)
{
	switch (what % 8) {
	case 0:
	case 1:
		return slip_pi_mutex_lock_until(m, a_moment());
	case 2:
		return slip_pi_mutex_trylock(m);
	case 3:
		return slip_pi_mutex_consistent(m);
	case 4:
		return slip_pi_mutex_detach(m);
	default:
		return slip_pi_mutex_unlock(m);
	}
}

void pi_words(struct stream *in)
{
	static const uint16_t named[] = { 0, 0, 0, 0, 8, 16, 32, 32, 40, 48 };
	uint8_t *mem = place(sizeof(struct slip_pi_mutex_shared), in);
	void *at = mem;
	struct slip_pi_mutex m;

	memset(mem, 0, sizeof(struct slip_pi_mutex_shared));
	if (slip_pi_mutex_init(at) || attach_pi(&m, at, take(in) & 1))
		fail("no mutex");
	hunt((struct prey){ mem,
			    sizeof(struct slip_pi_mutex_shared),
			    0,
			    0,
			    4,
			    named,
			    LENGTH(named),
			    { 0 } });
	while (in->left) {
		uint8_t what = take(in);
		int rc;

		verb(in, "a mutex with priority inheritance");
		rc = what % 16 == 15 ? attach_pi(&m, at, what >> 7)
				     : use_pi(&m, what);
		play.counts.moved += answer(rc, PI) == 0;
		arena_check(&arena);
	}
}

/* --- deadlock -------------------------------------------------------------- */

#define LOCKS 3u
#define OWNED                                                             \
	CODES(-ETIMEDOUT, -EBUSY, -EDEADLK, -EOWNERDEAD, -EPERM, -EINVAL, \
	      -ENOTRECOVERABLE)

/* The club's region, as if its memory were the game's; and its members. */
static struct slip_region rg;
static struct slip_peer me, other;

struct circle {
	struct slip_robust_mutex_shared *locks;
	struct slip_robust_mutex m[LOCKS];
	struct slip_deadlock d;
};

static uint64_t at_of(const struct circle *c, unsigned i)
{
	return slip_deadlock_at_(&c->d, &c->locks[i].word);
}

/* The other has lock 0, and waits for lock 1, which is ours. */
static void close_circle(const struct circle *c)
{
	/* init: all of them, though the peer may see to it that none is so */
	slip_a64_store_relaxed(&c->locks[0].word,
			       slip_peer_tag_(other.id, other.gen) |
				       SLIP_ROBUST_MUTEX_HELD_);
	slip_a64_store_relaxed(&c->locks[1].word,
			       slip_peer_tag_(me.id, me.gen) |
				       SLIP_ROBUST_MUTEX_HELD_);
	slip_a64_store_relaxed(slip_deadlock_wait_(&rg, other.id),
			       at_of(c, 1) >> 3 << 21 | 1);
	slip_a64_store_relaxed(slip_deadlock_gen_(&rg, other.id), other.gen);
}

static void make_circle(struct circle *c, uint8_t *mem, size_t bytes)
{
	void *locks = mem + club()->rg.header_bytes;

	memset(mem, 0, bytes);
	rg = club()->rg;
	rg.mem = (char *)mem;
	rg.bytes = bytes;
	me = club()->peers[0];
	other = club()->peers[1];
	me.rg = other.rg = &rg;
	c->locks = locks;
	if (slip_deadlock_init(&c->d, &me))
		fail("no handle");
	for (unsigned i = 0; i < LOCKS; i++)
		if (slip_robust_mutex_init(&c->locks[i], 0) ||
		    slip_robust_mutex_attach(&c->m[i], &c->locks[i], &me, 0) ||
		    slip_robust_mutex_report(&c->m[i], &c->d))
			fail("no mutex");
	close_circle(c);
}

/* What it says of the last circle, which the peer may have made up. */
static void ask_circle(const struct circle *c)
{
	uint32_t ids[SLIP_DEADLOCK_MAX];
	uint32_t n = slip_deadlock_cycle(&c->d, ids, SLIP_DEADLOCK_MAX);

	if (n > SLIP_DEADLOCK_MAX)
		fail("a circle of %u", n);
	if (n && ids[0] != me.id)
		fail("a circle that begins at %u", ids[0]);
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] < 1 || ids[i] > rg.peers_max)
			fail("%u in a circle", ids[i]);
}

static int use_circle(struct circle *c, uint8_t what)
{
	unsigned i = (what >> 3) % LOCKS;

	switch (what % 8) {
	case 0:
	case 1:
		return slip_deadlock_look_(&c->d, at_of(c, i), what >> 7);
	case 2:
		slip_deadlock_retract_(&c->d);
		return 0;
	case 3:
		close_circle(c);
		return 0;
	case 4:
	case 5:
		return slip_robust_mutex_lock_until(&c->m[i], a_moment());
	case 6:
		return slip_robust_mutex_consistent(&c->m[i]);
	default:
		return slip_robust_mutex_unlock(&c->m[i]);
	}
}

/* Who waits for what, of three; whose the locks are. 16: one id more or less. */
static struct prey words_of_circle(uint8_t *mem, size_t bytes, size_t header)
{
	struct prey prey = { mem, bytes, 0, 0, 16, NULL, 0, { 0 } };

	for (size_t i = 0; i < 3; i++) {
		size_t record = SLIP_REGION_PEERS_AT_ +
				i * sizeof(struct slip_peer_record);

		prey.chosen[prey.names++] = (uint16_t)(record + 64);
		prey.chosen[prey.names++] = (uint16_t)(record + 72);
		prey.chosen[prey.names++] = (uint16_t)(header + 32 * i);
	}
	return prey;
}

void deadlock_words(struct stream *in)
{
	size_t header = club()->rg.header_bytes;
	size_t bytes = header + LOCKS * sizeof(struct slip_robust_mutex_shared);
	uint8_t *mem;
	struct circle c;

	bytes = (bytes + 63) / 64 * 64;
	mem = place(bytes, in);
	make_circle(&c, mem, bytes);
	hunt(words_of_circle(mem, bytes, header));
	while (in->left) {
		uint8_t what = take(in);
		int rc;

		verb(in, "one that looks for a deadlock");
		rc = what % 16 == 14 ? slip_deadlock_init(&c.d, &me)
				     : use_circle(&c, what);
		play.counts.moved += answer(rc, OWNED) == 0;
		ask_circle(&c);
		arena_check(&arena);
	}
}
