/* SPDX-License-Identifier: MIT */
/* Sets of sources of every kind, in memory that a peer may write to; and the
 * bridge that sleeps on such a set in a thread. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SOURCES	   12u
#define SEATS	   3u
#define SLOTS	   4u
#define MPMC_FLAGS (SLIP_EVENT_FULL | SLIP_MPMC_WORK | SLIP_MPMC_SEATS(SEATS))
#define LENGTH(a)  (sizeof(a) / sizeof((a)[0]))

/* In shared memory. */
struct words {
	struct slip_sem sem;
	struct slip_flag flag;
	struct slip_event event;
	slip_a32 token; /* what the event is about */
	slip_a32 word;
};

static struct {
	uint8_t *mem;
	size_t robust_bytes, spsc_bytes, record_bytes, mpmc_bytes;
	size_t spsc_at, record_at, mpmc_at, bytes;
	struct words *words;
	struct slip_robust_sem robust;
	struct slip_spsc_producer spsc_p;
	struct slip_spsc_consumer spsc_c;
	struct slip_record_producer record_p;
	struct slip_record_consumer record_c;
	struct slip_mpmc mpmc;
	struct slip_source s[SOURCES];
	struct slip_waitset set;
	struct slip_bridge bridge;
} g;

static struct arena arena;

/* --- what is waited for ------------------------------------------------------ */

static size_t round_up(size_t n)
{
	return (n + 127) / 128 * 128;
}

static void lay_out(struct stream *in)
{
	g.robust_bytes = slip_robust_sem_bytes(SEATS);
	g.spsc_bytes = slip_spsc_bytes(SLOTS, 8);
	g.record_bytes = slip_record_bytes(128, 0);
	g.mpmc_bytes = slip_mpmc_bytes(SLOTS, 8, MPMC_FLAGS);
	g.spsc_at = round_up(sizeof(struct words)) + round_up(g.robust_bytes);
	g.record_at = g.spsc_at + round_up(g.spsc_bytes);
	g.mpmc_at = g.record_at + round_up(g.record_bytes);
	g.bytes = g.mpmc_at + g.mpmc_bytes;
	if (!arena.start)
		arena_create(&arena);
	g.mem = arena_place(&arena, g.bytes, 128, take(in) & 1);
	memset(g.mem, 0, g.bytes);
}

static uint8_t *robust_mem(void)
{
	return g.mem + round_up(sizeof(struct words));
}

static void make_rings(struct stream *in)
{
	struct slip_peer *self = club_member(in, 0);
	unsigned mode = take(in) & 1 ? SLIP_EVENT_FULL : SLIP_EVENT_AUTO;
	uint8_t *spsc = g.mem + g.spsc_at;
	uint8_t *record = g.mem + g.record_at;
	uint8_t *mpmc = g.mem + g.mpmc_at;

	if (slip_spsc_init(spsc, g.spsc_bytes, SLOTS, 8, mode) ||
	    slip_spsc_attach_producer(&g.spsc_p, spsc, g.spsc_bytes, self) ||
	    slip_spsc_attach_consumer(&g.spsc_c, spsc, g.spsc_bytes, self) ||
	    slip_record_init(record, g.record_bytes, 128, mode) ||
	    slip_record_attach_producer(&g.record_p, record, g.record_bytes,
					self) ||
	    slip_record_attach_consumer(&g.record_c, record, g.record_bytes,
					self) ||
	    slip_mpmc_init(mpmc, g.mpmc_bytes, SLOTS, 8, MPMC_FLAGS) ||
	    slip_mpmc_attach(&g.mpmc, mpmc, g.mpmc_bytes,
			     SLIP_PRODUCER | SLIP_CONSUMER, self))
		fail("rings");
}

static void hunt(void)
{
	static const uint16_t in_words[] = { 0, 8, 16, 24, 32, 40 };
	static const uint16_t in_robust[] = { 0, 8, 64, 72, 80, 128, 192 };
	static const uint16_t in_ring[] = { 128, 136, 256, 264, 272, 280 };
	const uint16_t rings[] = { (uint16_t)g.spsc_at, (uint16_t)g.record_at,
				   (uint16_t)g.mpmc_at };
	uint16_t *to = play.prey.chosen;

	play.prey = (struct prey){ .mem = g.mem,
				   .bytes = g.bytes,
				   .stride = 8,
				   .first = g.mpmc_at,
				   .capacity = SLOTS };
	for (size_t i = 0; i < LENGTH(in_words); i++)
		*to++ = in_words[i];
	for (size_t i = 0; i < LENGTH(in_robust); i++)
		*to++ = (uint16_t)(in_robust[i] + (robust_mem() - g.mem));
	for (size_t i = 0; i < LENGTH(rings); i++)
		for (size_t k = 0; k < LENGTH(in_ring); k++)
			*to++ = (uint16_t)(rings[i] + in_ring[k]);
	*to++ = (uint16_t)(g.mpmc_at + 24); /* flags, and seats */
	play.prey.names = (uint32_t)(to - play.prey.chosen);
	scribble_remember(&play.prey);
	play.live = true;
	peer_loose();
}

static int token_there(const struct slip_source *s, bool ask)
{
	const slip_a32 *token = s->handle;

	(void)ask;
	return slip_a32_load_acquire(token) != 0;
}

/* Source `i`, as it was when all began. */
static void fill(uint32_t i)
{
	struct slip_source *s = &g.s[i];

	switch (i) {
	case 0:
		slip_sem_source(s, &g.words->sem, 1);
		break;
	case 1:
		slip_sem_zero_source(s, &g.words->sem);
		break;
	case 2:
		slip_robust_sem_source(s, &g.robust, 2);
		break;
	case 3:
		slip_flag_source(s, &g.words->flag);
		break;
	case 4:
		slip_event_source(s, &g.words->event, SLIP_EVENT_FULL,
				  SLIP_SLICE_NS, token_there, &g.words->token);
		break;
	case 5:
		slip_word_source(s, &g.words->word, 0, SLIP_SHARED);
		break;
	case 6:
		slip_spsc_pop_source(s, &g.spsc_c);
		break;
	case 7:
		slip_spsc_push_source(s, &g.spsc_p);
		break;
	case 8:
		slip_record_pop_source(s, &g.record_c);
		break;
	case 9:
		slip_record_push_source(s, &g.record_p, 40);
		break;
	case 10:
		slip_mpmc_pop_source(s, &g.mpmc);
		break;
	default:
		slip_mpmc_push_source(s, &g.mpmc);
		break;
	}
}

static void make(struct stream *in)
{
	memset(&g, 0, sizeof(g));
	lay_out(in);
	g.words = (void *)g.mem;
	if (slip_sem_init(&g.words->sem, 1) ||
	    slip_flag_init(&g.words->flag, take(in) & 1) ||
	    slip_robust_sem_init(robust_mem(), g.robust_bytes, SEATS, 1) ||
	    slip_robust_sem_attach(&g.robust, robust_mem(), g.robust_bytes,
				   club_member(in, 1)))
		fail("words");
	make_rings(in);
	for (uint32_t i = 0; i < SOURCES; i++)
		fill(i);
	if (slip_waitset_init(&g.set, g.s, SOURCES))
		fail("a set");
}

static void check_now(int now)
{
	if (now != 0 && now != 1 && now != -EPIPE && now != -EBADMSG &&
	    now != -EINVAL)
		fail("a source says %d", now);
}

/* --- what is done with it ---------------------------------------------------- */

#define USE \
	CODES(-EAGAIN, -EOVERFLOW, -EINVAL, -EBADMSG, -EMSGSIZE, -EPIPE, -EPERM)

static int use_words(uint8_t what)
{
	switch (what % 8) {
	case 0:
		return slip_sem_post(&g.words->sem, 1);
	case 1:
		return slip_sem_acquire_try(&g.words->sem, 1);
	case 2:
		slip_flag_set(&g.words->flag);
		return 0;
	case 3:
		return slip_flag_try(&g.words->flag) ? 0 : -EAGAIN;
	case 4:
		slip_a32_store_release(&g.words->token, what >> 7);
		slip_event_notify(&g.words->event, SLIP_EVENT_FULL);
		return 0;
	case 5:
		slip_word_change(&g.words->word, what >> 7, SLIP_SHARED);
		return 0;
	case 6:
		return slip_sem_acquire_try(&g.words->sem, 2);
	default:
		return slip_sem_post(&g.words->sem, 2);
	}
}

static int use_handles(uint8_t what)
{
	uint8_t *elem = buffer(48);
	uint32_t len;

	memset(elem, what, 48);
	switch (what % 8) {
	case 0:
		return slip_spsc_push(&g.spsc_p, elem) ? 0 : -EAGAIN;
	case 1:
		return slip_spsc_pop(&g.spsc_c, elem) ? 0 : -EAGAIN;
	case 2:
		return slip_record_push(&g.record_p, elem, 40);
	case 3:
		return slip_record_pop(&g.record_c, elem, 48, &len);
	case 4:
		return slip_mpmc_push(&g.mpmc, elem) ? 0 : -EAGAIN;
	case 5:
		return slip_mpmc_pop(&g.mpmc, elem) ? 0 : -EAGAIN;
	case 6:
		return slip_robust_sem_post(&g.robust, 1);
	default:
		return slip_robust_sem_acquire_try(&g.robust, 2);
	}
}

static void use(struct stream *in, bool handles)
{
	uint8_t what = take(in);

	verb(in, "a source");
	play.counts.moved += answer(handles && what & 64 ? use_handles(what)
							 : use_words(what),
				    USE) == 0;
}

/* What a wait or a look returned. */
static int answer_ready(int rc, const int *allowed)
{
	if (rc > (int)SOURCES)
		fail("%d of %u are ready", rc, SOURCES);
	play.counts.moved += rc > 0;
	(void)answer(rc > 0 ? 0 : rc, allowed);
	return rc;
}

/* --- a set ------------------------------------------------------------------- */

static uint64_t a_moment(void)
{
	bool slices = !play.real && play.random % 4 == 0;

	return slip_now_ns() + (slices ? 3 * SLIP_SLICE_NS : 50000);
}

/* What is ready is served, or left out, so that others are waited for. */
static void leave_out(struct stream *in)
{
	uint32_t drop = take_below(in, 4);

	for (uint32_t i = 0; i < SOURCES; i++) {
		check_now(g.s[i].now);
		if (g.s[i].now && drop)
			slip_waitset_drop(&g.set, i);
	}
}

void waitset_words(struct stream *in)
{
	make(in);
	hunt();
	g.set.single = take(in) % 4 == 0; /* a kernel without futex_waitv */
	while (in->left) {
		uint8_t what = take(in);

		if (what % 4 == 0) {
			use(in, true);
		} else if (what % 4 == 1) {
			fill(what / 4 % SOURCES);
		} else {
			verb(in, "a set");
			(void)answer_ready(
				slip_waitset_wait(&g.set, a_moment()),
				CODES(-ETIMEDOUT));
			leave_out(in);
		}
		arena_check(&arena);
	}
}

/* --- a bridge ---------------------------------------------------------------- */

enum { LOOP, BRIDGE };

/* Where the kernel is a model, one of the two runs at a time: the other one
 * when this one is about to sleep. */
static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int turn;
	int rc;
	bool made;
	bool runs; /* in slip_bridge_run */
} baton = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .moved = PTHREAD_COND_INITIALIZER };

static void give_turn(int to)
{
	(void)pthread_mutex_lock(&baton.lock);
	baton.turn = to;
	(void)pthread_cond_broadcast(&baton.moved);
	(void)pthread_mutex_unlock(&baton.lock);
}

static void await_turn(int mine)
{
	(void)pthread_mutex_lock(&baton.lock);
	while (baton.turn != mine)
		(void)pthread_cond_wait(&baton.moved, &baton.lock);
	(void)pthread_mutex_unlock(&baton.lock);
}

static void *bridge_main(void *unused)
{
	for (;;) {
		await_turn(BRIDGE);
		baton.rc = slip_bridge_run(&g.bridge);
		baton.runs = false;
		give_turn(LOOP);
	}
	return unused;
}

/* The thread lets the loop go on at each sleep; the loop sleeps but for the
 * thread. */
static bool other_goes_on(bool deadline)
{
	int mine = pthread_equal(pthread_self(), baton.thread) ? BRIDGE : LOOP;

	if (mine == LOOP && deadline)
		return false;
	give_turn(LOOP + BRIDGE - mine);
	await_turn(mine);
	return true;
}

static void thread_goes_on(struct stream *in)
{
	verb(in, "the thread of a bridge");
	if (play.real)
		(void)sched_yield();
	else
		(void)other_goes_on(false);
	(void)answer(0, CODES(0));
}

static void bridge_begin(void)
{
	if (slip_bridge_open(&g.bridge, g.s, SOURCES))
		fail("a bridge");
	if (!baton.made &&
	    pthread_create(&baton.thread, NULL, bridge_main, NULL))
		fail("no thread");
	baton.made = true;
	baton.runs = true;
	if (play.real)
		give_turn(BRIDGE);
	else
		hostile_idle = other_goes_on;
}

static void bridge_end(void)
{
	hostile_idle = NULL;
	slip_bridge_stop(&g.bridge);
	if (!play.real)
		give_turn(BRIDGE);
	await_turn(LOOP);
	if (baton.runs || baton.rc)
		fail("the thread of a bridge says %d", baton.rc);
	slip_bridge_close(&g.bridge);
}

/* While the handles are the loop's. */
static void bridge_rest(struct stream *in)
{
	uint32_t drop = take_below(in, 4);

	for (uint32_t i = 0; i < SOURCES; i++) {
		int now = slip_bridge_now(&g.bridge, i);

		check_now(now);
		if (now && drop)
			slip_bridge_drop(&g.bridge, i);
	}
	use(in, true);
}

/* True: the handles are the thread's. */
static bool bridge_step(struct stream *in, bool armed)
{
	uint8_t what = take(in) % 8;
	int rc;

	if (what < 3) {
		verb(in, "slip_bridge_arm");
		rc = answer_ready(slip_bridge_arm(&g.bridge), CODES(-EBUSY));
		if (rc == -EBUSY && !armed)
			fail("busy, and not armed");
		return rc <= 0;
	}
	if (what == 3) {
		verb(in, "slip_bridge_take");
		rc = answer_ready(slip_bridge_take(&g.bridge), CODES(0));
		return armed && rc == 0;
	}
	if (what == 4) {
		verb(in, "slip_bridge_disarm");
		(void)answer_ready(slip_bridge_disarm(&g.bridge), CODES(0));
		return false;
	}
	if (what == 5)
		thread_goes_on(in);
	else if (what == 6 || armed)
		use(in, false);
	else
		bridge_rest(in);
	return armed;
}

void bridge_words(struct stream *in)
{
	bool armed = false;

	make(in);
	bridge_begin();
	hunt();
	while (in->left) {
		armed = bridge_step(in, armed);
		arena_check(&arena);
	}
	peer_hold();
	bridge_end();
}
