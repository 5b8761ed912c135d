/* SPDX-License-Identifier: MIT */
/*
 * futex/waitset.h and futex/bridge.h between threads, for ThreadSanitizer: two
 * or three producers, each with a ring, a unit of a semaphore for each element
 * and a flag at the end; and one who serves all of them, who sleeps in a
 * waitset, or in poll for a bridge with a thread of its own. No sleep has a
 * deadline: one wake-up that is lost ends the run (watchdog).
 *
 * The rings' handles are plain memory: if the bridge's thread and the loop ever
 * used one at the same time, ThreadSanitizer would say so.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "futex/bridge.h"
#include "ring/sources.h"
#include "stress/program.h"

#define RINGS	3
#define TOTAL	1000
#define BYTES	4096
#define SOURCES (RINGS + 2)

static struct {
	uint64_t seed;
	uint64_t random; /* of who serves */
	uint32_t rings;
	bool bridged;
	struct slip_sem units;
	struct slip_flag over;
	slip_a32 left; /* producers that have not ended */
	slip_a64 pushed;
	struct slip_spsc_consumer c[RINGS];
	struct slip_source s[SOURCES];
	struct slip_waitset set;
	struct slip_bridge bridge;
	uint64_t got[RINGS];
	uint64_t taken;
	slip_a64 waits;
} r;

static _Alignas(SLIP_APART_BYTES) unsigned char mem[RINGS][BYTES];
static uint64_t elements, recalls;

static void dump(void)
{
	stress_say("%s, %u rings: pushed %llu, waits %llu, units %u, flag %u, "
		   "bridge %u",
		   r.bridged ? "bridge" : "waitset", r.rings,
		   (unsigned long long)slip_a64_load_relaxed(&r.pushed),
		   (unsigned long long)slip_a64_load_relaxed(&r.waits),
		   slip_sem_value(&r.units),
		   slip_a32_load_relaxed(&r.over.word),
		   slip_a32_load_relaxed(&r.bridge.word));
}

/* --- producers --------------------------------------------------------------- */

static void *produce(void *arg)
{
	uint32_t i = *(uint32_t *)arg;
	struct slip_spsc_producer p;
	uint64_t random = r.seed + i;
	int rc = slip_spsc_attach_producer(&p, mem[i], BYTES, NULL);

	STRESS_CHECK(rc == 0, "attach: %d", rc);
	for (uint64_t x = 1; x <= TOTAL; x++) {
		rc = slip_spsc_push_until(&p, &x, SLIP_FOREVER);
		STRESS_CHECK(rc == 0, "push: %d", rc);
		rc = slip_sem_post(&r.units, 1);
		STRESS_CHECK(rc == 0, "post: %d", rc);
		/* stat */
		(void)slip_a64_fetch_add_relaxed(&r.pushed, 1);
		for (uint64_t k = stress_short(&random); k; k--)
			slip_pause();
	}
	slip_spsc_close(&p);
	/* LAST-R1, LAST-A1: the last one sets the flag. */
	if (slip_a32_fetch_add_acqrel(&r.left, UINT32_MAX) == 1)
		slip_flag_set(&r.over);
	return NULL;
}

/* --- who serves -------------------------------------------------------------- */

/* Take what source `i` has; true: it has ended. */
static bool serve(uint32_t i, int now)
{
	uint64_t x;

	if (i < r.rings) {
		while (slip_spsc_pop(&r.c[i], &x)) {
			r.got[i]++;
			STRESS_CHECK(x == r.got[i], "ring %u: %llu after %llu",
				     i, (unsigned long long)x,
				     (unsigned long long)r.got[i] - 1);
		}
		return now == -EPIPE;
	}
	if (i == r.rings) {
		while (slip_sem_acquire_try(&r.units, 1) == 0)
			r.taken++;
		return r.taken == (uint64_t)TOTAL * r.rings;
	}
	return slip_flag_try(&r.over);
}

/* All sources that were said to be ready: how many have ended. */
static uint32_t serve_all(const struct slip_source *s)
{
	uint32_t ended = 0;

	for (uint32_t i = 0; i < r.rings + 2; i++) {
		if (!s[i].now || !serve(i, s[i].now))
			continue;
		ended++;
		if (r.bridged)
			slip_bridge_drop(&r.bridge, i);
		else
			slip_waitset_drop(&r.set, i);
	}
	return ended;
}

static void wait_by_set(void)
{
	int rc;

	for (uint32_t ended = 0; ended < r.rings + 2;) {
		rc = slip_waitset_wait(&r.set, SLIP_FOREVER);
		STRESS_CHECK(rc > 0, "wait: %d", rc);
		/* stat */
		(void)slip_a64_fetch_add_relaxed(&r.waits, 1);
		ended += serve_all(r.s);
	}
}

/* As epoll would; or takes the handles back meanwhile. */
static void sleep_in_poll(void)
{
	struct pollfd fd = { .fd = slip_bridge_fd(&r.bridge),
			     .events = POLLIN };
	int rc = 0;

	if (stress_pick(&r.random, 4) == 0) {
		rc = slip_bridge_disarm(&r.bridge);
		STRESS_CHECK(rc >= 0, "disarm: %d", rc);
		recalls++;
		return;
	}
	while (rc == 0) {
		rc = poll(&fd, 1, -1);
		STRESS_CHECK(rc == 1, "poll: %d", rc);
		rc = slip_bridge_take(&r.bridge);
	}
	STRESS_CHECK(rc > 0, "take: %d", rc);
}

static void wait_by_bridge(void)
{
	uint32_t ended = 0;

	while (ended < r.rings + 2) {
		int rc = slip_bridge_arm(&r.bridge);

		STRESS_CHECK(rc >= 0, "arm: %d", rc);
		if (rc == 0)
			sleep_in_poll();
		/* stat */
		(void)slip_a64_fetch_add_relaxed(&r.waits, 1);
		ended += serve_all(r.bridge.sources);
	}
	slip_bridge_stop(&r.bridge);
}

static void *bridge_thread(void *arg)
{
	int rc = slip_bridge_run(&r.bridge);

	(void)arg;
	STRESS_CHECK(rc == 0, "run: %d", rc);
	return NULL;
}

static void *server(void *arg)
{
	(void)arg;
	if (r.bridged)
		wait_by_bridge();
	else
		wait_by_set();
	return NULL;
}

/* --- a run ------------------------------------------------------------------- */

static void create(uint64_t seed)
{
	int rc = 0;

	memset(&r, 0, sizeof(r));
	r.seed = r.random = seed;
	r.rings = 2 + (uint32_t)stress_pick(&r.random, RINGS - 1);
	r.bridged = stress_pick(&r.random, 2);
	slip_a32_store_relaxed(&r.left, r.rings); /* init */
	for (uint32_t i = 0; i < r.rings && !rc; i++) {
		rc = slip_spsc_init(mem[i], BYTES, 8, 8,
				    stress_pick(&r.random, 2)
					    ? SLIP_EVENT_FULL
					    : SLIP_EVENT_AUTO);
		rc = rc ? rc
			: slip_spsc_attach_consumer(&r.c[i], mem[i], BYTES,
						    NULL);
		slip_spsc_pop_source(&r.s[i], &r.c[i]);
	}
	slip_sem_source(&r.s[r.rings], &r.units, 1);
	slip_flag_source(&r.s[r.rings + 1], &r.over);
	if (!rc)
		rc = r.bridged ? slip_bridge_open(&r.bridge, r.s, r.rings + 2)
			       : slip_waitset_init(&r.set, r.s, r.rings + 2);
	STRESS_CHECK(rc == 0, "create: %d", rc);
}

static void one_run(uint64_t seed)
{
	pthread_t threads[RINGS + 2];
	uint32_t index[RINGS];
	uint32_t n = 0;

	create(seed);
	for (; n < r.rings; n++) {
		index[n] = n;
		(void)pthread_create(&threads[n], NULL, produce, &index[n]);
	}
	(void)pthread_create(&threads[n++], NULL, server, NULL);
	if (r.bridged)
		(void)pthread_create(&threads[n++], NULL, bridge_thread, NULL);
	for (uint32_t i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < r.rings; i++) {
		STRESS_CHECK(r.got[i] == TOTAL, "ring %u: %llu", i,
			     (unsigned long long)r.got[i]);
		elements += r.got[i];
	}
	STRESS_CHECK(r.taken == (uint64_t)TOTAL * r.rings, "units: %llu",
		     (unsigned long long)r.taken);
	if (r.bridged)
		slip_bridge_close(&r.bridge);
	stress_pulse(elements);
	stress_line(seed, "%s over %u rings: %llu waits",
		    r.bridged ? "bridge" : "waitset", r.rings,
		    (unsigned long long)slip_a64_load_relaxed(&r.waits));
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv,
		     "waitset_threads: rings, a semaphore and a flag, waited "
		     "for by a set or a bridge");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("waitset.all", "threads", "elements=%llu recalls=%llu",
		   (unsigned long long)elements, (unsigned long long)recalls);
	return stress_end("%llu elements, %llu recalls",
			  (unsigned long long)elements,
			  (unsigned long long)recalls);
}
