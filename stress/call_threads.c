/* SPDX-License-Identifier: MIT */
/*
 * ring/call.h between threads, for ThreadSanitizer: clients that ask by every
 * verb, give up, leave and come again, and two threads that take turns to be the
 * server. What the server counts is a plain variable that belongs to the role;
 * what a client has counted, the main thread reads when the server has been told
 * that all have gone.
 */
#include <string.h>

#include "ring/call.h"
#include "stress/program.h"

#define CLIENTS	 3u
#define SERVERS	 2u
#define THREADS	 (CLIENTS + SERVERS)
#define REQUESTS 2000u /* of each client */
#define LARGEST	 100u
#define SLOTS	 5u

struct client {
	uint64_t random;
	uint64_t heard; /* plain, read when all have gone */
	uint64_t late;
};

static struct {
	uint64_t seed;
	char mem[4096] SLIP_ALIGNED(64);
	uint64_t served; /* plain, of the server's role */
	slip_a64 moved;	 /* stat */
	slip_a32 left;	 /* clients that have done */
	struct client client[CLIENTS];
} run;

static uint64_t all_calls, all_late;

static void dump(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slip_call_slot_info one;

		if (!slip_call_inspect_slot(run.mem, sizeof(run.mem), i, &one))
			stress_say("slot %u: client %#llx, number %llu%s", i,
				   (unsigned long long)one.client,
				   (unsigned long long)one.number,
				   one.open ? " open" : "");
	}
}

/* --- the server ------------------------------------------------------------ */

static void answer(struct slip_call_server *s, struct slip_call_ticket *t)
{
	unsigned char buffer[LARGEST];
	uint64_t number;

	STRESS_CHECK(t->bytes >= 8, "%u bytes", t->bytes);
	memcpy(&number, t->data, 8);
	STRESS_CHECK(stress_filled(t->data, t->bytes, number),
		     "request %#llx is torn", (unsigned long long)number);
	stress_fill(buffer, t->bytes, ~number);
	run.served++;
	STRESS_CHECK(slip_call_reply(s, t, buffer, t->bytes) == 0, "reply");
	slip_a64_fetch_add_relaxed(&run.moved, 1);
}

/* Until all have gone, or it is the other's turn. */
static int stay(struct slip_call_server *s, uint64_t requests)
{
	struct slip_call_ticket t;
	int rc = 0;

	for (; requests && !rc; requests--) {
		rc = slip_call_take_until(s, &t, SLIP_FOREVER);
		if (!rc)
			answer(s, &t);
	}
	return rc;
}

static void *serve(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct slip_call_server s;

	while (slip_a32_load_acquire(&run.left) < CLIENTS) {
		int rc = slip_call_attach_server(&s, run.mem, sizeof(run.mem),
						 NULL);

		if (rc == -EBUSY) {
			slip_pause();
			continue;
		}
		STRESS_CHECK(rc == 0, "attach: %d", rc);
		rc = stay(&s, 1 + stress_pick(&random, 200));
		STRESS_CHECK(rc == 0 || rc == -EPIPE, "take: %d", rc);
		slip_call_detach_server(&s);
	}
	return NULL;
}

/* --- clients --------------------------------------------------------------- */

static void check(struct client *me, const void *reply, uint32_t bytes,
		  uint32_t asked, uint64_t number)
{
	STRESS_CHECK(bytes == asked && stress_filled(reply, bytes, ~number),
		     "request %#llx has another reply",
		     (unsigned long long)number);
	me->heard++;
}

/* Waits for whatever server there comes to be. */
static void patiently(struct client *me, struct slip_call_client *c,
		      unsigned char *buffer, uint32_t bytes, uint64_t number)
{
	uint32_t got = 0;
	int rc;

	while ((rc = slip_call_send_until(c, buffer, bytes, SLIP_FOREVER)) ==
	       -EPIPE)
		(void)!slip_call_wait_server_until(c, SLIP_FOREVER);
	STRESS_CHECK(rc == 0, "send: %d", rc);
	while ((rc = slip_call_wait_reply_until(c, SLIP_FOREVER)) == -EPIPE)
		(void)!slip_call_wait_server_until(c, SLIP_FOREVER);
	STRESS_CHECK(rc == 0, "wait: %d", rc);
	rc = slip_call_receive(c, buffer, LARGEST, &got);
	STRESS_CHECK(rc == 0, "receive: %d", rc);
	check(me, buffer, got, bytes, number);
}

static void hastily(struct client *me, struct slip_call_client *c,
		    unsigned char *buffer, uint32_t bytes, uint64_t number)
{
	uint32_t got = 0;
	int rc = slip_call_until(c, buffer, bytes, buffer, LARGEST, &got,
				 slip_after_ns(stress_pick(&me->random, 5000)));

	STRESS_CHECK(!rc || rc == -ETIMEDOUT || rc == -EPIPE, "call: %d", rc);
	if (!rc)
		check(me, buffer, got, bytes, number);
	else
		me->late++;
}

static void in_place(struct client *me, struct slip_call_client *c,
		     unsigned char *buffer, uint32_t bytes, uint64_t number)
{
	void *place = slip_call_claim(c);
	const void *reply = NULL;
	uint32_t got = 0;

	if (!place)
		return;
	memcpy(place, buffer, bytes);
	slip_call_commit(c, bytes);
	for (int i = 0; i < 300 && !reply; i++) {
		slip_pause();
		reply = slip_call_peek(c, &got);
	}
	if (!reply) {
		slip_call_abandon(c);
		me->late++;
		return;
	}
	check(me, reply, got, bytes, number);
	slip_call_release(c);
}

static void turn(struct client *me, struct slip_call_client *c, uint64_t number)
{
	unsigned char buffer[LARGEST];
	uint32_t bytes = 8 + (uint32_t)stress_pick(&me->random, LARGEST - 7);
	uint64_t how = stress_pick(&me->random, 4);

	stress_fill(buffer, bytes, number);
	if (how == 0)
		hastily(me, c, buffer, bytes, number);
	else if (how == 1)
		in_place(me, c, buffer, bytes, number);
	else
		patiently(me, c, buffer, bytes, number);
}

static void *ask(void *arg)
{
	struct client *me = arg;
	struct slip_call_client c;
	uint64_t number = (uint64_t)(me - run.client) << 32;

	for (uint32_t n = 0; n < REQUESTS;) {
		int rc = slip_call_attach_client(&c, run.mem, sizeof(run.mem),
						 NULL);

		if (rc == -EUSERS) {
			slip_pause();
			continue;
		}
		STRESS_CHECK(rc == 0, "attach: %d", rc);
		for (uint64_t i = 1 + stress_pick(&me->random, 100);
		     i && n < REQUESTS; i--, n++)
			turn(me, &c, ++number);
		slip_call_detach_client(&c);
	}
	slip_a32_fetch_add_release(&run.left, 1);
	return NULL;
}

/* --- all ------------------------------------------------------------------- */

static void one_run(uint64_t seed)
{
	pthread_t threads[THREADS];
	uint64_t random[SERVERS];
	uint64_t heard = 0;
	uint64_t late = 0;
	uint64_t chance = seed;
	unsigned mode = stress_pick(&chance, 2) ? SLIP_EVENT_FULL : 0;
	int rc;

	memset(&run, 0, sizeof(run));
	run.seed = seed;
	rc = slip_call_init(run.mem, sizeof(run.mem), SLOTS, LARGEST, mode);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	for (uint32_t i = 0; i < THREADS; i++) {
		uint64_t own = stress_random(&chance);

		if (i < CLIENTS)
			run.client[i].random = own;
		else
			random[i - CLIENTS] = own;
		threads[i] = i < CLIENTS ? stress_thread(ask, &run.client[i])
					 : stress_thread(serve,
							 &random[i - CLIENTS]);
	}
	while (slip_a32_load_acquire(&run.left) < CLIENTS) {
		stress_pulse(seed + slip_a64_load_relaxed(&run.moved));
		stress_sleep_ns(STRESS_MS);
	}
	for (uint32_t i = 0; i < CLIENTS; i++) {
		heard += run.client[i].heard;
		late += run.client[i].late;
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	STRESS_CHECK(run.served >= heard, "%llu served, %llu heard",
		     (unsigned long long)run.served, (unsigned long long)heard);
	all_calls += heard;
	all_late += late;
	stress_line(seed, "mode %u: %llu calls, %llu given up", mode,
		    (unsigned long long)heard, (unsigned long long)late);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "ring/call.h between threads");
	stress_on_stuck(dump);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("call.all", "threads", "calls=%llu late=%llu",
		   (unsigned long long)all_calls, (unsigned long long)all_late);
	return stress_end("%llu calls", (unsigned long long)all_calls);
}
