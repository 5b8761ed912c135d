/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX (UINT32_C(1) << 20)
#define TICK_NS	  20000u /* between two looks at the virtual clock */
#define PATIENCE  60u	 /* seconds for one run */

struct play play;
#ifdef HOSTILE_BARE
const bool hostile_bare = true;
#else
const bool hostile_bare = false;
#endif
static char replay[256];

/* --- the stream ------------------------------------------------------------ */

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint8_t take(struct stream *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->bytes++;
}

uint64_t take_word(struct stream *in)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | take(in);
	return v;
}

uint32_t take_below(struct stream *in, uint32_t n)
{
	return take(in) % n;
}

/* --- what goes wrong ------------------------------------------------------- */

void replay_as(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(replay, sizeof(replay), format, values);
	va_end(values);
}

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* Safe in a handler. */
static void tell_where(void)
{
	say("in ");
	say(play.game ? play.game : "no game");
	say(", ");
	say(play.verb ? play.verb : "between two calls");
	say(replay[0] ? "\nreplay: " : "\n");
	say(replay);
	say("\n");
}

void fail(const char *format, ...)
{
	va_list values;

	fflush(stdout);
	va_start(values, format);
	fputs("FAIL: ", stderr);
	vfprintf(stderr, format, values);
	fputs("\n", stderr);
	va_end(values);
	tell_where();
	abort();
}

static void on_signal(int sig)
{
	say(sig == SIGALRM ? "FAIL: a call that does not end\n"
			   : "FAIL: a fault\n");
	tell_where();
	(void)signal(sig, SIG_DFL);
	(void)raise(sig == SIGALRM ? SIGABRT : sig);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#include <sanitizer/common_interface_defs.h>

static void watch_faults(void)
{
	__sanitizer_set_death_callback(tell_where);
}
#else
static void watch_faults(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], on_signal);
}
#endif

void watch_start(void)
{
	(void)signal(SIGALRM, on_signal);
	watch_faults();
}

/* --- calls ----------------------------------------------------------------- */

static void spoil(void)
{
	if (!play.prey.mem)
		return;
	scribble(&play.prey, &play.random);
	play.counts.scribbles++;
	play.counts.live += play.live;
}

void hostile_point(void)
{
	if (!play.verb)
		return;
	if (++play.steps > STEPS_MAX)
		fail("a call that does not end: %u steps", play.steps);
	if (!play.wait || --play.wait)
		return;
	play.wait = play.storm;
	spoil();
}

void verb(struct stream *in, const char *name)
{
	uint8_t plan = take(in);

	play.counts.calls++;
	play.steps = 0;
	play.wait = 0;
	play.verb = name;
	play.restless = plan % 4 == 0;
	if (play.real || plan < 128)
		return;
	play.wait = 1 + plan % 16;
	play.storm = plan >= 240;
	play.random ^= (uint64_t)take(in) << 32 | take(in);
}

int answer(int rc, const int *allowed)
{
	const char *name = play.verb;

	while (rc && *allowed && *allowed != rc)
		allowed++;
	if (rc && !*allowed)
		fail("%d (%s) is no result of this call", rc, strerror(-rc));
	play.counts.errors += rc != 0;
	play.counts.poisoned += rc == -EBADMSG;
	play.verb = NULL;
	/* Between two calls as well. */
	if (play.wait && name && !play.storm)
		spoil();
	play.wait = 0;
	return rc;
}

void answer_moved(uint32_t count, uint32_t limit)
{
	if (count > limit)
		fail("moved %u of %u", count, limit);
	play.counts.moved += count;
	(void)answer(0, CODES(0));
}

void answer_place(const void *at, size_t bytes, const void *mem, size_t room)
{
	const uint8_t *p = at;
	const uint8_t *start = mem;
	volatile uint8_t sum = 0;

	if (p < start || bytes > room || p - start > (ptrdiff_t)(room - bytes))
		fail("%zu bytes outside of the memory", bytes);
	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + p[i]);
}

/* --- what the library calls ------------------------------------------------ */

#ifndef HOSTILE_BARE

void hostile_copy(void *to, const void *from, size_t bytes)
{
	char *out = to;
	const char *in = from;
	size_t half = bytes / 2;

	hostile_point();
	memcpy(out, in, half);
	hostile_point();
	memcpy(out + half, in + half, bytes - half);
	hostile_point();
}

uint64_t hostile_now(void)
{
	struct timespec now;

	if (play.real) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		return (uint64_t)now.tv_sec * 1000000000u +
		       (uint64_t)now.tv_nsec;
	}
	play.now_ns += TICK_NS;
	return play.now_ns;
}

#endif

void spoil_before_attach(struct stream *in, uint8_t *mem, size_t bytes)
{
	for (uint32_t n = take_below(in, 6); n--;) {
		play.random = take_word(in);
		scribble(&play.prey, &play.random);
		play.counts.scribbles++;
		play.counts.live++;
	}
	for (uint32_t n = take_below(in, 64); n-- && in->left;) {
		uint64_t v = take_word(in);

		memcpy(mem + take_word(in) % (bytes / 8) * 8, &v, 8);
	}
}

void game_run(const struct game *g, const uint8_t *bytes, size_t count)
{
	struct stream in = { bytes, count };

	play.game = g->name;
	play.live = false;
	play.now_ns = 1000000000;
	play.random = count;
	memset(&play.prey, 0, sizeof(play.prey));
	(void)alarm(PATIENCE);
	play.counts.runs++;
	g->play(&in);
	(void)alarm(0);
	peer_hold();
}
