/* SPDX-License-Identifier: MIT */
/*
 * ring/call.h between processes, mapped at different addresses, which are killed
 * and replaced, and stopped: one server, and clients that ask patiently (a
 * server that died is replaced, and the request stays), or give up after a
 * while.
 *
 * The account: each reply is that to the request; what is answered has been
 * carried out; nothing is carried out twice, unless the ticket says so; a
 * patient client gets its reply, whoever died; while the server is stopped
 * nobody takes its place.
 */
#define _GNU_SOURCE
#include "ring/call.h"

#include <sched.h>

#include "stress/elsewhere.h"
#include "stress/program.h"

#define CLIENTS	     4u
#define WORKERS	     (CLIENTS + 1) /* the last one is the server */
#define SERVER	     CLIENTS
#define PEERS	     16u
#define DISTURBANCES 40
#define LARGEST	     500u
#define REMEMBERED   64u /* requests of a client */

enum { CLIENTS_GO = 1, ALL_GO }; /* what `over` says */

/* Written by one worker at a time, read by the controller. */
struct diary {
	slip_a64 turns;
	slip_a64 next; /* number of a client's next request, << 8 | client */
	slip_a64 late;
	slip_a64 again;
	slip_a64 carried[REMEMBERED]; /* out, by the server */
	unsigned char pad[SLIP_APART_BYTES - 32];
};

static struct {
	uint64_t seed;
	uint64_t random;
	uint32_t slots;
	uint32_t payload;
	struct slip_region rg;
	struct diary *diaries;
	slip_a64 *over;
	slip_a64 *places;
	pid_t pid[WORKERS];
	uint64_t kills;
	bool running;
} run;

static struct {
	uint64_t calls, kills, stops, late, again;
} all;

/* One worker's. */
static struct {
	struct slip_region rg;
	struct slip_peer self;
	struct slip_call_client c;
	struct slip_call_server s;
	struct diary *diary;
	uint32_t index;
	uint64_t random;
	void *mem;
	size_t bytes;
	unsigned char buffer[LARGEST];
} me;

static uint64_t get(const slip_a64 *word)
{
	return slip_a64_load_relaxed(word); /* stat, or own */
}

static void set(slip_a64 *word, uint64_t value)
{
	slip_a64_store_relaxed(word, value); /* stat, or own */
}

static void count(slip_a64 *word)
{
	set(word, get(word) + 1);
}

static uint64_t turns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CLIENTS; i++)
		sum += get(&run.diaries[i].turns);
	return sum;
}

static void *ring_of(struct slip_region *rg, size_t *bytes)
{
	void *mem = slip_region_find(rg, "call", SLIP_KIND_CALL, bytes);

	STRESS_CHECK(mem, "no ring");
	return mem;
}

static void dump(void)
{
	size_t bytes;
	void *mem;

	if (!run.running)
		return;
	mem = ring_of(&run.rg, &bytes);
	stress_say("server %#llx",
		   llu(get(&((struct slip_call_ring *)mem)->server_role)));
	for (uint32_t i = 0; i < run.slots; i++) {
		struct slip_call_slot_info one;

		if (!slip_call_inspect_slot(mem, bytes, i, &one))
			stress_say("slot %u: client %#llx, number %llu%s, "
				   "attempts %u",
				   i, llu(one.client), llu(one.number),
				   one.open ? " open" : "", one.attempts);
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		stress_say("worker %d: turns %llu", run.pid[i],
			   llu(get(&run.diaries[i].turns)));
}

/* --- the server ------------------------------------------------------------ */

static slip_a64 *carried(uint64_t number)
{
	STRESS_CHECK((number & 255) < CLIENTS, "request of client %llu",
		     llu(number & 255));
	return &run.diaries[number & 255].carried[(number >> 8) % REMEMBERED];
}

static void carry_out(struct slip_call_ticket *t)
{
	uint64_t number;

	STRESS_CHECK(t->bytes >= 8 && t->bytes <= run.payload, "%u bytes",
		     t->bytes);
	memcpy(&number, t->data, 8);
	STRESS_CHECK(stress_filled(t->data, t->bytes, number),
		     "request %#llx is torn", llu(number));
	STRESS_CHECK(t->attempts > 1 || get(carried(number)) != number,
		     "request %#llx again, and not said so", llu(number));
	if (t->attempts > 1)
		count(&me.diary->again);
	set(carried(number), number);
	/* That is done before the reply, also for a compiler. */
	slip_fence_light();
	stress_fill(me.buffer, t->bytes, ~number);
	STRESS_CHECK(slip_call_reply(&me.s, t, me.buffer, t->bytes) == 0,
		     "reply");
	count(&me.diary->turns);
}

/* Some requests, up to three in hand. */
static int serve(void)
{
	struct slip_call_ticket t[3];
	uint32_t n = 0;
	int rc = slip_call_take_until(&me.s, &t[0], SLIP_FOREVER);

	if (rc)
		return rc;
	n = 1;
	while (n < 3 && stress_pick(&me.random, 2) &&
	       slip_call_take(&me.s, &t[n]))
		n++;
	for (uint64_t i = stress_short(&me.random); i; i--)
		slip_pause();
	while (n)
		carry_out(&t[--n]);
	return 0;
}

static void serve_a_while(void)
{
	uint64_t n = stress_pick(&me.random, 2000);
	int rc = slip_call_attach_server(&me.s, me.mem, me.bytes, &me.self);

	STRESS_CHECK(rc == 0, "attach: %d", rc);
	for (rc = 0; n && !rc; n--)
		rc = serve();
	STRESS_CHECK(!rc || rc == -EPIPE, "take: %d", rc);
	/* With what is in its hands, or nothing. */
	slip_call_detach_server(&me.s);
	if (rc)
		sched_yield();
}

/* --- clients --------------------------------------------------------------- */

static uint32_t request(uint64_t *number)
{
	uint32_t bytes = 8 + (uint32_t)stress_pick(&me.random, run.payload - 7);

	*number = get(&me.diary->next);
	set(&me.diary->next, *number + 256);
	stress_fill(me.buffer, bytes, *number);
	return bytes;
}

static void check_reply(uint64_t number, uint32_t asked, uint32_t bytes)
{
	STRESS_CHECK(bytes == asked && stress_filled(me.buffer, bytes, ~number),
		     "request %#llx has another reply", llu(number));
	STRESS_CHECK(get(carried(number)) == number,
		     "request %#llx was not carried out", llu(number));
	count(&me.diary->turns);
}

static void await_server(void)
{
	int rc = slip_call_wait_server_until(&me.c, SLIP_FOREVER);

	STRESS_CHECK(rc == 0, "wait_server: %d", rc);
}

/* Until it is answered, by whatever server. */
static void ask_patiently(void)
{
	uint64_t number;
	uint32_t bytes = request(&number);
	uint32_t got = 0;
	int rc;

	while ((rc = slip_call_send_until(&me.c, me.buffer, bytes,
					  SLIP_FOREVER)) == -EPIPE)
		await_server();
	STRESS_CHECK(rc == 0, "send: %d", rc);
	while ((rc = slip_call_wait_reply_until(&me.c, SLIP_FOREVER)) == -EPIPE)
		await_server();
	STRESS_CHECK(rc == 0, "wait_reply: %d", rc);
	rc = slip_call_receive(&me.c, me.buffer, sizeof(me.buffer), &got);
	STRESS_CHECK(rc == 0, "receive: %d", rc);
	check_reply(number, bytes, got);
}

static void ask_hastily(void)
{
	uint64_t number;
	uint32_t bytes = request(&number);
	uint32_t got = 0;
	int rc = slip_call_until(&me.c, me.buffer, bytes, me.buffer,
				 sizeof(me.buffer), &got,
				 slip_after_ns(stress_pick(&me.random, 50000)));

	STRESS_CHECK(!rc || rc == -ETIMEDOUT || rc == -EPIPE, "call: %d", rc);
	if (!rc)
		check_reply(number, bytes, got);
	else
		count(&me.diary->late);
}

static void ask_in_place(void)
{
	uint64_t number;
	void *place = slip_call_claim(&me.c);
	const void *reply;
	uint32_t bytes, got;

	if (!place)
		return; /* what was given up is not answered */
	bytes = request(&number);
	memcpy(place, me.buffer, bytes);
	slip_call_commit(&me.c, bytes);
	for (uint32_t i = 0; i < 1000; i++) {
		reply = slip_call_peek(&me.c, &got);
		if (reply) {
			memcpy(me.buffer, reply, got);
			check_reply(number, bytes, got);
			slip_call_release(&me.c);
			return;
		}
		slip_pause();
	}
	slip_call_abandon(&me.c);
	count(&me.diary->late);
}

static void ask_a_while(void)
{
	int rc;

	while ((rc = slip_call_attach_client(&me.c, me.mem, me.bytes,
					     &me.self)) == -EUSERS)
		sched_yield(); /* slots of the dead, not answered yet */
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	for (uint64_t n = stress_pick(&me.random, 1000); n && !get(run.over);
	     n--) {
		uint64_t how = stress_pick(&me.random, 4);

		if (how == 0)
			ask_hastily();
		else if (how == 1)
			ask_in_place();
		else
			ask_patiently();
	}
	slip_call_detach_client(&me.c);
}

static int work(void *arg)
{
	int rc;

	me.index = *(uint32_t *)arg;
	me.random = run.random;
	me.diary = &run.diaries[me.index];
	rc = elsewhere_adopt(&me.rg, slip_region_fd(&run.rg), run.places,
			     WORKERS, me.index);
	STRESS_CHECK(rc == 0, "adopt: %d", rc);
	me.mem = ring_of(&me.rg, &me.bytes);
	rc = slip_peer_join(&me.self, &me.rg);
	STRESS_CHECK(rc == 0, "join: %d", rc);
	while (me.index == SERVER ? get(run.over) != ALL_GO : !get(run.over))
		if (me.index == SERVER)
			serve_a_while();
		else
			ask_a_while();
	slip_peer_leave(&me.self);
	slip_region_close(&me.rg);
	return 0;
}

/* --- the controller -------------------------------------------------------- */

static void start(uint32_t index)
{
	(void)stress_random(&run.random);
	run.pid[index] = stress_spawn(work, &index);
}

static void idle(uint64_t ns)
{
	stress_all_at_work();
	stress_pulse(turns() + run.seed * 31);
	stress_sleep_ns(ns);
}

static void see_progress(void)
{
	uint64_t before = turns();

	while (turns() == before)
		idle(100000);
}

static void disturb(void)
{
	uint32_t i = (uint32_t)stress_pick(&run.random, WORKERS);

	if (!stress_pick_stop(&run.random)) {
		stress_kill(run.pid[i]);
		run.kills++;
		start(i);
	} else {
		stress_stop(run.pid[i]);
		all.stops++;
		if (i == SERVER)
			idle(stress_gap_ns(&run.random));
		else
			see_progress();
		stress_continue(run.pid[i]);
	}
	see_progress();
}

static void create(uint64_t seed)
{
	size_t bytes;
	void *mem;
	int rc;

	run.seed = seed;
	run.random = seed;
	run.kills = 0;
	run.slots = CLIENTS + (uint32_t)stress_pick(&run.random, 4);
	run.payload = stress_pick(&run.random, 2) ? 48 : LARGEST;
	bytes = slip_call_bytes(run.slots, run.payload);
	rc = slip_region_create(&run.rg, bytes,
				SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS));
	STRESS_CHECK(rc == 0, "create: %d", rc);
	mem = slip_region_add(&run.rg, "call", SLIP_KIND_CALL, bytes);
	STRESS_CHECK(mem, "no room");
	rc = slip_call_init(mem, bytes, run.slots, run.payload,
			    stress_pick(&run.random, 2) ? SLIP_EVENT_FULL : 0);
	STRESS_CHECK(rc == 0, "init: %d", rc);
	rc = slip_region_publish(&run.rg, NULL, 0600);
	STRESS_CHECK(rc == 0, "publish: %d", rc);
	memset(run.diaries, 0, sizeof(*run.diaries) * WORKERS);
	for (uint32_t i = 0; i < CLIENTS; i++)
		set(&run.diaries[i].next, 256 * (REMEMBERED + 1) + i);
	set(run.over, 0);
	run.running = true;
}

/* Everybody is gone: nobody holds anything, and a new pair can go on. */
static void account(void)
{
	struct slip_peer self;
	struct slip_call_client c;
	struct slip_call_server s;
	struct slip_call_ticket t;
	size_t bytes;
	void *mem = ring_of(&run.rg, &bytes);
	uint32_t got;
	char back[8];
	int rc = slip_peer_join(&self, &run.rg);

	STRESS_CHECK(rc == 0, "join: %d", rc);
	rc = slip_call_attach_server(&s, mem, bytes, &self);
	STRESS_CHECK(rc == 0, "attach: %d", rc);
	while (slip_call_take(&s, &t)) {
		STRESS_CHECK(slip_call_orphan(&s, &t), "somebody waits");
		STRESS_CHECK(slip_call_reply(&s, &t, "", 0) == 0, "reply");
	}
	for (uint32_t i = 0; i < run.slots; i++) {
		rc = slip_call_attach_client(&c, mem, bytes, &self);
		STRESS_CHECK(rc == 0 && c.at == i, "slot %u is not free: %d", i,
			     rc);
		rc = slip_call_send(&c, "request", 8);
		STRESS_CHECK(rc == 0 && slip_call_take(&s, &t) &&
				     slip_call_reply(&s, &t, "replied", 8) ==
					     0 &&
				     slip_call_receive(&c, back, 8, &got) == 0,
			     "slot %u is of no use", i);
	}
	slip_peer_leave(&self);
}

static void one_run(uint64_t seed)
{
	create(seed);
	for (uint32_t i = 0; i < WORKERS; i++)
		start(i);
	for (int i = 0; i < DISTURBANCES && stress_rate(); i++) {
		idle(stress_gap_ns(&run.random));
		disturb();
	}
	see_progress();
	/* The server last: there may be one who asks patiently. */
	set(run.over, CLIENTS_GO);
	for (uint32_t i = 0; i < WORKERS; i++)
		if (i != SERVER)
			stress_join(run.pid[i]);
	set(run.over, ALL_GO);
	stress_join(run.pid[SERVER]);
	account();
	all.calls += turns();
	all.kills += run.kills;
	for (uint32_t i = 0; i < WORKERS; i++) {
		all.late += get(&run.diaries[i].late);
		all.again += get(&run.diaries[i].again);
	}
	stress_line(seed, "%u slots of %u B: %llu calls, %llu kills", run.slots,
		    run.payload, llu(turns()), llu(run.kills));
	run.running = false;
	slip_region_close(&run.rg);
}

int main(int argc, char **argv)
{
	stress_begin(argc, argv, "ring/call.h between processes");
	stress_on_stuck(dump);
	run.diaries = stress_shared(sizeof(*run.diaries) * WORKERS);
	run.over = stress_shared(sizeof(*run.over));
	run.places = stress_shared(sizeof(*run.places) * WORKERS);
	while (stress_more())
		one_run(stress_next_seed());
	stress_row("call.all", "random-kills",
		   "calls=%llu kills=%llu stops=%llu late=%llu again=%llu",
		   llu(all.calls), llu(all.kills), llu(all.stops),
		   llu(all.late), llu(all.again));
	return stress_end("%llu calls, %llu kills, %llu stops, %llu late, "
			  "%llu delivered again",
			  llu(all.calls), llu(all.kills), llu(all.stops),
			  llu(all.late), llu(all.again));
}
