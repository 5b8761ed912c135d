/* SPDX-License-Identifier: MIT */
/* The kernel of the games. The real one where files, locks and mappings are
 * concerned; but a futex of one thread is a model, a file may be cut before any
 * call, and a mapping made twice has guard pages around it. */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct file_prey file_prey = { -1, 0, 0 };
bool (*hostile_idle)(bool deadline);

#ifndef HOSTILE_BARE

#define GUARD	      4096L
#define SPANS	      64
#define FUTEX_WAIT    9 /* FUTEX_WAIT_BITSET, without flags */
#define FUTEX_OP      5 /* FUTEX_WAKE_OP */
#define FUTEX_REQUEUE 4 /* FUTEX_CMP_REQUEUE */
#define FUTEX_CMD     127
#define FUTEX_LOCK    6 /* FUTEX_LOCK_PI, */
#define FUTEX_UNLOCK  7 /* its like, */
#define FUTEX_TRYLOCK 8
#define FUTEX_LOCK2   13 /* FUTEX_LOCK_PI2 */

/* Room that slip_file_map_() asked for, with a guard page before it. */
static struct {
	long at, bytes;
} spans[SPANS];

/* --- mappings -------------------------------------------------------------- */

static long map_room(long bytes, long prot, long flags)
{
	long at = slip_sys_raw_(SYS_mmap, 0, bytes + GUARD, prot, flags, -1, 0);

	if (at < 0)
		return at;
	for (int i = 0; i < SPANS; i++)
		if (!spans[i].bytes) {
			spans[i].at = at + GUARD;
			spans[i].bytes = bytes;
			return at + GUARD;
		}
	fail("too many mappings");
}

/* The page behind is the alignment's slack: it stays, as a guard. */
static long unmap(long at, long bytes)
{
	for (int i = 0; i < SPANS; i++) {
		long end = spans[i].at + spans[i].bytes;

		if (!spans[i].bytes || at < spans[i].at || at >= end)
			continue;
		if (at + bytes == end && at != spans[i].at)
			return 0;
		if (at == spans[i].at) {
			at -= GUARD;
			bytes = spans[i].bytes + GUARD;
			spans[i].bytes = 0;
		} else { /* what a creator had too much */
			bytes = end - at;
			spans[i].bytes = at - spans[i].at;
		}
		break;
	}
	return slip_sys_raw_(SYS_munmap, at, bytes, 0, 0, 0, 0);
}

/* --- sleeping -------------------------------------------------------------- */

/* A sleep that nobody ends, unless `told`. */
static long sleep_out(long timeout, bool told)
{
	const struct slip_sys_timespec_ *until;
	uint64_t end;

	if (!timeout && !told)
		fail("sleeps for ever");
	if (!timeout)
		return 0;
	until = (const void *)timeout;
	end = (uint64_t)until->seconds * 1000000000u + (uint64_t)until->ns;
	if (end > play.now_ns)
		play.now_ns = end;
	return -ETIMEDOUT;
}

/* Does a word hold something else? */
static bool changed(const struct slip_futex_waiter *w, long n)
{
	for (long i = 0; i < n; i++) {
		const uint32_t *word = (const void *)w[i].address;

		if (w[i].address % 4)
			fail("a futex that is not aligned");
		if (__atomic_load_n(word, __ATOMIC_RELAXED) != w[i].expected)
			return true;
	}
	return false;
}

static long sleep_model(const struct slip_futex_waiter *w, long n, long timeout)
{
	bool told = hostile_idle && hostile_idle(timeout != 0);

	if (changed(w, n))
		return -EAGAIN;
	/* A peer may wake all the time. */
	if (play.restless)
		return play.steps % 2 ? -EINTR : 0;
	return sleep_out(timeout, told);
}

/* There is one thread, so another's lock stays so; and what a word says may be
 * anything to the kernel. */
static long pi_model(uint32_t *word, long op, long timeout)
{
	static const long odd[] = { -ESRCH, -EINVAL, -EPERM, -EAGAIN };
	uint32_t me = slip_sys_tid_();
	uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
	bool mine = (seen & SLIP_FUTEX_PI_TID) == me;

	if (op == FUTEX_UNLOCK) {
		if (mine)
			__atomic_store_n(word, 0, __ATOMIC_RELAXED);
		return mine ? 0 : -EPERM;
	}
	if (mine)
		return -EDEADLK;
	if (play.restless)
		return odd[play.steps % 4];
	if (seen & SLIP_FUTEX_PI_TID)
		return op == FUTEX_TRYLOCK ? -EAGAIN
					   : sleep_out(timeout, false);
	__atomic_store_n(word, (seen & SLIP_FUTEX_PI_DIED) | me,
			 __ATOMIC_RELAXED);
	return 0;
}

static long futex(long a, long b, long c, long d, long e, long f)
{
	const struct slip_futex_waiter w = { .expected = (uint32_t)c,
					     .address = (uint64_t)a };
	uint32_t *word = (void *)a;

	if (a == 1)
		return -EINVAL; /* asked for what there is */
	if (a % 4)
		fail("a futex that is not aligned");
	if (play.real)
		return slip_sys_raw_(SYS_futex, a, b, c, d, e, f);
	if ((b & FUTEX_CMD) == FUTEX_WAIT)
		return sleep_model(&w, 1, d);
	if ((b & FUTEX_CMD) == FUTEX_LOCK2 ||
	    ((b & FUTEX_CMD) >= FUTEX_LOCK && (b & FUTEX_CMD) <= FUTEX_TRYLOCK))
		return pi_model(word, b & FUTEX_CMD, d);
	/* Somebody else was there first. */
	if ((b & FUTEX_CMD) == FUTEX_REQUEUE && play.restless)
		return -EAGAIN;
	if ((b & FUTEX_CMD) == FUTEX_OP)
		(void)__atomic_fetch_add(word, (uint32_t)f << 8 >> 20,
					 __ATOMIC_RELAXED);
	return 0;
}

/* --- all of it ------------------------------------------------------------- */

/* Whoever may write to a file may shorten it at any time. */
static void cut(void)
{
	if (file_prey.fd < 0 || !file_prey.wait || --file_prey.wait)
		return;
	play.counts.scribbles++;
	play.counts.live++;
	if (ftruncate(file_prey.fd, (off_t)file_prey.bytes))
		return; /* sealed */
}

static long open_prey(long flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_prey.fd);
	flags &= ~(long)SLIP_O_NOFOLLOW_;
	return slip_sys_raw_(SYS_openat, SLIP_AT_CWD_, (long)path, flags, 0, 0,
			     0);
}

long hostile_sys(long nr, long a, long b, long c, long d, long e, long f)
{
	hostile_point();
	cut();
	if (nr == SYS_futex)
		return futex(a, b, c, d, e, f);
	if (nr == SLIP_SYS_FUTEX_WAITV_ && !play.real) /* none: is it there? */
		return b ? sleep_model((const void *)a, b, d) : -EINVAL;
	if (nr == SYS_membarrier && !play.real)
		return 0;
	if (nr == SYS_openat && !strcmp((const char *)b, "/hostile"))
		return open_prey(c);
	if (nr == SYS_mmap && !a && c == PROT_NONE)
		return map_room(b, c, d);
	if (nr == SYS_munmap)
		return unmap(a, b);
	return slip_sys_raw_(nr, a, b, c, d, e, f);
}

#endif
