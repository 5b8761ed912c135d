/* SPDX-License-Identifier: MIT */
/*
 * The newest value, of 8 B to 64 KiB, from one process to others: what a write
 * costs with 0, 1 and 2 readers that read all the time, and a read while nobody
 * writes and beside a writer that does nothing else. Beside it a seqlock (one
 * slot, the same loops for its words) and a copy under a pthread rwlock.
 *
 * A value carries its number in its first and last 8 bytes; a reader that finds
 * them unequal, or older than before, fails. A read of a seqlock that fails is
 * tried again, until there is no more time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "ring/latest.h"
#include "tools/bench/turns.h"

#define SIZE_MAX_ 65536u

/* The smallest number that can be told from none. */
#define WARM_TURNS 4u

struct seqlock {
	slip_a64 seq; /* odd: being written */
	slip_a64 words[SIZE_MAX_ / 8];
};

struct locked {
	SLIP_ALIGNED(64) pthread_rwlock_t lock;
	SLIP_ALIGNED(64) unsigned char value[SIZE_MAX_];
};

union stand {
	SLIP_ALIGNED(128) unsigned char ours[256 + 4 * SIZE_MAX_];
	struct seqlock seqlock;
	struct locked locked;
};

/* What one side has. */
static struct {
	union stand *stand;
	const struct bench_team *team;
	struct slip_latest_writer w;
	struct slip_latest_reader r;
	uint32_t bytes;
	uint64_t number; /* written, or read last */
	int rc;		 /* the first error */
	SLIP_ALIGNED(64) unsigned char value[SIZE_MAX_];
} own;

/* --- values ------------------------------------------------------------------ */

SLIP_CORE void stamp(void)
{
	own.number++;
	memcpy(own.value, &own.number, 8);
	memcpy(own.value + own.bytes - 8, &own.number, 8);
}

SLIP_CORE bool whole(void)
{
	uint64_t first, last;

	memcpy(&first, own.value, 8);
	memcpy(&last, own.value + own.bytes - 8, 8);
	if (SLIP_UNLIKELY(first != last || first < own.number))
		own.rc = -EBADMSG;
	own.number = first;
	return true;
}

/* --- ours -------------------------------------------------------------------- */

static int setup_of(struct bench_team *t, unsigned mode)
{
	union stand *s = (union stand *)t->mem;

	return slip_latest_init(s->ours, sizeof(s->ours), SLIP_LATEST_SLOTS,
				t->point->elem_bytes, mode);
}

static int setup_ours(struct bench_team *t)
{
	return setup_of(t, SLIP_EVENT_AUTO);
}

static int setup_full(struct bench_team *t)
{
	return setup_of(t, SLIP_EVENT_FULL);
}

static int come_ours(bool writes)
{
	union stand *s = own.stand;

	if (writes)
		return slip_latest_attach_writer(&own.w, s->ours,
						 sizeof(s->ours), NULL);
	return slip_latest_attach_reader(&own.r, s->ours, sizeof(s->ours),
					 NULL);
}

SLIP_CORE bool write_ours(void)
{
	stamp();
	if (SLIP_UNLIKELY(slip_latest_write(&own.w, own.value, own.bytes)))
		own.rc = -EIO;
	return true;
}

SLIP_CORE bool read_ours(void)
{
	uint32_t len;
	int rc = slip_latest_read(&own.r, own.value, own.bytes, &len);

	if (SLIP_LIKELY(rc == 0))
		return whole();
	if (rc != -EAGAIN && rc != -ENODATA)
		own.rc = rc;
	return false;
}

/* --- a seqlock --------------------------------------------------------------- */

static int setup_seqlock(struct bench_team *t)
{
	(void)t; /* zero bytes are one */
	return 0;
}

static int come_seqlock(bool writes)
{
	(void)writes;
	return 0;
}

SLIP_CORE bool write_seqlock(void)
{
	struct seqlock *s = &own.stand->seqlock;
	uint64_t seq = slip_a64_load_relaxed(&s->seq); /* own */

	stamp();
	slip_a64_store_release(&s->seq, seq + 1);
	slip_latest_store_(s->words, own.value, own.bytes);
	slip_a64_store_release(&s->seq, seq + 2);
	return true;
}

SLIP_CORE bool read_seqlock(void)
{
	struct seqlock *s = &own.stand->seqlock;

	while (!bench_over(own.team)) {
		uint64_t seq = slip_a64_load_acquire(&s->seq);

		if (seq & 1) {
			slip_pause();
			continue;
		}
		slip_latest_load_(own.value, s->words, own.bytes);
		if (slip_a64_load_relaxed(&s->seq) == seq) /* by the acquires */
			return whole();
	}
	return false;
}

/* --- under a lock ------------------------------------------------------------ */

static int setup_rwlock(struct bench_team *t)
{
	union stand *s = (union stand *)t->mem;
	pthread_rwlockattr_t attr;
	int rc;

	(void)pthread_rwlockattr_init(&attr);
	rc = pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!rc)
		rc = pthread_rwlock_init(&s->locked.lock, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	return -rc;
}

#define come_rwlock come_seqlock

SLIP_CORE bool write_rwlock(void)
{
	struct locked *s = &own.stand->locked;

	stamp();
	own.rc |= pthread_rwlock_wrlock(&s->lock);
	memcpy(s->value, own.value, own.bytes);
	own.rc |= pthread_rwlock_unlock(&s->lock);
	return true;
}

SLIP_CORE bool read_rwlock(void)
{
	struct locked *s = &own.stand->locked;

	own.rc |= pthread_rwlock_rdlock(&s->lock);
	memcpy(own.value, s->value, own.bytes);
	own.rc |= pthread_rwlock_unlock(&s->lock);
	return whole();
}

/* --- sides ------------------------------------------------------------------- */

/* Counts what succeeds, over and over. */
SLIP_CORE void measure(struct bench_team *t, unsigned self, bool (*one)(void))
{
	uint64_t ops = 0;
	uint64_t from;

	bench_ready(t);
	from = bench_now_ns();
	while (bench_now_ns() - from < turns_warm_ns(t))
		for (unsigned i = 0; i < WARM_TURNS; i++)
			(void)one();
	from = bench_now_ns();
	do
		for (unsigned i = 0; i < TURNS; i++)
			ops += one();
	while (!bench_over(t));
	t->shared->side[self].ns = bench_now_ns() - from;
	t->shared->side[self].ops = ops;
	t->shared->side[self].rc = own.rc;
}

static void begin(struct bench_team *t)
{
	own.stand = (union stand *)t->mem;
	own.team = t;
	own.bytes = t->point->elem_bytes;
	own.number = 0;
}

/* One that only reads, before and after which somebody has written once. */
#define SIDES(name)                                                        \
	static void side_write_##name(struct bench_team *t, unsigned self) \
	{                                                                  \
		begin(t);                                                  \
		own.rc = come_##name(true);                                \
		measure(t, self, write_##name);                            \
	}                                                                  \
	static void side_read_##name(struct bench_team *t, unsigned self)  \
	{                                                                  \
		begin(t);                                                  \
		own.rc = come_##name(false);                               \
		measure(t, self, read_##name);                             \
	}                                                                  \
	static void side_idle_##name(struct bench_team *t, unsigned self)  \
	{                                                                  \
		begin(t);                                                  \
		own.rc = come_##name(true);                                \
		(void)write_##name();                                      \
		own.rc |= come_##name(false);                              \
		own.number = 0;                                            \
		measure(t, self, read_##name);                             \
	}

SIDES(ours)
SIDES(seqlock)
SIDES(rwlock)

/* Of the side that `how` names: the one that is asked about. */
static double ns_of(const struct bench_team *t)
{
	const struct turns_job *job = (const struct turns_job *)t->own;
	unsigned self = *(const unsigned *)job->how;

	for (unsigned i = 0; i < t->sides; i++)
		if (t->shared->side[i].rc)
			return -1;
	return turns_ratio(t->shared->side[self].ns, t->shared->side[self].ops);
}

static int run(const struct bench_point *p, struct bench_answer *a,
	       struct bench_team t, unsigned sides, unsigned asked)
{
	t.point = p;
	t.bytes = sizeof(union stand);
	t.sides = sides;
	return turns_run(&t, a, ns_of, &asked);
}

/* The writer is alone on its processor: two readers share the other one. */
#define ASK_WRITE(name, setup_by, way)                              \
	static int ask_write_##name(const struct bench_point *p,    \
				    struct bench_answer *a)         \
	{                                                           \
		struct bench_team t = { .run = { side_read_##way,   \
						 side_write_##way,  \
						 side_read_##way }, \
					.setup = setup_by };        \
                                                                    \
		if (p->actors == 0)                                 \
			t.run[0] = side_write_##way;                \
		return run(p, a, t, p->actors + 1, p->actors != 0); \
	}
#define ASK_READ(name, setup_by, way)                                \
	static int ask_read_##name(const struct bench_point *p,      \
				   struct bench_answer *a)           \
	{                                                            \
		struct bench_team t = { .run = { side_read_##way,    \
						 side_write_##way }, \
					.setup = setup_by };         \
                                                                     \
		if (p->actors == 0)                                  \
			t.run[0] = side_idle_##way;                  \
		return run(p, a, t, p->actors + 1, 0);               \
	}

ASK_WRITE(ours, setup_ours, ours)
ASK_WRITE(full, setup_full, ours)
ASK_WRITE(seqlock, setup_seqlock, seqlock)
ASK_WRITE(rwlock, setup_rwlock, rwlock)
ASK_READ(ours, setup_ours, ours)
ASK_READ(seqlock, setup_seqlock, seqlock)
ASK_READ(rwlock, setup_rwlock, rwlock)

/* --- the cases --------------------------------------------------------------- */

#define ENTRY(text, of, f)                          \
	{                                           \
		.name = text, .kind = of, .ask = f, \
	}
#define OURS_NAME    "slip_latest"
#define FULL_NAME    "slip_latest, without membarrier"
#define SEQLOCK_NAME "seqlock"
#define RWLOCK_NAME  "memcpy under pthread rwlock"
#define COUNT(e)     (sizeof(e) / sizeof((e)[0]))

static const struct bench_entry writing[] = {
	ENTRY(OURS_NAME, BENCH_OURS, ask_write_ours),
	ENTRY(FULL_NAME, BENCH_OURS, ask_write_full),
	ENTRY(SEQLOCK_NAME, BENCH_RIVAL, ask_write_seqlock),
	ENTRY(RWLOCK_NAME, BENCH_RIVAL, ask_write_rwlock),
};

static const struct bench_entry reading[] = {
	ENTRY(OURS_NAME, BENCH_OURS, ask_read_ours),
	ENTRY(SEQLOCK_NAME, BENCH_RIVAL, ask_read_seqlock),
	ENTRY(RWLOCK_NAME, BENCH_RIVAL, ask_read_rwlock),
};

static const char *size_text(struct bench *b, uint32_t bytes)
{
	if (bytes >= 1024)
		return bench_text(b, "%u KiB", bytes / 1024);
	return bench_text(b, "%u B", bytes);
}

static void target(struct bench *b, const char *name, const char *against,
		   double at_least)
{
	const struct bench_target t = {
		.suite = "latest",
		.name = name,
		.ours = OURS_NAME,
		.against = against,
		.at_least = at_least,
		.line = bench_text(b, "newest value, %s: %.3gx of a %s", name,
				   at_least, against),
	};

	bench_target(b, &t);
}

static const char *add(struct bench *b, struct bench_case c, const char *what,
		       const char *beside)
{
	c.suite = "latest";
	c.name = bench_text(b, "%s, %s, %s", what,
			    size_text(b, c.point.elem_bytes), beside);
	c.unit = "ns";
	c.less_is_better = true;
	bench_add(b, &c);
	return c.name;
}

static void add_size(struct bench *b, uint32_t bytes)
{
	static const char *const beside[] = { "no reader", "1 reader",
					      "2 readers" };
	struct bench_case c = { .quick = bytes == 64,
				.point = { .elem_bytes = bytes },
				.entries = writing,
				.count = COUNT(writing) };
	const char *name;

	for (uint32_t readers = 0; readers < 3; readers++) {
		c.point.actors = readers;
		name = add(b, c, "write", beside[readers]);
		if (bytes == 64 && readers == 1)
			target(b, name, RWLOCK_NAME, 5);
	}
	c.entries = reading;
	c.count = COUNT(reading);
	c.point.actors = 0;
	(void)add(b, c, "read", "nobody writes");
	c.point.actors = 1;
	name = add(b, c, "read", "a writer that never rests");
	/* Against a seqlock there is no number: its readers may never end. */
	if (bytes >= 1024)
		target(b, name, RWLOCK_NAME, bytes > 1024 ? 10 : 3);
}

void bench_suite_latest(struct bench *b)
{
	add_size(b, 8);
	add_size(b, 64);
	add_size(b, 1024);
	add_size(b, SIZE_MAX_);
}
