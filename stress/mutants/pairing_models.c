/* SPDX-License-Identifier: MIT */
/*
 * The smallest models that need an order: about one for each row of
 * atomics/ORDERING.md, so that a weakened site is noticed in milliseconds.
 * What the rings and peers shall do altogether is for stress/explore.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "ring/slipring.h"
#include "stress/explore/explore.h"

/* Five words, of which a ring of small elements takes three. */
struct item {
	uint64_t a, b, c, d, e;
};
#define SMALL_BYTES 24
#define RING_BYTES  1024

static _Alignas(64) unsigned char ring[RING_BYTES];
static struct slip_spsc_producer producer, successor;
static struct slip_spsc_consumer consumer;
static struct slip_record_producer record_producer, record_successor;
static struct slip_record_consumer record_consumer;
static uint64_t useful[X_THREADS + 1]; /* times that it came to the point */

static void once(void)
{
	memset(useful, 0, sizeof(useful));
}

static void finish(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= X_THREADS; i++)
		sum += useful[i];
	X_ASSERT(sum, "no execution came to the point");
}

static struct item item(uint64_t n)
{
	struct item i = { n, n, n, n, n };

	return i;
}

static bool push(struct slip_spsc_producer *p, uint64_t n)
{
	struct item i = item(n);

	return slip_spsc_push(p, &i);
}

/* The next one, which must be `n`; false if there is none. */
static bool pop(uint64_t n)
{
	struct item i;

	if (!slip_spsc_pop(&consumer, &i))
		return false;
	X_ASSERT(i.a == n && i.c == n, "element %d is %d", (int)n, (int)i.a);
	return true;
}

static void spsc_format(uint32_t elem_bytes, struct slip_peer *one,
			struct slip_peer *other)
{
	memset(ring, 0, sizeof(ring));
	X_ASSERT(!slip_spsc_init(ring, sizeof(ring), 2, elem_bytes,
				 SLIP_EVENT_FULL),
		 "init");
	X_ASSERT(!slip_spsc_attach_producer(&producer, ring, sizeof(ring), one),
		 "producer");
	X_ASSERT(!slip_spsc_attach_consumer(&consumer, ring, sizeof(ring),
					    other),
		 "consumer");
}

static void spsc_setup(void)
{
	spsc_format(SMALL_BYTES, NULL, NULL);
}

/* --- SPSC-R1, RECORD-R1: who sees the magic sees the geometry -------------- */

static void blank_setup(void)
{
	memset(ring, 0, sizeof(ring));
}

static void spsc_init(void)
{
	X_ASSERT(!slip_spsc_init(ring, sizeof(ring), 2, 8, SLIP_EVENT_FULL),
		 "init");
}

static void spsc_look(void)
{
	unsigned mode = 77;
	struct slip_spsc_shape s;
	void *mem = ring;
	int rc = slip_spsc_check_((struct slip_spsc_ring *)mem, sizeof(ring),
				  &s, &mode);

	useful[x_self()] += rc == 0;
	X_ASSERT(rc == 0 || (rc == -EBADMSG && mode == 77),
		 "magic without a header: %d", rc);
}

static void record_init(void)
{
	X_ASSERT(!slip_record_init(ring, sizeof(ring), 64, SLIP_EVENT_FULL),
		 "init");
}

static void record_look(void)
{
	unsigned mode = 77;
	struct slip_record_shape s;
	void *mem = ring;
	int rc = slip_record_check_((struct slip_record_ring *)mem,
				    sizeof(ring), &s, &mode);

	useful[x_self()] += rc == 0;
	X_ASSERT(rc == 0 || (rc == -EBADMSG && mode == 77),
		 "magic without a header: %d", rc);
}

/* --- SPSC-R2, SPSC-R3: elements, and the room they leave ------------------- */

static void spsc_push_four(void)
{
	uint64_t n = 1;

	for (int tries = 0; tries < 4; tries++)
		n += push(&producer, n);
}

static void spsc_pop_four(void)
{
	uint64_t n = 1;

	for (int tries = 0; tries < 4; tries++)
		n += pop(n);
	useful[x_self()] += n > 2;
}

/* A successor, of a producer that left the ring full, goes over the slots that
 * the consumer gives back meanwhile. */
static void spsc_full_setup(void)
{
	spsc_format(sizeof(struct item), NULL, NULL);
	X_ASSERT(push(&producer, 1) && push(&producer, 2), "push");
	slip_spsc_detach_producer(&producer);
}

static void spsc_succeed(void)
{
	if (slip_spsc_attach_producer(&successor, ring, sizeof(ring), NULL))
		return;
	for (uint64_t n = 3; n <= 6 && push(&successor, n); n++)
		useful[x_self()]++;
}

/* --- SPSC-A2 of a tool: damage, or overtaken? ------------------------------ */

static void spsc_moved_on_setup(void)
{
	spsc_setup();
	X_ASSERT(push(&producer, 1) && pop(1), "one");
}

static void spsc_lap(void)
{
	for (uint64_t n = 2; n <= 6; n++)
		X_ASSERT(push(&producer, n) && pop(n), "lap");
}

static void spsc_inspect(void)
{
	struct slip_spsc_info info;
	int rc = slip_spsc_inspect(ring, sizeof(ring), &info);

	useful[x_self()] += rc == -EAGAIN;
	X_ASSERT(rc == 0 || rc == -EAGAIN, "a sound ring is called %d", rc);
}

/* --- RECORD-R2, RECORD-R3 -------------------------------------------------- */

static void record_setup_of(uint64_t capacity)
{
	memset(ring, 0, sizeof(ring));
	X_ASSERT(!slip_record_init(ring, sizeof(ring), capacity,
				   SLIP_EVENT_FULL),
		 "init");
	X_ASSERT(!slip_record_attach_producer(&record_producer, ring,
					      sizeof(ring), NULL),
		 "producer");
	X_ASSERT(!slip_record_attach_consumer(&record_consumer, ring,
					      sizeof(ring), NULL),
		 "consumer");
}

static void record_setup(void)
{
	record_setup_of(64);
}

static bool record_push(struct slip_record_producer *p, uint64_t n)
{
	struct item i = item(n);

	return slip_record_push(p, &i, 16) == 0;
}

static bool record_pop(uint64_t n)
{
	struct item i;
	uint32_t len = 0;
	int rc = slip_record_pop(&record_consumer, &i, sizeof(i), &len);

	X_ASSERT(rc == 0 || rc == -EAGAIN, "pop says %d", rc);
	if (rc)
		return false;
	X_ASSERT(len == 16 && i.a == n && i.b == n, "record %d", (int)n);
	return true;
}

static void record_push_four(void)
{
	uint64_t n = 1;

	for (int tries = 0; tries < 4; tries++)
		n += record_push(&record_producer, n);
}

static void record_pop_four(void)
{
	uint64_t n = 1;

	for (int tries = 0; tries < 4; tries++)
		n += record_pop(n);
	useful[x_self()] += n > 2;
}

static void record_full_setup(void)
{
	record_setup();
	X_ASSERT(record_push(&record_producer, 1), "push");
	X_ASSERT(record_push(&record_producer, 2), "push");
	slip_record_detach_producer(&record_producer);
}

static void record_succeed(void)
{
	if (slip_record_attach_producer(&record_successor, ring, sizeof(ring),
					NULL))
		return;
	for (uint64_t n = 3; n <= 6 && record_push(&record_successor, n); n++)
		useful[x_self()]++;
}

/* --- RECORD-A2: a tool, while the ring goes round ----------------------------- */

static void put(uint32_t len)
{
	unsigned char body[64] = { 0 };

	X_ASSERT(!slip_record_push(&record_producer, body, len), "push");
}

static void get(void)
{
	unsigned char body[64];
	uint32_t len;

	X_ASSERT(!slip_record_pop(&record_consumer, body, sizeof(body), &len),
		 "pop");
}

/* Headers stand at 0, 56 and 64; the next one at 80. */
static void record_three_setup(void)
{
	record_setup_of(128);
	put(48);
	put(0);
	put(8);
}

/* Up to 192, by headers in the same places; then a chain of 16 bytes, a PAD to
 * the end, and 56 bytes. */
static void record_lap(void)
{
	unsigned char body[48] = { 0 };
	struct slip_record_span two[2];

	for (int i = 0; i < 3; i++)
		get();
	put(40);
	get();
	put(48);
	get();
	put(0);
	get();
	two[0].data = body;
	two[0].len = 8;
	two[1].data = body;
	two[1].len = 48;
	X_ASSERT(slip_record_push_n(&record_producer, two, 2) == 2, "push_n");
}

static void record_inspect(void)
{
	struct slip_record_info info;
	int rc = slip_record_inspect(ring, sizeof(ring), &info);

	useful[x_self()] += rc == -EAGAIN;
	X_ASSERT(rc == 0 || rc == -EAGAIN, "a sound ring is called %d", rc);
}

/* --- ROLE-R1: the end of file, and a successor ----------------------------- */

static void push_and_leave(void)
{
	(void)push(&producer, 1);
	slip_spsc_detach_producer(&producer);
}

static void hear_the_end(void)
{
	if (slip_spsc_producer_state(&consumer) != SLIP_ROLE_CLOSED)
		return;
	useful[x_self()]++;
	X_ASSERT(pop(1), "end of file before the last element");
}

static void succeed_and_push(void)
{
	if (slip_spsc_attach_producer(&successor, ring, sizeof(ring), NULL))
		return;
	useful[x_self()]++;
	X_ASSERT(push(&successor, 2), "room for the second");
}

static void both_are_there(void)
{
	X_ASSERT(pop(1), "the first is lost");
	(void)pop(2);
}

/* --- ROLE-R2, PEER-R1: a death, by records without an oracle --------------- */

static _Alignas(4096) char table[SLIP_REGION_PEERS_AT_ + 4096];
static uint32_t life;
static struct slip_region region;
static struct slip_peer dead, witness, heir;

static void region_setup(void)
{
	memset(table, 0, sizeof(table));
	memset(&region, 0, sizeof(region));
	life = 1;
	region.life = &life;
	region.mem = table;
	region.bytes = sizeof(table);
	region.peers_max = 4;
	slip_file_init_(&region.file);
}

static void member(struct slip_peer *self, uint32_t id)
{
	slip_peer_prepare(self, &region);
	X_ASSERT(slip_peer_claim_(&region, id, 0), "member");
	self->id = id;
	self->gen = 1;
}

static void death_setup(void)
{
	region_setup();
	member(&dead, 1);
	member(&witness, 2);
	member(&heir, 3);
	spsc_format(SMALL_BYTES, &dead, &witness);
}

/* Without an oracle a member is dead when its record is free. */
static void push_and_die(void)
{
	(void)push(&producer, 1);
	(void)slip_peer_free_(&region, 1, 1);
}

static void bear_witness(void)
{
	(void)slip_role_state_(consumer.side.theirs, &witness);
}

static void hear_of_the_death(void)
{
	if (slip_role_state_(consumer.side.theirs, NULL) != SLIP_ROLE_DEAD)
		return;
	useful[x_self()]++;
	X_ASSERT(pop(1), "dead before the last element");
}

static void hear_and_ask(void)
{
	if (slip_spsc_producer_state(&consumer) < SLIP_ROLE_CLOSED)
		return;
	useful[x_self()]++;
	X_ASSERT(pop(1), "gone before the last element");
}

/* Takes over from the dead, adds one, and leaves. */
static void inherit(void)
{
	if (slip_spsc_attach_producer(&successor, ring, sizeof(ring), &heir))
		return;
	useful[x_self()]++;
	(void)push(&successor, 2);
	slip_spsc_detach_producer(&successor);
}

static void all_was_heard(void)
{
	struct item i;

	if (slip_spsc_producer_state(&consumer) != SLIP_ROLE_CLOSED)
		return;
	X_ASSERT(slip_spsc_pop(&consumer, &i) && i.a == 1, "the first");
	useful[x_self()]++;
	X_ASSERT(slip_spsc_pop(&consumer, &i) && i.a == 2, "the heir's");
}

/* --- EVENT-H1..H3: store buffering ----------------------------------------- */

static struct slip_event event;
static slip_a32 news;

static void event_setup(void)
{
	memset(&event, 0, sizeof(event));
	memset(&news, 0, sizeof(news));
	useful[x_self()]++;
}

static void sleep_until_news(unsigned mode)
{
	uint32_t key;

	for (int turns = 0; turns < 3; turns++) {
		X_ASSERT(!slip_event_prepare(&event, mode, &key), "prepare");
		if (slip_a32_load_acquire(&news))
			return;
		X_ASSERT(!slip_event_sleep(&event, key, SLIP_FOREVER), "sleep");
	}
	X_ASSERT(false, "woken for nothing");
}

static void tell_full(void)
{
	slip_a32_store_release(&news, 1);
	slip_event_notify(&event, SLIP_EVENT_FULL);
}

static void sleep_full(void)
{
	sleep_until_news(SLIP_EVENT_FULL);
}

static void tell_asym(void)
{
	slip_a32_store_release(&news, 1);
	slip_event_notify(&event, SLIP_EVENT_ASYM);
}

static void sleep_asym(void)
{
	sleep_until_news(SLIP_EVENT_ASYM);
}

static void tell_rmw(void)
{
	(void)slip_a32_fetch_add_seqcst(&news, 1);
	slip_event_notify(&event, SLIP_EVENT_RMW);
}

static void sleep_rmw(void)
{
	sleep_until_news(SLIP_EVENT_RMW);
}

static void tell_one_full(void)
{
	slip_a32_store_release(&news, 1);
	slip_event_notify_one(&event, SLIP_EVENT_FULL);
}

/* --- looks after the announcement ------------------------------------------ */

static void awake_setup(void)
{
	spsc_setup();
	consumer.side.spin.skip = 1000; /* no spinning */
	useful[x_self()]++;
}

static void push_one(void)
{
	X_ASSERT(push(&producer, 1), "push");
}

static void wait_for_data(void)
{
	X_ASSERT(!slip_spsc_wait_data_until(&consumer, SLIP_FOREVER), "wait");
}

static void alone_setup(void)
{
	awake_setup();
	slip_spsc_detach_producer(&producer);
}

static void come(void)
{
	X_ASSERT(!slip_spsc_attach_producer(&successor, ring, sizeof(ring),
					    NULL),
		 "attach");
}

static void wait_for_a_producer(void)
{
	X_ASSERT(!slip_spsc_wait_producer_until(&consumer, SLIP_FOREVER),
		 "wait");
}

/* --- PEER-R1: what is cleaned before an id is given out again -------------- */

static slip_a32 claim; /* in some object, of the dead member's */
static slip_a32 lock;  /* what the kernel knows of a member byte */

static void clean_setup(void)
{
	region_setup();
	member(&dead, 1);
	memset(&claim, 0, sizeof(claim));
	slip_a32_store_relaxed(&claim, 1);
}

static void clean_and_free(void)
{
	slip_a32_store_relaxed(&claim, 0);
	(void)slip_peer_free_(&region, 1, 1);
}

static void join_the_freed(void)
{
	if (!slip_peer_claim_(&region, 1, 1))
		return;
	useful[x_self()]++;
	X_ASSERT(!slip_a32_load_relaxed(&claim), "the claim of a predecessor");
}

static void ask_about_the_freed(void)
{
	if (slip_peer_member_alive(&region, 1, 1))
		return;
	useful[x_self()]++;
	X_ASSERT(!slip_a32_load_relaxed(&claim), "the last words of the dead");
}

/* --- PEER-R2: who is live has its lock ------------------------------------- */

static void lock_setup(void)
{
	region_setup();
	region.file.fd = 100; /* so that the oracle is asked */
	memset(&lock, 0, sizeof(lock));
}

/* The lock as a relaxed word: the kernel promises more. */
static bool lock_sys(long nr, const long args[6], long *result)
{
	*result = 0;
	if (nr == SYS_fcntl) {
		struct slip_file_flock_ *l = (void *)args[2];

		if (!slip_a32_load_relaxed(&lock))
			l->type = SLIP_LOCK_NONE_;
	}
	return nr == SYS_fcntl || nr == SYS_statx;
}

static void lock_and_join(void)
{
	slip_a32_store_relaxed(&lock, 1);
	X_ASSERT(slip_peer_claim_(&region, 1, 0), "join");
}

static void ask_alive(void)
{
	/* hint: asked again by slip_peer_alive */
	uint64_t word =
		slip_a64_load_relaxed(&slip_peer_record_(&region, 1)->word);
	int alive = slip_peer_alive(&region, 1);

	if (slip_peer_state_(word) != SLIP_PEER_LIVE_)
		return;
	useful[x_self()]++;
	X_ASSERT(alive == 1, "one just born is taken for dead: %d", alive);
}

static void ask_dead(void)
{
	int is = slip_peer_dead_(&region, 1, 1);

	useful[x_self()] += !is;
	X_ASSERT(is == 0, "one just born is taken for dead");
}

/* --- REGION-R1: who sees READY sees the header ----------------------------- */

static struct slip_region there;
static _Alignas(4096) char page[4096];

/* The page of a handle's life is ours: a real system call would be a fence. */
static bool page_sys(long nr, const long args[6], long *result)
{
	(void)args;
	*result = nr == SYS_mmap ? (long)page : 0;
	return x_self() < X_THREADS &&
	       (nr == SYS_mmap || nr == SYS_madvise || nr == SYS_munmap);
}

static void publish_setup(void)
{
	memset(table, 0, sizeof(table));
	X_ASSERT(!slip_region_format(&region, table, sizeof(table), -1,
				     SLIP_REGION_PEERS(1)),
		 "format");
}

static void publish(void)
{
	X_ASSERT(!slip_region_publish(&region, NULL, 0), "publish");
}

static void attach_if_ready(void)
{
	int rc;

	/* hint: attach looks again */
	if (slip_a32_load_relaxed(&slip_region_header_(&region)->state) !=
	    SLIP_REGION_STATE_READY_)
		return;
	useful[x_self()]++;
	rc = slip_region_attach(&there, table, sizeof(table), -1, 0);
	X_ASSERT(rc == 0, "READY, but %d", rc);
	slip_region_close(&there);
}

static void close_region(void)
{
	slip_region_close(&region);
}

/* --- REGION-R2: who sees it being built sees what it is -------------------- */

/* A kernel that does nothing: real system calls would be fences. */
static bool idle_sys(long nr, const long args[6], long *result)
{
	if (page_sys(nr, args, result))
		return true;
	*result = nr == SYS_getrandom ? args[1] : 0;
	return x_self() < X_THREADS;
}

static void unwritten_setup(void)
{
	region_setup();
	region.page_bytes = 4096;
	region.header_bytes = sizeof(table);
}

static void build(void)
{
	X_ASSERT(!slip_region_write_(&region), "write");
}

static void attach_if_built(void)
{
	int rc;

	/* hint: attach looks again */
	if (!slip_a32_load_relaxed(&slip_region_header_(&region)->state))
		return;
	useful[x_self()]++;
	rc = slip_region_attach(&there, table, sizeof(table), -1, 0);
	X_ASSERT(rc == -EAGAIN, "being built, but %d", rc);
	slip_region_close(&there);
}

/* --- BRIDGE-R2: what the thread found, and its looks ----------------------- */

static struct slip_bridge bridge;
static uint64_t looks; /* plain: of whoever has the handles */

static int look_for_news(const struct slip_source *source, bool ask)
{
	(void)source;
	(void)ask;
	looks++;
	return (int)slip_a32_load_relaxed(&news);
}

/* A kernel that does nothing: take is to be right without what was written. */
static bool bridge_sys(long nr, const long args[6], long *result)
{
	(void)args;
	*result = nr == SYS_eventfd2 ? 100 : 8;
	return true;
}

static void armed_setup(void)
{
	struct slip_source source;

	memset(&event, 0, sizeof(event));
	memset(&news, 0, sizeof(news));
	looks = 0;
	slip_event_source(&source, &event, SLIP_EVENT_FULL, SLIP_FOREVER,
			  look_for_news, NULL);
	X_ASSERT(!slip_bridge_open(&bridge, &source, 1), "open");
	X_ASSERT(!slip_bridge_arm(&bridge), "arm");
	slip_a32_store_relaxed(&news, 1);
}

static void find_news(void)
{
	slip_bridge_serve_(&bridge);
}

static void take_news(void)
{
	int rc = slip_bridge_take(&bridge);

	if (!rc)
		return;
	useful[x_self()]++;
	X_ASSERT(rc == 1 && looks == 2, "take says %d after %d looks", rc,
		 (int)looks);
}

#define MODEL(NAME, OPERATION, SETUP, ...)                                  \
	.name = NAME, .operation = OPERATION, .once = once, .setup = SETUP, \
	.threads = { __VA_ARGS__ }, .finish = finish

static const struct x_model models[] = {
	{ MODEL("spsc-r1", "spsc.attach", blank_setup, spsc_init, spsc_look) },
	{ MODEL("spsc-r2-r3", "spsc.push+pop", spsc_setup, spsc_push_four,
		spsc_pop_four) },
	{ MODEL("spsc-a3-attach", "spsc.attach", spsc_full_setup, spsc_succeed,
		spsc_pop_four) },
	{ MODEL("spsc-a2-tool", "spsc.inspect", spsc_moved_on_setup, spsc_lap,
		spsc_inspect) },
	{ MODEL("record-r1", "record.attach", blank_setup, record_init,
		record_look) },
	{ MODEL("record-r2-r3", "record.push+pop", record_setup,
		record_push_four, record_pop_four) },
	{ MODEL("record-a2-tool", "record.inspect", record_three_setup,
		record_lap, record_inspect) },
	{ MODEL("record-a3-attach", "record.attach", record_full_setup,
		record_succeed, record_pop_four) },
	{ MODEL("role-r1-state", "role.state", spsc_setup, push_and_leave,
		hear_the_end) },
	{ MODEL("role-r1-take", "role.takeover", spsc_setup, push_and_leave,
		succeed_and_push),
	  .final = both_are_there },
	{ MODEL("role-r2-state", "role.state", death_setup, push_and_die,
		bear_witness, hear_of_the_death) },
	{ MODEL("role-r2-take", "role.takeover", death_setup, push_and_die,
		bear_witness, inherit) },
	{ MODEL("role-a2-again", "role.state", death_setup, push_and_die,
		inherit, all_was_heard) },
	{ MODEL("role-alive", "role.state", death_setup, push_and_die,
		hear_and_ask) },
	{ MODEL("event-h1", "event.notify+sleep", event_setup, tell_full,
		sleep_full) },
	{ MODEL("event-h2", "event.notify+sleep", event_setup, tell_asym,
		sleep_asym) },
	{ MODEL("event-h3", "event.notify+sleep", event_setup, tell_rmw,
		sleep_rmw) },
	{ MODEL("event-one", "event.notify_one", event_setup, tell_one_full,
		sleep_full) },
	{ MODEL("wait-data", "spsc.wait", awake_setup, push_one,
		wait_for_data) },
	{ MODEL("wait-peer", "spsc.wait", alone_setup, come,
		wait_for_a_producer) },
	{ MODEL("bridge-r2", "bridge.arm+take", armed_setup, find_news,
		take_news),
	  .sys = bridge_sys },
	{ MODEL("peer-r1-claim", "peer.join", clean_setup, clean_and_free,
		join_the_freed) },
	{ MODEL("peer-r1-alive", "peer.alive", clean_setup, clean_and_free,
		ask_about_the_freed) },
	{ MODEL("peer-r2-alive", "peer.alive", lock_setup, lock_and_join,
		ask_alive),
	  .sys = lock_sys },
	{ MODEL("peer-r2-dead", "peer.recover", lock_setup, lock_and_join,
		ask_dead),
	  .sys = lock_sys },
	{ MODEL("region-r1", "region.publish+attach", publish_setup, publish,
		attach_if_ready),
	  .final = close_region, .sys = page_sys },
	{ MODEL("region-r2", "region.publish+attach", unwritten_setup, build,
		attach_if_built),
	  .sys = idle_sys },
};

int main(int argc, char **argv)
{
	return x_main(argc, argv, models, sizeof(models) / sizeof(models[0]));
}
